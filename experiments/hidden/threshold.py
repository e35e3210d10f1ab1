"""Where a user changes its mind about M1, and what a user who is told s does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from routing_game.experiments import InputError
from routing_game.theory import Game, thresholds
from routing_game.theory.belief import Belief
from routing_game.theory.belief_rules import plug_in_after_failure
from routing_game.theory.chain import Chain, evaluate
from routing_game.theory.numbers import TIE

DIGITS = 14
"""Of a latency in units of value that are no rounding: two operations lose two of 16."""


class Threshold(NamedTuple):
    """Where a user who checks after each failure changes its mind about M1."""

    name: str
    """s0 or s_H."""
    s: float
    better: float
    """1 if the user stays above it, -1 if below."""

    def towards(self, distance: float) -> float:
        """The s so far on the side where the user stays."""
        return self.s + self.better * distance

    def within(self, distance: float) -> float:
        """The same, but at most half-way to the end of [0, 1]."""
        room = 1 - self.s if self.better * distance > 0 else self.s
        return self.towards(float(np.copysign(min(abs(distance), room / 2), distance)))


def threshold(game: Game, name: str) -> Threshold:
    """s0, or s_H if xi1 > 0 > xi2: to the last digit the same in whatever unit of time.

    Raises:
        InputError: the user's answer does not depend on s, so there is nothing to believe;
            ``name`` is the game's.
    """
    s0, _, s_high = (float(s) for s in thresholds(_in_any_unit(game)))
    if np.isfinite(s0):
        return Threshold("s0", s0, 1.0)
    if np.isfinite(s_high):
        return Threshold("s_H", s_high, -1.0)
    wanted = "a game in which a user's answer depends on s"
    raise InputError(f"expected {wanted}, got {name}; try t4-cascade, t5-cascade")


def in_units_of_value(game: Game) -> Game:
    """The same game to its user, with V = 1: what suits the catalog's games suits all."""
    first, second = game.latency
    return replace(game, value=1.0, latency=(first / game.value, second / game.value))


def _in_any_unit(game: Game) -> Game:
    """The same game to its user, in units of value, without the rounding of another unit's numbers.

    Streams of random numbers depend on s, and so on its last digit.
    """
    scaled = in_units_of_value(game)
    first, second = (float(f"{t:.{DIGITS}g}") for t in scaled.latency)
    return replace(scaled, latency=(first, second))


def doubts(game: Game, belief: Belief) -> Any:
    """Whether the plug-in user, who answers E[s], would leave after a failed pass of M1."""
    return np.asarray(plug_in_after_failure(game, belief)) > 0.5


class Told(NamedTuple):
    """A task of a user who is told s, sees the model and decides after each failure; arrays."""

    cost: Any
    utility: Any


def told(game: Game, mark: Threshold, cascade: Any) -> Told:
    """What it comes to; at the threshold, a tie, the user stays."""
    s = np.asarray(cascade, dtype=float)
    leaves_1 = mark.better * (s - mark.s) < -TIE
    leaves_2 = np.broadcast_to(game.net_value[1] < 0, s.shape)
    leaves = np.stack([leaves_1, leaves_2], axis=-1).astype(float)
    payoffs = evaluate(Chain.of(game, s), 1, leaves)
    return Told(payoffs.cost, payoffs.utility)
