"""Each game of a run in numbers: where it comes from, its kind, the lie of its land.

Two controls that nobody needs to play are here, too: what static commitments and static answers
lose, the better of two in each game by hindsight.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from routing_game.agents import FixedUser
from routing_game.experiments.check.sets import origin, set_of
from routing_game.experiments.check.traces import QUESTIONS
from routing_game.theory import Game, solve, user_regret
from routing_game.theory.geometry import geometry


def table(games: Mapping[str, Game]) -> pl.DataFrame:
    """A row for each game: its set, prior, kind, the regrets of the static control, its geometry.

    The geometry's columns are those of `theory.geometry`.
    """
    names = [*games]
    together = Game.stack([games[name] for name in names])
    land, best = geometry(together), solve(together)
    places = [origin(name) for name in names]
    measures = {name: pl.Series(np.array(x)) for name, x in land._asdict().items()}
    return pl.DataFrame(
        {
            "game": names,
            "set": [set_of(name) for name in names],
            "prior": pl.Series([place and place.prior for place in places], dtype=pl.String),
            "kind": np.asarray(best.rule),
            "static_provider": np.maximum(land.static_gap, 0),
            "static_user": [static_user(game) for game in games.values()],
            **{name: x.fill_nan(None) for name, x in measures.items()},
        }
    )


def static_user(game: Game) -> float:
    """Mean regret, as a share of V, of leaving at once or of never leaving, whichever is less."""
    route, cascade = QUESTIONS
    regrets = (
        user_regret(game, route, cascade, FixedUser(q).abandon(route, cascade)) for q in (0, 1)
    )
    return float(min(np.mean(regret) for regret in regrets) / game.value)
