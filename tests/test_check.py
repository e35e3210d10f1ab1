"""`routing-game check`: cells on disk, resumed after a kill, the same on any engine.

Failures are on record.
"""

import io
import json
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from dataclasses import replace
from subprocess import DEVNULL, PIPE

import numpy as np
import pytest
from processes import COMMAND, started, wait_until, workers_of
from records import facts

from routing_game.experiments import InputError
from routing_game.experiments.cells.progress import Progress, clock
from routing_game.experiments.cells.records import Record, RunDirectory
from routing_game.experiments.cells.run import run
from routing_game.experiments.cells.spec import Cell, Spec
from routing_game.experiments.check import sets
from routing_game.experiments.check.learners import LEARNERS
from routing_game.experiments.check.suite import CASCADE_GAMES, CHECK, make_spec
from routing_game.experiments.check.traces import Trace
from routing_game.experiments.check.trainers import sb3
from routing_game.experiments.cli import main
from routing_game.theory import GAMES
from routing_game.theory.frequencies import PRIORS

SMALL = [
    "--games",
    "t4-cascade,value-cheap",
    "--learners",
    "equilibrium,ucb,structural",
    "--seeds",
    "2",
    "--tasks",
    "60",
]
CELLS = 2 * 3 * 2


def check(out, *words):
    return main(["check", *(words or SMALL), "--engine", "serial", "--out", str(out)])


def contents(out):
    return {file.name: file.read_bytes() for file in (out / "cells").iterdir()}


def train_cell(cell, practice):
    """The trace of a cell that is trained alone."""
    world, agent = cell.streams(2)
    train = LEARNERS[cell.learner].train
    (trace,) = train([GAMES[cell.game]], practice, [world], [agent])
    return trace


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    """A small run that is complete, to be copied."""
    run = tmp_path_factory.mktemp("complete") / "run"
    assert check(run) == 0
    return run


@pytest.fixture
def finished(complete, tmp_path):
    """A small run that is complete."""
    shutil.copytree(complete, tmp_path / "run")
    return tmp_path / "run"


# --- resuming ---


LONG = [
    "--games",
    "t4-cascade,t5-cascade,value-cheap",
    "--learners",
    "ucb,thompson",
    "--seeds",
    "4",
    "--tasks",
    "20000",
]


