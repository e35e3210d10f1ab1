"""Every theorem and proposition of the paper, part by part under its number, over 10^5 random
games; and the completed solution, attacked by a directed search.

A claim is written here as the paper states it (corrected where docs/errata.md says so) and judged
by the absorbing chain on grids, never by the solver. Where the claim under test says that only two
values of q can be optimal, the user's reply is picked by the chain too. Lemmas are in
test_paper_lemmas.py, the displays (1) to (39) in test_paper_equations.py.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from paper_formulas import first_order
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
    """The better of q = 0 and q = 1 by the chain; enough where one of them is a best response."""

    def reply(route: int, s: Any) -> Any:
        stay, leave = (values(game, route, s, q)[0] for q in (0.0, 1.0))
        return np.where(leave > stay, 1.0, 0.0)

    return reply


def formula(game: Game) -> Reply:
    """The best response as a formula; `test_theorem_2_4_mixed_reply` holds it to the chain."""
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


def with_zeros(games: Game, seed: int) -> Game:
    """In a third of the games xi1 = 0, in a third xi2 = 0, and so in a ninth both."""
    rng = np.random.default_rng(seed)
    pairs = zip(games.latency, games.success, strict=True)
    t1, t2 = (np.where(rng.random(t.shape) < 1 / 3, games.value * p, t) for t, p in pairs)
    return dataclasses.replace(games, latency=(t1, t2), ordered=False)


# ------------------------------------------------------------- the user: Theorems 1 and 2


def test_theorem_1() -> None:
    """i = 2: q* = 1{xi2 < 0}, whatever s."""
    games = draw(None, 1)
    leave = np.where(games.net_value[1] < 0, 1.0, 0.0)
    for s in (0.0, between(0, np.ones(N), 2)):
        assert_best_reply(games, 2, s, leave)


def test_theorem_2_1() -> None:
    """i = 1, xi1, xi2 >= 0: q* = 0 for all s."""
    games = with_zeros(draw("++", 2), 3)
    for s in (0.0, 1.0, between(0, np.ones(N), 3)):
        assert_best_reply(games, 1, s, 0.0)


def test_theorem_2_2() -> None:
    """i = 1, xi1, xi2 <= 0: q* = 1 for all s."""
    games = with_zeros(draw("--", 2), 3)
    for s in (0.0, 1.0, between(0, np.ones(N), 3)):
        assert_best_reply(games, 1, s, 1.0)


def test_theorem_2_3() -> None:
    """i = 1, xi1 < 0 < xi2: q* = 1{s < s0}, s0 = -xi1/(xi2/p2 - xi1); at s0 both ends tie."""
    games = draw("-+", 4)
    xi1, xi2 = games.net_value
    s0 = -xi1 / (xi2 / games.success[1] - xi1)
    assert ((s0 > 0) & (s0 < 1)).all()
    assert_best_reply(games, 1, between(0, s0, 5), 1.0)
    assert_best_reply(games, 1, between(1, s0, 6), 0.0)
    stay, leave, middle = (values(games, 1, s0, q)[0] for q in (0.0, 1.0, 0.5))
    np.testing.assert_allclose(stay, leave, atol=1e-9)
    assert (middle < stay).all()


def test_theorem_2_4_thresholds() -> None:
    """i = 1, xi1 > 0 > xi2: q* = 0 up to s_L, the root of F(s, 0), and 1 from s_H on."""
    games = draw("+-", 7)
    xi1, xi2 = games.net_value
    s_low, s_high = thresholds(games).s_low, xi1 / (xi1 - xi2)
    assert ((s_low > 0) & (s_low < s_high) & (s_high < 1)).all()
    for share in np.linspace(0, 0.99, 10):  # the only root of F(s, 0) in [0, 1]
        assert (first_order(games, share * s_low, 0) > 0).all()
        assert (first_order(games, 1 - share * (1 - s_low), 0) < 0).all()
    assert_best_reply(games, 1, between(0, s_low, 8), 0.0)
    assert_best_reply(games, 1, between(1, s_high, 9), 1.0)
    inside = games[np.flatnonzero(s_high - s_low > 1e-3)]
    low, high = thresholds(inside).s_low + 1e-4, thresholds(inside).s_high - 1e-4
    step = 1e-7  # both are sharp: just inside, a little leaving, or staying, is better
    assert (values(inside, 1, low, step)[0] > values(inside, 1, low, 0.0)[0]).all()
    assert (values(inside, 1, high, 1 - step)[0] > values(inside, 1, high, 1.0)[0]).all()


def test_theorem_2_4_mixed_reply() -> None:
    """i = 1, xi1 > 0 > xi2, s_L < s < s_H: q* is the one root of F(s, q), and it rises with s."""
    games = draw("+-", 10)
    _, s_low, s_high = thresholds(games)
    earlier = np.full(N, 0.0)
    for share in np.linspace(0.05, 0.95, 10):
        s = s_low + share * (s_high - s_low)
        q = best_response(games, 1, s).low
        assert ((q > earlier) & (q < 1)).all()
        earlier = q
        assert_best_reply(games, 1, s, q)
        assert (first_order(games, s, 0.99 * q) < 0).all()
        assert (first_order(games, s, 1 - 0.99 * (1 - q)) > 0).all()


# --------------------------------------------------------- the provider: Theorems 3 to 5


def test_theorem_3_1() -> None:
    """xi1, xi2 > 0: (1, 0) if cp1 <= cp2, else (2, 0); J* = min(cp1, cp2)."""
    games = draw("++", 13)
    cp1, cp2 = games.cost_of_pass
    first, second = split(games, cp1 <= cp2, cp1 > cp2)
    cost = assert_optimal(first, 1, 0.0, 0.0, stay_or_leave)
    assert cost == pytest.approx(first.cost_of_pass[0])
    cost = assert_optimal(second, 2, 0.0, 0.0, stay_or_leave)
    assert cost == pytest.approx(second.cost_of_pass[1])


def test_theorem_3_2() -> None:
    """xi1, xi2 < 0: (1, s) with any s if P <= (c2 - c1)/(p2 - p1), else (2, 0)."""
    games = draw("--", 14)
    d = price_of_success(games)
    first, second = split(games, games.penalty <= d, games.penalty > d)
    s = between(0, np.ones(first.shape), 15)
    cost = assert_optimal(first, 1, s, 1.0, stay_or_leave)
    assert cost == pytest.approx(first.leaving_cost[0])
    cost = assert_optimal(second, 2, 0.0, 1.0, stay_or_leave)
    assert cost == pytest.approx(second.leaving_cost[1])


def test_theorem_4() -> None:
    """xi1 < 0 < xi2, four cases: cp1 > cp2 or cp1 < cp2, and P below or above P1 or P2."""
    games = draw("-+", 16)
    (p1, p2), (c1, c2), k1 = games.success, games.cost, games.failure[0]
    (cp1, cp2), penalty, s0 = games.cost_of_pass, games.penalty, thresholds(games).s0
    first, second = (c2 / p2 - c1) / k1, (c1 * (1 - s0) + c2 * s0 / p2) / (p1 + k1 * s0)
    cases = split(
        games,
        (cp1 > cp2) & (penalty < first),
        (cp1 > cp2) & (penalty > first),
        (cp1 < cp2) & (penalty < second),
        (cp1 < cp2) & (penalty > second),
    )
    for leave in (cases[0], cases[2]):  # (1, 0), and with it every s < s0
        assert_optimal(leave, 1, between(0, thresholds(leave).s0, 17), 1.0, stay_or_leave)
    assert_optimal(cases[1], 2, 0.0, 0.0, stay_or_leave)
    cascade = cases[3]
    cost = assert_optimal(cascade, 1, thresholds(cascade).s0, 0.0, stay_or_leave)
    beyond = np.minimum(thresholds(cascade).s0 + 1e-6, 1)
    assert (staying_cost(cascade, beyond) >= cost).all()  # s0 itself, not merely some s above it


class MixedGames(NamedTuple):
    """Games with xi1 > 0 > xi2, and for which of them each part of Theorem 5 speaks."""

    games: Game
    part_1: Any
    part_2: Any
    part_3: Any
    open: Any
    """cp1 > cp2 and P > cp2, of which it says nothing."""


@pytest.fixture(scope="module")
def mixed_games() -> MixedGames:
    games = draw("+-", 18, 2 * N)
    (cp1, cp2), penalty, d = games.cost_of_pass, games.penalty, price_of_success(games)
    return MixedGames(
        games,
        cp1 < np.minimum(penalty, cp2),
        penalty < np.minimum(cp1, d),
        (d < penalty) & (penalty < cp2) & (cp2 < cp1),
        (cp1 > cp2) & (penalty > cp2),
    )


def test_theorem_5_1(mixed_games: MixedGames) -> None:
    """xi1 > 0 > xi2, cp1 < min(P, cp2): (1, 0)."""
    games = mixed_games.games[np.flatnonzero(mixed_games.part_1)]
    assert_optimal(games, 1, 0.0, 0.0, formula)


def test_theorem_5_2(mixed_games: MixedGames) -> None:
    """xi1 > 0 > xi2, P < min(cp1, (c2 - c1)/(p2 - p1)): (1, s) with any s in [s_H, 1]."""
    cheaper = mixed_games.games.cost_of_pass[0] < mixed_games.games.cost_of_pass[1]
    for order in (cheaper, ~cheaper):
        games = mixed_games.games[np.flatnonzero(mixed_games.part_2 & order)]
        assert_optimal(games, 1, between(1, thresholds(games).s_high, 19), 1.0, formula)


def test_theorem_5_3(mixed_games: MixedGames) -> None:
    """xi1 > 0 > xi2, (c2 - c1)/(p2 - p1) < P < cp2 < cp1: (2, 0)."""
    games = mixed_games.games[np.flatnonzero(mixed_games.part_3)]
    assert_optimal(games, 2, 0.0, 1.0, formula)


def test_completed_solution(mixed_games: MixedGames) -> None:
    """What Theorem 5 leaves open, cp1 > cp2 and P > cp2, and it alone but for ties.

    (2, .) up to P3 = (J1(s_L, 0) - c2)/k2, then (1, s_L).
    """
    games, *parts = mixed_games
    split(games, *parts)
    third = (staying_cost(games, thresholds(games).s_low) - games.cost[1]) / games.failure[1]
    (cp1, cp2), penalty = games.cost_of_pass, games.penalty
    assert (third[cp1 > cp2] > cp2[cp1 > cp2]).all()
    open_, high = mixed_games.open, penalty > third
    reason, cascade, _ = split(games, open_ & ~high, open_ & high, ~open_)
    assert_optimal(reason, 2, 0.0, 1.0, formula, 201)
    assert_optimal(cascade, 1, thresholds(cascade).s_low, 0.0, formula, 201)


# ------------------------------------------------------- welfare: Propositions 1 and 2


class Found(NamedTuple):
    """The provider's cheapest commitment on a grid, what it costs and is worth, and the best U."""

    route: Any
    cascade: Any
    cost: Any
    utility: Any
    best: Any


