"""Bandits: providers that know neither game nor costs, and learn from realised cost alone.

An arm is a commitment: route 2, or route 1 with s on a uniform grid. All bandits count the same,
each arm's plays, costs and squared costs, and recommend the same, the arm with the least upper
confidence bound; they differ in how they explore. The textbooks put gains into [0, 1]. Here the
scale of costs is unknown, so everything is measured in the spread (standard deviation) of all costs
seen so far, pooled over the arms: a single arm's spread is 0 after a few equal costs, and would
make a bad arm look certain.

    UCB            play the least lower bound                     Auer, Cesa-Bianchi, Fischer 2002,
    "Finite-time ..." UCBTuned       the same, with each arm's own variance         the same,
    section 4 Thompson       play the least of draws from posteriors        Thompson 1933; Agrawal
    and Goyal 2013 EpsilonGreedy  play the least mean, at times any arm          Slivkins 2019,
    "Introduction to multi-armed bandits" EXP3           play at odds that fall with an arm's cost
    Auer, Cesa-Bianchi, Freund, Schapire 2002 Elimination    play in turn, drop what is surely worse
    Even-Dar, Mannor, Mansour 2006
"""

from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from routing_game.agents.arguments import generator
from routing_game.agents.protocol import Tally
from routing_game.theory import Commitment, Task

Array = NDArray[np.float64]


class Bandit:
    """Number, mean and mean square of each arm's costs; subclasses choose the next arm.

    The arms are route 2, and route 1 with s = 0, 1/K, ..., (K-1)/K.

    Args:
        cascades: K, how many s to try.
    """

    def __init__(self, cascades: int = 20) -> None:
        if cascades < 1:
            raise ValueError(
                f"cascades is the number of values of s to try, at least 1, got {cascades}"
            )
        on_route_1 = [Commitment(1, k / cascades) for k in range(cascades)]
        self.arms = [Commitment(2, 0.0), *on_route_1]
        self._index = {arm: k for k, arm in enumerate(self.arms)}
        self._plays = [0] * len(self.arms)
        self._mean = np.zeros(len(self.arms))
        self._square = np.zeros(len(self.arms))
        self._width = np.zeros(
            len(self.arms)
        )  # 1/sqrt(plays): the error of a mean, in spreads; 0 if never played
        self._tasks, self._total, self._squares = 0, 0.0, 0.0  # of all arms together

    def act(self) -> Commitment:
        """Each arm once, then the subclass's choice."""
        if 0 in self._plays:
            return self.arms[self._plays.index(0)]
        return self.arms[self._choose()]

    def update(self, commitment: Commitment, task: Task) -> None:
        """Add the task's cost to its arm."""
        self.update_many(commitment, Tally(1, task.cost, task.cost**2))

    def update_many(self, commitment: Commitment, costs: Tally) -> None:
        """Add the costs of some tasks to their arm."""
        if commitment not in self._index:
            arms = f"{commitment} is none of the {len(self.arms)} arms"
            raise ValueError(f"{arms}; update with what act() returned")
        costs.check()
        arm = self._index[commitment]
        tasks, cost, squares = costs
        plays = self._plays[arm] = self._plays[arm] + tasks
        self._mean[arm] += (cost - tasks * self._mean[arm]) / plays
        self._square[arm] += (squares - tasks * self._square[arm]) / plays
        self._width[arm] = 1.0 / sqrt(plays)
        self._tasks += tasks
        self._total += cost
        self._squares += squares

    def recommend(self) -> Commitment:
        """The arm with the least upper confidence bound on cost.

        Not the lowest mean: among many, often duplicate arms that is one played rarely and lucky
        (winner's curse).
        """
        if self._tasks == 0:
            return self.arms[0]
        upper_bound = self._mean + self._confidence() * self._width
        known = np.where(self._width > 0, upper_bound, np.inf)
        return self.arms[int(known.argmin())]

    def _choose(self) -> int:
        """The index of the arm to play next, once all have been played."""
        raise NotImplementedError

    def _confidence(self) -> float:
        """Half-width of a confidence interval after a single play, spread times sqrt(2 log t)."""
        return self._spread() * sqrt(2.0 * log(self._tasks + 1))

    def _spread(self) -> float:
        mean = self._total / self._tasks
        return sqrt(max(self._squares / self._tasks - mean**2, 0.0))


