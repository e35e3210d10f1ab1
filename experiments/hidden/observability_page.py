"""Which equilibrium learning pairs reach as the user sees less of s, in words and pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from routing_game.experiments.hidden.observability import (
    ANSWERS,
    BLOCKS,
    CASCADES,
    DIAL,
    KINDS,
    NOISY,
    PAIRS,
    Measured,
)
from routing_game.experiments.hidden.settings import Settings
from routing_game.experiments.hidden.wording import (
    asked,
    done,
    notice,
    places,
    spread,
    terms,
    with_enough,
)
from routing_game.experiments.measures import SELECTED
from routing_game.experiments.pages.page import Page, Picture, Table
from routing_game.experiments.pages.style import Look, draw, dressed, legend_above, panels, svg
from routing_game.experiments.pages.tables import Head
from routing_game.theory import Game, simultaneous, solve

LOOKS = {"bandits": Look("#0072B2", "o", ""), "replies": Look("#D55E00", "s", "")}
COURSES: dict[str, Any] = {
    "strategy": ("#000000", "-"),
    "samples:30": ("#0072B2", "--"),
    "samples:3": ("#56B4E9", "-."),
    "noisy:0.1": ("#E69F00", (0, (3, 1, 1, 1))),
    "route": ("#D55E00", ":"),
}
"""Setting whose course is drawn -> colour and line."""
SEEN = {"strategy": "s itself", "route": "the route alone"}
SEEN |= {f"samples:{n}": f"{n} tosses" for n in (100, 30, 10, 3)} | {"samples:1": "1 toss"}
SEEN |= {name: name.replace("noisy:", "noise ") for name in NOISY}
"""Setting of the dial -> what the user sees of s."""
ROUNDING = 1e-9
NOTHING_SHOWS = 0.05
"""Percent that are written as 0.0."""
COST = "cost J a task, in the unit of P"
QUESTION = (
    "A user who sees s exactly makes the provider's commitment count, one who sees nothing of it "
    "makes it worth nothing. Where do learners end in between?"
)
END = (
    "Cost of a task over the last fifth of the tasks: mean of the seeds (points), with its 95 % "
    "interval from five seeds on, each seed (dots); the cheapest mixed equilibrium at each "
    "setting (black bars), J* and the cost of simultaneous play (lines)."
)
OVER_TIME = "The same over time, mean of the seeds."
ENDS = (
    "By pair and setting: cost of a task over the last fifth, and once learning has stopped, with "
    "95 % intervals, which need five seeds; the cheapest equilibrium, mean s on route 1, share of "
    f"tasks on route 2, and seeds within {100 * SELECTED:g} % of either equilibrium once learning "
    "has stopped."
)
RUNS = "Every run."
KEY = {"pair": Head("pair"), "sees": Head("user sees")}
PLAYED = {
    "cost": Head("cost, last fifth"),
    "stopped": Head("cost, learning stopped"),
    "theory": Head("cheapest equilibrium"),
    "s": Head("s on route 1"),
    "route 2": Head("route 2, %", 100),
}
END_HEADS = {**KEY, **PLAYED, **{kind: Head(kind) for kind in KINDS}}
RUN_HEADS = {**KEY, "seed": Head("seed"), **PLAYED, "selected": Head("equilibrium")}


def page(settings: Settings, measured: Measured) -> Page:
    """The page, made from every run."""
    game = settings.game
    runs, ends = (
        pl.DataFrame(rows, infer_schema_length=None) for rows in (measured.runs, measured.ends)
    )
    means = with_enough(ends, settings["seeds"])
    return Page(
        title=f"From seeing s to guessing it: {settings.name}",
        question=QUESTION,
        answer=answer(game, measured),
        details=details(game, measured),
        figures=(
            Picture(END, end_figure(game, runs, means)),
            Picture(OVER_TIME, course_figure(game, runs)),
        ),
        tables=(
            Table("ends", ENDS, in_words(means), "Where each pair ends, by setting", END_HEADS),
            Table("runs", RUNS, in_words(runs.drop("course")), "Every run", RUN_HEADS),
        ),
        settings={
            **asked(settings),
            "provider's grid": CASCADES,
            "user's answers": ANSWERS,
            "J*": float(solve(game).cost),
        },
        terms=words_used(),
        made=done(settings),
        notice=notice(settings.profile),
    )


def in_words(table: pl.DataFrame) -> pl.DataFrame:
    """The table with what the user `sees` as the text says it, beside the setting of the dial."""
    place = table.get_column_index("observes") + 1
    return table.insert_column(place, table["observes"].replace_strict(SEEN).alias("sees"))


def words_used() -> dict[str, str]:
    """What the words of the page mean."""
    more = {
        "bandits": f"a UCB provider on {CASCADES + 1} commitments and a user of multiplicative "
        "weights, which learn from the tasks that they play and from nothing else",
        "replies": "fictitious play: both know the game, and each answers best to the average of "
        "what the other has played so far",
        "n tosses": "before each task the user sees n tosses of a coin that shows M2 with chance "
        "s (observes=samples:n in the files and of the environments)",
        "noise x": "it sees s with normal noise of that standard deviation (noisy:x there)",
        "s itself, the route alone": "it sees s exactly (strategy there), or nothing of it (route)",
        "equilibrium": "mixed: the provider draws between a cascade and its temptation, so that "
        "the user, who knows with what chances, does best by trusting what it sees",
        "Stackelberg, simultaneous": "the outcome if s is seen, J*, and if it is not",
    }
    return terms("s", "J*") | more


def answer(game: Game, measured: Measured) -> tuple[str, ...]:
    """In three sentences: what theory says, and how near to that either pair ends."""
    return (
        hiding_words(game, measured.theory),
        near_words("replies", "A pair that knows the game (replies)", measured),
        near_words("bandits", "A pair that knows only what it has played (bandits)", measured),
    )


def hiding_words(game: Game, theory: dict[str, float]) -> str:
    """What it costs the provider in theory if the user does not see s, which may be nothing.

    Where hiding it leaves several equilibria, the cheapest may cost J* and others more.
    """
    seen, hidden = float(solve(game).cost), simultaneous(game)
    if float(hidden.lowest) > seen * (1 + ROUNDING):
        return (
            f"The less a user sees of s, the more the provider pays in theory: {seen:.3g} a task "
            f"if it sees s, {theory['samples:10']:.3g} with ten tosses, "
            f"{theory['samples:1']:.3g} with one, {float(hidden.lowest):.3g} with none."
        )
    dearest = max(outcome.cost for outcome in hidden.outcomes)
    if dearest > seen * (1 + ROUNDING):
        return (
            f"In this game it need not cost the provider anything if the user does not see s: of "
            f"the {len(hidden.outcomes)} equilibria that there are then, the cheapest costs "
            f"{seen:.3g}, as if s were seen, the dearest {dearest:.3g}."
        )
    return f"In this game it costs the provider nothing if the user does not see s: {seen:.3g}."


def near_words(pair: str, who: str, measured: Measured) -> str:
    """How far a pair ends from theory over all settings.

    Args:
        pair: its name.
        who: what it is called.
        measured: runs and theory.
    """
    rows = [row for row in measured.ends if row["pair"] == pair]
    away = [100 * abs(row["cost"] / row["theory"] - 1) for row in rows]
    if max(away) < NOTHING_SHOWS:
        return (
            f"{who} follows that: it ends at the cheapest equilibrium in all {len(rows)} settings."
        )
    farthest = rows[int(np.argmax(away))]["observes"]
    median = float(np.median(away))
    verdict = "follows that" if median <= 5 else "does not follow that closely"
    return (
        f"{who} {verdict}: it ends {median:.1f} % from the cheapest equilibrium in the median of "
        f"{len(rows)} settings, and {max(away):.1f} % at most, where the user sees "
        f"{SEEN[farthest]}."
    )


def details(game: Game, measured: Measured) -> tuple[str, ...]:
    """What the numbers say."""
    words = [theory_words(game, measured.theory)]
    for pair in PAIRS:
        rows = [row for row in measured.ends if row["pair"] == pair]
        words += [cost_words(pair, rows, measured), *cheap_words(pair, rows)]
        words += [selected_words(pair, rows)]
    return tuple(words)


def theory_words(game: Game, theory: dict[str, float]) -> str:
    """What to expect."""
    best = float(solve(game).cost)
    digits = places(best)
    hidden = " or ".join(f"{outcome.cost:.{digits}f}" for outcome in simultaneous(game).outcomes)
    many, one = (f"{theory[f'samples:{n}']:.{digits}f}" for n in (100, 1))
    course = f"is {many} at 100 tosses and {one} at one" if many != one else f"is {one} throughout"
    return (
        f"Theory: J* = {best:.{digits + 1}f} if s is seen, {hidden} if it is not; the cheapest "
        f"mixed equilibrium {course}."
    )


def cost_words(pair: str, rows: list[dict[str, Any]], measured: Measured) -> str:
    """Where a pair ends at each setting."""
    costs, digits = [], places(max(measured.theory.values()))
    for row in rows:
        name = row["observes"]
        seeds = [
            run["cost"] for run in measured.runs if (run["pair"], run["observes"]) == (pair, name)
        ]
        costs.append(f"{SEEN[name]}: {spread(seeds, digits)}")
    return f"{pair}, cost over the last fifth, by what the user sees: {'; '.join(costs)}."


def cheap_words(pair: str, rows: list[dict[str, Any]]) -> tuple[str, ...]:
    """Where a pair is cheaper than any equilibrium, if there is such a setting."""
    cheap = [
        SEEN[row["observes"]]
        for row in rows
        if row["cost"] + row["cost_half"] < row["theory"] * (1 - ROUNDING)
    ]
    if not cheap:
        return ()
    return (
        f"{pair} are cheaper than any equilibrium if the user sees {' or '.join(cheap)}: there it "
        "still answers what it met on average, and the provider has begun to use that.",
    )


def selected_words(pair: str, rows: list[dict[str, Any]]) -> str:
    """In which equilibrium a pair's seeds are, by setting."""
    runs = sum(row[kind] for row in rows for kind in KINDS)
    parts = []
    for kind in KINDS[:2]:
        there = [
            f"{SEEN[row['observes']]} ({row[kind]} of {sum(row[other] for other in KINDS)} seeds)"
            for row in rows
            if row[kind]
        ]
        if sum(row[kind] for row in rows) == runs:
            return f"{pair}, equilibrium once learning has stopped: {kind} in all {runs} runs."
        parts.append(f"{kind} with {', '.join(there) or 'no setting'}")
    if any(row[KINDS[2]] for row in rows):
        parts.append(f"{KINDS[2]} in all other runs")
    return f"{pair}, equilibrium once learning has stopped: {'; '.join(parts)}."


