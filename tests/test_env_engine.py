"""The engines: environment k plays by the seed and k alone, and by the closed forms."""

import json
import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

import trajectories
from routing_game.agents import FixedUser
from routing_game.envs import ProviderEnv, ProviderVectorEnv, UserVectorEnv, from_box, rules
from routing_game.envs.sampler import DRAWS, cut_off, law, logs, outcome
from routing_game.envs.streams import Streams
from routing_game.theory import GAMES, Commitment, Task, payoffs, sample_games
from trajectories import ACTIONS, WAYS

SIZES = [1, 2, 3, 7, 64, 100]


def rows(num_envs, steps=600, draws=2):
    streams = Streams(np.random.default_rng(3), num_envs, draws)
    return np.stack([streams.row().copy() for _ in range(steps)])


@pytest.mark.parametrize("num_envs", [*SIZES, 5000, 9000])
def test_a_stream_depends_on_the_seed_and_its_place_alone(num_envs):
    steps = 60 if num_envs > 100 else 600
    ours, widest = rows(num_envs, steps), rows(10_000, steps)
    assert ours.shape == (steps, 2, num_envs)
    np.testing.assert_array_equal(ours, widest[:, :, :num_envs])


def test_streams_are_uniform_and_unrelated():
    numbers = rows(64, 4000)
    assert abs(numbers.mean() - 0.5) < 4 / np.sqrt(12 * numbers.size)
    correlation = np.corrcoef(numbers.reshape(4000, -1), rowvar=False)
    off = correlation[~np.eye(128, dtype=bool)]
    assert abs(off).max() < 5.5 / np.sqrt(4000)
    assert np.unique(numbers).size == numbers.size


def test_single_numbers_are_those_of_the_first_environment():
    singles, streams = Streams(np.random.default_rng(3), 1, 2), rows(4, 600)
    taken = []
    while len(taken) < 600:
        taken += singles.scalars()[::-1]
    np.testing.assert_array_equal(taken[:600], streams[:, :, 0])


def provider_history(num_envs, steps=30, seed=5, **arguments):
    """What the first environments of a batch do, under actions that depend on k and step."""
    engine = ProviderVectorEnv(num_envs, **arguments)
    engine.reset(seed=seed)
    actions = np.random.default_rng(0).uniform(-1, 1, (steps, max(SIZES), 2)).astype(np.float32)
    return [engine.step(action[:num_envs]) for action in actions]


@pytest.mark.parametrize("num_envs", SIZES)
def test_provider_engine_does_not_depend_on_the_size_of_the_batch(num_envs):
    for ours, most in zip(provider_history(num_envs), provider_history(max(SIZES)), strict=True):
        for x, y in zip(ours[:4], most[:4], strict=True):
            np.testing.assert_array_equal(x, y[:num_envs])
        task, tasks = ours[4]["final_info"]["task"], most[4]["final_info"]["task"]
        for name in Task._fields:
            np.testing.assert_array_equal(task[name], tasks[name][:num_envs])


@pytest.mark.parametrize("max_passes", [3, 1000])
def test_env_engine_and_sampler_play_the_same_tasks(max_passes):
    """One stream, three views: every task agrees exactly."""
    game, user = GAMES["t5-cascade"], FixedUser(0.2)
    env, engine = (
        ProviderEnv(game, user, max_passes=max_passes),
        ProviderVectorEnv(3, game, user, max_passes=max_passes),
    )
    env.reset(seed=8), engine.reset(seed=8)
    streams = Streams(gym.utils.seeding.np_random(8)[0], 1, DRAWS, logs)
    cut = 0
    for action in np.random.default_rng(1).uniform(-1, 1, (800, 3, 2)).astype(np.float32):
        route, cascade = (x[0].item() for x in from_box(action))
        passes, solved, truncated, _ = cut_off(
            outcome(law(game, route, cascade, 0.2), streams.row()), max_passes
        )
        task = env.step((route, cascade))[-1]["task"]
        final = engine.step(action)[-1]["final_info"]["task"]
        assert task == Task(**{name: final[name][0] for name in Task._fields})
        assert task[:3] == (passes[0][0], passes[1][0], solved[0])
        assert task.truncated == truncated[0]
        cut += task.truncated
    assert (cut > 0) == (max_passes == 3)


