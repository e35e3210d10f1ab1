"""Functions of a game that take its name, its file or its fields as well."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from routing_game.theory.catalog import GameLike, load
from routing_game.theory.game import Game

P = ParamSpec("P")
R = TypeVar("R")


def named(
    function: Callable[Concatenate[Game, P], R],
) -> Callable[Concatenate[GameLike, P], R]:
    """The function, whose first argument may be whatever `catalog.load` takes.

    It belongs to the package, not to its module: inside theory games are games.
    """

    @wraps(function)
    def of_any(game: GameLike, *arguments: P.args, **options: P.kwargs) -> R:
        return function(game if isinstance(game, Game) else load(game), *arguments, **options)

    of_any.__module__ = __package__ or ""  # where it is found, by pickle too
    return of_any  # type: ignore[return-value]  # that its first argument has a name is not said
