"""Run the cells of a spec, one file per finished cell.

A finished cell is never run again, unless it failed or its learner's own source has changed since.

Cells of one learner may train together, as a *batch*: that is one job of one worker. No fact
depends on how cells are batched, so a run may be stopped at any time and resumed with any number of
workers.
"""

import time
from collections.abc import Callable, Container, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from multiprocessing import parent_process
from typing import Generic, NamedTuple, TypeVar

from routing_game.experiments import in_a_line
from routing_game.experiments.cells.origin import commit
from routing_game.experiments.cells.progress import Progress, count, kept
from routing_game.experiments.cells.records import Checked, Record, RunDirectory, Suite
from routing_game.experiments.cells.shards import Shard
from routing_game.experiments.cells.spec import Cell, Spec
from routing_game.experiments.cells.workers import Died, attempted, useful
from routing_game.interrupts import is_stop, staying

G = TypeVar("G")
T = TypeVar("T", bound=Checked)
ALL = Shard()


def run(
    directory: RunDirectory[G, T],
    engine: str = "loky",
    workers: int = 1,
    shard: Shard = ALL,
) -> Iterator[Record[T]]:
    """Run every cell that is not finished; then the records of all, in the order of the spec.

    A cell that failed is tried again; its record stays until there is another. One whose learner
    has other source than then is forgotten at once: nothing old passes for new. The records are
    read from the directory, one at a time: those of a long run do not fit into memory.

    Args:
        directory: where records are kept; all are read first, so a bad one stops the run before it
            starts.
        engine: "loky" for worker processes, "serial" for this one. The records do not depend on it.
        workers: how many processes. With one and "loky", only learners of somebody's own leave
            this process, which they might end.
        shard: whose cells alone are run; others' records are left as they are.

    Raises:
        InputError: a file of the directory is damaged or foreign, or worker processes cannot begin.
    """
    suite, spec = directory.suite, directory.spec
    sources = {learner: suite.source(learner) for learner in spec.plans}
    mine = shard.of(spec)
    before_now, stale, failed = finished(directory, sources, mine)
    for cell in stale:
        directory.drop(cell)
    waiting = [cell for cell in spec.cells() if cell in mine and cell not in before_now]
    workers = 1 if engine == "serial" else useful(workers, len(waiting))
    progress = Progress(waiting, len(before_now))
    for learner in dict.fromkeys(cell.learner for cell in stale):
        progress.say(f"the source of {learner} has changed: its cells are run again")
    if failed:
        progress.say(f"{count(len(failed), 'cell')} failed before and will be tried again")
    if before_now:
        progress.say(kept(len(before_now), progress.total))
    if waiting and (others := {*before_now.values()} - {str(commit())}):
        before = ", ".join(sorted(others))
        progress.say(f"warning: the code has changed: was {before}, now {commit()}")
    if waiting:
        foreign = any(sources[cell.learner] is not None for cell in waiting)
        work = Workload(suite, spec, commit(), sources, workers, foreign and engine != "serial")
        with progress.moving(), closing(work.records(waiting, progress)) as records:
            for record in records:
                directory.keep(record)
                progress.tick(record)
    return directory.records()


@dataclass(frozen=True)
class Workload(Generic[G, T]):
    """How cells of a run are worked through.

    Attributes:
        suite: whose cells they are.
        spec: of the run.
        code: the commit.
        sources: learner -> its source, see `Suite.source`.
        workers: how many processes; 1 is this one, unless cells run apart.
        apart: whether even one worker is a process of its own, as somebody's own code may end it.
    """

    suite: Suite[G, T]
    spec: Spec[G]
    code: str | None
    sources: Mapping[str, str | None]
    workers: int
    apart: bool

    def records(
        self, cells: Sequence[Cell], progress: Progress
    ) -> Generator[Record[T], None, None]:
        """A record of every cell, as they finish.

        A cell whose worker dies of it has failed, and the rest goes on. Where it may have died of
        something else, a cell before or beside it, those in doubt run once more, each alone.
        """
        job = partial(recorded, self.suite, self.spec, code=self.code, sources=self.sources)
        doubtful: list[list[Cell]] = []
        jobs = batches(cells, self.suite.together, self.workers)
        with closing(attempted(job, jobs, self.workers, progress, self.apart)) as attempts:
            for done in attempts:
                if not isinstance(done, Died):
                    yield from done
                elif done.certain and len(done.cell) == 1:
                    yield self.lost(done)
                else:
                    doubtful += [[cell] for cell in done.cell]
                    again = f"{names(done.cell)} again, alone, at the end"
                    progress.say(f"a worker {done.how}: {again}")
        with closing(attempted(job, doubtful, 1, progress, alone=True)) as attempts:
            for done in attempts:
                yield from [self.lost(done)] if isinstance(done, Died) else done

    def lost(self, died: Died) -> Record[T]:
        """The record of a cell that its worker died of."""
        cell: Cell = died.cell[0]
        error, seconds = f"the worker that played it {died.how}", round(died.seconds, 6)
        nothing, source = self.suite.nothing, self.sources.get(cell.learner)
        return Record(*cell, self.spec.digest, self.code, seconds, error, nothing, source)


