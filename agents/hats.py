"""Hat functions of s for many cells at once: tables of numbers that are read between their knots.

A table holds one number for each kind of observation (the route, or the route and the model that
failed) and each knot of s; what lies between two knots shares in both. So it can bend sharply where
the best response jumps, and learning at one s does not disturb another. A reading touches two
numbers, and so does its gradient.

Knots are closer where s is small, as there a little of it ends a long wait: they are even in
s^(3/4), and a table is linear in it between them. (`agents.sb3_users.Hats` are even in s.)

Every cell has a table of its own, a row of (cells, kinds * knots); see `agents.stacked`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from routing_game.agents.stacked import Array, IntArray

KNOTS = 65
"""Of s, from 0 to 1."""


class Places(NamedTuple):
    """Where readings lie in the tables, laid end to end."""

    low: IntArray
    """The knot to the left, shape (cells, n)."""
    share: Array
    """How much the knot to the right has of each reading, in [0, 1]."""


def coordinate(cascade: Any) -> Any:
    """s^(3/4), in which knots are even."""
    return np.sqrt(cascade * np.sqrt(cascade))


def places(kind: Any, place: Array, kinds: int) -> Places:
    """Where each cell reads its table.

    Args:
        kind: of observation, from 0; broadcasts to (cells, n).
        place: `coordinate` of s, shape (cells, n).
        kinds: how many there are.
    """
    place = place * (KNOTS - 1)
    knot = np.minimum(place.astype(np.int64), KNOTS - 2)
    table = np.arange(len(place))[:, None] * kinds + kind
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
    return np.asarray(sums.reshape(tables.shape), dtype=np.float64)
