"""What is read from files and written to them, at the edges: another's cells, full disks, links."""

import errno
import io
import json
import math
import os
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import numpy as np
import pytest

from routing_game.experiments import InputError, cli, in_a_line
from routing_game.experiments.cells.progress import Steps
from routing_game.experiments.cells.records import Record, RunDirectory
from routing_game.experiments.cells.run import run
from routing_game.experiments.cells.spec import MOST_CELLS, Plan, Spec
from routing_game.experiments.cells.store import Store
from routing_game.experiments.check.learners import LEARNERS
from routing_game.experiments.check.suite import CHECK
from routing_game.experiments.check.traces import NOTHING, QUESTIONS, Trace
from routing_game.experiments.commands import checks
from routing_game.experiments.hidden import suite
from routing_game.experiments.hidden.settings import Settings
from routing_game.files import Misfit, decoded, fitted, is_name, printable, read, write
from routing_game.theory import GAMES, Game, load
from routing_game.theory.exchange import MOST as MOST_GAME
from routing_game.theory.exchange import from_dict, from_json, from_toml, to_dict, to_json, to_toml
from routing_game.theory.exchange import read as read_game

GAME = "t4-cascade"
CHOSEN = Trace([10, 50], [1, 2], [0.25, 0.0], [], [])
ANSWERED = Trace([64] * 102, *(column.tolist() for column in QUESTIONS), [0.5] * 102, [0.5] * 102)


def a_spec(*learners: str, games: tuple[str, ...] = (GAME,), practice: int = 50) -> Spec[Any]:
    plans = {name: Plan(games, practice, 1) for name in learners}
    return Spec("smoke", {name: GAMES[name] for name in games}, plans)


def a_run(path: Path, *learners: str, error: str | None = None) -> RunDirectory[Any, Trace]:
    """As if learners had played."""
    directory = RunDirectory.create(CHECK, path, a_spec(*learners))
    for cell in directory.spec.cells():
        trace = ANSWERED if "user" in cell.learner else CHOSEN
        trace = NOTHING if error else trace
        directory.keep(Record(*cell, directory.spec.digest, "abc", 0.5, error, trace))
    return directory


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


# --- what is read ---


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for file, words in [
        (tmp_path, "Is a directory"),
        (tmp_path / "pipe", "Not a regular file"),
        (Path("/dev/zero"), "Not a regular file"),
        (tmp_path / "nowhere", "No such file"),
    ]:
        with pytest.raises(OSError, match=words) as error:
            read(file)
        assert error.value.filename == str(file)


def test_a_file_may_be_so_long_and_no_longer(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read(tmp_path / "file", 5) == b"12345"
    with pytest.raises(ValueError, match="expected at most 4 bytes, got 5"):
        read(tmp_path / "file", 4)


@pytest.mark.parametrize(
    "text",
    [b"", b"[1", b"NaN", b"[Infinity]", b"1e999", b"9" * 5000, b"[" * 10**6, b"\xff", b'["\xff"]'],
)
def test_what_is_not_json_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError, match="."):
        decoded(text, list[float])


class Nested(msgspec.Struct, forbid_unknown_fields=True):
    """Something of each kind of rule that schemas of ours have."""

    words: Annotated[list[str], msgspec.Meta(min_length=1)] | None = None
    pair: tuple[float, float] = (0.0, 0.0)
    chance: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    mode: Literal["one", "two"] = "one"
    inner: dict[str, dict[str, Annotated[int, msgspec.Meta(gt=0)]]] = {}


