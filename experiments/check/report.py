"""The result of a run: a table for the terminal, one self-contained HTML file, and its numbers."""

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from routing_game.experiments.card import card, provider_words
from routing_game.experiments.cells.progress import count
from routing_game.experiments.cells.records import RunDirectory
from routing_game.experiments.cells.spec import Spec
from routing_game.experiments.check import samples
from routing_game.experiments.check.figures import (
    game_figure,
    learner_figure,
    sample_figure,
    user_figure,
)
from routing_game.experiments.check.judge import (
    FLOOR,
    Q_TOLERANCE,
    WITHIN,
    Judged,
    grid_floor,
    roles,
)
from routing_game.experiments.check.learners import LEARNERS, make_spec
from routing_game.experiments.check.samples import Sections
from routing_game.experiments.check.scores import CONVERGED, scores, speeds
from routing_game.experiments.check.sets import FRESH_FROM, PANELS, Set, shown
from routing_game.experiments.check.traces import Trace
from routing_game.experiments.intervals import Share, wilson
from routing_game.experiments.measures import SELECTED
from routing_game.experiments.pages.html import embedded, render
from routing_game.experiments.pages.words import fine_percent, number
from routing_game.files import write
from routing_game.theory import PAIRS, Game, simultaneous, solve
from routing_game.theory.geometry import MEANING, geometry

NEAR = 0.01
"""Upper limit of mean regret that the summary calls reaching the equilibrium, as a share of J* or
V.
"""

TUNED_NOTE = (
    "exact regret after training, providers': of J*, users': of V: interquartile mean over games "
    "and seeds, with its 95 % interval; cells within; the worst game's mean and half of its "
    "interval"
)
BESIDE_NOTE = (
    "off simultaneous play: of those whose user does not see s, and who by their nature seek that "
    "outcome and not J*: how far the cost of their play is from it, as a share, mean over all games"
)
SAMPLED: tuple[Set, ...] = ("fresh", "tuned")
"""Sets of samples in the order in which they are reported."""
LIMITS = {
    "provider": f"{100 * WITHIN['provider']:g} % of J*",
    "user": f"{100 * WITHIN['user']:g} % of V",
}
CONTROLS = {
    "provider": "the better of M1 alone and M2 alone",
    "user": "the better of leaving at once and never leaving",
}
"""The controls that nobody plays, in words."""
MOST = 0.9
"""The share of games on which a learner must be within to be named in the first sentence."""
FAILED = "{failed} failed; repeat the check to try again"

Row = dict[str, Any]


def terminal_table(judged: Judged) -> str:
    """A line per learner: first what sampled games say, fresh ones before others, then, over the
    games that are drawn one by one, regret, cells that converged, and where it is worst.
    """
    columns, notes = [["", *judged.spec.plans]], []
    for group in SAMPLED:
        sections = samples.facts(judged, group, predict=False)
        if sections:
            columns += sampled_columns(judged, group, sections)
            notes += sampled_notes(group, sections)
    if shown(judged.spec.games):
        columns += tuned_columns(judged)
        notes.append(TUNED_NOTE)
    if any(LEARNERS[name].seeks == "simultaneous" for name in judged.spec.plans):
        columns.append(beside_column(judged))
        notes.append(BESIDE_NOTE)
    widths = [max(map(len, column)) for column in columns]
    if failed := judged.done["error"].is_not_null().sum():
        notes.append(FAILED.format(failed=count(int(failed), "cell")))
    return "\n".join([*(spaced(line, widths) for line in zip(*columns, strict=True)), *notes])


def tuned_columns(judged: Judged) -> list[list[str]]:
    """Three columns over the games that are drawn one by one, a heading and a row per learner."""
    games = pl.col("game").is_in(shown(judged.spec.games))
    rows = judged.summary.filter(games).to_dicts()
    lines = [["regret, %", f"within {100 * CONVERGED:g} %", "worst, %"]]
    for score in scores(judged.rows.filter(games), [*judged.spec.plans]).to_dicts():
        mine = [row for row in rows if row["learner"] == score["learner"]]
        lines.append(terminal_cells(score, mine))
    return [list(column) for column in zip(*lines, strict=True)]


