"""A cascade seen through noise: what commitment is worth when its observation is imperfect.

Bagwell (1995): if a leader's action is seen with any noise that never rules an action out, the pure equilibria are
those of simultaneous play, however small the noise; the value of commitment seems gone. Van Damme and Hurkens (1997): a
mixed equilibrium remains, which tends to the Stackelberg outcome as the noise vanishes.

Here the route is seen. On route 1 the provider chooses between two cascades, the one it would commit to and the one it
would deviate to (0 if cp1 < cp2, else 1); the user sees the right one of the two with chance 1 - e, the wrong one with
chance e, and answers each signal with a q. If the provider deviates with chance x, the posterior of a deviation is

    x (1-e) / (x (1-e) + (1-x) e)   after the signal "deviation",   x e / (x e + (1-x) (1-e))   after the other;

each q maximises E U1 under it (at a tie a lottery of two q), and in a mixed equilibrium x makes both cascades cost

    J(s) = (1-e) J1(s, q at the right signal) + e J1(s, q at the wrong one)

the same. All crossings in x are found, so all mixed equilibria are. `signal_play` is the same for any number of signals
with any chances, such as how many of n tosses of the coin came up "escalate". (Beyond the paper.)
K. Bagwell, Games and Economic Behavior 8 (1995) 271-280; E. van Damme, S. Hurkens, ibid. 21 (1997) 282-308.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from routing_game.theory.game import Game
from routing_game.theory.numbers import Array, require
from routing_game.theory.payoffs import payoffs
from routing_game.theory.provider import solve
from routing_game.theory.simultaneous import simultaneous

_Q = np.linspace(0.0, 1.0, 401)
_LOG_ODDS = np.sinh(np.linspace(-7.2, 7.2, 801))  # to 670: where noise is small, so is the chance of deviating


class NoisyOutcome(NamedTuple):
    """One equilibrium of route 1 with a noisy signal."""

    cascade: float
    """The cascade that the provider would commit to."""
    deviation: float
    """The cascade that it plays else."""
    deviates: float
    """x, the chance of the deviation: 0 or 1 in a pure equilibrium."""
    abandon: tuple[tuple[float, float], ...]
    """After each signal ("deviation", then the other): two q that are optimal, the same one twice where unique."""
    lottery: float
    """Chance of the second q of each pair."""
    cost: float
    """J, the same for every cascade that is played."""
    utility: float
    """U, on average over the provider's mixture and the noise."""


class ObservationValue(NamedTuple):
    """What it is worth to commit and to be seen, in one game. Costs J in units of P, utilities in units of V."""

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
    """What seeing s is worth to the user: U committed less U hidden, least and largest; can be negative."""


def noisy_play(game: Game, error: float, cascade: float, deviation: float) -> tuple[NoisyOutcome, ...]:
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
    return signal_play(game, np.array([[1 - error, error], [error, 1 - error]]), cascade, deviation)


def signal_play(game: Game, seen: Array, cascade: float, deviation: float) -> tuple[NoisyOutcome, ...]:
    """The same for any number m of signals, whose chances are ``seen``: (2, m), of the deviation and of the cascade.

    Args:
        game: a single game.
        seen: each row sums to 1; every signal has a chance under one of the two.
        cascade: s in [0, 1] that the provider would commit to.
        deviation: s in [0, 1] that it would deviate to.

    Raises:
        ValueError: ``game`` is an array, or a number is out of range.
    """
    _single(game)
    require(
        0 <= cascade <= 1 and 0 <= deviation <= 1, "cascade and deviation", min(cascade, deviation), "lie in [0, 1]"
    )
    require(np.isclose(np.sum(seen, axis=1), 1) & (np.min(seen) >= 0), "seen", seen, "have rows of chances")
    play = _Signals(game, np.asarray(seen), cascade, deviation)
    found = [play.outcome(x, x, 0.0) for x in (0.0, 1.0) if (play.gap(x) >= 0 if x == 0.0 else play.gap(x) <= 0)]
    chances = 1 / (1 + np.exp(-_LOG_ODDS))
    gaps = np.array([play.gap(x) for x in chances])
    for i in np.flatnonzero(gaps[:-1] * gaps[1:] < 0):
        low, high = chances[i], chances[i + 1]
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if play.gap(middle) * gaps[i] > 0 else (low, middle)
        first, second = play.gap(low), play.gap(high)
        found.append(play.outcome(low, high, first / (first - second)))
    return tuple(sorted(found, key=lambda outcome: outcome.cost))


