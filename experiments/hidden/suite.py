"""The hidden suite, `check --suite hidden`: every rule in a catalog of scenarios with a hidden s.

A scenario is a game in which s matters to the user, a prior, a true s (or "drawn from the prior")
and a number of tasks; a cell plays many sessions of one rule in it and keeps sums. What is exact is
computed when a run is read, in `suite_judge`. The machinery is that of `check`: run directory, one
file a cell, resume, workers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Annotated, Any, NamedTuple

import msgspec
import numpy as np

from routing_game.agents.sessions import Planned
from routing_game.envs.crowd import play_sessions
from routing_game.experiments.cells.records import Record, Suite
from routing_game.experiments.cells.spec import Cell, Plan, Spec, single
from routing_game.experiments.hidden.rulebook import RULEBOOK
from routing_game.experiments.hidden.threshold import doubts, in_units_of_value, threshold
from routing_game.files import fitted
from routing_game.theory import GAMES, Game, thresholds
from routing_game.theory.belief_rules import Rule
from routing_game.theory.exchange import to_dict

PLAN = "Bayes-optimal plan"
RULES = (PLAN, *RULEBOOK)
GAME_NAMES = ("t4-cascade", "t5-cascade")
PRIORS = {"even": (1.0, 1.0), "low": (1.0, 4.0), "high": (4.0, 1.0)}
DISTANCES = (0.1, -0.1)
"""Of a fixed true s from the threshold, towards the side where the user stays; if [0, 1] ends
sooner, half of what is left.
"""
TASKS = {"smoke": (5,), "default": (5, 30, 100), "full": (5, 30, 100)}
SESSIONS = {"smoke": (100, 1), "default": (4000, 1), "full": (10_000, 4)}
"""Sessions a cell, and cells (seeds) a scenario and rule."""


MOST = 1e100
"""Of a sum: any more is a slip, and has no square."""
Weight = Annotated[float, msgspec.Meta(gt=0, le=1e9)]
Chance = Annotated[float, msgspec.Meta(ge=0, le=1)]


@dataclass(frozen=True)
class Scenario:
    """A game with a hidden s: what the user believes, what is true, and how long it lasts."""

    game: Game
    prior: tuple[float, float]
    cascade: float | None
    """The true s; None if each session draws its own from the prior."""
    tasks: int


class Title(NamedTuple):
    """What a scenario's name is made of."""

    game: str
    prior: str
    truth: str
    tasks: int

    def __str__(self) -> str:
        return "_".join(map(str, self))

    @classmethod
    def of(cls, name: str) -> Title:
        """Back from the name.

        Raises:
            ValueError: it is no scenario's.
        """
        parts = name.rsplit("_", 3)
        if len(parts) != 4 or not re.fullmatch("[1-9][0-9]{0,5}", parts[3]):
            raise ValueError(f"expected a scenario's name, GAME_PRIOR_TRUTH_TASKS, got {name!a}")
        game, prior, truth, tasks = parts
        return cls(game, prior, truth, int(tasks))


class HiddenSpec(Spec[Scenario]):
    """A run of the suite: its learners are rules, and its practice counts sessions."""

    @staticmethod
    def encode(game: Scenario) -> dict[str, Any]:
        """A scenario as JSON."""
        return {**asdict(game), "game": to_dict(game.game)}

    @staticmethod
    def decode(fields: dict[str, Any]) -> Scenario:
        """Back from it.

        Raises:
            ValueError: it stands for none.
        """
        written = fitted(fields, ScenarioFile)
        return Scenario(single(written.game), written.prior, written.cascade, written.tasks)

    def check(self) -> None:
        """Raise ValueError unless every scenario has its name, besides what holds of every run."""
        super().check()
        for name in self.games:
            Title.of(name)


