"""The user's best response: which probability of leaving q is optimal against a commitment (i, s).

U is linear in visits, U = n1 xi1 + n2 xi2, and on route 1 its slope in 1-q has the sign of

    F(s, q) = xi1 (1-s) (p2 + k2 q)^2 + xi2 s (1 - k1 k2 (1-s) (1-q)^2),

whose second term over the square of the first rises with 1-q. So U is quasi-convex in q if
xi1 < 0 < xi2 (an end point is optimal: leave below s0, stay above, both at s0), and quasi-concave
if xi1 > 0 > xi2 (stay up to s_L, leave from s_H on, and between them the root of F, q_dagger). None
of this needs the paper's ordering. (Theorems 1 and 2, with the boundaries xi = 0 corrected.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from routing_game.theory.engines import LEAST_GAMES, EngineName, takes_compiled
from routing_game.theory.game import Game, check_commitment
from routing_game.theory.numbers import (
    ROUNDING,
    Array,
    Real,
    alike,
    difference,
    double,
    one,
    plain,
)
from routing_game.theory.payoffs import payoffs
from routing_game.theory.single import NEAR, Single, clip


class Thresholds(NamedTuple):
    """The s at which the best response on route 1 changes kind; nan where a game has none."""

    s0: Real
    """xi1 <= 0 <= xi2: the user leaves below, stays above, and may do either at s0."""
    s_low: Real
    """s_L, xi1 >= 0 >= xi2: the user always stays up to here."""
    s_high: Real
    """s_H, xi1 >= 0 >= xi2: the user leaves at once from here on."""


@dataclass(frozen=True)
class BestResponse:
    """The optimal q for each commitment: all of [low, high] if connected, else these two."""

    low: Real
    high: Real
    connected: Any
    """bool: every q between low and high is optimal too (False only at s0)."""
    strong: Real
    """The provider's favourite in the set (ties broken for the provider)."""
    weak: Real
    """The provider's least favourite (ties broken against it)."""


def thresholds(game: Game) -> Thresholds:
    """s0, s_L and s_H of a game (closed forms; s_L without cancellation)."""
    return Thresholds(
        *(plain(mark) for mark in alike(game.shape, *_thresholds(game, *game.net_value)))
    )


def snapped(game: Game, s: Any) -> Any:
    """What ``s`` means: s0, s_L or s_H where it is one of them up to rounding, else ``s``.

    Compare the result with `thresholds`, exactly: s < s0, s >= s_H. As with net values, decimal
    inputs then meet the boundary they mean (4/19 is s0 of V = 1, p = (.3, .8), t = (.4, .5), and
    the double next to it).

    At each threshold a multiple of xi1 (1-s) balances one of xi2 s, and xi_i is known up to
    rounding errors of t_i: so the odds s / (1-s) of a threshold are known to about 1e-15
    (1 + t1/|xi1| + t2/|xi2|). What differs by less is the threshold; 1e-9 is the most.
    """
    marks = _thresholds(game, *game.net_value)
    (moved,) = alike(game.shape, _snapped(game, marks, double(s)))
    return plain(moved)


def best_response(
    game: Game, route: Any, cascade: Any, engine: EngineName = "auto"
) -> BestResponse:
    """All optimal q against the commitment (i, s), and the provider's best and worst of them.

    The maximiser of U is one function of (xi1, xi2); because J = P + n1 eta1 + n2 eta2 with
    eta = c - P p has the same form, the provider's favourite in a connected tie is the same
    function of (-eta1, -eta2). A cascade that is a threshold up to rounding counts as the
    threshold; see `snapped`.

    Args:
        game: one game, or an array of games that broadcasts against the rest.
        route: i, 1 or 2.
        cascade: s in [0, 1]; of no effect on route 2.
        engine: "numpy"; "compiled", which needs the extra `fast`; or "auto": compiled for large
            arrays if it is installed. The answers are the same to the bit.

    Raises:
        ValueError: route is not 1 or 2, or cascade lies outside [0, 1].
    """
    route, cascade = (double(x) for x in (route, cascade))
    check_commitment(route, cascade)
    alone = not game.shape and one(route, cascade)
    size = 1 if alone else math.prod(np.broadcast_shapes(game.shape, route.shape, cascade.shape))
    if takes_compiled(engine, size >= LEAST_GAMES):
        from routing_game.theory import compiled

        return BestResponse(*map(plain, compiled.best_response(game, route, cascade)))
    if alone:
        return response_of(Single(game), game, int(route), float(cascade))
    marks = _thresholds(game, *game.net_value)
    cascade = _snapped(game, marks, cascade)
    low, high, connected = _maximiser(game, *game.net_value, route, cascade, marks)
    strong, weak = np.array(low), np.array(low)  # not low itself: the caller may change one
    if np.any(low < high):
        eta1, eta2 = (c - game.penalty * p for c, p in zip(game.cost, game.success, strict=True))
        best, *_ = maximiser(game, -eta1, -eta2, route, cascade)
        worst, *_ = maximiser(game, eta1, eta2, route, cascade)
        staying, leaving = (payoffs(game, route, cascade, q).cost for q in (low, high))
        strong = np.where(
            connected, np.clip(best, low, high), np.where(leaving < staying, high, low)
        )
        weak = np.where(
            connected, np.clip(worst, low, high), np.where(leaving < staying, low, high)
        )
    return BestResponse(*(plain(x) for x in alike(game.shape, low, high, connected, strong, weak)))


