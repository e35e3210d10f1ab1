"""A user who knows neither s nor p1 nor p2: what acting on the means loses.

"In practice, the LLM interface may reveal the route i, but not s, p_1, or p_2. Here, beliefs drive
the same threshold logic with respect to belief summaries; for example, users can act using
E_pi[s]" (section 4.1 of the paper). `belief` hides s alone. Here all three are hidden, with
independent Beta beliefs, and the user commits to one q for the task, as the paper's user does. It
should maximise E[U(s, q; p1, p2)]; the *plug-in* user answers the game of the three means instead.

With x = 1 - q, n1 = 1 / (q + x (p1 + k1 s)) and beta = 1 / (q + x p2), route 1 is worth

    E U = V E[p1 n1] - t1 E[n1] + x E[k1 s n1] E[beta (V p2 - t2)],

a double integral over p1 and s times a single one over p2, and route 2 is worth the last factor. In
log odds u, p = 1 / (1 + e^-u), every integrand is analytic in |Im u| < pi, corners p = s = 0
included, so the plain trapezoidal rule converges geometrically.

**Why it matters more than for s alone.** U is bounded in s, but not in p: waiting for the end takes
t2/p2, and E[1/p2] = (a + b - 1) / (a - 1) for Beta(a, b), infinite if a <= 1. A plug-in user with
*no* experience of M2 (Beta(1, 1)) whose means say "stay" waits infinitely long on average. What
is wrong is not the mean but the commitment: on route 2 a user who checks after each failure, and
plugs in the mean as it then is, does exactly right (`failures_endured`), because with each failure
only less can be expected of the next pass. (Posed by the paper; solved beyond it.)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from routing_game.theory.catalog import sample_games
from routing_game.theory.game import Game
from routing_game.theory.numbers import Array, Real, alike, doubles, plain, require, whole
from routing_game.theory.user import best_response

Counts = tuple[Any, Any]
"""(a, b) of a Beta distribution, each a number or an array."""

_CUT = 40.0
"""Densities below e^-40 of their peak are left out."""
_STEP, _SEARCH_STEP = 0.5, 0.8
"""Largest steps in log odds: errors of 1e-12 and, while searching, 1e-7."""
_ROOM = 1 << 22
"""Numbers in the largest table at a time."""
_GRID = np.linspace(0.0, 1.0, 49) ** 3
_ZOOM = np.linspace(0.0, 1.0, 17)


class Doubt(NamedTuple):
    """Independent Beta beliefs about p1, p2 and s, each by its counts (a, b); all broadcast."""

    standard: Counts = (1.0, 1.0)
    """Of p1: passes of M1 that solved their task, and that failed, with prior counts."""
    reasoning: Counts = (1.0, 1.0)
    """Of p2."""
    cascade: Counts = (1.0, 1.0)
    """Of s: failed passes of M1 that were followed by M2, and by M1 again."""

    @property
    def means(self) -> tuple[Any, Any, Any]:
        """(E p1, E p2, E s)."""
        first, second, cascade = (plain(np.divide(a, np.add(a, b))) for a, b in self)
        return first, second, cascade


def plugged_in(game: Game, doubt: Doubt) -> Game:
    """The game of the means: the same V, P, t and c, with (E p1, E p2); its s would be E s.

    Its order may be any: a mean of p1 can exceed that of p2.
    """
    _check_counts(doubt.standard)
    _check_counts(doubt.reasoning)
    first, second, _ = doubt.means
    return dataclasses.replace(game, success=(first, second), ordered=False)


def plug_in_reply(game: Game, doubt: Doubt, route: int = 1) -> Any:
    """The q of the best response to the means, as if they were true; ties as the provider likes.

    Args:
        game: one game, or an array of games; its own p plays no part.
        doubt: the user's beliefs; their counts broadcast against the games.
        route: i, which the user sees.
    """
    _check_counts(doubt.cascade)
    return best_response(plugged_in(game, doubt), route, doubt.means[2]).strong


def doubted_utility(game: Game, doubt: Doubt, route: int, abandon: Any) -> Real:
    """E U for a user who leaves with chance q after each failure; to about 1e-10 of the latencies.

    It is -inf at q = 0 where E[1/p2] or, on route 1, E[n1] is infinite (and the latency is not 0).

    Args:
        game: one game, or an array of games; its own p plays no part.
        doubt: the user's beliefs.
        route: i, 1 or 2.
        abandon: q in [0, 1]; broadcasts against the rest.

    Raises:
        ValueError: route is not 1 or 2, q lies outside [0, 1], or a count is not positive.
    """
    (worth,) = _by_blocks(lambda t, q: (t.utility(q),), _STEP, game, doubt, route, abandon)
    return plain(worth)


def doubted_reply(game: Game, doubt: Doubt, route: int = 1) -> tuple[Any, Any]:
    """(q, E U): the best q for one task under the beliefs, and what it is worth.

    Found on a grid of 49 points, dense near q = 0, then on ever finer ones around the best: no q is
    better by more than about 1e-7.

    Args:
        game: one game, or an array of games; its own p plays no part.
        doubt: the user's beliefs.
        route: i, which the user sees.

    Raises:
        ValueError: route is not 1 or 2, or a count is not positive.
    """
    (q,) = _by_blocks(lambda t, _: (t.best(),), _SEARCH_STEP, game, doubt, route, 0.0)
    return plain(q), doubted_utility(game, doubt, route, q)


class PlugInLoss(NamedTuple):
    """What acting on the means loses in one task; each a number, or one per game and belief."""

    plug_in: Any
    """q of the plug-in user."""
    best: Any
    """q that maximises E U."""
    loss: Any
    """E U at ``best`` less E U at ``plug_in``, in the user's unit; can be inf."""


