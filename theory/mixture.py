"""Correlated retries: tasks of many types, easy and hard, which neither side can tell apart.

A task is of type x with weight w_x and its passes succeed with p_i(x). For fixed (i, s, q) every expectation is the
weighted average of the closed forms over types, U = sum_x w_x U_x(i, s, q) and likewise J: still linear in visits, but
a user's failures now teach that the task is hard, and none of the two-model theorems survives. The summary numbers are

    p_i = E p_i(x),   rho_i = Var p_i(x) / (p_i (1 - p_i)),   kappa = P(M2 succeeds | M1 failed) / p_2,

with P(success at 2 | failure at 1) = p_i (1 - rho_i). If p_i(x) is Beta(a, b), rho = 1 / (a + b + 1) and
P(success | m failures) = p (1-rho) / (1 - rho + m rho). Where a <= 1 a user who never leaves waits for ever on average:
quadrature cuts this off at its least node, so near q = 0 results then depend on the number of nodes.

Best responses and optima are found numerically. (Beyond the paper.)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any, NamedTuple

import numpy as np

from routing_game.theory.chain_solve import Reply, Ties, tie_sign
from routing_game.theory.game import Game, check_commitment
from routing_game.theory.numbers import TIE, Array, plain, require, tied
from routing_game.theory.payoffs import Payoffs, payoffs
from routing_game.theory.peaks import Jet, favourite_peak
from routing_game.theory.quadrature import beta_nodes

_FACTORIAL = np.array([1.0, 1.0, 2.0, 6.0])[:, None, None]


@dataclass(frozen=True, eq=False)
class Mixture:
    """One mixture of task types, or an array of them.

    Args:
        game: the types; its last axis is x, and all that depends on the type (p, and t, c, V or P too) varies there.
        weight: w, (X,) or (..., X), the share of each type; sums to 1.

    Raises:
        ValueError: the game has no axis, the shapes do not broadcast, or weights are negative or do not sum to 1.
    """

    game: Game
    weight: Any

    def __post_init__(self) -> None:
        weight = np.array(self.weight, dtype=np.float64)
        if not self.game.shape or not weight.ndim or self.game.shape[-1] not in (1, weight.shape[-1]):
            shapes = f"got shapes {self.game.shape} and {weight.shape}"
            raise ValueError(f"the last axis of game and weight must be the task types, {shapes}")
        require(weight >= 0, "weight", weight, "be at least 0")
        require(np.abs(weight.sum(axis=-1) - 1) < 1e-9, "the sum of weights", weight.sum(axis=-1), "be 1")
        try:
            np.broadcast_shapes(self.game.shape, weight.shape)
        except ValueError:
            raise ValueError(f"game and weight must broadcast, got {self.game.shape} and {weight.shape}") from None
        object.__setattr__(self, "weight", weight)

    @property
    def shape(self) -> tuple[int, ...]:
        """The leading dimensions: () for a single mixture."""
        return np.broadcast_shapes(self.game.shape, self.weight.shape)[:-1]

    def average(self, x: Any) -> Any:
        """E x, for x of shape (..., X)."""
        return plain((self.weight * x).sum(axis=-1))

    def success_after(self, model: int, failures: int) -> Any:
        """P(the next pass of model i succeeds | its first m passes failed) = E p k^m / E k^m.

        Raises:
            ValueError: model is not 1 or 2, or failures is not a whole number from 0 on.
        """
        require(model in (1, 2), "model", model, "be 1 or 2")
        require(failures >= 0 and failures == int(failures), "failures", failures, "be at least 0 and whole")
        p = self.game.success[model - 1]
        hardness = self.game.failure[model - 1] ** failures
        return self.average(p * hardness) / self.average(hardness)

    @property
    def rho(self) -> tuple[Any, Any]:
        """(rho1, rho2), how much of the variance of one pass is the task's difficulty: 0 none, 1 all."""
        ratio = [1 - self.success_after(i, 1) / self.success_after(i, 0) for i in (1, 2)]
        return ratio[0], ratio[1]

    @property
    def kappa(self) -> Any:
        """P(M2 succeeds | M1 failed) / p2; 1 if the models' difficulties are independent."""
        k1, p2 = self.game.failure[0], self.game.success[1]
        return self.average(k1 * p2) / (self.average(k1) * self.average(p2))


