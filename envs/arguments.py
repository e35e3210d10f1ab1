"""Checks on what environments are made from and on what players answer.

Each returns what it was given in the form that environments use, or raises a ValueError that says
what was expected and what came.
"""

from __future__ import annotations

import inspect
import math
import operator
import reprlib
from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import numpy as np

from routing_game.names import alike
from routing_game.theory.catalog import GameLike, load
from routing_game.theory.game import LARGEST, Commitment, Game, check_commitment
from routing_game.theory.numbers import double, whole

MOST = np.iinfo(np.int64).max
"""More than is ever counted."""

Infos = Literal["full", "task", "none"]
"""What the infos tell: the task and what theory says of it, the task, or nothing."""


def single_game(game: GameLike) -> Game:
    """The game meant.

    Raises:
        ValueError: it is none, an id that the catalog lacks, or an array of games.
    """
    game = any_game(game)
    if game.shape:
        raise ValueError(
            f"an environment plays one game, got an array of shape {game.shape}; pick one: game[k]"
        )
    return game


def batch_game(game: GameLike | Sequence[GameLike], num_envs: int) -> Game:
    """As `single_game`, or an array or a list of games: one for each of ``num_envs``."""
    if isinstance(game, list | tuple) and game:
        games = Game.stack([single_game(one) for one in game])
    else:
        games = any_game(game)  # type: ignore[arg-type]
    if games.shape not in ((), (num_envs,)):
        raise ValueError(
            f"a batch plays one game or one for each of its {num_envs}, got shape {games.shape}"
        )
    return games


def any_game(game: GameLike) -> Game:
    """The game or array of games meant; ValueError if none is."""
    try:
        return load(game)
    except KeyError as unknown:
        raise ValueError(unknown.args[0]) from None
    except OSError as error:
        raise ValueError(f"game must be in a file, got {game!r} ({error.strerror})") from None


def checked_option(name: str, x: Any, options: Any) -> Any:
    """``x``, which must be one of the values of a Literal type; ValueError otherwise."""
    if x not in get_args(options):
        raise ValueError(f"{name} must be one of {get_args(options)}, got {x!r}")
    return x


def whole_number(name: str, x: Any, least: int) -> int:
    """``x`` as an int, which must be at least ``least``; ValueError otherwise."""
    number = whole(name, x, least)
    if number > MOST:
        raise ValueError(f"{name} must be at most {MOST}, got {number}")
    return number


def checked_flag(name: str, x: Any) -> bool:
    """``x``, which must be True or False; ValueError otherwise."""
    if not isinstance(x, bool | np.bool_):
        raise ValueError(f"{name} must be True or False, got {x!r}")
    return bool(x)


def checked_number(x: Any, count: int) -> int:
    """``x`` as an int, which must be one of 0, ..., ``count`` - 1; ValueError otherwise.

    An array of one whole number stands for it, as learners give it.
    """
    try:
        number = operator.index(x)
    except TypeError:
        alone = isinstance(x, np.ndarray) and x.size == 1 and x.dtype.kind in "iu"
        number = int(x.item()) if alone else -1
    if not 0 <= number < count:
        raise ValueError(f"an action is a whole number from 0 to {count - 1}, got {x!r}")
    return number


def checked_commitment(x: Any) -> Commitment:
    """``x``, a pair of a whole number and a number, as an int and a float; or ValueError.

    Whether the two are in range is for `check_commitment` to say, or `proper_commitment`.
    """
    try:
        route, cascade = x
        if int(route) == route:
            return Commitment(int(route), float(double(cascade)))
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(
        f"a commitment is a pair (route, cascade) of a whole number and a number, got {x!r}"
    )


def proper_commitment(x: Any) -> Commitment:
    """As `checked_commitment`, and in range."""
    try:  # most are
        route, cascade = x
        if (route == 1 or route == 2) and 0 <= cascade <= 1:
            return Commitment(int(route), float(cascade))
    except (TypeError, ValueError):
        pass
    commitment = checked_commitment(x)
    check_commitment(*commitment)
    return commitment


def checked_chance(name: str, x: Any) -> float:
    """``x`` as a float, which must lie in [0, 1]; ValueError otherwise."""
    chance = _real(x)
    if not 0 <= chance <= 1:
        raise ValueError(f"{name} must be a probability, got {x!r}")
    return chance


def checked_real(name: str, x: Any, least: float = -LARGEST) -> float:
    """``x`` as a float, from ``least`` to what a game's numbers may be; ValueError otherwise."""
    number = _real(x)
    if not least <= number <= LARGEST:
        rule = f"{name} must be a number from {least:g} to {LARGEST:g}"
        raise ValueError(f"{rule}, got {reprlib.repr(x)}")
    return number


def _real(x: Any) -> float:
    """The float that is meant, or nan: words are no numbers, nor are several."""
    try:
        number = double(x)
    except (TypeError, ValueError):
        return math.nan
    return math.nan if np.ndim(number) else float(number)


def known_arguments(name: str, made: Callable[..., Any], given: dict[str, Any]) -> dict[str, Any]:
    """The keyword arguments ``given``, all of which what is ``made`` must take.

    Raises:
        TypeError: it does not take one of them.
    """
    takes = list(inspect.signature(made).parameters)
    for unknown in (argument for argument in given if argument not in takes):
        close = alike(unknown, takes)
        hint = f"; did you mean {', '.join(close)}?" if close else ""
        raise TypeError(f"{name} takes {', '.join(takes)}, got {unknown!r}{hint}")
    return given


def refuse_wrappers(max_episode_steps: None, render_mode: None) -> None:
    """Raise ValueError for what `gym.make` turns into wrappers: engines have none."""
    if max_episode_steps is not None:
        raise ValueError(
            "engines take max_passes, which keeps rewards unbiased, instead of max_episode_steps"
        )
    if render_mode is not None:
        raise ValueError(f"engines do not render: render_mode must be None, got {render_mode!r}")
