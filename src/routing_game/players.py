"""What is asked of players, whoever wrote them: that they exist, can answer, and see what they saw.

Environments and agents both meet players that others wrote or trained, and neither knows the
other, so these checks stand here, once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing_game.theory.numbers import one

TOLD = ("strategy", "route", "none")
"""The settings of what a user observes that (i, s) tells: all of it, a part, nothing."""


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


def checked_user(name: str, x: Any) -> Any:
    """``x``, a user who answers (i, s) by `abandon(route, cascade)`.

    Numbers of one shape can mean different things: s, a noisy s, a count of tosses. A user who was
    trained says in ``observes`` which setting of the dial it saw; one that says nothing takes what
    it is shown.

    Raises:
        ValueError: it cannot answer, or has learnt from what is not told by (i, s).
    """
    seen = getattr(x, "observes", "strategy")
    if seen not in TOLD and not isinstance(x, type):
        raise ValueError(
            f"{name} must have learnt from what it is shown here, (i, s) itself or less of it: "
            f"observes={', '.join(TOLD)}; got one that learnt from observes={seen!r}"
        )
    return checked_player(name, x, "abandon")


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
