"""The provider's optimum: the Stackelberg equilibrium as a set, in every regime and boundary.

Along the user's best response the cost J is least at one of six commitments, each available where
the user's reply allows it (cp = c/p, l = c + P k, J1(s,0) = (c1 + k1 c2 s / p2) / (p1 + k1 s)):

    stay-1    (1, 0)      q = 0   cp1          xi1 >= 0
    leave-1   (1, s)      q = 1   l1           xi1 <= 0 or xi2 <= 0; s in [0, 1], [0, s0], [s_H, 1]
    s0        (1, s0)     q = 0   J1(s0, 0)    xi1 < 0 <= xi2
    s_L       (1, s_L)    q = 0   J1(s_L, 0)   xi1 > 0 >= xi2
    stay-2    (2, .)      q = 0   cp2          xi2 >= 0
    leave-2   (2, .)      q = 1   l2           xi2 <= 0

With these inequalities the boundaries xi_i = 0 are exact limits of the open regimes. With p1 <= p2
no mixed reply is ever worth provoking (section 4.2 keeps a minimum over them among its settings;
proof in docs/theory.md, whatever the order and sign of costs and latencies). Games with p1 > p2 get
a seventh candidate, "interior", from a search of that branch. (Theorems 3 to 5, completed.)
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from routing_game.theory.engines import LEAST_GAMES, EngineName, takes_compiled
from routing_game.theory.game import Game
from routing_game.theory.kinds import RULES
from routing_game.theory.numbers import (
    TIE,
    Array,
    Real,
    Unchanging,
    difference,
    double,
    frozen,
    least,
    plain,
    tied,
)
from routing_game.theory.payoffs import Payoffs, payoffs
from routing_game.theory.user import best_response, jump_point, ramp_start, thresholds

_NAMES = np.array(list(RULES))
_STAY1, _S_LOW, _INTERIOR, _LEAVE1, _S0, _STAY2, _LEAVE2 = range(7)
_ROUTE = np.array([1, 1, 1, 1, 1, 2, 2])
_FAR = 1e300
_BLOCK = 16384


class Piece(NamedTuple):
    """One connected part of the set of optimal commitments of a single game."""

    rule: str
    route: int
    cascade: tuple[float, float]
    """(low, high): every s between is optimal; the ends of "interior" belong to its neighbours."""
    abandon: float
    """q, the user's reply; at the middle of a piece along which it rises ("interior")."""
    cost: float
    utility: tuple[float, float]


