"""Hidden cascades: the one-shot game in which the user sees the route, but not s.

The route is seen, so each route is a game of its own, and the provider picks a route knowing how
each would be played (subgame perfection). On route 2 there is nothing to hide. On route 1 provider
and user choose s and q at the same time: an outcome is a Nash equilibrium in (s, q), two numbers of
which each is optimal against the other. Given q < 1,

    J1(s, q) is a convex combination of J1(0, q) and J2(q) whose weight on J2 rises with s, and
    J2(q) - J1(0, q) has the sign of G(q) = (c2 - P p2)(p1 + k1 q) - (c1 - P p1)(p2 + k2 q),

G is linear in q. The provider never escalates if G > 0, always if G < 0, and does not care if
G = 0 or if nobody stays (q = 1). With the user's best response that leaves three kinds of
equilibrium on route 1:

    stay    q = 0    s = 0 if cp1 < cp2, s = 1 if cp1 > cp2, any if equal; if the user stays there
    leave   q = 1    every s at which the user leaves, unless xi1 and xi2 are both positive
    mixed   q = q_c, the root of G in (0, 1), at the s with q_dagger(s) = q_c; xi1 > 0 > xi2

If P = cp1 = cp2, J is P whatever happens, and each s is an equilibrium with the reply to it.

The cascades vanish: a provider whose user stays would rather escalate less than s0 (cp1 < cp2) or
more than s_L (cp1 > cp2), and the user knows it. That is the value of commitment. Where xi_i = 0
equilibria can form a segment; its ends are listed, and J is monotone between them. Lotteries over s
are not considered: s is itself a probability. (Section 7 of the paper says that strategies are
hidden in practice; what follows goes beyond it.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from routing_game.theory.game import Game
from routing_game.theory.numbers import TIE, Array, Real, plain, tied
from routing_game.theory.payoffs import payoffs
from routing_game.theory.user import best_response, thresholds

_KINDS = ("stay", "leave", "mixed", "stay", "leave")
_ROUTES = (1, 1, 1, 2, 2)


class Outcome(NamedTuple):
    """One way in which the game with hidden s can be played."""

    kind: str
    """"stay", "leave" or "mixed": what the user does."""
    route: int
    cascade: tuple[float, float]
    """(low, high): each s between is an equilibrium of the same cost; (0, 1) on route 2."""
    abandon: float
    """q; where it rises along the interval ("mixed" if P = cp1 = cp2), that at its middle."""
    cost: float
    utility: tuple[float, float]
    """(least, largest) U over the interval of s."""


@dataclass(frozen=True)
class SimultaneousPlay:
    """All outcomes of the game with hidden s, for one game or an array of games."""

    game: Game
    lowest: Real
    """J at the outcome that is best for the provider."""
    highest: Real
    """J at the outcome that is worst for it."""

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Every outcome of a single game, the cheapest first.

        An equilibrium of one route is an outcome if the other route could cost as much or more.

        Raises:
            ValueError: for an array of games; index it and call again.
        """
        if self.game.shape:
            raise ValueError(
                f"outcomes are listed for a single game, got an array of shape {self.game.shape}"
            )
        table = _equilibria(self.game)
        listed = np.flatnonzero(table.cost <= tied(self.highest))
        found = [_outcome(self.game, table, int(k)) for k in listed]
        return tuple(sorted(found, key=lambda outcome: outcome.cost))


def simultaneous(game: Game) -> SimultaneousPlay:
    """The outcomes when the user cannot see s, from the least to the largest cost for the provider.

    Example:
        >>> play = simultaneous(Game(1, 1.5, (0.3, 0.8), (0.4, 0.5), (0.15, 0.6)))
        >>> [(outcome.route, outcome.abandon, round(outcome.cost, 4)) for outcome in play.outcomes]
        [(2, 0.0, 0.75)]
    """
    cost = _equilibria(game).cost
    present = np.where(np.isfinite(cost), cost, -np.inf)
    # the provider picks the cheaper route
    highest = np.minimum(present[:3].max(axis=0), present[3:].max(axis=0))
    return SimultaneousPlay(game, plain(cost.min(axis=0)), plain(highest))


class _Equilibria(NamedTuple):
    """The equilibria of both routes, one per row: arrays of shape (5, *game.shape).

    The cost is inf where there is none.
    """

    low: Array
    high: Array
    abandon: Array
    """q; nan where it rises from 0 to 1 as s goes from low to high."""
    cost: Array


