"""Whether a belief finds s, in words and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from routing_game.experiments.hidden.converge import (
    LEVEL,
    MEMORIES,
    PHASES,
    RECOVERED,
    RULES,
    STAYS,
    Measured,
)
from routing_game.experiments.hidden.rulebook import named
from routing_game.experiments.hidden.rulebook_page import IN_TEX, LOOKS, asked, level, tie_words
from routing_game.experiments.hidden.settings import Settings
from routing_game.experiments.hidden.threshold import Threshold, threshold
from routing_game.experiments.pages.page import Page, Picture, Table
from routing_game.experiments.pages.style import Look, draw, dressed, legend_above, panels, svg
from routing_game.experiments.pages.words import percent
from routing_game.theory.belief import Belief

MAIN = 0.1
"""The distance that the answer speaks of."""
RULE_LOOKS = {STAYS: Look("#000000", "*", "-"), **LOOKS}
MEMORY_LOOKS = dict(
    zip(
        MEMORIES,
        (
            Look("#000000", "", "-"),
            Look("#0072B2", "", (0, (5, 1.5))),
            Look("#E69F00", "", (0, (3, 1, 1, 1))),
            Look("#D55E00", "", (0, (1, 1))),
        ),
        strict=True,
    )
)
TRUTH: dict[str, Any] = {"color": "black", "lw": 5, "alpha": 0.2}
"""How what is true, or exact, is drawn beneath what was played."""
QUESTION = (
    "A user guesses s from what follows its failures. Is the guess soon on the right side of the "
    "threshold, do its 95 % credible intervals hold s, and what if the provider changes?"
)
SIDE = (
    "Share of beliefs on the same side of {name} = {s:.4f} as s, over tasks, from Beta(1, 1): "
    "{sessions:,} sessions a point, with 95 % Wilson intervals. Thick grey: the exact law of a "
    "user who never leaves."
)
COVERAGE = (
    "Share of 95 % credible intervals that hold s. Left, with s drawn from the prior: 95 % for "
    "every rule, at every time, as theory says (dotted). Right, with s fixed "
    f"{MAIN:g} past {{name}}: more or less, because who leaves depends on the draws. Thick grey: "
    "the exact law of a user who never leaves."
)
CHANGE = (
    "A provider that becomes worse, and good again. Top: the median of E[s] (true s in grey); "
    "bottom: share of beliefs on the right side of the threshold; {sessions:,} sessions a line. "
    "Memory 1 forgets nothing; memory m is a window of 1/(1-m) draws. Who leaves sees no draw, and "
    "so does not forget either."
)
TIMES = (
    "Tasks until the belief is on the right side for the rest of the session: median and 90th "
    "percentile of the sessions, empty where so many never are; wrong: share on the wrong side at "
    "the end."
)
BELIEFS = (
    "The beliefs after n tasks: draws seen, distance of the mean from s, shares on the right side "
    "and of intervals that hold s, with 95 % intervals; exact values for users who never leave, "
    "and the gaps to them in standard errors. distance is that of s from the threshold, empty if "
    "drawn from the prior."
)
RECOVERIES = (
    f"s is {PHASES[0]:+g}, {PHASES[1]:+g}, {PHASES[2]:+g} from the threshold, a third of the tasks "
    "each. before: share on the right side over the last fifth of the first third; doubting, "
    f"trusting: tasks after each change until {100 * RECOVERED:g} % of the beliefs are on the "
    "right side, empty if never, or if the one before was not noticed."
)


def page(settings: Settings, measured: Measured) -> Page:
    """The page, made from what was measured."""
    mark = threshold(settings.game, settings.name)
    beliefs, times, courses, recoveries = (
        pl.DataFrame(rows, infer_schema_length=None) for rows in measured
    )
    words = {"name": mark.name, "s": mark.s, **settings.numbers}
    return Page(
        title=f"Does a belief find s? {settings.name}",
        question=QUESTION,
        answer=answer(beliefs, times, recoveries, mark),
        figures=(
            Picture(SIDE.format(**words), side_figure(beliefs, mark)),
            Picture(COVERAGE.format(**words), coverage_figure(beliefs)),
            Picture(CHANGE.format(**words), change_figure(courses, mark)),
        ),
        tables=(
            Table("times", TIMES, times),
            Table("beliefs", BELIEFS, beliefs),
            Table("change", RECOVERIES, recoveries),
        ),
        settings={
            **asked(settings),
            "prior": named(Belief()),
        },
    )


def answer(
    beliefs: pl.DataFrame,
    times: pl.DataFrame,
    recoveries: pl.DataFrame,
    mark: Threshold,
) -> tuple[str, ...]:
    """What the numbers say.

    Args:
        beliefs: after some numbers of tasks.
        times: until they are right for good.
        recoveries: from changes.
        mark: the threshold.
    """
    end = beliefs.filter(pl.col("tasks") == pl.col("tasks").max())
    main = {row["rule"]: row for row in end.filter(distance=MAIN).to_dicts()}
    return (
        stayer_words(main[STAYS], mark) + exact_words(beliefs),
        time_words(times),
        selection_words(main[STAYS], main["plug-in"]),
        coverage_words(end.filter(pl.col("distance").is_null())),
        *(change_words(recoveries, rule) for rule in (STAYS, "plug-in", "Thompson")),
        *tie_words(mark, Belief()),
    )


def stayer_words(row: Mapping[str, Any], mark: Threshold) -> str:
    """What a user who never leaves comes to believe."""
    return (
        f"Who never leaves finds s: after {row['tasks']:,} tasks the mean is {row['error']:.4f} "
        f"off on average ({MAIN:g} past {mark.name}), and {percent(row['right'])} % of the beliefs "
        f"are on its side; exactly {percent(row['right_exact'])} %. "
    )


def exact_words(beliefs: pl.DataFrame) -> str:
    """How well play agrees with the exact law."""
    gaps = np.abs(beliefs.select("right_gap", "covered_gap").drop_nulls().to_numpy())
    return (
        f"{int((gaps <= 3).sum())} of {gaps.size} simulated shares lie within three standard "
        f"errors of the exact law, the farthest {gaps.max():.1f} away."
    )


def time_words(times: pl.DataFrame) -> str:
    """When beliefs are on the right side for good, by rule."""
    parts = [
        f"{row['rule']} {count(row['median'])} and {count(row['90 %'])}"
        for row in times.filter(distance=MAIN).to_dicts()
    ]
    return (
        "Tasks until half, and nine tenths, of the beliefs are on the right side for good, with s "
        f"{MAIN:g} past the threshold: {'; '.join(parts)}."
    )


def count(tasks: float | None) -> str:
    """A number of tasks; never if there is none."""
    return "never" if tasks is None else f"{tasks:,.0f}"


def selection_words(stays: Mapping[str, Any], leaves: Mapping[str, Any]) -> str:
    """What plug-in users miss, who leave where they saw bad draws."""
    return (
        f"Selection: at that s plug-in users end with {leaves['draws']:,.0f} draws on average, "
        f"against {stays['draws']:,.0f}; {percent(1 - leaves['right'])} % doubt, the mean is "
        f"{leaves['error']:.4f} off on average, and {percent(leaves['covered'])} % of their "
        f"intervals hold s, against {percent(stays['covered'])} % for users who never leave."
    )


def coverage_words(drawn: pl.DataFrame) -> str:
    """How often intervals hold an s drawn from the prior."""
    held = drawn["covered"].sort()
    true = drawn.filter(pl.lit(LEVEL).is_between("covered_low", "covered_high"))
    return (
        f"Averaged over an s drawn from the prior, {percent(held[0])} to {percent(held[-1])} % of "
        "the 95 % intervals hold s, and 95 % lies within the uncertainty for "
        f"{len(true)} of {len(drawn)} rules: who left knows little and says so."
    )


def change_words(recoveries: pl.DataFrame, rule: str) -> str:
    """How soon a rule notices that the provider has become worse, and better again, by memory."""
    rows = recoveries.filter(rule=rule).to_dicts()
    memories = ", ".join(f"{row['memory']:g}" for row in rows)
    worse = ", ".join(count(row["doubting"]) for row in rows)
    better = ", ".join("-" if row["doubting"] is None else count(row["trusting"]) for row in rows)
    return (
        f"Changing provider, {rule}, memory {memories}: tasks until {100 * RECOVERED:g} % of the "
        f"beliefs have noticed that it became worse: {worse}; that it is good again: {better}."
    )


@dressed
def side_figure(beliefs: pl.DataFrame, mark: Threshold) -> str:
    """A panel for each distance."""
    titled = {
        f"s = {mark.towards(d):.3g}, {d:+g} past {IN_TEX[mark.name]}": beliefs.filter(distance=d)
        for d in beliefs["distance"].drop_nulls().unique().sort()
    }
    figure, axes = over_tasks(titled, "right")
    axes[0].set(ylabel="beliefs on the right side, %", ylim=(0, 103))
    return svg(figure)


@dressed
def coverage_figure(beliefs: pl.DataFrame) -> str:
    """A panel for s from the prior, and one for a fixed s."""
    drawn = beliefs.filter(pl.col("distance").is_null())
    titled = {"s drawn from the prior": drawn, "s fixed": beliefs.filter(distance=MAIN)}
    figure, axes = over_tasks(titled, "covered")
    for panel in axes:
        level(panel, 100 * LEVEL)
    axes[0].set(ylabel="intervals that hold s, %", ylim=(None, 101))
    return svg(figure)


def over_tasks(titled: Mapping[str, pl.DataFrame], column: str) -> tuple[Figure, list[Axes]]:
    """Shares over tasks, a line for each rule, the exact law of those who stay beneath.

    Args:
        titled: title of a panel -> the beliefs that it shows.
        column: of the shares.
    """
    margins = {"left": 0.06, "top": 0.82, "bottom": 0.14, "wspace": 0.08}
    figure, axes = panels(1, len(titled), (11.2, 3.6), margins, sharey=True)
    for panel, (title, rows) in zip(axes, titled.items(), strict=True):
        exact = rows.filter(pl.col(f"{column}_exact").is_not_null())
        panel.plot(exact["tasks"], 100 * exact[f"{column}_exact"], **TRUTH)
        for rule in RULES:
            mine = rows.filter(rule=rule)
            draw(panel, mine, RULE_LOOKS[rule], "tasks", column, rule, unit=100)
        panel.set(xscale="log", xlabel="tasks", title=title)
    legend_above(figure, axes[0], 4)
    return figure, axes


@dressed
def change_figure(courses: pl.DataFrame, mark: Threshold) -> str:
    """Median belief and share on the right side, a column for each rule, a line for each memory."""
    margins = {"left": 0.06, "top": 0.87, "bottom": 0.1, "wspace": 0.08, "hspace": 0.12}
    columns = len(RULES)
    figure, axes = panels(2, columns, (11.2, 5.0), margins, sharex=True, sharey="row")
    upper, lower = axes[:columns], axes[columns:]
    for above, below, rule in zip(upper, lower, RULES, strict=True):
        draw_courses(above, below, courses.filter(rule=rule), mark)
        above.set_title(rule)
        below.set_xlabel("task")
    upper[0].set_ylabel("E[s], median of users")
    lower[0].set(ylabel="beliefs on the right side, %", ylim=(-3, 103))
    legend_above(figure, upper[0], 6)
    return svg(figure)


def draw_courses(upper: Axes, lower: Axes, rows: pl.DataFrame, mark: Threshold) -> None:
    """One rule's column: the median belief over the share on the right side."""
    truth = rows.filter(memory=1.0)
    upper.plot(truth["task"], truth["s"], label="true s", **TRUTH)
    level(upper, mark.s, label=IN_TEX[mark.name])
    for memory, look in MEMORY_LOOKS.items():
        mine = rows.filter(memory=memory)
        line: dict[str, Any] = {"color": look.colour, "ls": look.line, "lw": 1.4}
        upper.plot(mine["task"], mine["median"], label=f"memory {memory:g}", **line)
        lower.plot(mine["task"], 100 * mine["right"], **line)
    level(lower, 100 * RECOVERED)