def test_each_environment_can_have_a_game_of_its_own():
    """Environment k of an array of games plays as it does where all play its game."""
    games, n = sample_games(6, np.random.default_rng(2)), 6
    mixed = provider_history(n, game=games)
    for k in range(n):
        alone = provider_history(n, game=games[k])
        for ours, theirs in zip(mixed, alone, strict=True):
            assert ours[1][k] == pytest.approx(theirs[1][k], abs=1e-12)
            for key in ("S", "J", "abandon", "regret"):
                assert ours[4]["final_info"][key][k] == pytest.approx(
                    theirs[4]["final_info"][key][k], abs=1e-12
                )


def test_games_must_be_one_or_one_each():
    with pytest.raises(ValueError, match="one for each of its 3"):
        ProviderVectorEnv(3, sample_games(4, np.random.default_rng(0)))


@pytest.mark.parametrize("k", range(20))
def test_provider_engine_agrees_with_closed_forms(k):
    """Each task has a game, a commitment and a reply of its own; errors stay within bounds."""
    rng, n, steps = np.random.default_rng(k), 500, 40
    games, actions, q = (
        sample_games(n, rng),
        rng.uniform(-1, 1, (n, 2)).astype(np.float32),
        rng.random(n),
    )

    class Replies:
        def abandon(self, route, cascade):
            return q

    engine = ProviderVectorEnv(
        n, games, Replies(), max_passes=int(rng.integers(1, 20)), infos="task"
    )
    engine.reset(seed=k)
    tasks = [engine.step(actions)[-1]["final_info"]["task"] for _ in range(steps)]
    expected = payoffs(games, *from_box(actions), q)
    for name, theory in (("cost", expected.cost), ("utility", expected.utility)):
        error = np.stack([task[name] for task in tasks]) - theory
        assert abs(error.mean()) < 4 * error.std() / np.sqrt(error.size)


def test_infos_tell_as_much_as_asked():
    for infos, keys in (
        ("full", {"final_obs", "final_info"}),
        ("task", {"final_obs", "final_info"}),
        ("none", {"final_obs"}),
    ):
        info = provider_history(2, steps=1, infos=infos)[0][-1]
        assert {key for key in info if not key.startswith("_")} == keys
        single = ProviderEnv(infos=infos).step((1, 0.5))[-1]
        assert ("J" in single, "task" in single) == (infos == "full", infos != "none")
    with pytest.raises(ValueError, match="infos"):
        ProviderEnv(infos="some")


def test_next_step_begins_tasks_in_a_step_of_their_own():
    engine = gym.make_vec("RoutingGame/Provider-v0", num_envs=4, autoreset_mode="NextStep")
    assert engine.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
    engine.reset(seed=5)
    same = ProviderVectorEnv(4)
    same.reset(seed=5)
    for action in np.random.default_rng(0).uniform(-1, 1, (20, 4, 2)).astype(np.float32):
        _, reward, terminated, _, info = engine.step(action)
        _, reward_same, *_, info_same = same.step(action)
        np.testing.assert_array_equal(reward, reward_same)
        np.testing.assert_array_equal(info["task"]["cost"], info_same["final_info"]["task"]["cost"])
        assert terminated.all()
        _, reward, terminated, truncated, info = engine.step(action)
        assert not np.stack([reward, terminated, truncated]).any()
        assert info == {}
    with pytest.raises(ValueError, match="autoreset_mode"):
        ProviderVectorEnv(2, autoreset_mode="Disabled")


def test_cutting_off_says_which_model_would_run_next():
    played = rules.Played
    cut = cut_off(
        outcome(
            law(GAMES["t4-cascade"], 1, 0.5, 0.0), logs(np.random.default_rng(0).random((3, 1000)))
        ),
        2,
    )
    assert isinstance(cut, played)
    assert (sum(cut.passes)[cut.cut] == 2).all()
    assert (cut.model[cut.cut & (cut.passes[1] > 0)] == 2).all()


def user_history(num_envs, steps=60, seed=5, **arguments):
    """As `provider_history`: what is told of each step, the first observation as a step."""
    engine = UserVectorEnv(num_envs, **arguments)
    told = [engine.reset(seed=seed)[0]]
    for action in np.random.default_rng(0).integers(0, 3, (steps, max(SIZES))) == 2:
        told.append(engine.step(action[:num_envs].astype(int)))
    return told


