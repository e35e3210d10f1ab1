"""A cascade seen through noise: what commitment is worth when its observation is imperfect.

Bagwell (1995): if a leader's action is seen with any noise that never rules an action out, the
pure equilibria are those of simultaneous play, however small the noise; the value of commitment
seems gone. Van Damme and Hurkens (1997): a mixed equilibrium remains, which tends to the
Stackelberg outcome as the noise vanishes.

Here the route is seen. On route 1 the provider chooses between two cascades, the one it would
commit to and the one it would deviate to (0 if cp1 < cp2, else 1); the user sees the right one of
the two with chance 1 - e, the wrong one with chance e, and answers each signal with a q. If the
provider deviates with chance x, the posterior of a deviation is

    x (1-e) / (x (1-e) + (1-x) e)   after the signal "deviation",
    x e / (x e + (1-x) (1-e))       after the other;

each q maximises E U1 under it (at a tie a lottery of two q), and in a mixed equilibrium x makes
both cascades cost

    J(s) = (1-e) J1(s, q at the right signal) + e J1(s, q at the wrong one)

the same. Replies are right to rounding: dU1/dq has the sign of -F(s, q), a polynomial of degree
two (`theory.user`), over D^2, D(s, q) = p1 + k1 s + k1 (1-s) q, so that E U1 is stationary at roots
of a polynomial of degree four. Crossings in x are found on a grid of 801 in its log-odds, and then
to rounding: two that fall between the same points are missed. `signal_play` is the same for any
number of signals with any chances, such as how many of n tosses of the coin came up "escalate".
(Section 7 of the paper says that strategies are hidden; to see them through noise goes beyond it.)
K. Bagwell, Games and Economic Behavior 8 (1995) 271-280; E. van Damme, S. Hurkens, ibid. 21 (1997)
282-308.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from routing_game.theory.game import Game
from routing_game.theory.numbers import TIE, Array, doubles, require
from routing_game.theory.payoffs import payoffs
from routing_game.theory.provider import solve
from routing_game.theory.quadrature import chance
from routing_game.theory.simultaneous import simultaneous

_LOG_ODDS = np.sinh(np.linspace(-7.2, 7.2, 801))
"""Of deviating, to 670: where noise is small, so is the chance."""
_POWERS = np.arange(5.0)
_LOG_MARGINS = np.log(np.geomspace(1e-4, 0.5, 25))
"""Past the threshold, of what is possible: tried at first."""


class NoisyOutcome(NamedTuple):
    """One equilibrium of route 1 with a noisy signal."""

    cascade: float
    """The cascade that the provider would commit to."""
    deviation: float
    """The cascade that it plays else."""
    deviates: float
    """x, the chance of the deviation: 0 or 1 in a pure equilibrium."""
    abandon: tuple[tuple[float, float], ...]
    """After each signal ("deviation", then the other): two optimal q, the same twice if unique."""
    lottery: float
    """Chance of the second q of each pair."""
    cost: float
    """J, the same for every cascade that is played."""
    utility: float
    """U, on average over the provider's mixture and the noise."""


class ObservationValue(NamedTuple):
    """What it is worth to commit and to be seen; costs J in units of P, utilities in units of V."""

    committed: float
    """J*: committed and seen."""
    hidden: tuple[float, float]
    """(least, largest) J of simultaneous play: the user does not see s."""
    noisy: float
    """Least J if s is seen through noise."""
    commitment: tuple[float, float]
    """Value of commitment: ``hidden`` - ``committed``, from 0 up."""
    observability: float
    """Value of the noisy observation: the part of the least ``hidden`` cost that it saves."""
    user: tuple[float, float]
    """What seeing s is worth to the user: U committed less U hidden, least and largest."""


def noisy_play(
    game: Game,
    error: float,
    cascade: float,
    deviation: float,
) -> tuple[NoisyOutcome, ...]:
    """Every equilibrium of route 1 between two cascades, the cheapest first.

    Args:
        game: a single game.
        error: e in (0, 1/2), chance of the wrong signal.
        cascade: s in [0, 1] that the provider would commit to.
        deviation: s in [0, 1] that it would deviate to.

    Raises:
        ValueError: ``game`` is an array, or a number is out of range.
    """
    _check(game, error)
    seen = np.array([[1 - error, error], [error, 1 - error]])
    return signal_play(game, seen, cascade, deviation)


