"""Batched engines for Stable-Baselines3, which cannot read `gymnasium.vector` by itself."""

from __future__ import annotations

import time
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvStepReturn


class SB3VecEnv(VecEnv):
    """A `gymnasium.vector.VectorEnv` as an SB3 `VecEnv`.

    So `PPO("MlpPolicy", SB3VecEnv(gym.make_vec(...)))` trains.

    Each info holds what SB3 reads of an episode that ended, `terminal_observation`,
    `TimeLimit.truncated` and `episode`, its return "r", length "l" and the seconds since this was
    made "t", and nothing else: a dict per environment and step would cost more than the game. Read
    the infos of the engine itself. So SB3 logs `ep_rew_mean` and `ep_len_mean` without a
    `VecMonitor`.

    Raises:
        ValueError: the engine does not reset episodes in the step that ends them.
    """

    def __init__(self, engine: VectorEnv[Any, Any, Any]) -> None:
        mode = engine.metadata.get("autoreset_mode")
        if mode != AutoresetMode.SAME_STEP:
            rule = "SB3 needs an engine with AutoresetMode.SAME_STEP, as gym.make_vec builds ours"
            raise ValueError(f"{rule}, got {mode} of {type(engine).__name__}")
        self.engine = engine
        self.spec = engine.spec  # from which a `VecMonitor` knows the id that its file names
        super().__init__(
            engine.num_envs, engine.single_observation_space, engine.single_action_space
        )
        self._begun = time.monotonic()
        self._begin_episodes()

    def _begin_episodes(self) -> None:
        self._returns, self._lengths = np.zeros(self.num_envs), np.zeros(self.num_envs, np.int64)

    def reset(self) -> NDArray[Any]:
        """Reset all environments, with the first of the seeds given to `seed`."""
        observation, _ = self.engine.reset(seed=self._seeds[0])
        self._reset_seeds()
        self._reset_options()
        self._begin_episodes()
        return observation

    def step_async(self, actions: NDArray[Any]) -> None:
        """Take the actions; `step_wait` plays them."""
        self._actions = np.array(actions)  # the caller may use the array again

    def step_wait(self) -> VecEnvStepReturn:
        """Play the actions taken."""
        observation, reward, terminated, truncated, info = self.engine.step(self._actions)
        done = terminated | truncated
        self._returns += reward
        self._lengths += 1
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if done.any():
            ended = np.flatnonzero(done).tolist()
            lasts, cuts = info["final_obs"][done], (truncated & ~terminated)[done].tolist()
            for k, last, cut, episode in zip(ended, lasts, cuts, self._ended(done), strict=True):
                infos[k] = {
                    "terminal_observation": last,
                    "TimeLimit.truncated": cut,
                    "episode": episode,
                }
        return observation, reward.astype(np.float32), done, infos

    def _ended(self, done: NDArray[np.bool_]) -> list[dict[str, Any]]:
        """What SB3 logs of each episode that has ended; those that follow begin at 0."""
        returns, lengths = self._returns[done].tolist(), self._lengths[done].tolist()
        seconds = round(time.monotonic() - self._begun, 6)
        self._returns[done], self._lengths[done] = 0.0, 0
        return [{"r": r, "l": n, "t": seconds} for r, n in zip(returns, lengths, strict=True)]

    def close(self) -> None:
        """Close the engine."""
        self.engine.close()

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """The engine's attribute, once per index."""
        value = getattr(self.engine, attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Set the engine's attribute; it is shared, so ``indices`` must be None."""
        if indices is not None:
            raise ValueError(
                "the environments of a batched engine share their attributes; omit indices"
            )
        setattr(self.engine, attr_name, value)

    def env_method(
        self,
        method_name: str,
        *method_args: Any,
        indices: VecEnvIndices = None,
        **method_kwargs: Any,
    ) -> list[Any]:
        """Call the engine's method once; the result stands for each index."""
        value = getattr(self.engine, method_name)(*method_args, **method_kwargs)
        return [value for _ in self._get_indices(indices)]

    def env_is_wrapped(
        self, wrapper_class: type[gym.Wrapper[Any, Any, Any, Any]], indices: VecEnvIndices = None
    ) -> list[bool]:
        """False throughout: a batched engine has no single environments to wrap."""
        return [False for _ in self._get_indices(indices)]
