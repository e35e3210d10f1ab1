"""Facts on disk: one directory per run, one file per finished cell.

    DIR/run.json              the spec, and which versions and commit started the run
    DIR/cells/<cell>.json     the record of a finished cell, written whole or not at all
    DIR/report.html           made from the records, at any time

A suite subclasses `Record` and `RunDirectory`, and `Spec` if its games are more than a `Game`, and says what a cell is.

A record holds facts only (what was recommended after how much practice), never a regret: that is computed when
it is read, so a corrected theorem needs no new run.
"""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from routing_game.experiments import InputError
from routing_game.experiments.cells.origin import commit, versions
from routing_game.experiments.cells.spec import Cell, Spec
from routing_game.files import write

FIRST_SUITE = "learners"
"""That of runs which name none: they began before there were others."""


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
    trace: Any

    kind: ClassVar[Callable[..., Any]]
    """What `trace` is, with a method `check`."""
    nothing: ClassVar[Any]
    """What it is in the record of a cell that failed."""

    @property
    def cell(self) -> Cell:
        """The cell this record belongs to."""
        return Cell(self.learner, self.game, self.seed)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Back from text.

        Raises:
            ValueError: saying what is wrong with it.
        """
        try:
            data = json.loads(text)
            record = cls(**{**data, "trace": cls.kind(**data["trace"])})
        except (TypeError, KeyError) as error:
            raise ValueError(f"not a cell's record ({error})") from None
        record.check()
        return record

    def check(self) -> None:
        """Raise ValueError unless every field holds what it should."""
        if type(self.seconds) not in (int, float) or not 0 <= self.seconds < math.inf:
            raise ValueError(f"seconds must be a number of at least 0, got {self.seconds!r}")
        for name in ("error", "commit"):
            if not isinstance(getattr(self, name), str | None):
                raise ValueError(f"{name} must be text or null, got {getattr(self, name)!r}")
        if self.error is None:
            self.trace.check()
        elif self.trace != self.nothing:
            raise ValueError("an error and a trace")


@dataclass(frozen=True)
class RunDirectory:
    """A folder that belongs to one spec; `versions` are those of the packages that began the run."""

    path: Path
    spec: Spec
    versions: dict[str, str]

    suite: ClassVar[str]
    spec_kind: ClassVar[type[Spec]] = Spec
    record_kind: ClassVar[type[Record]]

    @classmethod
    def open(cls, path: Path) -> Self:
        """An existing run.

        Raises:
            InputError: if there is none, if its `run.json` cannot be read, or if its `cells` are missing.
        """
        try:
            text = (path / "run.json").read_text()
        except OSError as error:
            raise InputError(f"expected a run directory, got {path} ({error.strerror}: run.json); "
                           "make one with: routing-game check --out DIR") from None  # fmt: skip
        try:
            facts = json.loads(text)
            if (suite := facts.get("suite", FIRST_SUITE)) != cls.suite:
                raise InputError(f"{path} holds a run of the suite {suite}; choose another --out, or --suite {suite}")
            spec = cls.spec_kind.from_json(json.dumps(facts["spec"]))
            directory = cls(path, spec, dict(facts["versions"].items()))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{path / 'run.json'} is damaged ({error}); move it away, or choose another --out"
            ) from None
        if not (path / "cells").is_dir():
            raise InputError(f"expected a run directory, got {path} (no folder cells); run the same check again")
        return directory

    @classmethod
    def create(cls, path: Path, spec: Spec) -> Self:
        """The folder for this spec, new or begun earlier; that it takes files is tried by writing one.

        Raises:
            InputError: if it cannot be written, or belongs to another spec or to something else.
        """
        try:
            if path.is_dir() and not (path / "run.json").exists():
                foreign = [file.name for file in path.iterdir() if file.name != "cells" and file.name[0] != "."]
                if foreign:
                    raise InputError(f"expected a new folder or a run's, got {path}, which holds {min(foreign)}; "
                                     "choose another --out")  # fmt: skip
            (path / "cells").mkdir(parents=True, exist_ok=True)
            write(path / "cells" / "try.json", "")
            (path / "cells" / "try.json").unlink()
        except OSError as error:
            problem = f"{path} ({error.strerror})"
            raise InputError(f"expected a folder to write to, got {problem}; choose another --out") from None
        if not (path / "run.json").exists():
            facts = {"suite": cls.suite, "spec": json.loads(spec.to_json()), "commit": commit(), "versions": versions()}
            write(path / "run.json", json.dumps(facts, indent=1))
        begun = cls.open(path)
        if begun.spec.digest != spec.digest:
            raise InputError(f"{path} holds a run of another spec ({difference(begun.spec, spec)}); "
                           "choose another --out, or ask for the same run to resume it")  # fmt: skip
        return begun

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
            record = self.record_kind.from_json(file.read_text())
        except (ValueError, OSError) as error:
            raise InputError(f"{file} is damaged ({error}); delete it to have the cell run again") from None
        if (record.cell, record.run) != (cell, self.spec.digest):
            raise InputError(f"{file} comes from another run; delete it to have the cell run again")
        return record

    def keep(self, record: Record) -> None:
        """Write a finished cell."""
        write(self.path / "cells" / record.cell.filename, json.dumps(asdict(record)))


def suite_of(path: Path) -> str:
    """The suite of a run directory; the first if none is named or the file cannot be read."""
    try:
        return str(json.loads((path / "run.json").read_text())["suite"])
    except (OSError, ValueError, KeyError, TypeError):
        return FIRST_SUITE


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
