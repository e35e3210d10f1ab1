"""Who reaches the equilibrium, said only where there is evidence enough.

Fresh games are a sample of games: a learner *reaches* the equilibrium there if it is within (see
`judge.WITHIN`) on more than `MOST` of them, beyond doubt. Games that are drawn one by one are not a
sample, but the seeds on each are: a learner reaches it on such a game if more than `HALF` of the
seeds end within, beyond doubt. Beyond doubt means: by the 95 % interval of Wilson, which takes 35
games and 4 seeds. With fewer, but two at least, a learner can miss, but not reach.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import polars as pl

from routing_game.experiments.check.judge import Judged
from routing_game.experiments.check.known import Group, group
from routing_game.experiments.check.learners import LEARNERS
from routing_game.experiments.check.scores import Tally
from routing_game.experiments.check.sets import Set, origin, set_of, shown
from routing_game.experiments.intervals import Share, wilson

Verdict = Literal["reaches", "misses", "too few", "undecided", "failed", "not run"]
MOST = 0.9
"""The share of fresh games on which a learner that reaches the equilibrium is within."""
HALF = 0.5
"""The share of seeds that end within where a learner reaches the equilibrium of a game."""


def verdict(share: Share, n: int, level: float, failures: int = 0, waiting: int = 0) -> Verdict:
    """What a share with its interval says: is it above that level?

    Args:
        share: of n, with its interval.
        n: how many games or seeds.
        level: that is to be passed.
        failures: cells that ended in an error; with any of them nobody reaches anything.
        waiting: cells that are not run yet; with any of them nothing is called too little.
    """
    if not n:
        return "failed" if failures else "not run"
    if share.high < level and n > 1:  # of one that misses, chance has one in ten at 90 %
        return "misses"
    if failures:
        return "failed"
    if share.low > level:
        return "reaches"
    if waiting:
        return "not run"
    return "undecided" if wilson(n, n).low > level else "too few"


def least(level: float) -> int:
    """How many games or seeds it takes, all of them within, to pass a level beyond doubt."""
    return next(n for n in range(1, 10_000) if wilson(n, n).low > level)


class Played(NamedTuple):
    """How a learner's seeds ended on one game."""

    game: str
    seeds: int
    """That finished."""
    within: int
    """How many of those."""
    mean: float
    """Of their exact regret, a share of J* or V; nan without seeds."""
    worst: float
    """The largest of them."""
    failures: int
    waiting: int
    """Seeds that are not run yet."""
    verdict: Verdict


class Standing(NamedTuple):
    """What there is to say of a learner."""

    learner: str
    group: Group
    sample: Tally | None
    """On the sampled games of one set; None if it finished none of them."""
    sample_planned: int
    """How many of those games it was to play."""
    sample_verdict: Verdict
    single: tuple[Played, ...]
    """On each of the games that are drawn one by one."""
    single_verdict: Verdict
    """`reaches` where it does on every one of those that it was to play."""
    failures: int
    """On all games."""
    worst: Played | None
    """The game of the run with the largest mean regret."""


def standings(judged: Judged, sampled: Set, totals: Mapping[str, Tally]) -> list[Standing]:
    """A standing for each learner of a run, in the order of its spec.

    Args:
        judged: the run.
        sampled: the set of the sampled games that count.
        totals: learner -> how it did on that set; only of those who finished some of it.
    """
    spec = judged.spec
    single = shown(spec.games)
    games = [name for name in spec.games if origin(name) and set_of(name) == sampled]
    ends = _played(judged)
    found = []
    for name, plan in spec.plans.items():
        mine = {game: ends[name, game] for game in plan.games}
        one_by_one = tuple(mine[game] for game in single if game in mine)
        sample = [mine[game] for game in games if game in mine]
        lost = sum(played.failures for played in sample)
        waiting = sum(played.waiting for played in sample)
        tally = totals.get(name)
        share, n = (tally.within, tally.games) if tally else (wilson(0, 0), 0)
        finished = [played for played in mine.values() if played.seeds]
        found.append(
            Standing(
                name,
                group(name),
                tally,
                len(sample),
                verdict(share, n, MOST, lost, waiting),
                one_by_one,
                everywhere([played.verdict for played in one_by_one]),
                sum(played.failures for played in mine.values()),
                max(finished, key=lambda played: played.mean, default=None),
            )
        )
    return found


def everywhere(verdicts: list[Verdict]) -> Verdict:
    """What verdicts on single games come to on all of them: the worst that is known for sure."""
    order: tuple[Verdict, ...] = ("misses", "failed", "not run", "too few", "undecided", "reaches")
    return next((one for one in order if one in verdicts), "not run")


def _played(judged: Judged) -> dict[tuple[str, str], Played]:
    """(learner, game) -> how that ended, for every pair of the spec."""
    ends = judged.cells.group_by("learner", "game").agg(
        n=pl.len(), within=pl.sum("within"), mean=pl.mean("regret"), worst=pl.max("regret")
    )
    errors = judged.done.filter(pl.col("error").is_not_null())
    lost = {
        (learner, game): n
        for learner, game, n in errors.group_by("learner", "game").agg(pl.len()).rows()
    }
    rows = {(learner, game): rest for learner, game, *rest in ends.rows()}
    found = {}
    for learner, plan in judged.spec.plans.items():
        for game in plan.games:
            n, within, mean, worst = rows.get((learner, game), (0, 0, float("nan"), float("nan")))
            failures = lost.get((learner, game), 0)
            waiting = max(0, plan.seeds_on(game) - n - failures)
            told = verdict(wilson(within, n), n, HALF, failures, waiting)
            found[learner, game] = Played(game, n, within, mean, worst, failures, waiting, told)
    return found


def unit(name: str) -> str:
    """What a learner's regret is a share of."""
    return "V" if LEARNERS[name].role == "user" else "J*"
