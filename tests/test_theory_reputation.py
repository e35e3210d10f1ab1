"""Reputation: best plans by enumeration and simulation, the hand-written rule, and patience."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest

from routing_game.envs.crowd import play_sessions
from routing_game.theory import GAMES, Game, payoffs, sample_games, solve, thresholds
from routing_game.theory.belief import Belief
from routing_game.theory.belief_rules import PlugIn, plug_in, plug_in_after_failure
from routing_game.theory.reputation import memoryless_discounted, reputation, reputation_discounted, reputation_rule

T4 = GAMES["t4-cascade"]
UNIFORM = Belief(1.0, 1.0)
TEMPTED = replace(T4, penalty=0.7)
"""The same cascade, but an abandoned task costs less than a pass of M2: here milking pays now."""


def user(game: Game, checks: str = "failure") -> Callable[[Belief], Any]:
    return lambda belief: (plug_in_after_failure if checks == "failure" else plug_in)(game, belief)


def cost_of(game: Game, policy: dict[tuple[int, int, int], bool], tasks: int, most_keeps: int) -> float:
    """J of T tasks under a provider that escalates as a table says, by recursion over histories of draws."""
    leaving, after_2 = user(game), game.cost_of_pass[1] if game.net_value[1] > 0 else game.leaving_cost[1]

    @cache
    def start(n: int, e: int, k: int) -> float:
        if n == 0:
            return 0.0
        rest = start(n - 1, e, k)
        if leaving(Belief(1.0 + e, 1.0 + k)) == 1:
            failed = game.penalty + rest
        elif k >= most_keeps or policy[n, e, k]:
            failed = after_2 + start(n - 1, e + 1, k)
        else:
            failed = start(n, e, k + 1)
        return float(game.cost[0] + game.success[0] * rest + game.failure[0] * failed)

    return start(tasks, 0, 0)


@pytest.mark.parametrize("game", [T4, TEMPTED, GAMES["t5-cascade"], GAMES["t4-reason"]])
def test_no_policy_of_four_thousand_is_better(game: Game) -> None:
    """Two tasks, up to four keeps: every table of escalations, each task from M1."""
    states = [(n, e, k) for n in (1, 2) for e in range(3 - n) for k in range(4)]
    tables = (dict(zip(states, choice, strict=True)) for choice in product((False, True), repeat=len(states)))
    least = min(cost_of(game, table, 2, 4) for table in tables)
    assert reputation(game, UNIFORM, 2, user(game), routes=(1,), reach=4).cost[2] == pytest.approx(least, abs=1e-12)
    assert reputation(game, UNIFORM, 2, user(game), reach=4).cost[2] <= least + 1e-12


@pytest.mark.parametrize("name", GAMES)
def test_users_who_stay_throughout_cost_what_a_commitment_costs(name: str) -> None:
    """Whichever model fails: who checks once a task and stays, stays with M2 too."""
    game, s = GAMES[name], 0.3

    def stays(belief: Belief) -> Any:
        return np.zeros(np.shape(belief.mean))

    cost = float(payoffs(game, 1, s, 0.0).cost)
    four = reputation(game, UNIFORM, 4, stays, "task", lambda _: s).cost[4]
    assert four / 4 == pytest.approx(cost, rel=1e-9)
    for_ever = reputation_discounted(game, UNIFORM, 0.3, stays, "task", lambda _: s).cost
    assert for_ever == pytest.approx(cost, rel=1e-9)
    blind = memoryless_discounted(game, UNIFORM, 0.3, stays, np.array([0.0, *[s] * 200]), "task")
    assert blind == pytest.approx(cost, rel=1e-9)
    if game.net_value[1] < 0:
        watchful = reputation_discounted(game, UNIFORM, 0.3, stays, escalating=lambda _: s).cost
        assert watchful != pytest.approx(cost, rel=1e-3)  # who sees M2 fail leaves


def test_simulated_play_has_the_value_of_its_plan() -> None:
    """Hand-written rule and a constant s, over 40 tasks, for both kinds of user."""
    rng = np.random.default_rng(20)
    for checks in ("failure", "task"):
        leaving = user(T4, checks)
        for escalating in (reputation_rule(leaving), lambda belief: np.full(np.shape(belief.mean), 0.3)):
            plan = reputation(T4, UNIFORM, 40, leaving, checks, escalating)
            played = play_sessions(T4, PlugIn(T4, checks), lambda b, _, f=escalating: f(b), 40, 4000, rng)
            total = played.cost.sum(axis=0)
            assert abs(total.mean() - plan.cost[40]) < 4 * total.std() / np.sqrt(4000), checks


@pytest.mark.parametrize(("game", "checks"), [(T4, "task"), (TEMPTED, "failure")])
def test_a_best_plan_played_has_its_value(game: Game, checks: str) -> None:
    plan = reputation(game, UNIFORM, 30, user(game, checks), checks, routes=(1,))

    def provider(belief: Belief, task: int) -> Any:
        e, k = (np.rint(np.asarray(count) - 1).astype(int) for count in belief)
        return plan.escalating[30 - task, np.minimum(e, 29), np.minimum(k, plan.escalating.shape[2] - 1)]

    rule = reputation(game, UNIFORM, 30, user(game, checks), checks, reputation_rule(user(game, checks)))
    total = play_sessions(game, PlugIn(game, checks), provider, 30, 8000, np.random.default_rng(21)).cost.sum(axis=0)
    error = total.std() / np.sqrt(8000)
    assert abs(total.mean() - plan.cost[30]) < 4 * error
    assert plan.cost[30] < rule.cost[30] - 1e-3  # with an end in sight it pays to milk


def test_random_rules_never_beat_the_plan() -> None:
    rng = np.random.default_rng(22)
    for game in (sample_games(6, rng, "-+")[k] for k in range(6)):
        best = reputation(game, UNIFORM, 12, user(game)).cost[12]
        for _ in range(5):
            table = rng.random((12, 300)) < rng.random()

            def escalating(belief: Belief, table: Any = table) -> Any:
                e, k = (np.rint(np.asarray(count) - 1).astype(int) for count in belief)
                return table[np.minimum(e, 11), np.minimum(k, 299)]

            assert reputation(game, UNIFORM, 12, user(game), escalating=escalating).cost[12] >= best - 1e-12


def test_the_hand_written_rule_reaches_commitment_in_the_long_run() -> None:
    """Within 1 % of J* a task, and no user is lost."""
    leaving, s0 = user(T4), thresholds(T4).s0
    rule = reputation_rule(leaving)
    played = play_sessions(T4, PlugIn(T4), lambda b, _: rule(b), 2000, 400, np.random.default_rng(23))
    late = played.cost[500:]
    error = late.mean(axis=0).std() / np.sqrt(400)
    assert late.mean() == pytest.approx(solve(T4).cost, abs=0.01 * solve(T4).cost)
    assert error < 0.001
    assert np.all(played.belief.mean >= s0)
    assert played.solved.all()
    assert played.mean[-1].max() < s0 + 0.002  # and no more generous than it must be


def test_patience_one_task_at_a_time_is_the_discounted_plan() -> None:
    """A session that ends with chance 1 - g after each task, by the finite recursion's increments."""
    g, leaving = 0.6, user(TEMPTED)
    discounted = reputation_discounted(TEMPTED, UNIFORM, g, leaving)
    rule = reputation_rule(leaving)
    finite = reputation(TEMPTED, UNIFORM, 60, leaving, escalating=rule).cost
    by_increments = (1 - g) * np.sum(g ** np.arange(60) * np.diff(finite))
    kept = reputation_discounted(TEMPTED, UNIFORM, g, leaving, escalating=rule)
    assert kept.cost == pytest.approx(by_increments, abs=1e-9)
    assert discounted.cost <= kept.cost + 1e-12


