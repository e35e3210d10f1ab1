"""What the information trap comes to, in words and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from routing_game.experiments.hidden.rulebook import RULEBOOK, named
from routing_game.experiments.hidden.rulebook_page import IN_TEX, LOOKS, tie_words
from routing_game.experiments.hidden.settings import Settings
from routing_game.experiments.hidden.threshold import Threshold, threshold, told
from routing_game.experiments.hidden.trap import GOOD, PRIOR, PRIOR_SIZE
from routing_game.experiments.hidden.wording import (
    agreement_lead,
    asked,
    between,
    done,
    extremes,
    in_value,
    loss_of_value,
    notice,
    rules,
    share_words,
    sign,
    terms,
    threshold_words,
)
from routing_game.experiments.intervals import wilson
from routing_game.experiments.pages.page import Page, Picture, Table
from routing_game.experiments.pages.style import draw, dressed, legend_above, panels, svg
from routing_game.experiments.pages.tables import Head
from routing_game.experiments.pages.words import percent, two_digits, with_interval

EXPLORERS = ("Thompson", "forced stays")
ROUNDING = 1e-9
QUESTION = (
    "Who leaves sees no draw, so a pessimist is never corrected. How often does a user end up "
    "leaving for good, for each rule, and who pays for it?"
)
SHARES = (
    "After {tasks:,} tasks from Beta(1, 1): share of users whose belief doubts (left) and who saw "
    "no draw in the last tenth of the tasks (right), over the true s. Points: {sessions:,} "
    "sessions each, with 95 % Wilson intervals; lines without points on the left: the exact "
    "recursion for the two plug-in users. Grey: leaving is right there, so doubt is no mistake."
)
REGRETS = (
    "Regret a task, beside a user who is told s. Left, the user's: none at {name} whatever it "
    "does; where leaving is right, the price of exploring. Right, the provider's: what it loses "
    "by the user's not knowing s, or gains, below 0. Points: means with 95 % intervals."
)
PRIORS = (
    f"The same over the mean of the prior (a + b = {PRIOR_SIZE:g}), for a provider .1 on the good "
    "side of {name}. A rule of the belief alone that begins in doubt never learns better."
)
SESSIONS = (
    "Every group of sessions, by rule, prior and true s: shares with their 95 % Wilson intervals, "
    "means with half of their 95 % interval, a task. Locked in is beside its exact chance, with "
    "the gap between the two in standard errors."
)
HEADS = {
    "rule": Head("rule"),
    "a": Head("prior's a"),
    "b": Head("prior's b"),
    "s": Head("true s"),
    "doubts": Head("belief doubts, %", 100),
    "silent": Head("silent, %", 100),
    "user_regret": Head("user's regret, of V"),
    "provider_regret": Head("provider's regret"),
    "cost": Head("provider's cost"),
    "locked": Head("locked in, %", 100),
    "exact": Head("locked in, exact, %", 100),
    "gap": Head("gap, standard errors", places=2),
}
DOUBTS = {"doubts": 'belief says "leave"', "silent": "no draw in the last tenth"}
"""Column of shares -> title of its panel."""
LOSSES = {
    "user_regret": "the user's regret, as a share of V",
    "provider_regret": "the provider's regret, in the unit of P",
}
"""Column of regrets -> title of its panel."""


def page(settings: Settings, rows: list[dict[str, Any]]) -> Page:
    """The page, made from a row for each group of sessions."""
    mark = threshold(settings.game, settings.name)
    frame = in_value(pl.DataFrame(rows, infer_schema_length=None), settings.game, "user_regret")
    over_s, over_priors = frame.filter(sweep="s"), frame.filter(sweep="prior")
    return Page(
        title=f"The information trap in {settings.name}",
        question=QUESTION,
        answer=answer(over_s, mark, settings),
        details=details(frame, mark, settings),
        figures=(
            Picture(SHARES.format(**settings.numbers), shares_figure(over_s, mark)),
            Picture(REGRETS.format(name=mark.name), regret_figure(over_s, mark)),
            Picture(PRIORS.format(name=mark.name), prior_figure(over_priors, mark)),
        ),
        tables=(
            Table("sessions", SESSIONS, frame.drop("sweep"), "Every group of sessions", HEADS),
        ),
        settings={
            **asked(settings),
            "prior": named(PRIOR),
            "other priors": f"a + b = {PRIOR_SIZE:g}, s = {mark.towards(GOOD):.4f}",
        },
        terms=words_used(mark),
        made=done(settings),
        notice=notice(settings.profile),
    )


def words_used(mark: Threshold) -> dict[str, str]:
    """What the rules and the words of the page mean."""
    known = terms(
        "s", "draw", "belief", "doubt", "silent", "locked in", "exact", "regret", "brackets"
    )
    return rules(list(RULEBOOK)) | known | threshold_words(mark)


def answer(at: pl.DataFrame, mark: Threshold, settings: Settings) -> tuple[str, ...]:
    """In three sentences: who is trapped, who is not, and who pays.

    Args:
        at: groups of sessions over s.
        mark: the threshold.
        settings: of the question.
    """
    s = near_good(at["s"], mark)
    rows = {row["rule"]: row for row in at.filter(s=s).to_dicts()}
    plug_in = rows["plug-in"]
    return (
        trapped_words(plug_in, mark, s),
        explorers_words([rows[rule] for rule in EXPLORERS], plug_in["exact"], settings["tasks"]),
        payer_words(plug_in, float(told(settings.game, mark, s).cost)),
    )


def near_good(values: pl.Series, mark: Threshold) -> float:
    """The s nearest to so far on the side where staying is right; the threshold if none is."""
    right = [s for s in values.unique() if mark.better * (s - mark.s) > ROUNDING]
    return float(min(right, key=lambda s: abs(s - mark.towards(GOOD)), default=mark.s))


def trapped_words(plug_in: Mapping[str, Any], mark: Threshold, s: float) -> str:
    """How often a user who acts on its best guess alone is locked in, where staying is right."""
    chance = plug_in["exact"]
    often = ("seldom", "sometimes", "often", "mostly")[sum(chance >= x for x in (0.05, 0.2, 0.5))]
    return (
        f"A user who acts on its best guess alone (plug-in) {often} leaves for good by mistake: "
        f"with a chance of {percent(chance)} % if s is {s:.3g}, where {mark.name} = {mark.s:.3g} "
        "and staying is right."
    )


def explorers_words(rows: list[dict[str, Any]], chance: float, tasks: int) -> str:
    """How many of those who explore still doubt there, beside the plug-in user's chance."""
    told = " and ".join(f"{share_words(row, 'doubts')} of {row['rule']}" for row in rows)
    fewer = max(row["doubts_high"] for row in rows) < chance
    lead = "Exploring helps" if fewer else "This run does not show that exploring helps"
    return (
        f"{lead}: of the beliefs of users who now and then stay against them, these still doubt "
        f"after {tasks:,} tasks: {told}."
    )


