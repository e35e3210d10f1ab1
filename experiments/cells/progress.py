"""A line that says how far the work is: live on a terminal, a plain line now and then elsewhere.

It moves by itself, every second, and says what is under way as well as what is finished. The time
left is a guess from the seconds that finished jobs took in their processes, so the start of these
is no part of it.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO, TypeVar

from routing_game.interrupts import stop_if_asked

if TYPE_CHECKING:  # steps of any kind are told here, of runs and of questions
    from routing_game.experiments.cells.records import Record
    from routing_game.experiments.cells.spec import Cell

SECONDS_BETWEEN_PLAIN_LINES = 10.0
SECONDS_BETWEEN_LIVE_LINES = 1.0
LEAST_ROOM = 20
LONGER = 1.25
"""A job that has taken longer than others of its kind is taken to need so many times that."""

T = TypeVar("T")


class Line:
    """A line that is rewritten on a terminal, and said again now and then elsewhere."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.live = self.stream.isatty()
        self.last_line = time.monotonic()
        self.lock = threading.RLock()

    def show(self, line: str, last: bool = False) -> None:
        """The state of things."""
        with self.lock:
            if self.live:  # what is longer than a row cannot be rewritten
                room = max(shutil.get_terminal_size().columns - 1, LEAST_ROOM)
                self._print(f"\r\x1b[K{line[:room]}", end="")
            elif last or time.monotonic() - self.last_line >= SECONDS_BETWEEN_PLAIN_LINES:
                self.say(line)
                self.last_line = time.monotonic()

    def say(self, line: str) -> None:
        """A line of its own, above the live one."""
        with self.lock:
            self._print(f"\r\x1b[K{line}" if self.live else line)

    def close(self) -> None:
        """Leave the live line behind."""
        if self.live:
            with self.lock:
                self._print("")

    def _print(self, words: str, end: str = "\n") -> None:
        with suppress(OSError, ValueError):  # nobody hears it: no reason to stop the work
            print(words, end=end, file=self.stream, flush=True)


class Job(NamedTuple):
    """What is handed out at once."""

    kind: str
    """Jobs of a kind take about as long, for each cell in them."""
    cells: int


class Work(Line):
    """Follows jobs from their start to their end, as `workers.in_workers` tells of them."""

    noun = "cells"

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(stream)
        self.workers = 1
        self.total = 0
        self.waiting: Counter[str] = Counter()
        """Kind -> cells that are not finished."""
        self.handed: dict[int, Job] = {}
        """Jobs handed out and not finished, in order: the first of them are under way."""
        self.since: dict[int, float] = {}
        """When each that is under way began."""
        self.seconds: dict[str, list[float]] = defaultdict(list)
        """Kind -> seconds of each finished cell."""

    def job(self, cell: Any) -> Job:
        """What a job is to the line."""
        return Job("", 1)

    def starting(self, workers: int) -> None:
        """So many processes are started; 1 is this one."""
        self.workers = workers
        if workers > 1:
            self.say(f"starting {workers} workers ...")

    def begun(self, number: int, cell: Any) -> None:
        """A job is handed out."""
        with self.lock:
            self.handed[number] = self.job(cell)
            self._look()

    def ended(self, number: int, seconds: float | None) -> None:
        """A job is finished, and took so long; None if its worker died."""
        with self.lock:
            self.handed.pop(number)
            self.since.pop(number, None)
            self._look()

    def _look(self) -> None:
        """Note what has come under way."""
        now = time.monotonic()
        for number in [*self.handed][: self.workers]:
            self.since.setdefault(number, now)

    def finish(self, kind: str, seconds: float) -> None:
        """A cell of that kind is finished, and took so long."""
        with self.lock:
            self.waiting[kind] -= 1
            self.seconds[kind].append(seconds)

    def left(self) -> float | None:
        """Seconds until the end, if cells go on taking what they took; None if none has ended."""
        known = {kind: median(seconds) for kind, seconds in self.seconds.items()}
        if not known:
            return None
        all_known = [s for seconds in self.seconds.values() for s in seconds]
        usual = sum(all_known) / len(all_known)
        now = time.monotonic()
        under_way = [(self.handed[number], now - then) for number, then in self.since.items()]
        each = {kind: known.get(kind, usual) for kind in self.waiting}
        for job, passed in under_way:
            if job.kind not in known:
                each[job.kind] = max(each[job.kind], LONGER * passed / job.cells)
        rests = [
            max(each[job.kind] * job.cells, LONGER * passed) - passed for job, passed in under_way
        ]
        whole = sum(n * each[kind] for kind, n in self.waiting.items())
        begun = sum(each[job.kind] * job.cells for job, _ in under_way)
        return max([(whole - begun + sum(rests)) / self.workers, *rests])

    def state(self) -> str:
        """How far the work is, how long it will go on, and what is under way."""
        with self.lock:
            left, waiting = self.left(), self.waiting.total()
            line = f"{self.total - waiting} of {several(self.total, self.noun)}"
            if left is not None:
                line += f", about {clock(left)} left"
            under_way = [(self.handed[number].kind, then) for number, then in self.since.items()]
            if not under_way:
                return line
            kinds = ", ".join(dict.fromkeys(kind for kind, _ in under_way if kind))
            what = f" ({kinds})" if kinds else ""
            longest = time.monotonic() - min(then for _, then in under_way)
            return f"{line}; {len(under_way)} running{what} for {clock(longest)}"

    @contextmanager
    def moving(self) -> Iterator[None]:
        """Meanwhile the line is shown again every second."""
        stop = threading.Event()

        def refresh() -> None:
            while not stop.wait(SECONDS_BETWEEN_LIVE_LINES):
                self.show(self.state())

        thread = threading.Thread(target=refresh, daemon=True)
        thread.start()
        if self.live:
            self.show(self.state())
        try:
            yield
        finally:
            stop.set()
            thread.join()
            self.close()


