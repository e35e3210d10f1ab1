"""The panels around a game: maps with the game in the middle, its user's replies, its costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.ndimage import distance_transform_edt

from routing_game.experiments.around.plane import Axis, Plane, Replies, commitment, costs
from routing_game.experiments.paper.looks import (
    FAILS,
    HOLDS,
    INK,
    LINES,
    LOOKS,
    Look,
    drawn,
    hatch,
    label,
    name_line,
)
from routing_game.experiments.paper.panels import regions, show, strokes
from routing_game.experiments.paper.sheet import Sheet
from routing_game.theory import RULES, Game, outcome, solve, thresholds
from routing_game.theory.numbers import Array

KINDS = LOOKS | {"interior": Look("$(1, s)$", "cascade, user sometimes leaves", "#D55E00", "xx")}
"""Looks of all rules: with p1 > p2, which no plane of the paper has, a mixed reply can pay."""
NAMES = {
    "stay-1": "M1 alone,\nuser stays",
    "s_L": "cascade $s_L$,\nuser stays",
    "interior": "cascade, user\nmay leave",
    "leave-1": "one pass of M1,\nuser leaves",
    "s0": "cascade $s_0$,\nuser stays",
    "stay-2": "M2 alone,\nuser stays",
    "leave-2": "one pass of M2,\nuser leaves",
}
"""What is optimal, as it stands on a map."""
ROOM = 0.06
"""Half of the height of a region, as a share of the map's, that a name on it needs."""
NEAR = 0.06
"""Half of the width of a line's name on an axis of s."""
STEPS = (1e-3, 0.01, 0.05, 0.2, 1.0)
"""Regrets at which a map of them changes its colour."""
SHADES = ("#FFFFFF", "#F5E9A3", "#D9BE55", "#9A8F73", "#5A657A", "#00224E")
"""From no regret to more than the optimum's own cost: ever darker, so for all common sight."""
PAD = 9
"""Points from an axis on which the star may stand to its numbers."""
STAR: dict[str, Any] = {
    "marker": "*",
    "ms": 15,
    "mfc": "white",
    "mec": "black",
    "mew": 1.3,
    "ls": "none",
    "zorder": 7,
}


class Units(NamedTuple):
    """Names of the game's units, or ""."""

    time: str = ""
    money: str = ""

    def of(self, symbol: str) -> str:
        """The unit of V, P or c2 in words."""
        return (self.time or "unit of t") if symbol == "V" else self.money or "unit of c"


SYMBOLS = {"V": "$V$", "c2": "$c_2$"}
WORDS = {
    "V": "value of a solved task $V$",
    "P": "penalty $P$",
    "c2": "price of a pass of M2 $c_2$",
}


def policy(sheet: Sheet, k: int, plane: Plane, units: Units) -> list[str]:
    """What is optimal. Returns the rules that are seen."""
    axes, rules = sheet.axes[k], list(RULES)
    colours = ListedColormap([KINDS[rule].colour for rule in rules])
    show(axes, edges(plane), plane.kind, colours, -0.5, len(rules) - 0.5)
    seen = [rules[kind] for kind in np.unique(plane.kind)]
    for rule in seen:
        mask = plane.kind == rules.index(rule)
        hatch(axes, plane.across.offsets, plane.up.offsets, mask, KINDS[rule].hatch)
        name(axes, plane, mask, NAMES[rule])
    borders(axes, plane, INK)
    frame(axes, plane, units, "What is optimal")
    return seen


def gaps(sheet: Sheet, planes: Sequence[Plane], units: Units) -> None:
    """Delta_U as a share of V, which the axis to the right may change."""
    shares = [100 * plane.misalignment / np.asarray(plane.games.value) for plane in planes]
    heat(sheet, planes, shares, r"gap $\Delta_U$ (% of $V$)")
    for axes, plane, share in zip(sheet.axes, planes, shares, strict=False):
        levels(axes, plane, share)
        borders(axes, plane, "white")
        frame(axes, plane, units, r"Gap $\Delta_U$")


