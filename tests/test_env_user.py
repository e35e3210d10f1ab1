"""The user's environment and engine: closed forms, ways of observing, infos, truncation."""

import gymnasium as gym
import numpy as np
import pytest

from routing_game.agents import FixedProvider
from routing_game.envs import UserEnv, UserVectorEnv
from routing_game.theory import GAMES, Commitment, Task, payoffs, sample_games, user_regret

RANDOM = sample_games(30, np.random.default_rng(1))
COMMITMENTS = [Commitment(1, 0.0), Commitment(1, 0.35), Commitment(1, 1.0), Commitment(2, 0.5)]


def agrees(sample, expected, scale=1.0, error=4.0):
    """`scale` times the mean of a sample lies within 4 standard errors of what theory expects."""
    sample = scale * np.asarray(sample, dtype=float)
    return abs(sample.mean() - expected) <= error * sample.std() / np.sqrt(sample.size) + 1e-12


def first_episodes(engine, policy, seed):
    """Return and final infos of the first episode of each, under policy(observation, rng) -> q."""
    rng = np.random.default_rng([seed, 1])
    observation, _ = engine.reset(seed=seed)
    returns, open_ = np.zeros(engine.num_envs), np.ones(engine.num_envs, bool)
    final = {key: np.zeros(engine.num_envs) for key in "SLCUJ"}
    while open_.any():
        leave = rng.random(engine.num_envs) < policy(observation)
        observation, reward, terminated, truncated, info = engine.step(leave.astype(int))
        returns += open_ * reward
        ending = open_ & (terminated | truncated)
        for key in final:
            final[key][ending] = info["final_info"][key][ending] if ending.any() else 0.0
        open_ &= ~ending
    return returns, final


def assert_simulation_agrees(game, commitment, abandon, seed, episodes=10_000, **arguments):
    """X = p X(solved at once) + k E[X | first pass failed], for X = U, S, L, C, J."""
    engine = UserVectorEnv(episodes, game, provider=commitment, **arguments)
    returns, final = first_episodes(engine, lambda _: abandon, seed)
    i = commitment.route - 1
    p, t, c = game.success[i], game.latency[i], game.cost[i]
    expected = payoffs(game, *commitment, abandon)
    assert agrees(returns, expected.utility - game.net_value[i], scale=1 - p)
    at_once = {"S": p, "L": p * t, "C": p * c, "U": p * (game.value - t), "J": p * c}
    for key, theory in zip("SLCUJ", expected, strict=True):
        assert agrees(final[key], theory - at_once[key], scale=1 - p)


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("commitment", COMMITMENTS)
def test_engine_agrees_with_closed_forms_on_the_catalog(name, commitment):
    for abandon in (0.0, 0.4, 1.0):
        assert_simulation_agrees(GAMES[name], commitment, abandon, seed=23)


@pytest.mark.parametrize("k", range(RANDOM.shape[0]))
def test_engine_agrees_with_closed_forms_on_random_games(k):
    rng = np.random.default_rng(k)
    commitment = Commitment(int(rng.integers(1, 3)), rng.random())
    assert_simulation_agrees(RANDOM[k], commitment, rng.random(), seed=k, episodes=4_000)


@pytest.mark.parametrize("max_passes", [2, 3, 6])
@pytest.mark.parametrize("commitment", COMMITMENTS)
def test_cutting_off_a_user_who_stays_leaves_no_bias(max_passes, commitment):
    assert_simulation_agrees(GAMES["t4-cascade"], commitment, 0.0, seed=3, max_passes=max_passes)


