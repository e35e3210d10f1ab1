"""Pages on a question: its answer and its evidence, for the terminal and as HTML, CSV and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from routing_game.agents.files import write
from routing_game.experiments.cells.origin import commit, versions
from routing_game.experiments.pages.html import embedded, render
from routing_game.experiments.pages.words import cell

if TYPE_CHECKING:
    import polars as pl

WIDTH = 100


@dataclass(frozen=True)
class Picture:
    """A picture with its words."""

    caption: str
    svg: str


@dataclass(frozen=True)
class Table:
    """Numbers with their words; `name` is that of the CSV file."""

    name: str
    caption: str
    frame: pl.DataFrame


@dataclass(frozen=True)
class Page:
    """What came of an experiment; every sentence of `answer` is made from numbers of the tables."""

    title: str
    question: str
    answer: tuple[str, ...]
    figures: tuple[Picture, ...]
    tables: tuple[Table, ...]
    settings: Mapping[str, object]
    """What was done: numbers, seeds, rules; shown at the foot of the page."""


def terminal_page(page: Page) -> str:
    """Title, question and answer, wrapped."""
    answer = [
        fill(words, WIDTH, initial_indent="- ", subsequent_indent="  ") for words in page.answer
    ]
    return "\n".join([page.title, fill(page.question, WIDTH), "", *answer])


def write_page(page: Page, name: str, out: Path) -> Path:
    """Write ``name``.html, ``name``.json and a CSV file for each table; the page's path."""
    facts = {
        "title": page.title,
        "question": page.question,
        "answer": page.answer,
        "settings": page.settings,
    }
    origin = {"commit": commit(), "versions": versions()}
    for table in page.tables:
        write(out / f"{name}-{table.name}.csv", table.frame.write_csv())
    write(out / f"{name}.json", json.dumps(facts | origin, indent=1, default=str))
    write(
        out / f"{name}.html",
        render(
            "answer.html",
            {"embedded": embedded, "cell": cell},
            {"page": page, "name": name, **origin},
        ),
    )
    return out / f"{name}.html"
