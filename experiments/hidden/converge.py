"""Does the belief find s? The mean, the side of the threshold, and the credible interval, task after task.

A user who never leaves sees, in n tasks with a constant s, E ~ Bin(n, e) escalations and, independently, K keeps, a
negative binomial of n successes with chance 1 - a, where a = k1 (1-s) and e = k1 s / (1-a). So its belief after n tasks
has an exact law, drawn as a line. Users who leave see less, and which of them leave depends on what they saw. Averaged
over the prior their 95 % intervals hold s in 95 % of the sessions all the same, whatever the rule: what a user did not
look at, its posterior does not pretend to know. At a fixed s it may be more or less.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from scipy.special import betainc
from scipy.stats import binom, nbinom

from routing_game.envs.crowd import play_sessions
from routing_game.experiments.cells.progress import Steps
from routing_game.experiments.hidden.rulebook import RULEBOOK, Stays
from routing_game.experiments.hidden.rulebook_page import LOOKS, tie_words
from routing_game.experiments.hidden.settings import Settings
from routing_game.experiments.hidden.threshold import Threshold, doubts, threshold
from routing_game.experiments.intervals import gap, mean, share, share_error
from routing_game.experiments.pages.page import Page, Picture, Table
from routing_game.experiments.pages.style import RC, Look, draw, svg
from routing_game.experiments.pages.words import percent
from routing_game.experiments.play import checkpoints
from routing_game.theory import Game
from routing_game.theory.belief import Belief
from routing_game.theory.belief_rules import Rule

PROFILES = {
    "smoke": {"sessions": 50, "tasks": 45},
    "default": {"sessions": 1000, "tasks": 1000},
    "full": {"sessions": 4000, "tasks": 2000},
}
STAYS = "always stays"
RULES = (STAYS, "plug-in", "Thompson", "forced stays")
DISTANCES = (-0.1, 0.05, 0.1, 0.2)
"""Of the true s from the threshold, towards the side where the user stays."""
MAIN = 0.1
PHASES = (0.2, -0.1, 0.2)
"""The same, of a provider that changes: a third of the tasks each."""
MEMORIES = (1.0, 0.99, 0.95, 0.9)
LEVEL = 0.95
RECOVERED = 0.9
"""Share of beliefs on the right side at which a crowd counts as having noticed a change."""
TAIL = 1e-13
MEMORY_LOOKS = dict(zip(MEMORIES, (Look("#000000", "", "-"), Look("#0072B2", "", (0, (5, 1.5))),
                                   Look("#E69F00", "", (0, (3, 1, 1, 1))), Look("#D55E00", "", (0, (1, 1)))),
                        strict=True))  # fmt: skip


class Cell(NamedTuple):
    """Sessions of one rule against a constant s, or against one drawn from the prior for each session."""

    rule: str
    distance: float | None


class Change(NamedTuple):
    """Sessions of one rule, with some memory, against a provider that changes."""

    rule: str
    memory: float


def experiment(settings: Settings, progress: Steps) -> Page:
    """Follow beliefs under constant s, under s from the prior, and under an s that changes."""
    mark = threshold(settings.game, settings.name)
    cells = [Cell(rule, d) for rule in RULES for d in (*DISTANCES, None) if d is None or 0 < mark.towards(d) < 1]
    changes = [Change(rule, memory) for rule in RULES for memory in MEMORIES]
    found = settings.each(partial(follow, settings, mark), cells, progress, "groups of sessions")
    changed = settings.each(partial(follow_change, settings, mark), changes, progress, "changing providers")
    beliefs = pl.DataFrame([row for rows, _ in found for row in rows], infer_schema_length=None)
    times = pl.DataFrame([row for _, row in found], infer_schema_length=None)
    courses = pl.DataFrame([row for rows, _ in changed for row in rows])
    recoveries = pl.DataFrame([row for _, row in changed], infer_schema_length=None)
    return Page(
        f"Does a belief find s? {settings.name}",
        "A user guesses s from what follows its failures. Is the guess soon on the right side of the threshold, do its "
        "95 % credible intervals hold s, and what if the provider changes?",
        answer(beliefs, times, recoveries, mark, settings),
        (Picture(side_caption(mark, settings), side_figure(beliefs, mark)),
         Picture(coverage_caption(mark), coverage_figure(beliefs)),
         Picture(change_caption(settings), change_figure(courses, mark))),
        (Table("times", "Tasks until the belief is on the right side for the rest of the session: median and 90th "
               "percentile of the sessions, empty where so many never are; wrong: share on the wrong side at the end.",
               times),
         Table("beliefs", "The beliefs after n tasks: draws seen, distance of the mean from s, shares on the right "
               "side and of intervals that hold s, with 95 % intervals; exact values for users who never leave, and "
               "the gaps to them in standard errors. distance is that of s from the threshold, empty if drawn from "
               "the prior.", beliefs),
         Table("change", f"s is {PHASES[0]:+g}, {PHASES[1]:+g}, {PHASES[2]:+g} from the threshold, a third of the "
               f"tasks each. before: share on the right side over the last fifth of the first third; doubting, "
               f"trusting: tasks after each change until {100 * RECOVERED:g} % of the beliefs are on the right side, "
               "empty if never, or if the one before was not noticed.", recoveries)),
        {"game": settings.name, "profile": settings.profile, **settings.numbers, "prior": "Beta(1, 1)"},
    )  # fmt: skip


# --- what is counted ------------------------------------------------------------------------------------------


def rule_of(name: str, game: Game) -> Rule:
    """The rule of that name; "always stays" is not in the rulebook."""
    return Stays(game) if name == STAYS else RULEBOOK[name].make(game)


def right(game: Game, mark: Threshold, belief: Belief, s: Any) -> Any:
    """Whether each belief is on the side of the threshold on which s is."""
    return doubts(game, belief) == (mark.better * (np.asarray(s) - mark.s) < 0)


def follow(settings: Settings, mark: Threshold, cell: Cell) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The beliefs after some numbers of tasks, a row each; and when they settled."""
    game, tasks, rng = settings.game, settings["tasks"], settings.rng("converge", cell)
    s = rng.random(settings["sessions"]) if cell.distance is None else mark.towards(cell.distance)
    played = play_sessions(game, rule_of(cell.rule, game), s, tasks, settings["sessions"], rng)
    beliefs = Belief(1 + played.escalations.cumsum(axis=0), 1 + played.keeps.cumsum(axis=0))
    on_side = right(game, mark, beliefs, s)
    rows = []
    for n in checkpoints(tasks, first=1, count=16):
        belief = Belief(beliefs.escalated[n - 1], beliefs.kept[n - 1])
        row = {
            "rule": cell.rule, "distance": cell.distance, "tasks": n,
            "draws": float((belief.escalated + belief.kept).mean() - 2),
            **mean("error", np.abs(belief.mean - s)),
            **share("right", on_side[n - 1]), **share("covered", holds(belief, s)),
        }  # fmt: skip
        rows.append(row | exactly(game, mark, cell, n, row, settings["sessions"]))
    return rows, {"rule": cell.rule, "distance": cell.distance} | settled(on_side)


