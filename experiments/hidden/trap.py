"""The information trap: who ends up leaving for good, against the true s and against the prior, and what it costs whom.

A user who leaves at a failure sees no draw, so a rule of the belief alone that says "leave" has said its last word: it
is locked in, with a chance that `theory.lock_in` knows exactly. Rules that explore are never locked in; for them, and
for all, two things are counted after the last task: that the belief *doubts* (plug-in would leave), and that the user
was *silent* (saw no draw in the last tenth of the tasks). They coincide for a rule that never explores.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from routing_game.envs.crowd import Sessions, play_sessions
from routing_game.experiments.cells.progress import Steps
from routing_game.experiments.hidden.rulebook import RULEBOOK
from routing_game.experiments.hidden.rulebook_page import LOOKS, tie_words
from routing_game.experiments.hidden.settings import Settings
from routing_game.experiments.hidden.threshold import Threshold, doubts, threshold, told
from routing_game.experiments.intervals import gap, mean, share, share_error
from routing_game.experiments.pages.page import Page, Picture, Table
from routing_game.experiments.pages.style import RC, draw, svg
from routing_game.experiments.pages.words import percent
from routing_game.theory import Game
from routing_game.theory.belief import Belief
from routing_game.theory.lock_in import lock_in

PROFILES = {
    "smoke": {"sessions": 50, "tasks": 40},
    "default": {"sessions": 2000, "tasks": 1000},
    "full": {"sessions": 4000, "tasks": 1000},
}
DISTANCES = (-0.15, -0.1, -0.05, 0.0, 0.05, 0.1, 0.2, 0.3, 0.4)
"""Of the true s from the threshold, towards the side where the user stays."""
PRIOR = Belief(1.0, 1.0)
PRIOR_MEANS = (-0.12, -0.06, -0.02, 0.02, 0.06, 0.12, 0.2)
"""Distances of other priors' means from the threshold; the true s is then .1 on the side where staying is right."""
PRIOR_SIZE = 4.0
"""Their a + b."""
EXPLORERS = ("Thompson", "forced stays")


class Cell(NamedTuple):
    """Sessions of one rule with one prior against one s."""

    rule: str
    prior: Belief
    s: float
    sweep: str
    """Which of the two is varied: "s" or "prior"."""


def experiment(settings: Settings, progress: Steps) -> Page:
    """Play every rule on both sweeps, and hold those that can lock in against the exact recursion."""
    game, mark = settings.game, threshold(settings.game, settings.name)
    rows = settings.each(partial(row, settings, mark), cells(mark), progress, "groups of sessions")
    frame = pl.DataFrame(rows, infer_schema_length=None)
    figures = (
        Picture(share_words(settings, mark), shares_figure(frame.filter(sweep="s"), mark)),
        Picture(regret_words(mark), regret_figure(frame.filter(sweep="s"), mark)),
        Picture(prior_words(mark), prior_figure(frame.filter(sweep="prior"), mark)),
    )
    return Page(
        f"The information trap in {settings.name}",
        "Who leaves sees no draw, so a pessimist is never corrected. How often does a user end up leaving for good, "
        "for each rule, and who pays for it?",
        answer(frame, game, mark, settings),
        figures,
        (Table("sessions", "Every group of sessions. doubts, silent: shares with 95 % Wilson intervals; locked: share "
               "whose own rule has said its last word, beside the exact chance and the gap in standard errors; "
               "regret: per task, with half of the 95 % interval.", frame.drop("sweep")),),
        {"game": settings.name, "profile": settings.profile, **settings.numbers, "prior": "Beta(1, 1)",
         "other priors": f"a + b = {PRIOR_SIZE:g}, s = {mark.towards(0.1):.4f}"},
    )  # fmt: skip


def cells(mark: Threshold) -> list[Cell]:
    """Every rule at every s with one prior, and at one s with every prior."""
    truths = [s for s in (mark.towards(distance) for distance in DISTANCES) if 0 < s < 1]
    means = [m for m in (mark.towards(distance) for distance in PRIOR_MEANS) if 0 < m < 1]
    priors = [Belief(m * PRIOR_SIZE, (1 - m) * PRIOR_SIZE) for m in means]
    return [Cell(rule, PRIOR, s, "s") for rule in RULEBOOK for s in truths] + [
        Cell(rule, prior, mark.towards(0.1), "prior") for rule in RULEBOOK for prior in priors
    ]


