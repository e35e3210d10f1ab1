"""Beliefs and decision rules, by definition.

Quadrature and grids over s and q, and the plug-in rule's mistakes.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy import special, stats

from routing_game.theory import GAMES, Game, payoffs, sample_games, thresholds
from routing_game.theory.belief import (
    Belief,
    expected_payoffs,
    expected_visits,
    geometric_mean_passes,
)
from routing_game.theory.belief_plan import told_utility
from routing_game.theory.belief_rules import (
    ExpectedUtility,
    ForcedStays,
    Optimistic,
    PlugIn,
    Thompson,
    after_failure,
    expected_threshold,
    expected_utility,
    plug_in,
    plug_in_after_failure,
)
from routing_game.theory.quadrature import expectation

T4, T5 = GAMES["t4-cascade"], GAMES["t5-cascade"]


def passes(a: float, b: float, alpha: Any) -> float:
    """2F1(1, b; a+b; alpha) in high precision."""
    with mpmath.workdps(40):
        return float(mpmath.hyp2f1(1, mpmath.mpf(b), mpmath.mpf(a) + mpmath.mpf(b), alpha))


log_counts = st.floats(-3, 4).map(lambda x: 10.0**x)


@given(log_counts, log_counts, st.floats(-12, 0))
@example(1.0, 1.0, -12.0)  # a whole a, where the connection to 1 - alpha has logarithms
@example(3.0, 2.0, -12.0)
@example(1e-3, 1e4, -12.0)
@example(8.0, 1e-3, -1.7)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_expected_visits_are_a_hypergeometric_function(a: float, b: float, log: float) -> None:
    """From tasks of one pass to tasks of 1e12."""
    alpha = 1 - 10.0**log
    assert geometric_mean_passes(a, b, alpha) == pytest.approx(passes(a, b, alpha), rel=1e-12)


@given(log_counts, log_counts, st.floats(0, 1).map(lambda x: 1 - x**8))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_expected_visits_are_an_integral_over_s(a: float, b: float, alpha: float) -> None:
    assume(alpha < 1)
    value = expectation(lambda s: 1 / (1 - alpha + alpha * s), (a, b))
    assert geometric_mean_passes(a, b, alpha) == pytest.approx(value, rel=1e-11)


def test_concentrated_and_all_but_certain_counts() -> None:
    """Where 2F1 itself fails in any precision: the first terms in the variance."""
    for a, b, alpha in ((1e6, 1e6, 1 - 1e-9), (3e9, 1e9, 0.9), (1e12, 1e12, 1 - 1e-6)):
        s, variance = Belief(a, b).mean, Belief(a, b).variance
        base = 1 - alpha + alpha * s
        expected = 1 / base + variance * alpha**2 / base**3
        assert geometric_mean_passes(a, b, alpha) == pytest.approx(expected, rel=1e-11)
    assert geometric_mean_passes(1e-300, 1e-300, 0.5) == pytest.approx(1.5)  # s is 0 or 1


def test_a_task_that_hardly_ever_ends() -> None:
    """Not 1 - k1, which loses p1: E n1 by quadrature at p1 = 1e-14, J as the sum of its parts."""
    game = Game(1.0, 1e9, (1e-14, 0.8), (0.4, 0.5), (0.15, 0.6))
    belief, p1 = Belief(2.0, 3.0), 1e-14
    for q in (0.0, 1e-15, 1e-6, 0.3):
        with mpmath.workdps(50):
            e = mpmath.mpf(p1) + (1 - mpmath.mpf(p1)) * mpmath.mpf(q)
            n1 = mpmath.hyp2f1(1, 3, 5, 1 - e)
            beta = 1 / (mpmath.mpf(0.8) + (1 - mpmath.mpf(0.8)) * q)
            n2 = (1 - e) * beta * mpmath.mpf(2) / 5 * mpmath.hyp2f1(1, 3, 6, 1 - e)
            abandoned = q * (n1 * (1 - mpmath.mpf(p1)) + n2 * (1 - mpmath.mpf(0.8)))
            cost = n1 * mpmath.mpf(0.15) + n2 * mpmath.mpf(0.6) + 10**9 * abandoned
        found = expected_payoffs(game, belief, q)
        assert expected_visits(game, belief, q) == pytest.approx((float(n1), float(n2)), rel=1e-12)
        assert found.cost == pytest.approx(float(cost), rel=1e-12)


def test_expected_payoffs_are_those_of_a_mixture_of_commitments() -> None:
    rng = np.random.default_rng(0)
    for game in (T4, T5, *(sample_games(20, rng)[k] for k in range(20))):
        belief, q = Belief(*rng.uniform(0.3, 9, 2)), rng.random()
        expected = expected_payoffs(game, belief, q)
        for name in ("success", "latency", "service_cost", "utility", "cost"):
            mixed = expectation(
                lambda s, n=name, g=game, q=q: getattr(payoffs(g, 1, s, q), n), belief
            )
            assert getattr(expected, name) == pytest.approx(mixed, rel=1e-10, abs=1e-12), name


def test_the_posterior_is_bayes_rule() -> None:
    s, prior = np.linspace(0.005, 0.995, 199), Belief(1.5, 2.5)
    likelihood = s**2 * (1 - s)  # escalated, kept, escalated
    posterior = likelihood * stats.beta(*prior).pdf(s)
    belief = prior.after(True).after(False).after(True)
    ratio = posterior / stats.beta(*belief).pdf(s)
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-9)
    assert belief.variance == pytest.approx(stats.beta(*belief).var())


def test_a_window_forgets_all_but_the_prior() -> None:
    prior = (2.0, 1.0)
    belief = Belief(*prior)
    for _ in range(2000):
        belief = belief.after(np.array([True, False]), 0.9, prior)
    np.testing.assert_allclose(
        belief.escalated, [2 + 10, 2]
    )  # 1 + .9 + .81 + ... = 10 draws remain
    np.testing.assert_allclose(belief.kept, [1, 1 + 10])
    short = Belief(*prior).after(True, 0.9, prior).after(False, 0.9, prior)
    assert short == pytest.approx((2 + 0.9, 2.0))


@pytest.mark.parametrize("regime", ["++", "--", "-+", "+-"])
def test_expected_utility_finds_the_best_q(regime: str) -> None:
    """All games at once, against a grid of 4001: no q is better than the one found."""
    rng = np.random.default_rng(1)
    games = sample_games(150, rng, regime)
    belief = Belief(rng.uniform(0.3, 10, 150), rng.uniform(0.3, 10, 150))
    q = expected_utility(games, belief)
    mine = expected_payoffs(games, belief, q).utility
    grid = np.linspace(0, 1, 4001)[:, None]
    best = np.max(expected_payoffs(games, belief, grid).utility, axis=0)
    assert np.all(mine >= best - 1e-12 * games.value)
    if regime in ("++", "--"):
        np.testing.assert_array_equal(q, 0.0 if regime == "++" else 1.0)


def test_a_narrow_peak_of_expected_utility_is_found() -> None:
    """Where p1 is small, E U1 turns within q of its size: against a grid even in log(p1 + k1 q)."""
    rng = np.random.default_rng(16)
    inside = 0
    for _ in range(25):
        p1 = 10 ** rng.uniform(-7, -2)
        game = Game(1.0, 1.0, (p1, 0.7), (p1 * rng.uniform(1, 1.5), 0.5), (0.2, 0.5))
        belief = Belief(10 ** rng.uniform(-1, 0.5), 10 ** rng.uniform(-1, 4))
        grid = np.clip(np.geomspace(p1, 1, 2001) - p1, 0, 1 - p1) / (1 - p1)
        best = expected_payoffs(game, belief, grid).utility.max()
        q = expected_utility(game, belief)
        assert expected_payoffs(game, belief, q).utility >= best - 1e-12
        inside += 0 < q < 0.1
    assert inside > 1


def test_with_much_doubt_an_interior_q_pays_even_at_a_jump() -> None:
    game = Game(1.0, 1.0, (0.3, 0.7), (0.4, 0.5), (0.2, 0.5))
    q = expected_utility(game, Belief(1, 2))
    assert game.regime == "-+"
    assert 0.05 < q < 0.95
    ends = expected_payoffs(game, Belief(1, 2), np.array([0.0, 1.0])).utility
    assert expected_payoffs(game, Belief(1, 2), q).utility > ends.max() + 1e-4


def value_of_one_task(game: Game, belief: Belief, most: int = 400) -> float:
    """What staying after a failed pass of M1 is worth, by recursion over keeps.

    Leave or stay after each of them.
    """
    (xi1, xi2), k1 = game.net_value, game.failure[0]
    after_2 = max(xi2, xi2 / game.success[1])
    stay = -np.inf
    for keeps in range(most, -1, -1):
        m = belief.escalated / (belief.escalated + belief.kept + keeps)
        stay = m * after_2 + (1 - m) * (xi1 + k1 * max(0.0, stay))
    return float(stay)


@pytest.mark.parametrize("regime", ["++", "--", "-+", "+-"])
def test_deciding_after_each_failure_is_an_optimal_stopping_problem(regime: str) -> None:
    rng = np.random.default_rng(2)
    games = sample_games(300, rng, regime)
    belief = Belief(rng.uniform(0.2, 8, 300), rng.uniform(0.2, 8, 300))
    leaves = after_failure(games, belief)
    for k in range(300):
        stay = value_of_one_task(games[k], Belief(*(float(count[k]) for count in belief)))
        assert (stay < 0) == bool(leaves[k]) or abs(stay) < 1e-9, k


def test_waiting_has_option_value_only_where_keeps_are_good_news() -> None:
    rng = np.random.default_rng(3)
    belief = Belief(rng.uniform(0.2, 8, 2000), rng.uniform(0.2, 8, 2000))
    for regime, differs in (("-+", False), ("+-", True)):
        games = sample_games(2000, rng, regime)
        best, plug = after_failure(games, belief), plug_in_after_failure(games, belief)
        assert np.any(best != plug) == differs
        assert np.all(best <= plug)  # who knows that it will learn stays at least as often


def test_a_certain_belief_is_the_paper_s_user() -> None:
    rng = np.random.default_rng(4)
    for regime in ("-+", "+-"):
        games = sample_games(300, rng, regime)
        s, n = rng.random(300), 1e9
        belief = Belief(s * n, (1 - s) * n)
        found = expected_payoffs(games, belief, expected_utility(games, belief)).utility
        plug = expected_payoffs(games, belief, plug_in(games, belief)).utility
        np.testing.assert_allclose(found, plug, atol=1e-7)


GRID = np.linspace(0, 1, 2001)


def by_quadrature(game: Game, belief: Belief) -> np.ndarray:
    """E U1 on the grid of q, by Gauss and Jacobi's nodes in s."""
    x, weight = special.roots_jacobi(60, belief.kept - 1, belief.escalated - 1)
    return (weight / weight.sum()) @ payoffs(game, 1, (1 + x)[:, None] / 2, GRID).utility


