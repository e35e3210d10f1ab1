"""A process that does one job at a time, so that whose job it was is known when it dies.

It is begun by loky, which needs no guard in anybody's main module, and hears of its jobs through a
pipe of its own: what becomes of it is nothing to the others.
"""

import atexit
import gc
import os
import pickle
import signal
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple

from routing_game.experiments import InputError
from routing_game.experiments.cells.streams import be_patient

GROWTH = 1 << 29
"""Bytes by which a process may grow from its first job on: one with more is replaced."""
POLL = 1.0
"""Seconds after which a process is asked whether it lives: one that it began may hold its pipe."""
GRACE = 5.0
"""Seconds that a process gets to end by itself."""
HERE, READY = b"here", b"ready"
"""What a process says that has begun, and then one that has its function."""
THREADS = ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB", "NUMBA", "NUMEXPR")
"""Libraries with threads of their own; those of all processes share the cores."""
MEMORY = {"MALLOC_MMAP_THRESHOLD_": 1 << 25, "MALLOC_TRIM_THRESHOLD_": GROWTH}
"""Bytes from which glibc gets an array of its own from the system, and beyond which it gives back.

By default it does both for the arrays of every operation on a large batch, which took as long as
the operations.
"""


class Answer(NamedTuple):
    """What came of a job: a result, or what was raised."""

    seconds: float
    result: Any
    error: BaseException | None
    last: bool
    """The process ends after it."""


class Worker:
    """A process and what it has to do.

    Attributes:
        number: of the job that it does; None while it does none.
        cell: what the job is called with.
        since: when that was handed over.
        jobs: how many it has been handed.
        ready: whether it has begun well.
    """

    def __init__(self, job: bytes, threads: int) -> None:
        """Begin a process.

        Args:
            job: the pickle of a function of a cell.
            threads: of each library, unless the environment says how many, as it may for `MEMORY`.
        """
        from joblib.externals.loky.backend import get_context

        context = get_context("loky")
        names = ("VECLIB_MAXIMUM_THREADS" if x == "VECLIB" else f"{x}_NUM_THREADS" for x in THREADS)
        wanted = dict.fromkeys(names, threads) | MEMORY
        env = {name: os.environ.get(name, str(number)) for name, number in wanted.items()}
        self.number: int | None = None
        self.cell: Any = None
        self.since = 0.0
        self.jobs = 0
        self.ready = False
        self.pipe: Connection
        self.pipe, theirs = context.Pipe()
        self._job = job
        self.process = context.Process(target=_serve, args=(theirs, os.getpid()), env=env)
        try:
            self.process.start()
        finally:
            theirs.close()
        _BEGUN.add(self)

    def prepare(self, said: bytes) -> None:
        """Give it its function, once it is there; or note that it has it.

        Not as it begins: if it is killed then, nobody reads what may be too long to be written.
        """
        if said == READY:
            self.ready = True
            return
        with suppress(OSError):
            self.pipe.send_bytes(self._job)

    def hand(self, number: int, cell: Any) -> None:
        """Let it do this next; that it is dead is heard of later."""
        from joblib.externals.loky.backend.reduction import dumps

        self.number, self.cell, self.since = number, cell, time.monotonic()
        self.jobs += 1
        with suppress(OSError):
            self.pipe.send_bytes(dumps(cell))

    @property
    def busy(self) -> bool:
        """Whether it does a job."""
        return self.number is not None

    @property
    def ended(self) -> bool:
        """Whether it was ended."""
        return self.pipe.closed

    def said(self) -> bytes | None:
        """What it says, the pickle of an `Answer` once it was ready; None if dead."""
        try:
            return self.pipe.recv_bytes() if self.pipe.poll() else None
        except (EOFError, OSError):
            return None

    def exit_code(self) -> int | None:
        """Its exit code, that of a signal negative; it is made to end if it has not."""
        self.process.join(GRACE)
        self.kill()
        code: int | None = self.process.exitcode
        return code

    def kill(self) -> None:
        """End it and what it has begun, at once."""
        from joblib.externals.loky.backend.utils import kill_process_tree

        if self.process.is_alive():
            kill_process_tree(self.process)
        self.process.join()
        self.pipe.close()


_BEGUN: weakref.WeakSet[Worker] = weakref.WeakSet()


@atexit.register
def _end_all() -> None:
    """Python would wait for those that somebody has left behind."""
    for worker in [*_BEGUN]:
        worker.kill()


def heard(workers: Iterable[Worker]) -> list[Worker]:
    """Those that have something to say or have died, once there are any."""
    by_pipe: dict[Any, Worker] = {worker.pipe: worker for worker in workers}
    while True:
        if ready := wait([*by_pipe], POLL):
            return [by_pipe[pipe] for pipe in ready]
        if dead := [worker for worker in by_pipe.values() if not worker.process.is_alive()]:
            return dead


def end(workers: Sequence[Worker]) -> None:
    """End them: those that do nothing by themselves, the others at once."""
    idle = [worker for worker in workers if worker.ready and not worker.busy]
    for worker in idle:
        worker.pipe.close()  # which is how it hears of it
    deadline = time.monotonic() + GRACE
    for worker in idle:
        worker.process.join(max(deadline - time.monotonic(), 0))
    for worker in workers:
        worker.kill()


def _serve(pipe: Connection, parent: int) -> None:
    """Do what is asked until there is nobody to ask."""
    from joblib.externals.loky.backend.reduction import dumps

    begin(parent)
    try:
        pipe.send_bytes(HERE)
        job = pipe.recv_bytes()
    except (EOFError, OSError):
        return
    do = pickle.loads(job)
    first, last, said = 0, False, READY
    while True:
        try:
            pipe.send_bytes(said)
            if last:
                return
            content = pipe.recv_bytes()
        except (EOFError, OSError):
            return
        seconds, result, error = _done(do, content)
        first = first or _memory()
        last = _memory() - first > GROWTH and gc.collect() >= 0 and _memory() - first > GROWTH
        try:
            said = dumps(Answer(seconds, result, error, last))
        except Exception as problem:  # somebody's result or exception that cannot be sent
            wrong = TypeError(f"a result that cannot be sent: {type(problem).__name__}: {problem}")
            said = pickle.dumps(Answer(seconds, None, wrong, last))


def _done(do: Callable[[Any], Any], content: bytes) -> tuple[float, Any, BaseException | None]:
    """Seconds, result and error of a job."""
    start = time.monotonic()
    try:
        result = do(pickle.loads(content))
    except BaseException as error:
        if not isinstance(error, InputError):
            error.add_note("".join(traceback.format_exception(error)))  # of which none is sent
        return time.monotonic() - start, None, error
    return time.monotonic() - start, result, None


def _memory() -> int:
    """Bytes of this process in memory; 0 where Linux is not there to say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def begin(parent: int) -> None:
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
