"""What a game's numbers may be, and how exact the answers are: as `Game` says, at its ends."""

from __future__ import annotations

import itertools
from dataclasses import replace

import mpmath as mp
import numpy as np
import pytest

from routing_game.theory import GAMES, Game, best_response, outcome, payoffs, solve, thresholds
from routing_game.theory.catalog import sample_games
from routing_game.theory.game import LARGEST, LEAST

ENDS = (LEAST, 1.0, LARGEST)
CHANCES = (LEAST, 1e-17, 0.5, float(np.nextafter(1.0, 0.0)))
COMMITMENTS = [(2, 0.0), *((1, s) for s in (0.0, 1e-100, 0.3, float(np.nextafter(1.0, 0.0)), 1.0))]


def corners() -> Game:
    """Games of numbers at the ends of what they may be, and in the middle."""
    money = (-LARGEST, -LEAST, 0.0, LEAST, 1.0, LARGEST)
    chosen = [
        *(ENDS, ENDS, CHANCES, CHANCES),
        *((0.0, *ENDS), (0.0, *ENDS), money, money),
    ]
    rng = np.random.default_rng(1)
    v, p, p1, p2, t1, t2, c1, c2 = (rng.choice(column, 5000) for column in chosen)
    return Game(v, p, (p1, p2), (t1, t2), (c1, c2), ordered=False)


def by_definition(game: Game, route: int, s: float, q: float) -> dict[str, tuple[mp.mpf, mp.mpf]]:
    """U and J, each with the sum of the sizes of its terms, from first passes on: 400 digits."""
    numbers = (game.value, game.penalty, *game.success, *game.latency, *game.cost)
    v, p, p1, p2, t1, t2, c1, c2 = (mp.mpf(float(x)) for x in numbers)
    s, q = mp.mpf(s), mp.mpf(q)
    stay = 1 - q
    after_2 = 1 / (1 - (1 - p2) * stay)  # passes of M2 from its first one on
    n1 = 1 / (1 - (1 - p1) * stay * (1 - s)) if route == 1 else mp.mpf(0)
    n2 = after_2 * ((1 - p1) * stay * s * n1 if route == 1 else 1)
    left = q * (n1 * (1 - p1) + n2 * (1 - p2))
    gains, delay = v * (n1 * p1 + n2 * p2), n1 * t1 + n2 * t2
    spent = n1 * c1 + n2 * c2
    return {
        "utility": (gains - delay, gains + delay),
        "cost": (spent + p * left, n1 * abs(c1) + n2 * abs(c2) + p * left),
    }


@pytest.mark.parametrize(("route", "s"), COMMITMENTS)
def test_payoffs_are_exact_to_13_digits_of_their_terms_at_all_ends(route: int, s: float) -> None:
    games = corners()[:300]
    with mp.workdps(700):
        for q in (0.0, 1e-100, 0.7, 1.0):
            found = payoffs(games, route, s, q)
            for k, game in enumerate(games):
                for name, (right, terms) in by_definition(game, route, s, q).items():
                    error = abs(mp.mpf(float(getattr(found, name)[k])) - right)
                    assert error <= mp.mpf(1e-13) * terms, (game, name, route, s, q)


def test_at_all_ends_answers_are_finite_and_none_is_better() -> None:
    games = corners()
    best = solve(games)
    assert np.isfinite(best.cost).all()
    for route, s in COMMITMENTS:
        reply = best_response(games, route, s)
        for q in (reply.low, reply.high, reply.strong):
            assert ((q >= 0) & (q <= 1)).all()
        cost = outcome(games, route, s).cost
        size = np.abs(cost) + np.abs(best.cost) + np.maximum(*map(np.abs, games.cost))
        assert (cost >= best.cost - 1e-12 * size).all()


def test_where_no_double_lies_between_the_thresholds_the_user_stays() -> None:
    """S_L and s_H of 1e-200: a product of two such is 0, and was 0 / 0 once."""
    game = Game(LEAST, LEAST, (LEAST, 0.5), (0.0, 1.0), (0.0, 1.0), ordered=False)
    _, low, high = thresholds(game)
    s = np.linspace(low, high, 129)
    reply = best_response(game, 1, s)
    assert [best_response(game, 1, x).low for x in s] == reply.low.tolist()
    assert ((reply.low >= 0) & (reply.low <= 1)).all()
    assert (reply.low[0], reply.low[-1]) == (0.0, 1.0)


UNITS = [*itertools.product((-320, -1, 0, 320), repeat=2)]


@pytest.mark.parametrize(("time", "money"), UNITS)
def test_in_other_units_answers_are_the_same_to_the_last_bit(time: int, money: int) -> None:
    """Powers of two, as these round nothing, from one end to the other."""
    games = sample_games(2000, np.random.default_rng(3))
    a, b = 2.0**time, 2.0**money
    other = replace(
        games,
        value=games.value * a,
        latency=tuple(t * a for t in games.latency),
        penalty=games.penalty * b,
        cost=tuple(c * b for c in games.cost),
    )
    one, two = solve(games), solve(other)
    assert np.array_equal(two.cost, one.cost * b)
    assert np.array_equal(two.cascade, one.cascade)
    assert np.array_equal(two.route, one.route)
    assert np.array_equal(two.utility, one.utility * a)
    for here, there in zip(thresholds(games), thresholds(other), strict=True):
        assert np.array_equal(here, there, equal_nan=True)


@pytest.mark.parametrize("field", ["value", "penalty", "success", "latency", "cost"])
def test_a_number_beyond_the_ends_is_refused_by_name(field: str) -> None:
    game = GAMES["t4-cascade"]
    beyond = {
        "value": [LEAST / 2, LARGEST * 2, 1e300],
        "penalty": [LEAST / 2, LARGEST * 2, 1e300],
        "success": [(LEAST / 2, 0.8), (0.3, 1.0)],
        "latency": [(0.4, LARGEST * 2), (0.4, 1e300)],
        "cost": [(0.15, LARGEST * 2), (0.15, 1e300)],
    }
    for numbers in beyond[field]:
        with pytest.raises(ValueError, match=rf"{field}.* must .*1e[+-]100"):
            replace(game, **{field: numbers})
