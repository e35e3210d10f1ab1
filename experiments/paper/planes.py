r"""The plane of the paper's Figures 4 and 5, with the exact policy regions and their borders.

The paper sets c1 = 1 and draws x = c1/p1 - c2/p2, by how much M1's cost-of-pass exceeds M2's,
against the penalty P. The games behind its pictures it does not give: p, V, t and the ranges, in
`CHOICES`, are ours, and so is what moves x: c2, with p held fixed.

One pair of latencies per model serves all four regimes: quick (xi > 0) and slow (xi < 0).
Throttling is the step from quick to slow.

Every line at which the optimum changes is straight here and goes through (0, 1/p1). With k = 1-p:

    cp1 = cp2    x = 0                                  which model is cheaper until it succeeds
    d            P = 1/p1 - x p2 / (p2 - p1)            M1 against M2, one pass each
    P1           P = 1/p1 - x / k1                      -+: losing the user against M2
    P2           P = 1/p1 - x s0 / (p1 + k1 s0)         -+: losing the user against the cascade s0
    P = cp1      P = 1/p1                               +-: losing the user against M1
    P3           P = 1/p1 + x (p2 - w) / k2             +-: a pass of M2 against the cascade s_L;
                                                            w = k1 s_L / (p1 + k1 s_L)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from routing_game.theory import RULES, Equilibrium, Game, outcome, solve, thresholds
from routing_game.theory.numbers import Array, difference

SIZE = 401
"""Pixels of a plane, along either axis."""
SAMPLES = 2001
"""Points along a border: several for each pixel."""
REGIMES = ("++", "--", "-+", "+-")


@dataclass(frozen=True)
class Choice:
    """The numbers that the paper's figures leave open. Money is in units of c1 = 1."""

    value: float
    """V, in the user's unit."""
    success: tuple[float, float]
    """(p1, p2)."""
    quick: tuple[float, float]
    """(t1, t2) at which each model is worth its time, in the user's unit."""
    slow: tuple[float, float]
    """(t1, t2) at which neither is; also what a throttled model is slowed to."""
    differences: tuple[float, float]
    """Least and greatest x = c1/p1 - c2/p2 of Figures 4 and 5."""
    most: float
    """Greatest P of Figures 4 and 5; the least is 0."""
    net: float
    """Greatest xi1 and xi2 of Figure 3; the least are -net."""

    def latency(self, regime: str) -> tuple[float, float]:
        """(t1, t2) that give xi the signs of ``regime``."""
        signs = zip(regime, self.quick, self.slow, strict=True)
        t1, t2 = (quick if sign == "+" else slow for sign, quick, slow in signs)
        return t1, t2

    @property
    def joint(self) -> float:
        """P = 1/p1, at which all lines meet, at x = 0."""
        return 1 / self.success[0]


CHOICES = {
    "A": Choice(
        value=1.2,
        success=(0.5, 0.7),
        quick=(0.3, 0.8),
        slow=(0.7, 0.9),
        differences=(-2.0, 0.5),
        most=3.0,
        net=0.1,
    ),
    "B": Choice(
        value=1.0,
        success=(0.3, 0.8),
        quick=(0.2, 0.5),
        slow=(0.4, 0.95),
        differences=(-2.1, 2.0),
        most=6.0,
        net=0.2,
    ),
}
"""A: what the paper says holds as far as it can. B: x reaches as far to either side, and P higher.

All latencies lie in [0, 1], and t1 < t2, c1 < c2 hold in every game of every figure.
"""


class Border(NamedTuple):
    """A line on the plane; beyond the plane's edges it is to be cut off."""

    name: str
    x: Array
    """c1/p1 - c2/p2 in units of c1, shape (SAMPLES,)."""
    penalty: Array
    """P in units of c1, shape (SAMPLES,)."""


def centres(size: int) -> Array:
    """Where the middles of that many pixels lie along an axis from 0 to 1, shape (size,)."""
    return np.asarray((np.arange(size) + 0.5) / size)


class Solved(ABC):
    """A square of games, each with its optimum; maps of it have the shape (size, size).

    The paper's planes, below, and those around a game (`around.plane`) differ in which games lie
    where.
    """

    @property
    @abstractmethod
    def games(self) -> Game:
        """The games."""

    @cached_property
    def solution(self) -> Equilibrium:
        """Their equilibria."""
        return solve(self.games)

    @cached_property
    def kind(self) -> Array:
        """Index of the optimum in `RULES`."""
        return np.asarray(self.solution.kind)

    @cached_property
    def misalignment(self) -> Array:
        """Delta_U, in the user's unit.

        Where several commitments are optimal, of the first in `RULES`, which the policy map shows.
        """
        return np.asarray(difference(self.solution.user_best, self.solution.utility))


