"""Does a provider that learns find reputation, and when does it milk? Cost against patience.

The provider commits to nothing and meets plug-in users with a belief, who check it after each
failure or once a task. By value iteration the best plan is known for every discount g a task; the
hand-written rule escalates only when a keep would make the user leave. PPO learns from play alone,
seeing the belief or nothing but its task. What it has learned is judged exactly: as a function of
the belief by the recursion of the best plan, as a function of the passes in the task by one of its
own. Only the strip and the costs in the long run are played.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import groupby, pairwise
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize

from routing_game.envs.session_engines import ProviderSessions
from routing_game.experiments import InputError
from routing_game.experiments.cells.progress import Steps
from routing_game.experiments.cells.threads import one_thread
from routing_game.experiments.hidden.rulebook import alone
from routing_game.experiments.hidden.settings import Settings
from routing_game.experiments.intervals import mean
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
"""patience: how many of the g below; updates: of a learner; curve: g of the exact lines."""
PATIENCE = (0.5, 0.99, 0.3, 0.7, 0.9)
CHECKS: tuple[Checks, ...] = ("failure", "task")
SIGHTS = ("belief", "task")
"""What a learner sees, as `ProviderSessions` names it."""
PRIOR = Belief(1.0, 1.0)
HORIZON = 100
"""Tasks of a session with an end, for which the learned policies are judged, too."""
LONG_RUN = (100, 200)
"""The tasks whose cost counts as that of the long run; a user is lost if its belief says leave at
the last decision.
"""
SESSIONS = 1000
STRIP = 25
"""Tasks of a session in the strip chart."""
DRAWS = 2000
"""How far a learned plan is followed at a patience near 1; later costs count for below .01 %."""
NEAR_1 = 0.95
BLIND_CHANCES = 5
"""In how many chances, after 0, 1, 2, ... failed passes of M1, a plan that does not see the belief
is sought.
"""
BLIND_DRAWS = 600
"""How far such a plan is followed while it is sought."""
MOST_PASSES = 30
"""Failed passes of M1 in a task after which a provider without the belief is taken to turn to M2.
"""
HALVINGS = 12
"""How often a span of g is halved to find where milking begins or ends."""
Rows = list[dict[str, Any]]
Milks = dict[Checks, list[tuple[float, float]]]
"""The users' checks -> from where to where, in g, it pays to milk."""


class Cell(NamedTuple):
    """One learner: the users' checks, what it sees, its patience."""

    checks: Checks
    sight: str
    patience: float
    seed: int


class Measured(NamedTuple):
    """What is measured."""

    learned: Rows
    """Means over seeds, a row for each kind of learner."""
    seeds: Rows
    """A row for each learner."""
    exact: Rows
    """Costs of the best plan and of the hand-written rule, by the users' checks and g."""
    blind: Rows
    """The best plan that does not see the belief, by the users' checks and g."""
    milks: Milks
    strips: dict[Cell, dict[str, Any]]
    """A session of each learner with seed 0, decision by decision."""


def check(settings: Settings) -> None:
    """Raise InputError for a game in which keeps do not cost trust, or in which there is none."""
    s0 = float(thresholds(settings.game).s0)
    if not s0 <= PRIOR.mean:  # nan: s is of no such effect
        raise InputError(
            "expected a game with xi1 < 0 < xi2 and s0 <= 1/2, in which users who believe "
            "Beta(1, 1) stay until keeps make them leave, got "
            f"{settings.name} (s0: {s0:.3g}); try t4-cascade"
        )


def measure(settings: Settings, progress: Steps) -> Measured:
    """Train providers, judge them, and find the best plans with the belief and without."""
    game, patience = settings.game, PATIENCE[: settings["patience"]]
    cells = [
        Cell(checks, sight, g, seed)
        for seed in range(settings["seeds"])
        for g in patience
        for checks in CHECKS
        for sight in SIGHTS
    ]
    trained = settings.each(partial(train, settings), cells, progress, "learners")
    places = [(checks, g) for checks in CHECKS for g in sorted(patience)]
    what = "searches for the best plan without the belief"
    blind = settings.each(partial(best_blind, game), places, progress, what)
    curve = np.linspace(0.05, 0.98, settings["curve"])
    points = np.unique(np.concatenate([curve, PATIENCE])).tolist()
    places = [(checks, g) for checks in CHECKS for g in points]
    exact = settings.each(partial(plans, game), places, progress, "exact plans")
    milks = {checks: milking(game, checks, exact) for checks in CHECKS}
    exact += [plans(game, (checks, g)) for checks, g in kinks(milks)]
    exact.sort(key=lambda row: (CHECKS.index(row["checks"]), row["g"]))
    seeds = [row for row, _ in trained]
    strips = {cell: strip for cell, (_, strip) in zip(cells, trained, strict=True)}
    return Measured(
        learned=summary(seeds, exact, blind),
        seeds=seeds,
        exact=exact,
        blind=blind,
        milks=milks,
        strips={cell: strip for cell, strip in strips.items() if cell.seed == 0},
    )


