"""The learners by name: how each is trained in a cell, and how much practice and how many seeds a profile gives it.

A trainer takes the game, the amount of practice and two seed sequences, the world's and the agent's, so that no agent
can foresee the world's noise. Torch and stable-baselines3 are imported by the trainers that need them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from gymnasium.vector import VectorEnv

from routing_game.agents import (
    EXP3,
    UCB,
    Elimination,
    EpsilonGreedy,
    EquilibriumProvider,
    Structural,
    Thompson,
    UCBTuned,
    Zooming,
)
from routing_game.agents.protocol import Planner, Provider, Trainable
from routing_game.envs import ProviderEnv, ProviderVectorEnv, UserVectorEnv
from routing_game.experiments import own
from routing_game.experiments.play import checkpoints, play, play_batches, provider_trace, user_trace
from routing_game.experiments.records import Trace
from routing_game.experiments.spec import Plan, Spec
from routing_game.theory import GAMES, Game, load

if TYPE_CHECKING:
    from routing_game.agents.sb3 import Settings
    from routing_game.envs.sb3 import SB3VecEnv

Seed = np.random.SeedSequence
Trainer = Callable[[Game, int, Seed, Seed], Trace]

REAL_PAIR = "gpt-4.1-o3"
"""The measured pair of the standard run: its optimum is the s_L cascade that the paper left open."""
CASCADE_GAMES = ("t4-cascade", "t5-cascade")
"""Where users learn: games whose best response is more than always staying or always leaving."""


@dataclass(frozen=True)
class Learner:
    """One entry of the registry.

    Attributes:
        about: one line for people.
        train: what a cell runs.
        budgets: profile to (practice per cell, seeds).
        role: whose policy it learns.
        counts: what its practice is counted in; a user's decision is to stay or leave after one failed pass.
        sees_model: a user who sees which model has just failed, and so has another best response.
        control: it is given the answer, so it does not count among those that learn.
    """

    about: str
    train: Trainer
    budgets: dict[str, tuple[int, int]]
    role: Literal["provider", "user"] = "provider"
    counts: Literal["tasks", "decisions", "iterations"] = "tasks"
    sees_model: bool = False
    control: bool = False


def make_spec(
    profile: str,
    games: tuple[str, ...] | None = None,
    learners: tuple[str, ...] | None = None,
    seeds: int | None = None,
    practice: int | None = None,
) -> Spec:
    """The spec of a profile, with what is given changed.

    All games are the catalog and one real pair. Users learn on the cascade games only, unless games are named.
    """
    everything = games or (*GAMES, REAL_PAIR)
    plans = {}
    for name in learners or tuple(LEARNERS):
        usual_practice, usual_seeds = LEARNERS[name].budgets[profile]
        played = CASCADE_GAMES if LEARNERS[name].role == "user" and games is None else everything
        plans[name] = Plan(played, practice or usual_practice, seeds or usual_seeds)
    return Spec(profile, {name: load(name) for name in everything}, plans)


def equilibrium(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """The exact policy, through the learners' own loop: its regret must be 0."""
    return _play(EquilibriumProvider(game), game, tasks, world)


