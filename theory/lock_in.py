"""The information trap: how likely a user ends up leaving for good, by exact recursion over counts.

A user who leaves at a failure sees no draw, so a rule that depends on the belief alone never
changes its mind again: it is *locked in*. The draws it saw until then are independent coins with
chance s of "escalated", whenever they fell. So, for a user who checks its belief after each
failure, follow the counts draw by draw until the rule says "leave", and ask only then how many
tasks that took: the n-th draw is the n-th failed pass of M1; the pass before which k keeps were
seen belongs to task (number of that pass) - k; hence

    P(locked in after T tasks) = sum over (n, k) of
        P(the n-th draw locks in, k keeps before it) P(Bin(T + k, k1) >= n).

A user who checks once a task stays for the whole of it; its counts are followed task by task.
Chances below 1e-20 are dropped, so that the result is right to about 1e-13.
(Sections 4.1 and 7 of the paper pose the problem; the answers here go beyond it.)
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, log, log1p
from typing import Any

import numpy as np

from routing_game.theory.belief import Belief, check_checks, lattice, most_keeps
from routing_game.theory.game import Game
from routing_game.theory.numbers import Array, require, whole

Leaves = Callable[[Belief], Any]
"""Whether a user leaves (bool, or 0 and 1) at each of an array of beliefs."""
Counts = Callable[[Belief], Any]
"""As how much a user counts who is locked in at each of an array of beliefs."""

_NOTHING = 1e-20


def lock_in(
    game: Game,
    cascade: float | None,
    prior: Belief,
    tasks: int,
    leaves: Leaves,
    checks: str = "failure",
    counting: Counts | None = None,
) -> float:
    """P(after T tasks the belief of a user says "leave"), for good, if the provider plays (1, s).

    Args:
        game: a single game.
        cascade: the true s; None if it is drawn from the prior, for users who check after each
            failure.
        prior: the user's Beta(a, b).
        tasks: T.
        leaves: the user's rule; the same for all beliefs of an array.
        checks: "failure", seconds for thousands of tasks; "task", whose time grows as T^2 (some
            seconds for 1000).
        counting: as how much a user counts who is locked in at a belief, such as the chance, given
            the belief, that it errs; default 1. For users who check after each failure.

    Raises:
        ValueError: ``game`` is an array, or an argument is out of range.
    """
    if game.shape:
        shape = f"got an array of shape {game.shape}; index it"
        raise ValueError(f"lock_in takes a single game, {shape}")
    if cascade is not None:
        require(0 <= cascade <= 1, "cascade", cascade, "lie in [0, 1]")
    whole("tasks", tasks, at_least=1)
    check_checks(checks)
    prior = Belief.checked(prior)
    if checks == "task":
        if cascade is None or counting is not None:
            raise ValueError('with checks="task", lock_in takes a true s and counts users as 1')
        if leaves(prior):
            return 1.0
        return _by_tasks(float(game.success[0]), cascade, prior, tasks, leaves)
    if leaves(prior):
        return 1.0 if counting is None else float(counting(prior))
    return _by_draws(float(game.success[0]), cascade, prior, tasks, leaves, counting)


def _by_draws(
    p1: float,
    cascade: float | None,
    prior: Belief,
    tasks: int,
    leaves: Leaves,
    counting: Counts | None,
) -> float:
    """Counts followed draw by draw: ``here[e]`` is the chance of e escalations, not locked in."""
    here, total, most = np.ones(1), 0.0, most_keeps(p1, tasks)
    for n in range(1, tasks + most):
        e = np.arange(n + 1)
        counts = Belief(prior.escalated + e, prior.kept + n - e)
        if cascade is None:  # the chance of "escalated", at the belief before the draw
            s = (counts.escalated / (counts.escalated + counts.kept - 1))[:-1]
        else:
            s = np.full(n, cascade)
        kept, escalated = np.append(here * (1 - s), 0.0), np.append(0.0, here * s)
        locks = np.asarray(leaves(counts), dtype=bool)
        weight = np.ones(n + 1) if counting is None else np.asarray(counting(counts))
        for part, before in ((kept, n - e - 1), (escalated, n - e)):
            for i in np.flatnonzero(locks & (part > _NOTHING)):
                total += weight[i] * part[i] * _in_time(p1, tasks + int(before[i]), n)
        over = locks | (e > tasks) | (n - e > most)
        here = np.where(over, 0.0, kept + escalated)
        if here.sum() < _NOTHING:
            break
    return min(float(total), 1.0)


def _in_time(p1: float, total: int, n: int) -> float:
    """P(Bin(total, k1) >= n): the chance that T tasks hold n draws, if total - T keeps precede it.

    Over its sum, each term by its ratio to the one before, from the largest: nothing cancels.
    """
    j = np.arange(total)
    rise = np.log((total - j) / (j + 1)) + (log1p(-p1) - log(p1))  # of term j+1 over term j
    mode = min(int((total + 1) * (1 - p1)), total)
    left, right = -np.cumsum(rise[:mode][::-1])[::-1], np.cumsum(rise[mode:])
    terms = np.exp(np.concatenate([left, [0.0], right]))
    return float(terms[n:].sum() / terms.sum())


def _by_tasks(p1: float, s: float, prior: Belief, tasks: int, leaves: Leaves) -> float:
    """Counts followed task by task, where that matters.

    ``here[e, k]`` is the chance of e + e0 escalations and k + k0 keeps as a task begins, not locked
    in.
    """
    k1, most = 1 - p1, most_keeps(p1, tasks)
    again = k1 * (1 - s)
    locks = np.asarray(leaves(lattice(prior, tasks + 1, most + 1)), dtype=bool)
    longest = ceil(log(_NOTHING) / log(again)) if again > 0 else 0  # keeps that one task can add
    here, (e0, k0), total = np.ones((1, 1)), (0, 0), 0.0
    for _ in range(tasks):
        wide = np.pad(here, ((0, 0), (0, longest)))[:, : most + 1 - k0]
        within = _keeps_within(wide, again)
        ends, escalates = p1 * within, k1 * s * within
        here = np.pad(ends, ((0, 1), (0, 0))) + np.pad(escalates, ((1, 0), (0, 0)))
        lost = locks[e0 : e0 + here.shape[0], k0 : k0 + here.shape[1]]
        total += float(here[lost].sum())
        here[lost] = 0.0
        seen = here > _NOTHING
        e, k = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
        if not e.size:
            break
        here, e0, k0 = here[e[0] : e[-1] + 1, k[0] : k[-1] + 1], e0 + e[0], k0 + k[0]
    return min(total, 1.0)


def _keeps_within(start: Array, again: float) -> Array:
    """Sum over j of again^j start[., k - j]: where a task that began with k passes, by doubling."""
    total, step, factor = start, 1, again
    while step < start.shape[1] and factor > _NOTHING:
        longer = total.copy()
        longer[:, step:] += factor * total[:, :-step]
        total, step, factor = longer, 2 * step, factor * factor
    return total
