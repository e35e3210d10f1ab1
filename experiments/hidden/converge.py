"""Does the belief find s? The mean, the side of the threshold, and the credible interval, task
after task.

A user who never leaves sees, in n tasks with a constant s, E ~ Bin(n, e) escalations and,
independently, K keeps, a negative binomial of n successes with chance 1 - a, where a = k1 (1-s) and
e = k1 s / (1-a). So its belief after n tasks has an exact law. Users who leave see less, and which
of them leave depends on what they saw. Averaged over the prior their 95 % intervals hold s in 95 %
of the sessions all the same, whatever the rule: what a user did not look at, its posterior does not
pretend to know. At a fixed s it may be more or less.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy.special import betainc
from scipy.stats import binom, nbinom

from routing_game.envs.crowd import play_sessions
from routing_game.experiments.cells.progress import Steps
from routing_game.experiments.hidden.rulebook import RULEBOOK, Stays
from routing_game.experiments.hidden.settings import Settings
from routing_game.experiments.hidden.threshold import Threshold, doubts, threshold
from routing_game.experiments.intervals import gap, mean, share, share_error
from routing_game.experiments.play import checkpoints
from routing_game.theory import Game
from routing_game.theory.belief import Belief
from routing_game.theory.belief_rules import Rule

PROFILES = {
    "smoke": {"sessions": 50, "tasks": 45},
    "default": {"sessions": 1000, "tasks": 1000},
    "full": {"sessions": 4000, "tasks": 2000},
}
STAYS = "always stays"
RULES = (STAYS, "plug-in", "Thompson", "forced stays")
DISTANCES = (-0.1, 0.05, 0.1, 0.2)
"""Of the true s from the threshold, towards the side where the user stays."""
PHASES = (0.2, -0.1, 0.2)
"""The same, of a provider that changes: a third of the tasks each."""
MEMORIES = (1.0, 0.99, 0.95, 0.9)
LEVEL = 0.95
RECOVERED = 0.9
"""Share of beliefs on the right side at which a crowd counts as having noticed a change."""
TAIL = 1e-13
"""Chance beyond which the exact law of the counts is cut off, on each side."""
Rows = list[dict[str, Any]]


class Cell(NamedTuple):
    """Sessions of one rule against a constant s, or against one drawn from the prior for each."""

    rule: str
    distance: float | None


class Change(NamedTuple):
    """Sessions of one rule, with some memory, against a provider that changes."""

    rule: str
    memory: float


class Measured(NamedTuple):
    """What is measured, in rows."""

    beliefs: Rows
    """After some numbers of tasks, a row for each of them, rule and distance."""
    times: Rows
    """How soon they were right for good, by rule and distance."""
    courses: Rows
    """Of beliefs under a changing provider, by rule, memory and task."""
    recoveries: Rows
    """How soon each change was noticed, by rule and memory."""


def measure(settings: Settings, progress: Steps) -> Measured:
    """Follow beliefs under constant s, under s from the prior, and under an s that changes."""
    mark = threshold(settings.game, settings.name)
    distances = (*(d for d in DISTANCES if 0 < mark.towards(d) < 1), None)
    cells = [Cell(rule, distance) for rule in RULES for distance in distances]
    changes = [Change(rule, memory) for rule in RULES for memory in MEMORIES]
    same = settings.each(partial(follow, settings, mark), cells, progress, "groups of sessions")
    job = partial(follow_change, settings, mark)
    changed = settings.each(job, changes, progress, "changing providers")
    return Measured(
        beliefs=[row for rows, _ in same for row in rows],
        times=[row for _, row in same],
        courses=[row for rows, _ in changed for row in rows],
        recoveries=[row for _, row in changed],
    )


def rule_of(name: str, game: Game) -> Rule:
    """The rule of that name; "always stays" is not in the rulebook."""
    return Stays(game) if name == STAYS else RULEBOOK[name].make(game)


def right(game: Game, mark: Threshold, belief: Belief, s: Any) -> Any:
    """Whether each belief is on the side of the threshold on which s is."""
    return doubts(game, belief) == (mark.better * (np.asarray(s) - mark.s) < 0)


def follow(settings: Settings, mark: Threshold, cell: Cell) -> tuple[Rows, dict[str, Any]]:
    """The beliefs after some numbers of tasks, a row each; and when they settled."""
    game, tasks, sessions = settings.game, settings["tasks"], settings["sessions"]
    rng = settings.rng("converge", cell)
    s = rng.random(sessions) if cell.distance is None else mark.towards(cell.distance)
    played = play_sessions(game, rule_of(cell.rule, game), s, tasks, sessions, rng)
    escalated, kept = played.escalations.cumsum(axis=0), played.keeps.cumsum(axis=0)
    beliefs = Belief(1 + escalated, 1 + kept)
    on_side = right(game, mark, beliefs, s)
    who = cell._asdict()
    rows = []
    for n in checkpoints(tasks, first=1, count=16):
        belief = Belief(beliefs.escalated[n - 1], beliefs.kept[n - 1])
        row = {
            **who,
            "tasks": n,
            "draws": float((belief.escalated + belief.kept).mean() - 2),
            **mean("error", np.abs(belief.mean - s)),
            **share("right", on_side[n - 1]),
            **share("covered", holds(belief, s)),
        }
        rows.append(row | exactly(game, mark, cell, row, sessions))
    return rows, who | settled(on_side)


def holds(belief: Belief, s: Any) -> Any:
    """Whether the central credible interval of each belief holds s."""
    below = betainc(belief.escalated, belief.kept, s)
    return (below >= (1 - LEVEL) / 2) & (below <= (1 + LEVEL) / 2)


def exactly(
    game: Game,
    mark: Threshold,
    cell: Cell,
    row: Mapping[str, Any],
    n: int,
) -> dict[str, Any]:
    """Exact shares of users who never leave, and the gaps of simulated ones; None for others.

    Args:
        game: the game.
        mark: its threshold.
        cell: the rule and the distance of s.
        row: number of tasks, and the simulated shares.
        n: sessions they are of.
    """
    names = ("right", "covered")
    if cell.rule != STAYS or cell.distance is None:
        return {f"{name}_{column}": None for name in names for column in ("exact", "gap")}
    found = stayers(game, mark, mark.towards(cell.distance), row["tasks"])
    exacts, gaps = {}, {}
    for name, exact in zip(names, found, strict=True):
        exacts[f"{name}_exact"] = exact
        gaps[f"{name}_gap"] = gap(row[name], exact, share_error(exact, n))
    return exacts | gaps


def stayers(game: Game, mark: Threshold, s: float, tasks: int) -> tuple[float, float]:
    """(P(belief on the right side), P(interval holds s)) after n tasks of a user who never leaves.

    From Beta(1, 1), by a sum over both counts.
    """
    k1 = float(game.failure[0])
    again = k1 * (1 - s)
    escalated, kept = binom(tasks, k1 * s / (1 - again)), nbinom(tasks, 1 - again)
    escalations = likely(escalated)[:, None]
    keeps = likely(kept)
    weight = escalated.pmf(escalations) * kept.pmf(keeps)
    belief = Belief(1 + escalations, 1 + keeps)
    on_side = weight[right(game, mark, belief, s)]
    held = weight[holds(belief, s)]
    return float(on_side.sum()), float(held.sum())


def likely(law: Any) -> Any:
    """The counts between the two tails of a law."""
    return np.arange(law.ppf(TAIL), law.isf(TAIL) + 1)


def settled(on_side: Any) -> dict[str, Any]:
    """The tasks after which beliefs are right for good, and how many are not.

    Args:
        on_side: whether they are on the right side, (tasks, sessions).
    """
    number = np.arange(1, len(on_side) + 1)[:, None]
    last_wrong = np.where(on_side, 0, number).max(axis=0)
    times = np.where(on_side[-1], last_wrong + 1, np.inf)
    found = np.quantile(times, (0.5, 0.9), method="inverted_cdf")
    median, most = (float(time) if np.isfinite(time) else None for time in found)
    return {"median": median, "90 %": most} | share("wrong", ~on_side[-1])


def follow_change(settings: Settings, mark: Threshold, cell: Change) -> tuple[Rows, dict[str, Any]]:
    """The course of median belief and share on the right side, and when each change was noticed."""
    game, third, sessions = settings.game, settings["tasks"] // 3, settings["sessions"]
    rng, rule = settings.rng("change", cell), rule_of(cell.rule, settings.game)
    truth = np.repeat([mark.towards(distance) for distance in PHASES], third)
    provider = partial(playing, truth)
    played = play_sessions(game, rule, provider, truth.size, sessions, rng, memory=cell.memory)
    beliefs = Belief(played.mean, 1 - played.mean)
    on_side = right(game, mark, beliefs, truth[:, None]).mean(axis=1)
    who = cell._asdict()
    rows = [
        {
            **who,
            "task": int(t) + 1,
            "s": float(truth[t]),
            "median": float(np.median(played.mean[t])),
            "right": float(on_side[t]),
        }
        for t in np.arange(0, truth.size, max(1, truth.size // 100))
    ]
    return rows, who | noticed(on_side, third)


def playing(truth: Any, belief: Belief, task: int) -> Any:
    """The s of a provider that changes with the number of the task, whatever users believe."""
    return truth[task - 1]


def noticed(shares: Any, third: int) -> dict[str, Any]:
    """How right the beliefs were before the changes, and how soon they noticed each.

    Args:
        shares: of beliefs on the right side, by task.
        third: tasks after which the provider changes, and changes again.
    """
    fifth = max(1, third // 5)
    before = float(shares[third - fifth : third].mean())
    doubting = first(shares[third : 2 * third])
    trusting = first(shares[2 * third : 3 * third])
    if doubting is None:  # who noticed nothing cannot notice that it is over
        trusting = None
    return {"before": before, "doubting": doubting, "trusting": trusting}


def first(shares: Any) -> int | None:
    """Tasks until the share is large enough, None if it never is."""
    there = np.flatnonzero(shares >= RECOVERED)
    return int(there[0]) if there.size else None
