"""Where learners look for s: on a scale of log odds, z = log(s / (1 - s)).

There all sizes of s are alike: a step of .1 changes a small s by a tenth of itself, and a small
1 - s, too. A cascade can be best at s = .004 as well as at .97. A scale reaches from ``-end``,
which stands for s = 0 itself, to ``end``, which stands for s = 1. Each learner has its own end.
"""

from math import exp

import numpy as np

from routing_game.agents.stacked import Array


def cascade_at(z: float, end: float) -> float:
    """The s whose log odds are z; exactly 0 and 1 at the ends of the scale and beyond.

    By the C library's exponential, not by numpy's, whose last bit depends on the processor.
    """
    if abs(z) >= end:
        return float(z > 0)
    return 1.0 / (1.0 + exp(-z))


def cascades_at(z: Array, end: float) -> Array:
    """The same of an array, much faster."""
    inside = 1.0 / (1.0 + np.exp(-np.clip(z, -end, end)))
    return np.where(np.abs(z) < end, inside, z > 0)
