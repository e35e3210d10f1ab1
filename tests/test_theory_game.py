"""The game as a value: validation, shapes, arrays of games, the catalog and measured pairs."""

from __future__ import annotations

import csv
import dataclasses
import math
import tracemalloc
from typing import Any

import numpy as np
import pytest

from games import SHARED
from routing_game.theory import GAMES, PAIRS, Game, load, sample_games, solve, thresholds
from routing_game.theory.catalog import ModelEstimate, RealPair
from routing_game.theory.frequencies import frequencies

GOOD: dict[str, Any] = {
    "value": 1.0,
    "penalty": 1.5,
    "success": (0.3, 0.8),
    "latency": (0.4, 0.5),
    "cost": (0.15, 0.6),
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"value": 0.0}, "value must be positive, got 0"),
        ({"value": float("nan")}, "value must be finite, got nan"),
        ({"value": "much"}, "value must be a number"),
        ({"penalty": -1.0}, "penalty must be positive, got -1"),
        ({"penalty": float("inf")}, "penalty must be finite"),
        ({"success": (0.0, 0.8)}, "success of model 1 must lie strictly between 0 and 1"),
        (
            {"success": (0.3, 80)},
            "success of model 2 must lie strictly .* not a percentage.*, got 80",
        ),
        ({"value": "1.5"}, "value must be a number or an array of numbers, got '1.5'"),
        ({"penalty": ["1", "2"]}, "penalty must be a number or an array of numbers"),
        ({"value": 10**400}, "value must be a number or an array of numbers"),
        ({"penalty": 1e101}, "penalty must stay within 1e.100 .choose another unit"),
        ({"cost": (0.1, 1e301)}, "cost of model 2 must stay within 1e.100"),
        ({"value": 1e-101}, "value must be at least 1e-100 .choose another unit"),
        ({"success": (1e-101, 0.8)}, "success of model 1 must lie strictly between 0 and 1"),
        ({"success": 0.3}, "success must be a pair"),
        ({"success": (0.3, 0.5, 0.8)}, "success must be a pair"),
        ({"success": (0.8, 0.3)}, "success must be larger for model 2"),
        ({"latency": (-0.1, 0.5)}, "latency of model 1 must be at least 0"),
        ({"latency": (0.5, 0.4)}, "latency must be larger for model 2"),
        ({"cost": (0.6, 0.6)}, "cost must be larger for model 2"),
        ({"cost": (-0.1, 0.6)}, "cost of model 1 must be at least 0"),
        (
            {"cost": (0.1, [0.6, float("nan")])},
            r"cost of model 2 must be finite, got nan at index \(1,\)",
        ),
        (
            {"value": [1.0, 2.0], "penalty": [1.0, 2.0, 3.0]},
            "shapes of a game's numbers must broadcast",
        ),
    ],
)
def test_bad_numbers_are_named(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Game(**{**GOOD, **change})


def test_models_that_are_swapped_are_asked_about() -> None:
    swapped = {name: GOOD[name][::-1] for name in ("success", "latency", "cost")}
    with pytest.raises(ValueError, match=r"got .* and .*; .* are the two models swapped\?$"):
        Game(**{**GOOD, **swapped})
    with pytest.raises(ValueError, match="got [^;]*$"):  # one of the three is no swap
        Game(**{**GOOD, "success": swapped["success"]})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"passes": 0}, "passes must be a whole number, at least 1, got 0"),
        ({"passes": 120.5}, "passes must be a whole number, at least 1, got 120.5"),
        ({"solved": 130}, r"solved \(of all passes\) must be a whole number, at most 120, got 130"),
        ({"solved": -1}, "at least 0, got -1"),
        ({"seconds": -1.0}, "seconds must be a finite total, at least 0, got -1"),
        ({"dollars": np.nan}, "dollars must be a finite total, at least 0, got nan"),
        ({"seconds": "1800"}, "seconds must be a finite total, at least 0, got '1800'"),
        ({"seconds": None}, "seconds must be a finite total, at least 0, got None"),
        ({"dollars": [1.0, 0.1]}, "dollars must be a finite total, at least 0, got 1 at index"),
    ],
)
def test_totals_of_a_log_that_cannot_be_are_named(change: dict[str, Any], words: str) -> None:
    log = {"passes": 120, "solved": 55, "seconds": 1800.0, "dollars": 1.1}
    assert ModelEstimate("m", "r", **log).success == 55 / 120
    with pytest.raises(ValueError, match=words):
        ModelEstimate("m", "r", **{**log, **change})


def test_two_logs_a_value_and_a_penalty_are_a_game() -> None:
    small = ModelEstimate("s", "r", passes=100, solved=40, seconds=500.0, dollars=1.0)
    large = ModelEstimate("l", "r", passes=50, solved=40, seconds=1000.0, dollars=5.0)
    assert RealPair(small, large, 60, 0.5).game == Game(60, 0.5, (0.4, 0.8), (5, 20), (0.01, 0.1))


