"""A belief about a hidden s, and what a task is worth under it.

The user sees which model serves it. Each stay after a failed pass of M1 shows one draw, "escalated"
with chance s, else "kept"; a Beta(a, b) prior becomes Beta(a+1, b) or Beta(a, b+1). With
forgetting, the counts seen shrink by a factor ``memory`` at each draw, a window of
1 / (1 - memory) draws for providers that change.

For one q committed to per task everything follows from the visits, with alpha = k1 (1-q) and
beta = 1 / (p2 + k2 q):

    E n1 = E[1 / (1 - alpha (1-s))] = F(a, b; alpha),
    E n2 = alpha beta E[s n1] = alpha beta m F(a+1, b; alpha),

m = a/(a+b), F(a, b; z) = 2F1(1, b; a+b; z), because E[s f(s)] under Beta(a, b) is m E[f(s)] under
Beta(a+1, b).
(Sections 4.1 and 7 of the paper pose the problem; the answers here go beyond it.)
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from routing_game.theory.game import Game
from routing_game.theory.numbers import Array, alike, double, doubles, plain, require, whole
from routing_game.theory.payoffs import Payoffs
from routing_game.theory.quadrature import chance, log_density

_ENOUGH = 0.02
"""Chance that a task ends at a pass, from which on the continued fraction needs few terms."""
_MOST = 3e8
"""Numbers of a plan: 2.4 GB."""
_NODES = 2**22
"""Numbers held at once where F is a sum."""


class Belief(NamedTuple):
    """A Beta(a, b) belief about a hidden s: a counts escalations, b keeps, each with its prior.

    Each count is a number, or an array (a list will do) with one entry a user.
    """

    escalated: Any = 1.0
    kept: Any = 1.0

    @property
    def mean(self) -> Any:
        """E[s] = a / (a + b)."""
        return plain(np.divide(self.escalated, np.add(self.escalated, self.kept)))

    @property
    def variance(self) -> Any:
        """Var(s) = m (1-m) / (a + b + 1)."""
        total = np.add(self.escalated, self.kept)
        return plain(self.mean * np.divide(self.kept, total) / (total + 1))

    @property
    def sd(self) -> Any:
        """Standard deviation of s."""
        return plain(np.sqrt(self.variance))

    def after(
        self,
        escalated: Any,
        memory: float = 1.0,
        prior: tuple[Any, Any] = (1.0, 1.0),
    ) -> Belief:
        """The posterior once a failed pass of M1 was followed by M2 (True), or by M1 again (False).

        Args:
            escalated: what was seen; a bool, or an array of them.
            memory: factor in (0, 1] on what was seen before; 1 forgets nothing.
            prior: counts that are never forgotten; of no effect if ``memory`` is 1.

        Raises:
            ValueError: what was seen is neither True nor False, or memory lies outside (0, 1].
        """
        a, b = (np.asarray(count) for count in self)
        if memory != 1.0:
            require(0 < memory <= 1, "memory", memory, "lie in (0, 1]")
            first_a, first_b = (np.asarray(count) for count in prior)
            a, b = first_a + memory * (a - first_a), first_b + memory * (b - first_b)
        seen = np.asarray(escalated)
        if seen.dtype != np.bool_:
            require((seen == 0) | (seen == 1), "escalated", seen, "be True or False")
        return Belief(plain(a + seen), plain(b + (1 - seen)))

    @classmethod
    def checked(cls, prior: Any) -> Belief:
        """A prior from its two counts; ValueError unless both are positive and finite."""
        try:
            escalated, kept = (float(double(count)) for count in prior)
        except (TypeError, ValueError):
            expected = "the two counts (a, b) of a Beta distribution"
            raise ValueError(f"prior must be {expected}, got {prior!r}") from None
        if not (0 < escalated < np.inf and 0 < kept < np.inf):
            raise ValueError(f"the counts (a, b) of a prior must be positive, got {prior!r}")
        return cls(escalated, kept)


def counts(belief: Any) -> Belief:
    """The same belief with counts that are float arrays.

    Raises:
        ValueError: a count is not positive and finite.
    """
    a, b = (doubles(count) for count in belief)
    for name, count in (("escalated", a), ("kept", b)):
        require((count > 0) & (count < np.inf), f"belief: {name}", count, "be a positive count")
    return Belief(a, b)


def expected_payoffs(game: Game, belief: Belief, abandon: Any) -> Payoffs:
    """E of S, L, C, U, J on route 1 under a belief, if the user leaves with q at each failure.

    Args:
        game: one game, or an array that broadcasts against the rest.
        belief: counts; numbers or arrays.
        abandon: q in [0, 1], chosen before the task and kept throughout.

    Raises:
        ValueError: a count is not positive, or q lies outside [0, 1].
    """
    n1, n2 = expected_visits(game, belief, abandon)
    success = n1 * game.success[0] + n2 * game.success[1]
    latency = n1 * game.latency[0] + n2 * game.latency[1]
    service_cost = n1 * game.cost[0] + n2 * game.cost[1]
    xi1, xi2 = game.net_value
    (k1, k2), q = game.failure, doubles(abandon)
    cost = service_cost + game.penalty * q * (n1 * k1 + n2 * k2)  # 1 - S, without cancellation
    members = success, latency, service_cost, n1 * xi1 + n2 * xi2, cost
    return Payoffs(*map(plain, alike(game.shape, *members)))


def expected_visits(game: Game, belief: Belief, abandon: Any) -> tuple[Any, Any]:
    """(E n1, E n2), the expected passes of M1 and M2 in one task of route 1 under a belief.

    Args and errors as in `expected_payoffs`.
    """
    (a, b), q = counts(belief), doubles(abandon)
    require((q >= 0) & (q <= 1), "abandon", q, "lie in [0, 1]")
    (p1, p2), (k1, k2) = game.success, game.failure
    ending, escalating = p1 + k1 * q, k1 * (1 - q) / (p2 + k2 * q)
    n1 = passes_until(a, b, ending)
    n2 = escalating * (a / (a + b)) * passes_until(a + 1, b, ending)
    n1, n2 = alike(game.shape, n1, n2)
    return plain(n1), plain(n2)


def geometric_mean_passes(a: Any, b: Any, alpha: Any) -> Any:
    """E[1 / (1 - alpha (1-s))] = 2F1(1, b; a+b; alpha) for s ~ Beta(a, b); to some 1e-14.

    Args:
        a: count of escalations.
        b: count of keeps.
        alpha: chance in [0, 1) that the task is not over after a pass; numbers or arrays.

    Raises:
        ValueError: a count is not positive, or alpha is not in [0, 1).
    """
    (a, b), alpha = counts((a, b)), doubles(alpha)
    require((alpha >= 0) & (alpha < 1), "alpha", alpha, "lie in [0, 1)")
    return plain(passes_until(a, b, 1 - alpha))


def passes_until(a: Array, b: Array, ending: Any) -> Array:
    """E[1 / (e + (1-e) s)] for s ~ Beta(a, b): `geometric_mean_passes` by e = 1 - alpha.

    Two ways to the same number: a continued fraction if tasks are short, else a sum over the
    log-odds of s, whose length grows as log(1/e) only.
    """
    a, b, ending = np.broadcast_arrays(a, b, doubles(ending))
    passes, short = np.empty(a.shape), ending >= _ENOUGH
    passes[short] = _by_fraction(a[short], b[short], 1 - ending[short])
    if not np.all(short):
        passes[~short] = _by_sum(a[~short], b[~short], ending[~short])
    return passes


def _by_fraction(a: Array, b: Array, alpha: Array) -> Array:
    """Gauss' continued fraction, evaluated from its tail.

    All partial denominators are positive, so nothing cancels. The error falls by
    ((1-r) / (1+r))^2 a term, r^2 = 1 - alpha.
    """
    c = a + b
    fraction = np.ones(c.shape)
    farthest = np.max(alpha, initial=0.0)
    for m in range(int(10 / np.sqrt(1 - farthest)) + 5, 0, -1):
        above = alpha * (b + m) * (c + (m - 1)) / ((c + (2 * m - 1)) * (c + 2 * m))
        below = alpha * m * (a + (m - 1)) / ((c + (2 * m - 2)) * (c + (2 * m - 1)))
        fraction = 1 - below / (1 - above / fraction)
    return np.asarray(1 / (1 - alpha * (b / c) / fraction))


def _by_sum(a: Array, b: Array, ending: Array) -> Array:
    """Trapezoidal rule in the log-odds of s, which errs by about exp(-pi^2 / step); 1-d arrays.

    F(a, b; alpha) = 1 + alpha b/c F(a, b+1; alpha), so that the right tail falls at least like
    e^-y. To the left, once s is far below e, terms are a geometric series.
    """
    share, b = b / (a + b), b + 1
    centre, sd = np.log(a / b), np.sqrt((a + b) / (a * b))
    drop = 40 - np.log(ending)  # the density falls so far while 1 / (e + (1-e) s) rises to 1/e
    flat = np.maximum(centre - np.log(ending), 0.0) + 38
    left, right = _edge(b, a, drop, flat), _edge(a, b, drop, np.maximum(-centre, 2) + 2.5 * drop)
    points = np.ceil((left + right) / np.minimum(0.2, 0.3 * sd)).astype(int) + 1
    mean, size = np.empty(a.shape), max(1, _NODES // int(points.max()))
    for first in range(0, a.size, size):
        at = slice(first, first + size)
        d, step = np.linspace(-left[at], right[at], points[at].max(), retstep=True)
        weight = np.exp(log_density(a[at], b[at], d))
        weight[0] /= -np.expm1(-a[at] * step)
        s = chance(centre[at] + d)
        part = weight / (1 + (1 / ending[at] - 1) * s)
        mean[at] = part.sum(axis=0) / weight.sum(axis=0) / ending[at]
    return np.asarray(1 + (1 - ending) * share * mean)


def _edge(a: Array, b: Array, drop: Array, most: Array) -> Array:
    """Some d > 0 where the log-density has fallen by ``drop`` or a little more, or ``most``."""
    low, high = np.zeros(a.shape), np.minimum(np.sqrt(2 * drop * (a + b) / (a * b)), most)
    while np.any(short := (high < most) & (log_density(a, b, high) > -drop)):
        high = np.where(short, np.minimum(2 * high, most), high)
    for _ in range(8):
        middle = (low + high) / 2
        inside = log_density(a, b, middle) > -drop
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return high


def most_keeps(success: float, tasks: int, chance: float = 1e-18) -> int:
    """More keeps than T tasks hold, but for a chance of 1e-18, even if each failed pass is one.

    P(T successes need more than T + n passes) <= exp(-(T+n) KL(T / (T+n) || p1)): Chernoff's bound.

    Args:
        success: p1.
        tasks: T.
        chance: the chance.

    Raises:
        ValueError: tasks is not a whole number of at least 1, or a chance is none.
    """
    tasks = whole("tasks", tasks, at_least=1)
    for name, p in (("success", success), ("chance", chance)):
        require(0 < p < 1, name, p, "lie strictly between 0 and 1")

    def exponent(n: float) -> float:
        rare = tasks * np.log(tasks / ((tasks + n) * success))
        return float(rare - n * (np.log1p(tasks / n) + np.log1p(-success)))

    low = tasks * (1 - success) / success
    step = 1 + low
    while exponent(low + step) < -np.log(chance):
        step *= 2
    high = low + step
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if exponent(middle) > -np.log(chance) else (middle, high)
    return ceil(high)


def check_checks(checks: str) -> None:
    """Raise ValueError unless the user checks its belief at each "failure" or once a "task"."""
    if checks not in ("failure", "task"):
        raise ValueError(f'checks must be "failure" or "task", got {checks!r}')


def checked_chances(name: str, values: Any, shape: tuple[int, ...]) -> Array:
    """Chances, broadcast to a shape; ValueError, naming them, unless all lie in [0, 1]."""
    chances = np.broadcast_to(doubles(values), shape)
    require((chances >= 0) & (chances <= 1), name, chances, "lie in [0, 1]")
    return chances


def lattice(prior: Belief, escalations: int, keeps: int) -> Belief:
    """Every belief from the prior on: counts of shape (escalations, keeps).

    Raises:
        ValueError: a number is not whole, or less than 1.
    """
    more_a = np.arange(whole("escalations", escalations, at_least=1))
    more_b = np.arange(whole("keeps", keeps, at_least=1))
    a, b = np.meshgrid(prior.escalated + more_a, prior.kept + more_b, indexing="ij")
    return Belief(a, b)


def waves(tasks: int, reach: int) -> Iterator[tuple[NDArray[np.int_], NDArray[np.int_]]]:
    """(n, j): in which order to solve for n = 1 .. T tasks and j = 0 .. reach-1 keeps.

    Where the value at (n, j) needs those at (n-1, j) and (n, j+1), all pairs with the same n - j
    can be solved at once; of row n-1 the value solved last is then the one at j, of row n the one
    at j+1.
    """
    for step in range(reach + tasks - 1):
        n = np.arange(max(1, step + 2 - reach), min(tasks, step + 1) + 1)
        yield n, reach - 1 - step + n - 1


def check_size(tasks: int, reach: int) -> None:
    """Raise ValueError if a plan by tasks, escalations and keeps would not fit the memory."""
    if tasks * tasks * reach > _MOST:
        raise ValueError(
            f"a plan of {tasks} tasks would hold {reach} keeps, too many: give fewer tasks, or "
            "reach (the keeps after which all decisions stay the same)"
        )
