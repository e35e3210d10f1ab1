"""The two-agent game: PettingZoo's own tests, returns by closed forms, who sees what when."""

import copy
import importlib
import pickle
import sys

import numpy as np
import pytest

from routing_game.envs import render
from routing_game.theory import GAMES, payoffs, sample_games
from routing_game.theory.chain import Chain, evaluate

pettingzoo_v0 = pytest.importorskip("routing_game.envs.pettingzoo_v0", exc_type=ImportError)
stable_baselines3 = pytest.importorskip("stable_baselines3")
torch = pytest.importorskip("torch")
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, seed_test  # noqa: E402
from pettingzoo.utils.conversions import turn_based_aec_to_parallel  # noqa: E402
from stable_baselines3.common.vec_env import VecEnv  # noqa: E402

SETTINGS = ("strategy", "samples:5", "noisy:0.1", "route", "model", "none")
MODES = [
    {},
    *({"observes": setting} for setting in SETTINGS),
    {"encoding": "grid:11"},
    {"game": "t5-cascade", "expected": True, "tasks": 7},
    {"max_passes": 2},
    {"answers": "box"},
    {"encoding": "grid:10", "answers": "grid:11"},
    {"answers": "grid:3", "observes": "model"},
]
PLANS = [
    ((1, 0.35), (0.2, 0.2)),
    ((1, 0.35), (0.1, 0.7)),
    ((2, 0.0), (0.3, 0.3)),
    ((1, 1.0), (0.0, 1.0)),
]
Q = "user_0"


def play(env, commitment, answer, seed=0):
    """Rewards and infos of all tasks of a game, turn by turn."""
    env.reset(seed=seed)
    rewards, infos = [], []
    for agent in env.agent_iter():
        *_, done, _, info = env.last()
        if agent == "provider_0" and info:
            rewards.append([env.rewards["provider_0"], env.rewards[Q]])
            infos.append(info)
        env.step(
            None if done else commitment if agent == "provider_0" else np.array(answer, np.float32)
        )
    return np.array(rewards), infos


@pytest.mark.parametrize("mode", MODES, ids=str)
class TestPettingZoo:
    def test_api(self, mode, capsys):
        api_test(pettingzoo_v0.env(**mode), num_cycles=300)
        api_test(pettingzoo_v0.raw_env(**mode), num_cycles=300)

    def test_parallel_api(self, mode, capsys):
        parallel_api_test(pettingzoo_v0.parallel_env(**mode), num_cycles=300)

    def test_seeds(self, mode):
        seed_test(lambda: pettingzoo_v0.env(**mode), num_cycles=100)
        parallel_seed_test(lambda: pettingzoo_v0.parallel_env(**mode), num_cycles=100)


@pytest.mark.parametrize("encoding", ["exact", "multi:5"])
def test_encodings_that_are_no_box(encoding):
    seed_test(lambda: pettingzoo_v0.env(encoding=encoding), num_cycles=100)
    parallel_seed_test(lambda: pettingzoo_v0.parallel_env(encoding=encoding), num_cycles=100)


@pytest.mark.parametrize("name", ["t4-cascade", "t5-cascade"])
@pytest.mark.parametrize(("commitment", "q"), PLANS)
@pytest.mark.parametrize("max_passes", [2, 1000])
def test_rewards_agree_with_the_chain(name, commitment, q, max_passes):
    game = GAMES[name]
    arguments = {
        "game": game,
        "observes": "model",
        "encoding": "exact",
        "tasks": 6000,
        "max_passes": max_passes,
    }
    rewards, infos = play(pettingzoo_v0.env(**arguments), commitment, q)
    expected = evaluate(Chain.of(game, commitment[1]), commitment[0], np.float32(q).astype(float))
    error = 4 * rewards.std(axis=0) / np.sqrt(len(rewards))
    assert abs(rewards.mean(axis=0) - [-expected.cost, expected.utility]) == pytest.approx(
        0, abs=error.max()
    )
    assert any(info["task"].truncated for info in infos) == (max_passes == 2 and q != (0.0, 1.0))
    assert all(
        (-cost, utility) == info["task"][3:5]
        for (cost, utility), info in zip(rewards, infos, strict=True)
    )


