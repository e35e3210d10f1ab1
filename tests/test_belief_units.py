"""Pages on a hidden cascade in other units: V and t in seconds, P and c in cents, same words."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from routing_game.experiments.cells.progress import Steps
from routing_game.experiments.hidden import reputation, trap, trap_page, users, users_page
from routing_game.experiments.hidden.rulebook import RULEBOOK, named
from routing_game.experiments.hidden.settings import Settings
from routing_game.experiments.hidden.threshold import threshold
from routing_game.experiments.pages.page import Page
from routing_game.theory import GAMES, Game, load, thresholds

TIME, MONEY = 64.0, 8.0
"""How much larger numbers are in the other unit of V and t, and of P and c: powers of 2, as what
learners have learnt depends on the last digits of what they lose.
"""
MINUTE = 60.0
"""What nobody learns from does not: streams of random numbers are the same in any unit."""
NAMES = ("t4-cascade", "t4-leave-cheap", "t5-stay")
"""Games in which doubt costs the provider something, saves it something, and is s_H's."""
NUMBERS = {
    "trap": {"sessions": 30, "tasks": 10},
    "converge": {"sessions": 20, "tasks": 15},
    "observability": {"seeds": 1, "tasks": 60},
    "reputation": {"seeds": 2, "patience": 1, "updates": 1, "curve": 2},
}
SHARE = re.compile(r"(-?[\d.,]+(?: ± [\d.]+)?|-?[\d.]+ \(.*? to .*?\)) (?:%|of (?:V|J\*))")
"""A number that is said to be a share."""


@pytest.fixture(autouse=True)
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words are compared here: pictures are made, but not written."""
    for question in (*NUMBERS, "users"):
        page = import_module(f"routing_game.experiments.hidden.{question}_page")
        monkeypatch.setattr(page, "svg", lambda figure: "")


def scaled(game: Game, time: float = 1.0, money: float = 1.0) -> Game:
    """The same game in other units."""
    (t1, t2), (c1, c2) = game.latency, game.cost
    return replace(
        game,
        value=game.value * time,
        latency=(t1 * time, t2 * time),
        penalty=game.penalty * money,
        cost=(c1 * money, c2 * money),
    )


def sentences(page: Page) -> list[str]:
    """All that a page says, but for the numbers in its tables and pictures."""
    captions = [part.caption for part in (*page.figures, *page.tables)]
    return [page.title, *page.answer, *page.details, *captions, *page.terms.values()]


def asked(question: str, name: str, game: Game) -> Page:
    settings = Settings(name, "smoke", NUMBERS[question], given=game)
    measured = import_module(f"routing_game.experiments.hidden.{question}").measure(
        settings, Steps()
    )
    page: Page = import_module(f"routing_game.experiments.hidden.{question}_page").page(
        settings, measured
    )
    return page


def untrained(settings: Settings, cell: reputation.Cell) -> tuple[dict[str, Any], dict[str, Any]]:
    """In the place of a learner, which takes long: the hand-written rule, and a tenth more."""
    cost = 1.1 * reputation.plans(settings.game, (cell.checks, cell.patience))["rule"]
    found = {"cost": cost, "horizon": 1.0, "milks": False, "long_run": 2.0, "lost": 3.0}
    if cell.sight == "task":
        found |= {"horizon": None, "milks": None}
    return {**cell._asdict(), "decisions": 1, **found}, reputation.strip_of_rule(settings.game)


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("trap", "t4-cascade"),
        pytest.param("trap", "t5-stay", marks=pytest.mark.slow),
        ("converge", "t4-cascade"),
    ],
)
def test_a_page_says_the_same_in_any_unit_of_time(
    question: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trap, "DISTANCES", (-0.1, 0.0, 0.1))
    monkeypatch.setattr(trap, "PRIOR_MEANS", (-0.1, 0.1))
    game = GAMES[name]
    usual, other = (asked(question, name, given) for given in (game, scaled(game, time=MINUTE)))
    assert sentences(usual) == sentences(other)


@pytest.mark.slow
@pytest.mark.parametrize("question", ["observability", "reputation"])
def test_shares_are_the_same_in_any_unit(question: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Costs are in the unit of P: each number that is said to be a share of one is the same."""
    monkeypatch.setattr(reputation, "train", untrained)
    game = GAMES["t4-cascade"]
    usual, other = (
        sentences(asked(question, "t4-cascade", given))
        for given in (game, scaled(game, TIME, MONEY))
    )
    for words, others in zip(usual, other, strict=True):
        assert SHARE.findall(words) == SHARE.findall(others)
        assert re.sub(r"[\d.]+", "", words) == re.sub(r"[\d.]+", "", others)


