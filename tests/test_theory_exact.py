"""The two-model theory against exact arithmetic: 200 digits, the chain's equations, definitions.

Every double is a decimal fraction, so a game of doubles has exact payoffs. Nothing here cancels,
which is why a threshold can be tested by what it says: just below s0 leaving at once is better, at
s_L the first q above 0 begins to pay. The games are random, or placed where rounding could decide:
dyadic and decimal numbers with their ties, p from 1e-12 to 1 - 1e-12, P from 1e-12 to 1e12.

By default a sample; the ``slow`` tests judge 10^4 edge games and 10^5 random ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pytest

from routing_game.theory import (
    Game,
    best_response,
    payoffs,
    provider_regret,
    sample_games,
    solve,
    thresholds,
    user_regret,
)

ACCURACY = Decimal("1e-9")
NEXT = Decimal("1e-60")
"""A step of q so small that it gives the sign of a slope."""

ROUNDING = Decimal("2e-15")
"""What counts as equal, relative to the terms of a difference."""
NOTHING = Decimal("1e-150")
"""What 200 digits leave of a zero."""

SMALL = [10.0**k for k in range(-13, 0, 2)]
GRID = [0.0, *SMALL, *np.linspace(0, 1, 6)[1:-1].tolist(), *[1 - x for x in SMALL], 1.0]
"""Probabilities of every order of magnitude, seen from either end."""


class Exact:
    """One game in 200 digits; payoffs from the equations of the chain."""

    def __init__(self, game: Game) -> None:
        self.value, self.penalty = Decimal(game.value), Decimal(game.penalty)
        pairs = (game.success, game.latency, game.cost)
        self.success, self.latency, self.cost = ([Decimal(x) for x in pair] for pair in pairs)

    def visits(self, route: int, s: Decimal, q: Decimal) -> tuple[Decimal, Decimal]:
        """n = e_i + n T, by back substitution."""
        fail1, fail2 = (1 - p for p in self.success)
        first = (route == 1) / (1 - fail1 * (1 - q) * (1 - s))
        second = ((route == 2) + first * fail1 * (1 - q) * s) / (1 - fail2 * (1 - q))
        return first, second

    def payoffs(self, route: int, s: float, q: float) -> tuple[Decimal, ...]:
        """S, L, C, U and J."""
        n = self.visits(route, Decimal(s), Decimal(q))
        success, latency, cost = (
            sum(a * b for a, b in zip(n, pair, strict=True))
            for pair in (self.success, self.latency, self.cost)
        )
        utility = self.value * success - latency
        return success, latency, cost, utility, cost + self.penalty * (1 - success)

    def utility(self, route: int, s: float, q: float) -> Decimal:
        return self.payoffs(route, s, q)[3]

    def scale(self, route: int, s: float, q: float) -> Decimal:
        """V S + L, of whose rounding the doubles V, p and t leave U in doubt."""
        success, latency, *_ = self.payoffs(route, s, q)
        return self.value * success + latency

    def distance(self, route: int, s: float, q: float, other: float) -> Decimal:
        """The same for U(q) - U(other): passes that differ, times V p + t."""
        visits = (self.visits(route, Decimal(s), Decimal(reply)) for reply in (q, other))
        return sum(
            abs(n - m) * (self.value * p + t)
            for n, m, p, t in zip(*visits, self.success, self.latency, strict=True)
        )

    def prefers(self, route: int, s: float, q: float, other: float) -> bool:
        """Whether U(q) is surely above U(other): at s and at what it may have been rounded from."""
        near_s = (
            Decimal(s) * (1 - ROUNDING),
            Decimal(s),
            min(Decimal(s) * (1 + ROUNDING), Decimal(1)),
        )
        return all(
            self.utility(route, x, q) - self.utility(route, x, other)
            > ROUNDING * self.distance(route, x, q, other)
            for x in (near_s if route == 1 else near_s[1:2])
        )


def edge_game(rng: np.random.Generator) -> Game:
    """One game where rounding could decide."""
    kind = rng.integers(0, 7)
    if kind < 2:  # sixteenths, twentieths: ties of every kind
        parts = (16, 20)[kind]
        value, penalty = rng.integers(1, 3 * parts, 2) / parts
        p = np.sort(rng.integers(1, parts, 2)) / parts
        t, c = np.sort(rng.integers(0, 2 * parts, (2, 2))) / parts
    elif kind == 2:  # a penalty of any size
        (p, t, c), value = np.sort(rng.random((3, 2))), rng.uniform(0.1, 3)
        penalty = 10 ** rng.uniform(-12, 12)
    else:  # chances near 0, near 1, one near each, or both anywhere
        small = 10 ** np.sort(rng.uniform(-12, 0, 2))
        p = {3: small, 4: 1 - small[::-1], 5: np.array([small[0], 1 - small[1]]), 6: small}[
            int(kind)
        ]
        value, penalty = 10 ** rng.uniform(-12, 12, 2) if kind > 4 else rng.uniform(0.1, 3, 2)
        t = np.sort(value * p * np.exp(rng.normal(0, 1 + 2 * (kind == 6), 2)))
        c = np.sort(10 ** rng.uniform(-6, 6, 2))
    if kind < 3 and rng.random() < 0.5:
        t, c, penalty = tied_numbers(value, penalty, p, t, c, rng)
    ordered = rng.random() < 0.8
    if not ordered:
        p, t, c = (pair[::-1] if rng.random() < 0.5 else pair for pair in (p, t, c))
    try:
        return Game(value, penalty, tuple(p), tuple(t), tuple(c), ordered)
    except ValueError:  # equal where they must not be
        return edge_game(rng)


def tied_numbers(value, penalty, p, t, c, rng):  # type: ignore[no-untyped-def]
    """The same, with one of the ties xi1 = 0, xi2 = 0, cp1 = cp2, P = d or P = cp1 = cp2."""
    kind = rng.integers(0, 5)
    t = np.where([kind == 0, kind == 1], value * p, t)
    if kind > 2:
        c = np.array([c[0], c[0] * p[1] / p[0]])
    if kind == 3 and p[0] < p[1]:
        penalty = (c[1] - c[0]) / (p[1] - p[0])
    return t, c, c[0] / p[0] if kind == 4 else penalty


def edge_games(n: int, seed: int) -> Iterator[Game]:
    rng = np.random.default_rng(seed)
    return (edge_game(rng) for _ in range(n))


def random_games(n: int, seed: int) -> Iterator[Game]:
    games = sample_games(n, np.random.default_rng(seed))
    return (games[k] for k in range(n))


def near(x: float, exact: Decimal, scale: Decimal | int = 0) -> bool:
    """Whether x is the exact number to 1e-9 of it, or of the scale on which it is known."""
    allowed = ACCURACY * max(abs(exact), scale / 10**3) + NOTHING
    return abs(Decimal(float(x)) - exact) <= allowed


def judge_payoffs(game: Game, exact: Exact, route: int, s: float, q: float) -> None:
    """S, L, C and J to 1e-9 of themselves, U to 1e-12 of V S + L."""
    answer, expected = payoffs(game, route, s, q), exact.payoffs(route, s, q)
    doubt = exact.scale(route, s, q)
    for name, x, right in zip(answer._fields, answer, expected, strict=True):
        assert near(x, right, doubt if name == "utility" else 0), (game, route, s, q, name)


def judge_reply(game: Game, exact: Exact, route: int, s: float, q: float) -> None:
    """No q of a grid is better than the best response, and the regret of q is the difference."""
    reply = best_response(game, route, s)
    for best in {reply.low, reply.high, reply.strong, reply.weak}:
        for other in (*GRID[::3], 1.0, q):
            assert not exact.prefers(route, s, other, best), (game, route, s, best, other)
    regret = exact.utility(route, s, reply.low) - exact.utility(route, s, q)
    doubt = exact.distance(route, s, reply.low, q)
    assert near(user_regret(game, route, s, q), regret, doubt), (game, route, s, q)


def judge_thresholds(game: Game, exact: Exact) -> None:
    """Each threshold to 1e-9 of itself, by what changes there."""
    s0, s_low, s_high = (
        None if np.isnan(s) or s in (0, 1) else Decimal(s) for s in thresholds(game)
    )

    def gain(s: Decimal, q: Decimal | int, other: Decimal | int) -> Decimal:
        return exact.utility(1, s, q) - exact.utility(1, s, other)

    if s0:  # leave below, stay above
        assert gain(s0 * (1 - ACCURACY), 1, 0) > 0, game
        assert gain(min(s0 * (1 + ACCURACY), 1), 0, 1) > 0, game
    if s_low:  # the first q above 0 pays from here on
        assert gain(s_low * (1 - ACCURACY), NEXT, 0) < 0, game
        assert gain(min(s_low * (1 + ACCURACY), 1), NEXT, 0) > 0, game
    if s_high:  # the last q below 1 pays up to here
        assert gain(s_high * (1 - ACCURACY), 1 - NEXT, 1) > 0, game
        assert gain(min(s_high * (1 + ACCURACY), 1), 1 - NEXT, 1) < 0, game


def replies_by_definition(exact: Exact, route: int, s: float, known: set[float]) -> list[float]:
    """Of the replies 0, 1 and those ``known``, the best ones, up to rounding."""
    utilities = {q: exact.utility(route, s, q) for q in (0.0, 1.0, *known)}
    best = max(utilities, key=utilities.__getitem__)
    return [q for q in utilities if not exact.prefers(route, s, best, q)]


def judge_optimum(game: Game, exact: Exact) -> None:
    """J* is attained, nothing on a grid is cheaper; U and misalignment of the optimal set."""
    optimum = solve(game)
    low = optimum.cascade[0]
    marks = [float(s) for s in thresholds(game) if np.isfinite(s)]
    ends = {0.0, 1.0, low, *marks}  # U and J are monotone between them
    found, tied, best_utility = [], [], None
    for route, s in [(2, 0.0), *((1, s) for s in {*GRID, *ends})]:
        reply = best_response(game, route, s)
        known = {reply.low, reply.high, reply.strong, reply.weak}
        for q in replies_by_definition(exact, route, s, known):
            *_, utility, cost = exact.payoffs(route, s, q)
            found.append((cost, utility, exact.scale(route, s, q)))
            tied += [found[-1]] if s in ends else []
            best_utility = utility if best_utility is None else max(best_utility, utility)
    cheapest = min(cost for cost, *_ in found)
    assert near(optimum.cost, cheapest), game
    assert provider_regret(game, optimum.route, low) <= 1.001e-12 * abs(optimum.cost), game

    doubt = max(scale for *_, scale in found)
    reached = exact.utility(int(optimum.route), low, float(optimum.abandon))
    assert near(optimum.utility, reached, doubt), game
    assert near(optimum.user_best, best_utility, doubt), game
    # costs count as equal to 1e-12: what is equal must be in the set, what is not must not be
    slack = max(ACCURACY * max(best_utility - u for _, u, _ in tied), doubt / 10**12)
    least = min(cost for cost, *_ in tied)
    surely, perhaps = (
        [best_utility - u for cost, u, _ in tied if cost <= least + abs(least) * limit]
        for limit in (Decimal("1e-15"), Decimal("3e-12"))
    )
    smallest, largest = (Decimal(float(gap)) for gap in optimum.misalignment)
    assert min(perhaps) - slack <= smallest <= min(surely) + slack, game
    assert max(surely) - slack <= largest <= max(perhaps) + slack, game
    assert min(optimum.misalignment) >= 0, game


def judge(game: Game, rng: np.random.Generator) -> None:
    """Everything about one game."""
    exact = Exact(game)
    judge_thresholds(game, exact)
    marks = [float(s) for s in thresholds(game) if np.isfinite(s)]
    for route in (1, 2):
        for s in (0.0, 1.0, rng.random(), 10 ** rng.uniform(-13, 0), *marks):
            q = float(rng.choice([0.0, 1.0, rng.random(), 10 ** rng.uniform(-13, 0)]))
            judge_payoffs(game, exact, route, float(s), q)
            judge_reply(game, exact, route, float(s), q)
    judge_optimum(game, exact)


@pytest.mark.parametrize(
    ("games", "n"),
    [
        (random_games, 40),
        (edge_games, 110),
        pytest.param(random_games, 10_000, marks=pytest.mark.slow),
        pytest.param(edge_games, 10_000, marks=pytest.mark.slow),
    ],
)
def test_everything_to_nine_digits(games: Callable[[int, int], Iterator[Game]], n: int) -> None:
    rng = np.random.default_rng(51)
    with localcontext(prec=200):
        for game in games(n, 52):
            judge(game, rng)


def chain(games: Game, route: int, s: Any, q: Any) -> tuple[Any, Any, Any]:
    """(U, J, V S + L) of many games in extended precision, from the chain's equations."""
    numbers = (games.value, games.penalty, *games.success, *games.latency, *games.cost)
    value, penalty, p1, p2, t1, t2, c1, c2 = (np.asarray(x, dtype=np.longdouble) for x in numbers)
    s, q = np.asarray(s, dtype=np.longdouble), np.asarray(q, dtype=np.longdouble)
    n1 = (route == 1) / (1 - (1 - p1) * (1 - q) * (1 - s))
    n2 = ((route == 2) + n1 * (1 - p1) * (1 - q) * s) / (1 - (1 - p2) * (1 - q))
    success, latency, cost = n1 * p1 + n2 * p2, n1 * t1 + n2 * t2, n1 * c1 + n2 * c2
    gain = value * success
    return gain - latency, cost + penalty * (1 - success), gain + latency


