"""Whether a provider that learns finds reputation, in words and pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from routing_game.experiments.hidden.reputation import (
    CHECKS,
    HORIZON,
    LONG_RUN,
    PATIENCE,
    PRIOR,
    SESSIONS,
    STRIP,
    Measured,
    Milks,
    strip_of_rule,
)
from routing_game.experiments.hidden.rulebook import named
from routing_game.experiments.hidden.rulebook_page import level
from routing_game.experiments.hidden.settings import Settings
from routing_game.experiments.hidden.threshold import threshold
from routing_game.experiments.hidden.wording import (
    asked,
    decimal,
    done,
    notice,
    rules,
    spread,
    terms,
    threshold_words,
    with_enough,
)
from routing_game.experiments.pages.page import Page, Picture, Table
from routing_game.experiments.pages.style import Look, draw, dressed, panels, svg
from routing_game.experiments.pages.tables import Head
from routing_game.theory import Game, solve, thresholds
from routing_game.theory.belief_rules import Checks

LINES = {
    "best": (Look("#000000", "", "-"), "best plan"),
    "rule": (Look("#009E73", "^", (0, (3, 1, 1, 1))), "hand-written rule"),
}
"""Column of the exact costs -> how it is drawn, and what it is."""
LEARNERS = {
    "belief": (Look("#0072B2", "o", ""), "sees the belief"),
    "task": (Look("#D55E00", "s", ""), "sees its task only"),
}
"""What a learner sees -> how it is drawn, and its name."""
UNSEEN: dict[str, Any] = {"color": "#CC79A7", "ms": 16, "mew": 3.0}
"""How the best plan that does not see the belief is drawn."""
WHEN = {"failure": "at each failure", "task": "once a task"}
"""When users check, in words."""
QUESTION = (
    "A provider that commits to nothing learns from play. Does it keep the user's trust, and when "
    "does it pay it to spend it? What is it worth to see the belief?"
)
COST = (
    "Cost (1-g) J over patience g. Lines: the best plan by value iteration, the hand-written rule, "
    "J*; bars: the best plan found that does not see the belief; shaded: where the best plan milks "
    "at the first edge. Points: what PPO learned, judged exactly, means of the seeds, with 95 % t "
    "intervals from five seeds on."
)
SESSION = (
    f"A session of {STRIP} tasks against a user who checks once a task, of the hand-written rule "
    "and of what PPO learned with seed 0 at the least and the greatest g: the user's belief E[s], "
    "decision by decision. Triangles: escalations; dots: keeps; crosses: the user leaves; squares: "
    "a task that starts with M2. Dotted: s0."
)
LEARNED = (
    "Means over seeds with their 95 % intervals, which need five seeds. Cost is (1-g) J, above it "
    "that over the best plan which sees what the learner sees; the horizon is one of "
    f"{HORIZON} tasks without discount; in the long run are tasks {LONG_RUN[0] + 1} to "
    f"{LONG_RUN[1]} of {SESSIONS:,} sessions; lost are users whose belief then says leave."
)
EXACT = (
    "(1-g) J of the best plan, by value iteration, and of the hand-written rule; whether the best "
    "plan milks at the first edge."
)
BLIND = (
    "The best plan found that does not see the belief: (1-g) J, and its chances of M2 after so "
    "many failed passes of M1 in the task."
)
CHECKING = Head("users check")
KEY = {"checks": CHECKING, "sight": Head("learner sees"), "patience": Head("patience g")}
JUDGED = {
    "cost": Head("cost"),
    "above": Head("above the best plan, %", least=0.0),
    "horizon": Head("above it over a horizon, %", least=0.0),
    "long_run": Head("above J* in the long run, %"),
    "lost": Head("users lost, %", least=0.0),
    "milks": Head("seeds that milk, %", 100),
}
LEARNED_HEADS = {**KEY, "best": Head("best plan"), **JUDGED}
SEED_HEADS = {
    **KEY,
    "seed": Head("seed"),
    "decisions": Head("decisions in training"),
    **{name: JUDGED[name] for name in ("cost", "horizon", "long_run", "lost")},
    "milks": Head("milks"),
}
EXACT_HEADS = {
    "checks": CHECKING,
    "patience": KEY["patience"],
    "best": Head("best plan"),
    "rule": Head("hand-written rule"),
    "milks": Head("best plan milks"),
}


def page(settings: Settings, measured: Measured) -> Page:
    """The page, made from what was measured."""
    game = settings.game
    learned, seeds, exact, blind = map(tidy, measured[:4])
    means = with_enough(learned, settings["seeds"])
    patience = PATIENCE[: settings["patience"]]
    return Page(
        title=f"Reputation, learned: {settings.name}",
        question=QUESTION,
        answer=answer(learned, seeds, measured.milks),
        details=(
            *(seeing_words(checks, seeds, learned) for checks in CHECKS),
            *(blind_words(checks, seeds, learned) for checks in CHECKS),
        ),
        figures=(
            Picture(COST, cost_figure(means, exact, measured.milks, game)),
            Picture(SESSION, strip_figure(game, chosen(game, measured))),
        ),
        tables=(
            Table("learned", LEARNED, means, "What was learned, means over seeds", LEARNED_HEADS),
            Table("seeds", "The same, seed by seed.", seeds, "Seed by seed", SEED_HEADS),
            Table("exact", EXACT, exact, "The best plan and the hand-written rule", EXACT_HEADS),
            Table("blind", BLIND, blind, "The best plan that does not see the belief"),
        ),
        settings={
            **asked(settings),
            "prior": named(PRIOR),
            "users": "plug-in",
            "patience g": ", ".join(f"{g:g}" for g in patience),
        },
        terms=words_used(settings),
        made=done(settings),
        notice=notice(settings.profile),
    )


def tidy(rows: Any) -> pl.DataFrame:
    """Rows as a table in which patience has one name."""
    return pl.DataFrame(rows, infer_schema_length=None).rename({"g": "patience"}, strict=False)


def words_used(settings: Settings) -> dict[str, str]:
    """What the words of the page mean."""
    more = {
        "users": "plug-in, from the prior Beta(1, 1); they check their belief at each failure or "
        "once a task",
        "patience g": "the discount a task, or the chance that the session has a further task; "
        "(1-g) J is then the cost of a task",
        "first edge": "the first belief at which the hand-written rule escalates: after one keep "
        "more the user would leave",
        "milk": "keep at that edge, which saves M2's cost now and loses the user",
        "hand-written rule": "escalates only when a keep would make the user leave",
        "best plan": "the cheapest there is, by value iteration over beliefs",
        "sees the belief": "of a learner: it sees what the user believes, and whether a pass has "
        "just failed",
        "sees its task only": "it sees how many passes of this task have failed, and nothing of "
        "the user",
    }
    mark = threshold(settings.game, settings.name)
    return rules(("plug-in",)) | terms("s", "draw", "belief", "J*") | threshold_words(mark) | more


def answer(learned: pl.DataFrame, seeds: pl.DataFrame, milks: Milks) -> tuple[str, ...]:
    """In three sentences: what is best, what is learned, and what seeing the belief is worth."""
    return milking_words(milks), learned_words(learned, seeds), worth_words(learned)


def learned_words(learned: pl.DataFrame, seeds: pl.DataFrame) -> str:
    """How near learners that see the belief come to the best plan."""
    above = above_best(learned, seeds, "belief")["above"].to_numpy()
    median, worst = (decimal(float(x), 1) for x in (np.median(above), above.max()))
    return (
        f"PPO that sees the user's belief ends {median} % above the best plan's cost in the median "
        f"of {len(above)} learners, {worst} % in the worst of them."
    )


def above_best(learned: pl.DataFrame, seeds: pl.DataFrame, sight: str) -> pl.DataFrame:
    """The learners of a sight, with `above`: their cost over the best plan's, in percent."""
    best = learned.select("checks", "sight", "patience", "best")
    mine = seeds.filter(sight=sight).join(best, on=["checks", "sight", "patience"], how="left")
    return mine.with_columns(above=100 * (pl.col("cost") / pl.col("best") - 1))


