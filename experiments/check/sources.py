"""Games of a check, from what people write after --games:

    catalog                     the twelve games and the measured pair that settings were tuned on
    t4-cascade, gpt-4.1-o3      one of them, or another measured pair, or a task type of the paper's
    sample:PRIOR:N[:SEED]       N games of each kind of optimum, drawn from a prior
    cascades:PRIOR:N[:SEED]     N games, half of them cascades, the rest the other kinds in turn
    measured.1000.s_L.3         a game of such a sample, by its name
    my.toml, my.json, folder/   a game in a file, as `theory.exchange` writes it; a folder of them

Without SEED, samples are of fresh games (`sets`). Several, separated by commas, mix; a game that
comes twice is played once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from routing_game.experiments import InputError
from routing_game.experiments.check import sets
from routing_game.names import alike, files_like, hinted, perhaps, perhaps_file
from routing_game.theory import Game, load
from routing_game.theory.catalog import NAMES
from routing_game.theory.exchange import READERS, ending, read
from routing_game.theory.frequencies import PRIORS

STRATA: dict[str, Callable[[int], dict[str, int]]] = {
    "sample": sets.each,
    "cascades": sets.half_cascades,
}
"""First word of a sample -> how many games of each kind N makes."""
_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


class Chosen(NamedTuple):
    """The games of a check, and what has to be said about them."""

    games: dict[str, Game]
    """By name: those of the catalog first, in its order, then the others as they were written."""
    notes: list[str]
    """A sentence for each kind of which a prior did not show as many games as were asked for."""


class _Games(dict[str, Game]):
    """Games by names of which no file system holds two for one."""

    def __init__(self) -> None:
        super().__init__()
        self._names: dict[str, str] = {}

    def add(self, more: Mapping[str, Game], where: str) -> None:
        """Add games by name; the same one again is not added.

        Raises:
            InputError: two games have one name, or names that some file systems hold for one.
        """
        for name, game in more.items():
            before = self._names.setdefault(name.casefold(), name)
            if before != name or self.setdefault(name, game) != game:
                raise InputError(f"{where}: another game is called {before}; rename the file")


def chosen_games(words: Sequence[str]) -> Chosen:
    """The games that these words stand for.

    Raises:
        InputError: a word is none of the forms above, or a file is not a game; it is named.
    """
    games = _Games()
    notes: list[str] = []
    if not all(word.strip() for word in words):
        raise InputError(f"expected a name on either side of a comma, got {','.join(words)!r}")
    for word in words:
        found, said = _games_of(word.strip())
        games.add(found, word.strip())
        notes += said
    known = {name: games[name] for name in NAMES if name in games}
    return Chosen(known | games, notes)


def _games_of(word: str) -> Chosen:
    if word == "catalog":
        return Chosen({name: load(name) for name in sets.CATALOG}, [])
    if word in NAMES:
        return Chosen({word: load(word)}, [])
    if ":" in word and not os.path.exists(word):
        return _sampled(word)
    if place := sets.origin(word):
        return Chosen(_one(place), [])
    path = Path(word)
    if os.path.isdir(word):
        return Chosen(_folder(path), [])
    if ending(path):
        return Chosen({_name(path): read_game(path)}, [])
    raise _unknown(word)


def _unknown(word: str) -> InputError:
    hint = hinted([*alike(word, ["catalog", *NAMES]), *files_like(Path(word), READERS)])
    forms = "a sample:PRIOR:N, a cascades:PRIOR:N, a game's file (.toml, .json) or a folder of them"
    problem = f"expected the name of a game, {forms}, got {word!r}{hint}"
    return InputError(f"{problem}; see routing-game list")


def _sampled(word: str) -> Chosen:
    """Drawn from a prior, as `STRATA` has it."""
    kind, *rest = word.split(":")
    if kind not in STRATA or len(rest) not in (2, 3):
        forms = " or ".join(f"{form}:PRIOR:N[:SEED]" for form in STRATA)
        hint = "" if kind in STRATA else perhaps(kind, STRATA)
        problem = f"expected {forms}, got {word!r}{hint}"
        raise InputError(f"{problem}; the priors are {', '.join(PRIORS)}")
    prior, *numbers = rest
    if prior not in PRIORS:
        problem = f"expected a prior, one of {', '.join(PRIORS)}, got {prior!r}"
        raise InputError(f"{problem}{perhaps(prior, PRIORS)} in {word!r}")
    n = _whole("how many games", numbers[0], 1, sets.MOST, word)
    seed = _whole("a seed", numbers[1], 0, 2**32 - 1, word) if numbers[1:] else sets.FRESH_FROM
    counts = STRATA[kind](n)
    games, missing = sets.draw(prior, counts, seed)
    notes = [
        f"{word}: found {counts[rule] - short} of {counts[rule]} games of the kind {rule} among "
        f"{sets.DRAWS:,} of the prior {prior}; goes on without the rest"
        for rule, short in missing.items()
    ]
    if not games:
        raise InputError(f"expected a prior with such games, got none; {'; '.join(notes)}")
    return Chosen(games, notes)


def _whole(what: str, text: str, least: int, most: int, word: str) -> int:
    if re.fullmatch("[0-9]{1,10}", text) and least <= int(text) <= most:
        return int(text)
    raise InputError(
        f"expected {what}, a whole number from {least} to {most}, got {text!r} in {word!r}"
    )


def _one(place: sets.Origin) -> dict[str, Game]:
    if place.number > sets.MOST:
        raise InputError(f"expected a game's number of at most {sets.MOST}, got {str(place)!r}")
    if game := sets.redraw(place):
        return {str(place): game}
    problem = f"expected a game that {sets.DRAWS:,} draws of the prior {place.prior} show"
    raise InputError(f"{problem}, got {str(place)!r}; choose a lesser number")


def _folder(path: Path) -> dict[str, Game]:
    """Every game of a folder, by the order of their names."""
    shown = (file for file in path.iterdir() if not file.name.startswith("."))
    files = sorted(file for file in shown if ending(file))
    if not files:
        endings = " or ".join(READERS)
        raise InputError(f"expected a folder with games, files that end in {endings}, got {path}")
    games = _Games()
    for file in files:
        games.add({_name(file): read_game(file)}, str(file))
    return games


def read_game(path: Path) -> Game:
    """The game in a file.

    Raises:
        InputError: there is no such file, or it holds no single game; the message names the file,
            the field and what it should be.
    """
    try:
        game = read(path)
    except OSError as error:
        hint = perhaps_file(path, READERS)
        raise InputError(f"expected a game's file, got {path} ({error.strerror}){hint}") from None
    except ValueError as error:
        raise InputError(str(error)) from None
    if game.shape:
        problem = f"{path}: expected the numbers of one game, got lists of {game.shape[0]}"
        raise InputError(f"{problem}; write a file for each game")
    return game


def _name(path: Path) -> str:
    """What the game of a file is called: its name must be good for the names of other files."""
    name = path.stem
    if not _SAFE.fullmatch(name):
        rule = "made of letters, digits, '.', '_' and '-'"
        raise InputError(f"expected a file's name {rule}, got {path.name!r}; rename {path}")
    if name == "catalog" or name in NAMES or sets.origin(name):
        raise InputError(f"{path}: {name} is the name of a game of ours; rename the file")
    return name