def payer_words(plug_in: Mapping[str, Any], best: float) -> str:
    """What mistaken doubt costs either side, or saves.

    Args:
        plug_in: sessions of plug-in users.
        best: the provider's cost of a task with users who know s.
    """
    more, half = (100 * plug_in[f"provider_regret{end}"] / best for end in ("", "_half"))
    side = sign(more, half)
    by = two_digits(abs(more))
    lead, beside = {
        1: ("The provider pays for it", f"{by} % more than"),
        0: ("What that costs the provider does not show in this run", f"beside {best:.3g}"),
        -1: ("The provider gains by it", f"{by} % less than"),
    }[side]
    away = "" if side else f" (a difference of {between(more, half, 1)} %)"
    lost = loss_of_value(plug_in["user_regret"], plug_in["user_regret_half"], 3)
    return (
        f"{lead}: a task with plug-in users costs it {plug_in['cost']:.3g} there, {beside} with "
        f"users who know s{away}; a plug-in user itself {lost} a task."
    )


def details(frame: pl.DataFrame, mark: Threshold, settings: Settings) -> tuple[str, ...]:
    """What the numbers say."""
    at = frame.filter(sweep="s")
    plug_in = at.filter(rule="plug-in").sort((pl.col("s") - mark.s).abs()).row(0, named=True)
    good = at.filter(mark.better * (pl.col("s") - mark.towards(GOOD)) > -ROUNDING)
    explorers = EXPLORERS if len(good) else ()
    return (
        locked_words(plug_in, mark, settings),
        exact_words(frame["gap"].drop_nulls()),
        *(explorer_words(good.filter(rule=rule), rule, mark) for rule in explorers),
        blind_words(plug_in, mark, float(told(settings.game, mark, mark.s).cost)),
        *cost_of_exploring(at, mark),
        *tie_words(mark, PRIOR),
    )


def locked_words(plug_in: Mapping[str, Any], mark: Threshold, settings: Settings) -> str:
    """How often a plug-in user at the threshold is locked in, exactly and as played."""
    played = wilson(round(plug_in["locked"] * settings["sessions"]), settings["sessions"])
    return (
        f"At {mark.name} = {mark.s:.4f} itself, after {settings['tasks']:,} tasks from Beta(1, 1), "
        f"the exact chance that a plug-in user is locked in is {percent(plug_in['exact'])} %. Of "
        f"the {settings['sessions']:,} sessions that were played {with_interval(played, percent)} "
        "ended so."
    )


def exact_words(gaps: pl.Series) -> str:
    """How well play agrees with the recursion, by gaps in standard errors."""
    away = gaps.abs().to_numpy()
    return (
        f"{agreement_lead(away)}: {int((away <= 3).sum())} of {len(away)} shares of sessions "
        "locked in lie within three standard errors of their exact chance; the farthest is "
        f"{away.max():.1f} away."
    )


def explorer_words(good: pl.DataFrame, rule: str, mark: Threshold) -> str:
    """How few users of a rule that explores are trapped where staying is right."""
    doubting, silence = (good.sort(column).row(-1, named=True) for column in DOUBTS)
    return (
        f"{rule}: where s is at least .1 on the good side of {mark.name}, at most "
        f"{percent(doubting['doubts'])} % (upper limit {percent(doubting['doubts_high'])} %) of "
        f"the beliefs still doubt, and at most {percent(silence['silent'])} % "
        f"({percent(silence['silent_high'])} %) of the users saw no draw in the last tenth of the "
        "tasks."
    )


