"""The report of a run: one self-contained HTML file, and its numbers."""

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from routing_game.experiments.cells.progress import count
from routing_game.experiments.cells.records import RunDirectory
from routing_game.experiments.cells.spec import Spec
from routing_game.experiments.check import samples
from routing_game.experiments.check.game_figure import game_sections, game_words
from routing_game.experiments.check.judge import (
    FLOOR,
    Q_TOLERANCE,
    WITHIN,
    Judged,
    grid_floor,
    roles,
)
from routing_game.experiments.check.known import GROUPS, STATIC, TITLES, control, group
from routing_game.experiments.check.learner_figure import learner_figure
from routing_game.experiments.check.learners import LEARNERS
from routing_game.experiments.check.overview import (
    MISSED,
    OPEN,
    REACHED,
    Line,
    overview_figure,
)
from routing_game.experiments.check.sample_figure import sampled_parts
from routing_game.experiments.check.samples import Sections
from routing_game.experiments.check.scores import scores, speeds
from routing_game.experiments.check.sentences import (
    LIMITS,
    STATIC_WORDS,
    answer,
    less_practice,
    measured,
    notice,
    of_them,
    percent,
    practice_words,
    rules,
    seeds_within,
    single_title,
    usual,
)
from routing_game.experiments.check.sets import FRESH_FROM, PANELS, SAMPLED, Set, shown
from routing_game.experiments.check.shades import shade, share_shade
from routing_game.experiments.check.suite import make_spec
from routing_game.experiments.check.traces import Trace
from routing_game.experiments.check.user_figure import user_sections
from routing_game.experiments.check.verdicts import Standing, Verdict, standings
from routing_game.experiments.intervals import FEW, wilson
from routing_game.experiments.measures import SELECTED
from routing_game.experiments.pages.html import breakable, render, whole
from routing_game.experiments.pages.words import glued, listed, number, two_digits, with_interval
from routing_game.files import write
from routing_game.theory import Game, simultaneous, solve
from routing_game.theory.geometry import geometry
from routing_game.theory.kinds import RULES

QUIET = 1e-3
"""Regret, as a share of J*, below which a game has nothing to show: a line names it."""
OPENED = 2
"""Pictures of single games that are open; the others are folded."""
VERDICTS: dict[Verdict, str] = {
    "reaches": "reaches it",
    "misses": "misses it",
    "too few": "too few",
    "undecided": "too close to call",
    "failed": "cells failed",
    "not run": "not all run yet",
}
"""In the words of the tables."""

Row = dict[str, Any]


def write_results(judged: Judged, directory: RunDirectory[Game, Trace]) -> None:
    """Make `results.csv` and `results.parquet` of a run directory, a row for each finished cell."""
    table = judged.cells
    write(directory.path / "results.csv", table.write_csv())
    binary = io.BytesIO()
    table.write_parquet(binary)
    write(directory.path / "results.parquet", binary.getvalue())


def write_report(judged: Judged, directory: RunDirectory[Game, Trace]) -> Path:
    """Make `report.html` of a run directory from what its records come to; returns its path."""
    file = directory.path / "report.html"
    filters: dict[str, Any] = {
        "percent": percent,
        "number": number,
        "seconds": two_digits,
        "share": lambda share: whole(with_interval(share)),
        "interval_of": lambda share: whole("(" + with_interval(share).split("(")[1]),
        "portion": lambda share: whole(with_interval(share).replace(" %", "")),
        "whole": whole,
        "breakable": breakable,
        "glued": glued,
    }
    facts = {**contents(judged), "versions": directory.versions}
    write(file, render("report.html", filters, facts, __package__))
    return file


