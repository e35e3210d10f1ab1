"""Which equilibrium a cost is that of, and how far an s lies from the best."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from routing_game.theory import Game, simultaneous, solve

SELECTED = 0.03
"""How near, as a share, a cost must lie to an equilibrium's to count as that equilibrium."""

Selected = Literal["Stackelberg", "simultaneous", "neither"]


def selected(game: Game, cost: ArrayLike) -> NDArray[np.str_]:
    """Which equilibrium each cost of play is that of: `Selected`, same shape.

    Where both cost the same, as in seven games of the catalog, it is the Stackelberg game's.
    """
    cost = np.asarray(cost, dtype=np.float64)
    optimum = float(solve(game).cost)
    first = cost <= optimum + SELECTED * abs(optimum)
    ends = np.array([end.cost for end in simultaneous(game).outcomes])
    aside = np.abs(cost[..., None] - ends)
    second = (aside <= SELECTED * np.abs(ends)).any(axis=-1)
    return np.where(first, "Stackelberg", np.where(second, "simultaneous", "neither"))


def beside_hidden(game: Game, cost: ArrayLike) -> NDArray[np.float64]:
    """How far each cost of play lies from the nearest outcome of the game with hidden s.

    A share of that outcome's cost, 0 or more, same shape. By this are judged those whose user does
    not see s, and who so seek an equilibrium of simultaneous play; J* is not theirs to reach.
    """
    cost = np.asarray(cost, dtype=np.float64)[..., None]
    ends = np.array([end.cost for end in simultaneous(game).outcomes])
    scale = np.where(ends == 0.0, 1.0, np.abs(ends))
    return np.asarray((np.abs(cost - ends) / scale).min(axis=-1))


def distance(game: Game, route: ArrayLike, cascade: ArrayLike) -> NDArray[np.float64]:
    """How far each s is from the optima on its route, same shape; nan where there are none."""
    route, cascade = np.broadcast_arrays(np.asarray(route), np.asarray(cascade, dtype=np.float64))
    gaps = [np.full(route.shape, np.inf)]
    for piece in solve(game).pieces:
        low, high = piece.cascade
        gap = np.maximum(np.maximum(low - cascade, cascade - high), 0.0)
        gap = np.where(route == 2, 0.0, gap)
        gaps.append(np.where(route == piece.route, gap, np.inf))
    least = np.min(gaps, axis=0)
    return np.where(np.isfinite(least), least, np.nan)
