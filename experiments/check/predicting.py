"""What predicts the failures on sampled games, in words."""

from __future__ import annotations

from collections.abc import Sequence

from routing_game.experiments.cells.progress import count
from routing_game.experiments.check.failures import LEAST, Failures, Split
from routing_game.experiments.pages.words import with_interval
from routing_game.theory.geometry import MEANING


def few_words(found: Sequence[Failures], role: str) -> str:
    """That there are too few games to ask what predicts failure; empty if there are enough."""
    most = max((one.games for one in found), default=0)
    if most >= LEAST:
        return ""
    games = count(most, "cascade" if role == "provider" else "game")
    where = "" if role == "provider" else " whose best response jumps or climbs in s"
    return f"Of {games}{where} this is not asked; it takes {LEAST}."


def prediction(one: Failures, role: str) -> str:
    """Where a learner fails, and what of the games' geometry predicts it, if anything does."""
    where = "cascades" if role == "provider" else "games where the best response jumps or climbs"
    if one.games < LEAST:
        return f"has too few {where} to tell ({one.games})."
    head = f"fails on {one.failed:.3g} of {one.games} {where}"  # seeds of a game are averaged
    if not one.failed:
        return f"{head}."
    first = one.predictors[0] if one.predictors else None
    if first is None or not first.counts:
        return f"{head}; no measure of the game predicts where."
    side = "large" if first.rho > 0 else "small"
    low, high = first.thirds[0], first.thirds[2]
    text = (
        f"{head}; regret is larger where the {MEANING[first.measure]} is {side} (rank correlation "
        f"{first.rho:.2f}, {first.low:.2f} to {first.high:.2f}): failures in the lowest third "
        f"{with_interval(low)}, in the highest {with_interval(high)}."
    )
    return text + split_words(one.split)


def split_words(split: Split | None) -> str:
    """The best single question, if shuffled games do not have one as good."""
    if split is None or split.chance > 0.05:
        return ""
    question = f"whether the {MEANING[split.measure]} is at most {split.at:.3g}"
    sides = f"then it fails on {with_interval(split.below)}, else on {with_interval(split.above)}"
    return f" The best single question is {question}: {sides}."
