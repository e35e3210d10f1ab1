"""What a user loses who sees a commitment in part: regret of a map from glimpses to answers.

Commitments are dealt as `UserEnv` deals them: i from {1, 2} by a fair coin, s even on [0, 1]. The
user sees a *glimpse*, and answers it with one q:

    counted(game, n)    i, and k of n tosses of the coin came up "escalate": s ~ Beta(1+k, 1+n-k);
                        with n = 0, i alone
    noisy(game, sd)     i, and y = s plus normal noise, clipped to [0, 1]
    unseen(game)        nothing

The best q maximises E[U(i, s, q)] under what the glimpse tells of s. A map from glimpses to q loses
the mean over glimpses of E[U(best)] - E[U(q)]: 0 if it is best, as nobody can do better who sees no
more. Counts and routes are exact (`theory.belief`). What is seen through noise takes 102 values,
the two ends and 100 between, and s is integrated by Gauss' rule.
(Section 7 of the paper leaves strategies hidden; glimpses go beyond it.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import erfc, lgamma, sqrt
from typing import Any

import numpy as np

from routing_game.theory.belief import Belief, expected_payoffs
from routing_game.theory.belief_rules import expected_utility
from routing_game.theory.game import Game
from routing_game.theory.numbers import Array, doubles, require
from routing_game.theory.payoffs import payoffs
from routing_game.theory.user import best_response

VALUES = 100
"""Of y strictly between 0 and 1."""
_REACH = 9.0
"""Standard deviations beyond which noise is left out: a chance of 1e-18."""
_EDGES = np.unique([*np.linspace(0.0, 1.0, 37), *np.exp2(-np.arange(6.0, 51.0))])
"""Panels of the part of [0, 1] that s may be in; narrow at its left, as U bends sharply at s = 0
where a success of M1 is rare.
"""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)


@dataclass(frozen=True)
class Glimpses:
    """What a user may see, an entry each, and how good answers to it are; arrays of shape (m,)."""

    route: Array
    seen: Array
    """What is seen beside the route, k or y; 0 where that is nothing."""
    chance: Array
    """Of each glimpse; they sum to 1."""
    utility: Callable[[Array], Array]
    """(answers q) -> E[U | glimpse], each (m,), in units of value."""
    best: Array
    """The largest E[U | glimpse] of any q."""

    def regret(self, abandon: Array) -> float:
        """What these answers lose, in units of value; at least 0."""
        lost = np.maximum(self.best - self.utility(doubles(abandon)), 0.0)
        return float(np.sum(self.chance * lost))


def counted(game: Game, tosses: int) -> Glimpses:
    """The user sees the route, and how many of so many tosses came up "escalate"."""
    require(tosses >= 0, "tosses", tosses, "be at least 0")
    k = np.arange(tosses + 1.0)
    belief = Belief(1 + k, 1 + tosses - k)
    best = expected_payoffs(game, belief, expected_utility(game, belief)).utility

    def utility(q: Array) -> Array:
        return np.asarray(expected_payoffs(game, belief, q).utility)

    return _on_both_routes(game, k, np.full(k.shape, 1 / k.size), utility, best)


def count_chances(tosses: int, cascade: Any) -> Array:
    """The chance that k of so many tosses come up "escalate", k = 0, 1, ...: (n, tosses + 1).

    Args:
        tosses: how many, at least 0.
        cascade: s, shape (n,).
    """
    k, s = np.arange(tosses + 1.0), doubles(cascade)[:, None]
    ways = np.array([lgamma(tosses + 1) - lgamma(x + 1) - lgamma(tosses - x + 1) for x in k])
    with np.errstate(divide="ignore", invalid="ignore"):
        up = np.where(k > 0, k * np.log(s), 0.0)
        down = np.where(k < tosses, (tosses - k) * np.log1p(-s), 0.0)
    return np.asarray(np.exp(ways + up + down))


def unseen(game: Game) -> Glimpses:
    """The user sees nothing: one q for all commitments."""

    def utility(q: Array) -> Array:
        on_1 = expected_payoffs(game, Belief(), q).utility
        return np.asarray((on_1 + payoffs(game, 2, 0.0, q).utility) / 2)

    one, none = np.ones(1), np.zeros(1)
    return Glimpses(one, none, one, utility, np.array([_largest(game, utility)]))


def noisy(game: Game, sd: float) -> Glimpses:
    """The user sees the route, and s through normal noise of this standard deviation."""
    require(0 < sd < np.inf, "sd", sd, "be positive and finite")
    between = (np.arange(VALUES) + 0.5) / VALUES
    seen = np.array([0.0, *between, 1.0])
    low, high = (np.clip(seen + side * _REACH * sd, 0.0, 1.0)[:, None] for side in (-1, 1))
    left, width = (x[None, :, None] for x in (_EDGES[:-1], np.diff(_EDGES)))
    inner = left + width * (1 + _NODES) / 2
    s = low + (high - low) * inner.reshape(1, -1)
    mass = (high - low) * (width * _WEIGHTS / 2).reshape(1, -1)
    likely = np.exp(-(((seen[:, None] - s) / sd) ** 2) / 2)
    likely[0], likely[-1] = _normal(-s[0] / sd), _normal((s[-1] - 1) / sd)
    mass = mass * likely
    within = (_normal((1 - between) / sd) - _normal(-between / sd)) / VALUES
    chance = np.array([mass[0].sum(), *within, mass[-1].sum()])
    weight = mass / mass.sum(axis=1, keepdims=True)

    def at(k: int, q: Array) -> Array:
        on_1 = np.asarray(payoffs(game, 1, s[k], q[:, None]).utility)
        return np.asarray((on_1 * weight[k]).sum(axis=1))

    def utility(q: Array) -> Array:
        return np.asarray((payoffs(game, 1, s, q[:, None]).utility * weight).sum(axis=1))

    best = np.array([_largest(game, partial(at, k)) for k in range(seen.size)])
    return _on_both_routes(game, seen, chance / chance.sum(), utility, best)


def _on_both_routes(
    game: Game, seen: Array, chance: Array, utility: Callable[[Array], Array], best: Array
) -> Glimpses:
    """Glimpses on route 1, and the same on route 2, where s is of no effect."""
    on_2 = float(payoffs(game, 2, 0.0, best_response(game, 2, 0.0).strong).utility)

    def on_both(q: Array) -> Array:
        first, second = np.split(q, 2)
        return np.concatenate([utility(first), payoffs(game, 2, 0.0, second).utility])

    return Glimpses(
        np.repeat([1.0, 2.0], seen.size),
        np.tile(seen, 2),
        np.tile(chance / 2, 2),
        on_both,
        np.concatenate([best, np.full(seen.size, on_2)]),
    )


def _largest(game: Game, f: Callable[[Array], Array]) -> float:
    """The largest f(q) on [0, 1], to rounding: of a grid, then of finer ones around its best.

    The grid is even in q and in the logarithm of p1 + k1 q, the chance that a pass is the last.
    """
    p1, even = float(game.success[0]), np.linspace(0.0, 1.0, 101)
    slow = (p1 ** (1 - even) - p1) / (1 - p1)
    q = np.unique(np.clip(np.concatenate([even, slow]), 0.0, 1.0))
    found = []
    for _ in range(6):
        values = f(q)
        k = int(np.argmax(values))
        found.append(float(values[k]))
        q = np.linspace(q[max(k - 1, 0)], q[min(k + 1, q.size - 1)], 17)
    return max(found)


@np.vectorize
def _normal(x: float) -> float:
    """The chance that a standard normal number is at most x."""
    return erfc(-x / sqrt(2)) / 2
