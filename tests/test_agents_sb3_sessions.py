"""Learners of sessions: what they promise, seeds, and that they learn; long checks are slow."""

import gymnasium as gym
import numpy as np
import pytest
import torch

from routing_game.agents import (
    PPOBeliefUser,
    PPOBlind,
    PPOReputation,
    PPOWindowUser,
    RecurrentUser,
    StoppingUser,
)
from routing_game.agents.sb3 import Settings
from routing_game.agents.sb3_sessions import SETTINGS
from routing_game.envs import ProviderSessions, UserSessions
from routing_game.envs.sb3 import SB3VecEnv
from routing_game.experiments.hidden.reputation import best_blind, leaving
from routing_game.theory import GAMES
from routing_game.theory.belief import Belief
from routing_game.theory.belief_plan import plan_after_failure
from routing_game.theory.belief_rules import PlugIn
from routing_game.theory.reputation import memoryless_discounted, reputation_discounted

T4, UNIFORM, TASKS = GAMES["t4-cascade"], Belief(1.0, 1.0), 6
PROVIDERS = {PPOReputation: "belief", PPOBlind: "task"}
USERS = {PPOBeliefUser: "belief", PPOWindowUser: 3, RecurrentUser: 1}


pytestmark = pytest.mark.usefixtures("one_thread")


def little(kind, width=32, steps=16, updates=2):
    """The learner's settings, with less of everything."""
    known = SETTINGS[kind.name]
    return Settings(width, steps, updates, known.learning_rate, known.noise, options=known.options)


def provider(kind, seed=0, settings=None, g=0.5, checks="failure"):
    settings = settings or little(kind)
    env = SB3VecEnv(
        ProviderSessions(
            T4, PlugIn(T4, checks), settings.width, UNIFORM, g, observes=PROVIDERS[kind]
        )
    )
    env.seed(seed)
    return kind(env, np.random.default_rng(seed), settings)


def user(kind, seed=0, settings=None, tasks=TASKS, prior=UNIFORM):
    settings = settings or little(kind)
    env = SB3VecEnv(UserSessions(T4, settings.width, tasks, prior, USERS[kind]))
    env.seed(seed)
    return kind(env, np.random.default_rng(seed), T4, tasks, prior, settings)


def regret(learner, g, checks):
    """Share of the best plan's cost, by the recursion that gave it."""
    user, known = leaving(T4, checks), {"draws": 800}
    best = reputation_discounted(T4, UNIFORM, g, user, checks, **known).cost
    policy = {"escalating": learner.escalating, "starting": learner.starting}
    learned = reputation_discounted(T4, UNIFORM, g, user, checks, **policy, **known).cost
    assert learned >= best - 1e-12
    return learned / best - 1


def weights(learner):
    return torch.cat([p.flatten() for p in learner._model.policy.parameters()])


@pytest.mark.parametrize("kind", [*PROVIDERS, *USERS])
def test_training_depends_on_the_seed_alone(kind):
    make = provider if kind in PROVIDERS else user
    first, again, other = make(kind), make(kind), make(kind, seed=1)
    expected = [little(kind).width * little(kind).steps * n for n in (1, 2)]
    for learner in (first, again, other):
        steps = []
        for n in learner.train():
            steps.append(n)
            np.random.rand(), torch.rand(1)  # noqa: NPY002  (others who draw from the global generators)
        assert steps == expected
    assert torch.equal(weights(first), weights(again))
    assert not torch.equal(weights(first), weights(other))


@pytest.mark.parametrize("kind", USERS)
def test_a_user_plays_the_scalar_session_as_it_does_the_engine(kind):
    """Histories told draw by draw get the replies of observations; failures of M2 the exact one."""
    learner = user(kind)
    [*learner.train()]
    assert learner.leaving(2) == StoppingUser(T4).abandon_after(1, 0.5, 2)
    engine = UserSessions(T4, 1, TASKS, UNIFORM, USERS[kind])
    observation, over = engine.reset(seed=5)[0], False
    learner.begin()
    state, begins, seen = None, np.ones(1, dtype=bool), 0
    while not over:
        while learner._over < engine.played[0]:
            learner.cancelling(True)
        action, state = learner.decide(observation, state, begins)
        assert learner.leaving(1) == action[0]
        before = engine.a[0], engine.b[0]
        observation, _, begins, _, _ = engine.step(np.zeros(1, dtype=int))
        over = bool(begins[0])
        if not over:
            learner.see_draw(bool(engine.a[0] > before[0]))
            seen += 1
    assert seen >= 3


