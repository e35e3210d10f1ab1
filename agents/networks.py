"""Policies of stable-baselines3 as data: which network it is and its weights, without its code.

A policy is described by names out of the tables here and by plain numbers, so nothing that a file
says is ever run. `described` builds a policy again from its description before it lets it go: what
it returns can be read back. A zip that ``model.save`` wrote is read in the same way, for its JSON
and its weights; the pickles in it are left alone.
"""

from __future__ import annotations

import io
import pickle
import re
import zipfile
from collections.abc import Mapping
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, FlattenExtractor

from routing_game.agents.sb3_users import Hats
from routing_game.files import decoded, fitted, loose_json, printable, read, short

MOST_WEIGHTS = 1 << 27
"""Bytes of a network's weights; those of ours have 100 kB."""
MOST_WORDS = 1 << 20
"""Bytes of what a zip says beside its weights; that of stable-baselines3 has 50 kB."""
Weights = dict[str, torch.Tensor]

POLICIES = {
    "ActorCriticPolicy": "stable_baselines3.common.policies",  # PPO, A2C, TRPO
    "DQNPolicy": "stable_baselines3.dqn.policies",
    "SACPolicy": "stable_baselines3.sac.policies",
    "TD3Policy": "stable_baselines3.td3.policies",  # DDPG, too
    "QRDQNPolicy": "sb3_contrib.qrdqn.policies",
    "TQCPolicy": "sb3_contrib.tqc.policies",
    "RecurrentActorCriticPolicy": "sb3_contrib.common.recurrent.policies",
}
"""Class of a policy -> its module. Other classes are not brought back."""
ACTIVATIONS: dict[str, type[torch.nn.Module]] = {
    "Tanh": torch.nn.Tanh,
    "ReLU": torch.nn.ReLU,
    "ELU": torch.nn.ELU,
    "LeakyReLU": torch.nn.LeakyReLU,
}
FEATURES: dict[str, type[BaseFeaturesExtractor]] = {
    "FlattenExtractor": FlattenExtractor,
    "Hats": Hats,
}
NOT_KEPT = {
    *("observation_space", "action_space", "activation_fn", "features_extractor_class"),
    *("lr_schedule", "optimizer_class", "optimizer_kwargs"),
}
"""Arguments of a policy that are described apart, or that only training needs."""


class Box(msgspec.Struct, forbid_unknown_fields=True):
    """Observations or actions between two corners."""

    low: list[float]
    high: list[float]
    dtype: Literal["float32", "float64"]

    def space(self) -> spaces.Box:
        """The space."""
        dtype = np.dtype(self.dtype).type
        return spaces.Box(np.array(self.low, dtype), np.array(self.high, dtype), dtype=dtype)


class Network(msgspec.Struct, forbid_unknown_fields=True):
    """Which network a policy is; `settings` are the numbers of its class's arguments."""

    policy: str
    observation_space: Box
    action_space: Box | int | list[int]
    """A number of actions, or of each of several, unless it is a box."""
    activation: str
    features: str
    settings: dict[str, Any]

    def build(self, weights: Mapping[str, torch.Tensor]) -> BasePolicy:
        """The policy with these weights, ready to act.

        Raises:
            ValueError: it is made of something else than the tables here have, or the weights are
                not its own.
        """
        for made_of, table in (
            (self.policy, POLICIES),
            (self.activation, ACTIVATIONS),
            (self.features, FEATURES),
        ):
            if made_of not in table:
                raise ValueError(
                    f"expected a policy made of one of {', '.join(table)}, got {made_of}"
                )
        _believe(self, weights)
        try:
            policy: BasePolicy = kind(self.policy)(
                self.observation_space.space(),
                action_space(self.action_space),
                lr_schedule=lambda _: 0.0,
                activation_fn=ACTIVATIONS[self.activation],
                features_extractor_class=FEATURES[self.features],
                **self.settings,
            )
            policy.load_state_dict(weights)
        except (TypeError, RuntimeError, AssertionError, AttributeError, IndexError) as wrong:
            first = " ".join(str(wrong).split())[:200]
            raise ValueError(
                f"expected weights of the policy described, got others: {first}"
            ) from None
        policy.set_training_mode(False)
        return policy


def _believe(network: Network, weights: Mapping[str, torch.Tensor]) -> None:
    """Raise ValueError unless the weights are numbers, and enough for the layers described.

    Else a line of text could ask for more memory than there is.
    """
    if not all(bool(x.isfinite().all()) for x in weights.values()):
        raise ValueError("expected weights that are numbers, got nan or infinity")
    given = sum(x.numel() for x in weights.values())
    needed = _needed([network.settings, network.action_space, network.observation_space.low])
    if needed > given:
        raise ValueError(f"expected {needed:,} weights or more for the layers, got {given:,}")


