"""The command line: `routing-game check`, `report`, `belief`, `solve` and so on, see `COMMANDS`.

Whatever can be wrong with the input is found before any training starts, and said in one line with
exit code 2. Heavy packages are imported by the commands that need them, so that `--help` answers at
once.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from routing_game import __version__
from routing_game.experiments import InputError
from routing_game.experiments.cells.streams import patient
from routing_game.experiments.cells.workers import cores, handling
from routing_game.experiments.drawing import can_draw
from routing_game.experiments.hidden.names import EXPERIMENTS, FLAGS
from routing_game.experiments.hidden.questions import ask, prepare
from routing_game.files import printable, short
from routing_game.interrupts import raise_again
from routing_game.names import perhaps

if TYPE_CHECKING:
    from routing_game.experiments.cells.records import Checked, Record, RunDirectory, Suite
    from routing_game.experiments.cells.shards import Shard
    from routing_game.experiments.cells.spec import Spec
    from routing_game.experiments.check.traces import Trace
    from routing_game.experiments.hidden.suite import Scenario, Tally
    from routing_game.theory import Game

G = TypeVar("G")
T = TypeVar("T", bound="Checked")

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
NUMBERS = ("value", "penalty", "success", "latency", "cost")
_DIGITS = r"\d+(?:_\d+)*"
NEGATIVE = re.compile(
    rf"-({_DIGITS}\.?({_DIGITS})?|\.{_DIGITS})(e[-+]?{_DIGITS})?$|-(inf|infinity|nan)$",
    re.IGNORECASE,
)
"""A negative number, as `float` reads it: 1_000 is one to Python."""
MOST = 2**63 - 1
"""More than is ever counted: what numpy counts with ends there."""
EXTRA = ("jinja2", "joblib", "matplotlib", "polars", "scipy")
"""What the extra `experiments` installs, and the commands below need."""


def main(argv: list[str] | None = None) -> int:
    """Run a command.

    The exit code is 0, 1 if a learner failed, 2 at a wrong input or a full disk, 130 after Ctrl-C.
    """
    argv = sys.argv[1:] if argv is None else argv
    helped = None
    with patient() as problems:
        try:
            code = attended(argv)
        except SystemExit as end:  # of --help and --version
            code, helped = 0, end
    if problems and code != 130:
        with patient():
            complain(f"error: stdout: {problems[0].strerror}")
        return 2
    if helped is not None:
        raise helped
    return code


def attended(argv: list[str]) -> int:
    """Run a command; whatever stops it is said in a line."""
    try:
        raise_again()
        with handling(signal.SIGTERM, signal.default_int_handler):
            if not argv:
                build_parser()[0].print_help()
                return 0
            arguments = parse(argv)
            if arguments.command in ("check", "report", "compare", "belief", "figures"):
                needs_extra()
                can_draw()
            return RUN[arguments.command](arguments)
    except InputError as error:
        complain(f"error: {error}")
        return 2
    except BrokenPipeError:  # of a stream that is not Python's own
        return 0
    except OSError as error:
        complain(f"error: {error}")
        return 2
    except KeyboardInterrupt as stop:
        words = stop.args[0] if stop.args and isinstance(stop.args[0], str) else "stopped"
        complain(words)
        return 130


def complain(words: str) -> None:
    """Say it on stderr in one line that is safe to show, if anybody is there to hear it."""
    with suppress(OSError):
        print(f"routing-game: {short(printable(words), 2000)}", file=sys.stderr, flush=True)


def needs_extra() -> None:
    """Raise InputError unless the extra `experiments` is installed."""
    if missing := [package for package in EXTRA if find_spec(package) is None]:
        problem = f"expected the package {missing[0]} to be installed"
        raise InputError(f"{problem}; pip install {' '.join(missing)}")


def run_check(arguments: argparse.Namespace) -> int:
    """Train, compare, report."""
    if arguments.suite == "hidden" and arguments.sweep is None:
        return run_hidden(arguments)
    from routing_game.experiments.cells.run import run
    from routing_game.experiments.check.suite import CHECK

    shard = asked_shard(arguments)
    code = 0
    for folder, spec, asked in planned_runs(arguments):
        directory = begun(CHECK, spec, "", asked, folder, arguments.fresh)
        with resumable(directory, arguments.words):
            records = run(directory, arguments.engine, arguments.workers, shard)
        code = max(code, present(directory, records))
        if arguments.keep_policies:
            keep(directory)
    return code


def planned_runs(
    arguments: argparse.Namespace,
) -> list[tuple[Path | None, Spec[Game], tuple[object, ...]]]:
    """The runs of a check, several if a sweep has several settings.

    Returns:
        The folder of each (None for the usual one), its spec, and what was asked for beyond the
        profile.
    """
    from routing_game.experiments.check.suite import make_spec

    if (file := arguments.sweep) is None:
        games, learners = chosen_games(arguments.games), chosen_learners(arguments.learners)
        asked = (games, learners, arguments.seeds, arguments.tasks)
        return [(arguments.out, make_spec(arguments.profile, *asked), asked)]
    from routing_game.experiments.sweep import specs

    for flag, usual in BESIDE_A_SWEEP.items():
        if getattr(arguments, flag) != usual:
            raise InputError(f"expected no --{flag} beside --sweep; write it in {file}")
    out = arguments.out or Path("runs", file.stem)
    return [(out / name, spec, (file,)) for name, spec in specs(file, chosen_learners)]


BESIDE_A_SWEEP = {
    "suite": "learners",
    "games": "all",
    "learners": "all",
    "profile": "default",
    "seeds": None,
    "tasks": None,
}
"""Flag whose place a sweep's file takes -> what it is without."""