@pytest.mark.parametrize("max_passes", [2, 1000])
@pytest.mark.parametrize("name", ["t4-cascade", "t5-cascade"])
def test_scalar_env_agrees_with_closed_forms(name, max_passes):
    game, commitment = GAMES[name], Commitment(1, 0.35)
    env = UserEnv(game, provider=commitment, max_passes=max_passes)
    env.reset(seed=3)
    returns, cuts = [], 0
    for _ in range(3_000):
        env.reset()
        total, done = 0.0, False
        while not done:
            _, reward, done, truncated, info = env.step(0)
            total += reward
        assert info["U"] == pytest.approx(
            total - game.latency[0]
        )  # the first pass is sunk, but paid
        returns.append(total)
        cuts += truncated
    expected = payoffs(game, *commitment, 0.0).utility - game.net_value[0]
    assert agrees(returns, expected, scale=1 - game.success[0])
    assert (cuts > 0) == (max_passes == 2)


def test_a_batch_of_one_plays_as_the_env_does():
    env, engine = (
        make("RoutingGame/User-v0", observes="model") for make in (gym.make, gym.make_vec)
    )
    observation, _ = env.reset(seed=4)
    observations, _ = engine.reset(seed=4)
    for _ in range(300):
        np.testing.assert_array_equal(observations[0], observation)
        observation, reward, terminated, truncated, info = env.step(0)
        observations, rewards, terminations, truncations, infos = engine.step(np.array([0]))
        assert (reward, terminated, truncated) == (rewards[0], terminations[0], truncations[0])
        if terminated:
            final = infos["final_info"]
            np.testing.assert_array_equal(infos["final_obs"][0], observation)
            assert Task(**{key: final["task"][key][0] for key in Task._fields}) == info["task"]
            assert [final[key][0] for key in "SLCUJ"] == pytest.approx(
                [info[key] for key in "SLCUJ"]
            )
            observation, _ = env.reset()
        else:
            assert infos["regret"][0] == pytest.approx(info["regret"])


def test_strategy_sees_the_commitment_and_nothing_else():
    env = UserEnv(provider=Commitment(1, 0.6))
    seen = set()
    for seed in range(50):
        observation, _ = env.reset(seed=seed)
        done = False
        while not done:
            seen.add(tuple(observation))
            observation, _, done, *_ = env.step(0)
        seen.add(tuple(observation))
    assert seen == {(1.0, 0.6)}


def test_model_sees_what_failed():
    env = UserEnv(observes="model", provider=Commitment(1, 1.0))
    for seed in range(20):
        observation, _ = env.reset(seed=seed)
        assert tuple(observation) == (1.0, 1.0, 1.0)
        observation, *_ = env.step(0)
        assert tuple(observation) == (1.0, 1.0, 2.0)


def test_a_user_who_sees_the_model_can_act_on_it():
    """Stay after M1, leave after M2: W solves W = (1-s)(xi1 + k1 W) + s xi2, by hand."""
    game, s = GAMES["t5-cascade"], 0.4
    (xi1, xi2), (k1, _) = game.net_value, game.failure
    expected = ((1 - s) * xi1 + s * xi2) / (1 - (1 - s) * k1)
    engine = UserVectorEnv(20_000, game, observes="model", provider=Commitment(1, s))
    returns, _ = first_episodes(engine, lambda seen: seen[:, 2] == 2, seed=8)
    assert agrees(returns, expected)
    assert expected > max(payoffs(game, 1, s, 0.0).utility, payoffs(game, 1, s, 1.0).utility) - xi1


def test_default_provider_shows_every_commitment():
    engine = UserVectorEnv(4_000)
    seen, _ = engine.reset(seed=0)
    assert abs((seen[:, 0] == 1).mean() - 0.5) < 0.04
    counts, _ = np.histogram(seen[:, 1], bins=10, range=(0, 1))
    assert counts.min() > 300


def test_a_provider_is_asked_for_each_task():
    class Alternating:
        def __init__(self):
            self.tasks = 0

        def act(self):
            self.tasks += 1
            return Commitment(1 + self.tasks % 2, 0.5)

    env = UserEnv(provider=Alternating())
    assert [env.reset(seed=k)[0][0] for k in range(4)] == [2, 1, 2, 1]
    seen, _ = UserVectorEnv(4, provider=Alternating()).reset(seed=0)
    assert seen[:, 0].tolist() == [2, 1, 2, 1]
    assert UserEnv(provider=FixedProvider(2, 0.25)).reset(seed=0)[0].tolist() == [2, 0.25]