def plug_in_loss(game: Game, doubt: Doubt, route: int = 1) -> PlugInLoss:
    """What a user loses by answering the means; see `plug_in_reply` and `doubted_reply`.

    Example:
        >>> from routing_game.theory import GAMES
        >>> new = Doubt(standard=(1, 1), reasoning=(1, 1), cascade=(1, 1))
        >>> plug_in_loss(GAMES["value-cheap"], new).loss
        inf
    """
    naive = plug_in_reply(game, doubt, route)
    best, worth = doubted_reply(game, doubt, route)
    loss = worth - doubted_utility(game, doubt, route, naive)
    return PlugInLoss(naive, best, plain(np.maximum(loss, 0.0)))


def losses(
    regime: str, seen: float, n: int, rng: np.random.Generator, hidden: str = "p1 p2 s"
) -> tuple[PlugInLoss, Array]:
    """Plug-in losses on route 1 over random games whose *means* fall into a regime.

    Games are drawn by `sample_games`, s uniformly; a user who has seen ``seen`` passes of each kind
    turn out as expected believes Beta(1 + seen p, 1 + seen (1 - p)), and likewise of s.

    Args:
        regime: "++", "--", "-+" or "+-", of the game of the means.
        seen: how many passes, or draws of s, each belief rests on.
        n: how many games.
        rng: random numbers.
        hidden: what is not known, of "p1", "p2", "s"; the rest is known for certain.

    Returns:
        The losses, and the values V of the games, to measure them by.

    Raises:
        ValueError: no such regime, a number is out of range, or fewer than ``n`` games were found
            among 200 n draws.
    """
    if regime not in ("++", "--", "-+", "+-"):
        raise ValueError(f'regime must be "++", "--", "-+" or "+-", got {regime!r}')
    n = whole("n", n, at_least=1)
    require(0 <= seen < np.inf, "seen", seen, "be a finite number, at least 0")
    kept: list[tuple[Game, Array]] = []
    found = 0
    for _ in range(200):
        games, s = sample_games(n, rng), rng.random(n)
        doubt = _doubt(games, s, seen, hidden)
        fits = np.flatnonzero(np.equal(plugged_in(games, doubt).regime, regime))
        kept.append((games[fits], s[fits]))
        found += fits.size
        if found >= n:
            break
    if found < n:
        raise ValueError(f"only {found} of {n} games with means in {regime!r} found")
    games = _joined([g for g, _ in kept])[np.arange(n)]
    s = np.concatenate([s for _, s in kept])[:n]
    return plug_in_loss(games, _doubt(games, s, seen, hidden)), np.asarray(games.value)