@pytest.mark.parametrize(
    ("workers", "how"),
    [
        pytest.param("1", "SIGKILL", marks=pytest.mark.slow),
        pytest.param("2", "SIGINT", marks=pytest.mark.slow),
        ("2", "SIGKILL"),
    ],
)
@pytest.mark.skipif(not hasattr(os, "killpg"), reason="signals of POSIX")
def test_a_killed_check_resumes_without_repeating_a_cell(tmp_path, workers, how):
    out = tmp_path / "run"
    words = [*COMMAND, "check", *LONG, "--out", str(out), "--workers", workers]
    with started(*words, stdout=PIPE, stderr=PIPE) as process:
        wait_for_cells(process, out, 4)
        if how == "SIGINT":
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does at Ctrl-C
        else:
            process.kill()
        _, error = process.communicate(timeout=120)
    assert process.returncode == {"SIGINT": 130, "SIGKILL": -signal.SIGKILL}[how]
    if how == "SIGINT":
        last = error.splitlines()[-1]
        assert "Traceback" not in error
        assert (
            "of 24 cells are done and kept; resume with: routing-game check --games t4-cascade"
            in last
        )

    done = {
        file.name: (file.stat().st_mtime_ns, file.stat().st_ino)
        for file in (out / "cells").glob("[!.]*")
    }
    assert 4 <= len(done) < 24
    again = subprocess.run(words, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert f"{len(done)} of 24 cells were finished before" in again.stderr
    now = {
        file.name: (file.stat().st_mtime_ns, file.stat().st_ino)
        for file in (out / "cells").glob("[!.]*")  # whoever is killed may leave a draft
    }
    assert len(now) == 24
    assert {name: now[name] for name in done} == done
    assert (out / "report.html").exists()


def wait_for_cells(process, out, count):
    def there():
        assert process.poll() is None, process.stderr.read()
        return len([*(out / "cells").glob("[!.]*")]) >= count

    wait_until(there)


@pytest.mark.parametrize("delay", [0.0, 0.5])
@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM"])
@pytest.mark.skipif(shutil.which("ps") is None, reason="needs ps")
def test_a_check_that_is_stopped_while_its_workers_start_says_one_line(tmp_path, how, delay):
    words = [*COMMAND, "check", *LONG, "--workers", "2", "--out", str(tmp_path)]
    with started(*words, stdout=PIPE, stderr=PIPE) as process:
        wait_until(lambda: workers_of(process.pid) != [])
        time.sleep(delay)  # the second one may be about to begin, or they are importing
        # to all, as a terminal does at Ctrl-C and as `timeout` does
        os.killpg(process.pid, getattr(signal, how))
        _, error = process.communicate(timeout=120)
    assert process.returncode == 130
    first, last = error.splitlines()
    assert first == "starting 2 workers ..."
    assert last.startswith("routing-game: stopped: ")


@pytest.mark.skipif(shutil.which("ps") is None, reason="needs ps")
def test_workers_do_not_outlive_a_killed_check(tmp_path):
    words = [*COMMAND, "check", *LONG, "--tasks", "3000000", "--workers", "2"]
    with started(*words, "--out", str(tmp_path), stderr=DEVNULL) as process:
        wait_until(lambda: len(workers_of(process.pid)) == 2)
        time.sleep(2)  # both are at work, of which there is more than that
        assert len(workers_of(process.pid)) == 2
        process.kill()
        process.wait()
        wait_until(lambda: workers_of(process.pid) == [])


def test_a_finished_run_is_only_reported_again(finished, capsys):
    before, report = contents(finished), (finished / "report.html").read_text()
    assert check(finished) == 0
    assert contents(finished) == before
    assert (finished / "report.html").read_text() == report
    assert main(["report", str(finished)]) == 0
    assert (finished / "report.html").read_text() == report


# --- the same facts ---


def test_engine_and_workers_change_no_fact(tmp_path, finished):
    assert main(["check", *SMALL, "--workers", "2", "--out", str(tmp_path / "two")]) == 0
    assert facts(tmp_path / "two") == facts(finished)


def test_torch_uses_one_thread_in_a_cell_and_as_many_as_before_elsewhere(monkeypatch):
    import torch

    from routing_game.agents import SACProvider

    seen, train = [], SACProvider.train

    def spy(self):
        for tasks in train(self):
            seen.append(torch.get_num_threads())
            yield tasks

    monkeypatch.setattr(SACProvider, "train", spy)
    world, agent = Cell("sac", "t4-cascade", 0).streams(2)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        sb3("sac")([GAMES["t4-cascade"]], 40, [world], [agent])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert {*seen} == {1}


def test_a_cell_depends_on_nothing_but_itself(tmp_path, finished):
    alone = ["--games", "value-cheap", "--learners", "ucb", "--seeds", "1", "--tasks", "60"]
    assert check(tmp_path / "alone", *alone) == 0
    name = Cell("ucb", "value-cheap", 0).filename
    assert facts(tmp_path / "alone")[name]["trace"] == facts(finished)[name]["trace"]


def test_streams_differ_between_cells_and_between_world_and_agent():
    cells = [
        Cell(a, g, s)
        for a in ("ucb", "thompson")
        for g in ("t4-cascade", "t5-stay")
        for s in (0, 1)
    ]
    states = {tuple(stream.generate_state(4)) for cell in cells for stream in cell.streams(2)}
    assert len(states) == 2 * len(cells)
    again = Cell("ucb", "t4-cascade", 0).streams(2)[1]
    np.testing.assert_array_equal(again.generate_state(4), cells[0].streams(2)[1].generate_state(4))


# --- what is refused ---


def damage(finished):
    """One way each to spoil a run, with a word that the message must hold."""
    cell = finished / "cells" / Cell("ucb", "value-cheap", 0).filename
    record = json.loads(cell.read_text())
    yield cell, '{"learner": "ucb", "ga', "damaged"
    yield cell, " ", "damaged"
    yield cell, "[]", "damaged"
    yield (
        cell,
        json.dumps({**record, "trace": {**record["trace"], "cascade": [0.5]}}),
        "different lengths",
    )
    yield (
        cell,
        json.dumps({**record, "trace": {**record["trace"], "route": ["one"]}}),
        "trace.route[0]",
    )
    yield cell, json.dumps(record).replace('"cascade": [', '"cascade": [NaN, '), "invalid character"
    yield cell, json.dumps({**record, "run": "0" * 12}), "another run"
    yield cell, json.dumps({**record, "seed": 1}), "another run"
    yield cell.with_name("ucb__value-cheap__007.json"), json.dumps(record), "belongs to no cell"
    yield cell.with_name("notes.txt"), "mine", "belongs to no cell"
    yield (
        cell,
        json.dumps(
            {**record, "trace": {**record["trace"], "route": [7] * len(record["trace"]["route"])}}
        ),
        "route",
    )
    yield cell, json.dumps(record).replace('"cascade": [', '"cascade": [7.0, '), "column cascade"
    nothing = {key: [] for key in record["trace"] if key != "policy"}
    yield cell, json.dumps({**record, "trace": nothing}), "no rows"
    spoiled = {**record["trace"], "policy": {"about": {}, "weights": "no base64!"}}
    yield cell, json.dumps({**record, "trace": spoiled}), "damaged (Invalid base64"
    yield cell, json.dumps({**record, "seconds": "x"}), "seconds"
    yield cell, json.dumps({**record, "error": 5}), "error"
    yield cell, json.dumps({**record, "error": "ValueError: no"}), "an error and a trace"
    run = json.loads((finished / "run.json").read_text())
    yield finished / "run.json", json.dumps({"spec": run["spec"]}), "versions"
    yield finished / "run.json", json.dumps({**run, "versions": "new"}), "damaged"
    yield finished / "run.json", "{}", "damaged"
    yield finished / "run.json", '{"spec"', "damaged"


@pytest.mark.parametrize("case", range(21))
def test_a_damaged_or_foreign_file_stops_the_run_before_it_starts(finished, case, capsys):
    (
        finished / "cells" / Cell("structural", "value-cheap", 1).filename
    ).unlink()  # something is left to train
    file, text, hint = [*damage(finished)][case]
    file.write_text(text)
    before = contents(finished)
    capsys.readouterr()
    assert check(finished) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.count("\n") == 1
    assert str(file) in error
    assert hint in error
    assert contents(finished) == before


def test_a_cell_that_a_power_cut_left_empty_is_run_again(finished, capsys):
    cell = finished / "cells" / Cell("ucb", "value-cheap", 0).filename
    whole = json.loads(cell.read_text())
    cell.write_bytes(b"")
    capsys.readouterr()
    assert check(finished) == 0
    assert "11 of 12 cells were finished before and are kept" in capsys.readouterr().err
    assert {**json.loads(cell.read_text()), "seconds": 0} == {**whole, "seconds": 0}


@pytest.mark.parametrize(
    ("flag", "value", "hint"),
    [
        ("--seeds", "1", "2 seeds, not 1"),
        ("--tasks", "61", "a practice of 60, not 61"),
        ("--games", "t4-cascade", "it also has the game value-cheap"),
    ],
)
def test_another_spec_does_not_enter_the_folder(finished, capsys, flag, value, hint):
    words, before = [*SMALL], contents(finished)
    words[words.index(flag) + 1] = value
    capsys.readouterr()
    assert check(finished, *words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert hint in error
    assert contents(finished) == before


def test_changed_numbers_of_a_game_are_another_spec(tmp_path):
    spec = make_spec("default", ("t4-cascade",), ("ucb",))
    other = replace(spec, games={"t4-cascade": GAMES["t5-cascade"]})
    RunDirectory.create(CHECK, tmp_path, spec)
    with pytest.raises(InputError, match="other numbers"):
        RunDirectory.create(CHECK, tmp_path, other)


def test_a_run_without_its_cells_is_no_run(finished, capsys):
    shutil.rmtree(finished / "cells")
    capsys.readouterr()
    assert main(["report", str(finished)]) == 2
    out, error = capsys.readouterr()
    assert (out, error.count("\n")) == ("", 1)
    assert f"{finished} (no folder cells)" in error


def test_a_folder_of_something_else_is_left_alone(tmp_path, capsys):
    (tmp_path / "thesis.tex").write_text("mine")
    assert check(tmp_path) == 2
    out, error = capsys.readouterr()
    assert (out, error.count("\n")) == ("", 1)
    assert "thesis.tex" in error
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_run_begun_with_other_code_says_so(finished, capsys):
    first, last = (
        finished / "cells" / Cell("ucb", "value-cheap", 0).filename,
        Cell("ucb", "value-cheap", 1).filename,
    )
    (finished / "cells" / last).unlink()
    capsys.readouterr()
    assert check(finished) == 0
    assert "warning" not in capsys.readouterr().err
    (finished / "cells" / last).unlink()
    first.write_text(json.dumps({**json.loads(first.read_text()), "commit": "0123456789ab"}))
    assert check(finished) == 0
    assert (
        capsys.readouterr().err.count("warning: the code has changed: was 0123456789ab, now ") == 1
    )


def test_drafts_left_by_a_kill_are_ignored(finished):
    (finished / "cells" / ".ucb__value-cheap__000.json.123").write_text('{"half')
    assert check(finished) == 0


# --- failures ---


def test_a_learner_that_raises_is_a_failed_row_and_stops_nothing(tmp_path, monkeypatch, capsys):
    def broken(games, practice, worlds, agents):
        if games[0].penalty > 1:
            raise FloatingPointError("loss is nan\nafter 3 updates")
        return LEARNERS["equilibrium"].train(games, practice, worlds, agents)

    monkeypatch.setitem(LEARNERS, "ucb", replace(LEARNERS["ucb"], train=broken))
    assert check(tmp_path) == 1
    out, error = capsys.readouterr()
    assert "2 of 2        0 %, 2 failed" in out
    assert "2 cells failed; repeat the check to try again" in out
    assert error.count("failed: ucb on t4-cascade") == 2
    records = [CHECK.record(text.decode()) for text in contents(tmp_path).values()]
    assert len(records) == CELLS
    failed = [record for record in records if record.error]
    assert {(record.learner, record.game) for record in failed} == {("ucb", "t4-cascade")}
    assert {record.error for record in failed} == {
        "FloatingPointError: loss is nan after 3 updates"
    }
    assert (
        "FloatingPointError: loss is nan after 3 updates" in (tmp_path / "report.html").read_text()
    )
    before = contents(tmp_path)
    monkeypatch.undo()
    assert check(tmp_path) == 0  # those that failed are tried again, they alone
    assert "2 cells failed before and will be tried again" in capsys.readouterr().err
    changed = {name for name, text in contents(tmp_path).items() if text != before[name]}
    assert changed == {record.cell.filename for record in failed}


def test_fresh_begins_anew_and_may_ask_for_another_run(finished, capsys):
    before = contents(finished)
    (finished / "cells" / "ucb__value-cheap__000.json").write_text("damaged")
    assert check(finished) == 2
    assert check(finished, *SMALL, "--fresh") == 0
    assert facts(finished).keys() == before.keys()
    assert "finished before" not in capsys.readouterr().err
    other = ["--games", "t4-cascade", "--learners", "ucb", "--seeds", "1", "--tasks", "50"]
    assert check(finished, *other) == 2
    assert check(finished, *other, "--fresh") == 0
    assert [*contents(finished)] == ["ucb__t4-cascade__000.json"]


def test_fresh_deletes_nothing_that_is_no_run_s(tmp_path, capsys):
    (tmp_path / "cells").mkdir()
    (tmp_path / "thesis.tex").write_text("mine")
    assert check(tmp_path, *SMALL, "--fresh") == 2
    assert "holds thesis.tex" in capsys.readouterr().err
    assert (tmp_path / "thesis.tex").read_text() == "mine"


def test_a_trace_that_is_none_is_a_failure(monkeypatch, tmp_path):
    bad = Trace([1, 2], [1, 1], [0.5, float("nan")], [], [])
    monkeypatch.setitem(LEARNERS, "ucb", replace(LEARNERS["ucb"], train=lambda *_: [bad]))
    directory = RunDirectory.create(
        CHECK, tmp_path, make_spec("default", ("t4-cascade",), ("ucb",), seeds=1)
    )
    (failed,) = run(directory, "serial")
    assert "column cascade" in failed.error
    assert [*directory.records()] == [failed]


@pytest.mark.slow
def test_the_smoke_profile_runs_every_learner(tmp_path, capsys):
    code = main(["check", "--profile", "smoke", "--workers", "1", "--out", str(tmp_path / "out")])
    directory = RunDirectory.open(CHECK, tmp_path / "out")
    records = [*directory.records()]
    assert [(record.cell, record.error) for record in records if record.error is not None] == []
    assert code == 0
    assert [record.cell for record in records] == directory.spec.cells()
    assert {record.learner for record in records if record.error is None} == {*LEARNERS}
    assert "report: " in capsys.readouterr().out


CONTROLS = [name for name in LEARNERS if name.endswith("-sb3") and name != "a2c-sb3"]
"""Of stable-baselines3, and slow; they share their code with the one that is left out."""


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name in CONTROLS)) for name in LEARNERS],
)
def test_a_cell_does_not_depend_on_who_drew_random_numbers_before(name):
    import torch

    practice, _ = LEARNERS[name].budgets["smoke"]
    cell, traces = Cell(name, "t5-cascade", 3), []
    for disturbance in (0, 1):
        np.random.seed(disturbance)  # noqa: NPY002  (the global generator is what SB3 draws from)
        torch.manual_seed(disturbance)
        traces.append(train_cell(cell, practice))
    assert traces[0] == traces[1]
    assert traces[0].practice[-1] >= 1