def brute(games: Game, follower: Callable[[Game], Reply], extra: Any = 0.0) -> Found:
    """A search of a grid of commitments, with one s of each game's own beside it."""
    grid = np.linspace(0, 1, 21)
    parts = []
    for block, s in blocks(games, extra):
        reply = follower(block)
        found = [values(block, 1, point, reply(1, point)) for point in (*grid, s)]
        found.append(values(block, 2, 0.0, reply(2, 0.0)))
        u, j = (np.stack(column) for column in zip(*found, strict=True))
        k = j.argmin(axis=0)
        cascade = np.choose(np.maximum(k - len(grid) + 1, 0), [grid[k % len(grid)], s, 0.0])
        route = np.where(k > len(grid), 2, 1)
        at = (k, np.arange(len(k)))
        parts.append((route, cascade, j[at], u[at], u.max(axis=0)))
    return Found(*map(np.concatenate, zip(*parts, strict=True)))


def assert_misaligned(
    games: Game,
    gap: Any,
    where: Any,
    size: Any,
    tolerance: float = 1e-8,
) -> None:
    """Delta_U > 0 in these games and in no others, and as large as stated."""
    np.testing.assert_array_equal(gap > 1e-9 * games.value, where)
    np.testing.assert_allclose(gap, np.where(where, size, 0.0), rtol=tolerance, atol=1e-9)