def beside_column(judged: Judged) -> list[str]:
    """A heading, and a row per learner: how far those who seek simultaneous play end from there."""
    cells = ["off simultaneous play, %"]
    for name in judged.spec.plans:
        far = judged.summary.filter(learner=name)["beside"].drop_nulls().to_numpy()
        cells.append(percent(float(far.mean())) if far.size else "")
    return cells


def sampled_columns(judged: Judged, group: Set, sections: Sections) -> list[list[str]]:
    """Two columns on the sampled games of a set: within on all of them, and on the cascades."""
    all_games, cascades = [f"{group}: within"], ["on cascades"]
    for name in judged.spec.plans:
        role = LEARNERS[name].role
        section = sections.get(role)
        total = section.total.get(name) if section else None
        some = section.cascades.get(name) if section else None
        all_games.append(share_words(total.within) if total else "")
        cascades.append(share_words(some.within) if some else "")
    return [all_games, cascades]


def sampled_notes(group: Set, sections: Sections) -> list[str]:
    """What those columns are, and how the control that nobody plays does."""
    notes = []
    for role, section in sections.items():
        static = section.total[samples.STATIC[role]].within
        notes.append(
            f"{group} games, {role}s: the share of {section.games} games within {LIMITS[role]}, "
            f"with its 95 % interval; {CONTROLS[role]} is on {share_words(static)}"
        )
    return notes


def share_words(share: Share) -> str:
    """As `92 % (86 to 96)`."""
    middle, low, high = (f"{100 * x:.0f}" for x in share)
    return f"{middle} % ({low} to {high})"


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
    filters = {"percent": percent, "number": number}
    facts = {**contents(judged), "versions": directory.versions}
    write(file, render("report.html", filters, facts, __package__))
    return file


def contents(judged: Judged) -> dict[str, Any]:
    """Everything that the template shows but the versions."""
    return {
        "wilson": wilson,
        "regret_words": regret_words,
        "share_words": share_words,
        "shade": shade,
        "share_shade": share_shade,
        "learners": LEARNERS,
        "near": NEAR,
        "converged": CONVERGED,
        "floor": FLOOR,
        "tolerance": Q_TOLERANCE,
        "limits": LIMITS,
        "within": WITHIN["provider"],
        "controls": CONTROLS,
        "panels": PANELS,
        "fresh_from": FRESH_FROM,
        "seventh": "interior",
        **run_facts(judged),
        **results(judged),
        "sampled": [part for group in SAMPLED for part in sampled_sections(judged, group)],
    }


def run_facts(judged: Judged) -> dict[str, Any]:
    """What was run, and what of it is done."""
    spec, done = judged.spec, judged.done
    return {
        "spec": spec,
        "changed": changed(spec),
        "commits": sorted({str(commit or "not a git checkout") for commit in done["commit"]}),
        "done": done.height,
        "total": len(spec.cells()),
        "failures": done.filter(pl.col("error").is_not_null()).to_dicts(),
        "providers": roles(spec, "provider"),
        "users": roles(spec, "user"),
        "times": times(done),
    }


def times(done: pl.DataFrame) -> list[Row]:
    """Each learner's finished cells, failed ones too, and what they took; the longest first."""
    mine = done.group_by("learner", maintain_order=True).agg(
        cells=pl.len(), each=pl.mean("seconds"), all=pl.sum("seconds")
    )
    return mine.sort("all", descending=True, maintain_order=True).to_dicts()