def row(settings: Settings, mark: Threshold, cell: Cell) -> dict[str, Any]:
    """Shares, regrets, and what is exact of one cell."""
    game, tasks, sessions, rule = settings.game, settings["tasks"], settings["sessions"], RULEBOOK[cell.rule]
    rng, user = settings.rng("trap", cell), rule.make(settings.game)
    played = play_sessions(game, user, cell.s, tasks, sessions, rng, cell.prior)
    best = told(game, mark, cell.s)
    numbers = {
        "rule": cell.rule, "sweep": cell.sweep, "a": cell.prior.escalated, "b": cell.prior.kept, "s": cell.s,
        **share("doubts", doubts(game, played.belief)),
        **share("silent", silent(played)),
        **mean("user_regret", best.utility - played.utility.mean(axis=0)),
        **mean("provider_regret", played.cost.mean(axis=0) - best.cost),
        **mean("cost", played.cost.mean(axis=0)),
    }  # fmt: skip
    exact = exactly(game, cell, tasks)
    if exact is None:
        return numbers | {"locked": None, "exact": None, "gap": None}
    locked = float(np.mean(np.asarray(user.leaving(played.belief, tasks, rng)) == 1.0))
    return numbers | {"locked": locked, "exact": exact, "gap": gap(locked, exact, share_error(exact, sessions))}


