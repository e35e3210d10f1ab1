"""Run the cells of a spec, one file per finished cell; finished cells are never run again."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from routing_game.experiments.cells.origin import commit
from routing_game.experiments.cells.progress import Progress
from routing_game.experiments.cells.records import Record, RunDirectory
from routing_game.experiments.cells.spec import Cell, Spec
from routing_game.experiments.cells.workers import in_workers

Work = Callable[[Spec, Cell], Any]
"""What a cell is: the trace that its record will hold."""


def run(directory: RunDirectory, work: Work, engine: str = "loky", workers: int = 1) -> int:
    """Run every cell that has no file yet; the number of cells that failed, in all.

    Args:
        directory: where records are kept; all of them are read first, so a bad one stops the run before it starts.
        work: what a cell is, as the directory's suite has it.
        engine: "loky" for worker processes, "serial" for this one. The records do not depend on it.
        workers: how many processes.

    Raises:
        InputError: a file of the directory is damaged or foreign, or a worker process died.
    """
    spec = directory.spec
    finished = {record.cell: record for record in directory.records()}
    waiting = [cell for cell in spec.cells() if cell not in finished]
    workers = 1 if engine == "serial" else workers
    progress = Progress(waiting, len(finished), workers)
    if finished and waiting:
        progress.say(f"{len(finished)} of {progress.total} cells were finished before and are kept")
        if others := {str(record.commit) for record in finished.values()} - {str(commit())}:
            progress.say(f"warning: the code has changed: was {', '.join(sorted(others))}, now {commit()}")
    failures = sum(record.error is not None for record in finished.values())
    try:
        job = partial(train, work, directory.record_kind, spec, digest=spec.digest, code=commit())
        for record in in_workers(job, waiting, workers):
            directory.keep(record)
            failures += record.error is not None
            progress.tick(record)
    finally:
        if waiting:
            progress.close()
    return failures


def train(work: Work, kind: type[Record], spec: Spec, cell: Cell, digest: str, code: str | None) -> Record:
    """One cell: its record, whatever the learner does. A learner that raises is a failure on record."""
    start = time.perf_counter()
    try:
        trace, error = work(spec, cell), None
        trace.check()
    except Exception as problem:
        trace, error = kind.nothing, f"{type(problem).__name__}: {' '.join(str(problem).split())}"
    return kind(*cell, digest, code, round(time.perf_counter() - start, 3), error, trace)
