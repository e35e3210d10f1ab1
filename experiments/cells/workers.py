"""Signals that are handled otherwise, or held back, for a while."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def handling(number: int, handler: Callable[..., Any] | int) -> Iterator[None]:
    """Meanwhile that handler for that signal. In a thread nothing changes: only the main thread may set handlers."""
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
    """Meanwhile these signals wait, to come at the end; processes that are begun meanwhile will never get them.

    To ignore them meanwhile would do the same for those, but lose one that comes. Windows cannot hold signals back:
    there nothing changes.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
