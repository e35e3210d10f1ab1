"""What learners share that train many cells at once: one game, one seed, one row of every array.

Weights, noises and streams lie stacked along the first axis, the *cells*, and every operation keeps
the rows apart. So a cell learns the same, bit by bit, whatever others it is trained with: sums run
along the last axis alone, nothing is multiplied as a matrix across cells, and each cell draws from
a generator of its own.
"""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Costs(Protocol):
    """The world of many providers: it plays a task under each commitment and tells what it cost."""

    def __call__(self, route: NDArray[Any], cascade: Array) -> Array:
        """Costs, in units of P, shape (cells, n); row k is of game k and drawn from its stream.

        Args:
            route: i, 1 or 2; broadcasts to (cells, n).
            cascade: s in [0, 1], shape (cells, n).
        """
        ...


class StackedProvider(Protocol):
    """Providers, one for each cell, that train side by side."""

    def train(self) -> Iterator[int]:
        """Train; at each checkpoint yield the number of tasks that each cell has used so far."""
        ...

    def recommend(self) -> tuple[IntArray, Array]:
        """The routes and the cascades (cells,) that they would commit to if learning stopped."""
        ...


def scale(costs: Array) -> tuple[Array, Array]:
    """What is to count as 0 and as 1 in each row: mean and spread of the first ones, or 1."""
    spread = costs.std(axis=-1, keepdims=True)
    return costs.mean(axis=-1, keepdims=True), np.where(spread > 0, spread, 1.0)
