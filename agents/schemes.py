"""How a provider and a user learn together: who learns when, and from what.

Each scheme is a generator that plays tasks of a *world*, a function from (commitment, q) to a
`Task`, and yields the number of tasks played so far after each step of the provider. While it
waits, `provider.recommend()` and `user.abandon(i, s)` are what the two would do if learning
stopped. Any `Provider` and any `Follower` will do.

What the equilibrium asks for is a user that has learned to answer *every* commitment before the
provider relies on it (`follower_first`), or who at least learns faster (`two_timescale`, `blocks`).
Where both learn at once and the user answers what it has seen on average, not the commitment before
it, they play the simultaneous game.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from routing_game.agents.arguments import generator
from routing_game.agents.followers import Follower
from routing_game.agents.protocol import Provider
from routing_game.theory import Commitment, Task
from routing_game.theory.numbers import require

World = Callable[[Commitment, float], Task]


def follower_first(
    provider: Provider,
    user: Follower,
    world: World,
    tasks: int,
    practice: int,
    rng: np.random.Generator,
) -> Iterator[int]:
    """The user learns on `practice` random commitments, then stands still; the provider learns.

    The follower oracle of Gerstgrasser and Parkes (2023): the leader faces a fixed, deterministic
    answer to each commitment. What the user has not learnt well, a provider that optimises against
    it will find and exploit.

    Args:
        provider: who commits.
        user: who answers and learns.
        world: plays the tasks.
        tasks: that the provider learns from.
        practice: tasks that the user learns from before.
        rng: draws the commitments of the practice.
    """
    _checked(tasks=tasks, practice=practice)
    rng = generator(rng)
    for _ in range(practice):
        commitment = Commitment(int(rng.integers(1, 3)), float(rng.random()))
        _teach(user, commitment, world)
    for done in range(1, tasks + 1):
        _learn(provider, user, world)
        yield practice + done


def alternating(
    provider: Provider, user: Follower, world: World, tasks: int, turn: int
) -> Iterator[int]:
    """Each learns for `turn` tasks while the other stays as it is; the user begins.

    Args:
        provider: who commits.
        user: who answers and learns.
        world: plays the tasks.
        tasks: of both together.
        turn: tasks in turn.
    """
    _checked(tasks=tasks, turn=turn)
    for done in range(1, tasks + 1):
        if (done - 1) // turn % 2:
            _learn(provider, user, world)
        else:
            _teach(user, provider.act(), world)
        yield done


def two_timescale(
    provider: Provider, user: Follower, world: World, tasks: int, ratio: int
) -> Iterator[int]:
    """The user learns `ratio` times as fast as the provider.

    For each task that the provider learns from, the user learns from `ratio` under the same
    commitment.

    Args:
        provider: who commits.
        user: who answers and learns.
        world: plays the tasks.
        tasks: of both together.
        ratio: tasks of the user for one of the provider.
    """
    _checked(tasks=tasks, ratio=ratio)
    for done in range(ratio + 1, tasks + 1, ratio + 1):
        commitment = provider.act()
        for _ in range(ratio):
            _teach(user, commitment, world)
        _learn(provider, user, world, commitment)
        yield done


def blocks(
    provider: Provider, user: Follower, world: World, tasks: int, length: int
) -> Iterator[int]:
    """Commit for `length` tasks, learn from the second half, and let the user forget.

    The user sees no s: it learns what this commitment is worth from its tasks alone, so its answer
    is right by the second half if blocks are long enough, whatever it can observe.

    Args:
        provider: who commits.
        user: who answers and learns.
        world: plays the tasks.
        tasks: in all.
        length: tasks of a block.
    """
    _checked(tasks=tasks, length=length)
    for done in range(length, tasks + 1, length):
        commitment = provider.act()
        user.forget()
        for _ in range(length // 2):
            _teach(user, commitment, world)
        for _ in range(length - length // 2):
            provider.update(commitment, _teach(user, commitment, world))
        yield done


def simultaneous(provider: Provider, user: Follower, world: World, tasks: int) -> Iterator[int]:
    """Both learn from every task.

    Args:
        provider: who commits.
        user: who answers and learns.
        world: plays the tasks.
        tasks: how many.
    """
    _checked(tasks=tasks)
    for done in range(1, tasks + 1):
        commitment = provider.act()
        provider.update(commitment, _teach(user, commitment, world))
        yield done


def _teach(user: Follower, commitment: Commitment, world: World) -> Task:
    q = user.reply(commitment)
    task = world(commitment, q)
    user.learn(commitment, q, task)
    return task


def _learn(
    provider: Provider, user: Follower, world: World, commitment: Commitment | None = None
) -> None:
    commitment = commitment or provider.act()
    q = float(user.abandon(*commitment))
    provider.update(commitment, world(commitment, q))


def _checked(**counts: int) -> None:
    for name, count in counts.items():
        require(count >= 1, name, count, "be at least 1")
