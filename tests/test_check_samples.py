"""What is said about games: shares over samples, their intervals, and what predicts failure."""

import importlib.util
import shlex
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

from routing_game.agents import BestResponseUser
from routing_game.experiments.cells.records import Record, RunDirectory
from routing_game.experiments.check import failures, samples
from routing_game.experiments.check.judge import judge
from routing_game.experiments.check.lands import static_user
from routing_game.experiments.check.learners import LEARNERS
from routing_game.experiments.check.predicting import prediction
from routing_game.experiments.check.report import write_report, write_results
from routing_game.experiments.check.sets import origin, shown
from routing_game.experiments.check.suite import CHECK, make_spec
from routing_game.experiments.check.terminal import terminal_table
from routing_game.experiments.check.traces import QUESTIONS, Trace, user_trace
from routing_game.experiments.commands.names import chosen_games, chosen_learners
from routing_game.experiments.commands.parser import parse
from routing_game.theory import Game, best_response, outcome, payoffs, solve

WORDS = ("t4-cascade", "cascades:unit:6:3", "cascades:measured:6:3", "cascades:uniform:4")
"""A tuned game, twelve sampled for tuning and four fresh ones: of those, nothing is tried here."""
PROVIDERS = ("equilibrium", "constant", "random", "ucb", "zooming")
SPEC = make_spec("default", WORDS, (*PROVIDERS, "ppo-user"), seeds=2)


def optimum(game):
    best = solve(game)
    return int(best.route), float(best.cascade[0])


def commitment(cell):
    """ucb finds s_0 but always ends at the middle where s_L is best; zooming with one seed."""
    game = SPEC.games[cell.game]
    if cell.learner == "constant":
        return 1, 0.0
    if cell.learner == "ucb" and solve(game).rule == "s_L":
        return 1, 0.5
    if cell.learner == "zooming" and solve(game).rule == "s_L" and cell.seed:
        return 1, 0.5
    return optimum(game)


def records(spec=SPEC):
    for cell in spec.cells():
        if LEARNERS[cell.learner].role == "user":
            trace = user_trace(BestResponseUser(spec.games[cell.game]), [7])
        elif cell.learner == "random":
            rng = np.random.default_rng(cell.streams(2)[1])
            trace = Trace([7], [int(rng.integers(1, 3))], [float(rng.random())], [], [])
        else:
            route, s = commitment(cell)
            trace = Trace([1, 7], [2, route], [0.0, s], [], [])
        yield Record(*cell, spec.digest, "abc", 1.0, None, trace)


@pytest.fixture(scope="module")
def judged():
    return judge(SPEC, records())


@pytest.fixture(scope="module")
def tuned(judged):
    return samples.facts(judged, "tuned")


def regret(game, route, s):
    best = solve(game).cost
    return (outcome(game, route, s).cost - best) / abs(best)


def test_cells_hold_exact_regret_and_where_each_game_comes_from(judged):
    table = judged.cells
    assert table.height == len(SPEC.cells())
    for row in table.filter(pl.col("role") == "provider").to_dicts():
        game, place = SPEC.games[row["game"]], origin(row["game"])
        assert row["kind"] == solve(game).rule
        assert row["prior"] == (place and place.prior)
        assert row["set"] == ("fresh" if row["game"].startswith("uniform") else "tuned")
        exact = regret(game, row["route"], row["cascade"])
        assert row["regret"] == pytest.approx(exact, abs=1e-12)
        assert row["within"] == (exact <= 0.02)
        static = min(regret(game, 1, 0.0), regret(game, 2, 0.0))
        assert row["static"] == pytest.approx(static, abs=1e-12)


def test_the_static_user_leaves_at_once_or_never(judged):
    route, cascade = QUESTIONS
    found = static_user(Game.stack(list(SPEC.games.values())))
    for (name, game), share in zip(SPEC.games.items(), found, strict=True):
        best = payoffs(game, route, cascade, best_response(game, route, cascade).low).utility
        lost = [np.mean(best - payoffs(game, route, cascade, q).utility) for q in (0.0, 1.0)]
        assert share == pytest.approx(min(lost) / game.value), name


