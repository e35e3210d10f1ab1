"""One's own learning curves beside theory: Monitor CSVs of stable-baselines3, and the equilibrium.

A file is a run. A folder in which `make_vec_env(..., monitor_dir=...)` wrote ``0.monitor.csv``,
``1.monitor.csv`` and so on is one, too: its environments side by side, their episodes put together
by the time at which they ended. Any other folder is the runs in its monitor files.

What an episode of `RoutingGame/Provider-v0` returns is minus the cost of a task, in the game's own
unit of money. One of `User-v0` begins after a failed first pass: what it returns is the utility
from there on, in the game's own unit of time. The lines of theory are of the same quantity.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from routing_game import files
from routing_game.experiments import InputError
from routing_game.experiments.drawing import literal
from routing_game.experiments.intervals import FEW, half_width
from routing_game.experiments.paper.looks import FAILS, FAINT, HOLDS, INK, dressed
from routing_game.names import perhaps_file
from routing_game.theory import Game, best_response, outcome, payoffs, solve
from routing_game.theory.numbers import Array

BLOCKS = 25
"""Into so many blocks of episodes a curve is averaged, if each has `FEW` at least."""
OURS = "RoutingGame/"
"""How the ids of our environments begin."""
KNOWN = (f"{OURS}Provider-v0", USER := f"{OURS}User-v0")
"""Those whose episodes theory has a line for: tasks of one game under commitments that are seen."""
UNITS = ("unit of t", "unit of c")
"""Of a utility and of a cost, where the game's own have no name."""
BANDS = 3
"""Up to so many curves have their intervals drawn; those of more hide each other."""
FEWEST, ENOUGH, SURE = 30, 100, 2.0
"""When a curve's end is doubted: it has so many episodes, so many if there are, and its mean lies
so many times half of its interval beyond what can be. Costs are skewed: at the optimum itself 7 %
of means of 30 tasks lie 1 below it and 0.9 % lie 2, of 300 tasks 4 % and 0.1 %.
"""
ENDING = "monitor.csv"
"""Of the names that stable-baselines3 writes, and looks for."""
COLOURS = ("#0072B2", "#E69F00", "#CC79A7", "#56B4E9", "#1A1A1A")
"""Okabe and Ito's, but for theory's green and vermilion."""
STYLES: tuple[Any, ...] = ("-", (0, (6, 2, 1, 2)), (0, (3, 1.5)))
"""After the colours have run out."""
MOST = 1 << 24
"""Bytes of a Monitor CSV: 600,000 episodes."""


class Head(msgspec.Struct):
    """What is read of the first line of a Monitor CSV, in JSON after its #."""

    env_id: str | None = None
    t_start: float = 0.0


class Curve(NamedTuple):
    """Episodes in their order.

    Attributes:
        user: whether they are a user's.
        steps: of the environment, or of all that ran side by side, up to the end of each.
        returns: of each.
        told: whether its file says whose it is; if not, it is taken for a provider's.
    """

    user: bool
    steps: Array
    returns: Array
    told: bool = True


class Line(NamedTuple):
    """A level that theory knows."""

    words: str
    level: float


class Log(NamedTuple):
    """What one Monitor wrote: a number for each episode, in their order."""

    env: str
    """The environment's id; "None" of one that was not made by its id."""
    returns: Array
    lengths: Array
    """In steps."""
    ends: Array
    """When each ended, in seconds of a common clock; the order alone where the file has no time."""


def read(place: Path) -> Curve:
    """The curve of one run: that of a Monitor CSV, or of a folder that `make_vec_env` filled.

    Raises:
        InputError: it is none, or has fewer than two episodes.
    """
    logs = [_log(file) for file in (_monitors(place) if place.is_dir() else [place])]
    users = {log.env == USER for log in logs}
    others = (log.env for log in logs if log.env.startswith(OURS) and log.env not in KNOWN)
    if other := next(others, ""):
        problem = f"expected episodes of {' or '.join(KNOWN)}, got {other} in {place}"
        raise InputError(f"{problem}; theory has no line for these")
    if len(users) > 1:
        raise InputError(f"expected providers or users, got both in {place}; draw them apart")
    returns, lengths, ends = (
        np.concatenate([log[part] for log in logs]) for part in range(1, len(Log._fields))
    )
    # one file is in order as it is, though its clock may have been set back by a second run
    order = np.argsort(ends, kind="stable") if len(logs) > 1 else np.arange(len(ends))
    if len(returns) < 2:
        raise InputError(f"expected two episodes or more, all numbers, in {place}")
    told = all(log.env != "None" for log in logs)
    return Curve(users.pop(), np.cumsum(lengths[order]), returns[order], told)


