"""Ends that nobody can catch: Ctrl-C, whatever it hits, and `os._exit` in somebody's code.

Half a second goes by before `routing-game` can catch a KeyboardInterrupt, in modules of others that
may take one for a failed import: until then the command ends at once, as there is nothing to lose.
Later others' code may still make another error of one, or lose it, so it is remembered.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

from routing_game.command import is_command

_came = False


def end_at_once() -> None:
    """From now on Ctrl-C ends the process, if it is the command, until `remembered`."""
    if is_command() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


@contextmanager
def remembered() -> Iterator[None]:
    """Meanwhile Ctrl-C and SIGTERM are remembered: whatever is raised after one, it is behind it.

    Only the main thread may set handlers: in another one nothing changes, nor does anything that
    somebody has set for Ctrl-C.

    Raises:
        KeyboardInterrupt: one came, and the work did not end well.
    """
    global _came
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _came = False
    handlers = {signal.SIGTERM: signal.getsignal(signal.SIGTERM)}
    if signal.getsignal(signal.SIGINT) in (_end, signal.default_int_handler):
        handlers[signal.SIGINT] = signal.default_int_handler
    hook = sys.unraisablehook

    def unraisable(lost: "sys.UnraisableHookArgs") -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            hook(lost)

    for number in handlers:
        signal.signal(number, _remember)
    sys.unraisablehook = unraisable
    try:
        yield
    except Exception as problem:
        if is_stop(problem):
            raise KeyboardInterrupt from problem
        raise
    finally:
        _came = False
        sys.unraisablehook = hook
        for number, handler in handlers.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def is_stop(problem: BaseException) -> bool:
    """Whether it is a Ctrl-C, or may have been one: C code makes an ImportError of it."""
    return _came or isinstance(problem, KeyboardInterrupt)


def stop_if_asked() -> None:
    """Raise the KeyboardInterrupt that somebody else's code has lost."""
    if _came:
        raise KeyboardInterrupt


def _remember(number: int, frame: FrameType | None) -> None:
    global _came
    _came = True
    raise KeyboardInterrupt


def _end(number: int, frame: Any) -> None:
    try:
        os.write(2, b"routing-game: stopped\n")
    finally:  # even if nobody is there to hear it
        os._exit(130)


@contextmanager
def staying() -> Iterator[None]:
    """Meanwhile `os._exit` raises SystemExit, as `sys.exit` does: nothing ends without a word.

    In a worker it does what it ever did, as its end is noticed; so it does in processes that are
    forked meanwhile, and later on by a name that it was given meanwhile.
    """
    from multiprocessing import parent_process  # not at the top: it takes its time

    leave, here, meanwhile = os._exit, os.getpid(), parent_process() is None

    def stay(status: int) -> NoReturn:
        if meanwhile and os.getpid() == here:
            raise SystemExit(f"os._exit({status})")
        leave(status)

    os._exit = stay
    try:
        yield
    finally:
        os._exit, meanwhile = leave, False
