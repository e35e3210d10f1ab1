"""How pages on a hidden cascade draw rules and thresholds, and what they say of them."""

from __future__ import annotations

from matplotlib.axes import Axes

from routing_game.experiments.hidden.rulebook import named
from routing_game.experiments.hidden.threshold import Threshold
from routing_game.experiments.pages.style import Look
from routing_game.theory.belief import Belief
from routing_game.theory.numbers import TIE

LOOKS = {
    "plug-in": Look("#D55E00", "o", "-"),
    "plug-in, each task": Look("#D55E00", "s", (0, (5, 1.5))),
    "expected utility": Look("#E69F00", "^", "-"),
    "expected utility, each task": Look("#E69F00", "v", (0, (5, 1.5))),
    "optimistic, fixed": Look("#CC79A7", "D", "-"),
    "optimistic, growing": Look("#56B4E9", "d", (0, (3, 1, 1, 1))),
    "Thompson": Look("#0072B2", "X", "-"),
    "forced stays": Look("#009E73", "P", (0, (6, 1, 1, 1, 1, 1))),
}
"""Rule of the rulebook -> how it is drawn."""
IN_TEX = {"s0": "$s_0$", "s_H": "$s_H$"}
"""Name of a threshold -> as it is drawn."""


def level(axes: Axes, height: float, label: str | None = None) -> None:
    """A dotted line across."""
    axes.axhline(height, color="#555555", lw=0.9, ls=":", label=label)


def tie_words(mark: Threshold, prior: Belief) -> tuple[str, ...]:
    """A sentence for a prior whose mean is the threshold itself, or none."""
    if abs(prior.mean - mark.s) > TIE:
        return ()
    return (
        f"That users begin at {mark.name} itself is an accident of {named(prior)} in this game: "
        "there plug-in leaves, and from then on sees no draw.",
    )
