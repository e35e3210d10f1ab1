"""`check`, `report` and `compare`: runs of cells, their folders and their reports."""

from __future__ import annotations

import argparse
import errno
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from routing_game.experiments import InputError
from routing_game.experiments.cells.progress import several
from routing_game.experiments.cells.workers import cores
from routing_game.experiments.commands.names import chosen, chosen_games, chosen_learners
from routing_game.experiments.commands.telling import complain, print_json
from routing_game.files import escaped

if TYPE_CHECKING:
    from routing_game.experiments.cells.records import Checked, Record, RunDirectory, Suite
    from routing_game.experiments.cells.shards import Shard
    from routing_game.experiments.cells.spec import Spec
    from routing_game.experiments.check.traces import Trace
    from routing_game.experiments.hidden.suite import Scenario, Tally
    from routing_game.theory import Game

G = TypeVar("G")

T = TypeVar("T", bound="Checked")


def run_check(arguments: argparse.Namespace) -> int:
    """Train, compare, report."""
    if arguments.suite == "hidden" and arguments.sweep is None:
        return run_hidden(arguments)
    from routing_game.experiments.cells.run import run
    from routing_game.experiments.check.suite import CHECK

    shard = asked_shard(arguments)
    code, runs = 0, planned_runs(arguments)
    unreported: list[Exception] = []
    for folder, spec, asked in runs:
        directory = begun(CHECK, spec, "", asked, folder, arguments.fresh)
        if len(runs) > 1:
            heading(directory.path, first=folder == runs[0][0])
        with resumable(directory, arguments.words):
            records = run(directory, arguments.engine, arguments.workers, shard)
        with others_first(directory.path, unreported) if len(runs) > 1 else nullcontext():
            code = max(code, present(directory, records))
            if arguments.keep_policies:
                keep(directory)
    if unreported:
        raise unreported[0]
    return code


def heading(folder: Path, first: bool) -> None:
    """Whose the words below are, where several runs are told one after the other."""
    print(*[""] * (not first), f"{escaped(folder)}:", sep="\n", flush=True)


@contextmanager
def others_first(folder: Path, unreported: list[Exception]) -> Iterator[None]:
    """Note what stops the report of a run, so that the other runs of a sweep go on."""
    try:
        yield
    except BrokenPipeError:
        raise  # nobody reads on
    except Exception as error:
        again = shlex.join(["routing-game", "report", str(folder)])
        complain(f"no report of {folder}, whose cells are kept; try again with: {again}")
        unreported.append(error)


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
    no_policies(arguments.keep_policies)
    from routing_game.experiments.cells.run import run
    from routing_game.experiments.hidden.suite import HIDDEN, RULES, doubtful, make_spec

    games = chosen_games(arguments.games)
    if games and 0 < (plain := len(games) - len(doubtful(games))) < len(games):
        reason = "whether the user stays does not depend on s"
        complain(f"{plain} of {len(games)} games left out: {reason}")
    rules = chosen("rule", arguments.learners, RULES)
    asked = (games, rules, arguments.seeds, arguments.tasks)
    shard = asked_shard(arguments)
    spec = make_spec(arguments.profile, *asked)
    directory = begun(HIDDEN, spec, "hidden-", asked, arguments.out, arguments.fresh)
    with resumable(directory, arguments.words):
        records = [*run(directory, arguments.engine, arguments.workers, shard)]
        present_hidden(directory, records, arguments.workers)
    return failed(records)


def no_policies(kept: bool) -> None:
    """Raise InputError if policies are to be kept of rules."""
    if kept:
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
        done, cells = sum(1 for _ in directory.records()), directory.spec.count
        count = f"{done} of {several(cells, 'cells')} {'is' if done == 1 else 'are'} done and kept"
        again = shlex.join(["routing-game", "check", *(w for w in words if w != "--fresh")])
        raise KeyboardInterrupt(f"stopped: {count}; resume with: {again}") from None


def run_report(arguments: argparse.Namespace) -> int:
    """The report of an existing run, or of several that are joined; of a sweep, of each run."""
    if len(arguments.directories) > 1 and arguments.out is None:
        many = f"{len(arguments.directories)} folders"
        raise InputError(f"expected --out DIR, where {many} are joined, got none")
    reports = reported(arguments.directories, arguments.out)
    unreported: list[Exception] = []
    for folders, out in reports:
        path, several_runs = out or folders[0], len(reports) > 1
        if several_runs:
            heading(path, first=(folders, out) == reports[0])
        others = others_first(path, unreported) if several_runs else nullcontext()
        with others, elsewhere(path):
            report(folders, out, arguments.keep_policies)
    if unreported:
        raise unreported[0]
    return 0