def failures_endured(game: Game, reasoning: Counts) -> Real:
    """How many failures of M2 a user takes on route 2 who decides anew after each; exactly optimal.

    After m failures the mean is a / (a + b + m); the user leaves at the first m >= 1 at which
    V a / (a + b + m) < t2. From then on no pass is worth its time, and up to then the next one
    is: so looking one pass ahead is enough, and plugging in the mean *as it is then* is optimal.
    inf if t2 = 0.

    Args:
        game: one game, or an array of games; its own p2 plays no part.
        reasoning: counts (a, b) of the belief about p2; broadcast against the games.

    Raises:
        ValueError: a count is not positive.
    """
    a, b = (doubles(x) for x in reasoning)
    _check_counts(reasoning)
    t = np.asarray(game.latency[1])
    with np.errstate(divide="ignore"):
        most = game.value * a / t - a - b  # the user stays after m failures as long as m <= most
    nearest = np.round(most)
    close = np.abs(most - nearest) <= 1e-9 * (1 + np.abs(most))
    failures = np.maximum(1.0, np.where(close, nearest, np.floor(most)) + 1)
    (failures,) = alike(game.shape, failures)
    return plain(failures)


def _doubt(games: Game, s: Array, seen: float, hidden: str) -> Doubt:
    sure = 1e9
    weights = [seen if name in hidden.split() else sure for name in ("p1", "p2", "s")]
    means = (*games.success, s)
    return Doubt(*((1 + w * m, 1 + w * (1 - m)) for w, m in zip(weights, means, strict=True)))


def _joined(games: list[Game]) -> Game:
    rows = [(g.value, g.penalty, *g.success, *g.latency, *g.cost) for g in games]
    columns = zip(*rows, strict=True)
    value, penalty, p1, p2, t1, t2, c1, c2 = (np.concatenate(column) for column in columns)
    return Game(value, penalty, (p1, p2), (t1, t2), (c1, c2))


class _Tables:
    """Nodes and weights of a flat array of games and beliefs, for as many q as are asked."""

    def __init__(self, game: Array, counts: Array, route: int, step: float) -> None:
        self.value, self.t1, self.t2 = game
        self.route, self.counts = route, counts
        self.p2, _, self.w2 = _nodes(counts[2], counts[3], step)
        if route == 1:
            p1, k1, w1 = (x[:, :, None] for x in _nodes(counts[0], counts[1], step))
            s, _, ws = (x[:, None, :] for x in _nodes(counts[4], counts[5], step))
            self.ends = p1 + k1 * s  # the chance that a task does not come back to M1
            weight = w1 * ws
            self.weights = weight, weight * p1, weight * (k1 * s)

    def utility(self, q: Array) -> Array:
        """E U at one q a game."""
        x = 1 - q
        second = self._second(q)
        if self.route == 2:
            return second
        n1 = 1 / (q[:, None, None] + x[:, None, None] * self.ends)
        passes, solved, escalated = (np.einsum("gij,gij->g", w, n1) for w in self.weights)
        endless = (q == 0) & (self.counts[0] + self.counts[4] <= 1)
        waited = np.where(endless & (self.t1 > 0), np.inf, self.t1 * passes)
        return np.asarray(self.value * solved - waited + x * escalated * second)

    def best(self) -> Array:
        """The q of the largest E U."""
        low, high = np.zeros(self.value.shape), np.ones(self.value.shape)
        q, worth = low, self.utility(low)
        for fractions in (_GRID, *[_ZOOM] * 6):
            points = low + fractions[:, None] * (high - low)
            values = np.stack([self.utility(point) for point in points])
            k = values.argmax(axis=0)
            column = np.arange(k.size)
            better = values[k, column] > worth
            q = np.where(better, points[k, column], q)
            worth = np.where(better, values[k, column], worth)
            low, high = (
                points[np.maximum(k - 1, 0), column],
                points[np.minimum(k + 1, len(points) - 1), column],
            )
        return q

    def _second(self, q: Array) -> Array:
        """E[beta (V p2 - t2)], the worth of a task that is at M2."""
        a, b = self.counts[2:4]
        beta = 1 / (q[:, None] + (1 - q[:, None]) * self.p2)
        passes, solved = (self.w2 * beta).sum(axis=1), (self.w2 * self.p2 * beta).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            for_ever = np.where(a > 1, (a + b - 1) / (a - 1), np.inf)
        passes, solved = np.where(q == 0, for_ever, passes), np.where(q == 0, 1.0, solved)
        waited = np.where(self.t2 > 0, self.t2, 0.0) * np.where(self.t2 > 0, passes, 0.0)
        return np.asarray(self.value * solved - waited)


