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
from typing import Any, NamedTuple

import numpy as np

from routing_game.theory.chain_solve import Reply, Ties, tie_sign
from routing_game.theory.game import Game, check_commitment
from routing_game.theory.numbers import TIE, Array, least, plain, require
from routing_game.theory.payoffs import Payoffs, payoffs, visits
from routing_game.theory.quadrature import beta_nodes

_GRID = np.sin(np.linspace(0.0, np.pi / 2, 129)) ** 2  # q, denser at the ends, where rare hard types act
_HALVINGS = 60


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
        """P(the next pass of model i succeeds | its first m passes failed) = E p k^m / E k^m."""
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
    require(0 <= common <= 1, "common", common, "lie in [0, 1]")
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
    check_commitment(route, cascade, abandon)
    return Payoffs(*(mixture.average(x) for x in payoffs(mixture.game, *_over_types(route, cascade, abandon))))


def mixture_reply(mixture: Mixture, route: Any, cascade: Any, ties: Ties = "strong") -> Reply:
    """The best q against (i, s), of shape (...).

    The best point of a grid of 129 q, its neighbourhood searched for the zero of U', competes with the ends where they
    are local maxima. Ties go to the provider (strong) or against it (weak); if U is constant in q, J is searched in
    the same manner. (Of two equal maxima inside (0, 1), which no generic mixture has, either may be returned.)

    Raises:
        ValueError: route is not 1 or 2, or cascade lies outside [0, 1].
    """
    sign = tie_sign(ties)
    check_commitment(route, cascade)
    shape = np.broadcast_shapes(mixture.shape, np.shape(route), np.shape(cascade))
    at = mixture, np.broadcast_to(route, shape), np.broadcast_to(cascade, shape)
    game, xi = mixture.game, mixture.game.net_value
    inner, constant, tolerance = _peak(*at, xi)
    if np.any(constant):
        eta1, eta2 = (sign * (c - game.penalty * p) for c, p in zip(game.cost, game.success, strict=True))
        inner = np.where(constant, _peak(*at, (-eta1, -eta2))[0], inner)  # J = P + n.eta
    zero, one = np.zeros(shape), np.ones(shape)
    q = np.stack([zero, inner, one])
    # an end that is no local maximum may miss the peak beside it by less than any tolerance
    peaked = np.stack([constant | (_slope(*at, xi, zero) <= 0), zero == 0, constant | (_slope(*at, xi, one) >= 0)])
    utility, cost = _worth(*at, xi, q), np.asarray(mixture_payoffs(*at, q).cost)
    best = peaked & (utility >= utility.max(axis=0) - tolerance)
    pick = np.where(best, sign * cost, np.inf).argmin(axis=0)[None]
    return Reply(*(plain(np.take_along_axis(x, pick, axis=0)[0]) for x in (q, utility, cost)))


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


def solve_mixture(mixture: Mixture, pieces: int = 4) -> MixtureOptimum:
    """The cheapest commitment if the user answers with its best q: a search over s, in ``pieces`` intervals.

    J jumps where the reply does; the search closes in on a cliff from its better side.
    """
    edges = np.linspace(0.0, 1.0, pieces + 1).reshape(-1, *[1] * len(mixture.shape)) + np.zeros(mixture.shape)
    s, cost = least(lambda s: np.asarray(mixture_reply(mixture, 1, s).cost), edges[:-1], edges[1:], 33, 12)
    pick = cost.argmin(axis=0)[None]
    s, standard = (np.take_along_axis(x, pick, axis=0)[0] for x in (s, cost))
    reasoning = np.asarray(mixture_reply(mixture, 2, 0.0).cost)
    route = np.where(reasoning < standard - TIE * np.abs(standard), 2, 1)
    s = np.where(route == 1, s, 0.0)
    q, utility, cost = mixture_reply(mixture, route, s)
    return MixtureOptimum(plain(route), plain(s), q, cost, utility)


def _over_types(*numbers: Any) -> list[Array]:
    """The same with an axis for the types."""
    return [np.asarray(x)[..., None] for x in numbers]


def _worth(mixture: Mixture, route: Array, cascade: Array, reward: tuple[Any, Any], q: Any) -> Array:
    """E[n1 x1 + n2 x2], unchecked: q may be complex."""
    n1, n2 = visits(mixture.game, *_over_types(route, cascade, q))
    return np.asarray((mixture.weight * (n1 * reward[0] + n2 * reward[1])).sum(axis=-1))


def _slope(mixture: Mixture, route: Array, cascade: Array, reward: tuple[Any, Any], q: Array) -> Array:
    """The derivative of `_worth` in q, up to a factor: a step along the imaginary axis, which cancels nothing."""
    return np.asarray(_worth(mixture, route, cascade, reward, q + 1e-30j).imag)


def _peak(mixture: Mixture, route: Array, cascade: Array, reward: tuple[Any, Any]) -> tuple[Array, Array, Array]:
    """(q, constant, tolerance): the maximiser of `_worth`, whether q is of no effect, and what counts as a tie."""
    at = mixture, route, cascade
    values = _worth(*at, reward, _GRID.reshape(-1, *[1] * route.ndim))
    best = values.argmax(axis=0)
    low, high = _GRID[np.maximum(best - 1, 0)], _GRID[np.minimum(best + 1, _GRID.size - 1)]
    for _ in range(_HALVINGS):
        q = (low + high) / 2
        rising = _slope(*at, reward, q) > 0
        low, high = np.where(rising, q, low), np.where(rising, high, q)
    tolerance = TIE * _worth(*at, (np.abs(reward[0]), np.abs(reward[1])), np.zeros(route.shape))
    return (low + high) / 2, np.ptp(values, axis=0) <= tolerance, tolerance


def _match(w1: Array, w2: Array) -> Array:
    """Joint weights of two sorted discrete distributions that put equal quantiles together."""
    top1, top2 = (np.minimum(np.cumsum(w), 1.0) for w in (w1, w2))
    top = np.minimum.outer(top1, top2)
    bottom = np.maximum.outer(top1 - w1, top2 - w2)
    return np.maximum(top - bottom, 0.0)
