"""Can a user that learns infer a hidden s? Regret against the Bayes-optimal user, by what the learner sees.

A session has T tasks and one s, drawn from the prior and never told. Learners see the counts of a Bayesian user, their
last few draws, or only the last one and remember by an LSTM; they learn from play alone. A plan made of counts is
valued exactly. Others are played, with two steps that take the noise out without bias: given the stays of a session and
its s, U = T xi1 + stays (s W2 + (1-s) xi1) on average, W2 = xi2/p2 if xi2 > 0 else xi2; and what a user who is told s
would get, whose mean is known, serves as a control variate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import polars as pl
from matplotlib.figure import Figure as Canvas

from routing_game.envs.session_engines import UserSessions
from routing_game.experiments import InputError
from routing_game.experiments.cells.progress import Steps
from routing_game.experiments.cells.workers import one_thread
from routing_game.experiments.hidden.settings import Settings
from routing_game.experiments.hidden.threshold import Threshold, threshold
from routing_game.experiments.intervals import mean
from routing_game.experiments.pages.page import Page, Picture, Table
from routing_game.experiments.pages.style import RC, Look, svg
from routing_game.experiments.pages.words import plus_minus
from routing_game.theory import Game
from routing_game.theory.belief import Belief
from routing_game.theory.belief_plan import clairvoyant, plan_after_failure, told_utility
from routing_game.theory.belief_rules import after_failure

PROFILES = {
    "smoke": {"seeds": 2, "updates": 2, "sessions": 500},
    "default": {"seeds": 3, "updates": 100, "sessions": 20_000},
    "full": {"seeds": 10, "updates": 100, "sessions": 20_000},
}
"""updates: percent of a learner's own number of them; sessions: played to value what is no function of counts."""
TASKS = 30
WINDOW = 8
PRIORS = (Belief(1.0, 4.0), Belief(1.0, 1.0))
PLAN, PLAN_WINDOW, MYOPIC = "Bayes-optimal", f"Bayes-optimal, last {WINDOW} draws", "myopic"
LEARNERS = {"belief": Look("#0072B2", "o", "-"), "window": Look("#E69F00", "s", (0, (5, 1.5))),
            "recurrent": Look("#D55E00", "^", (0, (3, 1, 1, 1)))}  # fmt: skip
REFERENCES = {PLAN: Look("#000000", "", "-"), PLAN_WINDOW: Look("#666666", "", (0, (5, 1.5))),
              MYOPIC: Look("#666666", "", (0, (1, 1)))}  # fmt: skip
SEES = {"belief": "the counts", "window": f"the last {WINDOW} draws", "recurrent": "the last draw, and its memory"}
BINS = 12
"""Groups of sessions by s, equally many in each."""

Act = Callable[[Any, Any, Any], tuple[Any, Any]]
"""(observations, state, which sessions have just begun) -> actions, state."""


class Cell(NamedTuple):
    """One learner, or one user of the theory (seed 0)."""

    user: str
    prior: Belief
    seed: int


def cells(settings: Settings) -> list[Cell]:
    """Every learner with every seed, and the users of the theory once."""
    known = [Cell(user, prior, 0) for user in REFERENCES for prior in PRIORS]
    return known + [Cell(u, p, seed) for seed in range(settings["seeds"]) for u in LEARNERS for p in PRIORS]


def check(settings: Settings) -> None:
    """Raise InputError for too few sessions to value a user by."""
    if settings["sessions"] < BINS**2:
        raise InputError(f"expected at least {BINS**2} --sessions for belief users, got {settings['sessions']}")


def experiment(settings: Settings, progress: Steps) -> Page:
    """Train users, value them, draw them beside the Bayes-optimal one."""
    todo, mark = cells(settings), threshold(settings.game, settings.name)
    found = settings.each(partial(train, settings), todo, progress, "users")
    seeds = pl.DataFrame([row for row, _ in found], infer_schema_length=None)
    groups = pl.DataFrame([row for _, rows in found for row in rows])
    table = summary(seeds)
    return Page(
        f"Users that learn to guess s: {settings.name}",
        f"A session has {TASKS} tasks and one hidden s. Does a user that learns from play infer what a Bayesian user "
        "knows, if it sees the counts, its last draws, or only the last one and has a memory?",
        answer(table),
        (Picture("Regret of each seed, with mean and 95 % t interval. Lines: regret of the myopic user, who never "
                 f"stays to learn, and of the Bayes-optimal plan if it takes the last {WINDOW} draws for all there "
                 "were.",
                regret_figure(seeds, table)),
         Picture("What not knowing s costs: utility of a session below that of a user who is told s, over s (means of "
                f"{BINS} groups, over seeds). Dotted: {mark.word}. On one side of it staying costs, on the other "
                "leaving does.", group_figure(groups, mark))),
        (Table("learned", "Utility of a session and regret against the Bayes-optimal user, in the unit of V, means "
               "over seeds with half their 95 % intervals. For users of the theory the interval is that of their play.",
               table),
         Table("seeds", "The same, seed by seed; error: standard error of the play that valued it, 0 if exact.",
               seeds),
         Table("by-s", "Utility of a session below that of a user who is told s, by s.", groups)),
        {"game": settings.name, "profile": settings.profile, **settings.numbers, "tasks": TASKS, "window": WINDOW,
         "priors": ", ".join(words(prior) for prior in PRIORS)},
    )  # fmt: skip


