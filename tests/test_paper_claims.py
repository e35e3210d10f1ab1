"""Every numbered claim of the paper over 10^5 random games, and the completed solution attacked by a directed search.

A claim is written here as the paper states it (corrected where docs/errata.md says so) and judged by the absorbing
chain on grids, never by the solver. Between two values of q where the claim under test says that only those can be
optimal, the user's reply is picked by the chain too.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from routing_game.theory import Game, best_response, sample_games, solve, thresholds, throttle
from routing_game.theory.certify import best_response_gap, judge, values
from routing_game.theory.frequencies import PRIORS, frequencies
from routing_game.theory.welfare import forced_throttling

PAGE = Path(__file__).parents[1] / "docs" / "theory.md"
N = 100_000
EXACT = 1e-11  # relative; what rounding leaves of an exact zero
Reply = Callable[[int, Any], Any]


def draw(regime: str | None, seed: int, n: int = N) -> Game:
    return sample_games(n, np.random.default_rng(seed), regime)


def blocks(games: Game, *arrays: Any, size: int = 10_000) -> Iterator[tuple[Any, ...]]:
    """Parts that fit the cache."""
    full = [np.broadcast_to(x, games.shape) for x in arrays]
    for start in range(0, games.shape[0], size):
        part = slice(start, start + size)
        yield games[part], *(x[part] for x in full)


def stay_or_leave(game: Game) -> Reply:
    """The better of q = 0 and q = 1 by the chain; enough wherever a best response is one of them."""

    def reply(route: int, s: Any) -> Any:
        return np.where(values(game, route, s, 1.0)[0] > values(game, route, s, 0.0)[0], 1.0, 0.0)

    return reply


def formula(game: Game) -> Reply:
    """The best response as a formula; `test_theorem_2_mixed_reply` holds it against the chain."""
    return lambda route, s: best_response(game, route, s).strong


def assert_best_reply(games: Game, route: int, s: Any, q: Any) -> None:
    for block, s_block, q_block in blocks(games, s, q):
        assert best_response_gap(block, route, s_block, q_block).max() < EXACT


def assert_optimal(
    games: Game,
    route: int,
    s: Any,
    q: Any,
    follower: Callable[[Game], Reply],
    points: int = 51,
) -> Any:
    """No commitment on a grid is cheaper than (i, s, q), whose cost is returned.

    Of all games with a quick follower; of the first thousand by the judge, which asks nobody.
    """
    assert games.shape[0] > 100  # the case occurs
    assert_best_reply(games, route, s, q)
    cost = values(games, route, s, q)[1]
    few = slice(0, 1000)
    s, q = (np.broadcast_to(x, games.shape) for x in (s, q))
    verdict = judge(games[few], route, s[few], q[few], cost[few], points)
    assert verdict.right.all()
    for block, claimed in blocks(games, cost):
        reply = follower(block)
        best = values(block, 2, 0.0, reply(2, 0.0))[1]
        for point in np.linspace(0, 1, points):
            best = np.minimum(best, values(block, 1, point, reply(1, point))[1])
        assert (claimed - best <= EXACT * claimed).all()
    return cost


def split(games: Game, *conditions: Any) -> list[Game]:
    """The games of each case of a theorem; the cases exclude each other and leave nothing out."""
    assert (np.sum(conditions, axis=0) == 1).all()
    return [games[np.flatnonzero(condition)] for condition in conditions]


def between(low: Any, high: Any, seed: int) -> Any:
    return low + (high - low) * np.random.default_rng(seed).random(np.shape(high))


def staying_cost(game: Game, s: Any) -> Any:
    return values(game, 1, s, 0.0)[1]


def price_of_success(game: Game) -> Any:
    """d = (c2 - c1) / (p2 - p1), the money that one more success costs."""
    return (game.cost[1] - game.cost[0]) / (game.success[1] - game.success[0])


def test_the_page_names_every_claim_and_only_tests_that_exist() -> None:
    there = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text(encoding="utf-8")))
    assert named <= set(re.findall(r"^def (test_\w+)", there, re.MULTILINE))
    claims = {name for name in globals() if re.match(r"test_(lemma|theorem|proposition|completed)", name)}
    assert claims <= named


# ------------------------------------------------------------------------------------- the user: Theorems 1 and 2


def test_theorem_1_route_2() -> None:
    """On route 2 the user stays if M2 is value-dominated and leaves if it is latency-dominated."""
    games = draw(None, 1)
    assert_best_reply(games, 2, 0.0, np.where(games.net_value[1] < 0, 1.0, 0.0))


@pytest.mark.parametrize(("regime", "q"), [("++", 0.0), ("--", 1.0)])
def test_theorem_1_same_sign(regime: str, q: float) -> None:
    """Both models value-dominated: always stay. Both latency-dominated: always leave. Whatever s."""
    games = draw(regime, 2)
    for s in (0.0, 1.0, between(0, np.ones(N), 3)):
        assert_best_reply(games, 1, s, q)


def test_theorem_2_single_threshold() -> None:
    """xi1 < 0 < xi2: leave below s0 = -xi1 / (xi2 / p2 - xi1), stay above; at s0 both tie, and nothing between."""
    games = draw("-+", 4)
    xi1, xi2 = games.net_value
    s0 = -xi1 / (xi2 / games.success[1] - xi1)
    assert ((s0 > 0) & (s0 < 1)).all()
    assert_best_reply(games, 1, between(0, s0, 5), 1.0)
    assert_best_reply(games, 1, between(1, s0, 6), 0.0)
    stay, leave, middle = (values(games, 1, s0, q)[0] for q in (0.0, 1.0, 0.5))
    np.testing.assert_allclose(stay, leave, atol=1e-9)
    assert (middle < stay).all()


def test_theorem_2_two_thresholds() -> None:
    """xi1 > 0 > xi2: there are s_L < s_H; the user stays up to s_L and leaves from s_H = xi1 / (xi1 - xi2) on."""
    games = draw("+-", 7)
    xi1, xi2 = games.net_value
    s_low, s_high = thresholds(games).s_low, xi1 / (xi1 - xi2)
    assert ((s_low > 0) & (s_low < s_high) & (s_high < 1)).all()
    assert_best_reply(games, 1, between(0, s_low, 8), 0.0)
    assert_best_reply(games, 1, between(1, s_high, 9), 1.0)
    inside = games[np.flatnonzero(s_high - s_low > 1e-3)]
    low, high = thresholds(inside).s_low + 1e-4, thresholds(inside).s_high - 1e-4
    step = 1e-7  # just inside the thresholds a little leaving, or a little staying, is better: both are sharp
    assert (values(inside, 1, low, step)[0] > values(inside, 1, low, 0.0)[0]).all()
    assert (values(inside, 1, high, 1 - step)[0] > values(inside, 1, high, 1.0)[0]).all()


def test_theorem_2_mixed_reply() -> None:
    """xi1 > 0 > xi2, s_L < s < s_H: one reply q_dagger strictly between 0 and 1, and it rises with s."""
    games = draw("+-", 10)
    _, s_low, s_high = thresholds(games)
    earlier = np.full(N, 0.0)
    for share in np.linspace(0.05, 0.95, 10):
        s = s_low + share * (s_high - s_low)
        q = best_response(games, 1, s).low
        assert ((q > earlier) & (q < 1)).all()
        earlier = q
        assert_best_reply(games, 1, s, q)


# --------------------------------------------------------------------------- the provider: Lemma 1, Theorems 3 to 5


def test_lemma_1() -> None:
    """At a fixed q, J1(s, q) lies between J1(0, q) and J2(q), and moves from the one towards the other as s rises."""
    games = draw(None, 11)
    q = between(0, np.ones(N), 12)
    never, reasoning = values(games, 1, 0.0, q)[1], values(games, 2, 0.0, q)[1]
    last = never
    for s in np.linspace(0.05, 1, 20):
        cost = values(games, 1, s, q)[1]
        assert ((cost - last) * np.sign(reasoning - never) >= -EXACT * cost).all()
        last = cost
    assert ((reasoning - last) * np.sign(reasoning - never) >= -EXACT * last).all()


def test_theorem_3_value_dominated() -> None:
    """Both value-dominated: never cascade, serve with the cheaper model until it succeeds; J* = min(cp1, cp2)."""
    games = draw("++", 13)
    cp1, cp2 = games.cost_of_pass
    first, second = split(games, cp1 < cp2, cp1 >= cp2)
    assert assert_optimal(first, 1, 0.0, 0.0, stay_or_leave) == pytest.approx(first.cost_of_pass[0])
    assert assert_optimal(second, 2, 0.0, 0.0, stay_or_leave) == pytest.approx(second.cost_of_pass[1])


def test_theorem_3_latency_dominated() -> None:
    """Both latency-dominated: one pass of M1 if P < d, of M2 if P > d; s does not matter."""
    games = draw("--", 14)
    d = price_of_success(games)
    first, second = split(games, d > games.penalty, d <= games.penalty)
    s = between(0, np.ones(first.shape), 15)
    assert assert_optimal(first, 1, s, 1.0, stay_or_leave) == pytest.approx(first.leaving_cost[0])
    assert assert_optimal(second, 2, 0.0, 1.0, stay_or_leave) == pytest.approx(second.leaving_cost[1])


def test_theorem_4() -> None:
    """xi1 < 0 < xi2: (1, s < s0) below a threshold of P; above it (2, .) if cp1 > cp2, and (1, s0) if cp1 < cp2."""
    games = draw("-+", 16)
    (p1, _), (c1, c2), k1, cp2 = games.success, games.cost, games.failure[0], games.cost_of_pass[1]
    dearer, s0 = games.cost_of_pass[0] > cp2, thresholds(games).s0
    first, second = (cp2 - c1) / k1, (c1 * (1 - s0) + c2 * s0 / games.success[1]) / (p1 + k1 * s0)
    high = games.penalty > np.where(dearer, first, second)
    leave, reason, cascade = split(games, ~high, high & dearer, high & ~dearer)
    assert_optimal(leave, 1, between(0, thresholds(leave).s0, 17), 1.0, stay_or_leave)
    assert_optimal(reason, 2, 0.0, 0.0, stay_or_leave)
    cost = assert_optimal(cascade, 1, thresholds(cascade).s0, 0.0, stay_or_leave)
    beyond = np.minimum(thresholds(cascade).s0 + 1e-6, 1)
    assert (staying_cost(cascade, beyond) >= cost).all()  # s0 itself is best, not merely some s above it


@pytest.fixture(scope="module")
def mixed_games() -> tuple[Game, Any, Any]:
    """Games with xi1 > 0 > xi2, whether cp1 > cp2, and d."""
    games = draw("+-", 18, 2 * N)
    return games, games.cost_of_pass[0] > games.cost_of_pass[1], price_of_success(games)


def test_theorem_5_part_1(mixed_games: tuple[Game, Any, Any]) -> None:
    """xi1 > 0 > xi2, cp1 <= cp2: (1, 0) if P >= cp1, else (1, s >= s_H)."""
    games, dearer, _ = mixed_games
    low = games.penalty < games.cost_of_pass[0]
    stay, leave, _ = split(games, ~dearer & ~low, ~dearer & low, dearer)
    assert_optimal(stay, 1, 0.0, 0.0, formula)
    assert_optimal(leave, 1, between(1, thresholds(leave).s_high, 19), 1.0, formula)


def test_theorem_5_parts_2_and_3(mixed_games: tuple[Game, Any, Any]) -> None:
    """xi1 > 0 > xi2, cp1 > cp2: (1, s >= s_H) if P < d, and (2, .) if d < P < cp2."""
    games, dearer, d = mixed_games
    below, rest = d > games.penalty, games.penalty >= games.cost_of_pass[1]
    leave, reason, _ = split(games, dearer & below, dearer & ~below & ~rest, ~dearer | rest)
    assert_optimal(leave, 1, between(1, thresholds(leave).s_high, 20), 1.0, formula)
    assert_optimal(reason, 2, 0.0, 1.0, formula)


def test_completed_solution(mixed_games: tuple[Game, Any, Any]) -> None:
    """What the paper leaves open, cp1 > cp2 and P > cp2: (2, .) up to P3 = (J1(s_L, 0) - c2) / k2, then (1, s_L)."""
    games, dearer, _ = mixed_games
    third = (staying_cost(games, thresholds(games).s_low) - games.cost[1]) / games.failure[1]
    cp2, penalty = games.cost_of_pass[1], games.penalty
    assert (third[dearer] > cp2[dearer]).all()
    open_, high = dearer & (penalty > cp2), penalty > third
    reason, cascade, _ = split(games, open_ & ~high, open_ & high, ~open_)
    assert_optimal(reason, 2, 0.0, 1.0, formula, 201)
    assert_optimal(cascade, 1, thresholds(cascade).s_low, 0.0, formula, 201)


# -------------------------------------------------------------------------------------- welfare: Propositions 1 and 2


def brute(games: Game, follower: Callable[[Game], Reply], extra: Any = 0.0) -> tuple[Any, Any, Any]:
    """(J, U, best U) over a grid of commitments and ``extra``: at the provider's cheapest, and at the user's best."""
    cost, utility, best = [], [], []
    for block, s in blocks(games, extra):
        reply = follower(block)
        found = [values(block, 1, point, reply(1, point)) for point in (*np.linspace(0, 1, 21), s)]
        found.append(values(block, 2, 0.0, reply(2, 0.0)))
        u, j = (np.stack(column) for column in zip(*found, strict=True))
        k = j.argmin(axis=0)[None]
        cost.append(np.take_along_axis(j, k, 0)[0])
        utility.append(np.take_along_axis(u, k, 0)[0])
        best.append(u.max(axis=0))
    return np.concatenate(cost), np.concatenate(utility), np.concatenate(best)


def assert_misaligned(games: Game, gap: Any, disagree: Any, size: Any, tolerance: float = 1e-8) -> None:
    """Delta_U > 0 exactly where the rankings disagree, and as large as stated."""
    np.testing.assert_array_equal(gap > 1e-9 * games.value, disagree)
    np.testing.assert_allclose(gap, np.where(disagree, size, 0.0), rtol=tolerance, atol=1e-9)


def test_proposition_1_1() -> None:
    """Both value-dominated: Delta_U = |xi1/p1 - xi2/p2| if the cheaper model is not the user's, else 0."""
    games = draw("++", 21)
    _, utility, best = brute(games, stay_or_leave)
    worth1, worth2 = (xi / p for xi, p in zip(games.net_value, games.success, strict=True))
    disagree = (games.cost_of_pass[0] < games.cost_of_pass[1]) != (worth1 > worth2)
    assert_misaligned(games, best - utility, disagree, np.abs(worth1 - worth2))