def leaving(game: Game, checks: Checks) -> Callable[[Belief], Any]:
    """The users' q at a belief."""
    return alone(PlugIn(game, checks))


def edge(game: Game) -> Belief:
    """The first belief at which the hand-written rule escalates.

    After one keep more the user would leave.
    """
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
    keeps_on = (best.escalating[0, : keeps + 1] == 0).all()
    milks = bool(not best.reasoning[0, 0] and keeps_on)
    return {"checks": checks, "g": g, "best": best.cost, "rule": rule.cost, "milks": milks}


def best_blind(game: Game, cell: tuple[Checks, float]) -> dict[str, Any]:
    """The cheapest plan found of those that see nothing but their task: its cost and chances of M2.

    The chances after each number of failed passes are polished from the best plan without chance,
    which turns to M2 after some number of them.
    """
    checks, g = cell
    user = leaving(game, checks)

    def cost(x: Any, draws: int | None = min(BLIND_DRAWS, enough_draws(game, g))) -> float:
        chances = np.append(x, np.full(MOST_PASSES + 1 - len(x), x[-1]))
        return memoryless_discounted(game, PRIOR, g, user, chances, checks, draws)

    turns = [(np.arange(BLIND_CHANCES) >= turn).astype(float) for turn in range(BLIND_CHANCES)]
    first = min(turns, key=cost)
    inwards = first + 0.3 * np.diag(1 - 2 * first)
    options = {
        "initial_simplex": np.vstack([first, inwards]),
        "maxfev": 400,
        "xatol": 1e-3,
        "fatol": 1e-6 * cost(first),
    }
    bounds = [(0, 1)] * BLIND_CHANCES
    chances = minimize(cost, first, method="Nelder-Mead", bounds=bounds, options=options).x
    columns = [f"{n}" for n in range(BLIND_CHANCES - 1)] + [f"{BLIND_CHANCES - 1} or more"]
    found = dict(zip(columns, chances.tolist(), strict=True))
    return {"checks": checks, "g": g, "cost": cost(chances, None), **found}


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
    act = decisions(cell, learner)
    return row, play_strip(game, cell, act, int(rng.integers(2**31)))


def sessions(
    game: Game,
    cell: Cell,
    width: int,
    going_on: float,
    tasks: int | None,
) -> ProviderSessions:
    """The engine that a cell's learner sees.

    Args:
        game: the game.
        cell: whose users and sight it has.
        width: sessions at once.
        going_on: chance of a task more.
        tasks: after which a session ends; None for never.
    """
    rule = PlugIn(game, cell.checks)
    return ProviderSessions(game, rule, width, PRIOR, going_on, tasks, cell.sight)


def judge(game: Game, cell: Cell, learner: Any) -> dict[str, Any]:
    """Costs of what was learned, exactly."""
    user, g, checks = leaving(game, cell.checks), cell.patience, cell.checks
    if cell.sight == "task":
        chances = learner.chances(MOST_PASSES)
        cost = memoryless_discounted(game, PRIOR, g, user, chances, checks)
        return {"cost": cost, "horizon": None, "milks": None}
    how: Any = {"escalating": learner.escalating, "starting": learner.starting}
    draws = DRAWS if g > NEAR_1 else None
    cost = reputation_discounted(game, PRIOR, g, user, checks, draws=draws, **how).cost
    ended = float(reputation(game, PRIOR, HORIZON, user, checks, **how).cost[-1])
    best = float(reputation(game, PRIOR, HORIZON, user, checks).cost[-1])
    keeps = np.arange(edge(game).kept - PRIOR.kept + 1)
    escalates = learner.escalating(Belief(PRIOR.escalated, PRIOR.kept + keeps)).any()
    milks = bool(not learner.starting(PRIOR) and not escalates)
    return {"cost": cost, "horizon": 100 * (ended / best - 1), "milks": milks}


