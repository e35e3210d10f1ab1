"""Numbers and arrays of them: names, what counts as equal, how a wrong one is refused, a search.

Every module of theory stands on this one; it knows none of them.
"""

from __future__ import annotations

import operator
import reprlib
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Real = float | Array
"""A number, or an array of them: one per game, commitment or grid point; arrays broadcast."""

_SINGLE = frozenset((float, int, np.float64))

TIE = 1e-12
"""Costs that agree to this relative tolerance count as equal: both commitments are optimal."""

ROUNDING = 4 * float(np.finfo(np.float64).eps)
"""Relative error that V p - t inherits from its factors, decimals rounded to doubles."""


def plain(x: Any) -> Any:
    """A Python number for what is one number, an array for what is many."""
    x = np.asarray(x)
    return x if x.ndim else x.item()


def one(*numbers: Any) -> bool:
    """Whether each is a single number, of Python or numpy, and no array, not even of one number."""
    return _SINGLE.issuperset(map(type, numbers))


def alike(shape: tuple[int, ...], *answers: Any) -> tuple[Any, ...]:
    """The answers about an array of games of this shape in their common shape.

    An answer need not depend on every number of a game, and so can be of fewer games than it was
    asked about. For a single game, ``shape`` (), answers stay as they are.
    """
    full = np.broadcast_shapes(shape, *map(np.shape, answers)) if shape else ()
    return tuple(
        x if np.shape(x) == full or not full else np.array(np.broadcast_to(x, full))
        for x in answers
    )


def frozen(x: Any) -> Any:
    """The array, read-only from now on, or what is in a tuple; anything else as it is."""
    if isinstance(x, np.ndarray):
        x.setflags(write=False)
    elif isinstance(x, tuple):
        for part in x:
            frozen(part)
    return x


def own(x: Array) -> Array:
    """The array itself if it is read-only, else a read-only copy: nobody changes it from outside.

    A read-only view of what somebody else may write is copied, too.
    """
    base: Any = x
    while isinstance(base, np.ndarray):
        if base.flags.writeable:
            return np.asarray(frozen(x.copy()))
        base = base.base
    return x


class Unchanging:
    """Made once and shared: its arrays are read-only, after unpickling too, and copies are itself.

    Who makes one freezes its arrays (`frozen`, `own`).
    """

    def __copy__(self) -> Self:
        """Itself: there is nothing that could become different."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Likewise."""
        return self

    def __setstate__(self, state: dict[str, Any]) -> None:
        """As pickled; numpy makes arrays that can be written."""
        self.__dict__.update((name, frozen(member)) for name, member in state.items())


def double(x: Any) -> Any:
    """The number, list, array or tensor in double precision: a numpy number or array.

    Raises:
        ValueError: see `doubles`.
    """
    if type(x) in _SINGLE:
        try:
            return np.float64(x)  # the same, much faster
        except OverflowError:
            pass  # said below
    return doubles(x)[()]


def doubles(x: Any) -> Array:
    """The same as an array, of no dimension for a single number; one that is masked is nan.

    Raises:
        ValueError: it is no number. Of words, dates, spans of time and None numpy would make some.
    """
    if type(x) is float or (type(x) is np.ndarray and x.dtype == np.float64):
        return np.asarray(x)  # the same, much faster
    try:
        array = np.asarray(x)
        kind = array.dtype.kind
        if kind not in "biufO":
            raise TypeError
        if kind == "O" and any(isinstance(entry, _NO_NUMBER) for entry in array.flat):
            raise TypeError
        if array.dtype.itemsize > 8:  # what is too large for a double is infinite
            with np.errstate(over="ignore"):
                array = array.astype(np.float64)
        else:
            array = array.astype(np.float64, copy=False)
    except (TypeError, ValueError, OverflowError):
        got = reprlib.repr(x)
        raise ValueError(f"expected a number or an array of numbers, got {got}") from None
    if isinstance(x, np.ma.MaskedArray):
        return np.where(np.ma.getmaskarray(x), np.nan, array)
    return array


_NO_NUMBER = (str, bytes, bytearray, type(None), np.datetime64, np.timedelta64)
"""What in an array of objects is none, other than fractions and decimals."""


def difference(a: Real, b: Real) -> Real:
    """The difference a - b, exactly 0 where the two agree up to rounding."""
    if type(a) is float and type(b) is float:  # the same, much faster
        rest = a - b
        return np.float64(0.0 if abs(rest) <= ROUNDING * abs(b) else rest)
    gap = np.subtract(a, b)
    rounding = np.abs(gap) <= ROUNDING * np.abs(b)
    return np.where(rounding, 0.0, gap)[()] if np.any(rounding) else gap


def tied(cost: Any) -> Any:
    """The largest cost that counts as equal to this one."""
    return cost + TIE * np.abs(cost)


def whole(name: str, n: Any, at_least: int, at_most: int | None = None) -> int:
    """The count or index as an int; ValueError unless it is a whole number within these bounds.

    2.0 and True are none: a count that comes as a float may have been rounded, and True is a
    mistake.
    """
    try:
        count = operator.index(n)
    except TypeError:
        count = at_least - 1
    if count < at_least or isinstance(n, bool):
        raise ValueError(f"{name} must be a whole number, at least {at_least}, got {n!r}")
    if at_most is not None and count > at_most:
        raise ValueError(f"{name} must be a whole number, at most {at_most}, got {n!r}")
    return count


def require(holds: Any, name: str, x: Any, rule: str) -> None:
    """Raise ValueError with name, value and rule unless ``holds``, a bool, array or tensor."""
    if holds.all() if hasattr(holds, "all") else holds:
        return
    if hasattr(x, "detach"):  # a torch tensor
        x, holds = x.detach().numpy(), holds.numpy()
    raise ValueError(f"{name} must {rule}, got {shown(x, np.logical_not(holds))}")


def shown(x: Any, bad: Any) -> str:
    """The first offending number, with its place if it is one of an array."""
    x = np.asarray(x)
    if x.dtype.kind not in "biuf":  # words, or nothing
        return reprlib.repr(x.tolist())
    if x.ndim == 0:
        return f"{x.item():g}"
    x, bad = np.broadcast_arrays(x, bad)
    place = np.unravel_index(int(np.argmax(bad)), x.shape)
    return f"{x[place]:g} at index {tuple(int(k) for k in place)}"


def least(
    f: Callable[[Array], Array], low: Array, high: Array, points: int = 129, rounds: int = 9
) -> tuple[Array, Array]:
    """Argument and value of the least f on each interval [low, high], by ever finer grids.

    Made for functions with jumps: it closes in on the edge of a cliff from its better side.
    """
    best_s, best_f = np.array(low, dtype=float), np.full(np.shape(low), np.inf)
    for _ in range(rounds):
        s = np.linspace(low, high, points)
        values = f(s)
        k = np.argmin(values, axis=0)[None]
        s_k, f_k = np.take_along_axis(s, k, axis=0)[0], np.take_along_axis(values, k, axis=0)[0]
        better = tied(f_k) < best_f
        best_s, best_f = np.where(better, s_k, best_s), np.where(better, f_k, best_f)
        step = (high - low) / (points - 1)
        low, high = np.maximum(low, best_s - step), np.minimum(high, best_s + step)
    return best_s, best_f
