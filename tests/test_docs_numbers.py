"""Every number in the README and docs is one of a file in docs/results, made by a command.

A block of a page (a table, a list, a paragraph) that prints results follows a comment with their
files:

    <!-- numbers: results/catalog.json, results/mixtures.json -->

Each number of the block must be one of the files', to the digits printed. In a table a row whose
first cell is a name in a file must find its numbers under that name, and there a cell under its
column's name, if it is one.

    <!-- numbers: given -->      parameters, definitions, formulas: no result
    <!-- numbers: test_name -->  results that are constants of that test; so it is, without a mark,
                                 below an anchor of a test's name, up to the next
    <!-- numbers: not yet -->    results that have no file yet

Only prose without fractions and percentages, and tables without numbers, may stay unmarked.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = ["../README.md", *sorted(page.name for page in DOCS.glob("*.md"))]
RESULTS = sorted(file.name for file in (DOCS / "results").glob("*.json"))
NO_FILE = ("", "given", "not yet")


class Block(NamedTuple):
    """Consecutive lines of a page outside of code, and what the comment before them says."""

    line: int
    mark: str
    text: str

    @property
    def rows(self) -> list[list[str]]:
        """The cells of a table, heading first; none of prose."""
        if not self.text.startswith("|"):
            return []
        return [row.strip().strip("|").split("|") for row in self.text.split("\n")]


class Number(NamedTuple):
    shown: str
    value: float
    decimals: int
    percent: bool

    def prints(self, value: float) -> bool:
        """Would the value be printed like this?"""
        scales = (1, 100) if self.percent else (1,)
        near = 0.5 * 10.0**-self.decimals * (1 + 1e-9)
        return any(abs(value * x - self.value) <= near for x in scales)


def blocks(page: str) -> Iterator[Block]:
    lines = (DOCS / page).read_text(encoding="utf-8").split("\n")
    mark, kept, code, anchor = "", [], False, ""
    for k, line in enumerate([*lines, ""], start=1):
        ends = not line.strip() or line.startswith(("```", "#", "<!--"))
        if ends and kept:
            yield Block(k - len(kept), mark or anchor, "\n".join(kept))
            mark, kept = "", []
        if line.startswith("```"):
            code = not code
        elif found := re.match(r"<!-- numbers: (.*) -->", line):
            mark = found[1]
        elif found := re.match(r'<a id="(test_\w+)"></a>', line):
            anchor = found[1]
        elif not (ends or code):
            kept.append(line)


NAME = re.compile(r"[A-Za-zµ][\w-]*(\.\d[\w-]*)*")  # M1, t4-cascade, gpt-4.1-o3
REFERENCE = re.compile(  # to what has a number in the paper or on the page; a licence, a year
    r"\b([Ss]ections?|Theorems?|Lemma|Propositions?|Figures?|entry|CC\s+BY)\s+\d+(\.\d+)?"
    r"((,| and| to)\s+\d+\.\d+)*|\(\d+(\.\d+)?\)|(?<=[a-z] )(19|20)\d\d(?=\))"
)
NUMBER = re.compile(r"(?<![\w.,])-?(\d{1,3}([ ,]\d{3})+|\d+)?(\.\d+)?")


def bare(text: str) -> str:
    """What is left of Markdown without code, targets of links, indices, exponents and names."""
    text = re.sub(r"`[^`]*`|\]\([^)]*\)|<[a-z/][^>]*>", " ", text)
    text = re.sub(r"10\^(\d|\{[-\d]+\})", power_of_ten, text)
    text = REFERENCE.sub(" ", text.replace("\\,", " ").replace("\\%", "%"))
    text = text.replace("−", "-")
    text = re.sub(r"[_^](\{[^{}]*\}|\w|\\\w+)", " ", text)
    return NAME.sub(" ", text.replace("\\", " "))


def power_of_ten(match: re.Match[str]) -> str:
    exponent = int(match[1].strip("{}"))
    return f"{10.0**exponent:.{max(0, -exponent)}f}"


def numbers(text: str) -> list[Number]:
    text, found = bare(text), []
    for match in NUMBER.finditer(text):
        digits = re.sub(r"[ ,]", "", match[0])
        if re.search(r"\d", digits):
            percent = bool(re.match(r"\s*%", text[match.end() :]))
            decimals = len(digits.partition(".")[2])
            found.append(Number(match[0], float(digits), decimals, percent))
    return found


def of_results(found: list[Number]) -> list[Number]:
    """Prose counts in small whole numbers (two models, route 1): those need no file."""
    return [x for x in found if x.decimals or x.percent or abs(x.value) >= 10]


def leaves(values: Any) -> Iterator[float]:
    """Every number among the values, and those in their names."""
    if isinstance(values, dict):
        for name, value in values.items():
            yield from (x.value for x in numbers(name))
            yield from leaves(value)
    elif isinstance(values, list):
        for value in values:
            yield from leaves(value)
    elif isinstance(values, (int, float)) and not isinstance(values, bool):
        yield values


def label(cell: str) -> str:
    """A cell as a name: `$J^*$` is J."""
    return " ".join(re.sub(r"[$`*^\\]", "", cell).split())


def under(files: list[Any], name: str) -> list[Any]:
    """The part of the files with this name, or all if none has it."""
    found = [values[name] for values in files if isinstance(values, dict) and name in values]
    return found or files


def strangers(block: Block, files: list[Any]) -> list[str]:
    """The numbers of a block that its files do not hold where they should."""
    lost = []
    if not block.rows:
        parts = [(of_results(numbers(block.text)), files)]
    else:
        heading, _, *rows = block.rows
        parts = [(numbers(" ".join(heading)), files)]
        for row in rows:
            scope = under(files, label(row[0]))
            parts.append((numbers(row[0]), files))
            for name, cell in zip(heading[1:], row[1:], strict=True):
                parts.append((numbers(cell), under(scope, label(name))))
    for found, scope in parts:
        held = list(leaves(scope))
        lost += [x.shown for x in found if not any(x.prints(value) for value in held)]
    return lost


@functools.cache
def result(name: str) -> dict[str, Any]:
    return json.loads((DOCS / name).read_text(encoding="utf-8"))


def source(mark: str) -> Any:
    """What the part of a mark names: the values of a file, or the constants of a test."""
    name = mark.strip()
    return constants()[name] if name.startswith("test_") else result(name)["values"]


@functools.cache
def constants() -> dict[str, list[float]]:
    """The numbers in each test's source, with those of what its file has besides tests."""
    found = {}
    for path in (ROOT / "tests").glob("test_*.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        tests = [x for x in body if isinstance(x, ast.FunctionDef) and x.name.startswith("test_")]
        shared = [value for x in body if x not in tests for value in worth(x)]
        found |= {test.name: [*worth(test), *shared] for test in tests}
    return found


def worth(tree: ast.AST) -> Iterator[float]:
    """Every number in a piece of source; `3 / 11` and `-0.5` are numbers, too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.BinOp | ast.UnaryOp):
            names = [x for x in ast.walk(node) if not isinstance(x, ARITHMETIC)]
            value = None if names else eval(compile(ast.Expression(node), "", "eval"))
            if type(value) in (int, float) and abs(value) < 1e15:
                yield float(value)


ARITHMETIC = (ast.Constant, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop)


@functools.cache
def script() -> Any:
    path = DOCS / "results" / "make.py"
    sys.path.insert(0, str(path.parent))  # as if it were run
    spec = importlib.util.spec_from_file_location("make_results", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- the pages


@pytest.mark.parametrize("page", PAGES)
def test_numbers_are_those_of_the_files_that_are_named(page: str) -> None:
    wrong = {}
    for block in blocks(page):
        if block.mark not in NO_FILE:
            files = [source(name) for name in block.mark.split(",")]
            if lost := strangers(block, files):
                wrong[f"line {block.line}, {block.mark}"] = lost
    assert not wrong


@pytest.mark.parametrize("page", PAGES)
def test_no_number_is_without_a_file(page: str) -> None:
    wrong = {}
    for block in blocks(page):
        found = numbers(block.text)
        if not block.mark and (block.rows or any(x.decimals or x.percent for x in found)):
            wrong[block.line] = [x.shown for x in found]
    assert not any(wrong.values()), wrong


def test_what_is_not_marked_yet_is_known() -> None:
    waiting = [page for page in PAGES for block in blocks(page) if block.mark == "not yet"]
    assert waiting == ["extensions.md"] * 2  # correlated retries: what was measured


# --- the files


@pytest.mark.parametrize("name", RESULTS)
def test_each_file_says_what_makes_it(name: str) -> None:
    file = result(f"results/{name}")
    assert set(file) == {"command", "made", "values"}
    assert re.fullmatch(r"[0-9a-f]{7,40}\+?", file["made"]["commit"])
    assert list(leaves(file["values"]))
    for command in file["command"].split("; "):
        makes_it(command, name, file["made"])


def makes_it(command: str, name: str, made: dict[str, Any]) -> None:
    program, *words = shlex.split(command)
    if program == "python":
        assert words == ["docs/results/make.py", name.removesuffix(".json")]
        assert words[1] in script().RESULTS | script().SLOW
        assert "transcribed" not in made
    elif program == "make":
        assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    else:
        from routing_game.experiments.commands.parser import parse

        assert program == "routing-game"
        assert parse(words)


def test_each_file_is_printed_from() -> None:
    named = {name.strip() for page in PAGES for b in blocks(page) for name in b.mark.split(",")}
    named = {name for name in named if not name.startswith("test_")}
    assert named - {*NO_FILE} == {f"results/{name}" for name in RESULTS}


QUICK = (
    "catalog",
    "cliffs",
    "extensions",
    "figures",
    "mixtures",
    "remedies-fading",
    "remedies-subscription",
    "remedies-work",
)
"""Made in a second or two each; the others take longer, `make numbers` some minutes."""


@pytest.mark.parametrize("name", QUICK)
def test_stored_results_are_what_the_code_gives(name: str) -> None:
    """If a change moves numbers: `make numbers`, and mend the pages that name the file."""
    stored, again = result(f"results/{name}.json")["values"], script().RESULTS[name]()
    assert list(leaves(again)) == pytest.approx(list(leaves(stored)), rel=1e-8, abs=1e-12)


# --- the comparison itself


def test_numbers_are_read_as_they_are_meant() -> None:
    text = "`x=3` $J_1^2 = .5824$, 12.0 % of 81 000 000, 4,526; $10^{-12}$, $10^5$ [3](a4.md) M1."
    found = [(x.value, x.decimals, x.percent) for x in numbers(text)]
    assert found == [
        (0.5824, 4, False),
        (12.0, 1, True),
        (81e6, 0, False),
        (4526, 0, False),
        (1e-12, 12, False),
        (1e5, 0, False),
        (3, 0, False),
    ]


def test_numbers_of_sections_theorems_and_licences_are_no_results() -> None:
    text = (
        "Section 4.1, Theorem 2.4, sections 3.1, 3.2 and 4.2, equation (18), CC BY 4.0, entry 16's"
    )
    assert numbers(text) == []
    assert [x.shown for x in numbers("Theorem 5 gives .85, not 4.2.")] == [".85", "4.2"]


def test_constants_of_tests_are_what_their_source_works_out_to() -> None:
    source = "x = 3 / 11 + f(-0.25, 7)\nflag, huge = True, 10**400"
    found = list(worth(ast.parse(source)))
    assert {3 / 11, -0.25, 0.25, 7.0} <= set(found)
    assert max(found) == 400.0
    here = "test_constants_of_tests_are_what_their_source_works_out_to"
    assert 3 / 11 in constants()[here]


def test_the_digits_printed_decide() -> None:
    (shown,) = numbers(".58")
    assert all(shown.prints(x) for x in (0.575, 0.5751, 0.5849))
    assert not any(shown.prints(x) for x in (0.574, 0.5851))
    (share,) = numbers("12.0 %")
    assert share.prints(0.1196)
    assert share.prints(12.04)
    assert not share.prints(0.1206)


def test_a_number_in_the_wrong_row_or_column_is_a_stranger() -> None:
    values = [{"a": {"x": [1.5], "y": 2}, "b": {"x": 3.25, "y": 4}}]
    head = "| game | `x` | $y$ |\n|---|---|---|\n"
    assert strangers(Block(1, "", head + "| `a` | 1.5 | 2 |\n| b | 3.2 | 4 |"), values) == []
    assert strangers(Block(1, "", head + "| a | 3.25 | 2 |"), values) == ["3.25"]
    assert strangers(Block(1, "", head + "| a | 4 | 1.5 |"), values) == ["4", "1.5"]
    assert strangers(Block(1, "", head + "| c | 4 | 1.5 |"), values) == []  # no such name
    assert strangers(Block(1, "", "Some 3.2 of 4, but 17 and 2.6 %."), values) == ["17", "2.6"]
