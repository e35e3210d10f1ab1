"""What `make.py` recomputes for docs/remedies.md."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from routing_game.theory import (
    GAMES,
    TASK_TYPES,
    Game,
    deterring_cancel,
    deterring_refund,
    faded,
    lag_cost,
    load,
    patience,
    price_of_predictability,
    self_selection,
    solve,
    solve_session,
    solve_subscription,
    throttle,
)
from routing_game.theory.belief_success import losses
from routing_game.theory.frequencies import PRIORS

Values = dict[str, Any]
SEED = 2026
T4 = GAMES["t4-cascade"]


def percent(x: Any) -> float:
    """Share of True, in per cent."""
    return 100 * float(np.mean(x))


# --- unsubscribing

HEAVY = ("gpt-4.1-o3", "gpt-4o-gpt-5", "grok-3-mini-gpt-5", "gpt-4.1-mini-gpt-5")


def subscription() -> Values:
    """At which cancel chance and how many tasks a month users are held."""
    pair, r = load("gpt-4.1-o3"), np.geomspace(1e-4, 1, 20_001)
    rule = solve_subscription(pair, 0.1, r, 0.995).rule
    strong = GAMES["value-strong"]
    margins = 0.625 * np.array([1.01, 2.0])
    return {
        "held from, %": 100 * float(r[rule == "s_L"][0]),
        "one pass of o3 from, %": 100 * float(r[rule == "leave-2"][0]),
        "tasks ahead": 200,
        "fee": 20,
        "r": 0.05,
        **{name: heavy(load(name)) for name in HEAVY},
        "r for a margin of 1 % and of half, %": [
            100 * float(x) for x in deterring_cancel(strong, margins, 0.995)
        ],
    }


def heavy(pair: Game) -> Values:
    """A fee of 20 dollars a month, n tasks a month, a year ahead, r = .05."""
    n = np.arange(20, 1001)
    plan = solve_subscription(pair, 20 / n, 0.05, 1 - 1 / (12 * n))
    held = plan.abandonment == 0
    ends = None if held.all() else int(n[held][-1])
    values: Values = {
        "served until": ends,
        "P at 200 tasks": float(plan.penalty[180]),
        "at 300": float(plan.penalty[280]),
    }
    after = [rule for rule in dict.fromkeys(plan.rule.tolist()) if rule.startswith("leave")]
    values["then"] = {
        rule: [int(n[plan.rule == rule][0]), percent(plan.abandonment[plan.rule == rule][0])]
        for rule in after
    }
    return values


# --- priors


def priors() -> Values:
    """What selection costs and brings, and where a guarantee works, under each prior."""
    n, rows = 200_000, {}
    for name, draw in PRIORS.items():
        games = draw(n, np.random.default_rng(SEED))
        choice, best = self_selection(games), solve(games).cost
        free, rise = choice.price < 1e-9 * best, 100 * choice.price / best
        gain = choice.gain / games.value
        gains = gain > 1e-9
        pays = throttle(games).gain > 1e-9 * best
        rows[name] = {
            "free for the provider": percent(free),
            "its cost rises by, mean": float(rise.mean()),
            "95th percentile": float(np.quantile(rise, 0.95)),
            "median": float(np.median(rise)),
            "users gain": percent(gains),
            "by, median of those": float(np.median(gain[gains])),
            "throttling pays without selection": percent(pays),
            "with it": percent(choice.throttled_cost < choice.cost * (1 - 1e-9)),
        }
        if name in ("uniform", "unit"):
            both = games[np.flatnonzero(pays & (games.regime == "++"))]
            rows[name]["a guarantee works"] = percent(np.isfinite(deterring_refund(both)))
    return {**rows, "games": n, "seed": SEED}


def predictability() -> Values:
    """How often predictability has a price where M1 succeeds more often, and which."""
    sys.path.append(str(Path(__file__).parents[2] / "tests"))
    from games import out_of_order_games

    games = out_of_order_games(300_000, np.random.default_rng(SEED))
    parts = np.array_split(np.arange(np.size(games.value)), 50)
    price = np.concatenate([price_of_predictability(games[part]) for part in parts])
    share = 100 * price / (np.abs(solve(games).cost) + games.penalty)
    some = price > 1e-9
    return {
        "games": int(price.size),
        "seed": SEED,
        "positive, %": percent(some),
        "of |J| + P, median, %": float(np.median(share[some])),
        "greatest, %": float(share.max()),
        "costs between": [-0.5, 1],
    }


# --- value that fades


def fading() -> Values:
    """What being one task late costs, and how long a session is held."""
    session = faded(T4, 0.97, 16)
    late, some = lag_cost(session), lag_cost(session, margin=0.15)
    plan = solve_session(faded(T4, 1.0, 60), revenue=1.0, cancel=0.3, discount=0.99)
    return {
        "f": 0.97,
        "patience": [int(x) for x in patience(T4, 0.97)],
        "late, second to tenth": [float(late[1:10].min()), float(late[1:10].max())],
        "margins, %": [10, 15],
        "with 10 %": float(lag_cost(session, margin=0.10)[1]),
        "with 15 %": float(some[:6].max()),
        "r, g, tasks": [0.3, 0.99, 60],
        "held": int(np.sum(np.asarray(plan.rule) == "s0")),
    }


def work() -> Values:
    """The paper's kinds of work as games."""
    rows = {}
    for name, kind in TASK_TYPES.items():
        best = solve(kind.game)
        rows[name] = {
            "read: p_2": [float(x) for x in kind.success_interval or ()],
            "game's p_1, p_2": [float(x) for x in kind.game.success],
            "V": float(kind.game.value),
            "the table says": [int(x) for x in re.findall(r"\d+", kind.outcome)],
            "optimum": [int(best.route), float(best.cascade[0])],
        }
    return rows


# --- users who do not know p

HIDDEN = {"p_1, p_2, s": "p1 p2 s", "p_1, p_2": "p1 p2", "s": "s"}
SEEN = {"p_1, p_2, s": (1, 4, 16, 64), "p_1, p_2": (1, 4, 16), "s": (1, 4, 16)}


def beliefs() -> Values:
    """What plugging in means loses in one task, % of V: mean and 95th percentile. 7 minutes."""
    return {
        name: {
            str(seen): {regime: lost(regime, seen, hidden) for regime in ("++", "-+", "+-")}
            for seen in SEEN[name]
        }
        for name, hidden in HIDDEN.items()
    } | {"games": 1000, "seed": SEED}


def lost(regime: str, seen: float, hidden: str) -> list[float]:
    """Of 1,000 games."""
    found, value = losses(regime, seen, 1000, np.random.default_rng(SEED), hidden)
    share = 100 * found.loss / value
    return [float(share.mean()), float(np.quantile(share, 0.95))]


RESULTS: dict[str, Callable[[], Values]] = {
    "remedies-subscription": subscription,
    "remedies-priors": priors,
    "remedies-predictability": predictability,
    "remedies-fading": fading,
    "remedies-work": work,
}
SLOW: dict[str, Callable[[], Values]] = {"remedies-beliefs": beliefs}
"""Minutes each; only made if they are asked for."""