def signal_play(
    game: Game,
    seen: Any,
    cascade: float,
    deviation: float,
) -> tuple[NoisyOutcome, ...]:
    """The same for any number m of signals.

    A signal that has no chance under the cascade that is played for sure reveals the other one.
    Where all x of an interval are equilibria with the same replies, one of them is listed.

    Args:
        game: a single game.
        seen: (2, m) chances of the signals, of the deviation and of the cascade: each row sums to
            1, and every signal has a chance under one of the two.
        cascade: s in [0, 1] that the provider would commit to.
        deviation: s in [0, 1] that it would deviate to.

    Raises:
        ValueError: ``game`` is an array, or a number is out of range.
    """
    _single(game)
    for name, s in (("cascade", cascade), ("deviation", deviation)):
        require(0 <= s <= 1, name, s, "lie in [0, 1]")
    seen = doubles(seen)
    require(seen.ndim == 2 and len(seen) == 2, "the number of rows of seen", seen.shape[0], "be 2")
    sums = np.isclose(seen.sum(axis=1), 1)[:, None]
    require((seen >= 0) & sums, "seen", seen, "have rows of chances")
    require(seen.sum(axis=0) > 0, "each column of seen", seen.sum(axis=0), "hold a chance")
    play = _Signals(game, seen, cascade, deviation)
    first, last = play.gap(np.array([-np.inf, np.inf]))
    found = [play.outcome(-np.inf, -np.inf, 0.0)] if first >= 0 else []
    found += [play.outcome(np.inf, np.inf, 0.0)] if last <= 0 else []
    gaps = play.gap(_LOG_ODDS)
    for i in np.flatnonzero(gaps[:-1] * gaps[1:] < 0):
        low, high = play.crossing(_LOG_ODDS[i], _LOG_ODDS[i + 1])
        below, above = play.gap(np.array([low, high]))
        found.append(play.outcome(low, high, float(below / (below - above))))
    found += [play.outcome(x, x, 0.0) for x in _LOG_ODDS[_inner_zeros(gaps)]]
    return tuple(sorted(found, key=lambda outcome: outcome.cost))


def observation_value(game: Game, error: float) -> ObservationValue:
    """Value of commitment and of a noisy observation.

    In a cascade game the noisy cost is the least over cascades past the threshold, of an
    equilibrium with the temptation: the best of 25 margins from 1e-4 to 1/2 of what is possible,
    and then the least of all about it. Elsewhere noise changes nothing.

    Args:
        game: a single game.
        error: e in (0, 1/2), chance of the wrong signal.

    Raises:
        ValueError: ``game`` is an array, or ``error`` is out of range.

    Example:
        >>> value = observation_value(Game(1, 1.5, (0.3, 0.8), (0.4, 0.5), (0.15, 0.6)), error=0.01)
        >>> value.committed < value.noisy < value.hidden[0]
        True
    """
    _check(game, error)
    best, play = solve(game), simultaneous(game)
    hidden, committed = (float(play.lowest), float(play.highest)), float(best.cost)
    noisy = hidden[0]
    if best.rule in ("s0", "s_L"):
        noisy = min(noisy, _least_noisy(game, error, float(best.cascade[0]), str(best.rule)))
    utilities = [u for outcome in play.outcomes for u in outcome.utility]
    s, q = float(best.cascade[0]), float(best.abandon)
    seen = float(payoffs(game, int(best.route), s, q).utility)
    return ObservationValue(
        committed,
        hidden,
        noisy,
        commitment=(hidden[0] - committed, hidden[1] - committed),
        observability=hidden[0] - noisy,
        user=(seen - max(utilities), seen - min(utilities)),
    )


