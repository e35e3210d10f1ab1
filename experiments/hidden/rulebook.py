"""Users' rules by name, as the experiments on a hidden cascade list and draw them; and what a user told s does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from routing_game.experiments import InputError
from routing_game.experiments.figures import Look
from routing_game.theory import Game, thresholds
from routing_game.theory.belief import Belief
from routing_game.theory.belief_rules import (
    Checks,
    ExpectedUtility,
    ForcedStays,
    Optimistic,
    PlugIn,
    Rule,
    Thompson,
    plug_in_after_failure,
)
from routing_game.theory.chain import Chain, evaluate
from routing_game.theory.numbers import TIE


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
    look: Look
    belief_alone: bool
    """Whether it depends on the belief alone, not on chance or the number of the task: only then can it lock in."""


RULEBOOK = {
    "plug-in": Entry(PlugIn, Look("#D55E00", "o", "-"), True),
    "plug-in, each task": Entry(lambda game: PlugIn(game, "task"), Look("#D55E00", "s", (0, (5, 1.5))), True),
    "expected utility": Entry(ExpectedUtility, Look("#E69F00", "^", "-"), True),
    "expected utility, each task": Entry(
        lambda game: Remembered(ExpectedUtility(game, "task")), Look("#E69F00", "v", (0, (5, 1.5))), True
    ),
    "optimistic, fixed": Entry(lambda game: Optimistic(game, growing=False), Look("#CC79A7", "D", "-"), True),
    "optimistic, growing": Entry(Optimistic, Look("#56B4E9", "d", (0, (3, 1, 1, 1))), False),
    "Thompson": Entry(Thompson, Look("#0072B2", "X", "-"), False),
    "forced stays": Entry(ForcedStays, Look("#009E73", "P", (0, (6, 1, 1, 1, 1, 1))), False),
}
"""Plug-in and the like check after each failure unless their name says "each task"; Thompson draws once a task; the
optimistic bound is one standard deviation, or sqrt(2 log n) of them; stays are forced with chance min(1, 2/sqrt(n))."""


class Threshold(NamedTuple):
    """Where a user who checks after each failure changes its mind about M1."""

    name: str
    """As drawn: s0 or s_H."""
    s: float
    better: float
    """1 if the user stays above it, -1 if below."""

    @property
    def word(self) -> str:
        """The name in plain text."""
        return self.name.strip("$").replace("s_0", "s0")

    def towards(self, distance: float) -> float:
        """The s so far on the side where the user stays."""
        return self.s + self.better * distance


def threshold(game: Game, name: str) -> Threshold:
    """s0, or s_H if xi1 > 0 > xi2.

    Raises:
        InputError: the user's answer does not depend on s, so there is nothing to believe; ``name`` is the game's.
    """
    s0, _, s_high = (float(s) for s in thresholds(game))
    if np.isfinite(s0):
        return Threshold("$s_0$", s0, 1.0)
    if np.isfinite(s_high):
        return Threshold("$s_H$", s_high, -1.0)
    raise InputError(f"expected a game in which a user's answer depends on s, got {name}; try t4-cascade, t5-cascade")


def tie_words(mark: Threshold, prior: Belief) -> tuple[str, ...]:
    """A sentence for a prior whose mean is the threshold itself, or none."""
    if abs(prior.mean - mark.s) > TIE:
        return ()
    name = f"Beta({prior.escalated:g}, {prior.kept:g})"
    return (f"That users begin at {mark.word} itself is an accident of {name} in this game: there plug-in leaves, and "
            "from then on sees no draw.",)  # fmt: skip


def doubts(game: Game, belief: Belief) -> Any:
    """Whether the plug-in user, whose answer to E[s] it is, would leave after a failed pass of M1."""
    return np.asarray(plug_in_after_failure(game, belief)) > 0.5


class Told(NamedTuple):
    """A task of a user who is told s, sees the model and decides after each failure; arrays like s."""

    cost: Any
    utility: Any


def told(game: Game, mark: Threshold, cascade: Any) -> Told:
    """What it comes to; at the threshold, a tie, the user stays."""
    s = np.asarray(cascade, dtype=float)
    leaves = (mark.better * (s - mark.s) < -TIE, np.broadcast_to(game.net_value[1] < 0, s.shape))
    payoffs = evaluate(Chain.of(game, s), 1, np.stack(leaves, axis=-1).astype(float))
    return Told(payoffs.cost, payoffs.utility)
