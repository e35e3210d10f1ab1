"""Throttling and participation, each against its definition."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from games import boundary_games, from_reference, reference_games
from routing_game.theory import (
    GAMES,
    Game,
    best_response,
    participation,
    payoffs,
    sample_games,
    solve,
    thresholds,
    throttle,
)
from routing_game.theory.welfare import forced_throttling, throttling_gain


@pytest.mark.parametrize("row", reference_games(), ids=lambda row: row["name"])
def test_throttling_reference(row: dict) -> None:
    result = throttle(from_reference(row))
    assert result.cost == pytest.approx(row["throttle"]["J_thr_opt"], rel=1e-9)
    assert result.gain == pytest.approx(row["throttle"]["gain_opt"], abs=1e-9)


def test_throttling_by_trying_latencies() -> None:
    """No latencies above the game's own are cheaper; those named are as cheap as stated."""
    rng = np.random.default_rng(33)
    for games in (sample_games(150, rng), boundary_games(150, rng)):
        best, lifted = throttle(games), dataclasses.replace(games, ordered=False)
        (t1, t2), (p1, p2), value = games.latency, games.success, games.value
        top1, top2 = np.maximum(1.2 * value * p1, 1.2 * t1), np.maximum(1.2 * value * p2, 1.2 * t2)
        a, b = np.linspace(0, 1, 9)[:, None, None], np.linspace(0, 1, 9)[:, None]
        slow = dataclasses.replace(lifted, latency=(t1 + a * (top1 - t1), t2 + b * (top2 - t2)))
        assert (solve(slow).cost >= best.cost - 1e-9).all()
        named = dataclasses.replace(lifted, latency=(t1, np.where(best.gain > 0, best.latency, t2)))
        np.testing.assert_allclose(solve(named).cost, best.cost, rtol=1e-9)


@pytest.mark.parametrize("row", reference_games(), ids=lambda row: row["name"])
def test_reference_throttling_of_one_model_and_of_both(row: dict) -> None:
    """The reference searched open ranges of latency: it lies above the infimum, by about 1e-8."""
    expected = [row["throttle"][name] for name in ("J_thr1", "J_thr2", "J_thr12")]
    assert forced_throttling(from_reference(row)) == pytest.approx(expected, rel=1e-8)


def test_forced_throttling_is_the_infimum_over_latencies() -> None:
    """Latencies from just above V p on: none is cheaper than the infimum, and it is approached."""
    rng = np.random.default_rng(35)
    for games in (sample_games(400, rng), boundary_games(400, rng)):
        infimum, own = forced_throttling(games), games.latency
        further = games.value * np.concatenate([[0], np.geomspace(1e-6, 2, 40)])[:, None]
        slow1, slow2 = (
            np.maximum(t, games.value * p * (1 + 1e-9)) + further
            for t, p in zip(own, games.success, strict=True)
        )
        levels = {"first": (slow1, own[1]), "second": (own[0], slow2), "both": (slow1, slow2)}
        for name, latency in levels.items():
            cost = (solve(games).cost - throttling_gain(games, latency)).min(axis=0)
            assert (cost >= getattr(infimum, name) - 1e-12).all()
            np.testing.assert_allclose(cost, getattr(infimum, name), rtol=1e-6)


def test_forced_throttling_with_p1_above_p2_knows_the_mixed_reply() -> None:
    """Slowing M2 alone, by a grid of latencies, in games where provoking a mixed reply is best."""
    rng, n = np.random.default_rng(36), 15_000
    p = np.sort(rng.uniform(0.02, 0.98, (2, n)), axis=0)[::-1]
    games = Game(
        rng.uniform(0.1, 3, n),
        rng.uniform(0.05, 4, n),
        tuple(p),
        tuple(rng.uniform(0, 1, (2, n))),
        tuple(rng.uniform(-0.5, 1, (2, n))),
        ordered=False,
    )
    games = games[np.flatnonzero(games.net_value[0] > 0)]
    mixed = np.flatnonzero(solve(games).rule == "interior")
    games = games[np.concatenate([mixed, np.arange(100)])]
    assert mixed.size > 10
    (t1, t2), floor = games.latency, games.value * games.success[1] * (1 + 1e-9)
    further = games.value * np.concatenate([[0], np.geomspace(1e-6, 2, 15)])[:, None]
    slow = np.maximum(t2, floor) + further
    cost = (solve(games).cost - throttling_gain(games, (t1, slow))).min(axis=0)
    infimum = forced_throttling(games).second
    assert (cost >= infimum - 1e-9).all()
    np.testing.assert_allclose(cost, infimum, rtol=1e-6, atol=1e-9)
    own = games.net_value[1] < 0  # it is slow enough as it is
    assert (infimum[own] <= solve(games).cost[own] + 1e-12).all()


