"""The result of a run: a table for the terminal, and one self-contained HTML file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from routing_game.experiments.card import card, provider_words
from routing_game.experiments.cells.records import Record, RunDirectory
from routing_game.experiments.cells.spec import Spec
from routing_game.experiments.check.figures import game_figure, learner_figure, user_figure
from routing_game.experiments.check.judge import (
    FLOOR,
    Q_TOLERANCE,
    Judged,
    grid_floor,
    roles,
    user_answers,
)
from routing_game.experiments.check.learners import LEARNERS, make_spec
from routing_game.experiments.check.scores import CONVERGED, scores, speeds
from routing_game.experiments.check.traces import Trace
from routing_game.experiments.intervals import wilson
from routing_game.experiments.measures import SELECTED
from routing_game.experiments.pages.html import embedded, render
from routing_game.experiments.pages.words import fine_percent, number
from routing_game.files import write
from routing_game.theory import PAIRS, Game, simultaneous, solve

NEAR = 0.01
"""Upper limit of mean regret that the summary calls reaching the equilibrium, as a share of J* or
V.
"""

NOTE = (
    "exact regret after training, providers': of J*, users': of V: interquartile mean over games "
    "and seeds, with its 95 % interval; cells within; the worst game's mean and half of its "
    "interval"
)
FAILED = (
    "{failed} cells failed; to run them again, delete their files from {cells} "
    "(grep -L '\"error\": null' * lists them) and repeat the check"
)

Row = dict[str, Any]


def terminal_table(judged: Judged, cells: Path) -> str:
    """A line per learner: regret over its games, cells that converged, where it is worst.

    ``cells`` is where the files of failed cells are.
    """
    rows = judged.summary.to_dicts()
    lines = [["", "regret, %", f"within {100 * CONVERGED:g} %", "worst, %"]]
    for score in scores(judged.rows, [*judged.spec.plans]).to_dicts():
        mine = [row for row in rows if row["learner"] == score["learner"]]
        lines.append([score["learner"], *terminal_cells(score, mine)])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    notes = [NOTE]
    if failed := sum(record.error is not None for record in judged.records):
        notes.append(FAILED.format(failed=failed, cells=cells))
    return "\n".join([*(spaced(line, widths) for line in lines), *notes])


def spaced(line: Sequence[str], widths: Sequence[int]) -> str:
    """The texts of a line in columns of these widths."""
    return "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()


def terminal_cells(score: Row, rows: list[Row]) -> list[str]:
    """As `0.34 (0.2 to 0.5)`, `118 of 120`, `t4-cascade 3.1 ±0.1`."""
    failures = sum(row["failures"] or 0 for row in rows)
    failed = f", {failures} failed" if failures else ""
    if not score["cells"]:
        return ["", f"0 of 0{failed}", "all failed" if failures else "not run"]
    middle = percent(score["iqm"])
    if np.isfinite(score["low"]):
        middle += f" ({percent(score['low'])} to {percent(score['high'])})"
    worst = max((row for row in rows if row["n"]), key=lambda row: float(row["last"]))
    converged = f"{round(score['converged'] * score['cells'])} of {score['cells']}{failed}"
    return [middle, converged, f"{worst['game']} {regret_words(worst)}"]


def regret_words(row: Row, column: str = "last") -> str:
    """Mean and, with several seeds, half of its interval, in percent, to no more places."""
    mean, half = percent(row[column]), row[f"{column}_half"]
    if half is None or not np.isfinite(half) or mean == "0":
        return mean
    places = len(mean.partition(".")[2])
    spread = f"{100 * half:.{places}f}"
    return f"{mean} ±{spread}" if float(spread) else f"{mean} ±<{10.0**-places:.{places}f}"


def percent(share: float) -> str:
    """Regret in percent; below the floor, 0."""
    return fine_percent(share, FLOOR)


def write_report(judged: Judged, directory: RunDirectory[Game, Trace]) -> Path:
    """Make `report.html` of a run directory from what its records come to; returns its path."""
    file = directory.path / "report.html"
    filters = {"percent": percent, "number": number}
    facts = {**contents(judged), "versions": directory.versions}
    write(file, render("report.html", filters, facts, __package__))
    return file


def contents(judged: Judged) -> dict[str, Any]:
    """Everything that the template shows but the versions."""
    return {
        "wilson": wilson,
        "regret_words": regret_words,
        "shade": shade,
        "learners": LEARNERS,
        "near": NEAR,
        "converged": CONVERGED,
        "floor": FLOOR,
        "tolerance": Q_TOLERANCE,
        **run_facts(judged),
        **results(judged),
    }


def run_facts(judged: Judged) -> dict[str, Any]:
    """What was run, and what of it is done."""
    spec, records = judged.spec, judged.records
    return {
        "spec": spec,
        "changed": changed(spec),
        "commits": sorted({str(record.commit or "not a git checkout") for record in records}),
        "done": len(records),
        "total": len(spec.cells()),
        "failures": [record for record in records if record.error is not None],
        "providers": roles(spec, "provider"),
        "users": roles(spec, "user"),
        "times": times(records),
    }


def times(records: Sequence[Record[Trace]]) -> list[Row]:
    """Each learner's finished cells, failed ones too, and what they took; the longest first."""
    seconds: dict[str, list[float]] = {}
    for record in records:
        seconds.setdefault(record.learner, []).append(record.seconds)
    rows = [
        {"learner": name, "cells": len(each), "each": sum(each) / len(each), "all": sum(each)}
        for name, each in seconds.items()
    ]
    return sorted(rows, key=lambda row: row["all"], reverse=True)


