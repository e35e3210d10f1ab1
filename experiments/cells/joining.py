"""Runs of one spec in several folders, such as shards of machines without a common one, as one.

A run of fewer seeds, games or learners than another is a part of it, and joins it: a cell is the
same in whatever run.

The folders are read and left as they are. All of them are read before the first cell is written,
so a join that is refused leaves nothing behind; and a cell is written whole or not at all, so one
that was stopped is finished by the same words again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from routing_game.experiments import InputError
from routing_game.experiments.cells.records import (
    Checked,
    Record,
    RunDirectory,
    Suite,
    difference,
)
from routing_game.experiments.cells.spec import Cell
from routing_game.experiments.cells.store import digest

G = TypeVar("G")
T = TypeVar("T", bound=Checked)


@dataclass
class Found:
    """What there is of the cells of a run.

    Attributes:
        places: finished cell -> the first folder that has it, and a digest of its trace.
        failed: cell that nobody finished -> the first folder in which it failed.
        sources: learner -> the first folder that has a cell of it, and its source there.
    """

    places: dict[Cell, tuple[Path, str]] = field(default_factory=dict)
    failed: dict[Cell, Path] = field(default_factory=dict)
    sources: dict[str, tuple[Path, str | None]] = field(default_factory=dict)

    def add(self, folder: Path, record: Record[Any]) -> None:
        """Note a record of a folder.

        Raises:
            InputError: it is not what another folder says, or comes from another source.
        """
        first, source = self.sources.setdefault(record.learner, (folder, record.source))
        if source != record.source:
            problem = f"{first} and {folder} ran different versions of {record.learner}"
            raise InputError(f"{problem}; run the cells of one again with the source of the other")
        if record.error is not None:
            self.failed.setdefault(record.cell, folder)
            return
        known, trace = self.places.setdefault(record.cell, (folder, digest(repr(record.trace))))
        if trace != digest(repr(record.trace)):
            name = record.cell.filename
            problem = f"expected the same result of a cell everywhere, but {name} differs"
            raise InputError(f"{problem} between {known} and {folder}; join without one of them")

    def chosen(self) -> dict[Cell, Path]:
        """Cell -> the folder from which it is taken: one that finished it, if any did."""
        return self.failed | {cell: folder for cell, (folder, _) in self.places.items()}


def join(suite: Suite[G, T], folders: Sequence[Path], out: Path) -> RunDirectory[G, T]:
    """A run directory with the cells of all folders; a finished cell goes before one that failed.

    Args:
        suite: the kind of run.
        folders: of runs of one spec, in whatever order its learners and games are, or of parts.
        out: another folder, new or joined before.

    Raises:
        InputError: no run has the cells of all others, what they have in common differs, a file of
            theirs is damaged, or ``out`` is one of them, holds something else, or cannot be
            written.
    """
    runs = [RunDirectory.open(suite, folder) for folder in folders]
    whole = max(runs, key=lambda run: run.spec.count)
    for run in runs:
        same = run.spec.identity == whole.spec.identity
        if not same and not run.spec.is_part_of(whole.spec):
            problem = f"{run.path} holds a run of another spec than {whole.path}"
            differs = difference(run.spec, whole.spec)
            rule = (
                "joined are runs with the same practice and games of which one has all cells "
                "of the others"
            )
            advice = "check --out grows a run by seeds, games and learners"
            raise InputError(f"{problem} ({differs}); {rule}; {advice}")
        target = Path(os.path.realpath(out))  # which does not mind links in a circle
        if Path(os.path.realpath(run.path)) in (target, *target.parents):
            raise InputError(f"expected an --out outside of {run.path}, which is joined, got {out}")
    before = [RunDirectory.open(suite, out)] if (out / "run.json").exists() else []
    found = Found()
    for run in [*(run for run in before if run.spec.identity == whole.spec.identity), *runs]:
        for record in run.records():
            found.add(run.path, record)
    joined = RunDirectory.create(suite, out, whole.spec, like=whole.path)
    chosen = found.chosen()
    for run in runs:
        for record in taken(run, chosen):
            joined.keep(replace(record, run=joined.spec.digest))
    return joined


def taken(run: RunDirectory[G, T], chosen: dict[Cell, Path]) -> Iterator[Record[T]]:
    """The records that are taken from a run."""
    return (record for record in run.records() if chosen[record.cell] == run.path)


def other_versions(folders: Sequence[RunDirectory[Any, Any]]) -> list[str]:
    """A sentence for each folder that was begun with other packages than the first."""
    first = folders[0]
    said = []
    for run in folders[1:]:
        changed = [
            f"{name} {first.versions.get(name, 'none')} and {run.versions.get(name, 'none')}"
            for name in dict.fromkeys((*first.versions, *run.versions))
            if first.versions.get(name) != run.versions.get(name)
        ]
        if changed:
            said.append(f"{first.path} and {run.path} had other versions: {', '.join(changed)}")
    return said
