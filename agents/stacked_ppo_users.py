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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from routing_game.agents.hats import KNOTS, Places, places, read, spread
from routing_game.agents.stacked import Array
from routing_game.agents.stacked_users import Adam, Ends, Tasks, Times, falling
from routing_game.box import to_chance
from routing_game.theory.numbers import require

FAR = 500.0
"""Logits beyond it are as good as it, and their exponentials are finite."""


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
DECIDES = Schedule(updates=60, rate=(0.1, 0.005))
# Whole tasks are noisier than decisions, and wide noise, as it is the answers far apart that differ
ANSWERS = Schedule(updates=160, rate=(0.3, 0.01), noise=(1.0, 0.5))


class Decisions(NamedTuple):
    """What users did at their observations, each (cells, n): stay many times, leave at most once.

    The return of leaving is 0.
    """

    at: Places
    """What they saw."""
    stays: Array
    """How often they stayed."""
    worth: Array
    """The mean return of staying, in units of V; any number where there was none."""
    left: Array
    """1 where they left, else 0."""


class _Learner:
    """Policy and value, and how they fall on a schedule."""

    def __init__(self, kinds: int, world: Tasks, times: Times, tasks: int, how: Schedule) -> None:
        require(tasks >= 1, "tasks", tasks, "be at least 1")
        self._world, self._times, self._how, self._kinds = world, times, how, kinds
        self._updates = min(how.updates, tasks)
        self._batch = tasks // self._updates
        shape = len(times.standard), kinds * KNOTS
        self.policy, self.value = np.zeros(shape), np.zeros(shape)
        self._policy_adam, self._value_adam = Adam(shape), Adam(shape)

    def train(self) -> Iterator[int]:
        """Train; after each update yield the number of tasks of each cell so far."""
        for update in range(self._updates):
            self._update(update / max(self._updates - 1, 1))
            yield (update + 1) * self._batch

    def _update(self, progress: float) -> None:
        raise NotImplementedError

    def _parts(self) -> list[slice]:
        """The minibatches of an update: a share of its tasks each."""
        edges = np.linspace(0, self._batch, min(self._how.minibatches, self._batch) + 1).astype(int)
        return [slice(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)]

    def _see(self, route: Any, cascade: Any) -> Places:
        """Where every cell reads the answers to commitments (n,)."""
        route, cascade = np.broadcast_arrays(route, cascade)
        rows = len(self.policy)
        s = np.tile(np.asarray(cascade, dtype=np.float64).ravel(), (rows, 1))
        return places(route.ravel() - 1, s, self._kinds)


class _Deciding(_Learner):
    """Users who decide after each failed pass."""

    def _update(self, progress: float) -> None:
        route, cascade = self._world.offer(self._batch)
        lessons = [
            Lesson.of(self.policy, self.value, batch, self._how.clip)
            for batch in self._decisions(route, cascade)
        ]
        rate = falling(self._how.rate, progress)
        for _ in range(self._how.epochs):
            for lesson in lessons:
                self._learn(lesson, rate)

    def _learn(self, lesson: Lesson, rate: float) -> None:
        """One step of Adam on each of policy and value."""
        slope = spread(lesson.slope(read(self.policy, lesson.at)), lesson.at, self.policy)
        # a logit of leaving is the difference of two of SB3's, and each moves by the rate
        self._policy_adam.step(self.policy, slope, 2 * rate)
        miss = lesson.miss(read(self.value, lesson.at))
        self._value_adam.step(self.value, spread(miss, lesson.at, self.value), rate)

    def _decisions(self, route: Any, cascade: Array) -> list[Decisions]:
        """Play tasks, and give what was decided in each minibatch of them."""
        raise NotImplementedError


