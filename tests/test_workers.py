"""Worker processes: as many as are of use, none where none can be had, none that outlives us."""

from __future__ import annotations

import io
import json
import math
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from joblib.externals.loky.backend import fork_exec
from processes import started, wait_until, workers_of

from routing_game.experiments import InputError, cli
from routing_game.experiments.cells import processes, workers
from routing_game.experiments.cells.progress import Steps
from routing_game.experiments.cells.workers import (
    HERE_LAST,
    Died,
    attempted,
    in_workers,
    useful,
    with_here_last,
)
from routing_game.experiments.commands import checks

NUMBERS = [float(k) for k in range(6)]
ROOTS = [math.sqrt(k) for k in NUMBERS]


class Heard:
    """What is told of the work."""

    def __init__(self):
        self.said, self.workers, self.begun_, self.ended_ = [], [], [], []

    def say(self, line):
        self.said.append(line)

    def starting(self, workers):
        self.workers.append(workers)

    def begun(self, number, cell):
        self.begun_.append((number, cell))

    def ended(self, number, seconds):
        assert seconds is None or seconds >= 0
        self.ended_.append(number)


@pytest.fixture
def two_cores(monkeypatch):
    monkeypatch.setattr(workers, "cores", lambda: 2)


# --- how many ---


@pytest.mark.parametrize(
    ("asked", "jobs", "there", "used"),
    [(100_000, 1, 8, 1), (100_000, 50, 8, 8), (3, 50, 8, 3), (8, 5, 64, 5), (2, 0, 8, 1)],
)
def test_there_are_no_more_workers_than_jobs_and_cores(monkeypatch, asked, jobs, there, used):
    monkeypatch.setattr(workers, "cores", lambda: there)
    assert useful(asked, jobs) == used


def test_a_lone_job_is_done_here_whatever_is_asked_for(two_cores):
    heard = Heard()
    assert [*in_workers(_where, [0], 100_000, heard)] == [os.getpid()]
    assert heard.workers == [1]


def _where(_):
    return os.getpid()


def test_no_job_starts_nothing(two_cores):
    heard = Heard()
    assert [*in_workers(math.sqrt, [], 4, heard)] == []
    assert heard.workers == heard.said == []


@pytest.mark.parametrize("count", [1, 2])
def test_every_job_is_told_of_from_its_start_to_its_end(two_cores, count):
    heard = Heard()
    assert sorted(in_workers(math.sqrt, NUMBERS, count, heard)) == ROOTS
    assert heard.workers == [count]
    assert heard.begun_ == [*enumerate(NUMBERS)]
    assert sorted(heard.ended_) == [*range(len(NUMBERS))]


# --- where none can be had ---


def test_a_worker_of_somebody_s_pool_does_the_work_itself(two_cores, monkeypatch):
    monkeypatch.setitem(multiprocessing.current_process()._config, "daemon", True)
    heard = Heard()
    assert [*in_workers(math.sqrt, NUMBERS, 2, heard)] == ROOTS
    assert heard.workers == [1]
    assert "a worker of multiprocessing itself" in heard.said[0]


def test_a_thread_of_somebody_s_pool_does_the_work_itself(two_cores):
    from joblib import Parallel, delayed

    heard = [Heard(), Heard()]
    jobs = (delayed(lambda one: [*in_workers(math.sqrt, NUMBERS, 2, one)])(one) for one in heard)
    assert Parallel(n_jobs=2, backend="threading")(jobs) == [ROOTS, ROOTS]
    assert [one.workers for one in heard] == [[1], [1]]


