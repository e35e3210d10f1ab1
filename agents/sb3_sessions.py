"""Providers and users of sessions with a hidden s, by stable-baselines3, that learn from play.

Each is given one of the engines of `envs.session_engines` as an SB3 `VecEnv`, and differs from the
others of its side only in what it sees:

- a provider sees the user's belief, or only its own task;
- a user sees the counts of a Bayesian user, or its last draws, or only the last one, with a memory
  of its own (LSTM).

Rewards are not discounted: how likely a session goes on is the engine's business. Trained, each
plays `RoutingGame/Session-v0` like the agents of `agents.sessions`, taking the action that it finds
the more likely one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import VecEnv

from routing_game.agents.protocol import Observation, SessionView
from routing_game.agents.sb3 import SB3Agent, Settings, geometric, stacked
from routing_game.theory import Game
from routing_game.theory.belief import Belief
from routing_game.theory.belief_rules import after_reasoning

Mask = NDArray[np.bool_]

MINIBATCHES = 8
"""Into which a learner divides what it saw between updates; an LSTM, of long sequences, half."""


class _SessionLearner(SB3Agent):
    """A policy over two actions."""

    name: str
    algorithm: type[BaseAlgorithm] = PPO
    minibatches = MINIBATCHES

    def __init__(
        self, env: VecEnv, rng: np.random.Generator, settings: Settings | None = None
    ) -> None:
        settings = settings or SETTINGS[self.name]
        super().__init__(rng, settings)
        seen = settings.steps * env.num_envs
        self._start(env, n_steps=settings.steps, batch_size=seen // self.minibatches)

    def train(self) -> Iterator[int]:
        """Train; after each update yield the number of decisions so far."""
        for _ in self._updates():
            yield self._model.num_timesteps

    def _anneal(self, progress: float) -> None:
        super()._anneal(progress)
        self._model.ent_coef = geometric(self._settings.noise, progress)

    def decide(
        self, observations: Any, state: Any = None, begins: Any = None, greedy: bool = True
    ) -> tuple[Any, Any]:
        """The actions at observations of the engine, (n, ...), and the state to hand in next time.

        Args:
            observations: one of each session.
            state: what the last call returned; None at first. Only a policy with a memory has one.
            begins: which sessions have just begun.
            greedy: take the likelier action; False draws.
        """
        return self._model.predict(observations, state, begins, greedy)

    def _ones(self, *seen: Any) -> Mask:
        """Whether action 1 is the likelier one; each column observed is a number or an array."""
        observations, shape = stacked(*seen)
        actions, _ = self.decide(observations)
        return np.asarray(actions == 1).reshape(shape)


class _PPOProvider(_SessionLearner):
    """A provider of sessions, whose engine's fee follows costs: going on is worth about nothing."""

    def train(self) -> Iterator[int]:
        """Train; after each update yield the number of decisions so far."""
        for steps in super().train():
            seen, engine = self._model.rollout_buffer, self._model.env
            failed = seen.observations[..., 0]
            tasks = np.count_nonzero(failed == 0)
            fee, *_ = engine.get_attr("fee")
            engine.set_attr("fee", float(fee - seen.rewards.sum() / tasks))
            yield steps


class PPOReputation(_PPOProvider):
    """A provider that sees the user's counts (`ProviderSessions` observing "belief").

    Args:
        env: the engine.
        rng: of the learner.
        settings: how it trains.
        prior: the user's counts before the first task, for `act`.
    """

    name = "ppo-belief"

    def __init__(
        self,
        env: VecEnv,
        rng: np.random.Generator,
        settings: Settings | None = None,
        prior: Sequence[float] = (1.0, 1.0),
    ) -> None:
        super().__init__(env, rng, settings)
        self._prior = Belief.checked(prior)

    def escalating(self, belief: Belief) -> Mask:
        """Whether it escalates after a failed pass of M1 at each of an array of beliefs."""
        return self._ones(1.0, *belief)

    def starting(self, belief: Belief) -> Mask:
        """Whether it starts a task with M2."""
        return self._ones(0.0, *belief)

    def act(self, observation: Observation) -> int:
        """The model of the next pass in `RoutingGame/Session-v0`: 0 for M1, 1 for M2."""
        seen = SessionView.of(observation)
        a, b = self._prior.escalated + seen.escalations, self._prior.kept + seen.keeps
        return int(self._ones(seen.failed, a, b))


