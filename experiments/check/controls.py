"""Controls: providers that learn nothing, so that an easy game looks easy.

A learner is worth its practice if it does better than these. The third control, the exact policy,
is `agents.EquilibriumProvider`; the fourth is no agent: the better of M1 alone and M2 alone in each
game (`theory.geometry.static_cost`), which is what somebody who knows the game gets without a
cascade.
"""

import numpy as np

from routing_game.agents import FixedProvider


def constant() -> FixedProvider:
    """M1 and never an escalation, whatever the game: the cheap model alone."""
    return FixedProvider(1, 0.0)


def random(rng: np.random.Generator) -> FixedProvider:
    """A route by the toss of a coin and an even s on [0, 1], kept for good."""
    return FixedProvider(int(rng.integers(1, 3)), float(rng.random()))
