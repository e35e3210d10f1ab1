"""What each command takes, and how it is read: an error is one line that says what was expected."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from pathlib import Path
from shlex import quote
from typing import Any, NoReturn

from routing_game import __version__
from routing_game.experiments import InputError
from routing_game.experiments.cells.workers import cores
from routing_game.experiments.commands.names import known
from routing_game.experiments.hidden.names import EXPERIMENTS, FLAGS
from routing_game.files import short
from routing_game.names import perhaps

COMMANDS = {
    "check": "train learners on games, compare them with the theory, write a report",
    "report": "write the report of a run, or of its shards, again from its records",
    "compare": "say in what two runs differ, and whose learners lose less",
    "belief": "ask a question about a hidden cascade by experiment, write a page",
    "solve": "print the equilibrium of a game in plain words",
    "figures": "draw the paper's Figures 1 to 5, or what they show around a game of your own",
    "frequencies": "show how often each kind of optimum occurs among random games",
    "tournament": "let every named provider meet every named user, exactly",
    "list": "show all that has a name: games, priors, learners, rules, questions, figures, the zoo",
}

PROFILES = ("smoke", "default", "full")

_DIGITS = r"\d+(?:_\d+)*"

NEGATIVE = re.compile(
    rf"-({_DIGITS}\.?({_DIGITS})?|\.{_DIGITS})(e[-+]?{_DIGITS})?$|-(inf|infinity|nan)$",
    re.IGNORECASE,
)
"""A negative number, as `float` reads it: 1_000 is one to Python."""

MOST = 2**63 - 1
"""More than is ever counted: what numpy counts with ends there."""


def parse(argv: list[str]) -> argparse.Namespace:
    """The command and its arguments.

    Raises:
        InputError: naming what is close to an unknown command or flag.
    """
    parser, commands = build_parser()
    if argv and not argv[0].startswith("-"):
        known(argv[0], "command", COMMANDS, "routing-game --help")
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:
        flags = commands[arguments.command]._option_string_actions
        hint = perhaps(unknown[0], flags) or in_its_place(unknown[0], argv, flags)
        problem = f"expected no {unknown[0]!r} here{hint}"
        raise InputError(f"{problem}; see routing-game {arguments.command} --help")
    arguments.words = argv[1:]
    return arguments


def in_its_place(word: str, argv: list[str], flags: Mapping[str, argparse.Action]) -> str:
    """How a word without a flag is written, as the end of a complaint.

    It may go on with the list of the flag before it, or be a game.
    """
    from routing_game.theory.catalog import NAMES
    from routing_game.theory.exchange import ending

    place = argv.index(word) if word in argv else 0
    given = [each.partition("=")[0] for each in argv[:place]]
    start = max((k for k, each in enumerate(given) if each in flags), default=0)
    words = argv[start + 1 : place]
    listed = flags[given[start]].metavar if start else None
    if words and isinstance(listed, str) and "," in listed:
        return f", perhaps {given[start]} {quote(','.join([*words, word]))}"
    if word in NAMES or ending(word):
        for flag in ("--game", "--games"):
            if flag in flags and flag not in given:
                return f", perhaps {flag} {quote(word)}"
    return ""


def build_parser() -> tuple[Parser, dict[str, Parser]]:
    """The parser, and that of each command."""
    about = "Routing games: exact theory against learning agents."
    parser = Parser(prog="routing-game", description=about)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    actions = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands = {}
    for name, text in COMMANDS.items():
        commands[name] = actions.add_parser(name, help=text, description=text)
        WORDS.get(name, lambda _: None)(commands[name])
    return parser, commands


class Parser(argparse.ArgumentParser):
    """An argparse parser that complains in one line and takes no abbreviations."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)
        # argparse's own rule knows no exponents: -1e-3 would be a flag
        self._negative_number_matcher = NEGATIVE

    def error(self, message: str) -> NoReturn:
        """Raise InputError instead of printing the usage."""
        raise InputError(f"{message.removeprefix('argument ')}; see {self.prog} --help")


