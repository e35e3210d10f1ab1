"""Processes that work side by side: they leave Ctrl-C to their parent, and do not outlive it.

They import nothing from the current folder before they have looked everywhere else, whatever lies
there. Where no worker can be had, the work is done here.
"""

import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import routing_game
from routing_game.experiments import InputError
from routing_game.experiments.cells.streams import be_patient

SAFE = "PYTHONSAFEPATH"
T = TypeVar("T")
R = TypeVar("R")


@contextmanager
def handling(number: int, handler: Callable[..., Any] | int) -> Iterator[None]:
    """Meanwhile that handler for that signal; only the main thread may set one."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, signal.SIG_DFL if before is None else before)


@contextmanager
def held_back(*numbers: int) -> Iterator[None]:
    """Meanwhile these signals wait, to come at the end; processes begun meanwhile never get them.

    To ignore them meanwhile would do the same for those, but lose one that comes. Windows cannot
    hold signals back: there nothing changes.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Told(Protocol):
    """Who is told how the work goes on; jobs are known by their numbers, in order."""

    def say(self, line: str) -> None:
        """A line for whoever waits."""

    def starting(self, workers: int) -> None:
        """So many processes are started; 1 is this one."""

    def begun(self, number: int, cell: Any) -> None:
        """A cell is handed out; of those that are, as many as there are workers are under way."""

    def ended(self, number: int, seconds: float) -> None:
        """It is finished, and took so long."""


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def useful(workers: int, jobs: int) -> int:
    """As many of the workers as have a core and a job each, at least 1."""
    return max(1, min(workers, jobs, cores()))


def in_workers(
    job: Callable[[T], R], cells: Iterable[T], workers: int = 1, told: Told | None = None
) -> Iterator[R]:
    """``job(cell)`` of every cell: here and in order if there is one worker, else as they finish.

    Args:
        job: a function of a module, perhaps with arguments in front.
        cells: what it is called with.
        workers: at most so many processes; no more are begun than are `useful`.
        told: how it goes.

    Raises:
        InputError: a worker process died.
    """
    cells = list(cells)
    workers = useful(workers, len(cells))
    if workers > 1 and (reason := why_none()):
        workers = 1
        if told is not None:
            told.say(f"no worker processes here ({reason}): one cell is run after the other")
    if told is not None and cells:
        told.starting(workers)
    done = _here(job, cells, told) if workers == 1 else _side_by_side(job, cells, workers, told)
    for number, seconds, result in done:
        if told is not None:
            told.ended(number, seconds)
        yield result


def why_none() -> str | None:
    """Why there can be no workers here; None where there can."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what joblib warns of is the answer
        try:
            from joblib import effective_n_jobs, parallel_config

            with parallel_config(backend="loky"):
                if effective_n_jobs(2) > 1:
                    return None
        except (ImportError, ValueError, OSError) as error:
            return f"joblib: {error}"
    import multiprocessing

    if os.environ.get("JOBLIB_MULTIPROCESSING") == "0":
        return "JOBLIB_MULTIPROCESSING=0"
    if multiprocessing.current_process().daemon:
        return "this is a worker of multiprocessing itself"
    return "joblib can have none"


def _here(
    job: Callable[[T], R], cells: Sequence[T], told: Told | None
) -> Iterator[tuple[int, float, R]]:
    """Number, seconds and result of every cell, one after the other in this process."""
    for number, cell in enumerate(cells):
        if told is not None:
            told.begun(number, cell)
        yield _timed(job, number, cell)


def _side_by_side(
    job: Callable[[T], R], cells: Sequence[T], workers: int, told: Told | None
) -> Iterator[tuple[int, float, R]]:
    """As `_here`, in so many processes, in the order in which they finish."""
    from multiprocessing import resource_tracker

    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import BrokenProcessPool

    def handed_out() -> Iterator[Any]:
        for number, cell in enumerate(cells):
            if told is not None:
                told.begun(number, cell)
            yield delayed(_timed)(job, number, cell)

    # a worker that imports torch looks like a memory leak to loky, which replaces it once: nothing
    # to worry people with
    warnings.filterwarnings(
        "ignore", message="A worker stopped while some jobs", category=UserWarning
    )
    warnings.filterwarnings(
        "ignore", message=".* have been cancelled", category=UserWarning
    )  # as was asked for
    try:
        with ExitStack() as stack:
            stack.enter_context(HERE_LAST)
            pool = Parallel(
                n_jobs=workers,
                backend="loky",
                return_as="generator_unordered",
                batch_size=1,
                initializer=_begin,
                initargs=(os.getpid(),),
            )
            if os.name == "posix":
                resource_tracker.ensure_running()  # a pool begins it, which lets signals through
            with held_back(
                signal.SIGINT, signal.SIGTERM
            ):  # from workers for good: to stop is the parent's business
                results = pool(handed_out())
                stack.enter_context(closing(results))  # which ends the workers
            yield from results
    except BrokenProcessPool:
        kept = "what is finished of a check is kept, repeat it to resume"
        raise InputError(f"a worker died (out of memory?); {kept}") from None


def _timed(job: Callable[[T], R], number: int, cell: T) -> tuple[int, float, R]:
    start = time.monotonic()
    result = job(cell)
    return number, time.monotonic() - start, result


class _HereLast:
    """While in use, processes that begin look for modules in the current folder last of all.

    A ``queue.py`` there, beside somebody's agent, is not the one that Python means. The path goes
    to workers as it is here, and what Python itself puts at its front is held back by a variable.
    Threads may use it side by side: the last to leave puts things back.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.path: list[str] = []
        self.changed: list[str] = []
        self.variable: str | None = None

    def __enter__(self) -> None:
        with self.lock:
            self.users += 1
            if self.users == 1:
                self.path, self.variable = [*sys.path], os.environ.get(SAFE)
                self.changed = with_here_last(self.path)
                sys.path[:] = self.changed
                os.environ[SAFE] = "1"

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.users -= 1
            if self.users == 0:
                if sys.path == self.changed:  # else somebody has changed it since
                    sys.path[:] = self.path
                os.environ.pop(SAFE, None)
                if self.variable is not None:
                    os.environ[SAFE] = self.variable


HERE_LAST = _HereLast()


def with_here_last(path: Sequence[str]) -> list[str]:
    """The path with the current folder at its end, if this package is not found there."""
    here = Path.cwd()
    ours = [place for place in path if place in ("", ".", str(here))]
    others = [place for place in path if place not in ours]
    package = Path(routing_game.__path__[0])
    if package.parent in (here, here / package.name / "src"):
        return [*ours, *others]
    return [*others, *ours]


def _begin(parent: int) -> None:
    """Make this process a worker: it leaves Ctrl-C to its parent and does not outlive it."""
    if os.getpid() == parent:
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    be_patient()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
