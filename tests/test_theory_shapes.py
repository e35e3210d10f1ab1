"""A number and an array of one agree, and so do lists, planes and numpy's own numbers.

The whole public face of the two-model theory, on games in which some numbers are single and some
are arrays, and in which ties and boundaries are common.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing_game.theory import (
    Game,
    best_response,
    deterring_cancel,
    failures_endured,
    forced_throttling,
    observability,
    outcome,
    participation,
    payoffs,
    provider_regret,
    sample_games,
    simultaneous,
    solve,
    thresholds,
    throttle,
    throttling_gain,
    user_regret,
    worst_cost,
)
from routing_game.theory.belief import Belief, expected_payoffs, expected_visits
from routing_game.theory.belief_plan import told_utility
from routing_game.theory.belief_rules import (
    after_failure,
    expected_threshold,
    expected_utility,
    plug_in,
    plug_in_after_failure,
    waiting,
    worth_of_reasoning,
)
from routing_game.theory.user import snapped

OF_EQUILIBRIUM = [
    "cost",
    "kind",
    "regime",
    "rule",
    "route",
    "cascade",
    "abandon",
    "utility",
    "user_best",
    "misalignment",
    "weak_cost",
    "attained",
]


def slower(game: Game) -> tuple[Any, Any]:
    """Latencies at which throttling is asked about."""
    return tuple(2 * t + 0.25 for t in game.latency)


ANSWERS: dict[str, Callable[[Game, Any, Any, Any], Any]] = {
    "regime": lambda game, i, s, q: game.regime,
    "thresholds": lambda game, i, s, q: thresholds(game),
    "snapped": lambda game, i, s, q: snapped(game, s),
    "best_response": lambda game, i, s, q: members(best_response(game, i, s)),
    "user_regret": lambda game, i, s, q: user_regret(game, i, s, q),
    "payoffs": payoffs,
    "outcome": lambda game, i, s, q: outcome(game, i, s),
    "provider_regret": lambda game, i, s, q: provider_regret(game, i, s),
    "solve": lambda game, i, s, q: [getattr(solve(game), name) for name in OF_EQUILIBRIUM],
    "simultaneous": lambda game, i, s, q: members(simultaneous(game))[1:],
    "observability": lambda game, i, s, q: observability(game),
    "throttle": lambda game, i, s, q: members(throttle(game)),
    "throttling_gain": lambda game, i, s, q: throttling_gain(game, slower(game)),
    "forced_throttling": lambda game, i, s, q: forced_throttling(game),
    "participation": lambda game, i, s, q: members(participation(game)),
    "worst_cost": lambda game, i, s, q: worst_cost(game, i, s, 0.125),
}


BELIEF = Belief(np.asarray(1.0), np.asarray(4.0))

OF_BELIEFS: dict[str, Callable[[Game], Any]] = {
    "expected_payoffs": lambda game: expected_payoffs(game, BELIEF, 0.3),
    "expected_visits": lambda game: expected_visits(game, BELIEF, 0.3),
    "expected_utility": lambda game: expected_utility(game, BELIEF),
    "plug_in": lambda game: plug_in(game, BELIEF),
    "plug_in_after_failure": lambda game: plug_in_after_failure(game, BELIEF),
    "after_failure": lambda game: after_failure(game, BELIEF),
    "waiting": lambda game: waiting(game, BELIEF, 0.5),
    "worth_of_reasoning": worth_of_reasoning,
    "told_utility": lambda game: told_utility(game, 0.3),
    "told_utility, a q a task": lambda game: told_utility(game, 0.3, "task"),
    "expected_threshold": lambda game: expected_threshold(game, 3.0),
    "failures_endured": lambda game: failures_endured(game, (2.0, 3.0)),
    "deterring_cancel": lambda game: deterring_cancel(game, 2.0, 0.9),
}


def members(answer: Any) -> list[Any]:
    return [getattr(answer, name) for name in answer.__dataclass_fields__]


def leaves(answer: Any) -> list[Any]:
    """Every number, array or word of an answer, in order."""
    if isinstance(answer, (tuple, list)):
        return [leaf for part in answer for leaf in leaves(part)]
    return [answer]


def same(first: Any, second: Any) -> bool:
    """Equal words, or numbers equal up to rounding."""
    if isinstance(first, str):
        return first == second
    return bool(np.isclose(first, second, rtol=1e-12, atol=1e-14, equal_nan=True))


@st.composite
def eight_numbers(draw: st.DrawFn, shape: tuple[int, ...], parts: int) -> list[Any]:
    """V, P, p1, p2, t1, t2, c1, c2, some varying over an array, in sixteenths or twentieths."""

    def numbers(low: int, high: int) -> Any:
        size = int(np.prod(shape))
        varies = draw(st.booleans())
        many = draw(st.lists(st.integers(low, high), min_size=size, max_size=size))
        return np.reshape(many, shape) / parts if varies else many[0] / parts

    value, penalty, t1, c1 = (numbers(1, 2 * parts) for _ in range(4))
    p1, p2 = numbers(1, parts - 1), numbers(1, parts - 1)
    t2, c2 = numbers(0, 3 * parts), numbers(0, 3 * parts)
    # a tie of the user's or the provider's is worth more than its chance
    if draw(st.booleans()):
        t1 = value * p1
    if draw(st.booleans()):
        c2 = c1 * p2 / p1
    if draw(st.booleans()):
        penalty = c1 / p1
    return [value, penalty, p1, p2, t1, t2, c1, c2]


def game_of(numbers: list[Any]) -> Game:
    value, penalty, p1, p2, t1, t2, c1, c2 = numbers
    return Game(value, penalty, (p1, p2), (t1, t2), (c1, c2), ordered=False)


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("parts", [16, 20])
@settings(max_examples=20, deadline=None, derandomize=True)
@given(data=st.data())
def test_an_array_answers_as_its_games_do(name: str, parts: int, data: st.DataObject) -> None:
    """Every array of games, whichever numbers vary, against each of its games alone."""
    shape = data.draw(st.sampled_from([(1,), (3,), (2, 2), (1, 3), (2, 1)]))
    games = game_of(data.draw(eight_numbers(shape, parts)))
    route = data.draw(st.sampled_from([1, 2]))
    s, q = (data.draw(st.integers(0, parts)) / parts for _ in range(2))
    together = leaves(ANSWERS[name](games, route, s, q))
    for place in np.ndindex(games.shape):
        alone = leaves(ANSWERS[name](games[place] if place else games, route, s, q))
        assert len(alone) == len(together)
        for one, many in zip(alone, together, strict=True):
            assert np.ndim(one) == 0
            assert np.shape(many) == games.shape
            assert same(one, np.asarray(many)[place])


@pytest.mark.parametrize("name", [name for name in ANSWERS if name != "worst_cost"])
def test_lists_numpy_s_numbers_and_double_precision(name: str) -> None:
    """A list is an array; a float32 is a number, not a reason to compute in float32."""
    games = sample_games(6, np.random.default_rng(3))
    route, s, q = [1, 2] * 3, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0.6, 0.5, 0.4, 0.3, 0.2, 0.1]
    arrays = [np.array(x) for x in (route, s, q)]
    expected = leaves(ANSWERS[name](games, *arrays))
    lists = leaves(ANSWERS[name](games, route, s, q))
    for a, b in zip(expected, lists, strict=True):
        np.testing.assert_array_equal(a, b)
    short = [x.astype(np.float32) for x in arrays]
    long = [x.astype(np.float64) for x in short]
    pairs = zip(
        leaves(ANSWERS[name](games, *short)), leaves(ANSWERS[name](games, *long)), strict=True
    )
    for a, b in pairs:
        np.testing.assert_array_equal(a, b)
    one = games[0]
    number = leaves(ANSWERS[name](one, 1, float(short[1][0]), float(short[2][0])))
    numpys = leaves(ANSWERS[name](one, np.int64(1), short[1][0], short[2][0]))
    assert all(same(a, b) for a, b in zip(number, numpys, strict=True))


@pytest.mark.parametrize("name", [*ANSWERS, *OF_BELIEFS])
@pytest.mark.parametrize("varies", range(8))
def test_an_array_in_which_one_number_varies_is_answered_game_by_game(
    name: str, varies: int
) -> None:
    """Also where the answer does not depend on that number, as utilities do not on P and c."""

    def answer(game: Game) -> list[Any]:
        found = OF_BELIEFS[name](game) if name in OF_BELIEFS else ANSWERS[name](game, 1, 0.3, 0.2)
        return leaves(found)

    numbers: list[Any] = [1.0, 1.5, 0.3, 0.8, 0.4, 0.5, 0.15, 0.6]
    several = [numbers[varies], 0.9 * numbers[varies]]
    alone = [answer(game_of([*numbers[:varies], x, *numbers[varies + 1 :]])) for x in several]
    together = answer(game_of([*numbers[:varies], np.array(several), *numbers[varies + 1 :]]))
    for many, first, second in zip(together, *alone, strict=True):
        assert np.shape(many) == (2,)
        assert same(first, many[0])
        assert same(second, many[1])
