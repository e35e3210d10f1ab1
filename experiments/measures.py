"""How far learning came, in numbers that can be compared across games: shares, speeds, and which equilibrium was found.

All are computed from the judged rows of a run (`analysis.judge`). Seeds are paired: seed k of one learner meets the
same seed numbers as seed k of another, so intervals of an average over games resample whole seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest, bootstrap, trim_mean

from routing_game.theory import Game, simultaneous, solve

CONVERGED = 0.01
"""Regret, as a share of J* or V, at which a seed counts as converged."""
LEVELS = (0.01, 0.05)
"""Regrets whose first lasting visit is timed."""
LABELS = {"learner": pl.String, "game": pl.String, "seed": pl.Int64}
SELECTED = 0.03
"""How near, as a share, a cost must lie to an equilibrium's to count as that equilibrium."""

Selected = Literal["Stackelberg", "simultaneous", "neither"]


class Share(NamedTuple):
    """A share of seeds, with its 95 % Wilson interval."""

    share: float
    low: float
    high: float


def wilson(successes: int, n: int) -> Share:
    """The share ``successes / n`` and its 95 % interval (Wilson 1927); all nan for n = 0."""
    if n == 0:
        return Share(np.nan, np.nan, np.nan)
    interval = binomtest(successes, n).proportion_ci(0.95, method="wilson")
    return Share(successes / n, float(interval.low), float(interval.high))


def iqm(values: NDArray[np.float64], axis: int | None = None) -> NDArray[np.float64]:
    """Interquartile mean: the mean of the middle half (Agarwal et al. 2021)."""
    return np.asarray(trim_mean(values, 0.25, axis=axis))


def iqm_interval(regret: NDArray[np.float64], resamples: int = 2000) -> tuple[float, float, float]:
    """The interquartile mean of (seeds, games) regrets, and its 95 % bootstrap interval over seeds, paired by game.

    Resampling takes whole seeds, in every game the same; the random numbers are fixed, so the interval is too.
    """
    middle = float(iqm(regret))
    if len(regret) < 2:
        return middle, np.nan, np.nan
    drawn = bootstrap(
        (np.arange(len(regret)),),
        lambda seeds, axis: np.apply_along_axis(lambda k: iqm(regret[k]), -1, seeds),
        n_resamples=resamples,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    return middle, float(drawn.confidence_interval.low), float(drawn.confidence_interval.high)


def practice_to(practice: Sequence[int], regret: Sequence[float], level: float) -> float:
    """The practice from which on regret stays at or below ``level``; nan if it does not at the end."""
    above = np.flatnonzero(np.asarray(regret) > level)
    first = 0 if above.size == 0 else int(above[-1]) + 1
    return float(practice[first]) if first < len(practice) else float("nan")


def selected(game: Game, cost: ArrayLike) -> NDArray[np.str_]:
    """Which equilibrium each cost of play is that of: `Selected`, same shape.

    Where both cost the same, as in seven games of the catalog, it is the Stackelberg game's.
    """
    cost, optimum = np.asarray(cost, dtype=np.float64), float(solve(game).cost)
    ends = np.array([end.cost for end in simultaneous(game).outcomes])
    first = cost <= optimum + SELECTED * abs(optimum)
    second = (np.abs(cost[..., None] - ends) <= SELECTED * np.abs(ends)).any(axis=-1)
    return np.where(first, "Stackelberg", np.where(second, "simultaneous", "neither"))


def distance(game: Game, route: ArrayLike, cascade: ArrayLike) -> NDArray[np.float64]:
    """How far each s is from the optimal set on its route, same shape; nan where no optimum has this route."""
    route, cascade = np.broadcast_arrays(np.asarray(route), np.asarray(cascade, dtype=np.float64))
    gaps = [np.full(route.shape, np.inf)]
    for piece in solve(game).pieces:
        low, high = piece.cascade
        gap = np.maximum(np.maximum(low - cascade, cascade - high), 0.0)
        gaps.append(np.where(route == piece.route, np.where(route == 2, 0.0, gap), np.inf))
    least = np.min(gaps, axis=0)
    return np.where(np.isfinite(least), least, np.nan)


def speeds(judged: pl.DataFrame) -> pl.DataFrame:
    """A row per cell: practice to within each of `LEVELS` (columns `to_1`, `to_5`; null if not at the end)."""
    rows = []
    for (learner, game, seed), cell in judged.group_by(*LABELS, maintain_order=True):
        practice, regret = cell["practice"].to_list(), cell["regret"].to_list()
        times = {f"to_{100 * level:g}": practice_to(practice, regret, level) for level in LEVELS}
        rows.append({"learner": learner, "game": game, "seed": seed, **times})
    schema = {**LABELS, **{f"to_{100 * level:g}": pl.Float64 for level in LEVELS}}
    return pl.DataFrame(rows, schema=schema).fill_nan(None)


def scores(judged: pl.DataFrame, learners: Sequence[str]) -> pl.DataFrame:
    """A row per learner, over its games: `iqm` of final regret, `converged` share, both with intervals, and `cells`."""
    last = judged.group_by(*LABELS, maintain_order=True).last()
    rows = []
    for name in learners:
        mine = last.filter(pl.col("learner") == name)
        table = mine.pivot("game", index="seed", values="regret").sort("seed").drop("seed").drop_nulls().to_numpy()
        middle, low, high = iqm_interval(table) if table.size else (np.nan,) * 3
        share = wilson(int((mine["regret"] <= CONVERGED).sum()), mine.height)
        rows.append((name, middle, low, high, *share, mine.height))
    names = ("learner", "iqm", "low", "high", "converged", "converged_low", "converged_high", "cells")
    kinds = (pl.String, *[pl.Float64] * 6, pl.Int64)
    return pl.DataFrame(rows, schema=dict(zip(names, kinds, strict=True)), orient="row")
