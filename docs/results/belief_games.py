"""What `make.py` computes for docs/belief.md over thousands of games, and the figure of it.

Games are drawn from the priors of `theory.frequencies`, the first ones of each of the two regimes
in which s matters to the user. Of each, under either prior of s, over T tasks and exactly:

    naivety    what the myopic user loses to the Bayes-optimal plan, % of T V: it answers its belief
               at each failure as if no later task mattered. Where xi1 < 0 < xi2 the plug-in user,
               who answers E[s], does the same.
    plug-in    the same of the plug-in user
    told       what the plan loses to a user who is told s, % of T V
    lock-in    % of sessions after which the belief of the myopic user says "leave", and so for
               good, though told s it would stay
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from scipy.special import betainc

from routing_game.agents.session_learning import ExploringUser, Practice
from routing_game.envs import UserSessions
from routing_game.experiments.hidden.threshold import in_units_of_value
from routing_game.experiments.intervals import mean
from routing_game.experiments.pages.style import COLOURS, dressed, legend_above, panels, svg
from routing_game.theory import GAMES, Game, thresholds
from routing_game.theory.belief import Belief, lattice, most_keeps
from routing_game.theory.belief_plan import clairvoyant, plan_after_failure
from routing_game.theory.belief_rules import after_failure, plug_in_after_failure
from routing_game.theory.frequencies import PRIORS
from routing_game.theory.lock_in import lock_in
from routing_game.theory.numbers import Array

Values = dict[str, Any]
TASKS, GAMES_EACH, SEED, WORKERS = 30, 250, 0, 2
LEAST = 0.02
"""Games in which M1 solves less often are left out: their sessions hold thousands of keeps."""
REGIMES = {"-+": "wait for M2", "+-": "wait for M1"}
"""Regime -> what a user who stays hopes for."""
BELIEFS = {"even": Belief(1.0, 1.0), "low": Belief(1.0, 4.0)}
EXAMPLES = {"t4-cascade": "-+", "t5-cascade": "+-"}
NAMES = ("naivety", "plug-in", "told", "lock-in")
MEASURES = {
    "naivety": "price of naivety, % of TV",
    "told": "worth of being told s, % of TV",
    "lock-in": "locked in and wrong, % of sessions",
}
"""What the figure shows, and the words on its axes."""
PICTURE = Path(__file__).parents[1] / "belief-games.svg"
LOW = 0.01
"""Where the axes of the figure begin, in per cent; what is less is drawn there."""
LINES = {"even": "-", "low": (0, (4, 1.5))}
MARKS = {"even": "v", "low": "^"}


class Measured(NamedTuple):
    """Of one game under one prior of s, in per cent."""

    naivety: float
    plug_in: float
    told: float
    lock_in: float


def measured(game: Game, prior: Belief) -> Measured:
    """One game's four numbers."""
    keeps = most_keeps(float(game.success[0]), TASKS, 1e-8)
    beliefs = lattice(prior, TASKS, keeps)
    best = plan_after_failure(game, prior, TASKS, reach=keeps).value[TASKS]
    rules = after_failure, plug_in_after_failure
    tables = [np.asarray(rule(game, beliefs)) for rule in rules]
    if np.array_equal(*tables):
        tables = tables[:1]
    values = [best - valued(game, prior, table) for table in tables]
    told = TASKS * clairvoyant(game, prior) - best
    shares = [100 * float(x) / (TASKS * float(game.value)) for x in (values[0], values[-1], told)]
    return Measured(*shares, 100 * locked(game, prior, tables[0]))


def valued(game: Game, prior: Belief, table: Array) -> float:
    """V_T of a rule of the counts."""
    return float(plan_after_failure(game, prior, TASKS, lambda _: table).value[TASKS])


