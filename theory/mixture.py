"""Correlated retries: tasks of many types, easy and hard, which neither side can tell apart.

A task is of type x with weight w_x and its passes succeed with p_i(x). For fixed (i, s, q) every
expectation is the weighted average of the closed forms over types, U = sum_x w_x U_x(i, s, q) and
likewise J: still linear in visits, but a user's failures now teach that the task is hard, and none
of the two-model theorems survives. The summary numbers are

    p_i = E p_i(x),  rho_i = Var p_i(x) / (p_i (1-p_i)),  kappa = P(M2 succeeds | M1 failed) / p_2,

with P(success at 2 | failure at 1) = p_i (1 - rho_i). If p_i(x) is Beta(a, b), then rho is
1 / (a + b + 1) and P(success | m failures) = p (1-rho) / (1 - rho + m rho). Where a <= 1 a user who
never leaves waits for ever on average: quadrature cuts this off at its least node, so near q = 0
results then depend on the number of nodes.

The best response is found with a certificate (`peaks`), the provider's optimum by a search over
such replies (`mixture_search`).
(The paper names p_i(x) (4.2) and passes that are not i.i.d. (3.1, 7); the answers go beyond it.)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any, NamedTuple

import numpy as np

from routing_game.theory.chain_solve import Reply, Ties, tie_sign
from routing_game.theory.game import Game, check_commitment
from routing_game.theory.mixture_search import Types, best_cascade, best_leave
from routing_game.theory.numbers import (
    TIE,
    Array,
    Unchanging,
    doubles,
    frozen,
    plain,
    require,
    whole,
)
from routing_game.theory.payoffs import Payoffs, payoffs
from routing_game.theory.quadrature import beta_nodes


@dataclass(frozen=True, eq=False)
class Mixture(Unchanging):
    """One mixture of task types, or an array of them.

    Args:
        game: the types; its last axis is x, and all that depends on the type (p, and t, c, V or P
            too) varies there.
        weight: w, (X,) or (..., X), the share of each type; sums to 1.

    Raises:
        ValueError: the game has no axis, the shapes do not broadcast, or weights are negative or do
            not sum to 1.
    """

    game: Game
    weight: Any

    def __post_init__(self) -> None:
        weight = np.array(self.weight, dtype=np.float64)
        shapes = f"got shapes {self.game.shape} and {weight.shape}"
        lengths = self.game.shape[-1:], weight.shape[-1:]
        if () in lengths or self.game.shape[-1] not in (1, weight.shape[-1]):
            raise ValueError(f"the last axis of game and weight must be the task types, {shapes}")
        require(weight >= 0, "weight", weight, "be at least 0")
        require(
            np.abs(weight.sum(axis=-1) - 1) < 1e-9,
            "the sum of weights",
            weight.sum(axis=-1),
            "be 1",
        )
        try:
            np.broadcast_shapes(self.game.shape, weight.shape)
        except ValueError:
            raise ValueError(f"game and weight must broadcast, {shapes}") from None
        object.__setattr__(self, "weight", frozen(weight))

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
        model = whole("model", model, at_least=1, at_most=2)
        failures = whole("failures", failures, at_least=0)
        p, k = self.game.success[model - 1], self.game.failure[model - 1]
        # in units of the hardest type's: after many failures all k^m may be too small for doubles
        hardest = np.where(self.weight > 0, k, 0.0).max(axis=-1, keepdims=True)
        hardness = (np.where(self.weight > 0, k, 0.0) / hardest) ** float(min(failures, 2**53))
        return self.average(p * hardness) / self.average(hardness)

    @property
    def rho(self) -> tuple[Any, Any]:
        """(rho1, rho2), the task's share in the variance of a pass: 0 none, 1 all."""
        ratio = [1 - self.success_after(i, 1) / self.success_after(i, 0) for i in (1, 2)]
        return ratio[0], ratio[1]

    @property
    def kappa(self) -> Any:
        """P(M2 succeeds | M1 failed) / p2; 1 if the models' difficulties are independent."""
        k1, p2 = self.game.failure[0], self.game.success[1]
        return self.average(k1 * p2) / (self.average(k1) * self.average(p2))


