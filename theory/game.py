"""The game: two models behind one interface, a provider who routes, a user who may leave.

One *pass* of model M_i solves the task with probability p_i, costs the provider c_i and delays the
user by t_i. A solved task is worth V to the user; an abandoned one costs the provider the
penalty P. V and t share one unit (the user's), c and P another (the provider's); only ratios inside
each pair matter.

The provider commits to a route i, the model that starts, and a cascade probability s, the chance
that a failed pass of M1 is followed by M2 instead of M1 again. From M2 there is no way back. After
each failed pass the user leaves with probability q; the first pass is always made. (Section 3 of
the paper.)
"""

from __future__ import annotations

import functools
import reprlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from routing_game.theory.numbers import (
    Array,
    Real,
    Unchanging,
    difference,
    doubles,
    frozen,
    one,
    plain,
    require,
    shown,
)


class Commitment(NamedTuple):
    """What a provider commits to: a route i, 1 or 2, and a cascade s (free if i = 2)."""

    route: int
    cascade: float


class Task(NamedTuple):
    """What one finished task showed.

    The user made a decision after every failed pass: there were ``standard + reasoning - solved``
    of them, and all but the last were "stay" if the task was abandoned.
    """

    standard: int
    """Passes of M1."""
    reasoning: int
    """Passes of M2."""
    solved: bool
    """Solved (True), or abandoned by the user (False; also False when truncated)."""
    cost: float
    """What the task cost the provider: money for the passes, plus P if abandoned."""
    utility: float
    """What the task was worth to the user: V if solved, less the time of the passes."""
    truncated: bool = False
    """Stopped by the simulator; cost and utility then include what to expect of the rest."""


