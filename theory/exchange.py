"""Games in and out: JSON, TOML, a stable id, payoff matrices, and the file formats of Gambit.

Gambit's formats are finite: s and q are put on grids. The extensive form (.efg) is the Stackelberg game, in which the
user sees the commitment; the strategic form (.nfg) is the game with s hidden, in which it sees only the route and
chooses one q for each, at the same time as the provider chooses (i, s). In both the provider is paid -J, the user U.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import tomllib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from routing_game.theory.game import Commitment, Game
from routing_game.theory.numbers import Array
from routing_game.theory.payoffs import payoffs

FIELDS = ("value", "penalty", "success", "latency", "cost", "ordered")


def to_dict(game: Game) -> dict[str, Any]:
    """The fields of a game as plain numbers, lists and a bool."""
    return {name: _plain(getattr(game, name)) for name in FIELDS}


def from_dict(data: dict[str, Any]) -> Game:
    """A game from its fields; `ordered` may be left out.

    Raises:
        ValueError: a field is missing or unknown, or a number is out of range.
    """
    missing, unknown = set(FIELDS[:-1]) - data.keys(), data.keys() - set(FIELDS)
    if missing or unknown:
        raise ValueError(
            f"a game has the fields {', '.join(FIELDS)}, got no {sorted(missing)} and an unknown {sorted(unknown)}"
        )
    return Game(**data)


def to_json(game: Game) -> str:
    """One line of JSON; numbers survive the way there and back to the last bit."""
    return json.dumps(to_dict(game))


def from_json(text: str) -> Game:
    """The game that `to_json` wrote.

    Raises:
        ValueError: the text is not JSON, or not a game.
    """
    return from_dict(json.loads(text))


def to_toml(game: Game) -> str:
    """One line of TOML a field; every value of ours is written alike in TOML and JSON."""
    return "".join(f"{name} = {json.dumps(x)}\n" for name, x in to_dict(game).items())


def from_toml(text: str) -> Game:
    """The game that `to_toml` wrote, or that somebody wrote by hand.

    Raises:
        ValueError: the text is not TOML, or not a game.
    """
    return from_dict(tomllib.loads(text))


def game_id(game: Game) -> str:
    """Twelve hexadecimal digits that depend on the game's numbers alone: the same on every machine and in every run."""
    return hashlib.sha256(to_json(game).encode()).hexdigest()[:12]


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
        ValueError: ``game`` is an array of games, or an s or q is not a probability.
    """
    if game.shape:
        raise ValueError(f"a single game is exported at a time, got an array of shape {game.shape}; index it")
    commitments = [Commitment(2, 0.0), *(Commitment(1, float(s)) for s in cascades)]
    route, s = (np.array(x)[:, None] for x in zip(*commitments, strict=True))
    q = np.asarray(replies, dtype=float)
    result = payoffs(game, route, s, q)
    return Matrices(commitments, q, result.cost, result.utility)


def to_efg(game: Game, cascades: Sequence[float], replies: Sequence[float]) -> str:
    """The Stackelberg game on grids, in Gambit's extensive form: the provider commits, the user sees it and replies."""
    table = payoff_matrices(game, cascades, replies)
    names = " ".join(f'"{_name(c)}"' for c in table.commitments)
    answers = " ".join(f'"q={q:.6g}"' for q in table.replies)
    lines = [f'EFG 2 R "routing game {game_id(game)}" {{ "provider" "user" }}', f'p "" 1 1 "commit" {{ {names} }} 0']
    outcome = itertools.count(1)
    for k, commitment in enumerate(table.commitments):
        lines.append(f'p "" 2 {k + 1} "sees {_name(commitment)}" {{ {answers} }} 0')
        for cost, utility in zip(table.cost[k], table.utility[k], strict=True):
            lines.append(f't "" {next(outcome)} "" {{ {float(-cost)!r}, {float(utility)!r} }}')
    return "\n".join(lines) + "\n"


def to_nfg(game: Game, cascades: Sequence[float], replies: Sequence[float]) -> str:
    """The game with s hidden on grids, in Gambit's strategic form: the user's strategy is a q for either route."""
    table = payoff_matrices(game, cascades, replies)
    names = " ".join(f'"{_name(c)}"' for c in table.commitments)
    plans = list(itertools.product(range(len(table.replies)), repeat=2))  # (reply to route 1, reply to route 2)
    answers = " ".join(f'"q1={table.replies[a]:.6g}, q2={table.replies[b]:.6g}"' for a, b in plans)
    numbers = []
    for plan in plans:  # Gambit counts the first player's strategies fastest
        for k, commitment in enumerate(table.commitments):
            reply = plan[commitment.route - 1]
            numbers.append(f"{float(-table.cost[k, reply])!r} {float(table.utility[k, reply])!r}")
    head = f'NFG 1 R "routing game {game_id(game)}, s hidden" {{ "provider" "user" }}'
    return f"{head}\n{{ {{ {names} }}\n{{ {answers} }} }}\n\n" + "\n".join(numbers) + "\n"


def _name(commitment: Commitment) -> str:
    return "M2" if commitment.route == 2 else f"M1, s={commitment.cascade:.6g}"


def _plain(x: Any) -> Any:
    if isinstance(x, tuple):
        return [_plain(part) for part in x]
    return x.tolist() if isinstance(x, np.ndarray) else x
