"""What a provider and a user are, for exact policies and learners alike.

A *provider* commits to (i, s) before each task and sees how the task went; a *user* answers a commitment with q.
Learners and the theory's own policies satisfy the same protocols, so one loop plays them and one judge, exact
regret, scores them. An agent knows only what its role knows: what else it needs, it must learn from tasks.
"""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from routing_game.theory import Commitment, Task

Abandon = NDArray[np.float64]


@runtime_checkable
class Provider(Protocol):
    """Routes one task after another, and may learn from them."""

    def act(self) -> Commitment:
        """The commitment (i, s) of the next task; a learner may explore."""
        ...

    def update(self, commitment: Commitment, task: Task) -> None:
        """Learn from one finished task that was played under `commitment`."""
        ...

    def recommend(self) -> Commitment:
        """What it would commit to if learning stopped now; this is what is judged."""
        ...


@runtime_checkable
class User(Protocol):
    """The paper's user: one chance q of leaving after each failure of the task, chosen from (i, s)."""

    def abandon(self, route: ArrayLike, cascade: ArrayLike) -> Abandon:
        """The q in [0, 1] that answers each commitment; the arguments broadcast."""
        ...


@runtime_checkable
class ModelUser(Protocol):
    """A user who also sees which model has just failed, and may answer differently after each."""

    def abandon_after(self, route: ArrayLike, cascade: ArrayLike, model: ArrayLike) -> Abandon:
        """The q in [0, 1] after a failed pass of `model` (1 or 2); the arguments broadcast."""
        ...


@runtime_checkable
class Trainable(Protocol):
    """An agent that brings its own training loop instead of being told of one task at a time."""

    def train(self) -> Iterator[int]:
        """Train; at each checkpoint yield the amount of experience used so far.

        The unit of experience is the agent's own (tasks played, or gradient iterations). While the iterator waits,
        the agent answers `recommend` or `abandon` as it stands at that checkpoint.
        """
        ...
