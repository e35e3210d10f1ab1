"""Expectations under a Beta distribution: Gauss-Jacobi nodes, and integrals of functions with kinks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import exp, lgamma
from typing import Any

import numpy as np

from routing_game.theory.numbers import Array, require


def expectation(f: Callable[[Array], Any], belief: Any, breaks: Sequence[float] = (), nodes: int = 64) -> float:
    """E[f(s)] for s ~ Beta(a, b) and f smooth between the ``breaks``; f maps (n,) to (n,).

    Gauss-Jacobi on every piece: the weight is singular at 0 if a < 1 and at 1 if b < 1.
    """
    a, b = (float(x) for x in belief)
    cuts = np.unique(np.clip([0.0, *(float(x) for x in breaks), 1.0], 0.0, 1.0))
    total = 0.0
    for low, high in pairwise(cuts):
        left, right = a if low == 0 else 1.0, b if high == 1 else 1.0  # the end at which a weight sits
        x, weight = beta_nodes(left / (left + right), 1 / (left + right + 1), nodes)
        s, width = low + (high - low) * x, high - low
        density = (s ** (a - 1) if low > 0 else 1.0) * ((1 - s) ** (b - 1) if high < 1 else 1.0)
        mass = exp(lgamma(left) + lgamma(right) - lgamma(left + right)) * width ** (left + right - 1)
        total += mass * float(np.sum(weight * density * f(s)))
    return exp(lgamma(a + b) - lgamma(a) - lgamma(b)) * total


def beta_nodes(mean: Any, rho: float, nodes: int) -> tuple[Array, Array]:
    """(p, w): Gauss-Jacobi nodes and weights of the Beta distribution with this mean and rho = 1 / (a + b + 1).

    Golub-Welsch: the nodes are eigenvalues of the tridiagonal matrix of the Jacobi polynomials' recurrence. The nodes
    are kept inside (0, 1), which they may leave by rounding.

    Raises:
        ValueError: rho is not in [0, 1) or ``nodes`` is not positive.
    """
    require(0 <= rho < 1, "rho", rho, "lie in [0, 1)")
    require(nodes >= 1, "nodes", nodes, "be at least 1")
    if rho == 0:
        return np.array([mean], dtype=float), np.ones(1)
    total = 1 / rho - 1
    a, b = mean * total, (1 - mean) * total
    k = np.arange(1.0, nodes)
    width = 2 * k + total - 2
    centre = np.append((a - b) / total, (a - b) * (total - 2) / (width * (width + 2)))
    first, k, width = 4 * a * b / (total**2 * (total + 1)), k[1:], width[1:]  # the general term can be 0/0 at k = 1
    square = np.append(first, 4 * k * (k + a - 1) * (k + b - 1) * (k + total - 2) / (width**2 * (width**2 - 1)))
    half = np.sqrt(square[: nodes - 1]) / 2
    p, vectors = np.linalg.eigh(np.diag((1 + centre) / 2) + np.diag(half, 1) + np.diag(half, -1))
    return np.clip(p, 1e-12, 1 - 1e-12), vectors[0] ** 2