def _needed(described: Any) -> int:
    """Weights of the layers in a description, at the least."""
    if isinstance(described, dict):
        return max(map(_needed, described.values()), default=0)
    if isinstance(described, list) and all(type(x) is int for x in described):
        return sum(a * b for a, b in pairwise([1, *map(abs, described)]))
    if isinstance(described, list):
        return max(map(_needed, described), default=0)
    return described if type(described) is int else 0


def kind(name: str) -> Any:
    """The class of that name in `POLICIES`.

    Raises:
        ValueError: sb3-contrib has it, and is not installed.
    """
    try:
        return getattr(import_module(POLICIES[name]), name)
    except ModuleNotFoundError as missing:
        raise ValueError(f"a {name} needs {missing.name}: pip install sb3-contrib") from None


def action_space(described: Box | int | list[int]) -> spaces.Space[Any]:
    """The space that a description means."""
    if isinstance(described, Box):
        return described.space()
    if isinstance(described, int):
        return spaces.Discrete(described)
    return spaces.MultiDiscrete(described)


def outlined(policy: Any) -> Network:
    """What a policy is, without its weights.

    Raises:
        ValueError: it is made of what the tables here do not have.
    """
    name = type(policy).__name__
    if name not in POLICIES or type(policy) is not kind(name):
        known = ", ".join(POLICIES)
        raise ValueError(f"a policy is saved if it is one of {known}, got {name}")
    activation, features = policy.activation_fn.__name__, policy.features_extractor_class.__name__
    if ACTIVATIONS.get(activation) is not policy.activation_fn or (
        FEATURES.get(features) is not policy.features_extractor_class
    ):
        known = ", ".join([*ACTIVATIONS, *FEATURES])
        raise ValueError(
            f"a policy is saved if it is made of {known}, got {activation} and {features}"
        )
    made_of = policy._get_constructor_parameters()
    if "DQN" not in name:  # these have it as an attribute, not as an argument
        made_of["share_features_extractor"] = getattr(policy, "share_features_extractor", None)
    settings = {
        key: value for key, value in made_of.items() if key not in NOT_KEPT and value is not None
    }
    seen = _described_box(policy.observation_space)
    return Network(name, seen, _described(policy.action_space), activation, features, settings)


def described(policy: Any) -> tuple[Network, Weights]:
    """What a policy is, and its weights; together they have been tried and give it back.

    Raises:
        ValueError: they would not, and why.
    """
    network = outlined(policy)
    try:
        again = decoded(msgspec.json.encode(network), Network)
    except (TypeError, ValueError) as wrong:
        raise ValueError(f"a policy is saved if its arguments are plain, got {wrong}") from None
    weights = {key: x.detach().cpu().contiguous() for key, x in policy.state_dict().items()}
    _same(policy, again.build(weights))
    return network, weights


def _same(policy: Any, again: Any) -> None:
    """Raise ValueError unless both do the same at some of what they may see."""
    low, high = (np.asarray(edge) for edge in _edges(policy.observation_space))
    seen = np.linspace(low, high, 9).astype(policy.observation_space.dtype)
    with torch.random.fork_rng(devices=[]):
        acts = [one.predict(seen, deterministic=True)[0] for one in (policy, again)]
    if not np.allclose(*acts):
        raise ValueError("a policy is saved if it can be built again from its arguments")


def _edges(space: spaces.Box) -> tuple[Any, Any]:
    return np.maximum(space.low, -10.0), np.minimum(space.high, 10.0)


def _described_box(space: spaces.Space[Any]) -> Box:
    dtype = str(space.dtype)
    if isinstance(space, spaces.Box) and len(space.shape) == 1 and dtype in ("float32", "float64"):
        return Box(space.low.tolist(), space.high.tolist(), dtype)  # type: ignore[arg-type]
    raise ValueError(f"a saved policy has Box observations of one axis, got {space}")


def _described(space: spaces.Space[Any]) -> Box | int | list[int]:
    if isinstance(space, spaces.Discrete) and space.start == 0:
        return int(space.n)
    if isinstance(space, spaces.MultiDiscrete) and len(space.shape) == 1 and not space.start.any():
        return [int(n) for n in space.nvec]
    if isinstance(space, spaces.Box):
        return _described_box(space)
    raise ValueError(f"a saved policy has Box, Discrete or MultiDiscrete actions, got {space}")


