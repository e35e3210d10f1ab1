"""What `make.py` recomputes for docs/belief.md: theory, and play with seeds that are named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from routing_game.envs.crowd import play_sessions
from routing_game.experiments.hidden.reputation import best_blind
from routing_game.experiments.hidden.settings import Settings
from routing_game.experiments.hidden.threshold import threshold
from routing_game.experiments.hidden.trap import PROFILES, Cell, row, silent
from routing_game.theory import GAMES, Game, sample_games, solve, thresholds
from routing_game.theory.belief import Belief
from routing_game.theory.belief_plan import plan_after_failure
from routing_game.theory.belief_rules import (
    ForcedStays,
    Optimistic,
    PlugIn,
    after_failure,
    expected_threshold,
    expected_utility,
    plug_in,
    plug_in_after_failure,
)
from routing_game.theory.lock_in import lock_in
from routing_game.theory.noisy import observation_value
from routing_game.theory.reputation import reputation, reputation_discounted, reputation_rule

Values = dict[str, Any]
T4, T5 = GAMES["t4-cascade"], GAMES["t5-cascade"]
TEMPTED = replace(T4, penalty=0.7)
"""Losing the user costs less than escalating; s0 is still the best cascade."""
EVEN = Belief(1.0, 1.0)
COUNTS = (2, 5, 20, 100)
"""a + b."""


def share(x: Any) -> float:
    """Of True, in per cent."""
    return 100 * float(np.mean(x))


# --- what doubt does to one task


def doubt() -> Values:
    """The threshold of E[s] under doubt, and how often the means do not say what to do."""
    n, seed = 4000, 0
    ups = sample_games(2000, np.random.default_rng(seed), "-+")
    return {
        "s_0": float(thresholds(T4).s0),
        "J": float(solve(T4).cost),
        "threshold in t4-cascade": [float(expected_threshold(T4, count)) for count in COUNTS],
        "shift over its formula, 2,000 games": {str(k): shifts(ups, k) for k in COUNTS},
        **differences(n, seed),
        "games": n,
        "seed": seed,
        "standard error, points": 100 * float(np.sqrt(0.2 * 0.8 / n)),
    }


def shifts(games: Game, count: int) -> Values:
    """Of the shift of the threshold over Var(s) k1 / (p1 + k1 s0): the median, nine of ten."""
    s0, p1, k1 = thresholds(games).s0, games.success[0], games.failure[0]
    formula = s0 * (1 - s0) / (count + 1) * k1 / (p1 + k1 * s0)
    ratio = (expected_threshold(games, count) - s0) / formula
    low, median, high = np.quantile(ratio, [0.05, 0.5, 0.95])
    return {"median": float(median), "nine tenths": [float(low), float(high)]}


def differences(n: int, seed: int) -> Values:
    """How often plug-in and the best q differ, in per cent, by regime and a + b."""
    jump: Values = {"differ": {}, "inside": {}}
    ramp: Values = {"differ": {}, "by more": {}, "loss": {}}
    for count in COUNTS:
        for regime in ("-+", "+-"):
            rng = np.random.default_rng(seed)
            games, mean = sample_games(n, rng, regime), rng.random(n)
            belief = Belief(mean * count, (1 - mean) * count)
            plug, best = plug_in(games, belief), expected_utility(games, belief)
            apart = np.abs(plug - best)
            if regime == "-+":
                jump["differ"][str(count)] = share(apart > 1e-6)
                jump["inside"][str(count)] = share((best > 1e-6) & (best < 1 - 1e-6))
            else:
                ramp["differ"][str(count)] = share(apart > 1e-6)
                ramp["by more"][str(count)] = share(apart > 0.01)
                far = np.flatnonzero(apart > 0.01)
                some = Belief(belief.escalated[far], belief.kept[far])
                ramp["loss"][str(count)] = median_loss(games[far], some, plug[far], best[far])
    return {
        "xi_1 < 0 < xi_2, differ": jump["differ"],
        "best q inside (0, 1)": jump["inside"],
        "xi_1 > 0 > xi_2, differ": ramp["differ"],
        "by more than .01": ramp["by more"],
        "median loss there, % of V": ramp["loss"],
    }


def median_loss(games: Game, belief: Belief, plug: Any, best: Any) -> float:
    """Of plug-in against the best q, in per cent of V."""
    from routing_game.theory.belief import expected_payoffs

    utility = [expected_payoffs(games, belief, q).utility for q in (best, plug)]
    return 100 * float(np.median((utility[0] - utility[1]) / games.value))


# --- plans


def plans() -> Values:
    """What rules lose against the Bayes-optimal plan, exactly, in units of V."""
    priors = {"Beta(1, 1)": EVEN, "Beta(1, 4)": Belief(1.0, 4.0), "Beta(4, 1)": Belief(4.0, 1.0)}
    rules: dict[str, Callable[[Game, Belief], Any]] = {
        "optimistic, fixed": lambda game, belief: Optimistic(game, growing=False).leaving(
            belief, 1, np.random.default_rng(0)
        ),
        "expected utility": after_failure,
    }
    lost = {
        name: {
            rule: float(np.mean([loss(game, prior, 100, f) / 100 for prior in priors.values()]))
            for rule, f in rules.items()
        }
        for name, game in (("t4-cascade", T4), ("t5-cascade", T5))
    }
    myopic = {name: loss(T4, prior, 30, after_failure) for name, prior in priors.items()}
    return {
        "a task of 100, mean of three priors": lost,
        "myopic": myopic,
        "myopic in t5-cascade, Beta(1, 1)": loss(T5, EVEN, 30, after_failure),
    }


def loss(game: Game, prior: Belief, tasks: int, rule: Callable[[Game, Belief], Any]) -> float:
    """Of a rule over a session of so many tasks, in units of V."""
    best = plan_after_failure(game, prior, tasks).value[tasks]
    own = plan_after_failure(game, prior, tasks, partial(rule, game)).value[tasks]
    return float((best - own) / game.value)


# --- the information trap

DISTANCES = {"at s_0": 0.0, "s_0 + .1": 0.1, "s_0 + .2": 0.2, "s_0 + .4": 0.4}
TASKS, SESSIONS = 1000, 4000
EXACT = {"plug-in, exact": "failure", "plug-in once a task, exact": "task"}


def locked_in() -> Values:
    """The chance that a plug-in user has left for good after 1,000 tasks, in per cent."""
    s0 = float(thresholds(T4).s0)
    rules = {"failure": partial(plug_in_after_failure, T4), "task": partial(plug_in, T4)}
    return {
        name: {
            where: 100 * lock_in(T4, s0 + far, EVEN, TASKS, rules[checks], checks)
            for where, far in DISTANCES.items()
        }
        for name, checks in EXACT.items()
    }


def trap() -> Values:
    """The share of sessions that end in the trap: the belief says leave; no draw of late."""
    settings = Settings("t4-cascade", "full", PROFILES["full"])
    names = {
        "plug-in, 4,000 sessions": "plug-in",
        "plug-in once a task, simulated": "plug-in, each task",
        r"optimistic, fixed width sigma": "optimistic, fixed",
        "optimistic, growing": "optimistic, growing",
        "Thompson": "Thompson",
        "forced stays, 2/sqrt n": "forced stays",
    }
    more = {
        "optimistic, fixed width 2sigma": Optimistic(T4, scale=2.0, growing=False),
        "forced stays, 1/sqrt n": ForcedStays(T4, scale=1.0),
        "forced stays, 5/n": ForcedStays(T4, scale=5.0, power=1.0),
        "forced stays, 1/n": ForcedStays(T4, scale=1.0, power=1.0),
    }
    played = {
        name: {where: of_command(settings, rule, far) for where, far in DISTANCES.items()}
        for name, rule in names.items()
    }
    played |= {
        name: {where: of_rule(rule, far) for where, far in DISTANCES.items()}
        for name, rule in more.items()
    }
    other = Settings("t5-cascade", "full", PROFILES["full"])
    t5 = {
        rule: {f"s_H - .{far}": of_command(other, rule, far / 10) for far in (1, 2)}
        for rule in ("Thompson", "forced stays")
    }
    costs = [float(T4.leaving_cost[0]), float(solve(T4).cost)]
    return {**played, "t5-cascade": t5, "costs of a task": costs, "tasks": TASKS}


def of_command(settings: Settings, rule: str, far: float) -> list[float]:
    """As `routing-game belief trap --profile full` plays it, draw by draw."""
    mark = threshold(settings.game, settings.name)
    found = row(settings, mark, Cell(rule, EVEN, mark.towards(far), "s"))
    return [100 * found["doubts"], 100 * found["silent"]]


def of_rule(rule: Any, far: float) -> list[float]:
    """The same of a rule that the command does not have; seed 0."""
    s, rng = float(thresholds(T4).s0) + far, np.random.default_rng(0)
    played = play_sessions(T4, rule, s, TASKS, SESSIONS, rng, EVEN)
    return [share(plug_in_after_failure(T4, played.belief)), share(silent(played))]


# --- seen through noise


def noise() -> Values:
    """The value of commitment, seen with errors, in the catalog."""
    games: Values = {}
    for name, game in GAMES.items():
        some, little = observation_value(game, 0.1), observation_value(game, 0.01)
        games[name] = {
            "J": float(solve(game).cost),
            "hidden": [float(x) for x in some.hidden],
            "value of commitment": [float(x) for x in some.commitment],
            "noisy, epsilon = .1": float(some.noisy),
            "epsilon = .01": float(little.noisy),
            "to the user, of seeing s": [float(x) for x in some.user],
            "observability at .1": float(some.observability),
        }
    return games


# --- reputation


def watchful(game: Game) -> Callable[[Belief], Any]:
    """The plug-in user who checks after each failure."""
    return partial(plug_in_after_failure, game)


def once(game: Game) -> Callable[[Belief], Any]:
    """The one who checks once a task."""
    return partial(plug_in, game)


USERS = {"failure": watchful, "task": once}


def hand_written() -> Values:
    """The rule that escalates only when a keep would lose the user, over its horizon."""
    user = watchful(T4)
    rule, seed = reputation_rule(user), 0
    told = {}
    for tasks in (10, 30, 100):
        best = reputation(T4, EVEN, tasks, user).cost[tasks] / tasks
        own = reputation(T4, EVEN, tasks, user, escalating=rule).cost[tasks] / tasks
        told[str(tasks)] = {"rule": float(own), "best": float(best)}
    rng = np.random.default_rng(seed)
    played = play_sessions(T4, PlugIn(T4), lambda b, _: rule(b), 6000, 400, rng)
    late = played.cost[500:].mean(axis=0)
    return {
        "a task, exactly": told,
        "a task after 500 of 6,000": float(late.mean()),
        "standard error": float(late.std() / np.sqrt(400)),
        "above J, %": 100 * float(late.mean() / solve(T4).cost - 1),
        "lost": share(user(played.belief)),
        "sessions": 400,
        "seed": seed,
        "l_1, tempted": float(TEMPTED.leaving_cost[0]),
        "P, tempted": [TEMPTED.penalty, T4.penalty],
    }


def patience() -> Values:
    """(1-g) J of the best plan and of the rule, whether users are lost, and when it milks."""
    user = once(T4)
    rows: Values = {}
    for text in (".1", ".3", ".5", ".6", ".9"):
        g = float(text)
        best = reputation_discounted(T4, EVEN, g, user, "task", draws=1000)
        rule = reputation_discounted(T4, EVEN, g, user, "task", reputation_rule(user))
        lost, after = losing(best.escalating)
        rows[text] = {
            "best plan": float(best.cost),
            "hand-written rule": float(rule.cost),
            "users lost within 400 tasks": lost,
            "median": after,
        }
    collapse = float(T4.cost_of_pass[1])
    return {
        **rows,
        "milks up to": {
            "tempted, watchful, first edge": last_milking(TEMPTED, "failure", 1),
            "tempted, watchful, some of eight": last_milking(TEMPTED, "failure", 8),
            "t4-cascade, once a task, first edge": last_milking(T4, "task", 1),
            "t4-cascade, once a task, some of eight": last_milking(T4, "task", 8),
        },
        "after the collapse": {"J": collapse, "above, %": 100 * (collapse / solve(T4).cost - 1)},
        "sessions": 1000,
        "seed": 0,
    }


def losing(table: Any) -> tuple[float, float | None]:
    """Users lost within 400 tasks of 1,000 sessions, in per cent, and in the median after which."""

    def escalating(belief: Belief, _: Any) -> Any:
        e, k = (np.rint(np.asarray(count) - 1).astype(int) for count in belief)
        return table[np.minimum(e, table.shape[0] - 1), np.minimum(k, table.shape[1] - 1)]

    rng = np.random.default_rng(0)
    played = play_sessions(T4, PlugIn(T4, "task"), escalating, 400, 1000, rng)
    lost = np.asarray(plug_in(T4, played.belief)) == 1
    if not lost.any():
        return 0.0, None
    moved = played.escalations + played.keeps > 0
    last = 400 - np.argmax(moved[::-1], axis=0)  # the task of the last draw
    return share(lost), float(np.median(last[lost]))


def last_milking(game: Game, checks: str, edges: int) -> float:
    """The greatest g at which a keep is best at one of the first edges, by halving."""
    s0, e = float(thresholds(game).s0), np.arange(edges)
    k = np.floor((1 + e) / s0 - (2 + e) + 1e-9).astype(int)  # most keeps with which the user stays
    low, high = 0.4, 0.8
    for _ in range(14):
        g = (low + high) / 2
        plan = reputation_discounted(game, EVEN, g, USERS[checks](game), checks)
        milks = not plan.escalating[e, k].astype(bool).all()
        low, high = (g, high) if milks else (low, g)
    return (low + high) / 2


def unseen() -> Values:
    """What seeing the belief is worth to a provider, g = .99."""
    rows = {}
    for checks, of in USERS.items():
        best = float(reputation_discounted(T4, EVEN, 0.99, of(T4), checks).cost)
        blind = best_blind(T4, (checks, 0.99))["cost"]
        rows[checks] = {"best": best, "blind": blind, "above, %": 100 * (blind / best - 1)}
    return rows


RESULTS: dict[str, Callable[[], Values]] = {
    "belief-doubt": doubt,
    "belief-plans": plans,
    "belief-lock-in": locked_in,
    "belief-noise": noise,
    "belief-rule": hand_written,
    "belief-patience": patience,
    "belief-unseen": unseen,
}
SLOW: dict[str, Callable[[], Values]] = {"belief-trap": trap}
"""Minutes each; only made if they are asked for."""
