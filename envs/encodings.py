"""Commitments in the action spaces that learners know: a box, a grid, a pair of numbers.

A learner that wants one box gets `BoxAction`, one that wants a finite list `GridAction` (DQN,
bandits), and one that takes several numbers at once `MultiDiscreteAction`. An `Encoding` is what
each does, without an environment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from routing_game.envs.arguments import whole_number
from routing_game.theory.belief import Belief
from routing_game.theory.game import check_commitment

Floats = NDArray[np.float64]
Cascades = int | Sequence[float]
"""The s that a finite encoding offers: these values, or so many evenly spaced from 0 to 1."""


def commitment_space() -> spaces.Tuple[Any]:
    """All commitments: a route in {1, 2} and a cascade probability in [0, 1]."""
    return spaces.Tuple((spaces.Discrete(2, start=1), spaces.Box(0.0, 1.0, (), np.float64)))


def from_box(action: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Routes and cascades, shape (...), of points in the box [-1, 1]^2, shape (..., 2)."""
    action = np.asarray(action, dtype=np.float64)
    return 1 + (action[..., 0] > 0), (action[..., 1] + 1) / 2


def to_box(route: ArrayLike, cascade: ArrayLike) -> NDArray[np.float32]:
    """Points of the box, shape (..., 2), that mean the commitments: the inverse of `from_box`.

    A box holds float32, so s comes back within 6e-8, not exactly. Beside a cliff that can be the
    wrong side: use the environment unwrapped where s must be exact.

    Raises:
        ValueError: a route is not 1 or 2, or a cascade lies outside [0, 1].
    """
    route, cascade = np.asarray(route), np.asarray(cascade, dtype=np.float64)
    check_commitment(route, cascade)
    first, second = np.broadcast_arrays(np.where(route == 2, 1.0, -1.0), 2 * cascade - 1)
    return np.stack([first, second], axis=-1).astype(np.float32)


class Encoding(NamedTuple):
    """A space of actions, and the commitment (i, s) that each of them means."""

    space: spaces.Space[Any]
    decode: Callable[[Any], tuple[int, float]]

    @classmethod
    def parse(cls, name: str) -> Encoding:
        """The encoding called "box", "grid:n", "multi:n" (n values of s) or "exact"."""
        kind, colon, number = str(name).partition(":")
        if name in ("box", "exact"):
            return box() if name == "box" else exact()
        if colon and number.isdecimal() and kind in ("grid", "multi"):
            return (grid if kind == "grid" else multi_discrete)(int(number))
        raise ValueError(
            f"an encoding is box, grid:n, multi:n (n values of s) or exact, got {name!r}"
        )


def exact() -> Encoding:
    """The commitment itself, as a tuple."""
    return Encoding(commitment_space(), lambda action: (int(action[0]), float(action[1])))


def box() -> Encoding:
    """A point a of `Box(-1, 1, (2,), float32)`: route 2 if a[0] > 0, s = (a[1] + 1) / 2."""

    def decode(action: Any) -> tuple[int, float]:
        first, second = (
            action.tolist() if isinstance(action, np.ndarray) else action
        )  # `from_box`, for one point
        return 1 + (first > 0), (second + 1) / 2

    return Encoding(spaces.Box(-1.0, 1.0, (2,), np.float32), decode)


def grid(cascades: Cascades) -> Encoding:
    """A number from 0: for each s the commitment (1, s), and last route 2, which has no s."""
    table = [*((1, s) for s in _cascades(cascades)), (2, 0.0)]
    return Encoding(spaces.Discrete(len(table)), lambda action: table[int(action)])


def multi_discrete(cascades: Cascades) -> Encoding:
    """Two numbers from 0: the route less 1, and which s."""
    values = _cascades(cascades)
    space = spaces.MultiDiscrete([2, len(values)])
    return Encoding(space, lambda action: (1 + int(action[0]), values[int(action[1])]))


def _cascades(cascades: Cascades) -> list[float]:
    if not isinstance(cascades, Sequence | np.ndarray):
        return np.linspace(0.0, 1.0, whole_number("cascades", cascades, least=2)).tolist()
    values = [float(s) for s in cascades]
    if not values:
        raise ValueError("cascades must hold at least one s")
    check_commitment(1, np.array(values))
    return values


