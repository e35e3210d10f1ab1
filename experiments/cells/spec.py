"""What a run is: which learners meet which games, with how much practice and how many seeds.

A *cell* is one learner on one game with one seed. A *spec* lists the cells of a run and holds the
numbers of its games, so a run directory can be judged again without asking today's catalog what the
games were.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Generic, NamedTuple, Self, TypeVar

import msgspec
import numpy as np

from routing_game.experiments.cells.store import digest, seeds
from routing_game.files import decoded, fitted, is_name
from routing_game.theory import Game
from routing_game.theory.exchange import from_dict, to_dict

G = TypeVar("G")

MOST_CELLS = 1_000_000
"""A run with more is a slip: of the longest that we know, reports are made from 20,000."""
Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=1 << 53)]


class Cell(NamedTuple):
    """One learner on one game with one seed."""

    learner: str
    game: str
    seed: int

    @property
    def filename(self) -> str:
        """The file that holds this cell's record."""
        return f"{self.learner.replace(':', '.')}__{self.game}__{self.seed:03d}.json"

    def streams(self, count: int) -> list[np.random.SeedSequence]:
        """Independent streams that depend on the cell alone."""
        return seeds(f"{self.learner}/{self.game}", self.seed).spawn(count)


@dataclass(frozen=True)
class Plan:
    """What one learner does in a run: its games, practice a cell, and number of seeds.

    Some of its games may be there for their number; they are played with fewer seeds each.
    """

    games: tuple[str, ...]
    practice: Positive
    seeds: Positive
    many: tuple[str, ...] = ()
    """Those of `games` that are played with `fewer` seeds."""
    fewer: Count = 0

    def fields(self) -> dict[str, Any]:
        """By name; `many` and `fewer` only where there are some, as digests of runs count on."""
        found = {"games": self.games, "practice": self.practice, "seeds": self.seeds}
        return found | ({"many": self.many, "fewer": self.fewer} if self.many else {})

    def unordered(self) -> dict[str, Any]:
        """Its fields, games in the order of the alphabet."""
        return self.fields() | {"games": sorted(self.games), "many": sorted(self.many)}

    def seeds_on(self, game: str) -> int:
        """How many seeds it plays a game with."""
        return self.fewer if game in self._many else self.seeds

    @cached_property
    def _many(self) -> frozenset[str]:
        """`many`, to be asked of each of as many games."""
        return frozenset(self.many)

    @property
    def count(self) -> int:
        """How many cells it has."""
        return sum(map(self.seeds_on, self.games))


class SpecFile(msgspec.Struct):
    """A spec as a file has it; `Spec.decode` says what a game is."""

    profile: str
    games: dict[str, dict[str, Any]]
    plans: dict[str, Plan]


@dataclass(frozen=True)
class Spec(Generic[G]):
    """A whole run as data.

    A suite whose games are more than a `Game` has a spec of its own with other `encode` and
    `decode`.

    Attributes:
        profile: the name of the budgets it was made from, for the report's headline.
        games: id to game, in the order of the report.
        plans: learner to plan, in the order of the report.
    """

    profile: str
    games: dict[str, G]
    plans: dict[str, Plan]

    def cells(self) -> list[Cell]:
        """Every cell, seed by seed, so that an early look shows each learner on each game."""
        most = max((plan.seeds for plan in self.plans.values()), default=0)
        return [
            Cell(learner, game, seed)
            for seed in range(most)
            for learner, plan in self.plans.items()
            for game in plan.games
            if seed < plan.seeds_on(game)
        ]

    @property
    def count(self) -> int:
        """How many cells it has."""
        return sum(plan.count for plan in self.plans.values())

    def to_json(self) -> str:
        """As text; equal specs, written in the same order, give equal texts."""
        games = {name: self.encode(game) for name, game in self.games.items()}
        plans = {name: plan.fields() for name, plan in self.plans.items()}
        return json.dumps({"profile": self.profile, "games": games, "plans": plans}, indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Back from text.

        Raises:
            ValueError: if the text is no spec.
        """
        written = decoded(text, SpecFile)
        games = {name: cls.decode(fields) for name, fields in written.games.items()}
        spec = cls(written.profile, games, written.plans)
        spec.check()
        return spec

    def check(self) -> None:
        """Raise ValueError unless it is a run that can be kept in files."""
        for name in (self.profile, *self.games, *self.plans):
            if not is_name(name):
                raise ValueError(f"expected a name of printable letters, got {name!a:.99}")
        for learner, plan in self.plans.items():
            fitted(plan.fields(), Plan)
            for games in (plan.games, plan.many):
                if len({*games}) < len(games):
                    raise ValueError(f"expected each game of {learner} once, got some again")
            if unknown := {*plan.games, *plan.many} - {*self.games}:
                raise ValueError(f"expected games of the run for {learner}, got {min(unknown)!a}")
        if self.count > MOST_CELLS:
            raise ValueError(f"expected at most {MOST_CELLS:,} cells, got {self.count:,}")

    def is_part_of(self, other: "Spec[G]") -> bool:
        """Whether the other has these cells and more, with the same practice and numbers."""
        mine, theirs = (
            {name: plan.practice for name, plan in spec.plans.items()} for spec in (self, other)
        )
        return (
            self.profile == other.profile
            and mine.items() <= theirs.items()
            and all(other.games.get(name) == game for name, game in self.games.items())
            and {*self.cells()} < {*other.cells()}
        )

    @staticmethod
    def encode(game: Any) -> dict[str, Any]:
        """What stands for a game in the text: here, of a `Game`."""
        return to_dict(game)

    @staticmethod
    def decode(fields: dict[str, Any]) -> Any:
        """Back from it.

        Raises:
            ValueError: it stands for none.
        """
        return single(fields)

    @cached_property
    def digest(self) -> str:
        """Twelve hexadecimal digits that tie a cell's file to its run; every record asks for it."""
        return digest(self.to_json())

    @cached_property
    def identity(self) -> str:
        """Twelve hexadecimal digits that the order of its learners and games does not change."""
        games = {name: self.encode(game) for name, game in self.games.items()}
        plans = {name: plan.unordered() for name, plan in self.plans.items()}
        return digest(json.dumps([self.profile, games, plans], sort_keys=True))


def single(fields: dict[str, Any]) -> Game:
    """The game of these fields, which must be one.

    Raises:
        ValueError: they are none, or those of many games.
    """
    parts = [part for x in fields.values() for part in (x if isinstance(x, list) else [x])]
    lists = any(isinstance(part, list) for part in parts)  # which may be long, so they go first
    if lists or (game := from_dict(fields)).shape:
        raise ValueError("expected the numbers of one game, got lists of them")
    return game
