"""Guarantees, self-selected models and predictability, each against its definition."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from games import SHARED, boundary_games, interesting_cascades, out_of_order_games
from routing_game.theory import (
    GAMES,
    Game,
    best_response,
    deterring_refund,
    guarantee,
    outcome,
    price_of_predictability,
    sample_games,
    self_selection,
    solve,
    thresholds,
    throttle,
)
from routing_game.theory.certify import values

# ---- the guarantee


def refunded(game: Game, refund: Any, worth: Any, route: int, s: Any, q: Any) -> tuple[Any, Any]:
    """(U, J) from the chain, with the refund paid for each abandoned task on top."""
    utility, cost = values(game, route, s, q)
    lost = values(dataclasses.replace(game, penalty=game.penalty + 1), route, s, q)[1] - cost
    return utility + worth * refund * lost, cost + refund * lost


@pytest.mark.parametrize("route", [1, 2])
def test_a_refund_is_the_game_at_v_less_and_p_more(route: int) -> None:
    """Under every (i, s) the user answers as in that game, and both sides get what it says."""
    rng = np.random.default_rng(0)
    games, worth = sample_games(2_000, rng), rng.uniform(0.2, 5, 2_000)
    refund = rng.uniform(0, 0.95, 2_000) * games.value / worth
    other = guarantee(games, refund, worth)
    for s in interesting_cascades(other, rng)[:6]:
        reply = best_response(other, route, s).strong
        utility, cost = refunded(games, refund, worth, route, s, reply)
        for q in np.linspace(0, 1, 101):
            assert (refunded(games, refund, worth, route, s, q)[0] <= utility + 1e-9).all()
        same_utility, same_cost = values(other, route, s, reply)
        np.testing.assert_allclose(same_utility + worth * refund, utility, rtol=0, atol=1e-9)
        np.testing.assert_allclose(same_cost, cost, rtol=1e-9)


def test_a_refund_by_playing_it() -> None:
    """Pass by pass: the user of t4-leave-cheap leaves, and is paid a tenth for it."""
    game, refund, rng = GAMES["t4-leave-cheap"], 0.1, np.random.default_rng(1)
    other = solve(guarantee(game, refund))
    assert (other.route, other.abandon) == (1, 1.0)
    solved = rng.random(200_000) < game.success[0]
    utility = np.where(solved, game.value, refund) - game.latency[0]
    cost = game.cost[0] + np.where(solved, 0.0, game.penalty + refund)
    for played, expected in ((utility, other.utility + refund), (cost, other.cost)):
        assert played.mean() == pytest.approx(expected, abs=4 * played.std() / np.sqrt(played.size))


def test_a_refund_makes_users_leave_sooner() -> None:
    rng = np.random.default_rng(2)
    games = sample_games(5_000, rng)
    other = guarantee(games, rng.uniform(0, 0.9, 5_000) * games.value)
    before, after = games.net_value, other.net_value
    assert all((b <= a).all() for a, b in zip(before, after, strict=True))
    for s in rng.random((4, 5_000)):
        for route in (1, 2):
            more = best_response(other, route, s).low >= best_response(games, route, s).low - 1e-9
            assert more.all()


def throttleable(n: int, seed: int) -> tuple[Game, Any, Any]:
    """Games in which throttling pays, with a worth of money, and the index of the cheaper model."""
    rng = np.random.default_rng(seed)
    games = sample_games(n, rng, "++")
    games = games[np.flatnonzero(games.penalty < np.minimum(*games.cost_of_pass))]
    worth = np.exp(rng.uniform(-1.5, 1.5, games.shape))
    return games, worth, np.less(games.cost_of_pass[1], games.cost_of_pass[0]).astype(int)


def cheaper(games: Game, j: Any) -> tuple[Any, Any]:
    """(cp_j, xi_j / p_j) of the model of the lower cost of pass."""
    xi, p = np.choose(j, games.net_value), np.choose(j, games.success)
    return np.choose(j, games.cost_of_pass), xi / p


def test_the_deterring_refund_deters_is_never_paid_and_no_smaller_one_does() -> None:
    games, worth, j = throttleable(20_000, 3)
    refund = deterring_refund(games, worth)
    works = np.flatnonzero(np.isfinite(refund))
    assert 500 < works.size < refund.size - 500
    games, worth, j, refund = games[works], worth[works], j[works], refund[works]
    cp, gain = cheaper(games, j)
    for share in (0.0, 0.3, 0.99):
        paid = refund + share * (gain / worth - refund)
        other = guarantee(games, paid, worth)
        served = solve(other)
        np.testing.assert_allclose(throttle(other).cost, cp, rtol=1e-9)
        np.testing.assert_allclose(served.cost, cp, rtol=1e-9)
        held = outcome(other, j + 1, 0.0)  # (j, 0) is optimal, and the user stays
        np.testing.assert_allclose(held.cost, cp, rtol=1e-9)
        np.testing.assert_allclose(held.success, 1.0, rtol=1e-12)
        np.testing.assert_allclose(held.utility + worth * paid, gain, rtol=0, atol=1e-9)
    for share in (0.0, 0.5, 0.999):
        assert (throttle(guarantee(games, share * refund, worth)).cost < cp).all()


def test_where_no_refund_deters_both_together_would_rather_give_up_and_one_costs_less() -> None:
    games, worth, j = throttleable(20_000, 4)
    p, t, c = (np.choose(j, pair) for pair in (games.success, games.latency, games.cost))
    together = games.value + worth * games.penalty - (t + worth * c) / p
    hopeless = np.isinf(deterring_refund(games, worth))
    np.testing.assert_array_equal(hopeless, together < 0)
    games, worth, j = games[hopeless], worth[hopeless], j[hopeless]
    cp, gain = cheaper(games, j)
    for share in np.linspace(0, 0.999, 25):  # none leaves the task with M_j until it is solved
        other = guarantee(games, share * games.value / worth, worth)
        held = outcome(other, j + 1, 0.0)
        deterred = (throttle(other).cost >= cp - 1e-12) & (held.success > 1 - 1e-12)
        assert not deterred.any()
    just_above = gain / worth * (1 + 1e-6)
    room = np.flatnonzero(worth * just_above < games.value)
    bought = solve(guarantee(games[room], just_above[room], worth[room]))
    assert room.size > 500
    assert (bought.cost < cp[room]).mean() > 0.999  # but for those at the very edge


def test_deterring_refunds_at_the_edges() -> None:
    cheap, strong = GAMES["value-cheap"], GAMES["value-strong"]
    assert deterring_refund(cheap) == 0.0  # P = 1 is above the cost of pass
    assert deterring_refund(dataclasses.replace(strong, penalty=0.5)) == pytest.approx(0.125)
    assert np.isnan(deterring_refund(GAMES["t4-cascade"]))
    twins = Game(2, 0.25, (0.25, 0.5), (0.125, 0.375), (0.125, 0.25))  # cp1 = cp2
    assert deterring_refund(twins) == 0.25
    with pytest.raises(ValueError, match="stay positive: a refund of V or more"):
        guarantee(cheap, 2.0)
    with pytest.raises(ValueError, match="refund must be at least 0, got -1"):
        guarantee(cheap, -1.0)
    for call in (lambda: guarantee(cheap, 0.1, 0.0), lambda: deterring_refund(cheap, 0.0)):
        with pytest.raises(ValueError, match="worth must be positive"):
            call()


# ---- models that the user selects


@pytest.mark.parametrize("draw", [sample_games, boundary_games])
def test_self_selection_by_definition(draw: Any) -> None:
    """The user picks the best of M1, M2 and (i, s), the provider the (i, s) that it offers."""
    rng = np.random.default_rng(5)
    games = draw(3_000, rng)
    alone = [outcome(games, route, 0.0) for route in (1, 2)]
    cost = np.full(games.shape, np.inf)
    for s in [*interesting_cascades(games, rng), *np.linspace(0, 1, 41)]:
        offers = [*alone, outcome(games, 1, s)]
        best = np.max([offer.utility for offer in offers], axis=0)
        picked = [np.where(o.utility >= best - 1e-12, o.cost, np.inf) for o in offers]
        cost = np.minimum(cost, np.min(picked, axis=0))
    answer, optimum = self_selection(games), solve(games)
    np.testing.assert_allclose(answer.cost, cost, rtol=1e-9)
    np.testing.assert_allclose(answer.utility, best, rtol=0, atol=1e-9)
    np.testing.assert_allclose(answer.price, cost - optimum.cost, rtol=0, atol=1e-9)
    np.testing.assert_allclose(answer.gain, answer.utility - optimum.utility, rtol=0, atol=1e-12)
    named = outcome(games, answer.model, 0.0)
    if draw is sample_games:  # off the ties, what is named is what happens
        np.testing.assert_allclose(named.cost, answer.cost, rtol=1e-9)
        np.testing.assert_array_equal(answer.abandon, best_response(games, answer.model, 0.0).low)


def test_selection_of_models_that_can_be_slowed_is_the_provider_s_choice() -> None:
    """By trying latencies: none is cheaper than what is stated, and one of them is as cheap."""
    rng = np.random.default_rng(6)
    games = sample_games(1_000, rng)
    expected = self_selection(games).throttled_cost
    lifted = dataclasses.replace(games, ordered=False)
    levels = [
        [t, *(np.maximum(t, games.value * p * more) for more in (0.5, 0.9, 1.01, 1.5)), t + 30]
        for t, p in zip(games.latency, games.success, strict=True)
    ]
    least = np.full(games.shape, np.inf)
    for t1 in levels[0]:
        for t2 in levels[1]:
            slow = self_selection(dataclasses.replace(lifted, latency=(t1, t2))).cost
            assert (slow >= expected - 1e-9).all()
            least = np.minimum(least, slow)
    np.testing.assert_allclose(least, expected, rtol=1e-9)


def test_selection_alone_does_not_stop_throttling() -> None:
    """The paper's remedy, where the provider may slow what is selected: as without the remedy."""
    games = throttleable(20_000, 7)[0]
    selected = self_selection(games)
    np.testing.assert_allclose(selected.throttled_cost, throttle(games).cost, rtol=1e-12)
    dear = sample_games(20_000, np.random.default_rng(8), "++")
    selected = self_selection(dear)
    steered = (dear.penalty > np.minimum(*dear.cost_of_pass)) & (selected.price > 1e-9)
    assert steered.mean() > 0.2
    assert (selected.throttled_cost < selected.cost)[steered].all()  # slowing now pays at any P


