"""What is asked of players, whoever wrote them: that they exist, can answer, and see what they saw.

Environments and agents both meet players that others wrote or trained, and neither knows the
other, so these checks stand here, once.
"""

from __future__ import annotations

import inspect
import reprlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing_game.theory.numbers import doubles, one

TOLD = ("strategy", "route", "none")
"""The settings of what a user observes that (i, s) tells: all of it, a part, nothing."""


MANY = 8
"""Methods of somebody's object that are named at most."""


def checked_player(name: str, x: Any, *methods: str) -> Any:
    """``x``, which must have the methods that its role in the game needs.

    Args:
        name: what it is, for the complaint.
        x: anything.
        methods: their names; one may be written with what it takes, ``update(commitment, task)``.

    Raises:
        ValueError: it lacks one, or is a class instead of an object of it; all that it lacks is
            named, and what it has.
    """
    if isinstance(x, type):
        kind = x.__name__
        raise ValueError(f"{name} must be an object, got the class {kind}: make one, {kind}(...)")
    calls = {method.partition("(")[0]: _call(method) for method in methods}
    lacking = [method for method in calls if not callable(getattr(x, method, None))]
    if lacking:
        needs = f"a method {_listed([*calls.values()])}"
        if len(calls) > 1:
            needs = needs.replace("a method", "the methods")
        lacks = _listed([f"{method}(){_instead(x, method)}" for method in lacking])
        raise ValueError(
            f"{name} must have {needs}, got {_said(x)}; it lacks {lacks} and has {_has(x)}"
        )
    return x


def _call(method: str) -> str:
    """A method as it is called."""
    return method if "(" in method else f"{method}()"


def _said(x: Any) -> str:
    """What it is; of one that has no words of its own the class, as its place in memory is none."""
    kind: Any = type(x)
    own = kind.__repr__ is not object.__repr__
    return reprlib.repr(x) if own else f"an object of {kind.__name__}"


def _instead(x: Any, name: str) -> str:
    """What stands in the place of a method, if anything does."""
    return f" ({name} is {reprlib.repr(getattr(x, name))})" if hasattr(x, name) else ""


def _has(x: Any) -> str:
    """The methods of an object, the first of them if they are many; nothing of it is run."""
    kinds = {name: inspect.getattr_static(x, name, None) for name in dir(x) if name[0] != "_"}
    found = [f"{name}()" for name, kind in kinds.items() if callable(kind)]
    more = [f"{len(found) - MANY} more"] if len(found) > MANY else []
    return _listed([*found[:MANY], *more]) or "no methods"


def _listed(words: Sequence[str]) -> str:
    """As `a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


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
        return np.broadcast_to(doubles(q), shape).copy()
    except (TypeError, ValueError):
        raise ValueError(
            f"abandon() must answer commitments of shape {shape} with numbers, got {q!r}"
        ) from None
