"""The session: costs by closed forms, belief and reputation, what cancelling costs."""

import gymnasium as gym
import numpy as np
import pytest

from routing_game.agents import FixedUser
from routing_game.envs import SessionEnv
from routing_game.theory import GAMES, payoffs, sample_games, solve

START, FAILED, ESCALATED, KEPT = 1, 1, 3, 4


def play(env, policy, seed=0):
    """Rewards and tasks of one session under policy(observation) -> action."""
    observation, _ = env.reset(seed=seed)
    rewards, tasks, done = [], [], False
    while not done:
        observation, reward, done, truncated, info = env.step(policy(observation))
        assert not truncated
        rewards.append(reward)
        tasks += [info["task"]] if "task" in info else []
    return rewards, tasks


def committed(route, cascade, seed=0):
    """A provider that keeps to (i, s)."""
    rng = np.random.default_rng(seed)
    return lambda seen: int(rng.random() < cascade) if seen[FAILED] else route - 1


def agrees(sample, expected):
    sample = np.asarray(sample, dtype=float)
    return abs(sample.mean() - expected) <= 4 * sample.std() / np.sqrt(sample.size) + 1e-12


@pytest.mark.parametrize("commitment", [(1, 0.0), (1, 0.35), (1, 1.0), (2, 0.0)])
@pytest.mark.parametrize("q", [0.0, 0.3, 1.0])
def test_a_provider_that_commits_pays_what_theory_expects(commitment, q):
    for name, game in (
        ("t5-cascade", GAMES["t5-cascade"]),
        ("random", sample_games(1, np.random.default_rng(5))[0]),
    ):
        env = SessionEnv(game, FixedUser(q), tasks=3000)
        rewards, tasks = play(env, committed(*commitment))
        expected = payoffs(game, *commitment, q)
        assert agrees([task.cost for task in tasks], expected.cost), name
        assert agrees([task.utility for task in tasks], expected.utility), name
        assert sum(rewards) == pytest.approx(-sum(task.cost for task in tasks))


def test_reputation_takes_the_place_of_commitment():
    """A provider that escalates only lest the belief fall below s0 gets J* in the long run."""
    game = GAMES["t4-cascade"]
    s0 = solve(game).cascade[0]
    env = SessionEnv(game, tasks=6000)
    _, tasks = play(
        env, lambda seen: int(seen[FAILED] and (1 + seen[ESCALATED]) / (3 + seen[3:].sum()) < s0)
    )
    costs = np.array([task.cost for task in tasks])
    assert all(task.solved for task in tasks)
    assert agrees(costs[500:], solve(game).cost)


def test_milking_ends_in_the_information_trap():
    """Who never escalates loses the user's trust; who leaves sees nothing to restore it."""
    game = GAMES["t4-cascade"]
    env = SessionEnv(game, tasks=3000)
    _, tasks = play(env, lambda _: 0)
    costs = np.array([task.cost for task in tasks])
    assert agrees(costs[100:], game.leaving_cost[0])
    a, b = env.user.belief
    assert (a, a / (a + b) < solve(game).cascade[0]) == (1, True)


@pytest.mark.parametrize("cancel", [0.2, 1.0])
def test_the_penalty_can_arise_from_lost_tasks(cancel):
    """V_n = fee - C + (1 - h (1 - S)) V_(n-1), h the chance of cancelling: by hand."""
    game, q, tasks, fee = GAMES["t5-cascade"], 0.4, 12, 2.0
    expected = payoffs(game, 1, 0.3, q)
    worth = 0.0
    for _ in range(tasks):
        worth = fee - expected.service_cost + (1 - cancel * (1 - expected.success)) * worth
    env = SessionEnv(game, FixedUser(q), tasks=tasks, cancel=cancel, fee=fee, penalty=False)
    policy = committed(1, 0.3)
    returns, lengths = [], []
    for seed in range(2000):
        rewards, finished = play(env, policy, seed)
        returns.append(sum(rewards))
        lengths.append(len(finished))
        assert sum(rewards) == pytest.approx(sum(fee - task.cost for task in finished))
    assert agrees(returns, worth)
    assert min(lengths) < tasks


def test_observation_is_what_the_belief_rests_on():
    env = SessionEnv("t4-cascade", prior=(2.0, 1.0), tasks=50)
    observation, info = env.reset(seed=3)
    rng, done = np.random.default_rng(0), False
    while not done:
        assert info["belief"] == (2 + observation[ESCALATED], 1 + observation[KEPT])
        observation, _, done, _, info = env.step(int(rng.random() < 0.5))
    assert observation[0] == 1.0
    assert observation[3:].sum() > 10


def test_a_user_who_sees_the_first_model_only_learns_nothing():
    env = SessionEnv(observes="route", tasks=200)
    play(env, committed(1, 0.5))
    assert env.user.belief == (1, 1)


def test_the_user_forgets_between_sessions_only():
    env = SessionEnv(tasks=20)
    play(env, committed(1, 0.9))
    assert env.user.belief != (1, 1)
    env.reset()
    assert env.user.belief == (1, 1)


def test_any_user_with_the_four_methods_will_do():
    class Patient:
        """Leaves after its third failure in a session, and then for good."""

        def begin(self):
            self.failures, self.draws = 0, []

        def leaving(self, model):
            self.failures += 1
            return float(self.failures > 2)

        def see_draw(self, escalated):
            self.draws.append(escalated)

        def cancelling(self, solved):
            return 1.0 - solved

    env = SessionEnv(user=Patient(), tasks=500)
    for seed in range(20):
        play(env, committed(1, 0.5), seed)
        assert len(env.user.draws) <= 2


def test_a_task_that_lasts_too_long_is_given_up():
    env = SessionEnv(user=FixedUser(0.0), tasks=400, max_passes=2)
    _, tasks = play(env, committed(1, 0.5))
    assert max(task.standard + task.reasoning for task in tasks) == 2
    assert not all(task.solved for task in tasks)
    assert not any(task.truncated for task in tasks)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tasks": 0}, "tasks"),
        ({"observes": "strategy"}, "no commitment to see"),
        ({"user": object()}, r"user must have the methods begin\(\), .*cancelling\(\)"),
        ({"prior": (0, 1)}, "prior"),
        ({"cancel": 1.5}, "cancel must be a probability"),
        ({"fee": np.inf}, "fee"),
        ({"render_mode": "human"}, "render_mode"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        SessionEnv(**arguments)


def test_bad_steps_are_named():
    env = SessionEnv()
    with pytest.raises(gym.error.ResetNeeded):
        env.step(0)
    env.reset(seed=0)
    for action in (2, -1, 0.5, None):
        with pytest.raises(ValueError, match="an action is 0"):
            env.step(action)


@pytest.mark.parametrize("mode", ["ansi", "rgb_array"])
def test_it_can_be_looked_at(mode):
    env = SessionEnv(render_mode=mode, tasks=3)
    env.reset(seed=0)
    frames, done = [env.render()], False
    while not done:
        *_, done, _, _ = env.step(0)
        frames.append(env.render())
    assert not np.array_equal(frames[0], frames[-1])
