"""What a run is: which learners meet which games, with how much practice and how many seeds.

A *cell* is one learner on one game with one seed. A *spec* lists the cells of a run and holds the
numbers of its games, so a run directory can be judged again without asking today's catalog what the
games were.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, NamedTuple, Self, TypeVar

import numpy as np

from routing_game.experiments.cells.store import digest, seeds
from routing_game.theory.exchange import from_dict, to_dict

G = TypeVar("G")


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
    practice: int
    seeds: int
    many: tuple[str, ...] = ()
    """Those of `games` that are played with `fewer` seeds."""
    fewer: int = 0

    def fields(self) -> dict[str, Any]:
        """By name; without `many` and `fewer` if there are none, as before they were thought of."""
        found = {"games": self.games, "practice": self.practice, "seeds": self.seeds}
        return found | ({"many": self.many, "fewer": self.fewer} if self.many else {})

    def seeds_on(self, game: str) -> int:
        """How many seeds it plays a game with."""
        return self.fewer if game in self.many else self.seeds

    @property
    def cells(self) -> int:
        """How many cells it has."""
        return sum(map(self.seeds_on, self.games))


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

    def to_json(self) -> str:
        """As text; equal specs give equal texts."""
        games = {name: self.encode(game) for name, game in self.games.items()}
        plans = {name: plan.fields() for name, plan in self.plans.items()}
        return json.dumps({"profile": self.profile, "games": games, "plans": plans}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Back from text.

        Raises:
            ValueError: if the text is no spec.
        """
        try:
            data = json.loads(text)
            games = {name: cls.decode(fields) for name, fields in data["games"].items()}
            plans = {
                name: Plan(
                    tuple(plan["games"]),
                    plan["practice"],
                    plan["seeds"],
                    tuple(plan.get("many", ())),
                    plan.get("fewer", 0),
                )
                for name, plan in data["plans"].items()
            }
            return cls(data["profile"], games, plans)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a run's spec ({error!r})") from None

    @staticmethod
    def encode(game: Any) -> dict[str, Any]:
        """What stands for a game in the text: here, of a `Game`."""
        return to_dict(game)

    @staticmethod
    def decode(fields: dict[str, Any]) -> Any:
        """Back from it."""
        return from_dict(fields)

    @cached_property
    def digest(self) -> str:
        """Twelve hexadecimal digits that tie a cell's file to its run; every record asks for it."""
        return digest(self.to_json())
