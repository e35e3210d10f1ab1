"""The structural learner: knows how the game is built, not the user nor how models succeed.

It knows its own costs c1, c2 and penalty P, and that its cost is a closed form in p1 and p2 where
the user never leaves or always leaves. So it asks the user few questions, each answered by watching
some failures: do you ever leave under this commitment? Route 1 with s = 0 and route 2 tell the
regime. Where the two answers differ, the user stays on one side of a threshold in s (s0 or s_L),
found by bisection. From then on it plays the two candidates most likely to be cheapest under the
posterior of (p1, p2) against each other (top-two sampling, Russo 2016), and steps back from the
threshold whenever a user leaves after all.
"""

from collections.abc import Generator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from routing_game.agents.arguments import generator
from routing_game.agents.log_odds import cascade_at
from routing_game.agents.protocol import check_passes
from routing_game.theory import Commitment, Game, Task, payoffs
from routing_game.theory.numbers import require

Plan = Generator[Commitment, Task, None]
Question = Generator[Commitment, Task, float]

END = 9.0
"""Log odds that stand for s = 0 and 1 when the threshold is bisected."""
DRAWS = 64
"""Posterior draws that decide which candidates contend."""
HOLD = 100
"""A contender is held for 1 / HOLD of the passes so far: before that posteriors hardly move."""


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
        self._answers: dict[Commitment, float] = {Commitment(1, 0.0): 0.0}
        self._plan = self._explore_then_exploit()
        self._next = next(self._plan)

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
            self._next = self._plan.send(task)

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

    def _explore_then_exploit(self) -> Plan:
        keep, escalate, reason = Commitment(1, 0.0), Commitment(1, 1.0), Commitment(2, 0.0)
        self._answers[keep] = yield from self._ask(keep)
        # After one failure route 1 with s = 1 is route 2: the user's answer is the same. But on
        # route 2 there may be one failure in hundreds of tasks, and so no answer in thousands.
        answer = yield from self._ask(escalate)
        self._answers |= {reason: answer, escalate: answer}
        if self._answers[keep] == answer:
            yield from self._exploit()  # for ever
        stays, leaves = (-END, END) if answer else (END, -END)
        threshold = yield from self._bisect(stays, leaves)
        back = self._tolerance if leaves < stays else -self._tolerance
        yield from self._exploit(threshold, back)

    def _ask(self, commitment: Commitment) -> Question:
        """1 once the user has left under `commitment`, 0 once it has stayed `patience` times."""
        stays = 0
        while stays < self._patience:
            task = yield commitment
            if _left(task):
                return 1.0
            stays += task.standard + task.reasoning - task.solved
        return 0.0

    def _bisect(self, stays: float, leaves: float) -> Question:
        """The log odds next to the user's threshold on route 1, on the side where it stays."""
        while abs(leaves - stays) > self._tolerance:
            middle = (stays + leaves) / 2
            if (yield from self._ask(Commitment(1, cascade_at(middle, END)))):
                leaves = middle
            else:
                stays = middle
        return stays

    def _exploit(self, threshold: float | None = None, back: float = 0.0) -> Plan:
        """Play the contenders, for ever, and step back when a user leaves at the threshold."""
        edge = None
        if threshold is not None:
            edge = Commitment(1, cascade_at(threshold, END))
            self._answers[edge] = 0.0
        while True:
            choice = self._contender()
            passes = int(self._solved.sum() + self._failed.sum())
            for _ in range(max(1, passes // HOLD)):
                task = yield choice
                if threshold is not None and choice == edge and _left(task):
                    del self._answers[choice]
                    threshold += back
                    edge = Commitment(1, cascade_at(threshold, END))
                    self._answers[edge] = 0.0
                    break


def _left(task: Task) -> bool:
    return not task.solved and not task.truncated