@pytest.mark.parametrize("regime", ["-+", "+-"])
def test_how_often_the_rules_differ_is_how_often_they_do_by_quadrature(regime: str) -> None:
    """Plug-in and expected utility, game by game: where both agree on the best q, so must we."""
    rng = np.random.default_rng(5)
    games, m = sample_games(150, rng, regime), rng.random(150)
    for n in (2.5, 20.0):
        belief = Belief(m * n, (1 - m) * n)
        differ = np.abs(expected_utility(games, belief) - plug_in(games, belief)) > 2e-3
        for k in range(150):
            game, own = games[k], Belief(float(m[k] * n), float((1 - m[k]) * n))
            mean = payoffs(game, 1, m[k], GRID).utility
            expected = by_quadrature(game, own)
            apart = abs(GRID[expected.argmax()] - GRID[mean.argmax()])
            if abs(apart - 2e-3) > 1e-3 and not near_a_tie(expected) and not near_a_tie(mean):
                assert differ[k] == (apart > 2e-3), k
        assert 0 < differ.mean() < 1


def near_a_tie(utility: np.ndarray) -> bool:
    """Whether the ends of the grid, or one of them and a peak inside, are within rounding."""
    gaps = utility.max() - utility[[0, -1]]
    return bool(np.any((gaps > 0) & (gaps < 1e-9)))


