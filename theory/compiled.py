"""`solve` and `best_response` of large arrays, compiled: a game at a time, not an operation.

The functions mirror those of `theory.provider`, `theory.user` and `theory.payoffs`, by the same
names, on one game's numbers, and round as they do: each sum, product, quotient and root is the same
one, in the same order. `theory.engines` says who is asked when.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from routing_game.theory.engines import flat, jit
from routing_game.theory.game import Game
from routing_game.theory.numbers import ROUNDING, TIE, Array

_FAR = 1e300
_NEAR = 1e-9

_TILE = 512
"""Games at work at once. They lie in one array, number after number, at distances that are known
when it is compiled: so the compiler need not test whether ten arrays overlap, which it would give
up, silently, and with it the vectors."""


def optimum(game: Game) -> tuple[Array, Array]:
    """(J*, kind) of every game, none of which may have a mixed reply worth provoking."""
    shape = game.shape
    cost, kind = np.empty(shape), np.empty(shape, dtype=np.int8)
    numbers = (game.value, game.penalty, *game.success, *game.latency, *game.cost)
    _optimum(*(flat(x, shape) for x in numbers), cost.reshape(-1), kind.reshape(-1))
    return cost, kind


def best_response(game: Game, route: Any, cascade: Any) -> tuple[Array, ...]:
    """Low, high, connected, strong and weak of every (game, i, s), in their common shape."""
    shape = np.broadcast_shapes(game.shape, np.shape(route), np.shape(cascade))
    low, high, strong, weak = (np.empty(shape) for _ in range(4))
    connected = np.empty(shape, dtype=np.bool_)
    answers = low, high, connected, strong, weak
    numbers = (*game.net_value, *game.success, *game.failure, *game.latency, *game.cost)
    given = (*numbers, game.penalty, route, cascade)
    _best_response(*(flat(x, shape) for x in given), *(x.reshape(-1) for x in answers))
    return answers


@jit
def _optimum(
    value: Any,
    penalty: Any,
    p1: Any,
    p2: Any,
    t1: Any,
    t2: Any,
    c1: Any,
    c2: Any,
    cost: Any,
    kind: Any,
) -> None:
    tile = np.empty(8 * _TILE)
    for start in range(0, cost.size, _TILE):
        size = min(_TILE, cost.size - start)
        _load(value, start, size, tile, 0)
        _load(penalty, start, size, tile, 1)
        _load(p1, start, size, tile, 2)
        _load(p2, start, size, tile, 3)
        _load(t1, start, size, tile, 4)
        _load(t2, start, size, tile, 5)
        _load(c1, start, size, tile, 6)
        _load(c2, start, size, tile, 7)
        _solve_tile(tile, size)
        stop = start + size
        _store(tile[:size], cost[start:stop])
        _store(tile[_TILE : _TILE + size], kind[start:stop])


@jit
def _load(x: Any, start: int, size: int, tile: Any, row: int) -> None:
    """A tile's part of the numbers ``x``, or the one number, into its row."""
    into = tile[row * _TILE : row * _TILE + size]  # an index that is a sum might be negative
    if x.size == 1:
        into[:] = x[0]
    else:
        _store(x[start : start + size], into)


@jit
def _store(x: Any, into: Any) -> None:
    for k in range(into.size):
        into[k] = x[k]