@pytest.mark.parametrize("name", GAMES)
def test_regret_is_theory(name):
    game = GAMES[name]
    for commitment in COMMITMENTS:
        for action in (0, 1):
            env = UserEnv(game, provider=commitment)
            env.reset(seed=0)
            regret = env.step(action)[-1]["regret"]
            assert regret == pytest.approx(user_regret(game, *commitment, float(action)))
            assert regret >= -1e-12


def test_task_counts_every_pass():
    game = GAMES["t5-cascade"]
    env = UserEnv(game, provider=Commitment(1, 0.5))
    for seed in range(100):
        env.reset(seed=seed)
        steps, total, done = 0, 0.0, False
        while not done:
            action = int(steps == 2)
            _, reward, done, _, info = env.step(action)
            steps, total = steps + 1, total + reward
        task = info["task"]
        assert task.standard + task.reasoning == 1 + steps - (not task.solved)
        assert task.utility == info["U"] == pytest.approx(total - game.latency[0])
        assert task.cost == info["J"]
        assert (info["S"] == 1) == task.solved
        assert info["C"] + game.penalty * (not task.solved) == pytest.approx(info["J"])


def test_only_tasks_that_ended_begin_again():
    engine = UserVectorEnv(200)
    before, _ = engine.reset(seed=6)
    after, _, terminated, truncated, info = engine.step(np.arange(200) % 2)
    done = terminated | truncated
    assert 100 <= done.sum() < 200
    np.testing.assert_array_equal(after[~done], before[~done])
    assert (after[done] != before[done]).any(axis=1).all()
    np.testing.assert_array_equal(info["final_obs"][done], before[done])
    np.testing.assert_array_equal(info["_regret"], ~done)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"observes": "everything"}, "observes"),
        ({"provider": 3}, "act"),
        ({"provider": Commitment(3, 0.5)}, "route"),
        ({"provider": Commitment(1, 1.5)}, "cascade"),
        ({"provider": Commitment(1.5, 0.5)}, "whole number"),
        ({"provider": Commitment("a", "b")}, "whole number"),
        ({"max_passes": 1}, "at least 2"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    for make in (UserEnv, UserVectorEnv):
        with pytest.raises(ValueError, match=message):
            make(**arguments)


@pytest.mark.parametrize("provider", [Commitment(1.0, 1), FixedProvider(np.float64(1), 1)])
def test_a_commitment_may_come_in_any_kind_of_number(provider):
    env, engine = UserEnv(provider=provider), UserVectorEnv(2, provider=provider)
    assert env.reset(seed=0)[0].tolist() == [1, 1]
    assert engine.reset(seed=0)[0].tolist() == [[1, 1], [1, 1]]
    env.step(0), engine.step(np.array([0, 0]))


@pytest.mark.parametrize("action", [1, 1.0, np.int64(1), np.array(1), np.array([1])])
def test_an_action_may_come_in_any_kind_of_number(action):
    env = UserEnv()
    env.reset(seed=0)
    _, reward, terminated, _, _ = env.step(action)
    assert (reward, terminated) == (0.0, True)


def test_bad_actions_are_refused():
    env, engine = UserEnv(), UserVectorEnv(2)
    env.reset(seed=0), engine.reset(seed=0)
    for action in (2, 0.5, "stay", None, np.array([0, 1])):
        with pytest.raises(ValueError, match="an action is 0"):
            env.step(action)
    with pytest.raises(ValueError, match="stay"):
        engine.step(np.array([0, 2]))


def test_nothing_happens_before_reset_or_after_the_end():
    with pytest.raises(gym.error.ResetNeeded):
        UserVectorEnv(2).step(np.array([0, 0]))
    env = UserEnv()
    with pytest.raises(gym.error.ResetNeeded):
        env.step(0)
    env.reset(seed=0)
    env.step(1)
    with pytest.raises(gym.error.ResetNeeded):
        env.step(1)
