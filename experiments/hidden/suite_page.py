"""The report of a run of the hidden suite: does play agree with the programs, and which rule loses how much?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import polars as pl
from matplotlib.figure import Figure as Canvas

from routing_game.experiments.hidden.rulebook_page import LOOKS
from routing_game.experiments.hidden.suite import PLAN, HiddenDirectory
from routing_game.experiments.hidden.suite_judge import judge
from routing_game.experiments.pages.page import Page, Picture, Table
from routing_game.experiments.pages.style import RC, Look, draw, svg
from routing_game.experiments.pages.words import percent

AGREES = 4.0
"""Standard errors within which simulated and exact values must agree."""


def report(directory: HiddenDirectory, workers: int = 1) -> Page:
    """The page of a run, made from its records."""
    spec, records = directory.spec, list(directory.records())
    judged = judge(spec, records, workers)
    failures = [f"{r.learner} on {r.game}, seed {r.seed}, failed: {r.error}" for r in records if r.error is not None]
    done = f"{len(records)} of {len(spec.cells())} cells finished, {len(failures)} failed"
    title = "The hidden suite: rules against exact values"
    question = (f"{len(spec.games)} scenarios (game x prior x true s x horizon), {len(spec.plans)} rules. Does "
                "simulated play agree with the dynamic programs, and how far is each rule from the Bayes-optimal "
                "user?")  # fmt: skip
    plan = next(iter(spec.plans.values()))
    facts = {"profile": spec.profile, "cells": done, "spec": spec.digest, "sessions a cell": plan.practice,
             "seeds": plan.seeds}  # fmt: skip
    if judged.is_empty():
        return Page(title, question, ("No cell finished.", *failures), (), (), facts)
    mean = losses(judged)
    return Page(
        title,
        question,
        (*answer(judged, mean), *failures),
        (Picture("Left: simulated less exact value of each rule in each scenario, in standard errors; dotted: "
                f"{AGREES:g}. Right: the share of sessions locked in, simulated over exact.", agreement_figure(judged)),
         Picture("Loss of utility a task against the Bayes-optimal value, s drawn from the prior, mean over the "
                 "priors: exact where a program gives the rule's value, else simulated, with its 95 % interval.",
                loss_figure(mean))),
        (Table("losses", "Loss a task against the Bayes-optimal value where s is drawn from the prior, mean over the "
               "priors, units of V; half of the 95 % interval, 0 where the value is exact.", mean),
         Table("scenarios", "Every rule in every scenario, per task. exact: the value by dynamic program, gap: in "
               "standard errors; best: Bayes-optimal (s drawn) or told s (s fixed); told: of a user who is told s; "
               "doubts, locked: shares of sessions; locked_exact: by recursion.", judged)),
        facts,
    )  # fmt: skip


def losses(judged: pl.DataFrame) -> pl.DataFrame:
    """By game, horizon and rule: the mean loss over priors, s drawn, and half of its interval."""
    drawn = judged.filter(truth="drawn")
    half = (pl.col("loss_half") ** 2).sum().sqrt() / pl.len()  # priors are independent
    return drawn.group_by("game", "tasks", "rule", maintain_order=True).agg(pl.mean("loss"), half.alias("loss_half"))


def answer(judged: pl.DataFrame, mean: pl.DataFrame) -> tuple[str, ...]:
    """What the numbers say."""
    words = [agreement(judged["gap"], "values"), agreement(judged["locked_gap"], "chances of being locked in")]
    for game, tasks in mean.select("game", "tasks").unique(maintain_order=True).rows():
        rows = mean.filter(pl.col("rule") != PLAN, game=game, tasks=tasks).sort("loss").to_dicts()
        if rows:
            least, most = rows[0], rows[-1]
            words.append(f"{game}, {tasks} tasks: {told_loss(least)} loses least a task against the Bayes-optimal "
                         f"plan, {told_loss(most)} most.")  # fmt: skip
    return (*words, *trap_words(judged))


def agreement(gaps: pl.Series, what: str) -> str:
    """How many of the simulated numbers lie within `AGREES` standard errors of the exact ones."""
    found = np.abs(gaps.drop_nulls().to_numpy())
    if not found.size:
        return f"No {what} to compare."
    return (f"{int((found <= AGREES).sum())} of {found.size} simulated {what} lie within {AGREES:g} standard errors of "
            f"the exact ones; the farthest is {found.max():.1f} away.")  # fmt: skip


def told_loss(row: dict[str, Any]) -> str:
    """A rule with its loss."""
    spread = f" ± {row['loss_half']:.4f}" if row["loss_half"] else ", exactly"
    return f"{row['rule']} ({row['loss']:.4f}{spread})"


def trap_words(judged: pl.DataFrame) -> Sequence[str]:
    """How often plug-in users are locked in although staying is right, in the longest scenarios."""
    known = judged.filter(pl.col("locked_exact").is_not_null(), truth="stay", rule="plug-in")
    longest = known.filter(pl.col("tasks") == pl.col("tasks").max())
    return [f"{row['game']}, prior {row['prior']}, {row['tasks']} tasks, s .1 on the good side: "
            f"{percent(row['locked'])} % of the plug-in users are locked in, exactly {percent(row['locked_exact'])} %."
            for row in longest.to_dicts()]  # fmt: skip


def look_of(rule: str) -> Look:
    """How a rule is drawn."""
    return Look("#000000", "*", "-") if rule == PLAN else LOOKS[rule]


def agreement_figure(judged: pl.DataFrame) -> str:
    """Gaps by rule, and locked-in shares simulated over exact."""
    rules = judged["rule"].unique(maintain_order=True).to_list()
    with mpl.rc_context(RC):
        canvas = Canvas(figsize=(11.2, 3.8))
        gaps, locks = canvas.subplots(1, 2, width_ratios=(1.5, 1))
        canvas.subplots_adjust(left=0.17, right=0.99, top=0.93, bottom=0.13, wspace=0.2)
        for k, rule in enumerate(rules):
            mine, look = judged.filter(rule=rule), look_of(rule)
            found = mine["gap"].drop_nulls().to_numpy()
            spread = np.linspace(-0.3, 0.3, found.size) if found.size > 1 else np.zeros(found.size)
            gaps.plot(found, k + spread, ls="", marker=look.marker, ms=3.5, color=look.colour, alpha=0.7)
            known = mine.filter(pl.col("locked_exact").is_not_null())
            if len(known):
                locks.plot(100 * known["locked_exact"], 100 * known["locked"], ls="", marker=look.marker, ms=4,
                           color=look.colour, alpha=0.7, label=rule)  # fmt: skip
        for limit in (-AGREES, AGREES):
            gaps.axvline(limit, color="#555555", lw=0.9, ls=":")
        gaps.set(yticks=range(len(rules)), xlabel="simulated less exact value, standard errors")
        gaps.set_yticklabels([f"{rule}" for rule in rules])
        gaps.set_ylim(len(rules) - 0.4, -0.6)
        locks.plot([0, 100], [0, 100], color="black", lw=0.9, ls=":")
        locks.set(xlabel="locked in, exact, %", ylabel="locked in, simulated, %")
        if locks.get_legend_handles_labels()[0]:
            locks.legend(frameon=False, fontsize=8)
        return svg(canvas)


def loss_figure(mean: pl.DataFrame) -> str:
    """Loss over the horizon, a panel for each game, a line for each rule."""
    games = mean["game"].unique(maintain_order=True).to_list()
    with mpl.rc_context(RC):
        canvas = Canvas(figsize=(11.2, 4.0))
        panels = np.atleast_1d(canvas.subplots(1, len(games)))
        canvas.subplots_adjust(left=0.07, right=0.99, top=0.8, bottom=0.13, wspace=0.15)
        for axes, game in zip(panels, games, strict=True):
            for rule in mean["rule"].unique(maintain_order=True).to_list():
                draw(axes, mean.filter(game=game, rule=rule), look_of(rule), "tasks", "loss", rule)
            axes.set(xscale="log", xlabel="tasks of a session", title=game)
            ticks = mean["tasks"].unique().sort().to_list()
            axes.set_xticks(ticks, [str(n) for n in ticks])
            axes.minorticks_off()
        panels[0].set_ylabel("loss of utility a task, units of V")
        handles, labels = panels[0].get_legend_handles_labels()
        canvas.legend(handles, labels, ncol=5, loc="upper left", bbox_to_anchor=(0.06, 1.0), frameon=False, fontsize=8)
        return svg(canvas)