def test_shares_and_means_are_over_games_not_cells(tuned):
    section = tuned["provider"]
    assert section.games == 12
    assert section.cascade_games == 6
    assert section.total["equilibrium"].within.share == 1
    assert section.total["equilibrium"].regret == pytest.approx(0, abs=1e-12)
    total = section.total["zooming"]  # one of two seeds fails on two of twelve games or so
    games = {name for name in SPEC.games if origin(name) and not name.startswith("uniform")}
    hard = [SPEC.games[name] for name in games if solve(SPEC.games[name]).rule == "s_L"]
    failing = sum(regret(game, 1, 0.5) > 0.02 for game in hard)
    assert failing > 0
    assert total.within.share == pytest.approx(1 - failing / 2 / 12)
    means = [regret(game, 1, 0.5) / 2 for game in hard] + [0.0] * (12 - len(hard))
    low, high = stats.t.interval(0.95, 11, np.mean(means), stats.sem(means))
    assert (total.regret - total.half, total.regret + total.half) == pytest.approx((low, high))


def test_kinds_priors_and_both_together_add_up(tuned):
    section = tuned["provider"]
    assert section.learners[-1] == "best static"
    assert section.priors == ["unit", "measured"]
    assert section.kinds[:2] == ["s0", "s_L"]
    for name in section.learners:
        within = section.total[name].within.share * 12
        for parts in (section.kind, section.prior, section.cell):
            mine = [one for (learner, _), one in parts.items() if learner == name]
            assert sum(one.games for one in mine) == 12
            assert sum(one.within.share * one.games for one in mine) == pytest.approx(within)
    assert section.kind["ucb", "s0"].within.share == 1
    assert section.kind["ucb", "s_L"].within.share < 1
    # off the cascades nobody needs to learn
    assert section.kind["best static", "stay-1"].within.share == 1


def test_users_have_a_part_of_their_own(tuned):
    section = tuned["user"]
    assert section.learners == ["ppo-user", "always or never"]
    assert section.total["ppo-user"].within.share == 1
    assert section.strongest in failures.USER_MEASURES


def test_a_run_without_samples_has_no_such_part():
    spec = make_spec("default", ("t4-cascade",), ("equilibrium",), seeds=1)
    assert samples.facts(judge(spec, records(spec)), "fresh") == {}


# --- what predicts failure ---


def measured(n, rng, regret):
    """Rows and lands of n made-up cascades with such regret as a function of target and height."""
    names = [f"unit.1.s0.{k + 1}" for k in range(n)]
    land = {name: rng.random(n) for name in failures.Geometry._fields}
    lost = regret(land["target"], land["height"])
    rows = pl.DataFrame(
        {
            "learner": ["ucb"] * n,
            "game": names,
            "prior": ["unit"] * n,
            "kind": ["s0"] * n,
            "regret": lost,
            "within": (lost <= 0.02).astype(float),
        }
    )
    return rows, pl.DataFrame({"game": names, **land})


def test_the_measure_that_decides_is_found_with_its_place():
    rng = np.random.default_rng(0)
    rows, lands = measured(
        90, rng, lambda target, _: np.where(target < 0.3, 0.5, 0.001) * rng.random(90)
    )
    (one,) = failures.failures(rows, lands, "provider")
    first = one.predictors[0]
    assert first.measure == "target"
    assert first.counts
    rho, _ = stats.spearmanr(lands["target"], rows["regret"])
    assert first.rho == pytest.approx(rho)
    assert first.low < rho < first.high < 0
    assert [round(part.share, 1) for part in first.thirds][1:] == [0, 0]
    assert one.split.measure == "target"
    assert one.split.at == pytest.approx(0.3, abs=0.05)
    assert one.split.chance < 0.01
    assert one.split.above.share == 0
    words = prediction(one, "provider")
    assert "share of [0, 1] within 2 % of the optimum is small" in words
    assert "The best single question is whether the share of [0, 1]" in words


