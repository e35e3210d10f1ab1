"""Beliefs about p1, p2 and s at once: series and samples for E U, grids and dynamic programs."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

from routing_game.theory import (
    GAMES,
    Doubt,
    Game,
    best_response,
    failures_endured,
    payoffs,
    plug_in_loss,
    sample_games,
)
from routing_game.theory.belief import Belief, expected_payoffs
from routing_game.theory.belief_success import (
    doubted_reply,
    doubted_utility,
    losses,
    plug_in_reply,
    plugged_in,
)

DOUBTS = [
    Doubt((1, 1), (2, 1), (1, 1)),
    Doubt((2, 3), (4, 1.5), (1, 2)),
    Doubt((0.6, 0.9), (1.2, 3), (0.8, 0.5)),
    Doubt((30, 70), (300, 90), (7, 30)),
]


def series(game: Game, doubt: Doubt, route: int, q: float) -> float:
    """E U term by term: E[k^n] and E[(1-s)^n] of Beta distributions, summed as hypergeometrics."""
    x, (t1, t2) = mpmath.mpf(1) - q, game.latency
    (a1, b1), (a2, b2), (a, b) = doubt

    def passes(a1: float, b1: float, a: float, b: float) -> Any:
        """E[1 / (1 - x k1 (1-s))]."""
        return mpmath.hyper([1, b1, b], [a1 + b1, a + b], x)

    m1, m2, m = (mpmath.mpf(first) / (first + second) for first, second in doubt)
    waits = mpmath.hyper([1, b2], [a2 + b2], x)
    second = game.value * m2 * mpmath.hyper([1, b2], [a2 + 1 + b2], x) - t2 * waits
    if route == 2:
        return float(second)
    first = game.value * m1 * passes(a1 + 1, b1, a, b) - t1 * passes(a1, b1, a, b)
    escalated = (1 - m1) * m * passes(a1, b1 + 1, a + 1, b)
    return float(first + x * escalated * second)


@pytest.mark.parametrize("doubt", DOUBTS)
@pytest.mark.parametrize("route", [1, 2])
def test_expected_utility_is_its_series(route: int, doubt: Doubt) -> None:
    game = Game(1.3, 1, (0.3, 0.8), (0.4, 0.5), (0.15, 0.6))
    for q in (0.02, 0.3, 0.75, 1.0):
        expected = series(game, doubt, route, q)
        assert doubted_utility(game, doubt, route, q) == pytest.approx(expected, rel=0, abs=1e-10)


def test_expected_utility_by_sampling_the_beliefs() -> None:
    rng, n = np.random.default_rng(0), 400_000
    game, doubt = GAMES["t5-cascade"], Doubt((2, 3), (4, 1.5), (1, 2))
    p1, p2, s = (rng.beta(*counts, n) for counts in doubt)
    drawn = Game(game.value, 1.0, (p1, p2), game.latency, game.cost, ordered=False)
    for route in (1, 2):
        for q in (0.0, 0.2, 0.9):
            utility = payoffs(drawn, route, s, q).utility
            error = 4 * utility.std() / np.sqrt(n)
            expected = pytest.approx(utility.mean(), abs=error)
            assert doubted_utility(game, doubt, route, q) == expected


def test_with_p_known_it_is_the_belief_about_s_alone() -> None:
    game, q = GAMES["t4-cascade"], np.linspace(0, 1, 7)
    sure = Doubt((0.3e9, 0.7e9), (0.8e9, 0.2e9), (2, 3))
    expected = expected_payoffs(game, Belief(2, 3), q).utility
    np.testing.assert_allclose(doubted_utility(game, sure, 1, q), expected, rtol=0, atol=1e-7)


def test_waiting_for_an_unknown_model_has_no_end() -> None:
    """E[1/p] is (a + b - 1) / (a - 1), and infinite for a <= 1; so is that of M1 if s may be 0."""
    game = GAMES["value-cheap"]
    assert doubted_utility(game, Doubt(reasoning=(1, 1)), 2, 0.0) == -np.inf
    by_hand = 2 - 0.3 * (3 + 2 - 1) / (3 - 1)
    assert doubted_utility(game, Doubt(reasoning=(3, 2)), 2, 0.0) == pytest.approx(by_hand)
    assert doubted_utility(game, Doubt((0.5, 1), (3, 2), (0.5, 1)), 1, 0.0) == -np.inf
    assert np.isfinite(doubted_utility(game, Doubt((1, 1), (3, 2), (0.5, 1)), 1, 0.0))
    falling = doubted_utility(game, Doubt(), 2, np.geomspace(1e-2, 1e-9, 8))
    assert (np.diff(falling) < 0).all()  # without bound, as log q
    free = Game(2, 1, (0.5, 0.8), (0.0, 0.3), (0.1, 0.2))
    assert np.isfinite(doubted_utility(free, Doubt((0.5, 1), (3, 2), (0.5, 1)), 1, 0.0))


# ---- replies


@pytest.mark.parametrize("route", [1, 2])
def test_the_best_reply_is_best_on_a_grid(route: int) -> None:
    rng = np.random.default_rng(1)
    games = sample_games(30, rng)
    seen = np.exp(rng.uniform(0, 4, 30))
    m = rng.random((3, 30))
    doubt = Doubt(*((1 + seen * x, 1 + seen * (1 - x)) for x in m))
    q, worth = doubted_reply(games, doubt, route)
    np.testing.assert_allclose(doubted_utility(games, doubt, route, q), worth, rtol=0, atol=1e-10)
    for other in np.concatenate([np.linspace(0, 1, 41), np.geomspace(1e-5, 1e-2, 10)]):
        assert (doubted_utility(games, doubt, route, other) <= worth + 1e-7).all()


def test_the_plug_in_user_answers_the_game_of_the_means() -> None:
    doubt = Doubt((1, 3), (6, 2), (1, 4))
    game = GAMES["t4-cascade"]
    means = plugged_in(game, doubt)
    assert means.success == (0.25, 0.75)
    assert (means.value, means.latency) == (game.value, game.latency)
    assert plug_in_reply(game, doubt) == best_response(means, 1, 0.2).strong
    assert plugged_in(game, Doubt((3, 1), (1, 1))).success == (0.75, 0.5)  # any order


def test_what_is_lost_is_the_difference_and_nothing_under_certainty() -> None:
    game, doubt = GAMES["t4-cascade"], Doubt((3, 7), (8, 2), (2, 3))
    answer = plug_in_loss(game, doubt)
    grid = doubted_utility(game, doubt, 1, np.linspace(0, 1, 2_001))
    naive = doubted_utility(game, doubt, 1, answer.plug_in)
    assert answer.loss == pytest.approx(grid.max() - naive, abs=1e-6)
    assert answer.loss > 0.004
    sure = Doubt((3e6, 7e6), (8e6, 2e6), (4e6, 6e6))
    assert plug_in_loss(game, sure).loss == pytest.approx(0, abs=1e-6)
    assert plug_in_loss(GAMES["value-cheap"], Doubt()).loss == np.inf


def test_leaving_at_once_is_right_where_both_means_say_so() -> None:
    """With both means latency-dominated nothing is lost: a failure only lowers what p may be."""
    rng = np.random.default_rng(2)
    lost, value = losses("--", 1.0, 60, rng)
    assert (lost.plug_in == 1).all()
    assert (lost.loss <= 1e-9 * value).all()


def test_losses_fall_with_experience_and_most_come_from_p() -> None:
    for regime in ("++", "-+", "+-"):
        mean = {}
        for seen in (2.0, 8.0, 64.0):
            lost, value = losses(regime, seen, 40, np.random.default_rng(3))
            mean[seen] = (lost.loss / value).mean()
        assert mean[2.0] > mean[8.0] > mean[64.0]
    for hidden in ("p1 p2", "s"):
        lost, value = losses("-+", 4.0, 100, np.random.default_rng(4), hidden)
        mean[hidden] = (lost.loss / value).mean()
    assert mean["p1 p2"] > 3 * mean["s"] > 0


def test_drawn_means_fall_into_the_regime_asked_for() -> None:
    with pytest.raises(ValueError, match="regime must be"):
        losses("+", 1.0, 10, np.random.default_rng(0))
    with pytest.raises(ValueError, match="only 0 of 10 games"):
        losses("-+", 0.0, 10, np.random.default_rng(0))  # with equal means M2 is never better


# ---- deciding after each failure


def stopping(game: Game, a: float, b: float, depth: int) -> tuple[int, float]:
    """(failures after which to leave, E U) by backward induction over the number of failures."""
    worth, leave = 0.0, depth
    for m in reversed(range(depth)):  # m failures so far: make another pass?
        p = a / (a + b + m)
        go_on = game.value * p - game.latency[1] + (1 - p) * max(worth, 0.0)
        if worth <= 0 and m + 1 < depth:
            leave = m + 1
        worth = go_on
    return leave, worth


def test_plugging_in_after_each_failure_is_exactly_optimal() -> None:
    rng = np.random.default_rng(5)
    games = sample_games(300, rng)
    a, b = rng.uniform(0.3, 5, (2, 300))
    endured = failures_endured(games, (a, b))
    for k in range(300):
        if endured[k] < 400:
            assert stopping(games[k], a[k], b[k], 600)[0] == endured[k]


def test_who_decides_anew_does_better_than_who_commits() -> None:
    game, counts = GAMES["value-cheap"], (1.0, 1.0)
    _, committed = doubted_reply(game, Doubt(reasoning=counts), 2)
    endured = failures_endured(game, counts)
    _, adaptive = stopping(game, *counts, 400)
    assert endured == 5  # 2 / (2 + m) >= .3 / 2 up to m = 4
    assert adaptive > committed + 0.01
    rng = np.random.default_rng(6)
    p = rng.beta(*counts, 400_000)
    first = rng.geometric(p)
    passes, solved = np.minimum(first, 5), first <= 5
    utility = game.value * solved - game.latency[1] * passes
    error = 4 * utility.std() / np.sqrt(p.size)
    assert utility.mean() == pytest.approx(adaptive, abs=error)


def test_nonsense_is_refused() -> None:
    game = GAMES["t4-cascade"]
    with pytest.raises(ValueError, match="a count of a belief must be positive, got 0"):
        doubted_utility(game, Doubt((0, 1)), 1, 0.5)
    with pytest.raises(ValueError, match="route must be 1"):
        doubted_utility(game, Doubt(), 3, 0.5)
    with pytest.raises(ValueError, match=r"abandon must lie in \[0, 1\]"):
        doubted_utility(game, Doubt(), 1, 1.5)
    with pytest.raises(ValueError, match="a count of a belief must be positive"):
        failures_endured(game, (1.0, -1.0))


def test_games_beliefs_and_replies_broadcast() -> None:
    games = Game.stack([GAMES["t4-cascade"], GAMES["t5-cascade"]])
    doubt = Doubt((np.array([[1.0], [4.0], [9.0]]), 2), (3, 1), (1, 1))
    table = doubted_utility(games, doubt, 1, 0.3)
    assert table.shape == (3, 2)
    alone = doubted_utility(games[1], Doubt((9, 2), (3, 1), (1, 1)), 1, 0.3)
    assert table[2, 1] == pytest.approx(alone, abs=1e-10)
    assert isinstance(alone, float)
    assert plug_in_loss(games, doubt).loss.shape == (3, 2)