def _log(file: Path) -> Log:
    """What is in a Monitor CSV; its first line names the environment.

    Raises:
        InputError: it is none, or holds what is no number.
    """
    try:
        first, columns, *rows = files.read(file, MOST).decode("utf-8").splitlines()
        head = files.fitted(files.loose_json(first.removeprefix("#")), Head)
        names = columns.split(",")
        places = [names.index(name) for name in ("r", "l", *(["t"] if "t" in names else []))]
        rows = [row for row in rows if row]
        table = np.empty((0, len(places)))
        if rows:
            table = np.loadtxt(rows, delimiter=",", comments=None, usecols=places, ndmin=2)
        returns, lengths, *times = table.T
        ends = head.t_start + times[0] if times else np.arange(len(table))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        hint = perhaps_file(file, [".csv"])
        raise InputError(f"expected a Monitor CSV, got {file} ({reason}){hint}") from None
    except ValueError as error:
        reason = files.printable(files.short(str(error)))
        problem = f"expected a CSV by stable_baselines3's Monitor, got {file} ({reason})"
        raise InputError(f"{problem}; write one with Monitor(env, {file.name!r})") from None
    if not np.isfinite(table).all():
        raise InputError(f"expected two episodes or more, all numbers, in {file}")
    return Log(str(head.env_id), returns, lengths, ends)


def _monitors(folder: Path) -> list[Path]:
    """The Monitor CSVs in a folder, by their names.

    Raises:
        InputError: there is none.
    """
    found = sorted(folder.glob(f"*{ENDING}"), key=lambda file: (len(file.name), file.name))
    if not found:
        problem = f"expected a folder with files that end in {ENDING}, got {folder}"
        raise InputError(f"{problem}; make_vec_env(..., monitor_dir=...) writes them")
    return found


def runs(places: Sequence[Path]) -> dict[str, Curve]:
    """The signed curves of all runs in files and folders, by names that tell them apart.

    Raises:
        InputError: a place holds none, or some are a provider's and some a user's.
    """
    found: list[Path] = []
    for place in places:
        inside = _monitors(place) if place.is_dir() else []
        side_by_side = all(re.fullmatch(rf"\d+\.{ENDING}", file.name) for file in inside)
        found += [place] if side_by_side else inside
    found = list(dict.fromkeys(found))
    curves = {place: signed(read(place)) for place in found}
    if len({curve.user for curve in curves.values()}) > 1:
        sides = {curve.user: place for place, curve in curves.items()}
        problem = f"expected curves of providers or of users, got {sides[False]} and {sides[True]}"
        raise InputError(f"{problem}; draw them apart")
    return dict(zip(_names(found), curves.values(), strict=True))


def _names(found: Sequence[Path]) -> list[str]:
    """What each run is called: as little of its path as tells it from the others."""
    bare = [_bare(place) for place in found]
    for parts in range(1, 1 + max(len(path.parts) for path in bare)):
        names = ["/".join(path.parts[-parts:]) for path in bare]
        if len(set(names)) == len(names):
            return names
    return [str(place) for place in found]


