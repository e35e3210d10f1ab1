"""A run of learners: who plays which games, how much practice a cell has, and what it runs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from routing_game.experiments.cells.records import FIRST_SUITE, Record, Suite
from routing_game.experiments.cells.spec import Cell, Plan, Spec
from routing_game.experiments.check import own
from routing_game.experiments.check.learners import LEARNERS, Learner
from routing_game.experiments.check.sets import FRESH, REAL_PAIR, TUNED, origin, set_of
from routing_game.experiments.check.sources import chosen_games
from routing_game.experiments.check.traces import NOTHING, Trace
from routing_game.theory import Game

CASCADE_GAMES = ("t4-cascade", "t5-cascade")
"""The cascades of the catalog, where costly learners learn, and users."""
MIXED = ("-+", "+-")
"""Regimes in which a user's best response is more than always staying or always leaving."""
FRESH_SEEDS = 3
"""Of each learner on each fresh game of a profile: what is said there is said over games."""


def learn(spec: Spec[Game], cells: Sequence[Cell]) -> list[Trace]:
    """What a batch is: the traces of a learner that is trained in all of the cells."""
    (name,) = {cell.learner for cell in cells}
    games = [spec.games[cell.game] for cell in cells]
    worlds, agents = zip(*(cell.streams(2) for cell in cells), strict=True)
    return LEARNERS[name].train(games, spec.plans[name].practice, worlds, agents)


def together(name: str) -> int:
    """How many cells of that learner may train as one."""
    return LEARNERS[name].batch


def fits(plan: Plan, record: Record[Trace]) -> bool:
    """Whether a user's trace has answers to what users are asked, if it is a user of ours."""
    learner = LEARNERS[record.learner]
    return learner.family == "unknown" or learner.role == "provider" or record.trace.asked


CHECK = Suite(FIRST_SUITE, Spec[Game], learn, Trace, NOTHING, together, own.source, fits)
"""A run of learners."""


def make_spec(
    profile: str,
    games: Mapping[str, Game] | Sequence[str] | None = None,
    learners: tuple[str, ...] | None = None,
    seeds: int | None = None,
    practice: int | None = None,
) -> Spec[Game]:
    """The spec of a profile, with what is given changed.

    Unless games are given, they are the tuned and the fresh games of the profile (`sets.TUNED`,
    `sets.FRESH`), and not everyone plays them all: see `played_by`.

    Args:
        profile: the name of the usual budgets.
        games: by name, or words that `sources` reads; None for the profile's.
        learners: names of `LEARNERS`; None for all.
        seeds: of each learner on each game.
        practice: of a cell.
    """
    usual = games is None
    if games is None:
        games = (*TUNED[profile], *FRESH[profile])
    if not isinstance(games, Mapping):
        games = chosen_games(games).games
    plans = {}
    for name in learners or tuple(LEARNERS):
        usual_practice, usual_seeds = LEARNERS[name].budgets[profile]
        played = played_by(LEARNERS[name], games, profile) if usual else tuple(games)
        plan = Plan(played, practice or usual_practice, seeds or usual_seeds)
        if usual and not seeds:
            fresh = tuple(game for game in played if set_of(game) == "fresh")
            plan = replace(plan, many=fresh, fewer=min(usual_seeds, FRESH_SEEDS) * bool(fresh))
        plans[name] = plan
    return Spec(profile, dict(games), plans)


def played_by(learner: Learner, games: Mapping[str, Game], profile: str) -> tuple[str, ...]:
    """Which games of a profile a learner plays.

    Users play where there is something to learn: the two cascades of the catalog, and fresh games
    of a mixed regime. Costly learners are controls: they play those two alone, and providers in the
    full profile the measured pair besides, and a fresh cascade of each prior.
    """
    fresh = [name for name in games if set_of(name) == "fresh"]
    if learner.role == "user":
        mixed = [name for name in fresh if games[name].regime in MIXED]
        return CASCADE_GAMES if learner.costly else (*CASCADE_GAMES, *mixed)
    if not learner.costly:
        return tuple(games)
    if profile != "full":
        return CASCADE_GAMES
    first = {sampled.prior: str(sampled) for name in reversed(fresh) if (sampled := origin(name))}
    return (*CASCADE_GAMES, REAL_PAIR, *reversed(first.values()))