def losses(regime: str, n: float) -> np.ndarray:
    """What the plug-in rule loses, over V, in 1000 random games; a + b = n."""
    rng = np.random.default_rng(5)
    games, m = sample_games(1000, rng, regime), rng.random(1000)
    belief = Belief(m * n, (1 - m) * n)
    best, plug = (
        expected_payoffs(games, belief, q).utility
        for q in (expected_utility(games, belief), plug_in(games, belief))
    )
    assert np.all(best >= plug - 1e-12 * games.value)
    return (best - plug) / games.value


@pytest.mark.parametrize("regime", ["-+", "+-"])
def test_the_mean_costs_less_the_more_certain_it_is(regime: str) -> None:
    """On a ramp the loss falls with the fourth power of the standard deviation."""
    lost = [losses(regime, n).mean() for n in (2, 20, 200)]
    assert lost[0] > 10 * lost[1] > 100 * lost[2]


def test_doubt_moves_the_threshold_by_the_variance() -> None:
    games = sample_games(500, np.random.default_rng(6), "-+")
    s0, k1, p1 = thresholds(games).s0, games.failure[0], games.success[0]
    for n, tolerance in ((1e3, 0.25), (1e5, 0.02)):
        shift = expected_threshold(games, n) - s0
        ratio = shift / (s0 * (1 - s0) / (n + 1) * k1 / (p1 + k1 * s0))
        assert np.quantile(np.abs(ratio - 1), 0.95) < tolerance
    assert np.all(expected_threshold(games, 2.0) > s0)


