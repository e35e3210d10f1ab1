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
from routing_game.theory.reputation import (
    enough_draws,
    memoryless_discounted,
    reputation,
    reputation_discounted,
    reputation_rule,
)

T4 = GAMES["t4-cascade"]
UNIFORM = Belief(1.0, 1.0)
TEMPTED = replace(T4, penalty=0.7)
"""The same cascade, but an abandoned task costs less than a pass of M2: here milking pays now."""


def user(game: Game, checks: str = "failure") -> Callable[[Belief], Any]:
    return lambda belief: (plug_in_after_failure if checks == "failure" else plug_in)(game, belief)


def cost_of(
    game: Game, policy: dict[tuple[int, int, int], bool], tasks: int, most_keeps: int
) -> float:
    """J of T tasks if the provider escalates as a table says, by recursion over histories."""
    leaving, after_2 = (
        user(game),
        game.cost_of_pass[1] if game.net_value[1] > 0 else game.leaving_cost[1],
    )

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
    tables = (
        dict(zip(states, choice, strict=True))
        for choice in product((False, True), repeat=len(states))
    )
    least = min(cost_of(game, table, 2, 4) for table in tables)
    assert reputation(game, UNIFORM, 2, user(game), routes=(1,), reach=4).cost[2] == pytest.approx(
        least, abs=1e-12
    )
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
        for escalating in (
            reputation_rule(leaving),
            lambda belief: np.full(np.shape(belief.mean), 0.3),
        ):
            plan = reputation(T4, UNIFORM, 40, leaving, checks, escalating)
            played = play_sessions(
                T4, PlugIn(T4, checks), lambda b, _, f=escalating: f(b), 40, 4000, rng
            )
            total = played.cost.sum(axis=0)
            assert abs(total.mean() - plan.cost[40]) < 4 * total.std() / np.sqrt(4000), checks


@pytest.mark.parametrize(("game", "checks"), [(T4, "task"), (TEMPTED, "failure")])
def test_a_best_plan_played_has_its_value(game: Game, checks: str) -> None:
    plan = reputation(game, UNIFORM, 30, user(game, checks), checks, routes=(1,))

    def provider(belief: Belief, task: int) -> Any:
        e, k = (np.rint(np.asarray(count) - 1).astype(int) for count in belief)
        return plan.escalating[
            30 - task, np.minimum(e, 29), np.minimum(k, plan.escalating.shape[2] - 1)
        ]

    rule = reputation(
        game, UNIFORM, 30, user(game, checks), checks, reputation_rule(user(game, checks))
    )
    total = play_sessions(
        game, PlugIn(game, checks), provider, 30, 8000, np.random.default_rng(21)
    ).cost.sum(axis=0)
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

            assert (
                reputation(game, UNIFORM, 12, user(game), escalating=escalating).cost[12]
                >= best - 1e-12
            )


def test_the_hand_written_rule_reaches_commitment_in_the_long_run() -> None:
    """Within 1 % of J* a task, and no user is lost."""
    leaving, s0 = user(T4), thresholds(T4).s0
    rule = reputation_rule(leaving)
    played = play_sessions(
        T4, PlugIn(T4), lambda b, _: rule(b), 2000, 400, np.random.default_rng(23)
    )
    late = played.cost[500:].mean(axis=0)
    error = late.std() / np.sqrt(400)
    assert abs(late.mean() - solve(T4).cost) < 4 * error < 0.003
    assert not leaving(played.belief).any()
    assert played.solved.all()
    assert played.mean[-1].max() < s0 + 0.002  # and no more generous than it must be


def test_patience_one_task_at_a_time_is_the_discounted_plan() -> None:
    """A session ends with chance 1 - g after each task: by the finite recursion's increments."""
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
        k = np.floor((1 + e) / s0 - (2 + e) + 1e-9).astype(
            int
        )  # the most keeps at which the user stays
        milks[g] = not plan.escalating[e, k].astype(bool).all()
    assert milks == {0.1: True, 0.95: False}


def test_where_losing_the_user_costs_more_than_escalating_nobody_milks_a_watchful_user() -> None:
    """t4-cascade, checks after each failure: the hand-written rule is optimal.

    Since l1 = 1.2 > cp2 = .75.
    """
    for g in (0.0, 0.3, 0.6, 0.9):
        best = reputation_discounted(T4, UNIFORM, g, user(T4), draws=600)
        rule = reputation_discounted(
            T4, UNIFORM, g, user(T4), escalating=reputation_rule(user(T4)), draws=600
        )
        assert best.cost == pytest.approx(rule.cost, rel=1e-9)


