"""Who pays for the disagreement: throttling, and a user who may decline the task. (Section 6 of the paper, completed.)

Misalignment itself, Delta_U, is part of every `Equilibrium`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from routing_game.theory.game import Game, Real, plain
from routing_game.theory.payoffs import payoffs
from routing_game.theory.provider import interior_optimum, solve
from routing_game.theory.user import thresholds


@dataclass(frozen=True)
class Throttling:
    """The best the provider can do if it may also slow its models down."""

    cost: Real
    """J* at the best latencies, in the provider's unit."""
    gain: Real
    """J* without throttling, less `cost`; at least 0."""
    latency: Real
    """The latency t2 = V p2 from which on M2 is slow enough; nan where throttling gains nothing."""


def throttle(game: Game) -> Throttling:
    """Optimal throttling: the least J* over all latencies not below the game's own.

    A model worth waiting for can be made not worth it, never the reverse. With both value-dominated that adds both
    leaving costs to the provider's menu, and slowing M2 alone reaches either; with xi1 < 0 < xi2 it adds l2; in the
    other regimes it gains nothing. The gain is convex and piecewise linear in P, with a kink at d if cp1 > cp2.
    """
    (xi1, xi2), (l1, l2) = game.net_value, game.leaving_cost
    cost = solve(game).cost
    both, jump = (xi1 >= 0) & (xi2 >= 0), (xi1 < 0) & (xi2 >= 0)
    throttled = np.where(both, np.minimum(np.minimum(l1, l2), cost), np.where(jump, np.minimum(l2, cost), cost))
    gain = cost - throttled
    latency = np.where(gain > 0, game.value * game.success[1], np.nan)
    return Throttling(plain(throttled), plain(gain), plain(latency))


@dataclass(frozen=True)
class Participation:
    """The provider's optimum when the user may decline the task before its first pass (utility 0)."""

    threshold: Real
    """s_IR: in xi1 < 0 < xi2, the least s at which route 1 is worth starting (above 1: never); nan elsewhere."""
    route: Any
    """i of the optimum; 0 where every commitment is declined."""
    cascade: Real
    """The smallest optimal s; 0 on route 2, where it is free."""
    cost: Real
    """J there; inf where every commitment is declined."""


def participation(game: Game) -> Participation:
    """The cheapest commitment that a user accepts who takes a task only if its utility is at least 0.

    At (1, s0) the user's utility is xi1 < 0, so an opt-out moves the cascade from s0 up to s_IR.
    """
    (xi1, xi2), cp2, (l1, l2) = game.net_value, game.cost_of_pass[1], game.leaving_cost
    _, s_low, s_high = thresholds(game)
    with np.errstate(divide="ignore", invalid="ignore"):
        s_ir = np.where((xi1 < 0) & (xi2 > 0), -xi1 * game.success[1] / (game.failure[0] * xi2), np.nan)
    accepts = np.where(xi1 < 0, s_ir <= 1, True)  # xi1 >= 0: at worst the user leaves at once, with xi1
    s_stay = np.where(xi1 < 0, np.where(accepts, s_ir, 0.0), 0.0)
    leave_from = np.where(np.isnan(s_high), 0.0, s_high)
    s_reach = np.where(np.isnan(s_low), 0.0, s_low)
    s_mixed, j_mixed = interior_optimum(game)  # without (2, .), a mixed reply can be the best to be had
    rows = (  # accepted, route, s, cost
        (accepts, 1, s_stay, payoffs(game, 1, s_stay, 0.0).cost),
        ((xi1 >= 0) & (xi2 <= 0), 1, s_reach, payoffs(game, 1, s_reach, 0.0).cost),
        (np.isfinite(j_mixed), 1, np.nan_to_num(s_mixed), j_mixed),
        ((xi1 >= 0) & (xi2 <= 0), 1, leave_from, l1),
        ((xi1 == 0) & (xi2 >= 0), 1, 0.0, l1),
        (xi2 >= 0, 2, 0.0, cp2),
        (xi2 == 0, 2, 0.0, l2),
    )
    accepted, route, cascade, cost = (
        np.stack([np.broadcast_to(x, game.shape) for x in column]) for column in zip(*rows, strict=True)
    )
    cost = np.where(accepted, cost, np.inf)
    best = np.argmin(cost, axis=0)[None]
    route, cascade, cost = (np.take_along_axis(x, best, axis=0)[0] for x in (route, cascade, cost))
    possible = np.isfinite(cost)
    route, cascade = np.where(possible, route, 0), np.where(possible, cascade, 0.0)
    return Participation(plain(s_ir), plain(route), plain(cascade), plain(cost))