def silent(played: Sessions) -> Any:
    """Whether each user saw no draw in the last tenth of the tasks."""
    draws = played.escalations + played.keeps
    return draws[-max(1, len(draws) // 10) :].sum(axis=0) == 0


def exactly(game: Game, cell: Cell, tasks: int) -> float | None:
    """The exact chance of being locked in; None for a rule that explores, or that may leave now and then."""
    entry = RULEBOOK[cell.rule]
    user, rng = entry.make(game), np.random.default_rng(0)  # asked for, but not used
    mixes = user.checks == "task" and (cell.rule.startswith("expected") or game.net_value[1] < 0)
    if not entry.belief_alone or mixes:
        return None
    return lock_in(game, cell.s, cell.prior, tasks, lambda belief: user.leaving(belief, 1, rng) == 1.0, user.checks)


# --- words ----------------------------------------------------------------------------------------------------


def answer(frame: pl.DataFrame, game: Game, mark: Threshold, settings: Settings) -> tuple[str, ...]:
    """What the numbers say."""
    at = frame.filter(sweep="s")
    plug = at.filter(rule="plug-in", s=mark.s).row(0, named=True)
    gaps = frame["gap"].drop_nulls().abs().to_numpy()
    words = [
        f"At {mark.word} = {mark.s:.4f}, after {settings['tasks']:,} tasks from Beta(1, 1), a plug-in user is "
        f"locked in in {percent(plug['locked'])} % of {settings['sessions']:,} sessions; exactly in "
        f"{percent(plug['exact'])} %.",
        f"Of {len(gaps)} simulated shares {int((gaps <= 3).sum())} lie within three standard errors of the exact "
        f"recursion; the farthest is {gaps.max():.1f} away.",
    ]
    good = at.filter(mark.better * (pl.col("s") - mark.towards(0.1)) > -1e-9)
    for rule in EXPLORERS:
        worst = good.filter(rule=rule)
        doubting, silence = worst.sort("doubts").row(-1, named=True), worst.sort("silent").row(-1, named=True)
        words.append(
            f"{rule}: where s is at least .1 on the good side of {mark.word}, at most "
            f"{percent(doubting['doubts'])} % (upper limit {percent(doubting['doubts_high'])} %) of the beliefs still "
            f"doubt, and at most {percent(silence['silent'])} % ({percent(silence['silent_high'])} %) of the users saw "
            "no draw in the last tenth of the tasks."
        )
    best = told(game, mark, mark.s)
    words.append(
        f"At {mark.word} the user's own regret cannot show any of this: leaving and staying are worth the same "
        f"to it, and plug-in loses {plug['user_regret']:.4f} ± {plug['user_regret_half']:.4f} a task. The provider "
        f"pays {plug['cost']:.3f} a task, against {float(best.cost):.3f} for a user who stays."
    )
    return (*words, cost_of_exploring(at, mark), *tie_words(mark, PRIOR))


def cost_of_exploring(at: pl.DataFrame, mark: Threshold) -> str:
    """Where staying is wrong, the rule that explores most pays most."""
    bad = at.filter(mark.better * (pl.col("s") - mark.s) < -1e-9)
    means = bad.group_by("rule").agg(pl.mean("user_regret")).sort("user_regret").rows()
    (least, little), (most, much) = means[0], means[-1]
    return (f"Exploring is not free: over the {bad['s'].n_unique()} values of s at which leaving is right, the user's "
            f"mean regret is largest for {most}, {much:.4f} a task, and least for {least}, "
            f"{little:.4f}.")  # fmt: skip


def share_words(settings: Settings, mark: Threshold) -> str:
    """Caption of the first picture."""
    return (f"After {settings['tasks']:,} tasks from Beta(1, 1): share of users whose belief doubts (left) and who saw "
            f"no draw in the last tenth of the tasks (right), over the true s. Points: {settings['sessions']:,} "
            f"sessions each, with 95 % Wilson intervals; lines without points on the left: the exact recursion for "
            f"the two plug-in users. Grey: leaving is right there, so doubt is no mistake.")  # fmt: skip


def regret_words(mark: Threshold) -> str:
    """Caption of the second picture."""
    return (f"Regret a task, beside a user who is told s. Left, the user's: none at {mark.word} whatever it does; "
            "where leaving is right, the price of exploring. Right, the provider's: what doubt costs it.")  # fmt: skip


def prior_words(mark: Threshold) -> str:
    """Caption of the third picture."""
    return (f"The same over the mean of the prior (a + b = {PRIOR_SIZE:g}), for a provider .1 on the good side of "
            f"{mark.word}. A rule of the belief alone that begins in doubt never learns better.")  # fmt: skip


# --- pictures -------------------------------------------------------------------------------------------------


def shares_figure(frame: pl.DataFrame, mark: Threshold) -> str:
    """Shares over s: doubts with the exact curves, and silence."""
    titles = {"doubts": 'belief says "leave"', "silent": "no draw in the last tenth"}
    return two_panels(frame, mark, "s", titles, "true s of the provider", "share of users, %", 100, exact=True)


def regret_figure(frame: pl.DataFrame, mark: Threshold) -> str:
    """Regrets over s."""
    titles = {"user_regret": "the user's regret, in the unit of V",
              "provider_regret": "the provider's regret, in the unit of P"}  # fmt: skip
    return two_panels(frame, mark, "s", titles, "true s of the provider", "regret a task", 1.0)


def prior_figure(frame: pl.DataFrame, mark: Threshold) -> str:
    """Shares over the prior's mean."""
    frame = frame.with_columns(m=pl.col("a") / (pl.col("a") + pl.col("b")))
    titles = {"doubts": 'belief says "leave"', "silent": "no draw in the last tenth"}
    return two_panels(frame, mark, "m", titles, "mean of the prior", "share of users, %", 100)


def two_panels(
    frame: pl.DataFrame, mark: Threshold, x: str, titles: dict[str, str], xlabel: str, ylabel: str, unit: float,
    exact: bool = False,
) -> str:  # fmt: skip
    """A panel for each column named in ``titles``, a line for each rule, the threshold and the side of leaving."""
    with mpl.rc_context(RC):
        canvas = Canvas(figsize=(11.2, 4.0))
        panels = canvas.subplots(1, 2, sharex=True)
        canvas.subplots_adjust(left=0.06, right=0.99, top=0.8, bottom=0.13, wspace=0.15)
        for axes, (column, title) in zip(panels, titles.items(), strict=True):
            for name in RULEBOOK:
                draw(axes, frame.filter(rule=name).sort(x), LOOKS[name], x, column, name, unit)
            draw_threshold(axes, mark)
            axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
        if exact:
            draw_exact(panels[0], frame, x)
        handles, labels = panels[0].get_legend_handles_labels()
        canvas.legend(handles, labels, ncol=5, loc="upper left", bbox_to_anchor=(0.05, 1.0), frameon=False, fontsize=8)
        return svg(canvas)


def draw_exact(axes: Axes, frame: pl.DataFrame, x: str) -> None:
    """The exact chances of the two plug-in users."""
    for name, style in (("plug-in", "-"), ("plug-in, each task", "--")):
        rows = frame.filter(pl.col("exact").is_not_null(), rule=name).sort(x)
        if len(rows):
            axes.plot(rows[x], 100 * rows["exact"], color="black", lw=2.6, alpha=0.3, ls=style,
                      label=f"exact: {name}")  # fmt: skip


def draw_threshold(axes: Axes, mark: Threshold) -> None:
    """The threshold, and in grey the side where leaving is right."""
    low, high = axes.get_xlim()
    axes.axvspan(*((low, mark.s) if mark.better > 0 else (mark.s, high)), color="black", alpha=0.06, lw=0)
    axes.axvline(mark.s, color="#555555", lw=0.9, ls=":")
    axes.annotate(mark.name, (mark.s, 1), xycoords=("data", "axes fraction"), xytext=(3, -3),
                  textcoords="offset points", va="top", color="#555555")  # fmt: skip
    axes.set_xlim(low, high)
