"""Sessions by the thousand: many users, each with its own belief, meet one provider.

The rules are those of `SessionEnv`. A *user rule* gives the chance of leaving at a belief, and says
whether it checks the belief once a "task" (one q for the whole task) or at each "failure" (seeing
which model has failed), as the rules of `routing_game.theory.belief_rules` do. A *provider* is a
function (belief, task) -> chance of escalating, or a constant s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from routing_game.envs.arguments import single_game, whole_number
from routing_game.theory.belief import Belief, check_checks, checked_chances
from routing_game.theory.game import Game
from routing_game.theory.numbers import require

Array = NDArray[np.float64]


class UserRule(Protocol):
    """How the users of a crowd decide.

    `play_sessions` asks with one number of the task for all, `ProviderSessions` with one for each
    user: a rule that looks at it should use numpy's `where`, not `if`.
    """

    @property
    def checks(self) -> str:
        """Whether they check their beliefs once a "task" or at each "failure"."""
        ...

    def leaving(self, belief: Belief, task: Any, rng: np.random.Generator) -> Any:
        """Q at each belief: for the whole task, or after a failed pass of M1.

        Args:
            belief: counts of some of the users, arrays.
            task: number of the task, from 1: one for all, or one each.
            rng: for rules that draw.
        """
        ...


Provider = Callable[[Belief, int], Any]
"""(beliefs of users who stay after a failed pass of M1, number of the task) -> chances of M2."""


@dataclass(frozen=True)
class Sessions:
    """What happened; arrays of shape (tasks, sessions) unless said otherwise."""

    cost: Array
    """J of each task: money for passes, and P if abandoned."""
    utility: Array
    """U of each task."""
    solved: NDArray[np.bool_]
    mean: Array
    """E[s] of each user as each task begins."""
    escalations: NDArray[np.int64]
    """Draws "escalated" seen in each task (0 or 1)."""
    keeps: NDArray[np.int64]
    """Draws "kept" seen in each task."""
    belief: Belief
    """Counts after the last task, (sessions,)."""


def play_sessions(
    game: Game | str,
    user: UserRule,
    provider: Provider | float | Array,
    tasks: int,
    sessions: int,
    rng: np.random.Generator,
    prior: tuple[float, float] = (1.0, 1.0),
    memory: float = 1.0,
) -> Sessions:
    """Play ``sessions`` sessions of ``tasks`` tasks that all start with M1, side by side.

    Args:
        game: a single game, or the id of one in the catalog.
        user: the users' rule.
        provider: chance of escalating, as a function of belief and task, or a constant s (one, or
            one a session).
        tasks: tasks of a session.
        sessions: how many sessions.
        rng: random generator of world, users and provider.
        prior: every user's Beta counts before the first task.
        memory: factor on the counts seen at each draw; 1 forgets nothing.

    Raises:
        ValueError: ``game`` is an array, or an argument is out of range.
    """
    require(0 < memory <= 1, "memory", memory, "lie in (0, 1]")
    check_checks(user.checks)
    tasks, sessions = (
        whole_number("tasks", tasks, least=1),
        whole_number("sessions", sessions, least=1),
    )
    table = _Table(single_game(game), user, provider, rng, Belief.checked(prior), sessions, memory)
    rows = [table.play(task) for task in range(1, tasks + 1)]
    cost, utility, solved, mean, escalations, keeps = (
        np.stack(column) for column in zip(*rows, strict=True)
    )
    return Sessions(cost, utility, solved, mean, escalations, keeps, Belief(table.a, table.b))


class _Table:
    """The state of all sessions: counts a, b; and one task of each at a time."""

    def __init__(
        self,
        game: Game,
        user: UserRule,
        provider: Provider | float | Array,
        rng: np.random.Generator,
        prior: Belief,
        sessions: int,
        memory: float,
    ) -> None:
        self.game, self.user, self.rng, self.prior, self.memory = game, user, rng, prior, memory
        self.a, self.b = np.full(sessions, prior.escalated), np.full(sessions, prior.kept)
        self.constant = (
            None
            if callable(provider)
            else checked_chances("a constant provider's s", provider, (sessions,))
        )
        self.provider = provider

    def play(self, task: int) -> tuple[Any, ...]:
        """One task of each session: cost, utility, solved, E[s] before, escalations and keeps."""
        size = self.a.size
        mean = Belief(self.a, self.b).mean
        passes, solved = np.zeros((2, size), dtype=np.int64), np.zeros(size, dtype=bool)
        seen = np.zeros((2, size), dtype=np.int64)
        whole = None
        if self.user.checks == "task":
            whole = self._leaving(Belief(self.a, self.b), task)
        active = np.arange(size)
        while active.size:
            passes[0, active] += 1
            failed = self.rng.random(active.size) >= self.game.success[0]
            solved[active[~failed]] = True
            active = self._stay(active[failed], task, whole)
            escalated = self._escalate(active, task)
            seen[0, active[escalated]] = 1
            seen[1, active[~escalated]] += 1
            self._reason(active[escalated], whole, passes, solved)
            active = active[~escalated]
        cost = (
            passes[0] * self.game.cost[0]
            + passes[1] * self.game.cost[1]
            + self.game.penalty * ~solved
        )
        utility = (
            self.game.value * solved
            - passes[0] * self.game.latency[0]
            - passes[1] * self.game.latency[1]
        )
        return cost, utility, solved, mean, seen[0], seen[1]

    def _stay(self, failed: NDArray[np.int64], task: int, whole: Array | None) -> NDArray[np.int64]:
        """Those of the failed who stay."""
        if not failed.size:
            return failed
        q = whole[failed] if whole is not None else self._leaving(self._belief(failed), task)
        return failed[self.rng.random(failed.size) >= q]

    def _escalate(self, active: NDArray[np.int64], task: int) -> NDArray[np.bool_]:
        """Which of those who stayed meet M2 next; all of them see it and learn."""
        if not active.size:
            return np.zeros(0, dtype=bool)
        chance = (
            self.constant[active]
            if self.constant is not None
            else self._ask(self._belief(active), task)
        )
        escalated = self.rng.random(active.size) < chance
        self.a[active], self.b[active] = self._belief(active).after(
            escalated, self.memory, self.prior
        )
        return np.asarray(escalated)

    def _reason(
        self, active: NDArray[np.int64], whole: Array | None, passes: Any, solved: Any
    ) -> None:
        """All passes of M2 at once: their number is geometric."""
        q = whole[active] if whole is not None else float(self.game.net_value[1] < 0)
        again = self.game.failure[1] * (1 - q)
        passes[1, active] += self.rng.geometric(np.broadcast_to(1 - again, active.shape))
        solved[active] = self.rng.random(active.size) < self.game.success[1] / (1 - again)

    def _leaving(self, belief: Belief, task: int) -> Array:
        return checked_chances(
            "a user's chance of leaving",
            self.user.leaving(belief, task, self.rng),
            belief.mean.shape,
        )

    def _ask(self, belief: Belief, task: int) -> Array:
        assert callable(self.provider)
        return checked_chances(
            "a provider's chance of escalating", self.provider(belief, task), belief.mean.shape
        )

    def _belief(self, who: NDArray[np.int64]) -> Belief:
        return Belief(self.a[who], self.b[who])
