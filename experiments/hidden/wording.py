"""What pages on a hidden cascade say alike: how much was done, means of few seeds, their words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from routing_game.experiments.hidden.names import RULE_WORDS
from routing_game.experiments.hidden.settings import Settings
from routing_game.experiments.hidden.threshold import Threshold
from routing_game.experiments.intervals import FEW, half_width
from routing_game.experiments.pages.words import SMOKE, listed, percent, with_interval
from routing_game.names import set_apart
from routing_game.theory import Game

COUNTS = {"patience": "values of patience", "curve": "points of the exact lines"}
"""Number of a profile -> what it counts, where its name does not say so."""
TERMS = {
    "s": "the provider's cascade, hidden from the user: the chance that after a failed pass of M1 "
    "(the standard model) it escalates to M2 (the reasoning model) and does not run M1 again",
    "draw": "what a user who stays after a failure sees of s: an escalation, or a keep (M1 again)",
    "belief": "what the user thinks of s, Beta(a, b): the prior's a and b, a larger by 1 for each "
    "escalation seen and b for each keep; its mean, a / (a + b), is E[s]",
    "doubt": "a belief doubts if a plug-in user who had it would leave after a failed pass of M1",
    "locked in": "gone for good: the user's own rule leaves at each failure, so the user sees no "
    "draw, so its belief never changes again",
    "silent": "without a draw in the last tenth of the tasks",
    "exact": "computed from the game by a recursion over beliefs, not played",
    "told s": "a user who knows s, sees the model at work and decides after each failure: the best "
    "that any user can do",
    "regret": "what a user gets less, or a provider pays more, than with a user who is told s; "
    "below 0 the user gets more, or the provider pays less",
    "brackets": "behind a share: its 95 % interval (Wilson)",
    "J*": "the provider's least cost of a task if the user sees s (Stackelberg)",
}
"""Word -> what it means on these pages."""
AGREES = 4.0
"""Standard errors within which simulated and exact values must agree."""
NAMED = 2
"""Rules that lose alike, of which a sentence gives the names."""
DIGITS = 4
"""Of a rule's loss, after the point."""
LOOKS_ALIKE = 0.5 * 10**-DIGITS
"""Losses that differ by less look alike on the page."""


def terms(*names: str, **more: str) -> dict[str, str]:
    """Some of `TERMS`, and others."""
    return {name: TERMS[name] for name in names} | more


def rules(names: Sequence[str]) -> dict[str, str]:
    """What users of these rules do."""
    return {name: RULE_WORDS[name] for name in names if name in RULE_WORDS}


def threshold_words(mark: Threshold) -> dict[str, str]:
    """What the threshold of a game is."""
    side = "least s at which staying with M1" if mark.better > 0 else "s below which staying"
    return {mark.name: f"the threshold, {mark.s:.4f}: the {side} is worth it after a failure"}


def asked(settings: Settings) -> dict[str, object]:
    """What a page says at its foot that was done."""
    numbers = {COUNTS.get(name, name): number for name, number in settings.numbers.items()}
    return {"game": settings.name, "profile": settings.profile, **numbers}


def done(settings: Settings) -> str:
    """The same in a line, for the top of the page."""
    game, profile, *numbers = asked(settings).items()
    counts = ", ".join(f"{name} {number:,}" for name, number in numbers)
    return f"Game {game[1]}, profile {profile[1]}: {counts}."


def notice(profile: str) -> str:
    """What to know first about a run of this profile."""
    return SMOKE if profile == "smoke" else ""


def spread(values: Sequence[float], digits: int, least: float | None = None) -> str:
    """Values of seeds in words: their mean with its 95 % t interval, or each if fewer than `FEW`.

    Args:
        values: one a seed.
        digits: after the point.
        least: what no value can lie below; an interval of such values ends there, too.
    """
    if len(values) < FEW:
        return listed([decimal(x, digits) for x in values])
    half = half_width(np.std(values, ddof=1), len(values))
    return between(float(np.mean(values)), float(half), digits, least)


def between(value: float, half: float | None, digits: int, least: float | None = None) -> str:
    """A number with its interval: "value ± half", or the ends where it would pass the least.

    Nothing is cut at a least that the number itself lies below: then it is none of the sample's.
    """
    if half is None or np.isnan(half) or half < 0.5 * 10**-digits:
        return decimal(value, digits)
    if least is None or value < least or value - half >= least:
        return f"{decimal(value, digits)} ± {half:.{digits}f}"
    return f"{decimal(value, digits)} ({decimal(least, digits)} to {decimal(value + half, digits)})"


