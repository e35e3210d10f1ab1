"""What is done for all environments at once draws what stable-baselines3 draws one by one."""

import gc
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.noise import NormalActionNoise, VectorizedActionNoise

import routing_game  # noqa: F401  (registers the ids)
from routing_game.agents import sb3_providers
from routing_game.agents.sb3 import NormalNoise
from routing_game.agents.sb3_providers import DrawnBox
from routing_game.envs.sb3 import SB3VecEnv


@pytest.mark.parametrize("environments", [1, 5, 300])
def test_the_noise_of_all_environments_is_that_of_each(environments: int) -> None:
    each = VectorizedActionNoise(NormalActionNoise(np.zeros(2), np.full(2, 0.3)), environments)
    np.random.seed(4)  # noqa: NPY002
    expected = [each() for _ in range(3)]
    np.random.seed(4)  # noqa: NPY002
    noise = NormalNoise(0.3, (environments, 2))
    for step in expected:
        noise.reset([0])
        drawn = noise()
        assert drawn.dtype == step.dtype
        assert drawn.tobytes() == step.tobytes()


def test_points_drawn_ahead_are_those_of_the_box() -> None:
    box, ahead = spaces.Box(-1.0, 1.0, (2,), np.float32), DrawnBox(-1.0, 1.0, (2,))
    assert ahead == box
    for seed in (1, 2):  # a seed in the middle begins anew
        box.seed(seed)
        ahead.seed(seed)
        for _ in range(1500):
            point = ahead.sample()
            assert point in box
            assert point.tobytes() == box.sample().tobytes()


def test_models_that_are_done_with_do_not_pile_up():
    """Each stands in a circle of references; a buffer of a million steps hangs on it."""
    gc.collect()
    gc.disable()
    try:
        for seed in range(2):
            env = SB3VecEnv(gym.make_vec("RoutingGame/Provider-v0", num_envs=4, infos="none"))
            settings = replace(
                sb3_providers.SETTINGS["dqn"], steps=4, updates=1, windows=(1.0, 0.1)
            )
            provider = sb3_providers.DQNProvider(env, np.random.default_rng(seed), settings)
            assert len(list(provider.train())) == 2  # one in each window
            del provider, env
            assert sum(type(x) is ReplayBuffer for x in gc.get_objects()) <= 1
    finally:
        gc.enable()
