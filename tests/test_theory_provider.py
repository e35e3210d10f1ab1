"""The provider's optimum against reference answers, grids, and the table of twelve games."""

from __future__ import annotations

import numpy as np
import pytest

from games import boundary_games, from_reference, reference_games
from routing_game.theory import (
    GAMES,
    PAIRS,
    Game,
    best_response,
    payoffs,
    provider_regret,
    sample_games,
    solve,
    thresholds,
)
from routing_game.theory.certify import ACCURACY, grid_cost, judge, values
from routing_game.theory.provider import interior_optimum

RELATIVE = 1e-9


def close(x: float) -> object:
    return pytest.approx(x, rel=RELATIVE, abs=1e-12)


@pytest.mark.parametrize("row", reference_games(), ids=lambda row: row["name"])
def test_reference_answers(row: dict) -> None:
    eq = solve(from_reference(row))
    assert eq.regime == row["regime"]
    assert (eq.route, eq.cost, eq.utility, eq.abandon) == (
        row["i"],
        close(row["J_strong"]),
        close(row["U_opt"]),
        close(row["q"]),
    )
    assert eq.cascade == (close(row["s"]), close(row["s_hi"]))
    assert eq.user_best == close(row["U_user_best"])
    assert eq.misalignment == (close(row["Delta_U_min"]), close(row["Delta_U_max"]))
    assert (eq.weak_cost, eq.attained) == (close(row["J_weak_inf"]), row["weak_attained"])
    assert len(eq.pieces) == len(row["argmin"])
    for piece, expected in zip(eq.pieces, row["argmin"], strict=True):
        assert (piece.route, piece.abandon) == (expected["i"], close(expected["q"]))
        assert piece.cascade == (close(expected["s_lo"]), close(expected["s_hi"]))


# One line of the table each: route, s (low, high), q, J*, decided by; thresholds in full.
S0, S_LOW = 4 / 19, 0.3518162665580405
SUITE = {
    "value-cheap": (1, (0, 0), 0, 0.4, "stay-1"),
    "value-strong": (2, (0, 1), 0, 0.625, "stay-2"),
    "latency-low-penalty": (1, (0, 1), 1, 0.7, "leave-1"),
    "latency-high-penalty": (2, (0, 1), 1, 1.0, "leave-2"),
    "t4-leave-costly": (1, (0, S0), 1, 0.58, "leave-1"),
    "t4-reason": (2, (0, 1), 0, 0.75, "stay-2"),
    "t4-leave-cheap": (1, (0, S0), 1, 0.43, "leave-1"),
    "t4-cascade": (1, (S0, S0), 0, 0.5824, "s0"),
    "t5-stay": (1, (0, 0), 0, 0.4, "stay-1"),
    "t5-leave": (1, (0.5, 1), 1, 0.35, "leave-1"),
    "t5-reason": (2, (0, 1), 1, 0.68, "leave-2"),
    "t5-cascade": (1, (S_LOW, S_LOW), 0, 0.8517, "s_L"),
}


@pytest.mark.parametrize("name", GAMES)
def test_the_table_of_twelve_games(name: str) -> None:
    route, cascade, abandon, cost, rule = SUITE[name]
    eq = solve(GAMES[name])
    assert (eq.route, eq.rule, eq.abandon) == (route, rule, abandon)
    assert eq.cascade == pytest.approx(cascade, abs=1e-12)
    assert eq.cost == pytest.approx(cost, abs=5e-5)


@pytest.mark.parametrize("name", GAMES)
def test_the_table_by_grids_alone(name: str) -> None:
    """No theorem, no threshold: nested grids over (i, s) and q that close in on the best points."""
    assert grid_cost(GAMES[name]) == pytest.approx(solve(GAMES[name]).cost, rel=ACCURACY)


def test_the_cliffs_are_as_high_as_stated() -> None:
    t4, t5 = GAMES["t4-cascade"], GAMES["t5-cascade"]
    s0 = thresholds(t4).s0
    assert provider_regret(t4, 1, s0 - 1e-14) / solve(t4).cost == pytest.approx(1.06, abs=5e-3)
    for at_s0 in (4 / 19, np.nextafter(s0, 0)):  # up to rounding
        assert provider_regret(t4, 1, at_s0) == 0
    right_of_s_low = thresholds(t5).s_low + 0.003
    assert provider_regret(t5, 1, right_of_s_low) / solve(t5).cost == pytest.approx(
        0.0458, abs=5e-4
    )
    assert provider_regret(t5, 1, thresholds(t5).s_low - 0.003) / solve(t5).cost < 1e-3


