"""The line that says how far the work is: it moves, says what is under way, and never ends it."""

from __future__ import annotations

import io
import time

import pytest

from routing_game.experiments.cells import progress as module
from routing_game.experiments.cells.progress import Line, Progress, Steps, kept
from routing_game.experiments.cells.records import Record
from routing_game.experiments.cells.spec import Cell
from routing_game.experiments.cells.workers import in_workers
from routing_game.experiments.check.traces import Trace

NOTHING = Trace([], [], [], [], [])


@pytest.fixture
def now(monkeypatch):
    """A clock to be set: a list with the seconds."""
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    return clock


def terminal(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = io.StringIO()
    stream.isatty = lambda: True
    return stream


def cells(learner, count):
    return [Cell(learner, "t4-cascade", seed) for seed in range(count)]


def finish(progress, number, batch, seconds):
    """A batch ends, each of its cells having taken so long."""
    progress.ended(number, seconds * len(batch))
    for cell in batch:
        progress.tick(Record(*cell, "run", None, seconds, None, NOTHING))


def test_the_line_counts_down_between_cells_and_says_what_is_under_way(now):
    fast, slow = cells("fast", 4), cells("slow", 2)
    progress = Progress([*fast, *slow], 0, io.StringIO())
    progress.starting(2)
    for number, batch in enumerate([fast[:2], fast[2:], slow]):
        progress.begun(number, batch)
    assert progress.state() == "0 of 6 cells; 2 running (fast) for 0:00"
    now[0] += 20
    finish(progress, 0, fast[:2], 10.0)
    # two cells of `fast` under way for all their 20 s, two of `slow` begun just now and taken to
    # need 10 s each: with a quarter more of the 20 s, 5 + 20 on two workers, but 20 for one alone
    assert progress.state() == ("2 of 6 cells, about 0:20 left; 2 running (fast, slow) for 0:20")
    now[0] += 6
    finish(progress, 1, fast[2:], 13.0)
    assert progress.left() == pytest.approx(2 * 11.5 - 6)
    now[0] += 9
    assert progress.left() == pytest.approx(2 * 11.5 - 15)


def test_a_learner_that_takes_longer_than_all_others_is_expected_to_go_on_so(now):
    fast, slow = cells("fast", 1), cells("slow", 10)
    progress = Progress([*fast, *slow], 0, io.StringIO())
    progress.starting(1)
    progress.begun(0, fast)
    finish(progress, 0, fast, 1.0)
    progress.begun(1, slow[:1])
    assert progress.left() == pytest.approx(10)
    now[0] += 100
    assert progress.left() == pytest.approx(25 + 9 * 125)
    finish(progress, 1, slow[:1], 110.0)
    assert progress.left() == pytest.approx(9 * 110)


def test_no_time_is_guessed_before_a_cell_has_ended(now):
    progress = Progress(cells("fast", 2), 3, io.StringIO())
    progress.starting(2)
    assert progress.left() is None
    assert progress.state() == "3 of 5 cells"


def test_the_start_of_workers_is_no_part_of_the_guess(now):
    steps = Steps(io.StringIO())

    def jobs():
        steps.starting(2)
        steps.begun(0, "a")
        now[0] += 60  # the process is started
        steps.ended(0, 2.0)
        yield "a"

    worked = steps.over(jobs(), 3, "cells")
    next(worked)
    assert steps.left() == pytest.approx(2 * 2.0 / 2)
    worked.close()


def test_the_live_line_moves_by_itself_and_fits_its_row(monkeypatch):
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LIVE_LINES", 0.01)
    stream = terminal(30, monkeypatch)
    steps = Steps(stream)
    for _ in steps.over(in_workers(time.sleep, [0.2], 1, steps), 1, "naps"):
        pass
    shown = [row.removeprefix("\x1b[K") for row in stream.getvalue().split("\r")]
    assert shown.count("0 of 1 nap; 1 running for 0:0") > 3  # 29 letters
    assert shown[-1] == "1 of 1 nap, about 0:00 left\n"


@pytest.mark.parametrize("columns", ["1", "0", "-5", "many"])
def test_no_width_of_the_terminal_is_too_odd(monkeypatch, columns):
    stream = terminal(columns, monkeypatch)
    Line(stream).show("x" * 500)
    assert 20 <= stream.getvalue().count("x") < 500


@pytest.mark.parametrize("problem", [BrokenPipeError, OSError, ValueError])
def test_a_line_that_nobody_hears_ends_nothing(monkeypatch, problem):
    class Gone(io.StringIO):
        def write(self, text):
            raise problem("gone")

    steps = Steps(Gone())
    assert [*steps.over(in_workers(abs, [-1, -2], 1, steps), 2, "cells")] == [1, 2]


def test_the_line_stops_moving_when_the_work_is_stopped(monkeypatch):
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LIVE_LINES", 0.01)
    stream = terminal(80, monkeypatch)
    steps = Steps(stream)

    def stopped(cell):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        [*steps.over(in_workers(stopped, [1], 1, steps), 1, "cells")]
    before = stream.getvalue()
    time.sleep(0.05)
    assert stream.getvalue() == before
    assert before.endswith("\n")


def test_what_was_finished_before_is_counted_in_plain_words():
    assert kept(1, 1) == "1 of 1 cell was finished before and is kept"
    assert kept(1, 4) == "1 of 4 cells was finished before and is kept"
    assert kept(2, 4, "runs") == "2 of 4 runs were finished before and are kept"
