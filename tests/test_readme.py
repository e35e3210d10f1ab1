"""The README's examples and the docstrings' run as they are printed."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FOLDERS = ("theory", "envs", "agents", "experiments")
MODULES = [
    ".".join(("routing_game", *path.relative_to(ROOT).with_suffix("").parts))
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("[a-z]*.py"))
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_of_a_page_run(page: Path) -> None:
    sybil = Sybil(parsers=[PythonCodeBlockParser()], path=str(page.parent), pattern=page.name)
    for example in sybil.parse(page).examples():
        example.evaluate()


def test_the_readme_has_its_example() -> None:
    blocks = (ROOT / "README.md").read_text(encoding="utf-8").split("```python")[1:]
    assert blocks
    assert len([line for line in blocks[0].split("```")[0].splitlines() if line]) == 8


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_docstring_examples_are_found() -> None:
    assert len(MODULES) > 20
    assert "routing_game.experiments.cells.spec" in MODULES
    finder = doctest.DocTestFinder()
    assert (
        sum(
            len(t.examples)
            for t in finder.find(importlib.import_module("routing_game.theory.provider"))
        )
        >= 2
    )