def test_a_hundred_thousand_random_games_in_extended_precision() -> None:
    """Utility, cost, best response, regret, J* and misalignment of all of them at once."""
    if np.finfo(np.longdouble).eps > 1e-18:
        pytest.skip("longdouble is no better than double here")
    rng = np.random.default_rng(53)
    games = sample_games(100_000, rng)
    s, q = rng.random((2, 100_000))
    optimum = solve(games)
    cheapest, best_utility = np.full(games.shape, np.inf), np.full(games.shape, -np.inf)
    marks = [np.nan_to_num(mark, nan=0.5) for mark in thresholds(games)]
    for route, at in [(2, 0.0), *((1, x) for x in (0.0, 1e-6, 1.0, s, *marks))]:
        reply = best_response(games, route, at)
        reached, cost, doubt = chain(games, route, at, reply.low)
        for other in (0.0, 0.25, 0.75, 1.0, q):
            utility, _, scale = chain(games, route, at, other)
            assert (utility <= reached + 1e-14 * np.maximum(scale, doubt)).all()
        regret, (utility, _, scale) = user_regret(games, route, at, q), chain(games, route, at, q)
        np.testing.assert_array_less(abs(regret - (reached - utility)), 1e-14 * (scale + doubt))
        strong = chain(games, route, at, reply.strong)[1]
        cheapest = np.minimum(cheapest, strong)
        best_utility = np.maximum(best_utility, reached)
        answer, (utility, cost, scale) = payoffs(games, route, at, q), chain(games, route, at, q)
        np.testing.assert_allclose(answer.cost, cost.astype(float), rtol=1e-13)
        np.testing.assert_array_less(abs(answer.utility - utility), 1e-14 * scale)
    np.testing.assert_allclose(optimum.cost, cheapest.astype(float), rtol=1e-13)
    np.testing.assert_allclose(optimum.user_best, best_utility.astype(float), rtol=1e-11)
    for gap in (
        optimum.misalignment
    ):  # off the boundaries one commitment is optimal, or those of one reply
        expected = (best_utility - optimum.utility).astype(float)
        np.testing.assert_allclose(gap, expected, atol=1e-11)


def test_thresholds_of_a_hundred_thousand_random_games() -> None:
    """A millionth below and above each: who gains by leaving, and who by beginning to."""
    games = sample_games(100_000, np.random.default_rng(54))
    step = 1e-5
    replies = {"s0": (0.0, 1.0), "s_low": (0.0, step), "s_high": (1 - step, 1.0)}
    for name, (stay, leave) in replies.items():
        mark = np.asarray(getattr(thresholds(games), name))
        has = np.flatnonzero(np.isfinite(mark) & (mark < 0.999))
        some, mark = games[has], mark[has]
        sign = -1 if name == "s0" else 1  # below s0 the user leaves, below s_L and s_H it stays
        for s, side in ((mark * (1 - 1e-3), sign), (mark * (1 + 1e-3), -sign)):
            gain = chain(some, 1, s, stay)[0] - chain(some, 1, s, leave)[0]
            assert (side * gain > 0).all()