def worth_words(learned: pl.DataFrame) -> str:
    """What it costs a provider not to see the belief."""
    key = ["checks", "patience"]
    best = learned.filter(sight="belief").select(*key, seeing="best")
    both = learned.filter(sight="task").join(best, on=key)
    more = 100 * (both["best"] / both["seeing"] - 1).to_numpy()
    low, high = (decimal(x, 1) for x in (more.min(), more.max()))
    if float(high) <= 0:
        return "Seeing the belief is worth nothing: a plan that does not see it costs no more."
    return (
        f"Seeing the belief is worth {low} to {high} % of the cost: so much more costs the "
        "best plan found that does not see it."
    )


def milking_words(milks: Milks) -> str:
    """Where it pays to milk."""
    parts = []
    for checks, spans in milks.items():
        spots = " and ".join(span_words(*span) for span in spans)
        pays = (
            f"it pays to spend it (milk) {spots}"
            if spots
            else "keeping it is best at every g tried"
        )
        parts.append(f"if users check their belief {WHEN[checks]}, {pays}")
    return f"The user's trust: {'; '.join(parts)} (g near 1 is a patient provider)."


def span_words(low: float, high: float) -> str:
    """An interval of g."""
    if low == 0:
        return f"up to g = {high:.3f}" if high < 1 else "always"
    return f"from g = {low:.3f} " + (f"to {high:.3f}" if high < 1 else "on")


