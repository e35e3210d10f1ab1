"""One's own learning curve beside theory: a Monitor CSV of stable-baselines3, and the equilibrium.

What an episode of `RoutingGame/Provider-v0` returns is minus the cost of a task, in the game's own
unit of money. One of `User-v0` begins after a failed first pass: what it returns is the utility
from there on, in the game's own unit of time. The lines of theory are of the same quantity.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from matplotlib.figure import Figure

from routing_game import files
from routing_game.experiments import InputError
from routing_game.experiments.intervals import FEW, half_width
from routing_game.experiments.paper.looks import FAILS, FAINT, HOLDS, INK, dressed
from routing_game.theory import Game, best_response, outcome, payoffs, solve
from routing_game.theory.numbers import Array

BLOCKS = 25
"""Into so many blocks of episodes a curve is averaged, if each has `FEW` at least."""


MOST = 1 << 24
"""Bytes of a Monitor CSV: 600,000 episodes."""


class Head(msgspec.Struct):
    """What is read of the first line of a Monitor CSV, in JSON after its #."""

    env_id: str | None = None


class Curve(NamedTuple):
    """Episodes in their order.

    Attributes:
        user: whether they are a user's.
        steps: of the environment, up to the end of each.
        returns: of each.
    """

    user: bool
    steps: Array
    returns: Array


class Line(NamedTuple):
    """A level that theory knows."""

    words: str
    level: float


def read(file: Path) -> Curve:
    """The curve in a Monitor CSV; its first line names the environment.

    Raises:
        InputError: it is none, or has fewer than two episodes.
    """
    try:
        first, columns, *rows = files.read(file, MOST).decode("utf-8").splitlines()
        head = files.fitted(files.loose_json(first.removeprefix("#")), Head)
        names = columns.split(",")
        places = names.index("r"), names.index("l")
        rows = [row for row in rows if row] or ["," * len(names)]  # of no row numpy warns
        table = np.loadtxt(rows, delimiter=",", comments=None, usecols=places, ndmin=2)
        returns, steps = table[:, 0], np.cumsum(table[:, 1])
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise InputError(f"expected a Monitor CSV, got {file} ({reason})") from None
    except ValueError as error:
        reason = files.printable(files.short(str(error)))
        problem = f"expected a CSV by stable_baselines3's Monitor, got {file} ({reason})"
        raise InputError(f"{problem}; write one with Monitor(env, {file.name!r})") from None
    if len(returns) < 2 or not np.isfinite(table).all():
        raise InputError(f"expected two episodes or more, all numbers, in {file}")
    return Curve("User" in str(head.env_id), steps, returns)


def levels(game: Game, user: bool) -> tuple[Line, ...]:
    """What theory knows of a game, the best first: costs, or utilities of a user.

    A user's are averages over the commitments that its environment draws: either route, s even.
    Each is what is left of U once the first pass has failed.
    """
    if not user:
        alone = {f"M{route} alone": float(outcome(game, route, 0.0).cost) for route in (1, 2)}
        lines = [Line(f"{words}: {cost:.4g}", cost) for words, cost in alone.items()]
        best = float(solve(game).cost)
        return Line(f"equilibrium, J* = {best:.4g}", best), *lines
    route, s = np.repeat([1, 2], 1000), np.tile((np.arange(1000) + 0.5) / 1000, 2)
    success, latency = (np.array([float(x) for x in pair]) for pair in (game.success, game.latency))
    failed = np.repeat(1 - success, 1000)
    first = np.repeat(float(game.value) * success - latency, 1000)
    answers = {
        "best response": best_response(game, route, s).strong,
        "never leaves": 0.0,
        "leaves at once": 1.0,
    }
    means = {
        words: float(np.mean((payoffs(game, route, s, q).utility - first) / failed))
        for words, q in answers.items()
    }
    return tuple(Line(f"{words}: {mean:.4g}", mean) for words, mean in means.items())


def blocks(curve: Curve) -> tuple[Array, Array, Array]:
    """Steps, mean return, and half of its 95 % interval of each block of episodes."""
    count = min(BLOCKS, max(len(curve.returns) // FEW, 1))
    parts = np.array_split(np.arange(len(curve.returns)), count)
    means = np.array([curve.returns[part].mean() for part in parts])
    spreads = np.array([curve.returns[part].std(ddof=1) for part in parts])
    ends = np.array([curve.steps[part[-1]] for part in parts])
    return ends, means, half_width(spreads, [len(part) for part in parts])


def signed(curve: Curve) -> Curve:
    """The curve as costs of a provider, or as utilities of a user."""
    return curve if curve.user else curve._replace(returns=-curve.returns)


def sentence(curve: Curve, game: Game) -> str:
    """Where a signed curve ends."""
    last = curve.returns[-max(len(curve.returns) // 10, FEW) :]
    mean, half = float(last.mean()), float(half_width(last.std(ddof=1), len(last)))
    best = levels(game, curve.user)[0]
    what = "utility" if curve.user else "cost"
    spread = f" ± {half:.2g}" if np.isfinite(half) else ""
    return f"mean {what} of the last {len(last)} episodes: {mean:.4g}{spread}; {best.words}"


def draw(curve: Curve, game: Game, name: str) -> Figure:
    """A signed curve, and the lines of theory."""
    figure = Figure(figsize=(7.2, 4.0), layout="constrained")
    axes = figure.subplots()
    steps, means, halves = blocks(curve)
    axes.fill_between(steps, means - halves, means + halves, color=INK, alpha=0.15, lw=0)
    axes.plot(steps, means, color=INK, lw=1.8, label="yours, with 95 % intervals")
    looks = zip(levels(game, curve.user), (HOLDS, FAILS, FAINT), ("-", "--", ":"), strict=True)
    for line, colour, style in looks:
        axes.axhline(line.level, color=colour, ls=style, lw=1.5, label=line.words)
    axes.set(
        title=f"{name}: your {'user' if curve.user else 'provider'} beside theory",
        xlabel="steps of the environment",
        ylabel="utility after a failed pass" if curve.user else "J, cost of a task, as played",
        xlim=(0, steps[-1]),
    )
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    return figure


def write_curve(file: Path, game: Game, name: str, folder: Path) -> tuple[Path, str]:
    """A PNG, and an SVG beside it, in a folder that is there; and where the curve ends.

    Raises:
        InputError: the file is no Monitor CSV.
    """
    curve = signed(read(file))
    with dressed():
        figure = draw(curve, game, name)
        picture = folder / f"curve-{name}.png"
        for ending, options in ((".png", {"dpi": 150}), (".svg", {"metadata": {"Date": None}})):
            drawn = io.BytesIO()
            figure.savefig(drawn, format=ending[1:], **options)
            files.write(picture.with_suffix(ending), drawn.getvalue())
    return picture, sentence(curve, game)
