"""The task loop, and what is noted along the way.

A provider commits, the world plays one task, the provider learns from what it showed: `play`. Exact
policies and bandits go through it; learners that plan ahead go through `play_batches`, which draws
all tasks of a plan at once; learners that bring their own loop (gradient, PPO) have `train`
instead. All are iterators over checkpoints, and at each checkpoint the agent is asked what it would
do if learning stopped now.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from typing import Any

import gymnasium as gym
import numpy as np

from routing_game.agents import BestResponseUser
from routing_game.agents.protocol import Planner, Provider, Tally, User
from routing_game.envs import sampler
from routing_game.envs.arguments import proper_commitment
from routing_game.envs.rules import record, settle
from routing_game.envs.streams import Streams
from routing_game.players import checked_user
from routing_game.theory import Commitment, Game, Task, best_response
from routing_game.theory.game import check_commitment
from routing_game.theory.numbers import Array, whole


def checkpoints(tasks: int, first: int = 10, count: int = 30) -> list[int]:
    """Numbers of tasks at which to look, evenly spaced on a log axis, the last one exact."""
    spaced = np.geomspace(min(first, tasks), tasks, count)
    return sorted({two_digits(n) for n in spaced[:-1]} | {tasks})


def two_digits(n: float) -> int:
    """The number to two digits, as it is written in exponents: they round to even as text does."""
    return int(float(f"{n:.1e}"))


class World:
    """One game's tasks, drawn whole, as a function from (commitment, q), for two learners."""

    def __init__(self, game: Game, rng: np.random.Generator, max_passes: int = 1000) -> None:
        self.game, self.max_passes = game, max_passes
        self._rng = rng
        self._streams = Streams(rng, 1, sampler.DRAWS, sampler.logs)
        self._numbers: list[tuple[float, ...]] = []
        self._remember()

    def _remember(self) -> None:
        """Laws and tasks that come again are worked out once."""
        self._law = lru_cache(maxsize=4096)(self._checked_law)
        self._task = lru_cache(maxsize=4096)(partial(sampler.one_task, self.game))

    def __getstate__(self) -> dict[str, Any]:
        """All but what is remembered, which no pickle can hold."""
        return {name: x for name, x in vars(self).items() if name not in ("_law", "_task")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A copy remembers for itself."""
        vars(self).update(state)
        self._remember()

    def __call__(self, commitment: Commitment, q: float) -> Task:
        """Play one task."""
        if not self._numbers:
            self._numbers = self._streams.scalars()
        played = sampler.one_outcome(self._law(*commitment, q), self._numbers.pop())
        return self._task(commitment.cascade, q, played, self.max_passes)

    def _checked_law(self, route: int, cascade: float, abandon: float) -> sampler.Law:
        check_commitment(route, cascade, abandon)
        return sampler.law(self.game, route, float(cascade), float(abandon))

    def many(self, commitment: Commitment, abandon: Array) -> Task:
        """Play a task with each of these q, to its end; a `Task` of arrays."""
        *passes, solved = sampler.sample_tasks(self.game, *commitment, abandon, self._rng)
        return record(passes, solved, settle(self.game, passes, solved), np.zeros_like(solved))


class _Rows:
    """Many games side by side.

    Row k belongs to game k and draws from generator k alone, so it is the same, bit by bit, in
    whatever company.

    Args:
        games: one for each row.
        rngs: one for each row.
    """

    def __init__(self, games: Sequence[Game], rngs: Sequence[np.random.Generator]) -> None:
        self._games = Game.stack(games)[:, None]
        self._rngs = list(rngs)

    def _uniform(self, draws: int, n: int) -> Array:
        """Shape (draws, rows, n)."""
        uniform = np.empty((draws, len(self._rngs), n))
        for row, rng in enumerate(self._rngs):
            uniform[:, row] = rng.random((draws, n))
        return uniform


class Cohort(_Rows):
    """Sampled tasks in many games side by side: their costs, every user answering best."""

    def __call__(self, route: Array, cascade: Array) -> Array:
        """The cost of a task under each commitment, shape (cells, n), in units of P."""
        route = np.broadcast_to(route, cascade.shape)
        abandon = np.asarray(best_response(self._games, route, cascade).strong)
        *passes, solved = self._drawn(route, cascade, abandon)
        return np.asarray(settle(self._games, passes, solved).cost)

    def tasks(self, route: Array, cascade: Array, abandon: Array) -> Task:
        """A task under each commitment and q, shape (cells, n); a `Task` of such arrays."""
        *passes, solved = self._drawn(route, cascade, abandon)
        return record(passes, solved, settle(self._games, passes, solved), np.zeros_like(solved))

    def _drawn(self, route: Array, cascade: Array, abandon: Array) -> sampler.Outcome:
        law = sampler.law(self._games, route, cascade, abandon)
        return sampler.outcome(law, sampler.logs(self._uniform(sampler.DRAWS, cascade.shape[1])))


class UserCohort(_Rows):
    """Sampled tasks in many games side by side, under users' own answers: `Tasks` of their agents.

    Commitments are uniform, i on {1, 2} and s on [0, 1].
    """

    def offer(self, n: int) -> tuple[Array, Array]:
        """The routes and the cascades of the next n tasks, shape (cells, n)."""
        route, cascade = self._uniform(2, n)
        return 1 + (route < 0.5), cascade

    def play(
        self, route: Array, cascade: Array, abandon: Array, abandon_2: Array | None = None
    ) -> sampler.Outcome:
        """Tasks under them, played to their ends; see `agents.stacked_users.Tasks`."""
        law = sampler.law(self._games, route, cascade, abandon, abandon_2)
        return sampler.outcome(law, sampler.logs(self._uniform(sampler.DRAWS, cascade.shape[1])))


def play(env: gym.Env[Any, Any], provider: Provider, tasks: int, seed: int) -> Iterator[int]:
    """Play that many tasks on a provider's environment; pause at each checkpoint.

    Args:
        env: takes commitments.
        provider: is told of each task.
        tasks: how many.
        seed: of the environment.
    """
    looks = set(checkpoints(tasks))
    env.reset(seed=seed)
    for done in range(1, tasks + 1):
        commitment = provider.act()
        *_, info = env.step(commitment)
        provider.update(commitment, info["task"])
        if done in looks:
            yield done


def play_batches(
    game: Game, provider: Planner, tasks: int, seed: int, user: User | None = None
) -> Iterator[int]:
    """Play that many tasks, each plan's at once; pause as `play` does.

    The law of the tasks is that of `play`. A checkpoint cuts a plan short; the provider then plans
    anew.

    Args:
        game: the game.
        provider: plans, and is told of what each plan cost.
        tasks: how many.
        seed: of the tasks.
        user: the exact one if None.
    """
    rng, done = np.random.default_rng(seed), 0
    user = BestResponseUser(game) if user is None else checked_user("user", user)
    replies: dict[Commitment, float] = {}
    for look in checkpoints(tasks):
        while done < look:
            planned, wanted = provider.plan()
            commitment = proper_commitment(planned)
            wanted = whole("the tasks of a plan()", wanted, at_least=1)
            if commitment not in replies:
                replies[commitment] = float(user.abandon(*commitment))
            size = min(wanted, look - done)
            *passes, solved = sampler.sample_tasks(
                game, *commitment, replies[commitment], rng, size
            )
            cost = settle(game, passes, solved).cost
            provider.update_many(commitment, Tally.of(cost))
            done += size
        yield done
