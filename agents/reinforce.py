"""Two-sided REINFORCE (Williams 1992): provider and user learn at once, and the user is blind to s.

Every choice of the game is a coin: the route, keep or escalate after each failed pass of M1, stay
or leave after each failed pass on either route. Each coin has a logit, and each side follows its
own policy gradient, from batches of tasks played under both policies as they stand. Nobody commits:
that is what algorithms for one agent in a fixed environment, such as those of stable-baselines3,
cannot show. The value of commitment is missing from the result.

With a coin whose chance is sigma(x), the score of h heads and t tails is

    d log p / dx = h (1 - sigma) - t sigma.

A task tells all the tosses: of its failures on route 1 all passes of M1 but the last were kept, and
M2 ran if the coin once said escalate; every pass but the last was followed by "stay", and the last
one by "leave" if it is unsolved.
"""

from collections.abc import Callable, Iterator
from math import inf
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from routing_game.agents.arguments import generator
from routing_game.agents.protocol import Abandon
from routing_game.theory import Commitment, Task
from routing_game.theory.numbers import require

Array = NDArray[Any]
WorldOfMany = Callable[[Array, Array, Array], Task]
"""Plays tasks under (route, cascade, abandon), arrays of one shape; a `Task` of arrays."""


class ReinforceBlind:
    """A provider and a user who does not see s, by REINFORCE; the user is there as `abandon`.

    Args:
        world: plays the tasks.
        rng: draws the chances to begin with, and the routes.
        updates: how many batches to learn from.
        width: tasks of a batch.
        rate: step of the logits, times their gradient.
    """

    def __init__(
        self,
        world: WorldOfMany,
        rng: np.random.Generator,
        *,
        updates: int = 2000,
        width: int = 512,
        rate: float = 0.5,
    ) -> None:
        for name, count in (("updates", updates), ("width", width)):
            require(count >= 1, name, count, "be at least 1")
        require(0 < rate < inf, "rate", rate, "be positive and finite")
        self._world, self._rng = world, generator(rng)
        self._updates, self._width, self._rate = updates, width, rate
        chance = self._rng.uniform(0.05, 0.95, size=3)
        odds = chance / (1 - chance)
        # of route 2, of escalating, of leaving on route 1 and on route 2
        self._logits = np.append(0.0, np.log(odds))

    def train(self) -> Iterator[int]:
        """Play and learn; after each batch yield the number of tasks played so far."""
        for update in range(1, self._updates + 1):
            route2, escalate, *leave = _chances(self._logits)
            route = 1 + (self._rng.random(self._width) < route2)
            cascade, abandon = np.full(self._width, escalate), np.where(route == 1, *leave)
            task = self._world(route, cascade, abandon)
            self._logits += self._rate * self._gradient(route, task)
            yield update * self._width

    def _gradient(self, route: Array, task: Task) -> Array:
        """Each logit's policy gradient: its score times its side's gain, in standard deviations."""
        standard, reasoning, solved, cost, utility, truncated = map(np.asarray, task)
        first, second = route == 1, route != 1
        left, stays = ~solved & ~truncated, standard + reasoning - 1
        heads = np.stack([second, first & (reasoning > 0), first & left, second & left])
        tails = np.stack([first, first * (standard - 1), first * stays, second * stays])
        chances = _chances(self._logits)[:, None]
        score = heads * (1 - chances) - tails * chances
        reward = -cost
        gains = np.stack(
            [_gain(reward), _gain(reward, first), _gain(utility, first), _gain(utility, second)]
        )
        return np.asarray((score * gains).mean(axis=1))

    def recommend(self) -> Commitment:
        """The likelier route, and the chance of escalating."""
        route2, escalate, *_ = _chances(self._logits)
        return Commitment(2, 0.0) if route2 > 0.5 else Commitment(1, float(escalate))

    def act(self) -> Commitment:
        """A draw of the route, and the chance of escalating."""
        route2, escalate, *_ = _chances(self._logits)
        return Commitment(1 + int(self._rng.random() < route2), float(escalate))

    def update(self, commitment: Commitment, task: Task) -> None:
        """Learn nothing from a single task: both sides learn in `train`."""

    def abandon(self, route: ArrayLike, cascade: ArrayLike) -> Abandon:
        """The user's q, by route: whatever s is, the user does not see it."""
        route, _ = np.broadcast_arrays(route, cascade)
        return np.asarray(np.where(route == 1, *_chances(self._logits)[2:]))


def _chances(logits: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-logits)))


def _gain(reward: Array, among: Array | bool = True) -> Array:
    """Rewards above their mean, in standard deviations; both among some tasks, 0 for the others."""
    among = np.broadcast_to(among, reward.shape)
    some = reward[among]
    if some.size < 2 or not some.std():
        return np.zeros_like(reward)
    return np.where(among, (reward - some.mean()) / some.std(), 0.0)
