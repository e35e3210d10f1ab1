"""Sweeps from a file, and shares of a run: what is asked for is what runs, each cell once."""

import re
from pathlib import Path

import pytest

from routing_game.experiments import InputError
from routing_game.experiments.cells.shards import Shard
from routing_game.experiments.check.suite import make_spec
from routing_game.experiments.cli import main
from routing_game.experiments.commands.names import chosen_learners
from routing_game.experiments.sweep import read, specs
from routing_game.theory import GAMES

ROOT = Path(__file__).parents[1]


def written(folder: Path, text: str) -> Path:
    path = folder / "my.toml"
    path.write_text(text)
    return path


def test_a_file_says_what_flags_say(tmp_path: Path) -> None:
    text = 'games = ["t4-cascade", "t5-cascade"]\nlearners = ["ucb", "structural"]\n'
    path = written(tmp_path, text + 'seeds = 3\npractice = 40\nprofile = "smoke"\n')
    ((name, spec),) = specs(path, chosen_learners)
    asked = make_spec("smoke", ("t4-cascade", "t5-cascade"), ("structural", "ucb"), 3, 40)
    assert name == ""
    assert spec == asked


def test_several_settings_are_several_runs_and_one_learner_may_differ(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        'games = ["t4-cascade", "t5-cascade"]\nlearners = ["ucb", "random"]\n'
        "practice = [10, 20]\nseeds = 2\n"
        '[learner.ucb]\nseeds = 4\n[learner.random]\npractice = 7\ngames = ["t5-stay"]\n',
    )
    found = dict(specs(path, chosen_learners))
    assert [*found] == ["practice-10", "practice-20"]
    for practice, spec in zip((10, 20), found.values(), strict=True):
        ucb, random = spec.plans["ucb"], spec.plans["random"]
        assert (ucb.practice, ucb.seeds, ucb.count) == (practice, 4, 8)
        assert (random.practice, random.seeds, random.games) == (7, 2, ("t5-stay",))
        assert spec.games == {x: GAMES[x] for x in ("t4-cascade", "t5-cascade", "t5-stay")}


def test_an_empty_file_is_the_default_profile(tmp_path: Path) -> None:
    ((_, spec),) = specs(written(tmp_path, ""), chosen_learners)
    assert spec == make_spec("default")


def test_games_of_a_file_are_looked_for_beside_it(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "sub").mkdir()
    assert main(["solve", "t4-cascade", "--value", "1.1", "--save", f"{tmp_path}/sub/g.toml"]) == 0
    path = written(tmp_path / "sub", 'games = ["g.toml"]\nlearners = ["random"]\n')
    monkeypatch.chdir(tmp_path)
    ((_, spec),) = specs(path, chosen_learners)
    assert float(spec.games["g"].value) == 1.1


WRONG = {
    "a key": ("gmaes = []", "got 'gmaes', perhaps games"),
    "a learner's key": ("[learner.ucb]\nseed = 3", "got 'seed', perhaps seeds"),
    "a learner that does not play": (
        'learners = ["ucb"]\n[learner.ucbb]\nseeds = 3',
        "got 'ucbb', perhaps ucb",
    ),
    "a learner's name": ('learners = ["tompson"]', "'tompson', perhaps thompson"),
    "a game's name": ('games = ["t4-casc"]', "perhaps t4-cascade"),
    "no games": ("games = []", "games must be a list of length at least 1, got []"),
    "games in a text": (
        'games = "t4-cascade, t5-stay"',
        'games must be a list, got a text; write games = ["t4-cascade", "t5-stay"]',
    ),
    "a learner's games in a text": (
        '[learner.ucb]\ngames = "t5-stay"',
        '[learner.ucb] games must be a list, got a text; write games = ["t5-stay"]',
    ),
    "seeds": ("seeds = 0", "seeds must be a whole number of at least 1, got 0"),
    "a learner's seeds": ("[learner.ucb]\nseeds = 0", "[learner.ucb] seeds must be a whole"),
    "a seed that is no number": ('seeds = "3"', "seeds must be a whole number, got a text"),
    "practice": ("practice = [10, 0.5]", "practice[1] must be a whole number, got a number"),
    "a profile": ('profile = "big"', "got 'big'; write one of smoke, default, full"),
    "tables": ("learner = 3", "learner must be a table of names and values, got a whole number"),
    "TOML": ("games = [", "expected TOML in"),
}


