r"""The planes of the paper's Figures 3 to 5, with the exact policy regions and their closed-form borders.

The paper sets c1 = 1; its figures do not say which p, V and t they were drawn with. Those (`CHOICES`), the planes (the
price c2 of M2 against the penalty P, both in units of c1), the ranges, and the reading of which panel shows what are
ours; we know the captions only in part. Figure 3: the signs of xi agree (Theorem 3). Figure 4: Theorem 4, left, and
Theorem 5, right. Figure 5: what throttling M1, M2 or both gains where both were worth waiting for (Proposition 2).

One pair of latencies per model serves all of them: quick (xi > 0) and slow (xi < 0). The four regimes are the four
combinations, and throttling is the step from quick to slow, so each panel of Figure 5 is the gain of moving from ++
to the plane of another panel. With cp = c/p, k = 1-p and J1(s, 0) as in `theory.provider` the borders are

    cp1 = cp2    c2 = p2/p1                                   which model is cheaper until it succeeds
    d            P = (c2 - c1) / (p2 - p1)                    one pass of M1 against one of M2, the user leaving
    P1           P = (cp2 - c1) / k1                          xi1 < 0 < xi2: losing the user against M2
    P2           P = (c1 (1-s0) + cp2 s0) / (p1 + k1 s0)      xi1 < 0 < xi2: losing the user against the cascade s0
    P = cp1                                                   xi1 > 0 > xi2: losing the user against M1
    P3           P = (J1(s_L, 0) - c2) / k2                   xi1 > 0 > xi2: one pass of M2 against the cascade s_L

and those of a plane meet in one point, (c2, P) = (p2/p1, 1/p1), so the picture does not depend on the choice.
"""

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np

from routing_game.theory import RULES, Equilibrium, Game, solve, thresholds, throttling_gain
from routing_game.theory.numbers import Array

SIZE = 401
"""Pixels of a plane, along either axis."""
SAMPLES = 2001
"""Points along a border: several for each pixel."""


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
    reach: tuple[float, float]
    """(c2, P) at the far corner; the near one is (1, 0)."""

    def latency(self, regime: str) -> tuple[float, float]:
        """(t1, t2) that give xi the signs of ``regime``."""
        t1, t2 = (
            pair["+-".index(sign)]
            for sign, *pair in zip(regime, self.quick, self.slow, strict=True)
        )
        return t1, t2


CHOICES = {
    "A": Choice(value=1.0, success=(0.5, 0.8), quick=(0.3, 0.7), slow=(0.6, 0.9), reach=(2.5, 4.0)),
    "B": Choice(value=3.0, success=(0.3, 0.6), quick=(0.6, 1.3), slow=(1.2, 2.4), reach=(3.2, 7.0)),
}


class Subject(NamedTuple):
    """What a figure shows: its planes and what is heat-mapped on them."""

    title: str
    regimes: tuple[str, ...]
    heats: tuple[str, ...]


FIGURES = {
    "3": Subject("Figure 3 (Theorem 3): the signs agree", ("++", "--"), ("cost",)),
    "4-left": Subject("Figure 4, left (Theorem 4): only M2 is worth its time", ("-+",), ("cascade", "cost")),
    "4-right": Subject("Figure 4, right (Theorem 5, completed): only M1 is worth its time", ("+-",),
                       ("cascade", "cost")),
    "5-left": Subject("Figure 5, left (Proposition 2): M1 is throttled", ("-+",), ("gain",)),
    "5-middle": Subject("Figure 5, middle (Proposition 2): M2 is throttled", ("+-",), ("gain",)),
    "5-right": Subject("Figure 5, right (Proposition 2): both are throttled", ("--",), ("gain",)),
}  # fmt: skip


class Border(NamedTuple):
    """A line on the plane; beyond the plane's edges it is to be cut off."""

    name: str
    c2: Array
    penalty: Array


