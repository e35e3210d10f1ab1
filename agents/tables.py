"""Policies of users as tables on hat functions of s (`agents.hats`), and how they are read.

Whoever learns a table and whoever is loaded from disk reads it here, so that both answer alike, to
the bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from routing_game.agents.hats import KNOTS, coordinate, places, read
from routing_game.agents.stacked import Array
from routing_game.box import to_chance

FAR = 500.0
"""Logits beyond it are as good as it, and their exponentials are finite."""
Reading = Literal["logit", "point", "value"]
"""What the numbers are: logits of leaving; points of the box [-1, 1] that mean q; values of
staying, where leaving has 0.
"""


def chances(logit: Array) -> tuple[Array, Array]:
    """The chances of leaving and of staying; neither is taken from 1."""
    odds = np.exp(np.minimum(logit, FAR))
    staying = 1 / (1 + odds)
    return odds * staying, staying


def _by_point(point: Array) -> Array:
    return np.asarray(to_chance(np.clip(point, -1.0, 1.0)), dtype=np.float64)


READINGS: dict[Reading, Callable[[Array], Array]] = {
    "logit": lambda logit: chances(logit)[0],
    "point": _by_point,
    "value": lambda value: (value < 0).astype(np.float64),
}
"""Reading -> the chance of leaving that a number means."""


def kind_of(route: Any, model: Any | None = None) -> Any:
    """The kind of an observation, from 0: of a user who sees the route, or the failed model too."""
    route = np.asarray(route)
    return route - 1 if model is None else 2 * (route - 1) + model - 1


def answers(tables: Array, reading: Reading, kind: Any, cascade: Any) -> Array:
    """The chance of leaving by each table.

    Args:
        tables: one for each cell, (cells, kinds * KNOTS).
        reading: what their numbers are.
        kind: of observation, whole numbers from 0; broadcasts.
        cascade: s; broadcasts.

    Returns:
        Of shape (cells, n) for n observations.
    """
    kind, cascade = np.broadcast_arrays(kind, cascade)
    s = np.tile(np.asarray(cascade, dtype=np.float64).ravel(), (len(tables), 1))
    at = places(kind.ravel(), coordinate(s), tables.shape[-1] // KNOTS)
    return READINGS[reading](read(tables, at))
