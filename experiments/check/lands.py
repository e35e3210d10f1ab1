"""Each game of a run in numbers: where it comes from, its kind, the lie of its land.

Two controls that nobody needs to play are here, too: what static commitments and static answers
lose, the better of two in each game by hindsight.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

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
            "static_user": static_user(together),
            **{name: x.fill_nan(None) for name, x in measures.items()},
        }
    )


def static_user(games: Game) -> NDArray[np.float64]:
    """Mean regret, as a share of V, of leaving at once or of never leaving, whichever is less.

    Args:
        games: an array of them, shape (n,).
    """
    each = games[:, None]
    means = [user_regret(each, *QUESTIONS, q).mean(axis=1) / games.value for q in (0.0, 1.0)]
    return np.minimum(*means)