# --- specs and progress ---


@pytest.mark.parametrize("profile", ["smoke", "default", "full"])
def test_a_profile_is_all_games_and_learners(profile):
    spec = make_spec(profile)
    catalog = [*sets.TUNED[profile]]
    fresh = [name for name in spec.games if name not in catalog]
    assert profile == "smoke" or catalog == [*sets.CATALOG]
    assert [*spec.games] == catalog + fresh
    assert fresh
    assert {sets.set_of(name) for name in fresh} == {"fresh"}
    assert {sets.set_of(name) for name in catalog} == {"tuned"}
    assert [*spec.plans] == [*LEARNERS]
    assert [*spec.plans["ppo"].games] == catalog + fresh
    few = spec.plans["td3-sb3"].games
    assert few[:2] == CASCADE_GAMES
    if profile == "full":
        assert few[2] == sets.REAL_PAIR
        assert [sets.origin(name).prior for name in few[3:]] == [*PRIORS]
        assert {*few[3:]} <= {*fresh}
    else:
        assert few == CASCADE_GAMES
    users = [*spec.plans["ppo-user"].games]
    assert users[:2] == [*CASCADE_GAMES]
    for name in fresh:  # a user has something to learn where one of the models is worth its time
        xi1, xi2 = spec.games[name].net_value
        assert (name in users) == (xi1 * xi2 < 0)
    cells = spec.cells()
    assert len(cells) == len({*cells}) == sum(plan.count for plan in spec.plans.values())
    played = Counter((cell.learner, cell.game) for cell in cells)
    for name, plan in spec.plans.items():
        assert {played[name, game] for game in plan.games if game not in fresh} <= {plan.seeds}
        assert {played[name, game] for game in plan.games if game in fresh} <= {plan.fewer}
        assert plan.fewer <= plan.seeds
    assert {cell.seed for cell in cells[: len(LEARNERS)]} == {0}
    assert Spec.from_json(spec.to_json()) == spec


