"""Users' rules by name, with what the questions on a hidden cascade have to know of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from routing_game.theory import Game
from routing_game.theory.belief import Belief
from routing_game.theory.belief_rules import (
    Checks,
    ExpectedUtility,
    ForcedStays,
    Optimistic,
    PlugIn,
    Rule,
    Thompson,
)


@dataclass(frozen=True)
class Remembered:
    """A rule of the belief alone that is asked once about each belief: for rules that take long."""

    rule: Rule
    known: dict[tuple[float, float], float] = field(default_factory=dict)

    @property
    def checks(self) -> Checks:
        """When the rule checks."""
        return self.rule.checks

    def leaving(self, belief: Belief, task: int, rng: np.random.Generator) -> Any:
        """The rule's q."""
        counts = (np.ravel(count).tolist() for count in belief)
        pairs = list(zip(*counts, strict=True))
        new = list(dict.fromkeys(pair for pair in pairs if pair not in self.known))
        if new:
            answers = self.rule.leaving(Belief(*np.array(new).T), task, rng)
            self.known.update(zip(new, np.broadcast_to(answers, len(new)).tolist(), strict=True))
        return np.reshape([self.known[pair] for pair in pairs], np.shape(belief.mean))


@dataclass(frozen=True)
class Stays:
    """Never leaves: it sees all there is to see."""

    game: Game
    checks: Checks = "failure"

    def leaving(self, belief: Belief, task: int, rng: np.random.Generator) -> Any:
        """0 at each belief."""
        return np.zeros(np.shape(belief.mean))


class Entry(NamedTuple):
    """One rule of the rulebook."""

    make: Callable[[Game], Rule]
    belief_alone: bool
    """Whether it depends on nothing but the belief, as a rule that can lock in must."""
    mixes: bool = False
    """Whether its q may lie inside (0, 1) even in a game with xi1 < 0 < xi2."""
    horizon: int | None = None
    """Tasks up to which its exact value is found, whose time grows as their third power; None for
    a rule that checks after each failure, whose value takes no such time.
    """


RULEBOOK = {
    "plug-in": Entry(PlugIn, belief_alone=True),
    "plug-in, each task": Entry(
        lambda game: PlugIn(game, "task"),
        belief_alone=True,
        horizon=30,
    ),
    "expected utility": Entry(ExpectedUtility, belief_alone=True),
    "expected utility, each task": Entry(
        lambda game: Remembered(ExpectedUtility(game, "task")),
        belief_alone=True,
        mixes=True,
        horizon=5,
    ),
    "optimistic, fixed": Entry(
        lambda game: Optimistic(game, growing=False),
        belief_alone=True,
    ),
    "optimistic, growing": Entry(Optimistic, belief_alone=False),
    "Thompson": Entry(Thompson, belief_alone=False, horizon=30),
    "forced stays": Entry(ForcedStays, belief_alone=False),
}
"""Plug-in and the like check after each failure unless their name says "each task"; Thompson draws
once a task; the optimistic bound is one standard deviation, or sqrt(2 log n) of them; stays are
forced with chance min(1, 2/sqrt(n)).
"""


def alone(rule: Rule) -> Callable[[Belief], Any]:
    """A rule of the belief alone as a function of it: task and chance are asked for, not used."""
    rng = np.random.default_rng(0)
    return lambda belief: rule.leaving(belief, 1, rng)


def named(prior: Belief) -> str:
    """A belief as people read it, as Beta(1, 4)."""
    return f"Beta({prior.escalated:g}, {prior.kept:g})"
