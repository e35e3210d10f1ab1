"""Named games: one for each case of the solution, measured pairs, the paper's Table 1, random."""

from __future__ import annotations

import math
import os
import reprlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, NoReturn, TypeVar

import numpy as np

from routing_game.names import alike
from routing_game.theory.exchange import ending, from_dict, read
from routing_game.theory.game import Game
from routing_game.theory.numbers import double, require, whole


def _game(
    value: float, penalty: float, p1: float, p2: float, c1: float, c2: float, t1: float, t2: float
) -> Game:
    return Game(value, penalty, (p1, p2), (t1, t2), (c1, c2))


T = TypeVar("T")


class Fixed(dict[str, T]):
    """A table that is read and not changed: a name in it means the same to everybody.

    `dict` makes a copy of one's own of it.
    """

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError(
            "the catalog is read and not changed; take dict(...) of it, and change that"
        )

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        """By all entries at once, as one by one they would be refused."""
        return type(self), (dict(self),)


class _Games(Fixed[Game]):
    """The standard suite; asked for another game that has a name, it says where that is."""

    def __missing__(self, name: object) -> NoReturn:
        if name in PAIRS or name in TASK_TYPES:
            raise KeyError(f"{name!r} is not of the standard suite; load({name!r}) has every game")
        raise KeyError(name)


GAMES: dict[str, Game] = _Games(
    {
        #                             V    P    p1  p2   c1   c2  t1  t2
        "value-cheap": _game(2, 1, 0.5, 0.8, 0.2, 0.6, 0.1, 0.3),
        "value-strong": _game(2, 1, 0.5, 0.8, 0.4, 0.5, 0.1, 0.3),
        "latency-low-penalty": _game(0.3, 1, 0.5, 0.8, 0.2, 0.6, 0.3, 0.5),
        "latency-high-penalty": _game(0.3, 2, 0.5, 0.8, 0.2, 0.6, 0.3, 0.5),
        "t4-leave-costly": _game(1, 0.4, 0.3, 0.8, 0.3, 0.6, 0.4, 0.5),
        "t4-reason": _game(1, 1, 0.3, 0.8, 0.3, 0.6, 0.4, 0.5),
        "t4-leave-cheap": _game(1, 0.4, 0.3, 0.8, 0.15, 0.6, 0.4, 0.5),
        "t4-cascade": _game(1, 1.5, 0.3, 0.8, 0.15, 0.6, 0.4, 0.5),
        "t5-stay": _game(1, 1, 0.5, 0.7, 0.2, 0.6, 0.3, 0.9),
        "t5-leave": _game(1, 0.3, 0.5, 0.7, 0.2, 0.6, 0.3, 0.9),
        "t5-reason": _game(1, 0.6, 0.5, 0.7, 0.4, 0.5, 0.3, 0.9),
        "t5-cascade": _game(1, 3, 0.5, 0.7, 0.45, 0.5, 0.3, 0.9),
    }
)
"""The standard suite, one game for each kind of equilibrium; cascades stand on a cliff."""

_Z = 1.959963984540054  # two-sided 95 %


@dataclass(frozen=True)
class ModelEstimate:
    """What a benchmark run, or a log, measured of one model: totals over all its passes.

    Raises:
        ValueError: there are no passes, more solved than there are, a count is no whole number, or
            seconds or dollars are no finite number, at least 0.
    """

    name: str
    run: str
    """The run's id in the source."""
    passes: int
    """How many there were, those that failed, too."""
    solved: int
    """How many of them solved their task."""
    seconds: float
    """Of all passes together."""
    dollars: float
    """Of all passes together."""

    def __post_init__(self) -> None:
        """Check the totals."""
        passes = whole("passes", self.passes, 1)
        whole("solved (of all passes)", self.solved, 0, passes)
        for name in ("seconds", "dollars"):
            total = getattr(self, name)
            require(_is_total(total), name, total, "be a finite total, at least 0")

    @property
    def success(self) -> float:
        """Estimate of p: the share of passes that solved their task."""
        return self.solved / self.passes

    @property
    def success_interval(self) -> tuple[float, float]:
        """95 % Wilson interval of p. Latency and cost have none: the source gives totals only."""
        n, p, z2 = self.passes, self.success, _Z**2
        centre = (p + z2 / (2 * n)) / (1 + z2 / n)
        half = _Z / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n**2))
        return centre - half, centre + half

    @property
    def latency(self) -> float:
        """t, seconds per pass."""
        return self.seconds / self.passes

    @property
    def cost(self) -> float:
        """c, US dollars per pass."""
        return self.dollars / self.passes