@pytest.mark.parametrize(("text", "hint"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_in_a_file_is_named_before_anything_runs(
    text: str, hint: str, tmp_path: Path, capsys, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path, text)
    assert main(["check", "--sweep", path.name]) == 2
    error = capsys.readouterr().err
    assert hint in error
    assert error.count("\n") == 1
    assert [*tmp_path.iterdir()] == [path]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    written(tmp_path, "")
    with pytest.raises(InputError, match=r"may.toml \(No such .*\), perhaps .*my.toml$"):
        read(tmp_path / "may.toml")
    with pytest.raises(InputError, match="expected a sweep's file"):
        read(tmp_path / "no.toml")
    with pytest.raises(InputError, match="expected a sweep's file"):
        read(tmp_path)


@pytest.mark.parametrize(
    "flag", ["--games=t4-cascade", "--learners=ucb", "--profile=smoke", "--seeds=2", "--tasks=3"]
)
def test_a_flag_beside_a_sweep_is_refused(flag: str, tmp_path: Path, capsys) -> None:
    path = written(tmp_path, "")
    assert main(["check", "--sweep", str(path), flag]) == 2
    assert "beside --sweep; write it in" in capsys.readouterr().err


@pytest.mark.usefixtures("without_pictures")
def test_the_example_of_the_docs_is_a_sweep_and_runs(tmp_path: Path, monkeypatch, capsys) -> None:
    page = (ROOT / "docs/learners.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(# cliffs\.toml\n.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Path("cliffs.toml").write_text(example)
    words = ["check", "--sweep", "cliffs.toml", "--engine", "serial"]
    assert main(words) == 0
    for folder, practice in (("practice-500", 500), ("practice-2000", 2000)):
        assert (Path("runs/cliffs") / folder / "report.html").exists()
        rows = (Path("runs/cliffs") / folder / "results.csv").read_text().splitlines()
        assert len(rows) == 1 + 2 * 3 + 2 * 5
        assert any(f",{practice}," in row for row in rows)
    assert "report: runs/cliffs/practice-2000/report.html" in capsys.readouterr().out


def test_shards_deal_each_cell_once_and_each_learner_to_all() -> None:
    spec = make_spec("smoke", ("t4-cascade",), ("ucb", "random", "structural"), seeds=8)
    for n in (1, 2, 3, 5, 30):
        shards = [Shard(k, n).of(spec) for k in range(1, n + 1)]
        assert sorted(cell for shard in shards for cell in shard) == sorted(spec.cells())
        for learner in spec.plans:
            counts = [sum(cell.learner == learner for cell in shard) for shard in shards]
            assert max(counts) - min(counts) <= 1


@pytest.mark.usefixtures("without_pictures")
def test_shards_write_into_one_folder_what_a_whole_run_writes(tmp_path: Path, capsys) -> None:
    words = ["check", "--games", "t4-cascade", "--learners", "ucb,random", "--seeds", "2"]
    words += ["--tasks", "60", "--engine", "serial", "--out"]
    shared, whole = tmp_path / "shared", tmp_path / "whole"
    assert main([*words, str(shared), "--shard", "2/3"]) == 0
    assert len([*(shared / "cells").iterdir()]) == 1
    assert main([*words, str(shared), "--shard", "1/3"]) == 0
    assert main([*words, str(shared), "--shard", "3/3"]) == 0
    assert main([*words, str(whole)]) == 0
    assert main(["compare", str(shared), str(whole)]) == 0
    assert "4 and 4 finished, 4 common, 4 of them with the same result" in capsys.readouterr().out


def test_a_share_without_some_games_is_reported(tmp_path: Path) -> None:
    words = ["check", "--games", "t4-cascade,t5-cascade", "--learners", "ucb,q-user", "--seeds"]
    words += ["1", "--tasks", "60", "--engine", "serial", "--out", str(tmp_path)]
    assert main([*words, "--shard", "1/2"]) == 0
    assert {file.name.split("__")[1] for file in (tmp_path / "cells").iterdir()} == {"t4-cascade"}
    assert (tmp_path / "report.html").exists()
    assert main([*words, "--shard", "2/2"]) == 0


@pytest.mark.parametrize("text", ["0/3", "4/3", "1/0", "1", "a/b", "1/3/5", "-1/3"])
def test_what_is_no_shard_is_named(text: str, capsys, tmp_path: Path) -> None:
    words = ["check", f"--shard={text}", "--out", str(tmp_path / "run")]
    assert main(words) == 2
    assert "expected --shard k/n" in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == []


def test_a_shard_begins_nothing_anew(capsys, tmp_path: Path) -> None:
    assert main(["check", "--shard", "1/2", "--fresh", "--out", str(tmp_path / "run")]) == 2
    assert "delete the others' cells" in capsys.readouterr().err
