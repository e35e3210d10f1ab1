"""Other signal handlers, for a while."""

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
