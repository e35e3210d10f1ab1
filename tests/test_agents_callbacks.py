"""Exact regret in SB3's log: what theory says of the policy as it is, and training as without."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import DQN, PPO, SAC
from stable_baselines3.common.logger import KVWriter, Logger
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecNormalize

import routing_game  # noqa: F401  (registers the ids)
from routing_game.agents import RegretCallback
from routing_game.agents.callbacks import ASKED
from routing_game.agents.saved import SavedUser, agent_of
from routing_game.envs import (
    GridAction,
    MultiDiscreteAction,
    OptionsEnv,
    ProviderEnv,
    UserEnv,
    UserVectorEnv,
    WorldEnv,
)
from routing_game.envs.answer import AnswerEnv
from routing_game.envs.sb3 import SB3VecEnv
from routing_game.envs.worlds import hidden
from routing_game.theory import (
    GAMES,
    Commitment,
    best_response,
    outcome,
    payoffs,
    solve,
)
from routing_game.theory.chain import Chain, evaluate

contrib = pytest.importorskip("sb3_contrib")

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


def make(algorithm, env, policy="MlpPolicy", **options):
    return algorithm(policy, env, seed=2, device="cpu", **options)


PROVIDERS = {
    "PPO": (PPO, lambda: gym.make("RoutingGame/Provider-v0", game="t4-cascade"), {"n_steps": 64}),
    "SAC": (SAC, lambda: gym.make("RoutingGame/Provider-v0", game="t4-cascade"), {}),
    "DQN": (DQN, lambda: GridAction(ProviderEnv("t4-cascade"), [0.0, 0.3, 0.6]), {}),
    "PPO on a pair": (
        PPO,
        lambda: MultiDiscreteAction(ProviderEnv("t4-cascade"), 5),
        {"n_steps": 64},
    ),
    "TQC": (contrib.TQC, lambda: gym.make("RoutingGame/Provider-v0", game="t4-cascade"), {}),
    "RecurrentPPO": (
        contrib.RecurrentPPO,
        lambda: gym.make("RoutingGame/Provider-v0", game="t4-cascade"),
        {"policy": "MlpLstmPolicy", "n_steps": 64},
    ),
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


OBSERVES = ("strategy", "model", "samples:4", "noisy:0.2", "route", "none")


def always(model, q):
    """The model, its policy set by hand: it leaves with chance q whatever it sees."""
    policy = model.policy
    with torch.no_grad():
        if hasattr(policy, "q_net"):
            last = [x for x in policy.q_net.modules() if isinstance(x, torch.nn.Linear)][-1]
            numbers = [0.0, 1.0 if q else -1.0]
        else:
            last = policy.action_net
            numbers = [2 * q - 1] if last.out_features == 1 else [0.0, np.log(q / (1 - q))]
        last.weight.zero_()
        last.bias.copy_(torch.tensor(numbers))
    return model


def lost_by(q, observes):
    """What one q for everything loses, by sums over s and grids of q."""
    game, s, grid = GAME, (np.arange(2000) + 0.5) / 2000, np.linspace(0.0, 1.0, 501)
    utility_2 = payoffs(game, 2, 0.0, grid).utility.max() - payoffs(game, 2, 0.0, q).utility
    if observes in ("strategy", "model"):
        lost = []
        for route, cascade in zip(*ASKED, strict=True):
            chain = Chain.of(game, cascade)
            answers = [(x, x) for x in grid]
            if observes == "model":
                answers = [(x, y) for x in (0.0, 1.0) for y in (0.0, 1.0)]
            best = evaluate(chain, int(route), np.array(answers)).utility.max()
            lost.append(best - evaluate(chain, int(route), (q, q)).utility)
        return np.mean(lost)
    table = payoffs(game, 1, s, grid[:, None]).utility  # (q, s)
    own = payoffs(game, 1, s, q).utility.mean()
    if observes == "none":
        both = table.mean(axis=1) + payoffs(game, 2, 0.0, grid).utility
        return (both.max() - own - payoffs(game, 2, 0.0, q).utility) / 2
    if observes == "route":
        return (table.mean(axis=1).max() - own + utility_2) / 2
    rng = np.random.default_rng(0)
    if observes == "samples:4":
        tosses = rng.binomial(4, np.repeat(s, 100)).reshape(-1, 100)
        chances = np.array([(tosses == k).mean(axis=1) for k in range(5)])
    else:
        seen = np.clip(s[:, None] + 0.2 * rng.standard_normal((2000, 100)), 0, 1)
        bins = np.ceil(seen * 40)  # the ends, and forty between
        chances = np.array([(bins == k).mean(axis=1) for k in [*range(41)]])
        chances = np.array([*chances, (seen == 1).mean(axis=1)])
        chances[40] -= chances[41]
    best = (chances @ table.T).max(axis=1).sum() / s.size
    return (best - own + utility_2) / 2


@pytest.mark.parametrize("observes", OBSERVES)
def test_a_user_s_regret_is_against_the_best_that_sees_no_more(observes):
    model = always(make(PPO, UserEnv("t4-cascade", observes=observes), n_steps=64), 0.3)
    callback = RegretCallback("t4-cascade")
    callback.init_callback(model)
    right = lost_by(0.3, observes) / GAME.value
    assert callback.facts()["regret"] == pytest.approx(right, rel=0.01)


@pytest.mark.parametrize("observes", OBSERVES)
def test_users_of_values_and_of_batches_are_known_too(observes):
    for env in (
        UserEnv("t4-cascade", observes=observes),
        SB3VecEnv(UserVectorEnv(3, "t4-cascade", observes=observes)),
    ):
        model = always(make(DQN, env, buffer_size=100), 1.0)
        callback = RegretCallback("t4-cascade")
        callback.init_callback(model)
        right = lost_by(1.0, observes) / GAME.value
        assert callback.facts() == {"regret": pytest.approx(right, rel=0.01)}


def test_a_user_who_answers_with_q_is_known_too():
    model = always(make(PPO, AnswerEnv("t4-cascade"), n_steps=64), 0.3)
    rows = logged(model, RegretCallback("t4-cascade"), 64)
    assert rows[0][1]["game/regret"] == pytest.approx(lost_by(0.3, "strategy"), rel=0.01)


def test_what_the_environment_does_not_say_can_be_said():
    class Mute(gym.Wrapper):
        def get_wrapper_attr(self, name):
            if name == "observes":
                raise AttributeError(name)
            return super().get_wrapper_attr(name)

    model = always(make(PPO, Mute(UserEnv("t4-cascade", observes="noisy:0.2")), n_steps=64), 0.3)
    for observes in (None, "noisy:0.2"):
        callback = RegretCallback("t4-cascade", observes=observes)
        callback.init_callback(model)
        right = lost_by(0.3, observes or "strategy")
        assert callback.facts()["regret"] == pytest.approx(right, rel=0.01)


@pytest.mark.parametrize(
    "env",
    [
        lambda: gym.make("RoutingGame/Provider-v0"),
        lambda: UserEnv("t4-cascade", observes="samples:3"),
        lambda: UserEnv("t4-cascade", observes="model"),
    ],
)
def test_training_is_the_same_with_and_without(env):
    weights = []
    for callback in (None, RegretCallback("t4-cascade", every=10)):
        model = make(PPO, env(), n_steps=64).learn(128, callback)
        weights.append(model.policy.state_dict())
    for name, x in weights[0].items():
        assert (x == weights[1][name]).all()


@pytest.mark.parametrize(
    ("env", "hint"),
    [
        (
            lambda: UserEnv("t4-cascade", observes="route", provider=Commitment(1, 0.5)),
            'observes="route" against a provider of its own',
        ),
        (
            lambda: SB3VecEnv(
                UserVectorEnv(1, "t4-cascade", "noisy:0.1", provider=Commitment(1, 0.5))
            ),
            "train it with provider=None",
        ),
        (lambda: gym.make("RoutingGame/Session-v0"), "expected what a user sees"),
        (lambda: OptionsEnv("t4-cascade", decline=True), "may decline"),
        (lambda: OptionsEnv("t4-cascade", throttle=0.5), "acts in"),
        (lambda: OptionsEnv("t4-cascade", price=(0.1, 0.1)), "expected the game of the model's"),
        (lambda: UserEnv("t5-cascade"), r"environment \(value 1.0; penalty"),
        (lambda: VecNormalize(DummyVecEnv([lambda: UserEnv("t4-cascade")])), "VecNormalize"),
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


def test_a_user_with_a_memory_has_no_such_regret():
    env = UserEnv("t4-cascade")
    model = make(contrib.RecurrentPPO, env, "MlpLstmPolicy", n_steps=64)
    with pytest.raises(ValueError, match="no exact regret of this model.*memory"):
        logged(model, RegretCallback("t4-cascade"), 64)


def test_worlds_are_judged_by_the_game_that_is_named():
    def world():
        return WorldEnv(
            lambda game: gym.make("RoutingGame/Provider-v0", game=game),
            hidden("t4-cascade", penalty=(0.4, 2.0)),
        )

    rows = logged(make(PPO, world(), n_steps=64), RegretCallback("t4-cascade"), 64)
    assert len(rows) == 2


def test_environments_in_other_processes_are_asked_as_well():
    def env():
        return UserEnv("t4-cascade", observes="samples:4")

    vec = SubprocVecEnv([env])
    try:
        callback = RegretCallback("t4-cascade")
        callback.init_callback(always(make(PPO, vec, n_steps=64), 0.3))
        assert callback.facts()["regret"] == pytest.approx(lost_by(0.3, "samples:4"), rel=0.01)
    finally:
        vec.close()
