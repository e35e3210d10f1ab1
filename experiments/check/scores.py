"""How far learning came: averages and speeds, comparable across games, from the judged rows.

Seeds are paired: seed k of one learner meets the same seed numbers as seed k of another, so
intervals of an average over games resample whole seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from routing_game.experiments.intervals import Share, iqm_interval

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


def speeds(judged: pl.DataFrame, limit: float) -> pl.DataFrame:
    """A row per cell: `learner`, `game`, `seed`, and `from`, the practice from which on its regret
    stays at or below the limit; null if it never does.
    """
    rows = []
    for (learner, game, seed), cell in judged.group_by(*LABELS, maintain_order=True):
        practice, regret = cell["practice"].to_list(), cell["regret"].to_list()
        rows.append((learner, game, seed, practice_to(practice, regret, limit)))
    schema = {**LABELS, "from": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row").fill_nan(None)


def scores(judged: pl.DataFrame, games: Mapping[str, Sequence[str]]) -> pl.DataFrame:
    """A row per learner: `iqm` of regret over its games, with the ends of its interval.

    Only seeds that played all of a learner's games count, so that games have the same weight.

    Args:
        judged: of `judge.Judged.rows`.
        games: learner -> those that it was to play.

    Columns: `learner`, `iqm` (null if no seed has played all), `low` and `high` (null, too, for
    fewer than `FEW` seeds), and `cells`, how many are finished.
    """
    last = judged.group_by(*LABELS, maintain_order=True).last()
    rows = []
    for name, played in games.items():
        mine = last.filter(pl.col("learner") == name, pl.col("game").is_in(played))
        table = mine.pivot("game", index="seed", values="regret").sort("seed").drop("seed")
        whole = table.drop_nulls().to_numpy() if table.width == len(played) else np.empty((0, 0))
        middle, low, high = iqm_interval(whole) if whole.size else (np.nan,) * 3
        rows.append((name, middle, low, high, mine.height))
    names = ("learner", "iqm", "low", "high", "cells")
    kinds = (pl.String, *[pl.Float64] * 3, pl.Int64)
    table = pl.DataFrame(rows, schema=dict(zip(names, kinds, strict=True)), orient="row")
    return table.fill_nan(None)
