"""The picture of a game: its cost over s, where the seeds ended, and their regret."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from routing_game.experiments.check.judge import FLOOR, WITHIN, Array, grid_floor
from routing_game.experiments.check.known import group
from routing_game.experiments.check.learners import LEARNERS
from routing_game.experiments.check.looks import LETTERS, draw_regret, look
from routing_game.experiments.drawing import literal
from routing_game.experiments.pages.style import (
    Look,
    dots,
    dressed,
)
from routing_game.theory import Game, Piece, outcome, solve, thresholds

STRIP_ROW = 0.175
"""Inches of a learner's row below the cost curve."""
PLACES = ("bandits", "gradients", "deep RL", "pairs", "your own", "unknown")
"""Families of providers in the order of their panels."""


@dressed
def game_figure(game: Game, judged: pl.DataFrame, learners: list[str], money: str = "") -> str:
    """J(s) along the best response and where each seed ended; regret over practice.

    Args:
        game: the game.
        judged: its rows of `judge.judge`.
        learners: the providers that played it.
        money: the unit of J.
    """
    panels = families(learners)
    rows = max(-(-len(panels) // 2), 1)
    strip = STRIP_ROW * max(len(learners), 1)
    body = max(1.9 + strip, 1.75 * rows)
    height = body + 0.85
    figure = Figure(figsize=(11.2, height))
    frame: dict[str, Any] = {"top": 1 - 0.37 / height, "bottom": 0.48 / height}
    left = figure.add_gridspec(
        2,
        2,
        width_ratios=(1, 0.17),
        height_ratios=(body - strip, strip),
        left=0.125,
        right=0.475,
        wspace=0.04,
        hspace=0.06,
        **frame,
    )
    curve, side, strip_1, strip_2 = (figure.add_subplot(left[place]) for place in np.ndindex(2, 2))
    draw_costs(curve, side, game, money)
    last = judged.group_by("learner", "seed", maintain_order=True).last()
    draw_ends(strip_1, strip_2, game, last, learners)
    spaces = {"left": 0.54, "right": 0.895, "wspace": 0.72, "hspace": 0.6, **frame}
    right = figure.add_gridspec(rows, 2, **spaces)
    for place, (title, names) in enumerate(panels.items()):
        axes = figure.add_subplot(right[divmod(place, 2)])
        label = "regret, % of J*" if place % 2 == 0 else ""
        draw_regret(axes, judged, names, label, WITHIN["provider"])
        axes.set_title(title, fontsize=8.5)
        if any(LEARNERS[name].fixed_grid for name in names):
            draw_floor(axes, grid_floor(game))
    return dots(figure)


def families(learners: Sequence[str]) -> dict[str, list[str]]:
    """Title of a panel -> the learners in it: those of a family, blind pairs apart."""
    panels: dict[str, list[str]] = {}
    for family in PLACES:
        for name in learners:
            if LEARNERS[name].family == family:
                blind = group(name) == "blind pairs"
                title = "pairs, user blind to s" if blind else family
                panels.setdefault(title, []).append(name)
    return panels


def draw_costs(axes: Axes, side: Axes, game: Game, money: str) -> None:
    """The cost curve of route 1 with its jump, route 2 as a level, and every equilibrium.

    Args:
        axes: of route 1.
        side: of route 2.
        game: the game.
        money: the unit of J.
    """
    equilibrium = solve(game)
    cost, level = draw_curve(axes, game), float(outcome(game, 2, 0.0).cost)
    for panel in (axes, side):
        panel.axhline(level, color="#444444", lw=1.2, ls="--", zorder=2)
    for optimum in equilibrium.pieces:
        draw_optimum(side if optimum.route == 2 else axes, optimum, float(equilibrium.cost))
    low, high = min(*cost, level), max(*cost, level)
    if equilibrium.cost > 0:
        high = min(high, 3 * float(equilibrium.cost))
    room = high - low or abs(high) or 1.0  # all commitments may cost the same
    if level > high + 0.14 * room:
        beyond(side, f"{level:.3g}:\nabove\nthe axis")
    for panel in (axes, side):
        panel.set_ylim(low - 0.12 * room, high + 0.14 * room)
        panel.yaxis.set_major_locator(MaxNLocator(5))
        panel.tick_params(labelbottom=False)
    draw_marks(axes, game)
    unit = money and f", {money}"
    title = "Route 1: cost over s, user answering best"
    axes.set(xlim=(-0.02, 1.02), ylabel=f"cost J a task{unit}", title=title)
    side.set(xlim=(-1, 1), xticks=[], title="Route 2")
    side.tick_params(labelleft=False, left=False)


def beyond(axes: Axes, words: str) -> None:
    """What a panel says where all that it would show lies beyond its axis."""
    axes.annotate(
        words,
        (0.5, 0.5),
        xycoords="axes fraction",
        ha="center",
        va="center",
        fontsize=7.5,
        color="#555555",
    )


def draw_curve(axes: Axes, game: Game) -> Array:
    """J over s on route 1, broken at s0 where it jumps; the values drawn."""
    marks = thresholds(game)
    jump = float(marks.s0)
    sides = np.clip(jump + np.array([-1e-6, 1e-6]), 0.0, 1.0)  # beyond rounding, within a line
    wanted = (*np.linspace(0, 1, 801), *sides, *marks[1:])
    s = np.unique([x for x in wanted if np.isfinite(x) and x != jump])
    cost = np.asarray(outcome(game, 1, s).cost)
    gap = np.searchsorted(s, jump)  # the end if there is no jump
    broken = np.insert(s, gap, np.nan), np.insert(cost, gap, np.nan)
    axes.plot(*broken, color="#444444", lw=1.8, zorder=3)
    if np.isfinite(jump):
        left, at, right = (float(outcome(game, 1, x).cost) for x in (sides[0], jump, sides[1]))
        ends = [jump, jump], [left, right]
        axes.plot(*ends, color="#444444", lw=0.9, ls=":", zorder=2)
        axes.plot(*ends, "o", mfc="white", mec="#444444", ms=5, zorder=4, ls="")
        axes.plot(jump, at, "o", color="#444444", ms=5, zorder=4)
    return cost


def draw_marks(axes: Axes, game: Game) -> None:
    """The thresholds of the user."""
    for name, threshold in zip(("$s_0$", "$s_L$", "$s_H$"), thresholds(game), strict=True):
        mark = float(threshold)
        if np.isfinite(mark):
            axes.axvline(mark, color="#999999", lw=0.7, zorder=1)
            note(axes, name, mark, (2, -2), va="top", color="#666666")


def note(axes: Axes, text: str, x: float, offset: tuple[float, float], **dress: Any) -> None:
    """Words at the top of a panel.

    Args:
        axes: the panel.
        text: the words.
        x: where.
        offset: points from there.
        dress: how, as `Axes.annotate` has it.
    """
    axes.annotate(
        text,
        (x, 1),
        xycoords=("data", "axes fraction"),
        xytext=offset,
        textcoords="offset points",
        fontsize=8,
        **dress,
    )


def draw_optimum(axes: Axes, optimum: Piece, cost: float) -> None:
    """A star at the equilibrium, and a bar over an interval of equally good s."""
    low, high = optimum.cascade
    if optimum.route == 2:
        axes.plot(0, cost, "*", color="black", ms=13, zorder=5, clip_on=False)
        return
    if high > low:
        axes.plot(
            [low, high],
            [cost, cost],
            color="black",
            lw=6,
            alpha=0.22,
            zorder=2,
            solid_capstyle="butt",
        )
    axes.plot(low, cost, "*", color="black", ms=13, zorder=5, clip_on=False)


def draw_ends(axes: Axes, side: Axes, game: Game, last: pl.DataFrame, learners: list[str]) -> None:
    """A row per learner: where its seeds ended, at their s on route 1 or counted on route 2.

    Args:
        axes: of route 1.
        side: of route 2.
        game: the game.
        last: a row for each seed.
        learners: from the top down.
    """
    for optimum in solve(game).pieces:
        if optimum.route == 2:
            side.axvspan(-1, 1, color="black", alpha=0.10, lw=0)
        else:
            low, high = optimum.cascade
            axes.axvspan(low, high, color="black", alpha=0.10, lw=0)
            axes.axvline(low, color="black", lw=0.9)
    for row, name in enumerate(learners):
        draw_seeds(axes, side, last.filter(pl.col("learner") == name), look(name), row)
    for panel in (axes, side):
        panel.set(ylim=(len(learners) - 0.5, -0.5), yticks=range(len(learners)))
        panel.grid(axis="y", visible=False)
        panel.tick_params(axis="y", length=0)
    axes.set_yticklabels([literal(name, LETTERS) for name in learners], fontsize=8)
    for label, name in zip(axes.get_yticklabels(), learners, strict=True):
        label.set_color(look(name).colour)
    axes.set(xlim=(-0.02, 1.02), xlabel="cascade probability s: where the seeds ended")
    side.set(xlim=(-1, 1), xticks=[], xlabel="seeds")
    side.set_yticklabels([])


def draw_seeds(axes: Axes, side: Axes, ends: pl.DataFrame, style: Look, row: int) -> None:
    """One learner's row of `draw_ends`.

    Args:
        axes: of route 1.
        side: of route 2.
        ends: a row for each seed.
        style: the learner's.
        row: its place from the top.
    """
    first = ends.filter(pl.col("route") == 1)["cascade"].to_numpy()
    dodge = np.linspace(-0.22, 0.22, len(first)) if len(first) > 1 else np.zeros(len(first))
    dress: dict[str, Any] = {"color": style.colour, "ms": 4.5, "clip_on": False}
    axes.plot(first, row + dodge, style.marker, alpha=0.75, mec="white", mew=0.3, **dress)
    if count := len(ends) - len(first):
        side.plot(-0.45, row, style.marker, **dress)
        side.annotate(f"x {count}", (0.0, row), va="center", fontsize=8)


def draw_floor(axes: Axes, floor: float) -> None:
    """The best that a learner on the fixed grid can do; others may pass below."""
    if floor > FLOOR:
        axes.axhline(100 * floor, color="#777777", lw=1.0, ls=(0, (2, 2)), zorder=1)
        axes.annotate(
            "best arm of the fixed grid",
            (1, 100 * floor),
            xycoords=("axes fraction", "data"),
            xytext=(-2, 3),
            textcoords="offset points",
            ha="right",
            color="#555555",
            fontsize=8,
            bbox={"fc": "white", "ec": "none", "alpha": 0.8, "pad": 0.5},
        )