def test_proposition_1_2() -> None:
    """Both latency-dominated: Delta_U = |xi1 - xi2| if P < d while xi1 < xi2, or P > d while xi1 > xi2, else 0."""
    games = draw("--", 22)
    _, utility, best = brute(games, stay_or_leave)
    xi1, xi2 = games.net_value
    disagree = (games.penalty < price_of_success(games)) != (xi1 > xi2)
    assert_misaligned(games, best - utility, disagree, np.abs(xi1 - xi2))


def test_proposition_1_3a() -> None:
    """xi1 < 0 < xi2: Delta_U = 0 on route 2, and xi2/p2 - xi1 > 0 on route 1, cascade or not."""
    games = draw("-+", 23)
    beyond = np.minimum(thresholds(games).s0 + 1e-9, 1)  # at s0 itself rounding would break the tie
    cost, utility, best = brute(games, stay_or_leave, beyond)
    (xi1, xi2), p2 = games.net_value, games.success[1]
    np.testing.assert_allclose(best, xi2 / p2, rtol=1e-9)
    reasoning = cost >= games.cost_of_pass[1] * (1 - 1e-12)
    assert_misaligned(games, best - utility, ~reasoning, xi2 / p2 - xi1, 1e-5)


def test_proposition_1_3b() -> None:
    """xi1 > 0 > xi2: Delta_U = 0 at (1, 0) and positive at every other optimum."""
    games = draw("+-", 24)
    s_low = thresholds(games).s_low
    cost, utility, best = brute(games, formula, s_low)
    (xi1, xi2), p1 = games.net_value, games.success[0]
    np.testing.assert_allclose(best, xi1 / p1, rtol=1e-9)
    (cp1, _), (l1, l2) = games.cost_of_pass, games.leaving_cost
    at = [np.isclose(cost, x, rtol=1e-10, atol=0) for x in (cp1, l1, l2)]
    size = np.select(at, [np.zeros(N), best - xi1, best - xi2], best - values(games, 1, s_low, 0.0)[0])
    assert_misaligned(games, best - utility, ~at[0], size)