class Lesson(NamedTuple):
    """A minibatch of decisions with what stays the same while it is learned from; each (cells, n).

    PPO's loss is the mean of -min(r A, clip(r) A) over the decisions, r the ratio of the chances of
    what was done, now and when it was done, A its normalised advantage. It has a slope in the logit
    while r <= 1 + clip where A > 0, and while r >= 1 - clip where A < 0.
    """

    at: Places
    stay: Array
    """Number of stays, times A, over their old chance and the number of decisions."""
    stay_up: Array
    """1 where A > 0, else -1."""
    stay_edge: Array
    """The chance of staying at which the slope ends."""
    leave: Array
    leave_up: Array
    leave_edge: Array
    weight: Array
    """Decisions of each entry, as a share of all."""
    returns: Array
    """The same, times their mean return."""

    @classmethod
    def of(cls, policy: Array, value: Array, batch: Decisions, clip: float) -> Lesson:
        """From decisions that were made by this policy, with this value as baseline."""
        at, stays, worth, left = batch
        leaving, staying = chances(read(policy, at))
        baseline = read(value, at)
        count = (stays + left).sum(axis=-1, keepdims=True)
        total = np.maximum(count, 1.0)
        stay, leave = worth - baseline, -baseline
        mean = (stays * stay + left * leave).sum(axis=-1, keepdims=True) / total
        stay, leave = stay - mean, leave - mean
        square = (stays * stay**2 + left * leave**2).sum(axis=-1, keepdims=True)
        scale = total * (np.sqrt(square / np.maximum(count - 1, 1.0)) + 1e-8)
        stay_up, leave_up = np.sign(stay), np.sign(leave)
        return cls(
            at,
            stays * stay / (scale * staying),
            stay_up,
            staying * (1 + clip * stay_up),
            left * leave / (scale * leaving),
            leave_up,
            leaving * (1 + clip * leave_up),
            (stays + left) / total,
            stays * worth / total,
        )

    def slope(self, logit: Array) -> Array:
        """Of PPO's loss in the logits of leaving, shape (cells, n)."""
        leaving, staying = chances(logit)
        stay = self.stay * (self.stay_up * (staying - self.stay_edge) <= 0)
        leave = self.leave * (self.leave_up * (leaving - self.leave_edge) <= 0)
        return np.asarray(leaving * staying * (stay - leave))

    def miss(self, value: Array) -> Array:
        """The slope of half the mean squared error of the values, shape (cells, n)."""
        return np.asarray(self.weight * value - self.returns)


def chances(logit: Array) -> tuple[Array, Array]:
    """The chances of leaving and of staying; neither is taken from 1."""
    odds = np.exp(np.minimum(logit, FAR))
    staying = 1 / (1 + odds)
    return odds * staying, staying


class StackedPPOUser(_Deciding):
    """The paper's user, step by step: sees (i, s) after each failure and stays or leaves.

    Args:
        world: plays tasks.
        times: of the cells.
        tasks: practice of each cell, at most.
        how: it trains.
    """

    def __init__(
        self, world: Tasks, times: Times, tasks: int, how: Schedule = DECIDES
    ) -> None:
        super().__init__(2, world, times, tasks, how)

    def abandon(self, route: Any, cascade: Any) -> Array:
        """The learned q(i, s), a row for each cell."""
        return chances(read(self.policy, self._see(route, cascade)))[0]

    def _decisions(self, route: Any, cascade: Array) -> list[Decisions]:
        at = places(route - 1, cascade, self._kinds)
        q, _ = chances(read(self.policy, at))
        n1, n2, solved = self._world.play(route, cascade, q)
        t1, t2 = self._times
        passes = n1 + n2
        stays = passes - 1.0
        # the j-th pass is ahead of j - 1 decisions to stay
        waited = t1 * (n1 * (n1 - 1) / 2) + t2 * (n2 * n1 + n2 * (n2 - 1) / 2)
        worth = solved - waited / np.maximum(stays, 1.0)
        left = 1.0 - solved
        return [
            Decisions(at.part(part), *(np.ascontiguousarray(x[:, part]) for x in (stays, worth, left)))
            for part in self._parts()
        ]


class StackedPPOModelUser(_Deciding):
    """A user who also sees the model that has just failed; made as `StackedPPOUser` is."""

    def __init__(
        self, world: Tasks, times: Times, tasks: int, how: Schedule = DECIDES
    ) -> None:
        super().__init__(4, world, times, tasks, how)

    def abandon_after(self, route: Any, cascade: Any, model: int) -> Array:
        """The learned chance of leaving after this model has failed, a row for each cell."""
        route = 2 * np.asarray(route) + model - 2
        return chances(read(self.policy, self._see(route, cascade)))[0]

    def _decisions(self, route: Any, cascade: Array) -> list[Decisions]:
        after_1, after_2 = (
            places(2 * (route - 1) + model, cascade, self._kinds) for model in (0, 1)
        )
        (q1, _), (q2, _) = (chances(read(self.policy, at)) for at in (after_1, after_2))
        n1, n2, solved = self._world.play(route, cascade, q1, q2)
        t1, t2 = self._times
        escalated = (n1 > 0) & (n2 > 0)
        stays_1 = np.maximum(n1 - 1.0, 0.0) + escalated
        worth_1 = solved - t2 * n2 - t1 * (n1 * (n1 - 1) / 2) / np.maximum(stays_1, 1.0)
        stays_2 = np.maximum(n2 - 1.0, 0.0)
        worth_2 = solved - t2 * n2 / 2
        left_1, left_2 = (1.0 - solved) * (n2 == 0), (1.0 - solved) * (n2 > 0)
        both = [(after_1.low, after_2.low), (after_1.share, after_2.share)]
        both += [(stays_1, stays_2), (worth_1, worth_2), (left_1, left_2)]
        batches = []
        for part in self._parts():
            low, share, *rest = (
                np.concatenate([x[:, part], y[:, part]], axis=-1) for x, y in both
            )
            batches.append(Decisions(Places(low, share), *rest))
        return batches


