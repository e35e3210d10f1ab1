"""Expected visits of an absorbing chain, to full relative precision.

In an absorbing chain state j is followed by state k with weight A_jk >= 0 and left for good with
weight d_j > 0, where d_j + sum_k A_jk = 1. The expected visits from a first state drawn from e are
n = e' (I - A)^(-1). Where the chain ends with a chance of 1e-9 a visit, a linear solver that is
given I - A has lost nine digits before it begins: 1 - (1 - 1e-9) cancels.

The elimination of Grassmann, Taksar and Heyman (1985) is given d instead and never subtracts. To
remove state m, route its mass past it: from i through m to j,

    A_ij += A_im A_mj / w,   d_i += A_im d_m / w,   e_j += e_m A_mj / w,

where w = d_m + sum_{j != m} A_mj is 1 - A_mm, summed instead of subtracted (so A's own diagonal is
never read). Afterwards visits are put back in the reverse order. All terms are positive: every
visit is right to a few units in its last place, however long the chain lives, and states that
cannot be reached get exactly 0.
"""

from __future__ import annotations

import numpy as np

from routing_game.theory.numbers import Array


def visits(step: Array, stop: Array, start: Array) -> Array:
    """Expected visits n, (..., R, N), for R weightings of the first state.

    Args:
        step: A, (..., N, N), weight of the column's state after the row's; its diagonal is unused.
        stop: d, (..., N), weight of no further state; positive, with d + (row sum of A) = 1.
        start: e, (..., R, N), at least 0. All three have the same leading dimensions.
    """
    states = step.shape[-1]
    a, stop, n = step.copy(), stop.copy(), start.copy()
    leaves = np.empty_like(stop)  # w, of the states that come before in number
    for m in reversed(range(states)):
        leaves[..., m] = stop[..., m] + a[..., m, :m].sum(axis=-1)
        onwards = a[..., m, :m] / leaves[..., m, None]
        into = a[..., :m, m]
        a[..., :m, :m] += into[..., None] * onwards[..., None, :]
        stop[..., :m] += into * (stop[..., m] / leaves[..., m])[..., None]
        n[..., :m] += n[..., m, None] * onwards[..., None, :]
    for m in range(states):
        passing = (n[..., :m] * a[..., None, :m, m]).sum(axis=-1)
        n[..., m] = (n[..., m] + passing) / leaves[..., m, None]
    return n


def fundamental(step: Array, stop: Array) -> Array:
    """(I - A)^(-1), (..., N, N): row i holds the visits from state i; arguments as for `visits`."""
    return visits(step, stop, np.broadcast_to(np.eye(step.shape[-1]), step.shape))
