"""The provider's environment and engine: closed forms, infos, truncation, bad actions."""

import gymnasium as gym
import numpy as np
import pytest

from routing_game.agents import BestResponseUser, FixedUser
from routing_game.envs import ProviderEnv, ProviderVectorEnv, from_box, to_box
from routing_game.theory import (
    GAMES,
    Commitment,
    Task,
    payoffs,
    provider_regret,
    sample_games,
    solve,
)
from routing_game.theory.payoffs import visits

RANDOM = sample_games(40, np.random.default_rng(0))
COMMITMENTS = [(1, 0.0), (1, 0.35), (1, 1.0), (2, 0.5)]


def agrees(sample, expected, error=4.0):
    """The mean of a sample lies within 4 standard errors of what theory expects."""
    sample = np.asarray(sample, dtype=float)
    return abs(sample.mean() - expected) <= error * sample.std() / np.sqrt(sample.size) + 1e-12


def play_many(game, route, cascade, abandon, seed, tasks=20_000, **arguments):
    """The final infos of `tasks` tasks, one step of the engine."""
    engine = ProviderVectorEnv(tasks, game, FixedUser(abandon), **arguments)
    engine.reset(seed=seed)
    _, reward, _, _, info = engine.step(np.broadcast_to(to_box(route, cascade), (tasks, 2)))
    return reward, info["final_info"]


def assert_simulation_agrees(game, route, cascade, abandon, seed, **arguments):
    reward, info = play_many(game, route, cascade, abandon, seed, **arguments)
    _, cascade = from_box(to_box(route, cascade))  # what float32 made of it
    expected, task = payoffs(game, route, cascade, abandon), info["task"]
    assert agrees(-reward, expected.cost)
    assert agrees(task["utility"], expected.utility)
    if not task["truncated"].any():
        n1, n2 = visits(game, route, cascade, abandon)
        assert agrees(task["solved"], expected.success)
        assert agrees(task["standard"], n1)
        assert agrees(task["reasoning"], n2)


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize(("route", "cascade"), COMMITMENTS)
def test_engine_agrees_with_closed_forms_on_the_catalog(name, route, cascade):
    for abandon in (0.0, 0.4, 1.0):
        assert_simulation_agrees(GAMES[name], route, cascade, abandon, seed=17)


@pytest.mark.parametrize("k", range(RANDOM.shape[0]))
def test_engine_agrees_with_closed_forms_on_random_games(k):
    rng = np.random.default_rng(k)
    assert_simulation_agrees(
        RANDOM[k], int(rng.integers(1, 3)), rng.random(), rng.random(), seed=k, tasks=5_000
    )


@pytest.mark.parametrize("max_passes", [1, 2, 5])
@pytest.mark.parametrize(("route", "cascade"), COMMITMENTS)
def test_cutting_tasks_off_leaves_no_bias(max_passes, route, cascade):
    game = GAMES["t4-cascade"]
    assert_simulation_agrees(game, route, cascade, 0.3, seed=5, max_passes=max_passes)
    _, info = play_many(game, route, cascade, 0.3, seed=5, max_passes=max_passes)
    task = info["task"]
    assert ((task["standard"] + task["reasoning"])[task["truncated"]] == max_passes).all()


@pytest.mark.parametrize("name", ["t4-cascade", "t5-cascade", "value-cheap"])
@pytest.mark.parametrize("max_passes", [2, 1000])
def test_scalar_env_agrees_with_closed_forms(name, max_passes):
    game, abandon = GAMES[name], 0.3
    env = ProviderEnv(game, FixedUser(abandon), max_passes=max_passes)
    env.reset(seed=2)
    for route, cascade in COMMITMENTS:
        expected = payoffs(game, route, cascade, abandon)
        steps = [env.step((route, cascade)) for _ in range(4_000)]
        assert agrees([-reward for _, reward, *_ in steps], expected.cost)
        assert agrees([info["task"].utility for *_, info in steps], expected.utility)
        assert any(truncated for *_, truncated, _ in steps) == (max_passes == 2)


def test_a_batch_of_one_plays_as_the_env_does():
    env, engine = (
        gym.make("RoutingGame/Provider-v0"),
        gym.make_vec("RoutingGame/Provider-v0", num_envs=1),
    )
    env.reset(seed=9), engine.reset(seed=9)
    env.action_space.seed(9)
    for _ in range(200):
        action = env.action_space.sample()
        _, reward, _, truncated, info = env.step(action)
        _, rewards, _, truncations, infos = engine.step(action[None])
        assert (reward, truncated) == (rewards[0], truncations[0])
        final = infos["final_info"]
        assert Task(**{key: final["task"][key][0] for key in Task._fields}) == info["task"]
        for key in ("S", "L", "C", "U", "J", "abandon", "regret"):
            assert final[key][0] == pytest.approx(info[key], abs=1e-12)


@pytest.mark.parametrize("name", GAMES)
def test_info_is_theory(name):
    game = GAMES[name]
    env, user = ProviderEnv(game), BestResponseUser(game)
    for route, cascade in [*COMMITMENTS, (1, float(solve(game).cascade[0]))]:
        for _ in range(2):  # the second time from memory
            *_, info = env.step((route, cascade))
            abandon = user.abandon(route, cascade)
            assert info["abandon"] == abandon
            assert [info[key] for key in "SLCUJ"] == pytest.approx(
                list(payoffs(game, route, cascade, abandon))
            )
            assert info["regret"] == pytest.approx(provider_regret(game, route, cascade), abs=1e-12)


def test_regret_is_judged_by_the_exact_user_whoever_plays():
    game = GAMES["t4-cascade"]
    env = ProviderEnv(game, FixedUser(0.5))
    *_, info = env.step((1, 0.6))
    assert info["abandon"] == 0.5
    assert info["regret"] == pytest.approx(provider_regret(game, 1, 0.6))


