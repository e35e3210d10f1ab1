"""Drawing the planes of `planes`: heat maps and policy maps, border lines over both.

Colours are Okabe and Ito's, chosen to differ in lightness; hatches and line styles differ too, for grey print.
"""

from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from scipy.ndimage import distance_transform_edt

from routing_game.experiments.paper.planes import CHOICES, FIGURES, SIZE, Border, Plane, npz
from routing_game.files import write
from routing_game.theory import RULES
from routing_game.theory.numbers import Array

RC: Any = {
    "font.size": 9, "axes.titlesize": 9, "axes.titlelocation": "left", "hatch.linewidth": 0.5,
    "svg.hashsalt": "routing-game",
}  # fmt: skip
PANEL, GAP, LEFT, FOOT, HEAD = (3.5, 3.1), (1.6, 0.85), 0.7, 1.45, 0.95
"""Inches: a panel, the room between panels, and the margins."""

LOOKS = {
    "leave-1": ("leave", "M1, user leaves", "#F0E442", ".."),
    "leave-2": ("leave (M2)", "M2, user leaves", "#E69F00", "++"),
    "stay-1": ("M1", "M1, user stays", "#CFE8F7", ""),
    "stay-2": ("M2", "M2, user stays", "#56B4E9", "//"),
    "s0": ("$s_0$", "cascade at $s_0$, user stays", "#009E73", "\\\\"),
    "s_L": ("$s_L$", "cascade at $s_L$, user stays", "#CC79A7", "--"),
}
"""By rule: words on the map, words in the legend, colour, hatch."""
LINES: dict[str, tuple[str, Any]] = {
    "cp1 = cp2": ("$c_1/p_1 = c_2/p_2$", "-"),
    "d": ("$d = (c_2-c_1)/(p_2-p_1)$", (0, (6, 2))),
    "P1": ("$P_1 = (c_2/p_2-c_1)/k_1$", (0, (1, 1.5))),
    "P2": ("$P_2 = (c_1(1-s_0)+s_0c_2/p_2)/(p_1+k_1s_0)$", (0, (6, 2, 1, 2))),
    "P3": ("$P_3 = (J_1(s_L,0)-c_2)/k_2$", (0, (1, 1.5))),
    "P = cp1": ("$P = c_1/p_1$", (0, (6, 2, 1, 2))),
    "gain 0": ("throttling neither gains nor loses", "-"),
}
"""By border: words in the legend, line style."""
HEATS = {
    "cost": "provider's cost $J^*$ (units of $c_1$ a task)",
    "gain": "gain from throttling (units of $c_1$ a task)",
    "cascade": "smallest optimal cascade probability $s^*$",
}
SIGNS = {
    "++": r"$\xi_1,\xi_2>0$", "--": r"$\xi_1,\xi_2<0$", "-+": r"$\xi_1<0<\xi_2$", "+-": r"$\xi_1>0>\xi_2$",
}  # fmt: skip


def write_figure(name: str, choice: str, folder: Path, size: int = SIZE) -> list[Path]:
    """One of `FIGURES` with one of `CHOICES`, as .npz, .png and .svg in a folder that exists; the files written.

    Raises:
        OSError: a file cannot be written.
    """
    subject = FIGURES[name]
    planes = [Plane(CHOICES[choice], regime, size) for regime in subject.regimes]
    png, svg = BytesIO(), BytesIO()
    with mpl.rc_context(RC):
        figure = draw(name, choice, planes)
        figure.savefig(png, format="png", dpi=150)
        figure.savefig(svg, format="svg", metadata={"Date": None})
    contents = {".npz": npz(planes, subject), ".png": png.getvalue(), ".svg": svg.getvalue()}
    files = [folder / f"figure-{name}-{choice}{ending}" for ending in contents]
    for file, content in zip(files, contents.values(), strict=True):
        write(file, content)
    return files


