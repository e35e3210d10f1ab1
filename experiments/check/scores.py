"""How far learning came: shares and speeds, comparable across games, from the judged rows.

Seeds are paired: seed k of one learner meets the same seed numbers as seed k of another, so
intervals of an average over games resample whole seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from routing_game.experiments.intervals import Share, iqm_interval, wilson

CONVERGED = 0.01
"""Regret, as a share of J* or V, at which a seed counts as converged."""
LEVELS = (0.01, 0.05)
"""Regrets whose first lasting visit is timed."""
LABELS = {"learner": pl.String, "game": pl.String, "seed": pl.Int64}


class Tally(NamedTuple):
    """How a learner did on some games."""

    games: int
    within: Share
    """The share of games on which it is within, with its interval."""
    regret: float
    """Mean over games."""
    half: float
    """Half of its 95 % t interval; nan for a single game."""


def practice_to(practice: Sequence[int], regret: Sequence[float], level: float) -> float:
    """The practice from which on regret stays at or below ``level``; nan if it never does."""
    above = np.flatnonzero(np.asarray(regret) > level)
    first = 0 if above.size == 0 else int(above[-1]) + 1
    return float(practice[first]) if first < len(practice) else float("nan")


def speeds(judged: pl.DataFrame) -> pl.DataFrame:
    """A row per cell: practice to within each of `LEVELS`, `to_1`, `to_5`; null if never."""
    rows = []
    for (learner, game, seed), cell in judged.group_by(*LABELS, maintain_order=True):
        practice, regret = cell["practice"].to_list(), cell["regret"].to_list()
        times = {f"to_{100 * level:g}": practice_to(practice, regret, level) for level in LEVELS}
        rows.append({"learner": learner, "game": game, "seed": seed, **times})
    schema = {**LABELS, **{f"to_{100 * level:g}": pl.Float64 for level in LEVELS}}
    return pl.DataFrame(rows, schema=schema).fill_nan(None)


def scores(judged: pl.DataFrame, learners: Sequence[str]) -> pl.DataFrame:
    """A row per learner, over its games: `iqm` of regret and `converged` share, with intervals."""
    last = judged.group_by(*LABELS, maintain_order=True).last()
    rows = []
    for name in learners:
        mine = last.filter(pl.col("learner") == name)
        table = (
            mine.pivot("game", index="seed", values="regret")
            .sort("seed")
            .drop("seed")
            .drop_nulls()
            .to_numpy()
        )
        middle, low, high = iqm_interval(table) if table.size else (np.nan,) * 3
        share = wilson(int((mine["regret"] <= CONVERGED).sum()), mine.height)
        rows.append((name, middle, low, high, *share, mine.height))
    names = (
        "learner",
        "iqm",
        "low",
        "high",
        "converged",
        "converged_low",
        "converged_high",
        "cells",
    )
    kinds = (pl.String, *[pl.Float64] * 6, pl.Int64)
    return pl.DataFrame(rows, schema=dict(zip(names, kinds, strict=True)), orient="row")
