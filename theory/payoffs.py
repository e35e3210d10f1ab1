"""Payoffs of both sides: expected visits to the two models, and everything that is linear in them.

With k = 1-p, alpha = k1 (1-q) and beta = 1 / (p2 + k2 q), the expected numbers of passes are

    route 1:  n1 = 1 / (1 - alpha (1-s)),   n2 = alpha beta s n1
    route 2:  n1 = 0,                       n2 = beta

and then S = n.p, L = n.t, C = n.c, U = V S - L, J = C + P (1 - S). (Section 3 of the paper.)

Plain arithmetic in double precision throughout: Python floats, lists, numpy arrays and torch
tensors (with gradients) go in; floats, arrays and tensors come out.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from routing_game.theory.game import Game, check_commitment
from routing_game.theory.numbers import double, one


class Payoffs(NamedTuple):
    """Expected payoffs of one task; each a float, an array or a tensor."""

    success: Any
    """S, the chance that the task is solved."""
    latency: Any
    """L, the user's waiting time, in the user's unit."""
    service_cost: Any
    """C, the provider's money for passes, in the provider's unit."""
    utility: Any
    """U = V S - L, the user's utility."""
    cost: Any
    """J = C + P (1 - S), the provider's cost."""


def visits(game: Any, route: Any, cascade: Any, abandon: Any) -> tuple[Any, Any]:
    """(n1, n2), the expected passes of M1 and M2 in one task.

    Takes its arguments as they are; `payoffs` checks and converts them.
    """
    (p1, p2), (k1, k2) = game.success, game.failure
    starts_standard = 2 - route  # 1 on route 1, 0 on route 2
    escalates = cascade * (1 - abandon)
    beta = 1 / (p2 + k2 * abandon)
    # 1 - alpha (1-s) as a sum of positive terms: a small p1 would be lost in 1 - k1
    n1 = starts_standard / (p1 + k1 * (abandon + escalates))
    return n1, beta * (k1 * escalates * n1 + (1 - starts_standard))


def payoffs(game: Game, route: Any, cascade: Any, abandon: Any) -> Payoffs:
    """Expected payoffs if the provider commits to (i, s) and the user leaves after failures with q.

    Nothing cancels: 1 - S is computed as the chance q (n1 k1 + n2 k2) that the user leaves, and
    U as n1 xi1 + n2 xi2.

    Args:
        game: one game, or an array of games that broadcasts against the rest.
        route: i, 1 or 2.
        cascade: s in [0, 1]; of no effect on route 2.
        abandon: q in [0, 1].

    Raises:
        ValueError: route is not 1 or 2, or a probability lies outside [0, 1].
    """
    route, cascade, abandon, numbers = _doubles(game, route, cascade, abandon)
    check_commitment(route, cascade, abandon)
    members = expected(numbers, route, cascade, abandon)
    return Payoffs(*_alike(members)) if game.shape else members


def expected(game: Any, route: Any, cascade: Any, abandon: Any) -> Payoffs:
    """As `payoffs`, of arguments as they are; each member in a shape of its own.

    Args:
        game: what has the numbers of a game.
        route: i; unchecked, as are the others.
        cascade: s.
        abandon: q.
    """
    (p1, p2), (t1, t2), (c1, c2) = game.success, game.latency, game.cost
    (k1, k2), (xi1, xi2) = game.failure, game.net_value
    n1, n2 = visits(game, route, cascade, abandon)
    service_cost = n1 * c1 + n2 * c2
    cost = service_cost + game.penalty * (abandon * (n1 * k1 + n2 * k2))
    utility = n1 * xi1 + n2 * xi2
    if type(utility) is np.float64:  # for numbers a number
        utility = float(utility)
    return Payoffs(n1 * p1 + n2 * p2, n1 * t1 + n2 * t2, service_cost, utility, cost)


def _alike(members: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same members in their common shape: of an array of games each uses other numbers."""
    shape = np.broadcast_shapes(*(np.shape(x) for x in members))
    if all(np.shape(x) == shape for x in members):
        return members
    nothing = 0 * sum(members)
    return tuple(x + nothing for x in members)


def _doubles(game: Game, *commitment: Any) -> tuple[Any, ...]:
    """A commitment and a game in numbers that go together: plain ones, arrays or tensors."""
    if one(*commitment):
        return *commitment, game
    tensor = next((x for x in commitment if hasattr(x, "detach")), None)
    if tensor is None:
        return *(x if one(x) else double(x) for x in commitment), game

    def convert(x: Any) -> Any:
        if hasattr(x, "detach"):
            return x.double()
        return x if one(x) else tensor.double().new_tensor(double(x))

    pairs = ("success", "failure", "latency", "cost", "net_value")
    numbers = {name: tuple(map(convert, getattr(game, name))) for name in pairs}
    return *map(convert, commitment), SimpleNamespace(penalty=convert(game.penalty), **numbers)
