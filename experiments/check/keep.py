"""`--keep-policies`: what each cell's learner ended with, as a policy that can be loaded and play.

    DIR/policies/<cell>/policy.json

A provider's is the commitment it recommends at the end of its practice, a user's its answers to the
commitments that it was judged on (`agents.kept`): the very facts that its regret is computed from.
`load_provider` and `load_user` bring them back, and `tournament --provider --user` lets them meet.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
import numpy as np

from routing_game.agents.kept import Answers, Committed
from routing_game.experiments.cells.records import Record, RunDirectory
from routing_game.experiments.cells.spec import Cell
from routing_game.experiments.cells.store import tried
from routing_game.experiments.check.learners import LEARNERS
from routing_game.experiments.check.traces import Trace
from routing_game.files import write
from routing_game.theory import Game

FILE = "policy.json"


def keep_policies(directory: RunDirectory[Game, Trace], records: Iterable[Record[Trace]]) -> Path:
    """Write a policy for each finished cell of a run, and none for others; the folder of all.

    Raises:
        InputError: the folder cannot be written to.
    """
    place = tried(directory.path / "policies")
    waiting = {*directory.spec.cells()}
    for record in records:
        if record.error is None:
            waiting.remove(record.cell)
            folder = place / Path(record.cell.filename).stem
            folder.mkdir(exist_ok=True)
            text = msgspec.json.format(msgspec.json.encode(policy(record)), indent=1)
            write(folder / FILE, text + b"\n")
    for cell in waiting:
        forget(place, cell)
    return place


def forget(place: Path, cell: Cell) -> None:
    """Delete the policy of a cell that is not finished: nothing old passes for new."""
    (place / Path(cell.filename).stem / FILE).unlink(missing_ok=True)


def policy(record: Record[Trace]) -> Committed | Answers:
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
        return Committed(route=trace.route[-1], cascade=trace.cascade[-1], made_by=made_by)
    last = np.array(trace.practice) == trace.practice[-1]
    route, cascade, leave_1, leave_2 = (
        np.array(column)[last]
        for column in (trace.route, trace.cascade, trace.leave_1, trace.leave_2)
    )
    return Answers.of(learner.sees_model, route, cascade, leave_1, leave_2, made_by)