def seeing_words(checks: Checks, seeds: pl.DataFrame, learned: pl.DataFrame) -> str:
    """What learners that see the belief came to."""
    mine = above_best(learned, seeds, "belief").filter(checks=checks)
    patience = mine["patience"].unique().sort().to_list()

    def at_each(column: str, digits: int, least: float | None = None) -> str:
        told = []
        for g in patience:
            values = mine.filter(patience=g)[column].to_list()
            told.append(f"{spread(values, digits, least)} at g = {g:g}")
        return ", ".join(told)

    milk = ", ".join(
        f"{int(group.sum())} of {len(group)} at g = {g:g}"
        for g in patience
        for group in [mine.filter(patience=g)["milks"]]
    )
    return (
        f"PPO that sees the belief, users check {WHEN[checks]}, by seed. Cost above the best plan, "
        f"%: {at_each('above', 2, 0.0)}. Over {HORIZON} tasks, without discount, above the best "
        f"plan for these, %: {at_each('horizon', 2, 0.0)}. In the long run above J*, %: "
        f"{at_each('long_run', 1)}. Users lost by then, %: {at_each('lost', 0, 0.0)}. Seeds that "
        f"milk at the first edge: {milk}."
    )


def blind_words(checks: Checks, seeds: pl.DataFrame, learned: pl.DataFrame) -> str:
    """What not seeing the belief costs a provider, and what learners that do not see it came to."""
    rows = learned.filter(checks=checks)
    mine = above_best(learned, seeds, "task").filter(checks=checks)
    parts = []
    for blind in rows.filter(sight="task").to_dicts():
        g = blind["patience"]
        seeing = rows.filter(sight="belief", patience=g)["best"].item()
        above = spread(mine.filter(patience=g)["above"].to_list(), 2, least=0.0)
        more = decimal(100 * (blind["best"] / seeing - 1), 1)
        parts.append(f"{more} % at g = {g:g} (PPO above that: {above} %)")
    return (
        f"Users check {WHEN[checks]}: the best plan found that does not see the belief costs more "
        f"than the best one that does, by {', '.join(parts)}."
    )


@dressed
def cost_figure(learned: pl.DataFrame, exact: pl.DataFrame, milks: Milks, game: Game) -> str:
    """A panel for each kind of user.

    Args:
        learned: means over seeds.
        exact: costs of the best plan and of the rule.
        milks: where milking pays.
        game: the game.
    """
    margins = {"left": 0.07, "top": 0.83, "bottom": 0.13, "wspace": 0.06}
    figure, axes = panels(1, len(CHECKS), (11.2, 3.9), margins, sharey=True)
    for panel, checks in zip(axes, CHECKS, strict=True):
        draw_lines(panel, exact.filter(checks=checks).sort("patience"), float(solve(game).cost))
        draw_milking(panel, milks[checks])
        draw_learned(panel, learned.filter(checks=checks))
        title = f"user checks {WHEN[checks]}"
        panel.set(xlabel="patience g, discount a task", xlim=(0, 1.02), title=title)
    axes[0].set_ylabel("cost of a task, (1-g) J")
    legend_of_all(figure, axes)
    return svg(figure)


