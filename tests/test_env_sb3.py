"""The adapter through which Stable-Baselines3 trains on the batched engines."""

import gymnasium as gym
import numpy as np
import pytest

import routing_game  # noqa: F401  (registers the ids)

stable_baselines3 = pytest.importorskip("stable_baselines3")

from stable_baselines3.common.logger import Logger  # noqa: E402

from routing_game.envs.sb3 import SB3VecEnv  # noqa: E402

IDS = ["RoutingGame/Provider-v0", "RoutingGame/User-v0"]


@pytest.mark.parametrize("name", IDS)
def test_adapter_says_what_the_engine_says(name):
    engine, adapter = gym.make_vec(name, num_envs=6), SB3VecEnv(gym.make_vec(name, num_envs=6))
    adapter.seed(3)
    np.testing.assert_array_equal(adapter.reset(), engine.reset(seed=3)[0])
    engine.action_space.seed(0)
    for _ in range(30):
        actions = engine.action_space.sample()
        observation, reward, terminated, truncated, info = engine.step(actions)
        seen, rewards, done, infos = adapter.step(actions)
        np.testing.assert_array_equal(seen, observation)
        np.testing.assert_array_equal(done, terminated | truncated)
        np.testing.assert_allclose(rewards, reward, rtol=1e-6)
        assert rewards.dtype == np.float32
        for k in range(6):
            assert ("terminal_observation" in infos[k]) == done[k]
            if done[k]:
                np.testing.assert_array_equal(
                    infos[k]["terminal_observation"], info["final_obs"][k]
                )


@pytest.mark.parametrize("name", [*IDS, "RoutingGame/Answer-v0"])
def test_episodes_are_told_as_a_monitor_tells_them(name):
    """By the definition: a return is the sum of what the steps of one episode paid."""
    adapter = SB3VecEnv(gym.make_vec(name, num_envs=4))
    adapter.seed(3)
    adapter.reset()
    adapter.engine.action_space.seed(0)
    sums, counts, ended = np.zeros(4), np.zeros(4, int), 0
    for _ in range(40):
        actions = adapter.engine.action_space.sample() * (name != IDS[1])  # a user who stays
        _, rewards, done, infos = adapter.step(actions)
        sums, counts = sums + rewards, counts + 1
        for k in range(4):
            assert ("episode" in infos[k]) == done[k]
            if done[k]:
                told = infos[k]["episode"]
                assert (told["r"], told["l"]) == (pytest.approx(sums[k], abs=1e-5), counts[k])
                assert told["t"] >= 0
                sums[k] = counts[k] = 0
                ended += 1
    assert ended > 40
    adapter.step(actions)
    adapter.reset()  # and what was running is forgotten
    *_, infos = adapter.step(actions)
    assert all(info["episode"]["l"] == 1 for info in infos if info)


def test_returns_are_in_the_log_without_a_monitor():
    model = stable_baselines3.PPO(
        "MlpPolicy",
        SB3VecEnv(gym.make_vec(IDS[0], num_envs=4)),
        n_steps=8,
        batch_size=32,
        device="cpu",
    )
    logged = {}
    model.set_logger(Logger(None, []))
    model.logger.dump = lambda step=0: logged.update(model.logger.name_to_value)
    model.learn(64)
    assert -3 < logged["rollout/ep_rew_mean"] < 0
    assert logged["rollout/ep_len_mean"] == 1


def test_settled_truncations_are_not_bootstrapped():
    """The reward of a task cut off holds the expected rest: a learner must not add its guess."""
    adapter = SB3VecEnv(gym.make_vec("RoutingGame/User-v0", num_envs=50, max_passes=2))
    adapter.seed(0)
    adapter.reset()
    _, _, done, infos = adapter.step(np.zeros(50, int))
    assert done.all()
    assert not any(info["TimeLimit.truncated"] for info in infos)


def test_adapter_needs_same_step_resets():
    with pytest.raises(ValueError, match="SAME_STEP"):
        SB3VecEnv(gym.make_vec("RoutingGame/User-v0", num_envs=2, vectorization_mode="sync"))


def test_attributes_and_methods_reach_the_engine():
    adapter = SB3VecEnv(gym.make_vec("RoutingGame/User-v0", num_envs=3, max_passes=7))
    assert adapter.get_attr("max_passes") == [7, 7, 7]
    with pytest.raises(AttributeError, match="must stay what UserVectorEnv was made with"):
        adapter.set_attr("max_passes", 9)  # much was worked out from it
    assert adapter.get_attr("max_passes", indices=1) == [7]
    adapter.set_attr("label", "mine")
    assert adapter.get_attr("label", indices=1) == ["mine"]
    with pytest.raises(ValueError, match="indices"):
        adapter.set_attr("label", "mine", indices=[0])
    assert adapter.env_is_wrapped(gym.wrappers.TimeLimit) == [False] * 3
    assert len(adapter.env_method("reset", seed=1)) == 3
    adapter.close()


@pytest.mark.parametrize("name", IDS)
def test_ppo_trains(name):
    adapter = SB3VecEnv(gym.make_vec(name, num_envs=8))
    model = stable_baselines3.PPO(
        "MlpPolicy", adapter, n_steps=16, batch_size=64, n_epochs=1, gamma=1.0, seed=0
    )
    model.learn(256)
    action, _ = model.predict(adapter.reset())
    assert adapter.engine.action_space.contains(action)
