"""What the words of a command line stand for: games, learners and whatever else has a name."""

from __future__ import annotations

import argparse
import os
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from routing_game.experiments import InputError
from routing_game.experiments.commands.telling import complain
from routing_game.names import perhaps, set_apart

if TYPE_CHECKING:
    from routing_game.theory import Game

FEW = 9
"""Names that are so few are all said to whoever has missed them."""
NUMBERS = ("value", "penalty", "success", "latency", "cost")


def asked_game(arguments: argparse.Namespace) -> tuple[str, Game]:
    """Name and game that `words_of_a_game` were given for.

    Raises:
        InputError: numbers are missing or wrong, or the name is no game's.
    """
    from routing_game.theory import Game

    name, numbers, ordered = numbers_of(arguments)
    try:
        return name, Game(**numbers, ordered=ordered)
    except ValueError as error:
        raise InputError(str(error).replace("ordered=False", "--unordered")) from None


def numbers_of(arguments: argparse.Namespace) -> tuple[str, dict[str, Any], bool]:
    """Name and numbers of the game asked for, and whether they must be in the paper's order.

    Raises:
        InputError: numbers are missing, or the name is no game's.
    """
    name, ordered = arguments.game, not arguments.unordered
    flags = {number: getattr(arguments, number) for number in NUMBERS}
    given = {number: value for number, value in flags.items() if value is not None}
    if name is None and len(given) < len(NUMBERS):
        name = getattr(arguments, "usual", None)
    if name is None:
        if missing := [f"--{number}" for number in NUMBERS if number not in given]:
            problem = (
                f"expected the name of a game, or all its numbers, got no {', '.join(missing)}"
            )
            raise InputError(f"{problem}; see routing-game list")
        return "your game", given, ordered
    if name.replace(".", "", 1).isdecimal():
        raise InputError(
            "expected the name of a game, or two numbers after --success, --latency and --cost and "
            f"one after --value and --penalty, got {name!r} on its own"
        )
    name, base = one_game(name)
    numbers = {number: getattr(base, number) for number in NUMBERS} | given
    return name, numbers, ordered and base.ordered


def one_game(word: str) -> tuple[str, Game]:
    """Name and game that a word of `chosen_games` stands for, if it is one."""
    from routing_game.experiments.check.sources import chosen_games

    games, _ = chosen_games([word])
    if len(games) > 1:
        problem = f"expected the name of a game, got {word!r}, which is {len(games)} games"
        one = "a file in it" if os.path.isdir(word) else f"one of them, such as {next(iter(games))}"
        raise InputError(f"{problem}; take {one}")
    return next(iter(games.items()))


def has_game(arguments: argparse.Namespace) -> bool:
    """Whether `words_of_a_game`, or a game before them, were given at all."""
    numbers = (getattr(arguments, number) for number in NUMBERS)
    return arguments.game is not None or arguments.unordered or any(x is not None for x in numbers)


def titled(arguments: argparse.Namespace, name: str) -> str:
    """What a game is called of which flags may have changed some numbers."""
    changed = [number for number in NUMBERS if getattr(arguments, number) is not None]
    return f"{name} with another {' and '.join(changed)}" if arguments.game and changed else name


def filed(arguments: argparse.Namespace, name: str, game: Game) -> str:
    """What a game is called in names of files: numbers that flags changed are part of it.

    A game of flags alone has a few digits of its id.
    """
    from routing_game.theory.exchange import game_id

    if not arguments.game:
        return f"{name.replace(' ', '-')}-{game_id(game)[:6]}"
    parts = [name]
    for number in NUMBERS:
        if (given := getattr(arguments, number)) is not None:
            values = given if isinstance(given, list) else [given]
            parts += [number, *map(digits, values)]
    return "-".join(parts)


def digits(x: float) -> str:
    """A number as it is written, with all that tells it from others."""
    return repr(float(x)).removesuffix(".0")


def units_of(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Of time and money, if they are known."""
    from routing_game.theory.catalog import units

    return units(arguments.game)


def chosen_games(text: str) -> dict[str, Game] | None:
    """The games of a comma-separated list, see `check.sources`; None for "all", the profile's."""
    from routing_game.experiments.check import sources

    if text == "all":
        return None
    games, notes = sources.chosen_games(text.split(","))
    for note in notes:
        complain(note)
    return games


def chosen_learners(text: str) -> tuple[str, ...] | None:
    """As `chosen`, of our learners and then those of one's own, ``module:Agent``."""
    from routing_game.experiments.check import own
    from routing_game.experiments.check.learners import LEARNERS

    words = dict.fromkeys(word.strip() for word in text.split(","))
    if not all(words):
        raise InputError(f"expected a name on either side of a comma, got {text!r}")
    mine = tuple(word for word in words if own.is_own(word))
    for word in mine:
        own.find(word)
    ours = [word for word in words if word not in mine]
    unknown = next((word for word in ours if word not in LEARNERS), "")
    form = f"an agent of your own is written module:Class, e.g. {own.written(unknown)}"
    see = f"routing-game list; {form}"
    if not mine:
        return chosen("learner", text, LEARNERS, see)
    named = (chosen("learner", ",".join(ours), LEARNERS, see) or LEARNERS) if ours else ()
    return (*named, *mine)


def chosen(
    kind: str, text: str, names: Iterable[str], see: str = "routing-game list"
) -> tuple[str, ...] | None:
    """The names in a comma-separated list, in the order of `names` and once each; None for "all".

    Args:
        kind: of what, for the message at another name.
        text: the list.
        names: that there are.
        see: where people find them.
    """
    if text == "all":
        return None
    words = [word.strip() for word in text.split(",")]
    if not all(words):
        raise InputError(f"expected a name on either side of a comma, got {text!r}")
    names = [*names]
    words = joined(words, names)
    for word in words:
        known(word, kind, names, see)
    return tuple(name for name in names if name in words)


def joined(words: Sequence[str], names: Collection[str]) -> list[str]:
    """The words, those put together again that are a name in which there are commas."""
    found: list[str] = []
    rest = [*words]
    while rest:
        ends = range(len(rest), 1, -1)
        parts = next((end for end in ends if ", ".join(rest[:end]) in names), 1)
        found.append(", ".join(rest[:parts]))
        del rest[:parts]
    return found


def known(word: str, kind: str, names: Collection[str], see: str = "routing-game list") -> None:
    """Raise InputError unless the word is one of the names; see `chosen`."""
    if word not in names:
        article = "an" if kind[0] in "aeio" else "a"
        problem = f"expected the name of {article} {kind}, got {word!r}{perhaps(word, names)}"
        all_of_them = f"there are {', '.join(set_apart(names))}; " if len(names) <= FEW else ""
        raise InputError(f"{problem}; {all_of_them}see {see}")
