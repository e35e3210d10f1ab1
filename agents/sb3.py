"""What learners by stable-baselines3 share: a schedule, seeds of their own, updates one by one.

SB3 draws from the global generators of Python, numpy and torch. Each agent seeds them from its own
`rng` before every update, so that a run does not depend on who else used them in between; the
environment is the world's, so seed it there (`env.seed`). The networks are tiny: with
`torch.set_num_threads(1)` training is faster, and the same on any number of cores.
"""

import gc
import inspect
import pickle
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from stable_baselines3 import DQN
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.noise import VectorizedActionNoise
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from routing_game.agents.arguments import generator
from routing_game.theory.numbers import require

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
        windows: of a provider's s, half widths in the box [-1, 1], one after another; see
            `agents.sb3_providers`.
        options: of the SB3 algorithm, beside these.
    """

    width: int
    steps: int
    updates: int
    learning_rate: Ends
    noise: Ends = (1.0, 1.0)
    windows: tuple[float, ...] = (1.0,)
    options: dict[str, Any] = field(default_factory=dict)


class Wrapper(VecEnvWrapper):
    """A wrapper of stable-baselines3 that can be copied and pickled, and so can its agents.

    SB3's keeps a table of its class's members, which no pickle can hold.
    """

    def __getstate__(self) -> dict[str, Any]:
        """All but the table."""
        return {name: x for name, x in vars(self).items() if name != "class_attributes"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """The table made anew."""
        vars(self).update(state)
        self.class_attributes = dict(inspect.getmembers(type(self)))


class Finite(Wrapper):
    """The same environments; a reward or an observation that is no finite number is refused.

    One of them would make numbers that are none of all weights: some algorithms then stop at a
    policy that they cannot draw from, others go on for ever with one that has learnt nothing.
    """

    def reset(self) -> Any:
        """Reset the environments; ValueError as in `step_wait`."""
        return _finite("observations", self.venv.reset())

    def step_wait(self) -> VecEnvStepReturn:
        """Play the actions taken.

        Raises:
            ValueError: a reward or an observation is nan or infinite.
        """
        seen, rewards, dones, infos = self.venv.step_wait()
        return _finite("observations", seen), _finite("rewards", rewards), dones, infos


def _finite(name: str, told: Any) -> Any:
    require(np.isfinite(told), f"{name} of the environment", told, "be finite numbers")
    return told


class SB3Agent:
    """A model of stable-baselines3 and the loop that trains it."""

    algorithm: type[BaseAlgorithm]
    _model: Any  # an instance of it; what each algorithm adds is its own

    def __init__(self, rng: np.random.Generator, settings: Settings) -> None:
        self._rng, self._settings = generator(rng), settings
        self._rate, _ = settings.learning_rate

    @property
    def model(self) -> BaseAlgorithm:
        """What is trained, as it is now."""
        model: BaseAlgorithm = self._model
        return model

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """By a pickle: SB3's policies hold results of torch, which torch does not copy."""
        twin: Self = pickle.loads(pickle.dumps(self))
        return twin

    def _start(self, env: VecEnv, **options: Any) -> None:
        """A model with fresh weights."""
        # models stand in circles of references; those of cells and windows before go now, and not
        # when many, each with its buffer, have piled up
        self._model = None
        gc.collect()
        self._seed_globals()
        tuned = deepcopy(self._settings.options)  # SB3 writes into its policy_kwargs
        self._model = self.algorithm(
            "MlpPolicy",
            Finite(env),
            learning_rate=self._current_rate,
            device="cpu",
            **tuned | options,
        )
        # SB3's own logger would make a temporary folder at each update
        self._model.set_logger(Logger(None, []))

    def _current_rate(self, remaining: float) -> float:
        """The learning rate, whatever SB3 believes is left of the training."""
        return self._rate

    def _updates(self) -> Iterator[None]:
        """Carry out the schedule once; pause after each update."""
        last = max(self._settings.updates - 1, 1)
        steps = self._settings.steps * self._model.n_envs
        for update in range(self._settings.updates):
            self._anneal(update / last)
            self._model.action_space.seed(self._seed_globals())
            # nobody reads logs, and off-policy learners would write some for every fourth task
            self._model.learn(steps, log_interval=None, reset_num_timesteps=False)
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
        noise = geometric(self._settings.noise, progress)
        self._model.policy.log_std.data.fill_(float(np.log(noise)))


class NormalNoise(VectorizedActionNoise):
    """Normal noise on the actions of all environments in one draw.

    The numbers are those of SB3's own, which copies a noise for each environment at every update
    and asks the copies one by one. It has nothing to reset.

    Args:
        sd: standard deviation.
        shape: (environments, numbers of an action).
    """

    def __init__(self, sd: float, shape: tuple[int, int]) -> None:
        # not the parent's, which makes the copies
        self.n_envs, self._sd, self._shape = shape[0], sd, shape

    def __call__(self) -> NDArray[np.float32]:
        """The next noise, of the shape of the actions."""
        return np.random.normal(0.0, self._sd, self._shape).astype(np.float32)  # noqa: NPY002

    def reset(self, indices: Iterable[int] | None = None) -> None:
        """Nothing to do."""

    def __repr__(self) -> str:
        return f"NormalNoise({self._sd}, {self._shape})"


class Buffered(SB3Agent):
    """Off-policy learners: they learn from a buffer, from the first update on."""

    def _start(self, env: VecEnv, **options: Any) -> None:
        steps = self._settings.steps
        first = steps * env.num_envs - 1
        super()._start(env, train_freq=steps, learning_starts=first, **options)


class DeepQ(Buffered):
    """Deep Q-learning whose share of random batches falls on schedule."""

    algorithm = DQN

    def _start(self, env: VecEnv, **options: Any) -> None:
        super()._start(env, target_update_interval=env.num_envs, **options)

    def _anneal(self, progress: float) -> None:
        super()._anneal(progress)
        share = geometric(self._settings.noise, progress)
        self._model.exploration_schedule = partial(_held, share)


def _held(share: float, remaining: float) -> float:
    """The share, whatever SB3 believes is left of the training."""
    return share


def stacked(*seen: Any) -> tuple[NDArray[np.float32], tuple[int, ...]]:
    """Observations (n, d) of d parts, each a number or an array, and the parts' common shape."""
    columns = np.broadcast_arrays(*(np.asarray(x, dtype=np.float32) for x in seen))
    return np.stack([x.ravel() for x in columns], axis=-1), columns[0].shape


def geometric(ends: Ends, progress: float) -> float:
    """Between the ends, at a share `progress` of the way on a log axis."""
    first, last = ends
    return float(first * (last / first) ** progress)