@pytest.mark.parametrize("kind", PROVIDERS)
def test_a_provider_plays_the_scalar_session(kind):
    learner = provider(kind)
    env = gym.make("RoutingGame/Session-v0", tasks=5)
    observation, over = env.reset(seed=0)[0], False
    while not over:
        action = learner.act(observation)
        if kind is PPOReputation:
            place = learner.escalating if observation[1] else learner.starting
            assert action == place(Belief(1 + observation[3], 1 + observation[4]))
        observation, _, over, _, _ = env.step(action)


def test_the_fee_follows_the_cost_of_a_task():
    learner = provider(PPOReputation, settings=little(PPOReputation, width=256, updates=4))
    *_, _ = learner.train()
    (fee, *_) = learner._model.env.get_attr("fee")
    assert 0.5 < fee < 1.3


def test_chances_of_a_blind_provider_are_those_it_plays():
    learner = provider(PPOBlind)
    [*learner.train()]
    seen = np.repeat(np.array([[0, 0], [1, 1], [1, 2]], dtype=np.float32), 4000, axis=0)
    drawn = learner.decide(seen, greedy=False)[0].reshape(3, -1).mean(axis=1)
    assert drawn == pytest.approx(learner.chances(2), abs=0.04)


def test_a_user_learns_to_stay_or_to_leave():
    """Under a good prior staying is right, under a bad one leaving is, but for the first look."""
    settings = little(PPOBeliefUser, width=256, steps=32, updates=10)
    for prior in (Belief(4.0, 2.0), Belief(1.0, 9.0)):
        learner = user(PPOBeliefUser, settings=settings, prior=prior)
        [*learner.train()]
        best = plan_after_failure(T4, prior, TASKS)
        value = plan_after_failure(T4, prior, TASKS, learner.plan).value[TASKS]
        never = TASKS * float(T4.net_value[0])
        always = plan_after_failure(
            T4, prior, TASKS, lambda belief: np.zeros(belief.mean.shape)
        ).value[TASKS]
        assert max(never, always) - 0.05 < value <= best.value[TASKS] + 1e-12


@pytest.mark.slow
@pytest.mark.parametrize(("g", "checks"), [(0.99, "failure"), (0.99, "task"), (0.5, "task")])
def test_ppo_that_sees_the_belief_comes_close_to_the_best_plan(g, checks):
    """On average over seeds: about one in sixteen, seed 0 at g = .99 among them, ends 6 % above."""
    regrets = []
    for seed in range(4):
        learner = provider(PPOReputation, seed, SETTINGS["ppo-belief"], g, checks)
        [*learner.train()]
        regrets.append(regret(learner, g, checks))
    assert np.mean(regrets) < 0.03


@pytest.mark.slow
@pytest.mark.parametrize("checks", ["failure", "task"])
def test_ppo_that_does_not_see_the_belief_comes_close_to_the_best_plan_that_does_not(checks):
    best = best_blind(T4, (checks, 0.99))["cost"]
    for seed in range(2):
        learner = provider(PPOBlind, seed, SETTINGS["ppo-blind"], 0.99, checks)
        [*learner.train()]
        cost = memoryless_discounted(
            T4, UNIFORM, 0.99, leaving(T4, checks), learner.chances(30), checks
        )
        assert best * (1 - 1e-4) < cost < 1.05 * best


@pytest.mark.slow
@pytest.mark.parametrize("kind", [PPOBeliefUser])
def test_ppo_users_learn_most_of_what_planning_is_worth(kind):
    prior, tasks = Belief(1.0, 4.0), 30
    learner = user(kind, settings=SETTINGS[kind.name], tasks=tasks, prior=prior)
    [*learner.train()]
    best = plan_after_failure(T4, prior, tasks)
    value = plan_after_failure(T4, prior, tasks, learner.plan).value[tasks]
    myopic = tasks * float(T4.net_value[0])  # leaves at once, for ever
    assert best.value[tasks] - value < 0.25 * (best.value[tasks] - myopic)