def _by_blocks(
    ask: Callable[[_Tables, Array], tuple[Array, ...]],
    step: float,
    game: Game,
    doubt: Doubt,
    route: int,
    abandon: Any,
) -> tuple[Array, ...]:
    """Answers for games, beliefs and q broadcast against each other, a block of them at a time."""
    require(route in (1, 2), "route", route, "be 1 (standard model) or 2 (reasoning model)")
    q = doubles(abandon)
    require((q >= 0) & (q <= 1), "abandon", q, "lie in [0, 1]")
    for counts in doubt:
        _check_counts(counts)
    given = (
        game.value,
        *game.latency,
        q,
        *(doubles(c) for pair in doubt for c in pair),
    )
    shape = np.broadcast_shapes(game.shape, *(np.shape(x) for x in given))
    flat = np.stack([np.broadcast_to(x, shape).ravel() for x in given])
    size = max(1, _ROOM // _table_size(flat[4:], route, step))
    answers = []
    for start in range(0, flat.shape[1], size):
        block = flat[:, start : start + size]
        answers.append(ask(_Tables(block[:3], block[4:], route, step), block[3]))
    return tuple(np.concatenate(column).reshape(shape) for column in zip(*answers, strict=True))


def _table_size(counts: Array, route: int, step: float) -> int:
    pairs = ((0, 1), (4, 5)) if route == 1 else ((2, 3),)
    return int(np.prod([_nodes(counts[i], counts[j], step)[0].shape[1] for i, j in pairs]))


def _nodes(a: Array, b: Array, step: float) -> tuple[Array, Array, Array]:
    """(p, 1 - p, weight), each (games, nodes), for Beta(a, b): the trapezoidal rule in log odds."""
    peak = np.log(a / b)
    left, right = _reach(a, b), _reach(b, a)
    count = max(48, int(np.ceil(np.max(left + right) / step)) + 1)
    u = peak[:, None] + np.linspace(-left, right, count, axis=1)
    height = a[:, None] * u - (a + b)[:, None] * np.logaddexp(0.0, u)
    weight = np.exp(height - height.max(axis=1, keepdims=True))
    odds = np.exp(-np.abs(u))
    smaller, larger = odds / (1 + odds), 1 / (1 + odds)
    p, k = np.where(u < 0, smaller, larger), np.where(u < 0, larger, smaller)
    return p, k, weight / weight.sum(axis=1, keepdims=True)


def _reach(a: Array, b: Array) -> Array:
    """How far left of its peak, in log odds, the density of Beta(a, b) has fallen by e^-40."""
    peak = np.log(a / b)
    top = a * peak - (a + b) * np.logaddexp(0.0, peak)
    low, high = np.zeros(a.shape), (_CUT + (a + b) * np.log((a + b) / b)) / a
    for _ in range(60):
        middle = (low + high) / 2
        u = peak - middle
        fallen = top - (a * u - (a + b) * np.logaddexp(0.0, u)) >= _CUT
        low, high = np.where(fallen, low, middle), np.where(fallen, middle, high)
    return high


def _check_counts(counts: Counts) -> None:
    for count in counts:
        x = doubles(count)
        require(np.isfinite(x) & (x > 0), "a count of a belief", x, "be positive")
