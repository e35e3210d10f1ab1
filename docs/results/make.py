"""Recompute the numbers that the pages of docs print, as far as they are exact or quick.

    python docs/results/make.py                 # all of them, some minutes
    python docs/results/make.py extensions      # some
    python docs/results/make.py learners DIR ... # learners.json and its tables, from runs

Each becomes a file beside this one: the command that makes it, what made it, and the values. A page
names the file above the table or paragraph that prints from it; `tests/test_docs_numbers.py`
compares. Timed numbers need a quiet machine, so their file is filled in by hand, from the command
that it names; learned ones take hours, so theirs is read off the folder of a run.
"""

from __future__ import annotations

import dataclasses
import json
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import belief_games
import hidden
import learners
import numpy as np
import races
import remedies

from routing_game.experiments.paper.facts import MEASURES
from routing_game.experiments.paper.planes import CHOICES
from routing_game.experiments.paper.scene import Scene
from routing_game.theory import GAMES, Game, observability, sample_games, simultaneous, solve
from routing_game.theory.certify import best_reply
from routing_game.theory.chain import Chain, evaluate, ladder
from routing_game.theory.chain_solve import cheapest, round_reply, single_reply, solve_stopping
from routing_game.theory.frequencies import PRIORS, frequencies
from routing_game.theory.mixture import beta_mixture, solve_mixture

FOLDER = Path(__file__).parent
CASCADES = {name: GAMES[name] for name in ("t4-cascade", "t5-cascade")}
Values = dict[str, Any]


def plan(route: int, cascade: float, cost: float) -> Values:
    """A commitment and its cost; s is left out where it has no effect."""
    return {"i": int(route), "s": float(cascade) if route == 1 else None, "J": float(cost)}


def of_stackelberg(game: Game) -> Values:
    """The optimum of the paper's game."""
    best = solve(game)
    return plan(best.route, best.cascade[0], best.cost)


def of_stopping(game: Game) -> Values:
    """The optimum against a user who sees which model failed."""
    best = solve_stopping(game)
    return plan(best.route, best.cascade, best.cost)


def of_rounds(game: Game) -> Values:
    """The optimum against a user who counts attempts."""
    best = cheapest(lambda s: [Chain.of(game, s)] * 20, round_reply)
    after = int(np.flatnonzero(best.abandon)[0]) + 1 if np.any(best.abandon) else None
    return {**plan(best.start, best.parameter, best.cost), "leaves after": after}


def of_mixture(game: Game, rho: float, nodes: int = 96) -> Values:
    """The optimum where retries correlate."""
    best = solve_mixture(beta_mixture(game, (rho, rho), nodes=nodes))
    return plan(best.route, best.cascade, best.cost)


def of_hidden(game: Game) -> Values:
    """Costs of the outcomes with s hidden, and what being seen is worth."""
    outcomes = simultaneous(game).outcomes
    costs = sorted({round(float(outcome.cost), 12) for outcome in outcomes})
    routes = sorted({int(outcome.route) for outcome in outcomes})
    return {"i": routes, "J": costs, "observability": [float(x) for x in observability(game)]}


def catalog() -> Values:
    """The twelve games: optimum, and outcomes with s hidden."""
    games = {}
    for name, game in GAMES.items():
        games[name] = {**of_stackelberg(game), "J with s hidden": of_hidden(game)}
    return games


def cliffs() -> Values:
    """What a step beyond the optimum of the two cascade games costs, as a share of J*."""
    t4, t5 = CASCADES.values()
    s0, s_low = solve(t4).cascade[0], solve(t5).cascade[0]
    left, right = best_reply(t4, 1, s0 - 1e-9).cost, best_reply(t5, 1, s_low + 0.01).cost
    return {
        "t4-cascade, just left of s_0": float(left / solve(t4).cost - 1),
        "t5-cascade, .01 right of s_L": float(right / solve(t5).cost - 1),
    }


def extensions() -> Values:
    """What each extension changes in the two cascade games."""
    kinds: dict[str, Callable[[Game], Values]] = {
        "nothing": of_stackelberg,
        "the user sees which model failed": of_stopping,
        "the user counts attempts": of_rounds,
        "s is hidden": of_hidden,
    }
    table = {kind: {name: f(game) for name, game in CASCADES.items()} for kind, f in kinds.items()}
    game = CASCADES["t4-cascade"]
    hasty = cheapest(lambda s: Chain.of(game, s, discount=0.9), single_reply, starts=(1, 2))
    three = Chain(1.0, 1.5, (0.3, 0.5, 0.8), (0.2, 0.3, 0.5), (0.1, 0.2, 0.6), ladder([0.5, 0.3]))
    return {
        **table,
        "discount": {"delta": 0.9, "s": float(hasty.parameter)},
        "three models, q = .2": {"J": float(evaluate(three, 1, 0.2).cost)},
    }


