"""The pictures of single games and learners in the report on learners."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from routing_game.experiments.check.judge import FLOOR, WITHIN, Array, grid_floor
from routing_game.experiments.check.known import control, group
from routing_game.experiments.check.learners import LEARNERS
from routing_game.experiments.check.sets import OTHERS
from routing_game.experiments.drawing import literal
from routing_game.experiments.intervals import means
from routing_game.experiments.pages.style import (
    COLOURS,
    LINES,
    MARKERS,
    Look,
    dots,
    dressed,
)
from routing_game.theory import Game, Piece, outcome, solve, thresholds
from routing_game.theory.geometry import MEANING

GREY = "#8a8a8a"
"""Colour of the controls; the exact policy is black."""
LINEAR, LEFT = ("edge_log_odds", "height"), 1e-4
"""Measures of a game that are drawn on a linear axis; the others on a log axis, from there on."""
COLUMNS = 5
"""Games side by side in a learner's picture."""
ACROSS = 3
"""Panels side by side in the users' picture."""
STRIP_ROW = 0.175
"""Inches of a learner's row below the cost curve."""
LETTERS = 22
"""Of a name beside or above a panel."""
POINTS = 24
"""Points of a curve, at most: the records have more, and `results.csv` the last."""
OF_KIND = {"s0": COLOURS[0], "s_L": COLOURS[5]}
"""Colour of a game: those of the cascades; the others are grey."""
MARK_OF = {"s0": "^", "s_L": "D"}
"""Marker of a game: those of the cascades; the others are dots."""
PLACES = ("bandits", "gradients", "deep RL", "pairs", "your own", "unknown")
"""Families of providers in the order of their panels."""


def look(name: str, among: Sequence[str] = ()) -> Look:
    """Each learner's, in the order of its family; families share colours, not panels.

    Args:
        name: the learner's.
        among: the learners of the picture. Agents of one's own are in no list, so their order here
            tells them apart.
    """
    if control(name):
        return Look("black" if name == "equilibrium" else GREY, "*", (0, (1, 1.5)))
    family = LEARNERS[name].family
    mates = [
        mate for mate, other in LEARNERS.items() if other.family == family and not control(mate)
    ] or [mate for mate in among if LEARNERS[mate].family == family]
    place = mates.index(name) if name in mates else len(mates)
    return Look(
        COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)], LINES[place % len(LINES)]
    )


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


def draw_costs(axes: Axes, side: Axes, game: Game, money: str) -> None:
    """The cost curve of route 1 with its jump, route 2 as a level, and every equilibrium.

    Args:
        axes: of route 1.
        side: of route 2.
        game: the game.
        money: the unit of J.
    """
    equilibrium = solve(game)
    cost, level = draw_curve(axes, game), float(outcome(game, 2, 0.0).cost)
    for panel in (axes, side):
        panel.axhline(level, color="#444444", lw=1.2, ls="--", zorder=2)
    for optimum in equilibrium.pieces:
        draw_optimum(side if optimum.route == 2 else axes, optimum, float(equilibrium.cost))
    low, high = min(*cost, level), max(*cost, level)
    if equilibrium.cost > 0:
        high = min(high, 3 * float(equilibrium.cost))
    room = high - low or abs(high) or 1.0  # all commitments may cost the same
    if level > high + 0.14 * room:
        beyond(side, f"{level:.3g}:\nabove\nthe axis")
    for panel in (axes, side):
        panel.set_ylim(low - 0.12 * room, high + 0.14 * room)
        panel.yaxis.set_major_locator(MaxNLocator(5))
        panel.tick_params(labelbottom=False)
    draw_marks(axes, game)
    unit = money and f", {money}"
    title = "Route 1: cost over s, user answering best"
    axes.set(xlim=(-0.02, 1.02), ylabel=f"cost J a task{unit}", title=title)
    side.set(xlim=(-1, 1), xticks=[], title="Route 2")
    side.tick_params(labelleft=False, left=False)


def beyond(axes: Axes, words: str) -> None:
    """What a panel says where all that it would show lies beyond its axis."""
    axes.annotate(
        words,
        (0.5, 0.5),
        xycoords="axes fraction",
        ha="center",
        va="center",
        fontsize=7.5,
        color="#555555",
    )


