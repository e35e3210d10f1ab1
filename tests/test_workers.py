"""Worker processes: as many as are of use, none where none can be had, none that outlives us."""

from __future__ import annotations

import math
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from routing_game.experiments import InputError
from routing_game.experiments.cells import workers
from routing_game.experiments.cells.workers import HERE_LAST, in_workers, useful, with_here_last

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
        assert seconds >= 0
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


def test_the_watch_ends_no_process_that_is_not_a_worker():
    before, threads = signal.getsignal(signal.SIGINT), threading.active_count()
    workers._begin(os.getpid())
    assert signal.getsignal(signal.SIGINT) is before
    assert threading.active_count() == threads


def test_a_worker_that_dies_is_an_error_in_a_line(two_cores):
    with pytest.raises(InputError, match="a worker died"):
        [*in_workers(os._exit, [3, 3], 2)]


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
from routing_game.experiments.cells import workers

workers.cores = lambda: 2
jobs = workers.in_workers(time.sleep, [0.0, 0.0, 600.0], 2)
next(jobs), next(jobs)  # from now on one is idle
print("idle", flush=True)
next(jobs)
"""


@pytest.mark.skipif(shutil.which("ps") is None, reason="needs ps")
def test_an_idle_worker_does_not_outlive_a_killed_parent(tmp_path: Path):
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", IDLE], stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"idle\n"
    process.kill()
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 20
    while _members(process.pid):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def _members(session):
    listing = subprocess.run(
        ["ps", "-s", str(session), "-o", "args="], capture_output=True, text=True
    )
    return [words for words in listing.stdout.splitlines() if "popen_loky" in words]
