"""Sweeps from a file: which learners play which games, and with what settings, in TOML.

    games = ["t4-cascade", "cascades:measured:2", "mine.toml"]
    learners = ["ucb", "structural", "greedy:Greedy"]
    seeds = 5
    practice = [1000, 10000]      # a number, or several: a run for each
    profile = "smoke"             # for whatever is not said; "default" without

    [learner.ucb]                 # what one learner does otherwise
    games = ["t4-cascade"]
    practice = 30000
    seeds = 10

Every key may be left out. Words of games and learners are those of `check`; files of games are
looked for from where the sweep's file lies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import msgspec

from routing_game.experiments import InputError
from routing_game.experiments.cells.spec import Plan, Spec
from routing_game.experiments.check.sources import chosen_games
from routing_game.experiments.check.suite import make_spec
from routing_game.files import Misfit, fitted, loose_toml, short
from routing_game.files import read as bounded
from routing_game.names import perhaps, perhaps_file
from routing_game.theory import Game
from routing_game.theory.exchange import ending

MOST = 1 << 17
"""Bytes of a sweep's file."""
Count = Annotated[int, msgspec.Meta(ge=1)]
Words = Annotated[list[str], msgspec.Meta(min_length=1)]
Profile = Literal["smoke", "default", "full"]
LISTS = ("games", "learners")
"""Keys that take lists of words."""
K = TypeVar("K")


class Own(msgspec.Struct):
    """What one learner does otherwise."""

    games: Words | None = None
    practice: Count | None = None
    seeds: Count | None = None


class Sweep(msgspec.Struct):
    """What a sweep's file says."""

    games: Words | None = None
    learners: Words | None = None
    profile: Profile = "default"
    seeds: Count | None = None
    practice: Count | Annotated[list[Count], msgspec.Meta(min_length=1)] | None = None
    learner: dict[str, Own] = {}


def read(path: Path) -> Sweep:
    """The sweep in a file.

    Raises:
        InputError: there is none, or a key or value is wrong; it is named.
    """
    try:
        said = loose_toml(bounded(path, MOST).decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        hint = perhaps_file(path, [".toml"])
        raise InputError(f"expected a sweep's file, got {path} ({reason}){hint}") from None
    except ValueError as error:
        raise InputError(f"expected TOML in {path}: {error}") from None
    tables = said.get("learner")
    for name, table in tables.items() if isinstance(tables, dict) else ():
        checked(path, f"[learner.{name}] ", table, Own)
    return checked(path, "", said, Sweep)


def checked(path: Path, where: str, said: Any, kind: type[K]) -> K:
    """What a table says, as its schema has it.

    Raises:
        InputError: a key or value is wrong; it is named, with what may have been meant.
    """
    if isinstance(said, dict):
        expect_keys(path, where, said, kind)
    try:
        return fitted(said, kind)
    except ValueError as wrong:
        place = wrong.place if isinstance(wrong, Misfit) else ""
        value = said.get(place) if isinstance(said, dict) else None
        got = "" if value is None or ", got" in str(wrong) else f", got {short(repr(value), 40)}"
        advice = ""
        if place in LISTS and isinstance(value, str):
            advice = f"; write {place} = {json.dumps([x.strip() for x in value.split(',')])}"
        elif place == "profile":
            advice = f"; write one of {', '.join(get_args(Profile))}"
        raise InputError(f"{path}: {where}{wrong}{got}{advice}") from None


def expect_keys(path: Path, where: str, said: Mapping[str, Any], kind: Any) -> None:
    """Raise InputError at a key that a table does not have, with what is close to it."""
    known = [field.name for field in msgspec.structs.fields(kind)]
    for key in said:
        if key not in known:
            problem = f"{path}: {where}expected one of {', '.join(known)}"
            raise InputError(f"{problem}, got {key!r}{perhaps(key, known)}")


def specs(
    path: Path, chosen_learners: Callable[[str], tuple[str, ...] | None]
) -> Iterator[tuple[str, Spec[Game]]]:
    """The runs of a sweep: a name for the folder of each, empty if there is one run, and its spec.

    Args:
        path: of the file.
        chosen_learners: names separated by commas -> the learners, or InputError.

    Raises:
        InputError: the file is wrong, or names a game or learner that is not there.
    """
    sweep = read(path)
    learners = chosen_learners(",".join(sweep.learners)) if sweep.learners else None
    games = found_games(path, sweep.games) if sweep.games else None
    several = sweep.practice if isinstance(sweep.practice, list) else [sweep.practice]
    for practice in dict.fromkeys(several):
        spec = make_spec(sweep.profile, games, learners, sweep.seeds, practice)
        for name, own in sweep.learner.items():
            if name not in spec.plans:
                problem = f"{path}: expected one of the sweep's learners in [learner.{name}]"
                raise InputError(f"{problem}, got {name!r}{perhaps(name, spec.plans)}")
            spec = changed(path, spec, name, own)
        yield (f"practice-{practice}" if len(several) > 1 else ""), spec


def is_run(name: str) -> bool:
    """Whether a folder's name is that of a run of a sweep of several settings."""
    return re.fullmatch(r"practice-\d+", name) is not None


def found_games(path: Path, words: list[str]) -> dict[str, Game]:
    """The games of a list; files and folders are looked for beside the sweep's own."""
    beside = (str(path.parent / word) if "/" in word or ending(word) else word for word in words)
    return chosen_games([*beside]).games


def changed(path: Path, spec: Spec[Game], name: str, own: Own) -> Spec[Game]:
    """The spec with what one learner does otherwise."""
    plan = spec.plans[name]
    games = found_games(path, own.games) if own.games else {}
    for game, numbers in games.items():
        if spec.games.get(game, numbers) != numbers:
            raise InputError(f"{path}: two games of [learner.{name}] are called {game}")
    if own.games or own.seeds:
        played = tuple(games) or plan.games
        plan = Plan(played, plan.practice, own.seeds or plan.seeds)
    plan = replace(plan, practice=own.practice or plan.practice)
    return Spec(spec.profile, spec.games | games, spec.plans | {name: plan})
