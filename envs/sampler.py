"""Whole tasks in constant time each: how often each model runs, and how the task ends.

Under a commitment (i, s) and a reply q the passes of M1 go on with chance a = k1 (1-q)(1-s) and
those of M2 with b = k2 (1-q), whatever came before. So the numbers of passes are geometric, and
independent of where the task goes when M1 is done with it. With k = 1-p, D = 1-a and beta = 1 / (p2
+ k2 q), four ends share the unit interval:

    0                 (p1 + ...)                                                            1
    |  solved by M1  |  solved by M2  |  abandoned after M2: e k2 q beta  |  after M1: k1 q / D  |

where e = k1 (1-q) s / D is the chance of an escalation; on route 2 M1 has no part and e = 1. A task
takes three uniform numbers: two for the numbers of passes (Prob(n > m) = a^m, inverted by a
logarithm), one for the end. No loop over passes, so a task of a thousand passes costs what one of
one pass costs. The law is that of playing pass by pass; nothing is cut off.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from routing_game.envs import rules
from routing_game.theory.engines import EngineName, takes_compiled
from routing_game.theory.game import Game, Task, check_commitment
from routing_game.theory.payoffs import payoffs

BLOCK = 4096
"""Tasks drawn at a time, so that what is at work stays in the fastest memory."""

LEAST_TASKS = 100_000
"""Tasks from which on "auto" takes the compiled functions."""

DRAWS = 3
"""Uniform numbers that a task takes."""

LONGEST = -(2.0**56)
"""The least 1 / log a: then the passes of a task, at most 37 times as many, fit an int64. It is met
where a model fails all but one in 10^17 times and the user stays."""


class Outcome(NamedTuple):
    """What became of a task; each a number or an array."""

    standard: Any
    """Passes of M1."""
    reasoning: Any
    """Passes of M2."""
    solved: Any
    """Solved, or abandoned by the user."""


PlainOutcome = tuple[int, int, bool]
"""An `Outcome` of one task in Python numbers: many times as fast, and a key of dicts."""


class Law(NamedTuple):
    """How tasks go under (i, s, q), ready to draw from; each a number or an array."""

    starts: Any
    """1 where M1 starts, 0 on route 2."""
    again1: Any
    """1 / log a; 0 where M1 never makes a second pass."""
    again2: Any
    """1 / log b."""
    by_standard: Any
    """Chance that M1 solves the task: where its part of the unit interval ends."""
    solved: Any
    """Chance that the task is solved, S: where the part of M2's solutions ends."""
    reasoning: Any
    """Where the part of the tasks abandoned after M2 ends."""


def law(game: Any, route: Any, cascade: Any, abandon: Any, abandon_2: Any = None) -> Law:
    """The law of tasks; numbers or arrays, which broadcast against the game.

    Args:
        game: what has the numbers of a game, or of an array of games.
        route: i; unchecked, as are the others.
        cascade: s.
        abandon: q.
        abandon_2: q after a failed pass of M2, of a user who sees which model failed; the same q
            if None.
    """
    starts = 2 - route
    (p1, p2), (k1, k2) = game.success, game.failure
    after_2 = abandon if abandon_2 is None else abandon_2
    stay = 1 - abandon
    end1 = p1 + k1 * (abandon + stay * cascade)  # D
    end2 = p2 + k2 * after_2
    escalated = 1 - starts + starts * k1 * stay * cascade / end1  # e
    left1 = starts * k1 * abandon / end1
    left2 = escalated * k2 * after_2 / end2
    # taken from 1, so that rounding invents no end that cannot be: with q = 0 nobody leaves
    by_standard, solved, reasoning = 1 - left1 - escalated, 1 - left1 - left2, 1 - left1
    return Law(starts, _again(end1), _again(end2), by_standard, solved, reasoning)


def _again(end: Any) -> Any:
    """1 / log(1 - end), 0 at end = 1."""
    if type(end) is float:  # the same up to the last bit, many times as fast
        if end >= 1:
            return 0.0
        again = 1 / math.log1p(-end)
        return again if again > LONGEST else LONGEST
    with np.errstate(divide="ignore"):
        return np.maximum(1 / np.log1p(-np.asarray(end)), LONGEST)[()]


def logs(uniform: NDArray[np.float64]) -> NDArray[np.float64]:
    """Draws of three uniform numbers, shape (3, ...), made ready: log(1 - u), log(1 - u), u."""
    ready = np.subtract(1.0, uniform)
    np.log(ready[:2], out=ready[:2])
    ready[2] = uniform[2]
    return ready


def outcome(law: Law, ready: NDArray[np.float64]) -> Outcome:
    """The tasks that draws made ready by `logs` decide; the law broadcasts against them."""
    first, second, end = ready
    standard = law.starts * (1 + np.floor(first * law.again1))
    reasons = (law.by_standard <= end) & (end < law.reasoning)
    reasoning = reasons * (1 + np.floor(second * law.again2))
    return Outcome(standard.astype(np.int64), reasoning.astype(np.int64), end < law.solved)


