"""What a commitment comes to under a user, exactly, whatever the user sees of it.

A user who is told (i, s), or a part of it, answers with one q. One who sees which model has failed
has an answer after each. One who sees k of n tosses of the coin has an answer to each k, and its
payoffs are a mean over k. Noise on s would need a mean over a continuum of answers, of which no sum
is exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing_game.agents.protocol import ModelUser, User
from routing_game.players import answer, checked_player, checked_user
from routing_game.theory import Game, payoffs
from routing_game.theory.chain_solve import stopping_payoffs
from routing_game.theory.glimpses import count_chances
from routing_game.theory.payoffs import Payoffs

Array = NDArray[np.float64]


def sees(user: Any) -> str:
    """What a user sees, as the environments' `observes` has it; (i, s) if it does not say."""
    blind = callable(getattr(user, "abandon", None)) or not isinstance(user, ModelUser)
    return str(getattr(user, "observes", "strategy" if blind else "model"))


def checked_opponent(name: str, user: Any) -> User | ModelUser:
    """A user of whom it is known, for each (i, s), what it comes to.

    Raises:
        ValueError: it cannot answer, or sees what is neither told by (i, s), nor a count of tosses,
            nor the model that failed.
    """
    kind = "" if isinstance(user, type) else sees(user).partition(":")[0]
    if kind == "model":
        opponent: ModelUser = checked_player(name, user, "abandon_after(route, cascade, model)")
        return opponent
    told: User = (
        checked_player(name, user, "abandon(route, cascade)")
        if kind == "samples"
        else checked_user(name, user)
    )
    return told


def meeting(game: Game, user: Any, route: NDArray[Any], cascade: Array) -> Payoffs:
    """Expected payoffs of commitments under a `checked_opponent`; arrays of shape (n,)."""
    kind, _, number = sees(user).partition(":")
    if kind == "model":
        leave_1, leave_2 = (user.abandon_after(route, cascade, model) for model in (1, 2))
        return stopping_payoffs(game, route, cascade, leave_1, leave_2)
    if kind != "samples":
        return payoffs(game, route, cascade, answer(user, route, cascade))
    k = np.arange(int(float(number)) + 1.0)
    chance = count_chances(k.size - 1, cascade)
    q = answer(user, np.repeat(route[:, None], k.size, axis=1), np.tile(k, (route.size, 1)))
    each = payoffs(game, route[:, None], cascade[:, None], q)
    return Payoffs(*((chance * np.broadcast_to(x, q.shape)).sum(axis=1) for x in each))
