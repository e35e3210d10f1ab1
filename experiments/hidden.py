"""The hidden suite: `routing-game check --suite hidden`, every rule in a catalog of scenarios with a hidden s.

A scenario is a cascade game, a prior, a true s (or "drawn from the prior") and a number of tasks; a cell plays many
sessions of one rule in it and keeps sums. What is exact is computed when a run is read (`judge`):

    value     of a rule of the belief alone, by the program that also gives the best plan (`theory.belief_plan`), under
              the prior or at the true s
    best      the Bayes-optimal value, of the scenarios whose s is drawn from the prior
    locked    the chance that the rule's last word is "leave" (`theory.lock_in`), at a true s

The machinery is that of `check`: run directory, one file a cell, resume, workers.
"""

from __future__ import annotations

from dataclasses import asdict, astuple, dataclass
from functools import partial
from typing import Any, ClassVar, NamedTuple

import numpy as np
import polars as pl

from routing_game.agents.beliefs import Planned
from routing_game.envs.crowd import play_sessions
from routing_game.experiments.columns import gap, share_error
from routing_game.experiments.measures import wilson
from routing_game.experiments.progress import Steps
from routing_game.experiments.records import Record, RunDirectory
from routing_game.experiments.rulebook import RULEBOOK, doubts, threshold
from routing_game.experiments.run import in_workers
from routing_game.experiments.spec import Cell, Plan, Spec
from routing_game.theory import GAMES, Game
from routing_game.theory.belief import Belief
from routing_game.theory.belief_plan import clairvoyant, plan_after_failure, plan_each_task, told_utility
from routing_game.theory.belief_rules import Rule
from routing_game.theory.exchange import from_dict, to_dict
from routing_game.theory.lock_in import lock_in

PLAN = "Bayes-optimal plan"
RULES = {
    PLAN: "plans all tasks ahead, checks after each failure",
    **dict.fromkeys(RULEBOOK, "see experiments.rulebook"),
}
GAME_NAMES = ("t4-cascade", "t5-cascade")
PRIORS = {"even": (1.0, 1.0), "low": (1.0, 4.0), "high": (4.0, 1.0)}
DISTANCES = (0.1, -0.1)
"""Of a fixed true s from the threshold, towards the side where the user stays."""
TASKS = {"smoke": (5,), "default": (5, 30, 100), "full": (5, 30, 100)}
SESSIONS = {"smoke": (100, 1), "default": (4000, 1), "full": (10_000, 4)}
"""Sessions a cell, and cells (seeds) a scenario and rule."""
FAR_ENOUGH = {"plug-in, each task": 30, "expected utility, each task": 5}
"""Tasks up to which the program of a user who checks once a task is solved: its time grows as their third power."""
AGREES = 4.0
"""Standard errors within which simulated and exact values must agree."""


@dataclass(frozen=True)
class Scenario:
    """A game with a hidden s: what the user believes, what is true, and how long it lasts."""

    game: Game
    prior: tuple[float, float]
    cascade: float | None
    """The true s; None if each session draws its own from the prior."""
    tasks: int


class HiddenSpec(Spec):
    """A run of the suite: its games are scenarios, its learners rules, and its practice counts sessions."""

    @staticmethod
    def encode(game: Any) -> dict[str, Any]:
        """A scenario as JSON."""
        return {**asdict(game), "game": to_dict(game.game)}

    @staticmethod
    def decode(fields: dict[str, Any]) -> Any:
        """Back from it."""
        return Scenario(**{**fields, "game": from_dict(fields["game"]), "prior": tuple(fields["prior"])})


@dataclass(frozen=True)
class Tally:
    """What many sessions came to; sums are over sessions, of a session's total."""

    sessions: int = 0
    utility: float = 0.0
    utility_squares: float = 0.0
    cost: float = 0.0
    cost_squares: float = 0.0
    doubts: int = 0
    """Sessions at whose end the plug-in user would leave."""
    locked: int = 0
    """Sessions at whose end the rule itself would leave for good, asked once more."""

    def check(self) -> None:
        """Raise ValueError unless there are sessions and all sums are numbers."""
        if self.sessions < 1 or not np.isfinite(astuple(self)).all():
            raise ValueError(f"expected sums over at least one session, got {self}")

    def joined(self, other: Tally) -> Tally:
        """That of both together."""
        return Tally(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True)
