"""Gaussian policies, many in one array, and two ways to improve them: PPO and A2C.

A row is a policy of its own: a Gaussian over actions whose mean is learned, and a value, the reward
that it expects. The update is stable-baselines3's, in closed form: advantages normalised, the
gradient of mean and value together clipped to a norm, a step of Adam. A test holds single updates
to theirs. No row looks at another, and sums run along the last axis alone, so that a row is the
same, bit by bit, in whatever company.

SB3's mean is the sum of a bias and of a weight on an observation that is always 1, and so is its
value. Both parts get the same gradient and take the same step. Here only the sum is kept: it moves
by two steps, and its gradient counts twice in the norm.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from routing_game.agents.stacked import Array

PARTS = 2
"""Of a mean and of a value: a bias, and a weight on a constant observation."""
VALUE_WEIGHT = 0.5
"""Of the value's loss beside the policy's."""
GRADIENT_NORM = 0.5
"""The longest gradient that is left as it is."""


class Adam:
    """Steps of Adam (Kingma and Ba 2015), one for each entry.

    Args:
        shape: of the parameters.
        least: added to the root mean square of a gradient; 1e-5 in SB3's policies, 1e-8 in torch.
        dtype: of the parameters.
    """

    decay = (0.9, 0.999)

    def __init__(
        self, shape: tuple[int, ...], least: float = 1e-5, dtype: DTypeLike = np.float64
    ) -> None:
        self._mean, self._square = np.zeros(shape, dtype), np.zeros(shape, dtype)
        self._least, self._steps = least, 0

    def step(self, gradient: NDArray[Any], rate: float) -> NDArray[Any]:
        """What to add to parameters with this gradient of their loss, shape as at the start."""
        first, second = self.decay
        self._steps += 1
        self._mean += (1.0 - first) * (gradient - self._mean)
        self._square += (1.0 - second) * (gradient**2 - self._square)
        mean = self._mean / (1.0 - first**self._steps)
        square = self._square / (1.0 - second**self._steps)
        return np.asarray(-rate * mean / (np.sqrt(square) + self._least))


@dataclass
class Policies:
    """Gaussians with one noise, each row with what it has learned.

    Attributes:
        mean: of the actions, shape (rows, d).
        value: the reward expected, shape (rows,).
        adam: of (mean, value), shape (rows, d + 1).
    """

    mean: Array
    value: Array
    adam: Adam

    @classmethod
    def at(cls, mean: Array, value: Array) -> "Policies":
        """Policies that have taken no step."""
        rows, d = mean.shape
        return cls(mean, value, Adam((rows, d + 1)))


class Improve(Protocol):
    """One update of all rows."""

    def __call__(
        self, policies: Policies, actions: Array, rewards: Array, noise: float, rate: float
    ) -> None:
        """Move means and values, in place.

        Args:
            policies: which drew the actions.
            actions: shape (rows, d, n).
            rewards: shape (rows, n).
            noise: standard deviation that the actions were drawn with.
            rate: of Adam.
        """
        ...


@dataclass(frozen=True)
class PPO:
    """Proximal policy optimisation (Schulman et al. 2017): some steps on a clipped surrogate.

    Attributes:
        epochs: steps on the same actions.
        clip: how far from 1 the ratio of chances may go before it stops to pull.
    """

    epochs: int = 2
    clip: float = 0.2

    def __call__(
        self, policies: Policies, actions: Array, rewards: Array, noise: float, rate: float
    ) -> None:
        """See `Improve`."""
        advantage = _normalised(rewards - policies.value[:, None])
        before = policies.mean.copy()
        for _ in range(self.epochs):
            moved = (policies.mean - before)[..., None]
            middle = (0.5 * (policies.mean + before))[..., None]
            ratio = np.exp(_over_coordinates(moved * (actions - middle)) / noise**2)
            gain = advantage > 0
            pulls = np.where(gain, ratio <= 1.0 + self.clip, ratio >= 1.0 - self.clip)
            _descend(policies, actions, rewards, advantage * ratio * pulls, noise, rate)


@dataclass(frozen=True)
class A2C:
    """Advantage actor-critic (Mnih et al. 2016), synchronous: one step on the plain gradient."""

    def __call__(
        self, policies: Policies, actions: Array, rewards: Array, noise: float, rate: float
    ) -> None:
        """See `Improve`."""
        advantage = _normalised(rewards - policies.value[:, None])
        _descend(policies, actions, rewards, advantage, noise, rate)


ALGORITHMS: dict[str, Improve] = {"ppo": PPO(), "a2c": A2C()}
"""By name."""


def _descend(
    policies: Policies, actions: Array, rewards: Array, weight: Array, noise: float, rate: float
) -> None:
    """One step on -E weight log pi + VALUE_WEIGHT E (reward - value)^2."""
    pull = weight[:, None] * (actions - policies.mean[..., None])
    of_mean = -pull.mean(axis=-1) / noise**2
    miss = policies.value - rewards.mean(axis=-1)
    gradient = np.concatenate([of_mean, 2.0 * VALUE_WEIGHT * miss[:, None]], axis=1)
    norm = np.sqrt(PARTS * _over_coordinates(gradient**2))
    gradient *= np.minimum(1.0, GRADIENT_NORM / (norm + 1e-6))[:, None]
    step = PARTS * policies.adam.step(gradient, rate)
    policies.mean += step[:, :-1]
    policies.value += step[:, -1]


def _normalised(advantage: Array) -> Array:
    """Mean 0 and spread 1 in each row; all 0 where there is no spread."""
    centred = advantage - advantage.mean(axis=-1, keepdims=True)
    spread = advantage.std(axis=-1, ddof=1, keepdims=True)
    return np.asarray(centred / (spread + 1e-8))


def _over_coordinates(x: Array) -> Array:
    """Sum over axis 1, in its order, so that it does not depend on the number of rows."""
    return np.asarray(sum(x[:, k] for k in range(x.shape[1])))
