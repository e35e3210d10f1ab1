"""The user's whole answer as one action: q, chosen once per task, for learners of q itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from routing_game.box import inside, to_chance
from routing_game.envs import rules, sampler
from routing_game.envs.arguments import batch_game, single_game
from routing_game.envs.batch import Engine, refuse_mask
from routing_game.envs.commitments import Commitments
from routing_game.envs.judge import regret_in
from routing_game.envs.render import RENDER_METADATA, Scene, check_mode, place_of, render
from routing_game.envs.settings import setting
from routing_game.envs.steps import Array, BatchStep, Begun, Options, Step
from routing_game.envs.streams import Ahead, Streams
from routing_game.envs.user import told
from routing_game.theory.catalog import GameLike
from routing_game.theory.game import Game, Task


class AnswerEnv(Ahead, gym.Env[Array, Any]):
    """## Description

    The paper's user as it is defined, where `UserEnv` asks it after each failed pass. It sees the
    provider's commitment (i, s) and answers with q, its chance of leaving after each failed pass.
    One step is one task, played to its end, however long.

    ## Action Space

    `Box(-1, 1, (1,), float32)`, a point a: q = (a + 1) / 2.

    ## Observation Space

    `Box([1, 0], [2, 1], (2,), float64)`: (i, s), exactly.

    ## Starting State

    Any commitment, i uniform on {1, 2} and s on [0, 1].

    ## Rewards

    The user's utility U of the task: V if it was solved, minus the time of its passes.

    ## Episode End

    Each step ends the episode (`terminated`).

    ## Information

    `reset` tells nothing. `step` tells

    - `regret`: U*(i, s) - U(i, s, q) for the q answered; exact, and never negative
    - `abandon`: that q
    - `S`, `L`, `C`, `U`, `J` and `task`: the task as it happened, as `UserEnv` tells it

    ## Arguments

    - `game`: a `Game`, the id of one in the catalog, or a mapping with the fields of a Game.
      Default "t4-cascade".
    - `render_mode`: None (default), "ansi" or "rgb_array": the Markov chain under the commitment
      and the answer, and what the last task brought.

    Tasks are those of environment 0 of `AnswerVectorEnv`. Bad arguments and actions raise
    ValueError.

    ## References

    R. Mahmood, "Routing, Cascades, and User Choice for LLMs", ICLR 2026, section 3.

    ## Version History

    - v0: first version
    """

    metadata = RENDER_METADATA

    game: Game = setting("game")

    def __init__(self, game: GameLike = "t4-cascade", render_mode: str | None = None) -> None:
        self.game = single_game(game)
        self.render_mode = check_mode(render_mode)
        self._tasks = AnswerVectorEnv(1, self.game)
        self.observation_space = self._tasks.single_observation_space
        self.action_space = self._tasks.single_action_space
        self._regret_of = regret_in(self.game)
        self._running = False
        self._next: Array | None = None
        self._scene: Scene | None = None

    def reset(self, *, seed: int | None = None, options: Options | None = None) -> Begun:
        """Offer a commitment."""
        super().reset(seed=seed)
        # the step that ended the last task has offered the next commitment
        offered = self._next if seed is None else None
        self._seen = self._tasks.reset(seed=seed)[0][0] if offered is None else offered
        self._next, self._running = None, True
        route, cascade = self._seen.tolist()
        self._scene = Scene(self.game, "", cascade=cascade, title=f"route {int(route)}   ")
        return self._seen.copy(), {}

    def forget(self) -> None:
        """Drop the commitment that is offered next, and the numbers that are made already."""
        self._next, self._tasks.np_random = None, self.np_random

    def step(self, action: Any) -> Step:
        """Answer it, and play the task to its end."""
        if not self._running:
            raise gym.error.ResetNeeded(
                "the task has ended or not begun: call reset() before step()"
            )
        if np.shape(action) != self.action_space.shape:
            raise ValueError(f"an answer lies in {self.action_space}, got {action!r}")
        q = float(to_chance(inside(action))[0])
        offers, rewards, *_ = self._tasks.step(np.array([action]))
        self._running, self._next = False, offers[0]
        n1, n2, solved = (int(x[0]) for x in self._tasks.played)
        bill = rules.settle(self.game, (n1, n2), bool(solved))
        happened = told((n1, n2), bool(solved), bill, False)
        route, cascade = self._seen.tolist()
        task = happened["task"]
        self._scene = self._scene_of(task, cascade, q)._replace(title=f"route {int(route)}   ")
        judged = {"regret": self._regret_of(int(route), cascade, q), "abandon": q}
        return self._seen.copy(), float(rewards[0]), True, False, judged | happened

    def _scene_of(self, task: Task, cascade: float, q: float) -> Scene:
        passes = task.standard, task.reasoning
        return Scene(self.game, place_of(task), passes, task.cost, task.utility, cascade, (q, q))

    def render(self) -> Any:
        """The Markov chain under the commitment and the answer, and the last utility."""
        if self._scene is None:
            raise gym.error.ResetNeeded("no task has begun: call reset() before render()")
        return render(self._scene, self.render_mode)


class AnswerVectorEnv(Ahead, Engine):
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
    played: sampler.Outcome
    """Of the last step: passes of M1, passes of M2, solved; arrays."""

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
        refuse_mask(options)
        super().reset(seed=seed)
        if seed is not None or self._streams is None:
            draws = sampler.DRAWS + self._commitments.draws
            self._streams = Streams(self.np_random, self.num_envs, draws)
        self._everywhere = np.ones(self.num_envs, dtype=bool)
        self._offer(self._streams.row())
        return self._seen.copy(), {}

    def forget(self) -> None:
        """Drop the numbers that are made already."""
        self._streams = None

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
        self.played = *passes, solved = sampler.outcome(law, ready)
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
