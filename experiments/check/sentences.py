"""The answer of a run in three sentences, and what was measured where a learner lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from routing_game.experiments.cells.progress import count
from routing_game.experiments.check.judge import FLOOR, WITHIN, Judged, grid_floor
from routing_game.experiments.check.known import GROUPS, Group
from routing_game.experiments.check.learners import LEARNERS
from routing_game.experiments.check.samples import STATIC, Sections
from routing_game.experiments.check.sets import Set, set_of, shown
from routing_game.experiments.check.verdicts import (
    HALF,
    MOST,
    Standing,
    Verdict,
    least,
    unit,
)
from routing_game.experiments.pages.words import fine_percent, listed, with_interval
from routing_game.theory import Game, simultaneous, solve

Row = dict[str, Any]

LIMITS = {
    "provider": f"{100 * WITHIN['provider']:g} % of J*",
    "user": f"{100 * WITHIN['user']:g} % of V",
}
STATIC_WORDS = {
    "provider": "the better of M1 alone and M2 alone",
    "user": "the better of leaving at once and never leaving",
}
"""The controls that nobody plays, in words."""
GROUP_WORDS: dict[Group, tuple[str, str]] = {
    "providers": ("provider", "providers"),
    "pairs": ("pair", "pairs"),
    "blind pairs": ("pair whose user does not see s", "pairs whose user does not see s"),
    "users": ("user", "users"),
    "controls": ("control", "controls"),
}
"""One and several of a group."""
NAMED = 3
"""Losers that the third sentence names."""


def percent(share: float) -> str:
    """Regret in percent; below the floor, 0."""
    return fine_percent(share, FLOOR)


def answer(
    judged: Judged, sampled: Set, sections: Sections, standings: Sequence[Standing]
) -> list[tuple[str, str]]:
    """Who reaches the equilibrium on sampled games, who on the others, and what the rest loses.

    Args:
        judged: the run.
        sampled: the set of the sampled games that count.
        sections: of `samples.facts`, of that set.
        standings: of all learners.
    """
    learners = [one for one in standings if one.group != "controls"]
    if not learners:
        return [("Answer", "Nobody learned: these are controls, which do not.")]
    sentences = []
    if sections:
        sentences.append((sample_title(sampled), sample_sentence(sections, sampled, learners)))
    if single := shown(judged.spec.games):
        sentences.append((single_title(single), single_sentence(single, learners)))
    return [*sentences, ("The rest", rest_sentence(judged, sections, learners))]


def sample_title(sampled: Set) -> str:
    """Of the sentence on sampled games."""
    return "Fresh games" if sampled == "fresh" else "Sampled games"


def single_title(single: Sequence[str]) -> str:
    """Of the sentence on games that are drawn one by one."""
    sets = {set_of(name) for name in single}
    return "Catalog" if sets == {"tuned"} else "Your games" if sets == {"own"} else "Single games"


def sample_sentence(sections: Sections, sampled: Set, learners: Sequence[Standing]) -> str:
    """Who is within on most of the sampled games, group by group."""
    games = max(section.games for section in sections.values())
    cascades = max(section.cascade_games for section in sections.values())
    chosen = "no setting was chosen" if sampled == "fresh" else "settings may have been chosen"
    head = f"{count(games, 'game')}, {cascades} of them cascades, on which {chosen}"
    told = [
        Told(one, one.sample_verdict, one.sample is not None and one.sample.within.share == 1)
        for one in learners
        if one.sample_planned
    ]
    return f"{head}: {clauses(told, count(least(MOST), 'game'))}."


def single_sentence(single: Sequence[str], learners: Sequence[Standing]) -> str:
    """Who reaches the equilibrium on every one of the games that are drawn one by one."""
    tuned = ", on which settings were chosen" if {*map(set_of, single)} == {"tuned"} else ""
    parts = []
    for size in sorted({len(one.single) for one in learners if one.single}, reverse=True):
        told = [
            Told(one, one.single_verdict, all(p.within == p.seeds > 0 for p in one.single))
            for one in learners
            if len(one.single) == size
        ]
        found = clauses(told, count(least(HALF), "seed"), " on all of them" if size > 1 else "")
        if size == len(single):
            parts.append(f"{count(size, 'game')}{tuned}: {found}.")
        else:
            parts.append(f"On the {count(size, 'game')} that they played, {found}.")
    return " ".join(parts)


class Told(NamedTuple):
    """A learner, the verdict on it, and whether all that it did finish ended within."""

    standing: Standing
    verdict: Verdict
    perfect: bool


def clauses(told: Sequence[Told], takes: str, where: str = "") -> str:
    """What came of each group, as clauses of a sentence.

    Args:
        told: of all groups.
        takes: how much evidence a verdict takes, as `35 games`.
        where: they reach the equilibrium.
    """
    parts = [words for kind in GROUPS if (words := decided(kind, told, where))]
    few = [one for one in told if one.verdict == "too few"]
    if few:
        whole = [one.standing.learner for one in few if one.perfect]
        tail = f"; of these always within: {listed(whole)}" if whole else ""
        evidence = takes.split()[-1]
        parts.append(f"too few {evidence} for a verdict on {tallied(few)} (it takes {takes}){tail}")
    for verdict, words in OPEN.items():
        mine = [one.standing.learner for one in told if one.verdict == verdict]
        if mine:
            parts.append(f"{words}: {listed(mine)}")
    return "; ".join(parts) or "nobody was to play them"


OPEN: dict[Verdict, str] = {
    "undecided": "too close to call",
    "failed": "no verdict, as cells failed",
    "not run": "not all run yet",
}
"""Verdicts that are none, but too little evidence, in words."""


def decided(kind: Group, told: Sequence[Told], where: str) -> str:
    """How many of a group reach the equilibrium, and who; empty if there is no verdict on any."""
    mine = [one for one in told if one.standing.group == kind]
    reach = [one.standing.learner for one in mine if one.verdict == "reaches"]
    if not reach and not any(one.verdict == "misses" for one in mine):
        return ""
    verb = "reaches" if len(reach) == 1 else "reach"
    who = f" ({listed(reach)})" if reach else ""
    number = len(reach) or "none"
    return f"{number} of {len(mine)} {GROUP_WORDS[kind][1]} {verb} the equilibrium{where}{who}"


def tallied(told: Sequence[Told]) -> str:
    """How many of each group, as `2 providers and 1 pair`."""
    words = []
    for kind in GROUPS:
        if n := sum(one.standing.group == kind for one in told):
            words.append(f"{n} {GROUP_WORDS[kind][n > 1]}")
    return listed(words)


def rest_sentence(judged: Judged, sections: Sections, learners: Sequence[Standing]) -> str:
    """Who misses the equilibrium, what that costs where it costs most, and what was measured."""
    finished = [one for one in learners if one.worst]
    if not finished:
        return "No cell of a learner is finished."
    finished.sort(key=lambda one: -one.worst.mean if one.worst else 0.0)
    lost = [one for one in finished if "misses" in (one.sample_verdict, one.single_verdict)]
    seeing = [one for one in lost if one.group != "blind pairs"]
    if seeing:
        more = f" and {len(seeing) - NAMED} more" if len(seeing) > NAMED else ""
        who = f"{listed([loss(judged, one) for one in seeing[:NAMED]])}{more}"
        words = f"It is missed by {who}."
    else:
        most = next((one for one in finished if one.group != "blind pairs"), finished[0])
        words = (
            f"Nobody who seeks it misses it beyond doubt; the most is lost by {loss(judged, most)}."
        )
    blind = [one for one in finished if one.group == "blind pairs"]
    if blind and (far := beside_words(judged, blind)):
        words += (
            f" Pairs whose user does not see s seek simultaneous play instead: {far} off its cost."
        )
    return words + static_words(sections)


def beside_words(judged: Judged, blind: Sequence[Standing]) -> str:
    """How far blind pairs are from simultaneous play, on average, as `simultaneous 0.3 %`."""
    far = []
    for one in blind:
        beside = judged.summary.filter(learner=one.learner)["beside"].drop_nulls().to_numpy()
        if beside.size:
            far.append(f"{one.learner} is {percent(float(beside.mean()))} %")
    return listed(far)


def static_words(sections: Sections) -> str:
    """How the controls that nobody plays do on the sampled games."""
    told = [
        f"{STATIC_WORDS[role]} is within on {with_interval(part.total[STATIC[role]].within)}"
        for role, part in sections.items()
    ]
    return f" Without learning, {listed(told)} of the sampled games." if told else ""


def loss(judged: Judged, one: Standing) -> str:
    """As `ucb (3.2 % of J* on t4-cascade: 2 of 5 seeds end on the wrong route)`."""
    assert one.worst
    why = measured(judged, one)
    words = f"{percent(one.worst.mean)} % of {unit(one.learner)} on {one.worst.game}"
    return f"{one.learner} ({words}{why and ': '}{why})"


def measured(judged: Judged, one: Standing) -> str:
    """What the seeds did on a learner's worst game; empty where it was within there."""
    if not one.worst or one.worst.verdict == "reaches" or one.worst.within == one.worst.seeds:
        return ""
    (row,) = judged.summary.filter(learner=one.learner, game=one.worst.game).to_dicts()
    return reason(judged.spec.games[one.worst.game], row)


