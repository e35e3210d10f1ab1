"""The two-agent game: PettingZoo's own tests, returns by closed forms, who sees what when."""

import pickle

import numpy as np
import pytest

from routing_game.theory import GAMES, payoffs, sample_games
from routing_game.theory.chain import Chain, evaluate

pettingzoo_v0 = pytest.importorskip("routing_game.envs.pettingzoo_v0", exc_type=ImportError)
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, seed_test  # noqa: E402

SETTINGS = ("strategy", "samples:5", "noisy:0.1", "route", "model", "none")
MODES = [
    {},
    *({"observes": setting} for setting in SETTINGS),
    {"encoding": "grid:11"},
    {"game": "t5-cascade", "expected": True, "tasks": 7},
    {"max_passes": 2},
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
        ({"render_mode": "human"}, "render_mode"),
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
