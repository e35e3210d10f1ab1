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
    """A rule of the belief alone that is asked once about each belief: for rules that take long to say."""

    rule: Rule
    known: dict[tuple[float, float], float] = field(default_factory=dict)

    @property
    def checks(self) -> Checks:
        """When the rule checks."""
        return self.rule.checks

    def leaving(self, belief: Belief, task: int, rng: np.random.Generator) -> Any:
        """The rule's q."""
        pairs = list(zip(np.ravel(belief.escalated).tolist(), np.ravel(belief.kept).tolist(), strict=True))
        if new := list(dict.fromkeys(pair for pair in pairs if pair not in self.known)):
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
    """Whether it depends on the belief alone, not on chance or the number of the task: only then can it lock in."""


RULEBOOK = {
    "plug-in": Entry(PlugIn, True),
    "plug-in, each task": Entry(lambda game: PlugIn(game, "task"), True),
    "expected utility": Entry(ExpectedUtility, True),
    "expected utility, each task": Entry(lambda game: Remembered(ExpectedUtility(game, "task")), True),
    "optimistic, fixed": Entry(lambda game: Optimistic(game, growing=False), True),
    "optimistic, growing": Entry(Optimistic, False),
    "Thompson": Entry(Thompson, False),
    "forced stays": Entry(ForcedStays, False),
}
"""Plug-in and the like check after each failure unless their name says "each task"; Thompson draws once a task; the
optimistic bound is one standard deviation, or sqrt(2 log n) of them; stays are forced with chance min(1, 2/sqrt(n))."""
