"""Beta expectations and Gauss nodes: closed forms, high precision, moments.

However large the counts.
"""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import special, stats

from routing_game.theory.quadrature import beta_nodes, expectation

counts = st.floats(-3, 6).map(lambda x: 10.0**x)


@given(counts, counts, st.floats(1e-3, 0.999))
@example(100.0, 100.0, 0.5)
@example(1e5, 1.0, 0.99999)
@example(1e-3, 1e6, 1e-30)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_break_anywhere_splits_the_mass_as_the_incomplete_beta_function_does(a, b, share):
    """At a quantile, and at a fixed s, where the tail may be all or next to nothing."""
    for cut in (float(stats.beta(a, b).ppf(share)), share):
        if not 1e-300 < cut < 1 - 1e-12:  # beyond, doubles do not tell s from an end
            continue
        below, above = special.betainc(a, b, cut), special.betaincc(a, b, cut)
        tail = expectation(lambda s, k=cut: (s > k).astype(float), (a, b), [cut])
        rest = expectation(lambda s, k=cut: (s < k).astype(float), (a, b), [cut])
        for found, expected in ((tail, above), (rest, below)):
            if expected > 1e-280:
                assert found == pytest.approx(expected, rel=1e-9)


@given(counts, counts, st.integers(1, 5))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_moments(a, b, power):
    expected = np.prod([(a + k) / (a + b + k) for k in range(power)])
    assert expectation(lambda s: s**power, (a, b)) == pytest.approx(expected, rel=1e-11)
    # no matter into how many pieces the same function is cut
    cuts = [0.0, 1e-9, 0.1, a / (a + b), 0.9, 2.0]
    assert expectation(lambda s: s**power, (a, b), cuts) == pytest.approx(expected, rel=1e-11)


@given(counts, counts, st.floats(-12, 0))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_poles_close_to_the_interval(a, b, log):
    """E[1 / (e + (1-e) s)] = 2F1(1, b; a+b; 1-e), a function that rises to 1/e at s = 0."""
    e = 10.0**log
    with mpmath.workdps(60):
        exact = mpmath.hyp2f1(1, mpmath.mpf(b), mpmath.mpf(a) + mpmath.mpf(b), 1 - mpmath.mpf(e))
    found = expectation(lambda s: 1 / (e + (1 - e) * s), (a, b))
    assert found == pytest.approx(float(exact), rel=1e-9)


def test_kinks_by_integrals_in_high_precision():
    """|s - k| for concentrated and singular laws."""
    for a, b, kink in (
        (0.4, 0.3, 0.37),
        (60, 60, 0.52),
        (520, 520, 0.5),
        (3e4, 70, 0.998),
        (0.01, 9, 1e-9),
    ):
        with mpmath.workdps(40):
            a_, b_, k = mpmath.mpf(a), mpmath.mpf(b), mpmath.mpf(kink)
            below = mpmath.betainc(a_, b_, 0, k, regularized=True)
            weighted = a_ / (a_ + b_) * mpmath.betainc(a_ + 1, b_, 0, k, regularized=True)
            mean = a_ / (a_ + b_)
            exact = float(mean - k + 2 * (k * below - weighted))
        found = expectation(lambda s, k=kink: np.abs(s - k), (a, b), [kink])
        assert found == pytest.approx(exact, rel=1e-11), (a, b)


@pytest.mark.parametrize("belief", [(0.0, 1.0), (1.0, -3.0), (np.inf, 1.0), (1.0, np.nan)])
def test_counts_that_are_none_are_refused(belief):
    with pytest.raises(ValueError, match="two positive counts"):
        expectation(lambda s: s, belief)


def moment(mean, rho, power):
    """E p^power of Beta, by its product; in exact rational arithmetic where a + b is huge."""
    with mpmath.workdps(200):
        mean, rho = mpmath.mpf(mean), mpmath.mpf(rho)
        product = mpmath.mpf(1)
        for k in range(power):
            product *= (mean * (1 - rho) + k * rho) / (1 - rho + k * rho)
        return product


@pytest.mark.parametrize("mean", [1e-80, 1e-9, 0.003, 0.3, 0.5, 0.999, 1 - 1e-12])
@pytest.mark.parametrize("rho", [0.0, 1e-80, 1e-12, 0.05, 0.4, 0.97])
def test_nodes_have_the_moments_of_beta(mean, rho):
    """However small a mean or a correlation: positive nodes, no weight below 0, all to 1e-11."""
    for nodes in (1, 2, 8, 24):
        p, weight = beta_nodes(mean, rho, nodes)
        assert np.all((p > 0) & (p < 1) & (weight >= 0))
        assert np.all(np.diff(p) >= 0)
        for power in range(min(2 * nodes, 9)):
            with mpmath.workdps(50):
                found = mpmath.fsum(
                    mpmath.mpf(float(w)) * mpmath.mpf(float(x)) ** power
                    for x, w in zip(p, weight, strict=True)
                )
                ratio = float(found / moment(mean, rho, power))
            assert ratio == pytest.approx(1, abs=1e-11), (nodes, power)


def test_nodes_are_those_of_gauss_and_jacobi():
    for mean, rho in ((0.3, 0.2), (0.05, 0.4), (0.5, 0.3)):
        total = 1 / rho - 1
        x, weight = special.roots_jacobi(16, (1 - mean) * total - 1, mean * total - 1)
        p, mine = beta_nodes(mean, rho, 16)
        np.testing.assert_allclose(p, (1 + x) / 2, rtol=1e-9)
        np.testing.assert_allclose(mine, weight / weight.sum(), rtol=1e-8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 0.1, 3), "mean"),
        ((1.0, 0.1, 3), "mean"),
        ((0.3, 1.0, 3), "rho"),
        ((0.3, 0.1, 0), "nodes"),
    ],
)
def test_nodes_out_of_range_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        beta_nodes(*arguments)