def locked(game: Game, prior: Belief, table: Array) -> float:
    """The chance that a rule has left for good where a user who is told s would stay."""
    s0, _, s_high = (float(s) for s in thresholds(game))

    def leaves(belief: Belief) -> Any:
        seen = np.rint(np.subtract(belief, np.reshape(prior, (2, *[1] * np.ndim(belief.kept)))))
        a, b = seen.astype(int)
        return table[np.minimum(a, table.shape[0] - 1), np.minimum(b, table.shape[1] - 1)]

    def errs(belief: Belief) -> Any:
        return 1 - betainc(*belief, s0) if np.isfinite(s0) else betainc(*belief, s_high)

    return lock_in(game, None, prior, TASKS, leaves, counting=errs)


def draw(prior: str, regime: str) -> list[Game]:
    """The first games of a regime."""
    rng, found = np.random.default_rng(SEED), list[Game]()
    while len(found) < GAMES_EACH:
        batch = PRIORS[prior](10_000, rng)
        good = (np.asarray(batch.regime) == regime) & (batch.success[0] >= LEAST)
        found += [batch[int(k)] for k in np.flatnonzero(good)[: GAMES_EACH - len(found)]]
    return found


def games() -> Values:
    """Median, quartiles, 95th percentile, and share above 1 %; the two games of the catalog."""
    groups = {
        f"{hope}, {belief}, {prior}": (draw(prior, regime), counts)
        for regime, hope in REGIMES.items()
        for belief, counts in BELIEFS.items()
        for prior in PRIORS
    }
    groups |= {
        f"{name}, {belief}": ([GAMES[name]], counts)
        for name in EXAMPLES
        for belief, counts in BELIEFS.items()
    }
    asked = [(game, counts) for found, counts in groups.values() for game in found]
    with ProcessPoolExecutor(WORKERS) as pool:
        answers = pool.map(measured, *zip(*asked, strict=True), chunksize=10)
        rows = {name: [next(answers) for _ in found] for name, (found, _) in groups.items()}
    values = {
        name: summary(row) if len(row) > 1 else dict(zip(NAMES, row[0], strict=True))
        for name, row in rows.items()
    }
    shape = {"games of each kind": GAMES_EACH, "games": GAMES_EACH * len(REGIMES) * len(PRIORS)}
    return {**values, **shape, "tasks": TASKS, "seed": SEED, "least p_1": LEAST}


def summary(found: list[Measured]) -> Values:
    """Of many games, by measure."""
    columns = dict(zip(NAMES, np.transpose(found), strict=True))
    return {name: spread(column) for name, column in columns.items()}


def spread(column: Array) -> Values:
    """Of one measure, and its steps for the figure: the percentiles 0, 1 .. 100."""
    low, median, high, far = np.quantile(column, [0.25, 0.5, 0.75, 0.95])
    return {
        "median": float(median),
        "quartiles": [float(low), float(high)],
        "95 %": float(far),
        "above 1 %": 100 * float(np.mean(column > 1)),
        "percentiles": [round(float(x), 6) for x in np.quantile(column, np.linspace(0, 1, 101))],
    }


def games_and_picture() -> Values:
    """The numbers, and docs/belief-games.svg from them."""
    values = games()
    PICTURE.write_text(picture(values), encoding="utf-8")
    return values


@dressed
def picture(values: Values) -> str:
    """Share of games above x, over x: a row for each regime, a panel for each measure."""
    margins = {"left": 0.065, "top": 0.84, "bottom": 0.085, "wspace": 0.16, "hspace": 0.52}
    figure, axes = panels(2, len(MEASURES), (9.6, 5.8), margins)
    places = [(regime, measure) for regime in REGIMES for measure in MEASURES]
    for panel, (regime, measure) in zip(axes, places, strict=True):
        draw_games(panel, values, REGIMES[regime], measure)
        draw_examples(panel, values, regime, measure)
        most = 101 if measure == "lock-in" else 60
        panel.set(xscale="log", xlim=(LOW, most), ylim=(0, 100), xlabel=MEASURES[measure])
        panel.set_title(REGIMES[regime])
    for panel in axes[:: len(MEASURES)]:
        panel.set_ylabel("games with more, %")
    legend_above(figure, axes[0], 5, left=0.05)
    return svg(figure)