class Steps(Work):
    """Counts steps that take about as long as each other."""

    def over(self, steps: Iterable[T], total: int, what: str) -> Iterator[T]:
        """The steps, one after the other; ``what`` names them in the line.

        Raises:
            KeyboardInterrupt: as `Progress.tick`.
        """
        self.total, self.noun, self.waiting = total, what, Counter({"": total})
        with self.moving():
            for done, step in enumerate(steps, start=1):
                yield step
                stop_if_asked()
                self.show(self.state(), last=done == total)

    def ended(self, number: int, seconds: float | None) -> None:
        """A step is finished, and took so long; None if its worker died."""
        super().ended(number, seconds)
        if seconds is not None:
            self.finish("", seconds)


class Progress(Work):
    """Counts finished cells; guesses the time left from how long each learner's took so far."""

    def __init__(
        self, waiting: Iterable[Cell], finished: int, stream: TextIO | None = None
    ) -> None:
        """Begin to count.

        Args:
            waiting: cells still to be run.
            finished: how many were finished before.
            stream: where lines go; the standard error if None.
        """
        super().__init__(stream)
        self.waiting = Counter(cell.learner for cell in waiting)
        self.total = self.waiting.total() + finished

    def job(self, cell: Any) -> Job:
        """A batch of cells of one learner."""
        return Job(cell[0].learner, len(cell))

    def tick(self, record: Record[Any]) -> None:
        """One more cell is finished.

        Raises:
            KeyboardInterrupt: one came, and whoever it was raised in has lost it.
        """
        stop_if_asked()
        self.finish(record.learner, record.seconds)
        if record.error is not None:
            where = f"{record.learner} on {record.game}, seed {record.seed}"
            self.say(f"failed: {where}: {record.error}")
        self.show(self.state(), last=not self.waiting.total())


def count(n: int, noun: str) -> str:
    """1 cell, 2 cells."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def several(n: int, nouns: str) -> str:
    """So many of what has a plural in s: 1 cell of `cells`."""
    return count(n, nouns.removesuffix("s")) if n == 1 else f"{n} {nouns}"


def kept(n: int, of: int, what: str = "cells") -> str:
    """That so many of them were finished before."""
    were, are = ("was", "is") if n == 1 else ("were", "are")
    return f"{n} of {several(of, what)} {were} finished before and {are} kept"


def clock(seconds: float) -> str:
    """Seconds as 1:05 or 2:03:04."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
