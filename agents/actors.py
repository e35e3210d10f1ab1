"""Policies of stable-baselines3 as providers and users, wherever they come from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike
from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy

from routing_game.agents.protocol import Abandon
from routing_game.agents.sb3 import stacked
from routing_game.agents.sb3_users import leaving as chance_of_leaving
from routing_game.box import from_point, to_chance
from routing_game.theory import Commitment, Task


class SavedUser:
    """A user loaded from disk: sees what it saw in training, and leaves as it had learnt to.

    Args:
        policy: of stable-baselines3.
        observes: the setting in which it was trained, but "model".
    """

    def __init__(self, policy: BasePolicy, observes: str = "strategy") -> None:
        self._policy, self.observes = policy, observes

    def abandon(self, route: ArrayLike, cascade: ArrayLike) -> Abandon:
        """The learnt q(i, s).

        Args:
            route: i; broadcasts.
            cascade: s; of a user trained with "samples:n" or "noisy:sd" what that shows of s.
        """
        route, cascade = np.broadcast_arrays(route, cascade)
        if self.observes == "none":
            return leaving(self._policy, np.ones(route.shape))
        return leaving(self._policy, *((route,) if self.observes == "route" else (route, cascade)))


class SavedModelUser:
    """The same, of one who also saw which model has just failed."""

    observes = "model"

    def __init__(self, policy: BasePolicy) -> None:
        self._policy = policy

    def abandon_after(self, route: ArrayLike, cascade: ArrayLike, model: ArrayLike) -> Abandon:
        """The learnt chance of leaving after `model` (1 or 2) has failed."""
        return leaving(self._policy, route, cascade, model)


def leaving(policy: Any, *seen: ArrayLike) -> Abandon:
    """The chance of leaving at what a policy sees, each part a number or an array.

    An actor's is its own; a critic's, that knows no chances, is 0 or 1; who answers with a point
    of [-1, 1] has said it.
    """
    if isinstance(policy, ActorCriticPolicy) and isinstance(policy.action_space, spaces.Discrete):
        return chance_of_leaving(policy, *seen)
    observations, shape = stacked(*seen)
    action, _ = policy.predict(observations, deterministic=True)
    if isinstance(policy.action_space, spaces.Box):
        action = to_chance(action[:, 0])
    return np.asarray(action, dtype=np.float64).reshape(shape)


class SavedProvider:
    """A provider loaded from disk: commits to its policy's most likely action.

    Args:
        policy: of stable-baselines3.
        cascades: the s that its actions mean, unless they are points of the box.
    """

    def __init__(self, policy: BasePolicy, cascades: Iterable[float] | None = None) -> None:
        acts: Any = policy.action_space
        action, _ = policy.predict(np.ones((1, 1), np.float32), deterministic=True)
        self._commitment = Commitment(*meant(acts, action[0], [*(cascades or ())]))
        self.encoding = encoding(acts)

    def act(self) -> Commitment:
        """The commitment it had learnt."""
        return self._commitment

    def update(self, commitment: Commitment, task: Task) -> None:
        """Learn nothing more."""

    def recommend(self) -> Commitment:
        """The commitment it had learnt."""
        return self._commitment


def encoding(acts: spaces.Space[Any]) -> str:
    """How the environments call the encoding of such actions: "box", "grid:n" or "multi:n"."""
    if isinstance(acts, spaces.Discrete):
        return f"grid:{acts.n - 1}"
    return f"multi:{acts.nvec[1]}" if isinstance(acts, spaces.MultiDiscrete) else "box"


def meant(acts: spaces.Space[Any], action: Any, cascades: list[float]) -> tuple[int, float]:
    """The commitment that an action means, see `envs.encodings`."""
    if isinstance(acts, spaces.Discrete):
        return (1, cascades[action]) if action < len(cascades) else (2, 0.0)
    if isinstance(acts, spaces.MultiDiscrete):
        return 1 + int(action[0]), cascades[action[1]]
    return from_point(action.tolist())
