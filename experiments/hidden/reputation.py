"""Does a provider that learns find reputation, and when does it milk? Cost against patience, learned and exact.

The provider commits to nothing and meets plug-in users with a belief, who check it after each failure or once a task.
By value iteration the best plan is known for every discount g a task; the hand-written rule escalates only when a keep
would make the user leave. PPO learns from play alone, seeing the belief or nothing but its task. What it has learned is
judged exactly: as a function of the belief by the recursion of the best plan, as a function of the passes in the task
by one of its own. Only the strip and the costs in the long run are played.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from scipy.optimize import minimize

from routing_game.envs.session_engines import ProviderSessions
from routing_game.experiments import InputError
from routing_game.experiments.cells.progress import Steps
from routing_game.experiments.cells.workers import one_thread
from routing_game.experiments.hidden.settings import Settings
from routing_game.experiments.intervals import mean
from routing_game.experiments.pages.page import Page, Picture, Table
from routing_game.experiments.pages.style import RC, Look, draw, svg
from routing_game.experiments.pages.words import plus_minus
from routing_game.theory import Game, solve, thresholds
from routing_game.theory.belief import Belief
from routing_game.theory.belief_rules import Checks, PlugIn
from routing_game.theory.reputation import (
    enough_draws,
    memoryless_discounted,
    reputation,
    reputation_discounted,
    reputation_rule,
)

PROFILES = {
    "smoke": {"seeds": 2, "patience": 1, "updates": 3, "curve": 6},
    "default": {"seeds": 3, "patience": 2, "updates": 60, "curve": 20},
    "full": {"seeds": 10, "patience": 5, "updates": 60, "curve": 40},
}
"""patience: how many of the g below; updates: of a learner; curve: g at which the exact lines are computed."""
PATIENCE = (0.5, 0.99, 0.3, 0.7, 0.9)
CHECKS: tuple[Checks, ...] = ("failure", "task")
SIGHTS = {
    "belief": Look("#0072B2", "o", "-"),
    "task": Look("#D55E00", "s", (0, (5, 1.5))),
}
"""What a learner sees, as `ProviderSessions` names it, and how it is drawn."""
BEST, RULE = Look("#000000", "", "-"), Look("#009E73", "^", (0, (3, 1, 1, 1)))
PRIOR = Belief(1.0, 1.0)
HORIZON = 100
"""Tasks of a session with an end, for which the learned policies are judged, too."""
LONG_RUN = (100, 200)
"""The tasks whose cost counts as that of the long run; a user is lost if its belief says leave at the last decision."""
SESSIONS = 1000
STRIP = 25
"""Tasks of a session in the strip chart."""
DRAWS = 2000
"""How far a learned plan is followed at a patience near 1; what comes later counts for less than .01 %."""
BLIND_CHANCES = 5
"""In how many chances, after 0, 1, 2, ... failed passes of M1, a plan that does not see the belief is sought."""
MOST_PASSES = 30
"""Failed passes of M1 in a task after which a provider without the belief is taken to turn to M2."""


Milks = dict[Checks, list[tuple[float, float]]]
"""The users' checks -> from where to where, in g, it pays to milk."""


class Cell(NamedTuple):
    """One learner: the users' checks, what it sees, its patience."""

    checks: Checks
    sight: str
    patience: float
    seed: int


def check(settings: Settings) -> None:
    """Raise InputError for a game in which keeps do not cost the user's trust, or in which it has none."""
    s0 = float(thresholds(settings.game).s0)
    if not s0 <= PRIOR.mean:  # nan: s is of no such effect
        raise InputError(
            "expected a game with xi1 < 0 < xi2 and s0 <= 1/2, in which users who believe Beta(1, 1) "
            f"stay until keeps make them leave, got {settings.name} (s0: {s0:.3g}); try t4-cascade"
        )


