"""What a question on a hidden cascade is asked with, and how its cells are worked through."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from routing_game.experiments.cells.kept import Kept
from routing_game.experiments.cells.progress import Steps
from routing_game.experiments.cells.workers import in_workers
from routing_game.theory import Game, load
from routing_game.theory.exchange import to_dict

COUNTS = ("seeds", "patience", "curve")
"""Numbers that say which cells there are, but change none of them: with more seeds, those that were run are kept."""
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

    @property
    def game(self) -> Game:
        """The game itself."""
        return load(self.name)

    def __getitem__(self, number: str) -> int:
        return self.numbers[number]

    def rng(self, *key: object) -> np.random.Generator:
        """A stream that depends on the game and the key alone, so no order of work can change it."""
        name = hashlib.sha256(repr((self.name, *key)).encode()).digest()
        return np.random.default_rng(np.random.SeedSequence(0, spawn_key=np.frombuffer(name, dtype="<u4").tolist()))

    def each(self, job: Callable[[T], Any], cells: Iterable[T], progress: Steps, what: str = "cells") -> list[Any]:
        """``job(cell)`` of every cell, in JSON's types: what is kept, the rest in processes if there are workers.

        Raises:
            InputError: a kept result is damaged, or a worker process died.
        """
        cells = list(cells)
        numbers = {name: number for name, number in self.numbers.items() if name not in COUNTS}
        kept = Kept(self.kept, f"{_name(job)} {json.dumps([to_dict(self.game), numbers])}")
        found = kept.find(cells)
        waiting = [(i, cell) for i, cell in enumerate(cells) if i not in found]
        if found:
            progress.say(f"{len(found)} of {len(cells)} {what} were finished before and are kept in {self.kept}")
        try:
            for i, result in progress.over(in_workers(_Numbered(job), waiting, self.workers), len(waiting), what):
                found[i] = kept.keep(cells[i], result)
        except KeyboardInterrupt:
            done = f"{len(found)} of {len(cells)} {what} are done"
            again = "and kept; repeat the command to go on" if self.kept else "and lost"
            raise KeyboardInterrupt(f"stopped: {done} {again}") from None
        return [found[i] for i in range(len(cells))]


def _name(job: Callable[..., Any]) -> str:
    """The name of a function, with or without arguments in front."""
    function = job.func if isinstance(job, partial) else job
    return f"{function.__module__}.{function.__qualname__}"


@dataclass(frozen=True)
class _Numbered:
    """A job that takes and returns the cell's number with it."""

    job: Callable[[Any], Any]

    def __call__(self, cell: tuple[int, Any]) -> tuple[int, Any]:
        return cell[0], self.job(cell[1])
