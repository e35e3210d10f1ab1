"""Experiments on a hidden cascade: pages say what their numbers say; laws; the hidden suite."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from dataclasses import replace
from html import escape
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from routing_game.envs.observation import Dial
from routing_game.experiments import InputError
from routing_game.experiments.cells.progress import Steps
from routing_game.experiments.cells.records import Record, RunDirectory
from routing_game.experiments.cli import main
from routing_game.experiments.hidden import converge, observability, suite, trap
from routing_game.experiments.hidden import settings as settings_module
from routing_game.experiments.hidden.names import EXPERIMENTS, FLAGS
from routing_game.experiments.hidden.observability_page import SEEN
from routing_game.experiments.hidden.rulebook import RULEBOOK, Remembered, alone
from routing_game.experiments.hidden.settings import Settings
from routing_game.experiments.hidden.suite_judge import Question, exact, judge
from routing_game.experiments.hidden.threshold import Threshold, told
from routing_game.experiments.hidden.threshold import threshold as threshold_of
from routing_game.experiments.pages.words import cell, percent
from routing_game.theory import GAMES, Commitment, Game, payoffs, simultaneous, solve
from routing_game.theory.belief import Belief
from routing_game.theory.belief_plan import plan_after_failure, told_utility
from routing_game.theory.belief_rules import ExpectedUtility, plug_in_after_failure
from routing_game.theory.exchange import to_toml
from routing_game.theory.lock_in import lock_in

T4, T5 = GAMES["t4-cascade"], GAMES["t5-cascade"]
S0 = float(threshold_of(T4, "t4-cascade").s)


def ask(
    words: list[str], out: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[str, dict[str, Any], str]:
    """(text on the terminal, the JSON beside the page, the page) of an experiment.

    Its name is the first of the words.
    """
    assert main(["belief", *words, "--profile", "smoke", "--workers", "1", "--out", str(out)]) == 0
    told = capsys.readouterr().out
    page = (out / f"{words[0]}.html").read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")
    return told, json.loads((out / f"{words[0]}.json").read_text(encoding="utf-8")), page


def check_page(told: str, facts: dict[str, Any], page: str, figures: int, out: Path) -> None:
    """Title and answer are on the terminal and in the page, which links its numbers' files.

    The answer stands before the first picture, all evidence after it.
    """
    flat = " ".join(told.split())
    for words in (facts["title"], facts["made"], *facts["answer"], *facts["details"]):
        assert words.replace("- ", "-") in flat.replace("- ", "-")
    assert 1 <= len(facts["answer"]) <= 3
    assert facts["made"].startswith(f"Game {facts['settings']['game']}, profile smoke")
    first = page.index("<img")
    assert all(page.index(escape(words)) < first for words in facts["answer"])
    assert page.index("A smoke run") < first < page.index('id="words"') < page.index('id="details"')
    assert (
        page.count('<img src="data:image/svg+xml;base64,') == figures == page.count("<figcaption>")
    )
    files = re.findall(r"(?:src|href)=\"(?!data:|#)(.*?)\"", page)
    assert files == [file for file in files if (out / file).is_file() and file.endswith(".csv")]
    assert len(files) == page.count("<details>") == page.count("</details>") > 0
    parts = re.findall(r"<a href=\"#(.*?)\">", page)
    assert parts
    assert all(f'id="{part}"' in page for part in parts)
    assert not re.search(r"never, never|-, -|e-1\d|\bnan\b", re.sub(r"base64,[^\"]*", "", page))
    assert facts["versions"]["routing-game"]


class TestTrap:
    def test_the_page(self, tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
        """Shares and exact chances in the answer are the table's, which are those of theory."""
        monkeypatch.setattr(trap, "DISTANCES", (-0.1, 0.0, 0.1))
        monkeypatch.setattr(trap, "PRIOR_MEANS", (-0.1, 0.1))
        told, facts, page = ask(["trap", "--sessions", "40"], tmp_path, capsys)
        check_page(told, facts, page, 3, tmp_path)
        table = pl.read_csv(tmp_path / "trap-sessions.csv")
        assert set(table["rule"]) == set(RULEBOOK)
        assert facts["settings"]["sessions"] == 40
        at = table.filter(pl.col("s") == S0, rule="plug-in").row(0, named=True)
        chance = lock_in(T4, S0, Belief(1.0, 1.0), 40, lambda b: plug_in_after_failure(T4, b))
        assert at["exact"] == pytest.approx(chance)
        words = facts["details"][0]
        assert f"the exact chance that a plug-in user is locked in is {percent(chance)} %" in words
        assert f"Of the 40 sessions that were played {percent(at['locked'])} % (" in words
        assert table["gap"].drop_nulls().abs().max() < 4.5
        assert f"{at['user_regret']:.4f}" in facts["details"][4]
        good = lock_in(T4, S0 + 0.1, Belief(1.0, 1.0), 40, lambda b: plug_in_after_failure(T4, b))
        assert f"with a chance of {percent(good)} %" in facts["answer"][0]

    @pytest.mark.parametrize("name", ["t4-cascade", "t5-cascade"])
    def test_a_row_is_the_same_whenever_it_is_played(self, name: str) -> None:
        mark = threshold_of(GAMES[name], name)
        settings = Settings(name, "smoke", {"sessions": 30, "tasks": 20})
        cell = trap.Cell("Thompson", Belief(1.0, 1.0), mark.towards(0.1), "s")
        assert trap.row(settings, mark, cell) == trap.row(settings, mark, cell)

    @pytest.mark.slow
    def test_the_trap_of_a_thousand_tasks(self) -> None:
        """At s0 plug-in is locked in, past it who explores is not; play agrees with the law."""
        mark, settings = (
            threshold_of(T4, "t4-cascade"),
            Settings("t4-cascade", "full", trap.PROFILES["full"]),
        )

        def found(rule: str, distance: float) -> dict[str, Any]:
            return trap.row(
                settings, mark, trap.Cell(rule, Belief(1.0, 1.0), mark.towards(distance), "s")
            )

        for rule in ("plug-in", "plug-in, each task", "optimistic, fixed"):
            for distance in (0.0, 0.1):
                assert abs(found(rule, distance)["gap"]) < 3
        assert found("plug-in", 0.0)["doubts_low"] > 0.9
        for distance in (0.1, 0.2):
            assert found("Thompson", distance)["doubts_high"] < 0.02
            assert found("forced stays", distance)["doubts_high"] < 0.02
            assert found("forced stays", distance)["silent_high"] < 0.02
        assert (
            abs(found("plug-in", 0.0)["user_regret"]) < 0.002
        )  # blind to what costs the provider this much
        assert found("plug-in", 0.0)["provider_regret"] > 0.5