@pytest.mark.parametrize(
    ("data", "words", "place"),
    [
        ([], "it must be a table of names and values, got a list", ""),
        ({"words": "x"}, "words must be a list, got a text", "words"),
        ({"words": []}, "words must be a list of length at least 1", "words"),
        ({"words": ["x", 1]}, "words[1] must be a text, got a whole number", "words[1]"),
        ({"pair": [1.0]}, "pair must be a list of length 2", "pair"),
        ({"chance": 2}, "chance must be a number of at most 1", "chance"),
        ({"chance": None}, "chance must be a number, got null", "chance"),
        ({"mode": "x"}, "mode must be one of the words that there are for it, got 'x'", "mode"),
        ({"mode": True}, "mode must be a text, got true or false", "mode"),
        (
            {"inner": {"a": {"b": 0}}},
            "inner[...][...] must be a whole number of at least 1",
            "inner[...][...]",
        ),
        ({"other": 1}, "it must have no other", ""),
    ],
)
def test_what_fits_no_schema_is_said_in_our_words_with_its_place(
    data: Any, words: str, place: str
) -> None:
    for attempt in (fitted, lambda data, kind: decoded(json.dumps(data), kind)):
        with pytest.raises(Misfit) as caught:
            attempt(data, Nested)
        assert str(caught.value).startswith(words)
        assert caught.value.place == place


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'{"mode"', "expected JSON, got only the beginning of it"),
        (b"{}}", "expected JSON, got trailing characters (byte 3)"),
        (b'{"chance": NaN}', "expected JSON, got invalid character (byte 11)"),
        (b'{"chance": 1e999}', "chance must be a number below 1.8e308"),
    ],
)
def test_what_is_no_json_is_said_in_our_words(text: bytes, words: str) -> None:
    with pytest.raises(Misfit) as caught:
        decoded(text, Nested)
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("text", "means"),
    [
        (r'"\ud83d\ude00"', "\U0001f600"),
        (r'"a\ud83d"', "a\ufffd"),
        (r'"\ude00\ud83d!"', "\ufffd\ufffd!"),
        (r'"\\ud83d \ud83d"', "\\ud83d \ufffd"),
        (r'"\\\ud83d\u0041"', "\\\ufffdA"),
    ],
)
def test_half_a_surrogate_pair_is_read_as_a_letter_unknown(text: str, means: str) -> None:
    assert decoded(text, str) == means


def test_only_what_can_be_shown_is_shown() -> None:
    assert printable("plain é text") == "plain é text"
    assert printable("a\x1b[31m\n\u202eb\udc80") == r"a\x1b[31m \u202eb\udc80"
    assert is_name("module.sub:Ünique agent")
    for name in ("", ".hidden", "../up", "a\\b", "a\nb", "\x1b", "\ud800", "a" * 201):
        assert not is_name(name)


def test_complaints_carry_no_control_characters(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["solve", "\x1b[31mred"], ["report", str(tmp_path / "a\x1bb\nc")]):
        assert cli.main(words) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert error.strip().isprintable()


# --- run directories ---