@pytest.mark.parametrize(
    ("numbers", "cost", "with_fixed_q"),
    [
        ((2, 0.25, 0.5, 0.5, 0.75, 0.2, 0.9, 0.3), 0.425, 0.8),
        ((1, 0.5, 0.75, 0.25, 0.75, 0.6, 0.62, 0.5), 0.745, 0.8267),
    ],
)
def test_boundary_games_need_the_provider_s_favourite_tie(
    numbers: tuple, cost: float, with_fixed_q: float
) -> None:
    """xi_i = 0: a user who always stays when indifferent is not the strong Stackelberg follower."""
    value, p1, p2, t1, t2, c1, c2, penalty = numbers
    game = Game(value, penalty, (p1, p2), (t1, t2), (c1, c2))
    assert 0 in game.net_value
    assert solve(game).cost == pytest.approx(cost)
    stay = min(
        payoffs(game, route, s, best_response(game, route, s).low).cost
        for route, s in ((1, 0.0), (1, 1.0), (2, 0.0))
    )
    assert stay == pytest.approx(with_fixed_q, abs=5e-5)
    assert grid_cost(game) == pytest.approx(cost, rel=ACCURACY)


def assert_optimal(games: Game) -> None:
    """The cost is attained, the reply is best, no commitment is better: all by definition."""
    eq = solve(games)
    verdict = judge(games, eq.route, eq.cascade[0], eq.abandon, eq.cost)
    assert np.all(verdict.right), [np.max(gap) for gap in verdict]


@pytest.mark.parametrize("regime", ["++", "--", "-+", "+-"])
def test_the_optimum_is_one_by_definition(regime: str) -> None:
    assert_optimal(sample_games(1_500, np.random.default_rng(21), regime))


def test_and_on_the_boundaries() -> None:
    assert_optimal(boundary_games(2_000, np.random.default_rng(22)))


@pytest.mark.parametrize("points", [101, pytest.param(401, marks=pytest.mark.slow)])
def test_no_commitment_on_a_grid_beats_the_optimum_in_1e5_games(points: int) -> None:
    """The mass of games, answered by `best_response`, which is judged in its own tests."""
    rng = np.random.default_rng(21)
    for _ in range(12):
        games = sample_games(8_192, rng)
        cost = solve(games).cost
        for s in np.linspace(0, 1, points):
            reached = values(games, 1, s, best_response(games, 1, s).strong)[1]
            assert (reached >= cost * (1 - 1e-11)).all()


def test_every_piece_attains_the_optimum() -> None:
    """The set from inside: each end and the middle of every piece costs J*, by the chain."""
    rng = np.random.default_rng(23)
    for games in (sample_games(300, rng), boundary_games(600, rng)):
        for k in range(games.shape[0]):
            game = games[k]
            eq = solve(game)
            for piece in eq.pieces:
                for s in (piece.cascade[0], sum(piece.cascade) / 2, piece.cascade[1]):
                    _, cost = values(game, piece.route, s, piece.abandon)
                    reply = best_response(game, piece.route, s)
                    assert cost == pytest.approx(eq.cost, rel=1e-10)
                    assert reply.low <= piece.abandon + 1e-9
                    assert piece.abandon <= reply.high + 1e-9


def test_where_the_provider_is_indifferent_to_everything_every_commitment_is_optimal() -> None:
    """P = cp1 = cp2 and xi1 > 0 > xi2: the pieces meet, and every s between 0 and 1 lies in one."""
    game = Game(1, 0.5, (0.5, 0.75), (0.25, 0.875), (0.25, 0.375))
    eq = solve(game)
    on_1 = [piece for piece in eq.pieces if piece.route == 1]
    assert [piece.rule for piece in on_1] == ["stay-1", "interior", "leave-1"]
    ends = [piece.cascade for piece in on_1]
    assert (ends[0][0], ends[-1][1]) == (0, 1)
    assert [low for low, _ in ends[1:]] == [high for _, high in ends[:-1]]
    for piece in on_1:
        low, high = piece.cascade
        inside = low + (high - low) * np.linspace(0, 1, 101)[1:-1]
        reply = best_response(game, 1, inside)
        utility, cost = values(game, 1, inside, reply.low)
        np.testing.assert_allclose(cost, 0.5, rtol=1e-12)
        assert piece.utility[0] <= utility.min() + 1e-12
        assert utility.max() <= piece.utility[1] + 1e-12
        assert best_response(game, 1, (low + high) / 2).low == pytest.approx(piece.abandon)
    every = values(
        game, 1, np.linspace(0, 1, 401), best_response(game, 1, np.linspace(0, 1, 401)).low
    )
    assert eq.misalignment == pytest.approx((0, 0.5 + 0.125))  # V - t1/p1 at (1, 0), xi2 on route 2
    assert every[0].min() > -0.125