class PPOBlind(_PPOProvider):
    """A provider that sees nothing but its task (`ProviderSessions` observing "task")."""

    name = "ppo-blind"

    def chances(self, passes: int) -> NDArray[np.float64]:
        """The chance of M2 next after 0 .. ``passes`` failed passes of M1, the user staying."""
        j = torch.arange(passes + 1, dtype=torch.float32)
        seen = torch.stack([(j > 0).float(), j], dim=1)
        with torch.no_grad():
            policy = self._model.policy.get_distribution(seen).distribution
        return np.asarray(policy.probs[:, 1], dtype=float)

    def act(self, observation: Observation) -> int:
        """The model of the next pass in `RoutingGame/Session-v0`: 0 for M1, 1 for M2."""
        seen = SessionView.of(observation)
        return int(self._ones(seen.failed, seen.passes))


class BeliefOfPlace(BaseFeaturesExtractor):
    """Features of (failed, a, b): log odds and log size, apart for starts of tasks and failures.

    What is right at a start and what after a failure change at different beliefs; apart, learning
    one does not drag the other along.
    """

    def __init__(self, observation_space: spaces.Box) -> None:
        super().__init__(observation_space, features_dim=6)

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """(n, 3) observations -> (n, 6)."""
        failed, counts = observations[:, :1], observations[:, 1:]
        belief = _odds_and_size(counts)
        belief = torch.cat([belief, torch.ones_like(failed)], dim=1)
        return torch.cat([failed * belief, (1 - failed) * belief], dim=1)


class _SessionUser(_SessionLearner):
    """A user of sessions of T tasks; it knows how many are over.

    Args:
        env: the engine.
        rng: of the learner.
        game: the game; after a failed pass of M2 the user stays iff xi2 >= 0.
        tasks: T.
        prior: law of s.
        settings: how it trains.
    """

    def __init__(
        self,
        env: VecEnv,
        rng: np.random.Generator,
        game: Game,
        tasks: int,
        prior: Sequence[float] = (1.0, 1.0),
        settings: Settings | None = None,
    ) -> None:
        super().__init__(env, rng, settings)
        self._tasks, self._prior = tasks, Belief.checked(prior)
        self._after_reasoning = float(after_reasoning(game))
        self.begin()

    def begin(self) -> None:
        """Start a new session."""
        self.belief, self._over = self._prior, 0
        self._memory: tuple[Any, bool] = (None, True)  # of an LSTM; and whether it is to be cleared
        self._draws: list[float] = []

    def leaving(self, model: int) -> float:
        """The learned reply to a failed pass of M1: 1 or 0."""
        if model == 2:
            return self._after_reasoning
        state, begins = self._memory
        share = min(self._over / self._tasks, 1.0)
        seen = np.array([[share, *self._seen()]], dtype=np.float32)
        (action,), state = self.decide(seen, state, np.array([begins]))
        self._memory = state, False
        return float(action)

    def see_draw(self, escalated: bool) -> None:
        """Remember a draw."""
        self.belief = self.belief.after(escalated)
        self._draws.insert(0, 1.0 if escalated else -1.0)

    def cancelling(self, solved: bool) -> float:
        """Never."""
        self._over += 1
        return 0.0

    def _seen(self) -> Sequence[float]:
        """What the engine would show beside the share of tasks."""
        width = self._model.observation_space.shape[0] - 1
        return (self._draws + [0.0] * width)[:width]


class PPOBeliefUser(_SessionUser):
    """A user that sees the counts of a Bayesian user (`UserSessions` observing "belief")."""

    name = "ppo-belief-user"

    def plan(self, belief: Belief) -> Mask:
        """Whether it leaves with 1 .. T tasks to come at beliefs (A, B): (T, A, B)."""
        over = 1 - np.arange(1, self._tasks + 1) / self._tasks
        return self._ones(over[:, None, None], *belief)

    def _seen(self) -> Sequence[float]:
        return self.belief


