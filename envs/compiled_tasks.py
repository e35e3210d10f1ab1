"""Whole tasks, drawn and settled by compiled loops, for `sampler` and `ProviderVectorEnv`.

Each function does what a method of the same name does in numpy, and rounds as it does; see
`theory.engines` for who is asked when, and `jit` there for how such a loop has to be written.
Nothing here decides anything: the engines keep the state, in the same arrays, and may take every
step either way.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from routing_game.theory.engines import flat, jit
from routing_game.theory.game import Game

_TILE = 256
"""Tasks at work at once. Their numbers lie in one array, kind after kind, at distances that are
known when it is compiled: so there are no overlaps to test for."""


def law(game: Game, route: Any, cascade: Any, abandon: Any, tasks: int, longest: float) -> Any:
    """The members of `sampler.law` of that many tasks, (6, tasks)."""
    given = (*game.success, route, cascade, abandon)
    members = np.empty((6, tasks))
    _law(*(flat(x, (tasks,)) for x in given), members)
    ends = members[1:3]
    with np.errstate(divide="ignore"):  # logarithms are numpy's: others round otherwise
        np.divide(1, np.log1p(-ends), out=ends)
    np.maximum(ends, longest, out=ends)
    return members


def outcome(law: Any, ready: Any) -> tuple[Any, Any, Any]:
    """The members of `sampler.outcome` of a law whose members all are numbers, or all arrays."""
    tasks = ready.shape[1]
    played = np.empty(tasks, np.int64), np.empty(tasks, np.int64), np.empty(tasks, np.bool_)
    if np.ndim(law[0]):
        _outcome(*law, *ready, *played)
    else:
        _outcome_alike(*map(float, law), *ready, *played)
    return played


@jit
def _law(p1: Any, p2: Any, route: Any, cascade: Any, abandon: Any, members: Any) -> None:
    tile = np.empty(6 * _TILE)
    for start in range(0, members.shape[1], _TILE):
        stop = min(start + _TILE, members.shape[1])
        _load(p1, start, stop, tile, 0)
        _load(p2, start, stop, tile, 1)
        _load(route, start, stop, tile, 2)
        _load(cascade, start, stop, tile, 3)
        _load(abandon, start, stop, tile, 4)
        _law_of_tile(tile, stop - start)
        for row in range(6):
            first = row * _TILE
            _copy(tile[first : first + stop - start], members[row][start:stop])


@jit
def _load(x: Any, start: int, stop: int, tile: Any, row: int) -> None:
    """A tile's part of the numbers ``x``, or the one number, into its row."""
    into = tile[row * _TILE : row * _TILE + stop - start]
    if x.size == 1:
        into[:] = x[0]
    else:
        _copy(x[start:stop], into)


@jit
def _copy(row: Any, into: Any) -> None:
    for k in range(into.size):
        into[k] = row[k]


@jit
def _law_of_tile(tile: Any, size: int) -> None:
    """The members of the law, but for the two logarithms, in the place of what decides them."""
    for k in range(size):
        p1, p2 = tile[k], tile[_TILE + k]
        route, cascade, abandon = tile[2 * _TILE + k], tile[3 * _TILE + k], tile[4 * _TILE + k]
        k1, k2 = 1.0 - p1, 1.0 - p2
        starts, stay = 2.0 - route, 1.0 - abandon
        end1 = p1 + k1 * (abandon + stay * cascade)
        end2 = p2 + k2 * abandon
        escalated = 1.0 - starts + starts * k1 * stay * cascade / end1
        left1 = starts * k1 * abandon / end1
        left2 = escalated * k2 * abandon / end2
        tile[k] = starts
        tile[_TILE + k] = end1
        tile[2 * _TILE + k] = end2
        tile[3 * _TILE + k] = 1.0 - left1 - escalated
        tile[4 * _TILE + k] = 1.0 - left1 - left2
        tile[5 * _TILE + k] = 1.0 - left1


