"""Commitments in the action spaces that learners know: a box, a grid, a pair of numbers.

A learner that wants one box gets `BoxAction`, one that wants a finite list `GridAction` (DQN,
bandits), and one that takes several numbers at once `MultiDiscreteAction`. An `Encoding` is what
each does, without an environment. The code of the box is that of `routing_game.box`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from routing_game.box import from_point, inside, to_chance
from routing_game.envs.arguments import checked_number, proper_commitment, whole_number
from routing_game.theory.game import check_commitment

Pair = tuple[int, float]
"""A commitment (i, s)."""

CommitmentEnv = gym.Env[NDArray[np.float32], Pair]
"""An environment whose actions are commitments, such as `ProviderEnv`."""

Cascades = int | Sequence[float]
"""The s that a finite encoding offers: these values, or so many evenly spaced from 0 to 1."""


def commitment_space() -> spaces.Tuple[Any]:
    """All commitments: a route in {1, 2} and a cascade probability in [0, 1]."""
    return spaces.Tuple((spaces.Discrete(2, start=1), spaces.Box(0.0, 1.0, (), np.float64)))


class Encoding(NamedTuple):
    """A space of actions, and the commitment (i, s) that each of them means."""

    space: spaces.Space[Any]
    decode: Callable[[Any], Pair]
    """Raises ValueError for what is not in the space, but for rounding at the edge of a box."""

    @classmethod
    def parse(cls, name: str) -> Encoding:
        """The encoding called "box", "grid:n", "multi:n" (n values of s) or "exact".

        Raises:
            ValueError: it is called otherwise.
        """
        kind, _, number = str(name).partition(":")
        if name == "box":
            return box()
        if name == "exact":
            return exact()
        if kind == "grid" and number.isdecimal():
            return grid(int(number))
        if kind == "multi" and number.isdecimal():
            return multi_discrete(int(number))
        raise ValueError(
            f"an encoding is box, grid:n, multi:n (n values of s) or exact, got {name!r}"
        )


class Answers(NamedTuple):
    """A space of a user's actions, and the (q after M1, q after M2) that each of them means."""

    space: spaces.Space[Any]
    decode: Callable[[Any], tuple[float, float]]
    """Raises ValueError for what is not in the space, but for rounding at the edge of a box."""

    @classmethod
    def parse(cls, name: str, sees_model: bool) -> Answers:
        """The answers called "exact", "box" or "grid:n" (n values of q).

        Args:
            name: one of these.
            sees_model: whether the user sees which model has failed, and answers to each.

        Raises:
            ValueError: they are called otherwise.
        """
        kind, _, number = str(name).partition(":")
        count = 1 + sees_model
        if name == "exact":
            return cls(spaces.Box(0.0, 1.0, (count,), np.float32), partial(_of_chances, count))
        if name == "box":
            return cls(spaces.Box(-1.0, 1.0, (2,), np.float32), partial(_of_answer, count))
        if kind == "grid" and number.isdecimal():
            table = np.linspace(0.0, 1.0, whole_number("n of grid:n", int(number), 2)).tolist()
            pairs = [_one_each(list(q)) for q in product(table, repeat=count)]
            return cls(spaces.Discrete(len(pairs)), partial(_of_pair, pairs))
        raise ValueError(f"answers are exact, box or grid:n (n values of q), got {name!r}")


def _of_chances(count: int, action: Any) -> tuple[float, float]:
    return _one_each(inside(action, 0.0, 1.0).reshape(count).tolist())


def _of_answer(count: int, action: Any) -> tuple[float, float]:
    return _one_each(to_chance(inside(action)).reshape(2)[:count].tolist())


def _of_pair(pairs: list[tuple[float, float]], action: Any) -> tuple[float, float]:
    return pairs[checked_number(action, len(pairs))]


def _one_each(chances: list[float]) -> tuple[float, float]:
    """One chance that holds after both models, or two."""
    first, *second = chances
    after_reasoning, *nothing = second or [first]
    if nothing:
        raise ValueError(f"an answer is one chance or two, got {chances}")
    return first, after_reasoning


def exact() -> Encoding:
    """The commitment itself, as a tuple."""
    return Encoding(commitment_space(), proper_commitment)


def box() -> Encoding:
    """A point a of `Box(-1, 1, (2,), float32)`: route 2 if a[0] > 0, s = (a[1] + 1) / 2."""
    return Encoding(spaces.Box(-1.0, 1.0, (2,), np.float32), _of_point)