def test_ordered_false_lifts_the_ordering_and_admits_negative_costs() -> None:
    game = Game(**{**GOOD, "success": (0.8, 0.3), "cost": (0.6, -0.1), "ordered": False})
    assert game.cost == (0.6, -0.1)


def test_a_game_is_frozen_and_its_arrays_too() -> None:
    game = Game(**{**GOOD, "value": [1.0, 2.0]})
    with pytest.raises(dataclasses.FrozenInstanceError):
        game.value = 2.0  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        game.value[0] = 3.0  # type: ignore[index]


def test_equality_and_hash_go_by_value() -> None:
    assert Game(**GOOD) == GAMES["t4-cascade"]
    assert hash(Game(**GOOD)) == hash(GAMES["t4-cascade"])
    zero, minus_zero = (Game(**{**GOOD, "latency": (t, 0.5)}) for t in (0.0, -0.0))
    assert (zero, hash(zero)) == (minus_zero, hash(minus_zero))
    assert Game(**GOOD) != GAMES["t5-cascade"]
    assert Game(**GOOD) != Game(**GOOD, ordered=False)


def test_equality_does_not_depend_on_how_equal_numbers_are_stored() -> None:
    row = Game(**{**GOOD, "value": [1.0, 1.0]})
    full = Game(
        *(_twice(GOOD[name]) for name in ("value", "penalty", "success", "latency", "cost"))
    )
    assert (row, hash(row)) == (full, hash(full))
    assert row != Game(**GOOD)  # two games are not one
    assert row != Game(**{**GOOD, "value": [[1.0, 1.0]]})
    assert row != Game(**{**GOOD, "value": [1.0, 2.0]})


def _twice(x: Any) -> Any:
    return tuple(map(_twice, x)) if isinstance(x, tuple) else np.array([x, x])


def test_only_single_games_are_stacked() -> None:
    row = Game(**{**GOOD, "value": [1.0, 2.0]})
    for games in ([], [Game(**GOOD), row]):
        with pytest.raises(ValueError, match="games must be single games, at least one"):
            Game.stack(games)


@pytest.mark.parametrize("n", [-1, 2.5, True, "3", None])
def test_a_number_of_games_is_a_whole_number(n: Any) -> None:
    rng = np.random.default_rng(4)
    with pytest.raises(ValueError, match="n must be a whole number, at least 0"):
        sample_games(n, rng)
    with pytest.raises(ValueError, match="n must be a whole number, at least 1"):
        frequencies("uniform", n, rng)


def test_no_games_are_an_empty_array_and_have_no_frequencies() -> None:
    rng = np.random.default_rng(5)
    for regime in (None, "+-"):
        games = sample_games(0, rng, regime)
        assert games.shape == solve(games).cost.shape == thresholds(games).s0.shape == (0,)
    with pytest.raises(ValueError, match="at least 1, got 0"):
        frequencies("uniform", 0, rng)


def test_a_few_games_of_a_rare_regime_are_found_whatever_the_draw() -> None:
    """A draw may hold none of them; another follows until there are enough."""

    class Unlucky:
        """Draws whose first batch holds games of another regime only."""

        def __init__(self) -> None:
            self.rng, self.calls = np.random.default_rng(6), 0

        def random(self, size: Any) -> Any:
            self.calls += 1
            if self.calls <= 3:  # p, t and c of the first draw: all slow and unlikely
                return np.full(size, 0.99) * np.array([[1.0], [0.999]])
            return self.rng.random(size)

        def uniform(self, *args: Any) -> Any:
            return self.rng.uniform(*args)

    games = sample_games(3, Unlucky(), "-+")  # type: ignore[arg-type]
    assert list(games.regime) == ["-+"] * 3


def test_arrays_of_games_index_and_stack() -> None:
    stacked = Game.stack(list(GAMES.values()))
    assert stacked.shape == (12,)
    assert [stacked[k] for k in range(12)] == list(GAMES.values())
    plane = Game(
        1.0, np.linspace(0.1, 2, 5)[:, None], (0.3, 0.8), (np.linspace(0, 0.4, 3), 0.5), (0.15, 0.6)
    )
    assert plane.shape == (5, 3)
    assert plane.regime.shape == (5, 3)
    assert plane.ravel()[7] == plane[2, 1]


def test_a_net_value_that_is_zero_in_decimals_is_zero() -> None:
    """.7 * .1 is not .07 in binary; the user means the boundary."""
    game = Game(0.7, 1, (0.1, 0.8), (0.07, 0.5), (0.1, 0.2))
    assert 0.7 * 0.1 != 0.07
    assert game.net_value[0] == 0
    assert game.regime == "0+"