@jit
def _solve_tile(tile: Any, size: int) -> None:
    """J* and kind, as doubles, into rows 0 and 1 in the place of V and P."""
    for k in range(size):
        value, penalty = tile[k], tile[_TILE + k]
        p1, p2 = tile[2 * _TILE + k], tile[3 * _TILE + k]
        t1, t2 = tile[4 * _TILE + k], tile[5 * _TILE + k]
        c1, c2 = tile[6 * _TILE + k], tile[7 * _TILE + k]
        k1, k2 = 1.0 - p1, 1.0 - p2
        xi1, xi2 = _difference(value * p1, t1), _difference(value * p2, t2)
        cp1, cp2 = c1 / p1, c2 / p2
        l1, l2 = c1 + penalty * k1, c2 + penalty * k2
        loses1, gains1, loses2, gains2 = xi1 < 0.0, xi1 > 0.0, xi2 <= 0.0, xi2 >= 0.0
        s0 = _clip(_jump_point(p2, xi1, xi2), 0.0, 1.0)
        s_low = _clip(_ramp_start(p1, p2, k1, k2, xi1, xi2), 0.0, 1.0)
        stay1 = cp1 + _FAR * loses1
        at_s_low = _staying_cost(p1, k1, c1, cp2, s_low) + _FAR * (not (gains1 & loses2))
        leave1 = l1 + _FAR * (gains1 & (not loses2))
        at_s0 = _staying_cost(p1, k1, c1, cp2, s0) + _FAR * (not (loses1 & gains2))
        stay2 = cp2 + _FAR * (not gains2)
        leave2 = l2 + _FAR * (not loses2)
        cost = _fmin(stay1, at_s_low)
        cost = _fmin(cost, _FAR)  # "interior", which these games do not have
        cost = _fmin(cost, leave1)
        cost = _fmin(cost, at_s0)
        cost = _fmin(cost, stay2)
        cost = _fmin(cost, leave2)
        limit = cost + TIE * abs(cost)
        missed = not (stay1 <= limit)
        kind = 1.0 * missed
        missed &= not (at_s_low <= limit)
        kind += 1.0 * missed
        missed &= not (limit >= _FAR)
        kind += 1.0 * missed
        missed &= not (leave1 <= limit)
        kind += 1.0 * missed
        missed &= not (at_s0 <= limit)
        kind += 1.0 * missed
        missed &= not (stay2 <= limit)
        kind += 1.0 * missed
        tile[k] = cost
        tile[_TILE + k] = kind


@jit
def _difference(a: float, b: float) -> float:
    gap = a - b
    return 0.0 if abs(gap) <= ROUNDING * abs(b) else gap


@jit
def _fmin(a: float, b: float) -> float:
    """The smaller one, or the one that is a number."""
    return b if (b < a) | (a != a) else a


@jit
def _clip(x: float, low: float, high: float) -> float:
    """As numpy's: nan stays nan."""
    raised = low if x <= low else x
    return high if raised >= high else raised


@jit
def _staying_cost(p1: float, k1: float, c1: float, cp2: float, s: float) -> float:
    return (c1 + k1 * s * cp2) / (p1 + k1 * s)


@jit
def _jump_point(p2: float, x1: float, x2: float) -> float:
    w = x1 * p2
    return -w / (x2 - w)


@jit
def _ramp_start(p1: float, p2: float, k1: float, k2: float, x1: float, x2: float) -> float:
    u = -x2 / (x1 * p2 * p2)
    m = 1.0 + u * (p1 + k1 * p2)
    return 2.0 / (m + np.sqrt(m * m + 4.0 * k1 * k2 * u))


@jit
def _best_response(
    xi1: Any,
    xi2: Any,
    success1: Any,
    success2: Any,
    failure1: Any,
    failure2: Any,
    latency1: Any,
    latency2: Any,
    cost1: Any,
    cost2: Any,
    price: Any,
    routes: Any,
    cascades: Any,
    low: Any,
    high: Any,
    connected: Any,
    strong: Any,
    weak: Any,
) -> None:
    for k in range(low.size):
        x1, x2 = _at(xi1, k), _at(xi2, k)
        p1, p2 = _at(success1, k), _at(success2, k)
        k1, k2 = _at(failure1, k), _at(failure2, k)
        route, s = _at(routes, k), _at(cascades, k)
        first = route == 1.0
        s0, s_low, s_high = _thresholds(p1, p2, k1, k2, x1, x2)
        s = _snapped(s0, s_low, s_high, _at(latency1, k), _at(latency2, k), x1, x2, s)
        marks = s0, s_low, s_high
        least, most, whole = _maximiser(p1, k1, k2, p2, x1, x2, first, s, marks)
        low[k], high[k], connected[k] = least, most, whole
        best, worst = least, least
        if least < most:
            c1, c2, penalty = _at(cost1, k), _at(cost2, k), _at(price, k)
            eta1, eta2 = c1 - penalty * p1, c2 - penalty * p2
            if whole:
                marks = _thresholds(p1, p2, k1, k2, -eta1, -eta2)
                best, _, _ = _maximiser(p1, k1, k2, p2, -eta1, -eta2, first, s, marks)
                marks = _thresholds(p1, p2, k1, k2, eta1, eta2)
                worst, _, _ = _maximiser(p1, k1, k2, p2, eta1, eta2, first, s, marks)
                best, worst = _clip(best, least, most), _clip(worst, least, most)
            else:
                staying = _cost(p1, p2, k1, k2, c1, c2, penalty, route, s, least)
                leaving = _cost(p1, p2, k1, k2, c1, c2, penalty, route, s, most)
                best, worst = (most, least) if leaving < staying else (least, most)
        strong[k], weak[k] = best, worst