def asked_shard(arguments: argparse.Namespace) -> Shard:
    """The share of the cells that is asked for."""
    from routing_game.experiments.cells.shards import Shard

    shard = Shard.parse(arguments.shard)
    if shard.n > 1 and arguments.fresh:
        problem = "expected no --fresh beside --shard, as it would delete the others' cells"
        raise InputError(f"{problem}; choose another --out")
    return shard


def run_hidden(arguments: argparse.Namespace) -> int:
    """The suite of hidden scenarios: play, compare with what is exact, report."""
    no_policies(arguments)
    from routing_game.experiments.cells.run import run
    from routing_game.experiments.hidden.suite import HIDDEN, RULES, doubtful, make_spec

    games = chosen_games(arguments.games)
    if games and 0 < (plain := len(games) - len(doubtful(games))) < len(games):
        reason = "whether the user stays does not depend on s"
        print(f"routing-game: {plain} of {len(games)} games left out: {reason}", file=sys.stderr)
    rules = chosen("rule", arguments.learners, RULES)
    asked = (games, rules, arguments.seeds, arguments.tasks)
    shard = asked_shard(arguments)
    spec = make_spec(arguments.profile, *asked)
    directory = begun(HIDDEN, spec, "hidden-", asked, arguments.out, arguments.fresh)
    with resumable(directory, arguments.words):
        records = [*run(directory, arguments.engine, arguments.workers, shard)]
        present_hidden(directory, records, arguments.workers)
    return failed(records)


def no_policies(arguments: argparse.Namespace) -> None:
    """Raise InputError if policies are to be kept of rules."""
    if arguments.keep_policies:
        raise InputError("expected --keep-policies of learners; rules of --suite hidden learn none")


def begun(
    suite: Suite[G, T],
    spec: Spec[G],
    prefix: str,
    asked: tuple[object, ...],
    out: Path | None,
    fresh: bool = False,
) -> RunDirectory[G, T]:
    """The folder of a run; what is asked for beyond the profile is in the name of the usual one.

    Args:
        suite: the kind of run.
        spec: of the run.
        prefix: of the folder's usual name.
        asked: what was chosen instead of the profile's games, learners, seeds and practice.
        out: the folder; None for the usual one.
        fresh: forget whatever run was begun there.
    """
    from routing_game.experiments.cells.records import RunDirectory

    custom = any(choice is not None for choice in asked)
    # an earlier version named it by the digest, which depends on the order of what was chosen
    names = [f"{prefix}{spec.profile}-{mark[:6]}" for mark in (spec.digest, spec.identity)]
    usual = next((name for name in names if Path("runs", name, "run.json").exists()), names[1])
    folder = out or Path("runs", usual if custom else f"{prefix}{spec.profile}")
    return RunDirectory.create(suite, folder, spec, fresh)


