"""A belief about a hidden s, and what a task is worth under it.

The user sees which model serves it. Each stay after a failed pass of M1 shows one draw, "escalated" with chance s, else
"kept"; a Beta(a, b) prior becomes Beta(a+1, b) or Beta(a, b+1). With forgetting, the counts seen shrink by a factor
``memory`` at each draw, a window of 1 / (1 - memory) draws for providers that change.

For one q committed to per task everything follows from the visits, with alpha = k1 (1-q) and beta = 1 / (p2 + k2 q):

    E n1 = E[1 / (1 - alpha (1-s))] = F(a, b; alpha),   E n2 = alpha beta E[s n1] = alpha beta m F(a+1, b; alpha),

m = a/(a+b), F(a, b; z) = 2F1(1, b; a+b; z), because E[s f(s)] under Beta(a, b) is m E[f(s)] under Beta(a+1, b).
(Beyond the paper.)
"""

from __future__ import annotations

from math import ceil
from typing import Any, NamedTuple

import numpy as np

from routing_game.theory.game import Game
from routing_game.theory.numbers import Array, plain, require
from routing_game.theory.payoffs import Payoffs


class Belief(NamedTuple):
    """A Beta(a, b) belief about a hidden s: a counts escalations, b keeps, each with its prior count.

    Each count is a number, or an array with one entry a user.
    """

    escalated: Any = 1.0
    kept: Any = 1.0

    @property
    def mean(self) -> Any:
        """E[s] = a / (a + b)."""
        return self.escalated / (self.escalated + self.kept)

    @property
    def variance(self) -> Any:
        """Var(s) = m (1-m) / (a + b + 1)."""
        return self.mean * (1 - self.mean) / (self.escalated + self.kept + 1)

    @property
    def sd(self) -> Any:
        """Standard deviation of s."""
        return plain(np.sqrt(self.variance))

    def after(self, escalated: Any, memory: float = 1.0, prior: tuple[Any, Any] = (1.0, 1.0)) -> Belief:
        """The posterior once a failed pass of M1 was seen to be followed by M2 (True), or by M1 again (False).

        Args:
            escalated: what was seen; a bool, or an array of them.
            memory: factor in (0, 1] on what was seen before; 1 forgets nothing.
            prior: counts that are never forgotten; of no effect if ``memory`` is 1.
        """
        a, b = self
        if memory != 1.0:
            a, b = prior[0] + memory * (a - prior[0]), prior[1] + memory * (b - prior[1])
        return Belief(a + escalated, b + (1 - escalated))

    @classmethod
    def checked(cls, prior: Any) -> Belief:
        """A prior from its two counts; ValueError unless both are positive and finite."""
        try:
            escalated, kept = map(float, prior)
        except (TypeError, ValueError):
            raise ValueError(f"prior must be the two counts (a, b) of a Beta distribution, got {prior!r}") from None
        if not (0 < escalated < np.inf and 0 < kept < np.inf):
            raise ValueError(f"the counts (a, b) of a prior must be positive, got {prior!r}")
        return cls(escalated, kept)


def expected_payoffs(game: Game, belief: Belief, abandon: Any) -> Payoffs:
    """E of S, L, C, U, J on route 1 under a belief, when the user leaves with chance q after each failure of the task.

    Args:
        game: one game, or an array that broadcasts against the rest.
        belief: counts; numbers or arrays.
        abandon: q in [0, 1], chosen before the task and kept throughout.
    """
    n1, n2 = expected_visits(game, belief, np.asarray(abandon, dtype=float))
    success = n1 * game.success[0] + n2 * game.success[1]
    latency = n1 * game.latency[0] + n2 * game.latency[1]
    service_cost = n1 * game.cost[0] + n2 * game.cost[1]
    utility = game.value * success - latency
    return Payoffs(success, latency, service_cost, utility, service_cost + game.penalty * (1 - success))


def expected_visits(game: Game, belief: Belief, abandon: Any) -> tuple[Any, Any]:
    """(E n1, E n2), the expected passes of M1 and M2 in one task of route 1 under a belief."""
    (k1, k2), p2 = game.failure, game.success[1]
    a, b = belief
    alpha, beta = k1 * (1 - abandon), 1 / (p2 + k2 * abandon)
    return geometric_mean_passes(a, b, alpha), alpha * beta * belief.mean * geometric_mean_passes(a + 1, b, alpha)


def geometric_mean_passes(a: Any, b: Any, alpha: Any) -> Any:
    """E[1 / (1 - alpha (1-s))] = 2F1(1, b; a+b; alpha) for s ~ Beta(a, b), alpha in [0, 1); to rounding.

    Gauss' continued fraction, evaluated from its tail: all partial denominators are positive, so nothing cancels.
    """
    a, b, alpha = np.asarray(a, dtype=float), np.asarray(b, dtype=float), np.asarray(alpha, dtype=float)
    c = a + b
    farthest = float(np.max(alpha, initial=0.0))
    fraction = np.ones(np.broadcast_shapes(c.shape, alpha.shape))
    for m in range(ceil(10 / np.sqrt(1 - farthest)) + 5, 0, -1):  # the error falls by ((1-r)/(1+r))^2, r^2 = 1-alpha
        fraction = 1 - alpha * (b + m) * (c + m - 1) / ((c + 2 * m - 1) * (c + 2 * m)) / fraction
        fraction = 1 - alpha * m * (a + m - 1) / ((c + 2 * m - 2) * (c + 2 * m - 1)) / fraction
    return plain(1 / (1 - alpha * (b / c) / fraction))


def check_checks(checks: str) -> None:
    """Raise ValueError unless the user checks its belief at each "failure" or once a "task"."""
    if checks not in ("failure", "task"):
        raise ValueError(f'checks must be "failure" or "task", got {checks!r}')


def checked_chances(name: str, values: Any, shape: tuple[int, ...]) -> Array:
    """Chances, broadcast to a shape; ValueError, naming them, unless all lie in [0, 1]."""
    chances = np.broadcast_to(np.asarray(values, dtype=float), shape)
    require((chances >= 0) & (chances <= 1), name, chances, "lie in [0, 1]")
    return chances


def lattice(prior: Belief, escalations: int, keeps: int) -> Belief:
    """Every belief from the prior on: counts of shape (escalations, keeps)."""
    a, b = np.meshgrid(prior.escalated + np.arange(escalations), prior.kept + np.arange(keeps), indexing="ij")
    return Belief(a, b)