def test_a_thread_may_have_workers(two_cores):
    found, before = [], signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=lambda: found.extend(in_workers(math.sqrt, NUMBERS, 2)))
    thread.start()
    thread.join()
    assert sorted(found) == ROOTS
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    ("value", "words"), [("0", "(JOBLIB_MULTIPROCESSING=0)"), ("no", "(joblib: invalid literal")]
)
def test_joblib_without_processes_is_no_failure(value, words):
    code = (
        "import math, sys\n"
        "from routing_game.experiments.cells import workers\n"
        "from routing_game.experiments.cells.progress import Steps\n"
        "workers.cores = lambda: 2\n"
        "print([*workers.in_workers(math.sqrt, [4.0, 9.0], 2, Steps(sys.stdout))])\n"
    )
    surroundings = {**os.environ, "JOBLIB_MULTIPROCESSING": value}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, env=surroundings
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("no worker processes here ")
    assert words in done.stdout
    assert done.stdout.endswith("one cell is run after the other\n[2.0, 3.0]\n")


def test_a_current_folder_that_is_gone_is_no_failure(two_cores, tmp_path, monkeypatch):
    """Of the kind "where workers cannot be had, run serially": before, loky asked where it was."""
    monkeypatch.chdir(tmp_path)
    tmp_path.rmdir()
    assert [*in_workers(math.sqrt, [4.0, 9.0], 2)] == [2.0, 3.0]
    assert with_here_last(["a", ""]) == ["a", ""]


def test_the_watch_ends_no_process_that_is_not_a_worker():
    before, threads = signal.getsignal(signal.SIGINT), threading.active_count()
    processes.begin(os.getpid())
    assert signal.getsignal(signal.SIGINT) is before
    assert threading.active_count() == threads


# --- where one dies ---

DEADLY = """
import os, signal, sys, threading, time
from routing_game.theory import Commitment


class Fine:
    def act(self):
        return Commitment(1, 0.25)

    def update(self, commitment, task):
        pass

    def recommend(self):
        return Commitment(1, 0.25)


class Exits(Fine):
    def act(self):
        os._exit(3)


class EatsAllMemory(Fine):
    def act(self):
        os.kill(os.getpid(), signal.SIGKILL)


class Interrupts(Fine):
    def act(self):
        raise KeyboardInterrupt


NEXT = threading.Event()


def wait_for_the_next():
    NEXT.wait()
    os._exit(5)


class HitsTheNext(Fine):
    def recommend(self):
        threading.Thread(target=wait_for_the_next, daemon=True).start()
        return Commitment(1, 0.25)


class IsSlow(Fine):
    def act(self):
        NEXT.set()
        time.sleep(0.005)
        return Commitment(1, 0.25)
"""
PLAYED = "the worker that played it"


def test_a_cell_whose_worker_dies_is_tried_again_alone_and_only_then_an_error(two_cores, tmp_path):
    def root(number):
        mark = tmp_path / f"{number}"
        if number == 4 or (number == 1 and not mark.exists()):
            mark.touch()
            os._exit(3)
        return math.sqrt(number)

    steps = Steps(io.StringIO())
    done = steps.over(in_workers(root, [0, 1, 4], 2, steps), 3, "cells")
    assert [next(done), next(done)] == [0, 1]
    with pytest.raises(InputError, match=r"^a cell .* \(it ended with exit code 3\); what is"):
        next(done)
    said = "a worker ended with exit code 3: its cell is tried again, alone, at the end\n"
    assert steps.stream.getvalue().count(said) == 2
    assert steps.state() == "2 of 3 cells, about 0:00 left"
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("count", [1, 2])
def test_who_dies_is_told_of_and_the_others_are_done(two_cores, count, alone):
    def exit_if_odd(number):
        if number % 2:
            os._exit(number)
        return number

    heard = Heard()
    done = [*attempted(exit_if_odd, range(4), count, heard, apart=True, alone=alone)]
    died = [one for one in done if isinstance(one, Died)]
    assert sorted(one for one in done if not isinstance(one, Died)) == [0, 2]
    assert {(one.cell, one.how) for one in died} == {
        (1, "ended with exit code 1"),
        (3, "ended with exit code 3"),
    }
    assert all(one.certain for one in died) or not alone
    assert sorted(heard.ended_) == [0, 1, 2, 3]
    assert not multiprocessing.active_children()


