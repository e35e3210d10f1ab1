"""Can a user that learns infer a hidden s? Regret against the Bayes-optimal user, by what it sees.

A session has T tasks and one s, drawn from the prior and never told. Learners see the counts of a
Bayesian user, their last few draws, or only the last one and remember by an LSTM; they learn from
play alone, by PPO or, on counts, by staying throughout their practice (`agents.session_learning`).
A plan made of counts is valued exactly. Others are played, with two steps that take the noise out
without bias: given the stays of a session and its s, U = T xi1 + stays (s W2 + (1-s) xi1) on
average, W2 the worth of M2 from its first pass on; and what a user who is told s would get, whose
mean is known, serves as a control variate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from routing_game.agents.session_learning import ExploringUser, Practice
from routing_game.envs.session_engines import UserSessions
from routing_game.experiments import InputError
from routing_game.experiments.cells.progress import Steps
from routing_game.experiments.cells.threads import one_thread
from routing_game.experiments.hidden.rulebook import named
from routing_game.experiments.hidden.settings import Settings
from routing_game.experiments.hidden.threshold import in_units_of_value
from routing_game.experiments.intervals import HALF, mean
from routing_game.theory import Game
from routing_game.theory.belief import Belief
from routing_game.theory.belief_plan import (
    UserPlan,
    clairvoyant,
    plan_after_failure,
    told_utility,
)
from routing_game.theory.belief_rules import after_failure, worth_of_reasoning
from routing_game.theory.numbers import Array

PROFILES = {
    "smoke": {"seeds": 2, "updates": 2, "sessions": 500},
    "default": {"seeds": 3, "updates": 100, "sessions": 20_000},
    "full": {"seeds": 10, "updates": 100, "sessions": 20_000},
}
"""updates: percent of a learner's own number of them; sessions: played to value what is no function
of counts.
"""
TASKS = 30
WINDOW = 8
PRIORS = (Belief(1.0, 4.0), Belief(1.0, 1.0))
LEARNERS = ("exploring", "belief", "window", "recurrent")
ON_COUNTS = ("exploring", "belief")
"""Learners whose plan is made of counts, and so valued exactly."""
PLAN, PLAN_WINDOW, MYOPIC = "Bayes-optimal", f"Bayes-optimal, last {WINDOW} draws", "myopic"
REFERENCES = (PLAN, PLAN_WINDOW, MYOPIC)
"""Users of the theory; the second takes the draws of a window for all there were."""
OBSERVES = {"window": WINDOW, PLAN_WINDOW: WINDOW, "recurrent": 1}
"""User -> how many of the last draws it sees; the others see the counts."""
BINS = 12
"""Groups of sessions by s, equally many in each."""
Rows = list[dict[str, Any]]
Act = Callable[[Any, Any, Any], tuple[Any, Any]]
"""(observations, state, which sessions have just begun) -> actions, state."""


class Cell(NamedTuple):
    """One learner, or one user of the theory (seed 0)."""

    user: str
    prior: Belief
    seed: int

    @property
    def observes(self) -> str | int:
        """What the user sees, as `UserSessions` names it."""
        return OBSERVES.get(self.user, "belief")


class Measured(NamedTuple):
    """What is measured, in rows."""

    learned: Rows
    """Means over seeds, by user and prior."""
    seeds: Rows
    """A row for each user, prior and seed."""
    by_s: Rows
    """Losses of each of these, by s."""


def check(settings: Settings) -> None:
    """Raise InputError for too few sessions to value a user by."""
    if settings["sessions"] < BINS**2:
        problem = f"expected at least {BINS**2} --sessions for belief users"
        raise InputError(f"{problem}, got {settings['sessions']}")


def measure(settings: Settings, progress: Steps) -> Measured:
    """Train users and value them, beside those of the theory."""
    todo = cells(settings["seeds"])
    found = settings.each(partial(train, settings), todo, progress, "users")
    seeds = [row for row, _ in found]
    return Measured(summary(seeds), seeds, [group for _, groups in found for group in groups])


def cells(seeds: int) -> list[Cell]:
    """Every learner with every seed, and the users of the theory once."""
    known = [Cell(user, prior, 0) for user in REFERENCES for prior in PRIORS]
    return known + [
        Cell(user, prior, seed) for seed in range(seeds) for user in LEARNERS for prior in PRIORS
    ]


@one_thread()
def train(settings: Settings, cell: Cell) -> tuple[dict[str, Any], Rows]:
    """Train a learner, or plan; its row, and its losses by s."""
    game, prior, rng = settings.game, cell.prior, settings.rng("users", cell)
    best = plan_after_failure(game, prior, TASKS)
    exact, act = user_of(settings, cell, best, rng)
    seed = int(rng.integers(2**31))
    played = play(game, prior, cell.observes, act, settings["sessions"], seed)
    value, error = (played.value, played.error) if exact is None else (exact, 0.0)
    who = {"user": cell.user, "prior": named(prior), "seed": cell.seed}
    row = {**who, "value": value, "regret": best.value[TASKS] - value, "error": error}
    return row, [who | group for group in played.by_s]


def user_of(
    settings: Settings,
    cell: Cell,
    best: UserPlan,
    rng: np.random.Generator,
) -> tuple[float | None, Act]:
    """The exact value of a user, None if only play can tell, and what it does.

    Args:
        settings: of the question.
        cell: the user, its prior and its seed.
        best: the Bayes-optimal plan under the prior.
        rng: for a learner.
    """
    game, prior = settings.game, cell.prior
    if cell.user in LEARNERS:
        learner = learn(settings, cell, rng)
        if cell.user not in ON_COUNTS:
            return None, learner.decide
        learned = plan_after_failure(game, prior, TASKS, learner.plan)
        return float(learned.value[TASKS]), learner.decide
    plan = best
    if cell.user == MYOPIC:
        plan = plan_after_failure(game, prior, TASKS, partial(after_failure, game))
    exact = None if cell.user == PLAN_WINDOW else float(plan.value[TASKS])
    return exact, by_plan(plan.leaving, prior, cell.observes)


def learn(settings: Settings, cell: Cell, rng: np.random.Generator) -> Any:
    """A trained learner."""
    if cell.user == "exploring":
        return explore(settings, cell, rng)
    from routing_game.agents.sb3_sessions import (
        SETTINGS,
        PPOBeliefUser,
        PPOWindowUser,
        RecurrentUser,
    )
    from routing_game.envs.sb3 import SB3VecEnv

    kinds: tuple[Any, ...] = (PPOBeliefUser, PPOWindowUser, RecurrentUser)
    kind = dict(zip(LEARNERS[1:], kinds, strict=True))[cell.user]
    usual = SETTINGS[kind.name]
    plan = replace(usual, updates=max(2, usual.updates * settings["updates"] // 100))
    practice = in_units_of_value(settings.game)
    env = SB3VecEnv(UserSessions(practice, plan.width, TASKS, cell.prior, cell.observes))
    env.seed(int(rng.integers(2**31)))
    learner = kind(env, rng, settings.game, TASKS, cell.prior, plan)
    for _ in learner.train():
        pass
    return learner


def explore(settings: Settings, cell: Cell, rng: np.random.Generator) -> ExploringUser:
    """One that stays throughout its practice, and then plans."""
    usual = Practice()
    practice = replace(usual, steps=max(8, usual.steps * settings["updates"] // 100))
    game = in_units_of_value(settings.game)
    engine = UserSessions(game, practice.width, TASKS, cell.prior)
    learner = ExploringUser(engine, rng, game, TASKS, cell.prior, practice)
    for _ in learner.train():
        pass
    return learner


def by_plan(leaving: Array, prior: Belief, observes: str | int) -> Act:
    """A plan over counts as what it does; told a window, it takes its draws for all there were.

    Args:
        leaving: q of shape (tasks to come, escalations, keeps).
        prior: the counts to begin with.
        observes: what the user sees.
    """

    def act(seen: Array, state: Any, begins: Any) -> tuple[Any, Any]:
        to_come = whole((1 - seen[:, 0]) * TASKS)
        draws = seen[:, 1:]
        if observes == "belief":
            escalated, kept = (draws - prior).T
        else:
            escalated, kept = (draws > 0).sum(axis=1), (draws < 0).sum(axis=1)
        within = np.minimum(whole(kept), leaving.shape[2] - 1)
        return (leaving[to_come - 1, whole(escalated), within] > 0.5).astype(int), None

    return act


def whole(numbers: Array) -> Array:
    """The nearest integers, as such."""
    return np.rint(numbers).astype(int)


class Played(NamedTuple):
    """The value of a session by play, its standard error, and the losses by s."""

    value: float
    error: float
    by_s: list[dict[str, float]]


def play(
    game: Game,
    prior: Belief,
    observes: str | int,
    act: Act,
    sessions: int,
    seed: int,
) -> Played:
    """Play so many sessions, the first one of each environment, and take the noise out.

    Args:
        game: the game.
        prior: the law of s.
        observes: what the user sees.
        act: what it does.
        sessions: to play.
        seed: of the environments.
    """
    engine = UserSessions(game, sessions, TASKS, prior, observes)
    s, stays = stays_of(engine, act, seed)
    xi1 = float(game.net_value[0])
    utility = TASKS * xi1 + stays * (s * worth_of_reasoning(game) + (1 - s) * xi1)
    told = TASKS * told_utility(game, s)
    slope = np.cov(utility, told)[0, 1] / told.var(ddof=1)
    adjusted = utility - slope * (told - TASKS * clairvoyant(game, prior))
    error = adjusted.std(ddof=1) / np.sqrt(sessions)
    by_s = [
        {"s": float(s[group].mean()), "loss": float((told - utility)[group].mean())}
        for group in np.array_split(np.argsort(s), BINS)
    ]
    return Played(float(adjusted.mean()), float(error), by_s)


def stays_of(engine: UserSessions, act: Act, seed: int) -> tuple[Array, Array]:
    """The s of each environment's first session, and how often the user stayed in it."""
    observation, _ = engine.reset(seed=seed)
    s = engine.cascade.copy()
    stays, playing = np.zeros(s.size), np.ones(s.size, dtype=bool)
    state, begins = None, np.ones(s.size, dtype=bool)
    while playing.any():
        action, state = act(observation, state, begins)
        stays += playing & (action == 0)
        observation, _, begins, _, _ = engine.step(action)
        playing &= ~begins
    return s, stays


def summary(seeds: Rows) -> Rows:
    """Means over seeds, a row for each user and prior; for users of the theory those of play."""
    groups: dict[tuple[str, str], Rows] = {}
    for seed in seeds:
        groups.setdefault((seed["user"], seed["prior"]), []).append(seed)
    rows = []
    for (user, prior), group in groups.items():
        row: dict[str, Any] = {"user": user, "prior": prior}
        for column in ("value", "regret"):
            row |= mean(column, [seed[column] for seed in group])
        if user in REFERENCES:
            half = HALF * group[0]["error"]
            row |= {"value_half": half, "regret_half": half}
        rows.append(row)
    return rows