def reason(game: Game, row: Row) -> str:
    """What the seeds did that cost so much, in one clause: what was measured, and no guess."""
    learner, n = LEARNERS[row["learner"]], row["n"]
    if learner.role == "user":
        return f"its q is off by {row['q_error']:.2f} on average"
    fallen = n - round(n * (row["q_right"] or 0))
    if learner.family == "pairs" and row["simultaneous"] > n / 2:
        value = float(simultaneous(game).highest - solve(game).cost)
        ended = f"{seeds_of(row['simultaneous'], n)} in the outcome of simultaneous play"
        return f"{ended}, which costs {value:.3g} a task more"
    if row["route_right"] < 1:
        return f"{seeds_of(n - round(n * row['route_right']), n)} on the wrong route"
    if fallen:
        return f"{seeds_of(fallen, n)} where the user answers otherwise than at the optimum"
    floor = grid_floor(game) if learner.fixed_grid else 0.0
    if floor > FLOOR and row["last"] < 1.1 * floor:
        return f"the best commitment on its fixed grid loses {percent(floor)} %"
    if row["gap"] is None:
        return ""
    return f"on average its s is {row['gap']:.2g} from the nearest optimal s"


def seeds_of(some: int, n: int) -> str:
    """As `2 of 5 seeds end`, or `its seed ends`."""
    return f"{some} of {n} seeds end" if n > 1 else "its seed ends"


def rules() -> str:
    """What the words of the answer mean."""
    return (
        f"Within: exact regret of at most {LIMITS['provider']} (a user's: {LIMITS['user']}). A "
        f"learner reaches the equilibrium on fresh games if it is within on more than "
        f"{100 * MOST:.0f} % of them, and on a single game if more than {100 * HALF:.0f} % of its "
        f"seeds are, both beyond doubt (95 % interval of Wilson); that takes {least(MOST)} games, "
        f"{least(HALF)} seeds. It misses it where the contrary is beyond doubt. Controls are not "
        "counted."
    )
