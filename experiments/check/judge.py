"""Where facts meet theory: exact regret of what was recommended, with 95 % intervals over seeds.

Regret is computed here, when records are read. A provider's is J(i, s, q*) - J* as a share of |J*|
(as it is where J* = 0); a user's is U* - U as a share of V, averaged over the commitments it was
asked about. Intervals are Student's t over seeds.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Self, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from routing_game.agents import UCB, StoppingUser
from routing_game.experiments.cells.records import Record
from routing_game.experiments.cells.spec import Spec
from routing_game.experiments.check import lands
from routing_game.experiments.check.learners import LEARNERS
from routing_game.experiments.check.sets import shown
from routing_game.experiments.check.traces import Trace
from routing_game.experiments.intervals import means
from routing_game.experiments.measures import Selected, beside_hidden, distance, selected
from routing_game.theory import Game, best_response, payoffs, provider_regret, solve, user_regret
from routing_game.theory.chain_solve import stopping_regret

FLOOR = 1e-5
"""Regret below this share is shown as 0 in tables, and drawn at it in figures: a log axis has no
zero.
"""
WITHIN = {"provider": 0.02, "user": 0.005}
"""Regret up to which a learner counts as right on a game: a provider's as a share of J*, a user's
of V."""
Q_TOLERANCE = 0.06
"""How far from an optimal q still counts as right."""
CELL, PAIR = ("learner", "game", "seed"), ("learner", "game")
DONE = {"learner": pl.String, "game": pl.String, "seed": pl.Int64}
DONE |= {"commit": pl.String, "seconds": pl.Float64, "error": pl.String}
JUDGED: dict[str, Any] = dict.fromkeys(("learner", "game", "found"), pl.String)
JUDGED |= dict.fromkeys(("seed", "practice", "route"), pl.Int64)
JUDGED |= dict.fromkeys(("route_right", "q_right"), pl.Boolean)
JUDGED |= dict.fromkeys(("seconds", "cascade", "regret", "q_error", "played", "gap"), pl.Float64)
JUDGED |= {"beside": pl.Float64}
Array = NDArray[np.float64]


class Columns(NamedTuple):
    """A trace as arrays of equal length, or empty: a long run has tens of millions of numbers."""

    practice: NDArray[np.int64]
    route: NDArray[np.int8]
    cascade: Array
    leave_1: Array
    leave_2: Array

    @classmethod
    def of(cls, trace: Trace) -> Self:
        """Of a trace of lists."""
        return cls(
            np.array(trace.practice, np.int64),
            np.array(trace.route, np.int8),
            np.array(trace.cascade, np.float64),
            np.array(trace.leave_1, np.float64),
            np.array(trace.leave_2, np.float64),
        )


class Fact(NamedTuple):
    """A finished cell of one game."""

    learner: str
    seed: int
    seconds: float
    trace: Columns


class Judged(NamedTuple):
    """A run beside the theory: what every page and table on it is made from.

    Attributes:
        spec: what was run.
        done: a row for each cell that has a record: `learner`, `game`, `seed`, `commit`,
            `seconds`, and `error`, which is null unless it failed.
        rows: a row for each finished cell and checkpoint, see `judge`.
        summary: a row for each learner and game, see `summary`.
        cells: a row for each finished cell at the end of its practice, see `ends`.
        lands: a row for each game, see `lands.table`.
        answers: (game, user) -> what each seed answers at the end, with columns of `user_answers`
            and `seed`; of the games that are drawn one by one, see `sets.shown`.
    """

    spec: Spec[Game]
    done: pl.DataFrame
    rows: pl.DataFrame
    summary: pl.DataFrame
    cells: pl.DataFrame
    lands: pl.DataFrame
    answers: dict[tuple[str, str], pl.DataFrame]


def judge(spec: Spec[Game], records: Iterable[Record[Trace]]) -> Judged:
    """What each agent would do at each checkpoint, its regret, and what that sums up to.

    In the rows, `regret` is a share of J* or V. Providers have also `route`, `cascade`,
    `route_right`, `q_right`, the `gap` of s to the optimal set (`measures.distance`), and the
    equilibrium `found` (`measures.selected`): judged by the play of both where a user learned, too,
    and then J(i, s, q) - J* of their play is `played`, as a share. Who seeks simultaneous play by
    its nature has its distance from there `beside` that, see `measures.beside_hidden`. Users have
    `q_error`, the mean distance to the best response. Cells that failed have no rows.

    Records are taken one at a time, and theory is asked once for all cells of a game.
    """
    facts: dict[tuple[str, str], list[Fact]] = {}  # (game, role) -> its cells
    done = []
    for r in records:
        done.append((r.learner, r.game, r.seed, r.commit, r.seconds, r.error))
        if r.error is None and of_its_role(r):
            fact = Fact(r.learner, r.seed, r.seconds, Columns.of(r.trace))
            facts.setdefault((r.game, LEARNERS[r.learner].role), []).append(fact)
    frames = [pl.DataFrame(schema=JUDGED)]
    answers: dict[tuple[str, str], pl.DataFrame] = {}
    drawn = shown(spec.games)
    for (name, role), mine in facts.items():
        judged = (judge_users if role == "user" else judge_providers)(spec.games[name], mine)
        frames.append(judged.with_columns(game=pl.lit(name)))
        if role == "user" and name in drawn:
            answers |= {(name, user): last for user, last in last_answers(spec, name, mine)}
    rows = pl.concat(frames, how="diagonal_relaxed")
    table = pl.DataFrame(done, schema=DONE, orient="row")
    games = lands.table(spec.games)
    cells = ends(spec, rows, games)
    return Judged(spec, table, rows, summary(spec, table, rows), cells, games, answers)


def of_its_role(record: Record[Trace]) -> bool:
    """Whether the trace is one of a learner of that role: of an unknown one, we guessed it."""
    learner = LEARNERS[record.learner]
    return learner.family != "unknown" or record.trace.asked == (learner.role == "user")


def ends(spec: Spec[Game], rows: pl.DataFrame, games: pl.DataFrame) -> pl.DataFrame:
    """A row for each finished cell at the end of its practice, as it is written to `results.csv`.

    Columns: `learner`, `family`, `role`, `game`, `set`, `prior` (null unless sampled), `kind` of
    the optimum, `seed`, `practice`, `route`, `cascade`, exact `regret` (a share of J* or V),
    `beside` (how far from simultaneous play, of learners who seek that), `within`, `static`, the
    regret of the control that nobody plays, and `seconds`.

    Args:
        spec: of the run.
        rows: judged.
        games: of `lands.table`.
    """
    last = rows.group_by(CELL, maintain_order=True).last()
    learners = {
        "learner": [*spec.plans],
        "family": [LEARNERS[name].family for name in spec.plans],
        "role": [LEARNERS[name].role for name in spec.plans],
    }
    table = last.join(games, on="game", maintain_order="left")
    table = table.join(pl.DataFrame(learners), on="learner", maintain_order="left")
    limit = pl.col("role").replace_strict(WITHIN, return_dtype=pl.Float64)
    static = pl.when(pl.col("role") == "user").then("static_user").otherwise("static_provider")
    return table.with_columns(within=pl.col("regret") <= limit, static=static).select(
        *("learner", "family", "role", "game", "set", "prior", "kind", "seed", "practice"),
        *("route", "cascade", "regret", "beside", "within", "static", "seconds"),
    )


def judge_providers(game: Game, facts: Sequence[Fact]) -> pl.DataFrame:
    """Exact regret of each commitment of the traces, and how it differs from an optimum."""
    route, cascade = (joined(facts, name) for name in ("route", "cascade"))
    equilibrium = solve(game)
    scale = yardstick(equilibrium.cost)
    reply = np.asarray(best_response(game, route, cascade).strong)
    optimal_q = np.array([piece.abandon for piece in equilibrium.pieces])
    answer = answered(facts)
    alone = np.isnan(answer)
    cost = np.asarray(payoffs(game, route, cascade, np.where(alone, reply, answer)).cost)
    played = np.where(alone, np.nan, (cost - float(equilibrium.cost)) / scale)
    other = [LEARNERS[fact.learner].seeks == "simultaneous" for fact in facts]
    blind = np.repeat(other, [len(fact.trace.practice) for fact in facts])
    beside = np.where(blind, beside_hidden(game, cost), np.nan)
    return pl.DataFrame(
        {
            **origins(facts),
            "practice": joined(facts, "practice"),
            "route": route.astype(np.int64),
            "cascade": cascade,
            "regret": provider_regret(game, route, cascade) / scale,
            "played": pl.Series(played).fill_nan(None),
            "beside": pl.Series(beside).fill_nan(None),
            "found": selected(game, cost),
            "gap": pl.Series(distance(game, route, cascade)).fill_nan(None),
            "route_right": np.isin(route, [piece.route for piece in equilibrium.pieces]),
            "q_right": (np.abs(reply[:, None] - optimal_q) <= Q_TOLERANCE).any(axis=1),
        }
    )


def judge_users(game: Game, facts: Sequence[Fact]) -> pl.DataFrame:
    """Mean exact regret and mean distance to the best response, over the commitments asked about.

    The distance leaves out answers after a failure that cannot happen, which nothing teaches.
    """
    tables = []
    for sees in (False, True):
        mine = [fact for fact in facts if LEARNERS[fact.learner].sees_model == sees]
        if not mine:
            continue
        columns = {name: joined(mine, name) for name in Columns._fields}
        answers = user_answers(game, mine[0].learner, Columns(**columns))
        tables.append(answers.with_columns(**origins(mine)))
    error = pl.mean_horizontal(
        (pl.col(f"leave_{model}") - pl.col(f"target_{model}")).abs() for model in (1, 2)
    )
    labels = ("learner", "seed", "seconds", "practice")
    rows = pl.concat(tables).group_by(*labels, maintain_order=True)
    return rows.agg(pl.col("regret").mean(), error.mean().alias("q_error"))


def last_answers(
    spec: Spec[Game], game: str, facts: Sequence[Fact]
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Each user of a game, and what its seeds answer at the end of their practice."""
    for user in dict.fromkeys(fact.learner for fact in facts):
        tables = []
        for fact in facts:
            if fact.learner == user:
                end = fact.trace.practice == fact.trace.practice[-1]
                last = Columns(*(column[end] for column in fact.trace))
                answers = user_answers(spec.games[game], user, last)
                tables.append(answers.with_columns(seed=pl.lit(fact.seed)))
        yield user, pl.concat(tables)


