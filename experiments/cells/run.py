"""Run the cells of a spec, one file per finished cell; finished cells are never run again."""

import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from functools import cache, partial
from typing import Any, TypeVar

from routing_game.experiments import InputError
from routing_game.experiments.learners import LEARNERS
from routing_game.experiments.progress import Progress
from routing_game.experiments.records import Record, RunDirectory, Trace, commit
from routing_game.experiments.signals import held_back
from routing_game.experiments.spec import Cell, Spec

T = TypeVar("T")
R = TypeVar("R")


Work = Callable[[Spec, Cell], Any]
"""What a cell is: the trace that its record will hold."""


def learn(spec: Spec, cell: Cell) -> Trace:
    """A learner's cell."""
    practice = spec.plans[cell.learner].practice
    return LEARNERS[cell.learner].train(spec.games[cell.game], practice, *cell.streams(2))


def run(directory: RunDirectory, engine: str = "loky", workers: int = 1, work: Work = learn) -> int:
    """Run every cell that has no file yet; the number of cells that failed, in all.

    Args:
        directory: where records are kept; all of them are read first, so a bad one stops the run before it starts.
        engine: "loky" for worker processes, "serial" for this one. The records do not depend on it.
        workers: how many processes.
        work: what a cell is; a learner's training unless the directory's suite is another.

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


def in_workers(job: Callable[[T], R], cells: Iterable[T], workers: int = 1) -> Iterator[R]:
    """``job(cell)`` of every cell: here and in order if there is one worker, else as they finish in processes.

    Raises:
        InputError: a worker process died.
    """
    if workers == 1:
        yield from map(job, cells)
        return
    from multiprocessing import resource_tracker

    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    # a worker that imports torch looks like a memory leak to loky, which replaces it once: nothing to worry people with
    warnings.filterwarnings("ignore", message="A worker stopped while some jobs", category=UserWarning)
    warnings.filterwarnings("ignore", message=".* have been cancelled", category=UserWarning)  # as was asked for
    pool = Parallel(n_jobs=workers, backend="loky", return_as="generator_unordered", batch_size=1)
    parent = os.getpid()
    if os.name == "posix":
        resource_tracker.ensure_running()  # a pool begins it, and to begin it lets signals through
    try:
        with ExitStack() as stack:
            with held_back(signal.SIGINT, signal.SIGTERM):  # from workers for good: to stop is the parent's business
                results = pool(delayed(_in_worker)(parent, job, cell) for cell in cells)
                stack.enter_context(closing(results))  # which ends the workers
            yield from results
    except TerminatedWorkerError:
        raise InputError(
            "a worker died (out of memory?); what is finished of a check is kept, repeat it to resume"
        ) from None


def _in_worker(parent: int, job: Callable[[T], R], cell: T) -> R:
    """``job(cell)``, in a process that leaves Ctrl-C to its parent and does not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _watch(parent)
    return job(cell)


@cache
def _watch(parent: int) -> None:
    """End this process soon after its parent is gone, however that ended."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