def _least_noisy(game: Game, error: float, threshold: float, rule: str) -> float:
    """The least cost of an equilibrium between a cascade past the threshold and the temptation."""
    end = 1.0 if rule == "s0" else 0.0

    def cost(log_margin: float) -> float:
        s = threshold + float(np.exp(log_margin)) * (end - threshold)
        outcomes = noisy_play(game, error, s, 1.0 - end)
        return min((outcome.cost for outcome in outcomes), default=np.inf)

    costs = [cost(margin) for margin in _LOG_MARGINS]
    k = int(np.argmin(costs))
    low, high = (_LOG_MARGINS[max(k - 1, 0)], _LOG_MARGINS[min(k + 1, len(costs) - 1)])
    golden = (np.sqrt(5) - 1) / 2
    for _ in range(20):  # golden section, from 2/3 to 5e-5 of the margin
        inner = high - golden * (high - low), low + golden * (high - low)
        costs += [cost(margin) for margin in inner]
        low, high = (low, inner[1]) if costs[-2] < costs[-1] else (inner[0], high)
    return min(costs)


class _Signals:
    """The game of signals: rows are the deviation and the cascade, x is given by its log-odds.

    Each q is a point (U1 of the deviation, U1 of the cascade); best replies are corners of the hull
    of these points, found on a grid and then to rounding.
    """

    def __init__(self, game: Game, seen: Array, cascade: float, deviation: float) -> None:
        self.game, self.seen = game, seen
        self.s = np.array([deviation, cascade])
        self._polynomials = _slopes(game, deviation, cascade)
        self._q = _fine(game)
        corners, self._turns = _hull(*(self._utility(row, self._q) for row in (0, 1)))
        self._corners = np.array(corners)

    def replies(self, x: Array) -> Array:
        """The best q after each signal: (X, m) for X log-odds of the deviation."""
        first, second = self._posterior(x)
        k = self._corners[np.searchsorted(self._turns, first)]
        near = self._q[k]
        low, high = self._q[np.maximum(k - 1, 0)], self._q[np.minimum(k + 1, self._q.size - 1)]
        one, other = self._polynomials
        slope = first[..., None] * one + second[..., None] * other
        q = near
        for _ in range(6):  # Newton's steps to where E U1 is stationary
            value, rise = _polynomial(slope, q), _polynomial(slope[..., 1:] * _POWERS[1:], q)
            step = np.divide(value, rise, out=np.zeros_like(value), where=rise != 0)
            q = np.clip(q - step, low, high)
        better = self._expected(first, second, q) > self._expected(first, second, near)
        return np.where(better, q, near)

    def gap(self, x: Array) -> Array:
        """What the deviation costs more, 0 where that is rounding."""
        first, second = self._costs(self.replies(x))
        gap = first - second
        return np.where(np.abs(gap) <= TIE * np.maximum(np.abs(first), np.abs(second)), 0.0, gap)

    def crossing(self, low: float, high: float) -> tuple[float, float]:
        """The neighbours between which the gap changes its sign."""
        before = self.gap(np.array([low]))[0]
        for _ in range(12):
            x = np.linspace(low, high, 33)
            k = int(np.argmax(self.gap(x) * before <= 0))
            low, high = x[max(k - 1, 0)], x[k]
        return float(low), float(high)

    def outcome(self, low: float, high: float, weight: float) -> NoisyOutcome:
        """The replies at ``low`` and ``high`` in a lottery: both cascades then cost the same."""
        replies, mixture = self.replies(np.array([low, high])), np.array([1 - weight, weight])
        played = chance(np.array([low, -low]))
        cost = float(played @ (self._costs(replies) @ mixture))
        utility = float(played @ (self._utilities(replies) @ mixture))
        q = tuple((float(first), float(second)) for first, second in replies.T)
        deviation, cascade = (float(s) for s in self.s)
        return NoisyOutcome(cascade, deviation, float(played[0]), q, float(weight), cost, utility)

    def _posterior(self, x: Array) -> tuple[Array, Array]:
        """Chances of the deviation and of the cascade after each signal, (X, m) each."""
        first = chance(x)[:, None] * self.seen[0]
        second = chance(-x)[:, None] * self.seen[1]
        nothing = first + second == 0  # no chance at this x: what it would mean
        first = np.where(nothing, self.seen[0] > 0, first)
        second = np.where(nothing, self.seen[1] > 0, second)
        return first / (first + second), second / (first + second)

    def _expected(self, first: Array, second: Array, q: Array) -> Array:
        return first * self._utility(0, q) + second * self._utility(1, q)

    def _utility(self, row: int, q: Array) -> Array:
        return np.asarray(payoffs(self.game, 1, self.s[row], q).utility)

    def _costs(self, replies: Array) -> Array:
        """(2, X) J of each cascade, on average over signals."""
        cost = payoffs(self.game, 1, self.s[:, None, None], replies).cost
        return np.asarray((self.seen[:, None, :] * cost).sum(axis=-1))

    def _utilities(self, replies: Array) -> Array:
        """(2, X) U of each cascade, on average over signals."""
        utility = payoffs(self.game, 1, self.s[:, None, None], replies).utility
        return np.asarray((self.seen[:, None, :] * utility).sum(axis=-1))