def holds(belief: Belief, s: Any) -> Any:
    """Whether the central credible interval of each belief holds s."""
    below = betainc(belief.escalated, belief.kept, s)
    return (below >= (1 - LEVEL) / 2) & (below <= (1 + LEVEL) / 2)


def exactly(game: Game, mark: Threshold, cell: Cell, tasks: int, row: dict[str, Any], n: int) -> dict[str, Any]:
    """Exact shares of users who never leave, and the gaps of the n simulated ones to them; None for others."""
    names = ("right", "covered")
    if cell.rule != STAYS or cell.distance is None:
        return {f"{name}_{column}": None for name in names for column in ("exact", "gap")}
    values = dict(zip(names, stayers(game, mark, mark.towards(cell.distance), tasks), strict=True))
    gaps = {f"{name}_gap": gap(row[name], x, share_error(x, n)) for name, x in values.items()}
    return {f"{name}_exact": x for name, x in values.items()} | gaps


def stayers(game: Game, mark: Threshold, s: float, tasks: int) -> tuple[float, float]:
    """(P(belief on the right side), P(interval holds s)) after n tasks of a user who never leaves, from Beta(1, 1)."""
    k1 = float(game.failure[0])
    again = k1 * (1 - s)
    laws = binom(tasks, k1 * s / (1 - again)), nbinom(tasks, 1 - again)
    escalations, keeps = (np.arange(law.ppf(TAIL), law.isf(TAIL) + 1) for law in laws)
    weight = laws[0].pmf(escalations)[:, None] * laws[1].pmf(keeps)
    belief = Belief(1 + escalations[:, None], 1 + keeps)
    return float(weight[right(game, mark, belief, s)].sum()), float(weight[holds(belief, s)].sum())