def experiment(settings: Settings, progress: Steps) -> Page:
    """Train providers, judge them, draw them beside the best plan and the hand-written rule."""
    game = settings.game
    patience = PATIENCE[: settings["patience"]]
    cells = [Cell(*key, seed) for seed in range(settings["seeds"]) for key in combinations(patience)]
    trained = settings.each(partial(train, settings), cells, progress, "learners")
    blind = settings.each(partial(best_blind, game), [(c, g) for c in CHECKS for g in sorted(patience)], progress,
                          "searches for the best plan without the belief")  # fmt: skip
    points = np.unique(np.concatenate([np.linspace(0.05, 0.98, settings["curve"]), PATIENCE]))
    exact = settings.each(partial(plans, game), [(c, float(g)) for c in CHECKS for g in points], progress,
                          "exact plans")  # fmt: skip
    seeds, lines = pl.DataFrame([row for row, _ in trained]), pl.DataFrame(exact)
    strips = {cell: strip for cell, (_, strip) in zip(cells, trained, strict=True) if cell.seed == 0}
    unseen = pl.DataFrame(blind)
    table, milks = summary(seeds, lines, unseen), {checks: milking(game, checks, lines) for checks in CHECKS}
    return Page(
        f"Reputation, learned: {settings.name}",
        "A provider that commits to nothing learns from play. Does it keep the user's trust, and when does it pay it "
        "to spend it? What is it worth to see the belief?",
        answer(table, milks),
        (Picture(COST_CAPTION, cost_figure(table, lines, milks, game)),
         Picture(STRIP_CAPTION, strip_figure(game, strips))),
        (Table("learned", "Means over seeds with half their 95 % intervals. cost: (1-g) J; above: over best, the "
               "best plan that sees what the learner sees, in %; "
               f"horizon: the same over {HORIZON} tasks without discount, for learners that see the belief; "
               f"long_run: cost of a task among tasks {LONG_RUN[0] + 1} to {LONG_RUN[1]} of {SESSIONS:,} sessions, "
               "over J* in %; lost: share of users, in %, whose belief then says leave; milks: share of seeds that "
               "keep from the prior on past the belief at which the hand-written rule would escalate first.", table),
         Table("seeds", "The same, seed by seed.", seeds),
         Table("exact", "Best plan by value iteration, and the hand-written rule: (1-g) J; milks: the best plan keeps "
               "from the prior on past the first belief at which the rule escalates.", lines),
         Table("blind", "The best plan found that does not see the belief: (1-g) J, and its chances of M2 after so "
               "many failed passes of M1 in the task.", unseen)),
        {"game": settings.name, "profile": settings.profile, **settings.numbers, "prior": "Beta(1, 1)",
         "users": "plug-in", "g": ", ".join(f"{g:g}" for g in patience)},
    )  # fmt: skip


def combinations(patience: tuple[float, ...]) -> list[tuple[Checks, str, float]]:
    """Every kind of learner."""
    return [(checks, sight, g) for g in patience for checks in CHECKS for sight in SIGHTS]


# --- what is measured -----------------------------------------------------------------------------------------


def leaving(game: Game, checks: Checks) -> Callable[[Belief], Any]:
    """The users' q at a belief."""
    rule = PlugIn(game, checks)
    return lambda belief: rule.leaving(belief, 1, np.random.default_rng(0))  # the rule draws nothing


def edge(game: Game) -> Belief:
    """The first belief at which the hand-written rule escalates: after one keep more the user would leave."""
    escalates, belief = reputation_rule(leaving(game, "failure")), PRIOR
    while not escalates(belief):
        belief = belief.after(False)
    return belief


def plans(game: Game, cell: tuple[Checks, float]) -> dict[str, Any]:
    """Costs of the best plan and of the hand-written rule at a discount."""
    checks, g = cell
    user, keeps = leaving(game, checks), round(edge(game).kept - PRIOR.kept)
    far = max(enough_draws(game, g), keeps + 1)
    best = reputation_discounted(game, PRIOR, g, user, checks, draws=far)
    rule = reputation_discounted(game, PRIOR, g, user, checks, reputation_rule(user), draws=far)
    milks = not best.reasoning[0, 0] and (best.escalating[0, : keeps + 1] == 0).all()
    return {"checks": checks, "g": g, "best": best.cost, "rule": rule.cost, "milks": bool(milks)}


