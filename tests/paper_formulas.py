"""What the paper writes down in its lemmas and proofs, to be held against the chain of passes.

Formulas stand here as the paper prints them, from plain arithmetic. Only `service` and
`mixed_branch` compute anything: by solving the chain, and by the best response.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from routing_game.theory import Game, best_response, thresholds
from routing_game.theory.certify import chain_visits


def service(g: Game, s: Any, q: Any) -> tuple[Any, Any]:
    """(C1, S1), by solving the chain."""
    n = chain_visits(g, 1, s, q)
    return tuple(n[..., 0] * first + n[..., 1] * second for first, second in (g.cost, g.success))


def upper(g: Game, s: Any, alpha: Any) -> Any:
    """U1+(alpha) of Lemma 2."""
    (xi1, xi2), p2 = g.net_value, g.success[1]
    return (xi1 + xi2 * alpha * s / p2) / (1 - alpha * (1 - s))


def lower(g: Game, s: Any, alpha: Any) -> Any:
    """U1-(alpha) of Lemma 2."""
    xi1, xi2 = g.net_value
    return (xi1 + xi2 * alpha * s) / (1 - alpha * (1 - s))


def first_order(g: Game, s: Any, q: Any) -> Any:
    """F(s, q) of Theorem 2.4, in the form (9)."""
    (xi1, xi2), (k1, k2), p2 = g.net_value, g.failure, g.success[1]
    level = xi1 * (1 - s) * p2**2 + xi2 * s * (1 - k1 * k2 * (1 - s))
    linear = 2 * (1 - s) * k2 * (xi1 * p2 + xi2 * s * k1)
    return level + q * linear + q**2 * (1 - s) * k2 * (xi1 * k2 - xi2 * s * k1)


def t_function(g: Game, s: Any, q: Any) -> Any:
    """T(s, q) of (6)."""
    (xi1, xi2), (p1, p2), (k1, k2) = g.net_value, g.success, g.failure
    bracket = (p1 + k1 * s) / (p2 + k2 * q) + k1 * (1 - s)
    return xi1 * (1 - s) + xi2 * s / p2 * bracket


def mixed_branch(g: Game, points: int) -> tuple[Any, Any]:
    """(s, q_dagger(s)) inside (s_L, s_H), points on the first axis."""
    _, s_low, s_high = thresholds(g)
    share = np.linspace(0, 1, points + 2)[1:-1].reshape(-1, *(1 for _ in g.shape))
    s = s_low + (s_high - s_low) * share
    return s, best_response(g, 1, s).low
