"""Ctrl-C while the command is still being imported.

Half a second goes by before `routing-game` can catch a KeyboardInterrupt, in modules of others that
may take one for a failed import. There is nothing to lose yet, so the command ends at once.
"""

import os
import signal
from typing import Any

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
