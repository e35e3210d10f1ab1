"""The answer of a run in three sentences, and what was measured where a learner lost."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Literal, NamedTuple

from routing_game.experiments.cells.progress import count
from routing_game.experiments.cells.spec import Spec
from routing_game.experiments.check.judge import FLOOR, WITHIN, Judged, grid_floor
from routing_game.experiments.check.known import GROUPS, STATIC, Group, control
from routing_game.experiments.check.learners import LEARNERS
from routing_game.experiments.check.own import is_own
from routing_game.experiments.check.samples import Sections
from routing_game.experiments.check.sets import Set, set_of, shown
from routing_game.experiments.check.verdicts import (
    HALF,
    MOST,
    Standing,
    Verdict,
    least,
    unit,
)
from routing_game.experiments.pages.words import SMOKE, fine_percent, listed, with_interval
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
"""Losers that the third sentence names, and learners that are named instead of counted."""
COUNTED = 6
"""Learners of too little evidence whose seeds are counted one by one."""
GROUPED = 4
"""Amounts of practice that are told one by one."""


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
    head = f"{count(games, 'game')}, {of_them(cascades, games)}, on which {chosen}"
    told = [on_samples(one) for one in learners if one.sample_planned]
    return f"{head}: {clauses(told, 'game')}."


def of_them(cascades: int, games: int) -> str:
    """How many of so many games are cascades."""
    if games == 1:
        return "a cascade" if cascades else "no cascade"
    if cascades == games:
        return "all cascades"
    return f"{cascades or 'none'} of them {'a cascade' if cascades < 2 else 'cascades'}"


def single_sentence(single: Sequence[str], learners: Sequence[Standing]) -> str:
    """Who reaches the equilibrium on every one of the games that are drawn one by one."""
    tuned = ", on which settings were chosen" if {*map(set_of, single)} == {"tuned"} else ""
    parts = []
    for size in sorted({len(one.single) for one in learners if one.single}, reverse=True):
        told = [on_single(one) for one in learners if len(one.single) == size]
        found = clauses(told, "seed", several=size > 1)
        if size == len(single):
            parts.append(f"{count(size, 'game')}{tuned}: {found}.")
        else:
            played = count(size, "game") if size > 1 else "game"
            parts.append(f"On the {played} that they played, {found}.")
    return " ".join(parts)


class Told(NamedTuple):
    """A learner, the verdict on it, and what it is made from."""

    standing: Standing
    verdict: Verdict
    evidence: int
    """How many games, or how many seeds on each game, finished."""
    within: str
    """How many of all its games or seeds, as `3 of 8`."""
    perfect: bool
    """Whether all that it did finish ended within."""


def on_samples(one: Standing) -> Told:
    """What there is to tell of a learner on sampled games."""
    if one.sample is None:
        return Told(one, one.sample_verdict, 0, "none", perfect=False)
    share, games = one.sample.within.share, one.sample.games
    within = f"{share * games:.3g} of {games}"  # seeds of a game are averaged
    return Told(one, one.sample_verdict, games, within, share == 1)


def on_single(one: Standing) -> Told:
    """What there is to tell of a learner on the games that are drawn one by one."""
    few = [played.seeds for played in one.single if played.verdict == "too few"]
    perfect = all(played.within == played.seeds > 0 for played in one.single)
    return Told(one, one.single_verdict, max(few, default=0), seeds_within(one) or "none", perfect)


def clauses(told: Sequence[Told], noun: Literal["game", "seed"], several: bool = False) -> str:
    """What came of each group, as clauses of a sentence.

    Args:
        told: of all groups.
        noun: what the evidence of a verdict is counted in.
        several: whether it is about several games one by one.
    """
    parts = [words for kind in GROUPS if (words := decided(kind, told, noun, several))]
    if few := [one for one in told if one.verdict == "too few"]:
        parts.append(undecidable(few, noun, several))
    for verdict, words in OPEN.items():
        mine = [one.standing.learner for one in told if one.verdict == verdict]
        if mine:
            parts.append(f"{words}: {listed(mine)}")
    return "; ".join(parts) or "nobody was to play them"


def undecidable(few: Sequence[Told], noun: Literal["game", "seed"], several: bool) -> str:
    """That so little evidence decides nothing, and what it is, learner by learner if not many."""
    low, high = min(one.evidence for one in few), max(one.evidence for one in few)
    number = count(high, noun) if low == high else f"{low} to {count(high, noun)}"
    each = " on each of them" if several else ""
    verb = "decides" if high == 1 else "decide"
    needed = least(HALF if noun == "seed" else MOST)
    head = f"{number}{each} {verb} nothing (it takes {needed})"
    if len(few) <= COUNTED:
        return f"{head}: {counted(few, '')}"
    whole = [one.standing.learner for one in few if one.perfect]
    tail = f"; of these always within: {listed(whole)}" if whole else ""
    return f"{head} on {tallied(few)}{tail}"


def counted(told: Sequence[Told], noun: str) -> str:
    """As `ucb 3 of 3 seeds within, ppo 0 of 3`."""
    (first, *rest) = told
    unit_of = f" {noun}s" if noun else ""
    words = [f"{first.standing.learner} {first.within}{unit_of} within"]
    return ", ".join([*words, *(f"{one.standing.learner} {one.within}" for one in rest)])


OPEN: dict[Verdict, str] = {
    "undecided": "too close to call",
    "failed": "no verdict, as cells failed",
    "not run": "not all run yet",
}
"""Verdicts that are none, but too little evidence, in words."""


def decided(kind: Group, told: Sequence[Told], noun: Literal["game", "seed"], several: bool) -> str:
    """How many of a group reach the equilibrium, and who; empty if there is no verdict on any.

    To reach it is to reach it on every game; to miss it, on one of them is enough.
    """
    mine = [one for one in told if one.standing.group == kind]
    reach = [one.standing.learner for one in mine if one.verdict == "reaches"]
    miss = [one for one in mine if one.verdict == "misses"]
    if not reach:
        return missed(kind, miss, len(mine), noun, several) if miss else ""
    one, many = GROUP_WORDS[kind]
    where = " on all of them" if several else ""
    if len(mine) == 1:
        return f"the {one} ({reach[0]}) reaches the equilibrium{where}"
    every = len(reach) == len(mine)
    number = all_of(len(mine)) if every else f"{len(reach)} of {len(mine)}"
    verb = "reaches" if len(reach) == 1 else "reach"
    return f"{number} {many} {verb} the equilibrium{where} ({listed(reach)})"


def missed(
    kind: Group, miss: Sequence[Told], n: int, noun: Literal["game", "seed"], several: bool
) -> str:
    """How many of the n of a group miss the equilibrium, none of whom reaches it, and who."""
    one, many = GROUP_WORDS[kind]
    where = " on at least one of them" if several else ""
    if n == 1:
        verb = SHORT_OF[kind != "blind pairs"][0]
        return f"the {one} ({counted(miss, noun)}) {verb} the equilibrium{where}"
    number = all_of(n) if len(miss) == n else f"{len(miss)} of {n}"
    verb = SHORT_OF[kind != "blind pairs"][len(miss) > 1]
    who = f" ({counted(miss, noun)})" if len(miss) <= NAMED else ""
    return f"{number} {many} {verb} the equilibrium{where}{who}"


SHORT_OF = (("is off", "are off"), ("misses", "miss"))
"""What is said of one and of several who do not seek the equilibrium, and of those who do."""


def all_of(n: int) -> str:
    """As `both` or `all 3`."""
    return "both" if n == 2 else f"all {n}"


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
    blind = [one for one in finished if one.group == "blind pairs"]
    seeing = [one for one in finished if one not in blind]
    missing = [one for one in seeing if one in lost]
    words = []
    if missing:
        more = [f"{len(missing) - NAMED} more"] if len(missing) > NAMED else []
        who = listed([*(loss(judged, one) for one in missing[:NAMED]), *more])
        words.append(f"The equilibrium is missed by {who}.")
    elif seeing:
        most = seeing[0]
        nothing = most.worst is None or percent(most.worst.mean) == "0"
        lost_by = f"most is lost by {loss(judged, most)}."
        found = {verdict for one in seeing for verdict in verdicts(one)}
        if found <= {"reaches", "undecided"}:
            who = "No learner that seeks it" if blind else "No learner"
            verb = "clearly misses" if "undecided" in found else "misses"
            told = "none loses anything." if nothing else f"the {lost_by}"
            words.append(f"{who} {verb} the equilibrium; {told}")
        else:  # of some it is not known whether they miss
            words.append("No seed that finished loses anything." if nothing else f"The {lost_by}")
    if far := beside_words(judged, blind):
        what = "Pairs whose user does not see s seek simultaneous play instead"
        words.append(f"{what}: {far} off its cost.")
    return " ".join([*words, *static_words(sections)])


def verdicts(one: Standing) -> list[Verdict]:
    """Those on a learner, of the kinds of games that it was to play."""
    sample = [one.sample_verdict] if one.sample_planned else []
    return [*sample, one.single_verdict] if one.single else sample


def beside_words(judged: Judged, blind: Sequence[Standing]) -> str:
    """How far blind pairs are from simultaneous play, on average, as `simultaneous 0.3 %`."""
    far = []
    for one in blind:
        beside = judged.summary.filter(learner=one.learner)["beside"].drop_nulls().to_numpy()
        if beside.size:
            far.append(f"{one.learner} is {percent(float(beside.mean()))} %")
    return listed(far)


def static_words(sections: Sections) -> list[str]:
    """How the controls that nobody plays do on the sampled games, if there are any."""
    told = [
        f"{STATIC_WORDS[role]} is within on {with_interval(part.total[STATIC[role]].within)}"
        for role, part in sections.items()
    ]
    return [f"Without learning, {listed(told)} of the sampled games."] if told else []


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
    """As `2 of 5 seeds end`, `all 5 seeds end`, `both seeds end`, or `its seed ends`."""
    if n == 1:
        return "its seed ends"
    if some == n:
        return "both seeds end" if n == 2 else f"all {n} seeds end"
    return f"{some} of {n} seeds end{'s' * (some == 1)}"


def seeds_within(one: Standing) -> str:
    """Over the games that are drawn one by one, as `64 of 65`; empty if no seed is finished."""
    seeds = sum(played.seeds for played in one.single)
    return f"{sum(played.within for played in one.single)} of {seeds}" if seeds else ""


def practice_words(spec: Spec[Game], where: str = "in the report") -> str:
    """How much practice a cell of each learner has, and how to give all of them the same.

    Args:
        spec: of the run.
        where: all amounts are, if they are too many for a sentence.
    """
    groups: dict[str, list[str]] = {}
    for name in sorted(spec.plans, key=lambda name: spec.plans[name].practice):
        groups.setdefault(practice(spec, name), []).append(name)
    if len(groups) == 1:
        return f"Practice of a cell: {next(iter(groups))}."
    if len(groups) > GROUPED:
        least, *_, most = groups
        told = [f"{practice(spec, name)} of {name}" for name in spec.plans if is_own(name)]
        said = "; ".join([*told, f"{least} to {most} (all are {where})"])
    else:
        said = "; ".join(f"{amount} of {listed(names)}" for amount, names in groups.items())
    return f"Practice of a cell: {said}. With --tasks N everyone has N."


def notice(spec: Spec[Game]) -> str:
    """What to know first about a run: that it is a smoke run, as it is while some learner has no
    more practice than in that profile, and usually more.
    """
    smoke = spec.profile == "smoke" and any(
        plan.practice <= LEARNERS[name].budgets["smoke"][0] < usual(name)
        for name, plan in spec.plans.items()
        if "smoke" in LEARNERS[name].budgets
    )
    return SMOKE if smoke else ""


def usual(name: str) -> int:
    """The practice of a learner's own, that of the default profile; 0 if that is not known."""
    return LEARNERS[name].budgets.get("default", (0, 0))[0]