def _is_total(x: Any) -> bool:
    """Whether it is a number of seconds or dollars."""
    try:
        total = double(x)
    except ValueError:
        return False
    return np.ndim(total) == 0 and bool(0 <= total < math.inf)


@dataclass(frozen=True)
class RealPair:
    """A measured standard and reasoning model, with a chosen V (seconds) and P (US dollars)."""

    standard: ModelEstimate
    reasoning: ModelEstimate
    value: float
    penalty: float
    note: str = ""
    source: Mapping[str, str] = field(default_factory=dict)
    """Repository, commit, path, licence and benchmark of the measurements."""
    ordered: bool = True

    @property
    def game(self) -> Game:
        """The game at the point estimates."""
        m1, m2 = self.standard, self.reasoning
        success, latency, cost = (
            (m1.success, m2.success),
            (m1.latency, m2.latency),
            (m1.cost, m2.cost),
        )
        return Game(self.value, self.penalty, success, latency, cost, self.ordered)


def _read_pairs() -> dict[str, RealPair]:
    text = resources.files(__package__).joinpath("pairs.toml").read_text(encoding="utf-8")
    table: dict[str, Any] = tomllib.loads(text)
    pairs = {}
    for name, row in table["pairs"].items():
        standard, reasoning = (
            ModelEstimate(**row.pop("standard")),
            ModelEstimate(**row.pop("reasoning")),
        )
        pairs[name] = RealPair(standard, reasoning, source=Fixed(table["source"]), **row)
    return Fixed(pairs)


PAIRS: dict[str, RealPair] = _read_pairs()
"""Measured model pairs by name."""


@dataclass(frozen=True)
class TaskType:
    """A kind of work from Table 1 of the paper, as a game: reprompts are read, the rest is assumed.

    A count of r reprompts is read as 1 + r passes on average, and passes until success have the
    mean 1/p: so p = 1 / (1 + r). The counts are taken to be M2's, since "we were routed to the
    complex reasoning model" (appendix A, of the theoretical results); M1's odds of success are
    assumed as a share of M2's. A user who goes on reprompting M2 shows V >= t2 / p2 (Theorem 1).
    """

    role: str
    """What the model was asked for; quoted, as are the next two."""
    criterion: str
    """When its answer was accepted."""
    outcome: str
    """What the table says of the number of passes."""
    assumed: Mapping[str, Any]
    """What the table does not say: odds (of M1, as a share of M2's), value and latency (minutes),
    penalty and cost (US dollars), and success of M2 where no count fixes it."""
    note: str
    reprompts: tuple[float, float] | None = None
    """(least, most) reprompts, where the table gives a count."""

    @property
    def success_interval(self) -> tuple[float, float] | None:
        """(least, largest) p2 = 1 / (1 + reprompts); None where the table gives no count."""
        if self.reprompts is None:
            return None
        least, most = self.reprompts
        return 1 / (1 + most), 1 / (1 + least)

    @property
    def success(self) -> float:
        """The game's p2: one over the mean number of passes, at the middle of the range."""
        if "success" in self.assumed or self.reprompts is None:
            return float(self.assumed["success"])
        return 1 / (1 + sum(self.reprompts) / 2)

    @property
    def game(self) -> Game:
        """The game; `dataclasses.replace` puts other assumptions in."""
        odds = self.assumed["odds"] * self.success / (1 - self.success)
        success = (odds / (1 + odds), self.success)
        value, penalty = self.assumed["value"], self.assumed["penalty"]
        return Game(value, penalty, success, self.assumed["latency"], self.assumed["cost"])