@dressed
def end_figure(game: Game, runs: pl.DataFrame, ends: pl.DataFrame) -> str:
    """Costs at the end over the dial, seeds and means, beside theory."""
    figure = Figure(figsize=(11.2, 4.2))
    axes = figure.add_axes((0.06, 0.17, 0.93, 0.74))
    place = pl.col("observes").replace_strict({name: float(k) for k, name in enumerate(DIAL)})
    for pair, shift in zip(PAIRS, (-0.14, 0.14), strict=True):
        seeds, means = (
            table.filter(pair=pair).with_columns(x=place + shift) for table in (runs, ends)
        )
        look = LOOKS[pair]
        axes.plot(seeds["x"], seeds["cost"], ".", color=look.colour, ms=4, alpha=0.5)
        draw(axes, means, look, "x", "cost", pair)
    theory = ends.filter(pair=PAIRS[0])["theory"].to_list()
    draw_theory(axes, theory)
    draw_levels(axes, game)
    axes.set_xticks(range(len(DIAL)), [SEEN[name].replace("route ", "route\n") for name in DIAL])
    costs = [*runs["cost"].to_list(), *theory]
    room = 0.1 * (max(costs) - min(costs))
    limits = (min(costs) - room, max(costs) + room)
    axes.set(xlabel="what the user sees of s", ylabel=COST, ylim=limits)
    above: Any = {"loc": "lower left", "bbox_to_anchor": (-0.01, 1.0)}
    axes.legend(ncol=5, frameon=False, fontsize=8, **above)
    return svg(figure)


