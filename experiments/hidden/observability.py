"""From commitment to simultaneous play: in which equilibrium do learning pairs end as the user sees less of s?

The dial of `envs.observation` decides what a user sees of (i, s) before each task: s itself, n tosses of the coin, s
with noise, or the route alone. Two pairs learn at each setting:

    bandits     a UCB provider on 21 commitments, and a user of multiplicative weights, one table row for each thing it
                can see; both learn from each task they play, and from nothing else
    replies     fictitious play on the same grid: both know the game, and each answers best to the average of what the
                other has played so far; no noise, so what happens is the game's doing

Theory: seen exactly, the Stackelberg cost J*; unseen, that of simultaneous play; in between the cheapest mixed
equilibrium between a cascade of the grid and its temptation (`theory.noisy.signal_play`), with the signals of the dial.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from scipy.stats import binom, norm

from routing_game.agents import UCB
from routing_game.agents.followers import MultiplicativeWeights
from routing_game.agents.schemes import simultaneous as learn_together
from routing_game.envs.observation import Dial
from routing_game.experiments.cells.progress import Steps
from routing_game.experiments.hidden.settings import Settings
from routing_game.experiments.intervals import mean
from routing_game.experiments.measures import SELECTED, selected
from routing_game.experiments.pages.page import Page, Picture, Table
from routing_game.experiments.pages.style import RC, Look, draw, svg
from routing_game.experiments.play import World
from routing_game.theory import Commitment, Game, Task, payoffs, simultaneous, solve
from routing_game.theory.noisy import signal_play
from routing_game.theory.numbers import Array

PROFILES = {
    "smoke": {"seeds": 2, "tasks": 600},
    "default": {"seeds": 10, "tasks": 60_000},
    "full": {"seeds": 10, "tasks": 200_000},
}
DIAL = (
    "strategy", "samples:100", "samples:30", "samples:10", "samples:3", "samples:1",
    "noisy:0.02", "noisy:0.05", "noisy:0.1", "noisy:0.2", "noisy:0.5", "route",
)  # fmt: skip
PAIRS = {"bandits": Look("#0072B2", "o", ""), "replies": Look("#D55E00", "s", "")}
CASCADES = 20
"""Values of s on route 1 that a provider has: 0, 1/20, ..., 19/20."""
ANSWERS = 11
"""Values of q that a user has."""
BINS = 41
"""Things that a user tells apart when it sees a number, or many tosses."""
BLOCKS = 20
"""Equal parts of a run over which costs are averaged; the last four are the end."""
END = 4
ROUNDING = 1e-9
LEAST = 1e-280
"""Chance below which none falls: noise rules nothing out, however little of it there is."""


class Cell(NamedTuple):
    """One pair at one setting of the dial."""

    pair: str
    observes: str
    seed: int


def experiment(settings: Settings, progress: Steps) -> Page:
    """Let every pair learn at every setting, and name the equilibrium that it ends in."""
    game = settings.game
    cells = [Cell(pair, observes, seed) for seed in range(settings["seeds"]) for observes in DIAL for pair in PAIRS]
    runs = pl.DataFrame(settings.each(partial(row, settings), cells, progress, "learning pairs"))
    theory = {observes: predicted(game, observes) for observes in DIAL}
    table = summary(runs, theory)
    return Page(
        f"From seeing s to guessing it: {settings.name}",
        "A user who sees s exactly makes the provider's commitment count, one who sees nothing of it makes it worth "
        "nothing. Where do learners end in between?",
        answer(game, table, theory),
        (Picture("Cost of a task over the last fifth of the tasks: mean of the seeds with its 95 % interval (points), "
                "each seed (dots); the cheapest mixed equilibrium at each setting (black bars), J* and the cost of "
                "simultaneous play (lines).", end_figure(game, runs, table, theory)),
         Picture("The same over time, mean of the seeds.",
                course_figure(game, runs))),
        (Table("ends", "By pair and setting: cost of a task over the last fifth, and once learning has "
               "stopped, with half of their 95 % intervals; the cheapest equilibrium, mean s on route 1, share of "
               f"route 2, and seeds within {100 * SELECTED:g} % of either equilibrium once it has.", table),
         Table("runs", "Every run.", runs.drop("course"))),
        {"game": settings.name, "profile": settings.profile, **settings.numbers, "provider's grid": CASCADES,
         "user's answers": ANSWERS, "J*": float(solve(game).cost)},
    )  # fmt: skip


# --- what a user sees -----------------------------------------------------------------------------------------


def bins(dial: Dial) -> int:
    """How many things a user tells apart on route 1."""
    return {"route": 1, "samples": min(int(dial.number) + 1, BINS)}.get(dial.kind, BINS)


def law(dial: Dial, cascade: Array) -> Array:
    """(A, m) chances of what a user may see on route 1, for each s of shape (A,)."""
    m, s = bins(dial), cascade[:, None]
    if dial.kind == "samples":
        k = np.arange(dial.number + 1)
        tosses = binom(dial.number, s).pmf(k)
        return np.stack([tosses[:, nearest(k / dial.number, m) == j].sum(axis=1) for j in range(m)], axis=1)
    if dial.kind == "noisy":
        edges = np.concatenate([[-np.inf], (np.arange(1, m) - 0.5) / (m - 1), [np.inf]])
        left, right = (np.diff(tail(edges, s, dial.number), axis=1) for tail in (norm.cdf, norm.sf))
        return np.maximum(np.where(edges[:-1] < s, left, -right), LEAST)  # each tail where it is not rounded to 0
    return np.eye(m)[nearest(cascade, m)]


def nearest(seen: Any, m: int) -> Any:
    """The bin of a number in [0, 1]."""
    return np.rint(np.asarray(seen) * (m - 1)).astype(int)


class Behind:
    """A user who sees no more of the commitment than the dial shows; the inner one learns from that."""

    def __init__(self, user: MultiplicativeWeights, dial: Dial, rng: np.random.Generator) -> None:
        self._user, self._dial, self._rng = user, dial, rng

    def see(self, commitment: Commitment) -> Commitment:
        """What it takes the commitment for."""
        if commitment.route == 2:
            return commitment
        _, *seen = self._dial.glimpse(*commitment, self._rng.random(self._dial.draws))
        return Commitment(1, float(seen[0]) / (self._dial.number if self._dial.kind == "samples" else 1) if seen else 0)

    def reply(self, commitment: Commitment) -> float:
        """The inner user's q, for what it sees in this task."""
        self._seen = self.see(commitment)
        return self._user.reply(self._seen)

    def learn(self, commitment: Commitment, q: float, task: Task) -> None:
        """Learn about what was seen."""
        self._user.learn(self._seen, q, task)

    def abandon(self, route: Any, cascade: Any) -> Any:
        """The inner user's answer to a glimpse."""
        return self._user.abandon(*self.see(Commitment(int(route), float(cascade))))

    def forget(self) -> None:
        """Start anew."""
        self._user.forget()


