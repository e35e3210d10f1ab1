"""Gradients of the game: three providers that know it and descend its cost.

The exact user's answer jumps, so the cost has cliffs and no useful gradient there. The three differ
in what they take for the user:

- `GibbsGradient` softens it. A user who plays q with probability proportional to exp(U(i, s, q) /
  temperature) makes the cost smooth; cooling it towards 0 recovers the exact user while descent
  follows.
- `ImplicitGradient` differentiates through the user's first-order condition, dU/dq = 0: the total
  derivative of a leader, dJ/ds + dJ/dq dq*/ds with dq*/ds = -U_qs / U_qq. It does not see where q*
  jumps; a step over that edge costs more, and is taken back.
- `SimultaneousGradient` takes the user's q as given, while the user, who takes s as given, climbs
  its own utility: two players who each follow their own partial derivative. They find an
  equilibrium of the game with hidden s.

Each is one row of what trains many at once; see `descents`.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

import numpy as np
from numpy.typing import ArrayLike

from routing_game.agents.arguments import generator
from routing_game.agents.descents import (
    Descents,
    GibbsDescents,
    ImplicitDescents,
    SimultaneousDescents,
)
from routing_game.agents.protocol import Abandon
from routing_game.theory import Commitment, Game, Task
from routing_game.theory.numbers import require


class _Knowing:
    """A provider that plans: it acts as it recommends, and learns nothing from tasks."""

    _row: Descents | SimultaneousDescents

    def train(self) -> Iterator[int]:
        """Descend, one gradient per iteration; yield the number of iterations so far after each."""
        yield from self._row.train()

    def recommend(self) -> Commitment:
        """The commitment planned so far."""
        (route,), (cascade,) = self._row.recommend()
        return Commitment(int(route), float(cascade))

    def act(self) -> Commitment:
        """The recommendation: it plans, and has nothing to explore."""
        return self.recommend()

    def update(self, commitment: Commitment, task: Task) -> None:
        """Learn nothing from tasks: the game is known."""


class GibbsGradient(_Knowing):
    """Anneals a Gibbs follower and follows the gradient of the provider's cost.

    Args:
        game: the game.
        rng: draws the s to begin with.
        starts: how many s descend.
        iterations: steps of each.
        hot: first temperature, in units of V.
        cold: last temperature.
    """

    def __init__(
        self,
        game: Game,
        rng: np.random.Generator,
        *,
        starts: int = 16,
        iterations: int = 400,
        hot: float = 0.01,
        cold: float = 1e-7,
    ) -> None:
        _require_counts(starts=starts, iterations=iterations)
        _require_positive(hot=hot, cold=cold)
        one = [game], [generator(rng)]
        self._row = GibbsDescents(*one, starts=starts, iterations=iterations, hot=hot, cold=cold)


class ImplicitGradient(_Knowing):
    """Follows the total derivative of a leader whose user answers best: exact, except at jumps.

    Ends at the optimum where the best response is continuous (s_L), and at the edge where it jumps
    (s0): there it steps back from what does not pay.

    Args:
        game: the game.
        rng: draws the s to begin with.
        starts: how many s descend.
        iterations: steps tried by each.
    """

    def __init__(
        self, game: Game, rng: np.random.Generator, *, starts: int = 16, iterations: int = 400
    ) -> None:
        _require_counts(starts=starts, iterations=iterations)
        one = [game], [generator(rng)]
        self._row = ImplicitDescents(*one, starts=starts, iterations=iterations)


class SimultaneousGradient(_Knowing):
    """A provider and a user who each follow their own partial derivative; the user does not see s.

    On route 1 they start from a random (s, q), on route 2 from a random q, and move by projected
    gradients of J / P and U / V, the user `pace` times as fast. (At paces up to 30 every third run
    on t4-cascade circles around the s at which the user is indifferent, instead of ending.) The
    provider recommends the route that is cheaper as they play it, with its s.

    Args:
        game: the game.
        rng: draws where they begin.
        iterations: steps of each.
        step: of the provider, times its gradient.
        pace: steps of the user, in steps of the provider.
    """

    def __init__(
        self,
        game: Game,
        rng: np.random.Generator,
        *,
        iterations: int = 2000,
        step: float = 0.02,
        pace: float = 100.0,
    ) -> None:
        _require_counts(iterations=iterations)
        _require_positive(step=step, pace=pace)
        self._row: SimultaneousDescents = SimultaneousDescents(
            [game], [generator(rng)], iterations=iterations, step=step, pace=pace
        )

    def abandon(self, route: ArrayLike, cascade: ArrayLike) -> Abandon:
        """The user's present q, by route: whatever s is, the user does not see it."""
        route, cascade = np.broadcast_arrays(route, cascade)
        return np.asarray(self._row.abandon(route, cascade), dtype=np.float64)


def _require_counts(**counts: int) -> None:
    for name, count in counts.items():
        require(count >= 1, name, count, "be at least 1")


def _require_positive(**numbers: float) -> None:
    for name, number in numbers.items():
        require(0 < number < inf, name, number, "be positive and finite")