class HiddenRecord(Record):
    """The record of a rule in a scenario."""

    kind: ClassVar[Any] = Tally
    nothing: ClassVar[Any] = Tally()


class HiddenDirectory(RunDirectory):
    """A run of the hidden suite on disk."""

    suite = "hidden"
    spec_kind = HiddenSpec
    record_kind = HiddenRecord


def scenarios(profile: str, games: tuple[str, ...] = GAME_NAMES) -> dict[str, Scenario]:
    """The catalog by name: games x priors x truths x horizons."""
    found = {}
    for name in games:
        mark = threshold(GAMES[name], name)
        truths = {"drawn": None} | {("stay" if d > 0 else "leave"): mark.towards(d) for d in DISTANCES}
        for tasks in TASKS[profile]:
            for prior, counts in PRIORS.items():
                for truth, s in truths.items():
                    found[f"{name}_{prior}_{truth}_{tasks}"] = Scenario(GAMES[name], counts, s, tasks)
    return found


def make_spec(
    profile: str, games: tuple[str, ...] | None = None, rules: tuple[str, ...] | None = None,
    seeds: int | None = None, sessions: int | None = None,
) -> HiddenSpec:  # fmt: skip
    """The spec of a profile, with what is given changed."""
    found, (usual, cells) = scenarios(profile, games or GAME_NAMES), SESSIONS[profile]
    plan = Plan(tuple(found), sessions or usual, seeds or cells)
    return HiddenSpec(profile, found, dict.fromkeys(rules or RULES, plan))  # type: ignore[arg-type]


def scenario_of(spec: Spec, name: str) -> Scenario:
    """The scenario of that name."""
    found = spec.games[name]
    assert isinstance(found, Scenario)
    return found


def rule_of(name: str, scenario: Scenario) -> Rule:
    """The rule of that name, made for the scenario."""
    if name == PLAN:
        return Planned(scenario.game, scenario.tasks, scenario.prior)
    return RULEBOOK[name].make(scenario.game)


def play(spec: Spec, cell: Cell) -> Tally:
    """The sessions of one cell."""
    scenario = scenario_of(spec, cell.game)
    world, nature = map(np.random.default_rng, cell.streams(2))
    rule, sessions = rule_of(cell.learner, scenario), spec.plans[cell.learner].practice
    s = nature.beta(*scenario.prior, sessions) if scenario.cascade is None else scenario.cascade
    played = play_sessions(scenario.game, rule, s, scenario.tasks, sessions, world, scenario.prior)
    utility, cost = played.utility.sum(axis=0), played.cost.sum(axis=0)
    leaving = np.broadcast_to(rule.leaving(played.belief, scenario.tasks, world), (sessions,))
    return Tally(
        sessions, float(utility.sum()), float(np.square(utility).sum()), float(cost.sum()),
        float(np.square(cost).sum()), int(doubts(scenario.game, played.belief).sum()), int((leaving == 1.0).sum()),
    )  # fmt: skip


# --- what is exact --------------------------------------------------------------------------------------------


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
    prior, rng = Belief(*counts), np.random.default_rng(0)  # asked for, but not used
    if name == PLAN:
        best = plan_after_failure(game, prior, tasks).value if s is None else ()
        return Exact({n: float(best[n]) for n in horizons if s is None}, {})
    entry = RULEBOOK[name]
    rule = entry.make(game)
    if not entry.belief_alone:
        return Exact({}, {})

    def leaving(belief: Belief) -> Any:
        return rule.leaving(belief, 1, rng)

    if rule.checks == "failure":
        value = plan_after_failure(game, prior, tasks, leaving, cascade=s).value
        locks = {} if s is None else {n: lock_in(game, s, prior, n, lambda b: leaving(b) == 1.0) for n in horizons}
        return Exact({n: float(value[n]) for n in horizons}, locks)
    near = [n for n in horizons if n <= FAR_ENOUGH[name] and s is None]
    worth = plan_each_task(game, prior, max(near), leaving).value if near else ()
    return Exact({n: float(worth[n]) for n in near}, {})


def questions(spec: Spec) -> dict[Question, tuple[int, ...]]:
    """Every question of a run, and its horizons."""
    asked: dict[Question, tuple[int, ...]] = {}
    for rule in dict.fromkeys((PLAN, *spec.plans)):
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
    asked = questions(spec)
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
