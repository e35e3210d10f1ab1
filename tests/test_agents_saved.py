"""Policies on disk: what is saved comes back and plays; what does not fit is named, unwritten."""

import json
import pickle
import zipfile

import gymnasium as gym
import numpy as np
import pytest

import routing_game  # noqa: F401  (registers the ids)
from routing_game.agents import UCB, FixedProvider, ModelUser, Provider, User
from routing_game.envs import (
    GridAction,
    MultiDiscreteAction,
    ProviderEnv,
    UserEnv,
    UserVectorEnv,
)
from routing_game.envs.answer import AnswerVectorEnv
from routing_game.theory import Commitment, Task

saved = pytest.importorskip("routing_game.agents.saved", exc_type=ImportError)
import torch  # noqa: E402
from stable_baselines3 import A2C, DDPG, DQN, PPO, SAC, TD3  # noqa: E402
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize  # noqa: E402

from routing_game.agents.actors import SavedProvider, SavedUser  # noqa: E402
from routing_game.agents.sb3_users import Hats, PPOUser  # noqa: E402
from routing_game.envs.sb3 import SB3VecEnv  # noqa: E402

contrib = pytest.importorskip("sb3_contrib")
ROUTE, CASCADE = np.array([1, 1, 2]), np.array([0.0, 0.7, 0.5])


def make(algorithm, env, policy="MlpPolicy", **options):
    """An untrained model of that algorithm."""
    return algorithm(policy, env, seed=1, device="cpu", **options)


def train(name, steps=128, **policy):
    env = gym.make(name)
    return make(PPO, env, n_steps=64, policy_kwargs=policy).learn(steps)


def box():
    return gym.make("RoutingGame/Provider-v0")


def grid():
    return GridAction(ProviderEnv("t4-cascade"), [0.0, 0.22, 0.5])


def pair():
    return MultiDiscreteAction(ProviderEnv("t4-cascade"), 5)


def answer():
    return SB3VecEnv(AnswerVectorEnv(2, "t4-cascade"))


PROVIDERS = {
    "PPO in a box": (PPO, box, {"n_steps": 64}),
    "PPO that explores by state": (PPO, box, {"n_steps": 64, "use_sde": True}),
    "PPO on a grid": (PPO, grid, {"n_steps": 64}),
    "PPO on a pair": (PPO, pair, {"n_steps": 64}),
    "A2C": (A2C, box, {}),
    "DQN on a grid": (DQN, grid, {}),
    "SAC": (SAC, box, {}),
    "TD3": (TD3, box, {}),
    "DDPG": (DDPG, box, {}),
    "TRPO": (contrib.TRPO, box, {"n_steps": 128}),
    "QR-DQN": (contrib.QRDQN, grid, {}),
    "TQC": (contrib.TQC, box, {}),
    "two feature extractors": (
        PPO,
        box,
        {
            "n_steps": 64,
            "policy_kwargs": {
                "share_features_extractor": False,
                "net_arch": {"pi": [8], "vf": [4]},
                "activation_fn": torch.nn.ReLU,
            },
        },
    ),
}
USERS = {
    "PPO": (PPO, UserEnv, {"n_steps": 64}),
    "A2C": (A2C, UserEnv, {}),
    "TRPO": (contrib.TRPO, UserEnv, {"n_steps": 128}),
    "DQN": (DQN, UserEnv, {}),
    "QR-DQN": (contrib.QRDQN, UserEnv, {}),
    "PPO that answers": (PPO, answer, {"n_steps": 64}),
    "SAC": (SAC, answer, {}),
    "TD3": (TD3, answer, {}),
}


