"""The picture of a learner: its regret over practice, a panel for each game."""

from __future__ import annotations

from typing import Any

import polars as pl
from matplotlib.axes import Axes

from routing_game.experiments.check.judge import WITHIN
from routing_game.experiments.check.learners import LEARNERS
from routing_game.experiments.check.looks import (
    COLUMNS,
    LETTERS,
    below,
    drawn,
    log_spaced,
    logarithmic,
    look,
    small_panels,
)
from routing_game.experiments.drawing import literal
from routing_game.experiments.pages.style import Look, dots, dressed


@dressed
def learner_figure(judged: pl.DataFrame, name: str, games: list[str]) -> str:
    """One learner: exact regret over practice on each of its games, its seeds and their mean."""
    figure, panels = small_panels(len(games))
    limit = WITHIN[LEARNERS[name].role]
    for place, axes in enumerate(panels.flat):
        if place >= len(games):
            axes.set_visible(False)
            continue
        rows = judged.filter(pl.col("game") == games[place])
        draw_game(axes, rows, look(name), games[place], limit)
        axes.tick_params(labelbottom=place + COLUMNS >= len(games), labelsize=8)
    logarithmic(panels[0, 0], float(judged["regret"].to_numpy().max()))
    unit = "V" if LEARNERS[name].role == "user" else "J*"
    figure.supylabel(f"regret, % of {unit}", fontsize=9)
    below(figure, len(games), f"practice, {LEARNERS[name].counts}")
    return dots(figure)


def draw_game(axes: Axes, rows: pl.DataFrame, style: Look, title: str, limit: float) -> None:
    """Regret over practice on one game: the seeds' mean and range, and the mean play of a pair.

    Args:
        axes: where.
        rows: of the learner on the game.
        style: the learner's.
        title: the game.
        limit: of regret, up to which a learner is within.
    """
    ranges = rows.group_by("practice").agg(
        pl.mean("regret").alias("mean"), low=pl.min("regret"), high=pl.max("regret")
    )
    ranges = ranges.sort("practice")
    ranges = ranges[log_spaced(ranges["practice"].to_numpy())]
    for end in ("low", "high"):
        thin: dict[str, Any] = {"color": style.colour, "lw": 0.7, "alpha": 0.6, "clip_on": False}
        axes.plot(ranges["practice"], drawn(ranges[end].to_numpy()), **thin)
    thick: dict[str, Any] = {"color": style.colour, "lw": 1.9, "clip_on": False}
    axes.plot(ranges["practice"], drawn(ranges["mean"].to_numpy()), **thick)
    axes.axhline(100 * limit, color="#777777", lw=0.8, ls=(0, (2, 2)))
    if rows["played"].is_not_null().any():
        played = rows.group_by("practice").agg(pl.mean("played")).sort("practice")
        dashed: dict[str, Any] = {"color": "#444444", "lw": 1.2, "ls": "--", "clip_on": False}
        played = played[log_spaced(played["practice"].to_numpy())]
        axes.plot(played["practice"], drawn(played["played"].to_numpy()), **dashed)
    ends = rows.group_by("seed").last()["regret"].to_numpy()
    within = (ends <= limit).sum()
    axes.set_title(f"{literal(title, LETTERS)}  {within}/{len(ends)}", fontsize=8)
