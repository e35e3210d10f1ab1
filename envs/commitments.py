"""Where the commitments come from that a user answers: one that is fixed, a provider's, or any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from routing_game.envs.arguments import checked_commitment, proper_commitment
from routing_game.players import checked_player
from routing_game.theory.game import Commitment, check_commitment


class Provider(Protocol):
    """Anything that commits to a route and a cascade probability, task after task."""

    def act(self) -> Commitment:
        """The next task's (i, s)."""
        ...


class Commitments:
    """The commitments of new tasks.

    Args:
        provider: an object with `act()`; a fixed `Commitment`, or a list of its two numbers, as a
            spec read from JSON has it; or None: i uniform on {1, 2} and s uniform on [0, 1].

    Raises:
        ValueError: ``provider`` is none of these.
    """

    def __init__(self, provider: Provider | Commitment | Sequence[float] | None) -> None:
        self.provider: Provider | Commitment | None = None
        if isinstance(provider, tuple | list):
            self.provider = proper_commitment(provider)
        elif provider is not None:
            self.provider = checked_player("provider", provider, "act")

    @property
    def fixed(self) -> bool:
        """Whether all tasks have the same commitment."""
        return isinstance(self.provider, Commitment)

    @property
    def draws(self) -> int:
        """How many uniform numbers a commitment takes."""
        return 1 if self.provider is None else 0

    def one(self, uniform: Sequence[float]) -> Commitment:
        """The commitment of the next task, decided by `draws` numbers."""
        if self.provider is None:
            return Commitment(*_uniform(uniform[0]))
        if isinstance(self.provider, Commitment):
            return self.provider
        return proper_commitment(self.provider.act())

    def many(self, uniform: Any, where: NDArray[np.bool_]) -> tuple[Any, Any]:
        """Routes and cascades, one or one each, of the tasks that begin ``where``.

        ``uniform`` holds the `draws` arrays that decide. What stands elsewhere is a commitment, but
        means nothing.
        """
        if self.provider is None:
            return _uniform(uniform[0])
        if isinstance(self.provider, Commitment):
            return self.provider
        routes = np.ones(where.size, dtype=np.int64)
        cascades = np.zeros(where.size)
        for k in np.flatnonzero(where):
            routes[k], cascades[k] = checked_commitment(self.provider.act())
        check_commitment(routes, cascades)
        return routes, cascades


def _uniform(uniform: Any) -> tuple[Any, Any]:
    """Any commitment, by one number: the half it lies in is the route, its place there s."""
    upper = uniform >= 0.5
    return 1 + upper, 2 * uniform - upper
