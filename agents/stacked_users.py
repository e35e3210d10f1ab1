"""What users share that train many cells at once: the world they meet, and what time is to them.

A user is told the routes and the cascades of its tasks, answers with the chance of leaving after
each failed pass, and sees how many passes either model made and whether the task was solved. What
that was worth it works out for itself, in units of V: it knows V and t.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from routing_game.agents.kept import Whole
from routing_game.agents.stacked import Array
from routing_game.theory.game import check_commitment
from routing_game.theory.numbers import require


class Tasks(Protocol):
    """The world of many users. Row k is of game k and drawn from its stream."""

    def offer(self, n: int) -> tuple[Any, Array]:
        """The commitments of the next n tasks: routes and cascades, shape (cells, n)."""
        ...

    def play(
        self, route: Any, cascade: Array, abandon: Any, abandon_2: Any = None
    ) -> tuple[Any, Any, Any]:
        """Tasks under them, to their ends: passes of M1, passes of M2, solved or not, (cells, n).

        Args:
            route: i, (cells, n).
            cascade: s, (cells, n).
            abandon: the chance of leaving after a failed pass, broadcasts to (cells, n).
            abandon_2: the same after one of M2, if it is another.
        """
        ...


class Counted:
    """The same world, in which passes that cannot be counted are refused.

    They would stay in every weight and sum, and decide all that is learnt from then on.
    """

    def __init__(self, world: Tasks) -> None:
        self._world = world

    def offer(self, n: int) -> tuple[Any, Array]:
        """See `Tasks`.

        Raises:
            ValueError: a cascade is no probability.
        """
        route, cascade = self._world.offer(n)
        check_commitment(route, cascade)
        return route, cascade

    def play(
        self, route: Any, cascade: Array, abandon: Any, abandon_2: Any = None
    ) -> tuple[Any, Any, Any]:
        """See `Tasks`.

        Raises:
            ValueError: a number of passes is none.
        """
        standard, reasoning, solved = self._world.play(route, cascade, abandon, abandon_2)
        passes = np.asarray(standard + reasoning)
        rule = "be a finite number, at least 1"
        require((passes >= 1) & (passes < np.inf), "the passes of a task", passes, rule)
        return standard, reasoning, solved


class StackedUser(Protocol):
    """Users, one for each cell, that train side by side."""

    def train(self) -> Iterator[int]:
        """Train; at each checkpoint yield the number of tasks that each cell has used so far."""
        ...

    def abandon(self, route: Any, cascade: Any) -> Array:
        """The answers (cells, n) of all cells to the commitments (n,), if learning stopped now."""
        ...

    def policies(self) -> list[Whole]:
        """The same as data: what each cell has learnt so far."""
        ...


@runtime_checkable
class StackedModelUser(Protocol):
    """The same of users who see which model has just failed."""

    def train(self) -> Iterator[int]:
        """Train; at each checkpoint yield the number of tasks that each cell has used so far."""
        ...

    def abandon_after(self, route: Any, cascade: Any, model: int) -> Array:
        """The chances (cells, n) of leaving after this model has failed, if learning stopped."""
        ...

    def policies(self) -> list[Whole]:
        """The same as data: what each cell has learnt so far."""
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


class Cells(NamedTuple):
    """What users, one for each cell, learn from."""

    world: Tasks
    """It plays their tasks."""
    times: Times
    rngs: Sequence[np.random.Generator]
    """One for each cell, the user's own."""
    tasks: int
    """Practice of each cell, at most."""


class Practice:
    """Users that learn in equal batches of tasks, one after the other.

    Args:
        cells: what they learn from.
        updates: into how many batches it is divided.

    Raises:
        ValueError: no tasks.
    """

    def __init__(self, cells: Cells, updates: int) -> None:
        world, self._times, rngs, tasks = cells
        require(tasks >= 1, "tasks", tasks, "be at least 1")
        self._world, self._rngs = Counted(world), list(rngs)
        self._updates = min(updates, tasks)
        self._batch = tasks // self._updates

    def train(self) -> Iterator[int]:
        """Train; after each update yield the number of tasks of each cell so far."""
        for update in range(self._updates):
            self._update(update / max(self._updates - 1, 1))
            yield (update + 1) * self._batch

    def _update(self, progress: float) -> None:
        """Play tasks and learn from them; `progress` runs from 0 to 1."""
        raise NotImplementedError