def test_proposition_1_1() -> None:
    """xi1, xi2 > 0: Delta_U = 0 iff sign(cp1 - cp2) = sign(xi2/p2 - xi1/p1); its size otherwise."""
    games = draw("++", 21)
    found = brute(games, stay_or_leave)
    worth1, worth2 = (xi / p for xi, p in zip(games.net_value, games.success, strict=True))
    cp1, cp2 = games.cost_of_pass
    disagree = np.sign(cp1 - cp2) != np.sign(worth2 - worth1)
    assert_misaligned(games, found.best - found.utility, disagree, np.abs(worth1 - worth2))


def test_proposition_1_2() -> None:
    """xi1, xi2 < 0: Delta_U = 0 iff sign(xi2 - xi1) = sign(P - d); its size otherwise."""
    games = draw("--", 22)
    found = brute(games, stay_or_leave)
    xi1, xi2 = games.net_value
    disagree = np.sign(xi2 - xi1) != np.sign(games.penalty - price_of_success(games))
    assert_misaligned(games, found.best - found.utility, disagree, np.abs(xi1 - xi2))


def test_proposition_1_3() -> None:
    """Opposite signs: Delta_U = 0 iff xi_{i*} > 0 and s* = 0."""
    for regime, follower in (("-+", stay_or_leave), ("+-", formula)):
        games = draw(regime, 23)
        s0, s_low, _ = thresholds(games)
        own = s_low if regime == "+-" else np.minimum(s0 + 1e-9, 1)  # rounding breaks a tie at s0
        found = brute(games, follower, own)
        xi1, xi2 = games.net_value
        aligned = (np.where(found.route == 1, xi1, xi2) > 0) & (found.cascade == 0)
        assert 0.1 < aligned.mean() < 0.9
        np.testing.assert_array_equal(found.best - found.utility <= 1e-9 * games.value, aligned)