def _read_task_types() -> dict[str, TaskType]:
    text = resources.files(__package__).joinpath("task_types.toml").read_text(encoding="utf-8")
    types = {}
    for name, row in tomllib.loads(text)["task_types"].items():
        reprompts = tuple(row.pop("reprompts")) if "reprompts" in row else None
        assumed = {key: tuple(x) if isinstance(x, list) else x for key, x in row["assumed"].items()}
        types[name] = TaskType(**row | {"assumed": Fixed(assumed)}, reprompts=reprompts)
    return Fixed(types)


TASK_TYPES: dict[str, TaskType] = _read_task_types()
"""The four kinds of work of the paper's Table 1, by name."""
NAMES = (*GAMES, *PAIRS, *TASK_TYPES)
"""Of every game that has one."""


def units(name: str | None) -> tuple[str, ...]:
    """Of time and money in the game of that name; none where they are not known."""
    if name in PAIRS:
        return "s", "USD"
    return ("min", "USD") if name in TASK_TYPES else ()


GameLike = Game | str | os.PathLike[str] | Mapping[str, Any]
"""A game, its name, the path of its file (.toml, .json), or a mapping of its fields."""


def load(game: GameLike) -> Game:
    """The game that is meant, whatever it is given as: the one door to every game.

    Args:
        game: the name of one of `GAMES`, `PAIRS` or `TASK_TYPES`; the path of a file that ends in
            .toml or .json; a mapping of the fields of a `Game`; or a game, which is returned.

    Raises:
        KeyError: no such name; the message lists close matches.
        OSError: the file cannot be opened.
        ValueError: the file or the mapping is no game, or ``game`` is nothing of the kind.

    Example:
        >>> load("gpt-4.1-o3").regime
        '+-'
    """
    if isinstance(game, Game):
        return game
    if isinstance(game, Mapping):
        return from_dict(game)
    if isinstance(game, str) and not ending(game):
        return _by_name(game)
    if isinstance(game, str | os.PathLike):
        return read(game)
    kinds = "a Game, a name, the path of a file or a mapping of a game's fields"
    raise ValueError(f"game must be {kinds}, got {reprlib.repr(game)} ({type(game).__name__})")


def _by_name(name: str) -> Game:
    if name in GAMES:
        return GAMES[name]
    if name in PAIRS:
        return PAIRS[name].game
    if name in TASK_TYPES:
        return TASK_TYPES[name].game
    close = alike(name, NAMES) or NAMES
    raise KeyError(f"unknown game {name!r}; did you mean {', '.join(close)}?")


def sample_games(n: int, rng: np.random.Generator, regime: str | None = None) -> Game:
    """An array of n random games: p, t and c are pairs of sorted uniforms, V and P uniform.

    p in (.02, .98), c in (0, 1), t in (0, 1), V in (.1, 3), P in (.05, 4); with ``regime``, only
    games whose signs of (xi1, xi2) are as asked ("++", "--", "-+" or "+-").

    Raises:
        ValueError: n is not a whole number of at least 0, or there is no such regime.
    """
    count = whole("n", n, at_least=0)
    if regime is None:
        return _draw(count, rng)
    if regime not in ("++", "--", "-+", "+-"):
        raise ValueError(f'regime must be None, "++", "--", "-+" or "+-", got {regime!r}')
    size = 16 * count + 100  # the rarest regime is about one game in ten
    while True:
        games = _draw(size, rng)
        found = np.flatnonzero(games.regime == regime)
        if found.size >= count:
            return games[found[:count]]
        size *= 2


def _draw(n: int, rng: np.random.Generator) -> Game:
    p, t, c = (np.sort(rng.random((2, n)), axis=0) for _ in range(3))
    p = 0.02 + 0.96 * p
    value, penalty = rng.uniform(0.1, 3.0, n), rng.uniform(0.05, 4.0, n)
    return Game(value, penalty, (p[0], p[1]), (t[0], t[1]), (c[0], c[1]))
