"""What users that learn infer of a hidden s, in words and pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes

from routing_game.experiments.hidden.rulebook import named
from routing_game.experiments.hidden.settings import Settings
from routing_game.experiments.hidden.threshold import Threshold, threshold
from routing_game.experiments.hidden.users import (
    BINS,
    LEARNERS,
    MYOPIC,
    PLAN,
    PLAN_WINDOW,
    PRIORS,
    TASKS,
    WINDOW,
    Measured,
)
from routing_game.experiments.hidden.wording import (
    asked,
    decimal,
    done,
    in_value,
    loss_of_value,
    notice,
    spread,
    terms,
    threshold_words,
    with_enough,
)
from routing_game.experiments.intervals import HALF
from routing_game.experiments.pages.page import Page, Picture, Table
from routing_game.experiments.pages.style import Look, dressed, legend_above, panels, svg
from routing_game.experiments.pages.tables import Head
from routing_game.experiments.pages.words import listed

LOOKS = {
    "exploring": Look("#009E73", "D", "-"),
    "belief": Look("#0072B2", "o", "-"),
    "window": Look("#E69F00", "s", (0, (5, 1.5))),
    "recurrent": Look("#D55E00", "^", (0, (3, 1, 1, 1))),
    PLAN: Look("#000000", "", "-"),
    PLAN_WINDOW: Look("#666666", "", (0, (5, 1.5))),
    MYOPIC: Look("#666666", "", (0, (1, 1))),
}
SEES = {
    "exploring": "the counts, and explores first",
    "belief": "the counts",
    "window": f"the last {WINDOW} draws",
    "recurrent": "the last draw, and its memory",
}
QUESTION = (
    f"A session has {TASKS} tasks and one hidden s. Does a user that learns from play infer what a "
    "Bayesian user knows, if it sees the counts, its last draws, or only the last one and has a "
    "memory? All learn by PPO as they go, but one, which stays throughout its practice and then "
    "plans with what it saw."
)
REGRET = (
    "Regret of each seed, with their mean, and its 95 % t interval from five seeds on. Lines: "
    "regret of the myopic user, who never stays to learn, and of the Bayes-optimal plan if it "
    f"takes the last {WINDOW} draws for all there were."
)
LOSS = (
    "What not knowing s costs: utility of a session below that of a user told s, of V, over s "
    f"(means of {BINS} groups, over seeds; below 0 by chance of play alone). Dotted, upright: "
    "{name}. On one side of it staying costs, on the other leaving does."
)
LEARNED = (
    "Utility of a session and regret against the Bayes-optimal user, as shares of V: means over "
    "seeds with their 95 % intervals, which need five seeds. For users of the theory the interval "
    "is that of their play."
)
SEEDS = "The same, seed by seed; the standard error is that of the play that valued it, 0 if exact."
BY_S = "Utility of a session below that of a user who is told s, as a share of V, by s."
VISIBLE = 0.01
"""Regret a session, as a share of V, that a picture of regrets shows at least."""
KEY = {"user": Head("user"), "prior": Head("prior of s")}
WORTH = {"value": Head("utility"), "regret": Head("regret")}
LEARNED_HEADS = {**KEY, **WORTH}
SEED_HEADS = {**KEY, "seed": Head("seed"), **WORTH, "error": Head("standard error")}
BY_S_HEADS = {**KEY, "seed": Head("seed"), "s": Head("s"), "loss": Head("below a user told s")}


def page(settings: Settings, measured: Measured) -> Page:
    """The page, made from what was measured."""
    mark = threshold(settings.game, settings.name)
    learned, seeds, by_s = (
        in_value(
            pl.DataFrame(rows, infer_schema_length=None),
            settings.game,
            *("value", "regret", "error", "loss"),
        )
        for rows in measured
    )
    means = learned_means(learned, settings["seeds"])
    priors = [named(prior) for prior in PRIORS]
    return Page(
        title=f"Users that learn to guess s: {settings.name}",
        question=QUESTION,
        answer=answer(seeds, learned, priors),
        details=tuple(prior_words(prior, seeds, learned) for prior in priors),
        figures=(
            Picture(REGRET, regret_figure(seeds, means, priors)),
            Picture(LOSS.format(name=mark.name), loss_figure(by_s, mark, priors)),
        ),
        tables=(
            Table("learned", LEARNED, means, "Means over seeds", LEARNED_HEADS),
            Table("seeds", SEEDS, seeds, "Seed by seed", SEED_HEADS),
            Table("by-s", BY_S, by_s, "Losses by s", BY_S_HEADS),
        ),
        settings={
            **asked(settings),
            "tasks": TASKS,
            "window": WINDOW,
            "priors": ", ".join(priors),
        },
        terms=words_used(mark),
        made=done(settings),
        notice=notice(settings.profile),
    )


def learned_means(learned: pl.DataFrame, seeds: int) -> pl.DataFrame:
    """The means, without the learners' intervals if there are too few seeds for any."""
    learners = pl.col("user").is_in(LEARNERS)
    theory = learned.filter(~learners)
    return pl.concat([with_enough(learned.filter(learners), seeds), theory])