def draw_curve(axes: Axes, game: Game) -> Array:
    """J over s on route 1, broken at s0 where it jumps; the values drawn."""
    marks = thresholds(game)
    jump = float(marks.s0)
    sides = np.clip(jump + np.array([-1e-6, 1e-6]), 0.0, 1.0)  # beyond rounding, within a line
    wanted = (*np.linspace(0, 1, 801), *sides, *marks[1:])
    s = np.unique([x for x in wanted if np.isfinite(x) and x != jump])
    cost = np.asarray(outcome(game, 1, s).cost)
    gap = np.searchsorted(s, jump)  # the end if there is no jump
    broken = np.insert(s, gap, np.nan), np.insert(cost, gap, np.nan)
    axes.plot(*broken, color="#444444", lw=1.8, zorder=3)
    if np.isfinite(jump):
        left, at, right = (float(outcome(game, 1, x).cost) for x in (sides[0], jump, sides[1]))
        ends = [jump, jump], [left, right]
        axes.plot(*ends, color="#444444", lw=0.9, ls=":", zorder=2)
        axes.plot(*ends, "o", mfc="white", mec="#444444", ms=5, zorder=4, ls="")
        axes.plot(jump, at, "o", color="#444444", ms=5, zorder=4)
    return cost


def draw_marks(axes: Axes, game: Game) -> None:
    """The thresholds of the user."""
    for name, threshold in zip(("$s_0$", "$s_L$", "$s_H$"), thresholds(game), strict=True):
        mark = float(threshold)
        if np.isfinite(mark):
            axes.axvline(mark, color="#999999", lw=0.7, zorder=1)
            note(axes, name, mark, (2, -2), va="top", color="#666666")


def note(axes: Axes, text: str, x: float, offset: tuple[float, float], **dress: Any) -> None:
    """Words at the top of a panel.

    Args:
        axes: the panel.
        text: the words.
        x: where.
        offset: points from there.
        dress: how, as `Axes.annotate` has it.
    """
    axes.annotate(
        text,
        (x, 1),
        xycoords=("data", "axes fraction"),
        xytext=offset,
        textcoords="offset points",
        fontsize=8,
        **dress,
    )


def draw_optimum(axes: Axes, optimum: Piece, cost: float) -> None:
    """A star at the equilibrium, and a bar over an interval of equally good s."""
    low, high = optimum.cascade
    if optimum.route == 2:
        axes.plot(0, cost, "*", color="black", ms=13, zorder=5, clip_on=False)
        return
    if high > low:
        axes.plot(
            [low, high],
            [cost, cost],
            color="black",
            lw=6,
            alpha=0.22,
            zorder=2,
            solid_capstyle="butt",
        )
    axes.plot(low, cost, "*", color="black", ms=13, zorder=5, clip_on=False)


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
    dodge = np.linspace(-0.22, 0.22, len(first)) if len(first) > 1 else np.zeros(len(first))
    dress: dict[str, Any] = {"color": style.colour, "ms": 4.5, "clip_on": False}
    axes.plot(first, row + dodge, style.marker, alpha=0.75, mec="white", mew=0.3, **dress)
    if count := len(ends) - len(first):
        side.plot(-0.45, row, style.marker, **dress)
        side.annotate(f"x {count}", (0.0, row), va="center", fontsize=8)


def draw_regret(
    axes: Axes, judged: pl.DataFrame, learners: Sequence[str], label: str, limit: float
) -> None:
    """Mean exact regret over practice, in percent, both axes logarithmic; at the end, all seeds.

    The bar at a line's end goes from the least to the largest regret of a seed; its learner's name
    stands beside it.

    Args:
        axes: where.
        judged: one game's rows of `judge.judge`.
        learners: a line each.
        label: of the regret.
        limit: of regret, up to which a learner is within; dotted.
    """
    highest, ends = 0.0, {}
    for name in learners:
        rows = judged.filter(pl.col("learner") == name)
        if rows.is_empty():
            continue
        style, curve = look(name, learners), means(rows, ["practice"]).sort("practice")
        curve = curve[log_spaced(curve["practice"].to_numpy())]
        practice, mean = curve["practice"].to_numpy(), curve["mean"].to_numpy()
        last = rows.group_by("seed").last()["regret"].to_numpy()
        line: dict[str, Any] = {"color": style.colour, "zorder": 3, "clip_on": False}
        axes.plot(practice, drawn(mean), ls=style.line, lw=1.5, **line)
        axes.plot(
            [practice[-1]] * 2, drawn(np.array([last.min(), last.max()])), lw=3.2, alpha=0.4, **line
        )
        axes.plot(practice[-1], drawn(mean[-1:]), style.marker, ms=4.5, **line)
        ends[name] = float(drawn(mean[-1:])[0])
        highest = max(highest, float(mean.max()), float(last.max()))
    practice_label = " or ".join(dict.fromkeys(LEARNERS[name].counts for name in learners))
    axes.set_ylabel(label)
    axes.set_xlabel(f"practice, {practice_label}", fontsize=8)
    axes.axhline(100 * limit, color="#777777", lw=0.8, ls=(0, (2, 2)), zorder=1)
    axes.tick_params(labelsize=8)
    logarithmic(axes, highest)
    name_lines(axes, ends, learners)


