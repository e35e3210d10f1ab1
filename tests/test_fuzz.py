"""Files that are not what they should be: whatever is in them, one line and exit code 2, or a
result.

Every kind of file that a command reads is spoiled in many ways, drawn from a seed, and read by the
command. There must be no traceback, no wait without end, no control character on the terminal, and
no finished cell that is lost. What is drawn is left out, as it takes a second a page; a longer test
draws, too.
"""

import io
import json
import os
import signal
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from matplotlib.figure import Figure

from routing_game.agents.hats import KNOTS
from routing_game.agents.kept import Table
from routing_game.experiments import InputError, cli, curve
from routing_game.experiments.cells.progress import Steps
from routing_game.experiments.cells.records import Record, RunDirectory
from routing_game.experiments.cells.spec import Plan, Spec
from routing_game.experiments.check.judge import judge
from routing_game.experiments.check.suite import CHECK
from routing_game.experiments.check.traces import QUESTIONS, Trace
from routing_game.experiments.commands import checks
from routing_game.experiments.hidden import suite, suite_judge
from routing_game.experiments.hidden.settings import Settings
from routing_game.theory import GAMES
from routing_game.theory.exchange import to_json, to_toml

PATIENCE = 60
"""Seconds after which a command counts as hanging."""
GAME = "t4-cascade"
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 1.5, -0.0, 3e300, 1e-320, 2**53 + 1, 2**63, 2**64, -(2**70)),
    *("", "x", "\x1b[31mred", "\udc80", "../../up", "a" * 5000, "\u202etfel", "a\nb", "1"),
    *([], {}, [None], [[]], [1, [2]], [0.5] * 3, {"": 0}, {"n": None}, float("nan"), float("inf")),
)
BYTES = (
    b"\xff",
    b"\x00",
    b"\xed\xa0\x80",
    b"\x1b]0;t\x07",
    b'"',
    b"{",
    b"]",
    b",",
    b"-",
    b"e9",
    b"0",
)


class Target(NamedTuple):
    """A file that is read, how it is read, and what must survive."""

    file: Path
    read: Callable[[], int]
    kept: Path


# --- what is read ---


TABLE = Table.of(np.linspace(-1.0, 1.0, 2 * KNOTS), "value")


def records_of(spec: Spec[Any], run: str) -> Iterator[Record[Trace]]:
    """As if learners had learned something."""
    route, cascade = (column.tolist() for column in QUESTIONS)
    answers = [0.5] * len(route)
    traces = {
        "ucb": Trace([10, 50], [1, 2], [0.25, 0.0], [], []),
        "blocks": Trace([10, 50], [1, 1], [0.25, 0.5], [0.5, 1.0], [0.5, 1.0]),
        "q-user": Trace([64] * len(route), route, cascade, answers, answers, TABLE),
    }
    for cell in spec.cells():
        yield Record(*cell, run, "abc", 0.5, None, traces[cell.learner])


def a_run(path: Path) -> Path:
    plans = {name: Plan((GAME, "value-cheap"), 50, 2) for name in ("ucb", "blocks", "q-user")}
    spec = Spec("smoke", {name: GAMES[name] for name in (GAME, "value-cheap")}, plans)
    directory = RunDirectory.create(CHECK, path, spec)
    for record in records_of(spec, spec.digest):
        directory.keep(record)
    return path


def a_hidden_run(path: Path) -> Path:
    spec = suite.make_spec("smoke", {GAME: GAMES[GAME]}, ("plug-in", "always stays"), 1, 20)
    directory = RunDirectory.create(suite.HIDDEN, path, spec)
    for cell in spec.cells():
        tally = suite.Tally(20, 8.0, 4.0, 9.0, 5.0, 3, 2)
        directory.keep(Record(*cell, spec.digest, "abc", 0.5, None, tally))
    return path


def ask(settings: Settings) -> int:
    """Read kept cells, as `belief` does; what comes back is what was written."""
    cells = [0.25, 0.5]
    try:
        found = settings.each(job_of, cells, Steps())
    except InputError as error:
        cli.complain(f"error: {error}")
        return 2
    assert [row["x"] for row in found] == cells
    assert all(np.isnan(row["half"]) and row["none"] is None for row in found)
    assert [row["course"] for row in found] == [[x, 1] for x in cells]
    return 0


def job_of(cell: float) -> dict[str, Any]:
    return {"x": cell, "half": float("nan"), "none": None, "course": [cell, 1], "words": "stays"}


def a_policy(path: Path) -> Path:
    saved = pytest.importorskip("routing_game.agents.saved", exc_type=ImportError)
    import gymnasium as gym
    from stable_baselines3 import PPO

    env = gym.make("RoutingGame/User-v0")
    model = PPO("MlpPolicy", env, policy_kwargs={"net_arch": [4]})
    saved.save_policy(model.policy, path)
    model.save(path.with_suffix(".zip"))
    return path