def results(judged: Judged) -> dict[str, Any]:
    """What came of it, in words, numbers and pictures."""
    spec, rows = judged.spec, judged.summary.to_dicts()
    by_pair = {(row["learner"], row["game"]): row for row in rows}
    providers = roles(spec, "provider")
    return {
        "rows": rows,
        "single": any(row["n"] == 1 for row in rows),
        "headline": headline(rows),
        "sentences": sentences(spec, rows),
        "overview": [
            (name, [by_pair.get((name, game)) for game in spec.games]) for name in providers
        ],
        "equilibria": equilibria(spec, rows),
        "floors": {name: grid_floor(game) for name, game in spec.games.items()},
        "games": [game_section(judged, name) for name in spec.games] if providers else [],
        "user_games": user_sections(judged),
        "scores": scores(judged.rows, [*spec.plans]).to_dicts(),
        "learner_pages": learner_sections(judged),
    }


def headline(rows: list[Row]) -> str:
    """Which learners come near the optimum wherever they play; what is not done is not near."""
    names = dict.fromkeys(
        row["learner"] for row in rows if LEARNERS[row["learner"]].family != "control"
    )
    if not names:
        return "Nobody learned: the exact policy is a control."
    far = {row["learner"] for row in rows if not near(row)}
    success = [name for name in names if name not in far]
    learners = f"{len(success)} of {len(names)} learners"
    head = f"{learners} come within {100 * NEAR:g} % of the optimum on every game"
    return f"{head}: {', '.join(success)}." if success else f"{head}."


def near(row: Row) -> bool:
    """Whether all that was run is finished, and mean regret is small beyond doubt."""
    return bool(row["n"]) and not row["failures"] and upper(row) <= NEAR


def changed(spec: Spec[Game]) -> bool:
    """Whether games, learners, seeds or practice are other than the profile's."""
    known = any(spec.profile in learner.budgets for learner in LEARNERS.values())
    return known and make_spec(spec.profile).digest != spec.digest


def sentences(spec: Spec[Game], rows: list[Row]) -> list[tuple[str, str]]:
    """The result in plain words: each learner's name, and how near it came."""
    return [
        (name, sentence(spec, [row for row in rows if row["learner"] == name]))
        for name in spec.plans
    ]


def sentence(spec: Spec[Game], rows: list[Row]) -> str:
    """On how many games one learner came near, where it stayed farthest, and what it did there."""
    done, failures = [row for row in rows if row["n"]], sum(row["failures"] or 0 for row in rows)
    tail = f" {failures} of its cells failed; they are named below." if failures else ""
    if not done:
        return f"no cell finished.{tail}"
    unit = "V" if LEARNERS[rows[0]["learner"]].role == "user" else "J*"
    games = f"{sum(map(near, rows))} of {len(rows)} games"
    words = f"within {100 * NEAR:g} % of {unit} of the optimum on {games}"
    worst = max(done, key=lambda row: float(row["last"]))
    if percent(worst["last"]) == "0":
        return f"{words}, without regret anywhere.{tail}"
    words += f"; its largest mean regret is {regret_words(worst)} %, on {worst['game']}"
    why = "" if near(worst) else reason(spec.games[worst["game"]], worst)
    return f"{words}{why and ': '}{why}.{tail}"