def test_unknown_games_get_suggestions() -> None:
    with pytest.raises(KeyError, match="t4-cascade"):
        load("t4-cascad")


@pytest.mark.parametrize("regime", ["++", "--", "-+", "+-"])
def test_sample_games_by_regime(regime: str) -> None:
    games = sample_games(1000, np.random.default_rng(3), regime)
    assert games.shape == (1000,)
    assert set(games.regime) == {regime}


@pytest.mark.parametrize("regime", [None, "++", "--", "-+", "+-"])
def test_as_many_games_as_asked_for_are_drawn(regime: str | None) -> None:
    rng = np.random.default_rng(4)
    for n in (0, 1, np.int64(3), 7):
        assert sample_games(n, rng, regime).shape == (n,)
    for n in (-1, 2.5, "3", True, None):
        with pytest.raises(ValueError, match="n must be a whole number, at least 0, got"):
            sample_games(n, rng, regime)
    with pytest.raises(ValueError, match="regime must be None"):
        sample_games(3, rng, "+")


def test_a_draw_with_too_few_games_of_a_regime_is_repeated() -> None:
    class Unlucky(np.random.Generator):
        """The first V and P are the least that there are."""

        draws = 0

        def uniform(self, low: float, high: float, size: int) -> np.ndarray:
            self.draws += 1
            return np.full(size, low if self.draws <= 2 else high)

    rng = Unlucky(np.random.PCG64(5))
    games = sample_games(40, rng, "++")
    assert rng.draws == 4  # V and P, twice
    assert games.shape == (40,)
    assert set(games.regime) == {"++"}


def test_pairs_carry_intervals_and_a_source() -> None:
    assert len(PAIRS) >= 3
    for pair in PAIRS.values():
        assert pair.game.shape == ()
        assert len(pair.source["commit"]) == 40
        assert pair.source["licence"]
        for model in (pair.standard, pair.reasoning):
            low, high = model.success_interval
            assert 0 < low < model.success < high < 1


def test_gpt_41_to_o3_is_the_checked_example() -> None:
    pair = PAIRS["gpt-4.1-o3"]
    assert pair.game.success == pytest.approx((0.291, 0.483), abs=5e-4)
    assert pair.standard.success_interval == pytest.approx((0.249, 0.337), abs=5e-4)
    assert pair.reasoning.success_interval == pytest.approx((0.432, 0.535), abs=5e-4)
    assert pair.game.cost == pytest.approx((0.0243, 0.0384), abs=5e-5)
    assert pair.game.latency == pytest.approx((11.4, 63.9), abs=0.05)


def test_pairs_equal_their_source() -> None:
    """Every number of every pair, recomputed from the public records."""
    path = SHARED / "data" / "aider_two_try.csv"
    if not path.exists():
        pytest.skip("the measured data is not here")
    with path.open(encoding="utf-8") as file:
        rows = {(row["file"], row["run"]): row for row in csv.DictReader(file)}
    for pair in PAIRS.values():
        for model in (pair.standard, pair.reasoning):
            row = rows["polyglot_leaderboard", model.run]
            assert model.name == row["model"]
            assert model.passes == 2 * int(row["n_cases"]) - int(row["n_pass_try1"])
            assert model.solved == int(row["n_pass_by_try2"])
            assert model.dollars == float(row["total_cost_usd"])
            assert math.isclose(model.seconds, float(row["seconds_per_case"]) * int(row["n_cases"]))


def test_the_cost_of_a_pass_is_that_of_its_own_model() -> None:
    game = GAMES["t4-cascade"]
    assert game.cost_of_pass == (pytest.approx(0.5), pytest.approx(0.75))


@pytest.mark.parametrize("shape", [(500_000,), (500, 1000)])
def test_a_sweep_over_one_number_holds_that_one_alone(shape):
    sweep = np.linspace(0.05, 0.25, 500_000).reshape(shape)
    games = Game(1, 1.5, (sweep, 0.8), (0.4, 0.5), (0.15, 0.6))
    whole = Game(np.ones(shape), 1.5, (sweep, 0.8), (0.4, 0.5), (0.15, 0.6))
    assert games.ravel() == whole.ravel()
    assert np.array_equal(solve(games[:1]).cost, solve(whole[:1]).cost)
    for part in (games.ravel(), games[::2], games[:1], games[..., None]):
        assert isinstance(part.value, float)
        assert part.success[0].shape == part.shape
    assert games.ravel()[0].ravel().shape == (1,)  # a single game has but such numbers
    solve(games)  # where it is compiled, that is done by now
    tracemalloc.start()
    result = solve(games)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * (result.cost.nbytes + result.kind.nbytes)
