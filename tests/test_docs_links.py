"""Links between the pages lead to files that exist, and to anchors that are on the page."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


def prose(page: Path) -> str:
    """The page without its code."""
    text = page.read_text(encoding="utf-8")
    return re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """(file, anchor or "") of each link and picture that does not leave the repository."""
    for target in re.findall(r"\]\(\s*([^)\s]+)\s*\)", prose(page)):
        if not re.match(r"[a-z]+:", target):
            file, _, anchor = target.partition("#")
            yield (page.parent / file).resolve() if file else page, anchor


def anchors(page: Path) -> set[str]:
    """What GitHub lets a link name: headings in lower case with hyphens, and explicit ids."""
    text = prose(page)
    found: dict[str, int] = {}
    for heading in re.findall(r"^#+ +(.+?) *#* *$", text, flags=re.M):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        kept = (letter for letter in shown.lower() if letter in "-_ " or is_word(letter))
        slug = "".join(kept).replace(" ", "-")
        found[slug] = found.get(slug, -1) + 1
    repeated = {f"{slug}-{k}" for slug, last in found.items() for k in range(1, last + 1)}
    return set(found) | repeated | set(re.findall(r"<a id=\"([^\"]+)\">", text))


def is_word(letter: str) -> bool:
    return unicodedata.category(letter)[0] in "LMN"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for file, anchor in links(page):
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(f"{file.name}#{anchor}" if anchor else file.name)
    assert not broken


def test_links_and_anchors_are_found() -> None:
    theory = ROOT / "docs" / "theory.md"
    assert len(list(links(theory))) > 50
    assert {"symbols", "theorem-2", "a-mixed-reply-is-never-worth-provoking"} <= anchors(theory)
    assert "test_equation_18_bound" in anchors(ROOT / "docs" / "errata.md")
    assert "theorem-6" not in anchors(theory)
