"""Worlds in which learners of many tasks at once are tried."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from routing_game.envs import sampler
from routing_game.envs.rules import record, settle
from routing_game.theory import Game, Task
from routing_game.theory.numbers import Array


def world_of_many(game: Game, rng: np.random.Generator) -> Callable[[Array, Array, Array], Task]:
    """A function from commitments and q, arrays of shape (n,), to a `Task` of such arrays."""
    return partial(_many, game, rng)


def _many(
    game: Game, rng: np.random.Generator, route: Array, cascade: Array, abandon: Array
) -> Task:
    *passes, solved = sampler.sample_tasks(game, route, cascade, abandon, rng)
    return record(passes, solved, settle(game, passes, solved), np.zeros_like(solved))
