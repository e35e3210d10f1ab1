"""`--keep-policies`: what each cell's learner ended with, as a policy that can be loaded and play.

    DIR/policies/<cell>/policy.json, policy.safetensors

A provider's is the commitment it recommends at the end of its practice. A user's is the network or
the table that it has learnt, whole: it answers whatever s it is asked as the learner would have. A
cell's record holds it, so that keeping it needs no new run. Of users in records of earlier versions
only the answers are known by which they were judged, and these are kept instead (`agents.kept`).
`load_provider` and `load_user` bring them back, and `tournament --provider --user` lets them meet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from routing_game.agents.kept import Answers, Committed, Whole, forget
from routing_game.experiments.cells.records import Record, RunDirectory
from routing_game.experiments.cells.spec import Cell
from routing_game.experiments.cells.store import tried
from routing_game.experiments.check.learners import LEARNERS
from routing_game.experiments.check.traces import Trace
from routing_game.theory import Game

EARLIER = "their cells are of a version that kept no more, and check --fresh runs them again"


@dataclass
class Kept:
    """The policies of a run on disk."""

    place: Path
    """The folder of all."""
    sampled: dict[Cell, str] = field(default_factory=dict)
    """Users of whom only answers are kept, and why."""

    def warning(self) -> str:
        """What to say of those who are not kept whole; empty if all are."""
        if not self.sampled:
            return ""
        one, reason = next(iter(self.sampled.items()))
        users = "1 user is" if len(self.sampled) == 1 else f"{len(self.sampled)} users are"
        example = Path(one.filename).stem
        how = "by answers to 102 commitments, linear in s between them"
        return f"warning: {users} kept {how}, such as {example}: {reason}"


def keep_policies(directory: RunDirectory[Game, Trace], records: Iterable[Record[Trace]]) -> Kept:
    """Write a policy for each finished cell of a run, and none for others.

    Raises:
        InputError: the folder cannot be written to.
        OSError: a policy cannot be written; no record of a cell is touched.
    """
    kept = Kept(tried(directory.path / "policies"))
    waiting = {*directory.spec.cells()}
    for record in records:
        if record.error is None:
            waiting.remove(record.cell)
            folder = folder_of(kept.place, record.cell)
            folder.mkdir(exist_ok=True)
            policy(record).put(folder, lasting=False)  # cells have it all, if the power is lost
            if reason := why_sampled(record):
                kept.sampled[record.cell] = reason
    for cell in waiting:
        forget(folder_of(kept.place, cell))  # nothing old passes for new
    return kept


def folder_of(place: Path, cell: Cell) -> Path:
    """Where a cell's policy is."""
    return place / Path(cell.filename).stem


def why_sampled(record: Record[Trace]) -> str:
    """Why the user of a finished cell is kept by its answers; empty if it is whole."""
    if LEARNERS[record.learner].role == "provider":
        return ""
    whole = record.trace.policy
    return "" if isinstance(whole, Whole) else whole or EARLIER


def policy(record: Record[Trace]) -> Whole:
    """What the learner of a finished cell ended with."""
    trace, learner = record.trace, LEARNERS[record.learner]
    made_by = {
        "learner": record.learner,
        "game": record.game,
        "seed": record.seed,
        "practice": trace.practice[-1],
        "commit": record.commit,
    }
    if learner.role == "provider":
        said = Committed(route=trace.route[-1], cascade=trace.cascade[-1], made_by=made_by)
        return Whole(msgspec.to_builtins(said))
    if isinstance(trace.policy, Whole):
        return replace(trace.policy, about=trace.policy.about | {"made_by": made_by})
    return Whole(msgspec.to_builtins(answered(trace, learner.sees_model, made_by)))


def answered(trace: Trace, sees_model: bool, made_by: dict[str, Any]) -> Answers:
    """What a user said to the commitments that it was judged on."""
    last = np.array(trace.practice) == trace.practice[-1]
    route, cascade, leave_1, leave_2 = (
        np.array(column)[last]
        for column in (trace.route, trace.cascade, trace.leave_1, trace.leave_2)
    )
    return Answers.of(sees_model, route, cascade, leave_1, leave_2, made_by)
