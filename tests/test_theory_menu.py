"""The menu: what is optimal at any penalty, against the solver and against the chain on a grid."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from games import boundary_games, interesting_cascades, out_of_order_games
from routing_game.theory import best_response, sample_games, solve
from routing_game.theory.certify import values
from routing_game.theory.menu import choose


@pytest.mark.parametrize("draw", [sample_games, boundary_games, out_of_order_games])
def test_at_a_given_penalty_the_menu_holds_the_equilibrium(draw: Any) -> None:
    games = draw(15_000, np.random.default_rng(0))
    offer, optimum = choose(games, lambda c, a: c + games.penalty * a), solve(games)
    cost = offer.service_cost + games.penalty * offer.abandonment
    np.testing.assert_allclose(cost, optimum.cost, rtol=0, atol=1e-9)
    if draw is not out_of_order_games:  # there ties of a search decide
        np.testing.assert_array_equal(offer.rule, optimum.rule)
        np.testing.assert_array_equal(offer.cascade, optimum.cascade[0])
        np.testing.assert_array_equal(offer.abandon, optimum.abandon)
        np.testing.assert_array_equal(offer.utility, optimum.utility)
    else:
        assert (offer.rule == "interior").sum() > 10


@pytest.mark.parametrize("draw", [sample_games, boundary_games])
def test_no_commitment_is_cheaper_at_any_penalty_negative_ones_included(draw: Any) -> None:
    """C and A of every (i, s, q) from the chain's equations, the user answering by `user`."""
    rng = np.random.default_rng(1)
    games = draw(3_000, rng)
    free = dataclasses.replace(games, penalty=1.0)
    penalty = rng.uniform(-4, 4, games.shape)
    offer = choose(games, lambda c, a: c + penalty * a)
    least = offer.service_cost + penalty * offer.abandonment
    cascades = [np.full(games.shape, s) for s in np.linspace(0, 1, 41)]
    for route, s in [(2, cascades[0])] + [(1, s) for s in cascades]:
        reply = best_response(games, route, s)
        for q in (reply.low, reply.high):
            with_one = values(free, route, s, q)[1]  # C + A
            lost = values(dataclasses.replace(games, penalty=2.0), route, s, q)[1] - with_one
            assert (with_one - lost + penalty * lost >= least - 1e-9).all()


def test_an_offer_is_what_the_user_really_answers() -> None:
    rng = np.random.default_rng(2)
    games = sample_games(20_000, rng)
    penalty = rng.uniform(0, 4, games.shape)
    offer = choose(games, lambda c, a: c + penalty * a)
    reply = best_response(games, offer.route, offer.cascade)
    assert ((offer.abandon == reply.low) | (offer.abandon == reply.high)).all()
    for route in (1, 2):
        there = np.flatnonzero(offer.route == route)
        one = dataclasses.replace(games[there], penalty=1.0)
        utility, cost = values(one, route, offer.cascade[there], offer.abandon[there])
        np.testing.assert_allclose(offer.utility[there], utility, rtol=0, atol=1e-9)
        charged = (offer.service_cost + offer.abandonment)[there]
        np.testing.assert_allclose(charged, cost, rtol=1e-9)


def test_mixed_replies_are_found_only_where_p1_exceeds_p2() -> None:
    rng = np.random.default_rng(3)
    ordered, reversed_ = sample_games(5_000, rng), out_of_order_games(15_000, rng)
    for games, some in ((ordered, False), (reversed_, True)):
        offer = choose(games, lambda c, a, p=games.penalty: c + p * a)
        inside = (offer.abandon > 0) & (offer.abandon < 1)
        assert inside.any() == some
    for s in interesting_cascades(reversed_, rng):
        q = best_response(reversed_, 1, s).strong
        cost = values(reversed_, 1, s, q)[1]
        assert (cost >= offer.service_cost + reversed_.penalty * offer.abandonment - 1e-9).all()
