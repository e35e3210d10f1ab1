"""Games that the tests share: random ones, and ones placed exactly on the boundaries."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from routing_game.theory import Game, sample_games, thresholds

SHARED = Path(__file__).resolve().parents[2] / "shared"
"""Measured data, beside a checkout where there is any."""
REFERENCE = Path(__file__).parent / "reference"


def reference_games() -> list[dict[str, Any]]:
    """Forty games solved by brute force from the absorbing chain, without any theorem."""
    return json.loads((REFERENCE / "games.json").read_text(encoding="utf-8"))


def from_reference(row: dict[str, Any]) -> Game:
    g = row["game"]
    return Game(g["V"], g["P"], (g["p1"], g["p2"]), (g["t1"], g["t2"]), (g["c1"], g["c2"]))


def boundary_games(n: int, rng: np.random.Generator) -> Game:
    """Random games with xi1 = 0, xi2 = 0 or both, cp1 = cp2, or P = d: exact ties."""
    games = sample_games(n, rng)
    value, (p1, p2), (t1, t2), (c1, c2) = games.value, games.success, games.latency, games.cost
    kind = rng.integers(0, 5, n)
    t1 = np.where((kind == 0) | (kind == 2), value * p1, t1)
    t2 = np.where((kind == 1) | (kind == 2), value * p2, t2)
    c2 = np.where(kind == 3, c1 * p2 / p1, c2)
    d = (c2 - c1) / (p2 - p1)
    penalty = np.where((kind == 4) & (d < 20), d, games.penalty)
    lifted = dataclasses.replace(
        games, penalty=penalty, latency=(t1, t2), cost=(c1, c2), ordered=False
    )
    return dataclasses.replace(lifted[np.flatnonzero(t1 < t2)], ordered=True)


def out_of_order_games(n: int, rng: np.random.Generator) -> Game:
    """Those of n random games with p1 > p2 that have xi1 > 0 > xi2; costs may be negative."""
    p, t = np.sort(rng.uniform(0.02, 0.98, (2, n)), axis=0)[::-1], rng.uniform(0, 1, (2, n))
    c, value = rng.uniform(-0.5, 1, (2, n)), rng.uniform(0.1, 3, n)
    penalty = rng.uniform(0.05, 4, n)
    games = Game(value, penalty, tuple(p), tuple(t), tuple(c), ordered=False)
    return games[np.flatnonzero(games.regime == "+-")]


def interesting_cascades(game: Game, rng: np.random.Generator) -> list[Any]:
    """Arrays of s, one entry a game: random, the ends, each threshold and its neighbours."""
    points = [rng.random(game.shape), np.zeros(game.shape), np.ones(game.shape)]
    for s in thresholds(game):
        s = np.clip(np.where(np.isnan(s), 0.5, s), 0.0, 1.0)
        points += [
            s,
            np.nextafter(s, 0.0),
            np.nextafter(s, 1.0),
            np.clip(s + 1e-3, 0, 1),
            np.clip(s - 1e-3, 0, 1),
        ]
    return points