def reported(folders: Sequence[Path], out: Path | None) -> list[tuple[list[Path], Path | None]]:
    """The reports that these folders ask for: one; of sweeps, one for each name of a run in them.

    Returns:
        The folders of each, and where they are joined, if at all. A share of a sweep that was
        stopped may lack the last runs.
    """
    from routing_game.experiments.cells.records import runs_in
    from routing_game.experiments.sweep import is_run

    inside = [[name for name in runs_in(folder) if is_run(name)] for folder in folders]
    names = dict.fromkeys(name for found in inside for name in found)
    if not names:
        return [([*folders], out)]
    if not all(inside):
        held = dict(zip(folders, inside, strict=True))
        sweep = next(folder for folder in folders if held[folder])
        other = next(folder for folder in folders if not held[folder])
        problem = (
            f"expected folders of one sweep, got {sweep}, which holds {', '.join(held[sweep])}"
        )
        raise InputError(f"{problem}, and {other}, which holds no runs; name a run of each")
    return [
        (
            [folder / name for folder, found in zip(folders, inside, strict=True) if name in found],
            out and out / name,
        )
        for name in names
    ]


def report(folders: Sequence[Path], out: Path | None, keep_policies: bool) -> None:
    """One of them."""
    from routing_game.experiments.cells.records import suite_of

    if suite_of(folders[0]) == "hidden":
        from routing_game.experiments.hidden.suite import HIDDEN

        no_policies(keep_policies)
        hidden = existing(HIDDEN, folders, out)
        present_hidden(hidden, [*hidden.records()], cores())
    else:
        from routing_game.experiments.check.suite import CHECK

        directory = existing(CHECK, folders, out)
        present(directory, directory.records())
        if keep_policies:
            keep(directory)


@contextmanager
def elsewhere(folder: Path) -> Iterator[None]:
    """Say of a run that is there to be read alone that its report can be in another folder."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        again = shlex.join(["routing-game", "report", str(folder), "--out", "DIR"])
        problem = f"{folder} takes no report, {error.filename} ({error.strerror})"
        raise InputError(f"{problem}; write it elsewhere: {again}") from None


def existing(suite: Suite[G, T], folders: Sequence[Path], out: Path | None) -> RunDirectory[G, T]:
    """The run of a folder; or that of several folders, joined in another one."""
    from routing_game.experiments.cells.joining import join, other_versions
    from routing_game.experiments.cells.records import RunDirectory

    if out is None:
        return RunDirectory.open(suite, folders[0])
    directory = join(suite, folders, out)
    for words in other_versions([RunDirectory.open(suite, folder) for folder in folders]):
        complain(words)
    done, cells = len(directory.store.names()), directory.spec.count
    print(f"joined: {done} of {several(cells, 'cells')} in {escaped(out)}", file=sys.stderr)
    return directory


def present(directory: RunDirectory[Game, Trace], records: Iterable[Record[Trace]]) -> int:
    """The table on the terminal, the report and the results on disk; 1 if a cell failed."""
    from routing_game.experiments.check.judge import judge
    from routing_game.experiments.check.report import write_report, write_results
    from routing_game.experiments.check.terminal import terminal_table

    judged = judge(directory.spec, records)
    write_results(judged, directory)
    print(terminal_table(judged))
    print(f"report: {escaped(write_report(judged, directory))}")
    return int(judged.done["error"].is_not_null().any())


def keep(directory: RunDirectory[Game, Trace]) -> None:
    """The policies of a run on disk, see `check.keep`."""
    from routing_game.experiments.check.keep import keep_policies

    kept = keep_policies(directory, directory.records())
    print(f"policies: {escaped(kept.place)}")
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
    print(f"report: {escaped(write_page(page, 'report', directory.path))}")


def run_compare(arguments: argparse.Namespace) -> int:
    """Two runs beside each other."""
    from routing_game.experiments.compare import compared, lines

    facts = compared(*arguments.directories)
    if arguments.json:
        print_json(facts)
        return 0
    print("\n".join(lines(facts)))
    return 0