def words_used(mark: Threshold) -> dict[str, str]:
    """What the users and the words of the page mean."""
    users = {f"{user} (learner)": f"sees {sees}" for user, sees in SEES.items()}
    theory = {
        PLAN: "the best user there is, by dynamic programming over beliefs: it knows when a stay "
        "is worth what it teaches",
        PLAN_WINDOW: f"the same plan, told the last {WINDOW} draws as if there had been no others",
        MYOPIC: "answers its belief as if each failure were the last: it never stays to learn",
    }
    more = {
        "counts": "how many escalations and keeps the user has seen: all that a Bayesian needs",
        "regret": "how much less than the Bayes-optimal user it gets in a session, as a share of V",
    }
    return users | theory | terms("s", "draw", "belief") | threshold_words(mark) | more


def answer(seeds: pl.DataFrame, learned: pl.DataFrame, priors: list[str]) -> tuple[str, ...]:
    """In two sentences: who learns to try a stay, and what each loses."""
    best: list[str] = []
    rest: list[str] = []
    for user in LEARNERS:
        (best if beats_myopic(user, seeds, learned, priors) else rest).append(user)
    if not best:
        first = "No learner beats the myopic user, who never stays to learn, with every seed."
    elif rest:
        not_so = f"{listed(rest)} {'do' if rest[1:] else 'does'} not"
        first = (
            "Learners that beat the myopic user, who never stays to learn, with every seed and "
            f"under both priors: {listed(best)}; {not_so}."
        )
    else:
        first = "Every learner beats the myopic user, who never stays to learn."
    return first, *(loss_words(prior, seeds, learned) for prior in priors)


def beats_myopic(user: str, seeds: pl.DataFrame, learned: pl.DataFrame, priors: list[str]) -> bool:
    """Whether the regret of each of its seeds is below that of the myopic user, surely so."""
    return all(
        ends(user, prior, seeds)[1] < learned.filter(user=MYOPIC, prior=prior)["regret"].item()
        for prior in priors
    )


def loss_words(prior: str, seeds: pl.DataFrame, learned: pl.DataFrame) -> str:
    """What the best and the worst of the learners lose under a prior, if there are such."""
    mine = learned.filter(pl.col("user").is_in(LEARNERS), prior=prior).sort("regret")
    ranked = mine["user"].to_list()
    found = {user: ends(user, prior, seeds) for user in ranked}
    least, most = ranked[0], ranked[-1]
    lows = {user: low for user, (low, _) in found.items()}
    highs = {user: high for user, (_, high) in found.items()}
    apart = {
        "least": (least, all(highs[least] < lows[user] for user in ranked[1:])),
        "most": (most, all(highs[user] < lows[most] for user in ranked[:-1])),
    }
    told = [
        f"{user} loses {how} ({regret_words(user, prior, seeds)})"
        for how, (user, surely) in apart.items()
        if surely
    ]
    rest = [
        f"which loses {how} is too close to tell" for how, (_, sure) in apart.items() if not sure
    ]
    ranking = f"of the learners {', '.join(told + rest)}"
    if not told:
        ranking = "which of the learners loses least, and which most, is too close to tell"
    myopic = learned.filter(user=MYOPIC, prior=prior)["regret"].item()
    less = decimal(myopic, 2)
    gets = f"{less} of V less a session than" if float(less) else "no less (to two digits) than"
    return f"If s comes from {prior}, the myopic user gets {gets} the Bayes-optimal one; {ranking}."


def ends(user: str, prior: str, seeds: pl.DataFrame) -> tuple[float, float]:
    """The least and the greatest regret of a learner's seeds, as far as play tells them."""
    mine = seeds.filter(user=user, prior=prior)
    half = HALF * mine["error"]
    return float((mine["regret"] - half).min()), float((mine["regret"] + half).max())  # type: ignore[arg-type]


def regret_words(user: str, prior: str, seeds: pl.DataFrame, digits: int = 2) -> str:
    """The regret of a learner's seeds."""
    return spread(seeds.filter(user=user, prior=prior)["regret"].to_list(), digits)


