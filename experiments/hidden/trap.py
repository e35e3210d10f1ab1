"""The information trap: who ends up leaving for good, and what it costs whom.

A user who leaves at a failure sees no draw, so a rule of the belief alone that says "leave" has
said its last word: it is locked in, with a chance that `theory.lock_in` knows exactly. Rules that
explore are never locked in; for them, and for all, two things are counted after the last task: that
the belief *doubts* (plug-in would leave), and that the user was *silent* (saw no draw in the last
tenth of the tasks). They coincide for a rule that never explores.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from routing_game.envs.crowd import Sessions, play_sessions
from routing_game.experiments.cells.progress import Steps
from routing_game.experiments.hidden.rulebook import RULEBOOK, Entry, alone
from routing_game.experiments.hidden.settings import Settings
from routing_game.experiments.hidden.threshold import Threshold, doubts, threshold, told
from routing_game.experiments.intervals import gap, mean, share, share_error
from routing_game.theory import Game
from routing_game.theory.belief import Belief
from routing_game.theory.lock_in import lock_in

PROFILES = {
    "smoke": {"sessions": 50, "tasks": 40},
    "default": {"sessions": 2000, "tasks": 1000},
    "full": {"sessions": 4000, "tasks": 1000},
}
DISTANCES = (-0.15, -0.1, -0.05, 0.0, 0.05, 0.1, 0.2, 0.3, 0.4)
"""Of the true s from the threshold, towards the side where the user stays."""
PRIOR = Belief(1.0, 1.0)
PRIOR_MEANS = (-0.12, -0.06, -0.02, 0.02, 0.06, 0.12, 0.2)
"""Distances of other priors' means from the threshold."""
PRIOR_SIZE = 4.0
"""Their a + b."""
GOOD = 0.1
"""How far the true s then lies on the side where staying is right."""


class Cell(NamedTuple):
    """Sessions of one rule with one prior against one s."""

    rule: str
    prior: Belief
    s: float
    sweep: str
    """Which of the two is varied: "s" or "prior"."""


def measure(settings: Settings, progress: Steps) -> list[dict[str, Any]]:
    """Every rule on both sweeps, a row each; those that can lock in beside the exact recursion."""
    mark = threshold(settings.game, settings.name)
    return settings.each(partial(row, settings, mark), cells(mark), progress, "groups of sessions")


def cells(mark: Threshold) -> list[Cell]:
    """Every rule at every s with one prior, and at one s with every prior."""
    truths = inside(mark, DISTANCES)
    means = inside(mark, PRIOR_MEANS)
    priors = [Belief(m * PRIOR_SIZE, (1 - m) * PRIOR_SIZE) for m in means]
    over_s = [Cell(rule, PRIOR, s, "s") for rule in RULEBOOK for s in truths]
    s = mark.towards(GOOD)
    return over_s + [Cell(rule, prior, s, "prior") for rule in RULEBOOK for prior in priors]


def inside(mark: Threshold, distances: tuple[float, ...]) -> list[float]:
    """The numbers so far from the threshold, those in (0, 1)."""
    return [s for s in map(mark.towards, distances) if 0 < s < 1]


def row(settings: Settings, mark: Threshold, cell: Cell) -> dict[str, Any]:
    """Shares, regrets, and what is exact of one cell."""
    game, tasks, sessions = settings.game, settings["tasks"], settings["sessions"]
    rng = settings.rng("trap", cell)
    user = RULEBOOK[cell.rule].make(game)
    played = play_sessions(game, user, cell.s, tasks, sessions, rng, cell.prior)
    best = told(game, mark, cell.s)
    utility, cost = played.utility.mean(axis=0), played.cost.mean(axis=0)
    numbers = {
        "rule": cell.rule,
        "sweep": cell.sweep,
        "a": cell.prior.escalated,
        "b": cell.prior.kept,
        "s": cell.s,
        **share("doubts", doubts(game, played.belief)),
        **share("silent", silent(played)),
        **mean("user_regret", best.utility - utility),
        **mean("provider_regret", cost - best.cost),
        **mean("cost", cost),
    }
    exact = exactly(game, cell, tasks)
    if exact is None:
        return numbers | {"locked": None, "exact": None, "gap": None}
    leaving = np.asarray(user.leaving(played.belief, tasks, rng))
    locked = float(np.mean(leaving == 1.0))
    away = gap(locked, exact, share_error(exact, sessions))
    return numbers | {"locked": locked, "exact": exact, "gap": away}


def silent(played: Sessions) -> Any:
    """Whether each user saw no draw in the last tenth of the tasks."""
    draws = played.escalations + played.keeps
    return draws[-max(1, len(draws) // 10) :].sum(axis=0) == 0


def exactly(game: Game, cell: Cell, tasks: int) -> float | None:
    """The exact chance of being locked in; None for a rule that explores or mixes."""
    entry = RULEBOOK[cell.rule]
    if not entry.belief_alone or mixes(entry, game):
        return None
    rule = entry.make(game)
    leaving = alone(rule)

    def for_good(belief: Belief) -> Any:
        return leaving(belief) == 1.0

    return lock_in(game, cell.s, cell.prior, tasks, for_good, rule.checks)


def mixes(entry: Entry, game: Game) -> bool:
    """Whether a rule may leave now and then: if xi2 < 0, each that checks once a task does."""
    once_a_task = entry.make(game).checks == "task"
    return once_a_task and (entry.mixes or bool(game.net_value[1] < 0))
