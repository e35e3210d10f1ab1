"""Games in and out: JSON, TOML, files, a stable id, payoff matrices, Gambit's file formats.

What is read is read strictly: a text, a field or a number that is not what it should be is a
`ValueError` of one sentence, never a guess.

Gambit's formats are finite: s and q are put on grids. The extensive form (.efg) is the Stackelberg
game, in which the user sees the commitment; the strategic form (.nfg) is the game with s hidden, in
which it sees only the route and chooses one q for each, at the same time as the provider chooses
(i, s). In both the provider is paid -J, the user U. Strategies are named by all digits of their s
and q, so that neighbours stay apart.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import reprlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from routing_game.files import Misfit, fitted, loose_json, loose_toml
from routing_game.files import read as bounded
from routing_game.names import perhaps
from routing_game.theory.game import Commitment, Game
from routing_game.theory.numbers import Array, Real, plain
from routing_game.theory.payoffs import payoffs

_LONG, _MANY = 40, 9
"""Letters and names, beyond which a complaint leaves them out."""
_DEEP = 8
"""Dimensions that an array of games may have."""
_A_NUMBER = "be a number, or lists of numbers of equal length"


def to_dict(game: Game) -> dict[str, Any]:
    """The fields of a game as plain numbers, lists and a bool, stored as the game stores them.

    Raises:
        ValueError: an array of no games, which lists of numbers cannot tell from another.
    """
    if 0 in game.shape:
        raise ValueError(f"a game to write must hold numbers, got an array of shape {game.shape}")
    fields = {name: _plain(getattr(game, name)) for name in FIELDS[:-1]}
    return {**fields, "ordered": bool(game.ordered)}


Numbers = float | list[Any]
"""A number, or one for each game of an array: lists within lists, as deep as the array."""


class GameFile(msgspec.Struct, forbid_unknown_fields=True):
    """What a game is read from; what its numbers may be is `Game`'s to say."""

    value: Numbers
    penalty: Numbers
    success: tuple[Numbers, Numbers]
    latency: tuple[Numbers, Numbers]
    cost: tuple[Numbers, Numbers]
    ordered: bool = True


FIELDS = tuple(field.name for field in msgspec.structs.fields(GameFile))
_NAMES = f"the fields {', '.join(FIELDS[:-1])} and perhaps {FIELDS[-1]}"


def from_dict(data: Mapping[str, Any]) -> Game:
    """A game from its fields; `ordered` may be left out.

    Raises:
        ValueError: a field is missing, unknown, of the wrong kind or out of range; it is named.
    """
    known = isinstance(data, Mapping)
    return _game({name: _listed(x) for name, x in data.items()} if known else data)


def _game(fields: Any) -> Game:
    """The same of what a text said."""
    if not isinstance(fields, dict):
        raise ValueError(f"a game must be an object with {_NAMES}, got {_shown(fields)}")
    try:
        written = fitted(fields, GameFile)
    except ValueError as error:
        raise ValueError(_complaint(fields, error)) from None
    value, penalty = _array("value", written.value), _array("penalty", written.penalty)
    pairs = (_pair(name, getattr(written, name)) for name in ("success", "latency", "cost"))
    success, latency, cost = pairs
    return Game(value, penalty, success, latency, cost, written.ordered)


def to_json(game: Game) -> str:
    """One line of JSON; numbers survive the way there and back to the last bit.

    Raises:
        ValueError: an array of no games.
    """
    return json.dumps(to_dict(game))


def from_json(text: str) -> Game:
    """The game that `to_json` wrote.

    Raises:
        ValueError: the text is not JSON, or not a game.
    """
    _check_text(text)
    try:
        # Whole numbers become floats at once: beyond all floats they are infinite, which a game
        # refuses by name.
        data = loose_json(text, parse_int=float, object_pairs_hook=_once)
    except ValueError as error:
        raise ValueError(f"a game must be written in JSON, as `to_json` does: {error}") from None
    return _game(data)


def to_toml(game: Game) -> str:
    """One line of TOML a field; every value of ours is written alike in TOML and JSON.

    Raises:
        ValueError: an array of no games.
    """
    return "".join(f"{name} = {json.dumps(x)}\n" for name, x in to_dict(game).items())


def from_toml(text: str) -> Game:
    """The game that `to_toml` wrote, or that somebody wrote by hand.

    Raises:
        ValueError: the text is not TOML, or not a game.
    """
    _check_text(text)
    try:
        data = loose_toml(text)
    except ValueError as error:
        raise ValueError(f"a game must be written in TOML, as `to_toml` does: {error}") from None
    return _game(data)


READERS: dict[str, Callable[[str], Game]] = {".toml": from_toml, ".json": from_json}
"""Ending of a game's file -> what reads its text."""
MOST = {".toml": 1 << 17, ".json": 1 << 21}
"""Ending of a game's file -> bytes that it may have: one has 200; of arrays, JSON holds more."""


