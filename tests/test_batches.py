"""Cells that train together: no fact depends on how they are batched, and a failure stays alone."""

import json
from dataclasses import replace

import numpy as np
import pytest
from records import facts

from routing_game.experiments.cells.records import RunDirectory
from routing_game.experiments.cells.run import batches, run
from routing_game.experiments.cells.spec import Cell
from routing_game.experiments.check.learners import LEARNERS, Learner
from routing_game.experiments.check.suite import CHECK, make_spec
from routing_game.experiments.check.trainers import stacked
from routing_game.experiments.play import checkpoints
from routing_game.theory import GAMES

GAMES_PLAYED = ("t4-cascade", "value-cheap", "t5-stay")
SEEDS = 3


class Search:
    """Toy providers: each keeps the best of random commitments, told by one task each."""

    def __init__(self, costs, rngs, tasks):
        self.costs, self.rngs, self.tasks = costs, rngs, tasks
        self.least = np.full(len(rngs), np.inf)
        self.route = np.ones(len(rngs), dtype=np.int64)
        self.cascade = np.zeros(len(rngs))

    def train(self):
        for task in range(1, self.tasks + 1):
            drawn = np.array([rng.random(2) for rng in self.rngs])
            route, cascade = 1 + (drawn[:, 0] < 0.5), drawn[:, 1]
            cost = self.costs(route[:, None], cascade[:, None])[:, 0]
            better = cost < self.least
            self.least = np.where(better, cost, self.least)
            self.route = np.where(better, route, self.route)
            self.cascade = np.where(better, cascade, self.cascade)
            yield task

    def recommend(self):
        return self.route, self.cascade


def learner(make=Search, batch=1):
    return Learner(
        "your own", "toy providers", stacked(make), {"default": (40, SEEDS)}, batch=batch
    )


def directory(path, names=("toy",)):
    return RunDirectory.create(CHECK, path, make_spec("default", GAMES_PLAYED, names, seeds=SEEDS))


@pytest.fixture
def toy(monkeypatch):
    """Registers the toy providers, changed as asked for."""
    return lambda **change: monkeypatch.setitem(LEARNERS, "toy", learner(**change))


@pytest.fixture
def expected(toy, tmp_path):
    """The facts of cells that each trained alone."""
    toy()
    run(directory(tmp_path / "alone"), "serial")
    return facts(tmp_path / "alone")


@pytest.mark.parametrize("batch", [2, 4, 100])
def test_records_are_the_same_whatever_the_batches(toy, tmp_path, expected, batch):
    toy(batch=batch)
    done = directory(tmp_path / "run")
    records = [*run(done, "serial")]
    assert facts(tmp_path / "run") == expected
    assert [record.cell for record in records] == done.spec.cells()
    assert {record.error for record in records} == {None}


def test_a_stacked_learner_is_looked_at_at_the_usual_checkpoints(expected):
    for record in expected.values():
        assert record["trace"]["practice"] == checkpoints(40)


def test_order_in_a_batch_changes_no_trace(toy):
    toy()
    spec = make_spec("default", GAMES_PLAYED, ("toy",))
    cells = spec.cells()
    there, back = CHECK.work(spec, cells), CHECK.work(spec, cells[::-1])
    assert there == back[::-1]
    assert len({json.dumps(trace.cascade) for trace in there}) == len(cells)


def test_workers_change_no_record(tmp_path, monkeypatch):
    monkeypatch.setitem(LEARNERS, "ucb", replace(LEARNERS["ucb"], batch=100))
    spec = make_spec("smoke", GAMES_PLAYED[:2], ("ucb", "structural"))
    for engine, workers in (("serial", 1), ("loky", 2)):
        run(RunDirectory.create(CHECK, tmp_path / engine, spec), engine, workers)
    assert facts(tmp_path / "loky") == facts(tmp_path / "serial")


def test_a_batch_stopped_in_the_middle_leaves_nothing_and_runs_again(toy, tmp_path, expected):
    class Stopped(Search):
        batches_begun = 0

        def train(self):
            type(self).batches_begun += 1
            for task in super().train():
                if task == 20 and self.batches_begun == 2:
                    raise KeyboardInterrupt
                yield task

    toy(make=Stopped, batch=4)
    with pytest.raises(KeyboardInterrupt):
        run(directory(tmp_path / "run"), "serial")
    kept = facts(tmp_path / "run")
    assert len(kept) == 3  # of nine cells in batches of three
    toy(batch=100)
    run(directory(tmp_path / "run"), "serial")
    assert facts(tmp_path / "run") == expected


def test_only_what_is_missing_of_a_batch_runs_again(toy, tmp_path, expected):
    sizes = []

    def make(costs, rngs, tasks):
        sizes.append(len(rngs))
        return Search(costs, rngs, tasks)

    toy(make=make, batch=100)
    run(directory(tmp_path / "run"), "serial")
    for game in GAMES_PLAYED[:2]:
        (tmp_path / "run" / "cells" / Cell("toy", game, 1).filename).unlink()
    run(directory(tmp_path / "run"), "serial")
    assert sizes == [9, 2]
    assert facts(tmp_path / "run") == expected


