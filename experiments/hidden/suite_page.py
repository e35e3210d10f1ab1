"""The report of the hidden suite: does play agree with the programs, and who loses how much?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes

from routing_game.experiments.cells.progress import count
from routing_game.experiments.cells.records import Record
from routing_game.experiments.cells.spec import Spec
from routing_game.experiments.drawing import literal
from routing_game.experiments.hidden.rulebook_page import LOOKS
from routing_game.experiments.hidden.suite import PLAN, Scenario, Tally
from routing_game.experiments.hidden.suite_judge import judge
from routing_game.experiments.hidden.wording import (
    AGREES,
    agreement_lead,
    extremes,
    notice,
    rules,
    terms,
)
from routing_game.experiments.pages.page import Page, Picture, Table
from routing_game.experiments.pages.style import Look, draw, dressed, legend_above, panels, svg
from routing_game.experiments.pages.tables import Head
from routing_game.experiments.pages.words import percent

UNKNOWN = Look("#777777", "x", ":")
"""A rule that another version had, and a run of then names."""
MANY = 4
"""More games than this are told of together, by regime, not one by one."""
TITLE = "The hidden suite: rules against exact values"
QUESTION = (
    "{scenarios} (game x prior x true s x horizon), {rules}. Does simulated play agree with the "
    "dynamic programs, and how far is each rule from the Bayes-optimal user?"
)
AGREEMENT = (
    "Left: simulated less exact value of each rule in each scenario, in standard errors; dotted: "
    f"{AGREES:g} either way. Right: the share of sessions locked in, simulated over exact."
)
LOSS = (
    "Loss of utility a task against the Bayes-optimal value, s drawn from the prior, mean over the "
    "priors: exact where a program gives the rule's value, else simulated, with its 95 % interval."
)
LOSS_MANY = (
    "Loss of utility a task against the Bayes-optimal value, s drawn from the prior, mean over the "
    "priors: the median over the games of a regime."
)
LOSSES_MANY = (
    "Loss a task against the Bayes-optimal value where s is drawn from the prior, mean over the "
    "priors, as a share of V; loss: the median over the games of a regime, with the least, "
    "quartiles and the most."
)
LOSSES = (
    "Loss a task against the Bayes-optimal value where s is drawn from the prior, mean over the "
    "priors, as a share of V; with its 95 % interval where it is simulated, exact where there is "
    "none."
)
SCENARIOS = (
    "Every rule in every scenario, per task, utility and loss as shares of V. The loss is against "
    "the Bayes-optimal value (s drawn from the prior) or that of a user who is told s (s on the "
    "side where staying, or leaving, is right); gaps are between what was played and the exact, in "
    "standard errors."
)
LOST_WORDS = "loss of utility a task, as a share of V"
KEY = {"game": Head("game"), "tasks": Head("tasks"), "rule": Head("rule")}
LOST = {"loss": Head("loss a task", places=4)}
LOSS_HEADS = {**KEY, **LOST}
POOLED_HEADS = {
    **KEY,
    "game": Head("regime"),
    "games": Head("games"),
    "loss": Head("median loss"),
    "least": Head("least"),
    "lower": Head("lower quartile"),
    "upper": Head("upper quartile"),
    "most": Head("most"),
}
SCENARIO_HEADS = {
    "game": Head("game"),
    "prior": Head("prior"),
    "truth": Head("true s"),
    "tasks": Head("tasks"),
    "rule": Head("rule"),
    "utility": Head("utility played", places=4),
    "exact": Head("exactly", places=4),
    "gap": Head("gap", places=2),
    **LOST,
    "doubts": Head("belief doubts, %", 100),
    "locked": Head("locked in, %", 100),
    "locked_exact": Head("exactly, %", 100),
    "locked_gap": Head("gap", places=2),
}


def report(spec: Spec[Scenario], records: Sequence[Record[Tally]], workers: int = 1) -> Page:
    """The page of a run, made from its records."""
    judged = judge(spec, records, workers)
    failed = [record for record in records if record.error is not None]
    failures = [f"{r.learner} on {r.game}, seed {r.seed}, failed: {r.error}" for r in failed]
    numbers = count(len(spec.games), "scenario"), count(len(spec.plans), "rule")
    question = QUESTION.format(scenarios=numbers[0], rules=numbers[1])
    plan = next(iter(spec.plans.values()))
    settings = {
        "profile": spec.profile,
        "cells": f"{len(records)} of {spec.count} cells finished, {len(failed)} failed",
        "spec": spec.digest,
        "sessions a cell": plan.practice,
        "seeds": plan.seeds,
    }
    page = Page(
        title=TITLE,
        question=question,
        answer=("No cell finished.",),
        figures=(),
        tables=(),
        settings=settings,
        details=tuple(failures),
        made=made(settings),
        notice=notice(spec.profile),
    )
    if judged.is_empty():
        return page
    mean = losses(judged)
    if mean["game"].n_unique() > MANY:
        return of_many(page, judged, mean, failures)
    return replace(
        page,
        answer=(agreement_words(judged), *loss_words(mean), *failed_words(failures)),
        details=(*answer(judged, mean), *failures),
        figures=(
            Picture(LOSS, loss_figure(mean)),
            Picture(AGREEMENT, agreement_figure(judged)),
        ),
        tables=(
            Table("losses", LOSSES, mean, "Losses by game, horizon and rule", LOSS_HEADS),
            Table("scenarios", SCENARIOS, judged, "Every rule in every scenario", SCENARIO_HEADS),
        ),
        terms=words_used(judged),
    )


def made(settings: dict[str, Any]) -> str:
    """What was done, in a line."""
    return (
        f"Profile {settings['profile']}: {settings['cells']}; {settings['sessions a cell']:,} "
        "sessions a cell."
    )


def words_used(judged: pl.DataFrame) -> dict[str, str]:
    """What the rules and the words of the page mean."""
    more = {
        "scenario": "a game, a prior of s, a true s (drawn from the prior, or fixed where staying "
        "or leaving is right) and a number of tasks",
        "loss": "utility a task below that of the Bayes-optimal plan, as a share of V",
    }
    found = judged["rule"].unique(maintain_order=True).to_list()
    return rules(found) | terms("s", "draw", "belief", "doubt", "locked in", "exact") | more


def agreement_words(judged: pl.DataFrame) -> str:
    """Whether play and theory agree, in a sentence."""
    gaps = pl.concat([judged["gap"], judged["locked_gap"]]).drop_nulls().abs()
    within = int((gaps <= AGREES).sum())
    return (
        f"{agreement_lead(gaps)}: {within} of {len(gaps)} played values and shares lie within "
        f"{AGREES:g} standard errors of what the dynamic programs say."
    )


def loss_words(mean: pl.DataFrame) -> Sequence[str]:
    """Who loses least and most over the longest horizon, in a sentence."""
    longest = mean.filter(pl.col("rule") != PLAN, pl.col("tasks") == pl.col("tasks").max())
    if longest["rule"].n_unique() < 2:
        return ()
    parts = []
    for game in longest["game"].unique(maintain_order=True):
        parts.append(f"in {game}, {extremes(longest.filter(game=game))}")
    return (
        f"Of the rules, over {longest['tasks'][0]} tasks and s drawn from the prior, "
        f"{'; '.join(parts)}.",
    )


def failed_words(failures: Sequence[str]) -> Sequence[str]:
    """That cells failed, if any did."""
    return (f"{count(len(failures), 'cell')} failed; see below.",) if failures else ()


def of_many(page: Page, judged: pl.DataFrame, mean: pl.DataFrame, failures: Sequence[str]) -> Page:
    """The page of a run of many games: those of a regime are one.

    Args:
        page: with what it says whatever the games.
        judged: every rule in every scenario.
        mean: `losses`.
        failures: a sentence for each cell that failed.
    """
    pooled = by_regime(mean, judged)
    return replace(
        page,
        answer=(agreement_words(judged), *loss_words(pooled), *failed_words(failures)),
        details=(*agreements(judged), *many_words(pooled), *failures),
        figures=(
            Picture(LOSS_MANY, loss_figure(pooled)),
            Picture(AGREEMENT, agreement_figure(judged)),
        ),
        tables=(
            Table("regimes", LOSSES_MANY, pooled, "Losses by regime, horizon, rule", POOLED_HEADS),
            Table("losses", LOSSES, mean, "Losses by game, horizon and rule", LOSS_HEADS),
            Table("scenarios", SCENARIOS, judged, "Every rule in every scenario", SCENARIO_HEADS),
        ),
        terms=words_used(judged),
    )


def by_regime(mean: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    """By regime, which stands in the place of a game, horizon and rule: losses of all its games."""
    regimes = judged.select("game", "regime").unique()
    loss = pl.col("loss")
    return (
        mean.join(regimes, on="game", how="left", maintain_order="left")
        .group_by("regime", "tasks", "rule", maintain_order=True)
        .agg(
            games=pl.len(),
            loss=loss.median(),
            loss_half=pl.lit(0.0),
            least=loss.min(),
            lower=loss.quantile(0.25, "linear"),
            upper=loss.quantile(0.75, "linear"),
            most=loss.max(),
        )
        .rename({"regime": "game"})
        .sort("game", "tasks", maintain_order=True)
    )


def many_words(pooled: pl.DataFrame) -> Sequence[str]:
    """The best and the worst rule of each regime and horizon, by the median over games."""
    words = []
    for game, tasks in pooled.select("game", "tasks").unique(maintain_order=True).rows():
        rows = pooled.filter(pl.col("rule") != PLAN, game=game, tasks=tasks).sort("loss")
        if rows.is_empty():
            continue
        games, ranked = rows["games"][0], rows.to_dicts()
        ends = ranked[0], ranked[-1]
        told = [f"{row['rule']} ({row['loss']:.4f}; {row['most']:.4f})" for row in ends]
        words.append(
            f"{games} games with regime {game}, {tasks} tasks: {told[0]} loses least a task "
            f"against the Bayes-optimal plan, {told[1]} most (median; largest)."
        )
    return words


def losses(judged: pl.DataFrame) -> pl.DataFrame:
    """By game, horizon and rule: the mean loss over priors, s drawn, and half of its interval."""
    by_rule = judged.filter(truth="drawn").group_by("game", "tasks", "rule", maintain_order=True)
    half = (pl.col("loss_half") ** 2).sum().sqrt() / pl.len()  # priors are independent
    return by_rule.agg(pl.mean("loss"), half.alias("loss_half"))


def answer(judged: pl.DataFrame, mean: pl.DataFrame) -> tuple[str, ...]:
    """What the numbers say."""
    words = agreements(judged)
    for game, tasks in mean.select("game", "tasks").unique(maintain_order=True).rows():
        rows = mean.filter(pl.col("rule") != PLAN, game=game, tasks=tasks).sort("loss").to_dicts()
        if rows:
            told = "; ".join(map(told_loss, rows))
            words.append(f"{game}, {tasks} tasks, loss a task, exact but for ±: {told}.")
    return (*words, *trap_words(judged))


def agreements(judged: pl.DataFrame) -> list[str]:
    """Of values, and of chances of being locked in."""
    return [
        agreement(judged["gap"], "values"),
        agreement(judged["locked_gap"], "chances of being locked in"),
    ]


def agreement(gaps: pl.Series, what: str) -> str:
    """How many of the simulated numbers lie within `AGREES` standard errors of the exact ones."""
    found = np.abs(gaps.drop_nulls().to_numpy())
    if not found.size:
        return f"No {what} to compare."
    within = f"{int((found <= AGREES).sum())} of {found.size} simulated {what} lie within"
    return (
        f"{within} {AGREES:g} standard errors of the exact ones; "
        f"the farthest is {found.max():.1f} away."
    )


def told_loss(row: dict[str, Any]) -> str:
    """A rule with its loss."""
    spread = f" ± {row['loss_half']:.4f}" if row["loss_half"] else ""
    return f"{row['rule']} {row['loss']:.4f}{spread}"


def trap_words(judged: pl.DataFrame) -> Sequence[str]:
    """How often plug-in users are locked in although staying is right, in the longest scenarios."""
    known = judged.filter(pl.col("locked_exact").is_not_null(), truth="stay", rule="plug-in")
    longest = known.filter(pl.col("tasks") == pl.col("tasks").max())
    return [
        f"{row['game']}, prior {row['prior']}, {row['tasks']} tasks, s where staying is right: "
        f"{percent(row['locked'])} % of the plug-in users were locked in; the exact share is "
        f"{percent(row['locked_exact'])} %."
        for row in longest.to_dicts()
    ]


def look_of(rule: str) -> Look:
    """How a rule is drawn."""
    return Look("#000000", "*", "-") if rule == PLAN else LOOKS.get(rule, UNKNOWN)


@dressed
def agreement_figure(judged: pl.DataFrame) -> str:
    """Gaps by rule, and locked-in shares simulated over exact."""
    margins = {"left": 0.17, "top": 0.93, "bottom": 0.13, "wspace": 0.2}
    figure, (gaps, locks) = panels(1, 2, (11.2, 3.8), margins, width_ratios=(1.5, 1))
    rules = judged["rule"].unique(maintain_order=True).to_list()
    for place, rule in enumerate(rules):
        mine, look = judged.filter(rule=rule), look_of(rule)
        draw_gaps(gaps, mine, look, place)
        known = mine.filter(pl.col("locked_exact").is_not_null())
        if len(known):
            points: dict[str, Any] = {
                "marker": look.marker,
                "ms": 4,
                "color": look.colour,
                "alpha": 0.7,
            }
            locks.plot(
                100 * known["locked_exact"],
                100 * known["locked"],
                ls="",
                label=literal(rule),
                **points,
            )
    for limit in (-AGREES, AGREES):
        gaps.axvline(limit, color="#555555", lw=0.9, ls=":")
    gaps.set(yticks=range(len(rules)), xlabel="simulated less exact value, standard errors")
    gaps.set_yticklabels([*map(literal, rules)])
    gaps.set_ylim(len(rules) - 0.4, -0.6)
    locks.plot([0, 100], [0, 100], color="black", lw=0.9, ls=":")
    locks.set(xlabel="locked in, exact, %", ylabel="locked in, simulated, %")
    if locks.get_legend_handles_labels()[0]:
        locks.legend(frameon=False, fontsize=8)
    return svg(figure)


def draw_gaps(axes: Axes, rows: pl.DataFrame, look: Look, place: int) -> None:
    """The gaps of one rule, side by side in its row.

    Args:
        axes: where.
        rows: of the rule.
        look: the rule's.
        place: its row.
    """
    found = rows["gap"].drop_nulls().to_numpy()
    spread = np.linspace(-0.3, 0.3, found.size) if found.size > 1 else np.zeros(found.size)
    points: dict[str, Any] = {"marker": look.marker, "ms": 3.5, "color": look.colour, "alpha": 0.7}
    axes.plot(found, place + spread, ls="", **points)


@dressed
def loss_figure(mean: pl.DataFrame) -> str:
    """Loss, a panel for each game: over the horizon, or by rule if there is but one horizon."""
    if mean["tasks"].n_unique() > 1:
        return loss_over_tasks(mean)
    games = mean["game"].unique(maintain_order=True).to_list()
    rules = mean["rule"].unique(maintain_order=True).to_list()
    margins = {"left": 0.17, "top": 0.92, "bottom": 0.13, "wspace": 0.08}
    figure, axes = panels(1, len(games), (11.2, 3.8), margins, sharey=True)
    for panel, game in zip(axes, games, strict=True):
        for row in mean.filter(game=game).to_dicts():
            look, place = look_of(row["rule"]), rules.index(row["rule"])
            dress: Any = {"color": look.colour, "marker": look.marker, "elinewidth": 0.8}
            panel.errorbar(row["loss"], place, xerr=row["loss_half"], ms=5, **dress)
        panel.set(title=f"{literal(game)}, {mean['tasks'][0]} tasks", xlabel=LOST_WORDS)
    axes[0].set_yticks(range(len(rules)), [*map(literal, rules)])
    axes[0].set_ylim(len(rules) - 0.4, -0.6)
    return svg(figure)


def loss_over_tasks(mean: pl.DataFrame) -> str:
    """Loss over the horizon, a panel for each game, a line for each rule."""
    games = mean["game"].unique(maintain_order=True).to_list()
    margins = {"left": 0.07, "top": 0.8, "bottom": 0.13, "wspace": 0.15}
    figure, axes = panels(1, len(games), (11.2, 4.0), margins)
    ticks = mean["tasks"].unique().sort().to_list()
    for panel, game in zip(axes, games, strict=True):
        for rule in mean["rule"].unique(maintain_order=True).to_list():
            rows = mean.filter(game=game, rule=rule)
            draw(panel, rows, look_of(rule), "tasks", "loss", literal(rule))
        panel.set(xscale="log", xlabel="tasks of a session", title=literal(game))
        panel.set_xticks(ticks, [str(n) for n in ticks])
        panel.minorticks_off()
    axes[0].set_ylabel(LOST_WORDS)
    legend_above(figure, axes[0], 5, left=0.06)
    return svg(figure)