def of_zip(file: Path) -> tuple[Network, Weights]:
    """What a zip by ``model.save`` says of its policy, and the weights; no pickle is opened.

    Raises:
        ValueError: it is no such zip, or says of its network what only its pickles could explain.
    """
    advice = "load it with its own algorithm and save_policy(model, folder)"
    try:
        said, raw = _zipped(read(file, MOST_WEIGHTS))
        data = fitted(loose_json(said), ZipFile)
        made_of = data.policy_kwargs
        words = {
            "policy": _name(data.policy_class.get("__init__"), r"function (\w+)\.__init__"),
            "activation": _name(made_of.get("activation_fn"), r"\.(\w+)'>"),
            "features": _name(made_of.get("features_extractor_class"), r"\.(\w+)'>"),
        }
        usual = "Tanh" if "ActorCritic" in words["policy"] else "ReLU"
        settings = {
            key: value
            for key, value in made_of.items()
            if key not in NOT_KEPT and not key.startswith(":")
        }
        if data.use_sde:
            settings["use_sde"] = True
        network = Network(
            words["policy"],
            _box_of(data.observation_space),
            _space_of(data.action_space),
            words["activation"] or usual,
            words["features"] or "FlattenExtractor",
            settings,
        )
        weights = _weights(raw)
        network.build(weights)
    except (KeyError, TypeError, ValueError, RuntimeError) as wrong:
        raise ValueError(
            f"{file} cannot be read without running code ({wrong}); {advice}"
        ) from None
    except pickle.UnpicklingError:  # torch found what would run code
        raise ValueError(f"{file} holds more than weights; {advice}") from None
    return network, weights


class ZipFile(msgspec.Struct):
    """What is read of ``data`` in a zip by ``model.save``: Python's words, some in SB3's JSON."""

    policy_class: dict[str, Any]
    policy_kwargs: dict[str, Any]
    observation_space: dict[str, Any]
    action_space: dict[str, Any]
    use_sde: bool = False


def _zipped(content: bytes) -> tuple[bytes, bytes]:
    """``data`` and ``policy.pth`` of a zip; neither is longer, unpacked, than it may be."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check_size(archive.getinfo("data"), MOST_WORDS)
            _check_size(archive.getinfo("policy.pth"), MOST_WEIGHTS)
            return archive.read("data"), archive.read("policy.pth")
    except Exception as wrong:  # of many kinds: packed by an unknown method, encrypted, cut short
        raise ValueError(f"not a zip by model.save: {wrong}") from None


def _weights(content: bytes) -> Weights:
    """The tensors that ``torch.save`` wrote: in a zip, of which the pickle is short."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for part in archive.infolist():
                _check_size(part, MOST_WORDS if part.filename.endswith(".pkl") else MOST_WEIGHTS)
        weights = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise
    except Exception as wrong:  # torch says of none which it raises
        words = printable(short(str(wrong)))
        raise ValueError(f"policy.pth holds no weights: {type(wrong).__name__}: {words}") from None
    if isinstance(weights, dict) and all(isinstance(x, torch.Tensor) for x in weights.values()):
        return weights
    raise ValueError("policy.pth holds something else than weights")


def _check_size(part: zipfile.ZipInfo, most: int) -> None:
    if part.file_size > most:
        raise ValueError(f"expected {part.filename} of at most {most:,} bytes")


def _name(text: Any, pattern: str) -> str:
    """The name of a class in SB3's words for it; empty if there are none."""
    found = re.search(pattern, str(text or ""))
    return found[1] if found else ""


def _numbers(text: str) -> list[float]:
    return [float(x) for x in text.strip("[]").split()]


def _box_of(words: Mapping[str, Any]) -> Box:
    """A box in SB3's words for it."""
    if "gymnasium.spaces.box.Box" not in words[":type:"]:
        raise ValueError(f"expected observations in a Box, got {words[':type:']}")
    return Box(_numbers(words["low"]), _numbers(words["high"]), words["dtype"])


def _space_of(words: Mapping[str, Any]) -> Box | int | list[int]:
    """A space of actions in SB3's words for it."""
    if "Discrete" not in words[":type:"]:
        return _box_of(words)
    if "MultiDiscrete" in words[":type:"]:
        return [int(n) for n in _numbers(words["nvec"])]
    if int(words["start"]):
        raise ValueError(f"expected actions that count from 0, got from {words['start']}")
    return int(words["n"])