def best_blind(game: Game, cell: tuple[Checks, float]) -> dict[str, Any]:
    """The cheapest plan found of those that see nothing but their task: its cost, and its chances of M2.

    The chances after each number of failed passes are polished from the best plan without chance, which turns to M2
    after some number of them.
    """
    checks, g = cell
    user = leaving(game, checks)

    def cost(x: Any, draws: int | None = min(600, enough_draws(game, g))) -> float:
        chances = np.append(x, np.full(MOST_PASSES + 1 - len(x), x[-1]))
        return memoryless_discounted(game, PRIOR, g, user, chances, checks, draws)

    turns = [(np.arange(BLIND_CHANCES) >= turn).astype(float) for turn in range(BLIND_CHANCES)]
    first = min(turns, key=cost)
    inwards = first + 0.3 * np.diag(1 - 2 * first)
    found = minimize(cost, first, method="Nelder-Mead", bounds=[(0, 1)] * BLIND_CHANCES,
                     options={"initial_simplex": np.vstack([first, inwards]), "maxfev": 400, "xatol": 1e-3,
                              "fatol": 1e-6})  # fmt: skip
    columns = [f"{n}" for n in range(BLIND_CHANCES - 1)] + [f"{BLIND_CHANCES - 1} or more"]
    return {"checks": checks, "g": g, "cost": cost(found.x, None)} | dict(zip(columns, found.x.tolist(), strict=True))


@one_thread()
def train(settings: Settings, cell: Cell) -> tuple[dict[str, Any], dict[str, Any]]:
    """Train one learner; its row, and one session of it."""
    from routing_game.agents.sb3_sessions import SETTINGS, PPOBlind, PPOReputation
    from routing_game.envs.sb3 import SB3VecEnv

    game, rng = settings.game, settings.rng("reputation", cell)
    kind: Any = {"belief": PPOReputation, "task": PPOBlind}[cell.sight]
    plan = replace(SETTINGS[kind.name], updates=settings["updates"])
    env = SB3VecEnv(sessions(game, cell, plan.width, cell.patience, None))
    env.seed(int(rng.integers(2**31)))
    learner = kind(env, rng, plan)
    *_, steps = learner.train()
    row: dict[str, Any] = {**cell._asdict(), "decisions": steps, **judge(game, cell, learner)}
    row |= long_run(game, cell, learner, int(rng.integers(2**31)))
    return row, play_strip(game, cell, decisions(cell, learner), int(rng.integers(2**31)))


def sessions(game: Game, cell: Cell, width: int, going_on: float, tasks: int | None) -> ProviderSessions:
    """The engine that a cell's learner sees."""
    return ProviderSessions(game, PlugIn(game, cell.checks), width, PRIOR, going_on, tasks, cell.sight)


def judge(game: Game, cell: Cell, learner: Any) -> dict[str, Any]:
    """Costs of what was learned, exactly."""
    user, g = leaving(game, cell.checks), cell.patience
    if cell.sight == "task":
        cost = memoryless_discounted(game, PRIOR, g, user, learner.chances(MOST_PASSES), cell.checks)
        return {"cost": cost, "horizon": None, "milks": None}
    how: Any = {"escalating": learner.escalating, "starting": learner.starting}
    cost = reputation_discounted(game, PRIOR, g, user, cell.checks, draws=DRAWS if g > 0.95 else None, **how).cost
    ended = float(reputation(game, PRIOR, HORIZON, user, cell.checks, **how).cost[-1])
    best = float(reputation(game, PRIOR, HORIZON, user, cell.checks).cost[-1])
    keeps = np.arange(edge(game).kept - PRIOR.kept + 1)
    milks = not learner.starting(PRIOR) and not learner.escalating(Belief(PRIOR.escalated, PRIOR.kept + keeps)).any()
    return {"cost": cost, "horizon": 100 * (ended / best - 1), "milks": bool(milks)}


