"""The pictures of the report, as SVG. Colours of Okabe and Ito; markers and line styles differ too, for grey print."""

import io
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from routing_game.experiments.analysis import FLOOR, Array, grid_floor, means
from routing_game.experiments.learners import LEARNERS
from routing_game.experiments.measures import CONVERGED
from routing_game.theory import Game, Piece, outcome, solve, thresholds

COLUMNS = 5
"""Games side by side in a learner's picture."""
ACROSS = 3
"""Panels side by side in the users' picture."""
STRIP_ROW = 0.21
"""Inches of a learner's row below the cost curve."""
RC: Any = {
    "font.size": 9, "axes.titlesize": 9, "axes.titlelocation": "left", "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "grid.color": "#e6e6e6", "grid.linewidth": 0.6,
    "axes.axisbelow": True, "svg.hashsalt": "routing-game", "lines.solid_capstyle": "round",
}  # fmt: skip


class Look(NamedTuple):
    """How a learner is drawn everywhere."""

    colour: str
    marker: str
    line: Any


COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#7A4B1E", "#666666")
MARKERS = ("o", "D", "^", "s", "X", "v", "h", "<")
LINES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (3, 1, 1, 1)), (0, (1, 1)))


def look(name: str) -> Look:
    """Each learner's, in the order of its family; families share colours, and so have panels of their own."""
    learner = LEARNERS[name]
    if learner.family == "control":
        return Look("#000000", "*", (0, (1, 1.5)))
    mates = [mate for mate, other in LEARNERS.items() if other.family == learner.family]
    place = mates.index(name) if name in mates else len(mates)  # one's own are in no list
    return Look(COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)], LINES[place % len(LINES)])


