"""A plane of games, each with its optimum: what the maps of a plane are drawn from.

The paper's planes (`planes`) and those around a game of one's own (`around.plane`) differ in which
games lie where.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property

import numpy as np

from routing_game.theory import Equilibrium, Game, solve
from routing_game.theory.numbers import Array, difference


def centres(size: int) -> Array:
    """Where the middles of that many pixels lie along an axis from 0 to 1, shape (size,)."""
    return np.asarray((np.arange(size) + 0.5) / size)


class Solved(ABC):
    """A square of games; maps of it have the shape (size, size)."""

    @property
    @abstractmethod
    def games(self) -> Game:
        """The games."""

    @cached_property
    def solution(self) -> Equilibrium:
        """Their equilibria."""
        return solve(self.games)

    @cached_property
    def kind(self) -> Array:
        """Index of the optimum in `RULES`."""
        return np.asarray(self.solution.kind)

    @cached_property
    def misalignment(self) -> Array:
        """Delta_U, in the user's unit.

        Where several commitments are optimal, of the first in `RULES`, which the policy map shows.
        """
        return np.asarray(difference(self.solution.user_best, self.solution.utility))