def test_expected_payoffs_are_the_chains():
    rng = np.random.default_rng(0)
    game = sample_games(200, rng)
    s, q = rng.random(200), rng.random((2, 200))
    for route in (1, 2):
        ours = pettingzoo_v0.expected_payoffs(game, route, s, (q[0], q[1]))
        np.testing.assert_allclose(ours, evaluate(Chain.of(game, s), route, q.T), rtol=1e-9)
        single = pettingzoo_v0.expected_payoffs(game, route, s, (q[0], q[0]))
        np.testing.assert_allclose(single, payoffs(game, route, s, q[0]), rtol=1e-9)


def test_expected_rewards_have_no_noise():
    rewards, _ = play(pettingzoo_v0.env(expected=True, encoding="exact"), (1, 0.25), [0.5])
    expected = payoffs(GAMES["t4-cascade"], 1, 0.25, 0.5)
    np.testing.assert_allclose(
        rewards, np.broadcast_to([-expected.cost, expected.utility], (100, 2))
    )


def test_the_user_sees_the_commitment_and_the_provider_does_not_look_ahead():
    env = pettingzoo_v0.env(encoding="exact", tasks=2)
    env.reset(seed=0)
    assert env.agent_selection == "provider_0"
    assert env.observe(Q).tolist() == [0, 0, 1, 0]
    env.step((1, 0.625))
    assert env.agent_selection == Q
    assert env.observe(Q).tolist() == [1, 0.625, 2, 0]
    assert env.observe("provider_0").tolist() == [0, 0, 2, 0]
    env.step(np.ones(1, np.float32))
    assert env.observe(Q).tolist() == [0, 0, 1, 0.5]


def test_both_interfaces_play_the_same_game():
    turns, together = pettingzoo_v0.env(tasks=50), pettingzoo_v0.parallel_env(tasks=50)
    box, q = np.array([-0.5, -0.4], np.float32), np.array([0.3], np.float32)
    rewards, _ = play(turns, box, q, seed=9)
    together.reset(seed=9)
    both = []
    while together.agents:
        _, reward, *_ = together.step({"provider_0": box, Q: q})
        both.append([reward["provider_0"], reward[Q]])
    np.testing.assert_array_equal(both[1::2], rewards)
    assert not np.any(both[::2])


@pytest.mark.parametrize("make", [pettingzoo_v0.env, pettingzoo_v0.parallel_env])
def test_an_argument_that_is_none_is_named(make):
    with pytest.raises(TypeError, match="got 'task'; did you mean tasks"):
        make(task=5)


@pytest.mark.parametrize(
    ("observes", "answers", "action", "q"),
    [
        ("strategy", "exact", [0.25], (0.25, 0.25)),
        ("model", "exact", [0.25, 0.5], (0.25, 0.5)),
        ("strategy", "box", [-0.5, 1.0], (0.25, 0.25)),
        ("model", "box", [-0.5, 0.0], (0.25, 0.5)),
        ("strategy", "grid:5", 1, (0.25, 0.25)),
        ("model", "grid:5", 5 * 1 + 2, (0.25, 0.5)),
    ],
)
def test_answers_mean_what_they_say(observes, answers, action, q):
    game = pettingzoo_v0.parallel_env(observes=observes, answers=answers, encoding="exact")
    game.reset(seed=0)
    space = game.action_space(Q)
    action = np.array(action, space.dtype)
    assert space.contains(np.int64(action) if action.ndim == 0 else action)
    game.step({"provider_0": (1, 0.3)})
    *_, infos = game.step({Q: action})
    assert infos[Q]["abandon"] == q