@pytest.mark.parametrize(
    ("number", "words", "certain"),
    [
        (signal.SIGKILL, r"was killed by signal 9 (SIGKILL: out of memory?)", False),
        (signal.SIGABRT, r"was killed by signal 6 (SIGABRT)", True),
    ],
)
def test_whom_somebody_else_may_have_killed_is_not_blamed(two_cores, number, words, certain):
    (died,) = attempted(signal.raise_signal, [number], apart=True)
    assert (died.cell, died.how, died.certain) == (number, words, certain)


def test_a_process_for_every_cell_is_another_each_time(two_cores):
    alone = [*attempted(os.getpgid, [0, 0, 0], alone=True)]
    assert alone == [os.getpgid(0)] * 3
    assert len({*attempted(lambda _: os.getpid(), range(3), alone=True)} - {os.getpid()}) == 3
    assert len({*attempted(lambda _: os.getpid(), range(3), apart=True)} - {os.getpid()}) == 1


def test_a_worker_that_grows_is_replaced(two_cores):
    """Not by its first job, which may import what all later ones need."""

    def grow(size):
        processes.GROWTH, processes.kept = 1 << 24, b"x" * size
        return os.getpid()

    assert len({*attempted(grow, [1 << 26, 1 << 26, 0, 0], apart=True)}) == 1
    first, second, third, fourth = attempted(grow, [0, 1 << 26, 0, 0], apart=True)
    assert first == second != third == fourth


def test_a_worker_that_cannot_begin_is_an_error_not_a_wait(two_cores, monkeypatch):
    monkeypatch.setattr(workers.os, "getpid", lambda: 1)  # not the parent of any worker
    with pytest.raises(InputError, match="a worker died before it had begun"):
        [*attempted(_where, range(3), apart=True)]


@pytest.fixture
def newborn(monkeypatch):
    """Kills the first processes that begin, so many; and a list of all."""
    begun, fork = [], fork_exec.fork_exec

    def kill(count):
        def begin(*words, **named):
            begun.append(fork(*words, **named))
            if len(begun) <= count:
                os.kill(begun[-1], signal.SIGKILL)
            return begun[-1]

        monkeypatch.setattr(fork_exec, "fork_exec", begin)
        return begun

    return kill


def test_a_worker_that_is_killed_as_it_begins_is_replaced(two_cores, newborn):
    """Whatever it is to work with: more than its pipe holds would be waited for without end."""
    begun, content = newborn(2), bytes(1 << 20)
    done = [*attempted(lambda number: len(content) * number, [1, 2], apart=True)]
    assert done == [1 << 20, 1 << 21]
    assert len(begun) == 3
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("count", [1, 2])
def test_workers_that_are_all_killed_as_they_begin_are_an_error_in_the_end(
    two_cores, newborn, count
):
    begun = newborn(1000)
    with pytest.raises(InputError, match="a worker died before it had begun: it was killed by sig"):
        [*attempted(_where, range(3), count, apart=True)]
    assert 3 * count <= len(begun) <= 4 * count
    assert not multiprocessing.active_children()


def test_the_threads_of_all_workers_share_the_cores(two_cores, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "7")  # unless somebody says otherwise
    asked = ["OMP_NUM_THREADS", "MKL_NUM_THREADS"]
    assert {*in_workers(os.getenv, asked, workers=2)} == {"1", "7"}
    assert {*attempted(os.getenv, asked, apart=True)} == {"2", "7"}


def test_memory_stays_with_a_worker_unless_somebody_says_otherwise(two_cores, monkeypatch):
    for name in processes.MEMORY:
        monkeypatch.delenv(name, raising=False)
    first, second = processes.MEMORY
    monkeypatch.setenv(second, "123")
    told = {*in_workers(os.getenv, [first, second], workers=2)}
    assert told == {str(processes.MEMORY[first]), "123"}


