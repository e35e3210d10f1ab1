"""Closed slopes of payoffs: those of the two-state chain, by differences at high precision."""

import numpy as np
import pytest
from mpmath import diff, mp, mpf

from routing_game.agents.slopes import cost_slopes, reasoning_slope, user_slopes
from routing_game.theory import GAMES, Game

CHOICES = ((0.3, 0.2), (0.001, 0.7), (0.97, 0.05))
"""(s, q)."""


def payoff(game, side, route):
    """(s, q) -> U or J, from expected visits of the chain; in 40 digits."""
    p, t, c = ([mpf(x) for x in pair] for pair in (game.success, game.latency, game.cost))

    def of(s, q):
        stay = [(1 - x) * (1 - q) for x in p]
        n1 = 1 / (1 - stay[0] * (1 - s)) if route == 1 else 0
        n2 = ((n1 * stay[0] * s) if route == 1 else 1) / (1 - stay[1])
        solved = n1 * p[0] + n2 * p[1]
        if side == "user":
            return mpf(game.value) * solved - n1 * t[0] - n2 * t[1]
        return n1 * c[0] + n2 * c[1] + mpf(game.penalty) * (1 - solved)

    return of


@pytest.mark.parametrize("name", GAMES)
def test_slopes_are_those_of_the_chain(name):
    game = GAMES[name]
    with mp.workdps(40):
        user, provider = payoff(game, "user", 1), payoff(game, "provider", 1)
        second = payoff(game, "user", 2)
        for s, q in CHOICES:
            at = mpf(s), mpf(q)
            wanted = [float(diff(user, at, order)) for order in ((0, 1), (0, 2), (1, 1))]
            np.testing.assert_allclose(user_slopes(game, s, q), wanted, rtol=1e-12, atol=1e-13)
            wanted = [float(diff(provider, at, order)) for order in ((0, 1), (1, 0))]
            np.testing.assert_allclose(cost_slopes(game, s, q), wanted, rtol=1e-12, atol=1e-13)
            wanted = float(diff(second, at, (0, 1)))
            np.testing.assert_allclose(reasoning_slope(game, q), wanted, rtol=1e-12, atol=1e-13)


def test_slopes_of_many_games_are_those_of_each():
    games = Game.stack([*GAMES.values()])[:, None]
    s, q = np.random.default_rng(0).random((2, len(GAMES), 7))
    for slopes in (user_slopes, cost_slopes):
        together = np.array(slopes(games, s, q))
        for k, game in enumerate(GAMES.values()):
            np.testing.assert_allclose(together[:, k], slopes(game, s[k], q[k]), rtol=1e-14)