# Accuracy: how far recursions go.


def for_ever(
    game: Game,
    g: float,
    draws: int,
    leaving: Any,
    checks: str,
    escalating: Any = None,
    routes: Any = (1, 2),
) -> float:
    """(1-g) J by the recursion of the page over all beliefs of so many draws, M2 after the last."""
    start_2 = game.cost_of_pass[1] if game.net_value[1] >= 0 else game.leaving_cost[1]
    after_2 = game.cost_of_pass[1] if checks == "task" else start_2
    (c1, p1, k1), end = (game.cost[0], game.success[0], game.failure[0]), start_2 / (1 - g)
    later = again = np.full(draws + 2, end)
    for n in range(draws, -1, -1):
        e = np.arange(n + 1)
        belief = Belief(1.0 + e, 1.0 + n - e)
        says = np.broadcast_to(leaving(belief), e.shape)
        q = says if checks == "failure" else 0 * says
        escalate, keep = after_2 + g * later[1 : n + 2], again[: n + 1]
        if escalating is None:
            stays = np.minimum(escalate, keep)
        else:
            stays = escalating(belief) * escalate + (1 - escalating(belief)) * keep
        same = g * (p1 + k1 * q)
        passes = c1 + k1 * (q * game.penalty + (1 - q) * stays)
        first = passes / (1 - same)
        if checks == "task":
            first = np.where(says == 1, game.leaving_cost[0] / (1 - g), first)
        later = np.minimum(first, end) if escalating is None and 2 in routes else first
        again = passes + same * later
    return float((1 - g) * later[0])


def answers(game: Game, checks: str) -> Callable[[Belief], Any]:
    """The plug-in user, of whom a task asks 0 or 1."""
    return lambda belief: np.rint(user(game, checks)(belief))


@pytest.mark.parametrize("checks", ["failure", "task"])
@pytest.mark.parametrize("name", ["t4-cascade", "t5-cascade", "t4-reason", "tempted"])
def test_discounted_costs_are_those_of_a_recursion_over_all_beliefs(name: str, checks: str) -> None:
    """The best plan, from M1 too, and given ones, sure and by chance: to the accuracy promised."""
    game = TEMPTED if name == "tempted" else GAMES[name]
    leaving = answers(game, checks)
    rule = reputation_rule(leaving)

    def by_chance(belief: Belief) -> Any:
        return 0.2 + 0.5 * np.asarray(belief.mean)

    for g, draws in ((0.0, 150), (0.6, 400), (0.9, 1100)):
        for how in ({}, {"routes": (1,)}, {"escalating": rule}, {"escalating": by_chance}):
            expected = for_ever(game, g, draws, leaving, checks, **how)
            found = reputation_discounted(game, UNIFORM, g, leaving, checks, **how)
            assert found.cost == pytest.approx(expected, rel=1e-9), (g, how)
            assert found.error <= 1e-9 * found.cost


@pytest.mark.parametrize("draws", [3, 30, 300])
def test_the_error_is_what_its_name_says(draws: int) -> None:
    """The truth is no farther than the error, which falls as draws are added."""
    g, leaving = 0.98, user(T4)
    for rule in (None, reputation_rule(leaving), lambda belief: 0.1 + 0 * belief.mean):
        truth = reputation_discounted(T4, UNIFORM, g, leaving, escalating=rule).cost
        found = reputation_discounted(T4, UNIFORM, g, leaving, escalating=rule, draws=draws)
        more = reputation_discounted(T4, UNIFORM, g, leaving, escalating=rule, draws=2 * draws)
        assert abs(found.cost - truth) <= found.error + 1e-12
        assert more.error < found.error
        assert found.error > 1e-6 or draws == 300


def along_the_path(g: float) -> float:
    """(1-g) J of the hand-written rule in t4-cascade: its beliefs follow one another for sure.

    In whole numbers: it keeps while (a) / (a + b + 1) >= 4/19 after one keep more.
    """
    game, a, b = T4, 1, 1
    total, weight = 0.0, 1.0
    one = 1 / (1 - g * game.success[0])  # passes of M1 until the next draw, discounted
    while weight > 1e-13 * (1 - g):
        total += weight * one * game.cost[0]
        weight *= one * game.failure[0]
        if 19 * a >= 4 * (a + b + 1):
            b += 1
        else:
            total += weight * game.cost_of_pass[1]
            weight, a = weight * g, a + 1
    return (1 - g) * total