def contents(judged: Judged) -> dict[str, Any]:
    """Everything that the template shows but the versions."""
    sections = {chosen: samples.facts(judged, chosen) for chosen in SAMPLED}
    counted: Set = next((chosen for chosen in SAMPLED if sections[chosen]), SAMPLED[0])
    found = standings(judged, counted, samples.totals(sections[counted]))
    return {
        "wilson": wilson,
        "interval": interval,
        "share_shade": share_shade,
        "shade": shade,
        "registry": LEARNERS,
        "control": control,
        "group": group,
        "groups": GROUPS,
        "learner_names": [name for name, plan in judged.spec.plans.items() if shown(plan.games)],
        "providers": roles(judged.spec, "provider"),
        "pair_names": [name for name in judged.spec.plans if LEARNERS[name].family == "pairs"],
        "group_titles": TITLES,
        "verdicts": VERDICTS,
        "kind_words": RULES,
        "floor": FLOOR,
        "few": FEW,
        "tolerance": Q_TOLERANCE,
        "limits": LIMITS,
        "within": WITHIN,
        "controls": STATIC_WORDS,
        "panels": PANELS,
        "fresh_from": FRESH_FROM,
        "counted": counted,
        "rules": rules(
            bool(sections[counted]), bool(shown(judged.spec.games)), {one.group for one in found}
        ),
        "count": count,
        "who_ran": who_ran(found),
        "of_them": of_them,
        "practice": practice_words(judged.spec, "under “This run”"),
        "less": less_practice(judged.spec),
        "usual": usual,
        "notice": notice(judged.spec),
        "answer": answer(judged, counted, sections[counted], found),
        "overview": overview(judged, counted, sections[counted], found),
        "standings": found,
        "seeds_within": seeds_within,
        "measured": {one.learner: measured(judged, one) for one in found},
        "parts_of": [
            part for chosen in SAMPLED for part in sampled_parts(sections[chosen], chosen)
        ],
        "besides": {chosen: samples.beside(judged.cells, chosen) for chosen in SAMPLED},
        **run_facts(judged),
        **results(judged),
    }


def overview(
    judged: Judged, counted: Set, sections: Sections, found: Sequence[Standing]
) -> dict[str, str] | None:
    """The first picture and its words; None before any cell of a learner is finished."""
    colours = {"reaches": REACHED, "misses": MISSED}
    single = shown(judged.spec.games)
    each = regrets(judged, single or [*judged.spec.games])
    lines = [
        Line(
            one.learner,
            one.group,
            one.sample.within if one.sample else None,
            colours.get(one.sample_verdict, OPEN),
            each.get(one.learner, {}),
            LEARNERS[one.learner].role,
        )
        for one in found
        if one.group != "controls" or LEARNERS[one.learner].family == "control"
    ]
    lines = [line for line in lines if line.regret or line.share]
    if not lines:
        return None
    for role, section in sections.items():
        name = STATIC[role]
        mine = section.rows.filter(learner=name)
        loss = dict(zip(mine["game"], mine["regret"], strict=True)) if not single else {}
        lines.append(Line(name, "controls", section.total[name].within, OPEN, loss, role))
    kinds = dict(zip(judged.lands["game"], judged.lands["kind"], strict=True))
    games = max((section.games for section in sections.values()), default=0)
    where = single_title(single) if single else f"{counted.capitalize()} games"
    titles = (
        f"{count(games, 'fresh game' if counted == 'fresh' else 'sampled game')}: share within"
        if games
        else "",
        f"{where}: mean regret on each game; the worst is named if beyond the limit",
    )
    drawn = {game: kinds[game] for game in (single or kinds)}
    return {"picture": overview_figure(lines, drawn, titles)}


def regrets(judged: Judged, games: Sequence[str]) -> dict[str, dict[str, float]]:
    """Learner -> game -> mean regret."""
    mine = judged.cells.filter(pl.col("game").is_in(games))
    found: dict[str, dict[str, float]] = {}
    for learner, game, mean in (
        mine.group_by("learner", "game", maintain_order=True).agg(pl.mean("regret")).rows()
    ):
        found.setdefault(learner, {})[game] = mean
    return found


def who_ran(found: Sequence[Standing]) -> str:
    """How many learners, and how many controls, as `2 learners and 1 control`."""
    controls = sum(one.group == "controls" for one in found)
    parts = {"learner": len(found) - controls, "control": controls}
    return listed([count(n, noun) for noun, n in parts.items() if n])


def interval(mean: float, half: float | None, n: int) -> str:
    """Of a mean that cannot be negative, as ` (0.1 to 0.5)`, in percent; empty if n is small."""
    if half is None or not np.isfinite(half) or n < FEW or percent(mean) == "0":
        return ""
    return f" ({percent(max(mean - half, 0.0))} to {percent(mean + half)})"


def run_facts(judged: Judged) -> dict[str, Any]:
    """What was run, and what of it is done."""
    spec, done = judged.spec, judged.done
    return {
        "spec": spec,
        "changed": changed(spec),
        "commits": sorted({str(commit or "not a git checkout") for commit in done["commit"]}),
        "done": done.height,
        "total": spec.count,
        "failures": done.filter(pl.col("error").is_not_null()).to_dicts(),
        "times": times(done),
    }