@dataclass(frozen=True)
class Equilibrium(Unchanging):
    """The Stackelberg equilibrium of a game: a representative, and the set it stands for.

    Members are numbers for one game and arrays of ``game.shape`` for many. The representative is
    the optimal commitment with the smallest route, then the smallest cascade. What `solve` need not
    know is computed when asked.
    """

    game: Game
    cost: Real
    """J*, the strong Stackelberg cost (ties broken for the provider), in the provider's unit."""
    kind: Any
    """Index of the deciding candidate in `RULES`."""

    def __post_init__(self) -> None:
        frozen((self.cost, self.kind))

    def __repr__(self) -> str:
        """As the card has it; of many games, how often each rule decides."""
        if self.game.shape:
            rules, counts = np.unique(self.rule, return_counts=True)
            found = ", ".join(f"{n} {rule}" for rule, n in zip(rules, counts, strict=True))
            return f"Equilibrium(shape={self.game.shape}: {found or 'no game'})"
        low, high = self.cascade
        s = f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
        s = "free" if self.route == 2 else s
        numbers = f"q={self.abandon:.4g}, J*={self.cost:.4g}"
        return f"Equilibrium({self.rule}: route={self.route}, s={s}, {numbers})"

    @property
    def regime(self) -> Any:
        """Signs of (xi1, xi2)."""
        return self.game.regime

    @property
    def rule(self) -> Any:
        """The deciding candidate; a key of `RULES`."""
        return plain(_NAMES[self.kind])

    @property
    def route(self) -> Any:
        """i, 1 or 2."""
        return plain(_ROUTE[self.kind])

    @property
    def cascade(self) -> tuple[Real, Real]:
        """(low, high): every s between is optimal; (0, 1) on route 2, where s is free."""
        low, high, _ = self._chosen
        return plain(low), plain(high)

    @property
    def abandon(self) -> Real:
        """q, the user's reply."""
        return plain(self._chosen[2])

    @property
    def utility(self) -> Real:
        """U at the representative, in the user's unit."""
        low, _, abandon = self._chosen
        return plain(payoffs(self.game, self.route, low, abandon).utility)

    @property
    def user_best(self) -> Real:
        """Max over (i, s) of U at the best response: as if the user chose the commitment, too."""
        # one model alone, until it succeeds if its passes are worth their time
        (xi1, xi2), (p1, p2) = self.game.net_value, self.game.success
        best = np.maximum(np.where(xi1 > 0, xi1 / p1, xi1), np.where(xi2 > 0, xi2 / p2, xi2))
        return plain(np.broadcast_to(best, self.game.shape))

    @property
    def misalignment(self) -> tuple[Real, Real]:
        """(low, high) of Delta_U = user_best - U over the whole optimal set."""
        table = self._candidates  # U is monotone in s on every piece, so its ends suffice
        utilities = np.stack([table.utility_low, table.utility_high])
        gaps = np.asarray(difference(self.user_best, utilities))
        low, high = np.where(self._optimal, gaps, np.inf), np.where(self._optimal, gaps, -np.inf)
        return plain(low.min(axis=(0, 1))), plain(high.max(axis=(0, 1)))

    @property
    def weak_cost(self) -> Real:
        """The infimum of J if ties are broken against the provider."""
        return plain(self._weak[0])

    @property
    def attained(self) -> Any:
        """bool: some commitment reaches `weak_cost`; False if it is only approached, as s0 is."""
        return plain(self._weak[1])

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """All optimal pieces of a single game, those with the smallest route and cascade first.

        Raises:
            ValueError: for an array of games; index it and solve again.
        """
        if self.game.shape:
            raise ValueError(
                f"pieces are listed for a single game, got an array of shape {self.game.shape}"
            )
        return tuple(
            _piece(self.game, self._candidates, int(k)) for k in np.flatnonzero(self._optimal)
        )

    @functools.cached_property
    def _candidates(self) -> _Candidates:
        return _candidates(self.game)

    @functools.cached_property
    def _chosen(self) -> tuple[Array, Array, Array]:
        """First and last s, and q, of the deciding candidate."""
        low, high, abandon, _ = (
            np.choose(self.kind, x) for x in zip(*_commitments(self.game), strict=True)
        )
        return frozen(low), frozen(high), frozen(abandon)

    @functools.cached_property
    def _optimal(self) -> Array:
        return np.asarray(self._candidates.cost <= tied(self.cost))

    @functools.cached_property
    def _weak(self) -> tuple[Array, Any]:
        cost, attained = _weak(self.game, self._candidates)
        return frozen(cost), frozen(attained)


def solve(game: Game, engine: EngineName = "auto") -> Equilibrium:
    """The strong Stackelberg equilibrium of every game in ``game``.

    Args:
        game: one game, or an array of games.
        engine: "numpy"; "compiled", which needs the extra `fast`; or "auto": compiled for large
            arrays if it is installed. The answers are the same to the bit. Arrays in which some
            p1 > p2 are numpy's.

    Example:
        >>> eq = solve(Game(1, 1.5, (0.3, 0.8), (0.4, 0.5), (0.15, 0.6)))
        >>> eq.rule, round(eq.cost, 4), [round(s, 4) for s in eq.cascade]
        ('s0', 0.5824, [0.2105, 0.2105])
    """
    size = math.prod(game.shape)
    if takes_compiled(engine, size >= LEAST_GAMES, not may_mix(game)):
        from routing_game.theory import compiled

        return Equilibrium(game, *map(plain, compiled.optimum(game)))
    if size <= _BLOCK:
        cost, kind = _optimum(game)
        return Equilibrium(game, plain(cost), plain(kind))
    games = game.ravel()
    cost, kind = np.empty(games.shape), np.empty(games.shape, dtype=np.int8)
    for start in range(
        0, cost.size, _BLOCK
    ):  # arrays that fit the cache: several times faster than whole ones
        block = slice(start, start + _BLOCK)
        cost[block], kind[block] = _optimum(games[block])
    return Equilibrium(game, cost.reshape(game.shape), kind.reshape(game.shape))


def outcome(game: Game, route: Any, cascade: Any) -> Payoffs:
    """Payoffs of (i, s) if the user answers with its best response, ties for the provider."""
    route, cascade = double(route), double(cascade)
    return payoffs(game, route, cascade, best_response(game, route, cascade).strong)