@pytest.mark.parametrize("g", [0.5, 0.99, 0.997, pytest.param(0.999, marks=pytest.mark.slow)])
def test_patient_providers(g: float) -> None:
    """The hand-written rule, which is the best plan here, on its only path; at g = .999, .58236."""
    exact, leaving = along_the_path(g), user(T4)
    rule = reputation_discounted(T4, UNIFORM, g, leaving, escalating=reputation_rule(leaving))
    best = reputation_discounted(T4, UNIFORM, g, leaving)
    assert rule.cost == pytest.approx(exact, rel=1e-9)
    assert best.cost == pytest.approx(exact, rel=1e-9)
    if g == 0.999:
        assert 0.58209 < best.cost < 0.58244


def test_a_cost_can_be_nothing() -> None:
    """M1 is free and the user always stays: no accuracy relative to 0 is asked for."""
    game = Game(1.5, 1.5, (0.5, 0.875), (0.125, 1.125), (0.0, 1.0))
    for g in (0.0, 0.8):
        found = reputation_discounted(game, UNIFORM, g, user(game))
        assert found.cost == pytest.approx(0.0, abs=1e-9)
        assert found.error < 1e-9


def test_what_cannot_be_promised_is_refused() -> None:
    with pytest.raises(ValueError, match="give draws"):
        reputation_discounted(T4, UNIFORM, 0.99999, user(T4))
    with pytest.raises(ValueError, match="give draws"):
        memoryless_discounted(T4, UNIFORM, 0.99999, user(T4), np.array([0.0, 0.5]))
    assert reputation_discounted(T4, UNIFORM, 0.99999, user(T4), draws=50).error > 0.1


@pytest.mark.parametrize("g", [0.0, 0.5, 0.99])
def test_enough_draws_are_just_enough(g: float) -> None:
    """What a draw leaves of the weight of the next is at most k1 / (1 - g p1)."""
    for game in (T4, GAMES["t5-cascade"], replace(T4, success=(0.01, 0.8))):
        most = game.failure[0] / (1 - g * game.success[0])
        n = enough_draws(game, g)
        assert most**n <= 1e-11 < most ** (n - 2)


def blind(game: Game, g: float, chances: Any, draws: int) -> float:
    """(1-g) J of a provider without the belief, over all beliefs and numbers of failed passes."""
    start_2 = game.cost_of_pass[1] if game.net_value[1] >= 0 else game.leaving_cost[1]
    passes = len(chances)
    later = np.full(draws + 2, start_2 / (1 - g))
    runs = np.full((passes + 1, draws + 2), start_2 / (1 - g))
    for n in range(draws, -1, -1):
        e = np.arange(n + 1)
        q = np.broadcast_to(user(game)(Belief(1.0 + e, 1.0 + n - e)), e.shape)
        same = g * (game.success[0] + game.failure[0] * q)
        flow = []
        for j in range(passes):
            turn = chances[j + 1] if j + 1 < passes - 1 else 1.0
            stays = turn * (start_2 + g * later[1 : n + 2]) + (1 - turn) * runs[j + 1, : n + 1]
            flow.append(game.cost[0] + game.failure[0] * (q * game.penalty + (1 - q) * stays))
        begin = chances[0]
        later = (begin * start_2 + (1 - begin) * flow[0]) / (1 - begin * g - (1 - begin) * same)
        runs = np.array([one + same * later for one in flow] + [later])
    return float((1 - g) * later[0])


@pytest.mark.parametrize("g", [0.3, 0.9])
@pytest.mark.parametrize("chances", [[0.0, 0.0, 0.4, 1.0], [0.1, 0.5, 0.3, 0.9, 0.2], [0.0, 0.2]])
def test_without_the_belief_by_a_recursion_over_all_of_it(g: float, chances: list[float]) -> None:
    for game in (T4, TEMPTED, GAMES["t5-cascade"]):
        expected = blind(game, g, chances, 700)
        found = memoryless_discounted(game, UNIFORM, g, user(game), np.array(chances))
        assert found == pytest.approx(expected, rel=1e-9)