class TestConverge:
    def test_the_page(self, tmp_path: Path, capsys: Any) -> None:
        told, facts, page = ask(
            ["converge", "--game", "t5-cascade", "--sessions", "40"], tmp_path, capsys
        )
        check_page(told, facts, page, 3, tmp_path)
        table = pl.read_csv(tmp_path / "converge-beliefs.csv", infer_schema_length=None)
        last = table.filter(pl.col("distance") == 0.1, rule="always stays", tasks=45).row(
            0, named=True
        )
        mark = threshold_of(T5, "t5-cascade")
        right, covered = converge.stayers(T5, mark, mark.towards(0.1), 45)
        assert (last["right_exact"], last["covered_exact"]) == pytest.approx((right, covered))
        assert f"the exact law says {percent(right)} %" in facts["details"][0]
        assert f"{last['error']:.4f} off" in facts["details"][0]
        assert "it takes 90 % of them more than the 15 tasks" in facts["answer"][2]
        gaps = table.select(
            pl.concat_list("right_gap", "covered_gap").explode().drop_nulls().abs()
        ).to_series()
        assert gaps.max() < 5

    @pytest.mark.parametrize(("game", "name"), [(T4, "t4-cascade"), (T5, "t5-cascade")])
    def test_the_law_of_who_never_leaves_is_that_of_every_pass(self, game: Game, name: str) -> None:
        """Chances of all counts after three tasks, followed pass by pass."""
        mark, s, k1 = threshold_of(game, name), 0.4, float(game.failure[0])
        here = {(0, 0): 1.0}
        for _ in range(3):
            after: dict[tuple[int, int], float] = {}
            for (e, k), chance in here.items():
                for j in range(200):
                    again = chance * (k1 * (1 - s)) ** j
                    after[e, k + j] = after.get((e, k + j), 0.0) + again * (1 - k1)
                    after[e + 1, k + j] = after.get((e + 1, k + j), 0.0) + again * k1 * s
            here = {counts: chance for counts, chance in after.items() if chance > 1e-14}
        counts, chances = np.array(list(here)), np.array(list(here.values()))
        beliefs = Belief(1 + counts[:, 0], 1 + counts[:, 1])
        on_side, held = converge.right(game, mark, beliefs, s), converge.holds(beliefs, s)
        expected = [float(chances[flags].sum()) for flags in (on_side, held)]
        assert converge.stayers(game, mark, s, 3) == pytest.approx(expected, abs=1e-9)

    def test_intervals_hold_s_as_often_as_they_say_on_average_over_the_prior(self) -> None:
        mark = threshold_of(T4, "t4-cascade")
        held = [converge.stayers(T4, mark, s, 4)[1] for s in (np.arange(800) + 0.5) / 800]
        assert np.mean(held) == pytest.approx(0.95, abs=0.002)


