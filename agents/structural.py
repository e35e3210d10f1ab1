"""The structural learner: knows how the game is built, not the user nor how models succeed.

It knows its own costs c1, c2 and penalty P, and that its cost is a closed form in p1 and p2 where
the user never leaves or always leaves. So it asks the user few questions, each answered by watching
some failures: do you ever leave under this commitment? Route 1 with s = 0 and route 2 tell the
regime. Where the two answers differ, the user stays on one side of a threshold in s (s0 or s_L),
found by bisection. From then on it plays the two candidates most likely to be cheapest under the
posterior of (p1, p2) against each other (top-two sampling, Russo 2016), and steps back from the
threshold whenever a user leaves after all.
"""

from dataclasses import replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from routing_game.agents.arguments import generator
from routing_game.agents.log_odds import cascade_at
from routing_game.agents.protocol import check_passes
from routing_game.theory import Commitment, Game, Task, payoffs
from routing_game.theory.numbers import require

KEEP, ESCALATE, REASON = Commitment(1, 0.0), Commitment(1, 1.0), Commitment(2, 0.0)
"""The commitments that are asked about first, and the one that is answered with the second."""

END = 9.0
"""Log odds that stand for s = 0 and 1 when the threshold is bisected."""
DRAWS = 64
"""Posterior draws that decide which candidates contend."""
HOLD = 100
"""A contender is held for 1 / HOLD of the passes so far: before that posteriors hardly move."""


class Stage(Enum):
    """How far it has come; numbers and no generator, so that it can be copied at any moment."""

    KEEPING = 1
    """It asks about (1, 0)."""
    ESCALATING = 2
    """It asks about (1, 1), which is answered as route 2 is."""
    BISECTING = 3
    """It asks about places between one where the user stays and one where it leaves."""
    CONTENDING = 4
    """It plays candidates, for ever."""


