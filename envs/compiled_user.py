"""The step of `UserVectorEnv`, compiled: one pass over memory where numpy makes many.

Each function does what a method of the same name does in numpy, and rounds as it does; see
`theory.engines` for who is asked when, and `jit` there for how such a loop has to be written.
Nothing here decides anything: the engines keep the state, in the same arrays, and may take every
step either way.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from routing_game.theory.engines import jit

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
