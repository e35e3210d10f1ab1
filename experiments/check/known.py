"""What a name in a run stands for: a learner of the registry, or of a version that had others.

Two names are in no registry: those of the controls that nobody plays.
"""

from __future__ import annotations

from typing import Literal

from routing_game.experiments.check.learners import LEARNERS, Role

Group = Literal["providers", "pairs", "blind pairs", "users", "controls"]
"""Who is compared with whom. The user of a blind pair does not see s, so that the pair seeks the
equilibrium of another game: that of simultaneous play."""
GROUPS: tuple[Group, ...] = ("providers", "pairs", "blind pairs", "users", "controls")
"""In the order of every table."""
TITLES: dict[Group, str] = {
    "providers": "Providers",
    "pairs": "Pairs: a user learns, too",
    "blind pairs": "Pairs, user blind to s",
    "users": "Users",
    "controls": "Controls",
}
STATIC: dict[Role, str] = {"provider": "best static", "user": "always or never"}
"""The rows that nobody plays: M1 alone or M2 alone, leaving at once or never, by hindsight."""
PLAIN = {"-fixed": "a fixed grid", "-plain": "the plain algorithm", "-sb3": "stable-baselines3"}
"""The end of a name -> what a learner of ours that has it is a control of."""


def control(name: str) -> str:
    """What a control is there to show, in words; empty for who is there to learn the game."""
    learner = LEARNERS[name]
    if learner.family == "control":
        return "knows the game" if name == "equilibrium" else "learns nothing"
    if name not in LEARNERS:
        return ""
    ends = [words for end, words in PLAIN.items() if name.endswith(end)]
    return ends[0] if ends else PLAIN["-fixed"] if learner.fixed_grid else ""


def group(name: str) -> Group:
    """Who a learner is compared with."""
    learner = LEARNERS[name]
    if control(name):
        return "controls"
    if learner.role == "user":
        return "users"
    if learner.seeks == "simultaneous":
        return "blind pairs"
    return "pairs" if learner.family == "pairs" else "providers"
