"""Payoffs of both sides: expected visits to the two models, and everything that is linear in them.

With k = 1-p, alpha = k1 (1-q) and beta = 1 / (p2 + k2 q), the expected numbers of passes are

    route 1:  n1 = 1 / (1 - alpha (1-s)),   n2 = alpha beta s n1
    route 2:  n1 = 0,                       n2 = beta

and then S = n.p, L = n.t, C = n.c, U = V S - L, J = C + P (1 - S). (Section 3 of the paper.)

Plain arithmetic throughout: Python floats, numpy arrays and torch tensors (with gradients) all go in and come out.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from routing_game.theory.game import Game, check_commitment


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


def visits(game: Game, route: Any, cascade: Any, abandon: Any) -> tuple[Any, Any]:
    """(n1, n2), the expected passes of M1 and M2 in one task. Unchecked; `payoffs` checks its arguments."""
    (k1, k2), p2 = game.failure, game.success[1]
    starts_standard = 2 - route  # 1 on route 1, 0 on route 2
    alpha = k1 * (1 - abandon)
    beta = 1 / (p2 + k2 * abandon)
    n1 = starts_standard / (1 - alpha * (1 - cascade))
    return n1, beta * (alpha * cascade * n1 + (1 - starts_standard))


def payoffs(game: Game, route: Any, cascade: Any, abandon: Any) -> Payoffs:
    """Expected payoffs when the provider commits to (i, s) and the user leaves with probability q after a failure.

    Args:
        game: one game, or an array of games that broadcasts against the rest.
        route: i, 1 or 2.
        cascade: s in [0, 1]; of no effect on route 2.
        abandon: q in [0, 1].

    Raises:
        ValueError: route is not 1 or 2, or a probability lies outside [0, 1].
    """
    route, cascade, abandon = (np.asarray(x) if isinstance(x, (list, tuple)) else x for x in (route, cascade, abandon))
    check_commitment(route, cascade, abandon)
    n1, n2 = visits(game, route, cascade, abandon)
    success = n1 * game.success[0] + n2 * game.success[1]
    latency = n1 * game.latency[0] + n2 * game.latency[1]
    service_cost = n1 * game.cost[0] + n2 * game.cost[1]
    utility = game.value * success - latency
    return Payoffs(success, latency, service_cost, utility, service_cost + game.penalty * (1 - success))
