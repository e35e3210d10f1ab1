"""The paper's figures around one's own game: which there are, how each is laid out, its files."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from routing_game.experiments.around import panels, words
from routing_game.experiments.around.panels import Units
from routing_game.experiments.around.plane import Plane, Replies
from routing_game.experiments.drawing import literal
from routing_game.experiments.pages.words import glued
from routing_game.experiments.paper.looks import INK, dressed
from routing_game.experiments.paper.maps import row
from routing_game.experiments.paper.sheet import HEAD, MARGIN, PITCH, SIZE, Layout, Sheet, broken
from routing_game.files import short, write
from routing_game.theory import RULES, Game
from routing_game.theory.exchange import to_dict


class Around:
    """What is drawn around a game, each plane solved once."""

    def __init__(self, game: Game, name: str, units: Units, size: int | None = None) -> None:
        self.game, self.name, self.units = game, name, units
        self.prices, self.values = (Plane.around(game, symbol, size) for symbol in ("c2", "V"))
        self.replies = Replies.around(game, size) if size else Replies.around(game)
        self.equilibrium = words.equilibrium_words(game, *units)
        """What stands below every picture first."""


class Subject(NamedTuple):
    """A figure around a game."""

    title: str
    """With {} where the game's name goes."""
    layout: Layout
    draw: Callable[[Sheet, Around], None]
    told: Callable[[Around], list[str]]
    """Sentences below the picture, after that on the equilibrium."""


NO_GAP = "no gap: what is best for the provider is best for its user"
NO_GAIN = "throttling would save nothing"


def draw_replies(sheet: Sheet, about: Around) -> None:
    """Figure 3: the user's reply to route 1, and what it costs."""
    panels.reply(sheet, 0, about.replies, about.units)
    panels.cost(sheet, 1, about.replies, about.units)


def draw_policies(sheet: Sheet, about: Around) -> None:
    """Figure 4: the optimal policy over prices, and over values."""
    seen = [
        rule
        for k, plane in enumerate((about.prices, about.values))
        for rule in panels.policy(sheet, k, plane, about.units)
    ]
    sheet.legend(0, [panels.star("the game"), *panels.kinds(seen)], columns=3)


def draw_gaps(sheet: Sheet, about: Around) -> None:
    """Figure 5: the gap on both planes."""
    planes = (about.prices, about.values)
    panels.gaps(sheet, planes, about.units)
    none = panels.hatched([plane.misalignment for plane in planes], NO_GAP)
    sheet.legend(0, [panels.star("the game"), *none], columns=2)


def draw_gains(sheet: Sheet, about: Around) -> None:
    """What throttling saves on both planes."""
    planes = (about.prices, about.values)
    panels.gains(sheet, planes, about.units)
    none = panels.hatched([plane.gain for plane in planes], NO_GAIN)
    sheet.legend(0, [panels.star("the game"), *none], columns=2)


def draw_regrets(sheet: Sheet, about: Around) -> None:
    """A figure of our own: what the game's optimum loses where the numbers are others."""
    panels.regret(sheet, 0, about.prices, about.units, bar=False)
    panels.regret(sheet, 1, about.values, about.units, bar=True)
    sheet.legend(0, [panels.star("the game")])


