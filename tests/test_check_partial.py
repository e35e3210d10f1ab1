"""Whatever part of a run is there, and whatever failed, it has a table and a report."""

import re
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from routing_game.agents import BestResponseUser
from routing_game.experiments.cells.records import Record, RunDirectory
from routing_game.experiments.check import report as pages
from routing_game.experiments.check.judge import judge
from routing_game.experiments.check.report import write_report
from routing_game.experiments.check.sentences import done_words, less_practice, notice
from routing_game.experiments.check.suite import CHECK, make_spec
from routing_game.experiments.check.terminal import terminal_table
from routing_game.experiments.check.traces import NOTHING, Trace, user_trace
from routing_game.experiments.cli import main
from routing_game.experiments.hidden.wording import notice as hidden_notice
from routing_game.experiments.pages.words import SMOKE

GAMES = ("t4-cascade", "t5-cascade")
SPEC = make_spec("default", GAMES, ("ucb", "simultaneous", "ppo-user", "constant"), seeds=2)
STATES = ("there", "failed", "not run")


def text_of(page: str) -> str:
    """What a reader of a page sees, in one line."""
    page = re.sub("</t[dh]>", " | ", page)
    body = re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL)
    return " ".join(unescape(body).split())


def record(cell, spec, state):
    if state == "failed":
        return Record(*cell, spec.digest, None, 1.0, "ValueError: no", NOTHING)
    trace = Trace([1, 2], [2, 1], [0.0, 0.3], [], [])
    if cell.learner == "simultaneous":
        trace = Trace([1, 2], [2, 1], [0.0, 0.3], [0.5, 0.0], [0.5, 0.0])
    if cell.learner == "ppo-user":
        trace = user_trace(BestResponseUser(spec.games[cell.game]), [1])
    return Record(*cell, spec.digest, None, 1.0, None, trace)


def told(folder: Path, spec, states) -> tuple[str, str]:
    """The terminal's words and the page's of a run of which that is there."""
    records = [
        record(cell, spec, state)
        for cell, state in zip(spec.cells(), states, strict=True)
        if state != "not run"
    ]
    directory = RunDirectory.create(CHECK, folder, spec, fresh=True)
    judged = judge(spec, records)
    page = write_report(judged, directory).read_text(encoding="utf-8")
    return " ".join(terminal_table(judged).split()), text_of(page)


def nothing_odd(words: str) -> None:
    """No nan, no None, no count of none."""
    bad = r"\b(nan|None(?!:)|unknown|infinite)\b|\b0 of 0\b|\b1 of 1 (cells|seeds|games)\b"
    assert not [words[max(0, at.start() - 60) : at.end()] for at in re.finditer(bad, words)]


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize("seed", range(12))
def test_whatever_part_is_there_has_a_table_and_a_page(tmp_path, seed):
    """How likely each state is differs between seeds, so that extremes come, too."""
    rng = np.random.default_rng(seed)
    states = rng.choice(STATES, len(SPEC.cells()), p=rng.dirichlet([0.5, 0.5, 0.5]))
    for words in told(tmp_path, SPEC, states):
        nothing_odd(words)


@pytest.mark.parametrize("bits", [0, 1, 6, 9, 7, 15])
def test_a_part_of_a_small_run_has_a_page_with_its_pictures(tmp_path, bits):
    spec = make_spec("default", GAMES, ("ucb",), seeds=2)
    states = [STATES[0] if bits >> place & 1 else STATES[2] for place in range(4)]
    terminal, page = told(tmp_path, spec, states)
    for words in (terminal, page):
        nothing_odd(words)
    drawn = "data:image/webp" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert drawn == ("there" in states)
    there = {cell for cell, state in zip(spec.cells(), states, strict=True) if state == "there"}
    whole = any(all(("ucb", game, seed) in there for game in spec.games) for seed in (0, 1))
    assert ("no seed has played all" in page) == (bool(there) and not whole)


@pytest.mark.usefixtures("without_pictures")
def test_a_report_that_fails_does_not_stop_the_other_runs_of_a_sweep(tmp_path, monkeypatch, capsys):
    file = tmp_path / "cliffs.toml"
    file.write_text('games = ["t4-cascade"]\nlearners = ["constant"]\nseeds = 1\npractice = [5, 6]')
    wrote = pages.write_report

    def breaks_once(judged, directory):
        if directory.path.name == "practice-5":
            raise ZeroDivisionError("a bug")
        return wrote(judged, directory)

    monkeypatch.setattr(pages, "write_report", breaks_once)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        main(["check", "--sweep", str(file), "--engine", "serial", "--out", str(tmp_path / "out")])
    out, error = capsys.readouterr()
    first, second = tmp_path / "out/practice-5", tmp_path / "out/practice-6"
    assert f"no report of {first}, whose cells are kept; try again with: routing-game" in error
    assert out.startswith(f"{first}:\n")
    assert f"\n\n{second}:\n" in out
    assert f"report: {second / 'report.html'}" in out
    assert len([*(first / "cells").iterdir()]) == 1


