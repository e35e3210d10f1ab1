"""Checks on what several agents are made from."""

from math import inf
from typing import Any

import numpy as np

from routing_game.theory.numbers import require


def generator(rng: Any) -> np.random.Generator:
    """`rng`, which must be a numpy Generator: a seed could be taken for a count."""
    if not isinstance(rng, np.random.Generator):
        raise ValueError(
            f"rng must be a numpy Generator, numpy.random.default_rng(seed), got {rng!r}"
        )
    return rng


def require_counts(**counts: int) -> None:
    """Raise ValueError, which names it, for a count less than 1."""
    for name, count in counts.items():
        require(count >= 1, name, count, "be at least 1")


def require_positive(**numbers: float) -> None:
    """Raise ValueError, which names it, for a number that is not positive or not finite."""
    for name, number in numbers.items():
        require(0 < number < inf, name, number, "be positive and finite")
