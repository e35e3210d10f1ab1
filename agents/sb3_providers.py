"""Providers by stable-baselines3: PPO, A2C, SAC, TD3 and DQN, tuned on the game's cliffs.

Each is given its environment, batched, as an SB3 `VecEnv` with the actions of
`RoutingGame/Provider-v0`, points a of the box [-1, 1]^2: route 2 if a[0] > 0, s = (a[1] + 1) / 2.
It sees what its tasks cost, and nothing else. A step is a whole task, so there is nothing to
bootstrap and nothing to discount; the observation is constant, so a policy needs no hidden layer,
and only the critics of SAC and TD3 have some.

Next to a cliff a learner keeps a margin of two or three standard deviations of its own noise, and
pays for it. So noise has to shrink, and there are two ways here:

- PPO and A2C follow a Gaussian whose noise falls on a schedule, the learning rate with it. The mean
  is kept inside the box: outside of it every action is clipped to the same edge, and no gradient
  would lead back.
- SAC, TD3 and DQN learn a critic (from a buffer, off policy), which cannot resolve a cliff much
  narrower than the range of its inputs. So they look through a `Window` on s: the whole range
  first, then, as confidence grows, narrower and narrower around what they recommend, each time with
  fresh weights and an empty buffer.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3 import A2C, PPO, SAC, TD3
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from routing_game.agents.sb3 import (
    Buffered,
    DeepQ,
    Gaussian,
    NormalNoise,
    SB3Agent,
    Settings,
    Wrapper,
    geometric,
)
from routing_game.box import from_point, to_coordinate
from routing_game.theory import Commitment, Task

_NO_TIME: dict[str, Any] = {"gamma": 1.0, "gae_lambda": 1.0, "policy_kwargs": {"net_arch": []}}
_CRITIC: dict[str, Any] = {
    "policy_kwargs": {"net_arch": {"pi": [], "qf": [64]}},
    "gradient_steps": 60,
    "batch_size": 512,
    "buffer_size": 2**17,
}

SETTINGS: dict[str, Settings] = {
    # noise: standard deviation in the box
    "ppo": Settings(
        width=4096,
        steps=2,
        updates=400,
        learning_rate=(0.1, 0.001),
        noise=(0.5, 0.005),
        options=_NO_TIME | {"n_epochs": 2},
    ),
    "a2c": Settings(
        width=4096,
        steps=2,
        updates=400,
        learning_rate=(0.1, 0.001),
        noise=(0.5, 0.005),
        options=_NO_TIME | {"normalize_advantage": True, "use_rms_prop": False},
    ),
    # noise: standard deviation in the window
    "td3": Settings(
        width=2048,
        steps=8,
        updates=12,
        learning_rate=(0.03, 0.001),
        noise=(0.7, 0.3),
        windows=(1.0, 0.5, 0.25, 0.12, 0.06, 0.03),
        options=_CRITIC | {"policy_delay": 2},
    ),
    # noise: entropy coefficient
    "sac": Settings(
        width=2048,
        steps=8,
        updates=12,
        learning_rate=(0.03, 0.001),
        noise=(0.1, 0.01),
        windows=(1.0, 0.5, 0.25, 0.12, 0.06),
        options=_CRITIC | {"gradient_steps": 30},
    ),
    # noise: share of random batches
    "dqn": Settings(
        width=256,
        steps=64,
        updates=20,
        learning_rate=(0.03, 0.0002),
        noise=(1.0, 0.3),
        windows=(1.0, 0.3),
        options={
            "policy_kwargs": {"net_arch": []},
            "gradient_steps": 60,
            "batch_size": 2048,
            "buffer_size": 2**19,
        },
    ),
}
"""Algorithm to its settings."""


class DrawnBox(spaces.Box):
    """A bounded box whose random points are drawn many at a time: those of `Box`, sooner.

    SB3 asks for a point for each environment, and `Box` spends most of its time on other cases.
    """

    def __init__(self, low: float, high: float, shape: tuple[int, ...]) -> None:
        super().__init__(low, high, shape, np.float32)
        self._drawn: list[NDArray[Any]] = []

    def seed(self, seed: int | None = None) -> int | list[int]:
        """Begin anew; what was drawn ahead is forgotten."""
        self._drawn = []
        return super().seed(seed)

    def sample(self, mask: None = None, probability: None = None) -> NDArray[Any]:
        """A random point."""
        if not self._drawn:
            points = self.np_random.uniform(self.low, self.high, (1024, *self.low.shape))
            self._drawn = list(points.astype(self.low.dtype)[::-1])
        return self._drawn.pop()


class Window(Wrapper):
    """The box [-1, 1]^2 with a[1] stretched over a window of s, and rewards of order 1.

    The mean of the first batch of rewards counts as 0, and `spread` of its standard deviations as
    1, so that learning does not depend on the unit of cost, nor on what every task costs.
    """

    spread = 1.0

    def __init__(self, venv: VecEnv) -> None:
        super().__init__(venv)
        self.action_space = DrawnBox(-1.0, 1.0, (2,))
        self._centre, self._half = 0.0, 1.0
        self._scale: tuple[float, float] | None = None  # what counts as 0, and how much as 1

    def move(self, centre: float, half: float) -> None:
        """Show [centre - half, centre + half] from now on; beyond an edge of the box, the edge."""
        self._centre, self._half = centre, half

    def through(self, actions: NDArray[Any]) -> NDArray[np.float32]:
        """The points of the provider's box, shape (..., 2), that actions in the window mean."""
        s = np.clip(self._centre + self._half * actions[..., 1], -1.0, 1.0)
        return np.stack([actions[..., 0], s], axis=-1, dtype=np.float32)

    def reset(self) -> Any:
        """Reset the environments."""
        return self.venv.reset()

    def step_async(self, actions: NDArray[Any]) -> None:
        """Take actions."""
        self.venv.step_async(self.through(actions))

    def step_wait(self) -> VecEnvStepReturn:
        """Play them."""
        observations, rewards, dones, infos = self.venv.step_wait()
        if self._scale is None:
            spread = self.spread * float(rewards.std())
            self._scale = float(rewards.mean()), spread or 1.0  # all rewards may be alike
        zero, one = self._scale
        return observations, (rewards - zero) / one, dones, infos


