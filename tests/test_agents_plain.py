"""Plain PPO and A2C, stacked: stable-baselines3's updates, and each cell as if it were alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from routing_game.agents.plain import Plain, Schedule, falling
from routing_game.agents.policy_gradient import ALGORITHMS, Policies
from routing_game.agents.sb3_providers import PROVIDERS, SETTINGS
from routing_game.agents.stacked import FAR, Units
from routing_game.envs import ProviderVectorEnv
from routing_game.envs.sb3 import SB3VecEnv
from routing_game.experiments.play import Cohort
from routing_game.theory import GAMES, provider_regret, solve

NAMES = ("t4-cascade", "t5-cascade", "value-cheap", "t4-leave-costly")


pytestmark = pytest.mark.usefixtures("one_thread")


def seeds(name, seed):
    """Of the world and of the agent."""
    return np.random.SeedSequence([list(GAMES).index(name), seed]).spawn(2)


def stacked(algorithm, cells, tasks, schedule=None):
    """Cells are (name of a game, seed)."""
    world, agent = zip(*(seeds(*cell) for cell in cells), strict=True)
    costs = Cohort([GAMES[name] for name, _ in cells], [np.random.default_rng(x) for x in world])
    rngs = [np.random.default_rng(x) for x in agent]
    return Plain(costs, rngs, tasks, improve=ALGORITHMS[algorithm], schedule=schedule)


def trained(provider):
    """The practice used, and the recommendation."""
    *_, last = provider.train()
    return last, provider.recommend()


def weights(model):
    """Mean and value at the constant observation."""
    with torch.no_grad():
        mean = model.policy.action_net(torch.ones(1))
        value = model.policy.value_net(torch.ones(1))
    return mean.double().numpy()[None], value.double().numpy()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_updates_are_those_of_stable_baselines3(algorithm):
    settings = SETTINGS[algorithm]
    env = SB3VecEnv(ProviderVectorEnv(128, GAMES["t4-cascade"], infos="none"))
    env.seed(0)
    theirs = PROVIDERS[algorithm](env, np.random.default_rng(1), settings)
    ours = Policies.at(*weights(theirs._model))
    training = theirs.train()
    for update in range(12):
        np.clip(ours.mean, -1.0, 1.0, out=ours.mean)
        next(training)
        played = theirs._model.rollout_buffer
        actions = np.float64(played.actions).reshape(-1, 2).T[None]
        rewards = np.float64(played.returns).reshape(1, -1)  # a task is a step
        progress = update / (settings.updates - 1)
        noise = falling(settings.noise, progress)
        rate = falling(settings.learning_rate, progress)
        before = ours.mean.copy()
        ALGORITHMS[algorithm](ours, actions, rewards, noise, rate)
        assert np.abs(ours.mean - before).max() > 1e-3
        mean, value = weights(theirs._model)
        np.testing.assert_allclose(ours.mean, mean, atol=2e-5)
        np.testing.assert_allclose(ours.value, value, atol=2e-5)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_schedules_are_those_of_stable_baselines3(algorithm):
    theirs, ours = SETTINGS[algorithm], Schedule()
    assert (ours.updates, ours.rate) == (theirs.updates, theirs.learning_rate)
    assert ours.noise == theirs.noise
    assert getattr(ALGORITHMS[algorithm], "epochs", 1) == theirs.options.get("n_epochs", 1)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_cell_learns_the_same_in_whatever_company(algorithm):
    cells = [(name, seed) for name in NAMES for seed in range(2)]
    _, (routes, cascades) = trained(stacked(algorithm, cells, 12_003))
    for k, cell in enumerate(cells):
        _, (route, cascade) = trained(stacked(algorithm, [cell], 12_003))
        assert (route[0], cascade[0]) == (routes[k], cascades[k])


@pytest.mark.parametrize("tasks", [2, 3, 64, 799, 12_003])
def test_practice_is_kept_to(tasks):
    used, (_, cascade) = trained(stacked("ppo", [("t4-cascade", 0)], tasks))
    assert tasks - 400 < used <= tasks
    assert 0.0 <= cascade[0] <= 1.0


def test_one_task_is_too_few():
    with pytest.raises(ValueError, match="tasks"):
        stacked("a2c", [("t4-cascade", 0)], 1)


@pytest.mark.parametrize("number", [3.0, 0.1, -1.7, 0.0, 1e-300, 1e100])
@pytest.mark.parametrize("n", [5, 7, 64])
def test_first_numbers_that_are_all_alike_have_a_spread_of_1_however_sums_round(number, n):
    zero, one = Units.of(np.full((2, n), number), 2.0)
    np.testing.assert_allclose(zero, [[number], [number]])
    assert one.tolist() == [[2.0], [2.0]]


def test_no_unit_is_so_small_that_numbers_overflow():
    units = Units.of(np.array([[0.1, 0.1, 0.1], [0.0, 2e-150, 4e-150], [0.0, 2e-200, 0.0]]))
    numbers = np.array([[1e100, 0.6], [1e200, 2e-150], [-1e300, 0.0]])
    expected = [[FAR, 0.5], [FAR, 0.0], [-FAR, 0.0]]
    np.testing.assert_allclose(units.of_these(numbers), expected, atol=1e-150)
    assert np.isfinite(np.square(units.of_these(numbers).astype(np.float32))).all()


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_regret_at_the_end_is_distributed_as_stable_baselines3s(algorithm):
    names, tasks, updates = (*NAMES, "t5-leave", "t5-stay"), 40_960, 80
    cells = [(name, seed) for name in names for seed in range(20)]
    _, (route, cascade) = trained(stacked(algorithm, cells, tasks, Schedule(updates=updates)))
    settings = replace(SETTINGS[algorithm], updates=updates)
    values = []
    for k, name in enumerate(names):
        game, part = GAMES[name], slice(20 * k, 20 * (k + 1))
        ours = provider_regret(game, route[part], cascade[part]) / solve(game).cost
        theirs = []
        for seed in range(20):
            env = SB3VecEnv(ProviderVectorEnv(tasks // updates // 2, game, infos="none"))
            env.seed(seed)
            provider = PROVIDERS[algorithm](env, np.random.default_rng(seed), settings)
            *_, used = provider.train()
            assert used == tasks
            theirs.append(float(provider_regret(game, *provider.recommend()) / solve(game).cost))
        values.append(stats.ks_2samp(ours, theirs).pvalue)
    assert min(values) > 0.01 / len(names)
