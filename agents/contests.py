"""Contests of commitments: each is played by itself, and who is surely worse drops out.

No learner's own belief decides where it looks closer, nor what it recommends: candidates are
committed to for a while, and the least mean cost wins. Where `races` has climbers that learn, here
nobody does, and there may be many more candidates: the tasks go to those that may still be best.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routing_game.agents.stacked import Array, Costs, IntArray

ERRORS = 3.0
"""Half-width of a confidence interval in standard errors."""
COMMON = 64
"""The spread of all costs in a contest counts as that many tasks of each candidate."""


@dataclass(frozen=True)
class Result:
    """Of a contest, each array of shape (cells, places)."""

    mean: Array
    error: Array
    """Its standard error."""

    @property
    def low(self) -> Array:
        """Lower confidence bounds."""
        return self.mean - ERRORS * self.error

    @property
    def high(self) -> Array:
        """Upper confidence bounds."""
        return self.mean + ERRORS * self.error


def contest(costs: Costs, route: IntArray, cascade: Array, tasks: int, heats: int = 4) -> Result:
    """Play commitments, by themselves, for so many tasks in all; those surely worse drop out.

    Every cell uses all its tasks, so that its stream is where it would be in other company.

    Args:
        costs: the world.
        route: i, (cells, places).
        cascade: s, (cells, places).
        tasks: of each cell; at least one for each place in a heat.
        heats: so often the tasks are shared out anew.
    """
    cells, places = cascade.shape
    share = tasks // heats
    count, total, square = np.zeros((3, cells, places))
    alive = np.ones((cells, places), dtype=bool)
    for _ in range(heats):
        order = np.argsort(~alive, axis=1, kind="stable")
        turn = np.arange(share) % alive.sum(axis=1, keepdims=True)
        who = np.take_along_axis(order, turn, axis=1)
        routes = np.take_along_axis(route, who, axis=1)
        paid = costs(routes, np.take_along_axis(cascade, who, axis=1))
        for place in range(places):
            his = who == place
            count[:, place] += his.sum(axis=1)
            total[:, place] += np.where(his, paid, 0.0).sum(axis=1)
            square[:, place] += np.where(his, np.square(paid), 0.0).sum(axis=1)
        result = _result(count, total, square)
        alive = result.low <= result.high.min(axis=1, keepdims=True)
    return result


def _result(count: Array, total: Array, square: Array) -> Result:
    """Means and standard errors; the spread of those with few tasks leans on that of all."""
    mean = total / count
    own = np.maximum(square - total * mean, 0.0)
    common = own.sum(axis=1, keepdims=True) / count.sum(axis=1, keepdims=True)
    variance = (own + COMMON * common) / (count + COMMON)
    return Result(mean, np.sqrt(variance / count))


def apart(score: Array, places: Array, reach: Array, count: int) -> NDArray[np.intp]:
    """The least scores, (cells, count), none within reach of another while there are others."""
    picked: list[NDArray[np.intp]] = []
    rows = np.arange(len(score))
    late = np.zeros(score.shape)  # within reach of so many that are picked; inf if picked itself
    for _ in range(count):
        first = late == late.min(axis=1, keepdims=True)
        best = np.where(first, score, np.inf).argmin(axis=1)
        picked.append(best)
        away = np.abs(places - places[rows, best][:, None])
        late += away < reach[rows, best][:, None]
        late[rows, best] = np.inf
    return np.stack(picked, axis=1)
