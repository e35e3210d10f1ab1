"""What `make.py learners DIR ...` writes: `learners.json` and the tables of docs/learners.md.

The runs themselves take an hour, so they are not made here: the folder of a run holds
`results.parquet`, a row for each cell (`routing-game report DIR` makes it again from the records),
and `run.json`, which says what was run. In the file each learner has, in percent:

    all, s0, s_L, ..., uniform, ...   fresh games: [share within, low, high] of a 95 % interval
    mean regret                       fresh games: [mean, half of its 95 % interval]
    t4-cascade, ...                   [mean over seeds, upper 95 % limit]
    off the cliffs                    [largest upper limit over the other games of the catalog]

A table on the page stands between two comments, ``<!-- table: NAME -->`` and ``<!-- table end
-->``.
"""

from __future__ import annotations

import itertools
import json
import re
import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from routing_game.experiments.cells.spec import Spec
from routing_game.experiments.check.known import STATIC
from routing_game.experiments.check.learners import Role
from routing_game.experiments.check.samples import by_game, kinds_of, tally
from routing_game.experiments.check.scores import Tally
from routing_game.experiments.check.sets import CATALOG, origin
from routing_game.experiments.check.sources import STRATA, chosen_games
from routing_game.experiments.check.suite import make_spec
from routing_game.experiments.intervals import FEW, half_width
from routing_game.experiments.pages.words import with_interval
from routing_game.theory import Game

PAGE = Path(__file__).parents[1] / "learners.md"
CLIFFS = ("t4-cascade", "t5-cascade", "gpt-4.1-o3")
"""The games of the catalog whose optimum is a cascade."""
ROLES: tuple[Role, ...] = ("provider", "user")
Values = dict[str, Any]


def values(*runs: Path) -> Values:
    """What the page prints of runs."""
    each = [pl.read_parquet(run / "results.parquet") for run in runs]
    cells = joined(each)
    finished = {
        cell
        for run in runs
        for cell in spec_of(run).cells()
        if (run / "cells" / cell.filename).exists()  # a run may have been stopped
    }
    fresh = cells.filter(pl.col("set") == "fresh")
    found: Values = {
        "cells": len(finished),
        "failed": len(finished) - cells.height,
        "learners": len({cell.learner for cell in finished}),
        "fresh games": fresh["game"].n_unique(),
        "catalog games": cells.filter(pl.col("game").is_in(CATALOG))["game"].n_unique(),
        "seeds": sorted({*cells.group_by("learner", "game").len()["len"]}),
        "interval, %": 95,
        "within, %": {"provider": 2, "user": 0.5},
    }
    for role in ROLES:
        rows = by_game(cells, role, "fresh")
        names = dict.fromkeys([*cells.filter(pl.col("role") == role)["learner"], *rows["learner"]])
        for name in names:
            mine, own = rows.filter(learner=name), cells.filter(learner=name)
            found[name] = {"role": role, **on_fresh(mine, rows), **on_catalog(own)}
    return found


def joined(each: list[pl.DataFrame]) -> pl.DataFrame:
    """The cells of all runs; those in common once, as cells depend on nothing but themselves.

    Raises:
        ValueError: runs differ in a cell that they have in common.
    """
    same = ["learner", "game", "seed"]
    cells = pl.concat(each).unique([*same, "regret"], maintain_order=True)
    twice = cells.filter(cells.select(same).is_duplicated())
    if twice.height:
        where = " / ".join(map(str, twice.select(same).row(0)))
        raise ValueError(f"expected the same result of a cell in every run, got two of {where}")
    return cells


def spec_of(run: Path) -> Spec[Game]:
    """What was run."""
    facts = json.loads((run / "run.json").read_text(encoding="utf-8"))
    return Spec.from_json(json.dumps(facts["spec"]))