def long_run(game: Game, cell: Cell, learner: Any, seed: int) -> dict[str, float]:
    """Cost of a late task over J*, and users lost at the last decision, in %, by play."""
    first, last = LONG_RUN
    engine, user = sessions(game, cell, SESSIONS, 1.0, last), leaving(game, cell.checks)
    act = decisions(cell, learner)
    observation, _ = engine.reset(seed=seed)
    spent, playing, lost = 0.0, np.ones(SESSIONS, dtype=bool), np.zeros(SESSIONS)
    while playing.any():
        late = playing & (engine.played >= first)
        lost[playing] = user(Belief(engine.a, engine.b))[playing]
        observation, reward, over, _, _ = engine.step(act(observation))
        spent -= float(reward[late].sum())
        playing &= ~over
    cost = spent / (SESSIONS * (last - first))
    above = cost / float(solve(game).cost) - 1
    return {"long_run": 100 * above, "lost": 100 * float(lost.mean())}


def decisions(cell: Cell, learner: Any) -> Callable[[Any], Any]:
    """What a learner does: the likelier action; who does not see the belief may have to mix."""
    return lambda observation: learner.decide(observation, greedy=cell.sight == "belief")[0]


def strip_of_rule(game: Game) -> dict[str, Any]:
    """The session that the hand-written rule plays against users who check once a task."""
    escalates = reputation_rule(leaving(game, "task"))

    def act(seen: Any) -> Any:
        failed, belief = seen[:, 0] > 0, Belief(*seen[:, 1:].T)
        return (failed & escalates(belief)).astype(int)

    return play_strip(game, Cell("task", "belief", 0.0, 0), act, 0)


def play_strip(game: Game, cell: Cell, act: Callable[[Any], Any], seed: int) -> dict[str, Any]:
    """One session, decision by decision, in columns.

    E[s] before it, the task, whether it is after a failure, the action, and whether the user left.

    Args:
        game: the game.
        cell: whose users and sight the session has.
        act: observations -> actions.
        seed: of the session.
    """
    engine = sessions(game, cell, 1, 1.0, STRIP)
    observation, _ = engine.reset(seed=seed)
    columns: dict[str, Any] = {name: [] for name in ("mean", "task", "failed", "action", "left")}
    over: Any = np.zeros(1, dtype=bool)
    while not over[0]:
        columns["mean"].append(float(Belief(engine.a, engine.b).mean[0]))
        columns["task"].append(int(engine.played[0]))
        columns["failed"].append(bool(engine.passes[0] > 0))
        action = act(observation)
        observation, reward, over, _, _ = engine.step(action)
        columns["action"].append(int(action[0]))
        columns["left"].append(bool(action[0] == 0 and -reward[0] >= game.penalty))
    return columns


def milking(game: Game, checks: Checks, exact: Rows) -> list[tuple[float, float]]:
    """From where to where, in g, the best plan milks at the first edge.

    By bisection between the points at which it is known.
    """
    mine = sorted((row for row in exact if row["checks"] == checks), key=lambda row: row["g"])
    points = [(row["g"], row["milks"]) for row in mine]
    ends = [0.0] if points[0][1] else []
    for (low, milks), (high, milks_after) in pairwise(points):
        if milks != milks_after:
            for _ in range(HALVINGS):
                middle = (low + high) / 2
                same = plans(game, (checks, middle))["milks"] == milks
                low, high = (middle, high) if same else (low, middle)
            ends.append(high)
    if points[-1][1]:
        ends.append(1.0)
    return list(zip(ends[::2], ends[1::2], strict=True))


def kinks(milks: Milks) -> list[tuple[Checks, float]]:
    """Where milking begins or ends inside (0, 1): there the lines of exact costs meet or part."""
    ends = [(checks, end) for checks, spans in milks.items() for span in spans for end in span]
    return [(checks, end) for checks, end in ends if 0 < end < 1]


def summary(seeds: Rows, exact: Rows, blind: Rows) -> Rows:
    """Means over seeds; `best` is the best plan that sees what the learner sees."""
    best = {("belief", row["checks"], row["g"]): row["best"] for row in exact}
    best |= {("task", row["checks"], row["g"]): row["cost"] for row in blind}

    def kind(row: dict[str, Any]) -> tuple[Checks, str, float]:
        return row["checks"], row["sight"], row["patience"]

    rows = []
    for (checks, sight, g), group in groupby(sorted(seeds, key=kind), kind):
        mine = list(group)
        target = best[sight, checks, g]
        cost = np.array([row["cost"] for row in mine])
        row = {"checks": checks, "sight": sight, "g": g, "best": target, **mean("cost", cost)}
        row |= mean("above", 100 * (cost / target - 1))
        for name in ("long_run", "lost"):
            row |= mean(name, [learner[name] for learner in mine])
        row |= {"horizon": None, "horizon_half": None, "milks": None}
        if sight == "belief":
            row |= mean("horizon", [learner["horizon"] for learner in mine])
            row["milks"] = float(np.mean([learner["milks"] for learner in mine]))
        rows.append(row)
    return rows
