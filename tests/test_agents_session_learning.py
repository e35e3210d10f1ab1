"""The user that explores first: what it learns of a session, and that its plan is the right one."""

import gymnasium as gym
import numpy as np
import pytest

from routing_game.agents import ConstantCascade, ExploringUser, PlanningUser
from routing_game.agents.session_learning import Parts, Practice, _foretell, backwards
from routing_game.envs import UserSessions
from routing_game.theory import GAMES, Game
from routing_game.theory.belief import Belief
from routing_game.theory.belief_plan import plan_after_failure
from routing_game.theory.belief_rules import after_failure, worth_of_reasoning

T4, T5, TASKS = GAMES["t4-cascade"], GAMES["t5-cascade"], 12
LOW, EVEN = Belief(1.0, 4.0), Belief(1.0, 1.0)
HARD = Game(1.0, 1.0, (0.02, 0.4), (0.03, 0.1), (0.01, 0.3))
"""M1 nearly always fails: hundreds of keeps in a session, and s0 is small."""
LITTLE = Practice(256, 128)


def trained(game, prior, seed=0, tasks=TASKS, practice=LITTLE):
    engine = UserSessions(game, practice.width, tasks, prior)
    user = ExploringUser(engine, np.random.default_rng(seed), game, tasks, prior, practice)
    return user, [*user.train()]


def true_parts(game):
    """What there is to learn, by definition."""
    latency = float(game.latency[0])
    worth = float(worth_of_reasoning(game)), float(game.value) - latency, -latency
    return Parts(*worth, float(game.success[0]), np.array([0.0, 1.0, -1.0]))


def regrets(game, prior, user, tasks=TASKS):
    """In per cent of T V: of what was learned, and of the myopic user."""
    best = plan_after_failure(game, prior, tasks).value[tasks]
    rules = user.plan, lambda belief: after_failure(game, belief)
    values = [plan_after_failure(game, prior, tasks, rule).value[tasks] for rule in rules]
    return [100 * (best - value) / (tasks * game.value) for value in values]


@pytest.mark.parametrize("game", [T4, T5, HARD])
@pytest.mark.parametrize("prior", [LOW, EVEN])
def test_it_plans_where_the_myopic_user_never_stays(game, prior):
    user, _ = trained(game, prior)
    learned, myopic = regrets(game, prior, user)
    assert -1e-9 < learned < max(0.02, 0.1 * myopic)


def test_there_was_something_to_lose():
    """Or the test above would say nothing."""
    assert regrets(T4, LOW, trained(T4, LOW)[0])[1] > 1


@pytest.mark.parametrize("game", [T4, T5])
def test_it_learns_the_parts_of_a_session(game):
    user, counted = trained(game, EVEN)
    assert counted[-1] == 256 * 128
    assert counted == sorted(counted)
    for learned, true in zip(user.parts, true_parts(game), strict=True):
        assert np.allclose(learned, true, atol=0.08)


def test_bayes_rule_is_learned_from_draws():
    """Draws whose chance is a / (a + b) at counts (a, b)."""
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 30, (100_000, 2)).astype(float)
    escalated = rng.random(100_000) < counts[:, 0] / counts.sum(axis=1)
    assert np.allclose(_foretell(counts, escalated), [0, 1, -1], atol=0.05)
    nothing_new = _foretell(counts[:3], np.ones(3, dtype=bool))
    assert np.isfinite(nothing_new).all()


@pytest.mark.parametrize("game", [T4, T5, HARD])
def test_with_the_true_parts_its_plan_is_the_best_one(game):
    best = plan_after_failure(game, LOW, TASKS)
    leaves = backwards(true_parts(game), LOW, TASKS, best.leaving.shape[2])
    own = plan_after_failure(game, LOW, TASKS, lambda _: leaves.astype(float))
    assert np.isclose(own.value[TASKS], best.value[TASKS], rtol=1e-12)


def test_a_plan_that_ends_early_goes_on_as_if_its_last_belief_stayed():
    """With the reach of the best plan, or a fifth of it, play within both is all but the same."""
    full = backwards(true_parts(T4), EVEN, TASKS, 300)
    short = backwards(true_parts(T4), EVEN, TASKS, 60)
    assert np.mean(full[:, :, :30] != short[:, :, :30]) < 0.01


def test_all_randomness_is_the_generators():
    plans = [trained(T4, LOW, seed)[0].rule.table for seed in (3, 3)]
    assert np.array_equal(*plans)


def test_it_stays_until_it_has_learned():
    engine = UserSessions(T4, 4, TASKS, LOW)
    user = ExploringUser(engine, np.random.default_rng(0), T4, TASKS, LOW)
    assert user.leaving(1) == 0.0
    assert user.parts is None


def test_it_plays_sessions_as_its_plan_says():
    """As the planning user does, once they agree on the plan, and as `decide` says."""
    user, _ = trained(T4, LOW)
    other = PlanningUser(T4, TASKS, np.random.default_rng(0), LOW)
    table = plan_after_failure(T4, LOW, TASKS).leaving
    user.rule.table = table
    totals = []
    for player in (user, other):
        env = gym.make("RoutingGame/Session-v0", game=T4, user=player, tasks=TASKS)
        provider = ConstantCascade(0.2, np.random.default_rng(1))
        observation, _ = env.reset(seed=5)
        over, total = False, 0.0
        while not over:
            observation, reward, over, _, _ = env.step(provider.act(observation))
            total += reward
        totals.append(total)
    assert totals[0] == totals[1]
    seen = np.array([[0.0, 1.0, 4.0], [0.5, 1.0, 9.0]])
    actions, _ = user.decide(seen)
    assert list(actions) == [table[11, 0, 0], table[5, 0, 5]]


def test_what_it_cannot_learn_from():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="tasks must be as many as the engine's"):
        ExploringUser(UserSessions(T4, 4, 5), rng, T4, 6)
    window = ExploringUser(UserSessions(T4, 4, 6, observes=3), rng, T4, 6)
    with pytest.raises(ValueError, match='must observe "belief"'):
        next(window.train())
