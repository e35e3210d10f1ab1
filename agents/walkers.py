"""Climbers of `races` that follow a policy gradient: PPO's or A2C's.

A walker is a Gaussian policy with one action: how far to go from where it stands, in units of the
noise. After each update it goes as far as the mean has moved, and measures from there. So gradient
and learning rate mean the same at any noise, and a walker can go as far as its noise reaches,
however narrow that is.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from routing_game.agents.policy_gradient import ALGORITHMS, Improve, Policies
from routing_game.agents.races import END, Climb, Generators
from routing_game.agents.stacked import Array

RATE = 0.1
"""Of Adam, in units of the noise."""


@dataclass
class Walkers:
    """Policies that stand at `places`, shape (rows,), each with a generator of its own."""

    places: Array
    rngs: Generators
    improve: Improve
    rate: float = RATE

    def __post_init__(self) -> None:
        rows = len(self.places)
        self._policies = Policies.at(np.zeros((rows, 1)), np.zeros(rows))

    def propose(self, noise: float, n: int) -> Array:
        """Draw from the policies."""
        self._noise = noise
        self._actions = np.stack([rng.standard_normal((1, n)) for rng in self.rngs])
        return self.places[:, None] + noise * self._actions[:, 0]

    def learn(self, costs: Array) -> None:
        """Improve the policies, and go to their means."""
        self.improve(self._policies, self._actions, -costs, 1.0, self.rate)
        mean = self._policies.mean[:, 0]
        self.places = np.clip(self.places + self._noise * mean, -END, END)
        self._policies.mean[:] = 0.0


def walk(algorithm: str) -> Climb:
    """Climbers by the algorithm of this name, `ppo` or `a2c`."""
    return partial(Walkers, improve=ALGORITHMS[algorithm])
