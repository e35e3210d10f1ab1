"""The loops of `UserSessions`, compiled: one pass over memory where numpy makes many.

Each function does what a method of the same name does in numpy, and rounds as it does; see
`theory.engines` for who is asked when, and `jit` there for how such a loop has to be written.
Nothing here decides anything: the engines keep the state, in the same arrays, and may take every
step either way.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from routing_game.theory.engines import jit

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