def beta_mixture(game: Game, rho: tuple[float, float], common: float = 1.0, nodes: int = 24) -> Mixture:
    """Tasks whose p_i(x) is Beta-distributed with mean p_i of ``game`` and correlation rho_i.

    With chance ``common`` a task has one difficulty: the same quantile of both distributions (the quadrature nodes,
    matched in order of size), otherwise two independent ones. kappa falls linearly in ``common`` from 1.

    Args:
        game: a single game, whose success gives the means.
        rho: (rho1, rho2), each in [0, 1); 0 makes that model's passes independent.
        common: share of tasks with a common difficulty.
        nodes: quadrature nodes per model; all moments up to 2 ``nodes`` - 1 of either p_i are exact.

    Raises:
        ValueError: ``game`` is an array, or a number is out of range.
    """
    if game.shape:
        raise ValueError(f"beta_mixture takes a single game, got an array of shape {game.shape}; index it")
    if np.shape(rho) != (2,):
        raise ValueError(f"rho must be a pair (model 1, model 2), got {rho!r}")
    require(0 <= common <= 1, "common", common, "lie in [0, 1]")
    require(nodes >= 1 and nodes == int(nodes), "nodes", nodes, "be at least 1 and whole")
    (p1, w1), (p2, w2) = (beta_nodes(p, r, nodes) for p, r in zip(game.success, rho, strict=True))
    joint = (1 - common) * np.outer(w1, w2) + common * _match(w1, w2)
    first, second = np.nonzero(joint)
    weight = joint[first, second]
    return Mixture(replace(game, success=(p1[first], p2[second]), ordered=False), weight / weight.sum())


def mixture_payoffs(mixture: Mixture, route: Any, cascade: Any, abandon: Any) -> Payoffs:
    """Payoffs of (i, s, q), averaged over types; route, s and q broadcast against the mixture's leading dimensions.

    Raises:
        ValueError: route is not 1 or 2, or a probability lies outside [0, 1].
    """
    commitment = _commitment(mixture, route, cascade, abandon)
    each = payoffs(mixture.game, *(x[..., None] for x in commitment))
    return Payoffs(*(mixture.average(x) for x in each))


def mixture_reply(mixture: Mixture, route: Any, cascade: Any, ties: Ties = "strong") -> Reply:
    """The best q against (i, s), of shape (...), globally: no q gains more than 1e-12 of E n.|xi|.

    U is the difference of two power series in the chance of staying, however many types there are, so
    `peaks` finds all its maxima. Ties go to the provider (strong) or against it (weak); if U is constant
    in q, the provider's cost is searched in the same manner.

    Raises:
        ValueError: route is not 1 or 2, or cascade lies outside [0, 1].
    """
    sign = tie_sign(ties)
    route, cascade, _ = _commitment(mixture, route, cascade)
    shape = route.shape
    which = np.broadcast_to(np.arange(prod(mixture.shape)).reshape(mixture.shape), shape)
    q, types = np.empty(shape), _types(mixture)
    for i in (1, 2):
        on = route == i
        q[on] = _leave(types, i, cascade[on], which[on], sign)
    result = mixture_payoffs(mixture, route, cascade, q)
    return Reply(plain(q), result.utility, result.cost)


class MixtureOptimum(NamedTuple):
    """The provider's optimum over (i, s); numbers, or arrays of the mixture's leading shape."""

    route: Any
    """i, 1 or 2."""
    cascade: Any
    """s; 0 on route 2, where it is free."""
    abandon: Any
    """q, the user's best response, ties for the provider."""
    cost: Any
    """J there, in the provider's unit."""
    utility: Any
    """U there, in the user's unit."""


def solve_mixture(mixture: Mixture, points: int = 33) -> MixtureOptimum:
    """The cheapest commitment if the user answers with its best q: a search over s with certified replies.

    J(s) is smooth but where the reply jumps or leaves an end. It is seen at ``points`` even s and at
    twelve more that halve their way to 0, because s acts beside p1. Every point that is no dearer than
    its neighbours is then closed in on, from the better side of a cliff, down to 1e-14. What can escape
    is a well that lies between two of the points, with walls on both sides.

    Raises:
        ValueError: fewer than two points.
    """
    require(points >= 2, "points", points, "be at least 2")
    types, count = _types(mixture), prod(mixture.shape)
    halving = 0.5 ** np.arange(12, 0, -1) / (points - 1)
    grid = np.unique(np.concatenate([np.linspace(0.0, 1.0, points), halving]))
    costs = _cost(types, np.repeat(grid[:, None], count, axis=1), np.arange(count))
    valleys = _close_in(types, _valleys(grid, costs), 4)
    lowest = np.full(count, np.inf)
    np.minimum.at(lowest, valleys.which, valleys.cost)
    hopeful = valleys.cost <= lowest[valleys.which] + 1e-3 * np.abs(lowest[valleys.which])
    valleys = _close_in(types, valleys.where(hopeful), 10)
    order = np.lexsort((valleys.cost, valleys.which))
    pick = order[np.unique(valleys.which[order], return_index=True)[1]]
    s, standard = (x[pick].reshape(mixture.shape) for x in (valleys.s, valleys.cost))
    reasoning = np.asarray(mixture_reply(mixture, 2, 0.0).cost)
    route = np.where(reasoning < standard - TIE * np.abs(standard), 2, 1)
    s = np.where(route == 1, s, 0.0)
    q, utility, cost = mixture_reply(mixture, route, s)
    return MixtureOptimum(plain(route), plain(s), q, cost, utility)


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
    """Whether this is the right end of a level stretch (on which the user leaves at once), not the left."""

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