def name_lines(axes: Axes, ends: dict[str, float], learners: Sequence[str]) -> None:
    """Each learner's name at the right of a panel, near the height at which its line ends.

    Args:
        axes: the panel, with its limits.
        ends: learner -> where its line ends, in percent.
        learners: of the panel, those without a line, too.
    """
    low, high = np.log10(axes.get_ylim())
    room = 0.115 * axes.figure.dpi / axes.bbox.height
    places: list[float] = []
    order = sorted(ends, key=lambda name: ends[name])
    for name in order:
        wanted = (np.log10(ends[name]) - low) / (high - low)
        places.append(max(wanted, places[-1] + room) if places else max(wanted, 0.02))
    over = max(0.0, places[-1] - 1.0) if places else 0.0
    for name, place in zip(order, places, strict=True):
        axes.annotate(
            literal(name, LETTERS),
            (1.04, place - over),
            xycoords="axes fraction",
            va="center",
            fontsize=7.5,
            color=look(name, learners).colour,
            annotation_clip=False,
        )


def logarithmic(axes: Axes, highest: float) -> None:
    """Both axes of a picture of regret, up to a share; what is drawn at the floor is called 0."""
    axes.set(xscale="log", yscale="log")
    axes.set_ylim(100 * FLOOR, max(120.0, 200 * highest))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: in_percent(y)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: in_thousands(x)))
    first, last = axes.dataLim.intervalx
    some = 0 < first <= last  # of nothing the ends are infinite
    if some and np.floor(np.log10(last)) < np.log10(first):  # no power of ten between them
        axes.set_xticks(sorted({first, last}))
    axes.minorticks_off()


def in_percent(y: float) -> str:
    """A mark on an axis of regret in percent, whose lowest is called 0."""
    return "0" if y <= 100.01 * FLOOR else f"{y:g}"


def in_thousands(x: float) -> str:
    """A mark on an axis of practice."""
    if x >= 1e6:
        return f"{x / 1e6:.3g}M"
    return f"{x / 1000:.3g}k" if x >= 1000 else f"{x:g}"


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


def small_panels(count: int) -> tuple[Figure, NDArray[Any]]:
    """A figure and at least so many panels that share their axes, `COLUMNS` in a row.

    Margins are fixed: to fit them to the labels would draw everything twice.
    """
    rows = -(-count // COLUMNS)
    height = 0.75 + 1.55 * rows
    figure = Figure(figsize=(11.2, height))
    panels = figure.subplots(rows, COLUMNS, sharex=True, sharey=True, squeeze=False)
    edges = {"top": 1 - 0.28 / height, "bottom": 0.5 / height, "left": 0.075, "right": 0.99}
    figure.subplots_adjust(**edges, wspace=0.08, hspace=0.24)
    return figure, panels


def below(figure: Figure, count: int, label: str) -> None:
    """What the horizontal axes of `small_panels` are, in the middle of those that are shown."""
    edges = figure.subplotpars
    share = min(count, COLUMNS) / COLUMNS
    figure.supxlabel(label, x=edges.left + share * (edges.right - edges.left) / 2, fontsize=9)


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
    axes.set_title(f"{literal(title, LETTERS)}  {(ends <= limit).sum()}/{len(ends)}", fontsize=8)


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


def drawn(share: Array) -> Array:
    """A share as it is drawn: in percent, no lower than the floor."""
    return np.asarray(100 * np.maximum(share, FLOOR))


def log_spaced(practice: Array, count: int = POINTS) -> list[int]:
    """Indices of rows that are evenly spaced on a log axis, first and last included."""
    wanted = np.geomspace(practice[0], practice[-1], count)
    return sorted({int(np.abs(practice - w).argmin()) for w in wanted} | {len(practice) - 1})
