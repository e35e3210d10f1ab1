"""How each learner is trained in a cell.

A trainer takes the game, the amount of practice and two seed sequences, the world's and the agent's, so that no agent
can foresee the world's noise, and returns a trace. Torch and stable-baselines3 are imported by those that need them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.vector import VectorEnv

from routing_game.agents import (
    EXP3,
    UCB,
    Elimination,
    EpsilonGreedy,
    EquilibriumProvider,
    Follower,
    MultiplicativeWeights,
    ReinforceBlind,
    Structural,
    StructuralUser,
    TabularUser,
    Thompson,
    UCBTuned,
    Zooming,
    schemes,
)
from routing_game.agents.protocol import Planner, Provider
from routing_game.envs import ProviderEnv, ProviderVectorEnv, UserVectorEnv
from routing_game.experiments.cells.workers import one_thread
from routing_game.experiments.check.traces import Trace, provider_trace, user_trace
from routing_game.experiments.play import World, checkpoints, play, play_batches, world_of_many
from routing_game.theory import Game

if TYPE_CHECKING:
    from routing_game.agents.sb3 import Settings
    from routing_game.envs.sb3 import SB3VecEnv

Seed = np.random.SeedSequence
Trainer = Callable[[Game, int, Seed, Seed], Trace]
Generator = np.random.Generator


# --- providers that are told of one task after another


def equilibrium(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """The exact policy, through the learners' own loop: its regret must be 0."""
    return told(EquilibriumProvider(game), game, tasks, world)