def commitment(env, model):
    """What the environment makes of the model's action: the definition of its commitment."""
    action, _ = model.predict(np.ones(1, np.float32), deterministic=True)
    while not hasattr(env, "action"):
        env = env.env
    return env.action(action)


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_provider_of_any_algorithm_and_encoding_comes_back(name, tmp_path):
    algorithm, env, options = PROVIDERS[name]
    model = make(algorithm, env(), **options)
    saved.save_policy(model, tmp_path / "provider")
    provider = saved.load_provider(tmp_path / "provider")
    assert isinstance(provider, Provider)
    assert tuple(provider.act()) == commitment(env(), model)
    assert provider.encoding == {box: "box", grid: "grid:3", pair: "multi:5"}[env]
    model.save(tmp_path / "model.zip")
    values = {box: None, grid: [0.0, 0.22, 0.5], pair: 5}[env]
    zipped = saved.load_provider(tmp_path / "model.zip", cascades=values)
    assert zipped.act() == provider.act()


@pytest.mark.parametrize("name", USERS)
def test_a_user_of_any_algorithm_comes_back(name, tmp_path):
    algorithm, env, options = USERS[name]
    model = make(algorithm, env(), **options)
    saved.save_policy(model, tmp_path / "user")
    model.save(tmp_path / "model.zip")
    seen = np.stack([ROUTE, CASCADE], axis=-1)
    act, _ = model.predict(seen, deterministic=True)
    for user in (saved.load_user(tmp_path / "user"), saved.load_user(tmp_path / "model.zip")):
        assert isinstance(user, User)
        assert user.observes == "strategy"
        q = user.abandon(ROUTE, CASCADE)
        if env is answer:
            np.testing.assert_allclose(q, (act[:, 0] + 1) / 2)
        else:
            np.testing.assert_array_equal(q > 0.5, act == 1)
    assert user.abandon(1, 0.3).shape == ()


@pytest.mark.parametrize(
    "observes", ["strategy", "samples:1", "samples:10", "noisy:0.1", "route", "none", "model"]
)
def test_what_a_user_observed_is_saved(observes, tmp_path):
    env = UserEnv("t4-cascade", observes=observes)
    model = make(PPO, env, n_steps=64)
    saved.save_policy(model, tmp_path)
    user = saved.load_user(tmp_path)
    assert user.observes == observes
    assert isinstance(user, ModelUser if observes == "model" else User)
    parts = {"none": [1.0], "route": [2.0], "model": [2.0, 0.3, 1.0]}.get(observes, [2.0, 0.3])
    said = user.abandon_after(2, 0.3, 1) if observes == "model" else user.abandon(2, 0.3)
    with torch.no_grad():
        seen = torch.tensor([parts], dtype=torch.float32)
        odds = model.policy.get_distribution(seen).distribution.logits[0]
    assert said == pytest.approx(float(torch.softmax(odds, 0)[1]), rel=1e-6)


def test_a_user_comes_back_and_plays(tmp_path):
    model = train("RoutingGame/User-v0", net_arch=[8])
    saved.save_policy(model.policy, tmp_path / "user")
    user = saved.load_user(tmp_path / "user")
    np.testing.assert_array_equal(
        user.abandon(ROUTE, CASCADE), SavedUser(model.policy).abandon(ROUTE, CASCADE)
    )
    assert ((user.abandon(ROUTE, CASCADE) > 0) & (user.abandon(ROUTE, CASCADE) < 1)).all()
    env = gym.make("RoutingGame/Provider-v0", user=user).unwrapped
    env.reset(seed=0)
    assert env.step((1, 0.7))[-1]["abandon"] == user.abandon(1, 0.7)


def test_a_provider_comes_back_and_plays(tmp_path):
    model = train("RoutingGame/Provider-v0")
    saved.save_policy(model.policy, tmp_path)
    provider = saved.load_provider(tmp_path)
    assert provider.act() == SavedProvider(model.policy).recommend()
    observation, _ = gym.make("RoutingGame/User-v0", provider=provider).reset(seed=0)
    assert tuple(observation) == provider.act()


def test_hats_come_back(tmp_path):
    model = train("RoutingGame/User-v0", steps=64, features_extractor_class=Hats, net_arch=[])
    saved.save_policy(model, tmp_path)
    again = saved.load_user(tmp_path)
    np.testing.assert_array_equal(
        again.abandon(ROUTE, CASCADE), SavedUser(model.policy).abandon(ROUTE, CASCADE)
    )