def test_proposition_1_3a() -> None:
    """xi1 < 0 < xi2: Delta_U = 0 on route 2, and xi2/p2 - xi1 > 0 on route 1, cascade or not."""
    games = draw("-+", 23)
    found = brute(games, stay_or_leave, np.minimum(thresholds(games).s0 + 1e-9, 1))
    (xi1, xi2), p2 = games.net_value, games.success[1]
    np.testing.assert_allclose(found.best, xi2 / p2, rtol=1e-9)
    gap = found.best - found.utility
    assert_misaligned(games, gap, found.route == 1, xi2 / p2 - xi1, 1e-5)


def test_proposition_1_3b() -> None:
    """xi1 > 0 > xi2: Delta_U = 0 at (1, 0) and positive at every other optimum."""
    games = draw("+-", 24)
    s_low = thresholds(games).s_low
    found = brute(games, formula, s_low)
    (xi1, xi2), p1 = games.net_value, games.success[0]
    np.testing.assert_allclose(found.best, xi1 / p1, rtol=1e-9)
    (cp1, _), (l1, l2) = games.cost_of_pass, games.leaving_cost
    at = [np.isclose(found.cost, x, rtol=1e-10, atol=0) for x in (cp1, l1, l2)]
    held = found.best - values(games, 1, s_low, 0.0)[0]
    size = np.select(at, [np.zeros(N), found.best - xi1, found.best - xi2], held)
    assert_misaligned(games, found.best - found.utility, ~at[0], size)


def slowed(games: Game, first: Any, second: Any) -> Game:
    return dataclasses.replace(games, latency=(first, second), ordered=False)


def worst_latency(games: Game, model: int, seed: int) -> Any:
    """Some latency beyond V p_i, for each game another."""
    more = np.random.default_rng(seed).uniform(1.001, 3, games.shape)
    return more * games.value * games.success[model - 1]