def legend_of_all(figure: Figure, axes: list[Axes]) -> None:
    """What the lines of the panels are, each once: milking may pay in one of them only."""
    known: dict[str, Any] = {}
    for panel in axes:
        handles, labels = panel.get_legend_handles_labels()
        known |= dict(zip(labels, handles, strict=True))
    corner: Any = {"loc": "upper left", "bbox_to_anchor": (0.06, 1.0)}
    figure.legend(known.values(), known, ncol=7, frameon=False, fontsize=8, **corner)


def draw_lines(axes: Axes, exact: pl.DataFrame, optimum: float) -> None:
    """The best plan, the hand-written rule, and J*."""
    for column, (look, label) in LINES.items():
        axes.plot(
            exact["patience"], exact[column], color=look.colour, ls=look.line, lw=1.6, label=label
        )
    level(axes, optimum, label="J*")


def draw_milking(axes: Axes, spans: list[tuple[float, float]]) -> None:
    """Where milking pays, shaded, with its ends inside (0, 1)."""
    at_end: Any = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
    for k, (low, high) in enumerate(spans):
        label = None if k else "milking pays"
        axes.axvspan(low, high, color="#E69F00", alpha=0.15, lw=0, label=label)
        for end in {low, high} - {0.0, 1.0}:
            axes.annotate(f"g = {end:.3f}", (end, 0.02), fontsize=8, xytext=(3, 0), **at_end)


def draw_learned(axes: Axes, learned: pl.DataFrame) -> None:
    """What PPO came to, and the best plan that does not see the belief."""
    blind = learned.filter(sight="task")
    label = "best plan, not seeing it"
    axes.plot(blind["patience"], blind["best"], "_", label=label, **UNSEEN)
    for sight, (look, name) in LEARNERS.items():
        rows = learned.filter(sight=sight).sort("patience")
        draw(axes, rows, look, "patience", "cost", f"PPO, {name}")


def chosen(game: Game, measured: Measured) -> dict[str, dict[str, Any]]:
    """Title -> session: the rule's, and those of learners at extreme g, one check a task."""
    patience = [cell.patience for cell in measured.strips]
    extremes = min(patience), max(patience)
    cells = [
        cell for cell in measured.strips if cell.checks == "task" and cell.patience in extremes
    ]
    found = {"hand-written rule": strip_of_rule(game)}
    for sight, (_, name) in LEARNERS.items():
        mine = [cell for cell in cells if cell.sight == sight]
        for cell in sorted(mine, key=lambda cell: cell.patience):
            found[f"PPO, {name}, g = {cell.patience:g}"] = measured.strips[cell]
    return found


@dressed
def strip_figure(game: Game, strips: dict[str, dict[str, Any]]) -> str:
    """A row for each session."""
    rows = len(strips)
    height = 1.25 * rows + 0.5
    margins = {"left": 0.06, "right": 0.98, "top": 1 - 0.3 / height, "bottom": 0.5 / height}
    figure, axes = panels(rows, 1, (11.2, height), margins | {"hspace": 0.75}, sharey=True)
    for panel, (title, strip) in zip(axes, strips.items(), strict=True):
        draw_strip(panel, strip, float(thresholds(game).s0))
        panel.set_ylim(0, min(1.0, 0.1 + max(max(strip["mean"]) for strip in strips.values())))
        panel.set_title(title)
    axes[-1].set_xlabel("decision")
    axes[rows // 2].set_ylabel("user's E[s]")
    return svg(figure)


def draw_strip(axes: Axes, strip: dict[str, Any], s0: float) -> None:
    """The belief as steps, what was done on it, and lines between tasks."""
    belief, task, failed, action, left = map(np.array, strip.values())
    x: Any = np.arange(belief.size)
    reasoning = action == 1
    axes.step(x, belief, where="mid", color="#444444", lw=1.0)
    marks = (
        (failed & reasoning, "^", "#009E73", 6),
        (failed & ~reasoning, ".", "#0072B2", 5),
        (~failed & reasoning, "s", "#E69F00", 4),
        (left, "x", "#D55E00", 6),
    )
    for where, marker, colour, size in marks:
        axes.plot(x[where], belief[where], marker, color=colour, ms=size, ls="")
    level(axes, s0)
    for start in np.flatnonzero(np.diff(task)) + 0.5:
        axes.axvline(start, color="#dddddd", lw=0.6, zorder=0)
    axes.set(xlim=(-0.5, x.size - 0.5))
    axes.grid(False)
