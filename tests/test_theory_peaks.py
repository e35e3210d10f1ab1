"""The certified search for global maxima, on polynomials whose maxima are known otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.polynomial import Polynomial

from routing_game.theory import chain_solve, mixture_search
from routing_game.theory.peaks import Jet, favourite_peak, is_constant, peaks, survey


def jet_of(*functions: Polynomial) -> Jet:
    """Derivatives of the parts of U with positive and with negative coefficients."""
    parts = [[Polynomial(np.maximum(sign * f.coef, 0.0)) for sign in (1, -1)] for f in functions]
    table = [[[part.deriv(m) for part in pair] for pair in parts] for m in range(4)]

    def jet(owner: np.ndarray, q: np.ndarray) -> np.ndarray:
        values = np.empty((4, 2, q.size))
        for k, (which, x) in enumerate(zip(owner, 1 - q, strict=True)):
            values[..., k] = [[part(x) for part in pair[which]] for pair in table]
        return values

    return jet


def found(*functions: Polynomial) -> list[list[float]]:
    """X at the global maxima of each, in rising order and without repetition."""
    jet = jet_of(*functions)
    owner, q = peaks(jet, survey(jet, len(functions)))
    each = [np.unique(np.round(1 - q[owner == k], 9)) for k in range(len(functions))]
    return [x.tolist() for x in each]


def test_random_polynomials_against_the_roots_of_their_slopes() -> None:
    rng = np.random.default_rng(40)
    degrees = rng.integers(2, 9, 150)
    functions = [Polynomial(rng.normal(size=n + 1) * 3.0 ** np.arange(n + 1)) for n in degrees]
    inside = 0
    for f, answer in zip(functions, found(*functions), strict=True):
        turns = f.deriv().roots()
        turns = turns[np.abs(turns.imag) < 1e-9].real
        points = np.concatenate([[0.0, 1.0], turns[(turns > 0) & (turns < 1)]])
        best = points[np.argmax(f(points))]
        assert answer == pytest.approx([best], abs=1e-7)
        inside += 0 < best < 1
    assert inside > 25


def test_equal_peaks_are_all_found() -> None:
    x = Polynomial([0.0, 1.0])
    twins = -((x - 0.25) ** 2) * (x - 0.75) ** 2
    inside_and_end = -((x - 0.4) ** 2) * (1 - x)
    assert found(twins, inside_and_end) == [pytest.approx([0.25, 0.75]), pytest.approx([0.4, 1.0])]


@pytest.mark.parametrize("top", [0.5, 0.3])
@pytest.mark.parametrize("power", [4, 6])
def test_a_flat_peak_is_found(top: float, power: int) -> None:
    """U'' vanishes at the peak, on and off the grid.

    For x^6 no cell around it is ever known to be concave.
    """
    flat = -((Polynomial([-top, 1.0])) ** power)
    (answer,) = found(flat)
    assert answer
    assert answer == pytest.approx([top] * len(answer), abs=0.03)
    assert -flat(np.array(answer)).min() < 1e-11


@pytest.mark.parametrize("better", [0.0, 1.0])
def test_a_constant_leaves_the_choice_to_the_ally(better: float) -> None:
    user, ally = Polynomial([0.7]), Polynomial([0.0, 1.0]) * (2 * better - 1)
    assert is_constant(survey(jet_of(user), 1)).all()
    assert favourite_peak(jet_of(user), jet_of(ally), 1) == 1 - better
    bent = -((Polynomial([-0.3, 1.0])) ** 2)
    assert favourite_peak(jet_of(user), jet_of(bent), 1) == pytest.approx(0.7)


def test_a_slope_that_vanishes_here_and_there_is_no_constant() -> None:
    """U' = 0 at a quarter, a half and three quarters."""
    slope = Polynomial.fromroots([0.25, 0.5, 0.75])
    assert not is_constant(survey(jet_of(slope.integ()), 1, cells=4)).any()


def test_of_equal_peaks_the_ally_s_favourite_is_taken() -> None:
    x = Polynomial([0.0, 1.0])
    twins = -((x - 0.25) ** 2) * (x - 0.75) ** 2
    for ally, q in ((x, 0.25), (-x, 0.75)):
        assert favourite_peak(jet_of(twins), jet_of(ally), 1) == pytest.approx([q])


@pytest.mark.parametrize("kind", ["chain", "mixture, route 1", "mixture, route 2"])
def test_each_order_of_a_jet_is_the_slope_of_the_one_before(kind: str) -> None:
    rng = np.random.default_rng(41)
    n = 40
    if kind == "chain":
        p, worth = rng.uniform(0.1, 0.9, (n, 3)), rng.normal(size=(n, 3))
        step = (1 - p)[..., None] * rng.dirichlet(np.ones(3), (n, 3))
        jet = chain_solve._jet(rng.dirichlet(np.ones(3), n), step, p, worth)
    else:
        p, worth = rng.uniform(0.1, 0.9, (n, 4, 2)), rng.normal(size=(n, 4, 2))
        jet = mixture_search._jet(p, int(kind[-1]), rng.random(n), np.arange(n), worth)
    q, h = rng.uniform(0.1, 0.9, n), 1e-5
    below, above = (jet(np.arange(n), q + way * h) for way in (1, -1))
    slopes = (above - below)[:3] / (2 * h)
    np.testing.assert_allclose(jet(np.arange(n), q)[1:], slopes, rtol=1e-6, atol=1e-9)
