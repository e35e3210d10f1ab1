"""Processes that work side by side: they leave Ctrl-C to their parent, and do not outlive it.

They import nothing from the current folder before they have looked everywhere else, whatever lies
there. Where no worker can be had, the work is done here.
"""

import os
import pickle
import signal
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import routing_game
from routing_game.experiments import InputError
from routing_game.experiments.cells.processes import Answer, Worker, end, heard

SAFE = "PYTHONSAFEPATH"
KILLED = 9
"""The signal that a system out of memory sends, or a person: whom it hits is not to blame."""
BEGINNINGS = 3
"""Times that each worker may be killed before it has begun, none having begun in between."""
T = TypeVar("T")
R = TypeVar("R")


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

    def ended(self, number: int, seconds: float | None) -> None:
        """It is finished, and took so long; None if its worker died."""


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

    A cell whose worker dies, which may not be its doing, is tried once more at the end, alone.

    Args:
        job: a function of a module, perhaps with arguments in front.
        cells: what it is called with.
        workers: at most so many processes; no more are begun than are `useful`.
        told: how it goes.

    Raises:
        InputError: after all others were yielded, that workers died of the same cell twice; or none
            could begin.
    """
    again: list[T] = []
    with closing(attempted(job, cells, workers, told)) as attempts:
        for result in attempts:
            if not isinstance(result, Died):
                yield result
                continue
            again.append(result.cell)
            if told is not None:
                told.say(f"a worker {result.how}: its cell is tried again, alone, at the end")
    lost: list[Died] = []
    with closing(attempted(job, again, 1, told, alone=True)) as attempts:
        for result in attempts:
            if isinstance(result, Died):
                lost.append(result)
            else:
                yield result
    if lost:
        cell = "a cell" if len(lost) == 1 else f"{len(lost)} cells"
        problem = f"{cell} could not be finished: the worker died again, alone"
        kept = "what is finished is kept, repeat the command to resume"
        raise InputError(f"{problem} (it {lost[-1].how}); {kept}")


class Died(NamedTuple):
    """A cell whose worker process died of it, or beside it."""

    cell: Any
    seconds: float
    how: str
    """To be read after "the worker"."""
    certain: bool
    """That it died of it: the process had done nothing else, and nobody killed it."""


def attempted(
    job: Callable[[T], R],
    cells: Iterable[T],
    workers: int = 1,
    told: Told | None = None,
    apart: bool = False,
    alone: bool = False,
) -> Generator[R | Died, None, None]:
    """As `in_workers`, but a worker that dies is an answer, too: another takes its place.

    Args:
        job: as there, like the next three.
        cells: each is tried once.
        workers: how many.
        told: how it goes.
        apart: begin a process even for one worker, where one can be had: a cell may end it.
        alone: and another one for each cell.

    Raises:
        InputError: workers died, one after the other, before they had anything to do.
    """
    cells = list(cells)
    workers = useful(workers, len(cells))
    apart = cells != [] and (apart or alone or workers > 1)
    if apart and (reason := why_none()):
        if workers > 1 and told is not None:
            told.say(f"no worker processes here ({reason}): one cell is run after the other")
        workers, apart = 1, False
    if told is not None and cells:
        told.starting(workers)
    done = _side_by_side(job, cells, workers, alone, told) if apart else _here(job, cells, told)
    with closing(done):
        for number, seconds, result in done:
            if told is not None:
                told.ended(number, None if isinstance(result, Died) else seconds)
            yield result


def why_none() -> str | None:
    """Why there can be no workers here; None where there can."""
    try:
        os.getcwd()  # which loky asks, to tell its workers
    except OSError:
        return "the current folder is gone"
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
) -> Generator[tuple[int, float, R], None, None]:
    """Number, seconds and result of every cell, one after the other in this process."""
    for number, cell in enumerate(cells):
        if told is not None:
            told.begun(number, cell)
        start = time.monotonic()
        result = job(cell)
        yield number, time.monotonic() - start, result


def _side_by_side(
    job: Callable[[T], R], cells: Sequence[T], workers: int, alone: bool, told: Told | None
) -> Generator[tuple[int, float, R | Died], None, None]:
    """As `_here`, in so many processes, in the order in which they finish."""
    from joblib.externals.loky.backend.reduction import dumps

    pickled, threads = bytes(dumps(job)), max(cores() // workers, 1)
    waiting = deque(enumerate(cells))
    begun: list[Worker] = []
    unborn = 0
    with HERE_LAST:
        try:
            while (under_way := sum(worker.busy for worker in begun)) or waiting:
                _begin_more(begun, min(workers, under_way + len(waiting)), pickled, threads)
                for worker in heard(begun):
                    done = _heard_from(worker)
                    unborn = 0 if worker.ready else unborn + worker.ended
                    if unborn == BEGINNINGS * workers:
                        raise never_begun(worker)
                    if done is not None and alone:
                        worker.kill()
                    if worker.ended:
                        begun.remove(worker)
                    elif worker.ready and waiting:
                        number, cell = waiting.popleft()
                        if told is not None:
                            told.begun(number, cell)
                        worker.hand(number, cell)
                    if done is not None:
                        yield done
        finally:
            with held_back(signal.SIGINT, signal.SIGTERM):
                end(begun)


def _begin_more(begun: list[Worker], count: int, job: bytes, threads: int) -> None:
    """Begin workers until there are so many."""
    if len(begun) >= count:
        return
    # these would begin with the first process, and let the signals through again as they do
    if os.name == "posix":
        from multiprocessing import resource_tracker

        from joblib.externals.loky.backend import resource_tracker as lokys

        resource_tracker.ensure_running()
        lokys.ensure_running()
    # workers inherit this, for good: to stop them is the parent's business
    with held_back(signal.SIGINT, signal.SIGTERM):
        while len(begun) < count:
            begun.append(Worker(job, threads))


def _heard_from(worker: Worker) -> tuple[int, float, Any] | None:
    """What came of a worker's job; None if it had none: it was getting ready, or has ended.

    Raises:
        InputError: it ended by itself before it was ready: any other would, too.
    """
    number, cell, content = worker.number, worker.cell, worker.said()
    worker.number = worker.cell = None
    if content is None:
        code = worker.exit_code()
        if number is not None:
            alone = worker.jobs == 1 and code != -KILLED
            seconds = time.monotonic() - worker.since
            return number, seconds, Died(cell, seconds, _how(code), alone)
        if not worker.ready and (code is None or code >= 0):
            raise never_begun(worker)
    elif number is None:
        worker.prepare(content)
    else:
        answer: Answer = pickle.loads(content)
        if answer.last:
            worker.kill()
        if answer.error is not None:
            raise answer.error
        return number, answer.seconds, answer.result
    return None


def never_begun(worker: Worker) -> InputError:
    """What to say of one that died before it was ready."""
    return InputError(f"a worker died before it had begun: it {_how(worker.exit_code())}")


def _how(code: int | None) -> str:
    """In which way a process ended."""
    if code is None or code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = "unknown"
    rest = ": out of memory?" if code == -KILLED else ""
    return f"was killed by signal {-code} ({name}{rest})"


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
    try:
        here = Path.cwd()
    except OSError:  # a folder that is gone holds no modules
        return [*path]
    ours = [place for place in path if place in ("", ".", str(here))]
    others = [place for place in path if place not in ours]
    package = Path(routing_game.__path__[0])
    if package.parent in (here, here / package.name / "src"):
        return [*ours, *others]
    return [*others, *ours]