def test_a_row_that_raises_is_on_record_alone(toy, tmp_path, expected, capsys):
    class Fragile(Search):
        def train(self):
            for task in super().train():
                if (self.least < 0.2).any():
                    raise FloatingPointError(f"cheap after {task} tasks")
                yield task

    toy(make=Fragile, batch=100)
    records = [*run(directory(tmp_path / "run"), "serial")]
    failed = {record.cell.filename: record.error for record in records if record.error}
    assert 0 < len(failed) < len(records)
    assert all(error.startswith("FloatingPointError: cheap after") for error in failed.values())
    assert capsys.readouterr().err.count("failed: toy on") == len(failed)
    others = {name: fact for name, fact in expected.items() if name not in failed}
    found = facts(tmp_path / "run")
    assert {name: found[name] for name in others} == others


def test_a_row_of_nan_fails_alone_and_nothing_runs_twice(toy, tmp_path, expected):
    begun = []

    class Lost(Search):
        def __init__(self, costs, rngs, tasks):
            super().__init__(costs, rngs, tasks)
            begun.append(len(rngs))
            self.cascade[4] = np.nan

        def train(self):
            for task in super().train():
                self.cascade[4] = np.nan
                yield task

    toy(make=Lost, batch=100)
    records = [*run(directory(tmp_path / "run"), "serial")]
    assert begun == [9]
    (failed,) = (record for record in records if record.error)
    assert "column cascade" in failed.error
    assert failed.trace == CHECK.nothing
    found = facts(tmp_path / "run")
    assert found.pop(failed.cell.filename) != expected.pop(failed.cell.filename)
    assert found == expected


def test_a_batch_without_a_trace_for_each_cell_is_a_failure_of_all(monkeypatch, tmp_path):
    short = replace(learner(batch=100), train=lambda games, *_: [])
    monkeypatch.setitem(LEARNERS, "toy", short)
    records = [*run(directory(tmp_path), "serial")]
    errors = {record.error for record in records}
    assert errors == {"ValueError: expected a trace for each of 1 cells, got 0"}


def test_the_seconds_of_a_cell_are_its_share_of_the_batch(monkeypatch, tmp_path):
    clock = iter([10.0, 28.0])
    monkeypatch.setattr("routing_game.experiments.cells.run.time.perf_counter", lambda: next(clock))
    monkeypatch.setitem(LEARNERS, "toy", learner(batch=100))
    records = [*run(directory(tmp_path), "serial")]
    assert [record.seconds for record in records] == [2.0] * 9


# --- the learners that train together ---


TOGETHER = [name for name, entry in LEARNERS.items() if entry.batch > 1]


@pytest.mark.parametrize("name", TOGETHER)
def test_a_cell_learns_the_same_alone_and_in_company(name):
    smoke, _ = LEARNERS[name].budgets["smoke"]
    names = ("t4-cascade", "value-cheap", "t5-cascade", "t5-stay", "t4-cascade")
    cells = [Cell(name, game, seed) for seed, game in enumerate(names)]

    def train(some):
        worlds, agents = zip(*(cell.streams(2) for cell in some), strict=True)
        games = [GAMES[cell.game] for cell in some]
        return LEARNERS[name].train(games, 8 * smoke, worlds, agents)

    together = train(cells)
    assert [trace for cell in cells for trace in train([cell])] == together
    assert train(cells[::-1]) == together[::-1]
    assert len({json.dumps([trace.cascade, trace.leave_1]) for trace in together}) > 1


# --- how cells are batched ---


def named(name, count):
    return [Cell(name, "game", seed) for seed in range(count)]


@pytest.mark.parametrize(
    ("count", "limit", "workers", "sizes"),
    [
        (9, 1, 1, [1] * 9),
        (9, 4, 1, [3, 3, 3]),
        (9, 100, 1, [9]),
        (9, 100, 2, [5, 4]),
        (3, 100, 8, [1, 1, 1]),
        (33, 20, 2, [17, 16]),
        (50, 20, 2, [13, 13, 13, 11]),
    ],
)
def test_batches_are_alike_and_leave_no_worker_idle(count, limit, workers, sizes):
    made = batches(named("a", count), lambda _: limit, workers)
    assert [len(batch) for batch in made] == sizes
    assert [cell for batch in made for cell in batch] == named("a", count)


def test_a_batch_is_of_one_learner_and_comes_when_its_first_cell_would():
    one, many = named("one", 3), named("many", 4)
    cells = [one[0], many[0], one[1], many[1], one[2], many[2], many[3]]
    made = batches(cells, {"one": 1, "many": 2}.get)
    assert made == [one[:1], many[:2], one[1:2], one[2:], many[2:]]
    assert batches([], lambda _: 5) == []


def test_the_digest_of_a_spec_is_made_once(monkeypatch):
    spec, texts = make_spec("smoke", ("t4-cascade",), ("ucb",)), []
    to_json = type(spec).to_json
    monkeypatch.setattr(
        type(spec), "to_json", lambda self: texts.append(to_json(self)) or texts[-1]
    )
    assert spec.digest == spec.digest
    assert len(texts) == 1
    assert make_spec("smoke", ("t5-cascade",), ("ucb",)).digest != spec.digest
