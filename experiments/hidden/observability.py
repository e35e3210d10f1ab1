"""From commitment to simultaneous play: where do learning pairs end as the user sees less of s?

The dial of `envs.observation` decides what a user sees of (i, s) before each task: s itself, n
tosses of the coin, s with noise, or the route alone. Two pairs learn at each setting:

    bandits     a UCB provider on 21 commitments, and a user of multiplicative weights, one table
                row for each thing it can see; both learn from each task they play, and from
                nothing else
    replies     fictitious play on the same grid: both know the game, and each answers best to the
                average of what the other has played so far; no noise, so what happens is the
                game's doing

Theory: seen exactly, the Stackelberg cost J*; unseen, that of simultaneous play; in between the
cheapest mixed equilibrium between a cascade of the grid and its temptation
(`theory.noisy.signal_play`), with the signals of the dial.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import binom, norm

from routing_game.agents import UCB
from routing_game.agents.schemes import simultaneous as learn_together
from routing_game.agents.table_users import MultiplicativeWeights
from routing_game.envs.observation import Dial
from routing_game.experiments.cells.progress import Steps
from routing_game.experiments.hidden.settings import Settings
from routing_game.experiments.intervals import mean
from routing_game.experiments.measures import selected
from routing_game.experiments.play import World
from routing_game.theory import Commitment, Game, Task, payoffs, simultaneous, solve
from routing_game.theory.noisy import signal_play
from routing_game.theory.numbers import Array

PROFILES = {
    "smoke": {"seeds": 2, "tasks": 600},
    "default": {"seeds": 10, "tasks": 60_000},
    "full": {"seeds": 10, "tasks": 200_000},
}
SAMPLES = ("samples:100", "samples:30", "samples:10", "samples:3", "samples:1")
NOISY = ("noisy:0.02", "noisy:0.05", "noisy:0.1", "noisy:0.2", "noisy:0.5")
DIAL = ("strategy", *SAMPLES, *NOISY, "route")
"""Its settings: s is seen, of so many tosses, with so much noise, or not at all."""
PAIRS = ("bandits", "replies")
CASCADES = 20
"""Values of s on route 1 that a provider has: 0, 1/20, ..., 19/20."""
ANSWERS = 11
"""Values of q that a user has."""
BINS = 41
"""Things that a user tells apart when it sees a number, or many tosses."""
BLOCKS = 20
"""Equal parts of a run over which costs are averaged; the last four are the end."""
END = 4
LEAST = 1e-280
"""Chance below which none falls: noise rules nothing out, however little of it there is."""
KINDS = ("Stackelberg", "simultaneous", "neither")
"""What `measures.selected` says of a cost."""
Rows = list[dict[str, Any]]


class Cell(NamedTuple):
    """One pair at one setting of the dial."""

    pair: str
    observes: str
    seed: int


class Measured(NamedTuple):
    """What is measured."""

    runs: Rows
    """A row for each pair, setting and seed."""
    theory: dict[str, float]
    """Setting -> cost of the cheapest equilibrium."""
    ends: Rows
    """A row for each pair and setting."""


def measure(settings: Settings, progress: Steps) -> Measured:
    """Let every pair learn at every setting, and find what theory says."""
    seeds = range(settings["seeds"])
    cells = [Cell(pair, observes, seed) for seed in seeds for observes in DIAL for pair in PAIRS]
    runs = settings.each(partial(row, settings), cells, progress, "learning pairs")
    theory = {observes: predicted(settings.game, observes) for observes in DIAL}
    return Measured(runs, theory, summary(runs, theory))


def bins(dial: Dial) -> int:
    """How many things a user tells apart on route 1."""
    if dial.kind == "route":
        return 1
    return min(int(dial.number) + 1, BINS) if dial.kind == "samples" else BINS


def law(dial: Dial, cascade: Array) -> Array:
    """(A, m) chances of what a user may see on route 1, for each s of shape (A,)."""
    m = bins(dial)
    if dial.kind == "samples":
        tosses = np.arange(dial.number + 1)
        chances = binom(dial.number, cascade[:, None]).pmf(tosses)
        seen = nearest(tosses / dial.number, m)
        return np.stack([chances[:, seen == k].sum(axis=1) for k in range(m)], axis=1)
    if dial.kind == "noisy":
        return noisy_law(cascade[:, None], dial.number, m)
    return np.eye(m)[nearest(cascade, m)]


def noisy_law(s: Array, noise: float, m: int) -> Array:
    """(A, m) chances of the bins of s with normal noise, s of shape (A, 1).

    Of the two tails each is used where it is not rounded to 0.
    """
    between = (np.arange(1, m) - 0.5) / (m - 1)
    edges = np.concatenate([[-np.inf], between, [np.inf]])
    left = np.diff(norm.cdf(edges, s, noise), axis=1)
    right = np.diff(norm.sf(edges, s, noise), axis=1)
    return np.maximum(np.where(edges[:-1] < s, left, -right), LEAST)


def nearest(seen: Any, m: int) -> Any:
    """The bin of a number in [0, 1]."""
    return np.rint(np.asarray(seen) * (m - 1)).astype(int)


class Behind:
    """A user who sees no more of the commitment than the dial shows; the inner one learns."""

    def __init__(self, user: MultiplicativeWeights, dial: Dial, rng: np.random.Generator) -> None:
        self._user, self._dial, self._rng = user, dial, rng

    def see(self, commitment: Commitment) -> Commitment:
        """What it takes the commitment for."""
        if commitment.route == 2:
            return commitment
        _, *seen = self._dial.glimpse(*commitment, self._rng.random(self._dial.draws))
        if not seen:
            return Commitment(1, 0)
        unit = self._dial.number if self._dial.kind == "samples" else 1
        return Commitment(1, float(seen[0]) / unit)

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


def row(settings: Settings, cell: Cell) -> dict[str, Any]:
    """One run: its course, and where it ended."""
    game, rng = settings.game, settings.rng("observability", cell)
    learn = {"bandits": bandits, "replies": replies}[cell.pair]
    played, stopped = learn(game, Dial.parse(cell.observes), settings["tasks"], rng)
    cost = payoffs(game, *played.T).cost
    course = [float(part.mean()) for part in np.array_split(cost, BLOCKS)]
    ending = float(np.mean(course[-END:]))
    stopped = ending if stopped is None else stopped
    end = np.concatenate(np.array_split(played, BLOCKS)[-END:])
    route, cascade, abandon = end.T
    on_1 = cascade[route == 1]
    return {
        **cell._asdict(),
        "cost": ending,
        "stopped": stopped,
        "selected": str(selected(game, stopped)),
        "s": float(on_1.mean()) if len(on_1) else None,
        "q": float(abandon.mean()),
        "route 2": float(np.mean(route == 2)),
        "course": course,
    }


Run = tuple[Array, float | None]
"""(i, s, q) of each task, (tasks, 3); and what a task would cost if learning stopped, None if that
is the same.
"""


def bandits(game: Game, dial: Dial, tasks: int, rng: np.random.Generator) -> Run:
    """A UCB provider and a user of multiplicative weights, who learn from every task."""
    values = float(game.value), (float(game.latency[0]), float(game.latency[1]))
    inner = MultiplicativeWeights(*values, rng, cascades=bins(dial), answers=ANSWERS)
    provider, world = UCB(CASCADES), World(game, rng)
    played: list[tuple[float, float, float]] = []

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
    """Fictitious play, from random pasts that weigh as much as a round for each arm."""
    route, cascade = map(np.array, zip(*UCB(CASCADES).arms, strict=True))
    answers = np.linspace(0, 1, ANSWERS)
    seen = glimpses(dial, route, cascade)
    upto = seen.cumsum(axis=1)
    outcomes = payoffs(game, route[:, None], cascade[:, None], answers)
    commitments = rng.dirichlet(np.ones(len(route))) * len(route)
    leaving = rng.dirichlet(np.ones(ANSWERS), seen.shape[1]) * len(route)
    played = []
    for _ in range(rounds):
        arm = int(((seen @ leaving) * outcomes.cost).sum(axis=1).argmin())
        answer = ((seen * commitments[:, None]).T @ outcomes.utility).argmax(axis=1)
        commitments[arm] += 1
        leaving[np.arange(len(answer)), answer] += 1
        glimpse = int(upto[arm].searchsorted(rng.random() * upto[arm, -1], side="right"))
        played.append((route[arm], cascade[arm], answers[answer[glimpse]]))
    return np.array(played), None


def glimpses(dial: Dial, route: Array, cascade: Array) -> Array:
    """(A, m + 1) chances of what a user may see of each commitment; the last one is route 2."""
    seen = np.pad(law(dial, cascade), ((0, 0), (0, 1)))
    seen[route == 2] = np.eye(seen.shape[1])[-1]
    return seen


def predicted(game: Game, observes: str) -> float:
    """The cheapest equilibrium at a setting.

    It is hidden, or mixed between a cascade of the grid and its temptation.
    """
    dial, best, hidden = Dial.parse(observes), solve(game), float(simultaneous(game).lowest)
    if dial.kind == "strategy":
        return float(best.cost)
    if best.rule not in ("s0", "s_L") or dial.kind == "route":
        return hidden
    tempting = 0.0 if best.rule == "s0" else 1.0
    found = [hidden]
    for s in np.arange(CASCADES + 1) / CASCADES:
        if abs(s - tempting) > abs(best.cascade[0] - tempting):
            seen = law(dial, np.array([tempting, s]))
            possible = seen[:, seen.max(axis=0) > 0]
            found += [outcome.cost for outcome in signal_play(game, possible, s, tempting)]
    return min(found)


def summary(runs: Rows, theory: dict[str, float]) -> Rows:
    """A row for each pair and setting."""
    rows = []
    for pair in PAIRS:
        for observes in DIAL:
            mine = [run for run in runs if (run["pair"], run["observes"]) == (pair, observes)]
            named = [run["selected"] for run in mine]
            s = [run["s"] for run in mine if run["s"] is not None]
            row = {
                "pair": pair,
                "observes": observes,
                **mean("cost", [run["cost"] for run in mine]),
                **mean("stopped", [run["stopped"] for run in mine]),
                "theory": theory[observes],
                "s": float(np.mean(s)) if s else None,
                "route 2": float(np.mean([run["route 2"] for run in mine])),
                **{kind: named.count(kind) for kind in KINDS},
            }
            rows.append(row)
    return rows