def test_what_a_job_raises_comes_here(two_cores):
    with pytest.raises(ValueError, match="math domain error"):
        [*in_workers(math.sqrt, [1.0, -1.0, 1.0], 2)]
    with pytest.raises(TypeError, match="a result that cannot be sent"):
        [*in_workers(lambda _: threading.Lock(), [1, 2], 2)]
    assert not multiprocessing.active_children()


@pytest.fixture
def deadly(monkeypatch, here):
    """In a folder with the module, the exit code of `check` without a report."""
    (here / "deadly.py").write_text(DEADLY)
    monkeypatch.setattr(checks, "present", lambda directory, records: len([*records]))

    def check(learners, tasks, count):
        words = ["check", "--learners", learners, "--games", "t4-cascade", "--seeds", "1"]
        return cli.main([*words, "--tasks", tasks, "--workers", count, "--out", "out"])

    return check


@pytest.mark.parametrize("count", ["1", "2"])
def test_a_learner_that_ends_its_process_fails_on_record_and_alone(
    two_cores, deadly, capsys, count
):
    """With one worker, too, whose process is then not the command's own."""
    names = ["Exits", "EatsAllMemory", "Interrupts", "Fine"]
    assert deadly(",".join(["ucb", *(f"deadly:{name}" for name in names)]), "60", count) == 5
    said = capsys.readouterr().err
    assert said.count("failed: ") == 3
    assert "Traceback" not in said
    errors = _errors(Path("out"))
    assert errors["deadly:Interrupts"].startswith("KeyboardInterrupt: ")
    assert errors == {
        "ucb": None,
        "deadly:Fine": None,
        "deadly:Exits": f"{PLAYED} ended with exit code 3",
        "deadly:EatsAllMemory": f"{PLAYED} was killed by signal 9 (SIGKILL: out of memory?)",
        "deadly:Interrupts": errors["deadly:Interrupts"],
    }


def test_a_cell_that_another_one_hit_is_not_blamed(two_cores, deadly, capsys):
    """A thread that the first left behind ends the process while the next is under way."""
    assert deadly("deadly:HitsTheNext,deadly:IsSlow", "200", "1") == 2
    said = capsys.readouterr().err
    assert "a worker ended with exit code 5: deadly:IsSlow on t4-cascade, seed 0, is tried" in said
    assert _errors(Path("out")) == {"deadly:HitsTheNext": None, "deadly:IsSlow": None}


def _errors(out):
    """Learner -> what its cell failed of."""
    records = [json.loads(file.read_text()) for file in (out / "cells").iterdir()]
    return {record["learner"]: record["error"] for record in records}


# --- where they look for modules ---


def test_the_current_folder_comes_last(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    here, other = str(tmp_path), str(tmp_path.parent)
    for first in ("", ".", here):
        assert with_here_last([first, "a", other]) == ["a", other, first]
    assert with_here_last(["a", other]) == ["a", other]
    monkeypatch.setattr(workers.routing_game, "__path__", [str(tmp_path / "routing_game")])
    assert with_here_last(["a", here]) == [here, "a"]  # our own package lies there


def test_threads_that_look_here_last_leave_everything_as_it_was(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    before = [*sys.path]
    barrier = threading.Barrier(4)

    def use():
        for _ in range(50):
            barrier.wait()
            with HERE_LAST:
                assert sys.path[0] != ""
                assert os.environ["PYTHONSAFEPATH"] == "1"

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sys.path == before
    assert "PYTHONSAFEPATH" not in os.environ


# --- how they end ---


IDLE = """
import os, sys, time
from routing_game.experiments.cells import processes, workers

workers.cores = lambda: 2
jobs = workers.in_workers(time.sleep, [0.0, 0.0, 600.0], 2)
next(jobs), next(jobs)  # from now on one is idle
print("idle", flush=True)
next(jobs)
"""


@pytest.mark.skipif(shutil.which("ps") is None, reason="needs ps")
def test_an_idle_worker_does_not_outlive_a_killed_parent():
    with started(sys.executable, "-P", "-c", IDLE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "idle\n"
        process.kill()
        process.wait()
        wait_until(lambda: workers_of(process.pid) == [])
