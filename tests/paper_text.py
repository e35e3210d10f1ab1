"""The paper's text, and quotations of it, brought to one form in which they can be compared.

The text of the paper (CC BY 4.0) lies beside a checkout where there is any; it is LaTeX between
dollars, with the noise of its extraction. A page quotes it in LaTeX or in plain symbols. `normal`
keeps what a reader would call the words and the formula, and drops how they are set:

- Greek letters, operators, sub- and superscripts, ligatures and accents, in Unicode or in LaTeX,
  get one spelling;
- every quotation mark counts as one, every dash as a minus;
- the star of ``q^*`` is kept, the stars of emphasis are not;
- commands that only set type (``\\left``, ``\\text``, ``\\quad``, environments), braces, dollars,
  subscript signs and white space go.

Letters, digits, signs, brackets, slashes and exponents all count, upper case as upper case.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from games import SHARED

PAPER = SHARED / "paper" / "paper.txt"
ABSENT = "no text of the paper (arXiv 2602.09902) beside this checkout, at shared/paper/paper.txt"
SPAN = 2000
"""Parts of one quotation, joined by "...", follow each other within this many characters."""

_SYMBOLS = {
    "≤": "le",
    "≥": "ge",
    "≠": "ne",
    "∈": "in",
    "∞": "infty",
    "∂": "partial",
    "†": "dagger",
    "·": "cdot",
    "×": "times",
    "∝": "propto",
    "∀": "forall",
    "⟹": "implies",
    "⟺": "iff",
    "□": "square",
    "\u00ad": "",
}
_SAME_NAME = {"leq": "le", "geq": "ge", "neq": "ne", "ast": "*", "dfrac": "frac", "tfrac": "frac"}
_TYPESETTING = re.compile(
    r"\\(?:begin|end)\{\w+\*?\}(?:\{[lcr]+\})?"
    r"|\\(?:left|right|bigg?|Bigg?|text|mathrm|mathbb|mathbf|operatorname|displaystyle"
    r"|quad|qquad|lbrace|rbrace)(?![A-Za-z])"
)


class Quotation(NamedTuple):
    """Words that a page gives as the paper's."""

    line: int
    """Where it starts on the page, counted from 1."""
    words: str


def paper() -> str:
    """The whole text in its normal form."""
    return normal(PAPER.read_text(encoding="utf-8"))


def normal(text: str) -> str:
    """The text without how it is set; see the head of this file."""
    text = re.sub('[‘’“”"]', "'", text)
    text = re.sub("[‐‑–—−]", "-", text)
    text = re.sub("[⁰¹²³⁴-⁹⁺⁻]+", lambda raised: f"^{raised[0]}", text)
    text = "".join(_SYMBOLS.get(letter) or _named(letter) for letter in text)
    text = unicodedata.normalize("NFKD", text)
    text = re.sub("(.)\u0302", r"hat\1", text)
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    text = text.replace("−", "-")
    text = re.sub(r"\\tag\{(\d+)\}", r"(\1)", text)
    text = _TYPESETTING.sub("", text)
    text = re.sub(r"\\([A-Za-z]+)", lambda command: _SAME_NAME.get(command[1], command[1]), text)
    text = re.sub(r"\^\s*\{?\s*\*\s*\}?", "star", text)
    text = re.sub(r"\}\s*\{", "/", text)  # the two halves of a fraction
    return re.sub(r"[\s\\{}_$&~*]", "", text)


def quotations(page: str) -> Iterator[Quotation]:
    """What a page of Markdown has as block quotes, or in prose between typographic marks."""
    page = re.sub(r"^```.*?^```", lambda code: re.sub(".", " ", code[0]), page, flags=re.M | re.S)
    for block in re.finditer(r"(?:^>.*\n?)+", page, flags=re.M):
        yield Quotation(_line(page, block.start()), re.sub("^> ?", "", block[0], flags=re.M))
    prose = re.sub("^>.*", "", page, flags=re.M)
    for mention in re.finditer("“(.*?)”", prose, flags=re.S):
        yield Quotation(_line(prose, mention.start()), mention[1])


def absent(words: str, text: str) -> str | None:
    """The first part of a quotation that the text does not have; None if it has it whole.

    The text is in its normal form. Parts are joined by "..." and follow each other at a distance of
    at most `SPAN`.
    """
    parts = [normal(part) for part in re.split(r"\.\.\.|…", words)]
    parts = [part for part in parts if part]
    if not parts:
        return words
    furthest = 0
    for start in re.finditer(re.escape(parts[0]), text):
        end, found = start.end(), 1
        for part in parts[1:]:
            place = text.find(part, end, end + SPAN)
            if place < 0:
                break
            end, found = place + len(part), found + 1
        if found == len(parts):
            return None
        furthest = max(furthest, found)
    return parts[furthest]


def _named(letter: str) -> str:
    """A Greek letter by its LaTeX name; any other as it is."""
    name = unicodedata.name(letter, "").split()
    if name[:2] == ["GREEK", "SMALL"]:
        return name[-1].lower()
    if name[:2] == ["GREEK", "CAPITAL"]:
        return name[-1].capitalize()
    return letter


def _line(page: str, place: int) -> int:
    return page.count("\n", 0, place) + 1