def joined(facts: Sequence[Fact], name: str) -> NDArray[Any]:
    """A column of their traces, one after the other."""
    return np.concatenate([getattr(fact.trace, name) for fact in facts])


def answered(facts: Sequence[Fact]) -> Array:
    """The q of users who learned beside the provider, one trace after the other; else nan."""
    rows = [(fact.trace.leave_1, np.full(len(fact.trace.route), np.nan)) for fact in facts]
    return np.concatenate([leave if len(leave) else none for leave, none in rows])


def origins(facts: Sequence[Fact]) -> dict[str, pl.Series]:
    """Learner, seed and seconds of each row of the joined traces."""
    rows = [len(fact.trace.practice) for fact in facts]
    names = ("learner", "seed", "seconds")
    columns = ([getattr(fact, name) for fact in facts] for name in names)
    return {
        name: pl.Series(np.repeat(np.array(column), rows))
        for name, column in zip(names, columns, strict=True)
    }


def user_answers(game: Game, learner: str, trace: Trace | Columns) -> pl.DataFrame:
    """A user's trace beside the best answers, `target_1` and `target_2`; regret as a share of V.

    A user who does not see the model is held against the best response (on ties against the
    nearest), one who does against optimal stopping. Answers are null where that model never runs:
    M1 on route 2, M2 on route 1 at s = 0.
    """
    route, cascade = np.asarray(trace.route), np.asarray(trace.cascade)
    leave = np.asarray(trace.leave_1), np.asarray(trace.leave_2)
    if LEARNERS[learner].sees_model:
        best = StoppingUser(game)
        targets = [best.abandon_after(route, cascade, model) for model in (1, 2)]
        regret = stopping_regret(game, route, cascade, *leave)
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