class TestObservability:
    def test_the_page(self, tmp_path: Path, capsys: Any) -> None:
        told, facts, page = ask(["observability", "--seeds", "1"], tmp_path, capsys)
        check_page(told, facts, page, 2, tmp_path)
        ends, runs = (
            pl.read_csv(tmp_path / f"observability-{name}.csv") for name in ("ends", "runs")
        )
        assert len(ends) == len(runs) == 2 * len(observability.DIAL)
        theory = observability.predicted(T4, "samples:1")
        assert f"and {theory:.3f} at one" in facts["details"][0]
        assert f"{theory:.3f} with one" in facts["answer"][0]
        assert set(ends.filter(observes="samples:1")["theory"]) == {theory}
        assert {*zip(runs["observes"], runs["sees"], strict=True)} == {*SEEN.items()}
        assert "<td>100 tosses</td>" in page  # tables say what the text says
        assert "<td>samples:100</td>" not in page

    @pytest.mark.parametrize(
        "observes", ["strategy", "samples:3", "samples:100", "noisy:0.1", "route"]
    )
    def test_the_law_of_what_is_seen_is_the_dials(self, observes: str) -> None:
        """Frequencies of bins in 3,000 glimpses within four standard errors of the chances."""
        rng, dial, s = np.random.default_rng(3), Dial.parse(observes), 0.3
        behind = observability.Behind(None, dial, rng)  # type: ignore[arg-type]
        m = observability.bins(dial)
        seen = [behind.see(Commitment(1, s)).cascade for _ in range(3000)]
        share = np.bincount(observability.nearest(seen, m), minlength=m) / 3000
        (chances,) = observability.law(dial, np.array([s]))
        assert chances.sum() == pytest.approx(1.0)
        assert np.all(
            np.abs(share - chances)
            <= 4 * np.sqrt(np.maximum(chances * (1 - chances), 1 / 3000) / 3000)
        )

    @pytest.mark.parametrize("game", [T4, T5])
    def test_theory_rises_from_commitment_to_simultaneous_play(self, game: Game) -> None:
        for kind in (
            ("samples:100", "samples:10", "samples:3", "samples:1"),
            ("noisy:0.02", "noisy:0.2", "noisy:0.5"),
        ):
            costs = [
                observability.predicted(game, observes) for observes in ("strategy", *kind, "route")
            ]
            assert costs == sorted(costs)
            assert costs[0] == solve(game).cost
            assert costs[-1] == simultaneous(game).lowest

    @pytest.mark.parametrize(
        "observes", ["strategy", "samples:30", "samples:1", "noisy:0.2", "route"]
    )
    def test_fictitious_play_goes_where_theory_says(self, observes: str) -> None:
        rng = np.random.default_rng(5)
        played, _ = observability.replies(T4, Dial.parse(observes), 6000, rng)
        cost = float(payoffs(T4, *played[-3000:].T).cost.mean())
        assert cost == pytest.approx(observability.predicted(T4, observes), rel=0.05)