def on_fresh(mine: pl.DataFrame, rows: pl.DataFrame) -> Values:
    """A learner's shares of fresh games and its mean regret there, in percent."""
    if mine.is_empty():
        return {}
    parts = {"all": mine}
    parts |= {kind: mine.filter(kind=kind) for kind in kinds_of(rows)}
    parts |= {prior: mine.filter(prior=prior) for prior in dict.fromkeys(rows["prior"])}
    tallies = {name: tally(part) for name, part in parts.items() if part.height}
    total = tallies["all"]
    return {name: share(one) for name, one in tallies.items()} | {
        "mean regret": [percent(x) for x in (total.regret, total.half) if np.isfinite(x)]
    }


def on_catalog(cells: pl.DataFrame) -> Values:
    """A learner's regret on the games that settings were tuned on: mean, upper limit, percent."""
    found: Values = {}
    rest: list[float] = []
    for (game,), mine in cells.filter(pl.col("game").is_in(CATALOG)).group_by(
        ["game"], maintain_order=True
    ):
        regret, n = mine["regret"].to_numpy(), mine.height
        mean, some = float(np.mean(regret)), n >= FEW
        upper = mean + float(half_width(np.std(regret, ddof=1), n)) if some else float(regret.max())
        if game in CLIFFS:
            found[str(game)] = [percent(mean), *([percent(upper)] if some else [])]
        else:
            rest.append(percent(upper))
    return found | ({"off the cliffs": [max(rest)]} if rest else {})


def share(one: Tally) -> list[float]:
    """In percent, with its interval."""
    return [percent(x) for x in one.within]


def percent(x: float) -> float:
    """To the digits that a page may print; what rounding leaves is 0."""
    return round(100 * x, 4) + 0.0


def shares_table(found: Values, columns: Iterable[str], role: Role) -> str:
    """Shares within, a row for each learner and one for the control that nobody plays."""
    mine = rows_of(found, role, "all")
    columns = [name for name in columns if any(name in row for row in mine.values())]
    lines = [heading(["learner", *columns, "mean regret"])]
    for name, row in mine.items():
        mean = " ± ".join(map(short, row["mean regret"]))
        cells = [interval(row[column]) if column in row else "" for column in columns]
        label = name if name in STATIC.values() else f"`{name}`"
        lines.append(f"| {label} | {' | '.join(cells)} | {mean} |")
    return "\n".join(lines)


def catalog_table(found: Values, role: Role) -> str:
    """Regret on the cascades of the catalog, with upper limits, and the largest limit elsewhere."""
    mine = rows_of(found, role, CLIFFS[0])
    columns = [*CLIFFS, "off the cliffs"]
    columns = [name for name in columns if any(name in row for row in mine.values())]
    lines = [heading(["learner", *columns])]
    for name, row in mine.items():
        cells = []
        for column in columns:
            mean, *upper = row.get(column, [np.nan])
            text = "" if np.isnan(mean) else short(mean)
            cells.append(f"{text} ({short(upper[0])})" if upper else text)
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def rows_of(found: Values, role: Role, column: str) -> dict[str, Values]:
    """The learners of a role that have this column."""
    rows = {name: row for name, row in found.items() if isinstance(row, dict)}
    return {name: row for name, row in rows.items() if row.get("role") == role and column in row}


def heading(names: list[str]) -> str:
    """The first two lines of a table."""
    return f"| {' | '.join(names)} |\n|{'---|' * len(names)}"


def interval(numbers: list[float]) -> str:
    """Numbers in percent, as `92 (86 to 96)`."""
    return with_interval(numbers, lambda x: f"{x:.0f}", unit="")


def short(x: float) -> str:
    """A percentage to two digits or so, without the 0 before the point."""
    if np.isnan(x):
        return "?"
    text = f"{x:.3g}" if abs(x) >= 10 else f"{x:.2f}" if abs(x) >= 0.01 else f"{x:.4f}"
    text = text.rstrip("0").rstrip(".") if "." in text else f"{x:.0f}"
    return text.replace("0.", ".", 1) if text.startswith("0.") else text or "0"


