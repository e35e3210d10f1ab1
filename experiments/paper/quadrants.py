r"""The plane of the paper's Figure 3: the user's reply q*(1, .25) over xi1 and xi2 (Theorem 2).

The reply depends on p and xi alone, up to their scale; V gives the scale, and c and P play no part.
The lines go through the origin, with k = 1-p:

    s = s0     xi2 = -xi1 p2 (1-s) / s                            stays above, leaves below
    s = s_L    xi2 = -xi1 p2^2 (1-s) / (s (1 - k1 k2 (1-s)))      stays above, mixes below
    s = s_H    xi2 = -xi1 (1-s) / s                               mixes above, leaves below
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from routing_game.theory import Game, best_response, payoffs
from routing_game.theory.numbers import Array

if TYPE_CHECKING:
    from routing_game.experiments.paper.planes import Choice

CASCADE = 0.25
"""The paper's s."""
SAMPLES = 2001
"""Points along a line."""
SIGNS = {"++": (1, 1), "--": (-1, -1), "-+": (-1, 1), "+-": (1, -1)}


class Ray(NamedTuple):
    """A line of the plane, from the origin to beyond the plane's edge."""

    name: str
    xi1: Array
    xi2: Array


@dataclass(frozen=True)
class Quadrants:
    """A square of games: xi1 along the last axis, xi2 along the first, at centres of pixels."""

    choice: Choice
    size: int

    @property
    def net(self) -> Array:
        """xi1, and xi2, in the user's unit, shape (size,)."""
        return self.choice.net * np.linspace(-1, 1, 2 * self.size + 1)[1::2]

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Left, right, bottom, top."""
        net = self.choice.net
        return -net, net, -net, net

    @cached_property
    def games(self) -> Game:
        """The games, shape (size, size); c and P, which the user does not feel, are 1, 2 and 1."""
        p1, p2 = self.choice.success
        value = self.choice.value
        xi1, xi2 = self.net[None, :], self.net[:, None]
        latency = (value * p1 - xi1, value * p2 - xi2)
        return Game(value, 1.0, self.choice.success, latency, (1.0, 2.0))

    @cached_property
    def reply(self) -> Array:
        """q*(1, .25), shape (size, size)."""
        return self.reply_to(1, CASCADE)

    def reply_to(self, route: int, cascade: Any) -> Array:
        """q*(i, s), shape (size, size)."""
        return np.asarray(best_response(self.games, route, cascade).low)

    @property
    def utility(self) -> Array:
        """U of (1, .25) at the user's reply, in the user's unit, shape (size, size)."""
        return np.asarray(payoffs(self.games, 1, CASCADE, self.reply).utility)

    def at(self, regime: str) -> Array:
        """The quadrant with these signs of xi1 and xi2, without its edges, shape (size, size)."""
        sign1, sign2 = SIGNS[regime]
        return (sign1 * self.net[None, :] > 0) & (sign2 * self.net[:, None] > 0)

    @property
    def slopes(self) -> dict[str, float]:
        """dxi2/dxi1 of the lines at which the reply changes its kind."""
        (p1, p2), s = self.choice.success, CASCADE
        k1, k2 = 1 - p1, 1 - p2
        odds = (1 - s) / s
        return {
            "s = s0": -p2 * odds,
            "s = s_L": -(p2**2) * odds / (1 - k1 * k2 * (1 - s)),
            "s = s_H": -odds,
        }

    @property
    def borders(self) -> tuple[Ray, ...]:
        """The lines themselves."""
        rays = []
        for name, slope in self.slopes.items():
            far = -self.choice.net if name == "s = s0" else self.choice.net
            xi1 = np.linspace(0, far, SAMPLES)
            rays.append(Ray(name, xi1, slope * xi1))
        return tuple(rays)