def failed(records: Sequence[Record[Any]]) -> int:
    """The exit code: 1 if a cell failed."""
    return int(any(record.error is not None for record in records))


@contextmanager
def resumable(directory: RunDirectory[Any, Any], words: Sequence[str]) -> Iterator[None]:
    """Say after Ctrl-C what is kept, and how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        done, cells = sum(1 for _ in directory.records()), len(directory.spec.cells())
        count = f"{done} of {cells} cells {'is' if done == 1 else 'are'} done and kept"
        again = shlex.join(["routing-game", "check", *(w for w in words if w != "--fresh")])
        raise KeyboardInterrupt(f"stopped: {count}; resume with: {again}") from None


def run_report(arguments: argparse.Namespace) -> int:
    """The report of an existing run, or of several that are joined."""
    from routing_game.experiments.cells.records import suite_of

    if len(arguments.directories) > 1 and arguments.out is None:
        many = f"{len(arguments.directories)} folders"
        raise InputError(f"expected --out DIR, where {many} are joined, got none")
    if suite_of(arguments.directories[0]) == "hidden":
        from routing_game.experiments.hidden.suite import HIDDEN

        no_policies(arguments)
        hidden = existing(HIDDEN, arguments.directories, arguments.out)
        present_hidden(hidden, [*hidden.records()], cores())
    else:
        from routing_game.experiments.check.suite import CHECK

        directory = existing(CHECK, arguments.directories, arguments.out)
        present(directory, directory.records())
        if arguments.keep_policies:
            keep(directory)
    return 0


def existing(suite: Suite[G, T], folders: Sequence[Path], out: Path | None) -> RunDirectory[G, T]:
    """The run of a folder; or that of several folders, joined in another one."""
    from routing_game.experiments.cells.joining import join, other_versions
    from routing_game.experiments.cells.records import RunDirectory

    if out is None:
        return RunDirectory.open(suite, folders[0])
    directory = join(suite, folders, out)
    for words in other_versions([RunDirectory.open(suite, folder) for folder in folders]):
        print(f"routing-game: {words}", file=sys.stderr)
    done, cells = len(directory.store.names()), len(directory.spec.cells())
    print(f"joined: {done} of {cells} cells in {out}", file=sys.stderr)
    return directory


def present(directory: RunDirectory[Game, Trace], records: Iterable[Record[Trace]]) -> int:
    """The table on the terminal, the report and the results on disk; 1 if a cell failed."""
    from routing_game.experiments.check.judge import judge
    from routing_game.experiments.check.report import write_report, write_results
    from routing_game.experiments.check.terminal import terminal_table

    judged = judge(directory.spec, records)
    write_results(judged, directory)
    print(terminal_table(judged))
    print(f"report: {write_report(judged, directory)}")
    return int(judged.done["error"].is_not_null().any())


def keep(directory: RunDirectory[Game, Trace]) -> None:
    """The policies of a run on disk, see `check.keep`."""
    from routing_game.experiments.check.keep import keep_policies

    kept = keep_policies(directory, directory.records())
    print(f"policies: {kept.place}")
    if warning := kept.warning():
        complain(warning)


def present_hidden(
    directory: RunDirectory[Scenario, Tally], records: Sequence[Record[Tally]], workers: int
) -> None:
    """The answer on the terminal and the report on disk."""
    from routing_game.experiments.hidden.suite_page import report
    from routing_game.experiments.pages.page import terminal_page, write_page

    page = report(directory.spec, records, workers)
    print(terminal_page(page))
    print(f"report: {write_page(page, 'report', directory.path)}")


def run_compare(arguments: argparse.Namespace) -> int:
    """Two runs beside each other."""
    from routing_game.experiments.compare import compared, lines

    facts = compared(*arguments.directories)
    if arguments.json:
        print_json(facts)
        return 0
    print("\n".join(lines(facts)))
    return 0


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
    print(f"page: {write_page(page, name, out)}")
    return 0


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
        print(f"saved: {arguments.save}")
    return 0


def titled(arguments: argparse.Namespace, name: str) -> str:
    """What a game is called of which flags may have changed some numbers."""
    changed = [number for number in NUMBERS if getattr(arguments, number) is not None]
    return f"{name} with another {' and '.join(changed)}" if arguments.game and changed else name


def units_of(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Of time and money, if they are known: those of the measured pairs."""
    from routing_game.theory import PAIRS

    return ("s", "USD") if arguments.game in PAIRS else ()


