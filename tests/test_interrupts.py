"""Ctrl-C that others' code makes another error of, or loses."""

import io
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from routing_game import interrupts
from routing_game.experiments.cells.progress import Steps
from routing_game.experiments.cli import main
from routing_game.interrupts import is_stop, remembered, stop_if_asked

NUMBERS = [signal.SIGINT, signal.SIGTERM]

AGENT = """
import signal
class Impatient:
    def act(self):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            {then}
        return 1, 0.5
    def update(self, commitment, task): pass
    def recommend(self): return 1, 0.5
"""


@pytest.fixture(autouse=True)
def ctrl_c():
    """Python's own handler, whoever runs the tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", NUMBERS)
def test_an_error_that_c_code_makes_of_an_interrupt_is_the_interrupt(number: int) -> None:
    def work() -> None:
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt:
            raise ImportError("initialization failed") from None

    with pytest.raises(KeyboardInterrupt), remembered():
        work()


def test_another_error_stays_what_it_is() -> None:
    with pytest.raises(ImportError, match="no module"), remembered():
        raise ImportError("no module")


@pytest.mark.parametrize("number", NUMBERS)
def test_an_interrupt_that_is_lost_is_raised_at_the_next_step(number: int) -> None:
    with remembered():
        stop_if_asked()  # nobody has, so far
        with suppress(KeyboardInterrupt):
            signal.raise_signal(number)
        assert is_stop(ValueError("whatever comes next"))
        with pytest.raises(KeyboardInterrupt):
            stop_if_asked()
    stop_if_asked()  # the next command knows nothing of it
    assert not is_stop(ValueError("whatever comes next"))


def test_steps_of_a_question_stop_too_once_the_one_under_way_is_kept() -> None:
    def work() -> Iterator[int]:
        yield 1
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        yield 2
        yield 3

    kept: list[int] = []
    with remembered(), pytest.raises(KeyboardInterrupt):
        kept.extend(Steps(io.StringIO()).over(work(), 3, "cells"))
    assert kept == [1, 2]


def test_an_interrupt_in_a_destructor_says_nothing_and_is_not_lost(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Dying:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    with remembered():
        dying = Dying()
        del dying
        with pytest.raises(KeyboardInterrupt):
            stop_if_asked()
    assert capsys.readouterr().err == ""


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in NUMBERS]
    with remembered():
        assert [signal.getsignal(number) for number in NUMBERS] == [interrupts._remember] * 2
    assert [signal.getsignal(number) for number in NUMBERS] == before


def test_a_handler_of_somebodys_own_is_left_alone() -> None:
    came = []
    signal.signal(signal.SIGINT, lambda *_: came.append(1))
    with remembered():
        signal.raise_signal(signal.SIGINT)
        stop_if_asked()
    assert came == [1]


@pytest.mark.parametrize(
    "then", ["raise ImportError('initialization failed') from None", "pass  # and play on"]
)
def test_a_learner_that_takes_an_interrupt_for_its_own_does_not_fail(
    then: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "impatient.py").write_text(AGENT.format(then=then))
    words = ["--games", "t4-cascade,t5-cascade", "--learners", "impatient:Impatient"]
    words += ["--seeds", "1", "--tasks", "5", "--engine", "serial", "--out", "out"]
    assert main(["check", *words]) == 130
    said = capsys.readouterr().err
    assert "failed" not in said
    assert said.splitlines()[-1].startswith("routing-game: stopped: ")
    records = [file.read_text() for file in Path("out/cells").glob("[!.]*")]
    assert all('"error": null' in record for record in records)
    assert len(records) < 2