def grid(cascades: Cascades) -> Encoding:
    """A number from 0: for each s the commitment (1, s), and last route 2, which has no s."""
    on_route_1 = [(1, s) for s in _cascades(cascades)]
    table = [*on_route_1, (2, 0.0)]
    return Encoding(spaces.Discrete(len(table)), partial(_of_number, table))


def multi_discrete(cascades: Cascades) -> Encoding:
    """Two numbers from 0: the route less 1, and which s."""
    values = _cascades(cascades)
    return Encoding(spaces.MultiDiscrete([2, len(values)]), partial(_of_two_numbers, values))


def _is_commitment(action: Any) -> bool:
    """Whether it looks like (i, s) itself: a tuple with the whole number 1 or 2 in front."""
    if not isinstance(action, tuple) or not action:
        return False
    return isinstance(action[0], int | np.integer) and action[0] in (1, 2)


def _of_point(action: Any) -> Pair:
    if _is_commitment(action):
        raise ValueError(  # (1, 0.5) would pass for a point, which means route 2 and s = .75
            f"an action is a point of the box [-1, 1]^2, got the commitment {tuple(action)}; write "
            "to_box(route, s), or take the .unwrapped of the environment"
        )
    # as Python numbers: s exactly, and several times as fast
    return from_point(action.tolist() if isinstance(action, np.ndarray) else action)


def _of_number(table: list[Pair], action: Any) -> Pair:
    return table[checked_number(action, len(table))]


def _of_two_numbers(values: list[float], action: Any) -> Pair:
    try:
        route, cascade = action
    except (TypeError, ValueError):
        rule = f"an action is two whole numbers, below 2 and {len(values)}"
        raise ValueError(f"{rule}, got {action!r}") from None
    return 1 + checked_number(route, 2), values[checked_number(cascade, len(values))]


def _recorded(cascades: Cascades) -> int | list[float]:
    """The same as a spec can write it: numpy's numbers are none to JSON."""
    return _cascades(cascades) if isinstance(cascades, Sequence | np.ndarray) else int(cascades)


def _cascades(cascades: Cascades) -> list[float]:
    if not isinstance(cascades, Sequence | np.ndarray):
        return np.linspace(0.0, 1.0, whole_number("cascades", cascades, least=2)).tolist()
    values = [float(s) for s in cascades]
    if not values:
        raise ValueError("cascades must hold at least one s")
    check_commitment(1, np.array(values))
    return values


class _Encoded(
    gym.ActionWrapper[NDArray[np.float32], Any, Pair],
    gym.utils.RecordConstructorArgs,
):
    """An environment of commitments behind an encoding of them."""

    def __init__(self, env: CommitmentEnv, encoding: Encoding, **recorded: Any) -> None:
        if env.action_space != commitment_space():
            name = type(self).__name__
            raise ValueError(
                f"{name} wraps an env whose actions are commitments, got {env.action_space}; "
                "take ProviderEnv(), or the .unwrapped of what gym.make built"
            )
        gym.utils.RecordConstructorArgs.__init__(self, **recorded)
        gym.ActionWrapper.__init__(self, env)
        self.action_space, self._decode = encoding

    def action(self, action: Any) -> Pair:
        """The commitment that an action means."""
        return self._decode(action)


class BoxAction(_Encoded):
    """Choose a point a of `Box(-1, 1, (2,), float32)`: route 2 if a[0] > 0, s = (a[1] + 1) / 2."""

    def __init__(self, env: CommitmentEnv) -> None:
        super().__init__(env, box())


class GridAction(_Encoded):
    """Choose from `Discrete(n + 1)`: (1, s) for each of n values of s, or, last, route 2.

    A grid has a floor: the regret of its best point, which no learner on it can get below. Pass the
    s that matter (a threshold, a hair to its right) to lower it.

    Args:
        env: an environment whose actions are commitments, such as `ProviderEnv`.
        cascades: the values of s, or how many of them, evenly spaced from 0 to 1.
    """

    def __init__(self, env: CommitmentEnv, cascades: Cascades = 21) -> None:
        super().__init__(env, grid(cascades), cascades=_recorded(cascades))
        self.cascades = _cascades(cascades)


class MultiDiscreteAction(_Encoded):
    """Choose from `MultiDiscrete([2, n])`: the route less 1, and which of n values of s.

    Args:
        env: an environment whose actions are commitments, such as `ProviderEnv`.
        cascades: the values of s, or how many of them, evenly spaced from 0 to 1.
    """

    def __init__(self, env: CommitmentEnv, cascades: Cascades = 21) -> None:
        super().__init__(env, multi_discrete(cascades), cascades=_recorded(cascades))
        self.cascades = _cascades(cascades)