class Arms(Window):
    """The same window as a list: so many s, evenly spaced, and last route 2.

    Rewards are smaller: DQN's loss is quadratic, so that its values are means, only for errors
    below 1.
    """

    spread = 10.0

    def __init__(self, venv: VecEnv, cascades: int = 21) -> None:
        super().__init__(venv)
        self.action_space = spaces.Discrete(cascades + 1)
        on_route_1 = [[-1.0, s] for s in np.linspace(-1.0, 1.0, cascades)]
        self._points = np.array([*on_route_1, [1.0, 0.0]])

    def through(self, actions: NDArray[Any]) -> NDArray[np.float32]:
        """The points of the provider's box, (..., 2), that numbers of arms, (...), mean."""
        return super().through(self._points[actions])


class SB3Provider(SB3Agent):
    """A provider that one algorithm trains; recommends the action that its policy finds best."""

    name: str
    window: type[Window] = Window

    def __init__(
        self, env: VecEnv, rng: np.random.Generator, settings: Settings | None = None
    ) -> None:
        super().__init__(rng, settings or SETTINGS[self.name])
        self._window = self.window(env)
        self._start(self._window)

    def train(self) -> Iterator[int]:
        """Train, window after window; after each update yield the number of tasks played so far."""
        before = 0
        for half in self._settings.windows:
            if half < 1:  # else it sees everything already
                self._look(half)
            for _ in self._updates():
                yield before + self._model.num_timesteps
            before += self._model.num_timesteps

    def act(self) -> Commitment:
        """A draw from the policy, exploration included."""
        return self._commit(deterministic=False)

    def update(self, commitment: Commitment, task: Task) -> None:
        """Learn nothing from a single task: it learns in `train`."""

    def recommend(self) -> Commitment:
        """The best action."""
        return self._commit(deterministic=True)

    def _commit(self, deterministic: bool) -> Commitment:
        action, _ = self._model.predict(np.ones(1, np.float32), deterministic=deterministic)
        route, cascade = from_point(self._window.through(action))
        return Commitment(route, float(np.clip(cascade, 0.0, 1.0)))

    def _look(self, half: float) -> None:
        """Begin anew around the recommended s; on route 2, which has none, in the same window."""
        route, cascade = self.recommend()
        if route == 1:
            self._window.move(to_coordinate(cascade), half)
        self._start(self._window)


class _GaussianProvider(SB3Provider, Gaussian):
    """A Gaussian policy over the box; recommends its mean, explores on schedule."""

    def _anneal(self, progress: float) -> None:
        super()._anneal(progress)
        policy = self._model.policy
        with torch.no_grad():
            mean = policy.action_net(torch.ones(1))
            policy.action_net.bias += mean.clamp(-1, 1) - mean


class PPOProvider(_GaussianProvider):
    """Proximal policy optimisation (Schulman et al. 2017)."""

    name, algorithm = "ppo", PPO

    def _start(self, env: VecEnv, **options: Any) -> None:
        super()._start(env, batch_size=self._settings.steps * env.num_envs, **options)


class A2CProvider(_GaussianProvider):
    """Advantage actor-critic (Mnih et al. 2016), synchronous: the plain policy gradient."""

    name, algorithm = "a2c", A2C


class _CriticProvider(SB3Provider, Buffered):
    """Begins in the middle of the window with a flat critic, and waits until that has learned.

    An actor that follows the first slopes of a critic ends at an edge of the window, where tanh is
    flat.
    """

    critic_first = 0.3  # share of a window's updates in which the actor waits

    def _start(self, env: VecEnv, **options: Any) -> None:
        super()._start(env, **options)
        outputs = [network[-1].weight for network in self._model.critic.q_networks]
        with torch.no_grad():
            for weights in (*self._model.actor.parameters(), *outputs):
                weights *= 0.1

    def _anneal(self, progress: float) -> None:
        super()._anneal(progress)
        for weights in self._model.actor.parameters():
            weights.requires_grad_(progress >= self.critic_first)


class TD3Provider(_CriticProvider):
    """Twin delayed deterministic policy gradient (Fujimoto et al. 2018)."""

    name, algorithm = "td3", TD3

    def _anneal(self, progress: float) -> None:
        super()._anneal(progress)
        noise = geometric(self._settings.noise, progress)
        self._model.action_noise = NormalNoise(noise, (self._model.n_envs, 2))


class SACProvider(_CriticProvider):
    """Soft actor-critic (Haarnoja et al. 2018)."""

    name, algorithm = "sac", SAC

    def _anneal(self, progress: float) -> None:
        super()._anneal(progress)
        self._model.ent_coef_tensor = torch.tensor(geometric(self._settings.noise, progress))

    def _start(self, env: VecEnv, **options: Any) -> None:
        first, _ = self._settings.noise
        super()._start(env, ent_coef=first, **options)


class DQNProvider(SB3Provider, DeepQ):
    """Deep Q-learning (Mnih et al. 2015) on a grid of s, moved and refined with the window."""

    name, window = "dqn", Arms


_ALL = (PPOProvider, A2CProvider, TD3Provider, SACProvider, DQNProvider)
PROVIDERS: dict[str, type[SB3Provider]] = {kind.name: kind for kind in _ALL}
"""All of them, by the names of `SETTINGS`."""