def test_a_task_that_is_just_worth_starting_is_started() -> None:
    """Twentieths with U1(1, 0) = 0 exactly: rounding doesn't make the user decline."""
    p1, p2, t1, t2 = (k.ravel() + 1 for k in np.indices((19, 19, 30, 30)))
    edge = (p1 - t1) * p2 + (20 - p1) * (p2 - t2) == 0  # 20 p2 U1(1, 0), in whole numbers, V = 1
    found = np.flatnonzero((p1 < p2) & (t1 < t2) & (p1 < t1) & (p2 > t2) & edge)
    p1, p2, t1, t2 = (x[found] / 20 for x in (p1, p2, t1, t2))
    answer = participation(Game(1.0, 1.0, (p1, p2), (t1, t2), (0.1, 10.0)))
    assert found.size > 10
    assert (answer.threshold == 1).all()
    # each failure of M1 then costs as much as starting with M2, and some passes of M1 do not fail
    assert (answer.route == 1).all()
    assert (answer.cascade == 1).all()


def test_throttling_at_any_level() -> None:
    game = GAMES["value-strong"]
    assert throttling_gain(game, game.latency) == 0
    gain = throttling_gain(
        dataclasses.replace(game, penalty=0.55), (0.1, np.array([0.3, 1.599, 1.601, 5.0]))
    )
    assert gain == pytest.approx(
        [0, 0, 0.625 - 0.61, 0.625 - 0.61]
    )  # nothing until M2 is not worth its time
    assert throttling_gain(game, (2.0, 2.0)) == pytest.approx(0.625 - 0.7)  # it can cost, too
    with pytest.raises(ValueError, match="latency of model 2 lies below"):
        throttling_gain(game, (0.1, 0.2))


def test_the_throttling_gain_has_its_kink_at_d() -> None:
    """Convex, piecewise linear in P: (2, .4, .8, .3, .5, .35, .6, P) has a kink at .625."""
    penalty = np.linspace(0.3, 0.74, 89)
    gain = throttle(Game(2, penalty, (0.4, 0.8), (0.3, 0.5), (0.35, 0.6))).gain
    second = np.diff(gain, 2)
    assert (second >= -1e-12).all()
    assert penalty[1 + int(np.argmax(second))] == pytest.approx(0.625, abs=1e-9)
    assert (second > 1e-9).sum() <= 2


def test_participation_by_grid() -> None:
    rng = np.random.default_rng(34)
    for games in (sample_games(3_000, rng), boundary_games(3_000, rng)):
        answer = participation(games)
        best = np.full(games.shape, np.inf)
        s0, s_low, s_high = thresholds(games)
        points = [np.full(games.shape, s) for s in np.linspace(0, 1, 401)]
        points += [
            np.where(np.isnan(s), 0, np.clip(s, 0, 1))
            for s in (s0, s_low, s_high, answer.threshold)
        ]
        for route in (1, 2):
            for s in points if route == 1 else points[:1]:
                reply = best_response(games, route, s)
                result = payoffs(games, route, s, reply.strong)
                best = np.minimum(best, np.where(result.utility >= -1e-12, result.cost, np.inf))
        accepted = answer.route > 0
        np.testing.assert_array_equal(accepted, np.isfinite(best))
        gap = (
            best[accepted] / answer.cost[accepted] - 1
        )  # a mixed reply is optimal between grid points
        assert gap.min() > -1e-9
        assert np.quantile(gap, 0.999) < 1e-9


def test_the_right_to_decline_moves_the_cascade_from_s0_to_s_ir() -> None:
    game = GAMES["t4-cascade"]
    answer = participation(game)
    assert solve(game).utility == pytest.approx(game.net_value[0])
    assert thresholds(game).s0 < answer.threshold == answer.cascade
    assert payoffs(game, 1, answer.cascade, 0.0).utility == pytest.approx(0, abs=1e-12)
