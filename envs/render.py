"""Pictures of a task: the Markov chain over its models, where it is, what it has cost.

Text needs nothing; images are drawn by matplotlib, which is imported when the first is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import HumanRendering
from numpy.typing import NDArray

from routing_game.theory.game import Game, Task

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


def place_of(task: Task) -> str:
    """Where a task ended: "solved", "left", or, cut off, the model that had just failed."""
    return place(task.solved, task.truncated, 2 if task.reasoning else 1)


def place(solved: bool, running: bool, model: int) -> str:
    """As `place_of`, for a task of any models that may still be running, with ``model``."""
    if solved:
        return "solved"
    return f"M{model}" if running else "left"


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
    row = {name: (x, 0.45) for name, x in zip(models, across, strict=True)}
    return row | _ENDS


def picture(scene: Scene) -> Picture:
    """What is drawn of a scene."""
    n1, n2 = scene.passes
    return Picture(
        places=places(("M1", "M2")),
        moves=_moves(scene),
        place=scene.place,
        above=_policies(scene),
        below=f"passes: M1 {n1}, M2 {n2}",
        cost=scene.cost,
        utility=scene.utility,
        penalty=float(scene.game.penalty),
        value=float(scene.game.value),
    )


def render(scene: Scene, render_mode: str | None) -> str | NDArray[np.uint8] | None:
    """The scene as text ("ansi") or as an image ("rgb_array"), (400, 640, 3); None warns."""
    return show(picture(scene), render_mode)


def show(picture: Picture, render_mode: str | None) -> str | NDArray[np.uint8] | None:
    """As `render`, of a picture."""
    if render_mode is None:
        gym.logger.warn(
            'render() needs a render_mode: make the environment with "ansi" or "rgb_array"'
        )
        return None
    return ansi(picture) if render_mode == "ansi" else rgb(picture)


class _Frame(gym.Env[None, None]):
    """A scene as an environment that can be drawn: all that Gymnasium's window asks for."""

    metadata = RENDER_METADATA
    render_mode = "rgb_array"
    scene: Scene

    def step(self, action: None) -> tuple[None, float, bool, bool, dict[str, Any]]:
        """Nothing moves."""
        return None, 0.0, False, False, {}

    def render(self) -> Any:
        """The image."""
        return rgb(picture(self.scene))


class Window:
    """A window for games that are no environments of Gymnasium's; a copy opens one of its own."""

    def __init__(self) -> None:
        self._frame = _Frame()
        self._shown: Any = None

    def show(self, scene: Scene) -> None:
        """Draw a scene; DependencyNotInstalled without pygame."""
        self._frame.scene = scene
        if self._shown is None:
            self._shown = HumanRendering(self._frame)
        self._shown.step(None)

    def close(self) -> None:
        """Close it; the next scene opens it again."""
        if self._shown is not None:
            self._shown.close()
            self._shown = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_shown": None}


def ansi(picture: Picture) -> str:
    """Four lines: the policies, the chain, the task's place in brackets, the passes, the bill."""
    nodes = [f"[{x}]" if x == picture.place else f" {x} " for x in picture.places]
    return f"{picture.above}\n{' '.join(nodes)}\n{picture.below}\n{_bill(picture)}\n"


def rgb(picture: Picture) -> NDArray[np.uint8]:
    """The chain as an image."""
    try:
        import matplotlib as mpl
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise gym.error.DependencyNotInstalled(
            "rgb_array needs matplotlib: pip install matplotlib"
        ) from None
    with mpl.rc_context():
        mpl.rcdefaults()  # none of the reader's own settings
        figure = Figure(figsize=_SIZE, dpi=_DPI, facecolor="white")
        canvas: Any = FigureCanvasAgg(figure)
        _draw(figure, picture)
        canvas.draw()
        return np.array(canvas.buffer_rgba(), dtype=np.uint8)[..., :3].copy()


def _draw(figure: Any, picture: Picture) -> None:
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(-0.18, 1.12))
    for (start, end), chance in picture.moves.items():
        if start != end:
            _arrow(axes, picture.places[start], picture.places[end], chance)
    for name in picture.places:
        _node(axes, picture, name)
    axes.text(0.03, 1.07, picture.above, va="center", fontsize=10, color=_INK)
    below = f"{picture.below}      {_bill(picture)}"
    axes.text(0.03, -0.13, below, va="center", fontsize=10, color=_INK)
    _bars(axes, picture)


