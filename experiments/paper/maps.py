"""Figures 1 to 5 and one of our own: drawn, held against the paper's sentences, and written."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from routing_game.experiments.paper.diagrams import chain, guidelines
from routing_game.experiments.paper.latex import plain
from routing_game.experiments.paper.looks import dressed
from routing_game.experiments.paper.panels import gain, misalignment, policy, reply
from routing_game.experiments.paper.planes import SIZE, Plane
from routing_game.experiments.paper.quadrants import CASCADE
from routing_game.experiments.paper.scene import ABANDON, THROTTLED, Scene
from routing_game.experiments.paper.sentences import Verdict, judge
from routing_game.experiments.paper.sheet import Layout, Panel, Remark, Sheet
from routing_game.files import write
from routing_game.theory import RULES

Draw = Callable[[Sheet, int, Scene], None]


class Subject(NamedTuple):
    """What a figure shows and how its page is laid out."""

    title: str
    layout: Layout
    panels: tuple[Draw, ...]
    regimes: tuple[str, ...] = ()
    """Planes whose arrays belong to it."""


def row(count: int, legend: float, width: float = 3.55, room: float = 1.65) -> Layout:
    """Maps side by side, with so many inches of legends below."""
    lefts = [0.72 + k * (width + room) for k in range(count)]
    panels = tuple(Panel(left, 0.35, width, 3.3) for left in lefts)
    margin = 1.12 if room > 1 else 0.25
    return Layout(lefts[-1] + width + margin, 0.35 + 3.3 + 0.6 + legend, panels, count)


FIGURES = {
    "1": Subject(
        "Figure 1: key guidelines, in our wording (we have the paper's text, not its picture)",
        Layout(11.6, 4.9, (Panel(1.5, 0.0, 9.85, 4.5),), 2),
        (guidelines,),
        ("++", "--", "-+", "+-"),
    ),
    "2": Subject(
        "Figure 2: Markov model of LLM provider-user interaction",
        Layout(11.6, 4.5, (Panel(0.6, 0.0, 10.4, 4.4),), 2),
        (chain,),
    ),
    "3": Subject(
        "Figure 3: the user's response to i = 1, s = 0.25",
        Layout(11.8, 5.4, (Panel(0.9, 0.3, 4.4, 4.2),), 0, 6.65),
        (reply,),
    ),
    "4": Subject(
        "Figure 4: the provider-optimal policy",
        row(2, 1.05, 4.9, 0.85),
        (
            partial(policy, regime="-+", side="Left"),
            partial(policy, regime="+-", side="Right"),
        ),
        ("-+", "+-"),
    ),
    "5": Subject(
        "Figure 5: the misalignment gap, and what throttling gains",
        row(3, 0.85)._replace(split=(("left, middle", 2), ("right", 1))),
        (
            partial(misalignment, regime="-+", side="Left"),
            partial(misalignment, regime="+-", side="Middle"),
            partial(gain, slowed="both", side="Right"),
        ),
        ("++", "--", "-+", "+-"),
    ),
    "throttling": Subject(
        "A figure of our own: throttling one model alone",
        row(2, 0.6, 4.1, 1.7),
        (
            partial(gain, slowed="M1", side="Left"),
            partial(gain, slowed="M2", side="Right"),
        ),
        ("++", "--", "-+", "+-"),
    ),
}
"""By the paper's number."""
UNITS = {
    "x": "c1",
    "latency": "unit of V",
    "penalty": "c1",
    "cost": "c1 a task",
    "gain": "c1 a task",
    "cascade": "1",
    "abandon": "1",
    "gap": "unit of V",
    "xi1": "unit of V",
    "xi2": "unit of V",
    "reply": "1",
    "chain": "1",
}
"""By the first word of an array's name."""


def write_figure(name: str, choice: str, folder: Path, size: int = SIZE) -> list[Path]:
    """One of `FIGURES` with one of `CHOICES`, as .npz, .png and .svg in a folder that exists.

    Returns:
        The three files, in this order.

    Raises:
        OSError: a file cannot be written.
    """
    return write_scene(name, Scene(choice, size), folder)[0]