class StackedPPOAnswerUser(_Learner):
    """The paper's user as it is defined: sees (i, s), answers with q.

    Its policy is a Gaussian over the box [-1, 1] whose noise falls on schedule. The mean is kept
    inside the box: outside of it every answer is the same, and no gradient would lead back.

    Args:
        world: plays tasks.
        times: of the cells.
        tasks: practice of each cell, at most.
        rngs: draw the answers, one for each cell.
        how: it trains.
    """

    def __init__(
        self,
        world: Tasks,
        times: Times,
        tasks: int,
        rngs: Sequence[np.random.Generator],
        how: Schedule = ANSWERS,
    ) -> None:
        super().__init__(2, world, times, tasks, how)
        self._rngs = list(rngs)

    def abandon(self, route: Any, cascade: Any) -> Array:
        """The mean answers, a row for each cell."""
        mean = np.clip(read(self.policy, self._see(route, cascade)), -1.0, 1.0)
        return np.asarray(to_chance(mean), dtype=np.float64)

    def _update(self, progress: float) -> None:
        how, rate, noise = self._how, falling(self._how.rate, progress), falling(self._how.noise, progress)
        np.clip(self.policy, -1.0, 1.0, out=self.policy)
        route, cascade = self._world.offer(self._batch)
        at = places(route - 1, cascade, self._kinds)
        drawn = np.stack([rng.standard_normal(self._batch) for rng in self._rngs])
        action = read(self.policy, at) + noise * drawn
        q = to_chance(np.clip(action, -1.0, 1.0))
        n1, n2, solved = self._world.play(route, cascade, q)
        utility = solved - (self._times.standard * n1 + self._times.reasoning * n2)
        lessons = [
            Answers.of(self.value, at.part(part), action[:, part], drawn[:, part], noise, utility[:, part], how.clip)
            for part in self._parts()
        ]
        for _ in range(how.epochs):
            for lesson in lessons:
                slope = lesson.slope(read(self.policy, lesson.at))
                self._policy_adam.step(self.policy, spread(slope, lesson.at, self.policy), rate)
                miss = lesson.miss(read(self.value, lesson.at))
                self._value_adam.step(self.value, spread(miss, lesson.at, self.value), rate)


class Answers(NamedTuple):
    """A minibatch of answers with what stays the same while it is learned from; each (cells, n).

    The ratio r of densities is exp((d0^2 - d^2) / 2) where d is the answer's distance from the mean
    in units of the noise, d0 the distance when it was drawn.
    """

    at: Places
    action: Array
    noise: float
    half: Array
    """d0^2 / 2."""
    gain: Array
    """A over the noise and the number of answers."""
    up: Array
    edge: Array
    """up times the logarithm of the ratio at which the slope ends."""
    utility: Array

    @classmethod
    def of(
        cls, value: Array, at: Places, action: Array, drawn: Array, noise: float, utility: Array, clip: float
    ) -> Answers:
        """From answers that are `drawn` standard deviations above the mean."""
        n = action.shape[-1]
        advantage = utility - read(value, at)
        advantage = advantage - advantage.mean(axis=-1, keepdims=True)
        square = (advantage**2).sum(axis=-1, keepdims=True)
        scale = n * (np.sqrt(square / max(n - 1, 1)) + 1e-8)
        up = np.sign(advantage)
        return cls(
            at,
            np.ascontiguousarray(action),
            noise,
            drawn**2 / 2,
            advantage / (scale * noise),
            up,
            up * np.log1p(clip * up),
            np.ascontiguousarray(utility) / n,
        )

    def slope(self, mean: Array) -> Array:
        """Of PPO's loss in the means, shape (cells, n)."""
        away = (self.action - mean) / self.noise
        log = self.half - away**2 / 2
        return np.asarray(-self.gain * away * np.exp(log) * (self.up * log <= self.edge))

    def miss(self, value: Array) -> Array:
        """The slope of half the mean squared error of the values, shape (cells, n)."""
        return np.asarray(value / value.shape[-1] - self.utility)
