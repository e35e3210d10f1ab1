"""The displays of the paper's appendix C, (1) to (39) line by line, on random games.

Each line is computed as it is printed, with the one correction that docs/errata.md makes to (18)
and to (29), and compared with the line before: equal, or not above, as the paper says. The first
line is computed by the chain of passes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from paper_formulas import first_order, mixed_branch, service, t_function
from routing_game.theory import Game, sample_games, solve, thresholds
from routing_game.theory.certify import values

N = 100_000
EXACT = 1e-10
"""What rounding leaves of an exact zero, as a share of the sums that it comes from."""


def assert_equal_lines(lines: Sequence[Any], scale: Any) -> None:
    for k, (above, below) in enumerate(pairwise(lines)):
        assert (np.abs(above - below) <= EXACT * scale).all(), f"lines {k} and {k + 1}"


def subset(games: Game, *conditions: Any) -> Game:
    """The games that meet all conditions; there are enough."""
    found = np.flatnonzero(np.logical_and.reduce(conditions))
    assert found.size > 500
    return games[found]


def utility(games: Game, s: Any, q: Any) -> Any:
    """U1(s, q)."""
    return values(games, 1, s, q)[0]


def cost(games: Game, route: int, s: Any, q: Any) -> Any:
    """J_i(s, q)."""
    return values(games, route, s, q)[1]


def incremental_cost(games: Game) -> Any:
    """(c2 - c1)/(p2 - p1)."""
    (p1, p2), (c1, c2) = games.success, games.cost
    return (c2 - c1) / (p2 - p1)


def branch(games: Game) -> Iterator[tuple[Any, Any, Any, Any]]:
    """(s, q_dagger(s), C1, S1) at five s of (s_L, s_H)."""
    for s, q in zip(*mixed_branch(games, 5), strict=True):
        yield s, q, *service(games, s, q)


def first_throttled(games: Game) -> Game:
    """M1 made latency-dominated, whatever the order of the latencies."""
    t1 = 1.2 * games.value * games.success[0]
    return dataclasses.replace(games, latency=(t1, games.latency[1]), ordered=False)


@pytest.fixture(scope="module")
def anything() -> tuple[Game, Any, Any]:
    """Games of all regimes, s and q."""
    rng = np.random.default_rng(1)
    return sample_games(N, rng), rng.random(N), rng.random(N)


@pytest.fixture(scope="module")
def mixed() -> Game:
    """Games with xi1 > 0 > xi2."""
    return sample_games(N, np.random.default_rng(2), "+-")


def test_equations_1_to_6(anything: tuple[Game, Any, Any]) -> None:
    """The numerator of U1(s, q) - U1(s, 0)."""
    games, s, q = anything
    (xi1, xi2), (p1, p2), (k1, k2) = games.net_value, games.success, games.failure
    escalated, second = p1 + k1 * s, p2 + k2 * q  # second is 1/beta
    numerator, at_zero = xi1 + xi2 * k1 * (1 - q) / second * s, xi1 + xi2 * k1 / p2 * s
    denominator = escalated + k1 * (1 - s) * q
    retried = k1 * (1 - s) * q * at_zero
    bracket = escalated / second * xi2 * s / p2 + xi1 * (1 - s) + k1 * (1 - s) * xi2 * s / p2
    lines = [
        (utility(games, s, q) - utility(games, s, 0)) * denominator * escalated,
        numerator * (1 - k1 * (1 - s)) - at_zero * (1 - k1 * (1 - q) * (1 - s)),  # (1)
        numerator * escalated - at_zero * denominator,  # (2)
        xi2 * s * k1 * escalated * ((1 - q) / second - 1 / p2) - retried,  # (3)
        -xi2 * s * q * k1 * escalated / (second * p2) - retried,  # (4)
        -q * k1 * bracket,  # (5)
        -q * k1 * t_function(games, s, q),  # (6)
    ]
    assert_equal_lines(lines, (np.abs(xi1) + np.abs(xi2)) / p2**2)
    roots = p2**2 * t_function(games, s, 0), first_order(games, s, 0)  # as said below (6)
    assert_equal_lines(roots, np.abs(xi1) + np.abs(xi2))


def test_equations_7_to_9(anything: tuple[Game, Any, Any]) -> None:
    """The first-order condition, F(s, q) = 0: F has the sign of -dU1/dq."""
    games, s, q = anything
    (xi1, xi2), (k1, k2), p2 = games.net_value, games.failure, games.success[1]
    second = p2 + k2 * q  # 1/beta
    step = 1e-30j  # a complex step gives the derivative to the last digit
    slope = utility(games, s, q + step).imag / 1e-30
    goes_on, retried = 1 - k1 * (1 - q) * (1 - s), xi1 * (1 - s) * second**2
    escalated = xi2 * s * (1 - s) * k1 * (1 - q) * second
    lines = [
        -slope * goes_on**2 * second**2 / k1,
        xi2 * s * goes_on + retried + escalated,  # (7)
        retried + xi2 * s * (1 - k1 * k2 * (1 - s) * (1 - q) ** 2),  # (8)
        first_order(games, s, q),  # (9)
    ]
    assert_equal_lines(lines, np.abs(xi1) + np.abs(xi2))


def test_equations_10_to_15(mixed: Game) -> None:
    """Theorem 5.1, against a mixed reply: J1(s, q_dagger) is not below J1(0, 0)."""
    (cp1, cp2), penalty = mixed.cost_of_pass, mixed.penalty
    games = subset(mixed, cp1 < np.minimum(penalty, cp2))
    p1, c1, cp1, penalty = games.success[0], games.cost[0], games.cost_of_pass[0], games.penalty
    for s, q, c, success in branch(games):
        failure = 1 - success
        lines = [
            cost(games, 1, s, q) - cost(games, 1, 0, 0),  # (10)
            c - cp1 + penalty * failure,  # (11)
            c - c1 - cp1 * (1 - p1) + penalty * failure,  # (12)
            c - c1 - cp1 * (success - p1) + failure * (penalty - cp1),  # (13)
            ((c - c1) / (success - p1) - cp1) * (success - p1) + failure * (penalty - cp1),  # (14)
        ]
        scale = c + penalty + cp1
        assert_equal_lines(lines, scale)
        assert (lines[-1] >= -EXACT * scale).all()  # (15)


def test_equations_16_to_19(mixed: Game) -> None:
    """Theorem 5.2, against a mixed reply, with min(c1/p1, c2/p2) for the c1/p1 of (18)."""
    limit = np.minimum(mixed.cost_of_pass[0], incremental_cost(mixed))
    games = subset(mixed, mixed.penalty < limit)
    p1, c1, penalty = games.success[0], games.cost[0], games.penalty
    least = np.minimum(*games.cost_of_pass)
    for s, q, c, success in branch(games):
        lines = [
            cost(games, 1, s, q) - cost(games, 1, 1, 1),
            c - c1 - penalty * (success - p1),  # (16)
            ((c - c1) / (success - p1) - penalty) * (success - p1),  # (17)
        ]
        scale = c + penalty
        assert_equal_lines(lines, scale)
        bound = (least - penalty) * (success - p1)
        assert (lines[-1] >= bound - EXACT * scale).all()  # (18), corrected
        assert (bound >= 0).all()  # (19)


def test_equations_20_to_25(mixed: Game) -> None:
    """Theorem 5.2, against a user who stays, where J1(s, 0) falls in s."""
    (cp1, cp2), d = mixed.cost_of_pass, incremental_cost(mixed)
    games = subset(mixed, cp1 > cp2, mixed.penalty < np.minimum(cp1, d))
    (p1, p2), k1, (c1, c2) = games.success, games.failure[0], games.cost
    cp2, d, penalty = games.cost_of_pass[1], incremental_cost(games), games.penalty
    at_one = [
        cost(games, 1, 1, 0) - cost(games, 1, 1, 1),  # right of (20)
        c1 + k1 / p2 * c2 - c1 - penalty * k1,  # (21)
        k1 * (cp2 - penalty),  # (22)
    ]
    assert_equal_lines(at_one, c1 + cp2)
    for share in np.linspace(0, 1, 5):
        s = share * thresholds(games).s_low
        left = cost(games, 1, s, 0) - cost(games, 1, 1, 1)
        assert (left >= at_one[0] - EXACT * (c1 + cp2)).all()  # (20)
    bound, factor = k1 * (cp2 - d), k1 / (p2 * (p2 - p1))
    assert (at_one[-1] >= bound).all()  # (23)
    assert_equal_lines([bound, factor * (c1 * p2 - c2 * p1)], cp2 / (p2 - p1))  # (24)
    assert (c1 * p2 - c2 * p1 >= 0).all()  # (25)


def test_equations_26_to_30(mixed: Game) -> None:
    """Theorem 5.3, against a mixed reply, with P (p2 - p1) - (c2 - c1) at the end of (29)."""
    (cp1, cp2), d, penalty = mixed.cost_of_pass, incremental_cost(mixed), mixed.penalty
    games = subset(mixed, d < penalty, penalty < cp2, cp2 < cp1)
    (p1, p2), (c1, c2), penalty = games.success, games.cost, games.penalty
    for s, q, c, success in branch(games):
        fewer = penalty * (p2 - p1) - (c2 - c1)
        lines = [
            cost(games, 1, s, q) - cost(games, 2, 0, 1),  # (26)
            c - c2 - penalty * (success - p2),  # (27)
            c - c1 - (c2 - c1) - penalty * (success - p1) + penalty * (p2 - p1),  # (28)
            ((c - c1) / (success - p1) - penalty) * (success - p1) + fewer,  # (29), corrected
        ]
        scale = c + c2 + penalty
        assert_equal_lines(lines, scale)
        assert (lines[-1] >= -EXACT * scale).all()  # (30)


def test_equations_31_to_35() -> None:
    """Proposition 2, case 1(a): M1 throttled where both models were value-dominated."""
    games = sample_games(N, np.random.default_rng(3), "++")
    games = subset(games, games.penalty <= np.minimum(*games.cost_of_pass))
    after = first_throttled(games)
    assert set(after.regime) == {"-+"}
    s0, cp2, penalty = thresholds(after).s0, games.cost_of_pass[1], games.penalty
    candidates = [cost(after, 1, 0, 1), cost(after, 1, s0, 0), cost(after, 2, 0, 0)]
    lines = [
        np.minimum.reduce(candidates),  # (31)
        np.minimum(candidates[0], candidates[2]),  # (32)
        np.minimum(games.cost[0] + penalty * games.failure[0], cp2),  # (33)
    ]
    assert (solve(after).cost <= lines[0] * (1 + EXACT)).all()
    assert_equal_lines(lines, lines[0])
    served = np.minimum(*games.cost_of_pass)
    assert (lines[-1] <= served * (1 + EXACT)).all()  # (34)
    assert_equal_lines([served, solve(games).cost], served)  # (35)


def test_equations_36_to_39(mixed: Game) -> None:
    """Proposition 2, case 1(b): M1 throttled where M2 was latency-dominated already."""
    games = subset(mixed, mixed.penalty <= np.minimum(*mixed.cost_of_pass))
    after = first_throttled(games)
    assert set(after.regime) == {"--"}
    s, q = mixed_branch(games, 25)
    inside = cost(games, 1, s, q).min(axis=0)
    leave = cost(games, 1, 0, 1)
    before = np.minimum.reduce(
        [
            cost(games, 2, 0, 1),
            cost(games, 1, 0, 0),
            cost(games, 1, thresholds(games).s_low, 0),
            inside,
            cost(games, 1, 1, 1),
        ]
    )
    assert_equal_lines([solve(games).cost, before], before)  # (36)
    bound = np.minimum(cost(games, 2, 0, 1), leave)
    assert (before >= bound * (1 - EXACT)).all()  # (37)
    (c1, c2), (k1, k2), penalty = games.cost, games.failure, games.penalty
    throttled = np.minimum(c2 + penalty * k2, c1 + penalty * k1)  # (38)
    assert_equal_lines([bound, throttled, solve(after).cost], bound)  # (39)


def test_slope_on_route_2(anything: tuple[Game, Any, Any]) -> None:
    """Proof of Theorem 1: dU2/dq = -xi2 (1 - p2)/(p2 + (1 - p2) q)^2."""
    games, _, q = anything
    slope = values(games, 2, 0, q + 1e-30j)[0].imag / 1e-30
    xi2, p2, k2 = games.net_value[1], games.success[1], games.failure[1]
    assert_equal_lines([slope, -xi2 * k2 / (p2 + k2 * q) ** 2], np.abs(slope) + games.value)


def test_slope_of_the_staying_cost(anything: tuple[Game, Any, Any]) -> None:
    """Proof of Theorem 3: J1(s, 0) and its slope in s, with the sign of c2/p2 - c1/p1."""
    games, s, _ = anything
    (p1, p2), (c1, c2), k1 = games.success, games.cost, games.failure[0]
    escalated = 1 - k1 * (1 - s)
    staying = (c1 + k1 / p2 * c2 * s) / escalated
    assert_equal_lines([cost(games, 1, s, 0), staying], staying + games.penalty)
    lines = [
        cost(games, 1, s + 1e-30j, 0).imag / 1e-30,
        (k1 / p2 * c2 * escalated - k1 * (c1 + k1 / p2 * c2 * s)) / escalated**2,
        k1 / escalated**2 * (p1 / p2 * c2 - c1),
    ]
    assert_equal_lines(lines, (c1 + c2 / p2 + games.penalty) / escalated**2)


def test_identities_of_proposition_2(anything: tuple[Game, Any, Any]) -> None:
    """With P <= min(c1/p1, c2/p2): leaving costs the provider least, on either route."""
    games, s, q = anything
    low = np.minimum(*games.cost_of_pass) * np.random.default_rng(4).random(N)
    games = dataclasses.replace(games, penalty=low)
    (p1, p2), (c1, c2), penalty = games.success, games.cost, games.penalty
    c, success = service(games, s, q)
    first = [
        cost(games, 1, s, q) - cost(games, 1, 0, 1),
        c - c1 - penalty * (success - p1),
        ((c - c1) / (success - p1) - penalty) * (success - p1),
    ]
    assert_equal_lines(first, c + penalty)
    assert (first[-1] >= -EXACT * (c + penalty)).all()
    beta = 1 / (p2 + games.failure[1] * q)
    second = [
        cost(games, 2, 0, q) - cost(games, 2, 0, 1),
        beta * c2 - c2 - penalty * (beta * p2 - p2),
        (c2 / p2 - penalty) * (beta - 1) * p2,
    ]
    assert_equal_lines(second, beta * c2 + penalty)
    assert (second[-1] >= 0).all()
