"""A user that learns what each answer is worth, commitment by commitment, and how sure it is.

It knows V and t, and nothing of how the game is built. While it learns it stays to the end: from a
task that was played with q = 0 it learns about every q at once, since a user who plays q' reaches
pass k with (1 - q')^(k-1) times its chance. So with r_k the reward of pass k (V if it solved the
task, minus its time), the sum over passes of (1 - q')^(k-1) r_k is an unbiased estimate of
U(i, s, q'), with weights of at most 1. Its answer is the q whose mean estimate is largest. It is
meant for schemes in which learning is a rehearsal: `rehearsed`, `two_timescale`, `blocks`.

A table on a grid of s cannot tell how near a cliff it is: between two of its points the best answer
jumps, and a provider that looks for the cheapest commitment finds where the table is wrong. So here
each commitment that was played is a context of its own, and the user knows how sure its answer is:
beside the sums it keeps some *replicas* of them, in which each task counts with a random weight of
mean 1 and standard deviation `CAUTION` (a Bayesian bootstrap, Rubin 1981, with errors made larger:
who searches many commitments for the cheapest finds the one whose user errs most). `waver` gives
the answers of the replicas.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from routing_game.agents.arguments import generator
from routing_game.agents.protocol import Abandon, check_passes
from routing_game.theory import Commitment, Task
from routing_game.theory.numbers import require

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

REPLICAS = 32
"""How many bootstrap replicas of its sums a user keeps."""
CAUTION = 1.5
"""Errors of a replica, in standard errors of the sums."""


class RehearsingUser:
    """Mean utilities of all answers under each commitment that it met, with replicas.

    Args:
        value: V.
        latency: (t1, t2).
        rng: weighs tasks in the replicas, and draws among them.
        answers: points of q in [0, 1], closer together near 0.
    """

    def __init__(
        self,
        value: float,
        latency: tuple[float, float],
        rng: np.random.Generator,
        answers: int = 33,
    ) -> None:
        require(value > 0, "value", value, "be positive")
        require(answers >= 2, "answers", answers, "be at least 2")
        self.value, self.latency = value, latency
        # the best answer begins to rise from q = 0, and steeply
        self.answers = np.linspace(0.0, 1.0, answers) ** 2
        self._rng = generator(rng)
        self.forget()

    def forget(self) -> None:
        """Start anew."""
        self._sums: dict[Commitment, Array] = {}  # the first row counts every task once

    def reply(self, commitment: Commitment) -> float:
        """It stays, to see what waiting is worth."""
        return 0.0

    def reply_many(self, commitment: Commitment, tasks: int) -> Array:
        """The same for so many tasks."""
        return np.zeros(tasks)

    def learn(self, commitment: Commitment, q: float, task: Task) -> None:
        """Learn from a task, if it stayed in it."""
        self.learn_many(commitment, np.array([q]), _array_of(task))

    def learn_many(self, commitment: Commitment, q: Array, tasks: Task) -> None:
        """Learn from those of many tasks in which it stayed; what they were worth follows."""
        check_passes(tasks)
        stayed = np.asarray(q) == 0.0
        if not stayed.any():
            return
        kinds = np.stack([np.asarray(part)[stayed] for part in tasks[:3]], axis=-1)
        alike, times = _distinct(kinds.astype(np.int64))
        # sums of so many independent weights
        spread = CAUTION**2
        weights = spread * self._rng.gamma(times / spread, size=(REPLICAS + 1, len(times)))
        weights[0] = times
        known = self._sums.get(commitment, 0.0)
        self._sums[commitment] = known + weights @ self._worth(*alike.T)

    def abandon(self, route: ArrayLike, cascade: ArrayLike) -> Abandon:
        """The best answer so far; to a commitment it never met, that to the nearest of the route.

        Whoever has met none on the route stays.
        """
        route, cascade = np.broadcast_arrays(route, cascade)
        pairs = zip(route.ravel().tolist(), cascade.ravel().tolist(), strict=True)
        answers = [self._best(Commitment(int(i), float(s)))[0] for i, s in pairs]
        return np.array(answers).reshape(route.shape)

    def waver(self, commitment: Commitment, tasks: int) -> Array:
        """For so many tasks, answers of replicas drawn at random."""
        return np.asarray(self._rng.choice(self._best(commitment)[1:], size=tasks))

    def _best(self, commitment: Commitment) -> Array:
        """The best answer by all tasks, then by each replica."""
        known = commitment
        if commitment not in self._sums:
            route = [met for met in self._sums if met.route == commitment.route]
            if not route:
                return np.zeros(REPLICAS + 1)
            known = min(route, key=lambda met: abs(met.cascade - commitment.cascade))
        return self.answers[self._sums[known].argmax(axis=-1)]

    def _worth(self, standard: Array, reasoning: Array, solved: Array) -> Array:
        """The estimate of U for each answer from each task in which it stayed, (tasks, answers)."""
        stay = 1.0 - self.answers
        first, second, solved = standard[:, None], reasoning[:, None], solved[:, None]
        t1, t2 = self.latency
        reached = stay**first
        time = t1 * _passes(stay, first) + t2 * reached * _passes(stay, second)
        last = first + second - 1
        return np.asarray(self.value * solved * stay**last - time)


def _distinct(kinds: IntArray) -> tuple[IntArray, IntArray]:
    """The distinct rows, (n, 3), and how often each occurs; many tasks are alike."""
    base = kinds.max(axis=0) + 1
    codes = np.ravel_multi_index(tuple(kinds.T), tuple(base))
    found, times = np.unique(codes, return_counts=True)
    return np.stack(np.unravel_index(found, tuple(base)), axis=-1), times


def _passes(stay: Array, most: Array) -> Array:
    """1 + stay + stay^2 + ..., so many terms."""
    return np.where(stay < 1.0, (1.0 - stay**most) / np.where(stay < 1.0, 1.0 - stay, 1.0), most)


def _array_of(task: Task) -> Task:
    return Task(*(np.asarray([part]) for part in task))  # type: ignore[arg-type]
