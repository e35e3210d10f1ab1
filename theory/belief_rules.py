"""How a user decides who holds a belief about s: rules, exact and for arrays of users.

A rule gives the chance of leaving, q, at a belief. Rules differ in when they *check* it: once a
task, with one q for the whole of it, as the paper's user; or after each failure, seeing which
model has failed. For the latter, with W2 = xi2/p2 if xi2 > 0 else xi2 (the worth of M2 from its
first pass on), staying after a failed pass of M1 is worth

    once:     m W2 + (1-m) xi1                                   leave at the next failure of M1
    for good: E[(s W2 + (1-s) xi1) / (1 - k1 (1-s))]                    wait for M2 or success

and one of the two is best: if xi1 < 0 < xi2 keeps only make it worse, so stay iff m >= s0; if
xi1 > 0 > xi2 each keep is good news, so who stays once stays for good, and waiting has an option
value that a plug-in user overlooks.
(Sections 4.1 and 7 of the paper pose the problem; the answers here go beyond it.)
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from routing_game.theory.belief import (
    Belief,
    check_checks,
    counts,
    expected_payoffs,
    passes_until,
)
from routing_game.theory.game import Game
from routing_game.theory.numbers import Array, Real, alike, doubles, plain, require
from routing_game.theory.user import best_response, snapped, thresholds

Checks = Literal["task", "failure"]

_MOST_BELIEFS = 2**16
"""How many beliefs `ExpectedUtility` remembers."""

_GRID = np.linspace(0.0, 1.0, 129)
_ZOOM = np.linspace(0.0, 1.0, 33)


def plug_in(game: Game, belief: Belief) -> Any:
    """The q of the best response to (1, E[s]), as if the mean were true.

    Ties are broken as the provider likes them: at E[s] = s0 the user stays.
    """
    return _replies_to(game, counts(belief).mean)


def plug_in_after_failure(game: Game, belief: Belief) -> Any:
    """1 (leave) or 0 after a failed pass of M1, as if E[s] were true.

    Stay iff m >= s0, where xi1 < 0 < xi2, or iff m < s_H, where xi1 > 0 > xi2.
    """
    return _leaves_at(game, counts(belief).mean)


def _replies_to(game: Game, s: Any) -> Any:
    """The q for the task of a user who knows s; ties for the provider."""
    return best_response(game, 1, s).strong


def _leaves_at(game: Game, s: Any) -> Any:
    """1 (leave) or 0 after a failed pass of M1, for a user told s; it stays at s0, not at s_H."""
    s0, _, s_high = thresholds(game)
    xi1, xi2 = game.net_value
    s = snapped(game, s)
    jump, ramp = np.isfinite(s0), np.isfinite(s_high)
    leaves = np.where(jump, s < s0, np.where(ramp, s >= s_high, (xi1 < 0) & (xi2 < 0)))
    return plain(leaves.astype(float))


def expected_utility(game: Game, belief: Belief) -> Any:
    """The q that maximises E[U1(s, q)], one q for the task.

    E U1 can have a peak inside even if xi1 < 0 < xi2. Found on a grid, even in q and in the
    logarithm of p1 + k1 q (the chance that a pass is the last), then on ever finer ones around
    its best point: E U1 is right to rounding, q to about 1e-8.

    Args:
        game: one game, or an array that broadcasts against the counts.
        belief: counts; numbers or arrays.
    """
    belief = counts(belief)
    shape = np.broadcast_shapes(game.shape, np.shape(belief.mean))
    games = game[..., None] if game.shape else game
    wide = Belief(*(count[..., None] for count in belief))

    def best_of(q: Array) -> Array:
        utility = expected_payoffs(games, wide, q).utility
        return np.broadcast_to(utility, (*shape, q.shape[-1])).argmax(axis=-1)[..., None]

    p1 = doubles(games.success[0])
    slow = np.clip((p1 ** (1 - _GRID[1:-1]) - p1) / (1 - p1), 0.0, 1.0)
    even = np.broadcast_to(_GRID, (*slow.shape[:-1], _GRID.size))
    q = np.sort(np.concatenate([even, slow], axis=-1))
    q = np.broadcast_to(q, (*shape, q.shape[-1]))
    found = [np.zeros((*shape, 1)), np.ones((*shape, 1))]
    for around in (2, 1, 1, 1, 1, 1, 1):  # at first two points may be the same
        k = best_of(q)
        found.append(np.take_along_axis(q, k, axis=-1))
        low = np.take_along_axis(q, np.maximum(k - around, 0), axis=-1)
        high = np.take_along_axis(q, np.minimum(k + around, q.shape[-1] - 1), axis=-1)
        q = low + _ZOOM * (high - low)
    candidates = np.concatenate(found, axis=-1)
    return plain(np.take_along_axis(candidates, best_of(candidates), axis=-1)[..., 0])


def expected_threshold(game: Game, count: Any) -> Any:
    """The mean m* of Beta(m n, (1-m) n) where q = 0 and q = 1 are worth the same; xi1 <= 0 <= xi2.

    Root of E[K(s) / (p1 + k1 s)] = 0, K(s) = xi1 (1-s) + xi2 s/p2, by bisection. Above s0 by about
    Var(s) k1 / (p1 + k1 s0): with much doubt the user wants a better mean. 1 if no mean is good
    enough.

    Args:
        game: one game, or an array that broadcasts against the counts.
        count: n = a + b, positive; a number or an array.

    Raises:
        ValueError: a game has another regime, so that no mean is a threshold, or a count is not
            positive.
    """
    count = doubles(count)
    require((count > 0) & (count < np.inf), "count", count, "be positive")
    jump = np.isfinite(thresholds(game).s0)
    if not np.all(jump):
        other = np.broadcast_to(game.regime, np.shape(jump))[~jump].flat[0]
        raise ValueError(f"a mean is a threshold where xi1 <= 0 <= xi2, got the regime {other!s}")
    after_2 = game.net_value[1] / game.success[1]
    low = np.zeros(np.broadcast_shapes(game.shape, count.shape))
    high = low + 1
    for _ in range(60):
        m = (low + high) / 2
        worse = waiting(game, Belief(m * count, (1 - m) * count), after_2) < 0
        low, high = np.where(worse, m, low), np.where(worse, high, m)
    return plain(high)


def waiting(game: Game, belief: Belief, after_2: Any) -> Any:
    """E[(s W + (1-s) xi1) / (p1 + k1 s)]: what it is worth to wait after a failed pass of M1.

    Args:
        game: one game, or an array that broadcasts against the counts.
        belief: counts that are arrays.
        after_2: W, the worth of M2 from its first pass on.
    """
    (a, b), p1, xi1 = belief, game.success[0], game.net_value[0]
    escalated = a / (a + b) * passes_until(a + 1, b, p1)
    kept = b / (a + b) * passes_until(a, b + 1, p1)
    (worth,) = alike(game.shape, escalated * after_2 + kept * xi1)
    return worth


def after_failure(game: Game, belief: Belief) -> Any:
    """1 (leave) or 0 after a failed pass of M1: exactly optimal if no later task matters."""
    belief = counts(belief)
    m, s0 = belief.mean, thresholds(game).s0
    leaves = snapped(game, m) < s0
    jump = np.isfinite(s0)  # keeps are bad news: to stay once is best, or not at all
    if not np.all(jump):
        xi1, after_2 = game.net_value[0], worth_of_reasoning(game)
        best = np.maximum(m * after_2 + (1 - m) * xi1, waiting(game, belief, after_2))
        leaves = np.where(jump, leaves, best < 0)
    return plain(doubles(leaves))


def worth_of_reasoning(game: Game) -> Real:
    """W2, the worth of M2 from its first pass on, if it is seen: xi2/p2 if xi2 > 0, else xi2."""
    xi2 = np.asarray(game.net_value[1])
    (worth,) = alike(game.shape, np.where(xi2 > 0, xi2 / game.success[1], xi2))
    return plain(worth)


class Rule(Protocol):
    """A user's rule: the chance of leaving, by the belief and the number of the task."""

    @property
    def checks(self) -> Checks:
        """Whether it checks the belief once a "task" or at each "failure"."""
        ...

    def leaving(self, belief: Belief, task: Any, rng: np.random.Generator) -> Any:
        """The q after a failed pass of M1 or, if it checks once a task, of the task; one a user.

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

    def __post_init__(self) -> None:
        check_checks(self.checks)

    def leaving(self, belief: Belief, task: Any, rng: np.random.Generator) -> Any:
        """`plug_in` or `plug_in_after_failure`."""
        return (plug_in if self.checks == "task" else plug_in_after_failure)(self.game, belief)


@dataclass(frozen=True)
class ExpectedUtility:
    """Best for one task under the belief: `expected_utility` or `after_failure`."""

    game: Game
    checks: Checks = "failure"

    def __post_init__(self) -> None:
        check_checks(self.checks)

    def leaving(self, belief: Belief, task: Any, rng: np.random.Generator) -> Any:
        """The q that is optimal if no later task matters."""
        if self.checks == "failure":
            return after_failure(self.game, belief)
        belief = counts(belief)
        if self.game.shape:
            return expected_utility(self.game, belief)
        return self._remembered(*belief)

    @functools.cached_property
    def _known(self) -> dict[complex, float]:
        """Beliefs a + bi met before, and their q: few draws make few beliefs, met over and over."""
        return {}

    def _remembered(self, a: Array, b: Array) -> Any:
        """`expected_utility` in one game, worked out once for each belief."""
        beliefs, place = np.unique(a + 1j * b, return_inverse=True)
        new = np.array([x for x in beliefs.tolist() if x not in self._known], dtype=complex)
        if len(self._known) + new.size > _MOST_BELIEFS:
            self._known.clear()
            new = beliefs
        if new.size:
            answers = expected_utility(self.game, Belief(new.real, new.imag))
            self._known.update(zip(new.tolist(), answers.tolist(), strict=True))
        found = np.array([self._known[x] for x in beliefs.tolist()])
        return plain(found[place].reshape(np.shape(a + b)))


@dataclass(frozen=True)
class Thompson:
    """Best response to an s drawn from the belief, anew at each check."""

    game: Game
    checks: Checks = "task"

    def __post_init__(self) -> None:
        check_checks(self.checks)

    def leaving(self, belief: Belief, task: Any, rng: np.random.Generator) -> Any:
        """The plug-in rule at the draw."""
        a, b = counts(belief)
        return _told(self.checks)(self.game, rng.beta(a, b))


@dataclass(frozen=True)
class Optimistic:
    """Best response to an optimistic s, some standard deviations from the mean.

    ``growing``: scale * sqrt(2 log task) of them, so that a user who left tries again, ever more
    rarely. Otherwise ``scale`` of them: a user that leaves sees nothing, its bound stays where it
    is, and it never comes back.
    """

    game: Game
    scale: float = 1.0
    growing: bool = True
    checks: Checks = "failure"

    def __post_init__(self) -> None:
        check_checks(self.checks)
        require(np.isfinite(self.scale), "scale", self.scale, "be finite")

    def leaving(self, belief: Belief, task: Any, rng: np.random.Generator) -> Any:
        """The plug-in rule at the bound."""
        factor = np.sqrt(2 * np.log(_number_of(task))) if self.growing else 1.0
        xi1, xi2 = self.game.net_value
        better = np.where(xi2 / self.game.success[1] > xi1, 1.0, -1.0)
        belief = counts(belief)
        s = belief.mean + better * self.scale * factor * belief.sd
        return _told(self.checks)(self.game, np.clip(s, 0.0, 1.0))


@dataclass(frozen=True)
class ForcedStays:
    """The plug-in rule, but with chance min(1, scale / task^power) it stays to learn.

    Stays are forced for ever if power <= 1, and their share of the tasks vanishes if power > 0.
    How many of them n tasks hold, 2 scale sqrt(n) at power 1/2, says how soon a pessimist is put
    right.
    """

    game: Game
    scale: float = 2.0
    power: float = 0.5
    checks: Checks = "failure"

    def __post_init__(self) -> None:
        check_checks(self.checks)
        for name, x in (("scale", self.scale), ("power", self.power)):
            require(0 <= x < np.inf, name, x, "be at least 0 and finite")

    def leaving(self, belief: Belief, task: Any, rng: np.random.Generator) -> Any:
        """The plug-in q, times the chance that no stay is forced."""
        forced = np.minimum(1.0, self.scale / _number_of(task) ** self.power)
        return PlugIn(self.game, self.checks).leaving(belief, task, rng) * (1 - forced)


def _number_of(task: Any) -> Array:
    """The number of a task, or of many, as floats; ValueError unless they are whole, from 1."""
    number = doubles(task)
    holds = (number >= 1) & (number < np.inf) & (number == np.floor(number))
    require(holds, "task", number, "be a whole number, from 1")
    return number


def _told(checks: Checks) -> Callable[[Game, Any], Any]:
    """What a user does who takes an s for the true one."""
    return _replies_to if checks == "task" else _leaves_at


def after_reasoning(game: Game) -> Real:
    """1 (leave) or 0 after a failed pass of M2, if it is seen: there s no longer matters."""
    return plain(np.where(np.greater_equal(game.net_value[1], 0), 0.0, 1.0))