def ucb(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """Upper confidence bounds on 21 arms."""
    return told(UCB(), game, tasks, world)


def ucb_tuned(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """UCB that measures each arm's own spread."""
    return told(UCBTuned(), game, tasks, world)


def thompson(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """Thompson sampling on 21 arms."""
    return told(Thompson(np.random.default_rng(agent)), game, tasks, world)


def epsilon_greedy(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """The best arm so far, and now and then any."""
    return told(EpsilonGreedy(np.random.default_rng(agent)), game, tasks, world)


def exp3(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """Exponential weights on 21 arms."""
    return told(EXP3(np.random.default_rng(agent)), game, tasks, world)


def elimination(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """Successive elimination of 21 arms."""
    return told(Elimination(), game, tasks, world)


def zooming(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """A grid that is refined where it is best."""
    return told(Zooming(), game, tasks, world)


def structural(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """Knows its own costs and how the game is built; learns the rest."""
    first, second = game.cost
    provider = Structural((float(first), float(second)), float(game.penalty), np.random.default_rng(agent))
    return told(provider, game, tasks, world)


def told(provider: Provider, game: Game, tasks: int, world: Seed) -> Trace:
    """Against the exact user, task by task, or plan by plan for a provider that plans."""
    if isinstance(provider, Planner):
        return provider_trace(provider, play_batches(game, provider, tasks, _integer(world)))
    return provider_trace(provider, play(ProviderEnv(game), provider, tasks, _integer(world)))


# --- providers that know the game and follow a gradient


@one_thread()
def gradient(game: Game, iterations: int, world: Seed, agent: Seed) -> Trace:
    """Knows the game; descends its cost through a softened user."""
    from routing_game.agents.gradient import GibbsGradient

    provider = GibbsGradient(game, np.random.default_rng(agent), iterations=iterations)
    return provider_trace(provider, provider.train())


@one_thread()
def gradient_implicit(game: Game, iterations: int, world: Seed, agent: Seed) -> Trace:
    """Knows the game; follows the total derivative of its cost."""
    from routing_game.agents.gradient import ImplicitGradient

    provider = ImplicitGradient(game, np.random.default_rng(agent), iterations=iterations)
    return provider_trace(provider, provider.train())


@one_thread()
def gradient_simultaneous(game: Game, iterations: int, world: Seed, agent: Seed) -> Trace:
    """Both know the game; each follows its own partial derivative."""
    from routing_game.agents.gradient import SimultaneousGradient

    both = SimultaneousGradient(game, np.random.default_rng(agent), iterations=iterations)
    return provider_trace(both, _thinned(both.train(), iterations), both)


# --- providers by stable-baselines3


def ppo(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """Proximal policy optimisation."""
    return _train_provider("ppo", game, tasks, world, agent)


def a2c(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """Advantage actor-critic."""
    return _train_provider("a2c", game, tasks, world, agent)


def td3(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """Twin delayed deterministic policy gradient."""
    return _train_provider("td3", game, tasks, world, agent)


def sac(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """Soft actor-critic."""
    return _train_provider("sac", game, tasks, world, agent)


def dqn(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """Deep Q-learning."""
    return _train_provider("dqn", game, tasks, world, agent)


@one_thread()
def _train_provider(name: str, game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    from routing_game.agents import sb3_providers

    width, settings = _fit(sb3_providers.SETTINGS[name], tasks)
    engine = _engine(ProviderVectorEnv(width, game, infos="none"), world)
    provider = sb3_providers.PROVIDERS[name](engine, np.random.default_rng(agent), settings)
    return provider_trace(provider, _thinned(provider.train(), settings.updates * len(settings.windows)))


# --- users by stable-baselines3


def ppo_user(game: Game, decisions: int, world: Seed, agent: Seed) -> Trace:
    """PPO as a user who sees the commitment, against uniformly drawn ones."""
    from routing_game.agents.sb3_users import USER, PPOUser

    return _train_user(PPOUser, USER, _decisions(game, "strategy"), decisions, world, agent)


def ppo_user_model(game: Game, decisions: int, world: Seed, agent: Seed) -> Trace:
    """PPO as a user who also sees which model failed."""
    from routing_game.agents.sb3_users import USER, PPOModelUser

    return _train_user(PPOModelUser, USER, _decisions(game, "model"), decisions, world, agent)


def ppo_user_answer(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """PPO as a user who sees the commitment and chooses q itself, once per task."""
    from routing_game.agents.sb3_users import ANSWER, PPOAnswerUser
    from routing_game.envs.answer import AnswerVectorEnv

    return _train_user(PPOAnswerUser, ANSWER, lambda width: AnswerVectorEnv(width, game), tasks, world, agent)


def dqn_user(game: Game, decisions: int, world: Seed, agent: Seed) -> Trace:
    """DQN as a user who sees the commitment and stays or leaves."""
    from routing_game.agents.sb3_users import ALIASED, DQNUser

    return _train_user(DQNUser, ALIASED, _decisions(game, "strategy"), decisions, world, agent)


def _decisions(game: Game, observes: str) -> Callable[[int], VectorEnv[Any, Any, Any]]:
    """The user's side of the game, for any number of environments."""
    return lambda width: UserVectorEnv(width, game, observes=observes, infos="none")


@one_thread()
def _train_user(
    kind: Any,
    settings: Settings,
    engine: Callable[[int], VectorEnv[Any, Any, Any]],
    practice: int,
    world: Seed,
    agent: Seed,
) -> Trace:
    width, settings = _fit(settings, practice)
    user = kind(_engine(engine(width), world), np.random.default_rng(agent), settings)
    updates = (update for update, _ in enumerate(user.train(), start=1))
    per_update = width * settings.steps
    return user_trace(user, (per_update * update for update in _thinned(updates, settings.updates, count=20)))


def _fit(settings: Settings, practice: int) -> tuple[int, Settings]:
    """How many tasks to play side by side so that a schedule uses that much practice; fewer updates if it is little."""
    in_turn = settings.steps * len(settings.windows)
    width = max(1, round(practice / (settings.updates * in_turn)))
    updates = min(settings.updates, max(1, practice // (width * in_turn)))
    return width, replace(settings, updates=updates)


def _engine(engine: VectorEnv[Any, Any, Any], world: Seed) -> SB3VecEnv:
    from routing_game.envs.sb3 import SB3VecEnv

    adapter = SB3VecEnv(engine)
    adapter.seed(_integer(world))
    return adapter


# --- a provider and a user who both learn: see `agents.schemes`


def reinforce_blind(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """Two-sided REINFORCE, the user blind to s."""
    width = min(512, tasks)
    both = ReinforceBlind(
        world_of_many(game, np.random.default_rng(world)),
        np.random.default_rng(agent),
        updates=tasks // width,
        width=width,
    )
    return provider_trace(both, _thinned(both.train(), tasks // width), both)


def oracle(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """The user learns the structure on half of the tasks, at random commitments; then UCB learns against it."""
    return _oracle(_structural_user, game, tasks, world, agent)


def oracle_contextual(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """The same with a user who learns its Q-values on hats of s."""
    return _oracle(_contextual_user, game, tasks, world, agent)


def alternating(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """UCB and a structural user learn in turn, a thousand tasks each."""
    return _pair(_structural_user, schemes.alternating, game, tasks, world, agent, turn=1000)


def two_timescale(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """The user, on Q-values, learns from five tasks for each one of UCB's."""
    return _pair(_contextual_user, schemes.two_timescale, game, tasks, world, agent, ratio=5)


def blocks(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """UCB commits for a block of tasks; the user, blind to s, learns anew in each."""
    return _pair(_blind_user, schemes.blocks, game, tasks, world, agent, length=min(BLOCK, tasks))


def simultaneous(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """UCB and a user blind to s learn from every task."""
    return _pair(_blind_user, schemes.simultaneous, game, tasks, world, agent)


BLOCK = 400
"""Tasks of a block."""


def _structural_user(game: Game, rng: Generator) -> Follower:
    return StructuralUser(float(game.value), _latency(game))


def _contextual_user(game: Game, rng: Generator) -> Follower:
    return TabularUser(float(game.value), _latency(game), rng, interpolate=True)


def _blind_user(game: Game, rng: Generator) -> Follower:
    return MultiplicativeWeights(float(game.value), _latency(game), rng, cascades=1)


def _latency(game: Game) -> tuple[float, float]:
    first, second = game.latency
    return float(first), float(second)


def _oracle(make: Callable[[Game, Generator], Follower], game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    practice = max(tasks // 2, 1)
    rng = np.random.default_rng(world.spawn(1)[0])
    return _pair(make, schemes.follower_first, game, max(tasks - practice, 1), world, agent, practice=practice, rng=rng)


def _pair(
    make: Callable[[Game, Generator], Follower],
    scheme: Callable[..., Iterator[int]],
    game: Game,
    tasks: int,
    world: Seed,
    agent: Seed,
    **how: Any,
) -> Trace:
    """UCB and such a user under a scheme."""
    provider, user = UCB(), make(game, np.random.default_rng(agent))
    progress = scheme(provider, user, World(game, np.random.default_rng(world)), tasks, **how)
    progress = _thinned_at(progress, checkpoints(tasks))
    return provider_trace(provider, progress, None if scheme is schemes.blocks else user)  # that user has forgotten


# --- looking at a learner now and then


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