def slowed(games: Game, first: Any, second: Any) -> Game:
    return dataclasses.replace(games, latency=(first, second), ordered=False)


def test_proposition_2_equation_18() -> None:
    """Both value-dominated, both slowed until latency-dominated: J = min(l1, l2), a gain iff P < min(cp1, cp2)."""
    games = draw("++", 25)
    (p1, p2), value = games.success, games.value
    more = np.random.default_rng(26).uniform(1.001, 3, (2, N))
    after, _, _ = brute(slowed(games, more[0] * value * p1, more[1] * value * p2), stay_or_leave)
    before, _, _ = brute(games, stay_or_leave)
    np.testing.assert_allclose(after, np.minimum(*games.leaving_cost), rtol=1e-12)
    np.testing.assert_allclose(after, forced_throttling(games).both, rtol=1e-12)
    np.testing.assert_array_equal(after < before, games.penalty < np.minimum(*games.cost_of_pass))


def test_proposition_2_completed() -> None:
    """No latencies beat `throttle`; it gains iff P < min(cp1, cp2), or d < P < cp2 < cp1, or never, by regime."""
    rng = np.random.default_rng(27)
    games = draw(None, 28, 3 * N)
    (xi1, xi2), (cp1, cp2), penalty = games.net_value, games.cost_of_pass, games.penalty
    best = throttle(games)
    pays = np.where(xi1 > 0, (xi2 > 0) & (penalty < np.minimum(cp1, cp2)),
                    (xi2 > 0) & (cp1 > cp2) & (price_of_success(games) < penalty) & (penalty < cp2))  # fmt: skip
    np.testing.assert_array_equal(best.gain > 1e-12, pays)
    for _ in range(3):
        t1, t2 = (np.where(rng.random(t.shape) < 0.3, t, t + rng.exponential(1, t.shape)) for t in games.latency)
        slow = slowed(games, t1, t2)
        assert (brute(slow, formula, np.nan_to_num(thresholds(slow).s_low))[0] >= best.cost * (1 - EXACT)).all()
    gain = games[np.flatnonzero(pays)]
    named = slowed(gain, gain.latency[0], best.latency[pays] * (1 + 1e-12))
    np.testing.assert_allclose(brute(named, stay_or_leave)[0], best.cost[pays], rtol=1e-9)


