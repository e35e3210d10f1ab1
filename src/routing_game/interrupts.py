"""Ctrl-C while the command is still being imported.

Half a second goes by before `routing-game` can catch a KeyboardInterrupt, in modules of others that
may take one for a failed import. There is nothing to lose yet, so the command ends at once.
"""

import os
import signal
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any


def end_at_once() -> None:
    """From now on Ctrl-C ends the process, if it is the command, until `raise_again`."""
    if _is_command() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def raise_again() -> None:
    """From now on Ctrl-C raises KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _is_command() -> bool:
    """Whether this is `routing-game` or `python -m routing_game`, and no child of it."""
    words = sys.orig_argv[1:]
    if sys.argv[:1] == ["-m"]:  # until the module has been found
        return ("-m", "routing_game") in pairwise(words)
    return bool(words) and Path(words[0]).stem == "routing-game"


def _end(number: int, frame: Any) -> None:
    if sys.stderr is not None:
        os.write(sys.stderr.fileno(), b"routing-game: stopped\n")
    os._exit(130)
