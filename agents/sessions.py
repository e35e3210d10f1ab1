"""Users and providers of sessions in which s is hidden: every rule of the theory, and reputation.

Users satisfy the protocol of a session's user (`begin`, `leaving`, `see_draw`, `cancelling`) and
plug into `RoutingGame/Session-v0`; the many rules are in `theory.belief_rules`, and any of them
will do. Providers answer a session's observation with its next action, 0 for M1 and 1 for M2, or
(1, s) drawn pass by pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from routing_game.agents.arguments import generator
from routing_game.agents.protocol import Observation, SessionView
from routing_game.theory import Game
from routing_game.theory.belief import Belief, lattice
from routing_game.theory.belief_plan import UserPlan, plan_after_failure, plan_each_task
from routing_game.theory.belief_rules import Checks, PlugIn, Rule, after_reasoning
from routing_game.theory.numbers import Array, own, require
from routing_game.theory.reputation import Reputation, reputation, reputation_rule

_ROUNDED = 1e-9
"""By how much, relatively, a count may miss a whole number of draws: sums of tenths round."""


_MOST_ROUNDED, _FAR = 1e-3, 2.0**53
"""By how much at most; and the numbers from which on doubles do not tell whole ones apart."""


def _draws(name: str, count: Any, first: float) -> Any:
    """How often a count that began at ``first`` has grown by one; ValueError if it has not so."""
    grown = np.subtract(count, first)
    times = np.rint(grown)
    room = np.minimum(_ROUNDED * (1.0 + np.abs(count)), _MOST_ROUNDED)
    with np.errstate(invalid="ignore"):  # inf - inf
        holds = (times >= 0) & (times < _FAR) & (np.abs(grown - times) <= room)
    require(holds, name, count, f"be {first:g} plus a whole number of draws, as the plan was made")
    return times.astype(int)


class BeliefUser:
    """A user that holds a Beta belief about s and decides by a rule.

    Args:
        game: the game; after a failed pass of M2 a user that checks at each failure stays iff
            xi2 >= 0.
        rule: a rule such as `theory.belief_rules.Thompson`.
        rng: for rules that draw.
        prior: counts (a, b) before the first task.
        memory: factor on what was seen, at each draw; 1 forgets nothing.
        cancel: chance of cancelling after an abandoned task.
    """

    def __init__(
        self,
        game: Game,
        rule: Rule,
        rng: np.random.Generator,
        prior: Sequence[float] = (1.0, 1.0),
        memory: float = 1.0,
        cancel: float = 0.0,
    ) -> None:
        require(0 < memory <= 1, "memory", memory, "lie in (0, 1]")
        require(0 <= cancel <= 1, "cancel", cancel, "be a probability")
        self._rule, self._rng = rule, generator(rng)
        self._memory, self._cancel = memory, cancel
        self._prior = Belief.checked(prior)
        self._after_reasoning = float(after_reasoning(game))
        self.begin()

    def begin(self) -> None:
        """Go back to the prior and the first task."""
        self.belief, self._task = self._prior, 1
        self._whole: float | None = None

    def leaving(self, model: int) -> float:
        """The rule's q; one that checks once a task is asked at its first failure and kept to."""
        if self._rule.checks == "task":
            if self._whole is None:
                self._whole = self._asked(model)
            return self._whole
        return self._asked(model)

    def _asked(self, model: int) -> float:
        if model == 2:  # whatever s is; and a task that starts with M2 has none to guess
            return self._after_reasoning
        return float(self._rule.leaving(self.belief, self._task, self._rng))

    def see_draw(self, escalated: bool) -> None:
        """Update the belief."""
        self.belief = self.belief.after(escalated, self._memory, self._prior)

    def cancelling(self, solved: bool) -> float:
        """``cancel`` if the task was abandoned."""
        self._task, self._whole = self._task + 1, None
        return 0.0 if solved else self._cancel


class PlanningUser(BeliefUser):
    """The Bayes-optimal user of T tasks: it may stay at a loss to learn (`plan_after_failure`).

    Args:
        game: the game.
        tasks: T.
        rng: as every user has; it draws nothing.
        prior: counts before the first task.
        cancel: chance of cancelling after an abandoned task.
    """

    def __init__(
        self,
        game: Game,
        tasks: int,
        rng: np.random.Generator,
        prior: Sequence[float] = (1.0, 1.0),
        cancel: float = 0.0,
    ) -> None:
        super().__init__(game, Planned(game, tasks, prior), rng, prior, cancel=cancel)


