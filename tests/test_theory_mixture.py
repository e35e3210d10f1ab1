"""Mixtures of task types: reduced to one type, simulated, judged by grids and as chains."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from games import SHARED, boundary_games
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
from routing_game.theory.chain import Chain
from routing_game.theory.chain_solve import single_reply
from routing_game.theory.mixture import (
    Mixture,
    beta_mixture,
    mixture_payoffs,
    mixture_reply,
    solve_mixture,
)
from routing_game.theory.quadrature import beta_nodes

N = 10_000
Q = np.linspace(0.0, 1.0, 2001)
SCIENCE = SHARED / "reference" / "science.json"


def with_types(games: Game, types: int = 1) -> Game:
    """The same games with a last axis of types, all alike."""

    def many(pair: tuple) -> tuple:
        return tuple(np.repeat(x[:, None], types, axis=1) for x in pair)

    value, penalty, cost = games.value[:, None], games.penalty[:, None], many(games.cost)
    return Game(value, penalty, many(games.success), many(games.latency), cost, ordered=False)


def random_mixtures(n: int, types: int, rng: np.random.Generator) -> Mixture:
    games = with_types(sample_games(n, rng))
    success = tuple(rng.uniform(0.03, 0.97, (n, types)) for _ in range(2))
    return Mixture(dataclasses.replace(games, success=success), rng.dirichlet(np.ones(types), n))


# ---- one type ----


@pytest.mark.parametrize("types", [1, 3])
@pytest.mark.parametrize("route", [1, 2])
def test_equal_types_are_the_paper_s_game(route: int, types: int) -> None:
    rng = np.random.default_rng(0)
    games = sample_games(N, rng)
    s, q = rng.random((2, N))
    mixture = Mixture(with_types(games, types), np.full(types, 1 / types))
    mixed, direct = mixture_payoffs(mixture, route, s, q), payoffs(games, route, s, q)
    for name in ("success", "latency", "service_cost", "cost"):
        np.testing.assert_allclose(getattr(mixed, name), getattr(direct, name), rtol=1e-12)
    gross = games.value * direct.success + direct.latency
    assert (np.abs(mixed.utility - direct.utility) / gross).max() < 1e-12
    reply, expected = mixture_reply(mixture, route, s), outcome(games, route, s)
    strong = best_response(games, route, s).strong
    np.testing.assert_allclose(reply.abandon, strong, rtol=0, atol=1e-12)
    np.testing.assert_allclose(reply.cost, expected.cost, rtol=1e-12)


@pytest.mark.parametrize("ties", ["strong", "weak"])
@pytest.mark.parametrize("route", [1, 2])
def test_and_on_its_ties(route: int, ties: str) -> None:
    """xi_i = 0, where U is constant, and s0, where both ends tie."""
    rng = np.random.default_rng(1)
    games = boundary_games(1_500, rng)
    mixture, s0 = Mixture(with_types(games), [1.0]), thresholds(games).s0
    for s in (
        rng.random(games.shape),
        np.zeros(games.shape),
        np.ones(games.shape),
        np.where(s0 > 0, s0, 0.5),
    ):
        reply, expected = mixture_reply(mixture, route, s, ties), best_response(games, route, s)
        cost = payoffs(games, route, s, getattr(expected, ties)).cost
        np.testing.assert_allclose(reply.cost, cost, rtol=1e-9)


def test_the_optimum_of_one_type_is_the_equilibrium() -> None:
    games = sample_games(300, np.random.default_rng(2))
    answer, eq = solve_mixture(Mixture(with_types(games), [1.0])), solve(games)
    # a tie counts to 1e-12, times the slope of J
    np.testing.assert_allclose(answer.cost, eq.cost, rtol=1e-11)
    for name in ("t4-cascade", "t5-cascade"):
        game, eq = GAMES[name], solve(GAMES[name])
        answer = solve_mixture(beta_mixture(game, (0.0, 0.0)))
        assert (answer.route, answer.abandon) == (eq.route, eq.abandon)
        assert (answer.cascade, answer.cost) == (
            pytest.approx(eq.cascade[0]),
            pytest.approx(eq.cost, rel=1e-11),
        )


# ---- Beta types ----


@pytest.mark.parametrize(
    ("mean", "rho"),
    [(0.5, 0.78), (0.3, 0.5), (0.5, 0.5), (0.5, 1 / 3), (0.2, 0.1), (0.9, 0.95)],
)
def test_quadrature_has_the_moments_of_the_beta_distribution(mean: float, rho: float) -> None:
    total = 1 / rho - 1
    for nodes in (1, 2, 5, 24):
        p, w = beta_nodes(mean, rho, nodes)
        moment = 1.0
        for m in range(2 * nodes):
            assert (w * p**m).sum() == pytest.approx(moment, rel=1e-12)
            moment *= (mean * total + m) / (total + m)


def test_the_summary_numbers() -> None:
    game = GAMES["t5-cascade"]
    mixture = beta_mixture(game, (0.4, 0.7), common=0.6)
    assert mixture.rho == pytest.approx((0.4, 0.7))
    for i, (p, rho) in enumerate(zip(game.success, (0.4, 0.7), strict=True), start=1):
        for m in range(4):
            assert mixture.success_after(i, m) == pytest.approx(p * (1 - rho) / (1 - rho + m * rho))
    kappas = [beta_mixture(game, (0.4, 0.7), common).kappa for common in (0.0, 0.5, 1.0)]
    assert kappas[0] == pytest.approx(1)
    assert kappas[1] == pytest.approx((kappas[0] + kappas[2]) / 2)
    assert kappas[2] < 0.9


def test_a_common_difficulty_matches_quantiles() -> None:
    """kappa of the matched nodes against the same quantile of two continuous Beta distributions."""
    (p1, p2), rho = (0.4, 0.7), (0.3, 0.5)
    u = (np.arange(200_000) + 0.5) / 200_000
    shapes = [(p * (1 / r - 1), (1 - p) * (1 / r - 1)) for p, r in zip((p1, p2), rho, strict=True)]
    x1, x2 = (stats.beta.ppf(u, *ab) for ab in shapes)
    kappa = ((1 - x1) * x2).mean() / ((1 - p1) * p2)
    game = dataclasses.replace(GAMES["t5-cascade"], success=(p1, p2))
    errors = [abs(beta_mixture(game, rho, nodes=n).kappa - kappa) for n in (6, 12, 24, 48)]
    assert errors[2] < 2e-3
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("common", [0.0, 1.0])
def test_simulation_with_continuous_difficulty(common: float) -> None:
    """Tasks drawn from the Beta distributions themselves, pass by pass: 4 standard errors."""
    rng = np.random.default_rng(3)
    rho, tasks, scores = (0.25, 0.4), 20_000, []
    for name in ("value-cheap", "t4-cascade", "t5-cascade"):
        game = GAMES[name]
        mixture = beta_mixture(game, rho, common, nodes=48)
        for route, s, q in ((1, 0.3, 0.25), (1, 0.9, 0.6), (2, 0.0, 0.3)):
            u = rng.random((2, tasks))
            u[1] = u[0] if common else u[1]
            pairs = zip(game.success, rho, strict=True)
            shapes = [(p * (1 / r - 1), (1 - p) * (1 / r - 1)) for p, r in pairs]
            difficulty = np.stack([stats.beta.ppf(x, *ab) for x, ab in zip(u, shapes, strict=True)])
            utility, cost = simulate(game, difficulty, route, s, q, rng)
            expected = mixture_payoffs(mixture, route, s, q)
            for sample, mean in ((utility, expected.utility), (cost, expected.cost)):
                scores.append((sample.mean() - mean) / (sample.std(ddof=1) / np.sqrt(tasks)))
    assert np.abs(scores).max() < 4
    assert np.std(scores) == pytest.approx(1.0, abs=0.45)


def simulate(
    game: Game,
    p: np.ndarray,
    route: int,
    s: float,
    q: float,
    rng: np.random.Generator,
) -> tuple:
    tasks = p.shape[1]
    model, active = np.full(tasks, route - 1), np.ones(tasks, dtype=bool)
    utility, cost = np.zeros(tasks), np.zeros(tasks)
    while active.any():
        solved = active & (rng.random(tasks) < p[model, np.arange(tasks)])
        left = active & ~solved & (rng.random(tasks) < q)
        utility += game.value * solved - active * np.asarray(game.latency)[model]
        cost += active * np.asarray(game.cost)[model] + game.penalty * left
        active &= ~solved & ~left
        model = np.where(active & (rng.random(tasks) < s), 1, model)
    return utility, cost


def test_more_nodes_change_nothing_unless_the_user_waits_for_ever() -> None:
    few, many = (beta_mixture(GAMES["t5-stay"], (0.6, 0.6), nodes=n) for n in (32, 64))
    by_few, by_many = (mixture_payoffs(mixture, 2, 0.0, [0.3, 0.0]) for mixture in (few, many))
    assert by_few.cost[0] == pytest.approx(by_many.cost[0], rel=1e-8)
    assert by_many.latency[1] > 1.5 * by_few.latency[1]  # a < 1


@pytest.mark.skipif(not (SHARED / "data").exists(), reason="the measured records are not here")
def test_a_beta_mixture_predicts_the_third_attempt() -> None:
    """(p, rho) from two of three samples of a prompt, nine models; independence errs by half."""
    polars = pytest.importorskip("polars")
    table = polars.read_parquet(SHARED / "data" / "reasoning_gym_attempts.parquet")
    table = table.filter((polars.col("n") == 3) & (polars.col("level") == "easy"))
    errors, independent = [], []
    for _, rows in table.group_by("model"):
        solved = np.array([list(o) for o in rows["outcomes"]]) == "1"
        p = solved[:, :2].mean()
        rho = ((solved[:, 0] & solved[:, 1]).mean() - p**2) / (p * (1 - p))
        failed_twice = ~solved[:, 0] & ~solved[:, 1]
        third = solved[failed_twice, 2].mean()
        game = Game(1, 1, (p, 0.9), (0.1, 0.2), (0.1, 0.2), ordered=False)
        errors.append(abs(beta_mixture(game, (rho, 0.0)).success_after(1, 2) - third))
        independent.append(abs(p - third))
    assert len(errors) == 9
    assert max(errors) < 0.02
    assert np.median(independent) > 0.4


# ---- replies and optima ----


@pytest.mark.parametrize("route", [1, 2])
def test_no_q_on_a_grid_is_better(route: int) -> None:
    rng = np.random.default_rng(4)
    mixtures, s = random_mixtures(2_000, 3, rng), rng.random(2_000)
    reply = mixture_reply(mixtures, route, s)
    assert np.mean((reply.abandon > 0) & (reply.abandon < 1)) > 0.03  # on route 2 as well
    best = np.full(2_000, -np.inf)
    for q in Q[::2]:
        best = np.maximum(best, mixture_payoffs(mixtures, route, s, q).utility)
    assert (best - reply.utility).max() < 1e-12


@pytest.mark.parametrize("route", [1, 2])
@pytest.mark.parametrize("kind", ["needles", "needles of little worth", "rare and hard"])
def test_the_better_of_two_peaks_is_found_however_narrow(kind: str, route: int) -> None:
    """Judged by a grid of q that is even in its logarithm."""
    rng = np.random.default_rng(8)
    if kind == "rare and hard":
        mixtures, s = rare_hard_tasks(300, rng), 10.0 ** rng.uniform(-6, 0, 300)
    else:
        mixtures, s = needles(300, rng, 1.0 if kind == "needles" else 1e-6), rng.random(300)
    reply = mixture_reply(mixtures, route, s)
    grid = np.concatenate([[0.0], np.geomspace(1e-13, 1.0, 1501)])
    best = utilities(mixtures, route, s, grid).max(axis=0)
    assert (best - reply.utility).max() < 1e-13
    assert (reply.utility - best).max() < 1e-5
    if kind != "rare and hard":  # a grid of 129 q, dense at its ends, sees the lower peak only
        coarse = np.sin(np.linspace(0, np.pi / 2, 129)) ** 2
        k = utilities(mixtures, route, s, coarse).argmax(axis=0)
        low, high = coarse[np.maximum(k - 1, 0)], coarse[np.minimum(k + 1, 128)]
        assert np.sum((reply.abandon < low) | (reply.abandon > high)) > 30


def utilities(mixtures: Mixture, route: int, s: np.ndarray, grid: np.ndarray) -> np.ndarray:
    return np.stack([mixture_payoffs(mixtures, route, s, q).utility for q in grid])


def needles(n: int, rng: np.random.Generator, worth: float = 1.0) -> Mixture:
    """Easy tasks not worth a second pass, hard ones worth a million, and hopeless ones.

    U has a peak at q = 1 and another, often the better, between 1e-9 and 1e-6. With a small worth
    both the loss on easy tasks and the gain on hard ones are small.
    """
    easy, hard, hopeless = rng.uniform(0.2, 0.6, n), *(10.0 ** rng.uniform(*x, n) for x in HARD)
    success = np.stack([1 - worth * (1 - easy), hard, hopeless], axis=-1)
    share = 10.0 ** np.stack([np.zeros(n), rng.uniform(-1, -0.3, n), rng.uniform(-3, -2, n)], -1)
    share[:, 1:] *= worth
    time = 10.0 ** np.stack([rng.uniform(0.05, 0.18, n), *(rng.uniform(*x, n) for x in TIME)], -1)
    second = 2 * success / (1 + success)
    game = Game(1, 1, (success, second), (success * time, second * time), (0.1, 0.3), ordered=False)
    return Mixture(game, share / share.sum(axis=1, keepdims=True))


HARD = (-6.5, -5), (-10, -8.5)  # powers of ten: p
TIME = (-0.7, -0.1), (1, 3)  # and t / (V p)


def rare_hard_tasks(n: int, rng: np.random.Generator, types: int = 4) -> Mixture:
    """Success from 1e-6 to .9, the rarer the harder; models are worth their time on some types."""
    success = tuple(10.0 ** rng.uniform(-6, -0.05, (n, types)) for _ in range(2))
    weight = success[0] ** rng.uniform(0, 1.2, (n, 1)) * rng.random((n, types))
    latency = tuple(p * rng.choice([0.2, 0.8, 1.1, 1.5, 3.0], (n, types)) for p in success)
    game = Game(1, 1, success, latency, (0.1, 0.3), ordered=False)
    return Mixture(game, weight / weight.sum(axis=1, keepdims=True))


@pytest.mark.skipif(not SCIENCE.exists(), reason="the reference answers are not here")
@pytest.mark.parametrize("name", ["three_types", "four_types"])
def test_reference_replies_and_optima(name: str) -> None:
    """By other code: replies to 1e-12; it searched s on grids, which find an optimum to 1e-6."""
    types = json.loads(SCIENCE.read_text(encoding="utf-8"))["B_correlated"][name]
    success = tuple(np.array(types[p]) for p in ("p1", "p2"))
    for row in types["cells"]:
        latency, cost = tuple(types["t"]), tuple(types["c"])
        game = Game(row["V"], row["P"], success, latency, cost, ordered=False)
        mixture = Mixture(game, types["w"])
        commitments = [key for key in row if "," in key]
        assert len(commitments) >= 4
        for key in commitments:
            route, s = key.split(",")
            reply, expected = mixture_reply(mixture, int(route), float(s)), row[key]
            assert reply.abandon == pytest.approx(expected["q"], abs=1e-12)
            assert reply.utility == pytest.approx(expected["U"], rel=1e-12)
            assert reply.cost == pytest.approx(expected["J"], rel=1e-12)
        four = name == "four_types"
        s, cost = row["best_stationary"] if four else row["optimum"]["stationary"][:2]
        best = solve_mixture(mixture)
        assert (best.cascade, best.cost) == (
            pytest.approx(s, abs=1e-6),
            pytest.approx(cost, rel=1e-6),
        )
    if name == "four_types":
        assert mixture.rho == pytest.approx(types["rho"], rel=1e-12)
        assert mixture.kappa == pytest.approx(types["kappa"], rel=1e-12)


@pytest.mark.parametrize("route", [1, 2])
def test_the_chain_of_all_types_has_the_same_certified_reply(route: int) -> None:
    """A mixture is a chain too: a model of each type, and no way between types."""
    rng = np.random.default_rng(5)
    n, types = 300, 3
    mixtures, s = random_mixtures(n, types, rng), rng.random(n)
    game = mixtures.game
    p, t, c = (
        np.stack(np.broadcast_arrays(*pair, np.ones((n, types)))[:2], axis=-1).reshape(n, 2 * types)
        for pair in (game.success, game.latency, game.cost)
    )
    matrix = np.zeros((n, types, 2, types, 2))
    for x in range(types):
        matrix[:, x, 0, x, 0], matrix[:, x, 0, x, 1], matrix[:, x, 1, x, 1] = 1 - s, s, 1
    start = np.zeros((n, types, 2))
    start[..., route - 1] = mixtures.weight
    chain = Chain(game.value, game.penalty[:, 0], p, t, c, matrix.reshape(n, 2 * types, 2 * types))
    certified = single_reply(chain, start.reshape(n, 2 * types))
    reply = mixture_reply(mixtures, route, s)
    np.testing.assert_allclose(reply.utility, certified.utility, rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(reply.abandon, certified.abandon[:, 0], atol=1e-8)
    np.testing.assert_allclose(reply.cost, certified.cost, rtol=1e-8)


def test_the_optimum_against_a_nested_search() -> None:
    """No reply function: nested grids of s, down to the cliff, and of q at each s."""
    n = 12
    mixtures = random_mixtures(n, 3, np.random.default_rng(6))
    answer = solve_mixture(mixtures)
    best = cost_by_search(mixtures, 2, np.zeros(n))
    low, high = np.zeros(n), np.ones(n)
    for points in (129, *[33] * 8):
        grid = np.linspace(low, high, points)
        costs = np.stack([cost_by_search(mixtures, 1, s) for s in grid])
        s = grid[costs.argmin(axis=0), np.arange(n)]
        best = np.minimum(best, costs.min(axis=0))
        step = (high - low) / (points - 1)
        low, high = np.maximum(s - step, 0), np.minimum(s + step, 1)
    # from values of U alone the search knows the q of a peak to 1e-8
    np.testing.assert_allclose(answer.cost, best, rtol=1e-8)
    again = mixture_payoffs(mixtures, answer.route, answer.cascade, answer.abandon)
    np.testing.assert_allclose(again.cost, answer.cost, rtol=1e-12)
    assert np.sum((answer.cascade > 0) & (answer.cascade < 1)) >= 3


def cost_by_search(mixtures: Mixture, route: int, s: np.ndarray) -> np.ndarray:
    """J at the q with the largest U, by nested grids; of an end and a point beside it the end."""
    low, high = np.zeros_like(s), np.ones_like(s)
    for points in (201, *[9] * 16):
        q = np.linspace(low, high, points)
        result = mixture_payoffs(mixtures, route, s, q)
        pick = result.utility.argmax(axis=0)[None]
        at, cost = (np.take_along_axis(x, pick, axis=0)[0] for x in (q, result.cost))
        step = (high - low) / (points - 1)
        low, high = np.maximum(at - step, 0), np.minimum(at + step, 1)
    return cost


@pytest.mark.parametrize("kind", ["alike", "rare and hard"])
def test_no_exact_reply_to_a_finer_grid_is_cheaper(kind: str) -> None:
    rng = np.random.default_rng(7)
    mixtures = random_mixtures(60, 3, rng) if kind == "alike" else rare_hard_tasks(30, rng)
    least = mixture_reply(mixtures, 2, 0.0).cost
    grid = np.concatenate([np.linspace(0, 1, 301), np.geomspace(1e-6, 0.01, 59)])
    for s in grid.reshape(12, 30, 1):
        least = np.minimum(least, np.min(mixture_reply(mixtures, 1, s).cost, axis=0))
    assert (solve_mixture(mixtures).cost / least - 1).max() < 1e-12


def test_a_dip_between_a_level_stretch_and_a_cliff_is_found() -> None:
    """Up to s = .1999 the user leaves at once, then a little less, until at .20126 it stays on."""
    p1, p2 = np.array([1.63e-3, 3.76e-3, 0.447, 1.67e-4]), np.array([9.08e-3, 0.198, 6e-3, 0.0344])
    game = Game(1.0, 14.0, (p1, p2), (0.164, 0.0126), (0.719, 4.78), ordered=False)
    mixture = Mixture(game, [0.0527, 0.0993, 0.491, 0.357])
    before, dip, beyond = (mixture_reply(mixture, 1, s) for s in (0.19, 0.2012, 0.2013))
    assert before.abandon == 1
    assert dip.cost < before.cost < beyond.cost / 5
    best = solve_mixture(mixture)
    assert best.cascade == pytest.approx(0.201259, abs=1e-6)
    assert best.cost < dip.cost


def test_a_constant_utility_leaves_q_to_the_provider() -> None:
    """Every type with xi1 = xi2 = 0: J is bent in q, its least or its largest point inside."""
    p1, p2 = np.array([0.1, 0.9]), np.array([0.2, 0.95])
    mixture = Mixture(Game(1, 1, (p1, p2), (p1, p2), (0.25, 0.5), ordered=False), [0.5, 0.5])
    for route, s in ((1, 0.0), (1, 0.4), (2, 0.0)):
        grid = mixture_payoffs(mixture, route, s, Q)
        assert np.ptp(grid.utility) < 1e-15
        assert mixture_reply(mixture, route, s).cost == pytest.approx(grid.cost.min(), abs=1e-6)
        weak = mixture_reply(mixture, route, s, "weak")
        assert weak.cost == pytest.approx(grid.cost.max(), abs=1e-6)


# ---- where it matters ----


def test_half_easy_half_hard_changes_the_user_and_the_provider() -> None:
    """value-cheap, same averages: on hard tasks a pass is not worth its time, and failing tells."""
    game = GAMES["value-cheap"]
    mixture = Mixture(dataclasses.replace(game, success=([0.96, 0.04], [0.99, 0.61])), [0.5, 0.5])
    assert mixture.average(mixture.game.success[0]) == pytest.approx(game.success[0])
    assert mixture.average(mixture.game.success[1]) == pytest.approx(game.success[1])
    assert best_response(game, 1, 0.0).strong == 0
    assert mixture_reply(mixture, 1, 0.0).abandon > 0.3
    eq, answer = solve(game), solve_mixture(mixture)
    assert (eq.rule, eq.cost) == ("stay-1", pytest.approx(0.4))
    assert answer.route == 1
    assert answer.cascade > 0.05  # now escalation pays: it rescues hard tasks
    assert answer.cost > 1.3 * eq.cost


def same_quantile(game: Game, rho: float, points: int = 160) -> Mixture:
    """A common Beta difficulty by its definition: both models at the same quantile.

    Gauss-Legendre in z, of which the quantile is a polynomial that is flat at both ends, where the
    difficulties are steep.
    """
    z, weight = np.polynomial.legendre.leggauss(points)
    z, weight = (z + 1) / 2, weight / 2
    u, weight = z**3 * (10 - 15 * z + 6 * z * z), 30 * (z * (1 - z)) ** 2 * weight
    total = 1 / rho - 1
    success = tuple(stats.beta.ppf(u, p * total, (1 - p) * total) for p in game.success)
    return Mixture(dataclasses.replace(game, success=success, ordered=False), weight / weight.sum())


@pytest.mark.parametrize("game", ["t4-cascade", "t5-cascade"])
@pytest.mark.parametrize("rho", [0.05, 0.2])
def test_the_page_shows_the_optima_of_a_common_difficulty(game: str, rho: float) -> None:
    """Every digit of s and J* on the page of extensions, by another quadrature than its own."""
    page = (Path(__file__).parents[1] / "docs" / "extensions.md").read_text(encoding="utf-8")
    answer = solve_mixture(same_quantile(GAMES[game], rho))
    shown = "$(2, \\cdot)$, user leaves"
    if answer.route == 1:
        shown = f"$(1, {answer.cascade:.3f})$".replace("0.", ".")
    else:
        assert answer.abandon == 1
    cost = f"{answer.cost:.3f}".removeprefix("0")
    start = f"| {rho:g}".replace("0.", ".")
    table = page.split("common Beta difficulty, ")[1].split("\n\n")[1]
    cells = next(row.split("|") for row in table.splitlines() if row.startswith(start))
    column = {"t4-cascade": 4, "t5-cascade": 2}[game]
    assert (cells[column].strip(), cells[column + 1].strip()) == (shown, cost)
    start = f"| retries correlate, $\\rho = {rho:g}".replace("0.", ".")
    first = next(row for row in page.splitlines() if row.startswith(start))
    assert shown.replace(", user", " and the user") + f", {cost}" in first


def test_a_little_correlation_moves_the_s_l_cascade_and_some_more_ends_it() -> None:
    """T5-cascade, common Beta difficulty."""
    game = GAMES["t5-cascade"]
    costs = {r: solve_mixture(beta_mixture(game, (r, r), nodes=96)) for r in (0.0, 0.05, 0.2)}
    assert costs[0.0].cascade == pytest.approx(0.3518, abs=1e-4)
    assert costs[0.05].cascade == pytest.approx(0.18666, abs=1e-4)
    assert (costs[0.2].route, costs[0.2].abandon, costs[0.2].cost) == (2, 1, pytest.approx(1.4))


def test_leaving_reasoning_with_some_chance_becomes_optimal() -> None:
    """t4-reason: of one type the user stays with M2; of many it leaves sometimes, then always."""
    game = GAMES["t4-reason"]
    mixtures = [beta_mixture(game, (0.3, rho)) for rho in (0.0, 0.2, 0.5)]
    replies = [mixture_reply(mixture, 2, 0.0).abandon for mixture in mixtures]
    assert replies[0] == 0
    assert 0.05 < replies[1] < 0.5
    assert replies[2] == 1


# ---- types and shapes ----


def test_numbers_lists_tensors_and_arrays_of_one_agree() -> None:
    torch = pytest.importorskip("torch")
    mixture = beta_mixture(GAMES["t5-cascade"], (0.1, 0.2), nodes=4)
    one = Mixture(Game.stack([GAMES["t5-cascade"]])[:, None], [[1.0]])
    table = mixture_reply(mixture, [1, 2], [[0.1], [0.2]])
    s = torch.tensor([[0.1], [0.2]], dtype=torch.float64)
    tensors = mixture_reply(mixture, torch.tensor([1, 2]), s)
    assert table.abandon.shape == (2, 2)
    for name in ("abandon", "utility", "cost"):
        values = getattr(table, name)
        np.testing.assert_array_equal(values, getattr(tensors, name))
        for row, s in enumerate((0.1, 0.2)):
            for column, route in enumerate((1, 2)):
                single = getattr(mixture_reply(mixture, route, s), name)
                assert values[row, column] == pytest.approx(single, rel=1e-14)
    single, array = solve_mixture(Mixture(one.game[0], [1.0])), solve_mixture(one)
    assert array.cost.shape == (1,)
    assert (array.route[0], array.cascade[0], array.cost[0]) == (
        single.route,
        single.cascade,
        single.cost,
    )
    assert isinstance(single.cost, float)


def test_no_mixtures_have_no_replies() -> None:
    game = Game(np.ones((0, 1)), 1, (0.3, 0.8), (0.1, 0.2), (0.1, 0.2))
    none = Mixture(game, np.full((0, 2), 0.5))
    assert mixture_reply(none, 1, 0.3).abandon.shape == (0,)
    assert solve_mixture(none).cost.shape == (0,)


# ---- errors ----


def test_bad_mixtures_are_named() -> None:
    game = GAMES["t4-cascade"]
    types = dataclasses.replace(game, success=([0.2, 0.4], [0.7, 0.9]))
    with pytest.raises(ValueError, match="last axis of game and weight must be the task types"):
        Mixture(game, [1.0])
    with pytest.raises(ValueError, match="last axis of game and weight must be the task types"):
        Mixture(types, [0.2, 0.3, 0.5])
    with pytest.raises(ValueError, match="the sum of weights must be 1, got 0.9"):
        Mixture(types, [0.5, 0.4])
    with pytest.raises(ValueError, match=r"weight must be at least 0, got -0.5 at index \(1,\)"):
        Mixture(types, [1.5, -0.5])
    with pytest.raises(ValueError, match="must broadcast"):
        Mixture(with_types(sample_games(3, np.random.default_rng(0)), 2), np.full((4, 2), 0.5))
    with pytest.raises(ValueError, match="rho must lie"):
        beta_mixture(game, (1.0, 0.5))
    with pytest.raises(ValueError, match="common must lie"):
        beta_mixture(game, (0.1, 0.5), common=2.0)
    with pytest.raises(ValueError, match="nodes must be a whole number, at least 1"):
        beta_mixture(game, (0.1, 0.5), nodes=0)
    with pytest.raises(ValueError, match="nodes must be a whole number, at least 1, got 2.5"):
        beta_mixture(game, (0.1, 0.5), nodes=2.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="rho must be a pair"):
        beta_mixture(game, 0.3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="takes a single game"):
        beta_mixture(types, (0.1, 0.5))
    mixture = Mixture(types, [0.5, 0.5])
    with pytest.raises(ValueError, match="model must be a whole number, at least 1, got 0"):
        mixture.success_after(0, 1)
    with pytest.raises(ValueError, match="failures must be a whole number, at least 0, got -1"):
        mixture.success_after(1, -1)
    with pytest.raises(ValueError, match="cascade must lie"):
        mixture_reply(mixture, 1, 1.7)
    with pytest.raises(ValueError, match="abandon must lie"):
        mixture_payoffs(mixture, 1, 0.3, 1.7)
    with pytest.raises(ValueError, match=r"must broadcast against the mixtures' shape \(\)"):
        mixture_payoffs(mixture, 1, [0.3, 0.2], [0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match="points must be a whole number, at least 2"):
        solve_mixture(mixture, points=0)
    with pytest.raises(ValueError, match="route must be 1"):
        mixture_reply(Mixture(types, [0.5, 0.5]), 3, 0.0)
    with pytest.raises(ValueError, match="ties are broken"):
        mixture_reply(Mixture(types, [0.5, 0.5]), 1, 0.0, "mine")  # type: ignore[arg-type]


def test_weights_are_shares_of_each_mixture_of_an_array() -> None:
    """Two mixtures of three types: each row sums to 1; columns need not, and may not do instead."""
    types = GAMES["t4-cascade"]
    game = Game(1.0, 1.5, ([0.2, 0.3, 0.4], types.success[1]), types.latency, types.cost)
    assert Mixture(game, [[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]]).shape == (2,)
    with pytest.raises(ValueError, match="the sum of weights"):
        Mixture(game, [[0.5, 0.5, 0.5], [0.5, 0.5, 0.5]])