@pytest.mark.parametrize(
    ("model", "regime"),
    [
        pytest.param(1, "++", id="1a"),
        pytest.param(1, "+-", id="1b"),
        pytest.param(2, "++", id="2a"),
        pytest.param(2, "-+", id="2b"),
    ],
)
def test_proposition_2(model: int, regime: str) -> None:
    """P <= min(cp1, cp2): throttling beyond V p_i never raises J* (four cases, as in the proof)."""
    games, rng = draw(regime, 25), np.random.default_rng(26)
    games = dataclasses.replace(games, penalty=np.minimum(*games.cost_of_pass) * rng.random(N))
    latency = list(games.latency)
    latency[model - 1] = worst_latency(games, model, 27)
    both = games, slowed(games, *latency)
    own = [np.nanmax(np.nan_to_num(thresholds(g)[:2]), axis=0) for g in both]  # s0 or s_L
    before, after = (brute(g, formula, s).cost for g, s in zip(both, own, strict=True))
    assert (after <= before * (1 + EXACT)).all()


def test_proposition_2_both_models() -> None:
    """Both throttled in ++ (not in the proof): J* = min(l1, l2), less iff P < min(cp1, cp2)."""
    games = draw("++", 25)
    after = slowed(games, worst_latency(games, 1, 26), worst_latency(games, 2, 27))
    before_cost, after_cost = (brute(g, stay_or_leave).cost for g in (games, after))
    np.testing.assert_allclose(after_cost, np.minimum(*games.leaving_cost), rtol=1e-12)
    np.testing.assert_allclose(after_cost, forced_throttling(games).both, rtol=1e-12)
    gains = games.penalty < np.minimum(*games.cost_of_pass)
    np.testing.assert_array_equal(after_cost < before_cost, gains)


def test_proposition_2_completed() -> None:
    """No latencies beat `throttle`; it gains in ++ iff P < min(cp), in -+ iff d < P < cp2 < cp1."""
    rng = np.random.default_rng(27)
    games = draw(None, 28, N)
    (xi1, xi2), (cp1, cp2), penalty = games.net_value, games.cost_of_pass, games.penalty
    best = throttle(games)
    served = (xi1 > 0) & (xi2 > 0) & (penalty < np.minimum(cp1, cp2))
    reason = (xi1 < 0) & (xi2 > 0) & (price_of_success(games) < penalty) & (penalty < cp2)
    pays = served | (reason & (cp1 > cp2))
    np.testing.assert_array_equal(best.gain > 1e-12, pays)
    for _ in range(3):
        slow = slowed(games, *(longer(t, rng) for t in games.latency))
        reached = brute(slow, formula, np.nan_to_num(thresholds(slow).s_low)).cost
        assert (reached >= best.cost - EXACT * (best.cost + games.penalty)).all()
    gain = games[np.flatnonzero(pays)]
    named = slowed(gain, gain.latency[0], best.latency[pays] * (1 + 1e-12))
    np.testing.assert_allclose(brute(named, stay_or_leave).cost, best.cost[pays], rtol=1e-9)


def longer(t: Any, rng: np.random.Generator) -> Any:
    """A latency as it is in three games of ten, and longer in the others."""
    return np.where(rng.random(t.shape) < 0.3, t, t + rng.exponential(1, t.shape))