# --- the pairs ------------------------------------------------------------------------------------------------


def row(settings: Settings, cell: Cell) -> dict[str, Any]:
    """One run: its course, and where it ended."""
    game, rng = settings.game, settings.rng("observability", cell)
    pair = {"bandits": bandits, "replies": replies}[cell.pair]
    played, stopped = pair(game, Dial.parse(cell.observes), settings["tasks"], rng)
    cost = payoffs(game, *played.T).cost
    course = [float(part.mean()) for part in np.array_split(cost, BLOCKS)]
    end = np.concatenate(np.array_split(played, BLOCKS)[-END:])
    first, ending = end[end[:, 0] == 1], float(np.mean(course[-END:]))
    stopped = ending if stopped is None else stopped
    return {
        **cell._asdict(), "cost": ending, "stopped": stopped, "selected": str(selected(game, stopped)),
        "s": float(first[:, 1].mean()) if len(first) else None, "q": float(end[:, 2].mean()),
        "route 2": float(np.mean(end[:, 0] == 2)), "course": course,
    }  # fmt: skip


Run = tuple[Array, float | None]
"""(i, s, q) of each task, (tasks, 3); and what a task would cost if learning stopped, None if that is the same."""


def bandits(game: Game, dial: Dial, tasks: int, rng: np.random.Generator) -> Run:
    """A UCB provider and a user of multiplicative weights, who learn from every task."""
    values = float(game.value), (float(game.latency[0]), float(game.latency[1]))
    inner = MultiplicativeWeights(*values, rng, cascades=bins(dial), answers=ANSWERS)
    provider, world, played = UCB(CASCADES), World(game, rng), list[tuple[float, float, float]]()

    def watched(commitment: Commitment, q: float) -> Task:
        played.append((*commitment, q))
        return world(commitment, q)

    for _ in learn_together(provider, Behind(inner, dial, rng), watched, tasks):
        pass
    route, cascade = provider.recommend()
    chances = law(dial, np.array([cascade]))[0]
    answers = inner.abandon(route, np.arange(len(chances)) / max(len(chances) - 1, 1))
    return np.array(played), float(chances @ payoffs(game, route, cascade, answers).cost)


