"""The search behind `mixture`: a user's best q against (i, s), and the provider's best s.

M mixtures of X types each. What depends on the type are visits, and those are closed forms; with
x = 1 - q,

    f = 1 / (1 - k1 (1-s) x),   g = 1 / (1 - k2 x),
    route 1:  n1 = f,  n2 = k1 s x f g        route 2:  n2 = g.

A Taylor coefficient of f in x is f u^m with u = k1 (1-s) f, one of g is g v^m with v = k2 g, and
the product f g has f g h_m, where h_m = u^m + v h_(m-1) is the sum of all products of m factors u
and v. All are positive, so sums over types with weights w xi > 0 and w xi < 0, kept apart, are the
two power series that `peaks` wants.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from routing_game.theory.numbers import Array
from routing_game.theory.peaks import Jet, favourite_peak

_BLOCK = 16_384  # types that are looked at together: their arrays then fit a processor's cache
_HOPE = 1e-3  # of J: closing in the first four times leaves less than this to gain
_FACTORIAL = np.array([1.0, 1.0, 2.0, 6.0])[:, None, None]


class Types(NamedTuple):
    """What a search reads of M mixtures: arrays (M, X, 2), the last axis for M1 and M2."""

    success: Array
    net_value: Array
    """W xi."""
    cost: Array
    """W c."""
    penalty: Array
    """W P."""

    @property
    def burden(self) -> Array:
        """W eta, where J = E P + E n.eta."""
        return self.cost - self.penalty * self.success


def best_leave(types: Types, route: int, cascade: Array, which: Array, sign: int) -> Array:
    """The best q, (B,), against commitments to one route; ``which`` numbers their mixtures.

    Ties go to the provider with sign 1, against it with -1.
    """
    q = np.empty(cascade.size)
    block = max(16, _BLOCK // types.success.shape[1])
    for first in range(0, cascade.size, block):
        part = slice(first, first + block)
        at = types.success, route, cascade[part], which[part]
        user, provider = (_jet(*at, worth) for worth in (types.net_value, -sign * types.burden))
        q[part] = favourite_peak(user, provider, cascade[part].size, cells=8)
    return q


def cost_at_best(types: Types, cascade: Array, which: Array) -> Array:
    """J of (1, s) at the best reply, ties for the provider; s (K, B), numbers of mixtures (B,)."""
    number = np.broadcast_to(which, cascade.shape).ravel()
    q = best_leave(types, 1, cascade.ravel(), number, 1)[:, None]
    m = number if len(types.success) > 1 else slice(None)
    numbers = types.success[m], types.cost[m], types.penalty[m]
    (p1, p2), (c1, c2), (w1, w2) = (np.moveaxis(x, -1, 0) for x in numbers)
    k1, k2, s = 1 - p1, 1 - p2, cascade.reshape(-1, 1)
    n1 = 1 / (p1 + k1 * (q + s * (1 - q)))
    n2 = k1 * s * (1 - q) * n1 / (p2 + k2 * q)
    cost = n1 * (c1 + w1 * k1 * q) + n2 * (c2 + w2 * k2 * q)
    return np.asarray(cost.sum(axis=-1)).reshape(cascade.shape)


def _jet(success: Array, route: int, cascade: Array, which: Array, worth: Array) -> Jet:
    """E n.worth against B commitments to one route, as a function of q: its jets, for `peaks`.

    Taylor coefficients on route 1: n1 has f u^m, n2 has k1 s f g (x h_m + h_(m-1)).

    Args:
        success: p, (M, X, 2), of M mixtures.
        route: i.
        cascade: s, (B,).
        which: number of the mixture, (B,).
        worth: (M, X, 2), the weight of the type included.
    """
    (p1, p2), k = np.moveaxis(success, -1, 0), 1 - success
    k1, k2 = np.moveaxis(k, -1, 0)
    gain = np.stack([np.maximum(worth, 0.0), np.maximum(-worth, 0.0)], axis=-1)  # (M, X, 2, 2)

    def jet(owner: Array, q: Array) -> Array:
        m = which[owner] if len(success) > 1 else slice(None)
        stay, s, leave = 1 - q[:, None], cascade[owner, None], q[:, None]
        g = 1 / (p2[m] + k2[m] * leave)
        v = k2[m] * g
        if route == 2:
            return _FACTORIAL * _expect(_times_powers(g, v), gain[m, :, 1])
        f = 1 / (p1[m] + k1[m] * (leave + s * stay))
        kf = k1[m] * f
        u = (1 - s) * kf
        first = _expect(_times_powers(f, u), gain[m, :, 0])
        second = s[:, 0] * _expect(_times_sums(kf * g, u, v), gain[m, :, 1])
        first += stay[:, 0] * second
        first[1:] += second[:-1]
        return _FACTORIAL * first

    return jet


def _times_powers(f: Array, u: Array) -> Array:
    """F u^m for m = 0 to 3, (4, ...)."""
    powers = np.empty((4, *f.shape))
    powers[0] = f
    for m in range(3):
        np.multiply(powers[m], u, out=powers[m + 1])
    return powers


def _times_sums(f: Array, u: Array, v: Array) -> Array:
    """F h_m(u, v) for m = 0 to 3, (4, ...)."""
    sums, power = np.empty((4, *f.shape)), f
    sums[0] = f
    for m in range(3):
        power = power * u
        np.multiply(sums[m], v, out=sums[m + 1])
        sums[m + 1] += power
    return sums


def _expect(values: Array, weight: Array) -> Array:
    """Sums over types of values (4, n, X) with two weights, (n, X, 2) or (1, X, 2): (4, 2, n)."""
    if len(weight) == 1:
        return np.moveaxis(values @ weight[0], -1, 1)
    return np.einsum("onx,nxp->opn", values, weight)


def best_cascade(types: Types, points: int) -> tuple[Array, Array]:
    """(s, J), each (M,): the cheapest (1, s), the user answering with its best q.

    S is first seen at ``points`` even values. Every valley is closed in on a little, and those that
    can still win to 1e-14.
    """
    count = len(types.success)
    grid = np.linspace(0.0, 1.0, points)
    costs = cost_at_best(types, np.repeat(grid[:, None], count, axis=1), np.arange(count))
    valleys = _close_in(types, _valleys(grid, costs), 4)
    lowest = np.full(count, np.inf)
    np.minimum.at(lowest, valleys.which, valleys.cost)
    hopeful = valleys.cost <= lowest[valleys.which] + _HOPE * np.abs(lowest[valleys.which])
    valleys = _close_in(types, valleys.where(hopeful), 10)
    order = np.lexsort((valleys.cost, valleys.which))
    _, first = np.unique(valleys.which[order], return_index=True)
    return valleys.s[order[first]], valleys.cost[order[first]]


class _Valleys(NamedTuple):
    """Points of s that are no dearer than their neighbours, several of a mixture: each (n,)."""

    which: Array
    """Number of the mixture."""
    s: Array
    cost: Array
    low: Array
    high: Array
    """The neighbours."""
    last: Array
    """Whether it is the right end of a level stretch (where the user leaves at once)."""

    def where(self, chosen: Array) -> _Valleys:
        return _Valleys(*(x[chosen] for x in self))


def _valleys(grid: Array, costs: Array) -> _Valleys:
    """Those of costs (K, M) on a grid (K,); of a level stretch its two ends."""
    edge = np.full((1, costs.shape[1]), np.inf)
    before, after = np.concatenate([edge, costs[:-1]]), np.concatenate([costs[1:], edge])
    lowest = (costs <= before) & (costs <= after)
    k, which = np.nonzero(lowest & ~((costs == before) & (costs == after)))
    low, high = grid[np.maximum(k - 1, 0)], grid[np.minimum(k + 1, grid.size - 1)]
    last = costs[k, which] == before[k, which]
    return _Valleys(which, grid[k], costs[k, which], low, high, last)


def _close_in(types: Types, at: _Valleys, rounds: int, points: int = 17) -> _Valleys:
    """The same valleys, by ever finer grids around their best points.

    Of equal points the one at the end of the level stretch counts: beyond it the cost may fall.
    """
    for _ in range(rounds):
        grid = np.linspace(at.low, at.high, points)
        costs = cost_at_best(types, grid, at.which)
        best = costs == costs.min(axis=0)
        k = np.where(at.last, points - 1 - best[::-1].argmax(axis=0), best.argmax(axis=0))[None]
        s, cost = (np.take_along_axis(x, k, axis=0)[0] for x in (grid, costs))
        further = (cost == at.cost) & np.where(at.last, s > at.s, s < at.s)
        moved = (cost < at.cost) | further
        s, cost = (np.where(moved, *pair) for pair in ((s, at.s), (cost, at.cost)))
        step = (at.high - at.low) / (points - 1)
        low, high = np.maximum(at.low, s - step), np.minimum(at.high, s + step)
        at = at._replace(s=s, cost=cost, low=low, high=high)
    return at
