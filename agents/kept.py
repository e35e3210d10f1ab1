"""What a finished learner left, as data: a provider's commitment, a user's table or answers.

A policy on disk is a folder of two files, which loading reads and never runs:

    policy.json           what it is: of a kind below, or a network (`agents.saved`)
    policy.safetensors    its numbers, exactly as learnt, if they are not in the first

A provider's outcome is one commitment, so that is all of its policy. A user's is a function of what
it sees: a network, or a table on hat functions of s. Of users of whom no more is known than what
they said when they were judged, these answers are kept, and stand for a function that is linear in
s between them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from routing_game.agents import tables
from routing_game.agents.exact import FixedProvider
from routing_game.agents.hats import KNOTS
from routing_game.agents.protocol import Abandon, ModelUser, User
from routing_game.agents.tables import Reading, kind_of
from routing_game.files import write
from routing_game.theory.numbers import require

T = TypeVar("T")
Floats = NDArray[np.float64]

WEIGHTS, DESCRIPTION = "policy.safetensors", "policy.json"
MOST_HEAD = 1 << 20
"""Bytes of what a file of tensors says of them; that of a network of ours has 1 kB."""


@dataclass(frozen=True)
class Whole:
    """A policy as its files hold it: nothing of what it does is missing."""

    about: dict[str, Any]
    """What `policy.json` says."""
    weights: bytes | None = None
    """What `policy.safetensors` holds, if there is one."""

    def put(self, folder: Path, lasting: bool = True) -> None:
        """Write the files into a folder that is there, each whole or not at all; OSError if not.

        Args:
            folder: where.
            lasting: wait for the disk, see `files.write`.
        """
        if self.weights is not None:
            write(folder / WEIGHTS, self.weights, lasting=lasting)
        text = msgspec.json.format(msgspec.json.encode(self.about), indent=2)
        write(folder / DESCRIPTION, text + b"\n", lasting=lasting)
        if self.weights is None:
            (folder / WEIGHTS).unlink(missing_ok=True)


def forget(folder: Path) -> None:
    """Delete the policy in a folder, if there is one."""
    for name in (DESCRIPTION, WEIGHTS):
        with suppress(NotADirectoryError):
            (folder / name).unlink(missing_ok=True)


class Kept(msgspec.Struct, forbid_unknown_fields=True, tag_field="kind", kw_only=True):
    """What all kinds have.

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


def tensors(content: bytes, load: Callable[[bytes], dict[str, T]]) -> dict[str, T]:
    """What a file of safetensors holds, if its head, whose length comes first, is short.

    Raises:
        ValueError: it is too long, or it is no such file.
    """
    if (head := int.from_bytes(content[:8], "little")) > MOST_HEAD:
        raise ValueError(f"expected tensors under a head of {MOST_HEAD:,} bytes, got {head:,}")
    try:
        return load(content)
    except SafetensorError as wrong:
        raise ValueError(str(wrong)) from None


class Table(Kept, tag="table"):
    """A user's table on hats; the numbers are `table` of the other file, float64 (kinds, KNOTS).

    Attributes:
        observes: "strategy" for a row for each route, or "model" for one for each route and model
            that failed: (1, M1), (1, M2), (2, M1), (2, M2).
        reading: what the numbers are, see `agents.tables`.
        knots: from s = 0 to s = 1, even in this; between them the table is linear in it.
    """

    observes: Literal["strategy", "model"]
    reading: Reading
    knots: Literal["s^(3/4)"] = "s^(3/4)"

    @classmethod
    def of(cls, learnt: Floats, reading: Reading) -> Whole:
        """Of the table of one learner, its kinds end to end: 2, or 4 for one who sees the model."""
        rows = np.ascontiguousarray(learnt, dtype=np.float64).reshape(-1, KNOTS)
        observes: Any = "model" if len(rows) == 4 else "strategy"
        about = msgspec.to_builtins(cls(observes=observes, reading=reading))
        return Whole(about, save({"table": rows}))

    def agent(self, weights: bytes) -> User | ModelUser:
        """The user whose numbers these are.

        Raises:
            ValueError: they are not of such a table, or of nothing.
        """
        table = tensors(weights, load).get("table", np.zeros(0))
        kinds = 4 if self.observes == "model" else 2
        if table.dtype != np.float64 or table.shape != (kinds, KNOTS):
            wanted = f"float64 of shape ({kinds}, {KNOTS})"
            raise ValueError(f"expected a table of {wanted}, got {table.dtype} of {table.shape}")
        require(np.isfinite(table), "a number of the table", table, "be finite")
        user = TableModelUser if self.observes == "model" else TableUser
        return user(table.reshape(1, -1), self.reading)


class TableUser:
    """A user who reads a table: sees (i, s).

    Args:
        table: of one user, shape (1, kinds * KNOTS).
        reading: what its numbers are.
    """

    observes = "strategy"

    def __init__(self, table: Floats, reading: Reading) -> None:
        self._table, self._reading = table, reading

    def abandon(self, route: ArrayLike, cascade: ArrayLike) -> Abandon:
        """The learnt q(i, s)."""
        return _looked_up(self._table, self._reading, route, cascade)


class TableModelUser:
    """The same, of one who also sees which model has just failed."""

    observes = "model"

    def __init__(self, table: Floats, reading: Reading) -> None:
        self._table, self._reading = table, reading

    def abandon_after(self, route: ArrayLike, cascade: ArrayLike, model: ArrayLike) -> Abandon:
        """The learnt chance of leaving after `model` (1 or 2) has failed."""
        return _looked_up(self._table, self._reading, route, cascade, model)


def _looked_up(
    table: Floats, reading: Reading, route: ArrayLike, cascade: ArrayLike, *model: ArrayLike
) -> Abandon:
    """A table's answers, in the arguments' broadcast shape."""
    route, s, *failed = np.broadcast_arrays(route, cascade, *model)
    kind = np.asarray(kind_of(route, *failed)).astype(np.int64)
    return tables.answers(table, reading, kind, s).reshape(s.shape)


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
