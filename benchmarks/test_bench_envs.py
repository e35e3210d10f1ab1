"""The environments against Gymnasium's own yardsticks, in one process.

The two are measured in turns, so that noise hits both.

Each test prints its rows of a table: rate, yardstick, ratio, and the ratio that is wanted. A ratio
that falls short is a fact about the machine and the code, told in docs/performance.md; the
benchmark fails only if it cannot measure.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.classic_control.cartpole import CartPoleEnv, CartPoleVectorEnv

import routing_game  # noqa: F401  (registers the ids)
from routing_game.agents import FixedUser
from routing_game.envs import ProviderEnv, ProviderVectorEnv, UserEnv, UserVectorEnv, to_box
from routing_game.envs.sampler import sample_tasks
from routing_game.theory import GAMES, Commitment

ROUNDS = 15
CARTS = np.random.default_rng(0).integers(0, 2, 1024).tolist()
COMMITMENTS = [(1, k / 20) for k in range(20)] + [(2, 0.0)]  # what a bandit plays
NEW = [(1 + k % 2, s) for k, s in enumerate(np.random.default_rng(1).random(40_000).tolist())]
BOXES = [to_box(*commitment) for commitment in COMMITMENTS]


def rates(work: dict[str, Callable[[], int]]) -> dict[str, float]:
    """Things done per second, the median of rounds in which everybody takes a turn."""
    seen: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(ROUNDS):
        for name, run in work.items():
            start = time.perf_counter()
            done = run()
            seen[name].append(done / (time.perf_counter() - start))
    return {name: float(np.median(x)) for name, x in seen.items()}


def report(benchmark: Any, rate: dict[str, float], yardstick: str, wanted: float) -> None:
    print(f"\n{'':44}{'per second':>14}{'ratio':>8}{'wanted':>8}")
    for name, x in rate.items():
        ratio = x / rate[yardstick]
        target = "" if name.startswith(yardstick) else f"{wanted:8g}"
        print(f"{name:44}{x:14,.0f}{ratio:8.2f}{target}")
        benchmark.extra_info[name] = x


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


def batches(engine: Any, actions: Any) -> Callable[[], int]:
    engine.reset(seed=0)
    count = max(4, 20_000 // engine.num_envs)

    def run() -> int:
        for _ in range(count):
            engine.step(actions)
        return count * engine.num_envs

    return run


def test_single_environments_raw(benchmark: Any) -> None:
    work = {
        "CartPole": steps(CartPoleEnv(), CARTS),
        "Provider (21 commitments)": steps(ProviderEnv(), COMMITMENTS),
        'User (always stays, infos="task")': steps(UserEnv(infos="task"), [0]),
        "User (always stays, exact regret)": steps(UserEnv(), [0]),
        "User (stays by half, exact regret)": steps(UserEnv(), CARTS),
        "Provider (new commitments)": never_seen(ProviderEnv(), NEW),
    }
    report(benchmark, benchmark.pedantic(rates, args=(work,), rounds=1), "CartPole", 1)


def test_single_environments_through_make(benchmark: Any) -> None:
    work = {
        "CartPole": steps(gym.make("CartPole-v1"), CARTS),
        "Provider (21 commitments)": steps(gym.make("RoutingGame/Provider-v0"), BOXES),
        'User (always stays, infos="task")': steps(
            gym.make("RoutingGame/User-v0", infos="task"), [0]
        ),
        "User (always stays, exact regret)": steps(gym.make("RoutingGame/User-v0"), [0]),
        "User (stays by half, exact regret)": steps(gym.make("RoutingGame/User-v0"), CARTS),
        "Provider (new commitments)": never_seen(
            gym.make("RoutingGame/Provider-v0"), [to_box(*x) for x in NEW]
        ),
    }
    report(benchmark, benchmark.pedantic(rates, args=(work,), rounds=1), "CartPole", 1)


@pytest.mark.parametrize(("num_envs", "wanted"), [(64, 3), (1024, 5), (16384, 8)])
def test_engines(benchmark: Any, num_envs: int, wanted: float) -> None:
    rng = np.random.default_rng(0)
    boxes = rng.uniform(-1, 1, (num_envs, 2)).astype(np.float32)
    coins, stay = rng.integers(0, 2, num_envs), np.zeros(num_envs, dtype=np.int64)

    def numbers() -> int:
        for _ in range(max(4, 20_000 // num_envs)):
            rng.random(num_envs)
        return max(4, 20_000 // num_envs) * num_envs

    user = {"infos": "none", "provider": Commitment(1, 0.25)}
    work = {
        "CartPole": batches(CartPoleVectorEnv(num_envs), coins),
        "User (one commitment, stays)": batches(UserVectorEnv(num_envs, **user), stay),
        "User (any commitment, stays)": batches(UserVectorEnv(num_envs, infos="none"), stay),
        "User (any commitment, leaves by half)": batches(
            UserVectorEnv(num_envs, infos="none"), coins
        ),
        'User (the same, infos="task")': batches(UserVectorEnv(num_envs, infos="task"), coins),
        "Provider (tasks; q fixed)": batches(
            ProviderVectorEnv(num_envs, user=FixedUser(0.1), infos="none"), boxes
        ),
        "Provider (tasks; exact user)": batches(ProviderVectorEnv(num_envs, infos="none"), boxes),
        "Provider (tasks; exact user, exact regret)": batches(ProviderVectorEnv(num_envs), boxes),
        "numpy's uniform numbers": numbers,
    }
    report(benchmark, benchmark.pedantic(rates, args=(work,), rounds=1), "CartPole", wanted)


def test_tasks_in_constant_time(benchmark: Any) -> None:
    rng, count = np.random.default_rng(0), 2_000_000
    rate = count / np.median(
        [
            _timed(lambda: sample_tasks(GAMES["t4-cascade"], 1, 0.25, 0.1, rng, count))
            for _ in "12345"
        ]
    )
    benchmark.pedantic(sample_tasks, args=(GAMES["t4-cascade"], 1, 0.25, 0.1, rng, count), rounds=5)
    print(f"\n{rate:,.0f} tasks per second on one core, wanted 20,000,000")
    assert rate >= 20e6


def _timed(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@pytest.mark.parametrize("name", ["RoutingGame/Provider-v0", "RoutingGame/User-v0"])
def test_ppo_through_the_adapter(benchmark: Any, name: str) -> None:
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

        run()
        return run

    work = {
        "DummyVecEnv(8)": learner(DummyVecEnv([lambda: gym.make(name, infos="task")] * 8)),
        "SB3VecEnv, 1024 environments": learner(
            SB3VecEnv(gym.make_vec(name, num_envs=1024, infos="none"))
        ),
    }
    report(benchmark, benchmark.pedantic(rates, args=(work,), rounds=1), "DummyVecEnv(8)", 15)
