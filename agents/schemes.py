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

from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from routing_game.agents.arguments import generator
from routing_game.agents.followers import Follower, Wavering
from routing_game.agents.protocol import Planner, Provider, Tally
from routing_game.theory import Commitment, Task
from routing_game.theory.numbers import require, whole

World = Callable[[Commitment, float], Task]


@runtime_checkable
class Many(Protocol):
    """A world that can play many tasks at once."""

    def many(self, commitment: Commitment, abandon: NDArray[np.float64]) -> Task:
        """A task with each of these q, shape (n,); a `Task` of arrays."""
        ...


def follower_first(
    provider: Provider,
    user: Follower,
    world: World,
    tasks: int,
    practice: int,
    rng: np.random.Generator,
    each: int = 1,
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
        each: tasks of the practice under each of them.
    """
    _checked(tasks=tasks, practice=practice, each=each)
    rng = generator(rng)
    for start in range(0, practice, each):
        commitment = Commitment(int(rng.integers(1, 3)), float(rng.random()))
        _teach(user, commitment, world, min(each, practice - start))
    done = 0
    while done < tasks:
        commitment, planned = _planned(provider, tasks - done)
        _learn(provider, user, world, commitment, planned)
        done += planned
        yield practice + done


def alternating(
    provider: Provider, user: Follower, world: World, tasks: int, turn: int
) -> Iterator[int]:
    """Each learns for `turn` tasks while the other stays as it is; the user begins.

    The user learns where the provider goes: under the commitments of the provider's last turn.

    Args:
        provider: who commits.
        user: who answers and learns.
        world: plays the tasks.
        tasks: of both together.
        turn: tasks in turn.
    """
    _checked(tasks=tasks, turn=turn)
    done, met = 0, deque[tuple[Commitment, int]]()
    while done < tasks:
        left = min(turn - done % turn, tasks - done)
        if done // turn % 2:
            commitment, planned = _planned(provider, left)
            _learn(provider, user, world, commitment, planned)
            met.append((commitment, planned))
        else:
            commitment, planned = met.popleft() if met else _planned(provider, left)
            planned = min(planned, left)
            _teach(user, commitment, world, planned)
        done += planned
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
    done, left = 0, tasks // (ratio + 1)
    while left:
        commitment, planned = _planned(provider, left)
        _teach(user, commitment, world, ratio * planned)
        _learn(provider, user, world, commitment, planned)
        left -= planned
        done += (ratio + 1) * planned
        yield done


def rehearsed(
    provider: Provider, user: Follower, world: World, tasks: int, practice: int
) -> Iterator[int]:
    """Before the provider plays a commitment for the first time, the user learns its answer to it.

    It learns where the provider goes, and stands still there. Each commitment is a fixed one, as
    under `follower_first`, but none is left that the user has not learnt.

    Args:
        provider: who commits.
        user: who answers and learns.
        world: plays the tasks.
        tasks: of both together.
        practice: tasks that the user learns from at each new commitment.
    """
    _checked(tasks=tasks, practice=practice)
    done, met = 0, set[Commitment]()
    while done < tasks:
        commitment, planned = _planned(provider, tasks - done)
        if commitment in met:
            _learn(provider, user, world, commitment, planned)
        else:
            planned = min(practice, tasks - done)
            _teach(user, commitment, world, planned)
            met.add(commitment)
        done += planned
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
        _teach(user, commitment, world, length // 2)
        _learn(provider, user, world, commitment, length - length // 2)
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
        provider.update(commitment, _taught(user, commitment, world))
        yield done


def _planned(provider: Provider, most: int) -> tuple[Commitment, int]:
    """The next commitment, and for how many tasks: one, unless the provider plans."""
    if not isinstance(provider, Planner):
        return provider.act(), 1
    commitment, planned = provider.plan()
    return commitment, min(whole("the tasks of a plan()", planned, at_least=1), most)


def _teach(user: Follower, commitment: Commitment, world: World, tasks: int = 1) -> None:
    """The user learns from so many tasks; at once, if it and the world can."""
    if tasks > 1 and isinstance(user, Wavering) and isinstance(world, Many):
        q = user.reply_many(commitment, tasks)
        user.learn_many(commitment, q, world.many(commitment, q))
        return
    for _ in range(tasks):
        _taught(user, commitment, world)


def _taught(user: Follower, commitment: Commitment, world: World) -> Task:
    q = user.reply(commitment)
    task = world(commitment, q)
    user.learn(commitment, q, task)
    return task


def _learn(
    provider: Provider, user: Follower, world: World, commitment: Commitment, tasks: int
) -> None:
    """The provider learns from so many tasks under a commitment, while the user stands still.

    A user who knows how sure it is wavers: it plays what may be its best answer for all it knows.
    So a provider learns what a commitment costs if the user has it a little wrong, and keeps off
    the cliffs that the user cannot yet place.
    """
    if isinstance(user, Wavering) and isinstance(world, Many) and isinstance(provider, Planner):
        q = user.waver(commitment, tasks)
        provider.update_many(commitment, Tally.of(world.many(commitment, q).cost))
        return
    for _ in range(tasks):
        provider.update(commitment, world(commitment, _answer(user, commitment)))


def _answer(user: Follower, commitment: Commitment) -> float:
    if isinstance(user, Wavering):
        return float(user.waver(commitment, 1)[0])
    return float(user.abandon(*commitment))


def _checked(**counts: int) -> None:
    for name, count in counts.items():
        require(count >= 1, name, count, "be at least 1")
