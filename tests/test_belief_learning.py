"""Learners on a hidden cascade: pages, judges, and that a cell depends on nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from routing_game.agents import sb3_sessions
from routing_game.experiments.cli import main
from routing_game.experiments.hidden import reputation as providers
from routing_game.experiments.hidden import users
from routing_game.experiments.hidden.settings import Settings
from routing_game.theory import GAMES, PAIRS, Game
from routing_game.theory.belief import Belief
from routing_game.theory.belief_plan import plan_after_failure
from routing_game.theory.reputation import memoryless_discounted, reputation_discounted

T4 = GAMES["t4-cascade"]
LITTLE = {"seeds": 1, "patience": 1, "updates": 2, "curve": 2, "sessions": 200}


@pytest.fixture(autouse=True)
def few_environments(monkeypatch: Any) -> None:
    """Learners that practise next to nothing."""
    little = {
        name: replace(settings, width=16, steps=16)
        for name, settings in sb3_sessions.SETTINGS.items()
    }
    monkeypatch.setattr(sb3_sessions, "SETTINGS", little)
    monkeypatch.setattr(providers, "PATIENCE", (0.5,))
    monkeypatch.setattr(providers, "LONG_RUN", (5, 10))
    monkeypatch.setattr(providers, "HORIZON", 10)
    monkeypatch.setattr(providers, "SESSIONS", 100)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["reputation", "users"])
def test_the_page(name: str, tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    """Pictures and tables are there; two seeds are told one by one, without an interval."""
    monkeypatch.setattr(
        providers, "PROFILES", {"smoke": {k: LITTLE[k] for k in providers.PROFILES["smoke"]}}
    )
    monkeypatch.setattr(
        users, "PROFILES", {"smoke": {k: LITTLE[k] for k in users.PROFILES["smoke"]}}
    )
    assert (
        main(
            [
                "belief",
                name,
                "--profile",
                "smoke",
                "--seeds",
                "2",
                "--workers",
                "1",
                "--out",
                str(tmp_path),
            ]
        )
        == 0
    )
    assert capsys.readouterr().out.count("- ") >= 2
    facts = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))
    assert (tmp_path / f"{name}.html").read_text(encoding="utf-8").count("<figcaption>") == 2
    table, seeds = (pl.read_csv(tmp_path / f"{name}-{part}.csv") for part in ("learned", "seeds"))
    if name == "reputation":
        assert seeds.height == 2 * 2 * 2
        row = table.filter(checks="task", sight="belief").row(0, named=True)
        assert row["above_half"] is None
        mine = seeds.filter(checks="task", sight="belief")["cost"] / row["best"] - 1
        one, other = (f"{100 * above:.2f}" for above in mine)
        assert f"best plan, %: {one} and {other} at g = 0.5" in " ".join(facts["details"])
        seeing = seeds.filter(sight="belief").join(table, on=["checks", "sight", "patience"])
        worst = 100 * (seeing["cost"] / seeing["best"] - 1).max()
        assert f"{worst:.1f} % in the worst of them" in facts["answer"][1]
        assert (table["above"] > -1e-9).all()
    else:
        assert seeds.height == 3 * 2 + 4 * 2 * 2
        row = table.filter(user="recurrent", prior="Beta(1, 4)").row(0, named=True)
        assert row["regret_half"] is None
        one, other = seeds.filter(user="recurrent", prior="Beta(1, 4)")["regret"]
        assert f"recurrent {one:.3f} and {other:.3f}" in facts["details"][0]


@pytest.mark.parametrize(
    ("side", "cell"),
    [
        (providers, providers.Cell("failure", "belief", 0.5, 0)),
        pytest.param(providers, providers.Cell("task", "task", 0.5, 0), marks=pytest.mark.slow),
        (users, users.Cell("window", users.PRIORS[0], 0)),
        pytest.param(users, users.Cell("exploring", users.PRIORS[0], 0), marks=pytest.mark.slow),
    ],
    ids=["failure", "task", "window", "exploring"],
)
def test_a_cell_depends_on_itself_alone(side: Any, cell: Any) -> None:
    settings = Settings("t4-cascade", "smoke", {**LITTLE, "updates": 1})
    assert side.train(settings, cell) == side.train(settings, cell)


def test_users_practise_in_units_of_value() -> None:
    """A measured pair's plan is the same in either unit, and worth V times as much.

    Games of the catalog have V = 1.
    """
    pair, prior = PAIRS["grok-3-mini-gpt-5"].game, Belief(1.0, 4.0)
    unit = users.in_units_of_value(pair)
    assert users.in_units_of_value(T4) == T4
    plan, same = (plan_after_failure(game, prior, 5) for game in (pair, unit))
    assert np.allclose(plan.value, float(pair.value) * same.value)
    assert np.array_equal(plan.leaving, same.leaving)


def test_where_milking_pays() -> None:
    """As docs/belief.md says, and wherever it says.

    The edge is the last belief at which a Beta(1, 1) user stays.
    """

    def found(game: Game, checks: Any) -> list[tuple[float, float]]:
        rows = [providers.plans(game, (checks, g)) for g in (0.05, 0.5, 0.9, 0.97)]
        return providers.milking(game, checks, rows)

    ((low, high),) = found(T4, "task")
    assert (low, high) == (0.0, pytest.approx(0.570, abs=1e-3))
    assert providers.kinks({"failure": [], "task": [(low, high)]}) == [("task", high)]
    meeting = providers.plans(T4, ("task", high))  # and so do the lines of the picture
    assert meeting["best"] == pytest.approx(meeting["rule"], rel=1e-3)
    assert found(T4, "failure") == []
    assert providers.edge(T4) == Belief(1.0, 3.0)
    ((low, high),) = found(GAMES["t4-leave-costly"], "task")  # there it pays the patient
    assert 0.5 < low < 0.97
    assert high == 1.0
    few = replace(T4, value=1.32)  # users bear 172 keeps
    assert providers.edge(few).kept > 150
    assert isinstance(providers.plans(few, ("failure", 0.05))["milks"], bool)


@pytest.mark.parametrize("checks", providers.CHECKS)
def test_the_best_plan_that_does_not_see_the_belief(checks: Any) -> None:
    """It costs what it says, no plan of a grid costs less, and one that sees the belief does."""
    found, user = providers.best_blind(T4, (checks, 0.5)), providers.leaving(T4, checks)

    def cost(x: Any) -> float:
        return memoryless_discounted(
            T4, providers.PRIOR, 0.5, user, np.append(x, np.full(26, x[-1])), checks
        )

    chances = [found[name] for name in ("0", "1", "2", "3", "4 or more")]
    assert cost(np.array(chances)) == pytest.approx(found["cost"], abs=1e-12)
    levels = (0.0, 0.4, 1.0)
    assert min(cost(np.array([0.0, *x])) for x in product(levels, repeat=4)) >= found["cost"] - 1e-9
    assert found["cost"] > reputation_discounted(T4, providers.PRIOR, 0.5, user, checks).cost + 0.01


@pytest.mark.parametrize("prior", users.PRIORS)
def test_play_finds_the_value_of_a_plan(prior: Belief) -> None:
    """With a standard error far below that of plain play."""
    plan = plan_after_failure(T4, prior, users.TASKS)
    found = users.play(
        T4, prior, "belief", users.by_plan(plan.leaving, prior, "belief"), 4000, seed=3
    )
    assert abs(found.value - plan.value[users.TASKS]) < 4 * found.error
    assert found.error < 0.015
    assert min(group["loss"] for group in found.by_s) > -0.2
    assert np.all(np.diff([group["s"] for group in found.by_s]) > 0)