def ending(file: str | os.PathLike[str]) -> str:
    """By what a game's file is read, .toml or .json, in whatever letters; "" if it is none."""
    suffix = Path(file).suffix.lower()
    return suffix if suffix in READERS else ""


def read(file: str | os.PathLike[str]) -> Game:
    """The game in a file that ends in .toml or .json.

    Raises:
        OSError: it cannot be opened, or is no file.
        ValueError: it has another ending, or holds no game; the file is named.
    """
    path, form = Path(file), ending(file)
    if not form:
        raise ValueError(f"{path}: a game's file must end in {' or '.join(READERS)}")
    try:
        content = bounded(path, MOST[form])
        return READERS[form](content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError(f"{path}: expected text in UTF-8, got other bytes") from None
    except ValueError as error:
        written = "ordered = false" if form == ".toml" else '"ordered": false'
        raise ValueError(f"{path}: {str(error).replace('ordered=False', written)}") from None


def game_id(game: Game) -> str:
    """Twelve hexadecimal digits that depend on the game's numbers alone, on every machine.

    Equal games have equal ids: a number that is the same in all games of an array may be stored
    once or in each.

    Raises:
        ValueError: an array of no games.
    """
    return hashlib.sha256(to_json(_in_full(game)).encode()).hexdigest()[:12]


def _in_full(game: Game) -> Game:
    """The same games with every number in each of them."""

    def full(x: Any) -> Any:
        return np.broadcast_to(x, game.shape) if game.shape else x

    success, latency, cost = (
        (full(a), full(b)) for a, b in (game.success, game.latency, game.cost)
    )
    return Game(full(game.value), full(game.penalty), success, latency, cost, game.ordered)


class Matrices(NamedTuple):
    """A discretised game: payoffs of every commitment (rows) against every reply (columns)."""

    commitments: list[Commitment]
    replies: Array
    cost: Array
    """J, shape (commitments, replies), in the provider's unit."""
    utility: Array
    """U, the same shape, in the user's unit."""


def payoff_matrices(game: Game, cascades: Sequence[float], replies: Sequence[float]) -> Matrices:
    """J and U of route 2 and of route 1 with each s in ``cascades``, against each q in ``replies``.

    Raises:
        ValueError: ``game`` is an array of games; or an s or q is not a probability, comes twice,
            or there is none.
    """
    if game.shape:
        rule = "a single game is exported at a time"
        raise ValueError(f"{rule}, got an array of shape {game.shape}; index it")
    points, q = _grid("cascades", cascades), _grid("replies", replies)
    commitments = [Commitment(2, 0.0), *(Commitment(1, float(s)) for s in points)]
    route, s = (np.array(x)[:, None] for x in zip(*commitments, strict=True))
    result = payoffs(game, route, s, q)
    return Matrices(commitments, q, result.cost, result.utility)


def to_efg(game: Game, cascades: Sequence[float], replies: Sequence[float]) -> str:
    """The Stackelberg game on grids, in Gambit's extensive form: the user sees the commitment.

    Raises:
        ValueError: as `payoff_matrices`.
    """
    table = payoff_matrices(game, cascades, replies)
    names = " ".join(f'"{_name(c)}"' for c in table.commitments)
    answers = " ".join(f'"q={_decimal(q)}"' for q in table.replies)
    lines = [
        f'EFG 2 R "routing game {game_id(game)}" {{ "provider" "user" }}',
        f'p "" 1 1 "commit" {{ {names} }} 0',
    ]
    outcome = itertools.count(1)
    for k, commitment in enumerate(table.commitments):
        lines.append(f'p "" 2 {k + 1} "sees {_name(commitment)}" {{ {answers} }} 0')
        for cost, utility in zip(table.cost[k], table.utility[k], strict=True):
            lines.append(f't "" {next(outcome)} "" {{ {_decimal(-cost)}, {_decimal(utility)} }}')
    return "\n".join(lines) + "\n"


def to_nfg(game: Game, cascades: Sequence[float], replies: Sequence[float]) -> str:
    """The game with s hidden on grids, in Gambit's strategic form: the user has a q for each route.

    Raises:
        ValueError: as `payoff_matrices`.
    """
    table = payoff_matrices(game, cascades, replies)
    names = " ".join(f'"{_name(c)}"' for c in table.commitments)
    plans = list(itertools.product(range(len(table.replies)), repeat=2))  # (to route 1, to route 2)
    digits = [_decimal(q) for q in table.replies]
    answers = " ".join(f'"q1={digits[a]}, q2={digits[b]}"' for a, b in plans)
    cells = []
    for plan in plans:  # Gambit counts the first player's strategies fastest
        for k, commitment in enumerate(table.commitments):
            reply = plan[commitment.route - 1]
            cells.append(f"{_decimal(-table.cost[k, reply])} {_decimal(table.utility[k, reply])}")
    head = f'NFG 1 R "routing game {game_id(game)}, s hidden" {{ "provider" "user" }}'
    return f"{head}\n{{ {{ {names} }}\n{{ {answers} }} }}\n\n" + "\n".join(cells) + "\n"


def _name(commitment: Commitment) -> str:
    return "M2" if commitment.route == 2 else f"M1, s={_decimal(commitment.cascade)}"


def _decimal(x: float) -> str:
    """All digits that tell x from its neighbours, without an exponent: Gambit cannot read 1e+16."""
    return np.format_float_positional(x + 0.0, trim="-")


def _plain(x: Any) -> Any:
    if isinstance(x, tuple):
        return [_plain(part) for part in x]
    return x.tolist() if isinstance(x, np.ndarray) else x


def _shown(x: Any) -> str:
    return f"{reprlib.repr(x)} ({type(x).__name__})"


def _check_text(text: Any) -> None:
    if not isinstance(text, str):
        raise ValueError(f"a game must be read from text, got {_shown(text)}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these names and values, each name once."""
    found = dict(pairs)
    if len(found) < len(pairs):
        name, times = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"{_few([name])} must be given once, got it {times} times")
    return found


def _few(names: Sequence[str]) -> str:
    """Names of whatever length and number, in a line."""
    shown = [name if len(name) <= _LONG else f"{name[:_LONG]}..." for name in names[:_MANY]]
    return ", ".join(shown) + (" and others" if len(names) > _MANY else "")


def _listed(x: Any, depth: int = _DEEP) -> Any:
    """Numbers of numpy and tuples as the schema has them."""
    if isinstance(x, (np.ndarray, np.generic)):
        return x.tolist()
    if isinstance(x, (list, tuple)) and depth >= 0:  # what is deeper is refused
        return [_listed(part, depth - 1) for part in x]
    return x


def _complaint(fields: Mapping[Any, Any], problem: ValueError) -> str:
    """What is wrong with a game's fields that do not fit the schema: what must be, what came."""
    rule = f"a game must have {_NAMES}"
    missing = [name for name in FIELDS[:-1] if name not in fields]
    unknown = [str(name) for name in fields if name not in FIELDS]
    if missing or unknown:
        hint = perhaps(unknown[0][:_LONG], missing or FIELDS) if len(unknown) == 1 else ""
        faults = [f"no {', '.join(missing)}"] if missing else []
        faults += [f"an unknown {_few(unknown)}{hint}"] if unknown else []
        return f"{rule}{'' if missing else ' only'}, got {' and '.join(faults)}"
    at = problem.place if isinstance(problem, Misfit) else ""
    place = re.fullmatch(r"(\w+)(?:\[([01])\])?", at)
    if place is None:
        return f"a game must be what its schema says: {problem}"
    name, model = place.groups()
    x = fields[name]
    if name == "ordered":
        return f"ordered must be true or false, got {_shown(x)}"
    if name in ("value", "penalty"):
        return _no_number(name, x)
    if model is None:
        return f"{name} must be a list of two, one for each model, got {_shown(x)}"
    return _no_number(f"{name} of model {int(model) + 1}", x[int(model)])


def _no_number(name: str, x: Any) -> str:
    """What to say of it."""
    if isinstance(x, int) and not isinstance(x, bool):
        return f"{name} must {_A_NUMBER} below 1.8e308, got {_shown(x)}"
    return f"{name} must {_A_NUMBER}, got {_shown(x)}"


def _array(name: str, x: Any) -> Real:
    """The number, or the array that lists of lists of numbers stand for.

    Raises:
        ValueError: they are no numbers, of unequal length, empty, or too deep.
    """
    kind: Any = float
    inner, depth = x, 0
    while isinstance(inner, list) and depth <= _DEEP:
        if not inner:
            raise ValueError(f"{name} must {_A_NUMBER}, got no number at all: {_shown(x)}")
        kind, inner, depth = list[kind], inner[0], depth + 1
    if depth > _DEEP:
        raise ValueError(f"{name} must {_A_NUMBER}, at most {_DEEP} within each other")
    try:
        numbers = fitted(x, kind)
    except ValueError as error:
        at = error.place if isinstance(error, Misfit) else ""
        for place in re.findall(r"\[(\d+)\]", at):
            x = x[int(place)]
        raise ValueError(_no_number(name, x)) from None
    try:
        return plain(np.array(numbers, dtype=np.float64))
    except ValueError:
        raise ValueError(f"{name} must {_A_NUMBER}, got {_shown(x)}") from None


def _pair(name: str, pair: tuple[Numbers, Numbers]) -> tuple[Real, Real]:
    return _array(f"{name} of model 1", pair[0]), _array(f"{name} of model 2", pair[1])


def _grid(name: str, x: Any) -> Array:
    """Points of a grid: a list of different numbers."""
    points = np.asarray(_array(name, _listed(x))) + 0.0
    if points.ndim != 1:
        raise ValueError(f"{name} must be one list of numbers, got {_shown(x)}")
    if len(np.unique(points)) < len(points):
        raise ValueError(f"{name} must differ from each other, got {_shown(x)}")
    return points