def results(judged: Judged) -> dict[str, Any]:
    """What came of the games that are drawn one by one, in words, numbers and pictures."""
    names = shown(judged.spec.games)
    spec = only(judged.spec, names)
    mine = pl.col("game").is_in(names)
    rows = judged.summary.filter(mine).to_dicts()
    by_pair = {(row["learner"], row["game"]): row for row in rows}
    providers = roles(spec, "provider")
    part = judged._replace(spec=spec, rows=judged.rows.filter(mine))
    return {
        "shown": names,
        "unshown": len(judged.spec.games) - len(names),
        "rows": rows,
        "single": any(row["n"] == 1 for row in rows),
        "headline": headline(rows) if rows else "",
        "sentences": sentences(spec, rows) if rows else [],
        "overview": [(name, [by_pair.get((name, game)) for game in names]) for name in providers],
        "equilibria": equilibria(spec, rows),
        "floors": {name: grid_floor(game) for name, game in spec.games.items()},
        "statics": {name: static_floor(game) for name, game in spec.games.items()},
        "games": [game_section(part, name) for name in names] if providers else [],
        "user_games": user_sections(part),
        "scores": scores(part.rows, [*spec.plans]).to_dicts() if rows else [],
        "learner_pages": learner_sections(part) if rows else [],
    }


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


def sampled_sections(judged: Judged, group: Set) -> list[dict[str, Any]]:
    """What the report shows of the sampled games of a set: a part for providers, one for users."""
    parts = []
    for role, section in samples.facts(judged, group).items():
        names = [name for name in section.learners if name not in samples.STATIC.values()]
        titles = {name: f"{name}  {100 * section.total[name].within.share:.0f} %" for name in names}
        table = section.rows.join(section.lands.select("game", section.strongest), on="game")
        picture = sample_figure(table, section.strongest, titles) if section.games > 1 else None
        parts.append(
            {
                "group": group,
                "role": role,
                "section": section,
                "headline": sampled_headline(group, role, section),
                "few": few_words(section, role),
                "beside": samples.beside(judged.cells, group) if role == "provider" else {},
                "predictions": [(one.learner, prediction(one, role)) for one in section.failures],
                "picture": embedded(picture) if picture else None,
                "measure": MEANING[section.strongest],
            }
        )
    return parts


def sampled_headline(group: Set, role: str, section: samples.Section) -> str:
    """Who is nearly always within, and who gets how far without learning anything."""
    learners = [
        name for name in section.learners if name in LEARNERS and LEARNERS[name].family != "control"
    ]
    best = sorted(learners, key=lambda name: -section.total[name].within.share)
    named = [name for name in best if section.total[name].within.share >= MOST]
    words = ", ".join(f"{name} {share_words(section.total[name].within)}" for name in named)
    tuned = "" if group == "fresh" else ", on which settings may have been chosen"
    counted = f"{section.cascade_games} of them cascades"
    games = f"{section.games} {'fresh' if group == 'fresh' else 'sampled'} games{tuned}, {counted}"
    static = share_words(section.total[samples.STATIC[role]].within)
    near = f"are within {LIMITS[role]} on at least {100 * MOST:.0f} % of the games"
    head = f"On {games}, {len(named)} of {len(learners)} {role}s that learn {near}"
    top = f": {words}" if named else f"; the most is {best_words(best, section)}" if best else ""
    return f"{head}{top}. Without learning, {CONTROLS[role]} is on {static}."


def best_words(best: Sequence[str], section: samples.Section) -> str:
    """The learner with the largest share."""
    return f"{best[0]}, on {share_words(section.total[best[0]].within)}"


def few_words(section: samples.Section, role: str) -> str:
    """That there are too few games to ask what predicts failure; empty if there are enough."""
    most = max((one.games for one in section.failures), default=0)
    if most >= samples.LEAST:
        return ""
    where = "cascades" if role == "provider" else "games whose best response jumps or climbs in s"
    return f"With {most} {where} this is not asked; it takes {samples.LEAST}."


def prediction(one: samples.Failures, role: str) -> str:
    """Where a learner fails, and what of the games' geometry predicts it, if anything does."""
    where = "cascades" if role == "provider" else "games where the best response jumps or climbs"
    if one.games < samples.LEAST:
        return f"too few {where} to tell ({one.games})."
    head = f"fails on {number(one.failed)} of {one.games} {where}"
    if not one.failed:
        return f"{head}."
    first = one.predictors[0] if one.predictors else None
    if first is None or not first.counts:
        return f"{head}; no measure of the game predicts where."
    side = "large" if first.rho > 0 else "small"
    low, high = first.thirds[0], first.thirds[2]
    text = (
        f"{head}; regret is larger where the {MEANING[first.measure]} is {side} (rank correlation "
        f"{first.rho:.2f}, {first.low:.2f} to {first.high:.2f}): failures in the lowest third "
        f"{share_words(low)}, in the highest {share_words(high)}."
    )
    return text + split_words(one.split)


