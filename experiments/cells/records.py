"""Facts on disk: one directory per run, one file per finished cell.

    DIR/run.json              the spec, and which versions and commit started the run
    DIR/cells/<cell>.json     the record of a finished cell, written whole or not at all
    DIR/report.html           made from the records, at any time

A `Suite` says what a cell is and leaves behind; another kind of run is another suite.

A record holds facts only (what was recommended after how much practice), never a regret: that is
computed when it is read, so a corrected theorem needs no new run.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Generic, Protocol, TypeVar

import msgspec

from routing_game.experiments import InputError
from routing_game.experiments.cells.origin import commit, versions
from routing_game.experiments.cells.spec import Cell, Plan, Spec
from routing_game.experiments.cells.store import Store, tried, unwritable
from routing_game.files import decoded, printable, read, short, write

MOST = 1 << 23
"""Bytes of a `run.json`: that of 10,000 games has 4 MB."""
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
    seconds: Annotated[float, msgspec.Meta(ge=0)]
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


def whatever(plan: Plan, record: Record[Any]) -> bool:
    """No trace is out of place, whoever the learner is."""
    return True


@dataclass(frozen=True)
class Suite(Generic[G, T]):
    """One kind of run.

    Attributes:
        name: as `run.json` has it.
        spec: how its games are written.
        work: what a batch of cells of one learner is; it returns their traces, in order. The trace
            of a cell must be the same in whatever batch.
        trace: a dataclass, the schema of what a cell leaves behind.
        nothing: the trace of a cell that failed.
        together: at most so many cells of that learner are a batch.
        source: a short text that changes with the code of that learner, where this is not ours; a
            cell whose record has another is run again.
        fits: whether a cell that did not fail can be one of its learner's, with that plan.
    """

    name: str
    spec: type[Spec[G]]
    work: Callable[[Spec[G], Sequence[Cell]], list[T]]
    trace: type[T]
    nothing: T
    together: Callable[[str], int] = alone
    source: Callable[[str], str | None] = ours
    fits: Callable[[Plan, Record[T]], bool] = whatever

    def record(self, content: bytes | str) -> Record[T]:
        """A record from its file's content; its texts can be shown as they are.

        Raises:
            ValueError: saying what is wrong with it.
        """
        kind: Any = Record[self.trace]  # type: ignore[name-defined]
        record: Record[T] = decoded(content, kind)
        if record.error is None:
            record.trace.check()
        elif record.trace != self.nothing:
            raise ValueError("an error and a trace")
        said, code = record.error, record.commit
        if not (f"{said}{code}").isprintable():
            said, code = said and printable(said), code and printable(code)
            record = replace(record, error=said, commit=code)
        return record


class RunFile(msgspec.Struct):
    """What `run.json` holds, and what else of it is read."""

    spec: msgspec.Raw
    versions: dict[str, str]
    suite: str = FIRST_SUITE
    grew: list[str] = []


@dataclass(frozen=True)
class RunDirectory(Generic[G, T]):
    """A folder that belongs to one spec.

    Attributes:
        suite: the kind of run.
        path: of the folder.
        spec: of the run.
        versions: of the packages that began it.
        grew: digests of the lesser specs from which it grew; its records may name one of them.
    """

    suite: Suite[G, T]
    path: Path
    spec: Spec[G]
    versions: dict[str, str]
    grew: tuple[str, ...] = ()

    @classmethod
    def open(cls, suite: Suite[G, T], path: Path) -> "RunDirectory[G, T]":
        """An existing run of a suite.

        Raises:
            InputError: there is none, its `run.json` cannot be read, or its `cells` are missing.
        """
        try:
            content = read(path / "run.json", MOST)
        except OSError as error:
            problem = f"expected a run directory, got {path}"
            if inside := runs_in(path):
                more = f" and {len(inside) - MANY} more" if len(inside) > MANY else ""
                problem += f", which holds the runs {', '.join(inside[:MANY])}{more}"
                raise InputError(f"{problem}; name one, such as {path / inside[0]}") from None
            problem += f" ({error.strerror}: run.json)"
            raise InputError(f"{problem}; make one with: routing-game check --out DIR") from None
        except ValueError as error:
            raise _damaged(path, error) from None
        try:
            facts = decoded(content, RunFile)
            if facts.suite != suite.name:
                name = short(facts.suite, 40)
                problem = f"{path} holds a run of the suite {name}"
                raise InputError(f"{problem}; choose another --out, or --suite {name}")
            spec = suite.spec.from_json(bytes(facts.spec))
        except ValueError as error:
            raise _damaged(path, error) from None
        directory = cls(suite, path, spec, facts.versions, tuple(facts.grew))
        if not (path / "cells").is_dir():
            problem = f"expected a run directory, got {path} (no folder cells)"
            raise InputError(f"{problem}; run the same check again")
        return directory

    @classmethod
    def create(
        cls,
        suite: Suite[G, T],
        path: Path,
        spec: Spec[G],
        fresh: bool = False,
        like: Path | None = None,
    ) -> "RunDirectory[G, T]":
        """The folder for this spec, new or begun earlier, tried by writing to it.

        A run that was begun for a part of this spec grows to it, and keeps its cells: a cell is the
        same in whatever run.

        Args:
            suite: the kind of run.
            path: the folder.
            spec: of the run.
            fresh: forget whatever run was begun there.
            like: a folder of the same spec, of whose beginning a new one tells instead of today's;
                with it nothing grows.

        Raises:
            InputError: if it cannot be written, or belongs to another spec or to something else.
        """
        if foreign := _foreign(path):
            problem = f"expected a new folder or a run's, got {path}, which holds {min(foreign)}"
            raise InputError(f"{problem}; choose another --out")
        try:
            spec.check()
        except ValueError as error:
            raise InputError(str(error)) from None
        tried(path / "cells")
        if fresh:
            forget(path)
        if fresh or not (path / "run.json").exists():
            # of those who begin here at once, one says what the run is
            said = read(like / "run.json") if like else _beginning(suite, spec)
            write(path / "run.json", said, first=not fresh)
        begun = cls.open(suite, path)
        if like is None and begun.spec.is_part_of(spec):
            begun._grow(spec)
            begun = cls.open(suite, path)
        if begun.spec.identity != spec.identity:
            problem = f"{path} holds a run of another spec ({difference(begun.spec, spec)})"
            advice = "choose another --out"
            if like is None:
                advice += ", begin anew with --fresh, or ask for the same run to resume it, or for "
                advice += "one with more seeds, games or learners, which goes on with its cells"
            raise InputError(f"{problem}; {advice}")
        return begun

    def _grow(self, spec: Spec[G]) -> None:
        """Let the folder belong to a spec of which its own is a part."""
        facts = json.loads(read(self.path / "run.json", MOST))
        facts |= {"spec": json.loads(spec.to_json()), "grew": [*self.grew, self.spec.digest]}
        write(self.path / "run.json", json.dumps(facts, indent=1))

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
        return self.store.read(cell.filename, partial(self._believed, cell))

    def _believed(self, cell: Cell, content: bytes) -> Record[T]:
        """The record that a cell's file holds, if it is that cell's."""
        record = self.suite.record(content)
        if record.cell != cell or record.run not in (self.spec.digest, *self.grew):
            problem = f"{self.store.folder / cell.filename} comes from another run"
            raise InputError(f"{problem}; delete it to have the cell run again")
        if record.error is None and not self.suite.fits(self.spec.plans[cell.learner], record):
            raise ValueError(f"its trace is not one of {cell.learner}")
        return record

    def drop(self, cell: Cell) -> None:
        """Forget a finished cell."""
        (self.store.folder / cell.filename).unlink(missing_ok=True)

    def keep(self, record: Record[T]) -> None:
        """Write a finished cell."""
        self.store.keep(record.cell.filename, msgspec.to_builtins(record))


def _beginning(suite: Suite[Any, Any], spec: Spec[Any]) -> str:
    """What `run.json` says of a run that begins now."""
    facts = {"suite": suite.name, "spec": json.loads(spec.to_json())}
    return json.dumps(facts | {"commit": commit(), "versions": versions()}, indent=1)


def _damaged(path: Path, error: ValueError) -> InputError:
    problem = f"{path / 'run.json'} is damaged ({error})"
    return InputError(f"{problem}; move it away, or choose another --out")


def _foreign(path: Path) -> list[str]:
    """Names of what is in a folder that is no run's."""
    try:
        if not path.is_dir():
            return []
        names = [file.name for file in path.iterdir()]
        if (path / "run.json").exists():  # looked for last: somebody may just have begun here
            return []
    except OSError as error:
        raise unwritable(path, error) from None
    return [name for name in names if name != "cells" and name[0] != "."]


