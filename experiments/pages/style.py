"""The dress of every picture: colours of Okabe and Ito; markers and lines differ, too."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, NamedTuple, ParamSpec, TypeVar

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from routing_game.experiments.drawing import settings

P = ParamSpec("P")
R = TypeVar("R")

RC: Any = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "svg.hashsalt": "routing-game",
    "lines.solid_capstyle": "round",
}


class Look(NamedTuple):
    """How a learner is drawn everywhere."""

    colour: str
    marker: str
    line: Any


COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#7A4B1E", "#666666")
MARKERS = ("o", "D", "^", "s", "X", "v", "h", "<")
LINES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (3, 1, 1, 1)), (0, (1, 1)))


DPI = 130
"""Of pictures of dots: a page shows them at about 96, so there is some to spare."""


def dressed(draw: Callable[P, R]) -> Callable[P, R]:
    """A function that draws, in our dress, which counts when things are made and when saved.

    Whatever a user's own settings of matplotlib say, they do not reach the picture.
    """

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        with settings(RC):
            return draw(*args, **kwargs)

    return drawn


def panels(
    rows: int,
    columns: int,
    size: tuple[float, float],
    margins: Mapping[str, float],
    **how: Any,
) -> tuple[Figure, list[Axes]]:
    """A figure and its panels, row by row.

    Args:
        rows: of panels.
        columns: of panels.
        size: width and height, in inches.
        margins: around and between them, as `Figure.subplots_adjust` has them.
        how: what they share and the like, as `Figure.subplots` has it.
    """
    figure = Figure(figsize=size)
    axes = figure.subplots(rows, columns, squeeze=False, **how)
    figure.subplots_adjust(**{"right": 0.99, **margins})
    return figure, list(axes.flat)


def legend_above(
    figure: Figure, axes: Axes, columns: int, left: float = 0.05, top: float = 1.0
) -> None:
    """What the lines of one panel are, above all of them.

    Args:
        figure: the figure.
        axes: the panel whose lines have labels.
        columns: of the legend.
        left: its left edge, as a share of the figure.
        top: its upper edge.
    """
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        ncol=columns,
        loc="upper left",
        bbox_to_anchor=(left, top),
        frameon=False,
        fontsize=8,
    )


def svg(figure: Figure) -> str:
    """The figure as SVG text: sharp at any size, but large where there is much in it."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


def dots(figure: Figure, dpi: int = DPI) -> str:
    """The figure as the address of an image of dots inside the page: small whatever is in it.

    It is WebP without loss, so thin lines and colours stay what they are.
    """
    packed = io.BytesIO()
    figure.savefig(packed, format="webp", dpi=dpi, pil_kwargs={"lossless": True, "method": 4})
    return "data:image/webp;base64," + base64.b64encode(packed.getvalue()).decode()


def draw(
    axes: Axes,
    rows: pl.DataFrame,
    look: Look,
    x: str,
    column: str,
    label: str = "",
    unit: float = 1.0,
) -> None:
    """A column of `share` or `mean` over another, points with their intervals.

    Args:
        axes: where.
        rows: holds both, and the interval as `_half` or as `_low` and `_high` of the column.
        look: how.
        x: the other's name.
        column: its name.
        label: of the legend.
        unit: what it is multiplied by; 100 makes percent.
    """
    y = rows[column].to_numpy()
    if f"{column}_half" in rows.columns:
        error = np.stack([rows[f"{column}_half"].to_numpy()] * 2)
    else:
        ends = [rows[f"{column}_{end}"].to_numpy() for end in ("low", "high")]
        error = np.abs(np.stack(ends) - y)
    axes.errorbar(
        rows[x],
        unit * y,
        unit * error,
        color=look.colour,
        marker=look.marker,
        ls=look.line,
        ms=4,
        lw=1.1,
        elinewidth=0.8,
        label=label,
    )
