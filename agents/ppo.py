"""Proximal policy optimisation (Schulman et al. 2017), by stable-baselines3: two kinds of user.

Each is given its environment, batched, as an SB3 `VecEnv`, and learns from sampled tasks alone. Returns are
undiscounted and Monte-Carlo (gamma = lambda = 1): a task has no clock, and a user who sees only its commitment cannot
bootstrap, because the same observation hides different states (M1 or M2 in use).
"""

from collections.abc import Iterator

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import ArrayLike
from stable_baselines3 import PPO
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import VecEnv

from routing_game.agents.protocol import Abandon
from routing_game.agents.sb3 import SB3Agent, Settings

MINIBATCHES = 4
"""Into which a user divides what it saw between two updates."""


class _PPOUserAgent(SB3Agent):
    """A user's policy: one logit of leaving per route, model that failed, and hat function of s."""

    algorithm = PPO

    def __init__(self, env: VecEnv, rng: np.random.Generator, settings: Settings | None = None) -> None:
        settings = settings or USER
        super().__init__(rng, settings)
        self._start(env, n_steps=settings.steps, batch_size=settings.steps * env.num_envs // MINIBATCHES)

    def train(self) -> Iterator[int]:
        """Train; after each update yield the number of tasks begun so far."""
        tasks = 0
        for _ in self._updates():
            tasks += int(self._model.rollout_buffer.episode_starts.sum())
            yield tasks

    def _leave(self, *seen: ArrayLike) -> Abandon:
        columns = np.broadcast_arrays(*(np.asarray(x, dtype=np.float32) for x in seen))
        observations = torch.as_tensor(np.stack([x.ravel() for x in columns], axis=-1))
        with torch.no_grad():
            leave = self._model.policy.get_distribution(observations).log_prob(torch.ones(len(observations))).exp()
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


# Differences between staying and leaving are small against the noise of a task: big batches, and a small final rate.
# No entropy bonus: it would pull every q towards 1/2, and hats keep one s from dragging others along too early.
USER = Settings(
    width=512,
    steps=64,
    updates=60,
    learning_rate=(0.1, 0.005),
    options={
        "gamma": 1.0,
        "gae_lambda": 1.0,
        "n_epochs": 4,
        "policy_kwargs": {"net_arch": [], "features_extractor_class": Hats},
    },
)
