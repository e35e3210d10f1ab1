"""Chains of N models: reduced to two, simulated pass by pass, enumerated, and searched on grids."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from games import boundary_games
from routing_game.theory import (
    GAMES,
    Game,
    best_response,
    outcome,
    payoffs,
    sample_games,
    solve,
    thresholds,
)
from routing_game.theory.chain import Chain, evaluate, ladder, unroll, visits
from routing_game.theory.chain_solve import (
    cheapest,
    round_reply,
    single_reply,
    solve_stopping,
    stopping_reply,
)

N = 10_000
Q = np.linspace(0.0, 1.0, 1001)


def random_chains(n: int, models: int, rng: np.random.Generator, discounted: bool = True) -> Chain:
    p = rng.uniform(0.15, 0.95, (n, models))
    t, c = rng.uniform(0, 1.2, (n, models)), rng.uniform(0, 1, (n, models))
    matrix = rng.dirichlet(np.full(models, 0.5), (n, models))
    discount = rng.uniform(0.7, 1, n) if discounted else 1.0
    return Chain(rng.uniform(0.3, 2, (n, 1)), rng.uniform(0.1, 3, n), p, t, c, matrix, discount)


def by_hand(rounds: Sequence[Chain], start: np.ndarray, q: np.ndarray, passes: int = 300) -> tuple:
    """(U, J) by each model's probability from pass to pass; q has one entry a round and model."""
    alive, utility, cost = start, 0.0, 0.0
    for r in range(passes):
        k = min(r, len(rounds) - 1)
        chain, leave = rounds[k], q[..., k, :]
        fails = alive * (1 - chain.success)
        utility = utility + (alive * (chain.success * chain.value - chain.latency)).sum(-1)
        cost = cost + (alive * chain.cost).sum(-1) + chain.penalty * (fails * leave).sum(-1)
        alive = chain.discount[..., None] * np.einsum(
            "...j,...jk->...k", fails * (1 - leave), chain.escalation
        )
    assert alive.max() < 1e-15
    return utility, cost


def simulate(
    rounds: Sequence[Chain], q: np.ndarray, tasks: int, rng: np.random.Generator
) -> np.ndarray:
    """(U, J) of independent tasks that start with model 1; q has one entry a round and model."""
    total = np.zeros((2, tasks))
    model, weight, active = np.zeros(tasks, dtype=int), 1.0, np.ones(tasks, dtype=bool)
    for r in itertools.count():
        k = min(r, len(rounds) - 1)
        chain = rounds[k]
        solved = active & (rng.random(tasks) < chain.success[model])
        left = active & ~solved & (rng.random(tasks) < q[k][model])
        total[0] += weight * (solved * chain.value[model] - active * chain.latency[model])
        total[1] += weight * (active * chain.cost[model] + left * chain.penalty)
        active &= ~solved & ~left
        if not active.any():
            return total
        model = (rng.random(tasks)[:, None] > np.cumsum(chain.escalation, -1)[model]).sum(-1)
        weight = weight * chain.discount


# ---- the evaluator ----


@pytest.mark.parametrize("route", [1, 2])
def test_two_models_are_the_paper_s_game(route: int) -> None:
    rng = np.random.default_rng(0)
    games = sample_games(N, rng)
    s, q = rng.random((2, N))
    chain, direct = evaluate(Chain.of(games, s), route, q[:, None]), payoffs(games, route, s, q)
    for name in ("success", "latency", "service_cost", "cost"):
        np.testing.assert_allclose(getattr(chain, name), getattr(direct, name), rtol=1e-12)
    gross = games.value * direct.success + direct.latency  # U is a difference
    assert (np.abs(chain.utility - direct.utility) / gross).max() < 1e-12


