"""The sentences of the paper on the page of figures: writes the lists in docs/figures.md.

    python docs/paper_figures.py

A list follows a comment such as `<!-- sentences: 4 -->` and reaches to the next blank line.
tests/test_paper_figures.py checks that the page is what this file writes.
"""

from __future__ import annotations

import re
from pathlib import Path

from routing_game.experiments.paper.planes import CHOICES
from routing_game.experiments.paper.scene import Scene
from routing_game.experiments.paper.words import markdown

PAGE = Path(__file__).parent / "figures.md"


def filled(page: str) -> str:
    """The page with its lists written anew."""
    scenes = [Scene(name) for name in CHOICES]

    def anew(place: re.Match[str]) -> str:
        return f"{place[1]}{markdown(place[2], scenes)}\n"

    lists = r"(<!-- sentences: (\w+) -->\n<!-- numbers: .* -->\n)(?:.+\n)*"
    return re.sub(lists, anew, page)


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