def draw_theory(axes: Axes, costs: list[float]) -> None:
    """A bar for the cheapest equilibrium at each setting."""
    for k, cost in enumerate(costs):
        label = "cheapest mixed equilibrium" if k == 1 else None
        ends = [k - 0.35, k + 0.35]
        axes.plot(ends, [cost] * 2, color="black", lw=2.2, alpha=0.75, label=label)


@dressed
def course_figure(game: Game, runs: pl.DataFrame) -> str:
    """Mean cost over time, a panel for each pair, a line for some settings."""
    margins = {"left": 0.06, "top": 0.82, "bottom": 0.14, "wspace": 0.05}
    figure, axes = panels(1, len(PAIRS), (11.2, 3.6), margins, sharey=True)
    share = (np.arange(BLOCKS) + 0.5) / BLOCKS
    for panel, pair in zip(axes, PAIRS, strict=True):
        for name, (colour, line) in COURSES.items():
            courses = np.array(runs.filter(pair=pair, observes=name)["course"].to_list())
            mean = courses.mean(axis=0)
            panel.plot(100 * share, mean, color=colour, ls=line, lw=1.6, label=SEEN[name])
        draw_levels(panel, game)
        panel.set(xlabel="share of the tasks over, %", title=pair)
    axes[0].set_ylabel(COST)
    legend_above(figure, axes[0], 7)
    return svg(figure)


def draw_levels(axes: Axes, game: Game) -> None:
    """J*, and what simultaneous play costs."""
    look: Any = {"color": "#555555", "lw": 1.0}
    axes.axhline(float(solve(game).cost), ls="--", label="J*, s seen", **look)
    for k, outcome in enumerate(simultaneous(game).outcomes):
        axes.axhline(outcome.cost, ls=":", label=None if k else "simultaneous play", **look)