def long_run(game: Game, cell: Cell, learner: Any, seed: int) -> dict[str, float]:
    """Cost of a late task over J*, in %, and the share of users who are lost at the last decision, by play."""
    first, last = LONG_RUN
    engine, user = sessions(game, cell, SESSIONS, 1.0, last), leaving(game, cell.checks)
    observation, _ = engine.reset(seed=seed)
    spent, playing, lost = 0.0, np.ones(SESSIONS, dtype=bool), np.zeros(SESSIONS)
    while playing.any():
        late = playing & (engine.played >= first)
        lost[playing] = user(Belief(engine.a, engine.b))[playing]
        observation, reward, over, _, _ = engine.step(decisions(cell, learner)(observation))
        spent -= float(reward[late].sum())
        playing &= ~over
    cost = spent / (SESSIONS * (last - first))
    return {"long_run": 100 * (cost / float(solve(game).cost) - 1), "lost": 100 * float(lost.mean())}


def decisions(cell: Cell, learner: Any) -> Callable[[Any], Any]:
    """What a learner does: the likelier action; who does not see the belief may have to mix."""
    return lambda observation: learner.decide(observation, greedy=cell.sight == "belief")[0]


def play_strip(game: Game, cell: Cell, act: Callable[[Any], Any], seed: int) -> dict[str, Any]:
    """One session, decision by decision: E[s] before it, the task, whether it is after a failure, and the action."""
    engine = sessions(game, cell, 1, 1.0, STRIP)
    observation, _ = engine.reset(seed=seed)
    steps: list[tuple[float, int, bool, int, bool]] = []
    over: Any = np.zeros(1, dtype=bool)
    while not over[0]:
        before = float(Belief(engine.a, engine.b).mean[0]), int(engine.played[0]), bool(engine.passes[0] > 0)
        action = act(observation)
        observation, reward, over, _, _ = engine.step(action)
        steps.append((*before, int(action[0]), bool(action[0] == 0 and -reward[0] >= game.penalty)))
    return dict(zip(("mean", "task", "failed", "action", "left"), map(list, zip(*steps, strict=True)), strict=True))


def milking(game: Game, checks: Checks, lines: pl.DataFrame) -> list[tuple[float, float]]:
    """From where to where, in g, the best plan milks at the first edge: by bisection between points of the lines."""
    points = lines.filter(checks=checks).sort("g").select("g", "milks").rows()
    ends = [0.0] * points[0][1]
    for (low, milks), (high, milks_after) in pairwise(points):
        if milks != milks_after:
            for _ in range(12):
                middle = (low + high) / 2
                low, high = (middle, high) if plans(game, (checks, middle))["milks"] == milks else (low, middle)
            ends.append(high)
    ends += [1.0] * points[-1][1]
    return list(zip(ends[::2], ends[1::2], strict=True))


def summary(seeds: pl.DataFrame, lines: pl.DataFrame, unseen: pl.DataFrame) -> pl.DataFrame:
    """Means over seeds, a row for each kind of learner; `best` is the best plan that sees what the learner sees."""
    best = {("belief", row["checks"], row["g"]): row["best"] for row in lines.to_dicts()}
    best |= {("task", row["checks"], row["g"]): row["cost"] for row in unseen.to_dicts()}
    rows = []
    for key, group in seeds.sort("checks", "sight", "patience").group_by("checks", "sight", "patience",
                                                                         maintain_order=True):  # fmt: skip
        checks, sight, g = key
        target = best[sight, checks, g]
        row = {"checks": checks, "sight": sight, "g": g, "best": target, **mean("cost", group["cost"].to_numpy())}
        row |= mean("above", 100 * (group["cost"].to_numpy() / target - 1))
        row |= mean("long_run", group["long_run"].to_numpy()) | mean("lost", group["lost"].to_numpy())
        row["horizon"], row["horizon_half"], row["milks"] = None, None, None
        if sight == "belief":
            row |= mean("horizon", group["horizon"].to_numpy()) | {"milks": float(np.mean(group["milks"].to_numpy()))}
        rows.append(row)
    return pl.DataFrame(rows, infer_schema_length=None)


# --- words ----------------------------------------------------------------------------------------------------


def answer(table: pl.DataFrame, milks: Milks) -> tuple[str, ...]:
    """What the numbers say."""
    return (milking_words(milks), *(seeing_words(c, table) for c in CHECKS), *(blind_words(c, table) for c in CHECKS))


