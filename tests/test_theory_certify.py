"""The judge: it accepts what is right, in any units, and refuses what is wrong by a millionth."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from games import boundary_games, from_reference, reference_games
from routing_game.theory import GAMES, PAIRS, Game, sample_games, solve, thresholds
from routing_game.theory.certify import (
    ACCURACY,
    best_reply,
    best_response_gap,
    chain_visits,
    grid_cost,
    judge,
    values,
)

UNITS = [(1.0, 1.0), (1e-6, 1e6), (1e6, 1e-6)]  # of time and of money
T4, T5 = GAMES["t4-cascade"], GAMES["t5-cascade"]


def in_units(game: Game, time: float, money: float) -> Game:
    return dataclasses.replace(
        game,
        value=game.value * time,
        latency=tuple(t * time for t in game.latency),
        penalty=game.penalty * money,
        cost=tuple(c * money for c in game.cost),
    )


def assert_right(games: Game) -> None:
    eq = solve(games)
    verdict = judge(games, eq.route, eq.cascade[0], eq.abandon, eq.cost)
    assert np.all(verdict.right), [np.max(gap) for gap in verdict]


# --- what is right


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize(("time", "money"), UNITS)
def test_the_catalog_is_accepted(name: str, time: float, money: float) -> None:
    assert_right(in_units(GAMES[name], time, money))


@pytest.mark.parametrize("regime", ["++", "--", "-+", "+-"])
def test_a_thousand_games_of_each_regime_are_accepted(regime: str) -> None:
    assert_right(sample_games(1_000, np.random.default_rng(61), regime))


def test_games_on_boundaries_and_measured_pairs_are_accepted() -> None:
    assert_right(boundary_games(600, np.random.default_rng(62)))
    for pair in PAIRS.values():
        assert_right(pair.game)


@pytest.mark.parametrize("row", reference_games()[::3], ids=lambda row: row["name"])
def test_it_finds_the_cost_of_reference_games_by_itself(row: dict[str, Any]) -> None:
    assert grid_cost(from_reference(row)) == pytest.approx(row["J_strong"], rel=ACCURACY)


# --- what is wrong

WRONG = {  # a claim (i, s, q, J) from the right one of a cascade game, and the objection
    "a cost of -1000": (lambda i, s, q, J: (i, s, q, -1000.0), "cost"),
    "a cost too low by a millionth": (lambda i, s, q, J: (i, s, q, J * (1 - 1e-6)), "cost"),
    "a cost too high by a millionth": (lambda i, s, q, J: (i, s, q, J * (1 + 1e-6)), "commitment"),
    "no cost": (lambda i, s, q, J: (i, s, q, np.nan), "cost"),
    "a user who leaves now and then": (lambda i, s, q, J: (i, s, 0.3, J), "reply"),
    "a user who leaves a little": (lambda i, s, q, J: (i, s, 1e-6, J), "cost"),
    "another s at this cost": (lambda i, s, q, J: (i, s + 1e-3, q, J), "cost"),
    "the other route at this cost": (lambda i, s, q, J: (2, s, q, J), "cost"),
}


@pytest.mark.parametrize("claim", WRONG)
@pytest.mark.parametrize("game", [T4, T5], ids=["t4-cascade", "t5-cascade"])
@pytest.mark.parametrize(("time", "money"), UNITS)
def test_wrong_claims_are_refused(claim: str, game: Game, time: float, money: float) -> None:
    eq, game = solve(game), in_units(game, time, money)
    change, objection = WRONG[claim]
    *play, cost = change(eq.route, eq.cascade[0], eq.abandon, eq.cost)
    verdict = judge(game, *play, cost * money)
    assert not verdict.right
    assert not getattr(verdict, objection) <= ACCURACY


@pytest.mark.parametrize("game", [T4, T5], ids=["t4-cascade", "t5-cascade"])
@pytest.mark.parametrize(("time", "money"), UNITS)
def test_commitments_that_are_undercut_are_refused(game: Game, time: float, money: float) -> None:
    """Each with its true reply and cost: nothing but a better commitment speaks against it."""
    game, s = in_units(game, time, money), solve(game).cascade[0]
    for route, cascade in ((1, s + 1e-3), (1, s - 1e-3), (2, 0.0)):
        reply = best_reply(game, route, cascade)
        verdict = judge(game, route, cascade, reply.abandon, reply.cost)
        assert max(verdict.reply, verdict.cost) <= ACCURACY
        assert verdict.commitment > 1e-5


@pytest.mark.parametrize(("game", "step"), [(T4, -1e-11), (T5, 1e-8)], ids=["s0", "s_L"])
@pytest.mark.parametrize(("time", "money"), UNITS)
def test_just_beyond_the_cliff_the_user_does_not_stay(
    game: Game,
    step: float,
    time: float,
    money: float,
) -> None:
    game, s = in_units(game, time, money), solve(game).cascade[0] + step
    verdict = judge(game, 1, s, 0.0, values(game, 1, s, 0.0)[1])
    assert verdict.cost > ACCURACY  # not what a best reply makes of it


def test_the_provider_s_less_liked_tie_is_refused() -> None:
    s0 = solve(T4).cascade[0]
    verdict = judge(T4, 1, s0, 1.0, values(T4, 1, s0, 1.0)[1])
    assert verdict.reply <= ACCURACY
    assert verdict.cost > 0.5


@given(st.integers(0, 199), st.floats(1e-7, 1.0), st.sampled_from([-1, 1]))
@settings(max_examples=25, deadline=None)
def test_no_cost_but_the_right_one_is_accepted(k: int, share: float, sign: int) -> None:
    game = sample_games(200, np.random.default_rng(63))[k]
    eq = solve(game)
    claim = (eq.route, eq.cascade[0], eq.abandon)
    assert not judge(game, *claim, eq.cost * (1 + sign * share), grid=51).right


def test_claims_about_many_games_are_judged_one_by_one() -> None:
    games = sample_games(60, np.random.default_rng(64))
    eq, wrong = solve(games), np.arange(60) % 3 == 0
    verdict = judge(games, eq.route, eq.cascade[0], eq.abandon, eq.cost * np.where(wrong, 0.999, 1))
    np.testing.assert_array_equal(verdict.right, ~wrong)


WRONG_CLAIMS = [(3, 0.1, 0), (0, 0.1, 0), (1, 1.1, 0), (1, -0.1, 0), (1, 0.1, -1), (1, 0.1, 1.5)]


@pytest.mark.parametrize(("route", "cascade", "abandon"), WRONG_CLAIMS)
def test_what_is_no_claim_is_an_error(route: int, cascade: float, abandon: float) -> None:
    with pytest.raises(ValueError, match="must"):
        judge(T4, route, cascade, abandon, 1.0)


# --- its means


@pytest.mark.parametrize("route", [1, 2])
def test_its_payoffs_are_those_of_the_linear_system(route: int) -> None:
    rng = np.random.default_rng(65)
    games, s, q = sample_games(500, rng), rng.random(500), rng.random(500)
    n1, n2 = np.moveaxis(chain_visits(games, route, s, q), -1, 0)
    (p1, p2), (t1, t2), (c1, c2) = games.success, games.latency, games.cost
    solved = n1 * p1 + n2 * p2
    utility, cost = values(games, route, s, q)
    np.testing.assert_allclose(utility, games.value * solved - n1 * t1 - n2 * t2, atol=1e-12)
    np.testing.assert_allclose(cost, n1 * c1 + n2 * c2 + games.penalty * (1 - solved), rtol=1e-11)


@pytest.mark.parametrize("route", [1, 2])
def test_gaps_are_shares_of_the_sums_that_they_come_from(route: int) -> None:
    rng = np.random.default_rng(68)
    games, s, q = sample_games(200, rng), rng.random(200), rng.random(200)
    n1, n2 = np.moveaxis(chain_visits(games, route, s, q), -1, 0)
    (p1, p2), (t1, t2), (c1, c2) = games.success, games.latency, games.cost
    utility, _ = values(games, route, s, q)
    lost = best_reply(games, route, s).utility - utility
    gained = games.value * (n1 * p1 + n2 * p2) + n1 * t1 + n2 * t2
    np.testing.assert_allclose(best_response_gap(games, route, s, q), lost / gained, atol=1e-12)
    dear = dataclasses.replace(games, cost=(-c1, c2), ordered=False)
    verdict = judge(dear, route, s, q, -1.0, grid=11)
    away = np.abs(-1.0 - np.array([values(dear, route, s, q)[1], best_reply(dear, route, s).cost]))
    scale = n1 * c1 + n2 * c2 + games.penalty * (1 - n1 * p1 - n2 * p2)
    np.testing.assert_allclose(verdict.cost, away.max(axis=0) / scale, rtol=1e-9)
    np.testing.assert_allclose(verdict.reply, lost / gained, atol=1e-12)
    np.testing.assert_allclose(verdict.commitment, (-1.0 - grid_cost(dear, 11)) / scale, rtol=1e-9)


@pytest.mark.parametrize("route", [1, 2])
def test_its_reply_is_the_top_of_a_dense_grid(route: int) -> None:
    rng = np.random.default_rng(66)
    for games in (sample_games(300, rng), boundary_games(300, rng)):
        s = rng.random(games.shape)
        reply = best_reply(games, route, s)
        utility, cost = values(games, route, s, np.linspace(0, 1, 20_001)[:, None])
        scale = games.value * 1e-12
        assert (reply.utility >= utility.max(axis=0) - scale).all()
        assert (reply.utility <= utility.max(axis=0) + 1e-5 * games.value).all()
        tied = utility >= reply.utility - scale
        cheapest = np.where(tied, cost, np.inf).min(axis=0)  # ties reach 1e-6 to either side
        assert (reply.cost <= cheapest + 1e-4 * (cost.max(axis=0) - cost.min(axis=0))).all()


def test_between_grid_points_the_reply_is_where_the_slope_of_utility_vanishes() -> None:
    """The mixed reply is mpmath's, to the last digits, whatever the grid."""
    import mpmath

    s = 0.42  # between s_L = .3518 and s_H = .5
    mpmath.mp.dps = 40
    (p1, p2), (t1, t2), value = map(mpmath.mpf, T5.success), map(mpmath.mpf, T5.latency), T5.value

    def utility(q: Any) -> Any:
        n1 = 1 / (1 - (1 - p1) * (1 - q) * (1 - mpmath.mpf(s)))
        n2 = n1 * (1 - p1) * (1 - q) * mpmath.mpf(s) / (1 - (1 - p2) * (1 - q))
        return value * (n1 * p1 + n2 * p2) - n1 * t1 - n2 * t2

    q = mpmath.findroot(lambda q: mpmath.diff(utility, q), 0.5)
    for grid in (2, 5, 21, 1001):
        assert best_reply(T5, 1, s, grid).abandon == pytest.approx(float(q), rel=1e-13)
    assert best_response_gap(T5, 1, s, float(q)) == pytest.approx(0.0, abs=1e-15)
    assert best_response_gap(T5, 1, s, float(q) + 1e-4) > 1e-11


def test_where_every_reply_ties_the_provider_s_favourite_is_found_inside() -> None:
    """Both models are worth exactly their time, and J is least at some q between 0 and 1."""
    game = Game(1, 4, (0.75, 0.5), (0.75, 0.5), (0.25, 2.5), ordered=False)
    s = 0.25
    reply = best_reply(game, 1, s)
    cost = values(game, 1, s, np.linspace(0, 1, 100_001))[1]
    assert reply.cost == pytest.approx(cost.min(), rel=1e-9)
    assert game.regime == "00"


def test_a_finer_grid_finds_nothing_cheaper() -> None:
    games = sample_games(40, np.random.default_rng(67), "+-")
    np.testing.assert_allclose(grid_cost(games, 51), grid_cost(games, 2001), rtol=1e-10)
    assert thresholds(T5).s_low not in np.linspace(0, 1, 201)
