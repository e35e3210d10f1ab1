"""Pages on a question: its answer and its evidence, for the terminal and as HTML, CSV and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from routing_game.experiments.cells.origin import commit, versions
from routing_game.experiments.pages.html import embedded, render, whole
from routing_game.experiments.pages.tables import Head, rounded, shown
from routing_game.experiments.pages.words import cell, wrapped
from routing_game.files import write

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
    title: str = ""
    """What it is called where it is folded."""
    heads: Mapping[str, Head] = field(default_factory=dict)
    """Column -> how the page shows it; what has none is in the file alone. Empty: all."""


@dataclass(frozen=True)
class Page:
    """What came of an experiment; its sentences are made from numbers of the tables."""

    title: str
    question: str
    answer: tuple[str, ...]
    """In plain words, at most three sentences."""
    figures: tuple[Picture, ...]
    """The first one belongs to the answer."""
    tables: tuple[Table, ...]
    settings: Mapping[str, object]
    """What was done: numbers, seeds, rules; shown at the foot of the page."""
    details: tuple[str, ...] = ()
    """The evidence, number by number."""
    terms: Mapping[str, str] = field(default_factory=dict)
    """Word of this page -> what it means."""
    made: str = ""
    """What was done, in a line."""
    notice: str = ""
    """What a reader has to know first, as that a run is too small to conclude from."""


def terminal_page(page: Page) -> str:
    """Title, question and answer, then the evidence, wrapped."""
    head = [page.title, *(wrapped(words, WIDTH) for words in (page.made, page.notice) if words)]
    answer = [wrapped(words, WIDTH) for words in page.answer]
    details = [
        wrapped(words, WIDTH, initial_indent="- ", subsequent_indent="  ") for words in page.details
    ]
    question = wrapped(page.question, WIDTH)
    return "\n".join([*head, question, "", *answer, *[""][: len(details)], *details])


def json_of(facts: Any) -> str:
    """As JSON that every reader takes: numpy's numbers are numbers, and what is none is null."""
    return json.dumps(_plain(facts), indent=1, allow_nan=False)


def _plain(x: Any) -> Any:
    if isinstance(x, Mapping):
        return {str(name): _plain(part) for name, part in x.items()}
    if isinstance(x, np.ndarray | np.generic):
        return _plain(x.tolist())
    if isinstance(x, list | tuple):
        return [_plain(part) for part in x]
    if isinstance(x, float):
        return float(x) if isfinite(x) else None
    return x if x is None or isinstance(x, str | int) else str(x)


def write_page(page: Page, name: str, out: Path) -> Path:
    """Write ``name``.html, ``name``.json and a CSV file for each table; the page's path."""
    facts = {
        "title": page.title,
        "question": page.question,
        "made": page.made,
        "notice": page.notice,
        "answer": page.answer,
        "details": page.details,
        "terms": page.terms,
        "settings": page.settings,
    }
    origin = {"commit": commit(), "versions": versions()}
    tables = [(table, rounded(table.frame)) for table in page.tables]
    for table, frame in tables:
        write(out / f"{name}-{table.name}.csv", frame.write_csv())
    write(out / f"{name}.json", json_of(facts | origin))
    contents = {
        "page": page,
        "name": name,
        "tables": [(table, shown(frame, table.heads)) for table, frame in tables],
    }
    filters = {"embedded": embedded, "cell": cell, "whole": whole}
    write(out / f"{name}.html", render("answer.html", filters, contents | origin))
    return out / f"{name}.html"
