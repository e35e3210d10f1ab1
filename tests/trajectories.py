"""Trajectories of one environment by every way to make it.

As a script, in a fresh interpreter: KIND ID -> JSON.

A fresh interpreter, because a process that has started threads (as PyTorch does) must not fork.
"""

import json
import multiprocessing
import sys

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode

import routing_game  # noqa: F401  (registers the ids)

ACTIONS = {
    "RoutingGame/Provider-v0": np.array([0.3, -0.2], np.float32),
    "RoutingGame/User-v0": 0,
    "RoutingGame/Session-v0": 0,
}
"""What is done in each step, whatever happens."""

WAYS = ("make", "spawn", "fork", "engine", "sync", "async")
STEPS = 60


def spec(name):
    return gym.make(name, game="t5-cascade").spec.to_json()


def single(spec, seed=11):
    """First observation, then (observation, reward, ended) of each step.

    An episode that ends begins anew at once.
    """
    env = gym.make(EnvSpec.from_json(spec))
    said = [env.reset(seed=seed)[0].tolist()]
    for _ in range(STEPS):
        observation, reward, terminated, truncated, _ = env.step(ACTIONS[env.spec.id])
        if terminated or truncated:
            observation, _ = env.reset()
        said.append([observation.tolist(), float(reward), bool(terminated)])
    return said


def batched(name, way, seed=11):
    """The same of environment 0 in a batch of two."""
    mode = {"autoreset_mode": AutoresetMode.SAME_STEP}
    how = {} if way == "engine" else {"vectorization_mode": way, "vector_kwargs": mode}
    vector = gym.make_vec(name, num_envs=2, game="t5-cascade", **how)
    actions = np.stack([ACTIONS[name]] * 2)
    said = [vector.reset(seed=seed)[0][0].tolist()]
    for _ in range(STEPS):
        observation, reward, terminated, *_ = vector.step(actions)
        said.append([observation[0].tolist(), float(reward[0]), bool(terminated[0])])
    vector.close()
    return said


def trajectory(name, way):
    """What an environment does, made and run in one of `WAYS`."""
    if way == "make":
        return single(spec(name))
    if way in ("spawn", "fork"):
        with multiprocessing.get_context(way).Pool(1) as pool:
            return pool.apply(single, (spec(name),))
    return batched(name, way)


if __name__ == "__main__":
    print(json.dumps(trajectory(*sys.argv[1:])))
