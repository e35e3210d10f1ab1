"""How a user decides who holds a belief about s: rules, exact and for arrays of users.

A rule gives the chance of leaving, q, at a belief. Rules differ in when they *check* it: once a task, with one q for
the whole of it, as the paper's user; or after each failure, seeing which model has failed. For the latter, with
W2 = xi2/p2 if xi2 > 0 else xi2 (the worth of M2 from its first pass on), staying after a failed pass of M1 is worth

    once:     m W2 + (1-m) xi1                                          leave at the next failure of M1
    for good: E[(s W2 + (1-s) xi1) / (1 - k1 (1-s))]                    wait for M2 or success

and one of the two is best: if xi1 < 0 < xi2 keeps only make it worse, so stay iff m >= s0; if xi1 > 0 > xi2 each keep
is good news, so who stays once stays for good, and waiting has an option value that a plug-in user overlooks.
(Beyond the paper.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from routing_game.theory.belief import Belief, expected_payoffs, geometric_mean_passes
from routing_game.theory.game import Game
from routing_game.theory.numbers import Array, Real, plain, require
from routing_game.theory.user import best_response, thresholds

Checks = Literal["task", "failure"]

_GRID = np.linspace(0.0, 1.0, 129)
_ZOOM = np.linspace(0.0, 1.0, 33)


def plug_in(game: Game, belief: Belief) -> Any:
    """The q of the best response to (1, E[s]), as if the mean were true; ties as the provider likes them."""
    return best_response(game, 1, belief.mean).strong


def expected_utility(game: Game, belief: Belief) -> Any:
    """The q that maximises E[U1(s, q)], one q for the task.

    E U1 can have a peak inside even if xi1 < 0 < xi2. Found on a grid of 129, then on ever finer ones around its best
    point: E U1 is right to rounding, q to about 1e-8.
    """
    shape = np.broadcast_shapes(game.shape, np.shape(belief.mean))
    games = game[..., None] if game.shape else game
    wide = Belief(*(np.asarray(count, dtype=float)[..., None] for count in belief))

    def utility(q: Array) -> Array:
        return np.asarray(expected_payoffs(games, wide, q).utility)

    low, high = np.zeros((*shape, 1)), np.ones((*shape, 1))
    for fractions in (_GRID, *[_ZOOM] * 6):
        q = low + fractions * (high - low)
        k = np.broadcast_to(utility(q), q.shape).argmax(axis=-1)[..., None]
        best, step = np.take_along_axis(q, k, axis=-1), (high - low) / (fractions.size - 1)
        low, high = np.maximum(best - step, 0.0), np.minimum(best + step, 1.0)
    candidates = np.concatenate([best, np.zeros_like(best), np.ones_like(best)], axis=-1)
    k = utility(candidates).argmax(axis=-1)[..., None]
    return plain(np.take_along_axis(candidates, k, axis=-1)[..., 0])


def expected_threshold(game: Game, count: Any) -> Any:
    """The mean m* of Beta(m n, (1-m) n) at which q = 0 and q = 1 are worth the same, for n = ``count``; xi1 < 0 < xi2.

    Root of E[K(s) / (p1 + k1 s)] = 0, K(s) = xi1 (1-s) + xi2 s/p2, by bisection. Above s0 by about
    Var(s) k1 / (p1 + k1 s0): with much doubt the user wants a better mean. 1 if no mean is good enough.
    """
    low = np.zeros(np.broadcast_shapes(game.shape, np.shape(count)))
    high = low + 1
    for _ in range(60):
        m = (low + high) / 2
        belief = Belief(m * count, (1 - m) * count)
        gain = expected_payoffs(game, belief, 0.0).utility - expected_payoffs(game, belief, 1.0).utility
        low, high = np.where(gain < 0, m, low), np.where(gain < 0, high, m)
    return plain(high)


def plug_in_after_failure(game: Game, belief: Belief) -> Any:
    """1 (leave) or 0 after a failed pass of M1, as if E[s] were true: stay iff m >= s0, or iff m < s_H."""
    s0, _, s_high = thresholds(game)
    xi1, xi2 = game.net_value
    m = belief.mean
    leaves = np.where(np.isfinite(s0), m < s0, np.where(np.isfinite(s_high), m >= s_high, (xi1 < 0) & (xi2 < 0)))
    return plain(leaves.astype(float))


def after_failure(game: Game, belief: Belief) -> Any:
    """1 (leave) or 0 after a failed pass of M1: exactly optimal if no later task matters."""
    (xi1, xi2), k1, s0 = game.net_value, game.failure[0], thresholds(game).s0
    (a, b), m = belief, belief.mean
    after_2 = np.where(np.greater(xi2, 0), xi2 / game.success[1], xi2)
    escalated, kept = (m * geometric_mean_passes(a + 1, b, k1), (1 - m) * geometric_mean_passes(a, b + 1, k1))
    best = np.maximum(m * after_2 + (1 - m) * xi1, escalated * after_2 + kept * xi1)
    return plain(np.where(np.isfinite(s0), m < s0, best < 0).astype(float))


class Rule(Protocol):
    """A user's rule: the chance of leaving at each belief; memoryless but for the belief and the number of tasks."""

    @property
    def checks(self) -> Checks:
        """Whether it checks the belief once a "task" or at each "failure"."""
        ...

    def leaving(self, belief: Belief, task: Any, rng: np.random.Generator) -> Any:
        """The q after a failed pass of M1 (checks "failure") or for the whole task (checks "task"), one for each user.

        Args:
            belief: counts of each user.
            task: number of the task in the session, from 1; one, or one a user.
            rng: for rules that draw.
        """
        ...


