"""Runs in several folders, joined: whole, and refused where they do not belong together."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from routing_game.experiments import InputError
from routing_game.experiments.cells.joining import join
from routing_game.experiments.cells.records import Record, RunDirectory, difference
from routing_game.experiments.cells.spec import Plan, Spec
from routing_game.experiments.check.suite import CHECK
from routing_game.experiments.check.traces import NOTHING, Trace
from routing_game.experiments.cli import main
from routing_game.theory import GAMES, Game

pytestmark = pytest.mark.usefixtures("without_pictures")

GAME = "t4-cascade"
CHOSEN = Trace([10, 50], [1, 2], [0.25, 0.0], [], [])
OTHER = Trace([10, 50], [1, 1], [0.25, 0.5], [], [])


def spec(*learners: str, **changed: Any) -> Spec[Game]:
    plan = Plan((GAME,), 50, 2)
    return Spec("smoke", {GAME: GAMES[GAME]}, {name: replace(plan, **changed) for name in learners})


def run(path: Path, of: Spec[Game], seeds: set[int], **facts: Any) -> Path:
    """As if these seeds had been played."""
    directory = RunDirectory.create(CHECK, path, of)
    for cell in of.cells():
        if cell.seed in seeds:
            record = Record(*cell, of.digest, "abc", 0.5, None, CHOSEN)
            directory.keep(replace(record, **facts))
    return path


def content(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file below a folder, and when it was written."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {str(file): (file.read_bytes(), file.stat().st_mtime_ns) for file in files}


def test_a_link_in_a_circle_is_no_folder_to_join_in(tmp_path: Path, capsys) -> None:
    first = run(tmp_path / "first", spec("ucb"), {0, 1})
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert main(["report", str(first), "--out", str(tmp_path / "a")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "expected a folder to write to" in line


def test_shards_in_folders_of_their_own_join_to_the_whole_run(tmp_path: Path, capsys) -> None:
    words = ["check", "--games", GAME, "--learners", "ucb,random,q-user", "--seeds", "2"]
    words += ["--tasks", "60", "--engine", "serial", "--profile", "smoke", "--out"]
    shards = [tmp_path / f"shard-{k}" for k in (1, 2, 3)]
    for k, shard in enumerate(shards, start=1):
        assert main([*words, str(shard), "--shard", f"{k}/3"]) == 0
    assert main([*words, str(tmp_path / "whole")]) == 0
    before = [content(shard) for shard in shards]
    capsys.readouterr()
    assert main(["report", *map(str, shards), "--out", str(tmp_path / "joined")]) == 0
    out, error = capsys.readouterr()
    assert f"joined: 6 of 6 cells in {tmp_path / 'joined'}" in error
    assert f"report: {tmp_path / 'joined' / 'report.html'}" in out
    assert [content(shard) for shard in shards] == before
    for file in (tmp_path / "whole" / "cells").iterdir():
        mine = json.loads((tmp_path / "joined" / "cells" / file.name).read_bytes())
        whole = json.loads(file.read_bytes())
        assert {**mine, "seconds": 0} == {**whole, "seconds": 0}
    kept = [
        json.loads((place / "run.json").read_bytes()) for place in (tmp_path / "joined", shards[0])
    ]
    assert kept[0] == kept[1]


@pytest.mark.slow
def test_shards_of_hidden_scenarios_join_too(tmp_path: Path, capsys) -> None:
    words = ["check", "--suite", "hidden", "--profile", "smoke", "--games", GAME, "--seeds", "1"]
    words += ["--learners", "plug-in", "--engine", "serial", "--tasks", "20"]
    for k in (1, 2):
        assert main([*words, "--shard", f"{k}/2", "--out", str(tmp_path / f"{k}")]) == 0
    shards = [str(tmp_path / "1"), str(tmp_path / "2")]
    assert main(["report", *shards, "--out", str(tmp_path / "joined")]) == 0
    cells = [len([*(tmp_path / name / "cells").iterdir()]) for name in ("1", "2", "joined")]
    assert cells[2] == cells[0] + cells[1] > cells[0] > 0


def test_learners_in_another_order_are_the_same_run(tmp_path: Path) -> None:
    first = run(tmp_path / "a", spec("ucb", "exp3"), {0})
    second = run(tmp_path / "b", spec("exp3", "ucb"), {1})
    joined = join(CHECK, [first, second], tmp_path / "joined")
    assert [record.cell for record in joined.records()] == joined.spec.cells()


def test_what_is_missing_is_joined_later_and_a_failure_gives_way(tmp_path: Path) -> None:
    broken = {"error": "ValueError: no", "trace": NOTHING}
    first = run(tmp_path / "a", spec("ucb"), {0}, **broken)
    out = tmp_path / "joined"
    joined = join(CHECK, [first], out)
    assert [record.error for record in joined.records()] == ["ValueError: no"]
    second = run(tmp_path / "b", spec("ucb"), {0, 1})
    joined = join(CHECK, [first, second], out)
    assert [record.error for record in joined.records()] == [None, None]
    again = join(CHECK, [first], out)  # what is finished stays
    assert [record.error for record in again.records()] == [None, None]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (spec("exp3"), "it lacks the learner ucb and also has the learner exp3"),
        (spec("ucb", practice=60), "its ucb has a practice of 60, not 50"),
        (replace(spec("ucb"), profile="full"), "its profile is full, not smoke"),
        (
            replace(spec("ucb"), games={GAME: GAMES["t5-cascade"]}),
            f"its game {GAME} has other numbers",
        ),
        (
            replace(spec("ucb"), games={GAME: GAMES[GAME], "t5-stay": GAMES["t5-stay"]}),
            "it also has the game t5-stay",
        ),
    ],
)
def test_a_folder_of_another_spec_is_refused_by_what_differs(
    tmp_path: Path, other: Spec[Game], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run(tmp_path / "a", spec("ucb"), {0})
    second = run(tmp_path / "b", other, {1})
    assert main(["report", str(first), str(second), "--out", str(tmp_path / "joined")]) == 2
    told = capsys.readouterr().err
    assert f"{second} holds a run of another spec than {first} ({words}); joined are runs" in told
    assert not (tmp_path / "joined").exists()


@pytest.mark.parametrize(
    ("larger", "played"), [(spec("ucb", seeds=5), {4}), (spec("exp3", "ucb"), {1})]
)
def test_a_run_that_is_a_part_of_another_joins_it(
    tmp_path: Path, larger: Spec[Game], played: set[int]
) -> None:
    """In whatever order they are named; what is in the lesser one only is there, too."""
    folders = [run(tmp_path / "a", spec("ucb"), {0, 1}), run(tmp_path / "b", larger, played)]
    for order in (1, -1):
        joined = join(CHECK, folders[::order], tmp_path / f"joined {order}")
        assert joined.spec == larger
        mine = [cell for cell in larger.cells() if cell.seed in played]
        theirs = [cell for cell in spec("ucb").cells() if cell.seed in (0, 1)]
        assert {record.cell for record in joined.records()} == {*mine, *theirs}


def test_of_runs_that_overlap_none_is_a_part(tmp_path: Path) -> None:
    folders = [
        run(tmp_path / "a", spec("ucb", seeds=5), {0}),
        run(tmp_path / "b", spec("ucb", "exp3"), {0}),
    ]
    with pytest.raises(InputError, match=r"another spec .*exp3\); .* of which one has all"):
        join(CHECK, folders, tmp_path / "joined")


def test_other_seeds_on_fresh_games_and_other_games_of_a_learner_are_told() -> None:
    games = {name: GAMES[name] for name in (GAME, "t5-stay")}

    def of(plan: Plan) -> Spec[Game]:
        return Spec("smoke", games, {"ucb": plan})

    both, one = (GAME, "t5-stay"), (GAME,)
    few, fewer = Plan(both, 5, 3, ("t5-stay",), 2), Plan(both, 5, 3, ("t5-stay",), 1)
    assert difference(of(few), of(fewer)) == "its ucb has 2 seeds on fresh games, not 1"
    told = difference(of(Plan(one, 5, 3)), of(Plan(both, 5, 3)))
    assert told == f"its ucb plays {GAME}, not the same games"


def test_results_that_differ_are_refused(tmp_path: Path) -> None:
    first = run(tmp_path / "a", spec("ucb"), {0, 1})
    second = run(tmp_path / "b", spec("ucb"), {1}, trace=OTHER)
    with pytest.raises(InputError, match=r"ucb__t4-cascade__001\.json differs between .*a and .*b"):
        join(CHECK, [first, second], tmp_path / "joined")
    assert not (tmp_path / "joined").exists()
    third = run(tmp_path / "c", spec("ucb"), {1}, commit="def", seconds=9.0)
    assert len([*join(CHECK, [first, third], tmp_path / "joined").records()]) == 2


def test_another_source_of_an_agent_is_refused(tmp_path: Path) -> None:
    first = run(tmp_path / "a", spec("my:Agent"), {0}, source="a" * 12)
    second = run(tmp_path / "b", spec("my:Agent"), {1}, source="b" * 12)
    with pytest.raises(InputError, match="ran different versions of my:Agent"):
        join(CHECK, [first, second], tmp_path / "joined")


@pytest.mark.parametrize("place", ["a", "a/joined", "b", "./a"])
def test_the_folders_themselves_are_no_place_to_join(tmp_path: Path, place: str) -> None:
    folders = [run(tmp_path / name, spec("ucb"), {0}) for name in ("a", "b")]
    before = [content(folder) for folder in folders]
    with pytest.raises(InputError, match="expected an --out outside of"):
        join(CHECK, folders, tmp_path / place)
    assert [content(folder) for folder in folders] == before


def test_a_place_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    first = run(tmp_path / "a", spec("ucb"), {0})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("dear")
    with pytest.raises(InputError, match="holds diary"):
        join(CHECK, [first], tmp_path / "mine")
    other = run(tmp_path / "b", spec("ucb", practice=60), {0})
    before = content(other)
    with pytest.raises(InputError, match="its ucb has a practice of 60, not 50"):
        join(CHECK, [first], other)
    assert content(other) == before


def test_a_damaged_cell_stops_the_join_before_it_begins(tmp_path: Path) -> None:
    first, second = (run(tmp_path / name, spec("ucb"), {n}) for n, name in enumerate("ab"))
    (file,) = (second / "cells").iterdir()
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(InputError, match="is damaged"):
        join(CHECK, [first, second], tmp_path / "joined")
    assert not (tmp_path / "joined").exists()


def test_several_folders_need_a_place_and_other_versions_are_told(tmp_path: Path, capsys) -> None:
    first, second = (run(tmp_path / name, spec("random"), {n}) for n, name in enumerate("ab"))
    assert main(["report", str(first), str(second)]) == 2
    assert "expected --out DIR, where 2 folders are joined, got none" in capsys.readouterr().err
    facts = json.loads((second / "run.json").read_bytes())
    facts["versions"]["numpy"] = "1.0"
    (second / "run.json").write_text(json.dumps(facts))
    assert main(["report", str(first), str(second), "--out", str(tmp_path / "joined")]) == 0
    told = capsys.readouterr().err
    assert f"{first} and {second} had other versions: numpy " in told
    assert "and 1.0" in told


SWEEP = """
games = ["t4-cascade"]
learners = ["random"]
seeds = 2
practice = [20, 100]
profile = "smoke"
"""


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory) -> list[Path]:
    """The two halves of a sweep, each in a folder of its own."""
    place = tmp_path_factory.mktemp("sweeps")
    (place / "my.toml").write_text(SWEEP)
    halves = [place / "m1", place / "m2"]
    for k, half in enumerate(halves, start=1):
        words = ["check", "--sweep", str(place / "my.toml"), "--engine", "serial"]
        assert main([*words, "--shard", f"{k}/2", "--out", str(half)]) == 0
    return halves


def test_shares_of_a_sweep_join_run_by_run(sweeps: list[Path], tmp_path: Path, capsys) -> None:
    assert main(["report", *map(str, sweeps), "--out", str(tmp_path / "joined")]) == 0
    out, error = capsys.readouterr()
    for practice in (20, 100):
        folder = tmp_path / "joined" / f"practice-{practice}"
        assert f"joined: 2 of 2 cells in {folder}" in error
        assert f"report: {folder / 'report.html'}" in out
        traces = [json.loads(file.read_bytes()) for file in (folder / "cells").iterdir()]
        assert sorted(trace["seed"] for trace in traces) == [0, 1]
        assert {trace["trace"]["practice"][-1] for trace in traces} == {practice}


def test_a_share_that_lacks_a_run_of_the_sweep_is_joined_without(
    sweeps: list[Path], tmp_path: Path, capsys
) -> None:
    shutil.copytree(sweeps[1] / "practice-20", tmp_path / "m2" / "practice-20")
    folders = [str(sweeps[0]), str(tmp_path / "m2")]
    assert main(["report", *folders, "--out", str(tmp_path / "joined")]) == 0
    error = capsys.readouterr().err
    assert f"2 of 2 cells in {tmp_path / 'joined' / 'practice-20'}" in error
    assert f"1 of 2 cells in {tmp_path / 'joined' / 'practice-100'}" in error


def test_a_sweeps_folder_is_reported_run_by_run(sweeps: list[Path], tmp_path: Path, capsys) -> None:
    shutil.copytree(sweeps[0], tmp_path / "m1")
    assert main(["report", str(tmp_path / "m1")]) == 0
    out = capsys.readouterr().out
    for practice in (20, 100):
        assert f"report: {tmp_path / 'm1' / f'practice-{practice}' / 'report.html'}" in out


def test_whoever_names_a_folder_of_runs_is_told_their_names(
    sweeps: list[Path], tmp_path: Path, capsys
) -> None:
    first, second = map(str, sweeps)
    assert main(["compare", first, second]) == 2
    said = f"{first}, which holds the runs practice-20, practice-100; name one, such as {first}/"
    assert said in capsys.readouterr().err
    assert main(["report", str(sweeps[0].parent)]) == 2  # holds sweeps, which hold runs
    assert "make one with" in capsys.readouterr().err
    assert main(["report", first, f"{second}/practice-20", "--out", str(tmp_path / "x")]) == 2
    told = capsys.readouterr().err
    assert f"{first}, which holds practice-20, practice-100, and {second}/practice-20" in told
    (tmp_path / "runs").mkdir()
    (sweeps[0] / "practice-20").rename(tmp_path / "runs" / "mine")
    try:
        assert main(["report", str(tmp_path / "runs")]) == 2
        assert "which holds the runs mine; name one" in capsys.readouterr().err
    finally:
        (tmp_path / "runs" / "mine").rename(sweeps[0] / "practice-20")