class TestRulebook:
    def test_told_is_the_best_a_user_can_do(self) -> None:
        for name in ("t4-cascade", "t5-cascade"):
            mark, s = threshold_of(GAMES[name], name), np.linspace(0, 1, 21)
            assert np.allclose(told(GAMES[name], mark, s).utility, told_utility(GAMES[name], s))
        assert float(told(T4, threshold_of(T4, ""), S0).cost) == pytest.approx(
            float(solve(T4).cost)
        )

    def test_remembered_answers_are_the_rules(self) -> None:
        rng = np.random.default_rng(0)
        rule = ExpectedUtility(T4, "task")
        beliefs = Belief(1.0 + rng.integers(0, 4, (5, 6)), 1.0 + rng.integers(0, 4, (5, 6)))
        memory = Remembered(rule)
        for _ in range(2):
            assert np.array_equal(memory.leaving(beliefs, 1, rng), rule.leaving(beliefs, 1, rng))

    @pytest.mark.parametrize("name", RULEBOOK)
    def test_what_a_rule_is_said_to_be_it_is(self, name: str) -> None:
        """Its answers on a lattice of beliefs, early and late, each with other random numbers."""
        entry = RULEBOOK[name]
        counts = np.meshgrid(np.arange(1.0, 9.0), np.arange(1.0, 9.0))
        beliefs = Belief(*map(np.ravel, counts))
        changes = False
        for game in (T4, T5):
            rule = entry.make(game)
            early, late = (rule.leaving(beliefs, n, np.random.default_rng(n)) for n in (2, 900))
            changes |= not np.array_equal(early, late)
            assert (entry.horizon is not None) == (rule.checks == "task")
            if entry.belief_alone:
                assert np.array_equal(alone(rule)(beliefs), early)
                assert bool(((early > 0) & (early < 1)).any()) == trap.mixes(entry, game)
        assert changes != entry.belief_alone