def _moves(scene: Scene) -> dict[tuple[str, str], float | None]:
    (p1, p2), (k1, k2) = scene.game.success, scene.game.failure
    s = np.nan if scene.cascade is None else scene.cascade
    q1, q2 = (np.nan, np.nan) if scene.abandon is None else scene.abandon
    chances = {
        ("M1", "solved"): p1,
        ("M2", "solved"): p2,
        ("M1", "left"): k1 * q1,
        ("M2", "left"): k2 * q2,
        ("M1", "M2"): k1 * (1 - q1) * s,
        ("M1", "M1"): k1 * (1 - q1) * (1 - s),
        ("M2", "M2"): k2 * (1 - q2),
    }
    return {move: None if np.isnan(x) else float(x) for move, x in chances.items()}


def _node(axes: Any, picture: Picture, name: str) -> None:
    """A model, with the chance that it runs again, or an end."""
    colour = _HERE if name == picture.place else _PALE
    box = {"boxstyle": "round,pad=0.55", "facecolor": colour, "edgecolor": _INK, "linewidth": 1.2}
    style = {"ha": "center", "va": "center", "color": _INK, "bbox": box, "zorder": 3}
    label, size = name, 13
    if (name, name) in picture.moves:
        again = _chance(picture.moves[name, name])
        label, size = f"{name}\n\u21bb {again}", 10
    axes.text(*picture.places[name], label, fontsize=size, **style)


def _chance(chance: float | None) -> str:
    return "?" if chance is None else f"{chance:.2f}"


def _arrow(
    axes: Any, start: tuple[float, float], end: tuple[float, float], chance: float | None
) -> None:
    (x0, y0), (x1, y1) = start, end
    level = y0 == y1
    shrink = 30 if level else 24  # nodes are wider than high
    style = {
        "arrowstyle": "-|>",
        "color": _INK,
        "lw": 0.8 if chance is None else 0.4 + 3.0 * chance,
        "alpha": 0.15 if chance == 0.0 else 0.8,
        "mutation_scale": 12,
        "shrinkA": shrink,
        "shrinkB": shrink,
    }
    axes.annotate("", xy=end, xytext=start, arrowprops=style, zorder=1)
    x, y = (x0 + x1) / 2, (y0 + y1) / 2 + (0.05 if level else 0.0)
    plate = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
    where = {"ha": "center", "va": "center", "bbox": plate, "zorder": 2}
    axes.text(x, y, _chance(chance), fontsize=9, color=_INK, **where)


def _bars(axes: Any, picture: Picture) -> None:
    """Two bars on the right: the provider's cost in the unit of P, the user's utility in V."""
    axes.plot([0.8, 0.995], [0.45, 0.45], color=_INK, lw=0.8)
    _bar(axes, 0.84, "cost / P", picture.cost / picture.penalty, "#b5473c")
    _bar(axes, 0.94, "utility / V", picture.utility / picture.value, "#3b7a57")


def _bar(axes: Any, x: float, name: str, size: float, colour: str) -> None:
    height = 0.3 * float(np.clip(size, -1.0, 1.0))
    axes.add_patch(_rectangle(x - 0.03, 0.45, 0.06, height, colour))
    axes.text(x, 0.88, name, ha="center", fontsize=9, color=_INK)
    axes.text(x, 0.82, f"{size:.2f}", ha="center", fontsize=9, color=_INK)


def _rectangle(x: float, y: float, width: float, height: float, colour: str) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((x, y), width, height, facecolor=colour)


def _policies(scene: Scene) -> str:
    s = "?" if scene.cascade is None else f"{scene.cascade:.3f}"
    replies = dict.fromkeys(scene.abandon or ())  # once, where they are the same after both models
    q = " / ".join(f"{x:.3f}" for x in replies) or "?"
    return f"{scene.title}s = {s}   q = {q}"


def _bill(picture: Picture) -> str:
    return f"provider's cost {picture.cost:.3f}   user's utility {picture.utility:.3f}"
