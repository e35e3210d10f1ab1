r"""Planes of games around one game, which is the middle pixel: what changes if its numbers do.

The paper draws its planes for numbers of ours (`paper.planes`). Around a game of one's own there is
nothing to choose: P upwards, and to the right either c2, as in the paper's Figures 4 and 5, or V,
which carries the user from one regime to another. Both axes reach a decade to either side on a
logarithmic scale, as what one does not know of a price is a factor. A c2 of 0 or less, which
unordered games may have, has an even scale. (Beyond the paper.)
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from routing_game.experiments import InputError
from routing_game.experiments.paper.planes import Solved, centres
from routing_game.theory import (
    Game,
    best_response,
    outcome,
    payoffs,
    solve,
    thresholds,
    throttle,
)
from routing_game.theory.game import LARGEST, LEAST
from routing_game.theory.numbers import Array, difference
from routing_game.theory.provider import may_mix

SIZE, COARSE = 401, 81
"""Pixels along an axis: odd, so that one is the game; fewer where a search solves each game."""
DECADES = 1.0
"""How far an axis reaches to either side, in powers of ten."""
NUMBERS = {"V": "value of a solved task", "P": "penalty", "c2": "price of a pass of M2"}
"""Symbol of an axis -> the number along it, in words."""


@dataclass(frozen=True)
class Axis:
    """One number of a game, from below to above what it is there."""

    symbol: str
    """A key of `NUMBERS`."""
    own: float
    """What it is in the game."""
    reach: float
    """Decades to either side; of an even scale, units."""
    even: bool
    """An even scale instead of a logarithmic one."""
    size: int = SIZE

    @property
    def offsets(self) -> Array:
        """Places of the pixels' centres from the middle, exactly 0 there, shape (size,)."""
        return self.reach * (2 * centres(self.size) - 1)

    @property
    def values(self) -> Array:
        """The number itself at the centres of the pixels, shape (size,)."""
        return self.at(self.offsets)

    def at(self, offsets: Any) -> Any:
        """The number at places, from the middle."""
        return self.own + offsets if self.even else self.own * 10.0**offsets

    def place(self, number: Any) -> Any:
        """Where a number is, from the middle.

        Not finite for 0 and what is less on a logarithmic scale.
        """
        if self.even:
            return number - self.own
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log10(np.divide(number, self.own))


def axis(game: Game, symbol: str, size: int = SIZE) -> Axis:
    """The axis of that number around a game.

    Raises:
        InputError: the number is so near to what doubles hold that there is nothing around it.
    """
    own = {"V": game.value, "P": game.penalty, "c2": game.cost[1]}[symbol]
    if own <= 0:
        scale = max(abs(float(own)), abs(float(game.cost[0])), float(game.penalty))
        return Axis(symbol, float(own), scale, True, size)
    decade = np.log10(own)
    room = min(np.log10(LARGEST) - decade, decade - np.log10(LEAST))
    if room < DECADES:
        problem = f"expected {symbol} from {10 * LEAST:g} to {LARGEST / 10:g} to draw around it"
        raise InputError(f"{problem}, got {own:g}; choose another unit: only ratios count")
    return Axis(symbol, float(own), DECADES, False, size)


def moved(game: Game, symbol: str, number: Any) -> Game:
    """The games with that number instead, in whatever order their models then are."""
    change: dict[str, Any] = {"V": {"value": number}, "P": {"penalty": number}}.get(
        symbol, {"cost": (game.cost[0], number)}
    )
    return dataclasses.replace(game, ordered=False, **change)


HALVINGS = 24
"""Of a pixel, in search of a border: so near to it, and no nearer than rounding lets one tell."""


def pixels(game: Game) -> int:
    """How many along an axis."""
    return COARSE if may_mix(game) else SIZE


@dataclass(frozen=True)
class Plane(Solved):
    """A square of games: one number along the last axis, P along the first.

    Maps have the shape (size, size); the pixel in the middle is the game.
    """

    game: Game
    across: Axis
    up: Axis

    @classmethod
    def around(cls, game: Game, symbol: str, size: int | None = None) -> Plane:
        """The plane with "c2" or "V" to the right, an odd number of pixels wide and high."""
        size = size or pixels(game)
        return cls(game, axis(game, symbol, size), axis(game, "P", size))

    @cached_property
    def games(self) -> Game:
        """The games."""
        rows = moved(self.game, "P", self.up.values[:, None])
        return moved(rows, self.across.symbol, self.across.values[None, :])

    @cached_property
    def gain(self) -> Array:
        """What the best throttling would save the provider, in its unit; at least 0."""
        return np.asarray(throttle(self.games).gain)

    @cached_property
    def regret(self) -> Array:
        """J - J* of the game's own optimal commitment there, as a share of |J*|; see `kept`."""
        across = self.across
        others = moved(self.game, "V", across.values[None, :]) if across.symbol == "V" else None
        return kept(self.game, self.games, others or self.game, np.asarray(self.solution.cost))


