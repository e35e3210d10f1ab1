"""Numbers as people read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def percent(part: float) -> str:
    """A share in percent, as 96.8, 0.05, 0 or, where two digits hide it, less than 0.01."""
    value = 100 * part
    if value >= 0.1:
        return f"{value:.1f}"
    if value <= 0:
        return "0"
    return f"{value:.2f}" if value >= 0.005 else "less than 0.01"


def fine_percent(share: float, floor: float) -> str:
    """A share in percent, to at least two digits and never in exponents; 0 below the floor."""
    return "0" if abs(share) < floor else two_digits(100 * share)


def two_digits(value: float) -> str:
    """A number to at least two digits, never in exponents."""
    exponent = int(f"{value:.1e}".split("e")[1])  # once rounded: 0.996 is 1.0, not 1.00
    return f"{value:.{max(0, 1 - exponent)}f}"


def plus_minus(row: Mapping[str, Any], name: str, digits: int) -> str:
    """The mean of that name with half of its interval, as 1.35 ± 0.24; a single value has none."""
    value, half = row[name], row[f"{name}_half"]
    spread = "" if half is None or np.isnan(half) else f" ± {half:.{digits}f}"
    return f"{value:.{digits}f}{spread}"


def number(x: object) -> str:
    """A number to four digits."""
    return f"{float(x):.4g}" if abs(float(x)) > 1e-12 else "0"  # type: ignore[arg-type]


def cell(value: object) -> str:
    """A table's entry: four digits of a number, nothing for what is missing."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if type(value) is int else str(value)


def listed(words: Sequence[str]) -> str:
    """As `a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def with_interval(share: Sequence[float]) -> str:
    """As `92 % (86 to 96)`."""
    middle, low, high = (f"{100 * x:.0f}" for x in share)
    return f"{middle} % ({low} to {high})"
