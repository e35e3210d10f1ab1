"""TD3, SAC and DQN on one window of places, many rows side by side.

A row is one cell's learner in one of its windows; it acts on [-1, 1], the window. A task is one
step, so what a bootstrapped target would be is the reward itself; target networks have nothing to
do and are left out. What else makes each of them is there:

- `TD3` (Fujimoto et al. 2018): twin critics, a deterministic actor that follows the first of them
  at every second update, Gaussian exploration. The noise that smooths a target's action, so that
  no narrow peak of a critic is believed, smooths the actor's here.
- `SAC` (Haarnoja et al. 2018): twin critics, a squashed Gaussian actor that follows the lesser of
  them and its own entropy, by the reparameterised gradient.
- `DQN` (Mnih et al. 2015): values of a list of actions, epsilon-greedy, the Huber loss.

An actor climbs the hill on which it stands. So each row has a few, spread over the window, that
share critics and buffer and explore in turn. Where they end are the candidates that a row proposes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from routing_game.agents.critics import Floats, Twins, Weights
from routing_game.agents.plain import Ends, falling

ACTORS = 4
"""Of a row, in TD3 and SAC."""


class Draws:
    """Random numbers for rows, float32; a cell's rows draw from its own generator.

    Args:
        rngs: one for each cell.
        windows: rows of each cell.
    """

    def __init__(self, rngs: Sequence[np.random.Generator], windows: int) -> None:
        self._rngs, self._windows = rngs, windows
        self.rows = len(rngs) * windows

    def uniform(self, *shape: int) -> Floats:
        """On [0, 1), shape (rows, *shape)."""
        drawn = [rng.random((self._windows, *shape), dtype=np.float32) for rng in self._rngs]
        return np.concatenate(drawn)

    def normal(self, *shape: int) -> Floats:
        """Standard normal, shape (rows, *shape)."""
        size = (self._windows, *shape)
        return np.concatenate([rng.standard_normal(size, dtype=np.float32) for rng in self._rngs])


class Buffer:
    """All that rows have tried so far: actions and their rewards."""

    def __init__(self, rows: int, size: int) -> None:
        self._actions, self._rewards = np.zeros((2, rows, size), np.float32)
        self._filled = 0

    def add(self, actions: Floats, rewards: Floats) -> None:
        """Add as many to each row, arrays of shape (rows, n)."""
        end = self._filled + actions.shape[1]
        self._actions[:, self._filled : end] = actions
        self._rewards[:, self._filled : end] = rewards
        self._filled = end

    def sample(self, uniform: Floats) -> tuple[Floats, Floats]:
        """Actions and rewards drawn with replacement, by random numbers on [0, 1), (rows, n)."""
        at = np.minimum((uniform * np.float32(self._filled)).astype(np.intp), self._filled - 1)
        actions, rewards = (
            np.take_along_axis(x, at, axis=1) for x in (self._actions, self._rewards)
        )
        return actions, rewards

    def tells_apart(self, errors: float) -> NDArray[np.bool_]:
        """Whether some third of the window is worse than another by so many standard errors.

        Shape (rows,). It needs no critic, so it cannot be deceived by one.
        """
        actions = self._actions[:, : self._filled]
        rewards = self._rewards[:, : self._filled].astype(np.float64)
        third = np.minimum((1.5 * (actions + 1)).astype(np.intp), 2)
        mean, error = np.empty((2, 3, len(actions)))
        for k in range(3):
            count = np.maximum((third == k).sum(axis=1), 1)
            mean[k] = np.where(third == k, rewards, 0.0).sum(axis=1) / count
            off = np.where(third == k, rewards - mean[k][:, None], 0.0)
            error[k] = np.where(count > 1, np.square(off).sum(axis=1) / count**2, np.inf)
        gap = mean[:, None] - mean
        apart = gap > errors * np.sqrt(error[:, None] + error)
        return np.asarray(apart.any(axis=(0, 1)))


@dataclass(frozen=True)
class Learning:
    """How a learner learns in a window.

    Attributes:
        steps: updates of the critic for each batch of new tasks.
        minibatch: experiences in an update.
        rate: of the critic's Adam, first and last.
        noise: of exploration, first and last: of TD3 the standard deviation, of SAC the weight of
            entropy, of DQN the share of random actions.
        climb: rate of the actors' Adam.
        first: share of the updates in which actions are random and only the critic learns.
    """

    noise: Ends
    rate: Ends = (0.02, 0.0005)
    steps: int = 2
    minibatch: int = 512
    climb: float = 0.05
    first: float = 0.3


class Learner(Protocol):
    """Rows that learn, each in a window of its own."""

    tuned: ClassVar[Learning]
    spread: ClassVar[float]
    """So many standard deviations of the first costs in a window are a reward of 1."""

    def __init__(self, draws: Draws, learning: Learning) -> None:
        """Fresh weights for all rows."""
        ...

    def act(self, progress: float, n: int) -> Floats:
        """What to try next, exploration included, (rows, n); `progress` runs from 0 to 1."""
        ...

    def learn(self, buffer: Buffer, progress: float) -> None:
        """Learn from what was tried."""
        ...

    def candidates(self) -> Floats:
        """The actions that it finds best, (rows, count), the very best first."""
        ...


class _ActorCritic:
    """What TD3 and SAC share: twin critics, some actors for each row."""

    spread: ClassVar[float] = 1.0
    units: ClassVar[int] = 24
    """Hidden units of a critic."""

    def __init__(self, draws: Draws, learning: Learning) -> None:
        self._draws, self._learning = draws, learning
        self._critics = Twins.spread(draws.uniform(2, self.units))
        even = (2 * np.arange(ACTORS, dtype=np.float32) + 1) / ACTORS - 1
        self._means = Weights(np.tile(np.arctanh(even), (draws.rows, 1)))

    def act(self, progress: float, n: int) -> Floats:
        """Random at first; then each actor's in turn."""
        if progress < self._learning.first:
            return 2 * self._draws.uniform(n) - 1
        return self._explore(progress, self._draws.normal(ACTORS, n // ACTORS)).reshape(-1, n)

    def learn(self, buffer: Buffer, progress: float) -> None:
        """Some updates of the critics; the actors follow when the critics have learned a little."""
        rate = falling(self._learning.rate, progress)
        for step in range(self._learning.steps):
            uniform = self._draws.uniform(self._learning.minibatch)
            self._critics.learn(*buffer.sample(uniform), rate)
            if progress >= self._learning.first:
                self._improve(step, progress)

    def candidates(self) -> Floats:
        """The actors' own actions, best first by the lesser of the twins."""
        actions = np.tanh(self._means.weights)
        best = np.argsort(-self._critics.values(actions).min(axis=1), axis=1, kind="stable")
        return np.take_along_axis(actions, best, axis=1)

    def _explore(self, progress: float, normal: Floats) -> Floats:
        """Actions of each actor with noise, all (rows, actors, n)."""
        raise NotImplementedError

    def _improve(self, step: int, progress: float) -> None:
        """Let the actors follow the critics."""
        raise NotImplementedError


class TD3(_ActorCritic):
    """Deterministic actors that follow the first of two critics, with delay."""

    tuned: ClassVar[Learning] = Learning(noise=(0.5, 0.2))
    delay, smooth, near = 2, np.float32(0.1), 8
    """Critic updates for one of the actors; how far, and at how many points, slopes are smoothed.
    """

    def _explore(self, progress: float, normal: Floats) -> Floats:
        noise = falling(self._learning.noise, progress)
        return np.clip(np.tanh(self._means.weights)[..., None] + noise * normal, -1, 1)

    def _improve(self, step: int, progress: float) -> None:
        if step % self.delay:
            return
        actions = np.tanh(self._means.weights)
        normal = self._draws.normal(ACTORS, self.near)
        around = np.clip(actions[..., None] + self.smooth * normal, -1, 1)
        _, slopes = self._critics.slopes(around.reshape(len(actions), -1))
        # at the edge, where it was cut off, an action does not move with its actor
        slope = (slopes[:, 0].reshape(around.shape) * (np.abs(around) < 1)).mean(axis=-1)
        self._means.descend(-slope * (1 - np.square(actions)), self._learning.climb)


class SAC(_ActorCritic):
    """Squashed Gaussian actors that follow the lesser of two critics, and their entropy."""

    tuned: ClassVar[Learning] = Learning(noise=(0.05, 0.002))
    near = 16
    """Draws of an actor for a step."""

    def __init__(self, draws: Draws, learning: Learning) -> None:
        super().__init__(draws, learning)
        self._logs = Weights(np.full_like(self._means.weights, -1.0))

    def _explore(self, progress: float, normal: Floats) -> Floats:
        deviation = np.exp(self._logs.weights)[..., None]
        return np.tanh(self._means.weights[..., None] + deviation * normal)

    def _improve(self, step: int, progress: float) -> None:
        entropy = falling(self._learning.noise, progress)
        by_mean, by_log = self.gradients(self._draws.normal(ACTORS, self.near), entropy)
        self._means.descend(by_mean, self._learning.climb)
        self._logs.descend(by_log, self._learning.climb)
        np.clip(self._logs.weights, -5.0, 2.0, out=self._logs.weights)

    def gradients(self, normal: Floats, entropy: float) -> tuple[Floats, Floats]:
        """Of E[entropy * log pi(a) - min Q(a)] by mean and log deviation, (rows, actors).

        Args:
            normal: standard normal, (rows, actors, n); a = tanh(mean + deviation * normal).
            entropy: its weight, alpha.
        """
        deviation = np.exp(self._logs.weights)[..., None]
        actions = np.tanh(self._means.weights[..., None] + deviation * normal)
        values, slopes = self._critics.slopes(actions.reshape(len(actions), -1))
        lesser = values.argmin(axis=1)[:, None]
        slope = np.take_along_axis(slopes, lesser, axis=1).reshape(actions.shape)
        # log pi = -normal^2 / 2 - log deviation - log(1 - a^2)
        by_sum = 2 * entropy * actions - slope * (1 - np.square(actions))
        by_log = (by_sum * deviation * normal).mean(axis=-1) - entropy
        return by_sum.mean(axis=-1), by_log


class DQN:
    """Values of actions evenly spread over the window, found out epsilon-greedily.

    Rewards are smaller: the Huber loss is quadratic, so that values are means, only for errors
    below 1.
    """

    tuned: ClassVar[Learning] = Learning(noise=(1.0, 0.3), rate=(0.03, 0.0005))
    spread: ClassVar[float] = 10.0
    count: ClassVar[int] = 11
    """Actions in the list."""
    best: ClassVar[int] = 4
    """Candidates."""

    def __init__(self, draws: Draws, learning: Learning) -> None:
        self._draws, self._learning = draws, learning
        self._values = Weights(np.zeros((draws.rows, self.count), np.float32))
        self._grid = np.linspace(-1, 1, self.count, dtype=np.float32)

    def act(self, progress: float, n: int) -> Floats:
        """The action of the largest value, or at a falling rate any."""
        share = falling(self._learning.noise, progress)
        coin, any_ = np.moveaxis(self._draws.uniform(2, n), 1, 0)
        greedy = self._values.weights.argmax(axis=1)[:, None]
        random = np.minimum((self.count * any_).astype(np.intp), self.count - 1)
        return self._grid[np.where(coin < share, random, greedy)]

    def learn(self, buffer: Buffer, progress: float) -> None:
        """Some updates of the values."""
        rate = falling(self._learning.rate, progress)
        for _ in range(self._learning.steps):
            sampled = buffer.sample(self._draws.uniform(self._learning.minibatch))
            self._values.descend(self.gradient(*sampled), rate)

    def gradient(self, actions: Floats, rewards: Floats) -> Floats:
        """Of the mean Huber loss of a minibatch, by the values: (rows, count)."""
        chosen = np.rint((actions + 1) * ((self.count - 1) / 2)).astype(np.intp)
        error = np.take_along_axis(self._values.weights, chosen, axis=1) - rewards
        rows = len(actions)
        cell = chosen + self.count * np.arange(rows)[:, None]
        weight = np.clip(error, -1, 1).ravel()
        total = np.bincount(cell.ravel(), weight, rows * self.count)
        return (total / actions.shape[1]).reshape(rows, self.count).astype(np.float32)

    def candidates(self) -> Floats:
        """Those of the largest values."""
        order = np.argsort(-self._values.weights, axis=1, kind="stable")
        return self._grid[order[:, : self.best]]


LEARNERS: dict[str, type[Learner]] = {"td3": TD3, "sac": SAC, "dqn": DQN}
"""All of them by name."""
