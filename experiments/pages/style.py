"""The dress of every picture: colours of Okabe and Ito; markers and lines differ too, for grey print."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

RC: Any = {
    "font.size": 9, "axes.titlesize": 9, "axes.titlelocation": "left", "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "grid.color": "#e6e6e6", "grid.linewidth": 0.6,
    "axes.axisbelow": True, "svg.hashsalt": "routing-game", "lines.solid_capstyle": "round",
}  # fmt: skip


class Look(NamedTuple):
    """How a learner is drawn everywhere."""

    colour: str
    marker: str
    line: Any


COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#7A4B1E", "#666666")
MARKERS = ("o", "D", "^", "s", "X", "v", "h", "<")
LINES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (3, 1, 1, 1)), (0, (1, 1)))


def svg(figure: Figure) -> str:
    """The figure as SVG text."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


def draw(axes: Axes, rows: pl.DataFrame, look: Look, x: str, column: str, label: str = "", unit: float = 1.0) -> None:
    """A column of `share` or `mean` over another, points with their intervals; ``unit`` 100 makes percent."""
    y = rows[column].to_numpy()
    if f"{column}_half" in rows.columns:
        error = np.stack([rows[f"{column}_half"].to_numpy()] * 2)
    else:
        error = np.abs(np.stack([rows[f"{column}_low"].to_numpy(), rows[f"{column}_high"].to_numpy()]) - y)
    axes.errorbar(rows[x], unit * y, unit * error, color=look.colour, marker=look.marker, ls=look.line, ms=4, lw=1.1,
                  elinewidth=0.8, label=label)  # fmt: skip