def replies(game: Game, dial: Dial, rounds: int, rng: np.random.Generator) -> Run:
    """Fictitious play, both starting from a random past that weighs as much as a round for each arm."""
    arms, answers = UCB(CASCADES).arms, np.linspace(0, 1, ANSWERS)
    route, cascade = (np.array(column) for column in zip(*arms, strict=True))
    seen = np.pad(law(dial, cascade), ((0, 0), (0, 1)))
    seen[route == 2] = np.eye(seen.shape[1])[-1]
    outcomes, upto, played = payoffs(game, route[:, None], cascade[:, None], answers), seen.cumsum(axis=1), []
    commitments = rng.dirichlet(np.ones(len(arms))) * len(arms)
    leaving = rng.dirichlet(np.ones(ANSWERS), seen.shape[1]) * len(arms)
    for _ in range(rounds):
        arm = int(((seen @ leaving) * outcomes.cost).sum(axis=1).argmin())
        answer = ((seen * commitments[:, None]).T @ outcomes.utility).argmax(axis=1)
        commitments[arm] += 1
        leaving[np.arange(len(answer)), answer] += 1
        glimpse = int(upto[arm].searchsorted(rng.random() * upto[arm, -1], side="right"))
        played.append((route[arm], cascade[arm], answers[answer[glimpse]]))
    return np.array(played), None


# --- what theory says -----------------------------------------------------------------------------------------


def predicted(game: Game, observes: str) -> float:
    """The cheapest equilibrium at a setting: mixed, between a cascade of the grid and its temptation, or hidden."""
    dial, best, hidden = Dial.parse(observes), solve(game), float(simultaneous(game).lowest)
    if dial.kind == "strategy":
        return float(best.cost)
    if best.rule not in ("s0", "s_L") or dial.kind == "route":
        return hidden
    away = 0.0 if best.rule == "s0" else 1.0
    found = [hidden]
    for s in np.arange(CASCADES + 1) / CASCADES:
        if abs(s - away) > abs(best.cascade[0] - away):
            seen = law(dial, np.array([away, s]))
            found += [outcome.cost for outcome in signal_play(game, seen[:, seen.max(axis=0) > 0], s, away)]
    return min(found)


# --- words and pictures ---------------------------------------------------------------------------------------


def summary(runs: pl.DataFrame, theory: dict[str, float]) -> pl.DataFrame:
    """A row for each pair and setting."""
    rows = []
    for pair in PAIRS:
        for observes in DIAL:
            mine = runs.filter(pair=pair, observes=observes)
            named = {kind: int((mine["selected"] == kind).sum()) for kind in ("Stackelberg", "simultaneous", "neither")}
            s = mine["s"].drop_nulls().to_numpy()
            rows.append({"pair": pair, "observes": observes, **mean("cost", mine["cost"].to_numpy()),
                         **mean("stopped", mine["stopped"].to_numpy()), "theory": theory[observes],
                         "s": float(s.mean()) if len(s) else None,
                         "route 2": float(mine["route 2"].to_numpy().mean()), **named})  # fmt: skip
    return pl.DataFrame(rows, infer_schema_length=None)


def answer(game: Game, table: pl.DataFrame, theory: dict[str, float]) -> tuple[str, ...]:
    """What the numbers say."""
    ends = ", ".join(f"{o.cost:.3f}" for o in simultaneous(game).outcomes)
    words = [
        f"Theory: J* = {float(solve(game).cost):.4f} if s is seen, {ends} if it is not; the cheapest mixed "
        f"equilibrium rises from {theory['samples:100']:.3f} at 100 tosses to {theory['samples:1']:.3f} at one."
    ]
    for pair in PAIRS:
        rows = {row["observes"]: row for row in table.filter(pair=pair).to_dicts()}
        costs = [f"{name} {row['cost']:.3f} ± {row['cost_half']:.3f}" for name, row in rows.items()]
        above = [abs(row["cost"] / row["theory"] - 1) for row in rows.values()]
        words.append(
            f"{pair}, cost over the last fifth: {', '.join(costs)}. From the cheapest equilibrium that is at "
            f"most {100 * max(above):.1f} %, in the median {100 * float(np.median(above)):.1f} % away."
        )
        if cheap := [
            name for name, row in rows.items() if row["cost"] + row["cost_half"] < row["theory"] * (1 - ROUNDING)
        ]:
            words.append(f"{pair} are cheaper than any equilibrium at {', '.join(cheap)}: there the user still answers "
                         "what it met on average, and the provider has begun to use that.")  # fmt: skip
        parts = []
        for kind in ("Stackelberg", "simultaneous"):
            there = [f"{name} ({row[kind]} of {total(row)})" for name, row in rows.items() if row[kind]]
            parts.append(f"{kind} at {', '.join(there) if there else 'no setting'}")
        words.append(f"{pair}, equilibrium once learning has stopped: {'; '.join(parts)}; neither in all other runs.")
    return tuple(words)