def words_of_check(parser: Parser) -> None:
    """What `check` takes."""
    text = (
        "learners against the theory, or every user's rule in scenarios with a hidden s; "
        "for these, learners are rules and tasks are sessions"
    )
    suites = ["learners", "hidden"]
    parser.add_argument("--suite", choices=suites, default="learners", help=text)
    text = (
        "names of games; sample:PRIOR:N[:SEED], random games, N of each kind of optimum; "
        "cascades:PRIOR:N[:SEED], N games, half of them cascades; a game's file (.toml, .json) "
        "or a folder of them; catalog (default: the catalog and the profile's fresh games)"
    )
    parser.add_argument("--games", default="all", metavar="A,B", help=text)
    text = "which learners (default: all); an agent of your own is module:Class, e.g. mine:Greedy"
    parser.add_argument("--learners", default="all", metavar="X,Y", help=text)
    text = (
        "practice and seeds: smoke shows that all runs, default fits a coffee break, "
        "full is for results"
    )
    parser.add_argument("--profile", choices=PROFILES, default="default", help=text)
    add_number(parser, "seeds", "seeds per learner, instead of the profile's")
    add_number(parser, "tasks", "practice per cell, instead of the profile's")
    add_folder(parser, "the run's folder (default: runs/PROFILE)")
    add_keep(parser)
    text = "begin anew; without, finished cells are kept, and those that failed are tried again"
    parser.add_argument("--fresh", action="store_true", help=text)
    text = "a file of games, learners and settings (TOML), see docs/learners.md"
    parser.add_argument("--sweep", type=a_path, metavar="FILE", help=text)
    text = (
        "run every n-th cell only, from the k-th: a share for each machine, in a common folder or "
        "in folders that report joins"
    )
    parser.add_argument("--shard", default="1/1", metavar="K/N", help=text)
    text = (
        "worker processes (loky), or this one (serial), which an agent of your own that crashes "
        "ends, too; the results are the same (%(default)s)"
    )
    parser.add_argument("--engine", choices=["loky", "serial"], default="loky", help=text)
    add_number(parser, "workers", "processes (%(default)s)", cores())


def words_of_report(parser: Parser) -> None:
    """What `report` takes."""
    text = "a folder made by check; several of one spec, or parts of it, are joined in --out"
    parser.add_argument("directories", type=a_path, nargs="+", metavar="DIR", help=text)
    add_folder(parser, "copy the cells there first; the folders stay as they are (default: DIR)")
    add_keep(parser)


def words_of_compare(parser: Parser) -> None:
    """What `compare` takes."""
    text = "two folders made by check, perhaps not finished"
    parser.add_argument("directories", type=a_path, nargs=2, metavar="DIR", help=text)
    add_json(parser)


def words_of_solve(parser: Parser) -> None:
    """What `solve` takes."""
    add_game(parser)
    text = "also write the game to this file, .toml or .json, for every command that takes a game"
    parser.add_argument("--save", type=a_path, metavar="FILE", help=text)
    add_json(parser)