@dataclass(frozen=True)
class PlugIn:
    """Best response to E[s]."""

    game: Game
    checks: Checks = "failure"

    def leaving(self, belief: Belief, task: Any, rng: np.random.Generator) -> Any:
        """`plug_in` or `plug_in_after_failure`."""
        return (plug_in if self.checks == "task" else plug_in_after_failure)(self.game, belief)


@dataclass(frozen=True)
class ExpectedUtility:
    """Best for one task under the belief: `expected_utility` or `after_failure`."""

    game: Game
    checks: Checks = "failure"

    def leaving(self, belief: Belief, task: Any, rng: np.random.Generator) -> Any:
        """The q that is optimal if no later task matters."""
        return (expected_utility if self.checks == "task" else after_failure)(self.game, belief)


@dataclass(frozen=True)
class Thompson:
    """Best response to an s drawn from the belief, anew at each check."""

    game: Game
    checks: Checks = "task"

    def leaving(self, belief: Belief, task: Any, rng: np.random.Generator) -> Any:
        """The plug-in rule at the draw."""
        s = rng.beta(*belief)
        return PlugIn(self.game, self.checks).leaving(Belief(s, 1 - s), task, rng)


@dataclass(frozen=True)
class Optimistic:
    """Best response to an optimistic s, some standard deviations from the mean.

    ``growing``: scale * sqrt(2 log task) of them, so that a user who left tries again, ever more rarely. Otherwise
    ``scale`` of them: a user that leaves sees nothing, its bound stays where it is, and it never comes back.
    """

    game: Game
    scale: float = 1.0
    growing: bool = True
    checks: Checks = "failure"

    def leaving(self, belief: Belief, task: Any, rng: np.random.Generator) -> Any:
        """The plug-in rule at the bound."""
        factor = np.sqrt(2 * np.log(task)) if self.growing else 1.0
        xi1, xi2 = self.game.net_value
        better = np.where(xi2 / self.game.success[1] > xi1, 1.0, -1.0)
        s = np.clip(belief.mean + better * self.scale * factor * belief.sd, 0.0, 1.0)
        return PlugIn(self.game, self.checks).leaving(Belief(s, 1 - s), task, rng)


@dataclass(frozen=True)
class ForcedStays:
    """The plug-in rule, but with chance min(1, scale / task^power) it stays to learn.

    Stays are forced for ever if power <= 1, and their share of the tasks vanishes if power > 0. How many of them n
    tasks hold, 2 scale sqrt(n) at power 1/2, says how soon a pessimist is put right.
    """

    game: Game
    scale: float = 2.0
    power: float = 0.5
    checks: Checks = "failure"

    def leaving(self, belief: Belief, task: Any, rng: np.random.Generator) -> Any:
        """The plug-in q, times the chance that no stay is forced."""
        require(self.scale >= 0, "scale", self.scale, "be at least 0")
        forced = np.minimum(1.0, self.scale / np.asarray(task, dtype=float) ** self.power)
        return PlugIn(self.game, self.checks).leaving(belief, task, rng) * (1 - forced)


def after_reasoning(game: Game) -> Real:
    """1 (leave) or 0 after a failed pass of M2, when the model is seen: there s no longer matters."""
    return plain(np.where(np.greater_equal(game.net_value[1], 0), 0.0, 1.0))