def test_what_measures_needs_neither_pictures_nor_tables_nor_torch() -> None:
    """In a fresh interpreter; those that train import torch when they do."""
    modules = [f"routing_game.experiments.hidden.{name}" for name in EXPERIMENTS]
    heavy = ("matplotlib", "polars", "torch", "stable_baselines3", "jinja2")
    loaded = f"print([name for name in {heavy} if name in sys.modules])"
    code = f"import sys, {', '.join(modules)}; {loaded}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class TestPage:
    def test_workers_change_nothing_but_the_order_of_work(self) -> None:
        numbers = [float(k) for k in range(7)]
        for workers in (1, 2):
            settings = Settings("t4-cascade", "smoke", {}, workers)
            assert settings.each(math.sqrt, numbers, Steps()) == [math.sqrt(k) for k in numbers]

    def test_a_stopped_run_goes_on_where_it_was(self, tmp_path: Path, capsys: Any) -> None:
        """What was finished is kept, is not run again, and comes back as it would have come."""
        settings, done = (
            Settings("t4-cascade", "smoke", {"seeds": 3, "tasks": 9}, kept=tmp_path / "cells"),
            [],
        )

        def job(cell: trap.Cell) -> tuple[float, dict[str, bool]]:
            if cell.s == 0.3 and len(done) == 2:
                raise KeyboardInterrupt
            done.append(cell.s)
            return cell.s / 3, {"rule": cell.rule == "plug-in"}

        cells = [trap.Cell("plug-in", Belief(1.0, 1.0), s, "s") for s in (0.1, 0.2, 0.3)]
        with pytest.raises(
            KeyboardInterrupt, match="2 of 3 cells are done and kept; repeat the command"
        ):
            settings.each(job, cells, Steps())
        done.append(0.0)
        assert settings.each(job, cells, Steps()) == [
            [s / 3, {"rule": True}] for s in (0.1, 0.2, 0.3)
        ]
        assert done == [0.1, 0.2, 0.0, 0.3]
        assert "2 of 3 cells were finished before and are kept" in capsys.readouterr().err
        more = replace(settings, numbers={"seeds": 9, "tasks": 9})  # more seeds, same cells
        assert more.each(job, cells, Steps()) == settings.each(job, cells, Steps())
        assert done == [0.1, 0.2, 0.0, 0.3]
        replace(settings, numbers={"seeds": 3, "tasks": 8}).each(
            job, cells, Steps()
        )  # other tasks, other cells
        replace(settings, name="t5-cascade").each(job, cells, Steps())
        assert done == [0.1, 0.2, 0.0, 0.3, *[0.1, 0.2, 0.3] * 2]

    def test_a_kept_cell_of_other_code_is_not_used_and_a_damaged_one_refused(
        self, tmp_path: Path, monkeypatch: Any
    ) -> None:
        settings, calls = Settings("t4-cascade", "smoke", {}, kept=tmp_path / "cells"), []

        def root(x: float) -> float:
            calls.append(x)
            return math.sqrt(x)

        assert settings.each(root, [4.0], Steps()) == settings.each(root, [4.0], Steps()) == [2.0]
        (file,) = (tmp_path / "cells").iterdir()
        assert len(calls) == 1
        with monkeypatch.context() as other:
            other.setattr(settings_module, "code", lambda module: "abc")
            assert settings.each(root, [4.0], Steps()) == [2.0]
        assert len(calls) == 2
        file.write_text(file.read_text()[:-9])
        with pytest.raises(
            InputError, match=f"{file.name} is damaged .*; delete it to have the cell run again"
        ):
            settings.each(root, [4.0], Steps())

    def test_streams_depend_on_game_and_cell(self) -> None:
        one, other = Settings("t4-cascade", "smoke", {}), Settings("t5-cascade", "full", {})
        assert one.rng("a", 1).random() == one.rng("a", 1).random()
        assert (
            len({one.rng("a", 1).random(), one.rng("a", 2).random(), other.rng("a", 1).random()})
            == 3
        )

    def test_help_names_every_experiment(self, capsys: Any) -> None:
        with pytest.raises(SystemExit):
            main(["belief", "--help"])
        told = capsys.readouterr().out
        assert all(name in told and asks in told for name, asks in EXPERIMENTS.items())
        modules = {
            name: import_module(f"routing_game.experiments.hidden.{name}") for name in EXPERIMENTS
        }
        takers = {name: {*module.PROFILES["full"]} for name, module in modules.items()}
        assert {
            flag: tuple(name for name in EXPERIMENTS if flag in takers[name]) for flag in FLAGS
        } == FLAGS

    @pytest.mark.parametrize(
        ("words", "hint"),
        [
            (["belief", "trapp"], "perhaps trap"),
            (["belief", "trap", "--game", "t4-casc"], "perhaps t4-cascade"),
            (["belief", "trap", "--game", "value-cheap"], "try t4-cascade"),
            (["belief", "converge", "--game", "t5-reason-typo"], "'t5-reason-typo'"),
            (["belief", "users", "--game", "value-cheap"], "try t4-cascade"),
            (["belief", "users", "--sessions", "9"], "at least 144 --sessions"),
            (["belief", "observability", "--game", "value-cheap"], "try t4-cascade"),
            (
                ["belief", "reputation", "--game", "t5-cascade"],
                "expected a game with xi1 < 0 < xi2",
            ),
            (
                ["belief", "trap", "--seeds", "3"],
                "expected --sessions for belief trap, got --seeds",
            ),
            (["belief", "observability", "--sessions", "3"], "expected --seeds"),
            (["belief", "trap", "--sessions", "0"], "at least 1"),
            (["belief"], "EXPERIMENT"),
            (["check", "--suite", "hiden"], "'hiden'"),
            (["check", "--suite", "hidden", "--learners", "plugin"], "perhaps plug-in"),
            (["check", "--suite", "hidden", "--games", "t4-cascde"], "perhaps t4-cascade"),
        ],
    )
    def test_wrong_input_is_found_before_anything_is_done(
        self, words: list[str], hint: str, tmp_path: Path, capsys: Any, monkeypatch: Any
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert main(words) == 2
        out, error = capsys.readouterr()
        assert (out, error.count("\n")) == ("", 1)
        assert hint in error
        assert [*tmp_path.iterdir()] == []

    def test_an_unwritable_folder_is_found_before_anything_is_done(
        self, tmp_path: Path, capsys: Any
    ) -> None:
        (tmp_path / "file").write_text("in the way")
        assert main(["belief", "trap", "--out", str(tmp_path / "file" / "below")]) == 2
        assert "expected a folder to write to" in capsys.readouterr().err

    def test_cells_of_tables(self) -> None:
        entries = (None, float("nan"), 0.123456, 12345, "text", True)
        assert [cell(x) for x in entries] == ["", "", "0.1235", "12,345", "text", "True"]


@pytest.mark.slow
def test_a_game_of_a_file_or_of_a_sample_is_asked_about(tmp_path: Path, capsys: Any) -> None:
    """A file with a catalog game's numbers gets what that game gets, but for the streams' names."""
    (tmp_path / "mine.toml").write_text(to_toml(GAMES["t5-cascade"]), encoding="utf-8")
    for game in (str(tmp_path / "mine.toml"), "measured.3.s0.1"):
        words = ["belief", "trap", "--profile", "smoke", "--workers", "1", "--game", game]
        assert main([*words, "--sessions", "3", "--out", str(tmp_path / "out")]) == 0
        assert Path(game).stem in capsys.readouterr().out or "measured" in game
        facts = json.loads((tmp_path / "out" / "trap.json").read_text(encoding="utf-8"))
        assert facts["settings"]["game"] == ("mine" if "mine" in game else game)


def test_a_game_in_which_s_does_not_matter_is_refused(capsys: Any) -> None:
    assert main(["check", "--suite", "hidden", "--games", "value-cheap", "--profile", "smoke"]) == 2
    assert (
        "a game in which a user's answer depends on s, got value-cheap" in capsys.readouterr().err
    )


class TestHiddenSuite:
    WORDS = (
        "check",
        "--suite",
        "hidden",
        "--profile",
        "smoke",
        "--games",
        "t4-cascade",
        "--workers",
        "1",
    )

    @pytest.fixture
    def run(self, tmp_path: Path, capsys: Any) -> Path:
        """A finished run of two rules."""
        words = [*self.WORDS, "--learners", "plug-in,forced stays", "--tasks", "150"]
        assert main([*words, "--out", str(tmp_path / "run")]) == 0
        return tmp_path / "run"

    def test_its_report_holds_every_cell(self, run: Path, capsys: Any) -> None:
        told = capsys.readouterr().out
        judged = pl.read_csv(run / "report-scenarios.csv")
        spec = RunDirectory.open(suite.HIDDEN, run).spec
        assert len(judged) == len(spec.cells()) == 18
        gaps = judged["gap"].drop_nulls().abs()
        assert len(gaps) == 18
        told = " ".join(told.split())
        assert "18 of 18 simulated values lie within 4 standard errors" in told
        assert f"the farthest is {gaps.max():.1f} away" in told
        (run / "report.html").unlink()
        assert main(["report", str(run)]) == 0
        assert (run / "report.html").exists()

    def test_it_resumes(self, run: Path, capsys: Any) -> None:
        files = sorted((run / "cells").iterdir())
        before = {
            file.name: (file.stat().st_mtime_ns, json.loads(file.read_text())["trace"])
            for file in files
        }
        files[3].unlink()
        capsys.readouterr()
        words = [
            *self.WORDS,
            "--learners",
            "plug-in,forced stays",
            "--tasks",
            "150",
            "--out",
            str(run),
        ]
        assert main(words) == 0
        assert "17 of 18 cells were finished before and are kept" in capsys.readouterr().err
        for file in files:
            stamp, trace = before[file.name]
            assert json.loads(file.read_text())["trace"] == trace
            assert (file.stat().st_mtime_ns == stamp) == (file != files[3])

    def test_sampled_games_are_told_of_by_regime(self, tmp_path: Path, capsys: Any) -> None:
        """Games in which s does not matter are left out; the median over the others is told."""
        words = [*self.WORDS, "--games", "sample:measured:2:0", "--learners", "plug-in,Thompson"]
        assert main([*words, "--tasks", "40", "--out", str(tmp_path / "run")]) == 0
        told = capsys.readouterr()
        assert "games left out: whether the user stays does not depend on s" in told.err
        judged = pl.read_csv(tmp_path / "run/report-scenarios.csv")
        known = RunDirectory.open(suite.HIDDEN, tmp_path / "run").spec.games
        assert set(judged["regime"]) == {"-+", "+-"} == {str(x.game.regime) for x in known.values()}
        assert {float(x.game.value) for x in known.values()} == {1.0}
        assert judged["gap"].drop_nulls().abs().max() < 4.5
        pooled = pl.read_csv(tmp_path / "run/report-regimes.csv")
        losses = pl.read_csv(tmp_path / "run/report-losses.csv")
        for row in pooled.iter_rows(named=True):
            names = judged.filter(regime=row["game"])["game"].unique().to_list()
            mine = losses.filter(pl.col("game").is_in(names), rule=row["rule"])["loss"]
            assert len(mine) == row["games"]
            spread = [mine.min(), mine.median(), mine.max()]
            assert np.allclose(spread, [row["least"], row["loss"], row["most"]])
            if row["rule"] != suite.PLAN:
                assert f"{row['rule']} ({row['loss']:.4f}; {row['most']:.4f})" in " ".join(
                    told.out.split()
                )

    def test_names_with_underscores_are_read_back(self) -> None:
        title = suite.Title("measured.1000.s_L.3", "even", "stay", 30)
        assert suite.Title.of(str(title)) == title

    @pytest.mark.parametrize("s0", [0.02, 0.5, 0.97])
    def test_a_true_s_lies_within_bounds_on_its_side(self, s0: float) -> None:
        mark = Threshold("s0", s0, 1.0)
        assert s0 < mark.within(0.1) < 1
        assert 0 < mark.within(-0.1) < s0
        if s0 == 0.5:
            assert [mark.within(0.1), mark.within(-0.1)] == [s0 + 0.1, s0 - 0.1]

    def test_runs_of_other_suites_and_specs_are_refused(self, run: Path, capsys: Any) -> None:
        assert main([*self.WORDS, "--out", str(run)]) == 2
        assert "another spec" in capsys.readouterr().err
        assert main(["check", "--profile", "smoke", "--out", str(run)]) == 2
        assert "suite hidden" in capsys.readouterr().err
        file = next((run / "cells").iterdir())
        file.write_text(json.dumps(json.loads(file.read_text()) | {"trace": {"sessions": 0}}))
        assert main(["report", str(run)]) == 2
        assert "at least one session" in capsys.readouterr().err

    def test_a_rule_that_fails_is_a_row(
        self, tmp_path: Path, capsys: Any, monkeypatch: Any
    ) -> None:
        def broken(game: Game) -> Any:
            raise RuntimeError("no rule today")

        monkeypatch.setitem(RULEBOOK, "Thompson", RULEBOOK["Thompson"]._replace(make=broken))
        words = [
            *self.WORDS,
            "--learners",
            "plug-in,Thompson",
            "--tasks",
            "20",
            "--out",
            str(tmp_path / "run"),
        ]
        assert main(words) == 1
        assert "9 failed" in (tmp_path / "run" / "report.html").read_text()
        assert "RuntimeError: no rule today" in capsys.readouterr().out
        words = [
            *self.WORDS,
            "--learners",
            "Thompson",
            "--tasks",
            "20",
            "--out",
            str(tmp_path / "other"),
        ]
        assert main(words) == 1
        assert "No cell finished" in capsys.readouterr().out

    @pytest.mark.parametrize(
        "rule", ["plug-in", "expected utility", "optimistic, growing", "forced stays"]
    )
    @pytest.mark.parametrize("game", [T4, T5])
    def test_values_at_each_s_average_to_the_value_under_the_prior(
        self, game: Game, rule: str
    ) -> None:
        """E over s ~ Beta(2, 1) of the value at s is that under the prior, by 16 nodes."""
        x, weight = np.polynomial.legendre.leggauss(16)
        s, density = (x + 1) / 2, weight / 2 * (x + 1)
        at = [exact((6,), Question(rule, game, (2.0, 1.0), float(c), 6)).value[6] for c in s]
        under = exact((6,), Question(rule, game, (2.0, 1.0), None, 6)).value[6]
        assert float(density @ at) == pytest.approx(under, abs=1e-9)

    def test_a_rule_given_for_each_number_of_tasks_is_the_same_if_it_is_the_same(self) -> None:
        prior = Belief(1.0, 2.0)
        one = plan_after_failure(T4, prior, 5, lambda b: plug_in_after_failure(T4, b))
        each = plan_after_failure(
            T4, prior, 5, lambda b: np.stack([plug_in_after_failure(T4, b)] * 5)
        )
        assert np.array_equal(one.value, each.value)

    def test_every_rule_on_both_games_agrees_with_its_program(self) -> None:
        """Thompson's too, which draws; five tasks, s drawn from the prior, 2,000 sessions."""
        spec = suite.make_spec("smoke", sessions=2000)
        drawn = [cell for cell in spec.cells() if cell.game.endswith("even_drawn_5")]
        records = [Record(*cell, "", None, 0.0, None, suite.play(spec, cell)) for cell in drawn]
        judged = judge(spec, records)
        assert judged["gap"].drop_nulls().abs().max() < 4
        missing = judged.filter(pl.col("gap").is_null())
        assert missing.select("game", "rule").rows() == [
            ("t5-cascade", "Thompson")
        ]  # it answers a ramp of q there