def provider_regret(game: Game, route: Any, cascade: Any) -> Any:
    """J(i, s, q*) - J* >= 0, what (i, s) costs beyond the optimum; in units of cost."""
    return plain(difference(outcome(game, route, cascade).cost, solve(game).cost))


def _costs(game: Game) -> tuple[Any, ...]:
    """J of every candidate in the order of `RULES`; nan or at least _FAR if unavailable."""
    (xi1, xi2), (cp1, cp2), (l1, l2) = game.net_value, game.cost_of_pass, game.leaving_cost
    loses1, gains1, loses2, gains2 = xi1 < 0, xi1 > 0, xi2 <= 0, xi2 >= 0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # where a threshold means nothing its formula may give anything: clipped it gives a finite
        # cost or nan
        at_s0 = _staying_cost(game, np.clip(jump_point(game, xi1, xi2), 0.0, 1.0))
        at_s_low = _staying_cost(game, np.clip(ramp_start(game, xi1, xi2), 0.0, 1.0))
    mixed = interior_optimum(game)[1] if may_mix(game) else _FAR
    return (  # adding _FAR is several times faster than np.where
        cp1 + _FAR * loses1,
        at_s_low + _FAR * ~(gains1 & loses2),
        mixed,
        l1 + _FAR * (gains1 & ~loses2),
        at_s0 + _FAR * ~(loses1 & gains2),
        cp2 + _FAR * ~gains2,
        l2 + _FAR * ~loses2,
    )


def _optimum(game: Game) -> tuple[Array, Array]:
    """(J*, kind): the least cost and, of the candidates that tie for it, the first."""
    costs = _costs(game)
    cost = np.asarray(functools.reduce(np.fmin, costs))
    limit = tied(cost)
    missed = np.ones(cost.shape, dtype=bool)
    kind = np.zeros(cost.shape, dtype=np.int8)
    for candidate in costs[:-1]:
        missed &= ~(candidate <= limit)
        kind += missed
    return cost, kind


class _Candidates(NamedTuple):
    """The candidates, one a row: arrays (7, *game.shape); cost is inf where unavailable."""

    low: Array
    high: Array
    abandon_low: Array
    abandon_high: Array
    cost: Array
    utility_low: Array
    utility_high: Array


def _commitments(game: Game) -> tuple[tuple[Any, Any, Any, Any], ...]:
    """First and last s, and q at each, of every candidate in the order of `RULES`.

    Anything where a candidate is not available.
    """
    s0, s_low, s_high = thresholds(game)
    xi2, (cp1, cp2) = game.net_value[1], game.cost_of_pass
    # escalating early or late costs the provider the same
    indifferent = np.abs(cp1 - cp2) <= TIE * np.abs(cp2)
    stay_to = np.where(indifferent, np.where(xi2 >= 0, 1.0, s_low), 0.0)
    return (
        (0.0, stay_to, 0.0, 0.0),
        (s_low, s_low, 0.0, 0.0),
        _mixed(game, s_low, s_high),
        (np.where(np.isnan(s_high), 0.0, s_high), np.where(np.isnan(s0), 1.0, s0), 1.0, 1.0),
        (s0, np.where(indifferent, 1.0, s0), 0.0, 0.0),
        (0.0, 1.0, 0.0, 0.0),
        (0.0, 1.0, 1.0, 1.0),
    )


def _mixed(game: Game, s_low: Real, s_high: Real) -> tuple[Any, Any, Any, Any]:
    """The mixed candidate: one point of the ramp, or all of it if nothing makes a difference."""
    s: Real = np.nan
    q: Real = 0.0
    if may_mix(game):
        s = interior_optimum(game)[0]
        q = best_response(game, 1, np.nan_to_num(s)).low
    flat = _flat(game)
    first, last = np.where(flat, s_low, s), np.where(flat, s_high, s)
    return first, last, np.where(flat, 0.0, q), np.where(flat, 1.0, q)


