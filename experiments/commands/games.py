"""`solve`, `belief`, `tournament`: one game; `frequencies` and `list`: all that there are."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from routing_game.experiments import InputError
from routing_game.experiments.commands.names import asked_game, known, titled, units_of
from routing_game.experiments.commands.telling import print_json
from routing_game.experiments.hidden.names import EXPERIMENTS, FLAGS
from routing_game.experiments.hidden.questions import ask, prepare
from routing_game.files import escaped
from routing_game.names import hinted

if TYPE_CHECKING:
    from routing_game.theory import Game


def run_solve(arguments: argparse.Namespace) -> int:
    """The equilibrium card of a named game, perhaps with some numbers changed, or of given ones."""
    from routing_game.experiments.card import card, facts

    name, game = asked_game(arguments)
    if arguments.save:
        save_game(game, arguments.save)
    if arguments.json:
        print_json(facts(game, name))
        return 0
    print(card(game, titled(arguments, name), *units_of(arguments)))
    if arguments.save:
        print(f"saved: {escaped(arguments.save)}")
    return 0


def save_game(game: Game, file: Path) -> None:
    """Write a game's file, .toml or .json; folders on the way are made, as by `--out`.

    Raises:
        InputError: it has another ending, or cannot be written.
    """
    from routing_game.files import write
    from routing_game.theory.exchange import to_json, to_toml

    writers: dict[str, Callable[[Game], str]] = {".toml": to_toml, ".json": to_json}
    form = file.suffix.lower()
    if form not in writers:
        raise InputError(f"expected a file that ends in {' or '.join(writers)}, got {file}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write(file, writers[form](game))
    except OSError as error:
        raise InputError(f"expected a file to write, got {file} ({error.strerror})") from None


def run_belief(arguments: argparse.Namespace) -> int:
    """An experiment on a hidden cascade: its answer on the terminal, its page on disk."""
    from routing_game.experiments.cells.progress import Steps
    from routing_game.experiments.cells.store import tried
    from routing_game.experiments.pages.page import terminal_page, write_page

    name = arguments.experiment
    known(name, "experiment", EXPERIMENTS, "routing-game belief --help")
    title, game = asked_game(arguments)
    flags = {flag: getattr(arguments, flag) for flag in FLAGS}
    settings = prepare(name, title, arguments.profile, arguments.workers, game, **flags)
    out = tried(arguments.out or Path("runs", "belief"))
    page = ask(name, replace(settings, kept=out / "cells"), Steps())
    print(terminal_page(page))
    print(f"page: {escaped(write_page(page, name, out))}")
    return 0


def run_tournament(arguments: argparse.Namespace) -> int:
    """Two tables, J and U, of the zoo and of saved policies."""
    from routing_game.experiments.tables import meet, tournament_facts, tournament_lines

    name, game = asked_game(arguments)
    try:
        table = meet(game, arguments.provider, arguments.user)
    except FileNotFoundError as error:
        file = Path(str(error.filename))
        place = file.parent
        zipped = place.parent / f"{place.name}.zip"  # "." and "/" have no name to change
        kept = [*place.glob("policies/*/policy.json"), *place.glob("*/policy.json")]
        meant = zipped if zipped.is_file() else min(kept).parent if kept else None
        hint = hinted([str(meant)] if meant else [])
        lacks = f": {file.name}" if place.is_dir() else ""
        problem = f"expected a policy's folder, got {place}{hint} ({error.strerror}{lacks})"
        raise InputError(f"{problem}; {how_to_keep(str(place))}") from None
    except ValueError as error:
        raise InputError(f"expected a policy made by save_policy: {error}") from None
    if arguments.json:
        print_json({"game": name, **tournament_facts(table)})
        return 0
    print("\n".join(tournament_lines(table)))
    return 0


def how_to_keep(word: str) -> str:
    """How a policy's folder is made; a learner, or an agent of one's own, that is named is ours."""
    from routing_game.experiments.check.learners import LEARNERS
    from routing_game.experiments.check.own import is_own

    makers = "save_policy(agent, folder) makes one, and check --keep-policies one for each cell"
    if word in LEARNERS or is_own(word):
        return f"{makers}: routing-game check --learners {word} --keep-policies"
    return makers


def run_frequencies(arguments: argparse.Namespace) -> int:
    """The table of how often each kind of optimum occurs, and its words."""
    from routing_game.experiments.tables import frequency_facts, frequency_lines

    if arguments.json:
        print_json(frequency_facts(arguments.games, arguments.seed))
        return 0
    print("\n".join(frequency_lines(arguments.games, arguments.seed)))
    return 0


def run_list(arguments: argparse.Namespace) -> int:
    """Everything that has a name: a line each, folded to the width of a terminal."""
    from routing_game.experiments.tables import catalog, catalog_lines, fitted

    if arguments.json:
        print_json(catalog())
        return 0
    lines = catalog_lines()
    if sys.stdout.isatty():
        lines = [fitted(line, shutil.get_terminal_size().columns) for line in lines]
    print("\n".join(lines))
    return 0