def _close_in(types: _Types, at: _Valleys, rounds: int, points: int = 17) -> _Valleys:
    """The same valleys, by ever finer grids around their best points.

    Of equal points the one at the end of the level stretch counts: the cost may fall just beyond it.
    """
    for _ in range(rounds):
        grid = np.linspace(at.low, at.high, points)
        costs = _cost(types, grid, at.which)
        best = costs == costs.min(axis=0)
        k = np.where(at.last, points - 1 - best[::-1].argmax(axis=0), best.argmax(axis=0))[None]
        s, cost = (np.take_along_axis(x, k, axis=0)[0] for x in (grid, costs))
        further = (cost == at.cost) & np.where(at.last, s > at.s, s < at.s)
        moved = (cost < at.cost) | further
        s, cost = (np.where(moved, *pair) for pair in ((s, at.s), (cost, at.cost)))
        step = (at.high - at.low) / (points - 1)
        at = _Valleys(at.which, s, cost, np.maximum(at.low, s - step), np.minimum(at.high, s + step), at.last)
    return at


def _commitment(mixture: Mixture, route: Any, cascade: Any, abandon: Any = 0.0) -> list[Array]:
    """Route, s and q as checked arrays of one shape, that of the answer."""
    numbers = [np.asarray(x, dtype=np.float64) for x in (route, cascade, abandon)]
    check_commitment(*numbers)
    try:
        shape = np.broadcast_shapes(mixture.shape, *(x.shape for x in numbers))
    except ValueError:
        shapes = [x.shape for x in numbers]
        rule = f"route, cascade and abandon must broadcast against the mixtures' shape {mixture.shape}"
        raise ValueError(f"{rule}, got {shapes}") from None
    return [np.broadcast_to(x, shape) for x in numbers]


class _Types(NamedTuple):
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


def _types(mixture: Mixture) -> _Types:
    game, weight = mixture.game, np.asarray(mixture.weight)
    shape = (*mixture.shape, weight.shape[-1], 2)
    pairs = game.success, game.net_value, game.cost, (game.penalty, game.penalty)
    success, *numbers = (
        np.broadcast_to(np.stack(np.broadcast_arrays(*pair), axis=-1), shape).reshape(-1, *shape[-2:]) for pair in pairs
    )
    weight = np.broadcast_to(weight[..., None], shape).reshape(-1, *shape[-2:])
    return _Types(success, *(weight * x for x in numbers))


def _leave(types: _Types, route: int, cascade: Array, which: Array, sign: int) -> Array:
    """The best q, (B,), against commitments to one route; ``which`` numbers their mixtures."""
    at = types.success, route, cascade, which
    user, provider = (_jet(*at, worth) for worth in (types.net_value, -sign * types.burden))
    return favourite_peak(user, provider, cascade.size, cells=8)


def _cost(types: _Types, cascade: Array, which: Array) -> Array:
    """J of (1, s) at the best reply, ties for the provider; s is (K, B), the numbers of mixtures (B,)."""
    s = cascade.ravel()
    m = np.broadcast_to(which, cascade.shape).ravel()
    q = _leave(types, 1, s, m, 1)[:, None]
    m = m if len(types.success) > 1 else slice(None)
    (p1, p2), (c1, c2), (w1, w2) = (np.moveaxis(x[m], -1, 0) for x in (types.success, types.cost, types.penalty))
    k1, k2, s = 1 - p1, 1 - p2, s[:, None]
    n1 = 1 / (p1 + k1 * (q + s * (1 - q)))
    n2 = k1 * s * (1 - q) * n1 / (p2 + k2 * q)
    return np.asarray((n1 * (c1 + w1 * k1 * q) + n2 * (c2 + w2 * k2 * q)).sum(axis=-1)).reshape(cascade.shape)


def _jet(success: Array, route: int, cascade: Array, which: Array, worth: Array) -> Jet:
    """E n.worth against B commitments to one route, as a function of q: its jets, for `peaks`.

    With f = 1 / (1 - k1 (1-s) x), g = 1 / (1 - k2 x), u = k1 (1-s) f, v = k2 g the m-th Taylor coefficients are

        route 1:  n1: f u^m,  n2: k1 s f g (x h_m + h_(m-1)),  h_m = u^m + v h_(m-1)
        route 2:  n2: g v^m

    h_m is the sum of all products of m factors u and v.

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
    """Sums over types of values (4, n, X) with two weights each, (n, X, 2) or (1, X, 2): (4, 2, n)."""
    if len(weight) == 1:
        return np.moveaxis(values @ weight[0], -1, 1)
    return np.einsum("onx,nxp->opn", values, weight)


def _match(w1: Array, w2: Array) -> Array:
    """Joint weights of two sorted discrete distributions that put equal quantiles together."""
    top1, top2 = (np.minimum(np.cumsum(w), 1.0) for w in (w1, w2))
    top = np.minimum.outer(top1, top2)
    bottom = np.maximum.outer(top1 - w1, top2 - w2)
    return np.maximum(top - bottom, 0.0)
