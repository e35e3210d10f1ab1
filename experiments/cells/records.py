"""Facts on disk: one directory per run, one file per finished cell.

    DIR/run.json              the spec, and which versions and commit started the run
    DIR/cells/<cell>.json     the record of a finished cell, written whole or not at all
    DIR/report.html           made from the records, at any time

A `Suite` says what a cell is and leaves behind; another kind of run is another suite.

A record holds facts only (what was recommended after how much practice), never a regret: that is
computed when it is read, so a corrected theorem needs no new run.
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from routing_game.experiments import InputError
from routing_game.experiments.cells.origin import commit, versions
from routing_game.experiments.cells.spec import Cell, Spec
from routing_game.experiments.cells.store import Store, tried, unwritable
from routing_game.files import write

FIRST_SUITE = "learners"
"""That of runs which name none: they began before there were others."""


class Checked(Protocol):
    """What a cell leaves behind."""

    def check(self) -> None:
        """Raise ValueError unless every field holds what it should."""


G = TypeVar("G")
T = TypeVar("T", bound=Checked)


@dataclass(frozen=True)
class Record(Generic[T]):
    """What came of a cell: its trace, whole if `error` is None.

    Else `error` is the text of the exception that ended the cell, and the trace the suite's
    `nothing`.
    """

    learner: str
    game: str
    seed: int
    run: str
    commit: str | None
    seconds: float
    error: str | None
    trace: T
    source: str | None = None
    """What `Suite.source` said of the learner when the cell was run."""

    @property
    def cell(self) -> Cell:
        """The cell this record belongs to."""
        return Cell(self.learner, self.game, self.seed)


def alone(learner: str) -> int:
    """One cell at a time, whoever the learner is."""
    return 1


def ours(learner: str) -> None:
    """No source but this package's, whoever the learner is: the commit tells of its changes."""


@dataclass(frozen=True)
class Suite(Generic[G, T]):
    """One kind of run.

    Attributes:
        name: as `run.json` has it.
        spec: how its games are written.
        work: what a batch of cells of one learner is; it returns their traces, in order. The trace
            of a cell must be the same in whatever batch.
        trace: makes a trace from its fields.
        nothing: the trace of a cell that failed.
        together: at most so many cells of that learner are a batch.
        source: a short text that changes with the code of that learner, where this is not ours; a
            cell whose record has another is run again.
    """

    name: str
    spec: type[Spec[G]]
    work: Callable[[Spec[G], Sequence[Cell]], list[T]]
    trace: Callable[..., T]
    nothing: T
    together: Callable[[str], int] = alone
    source: Callable[[str], str | None] = ours

    def record(self, text: str) -> Record[T]:
        """A record from its text.

        Raises:
            ValueError: saying what is wrong with it.
        """
        try:
            data = json.loads(text)
            record = Record(**{**data, "trace": self.trace(**data["trace"])})
        except (TypeError, KeyError) as error:
            raise ValueError(f"not a cell's record ({error})") from None
        self.check(record)
        return record

    def check(self, record: Record[T]) -> None:
        """Raise ValueError unless every field holds what it should."""
        seconds = record.seconds
        if type(seconds) not in (int, float) or not 0 <= seconds < math.inf:
            raise ValueError(f"seconds must be a number of at least 0, got {seconds!r}")
        for name in ("error", "commit", "source"):
            if not isinstance(getattr(record, name), str | None):
                raise ValueError(f"{name} must be text or null, got {getattr(record, name)!r}")
        if record.error is None:
            record.trace.check()
        elif record.trace != self.nothing:
            raise ValueError("an error and a trace")