@pytest.mark.parametrize("prior", PRIORS)
def test_almost_always_static(prior: str) -> None:
    """Under every prior .1 to 6 % of games reward a cascade; counted by definition, too."""
    share = frequencies(prior, 2_000_000, np.random.default_rng(2026))
    assert sum(share.values()) == pytest.approx(1)
    cascades = share["s0"] + share["s_L"]
    assert 0.001 < cascades < 0.06
    printed = re.search(rf"^\| {prior} \|(.*)\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert printed is not None
    rules = ("stay-1", "s_L", "leave-1", "s0", "stay-2", "leave-2")
    measured = [100 * share[rule] for rule in rules]
    numbers = [float(x.strip(" *")) for x in printed[1].split("|")]
    assert numbers == pytest.approx([*measured, 100 * cascades], abs=0.05)
    games = PRIORS[prior](50_000, np.random.default_rng(29))
    reply = stay_or_leave(games)  # at s = 0, at s = 1 and on route 2 a best response is 0 or 1
    policies = ((1, 0.0), (1, 1.0), (2, 0.0))
    static = np.min([values(games, i, s, reply(i, s))[1] for i, s in policies], axis=0)
    genuine = (solve(games).cost < static * (1 - 1e-9)).mean()
    assert genuine == pytest.approx(cascades, abs=4 * np.sqrt(cascades / 50_000))


# ---------------------------------- a mixed reply is never worth provoking: attack and proof


def provoking(game: Game, q: Any) -> Any:
    """The s in (s_L, s_H) to which ``q`` is the best response: F(s, q) = 0, a quadratic in s."""
    (xi1, xi2), (k1, k2) = game.net_value, game.failure
    reach, w = k1 * k2 * (1 - q) ** 2, xi1 * (1 - k2 * (1 - q)) ** 2
    m = w - xi2 * (1 - reach)
    return 2 * w / (m + np.sqrt(m * m - 4 * reach * xi2 * w))


def gain_of_mixing(game: Game, q: Any) -> Any:
    """What the s that provokes ``q`` saves against the best unmixed reply, by the chain."""
    unmixed = ((1, 0.0, 0.0), (1, provoking(game, 0.0), 0.0), (1, 1.0, 1.0), (2, 0.0, 1.0))
    ends = [values(game, *play)[1] for play in unmixed]
    return np.min(ends, axis=0) - values(game, 1, provoking(game, q), q)[1]


def test_mixing_never_pays_by_dense_scan() -> None:
    """63 points of the branch of each of 10^5 games; as in the proof, z and n1 rise with 1-q."""
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
    """(games with xi1 > 0 > xi2, q) from five numbers in (0, 1); p1 < p2, or p1 > p2 if reversed.

    Only xi1 / xi2 and the direction of (eta1, eta2) = (c1 - P p1, c2 - P p2) matter, since
    J = P + n1 eta1 + n2 eta2; any direction is met by positive costs with c1 < c2 (if p1 < p2) once
    P is large. So these are all games.
    """
    share, p, ratio, angle, q = unknowns
    p1, p2 = (p, share * p) if reversed_ else (share * p, p)
    xi1 = 10 ** (6 * ratio - 3)  # against xi2 = -1
    value, penalty = 2 * (xi1 + 1) / np.minimum(p1, p2), 2 / np.minimum(p1, p2)
    latency = value * p1 - xi1, value * p2 + 1
    cost = np.cos(2 * np.pi * angle) + penalty * p1, np.sin(2 * np.pi * angle) + penalty * p2
    return Game(value, penalty, (p1, p2), latency, cost, ordered=False), q


def attack(seed: int, steps: int, reversed_: bool = False) -> float:
    """The largest gain that differential evolution finds, over q (1-q), as it is 0 at both ends."""
    from scipy.optimize import differential_evolution

    def loss(unknowns: np.ndarray) -> Any:
        game, q = game_of(unknowns, reversed_)
        return -gain_of_mixing(game, q) / (q * (1 - q))

    found = differential_evolution(
        loss,
        [(0.01, 0.99)] * 5,
        maxiter=steps,
        seed=seed,
        vectorized=True,
        updating="deferred",
        popsize=30,
        mutation=(0.3, 1.2),
        tol=0,
        polish=False,
    )
    return -float(found.fun)


def test_mixing_never_pays_under_attack() -> None:
    """The best that the search finds is a loss, in a corner of the domain."""
    assert max(attack(seed, 300) for seed in range(6)) < 0


def test_the_attack_finds_a_gain_where_there_is_one() -> None:
    """With p1 > p2 a mixed reply can pay, and the same search finds it: so it can be trusted."""
    assert max(attack(seed, 300, reversed_=True) for seed in range(6)) > 1


@pytest.mark.slow
def test_mixing_never_pays_under_a_long_attack() -> None:
    assert max(attack(seed, 3_000) for seed in range(20)) < 0