def levels(axes: Axes, plane: Plane, share: Array) -> None:
    """The gap of every region in which there is one."""
    for kind in np.unique(plane.kind):
        mask = plane.kind == kind
        if np.ptp(share[mask]) < 1e-9:
            name(axes, plane, mask, f"{share[mask][0]:.3g} % of $V$")


def gains(sheet: Sheet, planes: Sequence[Plane], units: Units) -> None:
    """What the best throttling saves, as a share of the least cost without it."""
    shares: list[Array] = []
    for plane in planes:
        best = np.abs(np.asarray(plane.solution.cost))
        shares.append(np.divide(100 * plane.gain, best, out=0 * best, where=best > 0))
    heat(sheet, planes, shares, "saved by slowing M2 down (% of $J^*$)")
    for axes, plane, share in zip(sheet.axes, planes, shares, strict=False):
        name(axes, plane, share == 0, "would not pay")
        frame(axes, plane, units, "Throttling")


def heat(sheet: Sheet, planes: Sequence[Plane], shares: Sequence[Array], words: str) -> None:
    """Maps of shares in per cent in the same colours; 0 is hatched, beyond 100 all is one."""
    most = max(float(share.max()) for share in shares)
    for axes, plane, share in zip(sheet.axes, planes, shares, strict=False):
        image = show(axes, edges(plane), share, "cividis", 0.0, min(most, 100.0) or 1.0)
        hatch(axes, plane.across.offsets, plane.up.offsets, share == 0, "//", "#FFFFFF99")
    beyond = "max" if most > 100 else "neither"
    bar = sheet.bar(len(planes) - 1)
    sheet.figure.colorbar(image, cax=bar, extend=beyond).set_label(words)


def hatched(planes: Sequence[Array], words: str) -> list[Patch]:
    """The legend's word on what `heat` hatches, if it is seen."""
    if not any((values == 0).any() for values in planes):
        return []
    darkest = colormaps["cividis"](0.0)
    return [Patch(fc=darkest, ec="#FFFFFFCC", hatch="////", lw=0, label=words)]


def regret(sheet: Sheet, k: int, plane: Plane, units: Units, bar: bool) -> None:
    """What keeping to the game's own optimum costs where the numbers are others."""
    axes = sheet.axes[k]
    limits = [0.0, *STEPS, np.inf]
    shade = np.digitize(plane.regret, limits[1:-1])
    image = show(axes, edges(plane), shade, ListedColormap(SHADES), -0.5, len(SHADES) - 0.5)
    image.set_norm(BoundaryNorm(np.arange(len(SHADES) + 1) - 0.5, len(SHADES)))
    if bar:
        colours = axes.figure.colorbar(image, cax=sheet.bar(k), ticks=np.arange(5) + 0.5)
        colours.set_ticklabels([f"{100 * step:g} %" for step in STEPS])
        colours.set_label("regret (% of $J^*$)")
    borders(axes, plane, INK)
    frame(axes, plane, units, "Regret")


def reply(sheet: Sheet, k: int, plane: Replies, units: Units) -> None:
    """What the user answers on route 1, over s and V."""
    axes, reach = sheet.axes[k], plane.up.reach
    image = show(axes, (0.0, 1.0, -reach, reach), plane.reply, "cividis_r", 0.0, 1.0)
    axes.figure.colorbar(image, cax=sheet.bar(k)).set_label("chance to leave $q^*(1, s)$")
    offsets, marks = plane.marks()
    axes.set(xlim=(0, 1), ylim=(-reach, reach), title="What the user answers on route 1")
    seen = []
    for mark, s in marks.items():
        if np.isfinite(s).any():
            axes.plot(s, offsets, **drawn(mark))
            far = far_along(s, offsets)
            name_line(axes, mark, s, offsets, 1 - far if mark == "s = s_H" else far)
            seen.append(mark)
    axes.axhline(0, color="white", lw=2.6, zorder=1.5)
    axes.axhline(0, color=INK, lw=1, ls=(0, (4, 2)), zorder=1.6)
    for value, text in ((0.0, "stays"), (1.0, "leaves")):
        named(axes, plane.cascade, plane.up, plane.reply == value, text)
    axes.set_xlabel("cascade $s$, how often a failed pass escalates")
    ticked(axes.yaxis, plane.up)
    axes.set_ylabel(f"{WORDS['V']} ({units.of('V')})")
    axes.tick_params(axis="y", pad=PAD)
    route, best = commitment(plane.game)
    if route == 1:
        axes.plot([best], [0], **STAR, clip_on=False)
    lines = [Line2D([], [], color=INK, lw=1, ls=(0, (4, 2)), label="the game's $V$")]
    stars = [star("the game's optimum")] if route == 1 else []
    sheet.legend(k, [*stars, *lines, *strokes(seen)], columns=2)


