"""Payoffs against the absorbing chain, against simulation, and as plain arithmetic on tensors."""

from __future__ import annotations

import dataclasses
from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing_game.theory import GAMES, Commitment, Game, payoffs, sample_games
from routing_game.theory.certify import chain_visits, values
from routing_game.theory.payoffs import visits

probability = st.floats(0, 1)


def simulate(
    game: Game, commitment: Commitment, q: float, tasks: int, rng: np.random.Generator
) -> tuple:
    """(U, J) of independent tasks, pass by pass; nothing here but the rules of the game."""
    model = np.full(tasks, commitment.route)
    active = np.ones(tasks, dtype=bool)
    utility, cost = np.zeros(tasks), np.zeros(tasks)
    while active.any():
        i = model - 1
        utility -= np.where(active, np.asarray(game.latency)[i], 0.0)
        cost += np.where(active, np.asarray(game.cost)[i], 0.0)
        solved = active & (rng.random(tasks) < np.asarray(game.success)[i])
        utility += game.value * solved
        left = active & ~solved & (rng.random(tasks) < q)
        cost += game.penalty * left
        active &= ~solved & ~left
        model = np.where(active & (model == 1) & (rng.random(tasks) < commitment.cascade), 2, model)
    return utility, cost


@pytest.mark.parametrize("route", [1, 2])
def test_visits_solve_the_chain(route: int) -> None:
    rng = np.random.default_rng(0)
    games = sample_games(100_000, rng)
    s, q = rng.random((2, 100_000))
    expected = chain_visits(games, route, s, q)
    np.testing.assert_allclose(
        np.stack(visits(games, route, s, q), -1), expected, rtol=1e-10, atol=1e-14
    )
    utility, cost = values(games, route, s, q)
    result = payoffs(games, route, s, q)
    np.testing.assert_allclose(result.utility, utility, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(result.cost, cost, rtol=1e-9, atol=1e-11)


def test_simulation_agrees_with_the_closed_forms_on_200_games() -> None:
    rng = np.random.default_rng(7)
    games = sample_games(200, rng)
    scores = []
    for k in range(200):
        game = games[k]
        commitment, q = (
            Commitment(int(rng.integers(1, 3)), float(rng.random())),
            float(rng.random()),
        )
        expected = payoffs(game, *commitment, q)
        for sample, mean in zip(
            simulate(game, commitment, q, 4_000, rng),
            (expected.utility, expected.cost),
            strict=True,
        ):
            scores.append((sample.mean() - mean) / (sample.std(ddof=1) / np.sqrt(sample.size)))
    scores = np.array(scores)
    # 4 standard errors each; over 400 comparisons the chance of one outside is about 2.5 %
    assert np.abs(scores).max() < 4
    assert scores.std() == pytest.approx(
        1.0, abs=0.15
    )  # errors of the right size, so the bound has power


@given(route=st.sampled_from([1, 2]), s=probability, q=probability)
def test_accounting_identities(route: int, s: float, q: float) -> None:
    game = GAMES["t4-cascade"]
    result = payoffs(game, route, s, q)
    assert 0 < result.success <= 1 + 1e-12
    assert result.utility == pytest.approx(game.value * result.success - result.latency)
    assert result.cost == pytest.approx(result.service_cost + game.penalty * (1 - result.success))
    if q == 0:
        assert result.success == pytest.approx(1)  # whoever never leaves is served in the end


def test_units_scale_freely() -> None:
    """V and t share one unit, c and P another: U and J scale with their own only."""
    game = GAMES["t5-cascade"]
    seconds = dataclasses.replace(
        game, value=60 * game.value, latency=tuple(60 * t for t in game.latency)
    )
    cents = dataclasses.replace(
        game, penalty=100 * game.penalty, cost=tuple(100 * c for c in game.cost)
    )
    base = payoffs(game, 1, 0.4, 0.3)
    assert payoffs(seconds, 1, 0.4, 0.3).utility == pytest.approx(60 * base.utility)
    assert payoffs(seconds, 1, 0.4, 0.3).cost == pytest.approx(base.cost)
    assert payoffs(cents, 1, 0.4, 0.3).cost == pytest.approx(100 * base.cost)


def test_tensors_go_through_with_gradients() -> None:
    torch = pytest.importorskip("torch")
    game = GAMES["t4-cascade"]
    s = torch.tensor([0.25, 0.5], dtype=torch.float64, requires_grad=True)
    result = payoffs(game, 1, s, 0.3)
    result.cost.sum().backward()
    h = 1e-6
    slope = (
        payoffs(game, 1, np.array([0.25, 0.5]) + h, 0.3).cost
        - payoffs(game, 1, np.array([0.25, 0.5]) - h, 0.3).cost
    ) / (2 * h)
    np.testing.assert_allclose(s.grad.numpy(), slope, rtol=1e-6)


@pytest.mark.parametrize(
    ("route", "s", "q", "words"),
    [
        (3, 0.5, 0.5, "route must be 1"),
        (1, 1.5, 0.5, r"cascade must lie in \[0, 1\], got 1.5"),
        (1, float("nan"), 0.5, "cascade must lie"),
        (1, np.array([0.1, -0.2]), 0.5, r"cascade must lie in \[0, 1\], got -0.2 at index \(1,\)"),
        (1, 0.5, -0.1, "abandon must lie"),
    ],
)
def test_bad_commitments_are_named(route: int, s: object, q: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        payoffs(GAMES["t4-cascade"], route, s, q)


def test_lists_are_arrays() -> None:
    assert payoffs(GAMES["t4-cascade"], [1, 2], [0.1, 0.2], 0.0).cost.shape == (2,)


def test_tensors_meet_arrays_of_games_and_array_routes() -> None:
    torch = pytest.importorskip("torch")
    games = sample_games(4, np.random.default_rng(8))
    s, q = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.5, 0.0, 1.0, 0.25])
    for route in (1, 2, np.array([1, 2, 1, 2]), [1, 2, 1, 2], torch.tensor([1, 2, 1, 2])):
        expected = payoffs(games, np.asarray(route), s, q)
        for tensors in (
            (torch.tensor(s), torch.tensor(q)),
            (torch.tensor(s), q),
            (s.tolist(), torch.tensor(q)),
        ):
            answer = payoffs(games, route, *tensors)
            for name in answer._fields:
                x = getattr(answer, name)
                assert (x.dtype, tuple(x.shape)) == (torch.float64, (4,))
                np.testing.assert_allclose(x.numpy(), getattr(expected, name), rtol=1e-14)


