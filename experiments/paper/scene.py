"""Everything that a set of numbers gives to be drawn and to be judged, each solved once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from routing_game.experiments.paper.planes import CHOICES, REGIMES, SIZE, Choice, Plane
from routing_game.experiments.paper.quadrants import CASCADE, Quadrants
from routing_game.theory import Game, best_response, payoffs
from routing_game.theory.certify import chain_visits, transition
from routing_game.theory.numbers import Array

ABANDON = 0.25
"""q at which the chain of Figure 2 is filled with numbers; its s is Figure 3's."""
THROTTLED = {"M1": "-+", "M2": "+-", "both": "--"}
"""Which model is slowed -> the regime to which that leads from ++."""


@dataclass(frozen=True)
class Scene:
    """The planes of one of `CHOICES`, by the regime, and the four quadrants."""

    name: str
    size: int = SIZE

    @property
    def choice(self) -> Choice:
        """The numbers."""
        return CHOICES[self.name]

    @cached_property
    def planes(self) -> dict[str, Plane]:
        """By signs of xi."""
        return {regime: Plane(self.choice, regime, self.size) for regime in REGIMES}

    @cached_property
    def quadrants(self) -> Quadrants:
        """Figure 3."""
        return Quadrants(self.choice, self.size)

    @cached_property
    def gains(self) -> dict[str, Array]:
        """J* before less J* after slowing M1, M2 or both beyond V p, in units of c1 a task.

        Shape (size, size). Negative where slowing costs. What is not slowed stays quick.
        """
        before = np.asarray(self.planes["++"].solution.cost)
        gains = {}
        for slowed, regime in THROTTLED.items():
            gain = before - np.asarray(self.planes[regime].solution.cost)
            gains[slowed] = np.where(np.abs(gain) < 1e-12 * before, 0.0, gain)
        return gains

    @property
    def replies(self) -> dict[str, tuple[Array, float]]:
        """By signs of xi: q*(1, s) for s = 0, .01, ..., 1, and q*(2, .)."""
        s = np.linspace(0, 1, 101)
        games = {regime: plane.games[0, 0] for regime, plane in self.planes.items()}
        return {
            regime: (np.asarray(best_response(g, 1, s).low), float(best_response(g, 2, 0.0).low))
            for regime, g in games.items()
        }

    @property
    def chain(self) -> Array:
        """Chances from M1 and M2 (rows) to M1, M2, Success, Abandon, shape (2, 4).

        At s = q = .25.
        """
        game, (p1, p2) = self.task, self.choice.success
        keep, escalate, retry = transition(game, CASCADE, ABANDON)
        return np.array(
            [
                [keep, escalate, p1, 1 - p1 - keep - escalate],
                [0.0, retry, p2, 1 - p2 - retry],
            ]
        )

    @property
    def solved(self) -> tuple[Array, Array]:
        """S1 and L1 in the chain, solved as a system of equations, and by the paper's formulas."""
        visits = chain_visits(self.task, 1, CASCADE, ABANDON)
        play = payoffs(self.task, 1, CASCADE, ABANDON)
        told = (play.success, play.latency)
        return visits @ np.array([self.task.success, self.task.latency]).T, np.array(told)

    @property
    def task(self) -> Game:
        """One game of the set, for the chain."""
        return self.planes["++"].games[0, 0]
