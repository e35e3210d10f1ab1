"""The hidden suite: `routing-game check --suite hidden`, every rule in a catalog of scenarios with a hidden s.

A scenario is a cascade game, a prior, a true s (or "drawn from the prior") and a number of tasks; a cell plays many
sessions of one rule in it and keeps sums. What is exact is computed when a run is read, in `suite_judge`. The
machinery is that of `check`: run directory, one file a cell, resume, workers.
"""

from __future__ import annotations

from dataclasses import asdict, astuple, dataclass
from typing import Any, ClassVar

import numpy as np

from routing_game.agents.sessions import Planned
from routing_game.envs.crowd import play_sessions
from routing_game.experiments.cells.records import Record, RunDirectory
from routing_game.experiments.cells.spec import Cell, Plan, Spec
from routing_game.experiments.hidden.rulebook import RULEBOOK
from routing_game.experiments.hidden.threshold import doubts, threshold
from routing_game.theory import GAMES, Game
from routing_game.theory.belief_rules import Rule
from routing_game.theory.exchange import from_dict, to_dict

PLAN = "Bayes-optimal plan"
RULES = (PLAN, *RULEBOOK)
GAME_NAMES = ("t4-cascade", "t5-cascade")
PRIORS = {"even": (1.0, 1.0), "low": (1.0, 4.0), "high": (4.0, 1.0)}
DISTANCES = (0.1, -0.1)
"""Of a fixed true s from the threshold, towards the side where the user stays."""
TASKS = {"smoke": (5,), "default": (5, 30, 100), "full": (5, 30, 100)}
SESSIONS = {"smoke": (100, 1), "default": (4000, 1), "full": (10_000, 4)}
"""Sessions a cell, and cells (seeds) a scenario and rule."""


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
