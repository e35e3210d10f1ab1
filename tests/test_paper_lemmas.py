"""Lemmas 1 to 6 of the paper's appendix B, as they are printed, each on 10^5 random games or more.

The judge is the chain of passes. The lemmas are right as stated; what is wrong in their proofs is
in docs/errata.md.
"""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from paper_formulas import lower, service, upper
from routing_game.theory import Game, sample_games
from routing_game.theory.certify import values

N = 100_000
EXACT = 1e-11
"""What rounding leaves of an exact zero, as a share."""


def draw(regime: str | None, seed: int, n: int = N) -> tuple[Game, np.random.Generator]:
    """Random games, and the generator for whatever else the test draws."""
    rng = np.random.default_rng(seed)
    return sample_games(n, rng, regime), rng


def user_scale(games: Game) -> Any:
    """An upper bound of V S + L, what utilities are differences of."""
    passes = 1 / games.success[0] + 1 / games.success[1]
    return games.value + passes * games.latency[1]


def at_penalty(games: Game, penalty: Any) -> Game:
    return dataclasses.replace(games, penalty=penalty)


def incremental_cost(games: Game) -> Any:
    """(c2 - c1)/(p2 - p1)."""
    (p1, p2), (c1, c2) = games.success, games.cost
    return (c2 - c1) / (p2 - p1)


def first_threshold(games: Game) -> Any:
    """P1 = (c2/p2 - c1)/(1 - p1)."""
    return (games.cost_of_pass[1] - games.cost[0]) / games.failure[0]


def test_lemma_1() -> None:
    """J1(s, q) is monotone in s at every q, and moves from J1(0, q) towards J2(q)."""
    games, rng = draw(None, 11)
    q = rng.random(N)
    never, reasoning = values(games, 1, 0.0, q)[1], values(games, 2, 0.0, q)[1]
    direction = np.sign(reasoning - never)
    last = never
    for s in np.linspace(0.05, 1, 20):
        cost = values(games, 1, s, q)[1]
        assert ((cost - last) * direction >= -EXACT * cost).all()
        last = cost
    assert ((reasoning - last) * direction >= -EXACT * last).all()


def test_lemma_2() -> None:
    """U1-(alpha) <= U1(s, q) <= U1+(alpha) if xi2 >= 0, and the reverse otherwise, for every q."""
    games, rng = draw(None, 12)
    s, tolerance = rng.random(N), EXACT * user_scale(games)
    valued = games.net_value[1] >= 0
    assert min(valued.sum(), (~valued).sum()) > N // 5
    for q in (0.0, 1.0, rng.random(N), rng.random(N) ** 4, 1 - rng.random(N) ** 4):
        alpha = games.failure[0] * (1 - q)
        utility = values(games, 1, s, q)[0]
        minus, plus = lower(games, s, alpha), upper(games, s, alpha)
        assert (np.where(valued, minus, plus) <= utility + tolerance).all()
        assert (utility <= np.where(valued, plus, minus) + tolerance).all()
    stay, leave = values(games, 1, s, 0.0)[0], values(games, 1, s, 1.0)[0]
    assert (np.abs(upper(games, s, games.failure[0]) - stay) <= tolerance).all()  # tight, as the
    assert (np.abs(lower(games, s, 0.0) - leave) <= tolerance).all()  # proof of Theorem 2 needs it


def assert_lemma_3(envelope: Any, weight: Any, seed: int) -> None:
    """The envelope rises in alpha, and falls in q, where its K(s) > 0; the reverse where K < 0."""
    games, rng = draw(None, seed)
    s = rng.random(N)
    k = weight(games, s)
    assert min((k > 0).sum(), (k < 0).sum()) > N // 5
    q = np.linspace(1, 0, 9)[:, None]
    rise = np.diff(envelope(games, s, games.failure[0] * (1 - q)), axis=0)  # alpha rises, q falls
    clear = np.abs(k) > 1e-9 * user_scale(games)
    assert clear.mean() > 0.99
    assert (np.sign(rise[:, clear]) == np.sign(k[clear])).all()


def test_lemma_3_1() -> None:
    """U1+(alpha) is monotone with the sign of K+(s) = xi1 (1-s) + xi2 s/p2."""
    assert_lemma_3(
        upper,
        lambda g, s: g.net_value[0] * (1 - s) + g.net_value[1] * s / g.success[1],
        13,
    )