def write_scene(name: str, scene: Scene, folder: Path) -> tuple[list[Path], tuple[Verdict, ...]]:
    """`write_figure` with what is solved already, and the verdicts."""
    verdicts = judge(name, scene)
    png, svg = BytesIO(), BytesIO()
    with dressed():
        figure = draw(name, scene, verdicts)
        figure.savefig(png, format="png", dpi=150, pil_kwargs={"compress_level": 4})
        figure.savefig(svg, format="svg", metadata={"Date": None})
    contents = {".npz": npz(name, scene), ".png": png.getvalue(), ".svg": svg.getvalue()}
    files = [folder / f"figure-{name}-{scene.name}{ending}" for ending in contents]
    for file, content in zip(files, contents.values(), strict=True):
        write(file, content)
    return files, verdicts


def draw(name: str, scene: Scene, verdicts: tuple[Verdict, ...]) -> Figure:
    """The whole page."""
    subject = FIGURES[name]
    remarks = [remark(verdict) for verdict in verdicts]
    sheet = Sheet(subject.layout, subject.title, numbers(name, scene), remarks)
    for k, panel in enumerate(subject.panels):
        panel(sheet, k, scene)
    return sheet.figure


def remark(verdict: Verdict) -> Remark:
    """A verdict as it is set on the page."""
    sentence = verdict.sentence
    why = f"{verdict.why} (erratum)" if sentence.erratum else verdict.why
    return Remark(sentence.panel, verdict.holds, f"“{plain(sentence.words)}”", why)


def numbers(name: str, scene: Scene) -> str:
    """The numbers behind a figure, in a line."""
    choice = scene.choice
    success = "p = ({:g}, {:g})".format(*choice.success)
    what = "Verdicts at our parameters" if name == "1" else "Our parameters"
    text = f"{what}, set {scene.name}: V = {choice.value:g}, {success}"
    if name == "3":
        return f"{text}, t = V p − ξ"
    if name == "2":
        return f"{text}; numbers on arrows at s = {CASCADE:g}, q = {ABANDON:g}"
    quick, slow = ("({:g}, {:g})".format(*t) for t in (choice.quick, choice.slow))
    return f"{text}, t = {quick} where ξ > 0, {slow} where ξ < 0; c₁ = 1, c₂ = p₂ (1/p₁ − x)"


def npz(name: str, scene: Scene) -> bytes:
    """An .npz file of the arrays that a figure shows; no pickle is needed to read it.

    `parameters` and `units` are JSON. Arrays of a plane are named like "cost -+", lines like
    "border P2 -+" (x and P along the line, or xi1 and xi2).
    """
    arrays: dict[str, Any] = {
        "parameters": np.array(json.dumps({"c1": 1.0, **asdict(scene.choice)})),
        "units": np.array(json.dumps(UNITS)),
    }
    if name == "2":
        arrays |= {"chain": scene.chain, "states": np.array(["M1", "M2", "Success", "Abandon"])}
    elif name == "3":
        arrays |= quadrant_arrays(scene)
    else:
        first = scene.planes["++"]
        arrays |= {"x": first.x, "penalty": first.penalty, "axes": np.array(["penalty", "x"])}
        arrays["rules"] = np.array(list(RULES))
        for regime in FIGURES[name].regimes:
            arrays |= plane_arrays(scene.planes[regime])
        if name in ("5", "throttling"):
            arrays |= {f"gain {slowed}": scene.gains[slowed] for slowed in THROTTLED}
            arrays["border min cp"] = np.stack(first.break_even[1:])
    file = BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def quadrant_arrays(scene: Scene) -> dict[str, Any]:
    """Axes, reply and lines of Figure 3."""
    plane = scene.quadrants
    axes = {"xi1": plane.net, "xi2": plane.net, "axes": np.array(["xi2", "xi1"])}
    lines = {f"border {line.name}": np.stack(line[1:]) for line in plane.borders}
    return {**axes, "reply": plane.reply, **lines}


def plane_arrays(plane: Plane) -> dict[str, Any]:
    """Maps and lines of a plane."""
    solution, regime = plane.solution, plane.regime
    maps = {
        "latency": np.array(plane.choice.latency(regime)),
        "rule": plane.kind,
        "cost": np.asarray(solution.cost),
        "cascade": np.where(np.asarray(solution.route) == 2, np.nan, solution.cascade[0]),
        "abandon": np.asarray(solution.abandon),
        "gap": plane.misalignment,
    }
    lines = {f"border {line.name}": np.stack(line[1:]) for line in plane.borders}
    return {f"{name} {regime}": array for name, array in {**maps, **lines}.items()}
