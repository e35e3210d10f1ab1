"""A user of sessions with a hidden s that learns from play alone, by exploring first.

A user that learns as it goes ends where it never stays: a first stay costs, and what it shows pays
only once one knows what to do with it. So this one stays in every session of its practice, whatever
it costs, and learns the parts of a session:

    what one service by M2, a solved and a failed pass of M1 are worth      (least squares)
    how often a pass of M1 solves                                           (a frequency)
    how its counts (a, b) foretell the next draw: the log odds of "escalated" are
    linear in log a and log b                                               (logistic regression)

From these it plans backwards over the tasks to come and over its counts, and plays the plan. It is
told the rules of a session: that all tasks are alike, and that a stay shows one draw. Of the game,
of the law of s and of Bayes' rule it is told nothing. (Beyond the paper.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from routing_game.agents.sessions import BeliefUser, Tabled
from routing_game.theory import Game
from routing_game.theory.belief import Belief, lattice, most_keeps, waves
from routing_game.theory.numbers import Array, require

_CENTRE = np.array([0.0, 1.0, -1.0])
"""Where the regression of the next draw begins, and what it is held near if little was seen."""
_HELD = 1e-3
"""Weight of that, in draws."""
_RARE, _MOST_KEEPS = 1e-6, 20_000
"""A plan goes as far as T tasks hold so many keeps with this chance, but not farther."""


class Sessions(Protocol):
    """An engine such as `envs.UserSessions` that observes "belief"."""

    num_envs: int
    tasks: int

    def reset(self, *, seed: int | None = None) -> tuple[Array, Any]:
        """Begin a session everywhere: (share of tasks over, a, b), (n, 3)."""

    def step(self, actions: Any) -> tuple[Array, Array, Any, Any, Any]:
        """Stay (0) or leave (1) in each, and all that follows up to the next decision."""


@dataclass(frozen=True)
class Practice:
    """How long the user practises."""

    width: int = 1024
    """Sessions side by side."""
    steps: int = 256
    """Decisions in each."""
    updates: int = 100
    """Reports of progress."""


class Parts(NamedTuple):
    """What the user has learned of a session."""

    reasoning: float
    """Worth of a service by M2, from its first pass on."""
    solved: float
    """Worth of a pass of M1 that solves."""
    failed: float
    """Worth of one that fails."""
    success: float
    """How often a pass of M1 solves."""
    foretell: Array
    """(3,) log odds of "escalated": constant, per log a, per log b."""

    def escalated(self, belief: Belief) -> Any:
        """The chance that the next draw is "escalated"."""
        const, per_a, per_b = self.foretell
        odds = const + per_a * np.log(belief.escalated) + per_b * np.log(belief.kept)
        return _chance(odds)


class ExploringUser(BeliefUser):
    """A user that sees the counts, stays throughout its practice, and then plans with what it saw.

    Args:
        engine: sessions to practise in, observing "belief".
        rng: of the practice.
        game: the game, for after a failed pass of M2 alone: then the user stays iff xi2 >= 0.
        tasks: T, as in the engine.
        prior: counts before the first task, as in the engine.
        practice: how long it practises.
    """

    name = "exploring-user"

    def __init__(
        self,
        engine: Sessions,
        rng: np.random.Generator,
        game: Game,
        tasks: int,
        prior: Sequence[float] = (1.0, 1.0),
        practice: Practice | None = None,
    ) -> None:
        self.rule = Tabled(np.zeros((tasks, 1, 1)), Belief.checked(prior))  # it stays
        super().__init__(game, self.rule, rng, prior)
        require(engine.tasks == tasks, "tasks", tasks, "be as many as the engine's")
        self._engine, self._tasks = engine, tasks
        self._practice = practice or Practice()
        self.parts: Parts | None = None

    def train(self) -> Iterator[int]:
        """Practise, then plan; now and then yield the number of decisions so far."""
        practice, diary = self._practice, _Diary(self._engine, self._rng)
        every = max(1, practice.steps // practice.updates)
        for step in range(1, practice.steps + 1):
            diary.stay()
            if step % every == 0:
                yield step * self._engine.num_envs
        self.parts = diary.parts()
        keeps = most_keeps(self.parts.success, self._tasks, _RARE)
        self.rule.table = backwards(self.parts, self._prior, self._tasks, min(keeps, _MOST_KEEPS))

    def plan(self, belief: Belief) -> Array:
        """Whether it leaves with 1 .. T tasks to come at beliefs (A, B): (T, A, B)."""
        to_come = np.arange(1, self._tasks + 1)[:, None, None]
        return self.rule.at(to_come, Belief(*(np.asarray(count)[None] for count in belief)))

    def decide(
        self, observations: Array, state: Any = None, begins: Any = None
    ) -> tuple[NDArray[np.int64], None]:
        """The actions at observations (share of tasks over, a, b) of the engine, (n, 3)."""
        share, a, b = np.asarray(observations, dtype=float).T
        to_come = np.rint((1 - share) * self._tasks).astype(int)
        return self.rule.at(to_come, Belief(a, b)).astype(np.int64), None


class _Diary:
    """What is seen in an engine in which the user always stays."""

    def __init__(self, engine: Sessions, rng: np.random.Generator) -> None:
        self._engine = engine
        self._seen, _ = engine.reset(seed=int(rng.integers(2**31)))
        if self._seen.shape[-1] != 3:
            raise ValueError('the engine must observe "belief", not the last draws')
        self._first = np.ones(engine.num_envs, dtype=bool)
        self._stays = np.zeros(engine.num_envs, dtype=np.int64)
        self._gram, self._moment = np.zeros((3, 3)), np.zeros(3)
        self._parts = np.zeros(3)  # services by M2, solved and failed passes of M1
        self._counts: list[Array] = []
        self._escalated: list[Array] = []

    def stay(self) -> None:
        """One decision in each session, and all that followed it.

        What came before the first failure of a session is left out: sessions without any are never
        seen, so that it says too little of how often a pass of M1 solves.
        """
        before, first = self._seen, self._first
        self._seen, reward, over, _, info = self._engine.step(self._stays)
        for name, told in (("a reward", reward), ("what a session shows", self._seen)):
            require(np.isfinite(told), name, told, "be finite")
        after = np.where(over[:, None], info["final_obs"], self._seen) if over.any() else self._seen
        escalated = after[:, 1] > before[:, 1]
        done = np.rint((after[:, 0] - before[:, 0]) * self._engine.tasks)
        parts = np.stack([escalated, done - escalated, ~over])[:, ~first]
        self._gram += parts @ parts.T
        self._moment += parts @ reward[~first]
        self._parts += parts.sum(axis=1)
        self._counts.append(before[:, 1:])
        self._escalated.append(escalated)
        self._first = over

    def parts(self) -> Parts:
        """What all that comes to."""
        reasoning, solves, fails = np.linalg.lstsq(self._gram, self._moment)[0].tolist()
        _, solved, failed = self._parts
        success = float(solved + 1) / float(solved + failed + 2)  # neither 0 nor 1
        counts, escalated = np.concatenate(self._counts), np.concatenate(self._escalated)
        return Parts(reasoning, solves, fails, success, _foretell(counts, escalated))


def _chance(odds: Any) -> Any:
    """Of log odds; without an overflow."""
    return (1 + np.tanh(odds / 2)) / 2


def _foretell(counts: Array, escalated: Array) -> Array:
    """Logistic regression of "escalated" on the logs of the counts, by Newton's method.

    Args:
        counts: (draws, 2), before each draw.
        escalated: (draws,) what it was.
    """
    met, which = np.unique(counts, axis=0, return_inverse=True)
    which = which.ravel()
    draws, hits = np.bincount(which), np.bincount(which, weights=escalated)
    features = np.column_stack([np.ones(len(met)), np.log(met)])
    found = _CENTRE.copy()
    for _ in range(20):
        chance = _chance(features @ found)
        slope = features.T @ (hits - draws * chance) - _HELD * (found - _CENTRE)
        weight = draws * chance * (1 - chance)
        step = np.linalg.solve((features.T * weight) @ features + _HELD * np.eye(3), slope)
        found += np.clip(step, -1.0, 1.0)  # far out the slope is flat, and a step could be any
        if np.abs(step).max() < 1e-10:
            break
    return found


def backwards(parts: Parts, prior: Belief, tasks: int, reach: int) -> Array:
    """Where it leaves, (T, T, reach): by tasks to come, escalations and keeps, the best by parts.

    From ``reach`` keeps on the chance of an escalation counts as constant.

    Args:
        parts: of a session.
        prior: counts before the first task.
        tasks: T.
        reach: keeps.
    """
    p1, k1 = parts.success, 1 - parts.success
    chances = parts.escalated(lattice(prior, tasks, reach))
    value = np.zeros((tasks + 1, tasks + 1))  # V_n(a, .), each n at its own b: one further than n-1
    last = chances[:, -1]
    for n in range(1, tasks + 1):
        leave, further = value[n - 1, :-1], value[n - 1, 1:]
        again = p1 * (parts.solved + leave) + k1 * parts.failed
        stay = last * (parts.reasoning + further) + (1 - last) * again
        failed = np.maximum(leave, stay / (1 - (1 - last) * k1))
        value[n, :-1] = p1 * (parts.solved + leave) + k1 * (parts.failed + failed)
    leaves = np.zeros((tasks, tasks, reach), dtype=bool)
    for wave, j in waves(tasks, reach):
        chance = chances[:, j].T
        leave, further = value[wave - 1, :-1], value[wave - 1, 1:]
        stay = chance * (parts.reasoning + further) + (1 - chance) * value[wave, :-1]
        leaves[wave - 1, :, j] = stay < leave
        failed = np.maximum(leave, stay)
        value[wave, :-1] = p1 * (parts.solved + leave) + k1 * (parts.failed + failed)
    return leaves