@dataclass(frozen=True, eq=False)
class Game(Unchanging):
    """One routing game, or an array of them.

    Every number may be an array; all broadcast to ``shape`` and each call on the game answers for
    all of them.

    Args:
        value: V > 0, what a solved task is worth to the user.
        penalty: P > 0, what an abandoned task costs the provider.
        success: (p1, p2), chance that one pass solves the task, strictly between 0 and 1.
        latency: (t1, t2), delay of one pass in units of value, at least 0.
        cost: (c1, c2), the provider's price of one pass in units of penalty, at least 0.
        ordered: insist on the paper's ordering p1 < p2, t1 < t2, c1 < c2. With False any order
            goes, and costs may be negative (a per-call price can exceed the cost of a pass).

    Numbers may be as large as 1e100, and V, P and p as small as 1e-100: no product or quotient of
    theirs then leaves the doubles. All answers are computed in these. `payoffs` are exact to 13
    digits of the sum of their terms (of V S + L for U = V S - L), if s and q are 0 or at least
    1e-100. `solve` has no J above that of another commitment by more than 1e-12 of the terms of
    either; costs that are closer tie. Only ratios count: in another unit of time or money, by a
    power of two, `solve` and `thresholds` say the same to the last bit.

    Raises:
        ValueError: a number is none, not finite or out of range, shapes do not broadcast, the
            ordering fails, or ``ordered`` is neither True nor False.

    Example:
        >>> game = Game(1, 1.5, success=(0.3, 0.8), latency=(0.4, 0.5), cost=(0.15, 0.6))
        >>> game.regime
        '-+'
    """

    value: Real
    penalty: Real
    success: tuple[Real, Real]
    latency: tuple[Real, Real]
    cost: tuple[Real, Real]
    ordered: bool = True

    def __post_init__(self) -> None:
        for name in ("value", "penalty"):
            object.__setattr__(self, name, _number(name, getattr(self, name)))
        for name in ("success", "latency", "cost"):
            object.__setattr__(self, name, _pair(name, getattr(self, name)))
        if not isinstance(self.ordered, bool | np.bool_):
            got = reprlib.repr(self.ordered)
            raise ValueError(f"ordered must be True or False, got {got}")
        object.__setattr__(self, "ordered", bool(self.ordered))
        self._check_shapes()
        self._check_ranges()
        if self.ordered:
            self._check_order()

    @functools.cached_property
    def net_value(self) -> tuple[Real, Real]:
        """(xi1, xi2), xi = V p - t: what one pass is worth to the user.

        Positive: the model is *value-dominated*; negative: *latency-dominated*. What differs from
        zero by rounding only is zero, so that decimal inputs meet the boundary they mean
        (V = .7, p = .1, t = .07).
        """
        xi1, xi2 = (
            difference(self.value * p, t) for p, t in zip(self.success, self.latency, strict=True)
        )
        return frozen(xi1), frozen(xi2)

    @functools.cached_property
    def failure(self) -> tuple[Real, Real]:
        """(k1, k2), k = 1 - p: chance that a pass fails."""
        k1, k2 = (frozen(1 - p) for p in self.success)
        return k1, k2

    @property
    def cost_of_pass(self) -> tuple[Real, Real]:
        """(cp1, cp2), cp = c / p: expected money until model i succeeds if the user stays."""
        return self.cost[0] / self.success[0], self.cost[1] / self.success[1]

    @property
    def leaving_cost(self) -> tuple[Real, Real]:
        """(l1, l2), l = c + P (1 - p): the provider's cost if the user leaves at once."""
        k1, k2 = self.failure
        return self.cost[0] + self.penalty * k1, self.cost[1] + self.penalty * k2

    @property
    def regime(self) -> Any:
        """Signs of (xi1, xi2): "++", "--", "-+" or "+-", "0" at a boundary; str, or an array."""
        sign1, sign2 = (np.sign(xi).astype(int) for xi in self.net_value)
        return plain(np.broadcast_to(_REGIMES[3 * sign1 + sign2 + 4], self.shape))

    @functools.cached_property
    def shape(self) -> tuple[int, ...]:
        """Shape to which all numbers broadcast; () for a single game."""
        if one(*self._numbers()):
            return ()
        return np.broadcast_shapes(*(np.shape(x) for x in self._numbers()))

    def __getitem__(self, index: Any) -> Game:
        """The game or games at ``index`` of an array of games."""
        return self._each(lambda x: x[index])

    def __len__(self) -> int:
        """How many games an array holds along its first axis; TypeError for a single game."""
        if not self.shape:
            raise TypeError("a single game has no length")
        return self.shape[0]

    def __bool__(self) -> bool:
        """A game is something, even an array of no games."""
        return True

    def __iter__(self) -> Iterator[Game]:
        """The games of an array, one after the other; TypeError for a single game."""
        return (self[i] for i in range(len(self)))

    def ravel(self) -> Game:
        """The same games in one dimension."""
        return self._each(np.ravel)

    @classmethod
    def stack(cls, games: Sequence[Game]) -> Game:
        """One array of games, shape (len(games),), from single games; ordered if all of them are.

        Raises:
            ValueError: no games, or one of them is an array.
        """
        if not games or any(game.shape for game in games):
            shapes = [game.shape for game in games]
            raise ValueError(f"games must be single games, at least one; got the shapes {shapes}")
        value, penalty, *rest = np.array([g._numbers() for g in games], dtype=float).T
        ordered = all(g.ordered for g in games)
        return cls(
            value, penalty, (rest[0], rest[1]), (rest[2], rest[3]), (rest[4], rest[5]), ordered
        )

    def _each(self, part: Callable[[Array], Array]) -> Game:
        """The games of such a part of each number, in the games' shape; what all share stays one.

        A sweep of millions of games over one number so holds it alone.
        """
        if not self.shape:
            return self._unchecked(*map(part, self._full()))
        return self._unchecked(
            *(x if one(x) else part(np.broadcast_to(x, self.shape)) for x in self._numbers())
        )

    def _unchecked(self, *numbers: Real) -> Game:
        """A game of numbers that were checked before: a large array is cut into many blocks."""
        value, penalty, p1, p2, t1, t2, c1, c2 = (
            frozen(x) if np.ndim(x) else float(x) for x in numbers
        )
        game = object.__new__(Game)
        members = (value, penalty, (p1, p2), (t1, t2), (c1, c2), self.ordered)
        for field, member in zip(fields(self), members, strict=True):
            object.__setattr__(game, field.name, member)
        return game

    def __eq__(self, other: object) -> bool:
        """Equal numbers in an equal shape, however they are stored, and the same ``ordered``."""
        if not isinstance(other, Game):
            return NotImplemented
        return (self.ordered, self.shape) == (other.ordered, other.shape) and all(
            np.array_equal(a, b) for a, b in zip(self._full(), other._full(), strict=True)
        )

    def __hash__(self) -> int:
        return hash((self.ordered, self.shape, *(x.tobytes() for x in self._full())))

    def _numbers(self) -> tuple[Real, ...]:
        return (self.value, self.penalty, *self.success, *self.latency, *self.cost)

    def _full(self) -> list[Array]:
        shape = self.shape
        return [
            np.asarray(x) if np.shape(x) == shape else np.broadcast_to(x, shape)
            for x in self._numbers()
        ]

    def _check_shapes(self) -> None:
        try:
            _ = self.shape
        except ValueError:
            shapes = {
                f.name: _shapes(getattr(self, f.name)) for f in fields(self) if f.name != "ordered"
            }
            raise ValueError(
                f"the shapes of a game's numbers must broadcast, got {shapes}"
            ) from None

    def _check_ranges(self) -> None:
        for name in ("value", "penalty"):
            x = getattr(self, name)
            require(x > 0, name, x, "be positive")
            require(x >= LEAST, name, x, f"be at least {LEAST:g} {UNITS}")
        for i in (0, 1):
            p, t, c = self.success[i], self.latency[i], self.cost[i]
            require((p >= LEAST) & (p < 1), f"success of model {i + 1}", p, _PROBABILITY)
            require(t >= 0, f"latency of model {i + 1}", t, "be at least 0")
            if self.ordered:
                rule = "be at least 0 (ordered=False admits negative costs)"
                require(c >= 0, f"cost of model {i + 1}", c, rule)

    def _check_order(self) -> None:
        for name in ("success", "latency", "cost"):
            first, second = getattr(self, name)
            if one(first, second) and first < second:
                continue
            first, second = np.broadcast_arrays(first, second)
            bad = first >= second
            if bad.any():
                rule = "be larger for model 2 than for model 1 (ordered=False lifts this)"
                problem = f"{name} must {rule}, got {shown(first, bad)} and {shown(second, bad)}"
                raise ValueError(f"{problem}{self._if_swapped()}")

    def _if_swapped(self) -> str:
        """The end of a complaint about the order, where all of it is the wrong way round."""
        pairs = (self.success, self.latency, self.cost)
        swapped = all(np.all(np.greater(first, second)) for first, second in pairs)
        return "; model 1 is the standard one: are the two models swapped?" if swapped else ""


