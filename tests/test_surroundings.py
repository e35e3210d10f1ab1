"""Whole commands in hostile surroundings: what lies around, and who listens, changes no result."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from routing_game.envs import ProviderEnv
from routing_game.experiments import InputError, cli, drawing, in_a_line
from routing_game.experiments.cells import streams
from routing_game.experiments.cells.records import RunDirectory
from routing_game.experiments.cells.run import run
from routing_game.experiments.check import own
from routing_game.experiments.check.suite import CHECK, make_spec
from routing_game.experiments.cli import COMPILED, RUN, main
from routing_game.experiments.commands.checks import present
from routing_game.experiments.pages.style import dressed, svg
from routing_game.theory import GAMES

STOLEN = ("joblib", "platform", "queue", "signal", "typing")
"""Modules of Python and of others, by whose names harmless files may lie beside one's agent."""
AGENTS = """
import sys
from routing_game.theory import Commitment


class Fixed:
    def act(self):
        return Commitment(1, 0.25)

    def update(self, commitment, task):
        print("±")

    def recommend(self):
        return Commitment(1, 0.25)


class Quits(Fixed):
    def act(self):
        sys.exit(0)


class Closes(Fixed):
    def act(self):
        raise GeneratorExit


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("even this fails")


class Fails(Fixed):
    def act(self):
        raise Mute
"""
RC = "text.usetex: True\nfont.family: NoSuchFont\nsavefig.dpi: 3\nbackend: nosuch\n"
HOSTILE = {
    "MPLBACKEND": "nosuch",
    "MPLCONFIGDIR": "/proc/no/such/place",
    "HOME": "/proc/no/such/home",
    "PYTHONIOENCODING": "ascii",
    "LC_ALL": "C",
    "NO_COLOR": "1",
    "TERM": "nosuch",
    "COLUMNS": "1",
    "OMP_NUM_THREADS": "3",
    "PYTHONWARNINGS": "error",
}
SMALL = ["--games", "t4-cascade", "--seeds", "1", "--tasks", "60"]


@pytest.fixture
def folder(tmp_path):
    """A folder of one's own, with agents and with files that are named as others' modules."""
    for name in STOLEN:
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('{name} was taken from here')\n")
    (tmp_path / "mine.py").write_text(AGENTS, encoding="utf-8")
    (tmp_path / "rc").write_bytes(RC.encode() + b"# \xff\n")
    return tmp_path


def command(folder, *words, code=0, **more):
    """What the command says there, by `python -m`, which would look in the folder first."""
    surroundings = {**os.environ, **HOSTILE, "MATPLOTLIBRC": str(folder / "rc"), **more}
    surroundings.pop("PYTHONSAFEPATH", None)
    words = [sys.executable, "-m", "routing_game", *words]
    done = subprocess.run(words, cwd=folder, env=surroundings, capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    assert done.returncode == code, done.stderr
    return done


def traces(out):
    """What each cell came to."""
    files = sorted((out / "cells").iterdir())
    return {file.name: json.loads(file.read_text())["trace"] for file in files}


def test_a_check_in_hostile_surroundings_is_the_check_it_was(folder, monkeypatch):
    learners = ["mine:Fixed", "mine:Quits", "mine:Closes", "mine:Fails", "ucb"]
    words = ["check", "--learners", ",".join(learners), *SMALL]
    done = command(folder, *words, "--workers", "2", "--out", "out", code=1)
    said = [line for line in done.stderr.splitlines() if line.startswith("failed: ")]
    errors = {re.sub(r" +\(mine\.py, line \d+, in act\)$", "", line) for line in said}
    assert errors.isdisjoint(said)  # each says the line of one's own code
    where = "on t4-cascade, seed 0:"
    assert errors == {
        f"failed: mine:Quits {where} SystemExit: 0",
        f"failed: mine:Closes {where} GeneratorExit:",
        f"failed: mine:Fails {where} Mute: (it cannot be printed)",
    }
    assert r"\xb1" in done.stdout
    assert "3 cells failed" in done.stdout
    assert "mine:Fixed" in (folder / "out" / "report.html").read_text(encoding="utf-8")
    # the learner of ours, here
    assert main(["check", "--learners", "ucb", *SMALL, "--out", str(folder / "here")]) == 0
    (name,) = (folder / "here" / "cells").iterdir()
    assert traces(folder / "out")[name.name] == json.loads(name.read_text())["trace"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["belief", "trap", "--profile", "smoke", "--sessions", "3", "--workers", "2"],
        ["check", "--suite", "hidden", "--profile", "smoke", "--workers", "2", *SMALL[:4]],
        ["figures", "--only", "2,3"],
        ["frequencies", "--games", "1000"],
        ["tournament", "t4-cascade"],
        ["solve", "gpt-4.1-o3"],
        ["list"],
    ],
    ids=lambda words: "-".join(words[:3]),
)
def test_every_command_works_in_hostile_surroundings(folder, words):
    out = ["--out", "out"] if words[0] in ("belief", "check", "figures") else []
    assert command(folder, *words, *out).stdout.isascii()