def blind_words(plug_in: Mapping[str, Any], mark: Threshold, best: float) -> str:
    """That the user's regret does not show the trap, and what the provider pays for it."""
    lost = between(plug_in["user_regret"], plug_in["user_regret_half"], 4)
    return (
        f"At {mark.name} the user's own regret cannot show any of this: leaving and staying are "
        f"worth the same to it. Play made it {lost} of V a task for plug-in, which is chance. A "
        f"task costs the provider {plug_in['cost']:.4g}, against {best:.4g} with a user who stays."
    )


def cost_of_exploring(at: pl.DataFrame, mark: Threshold) -> tuple[str, ...]:
    """Where staying is wrong: who loses most, as those do who explore, and who least."""
    bad = at.filter(mark.better * (pl.col("s") - mark.s) < -ROUNDING)
    if bad.is_empty():
        return ()
    half = (pl.col("user_regret_half") ** 2).sum().sqrt() / pl.len()  # groups are independent
    means = bad.group_by("rule", maintain_order=True).agg(
        pl.mean("user_regret").alias("loss"), half.alias("loss_half")
    )
    return (
        f"The price of exploring, over the {bad['s'].n_unique()} values of s at which leaving is "
        f"right, as regret a task, of V: {extremes(means, len(RULEBOOK))}.",
    )


@dressed
def shares_figure(frame: pl.DataFrame, mark: Threshold) -> str:
    """Shares over s: doubts with the exact curves, and silence."""
    figure, axes = two_panels(frame, mark, "s", DOUBTS, 100)
    label(axes, "true s of the provider", "share of users, %")
    draw_exact(axes[0], frame)
    legend_above(figure, axes[0], 5)
    return svg(figure)


@dressed
def regret_figure(frame: pl.DataFrame, mark: Threshold) -> str:
    """Regrets over s."""
    figure, axes = two_panels(frame, mark, "s", LOSSES, 1.0)
    label(axes, "true s of the provider", "regret a task")
    legend_above(figure, axes[0], 5)
    return svg(figure)


@dressed
def prior_figure(frame: pl.DataFrame, mark: Threshold) -> str:
    """Shares over the prior's mean."""
    frame = frame.with_columns(m=pl.col("a") / (pl.col("a") + pl.col("b")))
    figure, axes = two_panels(frame, mark, "m", DOUBTS, 100)
    label(axes, "mean of the prior", "share of users, %")
    legend_above(figure, axes[0], 5)
    return svg(figure)


def two_panels(
    frame: pl.DataFrame,
    mark: Threshold,
    x: str,
    titles: Mapping[str, str],
    unit: float,
) -> tuple[Figure, list[Axes]]:
    """A panel for each column of ``titles``, a line for each rule, and the side of leaving.

    Args:
        frame: groups of sessions.
        mark: the threshold.
        x: the column that is varied.
        titles: column -> title of its panel.
        unit: what the columns are multiplied by.
    """
    margins = {"left": 0.065, "top": 0.8, "bottom": 0.13, "wspace": 0.15}
    figure, both = panels(1, 2, (11.2, 4.0), margins, sharex=True)
    for axes, (column, title) in zip(both, titles.items(), strict=True):
        for rule in RULEBOOK:
            draw(axes, frame.filter(rule=rule).sort(x), LOOKS[rule], x, column, rule, unit)
        draw_threshold(axes, mark)
        axes.set_title(title)
    return figure, both


def label(axes: list[Axes], x: str, y: str) -> None:
    """What all panels have on their axes."""
    for panel in axes:
        panel.set(xlabel=x, ylabel=y)


def draw_exact(axes: Axes, frame: pl.DataFrame) -> None:
    """The exact chances of the two plug-in users, over s."""
    known = frame.filter(pl.col("exact").is_not_null()).sort("s")
    for rule, line in (("plug-in", "-"), ("plug-in, each task", "--")):
        rows = known.filter(rule=rule)
        if len(rows):
            look: Any = {"color": "black", "lw": 2.6, "alpha": 0.3, "ls": line}
            axes.plot(rows["s"], 100 * rows["exact"], label=f"exact: {rule}", **look)


def draw_threshold(axes: Axes, mark: Threshold) -> None:
    """The threshold, and in grey the side where leaving is right."""
    low, high = axes.get_xlim()
    leaving = (low, mark.s) if mark.better > 0 else (mark.s, high)
    axes.axvspan(*leaving, color="black", alpha=0.06, lw=0)
    axes.axvline(mark.s, color="#555555", lw=0.9, ls=":")
    axes.annotate(
        IN_TEX[mark.name],
        (mark.s, 1),
        xycoords=("data", "axes fraction"),
        xytext=(3, -3),
        textcoords="offset points",
        va="top",
        color="#555555",
    )
    axes.set_xlim(low, high)
