"""What an environment is made from, and does not change while it lives.

Environments and engines work out much from their arguments once: spaces, the exact user, tables of
rewards, replies and bills that come again. An argument changed later would change half of that. So
it can be read and not set; who wants another game makes another environment.
"""

from __future__ import annotations

from typing import Any


class Setting:
    """An attribute that can be set once.

    Without a ``__get__`` it is read from the object's own dict, as fast as any other; and copies
    and pickles, which fill that dict, need to know nothing of it.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __set__(self, made: Any, value: Any) -> None:
        if self._name in made.__dict__:
            kind = type(made).__name__
            raise AttributeError(
                f"{self._name} must stay what {kind} was made with, got {value!r}; "
                f"make a new {kind}"
            )
        made.__dict__[self._name] = value


def setting() -> Any:
    """A `Setting`, for a type checker whatever the attribute is said to be."""
    return Setting()
