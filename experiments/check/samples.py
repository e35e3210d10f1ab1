"""What a run says about games, not about this game: shares over samples, and what predicts failure.

A learner is *within* on a game where its exact regret is at most `WITHIN`. Shares and means are
over games: the seeds of one game, which are not independent games, are averaged first. Beside the
learners stand the controls: those of the registry, and a row that nobody plays, the better of two
static commitments in each game, so that an easy sample looks easy.

What predicts failure is asked of the exact geometry of each game (`theory.geometry`). Several
measures are tried, so an answer counts only if it would among that many (Bonferroni), and a split
is chosen by looking, so its chance is that of the best split of shuffled games.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import polars as pl
from scipy.special import ndtri
from scipy.stats import rankdata

from routing_game.experiments.check.judge import WITHIN, Judged
from routing_game.experiments.check.known import control
from routing_game.experiments.check.scores import Tally
from routing_game.experiments.check.sets import CASCADES, KINDS, Set, origin, set_of
from routing_game.experiments.intervals import Share, half_width, wilson
from routing_game.theory.geometry import Geometry
from routing_game.theory.numbers import Array

Role = Literal["provider", "user"]

STATIC: dict[str, str] = {"provider": "best static", "user": "always or never"}
"""The rows that nobody plays: M1 alone or M2 alone, leaving at once or never, by hindsight."""
USER_MEASURES = ("edge", "edge_log_odds")
"""What a user's failures are held against; the other measures are about the provider's cost."""
LEAST = 10
"""Games without which nothing is said about what predicts failure."""
SHUFFLES = 999


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
    regret, n = rows["regret"].to_numpy(), rows.height
    spread = np.std(regret, ddof=1) if n > 1 else np.nan
    mean = float(np.mean(regret)) if n else np.nan
    return Tally(n, wilson(float(rows["within"].sum()), n), mean, float(half_width(spread, n)))


def tallies(rows: pl.DataFrame, column: str) -> dict[tuple[str, str], Tally]:
    """(learner, value of the column) -> how it did there."""
    return {
        (str(learner), str(value)): tally(mine)
        for (learner, value), mine in rows.group_by("learner", column, maintain_order=True)
    }


class Predictor(NamedTuple):
    """How one measure of the games goes with a learner's regret."""

    measure: str
    games: int
    rho: float
    """Spearman's rank correlation with mean regret; nan if either is the same on all games."""
    low: float
    high: float
    """Its interval: 95 % for all measures together (Bonett and Wright 2000; Bonferroni)."""
    thirds: tuple[Share, ...]
    """Failures among games with a small, a middling and a large measure."""

    @property
    def counts(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


class Split(NamedTuple):
    """The single question about a measure that best tells failures from successes."""

    measure: str
    at: float
    below: Share
    """Failures among the games whose measure is at most that."""
    above: Share
    chance: float
    """How often shuffled games can be split as well: a permutation test over measures and places.
    """


class Failures(NamedTuple):
    """Where a learner fails, and what predicts it."""

    learner: str
    games: int
    failed: float
    """How many games, seeds counting in part."""
    predictors: tuple[Predictor, ...]
    """The strongest first; none if there are too few games or no failures."""
    split: Split | None


def failures(rows: pl.DataFrame, lands: pl.DataFrame, role: Role) -> list[Failures]:
    """What predicts each learner's failures: a provider's on cascades, a user's where q jumps.

    Elsewhere the measures do not exist, and hardly anybody fails.

    Args:
        rows: of `by_game`.
        lands: of `lands.table`.
        role: whose.
    """
    names = Geometry._fields if role == "provider" else USER_MEASURES
    table = rows.join(lands.select("game", *names), on="game", maintain_order="left")
    table = table.filter(pl.col("edge").is_not_null())
    if role == "provider":
        table = table.filter(pl.col("kind").is_in(CASCADES))
    groups = table.group_by("learner", maintain_order=True)
    return [_failures(str(learner), mine, names) for (learner,), mine in groups]


def _failures(learner: str, rows: pl.DataFrame, names: Sequence[str]) -> Failures:
    regret, failed = rows["regret"].to_numpy(), 1 - rows["within"].to_numpy()
    if len(failed) < LEAST or np.ptp(regret) < 1e-9:
        return Failures(learner, len(failed), float(failed.sum()), (), None)
    measures = rows.select(names).to_numpy()
    found = [
        predictor(name, x, regret, failed, len(names))
        for name, x in zip(names, measures.T, strict=True)
    ]
    found.sort(key=lambda one: -np.nan_to_num(abs(one.rho)))
    split = best_split(names, measures, failed) if 0 < failed.sum() < len(failed) else None
    return Failures(learner, len(failed), float(failed.sum()), tuple(found), split)


def predictor(name: str, measure: Array, regret: Array, failed: Array, tried: int) -> Predictor:
    """How a measure goes with regret and failure, among so many measures that are tried."""
    n = len(measure)
    if np.ptp(measure) == 0 or np.ptp(regret) == 0:
        rho = low = high = np.nan
    else:
        rho = float(np.corrcoef(rankdata(measure), rankdata(regret))[0, 1])
        spread = ndtri(1 - 0.025 / tried) * np.sqrt((1 + rho**2 / 2) / (n - 3))
        centre = np.arctanh(np.clip(rho, -1 + 1e-12, 1 - 1e-12))
        low, high = (float(np.tanh(centre + sign * spread)) for sign in (-1, 1))
    thirds = np.array_split(failed[np.argsort(measure, kind="stable")], 3)
    return Predictor(
        name, n, rho, low, high, tuple(wilson(part.sum(), len(part)) for part in thirds)
    )


def best_split(names: Sequence[str], measures: Array, failed: Array) -> Split | None:
    """The place on one measure that parts failures from successes best, if any place does.

    Best is the most variance between the two sides; a side has a tenth of the games, five at least.

    Args:
        names: of the measures.
        measures: shape (games, measures).
        failed: share of seeds that failed, a game each.
    """
    rng = np.random.default_rng(0)
    shuffled = rng.permuted(np.tile(failed, (SHUFFLES, 1)), axis=1)
    table = np.vstack([failed, shuffled])
    gains, places = zip(*(_gains(x, table) for x in measures.T), strict=True)
    best = int(np.argmax([gain[0] for gain in gains]))
    if not gains[best][0] > 0:
        return None
    chance = float(np.mean(np.max(gains, axis=0) >= gains[best][0] - 1e-12))
    x, at = measures[:, best], places[best]
    sides = (failed[x <= at], failed[x > at])
    below, above = (wilson(side.sum(), len(side)) for side in sides)
    return Split(names[best], float(at), below, above, chance)


def _gains(measure: Array, table: Array) -> tuple[Array, float]:
    """The most variance that a place on a measure explains, for each row of failures; the first
    row's place.
    """
    order = np.argsort(measure, kind="stable")
    x, n = measure[order], len(measure)
    least = max(5, n // 10)
    cut = np.arange(least, n - least + 1)  # games on the lower side
    cut = cut[x[cut - 1] < x[np.minimum(cut, n - 1)]]
    if not len(cut):
        return np.zeros(len(table)), np.nan
    sums = np.cumsum(table[:, order], axis=1)
    below, total = sums[:, cut - 1], sums[:, -1:]
    gain = below**2 / cut + (total - below) ** 2 / (n - cut) - total**2 / n
    at = int(np.argmax(gain[0]))
    return gain.max(axis=1), float(x[cut[at] - 1] + x[cut[at]]) / 2


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
