"""The command line at its edges: early interrupts, closed outputs, numbers with exponents."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from routing_game.experiments import InputError
from routing_game.experiments.cells.store import tried
from routing_game.experiments.cli import main
from routing_game.experiments.commands.parser import parse
from routing_game.theory import load

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


@pytest.mark.parametrize(
    "words",
    [
        ["check", "--out", ""],
        ["check", "--sweep", ""],
        ["report", ""],
        ["compare", "", ""],
        ["figures", "--out", ""],
        ["figures", "--game", "t5-stay", "--monitor", ""],
        ["belief", "trap", "--out", ""],
        ["solve", "t4-cascade", "--save", ""],
        ["tournament", "t4-cascade", "--provider", ""],
        ["report", "a\0b"],
    ],
    ids=" ".join,
)
def test_an_empty_path_is_none(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    """It is what a shell makes of a variable that nobody has set, and was the current folder."""
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    path = r"'a\x00b'" if "\0" in words[-1] else "''"
    assert f": expected a path, got {path}; see routing-game {words[0]} --help" in line
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("place", [".", "..", "/"])
@pytest.mark.parametrize("role", ["provider", "user"])
def test_a_folder_without_a_name_holds_no_policy(
    place: str, role: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    alone = tmp_path / "nothing" / "here"  # whose names could be meant
    alone.mkdir(parents=True)
    monkeypatch.chdir(alone)
    assert main(["tournament", "t4-cascade", f"--{role}", place]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"expected a policy's folder, got {place} (No such file or directory: " in line


def test_a_path_is_shown_in_one_line_and_without_escapes(tmp_path: Path, capsys) -> None:
    file = tmp_path / "two  spaces\nand \x1b[31mred.toml"
    assert main(["solve", "t4-cascade", "--save", str(file)]) == 0
    assert load(file) == load("t4-cascade")
    *_, line = capsys.readouterr().out.splitlines()
    assert line == f"saved: {tmp_path}/two  spaces\\nand \\x1b[31mred.toml"


def test_a_link_that_leads_nowhere_is_called_no_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    for name, rule in (("link", "which is a link that leads nowhere"), ("file", "Not a directory")):
        with pytest.raises(InputError, match=rf"{name}/cells \({rule}\); choose another --out"):
            tried(tmp_path / name / "cells")
    with pytest.raises(InputError, match=r"file \(which is a file\); choose another --out"):
        tried(tmp_path / "file")
