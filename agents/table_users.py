"""Users that learn what each answer is worth, in tables: one by one, or of all at once.

A learning user meets a commitment (i, s), plays one q for the task, and is told how it went. From a
single task it can learn about every q at once: the passes of the task came about under the q it
played, and a user who plays q' reaches pass k with ((1-q')/(1-q))^(k-1) times its chance. So, with
r_k the reward of pass k (V if it solved the task, minus its time), the sum over passes of
((1-q')/(1-q))^(k-1) r_k is an unbiased estimate of U(i, s, q'), for all q' at once (importance
weights; see Precup, Sutton and Singh 2000). It needs q < 1: who leaves at once learns nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from math import exp, isfinite, log, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from routing_game.agents.arguments import generator
from routing_game.agents.protocol import Abandon, check_passes
from routing_game.theory import Commitment, Task
from routing_game.theory.numbers import one, require

Array = NDArray[np.float64]

Lesson = tuple[int, int, bool, float]
"""(passes of M1, passes of M2, solved, q): how a task went, and under which answer."""


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
