"""Which games settings were tuned on, and which nobody looked at: the one place that decides.

    tuned   the catalog, the measured pairs, and samples drawn with seeds below `FRESH_FROM`
    fresh   samples drawn with seeds from `FRESH_FROM` on
    own     games from files, of which this package knows nothing, and the paper's task types

A sample is drawn from a prior of `theory.frequencies.PRIORS`, so many games of each kind of
optimum, the rare ones by drawing until they are found. Its k-th game of a kind depends on prior,
seed and kind alone, never on how many were asked for, and carries all four in its name, such as
``measured.1000.s_L.3``: a name is a game, for good.

Whoever chooses settings draws with seeds below `FRESH_FROM`. Once somebody has chosen by what fresh
games showed, they are fresh no longer: take other seeds.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import numpy as np

from routing_game.experiments.cells.store import seeds
from routing_game.theory import GAMES, PAIRS, Game, solve
from routing_game.theory.frequencies import PRIORS
from routing_game.theory.kinds import RULES

Set = Literal["tuned", "fresh", "own"]

REAL_PAIR = "gpt-4.1-o3"
"""The measured pair of the standard run: its optimum is the s_L cascade that the paper left open.
"""
CATALOG = (*GAMES, REAL_PAIR)
"""The games on which the settings of the learners were first chosen."""
FRESH_FROM = 1000
"""The first seed of fresh games. Settings are chosen on games with lesser seeds."""
TUNED: dict[str, tuple[str, ...]] = {
    "smoke": ("value-cheap", "t4-cascade", "t5-cascade"),
    "default": CATALOG,
    "full": CATALOG,
}
"""Profile -> the games of the catalog that it plays."""
FRESH: dict[str, tuple[str, ...]] = {
    "smoke": ("cascades:measured:1",),
    "default": ("cascades:uniform:4", "cascades:measured:4"),
    "full": tuple(f"cascades:{prior}:25" for prior in PRIORS),
}
"""Profile -> the fresh games that it plays beside the catalog, as `sources` reads them."""

CASCADES = ("s0", "s_L")
"""The kinds of optimum whose s lies strictly between 0 and 1: they stand on a cliff."""
OTHERS = ("stay-1", "leave-1", "stay-2", "leave-2")
"""The kinds whose optimum is an end of [0, 1], or route 2."""
KINDS = tuple(rule for rule in RULES if rule in CASCADES + OTHERS)
"""The kinds that a prior can have. The seventh, "interior", needs p1 > p2 (`provider.may_mix`), and
the priors keep the paper's order."""

DRAWS = 1 << 22
"""How many games of a prior are looked through before a kind counts as not to be found."""
MOST = 10_000
"""The most games of a kind that a sample may have."""
SAMPLED: tuple[Set, ...] = ("fresh", "tuned")
"""Sets of samples in the order in which they are reported."""
PANELS = 16
"""The most games that a report draws one by one."""
_BATCH = 1 << 16
_NAME = re.compile(
    rf"(?P<prior>{'|'.join(PRIORS)})\.(?P<seed>0|[1-9][0-9]{{0,9}})\.(?P<kind>{'|'.join(KINDS)})"
    r"\.(?P<number>[1-9][0-9]{0,9})"
)


class Origin(NamedTuple):
    """Where a sampled game comes from; as text, its name."""

    prior: str
    seed: int
    kind: str
    number: int
    """Which of its kind, from 1."""

    def __str__(self) -> str:
        return f"{self.prior}.{self.seed}.{self.kind}.{self.number}"


class Sample(NamedTuple):
    """What was drawn, and what could not be found."""

    games: dict[str, Game]
    missing: dict[str, int]
    """Kind -> how many games of it `DRAWS` draws were short of what was asked for."""


def origin(name: str) -> Origin | None:
    """Of a sampled game, from its name; None if it was not sampled."""
    if not (found := _NAME.fullmatch(name)):
        return None
    return Origin(found["prior"], int(found["seed"]), found["kind"], int(found["number"]))


def set_of(name: str) -> Set:
    """Whether settings were tuned on the game of this name."""
    if place := origin(name):
        return "fresh" if place.seed >= FRESH_FROM else "tuned"
    return "tuned" if name in GAMES or name in PAIRS else "own"


def shown(names: Iterable[str]) -> list[str]:
    """Games that a report draws one by one: the first `PANELS` that are no samples. If all are, and
    not more than `PANELS`, then all of them.
    """
    names = [*names]
    single = [name for name in names if origin(name) is None]
    return single[:PANELS] or (names if len(names) <= PANELS else [])


def each(n: int) -> dict[str, int]:
    """``n`` games of each kind."""
    return dict.fromkeys(KINDS, n)


def half_cascades(n: int) -> dict[str, int]:
    """``n`` games by turns from `CASCADES` and `OTHERS`, whose kinds take turns in turn."""
    groups = itertools.cycle((itertools.cycle(CASCADES), itertools.cycle(OTHERS)))
    return dict(Counter(next(next(groups)) for _ in range(n)))


def draw(prior: str, counts: Mapping[str, int], seed: int) -> Sample:
    """The first games of each kind in the endless sequence of a prior and a seed.

    Args:
        prior: the name of one of `PRIORS`.
        counts: kind to how many.
        seed: of the sequence, at least 0; see `FRESH_FROM`.
    """
    rng = np.random.default_rng(seeds(f"games/{prior}", seed))
    found: dict[str, list[Game]] = {kind: [] for kind in counts}
    for _ in range(DRAWS // _BATCH):
        wanted = {kind: n - len(found[kind]) for kind, n in counts.items()}
        if not any(wanted.values()):
            break
        batch = PRIORS[prior](_BATCH, rng)
        rules = np.asarray(solve(batch).rule)
        for kind, n in wanted.items():
            found[kind] += [batch[int(k)] for k in np.flatnonzero(rules == kind)[:n]]
    games = {
        str(Origin(prior, seed, kind, number)): game
        for kind, games in found.items()
        for number, game in enumerate(games, start=1)
    }
    short = {kind: n - len(found[kind]) for kind, n in counts.items()}
    return Sample(games, {kind: n for kind, n in short.items() if n})


def redraw(place: Origin) -> Game | None:
    """The game of this name; None if `DRAWS` draws do not show so many of its kind."""
    return draw(place.prior, {place.kind: place.number}, place.seed).games.get(str(place))
