"""The user's whole answer as one action: q, chosen once per task, for learners of q itself."""

from __future__ import annotations

from collections.abc import Sequence

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from routing_game.box import inside, to_chance
from routing_game.envs import rules, sampler
from routing_game.envs.arguments import batch_game
from routing_game.envs.batch import Engine
from routing_game.envs.commitments import Commitments
from routing_game.envs.settings import setting
from routing_game.envs.steps import Array, BatchStep, Begun, Options
from routing_game.envs.streams import Streams
from routing_game.theory.catalog import GameLike
from routing_game.theory.game import Game


class AnswerVectorEnv(Engine):
    """Many tasks, one step each: the user sees (i, s), answers with q, and is told its utility.

    The paper's user as it is defined, where `UserVectorEnv` asks it after each failed pass.
    Observations are (i, s), commitments uniform; actions, shape (num_envs, 1), are points a of the
    box [-1, 1], and q = (a + 1) / 2. A task is played to its end, however long.

    Args:
        num_envs: how many tasks at once.
        game: a game, the id of one in the catalog, the fields of one, or an array or list of
            games, one for each.
    """

    game: Game = setting("game")

    def __init__(
        self, num_envs: int = 1, game: GameLike | Sequence[GameLike] = "t4-cascade"
    ) -> None:
        least, most = np.array([1.0, 0.0]), np.array([2.0, 1.0])
        seen = spaces.Box(least, most, dtype=np.float64)
        answers = spaces.Box(-1.0, 1.0, (1,), np.float32)
        super().__init__(num_envs, seen, answers, "SameStep")
        self.game = batch_game(game, self.num_envs)
        self._commitments = Commitments(None)
        self._streams: Streams | None = None

    def reset(self, *, seed: int | None = None, options: Options | None = None) -> Begun:
        """Offer a commitment everywhere."""
        super().reset(seed=seed)
        if seed is not None or self._streams is None:
            draws = sampler.DRAWS + self._commitments.draws
            self._streams = Streams(self.np_random, self.num_envs, draws)
        self._everywhere = np.ones(self.num_envs, dtype=bool)
        self._offer(self._streams.row())
        return self._seen.copy(), {}

    def step(self, actions: Array) -> BatchStep:
        """Play each task to its end under the q chosen, and offer the next commitment."""
        if self._streams is None:
            raise gym.error.ResetNeeded("no task has begun: call reset() before step()")
        (points,) = inside(self.checked(actions)).T
        abandon = to_chance(points)
        row, seen = self._streams.row(), self._seen
        route, cascade = seen.T
        law = sampler.law(self.game, route, cascade, abandon)
        ready = sampler.logs(row[: sampler.DRAWS])
        *passes, solved = sampler.outcome(law, ready)
        utility = rules.settle(self.game, passes, solved).utility
        self._offer(row)
        never = np.zeros(self.num_envs, dtype=bool)
        return (
            self._seen.copy(),
            np.asarray(utility),
            self._everywhere.copy(),
            never,
            {"final_obs": seen},
        )

    def _offer(self, row: Array) -> None:
        uniform = row[sampler.DRAWS :]
        self._seen = np.stack(self._commitments.many(uniform, self._everywhere), axis=-1)
