"""Users that learn: what schemes ask of them, and the one that knows how the game is built.

Those that know nothing of the game but V and t keep tables: `table_users`, `rehearsing`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from routing_game.agents.protocol import Abandon, check_passes
from routing_game.players import answer, checked_user
from routing_game.theory import Commitment, Game, Task, best_response
from routing_game.theory.numbers import one, require

Array = NDArray[np.float64]


@runtime_checkable
class Follower(Protocol):
    """A user that learns: answers, is told, and says what it would answer if learning stopped."""

    def reply(self, commitment: Commitment) -> float:
        """The q played in the next task, under this commitment; it may explore."""
        ...

    def learn(self, commitment: Commitment, q: float, task: Task) -> None:
        """Learn from one task that was played with q."""
        ...

    def abandon(self, route: ArrayLike, cascade: ArrayLike) -> Abandon:
        """The q in [0, 1] that it would answer without exploring; the arguments broadcast."""
        ...

    def forget(self) -> None:
        """Start anew, as if nothing had been learnt."""
        ...


@runtime_checkable
class Wavering(Follower, Protocol):
    """A follower that learns from many tasks at once, and knows how sure it is of its answers."""

    def reply_many(self, commitment: Commitment, tasks: int) -> Array:
        """The q played in each of the next tasks under this commitment, shape (tasks,)."""
        ...

    def learn_many(self, commitment: Commitment, q: Array, tasks: Task) -> None:
        """Learn from many tasks, a `Task` of arrays, each played with its q."""
        ...

    def waver(self, commitment: Commitment, tasks: int) -> Array:
        """Answers that may be the best ones for all it knows, drawn for so many tasks."""
        ...


DRAWS = 64
"""Draws from a posterior, for a user who wavers."""


class NoLearning:
    """Any user as a follower that has nothing to learn, for the learners' schemes."""

    def __init__(self, user: object) -> None:
        self._user = checked_user("user", user)

    def reply(self, commitment: Commitment) -> float:
        """The user's answer."""
        return float(self.abandon(*commitment))

    def learn(self, commitment: Commitment, q: float, task: Task) -> None:
        """Learn nothing."""

    def abandon(self, route: ArrayLike, cascade: ArrayLike) -> Abandon:
        """The user's answers."""
        return answer(self._user, route, cascade)

    def forget(self) -> None:
        """Nothing to forget."""


class StructuralUser:
    """Knows V, t and how the game is built, and counts how often each model succeeds.

    It answers exactly as if the counts were the truth (certainty equivalence), and stays while it
    has seen fewer than `patience` passes of the model that starts.
    """

    def __init__(
        self,
        value: float,
        latency: tuple[float, float],
        patience: int = 20,
        rng: np.random.Generator | None = None,
    ) -> None:
        require(patience >= 1, "patience", patience, "be at least 1")
        self._rng = rng
        # c and P are the provider's business: the best response depends on them on ties alone
        self._game = Game(value, 1.0, (0.5, 0.5), latency, (1.0, 1.0), ordered=False)
        self._patience = patience
        self.forget()

    def forget(self) -> None:
        """Back to the prior, a Beta(1, 1) for each model."""
        self._solved, self._passes = [1, 1], [2, 2]
        self._replies: dict[Commitment, float] = {}
        self._latest: dict[Commitment, float] = {}
        self._fresh_until = 0.0

    def reply(self, commitment: Commitment) -> float:
        """The best response to counts at most 5 % short of the latest; 0 while they are small."""
        if self._passes[commitment.route - 1] - 2 < self._patience:
            return 0.0
        total = sum(self._passes)
        if total > self._fresh_until:
            self._replies.clear()
            self._fresh_until = 1.05 * total
        if commitment not in self._replies:
            self._replies[commitment] = self._best(*commitment)
        return self._replies[commitment]

    def learn(self, commitment: Commitment, q: float, task: Task) -> None:
        """Count passes, and who solved the task; what it was worth is not looked at."""
        check_passes(task)
        self._passes[0] += task.standard
        self._passes[1] += task.reasoning
        if task.solved:
            self._solved[1 if task.reasoning else 0] += 1
        self._latest.clear()

    def reply_many(self, commitment: Commitment, tasks: int) -> Array:
        """The same answer for so many tasks."""
        return np.full(tasks, self.reply(commitment))

    def learn_many(self, commitment: Commitment, q: Array, tasks: Task) -> None:
        """Count the passes of many tasks, and who solved them."""
        check_passes(tasks)
        solved, escalated = np.asarray(tasks.solved), np.asarray(tasks.reasoning) > 0
        for model, kind in enumerate((solved & ~escalated, solved & escalated)):
            self._passes[model] += int(np.sum(tasks[model]))
            self._solved[model] += int(np.sum(kind))
        self._latest.clear()

    def waver(self, commitment: Commitment, tasks: int) -> Array:
        """For so many tasks, best responses to draws from the posterior of (p1, p2)."""
        if self._rng is None:
            return np.full(tasks, float(self.abandon(*commitment)))
        solved, passes = np.array(self._solved), np.array(self._passes)
        p1, p2 = self._rng.beta(solved, passes - solved, size=(min(tasks, DRAWS), 2)).T
        drawn = best_response(replace(self._game, success=(p1, p2)), *commitment).strong
        return np.resize(np.asarray(drawn, dtype=np.float64), tasks)

    def abandon(self, route: ArrayLike, cascade: ArrayLike) -> Abandon:
        """q*(i, s) in the game that the counts suggest."""
        if not one(route, cascade):
            return np.asarray(self._best(route, cascade), dtype=np.float64)
        commitment = Commitment(route, cascade)  # type: ignore[arg-type]
        if commitment not in self._latest:  # asked for again and again while nothing is learnt
            self._latest[commitment] = self._best(*commitment)
        return np.asarray(self._latest[commitment])

    def _best(self, route: ArrayLike, cascade: ArrayLike) -> Any:
        p1, p2 = (x / n for x, n in zip(self._solved, self._passes, strict=True))
        return best_response(replace(self._game, success=(p1, p2)), route, cascade).strong