def words(prior: Belief) -> str:
    """As Beta(1, 4)."""
    return f"Beta({prior.escalated:g}, {prior.kept:g})"


# --- what is measured -----------------------------------------------------------------------------------------


@one_thread()
def train(settings: Settings, cell: Cell) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Train a learner, or plan; its row, and its losses by s."""
    game, rng = settings.game, settings.rng("users", cell)
    best = plan_after_failure(game, cell.prior, TASKS)
    observes = {"window": WINDOW, PLAN_WINDOW: WINDOW, "recurrent": 1}.get(cell.user, "belief")
    exact, act = None, by_plan(best.leaving, cell.prior, observes)
    if cell.user == MYOPIC:
        leave = plan_after_failure(game, cell.prior, TASKS, lambda belief: after_failure(game, belief))
        exact, act = leave.value[TASKS], by_plan(leave.leaving, cell.prior, observes)
    elif cell.user == PLAN:
        exact = best.value[TASKS]
    elif cell.user in LEARNERS:
        learner, act = learn(settings, cell, observes, rng)
        if cell.user == "belief":
            exact = plan_after_failure(game, cell.prior, TASKS, learner.plan).value[TASKS]
    played = play(game, cell.prior, observes, act, settings["sessions"], int(rng.integers(2**31)))
    value, error = (played.value, played.error) if exact is None else (float(exact), 0.0)
    who = {"user": cell.user, "prior": words(cell.prior), "seed": cell.seed}
    row = {**who, "value": value, "regret": best.value[TASKS] - value, "error": error}
    return row, [who | group for group in played.by_s]


def learn(settings: Settings, cell: Cell, observes: str | int, rng: np.random.Generator) -> tuple[Any, Act]:
    """A trained learner, and what it does."""
    from routing_game.agents.sb3_sessions import SETTINGS, PPOBeliefUser, PPOWindowUser, RecurrentUser
    from routing_game.envs.sb3 import SB3VecEnv

    kinds: dict[str, Any] = {"belief": PPOBeliefUser, "window": PPOWindowUser, "recurrent": RecurrentUser}
    kind = kinds[cell.user]
    plan = SETTINGS[kind.name]
    plan = replace(plan, updates=max(2, plan.updates * settings["updates"] // 100))
    env = SB3VecEnv(UserSessions(in_units_of_value(settings.game), plan.width, TASKS, cell.prior, observes))
    env.seed(int(rng.integers(2**31)))
    learner = kind(env, rng, settings.game, TASKS, cell.prior, plan)
    for _ in learner.train():
        pass
    return learner, learner.decide


def in_units_of_value(game: Game) -> Game:
    """The same game to its user, with V = 1: settings that suit the catalog's games suit all."""
    first, second = game.latency
    return replace(game, value=1.0, latency=(first / game.value, second / game.value))


def by_plan(leaving: Any, prior: Belief, observes: str | int) -> Act:
    """A plan over counts as what it does; told a window, it takes the draws in it for all there were."""

    def act(seen: Any, state: Any, begins: Any) -> tuple[Any, Any]:
        to_come = np.rint((1 - seen[:, 0]) * TASKS).astype(int)
        draws = seen[:, 1:]
        escalated, kept = (draws - prior).T if observes == "belief" else ((draws > 0).sum(1), (draws < 0).sum(1))
        kept = np.minimum(np.rint(kept).astype(int), leaving.shape[2] - 1)
        return (leaving[to_come - 1, np.rint(escalated).astype(int), kept] > 0.5).astype(int), None

    return act


class Played(NamedTuple):
    """The value of a session by play, its standard error, and the losses by s."""

    value: float
    error: float
    by_s: list[dict[str, float]]


def play(game: Game, prior: Belief, observes: str | int, act: Act, sessions: int, seed: int) -> Played:
    """Play so many sessions, the first one of each environment."""
    engine = UserSessions(game, sessions, TASKS, prior, observes)
    observation, _ = engine.reset(seed=seed)
    s, stays, playing = engine.cascade.copy(), np.zeros(sessions), np.ones(sessions, dtype=bool)
    state, begins = None, np.ones(sessions, dtype=bool)
    while playing.any():
        action, state = act(observation, state, begins)
        stays += playing & (action == 0)
        observation, _, begins, _, _ = engine.step(action)
        playing &= ~begins
    xi1, xi2 = game.net_value
    utility = TASKS * xi1 + stays * (s * (xi2 / game.success[1] if xi2 > 0 else xi2) + (1 - s) * xi1)
    told = TASKS * told_utility(game, s)
    slope = np.cov(utility, told)[0, 1] / told.var(ddof=1)
    adjusted = utility - slope * (told - TASKS * clairvoyant(game, prior))
    parts = np.array_split(np.argsort(s), BINS)
    by_s = [{"s": float(s[i].mean()), "loss": float((told - utility)[i].mean())} for i in parts]
    return Played(float(adjusted.mean()), float(adjusted.std(ddof=1) / np.sqrt(sessions)), by_s)


