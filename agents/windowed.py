"""TD3, SAC and DQN as providers: they look through windows that narrow, and contests decide where.

A critic cannot resolve a cliff much narrower than the range of its inputs. So learners look through
windows on the log odds of s: at first many, which cover everything; then, round after round, fewer
and closer ones, each with fresh weights and an empty buffer. Such a learner fails on games that
nobody tuned it on for five reasons, and each has its remedy here (`races` has the like for policy
gradients):

- *The route is chosen before its s is known.* So route 2 is played by itself and chosen last.
- *A window closes on the wrong side of a cliff.* So several compete: what a round proposes is
  played by itself (`contests`), and the next windows open around the best and the next best,
  wherever that is. A window whose best is at its edge stays as wide, so that it moves on.
- *Windows that narrow faster than a slope can be seen drift.* So a window narrows only where costs
  are seen to differ inside it, by their intervals.
- *An actor that climbs from the middle stops at the first bump.* So each window has some
  (`off_policy`).
- *A critic smears a cliff, and a contest of near neighbours is a lottery.* So what a critic finds
  best stands, for it averages over all that it has seen, unless another of its candidates costs
  less by more than their errors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from routing_game.agents.contests import apart, contest
from routing_game.agents.critics import Floats
from routing_game.agents.log_odds import cascades_at
from routing_game.agents.off_policy import ACTORS, Buffer, Draws, Learner, Learning
from routing_game.agents.races import END
from routing_game.agents.stacked import Array, Costs, Finite, IntArray, Units
from routing_game.theory.numbers import require

REACH = 10.5
"""Log odds that the first windows cover; the ends, s = 0 and 1, are played by themselves."""
HEATS = 4
"""Of a contest."""
LAST = 4
"""Places in the last contest."""
SPOTS = 4
"""Candidates of a window, beside its middle."""


@dataclass(frozen=True)
class Round:
    """What a cell does before it decides where to look next.

    Attributes:
        windows: so many at a time.
        updates: so often they learn.
        batch: new tasks of a window for an update.
        contest: tasks of the contest that ends it.
    """

    windows: int
    updates: int
    batch: int
    contest: int

    @property
    def tasks(self) -> int:
        """Of a cell."""
        return self.windows * self.updates * self.batch + self.contest

    def scaled(self, share: float) -> Round:
        """Between the least that makes sense, at 0, and itself, at 1; beyond, larger batches."""
        least = 8 * ACTORS
        learning = least + share * (self.updates * self.batch - least)
        updates = int(np.clip(self.updates * share**0.5, 8, self.updates))
        batch = int(learning / updates) // ACTORS * ACTORS
        fewest = HEATS * (self.windows * (SPOTS + 1) + 3)
        return Round(self.windows, updates, batch, int(fewest + share * (self.contest - fewest)))


ROUNDS = (
    Round(8, 150, 64, 32_768),
    Round(4, 150, 128, 32_768),
    Round(3, 200, 192, 32_768),
    Round(2, 200, 256, 32_768),
    Round(2, 200, 256, 32_768),
    Round(2, 200, 256, 32_768),
)
FINAL = 131_072
"""Tasks of the last contest."""


def plan(tasks: int) -> tuple[tuple[Round, ...], int]:
    """The rounds, and tasks of the last contest, of a cell with so much practice.

    Raises:
        ValueError: too few tasks for any.
    """
    fewest = HEATS * (LAST + 3)
    least = fewest + sum(turn.scaled(0.0).tasks for turn in ROUNDS)
    full = FINAL + sum(turn.tasks for turn in ROUNDS)
    require(tasks >= least, "tasks", tasks, f"be at least {least}, for one look at every place")
    share = (tasks - least) / (full - least)
    final = int(fewest + share * (FINAL - fewest))
    return tuple(turn.scaled(share) for turn in ROUNDS), final


@dataclass
class _Places:
    """Places of each cell, arrays of shape (cells, places)."""

    at: Array
    """Log odds of s."""
    half: Array
    """Of the window that would open there."""
    first: NDArray[np.bool_]
    """Whether it is what a critic finds best."""

    def picked(self, which: NDArray[np.intp]) -> _Places:
        """Some of them, by number, (cells, count)."""
        at, half = (np.take_along_axis(x, which, axis=1) for x in (self.at, self.half))
        return _Places(at, half, np.take_along_axis(self.first, which, axis=1))


class Windowed:
    """Cells whose learners look closer, round after round, in log odds of s.

    Args:
        costs: plays tasks.
        rngs: one for each cell.
        tasks: practice of each cell, at most.
        learner: who learns in a window.
        learning: how; as the learner is tuned, if None.

    Raises:
        ValueError: too few tasks.
    """

    closer: ClassVar[float] = 0.4
    """Half-width of a window inside another, as a share of that."""
    errors: ClassVar[float] = 3.0
    """By so many standard errors parts of a window must differ for a closer look."""
    inner: ClassVar[float] = 0.8
    """Actions beyond are at the window's edge."""

    def __init__(
        self,
        costs: Costs,
        rngs: Sequence[np.random.Generator],
        tasks: int,
        *,
        learner: type[Learner],
        learning: Learning | None = None,
    ) -> None:
        self._costs, self._rngs = Finite(costs), list(rngs)
        self._make = partial(learner, learning=learning or learner.tuned)
        self._spread = learner.spread
        self._rounds, self._final = plan(tasks)
        self._cells = len(self._rngs)
        self._best = np.ones(self._cells, np.int64), np.full(self._cells, 0.5)

    def train(self) -> Iterator[int]:
        """Train; after each update and contest yield the number of tasks of each cell so far."""
        done, places = 0, self._everywhere()
        counts = [turn.windows for turn in self._rounds[1:]] + [LAST]
        for turn, count in zip(self._rounds, counts, strict=True):
            for _ in self._look(turn, places):
                done += turn.windows * turn.batch
                yield done
            places = self._proposed(places)
            score = self._contest(places, turn.contest)
            done += turn.contest
            yield done
            places = places.picked(apart(score, places.at, places.half, count))
        self._contest(places, self._final)
        yield done + self._final

    def recommend(self) -> tuple[IntArray, Array]:
        """What did best in the last contest."""
        return self._best

    def _everywhere(self) -> _Places:
        """Windows that cover all places, and both ends."""
        edges = np.linspace(-REACH, REACH, self._rounds[0].windows + 1)
        centres = np.tile((edges[1:] + edges[:-1]) / 2, (self._cells, 1))
        half = np.full_like(centres, 1.05 * (edges[1] - edges[0]) / 2)
        return _Places(centres, half, np.ones(centres.shape, bool))

    def _look(self, turn: Round, places: _Places) -> Iterator[None]:
        """Learn in a window at each place; pause after each update."""
        draws = Draws(self._rngs, turn.windows)
        self._learner = self._make(draws)
        self._buffer = Buffer(draws.rows, turn.updates * turn.batch)
        units = None
        for update in range(turn.updates):
            progress = update / turn.updates
            actions = self._learner.act(progress, turn.batch)
            at = _through(places, actions).reshape(self._cells, -1)
            paid = self._costs(np.ones((1, 1), np.int64), cascades_at(at, END))
            paid = paid.reshape(actions.shape)
            units = units or Units.of(paid, self._spread)
            rewards = -units.of_these(paid)
            self._buffer.add(actions, rewards.astype(np.float32))
            self._learner.learn(self._buffer, progress)
            yield

    def _proposed(self, places: _Places) -> _Places:
        """The candidates of each window and its middle, and how close to look at each next."""
        actions = self._learner.candidates()
        actions = np.concatenate([actions, np.zeros_like(actions[:, :1])], axis=1)
        seen = self._buffer.tells_apart(self.errors)[:, None]
        closer = np.where(seen & (np.abs(actions) < self.inner), self.closer, 1.0)
        at = _through(places, actions)
        half = places.half[..., None] * closer.reshape(at.shape)
        first = np.zeros(at.shape, bool)
        first[..., 0] = True
        flat = (self._cells, -1)
        return _Places(at.reshape(flat), half.reshape(flat), first.reshape(flat))

    def _contest(self, places: _Places, tasks: int) -> Array:
        """Play places, both ends and route 2, and see what is best.

        Returns the scores of the places, the least the best: an upper bound of the cost, but a
        lower one of what a critic finds best.
        """
        ends = np.tile([-END, END, 0.0], (self._cells, 1))
        cascade = cascades_at(np.concatenate([places.at, ends], axis=1), END)
        route = np.ones(cascade.shape, np.int64)
        route[:, -1] = 2
        result = contest(self._costs, route, cascade, tasks, HEATS)
        doubt = np.ones(cascade.shape)
        doubt[:, :-3][places.first] = -1.0
        score = result.mean + doubt * result.error
        best = score.argmin(axis=1)[:, None]
        self._best = (
            np.take_along_axis(route, best, axis=1)[:, 0],
            np.take_along_axis(cascade, best, axis=1)[:, 0],
        )
        return score[:, :-3]


def _through(places: _Places, actions: Floats) -> Array:
    """Log odds, (cells, windows, n), of actions (cells * windows, n) in windows at places."""
    actions = actions.reshape(*places.at.shape, -1).astype(np.float64)
    return places.at[..., None] + places.half[..., None] * actions