def test_a_tensor_of_floats_is_computed_in_doubles_and_gets_its_gradient() -> None:
    torch = pytest.importorskip("torch")
    games = sample_games(2, np.random.default_rng(9))
    s = torch.tensor([0.3, 0.6], requires_grad=True)  # float32
    cost = payoffs(games, 1, s, 0.2).cost
    np.testing.assert_allclose(
        cost.detach().numpy(), payoffs(games, 1, s.detach().numpy(), 0.2).cost
    )
    cost.sum().backward()
    assert s.grad.dtype == torch.float32
    h = 1e-6
    ahead, behind = (payoffs(games, 1, s.detach().double().numpy() + x, 0.2).cost for x in (h, -h))
    np.testing.assert_allclose(s.grad.numpy(), (ahead - behind) / (2 * h), rtol=1e-5)


def test_nothing_is_lost_at_the_smallest_chances_and_the_largest_penalties() -> None:
    """Exact fractions: p1 = 1e-17, where 1 - k1 is 0; P = 1e12, where P (1 - S) is noise."""
    for p1 in (1e-7, 1e-12, 1e-17, 1e-90):
        for s, q in ((0.0, 0.0), (p1, 0.0), (0.0, p1), (p1 / 3, p1 / 7), (0.5, 1e-12), (1e-9, 1.0)):
            game = Game(3.0, 1e12, (p1, 0.5), (2 * p1, 1.0), (0.1, 0.3))
            n1 = 1 / (1 - (1 - F(p1)) * (1 - F(q)) * (1 - F(s)))
            n2 = n1 * (1 - F(p1)) * (1 - F(q)) * F(s) / (1 - F(1, 2) * (1 - F(q)))
            success = n1 * F(p1) + n2 / 2
            cost = n1 * F(0.1) + n2 * F(0.3) + F(1e12) * (1 - success)
            answer = payoffs(game, 1, s, q)
            assert answer.success == pytest.approx(float(success), rel=1e-14)
            assert answer.cost == pytest.approx(float(cost), rel=1e-14)