def names(cells: Sequence[Cell]) -> str:
    """What cells of one learner are called in a line."""
    first = cells[0]
    if len(cells) == 1:
        return f"{first.learner} on {first.game}, seed {first.seed}, is tried"
    return f"{len(cells)} cells of {first.learner} are tried"


class Finished(NamedTuple):
    """The cells of a directory that have a record."""

    kept: dict[Cell, str]
    """Those to be kept, and the commit of each."""
    stale: list[Cell]
    """Those whose learner's source has changed since."""
    failed: list[Cell]
    """The others that failed."""


def finished(
    directory: RunDirectory[G, T], sources: Mapping[str, str | None], mine: Container[Cell]
) -> Finished:
    """What is there of these cells of a run, if the learners have these sources now."""
    found = Finished({}, [], [])
    for record in directory.records():
        if record.cell not in mine:
            continue
        if record.source != sources[record.learner]:
            found.stale.append(record.cell)
        elif record.error is not None:
            found.failed.append(record.cell)
        else:
            found.kept[record.cell] = str(record.commit)
    return found


def batches(
    cells: Iterable[Cell], together: Callable[[str], int], workers: int = 1
) -> list[list[Cell]]:
    """The cells in batches of one learner each, ordered by their first cells.

    Args:
        cells: in the order in which they should be done.
        together: at most so many cells of a learner are a batch.
        workers: each gets about as many cells of a learner as any other.
    """
    ordered = [*cells]
    places: dict[str, list[int]] = {}
    for place, cell in enumerate(ordered):
        places.setdefault(cell.learner, []).append(place)
    cut: list[list[int]] = []
    for learner, mine in places.items():
        rounds = -(-len(mine) // (together(learner) * workers))
        size = -(-len(mine) // (rounds * workers))
        cut += [mine[start : start + size] for start in range(0, len(mine), size)]
    return [[ordered[place] for place in batch] for batch in sorted(cut)]


def recorded(
    suite: Suite[G, T],
    spec: Spec[G],
    cells: Sequence[Cell],
    code: str | None,
    sources: Mapping[str, str | None] | None = None,
) -> list[Record[T]]:
    """The records of a batch, whatever happens. A learner that raises is a failure on record.

    Whoever raises in company is not known: then the cells run again one by one, and those that fail
    alone take no other along. The seconds of a cell are its share of the batch.

    Args:
        suite: whose cells they are.
        spec: of the run.
        cells: which ones, all of one learner.
        code: the commit.
        sources: learner -> its source, see `Suite.source`; None for no learner.
    """
    start = time.perf_counter()
    try:
        with staying():
            traces = suite.work(spec, cells)
        if len(traces) != len(cells):
            raise ValueError(f"expected a trace for each of {len(cells)} cells, got {len(traces)}")
        outcomes = [checked(suite, trace) for trace in traces]
    except BaseException as problem:  # os._exit() in somebody's agent is no end of ours
        if _is_ours(problem):
            raise KeyboardInterrupt from problem
        if len(cells) > 1:
            each = (recorded(suite, spec, [cell], code, sources) for cell in cells)
            return [record for records in each for record in records]
        outcomes = [(suite.nothing, in_a_line(problem))]
    seconds = round((time.perf_counter() - start) / len(cells), 6)
    return [
        Record(*cell, spec.digest, code, seconds, error, trace, (sources or {}).get(cell.learner))
        for cell, (trace, error) in zip(cells, outcomes, strict=True)
    ]


def checked(suite: Suite[G, T], trace: T) -> tuple[T, str | None]:
    """The trace and None; of one that does not hold what it should, nothing and the reason."""
    try:
        trace.check()
    except BaseException as problem:
        if _is_ours(problem):
            raise KeyboardInterrupt from problem
        return suite.nothing, in_a_line(problem)
    return trace, None


def _is_ours(problem: BaseException) -> bool:
    """Whether it is a Ctrl-C, which is for us: workers leave them to their parent."""
    return is_stop(problem) and parent_process() is None
