"""Ends that nobody can catch: Ctrl-C during imports, and `os._exit` in somebody's code.

Half a second goes by before `routing-game` can catch a KeyboardInterrupt, in modules of others that
may take one for a failed import. There is nothing to lose yet, so the command ends at once.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from routing_game.command import is_command


def end_at_once() -> None:
    """From now on Ctrl-C ends the process, if it is the command, until `raise_again`."""
    if is_command() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def raise_again() -> None:
    """From now on Ctrl-C raises KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