def _candidates(game: Game) -> _Candidates:
    low, high, q_low, q_high = (
        np.stack([np.broadcast_to(np.nan_to_num(x), game.shape) for x in column])
        for column in zip(*_commitments(game), strict=True)
    )
    cost = np.stack([np.broadcast_to(x, game.shape) for x in _costs(game)])
    cost = np.where(cost < _FAR, cost, np.inf)
    part_of_stay1 = (high[_STAY1] > 0) & np.isfinite(cost[_STAY1])
    cost[_S_LOW] = np.where(part_of_stay1, np.inf, cost[_S_LOW])
    ramp = _flat(game) & (low[_INTERIOR] < high[_INTERIOR])
    cost[_INTERIOR] = np.where(ramp, game.penalty, cost[_INTERIOR])
    route = _ROUTE.reshape(-1, *[1] * len(game.shape))
    ends = ((low, q_low), (high, q_high))
    utilities = (payoffs(game, route, s, q).utility for s, q in ends)
    return _Candidates(low, high, q_low, q_high, cost, *utilities)


def _piece(game: Game, table: _Candidates, k: int) -> Piece:
    low, high, q_low, q_high, cost, *utility = (float(field[k]) for field in table)
    q = q_low if q_low == q_high else float(best_response(game, 1, (low + high) / 2).low)
    between = (min(utility), max(utility))
    return Piece(str(_NAMES[k]), int(_ROUTE[k]), (low, high), q, cost, between)


def _weak(game: Game, table: _Candidates) -> tuple[Array, Any]:
    """(infimum of J with ties broken against the provider, whether it is attained).

    A tie costs nothing at s0 itself: s0 + eps has the same limit, but does not attain it. Where
    xi_i = 0 the tie spreads over whole rows, and there the adversary can do harm.
    """
    (xi1, xi2), (cp1, cp2), (l1, l2) = game.net_value, game.cost_of_pass, game.leaving_cost
    escalate = _staying_cost(game, 1.0)
    # xi1 = xi2 = 0: the adversary picks any q against route 1, the provider an end of s
    any_reply = np.maximum(l1, np.minimum(cp1, escalate))
    cost, reached = table.cost.copy(), np.ones(table.cost.shape, dtype=bool)

    cost[_STAY1] = np.where((xi1 == 0) & (xi2 <= 0), any_reply, cost[_STAY1])
    reached[_STAY1] = (xi1 != 0) | (xi2 <= 0) | (table.high[_STAY1] > 0) | (l1 <= cp1)
    cost[_LEAVE1] = np.where((xi1 == 0) & (xi2 > 0), np.maximum(cp1, l1), cost[_LEAVE1])
    cost[_LEAVE1] = np.where((xi1 > 0) & (xi2 == 0), np.maximum(escalate, l1), cost[_LEAVE1])
    cost[_LEAVE1] = np.where((xi1 == 0) & (xi2 == 0), any_reply, cost[_LEAVE1])
    cost[_S0] = np.where(xi2 == 0, np.maximum(cost[_S0], l1), cost[_S0])
    reached[_S0] = (xi2 == 0) | (table.high[_S0] > table.low[_S0]) | (l1 <= cost[_S0])
    reached[_S_LOW] = (xi2 != 0) | (l1 <= cost[_S_LOW])
    for row in (_STAY2, _LEAVE2):
        cost[row] = np.where(xi2 == 0, np.maximum(cp2, l2), cost[row])

    weak = cost.min(axis=0)
    return weak, np.any(reached & (cost <= tied(weak)), axis=0)


def _staying_cost(game: Game, s: Real) -> Real:
    """J1(s, 0), the cost of route 1 if the user always stays."""
    k1 = game.failure[0]
    return (game.cost[0] + k1 * s * game.cost_of_pass[1]) / (game.success[0] + k1 * s)


def _flat(game: Game) -> Any:
    """Whether the cost is P whatever both sides do: P = cp1 = cp2."""
    price, (cp1, cp2) = game.penalty, game.cost_of_pass
    return (np.abs(cp1 - price) <= TIE * price) & (np.abs(cp2 - price) <= TIE * price)


def may_mix(game: Game) -> bool:
    """Whether a mixed reply could be worth provoking in some of the games: never if p1 <= p2."""
    return not game.ordered and bool(np.any(game.success[0] > game.success[1]))


def interior_optimum(game: Game) -> tuple[Array, Array]:
    """(s, J) of the cheapest commitment with a mixed reply, s_L < s < s_H; (nan, inf) if none."""
    _, s_low, s_high = thresholds(game)
    if not np.any(s_low < s_high):
        return np.full(game.shape, np.nan), np.full(game.shape, np.inf)
    s, cost = least(lambda s: outcome(game, 1, s).cost, np.nan_to_num(s_low), np.nan_to_num(s_high))
    inside = (s > s_low) & (s < s_high)
    return np.where(inside, s, np.nan), np.where(inside, cost, np.inf)