def draw(name: str, choice: str, planes: list[Plane]) -> Figure:
    """A row for each plane: what the paper maps, then the policy regions."""
    subject = FIGURES[name]
    gain = "gain" in subject.heats
    columns, rows = len(subject.heats) + 1, len(planes)
    width = LEFT + columns * (PANEL[0] + GAP[0]) - GAP[0] + 0.25
    height = FOOT + rows * (PANEL[1] + GAP[1]) - GAP[1] + HEAD
    figure = Figure(figsize=(width, height))

    def panel(row: int, column: int, offset: float = 0.0, across: float = PANEL[0]) -> Axes:
        left, bottom = (
            LEFT + column * (PANEL[0] + GAP[0]),
            FOOT + (rows - 1 - row) * (PANEL[1] + GAP[1]),
        )
        return figure.add_axes(
            ((left + offset) / width, bottom / height, across / width, PANEL[1] / height)
        )

    for row, plane in enumerate(planes):
        lines = (*plane.borders, plane.break_even) if gain else plane.borders
        for column, heat in enumerate(subject.heats):
            axes = panel(row, column)
            draw_heat(figure, axes, panel(row, column, PANEL[0] + 0.08, 0.12), plane, heat)
            finish(axes, plane, lines, f"{SIGNS[plane.regime]}: {HEATS[heat].split(' (')[0]}")
        axes = panel(row, columns - 1)
        draw_policy(axes, plane)
        finish(
            axes,
            plane,
            lines,
            f"{SIGNS[plane.regime]}: optimal policy{' once throttled' if gain else ''}",
        )
    figure.text(0.06 / width, 1 - 0.28 / height, subject.title, fontsize=11)
    numbers = words(choice, ["++", *subject.regimes] if gain else [*subject.regimes])
    figure.text(0.06 / width, 1 - 0.5 / height, numbers, fontsize=8, color="#444444")
    add_legend(figure, planes, gain)
    return figure


