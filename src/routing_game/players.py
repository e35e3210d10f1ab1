"""What is asked of players, whoever wrote them: that they exist, can answer, and see what they saw.

Environments and agents both meet players that others wrote or trained, and neither knows the
other, so these checks stand here, once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing_game.theory.numbers import one


def checked_player(name: str, x: Any, *methods: str) -> Any:
    """``x``, which must have the methods that its role in the game needs.

    Raises:
        ValueError: it lacks one, or is a class instead of an object of it.
    """
    if isinstance(x, type):
        kind = x.__name__
        raise ValueError(f"{name} must be an object, got the class {kind}: make one, {kind}(...)")
    for method in methods:
        if not callable(getattr(x, method, None)):
            raise ValueError(f"{name} must have a method {method}(), got {x!r}")
    return x


def check_sees(name: str, x: Any, shown: str = "strategy") -> None:
    """Raise ValueError if a player that says what it observes would be shown something else.

    Numbers of one shape can mean different things: s, a noisy s, a count of tosses. A player that
    was trained says in ``observes`` which setting of the dial it saw; one that says nothing takes
    what it is shown.

    Args:
        name: of the player, in messages.
        x: the player.
        shown: the setting of what it would be shown.
    """
    seen = getattr(x, "observes", shown)
    if seen != shown:
        raise ValueError(
            f"{name} must have learnt from what it is shown here, observes={shown!r}, "
            f"got one that learnt from observes={seen!r}"
        )


def checked_user(name: str, x: Any) -> Any:
    """``x``, an object with `abandon(route, cascade)` that is used to see (i, s)."""
    checked_player(name, x, "abandon")
    check_sees(name, x)
    return x


def answer(user: Any, route: Any, cascade: Any) -> NDArray[np.float64]:
    """What a user's `abandon` answers to (i, s): one float for each commitment.

    Raises:
        ValueError: it answers something else, or was written for numbers and given arrays.
    """
    shape = np.broadcast_shapes(np.shape(route), np.shape(cascade))
    try:
        q = user.abandon(route, cascade)
    except (TypeError, ValueError) as error:
        if one(route, cascade):
            raise
        raise ValueError(
            f"abandon() must answer arrays of commitments, here of shape {shape}, and failed "
            f"({error}): choose by np.where instead of if, or decorate what takes numbers, "
            "abandon = np.vectorize(one_answer, otypes=[float])"
        ) from error
    try:
        return np.broadcast_to(np.asarray(q, dtype=np.float64), shape).copy()
    except (TypeError, ValueError):
        raise ValueError(
            f"abandon() must answer commitments of shape {shape} with numbers, got {q!r}"
        ) from None