@dataclass(frozen=True)
class Plane(Solved):
    """A square of games: x along the last axis, P along the first, at the centres of the pixels."""

    choice: Choice
    regime: str
    size: int = SIZE

    @property
    def x(self) -> Array:
        """c1/p1 - c2/p2 in units of c1, shape (size,)."""
        low, high = self.choice.differences
        return low + (high - low) * centres(self.size)

    @property
    def penalty(self) -> Array:
        """P in units of c1, shape (size,)."""
        return self.choice.most * centres(self.size)

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Left, right, bottom, top."""
        return (*self.choice.differences, 0.0, self.choice.most)

    @cached_property
    def games(self) -> Game:
        """The games, shape (size, size)."""
        choice, p2 = self.choice, self.choice.success[1]
        cost = (1.0, p2 * (choice.joint - self.x[None, :]))
        latency = choice.latency(self.regime)
        return Game(choice.value, self.penalty[:, None], choice.success, latency, cost)

    def at(self, *rules: str) -> Array:
        """Where the optimum is one of these, shape (size, size)."""
        return np.isin(self.kind, [list(RULES).index(rule) for rule in rules])

    def share(self, *rules: str) -> float:
        """The part of the plane on which the optimum is one of these."""
        return float(self.at(*rules).mean())

    @property
    def escalating(self) -> Array:
        """Where (1, 1) is optimal with a user who stays, shape (size, size)."""
        play = outcome(self.games, 1, 1.0)
        stays = np.isclose(play.success, 1.0)
        return np.asarray(stays & (play.cost <= self.solution.cost * (1 + 1e-12)))

    @property
    def marks(self) -> dict[str, float]:
        """s0 or s_L, by its name in `RULES`, where the regime has one."""
        found = thresholds(self.games[:1, :1])
        marks = {"s0": np.ravel(found.s0)[0], "s_L": np.ravel(found.s_low)[0]}
        return {name: float(s) for name, s in marks.items() if np.isfinite(s)}

    @property
    def slopes(self) -> dict[str, float]:
        """dP/dx of the lines of this regime; x = 0 is not among them."""
        (p1, p2), marks = self.choice.success, self.marks
        k1, k2 = 1 - p1, 1 - p2
        if self.regime == "--":
            return {"d": self._d}
        if self.regime == "-+":
            s0 = marks["s0"]
            return {"P1": -1 / k1, "P2": -s0 / (p1 + k1 * s0)}
        if self.regime == "+-":
            w = k1 * marks["s_L"] / (p1 + k1 * marks["s_L"])
            return {"d": self._d, "P3": (p2 - w) / k2, "P = cp1": 0.0}
        return {}

    @property
    def borders(self) -> tuple[Border, ...]:
        """All lines at which the policy changes."""
        left, right, bottom, top = self.edges
        ends = {"P2": (left, 0.0), "P = cp1": (left, 0.0), "P1": (0.0, right), "P3": (0.0, right)}
        ends["d"] = (left if self.regime == "--" else 0.0, right)
        rays = tuple(self.ray(name, *ends[name], slope) for name, slope in self.slopes.items())
        if self.regime == "--":
            return rays
        start = bottom if self.regime == "++" else self.choice.joint
        upright = Border("cp1 = cp2", np.zeros(SAMPLES), np.linspace(start, top, SAMPLES))
        return (upright, *rays)

    def ray(self, name: str, low: float, high: float, slope: float) -> Border:
        """The line through (0, 1/p1) from one x to another."""
        x = np.linspace(low, high, SAMPLES)
        return Border(name, x, self.choice.joint + slope * x)

    @property
    def break_even(self) -> Border:
        """P = min(c1/p1, c2/p2), the paper's dashed line; throttling both gains below it."""
        left, right, *_ = self.edges
        x = np.linspace(left, right, SAMPLES)
        return Border("min cp", x, np.minimum(self.choice.joint, self.choice.joint - x))

    @property
    def kink(self) -> Border:
        """P = d: there the gain from throttling both has its kink."""
        return self.ray("d", *self.choice.differences, self._d)

    @property
    def _d(self) -> float:
        p1, p2 = self.choice.success
        return -p2 / (p2 - p1)
