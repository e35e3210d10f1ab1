"""What a finished learner left, as plain numbers: a provider's commitment, a user's answers.

A provider's outcome is one commitment, so that is all of its policy. A user's is a function of
(i, s): it is kept as the answers to the commitments that it was judged on, and is linear in s
between them.
"""

from __future__ import annotations

from typing import Any, Literal, Self

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from routing_game.agents.exact import FixedProvider
from routing_game.agents.protocol import Abandon, ModelUser, User
from routing_game.theory.numbers import require

Floats = NDArray[np.float64]


class Kept(msgspec.Struct, forbid_unknown_fields=True, tag_field="kind", kw_only=True):
    """What both have.

    Attributes:
        format: of the file.
        made_by: who learnt it, where and how long: for people.
    """

    format: Literal[2] = 2
    made_by: dict[str, Any] = {}


class Committed(Kept, tag="commitment"):
    """A provider's commitment."""

    route: int
    cascade: float

    def agent(self) -> FixedProvider:
        """The provider; ValueError if it is no commitment."""
        return FixedProvider(self.route, self.cascade)


class Answers(Kept, tag="answers"):
    """A user's chances of leaving after a failed pass of either model.

    Attributes:
        observes: "strategy", or "model" for one who saw which model failed.
        cascades: values of s in [0, 1], rising.
        leave: on route 1, after M1 and after M2, an answer to each of these s.
        leave_2: on route 2, after M2.
    """

    observes: Literal["strategy", "model"]
    cascades: list[float]
    leave: tuple[list[float], list[float]]
    leave_2: float

    @classmethod
    def of(
        cls,
        sees_model: bool,
        route: ArrayLike,
        cascade: ArrayLike,
        leave_1: ArrayLike,
        leave_2: ArrayLike,
        made_by: dict[str, Any],
    ) -> Self:
        """Of a user's answers to some commitments, one of them on route 2; equal shapes (n,)."""
        routes, s = np.asarray(route), np.asarray(cascade, dtype=float)
        order = np.flatnonzero(routes == 1)[np.argsort(s[routes == 1], kind="stable")]
        (second,) = np.flatnonzero(routes == 2)[:1]
        after_1, after_2 = (np.asarray(leave, dtype=float) for leave in (leave_1, leave_2))
        return cls(
            made_by=made_by,
            observes="model" if sees_model else "strategy",
            cascades=s[order].tolist(),
            leave=(after_1[order].tolist(), after_2[order].tolist()),
            leave_2=float(after_2[second]),
        )

    def agent(self) -> User | ModelUser:
        """The user; ValueError if these are no answers."""
        s, leave = np.array(self.cascades), np.array([*self.leave[0], *self.leave[1], self.leave_2])
        whole = len(s) > 0 and len(self.leave[0]) == len(self.leave[1]) == len(s)
        require(whole, "leave", self.leave, "hold an answer to each of the cascades")
        rising = np.all(np.diff(s) > 0) and s[0] >= 0 and s[-1] <= 1
        require(rising, "cascades", self.cascades, "rise within [0, 1]")
        require((leave >= 0) & (leave <= 1), "an answer", leave, "lie in [0, 1]")
        return ModelReader(self) if self.observes == "model" else Reader(self)


class Reader:
    """A user who reads its answers: sees (i, s)."""

    observes = "strategy"

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def abandon(self, route: ArrayLike, cascade: ArrayLike) -> Abandon:
        """q(i, s)."""
        return read(self._answers, route, cascade, 1)


class ModelReader:
    """One who also sees which model has failed."""

    observes = "model"

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def abandon_after(self, route: ArrayLike, cascade: ArrayLike, model: ArrayLike) -> Abandon:
        """The chance of leaving after `model` (1 or 2) has failed."""
        return read(self._answers, route, cascade, model)


def read(kept: Answers, route: ArrayLike, cascade: ArrayLike, model: ArrayLike) -> Floats:
    """The chance of leaving after that model has failed, in the arguments' broadcast shape."""
    s = np.asarray(cascade, dtype=float)
    after_1, after_2 = (np.interp(s, kept.cascades, leave) for leave in kept.leave)
    on_1 = np.where(np.asarray(model) == 2, after_2, after_1)
    return np.where(np.asarray(route) == 2, kept.leave_2, on_1)
