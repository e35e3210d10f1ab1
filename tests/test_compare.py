"""Two runs beside each other: what differs is named, and means are means, by hand."""

import json
import math
from pathlib import Path

import polars as pl
import pytest
from scipy.stats import t

from routing_game.experiments.cli import main
from routing_game.experiments.compare import averaged, compared, some, words

pytestmark = pytest.mark.usefixtures("without_pictures")

CHECK = ["check", "--profile", "smoke", "--engine", "serial", "--games"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("compared")
    first, second = folder / "a", folder / "b"
    words = ["t4-cascade,t5-cascade", "--learners", "ucb-fixed,random", "--seeds", "3"]
    assert main([*CHECK, *words, "--out", str(first)]) == 0
    games = "t5-cascade,t4-cascade,t4-reason,t5-stay,t5-leave"
    words = [games, "--learners", "random,structural,ucb-fixed"]
    assert main([*CHECK, *words, "--seeds", "2", "--tasks", "50", "--out", str(second)]) == 0
    return first, second


def results(run: Path) -> pl.DataFrame:
    return pl.read_csv(run / "results.csv")


def test_what_differs_is_named(runs: tuple[Path, Path]) -> None:
    found = compared(*runs)["differences"]
    assert found == {
        "games": [[], ["t4-reason", "t5-stay", "t5-leave"]],
        "learners": [[], ["structural"]],
        "practice": {"ucb-fixed": [300, 50], "random": [10, 50]},
        "seeds": {"ucb-fixed": [3, 2], "random": [3, 2]},
    }


def test_means_and_intervals_are_over_games_by_hand(runs: tuple[Path, Path]) -> None:
    facts = compared(*runs)
    table = results(runs[1])
    for name, found in facts["learners"].items():
        mine = table.filter(pl.col("learner") == name)
        games = mine.group_by("game").agg(pl.col("regret").mean())["regret"].to_list()
        mean = sum(games) / len(games)
        assert found["second"]["mean"] == pytest.approx(mean)
        sd = math.sqrt(sum((x - mean) ** 2 for x in games) / (len(games) - 1))
        half = t.ppf(0.975, len(games) - 1) * sd / math.sqrt(len(games))
        assert found["second"]["high"] == pytest.approx(mean + half)
        assert found["second"]["low"] == pytest.approx(max(mean - half, 0.0))
        assert (found["second"]["games"], found["second"]["cells"]) == (5, 10)


def test_the_difference_is_over_common_cells_alone(runs: tuple[Path, Path]) -> None:
    facts = compared(*runs)
    first, second = (
        {(x["learner"], x["game"], x["seed"]): x["regret"] for x in results(run).to_dicts()}
        for run in runs
    )
    common = [cell for cell in first if cell in second]
    assert facts["cells"]["common"] == len(common) == 8
    for name in ("ucb-fixed", "random"):
        differences = [second[cell] - first[cell] for cell in common if cell[0] == name]
        found = facts["learners"][name]["difference"]
        assert found["mean"] == pytest.approx(sum(differences) / len(differences))
        assert (found["low"], found["high"], found["games"]) == (None, None, 2)
    assert facts["learners"]["structural"]["first"] is None
    assert facts["learners"]["structural"]["difference"] is None


def test_a_run_does_not_differ_from_itself(runs: tuple[Path, Path], capsys) -> None:
    assert main(["compare", str(runs[0]), str(runs[0])]) == 0
    out = capsys.readouterr().out
    assert "12 common, 12 of them with the same result" in out
    assert "they differ in nothing" in out


def test_the_terminal_and_the_json_say_the_same(runs: tuple[Path, Path], capsys) -> None:
    words = ["compare", *map(str, runs)]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "practice: random 10 and 50; ucb-fixed 300 and 50" in out
    assert "games: only the second has t4-reason, t5-stay, t5-leave" in out
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == compared(*runs)


def test_other_numbers_under_one_name_are_another_game(tmp_path: Path) -> None:
    folders = []
    for penalty in (1.5, 1.6):
        game = tmp_path / str(penalty) / "mine.toml"
        game.parent.mkdir()
        words = ["solve", "t4-cascade", "--penalty", str(penalty), "--save", str(game)]
        assert main(words) == 0
        folders.append(tmp_path / f"run-{penalty}")
        check = [*CHECK, str(game), "--learners", "random", "--seeds", "1"]
        assert main([*check, "--out", str(folders[-1])]) == 0
    facts = compared(*folders)
    assert facts["differences"] == {"games with other numbers": ["mine"]}
    assert facts["cells"]["common"] == 0


def test_one_game_has_its_interval_over_seeds_and_few_seeds_none() -> None:
    regret = [0.0, 0.0, 0.0, 0.0, 1.0]
    cells = pl.DataFrame({"learner": ["x"] * 5, "game": ["g"] * 5, "regret": regret})
    found = averaged(cells, "x", least=0.0)
    assert found is not None
    assert found["mean"] == 0.2
    assert found["low"] == 0.0
    assert found["high"] == pytest.approx(0.2 + t.ppf(0.975, 4) * 0.2)
    for few in range(1, 5):  # as in the report: too few for an interval
        some = averaged(cells.head(few), "x")
        assert some is not None
        assert (some["low"], some["high"]) == (None, None)
    assert averaged(cells, "y") is None


def test_numbers_are_those_of_the_report() -> None:
    assert words(None) == "-"
    assert words({"mean": 0.294, "low": None, "high": None}) == "29"
    assert words({"mean": -0.0123, "low": -0.05, "high": 1e-7}) == "-1.2 (-5.0 to 0)"


def test_many_names_are_cut_on_the_terminal() -> None:
    assert some(["a", "b", "c"], most=2) == "a, b and 1 more"


def test_what_is_no_run_of_learners_is_named(tmp_path: Path, runs, capsys) -> None:
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "run.json").write_text(
        json.dumps({"suite": "hidden", "spec": {}, "versions": {}})
    )
    for folder, hint in (("hidden", "a run of the suite hidden"), ("no", "run directory")):
        assert main(["compare", str(runs[0]), str(tmp_path / folder)]) == 2
        assert hint in capsys.readouterr().err
    assert main(["compare", str(runs[0])]) == 2
