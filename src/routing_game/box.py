"""A commitment as a point of a box: the code that environments read and learners write.

Learners that act by points do so in [-1, 1]: the first coordinate names the route, 2 if it is
positive, and the second is s, stretched from [0, 1]. Environments decode what agents encode and
neither knows the other, so the code stands here, once, where both may look.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from routing_game.theory.game import check_commitment
from routing_game.theory.numbers import doubles, require

ROUNDING = 2.0**-20
"""How far outside a box a point of its edge may come to lie, by rounding to float32."""


def inside(points: Any, low: float = -1.0, high: float = 1.0) -> NDArray[np.float64]:
    """Points of the box [low, high] in double precision.

    What lies outside by no more than `ROUNDING`, as a rescaled edge may, is put on the edge.

    Raises:
        ValueError: a number lies farther outside, is nan, or is none.
    """
    given = np.asarray(points)
    if given.dtype.kind not in "biuf":
        raise ValueError(f"a point must lie in the box [{low:g}, {high:g}], got {points!r}")
    double = doubles(points)
    # least and largest before any mask: two looks instead of four
    if not double.size or (low <= double.min() and double.max() <= high):
        return double
    near = (low - ROUNDING <= double) & (double <= high + ROUNDING)
    require(near, "each coordinate of a point", double, f"lie in the box [{low:g}, {high:g}]")
    return np.clip(double, low, high)


def to_chance(coordinate: Any) -> Any:
    """The chance in [0, 1] that a coordinate in [-1, 1] means; in the precision it comes in."""
    return (coordinate + 1) / 2


def to_coordinate(chance: Any) -> Any:
    """The coordinate in [-1, 1] that means a chance in [0, 1]: the inverse of `to_chance`."""
    return 2 * chance - 1


def from_point(point: Iterable[Any]) -> tuple[int, Any]:
    """The commitment (i, s) that one point of the box means; s in the precision it comes in.

    Raises:
        ValueError: the point is not in the box, see `inside`.
    """
    try:
        first, second = point
        within = -1.0 <= first <= 1.0 and -1.0 <= second <= 1.0
    except (TypeError, ValueError):
        raise ValueError(f"a point of the box must be two numbers, got {point!r}") from None
    if not within:
        first, second = inside([first, second]).tolist()
    return 2 if first > 0 else 1, to_chance(second)


def from_box(action: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Routes and cascades, shape (...), of points in the box [-1, 1]^2, shape (..., 2).

    Raises:
        ValueError: a point is not in the box, see `inside`, or not of two numbers.
    """
    action = inside(action)
    if action.shape[-1:] != (2,):
        raise ValueError(f"a point of the box must be two numbers, got the shape {action.shape}")
    return 1 + (action[..., 0] > 0), to_chance(action[..., 1])


def to_box(route: ArrayLike, cascade: ArrayLike) -> NDArray[np.float32]:
    """Points of the box, shape (..., 2), that mean the commitments: the inverse of `from_box`.

    A box holds float32, so s comes back within 6e-8, not exactly. Beside a cliff that can be the
    wrong side: use the environment unwrapped where s must be exact.

    Raises:
        ValueError: a route is not 1 or 2, or a cascade lies outside [0, 1].
    """
    route, cascade = np.asarray(route), np.asarray(cascade, dtype=np.float64)
    check_commitment(route, cascade)
    sides = np.where(route == 2, 1.0, -1.0)
    first, second = np.broadcast_arrays(sides, to_coordinate(cascade))
    return np.stack([first, second], axis=-1).astype(np.float32)