def ucb(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """Upper confidence bounds on 21 arms."""
    return _play(UCB(), game, tasks, world)


def ucb_tuned(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """UCB that measures each arm's own spread."""
    return _play(UCBTuned(), game, tasks, world)


def thompson(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """Thompson sampling on 21 arms."""
    return _play(Thompson(np.random.default_rng(agent)), game, tasks, world)


def epsilon_greedy(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """The best arm so far, and now and then any."""
    return _play(EpsilonGreedy(np.random.default_rng(agent)), game, tasks, world)


def exp3(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """Exponential weights on 21 arms."""
    return _play(EXP3(np.random.default_rng(agent)), game, tasks, world)


def elimination(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """Successive elimination of 21 arms."""
    return _play(Elimination(), game, tasks, world)


def zooming(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """A grid that is refined where it is best."""
    return _play(Zooming(), game, tasks, world)


def structural(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """Knows its own costs and how the game is built; learns the rest."""
    first, second = game.cost
    provider = Structural((float(first), float(second)), float(game.penalty), np.random.default_rng(agent))
    return _play(provider, game, tasks, world)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Torch on one thread: more are slower on tensors this small, and sums would depend on the number of cores."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@_one_thread()
def gradient(game: Game, iterations: int, world: Seed, agent: Seed) -> Trace:
    """Knows the game; descends its cost through a softened user."""
    from routing_game.agents.gradient import GibbsGradient

    provider = GibbsGradient(game, np.random.default_rng(agent), iterations=iterations)
    return provider_trace(provider, provider.train())


@_one_thread()
def ppo(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
    """PPO on the batched engine, the exact user answering."""
    from routing_game.agents.rl import SETTINGS, PPOProvider

    width, settings = _fit(SETTINGS["ppo"], tasks)
    provider = PPOProvider(_engine(ProviderVectorEnv(width, game), world), np.random.default_rng(agent), settings)
    return provider_trace(provider, provider.train())


def ppo_user(game: Game, decisions: int, world: Seed, agent: Seed) -> Trace:
    """PPO as a user who sees the commitment, against uniformly drawn ones."""
    from routing_game.agents.ppo import PPOUser

    return _train_user(PPOUser, game, "strategy", decisions, world, agent)


def ppo_user_model(game: Game, decisions: int, world: Seed, agent: Seed) -> Trace:
    """PPO as a user who also sees which model failed."""
    from routing_game.agents.ppo import PPOModelUser

    return _train_user(PPOModelUser, game, "model", decisions, world, agent)


@_one_thread()
def _train_user(
    kind: Any, game: Game, observes: Literal["strategy", "model"], decisions: int, world: Seed, agent: Seed
) -> Trace:
    from routing_game.agents.ppo import USER

    width, settings = _fit(USER, decisions)
    engine = _engine(UserVectorEnv(width, game, observes=observes), world)
    user = kind(engine, np.random.default_rng(agent), settings)
    looks = set(checkpoints(settings.updates, first=1, count=20))
    updates = (update for update, _ in enumerate(user.train(), start=1) if update in looks)
    return user_trace(user, (width * settings.steps * update for update in updates))


def _fit(settings: "Settings", practice: int) -> tuple[int, "Settings"]:
    """How many tasks to play side by side so that a schedule uses that much practice; fewer updates if it is little."""
    width = max(1, round(practice / (settings.updates * settings.steps)))
    updates = min(settings.updates, max(1, practice // (width * settings.steps)))
    return width, replace(settings, updates=updates)


def _engine(engine: VectorEnv[Any, Any, Any], world: Seed) -> "SB3VecEnv":
    from routing_game.envs.sb3 import SB3VecEnv

    adapter = SB3VecEnv(engine)
    adapter.seed(_integer(world))
    return adapter


def _play(provider: Provider, game: Game, tasks: int, world: Seed) -> Trace:
    if isinstance(provider, Planner):
        return provider_trace(provider, play_batches(game, provider, tasks, _integer(world)))
    return provider_trace(provider, play(ProviderEnv(game), provider, tasks, _integer(world)))


def _integer(seed: Seed) -> int:
    """A seed for whoever takes only integers."""
    return int(seed.generate_state(1)[0])


class Registry(dict[str, Learner]):
    """Learners by name; ``module:Agent`` finds one that is not ours."""

    def __missing__(self, name: str) -> Learner:
        if not own.is_own(name):
            raise KeyError(name)

        def train(game: Game, tasks: int, world: Seed, agent: Seed) -> Trace:
            made = own.make(name, rng=np.random.default_rng(agent), game=game, tasks=tasks)
            if isinstance(made, Trainable):
                return provider_trace(made, made.train())
            return _play(made, game, tasks, world)

        budgets = {"smoke": (300, 2), "default": (30_000, 5), "full": (30_000, 20)}
        return Learner(f"{name}, an agent of your own", train, budgets)


LEARNERS = Registry({
    "equilibrium": Learner("control: the exact policy, which knows the game", equilibrium,
                           {"smoke": (50, 2), "default": (1_000, 2), "full": (1_000, 2)}, control=True),
    "gradient": Learner("knows the game, descends its cost through a Gibbs follower", gradient,
                        {"smoke": (10, 2), "default": (600, 3), "full": (600, 20)}, counts="iterations"),
    "structural": Learner("knows its costs and the structure, learns p and the user's threshold", structural,
                          {"smoke": (100, 2), "default": (2_000, 10), "full": (2_000, 20)}),
    "zooming": Learner("bandit: route 2 and a grid of s that is refined where it is best", zooming,
                       {"smoke": (3_000, 2), "default": (300_000, 5), "full": (1_000_000, 20)}),
    "ucb": Learner("bandit: upper confidence bounds on route 2 and 20 values of s", ucb,
                   {"smoke": (300, 2), "default": (30_000, 5), "full": (30_000, 20)}),
    "ucb-tuned": Learner("bandit: the same with each commitment's own spread", ucb_tuned,
                         {"smoke": (300, 2), "default": (30_000, 3), "full": (30_000, 20)}),
    "thompson": Learner("bandit: Thompson sampling on the same 21 commitments", thompson,
                        {"smoke": (300, 2), "default": (30_000, 5), "full": (30_000, 20)}),
    "epsilon-greedy": Learner("bandit: the least mean, any commitment at a falling rate", epsilon_greedy,
                              {"smoke": (300, 2), "default": (30_000, 3), "full": (30_000, 20)}),
    "exp3": Learner("bandit: exponential weights, safe against an adversary", exp3,
                    {"smoke": (300, 2), "default": (30_000, 3), "full": (30_000, 20)}),
    "elimination": Learner("bandit: successive elimination of the 21 commitments", elimination,
                           {"smoke": (3_000, 2), "default": (30_000, 5), "full": (30_000, 20)}),
    "ppo": Learner("PPO (stable-baselines3) as the provider, against the exact user", ppo,
                   {"smoke": (64, 2), "default": (81_920, 3), "full": (163_840, 10)}),
    "ppo-user": Learner("PPO as the user who sees the commitment (i, s)", ppo_user,
                        {"smoke": (64, 2), "default": (204_800, 3), "full": (1_966_080, 10)},
                        role="user", counts="decisions"),
    "ppo-user-model": Learner("PPO as the user who also sees which model failed", ppo_user_model,
                              {"smoke": (64, 2), "default": (204_800, 3), "full": (1_966_080, 10)},
                              role="user", counts="decisions", sees_model=True),
})  # fmt: skip
