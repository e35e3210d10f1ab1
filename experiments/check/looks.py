"""How learners and their regret are drawn, whatever the picture: colours, axes and lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from routing_game.experiments.check.judge import FLOOR, Array
from routing_game.experiments.check.known import control
from routing_game.experiments.check.learners import LEARNERS
from routing_game.experiments.drawing import literal
from routing_game.experiments.intervals import means
from routing_game.experiments.pages.style import COLOURS, LINES, MARKERS, Look

GREY = "#8a8a8a"
"""Colour of the controls; the exact policy is black."""
COLUMNS = 5
"""Games side by side in a learner's picture."""
LETTERS = 22
"""Of a name beside or above a panel."""
POINTS = 24
"""Points of a curve, at most: the records have more, and `results.csv` the last."""
OF_KIND = {"s0": COLOURS[0], "s_L": COLOURS[5]}
"""Colour of a game: those of the cascades; the others are grey."""
MARK_OF = {"s0": "^", "s_L": "D"}
"""Marker of a game: those of the cascades; the others are dots."""


def look(name: str, among: Sequence[str] = ()) -> Look:
    """Each learner's, in the order of its family; families share colours, not panels.

    Args:
        name: the learner's.
        among: the learners of the picture. Agents of one's own are in no list, so their order here
            tells them apart.
    """
    if control(name):
        return Look("black" if name == "equilibrium" else GREY, "*", (0, (1, 1.5)))
    family = LEARNERS[name].family
    mates = [
        mate for mate, other in LEARNERS.items() if other.family == family and not control(mate)
    ] or [mate for mate in among if LEARNERS[mate].family == family]
    place = mates.index(name) if name in mates else len(mates)
    return Look(
        COLOURS[place % len(COLOURS)],
        MARKERS[place % len(MARKERS)],
        LINES[place % len(LINES)],
    )


def draw_regret(
    axes: Axes, judged: pl.DataFrame, learners: Sequence[str], label: str, limit: float
) -> None:
    """Mean exact regret over practice, in percent, both axes logarithmic; at the end, all seeds.

    The bar at a line's end goes from the least to the largest regret of a seed; its learner's name
    stands beside it.

    Args:
        axes: where.
        judged: one game's rows of `judge.judge`.
        learners: a line each.
        label: of the regret.
        limit: of regret, up to which a learner is within; dotted.
    """
    highest, ends = 0.0, {}
    for name in learners:
        rows = judged.filter(pl.col("learner") == name)
        if rows.is_empty():
            continue
        style, curve = look(name, learners), means(rows, ["practice"]).sort("practice")
        curve = curve[log_spaced(curve["practice"].to_numpy())]
        practice, mean = curve["practice"].to_numpy(), curve["mean"].to_numpy()
        last = rows.group_by("seed").last()["regret"].to_numpy()
        line: dict[str, Any] = {"color": style.colour, "zorder": 3, "clip_on": False}
        axes.plot(practice, drawn(mean), ls=style.line, lw=1.5, **line)
        axes.plot(
            [practice[-1]] * 2, drawn(np.array([last.min(), last.max()])), lw=3.2, alpha=0.4, **line
        )
        axes.plot(practice[-1], drawn(mean[-1:]), style.marker, ms=4.5, **line)
        ends[name] = float(drawn(mean[-1:])[0])
        highest = max(highest, float(mean.max()), float(last.max()))
    practice_label = " or ".join(dict.fromkeys(LEARNERS[name].counts for name in learners))
    axes.set_ylabel(label)
    axes.set_xlabel(f"practice, {practice_label}", fontsize=8)
    axes.axhline(100 * limit, color="#777777", lw=0.8, ls=(0, (2, 2)), zorder=1)
    axes.tick_params(labelsize=8)
    logarithmic(axes, highest)
    name_lines(axes, ends, learners)


def name_lines(axes: Axes, ends: dict[str, float], learners: Sequence[str]) -> None:
    """Each learner's name at the right of a panel, near the height at which its line ends.

    Args:
        axes: the panel, with its limits.
        ends: learner -> where its line ends, in percent.
        learners: of the panel, those without a line, too.
    """
    low, high = np.log10(axes.get_ylim())
    room = 0.115 * axes.figure.dpi / axes.bbox.height
    places: list[float] = []
    order = sorted(ends, key=lambda name: ends[name])
    for name in order:
        wanted = (np.log10(ends[name]) - low) / (high - low)
        places.append(max(wanted, places[-1] + room) if places else max(wanted, 0.02))
    over = max(0.0, places[-1] - 1.0) if places else 0.0
    for name, place in zip(order, places, strict=True):
        axes.annotate(
            literal(name, LETTERS),
            (1.04, place - over),
            xycoords="axes fraction",
            va="center",
            fontsize=7.5,
            color=look(name, learners).colour,
            annotation_clip=False,
        )


def logarithmic(axes: Axes, highest: float) -> None:
    """Both axes of a picture of regret, up to a share; what is drawn at the floor is called 0."""
    axes.set(xscale="log", yscale="log")
    axes.set_ylim(100 * FLOOR, max(120.0, 200 * highest))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: in_percent(y)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: in_thousands(x)))
    first, last = axes.dataLim.intervalx
    some = 0 < first <= last  # of nothing the ends are infinite
    if some and np.floor(np.log10(last)) < np.log10(first):  # no power of ten between them
        axes.set_xticks(sorted({first, last}))
    axes.minorticks_off()


def in_percent(y: float) -> str:
    """A mark on an axis of regret in percent, whose lowest is called 0."""
    return "0" if y <= 100.01 * FLOOR else f"{y:g}"


def in_thousands(x: float) -> str:
    """A mark on an axis of practice."""
    if x >= 1e6:
        return f"{x / 1e6:.3g}M"
    return f"{x / 1000:.3g}k" if x >= 1000 else f"{x:g}"


def drawn(share: Array) -> Array:
    """A share as it is drawn: in percent, no lower than the floor."""
    return np.asarray(100 * np.maximum(share, FLOOR))


def log_spaced(practice: Array, count: int = POINTS) -> list[int]:
    """Indices of rows that are evenly spaced on a log axis, first and last included."""
    wanted = np.geomspace(practice[0], practice[-1], count)
    nearest = {int(np.abs(practice - place).argmin()) for place in wanted}
    return sorted(nearest | {len(practice) - 1})


def small_panels(count: int) -> tuple[Figure, NDArray[Any]]:
    """A figure and at least so many panels that share their axes, `COLUMNS` in a row.

    Margins are fixed: to fit them to the labels would draw everything twice.
    """
    rows = -(-count // COLUMNS)
    height = 0.75 + 1.55 * rows
    figure = Figure(figsize=(11.2, height))
    panels = figure.subplots(rows, COLUMNS, sharex=True, sharey=True, squeeze=False)
    edges = {"top": 1 - 0.28 / height, "bottom": 0.5 / height, "left": 0.075, "right": 0.99}
    figure.subplots_adjust(**edges, wspace=0.08, hspace=0.24)
    return figure, panels


def below(figure: Figure, count: int, label: str) -> None:
    """What the horizontal axes of `small_panels` are, in the middle of those that are shown."""
    edges = figure.subplotpars
    share = min(count, COLUMNS) / COLUMNS
    figure.supxlabel(label, x=edges.left + share * (edges.right - edges.left) / 2, fontsize=9)