@pytest.mark.parametrize("name", [*NAMES[:2], pytest.param(NAMES[2], marks=pytest.mark.slow)])
def test_the_trap_page_says_the_same_of_scaled_numbers(name: str) -> None:
    """Any scale, when the numbers are scaled by hand."""
    settings = Settings(name, "smoke", NUMBERS["trap"])
    mark = threshold(settings.game, name)
    cells = [
        trap.Cell(rule, trap.PRIOR, mark.towards(distance), sweep)
        for rule in RULEBOOK
        for distance, sweep in ((-0.1, "s"), (0.0, "s"), (0.1, "s"), (0.1, "prior"))
    ]
    rows = [trap.row(settings, mark, cell) for cell in cells]
    units = {"user": 90.0, "provider": 7.0, "cost": 7.0}

    def in_other(column: str, value: Any) -> Any:
        unit = units.get(column.split("_")[0])
        return value if unit is None else unit * value

    scaled_rows = [{column: in_other(column, x) for column, x in row.items()} for row in rows]
    other = replace(settings, given=scaled(settings.game, 90.0, 7.0))
    usual, found = trap_page.page(settings, rows), trap_page.page(other, scaled_rows)
    assert usual.answer[0:2] == found.answer[0:2]
    for words, others in zip(sentences(usual), sentences(found), strict=True):
        assert SHARE.findall(words) == SHARE.findall(others)


def made_up_users(time: float) -> users.Measured:
    """What users might come to, in a unit of time."""
    rng = np.random.default_rng(0)
    learned, seeds, by_s = [], [], []
    for user in (*users.LEARNERS, *users.REFERENCES):
        for prior in map(named, users.PRIORS):
            who = {"user": user, "prior": prior}
            value, half, *regrets = time * rng.uniform(0.1, 0.5, 4)
            worth = {"value": value, "value_half": half, "regret": regrets[0], "regret_half": half}
            learned.append({**who, **worth})
            for seed, regret in enumerate(regrets):
                one = {"value": value, "regret": regret, "error": 0.01 * time}
                seeds.append({**who, "seed": seed, **one})
                by_s += [
                    {**who, "seed": seed, "s": s, "loss": regret * s}
                    for s in np.linspace(0.1, 0.9, users.BINS).tolist()
                ]
    return users.Measured(learned, seeds, by_s)


def test_the_users_page_says_the_same_in_any_unit() -> None:
    game, numbers = GAMES["t4-cascade"], {"seeds": 2, "updates": 2, "sessions": 500}
    usual, other = (
        users_page.page(
            Settings("t4-cascade", "smoke", numbers, given=scaled(game, time)), made_up_users(time)
        )
        for time in (1.0, TIME)
    )
    assert sentences(usual) == sentences(other)
    assert "of V" in usual.answer[1]
    for table, same in zip(usual.tables, other.tables, strict=True):
        for column in table.frame.columns:
            assert same.frame[column].to_list() == pytest.approx(table.frame[column].to_list())


@pytest.mark.parametrize("user", users.REFERENCES)
def test_what_users_get_is_in_the_game_s_unit(user: str) -> None:
    game, cell = GAMES["t4-cascade"], users.Cell(user, users.PRIORS[1], 0)
    rows = [
        users.train(Settings("t4-cascade", "smoke", {"sessions": 200}, given=given), cell)
        for given in (game, scaled(game, time=TIME, money=MONEY))
    ]
    (usual, usual_by_s), (other, other_by_s) = rows
    for name in ("value", "regret", "error"):
        assert other[name] == pytest.approx(TIME * usual[name], abs=1e-9)
    assert [g["loss"] for g in other_by_s] == pytest.approx(
        [TIME * g["loss"] for g in usual_by_s], abs=1e-9
    )


@pytest.mark.parametrize("unit", [MINUTE, 3600.0, 1000.0, 7.0, 1 / 60, 0.3])
@pytest.mark.parametrize("name", ["t4-cascade", "t5-cascade", "grok-3-mini-gpt-5"])
def test_a_threshold_is_the_same_to_its_last_digit_in_any_unit(name: str, unit: float) -> None:
    """And that of the game itself, as it was: streams of the catalog's games stay what they are."""
    game = load(name)
    mark = threshold(game, name)
    assert threshold(scaled(game, time=unit), name) == mark
    own = next(float(s) for s in thresholds(game)[::2] if np.isfinite(s))
    assert mark.s == (own if name in GAMES else pytest.approx(own, rel=1e-13))