@pytest.mark.parametrize(("game", "checks"), [(T4, "task"), (TEMPTED, "failure")])
def test_below_a_patience_threshold_the_provider_milks(game: Game, checks: str) -> None:
    """At the edge, where one more keep loses the user: impatient it keeps, patient it escalates."""
    s0 = thresholds(game).s0
    milks = {}
    for g in (0.1, 0.95):
        plan = reputation_discounted(game, UNIFORM, g, user(game, checks), checks, draws=600)
        e = np.arange(8)
        k = np.floor((1 + e) / s0 - (2 + e) + 1e-9).astype(int)  # the most keeps at which the user stays
        milks[g] = not plan.escalating[e, k].astype(bool).all()
    assert milks == {0.1: True, 0.95: False}


def test_where_losing_the_user_costs_more_than_escalating_nobody_milks_a_watchful_user() -> None:
    """t4-cascade, checks after each failure: l1 = 1.2 > cp2 = .75, so that the hand-written rule is optimal."""
    for g in (0.0, 0.3, 0.6, 0.9):
        best = reputation_discounted(T4, UNIFORM, g, user(T4), draws=600)
        rule = reputation_discounted(T4, UNIFORM, g, user(T4), escalating=reputation_rule(user(T4)), draws=600)
        assert best.cost == pytest.approx(rule.cost, rel=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: reputation(T4, UNIFORM, 0, user(T4)), "tasks"),
        (lambda: reputation(T4, UNIFORM, 3, lambda b: np.full(b.mean.shape, 0.5), "task"), "leaving must be 0 or 1"),
        (lambda: reputation_discounted(T4, UNIFORM, 1.0, user(T4)), "discount"),
        (lambda: reputation_discounted(T4, UNIFORM, 0.5, user(T4), draws=0), "draws"),
        (lambda: reputation(T4, UNIFORM, 3, user(T4), routes=(2,)), "routes"),
        (lambda: reputation(T4, UNIFORM, 3, user(T4), escalating=lambda b: 2.0), "escalating"),
        (lambda: reputation(T4, UNIFORM, 3, lambda b: 2.0), "leaving"),
        (lambda: reputation(T4, UNIFORM, 3, user(T4), escalating=lambda b: 1, starting=lambda b: 0.3), "starting"),
        (lambda: memoryless_discounted(T4, UNIFORM, 0.5, user(T4), np.full(3, 2.0)), "chances"),
        (lambda: reputation_discounted(sample_games(2, np.random.default_rng(0)), UNIFORM, 0.5, user(T4)), "single"),
    ],
)
def test_bad_arguments_are_named(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
