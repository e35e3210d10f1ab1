"""Two runs of learners beside each other: in what they differ, and whose regret is less.

A learner's regret in a run is a mean over its games, each the mean of its seeds. Its interval is
over the games, which are what is independent; over the seeds where there is one game; fewer than
`FEW` of them have none. The
difference is taken cell by cell, over the cells that both runs have: the same learner, seed and
game, by name and numbers; and then averaged in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from routing_game.experiments import InputError
from routing_game.experiments.cells.records import RunDirectory, suite_of
from routing_game.experiments.cells.spec import Spec
from routing_game.experiments.check.judge import CELL, judge
from routing_game.experiments.check.learners import LEARNERS
from routing_game.experiments.check.sentences import percent
from routing_game.experiments.check.suite import CHECK
from routing_game.experiments.intervals import FEW, half_width
from routing_game.experiments.pages.words import with_interval
from routing_game.theory import Game


class Run(NamedTuple):
    """A run as it is compared.

    Attributes:
        path: its folder.
        spec: what was run.
        facts: profile, commits and versions: text by name.
        cells: a row for each finished cell: learner, game, seed, regret.
        failed: how many cells failed.
    """

    path: Path
    spec: Spec[Game]
    facts: dict[str, str]
    cells: pl.DataFrame
    failed: int


def read(path: Path) -> Run:
    """A run, judged.

    Raises:
        InputError: it is no run of learners, or has no finished cell.
    """
    if (suite := suite_of(path)) != CHECK.name:
        raise InputError(f"expected a run of learners, got {path}, a run of the suite {suite}")
    directory = RunDirectory.open(CHECK, path)
    judged = judge(directory.spec, directory.records())
    if judged.cells.is_empty():
        raise InputError(f"expected a run with finished cells, got {path}, which has none yet")
    commits = sorted({str(commit) for commit in judged.done["commit"]})
    facts = {"profile": directory.spec.profile, "commit": ", ".join(commits)}
    failed = int(judged.done["error"].is_not_null().sum())
    cells = judged.cells.select(*CELL, "regret")
    return Run(path, directory.spec, facts | directory.versions, cells, failed)


def compared(first: Path, second: Path) -> dict[str, Any]:
    """Everything that there is to say of two runs, as plain data.

    Returns:
        `runs`, their folders; `differences`, in what they differ: name -> what each has; `cells`,
        how many each has, failed, and both; `learners`, for each that one of them has: `role`,
        `first`, `second` and `difference` (second - first), each None or a `mean` with `low` and
        `high`, the number of `games` and `cells`; regret is a share of J* or V.
    """
    runs = read(first), read(second)
    common = {name for name in runs[0].spec.games if same_game(name, runs[0].spec, runs[1].spec)}
    both = runs[0].cells.join(runs[1].cells, on=CELL, how="inner", suffix="_2")
    both = both.filter(pl.col("game").is_in(common))
    both = both.with_columns(regret=pl.col("regret_2") - pl.col("regret"))
    names = dict.fromkeys(name for run in runs for name in run.spec.plans)
    return {
        "runs": [str(run.path) for run in runs],
        "differences": dict(differences(*runs)),
        "cells": {
            "finished": [run.cells.height for run in runs],
            "failed": [run.failed for run in runs],
            "common": both.height,
            "same": int((both["regret"] == 0).sum()),
        },
        "learners": {
            name: {
                "role": LEARNERS[name].role,
                "first": averaged(runs[0].cells, name, least=0.0),
                "second": averaged(runs[1].cells, name, least=0.0),
                "difference": averaged(both, name),
            }
            for name in names
        },
    }


def same_game(name: str, first: Spec[Game], second: Spec[Game]) -> bool:
    """Whether both have a game of that name, with the same numbers."""
    return first.games.get(name) == second.games.get(name) is not None


def differences(first: Run, second: Run) -> Iterator[tuple[str, Any]]:
    """What differs -> what each run has; of games and learners, those that the other lacks."""
    for name in dict.fromkeys((*first.facts, *second.facts)):
        values = first.facts.get(name), second.facts.get(name)
        if values[0] != values[1]:
            yield name, [*values]
    for kind in ("games", "plans"):
        here, there = (getattr(run.spec, kind) for run in (first, second))
        if here.keys() != there.keys():
            first_only = [name for name in here if name not in there]
            second_only = [name for name in there if name not in here]
            yield {"plans": "learners"}.get(kind, kind), [first_only, second_only]
    games = first.spec.games.keys() & second.spec.games.keys()
    if changed := sorted(x for x in games if not same_game(x, first.spec, second.spec)):
        yield "games with other numbers", changed
    for kind in ("practice", "seeds"):
        yield from planned(kind, first.spec, second.spec)


def planned(kind: str, first: Spec[Game], second: Spec[Game]) -> Iterator[tuple[str, Any]]:
    """The learners of both whose practice or number of seeds differs, and what each run has."""
    pairs = {
        name: [getattr(plan, kind), getattr(second.plans[name], kind)]
        for name, plan in first.plans.items()
        if name in second.plans
    }
    if other := {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}:
        yield kind, other


def averaged(cells: pl.DataFrame, learner: str, least: float = -np.inf) -> dict[str, Any] | None:
    """The mean of a learner's `regret` over its games with a 95 % interval; None without cells.

    Args:
        cells: a row each.
        learner: whose.
        least: below this the quantity cannot be, so its interval ends there.
    """
    mine = cells.filter(pl.col("learner") == learner)
    if mine.is_empty():
        return None
    games = mine.group_by("game", maintain_order=True).agg(pl.col("regret").mean())
    units = (mine if games.height == 1 else games)["regret"].to_numpy()
    mean = float(units.mean())
    spread = float(units.std(ddof=1)) if len(units) > 1 else np.nan
    half = float(half_width(spread, len(units)))
    ends = None if np.isnan(half) else [max(mean - half, least), mean + half]
    low, high = ends or (None, None)
    return {"mean": mean, "low": low, "high": high, "games": games.height, "cells": mine.height}


def lines(facts: Mapping[str, Any]) -> list[str]:
    """What `compared` says, for the terminal: in words first, then a row for each learner."""
    cells = facts["cells"]
    said = [f"first:  {facts['runs'][0]}", f"second: {facts['runs'][1]}"]
    finished = " and ".join(map(str, cells["finished"]))
    both = f"{cells['common']} common, {cells['same']} of them with the same result"
    said.append(f"cells:  {finished} finished, {both}")
    if any(cells["failed"]):
        said.append(f"failed: {' and '.join(map(str, cells['failed']))}")
    said += [*difference_lines(facts["differences"]), ""]
    head = ("regret, % of J* or V", "first", "second", "second - first")
    rows = [head] + [
        (name, *(words(found[kind]) for kind in ("first", "second", "difference")))
        for name, found in facts["learners"].items()
    ]
    widths = [max(map(len, column)) + 2 for column in zip(*rows, strict=True)]
    for row in rows:
        said.append("".join(f"{x:{w}}" for x, w in zip(row, widths, strict=True)).rstrip())
    means = "means over games, each the mean of its seeds, with 95 % intervals where there are"
    return [*said, "", f"{means} {FEW} games,", f"or {FEW} seeds of a single one"]


def difference_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """A line for each thing in which the runs differ."""
    if not found:
        yield "they differ in nothing that was asked for, nor in code or versions"
    for name, what in found.items():
        if isinstance(what, dict):
            words: Iterable[str] = (f"{key} {a} and {b}" for key, (a, b) in what.items())
        elif name in ("games", "learners"):
            ends = zip(("first", "second"), what, strict=True)
            words = (f"only the {run} has {some(names)}" for run, names in ends if names)
        elif name == "games with other numbers":
            words = (some(what),)
        else:
            words = (f"{what[0]} and {what[1]}",)
        yield f"{name}: {'; '.join(words)}"


def some(names: Sequence[str], most: int = 6) -> str:
    """Names, the first of them if they are many; all are in the JSON."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def words(found: Mapping[str, Any] | None) -> str:
    """A mean with its interval, in percent."""
    if found is None:
        return "-"
    return with_interval([found[key] for key in ("mean", "low", "high")], percent, unit="")
