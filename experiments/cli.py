"""The command line: `routing-game check | report | belief | solve | figures | frequencies | tournament | list`.

Whatever can be wrong with the input is found before any training starts, and said in one line with exit code 2.
Heavy packages are imported by the commands that need them, so that `--help` answers at once.
"""

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

from routing_game import __version__
from routing_game.experiments import InputError
from routing_game.experiments.cells.workers import handling
from routing_game.experiments.hidden.questions import EXPERIMENTS, FLAGS, prepare

COMMANDS = {
    "check": "train learners on games, compare them with the theory, write a report",
    "report": "write the report of a run again from its records",
    "belief": "ask a question about a hidden cascade by experiment, write a page",
    "solve": "print the equilibrium of a game in plain words",
    "figures": "draw the paper's Figures 1 to 5, each beside what the paper says about it",
    "frequencies": "show how often each kind of optimum occurs among random games",
    "tournament": "let every named provider meet every named user, exactly",
    "list": "show the games, the real model pairs and the learners",
}
NUMBERS = ("value", "penalty", "success", "latency", "cost")
EXTRA = ("jinja2", "joblib", "matplotlib", "polars", "scipy")
"""What the extra `experiments` installs, and the commands below need."""


def main(argv: list[str] | None = None) -> int:
    """Run a command; the exit code is 0, 1 if a learner failed, 2 at a wrong input or a full disk, 130 after Ctrl-C."""
    argv = sys.argv[1:] if argv is None else argv
    try:
        with handling(signal.SIGTERM, signal.default_int_handler):
            arguments = parse(argv)
            if arguments.command in ("check", "report", "belief", "figures"):
                needs_extra()
            code = RUN[arguments.command](arguments)
            sys.stdout.flush()
            return code
    except InputError as error:
        print(f"routing-game: error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # whoever read the output, such as head, has had enough
        discard_output()
        return 0
    except OSError as error:
        print(f"routing-game: error: {error}", file=sys.stderr)
        discard_output()
        return 2
    except KeyboardInterrupt as stop:
        words = stop.args[0] if stop.args and isinstance(stop.args[0], str) else "stopped"
        print(f"routing-game: {words}", file=sys.stderr)
        return 130


def discard_output() -> None:
    """Let Python not try again, as it ends, to write what could not be written."""
    with suppress(OSError), open(os.devnull, "w") as nothing:
        os.dup2(nothing.fileno(), sys.stdout.fileno())


def needs_extra() -> None:
    """Raise InputError unless the extra `experiments` is installed."""
    if missing := [package for package in EXTRA if find_spec(package) is None]:
        raise InputError(f"expected the package {missing[0]} to be installed; pip install 'routing-game[experiments]'")


# --- commands -------------------------------------------------------------------------------------------------


def run_check(arguments: argparse.Namespace) -> int:
    """Train, compare, report."""
    if arguments.suite == "hidden":
        return run_hidden(arguments)
    from routing_game.experiments.cells.run import run
    from routing_game.experiments.check.learners import LearnerDirectory, learn, make_spec
    from routing_game.theory import GAMES, PAIRS

    games = chosen("game", arguments.games, [*GAMES, *PAIRS])
    learners = chosen_learners(arguments.learners)
    spec = make_spec(arguments.profile, games, learners, arguments.seeds, arguments.tasks)
    custom = (games, learners, arguments.seeds, arguments.tasks) != (None,) * 4
    home = Path("runs", arguments.profile + (f"-{spec.digest[:6]}" if custom else ""))
    directory = LearnerDirectory.create(arguments.out or home, spec)
    with resumable(directory, arguments):
        failures = run(directory, learn, arguments.engine, arguments.workers)
    present(directory)
    return 1 if failures else 0


def run_hidden(arguments: argparse.Namespace) -> int:
    """The suite of hidden scenarios: play, compare with what is exact, report."""
    from routing_game.experiments.cells.run import run
    from routing_game.experiments.hidden import suite

    games = chosen("game of the hidden suite", arguments.games, suite.GAME_NAMES, "docs/belief.md")
    rules = chosen("rule", arguments.learners, suite.RULES, "docs/belief.md")
    spec = suite.make_spec(arguments.profile, games, rules, arguments.seeds, arguments.tasks)
    custom = (games, rules, arguments.seeds, arguments.tasks) != (None,) * 4
    home = Path("runs", f"hidden-{arguments.profile}" + (f"-{spec.digest[:6]}" if custom else ""))
    directory = suite.HiddenDirectory.create(arguments.out or home, spec)
    with resumable(directory, arguments):
        failures = run(directory, suite.play, arguments.engine, arguments.workers)
        present_hidden(directory, arguments.workers)
    return 1 if failures else 0


@contextmanager
def resumable(directory: Any, arguments: argparse.Namespace) -> Iterator[None]:
    """Say after Ctrl-C what is kept, and how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        done, cells = sum(1 for _ in directory.records()), len(directory.spec.cells())
        again = shlex.join(["routing-game", "check", *arguments.words])
        raise KeyboardInterrupt(f"stopped: {done} of {cells} cells are done and kept; resume with: {again}") from None


def run_report(arguments: argparse.Namespace) -> int:
    """The report of an existing run."""
    from routing_game.experiments.cells.records import suite_of

    if suite_of(arguments.directory) == "hidden":
        from routing_game.experiments.hidden.suite import HiddenDirectory

        present_hidden(HiddenDirectory.open(arguments.directory), cores())
    else:
        from routing_game.experiments.check.learners import LearnerDirectory

        present(LearnerDirectory.open(arguments.directory))
    return 0


def run_belief(arguments: argparse.Namespace) -> int:
    """An experiment on a hidden cascade: its answer on the terminal, its page on disk."""
    from routing_game.experiments.cells.kept import folder
    from routing_game.experiments.cells.progress import Steps
    from routing_game.experiments.pages.page import terminal_page, write_page
    from routing_game.theory import GAMES, PAIRS

    name = arguments.experiment
    known(name, "experiment", EXPERIMENTS, "routing-game belief --help")
    known(arguments.game, "game", [*GAMES, *PAIRS])
    flags = {flag: getattr(arguments, flag) for flag in FLAGS}
    experiment, settings = prepare(name, arguments.game, arguments.profile, arguments.workers, **flags)
    out = folder(arguments.out or Path("runs", "belief"))
    page = experiment(replace(settings, kept=out / "cells"), Steps())
    print(terminal_page(page))
    print(f"page: {write_page(page, name, out)}")
    return 0


def present(directory: Any) -> None:
    """The table on the terminal and the report on disk."""
    from routing_game.experiments.check.report import terminal_table, write_report

    print(terminal_table(directory))
    print(f"report: {write_report(directory)}")


def present_hidden(directory: Any, workers: int) -> None:
    """The answer on the terminal and the report on disk."""
    from routing_game.experiments.hidden.suite_page import report
    from routing_game.experiments.pages.page import terminal_page, write_page

    page = report(directory, workers)
    print(terminal_page(page))
    print(f"report: {write_page(page, 'report', directory.path)}")


def run_solve(arguments: argparse.Namespace) -> int:
    """The equilibrium card of a named game, of given numbers, or of a named game with some numbers changed."""
    from routing_game.experiments.card import card
    from routing_game.theory import GAMES, PAIRS, Game, load

    numbers: dict[str, Any] = {name: getattr(arguments, name) for name in NUMBERS}
    given, ordered = {name: number for name, number in numbers.items() if number is not None}, not arguments.unordered
    if arguments.game is not None:
        if arguments.game.replace(".", "", 1).isdecimal():
            raise InputError(f"expected the name of a game, or two numbers after --success, --latency and --cost and "
                             f"one after --value and --penalty, got {arguments.game!r} on its own")  # fmt: skip
        known(arguments.game, "game", [*GAMES, *PAIRS])
        base = load(arguments.game)
        given, ordered = {name: getattr(base, name) for name in NUMBERS} | given, ordered and base.ordered
    elif missing := [f"--{name}" for name in NUMBERS if name not in given]:
        raise InputError(f"expected the name of a game, or all its numbers, got no {', '.join(missing)}; "
                         "see routing-game list")  # fmt: skip
    try:
        game = Game(**given, ordered=ordered)
    except ValueError as error:
        raise InputError(str(error).replace("ordered=False", "--unordered")) from None
    units = ("s", "USD") if arguments.game in PAIRS else ()
    print(card(game, arguments.game or "your game", *units))
    return 0


def run_figures(arguments: argparse.Namespace) -> int:
    """The paper's figures: for each its files, and which of the paper's sentences it bears out."""
    from routing_game.experiments.paper.maps import write_scene
    from routing_game.experiments.paper.scene import Scene
    from routing_game.experiments.paper.words import terminal

    names, scene = chosen_figures(arguments.only), Scene(arguments.set)
    try:
        arguments.out.mkdir(parents=True, exist_ok=True)
        for name in names:
            (_, picture, _), verdicts = write_scene(name, scene, arguments.out)
            print(f"{picture} (and .svg, .npz)")
            print(terminal(verdicts), flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        problem = f"{arguments.out} ({error.strerror})"
        raise InputError(f"expected a folder to write to, got {problem}; choose another --out") from None
    return 0


def run_frequencies(arguments: argparse.Namespace) -> int:
    """The table of how often each kind of optimum occurs, and its words."""
    from routing_game.experiments.tables import frequency_lines

    print("\n".join(frequency_lines(arguments.games, arguments.seed)))
    return 0


def run_tournament(arguments: argparse.Namespace) -> int:
    """Two tables, J and U, of the zoo and of saved policies."""
    from routing_game.experiments.tables import tournament_lines
    from routing_game.theory import GAMES, PAIRS, load

    known(arguments.game, "game", [*GAMES, *PAIRS])
    try:
        lines = tournament_lines(load(arguments.game), arguments.provider, arguments.user)
    except (ValueError, FileNotFoundError) as error:
        raise InputError(f"expected a policy made by save_policy: {error}") from None
    print("\n".join(lines))
    return 0


def run_list(arguments: argparse.Namespace) -> int:
    """Everything that has a name, a line each."""
    from routing_game.experiments.tables import catalog_lines

    print("\n".join(catalog_lines()))
    return 0


RUN = {
    "check": run_check,
    "report": run_report,
    "belief": run_belief,
    "solve": run_solve,
    "figures": run_figures,
    "frequencies": run_frequencies,
    "tournament": run_tournament,
    "list": run_list,
}


# --- words ----------------------------------------------------------------------------------------------------


class Parser(argparse.ArgumentParser):
    """An argparse parser that complains in one line and takes no abbreviations."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Raise InputError instead of printing the usage."""
        raise InputError(f"{message.removeprefix('argument ')}; see {self.prog} --help")


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
        raise InputError(f"expected no {unknown[0]!r} here{close(unknown[0], flags)}; "
                         f"see routing-game {arguments.command} --help")  # fmt: skip
    arguments.words = argv[1:]
    return arguments


def build_parser() -> tuple[Parser, dict[str, Parser]]:
    """The parser, and that of each command."""
    parser = Parser(prog="routing-game", description="Routing games: exact theory against learning agents.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    actions = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands = {name: actions.add_parser(name, help=text, description=text) for name, text in COMMANDS.items()}

    run = commands["check"]
    run.add_argument("--suite", choices=["learners", "hidden"], default="learners",
                     help="learners against the theory, or every user's rule in scenarios with a hidden s; for these, "
                          "learners are rules and tasks are sessions")  # fmt: skip
    run.add_argument("--games", default="all", metavar="A,B", help="which games (default: all)")
    run.add_argument(
        "--learners",
        default="all",
        metavar="X,Y",
        help="which learners (default: all); also module:Agent, one of your own",
    )
    run.add_argument("--profile", choices=["smoke", "default", "full"], default="default",
                     help="practice and seeds: smoke shows that all runs, default fits a coffee break, full is for "
                          "results")  # fmt: skip
    run.add_argument("--seeds", type=at_least_one, metavar="N", help="seeds per learner, instead of the profile's")
    run.add_argument("--tasks", type=at_least_one, metavar="N", help="practice per cell, instead of the profile's")
    run.add_argument("--out", type=Path, metavar="DIR", help="the run's folder (default: runs/PROFILE)")
    run.add_argument("--engine", choices=["loky", "serial"], default="loky",
                     help="worker processes, or this one; the results are the same")  # fmt: skip
    run.add_argument("--workers", type=at_least_one, default=cores(), metavar="N", help="processes (%(default)s)")

    commands["report"].add_argument("directory", type=Path, metavar="DIR", help="a folder made by check")

    ask = commands["belief"]
    ask.add_argument("experiment", metavar="EXPERIMENT", help=", ".join(EXPERIMENTS) + "; see below")
    ask.formatter_class = argparse.RawDescriptionHelpFormatter
    ask.epilog = "\n".join(["experiments:", *(f"  {name:14}{asks}" for name, asks in EXPERIMENTS.items())])
    ask.add_argument("--game", default="t4-cascade", metavar="GAME", help="a name from routing-game list (%(default)s)")
    ask.add_argument("--profile", choices=["smoke", "default", "full"], default="default",
                     help="how much: smoke takes seconds, default minutes, full is for results")  # fmt: skip
    for number, takers in FLAGS.items():
        names = " and ".join([", ".join(takers[:-1]), takers[-1]])
        ask.add_argument(f"--{number}", type=at_least_one, metavar="N", help=f"instead of the profile's, for {names}")
    ask.add_argument("--workers", type=at_least_one, default=cores(), metavar="N", help="processes (%(default)s)")
    ask.add_argument(
        "--out", type=Path, metavar="DIR", help="folder for the page and its numbers (default: runs/belief)"
    )

    card = commands["solve"]
    card.add_argument("game", nargs="?", metavar="GAME", help="a name from routing-game list; flags change its numbers")
    for name, text in (("value", "V, a solved task to the user"), ("penalty", "P, an abandoned task to the provider")):
        card.add_argument(f"--{name}", type=float, metavar=name[0].upper(), help=text)
    for name, text in (("success", "chance of success"), ("latency", "delay"), ("cost", "cost")):
        help_text = f"{text} of a pass of model 1 and 2"
        card.add_argument(f"--{name}", type=float, nargs=2, metavar=("M1", "M2"), help=help_text)
    card.add_argument("--unordered", action="store_true", help="model 2 need not be better, slower and dearer")

    draw = commands["figures"]
    draw.add_argument(
        "--only",
        default="all",
        metavar="3,4",
        help="1, 2, 3, 4, 5 as in the paper; throttling, one of our own (default: all)",
    )
    draw.add_argument(
        "--set", choices=["A", "B"], default="A", help="which of our two sets of p, V, t and ranges (%(default)s)"
    )
    draw.add_argument("--out", type=Path, default=Path("runs", "figures"), metavar="DIR", help="folder (%(default)s)")

    count = commands["frequencies"]
    count.add_argument("--games", type=at_least_one, default=2_000_000, metavar="N", help="games a prior (%(default)s)")
    count.add_argument("--seed", type=at_least_one, default=2026, metavar="N", help="of the random games (%(default)s)")

    meet = commands["tournament"]
    meet.add_argument("game", metavar="GAME", help="a name from routing-game list")
    for role in ("provider", "user"):
        text = f"folder of a saved {role}, to take part; may be repeated"
        meet.add_argument(f"--{role}", type=Path, action="append", default=[], metavar="DIR", help=text)
    return parser, commands


def chosen(kind: str, text: str, names: Iterable[str], see: str = "routing-game list") -> tuple[str, ...] | None:
    """The names in a comma-separated list, in the order of `names` and once each; None for "all"."""
    if text == "all":
        return None
    words = [word.strip() for word in text.split(",")]
    names = [*names]
    for word in words:
        known(word, kind, names, see)
    return tuple(name for name in names if name in words)


def chosen_figures(text: str) -> tuple[str, ...]:
    """As `chosen`, of the figures; a panel, such as 4-left, comes with its figure."""
    from routing_game.experiments.paper.maps import FIGURES

    see = "routing-game figures --help"
    for word in text.split(","):
        figure, dash, _ = word.strip().partition("-")
        if dash and figure in FIGURES:
            raise InputError(f"expected the name of a figure, got {word!r}, perhaps {figure}; see {see}")
    return chosen("figure", text, FIGURES, see) or tuple(FIGURES)


def chosen_learners(text: str) -> tuple[str, ...] | None:
    """As `chosen`, of our learners and then those of one's own, ``module:Agent``, which must be there."""
    from routing_game.experiments.check import own
    from routing_game.experiments.check.learners import LEARNERS

    words = dict.fromkeys(word.strip() for word in text.split(","))
    mine = tuple(word for word in words if own.is_own(word))
    for word in mine:
        own.find(word)
    if not mine:
        return chosen("learner", text, LEARNERS)
    ours = ",".join(word for word in words if word not in mine)
    return (*((chosen("learner", ours, LEARNERS) or LEARNERS) if ours else ()), *mine)


def known(word: str, kind: str, names: Collection[str], see: str = "routing-game list") -> None:
    """Raise InputError unless the word is one of the names."""
    if word not in names:
        raise InputError(f"expected the name of a {kind}, got {word!r}{close(word, names)}; see {see}")


def close(word: str, names: Iterable[str]) -> str:
    """A hint at names that look like the word."""
    matches = get_close_matches(word, [*names])
    return f", perhaps {' or '.join(matches)}" if matches else ""


def at_least_one(text: str) -> int:
    """A whole number of at least 1."""
    if text.isdecimal() and int(text) >= 1:
        return int(text)
    raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