def test_every_rule_leaves_a_hopeless_provider_and_stays_with_a_sure_one() -> None:
    rng, n = np.random.default_rng(7), 1000
    sure, hopeless = Belief(np.full(n, 1e6), np.ones(n)), Belief(np.ones(n), np.full(n, 1e6))
    for checks in ("task", "failure"):
        rules = [PlugIn, ExpectedUtility, Thompson, Optimistic, ForcedStays]
        for rule in (kind(T4, checks=checks) for kind in rules):
            leaving = np.broadcast_to(rule.leaving(hopeless, 10_000, rng), n)
            staying = np.broadcast_to(rule.leaving(sure, 10_000, rng), n)
            assert rule.checks == checks
            assert leaving.mean() > 0.97  # all but the forced stays, 2 in 100 at this task
            assert staying.mean() == 0.0


def test_thompson_stays_as_often_as_it_believes() -> None:
    belief = Belief(np.full(40_000, 2.0), np.full(40_000, 7.0))
    stays = 1 - Thompson(T4).leaving(belief, 1, np.random.default_rng(8))
    chance = stats.beta(2, 7).sf(thresholds(T4).s0)
    assert stays.mean() == pytest.approx(chance, abs=4 * np.sqrt(chance * (1 - chance) / 40_000))


def test_only_a_growing_bound_and_forced_stays_come_back() -> None:
    rng, pessimist = np.random.default_rng(9), Belief(1.0, 7.0)
    tasks = (1, 10, 100, 1000, 10**5)
    fixed = [Optimistic(T4, 0.5, growing=False).leaving(pessimist, n, rng) for n in tasks]
    growing = [Optimistic(T4, 0.5).leaving(pessimist, n, rng) for n in tasks]
    forced = [ForcedStays(T4).leaving(pessimist, n, rng) for n in tasks]
    assert fixed == [1.0] * 5
    assert growing == sorted(growing, reverse=True)
    assert (growing[0], growing[-1]) == (1.0, 0.0)
    np.testing.assert_allclose(1 - np.array(forced), np.minimum(1, 2 / np.sqrt(tasks)))


def test_where_escalations_are_bad_news_optimism_hopes_for_few() -> None:
    belief = Belief(2.0, 2.0)  # E[s] = .5 > s_L = .35
    assert Optimistic(T5, 1.0, checks="task").leaving(
        belief, 10, np.random.default_rng(0)
    ) < plug_in(T5, belief)


def test_told_utility_is_a_maximum_over_policies() -> None:
    rng, q = np.random.default_rng(10), np.linspace(0, 1, 1001)
    for regime in ("++", "--", "-+", "+-"):
        games, s = sample_games(200, rng, regime), rng.random(200)
        for k in range(200):
            game, once = games[k], told_utility(games[k], s[k], "task")
            assert once >= payoffs(game, 1, s[k], q).utility.max() - 1e-12
            assert told_utility(game, s[k]) == pytest.approx(
                told_by_iteration(game, s[k]), abs=1e-12
            )
            assert told_utility(game, s[k]) >= once - 1e-12  # it sees more


