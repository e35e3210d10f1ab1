"""A cascade seen through noise: equilibria by definition, Bagwell's pure ones, van Damme and Hurkens' limit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from routing_game.theory import GAMES, Game, observability, payoffs, solve
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
    s = np.array([deviation, cascade])[:, None]
    everything = payoffs(game, 1, s, np.linspace(0, 1, 401)).utility
    assert any(0 < outcome.deviates < 1 for outcome in outcomes)
    for outcome in outcomes:
        x, lottery = (
            np.array([outcome.deviates, 1 - outcome.deviates]),
            np.array([1 - outcome.lottery, outcome.lottery]),
        )
        paid = np.zeros(2)
        for signal, replies in enumerate(outcome.abandon):
            paid += signals[:, signal] * (payoffs(game, 1, s, np.array(replies)).cost @ lottery)
            if x @ signals[:, signal] > 0:
                posterior = x * signals[:, signal] / (x @ signals[:, signal])
                mine = posterior @ payoffs(game, 1, s, np.array(replies)).utility
                assert np.all((posterior @ everything).max() - mine[lottery > 0] < 1e-9)
        assert np.all(paid[x > 0] <= paid.min() + 1e-9)
        assert outcome.cost == pytest.approx(paid.min())


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
        saved = [
            observation_value(GAMES[name], error).observability for error in (0.3, 0.1, 0.03, 0.01)
        ]
        assert saved == sorted(saved)


def test_bad_arguments_are_named() -> None:
    for error in (0.0, 0.5, -1):
        with pytest.raises(ValueError, match="error"):
            noisy_play(GAMES["t4-cascade"], error, 0.3, 0.0)
    with pytest.raises(ValueError, match="cascade"):
        noisy_play(GAMES["t4-cascade"], 0.1, 1.3, 0.0)
    with pytest.raises(ValueError, match="seen"):
        signal_play(T4, np.array([[0.5, 0.6], [0.5, 0.5]]), 0.3, 0.0)
