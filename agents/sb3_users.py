"""Users by stable-baselines3: PPO and DQN.

Each is given its environment, batched, as an SB3 `VecEnv`, and learns from sampled tasks alone.

- `PPOUser` decides after each failed pass and sees (i, s), like the paper's user; `PPOModelUser`
  also sees the model that has just failed. Returns are undiscounted and Monte-Carlo
  (gamma = lambda = 1): a task has no clock, and a user who sees only its commitment cannot
  bootstrap, because the same observation hides different states (M1 or M2 in use).
- `PPOAnswerUser` decides once per task, on q itself.
- `DQNUser` is shown to fail. It sees (i, s) after each failed pass, bootstraps on that aliased
  observation, and can only stay or leave for sure, where the best response of the one q may have to
  be mixed.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import VecEnv

from routing_game.agents.protocol import Abandon
from routing_game.agents.sb3 import DeepQ, Gaussian, SB3Agent, Settings, stacked
from routing_game.box import to_chance

MINIBATCHES = 4
"""Into which a user divides what it saw between two updates."""


class _PPOUserAgent(SB3Agent):
    """A user's policy: one logit of leaving per route, model that failed, and hat function of s."""

    algorithm = PPO

    def __init__(
        self, env: VecEnv, rng: np.random.Generator, settings: Settings | None = None
    ) -> None:
        settings = settings or USER
        super().__init__(rng, settings)
        seen = settings.steps * env.num_envs
        self._start(env, n_steps=settings.steps, batch_size=seen // MINIBATCHES)

    def train(self) -> Iterator[int]:
        """Train; after each update yield the number of tasks begun so far."""
        tasks = 0
        for _ in self._updates():
            tasks += int(self._model.rollout_buffer.episode_starts.sum())
            yield tasks


class PPOUser(_PPOUserAgent):
    """The paper's user, step by step: sees (i, s) after each failure and stays or leaves."""

    def abandon(self, route: ArrayLike, cascade: ArrayLike) -> Abandon:
        """The learned q(i, s)."""
        return leaving(self._model.policy, route, cascade)


class PPOModelUser(_PPOUserAgent):
    """A user who also sees the model that has just failed."""

    def abandon_after(self, route: ArrayLike, cascade: ArrayLike, model: ArrayLike) -> Abandon:
        """The learned chance of leaving after `model` (1 or 2) has failed."""
        return leaving(self._model.policy, route, cascade, model)


def leaving(policy: ActorCriticPolicy, *seen: ArrayLike) -> Abandon:
    """A policy's chance of leaving at what it sees; each part a number or an array."""
    observations, shape = stacked(*seen)
    with torch.no_grad():
        decision = policy.get_distribution(torch.as_tensor(observations))
        leave = decision.log_prob(torch.ones(len(observations))).exp()
    return leave.numpy().astype(np.float64).reshape(shape)


class _AnsweringUser(SB3Agent):
    """A user whose policy sees (i, s) and has one best action there."""

    def train(self) -> Iterator[int]:
        """Train; after each update yield the number of the environments' steps so far."""
        for _ in self._updates():
            yield self._model.num_timesteps

    def _act(self, route: ArrayLike, cascade: ArrayLike) -> NDArray[Any]:
        """The best actions, in the arguments' broadcast shape."""
        routes, cascades = np.broadcast_arrays(route, cascade)
        seen = np.stack([routes.ravel(), cascades.ravel()], axis=-1).astype(np.float64)
        action, _ = self._model.predict(seen, deterministic=True)
        return np.asarray(action).reshape(routes.shape)


class PPOAnswerUser(_AnsweringUser, Gaussian):
    """The paper's user as it is defined: sees (i, s), answers with q.

    Its policy is a Gaussian whose noise falls on schedule. The mean is kept inside the box: outside
    of it every answer is the same, and no gradient would lead back.
    """

    algorithm = PPO

    def __init__(
        self, env: VecEnv, rng: np.random.Generator, settings: Settings | None = None
    ) -> None:
        settings = settings or ANSWER
        super().__init__(rng, settings)
        self._start(env, batch_size=settings.steps * env.num_envs // MINIBATCHES)
        # hats add up to 1: a bias would only repeat them
        self._model.policy.action_net.bias.requires_grad_(False)

    def abandon(self, route: ArrayLike, cascade: ArrayLike) -> Abandon:
        """The mean answer."""
        mean = np.clip(self._act(route, cascade), -1.0, 1.0)
        return np.asarray(to_chance(mean), dtype=np.float64)

    def _anneal(self, progress: float) -> None:
        super()._anneal(progress)
        self._model.policy.action_net.weight.data.clamp_(-1.0, 1.0)


class DQNUser(_AnsweringUser, DeepQ):
    """Deep Q-learning (Mnih et al. 2015) at each failed pass, seeing (i, s): stays or leaves."""

    def __init__(
        self, env: VecEnv, rng: np.random.Generator, settings: Settings | None = None
    ) -> None:
        super().__init__(rng, settings or ALIASED)
        self._start(env)

    def abandon(self, route: ArrayLike, cascade: ArrayLike) -> Abandon:
        """0 or 1, whichever has the greater Q."""
        return np.asarray(self._act(route, cascade), dtype=np.float64)


class Hats(BaseFeaturesExtractor):
    """Features of (i, s) or (i, s, model): hat functions of s, apart for each (i, model).

    A linear policy on them is piecewise linear in s, so it can bend sharply where the best response
    jumps, and learning at one s does not disturb another.
    """

    KNOTS = 65

    def __init__(self, observation_space: spaces.Box) -> None:
        self._kinds = 2 ** (observation_space.shape[0] - 1)
        super().__init__(observation_space, features_dim=self._kinds * self.KNOTS)

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """(n, 2 or 3) observations -> (n, features)."""
        place = observations[:, 1:2] * (self.KNOTS - 1)
        away = (place - torch.arange(self.KNOTS)).abs()
        hats = torch.relu(1 - away)
        kind = observations[:, 0] - 1
        if self._kinds == 4:
            kind = 2 * kind + observations[:, 2] - 1
        which = torch.nn.functional.one_hot(kind.long(), self._kinds)
        return (which[:, :, None] * hats[:, None, :]).flatten(1)


_ON_HATS = {"net_arch": [], "features_extractor_class": Hats}
# Differences between staying and leaving are small against the noise of a task: big batches, and a
# small final rate. No entropy bonus: it would pull every q towards 1/2, and hats keep one s from
# dragging others along too early.
USER = Settings(
    width=512,
    steps=64,
    updates=60,
    learning_rate=(0.1, 0.005),
    options={
        "gamma": 1.0,
        "gae_lambda": 1.0,
        "n_epochs": 4,
        "policy_kwargs": _ON_HATS,
    },
)
# Whole tasks are noisier than decisions: more of them, and wide noise, as it is the answers far
# apart that differ.
ANSWER = Settings(
    width=4096,
    steps=8,
    updates=160,
    learning_rate=(0.3, 0.01),
    noise=(1.0, 0.5),
    options={"gamma": 1.0, "gae_lambda": 1.0, "n_epochs": 4, "policy_kwargs": _ON_HATS},
)
ALIASED = Settings(
    width=512,
    steps=64,
    updates=20,
    learning_rate=(0.02, 0.001),
    noise=(1.0, 0.2),
    options={
        "gamma": 1.0,
        "gradient_steps": 100,
        "batch_size": 1024,
        "buffer_size": 2**19,
        "policy_kwargs": _ON_HATS,
    },
)
