"""Experiments on a hidden cascade: `routing-game belief EXPERIMENT`, each a question, an answer and its evidence.

An experiment is a module of its own, `belief_<name>`, with names that this one looks for:

    PROFILES    profile -> the numbers that it takes (sessions, seeds, tasks, ...), which flags may change
    experiment  (settings, progress) -> `Page`
    check       if it is there: raises InputError for settings that it cannot do; that s matters to the game's user is
                known by then

A page is written as one self-contained HTML file, its tables as CSV and its answer as JSON beside it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from routing_game.experiments import InputError
from routing_game.experiments.kept import Kept
from routing_game.experiments.pages import embedded, render
from routing_game.experiments.progress import Steps
from routing_game.experiments.records import commit, versions
from routing_game.experiments.rulebook import threshold
from routing_game.files import write
from routing_game.theory import Game, load
from routing_game.theory.exchange import to_dict

if TYPE_CHECKING:
    import polars as pl

COUNTS = ("seeds", "patience", "curve")
"""Numbers that say which cells there are, but change none of them: with more seeds, those that were run are kept."""
WIDTH = 100
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
        from routing_game.experiments.run import in_workers

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


@dataclass(frozen=True)
class Figure:
    """A picture with its words."""

    caption: str
    svg: str


@dataclass(frozen=True)
class Table:
    """Numbers with their words; `name` is that of the CSV file."""

    name: str
    caption: str
    frame: pl.DataFrame


@dataclass(frozen=True)
class Page:
    """What came of an experiment. Every sentence of `answer` is made from the numbers of the tables."""

    title: str
    question: str
    answer: tuple[str, ...]
    figures: tuple[Figure, ...]
    tables: tuple[Table, ...]
    settings: Mapping[str, object]
    """What was done: numbers, seeds, rules; shown at the foot of the page."""


Experiment = Callable[[Settings, Steps], Page]


def prepare(name: str, game: str, profile: str, workers: int, **flags: int | None) -> tuple[Experiment, Settings]:
    """The experiment, and its settings with the flags that were given.

    Raises:
        InputError: a flag is given that the experiment has no such number for, or it cannot do what is asked.
    """
    module = import_module(f"routing_game.experiments.belief_{name}")
    numbers: dict[str, int] = dict(module.PROFILES[profile])
    given = {flag: value for flag, value in flags.items() if value is not None}
    if unknown := [flag for flag in given if flag not in numbers]:
        known = " and ".join(f"--{flag}" for flag in flags if flag in numbers) or "neither"
        raise InputError(f"expected {known} for belief {name}, got --{unknown[0]}")
    settings = Settings(game, profile, numbers | given, workers)
    threshold(settings.game, game)  # without one there is nothing to believe
    if hasattr(module, "check"):
        module.check(settings)
    return module.experiment, settings


def folder(path: Path) -> Path:
    """The folder, made and tried by writing.

    Raises:
        InputError: it cannot be written to.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        write(path / "try.json", "")
        (path / "try.json").unlink()
    except OSError as error:
        problem = f"{path} ({error.strerror})"
        raise InputError(f"expected a folder to write to, got {problem}; choose another --out") from None
    return path


def terminal_page(page: Page) -> str:
    """Title, question and answer, wrapped."""
    answer = [fill(words, WIDTH, initial_indent="- ", subsequent_indent="  ") for words in page.answer]
    return "\n".join([page.title, fill(page.question, WIDTH), "", *answer])


def write_page(page: Page, name: str, out: Path) -> Path:
    """Write ``name``.html, ``name``.json and a CSV file for each table into a folder; the page's path."""
    facts = {"title": page.title, "question": page.question, "answer": page.answer, "settings": page.settings}
    origin = {"commit": commit(), "versions": versions()}
    for table in page.tables:
        write(out / f"{name}-{table.name}.csv", table.frame.write_csv())
    write(out / f"{name}.json", json.dumps(facts | origin, indent=1, default=str))
    write(
        out / f"{name}.html",
        render("belief.html", {"embedded": embedded, "cell": cell}, {"page": page, "name": name, **origin}),
    )
    return out / f"{name}.html"


def cell(value: object) -> str:
    """A table's entry: four digits of a number, nothing for what is missing."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if type(value) is int else str(value)
