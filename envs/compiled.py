"""The loops of the engines, compiled: one pass over memory where numpy makes many.

Each function does what a method of the same name does in numpy, and rounds as it does; see
`theory.engines` for who is asked when. Nothing here decides anything: the engines keep the state,
in the same arrays, and may take every step either way.

A loop runs on vectors only if the compiler can tell that its arrays do not overlap, and it gives
up beyond eight tests for that, silently, at a tenth of the speed. So a loop here has few arrays,
and hands what others need over in a byte for each environment. `benchmarks/` would notice.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from routing_game.theory.engines import flat, jit
from routing_game.theory.game import Game

SOLVED, REASONS, PLAYS, ENDS = 1, 2, 4, 8
"""Bits of the byte that tells what a step brought: `user_engine` has the first three, too."""


@jit
def user_step(
    actions: Any,
    uniform: Any,
    lot: Any,
    ended: Any,
    same_step: bool,
    p1: float,
    p2: float,
    rewards: Any,
    offers: bool,
    counts: bool,
    state: Any,
    offered: Any,
    code: Any,
    reward: Any,
    done: Any,
    failed: Any,
) -> int:
    """`UserVectorEnv.step` where no info is told and nobody is cut off.

    Args:
        actions: 0 or 1, int64.
        uniform: the numbers that decide the passes.
        lot: those that decide the commitments, if it ``offers`` any; as are the rest, (n,).
        ended: who has ended in the last step.
        same_step: whether who ends begins anew in the same step.
        p1: as is p2, of the one game.
        p2: see there.
        rewards: of what happened, (8,).
        offers: whether each task has a commitment of its own.
        counts: whether passes of M2 are counted.
        state: escalate, waits and reasoning, (3, n), brought forward.
        offered: routes and cascades, (2, n), likewise.
        code: room for a byte each.
        reward: filled in.
        done: filled in.
        failed: filled in with the models that ran, before new tasks begin; empty if unseen.

    Returns:
        1 if somebody has ended, 0 if nobody; -1 if not all actions are 0 or 1, and then nothing has
        happened.
    """
    bits = np.int64(0)
    for k in range(actions.size):
        bits |= actions[k]
    if bits != 0 and bits != 1:
        return -1
    escalate, waits, reasoning = state[0], state[1], state[2]
    _wait(actions, uniform, ended, same_step, p1, p2, escalate, code)
    _pick(code, rewards, reward)
    ends = _count(code, waits, done)
    if counts:
        _count_reasoning(code, reasoning)
    for k in range(failed.size):
        failed[k] = 2.0 if reasoning[k] > 0.0 else 1.0
    begins, routes, cascades = done if same_step else ended, offered[0], offered[1]
    if offers:
        _offer(begins, lot, routes, cascades)
        _begin(begins, routes, cascades, escalate, waits)
    else:
        _begin_alike(begins, max(routes[0] - 1.0, cascades[0]), escalate, waits)
    if counts:
        _begin_count(begins, routes, reasoning)
    return int(ends)


@jit
def _wait(
    actions: Any,
    uniform: Any,
    ended: Any,
    same_step: bool,
    p1: float,
    p2: float,
    escalate: Any,
    code: Any,
) -> None:
    """The next pass where the user stays, by `rules.next_pass`; what it brought, as a code."""
    for k in range(actions.size):
        stays, ready = actions[k] == 0, same_step | (not ended[k])
        plays = stays & ready
        u, e = uniform[k], escalate[k]
        reasons = u < e
        solved = (u < e * p2) ^ reasons ^ (u < e + (1.0 - e) * p1)
        reasons &= plays
        solved &= plays
        escalate[k] = 1.0 if reasons else e
        ends = (solved | (not stays)) & ready
        code[k] = np.uint8(SOLVED * solved | REASONS * reasons | PLAYS * plays | ENDS * ends)


@jit
def _pick(code: Any, rewards: Any, reward: Any) -> None:
    """The rewards of what happened: chosen among four, which is faster than looked up."""
    kept, kept_solved = rewards[PLAYS], rewards[PLAYS | SOLVED]
    reasoned, reasoned_solved = rewards[PLAYS | REASONS], rewards[PLAYS | REASONS | SOLVED]
    for k in range(code.size):
        happened = code[k]
        solved = (happened & SOLVED) != 0
        by_first = kept_solved if solved else kept
        by_second = reasoned_solved if solved else reasoned
        played = by_second if happened & REASONS else by_first
        reward[k] = played if happened & PLAYS else 0.0


@jit
def _count(code: Any, waits: Any, done: Any) -> bool:
    """Passes counted; who has ended, and whether anybody."""
    bits = np.uint8(0)
    for k in range(code.size):
        waits[k] += 1.0 if code[k] & PLAYS else 0.0
        done[k] = (code[k] & ENDS) != 0
    for k in range(code.size):
        bits |= code[k]
    return (bits & ENDS) != 0


@jit
def _count_reasoning(code: Any, reasoning: Any) -> None:
    """Passes of M2 counted."""
    for k in range(code.size):
        reasoning[k] += 1.0 if code[k] & REASONS else 0.0


@jit
def _offer(begins: Any, lot: Any, routes: Any, cascades: Any) -> None:
    """Any commitment where a task begins: the half a number lies in, and its place there."""
    for k in range(begins.size):
        u = lot[k]
        route, cascade = routes[k], cascades[k]
        upper = 1.0 if u >= 0.5 else 0.0
        new = begins[k]
        routes[k] = 1.0 + upper if new else route
        cascades[k] = 2.0 * u - upper if new else cascade


@jit
def _copy(row: Any, into: Any) -> None:
    for k in range(into.size):
        into[k] = row[k]


@jit
def _begin(begins: Any, routes: Any, cascades: Any, escalate: Any, waits: Any) -> None:
    """New tasks, their first passes failed: M2 serves next by chance s, on route 2 surely."""
    for k in range(begins.size):
        new, e, n = begins[k], escalate[k], waits[k]
        second, cascade = routes[k] - 1.0, cascades[k]
        start = second if second > cascade else cascade
        escalate[k] = start if new else e
        waits[k] = 0.0 if new else n


@jit
def _begin_alike(begins: Any, start: float, escalate: Any, waits: Any) -> None:
    """The same where all tasks have one commitment."""
    for k in range(begins.size):
        new, e, n = begins[k], escalate[k], waits[k]
        escalate[k] = start if new else e
        waits[k] = 0.0 if new else n


@jit
def _begin_count(begins: Any, routes: Any, reasoning: Any) -> None:
    """A first pass of M2 counts, too."""
    for k in range(begins.size):
        new, first, n = begins[k], routes[k] - 1.0, reasoning[k]
        reasoning[k] = first if new else n


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


STAYS, ESCALATED = 1, 2
"""Bits of the byte that tells what a user of a session did, and what it saw."""


@jit
def user_sessions(
    leave: Any,
    toss: Any,
    cascade: Any,
    passes: Any,
    lot: Any,
    solves: float,
    value: float,
    t2: float,
    tasks: int,
    a: Any,
    b: Any,
    unpaid: Any,
    played: Any,
    code: Any,
    runs: Any,
) -> None:
    """`UserSessions._play` up to the passes of M1 that follow.

    Args:
        leave: who leaves; (n,), as are all arrays.
        toss: the numbers that decide whether M2 follows.
        cascade: s.
        passes: of M2, where it follows.
        lot: the numbers that decide whether it solves.
        solves: the chance that it does.
        value: V.
        t2: of the game.
        tasks: of a session.
        a: draws "escalated" seen, brought forward; as are the next three.
        b: draws "kept" seen.
        unpaid: utility since the last decision.
        played: tasks that are over.
        code: room for a byte each.
        runs: filled in with where M1 runs next.
    """
    for k in range(leave.size):
        stays = not leave[k]
        code[k] = np.uint8(STAYS * stays | ESCALATED * (stays & (toss[k] < cascade[k])))
    for k in range(code.size):
        a[k] += 1.0 if code[k] & ESCALATED else 0.0
        b[k] += 1.0 if code[k] == STAYS else 0.0
    for k in range(code.size):
        escalated, n2, u = (code[k] & ESCALATED) != 0, float(passes[k]), lot[k]
        solved = 1.0 if escalated & (u < solves) else 0.0
        unpaid[k] += value * solved - t2 * (n2 if escalated else 0.0)
    for k in range(code.size):
        kept = code[k] == STAYS
        n = played[k] + (0 if kept else 1)
        played[k] = n
        runs[k] = kept | (n < tasks)


@jit
def run_standard(
    uniform: Any,
    runs: Any,
    p1: float,
    value: float,
    t1: float,
    tasks: int,
    unpaid: Any,
    played: Any,
) -> bool:
    """A pass of M1 of `UserSessions._run`; whether another follows anywhere.

    Args:
        uniform: the numbers that decide.
        runs: where it runs; filled in with where another follows.
        p1: of the game.
        value: V.
        t1: of the game.
        tasks: of a session.
        unpaid: utility since the last decision, brought forward.
        played: tasks that are over, likewise.
    """
    some = False
    for k in range(runs.size):
        ran, u, n = runs[k], uniform[k], played[k]
        solved = ran & (u < p1)
        unpaid[k] += value * (1.0 if solved else 0.0) - t1 * (1.0 if ran else 0.0)
        n += 1 if solved else 0
        played[k] = n
        again = solved & (n < tasks)
        runs[k] = again
        some |= again
    return some
