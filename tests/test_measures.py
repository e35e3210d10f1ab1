"""Shares, speeds and the equilibrium selected: against definitions and known answers."""

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

from routing_game.experiments.check.scores import practice_to, scores, speeds
from routing_game.experiments.intervals import iqm, iqm_interval, wilson
from routing_game.experiments.measures import beside_hidden, distance, selected
from routing_game.theory import GAMES, Game, payoffs, simultaneous, solve


@pytest.mark.parametrize(("k", "n"), [(0, 10), (10, 10), (7, 20), (1, 3)])
def test_wilson_interval_solves_its_equation(k, n):
    """The ends are the p at which |p_hat - p| = z sqrt(p (1-p) / n)."""
    share, low, high = wilson(k, n)
    z = norm.ppf(0.975)
    assert share == k / n
    for p in (low, high):
        assert abs(share - p) == pytest.approx(z * np.sqrt(p * (1 - p) / n), abs=1e-9)
    assert low <= share <= high


def test_no_seeds_no_share():
    assert np.isnan(wilson(0, 0)).all()


def test_interquartile_mean_ignores_the_outer_quarters():
    assert float(iqm(np.array([-1e9, 1, 2, 3, 4, 1e9, -1e9, 1e9]))) == pytest.approx(2.5)


def test_interval_covers_what_it_should():
    rng, hits = np.random.default_rng(0), 0
    for _ in range(60):
        middle, low, high = iqm_interval(rng.normal(size=(20, 4)), resamples=300)
        assert low <= middle <= high
        hits += low <= 0 <= high
    assert 50 <= hits <= 60


def test_seeds_are_resampled_whole():
    """A seed bad in every game widens the interval more than bad cells spread over the seeds."""
    together, apart = np.zeros((12, 4)), np.zeros((12, 4))
    together[:3] = 1.0
    apart.ravel()[::4] = 1.0
    width = [np.subtract(*iqm_interval(x)[:0:-1]) for x in (together, apart)]
    assert width[0] > width[1] >= 0


def test_practice_counts_from_the_last_visit_above():
    practice, regret = [1, 2, 4, 8], [0.5, 0.001, 0.02, 0.005]
    assert practice_to(practice, regret, 0.01) == 8
    assert practice_to(practice, regret, 0.05) == 2
    assert practice_to(practice, regret, 1.0) == 1
    assert np.isnan(practice_to(practice, regret, 0.001))


@pytest.mark.parametrize("name", GAMES)
def test_equilibria_are_recognised(name):
    game = GAMES[name]
    optimum = solve(game)
    best = payoffs(game, optimum.route, optimum.cascade[0], float(np.max(optimum.abandon))).cost
    assert selected(game, best) == "Stackelberg"
    for end in simultaneous(game).outcomes:
        same = end.cost <= 1.03 * optimum.cost
        played = payoffs(game, end.route, end.cascade[0], end.abandon).cost
        assert selected(game, played) == ("Stackelberg" if same else "simultaneous")


def test_neither_is_neither():
    found = selected(GAMES["t4-cascade"], [0.5825, 0.75, 1.2])
    assert found.tolist() == ["Stackelberg", "simultaneous", "neither"]


def hidden_costs(game):
    """Costs of all play in which nobody gains by another s, q or route, on a grid of s and q.

    On each route s and q are best answers to each other; a route is chosen if the other could
    cost as much.
    """
    s, q = np.meshgrid(np.linspace(0, 1, 101), np.linspace(0, 1, 101), indexing="ij")
    on_route = []
    for route in (1, 2):
        both = payoffs(game, route, s, q)
        cheapest = both.cost <= both.cost.min(axis=0, keepdims=True) + 1e-12
        dearest = both.utility >= both.utility.max(axis=1, keepdims=True) - 1e-12
        on_route.append(both.cost[cheapest & dearest])
    chosen = min(costs.max() for costs in on_route)
    return np.concatenate([costs[costs <= chosen + 1e-12] for costs in on_route])


@pytest.mark.parametrize("name", ["t4-cascade", "t5-cascade", "t4-leave-costly"])
def test_distance_from_hidden_play_is_the_least_share_over_mutual_best_answers(name):
    game = GAMES[name]
    ends, costs = hidden_costs(game), np.linspace(0.1, 3.0, 30).reshape(5, 6)
    expected = np.abs(costs[..., None] / ends - 1).min(axis=-1)
    np.testing.assert_allclose(beside_hidden(game, costs), expected, atol=1e-9)


def test_the_value_of_commitment_is_a_distance_from_hidden_play():
    """In this cascade J* = .5824, and simultaneous play costs .75."""
    found = beside_hidden(GAMES["t4-cascade"], [0.75, 0.58235294, 1.5])
    np.testing.assert_allclose(found, [0.0, 1 - 0.58235294 / 0.75, 1.0], atol=1e-7)


def test_where_hidden_play_is_free_the_distance_is_the_cost_itself():
    free = Game(1, 1.5, (0.5, 0.8), (0.1, 0.2), (0.0, 0.3))  # M1 costs nothing and the user stays
    assert simultaneous(free).lowest == simultaneous(free).highest == 0.0
    np.testing.assert_allclose(beside_hidden(free, [0.0, 0.2]), [0.0, 0.2])


def test_distance_is_to_the_set():
    assert distance(GAMES["t5-leave"], 1, 0.9) == 0.0
    assert distance(GAMES["t5-leave"], 1, 0.4) == pytest.approx(0.1)
    assert np.isnan(distance(GAMES["t5-leave"], 2, 0.4))
    assert distance(GAMES["t5-reason"], 2, 0.123) == 0.0


def test_tables_have_a_row_for_each():
    judged = pl.DataFrame(
        [("a", "g", s, p, r) for s in (0, 1) for p, r in ((1, 0.5), (2, 0.03), (4, 0.02 * s))]
        + [("a", "h", s, p, 0.0) for s in (0, 1) for p in (1, 2, 4)],
        schema=["learner", "game", "seed", "practice", "regret"],
        orient="row",
    )
    on_g = pl.col("game") == "g"
    assert speeds(judged, 0.01).filter(on_g)["from"].to_list() == [4.0, None]
    assert speeds(judged, 0.05).filter(on_g)["from"].to_list() == [2.0, 2.0]
    (row,) = scores(judged, {"a": ("g", "h")}).to_dicts()
    assert row == {"learner": "a", "iqm": 0.0, "low": None, "high": None, "cells": 4}


@pytest.mark.parametrize("gone", [(), (("g", 0),), (("g", 0), ("h", 1)), (("h", 0), ("h", 1))])
def test_an_average_over_games_is_of_seeds_that_played_all(gone):
    ends = {("g", 0): 0.5, ("g", 1): 0.1, ("h", 0): 0.3, ("h", 1): 0.2}
    judged = pl.DataFrame(
        [("a", *cell, regret) for cell, regret in ends.items() if cell not in gone],
        schema=["learner", "game", "seed", "regret"],
        orient="row",
    )
    (row,) = scores(judged, {"a": ("g", "h")}).to_dicts()
    whole = [regret for (_, seed), regret in ends.items() if not any(seed == s for _, s in gone)]
    middle = sorted(whole)[len(whole) // 4 : len(whole) - len(whole) // 4]
    assert row["iqm"] == (pytest.approx(np.mean(middle)) if whole else None)
    assert row["cells"] == 4 - len(gone)
