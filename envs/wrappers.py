"""Commitments as points of a box, for learners whose actions must be one."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from routing_game.theory.game import check_commitment


def commitment_space() -> spaces.Tuple[Any]:
    """All commitments: a route in {1, 2} and a cascade probability in [0, 1]."""
    return spaces.Tuple((spaces.Discrete(2, start=1), spaces.Box(0.0, 1.0, (), np.float64)))


def from_box(action: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Routes and cascades, shape (...), of points in the box [-1, 1]^2, shape (..., 2)."""
    action = np.asarray(action, dtype=np.float64)
    return 1 + (action[..., 0] > 0), (action[..., 1] + 1) / 2


def to_box(route: ArrayLike, cascade: ArrayLike) -> NDArray[np.float32]:
    """Points of the box, shape (..., 2), that mean the commitments: the inverse of `from_box`.

    A box holds float32, so s comes back within 6e-8, not exactly. Beside a cliff that can be the wrong side:
    use the environment unwrapped where s must be exact.

    Raises:
        ValueError: a route is not 1 or 2, or a cascade lies outside [0, 1].
    """
    route, cascade = np.asarray(route), np.asarray(cascade, dtype=np.float64)
    check_commitment(route, cascade)
    first, second = np.broadcast_arrays(np.where(route == 2, 1.0, -1.0), 2 * cascade - 1)
    return np.stack([first, second], axis=-1).astype(np.float32)


class BoxAction(
    gym.ActionWrapper[NDArray[np.float32], NDArray[np.float32], tuple[int, float]],
    gym.utils.RecordConstructorArgs,
):
    """Choose the commitment by a point a of `Box(-1, 1, (2,), float32)`: route 2 if a[0] > 0, s = (a[1] + 1) / 2."""

    def __init__(self, env: gym.Env[NDArray[np.float32], tuple[int, float]]) -> None:
        if env.action_space != commitment_space():
            raise ValueError(f"BoxAction wraps an env whose actions are commitments, got {env.action_space}")
        gym.utils.RecordConstructorArgs.__init__(self)
        gym.ActionWrapper.__init__(self, env)
        self.action_space = spaces.Box(-1.0, 1.0, (2,), np.float32)

    def action(self, action: Any) -> tuple[int, float]:
        """The commitment that a point of the box means."""
        route, cascade = from_box(action)
        return int(route), float(cascade)
