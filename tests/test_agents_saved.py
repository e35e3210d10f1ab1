"""Policies on disk: what is saved comes back and plays; what does not fit is named."""

import json

import gymnasium as gym
import numpy as np
import pytest

import routing_game  # noqa: F401  (registers the ids)
from routing_game.agents import Provider, User

saved = pytest.importorskip("routing_game.agents.saved", exc_type=ImportError)
from stable_baselines3 import PPO  # noqa: E402

ROUTE, CASCADE = np.array([1, 1, 2]), np.array([0.0, 0.7, 0.5])


def train(name, steps=128, **policy):
    env = gym.make(name)
    return PPO("MlpPolicy", env, n_steps=64, seed=1, device="cpu", policy_kwargs=policy).learn(
        steps
    )


def test_a_user_comes_back_and_plays(tmp_path):
    model = train("RoutingGame/User-v0", net_arch=[8])
    saved.save_policy(model.policy, tmp_path / "user")
    user = saved.load_user(tmp_path / "user")
    assert isinstance(user, User)
    np.testing.assert_array_equal(
        user.abandon(ROUTE, CASCADE), saved.SavedUser(model.policy).abandon(ROUTE, CASCADE)
    )
    assert ((user.abandon(ROUTE, CASCADE) > 0) & (user.abandon(ROUTE, CASCADE) < 1)).all()
    env = gym.make("RoutingGame/Provider-v0", user=user).unwrapped
    env.reset(seed=0)
    assert env.step((1, 0.7))[-1]["abandon"] == user.abandon(1, 0.7)


def test_a_provider_comes_back_and_plays(tmp_path):
    model = train("RoutingGame/Provider-v0")
    saved.save_policy(model.policy, tmp_path)
    provider = saved.load_provider(tmp_path)
    assert isinstance(provider, Provider)
    assert provider.act() == saved.SavedProvider(model.policy).recommend()
    observation, _ = gym.make("RoutingGame/User-v0", provider=provider).reset(seed=0)
    assert tuple(observation) == provider.act()


def test_hats_come_back(tmp_path):
    model = train("RoutingGame/User-v0", steps=64, features_extractor_class=saved.Hats, net_arch=[])
    saved.save_policy(model.policy, tmp_path)
    again = saved.load_user(tmp_path)
    np.testing.assert_array_equal(
        again.abandon(ROUTE, CASCADE), saved.SavedUser(model.policy).abandon(ROUTE, CASCADE)
    )


def test_what_cannot_be_saved_is_named(tmp_path):
    model = train("RoutingGame/User-v0", steps=64, activation_fn=saved.torch.nn.Sigmoid)
    with pytest.raises(ValueError, match="Sigmoid"):
        saved.save_policy(model.policy, tmp_path)


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError):
        saved.load_user(tmp_path / "nowhere")
    saved.save_policy(train("RoutingGame/User-v0", steps=64).policy, tmp_path)
    with pytest.raises(ValueError, match="a provider's policy acts in"):
        saved.load_provider(tmp_path)
    about = json.loads((tmp_path / saved.DESCRIPTION).read_text())
    for change in (
        {"format": 2},
        {"net_arch": [3]},
        {"activation": "os.system"},
        {"observation_space": None},
    ):
        (tmp_path / saved.DESCRIPTION).write_text(json.dumps(about | change))
        with pytest.raises(ValueError, match="no saved policy in"):
            saved.load_user(tmp_path)
