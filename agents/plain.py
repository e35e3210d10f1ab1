"""A plain PPO or A2C for many cells at once: what an untouched one does in this game.

It is the learner that `agents.sb3_providers` trains by stable-baselines3: a Gaussian over the box
[-1, 1]^2 of `RoutingGame/Provider-v0` (route 2 if the first coordinate is positive, the second is
s), with the same updates and the same schedules of noise and learning rate, ten times as fast,
because it trains all cells as one and has no network to call. The mean is kept inside the box.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from routing_game.agents.policy_gradient import Improve, Policies
from routing_game.agents.stacked import Array, Costs, Finite, IntArray, Units
from routing_game.box import from_box
from routing_game.theory.numbers import require

Ends = tuple[float, float]


@dataclass(frozen=True)
class Schedule:
    """What falls geometrically while a plain learner trains; the defaults are SB3's here.

    Attributes:
        updates: how often it learns.
        rate: of Adam, first and last.
        noise: standard deviation in the box, first and last.
    """

    updates: int = 400
    rate: Ends = (0.1, 0.001)
    noise: Ends = (0.5, 0.005)


class Plain:
    """Cells that each draw both coordinates from a Gaussian of their own; recommends its mean.

    Args:
        costs: plays tasks.
        rngs: one for each cell.
        tasks: practice of each cell, at most.
        improve: an update, `policy_gradient.PPO` or `A2C`.
        schedule: of noise and rate.

    Raises:
        ValueError: fewer than two tasks, of which no advantage can be normalised.
    """

    def __init__(
        self,
        costs: Costs,
        rngs: Sequence[np.random.Generator],
        tasks: int,
        *,
        improve: Improve,
        schedule: Schedule | None = None,
    ) -> None:
        require(tasks >= 2, "tasks", tasks, "be at least 2")
        self._costs, self._rngs, self._improve = Finite(costs), list(rngs), improve
        self._schedule = schedule or Schedule()
        self._updates = min(self._schedule.updates, tasks // 2)
        self._batch = tasks // self._updates
        # SB3's orthogonal weights: of length .01 to the mean, of length 1 to the value
        first = np.stack([rng.standard_normal(3) for rng in self._rngs])
        length = np.hypot(first[:, 0], first[:, 1])
        mean = 0.01 * first[:, :2] / length[:, None]
        self._policies = Policies.at(mean, np.sign(first[:, 2]))

    def train(self) -> Iterator[int]:
        """Train; after each update yield the number of tasks of each cell so far."""
        units = None
        for update in range(self._updates):
            progress = update / max(self._updates - 1, 1)
            noise = falling(self._schedule.noise, progress)
            rate = falling(self._schedule.rate, progress)
            np.clip(self._policies.mean, -1.0, 1.0, out=self._policies.mean)
            actions = self._draw(noise)
            points = np.clip(np.moveaxis(actions, 1, -1), -1.0, 1.0)
            rewards = -self._costs(*from_box(points))
            units = units or Units.of(rewards)
            self._improve(self._policies, actions, units.of_these(rewards), noise, rate)
            yield (update + 1) * self._batch

    def recommend(self) -> tuple[IntArray, Array]:
        """The commitments at the means."""
        return from_box(np.clip(self._policies.mean, -1.0, 1.0))

    def _draw(self, noise: float) -> Array:
        """Actions, shape (cells, 2, batch)."""
        normal = np.empty((len(self._rngs), 2, self._batch))
        for row, rng in enumerate(self._rngs):
            rng.standard_normal(out=normal[row])
        return self._policies.mean[..., None] + noise * normal


def falling(ends: Ends, progress: float) -> float:
    """Between the ends, at a share `progress` of the way on a log axis."""
    first, last = ends
    return float(first * (last / first) ** progress)
