"""What users share that train many cells at once: the world they meet, and Adam.

A user is told the routes and the cascades of its tasks, answers with the chance of leaving after
each failed pass, and sees how many passes either model made and whether the task was solved. What
that was worth it works out for itself, in units of V: it knows V and t.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from routing_game.agents.stacked import Array

Ends = tuple[float, float]
"""First and last value of what falls geometrically in between."""


class Played(NamedTuple):
    """What became of tasks, each an array (cells, n)."""

    standard: Any
    """Passes of M1."""
    reasoning: Any
    """Passes of M2."""
    solved: Any
    """Solved, or abandoned by the user."""


class Tasks(Protocol):
    """The world of many users. Row k is of game k and drawn from its stream."""

    def offer(self, n: int) -> tuple[Any, Array]:
        """The commitments of the next n tasks: routes and cascades, (cells, n)."""
        ...

    def play(
        self, route: Any, cascade: Array, abandon: Any, abandon_2: Any = None
    ) -> tuple[Any, Any, Any]:
        """The tasks under them, played to their ends: see `Played`.

        Args:
            route: i, (cells, n).
            cascade: s, (cells, n).
            abandon: the chance of leaving after a failed pass, broadcasts to (cells, n).
            abandon_2: the same after one of M2, if it is another.
        """
        ...


class StackedUser(Protocol):
    """Users, one for each cell, that train side by side."""

    def train(self) -> Iterator[int]:
        """Train; at each checkpoint yield the number of tasks that each cell has used so far."""
        ...

    def abandon(self, route: Any, cascade: Any) -> Array:
        """The answers (cells, n) of all cells to the commitments (n,), if learning stopped now."""
        ...


class Times(NamedTuple):
    """The latencies of the cells in units of V, each a column (cells, 1)."""

    standard: Array
    reasoning: Array

    @classmethod
    def of(cls, value: Sequence[float], latency: Sequence[tuple[float, float]]) -> Times:
        """t1 / V and t2 / V, of each cell's V and (t1, t2)."""
        ratio = np.asarray(latency, dtype=np.float64) / np.asarray(value, dtype=np.float64)[:, None]
        return cls(ratio[:, :1].copy(), ratio[:, 1:].copy())


@dataclass
class Adam:
    """Adam (Kingma and Ba 2015) for tables of numbers; every number by itself."""

    shape: tuple[int, ...]
    decay: tuple[float, float] = (0.9, 0.999)
    least: float = 1e-5

    def __post_init__(self) -> None:
        self._mean, self._square = np.zeros(self.shape), np.zeros(self.shape)
        self._steps = 0

    def step(self, numbers: Array, gradient: Array, rate: float) -> None:
        """Move the numbers down the gradient, in place."""
        first, second = self.decay
        self._steps += 1
        self._mean += (1 - first) * (gradient - self._mean)
        self._square += (1 - second) * (gradient * gradient - self._square)
        mean = self._mean / (1 - first**self._steps)
        square = self._square / (1 - second**self._steps)
        numbers -= rate * mean / (np.sqrt(square) + self.least)


def falling(ends: Ends, progress: float) -> float:
    """Between the ends, at a share `progress` of the way on a log axis."""
    first, last = ends
    return float(first * (last / first) ** progress)
