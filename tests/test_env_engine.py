"""The engines: environment k plays by the seed and k alone, in any batch, mode and process, and by the closed forms."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from routing_game.agents import FixedUser
from routing_game.envs import ProviderEnv, ProviderVectorEnv, from_box, rules
from routing_game.envs.sampler import DRAWS, cut_off, law, logs, outcome
from routing_game.envs.streams import Streams
from routing_game.theory import GAMES, Task, payoffs, sample_games

SIZES = [1, 2, 3, 7, 64, 100]


def rows(num_envs, steps=600, draws=2):
    streams = Streams(np.random.default_rng(3), num_envs, draws)
    return np.stack([streams.row() for _ in range(steps)])


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
    """What the first environments of a batch do, whatever its size, under actions that depend on k and step alone."""
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
    for action in np.random.default_rng(1).uniform(-1, 1, (2_000, 3, 2)).astype(np.float32):
        route, cascade = (x[0].item() for x in from_box(action))
        passes, solved, truncated, _ = cut_off(outcome(law(game, route, cascade, 0.2), streams.row()), max_passes)
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
                assert ours[4]["final_info"][key][k] == pytest.approx(theirs[4]["final_info"][key][k], abs=1e-12)


def test_games_must_be_one_or_one_each():
    with pytest.raises(ValueError, match="one for each of its 3"):
        ProviderVectorEnv(3, sample_games(4, np.random.default_rng(0)))


@pytest.mark.parametrize("k", range(20))
def test_provider_engine_agrees_with_closed_forms(k):
    """Each task of the batch has a game, a commitment and a reply of its own; sums of errors stay within bounds."""
    rng, n, steps = np.random.default_rng(k), 500, 40
    games, actions, q = sample_games(n, rng), rng.uniform(-1, 1, (n, 2)).astype(np.float32), rng.random(n)

    class Replies:
        def abandon(self, route, cascade):
            return q

    engine = ProviderVectorEnv(n, games, Replies(), max_passes=int(rng.integers(1, 20)), infos="task")
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
    cut = cut_off(outcome(law(GAMES["t4-cascade"], 1, 0.5, 0.0), logs(np.random.default_rng(0).random((3, 1000)))), 2)
    assert isinstance(cut, played)
    assert (sum(cut.passes)[cut.cut] == 2).all()
    assert (cut.model[cut.cut & (cut.passes[1] > 0)] == 2).all()
