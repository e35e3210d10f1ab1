"""What a provider and a user are, for exact policies and learners alike.

A *provider* commits to (i, s) before each task and sees how the task went; a *user* answers a
commitment with q. Learners and the theory's own policies satisfy the same protocols, so one loop
plays them and one judge, exact regret, scores them. An agent knows only what its role knows: what
else it needs, it must learn from tasks.

A cost, utility, reward or observation that is no finite number is refused by all that learn from
it, with a ValueError at once: one of them would stay in every weight and sum, and decide all that
is learnt from then on. Who learns from something else, as the structural ones do from the numbers
of passes, does not look at it.
"""

from collections.abc import Iterator
from math import inf, isfinite
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from routing_game.theory import Commitment, Task
from routing_game.theory.numbers import require

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


def check_passes(task: Task) -> None:
    """Raise ValueError unless so many passes were made, at least one; for who learns from counts.

    Args:
        task: one task, or a `Task` of arrays.
    """
    passes = task.standard + task.reasoning
    if isinstance(passes, np.ndarray):
        require((passes >= 1) & (passes < inf), _PASSES, passes, _COUNTED)
    elif not 1 <= passes < inf:
        require(False, _PASSES, passes, _COUNTED)


_PASSES, _COUNTED = "the passes of a task", "be a finite number, at least 1"


class Tally(NamedTuple):
    """What many tasks cost, as far as a mean and its error need it; sums of no tasks are 0."""

    tasks: int
    """How many."""
    cost: float
    """The sum of their costs, in units of P."""
    squares: float
    """The sum of their squared costs."""

    @classmethod
    def of(cls, costs: ArrayLike) -> "Tally":
        """That of these costs, one for each task."""
        costs = np.asarray(costs, dtype=np.float64)
        squares = np.square(costs)
        return cls(costs.size, float(costs.sum()), float(squares.sum()))

    def check(self) -> None:
        """Raise ValueError unless there is a task, and all costs are numbers.

        A single cost that is none would stay in every sum, and decide all that is learnt from then
        on.
        """
        if self.tasks < 1 or not (isfinite(self.cost) and isfinite(self.squares)):
            rule = "what tasks cost must be a finite number, of at least one task"
            raise ValueError(f"{rule}, got {self}")

    def joined(self, other: "Tally") -> "Tally":
        """That of both together."""
        return Tally(
            self.tasks + other.tasks,
            self.cost + other.cost,
            self.squares + other.squares,
        )

    @property
    def mean(self) -> float:
        """Mean cost of a task."""
        return self.cost / self.tasks

    @property
    def variance(self) -> float:
        """Mean squared distance of a task's cost from the mean."""
        return max(self.squares / self.tasks - self.mean**2, 0.0)


@runtime_checkable
class Planner(Provider, Protocol):
    """A provider that says ahead how long it stays with a commitment, and learns from costs alone.

    Whole batches of tasks can then be played at once. Planning is optional: played task by task the
    same provider obeys the same law.
    """

    def plan(self) -> tuple[Commitment, int]:
        """The commitment of the next tasks, and for how many, at least 1; fewer may be played."""
        ...

    def update_many(self, commitment: Commitment, costs: Tally) -> None:
        """Learn from at least one finished task, all played under `commitment`."""
        ...


@runtime_checkable
class User(Protocol):
    """The paper's user: one chance q of leaving after each failure, chosen from (i, s)."""

    def abandon(self, route: ArrayLike, cascade: ArrayLike) -> Abandon:
        """The q in [0, 1] that answers each commitment; the arguments broadcast."""
        ...


@runtime_checkable
class ModelUser(Protocol):
    """A user who also sees which model has just failed, and may answer differently after each."""

    def abandon_after(self, route: ArrayLike, cascade: ArrayLike, model: ArrayLike) -> Abandon:
        """The q in [0, 1] after a failed pass of `model` (1 or 2); the arguments broadcast."""
        ...


Observation = NDArray[np.float64]
"""Of a session, shape (5,): the parts of a `SessionView`."""


class SessionView(NamedTuple):
    """What a provider sees of a session in which s is hidden: `SessionView(*observation)`."""

    over: float
    """The share of the session's tasks that are over."""
    failed: float
    """1 if a pass of M1 has just failed, 0 at the start of a task."""
    passes: float
    """Passes made in this task."""
    escalations: float
    """How often the user has seen a failed pass of M1 followed by M2."""
    keeps: float
    """How often by M1."""

    @classmethod
    def of(cls, observation: Observation) -> "SessionView":
        """What an observation says.

        Raises:
            ValueError: it is not five finite numbers.
        """
        seen = np.asarray(observation, dtype=np.float64)
        if seen.shape != (5,):
            rule = "an observation of a session must be five numbers"
            raise ValueError(f"{rule}, got the shape {seen.shape}")
        require(np.isfinite(seen), "an observation of a session", seen, "hold finite numbers")
        return cls(*seen)


@runtime_checkable
class SessionProvider(Protocol):
    """Serves sessions in which s is hidden, pass by pass."""

    def act(self, observation: Observation) -> int:
        """The model of the next pass: 0 for M1, 1 for M2."""
        ...


@runtime_checkable
class Trainable(Protocol):
    """An agent that brings its own training loop instead of being told of one task at a time."""

    def train(self) -> Iterator[int]:
        """Train; at each checkpoint yield the amount of experience used so far.

        The unit of experience is the agent's own (tasks played, or gradient iterations). While the
        iterator waits, the agent answers `recommend` or `abandon` as it stands at that checkpoint.
        """
        ...
