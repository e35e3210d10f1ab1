"""Beliefs and decision rules, by definition: quadrature and grids over s and q, and the plug-in rule's mistakes."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from routing_game.theory import GAMES, Game, payoffs, sample_games, thresholds
from routing_game.theory.belief import Belief, expected_payoffs, geometric_mean_passes
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

counts = st.floats(0.2, 50)
T4, T5 = GAMES["t4-cascade"], GAMES["t5-cascade"]


def visits_by_quadrature(a: float, b: float, alpha: float) -> float:
    """The integral of 1 / (1 - alpha (1-s)) over Beta(a, b), in 30 digits.

    Split at the mean; s^a and (1-s)^b are the variables on either side, in which nothing is singular.
    """
    with mpmath.workdps(30):
        a, b = mpmath.mpf(a), mpmath.mpf(b)
        mean = a / (a + b)

        def below(u: mpmath.mpf) -> mpmath.mpf:
            s = u ** (1 / a)
            return (1 - s) ** (b - 1) / (1 - alpha * (1 - s)) / a

        def above(u: mpmath.mpf) -> mpmath.mpf:
            kept = u ** (1 / b)
            return (1 - kept) ** (a - 1) / (1 - alpha * kept) / b

        total = mpmath.quad(below, [0, mean**a]) + mpmath.quad(above, [0, (1 - mean) ** b])
        return float(total / mpmath.beta(a, b))


@given(counts, counts, st.floats(0, 0.97))
@settings(max_examples=40, deadline=None)
def test_expected_visits_are_an_integral_over_s(a: float, b: float, alpha: float) -> None:
    expected = visits_by_quadrature(a, b, alpha)
    assert geometric_mean_passes(a, b, alpha) == pytest.approx(expected, rel=1e-9)


def test_expected_payoffs_are_those_of_a_mixture_of_commitments() -> None:
    rng = np.random.default_rng(0)
    for game in (T4, T5, *(sample_games(20, rng)[k] for k in range(20))):
        belief, q = Belief(*rng.uniform(0.3, 9, 2)), rng.random()
        expected = expected_payoffs(game, belief, q)
        for name in ("success", "latency", "service_cost", "utility", "cost"):
            mixed = expectation(lambda s, n=name, g=game, q=q: getattr(payoffs(g, 1, s, q), n), belief)
            assert getattr(expected, name) == pytest.approx(mixed, rel=1e-10, abs=1e-12), name


def test_expectations_with_a_kink_and_singular_ends() -> None:
    for a, b in ((0.4, 0.3), (0.5, 3.0), (7.0, 0.6), (2.0, 2.0)):
        law, kink = stats.beta(a, b), 0.37
        tail = expectation(lambda s, k=kink: (s > k).astype(float), Belief(a, b), [kink])
        assert tail == pytest.approx(law.sf(kink), abs=1e-12)
        assert expectation(lambda s: s**3, Belief(a, b)) == pytest.approx(law.moment(3), rel=1e-12)


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
    np.testing.assert_allclose(belief.escalated, [2 + 10, 2])  # 1 + .9 + .81 + ... = 10 draws remain
    np.testing.assert_allclose(belief.kept, [1, 1 + 10])
    short = Belief(*prior).after(True, 0.9, prior).after(False, 0.9, prior)
    assert short == pytest.approx((2 + 0.9, 2.0))


@pytest.mark.parametrize("regime", ["++", "--", "-+", "+-"])
def test_expected_utility_finds_the_best_q(regime: str) -> None:
    """All games at once, against a grid of 4001 and the interval between its points."""
    rng = np.random.default_rng(1)
    games = sample_games(150, rng, regime)
    belief = Belief(rng.uniform(0.3, 10, 150), rng.uniform(0.3, 10, 150))
    q = expected_utility(games, belief)
    mine = expected_payoffs(games, belief, q).utility
    grid = np.linspace(0, 1, 4001)[:, None]
    best = np.max(expected_payoffs(games, belief, grid).utility, axis=0)
    assert np.all(mine >= best - 1e-12 * games.value)
    assert np.all(mine <= best + 1e-4 * games.value)
    if regime in ("++", "--"):
        np.testing.assert_array_equal(q, 0.0 if regime == "++" else 1.0)


def test_with_much_doubt_an_interior_q_pays_even_at_a_jump() -> None:
    game = Game(1.0, 1.0, (0.3, 0.7), (0.4, 0.5), (0.2, 0.5))
    q = expected_utility(game, Belief(1, 2))
    assert game.regime == "-+"
    assert 0.05 < q < 0.95
    ends = expected_payoffs(game, Belief(1, 2), np.array([0.0, 1.0])).utility
    assert expected_payoffs(game, Belief(1, 2), q).utility > ends.max() + 1e-4


def value_of_one_task(game: Game, belief: Belief, most: int = 400) -> float:
    """What staying after a failed pass of M1 is worth, by recursion over keeps: leave or stay after each of them."""
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


def rules_differ(regime: str, n: float) -> tuple[np.ndarray, np.ndarray]:
    """|q - q'| of plug-in and expected utility, and the loss over V: 1500 random games, uniform means, a + b = n."""
    rng = np.random.default_rng(5)
    games, m = sample_games(1500, rng, regime), rng.random(1500)
    belief = Belief(m * n, (1 - m) * n)
    q, plug = expected_utility(games, belief), plug_in(games, belief)
    loss = expected_payoffs(games, belief, q).utility - expected_payoffs(games, belief, plug).utility
    assert np.all(loss > -1e-10)
    return np.abs(q - plug), loss / games.value


def test_at_a_jump_the_mean_is_enough_once_it_is_certain() -> None:
    for n, share in {2: 0.20, 5: 0.09, 20: 0.03, 100: 0.0}.items():
        assert np.mean(rules_differ("-+", n)[0] > 1e-6) == pytest.approx(share, abs=0.03)


def test_on_a_ramp_the_mean_is_never_quite_enough_but_hardly_costs() -> None:
    """Wherever the reply is mixed it depends on the whole belief: in about one game of seven, however certain."""
    losses = []
    for n in (2, 5, 20, 100):
        difference, loss = rules_differ("+-", n)
        assert np.mean(difference > 1e-6) == pytest.approx(0.145, abs=0.03)
        losses.append(loss.mean())
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.01 * losses[0]


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
    assert Optimistic(T5, 1.0, checks="task").leaving(belief, 10, np.random.default_rng(0)) < plug_in(T5, belief)


def test_told_utility_is_a_maximum_over_policies() -> None:
    rng = np.random.default_rng(10)
    for regime in ("++", "--", "-+", "+-"):
        games, s = sample_games(200, rng, regime), rng.random(200)
        for k in range(200):
            game, q = games[k], np.linspace(0, 1, 1001)
            assert told_utility(game, s[k], "task") == pytest.approx(payoffs(game, 1, s[k], q).utility.max(), abs=2e-4)
            assert told_utility(game, s[k]) >= told_utility(game, s[k], "task") - 1e-12  # it sees more
