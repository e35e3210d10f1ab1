"""Who uses a session: the protocol, and a believing one made from any user."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from routing_game.envs.arguments import checked_chance
from routing_game.players import answer, checked_user
from routing_game.theory.belief import Belief
from routing_game.theory.game import Commitment

CACHE_SIZE = 4096
"""How many answers a user remembers."""


class SessionUser(Protocol):
    """Who uses a session: leaves or stays after each failure, and remembers from task to task."""

    def begin(self) -> None:
        """Start a new session: forget the last one."""
        ...

    def leaving(self, model: int) -> float:
        """The chance of leaving after a failed pass of ``model`` (1 or 2)."""
        ...

    def see_draw(self, escalated: bool) -> None:
        """A failed pass of M1 was followed by M2 (True) or by M1 again (False)."""
        ...

    def cancelling(self, solved: bool) -> float:
        """The chance of cancelling the subscription after a task."""
        ...


class CertaintyEquivalentUser:
    """A user with a Beta belief about the hidden s who answers as if its mean were true.

    After M1 it does what ``user`` would under (1, E[s]), after M2 under (2, 0). While xi1 < 0 < xi2
    and ``user`` is the exact best response, that is "stay iff E[s] >= s0", which is exactly optimal
    within one task. From task to task it is a certainty-equivalent user, which can fall into the
    information trap: who leaves sees no draw.

    Args:
        user: an object with ``abandon(route, cascade)``.
        prior: counts (a, b) of the Beta prior.
        cancel: chance of cancelling the subscription after a task that was abandoned.
    """

    def __init__(self, user: Any, prior: Sequence[float] = (1.0, 1.0), cancel: float = 0.0) -> None:
        self._user = checked_user("user", user)
        self._prior = Belief.checked(prior)
        self._cancel = checked_chance("cancel", cancel)
        self.begin()

    def begin(self) -> None:
        """Go back to the prior."""
        self.belief = self._prior
        self._known: dict[Commitment, float] = {}

    def leaving(self, model: int) -> float:
        """The reply to (1, E[s]) after M1, to (2, 0) after M2."""
        commitment = Commitment(1, self.belief.mean) if model == 1 else Commitment(2, 0.0)
        if commitment not in self._known:
            if len(self._known) == CACHE_SIZE:  # a long session meets ever new means
                self._known.clear()
            self._known[commitment] = float(answer(self._user, *commitment))
        return self._known[commitment]

    def see_draw(self, escalated: bool) -> None:
        """Update the belief."""
        self.belief = self.belief.after(escalated)

    def cancelling(self, solved: bool) -> float:
        """``cancel`` if the task was abandoned."""
        return 0.0 if solved else self._cancel
