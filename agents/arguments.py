"""Checks on what several agents are made from."""

from typing import Any

import numpy as np


def generator(rng: Any) -> np.random.Generator:
    """`rng`, which must be a numpy Generator: a seed could be taken for a count."""
    if not isinstance(rng, np.random.Generator):
        raise ValueError(
            f"rng must be a numpy Generator, numpy.random.default_rng(seed), got {rng!r}"
        )
    return rng
