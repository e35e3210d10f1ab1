"""How learners are trained: seven ways, each a function that returns a trainer.

    stacked       providers that train side by side, a row each
    stacked_user  users that train side by side, a row each
    told          a provider that is told of one task after another
    plans         providers that know their games and follow a gradient, a row each
    sb3           a provider by stable-baselines3
    sb3_user      a user by stable-baselines3
    pair          a bandit and a user that learns, too, under a scheme of `agents.schemes`

A trainer takes a batch of cells: their games, the amount of practice of each, and two seed
sequences each, the world's and the agent's, so that no agent can foresee the world's noise. It
returns their traces, in order. Whatever it is batched with, a cell's trace is the same, bit by bit.
Most ways train a cell at a time, and are made trainers by `one_by_one`. Torch and stable-baselines3
are imported when a cell that needs them is trained, so what needs them is named by a string here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.vector import VectorEnv

from routing_game.agents import RefiningUCB, RehearsingUser, schemes
from routing_game.agents.descents import Descents, SimultaneousDescents
from routing_game.agents.followers import Follower, StructuralUser
from routing_game.agents.protocol import Planner, Provider, Trainable
from routing_game.agents.reinforce import BlindPairs
from routing_game.agents.stacked import Array, Costs, StackedProvider
from routing_game.agents.stacked_users import (
    Cells,
    StackedModelUser,
    StackedUser,
    Times,
)
from routing_game.agents.structural import Structural
from routing_game.agents.table_users import MultiplicativeWeights
from routing_game.envs import ProviderEnv, ProviderVectorEnv, UserVectorEnv
from routing_game.envs.answer import AnswerVectorEnv
from routing_game.experiments.cells.threads import one_thread
from routing_game.experiments.check import own
from routing_game.experiments.check.traces import (
    Trace,
    provider_trace,
    provider_traces,
    user_trace,
    user_traces,
    with_policies,
)
from routing_game.experiments.play import (
    Cohort,
    UserCohort,
    World,
    checkpoints,
    play,
    play_batches,
)
from routing_game.theory import Game

if TYPE_CHECKING:
    from routing_game.agents.sb3 import Settings
    from routing_game.envs.sb3 import SB3VecEnv

Seed = np.random.SeedSequence
Generator = np.random.Generator
Trainer = Callable[[Sequence[Game], int, Sequence[Seed], Sequence[Seed]], list[Trace]]
"""(games, practice, worlds, agents) -> traces, each a sequence with an entry for each cell."""
Engine = VectorEnv[Any, Any, Any]


def one_by_one(train: Callable[[Game, int, Seed, Seed], Trace]) -> Trainer:
    """What trains a cell, (game, practice, world, agent) -> trace, as a trainer of batches."""

    @wraps(train)
    def train_each(
        games: Sequence[Game], practice: int, worlds: Sequence[Seed], agents: Sequence[Seed]
    ) -> list[Trace]:
        rows = zip(games, worlds, agents, strict=True)
        return [train(game, practice, world, agent) for game, world, agent in rows]

    return train_each


def stacked(make: Callable[[Costs, list[Generator], int], StackedProvider]) -> Trainer:
    """Providers of many cells that train as one, each against the exact user of its own game.

    Args:
        make: (costs, rngs, tasks) -> providers, one for each of the ``rngs``, which are theirs;
            ``costs`` plays their tasks, and each is to use about so many ``tasks``. Of the steps
            after which they pause, those at or next after the usual checkpoints are on record.
    """

    def train(
        games: Sequence[Game], tasks: int, worlds: Sequence[Seed], agents: Sequence[Seed]
    ) -> list[Trace]:
        providers = make(Cohort(games, generators(worlds)), generators(agents), tasks)
        looks = _thinned_at(providers.train(), checkpoints(tasks))
        return provider_traces(providers, looks, len(games))

    return train


Users = Callable[[Cells], StackedUser | StackedModelUser]


def stacked_user(make: Users) -> Trainer:
    """Users of many cells that train as one, each against uniformly drawn commitments.

    Args:
        make: cells -> users. Of the steps after which they pause, those at or next after the usual
            checkpoints are on record.
    """

    def train(
        games: Sequence[Game], tasks: int, worlds: Sequence[Seed], agents: Sequence[Seed]
    ) -> list[Trace]:
        values = [float(game.value) for game in games]
        times = Times.of(values, [_numbers(game.latency) for game in games])
        world = UserCohort(games, generators(worlds))
        user = make(Cells(world, times, generators(agents), tasks))

        def answers(route: Array, cascade: Array) -> tuple[Array, Array]:
            if isinstance(user, StackedModelUser):
                after_1, after_2 = (user.abandon_after(route, cascade, m) for m in (1, 2))
                return after_1, after_2
            return (user.abandon(route, cascade),) * 2

        looks = _thinned_at(user.train(), checkpoints(tasks, count=20))
        traces = user_traces(answers, looks, len(games))
        return with_policies(traces, lambda: user.policies())

    return train


def generators(seeds: Sequence[Seed]) -> list[Generator]:
    """A generator of each cell's own."""
    return [np.random.default_rng(seed) for seed in seeds]


