"""Solving a million random games, against nested scipy minimisation of the same games.

The yardstick is what one would write without the theory: for each route minimise J over s, and
inside it maximise U over q, both with `scipy.optimize.minimize_scalar`, on payoffs in plain Python
floats. (It also misses the cliffs.)

A million games are 64 MB of parameters, more than the caches hold. `solve` works in blocks that
fit, so only reading the parameters and writing cost and kind go through memory; the rate on one
block that stays in the cache, printed beside, shows what the arithmetic alone would allow. Asked
for afterwards, `cascade` reads all parameters again. Numpy and, where it is installed, the compiled
functions are measured in turns.
"""

from __future__ import annotations

import functools
import time
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from routing_game.theory import Game, best_response, sample_games, solve

GAMES = 1_000_000
SAMPLE = 25


def nested_scipy(game: Game) -> float:
    value, penalty, (p1, p2), (t1, t2), (c1, c2) = (
        game.value,
        game.penalty,
        game.success,
        game.latency,
        game.cost,
    )

    def payoff(route: int, s: float, q: float) -> tuple[float, float]:
        alpha, beta = (1 - p1) * (1 - q), 1 / (p2 + (1 - p2) * q)
        n1 = 1 / (1 - alpha * (1 - s)) if route == 1 else 0.0
        n2 = alpha * beta * s * n1 if route == 1 else beta
        solved = n1 * p1 + n2 * p2
        return value * solved - n1 * t1 - n2 * t2, n1 * c1 + n2 * c2 + penalty * (1 - solved)

    def reply(route: int, s: float) -> float:
        return float(
            minimize_scalar(lambda q: -payoff(route, s, q)[0], bounds=(0, 1), method="bounded").x
        )

    def cost(route: int, s: float) -> float:
        return payoff(route, s, reply(route, s))[1]

    return min(
        float(minimize_scalar(lambda s: cost(1, s), bounds=(0, 1), method="bounded").fun),
        cost(2, 0.0),
    )


def test_solve_a_million_games(benchmark: Any) -> None:
    games = sample_games(GAMES, np.random.default_rng(0))
    result = benchmark.pedantic(solve, args=(games,), rounds=7, warmup_rounds=1)
    rate = GAMES / benchmark.stats.stats.median

    start = time.perf_counter()
    scipy_costs = np.array([nested_scipy(games[k]) for k in range(SAMPLE)])
    scipy_rate = SAMPLE / (time.perf_counter() - start)

    # scipy can only be worse, up to its own tolerance: near a tie it stops at a reply that is not
    # quite optimal
    assert np.median(scipy_costs / result.cost[:SAMPLE]) == pytest.approx(1, abs=1e-3)
    print(f"\nnested scipy: {scipy_rate:,.0f} games/s; solve / scipy {rate / scipy_rate:,.0f}")
    rounded = {"numpy": float(f"{scipy_rate:.2g}")}
    benchmark.extra_info.update(table="theory", rows={"nested scipy": rounded}, yardstick=None)
    assert rate / scipy_rate >= 5e4


def test_theory_of_many_games(compare: Any, engines: tuple[str, ...]) -> None:
    rng = np.random.default_rng(0)
    games = sample_games(GAMES, rng)
    block, part = games[:16_384], games[:200_000]
    routes, cascades = rng.integers(1, 3, 200_000), rng.random(200_000)

    def many(engine: Any) -> int:
        return solve(games, engine).cost.size

    def few(engine: Any) -> int:
        return sum(solve(block, engine).cost.size for _ in range(20))

    def replies(engine: Any) -> int:
        return best_response(part, routes, cascades, engine).low.size

    work = {}
    for name, ask in (
        ("solve, a million games from memory", many),
        ("solve, a block that stays in the cache", few),
        ("best_response, a game and a commitment each", replies),
    ):
        work |= {(name, engine): functools.partial(ask, engine) for engine in engines}
    compare("theory", work, guarded={"solve, a block that stays in the cache": 1.6})
