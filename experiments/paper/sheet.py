"""The page of a figure: heading, panels, legends, and the paper's sentences with their verdicts.

Everything is placed in inches, so that nothing depends on how much there is to say.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font

from routing_game.experiments.paper.looks import FAILS, FAINT, HOLDS, INK

MARGIN, HEAD, GAP = 0.25, 0.72, 0.3
"""Inches: the edge of the page, the heading, and between columns of text."""
SIZE, PITCH, REST = 8.0, 0.158, 0.09
"""Points of the sentences' type; inches from line to line, and more between sentences."""
INDENT = 0.2
"""Inches by which a sentence stands to the right of its mark."""


class Panel(NamedTuple):
    """Where a panel stands, in inches from the left edge and from below the heading."""

    left: float
    top: float
    width: float
    height: float


class Remark(NamedTuple):
    """A sentence to be set, without LaTeX."""

    panel: str
    holds: bool
    words: str
    why: str


class Note(NamedTuple):
    """A sentence broken into lines."""

    holds: bool
    head: str
    words: list[str]
    why: list[str]

    @property
    def height(self) -> float:
        """Inches."""
        return PITCH * (1 + len(self.words) + len(self.why)) + REST


class Layout(NamedTuple):
    """A page before anything is drawn on it."""

    width: float
    body: float
    """Inches below the heading that panels and legends take."""
    panels: tuple[Panel, ...]
    columns: int
    """Of sentences below the panels; 0 to set them in one column on the right."""
    aside: float = 0.0
    """Where that column begins, in inches."""
    split: tuple[tuple[str, int], ...] = ()
    """Sentences on which panels have how many of the columns to themselves; none: all share all."""


class Sheet:
    """A figure with its axes made and its sentences set."""

    def __init__(
        self,
        layout: Layout,
        title: str,
        numbers: str,
        remarks: Sequence[Remark],
    ) -> None:
        self.layout = layout
        beside = layout.columns == 0
        across = max(layout.columns, 1)
        room = layout.width - 2 * MARGIN if not beside else layout.width - layout.aside - MARGIN
        column = (room - GAP * (across - 1)) / across
        columns = []
        for panel, count in layout.split or (("", across),):
            about = [remark for remark in remarks if panel in ("", remark.panel)]
            columns += shared([note(remark, column - INDENT) for remark in about], count)
        tallest = max(sum(n.height for n in part) for part in columns) + (0.3 if remarks else 0.0)
        body = max(layout.body, tallest) if beside else layout.body + tallest
        self.height = HEAD + body + MARGIN / 2
        self.figure = Figure(figsize=(layout.width, self.height))
        self.axes = [self._panel(panel) for panel in layout.panels]
        self.write(MARGIN, 0.3, title, fontsize=12)
        self.write(MARGIN, 0.53, numbers, fontsize=8, color=FAINT)
        left, top = (layout.aside, HEAD) if beside else (MARGIN, HEAD + layout.body)
        if remarks:
            heading = "What the paper says, held against this picture"
            self.write(left, top + 0.12, heading, fontsize=9.5)
        for k, part in enumerate(columns):
            self._notes(left + k * (column + GAP), top + 0.36, part)

    def write(self, x: float, y: float, text: str, **look: Any) -> None:
        """A line of text; inches from the left and from the top, to its base line."""
        self.figure.text(x / self.layout.width, 1 - y / self.height, text, **look)

    def legend(self, k: int, handles: Sequence[Any], columns: int = 1) -> None:
        """A legend below panel number k, which takes the panel's width."""
        panel = self.layout.panels[k]
        corner = (
            panel.left / self.layout.width,
            1 - (HEAD + panel.top + panel.height + 0.52) / self.height,
        )
        self.figure.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=corner,
            ncols=columns,
            frameon=False,
            fontsize=8,
            handlelength=3.2,
            borderaxespad=0.0,
            borderpad=0.0,
            columnspacing=1.2,
        )

    def bar(self, k: int) -> Axes:
        """Axes for the colour bar of panel number k."""
        panel = self.layout.panels[k]
        return self._panel(panel._replace(left=panel.left + panel.width + 0.17, width=0.12))

    def _panel(self, panel: Panel) -> Axes:
        width, height = self.layout.width, self.height
        bottom = 1 - (HEAD + panel.top + panel.height) / height
        size = (panel.width / width, panel.height / height)
        return self.figure.add_axes((panel.left / width, bottom, *size))

    def _notes(self, x: float, y: float, notes: Sequence[Note]) -> None:
        for n in notes:
            colour = HOLDS if n.holds else FAILS
            self.write(x, y, "✓" if n.holds else "✗", fontsize=SIZE + 1, color=colour)
            self.write(x + INDENT, y, n.head, fontsize=SIZE, color=colour, weight="bold")
            for line in n.words:
                y += PITCH
                self.write(x + INDENT, y, line, fontsize=SIZE, color=INK)
            for line in n.why:
                y += PITCH
                self.write(x + INDENT, y, line, fontsize=SIZE, color=colour)
            y += PITCH + REST


def note(remark: Remark, width: float) -> Note:
    """A remark in lines of at most that many inches."""
    head = "holds" if remark.holds else "does not hold"
    if remark.panel:
        head = f"{remark.panel}: {head}"
    return Note(remark.holds, head, broken(remark.words, width), broken(remark.why, width))


def broken(text: str, width: float) -> list[str]:
    """The text in lines of at most that many inches."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".lstrip()
        if sum(map(advance, longer)) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


@functools.cache
def advance(letter: str) -> float:
    """Inches that a letter takes."""
    font = get_font(findfont(FontProperties(family="DejaVu Sans")))
    font.set_size(SIZE, 72)
    return float(font.load_char(ord(letter)).linearHoriAdvance / 65536 / 72)


def shared(notes: Sequence[Note], columns: int) -> list[list[Note]]:
    """The notes in their order, in columns of about the same height."""
    parts: list[list[Note]] = [[] for _ in range(columns)]
    total, done = sum(n.height for n in notes), 0.0
    for n in notes:
        place = min(int((done + n.height / 2) / total * columns), columns - 1)
        parts[place].append(n)
        done += n.height
    return parts
