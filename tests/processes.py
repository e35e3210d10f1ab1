"""Commands in processes of their own, and the workers that they begin, for tests that stop them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

COMMAND = (sys.executable, "-P", "-m", "routing_game")


@contextmanager
def started(*words: str, **streams: Any) -> Iterator["subprocess.Popen[str]"]:
    """A process in a session of its own, of which nothing is left afterwards, come what may."""
    with subprocess.Popen(words, text=True, start_new_session=True, **streams) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):  # all have ended, as they should
                os.killpg(process.pid, signal.SIGKILL)


def members(session: int) -> dict[int, str]:
    """Number -> words, in full length, of every process of a session that is not dead."""
    listing = subprocess.run(
        ["ps", "-ww", "-s", str(session), "-o", "pid=,stat=,args="], capture_output=True, text=True
    )
    rows = [line.split(maxsplit=2) for line in listing.stdout.splitlines()]
    return {int(pid): args for pid, state, args in rows if not state.startswith("Z")}


def workers_of(session: int) -> list[int]:
    """Numbers of those among them that do a command's work."""
    return [pid for pid, words in members(session).items() if "popen_loky" in words]


def wait_until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    """Return once it holds; if it does not for so long, that is a failure."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)
