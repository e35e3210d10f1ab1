"""The sampled games of the report: how often who is within, and what goes with regret.

The picture has regret against a measure of the game, a panel for each learner.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from routing_game.experiments.check.failures import LEAST
from routing_game.experiments.check.judge import FLOOR, WITHIN
from routing_game.experiments.check.known import GROUPS, STATIC, TITLES, control, group
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
from routing_game.experiments.check.predicting import few_words, prediction
from routing_game.experiments.check.samples import Section, Sections
from routing_game.experiments.check.sets import OTHERS, Set
from routing_game.experiments.drawing import literal
from routing_game.experiments.pages.style import dots, dressed
from routing_game.theory.geometry import MEANING

LINEAR, LEFT = ("edge_log_odds", "height"), 1e-4
"""Measures of a game that are drawn on a linear axis; the others on a log axis, from there on."""


def sampled_parts(sections: Sections, chosen: Set) -> list[dict[str, Any]]:
    """What the report shows of the sampled games of a set: a part for providers, one for users."""
    parts = []
    for role, section in sections.items():
        learn = [name for name in section.learners if learns(name)]
        titles = {name: f"{name}  {100 * section.total[name].within.share:.0f} %" for name in learn}
        table = section.rows.join(section.lands.select("game", section.strongest), on="game")
        some = titles and section.games >= LEAST
        parts.append(
            {
                "group": chosen,
                "role": role,
                "section": section,
                "rows": in_groups(section.learners),
                "kinds_of": {prior: kinds_of(section, prior) for prior in section.priors},
                "few": few_words(section.failures, role),
                "predictions": [
                    (one.learner, prediction(one, role))
                    for one in section.failures
                    if one.learner not in STATIC.values()  # its regret is such a measure
                ],
                "picture": sample_figure(table, section.strongest, titles) if some else None,
                "measure": MEANING[section.strongest],
            }
        )
    return parts


def kinds_of(section: Section, prior: str) -> list[str]:
    """The kinds of optimum among a prior's games."""
    return [
        kind
        for kind in section.kinds
        if any((name, f"{prior} {kind}") in section.cell for name in section.learners)
    ]


def learns(name: str) -> bool:
    """Whether that is the name of a learner, and of no control."""
    return name not in STATIC.values() and not control(name)


def in_groups(names: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Title of a group -> its learners; the control that nobody plays is among the controls."""
    static = [name for name in names if name in STATIC.values()]
    rest = [name for name in names if name not in static]
    found = []
    for kind in GROUPS:
        mine = [name for name in rest if group(name) == kind]
        if kind == "controls":
            mine += static
        if mine:
            found.append((TITLES[kind], mine))
    return found


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