def when(checks: str) -> str:
    """When users check, in words."""
    return "at each failure" if checks == "failure" else "once a task"


def milking_words(milks: Milks) -> str:
    """Where it pays to milk."""
    parts = []
    for checks, spans in milks.items():
        spots = " and ".join(span_words(*span) for span in spans)
        parts.append(f"if users check {when(checks)}, {spots or 'never'}")
    return f"The best plan milks at the first edge: {'; '.join(parts)}."


def span_words(low: float, high: float) -> str:
    """An interval of g."""
    if low == 0:
        return f"up to g = {high:.3f}" if high < 1 else "always"
    return f"from g = {low:.3f} " + (f"to {high:.3f}" if high < 1 else "on")


def seeing_words(checks: Checks, table: pl.DataFrame) -> str:
    """What learners that see the belief came to."""
    rows = table.filter(checks=checks, sight="belief").to_dicts()

    def at_each(column: str, digits: int) -> str:
        return ", ".join(f"{plus_minus(row, column, digits)} at g = {row['g']:g}" for row in rows)

    milk = ", ".join(f"{100 * row['milks']:.0f} at g = {row['g']:g}" for row in rows)
    return (f"PPO that sees the belief, users check {when(checks)}. Cost above the best plan, %: "
            f"{at_each('above', 2)}. Over {HORIZON} tasks, without discount, above the best plan for these, %: "
            f"{at_each('horizon', 2)}. In the long run above J*, %: {at_each('long_run', 1)}. Users lost by then, %: "
            f"{at_each('lost', 0)}. Seeds that milk at the first edge, %: {milk}.")  # fmt: skip


def blind_words(checks: Checks, table: pl.DataFrame) -> str:
    """What not seeing the belief costs a provider, and what learners that do not see it came to."""
    rows = table.filter(checks=checks)
    parts = []
    for blind in rows.filter(sight="task").to_dicts():
        seeing = rows.filter(sight="belief", g=blind["g"])["best"].item()
        parts.append(f"{100 * (blind['best'] / seeing - 1):.1f} % at g = {blind['g']:g} (PPO: another "
                     f"{plus_minus(blind, 'above', 2)} %)")  # fmt: skip
    return (f"Users check {when(checks)}: the best plan found that does not see the belief costs more than the best "
            f"one that does, by {', '.join(parts)}.")  # fmt: skip


COST_CAPTION = (
    "Cost (1-g) J over patience g. Lines: the best plan by value iteration, the hand-written rule, J*; bars: the best "
    "plan found that does not see the belief; shaded: where the best plan milks at the first edge. Points: what PPO "
    "learned, judged exactly, means of the seeds with 95 % t intervals."
)


STRIP_CAPTION = (
    f"A session of {STRIP} tasks against a user who checks once a task, of the hand-written rule and of what PPO "
    "learned with seed 0 at the least and the greatest g: the user's belief E[s], decision by decision. Triangles: "
    "escalations; dots: keeps; crosses: the user leaves; squares: a task that starts with M2. Dotted: s0."
)


# --- pictures -------------------------------------------------------------------------------------------------