def test_lemma_3_2() -> None:
    """U1-(alpha) is monotone with the sign of K-(s) = xi1 (1-s) + xi2 s."""
    assert_lemma_3(lower, lambda g, s: g.net_value[0] * (1 - s) + g.net_value[1] * s, 14)


def test_lemma_4() -> None:
    """P1 > (c2 - c1)/(p2 - p1) if c1/p1 > c2/p2, and P1 <= it otherwise."""
    games, _ = draw(None, 15)
    (cp1, cp2), first, d = games.cost_of_pass, first_threshold(games), incremental_cost(games)
    assert 0.2 < (cp1 > cp2).mean() < 0.8
    assert_array_equal(first > d, cp1 > cp2)
    at = at_penalty(games, first)  # P1 is where leaving M1 costs as much as being served by M2:
    assert_allclose(values(at, 1, 0.0, 1.0)[1], values(at, 2, 0.0, 0.0)[1], rtol=1e-9)
    leave1, leave2 = values(at, 1, 0.0, 1.0)[1], values(at, 2, 0.0, 1.0)[1]
    assert_array_equal(leave1 > leave2, cp1 > cp2)  # so it lies above d iff leaving M2 is cheaper


def test_lemma_4_at_equal_costs_of_pass() -> None:
    """Otherwise includes c1/p1 = c2/p2, and there P1 = (c2 - c1)/(p2 - p1) exactly."""
    for k in range(1, 20):
        p1, p2, c1 = Fraction(k, 40), Fraction(k + 15, 40), Fraction(k, 25)
        c2 = c1 * p2 / p1
        assert (c2 / p2 - c1) / (1 - p1) == (c2 - c1) / (p2 - p1)


def test_lemma_5() -> None:
    """c1/p1 < P2 < c2/p2 where c1/p1 < c2/p2; P2 has an s0 only if xi1 < 0 < xi2."""
    games, rng = draw(None, 16)
    p1, p2 = games.success
    share = np.sort(rng.random((2, N)), axis=0)
    latency = games.value * (p1 + (p2 - p1) * share)  # V p1 < t1 < t2 < V p2
    cheap = games.cost[1] * p1 / p2 * rng.random(N)  # c1/p1 < c2/p2
    games = dataclasses.replace(games, latency=tuple(latency), cost=(cheap, games.cost[1]))
    assert set(games.regime) == {"-+"}
    (xi1, xi2), c1, (cp1, cp2) = games.net_value, games.cost[0], games.cost_of_pass
    s0 = -xi1 / (xi2 / p2 - xi1)
    second = (c1 * (1 - s0) + cp2 * s0) / (p1 + games.failure[0] * s0)
    assert ((cp1 < second) & (second < cp2)).all()
    at = at_penalty(games, second)  # P2 is where leaving M1 costs as much as the cascade at s0
    assert_allclose(values(at, 1, 0.0, 1.0)[1], values(at, 1, s0, 0.0)[1], rtol=1e-9)


def test_lemma_6_1() -> None:
    """S1(s, q) >= p1."""
    games, rng = draw(None, 17)
    for s in (0.0, 1.0, rng.random(N)):
        for q in (0.0, 1.0, rng.random(N)):
            s_all, q_all = np.broadcast_to(s, N), np.broadcast_to(q, N)
            assert (service(games, s_all, q_all)[1] >= games.success[0] - EXACT).all()


def test_lemma_6_2() -> None:
    """The printed ratio lies between c1/p1 and c2/p2; it is (C1 - c1)/(S1 - p1) of the proofs."""
    games, rng = draw(None, 18)
    (p1, p2), (c1, c2) = games.success, games.cost
    least, most = np.minimum(*games.cost_of_pass), np.maximum(*games.cost_of_pass)
    for s in (np.zeros(N), np.ones(N), rng.random(N)):
        for q in (np.zeros(N), np.ones(N), rng.random(N)):
            beta = 1 / (p2 + games.failure[1] * q)
            ratio = (c1 * (1 - s) + beta * c2 * s) / (p1 * (1 - s) + beta * p2 * s)
            assert (least * (1 - EXACT) <= ratio).all()
            assert (ratio <= most * (1 + EXACT)).all()
            cost, success = service(games, s, q)
            assert (np.abs(cost - c1 - ratio * (success - p1)) <= EXACT * (cost + ratio)).all()
