"""The best response of one game to one commitment, in Python floats: as `user`, and many times as
fast.

Learners ask for one answer after another, and on single numbers numpy spends its time on all but
the arithmetic. Every step here is one of `user`, with the same result to the last bit, so that it
never matters which of the two answered: a test compares them. What differs is only how it is
written: `if` for `where`, and `_over` for divisions that numpy lets pass.
"""

from __future__ import annotations

import math
from typing import Any

from routing_game.theory.game import Game
from routing_game.theory.numbers import ROUNDING

NEAR = 1e-9
"""How far from a threshold a cascade may lie, at most, and still count as the threshold."""


class Single:
    """A single game in Python floats, and its thresholds, ready for one commitment after another.

    It has the numbers that payoffs are made of, under the names that they have in a `Game`.

    Args:
        game: a single game.
        worth: what a pass of each model is worth to who responds; (xi1, xi2) if None.
    """

    __slots__ = (
        "cost",
        "failure",
        "latency",
        "net_value",
        "penalty",
        "s0",
        "s_high",
        "s_low",
        "success",
    )

    def __init__(self, game: Game, worth: tuple[float, float] | None = None) -> None:
        self.success = p1, p2 = _floats(game.success)
        self.failure = k1, k2 = _floats(game.failure)
        self.latency, self.cost = _floats(game.latency), _floats(game.cost)
        self.penalty = float(game.penalty)
        self.net_value = x1, x2 = _floats(game.net_value) if worth is None else worth
        self.s0 = self.s_low = self.s_high = math.nan
        jump, ramp = x1 <= 0 <= x2, x1 >= 0 >= x2
        if jump and not ramp:
            w = x1 * p2
            self.s0 = _over(-w, x2 - w)
        if ramp and not jump:
            u = _over(-x2, x1 * p2 * p2)
            m = 1 + u * (p1 + k1 * p2)
            self.s_low = 2 / (m + math.sqrt(m * m + 4 * k1 * k2 * u))
            self.s_high = _over(x1, x1 - x2)

    def snapped(self, s: float) -> float:
        """The threshold that s is but for rounding, or s."""
        nearest = self.s0
        if nearest != nearest:
            low, high = self.s_low, self.s_high
            nearest = low if abs(s - low) <= abs(s - high) else high
        gap = abs(s - nearest)
        if gap <= NEAR:
            (t1, t2), (x1, x2) = self.latency, self.net_value
            doubts = abs(_over(t1, x1)) + abs(_over(t2, x2))
            if gap <= min(ROUNDING * nearest * (1 + (1 - nearest) * doubts), NEAR):
                return nearest
        return s

    def maximiser(self, route: int, s: float) -> tuple[float, float, bool]:
        """(low, high, connected) of the optimal q.

        Args:
            route: i; unchecked, as is the other.
            s: the cascade, as `snapped` gives it.
        """
        x1, x2 = self.net_value
        if route == 2:
            leaves = 1.0 if x2 < 0 else 0.0
            return leaves, 1.0 if x2 == 0 else leaves, True
        if (x1 == 0 or s == 1) and (x2 == 0 or s == 0):  # F vanishes everywhere
            return 0.0, 1.0, True
        if x1 < 0 < x2:
            low = 1.0 if s < self.s0 else 0.0
            tie = s == self.s0
            return low, 1.0 if tie else low, not tie
        if x1 > 0 > x2 and self.s_low < s < self.s_high:
            low = self._q_dagger(s)
        elif x1 > 0 > x2:
            low = 1.0 if s >= self.s_high else 0.0
        else:
            low = 1.0 if x1 <= 0 and x2 <= 0 else 0.0
        return low, low, True

    def regret(self, route: int, s: float, q: float) -> float:
        """U(q*) - U(q), as q* - q times the slope between the two."""
        s = self.snapped(s)
        best = self.maximiser(route, s)[0]
        (p1, p2), (k1, k2), (x1, x2) = self.success, self.failure, self.net_value
        e, e_best = p2 + k2 * q, p2 + k2 * best
        worth2 = x2 / (e * e_best)
        if route == 2:
            return (q - best) * (k2 * worth2)
        d, d_best = (p1 + k1 * (x + s * (1 - x)) for x in (q, best))
        gain, loss = x1 * (1 - s), -worth2 * s * (d + k1 * (1 - s) * (1 - q) * e_best)
        slope = gain - loss
        if abs(slope) <= ROUNDING * abs(loss):
            slope = 0.0
        return (q - best) * (k1 * slope / (d * d_best))

    def _q_dagger(self, s: float) -> float:
        (p1, p2), (k1, k2), (x1, x2) = self.success, self.failure, self.net_value
        r, left = -x1 / x2, 1 - s
        f0 = r * left * (p2 * p2) - s * (p1 + k1 * p2 + k1 * k2 * s)
        f1 = left * k2 * (r * p2 - s * k1)
        quadratic = left * k2 * (r * k2 + s * k1)
        root = math.sqrt(f1 * f1 - min(f0, 0.0) * quadratic)
        stay = _over(r * left - s, left * k2 * r + root)
        if stay < 0.5:
            return clip(1 - stay, 0.0, 1.0) + 0.0
        leave = _over(-f0, f1 + root) if f1 >= 0 else _over(root - f1, quadratic)
        # nan if s and s_L differ by less than doubles can tell
        return clip(0.0 if leave != leave else leave, 0.0, 1.0) + 0.0  # never -0.0


def _over(a: float, b: float) -> float:
    """A / b by the rules of floating point, which Python's division keeps but for b = 0."""
    if b != 0:
        return a / b
    return math.nan if a == 0 or a != a else math.copysign(math.inf, a) * math.copysign(1, b)


def clip(x: float, low: float, high: float) -> float:
    """As `numpy.clip`."""
    return min(max(x, low), high)


def _floats(pair: tuple[Any, Any]) -> tuple[float, float]:
    first, second = pair
    return float(first), float(second)