def test_misalignment_spans_the_optimal_set() -> None:
    """Where several commitments are optimal, the gap of each end of the set, by the chain."""
    rng, spread = np.random.default_rng(30), 0
    games = boundary_games(4_000, rng)
    eq = solve(games)
    best = np.full(games.shape, -np.inf)
    gaps = []
    points = [np.full(games.shape, s) for s in (0.0, 0.5, 1.0)]
    points += [np.nan_to_num(mark) for mark in thresholds(games)]
    for route, s in [(2, points[0]), *((1, s) for s in points)]:
        reply = best_response(games, route, s)
        for q in (reply.low, reply.high, reply.strong):
            utility, cost = values(games, route, s, q)
            best = np.maximum(best, utility)
            gaps.append(np.where(cost <= eq.cost * (1 + 1e-11), utility, np.nan))
    low, high = best - np.nanmax(gaps, axis=0), best - np.nanmin(gaps, axis=0)
    np.testing.assert_allclose(eq.misalignment[0], low, atol=1e-9)
    np.testing.assert_allclose(eq.misalignment[1], high, atol=1e-9)
    spread = (high - low > 1e-6).mean()
    assert spread > 0.05  # often more than one


def test_weak_ties_reach_the_weak_cost_and_nothing_less() -> None:
    rng = np.random.default_rng(24)
    for games in (sample_games(20_000, rng), boundary_games(20_000, rng)):
        eq = solve(games)
        s0, s_low, s_high = thresholds(games)
        best = np.minimum(np.inf, payoffs(games, 2, 0.0, best_response(games, 2, 0.0).weak).cost)
        points = [np.full(games.shape, s) for s in (0.0, 1e-11, 0.5, 1 - 1e-11, 1.0)]
        for s in (s0, s_low, s_high):
            s = np.where(np.isnan(s), 0.5, s)
            points += [s, np.clip(s + 1e-11, 0, 1), np.clip(s - 1e-11, 0, 1)]
        for s in points:
            best = np.minimum(best, payoffs(games, 1, s, best_response(games, 1, s).weak).cost)
        np.testing.assert_allclose(best, eq.weak_cost, rtol=1e-8, atol=1e-9)
        assert (eq.weak_cost >= eq.cost - 1e-12).all()


def test_attained_means_that_some_commitment_costs_no_more_than_the_infimum() -> None:
    """Ties against the provider: the ends, the thresholds and what lies between."""
    rng = np.random.default_rng(29)
    games = boundary_games(40_000, rng)
    eq = solve(games)
    costs = [payoffs(games, 2, 0.0, best_response(games, 2, 0.0).weak).cost]
    for s in (0.0, 0.5, 1.0, rng.random(games.shape), *thresholds(games)):
        s = np.nan_to_num(s, nan=0.5)
        costs.append(payoffs(games, 1, s, best_response(games, 1, s).weak).cost)
    reached = np.min(costs, axis=0) <= eq.weak_cost * (1 + 1e-12)
    np.testing.assert_array_equal(eq.attained, reached)
    at_zero = (games.net_value[0] == 0) & (games.net_value[1] > 0) & (eq.rule == "stay-1")
    limit = payoffs(games, 1, 1.0, 0.0).cost  # of (1, s) as s rises to s_L = 1
    at_one = (games.net_value[1] == 0) & (games.net_value[0] > 0) & np.isclose(eq.weak_cost, limit)
    for limit_of_what_is_not_tied in (at_zero, at_one):
        assert (~eq.attained & limit_of_what_is_not_tied).any()


def test_only_the_jump_at_s0_is_not_attained_off_the_boundaries() -> None:
    games = sample_games(100_000, np.random.default_rng(25))
    eq = solve(games)
    np.testing.assert_array_equal(~eq.attained, eq.rule == "s0")