def yardstick(cost: Any) -> float:
    """What regret is divided by: |J*|, or 1 where J* = 0 has no shares."""
    return abs(float(cost)) or 1.0


def grid_floor(game: Game) -> float:
    """Regret, as a share of |J*|, of the best arm of the fixed grid: none on it can beat that."""
    arms = UCB().arms
    regret = provider_regret(
        game, np.array([arm.route for arm in arms]), np.array([arm.cascade for arm in arms])
    )
    return float(np.min(regret) / yardstick(solve(game).cost))


def summary(spec: Spec[Game], done: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    """A row per learner and game, in the order of the spec; for `done` and `judged` see `Judged`.

    Columns: regret of the last checkpoint (`last`, `last_half`; `worst` of a seed) and of each
    seed's best (`best`, `best_half`), `n` seeds, `failures`, and over the seeds' last rows (see
    `judge`) the shares `route_right` and `q_right`, how many found which equilibrium
    (`Stackelberg`, `simultaneous`, `neither`), and means of `gap`, `played`, `beside`, `q_error`,
    `practice` and `seconds`.
    """
    last = judged.group_by(CELL, maintain_order=True).last()
    best = judged.group_by(CELL, maintain_order=True).agg(pl.min("regret"))
    names = dict.fromkeys(PAIR, pl.String)
    pairs = [(learner, game) for learner, plan in spec.plans.items() for game in plan.games]
    tables = [
        done.group_by(PAIR).agg(failures=pl.col("error").is_not_null().sum()),
        means(last, PAIR).rename({"mean": "last", "half": "last_half"}),
        means(best, PAIR).rename({"mean": "best", "half": "best_half"}).drop("n"),
        last.group_by(PAIR).agg(
            pl.mean("route_right", "q_right", "gap", "q_error", "played", "beside"),
            pl.mean("practice", "seconds"),
            pl.max("regret").alias("worst"),
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
