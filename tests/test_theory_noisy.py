"""A cascade seen through noise: equilibria by definition.

Bagwell's pure ones, van Damme and Hurkens' limit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import binom

from routing_game.theory import (
    GAMES,
    Game,
    best_response,
    observability,
    payoffs,
    solve,
    thresholds,
)
from routing_game.theory.noisy import noisy_play, observation_value, signal_play

T4 = GAMES["t4-cascade"]

CASCADES = {"t4-cascade": (0.25, 0.0), "t5-cascade": (0.33, 1.0)}


@pytest.mark.parametrize("name", CASCADES)
@pytest.mark.parametrize("error", [0.2, 0.05, 0.001])
def test_every_outcome_is_an_equilibrium(name: str, error: float) -> None:
    """Neither a q on the grid, after either signal, nor the other cascade would do better."""
    game, (cascade, deviation) = GAMES[name], CASCADES[name]
    signals = np.array([[1 - error, error], [error, 1 - error]])
    check_equilibria(game, noisy_play(game, error, cascade, deviation), signals, cascade, deviation)


@pytest.mark.parametrize("name", CASCADES)
@pytest.mark.parametrize("tosses", [1, 3, 30])
def test_so_is_every_outcome_of_many_signals(name: str, tosses: int) -> None:
    """The user sees how often some tosses of the coin came up "escalate"."""
    game, (cascade, deviation) = GAMES[name], CASCADES[name]
    signals = binom(tosses, np.array([[deviation], [cascade]])).pmf(np.arange(tosses + 1))
    check_equilibria(
        game, signal_play(game, signals, cascade, deviation), signals, cascade, deviation
    )


def check_equilibria(
    game: Game, outcomes: Any, signals: Any, cascade: float, deviation: float
) -> None:
    """Replies against every q of a fine grid, the cascades against each other, and the averages."""
    s = np.array([deviation, cascade])[:, None]
    everything = payoffs(game, 1, s, np.linspace(0, 1, 20_001)).utility
    assert any(0 < outcome.deviates < 1 for outcome in outcomes)
    for outcome in outcomes:
        x = np.array([outcome.deviates, 1 - outcome.deviates])
        lottery = np.array([1 - outcome.lottery, outcome.lottery])
        paid, worth = np.zeros(2), np.zeros(2)
        for signal, replies in enumerate(outcome.abandon):
            play = payoffs(game, 1, s, np.array(replies))
            paid += signals[:, signal] * (play.cost @ lottery)
            worth += signals[:, signal] * (play.utility @ lottery)
            if x @ signals[:, signal] > 0:
                posterior = x * signals[:, signal] / (x @ signals[:, signal])
                mine = posterior @ play.utility
                assert np.all((posterior @ everything).max() - mine[lottery > 0] < 1e-12)
        assert np.all(paid[x > 0] <= paid.min() + 1e-10)
        assert outcome.cost == pytest.approx(x @ paid, rel=1e-12)
        assert outcome.utility == pytest.approx(x @ worth, rel=1e-12)


@pytest.mark.parametrize("error", [0.2, 0.03])
def test_a_mixed_equilibrium_by_root_finding(error: float) -> None:
    """t5-cascade, where replies are smooth in x: bounded search for q, and Brent's method for x."""
    game, (cascade, deviation) = GAMES["t5-cascade"], CASCADES["t5-cascade"]
    seen = np.array([[1 - error, error], [error, 1 - error]])

    def reply(x: float, signal: int) -> float:
        weight = np.array([x, 1 - x]) * seen[:, signal]
        inside = minimize_scalar(
            lambda q: -weight @ payoffs(game, 1, np.array([deviation, cascade]), q).utility,
            bounds=(0, 1),
            method="bounded",
            options={"xatol": 1e-12},
        )
        ends = [
            -weight @ payoffs(game, 1, np.array([deviation, cascade]), q).utility
            for q in (0.0, 1.0)
        ]
        return float([inside.x, 0.0, 1.0][int(np.argmin([inside.fun, *ends]))])

    def costs(x: float) -> np.ndarray:
        q = np.array([reply(x, 0), reply(x, 1)])
        return np.array(
            [seen[k] @ payoffs(game, 1, s, q).cost for k, s in enumerate((deviation, cascade))]
        )

    best = noisy_play(game, error, cascade, deviation)[0]
    x = brentq(
        lambda x: np.subtract(*costs(x)), best.deviates * 0.9, best.deviates * 1.1, xtol=1e-15
    )
    assert best.deviates == pytest.approx(x, rel=1e-5)  # the search for q is right to 1e-8
    assert best.cost == pytest.approx(costs(x)[0], rel=1e-7)


def test_signals_without_noise_are_commitment() -> None:
    """The cascade is a pure equilibrium: a deviation would be seen, and answered as such."""
    for name, (cascade, deviation) in CASCADES.items():
        game = GAMES[name]
        outcomes = signal_play(game, [[1.0, 0.0], [0.0, 1.0]], cascade, deviation)
        (pure,) = [outcome for outcome in outcomes if outcome.deviates == 0]
        q = float(best_response(game, 1, cascade).low)
        assert pure.cost == pytest.approx(float(payoffs(game, 1, cascade, q).cost))
        assert pure.abandon[1][0] == pytest.approx(q, abs=1e-9)
        assert pure.abandon[0][0] == pytest.approx(best_response(game, 1, deviation).low, abs=1e-9)


