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

`BlindPairs` trains many pairs at once, a row each; `ReinforceBlind` is a single one.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import inf
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from routing_game.agents.arguments import generator, require_counts, require_positive
from routing_game.agents.protocol import Abandon, check_passes
from routing_game.agents.stacked import Alone, IntArray
from routing_game.theory import Commitment, Task
from routing_game.theory.numbers import require

Array = NDArray[Any]
WorldOfMany = Callable[[Array, Array, Array], Task]
"""Plays tasks under (route, cascade, abandon), arrays of one shape; a `Task` of arrays."""


class BlindPairs:
    """Providers and users who do not see s, by REINFORCE, a pair for each cell.

    Args:
        world: plays the tasks, arrays of shape (cells, width).
        rngs: one for each cell; draws the chances to begin with, and the routes.
        updates: how many batches to learn from.
        width: tasks of a batch.
        rate: step of the logits, times their gradient.
    """

    def __init__(
        self,
        world: WorldOfMany,
        rngs: Sequence[np.random.Generator],
        *,
        updates: int = 2000,
        width: int = 512,
        rate: float = 0.5,
    ) -> None:
        require_counts(updates=updates, width=width)
        require_positive(rate=rate)
        self._world, self._rngs = world, list(rngs)
        self._updates, self._width, self._rate = updates, width, rate
        chance = np.stack([rng.uniform(0.05, 0.95, size=3) for rng in self._rngs], axis=-1)
        odds = chance / (1 - chance)
        # of route 2, of escalating, of leaving on route 1 and on route 2; shape (4, cells)
        self._logits = np.concatenate([np.zeros_like(odds[:1]), np.log(odds)])

    def train(self) -> Iterator[int]:
        """Play and learn; after each batch yield the number of tasks that each pair has played."""
        toss = np.empty((len(self._rngs), self._width))
        for update in range(1, self._updates + 1):
            for row, rng in enumerate(self._rngs):
                rng.random(out=toss[row])
            route2, escalate, leave1, leave2 = _chances(self._logits)[..., None]
            route = 1 + (toss < route2)
            cascade = np.broadcast_to(escalate, route.shape)
            task = self._world(route, cascade, np.where(route == 1, leave1, leave2))
            self._logits = self._logits + self._rate * self._gradient(route, task)
            yield update * self._width

    def _gradient(self, route: Array, task: Task) -> Array:
        """Each logit's policy gradient: its score times its side's gain, in standard deviations."""
        check_passes(task)
        standard, reasoning, solved, cost, utility, truncated = map(np.asarray, task)
        for name, paid in (("cost", cost), ("utility", utility)):
            require(np.isfinite(paid), f"a task's {name}", paid, "be a finite number")
        first, second = route == 1, route != 1
        left, stays = ~solved & ~truncated, standard + reasoning - 1
        heads = np.stack([second, first & (reasoning > 0), first & left, second & left])
        tails = np.stack([first, first * (standard - 1), first * stays, second * stays])
        chances = _chances(self._logits)[..., None]
        score = heads * (1 - chances) - tails * chances
        reward = -cost
        both = np.ones_like(first)
        gains = np.stack(
            [
                _gain(reward, both),
                _gain(reward, first),
                _gain(utility, first),
                _gain(utility, second),
            ]
        )
        return np.asarray((score * gains).mean(axis=-1))

    def recommend(self) -> tuple[IntArray, Array]:
        """The likelier routes, and the chances of escalating, each of shape (cells,)."""
        route2, escalate, *_ = _chances(self._logits)
        return np.where(route2 > 0.5, 2, 1), np.where(route2 > 0.5, 0.0, escalate)

    def act(self) -> tuple[IntArray, Array]:
        """Draws of the routes, and the chances of escalating, each of shape (cells,)."""
        route2, escalate, *_ = _chances(self._logits)
        drawn = np.array([rng.random() for rng in self._rngs])
        return 1 + (drawn < route2).astype(np.int64), escalate

    def abandon(self, route: Array, cascade: Array) -> Array:
        """The users' q (cells,), by route: whatever s is, they do not see it."""
        first, second = _chances(self._logits)[2:]
        return np.where(route == 1, first, second)


class ReinforceBlind(Alone):
    """A provider and a user who does not see s, by REINFORCE; the user is there as `abandon`.

    Args:
        world: plays the tasks.
        rng: draws the chances to begin with, and the routes.
        how: ``updates``, ``width`` and ``rate``, as `BlindPairs` has them.
    """

    _row: BlindPairs

    def __init__(self, world: WorldOfMany, rng: np.random.Generator, **how: Any) -> None:
        # no closure: a copy of this learner is to have a copy of the world
        self._row = BlindPairs(partial(_one_row, world), [generator(rng)], **how)

    def act(self) -> Commitment:
        """A draw of the route, and the chance of escalating."""
        (route,), (cascade,) = self._row.act()
        return Commitment(int(route), float(cascade))

    def abandon(self, route: ArrayLike, cascade: ArrayLike) -> Abandon:
        """The user's q, by route: whatever s is, the user does not see it."""
        route, cascade = np.broadcast_arrays(route, cascade)
        return np.asarray(self._row.abandon(route, cascade))


def _one_row(world: WorldOfMany, route: Array, cascade: Array, abandon: Array) -> Task:
    """Tasks of a single pair, as a row."""
    task = world(route[0], cascade[0], abandon[0])
    return Task._make(np.asarray(member)[None] for member in task)


def _chances(logits: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-logits)))


def _gain(reward: Array, among: Array) -> Array:
    """Rewards above their mean, in standard deviations; both among some tasks, 0 for the others.

    All 0 where those rewards are equal. Each row for itself; shape (cells, width).
    """
    count = np.maximum(among.sum(axis=-1, keepdims=True), 1)
    kept = np.where(among, reward, 0.0)
    away = np.where(among, reward - kept.sum(axis=-1, keepdims=True) / count, 0.0)
    spread = np.sqrt(np.square(away).sum(axis=-1, keepdims=True) / count)
    highest = np.where(among, reward, -inf).max(axis=-1, keepdims=True)
    lowest = np.where(among, reward, inf).min(axis=-1, keepdims=True)
    # a spread of equal numbers may be a rounding error instead of 0, and one of numbers whose
    # squares are too small for a double is 0
    varied = (highest > lowest) & (spread > 0)
    return np.where(varied, away / np.where(varied, spread, 1.0), 0.0)
