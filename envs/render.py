"""Pictures of a task: the Markov chain over its models, where it is, what it has cost.

Text needs nothing; images are drawn by matplotlib, which is imported when the first is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from routing_game.theory.game import Game

RENDER_METADATA: dict[str, Any] = {"render_modes": ["ansi", "rgb_array"], "render_fps": 2}

_ENDS = {"solved": (0.37, 0.85), "left": (0.37, 0.05)}
_SIZE, _DPI = (6.4, 4.0), 100
_HERE, _INK, _PALE = "#f4b942", "#22313f", "#e8ecef"


class Scene(NamedTuple):
    """What there is to see of one task."""

    game: Game
    place: str
    """Where the task is: "M1" or "M2" has just failed, or "solved", "left"; "" before it begins."""
    passes: tuple[int, int] = (0, 0)
    """Passes of M1 and M2 so far."""
    cost: float = 0.0
    """What it has cost the provider so far."""
    utility: float = 0.0
    """What it has brought the user so far."""
    cascade: float | None = None
    """s, if there is one and it is known."""
    abandon: tuple[float, float] | None = None
    """q after M1 and after M2, if they are known."""
    title: str = ""


def check_mode(render_mode: str | None) -> str | None:
    """``render_mode``; ValueError unless it is None or one of those that can be drawn."""
    modes = RENDER_METADATA["render_modes"]
    if render_mode is not None and render_mode not in modes:
        raise ValueError(
            f"render_mode must be None or one of {', '.join(modes)}, got {render_mode!r}"
        )
    return render_mode


class Picture(NamedTuple):
    """What is drawn: a chain of any models, where the task is, and the bill."""

    places: dict[str, tuple[float, float]]
    """Where each node stands, in the unit square."""
    moves: dict[tuple[str, str], float | None]
    """The chance of each move; None where it depends on what is not known."""
    place: str
    above: str
    """The policies."""
    below: str
    """The passes."""
    cost: float
    utility: float
    penalty: float
    value: float


def places(models: Sequence[str]) -> dict[str, tuple[float, float]]:
    """The models in a row from left to right, "solved" above them and "left" below."""
    across = np.linspace(0.1, 0.64, len(models)).tolist() if len(models) > 1 else [0.37]
    return {**{name: (x, 0.45) for name, x in zip(models, across, strict=True)}, **_ENDS}


def picture(scene: Scene) -> Picture:
    """What is drawn of a scene."""
    game, (n1, n2) = scene.game, scene.passes
    return Picture(
        places(("M1", "M2")), _moves(scene), scene.place, _policies(scene), f"passes: M1 {n1}, M2 {n2}",
        scene.cost, scene.utility, float(game.penalty), float(game.value),
    )  # fmt: skip


def render(scene: Scene, render_mode: str | None) -> str | NDArray[np.uint8] | None:
    """The scene as text ("ansi") or as an image ("rgb_array"), (400, 640, 3); for None a warning."""
    return show(picture(scene), render_mode)


def show(picture: Picture, render_mode: str | None) -> str | NDArray[np.uint8] | None:
    """As `render`, of a picture."""
    if render_mode is None:
        gym.logger.warn(
            'render() needs a render_mode: make the environment with "ansi" or "rgb_array"'
        )
        return None
    return ansi(picture) if render_mode == "ansi" else rgb(picture)


def ansi(picture: Picture) -> str:
    """Four lines: the policies, the chain, the task's place in brackets, the passes, the bill."""
    nodes = " ".join(
        f"[{name}]" if name == picture.place else f" {name} " for name in picture.places
    )
    return f"{picture.above}\n{nodes}\n{picture.below}\n{_bill(picture)}\n"


