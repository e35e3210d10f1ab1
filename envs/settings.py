"""What an environment is made from, and does not change while it lives.

Environments and engines work out much from their arguments once: spaces, the exact user, tables of
rewards, replies and bills that come again. An argument changed later would change half of that. So
it can be read and not set; who wants another game makes another environment.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any


def setting(name: str) -> Any:
    """An attribute that can be set once; for a type checker whatever it is said to be.

    It is kept under ``_name``, from where a step that counts every 50 ns reads it.
    """
    private = f"_{name}"

    def set_once(made: Any, value: Any) -> None:
        if hasattr(made, private):
            kind = type(made).__name__
            rule = f"{name} must stay what {kind} was made with"
            raise AttributeError(f"{rule}, got {value!r}; make a new {kind}")
        setattr(made, private, value)

    return property(attrgetter(private), set_once)