def test_full_profile_has_the_budgets_of_the_acceptance_figures():
    plans = make_spec("full").plans
    assert [plans[name].seeds for name in ("ucb", "thompson", "structural", "gradient")] == [20] * 4
    assert [plans[name].seeds for name in ("ppo", "ppo-user", "ppo-user-model")] == [10] * 3
    assert [plans[name].practice for name in ("ucb", "thompson", "structural")] == [
        300_000,
        300_000,
        5_000,
    ]
    rl = ("ppo", "a2c", "td3", "sac", "dqn", "ppo-user-answer", "q-user")
    assert [plans[name].seeds for name in rl] == [10] * len(rl)
    bandits = ("zooming", "ucb-tuned", "epsilon-greedy", "exp3", "elimination")
    assert [plans[name].seeds for name in bandits] == [20] + [10] * 4
    assert [plans[name].practice for name in bandits] == [1_000_000] + [30_000] * 4


def test_users_play_other_games_when_they_are_named():
    assert make_spec("default", ("value-cheap",), ("ppo-user",)).plans["ppo-user"].games == (
        "value-cheap",
    )


def test_progress_is_one_live_line_on_a_terminal_and_few_lines_elsewhere():
    cells = [Cell("ucb", "t4-cascade", seed) for seed in range(4)]
    records = [Record(*cell, "run", None, 30.0, None, Trace([], [], [], [], [])) for cell in cells]
    terminal, file = io.StringIO(), io.StringIO()
    terminal.isatty = lambda: True
    for stream in (terminal, file):
        progress = Progress(cells, 0, stream)
        progress.starting(2)
        for record in records:
            progress.tick(record)
        progress.close()
    assert (
        "\r\x1b[K1 of 4 cells, about 0:45 left" in terminal.getvalue()
    )  # 3 cells of 30 s on 2 workers
    assert terminal.getvalue().count("\n") == 2
    assert file.getvalue() == "starting 2 workers ...\n4 of 4 cells, about 0:00 left\n"


def test_clock():
    assert [clock(s) for s in (0, 65.4, 7384)] == ["0:00", "1:05", "2:03:04"]
