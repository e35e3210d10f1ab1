"""The task loop, and what is noted along the way.

A provider commits, the world plays one task, the provider learns from what it showed: `play`. Exact policies and
bandits go through it; learners that bring their own loop (gradient, PPO) have `train` instead. Both are iterators over
checkpoints, and at each checkpoint the agent is asked what it would do if learning stopped now: its *trace*.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import gymnasium as gym
import numpy as np

from routing_game.agents.protocol import ModelUser, Provider, User
from routing_game.experiments.records import Trace

QUESTIONS = (np.repeat([1, 2], [101, 1]), np.append(np.linspace(0.0, 1.0, 101), 0.0))
"""(route, cascade) of the commitments that a user is asked about: 101 values of s on route 1, and route 2."""


def checkpoints(tasks: int, first: int = 10, count: int = 30) -> list[int]:
    """Numbers of tasks at which to look, evenly spaced on a log axis, the last one included."""
    return sorted({round(n) for n in np.geomspace(min(first, tasks), tasks, count)})


def play(env: gym.Env[Any, Any], provider: Provider, tasks: int, seed: int) -> Iterator[int]:
    """Play that many tasks on a provider's environment; pause at each checkpoint, after so many tasks."""
    looks = set(checkpoints(tasks))
    env.reset(seed=seed)
    for done in range(1, tasks + 1):
        commitment = provider.act()
        *_, info = env.step(commitment)
        provider.update(commitment, info["task"])
        if done in looks:
            yield done


def provider_trace(provider: Provider, progress: Iterable[int], follower: User | None = None) -> Trace:
    """The commitment that a provider recommends at each checkpoint, with the answer of a user who learns beside it."""
    trace = Trace([], [], [], [], [])
    for practice in progress:
        route, cascade = provider.recommend()
        trace.practice.append(practice)
        trace.route.append(int(route))
        trace.cascade.append(float(cascade))
        if follower is not None:
            leave = float(follower.abandon(route, cascade))
            trace.leave_1.append(leave)
            trace.leave_2.append(leave)
    return trace


def user_trace(user: User | ModelUser, progress: Iterable[int]) -> Trace:
    """A user's answer to each of the `QUESTIONS` at each checkpoint."""
    trace = Trace([], [], [], [], [])
    route, cascade = QUESTIONS
    for practice in progress:
        if isinstance(user, ModelUser):
            leave_1, leave_2 = (user.abandon_after(route, cascade, model) for model in (1, 2))
        else:
            leave_1 = leave_2 = user.abandon(route, cascade)
        trace.practice.extend([practice] * len(route))
        trace.route.extend(route.tolist())
        trace.cascade.extend(cascade.tolist())
        trace.leave_1.extend(np.asarray(leave_1, dtype=float).tolist())
        trace.leave_2.extend(np.asarray(leave_2, dtype=float).tolist())
    return trace