def less_practice(spec: Spec[Game]) -> str:
    """Whose practice is less than its own, so that a failure may be of practice alone."""
    less = [
        name
        for name, plan in spec.plans.items()
        if plan.practice < usual(name) and not control(name)
    ]
    if not less or notice(spec):
        return ""
    if len(less) > NAMED:
        return f"With less practice than their own: {count(len(less), 'learner')}."
    each = [f"{name} ({usual(name):,} {LEARNERS[name].counts})" for name in less]
    return f"With less practice than {'its' if len(less) == 1 else 'their'} own: {listed(each)}."


def done_words(done: int, total: int, failed: int) -> str:
    """How much of a run there is, as `11 of 12 cells finished`."""
    state = f"done, {failed:,} of them failed" if failed else "finished"
    return f"{done:,} of {total:,} {'cell' if total == 1 else 'cells'} {state}"


def practice(spec: Spec[Game], name: str) -> str:
    """How much a learner has in a cell, as `3,000 tasks`."""
    amount, counts = spec.plans[name].practice, LEARNERS[name].counts
    return f"{amount:,} {counts[:-1] if amount == 1 else counts}"


def rules(sampled: bool, single: bool, groups: Collection[Group]) -> str:
    """What the words of the answer mean, as far as they are in it.

    Args:
        sampled: whether it is about sampled games.
        single: whether it is about games that are drawn one by one.
        groups: of the learners.
    """
    limits = [LIMITS["provider"]] if {*groups} != {"users"} else []
    if "users" in groups:
        limits.append(f"{'a user: ' * bool(limits)}{LIMITS['user']}")
    on, takes = [], []
    if sampled:
        on.append(f"on fresh games if it is within on more than {100 * MOST:.0f} % of them")
        takes.append(f"{least(MOST)} games")
    if single:
        on.append(f"on a single game if more than {100 * HALF:.0f} % of its seeds end within")
        takes.append(f"{least(HALF)} seeds")
    said = [f"Within: exact regret of at most {'; '.join(limits)}."]
    if on:
        said.append(
            f"A learner reaches the equilibrium {', and '.join(on)}, beyond doubt (by the 95 % "
            f"interval of Wilson, which takes {' or '.join(takes)}). It misses it where the "
            "contrary is beyond doubt."
        )
    if "controls" in groups:
        said.append("Controls are not counted.")
    return " ".join(said)