def _fine(game: Game) -> Array:
    """A grid of q, even in q, and in the logarithm of p1 + k1 q, too."""
    p1, k1, even = float(game.success[0]), float(game.failure[0]), np.linspace(0.0, 1.0, 401)
    slow = (p1 ** (1 - even) - p1) / k1
    return np.unique(np.clip(np.concatenate([even, slow]), 0.0, 1.0))


def _hull(x: Array, y: Array) -> tuple[list[int], Array]:
    """Which points maximise r x + (1-r) y for some r in [0, 1], and the r at which to turn.

    Of points that are the same the first is taken.
    """
    corners: list[int] = []
    turns: list[float] = []
    for k in np.lexsort((np.arange(x.size), -x, -y)):  # from the largest y on
        if corners and x[k] <= x[corners[-1]]:
            continue  # worse in both
        while corners:
            gain, loss = x[k] - x[corners[-1]], y[corners[-1]] - y[k]
            turn = loss / (gain + loss)
            if not turns or turn > turns[-1]:
                turns.append(float(turn))
                break
            corners.pop()
            turns.pop()
        corners.append(int(k))
    return corners, np.array(turns)


def _polynomial(coefficients: Array, q: Array) -> Array:
    """Horner's rule, the constant first."""
    value = np.zeros(q.shape)
    for k in range(coefficients.shape[-1] - 1, -1, -1):
        value = value * q + coefficients[..., k]
    return value


def _slopes(game: Game, deviation: float, cascade: float) -> tuple[Array, Array]:
    """Coefficients of F(s, q) D(s', q)^2 in q, for s either cascade and s' the other one."""
    (xi1, xi2), (p1, p2), (k1, k2) = game.net_value, game.success, game.failure
    slopes, squares = [], []
    for s in (deviation, cascade):
        one, two, again = xi1 * (1 - s), xi2 * s, k1 * k2 * (1 - s)
        leaves = s + (1 - s) * (p1 + p2 - p1 * p2)  # 1 - again
        flat = one * p2 * p2 + two * leaves
        slopes.append([flat, 2 * (one * p2 * k2 + two * again), one * k2 * k2 - two * again])
        start, rise = p1 + k1 * s, k1 * (1 - s)
        squares.append([start * start, 2 * start * rise, rise * rise])
    return np.convolve(slopes[0], squares[1]), np.convolve(slopes[1], squares[0])


def _inner_zeros(gaps: Array) -> Array:
    """Where the first of several zeros stands, of those that reach neither end."""
    zero = gaps == 0
    starts = np.flatnonzero(zero[1:] & ~zero[:-1]) + 1
    inner = [k for k in starts if not zero[k:].all()]
    return np.array(inner, dtype=int)


def _check(game: Game, error: float) -> None:
    _single(game)
    require(0 < error < 0.5, "error", error, "lie strictly between 0 and 1/2")


def _single(game: Game) -> None:
    if game.shape:
        shape = f"got an array of shape {game.shape}; index it"
        raise ValueError(f"signals are modelled for a single game, {shape}")
