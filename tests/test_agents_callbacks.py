"""Exact regret in SB3's log: what theory says of the policy as it is, and training as without."""

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import DQN, PPO, SAC
from stable_baselines3.common.logger import KVWriter, Logger

import routing_game  # noqa: F401  (registers the ids)
from routing_game.agents import RegretCallback
from routing_game.agents.callbacks import ASKED
from routing_game.agents.saved import SavedUser, agent_of
from routing_game.envs import GridAction, ProviderEnv, UserEnv
from routing_game.theory import GAMES, best_response, outcome, payoffs, solve

GAME = GAMES["t4-cascade"]


pytestmark = pytest.mark.usefixtures("one_thread")


class Kept(KVWriter):
    """A log that is kept."""

    def __init__(self):
        self.rows = []

    def write(self, key_values, key_excluded, step=0):
        if "game/regret" in key_values:
            self.rows.append((step, dict(key_values)))

    def close(self):
        pass


def logged(model, callback, steps):
    kept = Kept()
    model.set_logger(Logger(None, [kept]))
    model.learn(steps, callback=callback)
    return kept.rows


def make(algorithm, env, **options):
    return algorithm("MlpPolicy", env, seed=2, device="cpu", **options)


PROVIDERS = {
    "PPO": (PPO, lambda: gym.make("RoutingGame/Provider-v0", game="t4-cascade"), {"n_steps": 64}),
    "SAC": (SAC, lambda: gym.make("RoutingGame/Provider-v0", game="t4-cascade"), {}),
    "DQN": (DQN, lambda: GridAction(ProviderEnv("t4-cascade"), [0.0, 0.3, 0.6]), {}),
}


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_provider_s_regret_is_that_of_its_best_action(name):
    algorithm, env, options = PROVIDERS[name]
    model = make(algorithm, env(), **options)
    rows = logged(model, RegretCallback("t4-cascade", every=48), 128)
    assert [step for step, _ in rows] == [0, 48, 96, 128]
    wrapped = env()
    while not hasattr(wrapped, "action"):
        wrapped = wrapped.env
    action, _ = model.predict(np.ones(1, np.float32), deterministic=True)
    route, s = wrapped.action(action)
    best = solve(GAME).cost
    last = rows[-1][1]
    assert (last["game/route"], last["game/cascade"]) == (route, s)
    assert last["game/regret"] == pytest.approx(outcome(GAME, route, s).cost / best - 1, abs=1e-9)


def test_a_user_s_regret_is_a_mean_over_commitments():
    model = make(PPO, UserEnv("t4-cascade"), n_steps=64)
    rows = logged(model, RegretCallback(GAME, every=1000), 64)
    q = SavedUser(model.policy).abandon(*ASKED)
    best = payoffs(GAME, *ASKED, best_response(GAME, *ASKED).strong).utility
    lost = np.mean(best - payoffs(GAME, *ASKED, q).utility)
    assert [step for step, _ in rows] == [0, 64]
    assert rows[-1][1]["game/regret"] == pytest.approx(lost / GAME.value)


def test_training_is_the_same_with_and_without():
    weights = []
    for callback in (None, RegretCallback("t4-cascade", every=10)):
        model = make(PPO, gym.make("RoutingGame/Provider-v0"), n_steps=64).learn(128, callback)
        weights.append(model.policy.state_dict())
    for name, x in weights[0].items():
        assert (x == weights[1][name]).all()


@pytest.mark.parametrize(
    ("env", "hint"),
    [
        (lambda: UserEnv("t4-cascade", observes="route"), 'got "route"'),
        (lambda: gym.make("RoutingGame/Session-v0"), "expected what a user sees"),
    ],
)
def test_who_has_no_such_regret_is_told_before_training(env, hint):
    model = make(PPO, env(), n_steps=64)
    with pytest.raises(ValueError, match=hint):
        logged(model, RegretCallback("t4-cascade"), 64)
    assert model.num_timesteps == 0


def test_what_it_is_given_is_checked():
    with pytest.raises(ValueError, match="every"):
        RegretCallback("t4-cascade", every=0)
    with pytest.raises(KeyError, match="did you mean t4-cascade"):
        RegretCallback("t4-casc")


def test_an_agent_of_a_model_follows_it():
    model = make(PPO, UserEnv("t4-cascade"), n_steps=64)
    user = agent_of(model)
    before = user.abandon(1, 0.5)
    model.learn(64)
    assert user.abandon(1, 0.5) != before
