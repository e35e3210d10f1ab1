"""Judges answers by their definition, knowing nothing of the formulas that produced them.

Payoffs come from the absorbing Markov chain of passes, solved as a linear system; best responses and optima from
grids. This module must not import `user` or `provider`: it judges them, and where a judge needs the user's reply
it takes the reply as an argument.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from routing_game.theory.game import Game
from routing_game.theory.numbers import Array

GRID = 2001
"""Points of a grid over [0, 1]."""


def transition(game: Game, cascade: Any, abandon: Any) -> tuple[Any, Any, Any]:
    """(keep, escalate, retry): chances that M1 follows M1, M2 follows M1, and M2 follows M2."""
    (p1, p2), stay = game.success, 1 - abandon
    return (1 - p1) * stay * (1 - cascade), (1 - p1) * stay * cascade, (1 - p2) * stay


def chain_visits(game: Game, route: int, cascade: Any, abandon: Any) -> Array:
    """Expected passes (..., 2) from the chain by `numpy.linalg.solve`: n (I - T) = e_i."""
    parts = np.broadcast_arrays(*transition(game, np.asarray(cascade), np.asarray(abandon)))
    keep, escalate, retry = (np.asarray(x, dtype=float) for x in parts)
    matrix = np.stack([np.stack([1 - keep, -escalate], -1), np.stack([np.zeros_like(keep), 1 - retry], -1)], -2)
    start = np.zeros((*keep.shape, 2, 1))
    start[..., route - 1, 0] = 1.0
    visits: Array = np.linalg.solve(np.swapaxes(matrix, -1, -2), start)[..., 0]
    return visits


def values(game: Game, route: int, cascade: Any, abandon: Any) -> tuple[Any, Any]:
    """(U, J) from the chain's equations by back substitution: one equation a model, cheap enough for grids."""
    keep, escalate, retry = transition(game, cascade, abandon)
    n1 = (1.0 if route == 1 else 0.0) / (1 - keep)
    n2 = ((0.0 if route == 1 else 1.0) + n1 * escalate) / (1 - retry)
    (p1, p2), (t1, t2), (c1, c2) = game.success, game.latency, game.cost
    solved = n1 * p1 + n2 * p2
    utility = game.value * solved - n1 * t1 - n2 * t2
    return utility, n1 * c1 + n2 * c2 + game.penalty * (1 - solved)


def best_response_gap(game: Game, route: int, cascade: Any, abandon: Any, grid: int = GRID) -> Array:
    """Most that some q on the grid gains over ``abandon`` in U; <= 0 up to rounding at a best response."""
    utility, _ = values(game, route, cascade, abandon)
    best = np.full(np.shape(utility), -np.inf)
    for q in np.linspace(0.0, 1.0, grid):
        best = np.maximum(best, values(game, route, cascade, q)[0])
    return np.asarray(best - utility)


def commitment_gap(game: Game, cost: Any, reply: Callable[[int, float], Any], grid: int = GRID) -> Array:
    """Most that some (i, s) on the grid saves against ``cost``, the user answering ``reply(route, cascade)``.

    At most 0, up to rounding, if ``cost`` is the Stackelberg cost and ``reply`` the strong best response.
    """
    best = np.asarray(values(game, 2, 0.0, reply(2, 0.0))[1])
    for s in np.linspace(0.0, 1.0, grid):
        best = np.minimum(best, values(game, 1, s, reply(1, float(s)))[1])
    return np.asarray(cost - best)


def grid_cost(game: Game, grid: int = GRID, tolerance: float = 1e-9) -> float:
    """The Stackelberg cost of a single game by nested grids alone: a reply is any q that is best up to ``tolerance``.

    Approaches J* from either side as the grid grows: a grid misses s0 and s_L, and ``tolerance`` widens ties.
    """
    q = np.linspace(0.0, 1.0, grid)[:, None]
    s = np.linspace(0.0, 1.0, grid)[None, :]
    least = np.inf
    for route in (1, 2):
        utility, cost = np.broadcast_arrays(*values(game, route, s if route == 1 else 0.0, q))
        optimal = utility >= utility.max(axis=0) - tolerance
        least = min(least, float(np.where(optimal, cost, np.inf).min()))
    return least