@jit
def _at(x: Any, k: int) -> float:
    return x[k if x.size > 1 else 0]


@jit
def _thresholds(
    p1: float, p2: float, k1: float, k2: float, x1: float, x2: float
) -> tuple[float, float, float]:
    jump, ramp = (x1 <= 0.0) & (x2 >= 0.0), (x1 >= 0.0) & (x2 <= 0.0)
    s0, s_low, s_high = np.nan, np.nan, np.nan
    if jump and not ramp:
        s0 = _jump_point(p2, x1, x2)
    if ramp and not jump:
        s_low, s_high = _ramp_start(p1, p2, k1, k2, x1, x2), x1 / (x1 - x2)
    return s0, s_low, s_high


@jit
def _snapped(
    s0: float,
    s_low: float,
    s_high: float,
    t1: float,
    t2: float,
    x1: float,
    x2: float,
    s: float,
) -> float:
    to_jump, to_low, to_high = abs(s - s0), abs(s - s_low), abs(s - s_high)
    if to_jump <= _NEAR and to_jump <= _slack(t1, t2, x1, x2, s0):
        s = s0
    if to_low <= _NEAR or to_high <= _NEAR:
        nearer = s_low if to_low <= to_high else s_high
        if abs(s - nearer) <= _slack(t1, t2, x1, x2, nearer):
            s = nearer
    return s


@jit
def _slack(t1: float, t2: float, x1: float, x2: float, mark: float) -> float:
    doubts = abs(t1 / x1) + abs(t2 / x2)
    slack = ROUNDING * mark * (1.0 + (1.0 - mark) * doubts)
    return _NEAR if slack > _NEAR else slack  # nan stays nan, and nothing is as near as that


@jit
def _maximiser(
    p1: float,
    k1: float,
    k2: float,
    p2: float,
    x1: float,
    x2: float,
    first: bool,
    s: float,
    marks: tuple[float, float, float],
) -> tuple[float, float, bool]:
    s0, s_low, s_high = marks
    if not first:
        low = 1.0 if x2 < 0.0 else 0.0
        level = x2 == 0.0
        return low, 1.0 if level else low, True
    level = ((x1 == 0.0) | (s == 1.0)) & ((x2 == 0.0) | (s == 0.0))
    jump, ramp = (x1 < 0.0) & (x2 > 0.0), (x1 > 0.0) & (x2 < 0.0)
    leaves = ((x1 <= 0.0) & (x2 <= 0.0)) | (jump & (s < s0)) | (ramp & (s >= s_high))
    low = 1.0 if leaves and not level else 0.0
    if ramp and s > s_low and s < s_high:
        low = _q_dagger(p1, p2, k1, k2, x1, x2, s)
    tie = jump & (s == s0)
    return low, 1.0 if level or tie else low, level or not tie


@jit
def _q_dagger(
    p1: float,
    p2: float,
    k1: float,
    k2: float,
    x1: float,
    x2: float,
    s: float,
) -> float:
    r, left = -x1 / x2, 1.0 - s
    f0 = r * left * (p2 * p2) - s * (p1 + k1 * p2 + k1 * k2 * s)
    f1 = left * k2 * (r * p2 - s * k1)
    quadratic = left * k2 * (r * k2 + s * k1)
    below = f0 if f0 < 0.0 or f0 != f0 else 0.0
    root = np.sqrt(f1 * f1 - below * quadratic)
    stay = (r * left - s) / (left * k2 * r + root)
    leave = -f0 / (f1 + root) if f1 >= 0.0 else (root - f1) / quadratic
    leave = 0.0 if leave != leave else leave  # s and s_L differ by less than doubles can tell
    return _clip(1.0 - stay if stay < 0.5 else leave, 0.0, 1.0) + 0.0  # never -0.0


@jit
def _cost(
    p1: float,
    p2: float,
    k1: float,
    k2: float,
    c1: float,
    c2: float,
    penalty: float,
    route: float,
    s: float,
    q: float,
) -> float:
    """J of (i, s) and q."""
    starts = 2.0 - route
    escalates = s * (1.0 - q)
    beta = 1.0 / (p2 + k2 * q)
    n1 = starts / (p1 + k1 * (q + escalates))
    n2 = beta * (k1 * escalates * n1 + (1.0 - starts))
    return n1 * c1 + n2 * c2 + penalty * (q * (n1 * k1 + n2 * k2))
