"""Processes that work side by side: they leave Ctrl-C to their parent, and do not outlive it."""

import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from typing import Any, TypeVar

from routing_game.experiments import InputError

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


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread: more are slower on small tensors, and would change sums."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def in_workers(job: Callable[[T], R], cells: Iterable[T], workers: int = 1) -> Iterator[R]:
    """``job(cell)`` of every cell: here and in order if there is one worker, else as they finish.

    Raises:
        InputError: a worker process died.
    """
    if workers == 1:
        yield from map(job, cells)
        return
    from multiprocessing import resource_tracker

    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    # a worker that imports torch looks like a memory leak to loky, which replaces it once: nothing
    # to worry people with
    warnings.filterwarnings(
        "ignore", message="A worker stopped while some jobs", category=UserWarning
    )
    warnings.filterwarnings(
        "ignore", message=".* have been cancelled", category=UserWarning
    )  # as was asked for
    pool = Parallel(n_jobs=workers, backend="loky", return_as="generator_unordered", batch_size=1)
    parent = os.getpid()
    if os.name == "posix":
        resource_tracker.ensure_running()  # a pool begins it, and to begin it lets signals through
    try:
        with ExitStack() as stack:
            with held_back(
                signal.SIGINT, signal.SIGTERM
            ):  # from workers for good: to stop is the parent's business
                results = pool(delayed(_in_worker)(parent, job, cell) for cell in cells)
                stack.enter_context(closing(results))  # which ends the workers
            yield from results
    except TerminatedWorkerError:
        kept = "what is finished of a check is kept, repeat it to resume"
        raise InputError(f"a worker died (out of memory?); {kept}") from None


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
