"""Commitments that are safe against users who do not answer exactly: eps-robust optima.

The equilibrium can sit on a cliff: anything left of s0 and the user leaves. A provider that must allow for a user whose
regret is up to eps keeps a margin; this module says which, and what it costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from routing_game.theory.game import Game, check_commitment
from routing_game.theory.numbers import TIE, Array, least, plain
from routing_game.theory.payoffs import payoffs
from routing_game.theory.user import best_response, maximiser, thresholds


@dataclass(frozen=True)
class RobustCommitment:
    """A commitment that guards against every user whose regret is at most eps."""

    route: int
    cascade: float
    """s; on route 2 it is of no effect and given as 0."""
    cost: float
    """The largest J that such a user can cause."""
    margin: float
    """Distance of s from the nearest threshold (s0, s_L or s_H); nan on route 2 or if there is none."""


def worst_cost(game: Game, route: Any, cascade: Any, eps: float) -> Any:
    """The largest J(i, s, q) over all q whose regret for the user is at most eps > 0.

    Those q form at most two intervals, bounded by 0, 1 and the roots of a quadratic; J is largest at one of these or
    where its own slope vanishes.

    Raises:
        ValueError: eps is not positive, route is not 1 or 2, or cascade lies outside [0, 1].
    """
    if not eps > 0:
        raise ValueError(f"eps must be positive (a regret in units of value), got {eps!r}")
    check_commitment(route, cascade)
    reply = best_response(game, route, cascade)
    target = payoffs(game, route, cascade, reply.low).utility - eps
    eta1, eta2 = (c - game.penalty * p for c, p in zip(game.cost, game.success, strict=True))
    peak, *_ = maximiser(game, eta1, eta2, np.asarray(route), np.asarray(cascade))
    replies = [0.0, 1.0, reply.low, peak, *_utility_roots(game, route, cascade, target)]
    worst = np.asarray(-np.inf)
    for q in replies:
        result = payoffs(game, route, cascade, q)
        tolerated = result.utility >= target - TIE * (np.abs(target) + eps)
        worst = np.maximum(worst, np.where(tolerated, result.cost, -np.inf))
    return plain(worst)


def robust_commitment(game: Game, eps: float) -> RobustCommitment:
    """The commitment with the least `worst_cost`: the best guarantee against users whose regret is at most eps.

    Args:
        game: a single game.
        eps: the regret allowed to the user, in units of value; > 0. As eps falls to 0 the cost falls to the weak
            Stackelberg cost.

    Raises:
        ValueError: eps is not positive, or ``game`` is an array of games.
    """
    if game.shape:
        raise ValueError(f"robust_commitment takes a single game, got an array of shape {game.shape}; index it")
    cliffs = [float(s) for s in thresholds(game) if np.isfinite(s)]
    edges = np.unique([0.0, *cliffs, 1.0])
    s, cost = least(lambda s: worst_cost(game, 1, s, eps), edges[:-1], edges[1:])
    best = int(np.argmin(cost))
    reasoning = float(worst_cost(game, 2, 0.0, eps))
    if reasoning < cost[best]:
        return RobustCommitment(2, 0.0, reasoning, np.nan)
    margin = min((abs(float(s[best]) - cliff) for cliff in cliffs), default=np.nan)
    return RobustCommitment(1, float(s[best]), float(cost[best]), margin)


def _utility_roots(game: Game, route: Any, s: Any, level: Any) -> tuple[Array, Array]:
    """Both q, clipped to [0, 1], at which U(i, s, q) = level: roots of a x^2 + b x + c in x = 1 - q."""
    (xi1, xi2), (k1, k2) = game.net_value, game.failure
    keep = k1 * (1 - s)
    first = np.asarray(route) == 1
    a = np.where(first, level * keep * k2, 0.0)
    b = np.where(first, xi1 * k2 - xi2 * k1 * s - level * (keep + k2), -level * k2)
    c = level - np.where(first, xi1, xi2)
    with np.errstate(all="ignore"):
        stable = -(b + np.copysign(np.sqrt(np.maximum(b**2 - 4 * a * c, 0.0)), b)) / 2
        roots = (1 - stable / a, 1 - c / stable)
    return np.clip(np.nan_to_num(roots[0]), 0, 1), np.clip(np.nan_to_num(roots[1]), 0, 1)
