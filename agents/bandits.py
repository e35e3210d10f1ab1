"""Bandits: providers that know nothing, neither the game nor their own costs, and learn from realised cost alone.

An arm is a commitment: route 2, or route 1 with s on a uniform grid. The scale of costs is unknown, so confidence
widths are measured in the spread (standard deviation) of all costs seen so far, pooled over the arms: a single
arm's spread is 0 after a few equal costs, and would make a bad arm look certain.
"""

from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from routing_game.agents.arguments import generator
from routing_game.theory import Commitment, Task


class Bandit:
    """Mean cost and number of tasks of each arm, kept incrementally; subclasses choose the next arm."""

    def __init__(self, cascades: int = 20) -> None:
        """Take route 2 and route 1 with s = 0, 1/K, ..., (K-1)/K as arms; K = `cascades`."""
        if cascades < 1:
            raise ValueError(f"cascades is the number of values of s to try, at least 1, got {cascades}")
        self.arms = [Commitment(2, 0.0), *(Commitment(1, k / cascades) for k in range(cascades))]
        self._index = {arm: k for k, arm in enumerate(self.arms)}
        self._tasks = 0
        self._plays = [0] * len(self.arms)
        self._mean = np.zeros(len(self.arms))
        self._width = np.zeros(len(self.arms))  # 1/sqrt(plays): the error of a mean, in spreads; 0 if never played
        self._total = self._squares = 0.0  # sums of cost and squared cost over all tasks

    def act(self) -> Commitment:
        """Each arm once, then the subclass's choice."""
        if 0 in self._plays:
            return self.arms[self._plays.index(0)]
        return self.arms[int(self._optimistic_cost().argmin())]

    def update(self, commitment: Commitment, task: Task) -> None:
        """Add the task's cost to its arm."""
        if commitment not in self._index:
            raise ValueError(f"{commitment} is none of the {len(self.arms)} arms; update with what act() returned")
        arm = self._index[commitment]
        self._plays[arm] += 1
        self._mean[arm] += (task.cost - self._mean[arm]) / self._plays[arm]
        self._width[arm] = 1.0 / sqrt(self._plays[arm])
        self._tasks += 1
        self._total += task.cost
        self._squares += task.cost**2

    def recommend(self) -> Commitment:
        """The arm with the least upper confidence bound on cost.

        Not the lowest mean: among many, often duplicate arms that is one played rarely and lucky (winner's curse).
        """
        if self._tasks == 0:
            return self.arms[0]
        upper_bound = self._mean + self._confidence() * self._width
        return self.arms[int(np.where(self._width > 0, upper_bound, np.inf).argmin())]

    def _optimistic_cost(self) -> NDArray[np.float64]:
        raise NotImplementedError

    def _confidence(self) -> float:
        """Half-width of a confidence interval after a single play, spread times sqrt(2 log t)."""
        return self._spread() * sqrt(2.0 * log(self._tasks + 1))

    def _spread(self) -> float:
        mean = self._total / self._tasks
        return sqrt(max(self._squares / self._tasks - mean**2, 0.0))


class UCB(Bandit):
    """Upper confidence bounds (Auer, Cesa-Bianchi and Fischer 2002), with the spread measured instead of given."""

    def _optimistic_cost(self) -> NDArray[np.float64]:
        return self._mean - self._confidence() * self._width


class Thompson(Bandit):
    """Thompson sampling: plays the arm that is cheapest in a draw from normal posteriors of the mean costs."""

    def __init__(self, rng: np.random.Generator, cascades: int = 20) -> None:
        super().__init__(cascades)
        self._rng = generator(rng)

    def _optimistic_cost(self) -> NDArray[np.float64]:
        return self._mean + self._spread() * self._width * self._rng.standard_normal(len(self.arms))
