"""A progress line with the time left: live on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

if TYPE_CHECKING:  # steps of any kind are told here, of runs and of questions
    from routing_game.experiments.cells.records import Record
    from routing_game.experiments.cells.spec import Cell

SECONDS_BETWEEN_PLAIN_LINES = 10.0

T = TypeVar("T")


class Line:
    """A line that is rewritten on a terminal, and said again now and then elsewhere."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.live = self.stream.isatty()
        self.last_line = time.monotonic()

    def show(self, line: str, detail: str = "", last: bool = False) -> None:
        """The state of things; the ``detail`` only where the line is rewritten."""
        if self.live:
            print(f"\r\x1b[K{line}{detail}", end="", file=self.stream, flush=True)
        elif last or time.monotonic() - self.last_line >= SECONDS_BETWEEN_PLAIN_LINES:
            self.say(line)
            self.last_line = time.monotonic()

    def say(self, line: str) -> None:
        """A line of its own, above the live one."""
        print(f"\r\x1b[K{line}" if self.live else line, file=self.stream, flush=True)

    def close(self) -> None:
        """Leave the live line behind."""
        if self.live:
            print(file=self.stream, flush=True)


class Steps(Line):
    """Counts steps that take about as long as each other."""

    def over(self, steps: Iterable[T], total: int, what: str) -> Iterator[T]:
        """The steps, one after the other; ``what`` names them in the line."""
        start = time.monotonic()
        for done, step in enumerate(steps, start=1):
            yield step
            left = (time.monotonic() - start) / done * (total - done)
            self.show(f"{done} of {total} {what}, about {clock(left)} left", last=done == total)
        self.close()


class Progress(Line):
    """Counts finished cells; guesses the time left from how long each learner's took so far."""

    def __init__(
        self, waiting: Iterable[Cell], finished: int, workers: int, stream: TextIO | None = None
    ) -> None:
        """Begin to count.

        Args:
            waiting: cells still to be run.
            finished: how many were finished before.
            workers: how many are run side by side.
            stream: where lines go; the standard error if None.
        """
        super().__init__(stream)
        self.waiting = set(waiting)
        self.total = len(self.waiting) + finished
        self.workers = workers
        self.seconds: dict[str, list[float]] = defaultdict(list)

    def tick(self, record: Record[Any]) -> None:
        """One more cell is finished."""
        self.waiting.discard(record.cell)
        self.seconds[record.learner].append(record.seconds)
        if record.error is not None:
            where = f"{record.learner} on {record.game}, seed {record.seed}"
            self.say(f"failed: {where}: {record.error}")
        done = self.total - len(self.waiting)
        line = f"{done} of {self.total} cells, about {clock(self.left())} left"
        self.show(line, f"  ({record.learner} on {record.game})", last=not self.waiting)

    def left(self) -> float:
        """Seconds until the end, if cells go on taking what they took."""
        known = [s for seconds in self.seconds.values() for s in seconds]
        usual = sum(known) / len(known)
        each = {name: sum(seconds) / len(seconds) for name, seconds in self.seconds.items()}
        return sum(each.get(cell.learner, usual) for cell in self.waiting) / self.workers


def count(n: int, noun: str) -> str:
    """1 cell, 2 cells."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def clock(seconds: float) -> str:
    """Seconds as 1:05 or 2:03:04."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