def game_figure(game: Game, judged: pl.DataFrame, learners: list[str], money: str = "") -> str:
    """J(s) along the best response and where each seed ended; regret over practice. `judged` holds one game's rows."""
    families = list(dict.fromkeys(LEARNERS[name].family for name in learners))
    panels = [family for family in families if family != "control"] or families
    rows = -(-len(panels) // 2)
    strip_height = STRIP_ROW * max(len(learners), 1)
    body = max(2.5 + strip_height, 2.2 * rows)
    with mpl.rc_context(RC):
        height = body + 0.95
        figure = Figure(figsize=(11.2, height))
        frame: dict[str, Any] = {"top": 1 - 0.47 / height, "bottom": 0.48 / height}
        left = figure.add_gridspec(2, 2, width_ratios=(1, 0.17), height_ratios=(body - strip_height, strip_height),
                                   left=0.13, right=0.47, wspace=0.04, hspace=0.06, **frame)  # fmt: skip
        curve, side = figure.add_subplot(left[0, 0]), figure.add_subplot(left[0, 1])
        strip, side_strip = figure.add_subplot(left[1, 0]), figure.add_subplot(left[1, 1])
        draw_costs(curve, side, game, money)
        last = judged.group_by("learner", "seed", maintain_order=True).last()
        draw_ends(strip, side_strip, game, last, learners)
        right = figure.add_gridspec(
            rows, min(len(panels), 2), left=0.53, right=0.985, wspace=0.24, hspace=0.55, **frame
        )
        for place, family in enumerate(panels):
            axes = figure.add_subplot(right[place // 2, place % 2])
            mine = [name for name in learners if LEARNERS[name].family == family]
            practice = " or ".join(dict.fromkeys(LEARNERS[name].counts for name in mine))
            draw_regret(axes, judged, mine, "regret, % of J*" if place % 2 == 0 else "", f"{family}: {practice}")
            if family == "bandits":
                draw_floor(axes, grid_floor(game))
        return svg(figure)


def draw_costs(axes: Axes, side: Axes, game: Game, money: str) -> None:
    """The cost curve of route 1 with its jump, route 2 as a level, and every equilibrium."""
    equilibrium, marks = solve(game), thresholds(game)
    jump = float(marks.s0)
    sides = np.clip(jump + np.array([-1e-6, 1e-6]), 0.0, 1.0)  # beyond rounding, within a line
    s = np.unique([x for x in (*np.linspace(0, 1, 801), *sides, *marks[1:]) if np.isfinite(x) and x != jump])
    cost, level = np.asarray(outcome(game, 1, s).cost), float(outcome(game, 2, 0.0).cost)
    gap = np.searchsorted(s, jump)  # the end if there is no jump
    axes.plot(np.insert(s, gap, np.nan), np.insert(cost, gap, np.nan), color="#444444", lw=1.8, zorder=3)
    if np.isfinite(jump):
        left, at, right = (float(outcome(game, 1, x).cost) for x in (sides[0], jump, sides[1]))
        axes.plot([jump, jump], [left, right], color="#444444", lw=0.9, ls=":", zorder=2)
        axes.plot([jump, jump], [left, right], "o", mfc="white", mec="#444444", ms=5, zorder=4, ls="")
        axes.plot(jump, at, "o", color="#444444", ms=5, zorder=4)
    axes.axhline(level, color="#444444", lw=1.2, ls="--", zorder=2)
    side.axhline(level, color="#444444", lw=1.2, ls="--", zorder=2)
    for optimum in equilibrium.pieces:
        draw_optimum(side if optimum.route == 2 else axes, optimum, float(equilibrium.cost))
    low, high = min(*cost, level), max(*cost, level)
    if equilibrium.cost > 0:
        high = min(high, 3 * float(equilibrium.cost))
    for panel in (axes, side):
        panel.set_ylim(low - 0.12 * (high - low), high + 0.14 * (high - low))
        panel.yaxis.set_major_locator(MaxNLocator(5))
        panel.tick_params(labelbottom=False)
    for name, threshold in zip(("$s_0$", "$s_L$", "$s_H$"), marks, strict=True):
        mark = float(threshold)
        if np.isfinite(mark):
            axes.axvline(mark, color="#999999", lw=0.7, zorder=1)
            axes.annotate(name, (mark, 1), xycoords=("data", "axes fraction"), xytext=(2, -2),
                          textcoords="offset points", va="top", color="#666666", fontsize=8)  # fmt: skip
    axes.set(
        xlim=(-0.02, 1.02),
        ylabel=f"cost J a task{money and f', {money}'}",
        title="Route 1: cost over s, user answering best",
    )
    side.set(xlim=(-1, 1), xticks=[], title="Route 2")
    side.tick_params(labelleft=False, left=False)


def draw_optimum(axes: Axes, optimum: Piece, cost: float) -> None:
    """A star at the equilibrium, and a bar over an interval of equally good s."""
    low, high = optimum.cascade
    if optimum.route == 2:
        axes.plot(0, cost, "*", color="black", ms=13, zorder=5, clip_on=False)
        return
    if high > low:
        axes.plot([low, high], [cost, cost], color="black", lw=6, alpha=0.22, zorder=2, solid_capstyle="butt")
    axes.plot(low, cost, "*", color="black", ms=13, zorder=5, clip_on=False)


def draw_ends(axes: Axes, side: Axes, game: Game, last: pl.DataFrame, learners: list[str]) -> None:
    """A row per learner: where its seeds ended, at their s on route 1 or counted on route 2."""
    for optimum in solve(game).pieces:
        if optimum.route == 2:
            side.axvspan(-1, 1, color="black", alpha=0.10, lw=0)
        else:
            low, high = optimum.cascade
            axes.axvspan(low, high, color="black", alpha=0.10, lw=0)
            axes.axvline(low, color="black", lw=0.9)
    for row, name in enumerate(learners):
        style = look(name)
        ends = last.filter(pl.col("learner") == name)
        first = ends.filter(pl.col("route") == 1)["cascade"].to_numpy()
        dodge = np.linspace(-0.22, 0.22, len(first)) if len(first) > 1 else np.zeros(len(first))
        axes.plot(first, row + dodge, style.marker, color=style.colour, ms=4.5, alpha=0.75, mec="white", mew=0.3,
                  clip_on=False)  # fmt: skip
        if count := len(ends) - len(first):
            side.plot(-0.45, row, style.marker, color=style.colour, ms=4.5, clip_on=False)
            side.annotate(f"x {count}", (0.0, row), va="center", fontsize=8)
    for panel in (axes, side):
        panel.set(ylim=(len(learners) - 0.5, -0.5), yticks=range(len(learners)))
        panel.grid(axis="y", visible=False)
        panel.tick_params(axis="y", length=0)
    axes.set_yticklabels(learners)
    for label, name in zip(axes.get_yticklabels(), learners, strict=True):
        label.set_color(look(name).colour)
    axes.set(xlim=(-0.02, 1.02), xlabel="cascade probability s: where the seeds ended")
    side.set(xlim=(-1, 1), xticks=[], xlabel="seeds")
    side.set_yticklabels([])


def draw_regret(axes: Axes, judged: pl.DataFrame, learners: list[str], label: str, practice_label: str) -> None:
    """Mean exact regret over practice with its 95 % band, in percent, both axes logarithmic."""
    highest = 0.0
    for name in learners:
        rows = judged.filter(pl.col("learner") == name)
        if rows.is_empty():
            continue
        style, curve = look(name), means(rows, ["practice"]).sort("practice")
        curve = curve[log_spaced(curve["practice"].to_numpy())]
        practice, mean, half = (curve[column].to_numpy() for column in ("practice", "mean", "half"))
        axes.plot(practice, percent(mean), color=style.colour, ls=style.line, lw=1.6, marker=style.marker, ms=4.5,
                  markevery=max(len(practice) // 6, 1), zorder=3, clip_on=False)  # fmt: skip
        band, highest = np.nan_to_num(half), max(highest, 100 * mean.max())
        axes.fill_between(practice, percent(mean - band), percent(mean + band), color=style.colour, alpha=0.14, lw=0)
    axes.set(ylabel=label, xlabel=practice_label)
    logarithmic(axes, highest / 100)
    handles = [
        Line2D([], [], color=style.colour, ls=style.line, marker=style.marker, ms=4, lw=1.4, label=name)
        for name in learners
        for style in [look(name)]
    ]
    columns = 3 if max(map(len, learners)) < 15 else 2
    axes.legend(handles=handles, ncol=columns, loc="lower left", bbox_to_anchor=(-0.02, 1.0), frameon=False,
                fontsize=7 if columns == 3 else 6, handlelength=2.4 if columns == 3 else 2.0, columnspacing=0.8,
                borderaxespad=0.1, labelspacing=0.3)  # fmt: skip


def logarithmic(axes: Axes, highest: float) -> None:
    """Both axes of a picture of regret, up to a share; what is drawn at the floor is called 0."""
    axes.set(xscale="log", yscale="log")
    axes.set_ylim(100 * FLOOR, max(120.0, 200 * highest))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: "0" if y <= 100 * FLOOR else f"{y:g}"))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}" if x < 1000 else f"{x / 1000:g}k"))
    axes.minorticks_off()


def learner_figure(judged: pl.DataFrame, name: str, games: list[str], unit: str, practice: str) -> str:
    """One learner: exact regret over practice on each of its games, its seeds and their mean."""
    rows = -(-len(games) // COLUMNS)
    style, highest = look(name), float(judged["regret"].to_numpy().max())
    with mpl.rc_context(RC):
        figure = Figure(figsize=(11.2, 0.75 + 1.55 * rows), layout="constrained")
        panels = figure.subplots(rows, COLUMNS, sharex=True, sharey=True, squeeze=False)
        for place, axes in enumerate(panels.flat):
            if place >= len(games):
                axes.set_visible(False)
                continue
            mine = judged.filter(pl.col("game") == games[place])
            for (_,), seed in mine.group_by(["seed"], maintain_order=True):
                axes.plot(seed["practice"], percent(seed["regret"].to_numpy()), color=style.colour, lw=0.6, alpha=0.45,
                          clip_on=False)  # fmt: skip
            mean = means(mine, ["practice"]).sort("practice")
            axes.plot(mean["practice"], percent(mean["mean"].to_numpy()), color=style.colour, ls=style.line, lw=1.9,
                      clip_on=False)  # fmt: skip
            axes.axhline(100 * CONVERGED, color="#777777", lw=0.8, ls=(0, (2, 2)))
            if mine["played"].is_not_null().any():
                played = mine.group_by("practice").agg(pl.mean("played")).sort("practice")
                axes.plot(played["practice"], percent(played["played"].to_numpy()), color="#444444", lw=1.2, ls="--",
                          clip_on=False)  # fmt: skip
            ends = mine.group_by("seed").last()["regret"].to_numpy()
            axes.set_title(f"{games[place]}  {(ends <= CONVERGED).sum()}/{len(ends)}", fontsize=8)
            axes.tick_params(labelbottom=place + COLUMNS >= len(games), labelsize=8)
        logarithmic(panels[0, 0], highest)
        figure.supylabel(f"regret, % of {unit}", fontsize=9)
        figure.supxlabel(practice, fontsize=9)
        return svg(figure)


def draw_floor(axes: Axes, floor: float) -> None:
    """The best that a bandit on the grid can do."""
    if floor > FLOOR:
        axes.axhline(100 * floor, color="#777777", lw=1.0, ls=(0, (2, 2)), zorder=1)
        axes.annotate("best arm of the bandits' grid", (1, 100 * floor), xycoords=("axes fraction", "data"),
                      xytext=(-2, 3), textcoords="offset points", ha="right", color="#555555", fontsize=8,
                      bbox={"fc": "white", "ec": "none", "alpha": 0.8, "pad": 0.5})  # fmt: skip


def user_figure(answers: dict[str, pl.DataFrame], judged: pl.DataFrame, seeing: set[str]) -> str:
    """What users answer on route 1 against the best response, and their regret over practice.

    Args:
        answers: learner to its seeds' last answers, with columns of `analysis.user_answers`.
        judged: rows of `analysis.judge` of one game.
        seeing: the learners who see which model failed; they get two panels.
    """
    panels = [(name, model) for name in answers for model in ((1, 2) if name in seeing else (1,))]
    with mpl.rc_context(RC):
        rows = -(-(len(panels) + 1) // ACROSS)
        height = 0.5 + 2.6 * rows
        figure = Figure(figsize=(11.2, height))
        grid = figure.add_gridspec(rows, ACROSS, left=0.06, right=0.99, top=1 - 0.6 / height, bottom=0.48 / height,
                                   wspace=0.25, hspace=0.5)  # fmt: skip
        for place, (name, model) in enumerate(panels):
            axes = figure.add_subplot(grid[place // ACROSS, place % ACROSS])
            title = f"{name}, after M{model} failed" if name in seeing else name
            draw_answers(axes, answers[name], model, look(name), title)
            axes.set_ylabel("q, chance of leaving" if place % ACROSS == 0 else "")
        handles = [Line2D([], [], color="black", lw=2.4, label="best response"),
                   Line2D([], [], color="#777777", lw=1.8, label="learned, mean of seeds"),
                   Line2D([], [], color="#777777", lw=0.7, label="each seed")]  # fmt: skip
        figure.legend(handles=handles, ncol=3, loc="upper left", bbox_to_anchor=(0.05, 1.0), frameon=False, fontsize=8)
        practice = " or ".join(dict.fromkeys(LEARNERS[name].counts for name in answers))
        draw_regret(figure.add_subplot(grid[-1, len(panels) % ACROSS]), judged, [*answers], "regret, % of V", practice)
        return svg(figure)


def draw_answers(axes: Axes, answers: pl.DataFrame, model: int, style: Look, title: str) -> None:
    """Learned q over s, each seed and their mean, against the best response."""
    first = answers.filter(pl.col("route") == 1)
    best = first.group_by("cascade", maintain_order=True).agg(pl.col(f"target_{model}").mean())
    axes.plot(best["cascade"], best[f"target_{model}"], color="black", lw=2.4, alpha=0.85)
    for (_,), seed in first.group_by(["seed"]):
        axes.plot(seed["cascade"], seed[f"leave_{model}"], color=style.colour, lw=0.7, alpha=0.5)
    mean = first.group_by("cascade", maintain_order=True).agg(pl.col(f"leave_{model}").mean())
    axes.plot(mean["cascade"], mean[f"leave_{model}"], color=style.colour, ls=style.line, lw=1.8)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.04, 1.04), xlabel="cascade probability s", title=title)


def percent(share: Array) -> Array:
    """In percent, no lower than the floor."""
    return np.asarray(100 * np.maximum(share, FLOOR))


def log_spaced(practice: Array, count: int = 40) -> list[int]:
    """Indices of rows that are evenly spaced on a log axis, first and last included."""
    wanted = np.geomspace(practice[0], practice[-1], count)
    return sorted({int(np.abs(practice - w).argmin()) for w in wanted} | {len(practice) - 1})


def svg(figure: Figure) -> str:
    """The figure as SVG text."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()
