"""The panels of Figures 3 to 5 and of throttling: one map each, its lines, its legend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from routing_game.experiments.paper.facts import SLIGHT, levels
from routing_game.experiments.paper.looks import (
    LINES,
    LOOKS,
    drawn,
    hatch,
    label,
    name_line,
)
from routing_game.experiments.paper.planes import Border, Plane
from routing_game.experiments.paper.quadrants import Quadrants
from routing_game.experiments.paper.scene import Scene
from routing_game.experiments.paper.sheet import Sheet
from routing_game.theory import RULES
from routing_game.theory.numbers import Array

SIGNS = {
    "-+": r"$\xi_1<0<\xi_2$",
    "+-": r"$\xi_1>0>\xi_2$",
    "++": r"$\xi_1,\xi_2>0$",
}
X = "difference in cost-of-pass $x=c_1/p_1-c_2/p_2$ (units of $c_1$)"
PENALTY = "penalty $P$ (units of $c_1$)"
WHERE = {
    "cp1 = cp2": 0.93,
    "d": 0.85,
    "P1": 0.6,
    "P2": 0.6,
    "P3": 0.8,
    "P = cp1": 0.3,
    "min cp": 0.35,
}
"""How far along what is seen of a line its name stands."""
GAIN_COLOURS = "RdBu"
"""Red where throttling costs, blue where it gains: told apart by all common kinds of sight."""


def policy(sheet: Sheet, k: int, scene: Scene, regime: str, side: str) -> None:
    """Figure 4: the regions of the optimal policy."""
    axes, plane = sheet.axes[k], scene.planes[regime]
    rules = list(RULES)
    colours = [LOOKS[rule].colour if rule in LOOKS else "#FFFFFF" for rule in rules]
    show(axes, plane.edges, plane.kind, ListedColormap(colours), -0.5, len(rules) - 0.5)
    frame(axes, plane, plane.borders, f"{side}: provider-optimal policy, {SIGNS[regime]}")
    seen = [rules[kind] for kind in np.unique(plane.kind)]
    for rule in seen:
        here = plane.at(rule)
        hatch(axes, plane.x, plane.penalty, here, LOOKS[rule].hatch)
        label(axes, plane.x, plane.penalty, here, policy_mark(plane, rule))
    lines = [line.name for line in plane.borders]
    sheet.legend(k, [*regions(seen), *strokes(lines), meeting()], columns=2)


def policy_mark(plane: Plane, rule: str) -> str:
    """The policy in the paper's notation, with the number of its s, and what the user does."""
    mark = LOOKS[rule].mark
    if rule in plane.marks:
        mark = f"{mark[:-2]} = {plane.marks[rule]:.3g})$"
    if rule == "leave-1" and plane.regime == "+-":
        mark = r"$(1, s \geq s_H)$"
    return f"{mark}\n{'user leaves' if rule.startswith('leave') else 'user stays'}"


def misalignment(sheet: Sheet, k: int, scene: Scene, regime: str, side: str) -> None:
    """Figure 5, left and middle: Delta_U, which is constant on each region."""
    axes, plane = sheet.axes[k], scene.planes[regime]
    gap = plane.misalignment
    image = show(axes, plane.edges, gap, "cividis", 0.0, float(gap.max()))
    axes.figure.colorbar(image, cax=sheet.bar(k)).set_label(r"gap $\Delta_U$ (unit of $V$)")
    frame(axes, plane, plane.borders, rf"{side}: gap $\Delta_U$, {SIGNS[regime]}")
    for level in levels(gap):
        here = np.abs(gap - level) <= SLIGHT
        if level == 0:
            hatch(axes, plane.x, plane.penalty, here, "//", "#FFFFFF99")
        label(axes, plane.x, plane.penalty, here, f"$\\Delta_U =$\n{level:.3g}")
    sheet.legend(k, [*strokes(line.name for line in plane.borders), meeting()])


def gain(sheet: Sheet, k: int, scene: Scene, slowed: str, side: str) -> None:
    """Figure 5, right, and throttling: J* before less J* after; the paper's dashed line."""
    axes, plane, values = sheet.axes[k], scene.planes["++"], scene.gains[slowed]
    most = max(float(np.abs(gains).max()) for gains in scene.gains.values())
    image = show(axes, plane.edges, values, GAIN_COLOURS, -most, most)
    bar = sheet.bar(k)
    axes.figure.colorbar(image, cax=bar).set_label("gain $J_{pre}^*-J_{post}^*$ (units of $c_1$)")
    lines = [plane.break_even]
    if slowed == "both":
        lines.append(plane.kink)
    if slowed == "M1":  # beyond P1 the provider turns to M2
        lines += [line for line in scene.planes["-+"].borders if line.name == "P1"]
    what = "both models" if slowed == "both" else f"{slowed} alone"
    frame(axes, plane, lines, f"{side}: gain from throttling {what}")
    contour(axes, plane, values, bar.get_yticks())
    idle = values == 0
    handles = [*strokes(line.name for line in lines), meeting()]
    if idle.mean() > 0.01:
        hatch(axes, plane.x, plane.penalty, idle, "//")
        label(axes, plane.x, plane.penalty, idle, "neither gain\nnor loss")
    sheet.legend(k, handles)