def far_along(s: Array, offsets: Array) -> float:
    """Where along what is seen of a line a name stands farther from the game's own V."""
    seen = offsets[(s >= 0) & (s <= 1)]
    return max((0.2, 0.8), key=lambda part: abs(seen[int(part * (len(seen) - 1))]))


def cost(sheet: Sheet, k: int, plane: Replies, units: Units) -> None:
    """What each s costs the provider in the game itself, and route 2."""
    axes, game = sheet.axes[k], plane.game
    s, paid = costs(game)
    other, (route, best) = float(outcome(game, 2, 0.0).cost), commitment(game)
    axes.plot(s, paid, color=FAILS, lw=2, label="route 1, once the user has answered")
    axes.axhline(other, color=HOLDS, lw=1.5, ls=(0, (5, 2)), label="route 2, s of no effect")
    axes.set(xlim=(0, 1), title="What it costs the provider")
    axes.set_xlabel("cascade $s$, how often a failed pass escalates")
    axes.set_ylabel(f"cost of a task $J$ ({units.of('P')})")
    axes.margins(y=0.08)
    axes.tick_params(axis="y", pad=PAD)
    level = float(solve(game).cost)
    axes.plot([best if route == 1 else 0.5], [level], **STAR, clip_on=False)
    axes.spines[["top", "right"]].set_visible(False)
    cliffs(axes, game, s, np.vstack([paid, np.full_like(paid, other)]), level)
    handles, _ = axes.get_legend_handles_labels()
    sheet.legend(k, [star(f"the game's optimum, $J^*$ = {level:.4g}"), *handles])


def cliffs(axes: Axes, game: Game, s: Array, paid: Array, star: float) -> None:
    """Upright lines at the s at which the user changes its mind, named where there is room.

    Args:
        axes: of the costs.
        game: whose user it is.
        s: along the curves, shape (n,).
        paid: what is drawn over it, shape (curves, n).
        star: the height of the star, which may be anywhere.
    """
    low, high = axes.get_ylim()
    for mark, place in zip(("s = s0", "s = s_L", "s = s_H"), thresholds(game), strict=True):
        at = float(place)
        if not 0 < at < 1:
            continue
        axes.axvline(at, color=INK, lw=1, ls=LINES[mark].style, zorder=0.5)
        near = paid[:, np.abs(s - at) < NEAR]
        taken = (np.append(near[np.isfinite(near)], star) - low) / (high - low)
        height = max((0.9, 0.5, 0.7, 0.3, 0.1), key=lambda y: np.abs(taken - y).min().round(1))
        words_at(axes, LINES[mark].mark, at, low + height * (high - low))


# --- what they share


def star(words: str) -> Line2D:
    """The legend's word on the game's own point."""
    return Line2D([], [], **{**STAR, "ms": 11}, label=words)


def edges(plane: Plane) -> tuple[float, float, float, float]:
    """Left, right, bottom, top, from the middle."""
    return (-plane.across.reach, plane.across.reach, -plane.up.reach, plane.up.reach)


