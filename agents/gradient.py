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

from typing import Any, ClassVar

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
from routing_game.agents.stacked import Alone
from routing_game.theory import Game


class _Knowing(Alone):
    """A provider that plans: it acts as it recommends, and learns nothing from tasks.

    Args:
        game: the game.
        rng: draws where to begin.
        how: the keywords of the descents, with their defaults.
    """

    kind: ClassVar[type[Descents | SimultaneousDescents]]

    def __init__(self, game: Game, rng: np.random.Generator, **how: Any) -> None:
        self._row = self.kind([game], [generator(rng)], **how)


class GibbsGradient(_Knowing):
    """Anneals a Gibbs follower and follows the gradient of the provider's cost.

    Args:
        game: the game.
        rng: draws the s to begin with.
        how: ``starts``, ``iterations``, ``hot`` and ``cold``, as `GibbsDescents` has them.
    """

    kind = GibbsDescents


class ImplicitGradient(_Knowing):
    """Follows the total derivative of a leader whose user answers best: exact, except at jumps.

    Ends at the optimum where the best response is continuous (s_L), and at the edge where it jumps
    (s0): there it steps back from what does not pay.

    Args:
        game: the game.
        rng: draws the s to begin with.
        how: ``starts`` and ``iterations``, as `ImplicitDescents` has them.
    """

    kind = ImplicitDescents


class SimultaneousGradient(_Knowing):
    """A provider and a user who each follow their own partial derivative; the user does not see s.

    On route 1 they start from a random (s, q), on route 2 from a random q, and move by projected
    gradients of J / P and U / V, the user `pace` times as fast. (At paces up to 30 every third run
    on t4-cascade circles around the s at which the user is indifferent, instead of ending.) The
    provider recommends the route that is cheaper as they play it, with its s.

    Args:
        game: the game.
        rng: draws where they begin.
        how: ``iterations``, ``step`` and ``pace``, as `SimultaneousDescents` has them.
    """

    kind = SimultaneousDescents
    _row: SimultaneousDescents

    def abandon(self, route: ArrayLike, cascade: ArrayLike) -> Abandon:
        """The user's present q, by route: whatever s is, the user does not see it."""
        route, cascade = np.broadcast_arrays(route, cascade)
        return np.asarray(self._row.abandon(route, cascade), dtype=np.float64)
