"""Runs that grow: whoever asks for more seeds, games or learners goes on with what there is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from routing_game.experiments.cli import main

pytestmark = pytest.mark.usefixtures("without_pictures")

WORDS = ["check", "--profile", "smoke", "--engine", "serial"]


def check(out: Path, **asked: Any) -> int:
    """Run a check of `random` on t4-cascade, with whatever else is asked for."""
    given = {"games": "t4-cascade", "learners": "random", "seeds": 2, "tasks": 40} | asked
    flags = [word for flag, value in given.items() for word in (f"--{flag}", str(value))]
    return main([*WORDS, *flags, "--out", str(out)])


def cells(out: Path) -> dict[str, dict[str, Any]]:
    """The record of each finished cell, by its file's name."""
    return {file.name: json.loads(file.read_bytes()) for file in (out / "cells").iterdir()}


def times(out: Path) -> dict[str, int]:
    """When each was written."""
    return {file.name: file.stat().st_mtime_ns for file in (out / "cells").iterdir()}


@pytest.mark.parametrize(
    "more",
    [
        {"seeds": 3},
        {"learners": "ucb,random"},
        {"games": "t5-stay,t4-cascade"},
        {"seeds": 3, "learners": "exp3,random"},
    ],
    ids=lambda more: " and ".join(more),
)
def test_a_run_grows_and_keeps_its_cells(tmp_path: Path, more: dict[str, Any], capsys) -> None:
    """Cells are independent: what is there is part of the longer run, as if run with it."""
    out = tmp_path / "run"
    assert check(out) == 0
    before, written = cells(out), times(out)
    capsys.readouterr()
    assert check(out, **more) == 0
    assert "2 of" in capsys.readouterr().err
    after = cells(out)
    assert len(before) == 2 < len(after)
    assert written.items() <= times(out).items()
    assert check(tmp_path / "alone", **more) == 0
    alone = cells(tmp_path / "alone")
    assert {name: cell["trace"] for name, cell in after.items()} == {
        name: cell["trace"] for name, cell in alone.items()
    }
    written = times(out)
    assert check(out, **more) == 0  # and that is a run to be resumed
    assert times(out) == written


@pytest.mark.parametrize(
    "other",
    [
        {"seeds": 1},
        {"seeds": 3, "tasks": 50},
        {"seeds": 3, "profile": "default"},
        {"learners": "ucb"},
        {"games": "t5-stay"},
    ],
    ids=lambda other: " and ".join(other),
)
def test_a_run_that_is_no_part_of_another_stays_as_it_is(
    tmp_path: Path, other: dict[str, Any], capsys
) -> None:
    assert check(tmp_path) == 0
    begun = (tmp_path / "run.json").read_bytes()
    capsys.readouterr()
    assert check(tmp_path, **other) == 2
    error = capsys.readouterr().err
    assert "another spec" in error
    assert "choose another --out, begin anew with --fresh, or ask for the same run" in error
    assert (tmp_path / "run.json").read_bytes() == begun


def test_a_game_with_other_numbers_is_not_the_same_game(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for value, code in (("1.1", 0), ("1.2", 2)):
        assert main(["solve", "t4-cascade", "--value", value, "--save", "my.toml"]) == 0
        assert check(tmp_path / "run", games="my.toml", seeds=1 + (code > 0)) == code


def test_a_run_that_grew_more_than_once_can_be_joined(tmp_path: Path) -> None:
    for count in (1, 2, 4):
        assert check(tmp_path / "run", seeds=count) == 0
    assert len(json.loads((tmp_path / "run" / "run.json").read_bytes())["grew"]) == 2
    assert main(["report", str(tmp_path / "run"), "--out", str(tmp_path / "joined")]) == 0
    assert len(cells(tmp_path / "joined")) == 4


def test_a_record_of_yet_another_run_is_not_believed(tmp_path: Path, capsys) -> None:
    for count in (1, 2):
        assert check(tmp_path, seeds=count) == 0
    file = next((tmp_path / "cells").iterdir())
    file.write_text(json.dumps(json.loads(file.read_bytes()) | {"run": "0" * 12}))
    capsys.readouterr()
    assert check(tmp_path, seeds=2) == 2
    assert "comes from another run" in capsys.readouterr().err