def one_outcome(law: Law, ready: Sequence[float]) -> PlainOutcome:
    """As `outcome`, for one task, a hundred times as fast."""
    starts, again1, again2, by_standard, solved, reasoning = law
    first, second, end = ready
    passes1 = starts * (1 + int(first * again1))
    passes2 = 1 + int(second * again2) if by_standard <= end < reasoning else 0
    return passes1, passes2, end < solved


def one_task(
    game: Game, cascade: float, abandon: float, outcome: PlainOutcome, max_passes: int
) -> Task:
    """What an outcome comes to for both sides; the expected rest is charged where it is cut off.

    Args:
        game: one game.
        cascade: s.
        abandon: q.
        outcome: as `one_outcome` gives it.
        max_passes: when to cut the task off.
    """
    standard, reasoning, solved = outcome
    if standard + reasoning <= max_passes:
        bill = rules.settle(game, (standard, reasoning), solved)
        return rules.record((standard, reasoning), solved, bill, False)
    played = cut_off(Outcome(*outcome), max_passes)
    passes, tail = (
        tuple(map(int, played.passes)),
        payoffs(game, int(played.model), cascade, abandon),
    )
    return rules.record(passes, False, rules.settle(game, passes, False, tail), True)


def cut_off(played: Outcome, max_passes: int) -> rules.Played:
    """The same tasks, stopped after ``max_passes`` passes if they are longer; numbers or arrays.

    ``model`` is the one that would have run next, right where ``cut`` is true.
    """
    cut = played.standard + played.reasoning > max_passes
    standard = np.minimum(played.standard, max_passes)
    reasoning = np.minimum(played.reasoning, max_passes - standard)
    following = 1 + (played.standard <= max_passes)
    return rules.Played((standard, reasoning), played.solved & ~cut, cut, following)


def sample_tasks(
    game: Game,
    route: ArrayLike,
    cascade: ArrayLike,
    abandon: ArrayLike,
    rng: np.random.Generator,
    size: int | None = None,
    engine: EngineName = "auto",
) -> Outcome:
    """Play tasks to their ends: ``size`` tasks of one (game, i, s, q), or one for each entry.

    Args:
        game: one game, or an array of games.
        route: i, 1 or 2.
        cascade: s in [0, 1].
        abandon: q in [0, 1].
        rng: gives three uniform numbers per task.
        size: how many tasks; omit it where the game or the rest are arrays, which broadcast to a
            shape (n,).
        engine: "numpy"; "compiled", which needs the extra `fast`; or "auto": compiled for many
            tasks if it is installed. The tasks are the same.

    Returns:
        Arrays of shape (n,).

    Raises:
        ValueError: route is not 1 or 2, a probability lies outside [0, 1], or the shape is not
            (n,).

    Example:
        >>> from routing_game.theory import GAMES, payoffs
        >>> game = GAMES["t4-cascade"]
        >>> played = sample_tasks(game, 1, 0.25, 0.0, np.random.default_rng(0), size=1_000_000)
        >>> bool(played.solved.all()), round(float(played.standard.mean()), 2)
        (True, 2.11)
        >>> bill = game.cost[0] * played.standard + game.cost[1] * played.reasoning
        >>> round(float(bill.mean()), 2), round(payoffs(game, 1, 0.25, 0.0).cost, 2)
        (0.59, 0.59)
    """
    choice = tuple(np.asarray(x) for x in (route, cascade, abandon))
    sizes = () if size is None else (size,)
    shape = np.broadcast_shapes(game.shape, *(x.shape for x in choice), sizes)
    if len(shape) != 1:
        raise ValueError(
            f"tasks must have a shape (n,): give a size, or arrays in one dimension; got {shape}"
        )
    check_commitment(*choice)
    alike = not game.shape and all(x.size == 1 for x in choice)
    same = law(game, *choice) if alike else None
    tasks = shape[0]
    make, draw = law_and_outcome(takes_compiled(engine, tasks >= LEAST_TASKS))
    kinds = np.int64, np.int64, np.bool_
    played = Outcome(*(np.empty(tasks, kind) for kind in kinds))
    for start in range(0, tasks, BLOCK):
        part = slice(start, min(start + BLOCK, tasks))
        uniform = rng.random((DRAWS, part.stop - start))
        rule = same or make(*(_part(x, part) for x in (game, *choice)))
        drawn = draw(rule, logs(uniform))
        for whole, piece in zip(played, drawn, strict=True):
            whole[part] = piece
    return played


def law_and_outcome(compiled: bool) -> tuple[Callable[..., Law], Callable[..., Outcome]]:
    """`law` and `outcome`, numpy's or compiled: then each of the law's members is an array."""
    if not compiled:
        return law, outcome
    from routing_game.envs import compiled_tasks

    def many_laws(game: Game, route: Any, cascade: Any, abandon: Any) -> Law:
        choice = route, cascade, abandon
        (tasks,) = np.broadcast_shapes(game.shape, *map(np.shape, choice))
        return Law(*compiled_tasks.law(game, *choice, tasks, LONGEST))

    def many_outcomes(law: Law, ready: NDArray[np.float64]) -> Outcome:
        return Outcome(*compiled_tasks.outcome(law, ready))

    return many_laws, many_outcomes


def _part(x: Any, part: slice) -> Any:
    """Those of a part of the tasks, or what is the same for all."""
    return x[part] if x.shape not in ((), (1,)) else x
