"""What is exact about the hidden suite, and its runs judged by it.

value     of a rule, by the program that also gives the best plan (`theory.belief_plan`): under the
          prior, and at a true s of a rule that checks after each failure
best      the Bayes-optimal value, of the scenarios whose s is drawn from the prior
locked    the chance that the last word of a rule of the belief alone is "leave"
          (`theory.lock_in`), at a true s
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.special import betainc

from routing_game.experiments.cells.progress import Steps
from routing_game.experiments.cells.records import Record
from routing_game.experiments.cells.spec import Spec
from routing_game.experiments.cells.workers import in_workers
from routing_game.experiments.hidden.rulebook import RULEBOOK, alone
from routing_game.experiments.hidden.suite import PLAN, Scenario, Tally, Title
from routing_game.experiments.intervals import HALF, gap, share_error, wilson
from routing_game.theory import Game, thresholds
from routing_game.theory.belief import Belief
from routing_game.theory.belief_plan import (
    clairvoyant,
    plan_after_failure,
    plan_each_task,
    told_utility,
)
from routing_game.theory.belief_rules import Rule, Thompson
from routing_game.theory.lock_in import lock_in
from routing_game.theory.numbers import Array

if TYPE_CHECKING:
    import polars as pl


class Question(NamedTuple):
    """What one program answers, for all horizons of a scenario at once."""

    rule: str
    game: Game
    prior: tuple[float, float]
    cascade: float | None
    tasks: int
    """The longest horizon."""


class Exact(NamedTuple):
    """The answer: by number of tasks, V_n and the chance of being locked in."""

    value: dict[int, float]
    locked: dict[int, float]


def exact(horizons: tuple[int, ...], question: Question) -> Exact:
    """What is exact about a rule, at these horizons."""
    name, game, counts, s, tasks = question
    prior = Belief(*counts)
    if name == PLAN:
        best = plan_after_failure(game, prior, tasks).value if s is None else ()
        return Exact({n: float(best[n]) for n in horizons if s is None}, {})
    if name not in RULEBOOK:  # of another version: its sessions are there, no more is known
        return Exact({}, {})
    rule = RULEBOOK[name].make(game)
    if rule.checks == "task":
        far = RULEBOOK[name].horizon or 0
        near = [n for n in horizons if n <= far and s is None]
        worth = each_task(game, prior, max(near), rule) if near else None
        return Exact({n: float(worth[n]) for n in near if worth is not None}, {})
    if not RULEBOOK[name].belief_alone:
        return Exact({n: float(by_number(game, prior, n, rule, s)[n]) for n in horizons}, {})
    value = plan_after_failure(game, prior, tasks, alone(rule), cascade=s).value
    locked = {}
    if s is not None:
        says_leave = partial(leaves_for_good, rule)
        locked = {n: lock_in(game, s, prior, n, says_leave) for n in horizons}
    return Exact({n: float(value[n]) for n in horizons}, locked)


def leaves_for_good(rule: Rule, belief: Belief) -> Any:
    """Whether a rule of the belief alone leaves for sure."""
    return np.asarray(alone(rule)(belief)) == 1.0


def by_number(game: Game, prior: Belief, tasks: int, rule: Rule, s: float | None) -> Array:
    """V_n of a rule that depends on the number of the task, right for all T of them (n = T).

    Args:
        game: the game.
        prior: the belief before the first task.
        tasks: T.
        rule: the rule; it does not draw.
        s: the true s; None if it is drawn from the prior.
    """
    rng = np.random.default_rng(0)  # asked for, but not used

    def leaving(belief: Belief) -> Any:
        return np.stack([rule.leaving(belief, tasks - n, rng) for n in range(tasks)])

    return plan_after_failure(game, prior, tasks, leaving, cascade=s).value


def each_task(game: Game, prior: Belief, tasks: int, rule: Rule) -> Array | None:
    """V_n of a rule with one q a task; None where its draws give more answers than 0 and 1.

    Args:
        game: the game.
        prior: the belief before the first task.
        tasks: the longest horizon.
        rule: one of the belief alone, or Thompson's.
    """
    if not isinstance(rule, Thompson):
        return plan_each_task(game, prior, tasks, alone(rule)).value
    s0 = float(thresholds(game).s0)
    if not np.isfinite(s0):
        return None

    def drawing(belief: Belief) -> Any:
        leaves = betainc(*belief, s0)
        return np.stack([1 - leaves, leaves], axis=-1)

    return plan_each_task(game, prior, tasks, grid=(0.0, 1.0), drawing=drawing).value


def questions(spec: Spec[Scenario], rules: Iterable[str]) -> dict[Question, tuple[int, ...]]:
    """Every question about these rules, and the best plan, and its horizons."""
    asked: dict[Question, tuple[int, ...]] = {}
    for rule in dict.fromkeys((PLAN, *rules)):
        for name, scenario in spec.games.items():
            key = key_of(rule, name, spec)
            asked[key] = (*asked.get(key, ()), scenario.tasks)
    return asked


def key_of(rule: str, name: str, spec: Spec[Scenario]) -> Question:
    """The question that covers a rule in a scenario."""
    scenario = spec.games[name]
    longest = max(other.tasks for other in spec.games.values())
    return Question(rule, scenario.game, scenario.prior, scenario.cascade, longest)


def judge(spec: Spec[Scenario], records: Sequence[Record[Tally]], workers: int = 1) -> pl.DataFrame:
    """A row for each rule in each scenario, per task: simulated, exact, and the gaps.

    Columns: utility, cost (with `_half`), `exact` and its `gap` in standard errors; `loss` of the
    exact value, or of the simulated one if there is none, against the Bayes-optimal value (or, at a
    fixed s, against being told it); `doubts`, `locked` (shares), `locked_exact`, `locked_gap`.
    """
    import polars as pl  # not at the top: a worker that runs `_answer` needs no tables

    finished = [record for record in records if record.error is None]
    asked = questions(spec, [record.learner for record in finished])
    progress = Steps()
    jobs = in_workers(partial(_answer, asked), asked, workers, progress)
    known = dict(progress.over(jobs, len(asked), "exact programs"))
    tallies: dict[tuple[str, str], Tally] = {}
    for record in finished:
        pair = record.learner, record.game
        tallies[pair] = tallies.get(pair, Tally()).joined(record.trace)
    rows = [row(spec, rule, name, tally, known) for (rule, name), tally in tallies.items()]
    return pl.DataFrame(rows, infer_schema_length=None)


def _answer(asked: dict[Question, tuple[int, ...]], question: Question) -> tuple[Question, Exact]:
    return question, exact(asked[question], question)


def row(
    spec: Spec[Scenario], rule: str, name: str, tally: Tally, known: dict[Question, Exact]
) -> dict[str, Any]:
    """One rule in one scenario.

    Args:
        spec: of the run.
        rule: the rule's name.
        name: the scenario's.
        tally: what all sessions came to.
        known: what is exact.
    """
    scenario, answer = spec.games[name], known[key_of(rule, name, spec)]
    tasks, sessions = scenario.tasks, tally.sessions
    utility, error = moments(tally.utility, tally.utility_squares, sessions, tasks)
    cost, cost_error = moments(tally.cost, tally.cost_squares, sessions, tasks)
    value = answer.value[tasks] / tasks if tasks in answer.value else None
    if scenario.cascade is None:
        best = known[key_of(PLAN, name, spec)].value[tasks] / tasks
        told = clairvoyant(scenario.game, Belief(*scenario.prior))
    else:
        best = told = float(told_utility(scenario.game, scenario.cascade))
    return {
        **Title.of(name)._asdict(),
        "regime": str(scenario.game.regime),
        "rule": rule,
        "sessions": sessions,
        "utility": utility,
        "utility_half": HALF * error,
        "exact": value,
        "gap": None if value is None else gap(utility, value, error),
        "best": best,
        "told": told,
        "loss": best - (utility if value is None else value),
        "loss_half": HALF * error if value is None else 0.0,
        "cost": cost,
        "cost_half": HALF * cost_error,
        "doubts": wilson(tally.doubts, sessions).share,
        **locked_in(tally.locked / sessions, answer.locked.get(tasks), sessions),
    }


def locked_in(share: float, chance: float | None, sessions: int) -> dict[str, float | None]:
    """The share of sessions locked in beside the exact chance, if that is known."""
    apart = None if chance is None else gap(share, chance, share_error(chance, sessions))
    return {"locked": share, "locked_exact": chance, "locked_gap": apart}


def moments(total: float, squares: float, sessions: int, tasks: int) -> tuple[float, float]:
    """Mean a task, and its standard error over sessions.

    Args:
        total: sum over sessions.
        squares: sum of squares.
        sessions: how many.
        tasks: of a session.
    """
    mean = total / sessions
    variance = max(squares / sessions - mean**2, 0.0) * sessions / max(sessions - 1, 1)
    return mean / tasks, float(np.sqrt(variance / sessions)) / tasks
