"""The penalty that arises from lost revenue: other code's values, its fixed point, play."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from games import SHARED, boundary_games, interesting_cascades, out_of_order_games
from routing_game.envs import SessionEnv
from routing_game.theory import (
    GAMES,
    Game,
    best_response,
    deterring_cancel,
    load,
    sample_games,
    solve,
    solve_subscription,
    throttle,
)
from routing_game.theory.certify import values

REFERENCE = SHARED / "reference" / "science.json"
NOT_HERE = "the reference values are not here"


def reference() -> dict[str, Any]:
    if not REFERENCE.exists():
        pytest.skip(NOT_HERE)
    return json.loads(REFERENCE.read_text(encoding="utf-8"))["D_unsubscribe"]


def plans(reference: dict[str, Any]) -> Iterator[tuple[Game, float, float, list[dict[str, Any]]]]:
    for key, rows in reference.items():
        if not key.startswith("r_star"):
            name, value, revenue, discount = key.split()
            game = dataclasses.replace(load(name), value=float(value.removeprefix("V=")))
            numbers = (float(text.partition("=")[2]) for text in (revenue, discount))
            yield game, *numbers, rows


def random_terms(games: Game, rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """(revenue, cancel, discount): margins on either side of zero, short and long subscriptions."""
    cheapest = np.minimum(games.cost[0], np.minimum(*games.cost_of_pass))
    revenue = np.abs(cheapest) * np.exp(rng.uniform(-0.7, 2.5, games.shape))
    return revenue, rng.random(games.shape), 1 - np.exp(rng.uniform(-6, -0.1, games.shape))


# ---- the fixed point


def test_penalties_as_computed_elsewhere() -> None:
    seen = 0
    for game, revenue, discount, rows in plans(reference()):
        for row in rows:
            plan = solve_subscription(game, revenue, row["r"], discount)
            assert plan.rule == plan.equilibrium.rule == row["rule"]
            for ours, theirs in (
                (plan.penalty, row["P"]),
                (plan.cost, row["J"]),
                (plan.equilibrium.cost, row["J"]),
                (plan.utility, row["U"]),
                (plan.lifetime, row["lifetime"]),
            ):
                assert ours == pytest.approx(theirs, rel=1e-9)
            assert plan.abandonment == pytest.approx(row["abandon"], abs=1e-12)
            seen += 1
    assert seen == 56


@pytest.mark.parametrize("draw", [sample_games, boundary_games, out_of_order_games])
def test_the_penalty_is_the_revenue_lost_at_its_own_optimum(draw: Any) -> None:
    rng = np.random.default_rng(0)
    games = draw(6_000, rng)
    revenue, cancel, discount = random_terms(games, rng)
    plan = solve_subscription(games, revenue, cancel, discount)
    kept = np.flatnonzero(plan.penalty > 1e-9)
    assert kept.size > 0.3 * games.shape[0]
    at = solve(dataclasses.replace(games[kept], penalty=plan.penalty[kept]))
    r, g, rho = cancel[kept], discount[kept], revenue[kept]
    scale = plan.penalty[kept] + r * g * rho / (1 - g)
    error = plan.penalty[kept] - r * g * (rho - at.cost) / (1 - g)
    assert np.abs(error / scale).max() < (1e-7 if draw is out_of_order_games else 1e-11)
    if draw is sample_games:
        np.testing.assert_array_equal(plan.rule[kept], at.rule)
        np.testing.assert_allclose(plan.utility[kept], at.utility, rtol=0, atol=1e-9)
        np.testing.assert_allclose(plan.cost[kept], at.cost, rtol=1e-9)


def test_there_is_no_second_fixed_point() -> None:
    """P less the revenue lost at P rises strictly, over penalties from almost none to very many."""
    rng = np.random.default_rng(1)
    games = sample_games(3_000, rng)
    revenue, cancel, discount = random_terms(games, rng)
    penalty = np.geomspace(1e-6, 1e6, 301)[:, None]
    cost = solve(dataclasses.replace(games, penalty=penalty)).cost
    assert (np.diff(cost, axis=0) >= -1e-9 * penalty[1:]).all()
    gap = penalty - cancel * discount * (revenue - cost) / (1 - discount)
    assert (np.diff(gap, axis=0) > 0).all()
    plan = solve_subscription(games, revenue, cancel, discount)
    crossing = (gap < 0).sum(axis=0)
    inside = np.flatnonzero((crossing > 0) & (crossing < 301))
    below, above = penalty[crossing[inside] - 1, 0], penalty[crossing[inside], 0]
    assert inside.size > 1_000
    assert (below * (1 - 1e-9) <= plan.penalty[inside]).all()
    assert (plan.penalty[inside] <= above * (1 + 1e-9)).all()


@pytest.mark.parametrize("draw", [sample_games, boundary_games])
def test_no_way_of_serving_is_worth_more(draw: Any) -> None:
    """W of each (i, s) on a grid from the chain, by the sum over tasks; margins may be negative."""
    rng = np.random.default_rng(2)
    games = draw(2_000, rng)
    revenue, cancel, discount = random_terms(games, rng)
    plan = solve_subscription(games, revenue, cancel, discount)
    one, two = (dataclasses.replace(games, penalty=p) for p in (1.0, 2.0))
    best = np.full(games.shape, -np.inf)
    points = [*interesting_cascades(games, rng), *(np.full(games.shape, x) for x in (0.2, 0.7))]
    for route, s in [(2, points[0]), *((1, s) for s in points)]:
        reply = best_response(games, route, s)
        for q in (reply.low, reply.high):
            with_one = values(one, route, s, q)[1]
            lost = values(two, route, s, q)[1] - with_one
            again = discount * (1 - cancel * lost)
            best = np.maximum(best, (revenue - (with_one - lost)) / (1 - again))
    scale = 1e-9 * (np.abs(plan.lifetime_value) + 1)
    assert (best <= plan.lifetime_value + scale).all()
    np.testing.assert_allclose(best, plan.lifetime_value, rtol=1e-7, atol=1e-9)


def test_a_provider_who_serves_and_reckons_again_gets_there_in_a_few_steps() -> None:
    """Serve at a penalty, take the margin that this makes, and reckon the penalty from it anew."""
    rng = np.random.default_rng(3)
    games = sample_games(5_000, rng)
    revenue, cancel, discount = random_terms(games, rng)
    revenue = revenue + np.max(games.cost_of_pass, axis=0)  # then all are worth keeping
    plan = solve_subscription(games, revenue, cancel, discount)
    penalty, steps = np.exp(rng.uniform(-5, 5, games.shape)), np.zeros(games.shape)
    for _ in range(8):
        eq = solve(dataclasses.replace(games, penalty=penalty))
        lost = np.where(eq.abandon == 1, np.choose(eq.route - 1, games.failure), 0.0)
        margin = revenue - (eq.cost - penalty * lost)
        reckoned = cancel * discount * margin / (1 - discount * (1 - cancel * lost))
        steps += np.abs(reckoned / penalty - 1) > 1e-9
        penalty = reckoned
    np.testing.assert_allclose(penalty, plan.penalty, rtol=1e-9)
    assert steps.max() <= 4


def test_full_retention_overstates_what_a_user_is_worth_once_users_are_lost() -> None:
    rng = np.random.default_rng(4)
    games = sample_games(5_000, rng)
    revenue, cancel, discount = random_terms(games, rng)
    plan = solve_subscription(games, revenue, cancel, discount)
    naive = cancel * discount * (revenue - plan.offer.service_cost) / (1 - discount)
    loses = (plan.abandonment > 0) & (plan.penalty > 0)
    assert loses.mean() > 0.1
    assert (naive[loses] > plan.penalty[loses]).all()
    kept = plan.abandonment == 0
    np.testing.assert_allclose(naive[kept], plan.penalty[kept], rtol=1e-9)


# ---- play


def played(game: Game, plan: Any, terms: tuple[float, float, float], users: int) -> tuple[Any, Any]:
    """(margin, tasks) of each subscriber: pass by pass, task by task, until it is gone."""
    revenue, cancel, discount = terms
    rng = np.random.default_rng(5)
    margin, tasks, here = np.zeros(users), np.zeros(users), np.arange(users)
    while here.size:
        tasks[here] += 1
        margin[here] += revenue
        model = np.full(here.size, plan.route)
        running, left = np.ones(here.size, dtype=bool), np.zeros(here.size, dtype=bool)
        while running.any():
            p, c = (np.choose(model - 1, pair) for pair in (game.success, game.cost))
            margin[here] -= c * running
            failed = running & (rng.random(here.size) >= p)
            left |= failed & (rng.random(here.size) < plan.abandon)
            running = failed & ~left
            model = np.where(running & (rng.random(here.size) < plan.cascade), 2, model)
        cancels = left & (rng.random(here.size) < cancel)
        here = here[~cancels & (rng.random(here.size) < discount)]
    return margin, tasks


TERMS = [
    ("gpt-4.1-o3", (0.1, 0.03, 0.95)),
    ("gpt-4.1-o3", (0.1, 0.01, 0.95)),
    ("grok-3-mini-gpt-5", (0.1, 0.05, 0.9)),
    ("t4-cascade", (1.0, 0.5, 0.95)),
    ("t5-reason", (0.9, 0.2, 0.9)),
    ("t4-leave-cheap", (0.1, 0.5, 0.9)),  # worth less than nothing
]


@pytest.mark.parametrize(("name", "terms"), TERMS)
def test_play_is_worth_the_lifetime_value(name: str, terms: tuple[float, float, float]) -> None:
    game = load(name)
    plan = solve_subscription(game, *terms)
    margin, tasks = played(game, plan, terms, 40_000)
    for sample, expected in ((margin, plan.lifetime_value), (tasks, plan.lifetime)):
        error = sample.std() / np.sqrt(sample.size)
        assert sample.mean() == pytest.approx(expected, abs=4 * error)


class Subscriber:
    """Leaves after a failure with chance q, and cancels after a task that it left."""

    def __init__(self, abandon: float, cancel: float) -> None:
        self.q, self.chance = abandon, cancel

    def begin(self) -> None:
        pass

    def leaving(self, model: int) -> float:
        return self.q

    def see_draw(self, escalated: bool) -> None:
        pass

    def cancelling(self, solved: bool) -> float:
        return 0.0 if solved else self.chance


@pytest.mark.parametrize("name", ["t4-cascade", "t5-reason"])
def test_sessions_of_the_environment_are_worth_it_too(name: str) -> None:
    """`SessionEnv` charges a fee and no penalty; how many tasks the user brings is geometric."""
    game, (revenue, cancel, discount) = GAMES[name], (0.9, 0.3, 0.8)
    plan, rng = solve_subscription(game, revenue, cancel, discount), np.random.default_rng(6)
    margins = []
    for seed in range(2_500):
        user = Subscriber(plan.abandon, cancel)
        tasks = int(rng.geometric(1 - discount))
        env = SessionEnv(game, user, tasks=tasks, fee=revenue, penalty=False)
        seen, over, margin = env.reset(seed=seed)[0], False, 0.0
        while not over:
            escalates = rng.random() < plan.cascade if seen[1] else plan.route == 2
            seen, reward, over, *_ = env.step(int(escalates))
            margin += reward
        margins.append(margin)
    error = np.std(margins) / np.sqrt(len(margins))
    assert np.mean(margins) == pytest.approx(plan.lifetime_value, abs=4 * error)


# ---- what deters throttling


def test_deterring_chances_as_computed_elsewhere() -> None:
    seen = 0
    for key, expected in reference().items():
        if key.startswith("r_star"):
            _, name, text = key.split()
            patient = dataclasses.replace(load(name), value=1e5)  # both models are worth the wait
            cp = min(patient.cost_of_pass)
            printed = float(text.partition("=")[2])
            revenue = 1.5 * cp if abs(printed - 1.5 * cp) < 1e-6 else printed
            assert deterring_cancel(patient, revenue, 0.995) == pytest.approx(expected, rel=1e-9)
            seen += 1
    assert seen == 8


@pytest.mark.parametrize("regime", ["++", "-+", "+-", "--"])
def test_throttling_gains_up_to_the_deterring_chance_and_not_beyond(regime: str) -> None:
    rng = np.random.default_rng(7)
    games = sample_games(3_000, rng, regime)
    revenue, _, discount = random_terms(games, rng)
    least = deterring_cancel(games, revenue, discount)
    top = np.minimum(least, 1.0)
    assert (least == 0).any() == (regime != "++")
    assert np.isinf(least).any() == (regime in ("++", "-+"))

    def gain(cancel: Any) -> Any:
        penalty = np.maximum(solve_subscription(games, revenue, cancel, discount).penalty, 1e-12)
        return throttle(dataclasses.replace(games, penalty=penalty)).gain

    beyond = np.isfinite(least)
    for share in (1e-9, 0.3, 1.0):
        assert (gain(top + share * (1 - top))[beyond] <= 1e-9).all()
    short = np.flatnonzero(np.isfinite(least) & (least > 0))
    assert (gain(top * (1 - 1e-6))[short] > 0).all()
    never = np.isinf(least)
    certain = solve_subscription(games, revenue, np.ones(games.shape), discount)
    cp = np.minimum(*games.cost_of_pass) if regime == "++" else games.cost_of_pass[1]
    assert (certain.penalty[never] < cp[never]).all()


# ---- the edges


def test_a_user_who_brings_less_than_it_costs_is_no_loss() -> None:
    game = GAMES["t4-cascade"]  # c1 = .15, and nothing is cheaper than leaving after one pass
    plan = solve_subscription(game, np.array([0.1, 0.15, 0.2]), 0.5, 0.9)
    assert plan.penalty[0] < plan.penalty[1] == 0.0 < plan.penalty[2]
    assert plan.rule[0] == "leave-1"
    message = r"penalty r g W must be positive .*got -.* at index \(0,\)"
    with pytest.raises(ValueError, match=message):
        _ = plan.equilibrium
    for never in (solve_subscription(game, 1.0, 0.0, 0.9), solve_subscription(game, 1.0, 0.5, 0.0)):
        assert never.penalty == 0.0


def test_games_and_terms_broadcast() -> None:
    games = Game.stack([GAMES["t4-cascade"], GAMES["t5-cascade"], GAMES["value-cheap"]])
    revenue, cancel = np.array([[[0.5]], [[1.5]]]), np.linspace(0.01, 1, 4)[:, None]
    plan = solve_subscription(games, revenue, cancel, 0.95)
    assert plan.penalty.shape == plan.rule.shape == plan.lifetime.shape == (2, 4, 3)
    for place in np.ndindex(2, 4, 3):
        rho, r, one = revenue[place[0], 0, 0], cancel[place[1], 0], games[place[2]]
        alone = solve_subscription(one, rho, r, 0.95)
        assert alone.penalty == pytest.approx(plan.penalty[place], rel=1e-12)
        assert alone.rule == plan.rule[place]
        assert isinstance(alone.penalty, float)
    assert solve_subscription(GAMES["t5-stay"], 1.5, cancel[:, 0], 0.95).rule.shape == (4,)
    assert deterring_cancel(games, revenue[:, 0], 0.95).shape == (2, 3)


def test_terms_out_of_range_are_refused() -> None:
    game = GAMES["t4-cascade"]
    for terms, message in (
        ((-1.0, 0.5, 0.9), "revenue must be at least 0, got -1"),
        ((1.0, 1.5, 0.9), r"cancel must lie in \[0, 1\], got 1.5"),
        ((1.0, 0.5, 1.0), r"discount must lie in \[0, 1\), got 1"),
    ):
        with pytest.raises(ValueError, match=message):
            solve_subscription(game, *terms)
    with pytest.raises(ValueError, match="discount must lie in"):
        deterring_cancel(game, 1.0, -0.1)
