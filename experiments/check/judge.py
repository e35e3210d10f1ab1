"""Where facts meet theory: exact regret of what was recommended, with 95 % intervals over seeds.

Regret is computed here, when records are read. A provider's is J(i, s, q*) - J* as a share of |J*|
(as it is where J* = 0); a user's is U* - U as a share of V, averaged over the commitments it was
asked about. Intervals are Student's t over seeds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from itertools import chain
from typing import Any, NamedTuple, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from routing_game.agents import UCB, StoppingUser
from routing_game.experiments.cells.records import Record
from routing_game.experiments.cells.spec import Spec
from routing_game.experiments.check.learners import LEARNERS
from routing_game.experiments.check.traces import Trace
from routing_game.experiments.intervals import means
from routing_game.experiments.measures import Selected, distance, selected
from routing_game.theory import Game, best_response, payoffs, provider_regret, solve, user_regret
from routing_game.theory.chain import Chain, evaluate

FLOOR = 1e-5
"""Regret below this share is shown as 0 in tables, and drawn at it in figures: a log axis has no
zero.
"""
Q_TOLERANCE = 0.06
"""How far from an optimal q still counts as right."""
CELL, PAIR = ("learner", "game", "seed"), ("learner", "game")
JUDGED: dict[str, Any] = dict.fromkeys(("learner", "game", "found"), pl.String)
JUDGED |= dict.fromkeys(("seed", "practice", "route"), pl.Int64)
JUDGED |= dict.fromkeys(("route_right", "q_right"), pl.Boolean)
JUDGED |= dict.fromkeys(("seconds", "cascade", "regret", "q_error", "played", "gap"), pl.Float64)
Array = NDArray[np.float64]


class Judged(NamedTuple):
    """A run beside the theory: what every page and table on it is made from.

    Attributes:
        spec: what was run.
        records: of the finished cells.
        rows: a row for each cell and checkpoint, see `judge`.
        summary: a row for each learner and game, see `summary`.
    """

    spec: Spec[Game]
    records: Sequence[Record[Trace]]
    rows: pl.DataFrame
    summary: pl.DataFrame


def judge(spec: Spec[Game], records: Iterable[Record[Trace]]) -> Judged:
    """What each agent would do at each checkpoint, its regret, and what that sums up to.

    In the rows, `regret` is a share of J* or V. Providers have also `route`, `cascade`,
    `route_right`, `q_right`, the `gap` of s to the optimal set (`measures.distance`), and the
    equilibrium `found` (`measures.selected`): judged by the play of both where a user learned, too,
    and then J(i, s, q) - J* of their play is `played`, as a share. Users have `q_error`, the mean
    distance to the best response. Cells that failed have no rows.
    """
    records = [*records]
    frames = [pl.DataFrame(schema=JUDGED)]
    pairs: dict[tuple[str, str], list[Record[Trace]]] = {}  # theory is asked once for each
    for record in records:
        if record.error is None:
            pairs.setdefault((record.learner, record.game), []).append(record)
    for (learner, game), seeds in pairs.items():
        judged = judge_users if LEARNERS[learner].role == "user" else judge_providers
        names = {"learner": pl.lit(learner), "game": pl.lit(game)}
        frames.append(judged(spec.games[game], seeds).with_columns(**names))
    rows = pl.concat(frames, how="diagonal_relaxed")
    return Judged(spec, records, rows, summary(spec, records, rows))


def judge_providers(game: Game, seeds: Sequence[Record[Trace]]) -> pl.DataFrame:
    """Exact regret of each commitment of the traces, and how it differs from an optimum."""
    trace, equilibrium = joined([record.trace for record in seeds]), solve(game)
    scale = yardstick(equilibrium.cost)
    route, cascade = np.array(trace.route), np.array(trace.cascade)
    reply = np.asarray(best_response(game, route, cascade).strong)
    optimal_q = np.array([piece.abandon for piece in equilibrium.pieces])
    answer = np.array(trace.leave_1) if trace.leave_1 else reply
    cost = np.asarray(payoffs(game, route, cascade, answer).cost)
    played = (
        (cost - float(equilibrium.cost)) / scale if trace.leave_1 else np.full(len(route), np.nan)
    )
    return pl.DataFrame(
        {
            **origins(seeds),
            "practice": trace.practice,
            "route": route,
            "cascade": cascade,
            "regret": provider_regret(game, route, cascade) / scale,
            "played": pl.Series(played).fill_nan(None),
            "found": selected(game, cost),
            "gap": pl.Series(distance(game, route, cascade)).fill_nan(None),
            "route_right": np.isin(route, [piece.route for piece in equilibrium.pieces]),
            "q_right": (np.abs(reply[:, None] - optimal_q) <= Q_TOLERANCE).any(axis=1),
        }
    )


def judge_users(game: Game, seeds: Sequence[Record[Trace]]) -> pl.DataFrame:
    """Mean exact regret and mean distance to the best response, over the commitments asked about.

    The distance leaves out answers after a failure that cannot happen, which nothing teaches.
    """
    answers = user_answers(game, seeds[0].learner, joined([record.trace for record in seeds]))
    answers = answers.with_columns(
        pl.Series(name, values) for name, values in origins(seeds).items()
    )
    error = pl.mean_horizontal(
        (pl.col(f"leave_{model}") - pl.col(f"target_{model}")).abs() for model in (1, 2)
    )
    rows = answers.group_by("seed", "seconds", "practice", maintain_order=True)
    return rows.agg(pl.col("regret").mean(), error.mean().alias("q_error"))


def joined(traces: Sequence[Trace]) -> Trace:
    """Their rows, one after the other."""
    columns = (
        chain.from_iterable(getattr(trace, field.name) for trace in traces)
        for field in fields(Trace)
    )
    return Trace(*map(list, columns))


def origins(records: Sequence[Record[Trace]]) -> dict[str, NDArray[Any]]:
    """Seed and seconds of each row of the joined traces."""
    rows = [len(record.trace.practice) for record in records]
    return {
        name: np.repeat([getattr(record, name) for record in records], rows)
        for name in ("seed", "seconds")
    }


def user_answers(game: Game, learner: str, trace: Trace) -> pl.DataFrame:
    """A user's trace beside the best answers, `target_1` and `target_2`; regret as a share of V.

    A user who does not see the model is held against the best response (on ties against the
    nearest), one who does against optimal stopping. Answers are null where that model never runs:
    M1 on route 2, M2 on route 1 at s = 0.
    """
    route, cascade = np.array(trace.route), np.array(trace.cascade)
    leave = np.array(trace.leave_1), np.array(trace.leave_2)
    if LEARNERS[learner].sees_model:
        best = StoppingUser(game)
        targets = [best.abandon_after(route, cascade, model) for model in (1, 2)]
        best_utility = stopping_utility(game, route, cascade, *targets)
        regret = best_utility - stopping_utility(game, route, cascade, *leave)
    else:
        reply = best_response(game, route, cascade)
        middle = np.where(
            reply.connected, leave[0], np.where(leave[0] < 0.5, reply.low, reply.high)
        )
        targets = [np.clip(middle, reply.low, reply.high)] * 2
        regret = user_regret(game, route, cascade, leave[0])
    columns = {
        "practice": trace.practice,
        "route": route,
        "cascade": cascade,
        "leave_1": leave[0],
        "leave_2": leave[1],
        "target_1": targets[0],
        "target_2": targets[1],
        "regret": np.maximum(regret, 0.0) / game.value,
    }
    runs = {1: pl.col("route") == 1, 2: (pl.col("route") == 2) | (pl.col("cascade") > 0)}
    names = [(model, f"{kind}_{model}") for model in runs for kind in ("leave", "target")]
    answers = pl.DataFrame(columns)
    return answers.with_columns(
        pl.when(runs[model]).then(name).alias(name) for model, name in names
    )


def stopping_utility(
    game: Game, route: Array, cascade: Array, leave_1: Array, leave_2: Array
) -> Array:
    """U of a user who leaves with different probabilities after M1 and M2, all of one shape.

    Args:
        game: the game.
        route: 1 or 2.
        cascade: s.
        leave_1: the chance of leaving after a failed pass of M1.
        leave_2: after one of M2.
    """
    start = np.stack([route == 1, route == 2], axis=-1)
    return np.asarray(
        evaluate(Chain.of(game, cascade), start, np.stack([leave_1, leave_2], axis=-1)).utility
    )


def yardstick(cost: Any) -> float:
    """What regret is divided by: |J*|, or 1 where J* = 0 has no shares."""
    return abs(float(cost)) or 1.0


def grid_floor(game: Game) -> float:
    """Regret, as a share of |J*|, of the best arm of the bandits' grid: none can beat that."""
    arms = UCB().arms
    regret = provider_regret(
        game, np.array([arm.route for arm in arms]), np.array([arm.cascade for arm in arms])
    )
    return float(np.min(regret) / yardstick(solve(game).cost))