def cost_figure(table: pl.DataFrame, lines: pl.DataFrame, milks: Milks, game: Game) -> str:
    """A panel for each kind of user."""
    with mpl.rc_context(RC):
        canvas = Canvas(figsize=(11.2, 3.9))
        axes = canvas.subplots(1, len(CHECKS), sharey=True)
        canvas.subplots_adjust(left=0.07, right=0.99, top=0.83, bottom=0.13, wspace=0.06)
        for panel, checks in zip(axes, CHECKS, strict=True):
            mine = lines.filter(checks=checks).sort("g")
            for column, look, label in (("best", BEST, "best plan"), ("rule", RULE, "hand-written rule")):
                panel.plot(mine["g"], mine[column], color=look.colour, ls=look.line, lw=1.6, label=label)
            panel.axhline(float(solve(game).cost), color="#555555", lw=0.9, ls=":", label="J*")
            for k, (low, high) in enumerate(milks[checks]):
                panel.axvspan(low, high, color="#E69F00", alpha=0.15, lw=0, label="milking pays" if k == 0 else None)
                for end in {low, high} - {0.0, 1.0}:
                    panel.annotate(f"g = {end:.3f}", (end, 0.02), xycoords=("data", "axes fraction"), fontsize=8,
                                   xytext=(3, 0), textcoords="offset points")  # fmt: skip
            blind = table.filter(checks=checks, sight="task")
            panel.plot(blind["g"], blind["best"], "_", color="black", ms=14, mew=1.6, label="best plan, not seeing it")
            for sight, label in (("belief", "PPO, sees the belief"), ("task", "PPO, sees its task only")):
                rows = table.filter(checks=checks, sight=sight).sort("g")
                draw(panel, rows, SIGHTS[sight]._replace(line=""), "g", "cost", label)
            panel.set(xlabel="patience g, discount a task", xlim=(0, 1.02), title=f"user checks {when(checks)}")
        axes[0].set_ylabel("cost of a task, (1-g) J")
        drawn = [zip(*panel.get_legend_handles_labels(), strict=True) for panel in axes]
        known = {label: handle for panel in drawn for handle, label in panel}
        canvas.legend(known.values(), known, ncol=7, loc="upper left", bbox_to_anchor=(0.06, 1.0), frameon=False,
                      fontsize=8)  # fmt: skip
        return svg(canvas)


def strip_figure(game: Game, strips: dict[Cell, dict[str, Any]]) -> str:
    """A row for the hand-written rule and one for each learner that met users who check once a task."""
    cell = Cell("task", "belief", 0.0, 0)
    escalates = reputation_rule(leaving(game, "task"))
    by_rule = play_strip(game, cell, lambda seen: ((seen[:, 0] > 0) & escalates(Belief(*seen[:, 1:].T))).astype(int), 0)
    rows, patience = {"hand-written rule": by_rule}, [cell.patience for cell in strips]
    extremes = min(patience), max(patience)
    for sight, what in (("belief", "sees the belief"), ("task", "sees its task only")):
        rows |= {f"PPO, {what}, g = {c.patience:g}": strip for c, strip in sorted(strips.items(), key=lambda x: x[0][2])
                 if (c.checks, c.sight) == ("task", sight) and c.patience in extremes}  # fmt: skip
    with mpl.rc_context(RC):
        canvas = Canvas(figsize=(11.2, 1.25 * len(rows) + 0.5))
        axes = np.atleast_1d(canvas.subplots(len(rows), 1, sharey=True))
        canvas.subplots_adjust(left=0.06, right=0.99, top=1 - 0.3 / (1.25 * len(rows)), bottom=0.08, hspace=0.75)
        for panel, (title, strip) in zip(axes, rows.items(), strict=True):
            draw_strip(panel, strip, float(thresholds(game).s0))
            panel.set_title(title)
        axes[-1].set_xlabel("decision")
        axes[len(rows) // 2].set_ylabel("user's E[s]")
        return svg(canvas)


def draw_strip(axes: Axes, strip: dict[str, Any], s0: float) -> None:
    """The belief as steps, what was done on it, and lines between tasks."""
    mean_s, task, failed, action, left = map(np.array, strip.values())
    x: Any = np.arange(mean_s.size)
    action = action == 1
    axes.step(x, mean_s, where="mid", color="#444444", lw=1.0)
    marks = ((failed & action, "^", "#009E73", 6), (failed & ~action, ".", "#0072B2", 5),
             (~failed & action, "s", "#E69F00", 4), (left, "x", "#D55E00", 6))  # fmt: skip
    for where, marker, colour, size in marks:
        axes.plot(x[where], mean_s[where], marker, color=colour, ms=size, ls="")
    axes.axhline(s0, color="#555555", lw=0.9, ls=":")
    for start in np.flatnonzero(np.diff(task)) + 0.5:
        axes.axvline(start, color="#dddddd", lw=0.6, zorder=0)
    axes.set(xlim=(-0.5, x.size - 0.5), ylim=(0, 0.7))
    axes.grid(False)