def rgb(picture: Picture) -> NDArray[np.uint8]:
    """The chain as an image."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise gym.error.DependencyNotInstalled(
            'rgb_array needs matplotlib: pip install "routing-game[experiments]"'
        ) from None
    figure = Figure(figsize=_SIZE, dpi=_DPI, facecolor="white")
    canvas: Any = FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(-0.18, 1.12))
    for (start, end), chance in picture.moves.items():
        if start != end:
            _arrow(axes, picture.places[start], picture.places[end], chance)
    for name, (x, y) in picture.places.items():
        colour = _HERE if name == picture.place else _PALE
        box = {
            "boxstyle": "round,pad=0.55",
            "facecolor": colour,
            "edgecolor": _INK,
            "linewidth": 1.2,
        }
        again = (name, name) in picture.moves
        label = f"{name}\n\u21bb {_chance(picture.moves[name, name])}" if again else name
        size = 10 if again else 13
        axes.text(
            x, y, label, ha="center", va="center", fontsize=size, color=_INK, bbox=box, zorder=3
        )
    axes.text(0.03, 1.07, picture.above, va="center", fontsize=10, color=_INK)
    axes.text(
        0.03, -0.13, f"{picture.below}      {_bill(picture)}", va="center", fontsize=10, color=_INK
    )
    _bars(axes, picture)
    canvas.draw()
    return np.array(canvas.buffer_rgba(), dtype=np.uint8)[..., :3].copy()


def _moves(scene: Scene) -> dict[tuple[str, str], float | None]:
    (p1, p2), (k1, k2) = scene.game.success, scene.game.failure
    s, q = scene.cascade, scene.abandon
    return {
        ("M1", "solved"): float(p1),
        ("M2", "solved"): float(p2),
        ("M1", "left"): None if q is None else float(k1 * q[0]),
        ("M2", "left"): None if q is None else float(k2 * q[1]),
        ("M1", "M2"): None if q is None or s is None else float(k1 * (1 - q[0]) * s),
        ("M1", "M1"): None if q is None or s is None else float(k1 * (1 - q[0]) * (1 - s)),
        ("M2", "M2"): None if q is None else float(k2 * (1 - q[1])),
    }


def _chance(chance: float | None) -> str:
    return "?" if chance is None else f"{chance:.2f}"


def _arrow(
    axes: Any, start: tuple[float, float], end: tuple[float, float], chance: float | None
) -> None:
    width = 0.8 if chance is None else 0.4 + 3.0 * chance
    style: dict[str, Any] = {"arrowstyle": "-|>", "color": _INK, "lw": width, "mutation_scale": 12}
    (x0, y0), (x1, y1) = start, end
    style["shrinkA"] = style["shrinkB"] = 30 if y0 == y1 else 24  # nodes are wider than high
    style["alpha"] = 0.15 if chance == 0.0 else 0.8
    axes.annotate("", xy=end, xytext=start, arrowprops=style, zorder=1)
    plate = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
    spot = (x0 + x1) / 2, (y0 + y1) / 2 + (0.05 if y0 == y1 else 0.0)
    axes.text(
        *spot,
        _chance(chance),
        ha="center",
        va="center",
        fontsize=9,
        color=_INK,
        bbox=plate,
        zorder=2,
    )


def _bars(axes: Any, picture: Picture) -> None:
    """Two bars on the right: the provider's cost in units of P, the user's utility in V."""
    rows = ((0.84, "cost / P", picture.cost / picture.penalty, "#b5473c"),
            (0.94, "utility / V", picture.utility / picture.value, "#3b7a57"))  # fmt: skip
    axes.plot([0.8, 0.995], [0.45, 0.45], color=_INK, lw=0.8)
    for x, name, size, colour in rows:
        height = 0.3 * float(np.clip(size, -1.0, 1.0))
        axes.add_patch(_rectangle(x - 0.03, 0.45, 0.06, height, colour))
        axes.text(x, 0.88, name, ha="center", fontsize=9, color=_INK)
        axes.text(x, 0.82, f"{size:.2f}", ha="center", fontsize=9, color=_INK)


def _rectangle(x: float, y: float, width: float, height: float, colour: str) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((x, y), width, height, facecolor=colour)


def _policies(scene: Scene) -> str:
    s = "?" if scene.cascade is None else f"{scene.cascade:.3f}"
    q = (
        "?"
        if scene.abandon is None
        else " / ".join(f"{x:.3f}" for x in dict.fromkeys(scene.abandon))
    )
    return f"{scene.title}s = {s}   q = {q}"


def _bill(picture: Picture) -> str:
    return f"provider's cost {picture.cost:.3f}   user's utility {picture.utility:.3f}"
