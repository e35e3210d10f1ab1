"""Critics of many learners side by side: networks of one hidden layer, trained with Adam.

A task is one step, so nothing is bootstrapped: a critic learns the mean reward of an action, from
minibatches, by least squares. Its action is one number in [-1, 1], the place in a window. Units are
tanh, and their steps begin evenly spread over the window: from the first update on a cliff
anywhere in it can be seen.

Gradients are written out. All arrays have a first axis of rows, each a learner of its own with its
own weights; products are of matrices inside a row, never across.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from routing_game.agents.policy_gradient import Adam

Floats = NDArray[np.floating]
"""Of float32, as everywhere in deep learning, unless the weights are given in float64."""


class Weights:
    """Weights that descend by Adam, with torch's constants; the array itself is changed."""

    def __init__(self, weights: Floats) -> None:
        self.weights = weights
        self._adam = Adam(weights.shape, least=1e-8, dtype=weights.dtype)

    def descend(self, gradient: Floats, rate: float) -> None:
        """One step downhill, in place."""
        self.weights += self._adam.step(gradient, rate)


class Twins:
    """Two critics of each row, Q(a) = b + sum_j w_j tanh(u_j a + c_j), on the same minibatches.

    Args:
        inner: u and c, shape (rows, 2, units, 2).
        outer: w, shape (rows, 2, 1, units).
        bias: b, shape (rows, 2, 1, 1).
    """

    def __init__(self, inner: Floats, outer: Floats, bias: Floats) -> None:
        self._parts = [Weights(inner), Weights(outer), Weights(bias)]

    @classmethod
    def spread(cls, uniform: Floats) -> Twins:
        """Flat at first; the steps of their units spread over [-1, 1], each moved by chance.

        Args:
            uniform: random numbers on [0, 1), shape (rows, 2, units); the twins' own.
        """
        rows, twins, units = uniform.shape
        at = 1.1 * (2 * (np.arange(units) + uniform) / units - 1)
        steep = np.full_like(at, units / 3)
        inner = np.stack([steep, -steep * at], axis=-1).astype(np.float32)
        outer = np.zeros((rows, twins, 1, units), np.float32)
        return cls(inner, outer, np.zeros((rows, twins, 1, 1), np.float32))

    @property
    def weights(self) -> tuple[Floats, Floats, Floats]:
        """`inner`, `outer` and `bias` as they are now."""
        inner, outer, bias = (part.weights for part in self._parts)
        return inner, outer, bias

    def values(self, actions: Floats) -> Floats:
        """Q of actions (rows, n): shape (rows, 2, n)."""
        values, _ = self._forward(actions)
        return values

    def slopes(self, actions: Floats) -> tuple[Floats, Floats]:
        """Q and dQ/da of actions (rows, n): each of shape (rows, 2, n)."""
        inner, outer, _ = self.weights
        values, hidden = self._forward(actions)
        chain = outer * inner[..., 0][:, :, None]
        slopes = chain.sum(axis=-1, keepdims=True) - chain @ np.square(hidden, out=hidden)
        return values, slopes[:, :, 0]

    def learn(self, actions: Floats, rewards: Floats, rate: float) -> None:
        """A step of Adam on a minibatch's mean squared error, actions and rewards (rows, n)."""
        for part, gradient in zip(self._parts, self.gradients(actions, rewards), strict=True):
            part.descend(gradient, rate)

    def gradients(self, actions: Floats, rewards: Floats) -> tuple[Floats, Floats, Floats]:
        """Of the mean squared error, by `inner`, `outer` and `bias`."""
        values, hidden = self._forward(actions)
        error = (values - rewards[:, None]) * actions.dtype.type(2 / actions.shape[-1])
        # d tanh = 1 - tanh^2: both sums over the minibatch are products with (error * a, error)
        by = np.stack([error * actions[:, None], error], axis=-1)
        total = by.sum(axis=-2)[:, :, None]
        _, outer, _ = self.weights
        by_outer = np.swapaxes((hidden @ by)[..., 1:], -1, -2)
        np.square(hidden, out=hidden)
        by_inner = np.swapaxes(outer, -1, -2) * (total - hidden @ by)
        return by_inner, by_outer, total[..., 1:]

    def _forward(self, actions: Floats) -> tuple[Floats, Floats]:
        """Q, (rows, 2, n), and what the hidden units say, (rows, 2, units, n)."""
        inner, outer, bias = self.weights
        seen = np.stack([actions, np.ones_like(actions)], axis=1)[:, None]
        hidden = inner @ seen
        np.tanh(hidden, out=hidden)
        return (outer @ hidden + bias)[:, :, 0], hidden
