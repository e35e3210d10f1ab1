"""Bandits whose arms multiply where they are best: `RefiningUCB` and `RefiningThompson`.

No fixed grid of s will do. A cascade can be best at s = .004 as well as at .97, and left or right
of it the cost jumps. So an arm is a place on the scale of `log_odds`, whose ends are exactly s = 0
and s = 1. Route 2 is an arm of its own. The bandit plays in *stages*, each twice as long as the one
before. After a stage each gap beside one of the best arms of route 1 is cut into four, whether or
not the arm on its other side is good: the cost jumps at a cliff, so what lies between a good arm
and a bad one may be as good as the one or as bad as the other. Route 1 is refined where it is best
even while route 2 looks better still: the routes are compared in the end, each at its own best s.
No arm is ever dropped, so what bad luck has hidden can return.

An arm is played for half as many tasks again as it has had, at least `FIRST`, before the next is
chosen (the epochs of UCB2: Auer, Cesa-Bianchi and Fischer 2002, section 2; for Thompson sampling,
Karbasi, Mirrokni and Shadravan 2021). So batches of tasks can be drawn at once.

Beyond the paper. Cousins: Kleinberg, Slivkins and Upfal 2008, "Multi-armed bandits in metric
spaces"; Bubeck, Munos, Stoltz and Szepesvari 2011, "X-armed bandits".
"""

from abc import ABC, abstractmethod
from itertools import pairwise
from math import inf

import numpy as np
from numpy.typing import NDArray

from routing_game.agents.arguments import generator
from routing_game.agents.log_odds import cascade_at
from routing_game.agents.protocol import Tally
from routing_game.theory import Commitment, Task
from routing_game.theory.numbers import require

Array = NDArray[np.float64]

END = 9.0
"""Log odds at which s is 0 and 1."""
PARTS = 36
"""Into so many parts the scale is cut at first: steps of a half, in which s grows by two thirds."""
FIRST = 512
"""Least tasks of an epoch; the spread of all costs counts as that many of an arm's own."""
STAGE = 10_000
"""Tasks of the first stage."""
ERRORS = 3.0
"""Upper bounds, by which arms are recommended and refined, in standard errors."""
KEPT = 3
"""Around so many arms of route 1 a stage is refined."""
CUT = 4
"""Into so many parts a gap is cut."""
FINEST = 1e-3
"""Gaps narrower than this, in z, are not cut: s changes by less than a thousandth of itself."""

NOTHING = Tally(0, 0.0, 0.0)


class Refining(ABC):
    """Tallies of the arms, stages and epochs; subclasses choose the next arm.

    Args:
        stage: tasks of the first stage.
    """

    def __init__(self, stage: int = STAGE) -> None:
        require(stage >= 1, "stage", stage, "be at least 1")
        self._costs: dict[Commitment, Tally] = {Commitment(2, 0.0): NOTHING}
        self._places: dict[float, Commitment] = {}
        for z in np.linspace(-END, END, PARTS + 1):
            self._add(float(z))
        self._all = NOTHING
        self._stage, self._until = stage, stage
        self._now, self._left = Commitment(2, 0.0), 0

    @property
    def arms(self) -> list[Commitment]:
        """All arms so far, in the order in which they were added."""
        return list(self._costs)

    def act(self) -> Commitment:
        """The arm of the present epoch."""
        return self.plan()[0]

    def plan(self) -> tuple[Commitment, int]:
        """The arm of the present epoch, and the tasks that are left of it."""
        if not self._left:
            self._now = self._next()
            self._left = max(FIRST, self._costs[self._now].tasks // 2)
        return self._now, self._left

    def update(self, commitment: Commitment, task: Task) -> None:
        """Learn from the cost of one task."""
        self.update_many(commitment, Tally(1, task.cost, task.cost**2))

    def update_many(self, commitment: Commitment, costs: Tally) -> None:
        """Add costs to an arm; at the end of a stage, if all arms were played, refine."""
        rule = "be one of the arms; update with what act() returned"
        require(commitment in self._costs, "commitment", commitment, rule)
        costs.check()
        self._costs[commitment] = self._costs[commitment].joined(costs)
        self._all = self._all.joined(costs)
        if commitment == self._now:
            self._left = max(self._left - costs.tasks, 0)
        if self._all.tasks >= self._until and all(arm.tasks for arm in self._costs.values()):
            self._refine()

    def recommend(self) -> Commitment:
        """The arm with the least upper confidence bound; before any is played, route 2."""
        return self.arms[int(self._upper().argmin())]

    @abstractmethod
    def _choose(self, means: Array, errors: Array) -> int:
        """The index of the next arm, once all have been played."""

    def _next(self) -> Commitment:
        unplayed = next((arm for arm, costs in self._costs.items() if not costs.tasks), None)
        return unplayed or self.arms[self._choose(*self._estimates())]

    def _estimates(self) -> tuple[Array, Array]:
        """Each arm's mean cost and its standard error; 0 and inf if it was never played.

        An arm's variance is that of its own costs and of `FIRST` costs of all arms: a few equal
        costs do not make an arm sure.
        """
        tasks, cost, squares = np.array(list(self._costs.values())).T
        played = np.maximum(tasks, 1)
        means = cost / played
        own = np.maximum(squares / played - means**2, 0.0)
        pooled = self._all.variance if self._all.tasks else 0.0
        variance = (FIRST * pooled + tasks * own) / (FIRST + tasks)
        return means, np.where(tasks > 0, np.sqrt(variance / played), inf)

    def _upper(self) -> Array:
        means, errors = self._estimates()
        return means + ERRORS * errors

    def _refine(self) -> None:
        """Cut the gaps beside the best arms of route 1, and begin a stage twice as long."""
        self._stage *= 2
        self._until = self._all.tasks + self._stage
        upper = dict(zip(self._costs, self._upper(), strict=True))
        tried = sorted(self._places)
        best = sorted(tried, key=lambda z: upper[self._places[z]])[:KEPT]
        for left, right in pairwise(tried):
            if (left in best or right in best) and right - left > FINEST:
                for k in range(1, CUT):
                    self._add(left + (right - left) * k / CUT)

    def _add(self, z: float) -> None:
        arm = Commitment(1, cascade_at(z, END))
        self._places[z] = arm
        self._costs[arm] = NOTHING


class RefiningUCB(Refining):
    """Plays the arm whose lower confidence bound on cost is the least."""

    def _choose(self, means: Array, errors: Array) -> int:
        confidence = np.sqrt(2.0 * np.log(self._all.tasks))
        return int((means - confidence * errors).argmin())


class RefiningThompson(Refining):
    """Plays the arm that is cheapest in a draw from normal posteriors of the mean costs."""

    def __init__(self, rng: np.random.Generator, stage: int = STAGE) -> None:
        super().__init__(stage)
        self._rng = generator(rng)

    def _choose(self, means: Array, errors: Array) -> int:
        return int((means + errors * self._rng.standard_normal(means.size)).argmin())
