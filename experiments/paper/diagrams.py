"""Figures 1 and 2, which are no maps: the guidelines, and the chain of passes."""

from __future__ import annotations

from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

from routing_game.experiments.paper.looks import FAINT, INK
from routing_game.experiments.paper.scene import Scene
from routing_game.experiments.paper.sheet import Sheet


class Region(NamedTuple):
    """A quadrant of Figure 1."""

    user: tuple[str, ...]
    provider: tuple[str, ...]
    gap: str
    colour: str


GUIDELINES = {
    "-+": Region(
        ("On M1: leaves if $s<s_0$, stays if $s\\geq s_0$", "On M2: stays"),
        (
            "$c_1/p_1<c_2/p_2$: one pass of M1 if $P<P_2$,",
            "      else M1 with cascade $s_0$",
            "$c_1/p_1>c_2/p_2$: one pass of M1 if $P<P_1$, else M2",
        ),
        "Gap $\\Delta_U$ unless the provider starts with M2",
        "#CFEADF",
    ),
    "++": Region(
        ("Always stays ($q^*=0$)",),
        (
            "M1 if $c_1/p_1\\leq c_2/p_2$, else M2; never a cascade",
            "Throttling gains if $P<\\min\\{c_1/p_1,c_2/p_2\\}$",
        ),
        "Gap $\\Delta_U$ if $c_i/p_i$ and $\\xi_i/p_i$ rank the models differently",
        "#D6EBF8",
    ),
    "--": Region(
        ("Leaves at the first failure ($q^*=1$)",),
        ("M1 if $P\\leq d=(c_2-c_1)/(p_2-p_1)$, else M2; $s$ is free",),
        "Gap $\\Delta_U$ if that is not the model of greater $\\xi_i$",
        "#F7DCCB",
    ),
    "+-": Region(
        (
            "On M1: stays if $s\\leq s_L$, leaves if $s\\geq s_H$,",
            "      leaves with chance $q^\\dagger(s)$ between",
            "On M2: leaves",
        ),
        (
            "$c_1/p_1<c_2/p_2$: one pass of M1 ($s\\geq s_H$) if $P<c_1/p_1$,",
            "      else M1 alone",
            "$c_1/p_1>c_2/p_2$: one pass of M1 if $P<d$, of M2 if $d<P<P_3$;",
            "      beyond (not in the paper): M1 with cascade $s_L$",
        ),
        "Gap $\\Delta_U$ unless M1 alone, $(1,0)$, serves a user who stays",
        "#FBE8C3",
    ),
}
"""By the signs of xi: our wording of Theorems 1 to 5 and Proposition 1."""
STEP = 0.047
"""From line to line, as a part of the panel's height."""
CORNERS = {"-+": (0.0, 0.5), "++": (0.5, 0.5), "--": (0.0, 0.0), "+-": (0.5, 0.0)}


def guidelines(sheet: Sheet, k: int, scene: Scene) -> None:
    """Figure 1: what either side does in each quadrant."""
    axes = sheet.axes[k]
    blank(axes)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    for regime, region in GUIDELINES.items():
        box(axes, *CORNERS[regime], region)
    names = ("$\\xi_1<0$: M1 is latency-dominated", "$\\xi_1>0$: M1 is value-dominated")
    for x, name in zip((0.25, 0.75), names, strict=True):
        axes.text(x, -0.02, name, ha="center", va="top", fontsize=10)
    names = ("$\\xi_2<0$: M2 is\nlatency-dominated", "$\\xi_2>0$: M2 is\nvalue-dominated")
    for y, name in zip((0.25, 0.75), names, strict=True):
        axes.text(-0.01, y, name, ha="right", va="center", fontsize=10)


def box(axes: Axes, x: float, y: float, region: Region) -> None:
    """One quadrant: the user, the provider, the gap."""
    look: dict[str, Any] = {"boxstyle": "round,pad=0,rounding_size=0.015", "ec": INK, "lw": 0.8}
    axes.add_patch(FancyBboxPatch((x + 0.008, y + 0.015), 0.484, 0.47, fc=region.colour, **look))
    left, at = x + 0.025, y + 0.435
    for head, lines in (("User", region.user), ("Provider", region.provider)):
        axes.text(left, at, head, fontsize=9, weight="bold")
        for line in lines:
            axes.text(left + 0.075, at, line, fontsize=9)
            at -= STEP
        at -= STEP / 3
    axes.text(left, y + 0.035, region.gap, fontsize=9, style="italic", color=INK)