def test_self_selection_of_populations_as_computed_elsewhere() -> None:
    path = SHARED / "reference" / "science.json"
    if not path.exists():
        pytest.skip("the reference values are not here")
    checked = 0
    for block in json.loads(path.read_text(encoding="utf-8"))["C_population"].values():
        if "self_selection_J" not in block:
            continue
        value, penalty, p1, p2, t1, t2, c1, c2 = np.array(block["types"])
        weight = np.array(block.get("weights", np.full(value.size, 1 / value.size)))
        answer = self_selection(Game(value, penalty, (p1, p2), (t1, t2), (c1, c2)))
        assert weight @ answer.cost == pytest.approx(block["self_selection_J"], rel=1e-9)
        assert weight @ answer.utility == pytest.approx(block["self_selection_U"], rel=1e-9)
        checked += 1
    assert checked == 4


# ---- predictability


def commitments(games: Game, points: int) -> list[Any]:
    s_low, s_high = (np.nan_to_num(s) for s in thresholds(games)[1:])
    branch = [s_low + x * (s_high - s_low) for x in np.linspace(0, 1, points)]
    return [np.zeros(games.shape), np.ones(games.shape), *branch]


def least_costs(games: Game, points: int) -> tuple[Any, Any]:
    """(J with replies 0 or 1 only, J with any) over many (i, s), from the chain's equations."""
    sure = np.asarray(values(games, 2, 0.0, best_response(games, 2, 0.0).strong)[1])
    free = sure.copy()
    for s in commitments(games, points):
        q = np.asarray(best_response(games, 1, s).strong)
        cost = values(games, 1, s, q)[1]
        free = np.minimum(free, cost)
        sure = np.minimum(sure, np.where((q == 0) | (q == 1), cost, np.inf))
    return sure, free


def test_predictability_is_free() -> None:
    games = sample_games(20_000, np.random.default_rng(9), "+-")
    sure, free = least_costs(games, 65)
    assert (free >= sure * (1 - 1e-9)).all()
    np.testing.assert_allclose(solve(games).cost, sure, rtol=1e-9)
    np.testing.assert_array_equal(price_of_predictability(games), 0.0)


def test_predictability_has_a_price_where_the_standard_model_succeeds_more_often() -> None:
    games = out_of_order_games(10_000, np.random.default_rng(10))
    price = price_of_predictability(games)
    priced = np.flatnonzero(price > 1e-6)
    assert 3 < priced.size < 0.01 * price.size
    sure, free = least_costs(games, 101)
    assert (price >= sure - free - 1e-9).all()  # a grid finds less of it, never more
    sure, free = least_costs(games[priced], 4_001)
    np.testing.assert_allclose(price[priced], sure - free, rtol=0, atol=1e-5)