def sign(value: float, half: float | None) -> int:
    """1 or -1 where the number lies above or below 0 with its interval; else 0.

    Args:
        value: the number.
        half: of its 95 % interval; 0 if it is exact, None or nan if there are too few for any.
    """
    if half is None or np.isnan(half) or abs(value) <= half:
        return 0
    return 1 if value > 0 else -1


def loss_of_value(value: float, half: float | None, digits: int) -> str:
    """What somebody loses, as a share of V: a verb and its object, whatever the sign."""
    told = between(value, half, digits)
    if sign(value, half) > 0:
        return f"loses {told} of V"
    return f"loses nothing that shows ({told} of V)"


def agreement_lead(gaps: ArrayLike) -> str:
    """Whether play agrees with theory, by the gaps between the two in standard errors."""
    agrees = bool((np.abs(np.asarray(gaps, dtype=float)) <= AGREES).all())
    return "Play agrees with theory" if agrees else "Play and theory disagree"


def places(size: float) -> int:
    """Digits after the point that show three of a number of this size, whatever its unit."""
    return max(0, 2 - int(np.floor(np.log10(size)))) if size > 0 else 3


def in_value(frame: pl.DataFrame, game: Game, *columns: str) -> pl.DataFrame:
    """The table with these columns, and halves of their intervals, as shares of V.

    A page says nothing of utility in the game's own unit, which may be seconds or dollars.
    """
    named = [c for column in columns for c in (column, f"{column}_half") if c in frame.columns]
    return frame.with_columns(pl.col(name) / float(game.value) for name in named)


def decimal(value: float, digits: int) -> str:
    """A number with so many digits after the point; 0 has no sign."""
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def share_words(row: Mapping[str, Any], name: str) -> str:
    """A share in percent, with its Wilson interval; see `TERMS`."""
    return with_interval([row[f"{name}{end}"] for end in ("", "_low", "_high")], percent)


def with_enough(frame: pl.DataFrame, seeds: int) -> pl.DataFrame:
    """The table of means over seeds, without intervals if there are too few seeds for any."""
    halves = [name for name in frame.columns if name.endswith("_half")]
    if seeds >= FEW:
        return frame
    return frame.with_columns(pl.lit(None, pl.Float64).alias(name) for name in halves)


def extremes(rows: pl.DataFrame, named: int = NAMED) -> str:
    """Which of the rules lose least, and which most, if play can tell them apart.

    Args:
        rows: a rule each, with `loss` and half of its interval, `loss_half`: 0 if it is exact,
            missing or nan if there are too few sessions for any.
        named: rules that lose alike of which the names are given; of more, how many they are.
    """
    ranked = rows.sort("loss").to_dicts()
    first = [row for row in ranked if alike(row, ranked[0])]
    rest = [row for row in ranked if row not in first]
    if not rest:
        low, high = (decimal(row["loss"], DIGITS) for row in (ranked[0], ranked[-1]))
        return f"they lose alike as far as play can tell ({low} to {high})"
    last = [row for row in rest if alike(row, rest[-1])]
    either = [row for row in first if alike(row, rest[-1])]
    first = [row for row in first if row not in either]
    told = [several(first, "least", named), several(last, "most", named)]
    if either:  # who knows which
        loss, half = either[0]["loss"], either[0]["loss_half"]
        how = f" ({between(loss, half, DIGITS)})" if len(either) == 1 else ""
        told.append(f"{called(either, named)} may lose least or most{how}")
    return ", ".join(told)


def called(rows: Sequence[dict[str, Any]], named: int) -> str:
    """The names of some rules, or how many they are if they are more than ``named``."""
    names = [row["rule"] for row in rows]
    if len(names) > named:
        return f"{len(names)} of them"
    return listed(set_apart(names))


def alike(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two losses differ by no more than their intervals, or than the last digit shown."""
    halves = [row["loss_half"] for row in (one, other)]
    if any(half is None or np.isnan(half) for half in halves):
        return True
    apart = abs(one["loss"] - other["loss"])
    return bool(apart <= max(LOOKS_ALIKE, np.hypot(*halves)))


def several(rows: Sequence[dict[str, Any]], how: str, named: int) -> str:
    """That some rules lose least, or most: by name, or how many if they are more than ``named``."""
    who = called(rows, named)
    if len(rows) == 1:
        return f"{who} loses {how} ({between(rows[0]['loss'], rows[0]['loss_half'], DIGITS)})"
    losses = list(dict.fromkeys(decimal(row["loss"], DIGITS) for row in rows))
    told = losses[0] if len(losses) == 1 else f"{losses[0]} to {losses[-1]}"
    return f"{who} lose {how} ({told})"
