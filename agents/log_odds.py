"""Where learners look for s: on a scale of log odds, z = log(s / (1 - s)).

There all sizes of s are alike: a step of .1 changes a small s by a tenth of itself, and a small
1 - s, too. A cascade can be best at s = .004 as well as at .97.
"""

from math import exp

END = 9.0
"""The scale reaches from -END, which stands for s = 0, to END, which stands for s = 1."""


def cascade_at(z: float) -> float:
    """The s whose log odds are z; exactly 0 and 1 at the ends of the scale and beyond."""
    if abs(z) >= END:
        return float(z > 0)
    return 1.0 / (1.0 + exp(-z))