def draw_games(panel: Axes, values: Values, hope: str, measure: str) -> None:
    """A line for each prior of games and of s.

    Args:
        panel: where.
        values: as `games` returns them.
        hope: one of `REGIMES`, in words.
        measure: one of `MEASURES`.
    """
    over = np.linspace(100, 0, 101)
    for belief, line in LINES.items():
        for prior, colour in zip(PRIORS, COLOURS, strict=False):
            steps = np.maximum(values[f"{hope}, {belief}, {prior}"][measure]["percentiles"], LOW)
            label = f"{prior}, {belief}"
            panel.plot(steps, over, color=colour, ls=line, lw=1.3, label=label)


def draw_examples(panel: Axes, values: Values, regime: str, measure: str) -> None:
    """The game of the catalog with this regime, on the axis.

    Args:
        panel: where.
        values: as `games` returns them.
        regime: one of `REGIMES`.
        measure: one of `MEASURES`.
    """
    (name,) = (name for name, home in EXAMPLES.items() if home == regime)
    for belief, mark in MARKS.items():
        x = max(values[f"{name}, {belief}"][measure], LOW)
        style: Any = {"color": "black", "marker": mark, "ms": 6, "ls": "", "clip_on": False}
        panel.plot(x, 4, label=f"catalog, {belief}", zorder=5, **style)


# --- users that learn, on such games

EACH, SEEDS = 3, 10


def explorers() -> Values:
    """What the exploring user loses to the plan, beside the myopic user, on games of `draw`.

    In % of T V on the first `EACH` games of each regime and prior, under either prior of s; in the
    catalog in units of V a session, means over `SEEDS` seeds with half their 95 % intervals.
    """
    cells = [
        (game, counts)
        for regime in REGIMES
        for prior in PRIORS
        for game in draw(prior, regime)[:EACH]
        for counts in BELIEFS.values()
    ]
    found = np.array([regrets(game, counts, 0) for game, counts in cells])
    learned, myopic = 100 * found.T / TASKS
    worth = myopic > 0.01
    closed = 100 * (1 - learned / np.where(worth, myopic, 1))[worth]
    return {
        "cells": len(cells),
        "the exploring user, median and most, % of TV": [
            float(np.median(learned)),
            float(learned.max()),
        ],
        "the myopic user": [float(np.median(myopic)), float(myopic.max())],
        "most worse than the myopic": float(np.max(learned - myopic)),
        "cells where the myopic loses more than .01": int(worth.sum()),
        "of its gap closed there, median and least, %": [
            float(np.median(closed)),
            float(closed.min()),
        ],
        "the counts, exploring first": in_catalog("t4-cascade"),
        "t5-cascade": in_catalog("t5-cascade"),
    }


def in_catalog(name: str) -> Values:
    """Mean regret in a game of the catalog, and half of its 95 % interval, by prior of s."""
    rows = {}
    for counts in BELIEFS.values():
        each = [regrets(GAMES[name], counts, seed)[0] for seed in range(SEEDS)]
        found = mean("regret", each)
        rows[f"Beta({counts.escalated:g}, {counts.kept:g})"] = [
            found["regret"],
            found["regret_half"],
        ]
    return rows


def regrets(game: Game, prior: Belief, seed: int) -> tuple[float, float]:
    """Of the exploring and of the myopic user, in units of V a session."""
    game = in_units_of_value(game)
    rng = np.random.default_rng(seed)
    engine = UserSessions(game, Practice().width, TASKS, prior)
    user = ExploringUser(engine, rng, game, TASKS, prior)
    for _ in user.train():
        pass
    best = plan_after_failure(game, prior, TASKS).value[TASKS]
    rules = user.plan, partial(after_failure, game)
    own, myopic = (plan_after_failure(game, prior, TASKS, rule).value[TASKS] for rule in rules)
    return float(best - own), float(best - myopic)


RESULTS: dict[str, Callable[[], Values]] = {}
SLOW: dict[str, Callable[[], Values]] = {
    "belief-games": games_and_picture,
    "belief-explorers": explorers,
}
"""Five minutes of two processes, and one of one."""