class ScenarioFile(msgspec.Struct, forbid_unknown_fields=True):
    """A scenario as a file has it."""

    game: dict[str, Any]
    prior: tuple[Weight, Weight]
    cascade: Chance | None
    tasks: Annotated[int, msgspec.Meta(ge=1, le=1000)]


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
        """Raise ValueError unless there are sessions and all sums can be sums over them."""
        squares = self.utility_squares, self.cost_squares
        counts = self.doubts, self.locked
        if not (
            1 <= self.sessions <= 1 << 53
            and all(0 <= count <= self.sessions for count in counts)
            and all(abs(total) <= MOST for total in (self.utility, self.cost, *squares))
            and min(squares) >= 0
        ):
            raise ValueError(f"expected sums over at least one session, got {self}")

    def joined(self, other: Tally) -> Tally:
        """That of both together."""
        return Tally(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


def scenarios(profile: str, games: Mapping[str, Game]) -> dict[str, Scenario]:
    """The scenarios by name: games x priors x truths x horizons; V = 1 in each game."""
    return {
        str(Title(name, prior, truth, tasks)): Scenario(in_units_of_value(game), counts, s, tasks)
        for name, game in games.items()
        for tasks in TASKS[profile]
        for prior, counts in PRIORS.items()
        for truth, s in truths(name, game).items()
    }


def matters(game: Game) -> bool:
    """Whether it depends on s whether the user stays."""
    s0, _, s_high = thresholds(game)
    return bool(np.isfinite(s0) or np.isfinite(s_high))


def doubtful(games: Mapping[str, Game]) -> dict[str, Game]:
    """Those of the games in which it depends on s whether the user stays."""
    return {name: game for name, game in games.items() if matters(game)}


def truths(name: str, game: Game) -> dict[str, float | None]:
    """What may be true of s, by name: drawn from the prior, or so far from the threshold."""
    mark = threshold(game, name)
    fixed = {("stay" if distance > 0 else "leave"): mark.within(distance) for distance in DISTANCES}
    return {"drawn": None, **fixed}


def make_spec(
    profile: str,
    games: Mapping[str, Game] | None = None,
    rules: tuple[str, ...] | None = None,
    seeds: int | None = None,
    sessions: int | None = None,
) -> HiddenSpec:
    """The spec of a profile, with what is given changed.

    Args:
        profile: the name of the usual numbers.
        games: by name, those in which it depends on s whether the user stays; the others are left
            out. None for those of `GAME_NAMES`.
        rules: names of `RULES`; None for all.
        seeds: cells for each scenario and rule.
        sessions: played in a cell.

    Raises:
        InputError: in none of the games it depends on s whether the user stays.
    """
    games = games or {name: GAMES[name] for name in GAME_NAMES}
    found = scenarios(profile, doubtful(games) or games)
    usual, cells = SESSIONS[profile]
    plan = Plan(tuple(found), sessions or usual, seeds or cells)
    return HiddenSpec(profile, found, dict.fromkeys(rules or RULES, plan))


def rule_of(name: str, scenario: Scenario) -> Rule:
    """The rule of that name, made for the scenario."""
    if name == PLAN:
        return Planned(scenario.game, scenario.tasks, scenario.prior)
    return RULEBOOK[name].make(scenario.game)


def play(spec: Spec[Scenario], cell: Cell) -> Tally:
    """The sessions of one cell."""
    scenario, sessions = spec.games[cell.game], spec.plans[cell.learner].practice
    game, prior, tasks = scenario.game, scenario.prior, scenario.tasks
    world, nature = map(np.random.default_rng, cell.streams(2))
    rule = rule_of(cell.learner, scenario)
    s = nature.beta(*prior, sessions) if scenario.cascade is None else scenario.cascade
    played = play_sessions(game, rule, s, tasks, sessions, world, prior)
    utility, cost = played.utility.sum(axis=0), played.cost.sum(axis=0)
    leaving = np.broadcast_to(rule.leaving(played.belief, tasks, world), (sessions,))
    return Tally(
        sessions=sessions,
        utility=float(utility.sum()),
        utility_squares=float(np.square(utility).sum()),
        cost=float(cost.sum()),
        cost_squares=float(np.square(cost).sum()),
        doubts=int(doubts(game, played.belief).sum()),
        locked=int((leaving == 1.0).sum()),
    )


def play_all(spec: Spec[Scenario], cells: Sequence[Cell]) -> list[Tally]:
    """The sessions of each cell."""
    return [play(spec, cell) for cell in cells]


def fits(plan: Plan, record: Record[Tally]) -> bool:
    """Whether sums are over as many sessions as the plan has."""
    return record.trace.sessions == plan.practice


HIDDEN = Suite("hidden", HiddenSpec, play_all, Tally, Tally(), fits=fits)