# --- foreign modules ---


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("def broken(:\n", "SyntaxError: invalid syntax"),
        ("import sys\nsys.exit(0)\n", "SystemExit: 0"),
        ("raise GeneratorExit('two\\nlines')\n", "GeneratorExit: two lines"),
        ("1 / 0\n", "ZeroDivisionError"),
        ("def __getattr__(name):\n    raise RecursionError\n", "RecursionError"),
        ("import nosuchmodule\n", "No module named 'nosuchmodule'"),
    ],
)
def test_a_module_that_cannot_be_imported_is_one_line(here, monkeypatch, capsys, text, hint):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (here / "broken_agent.py").write_text(text)
    assert main(["check", "--learners", "broken_agent:Agent", "--out", "out"]) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.count("\n") == 1
    assert hint in error
    assert not Path("out").exists()


def test_an_interrupt_during_a_foreign_import_stays_an_interrupt(here):
    (here / "slow_agent.py").write_text("raise KeyboardInterrupt\n")
    assert main(["check", "--learners", "slow_agent:Agent", "--out", "out"]) == 130


def test_a_module_of_one_s_own_is_missed_where_the_current_folder_is_gone(
    tmp_path, monkeypatch, capsys
):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "here").rmdir()
    words = ["check", "--learners", "nosuchmodule:Agent", *SMALL, "--out", str(tmp_path / "out")]
    assert main(words) == 2
    assert "got 'nosuchmodule:Agent': No module named" in capsys.readouterr().err


def test_a_module_without_a_file_has_no_source(monkeypatch):
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    assert own.source("__main__:Agent") == own.source("sys:Agent")


def test_any_exception_is_a_line():
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError

    assert in_a_line(ValueError("a\n\n  b")) == "ValueError: a b"
    assert in_a_line(Mute()) == "Mute: (it cannot be printed)"


# --- who listens ---