def a_monitor(path: Path) -> Path:
    """A log as stable-baselines3's Monitor writes it."""
    rows = "".join(f"{-0.5 - k / 7},{k % 3 + 1},{k / 9:.6f}\n" for k in range(40))
    path.mkdir()
    head = '#{"t_start": 1760000000.5, "env_id": "RoutingGame/Provider-v0"}\nr,l,t\n'
    (path / "mine.monitor.csv").write_text(head + rows)
    return path / "mine.monitor.csv"


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> list[Target]:
    """All kinds of files, each whole."""
    root = tmp_path_factory.mktemp("fuzz")
    run, hidden, policy = a_run(root / "r"), a_hidden_run(root / "h"), a_policy(root / "user")
    table, monitor = root / "table", a_monitor(root / "log")
    table.mkdir()
    TABLE.put(table)
    (root / "z").mkdir()
    for folder in (root / "z", monitor.parent):
        (folder / "another").write_text("r,l,t\n1,1,1\n")
    zipped = policy.with_suffix(".zip").rename(root / "z" / "user.zip")
    settings = Settings(GAME, "smoke", {"tasks": 3}, kept=root / "b" / "cells")
    (root / "g").mkdir()
    (root / "g" / "one.toml").write_text(to_toml(GAMES[GAME]))
    (root / "g" / "one.json").write_text(to_json(GAMES[GAME]))
    assert ask(settings) == 0

    def command(*words: object) -> Callable[[], int]:
        return lambda: cli.main([str(word) for word in words])

    cells = [sorted((path / "cells").iterdir()) for path in (run, hidden, root / "b")]
    report = command("report", run, "--keep-policies")
    hidden_report = command("report", hidden)
    meet, meet_zip, meet_table = (
        command("tournament", GAME, "--user", user, "--json") for user in (policy, zipped, table)
    )
    drawn = command("figures", "--monitor", monitor, "--game", GAME, "--out", root / "figures")
    solve = [command("solve", root / "g" / f"one.{kind}", "--json") for kind in ("toml", "json")]
    return [
        Target(run / "run.json", report, run / "cells"),
        *(Target(file, report, run / "cells") for file in (cells[0][0], cells[0][4], cells[0][-1])),
        Target(hidden / "run.json", hidden_report, hidden / "cells"),
        Target(cells[1][0], hidden_report, hidden / "cells"),
        Target(cells[2][0], lambda: ask(settings), root / "b" / "cells"),
        Target(policy / "policy.json", meet, policy),
        Target(policy / "policy.safetensors", meet, policy),
        Target(zipped, meet_zip, zipped.parent),
        Target(table / "policy.json", meet_table, table),
        Target(table / "policy.safetensors", meet_table, table),
        Target(monitor, drawn, monitor.parent),
        Target(root / "g" / "one.toml", solve[0], root / "g"),
        Target(root / "g" / "one.json", solve[1], root / "g"),
    ]


# --- how it is spoiled ---


