"""The command line: `routing-game check`, `report`, `belief`, `solve` and so on, see `COMMANDS`.

Whatever can be wrong with the input is found before any training starts, and said in one line with
exit code 2. Heavy packages are imported by the commands that need them, so that `--help` answers at
once.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec

from routing_game.experiments import InputError, in_a_line
from routing_game.experiments.cells.streams import patient
from routing_game.experiments.commands.checks import run_check, run_compare, run_report
from routing_game.experiments.commands.figures import run_figures
from routing_game.experiments.commands.games import (
    run_belief,
    run_frequencies,
    run_list,
    run_solve,
    run_tournament,
)
from routing_game.experiments.commands.parser import build_parser, parse
from routing_game.experiments.commands.telling import complain
from routing_game.experiments.drawing import can_draw
from routing_game.interrupts import remembered

EXTRA = ("jinja2", "joblib", "matplotlib", "polars", "scipy")
"""What the extra `experiments` installs, and the commands below need."""

COMPILED = ("joblib", "polars", "scipy.special")
"""What of it may be there and not load: made for another Python or processor, half installed."""


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
        with remembered():
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
    except MemoryError as error:
        complain(f"error: out of memory ({in_a_line(error)}); what is finished is kept")
        return 2
    except KeyboardInterrupt as stop:
        words = stop.args[0] if stop.args and isinstance(stop.args[0], str) else "stopped"
        complain(words)
        return 130


def needs_extra() -> None:
    """Raise InputError unless the extra `experiments` is installed and loads: before the work."""
    if missing := [package for package in EXTRA if find_spec(package) is None]:
        problem = f"expected the package {missing[0]} to be installed"
        raise InputError(f"{problem}; pip install {' '.join(missing)}")
    for module in COMPILED:
        try:
            import_module(module)
        except Exception as error:
            package = module.partition(".")[0]
            problem = f"expected a {package} that can be imported, got {in_a_line(error)}"
            cure = f"pip install --force-reinstall {package}"
            raise InputError(f"{problem}; install it again: {cure}") from None


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