def response_of(one: Single, game: Game, route: int, s: float) -> BestResponse:
    """`best_response` of one game to one commitment, unchecked; the same bits.

    Args:
        one: `Single` of the game.
        game: the same.
        route: i, 1 or 2.
        s: in [0, 1].
    """
    s = one.snapped(s)
    low, high, connected = one.maximiser(route, s)
    if low == high:
        return BestResponse(low, high, connected, low, low)
    if connected:
        (c1, c2), (p1, p2) = game.cost, game.success
        eta1, eta2 = float(c1 - game.penalty * p1), float(c2 - game.penalty * p2)
        strong, weak = (
            clip(Single(game, worth).maximiser(route, s)[0], low, high)
            for worth in ((-eta1, -eta2), (eta1, eta2))
        )
    else:
        staying, leaving = (payoffs(game, route, s, q).cost for q in (low, high))
        strong, weak = (high, low) if leaving < staying else (low, high)
    return BestResponse(low, high, connected, strong, weak)


def user_regret(game: Game, route: Any, cascade: Any, abandon: Any) -> Any:
    """U(q*) - U(q) >= 0, the utility lost by answering (i, s) with q; in units of value.

    Raises:
        ValueError: route is not 1 or 2, or a probability lies outside [0, 1].
    """
    route, cascade, abandon = (double(x) for x in (route, cascade, abandon))
    check_commitment(route, cascade, abandon)
    if not game.shape and one(route, cascade, abandon):
        return Single(game).regret(int(route), float(cascade), float(abandon))
    marks = _thresholds(game, *game.net_value)
    cascade = _snapped(game, marks, cascade)
    best, *_ = _maximiser(game, *game.net_value, route, cascade, marks)
    (gain,) = alike(game.shape, _gain(game, route, cascade, abandon, best))
    return plain(gain)


def jump_point(game: Game, x1: Real, x2: Real) -> Real:
    """s0 of a user to whom a pass of model i is worth x_i, x1 <= 0 <= x2; meaningless elsewhere."""
    w = x1 * game.success[1]
    return -w / (x2 - w)


def ramp_start(game: Game, x1: Real, x2: Real) -> Real:
    """s_L of such a user, x1 >= 0 >= x2, free of cancellation; meaningless elsewhere."""
    (p1, p2), (k1, k2) = game.success, game.failure
    u = -x2 / (x1 * p2 * p2)
    m = 1 + u * (p1 + k1 * p2)
    return 2 / (m + np.sqrt(m * m + 4 * k1 * k2 * u))


def _thresholds(game: Game, x1: Real, x2: Real) -> tuple[Any, Any, Any]:
    """s0, s_L and s_H of such a user; nan where there is none."""
    x1, x2 = np.asarray(x1)[()], np.asarray(x2)[()]
    jump, ramp = (x1 <= 0) & (x2 >= 0), (x1 >= 0) & (x2 <= 0)
    jump, ramp = jump & ~ramp, ramp & ~jump  # both if xi1 = xi2 = 0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        s0 = np.where(jump, jump_point(game, x1, x2), np.nan)[()]
        s_low = np.where(ramp, ramp_start(game, x1, x2), np.nan)[()]
        s_high = np.where(ramp, x1 / (x1 - x2), np.nan)[()]
    return s0, s_low, s_high


def _snapped(game: Game, marks: tuple[Any, Any, Any], s: Any) -> Any:
    """`snapped`, with the thresholds of the game given."""
    s0, s_low, s_high = marks
    to_jump, to_low, to_high = abs(s - s0), abs(s - s_low), abs(s - s_high)
    if (to_jump <= NEAR).any():
        s = np.where(to_jump <= _slack(game, s0), s0, s)[()]
    if (to_low <= NEAR).any() or (to_high <= NEAR).any():
        nearer = np.where(to_low <= to_high, s_low, s_high)
        s = np.where(abs(s - nearer) <= _slack(game, nearer), nearer, s)[()]
    return s