def check_commitment(route: Any, cascade: Any, abandon: Any = 0.0) -> None:
    """Raise ValueError unless every route is 1 or 2, every cascade and abandon a probability."""
    if one(route, cascade, abandon) and route in (1, 2) and 0 <= cascade <= 1 and 0 <= abandon <= 1:
        return
    require(
        (route == 1) | (route == 2), "route", route, "be 1 (standard model) or 2 (reasoning model)"
    )
    require((cascade >= 0) & (cascade <= 1), "cascade", cascade, "lie in [0, 1]")
    require((abandon >= 0) & (abandon <= 1), "abandon", abandon, "lie in [0, 1]")


LEAST, LARGEST = 1e-100, 1e100
"""Numbers of a game lie in between, so that no product or quotient of theirs leaves the doubles."""
UNITS = "(choose another unit: only ratios count)"
_PROBABILITY = f"lie strictly between 0 and 1 (a probability, not a percentage; from {LEAST:g})"

_REGIMES = np.array(["--", "-0", "-+", "0-", "00", "0+", "+-", "+0", "++"])


def _number(name: str, x: ArrayLike) -> Real:
    if one(x) and abs(x) <= LARGEST:  # type: ignore[arg-type]
        return float(x) + 0.0  # type: ignore[arg-type]
    number = _double(name, x)
    if not np.all(np.abs(number) <= LARGEST):
        require(np.isfinite(number), name, number, "be finite")
        require(np.abs(number) <= LARGEST, name, number, f"stay within {LARGEST:g} {UNITS}")
    return frozen(number)


def _double(name: str, x: ArrayLike) -> Real:
    """A new number or array; -0.0 becomes 0.0: equal numbers, equal bytes."""
    try:
        array = doubles(x)
        return array + 0.0 if array.ndim else float(array) + 0.0
    except ValueError:
        got = reprlib.repr(x)
        raise ValueError(f"{name} must be a number or an array of numbers, got {got}") from None


def _pair(name: str, pair: Any) -> tuple[Real, Real]:
    try:
        first, second = pair
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a pair (model 1, model 2), got {pair!r}") from None
    return _number(f"{name} of model 1", first), _number(f"{name} of model 2", second)


def _shapes(x: Real | tuple[Real, ...]) -> Any:
    return tuple(np.shape(part) for part in x) if isinstance(x, tuple) else np.shape(x)
