"""What tests of many files need."""

import pytest

from routing_game.experiments.cells import threads


@pytest.fixture(scope="module")
def one_thread():
    """Small tensors train faster in one thread, and the same on any number of cores."""
    with threads.one_thread():
        yield