def times(done: pl.DataFrame) -> list[Row]:
    """Each learner's finished cells, failed ones too, and what they took; the longest first."""
    mine = done.group_by("learner", maintain_order=True).agg(
        cells=pl.len(), each=pl.mean("seconds"), all=pl.sum("seconds")
    )
    return mine.sort("all", descending=True, maintain_order=True).to_dicts()


def results(judged: Judged) -> dict[str, Any]:
    """What came of the games that are drawn one by one, in numbers and pictures."""
    names = shown(judged.spec.games)
    spec = only(judged.spec, names)
    mine = pl.col("game").is_in(names)
    part = judged._replace(
        spec=spec, rows=judged.rows.filter(mine), cells=judged.cells.filter(mine)
    )
    rows = judged.summary.filter(mine).to_dicts()
    calm = quiet(part, names)
    loud = [name for name in names if name not in calm]
    planned = {name: plan.games for name, plan in spec.plans.items()}
    return {
        "shown": names,
        "unshown": len(judged.spec.games) - len(names),
        "single_title": single_title(names) if names else "",
        "calm": calm,
        "loud": loud,
        "opened": OPENED,
        "rows": rows,
        "by_pair": {(row["learner"], row["game"]): row for row in rows},
        "equilibria": equilibria(spec, rows),
        "floors": {name: grid_floor(game) for name, game in spec.games.items()},
        "statics": {name: static_floor(game) for name, game in spec.games.items()},
        "games": game_sections(part, loud),
        "cards": [(name, game_words(spec.games[name], name)) for name in names],
        "user_games": user_sections(part),
        "scores": scores(part.rows, planned).to_dicts() if rows else [],
        "learner_pages": learner_sections(part, loud) if rows else [],
    }


def quiet(part: Judged, names: Sequence[str]) -> list[str]:
    """The games on which every seed of every provider that learns ended with hardly any regret."""
    learners = [name for name in roles(part.spec, "provider") if not control(name)]
    ends = part.cells.filter(pl.col("learner").is_in(learners))
    worst = dict(ends.group_by("game").agg(pl.max("regret")).rows())
    return [name for name in names if worst.get(name, np.inf) < QUIET]


def only(spec: Spec[Game], names: Sequence[str]) -> Spec[Game]:
    """The part of a spec that is about these games."""
    plans = {
        learner: replace(plan, games=tuple(game for game in plan.games if game in names))
        for learner, plan in spec.plans.items()
    }
    return Spec(spec.profile, {name: spec.games[name] for name in names}, plans)


def static_floor(game: Game) -> float:
    """Regret, as a share of |J*|, of the better of M1 alone and M2 alone."""
    return float(geometry(game).static_gap)


def changed(spec: Spec[Game]) -> bool:
    """Whether games, learners, seeds or practice are other than the profile's."""
    known = any(spec.profile in learner.budgets for learner in LEARNERS.values())
    return known and make_spec(spec.profile).identity != spec.identity


def equilibria(spec: Spec[Game], rows: list[Row]) -> list[Row]:
    """For each game where commitment is worth something: both costs, and what each pair found."""
    pairs = [row for row in rows if LEARNERS[row["learner"]].family == "pairs" and row["n"]]
    games = []
    for name, game in spec.games.items():
        optimum, hidden = float(solve(game).cost), simultaneous(game)
        mine = [row for row in pairs if row["game"] == name]
        if mine and hidden.highest > (1 + SELECTED) * optimum:
            costs = sorted({round(float(end.cost), 4) for end in hidden.outcomes})
            by_name = {row["learner"]: row for row in mine}
            found = {"name": name, "optimum": optimum, "costs": costs}
            games.append({**found, "rows": mine, "by_name": by_name})
    return games


def learner_sections(part: Judged, loud: Sequence[str]) -> list[Row]:
    """What a learner is, how much practice it took, and, of those who learn, their picture.

    Args:
        part: the run, of the games that are drawn one by one.
        loud: those of them on which there is something to see.
    """
    sections = []
    for name, plan in part.spec.plans.items():
        if not plan.games:
            continue
        rows = part.rows.filter(pl.col("learner") == name)
        finished = {*rows["game"]}
        drawn = [game for game in plan.games if game in loud and game in finished]
        some = drawn and not control(name)
        limit = WITHIN[LEARNERS[name].role]
        quick = speeds(rows, limit).group_by("game", maintain_order=True).agg(pl.median("from"))
        sections.append(
            {
                "name": name,
                "limit": LIMITS[LEARNERS[name].role],
                "picture": learner_figure(rows, name, drawn) if some else None,
                "times": {row["game"]: row for row in quick.to_dicts()},
                "games": plan.games,
            }
        )
    return sections