def test_games_out_of_order_are_searched() -> None:
    """With p1 > p2 a mixed reply can be worth provoking: a search finds it, a grid agrees."""
    rng, n = np.random.default_rng(26), 20_000
    p, t = np.sort(rng.uniform(0.02, 0.98, (2, n)), axis=0)[::-1], rng.uniform(0, 1, (2, n))
    c = rng.uniform(-0.5, 1, (2, n))
    games = Game(
        rng.uniform(0.1, 3, n), rng.uniform(0.05, 4, n), tuple(p), tuple(t), tuple(c), ordered=False
    )
    eq = solve(games)
    assert (eq.rule == "interior").sum() > 10
    for s in np.linspace(0, 1, 101):
        reached = values(games, 1, s, best_response(games, 1, s).strong)[1]
        assert (reached >= eq.cost - 1e-9 * (np.abs(eq.cost) + games.penalty)).all()
    assert_optimal(games[np.flatnonzero(eq.rule == "interior")[:200]])
    for k in np.flatnonzero(eq.rule == "interior")[:5]:
        one = solve(games[k])
        assert provider_regret(games[k], 1, one.cascade[0]) == pytest.approx(0, abs=1e-12)
        assert 0 < one.abandon < 1


def test_no_mixed_reply_pays_with_p1_below_p2_whatever_costs_and_latencies() -> None:
    """The search is skipped there: held against it, on costs of any order and sign."""
    rng, n = np.random.default_rng(27), 40_000
    p, t = np.sort(rng.uniform(0.02, 0.98, (2, n)), axis=0), rng.uniform(0, 1, (2, n))
    c = rng.uniform(-2, 1, (2, n))
    games = Game(
        rng.uniform(0.1, 3, n), rng.uniform(0.05, 4, n), tuple(p), tuple(t), tuple(c), ordered=False
    )
    games = games[np.flatnonzero(games.regime == "+-")]
    _, mixed = interior_optimum(games)
    cost = solve(games).cost
    assert games.shape[0] > 1_000
    assert (mixed >= cost - 1e-9 * (np.abs(cost) + games.penalty)).all()


def test_no_regret_and_no_misalignment_where_there_is_none_at_extreme_numbers() -> None:
    """Chances down to 1e-17, P = 1e12: the optimum has no regret, an aligned game no gap."""
    for p1 in (1e-7, 1e-11, 1e-17):
        for penalty in (1e-6, 1.0, 1e12):
            game = Game(1.0, penalty, (p1, 0.6), (p1 / 4, 0.9), (p1 / 8, 0.3))
            eq = solve(game)
            assert eq.regime == "+-"
            assert provider_regret(game, eq.route, eq.cascade[0]) == 0
            assert min(eq.misalignment) >= 0
            if eq.rule == "stay-1":  # the user's favourite, too
                assert eq.misalignment[0] == 0
    assert {
        solve(Game(1, p, (1e-11, 0.6), (2e-12, 0.9), (1e-12, 0.3))).rule for p in (0.05, 1)
    } == {
        "leave-1",
        "stay-1",
    }


def test_arrays_of_any_shape_and_size_are_solved_alike() -> None:
    games = sample_games(20_000, np.random.default_rng(28))  # larger than one block
    eq = solve(games)
    for k in (0, 16_383, 16_384, 19_999):
        assert solve(games[k]).cost == eq.cost[k]
        assert solve(games[k]).cascade == (eq.cascade[0][k], eq.cascade[1][k])
    plane = Game(
        1.0,
        np.linspace(0.1, 2, 150)[:, None],
        (0.3, 0.8),
        (np.linspace(0, 0.4, 101), 0.5),
        (0.15, 0.6),
    )
    assert (
        solve(plane).cost.shape
        == solve(plane).regime.shape
        == solve(plane).user_best.shape
        == (150, 101)
    )
    assert solve(plane).rule[7, 9] == solve(plane[7, 9]).rule
    with pytest.raises(ValueError, match="single game"):
        _ = eq.pieces


def test_measured_pairs() -> None:
    rules = {name: solve(pair.game).rule for name, pair in PAIRS.items()}
    assert rules["gpt-4.1-o3"] == "s_L"  # what Theorem 5 leaves open, in a real pair
    assert rules["grok-3-mini-gpt-5"] == "s0"
    assert PAIRS["gpt-4o-gpt-5"].game.cost[0] > PAIRS["gpt-4o-gpt-5"].game.cost[1]
    for pair in PAIRS.values():
        assert grid_cost(pair.game) == pytest.approx(solve(pair.game).cost, rel=ACCURACY)