@pytest.mark.usefixtures("without_pictures")
def test_the_first_shard_of_the_sweep_of_the_docs_is_reported(tmp_path, capsys):
    words = ["check", "--games", "t4-cascade,t5-cascade", "--learners", "ucb", "--seeds", "2"]
    words += ["--tasks", "50", "--engine", "serial", "--shard", "1/3", "--out", str(tmp_path)]
    assert main(words) == 0
    assert "report: " in capsys.readouterr().out


@pytest.mark.usefixtures("without_pictures")
def test_a_run_that_was_stopped_says_what_is_not_run_yet(tmp_path):
    spec = make_spec("default", GAMES[:1], ("ucb", "structural", "constant"), seeds=4)
    states = ["there"] * 12
    states[[*spec.cells()].index(("structural", "t4-cascade", 3))] = "not run"
    terminal, page = told(tmp_path, spec, states)
    assert terminal.startswith("11 of 12 cells finished: what follows may change. Catalog.")
    assert "11 of 12 cells (learner × game × seed) finished: what follows may change" in page
    for words in (terminal, page):
        assert "not all run yet: structural" in words
        assert "decide nothing" not in words
    assert page.count("not all run") == page.count("not all run yet") == 2


@pytest.mark.usefixtures("without_pictures")
def test_cells_that_failed_are_done_and_not_finished(tmp_path):
    spec = make_spec("default", GAMES, ("ucb", "structural"), seeds=2)
    states = [("there", "failed")[cell.learner == "ucb"] for cell in spec.cells()]
    terminal, page = told(tmp_path, spec, states)
    assert "8 of 8 cells (learner × game × seed) done, 4 of them failed" in page
    assert "4 cells failed; repeat the check to try again" in terminal
    for words in (terminal, page):
        assert "0 of 0" not in words
        assert "no verdict, as cells failed: ucb" in words


@pytest.mark.parametrize(
    ("done", "total", "failed", "words"),
    [
        (11, 12, 0, "11 of 12 cells finished"),
        (8, 8, 4, "8 of 8 cells done, 4 of them failed"),
        (1, 1, 0, "1 of 1 cell finished"),
        (1200, 3400, 0, "1,200 of 3,400 cells finished"),
    ],
)
def test_what_is_done_is_counted(done, total, failed, words):
    assert done_words(done, total, failed) == words


@pytest.mark.usefixtures("without_pictures")
def test_a_smoke_run_says_so_first_in_the_words_of_all_pages(tmp_path):
    spec = make_spec("smoke", GAMES, ("ucb", "ppo"))
    for words in told(tmp_path, spec, ["there"] * 8):
        assert SMOKE in words
        assert words.index(SMOKE) < words.index("Catalog. 2 games")
        assert "less practice than" not in words
    assert hidden_notice("smoke") == SMOKE


@pytest.mark.parametrize(
    ("profile", "practice", "said"),
    [
        ("smoke", None, SMOKE),
        ("smoke", 1000, SMOKE),
        ("smoke", 5000, ""),
        ("default", None, ""),
        ("full", None, ""),
    ],
)
def test_a_run_is_a_smoke_run_by_its_practice(profile, practice, said):
    assert notice(make_spec(profile, GAMES, ("ucb", "constant"), 2, practice)) == said


@pytest.mark.parametrize(
    ("learners", "practice", "said"),
    [
        (("ucb",), 5000, "With less practice than its own: ucb (300,000 tasks)."),
        (("ucb", "constant", "structural"), 300_000, ""),
        (
            ("ucb", "ppo-user"),
            5000,
            "With less practice than their own: ucb (300,000 tasks) and ppo-user (491,520 tasks).",
        ),
        (("ucb", "ppo", "td3", "zooming"), 5, "With less practice than their own: 4 learners."),
        (("ucb",), None, ""),
    ],
)
def test_who_has_less_practice_than_its_own_is_named(learners, practice, said):
    assert less_practice(make_spec("default", GAMES, learners, 2, practice)) == said


@pytest.mark.usefixtures("without_pictures")
def test_less_practice_is_said_on_terminal_and_page(tmp_path):
    spec = make_spec("default", GAMES, ("ucb",), 2, 5000)
    for words in told(tmp_path, spec, ["there"] * 4):
        assert "With less practice than its own: ucb (300,000 tasks)." in words
    assert "5,000 tasks (its own: 300,000)" in words


@pytest.mark.usefixtures("without_pictures")
def test_one_game_that_is_not_drawn_is_one(tmp_path):
    spec = make_spec("default", (*GAMES, "sample:measured:2"), ("constant",), 1, 5)
    names = [*spec.games][:3]
    spec = make_spec("default", {name: spec.games[name] for name in names}, ("constant",), 1, 5)
    _, page = told(tmp_path, spec, ["there"] * 3)
    assert "The other one is not: samples are summarised" in page
