"""Agents at the edges of what they are told: beliefs no plan knows, costs that are no numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from routing_game.agents.bandits import (
    EXP3,
    UCB,
    Elimination,
    EpsilonGreedy,
    Thompson,
    UCBTuned,
)
from routing_game.agents.protocol import Tally
from routing_game.agents.sessions import BeliefUser, Planned, PlanningProvider
from routing_game.agents.table_users import TabularUser
from routing_game.agents.zooming import Zooming
from routing_game.envs.crowd import play_sessions
from routing_game.theory import Commitment, Task, load
from routing_game.theory.belief import Belief

GAME = load("t4-cascade")

BANDITS: dict[str, Callable[[], Any]] = {
    "UCB": UCB,
    "UCBTuned": UCBTuned,
    "Elimination": Elimination,
    "Zooming": Zooming,
    **{
        kind.__name__: (lambda kind=kind: kind(np.random.default_rng(0)))
        for kind in (Thompson, EpsilonGreedy, EXP3)
    },
}


def paid(cost: float) -> Task:
    return Task(1, 0, True, cost, 0.0, False)


@pytest.mark.parametrize("name", BANDITS)
def test_a_cost_that_is_no_number_is_refused_and_forgotten(name: str) -> None:
    told, spared = BANDITS[name](), BANDITS[name]()
    rng = np.random.default_rng(4)
    for k in range(300):
        arm = told.act()
        assert arm == spared.act()
        if k % 10 == 0:
            for wrong in (np.nan, np.inf, -np.inf):
                with pytest.raises(ValueError, match="finite"):
                    told.update(arm, paid(wrong))
            with pytest.raises(ValueError, match="at least one task"):
                told.update_many(arm, Tally(0, 0.0, 0.0))
        cost = float(arm.cascade + 0.1 * rng.standard_normal())
        told.update(arm, paid(cost))
        spared.update(arm, paid(cost))
    assert told.recommend() == spared.recommend()


def test_a_utility_that_is_no_number_is_refused_and_forgotten() -> None:
    values = GAME.value, GAME.latency
    told, spared = (TabularUser(*values, np.random.default_rng(0)) for _ in range(2))
    commitment = Commitment(1, 0.3)
    for wrong in (np.nan, np.inf):
        with pytest.raises(ValueError, match="utility must be finite"):
            told.learn(commitment, 1.0, Task(1, 0, False, 1.0, wrong, False))
    for user in (told, spared):
        for _ in range(20):
            user.learn(commitment, 1.0, Task(1, 0, False, 1.0, -0.4, False))
    assert told.abandon(1, 0.3) == spared.abandon(1, 0.3)


PLAN = Planned(GAME, 5, (3, 3))


def leaving(plan: Planned, a: Any, b: Any, task: Any = 1) -> Any:
    return plan.leaving(Belief(a, b), task, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("a", "b"), [(1, 1), (2, 3), (3, 2), (3.5, 3), (3, 4.2), (np.nan, 3), ([3, 1], [3, 3])]
)
def test_a_plan_refuses_beliefs_that_its_prior_never_becomes(a: Any, b: Any) -> None:
    with pytest.raises(ValueError, match=r"3 plus a whole number of draws"):
        leaving(PLAN, np.array(a), np.array(b))
    assert leaving(Planned(GAME, 5, (1, 1)), 1, 1) == 0  # made for it, the plan stays


def test_a_plan_counts_tasks_from_one() -> None:
    for task in (0, -1, np.array([1, 0])):
        with pytest.raises(ValueError, match="counted from 1"):
            leaving(PLAN, 3, 3, task)


def test_a_plan_knows_beliefs_whose_counts_have_rounded() -> None:
    plan = Planned(GAME, 4, (0.1, 0.7))
    for count in (np.nextafter(3.1, 0), 3.1, np.nextafter(3.1, 4)):
        assert leaving(plan, count, 0.7) == plan.plan.leaving[3, 3, 0]


def test_sessions_with_another_prior_than_the_plans_are_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="draws"):
        play_sessions(GAME, PLAN, 0.3, 5, 20, rng)
    sessions = play_sessions(GAME, PLAN, 0.3, 5, 20, rng, prior=(3, 3))
    assert sessions.cost.shape == (5, 20)


def test_a_user_who_forgets_cannot_follow_a_plan_that_does_not() -> None:
    user = BeliefUser(GAME, PLAN, np.random.default_rng(0), prior=(3, 3), memory=0.9)
    user.see_draw(True)
    user.see_draw(False)
    with pytest.raises(ValueError, match="draws"):
        user.leaving(1)


@pytest.mark.parametrize(
    "seen", [(1.0, 1, 1, 0, 0), (0.5, 1, 1, 0, 0), (0, 1, 1, -1, 0), (0, 1, 1, 0, 0.5)]
)
def test_a_planning_provider_refuses_sessions_it_did_not_plan(seen: Any) -> None:
    provider = PlanningProvider(GAME, 5)
    assert provider.act(np.array([0.2, 1, 1, 0, 1.0])) in (0, 1)
    with pytest.raises(ValueError, match="got"):
        provider.act(np.array(seen, dtype=float))
