"""Tables as people read them: columns named in words, a number and its interval in one cell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from routing_game.experiments.pages.words import cell

if TYPE_CHECKING:
    import polars as pl

ROUNDING = 1e-12
"""A number below this is what rounding left of 0, and becomes 0."""
ENDS = ("_half", "_low", "_high")
"""What the columns of an interval are called, after the number's own name."""


class Head(NamedTuple):
    """How a column is shown."""

    words: str
    unit: float = 1.0
    """What its numbers are multiplied by; 100 makes percent."""
    least: float | None = None
    """What they cannot lie below, nor can the intervals that are shown, if none of them does."""
    places: int | None = None
    """Digits after the point; None for four digits in all."""


class Shown(NamedTuple):
    """A table for people: the columns' names, which of them hold numbers, and the rows."""

    heads: list[str]
    numeric: list[bool]
    rows: list[list[str]]


def shown(frame: pl.DataFrame, heads: Mapping[str, Head]) -> Shown:
    """The columns that have a head, in its order; all under their own names if none has one.

    A column ``x`` with ``x_half`` reads "x ± half", one with ``x_low`` and ``x_high`` reads
    "x (low to high)".
    """
    heads = heads or {name: Head(name) for name in frame.columns if not _is_end(name, frame)}
    heads = {name: head for name, head in heads.items() if name in frame.columns}
    return Shown(
        heads=[head.words for head in heads.values()],
        numeric=[frame.schema[name].is_numeric() for name in heads],
        rows=[
            [entry(row, name, head) for name, head in heads.items()]
            for row in frame.iter_rows(named=True)
        ],
    )


def _is_end(name: str, frame: pl.DataFrame) -> bool:
    return any(name.removesuffix(end) in frame.columns for end in ENDS if name.endswith(end))


def entry(row: Mapping[str, Any], name: str, head: Head) -> str:
    """One cell: a number, with its interval if it has one; what is no number as it is."""
    value = row[name]
    if type(value) is int and head.unit != 1:
        value = float(value)
    if not isinstance(value, float):
        return cell(value)
    half, low, high = (in_unit(row.get(f"{name}{end}"), head) for end in ENDS)
    value *= head.unit
    if head.places is not None:
        between = None if low is None or high is None else (low, high)
        return to_places(value, half, between, head)
    if half is not None:
        return with_half(value, half, head.least)
    if low is not None and high is not None:
        return f"{cell(value)} ({low:.3g} to {high:.3g})"
    return cell(value)


def in_unit(number: float | None, head: Head) -> float | None:
    """In the unit of the column; None for one that is unknown."""
    return None if number is None or math.isnan(number) else head.unit * number


def to_places(
    value: float, half: float | None, ends: tuple[float, float] | None, head: Head
) -> str:
    """A number to so many digits after the point, with half of its interval or the ends of it."""
    middle, least = f"{value:z.{head.places}f}", head.least
    if half is None and ends is not None:
        return f"{middle} ({ends[0]:z.{head.places}f} to {ends[1]:z.{head.places}f})"
    if half is None or half < ROUNDING:
        return middle
    if least is None or value < least or value - half >= least:
        return f"{middle} ± {half:.{head.places}f}"
    return f"{middle} ({least:z.{head.places}f} to {value + half:z.{head.places}f})"


def with_half(value: float, half: float, least: float | None = None) -> str:
    """A number with half of its interval, or with the ends of it where it would pass the least."""
    if half < ROUNDING:
        return cell(value)
    if least is None or value < least or value - half >= least:
        return f"{cell(value)} ± {half:.2g}"
    return f"{cell(value)} ({least:.3g} to {value + half:.3g})"


def rounded(frame: pl.DataFrame) -> pl.DataFrame:
    """The table with 0 for every number below `ROUNDING`."""
    import polars as pl

    numbers = {name: pl.col(name) for name, kind in frame.schema.items() if kind.is_float()}
    return frame.with_columns(
        pl.when(x.abs() < ROUNDING).then(0.0).otherwise(x).alias(name)
        for name, x in numbers.items()
    )
