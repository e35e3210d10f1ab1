"""What predicts where a learner fails: its regret beside the geometry of the sampled games.

The geometry is exact (`theory.geometry`). Several measures are tried, so an answer counts only if
it would among that many (Bonferroni), and a split is chosen by looking, so its chance is that of
the best split of shuffled games.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from scipy.special import ndtri
from scipy.stats import rankdata

from routing_game.experiments.check.learners import Role
from routing_game.experiments.check.sets import CASCADES
from routing_game.experiments.intervals import Share, wilson
from routing_game.theory.geometry import Geometry
from routing_game.theory.numbers import Array

USER_MEASURES = ("edge", "edge_log_odds")
"""What a user's failures are held against; the other measures are about the provider's cost."""
LEAST = 10
"""Games without which nothing is said about what predicts failure."""
SHUFFLES = 999
"""Of the games, to tell by chance alone how well they can be split."""


class Predictor(NamedTuple):
    """How one measure of the games goes with a learner's regret."""

    measure: str
    games: int
    rho: float
    """Spearman's rank correlation with mean regret; nan if either is the same on all games."""
    low: float
    high: float
    """Its interval: 95 % for all measures together (Bonett and Wright 2000; Bonferroni)."""
    thirds: tuple[Share, ...]
    """Failures among games with a small, a middling and a large measure."""

    @property
    def counts(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


class Split(NamedTuple):
    """The single question about a measure that best tells failures from successes."""

    measure: str
    at: float
    below: Share
    """Failures among the games whose measure is at most that."""
    above: Share
    chance: float
    """How often shuffled games split as well: a permutation test over measures and places."""


class Failures(NamedTuple):
    """Where a learner fails, and what predicts it."""

    learner: str
    games: int
    failed: float
    """How many games, seeds counting in part."""
    predictors: tuple[Predictor, ...]
    """The strongest first; none if there are too few games or no failures."""
    split: Split | None


def failures(rows: pl.DataFrame, lands: pl.DataFrame, role: Role) -> list[Failures]:
    """What predicts each learner's failures: a provider's on cascades, a user's where q jumps.

    Elsewhere the measures do not exist, and hardly anybody fails.

    Args:
        rows: of `samples.by_game`.
        lands: of `lands.table`.
        role: whose.
    """
    names = Geometry._fields if role == "provider" else USER_MEASURES
    table = rows.join(lands.select("game", *names), on="game", maintain_order="left")
    table = table.filter(pl.col("edge").is_not_null())
    if role == "provider":
        table = table.filter(pl.col("kind").is_in(CASCADES))
    groups = table.group_by("learner", maintain_order=True)
    return [_failures(str(learner), mine, names) for (learner,), mine in groups]


def _failures(learner: str, rows: pl.DataFrame, names: Sequence[str]) -> Failures:
    regret, failed = rows["regret"].to_numpy(), 1 - rows["within"].to_numpy()
    if len(failed) < LEAST or np.ptp(regret) < 1e-9:
        return Failures(learner, len(failed), float(failed.sum()), (), None)
    measures = rows.select(names).to_numpy()
    found = [
        predictor(name, x, regret, failed, len(names))
        for name, x in zip(names, measures.T, strict=True)
    ]
    found.sort(key=lambda one: -np.nan_to_num(abs(one.rho)))
    split = best_split(names, measures, failed) if 0 < failed.sum() < len(failed) else None
    return Failures(learner, len(failed), float(failed.sum()), tuple(found), split)


def predictor(name: str, measure: Array, regret: Array, failed: Array, tried: int) -> Predictor:
    """How a measure goes with regret and failure, among so many measures that are tried."""
    n = len(measure)
    if np.ptp(measure) == 0 or np.ptp(regret) == 0:
        rho = low = high = np.nan
    else:
        rho = float(np.corrcoef(rankdata(measure), rankdata(regret))[0, 1])
        spread = ndtri(1 - 0.025 / tried) * np.sqrt((1 + rho**2 / 2) / (n - 3))
        centre = np.arctanh(np.clip(rho, -1 + 1e-12, 1 - 1e-12))
        low, high = (float(np.tanh(centre + sign * spread)) for sign in (-1, 1))
    thirds = np.array_split(failed[np.argsort(measure, kind="stable")], 3)
    return Predictor(
        name, n, rho, low, high, tuple(wilson(part.sum(), len(part)) for part in thirds)
    )


def best_split(names: Sequence[str], measures: Array, failed: Array) -> Split | None:
    """The place on one measure that parts failures from successes best, if any place does.

    Best is the most variance between the two sides; a side has a tenth of the games, five at least.

    Args:
        names: of the measures.
        measures: shape (games, measures).
        failed: share of seeds that failed, a game each.
    """
    rng = np.random.default_rng(0)
    shuffled = rng.permuted(np.tile(failed, (SHUFFLES, 1)), axis=1)
    table = np.vstack([failed, shuffled])
    gains, places = zip(*(_gains(x, table) for x in measures.T), strict=True)
    best = int(np.argmax([gain[0] for gain in gains]))
    if not gains[best][0] > 0:
        return None
    chance = float(np.mean(np.max(gains, axis=0) >= gains[best][0] - 1e-12))
    x, at = measures[:, best], places[best]
    sides = (failed[x <= at], failed[x > at])
    below, above = (wilson(side.sum(), len(side)) for side in sides)
    return Split(names[best], float(at), below, above, chance)


def _gains(measure: Array, table: Array) -> tuple[Array, float]:
    """The most variance that a place on a measure explains, and the first row's best place.

    Args:
        measure: of each game.
        table: failures by game, a row for each way to shuffle them, the first as they are.
    """
    order = np.argsort(measure, kind="stable")
    x, n = measure[order], len(measure)
    least = max(5, n // 10)
    cut = np.arange(least, n - least + 1)  # games on the lower side
    cut = cut[x[cut - 1] < x[np.minimum(cut, n - 1)]]
    if not len(cut):
        return np.zeros(len(table)), np.nan
    sums = np.cumsum(table[:, order], axis=1)
    below, total = sums[:, cut - 1], sums[:, -1:]
    above = total - below
    gain = below**2 / cut + above**2 / (n - cut) - total**2 / n
    best = cut[np.argmax(gain[0])]
    return gain.max(axis=1), float(x[best - 1] + x[best]) / 2
