"""Commitments that are safe against users who do not answer exactly: eps-robust optima.

The equilibrium can sit on a cliff: anything left of s0 and the user leaves. A provider that must
allow for a user whose regret is up to eps keeps a margin; this module says which, and what it
costs.

**Which replies are tolerated.** With x = 1 - q the utility is a ratio U = N / D, on route 1

    D = (1 - a x)(1 - k2 x),   N = xi1 (1 - k2 x) + xi2 k1 s x,   a = k1 (1-s),

on route 2 D = 1 - k2 x, N = xi2. Let x* be the best reply and d = x* - x. U(x*) D(x) - N(x) is a
quadratic in d that vanishes at 0, so a reply at distance d has the regret

    U(x*) - U(x) = (U'(x*) D(x*) d + U(x*) a k2 d^2) / (D(x*) + D1 d + a k2 d^2),   D1 = -D'(x*),

and those with regret <= eps satisfy

    (U(x*) - eps) a k2 d^2 + (U'(x*) D(x*) - eps D1) d - eps D(x*) <= 0:

an interval from x* on, and perhaps a second one at the far end. Nothing cancels as eps falls to 0:
d is found to full relative precision, where U(x) = U(x*) - eps, solved for x, would lose all digits
of eps. What rounding is left (in U', where a game is near a threshold) is counted in the user's
favour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from routing_game.theory.game import Game, check_commitment
from routing_game.theory.numbers import Array, Real, doubles, least, plain, require
from routing_game.theory.payoffs import payoffs
from routing_game.theory.user import best_response, maximiser, thresholds

_ROUNDING = 8 * float(np.finfo(np.float64).eps)
_LEAST_EPS = 1e-290  # payoffs over eps do not overflow; a larger eps strengthens the guarantee


@dataclass(frozen=True)
class RobustCommitment:
    """A commitment that guards against every user whose regret is at most eps."""

    route: int
    cascade: float
    """s; on route 2 it is of no effect and given as 0."""
    cost: float
    """The largest J that such a user can cause."""
    margin: float
    """Distance of s from the nearest threshold (s0, s_L, s_H); nan on route 2 or without any."""


def worst_cost(game: Game, route: Any, cascade: Any, eps: Any) -> Any:
    """The largest J(i, s, q) over all q whose regret for the user is at most eps > 0.

    Games, i, s and eps broadcast. With eps = inf the user may answer as it likes.

    Raises:
        ValueError: as `worst_reply`.
    """
    route, cascade = doubles(route), doubles(cascade)
    return payoffs(game, route, cascade, worst_reply(game, route, cascade, eps)).cost


def worst_reply(game: Game, route: Any, cascade: Any, eps: Any) -> Any:
    """The q at which `worst_cost` is reached.

    The q that are tolerated form at most two intervals; on each J is largest at an end or where its
    own slope vanishes.

    Raises:
        ValueError: eps is not positive, route is not 1 or 2, cascade lies outside [0, 1], or the
            shapes do not broadcast.
    """
    route, cascade, eps = (doubles(x) for x in (route, cascade, eps))
    require(eps > 0, "eps", eps, "be positive (a regret in units of value)")
    check_commitment(route, cascade)
    try:
        np.broadcast_shapes(game.shape, route.shape, cascade.shape, eps.shape)
    except ValueError:
        shapes = game.shape, route.shape, cascade.shape, eps.shape
        rule = "game, route, cascade and eps must broadcast"
        raise ValueError(f"{rule}, got shapes {shapes}") from None
    best = np.asarray(best_response(game, route, cascade).low)
    eta1, eta2 = (c - game.penalty * p for c, p in zip(game.cost, game.success, strict=True))
    peak, *_ = maximiser(game, eta1, eta2, route, cascade)
    utility = _utility(game, route, cascade, best)
    replies = [best]
    for way in (1, -1):  # towards q = 1, towards q = 0
        room = 1 - best if way == 1 else best
        near, far = _tolerated(utility, way, np.maximum(eps, _LEAST_EPS))
        near = np.minimum(near, room)
        far, end = (np.where(far <= room, d, near) for d in (far, room))
        for low, high in ((0.0, near), (far, end)):
            ends = best + way * low, best + way * high
            replies += [*ends, np.clip(peak, np.minimum(*ends), np.maximum(*ends))]
    worst, highest = np.asarray(0.0), np.asarray(-np.inf)
    for q in replies:
        q = np.clip(q, 0.0, 1.0)
        cost = np.asarray(payoffs(game, route, cascade, q).cost)
        worst, highest = np.where(cost > highest, q, worst), np.maximum(cost, highest)
    return plain(worst)


def robust_commitment(game: Game, eps: float) -> RobustCommitment:
    """The commitment with the least `worst_cost`: the best guarantee against a regret up to eps.

    Args:
        game: a single game.
        eps: the regret allowed to the user, in units of value; > 0. As eps falls to 0 the cost
            falls to the weak Stackelberg cost.

    Raises:
        ValueError: eps is not positive, or ``game`` or ``eps`` is an array.
    """
    for name, shape in (("game", game.shape), ("eps", np.shape(eps))):
        if shape:
            rule = "robust_commitment takes a single game and a single eps"
            raise ValueError(f"{rule}, got {name} of shape {shape}; take them one by one")
    cliffs = [float(s) for s in thresholds(game) if np.isfinite(s)]
    edges = np.unique([0.0, *cliffs, 1.0])
    s, cost = least(lambda s: worst_cost(game, 1, s, eps), edges[:-1], edges[1:])
    best = int(np.argmin(cost))
    reasoning = float(worst_cost(game, 2, 0.0, eps))
    if reasoning < cost[best]:
        return RobustCommitment(2, 0.0, reasoning, np.nan)
    margin = min((abs(float(s[best]) - cliff) for cliff in cliffs), default=np.nan)
    return RobustCommitment(1, float(s[best]), float(cost[best]), margin)


class _Utility(NamedTuple):
    """U beside the best reply, as in the head of this module."""

    value: Array
    """U(x*)."""
    slope: Array
    """U'(x*) D(x*)."""
    bend: Array
    """The product a k2."""
    scale: Array
    """D(x*)."""
    growth: Array
    """D1."""
    value_rounding: Array
    slope_rounding: Array