def split_words(split: samples.Split | None) -> str:
    """The best single question, if shuffled games do not have one as good."""
    if split is None or split.chance > 0.05:
        return ""
    question = f"whether the {MEANING[split.measure]} is at most {number(split.at)}"
    sides = f"then it fails on {share_words(split.below)}, else on {share_words(split.above)}"
    return f" The best single question is {question}: {sides}."


def share_shade(share: float) -> str:
    """Background of a cell of the heat tables: dark where failures are many."""
    return mixed(1 - share)


def headline(rows: list[Row]) -> str:
    """Which learners come near the optimum wherever they play; what is not done is not near."""
    names = dict.fromkeys(
        row["learner"] for row in rows if LEARNERS[row["learner"]].family != "control"
    )
    if not names:
        return "Nobody learned: controls do not."
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
    return known and make_spec(spec.profile).identity != spec.identity


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
    learner = LEARNERS[rows[0]["learner"]]
    if learner.seeks == "simultaneous":
        tail = f"{beside_words(done)}{tail}"
    unit = "V" if learner.role == "user" else "J*"
    games = f"{sum(map(near, rows))} of {len(rows)} games"
    words = f"within {100 * NEAR:g} % of {unit} of the optimum on {games}"
    worst = max(done, key=lambda row: float(row["last"]))
    if percent(worst["last"]) == "0":
        return f"{words}, without regret anywhere.{tail}"
    words += f"; its largest mean regret is {regret_words(worst)} %, on {worst['game']}"
    why = "" if near(worst) else reason(spec.games[worst["game"]], worst)
    return f"{words}{why and ': '}{why}.{tail}"


def beside_words(rows: list[Row]) -> str:
    """That another equilibrium is what a learner seeks, and how near it comes to that."""
    there = sum(row["beside"] <= WITHIN["provider"] for row in rows)
    far = max(float(row["beside"]) for row in rows)
    limit = f"{100 * WITHIN['provider']:g} %"
    return (
        " By its nature it seeks the other equilibrium, that of simultaneous play, in which the "
        f"user does not see s: its play is within {limit} of that cost on {there} of {len(rows)} "
        f"games, and at most {percent(far)} % off."
    )


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
    if learner.fixed_grid and grid_floor(game) > row["last"] / 2:
        floor = percent(grid_floor(game))
        return f"the best commitment on its fixed grid already loses {floor} %"
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
    return mixed(float(np.clip((np.log10(max(row["last"], 1e-9)) + 4) / 4, 0, 1)))


def mixed(depth: float) -> str:
    """A colour between white, 0, and dark, 1."""
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
        if not plan.games:
            continue
        rows = judged.rows.filter(pl.col("learner") == name)
        picture = embedded(learner_figure(rows, name, [*plan.games])) if len(rows) else None
        quick = speeds(rows).group_by("game", maintain_order=True).agg(pl.median("to_1", "to_5"))
        times = {row["game"]: row for row in quick.to_dicts()}
        sections.append({"name": name, "picture": picture, "times": times, "games": plan.games})
    return sections


def user_sections(judged: Judged) -> list[dict[str, Any]]:
    """One picture per game on which users learned."""
    users = roles(judged.spec, "user")
    seeing = {user for user in users if LEARNERS[user].sees_model}
    sections = []
    for name in judged.spec.games:
        played = {
            user: judged.answers[name, user] for user in users if (name, user) in judged.answers
        }
        if played:
            rows = judged.rows.filter(pl.col("game") == name, pl.col("learner").is_in(users))
            sections.append({"name": name, "picture": embedded(user_figure(played, rows, seeing))})
    return sections