def forget(path: Path) -> None:
    """Delete the finished cells of a run; stopped in between, it is the same run with fewer."""
    for file in (path / "cells").glob("*.json"):
        file.unlink(missing_ok=True)


def runs_in(path: Path) -> list[str]:
    """The names of a folder's folders that are runs, the shorter first; none if it is one itself.

    A sweep of several settings makes such a folder.
    """
    if (path / "run.json").exists():
        return []
    return sorted((file.parent.name for file in path.glob("*/run.json")), key=lambda x: (len(x), x))


def suite_of(path: Path) -> str:
    """The suite of a run directory; the first if none is named or the file cannot be read."""
    try:
        return decoded(read(path / "run.json", MOST), RunFile).suite
    except (OSError, ValueError):
        return FIRST_SUITE


def difference(begun: Spec[G], asked: Spec[G]) -> str:
    """In a few words, the first thing in which the run that was begun is not what is asked for."""
    for noun, here, there in (
        ("learner", [*begun.plans], [*asked.plans]),
        ("game", [*begun.games], [*asked.games]),
    ):
        if words := _lacks_and_has(noun, here, there):
            return words
    for name, plan in begun.plans.items():
        mine, other = plan.unordered(), asked.plans[name].unordered()
        for field, words in COUNTED.items():
            if (has := mine.get(field, 0)) != (asks := other.get(field, 0)):
                return f"its {name} has {words.format(has)}, not {asks}"
        if mine != other:
            return f"its {name} plays {', '.join(plan.games[:MANY])}, not the same games"
    for name, game in begun.games.items():
        if game != asked.games[name]:
            return f"its game {name} has other numbers"
    return f"its profile is {begun.profile}, not {asked.profile}"


COUNTED = {
    "practice": "a practice of {}",
    "seeds": "{} seeds",
    "fewer": "{} seeds on fresh games",
}
"""Field of a plan -> what it counts."""
MANY = 6
"""Names in a complaint, at most."""


def _lacks_and_has(noun: str, here: Sequence[str], there: Sequence[str]) -> str:
    """Which of these names are not here, and which are here besides; empty if they are the same."""
    said = []
    for verb, mine, other in (("lacks", there, here), ("also has", here, there)):
        if names := [name for name in mine if name not in other]:
            more = f" and {len(names) - MANY} more" if len(names) > MANY else ""
            plural = "s" * (len(names) > 1)
            some = ", ".join(names[:MANY])
            said.append(f"{verb} the {noun}{plural} {some}{more}")
    return f"it {' and '.join(said)}" if said else ""