def total(row: dict[str, Any]) -> int:
    """Seeds of a row of the summary."""
    return int(row["Stackelberg"] + row["simultaneous"] + row["neither"])


def end_figure(game: Game, runs: pl.DataFrame, table: pl.DataFrame, theory: dict[str, float]) -> str:
    """Costs at the end over the dial, seeds and means, beside theory."""
    with mpl.rc_context(RC):
        canvas = Canvas(figsize=(11.2, 4.2))
        axes = canvas.add_axes((0.06, 0.13, 0.93, 0.76))
        place = pl.col("observes").replace_strict({name: float(k) for k, name in enumerate(DIAL)})
        for pair, shift in zip(PAIRS, (-0.14, 0.14), strict=True):
            look, x = PAIRS[pair], place + shift
            seeds, means = runs.filter(pair=pair).with_columns(x=x), table.filter(pair=pair).with_columns(x=x)
            axes.plot(seeds["x"], seeds["cost"], ".", color=look.colour, ms=3, alpha=0.35)
            draw(axes, means, look, "x", "cost", pair)
        for k, name in enumerate(DIAL):
            axes.plot([k - 0.35, k + 0.35], [theory[name]] * 2, color="black", lw=2.2, alpha=0.75,
                      label="cheapest mixed equilibrium" if k == 1 else None)  # fmt: skip
        draw_levels(axes, game)
        axes.set_xticks(range(len(DIAL)), DIAL)
        costs = [*runs["cost"].to_list(), *theory.values()]
        room = 0.1 * (max(costs) - min(costs))
        axes.set(xlabel="what the user sees of s", ylabel="cost J a task, in the unit of P",
                 ylim=(min(costs) - room, max(costs) + room))  # fmt: skip
        axes.legend(ncol=5, loc="lower left", bbox_to_anchor=(-0.01, 1.0), frameon=False, fontsize=8)
        return svg(canvas)


def course_figure(game: Game, runs: pl.DataFrame) -> str:
    """Mean cost over time, a panel for each pair, a line for some settings."""
    shown = {"strategy": "#000000", "samples:30": "#0072B2", "samples:3": "#56B4E9", "noisy:0.1": "#E69F00",
             "route": "#D55E00"}  # fmt: skip
    with mpl.rc_context(RC):
        canvas = Canvas(figsize=(11.2, 3.6))
        panels = canvas.subplots(1, len(PAIRS), sharey=True)
        canvas.subplots_adjust(left=0.06, right=0.99, top=0.82, bottom=0.14, wspace=0.05)
        share = (np.arange(BLOCKS) + 0.5) / BLOCKS
        for axes, pair in zip(panels, PAIRS, strict=True):
            for (name, colour), line in zip(shown.items(), ("-", "--", "-.", (0, (3, 1, 1, 1)), ":"), strict=True):
                courses = np.array(runs.filter(pair=pair, observes=name)["course"].to_list())
                axes.plot(100 * share, courses.mean(axis=0), color=colour, ls=line, lw=1.6, label=name)
            draw_levels(axes, game)
            axes.set(xlabel="share of the tasks over, %", title=pair)
        panels[0].set_ylabel("cost J a task, in the unit of P")
        handles, labels = panels[0].get_legend_handles_labels()
        canvas.legend(handles, labels, ncol=7, loc="upper left", bbox_to_anchor=(0.05, 1.0), frameon=False, fontsize=8)
        return svg(canvas)


def draw_levels(axes: Axes, game: Game) -> None:
    """J*, and what simultaneous play costs."""
    axes.axhline(float(solve(game).cost), color="#555555", lw=1.0, ls="--", label="J*, s seen")
    for k, outcome in enumerate(simultaneous(game).outcomes):
        axes.axhline(outcome.cost, color="#555555", lw=1.0, ls=":", label=None if k else "simultaneous play")
