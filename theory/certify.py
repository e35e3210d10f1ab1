"""Judges answers by their definition, knowing nothing of the formulas that produced them.

Payoffs come from the absorbing Markov chain of passes; the user's reply from a grid of q and the
slope of U beside its best point; the provider's optimum from a grid of s that closes in on its best
point. This module must not import `user` or `provider`: it judges them, and takes no reply from
them either.

Ties are broken for the provider (the strong Stackelberg equilibrium). Gaps are shares of the sums
they come from, so that the units of money and of time do not matter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from routing_game.theory.game import Game, check_commitment
from routing_game.theory.numbers import Array, least, plain, whole

GRID = 201
"""Points of the grid of s over [0, 1]."""
REPLIES = 21
"""Points of the grid of q over [0, 1]."""
ACCURACY = 1e-9
"""Gaps of a right answer stay below this."""

_ROUNDING = 32 * float(np.finfo(np.float64).eps)
_BLOCK = 16384  # rows that fit the cache
_TINY = float(np.finfo(np.float64).tiny)


class Verdict(NamedTuple):
    """How far a claimed equilibrium is from one: shares, at most `ACCURACY` for a right claim."""

    reply: Any
    """U that the best reply gains over the claimed q, as a share of V S + L."""
    cost: Any
    """Distance of the claimed cost from J at the claimed q or the best reply, as a share of J."""
    commitment: Any
    """What some other commitment saves against the claimed cost, as a share of J."""

    @property
    def right(self) -> Any:
        """True where nothing speaks against the claim; a gap of nan does."""
        return plain(np.all([np.asarray(gap) <= ACCURACY for gap in self], axis=0))


class Reply(NamedTuple):
    """The user's best reply by definition, and what it makes of both sides."""

    abandon: Any
    utility: Any
    cost: Any


def transition(game: Game, cascade: Any, abandon: Any) -> tuple[Any, Any, Any]:
    """(keep, escalate, retry): chances that M1 follows M1, M2 follows M1, and M2 follows M2.

    Raises:
        ValueError: a probability lies outside [0, 1].
    """
    check_commitment(1, np.asarray(cascade), np.asarray(abandon))
    (p1, p2), stay = game.success, 1 - abandon
    return (1 - p1) * stay * (1 - cascade), (1 - p1) * stay * cascade, (1 - p2) * stay


def chain_visits(game: Game, route: int, cascade: Any, abandon: Any) -> Array:
    """Expected passes (..., 2) from the chain by `numpy.linalg.solve`: n (I - T) = e_i.

    Raises:
        ValueError: route is not 1 or 2, or a probability lies outside [0, 1].
    """
    route = whole("route", route, at_least=1, at_most=2)
    parts = np.broadcast_arrays(*transition(game, np.asarray(cascade), np.asarray(abandon)))
    keep, escalate, retry = (np.asarray(x, dtype=float) for x in parts)
    first, second = [1 - keep, -escalate], [np.zeros_like(keep), 1 - retry]
    matrix = np.stack([np.stack(first, -1), np.stack(second, -1)], -2)
    start = np.zeros((*keep.shape, 2, 1))
    start[..., route - 1, 0] = 1.0
    visits: Array = np.linalg.solve(np.swapaxes(matrix, -1, -2), start)[..., 0]
    return visits


def values(game: Game, route: Any, cascade: Any, abandon: Any) -> tuple[Any, Any]:
    """(U, J) from the chain's equations by back substitution: cheap enough for grids.

    Raises:
        ValueError: route is not 1 or 2, or a probability lies outside [0, 1].
    """
    _check(route, cascade, abandon)
    play = _play(game, route, cascade)
    return play.utility(abandon), play.cost(abandon)


def best_reply(game: Game, route: Any, cascade: Any, grid: int = REPLIES) -> Reply:
    """The q that maximises U against (i, s), the provider's favourite if several do.

    U is a ratio of quadratics in q and has at most two stationary points, so a coarse grid finds
    the right hill; its top is where the slope of U changes sign. An end of [0, 1] ties with it if U
    there is the same up to rounding and does not rise away from the end. Where U is level, as it is
    if both models are worth exactly their time, the provider's favourite can lie inside and is
    found alike.

    Raises:
        ValueError: route is not 1 or 2, cascade lies outside [0, 1], or a grid has fewer than two
            points.
    """
    _check(route, cascade)
    play, shape = _rows(game, route, cascade)
    q = _summit(play, _Play.utility, _Play.utility_slope, grid)
    level = np.all([_ties(play, x, q) for x in (0.0, 0.5, 1.0)], axis=0)
    candidates = [q, *(np.where(_ties(play, end, q), end, q) for end in (0.0, 1.0))]
    if level.any():
        dearest = _summit(play, _Play.saving, _Play.saving_slope, grid)
        candidates.append(np.where(level, dearest, q))
    cost = np.array([play.cost(x) for x in candidates])
    q = np.take_along_axis(np.array(candidates), cost.argmin(axis=0)[None], axis=0)[0]
    return Reply(*(plain(x.reshape(shape)) for x in (q, play.utility(q), play.cost(q))))