def told_by_iteration(game: Game, s: float) -> float:
    """Stay or leave after each failure, known s: the worth of a task by iterating its equation."""
    (xi1, xi2), k1, k2 = game.net_value, *game.failure
    first = second = 0.0
    for _ in range(3000):
        second = xi2 + k2 * max(0.0, second)
        first = xi1 + k1 * max(0.0, s * second + (1 - s) * first)
    return float(first)


# Ties, in exact arithmetic: games in twentieths, whose thresholds are fractions.


def exact_games(regime: str, count: int) -> list[tuple[Game, Fraction]]:
    """Games whose numbers are twentieths as written, with s0 or s_H as a fraction."""
    rng, found = np.random.default_rng(17), []
    while len(found) < count:
        value, *rest = (Fraction(int(x), 20) for x in rng.integers(1, 40, 5))
        (p1, p2), (t1, t2) = (sorted(pair) for pair in (rest[:2], rest[2:]))
        xi1, xi2 = value * p1 - t1, value * p2 - t2
        signs = (xi1 < 0 < xi2) if regime == "-+" else (xi2 < 0 < xi1)
        if not (signs and p1 < p2 < 1 and t1 < t2):
            continue
        numbers = [float(x) for x in (value, 1, p1, p2, t1, t2)]
        game = Game(*numbers[:2], tuple(numbers[2:4]), tuple(numbers[4:]), (0.15, 0.6))
        mark = -xi1 * p2 / (xi2 - xi1 * p2) if regime == "-+" else xi1 / (xi1 - xi2)
        found.append((game, mark))
    return found


def beliefs_at(mark: Fraction) -> list[Belief]:
    """Whole counts whose mean is a fraction, exactly."""
    a, b = mark.numerator, mark.denominator - mark.numerator
    return [Belief(float(k * a), float(k * b)) for k in (1, 2, 3, 7)]


def test_a_mean_that_is_s0_is_met_however_it_rounds() -> None:
    """Stay at s0, leave after one keep more; once a task, as the provider likes it."""
    unequal = 0
    for game, mark in exact_games("-+", 80):
        staying, leaving = (float(payoffs(game, 1, float(mark), q).cost) for q in (0.0, 1.0))
        for belief in beliefs_at(mark):
            unequal += belief.mean != thresholds(game).s0
            later = belief.after(False)
            for rule in (plug_in_after_failure, after_failure):
                assert (rule(game, belief), rule(game, later)) == (0.0, 1.0)
            if abs(staying - leaving) > 1e-9:
                assert plug_in(game, belief) == float(leaving < staying)
            assert plug_in(game, later) == 1.0
    assert unequal > 40  # doubles do not agree; the rules do


def test_a_mean_that_is_s_high_is_met_however_it_rounds() -> None:
    for game, mark in exact_games("+-", 80):
        for belief in beliefs_at(mark):
            assert plug_in_after_failure(game, belief) == 1.0
            assert plug_in_after_failure(game, belief.after(False)) == 0.0


def test_the_tie_of_the_catalog() -> None:
    """E[s] = 4/19 = s0 of t4-cascade."""
    assert plug_in(T4, Belief(4, 15)) == plug_in_after_failure(T4, Belief(4, 15)) == 0.0
    assert after_failure(T4, Belief(8, 30)) == 0.0
    assert plug_in(T4, Belief(4, 16)) == plug_in_after_failure(T4, Belief(4, 16)) == 1.0


@pytest.mark.parametrize("game", [T4, Game(1.0, 1.0, (1e-6, 0.7), (0.01, 0.5), (0.2, 0.5))])
@pytest.mark.parametrize("n", [0.5, 2.0, 20.0, 1e4])
def test_the_threshold_of_the_mean_is_a_root(game: Game, n: float) -> None:
    """E[K(s) / (p1 + k1 s)] = 0, by 2F1 in high precision."""
    (xi1, xi2), p1, p2 = game.net_value, *game.success
    with mpmath.workdps(50):
        e, n_ = mpmath.mpf(p1), mpmath.mpf(n)

        def gain(m: Any) -> Any:
            b = (1 - m) * n_
            escalates = m * mpmath.hyp2f1(1, b, n_ + 1, 1 - e)
            keeps = (1 - m) * mpmath.hyp2f1(1, b + 1, n_ + 1, 1 - e)
            return escalates * mpmath.mpf(xi2) / mpmath.mpf(p2) + keeps * mpmath.mpf(xi1)

        found = expected_threshold(game, n)
        assert gain(mpmath.mpf(found) * (1 - mpmath.mpf(1e-9))) < 0
        assert gain(mpmath.mpf(found) * (1 + mpmath.mpf(1e-9))) > 0


