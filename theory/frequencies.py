"""How often each kind of optimum occurs, under stated priors over games.

"Routing is almost always static" is a statement about a distribution of games, so it needs one.
Each prior is a function (n, rng) -> array of n games that keeps the paper's ordering p1 < p2,
t1 < t2, c1 < c2; none was tuned to a result. Cascades are the rules "s0" and "s_L"
(see `provider.RULES`): there the best cascade probability lies strictly between 0 and 1. (Section 4
of the paper; the priors are ours, it states none.)
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from routing_game.theory.catalog import PAIRS, sample_games
from routing_game.theory.game import Game
from routing_game.theory.kinds import RULES
from routing_game.theory.numbers import Array, whole
from routing_game.theory.provider import solve

Prior = Callable[[int, np.random.Generator], Game]

_BATCH = 1 << 17


def uniform(n: int, rng: np.random.Generator) -> Game:
    """Uniform: p on (.02, .98), t, c on (0, 1), pairs sorted; V on (.1, 3), P on (.05, 4)."""
    return sample_games(n, rng)


def unit(n: int, rng: np.random.Generator) -> Game:
    """All uniform on (0, 1), pairs sorted: neither V nor P exceeds what one pass may cost."""
    n = whole("n", n, at_least=0)
    value, penalty = 1 - rng.random((2, n))  # (0, 1]
    success, latency, cost = (_sorted(rng.uniform(1e-9, 1 - 1e-9, (2, n))) for _ in range(3))
    return Game(value, penalty, success, latency, cost)


def ratios(n: int, rng: np.random.Generator) -> Game:
    """Scale-free: p sorted uniform; the rest log-uniform: t2/t1 and c2/c1 on (1, 100), V/t1 and
    P/c1 on (1/2, 200).
    """
    n = whole("n", n, at_least=0)
    latency, cost = np.exp(rng.uniform(0, np.log(100), (2, n)))
    value, penalty = np.exp(rng.uniform(np.log(0.5), np.log(200), (2, n)))
    return Game(
        value, penalty, _sorted(rng.uniform(1e-9, 1 - 1e-9, (2, n))), (1.0, latency), (1.0, cost)
    )


def measured(n: int, rng: np.random.Generator) -> Game:
    """Around the measured pairs of the catalog: one at random; log odds of p, log t and log c each
    moved by N(0, 1/2), pairs sorted; V log-uniform from half of min(t/p) to twice max(t/p), P
    likewise from c/p.
    """
    n = whole("n", n, at_least=0)
    pairs = Game.stack([pair.game for pair in PAIRS.values()])[rng.integers(0, len(PAIRS), n)]
    p, t, c = (np.array(pair) for pair in (pairs.success, pairs.latency, pairs.cost))
    noise_p, noise_t, noise_c = np.exp(rng.normal(0, 0.5, (3, 2, n)))
    success = _sorted(p * noise_p / (1 - p + p * noise_p))
    latency, cost = _sorted(t * noise_t), _sorted(c * noise_c)
    value, penalty = (
        _around(np.array(level) / np.array(success), rng) for level in (latency, cost)
    )
    return Game(value, penalty, success, latency, cost)


PRIORS: dict[str, Prior] = {
    "uniform": uniform,
    "unit": unit,
    "ratios": ratios,
    "measured": measured,
}
"""Priors over games by name; each says in its docstring what it draws."""


def frequencies(prior: str, n: int, rng: np.random.Generator) -> dict[str, float]:
    """Share of each kind of optimum among ``n`` games of a prior of `PRIORS`, millions in seconds.

    Raises:
        ValueError: no such prior, or n is not a whole number of at least 1.
    """
    n = whole("n", n, at_least=1)
    if prior not in PRIORS:
        raise ValueError(f"prior must be one of {', '.join(PRIORS)}; got {prior!r}")
    count = np.zeros(len(RULES), dtype=int)
    for start in range(0, n, _BATCH):
        kind = solve(PRIORS[prior](min(_BATCH, n - start), rng)).kind
        count += np.bincount(kind, minlength=len(RULES))
    return {rule: float(k) / n for rule, k in zip(RULES, count, strict=True)}


def _sorted(pair: Array) -> tuple[Array, Array]:
    """(lesser, greater) of two draws; nudged apart if equal, which the ordering forbids."""
    low, high = np.sort(pair, axis=0)
    return low, np.where(high > low, high, np.nextafter(low, np.inf))


def _around(levels: Array, rng: np.random.Generator) -> Array:
    """Log-uniform from half of the lesser level to twice the greater one."""
    low, high = np.log(levels.min(axis=0) / 2), np.log(levels.max(axis=0) * 2)
    return np.asarray(np.exp(low + (high - low) * rng.random(low.shape)))