def test_a_run_of_a_learner_that_is_gone_has_a_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Under its name; what it is goes by its trace, and what fits neither is not judged."""
    a_run(tmp_path / "run", "ucb", "older-bandit", "older-user", "user-tamer")
    assert cli.main(["report", str(tmp_path / "run")]) == 0
    told = capsys.readouterr().out
    page = (tmp_path / "run" / "report.html").read_text()
    for name in ("older-bandit", "older-user", "user-tamer"):
        assert name in told
        assert name in page
    rows = (tmp_path / "run" / "results.csv").read_text().splitlines()
    families = {row.split(",")[0]: row.split(",")[1:3] for row in rows}
    assert families["older-bandit"] == ["unknown", "provider"]
    assert families["older-user"] == ["unknown", "user"]


def test_a_learner_that_is_gone_cannot_be_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["check", "--learners", "older", "--out", str(tmp_path / "run")]) == 2
    assert "expected the name of a learner" in capsys.readouterr().err
    assert "older" not in LEARNERS


def test_a_hidden_run_of_a_rule_that_is_gone_has_a_report(tmp_path: Path) -> None:
    spec = suite.make_spec("smoke", {GAME: GAMES[GAME]}, ("plug-in",), 1, 20)
    plan = spec.plans["plug-in"]
    old = suite.HiddenSpec("smoke", spec.games, {"plug-in": plan, "older rule": plan})
    directory = RunDirectory.create(suite.HIDDEN, tmp_path, old)
    for cell in old.cells():
        tally = suite.Tally(20, 8.0, 4.0, 9.0, 5.0, 3, 2)
        directory.keep(Record(*cell, old.digest, None, 0.5, None, tally))
    assert cli.main(["report", str(tmp_path)]) == 0
    assert "older rule" in (tmp_path / "report.html").read_text()


def test_an_error_text_that_cannot_be_written_does_not_stop_the_report(tmp_path: Path) -> None:
    directory = a_run(tmp_path / "run", "ucb", error="ValueError: \ud800 \x1b[31m")
    (record,) = directory.records()
    assert record.error == r"ValueError: � \x1b[31m"
    assert cli.main(["report", str(tmp_path / "run")]) == 0
    assert r"\x1b[31m" in (tmp_path / "run" / "report.html").read_text()


def test_an_exception_of_anybody_becomes_one_line_that_can_be_written() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise ValueError

    assert in_a_line(ValueError("a\n b\ud800")) == r"ValueError: a b\ud800"
    assert in_a_line(Mute()) == "Mute: (it cannot be printed)"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"learner": "thompson"}, "comes from another run"),
        ({"run": "0" * 12}, "comes from another run"),
        ({"seed": 2**70}, "comes from another run"),
        ({"seed": 0.0}, r"damaged .*seed"),
        ({"seconds": None}, r"damaged .*seconds"),
        ({"seconds": -1.0}, r"damaged .*seconds"),
        ({"trace": None}, r"damaged .*trace"),
        ({"trace": {}}, r"damaged .*trace"),
        ({"trace": vars(CHOSEN) | {"cascade": [0.5, None]}}, r"damaged .*trace.cascade\[1\]"),
        ({"trace": vars(CHOSEN) | {"cascade": [0.5, True]}}, r"damaged .*trace.cascade\[1\]"),
        ({"trace": vars(CHOSEN) | {"practice": [1, 2**63]}}, "damaged .*column practice"),
        ({"trace": vars(CHOSEN) | {"cascade": [0.5, math.nan]}}, "damaged .*invalid character"),
    ],
)
def test_a_cell_is_believed_if_it_says_which_it_is_and_holds_what_it_should(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    directory = a_run(tmp_path, "ucb")
    (file,) = (tmp_path / "cells").iterdir()
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(InputError, match=words) as error:
        [*directory.records()]
    assert str(file) in str(error.value)


def test_a_trace_of_numbers_is_checked_to_the_last_one() -> None:
    for odd in (math.nan, math.inf, 1.5, -0.1, "x", None, True):
        for place in range(3):
            column: Any = [0.5, 0.5, 0.5]
            column[place] = odd
            with pytest.raises(ValueError, match="column cascade must be a list of numbers"):
                Trace([1, 2, 3], [1, 1, 1], column, [], []).check()
    Trace([1, 2], [1, 2], [0, 1.0], [], []).check()


def test_a_users_cell_without_answers_is_none(tmp_path: Path) -> None:
    directory = a_run(tmp_path, "q-user")
    (cell,) = directory.spec.cells()
    directory.keep(Record(*cell, directory.spec.digest, "abc", 0.5, None, CHOSEN))
    with pytest.raises(InputError, match="its trace is not one of q-user"):
        [*directory.records()]


def test_sums_over_other_sessions_than_were_asked_for_are_not_believed(tmp_path: Path) -> None:
    spec = suite.make_spec("smoke", {GAME: GAMES[GAME]}, ("plug-in",), 1, 20)
    directory = RunDirectory.create(suite.HIDDEN, tmp_path, spec)
    cell = spec.cells()[0]
    for tally, words in [
        (suite.Tally(21, 8.0, 4.0, 9.0, 5.0, 3, 2), "not one of plug-in"),
        (suite.Tally(20, 8.0, 4.0, 9.0, 5.0, 21, 2), "expected sums"),
        (suite.Tally(20, 8.0, -4.0, 9.0, 5.0, 3, 2), "expected sums"),
        (suite.Tally(20, 8.0, 4.0, 1e300, 5.0, 3, 2), "expected sums"),
        (suite.Tally(2**70, 8.0, 4.0, 9.0, 5.0, 3, 2), "expected sums"),
    ]:
        directory.keep(Record(*cell, spec.digest, None, 0.5, None, tally))
        with pytest.raises(InputError, match=f"damaged .*{words}"):
            [*directory.records()]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"plans": {"../../up": {"games": [GAME], "practice": 1, "seeds": 1}}}, "expected a name"),
        ({"plans": {"\x1b[31m": {"games": [GAME], "practice": 1, "seeds": 1}}}, "expected a name"),
        ({"plans": {"ucb": {"games": ["none"], "practice": 1, "seeds": 1}}}, "games of the run"),
        ({"plans": {"ucb": {"games": [GAME], "practice": 1, "seeds": 10**9}}}, "at most 1,000,000"),
        ({"plans": {"ucb": {"games": [GAME], "practice": 1, "seeds": 2**80}}}, "seeds"),
        ({"plans": {"ucb": {"games": [GAME], "practice": 1.5, "seeds": 1}}}, "practice"),
        (
            {"plans": {"ucb": {"games": [GAME, GAME], "practice": 50, "seeds": 1}}},
            "expected each game of ucb once",
        ),
        ({"plans": {"ucb": None}}, r"plans\[...\] must be a table"),
        ({"games": {GAME: None}}, r"games\[...\] must be a table"),
        ({"games": {GAME: json.loads(to_json(GAMES[GAME])) | {"value": [1, 2]}}}, "one game"),
        ({"profile": 5}, "profile"),
    ],
)
def test_a_run_that_could_not_be_kept_is_damaged(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    a_run(tmp_path, "ucb")
    facts = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps(facts | {"spec": facts["spec"] | change}))
    with pytest.raises(InputError, match=f"run.json is damaged .*(?:{words})"):
        RunDirectory.open(CHECK, tmp_path)


def test_a_run_of_more_cells_than_can_be_kept_is_not_begun(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["check", "--learners", "ucb", "--games", GAME, "--seeds", str(MOST_CELLS + 1)]
    assert cli.main([*words, "--out", str(tmp_path / "run")]) == 2
    assert "expected at most 1,000,000 cells, got 1,000,001" in capsys.readouterr().err
    assert cli.main([*words[:-1], "1", "--tasks", "1e30", "--out", str(tmp_path / "run")]) == 2
    assert "--tasks: expected at most" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_cell_that_cannot_be_read_is_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = a_run(tmp_path, "ucb")
    (file,) = (tmp_path / "cells").iterdir()

    def refused(*_: Any) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", str(file))

    with monkeypatch.context() as forbidden:
        forbidden.setattr(os, "open", refused)
        with pytest.raises(InputError, match=r"cannot be read \(Permission denied\)") as error:
            [*directory.records()]
    assert "damaged" not in str(error.value)
    assert "delete" not in str(error.value)
    assert len([*directory.records()]) == 1
    file.unlink()
    file.mkdir()
    with pytest.raises(InputError, match=r"cannot be read \(Is a directory\)"):
        [*directory.records()]


def test_the_order_of_learners_and_games_makes_no_other_run(tmp_path: Path) -> None:
    one, other = (
        a_spec("ucb", "exp3", games=(GAME, "t5-cascade")),
        a_spec("exp3", "ucb", games=("t5-cascade", GAME)),
    )
    assert one.identity == other.identity
    assert one.digest != other.digest  # as it is in the records on disk
    begun = RunDirectory.create(CHECK, tmp_path, one)
    for cell in one.cells():
        begun.keep(Record(*cell, one.digest, "abc", 0.5, None, CHOSEN))
    again = RunDirectory.create(CHECK, tmp_path, other)
    assert again.spec == one
    assert len([*again.records()]) == 4
    for another in (a_spec("ucb"), a_spec("exp3", "ucb", games=("t5-cascade", GAME), practice=9)):
        assert another.identity != one.identity
        with pytest.raises(InputError, match="another spec"):
            RunDirectory.create(CHECK, tmp_path, another)


def test_agents_of_ones_own_in_another_order_resume(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "from routing_game.agents import UCB\nX = Y = UCB\n"
    (here / "aa_mine.py").write_text(text)
    (here / "bb_mine.py").write_text(text)
    monkeypatch.setattr(checks, "present", lambda directory, records: len([*records]))
    words = ["check", "--profile", "smoke", "--games", GAME, "--seeds", "1", "--engine", "serial"]
    for learners in ("aa_mine:X,bb_mine:Y", "bb_mine:Y,aa_mine:X"):
        assert cli.main([*words, "--learners", learners]) == 2  # records
        (run,) = Path("runs").iterdir()
    assert len(names(run / "cells")) == 2
    old = run.with_name(f"smoke-{RunDirectory.open(CHECK, run).spec.digest[:6]}")
    run.rename(old)  # as an earlier version would have named it
    assert cli.main([*words, "--learners", "aa_mine:X,bb_mine:Y"]) == 2
    assert [*Path("runs").iterdir()] == [old]


def test_who_starts_at_once_in_a_folder_is_not_refused(tmp_path: Path) -> None:
    spec = a_spec("ucb", "exp3")

    def start(path: Path) -> str:
        directory = RunDirectory.create(CHECK, path, spec)
        (path / "report.html").write_text("a quick one")
        return directory.spec.digest

    with ThreadPoolExecutor(8) as pool:
        for number in range(40):
            path = tmp_path / f"{number}"
            begun = [pool.submit(start, path) for _ in range(8)]
            assert {one.result() for one in begun} == {spec.digest}
            assert names(path) == {"run.json", "cells", "report.html"}
            assert names(path / "cells") == set()


def test_of_two_that_start_at_once_with_other_specs_one_is_refused(tmp_path: Path) -> None:
    specs = [a_spec("ucb"), a_spec("exp3")]

    def start(number: int, path: Path) -> str:
        try:
            return RunDirectory.create(CHECK, path, specs[number % 2]).spec.digest
        except InputError as error:
            return "refused" if "another spec" in str(error) else str(error)

    with ThreadPoolExecutor(8) as pool:
        for number in range(20):
            begun = [pool.submit(start, k, tmp_path / f"{number}") for k in range(8)]
            found = [one.result() for one in begun]
            assert found.count("refused") == 4
            assert len({*found}) == 2


def test_a_run_that_is_begun_anew_is_at_no_time_no_run(tmp_path: Path) -> None:
    """Stopped anywhere in between, the folder can be resumed: `run.json` is there all the time."""
    a_run(tmp_path, "ucb")
    (tmp_path / "report.html").write_text("old")
    forgotten = []

    class Stop(Exception):
        pass

    def stopped(*_: Any, **__: Any) -> None:
        forgotten.append(names(tmp_path / "cells"))
        raise Stop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("routing_game.experiments.cells.records.write", stopped)
        with pytest.raises(Stop):
            RunDirectory.create(CHECK, tmp_path, a_spec("exp3"), fresh=True)
    assert forgotten == [set()]
    assert [*RunDirectory.create(CHECK, tmp_path, a_spec("ucb")).records()] == []
    RunDirectory.create(CHECK, tmp_path, a_spec("exp3"), fresh=True)
    assert [*RunDirectory.open(CHECK, tmp_path).spec.plans] == ["exp3"]


OLD_RUN = """{"spec": {"profile": "smoke", "games": {"t4-cascade": {"value": 1.0, "penalty": 1.5,
"success": [0.3, 0.8], "latency": [0.4, 0.5], "cost": [0.15, 0.6], "ordered": true}}, "plans":
{"ucb": {"games": ["t4-cascade"], "practice": 60, "seeds": 1}}}, "commit": null, "versions": {}}"""
OLD_CELL = """{"learner": "ucb", "game": "t4-cascade", "seed": 0, "run": "RUN", "commit": null,
"seconds": 1, "error": null, "trace": {"practice": [60], "route": [1], "cascade": [0],
"leave_1": [], "leave_2": []}}"""


def test_a_run_begun_by_an_earlier_version_is_read_and_resumed(tmp_path: Path) -> None:
    """Its files as they were: no suite, no source, whole numbers; a digest that is in them."""
    (tmp_path / "cells").mkdir()
    (tmp_path / "run.json").write_text(OLD_RUN)
    cell = tmp_path / "cells" / "ucb__t4-cascade__000.json"
    cell.write_text(OLD_CELL.replace("RUN", "481ea5cb6925"))
    directory = RunDirectory.create(CHECK, tmp_path, a_spec("ucb", practice=60))
    (record,) = directory.records()
    assert (record.trace.cascade, record.seconds, record.source) == ([0.0], 1.0, None)


# --- kept results ---


def answer(cell: float) -> dict[str, Any]:
    return {"x": cell, "half": math.nan, "far": -math.inf, "none": None, "row": [1, (2, "a")]}


def asked(folder: Path, name: str = GAME, **numbers: int) -> list[Any]:
    settings = Settings(name, "smoke", {"tasks": 3, **numbers}, kept=folder, given=GAMES[GAME])
    return settings.each(answer, [0.25, 0.5], Steps())


def same(one: Any, other: Any) -> bool:
    return repr(one) == repr(other)


def test_what_is_kept_comes_back_as_it_was(tmp_path: Path) -> None:
    first = asked(tmp_path)
    assert same(first, [{**answer(x), "row": [1, [2, "a"]]} for x in (0.25, 0.5)])
    assert same(asked(tmp_path), first)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"x": 0.25', '"x": 0.26'),
        ('"x": 0.25', '"x": NaN'),
        ('"x": 0.25', '"x": null'),
        ('"x": 0.25, ', ""),
        ('"result": {', '"result": null, "rest": {'),
        ('"tasks": 3', '"tasks": 4'),
        ('"digest": "', '"digest": "0'),
        ('"digest"', '"digits"'),
        ("[1, [2", "[1, [[2"),
    ],
)
def test_a_number_that_was_changed_lost_or_made_null_is_not_believed(
    tmp_path: Path, old: str, new: str
) -> None:
    asked(tmp_path)
    (file,) = (file for file in tmp_path.iterdir() if '"x": 0.25' in file.read_text())
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(InputError, match=f"{file.name} is damaged .*; delete it"):
        asked(tmp_path)


def test_another_cells_file_under_this_ones_name_is_refused(tmp_path: Path) -> None:
    asked(tmp_path / "one")
    asked(tmp_path / "two", tasks=4)
    one, two = (sorted((tmp_path / run).iterdir()) for run in ("one", "two"))
    for file, foreign in [(one[0], one[1]), (one[0], two[0])]:
        whole = file.read_bytes()
        file.write_bytes(foreign.read_bytes())
        with pytest.raises(InputError, match=f"{file.name} .*the result of another cell"):
            asked(tmp_path / "one")
        file.write_bytes(whole)
    asked(tmp_path / "one")


def test_the_same_game_by_another_name_has_results_of_its_own(tmp_path: Path) -> None:
    """Random numbers depend on the name."""
    asked(tmp_path)
    asked(tmp_path, "my-game")
    assert len(names(tmp_path)) == 4


# --- what is written ---


def test_a_full_disk_is_named_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    write(file, "whole")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device") as error:
        write(file, "more")
    assert error.value.filename == str(file)
    assert names(tmp_path) == {"file"}
    assert file.read_text() == "whole"


def test_a_file_beyond_the_limit_of_a_process_is_named_too(tmp_path: Path) -> None:
    code = (
        "import resource, pathlib; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000));"
        "from routing_game.files import write; write(pathlib.Path('big.json'), 'x' * 10**5)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert "File too large: 'big.json'" in done.stderr
    assert names(tmp_path) == set()


def test_a_draft_cannot_be_foreseen_and_follows_no_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even who knows the name gets nothing written through a link of that name."""
    drafts: list[str] = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (drafts.append(Path(a).name), replace(a, b)))
    for _ in range(3):
        write(tmp_path / "file", "new")
    assert len({*drafts}) == 3
    assert str(os.getpid()) not in drafts[0]
    (tmp_path / "victim").write_text("mine")
    monkeypatch.setattr("routing_game.files.secrets.token_hex", lambda n: "known")
    (tmp_path / ".draft.known").symlink_to("victim")
    with pytest.raises(FileExistsError):
        write(tmp_path / "file", "through the link")
    assert (tmp_path / "victim").read_text() == "mine"


