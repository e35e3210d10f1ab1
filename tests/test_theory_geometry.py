"""The measures of a game's cliff, by their definitions: differences, grids and limits of J."""

import numpy as np
import pytest

from routing_game.theory import GAMES, best_response, payoffs, sample_games, solve
from routing_game.theory.frequencies import PRIORS
from routing_game.theory.geometry import MEANING, TOLERANCE, Geometry, geometry

TINY = 1e-6


def cost(game, route, s):
    return payoffs(game, route, s, best_response(game, route, s).strong).cost


def leaves(game, s):
    """Whether the user sometimes leaves at these s."""
    return np.asarray(best_response(game, 1, s).low) > 0


@pytest.fixture(scope="module")
def cascades():
    """Random games whose optimum is a cascade, of both kinds."""
    games = PRIORS["uniform"](20_000, np.random.default_rng(4))
    kinds = solve(games).rule
    found = [games[int(k)] for kind in ("s0", "s_L") for k in np.flatnonzero(kinds == kind)[:15]]
    assert len(found) == 30
    return found


def test_the_cliff_is_where_the_user_stops_staying(cascades):
    for game in cascades:
        s = solve(game).cascade[0]  # the optimum of a cascade stands on the edge
        grid = np.linspace(0, 1, 20_001)
        change = grid[np.flatnonzero(np.diff(leaves(game, grid)))]
        assert change == pytest.approx([s], abs=1e-4)
        assert geometry(game).edge == pytest.approx(min(s, 1 - s))
        assert geometry(game).edge_log_odds == pytest.approx(abs(np.log(s / (1 - s))))


def test_height_and_slope_are_those_of_the_cost_on_its_two_sides(cascades):
    for game in cascades:
        s, optimum, land = solve(game).cascade[0], solve(game).cost, geometry(game)
        inward = 1 if leaves(game, 0.0) else -1  # the side on which the user stays
        bottom = cost(game, 1, 0.0 if inward > 0 else 1.0)  # left for good
        assert land.height == pytest.approx((bottom - optimum) / optimum)
        step = 1e-6 * min(s, 1 - s)
        near, far = cost(game, 1, s + inward * step), cost(game, 1, s + 2 * inward * step)
        assert land.slope == pytest.approx(abs(far - near) / step / optimum, rel=1e-3)
        odds = np.log(s / (1 - s)) + inward * np.array([1e-4, 2e-4])
        near, far = cost(game, 1, 1 / (1 + np.exp(-odds)))
        assert land.slope_log_odds == pytest.approx(abs(far - near) / 1e-4 / optimum, rel=1e-2)


@pytest.mark.parametrize("prior", PRIORS)
def test_gaps_and_target_are_those_of_a_fine_grid(prior):
    games = PRIORS[prior](60, np.random.default_rng(8))
    grid, land, best = np.linspace(0, 1, 40_001), geometry(games), solve(games)
    for k in range(60):
        game, optimum, rule = games[k], best.cost[k], best.rule[k]
        first, second = cost(game, 1, grid), cost(game, 2, 0.0)
        other = second if best.route[k] == 1 else first.min()
        assert land.route_gap[k] <= (other - optimum) / optimum + 1e-12
        assert land.route_gap[k] == pytest.approx((other - optimum) / optimum, rel=2e-2, abs=2e-2)
        static = min(first[0], second)
        assert land.static_gap[k] == pytest.approx(static / optimum - 1, abs=1e-9)
        good = first <= (1 + TOLERANCE) * optimum
        q = np.asarray(best_response(game, 1, grid).strong)
        same_side = q == (1 if rule == "leave-1" else 0)
        target = 1 if best.route[k] == 2 else np.mean(good & same_side)
        assert land.target[k] == pytest.approx(target, abs=1e-4)


def test_arrays_answer_as_single_games_and_every_measure_has_words():
    games = sample_games(30, np.random.default_rng(2))
    together = geometry(games)
    for k in range(30):
        for name, value in geometry(games[k])._asdict().items():
            np.testing.assert_allclose(getattr(together, name)[k], value, rtol=1e-12, err_msg=name)
    assert [*MEANING] == [*Geometry._fields]


def test_games_without_a_cliff_have_no_measures_of_one():
    land = geometry(GAMES["value-cheap"])
    assert np.isnan([land.edge, land.edge_log_odds, land.height, land.slope]).all()
    assert land.static_gap == 0
    # THEORY, section 7: J* = .5824 at s0 = 4/19, route 2 costs .75, and leaving 1.2
    land, optimum = geometry(GAMES["t4-cascade"]), 0.5823529411764706
    assert land.edge == pytest.approx(4 / 19)
    assert land.height == pytest.approx(1.2 / optimum - 1)
    assert land.route_gap == land.static_gap == pytest.approx(0.75 / optimum - 1)
