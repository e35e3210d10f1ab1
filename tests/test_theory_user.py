"""The user's best response: judged by the chain on grids, in every regime, at every boundary."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from games import boundary_games, interesting_cascades
from routing_game.theory import (
    GAMES,
    Game,
    best_response,
    payoffs,
    sample_games,
    thresholds,
    user_regret,
)
from routing_game.theory.certify import best_response_gap, values
from routing_game.theory.user import snapped

N = 100_000


def assert_no_q_is_better(games: Game, route: int, s: np.ndarray, points: int) -> None:
    reply = best_response(games, route, s)
    for q in {
        "low": reply.low,
        "high": reply.high,
        "strong": reply.strong,
        "weak": reply.weak,
    }.values():
        assert best_response_gap(games, route, s, q, points).max() < 1e-11


@pytest.mark.parametrize("points", [301, pytest.param(2001, marks=pytest.mark.slow)])
def test_no_q_on_a_grid_beats_the_best_response_in_1e5_games(points: int) -> None:
    rng = np.random.default_rng(11)
    games, s = sample_games(N, rng), rng.random(N)
    utility = payoffs(games, 1, s, best_response(games, 1, s).low).utility
    best = np.full(N, -np.inf)
    for q in np.linspace(0, 1, points):
        best = np.maximum(best, values(games, 1, s, q)[0])
    assert ((best - utility) / (np.abs(utility) + games.value)).max() < 1e-11


@pytest.mark.parametrize("route", [1, 2])
def test_nor_on_the_boundaries_and_at_the_thresholds(route: int) -> None:
    rng = np.random.default_rng(12)
    for games in (sample_games(2_000, rng), boundary_games(4_000, rng)):
        for s in interesting_cascades(games, rng):
            assert_no_q_is_better(games, route, s, 21)


def test_connected_ties_are_flat_and_disconnected_ones_are_not() -> None:
    rng = np.random.default_rng(13)
    games = boundary_games(20_000, rng)
    for s in interesting_cascades(games, rng):
        reply = best_response(games, 1, s)
        tie = reply.low < reply.high
        ends = payoffs(games, 1, s, reply.low).utility
        middle = payoffs(games, 1, s, (reply.low + reply.high) / 2).utility
        flat, split = tie & reply.connected, tie & ~reply.connected
        np.testing.assert_allclose(middle[flat], ends[flat], atol=1e-9)
        assert (middle[split] < ends[split]).all()


def test_strong_and_weak_pick_the_ends_of_the_provider_s_taste() -> None:
    rng = np.random.default_rng(14)
    games = boundary_games(4_000, rng)
    for route in (1, 2):
        for s in interesting_cascades(games, rng):
            reply = best_response(games, route, s)
            strong, weak = (payoffs(games, route, s, q).cost for q in (reply.strong, reply.weak))
            for share in np.linspace(0, 1, 21):
                q = reply.low + share * (reply.high - reply.low)
                allowed = reply.connected | (share == 0) | (share == 1)
                cost = np.where(allowed, payoffs(games, route, s, q).cost, strong)
                assert (strong <= cost + 1e-10 * np.abs(cost)).all()
                assert (np.where(allowed, weak >= cost - 1e-10 * np.abs(cost), True)).all()


def test_at_s0_exactly_two_replies_tie() -> None:
    game = GAMES["t4-cascade"]
    s0 = thresholds(game).s0
    reply = best_response(game, 1, s0)
    assert (reply.low, reply.high, reply.connected, reply.strong, reply.weak) == (0, 1, False, 0, 1)
    for s in (np.nextafter(s0, 0), 4 / 19, np.nextafter(s0, 1)):  # up to rounding they are s0
        assert best_response(game, 1, s) == reply
    assert best_response(game, 1, s0 - 1e-14).low == 1
    assert best_response(game, 1, s0 + 1e-14).high == 0


def exact_thresholds(
    value: Fraction, success: list[Fraction], latency: list[Fraction]
) -> list[Fraction]:
    """s0, or s_L and s_H, of the game in exact arithmetic (s_L to forty digits)."""
    p2, (k1, k2) = success[1], [1 - p for p in success]
    x1, x2 = (value * p - t for p, t in zip(success, latency, strict=True))
    if x1 <= 0 <= x2 and (x1 or x2):  # x1 (1-s) + x2 s / p2 = 0
        return [-x1 / (x2 / p2 - x1)]
    if not (x1 > 0 > x2):
        return []
    # F(s, 0) = x1 p2^2 (1-s) + x2 s (1 - k1 k2 (1-s)) = c + b s + a s^2;
    # its one positive root is s_L
    a, b, c = k1 * k2 * x2, x2 * (1 - k1 * k2) - x1 * p2**2, x1 * p2**2
    root = Fraction(math.isqrt(int((b * b - 4 * a * c) * 10**80)), 10**40)
    return [(-b - root) / (2 * a), x1 / (x1 - x2)]


def test_decimal_games_meet_the_threshold_they_mean() -> None:
    """In twentieths: an exact threshold, rounded to a double, is the threshold."""
    rng = np.random.default_rng(17)
    met = {"s0": 0, "s_high": 0, "s_low": 0}
    for _ in range(4_000):
        value, *pairs = rng.integers(1, 61), rng.integers(1, 20, 2), rng.integers(1, 41, 2)
        success, latency = ([Fraction(int(x), 20) for x in np.sort(pair)] for pair in pairs)
        if success[0] == success[1] or latency[0] == latency[1]:
            continue
        marks = exact_thresholds(Fraction(int(value), 20), success, latency)
        game = Game(
            value / 20, 1e3, tuple(map(float, success)), tuple(map(float, latency)), (0.1, 0.2)
        )
        names = ["s0"] if np.isfinite(thresholds(game).s0) else ["s_low", "s_high"]
        for name, exact in zip(names if marks else [], marks, strict=True):
            s = snapped(game, float(exact))
            met[name] += 1
            assert s == getattr(thresholds(game), name) == pytest.approx(float(exact), rel=1e-12)
            reply = best_response(game, 1, float(exact))
            assert (reply.low, reply.high) == {"s0": (0, 1), "s_high": (1, 1), "s_low": (0, 0)}[
                name
            ]
            for beyond in (float(exact) * (1 - 1e-9), float(exact) * (1 + 1e-9)):
                assert snapped(game, min(beyond, 1.0)) == min(beyond, 1.0)
    assert min(met.values()) > 20


def test_the_ramp_rises_strictly_from_s_low_to_s_high() -> None:
    rng = np.random.default_rng(15)
    games = sample_games(5_000, rng, "+-")
    _, low, high = thresholds(games)
    assert (low < high).all()
    s = low + (high - low) * np.linspace(0, 1, 101)[:, None]
    s[-1] = high
    q = best_response(games, 1, s).low
    assert (q[0] == 0).all()
    assert (q[-1] == 1).all()
    assert (
        np.diff(q, axis=0) > 0
    ).mean() > 0.999  # strict but where neighbouring s round to the same q
    assert (np.diff(q, axis=0) >= -1e-12).all()


def test_q_dagger_is_accurate_at_both_ends_of_the_ramp() -> None:
    """Next to s_L and s_H the root cancels unless it is computed from the right end."""

    game = GAMES["t5-cascade"]
    (p1, p2), (t1, t2) = ((Fraction(str(x)) for x in pair) for pair in (game.success, game.latency))
    xi1, xi2, k1, k2 = p1 - t1, p2 - t2, 1 - p1, 1 - p2
    _, low, high = thresholds(game)
    for s in (low + 1e-9, low + 1e-6, high - 1e-6, high - 1e-9):
        q, exact_s = Fraction(float(best_response(game, 1, s).low)), Fraction(float(s))

        def slope(q: Fraction, s: Fraction = exact_s) -> Fraction:
            return xi1 * (1 - s) * (p2 + k2 * q) ** 2 + xi2 * s * (
                1 - k1 * k2 * (1 - s) * (1 - q) ** 2
            )

        step = Fraction(1, 10**6) * min(
            q, 1 - q
        )  # correct to 6 digits of the distance to the nearer end
        assert slope(q - step) < 0 < slope(q + step)


def test_regret_is_zero_exactly_at_best_responses() -> None:
    game, s = GAMES["t5-cascade"], np.linspace(0, 1, 101)
    best = best_response(game, 1, s).low
    assert np.abs(user_regret(game, 1, s, best)).max() == 0
    away = user_regret(game, 1, s, np.clip(best + 0.1, 0, 1))
    assert (away[best < 0.9] > 0).all()


def test_regret_is_signed_and_small_regrets_are_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """U(q*) - U(q) by exact fractions, near the optimum, where utilities agree to many digits."""
    game = GAMES["t5-cascade"]
    (xi1, xi2), (p1, p2) = (tuple(map(Fraction, pair)) for pair in (game.net_value, game.success))

    def utility(s: float, q: float) -> Fraction:
        s, q = Fraction(s), Fraction(q)
        n1 = 1 / (1 - (1 - p1) * (1 - q) * (1 - s))
        return n1 * (xi1 + (1 - p1) * (1 - q) * s * xi2 / (1 - (1 - p2) * (1 - q)))

    for s in (0.2, 0.4, 0.45, 0.9):
        best = best_response(game, 1, s).low
        for q in (best, abs(best - 1e-5), abs(best - 1e-3), 0.5, 0.0, 1.0):
            exact = float(utility(s, best) - utility(s, q))
            assert user_regret(game, 1, s, q) == pytest.approx(exact, rel=1e-9, abs=1e-16)
    # a reply that is not the best shows: nothing turns a negative regret into a positive one
    monkeypatch.setattr("routing_game.theory.single.Single.maximiser", lambda *_: (0.9, 0.9, True))
    assert user_regret(game, 1, 0.2, 0.0) == pytest.approx(
        float(utility(0.2, 0.9) - utility(0.2, 0))
    )
    assert user_regret(game, 1, 0.2, 0.0) < 0


def test_snapping_moves_what_rounding_explains_and_nothing_else() -> None:
    rng = np.random.default_rng(18)
    games, s = sample_games(N, rng), rng.random(N)
    np.testing.assert_array_equal(snapped(games, s), s)
    for mark in thresholds(games):
        has = np.isfinite(mark)
        s = np.where(has, mark, 0.5)
        for step in (1 - 1e-8, 1 + 1e-8):
            np.testing.assert_array_equal(
                snapped(games, np.minimum(s * step, 1)), np.minimum(s * step, 1)
            )
        for near in (np.nextafter(s, 0), np.nextafter(s, 1)):
            np.testing.assert_array_equal(snapped(games, near)[has], mark[has])


def test_single_games_answer_as_arrays_do() -> None:
    """Numbers go other ways through numpy; P = d makes eta1 = eta2, a division by zero there."""
    rng = np.random.default_rng(16)
    games = boundary_games(300, rng)
    for route in (1, 2):
        for s in interesting_cascades(games, rng)[:4]:
            together = best_response(games, route, s)
            for k in range(0, games.shape[0], 5):
                alone = best_response(games[k], route, s[k])
                assert (alone.low, alone.high) == (together.low[k], together.high[k])
                assert (alone.strong, alone.weak) == (together.strong[k], together.weak[k])
    even = Game(1, 1, (0.25, 0.5), (0.25, 0.5), (0.25, 0.5))
    assert best_response(even, 1, 0.5).low == 0