class PPOWindowUser(_SessionUser):
    """A user that sees its last draws (`UserSessions` observing a number)."""

    name = "ppo-window-user"


class RecurrentUser(_SessionUser):
    """A user that sees its last draw (`UserSessions` observing 1) and has an LSTM (sb3-contrib)."""

    name, minibatches = "ppo-recurrent-user", MINIBATCHES // 2

    def _start(self, env: VecEnv, **options: Any) -> None:
        self.algorithm = _recurrent_ppo()
        super()._start(env, **options)


def _recurrent_ppo() -> type[BaseAlgorithm]:
    """PPO with an LSTM, under the name that every other algorithm gives its plain policy."""
    from sb3_contrib import RecurrentPPO
    from sb3_contrib.ppo_recurrent import MlpLstmPolicy

    aliases = {"MlpPolicy": MlpLstmPolicy}
    return type("RecurrentPPO", (RecurrentPPO,), {"policy_aliases": aliases})


class BeliefAndTime(BaseFeaturesExtractor):
    """Features of (share, a, b): the share of tasks over, log odds and log size of the belief."""

    def __init__(self, observation_space: spaces.Box) -> None:
        super().__init__(observation_space, features_dim=3)

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """(n, 3) observations -> (n, 3)."""
        share, counts = observations[:, :1], observations[:, 1:]
        return torch.cat([2 * share - 1, _odds_and_size(counts)], dim=1)


def _odds_and_size(counts: torch.Tensor) -> torch.Tensor:
    """(n, 2) counts a, b -> (n, 2), of order 1 for beliefs that make a user doubt."""
    a, b = counts[:, 0], counts[:, 1]
    odds, size = torch.log(a / b), torch.log(a + b)
    return torch.stack([2 * odds + 2, size - 1.5], dim=1)


def _options(net: dict[str, Any], horizon: float, epochs: int = 4) -> dict[str, Any]:
    return {"gamma": 1.0, "gae_lambda": horizon, "n_epochs": epochs, "policy_kwargs": net}


_LSTM = {
    "net_arch": [],
    "lstm_hidden_size": 24,
    "shared_lstm": True,
    "enable_critic_lstm": False,
}
SETTINGS: dict[str, Settings] = {
    # noise: weight of the policy's entropy
    "ppo-belief": Settings(
        width=512,
        steps=64,
        updates=60,
        learning_rate=(0.01, 0.0005),
        noise=(1e-3, 1e-5),
        options=_options(
            {"net_arch": [32, 32], "features_extractor_class": BeliefOfPlace}, horizon=0.9
        ),
    ),
    # what follows a pass of its own depends on a belief that it does not see: its values mislead,
    # so it uses returns
    "ppo-blind": Settings(
        width=128,
        steps=256,
        updates=60,
        learning_rate=(0.01, 0.0005),
        noise=(1e-3, 1e-5),
        options=_options({"net_arch": [32]}, horizon=1.0),
    ),
    "ppo-belief-user": Settings(
        width=512,
        steps=64,
        updates=60,
        learning_rate=(0.01, 0.0005),
        noise=(1e-3, 1e-5),
        options=_options(
            {"net_arch": [32, 32], "features_extractor_class": BeliefAndTime}, horizon=0.98
        ),
    ),
    "ppo-window-user": Settings(
        width=512,
        steps=64,
        updates=60,
        learning_rate=(0.01, 0.0005),
        noise=(0.05, 1e-3),
        options=_options({"net_arch": [64, 64], "activation_fn": torch.nn.ReLU}, horizon=0.98),
    ),
    "ppo-recurrent-user": Settings(
        width=512,
        steps=64,
        updates=60,
        learning_rate=(0.004, 0.0005),
        noise=(0.05, 1e-3),
        options=_options(_LSTM, horizon=0.98, epochs=2),
    ),
}
"""Learner to its settings."""
