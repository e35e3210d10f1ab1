"""A game as a provider sees it: J over s, the user answering best, and where the optimum is."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from routing_game.theory import Game, Piece, outcome, solve, thresholds
from routing_game.theory.numbers import Array


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
        before, after = sides
        left, at, right = (float(outcome(game, 1, x).cost) for x in (before, jump, after))
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
