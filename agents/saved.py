"""Trained policies on disk: weights as safetensors, the rest as JSON; loading runs no code.

A policy of stable-baselines3 (PPO or A2C, "MlpPolicy") that was trained in `RoutingGame/User-v0`
or, with actions in a box, in `RoutingGame/Provider-v0` is saved as two files in a folder and comes
back as an opponent for the environments.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import ArrayLike
from safetensors.torch import load_file, save
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, FlattenExtractor

from routing_game.agents.protocol import Abandon
from routing_game.agents.sb3_users import Hats, leaving
from routing_game.box import from_point
from routing_game.files import write
from routing_game.theory import Commitment, Task

FORMAT = 1
WEIGHTS, DESCRIPTION = "policy.safetensors", "policy.json"

_ACTIVATIONS: dict[str, type[torch.nn.Module]] = {
    "Tanh": torch.nn.Tanh,
    "ReLU": torch.nn.ReLU,
    "ELU": torch.nn.ELU,
    "LeakyReLU": torch.nn.LeakyReLU,
}
_FEATURES: dict[str, type[BaseFeaturesExtractor]] = {
    "FlattenExtractor": FlattenExtractor,
    "Hats": Hats,
}


def save_policy(policy: ActorCriticPolicy, folder: Path | str) -> None:
    """Write a policy, such as ``model.policy``, into a folder, which is made if need be.

    Raises:
        ValueError: the policy is not of a kind that `load_user` or `load_provider` can bring back.
    """
    activation = policy.activation_fn.__name__
    features = policy.features_extractor_class.__name__
    if activation not in _ACTIVATIONS or features not in _FEATURES:
        known = ", ".join([*_ACTIVATIONS, *_FEATURES])
        raise ValueError(
            f"a policy is saved if it is made of {known}, got {activation} and {features}"
        )
    description = {
        "format": FORMAT,
        "observation_space": _describe(policy.observation_space),
        "action_space": _describe(policy.action_space),
        "net_arch": policy.net_arch,
        "activation": activation,
        "features": features,
    }
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: x.contiguous() for name, x in policy.state_dict().items()}
    write(folder / WEIGHTS, save(weights))
    write(folder / DESCRIPTION, json.dumps(description, indent=2) + "\n")


def load_policy(folder: Path | str) -> ActorCriticPolicy:
    """The policy that `save_policy` wrote.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the files are not of this format, or do not fit each other.
    """
    folder = Path(folder)
    try:
        about = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        if about["format"] != FORMAT:
            raise ValueError(f"format {about['format']}, expected {FORMAT}")
        policy = ActorCriticPolicy(
            _space(about["observation_space"]),
            _space(about["action_space"]),
            lambda _: 0.0,
            net_arch=about["net_arch"],
            activation_fn=_ACTIVATIONS[about["activation"]],
            features_extractor_class=_FEATURES[about["features"]],
        )
        policy.load_state_dict(load_file(folder / WEIGHTS))
    except (ValueError, KeyError, TypeError, RuntimeError) as wrong:
        raise ValueError(f"no saved policy in {folder}: {wrong}") from wrong
    policy.set_training_mode(False)
    return policy


class SavedUser:
    """A user loaded from disk: sees (i, s) and leaves as it had learnt to.

    Args:
        policy: what it had learnt.
        observes: what it had seen meanwhile. Environments refuse a user that learnt from another
            thing than they show. By default what the policy's space says: a count of tosses has
            another range than s; a noisy s has not.
    """

    def __init__(self, policy: ActorCriticPolicy, observes: str | None = None) -> None:
        decides = policy.action_space == spaces.Discrete(2)
        if not decides or policy.observation_space.shape != (2,):
            raise ValueError(
                "a user's policy sees (i, s) and stays or leaves: "
                'train it with observes="strategy"'
            )
        self.observes = observes or _observed(policy.observation_space)
        self._policy = policy

    def abandon(self, route: ArrayLike, cascade: ArrayLike) -> Abandon:
        """The learnt q(i, s)."""
        return leaving(self._policy, route, cascade)


class SavedProvider:
    """A provider loaded from disk: commits to its policy's most likely action."""

    def __init__(self, policy: ActorCriticPolicy) -> None:
        plays = policy.action_space == spaces.Box(-1.0, 1.0, (2,), np.float32)
        if not plays or policy.observation_space != spaces.Box(0.0, 1.0, (1,), np.float32):
            raise ValueError(
                "a provider's policy acts in Box(-1, 1, (2,)), as made by gym.make, "
                "and sees a constant"
            )
        point, _ = policy.predict(np.ones(1, np.float32), deterministic=True)
        self._commitment = Commitment(*from_point(point.tolist()))

    def act(self) -> Commitment:
        """The commitment it had learnt."""
        return self._commitment

    def update(self, commitment: Commitment, task: Task) -> None:
        """Learn nothing more."""

    def recommend(self) -> Commitment:
        """The commitment it had learnt."""
        return self._commitment


def load_user(folder: Path | str) -> SavedUser:
    """The user that `save_policy` wrote; errors as for `load_policy`, or if it is no user."""
    return SavedUser(load_policy(folder))


def load_provider(folder: Path | str) -> SavedProvider:
    """The provider that `save_policy` wrote; errors as for `load_policy`, or if it is none."""
    return SavedProvider(load_policy(folder))


def _observed(space: spaces.Space[Any]) -> str:
    """What a user saw whose observations were two numbers, the route and one more."""
    assert isinstance(space, spaces.Box)
    most = float(space.high[1])
    return "strategy" if most == 1 else f"samples:{most:g}"


def _describe(space: spaces.Space[Any]) -> dict[str, Any]:
    if isinstance(space, spaces.Discrete):
        return {"n": int(space.n)}
    if isinstance(space, spaces.Box):
        return {"low": space.low.tolist(), "high": space.high.tolist(), "dtype": str(space.dtype)}
    raise ValueError(
        f"a saved policy has Box observations and Box or Discrete actions, got {space}"
    )


def _space(description: dict[str, Any]) -> spaces.Space[Any]:
    if "n" in description:
        return spaces.Discrete(description["n"])
    dtype = np.dtype(description["dtype"]).type
    low, high = (np.array(description[edge], dtype) for edge in ("low", "high"))
    return spaces.Box(low, high, dtype=dtype)