def _equilibria(game: Game) -> _Equilibria:
    xi1, xi2 = game.net_value
    s0, s_low, s_high = (np.asarray(s) for s in thresholds(game))
    at_stay, at_leave = _preference(game)  # never escalates if positive, always if negative
    # where q = 0 is optimal, and where q = 1 is
    stay_from, stay_to = np.nan_to_num(s0), np.where(np.isnan(s_low), 1.0, s_low)
    leave_from, leave_to = np.nan_to_num(s_high), np.where(np.isnan(s0), 1.0, s0)
    stays = np.where(at_stay > 0, xi1 >= 0, (at_stay < 0) & (xi2 >= 0))
    stays = np.where(at_stay == 0, (xi1 >= 0) | (xi2 >= 0), stays)
    stay_from, stay_to = (
        np.where(at_stay > 0, 0.0, np.where(at_stay < 0, 1.0, s)) for s in (stay_from, stay_to)
    )
    q_c = _indifferent_abandon(at_stay, at_leave)
    s_from, s_to = _mixed_cascade(game, q_c)
    mixes = np.isfinite(q_c + s_from)
    # P = cp1 = cp2: the provider does not care about anything, and every mixed reply will do
    ramp = (at_stay == 0) & (at_leave == 0) & (s_low < s_high)
    s_from, s_to = np.where(ramp, s_low, s_from), np.where(ramp, s_high, s_to)
    rows: tuple[tuple[Any, ...], ...] = (  # exists, first and last s, q
        (stays, stay_from, stay_to, 0.0),
        ((xi1 <= 0) | (xi2 <= 0), leave_from, leave_to, 1.0),
        (mixes | ramp, s_from, s_to, np.where(ramp, np.nan, q_c)),
        (xi2 >= 0, 0.0, 1.0, 0.0),
        (xi2 <= 0, 0.0, 1.0, 1.0),
    )
    exists, low, high, q = (
        np.stack([np.broadcast_to(x, game.shape) for x in column])
        for column in zip(*rows, strict=True)
    )
    low, high = np.nan_to_num(low), np.nan_to_num(high)
    route = np.reshape(_ROUTES, (-1, *[1] * len(game.shape)))
    cost = payoffs(game, route, low, np.nan_to_num(q)).cost
    return _Equilibria(low, high, q, np.where(exists, cost, np.inf))


def _preference(game: Game) -> tuple[Any, Any]:
    """G(0) and G(1), each 0 where the provider does not care about s."""
    (p1, p2), (c1, c2), price = game.success, game.cost, game.penalty
    at_stay = np.where(_equal(*game.cost_of_pass), 0.0, p1 * c2 - p2 * c1)
    at_leave = np.where(_equal(*game.leaving_cost), 0.0, c2 - c1 - price * (p2 - p1))
    return at_stay, at_leave


def _equal(first: Real, second: Real) -> Any:
    """Whether two costs count as equal."""
    return np.abs(np.subtract(first, second)) <= TIE * np.abs(second)


def _indifferent_abandon(at_stay: Array, at_leave: Array) -> Array:
    """q_c in (0, 1), at which the provider does not care about s, the root of G; nan if none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(
            np.sign(at_stay) * np.sign(at_leave) < 0, at_stay / (at_stay - at_leave), np.nan
        )


def _mixed_cascade(game: Game, q: Any) -> tuple[Array, Array]:
    """(low, high) of the s on route 1 to which ``q`` in (0, 1) is a best response; nan if none."""
    (xi1, xi2), (p1, p2), (k1, k2) = game.net_value, game.success, game.failure
    x = 1 - q
    reach = k1 * k2 * x**2
    rest = q * (1 + x) + x**2 * (p1 + k1 * p2)  # 1 - reach, without cancelling
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # F(s, q) = 0 is u reach s^2 + m s = 1
        u = -xi2 / (xi1 * (p2 + k2 * q) ** 2)
        m = 1 + u * rest
        inside = 2 / (m + np.sqrt(m * m + 4 * reach * u))
    ramp = (xi1 > 0) & (xi2 < 0)
    low = np.where(ramp, inside, np.where(xi1 == 0, 0.0, np.where(xi2 == 0, 1.0, np.nan)))
    high = np.where((xi1 == 0) & (xi2 == 0), 1.0, low)
    return low, high


def _outcome(game: Game, table: _Equilibria, k: int) -> Outcome:
    low, high, q, cost = (float(column[k]) for column in table)
    ends = (q, q)
    if np.isnan(q):
        q, ends = float(best_response(game, 1, (low + high) / 2).low), (0.0, 1.0)
    utilities = sorted(
        float(payoffs(game, _ROUTES[k], s, end).utility)
        for s, end in zip((low, high), ends, strict=True)
    )
    return Outcome(_KINDS[k], _ROUTES[k], (low, high), q, cost, (utilities[0], utilities[1]))
