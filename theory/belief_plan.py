"""A user who plans: the value of T tasks under a belief about s, for the best policy and for any given one.

The provider plays (1, s) with one hidden s throughout; Beta(a, b) is the user's belief, m = a/(a+b) its mean, and
V_n(a, b) the expected utility of n tasks still to come, V_0 = 0. Staying costs now and teaches for later.

Decisions *after each failure*, with W2 = xi2/p2 if xi2 > 0 else xi2, the worth of M2 from its first pass on:

    V_n(a,b) = xi1 + p1 V_{n-1}(a,b) + k1 max{ V_{n-1}(a,b), m [W2 + V_{n-1}(a+1,b)] + (1-m) V_n(a,b+1) }

One q *for each task*, with alpha = k1 (1-q) and j the keeps seen in the task:

    V_n(a,b) = max_q { E U1(s,q) + sum_j alpha^j (1-alpha) E[(1-s)^j] V_{n-1}(a,b+j)
                                 + alpha^(j+1) E[s (1-s)^j] V_{n-1}(a+1,b+j) }

Both are solved from T = 1 up, and in b from far above down. (Beyond the paper.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, log
from typing import Any

import numpy as np

from routing_game.theory.belief import Belief, check_checks, expected_payoffs, lattice
from routing_game.theory.game import Game
from routing_game.theory.numbers import Array, require
from routing_game.theory.payoffs import payoffs
from routing_game.theory.quadrature import expectation
from routing_game.theory.user import best_response, thresholds


@dataclass(frozen=True, eq=False)
class UserPlan:
    """What T tasks are worth to a user, and what it does."""

    value: Array
    """(T+1,) V_n at the prior, n = 0 .. T tasks to come; in the unit of V."""
    leaving: Array
    """(T, A, B) chance of leaving with n+1 tasks to come and a, b draws of each kind seen: after a failed pass of M1,
    or the q of the task. A = T; B is as far as the recursion goes, so that entries near its end are cut short."""


def plan_after_failure(
    game: Game,
    prior: Belief,
    tasks: int,
    leaving: Callable[[Belief], Any] | None = None,
    reach: int | None = None,
    cascade: float | None = None,
) -> UserPlan:
    """Decisions after each failure: the Bayes-optimal user, or one that leaves with chance ``leaving(belief)``.

    After a failed pass of M2 the user stays iff xi2 > 0, whatever it believes.

    Args:
        game: a single game.
        prior: Beta(a, b) before the first task, also the law of s.
        tasks: T.
        leaving: chance of leaving after a failed pass of M1 at beliefs of shape (A, B), or (T, A, B) if it depends on
            the number of tasks to come, 1 to T; None for the best.
        reach: keeps at which the recursion starts, by then leaving; default 300 beyond what T tasks show at most on
            average.
        cascade: what the rule is worth if this is the true s; by default s has the law of the belief.

    Raises:
        ValueError: ``game`` is an array, the prior is not positive, or ``tasks`` is less than 1.
    """
    prior = _check(game, prior, tasks)
    (xi1, xi2), p1, (k1, _) = game.net_value, game.success[0], game.failure
    after_2 = xi2 / game.success[1] if xi2 > 0 else xi2
    reach = 300 + ceil(tasks * k1 / p1) if reach is None else reach
    grid = lattice(prior, tasks, reach)
    given = None if leaving is None else np.broadcast_to(leaving(grid), (tasks, *grid.mean.shape))
    chance = grid.mean if cascade is None else np.full(grid.mean.shape, cascade)  # of an escalation
    value = np.zeros((tasks + 1, tasks + 1, reach + 1))  # n, escalations, keeps
    chosen = np.ones((tasks, tasks, reach))
    for n in range(1, tasks + 1):
        before, m = value[n - 1], chance
        value[n, :-1, reach] = xi1 + before[:-1, reach]
        for j in range(reach - 1, -1, -1):
            stay = m[:, j] * (after_2 + before[1:, j]) + (1 - m[:, j]) * value[n, :-1, j + 1]
            leave = before[:-1, j]
            q = stay < leave if given is None else given[n - 1, :, j]
            chosen[n - 1, :, j] = q
            value[n, :-1, j] = xi1 + p1 * leave + k1 * (q * leave + (1 - q) * stay)
    return UserPlan(value[:, 0, 0].copy(), chosen)


def plan_each_task(
    game: Game,
    prior: Belief,
    tasks: int,
    abandon: Callable[[Belief], Any] | None = None,
    grid: Any = None,
    most_keeps: int | None = None,
    drawing: Callable[[Belief], Any] | None = None,
) -> UserPlan:
    """One q for each task: the Bayes-optimal user on a grid of q, one that answers ``abandon(belief)``, or draws its q.

    Args:
        game: a single game.
        prior: Beta(a, b) before the first task, also the law of s.
        tasks: T; time and memory grow as its third power.
        abandon: q at beliefs of shape (A, B); None for the best.
        grid: the q among which the best is found; default 101 from 0 to 1.
        most_keeps: keeps of one task that are followed; a task with more of them has no future. Default: as many as
            have a chance of 1e-14.
        drawing: chances of each q of the grid, (A, B, Q), of a user who draws; then ``leaving`` is the mean q.

    Raises:
        ValueError: ``game`` is an array, the prior is not positive, or ``tasks`` is less than 1.
    """
    prior = _check(game, prior, tasks)
    q = np.linspace(0, 1, 101) if grid is None else np.asarray(grid, dtype=float)
    most_keeps = ceil(log(1e-14) / log(game.failure[0])) if most_keeps is None else most_keeps
    value = np.zeros((tasks + 1, most_keeps * (tasks + 1) + 1))  # V_0, at every belief within reach
    at_prior, chosen = [0.0], np.ones((tasks, tasks, most_keeps * tasks + 1))
    for n in range(1, tasks + 1):
        shape = (tasks + 1 - n, most_keeps * (tasks - n) + 1)  # beliefs before the last n tasks
        belief = lattice(prior, *shape)
        options = q if abandon is None else np.broadcast_to(abandon(belief), shape)[..., None]
        total = _task_and_future(game, belief, options, value, most_keeps)
        if drawing is not None:
            chances = drawing(belief)
            value = (chances * total).sum(axis=-1)
            chosen[n - 1, : shape[0], : shape[1]] = (chances * options).sum(axis=-1)
            at_prior.append(float(value[0, 0]))
            continue
        best = total.argmax(axis=-1)[..., None]
        value = np.take_along_axis(total, best, axis=-1)[..., 0]
        picked = np.take_along_axis(np.broadcast_to(options, total.shape), best, axis=-1)
        chosen[n - 1, : shape[0], : shape[1]] = picked[..., 0]
        at_prior.append(float(value[0, 0]))
    return UserPlan(np.array(at_prior), chosen)


def _task_and_future(game: Game, belief: Belief, q: Array, future: Array, most_keeps: int) -> Array:
    """E U1(s, q) and the value of what comes after the task: (A, B, Q) for beliefs of shape (A, B) and options q."""
    a, b = (np.asarray(count)[..., None] for count in belief)
    rows, columns = belief.mean.shape
    total = np.asarray(expected_payoffs(game, Belief(a, b), q).utility)
    alpha = game.failure[0] * (1 - q)
    kept = np.ones(a.shape)  # E[(1-s)^j]
    for j in range(most_keeps + 1):
        ends = future[:rows, j : j + columns, None]
        escalates = future[1 : rows + 1, j : j + columns, None]
        next_escalates = a / (a + b + j)  # under the posterior after j keeps
        total = total + alpha**j * kept * ((1 - alpha) * ends + alpha * next_escalates * escalates)
        kept = kept * (1 - next_escalates)
    return total


def clairvoyant(game: Game, prior: Belief, checks: str = "failure") -> float:
    """E max U: what one task is worth to a user who will be told s; T tasks are worth T times as much.

    Args:
        game: a single game.
        prior: Beta(a, b), the law of s.
        checks: "failure" if the user sees the model and decides after each failure, "task" for one q a task.

    Raises:
        ValueError: ``game`` is an array, the prior is not positive, or ``checks`` is neither.
    """
    prior = _check(game, prior, 1)
    check_checks(checks)
    cuts = [float(s) for s in thresholds(game) if np.isfinite(s)]
    return expectation(lambda s: told_utility(game, s, checks), prior, cuts)


def told_utility(game: Game, cascade: Any, checks: str = "failure") -> Any:
    """U of the best user who is told s: with one q a task, or seeing the model and deciding after each failure.

    The latter stays after M1 for good or not at all.
    """
    if checks == "task":
        return payoffs(game, 1, cascade, best_response(game, 1, cascade).low).utility
    (xi1, xi2), k1 = game.net_value, game.failure[0]
    after_2 = xi2 / game.success[1] if xi2 > 0 else xi2
    waiting = (cascade * after_2 + (1 - cascade) * xi1) / (1 - k1 * (1 - cascade))
    return xi1 + k1 * np.maximum(0.0, waiting)


def _check(game: Game, prior: Belief, tasks: int) -> Belief:
    """The prior, once the arguments are found in order."""
    if game.shape:
        raise ValueError(f"a plan is made for a single game, got an array of shape {game.shape}; index it")
    require(tasks >= 1, "tasks", tasks, "be at least 1")
    return Belief.checked(prior)
