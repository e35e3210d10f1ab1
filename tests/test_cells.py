"""Finished cells: kept until something changes on which their numbers depend, and no longer."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from routing_game.experiments import InputError
from routing_game.experiments.cells import origin
from routing_game.experiments.cells.store import Store, digest, seeds, tried

ROOT = Path(__file__).parents[1]
KEPT = "2 of 2 cells were finished before and are kept"
SCRIPT = """
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from routing_game.experiments.cells.progress import Steps
from routing_game.experiments.hidden import trap
from routing_game.experiments.hidden.questions import prepare
from routing_game.experiments.hidden.threshold import threshold

settings = replace(prepare("trap", "t4-cascade", "smoke", 1, sessions=3), kept=Path(sys.argv[1]))
mark = threshold(settings.game, settings.name)
settings.each(partial(trap.row, settings, mark), trap.cells(mark)[:2], Steps())
assert Path(trap.__file__).is_relative_to(sys.argv[2])
"""


class Copy:
    """The package elsewhere, to be changed, with a folder of the cells that it has finished."""

    def __init__(self, folder):
        self.folder = folder
        shutil.copytree(ROOT / "src/routing_game", folder / "routing_game")
        for name in ("theory", "envs", "agents", "experiments"):
            shutil.copytree(ROOT / name, folder / "routing_game" / name)

    def change(self, file, old, new):
        path = self.folder / "routing_game" / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), encoding="utf-8")

    def run(self):
        """What is said of two cells that are asked for."""
        words = [sys.executable, "-c", SCRIPT, self.folder / "cells", self.folder]
        environment = {**os.environ, "PYTHONPATH": str(self.folder)}
        done = subprocess.run(words, capture_output=True, text=True, env=environment, check=True)
        return done.stderr


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy whose two cells are finished."""
    made = Copy(tmp_path_factory.mktemp("copy"))
    assert "kept" not in made.run()
    return made


def test_a_changed_sentence_or_picture_makes_no_cell_run_again(copy):
    copy.change("experiments/hidden/trap_page.py", "Who leaves sees no draw", "Whoever leaves")
    copy.change("experiments/pages/style.py", '"font.size": 9', '"font.size": 10')
    copy.change(
        "experiments/commands/parser.py", "print the equilibrium of a game", "show the equilibrium"
    )
    copy.change("experiments/check/learners.py", "the exact policy, which", "the policy that")
    assert KEPT in copy.run()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("experiments/hidden/trap.py", "PRIOR_SIZE = 4.0", "PRIOR_SIZE = 4.5"),
        ("experiments/intervals.py", "ndtri(0.975)", "ndtri(0.95)"),
        ("theory/lock_in.py", "from __future__", "# changed\nfrom __future__"),
    ],
)
def test_a_change_of_what_measures_makes_its_cells_run_again(copy, file, old, new):
    """Cells of before are there each time: that they are kept is the test above."""
    copy.change(file, old, new)
    assert "kept" not in copy.run()


def test_code_of_no_package_depends_on_theory_envs_and_agents_alone():
    assert origin.reached("math") == {}
    assert origin.code("math") != origin.code("routing_game.experiments.hidden.suite")


def test_names_and_random_numbers_depend_on_every_part():
    assert digest("a") == digest("a")
    assert len({digest("a"), digest("b")}) == 2
    assert len(digest("a", 20)) == 20
    states = {
        tuple(seeds(text, *numbers).generate_state(2))
        for text, *numbers in [("a",), ("b",), ("a", 0), ("a", 1), ("a", 0, 1)]
    }
    assert len(states) == 5
    np.testing.assert_array_equal(seeds("a", 1).generate_state(2), seeds("a", 1).generate_state(2))


def test_a_store_reads_what_it_kept_and_names_what_is_damaged(tmp_path):
    store = Store(tmp_path / "not" / "yet")
    assert store.names() == set()
    store.keep("one.json", {"result": [1.5, None]})
    (store.folder / ".two.json.77").write_text("a draft that a kill left")
    (store.folder / "three.json").write_text("")  # by a machine that lost its power
    assert store.names() == {"one.json"}
    assert store.read("one.json", json.loads) == {"result": [1.5, None]}
    (store.folder / "one.json").write_text('{"result"')
    with pytest.raises(InputError, match=r"one.json is damaged .*; delete it to have the cell run"):
        store.read("one.json", json.loads)


def test_a_folder_is_tried_without_a_trace_for_those_at_work_in_it(tmp_path, monkeypatch):
    seen = []
    temporary = tempfile.NamedTemporaryFile

    def watched(**options):
        made = temporary(**options)
        assert len([*Path(options["dir"]).iterdir()]) == 1
        seen.append(Store(options["dir"]).names())
        return made

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", watched)
    assert tried(tmp_path / "new") == tmp_path / "new"
    assert seen == [set()]
    assert [*(tmp_path / "new").iterdir()] == []
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="expected a folder to write to"):
        tried(tmp_path / "file")
