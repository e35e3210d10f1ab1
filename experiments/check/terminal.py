"""The result of a run on the terminal: an answer in sentences, then a row for each learner."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from routing_game.experiments.cells.progress import count
from routing_game.experiments.check import samples
from routing_game.experiments.check.judge import Judged
from routing_game.experiments.check.known import GROUPS, TITLES, Group
from routing_game.experiments.check.sentences import (
    LIMITS,
    answer,
    done_words,
    less_practice,
    notice,
    percent,
    practice_words,
    seeds_within,
)
from routing_game.experiments.check.sets import SAMPLED, Set, shown
from routing_game.experiments.check.verdicts import Standing, standings
from routing_game.experiments.pages.words import with_interval, wrapped

WIDTH = 88
"""Columns that the table fits, whatever the terminal."""
NAME = 24
"""Columns of a learner's name; a longer one, of an agent of one's own, has a line for itself."""


def terminal_table(judged: Judged) -> str:
    """The answer, then how often each learner is within and where it loses the most."""
    sampled, sections = counted(judged)
    found = standings(judged, sampled, samples.totals(sections))
    told = answer(judged, sampled, sections, found)
    lines = [wrapped(words, WIDTH) for words in first(judged)]
    lines += [wrapped(f"{title}. {words}", WIDTH) for title, words in told]
    head, rows = cells(judged, sampled, bool(sections), found)
    widths = [max(map(len, column)) for column in zip(head, *rows.values(), strict=True)]
    lines += ["", spaced("", head, widths)]
    for kind in GROUPS:
        mine = [one.learner for one in found if one.group == kind]
        if mine:
            lines.append(TITLES[kind])
        for name in mine:
            lines += named(name, rows[name], widths)
    lines += ["", *notes(judged, bool(sections), {one.group for one in found})]
    return "\n".join(lines)


def first(judged: Judged) -> list[str]:
    """What to know before the answer: that it is a smoke run, and what is not run yet."""
    failed = int(judged.done["error"].is_not_null().sum())
    done, total = judged.done.height, judged.spec.count
    some = f"{done_words(done, total, failed)}: what follows may change." if done < total else ""
    return [words for words in (notice(judged.spec), some) if words]


def counted(judged: Judged) -> tuple[Set, samples.Sections]:
    """The set of sampled games that verdicts are made from, fresh ones if there are any."""
    for group in SAMPLED:
        if sections := samples.facts(judged, group, predict=False):
            return group, sections
    return SAMPLED[0], {}


def cells(
    judged: Judged, sampled: Set, some: bool, found: Sequence[Standing]
) -> tuple[list[str], dict[str, list[str]]]:
    """The headings, and a row for each learner."""
    single = bool(shown(judged.spec.games))
    head: list[str] = []
    rows: dict[str, list[str]] = {one.learner: [] for one in found}
    if some:
        head.append(f"{sampled} games within")
        for one in found:
            rows[one.learner].append(with_interval(one.sample.within) if one.sample else "")
    if single:
        head.append("seeds within")
        for one in found:
            rows[one.learner].append(seeds_within(one))
    head.append("worst game, mean regret")
    for one in found:
        rows[one.learner].append(worst(one))
    return head, rows


def worst(one: Standing) -> str:
    """As `t4-cascade 0.84 %`, and how many cells failed."""
    words = []
    if one.worst:
        lost = percent(one.worst.mean)
        words.append("0 %" if lost == "0" else f"{one.worst.game} {lost} %")
    if one.failures:
        words.append(f"{one.failures} failed" if one.worst else "all failed")
    return ", ".join(words) or "not run"


def named(name: str, row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """A learner's line, or two if its name is long."""
    if len(name) <= NAME - 2:
        return [spaced(f"  {name}", row, widths)]
    return [f"  {name}", spaced("", row, widths)]


def spaced(name: str, row: Sequence[str], widths: Sequence[int]) -> str:
    """A name and the texts beside it, in columns of these widths."""
    texts = (text.ljust(width) for text, width in zip(row, widths, strict=True))
    return "  ".join([name.ljust(NAME), *texts]).rstrip()


def notes(judged: Judged, sampled: bool, groups: Collection[Group]) -> list[str]:
    """What a reader of the table needs to know, in a few lines.

    Args:
        judged: the run.
        sampled: whether the table has shares with intervals.
        groups: of the learners in the table.
    """
    limits = [f"{LIMITS['provider']}, the least cost of a task"] if {*groups} != {"users"} else []
    if "users" in groups:
        limits.append(f"{'users ' * bool(limits)}{LIMITS['user']}, the value of a solved task")
    words = [f"Within: exact regret of at most {'; '.join(limits)}."]
    if sampled:
        words.append("In brackets: 95 % intervals (Wilson).")
    if "controls" in groups:
        words.append("Controls are there to compare with.")
    practised = f"{practice_words(judged.spec)} {less_practice(judged.spec)}".strip()
    lines = [wrapped(" ".join(words), WIDTH), wrapped(practised, WIDTH)]
    if failed := int(judged.done["error"].is_not_null().sum()):
        lines.append(f"{count(failed, 'cell')} failed; repeat the check to try again")
    return lines
