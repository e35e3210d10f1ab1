"""What the files of a saved policy must look like, looked at before anything is built of them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load

from routing_game.files import fitted, loose_json, read

MOST = 1 << 20
"""Bytes of a description; one of ours has 300."""
MOST_WEIGHTS = 1 << 30

Width = Annotated[int, msgspec.Meta(ge=1, le=1 << 20)]
Widths = Annotated[list[Width], msgspec.Meta(max_length=64)]
Numbers = Annotated[list[float], msgspec.Meta(max_length=1 << 16)]


class BothWidths(msgspec.Struct, forbid_unknown_fields=True):
    """Layers of the policy and of what it is valued by, where they differ."""

    pi: Widths = []
    vf: Widths = []


class SpaceFile(msgspec.Struct, forbid_unknown_fields=True):
    """A space: `n` choices, or points of a box, one dimension."""

    n: Width | None = None
    low: Numbers | None = None
    high: Numbers | None = None
    dtype: Literal["float32", "float64"] | None = None

    def check(self) -> None:
        """Raise ValueError unless it is one of the two."""
        box = (self.low, self.high, self.dtype)
        if [x is None for x in box] != [self.n is not None] * 3:
            raise ValueError("a space is n choices, or a box of low, high and dtype")
        if self.low is not None and len(self.low) != len(self.high or ()):
            raise ValueError("low and high of a box have different lengths")


class PolicyFile(msgspec.Struct):
    """What `policy.json` holds."""

    format: int
    observation_space: SpaceFile
    action_space: SpaceFile
    net_arch: Widths | BothWidths
    activation: str
    features: str


def description(file: Path) -> dict[str, Any]:
    """What `policy.json` says, as it was written.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not what it should be.
    """
    found = loose_json(read(file, MOST))
    policy = fitted(found, PolicyFile)
    for space in (policy.observation_space, policy.action_space):
        space.check()
    told: dict[str, Any] = found
    return told


def weights(file: Path, about: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The tensors in a file, if they are as many as the layers of the description need.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not what it should be.
    """
    try:
        tensors = load(read(file, MOST_WEIGHTS))
    except SafetensorError as error:
        raise ValueError(f"{file.name} is damaged: {error}") from None
    except (KeyError, RuntimeError, TypeError) as error:  # a kind of number that torch lacks
        raise ValueError(f"{file.name} is damaged: {error!r}") from None
    if not all(x.isfinite().all() for x in tensors.values()):
        raise ValueError(f"{file.name} holds weights that are no numbers")
    given = sum(x.numel() for x in tensors.values())
    if (needed := _needed(fitted(about, PolicyFile))) > given:
        raise ValueError(f"the layers have at least {needed:,} weights, {file.name} has {given:,}")
    return tensors


def _needed(policy: PolicyFile) -> int:
    """Weights of the layers, at least: a description alone must not fill the memory."""
    arch = policy.net_arch
    towers = [arch.pi, arch.vf] if isinstance(arch, BothWidths) else [arch]
    ends = [policy.observation_space.n or 0, policy.action_space.n or 0]
    return sum(a * b for tower in towers for a, b in pairwise([1, *tower])) + max(ends)
