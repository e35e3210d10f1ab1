"""Many games played side by side: each row as if it were alone, and with the right mean."""

import numpy as np

from routing_game.experiments.play import Cohort
from routing_game.theory import GAMES, best_response, payoffs

NAMES = tuple(GAMES)


def cohort(*names):
    rngs = [np.random.default_rng(NAMES.index(name)) for name in names]
    return Cohort([GAMES[name] for name in names], rngs)


def commitments(cells, n):
    rng = np.random.default_rng(0)
    return 1 + rng.integers(0, 2, (cells, n)), rng.random((cells, n))


def test_a_row_is_the_same_in_whatever_company():
    route, cascade = commitments(len(NAMES), 257)
    together = cohort(*NAMES)(route, cascade)
    for row, name in enumerate(NAMES):
        part = slice(row, row + 1)
        alone = cohort(name)(route[part], cascade[part])
        assert np.array_equal(alone[0], together[row])


def test_mean_costs_are_those_of_theory():
    n = 100_000
    for name in ("t4-cascade", "t5-cascade", "t5-stay"):
        game = GAMES[name]
        for route, s in ((1, 0.3), (1, 0.05), (2, 0.0)):
            costs = cohort(name)(np.array([[route]]), np.full((1, n), s))
            q = best_response(game, route, s).strong
            wanted = payoffs(game, route, s, q).cost
            error = costs.std() / np.sqrt(n)
            assert abs(costs.mean() - wanted) <= 4.5 * error + 1e-12