class _Encoded(
    gym.ActionWrapper[NDArray[np.float32], Any, tuple[int, float]],
    gym.utils.RecordConstructorArgs,
):
    """An environment of commitments behind an encoding of them."""

    def __init__(
        self,
        env: gym.Env[NDArray[np.float32], tuple[int, float]],
        encoding: Encoding,
        **recorded: Any,
    ) -> None:
        if env.action_space != commitment_space():
            name = type(self).__name__
            raise ValueError(
                f"{name} wraps an env whose actions are commitments, got {env.action_space}"
            )
        gym.utils.RecordConstructorArgs.__init__(self, **recorded)
        gym.ActionWrapper.__init__(self, env)
        self.action_space, self._decode = encoding

    def action(self, action: Any) -> tuple[int, float]:
        """The commitment that an action means."""
        return self._decode(action)


class BoxAction(_Encoded):
    """Choose a point a of `Box(-1, 1, (2,), float32)`: route 2 if a[0] > 0, s = (a[1] + 1) / 2."""

    def __init__(self, env: gym.Env[NDArray[np.float32], tuple[int, float]]) -> None:
        super().__init__(env, box())


class GridAction(_Encoded):
    """Choose from `Discrete(n + 1)`: (1, s) for each of n values of s, or, last, route 2.

    A grid has a floor: the regret of its best point, which no learner on it can get below. Pass the
    s that matter (a threshold, a hair to its right) to lower it.

    Args:
        env: an environment whose actions are commitments, such as `ProviderEnv`.
        cascades: the values of s, or how many of them, evenly spaced from 0 to 1.
    """

    def __init__(
        self, env: gym.Env[NDArray[np.float32], tuple[int, float]], cascades: Cascades = 21
    ) -> None:
        super().__init__(env, grid(cascades), cascades=cascades)


class MultiDiscreteAction(_Encoded):
    """Choose from `MultiDiscrete([2, n])`: the route less 1, and which of n values of s.

    Args:
        env: an environment whose actions are commitments, such as `ProviderEnv`.
        cascades: the values of s, or how many of them, evenly spaced from 0 to 1.
    """

    def __init__(
        self, env: gym.Env[NDArray[np.float32], tuple[int, float]], cascades: Cascades = 21
    ) -> None:
        super().__init__(env, multi_discrete(cascades), cascades=cascades)


class BeliefObservation(
    gym.Wrapper[Floats, int, Floats, int],
    gym.utils.RecordConstructorArgs,
):
    """The exact belief of a user to whom s is hidden, in the place of s.

    The user sees which model serves it, so each stay after a failed pass of M1 shows one toss of
    the provider's coin. With a Beta(a, b) prior the belief stays Beta. Observation: `Box(float64)`
    of shape (5,), the model that has just failed, the counts a and b, and the mean and the standard
    deviation of s.

    Target: while xi1 < 0 < xi2, staying after M1 iff E[s] >= s0 is exactly optimal within one task;
    otherwise the dynamic program over (a, b).

    Args:
        env: a `UserEnv` with observes="model", whose s this wrapper hides.
        prior: (a, b), positive.
        keep: carry the belief from task to task (for a provider whose s stays the same) instead of
            forgetting it.
    """

    def __init__(
        self, env: gym.Env[Floats, int], prior: Sequence[float] = (1.0, 1.0), keep: bool = False
    ) -> None:
        if getattr(env.unwrapped, "observes", None) != "model" or env.observation_space.shape != (
            3,
        ):
            raise ValueError('BeliefObservation wraps a UserEnv made with observes="model"')
        gym.utils.RecordConstructorArgs.__init__(self, prior=prior, keep=keep)
        gym.Wrapper.__init__(self, env)
        self._prior = self.belief = Belief.checked(prior)
        self._keep = keep
        top = float(np.finfo(np.float32).max)
        self.observation_space = spaces.Box(
            np.array([1.0, 0.0, 0.0, 0.0, 0.0]),
            np.array([2.0, top, top, 1.0, 0.5]),
            dtype=np.float64,
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Floats, dict[str, Any]]:
        """Begin a task, with the prior or what was learnt so far; a seed brings back the prior."""
        seen, info = self.env.reset(seed=seed, options=options)
        if not self._keep or seed is not None:
            self.belief = self._prior
        self._model = int(seen[2])
        return self._observe(), info

    def step(self, action: int) -> tuple[Floats, float, bool, bool, dict[str, Any]]:
        """Stay or leave; staying after M1 shows which model the coin chose."""
        seen, reward, terminated, truncated, info = self.env.step(action)
        if action == 0 and self._model == 1:
            self.belief = self.belief.after(escalated=bool(seen[2] == 2))
        self._model = int(seen[2])
        return self._observe(), float(reward), terminated, truncated, info

    def _observe(self) -> Floats:
        return np.array([self._model, *self.belief, self.belief.mean, self.belief.sd])