def test_what_a_first_version_wrote_comes_back(tmp_path):
    model = train("RoutingGame/User-v0", steps=64, net_arch=[8])
    saved.save_policy(model, tmp_path)
    first = {
        "format": 1,
        "observation_space": {"low": [1.0, 0.0], "high": [2.0, 1.0], "dtype": "float64"},
        "action_space": {"n": 2},
        "net_arch": [8],
        "activation": "Tanh",
        "features": "FlattenExtractor",
    }
    (tmp_path / saved.DESCRIPTION).write_text(json.dumps(first))
    np.testing.assert_array_equal(
        saved.load_user(tmp_path).abandon(ROUTE, CASCADE),
        SavedUser(model.policy).abandon(ROUTE, CASCADE),
    )


class Own(torch.nn.ReLU):
    """An activation that no table knows."""


def recurrent_user():
    return make(contrib.RecurrentPPO, UserEnv(), "MlpLstmPolicy", n_steps=64)


def normalized():
    env = VecNormalize(DummyVecEnv([lambda: gym.make("RoutingGame/User-v0")]))
    return make(PPO, env, n_steps=64)


UNSAVABLE = {
    "an activation of one's own": (
        lambda: make(PPO, UserEnv(), n_steps=64, policy_kwargs={"activation_fn": Own}),
        "Own",
    ),
    "a user with a memory": (recurrent_user, "memory"),
    "normalized observations": (normalized, "norm_obs=False"),
    "sessions": (
        lambda: make(PPO, gym.make("RoutingGame/Session-v0"), n_steps=64),
        "expected what a user sees",
    ),
    "three models": (
        lambda: make(PPO, gym.make("RoutingGame/Models-v0"), n_steps=64),
        "a provider's",
    ),
    "a grid's policy alone": (lambda: make(DQN, grid()).policy, "expected cascades="),
    "no policy": (lambda: "m.zip", "got str"),
}


@pytest.mark.parametrize("name", UNSAVABLE)
def test_what_cannot_be_loaded_is_named_and_not_written(name, tmp_path):
    trained, hint = UNSAVABLE[name]
    with pytest.raises(ValueError, match=hint):
        saved.save_policy(trained(), tmp_path / "policy")
    assert not (tmp_path / "policy").exists()


def test_a_provider_with_a_memory_commits_as_at_the_start_of_an_episode(tmp_path):
    model = make(contrib.RecurrentPPO, box(), "MlpLstmPolicy", n_steps=64)
    saved.save_policy(model, tmp_path)
    assert tuple(saved.load_provider(tmp_path).act()) == commitment(box(), model)


def test_what_is_said_must_fit_what_was_seen(tmp_path):
    user = make(PPO, UserEnv(observes="samples:10"), n_steps=64)
    for observes in ("strategy", "samples:9", "noisy:.1", "route", "everything"):
        with pytest.raises(ValueError, match="observes"):
            saved.save_policy(user, tmp_path / "user", observes=observes)
    provider = make(DQN, grid())
    for cascades in (4, [0.0, 0.5], [0.0, 0.5, 1.5]):
        with pytest.raises(ValueError, match="of 3 values of s in"):
            saved.save_policy(provider, tmp_path / "provider", cascades=cascades)
    assert [*tmp_path.iterdir()] == []


def test_what_is_not_there_is_named(tmp_path):
    for load in (saved.load_user, saved.load_provider):
        for place in (tmp_path / "nowhere", tmp_path / "nowhere.zip"):
            with pytest.raises(FileNotFoundError):
                load(place)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"expected a folder or a \.zip"):
        saved.load_user(tmp_path / "file")
    saved.save_policy(train("RoutingGame/User-v0", steps=64), tmp_path)
    with pytest.raises(ValueError, match="expected a provider"):
        saved.load_provider(tmp_path)
    about = json.loads((tmp_path / saved.DESCRIPTION).read_text())
    network = about["network"]
    for change in (
        {"format": 3},
        {"kind": "pickle"},
        {"observes": "everything"},
        {"surprise": 1},
        {"network": network | {"settings": {"net_arch": [3]}}},
        {"network": network | {"settings": {"lr": 3}}},
        {"network": network | {"activation": "os.system"}},
        {"network": network | {"policy": "os.system"}},
        {"network": network | {"observation_space": None}},
    ):
        (tmp_path / saved.DESCRIPTION).write_text(json.dumps(about | change))
        with pytest.raises(ValueError, match="no saved policy in"):
            saved.load_user(tmp_path)
    (tmp_path / saved.DESCRIPTION).write_text(json.dumps(about))
    (tmp_path / saved.WEIGHTS).write_bytes(b"\0" * 32)
    with pytest.raises(ValueError, match="no saved policy in"):
        saved.load_user(tmp_path)