def test_a_signal_split_in_vain() -> None:
    """Signals that are told apart in vain change nothing."""
    seen = np.array([[0.9, 0.1], [0.1, 0.9]])
    split = np.array([[0.3, 0.6, 0.1], [0.1 / 3, 0.2 / 3, 0.9]])
    costs = [[o.cost for o in signal_play(T4, signals, 0.25, 0.0)] for signals in (seen, split)]
    assert costs[0] == pytest.approx(costs[1])


@pytest.mark.parametrize("name", CASCADES)
def test_bagwell_committing_is_no_pure_equilibrium_whatever_the_noise(name: str) -> None:
    for error in (0.3, 0.01, 1e-4):
        pure = [
            outcome
            for outcome in noisy_play(GAMES[name], error, *CASCADES[name])
            if outcome.deviates == 0
        ]
        assert pure == []


@pytest.mark.parametrize("name", CASCADES)
def test_van_damme_and_hurkens_a_mixed_one_tends_to_commitment(name: str) -> None:
    game, (cascade, deviation) = GAMES[name], CASCADES[name]
    committed = float(payoffs(game, 1, cascade, 0.0).cost)
    shortfall, deviates = [], []
    for error in (0.1, 0.01, 0.001):
        best = noisy_play(game, error, cascade, deviation)[0]
        shortfall.append(best.cost - committed)
        deviates.append(best.deviates)
    assert 0 < shortfall[2] < shortfall[1] / 5 < shortfall[0] / 25
    assert 0 < deviates[2] < deviates[1] / 5


def test_values_in_every_game_of_the_catalog() -> None:
    for name, game in GAMES.items():
        value = observation_value(game, 0.01)
        assert value.committed == pytest.approx(solve(game).cost)
        assert value.commitment == pytest.approx(observability(game))
        assert value.committed - 1e-12 <= value.noisy <= value.hidden[0] + 1e-12
        assert value.observability == pytest.approx(value.hidden[0] - value.noisy)
        if name.endswith("cascade"):
            assert value.noisy == pytest.approx(
                value.committed, rel=0.01
            )  # nearly all that seeing is worth
            assert value.commitment[0] > 0.1
        else:
            assert value.observability == pytest.approx(0.0, abs=1e-12)


def test_less_noise_is_never_worth_less() -> None:
    for name in CASCADES:
        saved = [observation_value(GAMES[name], error).observability for error in (0.3, 0.03)]
        assert saved == sorted(saved)


def test_what_seeing_is_worth_to_the_user() -> None:
    """U committed less U in either outcome of simultaneous play, each from what is played there."""
    played = {  # committed: route, s, q; hidden: the same
        "t4-cascade": ((1, 4 / 19, 0), (2, 0, 0), (2, 0, 0)),
        "t5-cascade": ((1, thresholds(GAMES["t5-cascade"]).s_low, 0), (2, 0, 1), (2, 0, 1)),
        "t4-leave-costly": ((1, 0, 1), (2, 0, 0), (1, 0, 1)),
        "t5-stay": ((1, 0, 0), (1, 0, 0), (1, 1, 1)),
        "t5-leave": ((1, 1, 1), (1, 0, 0), (1, 1, 1)),
    }
    for name, plays in played.items():
        committed, most, least = (float(payoffs(GAMES[name], *play).utility) for play in plays)
        found = observation_value(GAMES[name], 0.1).user
        assert found == pytest.approx((committed - most, committed - least), abs=1e-12), name
        assert found[0] <= found[1]


eighths = st.integers(1, 15).map(lambda k: k / 8)
chances = st.lists(st.integers(1, 7).map(lambda k: k / 8), min_size=2, max_size=2, unique=True)
rising = st.lists(eighths, min_size=2, max_size=2, unique=True)


@given(eighths, eighths, chances.map(sorted), rising.map(sorted), rising.map(sorted))
@example(1.0, 0.5, [0.5, 0.75], [0.25, 0.875], [0.25, 0.375])  # P = cp1 = cp2: no s matters
@settings(max_examples=60, deadline=None, derandomize=True)
def test_games_in_eighths_have_values(
    value: float, penalty: float, p: list[float], t: list[float], c: list[float]
) -> None:
    """Any ordered game, ties of all kinds: 0 <= what noise leaves of commitment <= all of it."""
    game, error = Game(value, penalty, tuple(p), tuple(t), tuple(c)), 0.1
    found = observation_value(game, error)
    assert found.committed <= found.noisy + 1e-12
    assert 0 <= found.observability <= found.commitment[0] + 1e-12
    assert found.commitment == pytest.approx(observability(game), abs=1e-15)
    for deviation in (0.0, 0.5, 1.0):
        outcomes = noisy_play(game, error, 0.25, deviation)
        assert outcomes
        assert all(np.isfinite([*outcome[:3], *outcome[4:]]).all() for outcome in outcomes)


def test_bad_arguments_are_named() -> None:
    for error in (0.0, 0.5, -1):
        with pytest.raises(ValueError, match="error"):
            noisy_play(GAMES["t4-cascade"], error, 0.3, 0.0)
    with pytest.raises(ValueError, match="cascade"):
        noisy_play(GAMES["t4-cascade"], 0.1, 1.3, 0.0)
    for seen in ([[0.5, 0.6], [0.5, 0.5]], [[-0.5, 1.5], [0.5, 0.5]], [[1, 0], [1, 0]], [[1, 0]]):
        with pytest.raises(ValueError, match="seen"):
            signal_play(T4, seen, 0.3, 0.0)
    with pytest.raises(ValueError, match="single game"):
        observation_value(Game.stack([T4, T4]), 0.1)
