"""Where words go: what cannot be written or spelt there must not end the work.

Whoever reads the output may have had enough (``| head``), the disk of a log may be full, a stream
may be closed, its encoding may know no "±".
"""

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

NAMES = ("stdout", "stderr")


class Patient(io.RawIOBase):
    """Writes to a descriptor for as long as it takes words; later ones go nowhere."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.problem: OSError | None = None
        """Why it took no more."""

    def fileno(self) -> int:
        """The descriptor, which is not closed with this."""
        return self.descriptor

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self.descriptor)

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, content: Any) -> int | None:
        """How many bytes were taken; None if none can be now."""
        if self.problem is None:
            try:
                return os.write(self.descriptor, content)
            except BlockingIOError:
                return None
            except OSError as error:
                self.problem = error
        return memoryview(content).nbytes


@contextmanager
def patient() -> Iterator[list[OSError]]:
    """Meanwhile no word that is printed can raise, wherever Python itself opened the streams.

    Yields a list, which at the end holds why stdout took no more, unless its reader had enough.
    """
    before = {name: getattr(sys, name) for name in NAMES}
    problems: list[OSError] = []
    raws = {name: _replace(name) for name in NAMES}
    ours = {name: getattr(sys, name) for name in NAMES}
    try:
        yield problems
    finally:
        for name, stream in before.items():
            with suppress(OSError, ValueError, AttributeError):  # somebody's own may lack it
                ours[name].flush()
            if getattr(sys, name) is ours[name]:  # else another thread's
                setattr(sys, name, stream)
            if stream is None:
                ours[name].close()
        raw = raws["stdout"]
        if raw is not None and raw.problem and raw.problem.errno != errno.EPIPE:
            problems.append(raw.problem)


def be_patient() -> None:
    """From now on no word that is printed can raise: for a process of ours."""
    for name in NAMES:
        _replace(name)


def _replace(name: str) -> Patient | None:
    """Put a patient stream in the place of `sys.stdout` or `sys.stderr`, if it is Python's own."""
    stream: TextIO | None = getattr(sys, name)
    if stream is None:  # closed by the caller, and its number free for the next file
        _occupy()
        setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        return None
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)  # there is no buffer with PYTHONUNBUFFERED
    if stream is not getattr(sys, f"__{name}__") or type(raw) is not io.FileIO:
        return None  # somebody's own, or a console of Windows
    with suppress(OSError, ValueError):
        stream.flush()
    taken = Patient(raw.fileno())
    text = io.TextIOWrapper(
        io.BufferedWriter(taken),
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=name == "stderr" or taken.isatty(),
    )
    setattr(sys, name, text)
    return taken


def _occupy() -> None:
    """Let no file get the number of a stream: what C prints there would go into it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # which takes the lowest number
