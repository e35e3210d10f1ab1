"""The lie of a game's land: where its cliff is, how high and steep, and how wide the target.

On route 1 the provider's cost, the user answering best, is that of a user who stays,

    J_1(s, 0) = (c_1 + k_1 s c_2 / p_2) / (p_1 + k_1 s),

up to one s and that of one who leaves, l_1 = c_1 + P k_1, from another. Where both happen, in the
two mixed regimes, the *cliff* is the end of staying: s_0, where the cost jumps, or s_L, from which
it climbs until s_H. What makes a game hard for a learner who cannot see the cliff is where it is,
how deep it falls, and how little of [0, 1] is good enough. All of it is exact. (Beyond the paper.)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from routing_game.theory.game import Game
from routing_game.theory.numbers import Array, Real
from routing_game.theory.provider import outcome, solve
from routing_game.theory.user import thresholds


class Geometry(NamedTuple):
    """Measures of a game, each of its shape; costs as shares of |J*|, or as they are if J* = 0.

    Those of the cliff are nan in games without one.
    """

    edge: Array
    """Distance of the cliff from the nearer end of [0, 1]."""
    edge_log_odds: Array
    """The same in log odds, from the middle: |log(s / (1 - s))|; large if the cliff is at an end.
    """
    height: Array
    """What leaving costs more than staying, at the cliff; negative if leaving is cheaper."""
    slope: Array
    """Steepness of the cost of staying at the cliff, |dJ_1(s, 0) / ds|."""
    slope_log_odds: Array
    """The same by log odds of s."""
    route_gap: Array
    """What the best commitment on the other route costs more than the optimum."""
    static_gap: Array
    """What the better of M1 alone and M2 alone costs more: all that a cascade is worth."""
    target: Array
    """How much of [0, 1] is within `TOLERANCE` of J*, on the side of the cliff that is optimal; all
    of it where route 2 is, as s is free there."""


TOLERANCE = 0.02
"""The share of J* up to which a commitment counts as good enough."""

MEANING = {
    "edge": "distance of the cliff from the nearer end of [0, 1]",
    "edge_log_odds": "log odds of the cliff, away from even",
    "height": "height of the cliff",
    "slope": "slope beside the cliff",
    "slope_log_odds": "slope beside the cliff, by log odds of s",
    "route_gap": "gap to the other route",
    "static_gap": "gap to the better of M1 alone and M2 alone",
    "target": f"share of [0, 1] within {100 * TOLERANCE:g} % of the optimum",
}
"""Each measure of `Geometry` in a few words."""


def geometry(game: Game) -> Geometry:
    """All measures of a game, or of each game of an array."""
    best = solve(game)
    scale = np.where(best.cost == 0, 1.0, np.abs(best.cost))
    cliff = cliff_of(game)
    odds = np.log(cliff) - np.log1p(-cliff)
    slope = np.abs(_slope(game, cliff)) / scale
    measures = (
        np.minimum(cliff, 1 - cliff),
        np.abs(odds),
        (game.leaving_cost[0] - _staying_cost(game, cliff)) / scale,
        slope,
        slope * cliff * (1 - cliff),
        (_other_route(game) - best.cost) / scale,
        (static_cost(game) - best.cost) / scale,
        _target(game),
    )
    return Geometry(*(np.broadcast_to(x, game.shape) for x in measures))


def cliff_of(game: Game) -> Array:
    """Where the user stops staying: s_0 or s_L, strictly within (0, 1); nan if it is nowhere."""
    s0, s_low, _ = thresholds(game)
    cliff = np.where(np.isnan(s0), s_low, s0)
    return np.where((cliff > 0) & (cliff < 1), cliff, np.nan)


def static_cost(game: Game) -> Array:
    """J of the better static commitment: M1 without escalation, or M2, the user answering best."""
    return np.minimum(outcome(game, 1, 0.0).cost, outcome(game, 2, 0.0).cost)


def _other_route(game: Game) -> Array:
    """Least J on the route that is not optimal."""
    first = [0.0, 1.0, *thresholds(game)]  # on route 1 the least cost is at one of these
    costs = [outcome(game, 1, np.where(np.isnan(s), 0.0, s)).cost for s in first]
    best = np.min(np.broadcast_arrays(*costs), axis=0)
    return np.where(np.asarray(solve(game).route) == 1, outcome(game, 2, 0.0).cost, best)


def _staying_cost(game: Game, s: Real) -> Array:
    """J_1(s, 0), the user staying until the task is solved."""
    visits = game.failure[0] * np.asarray(s)
    price = game.cost_of_pass[1]
    return (game.cost[0] + visits * price) / (game.success[0] + visits)


def _slope(game: Game, s: Real) -> Array:
    """dJ_1(s, 0) / ds."""
    (p1, _), (k1, _), (cp1, cp2) = game.success, game.failure, game.cost_of_pass
    return k1 * p1 * (cp2 - cp1) / (p1 + k1 * np.asarray(s)) ** 2


def _target(game: Game) -> Array:
    """How much of [0, 1] is good enough, on the optimal side of the cliff."""
    best = solve(game)
    (p1, _), (k1, _), (cp1, cp2) = game.success, game.failure, game.cost_of_pass
    limit = best.cost + TOLERANCE * np.where(best.cost == 0, 1.0, np.abs(best.cost))
    s0, s_low, _ = thresholds(game)
    first, last = np.where(np.isnan(s0), 0.0, s0), np.where(np.isnan(s_low), 1.0, s_low)
    with np.errstate(divide="ignore", invalid="ignore"):
        # where J_1(s, 0), which is monotone, meets the limit
        meets = np.clip((limit * p1 - game.cost[0]) / (k1 * (cp2 - limit)), first, last)
    rising, falling = (cp2 > cp1) & (cp2 > limit), cp2 < cp1
    staying = np.where(rising, meets, last) - np.where(falling, meets, first)
    low, high = (np.asarray(end) for end in best.cascade)
    rule = np.asarray(best.rule)
    left = np.where(rule == "leave-1", high - low, staying)
    return np.where(np.asarray(best.route) == 2, 1.0, np.where(rule == "interior", np.nan, left))