def contour(axes: Axes, plane: Plane, values: Array, ticks: Iterable[float]) -> None:
    """Level lines with their heights, without 0, which has a line of its own."""
    heights = [x for x in ticks if values.min() < x < values.max() and abs(x) > SLIGHT]
    layers = axes.contour(
        plane.x,
        plane.penalty,
        values,
        levels=heights,
        colors="#404040",
        linewidths=0.6,
        linestyles="-",
    )
    longest = [max(lines, key=len) for lines in layers.allsegs if len(lines)]
    here = plane.edges[0] + 0.2 * (plane.edges[1] - plane.edges[0])
    places = [line[np.abs(line[:, 0] - here).argmin()] for line in longest]
    axes.clabel(layers, fontsize=7.5, colors="#202020", manual=places)
    for text in layers.labelTexts:
        text.set_path_effects([withStroke(linewidth=2.0, foreground="white")])


def reply(sheet: Sheet, k: int, scene: Scene) -> None:
    """Figure 3: q*(1, .25) over the signs and sizes of both net values."""
    axes, plane = sheet.axes[k], scene.quadrants
    image = show(axes, plane.edges, plane.reply, "cividis_r", 0.0, 1.0)
    axes.figure.colorbar(image, cax=sheet.bar(k)).set_label("chance to leave $q^*(1, 0.25)$")
    for line in plane.borders:
        axes.plot(line.xi1, line.xi2, **drawn(line.name))
    left, right, bottom, top = plane.edges
    ticks = right * np.linspace(-1, 1, 5)
    axes.set(xlim=(left, right), ylim=(bottom, top), xticks=ticks, yticks=ticks)
    axes.axhline(0, color="white", lw=1.2)
    axes.axvline(0, color="white", lw=1.2)
    for line in plane.borders:
        name_line(axes, line.name, line.xi1, line.xi2, 0.62)
    axes.set_title(r"Reply to $i=1$, $s=0.25$")
    axes.set_xlabel(r"net value of a pass of M1, $\xi_1$ (unit of $V$)")
    axes.set_ylabel(r"net value of a pass of M2, $\xi_2$ (unit of $V$)")
    for mask, text in parts(plane):
        label(axes, plane.net, plane.net, mask, text)
    names = [line.name for line in plane.borders]
    sheet.legend(k, [*strokes(names)], columns=3)


def parts(plane: Quadrants) -> list[tuple[Array, str]]:
    """The regions of Figure 3 and what is said on them."""
    q, mixed = plane.reply, plane.at("+-")
    return [
        (plane.at("++"), "$q^* = 0$\nalways stays"),
        (plane.at("--"), "$q^* = 1$\nalways leaves"),
        (plane.at("-+") & (q == 0), "$q^* = 0$\n$s \\geq s_0$"),
        (plane.at("-+") & (q == 1), "$q^* = 1$\n$s < s_0$"),
        (mixed & (q == 0), "$q^* = 0$\n$s \\leq s_L$"),
        (mixed & (q > 0) & (q < 1), "$q^\\dagger$"),
        (mixed & (q == 1), "$q^* = 1$\n$s \\geq s_H$"),
    ]


# --- what they share


def show(
    axes: Axes,
    edges: tuple[float, float, float, float],
    values: Array,
    colours: Any,
    low: float,
    high: float,
) -> Any:
    """An array as pixels, each of them the square around its game."""
    return axes.imshow(
        values,
        origin="lower",
        extent=edges,
        aspect="auto",
        cmap=mpl.colormaps[colours] if isinstance(colours, str) else colours,
        vmin=low,
        vmax=high,
        interpolation="nearest",
    )


def frame(axes: Axes, plane: Plane, lines: Sequence[Border], title: str) -> None:
    """Lines with their names, the point where they meet, and the names of the axes."""
    left, right, bottom, top = plane.edges
    axes.set(xlim=(left, right), ylim=(bottom, top), title=title, xlabel=X, ylabel=PENALTY)
    for line in lines:
        axes.plot(line.x, line.penalty, **drawn(line.name))
    for line in lines:
        name_line(axes, line.name, line.x, line.penalty, WHERE[line.name])
    axes.plot([0], [plane.choice.joint], **JOINT)


JOINT: dict[str, Any] = {
    "marker": "o",
    "ms": 5,
    "mfc": "white",
    "mec": "black",
    "ls": "none",
    "zorder": 4,
}


def meeting() -> Line2D:
    """The legend's word on the point where all lines of a plane meet."""
    return Line2D([], [], **JOINT, label="$(0, 1/p_1)$: here all lines meet")


def regions(rules: Sequence[str]) -> list[Patch]:
    """The legend's patches."""
    return [
        Patch(
            fc=LOOKS[rule].colour,
            ec="#000000AA",
            hatch=2 * LOOKS[rule].hatch,
            lw=0.3,
            label=LOOKS[rule].words,
        )
        for rule in rules
    ]


def strokes(names: Iterable[str]) -> list[Line2D]:
    """The legend's lines."""
    return [Line2D([], [], **drawn(name), label=LINES[name].words) for name in names]
