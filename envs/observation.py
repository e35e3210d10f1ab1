"""What the user is shown of the provider's commitment: a dial from everything to nothing.

A task's user is shown one *glimpse* of (i, s) when the task begins, the same at each of its
decisions, and in the setting "model" also which model has failed. What the best user does, and what
the provider then does best, depends on it; the theoretical target of each setting is named in
`Dial`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

SETTINGS = ("strategy", "samples:n", "noisy:sd", "route", "model", "none")

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
    - ``none``: the constant 1. Target: the q that maximises E[U(i, s, q)] under the prior of (i,
      s).
    """

    kind: str
    number: float = 0.0
    """n of samples, or sd of noise."""

    @classmethod
    def parse(cls, observes: str) -> Dial:
        """The setting that a string such as "samples:10" means; ValueError if none."""
        kind, colon, number = str(observes).partition(":")
        plain = kind in ("strategy", "route", "model", "none") and not colon
        try:
            dial = cls(kind, float(number) if colon else 0.0)
        except ValueError:
            dial = cls("")
        whole = dial.kind == "samples" and dial.number >= 1 and dial.number % 1 == 0
        if plain or whole or (dial.kind == "noisy" and 0 < dial.number < np.inf):
            return dial
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
        second = {"route": [], "samples": [self.number]}.get(self.kind, [1.0])
        low, high = [1.0] + [0.0] * len(second), [2.0, *second]
        if self.sees_model:
            low, high = [*low, 1.0], [*high, 2.0]
        return spaces.Box(np.array(low), np.array(high), dtype=np.float64)

    @property
    def draws(self) -> int:
        """How many uniform numbers a glimpse takes."""
        return {"samples": int(self.number), "noisy": 2}.get(self.kind, 0)

    def glimpse(self, route: int, cascade: float, uniform: Any = ()) -> NDArray[np.float64]:
        """What a user sees of (i, s) as a task begins, shape (d,); `draws` numbers decide."""
        return np.array(self.columns(route, cascade, uniform), dtype=np.float64)

    def columns(self, route: Any, cascade: Any, uniform: Any = ()) -> tuple[Any, ...]:
        """The d parts of a glimpse, each a number or an array as what they are made from is."""
        if self.kind == "none":
            return (_NOTHING,)
        if self.kind == "route":
            return (route,)
        seen = cascade
        if self.kind == "samples":
            seen = (np.asarray(uniform) < cascade).sum(axis=0)
        elif self.kind == "noisy":
            radius, angle = (
                np.sqrt(-2 * np.log1p(-np.asarray(uniform[0]))),
                2 * np.pi * np.asarray(uniform[1]),
            )
            seen = np.clip(
                cascade + self.number * radius * np.cos(angle), 0.0, 1.0
            )  # Box and Muller's normal
        return route, seen

    def add_model(self, glimpse: NDArray[np.float64], failed: Any) -> NDArray[np.float64]:
        """The observation after a failed pass: the glimpse, the model if it is seen; a new array."""
        if self.kind != "model":
            return glimpse.copy()
        return np.concatenate([glimpse, np.asarray(failed, dtype=np.float64)[..., None]], axis=-1)