class Tabled:
    """A rule from a table: what to do with so many tasks to come, after so many draws of each kind.

    Args:
        table: (T, A, B) chance of leaving with n+1 tasks to come and a, b draws seen; its last row
            and column hold beyond it.
        prior: counts before the first task.
        checks: "failure", or "task" for one q a task.
    """

    def __init__(self, table: Array, prior: Belief, checks: Checks = "failure") -> None:
        self.table, self._prior, self.checks = own(table), prior, checks

    def leaving(self, belief: Belief, task: Any, rng: np.random.Generator) -> Any:
        """q after a failed pass of M1, or for the whole task; beyond T tasks as in the last.

        Raises:
            ValueError: a belief that draws do not make of the prior, or a task before the first.
        """
        number = np.asarray(task, dtype=np.float64)
        require((number >= 1) & (number < np.inf), "task", number, "be counted from 1")
        return self.at(np.maximum(self.table.shape[0] - (number - 1), 1), belief)

    def at(self, to_come: Any, belief: Belief) -> Any:
        """The same with so many tasks to come, this one among them: 1 to T."""
        left, tasks = np.asarray(to_come, dtype=np.float64), self.table.shape[0]
        holds = (left >= 1) & (left <= tasks) & (left == np.floor(left))
        require(holds, "to_come", left, f"be whole numbers from 1 to {tasks}")
        _, most_a, most_b = self.table.shape
        a = _draws("belief: escalated", belief.escalated, self._prior.escalated)
        b = _draws("belief: kept", belief.kept, self._prior.kept)
        return self.table[
            left.astype(int) - 1, np.minimum(a, most_a - 1), np.minimum(b, most_b - 1)
        ]


class Planned(Tabled):
    """The Bayes-optimal plan for T tasks as a rule; beyond them, each task is as the last.

    Args:
        game: the game.
        tasks: T.
        prior: counts before the first task.
        checks: "failure", or "task" for one q a task, on a grid of 101 (seconds for T = 5, and it
            grows as T^3).
    """

    def __init__(
        self,
        game: Game,
        tasks: int,
        prior: Sequence[float] = (1.0, 1.0),
        checks: Checks = "failure",
    ) -> None:
        plan = plan_after_failure if checks == "failure" else plan_each_task
        counts = Belief.checked(prior)
        self.plan: UserPlan = plan(game, counts, tasks)
        super().__init__(self.plan.leaving, counts, checks)


class ConstantCascade:
    """Plays (1, s) as if it had committed to it."""

    def __init__(self, cascade: float, rng: np.random.Generator) -> None:
        require(0 <= cascade <= 1, "cascade", cascade, "lie in [0, 1]")
        self._cascade, self._rng = cascade, generator(rng)

    def act(self, observation: Observation) -> int:
        """M1 first; after a failure M2 with chance s."""
        failed = SessionView.of(observation).failed
        return int(failed > 0 and self._rng.random() < self._cascade)


class ReputationProvider:
    """The hand-written rule: escalate only when a keep would make the user's belief say "leave".

    Args:
        game: the game.
        prior: the user's counts before the first task.
        rule: the user's rule, deterministic; default: plug-in after each failure, "stay iff
            E[s] >= s0".
    """

    def __init__(
        self, game: Game, prior: Sequence[float] = (1.0, 1.0), rule: Rule | None = None
    ) -> None:
        self._prior = Belief.checked(prior)
        self._escalating = reputation_rule(_deterministic(rule or PlugIn(game)))

    def act(self, observation: Observation) -> int:
        """M1 first; after a failure M2 where the rule says so."""
        seen = SessionView.of(observation)
        return int(seen.failed > 0 and self._escalating(_belief(self._prior, seen)))


class PlanningProvider:
    """The optimal reputation policy for T tasks, by value iteration (`theory.reputation`).

    Args:
        game: the game.
        tasks: T, the tasks of a session.
        prior: the user's counts before the first task.
        rule: the user's rule, deterministic; default: plug-in after each failure.
    """

    def __init__(
        self, game: Game, tasks: int, prior: Sequence[float] = (1.0, 1.0), rule: Rule | None = None
    ) -> None:
        rule = rule or PlugIn(game)
        self._prior, self._tasks = Belief.checked(prior), tasks
        user = _deterministic(rule)
        self.plan: Reputation = reputation(game, self._prior, tasks, user, rule.checks)

    def act(self, observation: Observation) -> int:
        """What the plan says at this belief with so many tasks to come."""
        seen = SessionView.of(observation)
        to_come = self._tasks - int(_draws("tasks over", float(seen.over) * self._tasks, 0.0))
        require(to_come >= 1, "over", seen.over, "be less than 1: no task is to come")
        policy = self.plan.escalating if seen.failed > 0 else self.plan.reasoning
        _, most_e, most_k = policy.shape
        e = min(int(_draws("escalations", seen.escalations, 0.0)), most_e - 1)
        k = min(int(_draws("keeps", seen.keeps, 0.0)), most_k - 1)
        return int(policy[to_come - 1, e, k])


def _belief(prior: Belief, seen: SessionView) -> Belief:
    escalated, kept = float(seen.escalations), float(seen.keeps)
    return Belief(prior.escalated + escalated, prior.kept + kept)


def _deterministic(rule: Rule) -> Callable[[Belief], Any]:
    """The rule as a function of the belief alone; ValueError if it draws, or counts tasks."""
    beliefs = lattice(Belief(1.0, 1.0), 8, 8)
    first = rule.leaving(beliefs, 1, np.random.default_rng(1))
    later = rule.leaving(beliefs, 1000, np.random.default_rng(1000))
    if not np.array_equal(first, later):
        raise ValueError(
            f"expected a rule of the belief alone, such as PlugIn; {rule} draws or counts tasks"
        )
    return partial(_leaving, rule, np.random.default_rng(0))  # which is asked for, but not used


def _leaving(rule: Rule, rng: np.random.Generator, belief: Belief) -> Any:
    return rule.leaving(belief, 1, rng)
