"""Value that fades from task to task: thresholds, lagging providers, sessions by recursion."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from routing_game.theory import (
    GAMES,
    Game,
    best_response,
    faded,
    lag_cost,
    load,
    patience,
    sample_games,
    solve,
    solve_session,
    solve_subscription,
    thresholds,
)
from routing_game.theory.certify import values


def test_each_task_of_a_fading_session_is_the_game_at_its_value() -> None:
    games = sample_games(50, np.random.default_rng(0))
    fade = np.linspace(0.5, 1, 50)
    session = faded(games, fade, 6)
    assert session.shape == (50, 6)
    for k in (0, 20, 49):
        for n in range(6):
            same = dataclasses.replace(games[k], value=games[k].value * fade[k] ** n)
            assert session[k, n].net_value == pytest.approx(same.net_value, abs=1e-12)
            assert solve(session).cost[k, n] == pytest.approx(solve(same).cost, rel=1e-12)
    single = faded(GAMES["t4-cascade"], 0.9, 3)
    assert single.value.tolist() == pytest.approx([1, 0.9, 0.81])


def test_patience_counts_the_tasks_worth_a_pass() -> None:
    rng = np.random.default_rng(1)
    games, fade = sample_games(2_000, rng), rng.uniform(0.7, 0.99, 2_000)
    session = faded(games, fade, 400)
    for counted, xi in zip(patience(games, fade), session.net_value, strict=True):
        worth_it = xi >= 0
        full = ~worth_it[:, -1]  # the count ends before the session does
        assert full.mean() > 0.9
        np.testing.assert_array_equal(counted[full], worth_it.sum(axis=1)[full])


def test_patience_at_its_edges() -> None:
    exact = Game(8, 1, (0.125, 0.5), (0.25, 1.0), (0.1, 0.2))  # V p = 1, 4: halved twice each
    assert patience(exact, 0.5) == (3.0, 3.0)
    decimal = Game(0.7, 1, (0.1, 0.2), (0.07, 0.15), (0.1, 0.2))  # V p1 = t1 but for rounding
    assert patience(decimal, 0.9) == (1.0, 0.0)
    assert patience(GAMES["value-cheap"], 1.0) == (np.inf, np.inf)
    assert patience(GAMES["t4-cascade"], 1.0) == (0.0, np.inf)
    with pytest.raises(ValueError, match=r"fade must lie in \(0, 1\], got 0"):
        patience(exact, 0.0)
    with pytest.raises(ValueError, match=r"fade must lie in \(0, 1\], got 1.2"):
        faded(exact, 1.2, 3)
    with pytest.raises(ValueError, match="tasks must be a whole number, at least 1, got 0"):
        faded(exact, 0.9, 0)


def test_thresholds_move_towards_the_provider_as_value_falls() -> None:
    games = sample_games(5_000, np.random.default_rng(2))
    s0, s_low, _ = thresholds(faded(games, 0.9, 2))
    jump, ramp = ~np.isnan(s0).any(axis=1), ~np.isnan(s_low).any(axis=1)
    assert min(jump.sum(), ramp.sum()) > 200
    assert (s0[jump, 1] > s0[jump, 0]).all()
    assert (s_low[ramp, 1] < s_low[ramp, 0]).all()


# ---- a provider that lags


def test_a_lag_costs_what_playing_old_commitments_costs() -> None:
    """By hand: the commitment of the task before, the reply of the user as it is now, the chain."""
    for name in ("t4-cascade", "t5-cascade", "grok-3-mini-gpt-5"):
        session, lost = faded(load(name), 0.93, 8), lag_cost(faded(load(name), 0.93, 8))
        assert lost[0] == pytest.approx(0, abs=1e-12)
        for n in range(1, 8):
            before, now = solve(session[n - 1]), session[n]
            s = before.cascade[0]
            reply = best_response(now, before.route, s).strong
            cost = values(now, before.route, s, reply)[1]
            assert lost[n] == pytest.approx(cost - solve(now).cost, abs=1e-9)


def test_a_provider_that_lags_falls_off_the_cliff_in_every_task_and_a_margin_holds_it() -> None:
    for name, cost in (("t4-cascade", 0.5), ("t5-cascade", 0.4)):
        session = faded(GAMES[name], 0.97, 8)
        assert set(solve(session).rule) == {solve(GAMES[name]).rule}
        assert (lag_cost(session)[1:] > cost).all()
        with_margin = lag_cost(session, margin=0.25)
        assert (with_margin < 0.05).all()
        assert (with_margin > 0).all()
        assert (lag_cost(session, lag=0) < 1e-14).all()


def test_without_cascades_a_lag_hardly_matters() -> None:
    """Something is lost only in a task in which another rule has become optimal."""
    session = faded(sample_games(3_000, np.random.default_rng(5)), 0.93, 20)
    rules, lost = solve(session).rule, lag_cost(session) > 1e-12
    static = ~np.isin(rules, ("s0", "s_L")).any(axis=1)
    changed = rules[static, 1:] != rules[static, :-1]
    assert not (lost[static, 1:] & ~changed).any()
    assert 0 < lost[static].sum() < 0.05 * lost[static].size
    cascading = np.isin(rules[:, 1:], ("s0", "s_L")) & (rules[:, 1:] == rules[:, :-1])
    assert lost[:, 1:][cascading].all()


def test_lags_out_of_range_are_refused() -> None:
    session = faded(GAMES["t4-cascade"], 0.9, 3)
    with pytest.raises(ValueError, match="axis of tasks"):
        lag_cost(GAMES["t4-cascade"])
    with pytest.raises(ValueError, match="lag must be a whole number, at least 0"):
        lag_cost(session, -1)
    with pytest.raises(ValueError, match="margin must lie in"):
        lag_cost(session, margin=2.0)


# ---- revenue at stake


def every_way(game: Game) -> list[tuple[Any, Any]]:
    """(C, A) of many commitments and the user's replies to them, from the chain's equations."""
    ways = []
    one, two = (dataclasses.replace(game, penalty=p) for p in (1.0, 2.0))
    edges = [s for s in thresholds(game) if np.isfinite(s)]
    for route, s in [(2, 0.0), *((1, s) for s in [*np.linspace(0, 1, 41), *edges])]:
        reply = best_response(game, route, s)
        for q in {reply.low, reply.high}:
            with_one = values(one, route, s, q)[1]
            lost = values(two, route, s, q)[1] - with_one
            ways.append((with_one - lost, lost))
    return ways


@pytest.mark.parametrize("name", ["t4-cascade", "t5-cascade", "value-strong", "t4-leave-cheap"])
def test_a_session_is_solved_by_recursion_over_all_commitments(name: str) -> None:
    session, (revenue, cancel, discount) = faded(GAMES[name], 0.93, 9), (0.8, 0.4, 0.95)
    plan = solve_session(session, revenue, cancel, discount)
    to_come = 0.0
    for n in reversed(range(9)):
        assert plan.penalty[n] == pytest.approx(discount * cancel * to_come, rel=1e-9, abs=1e-15)
        again = [(cost, discount * (1 - cancel * lost)) for cost, lost in every_way(session[n])]
        to_come = max(revenue - cost + weight * to_come for cost, weight in again)
        assert plan.value_to_come[n] == pytest.approx(to_come, rel=1e-9)
    assert plan.lifetime_value == plan.value_to_come[0]


def test_a_long_session_without_fading_is_a_subscription() -> None:
    rng = np.random.default_rng(3)
    games = sample_games(40, rng)
    revenue, cancel = rng.uniform(0.2, 3, 40), rng.random(40)
    session = solve_session(faded(games, 1.0, 400), revenue, cancel, 0.9)
    plan = solve_subscription(games, revenue, cancel, 0.9)
    np.testing.assert_allclose(session.lifetime_value, plan.lifetime_value, rtol=1e-9)
    np.testing.assert_allclose(session.penalty[:, 0], plan.penalty, rtol=1e-9)
    np.testing.assert_allclose(session.lifetime, plan.lifetime, rtol=1e-9)
    np.testing.assert_array_equal(session.rule[:, 0], plan.rule)


def test_the_end_of_a_session_is_served_worse() -> None:
    """With the same value throughout: in the last task nothing is at stake."""
    plan = solve_session(faded(GAMES["t4-cascade"], 1.0, 60), 1.0, 0.3, 0.99)
    assert (np.diff(plan.penalty) < 0).all()
    assert plan.penalty[-1] == 0
    assert plan.rule[0] == "s0"
    assert plan.rule[-1] == "leave-1"


def test_played_sessions_are_worth_it() -> None:
    game, (revenue, cancel, discount), users = GAMES["t4-cascade"], (0.7, 0.6, 0.97), 60_000
    session = faded(game, 0.96, 12)
    plan, rng = solve_session(session, revenue, cancel, discount), np.random.default_rng(4)
    assert {"s0", "leave-1"} <= set(plan.rule)
    margin, tasks, here = np.zeros(users), np.zeros(users), np.ones(users, dtype=bool)
    for n in range(12):
        tasks += here
        margin += revenue * here
        running, model, left = here.copy(), np.full(users, plan.offer.route[n]), ~here
        while running.any():
            p, c = (np.choose(model - 1, pair) for pair in (game.success, game.cost))
            margin -= c * running
            failed = running & (rng.random(users) >= p)
            left |= failed & (rng.random(users) < plan.offer.abandon[n])
            running = failed & ~left
            model = np.where(running & (rng.random(users) < plan.offer.cascade[n]), 2, model)
        here &= ~(left & (rng.random(users) < cancel)) & (rng.random(users) < discount)
    for sample, expected in ((margin, plan.lifetime_value), (tasks, plan.lifetime)):
        assert sample.mean() == pytest.approx(expected, abs=4 * sample.std() / np.sqrt(users))


def test_sessions_broadcast_and_refuse_nonsense() -> None:
    session = faded(GAMES["t5-cascade"], 0.9, 5)
    plan = solve_session(session, np.array([0.5, 1.0, 2.0]), 0.3, 0.9)
    assert plan.penalty.shape == plan.rule.shape == plan.present.shape == (3, 5)
    alone = solve_session(session, 1.0, 0.3, 0.9)
    np.testing.assert_allclose(plan.value_to_come[1], alone.value_to_come, rtol=1e-12)
    assert isinstance(alone.lifetime_value, float)
    with pytest.raises(ValueError, match="axis of tasks"):
        solve_session(GAMES["t5-cascade"], 1.0, 0.3, 0.9)
    wrong = {"revenue": (-1, 0.3, 0.9), "cancel": (1, 2, 0.9), "discount": (1, 0, 2)}
    for name, terms in wrong.items():
        with pytest.raises(ValueError, match=f"{name} must"):
            solve_session(session, *terms)
