"""What can be measured in each picture: the numbers by which sentences are judged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from routing_game.experiments.paper.planes import Plane
from routing_game.experiments.paper.scene import ABANDON, Scene
from routing_game.theory import outcome
from routing_game.theory.numbers import Array

Facts = dict[str, Any]
STATIC = ("leave-1", "stay-1", "stay-2", "leave-2")
FIRST = ("stay-1", "s_L", "leave-1", "s0")
"""The optima that start with M1."""
SLIGHT = 1e-9
"""Gaps and gains below this, in units of V or c1, are rounding."""


def figure_1(scene: Scene) -> Facts:
    """All four regimes on the plane of Figures 4 and 5; replies to every s."""
    planes, replies, choice = scene.planes, scene.replies, scene.choice
    same, mixed = ("++", "--"), ("-+", "+-")
    both = planes["++"]
    uneven = both.x != 0
    disagree = ranking(both) != np.sign(both.x[uneven])
    aligned = both.misalignment <= SLIGHT
    gain = scene.gains["both"]
    after, before = (np.asarray(planes[r].solution.utility) for r in ("--", "++"))
    return {
        "kinds_of_reply": len({(tuple(first), second) for first, second in replies.values()}),
        "kinds_of_rule": len({frozenset(np.unique(plane.kind)) for plane in planes.values()}),
        "stay": bool(np.all(replies["++"][0] == 0) and replies["++"][1] == 0),
        "leave": bool(np.all(replies["--"][0] == 1) and replies["--"][1] == 1),
        "replies_mixed": min(len(np.unique(replies[regime][0])) for regime in mixed),
        "cascades_same": sum(planes[regime].share("s0", "s_L") for regime in same),
        "cascades_mixed": min(planes[regime].share("s0", "s_L") for regime in mixed),
        "ranks_rule": bool(np.all((both.misalignment > SLIGHT)[:, uneven] == disagree)),
        "aligned_at_low_penalty": float(aligned[0].mean()),
        "gap_at_high_penalty": float((planes["-+"].misalignment[-1] > SLIGHT).mean()),
        "gains_low": float((gain > 0)[planes["++"].penalty < choice.joint / 10].mean()),
        "worse_for_user": bool(np.all(after[gain > 0] < before[gain > 0])),
    } | {"dislikes_more_successful": bool(ranking(both) < 0)}


def ranking(plane: Plane) -> float:
    """1 where the user who stays prefers M2, -1 where it prefers M1."""
    (xi1, xi2), (p1, p2) = plane.games[0, 0].net_value, plane.choice.success
    return float(np.sign(xi2 / p2 - xi1 / p1))


def figure_2(scene: Scene) -> Facts:
    """The chain with numbers: its rows, and what it says beside the paper's closed forms."""
    chain, (p1, p2) = scene.chain, scene.choice.success
    solved, printed = scene.solved
    leaves = np.array([1 - p1, 1 - p2]) * ABANDON
    return {
        "rows": float(np.abs(chain.sum(axis=1) - 1).max()),
        "success": float(np.abs(chain[:, 2] - (p1, p2)).max()),
        "abandon": float(np.abs(chain[:, 3] - leaves).max()),
        "cascade": float(chain[0, 1] / (chain[0, 0] + chain[0, 1])),
        "forms": float(np.abs(solved - printed).max()),
        "S1": float(solved[0]),
    }


def figure_3(scene: Scene) -> Facts:
    """The four quadrants."""
    plane = scene.quadrants
    q = plane.reply
    parts = {regime: plane.at(regime) for regime in ("++", "--", "-+", "+-")}
    inside = (q > 0) & (q < 1)
    rest = ~parts["+-"]
    every = [plane.reply_to(1, s) for s in (0.0, 0.5, 1.0)] + [plane.reply_to(2, 0.0), q]
    staying = parts["-+"] & (q == 0)
    return {
        "top_right": float(q[parts["++"]].max()),
        "bottom_left": float(q[parts["--"]].min()),
        "always_stays": float(max(reply[parts["++"]].max() for reply in every)),
        "always_leaves": float(min(reply[parts["--"]].min() for reply in every)),
        "leaves_top_left": float(q[parts["-+"]].mean()),
        "leaves_bottom_right": float((q[parts["+-"]] == 1).mean()),
        "stays_bottom_right": float((q[parts["+-"]] == 0).mean()),
        "interior": float(inside[parts["+-"]].mean()),
        "interior_elsewhere": int(inside[rest].sum()),
        "stays_below_zero": float((plane.utility[staying] < 0).mean()),
    }