def test_nothing_is_said_to_predict_failures_that_are_chance():
    named = split = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        lost = rng.exponential(0.015, 40)
        rows, lands = measured(40, rng, lambda *_, lost=lost: lost)
        (one,) = failures.failures(rows, lands, "provider")
        named += one.predictors[0].counts
        split += one.split is not None and one.split.chance <= 0.05
    # at most 5 % of runs: of 40, more than 6 have a chance below .4 %
    assert named <= 6
    assert split <= 6


def test_a_split_is_the_best_of_all_by_definition():
    rng = np.random.default_rng(3)
    x, failed = rng.random((30, 2)), (rng.random(30) < 0.4).astype(float)
    failed = np.where(x[:, 1] > 0.7, 1.0, failed)
    split = failures.best_split(("a", "b"), x, failed)

    def explained(column, at):
        sides = [failed[x[:, column] <= at], failed[x[:, column] > at]]
        return sum(len(side) * (side.mean() - failed.mean()) ** 2 for side in sides)

    places = [
        (explained(column, at), column)
        for column in (0, 1)
        for at in x[:, column]
        if 5 <= np.sum(x[:, column] <= at) <= 25
    ]
    best, column = max(places)
    assert split.measure == "ab"[column]
    assert explained(column, split.at) == pytest.approx(best)
    side = failed[x[:, column] <= split.at]
    assert split.below.share == pytest.approx(side.mean())


def test_too_few_games_and_no_failures_say_so():
    rows, lands = measured(8, np.random.default_rng(0), lambda t, _: t)
    (one,) = failures.failures(rows, lands, "provider")
    assert "too few cascades to tell (8)" in prediction(one, "provider")
    rows, lands = measured(20, np.random.default_rng(0), lambda t, _: t / 1000)
    (one,) = failures.failures(rows, lands, "provider")
    assert prediction(one, "provider") == "fails on 0 of 20 cascades."
    rows, lands = measured(20, np.random.default_rng(0), lambda t, _: np.where(t == t[3], 1, t * 0))
    (one,) = failures.failures(rows, lands, "provider")
    assert "no measure of the game predicts where" in prediction(one, "provider")


# --- the report ---


def test_the_report_begins_with_fresh_games_and_draws_no_panel_for_a_sample(tmp_path, judged):
    directory = RunDirectory.create(CHECK, tmp_path, SPEC)
    text = write_report(judged, directory).read_text(encoding="utf-8")
    text = text.replace("\N{NO-BREAK SPACE}", " ")
    summary = text[text.index('id="answer"') :]
    assert summary.index("4 games, 2 of them cascades") < summary.index("<b>Catalog.</b>")
    assert summary.index("<b>Catalog.</b>") < summary.index("Games sampled for tuning")
    assert shown(SPEC.games) == ["t4-cascade"]
    assert "Nothing to see on 1 of them" in text  # who learns finds the optimum of t4-cascade
    assert 'alt="t4-cascade: cost over s' not in text
    assert not any(f'alt="{name}: ' in text for name in SPEC.games if origin(name))
    assert "The other 16 are not" in text
    for name in PROVIDERS:
        assert f'id="learner-{name}"' in text
    assert "best static" in text


def test_a_report_of_samples_alone_has_no_part_on_single_games(tmp_path):
    spec = make_spec("default", ("cascades:unit:20:3",), PROVIDERS, seeds=1)
    directory = RunDirectory.create(CHECK, tmp_path, spec)
    text = write_report(judge(spec, records_of(spec)), directory).read_text(encoding="utf-8")
    text = text.replace("\N{NO-BREAK SPACE}", " ")
    assert "20 games, 10 of them cascades" in text
    assert ", game by game" not in text
    assert shown([f"unit.3.s0.{k}" for k in range(1, 4)]) == [
        "unit.3.s0.1",
        "unit.3.s0.2",
        "unit.3.s0.3",
    ]


def records_of(spec):
    for cell in spec.cells():
        trace = Trace([7], [1], [0.1 * (cell.learner == "ucb")], [], [])
        yield Record(*cell, spec.digest, "abc", 1.0, None, trace)


