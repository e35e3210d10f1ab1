"""The command line at its edges: early interrupts, closed outputs, numbers with exponents."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from routing_game.experiments.cli import main
from routing_game.experiments.commands.parser import parse

COMMAND = [sys.executable, "-m", "routing_game"]

INTERRUPTED = """
import os, signal
try:
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(1000):
        pass
except BaseException:
    raise ImportError("as numpy takes an interrupt") from None
"""


def test_an_interrupt_during_the_imports_ends_the_command_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "gymnasium.py").write_text(INTERRUPTED)
    found = {"PYTHONPATH": str(tmp_path), "PATH": ""}
    run = subprocess.run([*COMMAND, "list"], capture_output=True, text=True, env=found)
    assert (run.returncode, run.stdout, run.stderr) == (130, "", "routing-game: stopped\n")


def test_an_interrupt_of_a_program_that_imports_the_package_stays_its_own(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import os, signal, routing_game\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    for _ in range(1000): pass\n"
        "except KeyboardInterrupt:\n"
        "    print('mine')\n"
    )
    run = subprocess.run([sys.executable, program], capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "mine\n", "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "2>/dev/full"])
@pytest.mark.parametrize(("words", "code"), [("list", 0), ("solve nosuch", 2)])
def test_closed_outputs_are_no_failure(words: str, code: int, closed: str) -> None:
    line = f"'{sys.executable}' -m routing_game {words} {closed}"
    run = subprocess.run(["sh", "-c", line], capture_output=True, text=True)
    assert run.returncode == code
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("number", ["-1e-3", "-.5", "-2.", "-3E+2", "-1", "-inf"])
def test_a_negative_number_is_a_number(number: str) -> None:
    arguments = parse(["solve", "t4-cascade", "--cost", number, ".6"])
    assert list(arguments.cost) == [float(number), 0.6]


def test_a_negative_cost_is_solved_where_it_is_admitted(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["solve", "t4-cascade", "--unordered", "--cost"]
    assert main([*words, "-1e-3", ".6"]) == 0
    said = capsys.readouterr().out
    assert main([*words, "-0.001", ".6"]) == 0
    assert said == capsys.readouterr().out != ""
