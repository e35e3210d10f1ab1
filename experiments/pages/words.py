"""Numbers as people read them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from textwrap import fill
from typing import Any

import numpy as np

SMOKE = (
    "A smoke run: it shows that everything works. Its numbers are too few to conclude anything "
    "from; --profile default takes minutes, --profile full makes results."
)
"""The notice of every run of that profile."""
UNKNOWN = "unknown"
"""In place of a number that is none: nan, of what nobody measured."""


def odd(value: float) -> str:
    """What is said instead of nan and of infinity; empty for every other number."""
    if math.isnan(value):
        return UNKNOWN
    if math.isinf(value):
        return "infinite" if value > 0 else "minus infinite"
    return ""


def percent(part: float) -> str:
    """A share in percent, as 96.8, 0.05, 0 or, where two digits hide it, less than 0.01."""
    if words := odd(part):
        return words
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
    if words := odd(value):
        return words
    exponent = int(f"{value:.1e}".split("e")[1])  # once rounded: 0.996 is 1.0, not 1.00
    return f"{value:.{max(0, 1 - exponent)}f}"


def number(x: object) -> str:
    """A number to four digits."""
    value = float(x)  # type: ignore[arg-type]
    return odd(value) or (f"{value:.4g}" if abs(value) > 1e-12 else "0")


def cell(value: object) -> str:
    """A table's entry: four digits of a number, nothing for what is missing."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, float):
        return odd(value) or f"{value:.4g}"
    return f"{value:,}" if type(value) is int else str(value)


_GLUED = re.compile(
    # s = .2, 1 ± 2; 9 %, 2 of 3 games, but not "at 4 and"; % of J*; of 4, to 4, route 2
    r" (?:=|±) "
    r"|(?<=\d) (?=%|USD\b|(?!(?:an?|and|as|at|by|for|from|i[nst]|on|or|the|where|with)\b)[a-z])"
    r"|(?<=%) (?=of (?:J\*|V\b))"
    r"|(?<=\bof) (?=\d|J\*|V\b)|(?<=\bto) (?=\d)|(?<=\broute) (?=\d)"
    r"| (?=[sq][).,;:])"  # the nearest optimal s).
)
"""Where no line ends: between a number and its unit, its noun, or the other end of a range."""
_FIRM = "\N{NO-BREAK SPACE}"


def wrapped(text: str, width: int, **how: Any) -> str:
    """The text in lines of at most so many columns; a number stays with what it counts.

    Args:
        text: of one paragraph.
        width: columns.
        how: as `textwrap.fill` has it.
    """
    return fill(glued(text), width, break_on_hyphens=False, **how).replace(_FIRM, " ")


def glued(text: str) -> str:
    """The text with firm spaces where no line is to end."""
    return _GLUED.sub(lambda space: space[0].replace(" ", _FIRM), text)


def listed(words: Sequence[str]) -> str:
    """As `a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def whole_percent(part: float) -> str:
    """A share in percent, as 92."""
    return odd(part) or f"{100 * part:.0f}"


def with_interval(
    found: Sequence[float | None], say: Callable[[float], str] = whole_percent, unit: str = " %"
) -> str:
    """A number with its interval, as `92 % (86 to 96)`; as `92 %` if it has none.

    Args:
        found: the number and the ends, each None or nan where there is no interval.
        say: how each is written.
        unit: stands behind the number alone.
    """
    middle, low, high = found
    if middle is None or np.isnan(middle):
        return UNKNOWN
    if low is None or high is None or np.isnan(low) or np.isnan(high):
        return f"{say(middle)}{unit}"
    return f"{say(middle)}{unit} ({say(low)} to {say(high)})"
