"""The user's best response: which probability of leaving q is optimal against a commitment (i, s).

U is linear in visits, U = n1 xi1 + n2 xi2, and on route 1 its slope in 1-q has the sign of

    F(s, q) = xi1 (1-s) (p2 + k2 q)^2 + xi2 s (1 - k1 k2 (1-s) (1-q)^2),

whose second term over the square of the first rises with 1-q. So U is quasi-convex in q if xi1 < 0 < xi2 (an end
point is optimal: leave below s0, stay above, both at s0), and quasi-concave if xi1 > 0 > xi2 (stay up to s_L, leave
from s_H on, and between them the root of F, q_dagger). None of this needs the paper's ordering.
(Theorems 1 and 2 of the paper, with the boundaries xi = 0 corrected.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from routing_game.theory.game import Game, check_commitment
from routing_game.theory.numbers import Array, Real, plain
from routing_game.theory.payoffs import payoffs


class Thresholds(NamedTuple):
    """Cascade probabilities at which the best response on route 1 changes kind; nan where a game has none."""

    s0: Real
    """xi1 <= 0 <= xi2: the user leaves below, stays above, and is indifferent between both at s0."""
    s_low: Real
    """s_L, xi1 >= 0 >= xi2: the user always stays up to here."""
    s_high: Real
    """s_H, xi1 >= 0 >= xi2: the user leaves at once from here on."""


@dataclass(frozen=True)
class BestResponse:
    """The set of optimal q for each commitment: [low, high] if connected, else the two points {low, high}."""

    low: Real
    high: Real
    connected: Any
    """bool: every q between low and high is optimal too (False only at s0, where those between are worse)."""
    strong: Real
    """The provider's favourite in the set (ties broken for the provider)."""
    weak: Real
    """The provider's least favourite (ties broken against it)."""


def thresholds(game: Game) -> Thresholds:
    """s0, s_L and s_H of a game (closed forms; s_L without cancellation)."""
    return _thresholds(game, *game.net_value)


def best_response(game: Game, route: Any, cascade: Any) -> BestResponse:
    """All optimal q against the commitment (i, s), with the provider's best and worst choice among them.

    The maximiser of U is one function of (xi1, xi2); because J = P + n1 eta1 + n2 eta2 with eta = c - P p has the
    same form, the provider's favourite in a connected tie is the same function of (-eta1, -eta2).

    Args:
        game: one game, or an array of games that broadcasts against the rest.
        route: i, 1 or 2.
        cascade: s in [0, 1]; of no effect on route 2.

    Raises:
        ValueError: route is not 1 or 2, or cascade lies outside [0, 1].
    """
    check_commitment(route, cascade)
    route, cascade = np.asarray(route), np.asarray(cascade, dtype=float)
    low, high, connected = maximiser(game, *game.net_value, route, cascade)
    strong = weak = low
    if np.any(low < high):
        eta1, eta2 = (c - game.penalty * p for c, p in zip(game.cost, game.success, strict=True))
        best, *_ = maximiser(game, -eta1, -eta2, route, cascade)
        worst, *_ = maximiser(game, eta1, eta2, route, cascade)
        staying, leaving = (payoffs(game, route, cascade, q).cost for q in (low, high))
        strong = np.where(connected, np.clip(best, low, high), np.where(leaving < staying, high, low))
        weak = np.where(connected, np.clip(worst, low, high), np.where(leaving < staying, low, high))
    return BestResponse(plain(low), plain(high), plain(connected), plain(strong), plain(weak))


def user_regret(game: Game, route: Any, cascade: Any, abandon: Any) -> Any:
    """U(q*) - U(q) >= 0, the utility lost by answering (i, s) with q; in units of value."""
    best = best_response(game, route, cascade).low
    return payoffs(game, route, cascade, best).utility - payoffs(game, route, cascade, abandon).utility


def jump_point(game: Game, x1: Real, x2: Real) -> Real:
    """s0 of a user to whom a pass of model i is worth x_i, x1 <= 0 <= x2; meaningless elsewhere."""
    w = x1 * game.success[1]
    return -w / (x2 - w)


def ramp_start(game: Game, x1: Real, x2: Real) -> Real:
    """s_L of such a user, x1 >= 0 >= x2, free of cancellation; meaningless elsewhere."""
    (k1, k2), p2 = game.failure, game.success[1]
    a, w = k1 * k2, x1 * p2 * p2
    m = w - x2 * (1 - a)
    return 2 * w / (m + np.sqrt(m * m - 4 * a * x2 * w))


def _thresholds(game: Game, x1: Real, x2: Real) -> Thresholds:
    either = (x1 != 0) | (x2 != 0)
    jump, ramp = (x1 <= 0) & (x2 >= 0) & either, (x1 >= 0) & (x2 <= 0) & either
    with np.errstate(divide="ignore", invalid="ignore"):
        s0, s_low, s_high = jump_point(game, x1, x2), ramp_start(game, x1, x2), x1 / (x1 - x2)
    return Thresholds(
        plain(np.where(jump, s0, np.nan)), plain(np.where(ramp, s_low, np.nan)), plain(np.where(ramp, s_high, np.nan))
    )


def maximiser(game: Game, x1: Real, x2: Real, route: Array, s: Array) -> tuple[Array, Array, Array]:
    """(low, high, connected) of the q in [0, 1] that maximise n1 x1 + n2 x2."""
    first, x1, x2 = route == 1, np.asarray(x1), np.asarray(x2)
    s0, s_low, s_high = _thresholds(game, x1, x2)
    level = np.where(first, ((x1 == 0) | (s == 1)) & ((x2 == 0) | (s == 0)), x2 == 0)  # F vanishes everywhere
    jump = first & (x1 < 0) & (x2 > 0)
    leaves = np.where(first, (x1 <= 0) & (x2 <= 0), x2 < 0) | (jump & (s < s0))
    tie = jump & (s == s0)
    ramp = first & (x1 > 0) & (x2 < 0)
    low = np.where(leaves & ~level, 1.0, 0.0)
    if np.any(ramp & (s > s_low)):
        interior = np.where(s <= s_low, 0.0, np.where(s >= s_high, 1.0, _q_dagger(game, x1, x2, s)))
        low = np.where(ramp, interior, low)
    high = np.where(level | tie, 1.0, low)
    return low, high, level | ~tie


def _q_dagger(game: Game, x1: Real, x2: Real, s: Array) -> Array:
    """The root of F(s, .) in q, for x1 > 0 > x2 and s_L < s < s_H.

    F = f0 + 2 f1 q + A q^2. Near q = 1 the root is computed as 1 - x, near q = 0 directly: each where it does not
    cancel.
    """
    (k1, k2), p2 = game.failure, game.success[1]
    with np.errstate(all="ignore"):
        slope = x1 * (1 - s) + x2 * s  # K, which is 0 at s_H
        f0 = x1 * (1 - s) * p2**2 + x2 * s * (1 - k1 * k2 * (1 - s))  # 0 at s_L
        f1 = (1 - s) * k2 * (x1 * p2 + x2 * s * k1)
        quadratic = (1 - s) * k2 * (x1 * k2 - x2 * s * k1)
        root = np.sqrt(np.maximum((1 - s) * k2 * s * -x2 * (k2 * x1 - k1 * slope), 0.0))
        stay = slope / ((1 - s) * k2 * x1 + root)
        leave = np.where(f1 >= 0, -f0 / (f1 + root), (root - f1) / quadratic)
        return np.clip(np.where(stay < 0.5, 1 - stay, leave), 0.0, 1.0)
