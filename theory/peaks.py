"""Global maxima, with a certificate, of a user's utility as a function of one probability of staying.

With x = 1 - q, the utility of a chain is U(x) = e'(I - x M)^(-1) xi, M = delta diag(k) R >= 0: a rational function that
can have several maxima for three models or more. Its derivatives are m! e'(G M)^m G xi with G = (I - x M)^(-1), and
those of the same function with |xi|, Ubar, bound them and rise with x. On a cell [a, b] of width h therefore

    U <= max(U(a), U(b)) + h^2/8 max(0, -U''(a), -U''(b)) + h^4/64 Ubar''''(b),

and cells are halved until none can hide anything better: branch and bound.
"""

from __future__ import annotations

import numpy as np

from routing_game.theory.numbers import TIE, Array


def jet(m: Array, e: Array, reward: Array, x: Array) -> tuple[Array, Array, Array, Array]:
    """U, U', U'' of U(x) = e'(I - x M)^(-1) reward, and the fourth derivative of the same with |reward|."""
    inverse = np.linalg.inv(np.eye(m.shape[-1]) - x[..., None, None] * m)
    v = [inverse @ np.stack([reward, np.abs(reward)], axis=-1)]
    for _ in range(4):
        v.append(inverse @ (m @ v[-1]))
    u, u1, u2, _, u4 = ((e[..., None] * each).sum(axis=-2) for each in v)
    return u[..., 0], u1[..., 0], 2 * u2[..., 0], 24 * u4[..., 1]


def _slack(m: Array, e: Array, reward: Array) -> Array:
    """How far U may miss its maximum: a small part of n.|reward| if the user always stays."""
    return TIE * jet(m, e, np.abs(reward), np.ones(len(m)))[0]


def is_constant(m: Array, e: Array, reward: Array, points: int = 17) -> Array:
    """Whether U does not depend on x: a rational function of low degree that agrees at many points is constant."""
    x = np.linspace(0.0, 1.0, max(points, 2 * m.shape[-1] + 1))
    u = np.stack([jet(m, e, reward, np.full(len(m), each))[0] for each in x])
    return np.asarray(np.ptp(u, axis=0) <= _slack(m, e, reward))


def peaks(m: Array, e: Array, reward: Array, cells: int = 16) -> tuple[Array, Array]:
    """(owner, x): for each of the B chains all global maxima of U over [0, 1], some of them more than once."""
    slack = _slack(m, e, reward)
    owner = np.repeat(np.arange(len(m)), cells)
    edges = np.linspace(0.0, 1.0, cells + 1)
    a, b = np.tile(edges[:-1], len(m)), np.tile(edges[1:], len(m))
    at_a, at_b = (np.stack(jet(m[owner], e[owner], reward[owner], x)) for x in (a, b))
    best = np.full(len(m), -np.inf)
    seen = [(owner, a, at_a), (owner, b, at_b)]
    while owner.size:
        np.maximum.at(best, owner, np.maximum(at_a[0], at_b[0]))
        bend = np.maximum(0.0, -np.minimum(at_a[2], at_b[2]))
        bound = np.maximum(at_a[0], at_b[0]) + (b - a) ** 2 / 8 * bend + (b - a) ** 4 / 64 * at_b[3]
        open_ = np.flatnonzero(bound > best[owner] + slack[owner])
        owner, a, b, at_a, at_b = owner[open_], a[open_], b[open_], at_a[:, open_], at_b[:, open_]
        middle = (a + b) / 2
        at_middle = np.stack(jet(m[owner], e[owner], reward[owner], middle))
        seen.append((owner, middle, at_middle))
        owner, a, b = np.tile(owner, 2), np.concatenate([a, middle]), np.concatenate([middle, b])
        at_a, at_b = np.concatenate([at_a, at_middle], axis=1), np.concatenate([at_middle, at_b], axis=1)
    owner, x = np.concatenate([s[0] for s in seen]), np.concatenate([s[1] for s in seen])
    jets = np.concatenate([s[2] for s in seen], axis=1)
    near = jets[0] >= best[owner] - slack[owner]
    return owner[near], _polish(m[owner[near]], e[owner[near]], reward[owner[near]], x[near], jets[:, near])


def _polish(m: Array, e: Array, reward: Array, x: Array, here: Array) -> Array:
    """Newton's steps to the top of a peak, from so near that U no longer tells the way."""
    slack = _slack(m, e, reward)
    for _ in range(3):
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.where(here[2] < 0, here[1] / here[2], 0.0)
        moved = np.clip(x - step, 0.0, 1.0)
        there = np.stack(jet(m, e, reward, moved))
        holds = there[0] >= here[0] - slack
        x, here = np.where(holds, moved, x), np.where(holds, there, here)
    return x
