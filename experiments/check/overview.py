"""The first picture of the report: every learner, how often it is within, and what it loses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from routing_game.experiments.check.judge import FLOOR, WITHIN
from routing_game.experiments.check.known import GROUPS, TITLES, Group
from routing_game.experiments.check.learners import Role
from routing_game.experiments.check.looks import (
    GREY,
    LETTERS,
    MARK_OF,
    OF_KIND,
    drawn,
    in_percent,
)
from routing_game.experiments.check.verdicts import MOST
from routing_game.experiments.drawing import literal
from routing_game.experiments.intervals import Share
from routing_game.experiments.pages.style import COLOURS, dots, dressed

LEAST_MOST = 300.0
"""Percent of regret to which the axis reaches at least."""
ROW = 0.165
"""Inches of a row."""
TITLE_PAD = 20
"""Points between a part and its title: the legend stands there."""
REACHED, MISSED, OPEN = COLOURS[2], COLOURS[3], "#555555"
"""Colours of those who reach the equilibrium, who miss it, and of whom there is no verdict."""
MARKS = {REACHED: "o", MISSED: "X", OPEN: "s"}
"""Their markers, which tell them apart in grey, too."""


class Line(NamedTuple):
    """A row of the picture."""

    name: str
    group: Group
    share: Share | None
    """Of sampled games, on which it is within."""
    colour: str
    """Of that share."""
    regret: Mapping[str, float]
    """Game -> mean regret, as a share of J* or V."""
    role: Role = "provider"


@dressed
def overview_figure(lines: Sequence[Line], kinds: Mapping[str, str], titles: Sequence[str]) -> str:
    """A row for each learner: the share of sampled games within, and its regret on each game.

    Args:
        lines: in any order; within a group the best come first.
        kinds: game -> kind of its optimum.
        titles: of the left and of the right part; an empty one leaves that part out.
    """
    groups = {kind: ordered([one for one in lines if one.group == kind]) for kind in GROUPS}
    groups = {kind: mine for kind, mine in groups.items() if mine}
    count = sum(len(mine) + 1 for mine in groups.values())
    height = ROW * count + 0.95
    figure = Figure(figsize=(11.2, height))
    shown = [place for place, title in enumerate(titles) if title]
    widths = [(1.0, 1.25)[place] for place in shown]
    grid = figure.add_gridspec(
        1,
        len(shown),
        width_ratios=widths,
        left=0.165,
        right=0.865,
        wspace=0.05,
        top=1 - 0.5 / height,
        bottom=0.42 / height,
    )
    panels = [figure.add_subplot(grid[place]) for place in range(len(shown))]
    for axes, place in zip(panels, shown, strict=True):
        (share_axis, regret_axis)[place](axes, titles[place])
        axes.set_ylim(count - 0.4, -0.6)
    y = 0
    labels: list[tuple[int, str, bool]] = []
    for kind, mine in groups.items():
        labels.append((y, TITLES[kind], True))
        if y:
            for axes in panels:
                axes.axhline(y - 0.5, color="#bbbbbb", lw=0.7)
        for one in mine:
            y += 1
            labels.append((y, literal(one.name, LETTERS), False))
            for axes, place in zip(panels, shown, strict=True):
                (draw_share, draw_losses)[place](axes, one, y, kinds)
        y += 1
    most = max((max(one.regret.values(), default=0.0) for one in lines), default=0.0)
    for axes, place in zip(panels, shown, strict=True):
        axes.set_yticks([])
        if place == 1:
            axes.set_xlim(100 * FLOOR, max(LEAST_MOST, 120 * most))
    for at, words, heading in labels:
        weight = "bold" if heading else "normal"
        panels[0].annotate(
            words,
            (-0.015, at),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="center",
            fontsize=8 if heading else 8.5,
            fontweight=weight,
            annotation_clip=False,
        )
    legends(panels, shown, kinds)
    return dots(figure)


def ordered(lines: Sequence[Line]) -> list[Line]:
    """The best first: by their share, then by their largest regret."""

    def rank(one: Line) -> tuple[float, float]:
        share = one.share.share if one.share else -1.0
        return -share, max(one.regret.values(), default=np.inf)

    return sorted(lines, key=rank)


def share_axis(axes: Axes, title: str) -> None:
    """Percent of the sampled games."""
    axes.set(xlim=(-2, 102), xlabel="games within, %")
    axes.set_title(title, pad=TITLE_PAD)
    axes.axvline(100 * MOST, color="#777777", lw=0.8, ls=(0, (2, 2)))
    axes.grid(axis="y", visible=False)


def regret_axis(axes: Axes, title: str) -> None:
    """Exact regret, logarithmic, from 0, which is drawn at the floor."""
    axes.set(xscale="log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: in_percent(x)))
    axes.minorticks_off()
    axes.set(xlabel="exact regret, % (users: of V, the others: of J*)")
    axes.set_title(title, pad=TITLE_PAD)
    axes.grid(axis="y", visible=False)


def draw_share(axes: Axes, one: Line, y: int, kinds: Mapping[str, str]) -> None:
    """A share with its interval."""
    if one.share is None or not np.isfinite(one.share.share):
        return
    middle, low, high = (100 * x for x in one.share)
    look: dict[str, Any] = {"color": one.colour, "clip_on": False, "zorder": 3}
    axes.plot([low, high], [y, y], lw=1.6, **look)
    axes.plot(middle, y, MARKS[one.colour], ms=5, mew=0, **look)


def draw_losses(axes: Axes, one: Line, y: int, kinds: Mapping[str, str]) -> None:
    """A dot for each game; the game where most is lost is named, if that is beyond the limit."""
    if not one.regret:
        return
    limit = WITHIN[one.role]
    axes.plot([100 * limit] * 2, [y - 0.5, y + 0.5], color="#777777", lw=0.9, ls=(0, (2, 2)))
    games = sorted(one.regret, key=lambda game: kinds[game] in OF_KIND)
    many = len(games) > 40
    for game in games:
        axes.plot(
            drawn(np.array([one.regret[game]])),
            y,
            MARK_OF.get(kinds[game], "o"),
            ms=2.4 if many else 4.4,
            mew=0,
            alpha=0.35 if many else 0.75,
            color=OF_KIND.get(kinds[game], GREY),
            clip_on=False,
            zorder=3,
        )
    worst = max(games, key=lambda game: one.regret[game])
    if one.regret[worst] > limit:
        axes.annotate(
            literal(worst, LETTERS),
            (1.015, y),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=7.5,
            color="#555555",
            annotation_clip=False,
        )


def legends(panels: Sequence[Axes], shown: Sequence[int], kinds: Mapping[str, str]) -> None:
    """What colours and markers mean, above each part."""
    verdicts = {"reaches": REACHED, "misses": MISSED, "no verdict": OPEN}
    words = {"s0": "cascade at s0", "s_L": "cascade at s_L"}
    found = [kind for kind in OF_KIND if kind in kinds.values()]
    looks = (
        {word: (colour, MARKS[colour]) for word, colour in verdicts.items()},
        {words[kind]: (OF_KIND[kind], MARK_OF[kind]) for kind in found}
        | {"other game": (GREY, "o")},
    )
    for axes, place in zip(panels, shown, strict=True):
        axes.legend(
            handles=[
                Line2D([], [], color=colour, marker=marker, label=word, ls="", ms=5, mew=0)
                for word, (colour, marker) in looks[place].items()
            ],
            ncol=3,
            loc="lower left",
            bbox_to_anchor=(-0.01, 1.0),
            borderaxespad=0.0,
            frameon=False,
            fontsize=8,
            handletextpad=0.1,
            columnspacing=1.2,
        )