def places(x: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in a document something is: keys and numbers, from the outside in."""
    yield path
    parts = x.items() if isinstance(x, dict) else enumerate(x) if isinstance(x, list) else ()
    for key, part in parts:
        yield from places(part, (*path, key))


def changed(text: bytes, rng: np.random.Generator) -> bytes:
    """A document in JSON with something in it replaced, left out or renamed."""
    document = {"": json.loads(text)}
    found = [path for path in places(document) if path]
    path = found[rng.integers(len(found))]
    *outer, last = path
    holder: Any = document
    for key in outer:
        holder = holder[key]
    how = rng.integers(6)
    if how == 0 and outer:
        del holder[last]
    elif how == 1 and isinstance(holder, dict) and outer:
        holder[str(ODD[14 + rng.integers(9)])] = holder.pop(last)
    else:
        holder[last] = ODD[rng.integers(len(ODD))]
    return json.dumps(document[""]).encode()


def nested(text: bytes, rng: np.random.Generator) -> bytes:
    """More brackets, digits or letters than anybody has."""
    place = rng.integers(len(text) + 1)
    much = (b"[" * 100_000, b'{"a":' * 50_000, b"9" * 50_000, b"a." * 50_000, b" " * 100_000)
    return text[:place] + much[rng.integers(len(much))] + text[place:]


def noise(text: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes more, fewer or other."""
    spoiled = bytearray(text)
    for _ in range(1 + rng.integers(4)):
        place, piece = rng.integers(len(spoiled) + 1), BYTES[rng.integers(len(BYTES))]
        spoiled[place : place + rng.integers(3)] = piece
    return bytes(spoiled)


def cut(text: bytes, rng: np.random.Generator) -> bytes:
    """What was written when the power failed."""
    return text[: rng.integers(len(text))]


def other(text: bytes, rng: np.random.Generator) -> bytes:
    """Something else altogether."""
    things = (
        b"",
        b"null",
        b"[]",
        b"{}",
        b"0",
        b'""',
        b"\xff\xfe",
        b"true",
        b"[null]",
        b"NaN",
        b"\n",
    )
    return things[rng.integers(len(things))]


def repacked(text: bytes, rng: np.random.Generator) -> bytes:
    """A zip with one of its files spoiled."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(text)) as whole, zipfile.ZipFile(packed, "w") as again:
        parts = {name: whole.read(name) for name in whole.namelist()}
        names = ["data", "policy.pth"] if "data" in parts else [*parts]
        name = names[rng.integers(len(names))]
        inner = repacked if name == "policy.pth" and rng.integers(2) else noise
        kinds = [changed, changed, noise, cut, other] if name == "data" else [inner, noise, cut]
        parts[name] = kinds[rng.integers(len(kinds))](parts[name], rng)
        for name, content in parts.items():
            again.writestr(name, content)
    return packed.getvalue()


def headed(text: bytes, rng: np.random.Generator) -> bytes:
    """Tensors under a head that says something else of them."""
    end = 8 + int.from_bytes(text[:8], "little")
    head = changed(text[8:end], rng)
    return len(head).to_bytes(8, "little") + head + text[end:]


ITS_OWN = {".json": [changed] * 5, ".zip": [repacked] * 5, ".safetensors": [headed] * 3}
"""How files of a kind are spoiled besides."""


@contextmanager
def spoiled(file: Path, rng: np.random.Generator, beside: list[Path]) -> Iterator[str]:
    """The file spoiled in some way, for a while; what was done."""
    whole = file.read_bytes()
    kinds = [*ITS_OWN.get(file.suffix, []), noise, noise, cut, other, nested, "instead"]
    kind = kinds[rng.integers(len(kinds))]
    file.unlink()
    if callable(kind):
        text = kind(whole, rng)
        file.write_bytes(text)
        told = f"{kind.__name__}: {text[:3000]!r}"
    else:
        told = instead(file, rng, beside)
    try:
        yield told
    finally:
        if file.is_dir() and not file.is_symlink():
            file.rmdir()
        else:
            file.unlink(missing_ok=True)
        file.write_bytes(whole)


def instead(file: Path, rng: np.random.Generator, beside: list[Path]) -> str:
    """No file at all, or another."""
    how = ("folder", "pipe", "zeros", "loop", "nowhere", "gone", "another")[rng.integers(7)]
    if how == "folder":
        file.mkdir()
    elif how == "pipe":
        os.mkfifo(file)
    elif how == "another":
        file.write_bytes(beside[rng.integers(len(beside))].read_bytes())
    elif how != "gone":
        file.symlink_to({"zeros": "/dev/zero", "loop": file.name, "nowhere": "/no/where"}[how])
    return how


# --- what must hold ---


class Hanging(BaseException):
    """What no command catches, as a TimeoutError, which is an OSError, would be."""


def given_up(*_: object) -> None:
    raise Hanging(f"no answer within {PATIENCE} seconds")


def contents(folder: Path, but: Path) -> dict[str, bytes]:
    """Of all files in a folder but one."""
    files = (file for file in folder.iterdir() if file != but and file.name[0] != ".")
    return {file.name: file.read_bytes() for file in files}


def survives(target: Target, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]) -> int:
    """The exit code; what else a command may not do is not done."""
    beside = [file for file in target.kept.iterdir() if file != target.file]
    before = contents(target.kept, target.file)
    capsys.readouterr()
    with spoiled(target.file, rng, beside or [target.file]) as told:
        signal.setitimer(signal.ITIMER_REAL, PATIENCE)
        try:
            code = target.read()
        except BaseException as error:
            error.add_note(f"{target.file}, {told}")
            raise
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        said = capsys.readouterr().err
        assert code in (0, 1, 2), told
        assert all(line.isprintable() for line in said.splitlines()), told
        if code == 2:
            assert said.count("\n") == said.count("routing-game: error: ") == 1, (told, said)
            assert len(said) < 3000, told
        assert contents(target.kept, target.file) == before, told
    assert contents(target.kept, target.file) == before
    return code


@pytest.fixture
def alarm() -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, given_up)
    yield
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports are judged, but neither drawn nor written."""

    def present(directory: Any, records: Any) -> int:
        return int(judge(directory.spec, records).done["error"].is_not_null().any())

    def present_hidden(directory: Any, records: Any, workers: int) -> None:
        suite_judge.judge(directory.spec, records)

    monkeypatch.setattr(checks, "present", present)
    monkeypatch.setattr(checks, "present_hidden", present_hidden)
    monkeypatch.setattr(curve, "draw", lambda *_: Figure())


@pytest.mark.usefixtures("alarm", "undrawn")
def test_no_spoiled_file_ends_in_a_traceback_a_wait_or_a_loss(
    targets: list[Target], capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(2026)
    assert [target.read() for target in targets] == [0] * len(targets)
    codes = [survives(targets[k % len(targets)], rng, capsys) for k in range(300)]
    assert codes.count(2) > 150
    assert [target.read() for target in targets] == [0] * len(targets)


@pytest.mark.slow
@pytest.mark.usefixtures("alarm", "undrawn")
@pytest.mark.parametrize("seed", range(10))
def test_nor_do_thousands_of_them(
    targets: list[Target], capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    for k in range(600):
        survives(targets[k % len(targets)], rng, capsys)


@pytest.mark.slow
@pytest.mark.usefixtures("alarm")
def test_nor_while_pages_are_drawn_from_them(
    targets: list[Target], capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(7)
    for k in range(60):
        survives(targets[k % 6], rng, capsys)
