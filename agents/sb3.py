"""What learners by stable-baselines3 share: a schedule, seeds of their own, updates one by one.

SB3 draws from the global generators of Python, numpy and torch. Each agent seeds them from its own
`rng` before every update, so that a run does not depend on who else used them in between; the
environment is the world's, so seed it there (`env.seed`). The networks are tiny: with
`torch.set_num_threads(1)` training is faster, and the same on any number of cores.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from stable_baselines3 import DQN
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import VecEnv

from routing_game.agents.arguments import generator

Ends = tuple[float, float]
"""First and last value of what falls geometrically in between."""


@dataclass(frozen=True)
class Settings:
    """How a learner trains: `updates` times, after `steps` steps in each of `width` environments.

    Attributes:
        width: for how many environments the rest is tuned; an agent takes as many as it is given.
        steps: steps in every environment before an update.
        updates: how often it learns from them; with several `windows`, in each of them.
        learning_rate: of Adam.
        noise: of a provider's exploration; its unit is the learner's.
        windows: of a provider's s, half widths in the box [-1, 1], one after another (see
            `agents.sb3_providers`).
        options: of the SB3 algorithm, beside these.
    """

    width: int
    steps: int
    updates: int
    learning_rate: Ends
    noise: Ends = (1.0, 1.0)
    windows: tuple[float, ...] = (1.0,)
    options: dict[str, Any] = field(default_factory=dict)


class SB3Agent:
    """A model of stable-baselines3 and the loop that trains it."""

    algorithm: type[BaseAlgorithm]
    _model: Any  # an instance of it; what each algorithm adds is its own

    def __init__(self, rng: np.random.Generator, settings: Settings) -> None:
        self._rng, self._settings, self._rate = generator(rng), settings, settings.learning_rate[0]

    def _start(self, env: VecEnv, **options: Any) -> None:
        """A model with fresh weights."""
        self._seed_globals()
        options = {
            **deepcopy(self._settings.options),
            **options,
        }  # SB3 writes into its policy_kwargs
        self._model = self.algorithm(
            "MlpPolicy", env, learning_rate=lambda _: self._rate, device="cpu", **options
        )
        self._model.set_logger(
            Logger(None, [])
        )  # SB3's own would make a temporary folder at each update

    def _updates(self) -> Iterator[None]:
        """Carry out the schedule once; pause after each update."""
        for update in range(self._settings.updates):
            self._anneal(update / max(self._settings.updates - 1, 1))
            self._model.action_space.seed(self._seed_globals())
            self._model.learn(self._settings.steps * self._model.n_envs, reset_num_timesteps=False)
            yield

    def _anneal(self, progress: float) -> None:
        """Set what follows a schedule; `progress` runs from 0 to 1."""
        self._rate = geometric(self._settings.learning_rate, progress)

    def _seed_globals(self) -> int:
        seed = int(self._rng.integers(2**31))
        set_random_seed(seed)
        return seed


class Gaussian(SB3Agent):
    """Policies over a box whose noise falls on schedule. What is learned is the mean."""

    def _start(self, env: VecEnv, **options: Any) -> None:
        super()._start(env, n_steps=self._settings.steps, **options)
        self._model.policy.log_std.requires_grad_(False)

    def _anneal(self, progress: float) -> None:
        super()._anneal(progress)
        self._model.policy.log_std.data.fill_(
            float(np.log(geometric(self._settings.noise, progress)))
        )


class Buffered(SB3Agent):
    """Off-policy learners: they learn from a buffer, from the first update on."""

    def _start(self, env: VecEnv, **options: Any) -> None:
        warm_up = self._settings.steps * env.num_envs
        super()._start(env, train_freq=self._settings.steps, learning_starts=warm_up - 1, **options)


class EpsilonGreedy(Buffered):
    """Deep Q-learning whose share of random batches falls on schedule."""

    algorithm = DQN

    def _start(self, env: VecEnv, **options: Any) -> None:
        super()._start(env, target_update_interval=env.num_envs, **options)

    def _anneal(self, progress: float) -> None:
        super()._anneal(progress)
        share = geometric(self._settings.noise, progress)
        self._model.exploration_schedule = lambda _: share


def geometric(ends: Ends, progress: float) -> float:
    """Between the ends, at a share `progress` of the way on a log axis."""
    first, last = ends
    return float(first * (last / first) ** progress)
