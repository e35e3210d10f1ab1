"""Tables for the terminal: how often each kind of optimum occurs."""

import inspect
from textwrap import fill

import numpy as np

from routing_game.theory import RULES
from routing_game.theory.frequencies import PRIORS, frequencies

WIDTH = 100
CASCADES = ("s0", "s_L")
"""The kinds of optimum whose s lies strictly between 0 and 1 because of the user."""


def frequency_lines(games: int, seed: int) -> list[str]:
    """A row for each prior with the share of each kind of optimum in per cent; then what each kind and each prior is.

    Args:
        games: number of games to draw from each prior.
        seed: of the generator, a fresh one for each prior.
    """
    shares = {prior: frequencies(prior, games, np.random.default_rng(seed)) for prior in PRIORS}
    seen = [rule for rule in RULES if any(share[rule] for share in shares.values())]
    lines = [f"kinds of optimum, % of {games:,} games (seed {seed})", ""]
    lines.append(f"{'prior':12}" + "".join(f"{rule:>10}" for rule in [*seen, "cascades"]))
    for prior, share in shares.items():
        percent = [share[rule] for rule in seen] + [sum(share[rule] for rule in CASCADES)]
        lines.append(f"{prior:12}" + "".join(f"{100 * x:10.2f}" for x in percent))
    words = {rule: RULES[rule] for rule in seen} | {"cascades": f"{' and '.join(CASCADES)} together"}
    words |= {prior: " ".join(inspect.cleandoc(draw.__doc__ or "").split()) for prior, draw in PRIORS.items()}
    return [*lines, "", *(fill(f"{name:12}{text}", WIDTH, subsequent_indent=" " * 12) for name, text in words.items())]