KINDS = ("all", "s0", "s_L", "stay-1", "leave-1", "stay-2", "leave-2")
PRIORS = ("uniform", "unit", "ratios", "measured")
TABLES: dict[str, Callable[[Values], str]] = {
    "fresh games by kind": lambda found: shares_table(found, KINDS, "provider"),
    "fresh games by prior": lambda found: shares_table(found, PRIORS, "provider"),
    "fresh games, users": lambda found: shares_table(found, (*KINDS[:3], *PRIORS), "user"),
    "catalog": lambda found: catalog_table(found, "provider"),
    "catalog, users": lambda found: catalog_table(found, "user"),
}
"""What may stand between two comments of the page, by its name."""


def fill(page: str, found: Values) -> str:
    """The page with each of its tables made anew; a table without rows is left as it is.

    Raises:
        ValueError: a comment names no table of `TABLES`.
    """

    def made(match: re.Match[str]) -> str:
        name = match[1]
        if name not in TABLES:
            raise ValueError(f"expected a table, one of {', '.join(TABLES)}, got {name!r}")
        table = TABLES[name](found)
        mark = "<!-- numbers: results/learners.json -->"
        return (
            f"<!-- table: {name} -->\n{mark}\n{table}\n<!-- table end -->"
            if table.count("\n") > 1
            else match[0]
        )

    return re.sub(r"<!-- table: (.*?) -->\n.*?<!-- table end -->", made, page, flags=re.DOTALL)


def command(run: Path) -> str:
    """What was run, read off its spec: the shortest words that ask for the same."""
    spec = json.loads((run / "run.json").read_text(encoding="utf-8"))["spec"]
    usual = json.loads(make_spec(spec["profile"]).to_json())
    words = ["routing-game", "check", "--profile", spec["profile"]]
    if spec["games"] != usual["games"]:
        words += ["--games", ",".join(game_words([*spec["games"]]))]
    if [*spec["plans"]] != [*usual["plans"]]:
        words += ["--learners", ",".join(spec["plans"])]
    for flag, field in (("--seeds", "seeds"), ("--tasks", "practice")):
        asked = {plan[field] for plan in spec["plans"].values()}
        if asked != {plan[field] for plan in usual["plans"].values()} and len(asked) == 1:
            words += [flag, str(*asked)]
    return shlex.join([*words, "--out", f"runs/{run.name}"])


def game_words(names: list[str]) -> list[str]:
    """Words of `--games` that stand for these games; files by their names, which are all that is
    known of them.
    """
    words = ["catalog"] if {*CATALOG} <= {*names} else []
    rest = [name for name in names if not (words and name in CATALOG)]
    samples: dict[tuple[str, int], list[str]] = {}
    for name in rest:
        if place := origin(name):
            samples.setdefault(place[:2], []).append(name)
        else:
            words.append(name)
    for (prior, seed), mine in samples.items():
        for form, count in itertools.product(STRATA, range(1, len(mine) + 1)):
            word = f"{form}:{prior}:{count}:{seed}"
            many = sum(STRATA[form](count).values()) == len(mine)
            if many and {*chosen_games([word]).games} == {*mine}:
                words.append(word)
                break
        else:
            words += mine
    return words


def made(*runs: Path) -> Values:
    """The commits that began the runs, and the first one's versions.

    Raises:
        ValueError: a run was made outside of a repository, so its numbers belong to no commit.
    """
    commits: dict[str, None] = {}
    for run in runs:
        facts = json.loads((run / "run.json").read_text(encoding="utf-8"))
        if not facts["commit"]:
            what = "expected a run of code in a git repository"
            raise ValueError(f"{what}, got {run}, which names none")
        commits[facts["commit"].replace("-dirty", "+")] = None
    facts = json.loads((runs[0] / "run.json").read_text(encoding="utf-8"))
    versions = {name: facts["versions"][name] for name in ("python", "numpy")}
    first, *others = commits
    return {"commit": first, **({"other runs": others} if others else {}), **versions}