def test_what_is_written_has_the_usual_permissions_and_replaces_a_link(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        (tmp_path / "victim").write_text("mine")
        (tmp_path / "file").symlink_to("victim")
        write(tmp_path / "file", "new")
    finally:
        os.umask(before)
    assert (tmp_path / "victim").read_text() == "mine"
    assert not (tmp_path / "file").is_symlink()
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o644


def test_a_file_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda n: (done.append("synced"), fsync(n)))
    monkeypatch.setattr(os, "replace", lambda a, b: (done.append("named"), replace(a, b)))
    write(tmp_path / "file", "new")
    assert done == ["synced", "named"]


def test_a_cell_waits_for_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may take less time than that; if power is lost it is found empty, and run again."""
    done: list[int] = []
    monkeypatch.setattr(os, "fsync", done.append)
    Store(tmp_path / "cells").keep("one.json", {})
    assert done == []
    assert (tmp_path / "cells" / "one.json").read_text() == "{}"


class Interrupted(NamedTuple):
    """Finished cells, and how they are worked through again: how many were run."""

    cells: Path
    again: Callable[[], int]


@pytest.fixture(params=["check", "hidden", "belief"])
def interrupted(request: pytest.FixtureRequest, tmp_path: Path) -> Interrupted:
    ran: list[float] = []
    if request.param == "belief":

        def job(cell: float) -> float:
            ran.append(cell)
            return cell

        def ask() -> None:
            settings = Settings(GAME, "smoke", {"tasks": 3}, kept=tmp_path / "cells")
            assert settings.each(job, [0.25, 0.5], Steps()) == [0.25, 0.5]

    else:
        kinds: dict[str, tuple[Any, Any]] = {
            "check": (CHECK, a_spec("ucb", "exp3")),
            "hidden": (
                suite.HIDDEN,
                suite.make_spec("smoke", {GAME: GAMES[GAME]}, ("plug-in",), 1, 5),
            ),
        }
        kind, spec = kinds[request.param]
        work = kind.work

        def counted(spec: Any, cells: Any) -> Any:
            ran.extend(range(len(cells)))
            return work(spec, cells)

        def ask() -> None:
            directory = RunDirectory.create(replace(kind, work=counted), tmp_path, spec)
            assert len([*run(directory, "serial")]) == len(spec.cells())

    def again() -> int:
        ran.clear()
        ask()
        return len(ran)

    assert again() > 1
    assert again() == 0
    return Interrupted(tmp_path / "cells", again)


@pytest.mark.parametrize("left", [lambda whole: b"", lambda whole: bytes(len(whole))])
def test_a_cell_that_lost_its_power_is_run_again_and_no_other(
    interrupted: Interrupted, left: Callable[[bytes], bytes]
) -> None:
    """Empty, or of zeros: that is what file systems leave of a file that was not waited for."""
    first, *others = sorted(interrupted.cells.iterdir())
    kept, whole = [file.stat().st_mtime_ns for file in others], first.read_bytes()
    first.write_bytes(left(whole))
    assert interrupted.again() == 1
    assert [file.stat().st_mtime_ns for file in others] == kept
    mended, before = json.loads(first.read_bytes()), json.loads(whole)
    assert mended | {"seconds": 0} == before | {"seconds": 0}
    assert interrupted.again() == 0


@pytest.mark.parametrize("tail", [b"", bytes(100)])
def test_a_cell_of_which_half_was_written_is_named_and_all_else_kept(
    interrupted: Interrupted, tail: bytes
) -> None:
    """That could be anybody's doing, so it is anybody's to delete."""
    first, *others = sorted(interrupted.cells.iterdir())
    kept, whole = [file.stat().st_mtime_ns for file in others], first.read_bytes()
    first.write_bytes(whole[: len(whole) // 2] + tail)
    with pytest.raises(InputError, match=rf"{first.name} is damaged .*; delete it to have"):
        interrupted.again()
    assert len(first.read_bytes()) == len(whole) // 2 + len(tail)
    first.unlink()
    assert interrupted.again() == 1
    assert [file.stat().st_mtime_ns for file in others] == kept


@pytest.mark.parametrize("links", [True, False])
def test_the_first_to_write_a_file_stays_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:

        def unknown(*_: Any) -> None:
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "link", unknown)
    write(tmp_path / "file", "one", first=True)
    write(tmp_path / "file", "two", first=True)
    assert (tmp_path / "file").read_text() == "one"
    assert names(tmp_path) == {"file"}


# --- games and policies ---


@pytest.mark.parametrize(
    "text",
    [
        "value = " + "9" * 10**6,
        "value = 0x" + "f" * 10**6,
        "a." * 10**5 + "a = 1",
        '"#".a.' * 10**4,
        "a = [" * 10**5,
        "a = {" * 10**5,
        "[" + "a." * 10**5 + "a]",
    ],
)
def test_a_text_in_toml_takes_no_time_to_refuse(text: str) -> None:
    with pytest.raises(ValueError, match="a game must be written in TOML"):
        from_toml(text)


def test_names_without_end_are_cut_in_complaints() -> None:
    whole = json.loads(to_json(GAMES[GAME]))
    for extra in ({f"k{n}": 1 for n in range(100_000)}, {"k" * 100_000: 1}):
        with pytest.raises(ValueError, match="got an unknown k") as error:
            from_json(json.dumps(whole | extra))
        assert len(str(error.value)) < 700


@pytest.mark.parametrize("ending", [".toml", ".json"])
def test_a_games_file_holds_thousands_of_games_and_no_more(tmp_path: Path, ending: str) -> None:
    """So many that the worst file of this length is read within a second or two."""
    file, most = tmp_path / f"many{ending}", MOST_GAME[ending]
    many = Game.stack([GAMES[GAME]] * (most // 70))
    file.write_text({".toml": to_toml, ".json": to_json}[ending](many))
    assert len(read_game(file)) > 1000
    file.write_text(file.read_text() + " " * most)
    with pytest.raises(ValueError, match=f"many{ending}: expected at most {most:,} bytes"):
        read_game(file)


def test_what_lies_deep_in_a_mapping_is_no_number() -> None:
    deep: Any = 1.0
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(ValueError, match="value must be .* at most 8 within each other"):
        from_dict(to_dict(GAMES[GAME]) | {"value": deep})


def test_a_games_file_is_a_file_of_some_length(tmp_path: Path) -> None:
    file = tmp_path / "one.toml"
    os.mkfifo(file)
    with pytest.raises(OSError, match="Not a regular file"):
        read_game(file)
    file.unlink()
    file.write_bytes(b"#" * (1 << 21))
    with pytest.raises(ValueError, match=r"one.toml: expected at most"):
        read_game(file)


class TestPolicies:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        saved = pytest.importorskip("routing_game.agents.saved", exc_type=ImportError)
        import gymnasium as gym
        from stable_baselines3 import PPO

        model = PPO("MlpPolicy", gym.make("RoutingGame/User-v0"), policy_kwargs={"net_arch": [4]})
        saved.save_policy(model.policy, tmp_path / "mine")
        return tmp_path / "mine"

    def test_whatever_is_wrong_with_a_policy_is_one_line(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        from safetensors.torch import load, save

        tensors = read(folder / "policy.safetensors")
        broken = {name: x * np.nan for name, x in load(tensors).items()}
        about = json.loads(read(folder / "policy.json"))

        def network(**changes: Any) -> str:
            return json.dumps(about | {"network": about["network"] | changes})

        for file, content in [
            ("policy.json", network(settings={"net_arch": [10**6, 10**6]})),
            ("policy.json", network(settings={"net_arch": {"pi": [10**9], "vf": [-1]}})),
            ("policy.json", network(action_space=10**30)),
            ("policy.json", network(observation_space={"low": [0], "high": []})),
            ("policy.json", network(policy="\x1b[31m")),
            ("policy.json", "[" * 10**5),
            ("policy.json", "\ud800".encode("utf-8", "surrogatepass")),
            ("policy.safetensors", b""),
            ("policy.safetensors", tensors[:-1]),
            ("policy.safetensors", b"\xff" * 100),
            ("policy.safetensors", save(broken)),
        ]:
            whole = read(folder / file)
            (folder / file).write_bytes(content if isinstance(content, bytes) else content.encode())
            assert cli.main(["tournament", GAME, "--user", str(folder)]) == 2
            error = capsys.readouterr().err
            assert error.count("\n") == 1
            assert str(folder) in error
            (folder / file).write_bytes(whole)
        assert cli.main(["tournament", GAME, "--user", str(folder)]) == 0

    def test_tensors_under_a_head_without_end_are_refused_at_once(self, folder: Path) -> None:
        saved = pytest.importorskip("routing_game.agents.saved", exc_type=ImportError)
        head = json.dumps(
            {f"k{n}": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for n in range(30_000)}
        ).encode()
        (folder / "policy.safetensors").write_bytes(len(head).to_bytes(8, "little") + head)
        with pytest.raises(ValueError, match="under a head of 1,048,576 bytes"):
            saved.load_user(folder)

    @pytest.mark.parametrize(
        ("part", "content", "words"),
        [
            ("data", b"[]" * (1 << 20), "expected data of at most 1,048,576 bytes"),
            ("data", b"[]", "it must be a table of names and values, got a list"),
            ("data", b'{"policy_class": 1}', "policy_class must be a table"),
            ("data", b"[" * 10_000, "few brackets"),
            ("policy.pth", b"", "policy.pth holds no weights: BadZipFile"),
            ("data.pkl", b"\x80\x02" + b"]" * (1 << 20) + b".", "of at most 1,048,576 bytes"),
            ("data.pkl", b"\x80\x02].", "something else than weights"),
            ("data.pkl", b"\x80\x02}X\x01\x00\x00\x00aK\x01s.", "something else than weights"),
            ("data.pkl", b"", "policy.pth holds no weights"),
            ("data.pkl", b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00ls\x85R.", "more than weights"),
        ],
    )
    def test_a_zip_that_is_not_as_sb3_wrote_it_is_named(
        self, folder: Path, part: str, content: bytes, words: str
    ) -> None:
        import gymnasium as gym
        from stable_baselines3 import PPO

        from routing_game.agents.saved import load_user

        model = PPO("MlpPolicy", gym.make("RoutingGame/User-v0"), policy_kwargs={"net_arch": [4]})
        file = folder.parent / "mine.zip"
        model.save(file)
        load_user(file)
        file.write_bytes(with_part(file.read_bytes(), part, content))
        with pytest.raises(ValueError, match=words) as error:
            load_user(file)
        assert str(file) in str(error.value)


def with_part(packed: bytes, name: str, content: bytes) -> bytes:
    """A zip in which the file of that name, or in the zips in it, holds something else."""
    again = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as whole, zipfile.ZipFile(again, "w") as other:
        for part in whole.namelist():
            text = whole.read(part)
            if part.rpartition("/")[2] == name:
                text = content
            elif part == "policy.pth" and name == "data.pkl":
                text = with_part(text, name, content)
            other.writestr(part, text)
    return again.getvalue()


@pytest.mark.parametrize("name", ["mine.TOML", "mine.Json", "MINE.JSON"])
def test_the_ending_of_a_games_file_may_be_in_capitals(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    """As some systems write it; before, such a file was an unknown name."""
    monkeypatch.chdir(tmp_path)
    assert cli.main(["solve", "t4-cascade", "--save", name]) == 0
    assert load(name) == load(Path(name)) == load("t4-cascade")
    capsys.readouterr()
    assert cli.main(["solve", name]) == cli.main(["solve", "."]) == 0
    out, error = capsys.readouterr()
    assert out.count("0.5824") >= 2
    assert not error