@pytest.mark.parametrize("prior", PRIORS)
def test_almost_always_static(prior: str) -> None:
    """Under every prior between .1 and 6 % of games reward a cascade, counted by definition in a smaller sample."""
    share = frequencies(prior, 2_000_000, np.random.default_rng(2026))
    assert sum(share.values()) == pytest.approx(1)
    cascades = share["s0"] + share["s_L"]
    assert 0.001 < cascades < 0.06
    printed = re.search(rf"^\| {prior} \|(.*)\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert printed is not None
    measured = [100 * share[rule] for rule in ("stay-1", "s_L", "leave-1", "s0", "stay-2", "leave-2")]
    numbers = [float(x.strip(" *")) for x in printed[1].split("|")]
    assert numbers == pytest.approx([*measured, 100 * cascades], abs=0.05)
    games = PRIORS[prior](50_000, np.random.default_rng(29))
    reply = stay_or_leave(games)  # at s = 0, at s = 1 and on route 2 a best response is 0 or 1
    static = np.min([values(games, i, s, reply(i, s))[1] for i, s in ((1, 0.0), (1, 1.0), (2, 0.0))], axis=0)
    genuine = (solve(games).cost < static * (1 - 1e-9)).mean()
    assert genuine == pytest.approx(cascades, abs=4 * np.sqrt(cascades / 50_000))


# ---------------------------------------------------------- a mixed reply is never worth provoking: attack and proof


def provoking(game: Game, q: Any) -> Any:
    """The s in (s_L, s_H) to which ``q`` is the best response: F(s, q) = 0, a quadratic in s."""
    (xi1, xi2), (k1, k2) = game.net_value, game.failure
    reach, w = k1 * k2 * (1 - q) ** 2, xi1 * (1 - k2 * (1 - q)) ** 2
    m = w - xi2 * (1 - reach)
    return 2 * w / (m + np.sqrt(m * m - 4 * reach * xi2 * w))


def gain_of_mixing(game: Game, q: Any) -> Any:
    """What the s that provokes ``q`` saves against the best unmixed reply: J of that less J(s, q), by the chain."""
    ends = [values(game, 1, 0.0, 0.0)[1], values(game, 1, provoking(game, 0.0), 0.0)[1],
            values(game, 1, 1.0, 1.0)[1], values(game, 2, 0.0, 1.0)[1]]  # fmt: skip
    return np.min(ends, axis=0) - values(game, 1, provoking(game, q), q)[1]


def test_mixing_never_pays_by_dense_scan() -> None:
    """63 points of the branch of each of 10^5 games, with the proof's steps: z and n1 rise with 1-q."""
    games = draw("+-", 30)
    for block in (b for (b,) in blocks(games)):
        k1, k2 = block.failure
        last_z = last_n1 = np.zeros(block.shape)
        for x in np.arange(1, 64) / 64:
            s, q = provoking(block, 1 - x), 1 - x
            assert (gain_of_mixing(block, q) / block.penalty).max() < EXACT
            z = k1 * x * s / (1 - k2 * x)
            n1 = 1 / (1 - k1 * x * (1 - s))
            assert ((z > last_z) & (n1 > last_n1)).all()
            last_z, last_n1 = z, n1
        assert_best_reply(block, 1, provoking(block, 0.3), 0.3)


def game_of(unknowns: np.ndarray, reversed_: bool) -> tuple[Game, Any]:
    """(games with xi1 > 0 > xi2, q) from five numbers in (0, 1); p1 < p2, or p1 > p2 if ``reversed_``.

    Only xi1 / xi2 and the direction of (eta1, eta2) = (c1 - P p1, c2 - P p2) matter, since J = P + n1 eta1 + n2 eta2;
    any direction is met by positive costs with c1 < c2 (if p1 < p2) once P is large. So these are all games.
    """
    share, p, ratio, angle, q = unknowns
    p1, p2 = (p, share * p) if reversed_ else (share * p, p)
    xi1 = 10 ** (6 * ratio - 3)  # against xi2 = -1
    value, penalty = 2 * (xi1 + 1) / np.minimum(p1, p2), 2 / np.minimum(p1, p2)
    cost = np.cos(2 * np.pi * angle) + penalty * p1, np.sin(2 * np.pi * angle) + penalty * p2
    return Game(value, penalty, (p1, p2), (value * p1 - xi1, value * p2 + 1), cost, ordered=False), q


def attack(seed: int, steps: int, reversed_: bool = False) -> float:
    """The largest gain that differential evolution finds, over q (1-q): at the ends of the branch it is 0 by nature."""
    from scipy.optimize import differential_evolution

    def loss(unknowns: np.ndarray) -> Any:
        game, q = game_of(unknowns, reversed_)
        return -gain_of_mixing(game, q) / (q * (1 - q))

    options = {"popsize": 30, "mutation": (0.3, 1.2), "tol": 0, "polish": False, "updating": "deferred"}
    found = differential_evolution(loss, [(0.01, 0.99)] * 5, maxiter=steps, seed=seed, vectorized=True, **options)
    return -float(found.fun)


def test_mixing_never_pays_under_attack() -> None:
    """The best that the search finds is a loss, in a corner of the domain."""
    assert max(attack(seed, 300) for seed in range(6)) < 0


def test_the_attack_finds_a_gain_where_there_is_one() -> None:
    """With p1 > p2 a mixed reply can pay, and the same search finds it: so its failure above means something."""
    assert max(attack(seed, 300, reversed_=True) for seed in range(6)) > 1


@pytest.mark.slow
def test_mixing_never_pays_under_a_long_attack() -> None:
    assert max(attack(seed, 3_000) for seed in range(20)) < 0