def _bare(place: Path) -> Path:
    """A path without what every Monitor's has: run/monitor.csv is run, a.monitor.csv is a."""
    place = place.absolute()
    stem = place.name.removesuffix(ENDING).rstrip(".")
    return place.with_name(stem) if stem else place.parent


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
    even = (np.arange(1000) + 0.5) / 1000
    route, s = np.repeat([1, 2], 1000), np.tile(even, 2)
    success = np.array([float(p) for p in game.success])
    latency = np.array([float(t) for t in game.latency])
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
    episodes = len(curve.returns)
    count = min(BLOCKS, max(episodes // FEW, 1))
    parts = np.array_split(np.arange(episodes), count)
    returns = [curve.returns[part] for part in parts]
    means = np.array([block.mean() for block in returns])
    spreads = np.array([block.std(ddof=1) for block in returns])
    ends = np.array([curve.steps[part[-1]] for part in parts])
    return ends, means, half_width(spreads, [len(part) for part in parts])


def signed(curve: Curve) -> Curve:
    """The curve as costs of a provider, or as utilities of a user."""
    return curve if curve.user else curve._replace(returns=-curve.returns)


def end(curve: Curve) -> Array:
    """The last tenth of the returns, or `FEW` of them if that is more."""
    return curve.returns[-max(len(curve.returns) // 10, FEW) :]


def sentence(curve: Curve, game: Game) -> str:
    """Where a signed curve ends."""
    last = end(curve)
    best = levels(game, curve.user)[0]
    what = "utility" if curve.user else "cost"
    return f"mean {what} of the last {len(last)} episodes: {mean_of(last)}; {best.words}" + (
        "" if curve.told else "; the file names no environment: taken for a provider's"
    )


def doubt(curves: Mapping[str, Curve], game: Game) -> str:
    """What to ask if a signed curve ends where none of this game can; empty if none does.

    No provider costs less than J* against the exact user, and no user gains more than the best
    response, but by chance: what is off by more than `SURE` has another reason.
    """
    user = next(iter(curves.values())).user
    best = levels(game, user)[0].level
    odd = [name for name, curve in curves.items() if _is_beyond(curve, best)]
    if not odd:
        return ""
    more = f" and {len(odd) - 1} more" if len(odd) > 1 else ""
    whose = f"{files.short(odd[0], 40)}{more}: " if len(curves) > 1 else ""
    if user:
        return (
            f"{whose}above the best response: is this the game it was trained on, s drawn evenly?"
        )
    return f"{whose}below J*: is this the game it was trained on, against the exact user?"


def _is_beyond(curve: Curve, best: float) -> bool:
    """Whether a signed curve ends clearly on the side of ``best`` where it cannot be."""
    count = max(len(curve.returns) // 10, ENOUGH)
    last = curve.returns[-count:]
    gain = last.mean() - best if curve.user else best - last.mean()
    far = SURE * half_width(last.std(ddof=1), len(last))
    return bool(len(last) >= FEWEST and gain > far)


def mean_of(x: Array) -> str:
    """The mean, with half of its 95 % interval if it has one."""
    half = float(half_width(x.std(ddof=1), len(x)))
    return f"{x.mean():.4g}" + (f" ± {half:.2g}" if np.isfinite(half) else "")


def sentences(curves: Mapping[str, Curve], game: Game) -> list[str]:
    """Where each ends, and the mean of all: with an interval over runs, where they are enough.

    Then what is doubtful.
    """
    told = [sentence(curve, game) for curve in curves.values()]
    doubts = [f"warning: {words}" for words in [doubt(curves, game)] if words]
    if len(told) == 1:
        return told + doubts
    means = np.array([end(curve).mean() for curve in curves.values()])
    spread = f"from {means.min():.4g} to {means.max():.4g}"
    told = [f"{name}: {words}" for name, words in zip(curves, told, strict=True)]
    return [*told, f"mean of these {len(means)} runs: {mean_of(means)}, {spread}", *doubts]


def draw(
    curves: Mapping[str, Curve], game: Game, name: str, units: Sequence[str] = UNITS
) -> Figure:
    """Signed curves of one kind, and the lines of theory; units are of time and of money."""
    user = next(iter(curves.values())).user
    rows = (len(curves) + 4) // 2  # of the legend, which also names three lines
    figure = Figure(figsize=(7.2, 3.5 + 0.17 * rows), layout="constrained")
    axes = figure.subplots()
    draw_runs(axes, curves)
    looks = zip(levels(game, user), (HOLDS, FAILS, FAINT), ("-", "--", ":"), strict=True)
    for line, colour, style in looks:
        axes.axhline(line.level, color=colour, ls=style, lw=1.5, label=line.words)
    one, many = ("user", "users") if user else ("provider", "providers")
    quantity = "utility after a failed pass" if user else "J, cost of a task, as played"
    title = f"{literal(name)}: your {one if len(curves) == 1 else many} beside theory"
    axes.set(
        title=title,
        xlabel="steps of the environment",
        ylabel=f"{quantity} ({units[0] if user else units[1]})",
        xlim=(0, max(curve.steps[-1] for curve in curves.values())),
    )
    if words := doubt(curves, game):
        axes.set_title(title, pad=20)
        axes.annotate(literal(words), (0, 1.02), xycoords="axes fraction", color=FAILS, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    return figure


def draw_runs(axes: Axes, curves: Mapping[str, Curve]) -> None:
    """Each curve by itself, with its intervals where there are few."""
    for k, (run, curve) in enumerate(curves.items()):
        steps, means, halves = blocks(curve)
        colour, style = look(k, len(curves))
        if len(curves) <= BANDS:
            axes.fill_between(steps, means - halves, means + halves, color=colour, alpha=0.15, lw=0)
        words = "yours" if len(curves) == 1 else literal(files.short(run, 40))
        if len(curves) <= BANDS:
            words += ", with 95 % intervals"
        axes.plot(steps, means, color=colour, ls=style, lw=1.8, label=words)


def look(k: int, count: int) -> tuple[str, Any]:
    """Colour and style of run number k of so many: none is one of theory's."""
    if count == 1:
        return INK, "-"
    return COLOURS[k % len(COLOURS)], STYLES[k // len(COLOURS) % len(STYLES)]


def write_curves(
    curves: Mapping[str, Curve],
    game: Game,
    name: str,
    place: Path,
    units: Sequence[str] = UNITS,
) -> tuple[Path, list[str]]:
    """A PNG, and an SVG beside it; and where the curves end.

    Args:
        curves: signed, of one kind.
        game: what theory is of.
        name: of the game, for the title.
        place: of the files, without their endings, in a folder that is there.
        units: of time and of money.

    Raises:
        OSError: a file cannot be written.
    """
    with dressed():
        figure = draw(curves, game, name, units)
        picture = place.with_name(f"{place.name}.png")
        for ending, options in ((".png", {"dpi": 150}), (".svg", {"metadata": {"Date": None}})):
            drawn = io.BytesIO()
            figure.savefig(drawn, format=ending[1:], **options)
            files.write(place.with_name(f"{place.name}{ending}"), drawn.getvalue())
    return picture, sentences(curves, game)
