"""The environments against Gymnasium's own yardsticks, in one process.

The two are measured in turns, so that noise hits both.

Each test prints its rows of a table: rate, yardstick, ratio, and the ratio that is wanted. A ratio
that falls short is a fact about the machine and the code, told in docs/performance.md; the
benchmark fails only if it cannot measure.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.classic_control.cartpole import CartPoleEnv, CartPoleVectorEnv

import routing_game  # noqa: F401  (registers the ids)
from routing_game.agents import FixedUser
from routing_game.envs import (
    ProviderEnv,
    ProviderVectorEnv,
    UserEnv,
    UserSessions,
    UserVectorEnv,
    to_box,
)
from routing_game.envs.sampler import sample_tasks
from routing_game.envs.streams import AHEAD
from routing_game.theory import GAMES, Commitment, sample_games

CARTS = np.random.default_rng(0).integers(0, 2, 1024).tolist()
COMMITMENTS = [(1, k / 20) for k in range(20)] + [(2, 0.0)]  # what a bandit plays
NEW = [(1 + k % 2, s) for k, s in enumerate(np.random.default_rng(1).random(40_000).tolist())]
BOXES = [to_box(*commitment) for commitment in COMMITMENTS]


def steps(env: gym.Env[Any, Any], actions: list[Any], count: int = 4_000) -> Callable[[], int]:
    """Plays steps, and resets where an episode ends."""
    env.reset(seed=0)
    width = len(actions)

    def run() -> int:
        for k in range(count):
            _, _, terminated, truncated, _ = env.step(actions[k % width])
            if terminated or truncated:
                env.reset()
        return count

    return run


def never_seen(env: gym.Env[Any, Any], actions: list[Any], count: int = 2_000) -> Callable[[], int]:
    """Plays steps, each with another action: nothing that was worked out before is of use."""
    env.reset(seed=0)
    ahead = iter(actions)

    def run() -> int:
        for action in itertools.islice(ahead, count):
            env.step(action)
            env.reset()
        return count

    return run


def steps_of(num_envs: int) -> int:
    """Steps in a turn: whole runs of the rows of numbers that `Streams` makes ahead."""
    return max(16, AHEAD // num_envs)


def batches(engine: Any, actions: Any) -> Callable[[], int]:
    engine.reset(seed=0)
    count = steps_of(engine.num_envs)

    def run() -> int:
        for _ in range(count):
            engine.step(actions)
        return count * engine.num_envs

    return run


def test_single_environments_raw(compare: Any) -> None:
    work = {
        ("CartPoleEnv", ""): steps(CartPoleEnv(), CARTS),
        ("ProviderEnv, 21 commitments", ""): steps(ProviderEnv(), COMMITMENTS),
        ('UserEnv(infos="task"), always stays', ""): steps(UserEnv(infos="task"), [0]),
        ("UserEnv, always stays, exact regret", ""): steps(UserEnv(), [0]),
        ("UserEnv, stays by half, exact regret", ""): steps(UserEnv(), CARTS),
        ("ProviderEnv, new commitments", ""): never_seen(ProviderEnv(), NEW),
    }
    rows = [row for row, _ in work]
    wanted = dict.fromkeys(rows[1:3], 5) | dict.fromkeys(rows[3:], 1)
    compare("single", work, "CartPoleEnv", wanted)


def test_single_environments_through_make(compare: Any) -> None:
    user = gym.make("RoutingGame/User-v0", infos="task")
    work = {
        ("CartPole-v1, made", ""): steps(gym.make("CartPole-v1"), CARTS),
        ("Provider-v0, made, 21 commitments", ""): steps(
            gym.make("RoutingGame/Provider-v0"), BOXES
        ),
        ('User-v0, made, infos="task"', ""): steps(user, [0]),
        ("User-v0, made, exact regret", ""): steps(gym.make("RoutingGame/User-v0"), CARTS),
        ("Provider-v0, made, new commitments", ""): never_seen(
            gym.make("RoutingGame/Provider-v0"), [to_box(*x) for x in NEW]
        ),
    }
    rows = [row for row, _ in work]
    wanted = dict.fromkeys(rows[1:3], 3) | dict.fromkeys(rows[3:], 1)
    compare("made", work, "CartPole-v1, made", wanted)


SETTINGS: dict[str, tuple[Any, dict[str, Any]]] = {
    "one commitment": (UserVectorEnv, {"infos": "none", "provider": Commitment(1, 0.25)}),
    "any commitment": (UserVectorEnv, {"infos": "none"}),
    "any commitment, leaves by half": (UserVectorEnv, {"infos": "none"}),
    'any commitment, leaves by half, infos="task"': (UserVectorEnv, {"infos": "task"}),
    "whole tasks, q fixed": (ProviderVectorEnv, {"infos": "none", "user": FixedUser(0.1)}),
    "whole tasks, exact user": (ProviderVectorEnv, {"infos": "none"}),
    "whole tasks, exact user and regret": (ProviderVectorEnv, {"infos": "full"}),
}
WANTED = {64: (10, 8, 8), 1024: (9, 5, 5), 16384: (9, 5, 5)}
"""Ratios to `CartPoleVectorEnv`: one commitment, any commitment, the same with half leaving."""
GAINS = {64: 3, 1024: 2, 16384: 1.3}
"""What is measured is at least a third more."""


@pytest.mark.parametrize("num_envs", WANTED)
def test_engines(compare: Any, engines: tuple[str, ...], num_envs: int) -> None:
    rng = np.random.default_rng(0)
    boxes = rng.uniform(-1, 1, (num_envs, 2)).astype(np.float32)
    coins, stay = rng.integers(0, 2, num_envs), np.zeros(num_envs, dtype=np.int64)
    count = steps_of(num_envs)

    def numbers() -> int:
        for _ in range(count):
            rng.random(num_envs)
        return count * num_envs

    work = {("CartPoleVectorEnv", ""): batches(CartPoleVectorEnv(num_envs), coins)}
    for name, (kind, setting) in SETTINGS.items():
        actions = boxes if kind is ProviderVectorEnv else coins if "leaves" in name else stay
        for engine in engines if setting["infos"] != "task" else ["numpy"]:
            env = kind(num_envs, engine=engine, **setting)
            work[f"{kind.__name__}, {name}", engine] = batches(env, actions)
    work["numpy's uniform numbers", ""] = numbers
    users = [row for row, _ in work if row.startswith("UserVectorEnv") and "task" not in row]
    wanted = dict(zip(dict.fromkeys(users), WANTED[num_envs], strict=True))
    guarded = dict.fromkeys(wanted, GAINS[num_envs])
    compare(f"{num_envs} environments", work, "CartPoleVectorEnv", wanted, guarded)


@pytest.mark.parametrize("num_envs", [64, 1024])
def test_sessions(compare: Any, engines: tuple[str, ...], num_envs: int) -> None:
    leaves = (np.random.default_rng(0).integers(0, 3, num_envs) == 2).astype(np.int64)
    game, work = GAMES["t4-cascade"], {}
    for engine in engines:
        env = UserSessions(game, num_envs, engine=engine)
        work[f"UserSessions, {num_envs} sessions", engine] = batches(env, leaves)
    compare("sessions", work)


def test_tasks_in_constant_time(compare: Any, engines: tuple[str, ...]) -> None:
    rng, count = np.random.default_rng(0), 300_000
    games, cascades = sample_games(count, rng), rng.random(count)
    one, each = (GAMES["t4-cascade"], 1, 0.25, 0.1), (games, 1, cascades, 0.1)

    def numbers() -> int:
        rng.random((3, 4096))
        return 4096

    def draw(setting: Any, size: int | None, engine: Any) -> Callable[[], int]:
        return lambda: sample_tasks(*setting, rng, size, engine).solved.size

    work = {("three of numpy's uniform numbers", ""): numbers}
    for engine in engines:
        work["sample_tasks, one game", engine] = draw(one, count, engine)
        work["sample_tasks, a game each", engine] = draw(each, None, engine)
    compare("sampler", work, "three of numpy's uniform numbers")


@pytest.mark.parametrize("name", ["Provider", "User"])
def test_ppo_through_the_adapter(compare: Any, name: str) -> None:
    """Frames per second of PPO with its updates: 4 minibatches, 4 epochs a rollout of 32 steps."""
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

    from routing_game.envs.sb3 import SB3VecEnv

    torch.set_num_threads(1)

    def learner(env: VecEnv) -> Callable[[], int]:
        model = PPO(
            "MlpPolicy", env, n_steps=32, batch_size=8 * env.num_envs, n_epochs=4, device="cpu"
        )

        def run() -> int:
            model.learn(32 * env.num_envs, reset_num_timesteps=False)
            return 32 * env.num_envs

        return run

    made = f"RoutingGame/{name}-v0"
    eight = DummyVecEnv([lambda: gym.make(made, infos="task")] * 8)
    many = SB3VecEnv(gym.make_vec(made, num_envs=1024, infos="none"))
    rows = (f"PPO, {name}-v0, DummyVecEnv(8)", f"PPO, {name}-v0, SB3VecEnv of 1024")
    work = {(rows[0], ""): learner(eight), (rows[1], ""): learner(many)}
    compare(f"PPO {name}", work, rows[0], {rows[1]: 15}, rounds=7)