def settled(on_side: Any) -> dict[str, Any]:
    """The tasks after which beliefs are on the right side for good, from (tasks, sessions); and how many are not."""
    last_wrong = np.where(on_side, 0, np.arange(1, len(on_side) + 1)[:, None]).max(axis=0)
    times = np.where(on_side[-1], last_wrong + 1, np.inf)
    median, most = (float(t) if np.isfinite(t) else None for t in np.quantile(times, (0.5, 0.9), method="inverted_cdf"))
    return {"median": median, "90 %": most} | share("wrong", ~on_side[-1])


def follow_change(settings: Settings, mark: Threshold, cell: Change) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The course of median belief and share on the right side, and how soon each change was noticed."""
    game, third, rng = settings.game, settings["tasks"] // 3, settings.rng("change", cell)
    truth = np.repeat([mark.towards(d) for d in PHASES], third)
    played = play_sessions(
        game, rule_of(cell.rule, game), lambda _, task: truth[task - 1], truth.size, settings["sessions"], rng,
        memory=cell.memory,
    )  # fmt: skip
    on_side = right(game, mark, Belief(played.mean, 1 - played.mean), truth[:, None]).mean(axis=1)
    looks = np.arange(0, truth.size, max(1, truth.size // 100))
    rows = [{"rule": cell.rule, "memory": cell.memory, "task": int(t) + 1, "s": float(truth[t]),
             "median": float(np.median(played.mean[t])), "right": float(on_side[t])} for t in looks]  # fmt: skip
    doubting, trusting = (first(on_side[k * third : (k + 1) * third]) for k in (1, 2))
    trusting = None if doubting is None else trusting  # who noticed nothing cannot notice that it is over
    before = float(on_side[third - max(1, third // 5) : third].mean())
    return rows, {"rule": cell.rule, "memory": cell.memory, "before": before, "doubting": doubting,
                  "trusting": trusting}  # fmt: skip


def first(shares: Any) -> int | None:
    """Tasks until the share is large enough, None if it never is."""
    there = np.flatnonzero(shares >= RECOVERED)
    return int(there[0]) if there.size else None


# --- words ----------------------------------------------------------------------------------------------------


def answer(
    beliefs: pl.DataFrame, times: pl.DataFrame, recoveries: pl.DataFrame, mark: Threshold, settings: Settings
) -> tuple[str, ...]:
    """What the numbers say."""
    end = beliefs.filter(tasks=settings["tasks"])
    main = {row["rule"]: row for row in end.filter(distance=MAIN).to_dicts()}
    gaps = np.abs(beliefs.select("right_gap", "covered_gap").drop_nulls().to_numpy())
    drawn = end.filter(pl.col("distance").is_null())
    held = sorted(drawn["covered"].to_list())
    true = int(((drawn["covered_low"] <= LEVEL) & (drawn["covered_high"] >= LEVEL)).sum())
    return (
        f"Who never leaves finds s: after {settings['tasks']:,} tasks the mean is {main[STAYS]['error']:.4f} off on "
        f"average ({MAIN:g} past {mark.word}), and {percent(main[STAYS]['right'])} % of the beliefs are on its side; "
        f"exactly {percent(main[STAYS]['right_exact'])} %. {int((gaps <= 3).sum())} of {gaps.size} simulated shares "
        f"lie within three standard errors of the exact law, the farthest {gaps.max():.1f} away.",
        time_words(times),
        f"Selection: at that s plug-in users end with {main['plug-in']['draws']:,.0f} draws on average, against "
        f"{main[STAYS]['draws']:,.0f}; {percent(1 - main['plug-in']['right'])} % doubt, the mean is "
        f"{main['plug-in']['error']:.4f} off on average, and "
        f"{percent(main['plug-in']['covered'])} % of their intervals hold s, against "
        f"{percent(main[STAYS]['covered'])} % for users who never leave.",
        f"Averaged over an s drawn from the prior, {percent(held[0])} to {percent(held[-1])} % of the 95 % intervals "
        f"hold s, and 95 % lies within the uncertainty for {true} of {len(drawn)} rules: who left knows little and "
        "says so.",
        *(change_words(recoveries, rule) for rule in (STAYS, "plug-in", "Thompson")),
        *tie_words(mark, Belief()),
    )  # fmt: skip


def time_words(times: pl.DataFrame) -> str:
    """When beliefs are on the right side for good, by rule."""
    rows = {row["rule"]: row for row in times.filter(distance=MAIN).to_dicts()}
    parts = [f"{rule} {tasks(row['median'])} and {tasks(row['90 %'])}" for rule, row in rows.items()]
    return (f"Tasks until half, and nine tenths, of the beliefs are on the right side for good, with s {MAIN:g} past "
            f"the threshold: {'; '.join(parts)}.")  # fmt: skip


def tasks(number: float | None) -> str:
    """A number of tasks; never if there is none."""
    return "never" if number is None else f"{number:,.0f}"


def change_words(recoveries: pl.DataFrame, rule: str) -> str:
    """How soon a rule notices that the provider has become worse, and better again, by memory."""
    rows = recoveries.filter(rule=rule).to_dicts()
    worse = ", ".join(tasks(row["doubting"]) for row in rows)
    better = ", ".join("-" if row["doubting"] is None else tasks(row["trusting"]) for row in rows)
    memories = ", ".join(f"{row['memory']:g}" for row in rows)
    return (f"Changing provider, {rule}, memory {memories}: tasks until {100 * RECOVERED:g} % of the beliefs have "
            f"noticed that it became worse: {worse}; that it is good again: {better}.")  # fmt: skip


def side_caption(mark: Threshold, settings: Settings) -> str:
    """Caption of the first picture."""
    return (f"Share of beliefs on the same side of {mark.word} = {mark.s:.4f} as s, over tasks, from Beta(1, 1): "
            f"{settings['sessions']:,} sessions a point, with 95 % Wilson intervals. Thick grey: the exact law of a "
            "user who never leaves.")  # fmt: skip


def coverage_caption(mark: Threshold) -> str:
    """Caption of the second picture."""
    return (f"Share of 95 % credible intervals that hold s. Left, with s drawn from the prior: 95 % for every rule, at "
            f"every time, as theory says (dotted). Right, with s fixed {MAIN:g} past {mark.word}: more or less, "
            "because who leaves depends on the draws. Thick grey: the exact law of a user who never "
            "leaves.")  # fmt: skip


def change_caption(settings: Settings) -> str:
    """Caption of the third picture."""
    return (f"A provider that becomes worse, and good again. Top: the median of E[s] (true s in grey); bottom: share "
            f"of beliefs on the right side of the threshold; {settings['sessions']:,} sessions a line. Memory 1 "
            "forgets nothing; memory m is a window of 1/(1-m) draws. Who leaves sees no draw, and so does not forget "
            "either.")  # fmt: skip


# --- pictures -------------------------------------------------------------------------------------------------


def look_of(rule: str) -> Look:
    """How a rule is drawn."""
    return Look("#000000", "*", "-") if rule == STAYS else LOOKS[rule]


def side_figure(beliefs: pl.DataFrame, mark: Threshold) -> str:
    """A panel for each distance."""
    distances = beliefs["distance"].drop_nulls().unique().sort().to_list()
    panels = {f"s = {mark.towards(d):.3g}, {d:+g} past {mark.name}": beliefs.filter(distance=d) for d in distances}
    return over_tasks(panels, "right", "beliefs on the right side, %", (0, 103))


def coverage_figure(beliefs: pl.DataFrame) -> str:
    """A panel for s from the prior, and one for a fixed s."""
    drawn = beliefs.filter(pl.col("distance").is_null())
    panels = {"s drawn from the prior": drawn, "s fixed": beliefs.filter(distance=MAIN)}
    return over_tasks(panels, "covered", "intervals that hold s, %", (None, 101), line=100 * LEVEL)


def over_tasks(
    panels: dict[str, pl.DataFrame], column: str, ylabel: str, limits: tuple[float | None, float],
    line: float | None = None,
) -> str:  # fmt: skip
    """Shares over tasks, a line for each rule, the exact law of those who stay beneath."""
    with mpl.rc_context(RC):
        canvas = Canvas(figsize=(11.2, 3.6))
        axes = canvas.subplots(1, len(panels), sharey=True)
        canvas.subplots_adjust(left=0.06, right=0.99, top=0.82, bottom=0.14, wspace=0.08)
        for panel, (title, rows) in zip(axes, panels.items(), strict=True):
            exact = rows.filter(pl.col(f"{column}_exact").is_not_null())
            panel.plot(exact["tasks"], 100 * exact[f"{column}_exact"], color="black", lw=5, alpha=0.2)
            for rule in RULES:
                draw(panel, rows.filter(rule=rule), look_of(rule), "tasks", column, rule, 100)
            if line is not None:
                panel.axhline(line, color="#555555", lw=0.9, ls=":")
            panel.set(xscale="log", xlabel="tasks", title=title)
        axes[0].set(ylabel=ylabel, ylim=limits)
        handles, labels = axes[0].get_legend_handles_labels()
        canvas.legend(handles, labels, ncol=4, loc="upper left", bbox_to_anchor=(0.05, 1.0), frameon=False, fontsize=8)
        return svg(canvas)


def change_figure(courses: pl.DataFrame, mark: Threshold) -> str:
    """Median belief and share on the right side, a column for each rule, a line for each memory."""
    with mpl.rc_context(RC):
        canvas = Canvas(figsize=(11.2, 5.0))
        axes = canvas.subplots(2, len(RULES), sharex=True, sharey="row")
        canvas.subplots_adjust(left=0.06, right=0.99, top=0.87, bottom=0.1, wspace=0.08, hspace=0.12)
        for (upper, lower), rule in zip(axes.T, RULES, strict=True):
            draw_courses(upper, lower, courses.filter(rule=rule), mark)
            upper.set_title(rule)
            lower.set_xlabel("task")
        axes[0, 0].set_ylabel("E[s], median of users")
        axes[1, 0].set(ylabel="beliefs on the right side, %", ylim=(-3, 103))
        handles, labels = axes[0, 0].get_legend_handles_labels()
        canvas.legend(handles, labels, ncol=6, loc="upper left", bbox_to_anchor=(0.05, 1.0), frameon=False, fontsize=8)
        return svg(canvas)


def draw_courses(upper: Axes, lower: Axes, rows: pl.DataFrame, mark: Threshold) -> None:
    """One rule's columns."""
    truth = rows.filter(memory=1.0)
    upper.plot(truth["task"], truth["s"], color="black", lw=5, alpha=0.2, label="true s")
    upper.axhline(mark.s, color="#555555", lw=0.9, ls=":", label=mark.name)
    for memory, look in MEMORY_LOOKS.items():
        mine = rows.filter(memory=memory)
        upper.plot(mine["task"], mine["median"], color=look.colour, ls=look.line, lw=1.4, label=f"memory {memory:g}")
        lower.plot(mine["task"], 100 * mine["right"], color=look.colour, ls=look.line, lw=1.4)
    lower.axhline(100 * RECOVERED, color="#555555", lw=0.9, ls=":")