@pytest.mark.parametrize(
    ("answers", "wrong"),
    [
        ("box", [[0.0], [0.0, 0.0, 0.0], [0.0, 1.1], [np.nan, 0.0], None, "ab"]),
        ("grid:5", [5, -1, 0.5, [1, 2], None]),
        ("exact", [1.1, [0.1, 0.2], np.nan, None]),
    ],
)
def test_an_answer_outside_its_space_is_refused(answers, wrong):
    game = pettingzoo_v0.parallel_env(answers=answers)
    game.reset(seed=0)
    game.step({"provider_0": np.zeros(2, np.float32)})
    for action in wrong:
        with pytest.raises(ValueError, match="user_0 acts in"):
            game.step({Q: action})
    game.step({Q: game.action_space(Q).sample()})


SHARED = [
    {"encoding": "box", "answers": "box"},
    {"encoding": "box", "answers": "box", "observes": "model"},
    {"encoding": "grid:10", "answers": "grid:11"},
]


@pytest.mark.parametrize("mode", SHARED, ids=str)
@pytest.mark.parametrize("turns", [True, False])
def test_one_policy_can_play_both_sides(mode, turns):
    """PettingZoo's recipe for Stable-Baselines3: one vector of agents, one policy for all."""
    game = pettingzoo_v0.env(tasks=3, **mode)
    game = (
        turn_based_aec_to_parallel(game) if turns else pettingzoo_v0.parallel_env(tasks=3, **mode)
    )
    train_shared(Shared(game))


pytestmark = pytest.mark.usefixtures("one_thread")


def train_shared(vector):
    model = stable_baselines3.PPO(
        "MlpPolicy", vector, n_steps=32, batch_size=32, n_epochs=1, device="cpu"
    )
    model.learn(128)
    assert model.num_timesteps == 128


class Shared(VecEnv):
    """What SuperSuit makes of a game of agents with one space: an environment for each agent."""

    def __init__(self, game):
        self.game, self.agents = game, game.possible_agents
        (seen, *others) = [game.observation_space(agent) for agent in self.agents]
        (acted, *actions) = [game.action_space(agent) for agent in self.agents]
        assert all(seen == other for other in others)
        assert all(acted == other for other in actions)
        super().__init__(len(self.agents), seen, acted)

    def reset(self):
        seen, _ = self.game.reset()
        return np.stack([seen[agent] for agent in self.agents])

    def step_async(self, actions):
        self.taken = dict(zip(self.agents, actions, strict=True))

    def step_wait(self):
        seen, rewards, overs, cuts, infos = self.game.step(self.taken)
        told = [
            [part[agent] for agent in self.agents] for part in (seen, rewards, overs, cuts, infos)
        ]
        over = np.array(told[2]) | np.array(told[3])
        assert over.all() == over.any()
        observations = self.reset() if over.all() else np.stack(told[0])
        return observations, np.array(told[1], np.float32), over, [dict(info) for info in told[4]]

    def close(self): ...

    def get_attr(self, attr_name, indices=None):
        return [getattr(self.game, attr_name, None)] * self.num_envs

    def set_attr(self, attr_name, value, indices=None): ...

    def env_method(self, method_name, *args, indices=None, **kwargs): ...

    def env_is_wrapped(self, wrapper_class, indices=None):
        return [False] * self.num_envs


def test_super_suit_plays_it_where_it_is_installed():
    supersuit = pytest.importorskip("supersuit")
    for mode in SHARED:
        game = turn_based_aec_to_parallel(pettingzoo_v0.env(tasks=3, **mode))
        vector = supersuit.pettingzoo_env_to_vec_env_v1(game)
        train_shared(supersuit.concat_vec_envs_v1(vector, 2, base_class="stable_baselines3"))