def beta_mixture(
    game: Game,
    rho: tuple[float, float],
    common: float = 1.0,
    nodes: int = 24,
) -> Mixture:
    """Tasks whose p_i(x) is Beta-distributed with mean p_i of ``game`` and correlation rho_i.

    With chance ``common`` a task has one difficulty: the same quantile of both distributions (the
    quadrature nodes, matched in order of size), otherwise two independent ones. kappa falls
    linearly in ``common`` from 1.

    Args:
        game: a single game, whose success gives the means.
        rho: (rho1, rho2), each in [0, 1); 0 makes that model's passes independent.
        common: share of tasks with a common difficulty.
        nodes: quadrature nodes per model; all moments up to 2 ``nodes`` - 1 of either p_i are
            exact.

    Raises:
        ValueError: ``game`` is an array, or a number is out of range.
    """
    if game.shape:
        rule = "beta_mixture takes a single game"
        raise ValueError(f"{rule}, got an array of shape {game.shape}; index it")
    if np.shape(rho) != (2,):
        raise ValueError(f"rho must be a pair (model 1, model 2), got {rho!r}")
    require(0 <= common <= 1, "common", common, "lie in [0, 1]")
    nodes = whole("nodes", nodes, at_least=1)
    (p1, w1), (p2, w2) = (beta_nodes(p, r, nodes) for p, r in zip(game.success, rho, strict=True))
    joint = (1 - common) * np.outer(w1, w2) + common * _match(w1, w2)
    first, second = np.nonzero(joint)
    weight = joint[first, second]
    types = replace(game, success=(p1[first], p2[second]), ordered=False)
    return Mixture(types, weight / weight.sum())


def mixture_payoffs(mixture: Mixture, route: Any, cascade: Any, abandon: Any) -> Payoffs:
    """Payoffs of (i, s, q), averaged over types; i, s and q broadcast against the mixture's shape.

    Raises:
        ValueError: route is not 1 or 2, a probability lies outside [0, 1], or shapes do not
            broadcast.
    """
    commitment = _commitment(mixture, route, cascade, abandon)
    each = payoffs(mixture.game, *(x[..., None] for x in commitment))
    return Payoffs(*(mixture.average(x) for x in each))


def mixture_reply(mixture: Mixture, route: Any, cascade: Any, ties: Ties = "strong") -> Reply:
    """The best q against (i, s), of shape (...), globally: no q gains more than 1e-12 of E n.|xi|.

    U is the difference of two power series in the chance of staying, however many types there are,
    so `peaks` finds all its maxima. Ties go to the provider (strong) or against it (weak); if U is
    constant in q, the provider's cost is searched in the same manner.

    Raises:
        ValueError: route is not 1 or 2, cascade lies outside [0, 1], or shapes do not broadcast.
    """
    sign = tie_sign(ties)
    route, cascade, _ = _commitment(mixture, route, cascade)
    shape = route.shape
    which = np.broadcast_to(np.arange(prod(mixture.shape)).reshape(mixture.shape), shape)
    q, types = np.empty(shape), _types(mixture)
    for i in (1, 2):
        on = route == i
        q[on] = best_leave(types, i, cascade[on], which[on], sign)
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
    """The cheapest commitment if the user answers with its best q: a search with certified replies.

    J(s) is smooth but where the reply jumps or leaves an end. It is seen at ``points`` even s and
    closed in on wherever it is no dearer than beside, from the better side of a cliff, down to
    1e-14. What can escape is a well that lies between two of the points, with walls on both sides.

    Raises:
        ValueError: fewer than two points.
    """
    points = whole("points", points, at_least=2)
    s, standard = (x.reshape(mixture.shape) for x in best_cascade(_types(mixture), points))
    reasoning = np.asarray(mixture_reply(mixture, 2, 0.0).cost)
    route = np.where(reasoning < standard - TIE * np.abs(standard), 2, 1)
    s = np.where(route == 1, s, 0.0)
    q, utility, cost = mixture_reply(mixture, route, s)
    return MixtureOptimum(plain(route), plain(s), q, cost, utility)


def _commitment(mixture: Mixture, route: Any, cascade: Any, abandon: Any = 0.0) -> list[Array]:
    """Route, s and q as checked arrays of one shape, that of the answer."""
    numbers = [doubles(x) for x in (route, cascade, abandon)]
    check_commitment(*numbers)
    try:
        shape = np.broadcast_shapes(mixture.shape, *(x.shape for x in numbers))
    except ValueError:
        shapes = [x.shape for x in numbers]
        rule = f"must broadcast against the mixtures' shape {mixture.shape}"
        raise ValueError(f"route, cascade and abandon {rule}, got {shapes}") from None
    return [np.broadcast_to(x, shape) for x in numbers]


def _types(mixture: Mixture) -> Types:
    game, weight = mixture.game, np.asarray(mixture.weight)
    shape = (*mixture.shape, weight.shape[-1], 2)
    pairs = game.success, game.net_value, game.cost, (game.penalty, game.penalty)

    def flat(x: Array) -> Array:
        return np.broadcast_to(x, shape).reshape(-1, *shape[-2:])

    success, *numbers = (flat(np.stack(np.broadcast_arrays(*pair), axis=-1)) for pair in pairs)
    return Types(success, *(flat(weight[..., None]) * x for x in numbers))


def _match(w1: Array, w2: Array) -> Array:
    """Joint weights of two sorted discrete distributions that put equal quantiles together."""
    top1, top2 = (np.minimum(np.cumsum(w), 1.0) for w in (w1, w2))
    top = np.minimum.outer(top1, top2)
    bottom = np.maximum.outer(top1 - w1, top2 - w2)
    return np.maximum(top - bottom, 0.0)