def print_json(facts: Any) -> None:
    """One object, for programs: its numbers have all their digits, and null is none."""
    print(json.dumps(facts, indent=1, allow_nan=False))


def save_game(game: Game, file: Path) -> None:
    """Write a game's file, .toml or .json; folders on the way are made, as by `--out`.

    Raises:
        InputError: it has another ending, or cannot be written.
    """
    from routing_game.files import write
    from routing_game.theory.exchange import to_json, to_toml

    writers: dict[str, Callable[[Game], str]] = {".toml": to_toml, ".json": to_json}
    if file.suffix not in writers:
        raise InputError(f"expected a file that ends in {' or '.join(writers)}, got {file}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write(file, writers[file.suffix](game))
    except OSError as error:
        raise InputError(f"expected a file to write, got {file} ({error.strerror})") from None


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


def run_figures(arguments: argparse.Namespace) -> int:
    """The paper's figures, those around a game of one's own, or learning curves beside theory."""
    if arguments.monitor:
        return run_curve(arguments)
    if has_game(arguments):
        return run_around(arguments)
    from routing_game.experiments.cells.store import unwritable
    from routing_game.experiments.paper.maps import write_scene
    from routing_game.experiments.paper.scene import Scene
    from routing_game.experiments.paper.words import terminal

    names, scene = chosen_figures(arguments.only), Scene(arguments.set or "A")
    try:
        arguments.out.mkdir(parents=True, exist_ok=True)
        for name in names:
            (_, picture, _), verdicts = write_scene(name, scene, arguments.out)
            print(f"{picture} (and .svg, .npz)")
            print(terminal(verdicts), flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritable(arguments.out, error) from None
    return 0


def has_game(arguments: argparse.Namespace) -> bool:
    """Whether `words_of_a_game`, or a game before them, were given at all."""
    numbers = (getattr(arguments, number) for number in NUMBERS)
    return arguments.game is not None or arguments.unordered or any(x is not None for x in numbers)


def run_around(arguments: argparse.Namespace) -> int:
    """The paper's figures around one's own game, and what each says."""
    from routing_game.experiments.around.figures import Around, write_around
    from routing_game.experiments.around.panels import Units
    from routing_game.experiments.cells.store import tried
    from routing_game.experiments.pages.words import wrapped

    if arguments.set is not None:
        raise InputError("expected no --set beside a game; the sets are those of the paper's plane")
    names = chosen_around(arguments.only)
    name, game = asked_game(arguments)
    about = Around(game, titled(arguments, name), Units(*units_of(arguments)))
    folder = tried(arguments.out)
    print(wrapped(about.equilibrium, 100), flush=True)
    for figure in names:
        picture, told = write_around(figure, about, folder)
        print(f"{picture} (and .svg, .npz)")
        for sentence in told:
            print(wrapped(sentence, 100, initial_indent="  ", subsequent_indent="  "), flush=True)
    return 0


def run_curve(arguments: argparse.Namespace) -> int:
    """One's own learning curves beside theory."""
    from routing_game.experiments.cells.store import tried
    from routing_game.experiments.curve import UNITS, runs, write_curves

    if not has_game(arguments):
        raise InputError("expected --game beside --monitor: Monitor CSVs and their game")
    for flag, usual in (("only", "all"), ("set", None)):
        if getattr(arguments, flag) != usual:
            problem = f"expected no --{flag} beside --monitor"
            raise InputError(f"{problem}; draw the paper's figures apart")
    name, game = asked_game(arguments)
    curves = runs(arguments.monitor)
    name, folder = titled(arguments, name), tried(arguments.out)
    units = units_of(arguments) or UNITS
    picture, told = write_curves(curves, game, name, folder, units)
    print("\n".join([f"{picture} (and .svg)", *told]))
    return 0


def run_frequencies(arguments: argparse.Namespace) -> int:
    """The table of how often each kind of optimum occurs, and its words."""
    from routing_game.experiments.tables import frequency_facts, frequency_lines

    if arguments.json:
        print_json(frequency_facts(arguments.games, arguments.seed))
        return 0
    print("\n".join(frequency_lines(arguments.games, arguments.seed)))
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
        zipped = place.with_name(f"{place.name}.zip")
        kept = [*place.glob("policies/*/policy.json"), *place.glob("*/policy.json")]
        meant = zipped if zipped.is_file() else min(kept).parent if kept else None
        hint = f", perhaps {meant}" if meant else ""
        lacks = f": {file.name}" if place.is_dir() else ""
        problem = f"expected a policy made by save_policy, got {place}{hint}"
        raise InputError(f"{problem} ({error.strerror}{lacks})") from None
    except ValueError as error:
        raise InputError(f"expected a policy made by save_policy: {error}") from None
    if arguments.json:
        print_json({"game": name, **tournament_facts(table)})
        return 0
    print("\n".join(tournament_lines(table)))
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


RUN = {
    "check": run_check,
    "report": run_report,
    "compare": run_compare,
    "belief": run_belief,
    "solve": run_solve,
    "figures": run_figures,
    "frequencies": run_frequencies,
    "tournament": run_tournament,
    "list": run_list,
}


class Parser(argparse.ArgumentParser):
    """An argparse parser that complains in one line and takes no abbreviations."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)
        # argparse's own rule knows no exponents: -1e-3 would be a flag
        self._negative_number_matcher = NEGATIVE

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
        problem = f"expected no {unknown[0]!r} here{perhaps(unknown[0], flags)}"
        raise InputError(f"{problem}; see routing-game {arguments.command} --help")
    arguments.words = argv[1:]
    return arguments


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
    parser.add_argument("--sweep", type=Path, metavar="FILE", help=text)
    text = (
        "run every n-th cell only, from the k-th: a share for each machine, in a common folder or "
        "in folders that report joins"
    )
    parser.add_argument("--shard", default="1/1", metavar="K/N", help=text)
    text = "worker processes, or this one; the results are the same"
    parser.add_argument("--engine", choices=["loky", "serial"], default="loky", help=text)
    add_number(parser, "workers", "processes (%(default)s)", cores())


def words_of_report(parser: Parser) -> None:
    """What `report` takes."""
    text = "a folder made by check; several of one spec, such as shards, are joined in --out"
    parser.add_argument("directories", type=Path, nargs="+", metavar="DIR", help=text)
    add_folder(parser, "copy the cells there first; the folders stay as they are (default: DIR)")
    add_keep(parser)


def words_of_compare(parser: Parser) -> None:
    """What `compare` takes."""
    text = "two folders made by check, perhaps not finished"
    parser.add_argument("directories", type=Path, nargs=2, metavar="DIR", help=text)
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


def words_of_solve(parser: Parser) -> None:
    """What `solve` takes."""
    add_game(parser)
    text = "also write the game to this file, .toml or .json, for every command that takes a game"
    parser.add_argument("--save", type=Path, metavar="FILE", help=text)
    add_json(parser)


def add_game(parser: Parser) -> None:
    """One game: its name or file, numbers changed, or all of its numbers."""
    text = "a name from routing-game list, or a game's file; flags change its numbers"
    parser.add_argument("game", nargs="?", metavar="GAME", help=text)
    words_of_a_game(parser)


def add_keep(parser: Parser) -> None:
    """The flag for policies beside the cells."""
    text = "also keep what each learner ended with, as policies in DIR/policies for `tournament`"
    parser.add_argument("--keep-policies", action="store_true", help=text)


def add_json(parser: Parser) -> None:
    """The flag for results that programs read."""
    parser.add_argument("--json", action="store_true", help="as JSON, with all digits")


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
    parser.add_argument("--monitor", type=Path, metavar="PLACE", help=text, **many)
    add_folder(parser, "folder (%(default)s)", Path("runs", "figures"))


def words_of_frequencies(parser: Parser) -> None:
    """What `frequencies` takes."""
    add_number(parser, "games", "games a prior (%(default)s)", 2_000_000)
    add_number(parser, "seed", "of the random games (%(default)s)", 2026)
    add_json(parser)


def words_of_tournament(parser: Parser) -> None:
    """What `tournament` takes."""
    add_game(parser)
    many: dict[str, Any] = {"action": "append", "default": []}
    for role in ("provider", "user"):
        text = f"folder or .zip of a saved {role}, to take part; may be repeated"
        parser.add_argument(f"--{role}", type=Path, metavar="PLACE", help=text, **many)
    add_json(parser)


def add_number(parser: Parser, name: str, text: str, default: int | None = None) -> None:
    """A flag that takes a whole number of at least 1; its name, its help and what it is without."""
    flag = f"--{name}"
    parser.add_argument(flag, type=at_least_one, default=default, metavar="N", help=text)


def add_folder(parser: Parser, text: str, default: Path | None = None) -> None:
    """The flag for the folder of results."""
    parser.add_argument("--out", type=Path, default=default, metavar="DIR", help=text)


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


def chosen_figures(text: str) -> tuple[str, ...]:
    """As `chosen`, of the figures; a panel, such as 4-left, comes with its figure."""
    from routing_game.experiments.paper.maps import FIGURES

    see = "routing-game figures --help"
    for word in text.split(","):
        if word.strip() == "regret":
            raise InputError("expected a game beside --only regret; name it with --game")
        figure, dash, _ = word.strip().partition("-")
        if dash and figure in FIGURES:
            raise InputError(
                f"expected the name of a figure, got {word!r}, perhaps {figure}; see {see}"
            )
    return chosen("figure", text, FIGURES, see) or tuple(FIGURES)


def chosen_around(text: str) -> tuple[str, ...]:
    """As `chosen`, of the figures that there are around a game."""
    from routing_game.experiments.around.figures import FIGURES, NOT

    for word in text.split(","):
        if why := NOT.get(word.strip()):
            problem = f"expected a figure to draw around a game, got {word.strip()!r}: {why}"
            raise InputError(f"{problem}; there are {', '.join(FIGURES)}")
    return chosen("figure", text, FIGURES, "routing-game figures --help") or tuple(FIGURES)


def chosen_games(text: str) -> dict[str, Game] | None:
    """The games of a comma-separated list, see `check.sources`; None for "all", the profile's."""
    from routing_game.experiments.check import sources

    if text == "all":
        return None
    games, notes = sources.chosen_games(text.split(","))
    for note in notes:
        print(f"routing-game: {note}", file=sys.stderr)
    return games


def one_game(word: str) -> tuple[str, Game]:
    """Name and game that a word of `chosen_games` stands for, if it is one."""
    from routing_game.experiments.check.sources import chosen_games

    games, _ = chosen_games([word])
    if len(games) > 1:
        raise InputError(f"expected the name of a game, got {word!r}, which is {len(games)} games")
    return next(iter(games.items()))


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


def known(word: str, kind: str, names: Collection[str], see: str = "routing-game list") -> None:
    """Raise InputError unless the word is one of the names; see `chosen`."""
    if word not in names:
        article = "an" if kind[0] in "aeio" else "a"
        problem = f"expected the name of {article} {kind}, got {word!r}{perhaps(word, names)}"
        raise InputError(f"{problem}; see {see}")


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
