"""Hidden cascades: the one-shot game in which the user sees the route, but not the cascade probability s.

The route is seen, so each route is a game of its own, and the provider picks a route knowing how each would be played
(subgame perfection). On route 2 there is nothing to hide. On route 1 provider and user choose s and q at the same time:
an outcome is a Nash equilibrium in (s, q), two numbers of which each is optimal against the other. Given q < 1,

    J1(s, q) is a convex combination of J1(0, q) and J2(q) whose weight on J2 rises with s, and
    J2(q) - J1(0, q) has the sign of G(q) = (c2 - P p2)(p1 + k1 q) - (c1 - P p1)(p2 + k2 q), linear in q,

so the provider never escalates if G > 0, always if G < 0, and does not care if G = 0 or if nobody stays (q = 1). With
the user's best response that leaves three kinds of equilibrium on route 1:

    stay    q = 0    s = 0 if cp1 < cp2, s = 1 if cp1 > cp2, any if equal: as long as the user stays at that s
    leave   q = 1    every s at which the user leaves, unless xi1 and xi2 are both positive
    mixed   q = q_c, the root of G between 0 and 1, at the one s with q_dagger(s) = q_c; if xi1 > 0 > xi2

The cascades vanish: a provider whose user stays would rather escalate less than s0 (cp1 < cp2) or more than s_L
(cp1 > cp2), and the user knows it. That is the value of commitment. Where xi_i = 0 equilibria can form a segment; its
ends are listed, and J is monotone between them. Lotteries over s are not considered: s is itself a probability.
(Section 7 of the paper says that strategies are hidden in practice; what follows goes beyond it.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from routing_game.theory.game import Game
from routing_game.theory.numbers import TIE, Array, Real
from routing_game.theory.payoffs import payoffs
from routing_game.theory.user import thresholds

_KINDS = ("stay", "leave", "mixed", "stay", "leave")
_ROUTES = (1, 1, 1, 2, 2)


class Outcome(NamedTuple):
    """One way in which the game with hidden s can be played."""

    kind: str
    """"stay", "leave" or "mixed": what the user does."""
    route: int
    cascade: tuple[float, float]
    """(low, high): each s between is an equilibrium with the same q and cost; (0, 1) on route 2, where s is free."""
    abandon: float
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

        A route-1 equilibrium is an outcome if route 2 could cost as much or more, and the other way round.

        Raises:
            ValueError: for an array of games; index it and call again.
        """
        if self.game.shape:
            raise ValueError(f"outcomes are listed for a single game, got an array of shape {self.game.shape}")
        table = _equilibria(self.game)
        limit = self.highest + TIE * np.abs(self.highest)
        found = [_outcome(self.game, table, k) for k in np.flatnonzero(table.cost <= limit)]
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
    lowest = cost.min(axis=0)
    highest = np.minimum(present[:3].max(axis=0), present[3:].max(axis=0))  # the provider picks the cheaper route
    return SimultaneousPlay(game, lowest[()], highest[()])


class _Equilibria(NamedTuple):
    """The equilibria of both routes, one per row: arrays of shape (5, *game.shape); cost is inf where there is none."""

    low: Array
    high: Array
    abandon: Array
    cost: Array


def _equilibria(game: Game) -> _Equilibria:
    (xi1, xi2), (cp1, cp2) = game.net_value, game.cost_of_pass
    s0, s_low, s_high = (np.asarray(s) for s in thresholds(game))
    stay_from, stay_to = np.nan_to_num(s0), np.where(np.isnan(s_low), 1.0, s_low)  # the s at which q = 0 is optimal
    leave_from, leave_to = np.nan_to_num(s_high), np.where(np.isnan(s0), 1.0, s0)  # the s at which q = 1 is optimal
    indifferent = np.abs(cp1 - cp2) <= TIE * np.abs(cp2)
    wants = [(cp1 < cp2) & ~indifferent, (cp1 > cp2) & ~indifferent]  # s = 0 or s = 1, if the user stays
    stays = np.select(wants, [xi1 >= 0, xi2 >= 0], (xi1 >= 0) | (xi2 >= 0))
    stay_from, stay_to = (np.select(wants, [0.0, 1.0], s) for s in (stay_from, stay_to))
    q_c = _indifferent_abandon(game)
    s_from, s_to = _mixed_cascade(game, q_c)
    rows: tuple[tuple[Any, ...], ...] = (  # exists, route, first and last s, q
        (stays, 1, stay_from, stay_to, 0.0),
        ((xi1 <= 0) | (xi2 <= 0), 1, leave_from, leave_to, 1.0),
        (np.isfinite(q_c + s_from), 1, s_from, s_to, q_c),
        (xi2 >= 0, 2, 0.0, 1.0, 0.0),
        (xi2 <= 0, 2, 0.0, 1.0, 1.0),
    )
    exists, route, low, high, q = (
        np.stack([np.broadcast_to(np.nan_to_num(x), game.shape) for x in column]) for column in zip(*rows, strict=True)
    )
    return _Equilibria(low, high, q, np.where(exists, payoffs(game, route, low, q).cost, np.inf))


def _indifferent_abandon(game: Game) -> Array:
    """q_c in (0, 1), at which the provider does not care about s: the root of G; nan if there is none."""
    (p1, p2), (c1, c2) = game.success, game.cost
    at_stay, at_leave = p1 * c2 - p2 * c1, c2 - c1 - game.penalty * (p2 - p1)  # G(0), G(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        root = np.asarray(at_stay / (at_stay - at_leave))
    return np.where((root > 0) & (root < 1), root, np.nan)


def _mixed_cascade(game: Game, q: Any) -> tuple[Array, Array]:
    """(low, high) of the s at which ``q`` in (0, 1) is a best response on route 1; nan if there is none."""
    (xi1, xi2), (k1, k2) = game.net_value, game.failure
    reach, w = k1 * k2 * (1 - q) ** 2, xi1 * (game.success[1] + k2 * q) ** 2
    m = w - xi2 * (1 - reach)  # F(s, q) = 0 is -xi2 reach s^2 + m s = w
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = 2 * w / (m + np.sqrt(m * m - 4 * reach * xi2 * w))
    ramp = (xi1 > 0) & (xi2 < 0)
    low = np.where(ramp, inside, np.where(xi1 == 0, 0.0, np.where(xi2 == 0, 1.0, np.nan)))
    high = np.where((xi1 == 0) & (xi2 == 0), 1.0, low)
    return low, high


def _outcome(game: Game, table: _Equilibria, k: Any) -> Outcome:
    low, high, q, cost = (float(column[k]) for column in table)
    utility = sorted(float(payoffs(game, _ROUTES[k], s, q).utility) for s in (low, high))
    return Outcome(_KINDS[k], _ROUTES[k], (low, high), q, cost, (utility[0], utility[1]))
