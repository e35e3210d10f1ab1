"""Run the cells of a spec, one file per finished cell; finished cells are never run again."""

import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from functools import cache

from routing_game.experiments import InputError
from routing_game.experiments.learners import LEARNERS
from routing_game.experiments.progress import Progress
from routing_game.experiments.records import NOTHING, Record, RunDirectory, commit
from routing_game.experiments.signals import handling
from routing_game.experiments.spec import Cell, Spec


def run(directory: RunDirectory, engine: str = "loky", workers: int = 1) -> int:
    """Run every cell that has no file yet; the number of cells that failed, in all.

    Args:
        directory: where records are kept; all of them are read first, so a bad one stops the run before it starts.
        engine: "loky" for worker processes, "serial" for this one. The records do not depend on it.
        workers: how many processes.

    Raises:
        InputError: a file of the directory is damaged or foreign, or a worker process died.
    """
    spec = directory.spec
    finished = {record.cell: record for record in directory.records()}
    waiting = [cell for cell in spec.cells() if cell not in finished]
    if workers == 1:
        engine = "serial"
    progress = Progress(waiting, len(finished), 1 if engine == "serial" else workers)
    if finished and waiting:
        progress.say(f"{len(finished)} of {progress.total} cells were finished before and are kept")
        if others := {str(record.commit) for record in finished.values()} - {str(commit())}:
            progress.say(f"warning: the code has changed: was {', '.join(sorted(others))}, now {commit()}")
    failures = sum(record.error is not None for record in finished.values())
    try:
        for record in ENGINES[engine](spec, waiting, workers):
            directory.keep(record)
            failures += record.error is not None
            progress.tick(record)
    finally:
        if waiting:
            progress.close()
    return failures


def train(spec: Spec, cell: Cell, digest: str, code: str | None) -> Record:
    """One cell: its record, whatever the learner does. A learner that raises is a failure on record."""
    start = time.perf_counter()
    try:
        practice = spec.plans[cell.learner].practice
        trace, error = LEARNERS[cell.learner].train(spec.games[cell.game], practice, *cell.streams(2)), None
        trace.check()
    except Exception as problem:
        trace, error = NOTHING, f"{type(problem).__name__}: {' '.join(str(problem).split())}"
    return Record(*cell, digest, code, round(time.perf_counter() - start, 3), error, trace)


def serial(spec: Spec, cells: list[Cell], workers: int) -> Iterator[Record]:
    """One after the other, in this process."""
    for cell in cells:
        yield train(spec, cell, spec.digest, commit())


def loky(spec: Spec, cells: list[Cell], workers: int) -> Iterator[Record]:
    """In worker processes, in the order in which they finish."""
    from joblib import Parallel, delayed
    from joblib.externals.loky import get_reusable_executor
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    # a worker that imports torch looks like a memory leak to loky, which replaces it once: nothing to worry people with
    warnings.filterwarnings("ignore", message="A worker stopped while some jobs", category=UserWarning)
    pool = Parallel(n_jobs=workers, backend="loky", return_as="generator_unordered", batch_size=1)
    digest, code, parent = spec.digest, commit(), os.getpid()
    try:
        with handling(signal.SIGINT, signal.SIG_IGN):  # workers inherit it: Ctrl-C is the parent's from their start
            records = pool(delayed(_train_in_worker)(parent, spec, cell, digest, code) for cell in cells)
        yield from records
    except TerminatedWorkerError:
        raise InputError("a worker died (out of memory?); finished cells are kept, the same command resumes") from None
    except (KeyboardInterrupt, GeneratorExit):
        get_reusable_executor(max_workers=workers).shutdown(wait=False, kill_workers=True)
        raise


ENGINES: dict[str, Callable[[Spec, list[Cell], int], Iterator[Record]]] = {"loky": loky, "serial": serial}


def _train_in_worker(parent: int, spec: Spec, cell: Cell, digest: str, code: str | None) -> Record:
    """`train`, in a process that leaves Ctrl-C to its parent and does not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _watch(parent)
    return train(spec, cell, digest, code)


@cache
def _watch(parent: int) -> None:
    """End this process soon after its parent is gone, however that ended."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
