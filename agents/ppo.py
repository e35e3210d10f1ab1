"""Proximal policy optimisation (Schulman et al. 2017), by stable-baselines3: a provider and two kinds of user.

Each agent is given its environment, batched, as an SB3 `VecEnv`, and learns from sampled tasks alone. The environment
is the world's, so seed it there (`env.seed`); `rng` seeds only the agent's own weights and choices. Returns are
undiscounted and Monte-Carlo (gamma = lambda = 1): a task has no clock, and a user who sees only its commitment cannot
bootstrap, because the same observation hides different states (M1 or M2 in use).

The networks are tiny: with `torch.set_num_threads(1)` training is faster, and the same on any number of cores.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import ArrayLike
from stable_baselines3 import PPO
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import VecEnv

from routing_game.agents.arguments import generator
from routing_game.agents.protocol import Abandon
from routing_game.theory import Commitment, Task


@dataclass(frozen=True)
class Settings:
    """How a PPO agent trains: `updates` times, `steps` steps in every environment and `epochs` passes over them."""

    updates: int
    steps: int
    epochs: int
    minibatches: int
    learning_rate: tuple[float, float]  # first and last; geometric in between
    noise: tuple[float, float] = (1.0, 1.0)  # standard deviation of a Gaussian policy, first and last; geometric


# The observation is constant, so the policy is a mean action and needs no hidden layer. Noise covers the box at
# first, to see past cliffs and local optima, and shrinks on a schedule; the steps shrink with it.
PROVIDER = Settings(updates=80, steps=4, epochs=8, minibatches=1, learning_rate=(0.1, 0.005), noise=(1.0, 0.1))

# Differences between staying and leaving are small against the noise of a task: big batches, and a small final rate.
# No entropy bonus: it would pull every q towards 1/2, and hats keep one s from dragging others along too early.
USER = Settings(updates=60, steps=64, epochs=4, minibatches=4, learning_rate=(0.1, 0.005))


class _PPOAgent:
    """The training loop that the three agents share."""

    def __init__(self, env: VecEnv, rng: np.random.Generator, settings: Settings, **policy: Any) -> None:
        self._rng, self._settings, self._rate = generator(rng), settings, settings.learning_rate[0]
        self._reseed()
        self._ppo = PPO(
            "MlpPolicy",
            env,
            learning_rate=lambda _: self._rate,
            n_steps=settings.steps,
            batch_size=settings.steps * env.num_envs // settings.minibatches,
            n_epochs=settings.epochs,
            gamma=1.0,
            gae_lambda=1.0,
            policy_kwargs={"net_arch": [], **policy},
            device="cpu",
        )

    def train(self) -> Iterator[int]:
        """Train; after each update yield the number of tasks begun so far."""
        tasks = 0
        for update in range(self._settings.updates):
            self._anneal(update / max(self._settings.updates - 1, 1))
            self._reseed()
            self._ppo.learn(self._ppo.n_steps * self._ppo.n_envs, reset_num_timesteps=False)
            tasks += int(self._ppo.rollout_buffer.episode_starts.sum())
            yield tasks

    def _anneal(self, progress: float) -> None:
        self._rate = _geometric(self._settings.learning_rate, progress)

    def _reseed(self) -> None:
        """Seed the global generators that SB3 draws from, so that a run does not depend on who else used them."""
        set_random_seed(int(self._rng.integers(2**31)))


class PPOProvider(_PPOAgent):
    """A Gaussian policy over the box [-1, 1]^2 that encodes (i, s); recommends its mean action.

    The env's actions are those of `RoutingGame/Provider-v0`: i = 2 if a[0] > 0, s = (a[1] + 1)/2.
    """

    def __init__(self, env: VecEnv, rng: np.random.Generator, settings: Settings = PROVIDER) -> None:
        super().__init__(env, rng, settings)
        self._ppo.policy.log_std.requires_grad_(False)  # follows the schedule instead

    def act(self) -> Commitment:
        """A draw from the policy."""
        return self._commit(deterministic=False)

    def update(self, commitment: Commitment, task: Task) -> None:
        """Learn nothing from a single task: PPO learns in `train`."""

    def recommend(self) -> Commitment:
        """The mean action."""
        return self._commit(deterministic=True)

    def _commit(self, deterministic: bool) -> Commitment:
        (route, cascade), _ = self._ppo.predict(np.ones(1, np.float32), deterministic=deterministic)
        return Commitment(2 if route > 0 else 1, (float(cascade) + 1) / 2)

    def _anneal(self, progress: float) -> None:
        super()._anneal(progress)
        self._ppo.policy.log_std.data.fill_(float(np.log(_geometric(self._settings.noise, progress))))


class _PPOUserAgent(_PPOAgent):
    """A user's policy: one logit of leaving per route, model that failed, and hat function of s."""

    def __init__(self, env: VecEnv, rng: np.random.Generator, settings: Settings = USER) -> None:
        super().__init__(env, rng, settings, features_extractor_class=Hats)

    def _leave(self, *seen: ArrayLike) -> Abandon:
        columns = np.broadcast_arrays(*(np.asarray(x, dtype=np.float32) for x in seen))
        observations = torch.as_tensor(np.stack([x.ravel() for x in columns], axis=-1))
        with torch.no_grad():
            leave = self._ppo.policy.get_distribution(observations).log_prob(torch.ones(len(observations))).exp()
        return leave.numpy().astype(np.float64).reshape(columns[0].shape)


class PPOUser(_PPOUserAgent):
    """The paper's user, learning at the step level: sees (i, s) after each failure and stays or leaves."""

    def abandon(self, route: ArrayLike, cascade: ArrayLike) -> Abandon:
        """The learned q(i, s)."""
        return self._leave(route, cascade)


class PPOModelUser(_PPOUserAgent):
    """A user who also sees the model that has just failed."""

    def abandon_after(self, route: ArrayLike, cascade: ArrayLike, model: ArrayLike) -> Abandon:
        """The learned chance of leaving after `model` (1 or 2) has failed."""
        return self._leave(route, cascade, model)


class Hats(BaseFeaturesExtractor):
    """Features of (i, s) or (i, s, model): hat functions of s on a uniform grid, separately for each (i, model).

    A linear policy on them is piecewise linear in s, so it can bend sharply where the best response jumps, and
    learning at one s does not disturb another.
    """

    KNOTS = 65

    def __init__(self, observation_space: spaces.Box) -> None:
        self._kinds = 2 ** (observation_space.shape[0] - 1)
        super().__init__(observation_space, features_dim=self._kinds * self.KNOTS)

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """(n, 2 or 3) observations -> (n, features)."""
        place = observations[:, 1:2] * (self.KNOTS - 1) - torch.arange(self.KNOTS)
        hats = torch.relu(1 - place.abs())
        kind = observations[:, 0] - 1
        if self._kinds == 4:
            kind = 2 * kind + observations[:, 2] - 1
        which = torch.nn.functional.one_hot(kind.long(), self._kinds)
        return (which[:, :, None] * hats[:, None, :]).flatten(1)


def _geometric(ends: tuple[float, float], progress: float) -> float:
    first, last = ends
    return float(first * (last / first) ** progress)