def prior_words(prior: str, seeds: pl.DataFrame, learned: pl.DataFrame) -> str:
    """What the numbers say under one prior."""
    rows = {row["user"]: row for row in learned.filter(prior=prior).to_dicts()}
    regrets = "; ".join(f"{user} {regret_words(user, prior, seeds, 3)}" for user in LEARNERS)
    window = rows[PLAN_WINDOW]
    return (
        f"{prior}: the Bayes-optimal user gets {decimal(rows[PLAN]['value'], 3)} of V a session, "
        f"the myopic one {decimal(rows[MYOPIC]['regret'], 3)} less. Regret of the learners, of V: "
        f"{regrets}. The optimal plan that takes the last {WINDOW} draws for all there were "
        f"{loss_of_value(window['regret'], window['regret_half'], 3)}."
    )


@dressed
def regret_figure(seeds: pl.DataFrame, learned: pl.DataFrame, priors: list[str]) -> str:
    """A panel for each prior, a column for each learner."""
    margins = {"left": 0.09, "top": 0.8, "bottom": 0.2, "wspace": 0.22}
    figure, axes = panels(1, len(priors), (9.6, 3.6), margins)
    for panel, prior in zip(axes, priors, strict=True):
        means = learned.filter(prior=prior)
        for x, user in enumerate(LEARNERS):
            draw_seeds(panel, x, user, seeds.filter(user=user, prior=prior)["regret"], means)
        for user in (PLAN_WINDOW, MYOPIC):
            regret, look = means.filter(user=user)["regret"].item(), LOOKS[user]
            panel.axhline(regret, color=look.colour, ls=look.line, lw=1.2, label=user)
        limits = (-0.5, len(LEARNERS) - 0.5)
        panel.set(xticks=range(len(LEARNERS)), xlim=limits, title=f"s from {prior}")
        panel.set_xticklabels([tick(user) for user in LEARNERS])
        low, high = panel.get_ylim()
        high = max(high, VISIBLE)  # what nobody would see is not blown up
        lowest = min([*seeds.filter(prior=prior)["regret"], means["regret"].min()])
        panel.set_ylim(low if lowest < 0 else -0.03 * high, high)  # 0 is a whole mark
    axes[0].set_ylabel("regret a session, as a share of V")
    legend_above(figure, axes[0], 2, left=0.07)
    return svg(figure)


def tick(user: str) -> str:
    """A learner's name, and below it what it sees."""
    return f"{user}:\n" + SEES[user].replace(", ", ",\n").replace(
        f"last {WINDOW}", f"last\n{WINDOW}"
    )


def draw_seeds(axes: Axes, x: int, user: str, seeds: pl.Series, means: pl.DataFrame) -> None:
    """The regret of each seed, and beside them the mean with its interval.

    Args:
        axes: where.
        x: the learner's column.
        user: the learner.
        seeds: regrets.
        means: a row for each user.
    """
    look: Any = {"color": LOOKS[user].colour, "marker": LOOKS[user].marker}
    (row,) = means.filter(user=user).to_dicts()
    axes.plot(np.full(len(seeds), x - 0.12), seeds, ls="", alpha=0.45, ms=4, **look)
    half = np.nan if row["regret_half"] is None else row["regret_half"]
    axes.errorbar(x + 0.08, row["regret"], half, capsize=4, lw=1.4, **look)


@dressed
def loss_figure(by_s: pl.DataFrame, mark: Threshold, priors: list[str]) -> str:
    """A panel for each prior, a line for each user."""
    margins = {"left": 0.08, "top": 0.8, "bottom": 0.14, "wspace": 0.22}
    figure, axes = panels(1, len(priors), (9.6, 3.6), margins)
    for panel, prior in zip(axes, priors, strict=True):
        for user, look in LOOKS.items():
            rows = by_s.filter(user=user, prior=prior)
            s, loss = (over_seeds(rows[column]) for column in ("s", "loss"))
            dress: Any = {"color": look.colour, "marker": look.marker, "ls": look.line}
            panel.plot(s, loss, ms=4, lw=1.3, label=user, **dress)
        panel.axvline(mark.s, color="#555555", lw=0.9, ls=":")
        panel.set(xlabel="hidden s", title=f"s from {prior}", xlim=(0, None))
    axes[0].set_ylabel("loss a session, as a share of V")
    legend_above(figure, axes[0], 4, left=0.07)
    return svg(figure)


def over_seeds(column: pl.Series) -> Any:
    """The mean of each group of s over seeds, whose groups follow one another."""
    return column.to_numpy().reshape(-1, BINS).mean(axis=0)
