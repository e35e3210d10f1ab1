"""The index of the paper: writes docs/paper-index.md from docs/paper-index.toml.

    python docs/paper_index.py

Links are made from names; tests/test_paper_index.py checks that all of them exist, that nothing of
the paper is left out, and that the page is what this file writes.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

DOCS = Path(__file__).parent
ROOT = DOCS.parent
PAGE = DOCS / "paper-index.md"
HEAD = """\
# Index of the paper

From each theorem, lemma, proposition, numbered equation, figure and table of R. Mahmood,
[*Routing, Cascades, and User Choice for LLMs*](https://arxiv.org/abs/2602.09902) (ICLR 2026), to
code, tests, errata and pages here; then from its definitions and from its sections. Code is in
`routing_game.theory` where no other package is named: `user.best_response` is
`routing_game.theory.user.best_response`.

Written by `python docs/paper_index.py`, tested by `tests/test_paper_index.py`.
"""
COLUMNS = """\
<!-- numbers: given -->
| paper | what | code | tests | errata | pages |
|---|---|---|---|---|---|"""


class Row(NamedTuple):
    """One thing in the paper and where it is here; see docs/paper-index.toml."""

    item: str
    says: str
    code: list[str]
    tests: list[str]
    errata: list[str]
    pages: list[str]


def tables() -> dict[str, list[Row]]:
    """The rows under each heading."""
    data = tomllib.loads((DOCS / "paper-index.toml").read_text(encoding="utf-8"))
    found = {}
    for table in data["tables"]:
        rows = [_row(**fields) for fields in table.get("rows", [])]
        found[table["title"]] = rows + list(_equations(table.get("displays", [])))
    return found


def module_and_name(code: str) -> tuple[str, str]:
    """("routing_game.theory.user", "best_response") of "user:best_response"."""
    module, name = code.split(":")
    outside = module.split(".")[0] in ("agents", "envs", "experiments")
    return f"routing_game.{module if outside else f'theory.{module}'}", name


def tests() -> dict[str, str]:
    """The file of each test, by the test's name."""
    found = {}
    for path in sorted((ROOT / "tests").glob("test_*.py")):
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), flags=re.M):
            found[name] = path.name
    return found


def errata() -> dict[str, str]:
    """The number of each erratum, by its anchor."""
    text = (DOCS / "errata.md").read_text(encoding="utf-8")
    return dict(re.findall(r'^<a id="(\w+)"></a>\n\n### (\d+)\.', text, flags=re.M))


def written() -> str:
    """The page."""
    files, numbers = tests(), errata()
    parts = [HEAD]
    for title, rows in tables().items():
        parts.append(f"## {title}\n\n{COLUMNS}")
        for row in rows:
            wrong = [(int(numbers[anchor]), anchor) for anchor in row.errata]
            cells = [
                [row.item],
                [row.says],
                [_code_link(code) for code in row.code],
                [f"[`{name}`](../tests/{files[name]})" for name in row.tests],
                [f"[{n}](errata.md#{anchor})" for n, anchor in sorted(wrong)],
                [_page_link(page) for page in row.pages],
            ]
            parts[-1] += f"\n| {' | '.join(', '.join(cell) for cell in cells)} |"
        parts[-1] += "\n"
    return "\n".join(parts)


def _row(
    item: str,
    says: str,
    code: str = "",
    tests: str = "",
    errata: str = "",
    pages: str = "",
) -> Row:
    named = ([f"test_{name}" for name in names.split()] for names in (tests, errata))
    return Row(item, " ".join(says.split()), code.split(), *named, pages.split())


def _equations(displays: list[dict[str, Any]]) -> Iterator[Row]:
    """A row for each line of a display."""
    for display in displays:
        lines, errata, proof = display.pop("lines"), display.pop("errata", {}), display.pop("proof")
        for number, says in lines.items():
            wrong = errata.get(number, "")
            yield _row(f"({number})", f"proof of {proof}: {says}", errata=wrong, **display)


def _code_link(code: str) -> str:
    module, name = module_and_name(code)
    short = module.removeprefix("routing_game.")
    path = ROOT / short.replace(".", "/")
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return f"[`{short.removeprefix('theory.')}.{name}`](../{path.relative_to(ROOT)})"


def _page_link(page: str) -> str:
    """Named by its anchor, or else by its file."""
    file, _, anchor = page.partition("#")
    return f"[{(anchor or file.removesuffix('.md')).replace('-', ' ')}]({page})"


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8")