def summary(
    spec: Spec[Game], records: Sequence[Record[Trace]], judged: pl.DataFrame
) -> pl.DataFrame:
    """A row per learner and game, in the order of the spec; `judged` are the rows of the records.

    Columns: regret of the last checkpoint (`last`, `last_half`) and of each seed's best (`best`,
    `best_half`), `n` seeds, `failures`, and over the seeds' last rows (see `judge`) the shares
    `route_right` and `q_right`, how many found which equilibrium (`Stackelberg`, `simultaneous`,
    `neither`), and means of `gap`, `played`, `q_error`, `practice` and `seconds`.
    """
    last = judged.group_by(CELL, maintain_order=True).last()
    best = judged.group_by(CELL, maintain_order=True).agg(pl.min("regret"))
    names = dict.fromkeys(PAIR, pl.String)
    pairs = [(learner, game) for learner, plan in spec.plans.items() for game in plan.games]
    failed = [(record.learner, record.game, record.error is not None) for record in records]
    failures = pl.DataFrame(failed, schema=names | {"failed": pl.Int64}, orient="row")
    tables = [
        failures.group_by(PAIR).agg(failures=pl.sum("failed")),
        means(last, PAIR).rename({"mean": "last", "half": "last_half"}),
        means(best, PAIR).rename({"mean": "best", "half": "best_half"}).drop("n"),
        last.group_by(PAIR).agg(
            pl.mean("route_right", "q_right", "gap", "q_error", "played", "practice", "seconds"),
            *((pl.col("found") == name).sum().alias(name) for name in get_args(Selected)),
        ),
    ]
    rows = pl.DataFrame(pairs, schema=names, orient="row")
    for table in tables:
        rows = rows.join(table, on=PAIR, how="left", maintain_order="left")
    return rows.with_columns(pl.col("n").fill_null(0))


def roles(spec: Spec[Game], role: str) -> list[str]:
    """The learners of a spec that have this role, in order."""
    return [name for name in spec.plans if LEARNERS[name].role == role]
