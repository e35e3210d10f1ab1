"""Pictures of a task: the Markov chain over M1, M2, solved and left, where the task is, what it has cost both sides.

Text needs nothing; images are drawn by matplotlib, which is imported when the first is asked for.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from routing_game.theory.game import Game

RENDER_METADATA: dict[str, Any] = {"render_modes": ["ansi", "rgb_array"], "render_fps": 2}

_PLACES = {"M1": (0.16, 0.45), "M2": (0.58, 0.45), "solved": (0.37, 0.83), "left": (0.37, 0.07)}
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
        raise ValueError(f"render_mode must be None or one of {', '.join(modes)}, got {render_mode!r}")
    return render_mode


def render(scene: Scene, render_mode: str | None) -> str | NDArray[np.uint8] | None:
    """The scene as text ("ansi") or as an image of shape (400, 640, 3) ("rgb_array"); a warning and None for None."""
    if render_mode is None:
        gym.logger.warn('render() needs a render_mode: make the environment with "ansi" or "rgb_array"')
        return None
    return ansi(scene) if render_mode == "ansi" else rgb(scene)


def ansi(scene: Scene) -> str:
    """Four lines: the commitment and the reply, the chain with the task's place in brackets, the passes, the bill."""
    nodes = " ".join(f"[{name}]" if name == scene.place else f" {name} " for name in _PLACES)
    return f"{_policies(scene)}\n{nodes}\n{_passes(scene)}\n{_bill(scene)}\n"


def rgb(scene: Scene) -> NDArray[np.uint8]:
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
    for (start, end), chance in _moves(scene).items():
        _arrow(axes, start, end, chance)
    for name, (x, y) in _PLACES.items():
        colour = _HERE if name == scene.place else _PALE
        box = {"boxstyle": "round,pad=0.55", "facecolor": colour, "edgecolor": _INK, "linewidth": 1.2}
        axes.text(x, y, name, ha="center", va="center", fontsize=13, color=_INK, bbox=box, zorder=3)
    axes.text(0.03, 1.07, _policies(scene), va="center", fontsize=10, color=_INK)
    axes.text(0.03, -0.13, f"{_passes(scene)}      {_bill(scene)}", va="center", fontsize=10, color=_INK)
    _bars(axes, scene)
    canvas.draw()
    return np.array(canvas.buffer_rgba(), dtype=np.uint8)[..., :3].copy()


def _moves(scene: Scene) -> dict[tuple[str, str], float | None]:
    """The chance of each move; None where it depends on what is not known."""
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


def _arrow(axes: Any, start: str, end: str, chance: float | None) -> None:
    (x0, y0), (x1, y1) = _PLACES[start], _PLACES[end]
    if start == end:
        side = -1 if start == "M1" else 1
        x0 = x1 = x0 + side * 0.045
        y0, y1, bend = y0 + 0.06, y1 - 0.06, -side * 1.6
        label = (x0 + side * 0.078, _PLACES[start][1] + 0.035)
    else:
        bend, label = 0.0, ((x0 + x1) / 2, (y0 + y1) / 2 + (0.04 if y0 == y1 else 0.0))
    width = 0.8 if chance is None else 0.4 + 3.0 * chance
    style = {"arrowstyle": "-|>", "color": _INK, "lw": width, "mutation_scale": 12, "shrinkA": 20, "shrinkB": 20}
    if start == end:
        style |= {"shrinkA": 2, "shrinkB": 2}
    style |= {"connectionstyle": f"arc3,rad={bend}", "alpha": 0.15 if chance == 0.0 else 0.8}
    axes.annotate("", xy=(x1, y1), xytext=(x0, y0), arrowprops=style, zorder=1)
    text = "?" if chance is None else f"{chance:.2f}"
    plate = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
    axes.text(*label, text, ha="center", va="center", fontsize=9, color=_INK, bbox=plate, zorder=2)


def _bars(axes: Any, scene: Scene) -> None:
    """Two bars on the right: the provider's cost in units of P, the user's utility in units of V."""
    rows = ((0.84, "cost / P", scene.cost / scene.game.penalty, "#b5473c"),
            (0.94, "utility / V", scene.utility / scene.game.value, "#3b7a57"))  # fmt: skip
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
    q = "?" if scene.abandon is None else " / ".join(f"{x:.3f}" for x in dict.fromkeys(scene.abandon))
    return f"{scene.title}s = {s}   q = {q}"


def _passes(scene: Scene) -> str:
    return f"passes: M1 {scene.passes[0]}, M2 {scene.passes[1]}"


def _bill(scene: Scene) -> str:
    return f"provider's cost {scene.cost:.3f}   user's utility {scene.utility:.3f}"