def _slack(game: Game, mark: Any) -> Any:
    """How far from a threshold rounding may lead; nan where it is 0 or 1 because some xi_i = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        doubts = (
            np.abs(np.divide(t, xi)) for t, xi in zip(game.latency, game.net_value, strict=True)
        )
        return np.minimum(ROUNDING * mark * (1 + (1 - mark) * sum(doubts)), NEAR)


def maximiser(game: Game, x1: Real, x2: Real, route: Any, s: Any) -> tuple[Array, Array, Array]:
    """(low, high, connected) of the q in [0, 1] that maximise n1 x1 + n2 x2."""
    return _maximiser(game, x1, x2, route, s, _thresholds(game, x1, x2))


def _maximiser(
    game: Game, x1: Any, x2: Any, route: Any, s: Any, marks: tuple[Any, Any, Any]
) -> tuple[Any, Any, Any]:
    """`maximiser`, with the thresholds of such a user given."""
    x1, x2 = np.asarray(x1)[()], np.asarray(x2)[()]
    s0, s_low, s_high = marks
    first = route == 1
    # where F vanishes everywhere
    level = np.where(first, ((x1 == 0) | (s == 1)) & ((x2 == 0) | (s == 0)), x2 == 0)
    jump, ramp = first & (x1 < 0) & (x2 > 0), first & (x1 > 0) & (x2 < 0)
    leaves = (
        np.where(first, (x1 <= 0) & (x2 <= 0), x2 < 0) | (jump & (s < s0)) | (ramp & (s >= s_high))
    )
    low = np.where(leaves & ~level, 1.0, 0.0)
    inside = ramp & (s > s_low) & (s < s_high)
    if inside.any():
        low[inside] = _q_dagger(game, x1, x2, s, inside)
    tie = jump & (s == s0)
    return low, np.where(level | tie, 1.0, low), level | ~tie


def _q_dagger(game: Game, x1: Real, x2: Real, s: Any, where: Array) -> Array:
    """The root of F(s, .) in q at the places ``where`` x1 > 0 > x2 and s_L < s < s_H.

    F = f0 + 2 f1 q + A q^2, here in units of |x2|. f0 < 0 < A, so the discriminant does not cancel.
    Near q = 1 the root is computed as 1 - x, near q = 0 directly: each where it does not cancel.
    """
    (p1, p2), (k1, k2) = game.success, game.failure
    x1, x2, s, p1, p2, k1, k2 = (_at(where, x) for x in (x1, x2, s, p1, p2, k1, k2))
    r, left = -x1 / x2, 1 - s
    f0 = r * left * (p2 * p2) - s * (p1 + k1 * p2 + k1 * k2 * s)  # 0 at s_L
    f1 = left * k2 * (r * p2 - s * k1)
    quadratic = left * k2 * (r * k2 + s * k1)
    root = np.sqrt(f1 * f1 - np.minimum(f0, 0.0) * quadratic)
    with np.errstate(all="ignore"):
        stay = (r * left - s) / (left * k2 * r + root)  # 0 at s_H
        leave = np.where(f1 >= 0, -f0 / (f1 + root), (root - f1) / quadratic)
    leave = np.where(np.isnan(leave), 0.0, leave)  # s and s_L differ by less than doubles can tell
    return np.clip(np.where(stay < 0.5, 1 - stay, leave), 0.0, 1.0) + 0.0  # never -0.0


def _at(where: Array, x: Any) -> Any:
    """Those of many numbers that stand where ``where`` is true; one number as it is."""
    if np.ndim(x) == 0:
        return x
    return (x if x.shape == where.shape else np.broadcast_to(x, where.shape))[where]


def _gain(game: Game, route: Any, s: Any, q: Any, best: Any) -> Any:
    """U(i, s, best) - U(i, s, q), as best - q times the slope between the two.

    Not as a difference of utilities. With D = p1 + k1 (q + s - q s), E = p2 + k2 q, and a star
    for their values at ``best``, the slope is -k2 xi2 / (E E*) on route 2, and on route 1

        -k1 (xi1 (1-s) + xi2 s (D + k1 (1-s) (1-q) E*) / (E E*)) / (D D*).
    """
    (p1, p2), (k1, k2), (xi1, xi2) = game.success, game.failure, game.net_value
    d, d_best = (p1 + k1 * (x + s * (1 - x)) for x in (q, best))
    e, e_best = (p2 + k2 * x for x in (q, best))
    worth2 = xi2 / (e * e_best)
    first = difference(xi1 * (1 - s), -worth2 * s * (d + k1 * (1 - s) * (1 - q) * e_best))
    return (q - best) * np.where(route == 1, k1 * first / (d * d_best), k2 * worth2)