class UCB(Bandit):
    """Upper bounds on gain, so lower ones on cost: plays the arm that could be the cheapest."""

    def _choose(self) -> int:
        return int((self._mean - self._confidence() * self._width).argmin())


class UCBTuned(Bandit):
    """UCB with a bound on each arm's own variance: arms with steady costs need fewer plays.

    The bound is the arm's variance plus sqrt(2 log t / plays) pooled variances. Gains in [0, 1]
    would cap it at 1/4; costs of unknown scale have no cap.
    """

    def _choose(self) -> int:
        grown = log(self._tasks)
        seen = self._square - self._mean**2
        variance = seen + self._spread() ** 2 * sqrt(2.0 * grown) * self._width
        half = self._width * np.sqrt(grown * np.maximum(variance, 0.0))
        return int((self._mean - half).argmin())


class Thompson(Bandit):
    """Thompson sampling: plays the arm cheapest in a draw from normal posteriors of the means."""

    def __init__(self, rng: np.random.Generator, cascades: int = 20) -> None:
        super().__init__(cascades)
        self._rng = generator(rng)

    def _choose(self) -> int:
        noise = self._rng.standard_normal(len(self.arms))
        drawn = self._mean + self._spread() * self._width * noise
        return int(drawn.argmin())


class EpsilonGreedy(Bandit):
    """Plays the arm with the least mean, or, with a chance that falls, any arm.

    The chance is (K log t / t)^(1/3) for K arms after t tasks.

    The chance falls as slowly as it must if nothing is known of the gaps between arms.
    """

    def __init__(self, rng: np.random.Generator, cascades: int = 20) -> None:
        super().__init__(cascades)
        self._rng = generator(rng)

    def _choose(self) -> int:
        explore = (len(self.arms) * log(self._tasks) / self._tasks) ** (1 / 3)
        if self._rng.random() < explore:
            return int(self._rng.integers(len(self.arms)))
        return int(self._mean.argmin())


class EXP3(Bandit):
    """Exponential weights for exploration and exploitation, for costs an adversary could choose.

    After t tasks, for K arms, let g = min(1, sqrt(K log K / t)). An arm a is drawn evenly with
    chance g, else at odds exp(-g L_a / K). L_a sums the costs of a, each divided by the chance that
    a then had, so that the sum is unbiased; costs count from the mean of all, in spreads.
    """

    def __init__(self, rng: np.random.Generator, cascades: int = 20) -> None:
        super().__init__(cascades)
        self._rng = generator(rng)
        self._losses = np.zeros(len(self.arms))
        self._chances = np.full(len(self.arms), 1 / len(self.arms))

    def update_many(self, commitment: Commitment, costs: Tally) -> None:
        """Add the costs of some tasks to their arm, and to the losses that decide the odds."""
        super().update_many(commitment, costs)
        arm, arms = self._index[commitment], len(self.arms)
        spread = self._spread()
        if spread > 0:
            excess = costs.cost - costs.tasks * self._total / self._tasks
            self._losses[arm] += excess / (spread * self._chances[arm])
        even = min(1.0, sqrt(arms * log(arms) / self._tasks))
        odds = np.exp(even / arms * (self._losses.min() - self._losses))
        self._chances = (1 - even) * odds / odds.sum() + even / arms

    def _choose(self) -> int:
        drawn = int(self._chances.cumsum().searchsorted(self._rng.random(), side="right"))
        return min(drawn, len(self.arms) - 1)  # the sum may round to less than 1


class Elimination(Bandit):
    """Successive elimination: plays the arms in turn, but for those that are surely worse.

    Surely worse is an arm whose least cost is above another's greatest.

    An arm returns when its interval overlaps again, as it may while the spread is still being
    learned. Who is next depends on the numbers of plays alone, so it can plan: the survivor with
    the fewest plays, to double them.
    """

    def plan(self) -> tuple[Commitment, int]:
        """The survivor with the fewest plays, and as many again."""
        arm = self.act()
        return arm, max(1, self._plays[self._index[arm]])

    def survivors(self) -> list[Commitment]:
        """The arms that may be the cheapest: their lower bound is within the least upper bound."""
        return [self.arms[arm] for arm in self._alive()]

    def _choose(self) -> int:
        return min(self._alive(), key=self._plays.__getitem__)

    def _alive(self) -> list[int]:
        if 0 in self._plays:
            return [*range(len(self.arms))]
        half = self._confidence() * self._width
        best = (self._mean + half).min()
        return np.flatnonzero(self._mean - half <= best).tolist()