@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
@pytest.mark.parametrize("observes", ["strategy", "model", "samples:4", "noisy:0.1"])
@pytest.mark.parametrize("num_envs", SIZES)
def test_user_engine_does_not_depend_on_the_size_of_the_batch(num_envs, observes, mode):
    arguments = {"observes": observes, "autoreset_mode": mode, "max_passes": 4}
    ours, most = user_history(num_envs, **arguments), user_history(max(SIZES), **arguments)
    np.testing.assert_array_equal(ours[0], most[0][:num_envs])
    for told, all_told in zip(ours[1:], most[1:], strict=True):
        for x, y in zip(told[:4], all_told[:4], strict=True):
            np.testing.assert_array_equal(x, y[:num_envs])


def test_each_user_can_have_a_game_of_its_own():
    games = sample_games(6, np.random.default_rng(2))
    mixed = user_history(6, game=games, max_passes=3)
    for k in range(6):
        alone = user_history(6, game=games[k], max_passes=3)
        for (seen, reward, *_, info), (seen_alone, reward_alone, *_, info_alone) in zip(
            mixed[1:], alone[1:], strict=True
        ):
            np.testing.assert_array_equal(seen[k], seen_alone[k])
            assert reward[k] == pytest.approx(reward_alone[k], abs=1e-12)
            assert info["_regret"][k] == info_alone["_regret"][k]
            which = (lambda x: x) if info["_regret"][k] else (lambda x: x["final_info"])
            assert which(info)["regret"][k] == pytest.approx(
                which(info_alone)["regret"][k], abs=1e-12
            )


def episodes(engine, leaves, steps, seed):
    """Returns of all episodes that ended, told apart by the convention of the engine's mode."""
    same = engine.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
    rng, running, returns = np.random.default_rng(seed), np.zeros(engine.num_envs), []
    engine.reset(seed=seed)
    fresh = np.zeros(engine.num_envs, dtype=bool)
    for _ in range(steps):
        _, reward, terminated, _, _ = engine.step(
            (rng.random(engine.num_envs) < leaves).astype(int)
        )
        assert not reward[fresh].any()
        assert not terminated[fresh].any()
        running += reward
        returns.extend(running[terminated])
        running[terminated] = 0
        fresh = terminated & (not same)
    return np.array(returns)


@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
@pytest.mark.parametrize("k", range(10))
def test_user_engine_agrees_with_closed_forms(k, mode):
    """A user that holds q: U = xi_i + k_i E[return]; so long that one episode is missing."""
    rng = np.random.default_rng(k)
    game, commitment = (
        sample_games(10, np.random.default_rng(0))[k],
        Commitment(int(rng.integers(1, 3)), rng.random()),
    )
    q = rng.uniform(0.2, 1.0)
    engine = UserVectorEnv(200, game, provider=commitment, infos="none", autoreset_mode=mode)
    returns = episodes(engine, q, steps=400, seed=k)
    i = commitment.route - 1
    expected = (payoffs(game, *commitment, q).utility - game.net_value[i]) / game.failure[i]
    assert abs(returns.mean() - expected) < 4.5 * returns.std() / np.sqrt(returns.size) + 1e-12


@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
def test_the_end_of_a_users_task_is_told_by_the_mode(mode):
    for infos in ("full", "task", "none"):
        engine = UserVectorEnv(50, infos=infos, autoreset_mode=mode)
        engine.reset(seed=1)
        _, _, terminated, _, info = engine.step(np.arange(50) % 2)
        place = info.get("final_info", {}) if mode == "SameStep" else info
        assert ("final_obs" in info) == (mode == "SameStep")
        assert ("task" in place, "regret" in place) == (infos != "none", infos == "full")
        if infos != "none":
            np.testing.assert_array_equal(place["_task"], terminated)
            assert (place["task"]["standard"] + place["task"]["reasoning"] >= 1).all()


@pytest.mark.parametrize("way", WAYS[1:])
@pytest.mark.parametrize("name", ACTIONS)
def test_same_seed_same_trajectory_however_it_is_made(name, way):
    """A spec as JSON, workers of both kinds, our engine, Gymnasium's vectors: all the same."""
    command = [sys.executable, trajectories.__file__, name, way]
    told = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert json.loads(told) == trajectories.trajectory(name, "make")