def test_there_is_no_threshold_where_more_escalations_are_not_better() -> None:
    for name in ("t5-cascade", "value-cheap", "latency-low-penalty"):
        with pytest.raises(ValueError, match="xi1 <= 0 <= xi2"):
            expected_threshold(GAMES[name], 2.0)
    games = Game.stack([T4, T5])
    with pytest.raises(ValueError, match=r"regime \+-"):
        expected_threshold(games, 2.0)
    with pytest.raises(ValueError, match="count"):
        expected_threshold(T4, [2.0, 0.0])


RULES: list[Callable[[Game, Belief], Any]] = [
    plug_in,
    plug_in_after_failure,
    after_failure,
    expected_utility,
    lambda game, belief: expected_payoffs(game, belief, 0.4).cost,
    lambda game, belief: expected_visits(game, belief, 0.4)[1],
    lambda game, belief: Optimistic(game).leaving(belief, 7, np.random.default_rng(0)),
    lambda game, belief: ForcedStays(game).leaving(belief, 7, np.random.default_rng(0)),
    lambda game, belief: Thompson(game).leaving(belief, 7, np.random.default_rng(0)),
]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("game", [T4, T5])
def test_lists_arrays_and_numbers_agree(rule: Callable[[Game, Belief], Any], game: Game) -> None:
    """Counts of any kind give the same numbers; one belief gives a number, many an array."""
    a, b = [1, 2, 9], [4.0, 3.0, 2.0]
    many = rule(game, Belief(a, b))
    assert many.shape == (3,)
    for other in (Belief(np.array(a), np.array(b)), Belief(np.array(a, np.float32), b)):
        np.testing.assert_array_equal(rule(game, other), many)
    plane = rule(game, Belief([a], [b]))
    np.testing.assert_array_equal(plane, [many])
    one = rule(game, Belief(1, 4.0))
    assert isinstance(one, float)
    assert one == many[0]
    assert rule(game, Belief([1], [4])).shape == (1,)
    assert Belief(a, b).after(True).escalated.tolist() == [2, 3, 10]
    assert Belief(a, b).sd == pytest.approx(stats.beta(a, b).std())


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("belief", [(-1, 3), (0, 1), (2, np.nan), ([1, np.inf], [1, 1])])
def test_counts_that_are_none_are_refused(rule: Callable[[Game, Belief], Any], belief: Any) -> None:
    with pytest.raises(ValueError, match="positive count"):
        rule(T4, Belief(*belief))


@pytest.mark.parametrize("q", [1.7, -0.1, np.nan, [0.2, 1.1]])
def test_a_q_that_is_no_chance_is_refused(q: Any) -> None:
    for of in (expected_payoffs, expected_visits):
        with pytest.raises(ValueError, match="abandon must lie in"):
            of(T4, Belief(1, 1), q)
    with pytest.raises(ValueError, match="alpha"):
        geometric_mean_passes(1.0, 1.0, 1.0)


def test_users_of_equal_beliefs_are_answered_once(monkeypatch):
    game, rng = GAMES["t4-cascade"], np.random.default_rng(2)
    a, b = 1 + rng.integers(0, 5, (40, 10)), 0.5 + rng.integers(0, 5, (40, 10))
    expected = expected_utility(game, Belief(a, b))
    asked = []

    def counted(game, belief):
        asked.extend(zip(*belief, strict=True))
        return expected_utility(game, belief)

    monkeypatch.setattr("routing_game.theory.belief_rules.expected_utility", counted)
    rule = ExpectedUtility(game, "task")
    for _ in range(2):  # nor again in the next task
        assert np.array_equal(rule.leaving(Belief(a, b), 1, rng), expected)
    assert rule.leaving(Belief(a[0, 0], b[0, 0]), 1, rng) == expected[0, 0]
    assert len(asked) == len(set(asked)) == 25