def figure_4(scene: Scene) -> Facts:
    """The two policy maps."""
    left, right = scene.planes["-+"], scene.planes["+-"]
    low = right.penalty[:, None] < scene.choice.joint
    s_low = right.at("s_L")
    return {
        "static_left": left.share(*STATIC),
        "static_right": right.share(*STATIC),
        "m1_left": left.share(*FIRST),
        "m1_right": right.share(*FIRST),
        "leave_left": left.share("leave-1"),
        "leave_right": right.share("leave-1"),
        "m2_left": left.share("stay-2"),
        "m2_right": right.share("leave-2"),
        "stay_right": right.share("stay-1"),
        "s0_left": left.share("s0"),
        "s_L_right": right.share("s_L"),
        "s_L_low": float((s_low & low).mean()),
        "escalating": float(left.escalating.mean()),
        "left_cascades_where": signs(left, "s0"),
        "right_cascades_where": signs(right, "s_L"),
        "m1_alone_beyond": right.share("stay-1") / float((~low).mean()),
        "differences": list(scene.choice.differences),
        "least_c2": float(np.min(left.games.cost[1])),
    }


def signs(plane: Plane, rule: str) -> list[float]:
    """The signs of x at which a rule is optimal."""
    x = np.broadcast_to(plane.x, plane.kind.shape)[plane.at(rule)]
    return [float(sign) for sign in np.unique(np.sign(x))]


def figure_5(scene: Scene) -> Facts:
    """The two maps of Delta_U, and the gain of slowing both."""
    left, right = scene.planes["-+"], scene.planes["+-"]
    gain, x, penalty = scene.gains["both"], left.x[None, :], left.penalty[:, None]
    below = penalty < np.minimum(scene.choice.joint, scene.choice.joint - x)
    rule = {plane.regime: plane.at("stay-1", "stay-2") for plane in (left, right)}
    bends = np.abs(np.diff(gain, 2, axis=0)) > SLIGHT
    gaps = {regime: plane.misalignment for regime, plane in scene.planes.items()}
    aligned = [np.all((gaps[regime] <= SLIGHT) == where) for regime, where in rule.items()]
    others = np.max([gaps[regime] for regime in ("++", "-+", "+-")], axis=0)
    return {
        "aligned_iff": bool(all(aligned)),
        "aligned_left": float((gaps["-+"] <= SLIGHT).mean()),
        "aligned_right": float((gaps["+-"] <= SLIGHT).mean()),
        "gaps_left": levels(gaps["-+"]),
        "gaps_middle": levels(gaps["+-"]),
        "gap_somewhere": bool(all(np.any(gap > SLIGHT) for gap in gaps.values())),
        "same_numbers": left.choice == right.choice,
        "more_is_worse_left": more_is_worse(left),
        "more_is_worse_middle": more_is_worse(right),
        "gain_below": bool(np.all(gain[below] > -SLIGHT)),
        "loss_above": bool(np.all(gain[~below] < SLIGHT)),
        "range": [float(gain.min()), float(gain.max())],
        "bends": float(np.any(bends & (gain[2:] > 0), axis=0).mean()),
        "most_misaligned": float((gaps["--"] >= others).mean()),
        "greatest_throttled": float(gaps["--"].max()),
        "greatest": float(others.max()),
    } | throttling(scene)


def throttling(scene: Scene) -> Facts:
    """What slowing one model alone gains where slowing both does."""
    gains = scene.gains
    useful = gains["both"] > SLIGHT
    return {
        "m1_idle": float((np.abs(gains["M1"][useful]) <= SLIGHT).mean()),
        "m2_idle": float((np.abs(gains["M2"][useful]) <= SLIGHT).mean()),
        "m2_as_both": bool(np.allclose(gains["M2"][useful], gains["both"][useful])),
        "m1_loses": float((gains["M1"] < -SLIGHT).mean()),
        "both_loses": float((gains["both"] < -SLIGHT).mean()),
        "m1_above": float((gains["M1"][gains["both"] < -SLIGHT] == 0).mean()),
    }


def levels(gap: Array) -> list[float]:
    """The values that a map takes, least first, to nine digits."""
    return [float(value) for value in np.unique(np.round(gap, 9)) + 0.0]


def more_is_worse(plane: Plane) -> bool:
    """Does the user lose by every increase of s, once it stays or leaves as suits it?"""
    utility = np.asarray(outcome(plane.games[0, 0], 1, np.linspace(0, 1, 101)).utility)
    return bool(np.all(np.diff(utility) <= SLIGHT))


MEASURES: dict[str, Callable[[Scene], Facts]] = {
    "1": figure_1,
    "2": figure_2,
    "3": figure_3,
    "4": figure_4,
    "5": figure_5,
    "throttling": throttling,
}
"""By figure."""
