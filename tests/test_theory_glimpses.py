"""What a user loses who sees a part of the commitment, by sums over fine grids of s."""

import numpy as np
import pytest
from scipy.stats import binom, norm

from routing_game.theory import GAMES, Game, payoffs
from routing_game.theory.chain import Chain, evaluate
from routing_game.theory.chain_solve import stopping_payoffs, stopping_regret
from routing_game.theory.glimpses import VALUES, counted, noisy, unseen

S = (np.arange(4000) + 0.5) / 4000
Q = np.linspace(0.0, 1.0, 1001)
SLOW = Game(1.0, 1.0, (0.002, 0.7), (0.01, 0.5), (0.1, 0.5))
"""A success of M1 is rare: U bends sharply at small s."""
CASES = {"t4-cascade": GAMES["t4-cascade"], "t5-cascade": GAMES["t5-cascade"], "slow": SLOW}


def expected(game, weight, q):
    """E U1 for each q, s being weighed so."""
    q = np.atleast_1d(q)
    value = payoffs(game, 1, S, q[:, None]).utility
    return (value * weight).sum(axis=1) / weight.sum()


def lost(game, weights, answers, answers_2):
    """Mean loss: on route 1 of an answer to each glimpse, s being weighed so; on route 2."""
    weights = np.array(weights)  # (glimpses, s)
    best = (weights @ payoffs(game, 1, S, Q[:, None]).utility.T).max(axis=1)
    own = (weights * payoffs(game, 1, S, answers[:, None]).utility).sum(axis=1)
    on_2 = payoffs(game, 2, 0.0, Q).utility.max() - payoffs(game, 2, 0.0, answers_2).utility
    return (np.sum(best - own) + np.sum(weights.sum(axis=1) * on_2)) / S.size / 2


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("tosses", [0, 1, 5])
def test_what_a_count_of_tosses_loses(name, tosses):
    game, rng = CASES[name], np.random.default_rng(tosses)
    weights = [binom(tosses, S).pmf(k) for k in range(tosses + 1)]
    answers = rng.random(2 * (tosses + 1))
    seen = counted(game, tosses)
    np.testing.assert_array_equal(seen.route, np.repeat([1, 2], tosses + 1))
    np.testing.assert_array_equal(seen.seen, [*range(tosses + 1)] * 2)
    right = lost(game, weights, *np.split(answers, 2))
    assert seen.regret(answers) == pytest.approx(right, rel=2e-3, abs=1e-5)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("sd", [0.05, 0.5, 40.0])
def test_what_a_noisy_look_loses(name, sd):
    game, rng = CASES[name], np.random.default_rng(1)
    between = (np.arange(VALUES) + 0.5) / VALUES
    weights = [norm.cdf(-S / sd)]
    weights += [norm.pdf(y, S, sd) / VALUES for y in between]
    weights += [norm.sf(1, S, sd)]
    answers = rng.random(2 * len(weights))
    seen = noisy(game, sd)
    np.testing.assert_array_equal(seen.seen, [0.0, *between, 1.0] * 2)
    np.testing.assert_allclose(seen.chance * 2, [w.mean() for w in weights] * 2, atol=1e-4)
    right = lost(game, weights, *np.split(answers, 2))
    assert seen.regret(answers) == pytest.approx(right, rel=5e-3, abs=1e-4)


@pytest.mark.parametrize("name", CASES)
def test_what_one_answer_to_everything_loses(name):
    game = CASES[name]

    def mean(q):
        return (expected(game, np.ones(S.size), q) + payoffs(game, 2, 0.0, q).utility) / 2

    for q in (0.0, 0.3, 1.0):
        right = mean(Q).max() - mean(np.array([q]))[0]
        assert unseen(game).regret([q]) == pytest.approx(right, rel=2e-3, abs=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_the_best_answers_lose_nothing_and_no_others_gain(name):
    game, rng = CASES[name], np.random.default_rng(2)
    for seen in (counted(game, 0), counted(game, 3), unseen(game), noisy(game, 0.1)):
        tried = np.linspace(0.0, 1.0, 101) ** 3  # U bends most where q is small
        grid = np.array([seen.utility(np.full(seen.route.shape, q)) for q in tried])
        assert np.all(grid <= seen.best + 1e-12)
        assert seen.regret(tried[grid.argmax(axis=0)]) <= 1e-4
        assert seen.regret(rng.random(seen.route.shape)) > 0
        assert seen.chance.sum() == pytest.approx(1)


def test_little_noise_and_many_tosses_are_as_good_as_sight():
    """Who answers what it sees as if it were s then loses next to nothing."""
    game = GAMES["t4-cascade"]
    s0 = 4 / 19  # of t4-cascade: the user leaves below, stays above

    def at(seen, unit):
        return np.where((seen.route == 1) & (seen.seen / unit < s0), 1.0, 0.0)

    fine, coarse = noisy(game, 1e-3), noisy(game, 0.3)
    assert fine.regret(at(fine, 1.0)) < 1e-5 < coarse.regret(at(coarse, 1.0))
    many = counted(game, 1000)
    assert many.regret(at(many, 1000)) < 1e-5


def test_a_model_blind_user_is_a_special_case_of_one_who_sees_the_model():
    game, rng = GAMES["t5-cascade"], np.random.default_rng(3)
    route, cascade, q = rng.integers(1, 3, 50), rng.random(50), rng.random(50)
    ours, right = stopping_payoffs(game, route, cascade, q, q), payoffs(game, route, cascade, q)
    np.testing.assert_allclose(ours.utility, right.utility, rtol=1e-12)
    np.testing.assert_allclose(ours.cost, right.cost, rtol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_a_stopping_user_s_regret_is_against_the_best_of_four_plans(name):
    game, rng = CASES[name], np.random.default_rng(4)
    for route, s, q1, q2 in zip(
        rng.integers(1, 3, 40), rng.random(40), *rng.random((2, 40)), strict=True
    ):
        chain = Chain.of(game, s)
        plans = [(a, b) for a in (0.0, 1.0) for b in (0.0, 1.0)]
        best = max(evaluate(chain, int(route), plan).utility for plan in plans)
        own = evaluate(chain, int(route), (q1, q2)).utility
        assert stopping_regret(game, route, s, q1, q2) == pytest.approx(best - own, abs=1e-12)


def test_what_no_glimpse_shows_is_refused():
    for make, number, hint in ((counted, -1, "tosses"), (noisy, 0.0, "sd"), (noisy, np.inf, "sd")):
        with pytest.raises(ValueError, match=hint):
            make(GAMES["t4-cascade"], number)
