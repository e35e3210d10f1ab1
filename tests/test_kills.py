"""Runs that are killed at random times go on as if nothing had been.

Minutes long, so marked; `KILLS=50 KILLS_SEED=7 pytest -m slow tests/test_kills.py` kills more often
and at other times.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from functools import cache
from pathlib import Path

import pytest
from processes import COMMAND, members, started, workers_of
from records import facts

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "killpg"), reason="signals of POSIX"),
    pytest.mark.skipif(shutil.which("ps") is None, reason="needs ps"),
]

CHECK = ["check", "--games", "t4-cascade,t5-cascade,value-cheap", "--learners", "ucb,structural"]
CHECK += ["--seeds", "4", "--tasks", "4000"]
BELIEF = ["belief", "trap", "--profile", "smoke", "--sessions", "400"]
COMMANDS = {"check": CHECK, "belief": BELIEF}
KILLS = int(os.environ.get("KILLS", "6"))
SEED = int(os.environ.get("KILLS_SEED", "0"))
STOPPED = (130, -signal.SIGINT)
"""What a stopped command ends with. Python itself makes the latter of the former under ``-m``, if
the signal came while ``exec`` ran a text, as dataclasses do while they are imported. A shell
calls both 130.
"""


def command(name, out, count):
    """The words of the command, with results in that folder."""
    return [*COMMAND, *COMMANDS[name], "--out", str(out), "--workers", str(count)]


def victim(rng, process):
    """Whom to kill: the command, all of its processes, or one of its workers."""
    there = workers_of(process.pid)
    whom = rng.choice(["parent", "group", "worker"])
    if whom == "worker" and there:
        return whom, rng.choice(there), os.kill
    return (
        ("group", process.pid, os.killpg) if whom == "group" else ("parent", process.pid, os.kill)
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Of a command, the seconds and the facts of a run that nobody stops."""

    @cache
    def run(name):
        out, start = tmp_path_factory.mktemp(name), time.monotonic()
        subprocess.run(command(name, out, 2), capture_output=True, check=True)
        return time.monotonic() - start, facts(out)

    return run


@pytest.mark.parametrize("kill", range(KILLS))
@pytest.mark.parametrize("name", COMMANDS)
def test_a_killed_run_goes_on_as_if_nothing_had_been(whole, tmp_path: Path, name, kill):
    rng = random.Random(f"{SEED}/{name}/{kill}")
    seconds, expected = whole(name)
    out, count = tmp_path / "out", rng.choice([1, 2, 2])
    with (
        (tmp_path / "error").open("w") as error,
        started(*command(name, out, count), stdout=subprocess.DEVNULL, stderr=error) as process,
    ):
        time.sleep(rng.uniform(0, seconds))
        number = rng.choice([signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
        whom, target, strike = victim(rng, process)
        if process.poll() is None:
            strike(target, number)
        code = process.wait(timeout=60 + 4 * seconds)
        told = f"{number.name} to {whom}, {count} workers: exit code {code}"
        deadline = time.monotonic() + 30
        while left := members(process.pid):
            assert time.monotonic() < deadline, f"{told}: {left} is left"
            time.sleep(0.2)
    words = (tmp_path / "error").read_text()
    assert "Traceback" not in words, f"{told}\n{words}"
    # whoever was not hit, or only in a worker that leaves signals to its parent, ends well; so does
    # one whose worker was, and plays the cell once more
    assert code in (0, *STOPPED, -number), f"{told}\n{words}"

    before = facts(out) if out.exists() else {}
    assert before.items() <= expected.items(), told
    stamps = {file: (out / "cells" / file).stat().st_mtime_ns for file in before}
    again = subprocess.run(command(name, out, 2), capture_output=True, text=True)
    assert again.returncode == 0, f"{told}\n{again.stderr}"
    assert facts(out) == expected, told
    kept = {file: (out / "cells" / file).stat().st_mtime_ns for file in before}
    assert kept == stamps, told  # none was run twice
