"""The user's answer as one action: the law of the tasks, the conventions of an engine."""

import gymnasium as gym
import numpy as np
import pytest

from routing_game.envs import AnswerEnv, AnswerVectorEnv
from routing_game.theory import GAMES, payoffs


@pytest.mark.parametrize("name", ["t4-cascade", "t5-cascade"])
def test_the_mean_reward_is_the_expected_utility(name):
    env = AnswerVectorEnv(20_000, name)
    seen, _ = env.reset(seed=0)
    rng, errors = np.random.default_rng(1), []
    for _ in range(20):
        q = rng.random(env.num_envs)
        expected = payoffs(GAMES[name], seen[:, 0].astype(int), seen[:, 1], q).utility
        seen, reward, over, cut, _ = env.step((2 * q - 1)[:, None].astype(np.float32))
        assert over.all()
        assert not cut.any()
        errors.append(reward - expected)
    errors = np.concatenate(errors)
    assert abs(errors.mean()) < 4 * errors.std() / np.sqrt(errors.size)


def test_one_task_at_a_time_is_that_of_the_batch():
    env, engine = AnswerEnv("t5-cascade"), AnswerVectorEnv(1, "t5-cascade")
    (seen, _), (offers, _) = env.reset(seed=3), engine.reset(seed=3)
    for k in range(200):
        np.testing.assert_array_equal(seen, offers[0])
        action = np.array([np.sin(k)], np.float32)
        _, reward, over, cut, info = env.step(action)
        offers, rewards, *_ = engine.step(action[None])
        assert (reward, over, cut) == (rewards[0], True, False)
        assert info["task"].utility == reward == info["U"]
        seen, _ = env.reset()


def test_it_tells_the_exact_regret_of_the_answer():
    env = AnswerEnv()
    seen, _ = env.reset(seed=1)
    for q in np.linspace(0, 1, 21):
        *_, info = env.step(np.array([2 * q - 1], np.float32))
        route, cascade = int(seen[0]), seen[1]
        utility = payoffs(env.game, route, cascade, np.array([0.0, 1.0, info["abandon"]])).utility
        assert info["abandon"] == pytest.approx(q, abs=1e-7)
        assert info["regret"] == pytest.approx(utility.max() - utility[2], abs=1e-12)
        seen, _ = env.reset()


def test_it_can_be_looked_at():
    env = AnswerEnv(render_mode="ansi")
    with pytest.raises(gym.error.ResetNeeded):
        env.render()
    env.reset(seed=0)
    before = env.render()
    env.step(np.zeros(1, np.float32))
    assert "q = 0.500" in env.render() != before


@pytest.mark.parametrize("action", [[1.1], [np.nan], 0.0, [0.0, 0.0], None, ["a"]])
def test_one_answer_outside_the_box_is_refused(action):
    env = AnswerEnv()
    env.reset(seed=0)
    with pytest.raises(ValueError, match="got"):
        env.step(action)
    env.step(np.ones(1, np.float32))
    with pytest.raises(gym.error.ResetNeeded):
        env.step(np.ones(1, np.float32))


def test_commitments_are_uniform():
    env = AnswerVectorEnv(50_000)
    seen, _ = env.reset(seed=0)
    assert np.mean(seen[:, 0] == 1) == pytest.approx(0.5, abs=0.01)
    assert np.quantile(seen[:, 1], [0.1, 0.5, 0.9]) == pytest.approx([0.1, 0.5, 0.9], abs=0.01)
    assert env.observation_space.contains(seen)


def test_answers_beyond_the_box_are_refused():
    env = AnswerVectorEnv(100)
    env.reset(seed=3)
    with pytest.raises(ValueError, match=r"got 7 at index \(0, 0\)"):
        env.step(np.full((100, 1), 7.0, np.float32))


def test_an_environment_plays_the_same_in_a_batch_of_any_size():
    told = []
    for size in (3, 300):
        env = AnswerVectorEnv(size)
        seen, _ = env.reset(seed=5)
        _, reward, *_, info = env.step(np.zeros((size, 1), np.float32))
        np.testing.assert_array_equal(info["final_obs"], seen)
        told.append((seen[:3], reward[:3]))
    np.testing.assert_array_equal(told[0][0], told[1][0])
    np.testing.assert_array_equal(told[0][1], told[1][1])


def test_misuse_is_told():
    env = AnswerVectorEnv(2)
    with pytest.raises(gym.error.ResetNeeded):
        env.step(np.zeros((2, 1), np.float32))
    env.reset(seed=0)
    with pytest.raises(ValueError, match="shape"):
        env.step(np.zeros(2, np.float32))
