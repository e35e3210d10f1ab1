"""The picture of sampled games: regret against a measure of the game, a panel for each learner."""

from __future__ import annotations

import polars as pl
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from routing_game.experiments.check.judge import FLOOR, WITHIN
from routing_game.experiments.check.learners import LEARNERS
from routing_game.experiments.check.looks import (
    COLUMNS,
    LETTERS,
    MARK_OF,
    OF_KIND,
    below,
    drawn,
    in_percent,
    small_panels,
)
from routing_game.experiments.check.sets import OTHERS
from routing_game.experiments.drawing import literal
from routing_game.experiments.pages.style import (
    dots,
    dressed,
)
from routing_game.theory.geometry import MEANING

LINEAR, LEFT = ("edge_log_odds", "height"), 1e-4
"""Measures of a game that are drawn on a linear axis; the others on a log axis, from there on."""


@dressed
def sample_figure(rows: pl.DataFrame, measure: str, titles: dict[str, str]) -> str:
    """Regret on each sampled game against a measure of the game, by learner.

    Args:
        rows: of `samples.by_game`, with the measure.
        measure: its name, of `theory.geometry.MEANING`.
        titles: learner to the words above its panel.
    """
    rows = rows.filter(pl.col(measure).is_not_null())
    if measure not in LINEAR:
        rows = rows.with_columns(pl.col(measure).clip(lower_bound=LEFT))
    role = LEARNERS[next(iter(titles))].role
    figure, panels = small_panels(len(titles))
    for axes in list(panels.flat)[len(titles) :]:
        axes.set_visible(False)
    for place, (name, title) in enumerate(titles.items()):
        axes = panels.flat[place]
        draw_sample(axes, rows.filter(learner=name), measure, WITHIN[role])
        axes.set_title(literal(title, LETTERS + 7), fontsize=8)
        axes.tick_params(labelbottom=place + COLUMNS >= len(titles), labelsize=8)
    first = panels[0, 0]
    first.set(yscale="log", ylim=(100 * FLOOR, None))
    first.yaxis.set_major_formatter(FuncFormatter(lambda y, _: in_percent(y)))
    if measure not in LINEAR:
        first.set_xscale("log")
        first.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    first.minorticks_off()
    figure.supylabel(f"regret, % of {'V' if role == 'user' else 'J*'}", fontsize=9)
    below(figure, len(titles), MEANING[measure])
    return dots(figure)


def draw_sample(axes: Axes, rows: pl.DataFrame, measure: str, limit: float) -> None:
    """A learner's regret on each game: cascades in colour, the others grey; the limit dotted.

    Args:
        axes: where.
        rows: of `samples.by_game`, with the measure.
        measure: its name.
        limit: of regret, up to which a learner is within.
    """
    cascades = [((kind,), OF_KIND[kind], MARK_OF[kind]) for kind in OF_KIND]
    for kinds, colour, marker in ((OTHERS, "#bbbbbb", "o"), *cascades):
        mine = rows.filter(pl.col("kind").is_in(kinds))
        y = drawn(mine["regret"].to_numpy())
        axes.plot(mine[measure], y, marker, color=colour, ms=3, mew=0, alpha=0.7, clip_on=False)
    axes.axhline(100 * limit, color="#777777", lw=0.8, ls=(0, (2, 2)))