def reason(game: Game, row: Row) -> str:
    """What the seeds did that cost so much, in one clause; empty where the rows do not tell."""
    learner, n = LEARNERS[row["learner"]], row["n"]
    fallen = n - round(n * (row["q_right"] or 0))
    if learner.role == "user":
        return f"its q is off by {row['q_error']:.2f} on average{learner.limit}"
    if learner.family == "pairs" and row["simultaneous"] > n / 2:
        value = float(simultaneous(game).highest - solve(game).cost)
        ended = f"{row['simultaneous']} of {n} seeds end in the outcome of simultaneous play"
        return f"{ended}, and so lose the value of commitment, {value:.3f} a task"
    if row["route_right"] < 1:
        return f"{n - round(n * row['route_right'])} of {n} seeds end on the wrong route"
    if fallen:
        return f"{fallen} of {n} seeds end where the user answers otherwise than at the optimum"
    if learner.family == "bandits" and grid_floor(game) > row["last"] / 2:
        floor = percent(grid_floor(game))
        return f"the best commitment on the bandits' grid already loses {floor} %"
    edge = solve(game).rule in ("s0", "s_L")
    noise = ", because of its exploration noise" if edge and learner.family == "deep RL" else ""
    where = "short of the edge" if edge else "from the best s"
    return f"on average it stops {row['gap']:.3f} {where}{noise}"


def upper(row: Row) -> float:
    """Upper 95 % limit of mean regret; the mean itself for a single seed."""
    half = row["last_half"]
    return float(row["last"] + (half if half is not None and np.isfinite(half) else 0.0))


def equilibria(spec: Spec[Game], rows: list[Row]) -> list[dict[str, Any]]:
    """For each game where commitment is worth something: both costs, and what each pair found."""
    pairs = [row for row in rows if LEARNERS[row["learner"]].family == "pairs" and row["n"]]
    games = []
    for name, game in spec.games.items():
        optimum, hidden = float(solve(game).cost), simultaneous(game)
        mine = [row for row in pairs if row["game"] == name]
        if mine and hidden.highest > (1 + SELECTED) * optimum:
            costs = sorted({round(float(end.cost), 4) for end in hidden.outcomes})
            games.append({"name": name, "optimum": optimum, "costs": costs, "rows": mine})
    return games


def shade(row: Row) -> str:
    """Background of an overview cell: white at 0.01 % regret or less, dark at 100 % or more."""
    depth = float(np.clip((np.log10(max(row["last"], 1e-9)) + 4) / 4, 0, 1))
    light, dark = np.array([255, 255, 255]), np.array([223, 148, 90])
    red, green, blue = (light + depth * (dark - light)).astype(int)
    return f"rgb({red},{green},{blue})"


def game_section(judged: Judged, name: str) -> dict[str, Any]:
    """One game: what the theory says, and the picture."""
    game, providers = judged.spec.games[name], roles(judged.spec, "provider")
    rows = judged.rows.filter(pl.col("game") == name, pl.col("learner").is_in(providers))
    played = [learner for learner in providers if name in judged.spec.plans[learner].games]
    time, money = ("s", "USD") if name in PAIRS else ("", "")
    return {
        "name": name,
        "words": provider_words(game, solve(game)),
        "card": card(game, name, time, money),
        "picture": embedded(game_figure(game, rows, played, money)),
    }


def learner_sections(judged: Judged) -> list[dict[str, Any]]:
    """One learner: what it is, its picture on all its games, and how much practice it took."""
    sections = []
    for name, plan in judged.spec.plans.items():
        rows = judged.rows.filter(pl.col("learner") == name)
        picture = embedded(learner_figure(rows, name, [*plan.games])) if len(rows) else None
        quick = speeds(rows).group_by("game", maintain_order=True).agg(pl.median("to_1", "to_5"))
        times = {row["game"]: row for row in quick.to_dicts()}
        sections.append({"name": name, "picture": picture, "times": times, "games": plan.games})
    return sections


def user_sections(judged: Judged) -> list[dict[str, Any]]:
    """One picture per game on which users learned."""
    users = roles(judged.spec, "user")
    last = last_answers(judged)
    seeing = {user for user in users if LEARNERS[user].sees_model}
    sections = []
    for name in judged.spec.games:
        played = {user: pl.concat(last[name, user]) for user in users if (name, user) in last}
        if played:
            rows = judged.rows.filter(pl.col("game") == name, pl.col("learner").is_in(users))
            sections.append({"name": name, "picture": embedded(user_figure(played, rows, seeing))})
    return sections


def last_answers(judged: Judged) -> dict[tuple[str, str], list[pl.DataFrame]]:
    """(game, user) -> each seed's answers at the end of its practice."""
    last: dict[tuple[str, str], list[pl.DataFrame]] = {}
    for record in judged.records:
        if record.error is None and LEARNERS[record.learner].role == "user":
            game = judged.spec.games[record.game]
            answers = user_answers(game, record.learner, record.trace)
            final = answers.filter(pl.col("practice") == pl.col("practice").max())
            seed = final.with_columns(seed=pl.lit(record.seed))
            last.setdefault((record.game, record.learner), []).append(seed)
    return last
