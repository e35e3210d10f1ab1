"""Run the cells of a spec, one file per finished cell; finished cells are never run again."""

import time
from functools import partial
from typing import TypeVar

from routing_game.experiments.cells.origin import commit
from routing_game.experiments.cells.progress import Progress
from routing_game.experiments.cells.records import Checked, Record, RunDirectory, Suite
from routing_game.experiments.cells.spec import Cell, Spec
from routing_game.experiments.cells.workers import in_workers

G = TypeVar("G")
T = TypeVar("T", bound=Checked)


def run(directory: RunDirectory[G, T], engine: str = "loky", workers: int = 1) -> list[Record[T]]:
    """Run every cell that has no file yet; the records of all, in the order of the spec.

    Args:
        directory: where records are kept; all are read first, so a bad one stops the run before it
            starts.
        engine: "loky" for worker processes, "serial" for this one. The records do not depend on it.
        workers: how many processes.

    Raises:
        InputError: a file of the directory is damaged or foreign, or a worker process died.
    """
    spec = directory.spec
    records = {record.cell: record for record in directory.records()}
    waiting = [cell for cell in spec.cells() if cell not in records]
    workers = 1 if engine == "serial" else workers
    progress = Progress(waiting, len(records), workers)
    if records and waiting:
        progress.say(f"{len(records)} of {progress.total} cells were finished before and are kept")
        if others := {str(record.commit) for record in records.values()} - {str(commit())}:
            before = ", ".join(sorted(others))
            progress.say(f"warning: the code has changed: was {before}, now {commit()}")
    try:
        job = partial(recorded, directory.suite, spec, digest=spec.digest, code=commit())
        for record in in_workers(job, waiting, workers):
            directory.keep(record)
            records[record.cell] = record
            progress.tick(record)
    finally:
        if waiting:
            progress.close()
    return [records[cell] for cell in spec.cells()]


def recorded(
    suite: Suite[G, T], spec: Spec[G], cell: Cell, digest: str, code: str | None
) -> Record[T]:
    """One cell: its record, whatever happens. A learner that raises is a failure on record.

    Args:
        suite: whose cell it is.
        spec: of the run.
        cell: which one.
        digest: the spec's, which need not be made anew for each cell.
        code: the commit.
    """
    start = time.perf_counter()
    error = None
    try:
        trace = suite.work(spec, cell)
        trace.check()
    except Exception as problem:
        trace = suite.nothing
        error = f"{type(problem).__name__}: {' '.join(str(problem).split())}"
    seconds = round(time.perf_counter() - start, 3)
    return Record(*cell, digest, code, seconds, error, trace)