@jit
def _outcome(
    starts: Any,
    again1: Any,
    again2: Any,
    by_standard: Any,
    solved_to: Any,
    reasoning_to: Any,
    first: Any,
    second: Any,
    end: Any,
    standard: Any,
    reasoning: Any,
    solved: Any,
) -> None:
    for k in range(end.size):
        standard[k] = np.int64(starts[k] * (1.0 + np.floor(first[k] * again1[k])))
    for k in range(end.size):
        passes = 1.0 + np.floor(second[k] * again2[k])
        reasons = (by_standard[k] <= end[k]) & (end[k] < reasoning_to[k])
        reasoning[k] = np.int64(passes * reasons)
    for k in range(end.size):
        solved[k] = end[k] < solved_to[k]


@jit
def _outcome_alike(
    starts: float,
    again1: float,
    again2: float,
    by_standard: float,
    solved_to: float,
    reasoning_to: float,
    first: Any,
    second: Any,
    end: Any,
    standard: Any,
    reasoning: Any,
    solved: Any,
) -> None:
    """The same where all tasks have one law, whose numbers need no array."""
    for k in range(end.size):
        standard[k] = np.int64(starts * (1.0 + np.floor(first[k] * again1)))
    for k in range(end.size):
        passes = 1.0 + np.floor(second[k] * again2)
        reasons = (by_standard <= end[k]) & (end[k] < reasoning_to)
        reasoning[k] = np.int64(passes * reasons)
    for k in range(end.size):
        solved[k] = end[k] < solved_to


@jit
def provider_tasks(
    law: Any,
    first: Any,
    second: Any,
    end: Any,
    max_passes: int,
    value: float,
    penalty: float,
    t1: float,
    t2: float,
    c1: float,
    c2: float,
    passes: Any,
    solved: Any,
    cut: Any,
    bill: Any,
) -> bool:
    """`sampler.outcome`, `sampler.cut_off` and `rules.settle` of tasks of one game.

    Args:
        law: the members, (6, n).
        first: the numbers that decide, as `sampler.logs` makes them ready, (n,).
        second: see there.
        end: see there.
        max_passes: when to cut a task off.
        value: V.
        penalty: P.
        t1: as is t2, of the game.
        t2: see there.
        c1: as is c2, of the game.
        c2: see there.
        passes: filled in with those of M1 and M2, (2, n), int64.
        solved: filled in, (n,), as is the next.
        cut: filled in with whether it was cut off.
        bill: filled in with J and U, (2, n).

    Returns:
        Whether any task was cut off: then the bill lacks its expected rest.
    """
    standard, reasoning, cost, utility = passes[0], passes[1], bill[0], bill[1]
    _outcome(
        law[0],
        law[1],
        law[2],
        law[3],
        law[4],
        law[5],
        first,
        second,
        end,
        standard,
        reasoning,
        solved,
    )
    any_cut = _cut_off(max_passes, standard, reasoning, solved, cut)
    _settle(value, penalty, t1, t2, c1, c2, standard, reasoning, solved, cost, utility)
    return any_cut


@jit
def _cut_off(max_passes: int, standard: Any, reasoning: Any, solved: Any, cut: Any) -> bool:
    """Stop tasks after so many passes; whether any had more."""
    some = False
    for k in range(cut.size):
        n1, n2, ends = standard[k], reasoning[k], solved[k]
        longer = n1 + n2 > max_passes
        n1 = max_passes if n1 > max_passes else n1
        room = max_passes - n1
        standard[k] = n1
        reasoning[k] = room if n2 > room else n2
        solved[k] = ends & (not longer)
        cut[k] = longer
        some |= longer
    return some


@jit
def _settle(
    value: float,
    penalty: float,
    t1: float,
    t2: float,
    c1: float,
    c2: float,
    standard: Any,
    reasoning: Any,
    solved: Any,
    cost: Any,
    utility: Any,
) -> None:
    """J and U of tasks that came to their ends."""
    for k in range(cost.size):
        n1, n2, success = float(standard[k]), float(reasoning[k]), 1.0 if solved[k] else 0.0
        cost[k] = n1 * c1 + n2 * c2 + penalty * (1.0 - success)
        utility[k] = value * success - (n1 * t1 + n2 * t2)
