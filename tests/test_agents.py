"""What every agent promises, whoever it is."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from worlds import world_of_many

import routing_game.agents as agents
from routing_game.agents import sb3_providers, sb3_users
from routing_game.envs import (
    AnswerVectorEnv,
    ProviderEnv,
    ProviderVectorEnv,
    SessionEnv,
    UserVectorEnv,
)
from routing_game.envs.sb3 import SB3VecEnv
from routing_game.theory import GAMES, Commitment, Task, best_response, load

GAME = load("t4-cascade")
RNG = np.random.default_rng(0)
SHORT = replace(sb3_users.USER, updates=1, steps=4)
SHORT_ANSWER = replace(sb3_users.ANSWER, updates=2, steps=4)
SHORT_ALIASED = replace(
    sb3_users.ALIASED,
    updates=1,
    steps=4,
    options={**sb3_users.ALIASED.options, "gradient_steps": 1},
)


def seeded(engine):
    env = SB3VecEnv(engine)
    env.seed(1)
    return env


def trained(agent):
    for _ in agent.train():
        pass
    return agent


def sb3(provider, rng):
    settings = sb3_providers.SETTINGS[provider.name]
    settings = replace(
        settings, updates=1, steps=4, options={**settings.options, **FEW.get(provider.name, {})}
    )
    return trained(provider(seeded(ProviderVectorEnv(8, GAME)), rng, settings))


FEW = {
    name: {"gradient_steps": 1, "batch_size": 8, "buffer_size": 64}
    for name in ("td3", "sac", "dqn")
}
PROVIDERS = {
    "fixed": lambda rng: agents.FixedProvider(1, 0.25),
    "equilibrium": lambda rng: agents.EquilibriumProvider(GAME),
    "ucb": lambda rng: agents.UCB(),
    "ucb-tuned": lambda rng: agents.UCBTuned(),
    "thompson": agents.Thompson,
    "epsilon-greedy": agents.EpsilonGreedy,
    "exp3": agents.EXP3,
    "elimination": lambda rng: agents.Elimination(),
    "zooming": lambda rng: agents.Zooming(),
    "structural": lambda rng: agents.Structural(GAME.cost, GAME.penalty, rng),
    "gradient": lambda rng: trained(agents.GibbsGradient(GAME, rng, iterations=3)),
    "gradient-implicit": lambda rng: trained(agents.ImplicitGradient(GAME, rng, iterations=3)),
    "gradient-simultaneous": lambda rng: trained(
        agents.SimultaneousGradient(GAME, rng, iterations=3)
    ),
    "reinforce-blind": lambda rng: trained(
        agents.ReinforceBlind(world_of_many(GAME, rng), rng, updates=3, width=8)
    ),
    "ppo": lambda rng: sb3(agents.PPOProvider, rng),
    "a2c": lambda rng: sb3(agents.A2CProvider, rng),
    "sac": lambda rng: sb3(agents.SACProvider, rng),
    "td3": lambda rng: sb3(agents.TD3Provider, rng),
    "dqn": lambda rng: sb3(agents.DQNProvider, rng),
}
TRAINED = (
    "gradient",
    "gradient-implicit",
    "gradient-simultaneous",
    "reinforce-blind",
    *sb3_providers.SETTINGS,
)
PLANNERS = ("elimination", "zooming")
USERS = {
    "fixed": lambda rng: agents.FixedUser(0.3),
    "exact": lambda rng: agents.BestResponseUser(GAME),
    "weak": lambda rng: agents.BestResponseUser(GAME, ties="weak"),
    "quantal": lambda rng: agents.QuantalUser(GAME, temperature=0.1),
    "ppo": lambda rng: trained(agents.PPOUser(seeded(UserVectorEnv(8, GAME)), rng, SHORT)),
    "ppo-answer": lambda rng: trained(
        agents.PPOAnswerUser(seeded(AnswerVectorEnv(8, GAME)), rng, SHORT_ANSWER)
    ),
    "dqn": lambda rng: trained(agents.DQNUser(seeded(UserVectorEnv(8, GAME)), rng, SHORT_ALIASED)),
}
SESSION_PROVIDERS = {
    "constant": lambda rng: agents.ConstantCascade(0.3, rng),
    "reputation": lambda rng: agents.ReputationProvider(GAME),
    "planning": lambda rng: agents.PlanningProvider(GAME, 5),
}
MODEL_USERS = {
    "stopping": lambda rng: agents.StoppingUser(GAME),
    "ppo": lambda rng: trained(
        agents.PPOModelUser(seeded(UserVectorEnv(8, GAME, observes="model")), rng, SHORT)
    ),
}


def play(provider, tasks):
    """Commitments and recommendations over some tasks of GAME against the exact user."""
    env = ProviderEnv(GAME)
    env.reset(seed=2)
    history = []
    for _ in range(tasks):
        commitment = provider.act()
        task = env.step(commitment)[-1]["task"]
        provider.update(commitment, task)
        history.append((commitment, provider.recommend()))
    return history


@pytest.mark.parametrize("make", PROVIDERS.values(), ids=PROVIDERS)
def test_provider_contract(make):
    provider = make(np.random.default_rng(0))
    assert isinstance(provider, agents.Provider)
    first = provider.recommend()
    history = play(provider, 60)
    for commitment in (first, *(c for pair in history for c in pair)):
        assert isinstance(commitment, Commitment)
        assert commitment.route in (1, 2)
        assert 0.0 <= commitment.cascade <= 1.0
    provider.update(provider.act(), Task(1000, 0, False, 3.0, -3.0, truncated=True))
    assert history == play(make(np.random.default_rng(0)), 60)


@pytest.mark.parametrize("name", PROVIDERS)
def test_planners_plan_what_they_would_do(name):
    provider = PROVIDERS[name](np.random.default_rng(0))
    assert isinstance(provider, agents.Planner) == (name in PLANNERS)
    if name not in PLANNERS:
        return
    rng = np.random.default_rng(1)
    for _ in range(200):
        commitment, tasks = provider.plan()
        assert commitment == provider.act()
        assert isinstance(tasks, int)
        assert tasks >= 1
        mean = 1.0 if commitment.route == 2 else 0.5 + commitment.cascade
        played = min(tasks, 5_000)
        provider.update_many(commitment, agents.Tally.of(rng.exponential(mean, played)))
    assert provider.recommend().route == 1
    assert provider.recommend().cascade <= 0.1


@pytest.mark.parametrize("make", USERS.values(), ids=USERS)
def test_user_contract(make):
    user = make(np.random.default_rng(0))
    assert isinstance(user, agents.User)
    s = np.linspace(0.0, 1.0, 11)
    q = user.abandon(np.array([[1], [2]]), s)
    assert q.shape == (2, 11)
    assert np.all((q >= 0.0) & (q <= 1.0))
    assert user.abandon(1, 0.5).shape == ()
    assert user.abandon(1, s[5]) == pytest.approx(q[0, 5], abs=1e-6)
    np.testing.assert_array_equal(
        q, make(np.random.default_rng(0)).abandon(np.array([[1], [2]]), s)
    )


@pytest.mark.parametrize("make", MODEL_USERS.values(), ids=MODEL_USERS)
def test_model_user_contract(make):
    user = make(np.random.default_rng(0))
    assert isinstance(user, agents.ModelUser)
    q = user.abandon_after(1, np.linspace(0.0, 1.0, 11), np.array([[1], [2]]))
    assert q.shape == (2, 11)
    assert np.all((q >= 0.0) & (q <= 1.0))


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name in ("td3", "sac"))) for name in TRAINED],
)
def test_trainable_agents_count_their_experience(name):
    agent = PROVIDERS[name](np.random.default_rng(0))
    assert isinstance(agent, agents.Trainable)
    counts = list(agent.train())
    assert counts == sorted(set(counts))


@pytest.mark.parametrize("make", SESSION_PROVIDERS.values(), ids=SESSION_PROVIDERS)
def test_session_provider_contract(make):
    history = []
    for _ in range(2):
        provider, env = make(np.random.default_rng(0)), SessionEnv(GAME, tasks=5)
        assert isinstance(provider, agents.SessionProvider)
        observation, over = env.reset(seed=1)[0], False
        history.append([])
        while not over:
            history[-1].append(provider.act(observation))
            observation, _, over, _, _ = env.step(history[-1][-1])
    assert history[0] == history[1]
    assert set(history[0]) <= {0, 1}


def test_all_that_is_promised_can_be_imported():
    assert len(set(agents.__all__)) == len(agents.__all__)
    assert all(getattr(agents, name).__name__ == name for name in agents.__all__)


def test_importing_agents_does_not_import_torch():
    check = "import sys, routing_game.agents; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_importing_learners_leaves_torch_as_it_is():
    learners = "import routing_game.agents.gradient, routing_game.agents.sb3_users"
    check = (
        f"import torch; torch.set_num_threads(3); {learners}; assert torch.get_num_threads() == 3"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_unknown_agent_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Oracle"):
        _ = agents.Oracle


# --- exact policies ---


@pytest.mark.parametrize("name", GAMES)
def test_equilibrium_provider_is_no_worse_than_any_commitment_on_a_grid(name):
    game = load(name)
    env = ProviderEnv(game)
    commitment = agents.EquilibriumProvider(game).act()

    def cost(route, cascade):
        return env.prospects.judge(route, cascade, env.prospects.reply(route, cascade))["J"]

    mine, grid = cost(*commitment), cost(np.array([[1], [2]]), np.linspace(0.0, 1.0, 501))
    assert mine <= grid.min() + 1e-12


@pytest.mark.parametrize("name", ["value-cheap", "latency-low-penalty", "t4-cascade", "t5-cascade"])
def test_quantal_user_lies_between_chance_and_the_best_response(name):
    game, s = load(name), np.array([0.1, 0.3, 0.4, 0.9])
    exact = best_response(game, 1, s).strong
    np.testing.assert_allclose(agents.QuantalUser(game, 1e-5).abandon(1, s), exact, atol=0.01)
    np.testing.assert_allclose(agents.QuantalUser(game, 1e5).abandon(1, s), 0.5, atol=0.01)


@pytest.mark.parametrize("name", GAMES)
def test_stopping_user_agrees_with_value_iteration(name):
    game = load(name)
    (xi1, xi2), (k1, k2) = game.net_value, game.failure
    user = agents.StoppingUser(game)
    for s in (0.0, 0.05, 0.2, 0.22, 0.35, 0.49, 0.51, 0.9, 1.0):
        w1 = w2 = 0.0
        for _ in range(2000):
            w1, w2 = xi1 + k1 * max(0.0, (1 - s) * w1 + s * w2), xi2 + k2 * max(0.0, w2)
        assert user.abandon_after(1, s, 1) == ((1 - s) * w1 + s * w2 < 0)
        assert user.abandon_after(1, s, 2) == (w2 < 0)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: agents.FixedProvider(3, 0.5), "route 1 or 2"),
        (lambda: agents.FixedProvider(1, 1.5), r"cascade in \[0, 1\]"),
        (lambda: agents.FixedUser(-0.1), "probability"),
        (lambda: agents.BestResponseUser(GAME, ties="fair"), "strong"),
        (lambda: agents.StoppingUser(GAME, ties="x"), "strong"),
        (lambda: agents.QuantalUser(GAME, 0.0), "temperature"),
        (lambda: agents.QuantalUser(GAME, np.inf), "temperature must be positive and finite"),
        (lambda: agents.Thompson(3), "rng must be a numpy Generator"),
        (lambda: agents.Structural((1.0,), 1.0, RNG), "cost must be a pair"),
        (lambda: agents.Structural((0.1, 0.2), -1.0, RNG), "penalty must be positive"),
        (lambda: agents.Structural((0.1, 0.2), 1.0, None), "rng must be a numpy Generator"),
        (
            lambda: agents.Structural((0.1, 0.2), 1.0, RNG, patience=0),
            "patience must be at least 1",
        ),
        (
            lambda: agents.Structural((0.1, 0.2), 1.0, RNG, tolerance=0),
            "tolerance must be positive",
        ),
        (lambda: agents.GibbsGradient(GAME, RNG, starts=0), "starts must be at least 1"),
        (lambda: agents.GibbsGradient(GAME, RNG, iterations=0), "iterations must be at least 1"),
        (lambda: agents.GibbsGradient(GAME, RNG, hot=-1), "hot must be positive"),
        (lambda: agents.GibbsGradient(GAME, RNG, cold=0), "cold must be positive"),
        (lambda: agents.GibbsGradient(GAME, 3), "rng must be a numpy Generator"),
        (
            lambda: agents.PPOProvider(seeded(ProviderVectorEnv(8, GAME)), 3),
            "rng must be a numpy Generator",
        ),
        (lambda: agents.EpsilonGreedy(3), "rng must be a numpy Generator"),
        (lambda: agents.EXP3(None), "rng must be a numpy Generator"),
        (
            lambda: agents.Zooming().update(Commitment(1, 0.3), Task(1, 0, True, 0.1, 0.9)),
            "one of the points tried",
        ),
        (lambda: agents.UCB(0), "at least 1"),
        (
            lambda: agents.UCB().update(Commitment(1, 0.123), Task(1, 0, True, 0.1, 0.9)),
            "none of the 21 arms",
        ),
    ],
)
def test_bad_arguments_say_what_was_expected(build, words):
    with pytest.raises(ValueError, match=words):
        build()
