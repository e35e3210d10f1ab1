"""What users learn from by PPO: minibatches of decisions or answers, with the slopes of its loss.

Users are those of `stacked_ppo_users`. Gradients are written out; advantages, old chances and where
the clip begins, which stay while a minibatch is gone through again and again, are worked out once.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from routing_game.agents.hats import Places, read
from routing_game.agents.stacked import Array
from routing_game.agents.tables import chances


class Lesson(Protocol):
    """A minibatch, with what stays the same while it is learned from."""

    @property
    def at(self) -> Places:
        """Where it reads policy and value, shape (cells, n)."""
        ...

    def slope(self, policy: Array) -> Array:
        """Of PPO's loss in what was read of the policy, shape (cells, n)."""
        ...

    def miss(self, value: Array) -> Array:
        """The slope of half the mean squared error of the values, shape (cells, n)."""
        ...


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


class Chosen(NamedTuple):
    """A minibatch of decisions; each (cells, n). A `Lesson` in logits of leaving.

    PPO's loss is the mean of -min(r A, clip(r) A) over the decisions, r the ratio of the chances of
    what was done, now and when it was done, A its normalised advantage. It has a slope in the logit
    while r <= 1 + clip where A > 0, and while r >= 1 - clip where A < 0.
    """

    at: Places
    stay: Array
    """Number of stays, times A, over their old chance and the number of decisions."""
    stay_up: Array
    """The sign of A."""
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
    def of(cls, policy: Array, value: Array, batch: Decisions, clip: float) -> Chosen:
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

    def slope(self, policy: Array) -> Array:
        """See `Lesson`."""
        leaving, staying = chances(policy)
        stay = self.stay * (self.stay_up * (staying - self.stay_edge) <= 0)
        leave = self.leave * (self.leave_up * (leaving - self.leave_edge) <= 0)
        return np.asarray(leaving * staying * (stay - leave))

    def miss(self, value: Array) -> Array:
        """See `Lesson`."""
        return np.asarray(self.weight * value - self.returns)


class Answers(NamedTuple):
    """What users answered, each (cells, n)."""

    at: Places
    """What they saw."""
    action: Array
    """The answer, a point of the line on which [-1, 1] means q in [0, 1]."""
    mean: Array
    """Around which it was drawn."""
    utility: Array
    """Of the task, in units of V."""


class Answered(NamedTuple):
    """A minibatch of answers; arrays are (cells, n). A `Lesson` in means; see `Chosen`."""

    at: Places
    action: Array
    noise: float
    """Standard deviation of the answers."""
    before: Array
    """Half the squared distance of an answer from its mean then, in units of the noise."""
    gain: Array
    """A over the noise and the number of answers."""
    up: Array
    """The sign of A."""
    edge: Array
    """The sign, times the logarithm of the ratio at which the slope ends."""
    returns: Array
    """Utility over the number of answers."""

    @classmethod
    def of(cls, value: Array, batch: Answers, noise: float, clip: float) -> Answered:
        """From answers that were drawn with this noise, with this value as baseline."""
        at, action, mean, utility = batch
        n = action.shape[-1]
        advantage = utility - read(value, at)
        advantage = advantage - advantage.mean(axis=-1, keepdims=True)
        square = (advantage**2).sum(axis=-1, keepdims=True)
        scale = n * (np.sqrt(square / max(n - 1, 1)) + 1e-8)
        up = np.sign(advantage)
        return cls(
            at,
            action,
            noise,
            ((action - mean) / noise) ** 2 / 2,
            advantage / (scale * noise),
            up,
            up * np.log1p(clip * up),
            utility / n,
        )

    def slope(self, policy: Array) -> Array:
        """See `Lesson`."""
        away = (self.action - policy) / self.noise
        log = self.before - away**2 / 2
        return np.asarray(-self.gain * away * np.exp(log) * (self.up * log <= self.edge))

    def miss(self, value: Array) -> Array:
        """See `Lesson`."""
        return np.asarray(value / value.shape[-1] - self.returns)
