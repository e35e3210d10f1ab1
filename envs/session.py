"""The session: many tasks of one user, on the provider's side; s is hidden, the user remembers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from routing_game.envs import rules
from routing_game.envs.arguments import (
    checked_chance,
    checked_flag,
    checked_real,
    single_game,
    whole_number,
)
from routing_game.envs.judge import ExactUser
from routing_game.envs.render import RENDER_METADATA, Scene, check_mode, place_of, render
from routing_game.envs.session_user import CertaintyEquivalentUser, SessionUser
from routing_game.envs.settings import setting
from routing_game.envs.steps import Begun, Info, Options, Step
from routing_game.players import checked_player
from routing_game.theory.catalog import GameLike
from routing_game.theory.game import Game

Array = NDArray[np.float64]

STANDARD, REASONING = 0, 1


class SessionEnv(gym.Env[Array, Any]):
    """## Description

    A user subscribes and brings tasks, one after another. The provider decides pass by pass: which
    model starts a task, and, whenever a pass of M1 has failed and the user stays, which model runs
    next. It commits to nothing, so there is no s to be seen; the user only sees which model serves
    it, and what it learns from that in one task it remembers in the next. A provider that saves by
    not escalating today pays with users who leave tomorrow: reputation in the place of commitment.

    From M2 there is no way back: its passes run, without further decisions, until the task is
    solved or abandoned.

    The penalty can be the constant P, or arise from what it stands for: with `penalty=False`, a
    `fee` per task and a user who may cancel after an abandoned task, what is lost is the fees of
    the tasks that never come.

    ## Action Space

    `Discrete(2)`: 0 the next pass is by M1 (start with M1, keep), 1 it is by M2 (start with M2,
    escalate).

    ## Observation Space

    `Box(float64)` of shape (5,):

    0. the share of the session's tasks that are over
    1. 0 at the start of a task, 1 after a failed pass of M1
    2. passes made in this task
    3. 4. how often in this session the user has seen a failed pass of M1 followed by M2, and by M1:
       all that a Bayesian user knows of the provider, and so, with its prior, its belief

    ## Starting State

    No task is over; the first one is about to start.

    ## Rewards

    After each step, minus the money for the passes it ran; when a task ends also the fee, and minus
    P if it was abandoned and `penalty` holds. In the unit of P; do not discount.

    ## Episode End

    The session ends (`terminated`) with its last task or when the user cancels. A task still
    running after `max_passes` passes ends as abandoned by the user.

    ## Information

    Each step that ends a task tells

    - `task`: what happened, a `routing_game.theory.Task`; its cost holds P only if `penalty` holds,
      and no fee
    - `cancelled`: whether the user has cancelled

    and every step and `reset` tell `belief`, the counts (a, b) of a user that has one.

    ## Arguments

    - `game`: a `Game`, the id of one in the catalog, or a mapping with the fields of a Game.
      Default "t4-cascade".
    - `user`: a `SessionUser` (methods `begin`, `leaving`, `see_draw`, `cancelling`), or an object
      with `abandon(route, cascade)`, which then plays under the mean of a Beta belief
      (`CertaintyEquivalentUser`). Default: the exact best response, under such a belief.
    - `tasks`: how many tasks a session has at most. Default 100.
    - `observes`: "model" (default): the user sees which model runs each pass; "route": only which
      one starts, so that it learns nothing about the cascade. The other settings of the dial show a
      commitment, and there is none.
    - `prior`: the belief's counts (a, b) before the first task. Default (1, 1).
    - `cancel`: the chance that the user cancels after an abandoned task. Default 0.
    - `fee`: what the user pays per task, in the unit of P. Default 0.
    - `penalty`: whether an abandoned task costs P. Default True.
    - `max_passes`: passes after which the user gives a task up. Default 1000.
    - `render_mode`: None (default), "ansi" or "rgb_array".

    `prior` and `cancel` are for users that are made from `abandon`. Bad arguments and actions raise
    ValueError.

    ## References

    R. Mahmood, "Routing, Cascades, and User Choice for LLMs", ICLR 2026, section 3, for the rules
    of a task. It names hidden strategies, repeated tasks and cancelling (3, 4.1, 7); how a session
    is played goes beyond it.

    ## Version History

    - v0: first version
    """

    metadata = RENDER_METADATA

    game: Game = setting("game")
    user: SessionUser = setting("user")
    tasks: int = setting("tasks")
    observes: str = setting("observes")
    penalty: bool = setting("penalty")
    max_passes: int = setting("max_passes")

    def __init__(
        self,
        game: GameLike = "t4-cascade",
        user: Any = None,
        tasks: int = 100,
        observes: str = "model",
        prior: Sequence[float] = (1.0, 1.0),
        cancel: float = 0.0,
        fee: float = 0.0,
        penalty: bool = True,
        max_passes: int = 1000,
        render_mode: str | None = None,
    ) -> None:
        self.game = single_game(game)
        self.tasks = whole_number("tasks", tasks, least=1)
        self.max_passes = whole_number("max_passes", max_passes, least=1)
        self.render_mode = check_mode(render_mode)
        if observes not in ("model", "route"):
            raise ValueError(
                'observes must be "model" or "route" (a session has no commitment to see), '
                f"got {observes!r}"
            )
        self.observes, self.fee = observes, checked_real("fee", fee)
        self.penalty = checked_flag("penalty", penalty)
        self.user = self._session_user(user, prior, cancel)
        most = float(self.tasks * self.max_passes)
        high = np.array([1.0, 1.0, self.max_passes, most, most])
        self.observation_space = spaces.Box(np.zeros(5), high, dtype=np.float64)
        self.action_space = spaces.Discrete(2)
        self._running = False
        self._place: str | None = None

    def _session_user(self, user: Any, prior: Sequence[float], cancel: float) -> SessionUser:
        if user is None:
            user = ExactUser(self.game)
        if hasattr(user, "abandon"):
            return CertaintyEquivalentUser(user, prior, cancel)
        return checked_player("user", user, "begin", "leaving", "see_draw", "cancelling")

    def reset(self, *, seed: int | None = None, options: Options | None = None) -> Begun:
        """Begin a session."""
        super().reset(seed=seed)
        self.user.begin()
        self._played, self._draws = 0, [0, 0]
        self._place, self._total = "", [0.0, 0.0]
        self._begin_task()
        self._running = True
        return self._observe(), self._info()

    def step(self, action: int) -> Step:
        """Run the next pass with M1, or all further passes with M2, and hear what the user does."""
        if not self._running:
            raise gym.error.ResetNeeded(
                "the session has ended or not begun: call reset() before step()"
            )
        try:
            model = 1 + (STANDARD, REASONING).index(action)
        except ValueError:  # also of an array of several, which is neither
            rule = f"an action is {STANDARD} (M1 next) or {REASONING} (M2 next)"
            raise ValueError(f"{rule}, got {action!r}") from None
        self._show(model)
        before = sum(self._passes)
        solved, left = self._run(model)
        run = sum(self._passes) - before
        reward = -float(self.game.cost[model - 1]) * run
        if solved or left:
            ending, told = self._end_task(solved)
            info = self._info() | told
            return self._observe(), reward + ending, not self._running, False, info
        self._failed, self._place = 1, "M1"
        return self._observe(), reward, False, False, self._info()

    def _begin_task(self) -> None:
        self._passes, self._failed = [0, 0], 0

    def _show(self, model: int) -> None:
        """Let the user see which model follows a failed pass of M1."""
        if self._failed and self.observes == "model":
            self._draws[2 - model] += 1
            self.user.see_draw(model == 2)

    def _run(self, model: int) -> tuple[bool, bool]:
        """Passes up to the provider's next decision: one of M1, of M2 all; (solved, left)."""
        while True:
            self._passes[model - 1] += 1
            q = self._leaving(model)
            uniform = self.np_random.random()
            solved, left, _ = rules.run_pass(self.game.success, model, 0.0, q, uniform)
            left = not solved and (left or sum(self._passes) >= self.max_passes)
            if solved or left or model == 1:
                return bool(solved), bool(left)

    def _leaving(self, model: int) -> float:
        return checked_chance("leaving()", self.user.leaving(model))

    def _end_task(self, solved: bool) -> tuple[float, Info]:
        """Fee and penalty, and whether the user comes again."""
        bill = rules.settle(self.game, self._passes, solved)
        lost = self.game.penalty * (not solved)
        charged = lost if self.penalty else 0.0
        bill = bill._replace(cost=bill.service_cost + charged)
        task = rules.record(self._passes, solved, bill, False)
        self._place = place_of(task)
        cost, utility = self._total
        self._total = [cost + task.cost - self.fee, utility + task.utility]
        self._last_passes = (task.standard, task.reasoning)
        self._played += 1
        chance = checked_chance("cancelling()", self.user.cancelling(solved))
        cancelled = bool(chance > 0 and self.np_random.random() < chance)
        self._running = not cancelled and self._played < self.tasks
        self._begin_task()
        return float(self.fee - charged), {"task": task, "cancelled": cancelled}

    def _info(self) -> Info:
        belief = getattr(self.user, "belief", None)
        return {} if belief is None else {"belief": tuple(belief)}

    def _observe(self) -> Array:
        share = self._played / self.tasks
        return np.array([share, self._failed, sum(self._passes), *self._draws])

    def render(self) -> Any:
        """The Markov chain, where the task is, and what the session has cost both sides."""
        if self._place is None:
            raise gym.error.ResetNeeded("no session has begun: call reset() before render()")
        begun = bool(sum(self._passes))
        n1, n2 = self._passes if begun or not self._played else self._last_passes
        game, (cost, utility) = self.game, self._total
        paid = sum(n * c for n, c in zip(self._passes, game.cost, strict=True))
        waited = sum(n * t for n, t in zip(self._passes, game.latency, strict=True))
        scene = Scene(
            game,
            self._place,
            (n1, n2),
            float(cost + paid),
            float(utility - waited),
            abandon=(self._leaving(1), self._leaving(2)),
            title=f"task {min(self._played + 1, self.tasks)} of {self.tasks}   ",
        )
        return render(scene, self.render_mode)
