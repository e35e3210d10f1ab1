"""The index of the paper is what its script writes, names all of the paper, and leads somewhere."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from pathlib import Path

import pytest

from paper_text import ABSENT, PAPER

DOCS = Path(__file__).parents[1] / "docs"
sys.path.append(str(DOCS))
paper_index = importlib.import_module("paper_index")

ROWS = [row for rows in paper_index.tables().values() for row in rows]
NUMBERED = [
    "Theorem 1",
    *(f"Theorem 2.{part}" for part in range(1, 5)),
    *(f"Theorem 3.{part}" for part in range(1, 3)),
    "Theorem 4",
    *(f"Theorem 5.{part}" for part in range(1, 4)),
    "Lemma 1",
    "Lemma 2",
    "Lemma 3.1",
    "Lemma 3.2",
    "Lemma 4",
    "Lemma 5",
    "Lemma 6.1",
    "Lemma 6.2",
    *(f"Proposition 1.{part}" for part in range(1, 4)),
    "Proposition 2",
    *(f"({number})" for number in range(1, 40)),
    *(f"Figure {number}" for number in range(1, 6)),
    "Table 1",
]
"""What the paper numbers, in the order of the index."""
CLAIM = re.compile("Theorem|Lemma|Proposition")


def test_the_page_is_what_the_script_writes() -> None:
    page = paper_index.PAGE.read_text(encoding="utf-8")
    assert page == paper_index.written(), "run `python docs/paper_index.py`"


def test_all_that_the_paper_numbers_is_there_in_order() -> None:
    assert [row.item for row in ROWS][: len(NUMBERED)] == NUMBERED


@pytest.mark.skipif(not PAPER.exists(), reason=ABSENT)
def test_the_paper_numbers_nothing_else() -> None:
    text = PAPER.read_text(encoding="utf-8")
    printed = set(re.findall(r"\b(?:Theorem|Lemma|Proposition|Figure|Table) \d+", text))
    assert printed == {item.split(".")[0] for item in NUMBERED if not item.startswith("(")}
    lines = re.findall(r"\\tag\{(\d+)\}|\$?\\quad \((\d+)\)|\((\d+)\)\s*$", text, flags=re.M)
    numbers = {int(next(filter(None, groups))) for groups in lines}
    assert set(range(1, 40)) <= numbers


@pytest.mark.parametrize("code", sorted({code for row in ROWS for code in row.code}))
def test_code_exists(code: str) -> None:
    module, name = paper_index.module_and_name(code)
    found = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part) if hasattr(found, part) else found.__annotations__[part]


def test_tests_exist_and_every_claim_and_equation_has_one() -> None:
    there = paper_index.tests()
    assert {name for row in ROWS for name in row.tests} <= set(there)
    for row in ROWS[: NUMBERED.index("(39)") + 1]:
        assert row.tests, row.item
        assert row.code, row.item
    for row in ROWS:
        if CLAIM.match(row.item):
            number = row.item.lower().replace(" ", "_").replace(".", "_")
            assert row.tests[0].startswith(f"test_{number}"), row.item


def test_every_test_of_a_claim_is_in_the_index_and_on_the_page_of_theory() -> None:
    """Whatever test_paper_claims.py and its like name after the paper."""
    files = paper_index.tests()
    ours = {"test_paper_claims.py", "test_paper_lemmas.py", "test_paper_equations.py"}
    named = "test_(theorem|lemma|proposition|equations|completed)_"
    claims = {name for name, file in files.items() if file in ours and re.match(named, name)}
    page = (DOCS / "theory.md").read_text(encoding="utf-8")
    mentioned = set(re.findall(r"`(test_\w+)`", page))
    assert claims <= {name for row in ROWS for name in row.tests}
    assert claims <= mentioned <= set(files)


def test_every_erratum_is_in_the_index() -> None:
    assert {anchor for row in ROWS for anchor in row.errata} == set(paper_index.errata())


def test_rows_lead_somewhere() -> None:
    for row in ROWS:
        assert row.code or row.pages or row.item == "Table 1", row.item
    assert len({row.item for row in ROWS}) == len(ROWS)


def test_lines_of_the_equations_are_marked_in_the_tests() -> None:
    """(n) stands as a comment beside the line that computes or compares it."""
    source = (Path(__file__).parent / "test_paper_equations.py").read_text(encoding="utf-8")
    tree = ast.parse(source)
    lines = source.splitlines()
    for part in tree.body:
        if isinstance(part, ast.FunctionDef) and part.name.startswith("test_equations_"):
            first, last = map(int, re.findall(r"\d+", part.name))
            body = "\n".join(lines[part.lineno - 1 : part.end_lineno])
            marked = {int(n) for n in re.findall(r"#.*?\((\d+)\)", body)}
            assert marked == set(range(first, last + 1)), part.name
