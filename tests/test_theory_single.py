"""One game and one commitment in Python floats: what the arrays answer, to the last bit.

Arrays of games and single ones are answered by different code (`theory.user`, `theory.single`), so
each is the other's control. That the answers are right is for `test_theory_user`.
"""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from routing_game.theory import Game, best_response, thresholds, user_regret

Array = np.ndarray[Any, Any]
GAMES = 20_000
FEWER = 4_000
"""For each of which Python is asked."""


def random_games(rng: np.random.Generator, n: int, least_p: float = 0.01) -> Game:
    """Games of every regime and any order, each number from a wide range."""

    def wide(low: float, high: float) -> Array:
        return np.exp(rng.uniform(np.log(low), np.log(high), n))

    value, penalty = wide(0.1, 10), wide(0.1, 10)
    success = wide(least_p, 0.99), wide(least_p, 0.99)
    latency, cost = (
        tuple(scale * p * wide(0.1, 10) for p in success) for scale in (value, penalty)
    )
    return Game(value, penalty, success, latency, cost, ordered=False)


def at_boundaries(rng: np.random.Generator, n: int) -> Game:
    """Of such games some with xi1 = 0 or xi2 = 0 or both, and some indifferent about the user."""
    games = random_games(rng, n)
    worthless = [
        np.where(rng.random(n) < 0.5, games.value * p, t) for p, t in pairs(games, "latency")
    ]
    indifferent = [
        np.where(rng.random(n) < 0.5, games.penalty * p, c) for p, c in pairs(games, "cost")
    ]
    return replace(games, latency=tuple(worthless), cost=tuple(indifferent))


def pairs(games: Game, name: str) -> Any:
    return zip(games.success, getattr(games, name), strict=True)


def anywhere(games: Game, rng: np.random.Generator) -> Array:
    """Cascades in [0, 1], some of them 0 or 1."""
    return np.clip(rng.uniform(-0.1, 1.1, games.shape), 0.0, 1.0)


def at_thresholds(games: Game, rng: np.random.Generator) -> Array:
    """A threshold of each game that has one, or up to three ulps or a relative 1e-8 beside it."""
    s0, s_low, s_high = thresholds(games)
    ramp = np.where(rng.random(games.shape) < 0.5, s_low, s_high)
    s = np.where(np.isnan(s0), np.where(np.isnan(ramp), 0.5, ramp), s0)
    near = s + rng.integers(-3, 4, games.shape) * np.spacing(s)
    far = s * (1 + rng.uniform(-1e-8, 1e-8, games.shape))
    return np.clip(np.where(rng.random(games.shape) < 0.8, near, far), 0.0, 1.0)


@pytest.mark.parametrize("n", [FEWER, pytest.param(GAMES, marks=pytest.mark.slow)])
@pytest.mark.parametrize("cascades", [anywhere, at_thresholds])
@pytest.mark.parametrize("draw", [random_games, at_boundaries, "tiny p"])
def test_one_game_and_many_give_the_same_bits(draw: Any, cascades: Any, n: int) -> None:
    rng = np.random.default_rng(7)
    games = random_games(rng, n, least_p=1e-90) if draw == "tiny p" else draw(rng, n)
    s, route, q = cascades(games, rng), rng.integers(1, 3, n), anywhere(games, rng)
    many, regrets = best_response(games, route, s), user_regret(games, route, s, q)
    one = [games[k] for k in range(n)]
    asked = list(zip(one, route.tolist(), s.tolist(), strict=True))
    answers = [best_response(*question) for question in asked]
    for field in fields(many):
        expected = np.asarray(getattr(many, field.name))
        got = np.array([getattr(answer, field.name) for answer in answers], expected.dtype)
        assert got.tobytes() == expected.tobytes(), field.name
    lost = [user_regret(*question, x) for question, x in zip(asked, q.tolist(), strict=True)]
    assert np.array(lost).tobytes() == np.asarray(regrets).tobytes()


def test_an_answer_of_0_has_no_sign() -> None:
    """Where q_dagger is nothing but rounding: the least s there is, and thresholds of its size."""
    game = Game(2609, 1, (9.02e-72, 1.35e-86), (4.33e-106, 2.44e97), (0.1, 0.2), ordered=False)
    for q in (best_response(game, 1, 5e-324), best_response(game, [1, 1], 5e-324)):
        assert not np.any(q.low)
        assert not np.any(np.signbit(q.low))


@pytest.mark.parametrize("n", [FEWER, GAMES])
def test_the_games_of_these_tests_meet_every_case(n: int) -> None:
    rng = np.random.default_rng(7)
    games = at_boundaries(rng, n)
    answer = best_response(games, 1, at_thresholds(games, rng))
    assert set(games.regime) == {a + b for a in "-0+" for b in "-0+"}
    tie = answer.low < answer.high
    assert (tie & ~answer.connected).sum() > 100
    assert (tie & answer.connected & (answer.strong < answer.weak)).sum() > 100
    ramp = random_games(rng, n)
    inner = best_response(ramp, 1, anywhere(ramp, rng)).low
    assert ((inner > 0) & (inner < 1)).sum() > 100


@pytest.mark.parametrize("kind", [float, np.float64, np.float32, np.asarray, lambda x: [x][0]])
def test_however_one_number_is_written_it_is_answered_alike(kind: Any) -> None:
    game = Game(1, 1.5, (0.3, 0.8), (0.4, 0.5), (0.15, 0.6))
    expected = best_response(game, 1, 0.25)
    for route in (1, np.int64(1), 1.0, np.asarray(1)):
        assert best_response(game, route, kind(0.25)) == expected
        assert user_regret(game, route, kind(0.25), kind(0.5)) == user_regret(game, 1, 0.25, 0.5)
