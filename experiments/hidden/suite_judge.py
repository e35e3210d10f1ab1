"""What is exact about the hidden suite, and its runs judged by it.

value     of a rule, by the program that also gives the best plan (`theory.belief_plan`): under the prior, and at a
true s of a rule that checks after each failure
best      the Bayes-optimal value, of the scenarios whose s is drawn from the prior
locked    the chance that the last word of a rule of the belief alone is "leave" (`theory.lock_in`), at a true s
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from scipy.special import betainc

from routing_game.experiments.cells.progress import Steps
from routing_game.experiments.cells.records import Record
from routing_game.experiments.cells.spec import Spec
from routing_game.experiments.cells.workers import in_workers
from routing_game.experiments.hidden.rulebook import RULEBOOK
from routing_game.experiments.hidden.suite import PLAN, Tally, scenario_of
from routing_game.experiments.intervals import gap, share_error, wilson
from routing_game.theory import Game, thresholds
from routing_game.theory.belief import Belief
from routing_game.theory.belief_plan import clairvoyant, plan_after_failure, plan_each_task, told_utility
from routing_game.theory.belief_rules import Rule
from routing_game.theory.lock_in import lock_in
from routing_game.theory.numbers import Array

FAR_ENOUGH = {"plug-in, each task": 30, "expected utility, each task": 5, "Thompson": 30}
"""Tasks up to which the program of a user who checks once a task is solved: its time grows as their third power."""


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
    prior, rng = Belief(*counts), np.random.default_rng(0)  # rules ask for it, these do not use it
    if name == PLAN:
        best = plan_after_failure(game, prior, tasks).value if s is None else ()
        return Exact({n: float(best[n]) for n in horizons if s is None}, {})
    rule = RULEBOOK[name].make(game)
    if rule.checks == "task":
        near = [n for n in horizons if n <= FAR_ENOUGH[name] and s is None]
        worth = each_task(game, prior, max(near), name, rule) if near else None
        return Exact({n: float(worth[n]) for n in near if worth is not None}, {})
    if RULEBOOK[name].belief_alone:
        value = plan_after_failure(game, prior, tasks, lambda b: rule.leaving(b, 1, rng), cascade=s).value
        says_leave = partial(leaves_for_good, rule)
        locked = {} if s is None else {n: lock_in(game, s, prior, n, says_leave) for n in horizons}
        return Exact({n: float(value[n]) for n in horizons}, locked)
    return Exact({n: float(by_number(game, prior, n, rule, s)[n]) for n in horizons}, {})


def leaves_for_good(rule: Rule, belief: Belief) -> Any:
    """Whether a rule of the belief alone leaves for sure."""
    return np.asarray(rule.leaving(belief, 1, np.random.default_rng(0))) == 1.0


def by_number(game: Game, prior: Belief, tasks: int, rule: Rule, s: float | None) -> Array:
    """V_n of a rule that depends on the number of the task, right for all T of them (n = T)."""
    rng = np.random.default_rng(0)  # asked for, but not used

    def leaving(belief: Belief) -> Any:
        return np.stack([rule.leaving(belief, tasks - n, rng) for n in range(tasks)])

    return plan_after_failure(game, prior, tasks, leaving, cascade=s).value


def each_task(game: Game, prior: Belief, tasks: int, name: str, rule: Rule) -> Array | None:
    """V_n of a rule with one q a task; None for Thompson where its draws give more answers than 0 and 1."""
    s0 = float(thresholds(game).s0)
    if name != "Thompson":
        rng = np.random.default_rng(0)  # asked for, but not used
        return plan_each_task(game, prior, tasks, lambda b: rule.leaving(b, 1, rng)).value
    if not np.isfinite(s0):
        return None

    def drawing(belief: Belief) -> Any:
        leaves = betainc(*belief, s0)
        return np.stack([1 - leaves, leaves], axis=-1)

    return plan_each_task(game, prior, tasks, grid=(0.0, 1.0), drawing=drawing).value


def questions(spec: Spec, rules: Iterable[str]) -> dict[Question, tuple[int, ...]]:
    """Every question about these rules, and the best plan, and its horizons."""
    asked: dict[Question, tuple[int, ...]] = {}
    for rule in dict.fromkeys((PLAN, *rules)):
        for name in spec.games:
            key = key_of(rule, name, spec)
            asked[key] = (*asked.get(key, ()), scenario_of(spec, name).tasks)
    return asked


def key_of(rule: str, name: str, spec: Spec) -> Question:
    """The question that covers a rule in a scenario."""
    scenario, longest = scenario_of(spec, name), max(scenario_of(spec, other).tasks for other in spec.games)
    return Question(rule, scenario.game, scenario.prior, scenario.cascade, longest)


def judge(spec: Spec, records: list[Record], workers: int = 1) -> pl.DataFrame:
    """A row for each rule in each scenario, per task: simulated with 95 % intervals, exact, and the gaps.

    Columns: utility, cost (with `_half`), `exact` and its `gap` in standard errors; `loss` of the exact value, or of
    the simulated one if there is none, against the Bayes-optimal value (or, at a fixed s, against being told it);
    `doubts`, `locked` (shares), `locked_exact`, `locked_gap`.
    """
    asked = questions(spec, [record.learner for record in records if record.error is None])
    jobs = in_workers(partial(_answer, asked), asked, workers)
    known = dict(Steps().over(jobs, len(asked), "exact programs"))
    tallies: dict[tuple[str, str], Tally] = {}
    for record in records:
        if record.error is None:
            pair = record.learner, record.game
            tallies[pair] = tallies.get(pair, Tally()).joined(record.trace)
    rows = [row(spec, rule, name, tally, known) for (rule, name), tally in tallies.items()]
    return pl.DataFrame(rows, infer_schema_length=None)


def _answer(asked: dict[Question, tuple[int, ...]], question: Question) -> tuple[Question, Exact]:
    return question, exact(asked[question], question)


def row(spec: Spec, rule: str, name: str, tally: Tally, known: dict[Question, Exact]) -> dict[str, Any]:
    """One rule in one scenario."""
    scenario = scenario_of(spec, name)
    n, sessions = scenario.tasks, tally.sessions
    answer = known[key_of(rule, name, spec)]
    utility, error = moments(tally.utility, tally.utility_squares, sessions, n)
    cost, cost_error = moments(tally.cost, tally.cost_squares, sessions, n)
    locked, value = answer.locked.get(n), None
    if n in answer.value:
        value = answer.value[n] / n
    if scenario.cascade is None:
        best = known[key_of(PLAN, name, spec)].value[n] / n
        told = clairvoyant(scenario.game, Belief(*scenario.prior))
    else:
        best = told = float(told_utility(scenario.game, scenario.cascade))
    game, prior, truth, _ = name.split("_")
    shares = {"doubts": wilson(tally.doubts, sessions).share, "locked": tally.locked / sessions}
    return {
        "game": game, "prior": prior, "truth": truth, "tasks": n, "rule": rule, "sessions": sessions,
        "utility": utility, "utility_half": 1.96 * error, "exact": value,
        "gap": None if value is None else gap(utility, value, error), "best": best, "told": told,
        "loss": best - (utility if value is None else value), "loss_half": 1.96 * error if value is None else 0.0,
        "cost": cost, "cost_half": 1.96 * cost_error, **shares,
        "locked_exact": locked,
        "locked_gap": None if locked is None else gap(shares["locked"], locked, share_error(locked, sessions)),
    }  # fmt: skip


def moments(total: float, squares: float, sessions: int, tasks: int) -> tuple[float, float]:
    """Mean a task, and its standard error over sessions."""
    mean = total / sessions
    variance = max(squares / sessions - mean**2, 0.0) * sessions / max(sessions - 1, 1)
    return mean / tasks, float(np.sqrt(variance / sessions)) / tasks
