"""The priors over games draw what their docstrings say."""

from __future__ import annotations

import numpy as np
import pytest

from routing_game.theory import Game
from routing_game.theory.frequencies import PRIORS, measured, ratios, unit

N = 50_000


class LowestDraws:
    """A source of randomness at the lower end of what numpy's may give."""

    def random(self, shape: tuple[int, ...]) -> np.ndarray:
        return np.zeros(shape)

    def uniform(self, low: float, high: float, shape: tuple[int, ...]) -> np.ndarray:
        return np.linspace(low, high, int(np.prod(shape)) + 1)[:-1].reshape(shape)


def test_the_lowest_draw_is_a_game_still() -> None:
    game = unit(3, LowestDraws())  # type: ignore[arg-type]
    assert game.value == pytest.approx(1.0)
    assert np.all(np.asarray(game.success) < 1)


def levels(game: Game) -> tuple[np.ndarray, np.ndarray]:
    """V, P as shares of the way, in logarithms, from half the lesser ratio to twice the greater."""

    def place(x: object, ratios: object) -> np.ndarray:
        low, high = np.log(np.min(ratios, axis=0) / 2), np.log(np.max(ratios, axis=0) * 2)
        return np.asarray((np.log(x) - low) / (high - low))

    latency = np.array(game.latency) / np.array(game.success)
    return place(game.value, latency), place(game.penalty, game.cost_of_pass)


def test_measured_games_have_levels_around_what_their_passes_cost() -> None:
    for share in levels(measured(N, np.random.default_rng(1))):
        assert 0 <= share.min() < 0.001
        assert 0.999 < share.max() <= 1
        assert np.histogram(share, 10, (0, 1))[0] / N == pytest.approx(0.1, abs=0.007)


def test_scale_free_games_have_their_ranges() -> None:
    game = ratios(N, np.random.default_rng(2))
    for x, low, high in (
        (game.latency[1], 1, 100),
        (game.cost[1], 1, 100),
        (game.value, 0.5, 200),
        (game.penalty, 0.5, 200),
    ):
        share = np.log(x / low) / np.log(high / low)
        assert np.histogram(share, 10, (0, 1))[0] / N == pytest.approx(0.1, abs=0.007)


@pytest.mark.parametrize("prior", PRIORS)
def test_a_prior_draws_ordered_games(prior: str) -> None:
    assert PRIORS[prior](1000, np.random.default_rng(3)).ordered
