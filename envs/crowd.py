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

from routing_game.envs import rules
from routing_game.envs.arguments import single_game, whole_number
from routing_game.envs.judge import after_reasoning
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
        """q at each belief: for the whole task, or after a failed pass of M1.

        Args:
            belief: counts of some of the users, arrays.
            task: number of the task, from 1: one for all, or one each.
            rng: for rules that draw.
        """
        ...


Escalates = Callable[[Belief, int], Any]
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
    provider: Escalates | float | Array,
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
    tasks = whole_number("tasks", tasks, least=1)
    sessions = whole_number("sessions", sessions, least=1)
    table = _Table(single_game(game), user, provider, rng, Belief.checked(prior), sessions, memory)
    played = [table.play(task) for task in range(1, tasks + 1)]
    columns = (np.stack(column) for column in zip(*played, strict=True))
    cost, utility, solved, mean, escalations, keeps = columns
    belief = Belief(table.a, table.b)
    return Sessions(cost, utility, solved, mean, escalations, keeps, belief)


class _Table:
    """The state of all sessions: counts a, b; and one task of each at a time."""

    def __init__(
        self,
        game: Game,
        user: UserRule,
        provider: Escalates | float | Array,
        rng: np.random.Generator,
        prior: Belief,
        sessions: int,
        memory: float,
    ) -> None:
        self.game, self.user, self.provider, self.rng = game, user, provider, rng
        self.prior, self.memory = prior, memory
        self.a = np.full(sessions, prior.escalated)
        self.b = np.full(sessions, prior.kept)
        self.constant: Array | None = None
        if not callable(provider):
            name = "a constant provider's s"
            self.constant = checked_chances(name, provider, (sessions,))

    def play(self, task: int) -> tuple[Any, ...]:
        """One task of each session: cost, utility, solved, E[s] before, escalations and keeps."""
        size = self.a.size
        mean = Belief(self.a, self.b).mean
        passes = np.zeros((2, size), dtype=np.int64)
        solved = np.zeros(size, dtype=bool)
        escalations, keeps = np.zeros((2, size), dtype=np.int64)
        whole = None  # q of the whole task, for users who check once
        if self.user.checks == "task":
            whole = self._leaving(Belief(self.a, self.b), task)
        active = np.arange(size)
        while active.size:
            passes[0, active] += 1
            failed = self.rng.random(active.size) >= self.game.success[0]
            solved[active[~failed]] = True
            active = self._stay(active[failed], task, whole)
            escalated = self._escalate(active, task)
            escalations[active[escalated]] = 1
            keeps[active[~escalated]] += 1
            self._reason(active[escalated], whole, passes, solved)
            active = active[~escalated]
        cost, utility = self._bill(passes, solved)
        return cost, utility, solved, mean, escalations, keeps

    def _bill(
        self, passes: NDArray[np.int64], solved: NDArray[np.bool_]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """J and U of each task."""
        n1, n2 = passes
        (c1, c2), (t1, t2) = self.game.cost, self.game.latency
        cost = n1 * c1 + n2 * c2 + self.game.penalty * ~solved
        utility = self.game.value * solved - n1 * t1 - n2 * t2
        return cost, utility

    def _stay(self, failed: NDArray[np.int64], task: int, whole: Array | None) -> NDArray[np.int64]:
        """Those of the failed who stay."""
        if not failed.size:
            return failed
        q = self._leaving(self._belief(failed), task) if whole is None else whole[failed]
        stays = self.rng.random(failed.size) >= q
        return failed[stays]

    def _escalate(self, active: NDArray[np.int64], task: int) -> NDArray[np.bool_]:
        """Which of those who stayed meet M2 next; all of them see it and learn."""
        if not active.size:
            return np.zeros(0, dtype=bool)
        belief = self._belief(active)
        chance = self._ask(belief, task) if self.constant is None else self.constant[active]
        escalated = self.rng.random(active.size) < chance
        self.a[active], self.b[active] = belief.after(escalated, self.memory, self.prior)
        return np.asarray(escalated)

    def _reason(
        self, active: NDArray[np.int64], whole: Array | None, passes: Any, solved: Any
    ) -> None:
        """All passes of M2 of those who meet it."""
        q = after_reasoning(self.game) if whole is None else whole[active]
        more, solved[active] = rules.run_reasoning(self.game, q, active.size, self.rng)
        passes[1, active] += more

    def _leaving(self, belief: Belief, task: int) -> Array:
        q = self.user.leaving(belief, task, self.rng)
        return checked_chances("a user's chance of leaving", q, belief.mean.shape)

    def _ask(self, belief: Belief, task: int) -> Array:
        assert callable(self.provider)
        chance = self.provider(belief, task)
        return checked_chances("a provider's chance of escalating", chance, belief.mean.shape)

    def _belief(self, who: NDArray[np.int64]) -> Belief:
        return Belief(self.a[who], self.b[who])
