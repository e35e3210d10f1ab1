"""What a question on a hidden cascade is asked with, and how its cells are worked through."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from routing_game.experiments.cells.origin import code
from routing_game.experiments.cells.progress import Steps, kept
from routing_game.experiments.cells.store import Store, digest, seeds
from routing_game.experiments.cells.workers import in_workers
from routing_game.experiments.hidden.kept import Of, as_kept, facts_of, result_of
from routing_game.theory import Game, load
from routing_game.theory.exchange import to_dict

COUNTS = ("seeds", "patience", "curve")
"""Numbers that say which cells there are, but change none of them: more seeds keep those that were
run.
"""
T = TypeVar("T")


@dataclass(frozen=True)
class Settings:
    """What an experiment is to do."""

    name: str
    """The game's."""
    profile: str
    numbers: Mapping[str, int]
    """The experiment's numbers for this profile, flags applied."""
    workers: int = 1
    """Processes; results do not depend on it."""
    kept: Path | None = None
    """The folder of finished cells, for a run that is stopped; None to keep none."""
    given: Game | None = None
    """The game itself, if no other is known by the name."""

    @property
    def game(self) -> Game:
        """The game itself."""
        return load(self.name) if self.given is None else self.given

    def __getitem__(self, number: str) -> int:
        return self.numbers[number]

    def rng(self, *key: object) -> np.random.Generator:
        """A stream that depends on the game and the key alone, whatever the order of work."""
        return np.random.default_rng(seeds(repr((self.name, *key))))

    def each(
        self,
        job: Callable[[T], Any],
        cells: Iterable[T],
        progress: Steps,
        what: str = "cells",
    ) -> list[Any]:
        """``job(cell)`` of every cell, in JSON's types: what is kept, and the rest.

        Args:
            job: a function of a module, perhaps with arguments in front.
            cells: what it is called with; equal ones are worked through once.
            progress: is told of each that is done.
            what: they are called.

        Raises:
            InputError: a kept result is damaged or another cell's; or a cell's worker died, and
                again when all others were done.
        """
        cells = list(cells)
        questions = [self._question(job, cell) for cell in cells]
        names = [f"{digest(json.dumps(question), 20)}.json" for question in questions]
        files = dict(zip(names, cells, strict=True))
        asked = dict(zip(names, questions, strict=True))
        store = Store(self.kept) if self.kept else None
        there = store.names() if store else set()
        done = {
            file: store.read(file, partial(result_of, asked[file]))
            for file in files
            if store and file in there
        }
        waiting = [(file, cell) for file, cell in files.items() if file not in done]
        if done:
            progress.say(f"{kept(len(done), len(files), what)} in {self.kept}")
        try:
            results = in_workers(_Named(job), waiting, self.workers, progress)
            for file, result in progress.over(results, len(waiting), what):
                if store:
                    store.keep(file, facts_of(asked[file], result))
                done[file] = as_kept(result)
        except KeyboardInterrupt:
            count = f"{len(done)} of {len(files)} {what} are done"
            again = "and kept; repeat the command to go on" if store else "and lost"
            raise KeyboardInterrupt(f"stopped: {count} {again}") from None
        return [done[name] for name in names]

    def _question(self, job: Callable[..., Any], cell: object) -> Of:
        """What a cell's result is the answer to: all it depends on, so other code begins anew."""
        function = job.func if isinstance(job, partial) else job
        return {
            "job": f"{function.__module__}.{function.__qualname__}",
            "code": code(function.__module__),
            "name": self.name,  # random numbers depend on it, too
            "game": to_dict(self.game),
            "numbers": {name: n for name, n in self.numbers.items() if name not in COUNTS},
            "cell": repr(cell),
        }


@dataclass(frozen=True)
class _Named:
    """A job that takes and returns the name of the cell's file with it."""

    job: Callable[[Any], Any]

    def __call__(self, cell: tuple[str, Any]) -> tuple[str, Any]:
        return cell[0], self.job(cell[1])
