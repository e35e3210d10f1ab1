"""Exact regret while stable-baselines3 trains: in its log, so in TensorBoard, CSV, or print."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback

from routing_game.agents.protocol import Provider
from routing_game.agents.saved import Cascades, agent_of, of_env
from routing_game.theory import Game, GameLike, load, provider_regret, solve, user_regret
from routing_game.theory.chain_solve import stopping_regret
from routing_game.theory.exchange import to_dict
from routing_game.theory.glimpses import counted, noisy, unseen
from routing_game.theory.numbers import require

ASKED = (np.repeat([1, 2], [101, 1]), np.append(np.linspace(0.0, 1.0, 101), 0.0))
"""(route, cascade) of the commitments that a user is asked about: as everywhere in `check`."""


class RegretCallback(BaseCallback):
    """Log how far the current policy is from the best, by closed forms: no evaluation runs.

    Of a provider, whatever the encoding of its actions:

    - `game/regret`: J(i, s, q*) - J* of its commitment, as a share of |J*| (as it is where J* = 0)
    - `game/route`, `game/cascade`: the commitment (i, s)

    Of a user, who stays or leaves or answers with q:

    - `game/regret`: what its policy loses against the best that sees no more, as a share of V

    which is, by what it `observes`:

    - ``strategy``: U*(i, s) - U(i, s, q), averaged over 101 values of s on route 1 and route 2
    - ``model``: the same, against optimal stopping
    - ``samples:n``, ``noisy:sd``, ``route``, ``none``: E[U] of the best q for what it sees, less
      E[U] of its own, averaged over what it may see of even commitments, see `theory.glimpses`

    Nothing of the training changes: the policy is asked for its best action, and draws nothing.

    Args:
        game: the game that is trained on, as for the environments.
        every: steps between two entries; the first is made before training.
        cascades: as for `save_policy`, where the environment does not say.
        observes: as for `save_policy`, where the environment does not say.
        verbose: as for all callbacks.

    Raises:
        ValueError: as training starts: there is no exact regret of such a model. It is neither a
            provider nor a user, or remembers; it plays another game, or one with more rules; or it
            sees no s, and its commitments come from a provider, so that what is best is another's
            answer.
    """

    def __init__(
        self,
        game: GameLike,
        every: int = 1000,
        cascades: Cascades | None = None,
        verbose: int = 0,
        observes: str | None = None,
    ) -> None:
        super().__init__(verbose)
        require(every >= 1, "every", every, "be at least 1")
        self.game, self.every, self.cascades = load(game), every, cascades
        self.observes = observes
        require(not self.game.shape, "game", self.game.shape, "be a single game")
        self._judges: dict[str, Judge] = {}

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
        try:
            agent: Any = agent_of(self.model, cascades=self.cascades, observes=self.observes)
        except ValueError as wrong:
            raise ValueError(f"there is no exact regret of this model: {wrong}") from None
        check_world(self.model, self.game)
        if isinstance(agent, Provider):
            route, s = agent.recommend()
            scale = abs(float(solve(self.game).cost)) or 1.0
            regret = float(provider_regret(self.game, route, s)) / scale
            return {"regret": regret, "route": int(route), "cascade": float(s)}
        if agent.observes not in self._judges:
            check_commitments(self.model, agent.observes)
            self._judges[agent.observes] = judge_of(self.game, agent.observes)
        return {"regret": self._judges[agent.observes](agent) / float(self.game.value)}


Judge = Callable[[Any], float]
"""A user -> what its policy loses, in units of value."""


def judge_of(game: Game, observes: str) -> Judge:
    """How to find what a user loses who sees what this setting shows; see `RegretCallback`."""
    kind, _, number = observes.partition(":")
    if kind == "strategy":
        return lambda user: float(np.mean(user_regret(game, *ASKED, user.abandon(*ASKED))))
    if kind == "model":
        return lambda user: float(np.mean(stopping_regret(game, *ASKED, *_after_each(user))))
    if kind == "none":
        glimpses = unseen(game)
    elif kind == "noisy":
        glimpses = noisy(game, float(number))
    else:
        glimpses = counted(game, int(float(number or 0)))
    return lambda user: glimpses.regret(user.abandon(glimpses.route, glimpses.seen))


def _after_each(user: Any) -> tuple[Any, Any]:
    """The answers to `ASKED` after a failed pass of M1, and of M2."""
    return user.abandon_after(*ASKED, 1), user.abandon_after(*ASKED, 2)


def check_world(model: BaseAlgorithm, game: Game) -> None:
    """Raise ValueError if the model's environment is known to play another game than this."""
    if of_env(model, "decline"):
        raise ValueError("there is no exact regret of a provider whose user may decline a task")
    plays = None if of_env(model, "sees") is not None else of_env(model, "game")  # worlds redraw it
    if isinstance(plays, Game) and not plays.shape and _numbers(plays) != _numbers(game):
        numbers = "; ".join(f"{name} {x}" for name, x in _numbers(plays).items())
        raise ValueError(f"expected the game of the model's environment ({numbers}), got another")


def _numbers(game: Game) -> dict[str, Any]:
    fields = to_dict(game)
    return {name: x for name, x in fields.items() if name != "ordered"}


def check_commitments(model: BaseAlgorithm, observes: str) -> None:
    """Raise ValueError if what is best for a user depends on a provider of its environment."""
    if observes in ("strategy", "model"):
        return
    if of_env(model, "even") is False:
        raise ValueError(
            f'there is no exact regret of a user with observes="{observes}" against a provider of '
            "its own: what is best depends on what that commits to; train it with provider=None"
        )