def best_response_gap(
    game: Game,
    route: Any,
    cascade: Any,
    abandon: Any,
    grid: int = REPLIES,
) -> Any:
    """U that the best reply gains over ``abandon``, as a share of V S + L; 0 at a best response.

    Raises:
        ValueError: as `best_reply`, or abandon lies outside [0, 1].
    """
    _check(route, cascade, abandon)
    play = _play(game, route, cascade)
    gain = best_reply(game, route, cascade, grid).utility - play.utility(abandon)
    return plain(gain / play.user_scale(abandon))


def grid_cost(game: Game, grid: int = GRID, replies: int = REPLIES) -> Any:
    """The Stackelberg cost J* by definition: the least J of any (i, s), answered by `best_reply`.

    Route 1 is searched by a grid of s that closes in on its best point, from the better side of a
    cliff, until it is within 1e-12; no threshold is known beforehand. It can miss a second valley
    that is narrower than its step.

    Raises:
        ValueError: a grid has fewer than two points.
    """
    grid = whole("grid", grid, at_least=2)

    def cost(s: Array) -> Array:
        size = max(1, _BLOCK // max(1, s[0].size))
        blocks = (s[k : k + size] for k in range(0, len(s), size))
        return np.concatenate([np.asarray(best_reply(game, 1, x, replies).cost) for x in blocks])

    s = np.linspace(np.zeros(game.shape), np.ones(game.shape), grid)
    first = np.take_along_axis(s, cost(s).argmin(axis=0)[None], axis=0)[0]
    step = 1 / (grid - 1)
    low, high = np.maximum(first - step, 0), np.minimum(first + step, 1)
    _, best = least(cost, low, high, points=9, rounds=16)
    return plain(np.minimum(best, best_reply(game, 2, 0.0, replies).cost))


def judge(
    game: Game,
    route: Any,
    cascade: Any,
    abandon: Any,
    cost: Any,
    grid: int = GRID,
) -> Verdict:
    """What speaks against the claim that (i, s) is optimal, answered with q, at this cost.

    Refused are a q that is no best reply, a cost that is not attained (too low as well as too
    high), and a commitment that another one undercuts. A grid misses s0 and s_L, where optima lie
    on cliffs: so the claimed commitment is judged itself, beside the grid, and the grid closes in
    on its best point.

    Args:
        game: one game, or an array of games that broadcasts against the rest.
        route: claimed i.
        cascade: claimed s; any of a set will do, and on route 2 it has no effect.
        abandon: claimed q.
        cost: claimed J*, in the provider's unit.
        grid: points of the grid of s.

    Raises:
        ValueError: route is not 1 or 2, or a probability lies outside [0, 1].
    """
    check_commitment(route, cascade, abandon)
    play, answer = _play(game, route, cascade), best_reply(game, route, cascade)
    attained = play.cost(abandon)
    scale = np.maximum(play.provider_scale(abandon), _TINY)
    distance = np.maximum(np.abs(cost - attained), np.abs(cost - answer.cost))
    reply = (answer.utility - play.utility(abandon)) / play.user_scale(abandon)
    saved = cost - grid_cost(game, grid)
    return Verdict(plain(reply), plain(distance / scale), plain(saved / scale))


class _Play(NamedTuple):
    """A game under a commitment, or rows of them: payoffs and slopes in q, by the chain's balance.

    What leaves a model's state (solved, left, escalated) is what enters it: n1 o1 = [i = 1], n2 o2
    = [i = 2] + n1 e. Their derivatives in q are the same equations differentiated. Nothing cancels,
    however small p is.
    """

    value: Any
    penalty: Any
    p1: Any
    p2: Any
    t1: Any
    t2: Any
    c1: Any
    c2: Any
    starts1: Any
    """1.0 on route 1, 0.0 on route 2."""
    s: Any

    def visits(self, q: Any) -> tuple[Any, Any]:
        """(n1, n2), expected passes."""
        k1, k2, stay = 1 - self.p1, 1 - self.p2, 1 - q
        n1 = self.starts1 / (self.p1 + k1 * q + k1 * stay * self.s)
        n2 = (1 - self.starts1 + n1 * k1 * stay * self.s) / (self.p2 + k2 * q)
        return n1, n2

    def visit_slopes(self, q: Any) -> tuple[Any, Any]:
        """(dn1/dq, dn2/dq)."""
        k1, k2, stay = 1 - self.p1, 1 - self.p2, 1 - q
        n1, n2 = self.visits(q)
        d1 = -n1 * k1 * (1 - self.s) / (self.p1 + k1 * q + k1 * stay * self.s)
        d2 = ((d1 * stay - n1) * k1 * self.s - n2 * k2) / (self.p2 + k2 * q)
        return d1, d2

    def utility(self, q: Any) -> Any:
        """U = V S - L."""
        n1, n2 = self.visits(q)
        return self.value * (n1 * self.p1 + n2 * self.p2) - (n1 * self.t1 + n2 * self.t2)

    def user_scale(self, q: Any) -> Any:
        """V S + L, what U is the difference of."""
        n1, n2 = self.visits(q)
        return self.value * (n1 * self.p1 + n2 * self.p2) + (n1 * self.t1 + n2 * self.t2)

    def utility_slope(self, q: Any) -> Any:
        """dU/dq."""
        d1, d2 = self.visit_slopes(q)
        return d1 * (self.value * self.p1 - self.t1) + d2 * (self.value * self.p2 - self.t2)

    def slope_scale(self, q: Any) -> Any:
        """What dU/dq is the difference of; both slopes of visits are negative or 0."""
        d1, d2 = self.visit_slopes(q)
        return -d1 * (self.value * self.p1 + self.t1) - d2 * (self.value * self.p2 + self.t2)

    def cost(self, q: Any) -> Any:
        """J = C + P (chance that the user leaves)."""
        n1, n2 = self.visits(q)
        left = q * (n1 * (1 - self.p1) + n2 * (1 - self.p2))
        return n1 * self.c1 + n2 * self.c2 + self.penalty * left

    def provider_scale(self, q: Any) -> Any:
        """J if costs of passes were all positive."""
        return self._replace(c1=np.abs(self.c1), c2=np.abs(self.c2)).cost(q)

    def saving(self, q: Any) -> Any:
        """-J."""
        return -self.cost(q)

    def saving_slope(self, q: Any) -> Any:
        """-dJ/dq."""
        (n1, n2), (d1, d2) = self.visits(q), self.visit_slopes(q)
        k1, k2 = 1 - self.p1, 1 - self.p2
        left = n1 * k1 + n2 * k2 + q * (d1 * k1 + d2 * k2)
        return -(d1 * self.c1 + d2 * self.c2 + self.penalty * left)

    def part(self, where: Array) -> _Play:
        """Some of the rows."""
        return _Play(*(x[where] for x in self))


Curve = Callable[[_Play, Any], Any]


def _check(route: Any, cascade: Any, abandon: Any = 0.0) -> None:
    """Whatever is not route 1 would else be taken for route 2."""
    check_commitment(*(np.asarray(x) for x in (route, cascade, abandon)))


def _play(game: Game, route: Any, cascade: Any) -> _Play:
    starts1 = np.equal(route, 1) * 1.0
    numbers = (*game.success, *game.latency, *game.cost)
    return _Play(game.value, game.penalty, *numbers, starts1, cascade)


def _rows(game: Game, route: Any, cascade: Any) -> tuple[_Play, tuple[int, ...]]:
    """All games under all commitments in one dimension, and the shape they had."""
    full = np.broadcast_arrays(*_play(game, route, np.asarray(cascade, dtype=float)))
    return _Play(*(np.ravel(x) for x in full)), full[0].shape


def _summit(play: _Play, curve: Curve, slope: Curve, grid: int) -> Array:
    """The q of each row at which a curve is highest: a grid's best, then the slope beside it."""
    grid = whole("the points of a grid", grid, at_least=2)
    rows = np.arange(play.p1.size)
    q, best = np.zeros(rows.size), np.full(rows.size, -np.inf)
    for x in np.linspace(0.0, 1.0, grid):
        height = curve(play, x)
        q, best = np.where(height > best, x, q), np.maximum(height, best)
    settled = ((q == 0) & (slope(play, 0.0) <= 0)) | ((q == 1) & (slope(play, 1.0) >= 0))
    climbing = rows[~settled]
    part, step = play.part(climbing), 1 / (grid - 1)
    low, high = np.maximum(q[climbing] - step, 0), np.minimum(q[climbing] + step, 1)
    for _ in range(60):  # halvings
        middle = (low + high) / 2
        rises = slope(part, middle) > 0
        low, high = np.where(rises, middle, low), np.where(rises, high, middle)
    q[climbing] = low
    return q


def _ties(play: _Play, x: float, q: Array) -> Array:
    """Is U at x as high as at its summit q, up to rounding, and x a local maximum of its own?"""
    slope, flat = play.utility_slope(x), _ROUNDING * play.slope_scale(x)
    highest = play.utility(x) >= play.utility(q) - _ROUNDING * play.user_scale(x)
    return highest & ((slope <= flat) | (x == 1)) & ((slope >= -flat) | (x == 0))
