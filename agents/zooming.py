"""Zooming: a bandit over route 2 and all of s that looks closer where the best ones are.

It starts with route 2 and a coarse grid of s. A point is dropped only when its lower confidence
bound exceeds the best upper bound. Where few points survive, new ones are put half way to the
neighbours of each survivor, on both sides, whether or not the neighbours survived: the cost jumps
at a cliff, so what lies between a good point and a bad one may be as good as the one or as bad as
the other. Where many survive, as on a plateau, all are as good, and nothing is gained by more.

This keeps the idea of the zooming algorithm of Kleinberg, Slivkins and Upfal (2008, "Multi-armed
bandits in metric spaces"), points in proportion to promise, but neither its Lipschitz condition,
which a cliff breaks, nor the scale of costs that it takes for known. Dropping is successive
elimination (Even-Dar, Mannor and Mansour 2006). Its limit: an optimum that hides between two bad
points of the first grid is never looked for.
"""

from itertools import pairwise
from math import inf, sqrt

from routing_game.agents.protocol import Tally
from routing_game.theory import Commitment, Task
from routing_game.theory.numbers import require

CELLS = 16
"""Cells of the first grid of s."""
FEW = 4
"""So many survivors, or fewer, are few: time to refine."""
FIRST = 64
"""Tasks of a point before it is judged; the common spread counts as that many of its own."""
ERRORS = 3.0
"""Half-width of a confidence interval in standard errors.

A single one misses in 3 of 1000 cases. For a point to be dropped by mistake two must miss together,
by 4.2 standard errors of the difference.
"""
FINEST = 2.0**-20
"""Points closer than this are not told apart."""

NOTHING = Tally(0, 0.0, 0.0)


class Zooming:
    """Plays the survivors alike, drops what is surely worse, refines around what remains."""

    def __init__(self) -> None:
        grid = [Commitment(1, k / CELLS) for k in range(CELLS + 1)]
        self._costs = dict.fromkeys((Commitment(2, 0.0), *grid), NOTHING)
        self._survivors = list(self._costs)
        self._all = NOTHING

    def act(self) -> Commitment:
        """The survivor with the fewest tasks."""
        return min(self._survivors, key=lambda point: self._costs[point].tasks)

    def update(self, commitment: Commitment, task: Task) -> None:
        """Learn from the cost of one task."""
        self.update_many(commitment, Tally(1, task.cost, task.cost**2))

    def plan(self) -> tuple[Commitment, int]:
        """The survivor with the fewest tasks, and as many again."""
        point = self.act()
        return point, max(FIRST, self._costs[point].tasks)

    def update_many(self, commitment: Commitment, costs: Tally) -> None:
        """Add costs to a point, drop what is surely worse by now, and refine where few survive."""
        rule = "be one of the points tried; update with what act() returned"
        require(commitment in self._costs, "commitment", commitment, rule)
        costs.check()
        self._costs[commitment] = self._costs[commitment].joined(costs)
        self._all = self._all.joined(costs)
        bounds = {point: self.interval(point) for point in self._survivors}
        best = min(high for _, high in bounds.values())
        self._survivors = [point for point, (low, _) in bounds.items() if low <= best]
        judged = all(self._costs[point].tasks >= FIRST for point in self._survivors)
        if judged and len(self._survivors) <= FEW:
            self._refine()

    def recommend(self) -> Commitment:
        """The survivor with the least upper confidence bound; before any is judged, the first."""
        return min(self._survivors, key=lambda point: self.interval(point)[1])

    def survivors(self) -> list[Commitment]:
        """The points that may be the cheapest."""
        return list(self._survivors)

    def interval(self, point: Commitment) -> tuple[float, float]:
        """Confidence interval of a point's expected cost; everything until it had `FIRST` tasks."""
        costs = self._costs[point]
        if costs.tasks < FIRST:
            return -inf, inf
        share = FIRST / (FIRST + costs.tasks)
        variance = share * self._all.variance + (1 - share) * costs.variance
        half = ERRORS * sqrt(variance / costs.tasks)
        return costs.mean - half, costs.mean + half

    def _refine(self) -> None:
        """New points half way between survivors on route 1 and their neighbours, dropped or not."""
        tried = sorted(s for route, s in self._costs if route == 1)
        alive = {s for route, s in self._survivors if route == 1}
        for left, right in pairwise(tried):
            if right - left > FINEST and (left in alive or right in alive):
                point = Commitment(1, (left + right) / 2)
                self._costs[point] = NOTHING
                self._survivors.append(point)
