"""Whether a belief finds s, in words and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

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
from routing_game.experiments.hidden.rulebook_page import IN_TEX, LOOKS, level, tie_words
from routing_game.experiments.hidden.settings import Settings
from routing_game.experiments.hidden.threshold import Threshold, threshold
from routing_game.experiments.hidden.wording import (
    agreement_lead,
    asked,
    done,
    notice,
    rules,
    share_words,
    terms,
    threshold_words,
)
from routing_game.experiments.pages.page import Page, Picture, Table
from routing_game.experiments.pages.style import Look, draw, dressed, legend_above, panels, svg
from routing_game.experiments.pages.tables import Head
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
    f"{MAIN:g} from {{name}}, where staying is right: it can be more and it can be fewer, because "
    "who leaves depends on the draws. Thick grey: the exact law of a user who never leaves."
)
CHANGE = (
    "A provider that becomes worse, and good again. Top: the median of E[s] (true s in grey); "
    "bottom: share of beliefs on the right side of the threshold, which has noticed a change at "
    f"{100 * RECOVERED:g} % (dotted); {{sessions:,}} sessions a line. Memory 1 forgets nothing, "
    "memory m counts about the last 1/(1-m) draws. Who leaves sees no draw, and so does not forget "
    "either."
)
TIMES = (
    "Tasks until the belief is on the right side for the rest of the session: median and 90th "
    "percentile of the sessions, empty where so many never are; wrong: share on the wrong side at "
    "the end. The distance of s from the threshold is empty where s is drawn from the prior."
)
BELIEFS = (
    "The beliefs after so many tasks, with 95 % intervals; exact values for users who never leave, "
    "and the gaps to them in standard errors. The distance is that of s from the threshold, "
    "towards the side where staying is right; empty if s is drawn from the prior."
)
RECOVERIES = (
    f"s is {PHASES[0]:+g}, {PHASES[1]:+g}, {PHASES[2]:+g} from the threshold, a third of the tasks "
    f"each. A change counts as noticed when {100 * RECOVERED:g} % of the beliefs are on the right "
    "side; empty if that never happened, or if the change before was not noticed."
)
FOUND = Head("distance of s")
TIME_HEADS = {
    "rule": Head("rule"),
    "distance": FOUND,
    "median": Head("tasks until half are right for good"),
    "90 %": Head("until nine tenths are"),
    "wrong": Head("wrong at the end, %", 100),
}
BELIEF_HEADS = {
    "rule": Head("rule"),
    "distance": FOUND,
    "tasks": Head("tasks"),
    "draws": Head("draws seen"),
    "error": Head("E[s] off by"),
    "right": Head("on the right side, %", 100),
    "right_exact": Head("exactly, %", 100),
    "right_gap": Head("gap, standard errors", places=2),
    "covered": Head("intervals that hold s, %", 100),
    "covered_exact": Head("exactly, %", 100),
    "covered_gap": Head("gap, standard errors", places=2),
}
CHANGE_HEADS = {
    "rule": Head("rule"),
    "memory": Head("memory"),
    "before": Head("on the right side before it, %", 100),
    "doubting": Head("tasks until the turn for the worse is noticed"),
    "trusting": Head("until the turn for the better is"),
}


def page(settings: Settings, measured: Measured) -> Page:
    """The page, made from what was measured."""
    mark = threshold(settings.game, settings.name)
    beliefs, times, courses, recoveries = (
        pl.DataFrame(rows, infer_schema_length=None) for rows in measured
    )
    words = {"name": mark.name, "s": mark.s, **settings.numbers}
    third = settings["tasks"] // 3
    return Page(
        title=f"Does a belief find s? {settings.name}",
        question=QUESTION,
        answer=answer(beliefs, recoveries, mark, third),
        details=details(beliefs, times, recoveries, mark, settings["tasks"]),
        figures=(
            Picture(SIDE.format(**words), side_figure(beliefs, mark)),
            Picture(COVERAGE.format(**words), coverage_figure(beliefs)),
            Picture(CHANGE.format(**words), change_figure(courses, mark)),
        ),
        tables=(
            Table("times", TIMES, times, "How soon beliefs are right for good", TIME_HEADS),
            Table("beliefs", BELIEFS, beliefs, "Beliefs over tasks", BELIEF_HEADS),
            Table("change", RECOVERIES, recoveries, "A provider that changes", CHANGE_HEADS),
        ),
        settings={
            **asked(settings),
            "prior": named(Belief()),
        },
        terms=words_used(mark),
        made=done(settings),
        notice=notice(settings.profile),
    )


def words_used(mark: Threshold) -> dict[str, str]:
    """What the rules and the words of the page mean."""
    known = {STAYS: "never leaves, and so sees all there is to see", **rules(RULES)}
    more = {
        "right side": "that of the threshold on which s is: a belief there leads a plug-in user to "
        "the right choice",
        "credible interval": "the middle 95 % of a belief",
        "memory": "what a count is multiplied by at each new draw: 1 forgets nothing, 0.9 counts "
        "little but the last ten draws",
    }
    return known | terms("s", "draw", "belief", "exact", "brackets") | threshold_words(mark) | more


def answer(
    beliefs: pl.DataFrame,
    recoveries: pl.DataFrame,
    mark: Threshold,
    third: int,
) -> tuple[str, ...]:
    """In three sentences: who finds s, who does not, and who notices a change.

    Args:
        beliefs: after some numbers of tasks.
        recoveries: from changes.
        mark: the threshold.
        third: tasks after each change.
    """
    main = at_the_end(beliefs)
    return (
        finding_words(main[STAYS], mark),
        stopping_words(main[STAYS], main["plug-in"]),
        noticing_words(recoveries.filter(rule=STAYS).to_dicts(), third),
    )


def ends(beliefs: pl.DataFrame) -> pl.DataFrame:
    """The beliefs after the most tasks."""
    return beliefs.filter(pl.col("tasks") == pl.col("tasks").max())


def at_the_end(beliefs: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """Rule -> what its users believe after the most tasks, where the answer looks."""
    return {row["rule"]: row for row in ends(beliefs).filter(distance=near(beliefs)).to_dicts()}


def near(beliefs: pl.DataFrame) -> float:
    """The distance that the answer speaks of: `MAIN`, or the nearest to it that s has room for."""
    return float(min(beliefs["distance"].drop_nulls().unique(), key=lambda d: abs(d - MAIN)))


def finding_words(stays: Mapping[str, Any], mark: Threshold) -> str:
    """Whether a user who never leaves finds the side of s."""
    lead = "Users who never leave find out"
    if stays["right"] < RECOVERED:
        lead = "Not even users who never leave have all found out by the end"
    return (
        f"{lead}: after {stays['tasks']:,} tasks {share_words(stays, 'right')} of their beliefs "
        f"are on the right side, if {place_words(mark, stays['distance'])} = {mark.s:.3g}."
    )


def place_words(mark: Threshold, distance: float, name: str | None = None) -> str:
    """Where s is, as "s is 0.1 above s0".

    Args:
        mark: the threshold.
        distance: of s from it, towards the side where staying is right.
        name: what the threshold is called, if not by its name.
    """
    side = "above" if mark.better * distance > 0 else "below"
    return f"s is {abs(distance):.3g} {side} {name or mark.name}"


def stopping_words(stays: Mapping[str, Any], leaves: Mapping[str, Any]) -> str:
    """What leaving does to a belief."""
    told = f"{share_words(leaves, 'right')} are"
    if leaves["right_high"] < stays["right_low"]:
        return (
            f"Leaving stops the learning: of the plug-in users, who leave when they doubt, {told} "
            "on the right side by then."
        )
    return (
        "This run does not show that leaving stops the learning: of the plug-in users, who leave "
        f"when they doubt, {told} on the right side by then."
    )


def noticing_words(stays: list[dict[str, Any]], third: int) -> str:
    """How soon users who never leave notice that the provider has become worse, by memory."""
    soon = sorted((row["doubting"], row["memory"]) for row in stays if row["doubting"] is not None)
    if not soon:
        return (
            "When the provider turns worse, users who never leave do not notice soon, forgetful or "
            f"not: with each memory it takes {100 * RECOVERED:g} % of them more than the {third} "
            "tasks that this run gives."
        )
    tasks, memory = soon[0]
    whole = {row["memory"]: row["doubting"] for row in stays}[1.0]
    late = f"not within {third}" if whole is None else f"only after {whole:,.0f}"
    told = f"{100 * RECOVERED:g} % of the users who never leave notice after {tasks:,.0f} tasks"
    if memory == 1.0:
        return f"When the provider turns worse, {told}, and sooner than users who forget."
    if whole == tasks:
        return f"When the provider turns worse, {told}, whether they forget or remember all."
    return (
        f"When the provider turns worse, {told} if they forget (memory {memory:g}), {late} if they "
        "remember all."
    )


def details(
    beliefs: pl.DataFrame,
    times: pl.DataFrame,
    recoveries: pl.DataFrame,
    mark: Threshold,
    tasks: int,
) -> tuple[str, ...]:
    """What the numbers say.

    Args:
        beliefs: after some numbers of tasks.
        times: until they are right for good.
        recoveries: from changes.
        mark: the threshold.
        tasks: of a session.
    """
    main = at_the_end(beliefs)
    return (
        stayer_words(main[STAYS], mark),
        exact_words(beliefs),
        time_words(times.filter(distance=near(beliefs)), tasks),
        selection_words(main[STAYS], main["plug-in"]),
        coverage_words(ends(beliefs).filter(pl.col("distance").is_null())),
        *(change_words(recoveries, rule, tasks // 3) for rule in (STAYS, "plug-in", "Thompson")),
        *tie_words(mark, Belief()),
    )


def stayer_words(row: Mapping[str, Any], mark: Threshold) -> str:
    """What a user who never leaves comes to believe."""
    return (
        f"Users who never leave, if {place_words(mark, row['distance'])}: after {row['tasks']:,} "
        f"tasks E[s] is {row['error']:.4f} off on average, and {percent(row['right'])} % of the "
        f"beliefs played are on the right side; the exact law says {percent(row['right_exact'])} %."
    )


def exact_words(beliefs: pl.DataFrame) -> str:
    """How well play agrees with the exact law."""
    gaps = np.abs(beliefs.select("right_gap", "covered_gap").drop_nulls().to_numpy())
    return (
        f"{agreement_lead(gaps)}: {int((gaps <= 3).sum())} of {gaps.size} shares lie within three "
        f"standard errors of the exact law; the farthest is {gaps.max():.1f} away."
    )


def time_words(times: pl.DataFrame, tasks: int) -> str:
    """When beliefs are on the right side for good, by rule; of a session of so many tasks."""
    parts = [
        f"{row['rule']} {count(row['median'], tasks)} and {count(row['90 %'], tasks)}"
        for row in times.to_dicts()
    ]
    return (
        "Tasks until half, and nine tenths, of the beliefs are on the right side for good, with s "
        f"{times['distance'][0]:+g} from the threshold: {'; '.join(parts)}."
    )


def count(tasks: float | None, most: int) -> str:
    """A number of tasks, if it came to that within the most."""
    return f"not within {most:,}" if tasks is None else f"{tasks:,.0f}"


def selection_words(stays: Mapping[str, Any], leaves: Mapping[str, Any]) -> str:
    """What plug-in users miss, who leave where they saw bad draws."""
    return (
        f"Selection: at that s plug-in users end with {leaves['draws']:,.0f} draws on average, "
        f"against {stays['draws']:,.0f} of users who never leave; {percent(1 - leaves['right'])} % "
        f"are on the wrong side, E[s] is {leaves['error']:.4f} off on average, and "
        f"{percent(leaves['covered'])} % of their credible intervals hold s, against "
        f"{percent(stays['covered'])} %."
    )


def coverage_words(drawn: pl.DataFrame) -> str:
    """How often intervals hold an s drawn from the prior."""
    held = drawn["covered"].sort()
    true = drawn.filter(pl.lit(LEVEL).is_between("covered_low", "covered_high"))
    return (
        f"If s is drawn from the prior, {percent(held[0])} to {percent(held[-1])} % of the 95 % "
        "credible intervals hold it, by rule; theory says 95 % for each rule, and for "
        f"{len(true)} of {len(drawn)} that lies within the uncertainty of play: who left knows "
        "little and says so."
    )


def change_words(recoveries: pl.DataFrame, rule: str, third: int) -> str:
    """How soon a rule notices that the provider has become worse, and better again, by memory.

    Args:
        recoveries: by rule and memory.
        rule: whose.
        third: tasks after each change.
    """
    rows = recoveries.filter(rule=rule).to_dicts()
    worse = noticed_words(rows, "doubting", third)
    known = [row for row in rows if row["doubting"] is not None]
    better = f"; that it is good again: {noticed_words(known, 'trusting', third)}" if known else ""
    return (
        f"A provider that changes, {rule}: tasks until {100 * RECOVERED:g} % of the beliefs have "
        f"noticed that it became worse: {worse}{better}."
    )


def noticed_words(rows: list[dict[str, Any]], change: str, third: int) -> str:
    """After how many tasks each memory noticed a change, and which did not."""
    told = [
        f"{row[change]:,.0f} with memory {row['memory']:g}"
        for row in rows
        if row[change] is not None
    ]
    slow = [f"{row['memory']:g}" for row in rows if row[change] is None]
    if slow:
        which = "any memory" if len(slow) == len(MEMORIES) else f"memory {', '.join(slow)}"
        told.append(f"not within {third} with {which}")
    return ", ".join(told)


@dressed
def side_figure(beliefs: pl.DataFrame, mark: Threshold) -> str:
    """A panel for each distance."""
    titled = {
        place_words(mark, d, IN_TEX[mark.name]): beliefs.filter(distance=d)
        for d in beliefs["distance"].drop_nulls().unique().sort()
    }
    figure, axes = over_tasks(titled, "right")
    axes[0].set(ylabel="beliefs on the right side, %", ylim=(0, 103))
    return svg(figure)


@dressed
def coverage_figure(beliefs: pl.DataFrame) -> str:
    """A panel for s from the prior, and one for a fixed s."""
    drawn = beliefs.filter(pl.col("distance").is_null())
    titled = {"s drawn from the prior": drawn, "s fixed": beliefs.filter(distance=near(beliefs))}
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
        panel.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
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
