"""Every erratum of docs/errata.md: the statement as printed fails on its game, the corrected one holds.

Test names are the page's headings. Games are written (V, p1, p2, t1, t2, c1, c2, P), as on the page. The judges are the
chain and nested grids that know no theorem (`certify`); the solver appears only where it is itself what is corrected.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from routing_game.theory import Game, best_response, sample_games, solve, thresholds
from routing_game.theory.certify import grid_cost, values
from routing_game.theory.frequencies import PRIORS, frequencies
from routing_game.theory.welfare import forced_throttling, throttle, throttling_gain

PAGE = Path(__file__).parents[1] / "docs" / "errata.md"


def game(value: Any, p1: Any, p2: Any, t1: Any, t2: Any, c1: Any, c2: Any, penalty: Any) -> Game:
    return Game(value, penalty, (p1, p2), (t1, t2), (c1, c2))


def cost(g: Game, route: int, s: Any, q: Any) -> Any:
    return values(g, route, s, q)[1]


def utility(g: Game, route: int, s: Any, q: Any) -> Any:
    return values(g, route, s, q)[0]


def draw(regime: str | None, seed: int) -> Game:
    return sample_games(100_000, np.random.default_rng(seed), regime)


def misalignment(g: Game, points: int = 201) -> tuple[float, float]:
    """(least, largest) Delta_U over all optimal (i, s), every grid point of s and q tried."""
    q, s = np.linspace(0, 1, points)[:, None], np.linspace(0, 1, points)
    parts = [np.broadcast_arrays(*values(g, i, s if i == 1 else 0 * s, q)) for i in (1, 2)]
    u, j = (np.stack(column) for column in zip(*parts, strict=True))
    replies = u >= u.max(axis=1, keepdims=True) - 1e-12
    optimal = replies & (j <= np.where(replies, j, np.inf).min() + 1e-12)
    return float(u[replies].max() - u[optimal].max()), float(u[replies].max() - u[optimal].min())


def test_every_erratum_of_the_page_is_here_and_the_other_way_round() -> None:
    anchors = re.findall(r"^### (test_\w+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    here = [name for name in globals() if name.startswith("test_")]
    assert anchors == [
        name for name in here if name != "test_every_erratum_of_the_page_is_here_and_the_other_way_round"
    ]


# ------------------------------------------------------------------------------------------------- changes a result


def test_candidate_list_of_theorem_5() -> None:
    g = game(1, 0.5, 0.75, 0.25, 0.875, 0.4, 0.5, 1)
    s_low = thresholds(g).s_low
    others = [cost(g, 1, 0, 0), cost(g, 1, 1, 1), cost(g, 1, s_low, 0)]
    printed = min(*others, cost(g, 2, 0, 0))  # J2(0): a user who stays with a latency-dominated M2
    corrected = min(*others, cost(g, 2, 0, 1))
    assert printed == pytest.approx(0.6667, abs=5e-5)
    assert corrected == pytest.approx(0.75)
    assert grid_cost(g) == pytest.approx(0.75)


def test_interior_search_of_theorem_5() -> None:
    from scipy.optimize import minimize_scalar

    g = game(3, 0.15, 0.35, 0.25, 1.35, 0.65, 1, 3.6)
    (cp1, cp2), (_, s_low, s_high) = g.cost_of_pass, thresholds(g)
    assert cp1 > cp2
    assert g.penalty > cp2  # the case that the paper leaves to a search

    def branch(s: Any) -> Any:
        return cost(g, 1, s, best_response(g, 1, s).low)

    found = minimize_scalar(branch, bounds=(s_low, s_high), method="bounded", options={"xatol": 1e-10})
    assert branch(found.x) == pytest.approx(3.7003, abs=5e-5)  # a local minimum inside, and not even the branch's least
    assert branch(s_low) == pytest.approx(3.6929, abs=5e-5)
    third = (cost(g, 1, s_low, 0) - g.cost[1]) / (1 - g.success[1])
    assert g.penalty < third
    assert cost(g, 2, 0, 1) == pytest.approx(3.34)
    assert grid_cost(g) == pytest.approx(3.34)  # the closed form of the completed solution


def test_proof_of_theorem_5_2_leaving_cost() -> None:
    g = game(1, 0.5, 0.7, 0.3, 0.9, 0.2, 0.6, 0.3)
    assert cost(g, 1, 1, 1) != pytest.approx(g.cost[0] + g.penalty * (1 - g.success[1]))
    games = draw("+-", 1)
    np.testing.assert_allclose(cost(games, 1, 1.0, 1.0), games.cost[0] + games.penalty * (1 - games.success[0]))


@pytest.mark.parametrize(
    ("numbers", "staying", "best"),
    [
        ((2, 0.25, 0.5, 0.5, 0.75, 0.2, 0.9, 0.3), 0.8, 0.425),
        ((1, 0.5, 0.75, 0.25, 0.75, 0.6, 0.62, 0.5), 0.8267, 0.745),
    ],
)
def test_best_responses_at_zero_net_value(numbers: tuple, staying: float, best: float) -> None:
    g = game(*numbers)
    q = np.linspace(0, 1, 101)
    route = 1 if g.net_value[0] == 0 else 2
    assert np.ptp(utility(g, route, 0.0, q)) < 1e-12  # every q is a best response, not q = 0 alone
    s = np.linspace(0, 1, 101)
    with_q_0 = min(cost(g, 1, s, 0).min(), float(cost(g, 2, 0, 0)))
    assert with_q_0 == pytest.approx(staying, abs=5e-5)
    assert grid_cost(g) == pytest.approx(best)


def test_acting_on_the_mean_of_s() -> None:
    g, a, b = game(1, 0.3, 0.7, 0.4, 0.5, 0.2, 0.5, 1), 1.0, 2.0
    q = np.linspace(0, 1, 2001)
    expected = belief_utility(g, a, b, q)
    at_mean = q[np.argmax(utility(g, 1, a / (a + b), q))]
    assert at_mean == 0
    assert q[np.argmax(expected)] == pytest.approx(0.0993, abs=1e-3)
    assert expected[0] == pytest.approx(-0.096306, abs=1e-6)
    assert expected.max() == pytest.approx(-0.095639, abs=1e-6)
    # of q = 0 and q = 1 too the mean picks the wrong one just above s0: the threshold on the mean lies higher
    mean = thresholds(g).s0 + 0.02
    assert utility(g, 1, mean, 0.0) > utility(g, 1, mean, 1.0)
    stay, leave = belief_utility(g, 2 * mean, 2 * (1 - mean), np.array([0.0, 1.0]))
    assert stay < leave
    assert expected_advantage(g, 2 * mean, 2 * (1 - mean)) < 0
    assert expected_advantage(g, a, b) > 0


def beta_mean(f: Any, a: float, b: float) -> Any:
    """E f(s) for s ~ Beta(a, b), by Gauss-Jacobi nodes."""
    from scipy.special import roots_sh_jacobi

    s, weight = roots_sh_jacobi(200, a + b - 1, a)
    return np.tensordot(weight / weight.sum(), f(s), axes=(0, 0))


def belief_utility(g: Game, a: float, b: float, q: Any) -> Any:
    return beta_mean(lambda s: utility(g, 1, s[:, None], q), a, b)


def expected_advantage(g: Game, a: float, b: float) -> Any:
    """E[(xi1 (1-s) + xi2 s / p2) / (p1 + k1 s)]: staying for good beats leaving at once iff it is positive."""
    (xi1, xi2), (p1, p2) = g.net_value, g.success
    return beta_mean(lambda s: (xi1 * (1 - s) + xi2 * s / p2) / (p1 + (1 - p1) * s), a, b)


# --------------------------------------------------------------------------------------------------- false remarks


def test_figure_4_caption() -> None:
    for penalty in (0.65, 1.0, 10.0):
        g = game(1, 0.25, 0.75, 0.375, 0.5, 0.1, 0.6, penalty)
        assert g.net_value[0] < 0 < g.net_value[1]
        s0 = 3 / 11
        assert cost(g, 1, s0, 0) == pytest.approx(0.58)
        assert utility(g, 1, s0, 0) == pytest.approx(utility(g, 1, s0, 1))
        static = min(cost(g, 1, 0, 1), cost(g, 1, 1, 0), cost(g, 2, 0, 0))
        assert cost(g, 1, s0, 0) < static  # a probabilistic s is optimal without xi1 > 0 > xi2
        assert grid_cost(g, 1101) == pytest.approx(0.58)
    below = game(1, 0.25, 0.75, 0.375, 0.5, 0.1, 0.6, 0.63)
    assert cost(below, 1, 0, 1) < 0.58


def test_certain_escalation_for_small_penalties() -> None:
    for regime in ("++", "-+"):
        games = draw(regime, 2)
        s0 = np.nan_to_num(thresholds(games).s0)
        assert (cost(games, 1, 1.0, 0.0) > np.minimum(cost(games, 1, s0, 0.0), cost(games, 2, 0, 0.0))).all()
    g = game(1, 0.3, 0.8, 0.4, 0.5, 0.15, 0.6, np.array([0.1, 0.4, 1.5]))
    cascade, leave = cost(g, 1, thresholds(g).s0, 0.0), cost(g, 1, 0.0, 1.0)
    assert ((cascade < leave) == [False, False, True]).all()  # cascading pays for large penalties
    tie = game(1, 0.25, 0.75, 0.375, 0.5, 0.2, 0.6, 1)  # cp1 = cp2: the exception
    assert cost(tie, 1, 1, 0) == pytest.approx(grid_cost(tie))


def test_throttling_gain_linear_in_penalty() -> None:
    penalty = np.array([0.225, 0.425, 0.625, 0.65, 0.7, 0.75])
    gain = throttle(game(2, 0.4, 0.8, 0.3, 0.5, 0.35, 0.6, penalty)).gain
    slope = np.diff(gain) / np.diff(penalty)
    assert slope == pytest.approx([-0.6, -0.6, -0.2, -0.2, -0.2])  # -k1 up to d = .625, then -k2
    for p, expected in zip(penalty, gain, strict=True):
        before = game(2, 0.4, 0.8, 0.3, 0.5, 0.35, 0.6, p)
        after = game(2, 0.4, 0.8, 0.9, 1.7, 0.35, 0.6, p)
        assert grid_cost(before, 401) - grid_cost(after, 401) == pytest.approx(expected, abs=1e-9)


def test_throttling_either_model() -> None:
    g = game(2, 0.4, 0.8, 0.3, 0.5, 0.35, 0.6, 0.74)
    forced = forced_throttling(g)
    assert solve(g).cost - forced.first == pytest.approx(0, abs=1e-12)
    assert solve(g).cost - forced.second == pytest.approx(0.002)
    for t1 in (0.81, 1.0, 2.0):  # M1 slowed alone: the provider goes on with M2, and saves nothing
        slow = Game(2, 0.74, (0.4, 0.8), (t1, 0.5), (0.35, 0.6), ordered=False)
        assert grid_cost(slow, 401) == pytest.approx(grid_cost(g, 401))
    assert grid_cost(game(2, 0.4, 0.8, 0.3, 1.7, 0.35, 0.6, 0.74), 401) == pytest.approx(0.748)


def test_throttling_gain_above_the_bound() -> None:
    g = game(2, 0.4, 0.8, 0.3, 0.5, 0.35, 0.6, 0.8)
    assert g.penalty > min(g.cost_of_pass)
    assert throttling_gain(g, (0.9, 1.7)) == pytest.approx(-0.01)  # both slowed: a loss, as printed
    assert throttling_gain(g, (0.4, 0.5)) == 0  # but not for slowing a little, or only the model that is not used
    slow_first = Game(2, 0.8, (0.4, 0.8), (0.9, 0.95), (0.35, 0.6))
    assert grid_cost(slow_first, 401) == pytest.approx(grid_cost(g, 401))
    assert throttle(g).gain == 0


def test_throttling_maximises_misalignment() -> None:
    before = game(2, 0.4, 0.8, 0.3, 0.5, 0.15, 0.6, 0.2)
    after = game(2, 0.4, 0.8, 0.9, 1.7, 0.15, 0.6, 0.2)
    assert grid_cost(after, 401) < grid_cost(before, 401)  # the provider does gain
    assert misalignment(before) == pytest.approx((0.125, 0.125))
    assert misalignment(after) == pytest.approx((0, 0), abs=1e-12)


def test_almost_always_static() -> None:
    for regime, dearer in (("-+", False), ("+-", True)):
        games = draw(regime, 3)
        games = games[np.flatnonzero((games.cost_of_pass[0] > games.cost_of_pass[1]) == dearer)]
        large = Game(games.value, 1e4, games.success, games.latency, games.cost)
        static = np.full(large.shape, np.inf)
        for route, s in ((1, 0.0), (1, 1.0), (2, 0.0)):
            leaves = utility(large, route, s, 1.0) > utility(large, route, s, 0.0)
            static = np.minimum(static, cost(large, route, s, np.where(leaves, 1.0, 0.0)))
        s0, s_low, _ = thresholds(large)
        cascade = cost(large, 1, s0 if regime == "-+" else s_low, 0.0)
        assert (cascade < static).mean() > 0.99  # inside these regimes cascading is the rule once P is large
    for prior in PRIORS:
        share = frequencies(prior, 200_000, np.random.default_rng(4))
        assert 0.001 < share["s0"] + share["s_L"] < 0.06  # over all games it is rare


# ------------------------------------------------------------------------------------------------------ boundaries


def test_proposition_1_1_at_a_tie() -> None:
    g = game(2, 0.25, 0.5, 0.25, 0.5, 0.1, 0.5, 1)
    worth = [xi / p for xi, p in zip(g.net_value, g.success, strict=True)]
    assert worth[0] == worth[1]  # neither ranking of the user's agrees strictly with cp1 < cp2
    assert misalignment(g) == pytest.approx((0, 0), abs=1e-12)
    nearly = game(2, 0.25, 0.5, 0.25, 0.49, 0.1, 0.5, 1)
    assert misalignment(nearly)[0] == pytest.approx(0.02)


def test_proposition_1_2_at_a_tie() -> None:
    g = game(0.5, 0.25, 0.75, 0.5, 0.75, 0.2, 0.5, 0.7)
    assert g.net_value[0] == g.net_value[1] < 0
    assert g.penalty > 0.6  # = d: the provider strictly prefers M2
    assert misalignment(g) == pytest.approx((0, 0), abs=1e-12)
    nearly = game(0.5, 0.25, 0.75, 0.49, 0.75, 0.2, 0.5, 0.7)
    assert misalignment(nearly)[0] == pytest.approx(0.01)


def test_proposition_1_3_at_zero_net_value() -> None:
    g = game(1, 0.25, 0.5, 0.25, 0.75, 0.1, 0.5, 0.2)
    assert g.net_value[0] == 0 > g.net_value[1]
    assert grid_cost(g) == pytest.approx(cost(g, 1, 0, 1))
    assert grid_cost(g) < cost(g, 1, 0, 0)  # the optimum is not (1, 0) with a user who stays
    assert misalignment(g) == pytest.approx((0, 0), abs=1e-12)  # and still nothing is lost
    nearly = game(1, 0.25, 0.5, 0.24, 0.75, 0.1, 0.5, 0.2)
    assert misalignment(nearly)[0] > 0


def test_theorem_4_equalities() -> None:
    at_second = game(1, 0.25, 0.75, 0.375, 0.5, 0.1, 0.6, 0.64)  # P = P2
    assert cost(at_second, 1, 0, 1) == pytest.approx(cost(at_second, 1, 3 / 11, 0))
    assert [piece.rule for piece in solve(at_second).pieces] == ["leave-1", "s0"]
    at_first = game(1, 0.25, 0.75, 0.375, 0.5, 0.3, 0.6, 2 / 3)  # P = P1
    assert cost(at_first, 1, 0, 1) == pytest.approx(cost(at_first, 2, 0, 0))
    assert [piece.rule for piece in solve(at_first).pieces] == ["leave-1", "stay-2"]
    equal = game(1, 0.25, 0.75, 0.375, 0.5, 0.2, 0.6, 1)  # cp1 = cp2: each s from s0 on, and route 2
    s = np.linspace(3 / 11, 1, 50)
    np.testing.assert_allclose(cost(equal, 1, s, 0), cost(equal, 2, 0, 0))
    assert [piece.rule for piece in solve(equal).pieces] == ["s0", "stay-2"]
    assert solve(equal).pieces[0].cascade == pytest.approx((3 / 11, 1))
    for g in (at_second, at_first, equal):
        assert grid_cost(g, 1101) == pytest.approx(solve(g).cost)


def test_theorem_4_any_s_below_s0() -> None:
    g = game(1, 0.3, 0.8, 0.4, 0.5, 0.15, 0.6, 0.4)
    s, q = np.linspace(0, thresholds(g).s0 - 1e-9, 50), np.linspace(0, 1, 101)[:, None]
    assert (utility(g, 1, s, q).argmax(axis=0) == 100).all()  # the user leaves
    np.testing.assert_allclose(cost(g, 1, s, 1.0), 0.43)  # so s = 0 is one optimum of many
    assert grid_cost(g) == pytest.approx(0.43)


# ------------------------------------------------------------------------------------ proof lines, results unharmed


def test_proof_numerator_of_j1_minus_j2() -> None:
    games = draw("-+", 5)
    (p1, _), k1, cp2 = games.success, games.failure[0], games.cost_of_pass[1]
    s0 = thresholds(games).s0
    difference = cost(games, 1, s0, 0.0) - cost(games, 2, 0.0, 0.0)
    np.testing.assert_allclose(difference * (p1 + k1 * s0), games.cost[0] - p1 * cp2, atol=1e-11)


def test_proof_value_of_j1_at_certain_escalation() -> None:
    games = draw(None, 6)
    np.testing.assert_allclose(cost(games, 1, 1.0, 0.0), games.cost[0] + games.failure[0] * games.cost_of_pass[1])


def test_lemma_1_inference() -> None:
    g = game(3, 0.15, 0.35, 0.25, 1.35, 0.65, 1, 3.6)
    _, s_low, s_high = thresholds(g)
    s = np.linspace(s_low, s_high, 2001)
    q = best_response(g, 1, s).low
    assert (np.diff(q) > 0).all()
    for fixed in np.linspace(0, 0.99, 12):  # monotone in s at each q, and q rises with s ...
        assert np.unique(np.sign(np.diff(cost(g, 1, s, fixed)).round(12))).size == 1
    turns = np.diff(np.sign(np.diff(cost(g, 1, s, q))))
    assert np.flatnonzero(turns).size == 2  # ... and still J1(s, q(s)) rises, falls and rises
    assert cost(g, 1, s, q).min() > cost(g, 2, 0, 1)  # the conclusion stands


def test_equation_18_bound() -> None:
    g = game(2, 0.4, 0.8, 0.3, 0.5, 0.15, 0.6, 0.5)
    assert min(g.cost_of_pass) < g.penalty < max(g.cost_of_pass)
    assert throttling_gain(g, (0.9, 1.7)) == pytest.approx(0.375 - 0.45)  # below the larger bound, and a loss
    games = draw("++", 7)
    both = np.minimum(cost(games, 1, 0.0, 1.0), cost(games, 2, 0.0, 1.0))
    none = np.minimum(cost(games, 1, 0.0, 0.0), cost(games, 2, 0.0, 0.0))
    np.testing.assert_array_equal(both < none, games.penalty < np.minimum(*games.cost_of_pass))


def test_theorem_5_3_last_step() -> None:
    games = draw("+-", 8)
    (cp1, cp2), d = games.cost_of_pass, np.diff(games.cost, axis=0)[0] / np.diff(games.success, axis=0)[0]
    games = games[np.flatnonzero((cp1 > cp2) & (d < games.penalty) & (games.penalty < cp2))]
    (cp1, cp2), reasoning = games.cost_of_pass, cost(games, 2, 0.0, 1.0)
    at_s_low = cost(games, 1, thresholds(games).s_low, 0.0)
    assert (reasoning < cost(games, 1, 0.0, 1.0)).all()  # P > d
    assert (reasoning < cp2).all()  # P < cp2
    assert ((cp2 < at_s_low) & (at_s_low < cp1)).all()  # cp1 > cp2


def test_proposition_1_2_inequality() -> None:
    g = game(0.3, 0.5, 0.8, 0.3, 0.5, 0.2, 0.6, 2)  # P = 2 > d = 4/3: the provider serves with M2
    (p1, p2), (t1, t2) = g.success, g.latency
    assert g.value < (t2 - t1) / (p2 - p1)  # then the user prefers M1, and is hurt; the reverse would deny it
    assert utility(g, 1, 0, 1) > utility(g, 2, 0, 1)
    assert misalignment(g)[0] == pytest.approx(0.11)
    games = draw("--", 9)
    rate = np.diff(games.latency, axis=0)[0] / np.diff(games.success, axis=0)[0]
    prefers_first = utility(games, 1, 0.0, 1.0) > utility(games, 2, 0.0, 1.0)
    np.testing.assert_array_equal(prefers_first, games.value < rate)


def test_proposition_1_3a_display() -> None:
    g = game(1, 0.3, 0.8, 0.4, 0.5, 0.15, 0.6, 0.4)
    s0 = thresholds(g).s0
    below, above = np.linspace(0, s0 - 1e-6, 20), np.linspace(s0 + 1e-6, 1, 20)
    advantage = [utility(g, 1, s, 0.0) - utility(g, 1, s, 1.0) for s in (below, above)]
    assert (advantage[0] < 0).all()  # staying is worse than leaving below s0
    assert (advantage[1] > 0).all()
    xi1, xi2 = g.net_value
    assert misalignment(g) == pytest.approx((xi2 / 0.8 - xi1,) * 2)  # what is true there: the user leaves, with xi1


def test_theorem_2_swapped_words() -> None:
    g = game(1, 0.5, 0.7, 0.3, 0.9, 0.45, 0.5, 3)
    _, s_low, s_high = thresholds(g)
    q, s = np.linspace(0, 1, 2001)[:, None], np.linspace(s_low, s_high, 41)
    by_grid = q[utility(g, 1, s, q).argmax(axis=0), 0]
    assert (by_grid[0], by_grid[-1]) == (0, 1)
    assert (np.diff(by_grid) > 0).all()  # the more often the provider escalates, the more often the user leaves


def test_theorem_5_2_swapped_words() -> None:
    games = draw("+-", 10)
    dearer = games.cost_of_pass[0] > games.cost_of_pass[1]
    s = np.linspace(0, 1, 11)[:, None]
    slope = np.diff(cost(games, 1, s, 0.0), axis=0)
    assert (slope[:, dearer] < 0).all()  # with cp1 > cp2 escalating more often is cheaper while the user stays
    assert (slope[:, ~dearer] > 0).all()