def observation_value(game: Game, error: float) -> ObservationValue:
    """Value of commitment and of a noisy observation; in a cascade game the best of 40 cascades past the threshold.

    Args:
        game: a single game.
        error: e in (0, 1/2), chance of the wrong signal.

    Example:
        >>> value = observation_value(Game(1, 1.5, (0.3, 0.8), (0.4, 0.5), (0.15, 0.6)), error=0.01)
        >>> value.committed < value.noisy < value.hidden[0]
        True
    """
    _check(game, error)
    best, play = solve(game), simultaneous(game)
    hidden = float(play.lowest), float(play.highest)
    costs = [hidden[0]]
    if best.rule in ("s0", "s_L"):
        s = float(best.cascade[0])
        end = 1.0 if best.rule == "s0" else 0.0
        for step in np.geomspace(1e-4, 0.5, 40):
            costs += [outcome.cost for outcome in noisy_play(game, error, s + step * (end - s), 1.0 - end)]
    noisy, committed = min(costs), float(best.cost)
    utilities = [u for outcome in play.outcomes for u in outcome.utility]
    seen = float(payoffs(game, int(best.route), float(best.cascade[0]), float(best.abandon)).utility)
    gains = seen - max(utilities), seen - min(utilities)
    return ObservationValue(
        committed, hidden, noisy, (hidden[0] - committed, hidden[1] - committed), hidden[0] - noisy, gains
    )


class _Signals:
    """The game of signals: row 0 of each table is the deviation, row 1 the cascade; columns are q."""

    def __init__(self, game: Game, seen: Array, cascade: float, deviation: float) -> None:
        self.s = np.array([deviation, cascade])
        table = payoffs(game, 1, self.s[:, None], _Q)
        self.utility, self.cost = table.utility, table.cost
        self.seen = seen  # played -> signal

    def replies(self, x: float) -> Array:
        """The index of q after each signal."""
        weight = np.array([x, 1 - x])[:, None] * self.seen
        return np.argmax(weight.T @ self.utility, axis=1)

    def costs(self, replies: Array) -> Array:
        """J of each cascade."""
        return np.asarray((self.seen * self.cost[:, replies]).sum(axis=1))

    def gap(self, x: float) -> float:
        """What the deviation costs more."""
        first, second = self.costs(self.replies(x))
        return float(first - second)

    def outcome(self, low: float, high: float, weight: float) -> NoisyOutcome:
        """The replies at x = ``low`` and ``high`` in a lottery that makes both cascades cost the same."""
        mixture = np.array([1 - weight, weight])
        replies = np.stack([self.replies(low), self.replies(high)])
        played = np.array([low, 1 - low])
        cost = mixture @ np.stack([self.costs(r) for r in replies])
        utility = mixture @ np.stack([(self.seen * self.utility[:, r]).sum(axis=1) for r in replies])
        q = [(float(first), float(second)) for first, second in _Q[replies].T]
        deviation, cascade = (float(s) for s in self.s)
        value = float(played @ cost), float(played @ utility)
        return NoisyOutcome(cascade, deviation, float(low), tuple(q), float(weight), *value)


def _check(game: Game, error: float) -> None:
    _single(game)
    require(0 < error < 0.5, "error", error, "lie strictly between 0 and 1/2")


def _single(game: Game) -> None:
    if game.shape:
        raise ValueError(f"signals are modelled for a single game, got an array of shape {game.shape}; index it")