class Screen:
    """A stand-in for Gymnasium's window that counts."""

    open_, shown = 0, 0

    def __init__(self, frame):
        Screen.open_ += 1
        self.frame = frame

    def step(self, action):
        assert self.frame.render().shape == (400, 640, 3)
        Screen.shown += 1

    def close(self):
        Screen.open_ -= 1


@pytest.mark.parametrize("make", [pettingzoo_v0.env, pettingzoo_v0.parallel_env])
def test_human_shows_each_move_in_a_window(make, monkeypatch):
    monkeypatch.setattr(render, "HumanRendering", Screen)
    Screen.open_ = Screen.shown = 0
    game = make(render_mode="human", tasks=2)
    assert (game.render_mode, Screen.open_) == ("human", 0)
    assert game.render_mode in game.metadata["render_modes"]
    game.reset(seed=0)
    twin = copy.deepcopy(game)
    assert pickle.loads(pickle.dumps(game)).render_mode == "human"
    assert (Screen.open_, Screen.shown) == (1, 1)
    box, q = np.zeros(2, np.float32), np.ones(1, np.float32)
    for action in (box, q):
        for each in (game, twin):
            one_each = make is pettingzoo_v0.parallel_env
            each.step({"provider_0": box, Q: q} if one_each else action)
    assert (Screen.open_, Screen.shown) == (2, 5)
    assert game.render() is None
    game.close()
    twin.close()
    assert Screen.open_ == 0


def test_hidden_strategies_stay_hidden():
    for observes, seen in (("route", [1, 0]), ("none", [1, 0])):
        env = pettingzoo_v0.env(observes=observes, encoding="exact")
        env.reset(seed=0)
        env.step((1, 0.7))
        assert env.observe(Q)[:2].tolist() == seen


@pytest.mark.parametrize("mode", ["ansi", "rgb_array"])
def test_it_can_be_looked_at(mode):
    env = pettingzoo_v0.env(render_mode=mode, tasks=1)
    env.reset(seed=0)
    before = env.render()
    env.step(np.array([-1, -0.5], np.float32))
    env.step(np.array([0.2], np.float32))
    assert not np.array_equal(env.render(), before)


def test_games_can_be_sent_to_other_processes():
    twin = pickle.loads(pickle.dumps(pettingzoo_v0.parallel_env(tasks=3, observes="route")))
    assert twin.observation_space(Q).shape == (4,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"game": "t4"}, "t4-cascade"),
        ({"observes": "all"}, "observes must be one of"),
        ({"tasks": 0}, "tasks must be a whole number"),
        ({"encoding": "grid"}, "an encoding is"),
        ({"encoding": "grid:1"}, "cascades"),
        ({"max_passes": 0}, "max_passes"),
        ({"render_mode": "film"}, "render_mode"),
        ({"expected": 1}, "expected must be True or False"),
        ({"answers": "q"}, "answers are"),
        ({"answers": "grid:1"}, "n of grid:n"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    for make in (pettingzoo_v0.env, pettingzoo_v0.parallel_env):
        with pytest.raises(ValueError, match=message):
            make(**arguments)


@pytest.mark.parametrize("action", [np.zeros(3), None, (0.0, np.nan), (0.0, 3.0)])
def test_bad_actions_are_named(action):
    env = pettingzoo_v0.raw_env()
    env.reset(seed=0)
    with pytest.raises(ValueError, match="acts in|cascade"):
        env.step(action)
    env.step(np.zeros(2, np.float32))
    with pytest.raises(ValueError, match="acts in|abandon"):
        env.step(np.array([1.5]) if action is not None else None)
    together = pettingzoo_v0.parallel_env()
    together.reset(seed=0)
    with pytest.raises(ValueError, match="turn of provider_0"):
        together.step({Q: np.ones(1)})


def test_without_pettingzoo_it_is_said_how_to_get_it(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "pettingzoo"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pettingzoo", None)
    with pytest.raises(ModuleNotFoundError) as raised:
        importlib.reload(pettingzoo_v0)
    assert "pip install" in raised.value.__notes__[0]
