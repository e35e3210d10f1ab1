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
from routing_game.experiments.hidden.rulebook_page import asked, level
from routing_game.experiments.hidden.settings import Settings
from routing_game.experiments.pages.page import Page, Picture, Table
from routing_game.experiments.pages.style import Look, draw, dressed, panels, svg
from routing_game.experiments.pages.words import plus_minus
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
WHEN = {"failure": "at each failure", "task": "once a task"}
"""When users check, in words."""
QUESTION = (
    "A provider that commits to nothing learns from play. Does it keep the user's trust, and when "
    "does it pay it to spend it? What is it worth to see the belief?"
)
COST = (
    "Cost (1-g) J over patience g. Lines: the best plan by value iteration, the hand-written rule, "
    "J*; bars: the best plan found that does not see the belief; shaded: where the best plan milks "
    "at the first edge. Points: what PPO learned, judged exactly, means of the seeds with 95 % t "
    "intervals."
)
SESSION = (
    f"A session of {STRIP} tasks against a user who checks once a task, of the hand-written rule "
    "and of what PPO learned with seed 0 at the least and the greatest g: the user's belief E[s], "
    "decision by decision. Triangles: escalations; dots: keeps; crosses: the user leaves; squares: "
    "a task that starts with M2. Dotted: s0."
)
LEARNED = (
    "Means over seeds with half their 95 % intervals. cost: (1-g) J; above: over best, the best "
    f"plan that sees what the learner sees, in %; horizon: the same over {HORIZON} tasks without "
    "discount, for learners that see the belief; long_run: cost of a task among tasks "
    f"{LONG_RUN[0] + 1} to {LONG_RUN[1]} of {SESSIONS:,} sessions, over J* in %; lost: share of "
    "users, in %, whose belief then says leave; milks: share of seeds that keep from the prior on "
    "past the belief at which the hand-written rule would escalate first."
)
EXACT = (
    "Best plan by value iteration, and the hand-written rule: (1-g) J; milks: the best plan keeps "
    "from the prior on past the first belief at which the rule escalates."
)
BLIND = (
    "The best plan found that does not see the belief: (1-g) J, and its chances of M2 after so "
    "many failed passes of M1 in the task."
)


def page(settings: Settings, measured: Measured) -> Page:
    """The page, made from what was measured."""
    game = settings.game
    learned, seeds, exact, blind = (
        pl.DataFrame(rows, infer_schema_length=None) for rows in measured[:4]
    )
    patience = PATIENCE[: settings["patience"]]
    return Page(
        title=f"Reputation, learned: {settings.name}",
        question=QUESTION,
        answer=(
            milking_words(measured.milks),
            *(seeing_words(checks, learned) for checks in CHECKS),
            *(blind_words(checks, learned) for checks in CHECKS),
        ),
        figures=(
            Picture(COST, cost_figure(learned, exact, measured.milks, game)),
            Picture(SESSION, strip_figure(game, chosen(game, measured))),
        ),
        tables=(
            Table("learned", LEARNED, learned),
            Table("seeds", "The same, seed by seed.", seeds),
            Table("exact", EXACT, exact),
            Table("blind", BLIND, blind),
        ),
        settings={
            **asked(settings),
            "prior": named(PRIOR),
            "users": "plug-in",
            "g": ", ".join(f"{g:g}" for g in patience),
        },
    )


def milking_words(milks: Milks) -> str:
    """Where it pays to milk."""
    parts = []
    for checks, spans in milks.items():
        spots = " and ".join(span_words(*span) for span in spans)
        parts.append(f"if users check {WHEN[checks]}, {spots or 'never'}")
    return f"The best plan milks at the first edge: {'; '.join(parts)}."


def span_words(low: float, high: float) -> str:
    """An interval of g."""
    if low == 0:
        return f"up to g = {high:.3f}" if high < 1 else "always"
    return f"from g = {low:.3f} " + (f"to {high:.3f}" if high < 1 else "on")


def seeing_words(checks: Checks, learned: pl.DataFrame) -> str:
    """What learners that see the belief came to."""
    rows = learned.filter(checks=checks, sight="belief").to_dicts()

    def at_each(column: str, digits: int) -> str:
        return ", ".join(f"{plus_minus(row, column, digits)} at g = {row['g']:g}" for row in rows)

    milk = ", ".join(f"{100 * row['milks']:.0f} at g = {row['g']:g}" for row in rows)
    return (
        f"PPO that sees the belief, users check {WHEN[checks]}. Cost above the best plan, %: "
        f"{at_each('above', 2)}. Over {HORIZON} tasks, without discount, above the best plan for "
        f"these, %: {at_each('horizon', 2)}. In the long run above J*, %: "
        f"{at_each('long_run', 1)}. Users lost by then, %: {at_each('lost', 0)}. Seeds that milk "
        f"at the first edge, %: {milk}."
    )


def blind_words(checks: Checks, learned: pl.DataFrame) -> str:
    """What not seeing the belief costs a provider, and what learners that do not see it came to."""
    rows = learned.filter(checks=checks)
    parts = []
    for blind in rows.filter(sight="task").to_dicts():
        seeing = rows.filter(sight="belief", g=blind["g"])["best"].item()
        parts.append(
            f"{100 * (blind['best'] / seeing - 1):.1f} % at g = {blind['g']:g} "
            f"(PPO: another {plus_minus(blind, 'above', 2)} %)"
        )
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
        draw_lines(panel, exact.filter(checks=checks).sort("g"), float(solve(game).cost))
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
        axes.plot(exact["g"], exact[column], color=look.colour, ls=look.line, lw=1.6, label=label)
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
    axes.plot(blind["g"], blind["best"], "_", color="black", ms=14, mew=1.6, label=label)
    for sight, (look, name) in LEARNERS.items():
        rows = learned.filter(sight=sight).sort("g")
        draw(axes, rows, look, "g", "cost", f"PPO, {name}")


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
    top = 1 - 0.3 / (1.25 * rows)
    margins = {"left": 0.06, "top": top, "bottom": 0.08, "hspace": 0.75}
    figure, axes = panels(rows, 1, (11.2, 1.25 * rows + 0.5), margins, sharey=True)
    for panel, (title, strip) in zip(axes, strips.items(), strict=True):
        draw_strip(panel, strip, float(thresholds(game).s0))
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
    axes.set(xlim=(-0.5, x.size - 0.5), ylim=(0, 0.7))
    axes.grid(False)
