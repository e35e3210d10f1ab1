"""What learners share that train many cells at once: one game, one seed, one row of every array.

Weights, noises and streams lie stacked along the first axis, the *cells*, and every operation keeps
the rows apart. So a cell learns the same, bit by bit, whatever others it is trained with: sums run
along the last axis alone, nothing is multiplied as a matrix across cells, and each cell draws from
a generator of its own.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from routing_game.theory import Commitment, Task
from routing_game.theory.numbers import require

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


class Finite:
    """The same world, in which a cost that is no finite number is refused.

    It would stay in every weight and sum, and decide all that is learnt from then on.
    """

    def __init__(self, costs: Costs) -> None:
        self._costs = costs

    def __call__(self, route: NDArray[Any], cascade: Array) -> Array:
        """See `Costs`.

        Raises:
            ValueError: a cost is nan or infinite.
        """
        paid = self._costs(route, cascade)
        require(np.isfinite(paid), "what a task costs", paid, "be a finite number")
        return paid


class StackedProvider(Protocol):
    """Providers, one for each cell, that train side by side."""

    def train(self) -> Iterator[int]:
        """Train; at each checkpoint yield the number of tasks that each cell has used so far."""
        ...

    def recommend(self) -> tuple[IntArray, Array]:
        """The routes and the cascades (cells,) that they would commit to if learning stopped."""
        ...


class Alone:
    """A provider that is the only row of what trains many: it learns in `train`, not from tasks."""

    _row: StackedProvider

    def train(self) -> Iterator[int]:
        """Train, and yield as its row does: the iterations, or tasks, so far."""
        return self._row.train()

    def recommend(self) -> Commitment:
        """The commitment it would make if learning stopped now."""
        (route,), (cascade,) = self._row.recommend()
        return Commitment(int(route), float(cascade))

    def act(self) -> Commitment:
        """The recommendation: it has nothing to explore."""
        return self.recommend()

    def update(self, commitment: Commitment, task: Task) -> None:
        """Learn nothing from a single task."""


FAR = 1e6
"""Numbers in units of the first ones end here: their squares, too, are to fit a float32."""


class Units(NamedTuple):
    """What counts as 0 and as 1 in each row, each of shape (cells, 1)."""

    zero: Array
    one: Array

    @classmethod
    def of(cls, first: Array, spreads: float = 1.0) -> Self:
        """Mean and so many ``spreads`` of the first numbers of each row, shape (cells, n).

        Where they are equal the spread counts as 1, though by rounding it may not be 0.
        """
        spread = first.std(axis=-1, keepdims=True)
        varied = (np.ptp(first, axis=-1, keepdims=True) > 0) & (spread > 0)
        one = np.where(varied, spread, 1.0) * spreads
        return cls(first.mean(axis=-1, keepdims=True), one)

    def of_these(self, numbers: Array) -> Array:
        """Numbers in these units, at most `FAR` from 0."""
        with np.errstate(over="ignore"):
            return np.asarray(np.clip((numbers - self.zero) / self.one, -FAR, FAR))
