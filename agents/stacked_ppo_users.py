"""Users by PPO, many cells at once: one that decides after each failure, one that answers with q.

The learners are those of `agents.sb3_users`: proximal policy optimisation (Schulman et al. 2017)
with its clipped surrogate, epochs, minibatches and Adam; policy and value linear in hat functions
of s (`agents.hats`); returns undiscounted and Monte-Carlo. What makes them fast:

- All cells train as one, and gradients are written out: a decision touches two knots.
- Tasks are drawn whole, so that one of a thousand passes costs what one of one pass costs. All
  decisions to stay that a task made at one observation have one probability and so one ratio. They
  are kept as one, with their number as weight and the mean of their returns.
- Money and time are in units of V, so that no setting depends on a game's unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from routing_game.agents.hats import KNOTS, Places, coordinate, places, read, spread
from routing_game.agents.kept import Table, Whole
from routing_game.agents.lessons import Answered, Answers, Chosen, Decisions, Lesson
from routing_game.agents.plain import Ends, falling
from routing_game.agents.policy_gradient import Adam
from routing_game.agents.stacked import Array
from routing_game.agents.stacked_users import Cells, Practice
from routing_game.agents.tables import Reading, answers, chances, kind_of
from routing_game.box import to_chance


@dataclass(frozen=True)
class Schedule:
    """How a user trains.

    Attributes:
        updates: how often it learns, each time from as many tasks.
        epochs: how often it goes through them.
        minibatches: into which it divides them.
        clip: how far the ratio of chances may move from 1 in an update.
        rate: of Adam, first and last.
        noise: of the answers in the box [-1, 1], first and last; of no matter to users who decide.
    """

    updates: int
    rate: Ends
    epochs: int = 4
    minibatches: int = 4
    clip: float = 0.2
    noise: Ends = (1.0, 1.0)


# Differences between staying and leaving are small against the noise of a task: big batches, and a
# small final rate. No entropy bonus: it would pull every q towards 1/2, and hats keep one s from
# dragging others along too early.
DECIDES = Schedule(updates=120, rate=(0.1, 0.005))
# Whole tasks are noisier than decisions: every task is learned from once, and noise stays wide, as
# it is the answers far apart that differ
ANSWERS = Schedule(updates=160, rate=(0.3, 0.003), epochs=1)


class _Learner(Practice):
    """Policy and value, and how they fall on a schedule.

    Args:
        cells: what they learn from.
        how: they train; `usual` if None.

    Raises:
        ValueError: no tasks.
    """

    usual: ClassVar[Schedule]
    kinds: ClassVar[int] = 2
    """Of observations."""
    reading: Reading = "logit"
    """What the policy's numbers are."""

    def __init__(self, cells: Cells, how: Schedule | None = None) -> None:
        self._how = how or self.usual
        super().__init__(cells, self._how.updates)
        # SB3's orthogonal weights: of length .01 to the policy, of length 1 to the value
        self.policy = 0.01 * self._unit_rows()
        self.value = self._unit_rows()
        self._policy_adam, self._value_adam = Adam(self.policy.shape), Adam(self.value.shape)

    def policies(self) -> list[Whole]:
        """What each cell has learnt so far."""
        return [Table.of(row, self.reading) for row in self.policy]

    def _learn(self, lessons: Sequence[Lesson], policy_rate: float, value_rate: float) -> None:
        """Go through the minibatches; each is one step of Adam on policy and value."""
        for _ in range(self._how.epochs):
            for lesson in lessons:
                slope = lesson.slope(read(self.policy, lesson.at))
                miss = lesson.miss(read(self.value, lesson.at))
                down = spread(slope, lesson.at, self.policy)
                self.policy += self._policy_adam.step(down, policy_rate)
                down = spread(miss, lesson.at, self.value)
                self.value += self._value_adam.step(down, value_rate)

    def _unit_rows(self) -> Array:
        """A random direction for each cell."""
        drawn = np.stack([rng.standard_normal(self.kinds * KNOTS) for rng in self._rngs])
        return drawn / np.sqrt((drawn**2).sum(axis=-1, keepdims=True))

    def _parts(self) -> list[slice]:
        """The minibatches of an update: each a share of its tasks."""
        count = min(self._how.minibatches, self._batch)
        edges = [self._batch * k // count for k in range(count + 1)]
        return [slice(*ends) for ends in pairwise(edges)]

    def _answer(self, kind: Any, cascade: Any) -> Array:
        """Every cell's chance of leaving, at n observations of a kind and s: (cells, n)."""
        return answers(self.policy, self.reading, kind, cascade)


class _Deciding(_Learner):
    """Users who decide after each failed pass; see `_Learner`."""

    usual = DECIDES

    def _update(self, progress: float) -> None:
        route, cascade = self._world.offer(self._batch)
        lessons = [
            Chosen.of(self.policy, self.value, batch, self._how.clip)
            for batch in self._decisions(route, cascade)
        ]
        rate = falling(self._how.rate, progress)
        # a logit of leaving is the difference of two of SB3's, and each of these moves by the rate
        self._learn(lessons, 2 * rate, rate)

    def _decisions(self, route: Any, cascade: Array) -> list[Decisions]:
        """Play tasks, and give what was decided in each minibatch of them."""
        raise NotImplementedError


class StackedPPOUser(_Deciding):
    """The paper's user, step by step: sees (i, s) after each failure and stays or leaves."""

    def abandon(self, route: Any, cascade: Any) -> Array:
        """The learned q(i, s), a row for each cell."""
        return self._answer(kind_of(route), cascade)

    def _decisions(self, route: Any, cascade: Array) -> list[Decisions]:
        at = places(route - 1, coordinate(cascade), self.kinds)
        q, _ = chances(read(self.policy, at))
        n1, n2, solved = self._world.play(route, cascade, q)
        t1, t2 = self._times
        stays = n1 + n2 - 1.0
        # j - 1 decisions to stay lead to the j-th pass
        waited = t1 * (n1 * (n1 - 1.0) / 2) + t2 * (n2 * (n1 + (n2 - 1.0) / 2))
        worth = solved - waited / np.maximum(stays, 1.0)
        columns = at.low, at.share, stays, worth, 1.0 - solved
        return [_decided(columns, part) for part in self._parts()]


class StackedPPOModelUser(_Deciding):
    """A user who also sees the model that has just failed."""

    kinds = 4

    def abandon_after(self, route: Any, cascade: Any, model: int) -> Array:
        """The learned chance of leaving after this model has failed, a row for each cell."""
        return self._answer(kind_of(route, model), cascade)

    def _decisions(self, route: Any, cascade: Array) -> list[Decisions]:
        place = coordinate(cascade)
        at1, at2 = (places(kind_of(route, model), place, self.kinds) for model in (1, 2))
        (q1, _), (q2, _) = (chances(read(self.policy, at)) for at in (at1, at2))
        n1, n2, solved = self._world.play(route, cascade, q1, q2)
        t1, t2 = self._times
        more1, more2 = np.maximum(n1 - 1.0, 0.0), np.maximum(n2 - 1.0, 0.0)
        stays1 = more1 + ((n1 > 0) & (n2 > 0))  # the last of them led to M2
        worth1 = solved - t2 * n2 - t1 * (n1 * more1 / 2) / np.maximum(stays1, 1.0)
        worth2 = solved - t2 * (n2 / 2)
        left = 1.0 - solved
        after1 = at1.low, at1.share, stays1, worth1, left * (n2 == 0)
        after2 = at2.low, at2.share, more2, worth2, left * (n2 > 0)
        return [_decided(after1, part, after2) for part in self._parts()]


Columns = tuple[Any, ...]
"""Low knot, share, stays, worth and left, each (cells, n)."""


def _decided(columns: Columns, part: slice, more: Columns | None = None) -> Decisions:
    """The decisions of some of the tasks, of two kinds one after the other."""
    low, share, *rest = (
        np.concatenate([x[:, part] for x in both], axis=-1)
        for both in zip(columns, *([more] if more else []), strict=True)
    )
    return Decisions(Places(low, share), *rest)


class StackedPPOAnswerUser(_Learner):
    """The paper's user as it is defined: sees (i, s), answers with q.

    Its policy is a Gaussian over the box [-1, 1] whose noise falls on schedule. The mean is kept
    inside the box: outside of it every answer is the same, and no gradient would lead back.
    """

    usual = ANSWERS
    reading = "point"

    def abandon(self, route: Any, cascade: Any) -> Array:
        """The mean answers, a row for each cell."""
        return self._answer(kind_of(route), cascade)

    def _update(self, progress: float) -> None:
        rate, noise = (falling(ends, progress) for ends in (self._how.rate, self._how.noise))
        np.clip(self.policy, -1.0, 1.0, out=self.policy)
        route, cascade = self._world.offer(self._batch)
        at = places(route - 1, coordinate(cascade), self.kinds)
        mean = read(self.policy, at)
        action = mean + noise * np.stack([r.standard_normal(self._batch) for r in self._rngs])
        n1, n2, solved = self._world.play(route, cascade, to_chance(np.clip(action, -1.0, 1.0)))
        utility = solved - (self._times.standard * n1 + self._times.reasoning * n2)
        columns = at.low, at.share, action, mean, utility
        lessons = []
        for part in self._parts():
            low, share, *rest = (np.ascontiguousarray(x[:, part]) for x in columns)
            batch = Answers(Places(low, share), *rest)
            lessons.append(Answered.of(self.value, batch, noise, self._how.clip))
        self._learn(lessons, rate, rate)