def test_the_terminal_table_has_fresh_games_first(tmp_path, judged):
    lines = terminal_table(judged).splitlines()
    assert lines[0].startswith("Fresh games. 4 games, 2 of them cascades")
    (head,) = (line for line in lines if "seeds within" in line and "worst game" in line)
    assert head.index("fresh games within") < head.index("seeds within") < head.index("worst game")
    by_name = {line.split()[0]: line for line in lines if line.startswith("  ")}
    assert by_name["equilibrium"].split()[1:6] == ["100", "%", "(51", "to", "100)"]
    assert "the better of M1 alone and M2 alone is within on" in " ".join(" ".join(lines).split())


def test_results_are_tables_from_which_everything_can_be_made_again(tmp_path, judged):
    directory = RunDirectory.create(CHECK, tmp_path, SPEC)
    write_results(judged, directory)
    table = pl.read_parquet(tmp_path / "results.parquet")
    assert table.equals(judged.cells)
    text = pl.read_csv(tmp_path / "results.csv", infer_schema_length=None)
    assert text["regret"].to_list() == pytest.approx(table["regret"].to_list(), abs=0)
    assert text.columns == table.columns


# --- the page of docs that prints a run


@pytest.fixture
def pages(monkeypatch):
    """docs/results/learners.py."""
    folder = Path(__file__).parents[1] / "docs/results"
    monkeypatch.syspath_prepend(str(folder))
    spec = importlib.util.spec_from_file_location("make_learners", folder / "learners.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_docs_tables_are_made_from_the_folder_of_a_run(tmp_path, judged, pages):
    directory = RunDirectory.create(CHECK, tmp_path / "here", SPEC)
    write_results(judged, directory)
    for cell in SPEC.cells():
        (directory.store.folder / cell.filename).touch()
    found = pages.values(directory.path)
    assert found == pages.values(directory.path, directory.path)  # the same cells count once
    assert found["cells"] == len(SPEC.cells())
    assert found["failed"] == 0
    assert found["fresh games"] == 4
    fresh = samples.facts(judged, "fresh")["provider"]
    for name in PROVIDERS:
        assert found[name]["all"] == pytest.approx(
            [100 * x for x in fresh.total[name].within], abs=1e-4
        )
    assert found["constant"]["t4-cascade"][0] == pytest.approx(
        100 * regret(SPEC.games["t4-cascade"], 1, 0.0), abs=1e-4
    )
    page = "before\n<!-- table: fresh games by kind -->\nold\n<!-- table end -->\nafter"
    text = pages.fill(page, found)
    head = "<!-- table: fresh games by kind -->\n<!-- numbers: results/learners.json -->"
    assert text.startswith(f"before\n{head}\n| learner | all | s0 ")
    assert text.endswith("<!-- table end -->\nafter")
    assert "| `equilibrium` | 100 (51 to 100) |" in text
    assert "| best static | 50 (" in text
    assert pages.fill(text, found) == text
    with pytest.raises(ValueError, match="one of fresh games by kind"):
        pages.fill(page.replace("by kind", "by hand"), found)


def test_runs_that_share_a_cell_must_agree_on_it(pages):
    one = pl.DataFrame({"learner": ["ucb"], "game": ["t4-cascade"], "seed": [0], "regret": [0.1]})
    assert pages.joined([one, one]).equals(one)
    with pytest.raises(ValueError, match="two of ucb / t4-cascade / 0"):
        pages.joined([one, one.with_columns(regret=0.2)])


def test_the_command_of_a_run_asks_for_the_same_spec(tmp_path, pages):
    for games, learners, seeds in (
        (("catalog", "cascades:unit:7:3", "sample:measured:2"), ("ucb", "zooming"), 2),
        (None, None, None),
    ):
        spec = make_spec("smoke", games, learners, seeds)
        directory = RunDirectory.create(CHECK, tmp_path / spec.digest, spec)
        _, *words = shlex.split(pages.command(directory.path))
        asked = parse(words)
        again = make_spec(
            asked.profile, chosen_games(asked.games), chosen_learners(asked.learners), asked.seeds
        )
        assert again == spec