class Arrow(NamedTuple):
    """An arrow of Figure 2."""

    start: str
    end: str
    bend: float
    """Of the arc; 0 is straight."""
    at: tuple[float, float]
    """Middle of its words."""
    words: str
    number: tuple[int, int] | None = None
    """Its place in `Scene.chain`."""


RADIUS = 0.42
STATES = {
    "route": (0.6, 2.0, "route $i$", "#F3F3F3"),
    "M1": (3.0, 2.0, "$M_1$", "#D6EBF8"),
    "M2": (6.4, 2.0, "$M_2$", "#FBE8C3"),
    "Success": (9.6, 3.4, "Success", "#CFEADF"),
    "Abandon": (9.6, 0.6, "Abandon", "#F7DCCB"),
}
"""Middle, name, colour."""
ARROWS = (
    Arrow("route", "M1", 0.0, (1.75, 2.17), "$i=1$"),
    Arrow("route", "M2", 0.42, (2.4, 0.72), "$i=2$"),
    Arrow("M1", "M2", 0.0, (4.7, 2.2), "$(1-p_1)(1-q)s$", (0, 1)),
    Arrow("M1", "Success", -0.3, (5.0, 3.72), "$p_1$", (0, 2)),
    Arrow("M1", "Abandon", 0.3, (5.6, 0.12), "$(1-p_1)q$", (0, 3)),
    Arrow("M2", "Success", 0.0, (7.65, 2.92), "$p_2$", (1, 2)),
    Arrow("M2", "Abandon", 0.0, (8.4, 1.62), "$(1-p_2)q$", (1, 3)),
)
LOOPS = (
    Arrow("M1", "M1", 0.0, (2.75, 3.08), "$(1-p_1)(1-q)(1-s)$", (0, 0)),
    Arrow("M2", "M2", 0.0, (6.25, 3.14), "$(1-p_2)(1-q)$", (1, 1)),
)
NOTES = {
    "M1": "cost $c_1$, delay $t_1$",
    "M2": "cost $c_2$, delay $t_2$",
    "Success": "user gains $V$",
    "Abandon": "provider pays $P$",
}


def chain(sheet: Sheet, k: int, scene: Scene) -> None:
    """Figure 2: a pass of either model, and what may follow."""
    axes = sheet.axes[k]
    blank(axes)
    axes.set(xlim=(0, 10.6), ylim=(-0.3, 4.2), aspect="equal")
    chances = scene.chain
    for arrow in ARROWS:
        connect(axes, arrow)
    for loop in LOOPS:
        again(axes, loop)
    for arrow in (*ARROWS, *LOOPS):
        words = arrow.words
        if arrow.number is not None:
            words += f"\n{chances[arrow.number]:.4g}"
        axes.text(*arrow.at, words, ha="center", va="center", fontsize=9, linespacing=1.4)
    for name, (x, y, title, colour) in STATES.items():
        axes.add_patch(Circle((x, y), RADIUS, fc=colour, ec=INK, lw=1, zorder=3))
        axes.text(x, y, title, ha="center", va="center", fontsize=10, zorder=4)
        note = NOTES.get(name, "")
        axes.text(x, y - RADIUS - 0.06, note, ha="center", va="top", fontsize=8, color=FAINT)


def connect(axes: Axes, arrow: Arrow) -> None:
    """From one state to another."""
    start, end = (STATES[name][:2] for name in (arrow.start, arrow.end))
    points = 72 * axes.get_window_extent().height / axes.figure.dpi / 4.5 * RADIUS
    axes.add_patch(
        FancyArrowPatch(
            start,
            end,
            connectionstyle=f"arc3,rad={arrow.bend}",
            arrowstyle="-|>",
            mutation_scale=12,
            shrinkA=points,
            shrinkB=points,
            color=INK,
            lw=1.1,
            ls=(0, (5, 2)) if arrow.words == "$i=2$" else "-",
        )
    )


def again(axes: Axes, loop: Arrow) -> None:
    """From a state back to itself, above it."""
    x, y, *_ = STATES[loop.start]
    axes.add_patch(
        FancyArrowPatch(
            (x - 0.22, y + 0.36),
            (x + 0.22, y + 0.36),
            connectionstyle="arc3,rad=-1.9",
            arrowstyle="-|>",
            mutation_scale=12,
            shrinkA=0,
            shrinkB=0,
            color=INK,
            lw=1.1,
        )
    )


def blank(axes: Axes) -> None:
    """No frame, no ticks."""
    axes.set_axis_off()