def test_task_and_reward_tell_the_same_story():
    game = GAMES["t5-cascade"]
    env = ProviderEnv(game, FixedUser(0.3))
    env.reset(seed=1)
    for _ in range(300):
        _, reward, terminated, _, info = env.step((1, 0.4))
        task = info["task"]
        money = task.standard * game.cost[0] + task.reasoning * game.cost[1]
        time = task.standard * game.latency[0] + task.reasoning * game.latency[1]
        assert terminated
        assert -reward == task.cost == pytest.approx(money + game.penalty * (not task.solved))
        assert task.utility == pytest.approx(game.value * task.solved - time)


def test_a_made_environment_needs_no_reset_either():
    """Gymnasium's checker compares the first step with a reset that has not been."""
    made = gym.make("RoutingGame/Provider-v0", expected=True)
    assert made.step(np.array([-1.0, -1.0]))[1] == made.step(np.array([-1.0, -1.0]))[1]


def test_expected_rewards_have_no_noise():
    game = GAMES["t4-cascade"]
    env = ProviderEnv(game, expected=True)
    rewards = {env.step((1, 0.5))[1] for _ in range(20)}
    assert rewards == {-payoffs(game, 1, 0.5, 0.0).cost}
    engine = gym.make_vec("RoutingGame/Provider-v0", num_envs=20, game=game, expected=True)
    _, rewards, *_ = engine.step(np.tile(to_box(1, 0.5), (20, 1)))
    assert set(rewards) == {-payoffs(game, 1, 0.5, 0.0).cost}


def test_memory_of_commitments_is_bounded():
    from routing_game.envs.provider import CACHE_SIZE

    env = ProviderEnv()
    for k in range(CACHE_SIZE + 10):
        env.step((1, k / (2 * CACHE_SIZE)))
    assert len(env._known) <= CACHE_SIZE


@pytest.mark.parametrize(
    "action",
    [(3, 0.5), (1.5, 0.5), (1, 1.1), (1, -0.1), (1, np.nan), (np.inf, 1), 1, (1, 0.5, 0.5), "ab"],
)
def test_bad_commitments_are_refused(action):
    with pytest.raises(ValueError, match=r"route|cascade"):
        ProviderEnv().step(action)


@pytest.mark.parametrize(
    "action", [(1.0, 0.5), (np.float64(1), 0.5), np.array([1, 0.5]), (np.array(1), np.array(0.5))]
)
def test_a_commitment_may_come_in_any_kind_of_number(action):
    steps = [
        env.step(a)
        for env, a in ((ProviderEnv(), action), (ProviderEnv(), (1, 0.5)))
        if env.reset(seed=0)
    ]
    assert steps[0][1:] == steps[1][1:]


@pytest.mark.parametrize("expected", ["x", 1, None])
def test_expected_is_true_or_false(expected):
    for make in (gym.make, gym.make_vec):
        with pytest.raises(ValueError, match="expected must be True or False"):
            make("RoutingGame/Provider-v0", expected=expected)


@pytest.mark.parametrize("reply", ["x", [0.1, 0.2], [[0.1]], {}])
def test_a_user_answers_with_one_number_for_each_commitment(reply):
    class Careless:
        def abandon(self, route, cascade):
            return reply

    with pytest.raises(ValueError, match=r"abandon\(\) must answer commitments of shape \(\)"):
        ProviderEnv(user=Careless()).step((1, 0.5))
    with pytest.raises(ValueError, match=r"abandon\(\) must answer commitments of shape \(3,\)"):
        ProviderEnv(user=Careless()).prospects.reply(1, np.array([0.1, 0.2, 0.3]))


def test_a_user_may_answer_a_batch_with_one_number():
    class Steady:
        def abandon(self, route, cascade):
            return 0.25

    engine = ProviderVectorEnv(3, user=Steady())
    engine.reset(seed=0)
    *_, info = engine.step(np.zeros((3, 2), np.float32))
    assert info["final_info"]["abandon"].tolist() == [0.25] * 3


def test_bad_users_are_refused():
    with pytest.raises(ValueError, match="abandon"):
        ProviderEnv(user=3)

    class Careless:
        def abandon(self, route, cascade):
            return np.full(np.shape(cascade), 1.5)

    with pytest.raises(ValueError, match="abandon must lie in"):
        ProviderEnv(user=Careless()).step((1, 0.5))


def test_box_means_a_commitment_and_back():
    rng = np.random.default_rng(4)
    route, cascade = rng.integers(1, 3, 1000), rng.random(1000)
    box = to_box(route, cascade)
    assert box.shape == (1000, 2)
    assert box.dtype == np.float32
    assert np.abs(box).max() <= 1
    routes, cascades = from_box(box)
    np.testing.assert_array_equal(routes, route)
    np.testing.assert_allclose(cascades, cascade, atol=6e-8)
    assert [x.item() for x in from_box(to_box(1, 0.0))] == [1, 0.0]
    assert [x.item() for x in from_box(to_box(2, 1.0))] == [2, 1.0]
    with pytest.raises(ValueError, match="cascade"):
        to_box(1, 1.5)


def test_box_action_needs_commitments():
    from routing_game.envs import BoxAction

    with pytest.raises(ValueError, match="commitments"):
        BoxAction(gym.make("RoutingGame/User-v0"))


def test_native_space_holds_commitments():
    space = ProviderEnv().action_space
    assert (1, np.array(0.25)) in space
    assert (0, np.array(0.25)) not in space
    assert all(
        Commitment(int(i), float(s)).route in (1, 2) for i, s in (space.sample() for _ in range(10))
    )
