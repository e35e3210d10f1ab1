"""Users that learn from tasks: by structure, tables, multiplicative weights; some blind to s.

A learning user meets a commitment (i, s), plays one q for the task, and is told how it went. From a
single task it can learn about every q at once: the passes of the task came about under the q it
played, and a user who plays q' reaches pass k with ((1-q')/(1-q))^(k-1) times its chance. So, with
r_k the reward of pass k (V if it solved the task, minus its time), the sum over passes of
((1-q')/(1-q))^(k-1) r_k is an unbiased estimate of U(i, s, q'), for all q' at once (importance
weights; see Precup, Sutton and Singh 2000). It needs q < 1: who leaves at once learns nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from itertools import accumulate
from math import exp, isfinite, log, sqrt
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from routing_game.agents.arguments import generator
from routing_game.agents.protocol import Abandon, check_passes
from routing_game.players import answer, checked_user
from routing_game.theory import Commitment, Game, Task, best_response
from routing_game.theory.numbers import one, require

Array = NDArray[np.float64]

Lesson = tuple[int, int, bool, float]
"""(passes of M1, passes of M2, solved, q): how a task went, and under which answer."""


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


class _Table:
    """A number for each answer q on a grid, for route 2 and for each hat on a grid of s.

    With ``interpolate`` an s lies between two points of the grid and shares in both (a contextual
    learner with hat features); without, it belongs to the nearest (a tabular one). A blind user has
    one row per route.

    Learning asks for one commitment at a time, and then lists of Python numbers are several times
    as fast as arrays of a few: hence `_place` and `_seen` beside `rows` and `look`.
    """

    def __init__(
        self,
        value: float,
        latency: tuple[float, float],
        cascades: int,
        answers: int,
        interpolate: bool,
    ) -> None:
        require(value > 0, "value", value, "be positive")
        require(cascades >= 1, "cascades", cascades, "be at least 1")
        require(answers >= 2, "answers", answers, "be at least 2")
        self.value, self.latency = value, latency
        self.answers: list[float] = np.linspace(0.0, 1.0, answers).tolist()
        self._index = {q: k for k, q in enumerate(self.answers)}
        self._last, self._interpolate = cascades - 1, interpolate
        self.forget()

    def forget(self) -> None:
        """Start anew."""
        self.table = [[0.0] * len(self.answers) for _ in range(self._last + 2)]

    def rows(self, route: ArrayLike, cascade: ArrayLike) -> tuple[NDArray[np.int64], Array]:
        """Which rows of the table a commitment belongs to, and with what weights, each (..., 2)."""
        place = np.asarray(cascade, dtype=np.float64) * self._last
        route, place = np.broadcast_arrays(route, place)
        low = np.minimum(place.astype(np.int64), max(self._last - 1, 0))
        high = np.minimum(low + 1, self._last)
        share = place - low if self._interpolate else np.round(place - low)
        on_route_2 = route[..., None] == 2
        rows = np.where(on_route_2, self._last + 1, np.stack([low, high], axis=-1))
        return rows, np.stack([1 - share, share], axis=-1)

    def look(self, route: ArrayLike, cascade: ArrayLike) -> Array:
        """The numbers of the answers to commitments, (..., answers)."""
        rows, weights = self.rows(route, cascade)
        parts = np.array(self.table)[rows] * weights[..., None]
        return np.asarray(parts.sum(axis=-2))

    def abandon(self, route: ArrayLike, cascade: ArrayLike) -> Abandon:
        """The answer with the largest number; the least q of equals."""
        if one(route, cascade):
            seen = self._seen(*self._place(route, cascade))  # type: ignore[arg-type]
            return np.asarray(self.answers[seen.index(max(seen))])
        return np.array(self.answers)[self.look(route, cascade).argmax(axis=-1)]

    def _place(self, route: int, cascade: float) -> tuple[int, int, float]:
        """`rows` of one commitment: (row, the other row, the other's weight)."""
        place = cascade * self._last
        low = min(int(place), max(self._last - 1, 0))
        share = place - low if self._interpolate else float(round(place - low))
        if route == 2:
            return self._last + 1, self._last + 1, share
        return low, min(low + 1, self._last), share

    def _seen(self, low: int, high: int, share: float) -> list[float]:
        """`look` at the place of one commitment."""
        rest = 1 - share
        pairs = zip(self.table[low], self.table[high], strict=True)
        return [rest * x + share * y for x, y in pairs]

    def _nearest(self, q: float) -> int:
        """The index of the answer next to q, mostly q itself."""
        if q in self._index:
            return self._index[q]
        return min(range(len(self.answers)), key=lambda k: abs(self.answers[k] - q))


class TabularUser(_Table):
    """Q-learning of one-shot values: the mean utility of each (commitment, q), epsilon-greedily.

    A task is one step, so nothing is bootstrapped; epsilon falls as 1/sqrt(tasks seen in the
    context).

    Args:
        value: V.
        latency: (t1, t2).
        rng: decides when to explore, and what.
        cascades: points of s on route 1.
        answers: points of q in [0, 1].
        interpolate: contextual instead of tabular, see `_Table`.
    """

    def __init__(
        self,
        value: float,
        latency: tuple[float, float],
        rng: np.random.Generator,
        cascades: int = 21,
        answers: int = 11,
        interpolate: bool = False,
    ) -> None:
        self._rng = generator(rng)
        super().__init__(value, latency, cascades, answers, interpolate)

    def forget(self) -> None:
        """Start anew."""
        super().forget()
        self._plays = [[0.0] * len(self.answers) for _ in self.table]

    def reply(self, commitment: Commitment) -> float:
        """Each answer once, then mostly the best so far."""
        place = low, high, share = self._place(*commitment)
        plays = (1 - share) * sum(self._plays[low]) + share * sum(self._plays[high])
        explore = len(self.answers) / max(plays, 1.0) ** 0.5 / 2
        if self._rng.random() < min(1.0, explore):
            return self.answers[int(self._rng.integers(len(self.answers)))]
        seen = self._seen(*place)
        return self.answers[seen.index(max(seen))]

    def learn(self, commitment: Commitment, q: float, task: Task) -> None:
        """Move the value of the answer played towards the task's utility."""
        # one that is no number would stay in all that is learnt
        require(isfinite(task.utility), "a task's utility", task.utility, "be finite")
        low, high, share = self._place(*commitment)
        answer, rest = self._nearest(q), 1 - share
        error = task.utility - (rest * self.table[low][answer] + share * self.table[high][answer])
        for row, weight in ((low, rest), (high, share)):
            self._plays[row][answer] += weight
            plays = max(self._plays[row][answer], 1.0)
            self.table[row][answer] += weight * error / plays


class MultiplicativeWeights(_Table):
    """Hedge (Freund and Schapire 1997): the chance of q grows exponentially in its utility so far.

    Every task teaches about every q, see the module. The user never leaves more surely than 1 -
    `tremble`, or it would learn nothing from then on. The rate is the spread of the estimates seen
    so far over their number, by a square root.

    Args:
        value: V.
        latency: (t1, t2).
        rng: draws the answers.
        cascades: points of s on route 1; 1 for a user who is blind to s.
        answers: points of q in [0, 1].
        tremble: the least chance of staying.
    """

    def __init__(
        self,
        value: float,
        latency: tuple[float, float],
        rng: np.random.Generator,
        cascades: int = 21,
        answers: int = 11,
        tremble: float = 0.05,
    ) -> None:
        require(0 < tremble < 1, "tremble", tremble, "lie in (0, 1)")
        self._rng, self._most = generator(rng), 1 - tremble
        self._known: dict[Lesson, tuple[list[float], float]] = {}  # many tasks are alike
        super().__init__(value, latency, cascades, answers, interpolate=False)

    def forget(self) -> None:
        """Start anew."""
        super().forget()
        self._spreads = [0.0] * len(self.table)

    def reply(self, commitment: Commitment) -> float:
        """A draw of q from the weights."""
        row = self._row(commitment)
        sums = self.table[row]
        rate, most = self._rate(row), max(sums)
        upto = list(accumulate(exp(rate * (x - most)) for x in sums))
        drawn = self._rng.random() * upto[-1]
        return min(self.answers[bisect_right(upto, drawn)], self._most)

    def learn(self, commitment: Commitment, q: float, task: Task) -> None:
        """Add the estimated utility of each answer to its sum."""
        row = self._row(commitment)
        lesson = task.standard, task.reasoning, task.solved, q
        if lesson not in self._known:
            check_passes(task)
            worth = utilities(task, q, np.array(self.answers), self.value, self.latency)
            self._known[lesson] = worth.tolist(), float(np.var(worth))
        estimate, spread = self._known[lesson]
        self.table[row] = [x + y for x, y in zip(self.table[row], estimate, strict=True)]
        self._spreads[row] += spread

    def _row(self, commitment: Commitment) -> int:
        if commitment.route == 2:
            return self._last + 1
        return round(commitment.cascade * self._last)

    def _rate(self, row: int) -> float:
        spread = max(self._spreads[row], 1e-12)
        return sqrt(8 * log(len(self.answers)) / spread)


def utilities(
    task: Task, q: float, answers: Array, value: float, latency: tuple[float, float]
) -> Array:
    """Unbiased estimates of U(i, s, q') for each q' in ``answers``, from a task played with q.

    Args:
        task: what happened.
        q: in [0, 1).
        answers: the q' to be judged, shape (n,).
        value: V.
        latency: (t1, t2).

    Returns:
        One estimate for each of the answers, shape (n,).

    Raises:
        ValueError: q is not in [0, 1).
    """
    rule = "lie in [0, 1): who leaves at once learns nothing of waiting"
    require((q >= 0) and (q < 1), "q", q, rule)
    t1, t2 = latency
    reward = np.repeat([-float(t1), -float(t2)], [task.standard, task.reasoning])
    reward[-1] += value * task.solved
    ratio = (1 - answers) / (1 - q)
    reached = ratio[:, None] ** np.arange(reward.size)  # (n, passes)
    return np.asarray(reached @ reward)
