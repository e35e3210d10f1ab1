"""Which rules lose least, and which most, in words: only those that play can tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from routing_game.experiments.hidden.wording import between, decimal
from routing_game.experiments.pages.words import listed

FEW = 2
"""Rules that lose alike, of which a sentence gives the names."""
DIGITS = 4
"""Of a loss, after the point."""
LOOKS_ALIKE = 0.5 * 10**-DIGITS
"""Losses that differ by less look alike on the page."""


def extremes(rows: pl.DataFrame) -> str:
    """Which of the rules lose least, and which most, if play can tell them apart.

    Args:
        rows: a rule each, with `loss` and half of its interval, `loss_half`: 0 if it is exact,
            missing or nan if there are too few sessions for any.
    """
    ranked = rows.sort("loss").to_dicts()
    first = [row for row in ranked if alike(row, ranked[0])]
    rest = [row for row in ranked if row not in first]
    if not rest:
        low, high = (decimal(row["loss"], DIGITS) for row in (ranked[0], ranked[-1]))
        return f"they lose alike as far as play can tell ({low} to {high})"
    last = [row for row in rest if alike(row, rest[-1])]
    first = [row for row in first if not alike(row, rest[-1])]  # one may be either, who knows
    return f"{several(first, 'least')}, {several(last, 'most')}"


def alike(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two losses differ by no more than their intervals, or than the last digit shown."""
    halves = [row["loss_half"] for row in (one, other)]
    if any(half is None or np.isnan(half) for half in halves):
        return True
    apart = abs(one["loss"] - other["loss"])
    return bool(apart <= max(LOOKS_ALIKE, np.hypot(*halves)))


def several(rows: Sequence[dict[str, Any]], how: str) -> str:
    """That some rules lose least, or most: by name, or how many if they are many."""
    names = [row["rule"] for row in rows]
    who = f"{len(names)} of them" if len(names) > FEW else listed(names)
    if len(rows) == 1:
        return f"{who} loses {how} ({between(rows[0]['loss'], rows[0]['loss_half'], DIGITS)})"
    losses = list(dict.fromkeys(decimal(row["loss"], DIGITS) for row in rows))
    told = losses[0] if len(losses) == 1 else f"{losses[0]} to {losses[-1]}"
    return f"{who} lose {how} ({told})"
