"""What the batched engines share: Gymnasium's conventions for many episodes and their infos."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from routing_game.envs.arguments import whole_number
from routing_game.envs.settings import setting
from routing_game.envs.steps import Array, Info, Options


class Engine(VectorEnv[Array, Array, Array]):
    """Many copies of one environment in one set of arrays.

    An episode that ends starts again in the same step ("SameStep", its last observation in the
    infos) or in the next, which then ignores the action and rewards 0 ("NextStep").

    Args:
        num_envs: how many copies.
        observation_space: of one of them.
        action_space: of one of them.
        autoreset_mode: one of the two above.
    """

    # a mutable class attribute, because that is how Gymnasium types it
    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012

    same_step: bool = setting("same_step")

    def __init__(
        self,
        num_envs: int,
        observation_space: gym.Space[Any],
        action_space: gym.Space[Any],
        autoreset_mode: AutoresetMode | str,
    ) -> None:
        self.num_envs = whole_number("num_envs", num_envs, least=1)
        self.single_observation_space = observation_space
        self.single_action_space = action_space
        self.observation_space = batch_space(observation_space, self.num_envs)
        self.action_space = batch_space(action_space, self.num_envs)
        self.metadata = {**self.metadata, "autoreset_mode": _mode(autoreset_mode)}
        self._actions = self.action_space.shape
        self.same_step = self.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP

    def checked(self, actions: Any) -> Array:
        """The actions as an array; ValueError unless there is one per environment."""
        batch: Array = np.asarray(actions)
        if batch.shape != self._actions:
            raise ValueError(f"actions must have shape {self._actions}, got {batch.shape}")
        return batch


def refuse_mask(options: Options | None) -> None:
    """Raise ValueError if a reset is to spare some environments, as only "Disabled" engines can."""
    if isinstance(options, Mapping) and options.get("reset_mask") is not None:
        raise ValueError(
            "a batch is reset as a whole, got a reset_mask: episodes begin anew by themselves"
        )


def _mode(autoreset_mode: AutoresetMode | str) -> AutoresetMode:
    modes = AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP
    for mode in modes:
        if autoreset_mode in (mode, mode.value):
            return mode
    names = [mode.value for mode in modes]
    raise ValueError(f"autoreset_mode must be one of {names}, got {autoreset_mode!r}")


def own_arrays(info: Info) -> Info:
    """The same with arrays that nothing else holds: what is handed out is the caller's."""
    return {key: np.array(value) for key, value in info.items()}


def masked(info: Info, mask: NDArray[np.bool_]) -> Info:
    """An info as Gymnasium batches it: beside each ``key`` a ``_key``, for whom it holds."""
    batch: Info = {}
    for key, value in info.items():
        batch[key] = masked(value, mask) if isinstance(value, dict) else value
        batch[f"_{key}"] = mask.copy()  # each the caller's own
    return batch