@dataclass(frozen=True)
class Plane:
    """A square of games: c2 along the last axis, P along the first, at the centres of the pixels."""

    choice: Choice
    regime: str
    size: int = SIZE

    @property
    def c2(self) -> Array:
        """Price of a pass of M2 in units of c1, shape (size,)."""
        return 1 + (self.choice.reach[0] - 1) * self._centres

    @property
    def penalty(self) -> Array:
        """P in units of c1, shape (size,)."""
        return self.choice.reach[1] * self._centres

    @property
    def game(self) -> Game:
        """The games, shape (size, size)."""
        return self._games(self.regime)

    @cached_property
    def solution(self) -> Equilibrium:
        """Their equilibria."""
        return solve(self.game)

    def heat(self, name: str) -> Array:
        """What is mapped, shape (size, size).

        "cost": J*; "gain": J* with both models quick, less J* here: what throttling to here gains, negative where it
        costs; both in units of c1 a task. "cascade": the smallest optimal s, nan where s is of no effect (route 2).
        "abandon": q.
        """
        if name == "gain":
            return np.asarray(throttling_gain(self._games("++"), self.choice.latency(self.regime)))
        if name == "cascade":
            return np.where(self.solution.route == 2, np.nan, self.solution.cascade[0])
        return np.asarray(getattr(self.solution, name))

    @property
    def marks(self) -> dict[str, float]:
        """s0 or s_L, by its name in `RULES`, where the regime has one."""
        s0, s_low, _ = (float(np.ravel(s)[0]) for s in thresholds(self.game[:1, :1]))
        return {name: s for name, s in (("s0", s0), ("s_L", s_low)) if np.isfinite(s)}

    @property
    def borders(self) -> tuple[Border, ...]:
        """All lines at which the policy changes."""
        (p1, p2), (c2_end, p_end), marks = self.choice.success, self.choice.reach, self.marks
        k1, k2, turn, meet = 1 - p1, 1 - p2, p2 / p1, 1 / p1
        below, above = np.linspace(1, turn, SAMPLES), np.linspace(turn, c2_end, SAMPLES)
        whole, upright = np.linspace(1, c2_end, SAMPLES), np.full(SAMPLES, turn)

        def d(c2: Array) -> Array:
            return (c2 - 1) / (p2 - p1)

        if self.regime == "++":
            return (Border("cp1 = cp2", upright, np.linspace(0, p_end, SAMPLES)),)
        if self.regime == "--":
            return (Border("d", whole, d(whole)),)
        choice_of_model = Border("cp1 = cp2", upright, np.linspace(meet, p_end, SAMPLES))
        if self.regime == "-+":
            s0 = marks["s0"]
            return (
                choice_of_model,
                Border("P1", below, (below / p2 - 1) / k1),
                Border("P2", above, (1 - s0 + above * s0 / p2) / (p1 + k1 * s0)),
            )
        s_low = marks["s_L"]
        j1 = (1 + k1 * below * s_low / p2) / (p1 + k1 * s_low)
        return (
            choice_of_model,
            Border("d", below, d(below)),
            Border("P3", below, (j1 - below) / k2),
            Border("P = cp1", above, np.full(SAMPLES, meet)),
        )

    @property
    def break_even(self) -> Border:
        """Where throttling to here changes from a gain to a loss: P = cp1, P = cp2 or the lesser of the two.

        One model being throttled, there is no loss on the side where the provider can fall back on the other.
        """
        (p1, p2), c2_end = self.choice.success, self.choice.reach[0]
        low, high = {"-+": (p2 / p1, c2_end), "+-": (1.0, p2 / p1), "--": (1.0, c2_end)}[
            self.regime
        ]
        c2 = np.linspace(low, high, SAMPLES)
        return Border("gain 0", c2, np.minimum(1 / p1, c2 / p2))

    @property
    def _centres(self) -> Array:
        return np.asarray((np.arange(self.size) + 0.5) / self.size)

    def _games(self, regime: str) -> Game:
        choice = self.choice
        return Game(
            choice.value,
            self.penalty[:, None],
            choice.success,
            choice.latency(regime),
            (1.0, self.c2[None, :]),
        )


UNITS = {
    "c2": "c1",
    "penalty": "c1",
    "cost": "c1 a task",
    "gain": "c1 a task",
    "cascade": "1",
    "abandon": "1",
}


def npz(planes: list[Plane], subject: Subject) -> bytes:
    """An .npz file: the axes c2 and penalty; for each regime its maps, rule (an index of `rules`) and border lines.

    Arrays of a regime are named like "cost --"; `parameters` and `units` are JSON. No pickle is needed to read it.
    """
    first = planes[0]
    arrays: dict[str, Any] = {
        "c2": first.c2,
        "penalty": first.penalty,
        "axes": np.array(["penalty", "c2"]),
        "rules": np.array(list(RULES)),
        "parameters": np.array(json.dumps({"c1": 1.0, **asdict(first.choice)})),
        "units": np.array(json.dumps(UNITS)),
    }
    for plane in planes:
        latency = {f"latency {plane.regime}": np.array(plane.choice.latency(plane.regime))}
        maps = {
            f"{name} {plane.regime}": plane.heat(name) for name in ("cost", "cascade", "abandon")
        }
        if "gain" in subject.heats:
            maps[f"gain {plane.regime}"] = plane.heat("gain")
        lines = {f"border {line.name} {plane.regime}": np.stack(line[1:]) for line in plane.borders}
        arrays |= latency | maps | lines | {f"rule {plane.regime}": np.asarray(plane.solution.kind)}
    file = BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()