def _utility(game: Game, route: Array, s: Array, q: Array) -> _Utility:
    (xi1, xi2), (k1, k2), (p1, p2) = game.net_value, game.failure, game.success
    x, first = 1 - q, route == 1
    a = np.where(first, k1 * (1 - s), 0.0)
    ends1, ends2 = np.where(first, p1 + k1 * (q + s * x), 1.0), p2 + k2 * q  # 1 - a x, 1 - k2 x
    scale = ends1 * ends2

    def over_scale(x1: Real, x2: Real) -> tuple[Array, Array]:
        """(U, U' D) if a pass is worth x1, x2."""
        value = np.where(first, x1 * ends2 + x2 * k1 * s * x, x2)
        slope = np.where(first, x1 * a * ends2**2 + x2 * k1 * s * (ends1 + a * x * ends2), x2 * k2)
        return value / scale, slope / scale

    rounding = (_ROUNDING * part for part in over_scale(np.abs(xi1), np.abs(xi2)))
    return _Utility(*over_scale(xi1, xi2), a * k2, scale, a * ends2 + k2 * ends1, *rounding)


def _tolerated(at: _Utility, way: int, eps: Array) -> tuple[Array, Array]:
    """(near, far): with a regret up to eps are the distances from 0 to near, and those from far on.

    The quadratic over eps is A d^2 + B d - C, C > 0; near = inf if it has no zero, far = inf if it
    has but one.
    """
    slope = np.maximum(way * at.slope - at.slope_rounding, 0.0)
    a = ((at.value - at.value_rounding) / eps - 1) * at.bend
    b = slope / eps - way * at.growth
    largest = np.maximum(np.maximum(np.abs(a), np.abs(b)), at.scale)
    a, b, c = a / largest, b / largest, at.scale / largest
    square = b * b + 4 * a * c
    with np.errstate(divide="ignore", invalid="ignore"):
        root = np.sqrt(np.maximum(square, 0.0))
        near = np.where(b >= 0, 2 * c / (b + root), (root - b) / (2 * a))
        far = (b + root) / (-2 * a)
    none = (square < 0) | ((b <= 0) & (a <= 0))
    return np.where(none, np.inf, near), np.where(none | (a >= 0) | (b <= 0), np.inf, far)