def stopping() -> Values:
    """How often a user who sees which model failed changes the answer where xi1 > 0 > xi2."""
    rng, parts, n = np.random.default_rng(0), 20, 50_000
    changed = 0
    for games in (sample_games(n, rng, "+-") for _ in range(parts)):
        changed += int(np.sum(solve_stopping(games).rule != solve(games).rule))
    return {"games": parts * n, "seed": 0, "share of games that change": changed / (parts * n)}


def mixtures() -> Values:
    """Correlated retries: optima of the two cascade games, rho equal for both models."""
    values: Values = {}
    for text in ("0", ".05", ".2"):
        row = {name: of_mixture(game, float(text)) for name, game in CASCADES.items()}
        values[text] = values[f"retries correlate, rho = {text}"] = row
    rough = {"s": 0.0, "J": 0.0}  # what fewer nodes leave
    for text in (".05", ".2"):
        for name, game in CASCADES.items():
            fine, coarse = values[text][name], of_mixture(game, float(text), nodes=24)
            for x in rough:
                rough[x] = max(rough[x], abs((fine[x] or 0.0) - (coarse[x] or 0.0)))
    return {**values, "nodes": [24, 96], "error of 24": rough}


def kinds() -> Values:
    """How often each kind of optimum occurs, in per cent of two million games of each prior."""
    n, seed = 2_000_000, 2026
    rows: Values = {}
    for prior in PRIORS:
        share = frequencies(prior, n, np.random.default_rng(seed))
        rows[prior] = {rule.replace("s0", "s_0"): 100 * x for rule, x in share.items()}
        rows[prior]["cascades"] = 100 * (share["s0"] + share["s_L"])
    most = max(x * (100 - x) for row in rows.values() for x in row.values())
    return {**rows, "games": n, "seed": seed, "standard error": float(np.sqrt(most / n))}


def figures() -> Values:
    """What is measured in the paper's figures at either set of parameters."""
    values: Values = {}
    for name, choice in CHOICES.items():
        scene = Scene(name)
        values[name] = json.loads(json.dumps(dataclasses.asdict(choice)))  # lists
        values |= {f"{name}, figure {key}": facts(scene) for key, facts in MEASURES.items()}
    return values


RESULTS: dict[str, Callable[[], Values]] = {
    "catalog": catalog,
    "cliffs": cliffs,
    "extensions": extensions,
    "stopping": stopping,
    "mixtures": mixtures,
    "kinds": kinds,
    "figures": figures,
    **hidden.RESULTS,
    **remedies.RESULTS,
}
"""What this script makes, by the name of the file."""
SLOW = belief_games.SLOW | hidden.SLOW | remedies.SLOW | races.SLOW
"""What takes longer and is only made if it is asked for."""


def write(name: str) -> Path:
    """Recompute one result and write its file."""
    path = FOLDER / f"{name}.json"
    command = f"python docs/results/{Path(__file__).name} {name}"
    path.write_text(as_text(command, made(), (RESULTS | SLOW)[name]()), encoding="utf-8")
    return path


def write_learners(runs: list[Path]) -> list[Path]:
    """The file of runs of learners, and the page with its tables made anew."""
    found = learners.values(*runs)
    path = FOLDER / "learners.json"
    command = "; ".join(map(learners.command, runs))
    path.write_text(as_text(command, learners.made(*runs), found), encoding="utf-8")
    page = learners.PAGE
    page.write_text(learners.fill(page.read_text(encoding="utf-8"), found), encoding="utf-8")
    return [path, page]


def as_text(command: str, made: Values, values: Values) -> str:
    """JSON with a line for each value, so that changes show in a diff."""

    def line(x: Any) -> str:
        return json.dumps(x, ensure_ascii=False)

    rows = ",\n".join(f"  {line(name)}: {line(value)}" for name, value in values.items())
    head = f'{{\n "command": {line(command)},\n "made": {line(made)},\n "values": {{\n'
    return f"{head}{rows}\n }}\n}}\n"


def made() -> Values:
    """The commit and the versions that a result comes from."""

    def git(*words: str) -> str:
        answer = subprocess.run(["git", *words], cwd=FOLDER, capture_output=True, text=True)
        return answer.stdout.strip()

    changed = "+" if git("status", "--porcelain", "--", "../../theory") else ""
    commit = git("rev-parse", "--short", "HEAD") + changed
    return {"commit": commit, "python": platform.python_version(), "numpy": np.__version__}


if __name__ == "__main__":
    if sys.argv[1:2] == ["learners"]:
        runs = [Path(word) for word in sys.argv[2:]]
        if not runs or not all((run / "results.parquet").is_file() for run in runs):
            hint = "folders of runs after learners, with results.parquet in each"
            sys.exit(f"expected {hint}; routing-game report DIR makes it")
        print(*write_learners(runs), sep="\n")
        sys.exit()
    chosen = sys.argv[1:] or list(RESULTS)
    if unknown := [name for name in chosen if name not in RESULTS | SLOW]:
        sys.exit(f"expected some of {', '.join(RESULTS | SLOW)}, got {', '.join(unknown)}")
    for name in chosen:
        print(write(name))