@dataclass(frozen=True)
class Replies:
    """What the user answers on route 1: s along the last axis, V along the first."""

    game: Game
    up: Axis

    @classmethod
    def around(cls, game: Game, size: int = SIZE) -> Replies:
        """The plane around a game."""
        return cls(game, axis(game, "V", size))

    @property
    def cascade(self) -> Array:
        """s at the centres of the pixels, shape (size,)."""
        return centres(self.up.size)

    @cached_property
    def reply(self) -> Array:
        """q*(1, s), ties broken for the provider, shape (size, size)."""
        games = moved(self.game, "V", self.up.values[:, None])
        return np.asarray(best_response(games, 1, self.cascade[None, :]).strong)

    def marks(self, points: int = 4001) -> tuple[Array, dict[str, Array]]:
        """Places along V, and s0, s_L and s_H there; nan where the user has none."""
        offsets = self.up.reach * np.linspace(-1, 1, points)
        marks = thresholds(moved(self.game, "V", self.up.at(offsets)))
        names = ("s = s0", "s = s_L", "s = s_H")
        return offsets, {name: np.asarray(s) for name, s in zip(names, marks, strict=True)}


def costs(game: Game, points: int = 2001) -> tuple[Array, Array]:
    """s, and J(1, s) once the user has answered; nan between the two sides of a jump."""
    s = np.linspace(0, 1, points)
    s0 = float(thresholds(game).s0)
    if 0 < s0 < 1:
        below, above = s[s < s0], s[s > s0]
        s = np.concatenate([below, [np.nan, s0], above])
    cost = np.full(len(s), np.nan)
    there = np.isfinite(s)
    cost[there] = np.asarray(outcome(game, 1, s[there]).cost)
    return s, cost


def commitment(game: Game) -> tuple[int, float]:
    """(i, s), the game's optimum; where several are, the one with the least route, then s."""
    best = solve(game)
    return int(best.route), 0.0 if best.route == 2 else float(best.cascade[0])


@dataclass(frozen=True)
class Stretch:
    """How far one number alone can change before another kind of optimum takes over."""

    axis: Axis
    low: float
    high: float
    """The ends; those of the axis where nothing changes."""
    below: str | None
    above: str | None
    """The rules that take over, None where nothing does."""


def stretch(game: Game, along: Axis) -> Stretch:
    """The stretch of an axis around the game's own number, to a relative 1e-9 or so."""
    middle = along.size // 2
    kinds = np.asarray(solve(moved(game, along.symbol, along.values)).kind)
    other = np.flatnonzero(kinds != kinds[middle])
    nearest = {-1: other[other < middle][-1:], 1: other[other > middle][:1]}
    ends: list[float] = []
    rules: list[str | None] = []
    for side, found in nearest.items():
        if not len(found):
            ends.append(float(along.at(side * along.reach)))
            rules.append(None)
            continue
        inside, outside = along.offsets[found[0] - side], along.offsets[found[0]]
        for _ in range(HALVINGS):
            half = (inside + outside) / 2
            same = solve(moved(game, along.symbol, along.at(half))).kind == kinds[middle]
            inside, outside = (half, outside) if same else (inside, half)
        ends.append(float(along.at(inside)))
        beyond = outside + 4 * (outside - inside)  # on the border itself costs tie
        rules.append(str(solve(moved(game, along.symbol, along.at(beyond))).rule))
    return Stretch(along, ends[0], ends[1], rules[0], rules[1])


def kept(game: Game, games: Game, users: Game, best: Any) -> Array:
    """What the optimum of a game loses in other games, as a share of their |J*|.

    Args:
        game: whose optimal commitment is kept to.
        games: where.
        users: the game with the other games' V alone. P and prices are nothing to the user, so that
            where it is indifferent, at s0, it goes on answering as it does in the game.
        best: J* of the games.

    Returns:
        Shares, 0 or more; infinite where J* is 0 and J is not.
    """
    route, s = commitment(game)
    answer = best_response(users, route, s).strong
    lost = np.asarray(difference(payoffs(games, route, s, answer).cost, best))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(lost > 0, lost / np.abs(best), 0.0)


def slip(game: Game, along: Axis, part: float) -> float:
    """`kept` where one number is greater by such a part of it."""
    number = along.own + part * (abs(along.own) or along.reach)
    there = moved(game, along.symbol, number)
    users = there if along.symbol == "V" else game
    return float(kept(game, there, users, solve(there).cost))