def frame(axes: Axes, plane: Plane, units: Units, title: str) -> None:
    """Guides, the game's own point, and the axes with their units."""
    left, right, bottom, top = edges(plane)
    symbol = plane.across.symbol
    title = f"{title}, by {SYMBOLS[symbol]} and $P$"
    axes.set(xlim=(left, right), ylim=(bottom, top), title=title)
    for at, (words, place) in enumerate(guides(plane)):
        axes.axvline(place, color="white", alpha=0.6, lw=2.6, zorder=2.9)
        axes.axvline(place, color=INK, lw=1.1, ls=(0, (1, 1.5)), zorder=3)
        words_at(axes, words, place, top - (0.05 + 0.09 * at) * (top - bottom))
    axes.plot([0], [0], **STAR)
    ticked(axes.xaxis, plane.across)
    ticked(axes.yaxis, plane.up)
    axes.set_xlabel(f"{WORDS[symbol]} ({units.of(symbol)})")
    axes.set_ylabel(f"{WORDS['P']} ({units.of('P')})")


def guides(plane: Plane) -> list[tuple[str, float]]:
    """Upright lines of meaning: their names, and where they are, if on the map."""
    game = plane.game
    (p1, p2), (t1, t2), (c1, _) = game.success, game.latency, game.cost
    lines = {
        "c2": {"$c_2=c_1$": c1, "$c_2/p_2=c_1/p_1$": c1 / p1 * p2},
        "V": {"$V=t_1/p_1$": t1 / p1, "$V=t_2/p_2$": t2 / p2},
    }[plane.across.symbol]
    placed = [(words, float(plane.across.place(x))) for words, x in lines.items()]
    return [(words, place) for words, place in placed if abs(place) < plane.across.reach]


def words_at(axes: Axes, words: str, x: float, y: float) -> None:
    """The name of a guide, kept within the frame."""
    left, right = axes.get_xlim()
    edge = 0.2 * (right - left)
    side = "left" if x < left + edge else "right" if x > right - edge else "center"
    box = {"fc": "white", "ec": "#00000088", "lw": 0.5, "pad": 1.4}
    axes.annotate(words, (x, y), ha=side, va="center", fontsize=7.5, zorder=6, bbox=box)


def borders(axes: Axes, plane: Plane, colour: str) -> None:
    """The lines at which another kind of optimum takes over."""
    for kind in np.unique(plane.kind)[:-1]:
        axes.contour(
            plane.across.offsets,
            plane.up.offsets,
            (plane.kind <= kind).astype(float),
            levels=[0.5],
            colors=colour,
            linewidths=1.0,
        )


def name(axes: Axes, plane: Plane, mask: Array, text: str) -> None:
    """A region's name where it has room, clear of the game's own point and of the guides."""
    named(axes, plane.across.offsets, plane.up, mask, text, clear=True)


def named(axes: Axes, across: Array, up: Axis, mask: Array, text: str, clear: bool = False) -> None:
    """A word on a region, if it has room there; ``clear`` of the middle and of the top."""
    n = up.size
    free = mask.copy()
    if clear:
        middle, high, wide = n // 2, int(0.1 * n), int(0.2 * n)
        beside = slice(middle - wide, middle + wide + 1)
        free[middle - high : middle + high + 1, beside] = False
        free[int(0.82 * n) :] = False
    depth = distance_transform_edt(np.pad(free, 1), sampling=(1.0, 0.4)).max()
    if depth >= ROOM * n:
        label(axes, across, up.offsets, free, text)


def ticked(side: Any, along: Axis) -> None:
    """Ticks at 1, 2 and 5 times powers of ten; at whole parts of an even scale."""
    low, high = along.at(-along.reach), along.at(along.reach)
    if along.even:
        marks = np.linspace(low, high, 5)
    else:
        least, greatest = np.floor(np.log10(low)), np.ceil(np.log10(high))
        powers = np.arange(least, greatest + 1)
        marks = np.outer(10.0**powers, (1, 2, 5)).ravel()
        marks = marks[(marks >= low) & (marks <= high)]
    side.set_ticks(along.place(marks), [f"{mark:.4g}" for mark in marks])


def kinds(seen: Sequence[str]) -> list[Any]:
    """The legend's patches."""
    return regions([rule for rule in RULES if rule in seen])