class Trap:
    """Opened as a pickle, it fails the test."""

    def __reduce__(self):
        return pytest.fail, ("a pickle was opened",)


def test_a_zip_is_read_without_its_pickles(tmp_path, monkeypatch):
    model = train("RoutingGame/User-v0", steps=64, net_arch=[8], activation_fn=torch.nn.ReLU)
    model.save(tmp_path / "model.zip")
    with monkeypatch.context() as patched:
        patched.setattr("cloudpickle.loads", lambda *_: pytest.fail("a pickle was opened"))
        user = saved.load_user(tmp_path / "model.zip")
    np.testing.assert_array_equal(
        user.abandon(ROUTE, CASCADE), SavedUser(model.policy).abandon(ROUTE, CASCADE)
    )
    with zipfile.ZipFile(tmp_path / "model.zip") as old:
        data = old.read("data")
    torch.save({"weights": Trap()}, tmp_path / "policy.pth", pickle_module=pickle)
    with zipfile.ZipFile(tmp_path / "trap.zip", "w") as trap:
        trap.writestr("data", data)
        trap.write(tmp_path / "policy.pth", "policy.pth")
    with pytest.raises(ValueError, match="holds more than weights"):
        saved.load_user(tmp_path / "trap.zip")


def test_a_zip_that_does_not_say_enough_says_what_to_do(tmp_path):
    make(DQN, grid()).save(tmp_path / "grid.zip")
    with pytest.raises(ValueError, match="expected cascades="):
        saved.load_provider(tmp_path / "grid.zip")
    (tmp_path / "no.zip").write_bytes(b"PK")
    make(PPO, UserEnv(), n_steps=64, policy_kwargs={"activation_fn": Own}).save(tmp_path / "own")
    for place in ("no.zip", "own.zip"):
        with pytest.raises(ValueError, match="save_policy"):
            saved.load_user(tmp_path / place)


def test_any_provider_is_saved_as_what_it_recommends(tmp_path):
    bandit = UCB()
    for arm in bandit.arms:
        bandit.update(arm, Task(1, 0, True, cost=1 + abs(arm.cascade - 0.4), utility=0.5))
    saved.save_policy(bandit, tmp_path)
    route, s = saved.load_provider(tmp_path).recommend()
    assert (route, s) == tuple(bandit.recommend())
    assert s == pytest.approx(0.4)


def test_a_provider_that_recommends_nothing_that_can_be_played_is_not_saved(tmp_path):
    class Beyond(FixedProvider):
        def recommend(self):
            return Commitment(1, 1.5)

    with pytest.raises(ValueError, match="a commitment is"):
        saved.save_policy(Beyond(1, 0.5), tmp_path / "policy")
    assert not [*tmp_path.iterdir()]


def test_a_user_of_ours_is_saved_as_its_model(tmp_path):
    env = SB3VecEnv(UserVectorEnv(2, "t4-cascade"))
    user = PPOUser(env, np.random.default_rng(0))
    saved.save_policy(user, tmp_path)
    s = np.linspace(0.003, 0.99, 50)
    np.testing.assert_array_equal(saved.load_user(tmp_path).abandon(1, s), user.abandon(1, s))


def test_a_class_is_no_policy(tmp_path):
    """It has a provider's methods; before, one of them missed its `self`."""
    with pytest.raises(ValueError, match=r"got the class UCB: make one, UCB\(\.\.\.\)"):
        saved.save_policy(UCB, tmp_path / "policy")
    assert not (tmp_path / "policy").exists()