def words_of_belief(parser: Parser) -> None:
    """What `belief` takes."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    asked = (f"  {name:14}{asks}" for name, asks in EXPERIMENTS.items())
    parser.epilog = "\n".join(["experiments:", *asked])
    text = ", ".join(EXPERIMENTS) + "; see below"
    parser.add_argument("experiment", metavar="EXPERIMENT", help=text)
    text = "a name from routing-game list, a sampled game, a file (t4-cascade); flags change it"
    parser.add_argument("--game", metavar="GAME", help=text)
    words_of_a_game(parser)
    parser.set_defaults(usual="t4-cascade")
    text = "how much: smoke takes seconds, default minutes, full is for results"
    parser.add_argument("--profile", choices=PROFILES, default="default", help=text)
    for number, takers in FLAGS.items():
        names = f"{', '.join(takers[:-1])} and {takers[-1]}"
        add_number(parser, number, f"instead of the profile's, for {names}")
    add_number(parser, "workers", "processes (%(default)s)", cores())
    add_folder(parser, "folder for the page and its numbers (default: runs/belief)")


def words_of_figures(parser: Parser) -> None:
    """What `figures` takes."""
    text = (
        "1, 2, 3, 4, 5 as in the paper; throttling, one of our own; around a game 3, 4, 5, "
        "throttling and regret (default: all)"
    )
    parser.add_argument("--only", default="all", metavar="3,4", help=text)
    text = "which of our two sets of p, V, t and ranges, without a game (A)"
    parser.add_argument("--set", choices=["A", "B"], help=text)
    text = (
        "draw around this game, which is marked: a name from routing-game list, a sampled game, "
        "a file; flags change its numbers, or give them all"
    )
    parser.add_argument("--game", metavar="GAME", help=text)
    words_of_a_game(parser)
    text = (
        "draw learning curves beside theory instead: CSVs by stable-baselines3's Monitor, or "
        "folders of them; one that make_vec_env wrote (0.monitor.csv, ...) is one run"
    )
    many: dict[str, Any] = {"nargs": "+", "action": "extend"}
    parser.add_argument("--monitor", type=a_path, metavar="PLACE", help=text, **many)
    add_folder(parser, "folder (%(default)s)", Path("runs", "figures"))


def words_of_tournament(parser: Parser) -> None:
    """What `tournament` takes."""
    add_game(parser)
    many: dict[str, Any] = {"action": "append", "default": []}
    for role in ("provider", "user"):
        text = f"folder or .zip of a saved {role}, to take part; may be repeated"
        parser.add_argument(f"--{role}", type=a_path, metavar="PLACE", help=text, **many)
    add_json(parser)


def words_of_frequencies(parser: Parser) -> None:
    """What `frequencies` takes."""
    add_number(parser, "games", "games a prior (%(default)s)", 2_000_000)
    add_number(parser, "seed", "of the random games (%(default)s)", 2026)
    add_json(parser)


def add_game(parser: Parser) -> None:
    """One game: its name or file, numbers changed, or all of its numbers."""
    text = "a name from routing-game list, or a game's file; flags change its numbers"
    parser.add_argument("game", nargs="?", metavar="GAME", help=text)
    words_of_a_game(parser)


def words_of_a_game(parser: Parser) -> None:
    """The flags for a game's numbers."""
    for name, text in (
        ("value", "V, a solved task to the user"),
        ("penalty", "P, an abandoned task to the provider"),
    ):
        parser.add_argument(f"--{name}", type=float, metavar=name[0].upper(), help=text)
    for name, text in (("success", "chance of success"), ("latency", "delay"), ("cost", "cost")):
        text = f"{text} of a pass of model 1 and 2"
        parser.add_argument(f"--{name}", type=float, nargs=2, metavar=("M1", "M2"), help=text)
    text = "model 2 need not be better, slower and dearer"
    parser.add_argument("--unordered", action="store_true", help=text)


def add_keep(parser: Parser) -> None:
    """The flag for policies beside the cells."""
    text = "also keep what each learner ended with, as policies in DIR/policies for `tournament`"
    parser.add_argument("--keep-policies", action="store_true", help=text)


def add_json(parser: Parser) -> None:
    """The flag for results that programs read."""
    parser.add_argument("--json", action="store_true", help="as JSON, with all digits")


def add_number(parser: Parser, name: str, text: str, default: int | None = None) -> None:
    """A flag that takes a whole number of at least 1; its name, its help and what it is without."""
    flag = f"--{name}"
    parser.add_argument(flag, type=at_least_one, default=default, metavar="N", help=text)


def add_folder(parser: Parser, text: str, default: Path | None = None) -> None:
    """The flag for the folder of results."""
    parser.add_argument("--out", type=a_path, default=default, metavar="DIR", help=text)


def a_path(text: str) -> Path:
    """A path; an empty one would be the current folder, which nobody means by an unset variable."""
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"expected a path, got {text!r}")
    return Path(text)


def at_least_one(text: str) -> int:
    """A whole number of at least 1; 1e4 is one, too. It is read exactly, not as a double."""
    with suppress(InvalidOperation):
        number = Decimal(text)
        finite = number.is_finite()
        if finite and number > MOST:
            raise argparse.ArgumentTypeError(f"expected at most {MOST}, got {short(text, 40)!r}")
        if finite and number >= 1 and number == number.to_integral_value():
            return int(number)
    problem = "expected a whole number of at least 1"
    raise argparse.ArgumentTypeError(f"{problem}, got {short(text, 40)!r}")


WORDS = {
    "check": words_of_check,
    "report": words_of_report,
    "compare": words_of_compare,
    "belief": words_of_belief,
    "solve": words_of_solve,
    "figures": words_of_figures,
    "frequencies": words_of_frequencies,
    "tournament": words_of_tournament,
    "list": add_json,
}
"""Command -> what gives it its words; one that takes none is not here."""