_PAIR = row(2, 0.55, 3.3, 1.75)
REPLIES = _PAIR._replace(
    width=_PAIR.width - 0.5,
    columns=1,
    panels=tuple(panel._replace(left=panel.left + 0.15) for panel in _PAIR.panels),
)
"""A map with its bar of colours, and a curve; numbers of axes stand clear of a star at s = 0."""
SHARED_BAR = row(2, 0.2, 3.6, 0.85)._replace(columns=1, width=10.2)
"""Two planes, and one bar of colours to the right of both."""
FIGURES = {
    "3": Subject(
        "The user's reply, and what it costs, around {}",
        REPLIES,
        draw_replies,
        lambda about: [words.user_words(about.game)],
    ),
    "4": Subject(
        "The provider-optimal policy around {}",
        row(2, 0.55, 3.6, 0.85)._replace(columns=1),
        draw_policies,
        lambda about: words.stretches(about.game, *about.units),
    ),
    "5": Subject(
        "The misalignment gap around {}",
        SHARED_BAR,
        draw_gaps,
        lambda about: words.who_pays(about.game, *about.units),
    ),
    "throttling": Subject(
        "What throttling saves around {}",
        SHARED_BAR,
        draw_gains,
        lambda about: words.throttling(about.game, *about.units),
    ),
    "regret": Subject(
        "What keeping to the optimum of {} loses around it",
        SHARED_BAR,
        draw_regrets,
        lambda about: words.slips(about.game),
    ),
}
"""By the paper's number; the last is our own."""
NOT = {
    "1": "its words are about every game, and none of them changes with yours",
    "2": "the chain of passes is the same for every game, and its numbers are those of solve",
}
"""Figure of the paper's sets that is not drawn around a game -> why."""


def write_around(name: str, about: Around, folder: Path, game: str = "") -> tuple[Path, list[str]]:
    """One of `FIGURES` as .npz, .png and .svg in a folder that exists.

    Args:
        name: of the figure.
        about: the game.
        folder: of the files.
        game: what it is called in their names; as in the titles if empty.

    Returns:
        The picture, and what it says in sentences, besides the equilibrium.

    Raises:
        OSError: a file cannot be written.
    """
    png, svg = BytesIO(), BytesIO()
    told = FIGURES[name].told(about)
    with dressed():
        figure = draw(name, about, told)
        figure.savefig(png, format="png", dpi=150, pil_kwargs={"compress_level": 4})
        figure.savefig(svg, format="svg", metadata={"Date": None})
    stem = f"figure-{name}-around-{game or about.name.replace(' ', '-')}"
    contents = {".npz": npz(name, about), ".svg": svg.getvalue(), ".png": png.getvalue()}
    for ending, content in contents.items():
        write(folder / f"{stem}{ending}", content)
    return folder / f"{stem}.png", told


def draw(name: str, about: Around, told: list[str]) -> Figure:
    """The whole page, with these sentences after that on the equilibrium."""
    subject = FIGURES[name]
    layout, title = subject.layout, subject.title.format(short(about.name, 40))
    room = layout.width - 2 * MARGIN
    lines = [
        line for sentence in (about.equilibrium, *told) for line in broken(glued(sentence), room)
    ]
    below = layout.body + 0.1
    layout = layout._replace(body=below + PITCH * len(lines))
    sheet = Sheet(layout, literal(title), words.parameters(about.game, *about.units), [])
    subject.draw(sheet, about)
    for k, line in enumerate(lines):
        sheet.write(MARGIN, HEAD + below + PITCH * k, line, fontsize=SIZE, color=INK)
    return sheet.figure


def npz(name: str, about: Around) -> bytes:
    """An .npz file of the arrays that a figure shows; no pickle is needed to read it.

    `game` is JSON. Arrays of the plane over c2 and P end in "c2", of that over V and P in "V";
    rows are P, columns the other number. Regrets are shares of |J*|.
    """
    arrays: dict[str, Any] = {
        "game": np.array(json.dumps(to_dict(about.game))),
        "rules": np.array(list(RULES)),
    }
    if name == "3":
        replies = about.replies
        arrays |= {"V": replies.up.values, "s": replies.cascade, "reply": replies.reply}
    else:
        arrays |= {"P": about.prices.up.values, "axes": np.array(["P", "c2 or V"])}
        for plane in (about.prices, about.values):
            symbol = plane.across.symbol
            arrays |= {symbol: plane.across.values}
            arrays |= {f"{key} {symbol}": values for key, values in maps(name, plane).items()}
    file = BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def maps(name: str, plane: Plane) -> dict[str, Any]:
    """The maps of a plane that a figure shows."""
    shown = {"rule": plane.kind, "cost": np.asarray(plane.solution.cost)}
    if name == "5":
        shown["gap"] = plane.misalignment
    if name == "throttling":
        shown["gain"] = plane.gain
    if name == "regret":
        shown["regret"] = plane.regret
    return shown
