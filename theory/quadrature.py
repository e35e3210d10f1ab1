"""Expectations under a Beta distribution: of functions with kinks, and by Gauss' nodes.

In the log-odds y = log(s / (1-s)) the density of Beta(a, b) is, with c = a + b and d = y -
log(a/b),

    exp(a d - c log((b + a e^d) / c)),   up to a constant,

log-concave with its peak at d = 0, analytic in the strip |Im y| < pi, and never singular: where
Beta itself is, at 0 for a < 1 and at 1 for b < 1, this falls like e^(a y) and e^(-b y).
Quadrature in y divides by the sum of its own weights, so that no Gamma function is needed,
however large the counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from routing_game.theory.numbers import Array, require, whole

_NO_MASS = -750.0
"""Logarithm of a density, relative to its peak, at which nothing is left of it: e^-745 is 0."""
_FLAT = 80.0
"""Log-odds beyond the outermost break (or 0) at which f is taken to have reached its end value."""


def expectation(
    f: Callable[[Array], Any],
    belief: Any,
    breaks: Sequence[float] = (),
    nodes: int = 20,
) -> float:
    """E[f(s)] for s ~ Beta(a, b) and f smooth between the ``breaks``; f maps (n,) to (n,).

    Gauss-Legendre on panels of the log-odds, cut at the breaks and as narrow as the density asks
    for. Beyond log-odds of 80 (s = 1e-35), or 80 past the outermost break, f counts as constant.

    Args:
        f: the function of s.
        belief: (a, b), a single pair of counts.
        breaks: where f or a derivative jumps; those outside (0, 1) are ignored.
        nodes: points on a panel.

    Raises:
        ValueError: a count is not positive and finite, or there are no nodes.
    """
    a, b = (float(x) for x in belief)
    require(0 < a < np.inf and 0 < b < np.inf, "belief", min(a, b), "be two positive counts (a, b)")
    centre = np.log(a / b)
    cuts = np.array([np.log(x) - np.log1p(-x) for x in breaks if 0 < x < 1]) - centre
    edges = _panels(a, b, cuts)
    x, weight = np.polynomial.legendre.leggauss(whole("nodes", nodes, at_least=1))
    width = np.diff(edges)[:, None]
    d = (edges[:-1, None] + width * (1 + x) / 2).ravel()
    mass = np.exp(log_density(a, b, d)) * (width * weight / 2).ravel()
    ends = edges[[0, -1]]
    tails = np.exp(log_density(a, b, ends)) / [a, b]  # their integrals
    d, mass = np.concatenate([d, ends]), np.concatenate([mass, tails])
    return float(np.sum(mass * f(chance(centre + d))) / np.sum(mass))


def chance(log_odds: Any) -> Any:
    """s, from log(s / (1-s))."""
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-log_odds))


def log_density(a: Any, b: Any, d: Any) -> Any:
    """The exponent above, 0 at d = 0 and negative elsewhere.

    Written with the smaller of the counts, whose terms are small where those of the larger cancel.
    """
    c, small, large = a + b, np.minimum(a, b), np.maximum(a, b)
    x = np.where(np.less_equal(a, b), d, -d)
    rise = np.log1p(small / c * np.expm1(np.minimum(x, 600.0)))
    far = x > 600  # e^x overflows soon, and log((large + small e^x) / c) is x + log(small / c)
    return np.where(far, -large * x - c * np.log(small / c), small * x - c * rise)


def _panels(a: float, b: float, cuts: Array) -> Array:
    """Edges in d, from far left to far right: panels on which the density is a tame function."""
    centre, reach = np.log(a / b), _FLAT + np.max(np.abs(cuts + np.log(a / b)), initial=0.0)
    edges = [*cuts, 0.0]
    for side in (-1.0, 1.0):
        d = 0.0
        while side * (centre + d) < reach and log_density(a, b, d) > _NO_MASS:
            d += side * _tame_width(a, b, chance(centre + d))
            edges.append(d)
    return np.unique(edges)


def _tame_width(a: float, b: float, s: float) -> float:
    """A step in d over which the log-density bends little and changes by a few units."""
    slope, bend = a - (a + b) * s, (a + b) * s * (1 - s)
    return 1 / (1 + float(np.sqrt(bend)) + abs(slope) / 10)


def beta_nodes(mean: Any, rho: float, nodes: int) -> tuple[Array, Array]:
    """(p, w): Gauss-Jacobi nodes and weights of Beta with this mean and rho = 1 / (a + b + 1).

    Golub-Welsch in factors: the tridiagonal matrix of the Jacobi polynomials' recurrence on [0,
    1] is U' U, U bidiagonal, with entries that are products of the canonical moments of Beta
    (Dette and Studden 1997), all positive. Nodes are squares of the singular values of U, and
    keep their relative precision however small they are. The largest is kept below 1.

    Args:
        mean: E p, strictly between 0 and 1.
        rho: Var p / (E p (1 - E p)) in [0, 1); 0 puts all weight on the mean.
        nodes: how many.

    Raises:
        ValueError: a number is out of range.
    """
    require(0 < mean < 1, "mean", mean, "lie strictly between 0 and 1")
    require(0 <= rho < 1, "rho", rho, "lie in [0, 1)")
    nodes = whole("nodes", nodes, at_least=1)
    if rho == 0:
        return np.array([mean], dtype=float), np.ones(1)
    k, certain = (
        np.arange(nodes),
        1 - rho,
    )  # counts times rho: a is mean * certain, a + b is certain
    odd = (mean * certain + k * rho) / (certain + 2 * k * rho)  # canonical moments 1, 3, 5, ...
    not_odd = ((1 - mean) * certain + k * rho) / (certain + 2 * k * rho)
    even = (k + 1) * rho / (certain + (2 * k + 1) * rho)  # and 2, 4, 6, ...
    not_even = (certain + k * rho) / (certain + (2 * k + 1) * rho)
    diagonal = np.sqrt(odd * np.append(1.0, not_even[:-1]))
    above = np.sqrt(not_odd * even)[:-1]
    _, values, vectors = np.linalg.svd(np.diag(diagonal) + np.diag(above, 1))
    p = np.clip(values**2, np.finfo(float).tiny, 1 - np.finfo(float).epsneg)
    return p[::-1], vectors[::-1, 0] ** 2