def summary(seeds: pl.DataFrame) -> pl.DataFrame:
    """Means over seeds, a row for each user and prior."""
    rows = []
    for (user, prior), group in seeds.group_by("user", "prior", maintain_order=True):
        row: dict[str, Any] = {"user": user, "prior": prior}
        for column in ("value", "regret"):
            row |= mean(column, group[column].to_numpy())
        if user in REFERENCES:
            half = 1.96 * group["error"].item()
            row |= {"value_half": half, "regret_half": half}
        rows.append(row)
    return pl.DataFrame(rows, infer_schema_length=None)


# --- words and pictures ---------------------------------------------------------------------------------------


def answer(table: pl.DataFrame) -> tuple[str, ...]:
    """What the numbers say."""
    lines = []
    for prior in map(words, PRIORS):
        rows = {row["user"]: row for row in table.filter(prior=prior).to_dicts()}
        learned = "; ".join(f"{SEES[user]} {plus_minus(rows[user], 'regret', 3)}" for user in LEARNERS)
        lines.append(f"{prior}: the Bayes-optimal user gets {rows[PLAN]['value']:.3f} a session, the myopic one "
                     f"{rows[MYOPIC]['regret']:.3f} less. Regret of learners that see {learned}. The optimal plan that "
                     f"takes the last {WINDOW} draws for all there were loses "
                     f"{plus_minus(rows[PLAN_WINDOW], 'regret', 3)}.")  # fmt: skip
    return tuple(lines)


def regret_figure(seeds: pl.DataFrame, table: pl.DataFrame) -> str:
    """A panel for each prior, a column for each learner."""
    with mpl.rc_context(RC):
        canvas = Canvas(figsize=(9.6, 3.6))
        axes = canvas.subplots(1, len(PRIORS))
        canvas.subplots_adjust(left=0.08, right=0.99, top=0.8, bottom=0.16, wspace=0.22)
        for panel, prior in zip(axes, map(words, PRIORS), strict=True):
            for x, (user, look) in enumerate(LEARNERS.items()):
                points = seeds.filter(user=user, prior=prior)["regret"]
                (row,) = table.filter(user=user, prior=prior).to_dicts()
                panel.plot(np.full(len(points), x - 0.12), points, look.marker, color=look.colour, alpha=0.45, ms=4)
                panel.errorbar(x + 0.08, row["regret"], row["regret_half"], color=look.colour, marker=look.marker,
                               capsize=4, lw=1.4)  # fmt: skip
            for user in (PLAN_WINDOW, MYOPIC):
                (row,) = table.filter(user=user, prior=prior).to_dicts()
                look = REFERENCES[user]
                panel.axhline(row["regret"], color=look.colour, ls=look.line, lw=1.2, label=user)
            panel.set(xticks=range(len(LEARNERS)), xlim=(-0.5, len(LEARNERS) - 0.5), title=f"s from {prior}")
            panel.set_xticklabels([SEES[user].replace(", and", ",\nand") for user in LEARNERS])
            panel.set_ylim(bottom=0)
        axes[0].set_ylabel("regret a session, in the unit of V")
        handles, labels = axes[0].get_legend_handles_labels()
        canvas.legend(handles, labels, ncol=2, loc="upper left", bbox_to_anchor=(0.07, 1.0), frameon=False, fontsize=8)
        return svg(canvas)


def group_figure(groups: pl.DataFrame, mark: Threshold) -> str:
    """A panel for each prior, a line for each user."""
    with mpl.rc_context(RC):
        canvas = Canvas(figsize=(9.6, 3.6))
        axes = canvas.subplots(1, len(PRIORS))
        canvas.subplots_adjust(left=0.08, right=0.99, top=0.8, bottom=0.14, wspace=0.22)
        for panel, prior in zip(axes, map(words, PRIORS), strict=True):
            for user, look in (LEARNERS | REFERENCES).items():
                rows = groups.filter(user=user, prior=prior)
                s, loss = (rows[column].to_numpy().reshape(-1, BINS).mean(axis=0) for column in ("s", "loss"))
                label = SEES.get(user, user)
                panel.plot(s, loss, color=look.colour, marker=look.marker, ls=look.line, ms=4, lw=1.3, label=label)
            panel.axvline(mark.s, color="#555555", lw=0.9, ls=":")
            panel.set(xlabel="hidden s", title=f"s from {prior}", xlim=(0, None))
        axes[0].set_ylabel("loss a session, in the unit of V")
        handles, labels = axes[0].get_legend_handles_labels()
        canvas.legend(handles, labels, ncol=3, loc="upper left", bbox_to_anchor=(0.07, 1.02), frameon=False, fontsize=8)
        return svg(canvas)