@pytest.mark.parametrize("models", [1, 3, 5])
def test_the_linear_system_follows_the_passes(models: int) -> None:
    rng = np.random.default_rng(1)
    chains, q = random_chains(500, models, rng), rng.random((500, models))
    start = rng.dirichlet(np.ones(models), 500)
    result, (utility, cost) = evaluate(chains, start, q), by_hand([chains], start, q[:, None])
    np.testing.assert_allclose(result.utility, utility, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(result.cost, cost, rtol=1e-12)


def test_simulation_agrees_pass_by_pass() -> None:
    """Three models, de-escalation, discount, two attempts unlike later ones: 4 standard errors."""
    rng = np.random.default_rng(2)
    scores = []
    for _ in range(25):
        rounds = [random_chains(1, 3, rng) for _ in range(3)]
        rounds = [
            Chain(c.value[0], 1.3, c.success[0], c.latency[0], c.cost[0], c.escalation[0], 0.9)
            for c in rounds
        ]
        q = rng.random((3, 3))
        sample, expected = simulate(rounds, q, 4_000, rng), evaluate(unroll(rounds), 1, q.ravel())
        error = sample.std(axis=1, ddof=1) / np.sqrt(sample.shape[1])
        scores.append((sample.mean(axis=1) - [expected.utility, expected.cost]) / error)
    assert np.abs(scores).max() < 4
    assert np.std(scores) == pytest.approx(1.0, abs=0.3)


def test_equal_rounds_are_no_rounds() -> None:
    rng = np.random.default_rng(3)
    chains, q = random_chains(200, 3, rng), rng.random((200, 3))
    rolled, direct = evaluate(unroll([chains] * 4), 2, np.tile(q, 4)), evaluate(chains, 2, q)
    np.testing.assert_allclose(rolled, direct, rtol=1e-12, atol=1e-13)


def test_a_price_moves_t_and_c() -> None:
    game = GAMES["t5-cascade"]
    fee = np.array([0.1, 0.2])
    (t1, t2), (c1, c2) = game.latency, game.cost
    priced = Game(
        game.value,
        game.penalty,
        game.success,
        (t1 + 0.1, t2 + 0.2),
        (c1 - 0.1, c2 - 0.2),
        ordered=False,
    )
    np.testing.assert_allclose(
        evaluate(Chain.of(game, 0.3).priced(fee), 1, 0.4), payoffs(priced, 1, 0.3, 0.4), rtol=1e-13
    )


def test_members_broadcast() -> None:
    s = np.linspace(0, 1, 4)[:, None]
    chain = Chain.of(sample_games(5, np.random.default_rng(4)), s)
    assert (chain.shape, chain.models) == ((4, 5), 2)
    assert visits(chain, 1, np.linspace(0, 1, 3).reshape(3, 1, 1, 1)).shape == (3, 4, 5, 2)
    assert isinstance(evaluate(Chain.of(GAMES["t5-stay"], 0.2), 1, 0.0).cost, float)


# ---- one q ----


@pytest.mark.parametrize("route", [1, 2])
def test_single_reply_is_the_two_model_best_response(route: int) -> None:
    rng = np.random.default_rng(5)
    games = sample_games(N, rng)
    s = rng.random(N)
    reply, expected = single_reply(Chain.of(games, s), route), outcome(games, route, s)
    np.testing.assert_allclose(
        reply.abandon[:, 0], best_response(games, route, s).strong, rtol=0, atol=1e-12
    )
    np.testing.assert_allclose(reply.cost, expected.cost, rtol=1e-12)
    gross = games.value * expected.success + expected.latency
    assert (np.abs(reply.utility - expected.utility) / gross).max() < 1e-12


@pytest.mark.parametrize("ties", ["strong", "weak"])
@pytest.mark.parametrize("route", [1, 2])
def test_and_on_its_ties(route: int, ties: str) -> None:
    """xi_i = 0, where U is constant, and s0, where both ends tie."""
    rng = np.random.default_rng(6)
    games = boundary_games(1_500, rng)
    s0 = thresholds(games).s0
    for s in (
        rng.random(games.shape),
        np.zeros(games.shape),
        np.ones(games.shape),
        np.where(s0 > 0, s0, 0.5),
    ):
        reply, expected = (
            single_reply(Chain.of(games, s), route, ties),
            best_response(games, route, s),
        )
        cost = payoffs(games, route, s, getattr(expected, ties)).cost
        np.testing.assert_allclose(reply.cost, cost, rtol=1e-9)


TWO_MAXIMA = {  # V = 1: p, t, R, and the global maximum's neighbourhood, q in between
    "inside": (
        [0.2, 0.3, 0.2],
        [0.1, 0.3, 0.3],
        [[0, 0.9, 0.1], [0.8, 0, 0.2], [0, 0.3, 0.7]],
        (0.1, 0.2),
    ),
    "at the end": (
        [0.3, 0.5, 0.3],
        [1, 0.1, 0.4],
        [[0, 0, 1], [0.7, 0, 0.3], [0, 0.8, 0.2]],
        (1, 1),
    ),
}


@pytest.mark.parametrize("name", TWO_MAXIMA)
def test_utility_can_have_two_maxima_and_the_reply_takes_the_better(name: str) -> None:
    p, t, matrix, (low, high) = TWO_MAXIMA[name]
    chain = Chain(1.0, 1.0, p, t, [0.1, 0.2, 0.3], matrix)
    utility = evaluate(chain, 1, Q[:, None]).utility
    assert (
        np.sum((utility[1:-1] > utility[:-2]) & (utility[1:-1] > utility[2:])) == 1
    )  # one maximum inside,
    assert utility[-1] > utility[-2]  # one at q = 1
    reply = single_reply(chain, 1)
    assert low <= reply.abandon[0] <= high
    assert reply.utility >= utility.max()
    assert reply.utility == pytest.approx(utility.max(), abs=1e-6)


@pytest.mark.parametrize("models", [3, 4])
def test_no_q_on_a_grid_is_better(models: int) -> None:
    rng = np.random.default_rng(7)
    chains = random_chains(2_000, models, rng)
    reply = single_reply(chains, 1)
    assert np.mean((reply.abandon > 0) & (reply.abandon < 1)) > 0.03
    best = np.full(2_000, -np.inf)
    for q in Q[::2]:
        best = np.maximum(best, evaluate(chains, 1, q).utility)
    assert (best - reply.utility).max() < 1e-12
    assert (reply.utility - best).max() < 1e-3


def test_a_constant_utility_leaves_q_to_the_provider() -> None:
    """M1 leads to a good and a bad model that cancel: every q ties, and J is bent in q."""
    matrix = [[0, 0.5, 0.5], [0, 1, 0], [0, 0, 1]]
    chain = Chain(1.0, 1.0, [0.2, 0.5, 0.5], [0.1, 0.3, 0.7], [0.1, 0.9, 0.2], matrix)
    grid = evaluate(chain, 1, Q[:, None])
    assert np.ptp(grid.utility) < 1e-15
    assert single_reply(chain, 1).cost == pytest.approx(grid.cost.min(), abs=1e-6)
    assert single_reply(chain, 1, "weak").cost == pytest.approx(grid.cost.max(), abs=1e-6)


# ---- one q for each model ----


@pytest.mark.parametrize("models", [2, 3, 4])
def test_stopping_beats_every_other_rule(models: int) -> None:
    rng = np.random.default_rng(8)
    chains = random_chains(300, models, rng)
    reply = stopping_reply(chains, 1)
    start = np.eye(models)[0] * np.ones((300, 1))
    rules = [*itertools.product([0.0, 1.0], repeat=models), *rng.random((20, models))]
    utilities = np.stack(
        [by_hand([chains], start, np.broadcast_to(q, (300, 1, models)))[0] for q in rules]
    )
    np.testing.assert_allclose(reply.utility, utilities.max(axis=0), rtol=1e-10, atol=1e-12)
    assert (
        reply.utility - single_reply(chains, 1).utility
    ).max() > 0.01  # seeing the model is worth something


def test_stopping_changes_nothing_but_the_mixed_regime() -> None:
    rng = np.random.default_rng(9)
    games = sample_games(N, rng)
    s = rng.random(N)
    chains, expected = Chain.of(games, s), outcome(games, 1, s)
    reply = stopping_reply(chains, 1)
    same = games.regime != "+-"
    np.testing.assert_allclose(reply.cost[same], expected.cost[same], rtol=1e-12)
    mixed, high = ~same, thresholds(games).s_high
    np.testing.assert_array_equal(reply.abandon[mixed], np.stack([s > high, np.ones(N)], -1)[mixed])
    assert (reply.utility - expected.utility).min() > -1e-12


def test_a_tie_after_m1_is_broken_as_asked() -> None:
    game = GAMES["t4-cascade"]
    chain = Chain.of(game, thresholds(game).s0)
    assert stopping_reply(chain, 1, "strong").abandon.tolist() == [0, 0]
    assert stopping_reply(chain, 1, "weak").abandon.tolist() == [1, 0]
    assert single_reply(chain, 1, "strong").abandon == 0
    assert single_reply(chain, 1, "weak").abandon == 1


def test_a_user_who_sees_the_model_ends_the_s_l_cascade_and_keeps_the_s0_cascade() -> None:
    t5, t4 = GAMES["t5-cascade"], GAMES["t4-cascade"]
    assert (solve(t5).rule, solve(t4).rule) == ("s_L", "s0")
    rule, route, s, cost = solve_stopping(t5)
    assert (rule, route, s, cost) == ("stay-1", 1, 0, pytest.approx(0.9))
    rule, route, s, cost = solve_stopping(t4)
    assert (rule, route, s, cost) == ("s0", 1, pytest.approx(4 / 19), pytest.approx(solve(t4).cost))
    grid = np.linspace(0, 1, 2001)
    assert stopping_reply(Chain.of(t5, grid), 1).cost.min() == pytest.approx(0.9)
    assert stopping_reply(Chain.of(t4, grid), 1).cost.min() == pytest.approx(
        solve(t4).cost, rel=1e-3
    )


def test_stopping_equilibria_in_closed_form() -> None:
    rng = np.random.default_rng(10)
    games = sample_games(N, rng)
    answer, same = solve_stopping(games), games.regime != "+-"
    np.testing.assert_allclose(answer.cost[same], solve(games).cost[same], rtol=1e-12)
    games = sample_games(N, rng, "+-")
    answer = solve_stopping(games)
    l1, l2 = games.leaving_cost
    np.testing.assert_array_equal(
        answer.cost, np.minimum(games.cost_of_pass[0], np.minimum(l1, l2))
    )
    assert np.all(answer.cost >= solve(games).cost - 1e-12)  # the single q serves the provider
    reached = stopping_reply(Chain.of(games, answer.cascade), np.eye(2)[answer.route - 1]).cost
    np.testing.assert_allclose(reached, answer.cost, rtol=1e-12)


@pytest.mark.parametrize("boundary", [False, True])
def test_stopping_equilibria_against_grids(boundary: bool) -> None:
    """On 101 points of s the user's best of its four rules, payoffs followed from pass to pass."""
    rng = np.random.default_rng(14)
    games = boundary_games(1_000, rng) if boundary else sample_games(1_000, rng)
    games = games[np.flatnonzero(games.success[0] > 0.2)[:100]]
    cost = np.inf
    for route, s in ((1, np.linspace(0, 1, 101)[:, None]), (2, 0.0)):
        chain, start = Chain.of(games, s), np.eye(2)[route - 1]
        rules = [np.array([q]) for q in itertools.product([0.0, 1.0], repeat=2)]
        utility, costs = np.stack([by_hand([chain], start, q, 170) for q in rules], axis=1)
        favourite = np.where(utility >= utility.max(axis=0) - 1e-12, costs, np.inf).min(axis=0)
        cost = np.minimum(cost, favourite.reshape(-1, 100).min(axis=0))
    answer = solve_stopping(games)
    assert (answer.cost - cost).max() < 1e-11
    exact = answer.rule != "s0"  # the grid misses the cliff
    np.testing.assert_allclose(cost[exact], answer.cost[exact], rtol=1e-11)
    assert np.median((cost - answer.cost)[~exact]) < 0.05


# ---- one q for each round ----


def test_round_reply_beats_every_plan() -> None:
    rng = np.random.default_rng(11)
    n, length = 100, 4
    penalty, discount = rng.uniform(0.1, 3, n), rng.uniform(0.8, 1, n)
    rounds = [random_chains(n, 2, rng) for _ in range(length)]
    rounds = [
        Chain(c.value, penalty, c.success, c.latency, c.cost, c.escalation, discount)
        for c in rounds
    ]
    reply, chain = round_reply(rounds, 1), unroll(rounds)
    direct = evaluate(chain, 1, np.repeat(reply.abandon, 2, axis=-1))
    np.testing.assert_allclose(direct.utility, reply.utility, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(direct.cost, reply.cost, rtol=1e-12)
    for plan in [
        *itertools.product([0.0, 1.0], repeat=length),
        *rng.random((40, length)),
        *np.eye(4)[3] * Q[:, None],
    ]:
        assert (evaluate(chain, 1, np.repeat(plan, 2)).utility - reply.utility).max() < 1e-12


@pytest.mark.parametrize(("ties", "cost"), [("strong", 0.8), ("weak", 1.225)])
def test_rounds_that_bring_nothing_but_rounding_tie(ties: str, cost: float) -> None:
    """M1 is worth its time, M2 and M3 .2 and -.2.

    U = 0 if the user leaves after one round or two, or -7e-18.
    """
    matrix = [[0, 0.5, 0.5], [0, 1, 0], [0, 0, 1]]
    chain = Chain(1.0, 1.0, [0.5, 0.3, 0.2], [0.5, 0.1, 0.4], [0.3, 1.0, 1.2], matrix)
    assert chain.net_value[1] != -chain.net_value[2]
    assert {0.3 + 0.5, 0.3 + 0.25 * (1.0 + 1.2 + 0.7 + 0.8)} == {0.8, 1.225}
    reply = round_reply([chain, chain], 1, ties)
    assert abs(reply.utility) < 1e-16
    assert reply.cost == pytest.approx(cost)


def test_one_round_is_the_single_q() -> None:
    chains = random_chains(100, 3, np.random.default_rng(12))
    for one, other in zip(round_reply([chains], 2), single_reply(chains, 2), strict=True):
        np.testing.assert_allclose(one, other)


def test_a_value_that_falls_ends_the_wait() -> None:
    """value-cheap with half the value gone at each attempt: worth two passes, then p V < t."""
    game = GAMES["value-cheap"]
    rounds = [
        Chain.of(Game(2 * 0.3**r, 1, game.success, game.latency, game.cost), 0.0) for r in range(4)
    ]
    assert [0.5 * 2 * 0.3**r > 0.1 for r in range(4)] == [True, True, False, False]
    assert round_reply(rounds, 1).abandon.tolist() == [0, 1, 1, 1]


def test_a_user_who_counts_attempts_moves_the_cascade() -> None:
    """T5-cascade: the user leaves surely at some attempt; the best J is between .852 and .900."""
    game = GAMES["t5-cascade"]

    def family(s: np.ndarray) -> list[Chain]:
        return [Chain.of(game, s)] * 40

    best = cheapest(family, round_reply, starts=(1, 2))
    assert (best.start, best.parameter) == (1, pytest.approx(0.2086, abs=1e-4))
    assert best.cost == pytest.approx(0.8684, abs=1e-4)
    grid = round_reply(family(np.linspace(0, 1, 2001)), 1)
    assert best.cost <= grid.cost.min() + 1e-12
    assert best.cost == pytest.approx(grid.cost.min(), rel=1e-3)


# ---- the provider ----


@pytest.mark.parametrize(
    "name", ["value-strong", "t4-cascade", "t4-leave-cheap", "t5-cascade", "t5-leave", "t5-reason"]
)
def test_search_finds_the_two_model_equilibria(name: str) -> None:
    game = GAMES[name]
    for reply, cost in (
        (single_reply, solve(game).cost),
        (stopping_reply, solve_stopping(game).cost),
    ):
        best = cheapest(lambda s: Chain.of(game, s), reply, starts=(1, 2))
        assert best.cost == pytest.approx(cost, rel=1e-10)


@pytest.mark.parametrize("reply", [single_reply, stopping_reply])
def test_search_over_three_models_against_a_grid(reply: object) -> None:
    rng = np.random.default_rng(13)
    for _ in range(3):
        one = random_chains(1, 3, rng, discounted=False)

        def family(s: np.ndarray, one: Chain = one) -> Chain:
            matrix = ladder(np.stack([s, s / 2], axis=-1))
            return Chain(
                one.value[0], one.penalty[0], one.success[0], one.latency[0], one.cost[0], matrix
            )

        best = cheapest(family, reply, starts=(1, 2, 3))
        on_grid = min(
            reply(family(np.linspace(0, 1, 1001)), start).cost.min() for start in (1, 2, 3)
        )
        assert best.cost <= on_grid * (1 + 1e-12)
        assert best.cost == pytest.approx(on_grid, rel=1e-2)
        assert reply(family(np.asarray(best.parameter)), best.start).cost == best.cost


# ---- errors ----

GOOD = {
    "value": 1.0,
    "penalty": 1.0,
    "success": [0.3, 0.5],
    "latency": [0.1, 0.2],
    "cost": [0.1, -0.2],
    "escalation": [[0.5, 0.5], [0.0, 1.0]],
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"value": 0.0}, "value must be positive, got 0"),
        ({"penalty": [1.0, -1.0]}, r"penalty must be positive, got -1 at index \(1,\)"),
        ({"success": [0.3, 0.0]}, "success must lie in"),
        ({"latency": [0.1, -0.2]}, "latency must be at least 0"),
        ({"cost": [0.1, np.nan]}, "cost must be finite"),
        ({"discount": 1.1}, "discount must lie in"),
        (
            {"escalation": [[0.5, 0.4], [0.0, 1.0]]},
            r"each row of escalation must sum to 1, got 0.9 at index \(0,\)",
        ),
        ({"escalation": [[1.5, -0.5], [0.0, 1.0]]}, "escalation must hold probabilities"),
        ({"escalation": [[0.5, 0.5]]}, "escalation must be a square matrix"),
        (
            {"escalation": np.zeros((0, 0))},
            r"escalation must be a square matrix .* got shape \(0, 0\)",
        ),
        ({"success": "half"}, "success must be a number or an array of numbers, got 'half'"),
        ({"latency": [[0.1], [0.1, 0.2]]}, "latency must be a number or an array of numbers"),
        ({"success": [0.3, 0.4, 0.5]}, r"shapes must broadcast to \(..., 2\)"),
    ],
)
def test_bad_chains_are_named(change: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Chain(**{**GOOD, **change})


def test_bad_questions_are_named() -> None:
    chain = Chain(**GOOD)
    with pytest.raises(ValueError, match="start must be a model from 1 to 2, got 3"):
        evaluate(chain, 3, 0.0)
    with pytest.raises(ValueError, match="one chance for each of 2 models"):
        evaluate(chain, [1.0, 0.0, 0.0], 0.0)
    with pytest.raises(ValueError, match="sum of start must be 1"):
        evaluate(chain, [0.5, 0.4], 0.0)
    with pytest.raises(ValueError, match="abandon must lie"):
        evaluate(chain, 1, -0.1)
    with pytest.raises(ValueError, match="abandon must broadcast"):
        evaluate(chain, 1, [0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match="chance of at least about 1e-75"):
        single_reply(Chain(**{**GOOD, "success": [1e-90, 0.5], "escalation": np.eye(2)}), 1)
    with pytest.raises(ValueError, match="ties are broken"):
        single_reply(chain, 1, "mine")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least one chain"):
        unroll([])
    with pytest.raises(ValueError, match=r"a sequence of at least one chain, such as \[chain\]"):
        round_reply(chain, 1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="cascade must lie in"):
        ladder([0.5, 1.7])
    with pytest.raises(ValueError, match="cascade must lie in"):
        Chain.of(GAMES["t4-cascade"], -0.1)
    with pytest.raises(ValueError, match="same penalty"):
        round_reply([chain, Chain(**{**GOOD, "penalty": 2.0})], 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"starts": ()}, "the number of starts must be at least 1"),
        ({"pieces": 0}, "pieces must be a whole number, at least 1"),
        ({"low": 0.5, "high": 0.2}, "low must be at most high = 0.2, got 0.5"),
    ],
)
def test_bad_searches_are_named(change: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        cheapest(lambda s: Chain.of(GAMES["t4-cascade"], s), single_reply, **change)


# ---- types and shapes ----


def test_numbers_lists_tensors_and_arrays_of_one_agree() -> None:
    torch = pytest.importorskip("torch")
    game = GAMES["t5-cascade"]
    one = Chain.of(game, 0.4)
    for chain in (Chain.of(game, [0.4]), Chain.of(game, torch.tensor([0.4], dtype=torch.float64))):
        for reply in (single_reply, stopping_reply):
            for single, array in zip(reply(one, 1), reply(chain, 1), strict=True):
                np.testing.assert_array_equal(np.reshape(single, np.shape(array)), array)
        for q in ([0.3], torch.tensor([0.3], dtype=torch.float64), np.array([[0.3]])):
            assert evaluate(chain, 1, q).cost == [evaluate(one, 1, 0.3).cost]
    np.testing.assert_array_equal(ladder(0.4), ladder([0.4]))


def test_no_chains_have_no_replies() -> None:
    none = Chain.of(GAMES["t5-cascade"], np.zeros(0))
    for reply in (single_reply(none, 1), stopping_reply(none, 1), round_reply([none, none], 1)):
        assert reply.cost.shape == (0,)
