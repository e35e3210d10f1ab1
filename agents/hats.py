"""Hat functions of s for many cells at once: tables of numbers that are read between their knots.

A table holds one number for each kind of observation (the route, or the route and the model that
failed) and each knot of s; what lies between two knots shares in both. So what is read is piecewise
linear in s: it can bend sharply where the best response jumps, and learning at one s does not
disturb another. A reading touches two numbers, and so does its gradient.

Every cell has a table of its own, a row of (cells, kinds * knots); see `agents.stacked`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from routing_game.agents.stacked import Array, IntArray

KNOTS = 65
"""Even in s, from 0 to 1."""


class Places(NamedTuple):
    """Where readings lie in the tables, laid end to end."""

    low: IntArray
    """The knot to the left, shape (cells, n)."""
    share: Array
    """How much the knot to the right has of each reading, in [0, 1]."""

    def part(self, where: Any) -> Places:
        """Those of a slice of the last axis."""
        return Places(*(np.ascontiguousarray(x[..., where]) for x in self))


def places(kind: Any, cascade: Array, kinds: int) -> Places:
    """Where each cell reads its table.

    Args:
        kind: of observation, from 0; broadcasts to (cells, n).
        cascade: s in [0, 1], shape (cells, n).
        kinds: how many there are.
    """
    place = cascade * (KNOTS - 1)
    knot = np.minimum(place.astype(np.int64), KNOTS - 2)
    table = np.arange(len(cascade))[:, None] * kinds + kind
    return Places(table * KNOTS + knot, place - knot)


def read(tables: Array, at: Places) -> Array:
    """The numbers at these places, shape (cells, n)."""
    flat = tables.ravel()
    left, right = flat[at.low], flat[at.low + 1]
    return np.asarray(left + at.share * (right - left))


def spread(number: Array, at: Places, tables: Array) -> Array:
    """Sums over the readings of number times share, knot by knot: of the tables' shape.

    It is the gradient of sum(number * read(tables, at)). The sums run in the order of the readings.
    """
    right = number * at.share
    sums = np.bincount(at.low.ravel(), (number - right).ravel(), tables.size)
    sums[1:] += np.bincount(at.low.ravel(), right.ravel(), tables.size)[:-1]
    return sums.reshape(tables.shape)
