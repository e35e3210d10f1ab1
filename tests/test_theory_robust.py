"""Guarantees against users with a regret up to eps, judged in fifty digits from the definition."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pytest

from games import boundary_games
from routing_game.theory import (
    GAMES,
    Game,
    payoffs,
    robust_commitment,
    sample_games,
    solve,
    thresholds,
    worst_cost,
)

EXAMPLE = Game(2, 0.8125, (0.25, 0.8125), (0.5, 0.8125), (0, 0.3125))  # xi1 = 0


def worst_by_definition(game: Game, route: int, s: float, eps: Any) -> Decimal:
    """The largest J over the q with U(q) >= max U - eps.

    From all roots and turning points of both, in fifty digits.

    On route 1 n1 y1 + n2 y2 = (y1 (1 - k2 x) + y2 k1 s x) / ((1 - a x)(1 - k2 x)) with x = 1 - q, a
    = k1 (1-s).
    """
    with localcontext() as context:
        context.prec = 50
        return _worst_by_definition(game, route, s, eps)


def _worst_by_definition(game: Game, route: int, s: Any, eps: Any) -> Decimal:
    numbers = (game.value, game.penalty, *game.success, *game.latency, *game.cost, s, eps)
    value, penalty, p1, p2, t1, t2, c1, c2, s, eps = (Decimal(float(x)) for x in numbers)
    k1, k2 = 1 - p1, 1 - p2
    a = k1 * (1 - s)
    worth = [value * p1 - t1, value * p2 - t2]
    worth = [
        x if abs(x) > Decimal("1e-15") * t else Decimal(0)
        for x, t in zip(worth, (t1, t2), strict=True)
    ]
    burden = [c1 - penalty * p1, c2 - penalty * p2]  # J = P + n.burden

    def at(x: Any, y: list) -> Any:
        return (
            y[1] / (1 - k2 * x)
            if route == 2
            else (y[0] + y[1] * k1 * s * x / (1 - k2 * x)) / (1 - a * x)
        )

    def turns(y: list) -> list:
        if route == 2:
            return []
        return roots(
            k2 * a * (y[0] * k2 - y[1] * k1 * s), -2 * y[0] * a * k2, y[0] * a + y[1] * k1 * s
        )

    ends = [Decimal(0), Decimal(1)]
    level = max(at(x, worth) for x in ends + turns(worth)) - eps
    if route == 2:
        crossings = roots(Decimal(0), -level * k2, level - worth[1])
    else:
        slope = k1 * s * worth[1] - k2 * worth[0] + level * (a + k2)
        crossings = roots(-level * a * k2, slope, worth[0] - level)
    points = ends + turns(worth) + crossings + turns(burden)
    slack = (abs(level) + eps).scaleb(-40)
    return max(penalty + at(x, burden) for x in points if at(x, worth) >= level - slack)


def roots(a: Any, b: Any, c: Any) -> list:
    """Real roots in (0, 1) of a x^2 + b x + c."""
    if a == 0:
        found = [-c / b] if b else []
    else:
        square = b * b - 4 * a * c
        found = [(-b + sign * square.sqrt()) / (2 * a) for sign in (1, -1)] if square >= 0 else []
    return [x for x in found if 0 < x < 1]


def hostile_cascade(game: Game, rng: np.random.Generator) -> float:
    """S at, beside or far from a threshold, or tiny."""
    cliffs = [float(x) for x in thresholds(game) if np.isfinite(x)]
    s = rng.choice([0.0, 1.0, rng.random(), 10.0 ** rng.uniform(-12, 0), *cliffs])
    return float(np.clip(s * (1 + rng.choice([-1, 0, 1]) * 10.0 ** rng.uniform(-12, -1)), 0, 1))


@pytest.mark.parametrize("kind", [sample_games, boundary_games])
def test_worst_cost_is_the_largest_over_tolerated_replies(kind: Any) -> None:
    """Never below the truth, nor above that of an eps larger by what rounding does to a payoff."""
    rng = np.random.default_rng(31)
    games = kind(250, rng)
    for game in (games[k] for k in range(games.shape[0])):
        route, s = int(rng.choice([1, 1, 1, 2])), hostile_cascade(game, rng)
        eps = 10.0 ** rng.uniform(-20, 1)
        more = eps * (1 + 1e-12) + 1e-14 * (game.value + max(game.latency))
        truth, above = (float(worst_by_definition(game, route, s, x)) for x in (eps, more))
        worst, rounding = worst_cost(game, route, s, eps), 1e-15 * game.penalty
        assert worst >= truth * (1 - 1e-12) - rounding
        assert worst <= above * (1 + 1e-11) + rounding


def test_a_guarantee_at_the_cliff_counts_rounding_in_the_user_s_favour() -> None:
    """At s0 and an ulp beside it, with an eps as small as what rounding does to a payoff."""
    rng = np.random.default_rng(35)
    games = sample_games(400, rng, "-+")
    for k in range(400):
        game, scale = games[k], float(rng.choice([1.0, 0.1, 0.01]))  # of p and t
        (p1, p2), (t1, t2) = game.success, game.latency
        success, latency = (p1 * scale, p2 * scale), (t1 * scale, t2 * scale)
        game = Game(game.value, game.penalty, success, latency, game.cost)
        s0 = float(thresholds(game).s0)
        s = float(rng.choice([s0, np.nextafter(s0, 0), np.nextafter(s0, 1)]))
        eps = 10.0 ** rng.uniform(-19, -15)
        truth = float(worst_by_definition(game, 1, s, eps))
        assert worst_cost(game, 1, s, eps) >= truth * (1 - 1e-9)


def test_a_tiny_eps_keeps_its_digits() -> None:
    """U(1) = 3e-9 and a regret up to 8.9e-11: the user may leave after 3 passes in a hundred."""
    truth = float(worst_by_definition(EXAMPLE, 1, 1e-9, 8.9e-11))
    assert truth == pytest.approx(0.0171, abs=5e-5)
    assert worst_cost(EXAMPLE, 1, 1e-9, 8.9e-11) == pytest.approx(truth, rel=1e-12)
    for eps in (1e-40, 1e-200, 1e-310):  # nothing but the best reply
        assert worst_cost(EXAMPLE, 1, 0.3, eps) == pytest.approx(
            payoffs(EXAMPLE, 1, 0.3, 0.0).cost, rel=1e-12
        )


@pytest.mark.parametrize("route", [1, 2])
def test_a_user_without_any_care_may_do_anything(route: int) -> None:
    games = sample_games(300, np.random.default_rng(32))
    s = np.random.default_rng(33).random(300)
    by_grid = payoffs(games, route, s, np.linspace(0, 1, 4001)[:, None]).cost.max(axis=0)
    worst = worst_cost(games, route, s, np.inf)
    assert (worst >= by_grid * (1 - 1e-12)).all()
    np.testing.assert_allclose(worst, by_grid, rtol=1e-6)
    np.testing.assert_array_equal(worst, worst_cost(games, route, s, 1e12))


def test_games_commitments_and_eps_broadcast() -> None:
    games, eps = sample_games(4, np.random.default_rng(34)), [[1e-9], [1e-3], [np.inf]]
    table = worst_cost(games, 1, [0.1, 0.2, 0.3, 0.4], eps)
    assert table.shape == (3, 4)
    for row, (e,) in enumerate(eps):
        for k, s in enumerate([0.1, 0.2, 0.3, 0.4]):
            assert table[row, k] == worst_cost(games[k], 1, s, e)
    assert isinstance(worst_cost(games[0], 1, 0.1, 0.01), float)


@pytest.mark.parametrize("name", GAMES)
def test_robust_commitments_guard_and_come_down_to_the_weak_cost(name: str) -> None:
    game = GAMES[name]
    costs = []
    for eps in (1e-2, 1e-4, 1e-7):
        robust = robust_commitment(game, eps)
        assert worst_cost(game, robust.route, robust.cascade, eps) == pytest.approx(
            robust.cost, rel=1e-9
        )
        grid = min(
            worst_cost(game, 1, np.linspace(0, 1, 2001), eps).min(), worst_cost(game, 2, 0.0, eps)
        )
        assert robust.cost <= grid + 1e-9
        costs.append(robust.cost)
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] == pytest.approx(solve(game).weak_cost, rel=5e-3)


def test_robust_commitments_keep_a_margin_from_the_nearest_cliff() -> None:
    t4, t5 = GAMES["t4-cascade"], GAMES["t5-cascade"]
    right, left = robust_commitment(t4, 1e-3), robust_commitment(t5, 1e-6)
    assert right.cascade - thresholds(t4).s0 == pytest.approx(right.margin)
    assert right.margin > 0
    _, s_low, s_high = thresholds(t5)
    assert left.cascade < s_low
    assert left.margin == pytest.approx(s_low - left.cascade)
    assert left.margin < (s_high - left.cascade) / 10


def test_robustness_refuses_what_it_cannot_do() -> None:
    game, games = GAMES["t4-cascade"], Game.stack(list(GAMES.values()))
    with pytest.raises(ValueError, match="eps must be positive"):
        robust_commitment(game, 0.0)
    with pytest.raises(ValueError, match=r"eps must be positive .* got -1 at index \(1,\)"):
        worst_cost(game, 1, 0.5, [0.1, -1.0])
    with pytest.raises(ValueError, match="eps must be positive"):
        worst_cost(game, 1, 0.5, np.nan)
    with pytest.raises(
        ValueError, match=r"must broadcast, got shapes \(\(12,\), \(\), \(5,\), \(\)\)"
    ):
        worst_cost(games, 1, np.zeros(5), 0.1)
    with pytest.raises(
        ValueError, match=r"single game and a single eps, got game of shape \(12,\)"
    ):
        robust_commitment(games, 0.1)
    with pytest.raises(ValueError, match=r"got eps of shape \(2,\)"):
        robust_commitment(game, np.array([0.1, 0.2]))
    with pytest.raises(ValueError, match="cascade must lie"):
        worst_cost(game, 1, 1.7, 0.1)
