"""Facts on disk: one directory per run, one file per finished cell.

    DIR/run.json              the spec, and which versions and commit started the run
    DIR/cells/<cell>.json     the record of a finished cell, written whole or not at all
    DIR/report.html           made from the records, at any time

A record holds facts only (what was recommended after how much practice), never a regret: that is computed when
it is read, so a corrected theorem needs no new run.
"""

import json
import math
import os
import platform
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from routing_game.experiments import InputError
from routing_game.experiments.spec import Cell, Spec

PACKAGES = ("routing-game", "numpy", "gymnasium", "torch", "stable-baselines3")


@dataclass(frozen=True)
class Trace:
    """What a learner would do, after more and more practice: rows of equal length, one list per column.

    Practice is counted in what the learner's registry entry says (tasks, decisions or iterations). A provider's row is
    the commitment (route, cascade) it recommends. A user's row is its answer to
    one commitment of a fixed grid: the probability of leaving after a failed pass of model 1 and of model 2
    (equal for a user who does not see the model); empty lists for a provider.
    """

    practice: list[int]
    route: list[int]
    cascade: list[float]
    leave_1: list[float]
    leave_2: list[float]

    def check(self) -> None:
        """Raise ValueError unless every column holds what it should."""
        for field in fields(self):
            column = getattr(self, field.name)
            kind = int if field.name in ("practice", "route") else (int, float)
            if not isinstance(column, list) or not all(isinstance(x, kind) and math.isfinite(x) for x in column):
                raise ValueError(f"column {field.name} must be a list of finite numbers")
        provider, user = (
            {len(self.practice), len(self.route), len(self.cascade)},
            {len(self.leave_1), len(self.leave_2)},
        )
        if len(provider) != 1 or user not in ({0}, provider):
            raise ValueError("columns of different lengths")


@dataclass(frozen=True)
class Record:
    """What came of a cell. `error` is the text of the exception that ended it, else None, and then `trace` is whole."""

    learner: str
    game: str
    seed: int
    run: str
    commit: str | None
    seconds: float
    error: str | None
    trace: Trace

    @property
    def cell(self) -> Cell:
        """The cell this record belongs to."""
        return Cell(self.learner, self.game, self.seed)

    @classmethod
    def from_json(cls, text: str) -> "Record":
        """Back from text.

        Raises:
            ValueError: saying what is wrong with it.
        """
        try:
            data = json.loads(text)
            record = cls(**{**data, "trace": Trace(**data["trace"])})
        except (TypeError, KeyError) as error:
            raise ValueError(f"not a cell's record ({error})") from None
        record.trace.check()
        return record


@dataclass(frozen=True)
class RunDirectory:
    """A folder that belongs to one spec."""

    path: Path
    spec: Spec

    @classmethod
    def open(cls, path: Path) -> "RunDirectory":
        """An existing run.

        Raises:
            InputError: if there is none, or if its `run.json` cannot be read.
        """
        try:
            text = (path / "run.json").read_text()
        except OSError as error:
            raise InputError(f"expected a run directory, got {path} ({error.strerror}: run.json); "
                           "make one with: routing-game check --out DIR") from None  # fmt: skip
        try:
            return cls(path, Spec.from_json(json.dumps(json.loads(text)["spec"])))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path / 'run.json'} is damaged ({error}); move it away, or choose another --out"
            ) from None

    @classmethod
    def create(cls, path: Path, spec: Spec) -> "RunDirectory":
        """The folder for this spec, new or begun earlier; that it takes files is tried by writing one.

        Raises:
            InputError: if it cannot be written, or belongs to another spec.
        """
        try:
            (path / "cells").mkdir(parents=True, exist_ok=True)
            write(path / "cells" / "try.json", "")
            (path / "cells" / "try.json").unlink()
        except OSError as error:
            problem = f"{path} ({error.strerror})"
            raise InputError(f"expected a folder to write to, got {problem}; choose another --out") from None
        if not (path / "run.json").exists():
            facts = {"spec": json.loads(spec.to_json()), "commit": commit(), "versions": versions()}
            write(path / "run.json", json.dumps(facts, indent=1))
        begun = cls.open(path)
        if begun.spec.digest != spec.digest:
            raise InputError(f"{path} holds a run of another spec ({difference(begun.spec, spec)}); "
                           "choose another --out, or ask for the same run to resume it")  # fmt: skip
        return begun

    def facts(self) -> dict[str, Any]:
        """What `run.json` says of versions and commit."""
        facts: dict[str, Any] = json.loads((self.path / "run.json").read_text())
        return facts

    def records(self) -> Iterator[Record]:
        """Each finished cell's record, in the order of the spec.

        Raises:
            InputError: at a file that is damaged or belongs to another run, naming it and what to do.
        """
        files = {file.name: file for file in (self.path / "cells").iterdir() if not file.name.startswith(".")}
        for cell in self.spec.cells():
            if file := files.pop(cell.filename, None):
                yield self._read(file, cell)
        for file in files.values():
            raise InputError(f"{file} belongs to no cell of this run; move it away, or choose another --out")

    def _read(self, file: Path, cell: Cell) -> Record:
        try:
            record = Record.from_json(file.read_text())
        except (ValueError, OSError) as error:
            raise InputError(f"{file} is damaged ({error}); delete it to have the cell run again") from None
        if (record.cell, record.run) != (cell, self.spec.digest):
            raise InputError(f"{file} comes from another run; delete it to have the cell run again")
        return record

    def keep(self, record: Record) -> None:
        """Write a finished cell."""
        write(self.path / "cells" / record.cell.filename, json.dumps(asdict(record)))


def write(file: Path, text: str) -> None:
    """Write a file whole or not at all."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(text)
    os.replace(draft, file)


def difference(begun: Spec, asked: Spec) -> str:
    """In a few words, the first thing in which two specs differ."""
    if begun.plans.keys() != asked.plans.keys():
        return f"its learners are {', '.join(begun.plans)}"
    for name, plan in begun.plans.items():
        if plan != asked.plans[name]:
            return f"its {name}: practice {plan.practice} x {plan.seeds} seeds on {len(plan.games)} games"
    if begun.games != asked.games:
        return f"its games are {', '.join(begun.games)}, or had other numbers"
    return f"its profile is {begun.profile}"


def versions() -> dict[str, str]:
    """What the run was made with."""
    return {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}


@cache
def commit() -> str | None:
    """The git commit of this code, marked `-dirty` when it was changed since; None outside a repository."""
    here = Path(__file__).resolve()

    def git(*words: str) -> str | None:
        try:
            done = subprocess.run(["git", "-C", here.parent, *words], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return None
        return done.stdout.strip()

    tracked = git("ls-files", "--error-unmatch", here.name) is not None
    return git("describe", "--always", "--dirty", "--exclude=*", "--abbrev=12") if tracked else None
