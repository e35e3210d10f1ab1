"""Pages on a hidden cascade: sentences from made-up numbers, tables for people, screens."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from screens import BROWSER, POLICY, WIDTHS, measured

from routing_game.experiments.hidden import (
    converge_page,
    observability,
    observability_page,
    reputation_page,
    suite_page,
    trap_page,
    users_page,
    wording,
)
from routing_game.experiments.hidden.rulebook import RULEBOOK
from routing_game.experiments.hidden.settings import Settings
from routing_game.experiments.hidden.threshold import threshold
from routing_game.experiments.hidden.wording import between, extremes, spread, with_enough
from routing_game.experiments.intervals import mean
from routing_game.experiments.pages.page import Page, Picture, Table, terminal_page, write_page
from routing_game.experiments.pages.tables import Head, entry, rounded, shown
from routing_game.theory import GAMES

MARK = threshold(GAMES["t4-cascade"], "t4-cascade")
SMOKE = Settings("t4-cascade", "smoke", {"sessions": 50, "tasks": 40})


# --- numbers in words


def test_few_seeds_are_told_one_by_one_and_more_by_mean_and_interval() -> None:
    assert spread([0.3], 2) == "0.30"
    assert spread([65.0, -0.001], 0) == "65 and 0"
    values = [1.0, 2.0, 4.0, 1.0]
    assert spread(values, 1) == "1.0, 2.0, 4.0 and 1.0"
    assert np.isnan(mean("x", values)["x_half"])
    values = [*values, 7.0]
    half = mean("x", values)["x_half"]  # by t with four degrees of freedom
    assert half == pytest.approx(2.776445105 * np.std(values, ddof=1) / np.sqrt(5))
    assert spread(values, 2) == f"3.00 ± {half:.2f}"
    assert spread(values, 2, least=0.0) == f"3.00 (0.00 to {3 + half:.2f})"


@pytest.mark.parametrize(
    ("value", "half", "least", "words"),
    [
        (1.0, 0.5, 0.0, "1.00 ± 0.50"),
        (0.2, 0.5, 0.0, "0.20 (0.00 to 0.70)"),
        (0.2, 0.5, None, "0.20 ± 0.50"),
        (-0.1, 0.5, 0.0, "-0.10 ± 0.50"),
        (1.0, None, None, "1.00"),
        (1.0, float("nan"), None, "1.00"),
        (-1e-17, 0.0, None, "0.00"),
    ],
)
def test_an_interval_does_not_pass_what_is_the_least(
    value: float, half: float | None, least: float | None, words: str
) -> None:
    assert between(value, half, 2, least) == words


@settings(derandomize=True)
@given(st.floats(-3, 3), st.floats(0, 3), st.sampled_from([None, 0.0]), st.sampled_from([None, 2]))
def test_an_interval_holds_its_number(
    value: float, half: float, least: float | None, digits: int | None
) -> None:
    """On a page and in a table, whatever the least is said to be: ends do not meet the number."""
    row = {"x": value, "x_half": half}
    cell = entry(row, "x", Head("x", least=least, places=digits))
    for words in (between(value, half, 2, least), cell):
        middle, *rest = map(float, re.findall(r"-?\d+(?:\.\d+)?(?:e-\d+)?", words))
        ends = rest if "to" in words else [middle - sum(rest), middle + sum(rest)]
        assert ends[0] <= middle <= ends[-1]
        assert "to" not in words or ends[0] < middle or value < 0.01
        if half > 0.01:
            assert ends[0] < ends[-1]


@pytest.mark.parametrize(
    ("value", "half", "found"),
    [(1, 0.5, 1), (-1, 0.5, -1), (1, 1, 0), (-0.1, 2, 0), (1, None, 0), (1, np.nan, 0), (1, 0, 1)],
)
def test_a_number_has_a_sign_where_its_interval_has_it(
    value: float, half: float | None, found: int
) -> None:
    assert wording.sign(value, half) == found


def test_a_loss_is_named_where_it_shows() -> None:
    assert wording.loss_of_value(0.02, 0.01, 3) == "loses 0.020 ± 0.010 of V"
    for value in (0.005, -0.005, -0.02):
        words = f"loses nothing that shows ({value:.3f} ± 0.010 of V)"
        assert wording.loss_of_value(value, 0.01, 3) == words


@pytest.mark.parametrize("size", [9.99e-7, 0.001, 0.0506, 0.612, 1.0, 70.0, 5e4])
def test_three_digits_of_a_number_show_in_any_unit(size: float) -> None:
    assert float(f"{size:.{wording.places(size)}f}") == pytest.approx(size, rel=6e-3)


def test_means_of_four_seeds_have_no_interval() -> None:
    frame = pl.DataFrame({"cost": [1.0], "cost_half": [9.0]})
    assert with_enough(frame, 4)["cost_half"].to_list() == [None]
    assert with_enough(frame, 5).equals(frame)


def test_what_rounding_left_of_zero_is_zero() -> None:
    frame = pl.DataFrame({"x": [-2.642e-17, 2e-12, None, float("nan")], "n": [1, 2, 3, 4]})
    found = rounded(frame)
    assert found["x"].to_list()[:3] == [0.0, 2e-12, None]
    assert np.isnan(found["x"][3])
    assert found["n"].to_list() == [1, 2, 3, 4]
    assert shown(found, {}).rows[0] == ["0", "1"]


def test_a_table_shows_columns_in_words_and_intervals_in_their_cells() -> None:
    frame = pl.DataFrame(
        {
            "rule": ["plug-in"],
            "doubts": [0.5],
            "doubts_low": [0.25],
            "doubts_high": [0.75],
            "silent": [0.5],
            "silent_low": [0.25],
            "silent_high": [0.75],
            "regret": [0.125],
            "regret_half": [0.5],
            "loss": [2.3e-9],
            "loss_half": [0.5],
            "gap": [-1.3e-9],
            "milks": [True],
            "inner": [3],
        }
    )
    heads = {
        "rule": Head("rule"),
        "doubts": Head("belief doubts, %", 100),
        "silent": Head("silent, %", 100, places=1),
        "regret": Head("regret", least=0.0),
        "loss": Head("loss", least=0.0, places=2),
        "gap": Head("gap", places=2),
        "milks": Head("milks"),
        "no such column": Head("nothing"),
    }
    table = shown(frame, heads)
    assert table.heads == [
        "rule",
        "belief doubts, %",
        "silent, %",
        "regret",
        "loss",
        "gap",
        "milks",
    ]
    numbers = [
        "50 (25 to 75)",
        "50.0 (25.0 to 75.0)",
        "0.125 (0 to 0.625)",
        "0.00 (0.00 to 0.50)",
        "0.00",
    ]
    assert table.rows == [["plug-in", *numbers, "True"]]
    names = ["rule", "doubts", "silent", "regret", "loss", "gap", "milks", "inner"]
    assert shown(frame, {}).heads == names
    assert shown(frame, {}).rows[0][3] == "0.125 ± 0.5"


def test_every_rule_and_every_setting_has_its_words() -> None:
    assert list(wording.rules(list(RULEBOOK))) == list(RULEBOOK)
    assert {*observability_page.SEEN} == {*observability.DIAL}


# --- answers from made-up records


def trap_row(rule: str, s: float, **numbers: float | None) -> dict[str, Any]:
    usual = {"doubts": 0.5, "doubts_low": 0.4, "doubts_high": 0.6, "silent": 0.5}
    usual |= {"silent_low": 0.4, "silent_high": 0.6, "user_regret": 0.02, "user_regret_half": 0.01}
    usual |= {"provider_regret": 0.1, "provider_regret_half": 0.01, "cost": 1.2, "cost_half": 0.1}
    usual |= {"locked": 0.94, "exact": 0.84, "gap": 1.0}
    return {"rule": rule, "sweep": "s", "a": 1.0, "b": 1.0, "s": s, **usual, **numbers}


def trap_frame(chance: float, **explorers: float) -> pl.DataFrame:
    cured = {f"doubts{end}": explorers[f"doubts{end}"] for end in ("", "_low", "_high")}
    rows = [
        trap_row(rule, MARK.towards(far), **(cured if rule in trap_page.EXPLORERS else {}))
        for rule in RULEBOOK
        for far in (-0.1, 0.0, 0.1)
    ]
    rows = [row | {"exact": chance} if row["rule"] == "plug-in" else row for row in rows]
    return pl.DataFrame(rows)


@pytest.mark.parametrize(
    ("chance", "often"), [(0.84, "mostly"), (0.3, "often"), (0.1, "sometimes"), (0.01, "seldom")]
)
def test_the_trap_s_answer_says_how_often(chance: float, often: str) -> None:
    cured = {"doubts": 0.002, "doubts_low": 0.0, "doubts_high": 0.005}
    first, second, third = trap_page.answer(trap_frame(chance, **cured), MARK, SMOKE)
    assert f"(plug-in) {often} leaves for good by mistake" in first
    assert f"{100 * chance:.1f} %" in first
    assert second.startswith("Exploring helps: " if chance > 0.005 else "This run does not")
    assert "0.2 % (0 to 0.5) of Thompson" in second
    assert "0.020 ± 0.010 of V" in third


@pytest.mark.parametrize(
    ("regret", "words"),
    [
        (0.1, "The provider pays for it: a task with plug-in users costs it 1.2 there, {} % more"),
        (-0.1, "The provider gains by it: a task with plug-in users costs it 1.2 there, {} % less"),
        (0.001, "does not show in this run: a task with plug-in users costs it 1.2 there, beside"),
    ],
)
def test_the_trap_s_payer_is_who_pays(regret: float, words: str) -> None:
    row = trap_row("plug-in", MARK.s, provider_regret=regret, user_regret=-0.0115)
    told = trap_page.payer_words(row, 0.8)
    assert words.format("12") in told or words.format("13") in told  # 12.5
    assert "a plug-in user itself" in told
    assert ("more" in told, "less" in told) == (regret > 0.01, regret < 0)


def test_the_trap_s_losers_are_those_that_play_can_tell() -> None:
    def told(most: float, half: float) -> str:
        rows = [
            trap_row(rule, MARK.s - 0.1, user_regret=loss, user_regret_half=half)
            for rule, loss in (("plug-in", -0.01), ("Thompson", 0.01), ("forced stays", most))
        ]
        (words,) = trap_page.cost_of_exploring(pl.DataFrame(rows), MARK)
        return words

    assert told(0.05, 0.02).endswith(
        "lose least (-0.0100 to 0.0100), forced stays loses most (0.0500 ± 0.0200)."
    )
    assert told(0.05, 0.1).endswith("they lose alike as far as play can tell (-0.0100 to 0.0500).")
    assert "alike" in told(0.05, float("nan"))
    rows = pl.DataFrame([{"rule": rule, "loss": 0.1, "loss_half": 0.0} for rule in ("a, b", "c")])
    assert wording.several(rows.to_dicts(), "most", 2) == '"a, b" and c lose most (0.1000)'


def test_play_that_misses_theory_is_not_said_to_agree() -> None:
    assert trap_page.exact_words(pl.Series([0.5, -3.5])).startswith("Play agrees with theory: 1 of")
    assert trap_page.exact_words(pl.Series([0.5, -4.5])).startswith("Play and theory disagree: 1 ")


def test_leaving_stops_the_learning_where_the_intervals_say_so() -> None:
    ends = ("right", "right_low", "right_high")

    def words(*leaves: float) -> str:
        stays = dict(zip(ends, (0.9, 0.8, 0.95), strict=True))
        return converge_page.stopping_words(stays, dict(zip(ends, leaves, strict=True)))

    assert words(0.5, 0.4, 0.6).startswith("Leaving stops the learning")
    for leaves in ((0.8, 0.7, 0.9), (0.97, 0.96, 0.99)):
        assert words(*leaves).startswith("This run does not show that leaving stops the learning")


def test_who_forgets_and_who_remembers_may_notice_at_once() -> None:
    rows = [{"memory": m, "doubting": 12.0} for m in converge_page.MEMORIES]
    words = converge_page.noticing_words(rows, 15)
    assert words.endswith("after 12 tasks, whether they forget or remember all.")
    rows[0]["doubting"] = 11.0
    assert "sooner than users who forget" in converge_page.noticing_words(rows, 15)


def test_the_trap_s_answer_does_not_claim_what_a_run_does_not_show() -> None:
    wide = {"doubts": 0.5, "doubts_low": 0.1, "doubts_high": 0.9}
    assert "This run does not show" in trap_page.answer(trap_frame(0.84, **wide), MARK, SMOKE)[1]


def test_the_trap_s_played_share_stands_beside_its_exact_chance_with_an_interval() -> None:
    words = trap_page.locked_words(trap_row("plug-in", MARK.s), MARK, SMOKE)
    assert "the exact chance that a plug-in user is locked in is 84.0 %" in words
    assert "94.0 % (83.8 to 97.9) ended so" in words  # 47 of 50, by Wilson


def test_a_provider_s_change_that_nobody_noticed_is_told_once() -> None:
    rows = [
        {"memory": m, "before": 1.0, "doubting": None, "trusting": None}
        for m in converge_page.MEMORIES
    ]
    frame = pl.DataFrame(
        [{"rule": "plug-in"} | row for row in rows],
        schema_overrides={"doubting": pl.Int64, "trusting": pl.Int64},
    )
    assert converge_page.change_words(frame, "plug-in", 15).endswith(
        "became worse: not within 15 with any memory."
    )
    assert "do not notice soon" in converge_page.noticing_words(rows, 15)
    rows[1] |= {"doubting": 92, "trusting": 48}
    rows[2] |= {"doubting": 219}
    told = converge_page.change_words(
        pl.DataFrame([{"rule": "plug-in"} | row for row in rows]), "plug-in", 333
    )
    assert "92 with memory 0.99, 219 with memory 0.95, not within 333 with memory 1, 0.9;" in told
    assert told.endswith("good again: 48 with memory 0.99, not within 333 with memory 0.95.")
    words = converge_page.noticing_words(rows, 333)
    assert "after 92 tasks if they forget (memory 0.99), not within 333 if they" in words


def test_reputation_s_answer_is_the_median_and_the_worst_learner() -> None:
    key = {"checks": "task", "patience": 0.5}
    learned = pl.DataFrame(
        [{**key, "sight": "belief", "best": 0.5}, {**key, "sight": "task", "best": 0.6}]
    )
    costs = (0.505, 0.51, 0.6)
    seeds = pl.DataFrame([{**key, "sight": "belief", "cost": cost} for cost in costs])
    first, second, third = reputation_page.answer(
        learned, seeds, {"failure": [], "task": [(0.0, 0.57)]}
    )
    assert "at each failure, keeping it is best at every g" in first
    assert "once a task, it pays to spend it (milk) up to g = 0.570" in first
    assert "2.0 % above" in second
    assert "3 learners, 20.0 % in the worst" in second
    assert "worth 20.0 to 20.0 %" in third
    same = learned.with_columns(best=pl.lit(0.5))
    assert reputation_page.worth_words(same).startswith("Seeing the belief is worth nothing")


@pytest.mark.parametrize(
    ("regret", "words"),
    [
        ({"exploring": 0.01}, "under both priors: exploring; belief, window and recurrent do not"),
        ({}, "No learner beats the myopic user"),
        (dict.fromkeys(users_page.LEARNERS, 0.1), "Every learner beats the myopic user"),
    ],
)
def test_users_answer_says_who_beats_the_myopic(regret: dict[str, float], words: str) -> None:
    priors = ["Beta(1, 4)", "Beta(1, 1)"]
    seeds = pl.DataFrame(
        [
            {
                "user": user,
                "prior": prior,
                "seed": seed,
                "regret": regret.get(user, 0.5 + seed),
                "error": 0.0,
            }
            for user in users_page.LEARNERS
            for prior in priors
            for seed in range(2)
        ]
    )
    theory = [{"user": users_page.MYOPIC, "prior": prior, "regret": 0.4} for prior in priors]
    means = seeds.group_by("user", "prior", maintain_order=True).agg(pl.mean("regret"))
    answer = users_page.answer(seeds, pl.concat([means, pl.DataFrame(theory)]), priors)
    assert words in answer[0]
    assert "0.40 of V less a session" in answer[1]
    ranked = "exploring loses least (0.01 and 0.01), which loses most is too close to tell"
    assert (ranked in answer[1]) == (list(regret) == ["exploring"])
    noisy = seeds.with_columns(error=pl.lit(1.0))
    answer = users_page.answer(noisy, pl.concat([means, pl.DataFrame(theory)]), priors)
    assert answer[0].startswith("No learner beats the myopic user")
    assert "which of the learners loses least, and which most, is too close to tell" in answer[1]


@pytest.mark.parametrize(("away", "verdict"), [(0.01, "follows that"), (0.2, "does not follow")])
def test_observability_s_answer_is_the_distance_from_theory(away: float, verdict: str) -> None:
    ends = [
        {"pair": "replies", "observes": name, "cost": 0.6 * (1 + away), "theory": 0.6}
        for name in observability.DIAL
    ]
    ends[5]["cost"] = 0.9  # samples:1
    words = observability_page.near_words("replies", "A pair", observability.Measured([], {}, ends))
    assert words.startswith(f"A pair {verdict}")
    assert words.endswith("50.0 % at most, where the user sees 1 toss.")


def test_observability_finds_no_farthest_setting_where_all_end_at_the_equilibrium() -> None:
    ends = [
        {"pair": "replies", "observes": name, "cost": 0.60001, "theory": 0.6, "Stackelberg": 2}
        | {"simultaneous": 0, "neither": 0}
        for name in observability.DIAL
    ]
    measured = observability.Measured([], {}, ends)
    words = observability_page.near_words("replies", "A pair", measured)
    assert words == "A pair follows that: it ends at the cheapest equilibrium in all 12 settings."
    words = observability_page.selected_words("replies", ends)
    assert words.endswith("stopped: Stackelberg in all 24 runs.")
    ends[0] |= {"Stackelberg": 1, "simultaneous": 1}
    words = observability_page.selected_words("replies", ends)
    assert words.endswith("; simultaneous with s itself (1 of 2 seeds).")
    ends[0] |= {"simultaneous": 0, "neither": 1}
    words = observability_page.selected_words("replies", ends)
    assert words.endswith("; simultaneous with no setting; neither in all other runs.")


def test_hiding_s_costs_nothing_only_where_no_equilibrium_costs_more() -> None:
    """`t5-stay` has two without s, of .4 and .7; `value-cheap` has one."""
    told = {
        name: observability_page.hiding_words(GAMES[name], {"samples:10": 0.6, "samples:1": 0.7})
        for name in ("t4-cascade", "t5-stay", "value-cheap")
    }
    assert "the more the provider pays" in told["t4-cascade"]
    assert "of the 2 equilibria" in told["t5-stay"]
    assert told["t5-stay"].endswith("the cheapest costs 0.4, as if s were seen, the dearest 0.7.")
    assert "it costs the provider nothing" in told["value-cheap"]


def test_the_suite_s_answer_says_whether_play_and_theory_agree() -> None:
    gaps = {"gap": [0.5, -3.9, None], "locked_gap": [None, 1.0, 2.0]}
    assert suite_page.agreement_words(pl.DataFrame(gaps)).startswith(
        "Play agrees with theory: 4 of 4"
    )
    gaps["gap"][0] = 5.0
    assert suite_page.agreement_words(pl.DataFrame(gaps)).startswith(
        "Play and theory disagree: 3 of 4"
    )


@pytest.mark.parametrize(
    ("losses", "halves", "words"),
    [
        ([0.1, 0.3, 0.2], [0, 0, 0], "a loses least (0.1000), b loses most (0.3000)"),
        ([0.0, 0.00004, 0.2], [0, 0, 0], "a and b lose least (0.0000), c loses most (0.2000)"),
        ([0, 0, 0, 0.2], [0, 0, 0, 0], "3 of them lose least (0.0000), d loses most (0.2000)"),
        (
            [0.1, 0.3, 0.2],
            [0, 0, 0.5],
            "a loses least (0.1000), b loses most (0.3000), "
            "c may lose least or most (0.2000 ± 0.5000)",
        ),
        (
            [0.1, 0.3, 0.2, 0.31],
            [0, 0, 0.5, 0.5],
            "a loses least (0.1000), b loses most (0.3000), c and d may lose least or most",
        ),
        ([0.1, 0.3], [0.2, 0.1], "they lose alike as far as play can tell (0.1000 to 0.3000)"),
    ],
)
def test_rules_that_play_cannot_tell_apart_are_not_ranked(
    losses: list[float], halves: list[float], words: str
) -> None:
    rows = {"rule": [*"abcd"[: len(losses)]], "loss": losses, "loss_half": halves}
    assert extremes(pl.DataFrame(rows, strict=False)) == words


# --- pages and pictures


def made_up(rows: int = 40) -> tuple[Page, pl.DataFrame]:
    """A page with the widest table that there is, and the table."""
    columns: dict[str, Any] = dict.fromkeys(suite_page.SCENARIO_HEADS, [-0.123456] * rows)
    for name in ("utility", "loss"):
        columns[f"{name}_half"] = [0.0123456] * rows
    words = {"game": "measured.1000.s_L.3", "rule": "expected utility, each task"}
    words |= {"prior": "even", "truth": "drawn"}
    columns |= {name: [word] * rows for name, word in words.items()}
    frame = pl.DataFrame(columns)
    picture = "<svg xmlns='http://www.w3.org/2000/svg' width='800' height='300'/>"
    page = Page(
        title="A page",
        question="Does it fit? " * 12,
        answer=("It <does>. " * 20, "And how."),
        figures=(Picture("First.", picture), Picture("Second.", picture)),
        tables=(Table("scenarios", "Words.", frame, "Numbers", suite_page.SCENARIO_HEADS),),
        settings={"game": "made up"},
        details=("Evidence & more. " * 20,),
        terms=wording.terms("s", "draw", "belief"),
        made="Game made up, profile smoke.",
        notice=wording.notice("smoke"),
    )
    return page, frame


def test_a_page_answers_before_its_evidence_and_folds_whole_tables(tmp_path: Path) -> None:
    page, frame = made_up()
    file = write_page(page, "page", tmp_path)
    html = file.read_text(encoding="utf-8")
    places = [
        html.index(words)
        for words in ("profile smoke", "A smoke run", "It &lt;does&gt;", "<img", 'id="words"')
    ]
    assert places == sorted(places)
    (table,) = re.findall(r"<details>(.*?)</details>", html, re.DOTALL)
    assert table.count("<tr>") == 1 + len(frame)
    assert [unescape(words) for words in re.findall(r"<th(?: class=n)?>(.*?)</th>", table)] == [
        head.words for head in suite_page.SCENARIO_HEADS.values()
    ]
    assert '<a href="page-scenarios.csv">' in table
    assert (tmp_path / "page-scenarios.csv").is_file()
    assert POLICY in html
    told = terminal_page(page)
    assert told.index("A smoke run") < told.index("It <does>") < told.index("- Evidence")


@pytest.mark.skipif(BROWSER is None, reason="needs Chromium or Chrome")
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_on_a_page_is_wider_than_its_box(width: int, tmp_path: Path) -> None:
    screen = measured(write_page(made_up()[0], "page", tmp_path), width, tmp_path / "browser")
    assert (screen.wide, screen.wide_open, screen.broken) == ([], [], [])
    assert (screen.torn, screen.unlisted) == ([], [])


def test_no_word_of_the_strip_chart_is_cut_however_few_sessions_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is drawn needs no more room than the picture has."""
    pictures: list[Figure] = []
    monkeypatch.setattr(reputation_page, "svg", pictures.append)
    strip = {"mean": [0.5, 0.3] * 20, "task": [*range(40)], "failed": [True, False] * 20}
    strip |= {"action": [1, 0] * 20, "left": [False, True] * 20}
    for rows in (1, 3, 5):
        strips = {f"session {k}": strip for k in range(rows)}
        reputation_page.strip_figure(GAMES["t4-cascade"], strips)
    for figure in pictures:
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        drawn = figure.get_tightbbox(canvas.get_renderer())
        width, height = figure.get_size_inches()
        assert min(drawn.x0, drawn.y0, width - drawn.x1, height - drawn.y1) >= 0
    assert len(pictures) == 3


def test_lines_of_a_legend_differ() -> None:
    """No two entries of the reputation page's legend have one colour and one kind of line."""
    looks = [look for look, _ in reputation_page.LINES.values()]
    looks += [look for look, _ in reputation_page.LEARNERS.values()]
    drawn = [(look.colour, look.marker, str(look.line)) for look in looks]
    drawn.append((reputation_page.UNSEEN["color"], "_", ""))
    assert len({colour for colour, *_ in drawn}) == len(drawn)
