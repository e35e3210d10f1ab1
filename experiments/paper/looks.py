"""The dress of all figures: type, colours, hatches, lines, and words set on a map.

Colours are Okabe and Ito's, chosen to differ in lightness; hatches and line styles differ too, for
grey print. Nothing depends on the reader's own matplotlib settings.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from scipy.ndimage import distance_transform_edt

from routing_game.experiments.drawing import settings
from routing_game.theory.numbers import Array

RC: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "hatch.linewidth": 0.5,
    "svg.hashsalt": "routing-game",
}
INK, FAINT = "#1A1A1A", "#555555"
HOLDS, FAILS = "#00664B", "#B04700"
"""Bluish green and vermilion, darkened until they read as type."""


class Look(NamedTuple):
    """How a region of a map is shown."""

    mark: str
    """On the map, the policy in the paper's notation."""
    words: str
    """In the legend."""
    colour: str
    hatch: str


LOOKS = {
    "leave-1": Look("$(1, 0)$", "user leaves after a pass of M1", "#F0E442", ".."),
    "leave-2": Look("$(2, 0)$", "user leaves after a pass of M2", "#E69F00", "++"),
    "stay-1": Look("$(1, 0)$", "M1, user stays", "#CFE8F7", ""),
    "stay-2": Look("$(2, 0)$", "M2, user stays", "#56B4E9", "//"),
    "s0": Look("$(1, s_0)$", "cascade at $s_0$, user stays", "#009E73", "\\\\"),
    "s_L": Look("$(1, s_L)$", "cascade at $s_L$, user stays", "#CC79A7", "--"),
}
"""By rule."""


class Line(NamedTuple):
    """How a border is shown."""

    mark: str
    """Beside the line."""
    words: str
    """In the legend."""
    style: Any


LINES = {
    "cp1 = cp2": Line("$x=0$", "$c_1/p_1 = c_2/p_2$", "-"),
    "d": Line("$d$", "$P = d = (c_2-c_1)/(p_2-p_1)$", (0, (1, 1.5))),
    "P1": Line("$P_1$", "$P = P_1 = (c_2/p_2-c_1)/k_1$", (0, (1, 1.5))),
    "P2": Line("$P_2$", "$P = P_2 = (J_1(s_0,0)-c_1)/k_1$", (0, (6, 2, 1, 2))),
    "P3": Line("$P_3$", "$P = P_3 = (J_1(s_L,0)-c_2)/k_2$", (0, (3, 1, 1, 1, 1, 1))),
    "P = cp1": Line("$c_1/p_1$", "$P = c_1/p_1$", (0, (6, 2, 1, 2))),
    "min cp": Line(
        r"$\min\{c_i/p_i\}$",
        r"$P = \min\{c_1/p_1, c_2/p_2\}$",
        (0, (5, 2)),
    ),
    "s = s0": Line("$s_0$", "where $s = s_0$", (0, (6, 2, 1, 2))),
    "s = s_L": Line("$s_L$", "where $s = s_L$", (0, (5, 2))),
    "s = s_H": Line("$s_H$", "where $s = s_H$", (0, (1, 1.5))),
}
"""By border."""


@contextmanager
def dressed() -> Iterator[None]:
    """Matplotlib as it came, in our dress."""
    with settings(RC):
        yield


def drawn(name: str) -> dict[str, Any]:
    """How a border is drawn: black with a white rim."""
    rim = [withStroke(linewidth=3.0, foreground="white")]
    return {"color": "black", "lw": 1.5, "ls": LINES[name].style, "path_effects": rim}


def hatch(
    axes: Axes,
    across: Array,
    up: Array,
    mask: Array,
    pattern: str,
    ink: str = "#00000066",
) -> None:
    """A pattern over the pixels of a mask."""
    if pattern and mask.any():
        layer = mask.astype(float)
        filled = axes.contourf(across, up, layer, [0.5, 1.5], colors="none", hatches=[pattern])
        filled.set_edgecolor(ink)
        filled.set_linewidth(0)


def middle(mask: Array, wide: float = 0.4) -> tuple[int, int]:
    """Row and column where a region is widest; a word is ``1 / wide`` times as long as high."""
    framed = np.pad(mask, 1)  # the edge of the plane counts as an edge of the region
    depth = distance_transform_edt(framed, sampling=(1.0, wide))
    deepest = np.argwhere(depth > 0.98 * depth.max()) - 1
    row, column = deepest[len(deepest) // 2]
    return int(row), int(column)


def label(axes: Axes, across: Array, up: Array, mask: Array, text: str) -> None:
    """A word where a region is widest, but not across the edge of the map."""
    row, column = middle(mask)
    room = 0.06 * (up[-1] - up[0])
    height = np.clip(up[row], up[0] + room, up[-1] - room)
    box = {"fc": "white", "ec": "none", "alpha": 0.85, "pad": 1.5}
    place = (across[column], height)
    axes.annotate(text, place, ha="center", va="center", fontsize=8.5, zorder=5, bbox=box)


def name_line(axes: Axes, name: str, across: Array, up: Array, where: float = 0.65) -> None:
    """The name of a line, on the line, that far along what is seen of it."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    seen = (across >= left) & (across <= right) & (up >= bottom) & (up <= top)
    k = np.flatnonzero(seen)
    if len(k):
        at = k[int(where * (len(k) - 1))]
        axes.annotate(
            LINES[name].mark,
            (across[at], up[at]),
            ha="center",
            va="center",
            fontsize=8.5,
            zorder=6,
            bbox={"fc": "white", "ec": "#00000088", "lw": 0.5, "pad": 1.4},
        )
