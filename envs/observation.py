"""What the user is shown of the provider's commitment: a dial from everything to nothing; a belief.

A task's user is shown one *glimpse* of (i, s) when the task begins, the same at each of its
decisions, and in the setting "model" also which model has failed. What the best user does, and what
the provider then does best, depends on it; the theoretical target of each setting is named in
`Dial`. `BeliefObservation` hides s and shows what its draws have taught so far.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from routing_game.envs.steps import Begun, Options, Step
from routing_game.theory.belief import Belief

Floats = NDArray[np.float64]

SETTINGS = ("strategy", "samples:n", "noisy:sd", "route", "model", "none")

_PLAIN = ("strategy", "route", "model", "none")
_NOTHING = 1.0


class Dial(NamedTuple):
    """One setting of the dial.

    - ``strategy``: (i, s), exactly. Target: `theory.best_response` and `theory.solve`.
    - ``samples:n``: (i, k), k of n tosses of the provider's coin came up "escalate". Target: the q
      that maximises E[U(i, s, q)] under the posterior of s, Beta(a + k, b + n - k) from a prior
      Beta(a, b).
    - ``noisy:sd``: (i, s + sd z), z standard normal, clipped to [0, 1]. Target: the same, under its
      posterior.
    - ``route``: i alone. Target: `theory.simultaneous`.
    - ``model``: (i, s) and the model that has just failed. Target:
      `theory.chain_solve.stopping_reply` and `solve_stopping`.
    - ``none``: the constant 1. Target: the q that maximises E[U(i, s, q)] under the prior of
      (i, s).

    What other answers to what is seen lose, if commitments are even, is in `theory.glimpses`.
    """

    kind: str
    number: float = 0.0
    """n of samples, or sd of noise."""

    @classmethod
    def parse(cls, observes: str) -> Dial:
        """The setting that a string such as "samples:10" means; ValueError if none."""
        kind, _, text = str(observes).partition(":")
        if str(observes) in _PLAIN:
            return cls(kind)
        number = _number(text)
        whole = number >= 1 and number % 1 == 0
        if (kind == "samples" and whole) or (kind == "noisy" and 0 < number < np.inf):
            return cls(kind, number)
        raise ValueError(
            f"observes must be one of {', '.join(SETTINGS)} (n >= 1, sd > 0), got {observes!r}"
        )

    @property
    def sees_model(self) -> bool:
        """Whether the user sees, after each failure, which model it was."""
        return self.kind == "model"

    @property
    def space(self) -> spaces.Box:
        """Where a user's observations lie: the glimpse, then the failed model if it is seen."""
        if self.kind == "none":
            return spaces.Box(0.0, _NOTHING, (1,), np.float64)
        low, high = [1.0], [2.0]  # the route
        if self.kind != "route":
            low.append(0.0)
            high.append(self.number if self.kind == "samples" else 1.0)
        if self.sees_model:
            low.append(1.0)
            high.append(2.0)
        return spaces.Box(np.array(low), np.array(high), dtype=np.float64)

    @property
    def draws(self) -> int:
        """How many uniform numbers a glimpse takes."""
        if self.kind == "samples":
            return int(self.number)
        return 2 if self.kind == "noisy" else 0

    def glimpse(self, route: int, cascade: float, uniform: Any = ()) -> NDArray[np.float64]:
        """What a user sees of (i, s) as a task begins, shape (d,); `draws` numbers decide."""
        return np.array(self.columns(route, cascade, uniform), dtype=np.float64)

    def columns(self, route: Any, cascade: Any, uniform: Any = ()) -> tuple[Any, ...]:
        """The d parts of a glimpse, each a number or an array as what they are made from is."""
        if self.kind == "none":
            return (_NOTHING,)
        if self.kind == "route":
            return (route,)
        if self.kind == "samples":
            tosses = np.asarray(uniform) < cascade
            return route, tosses.sum(axis=0)
        if self.kind == "noisy":
            return route, np.clip(cascade + _noise(self.number, uniform), 0.0, 1.0)
        return route, cascade

    def add_model(self, glimpse: NDArray[np.float64], failed: Any) -> NDArray[np.float64]:
        """The observation after a failed pass: the glimpse, and the model if it is seen."""
        if self.kind != "model":
            return glimpse.copy()
        model = np.asarray(failed, dtype=np.float64)[..., None]
        return np.concatenate([glimpse, model], axis=-1)


def _number(text: str) -> float:
    """The number that a text means, or nan."""
    try:
        return float(text)
    except ValueError:
        return np.nan


def _noise(sd: float, uniform: Any) -> Any:
    """Normal noise from two uniform numbers, by Box and Muller's transform."""
    radius = np.sqrt(-2 * np.log1p(-np.asarray(uniform[0])))
    angle = 2 * np.pi * np.asarray(uniform[1])
    return sd * radius * np.cos(angle)


class BeliefObservation(gym.Wrapper[Floats, int, Floats, int], gym.utils.RecordConstructorArgs):
    """The exact belief of a user to whom s is hidden, in the place of s.

    The user sees which model serves it, so each stay after a failed pass of M1 shows one toss of
    the provider's coin. With a Beta(a, b) prior the belief stays Beta. Observation: `Box(float64)`
    of shape (5,), the model that has just failed, the counts a and b, and the mean and the standard
    deviation of s.

    Target: while xi1 < 0 < xi2, staying after M1 iff E[s] >= s0 is exactly optimal within one task;
    otherwise the dynamic program over (a, b).

    Args:
        env: a `UserEnv` with observes="model", whose s this wrapper hides.
        prior: (a, b), positive.
        keep: carry the belief from task to task (for a provider whose s stays the same) instead of
            forgetting it.
    """

    def __init__(
        self, env: gym.Env[Floats, int], prior: Sequence[float] = (1.0, 1.0), keep: bool = False
    ) -> None:
        observes = getattr(env.unwrapped, "observes", None)
        if observes != "model" or env.observation_space.shape != (3,):
            raise ValueError('BeliefObservation wraps a UserEnv made with observes="model"')
        known = Belief.checked(prior)
        # as a spec can write it: numpy's numbers are none to JSON
        gym.utils.RecordConstructorArgs.__init__(self, prior=list(known), keep=bool(keep))
        gym.Wrapper.__init__(self, env)
        self._prior = self.belief = known
        self._keep = bool(keep)
        top = float(np.finfo(np.float32).max)
        self.observation_space = spaces.Box(
            np.array([1.0, 0.0, 0.0, 0.0, 0.0]),
            np.array([2.0, top, top, 1.0, 0.5]),
            dtype=np.float64,
        )

    def reset(self, *, seed: int | None = None, options: Options | None = None) -> Begun:
        """Begin a task, with the prior or what was learnt so far; a seed brings back the prior."""
        seen, info = self.env.reset(seed=seed, options=options)
        if not self._keep or seed is not None:
            self.belief = self._prior
        self._model = int(seen[2])
        return self._observe(), info

    def step(self, action: int) -> Step:
        """Stay or leave; staying after M1 shows which model the coin chose."""
        seen, reward, terminated, truncated, info = self.env.step(action)
        if action == 0 and self._model == 1:
            self.belief = self.belief.after(escalated=bool(seen[2] == 2))
        self._model = int(seen[2])
        return self._observe(), float(reward), terminated, truncated, info

    def _observe(self) -> Floats:
        return np.array([self._model, *self.belief, self.belief.mean, self.belief.sd])
