"""What tests of many files need."""

import gc
import os
import sys

import pytest

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS")
"""How many threads torch, numpy and polars take; read when they are imported, here or in a child.

Tests run side by side on as many cores as there are: more threads would only wait for each other.
"""
for name in THREADS:
    os.environ.setdefault(name, "1")


def pytest_collection_finish():
    """From now on the thousands of tests and what they import are no longer searched for garbage.

    They stay to the end, and looking through them takes a tenth of the time. Tests that count what
    is left behind collect on their own.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


@pytest.fixture(scope="module")
def one_thread():
    """Small tensors train faster in one thread, and the same on any number of cores."""
    from routing_game.experiments.cells import threads

    with threads.one_thread():
        yield


@pytest.fixture
def without_pictures(monkeypatch):
    """Reports without their pictures, which take most of the time and have tests of their own."""
    from routing_game.experiments.check import game_figure, report, sample_figure, user_figure

    for module, name in (
        (report, "overview_figure"),
        (report, "learner_figure"),
        (game_figure, "game_figure"),
        (user_figure, "user_figure"),
        (sample_figure, "sample_figure"),
    ):
        monkeypatch.setattr(module, name, lambda *_: "data:,")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty current folder; modules that are imported from it are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = {*sys.modules}
    yield tmp_path
    for name in {*sys.modules} - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(f"{tmp_path}{os.sep}"):
            del sys.modules[name]
