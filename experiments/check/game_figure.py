"""The games of the report: each in words and as a picture.

A game's picture shows its cost over s, where the seeds ended, and their regret.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from routing_game.experiments.card import card, provider_words
from routing_game.experiments.check.cost_curve import draw_costs
from routing_game.experiments.check.judge import FLOOR, WITHIN, Judged, grid_floor, roles
from routing_game.experiments.check.known import control, group
from routing_game.experiments.check.learners import LEARNERS
from routing_game.experiments.check.looks import LETTERS, draw_regret, look
from routing_game.experiments.drawing import literal
from routing_game.experiments.pages.style import Look, dots, dressed
from routing_game.theory import Game, solve
from routing_game.theory.catalog import units

STRIP_ROW = 0.175
"""Inches of a learner's row below the cost curve."""
PLACES = ("bandits", "gradients", "deep RL", "pairs", "your own", "unknown")
"""Families of providers in the order of their panels."""


def game_sections(part: Judged, names: Sequence[str]) -> list[dict[str, Any]]:
    """What the theory says of each of these games, and the picture of those who learned on it.

    Those on which most is lost come first.
    """
    providers = [name for name in roles(part.spec, "provider") if not control(name)]
    if not providers:
        return []
    ends = part.cells.filter(pl.col("learner").is_in(providers))
    lost = dict(ends.group_by("game").agg(pl.mean("within")).rows())
    sections = []
    for name in sorted(names, key=lambda game: lost.get(game, 1.0)):
        game = part.spec.games[name]
        rows = part.rows.filter(pl.col("game") == name, pl.col("learner").is_in(providers))
        if rows.is_empty():
            continue
        played = [learner for learner in providers if name in part.spec.plans[learner].games]
        words = game_words(game, name)
        picture = game_figure(game, rows, played, words["money"])
        sections.append({"name": name, **words, "picture": picture})
    return sections


def game_words(game: Game, name: str) -> Mapping[str, str]:
    """What the theory says of a game, in a sentence and as its card."""
    time, money = units(name) or ("", "")
    card_of = card(game, name, time, money)
    return {"words": provider_words(game, solve(game)), "card": card_of, "money": money}


@dressed
def game_figure(game: Game, judged: pl.DataFrame, learners: list[str], money: str = "") -> str:
    """J(s) along the best response and where each seed ended; regret over practice.

    Args:
        game: the game.
        judged: its rows of `judge.judge`.
        learners: the providers that played it.
        money: the unit of J.
    """
    panels = families(learners)
    rows = max(-(-len(panels) // 2), 1)
    strip = STRIP_ROW * max(len(learners), 1)
    body = max(1.9 + strip, 1.75 * rows)
    height = body + 0.85
    figure = Figure(figsize=(11.2, height))
    frame: dict[str, Any] = {"top": 1 - 0.37 / height, "bottom": 0.48 / height}
    left = figure.add_gridspec(
        2,
        2,
        width_ratios=(1, 0.17),
        height_ratios=(body - strip, strip),
        left=0.125,
        right=0.475,
        wspace=0.04,
        hspace=0.06,
        **frame,
    )
    curve, side, strip_1, strip_2 = (figure.add_subplot(left[place]) for place in np.ndindex(2, 2))
    draw_costs(curve, side, game, money)
    last = judged.group_by("learner", "seed", maintain_order=True).last()
    draw_ends(strip_1, strip_2, game, last, learners)
    spaces = {"left": 0.54, "right": 0.895, "wspace": 0.72, "hspace": 0.6, **frame}
    right = figure.add_gridspec(rows, 2, **spaces)
    for place, (title, names) in enumerate(panels.items()):
        axes = figure.add_subplot(right[divmod(place, 2)])
        label = "regret, % of J*" if place % 2 == 0 else ""
        draw_regret(axes, judged, names, label, WITHIN["provider"])
        axes.set_title(title, fontsize=8.5)
        if any(LEARNERS[name].fixed_grid for name in names):
            draw_floor(axes, grid_floor(game))
    return dots(figure)


def families(learners: Sequence[str]) -> dict[str, list[str]]:
    """Title of a panel -> the learners in it: those of a family, blind pairs apart."""
    panels: dict[str, list[str]] = {}
    for family in PLACES:
        for name in learners:
            if LEARNERS[name].family == family:
                blind = group(name) == "blind pairs"
                title = "pairs, user blind to s" if blind else family
                panels.setdefault(title, []).append(name)
    return panels


def draw_ends(axes: Axes, side: Axes, game: Game, last: pl.DataFrame, learners: list[str]) -> None:
    """A row per learner: where its seeds ended, at their s on route 1 or counted on route 2.

    Args:
        axes: of route 1.
        side: of route 2.
        game: the game.
        last: a row for each seed.
        learners: from the top down.
    """
    for optimum in solve(game).pieces:
        if optimum.route == 2:
            side.axvspan(-1, 1, color="black", alpha=0.10, lw=0)
        else:
            low, high = optimum.cascade
            axes.axvspan(low, high, color="black", alpha=0.10, lw=0)
            axes.axvline(low, color="black", lw=0.9)
    for row, name in enumerate(learners):
        draw_seeds(axes, side, last.filter(pl.col("learner") == name), look(name, learners), row)
    for panel in (axes, side):
        panel.set(ylim=(len(learners) - 0.5, -0.5), yticks=range(len(learners)))
        panel.grid(axis="y", visible=False)
        panel.tick_params(axis="y", length=0)
    axes.set_yticklabels([literal(name, LETTERS) for name in learners], fontsize=8)
    for label, name in zip(axes.get_yticklabels(), learners, strict=True):
        label.set_color(look(name, learners).colour)
    axes.set(xlim=(-0.02, 1.02), xlabel="cascade probability s: where the seeds ended")
    side.set(xlim=(-1, 1), xticks=[], xlabel="seeds")
    side.set_yticklabels([])


def draw_seeds(axes: Axes, side: Axes, ends: pl.DataFrame, style: Look, row: int) -> None:
    """One learner's row of `draw_ends`.

    Args:
        axes: of route 1.
        side: of route 2.
        ends: a row for each seed.
        style: the learner's.
        row: its place from the top.
    """
    first = ends.filter(pl.col("route") == 1)["cascade"].to_numpy()
    dodge = np.zeros(len(first))
    if len(first) > 1:
        dodge = np.linspace(-0.22, 0.22, len(first))
    dress: dict[str, Any] = {"color": style.colour, "ms": 4.5, "clip_on": False}
    axes.plot(first, row + dodge, style.marker, alpha=0.75, mec="white", mew=0.3, **dress)
    if count := len(ends) - len(first):
        side.plot(-0.45, row, style.marker, **dress)
        side.annotate(f"x {count}", (0.0, row), va="center", fontsize=8)


def draw_floor(axes: Axes, floor: float) -> None:
    """The best that a learner on the fixed grid can do; others may pass below."""
    if floor > FLOOR:
        axes.axhline(100 * floor, color="#777777", lw=1.0, ls=(0, (2, 2)), zorder=1)
        axes.annotate(
            "best arm of the fixed grid",
            (1, 100 * floor),
            xycoords=("axes fraction", "data"),
            xytext=(-2, 3),
            textcoords="offset points",
            ha="right",
            color="#555555",
            fontsize=8,
            bbox={"fc": "white", "ec": "none", "alpha": 0.8, "pad": 0.5},
        )
