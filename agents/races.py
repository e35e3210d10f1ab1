"""Races: many starts on route 1 compete, the routes are compared last.

A learner that meets a game which nobody tuned it on fails for three reasons, and each has its
remedy here, whatever the learner is that climbs (`Climbers`):

1. *The route is chosen before its s is known.* Whoever draws (i, s) together compares route 2 with
   route 1 averaged over all s that it still tries; where good s are rare, route 2 looks better and
   route 1 is not tried again. So route 1 is learned by itself, and route 2 is compared with what
   has become of it.
2. *A scale on which the cliff cannot be seen.* Beside s0 = .004 a noise of .003 is wide, beside .4
   it is narrow. So climbers move in log odds, z = log(s / (1 - s)), where noise is relative; from
   `END` on z plays exactly 0 and 1.
3. *Noise that blurs the cliff, or hides the slope.* Wide noise averages over both sides of a cliff
   and walks over it; with narrow noise the slope drowns in the spread of costs, and a climber that
   is still far stays there. So many start, all over the scale, with noise narrower than the gaps
   between them. They compete in rounds. After each, all are played without noise, and who is surely
   worse drops out, as does who stands where a better one stands; fewer climb on, each with more
   tasks, and the noise falls round by round, while the slope can still be seen.

Nothing here knows the game. A race sees what its tasks cost; mean and spread of the first of them
count as 0 and 1, so that no unit matters.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np

from routing_game.agents.log_odds import cascades_at
from routing_game.agents.stacked import Array, Costs, Finite, IntArray, Units
from routing_game.theory.numbers import require

END = 12.0
"""From here on log odds mean 0 and 1 exactly."""
CHART = partial(cascades_at, end=END)
"""z to s."""
LEAST = 1_000
"""Tasks that a race needs."""

Generators = Sequence[np.random.Generator]


class Climbers(Protocol):
    """Learners, one a row, that each look for the best z near by; no row looks at another."""

    places: Array
    """Where they would stop, shape (rows,)."""

    def propose(self, noise: float, n: int) -> Array:
        """What to try next around their places, shape (rows, n)."""
        ...

    def learn(self, costs: Array) -> None:
        """What the proposals cost, shape (rows, n); of order 1."""
        ...


Climb = Callable[[Array, Generators], Climbers]
"""(places, a generator for each) -> fresh climbers that start there."""


@dataclass(frozen=True)
class Rules:
    """Of a race; z, and noise with it, is in units of `chart`.

    Attributes:
        starts: how many start, evenly spaced.
        farthest: from 0, of the starts.
        noise: at the start, and at the end of each round; geometric in between.
        room: how many may go on after each round but the last.
        updates: in each round.
        judged: share of a round's tasks that are played to judge it.
        final: share of all tasks that are left to compare the last ones and route 2.
        errors: standard errors of a difference from which on the worse is surely worse.
        chart: z to s.
    """

    starts: int = 20
    farthest: float = 9.5
    noise: tuple[float, ...] = (0.3, 0.2, 0.06, 0.02, 0.005)
    room: tuple[int, ...] = (8, 4, 2)
    updates: int = 100
    judged: float = 0.15
    final: float = 0.1
    errors: float = 2.0
    chart: Callable[[Array], Array] = CHART

    @property
    def rounds(self) -> int:
        """How many there are."""
        return len(self.noise) - 1

    def places(self) -> Array:
        """Where they start; a single one in the middle."""
        if self.starts == 1:
            return np.zeros(1)
        return np.linspace(-self.farthest, self.farthest, self.starts)


class Budget(NamedTuple):
    """Tasks of a cell.

    Attributes:
        updates: in a round.
        batch: tasks of an update.
        judging: tasks after each round but the last.
        final: tasks after the last.
    """

    updates: int
    batch: int
    judging: int
    final: int

    @classmethod
    def of(cls, tasks: int, rules: Rules) -> "Budget":
        """So that all tasks are used, but for what a division leaves over."""
        a_round = int(tasks * (1.0 - rules.final) / rules.rounds)
        judging = int(a_round * rules.judged)
        updates = min(rules.updates, (a_round - judging) // (2 * rules.starts))
        batch = (a_round - judging) // updates
        spent = rules.rounds * updates * batch + (rules.rounds - 1) * judging
        return cls(updates, batch, judging, tasks - spent)


class Field(NamedTuple):
    """Cells in which equally many climb.

    Attributes:
        cells: their numbers, shape (k,).
        climbers: k times as many rows, cell by cell.
    """

    cells: IntArray
    climbers: Climbers

    @property
    def each(self) -> int:
        """How many climb in a cell."""
        return len(self.climbers.places) // len(self.cells)


class Race:
    """Providers, one for each cell, whose climbers race on route 1 and then against route 2.

    Args:
        costs: plays tasks.
        rngs: one for each cell.
        tasks: practice of each cell.
        climb: makes climbers.
        rules: of the race.

    Raises:
        ValueError: too few tasks.
    """

    def __init__(
        self,
        costs: Costs,
        rngs: Generators,
        tasks: int,
        *,
        climb: Climb,
        rules: Rules | None = None,
    ) -> None:
        require(tasks >= LEAST, "tasks", tasks, f"be at least {LEAST}")
        self._costs, self._climb, self._rules = Finite(costs), climb, rules or Rules()
        self._budget, self._used = Budget.of(tasks, self._rules), 0
        starts = self._rules.places()
        self._places = [starts.copy() for _ in rngs]
        # drawn, not spawned: to spawn would change the seeds that the generators were made from
        seeds = [rng.integers(2**63, size=len(starts)) for rng in rngs]
        self._streams = [[np.random.default_rng(seed) for seed in cell] for cell in seeds]
        self._units: Units | None = None  # of the costs of each cell
        self._leader = np.full(len(rngs), len(starts) // 2)  # of the climbers, or -1: route 2

    def train(self) -> Iterator[int]:
        """Race; after each update, and while judging, yield the tasks of each cell so far."""
        for number in range(self._rules.rounds):
            yield from self._round(number)
            yield from self._judge(number)

    def recommend(self) -> tuple[IntArray, Array]:
        """The leaders; before the first judgement whoever started in the middle."""
        ahead = zip(self._places, self._leader, strict=True)
        cascade = [self._rules.chart(z[max(k, 0)]) if k >= 0 else 0.0 for z, k in ahead]
        return np.where(self._leader < 0, 2, 1), np.array(cascade, dtype=np.float64)

    def _round(self, number: int) -> Iterator[int]:
        """Let everybody climb while the noise falls."""
        fields, (first, last) = self._fields(), self._rules.noise[number : number + 2]
        updates, batch = self._budget.updates, self._budget.batch
        for update in range(updates):
            noise = first * (last / first) ** ((update + 1) / updates)
            cascade = np.zeros((len(self._places), batch))  # what is left over plays s = 0
            for field in fields:
                z = field.climbers.propose(noise, batch // field.each)
                s = self._rules.chart(z).reshape(len(field.cells), -1)
                cascade[field.cells, : s.shape[1]] = s
            costs = self._play(np.ones((1, 1)), cascade)
            self._units = self._units or Units.of(costs)
            costs = self._units.of_these(costs)
            for field in fields:
                share = batch // field.each
                seen = costs[field.cells, : share * field.each]
                field.climbers.learn(seen.reshape(-1, share))
                places = field.climbers.places.reshape(-1, field.each)
                for cell, there in zip(field.cells.tolist(), places, strict=True):
                    self._places[cell] = there.copy()
            yield self._used

    def _fields(self) -> list[Field]:
        """The cells, sorted by how many climb in each; all of these begin afresh."""
        counts = np.array([len(places) for places in self._places])
        fields = []
        for count in np.unique(counts):
            cells = np.flatnonzero(counts == count)
            places = np.concatenate([self._places[cell] for cell in cells])
            streams = [stream for cell in cells for stream in self._streams[cell]]
            fields.append(Field(cells, self._climb(places, streams)))
        return fields

    def _judge(self, number: int) -> Iterator[int]:
        """Play all without noise, and route 2; see who leads, and who goes on."""
        last = number == self._rules.rounds - 1
        tasks = self._budget.final if last else self._budget.judging
        room = 1 if last else self._rules.room[number]
        mean, variance, pieces = self._zeros(), self._zeros(), -(-tasks // self._budget.batch)
        for piece in range(pieces):
            if piece > 0:
                yield self._used
            for cell, costs in enumerate(self._sample(tasks // pieces)):
                mean[cell] += costs.mean(axis=-1) / pieces
                variance[cell] += costs.var(axis=-1) / pieces
        for cell, places in enumerate(self._places):
            played = pieces * (tasks // pieces // len(mean[cell]))
            *on_route_1, second = mean[cell]
            error = np.sqrt(variance[cell][:-1] / played)
            gap, errors = self._rules.noise[number + 1], self._rules.errors
            kept = going_on(np.array(on_route_1), error, places, room, gap, errors)
            self._leader[cell] = -1 if second < on_route_1[kept[0]] else 0
            self._places[cell] = places[kept]
            self._streams[cell] = [self._streams[cell][k] for k in kept]
        yield self._used

    def _zeros(self) -> list[Array]:
        """A number for each that climbs in each cell, and one for route 2."""
        return [np.zeros(len(places) + 1) for places in self._places]

    def _sample(self, tasks: int) -> list[Array]:
        """For each cell costs without noise, (climbers + 1, share): of each, and of route 2."""
        cells = len(self._places)
        route, cascade = np.full((cells, tasks), 2), np.zeros((cells, tasks))
        shares = [tasks // (len(places) + 1) for places in self._places]
        for cell, (places, share) in enumerate(zip(self._places, shares, strict=True)):
            route[cell, : share * len(places)] = 1
            cascade[cell, : share * len(places)] = np.repeat(self._rules.chart(places), share)
        costs = self._play(route, cascade)
        return [
            row[: share * (len(places) + 1)].reshape(-1, share)
            for row, places, share in zip(costs, self._places, shares, strict=True)
        ]

    def _play(self, route: IntArray | Array, cascade: Array) -> Array:
        self._used += cascade.shape[1]
        return self._costs(route, cascade)


def going_on(
    mean: Array, error: Array, places: Array, room: int, gap: float, errors: float
) -> list[int]:
    """Who goes on, the best first.

    Args:
        mean: of the costs of each, shape (n,).
        error: standard error of the mean.
        places: z.
        room: how many may go on.
        gap: who stands nearer than this to a better one does not.
        errors: who is worse than the best by so many standard errors of the difference does not.
    """
    first, *rest = np.argsort(mean, kind="stable").tolist()
    kept = [first]
    for k in rest:
        sure = mean[k] - mean[first] > errors * np.hypot(error[k], error[first])
        near = np.min(np.abs(places[kept] - places[k])) < gap
        if len(kept) < room and not sure and not near:
            kept.append(k)
    return kept
