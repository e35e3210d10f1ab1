"""The slopes of both sides' payoffs in s and q, in closed form, for many games at once.

With k = 1-p, D = p1 + k1 (q + s (1-q)) and beta = 1 / (p2 + k2 q), the visits of route 1 are
n1 = 1 / D and n2 = beta m, where m = k1 s (1-q) / D is the chance that M2 takes over. As
p1 + k1 = 1, dm/dq = -k1 s / D^2 and dm/ds = k1 (1-q) (p1 + k1 q) / D^2. Payoffs are linear in
visits: U = n1 xi1 + n2 xi2 and J = n1 e1 + n2 e2, with e_i = c_i + P k_i q. (Section 3 of the
paper; the derivatives are beyond it.)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from routing_game.agents.stacked import Array
from routing_game.theory import Game


class Charges(NamedTuple):
    """What each visit costs the provider if the user leaves with q: (e1, e2)."""

    standard: Array
    reasoning: Array

    @classmethod
    def of(cls, game: Game, q: Array) -> Charges:
        """e_i = c_i + P k_i q; arrays broadcast."""
        (k1, k2), (c1, c2) = game.failure, game.cost
        return cls(c1 + game.penalty * k1 * q, c2 + game.penalty * k2 * q)


class UserSlopes(NamedTuple):
    """Derivatives of U on route 1; arrays."""

    q: Array
    """U_q."""
    qq: Array
    """U_qq."""
    qs: Array
    """U_qs."""


class CostSlopes(NamedTuple):
    """Derivatives of J on route 1; arrays."""

    q: Array
    """J_q."""
    s: Array
    """J_s."""


def user_slopes(game: Game, s: Array, q: Array) -> UserSlopes:
    """Of U at (1, s, q); the game's numbers broadcast against both."""
    (k1, _), (xi1, xi2) = game.failure, game.net_value
    n1, beta, taken, d_q, d_s = _parts(game, s, q)
    square = n1 * n1
    cube = square * n1
    _, k2 = game.failure
    beta_q = -k2 * beta * beta
    beta_qq = -2 * k2 * beta * beta_q
    taken_q = -k1 * s * square
    taken_qq = 2 * k1 * s * cube * d_q
    taken_s = d_s * (1 - d_s * s * n1) * n1
    taken_qs = -k1 * square + 2 * k1 * s * cube * d_s
    return UserSlopes(
        xi2 * (beta_q * taken + beta * taken_q) - xi1 * d_q * square,
        xi2 * (beta_qq * taken + 2 * beta_q * taken_q + beta * taken_qq)
        + xi1 * 2 * d_q * d_q * cube,
        xi2 * (beta_q * taken_s + beta * taken_qs) + xi1 * (2 * d_q * d_s * cube + k1 * square),
    )


def cost_slopes(game: Game, s: Array, q: Array) -> CostSlopes:
    """Of J at (1, s, q); the game's numbers broadcast against both."""
    k1, k2 = game.failure
    n1, beta, taken, d_q, d_s = _parts(game, s, q)
    first, second = Charges.of(game, q)
    square = n1 * n1
    taken_q = -k1 * s * square
    taken_s = d_s * (1 - d_s * s * n1) * n1
    n2_q = beta * taken_q - k2 * beta * beta * taken
    by_visits = game.penalty * (k1 * n1 + k2 * beta * taken)
    return CostSlopes(
        by_visits + second * n2_q - first * d_q * square,
        second * beta * taken_s - first * d_s * square,
    )


def reasoning_slope(game: Game, q: Array) -> Array:
    """U_q on route 2, where U = beta xi2."""
    (_, p2), (_, k2), (_, xi2) = game.success, game.failure, game.net_value
    return np.asarray(-k2 * xi2 / (p2 + k2 * q) ** 2)


def _parts(game: Game, s: Array, q: Array) -> tuple[Array, Array, Array, Array, Array]:
    """(n1, beta, m, D_q, D_s)."""
    (p1, p2), (k1, k2) = game.success, game.failure
    d_q, d_s = k1 * (1 - s), k1 * (1 - q)
    n1 = 1 / (p1 + k1 * q + d_s * s)
    return n1, 1 / (p2 + k2 * q), d_s * s * n1, d_q, d_s