@contextmanager
def stdout_to_a_pipe():
    """A stdout of Python's own kind that goes to a pipe; yields its reader's end."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    before = sys.stdout, sys.__stdout__
    with open(writer, "w", encoding="ascii") as stream:
        sys.stdout = sys.__stdout__ = stream
        try:
            yield reader
        finally:
            sys.stdout, sys.__stdout__ = before
            with suppress(OSError):
                os.close(reader)


def test_what_an_encoding_lacks_is_spelt_out():
    with stdout_to_a_pipe() as reader:
        stream = sys.stdout
        with streams.patient() as problems:
            print("29 ±<1 \udc80")
        assert sys.stdout is stream
        assert os.read(reader, 100) == b"29 \\xb1<1 \\udc80\n"
        assert problems == []


def test_a_reader_that_has_had_enough_stops_nothing():
    with stdout_to_a_pipe() as reader:
        os.close(reader)
        with streams.patient() as problems:
            for _ in range(10_000):
                print("more and more")
        assert problems == []


def test_a_full_disk_is_told_of_after_the_work(monkeypatch):
    def full(descriptor, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    done = []
    with stdout_to_a_pipe():
        with streams.patient() as problems:
            with monkeypatch.context() as patched:
                patched.setattr(streams.os, "write", full)
                print("lost", flush=True)
            done.append(True)
        assert done == [True]
        assert [problem.errno for problem in problems] == [errno.ENOSPC]


def test_streams_of_somebody_s_own_are_left_alone(capsys):
    mine = sys.stdout
    with streams.patient():
        assert sys.stdout is mine


def test_a_closed_stream_is_closed_again_afterwards(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    with streams.patient():
        print("to nobody")
    assert sys.stdout is None


def test_a_stream_that_only_writes_is_enough(monkeypatch):
    """A notebook's, or a test's: before, the command fell over its missing `flush`."""

    said = []
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(write=said.append))
    assert main(["solve", "t4-cascade"]) == 0
    assert "0.5824" in "".join(said)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_check_to_which_nobody_listens_is_done_all_the_same(folder, workers):
    learners = ["--learners", "mine:Fixed,mine:Quits"]  # the first prints at every task
    reader, writer = os.pipe()
    os.close(reader)
    words = [sys.executable, "-m", "routing_game", "check", *learners, *SMALL, "--out", "out"]
    done = subprocess.run(
        [*words, "--workers", workers], cwd=folder, stdout=writer, stderr=writer, timeout=120
    )
    os.close(writer)
    assert done.returncode == 1  # of the one that fails
    assert len(traces(folder / "out")["mine.Fixed__t4-cascade__000.json"]["cascade"]) > 1
    assert (folder / "out" / "report.html").exists()


def test_the_number_of_a_closed_stream_is_not_given_to_a_file(tmp_path):
    code = (
        "import os\n"
        "from routing_game.experiments.cells.streams import patient\n"
        "with patient():\n"
        "    file = open('numbers', 'w')\n"
        "    file.write('1 2 3')\n"
        "    os.write(1, b'printed by C')\n"
        "    file.close()\n"
    )
    line = f"'{sys.executable}' -P -c \"$CODE\" >&- 2>&-"
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, env={**os.environ, "CODE": code})
    assert done.returncode == 0
    assert (tmp_path / "numbers").read_text() == "1 2 3"


# --- pictures ---


USETEX = {"text.usetex": True, "font.family": "NoSuchFont", "savefig.dpi": 3, "lines.linewidth": 9}


@dressed
def picture(title="$s_0$"):
    figure = Figure(figsize=(3, 2))
    axes = figure.subplots()
    axes.plot([0, 1], [1, 1000], label=drawing.literal("_mine"))
    axes.set(yscale="log", title=title)
    axes.legend()
    return svg(figure)


def test_pictures_do_not_depend_on_the_reader_s_settings():
    friendly = picture()
    with mpl.rc_context(USETEX):
        before = dict(mpl.rcParams)
        assert picture() == friendly
        assert dict(mpl.rcParams) == before


def test_an_environment_s_image_does_not_depend_on_them():
    def image():
        env = ProviderEnv(render_mode="rgb_array")
        env.reset(seed=1)
        return env.render()

    friendly = image()
    with mpl.rc_context(USETEX):
        np.testing.assert_array_equal(image(), friendly)


def test_a_matplotlib_that_cannot_be_imported_is_found_before_the_work(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    words = ["check", "--learners", "ucb", *SMALL, "--out", str(tmp_path / "out")]
    assert main(words) == 2
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="mend its settings"):
        drawing.can_draw()


@pytest.mark.parametrize("module", COMPILED)
def test_nor_is_anything_else_that_does_not_load(module, monkeypatch, tmp_path, capsys):
    """Before, a scipy of another processor was found when all had been learnt, by a traceback."""

    def load(name):
        if name == module:
            raise ImportError("DLL load failed")

    monkeypatch.setattr(cli, "import_module", load)
    words = ["check", "--learners", "ucb", *SMALL, "--out", str(tmp_path / "out")]
    assert main(words) == 2
    assert not (tmp_path / "out").exists()
    package = module.partition(".")[0]
    said = capsys.readouterr().err
    assert f"expected a {package} that can be imported, got ImportError: DLL load failed; " in said
    assert said.endswith(f"pip install --force-reinstall {package}\n")


def test_memory_that_is_not_there_is_one_line(monkeypatch, capsys):
    def too_much(_):
        return np.empty(2**56)

    monkeypatch.setitem(RUN, "list", too_much)
    assert main(["list"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("routing-game: error: out of memory (")
    assert "Unable to allocate 512. PiB" in line


def test_a_name_is_drawn_as_it_is_written():
    whole = picture(drawing.literal("_$x$ $\\nosuch{$ 代理"))
    assert "DejaVuSans-Oblique" not in whole  # no letter is set as in a formula
    assert "DejaVuSans-Oblique" in picture("$x$")


@pytest.mark.slow
def test_a_report_on_odd_names_is_written(tmp_path):
    names = {"$no_{such$": GAMES["t4-cascade"], "$x_0$": replace(GAMES["t5-stay"], penalty=1.25)}
    spec = make_spec("smoke", names, ("ucb", "structural"), seeds=1, practice=20)
    directory = RunDirectory.create(CHECK, tmp_path / "run", spec)
    assert present(directory, run(directory, "serial")) == 0
