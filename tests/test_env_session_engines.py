"""Engines of sessions: the law of the scalar session, values of plans, seeds, refusals."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector.utils import batch_space

from routing_game.agents import BeliefUser, ConstantCascade
from routing_game.envs import ProviderSessions, SessionEnv, UserSessions
from routing_game.theory import GAMES, payoffs
from routing_game.theory.belief import Belief
from routing_game.theory.belief_plan import plan_after_failure
from routing_game.theory.belief_rules import (
    ForcedStays,
    Optimistic,
    PlugIn,
    Thompson,
    after_failure,
)
from routing_game.theory.reputation import memoryless_discounted, reputation, reputation_discounted

T4, T5 = GAMES["t4-cascade"], GAMES["t5-cascade"]
UNIFORM = Belief(1.0, 1.0)


def play(engine, act, seed=0):
    """The sum of rewards of the first session of each environment."""
    observation, _ = engine.reset(seed=seed)
    total, playing = np.zeros(engine.num_envs), np.ones(engine.num_envs, dtype=bool)
    while playing.any():
        observation, reward, over, truncated, _ = engine.step(act(observation))
        assert not truncated.any()
        total += reward * playing
        playing &= ~over
    return total


def agrees(sample, expected):
    return abs(sample.mean() - expected) <= 4 * sample.std() / np.sqrt(sample.size)


def counts(observation, prior):
    """(escalated, kept) of (n, 3) observations, without the prior."""
    return np.rint(observation[:, 1:] - prior).astype(int).T


@pytest.mark.parametrize(
    ("make", "width"),
    [
        (lambda: ProviderSessions(T4, PlugIn(T4), 5), 3),
        (lambda: ProviderSessions(T4, PlugIn(T4, "task"), 5, observes="task"), 2),
        (lambda: UserSessions(T4, 5, 3), 3),
        (lambda: UserSessions("t5-cascade", 5, 3, observes=4), 5),
    ],
)
def test_contract(make, width):
    """Spaces, seeds, and sessions that begin anew in the step that ends them."""
    engine, twin, ended = make(), make(), 0
    assert engine.observation_space == batch_space(engine.single_observation_space, 5)
    first, again = (e.reset(seed=7)[0] for e in (engine, twin))
    assert first.shape == (5, width)
    assert (first == again).all()
    rng = np.random.default_rng(0)
    for _ in range(300):
        actions = rng.integers(2, size=5)
        observation, reward, over, truncated, info = engine.step(actions)
        other = twin.step(actions)
        assert engine.observation_space.contains(observation)
        assert (observation == other[0]).all()
        assert (reward == other[1]).all()
        assert over.dtype == truncated.dtype == bool
        assert over.any() == ("final_obs" in info)
        if over.any():
            assert (info["_final_obs"] == over).all()
        ended += over.sum()
    assert ended >= 5
    assert (engine.reset(seed=7)[0] == first).all()


@pytest.mark.parametrize("checks", ["failure", "task"])
@pytest.mark.parametrize("game", [T4, T5])
def test_a_provider_that_commits_pays_what_the_scalar_session_says(game, checks):
    rng, tasks, s = np.random.default_rng(0), 8, 0.3
    rule = PlugIn(game, checks)
    batch = ProviderSessions(game, rule, 4000, going_on=1.0, tasks=tasks, fee=0.4)
    fast = play(batch, lambda seen: ((seen[:, 0] > 0) & (rng.random(len(seen)) < s)).astype(int))
    env = SessionEnv(game, BeliefUser(game, rule, rng), tasks=tasks, fee=0.4)
    slow, provider = np.zeros(150), ConstantCascade(s, rng)
    for k in range(slow.size):
        observation, over = env.reset(seed=k)[0], False
        while not over:
            observation, reward, over, _, _ = env.step(provider.act(observation))
            slow[k] += reward
    error = np.hypot(fast.std() / np.sqrt(fast.size), slow.std() / np.sqrt(slow.size))
    assert abs(fast.mean() - slow.mean()) < 4 * error


@pytest.mark.parametrize("checks", ["failure", "task"])
def test_the_best_plan_is_worth_its_value_in_play(checks):
    """With an end and without discount; and for ever, with g as the chance to go on."""
    rule = PlugIn(T4, checks)

    def user(belief):
        return rule.leaving(belief, 1, np.random.default_rng(0))

    plan = reputation_discounted(T4, UNIFORM, 0.5, user, checks)

    def act(seen):
        escalated, kept = counts(seen, UNIFORM)
        return np.where(
            seen[:, 0] > 0, plan.escalating[escalated, kept], plan.reasoning[escalated, kept]
        ).astype(int)

    total = play(ProviderSessions(T4, rule, 8000, UNIFORM, going_on=0.5), act)
    assert agrees(-0.5 * total, plan.cost)

    def place(belief):
        return tuple(np.rint(np.subtract(belief, 1)).astype(int))

    ended = reputation(
        T4,
        UNIFORM,
        8,
        user,
        checks,
        escalating=lambda belief: plan.escalating[place(belief)],
        starting=lambda belief: plan.reasoning[place(belief)],
        reach=40,
    )
    total = play(ProviderSessions(T4, rule, 8000, UNIFORM, going_on=1.0, tasks=8), act, seed=1)
    assert agrees(-total, ended.cost[8])


@pytest.mark.parametrize("checks", ["failure", "task"])
def test_a_memoryless_provider_pays_what_its_recursion_says(checks):
    chances, rng, rule = (
        np.array([0.1, 0.4, 0.2, 0.7, 1.0]),
        np.random.default_rng(1),
        PlugIn(T4, checks),
    )
    exact = memoryless_discounted(
        T4, UNIFORM, 0.8, lambda x: rule.leaving(x, 1, rng), chances, checks, draws=300
    )
    engine = ProviderSessions(T4, rule, 8000, UNIFORM, going_on=0.8, observes="task")
    total = play(
        engine, lambda seen: (rng.random(len(seen)) < chances[seen[:, 1].astype(int)]).astype(int)
    )
    assert agrees(-0.2 * total, exact)


def test_a_memoryless_provider_that_knows_no_keep_is_a_commitment():
    """s = 1, and M2 at once: users see only escalations, and stay."""

    def never(belief):
        return np.zeros(np.shape(belief.mean))

    always = memoryless_discounted(T4, UNIFORM, 0.9, never, np.array([0.0, 1.0]), draws=200)
    assert always == pytest.approx(float(payoffs(T4, 1, 1.0, 0.0).cost), abs=1e-9)
    at_once = memoryless_discounted(T4, UNIFORM, 0.9, never, np.array([1.0, 1.0]), draws=200)
    assert at_once == pytest.approx(float(T4.cost_of_pass[1]), abs=1e-9)


@pytest.mark.parametrize(
    "rule", [Thompson(T4), Optimistic(T4), ForcedStays(T4), Thompson(T4, "failure")]
)
def test_any_rule_may_be_the_user(rule):
    """Also those that draw, or count tasks, which differ from session to session."""
    engine = ProviderSessions(T4, rule, 500, going_on=0.9)
    total = play(engine, lambda seen: (seen[:, 0] > 0).astype(int))
    assert -T4.leaving_cost[0] * 200 < total.mean() < 0


@pytest.mark.parametrize("prior", [Belief(1.0, 4.0), Belief(2.0, 1.0)])
@pytest.mark.parametrize("game", [T4, T5])
def test_users_by_plan_get_its_value(game, prior):
    tasks = 12
    plans = [
        plan_after_failure(game, prior, tasks),
        plan_after_failure(game, prior, tasks, lambda belief: after_failure(game, belief)),
    ]

    for seed, plan in enumerate(plans):

        def act(seen, plan=plan):
            escalated, kept = counts(seen, prior)
            to_come = np.rint((1 - seen[:, 0]) * tasks).astype(int)
            return (plan.leaving[to_come - 1, escalated, kept] > 0.5).astype(int)

        assert agrees(play(UserSessions(game, 8000, tasks, prior), act, seed), plan.value[tasks])


def test_a_table_of_the_plan_has_the_value_of_the_plan():
    plan = plan_after_failure(T4, UNIFORM, 10)
    assert plan_after_failure(T4, UNIFORM, 10, lambda belief: plan.leaving).value == pytest.approx(
        plan.value, abs=1e-12
    )


def test_the_window_holds_the_last_draws():
    """Newest first; and as many draws as the counts, until it is full."""
    engine, shadow = UserSessions(T4, 50, 10, observes=4), UserSessions(T4, 50, 10)
    window, told = engine.reset(seed=3)[0], shadow.reset(seed=3)[0]
    for _ in range(60):
        drawn = told[:, 1:].sum(axis=1) - 2
        assert (np.count_nonzero(window[:, 1:], axis=1) == np.minimum(drawn, 4)).all()
        full = drawn <= 4
        assert ((window[:, 1:] > 0).sum(axis=1) == told[:, 1] - 1)[full].all()
        before, counts_before = window, told
        stay = np.zeros(50, dtype=int)
        window, _, over, _, _ = engine.step(stay)
        told = shadow.step(stay)[0]
        newest = np.where(told[:, 1] > counts_before[:, 1], 1.0, -1.0)
        assert (window[~over, 1] == newest[~over]).all()
        assert (window[~over, 2:] == before[~over, 1:-1]).all()


class Leaves:
    """A rule whose q is what it is told."""

    checks = "task"

    def __init__(self, q):
        self.q = q

    def leaving(self, belief, task, rng):
        return self.q


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ProviderSessions(T4, PlugIn(T4), 2, observes="all"), "observes"),
        (lambda: ProviderSessions(T4, PlugIn(T4), 2, going_on=1.0), "tasks a number"),
        (lambda: ProviderSessions(T4, PlugIn(T4), 2, going_on=1.5), "going_on"),
        (lambda: ProviderSessions(T4, PlugIn(T4), 2, prior=(0, 1)), "prior"),
        (lambda: ProviderSessions(T4, PlugIn(T4), 2, fee=np.nan), "fee"),
        (lambda: ProviderSessions(T4, PlugIn(T4, "tasks"), 2), "checks"),
        (
            lambda: ProviderSessions(T4, Leaves(1.5), 2).reset(seed=0),
            "chance of leaving must lie in",
        ),
        (lambda: UserSessions(T4, 2, observes=0), "observes"),
        (lambda: UserSessions(T4, 2, tasks=0), "tasks"),
        (lambda: UserSessions("t4-cascade", 0), "num_envs"),
    ],
)
def test_wrong_arguments_are_named(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_wrong_actions_are_refused():
    engine = UserSessions(T4, 2)
    with pytest.raises(gym.error.ResetNeeded):
        engine.step(np.zeros(2, dtype=int))
    engine.reset(seed=0)
    for actions in (np.array([0.0, 1.0]), np.array([0, 2]), np.zeros(3, dtype=int)):
        with pytest.raises(ValueError, match="actions"):
            engine.step(actions)
