"""What a run says about games, not about this game: shares over samples.

A learner is *within* on a game where its exact regret is at most `WITHIN`. Shares and means are
over games: the seeds of one game, which are not independent games, are averaged first. Beside the
learners stand the controls: those of the registry, and a row that nobody plays, the better of two
static commitments in each game, so that an easy sample looks easy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from routing_game.experiments.check.failures import Failures, failures
from routing_game.experiments.check.judge import WITHIN, Judged
from routing_game.experiments.check.known import STATIC, control
from routing_game.experiments.check.learners import Role
from routing_game.experiments.check.scores import Tally
from routing_game.experiments.check.sets import CASCADES, KINDS, Set, origin, set_of
from routing_game.experiments.intervals import Share, half_width, wilson


def by_game(cells: pl.DataFrame, role: Role, group: Set) -> pl.DataFrame:
    """A row for each learner of that role and sampled game of that set, over its seeds.

    `cells` are those of `judge.Judged`.

    Columns: `learner`, `game`, `prior`, `kind`, `regret` (mean), `within` (share). The control that
    nobody plays comes last.
    """
    mine = cells.filter(
        pl.col("role") == role, pl.col("set") == group, pl.col("prior").is_not_null()
    )
    keys = ("game", "prior", "kind")
    rows = mine.group_by("learner", *keys, maintain_order=True).agg(
        pl.mean("regret"), pl.col("within").mean()
    )
    static = mine.group_by(keys, maintain_order=True).agg(regret=pl.first("static"))
    static = static.with_columns(
        learner=pl.lit(STATIC[role]), within=(pl.col("regret") <= WITHIN[role]).cast(pl.Float64)
    )
    return pl.concat([rows, static.select(rows.columns)])


def beside(cells: pl.DataFrame, group: Set) -> dict[str, Share]:
    """Who seeks simultaneous play -> the share of that set's games on which it is within of it.

    Within is as near, as a share of that outcome's cost, as others must be to J*. `cells` are those
    of `judge.Judged`.
    """
    mine = cells.filter(
        pl.col("set") == group, pl.col("prior").is_not_null(), pl.col("beside").is_not_null()
    )
    near = (pl.col("beside") <= WITHIN["provider"]).mean()
    games = mine.group_by("learner", "game", maintain_order=True).agg(near=near)
    return {
        str(name): wilson(float(rows["near"].sum()), rows.height)
        for (name,), rows in games.group_by("learner", maintain_order=True)
    }


def tally(rows: pl.DataFrame) -> Tally:
    """Of a learner's rows of `by_game`."""
    n = rows.height
    within = wilson(float(rows["within"].sum()), n)
    regret = rows["regret"].to_numpy()
    mean = float(np.mean(regret)) if n else np.nan
    spread = np.std(regret, ddof=1) if n > 1 else np.nan
    return Tally(n, within, mean, float(half_width(spread, n)))


def tallies(rows: pl.DataFrame, column: str) -> dict[tuple[str, str], Tally]:
    """(learner, value of the column) -> how it did there."""
    return {
        (str(learner), str(value)): tally(mine)
        for (learner, value), mine in rows.group_by("learner", column, maintain_order=True)
    }


def strongest(found: Sequence[Failures], role: Role) -> str:
    """The measure that goes with regret the most, on average over those who learn."""
    totals: dict[str, list[float]] = {}
    for one in found:
        if one.learner in STATIC.values() or control(one.learner):
            continue
        for each in one.predictors:
            totals.setdefault(each.measure, []).append(float(np.nan_to_num(abs(each.rho))))
    if not totals:
        return "target" if role == "provider" else "edge_log_odds"
    return max(totals, key=lambda name: np.mean(totals[name]))


def kinds_of(rows: pl.DataFrame) -> list[str]:
    """The kinds of the games of `by_game`, cascades first."""
    seen = {*rows["kind"]}
    order = [*CASCADES, *(kind for kind in KINDS if kind not in CASCADES), "interior"]
    return [kind for kind in order if kind in seen]


class Section(NamedTuple):
    """All that the report says about the sampled games of one set and one role."""

    rows: pl.DataFrame
    """Of `by_game`."""
    lands: pl.DataFrame
    """Of `lands.table`."""
    learners: list[str]
    """In the order of the run; the control that nobody plays comes last."""
    games: int
    cascade_games: int
    kinds: list[str]
    priors: list[str]
    total: dict[str, Tally]
    """Learner -> how it did on all of the games."""
    cascades: dict[str, Tally]
    """On those whose optimum is a cascade."""
    kind: dict[tuple[str, str], Tally]
    """(learner, kind) -> how it did there."""
    prior: dict[tuple[str, str], Tally]
    cell: dict[tuple[str, str], Tally]
    """(learner, prior and kind, with a blank between) -> how it did there."""
    failures: list[Failures]
    strongest: str
    """The measure that goes with regret the most."""


Sections = dict[Role, Section]


def totals(sections: Sections) -> dict[str, Tally]:
    """Learner -> how it did on all of the games of its role."""
    return {name: tally for part in sections.values() for name, tally in part.total.items()}


def facts(judged: Judged, group: Set, predict: bool = True) -> Sections:
    """What there is to say about the sampled games of a set; empty if there are none.

    Without ``predict``, nothing about what predicts failure, which takes longest.
    """
    roles: tuple[Role, ...] = ("provider", "user")
    if not any(origin(name) and set_of(name) == group for name in judged.spec.games):
        return {}
    parts = {role: by_game(judged.cells, role, group) for role in roles}
    return {
        role: _section(rows, judged.lands, role, predict)
        for role, rows in parts.items()
        if not rows.is_empty()
    }


def _section(rows: pl.DataFrame, lands: pl.DataFrame, role: Role, predict: bool) -> Section:
    games = rows.unique("game", maintain_order=True)
    on_cascades = pl.col("kind").is_in(CASCADES)
    found = failures(rows, lands, role) if predict else []
    return Section(
        rows,
        lands,
        list(dict.fromkeys(rows["learner"])),
        games.height,
        games.filter(on_cascades).height,
        kinds_of(rows),
        list(dict.fromkeys(rows["prior"])),
        _of_each(rows),
        _of_each(rows.filter(on_cascades)),
        tallies(rows, "kind"),
        tallies(rows, "prior"),
        tallies(rows.with_columns(cell=pl.col("prior") + " " + pl.col("kind")), "cell"),
        found,
        strongest(found, role),
    )


def _of_each(rows: pl.DataFrame) -> dict[str, Tally]:
    groups = rows.group_by("learner", maintain_order=True)
    return {str(learner): tally(mine) for (learner,), mine in groups}
