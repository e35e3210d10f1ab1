"""The best response of one game to one commitment, in Python floats: as `user`, and many times as
fast.

Learners ask for one answer after another, and on single numbers numpy spends its time on all but
the arithmetic. Each function here is that of `user` of the same name, step by step and with the
same result to the last bit, so that it never matters which of the two answered: a test compares
them. What differs is only how it is written: `if` for `where`, and `_over` for divisions that numpy
lets pass.
"""

from __future__ import annotations

import math
from typing import Any

from routing_game.theory.game import Game
from routing_game.theory.numbers import ROUNDING, difference

NEAR = 1e-9
"""How far from a threshold a cascade may lie, at most, and still count as the threshold."""


def best_replies(game: Game, route: int, s: float) -> tuple[float, float, bool, float]:
    """(low, high, connected) of the optimal q, and s, moved onto a threshold it is next to.

    Args:
        game: a single game.
        route: i; unchecked, as is the other.
        s: the cascade.
    """
    x1, x2 = map(float, game.net_value)
    marks = _thresholds(game, x1, x2)
    s = _snapped(game, x1, x2, marks, s)
    return *_maximiser(game, x1, x2, route, s, marks), s


def preferred(game: Game, route: int, s: float, sign: float) -> float:
    """The q that costs the provider least, with sign -1, or most, with +1."""
    (c1, c2), (p1, p2), penalty = game.cost, game.success, float(game.penalty)
    x1, x2 = sign * float(c1 - penalty * p1), sign * float(c2 - penalty * p2)
    return _maximiser(game, x1, x2, route, s, _thresholds(game, x1, x2))[0]


def user_regret(game: Game, route: int, s: float, q: float) -> float:
    """U(q*) - U(q); arguments as for `best_replies`, and q."""
    best, _, _, s = best_replies(game, route, s)
    (p1, p2), (k1, k2), (xi1, xi2) = game.success, game.failure, map(float, game.net_value)
    e, e_best = p2 + k2 * q, p2 + k2 * best
    worth2 = xi2 / (e * e_best)
    if route == 2:
        return float((q - best) * (k2 * worth2))
    d, d_best = p1 + k1 * (q + s * (1 - q)), p1 + k1 * (best + s * (1 - best))
    lost = -worth2 * s * (d + k1 * (1 - s) * (1 - q) * e_best)
    return float((q - best) * (k1 * difference(xi1 * (1 - s), lost) / (d * d_best)))


def _thresholds(game: Game, x1: float, x2: float) -> tuple[float, float, float]:
    p1, p2 = game.success
    jump, ramp = x1 <= 0 <= x2, x1 >= 0 >= x2
    if jump == ramp:
        return math.nan, math.nan, math.nan
    if jump:
        w = x1 * p2
        return _over(-w, x2 - w), math.nan, math.nan
    k1, k2 = game.failure
    u = _over(-x2, x1 * p2 * p2)
    m = 1 + u * (p1 + k1 * p2)
    s_low = 2 / (m + math.sqrt(m * m + 4 * k1 * k2 * u))
    return math.nan, float(s_low), _over(x1, x1 - x2)


def _snapped(
    game: Game, x1: float, x2: float, marks: tuple[float, float, float], s: float
) -> float:
    s0, s_low, s_high = marks
    nearest = s0
    if s0 != s0:
        nearest = s_low if abs(s - s_low) <= abs(s - s_high) else s_high
    gap = abs(s - nearest)
    if gap <= NEAR:
        doubts = sum(abs(_over(t, x)) for t, x in zip(game.latency, (x1, x2), strict=True))
        if gap <= min(ROUNDING * nearest * (1 + (1 - nearest) * doubts), NEAR):
            return nearest
    return s


def _maximiser(
    game: Game, x1: float, x2: float, route: int, s: float, marks: tuple[float, float, float]
) -> tuple[float, float, bool]:
    if route == 2:
        leaves = 1.0 if x2 < 0 else 0.0
        return leaves, 1.0 if x2 == 0 else leaves, True
    if (x1 == 0 or s == 1) and (x2 == 0 or s == 0):  # F vanishes everywhere
        return 0.0, 1.0, True
    s0, s_low, s_high = marks
    if x1 < 0 < x2:
        low = 1.0 if s < s0 else 0.0
        return low, 1.0 if s == s0 else low, s != s0
    if x1 > 0 > x2 and s_low < s < s_high:
        low = _q_dagger(game, x1, x2, s)
    elif x1 > 0 > x2:
        low = 1.0 if s >= s_high else 0.0
    else:
        low = 1.0 if x1 <= 0 and x2 <= 0 else 0.0
    return low, low, True


def _q_dagger(game: Game, x1: float, x2: float, s: float) -> float:
    (p1, p2), (k1, k2) = game.success, game.failure
    r, left = -x1 / x2, 1 - s
    f0 = r * left * (p2 * p2) - s * (p1 + k1 * p2 + k1 * k2 * s)
    f1 = left * k2 * (r * p2 - s * k1)
    quadratic = left * k2 * (r * k2 + s * k1)
    root = math.sqrt(f1 * f1 - min(f0, 0.0) * quadratic)
    stay = _over(r * left - s, left * k2 * r + root)
    if stay < 0.5:
        return clip(1 - stay, 0.0, 1.0)
    leave = _over(-f0, f1 + root) if f1 >= 0 else _over(root - f1, quadratic)
    return clip(leave, 0.0, 1.0)


def _over(a: Any, b: Any) -> float:
    """A / b by the rules of floating point, which Python's division keeps but for b = 0."""
    if b != 0:
        return float(a / b)
    return math.nan if a == 0 or a != a else math.copysign(math.inf, a) * math.copysign(1, b)


def clip(x: float, low: float, high: float) -> float:
    """As `numpy.clip`."""
    return min(max(x, low), high)
