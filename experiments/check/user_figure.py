"""The users of the report: what each answers in a game, beside the best response."""

from __future__ import annotations

from typing import Any

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from routing_game.experiments.check.judge import WITHIN, Judged, roles
from routing_game.experiments.check.known import control
from routing_game.experiments.check.learners import LEARNERS
from routing_game.experiments.check.looks import draw_regret, look
from routing_game.experiments.drawing import literal
from routing_game.experiments.pages.style import Look, dots, dressed

ACROSS = 3
"""Panels side by side in the users' picture."""


def user_sections(part: Judged) -> list[dict[str, Any]]:
    """One picture per game on which users learned."""
    users = [name for name in roles(part.spec, "user") if not control(name)]
    seeing = {user for user in users if LEARNERS[user].sees_model}
    sections = []
    for name in part.spec.games:
        played = {user: part.answers[name, user] for user in users if (name, user) in part.answers}
        if played:
            rows = part.rows.filter(pl.col("game") == name, pl.col("learner").is_in(users))
            sections.append({"name": name, "picture": user_figure(played, rows, seeing)})
    return sections


@dressed
def user_figure(answers: dict[str, pl.DataFrame], judged: pl.DataFrame, seeing: set[str]) -> str:
    """What users answer on route 1 against the best response, and their regret over practice.

    Args:
        answers: learner to its seeds' last answers, with columns of `judge.user_answers`.
        judged: one game's rows of `judge.judge`.
        seeing: the learners who see which model failed; they get two panels.
    """
    panels = [(name, model) for name in answers for model in ((1, 2) if name in seeing else (1,))]
    rows = -(-(len(panels) + 1) // ACROSS)
    height = 0.5 + 2.6 * rows
    figure = Figure(figsize=(11.2, height))
    frame = {"left": 0.06, "right": 0.99, "top": 1 - 0.6 / height, "bottom": 0.48 / height}
    grid = figure.add_gridspec(rows, ACROSS, wspace=0.25, hspace=0.5, **frame)
    for place, (name, model) in enumerate(panels):
        axes = figure.add_subplot(grid[divmod(place, ACROSS)])
        title = f"{name}, after M{model} failed" if name in seeing else name
        draw_answers(axes, answers[name], model, look(name), literal(title))
        axes.set_ylabel("q, chance of leaving" if place % ACROSS == 0 else "")
    lines = {
        "best response": ("black", 2.4),
        "learned, mean of seeds": ("#777777", 1.8),
        "each seed": ("#777777", 0.7),
    }
    handles = [Line2D([], [], color=c, lw=lw, label=label) for label, (c, lw) in lines.items()]
    corner: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (0.05, 1.0), "frameon": False}
    figure.legend(handles=handles, ncol=3, fontsize=8, **corner)
    last = figure.add_subplot(grid[-1, len(panels) % ACROSS])
    draw_regret(last, judged, [*answers], "regret, % of V", WITHIN["user"])
    return dots(figure)


def draw_answers(axes: Axes, answers: pl.DataFrame, model: int, style: Look, title: str) -> None:
    """Learned q over s, each seed and their mean, against the best response.

    Args:
        axes: where.
        answers: with columns of `judge.user_answers` and `seed`.
        model: which has just failed.
        style: the learner's.
        title: of the panel.
    """
    first = answers.filter(pl.col("route") == 1)
    best = first.group_by("cascade", maintain_order=True).agg(pl.col(f"target_{model}").mean())
    axes.plot(best["cascade"], best[f"target_{model}"], color="black", lw=2.4, alpha=0.85)
    for (_,), seed in first.group_by(["seed"]):
        axes.plot(seed["cascade"], seed[f"leave_{model}"], color=style.colour, lw=0.7, alpha=0.5)
    mean = first.group_by("cascade", maintain_order=True).agg(pl.col(f"leave_{model}").mean())
    axes.plot(mean["cascade"], mean[f"leave_{model}"], color=style.colour, ls=style.line, lw=1.8)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.04, 1.04), xlabel="cascade probability s", title=title)
