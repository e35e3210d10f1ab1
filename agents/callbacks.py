"""Exact regret while stable-baselines3 trains: in its log, so in TensorBoard, CSV, or print."""

from __future__ import annotations

from typing import Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

from routing_game.agents.protocol import Provider
from routing_game.agents.saved import Cascades, agent_of
from routing_game.theory import GameLike, load, provider_regret, solve, user_regret
from routing_game.theory.numbers import require

ASKED = (np.repeat([1, 2], [101, 1]), np.append(np.linspace(0.0, 1.0, 101), 0.0))
"""(route, cascade) of the commitments that a user is asked about: as everywhere in `check`."""


class RegretCallback(BaseCallback):
    """Log how far the current policy is from the equilibrium, by closed forms: no evaluation runs.

    Of a provider `game/regret` is J(i, s, q*) - J* as a share of |J*| (as it is where J* = 0), and
    `game/route` and `game/cascade` are its commitment. Of a user who sees (i, s) `game/regret` is
    U* - U as a share of V, averaged over 101 values of s on route 1 and over route 2.

    Nothing of the training changes: the policy is asked for its best action, and draws nothing.

    Args:
        game: the game that is trained on, as for the environments.
        every: steps between two entries; the first is made before training.
        cascades: as for `save_policy`, where the environment does not say.
        verbose: as for all callbacks.

    Raises:
        ValueError: as training starts: the model is neither a provider nor a user who sees (i, s).
    """

    def __init__(
        self,
        game: GameLike,
        every: int = 1000,
        cascades: Cascades | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(verbose)
        require(every >= 1, "every", every, "be at least 1")
        self.game, self.every, self.cascades = load(game), every, cascades
        require(not self.game.shape, "game", self.game.shape, "be a single game")

    def _on_training_start(self) -> None:
        self._write()

    def _on_step(self) -> bool:
        if self.num_timesteps >= self._next:
            self._write()
        return True

    def _on_training_end(self) -> None:
        if self.num_timesteps > self._last:
            self._write()

    def _write(self) -> None:
        """An entry of its own for this step."""
        self._last = self.num_timesteps
        self._next = self._last + self.every
        for name, number in self.facts().items():
            self.logger.record(f"game/{name}", number)
        self.logger.record("time/total_timesteps", self._last, exclude="tensorboard")
        self.logger.dump(self._last)

    def facts(self) -> dict[str, float]:
        """What an entry says of the model as it is now."""
        agent: Any = agent_of(self.model, cascades=self.cascades)
        if isinstance(agent, Provider):
            route, s = agent.recommend()
            scale = abs(float(solve(self.game).cost)) or 1.0
            regret = float(provider_regret(self.game, route, s)) / scale
            return {"regret": regret, "route": int(route), "cascade": float(s)}
        if agent.observes != "strategy":
            problem = f'expected a user with observes="strategy", got "{agent.observes}"'
            raise ValueError(f"{problem}: what is best for it is another's answer")
        lost = user_regret(self.game, *ASKED, agent.abandon(*ASKED))
        return {"regret": float(np.mean(lost)) / float(self.game.value)}