@dataclass(frozen=True)
class RunDirectory(Generic[G, T]):
    """A folder that belongs to one spec; `versions` are those of packages that began the run."""

    suite: Suite[G, T]
    path: Path
    spec: Spec[G]
    versions: dict[str, str]

    @classmethod
    def open(cls, suite: Suite[G, T], path: Path) -> "RunDirectory[G, T]":
        """An existing run of a suite.

        Raises:
            InputError: there is none, its `run.json` cannot be read, or its `cells` are missing.
        """
        try:
            text = (path / "run.json").read_text()
        except OSError as error:
            problem = f"expected a run directory, got {path} ({error.strerror}: run.json)"
            raise InputError(f"{problem}; make one with: routing-game check --out DIR") from None
        try:
            facts = json.loads(text)
            if (name := facts.get("suite", FIRST_SUITE)) != suite.name:
                problem = f"{path} holds a run of the suite {name}"
                raise InputError(f"{problem}; choose another --out, or --suite {name}")
            spec = suite.spec.from_json(json.dumps(facts["spec"]))
            directory = cls(suite, path, spec, dict(facts["versions"].items()))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            problem = f"{path / 'run.json'} is damaged ({error})"
            raise InputError(f"{problem}; move it away, or choose another --out") from None
        if not (path / "cells").is_dir():
            problem = f"expected a run directory, got {path} (no folder cells)"
            raise InputError(f"{problem}; run the same check again")
        return directory

    @classmethod
    def create(
        cls, suite: Suite[G, T], path: Path, spec: Spec[G], fresh: bool = False
    ) -> "RunDirectory[G, T]":
        """The folder for this spec, new or begun earlier, tried by writing to it.

        Args:
            suite: the kind of run.
            path: the folder.
            spec: of the run.
            fresh: forget whatever run was begun there.

        Raises:
            InputError: if it cannot be written, or belongs to another spec or to something else.
        """
        if foreign := _foreign(path):
            problem = f"expected a new folder or a run's, got {path}, which holds {min(foreign)}"
            raise InputError(f"{problem}; choose another --out")
        tried(path / "cells")
        if fresh:
            forget(path)
        if not (path / "run.json").exists():
            facts = {"suite": suite.name, "spec": json.loads(spec.to_json())}
            facts |= {"commit": commit(), "versions": versions()}
            write(path / "run.json", json.dumps(facts, indent=1))
        begun = cls.open(suite, path)
        if begun.spec.digest != spec.digest:
            problem = f"{path} holds a run of another spec ({difference(begun.spec, spec)})"
            raise InputError(
                f"{problem}; choose another --out, or ask for the same run to resume it"
            )
        return begun

    @property
    def store(self) -> Store:
        """Where the records are."""
        return Store(self.path / "cells")

    def records(self) -> Iterator[Record[T]]:
        """Each finished cell's record, in the order of the spec.

        Raises:
            InputError: at a file that is damaged or belongs to another run, naming it and what to
                do.
        """
        names = self.store.names()
        for cell in self.spec.cells():
            if cell.filename in names:
                names.remove(cell.filename)
                yield self._read(cell)
        for name in names:
            problem = f"{self.store.folder / name} belongs to no cell of this run"
            raise InputError(f"{problem}; move it away, or choose another --out")

    def _read(self, cell: Cell) -> Record[T]:
        record = self.store.read(cell.filename, self.suite.record)
        if (record.cell, record.run) != (cell, self.spec.digest):
            problem = f"{self.store.folder / cell.filename} comes from another run"
            raise InputError(f"{problem}; delete it to have the cell run again")
        return record

    def drop(self, cell: Cell) -> None:
        """Forget a finished cell."""
        (self.store.folder / cell.filename).unlink(missing_ok=True)

    def keep(self, record: Record[T]) -> None:
        """Write a finished cell."""
        self.store.keep(record.cell.filename, asdict(record))


def _foreign(path: Path) -> list[str]:
    """Names of what is in a folder that is no run's."""
    try:
        if not path.is_dir() or (path / "run.json").exists():
            return []
        return [
            file.name for file in path.iterdir() if file.name != "cells" and file.name[0] != "."
        ]
    except OSError as error:
        raise unwritable(path, error) from None


def forget(path: Path) -> None:
    """Delete what a run wrote of its cells, the spec first: a folder half empty is no run."""
    (path / "run.json").unlink(missing_ok=True)
    for file in (path / "cells").glob("*.json"):
        file.unlink(missing_ok=True)


def suite_of(path: Path) -> str:
    """The suite of a run directory; the first if none is named or the file cannot be read."""
    try:
        return str(json.loads((path / "run.json").read_text())["suite"])
    except (OSError, ValueError, KeyError, TypeError):
        return FIRST_SUITE


def difference(begun: Spec[G], asked: Spec[G]) -> str:
    """In a few words, the first thing in which two specs differ."""
    if begun.plans.keys() != asked.plans.keys():
        return f"its learners are {', '.join(begun.plans)}"
    for name, plan in begun.plans.items():
        if plan != asked.plans[name]:
            practice = f"practice {plan.practice} x {plan.seeds} seeds"
            return f"its {name}: {practice} on {len(plan.games)} games"
    if begun.games != asked.games:
        return f"its games are {', '.join(begun.games)}, or had other numbers"
    return f"its profile is {begun.profile}"