def told(make: Callable[..., Provider]) -> Trainer:
    """A provider that meets the exact user task by task, or plan by plan if it plans.

    It is made with those of ``rng``, ``game`` and ``tasks`` that ``make`` names, as agents of one's
    own are; one that brings its own loop is left to it.
    """

    @one_by_one
    def train(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
        provider = own.make(make, rng=np.random.default_rng(agent), game=game, tasks=tasks)
        if isinstance(provider, Trainable):
            return provider_trace(provider, own.looks(provider.train(), provider))
        if isinstance(provider, Planner):
            return provider_trace(provider, play_batches(game, provider, tasks, _integer(world)))
        return provider_trace(provider, play(ProviderEnv(game), provider, tasks, _integer(world)))

    return train


def structural(game: Game, rng: Generator) -> Structural:
    """A provider that knows its own costs and how the game is built."""
    return Structural(_numbers(game.cost), float(game.penalty), rng)


def plans(kind: Callable[..., Descents | SimultaneousDescents]) -> Trainer:
    """Descents of games that are known; practice is counted in iterations.

    Those that plan for the user, too, have its answers in the trace.
    """

    def train(
        games: Sequence[Game], iterations: int, worlds: Sequence[Seed], agents: Sequence[Seed]
    ) -> list[Trace]:
        planners = kind(games, generators(agents), iterations=iterations)
        follower = planners.abandon if isinstance(planners, SimultaneousDescents) else None
        looks = _thinned(planners.train(), iterations)
        return provider_traces(planners, looks, len(games), follower)

    return train


def sb3(name: str) -> Trainer:
    """A provider by the algorithm of this name, against the exact user."""

    @one_by_one
    @one_thread()
    def train(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
        from routing_game.agents import sb3_providers as providers

        width, settings = _fit(providers.SETTINGS[name], tasks)
        engine = _seeded(ProviderVectorEnv(width, game, infos="none"), world)
        provider = providers.PROVIDERS[name](engine, np.random.default_rng(agent), settings)
        updates = settings.updates * len(settings.windows)
        return provider_trace(provider, _thinned(provider.train(), updates))

    return train


def sb3_user(name: str, settings: str, engine: Callable[[Game, int], Engine]) -> Trainer:
    """A user, against uniformly drawn commitments.

    Args:
        name: of its class among the users by stable-baselines3.
        settings: of its settings there.
        engine: (game, width) -> the user's side of so many games.
    """

    @one_by_one
    @one_thread()
    def train(game: Game, practice: int, world: Seed, agent: Seed) -> Trace:
        from routing_game.agents import sb3_users as users
        from routing_game.agents.saved import packed

        width, fitted = _fit(getattr(users, settings), practice)
        made = _seeded(engine(game, width), world)
        user = getattr(users, name)(made, np.random.default_rng(agent), fitted)
        updates = (update for update, _ in enumerate(user.train(), start=1))
        looks = _thinned(updates, fitted.updates, count=20)
        trace = user_trace(user, (width * fitted.steps * update for update in looks))
        (whole,) = with_policies([trace], lambda: [packed(user)])
        return whole

    return train


def strategy(game: Game, width: int) -> Engine:
    """A decision after each failure, of a user who sees the commitment."""
    return UserVectorEnv(width, game, observes="strategy", infos="none")


def model(game: Game, width: int) -> Engine:
    """The same, of a user who also sees which model failed."""
    return UserVectorEnv(width, game, observes="model", infos="none")


def answer(game: Game, width: int) -> Engine:
    """A q for each task, of a user who sees the commitment."""
    return AnswerVectorEnv(width, game)


def _fit(settings: Settings, practice: int) -> tuple[int, Settings]:
    """How many games to play side by side so that a schedule uses that much practice."""
    in_turn = settings.steps * len(settings.windows)
    width = max(1, round(practice / (settings.updates * in_turn)))
    updates = min(settings.updates, max(1, practice // (width * in_turn)))
    return width, replace(settings, updates=updates)


def _seeded(engine: Engine, world: Seed) -> SB3VecEnv:
    from routing_game.envs.sb3 import SB3VecEnv

    adapter = SB3VecEnv(engine)
    adapter.seed(_integer(world))
    return adapter


Learned = Callable[[Game, Generator], Follower]


def pair(
    user: Learned,
    scheme: Callable[..., Iterator[int]],
    leader: Callable[[], Provider] = RefiningUCB,
    remembers: bool = True,
    **how: Any,
) -> Trainer:
    """A provider and a user under a scheme.

    Args:
        user: makes the user.
        scheme: of `agents.schemes`.
        leader: makes the provider.
        remembers: whether the user's answers are in the trace; not those of one who has forgotten
            them.
        how: the scheme's own arguments.
    """

    @one_by_one
    def train(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
        provider, follower = leader(), user(game, np.random.default_rng(agent))
        progress = scheme(
            provider, follower, World(game, np.random.default_rng(world)), tasks, **how
        )
        looks = _thinned_at(progress, checkpoints(tasks))
        return provider_trace(provider, looks, follower if remembers else None)

    return train


def oracle(user: Learned) -> Trainer:
    """The user learns on most of the tasks, at random commitments; then UCB learns against it.

    It needs most of them: how well it places a cliff is how near UCB can go.
    """

    @one_by_one
    def train(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
        practice = max(tasks * 3 // 4, 1)
        each = max(practice // 500, 1)
        rng = np.random.default_rng(world.spawn(1)[0])
        learn = pair(user, schemes.follower_first, practice=practice, rng=rng, each=each)
        (trace,) = learn([game], max(tasks - practice, 1), [world], [agent])
        return trace

    return train


def in_blocks(provider: Provider, user: Follower, world: World, tasks: int) -> Iterator[int]:
    """A scheme: UCB commits for 8,000 tasks, and the user learns anew in each such block.

    Args:
        provider: learns from blocks.
        user: forgets after each.
        world: plays the tasks.
        tasks: how many.
    """
    return schemes.blocks(provider, user, world, tasks, length=min(8_000, tasks))


def rehearsed(provider: Provider, user: Follower, world: World, tasks: int) -> Iterator[int]:
    """A scheme: the user learns each commitment before it is played, 100 in all of the tasks.

    Args:
        provider: decides what there is to learn.
        user: learns it.
        world: plays the tasks.
        tasks: of both together.
    """
    return schemes.rehearsed(provider, user, world, tasks, practice=max(tasks // 120, 1))


def reinforce_blind(
    games: Sequence[Game], tasks: int, worlds: Sequence[Seed], agents: Sequence[Seed]
) -> list[Trace]:
    """Two-sided REINFORCE, the user blind to s; it plays many tasks at once, so under no scheme."""
    width = min(512, tasks)
    updates = tasks // width
    world = Cohort(games, generators(worlds)).tasks
    both = BlindPairs(world, generators(agents), updates=updates, width=width)
    return provider_traces(both, _thinned(both.train(), updates), len(games), both.abandon)


def knows_structure(game: Game, rng: Generator) -> Follower:
    """A user who knows how the game is built, and estimates p."""
    return StructuralUser(float(game.value), _numbers(game.latency), rng=rng)


def has_values(game: Game, rng: Generator) -> Follower:
    """A user with a value for each answer to each commitment that it met."""
    return RehearsingUser(float(game.value), _numbers(game.latency), rng)


def is_blind(game: Game, rng: Generator) -> Follower:
    """A user who does not see s."""
    return MultiplicativeWeights(float(game.value), _numbers(game.latency), rng, cascades=1)


def _numbers(pair: Iterable[Any]) -> tuple[float, float]:
    first, second = pair
    return float(first), float(second)


def _thinned(progress: Iterable[int], steps: int, count: int = 30) -> Iterator[int]:
    """Pause at some of so many steps, evenly spaced on a log axis."""
    looks = set(checkpoints(steps, first=1, count=count))
    return (done for step, done in enumerate(progress, start=1) if step in looks)


def _thinned_at(progress: Iterable[int], looks: list[int]) -> Iterator[int]:
    """Pause at the first step at or after each of these numbers of tasks, and at the last step."""
    ahead, last = iter(looks), None
    look = next(ahead, None)
    for done in progress:
        last = done
        if look is not None and done >= look:
            yield done
            last = None
            while look is not None and done >= look:
                look = next(ahead, None)
    if last is not None:
        yield last


def _integer(seed: Seed) -> int:
    """A seed for whoever takes only integers."""
    return int(seed.generate_state(1)[0])