def test_a_task_that_is_kept_waiting_to_its_end() -> None:
    """One pass in fifty succeeds, the user stays, nobody escalates: c1 / p1 a task, to rounding."""
    game = replace(T4, success=(0.02, 0.8))

    def never(belief: Belief) -> Any:
        return np.zeros(np.shape(belief.mean))

    for tasks in (1, 4):
        cost = reputation(game, UNIFORM, tasks, never, escalating=never).cost
        assert cost == pytest.approx(np.arange(tasks + 1) * game.cost_of_pass[0], rel=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: reputation(T4, UNIFORM, 0, user(T4)), "tasks"),
        (
            lambda: reputation(T4, UNIFORM, 3, lambda b: np.full(b.mean.shape, 0.5), "task"),
            "leaving must be 0 or 1",
        ),
        (lambda: reputation_discounted(T4, UNIFORM, 1.0, user(T4)), "discount"),
        (lambda: reputation_discounted(T4, UNIFORM, 0.5, user(T4), draws=0), "draws"),
        (lambda: reputation(T4, UNIFORM, 3, user(T4), routes=(2,)), "routes"),
        (lambda: reputation(T4, UNIFORM, 3, user(T4), escalating=lambda b: 2.0), "escalating"),
        (lambda: reputation(T4, UNIFORM, 3, lambda b: 2.0), "leaving"),
        (
            lambda: reputation(
                T4, UNIFORM, 3, user(T4), escalating=lambda b: 1, starting=lambda b: 0.3
            ),
            "starting",
        ),
        (lambda: memoryless_discounted(T4, UNIFORM, 0.5, user(T4), np.full(3, 2.0)), "chances"),
        (lambda: memoryless_discounted(T4, UNIFORM, 0.5, user(T4), np.asarray(0.2)), "chances"),
        (lambda: memoryless_discounted(T4, UNIFORM, 0.5, user(T4), np.zeros(0)), "chances"),
        (lambda: memoryless_discounted(T4, UNIFORM, 0.5, user(T4), np.zeros((1, 2))), "chances"),
        (lambda: reputation(T4, UNIFORM, 2, user(T4), reach=-1), "reach must be a whole number"),
        (lambda: reputation(T4, UNIFORM, 2.5, user(T4)), "tasks must be a whole number"),
        (lambda: reputation_discounted(T4, UNIFORM, 0.5, user(T4), draws=1.5), "draws must be a"),
        (
            lambda: reputation_discounted(
                sample_games(2, np.random.default_rng(0)), UNIFORM, 0.5, user(T4)
            ),
            "single",
        ),
    ],
)
def test_bad_arguments_are_named(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_a_user_who_expects_nothing_is_served_with_m2_in_every_task() -> None:
    """It leaves at M1's first failure and so learns nothing: each task is the cheaper of two."""
    game = GAMES["t4-cascade"]
    plan = reputation(game, Belief(0.01, 100.0), 4, user(game))
    assert plan.cost == pytest.approx(0.75 * np.arange(5), rel=1e-12)
    assert plan.reasoning[:, 0, 0].all()


@pytest.mark.parametrize("discount", [0.5, 0.9, 0.95])
def test_a_user_who_mostly_leaves_still_learns_in_the_end(discount: float) -> None:
    """Fractional q, near 1: the plain recursion over all beliefs, from 400 draws down.

    A provider that escalates every second time, seen as a plan and as one that sees its task only.
    """
    game = Game(1.4, 1.4, (0.25, 0.85), (0.2, 1.35), (0.35, 0.35), ordered=False)
    (p1, _), (k1, _), price, c1 = game.success, game.failure, game.penalty, game.cost[0]
    after_2 = game.leaving_cost[1]  # xi2 < 0

    def leaving(belief: Belief) -> Any:
        return 1 / (1 + np.exp(12 * (np.asarray(belief.mean) - 0.74)))

    task, run = np.zeros((2, 402))
    for n in range(400, -1, -1):
        e = np.arange(n + 1)
        q = leaving(Belief(2.0 + e, 0.5 + n - e))
        on = (after_2 + discount * task[1 : n + 2] + run[: n + 1]) / 2
        pass_cost, again = c1 + k1 * (q * price + (1 - q) * on), discount * (p1 + k1 * q)
        # a task that ends begins anew, with this belief
        task = run = np.append(pass_cost / (1 - again), 0.0)
    expected = pytest.approx((1 - discount) * task[0], rel=1e-9)
    prior = Belief(2.0, 0.5)
    plan = reputation_discounted(game, prior, discount, leaving, escalating=lambda belief: 0.5)
    assert plan.cost == expected
    chances = np.append(0.0, np.full(60, 0.5))
    assert memoryless_discounted(game, prior, discount, leaving, chances) == expected
