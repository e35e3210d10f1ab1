"""Sessions with a hidden cascade, side by side in arrays, for learners: one engine for each player.

The rules are those of `SessionEnv`, pass by pass. In `ProviderSessions` the provider learns against
users who hold a belief and follow a rule, such as those of `routing_game.theory.belief_rules`; in
`UserSessions` the user learns against providers each of which plays one s that it does not know.
Both are `gymnasium.vector` engines, so that `envs.sb3.SB3VecEnv` hands them to Stable-Baselines3;
all randomness comes from the seed of `reset`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from routing_game.envs import rules
from routing_game.envs.arguments import (
    MOST,
    checked_chance,
    checked_real,
    single_game,
    whole_number,
)
from routing_game.envs.batch import Engine, refuse_mask
from routing_game.envs.crowd import UserRule
from routing_game.envs.judge import after_reasoning
from routing_game.envs.settings import setting
from routing_game.envs.steps import Array, BatchStep, Begun, Info, Options
from routing_game.players import checked_player
from routing_game.theory.belief import Belief, check_checks, checked_chances
from routing_game.theory.engines import LEAST_ENVS, EngineName, takes_compiled
from routing_game.theory.game import Game

Mask = NDArray[np.bool_]


class _Sessions(Engine):
    """Many sessions of one game; those that end begin anew in the same step."""

    game: Game = setting("game")
    prior: Belief = setting("prior")

    def __init__(
        self,
        game: Game | str,
        num_envs: int,
        prior: Sequence[float],
        high: Sequence[float],
        low: Sequence[float],
    ) -> None:
        low_edge, high_edge = np.array([low, high], dtype=np.float32)
        box = spaces.Box(low_edge, high_edge)
        super().__init__(num_envs, box, spaces.Discrete(2), AutoresetMode.SAME_STEP)
        self.game, self.prior = single_game(game), Belief.checked(prior)
        self._running = False

    def reset(self, *, seed: int | None = None, options: Options | None = None) -> Begun:
        """Begin a session everywhere."""
        refuse_mask(options)
        super().reset(seed=seed)
        self._allocate()
        self._begin(np.ones(self.num_envs, dtype=bool))
        self._running = True
        return self._observe(), {}

    def step(self, actions: Array) -> BatchStep:
        """Carry out one decision in each session, and all that follows up to the next one."""
        if not self._running:
            raise gym.error.ResetNeeded("no session has begun: call reset() before step()")
        actions = self.checked(actions)
        # all bits of all actions in one number: several times as fast as comparing each
        if actions.dtype.kind not in "iu" or np.bitwise_or.reduce(actions) not in (0, 1):
            raise ValueError(f"actions are 0 or 1, got {np.unique(actions)}")
        reward, over = self._play(actions == 1)
        info: Info = {}
        if over.any():
            info = {"final_obs": self._observe(), "_final_obs": over.copy()}
            self._begin(over)
        return self._observe(), reward, over, np.zeros(self.num_envs, dtype=bool), info

    def _allocate(self) -> None:
        self.a, self.b = np.zeros((2, self.num_envs))
        self.played = np.zeros(self.num_envs, dtype=np.int64)

    def _begin(self, where: Mask) -> None:
        """New sessions ``where``."""
        self.a[where], self.b[where] = self.prior
        self.played[where] = 0

    def _see(self, where: Mask, escalated: Mask) -> None:
        """The users ``where`` see what follows a failed pass of M1."""
        self.a += where & escalated
        self.b += where & ~escalated

    def _reason(self, where: Mask, q: Any) -> tuple[Array, Mask]:
        """All passes of M2 ``where``: (how many, solved), if the user leaves with chance q."""
        passes, solved = rules.run_reasoning(self.game, q, self.num_envs, self.np_random)
        return where * passes, where & solved

    def _play(self, ones: Mask) -> tuple[Array, Mask]:
        """The reward of each session under action 1 (True) or 0, and whether it is over."""
        raise NotImplementedError

    def _observe(self) -> Array:
        raise NotImplementedError


class ProviderSessions(_Sessions):
    """The provider's side: which model starts a task, and which follows a failed pass of M1.

    Action 0 runs one pass of M1, 1 all further passes by M2. Reward: the ``fee`` when a task ends,
    less the money for passes, and less P if the task was abandoned.

    After each task the session goes on with chance ``going_on``. That is the discount g of the
    theory, which falls due task by task, while a learner's gamma would fall due step by step and
    make a pass more cost less; so leave gamma at 1. As going on does not depend on what the
    provider does, a fee moves no optimum: one near the cost of a task keeps the value of going on
    near 0, and the noise of ends with it.

    Args:
        game: a game, or the id of one in the catalog.
        user: the users' rule.
        num_envs: how many sessions.
        prior: every user's Beta counts before its first task.
        going_on: g in [0, 1].
        tasks: most tasks of a session; None for no bound, which needs g < 1.
        observes: "belief": (failed, a, b), whether a pass of M1 has just failed, and the user's
            counts; "task": (failed, passes), the passes made in this task.
        fee: what a user pays for a task.
    """

    tasks: int = setting("tasks")
    user: UserRule = setting("user")
    going_on: float = setting("going_on")
    observes: str = setting("observes")

    def __init__(
        self,
        game: Game | str,
        user: UserRule,
        num_envs: int,
        prior: Sequence[float] = (1.0, 1.0),
        going_on: float = 0.99,
        tasks: int | None = None,
        observes: str = "belief",
        fee: float = 0.0,
    ) -> None:
        if observes not in ("belief", "task"):
            raise ValueError(f'observes must be "belief" or "task", got {observes!r}')
        check_checks(checked_player("user", user, "leaving").checks)
        going_on, fee = checked_chance("going_on", going_on), checked_real("fee", fee)
        if tasks is None and going_on == 1:
            raise ValueError(
                "going_on must be less than 1, or tasks a number: a session has to end"
            )
        self.tasks = MOST if tasks is None else whole_number("tasks", tasks, least=1)
        counts = 2 if observes == "belief" else 1
        high, low = [1.0] + [np.inf] * counts, [0.0] * (1 + counts)
        super().__init__(game, num_envs, prior, high, low)
        self.user, self.going_on, self.observes, self.fee = user, going_on, observes, fee

    def _allocate(self) -> None:
        super()._allocate()
        self.passes = np.zeros(self.num_envs, dtype=np.int64)  # of M1, in this task
        self.whole = np.zeros(self.num_envs)  # q of this task, for users who check once

    def _begin(self, where: Mask) -> None:
        super()._begin(where)
        self._begin_task(where)

    def _begin_task(self, where: Mask) -> None:
        self.passes[where] = 0
        if self.user.checks == "task":
            self.whole[where] = self._leaving(where)

    def _leaving(self, where: Mask) -> Any:
        belief = Belief(self.a[where], self.b[where])
        q = self.user.leaving(belief, self.played[where] + 1, self.np_random)
        return checked_chances("a user's chance of leaving", q, belief.mean.shape)

    def _play(self, ones: Mask) -> tuple[Array, Mask]:
        game, failed_before = self.game, self.passes > 0
        self._see(failed_before, ones)
        q = after_reasoning(game)
        if self.user.checks == "task":  # who escalates in mid-task has chosen q before
            q = np.where(failed_before, self.whole, q)
        passes, solved = self._reason(ones, q)
        failed = ~ones & (self.np_random.random(self.num_envs) >= game.success[0])
        left = ones & ~solved
        left[failed] = self._leave(failed)
        self.passes += ~ones
        ends = ones | ~failed | left
        c1, c2 = game.cost
        reward = self.fee * ends - c1 * ~ones - c2 * passes - game.penalty * left
        self.played += ends
        stops = self.np_random.random(self.num_envs) >= self.going_on
        over = ends & (stops | (self.played >= self.tasks))
        self._begin_task(ends)
        return reward, over

    def _leave(self, failed: Mask) -> Mask:
        """Which of the users leave whose pass of M1 has failed."""
        uniform = self.np_random.random(int(failed.sum()))
        q = self.whole[failed] if self.user.checks == "task" else self._leaving(failed)
        return np.asarray(uniform < q)

    def _observe(self) -> Array:
        failed = self.passes > 0
        seen = (failed, self.a, self.b) if self.observes == "belief" else (failed, self.passes)
        return np.stack(seen, axis=-1, dtype=np.float32, casting="unsafe")


class UserSessions(_Sessions):
    """The user's side: stay (0) or leave (1) after each failed pass of M1.

    The provider plays (1, s) throughout; each session draws its s from the prior. Reward: V for a
    solved task, less the time of passes, all that happened since the last decision; do not
    discount. After a failed pass of M2 the user stays iff xi2 >= 0. A session without any failure
    of M1 has no decision, and is not played: one in p1^-T.

    Args:
        game: a game, or the id of one in the catalog.
        num_envs: how many sessions.
        tasks: T, tasks of a session.
        prior: Beta(a, b), the law of s.
        observes: "belief": (share of the tasks that are over, a, b), the counts of a Bayesian user;
            a number k: (share, the last k draws), the last one first, 1 for "escalated", -1 for
            "kept", 0 for none yet.
        engine: "numpy"; "compiled", which needs the extra `fast`; or "auto": compiled in large
            batches if it is installed. Both play the same. Compiled are sessions that observe
            "belief".
    """

    tasks: int = setting("tasks")
    window: int = setting("window")
    compiled: bool = setting("compiled")

    def __init__(
        self,
        game: Game | str,
        num_envs: int,
        tasks: int = 30,
        prior: Sequence[float] = (1.0, 1.0),
        observes: str | int = "belief",
        engine: EngineName = "auto",
    ) -> None:
        if observes == "belief":
            self.window, high, low = 0, [1.0, np.inf, np.inf], [0.0, 0.0, 0.0]
        else:
            self.window = whole_number("observes", observes, least=1)
            high, low = [1.0, *[1.0] * self.window], [0.0, *[-1.0] * self.window]
        self.tasks = whole_number("tasks", tasks, least=1)
        super().__init__(game, num_envs, prior, high, low)
        self.compiled = takes_compiled(engine, self.num_envs >= LEAST_ENVS, not self.window)

    def _allocate(self) -> None:
        super()._allocate()
        self.cascade = np.zeros(self.num_envs)  # the hidden s
        self._unpaid = np.zeros(self.num_envs)  # utility since the last decision
        self.draws = np.zeros((self.num_envs, self.window), dtype=np.float32)

    def _begin(self, where: Mask) -> None:
        """Begin with the first failure."""
        while where.any():
            super()._begin(where)
            self.cascade[where] = self.np_random.beta(*self.prior, size=int(where.sum()))
            self._unpaid[where], self.draws[where] = 0.0, 0.0
            self._run(where.copy())
            where = where & (self.played >= self.tasks)

    def _play(self, leave: Mask) -> tuple[Array, Mask]:
        if self.compiled:
            return self._play_compiled(leave)
        stay = ~leave
        escalated = stay & (self.np_random.random(self.num_envs) < self.cascade)
        self._see(stay, escalated)
        passes, solved = self._reason(escalated, after_reasoning(self.game))
        self._unpaid += self.game.value * solved - self.game.latency[1] * passes
        ends = leave | escalated
        self.played += ends
        kept, begins = stay & ~escalated, ends & (self.played < self.tasks)
        self._run(kept | begins)
        return self._pay()

    def _play_compiled(self, leave: Mask) -> tuple[Array, Mask]:
        """The same by the same numbers, drawn in the same order."""
        from routing_game.envs.compiled_sessions import user_sessions

        game, rng, n = self.game, self.np_random, self.num_envs
        again = game.failure[1] * (1 - after_reasoning(game))
        toss = rng.random(n)
        passes, lot = rng.geometric(np.broadcast_to(1 - again, (n,))), rng.random(n)
        runs, code = np.empty(n, dtype=np.bool_), np.empty(n, dtype=np.uint8)
        solves = game.success[1] / (1 - again)
        numbers = (solves, game.value, game.latency[1], self.tasks)
        state = (self.a, self.b, self._unpaid, self.played)
        user_sessions(leave, toss, self.cascade, passes, lot, *numbers, *state, code, runs)
        self._run(runs)
        return self._pay()

    def _pay(self) -> tuple[Array, Mask]:
        """What has happened since the last decision, and whose session is over."""
        reward, self._unpaid = self._unpaid, np.zeros(self.num_envs)
        return reward, self.played >= self.tasks

    def _see(self, where: Mask, escalated: Mask) -> None:
        super()._see(where, escalated)
        if self.window:
            self.draws[where] = np.roll(self.draws[where], 1, axis=1)
            self.draws[where, 0] = np.where(escalated[where], 1.0, -1.0)

    def _run(self, where: Mask) -> None:
        """Passes of M1 ``where``, from task to task, until one fails or the session is over."""
        if self.compiled:
            from routing_game.envs.compiled_sessions import run_standard

            game, state = self.game, (self._unpaid, self.played)
            numbers = (game.success[0], game.value, game.latency[0], self.tasks)
            going = where.any()
            while going:
                going = run_standard(self.np_random.random(self.num_envs), where, *numbers, *state)
            return
        while where.any():
            solved = where & (self.np_random.random(self.num_envs) < self.game.success[0])
            self._unpaid += self.game.value * solved - self.game.latency[0] * where
            self.played += solved
            where = solved & (self.played < self.tasks)

    def _observe(self) -> Array:
        share = self.played / self.tasks
        if self.window:
            return np.column_stack([share, self.draws]).astype(np.float32)
        return np.stack([share, self.a, self.b], axis=-1, dtype=np.float32)