class Structural:
    """Learns p1, p2 and the user's threshold; recommends the cheapest commitment by plug-in.

    Args:
        cost: the provider's own (c1, c2).
        penalty: P.
        rng: draws from posteriors.
        patience: a user who stays after so many failures in a row counts as never leaving.
        tolerance: to which thresholds are bisected, in log odds; also the step back from one that
            turns out too bold.
    """

    def __init__(
        self,
        cost: tuple[float, float],
        penalty: float,
        rng: np.random.Generator,
        *,
        patience: int = 40,
        tolerance: float = 0.01,
    ) -> None:
        require(patience >= 1, "patience", patience, "be at least 1")
        require(tolerance > 0, "tolerance", tolerance, "be positive")
        # V and t are the user's business and p is to be learned: costs depend on p alone
        self._game = Game(1.0, penalty, (0.5, 0.5), (1.0, 1.0), cost, ordered=False)
        self._rng = generator(rng)
        self._patience, self._tolerance = patience, tolerance
        self._solved, self._failed = np.ones(2), np.ones(2)  # Beta(1, 1) priors of p1 and p2
        # the candidates, and the q that answers each, 0 or 1
        self._answers: dict[Commitment, float] = {KEEP: 0.0}
        self._stage, self._next = Stage.KEEPING, KEEP
        self._failures = 0  # that the user has stayed after, under the commitment it is asked about
        self._stays, self._leaves = 0.0, 0.0  # log odds on either side of the threshold
        self._threshold: float | None = None  # log odds, where there is one
        self._edge: Commitment | None = None  # the candidate there
        self._tasks_left = 0  # of the candidate that is played

    def act(self) -> Commitment:
        """The next question, or one of the two candidates most likely to be cheapest."""
        return self._next

    def update(self, commitment: Commitment, task: Task) -> None:
        """Count passes, then let the plan go on if the task answered its question.

        What the task cost is not looked at: it follows from the passes.

        Raises:
            ValueError: the numbers of passes are none.
        """
        check_passes(task)
        passes = np.array([task.standard, task.reasoning])
        solved = np.zeros(2)
        solved[1 if task.reasoning else 0] = task.solved
        self._solved += solved
        self._failed += passes - solved
        if commitment == self._next:
            self._next = self._following(task)

    def recommend(self) -> Commitment:
        """The cheapest candidate at the posterior means of p1, p2."""
        means = self._solved / (self._solved + self._failed)
        cheapest = int(self._costs(means).argmin())
        return list(self._answers)[cheapest]

    def _contender(self) -> Commitment:
        """One of the two candidates most often cheapest in posterior draws, at even odds."""
        draws = self._rng.beta(self._solved, self._failed, size=(DRAWS, 2))
        cheapest = self._costs(draws).argmin(axis=0)
        wins = np.bincount(cheapest, minlength=len(self._answers))
        first, second = np.argsort(-wins, kind="stable")[:2]
        challenged = wins[second] > 0 and self._rng.random() < 0.5
        return list(self._answers)[second if challenged else first]

    def _costs(self, success: NDArray[np.float64]) -> NDArray[np.float64]:
        """Cost of each candidate, (candidates, ...), if (p1, p2) were `success`, (..., 2)."""
        game = replace(self._game, success=(success[..., 0], success[..., 1]))
        choices = np.array([(i, s, q) for (i, s), q in self._answers.items()])
        route, cascade, abandon = choices.T.reshape(3, -1, *[1] * (success.ndim - 1))
        return np.asarray(payoffs(game, route, cascade, abandon).cost)

    def _following(self, task: Task) -> Commitment:
        """What to play after this task, which was played as planned."""
        if self._stage == Stage.CONTENDING:
            return self._after_contending(task)
        answer = self._answer(task)
        if answer is None:
            return self._next
        self._failures = 0
        if self._stage == Stage.KEEPING:
            self._answers[KEEP] = answer
            # After one failure route 1 with s = 1 is route 2: the user's answer is the same. But on
            # route 2 there may be one failure in hundreds of tasks, and no answer in thousands.
            self._stage = Stage.ESCALATING
            return ESCALATE
        if self._stage == Stage.ESCALATING:
            self._answers |= {REASON: answer, ESCALATE: answer}
            if self._answers[KEEP] == answer:
                self._stage = Stage.CONTENDING
                return self._choose()
            self._stays, self._leaves = (-END, END) if answer else (END, -END)
            self._stage = Stage.BISECTING
        elif answer:
            self._leaves = self._middle
        else:
            self._stays = self._middle
        return self._bisect()

    def _answer(self, task: Task) -> float | None:
        """1 once the user has left, 0 once it has stayed `patience` times, None before."""
        if _left(task):
            return 1.0
        self._failures += task.standard + task.reasoning - task.solved
        return None if self._failures < self._patience else 0.0

    @property
    def _middle(self) -> float:
        return (self._stays + self._leaves) / 2

    def _bisect(self) -> Commitment:
        """The next place to ask about; once they are near enough, the first candidate to play."""
        if abs(self._leaves - self._stays) > self._tolerance:
            return Commitment(1, cascade_at(self._middle, END))
        self._stage = Stage.CONTENDING
        self._put_edge(self._stays)
        return self._choose()

    def _put_edge(self, threshold: float) -> None:
        """A candidate on this place, where the user stays for all that is known."""
        self._threshold, self._edge = threshold, Commitment(1, cascade_at(threshold, END))
        self._answers[self._edge] = 0.0

    def _choose(self) -> Commitment:
        """The next contender, and for how many tasks."""
        choice = self._contender()
        passes = int(self._solved.sum() + self._failed.sum())
        self._tasks_left = max(1, passes // HOLD)
        return choice

    def _after_contending(self, task: Task) -> Commitment:
        """The same contender, or another; when a user leaves at the threshold, a step back."""
        self._tasks_left -= 1
        if self._threshold is not None and self._next == self._edge and _left(task):
            del self._answers[self._next]
            back = self._tolerance if self._leaves < self._stays else -self._tolerance
            self._put_edge(self._threshold + back)
            return self._choose()
        return self._next if self._tasks_left else self._choose()


def _left(task: Task) -> bool:
    return not task.solved and not task.truncated