def draw_heat(figure: Figure, axes: Axes, bar: Axes, plane: Plane, name: str) -> None:
    """The map, a colour bar, and labelled level lines."""
    values = plane.heat(name)
    limits: Any = {"vmin": 0, "vmax": 1} if name == "cascade" else {}
    image = axes.imshow(values, origin="lower", extent=extent(plane), aspect="auto", cmap="cividis",
                        interpolation="nearest", **limits)  # fmt: skip
    figure.colorbar(image, cax=bar).set_label(HEATS[name])
    if name == "cascade":
        hatch(axes, plane, np.isnan(values), "//")
        label(axes, plane, np.isnan(values), "M2: $s$ is free")
        for s in np.unique(values[np.isfinite(values)]):
            label(axes, plane, values == s, f"$s^* = {s:.3g}$")
        return
    flat = (0.0, 1 / plane.choice.success[0])  # whole regions have these values
    heights = [
        x
        for x in bar.get_yticks()
        if values.min() < x < values.max() and not np.isclose(x, flat).any()
    ]
    levels = axes.contour(
        plane.c2, plane.penalty, values, levels=heights, colors="white", linewidths=0.7
    )
    longest = [max(lines, key=len) for lines in levels.allsegs]
    axes.clabel(
        levels, fontsize=7.5, colors="white", manual=[line[len(line) * 3 // 4] for line in longest]
    )
    for text in levels.labelTexts:
        text.set_path_effects([withStroke(linewidth=1.5, foreground="#333333")])


def draw_policy(axes: Axes, plane: Plane) -> None:
    """The regions of the exact optimum: a colour, a hatch and a word each."""
    kind, rules = np.asarray(plane.solution.kind), list(RULES)
    colours = ListedColormap([LOOKS[rule][2] if rule in LOOKS else "#FFFFFF" for rule in rules])
    axes.imshow(kind, origin="lower", extent=extent(plane), aspect="auto", cmap=colours, vmin=-0.5,
                vmax=len(rules) - 0.5, interpolation="nearest")  # fmt: skip
    for k in np.unique(kind):
        rule = rules[k]
        hatch(axes, plane, kind == k, LOOKS[rule][3])
        mark = f" = {plane.marks[rule]:.3g}" if rule in plane.marks else ""
        label(axes, plane, kind == k, LOOKS[rule][0] + mark)


def hatch(axes: Axes, plane: Plane, mask: Array, pattern: str) -> None:
    """A pattern over the pixels of a mask."""
    if pattern and mask.any():
        filled = axes.contourf(plane.c2, plane.penalty, mask.astype(float), levels=[0.5, 1.5], colors="none",
                               hatches=[pattern])  # fmt: skip
        filled.set_edgecolor("#00000066")
        filled.set_linewidth(0)


def label(axes: Axes, plane: Plane, mask: Array, text: str) -> None:
    """A word where a region is widest."""
    framed = np.pad(mask, 1)  # the edge of the plane counts as an edge of the region
    depth = distance_transform_edt(framed, sampling=(1.0, 0.4))
    deepest = np.argwhere(depth > 0.98 * depth.max()) - 1
    row, column = deepest[len(deepest) // 2]
    axes.text(plane.c2[column], plane.penalty[row], text, ha="center", va="center", zorder=5,
              bbox={"fc": "white", "ec": "none", "alpha": 0.85, "pad": 1.5})  # fmt: skip


def finish(axes: Axes, plane: Plane, lines: tuple[Border, ...], title: str) -> None:
    """Border lines and the names of the axes."""
    for line in lines:
        axes.plot(line.c2, line.penalty, **style(line.name))
    left, right, bottom, top = extent(plane)
    axes.set(xlim=(left, right), ylim=(bottom, top), title=title)
    axes.set(
        xlabel="price of a pass of M2, $c_2$ (units of $c_1$)",
        ylabel="penalty $P$ (units of $c_1$)",
    )


def style(name: str) -> dict[str, Any]:
    """How a border is drawn: black, or white with a black rim where nothing but the sign of a gain changes."""
    inner, rim = ("white", "black") if name == "gain 0" else ("black", "white")
    return {
        "color": inner,
        "lw": 1.5,
        "ls": LINES[name][1],
        "path_effects": [withStroke(linewidth=3.0, foreground=rim)],
    }


def add_legend(figure: Figure, planes: list[Plane], gain: bool) -> None:
    """Regions and lines that occur, below the panels."""
    rules = list(RULES)
    seen = [
        rules[k]
        for k in np.unique(np.concatenate([np.unique(plane.solution.kind) for plane in planes]))
    ]
    names = {
        line.name: None for plane in planes for line in plane.borders
    }  # a dict, to keep their order
    names |= {"gain 0": None} if gain else {}
    patches = [Patch(fc=LOOKS[rule][2], ec="#000000AA", hatch=2 * LOOKS[rule][3], lw=0.3, label=LOOKS[rule][1])
               for rule in seen]  # fmt: skip
    lines = [Line2D([], [], **style(name), label=LINES[name][0]) for name in names]
    width, height = figure.get_size_inches()
    for handles, at in ((patches, LEFT), (lines, LEFT + PANEL[0] + GAP[0])):
        corner = (at / width, 0.95 / height)
        figure.legend(handles=handles, loc="upper left", bbox_to_anchor=corner, frameon=False, fontsize=8,
                      handlelength=3.4, borderaxespad=0.0)  # fmt: skip


def words(choice: str, regimes: list[str]) -> str:
    """The numbers behind a figure."""
    numbers = CHOICES[choice]
    delays = ", then ".join("({:g}, {:g})".format(*numbers.latency(regime)) for regime in regimes)
    p1, p2 = numbers.success
    return f"Parameters of our choice, set {choice}: V = {numbers.value:g}, p = ({p1:g}, {p2:g}), t = {delays}, c1 = 1"


def extent(plane: Plane) -> tuple[float, float, float, float]:
    """Edges of the plane: left, right, bottom, top."""
    return 1.0, plane.choice.reach[0], 0.0, plane.choice.reach[1]
