"""Whether this process is the command, and where it looks for modules.

Runs before all else, and imports nothing that a file in the current folder could stand for.
"""

import os
import sys
from itertools import pairwise


def is_command() -> bool:
    """Whether this is `routing-game` or `python -m routing_game`, and no child of it."""
    words = sys.orig_argv[1:]
    if sys.argv[:1] == ["-m"]:  # until the module has been found
        return ("-m", "routing_game") in pairwise(words)
    return bool(words) and os.path.splitext(os.path.basename(words[0]))[0] == "routing-game"


def look_here_last() -> None:
    """If this is the command, find a module in the current folder only where no other is.

    ``python -m`` looks there first, and takes the ``queue.py`` beside somebody's agent for Python's
    own.
    """
    try:
        here = ("", os.getcwd())
    except OSError:  # a folder that is gone holds no modules
        return
    if sys.argv[:1] == ["-m"] and is_command() and sys.path[:1] and sys.path[0] in here:
        sys.path.append(sys.path.pop(0))
