"""A user who plans: the value of T tasks under a belief, for the best policy or a given one.

The provider plays (1, s) with one hidden s throughout; Beta(a, b) is the user's belief, m = a/(a+b)
its mean, and V_n(a, b) the expected utility of n tasks still to come, V_0 = 0. Staying costs now
and teaches for later.

Decisions *after each failure*, with W2 = xi2/p2 if xi2 > 0 else xi2, the worth of M2 from its first
pass on:

    V_n(a,b) = xi1 + p1 V_{n-1}(a,b)
             + k1 max{ V_{n-1}(a,b), m [W2 + V_{n-1}(a+1,b)] + (1-m) V_n(a,b+1) }

One q *for each task*, with alpha = k1 (1-q) and beta = 1 / (p2 + k2 q), is max_q of

    V_n(a,b;q) = xi1 + (1-alpha) V_{n-1}(a,b)
               + alpha { m [beta xi2 + V_{n-1}(a+1,b)] + (1-m) V_n(a,b+1;q) }

Both are solved in b from far above down, all n at once: V_n(a,b) needs V_{n-1} at b and V_n at b+1.
**Where they start.** After enough keeps nothing that can still be learned matters: a user who will
be told s gains next to nothing on one who always leaves (xi1 < 0) or always stays (xi1 > 0), and so
does one who plans, because it knows less. From that belief on q is constant, and n tasks are worth
n E U(s, q). A given rule is followed until it no longer changes.
(Sections 4.1 and 7 of the paper pose the problem; the answers here go beyond it.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from routing_game.theory.belief import (
    Belief,
    check_checks,
    check_size,
    checked_chances,
    lattice,
    most_keeps,
    passes_until,
    waves,
)
from routing_game.theory.belief_rules import worth_of_reasoning
from routing_game.theory.game import Game
from routing_game.theory.numbers import (
    Array,
    Unchanging,
    alike,
    doubles,
    frozen,
    plain,
    require,
    whole,
)
from routing_game.theory.payoffs import payoffs
from routing_game.theory.quadrature import expectation
from routing_game.theory.user import best_response, thresholds

_NEGLIGIBLE = 1e-13
"""What knowing s may still be worth where the recursion starts, over what a task is worth."""
_SAME = 1e-15
"""Chances that differ by less are the same answer."""
_FEWEST = 300
"""Columns of keeps that a plan holds in any case: more than play shows, and cheap."""

Answer = Callable[[Belief], Any]
"""What a rule says at an array of beliefs."""


@dataclass(frozen=True, eq=False)
class UserPlan(Unchanging):
    """What T tasks are worth to a user, and what it does."""

    value: Array
    """(T+1,) V_n at the prior, n = 0 .. T tasks to come; in the unit of V."""
    leaving: Array
    """(T, A, B) chance of leaving with n+1 tasks to come and a, b draws of each kind seen: after a
    failed pass of M1, or the q of the task. A = T; B is as far as the recursion goes: from there on
    the last column holds."""

    def __post_init__(self) -> None:
        frozen((self.value, self.leaving))


def plan_after_failure(
    game: Game,
    prior: Belief,
    tasks: int,
    leaving: Answer | None = None,
    reach: int | None = None,
    cascade: float | None = None,
) -> UserPlan:
    """Decisions after each failure: the Bayes-optimal user, or one that leaves as told.

    After a failed pass of M2 the user stays iff xi2 > 0, whatever it believes.

    Args:
        game: a single game.
        prior: Beta(a, b) before the first task, also the law of s.
        tasks: T.
        leaving: chance of leaving after a failed pass of M1 at beliefs of shape (A, B), or
            (T, A, B) if it depends on the number of tasks to come, 1 to T; None for the best.
        reach: keeps at which the recursion starts; from there on every decision is as in the last
            column. By default so many that the value is right to 1e-12 of what T tasks are worth.
        cascade: what the rule is worth if this is the true s; by default s has the law of the
            belief.

    Raises:
        ValueError: ``game`` is an array, a number is out of range, or so small a threshold or p1
            asks for more than 2 GB.
    """
    prior = _check(game, prior, tasks)
    if cascade is not None:
        require(0 <= cascade <= 1, "cascade", cascade, "lie in [0, 1]")
    (xi1, _), p1, k1 = game.net_value, game.success[0], game.failure[0]
    after_2 = float(worth_of_reasoning(game))

    def worth(keeps: int, q: Any) -> Any:
        """Of a task, from so many keeps on, by escalations."""
        if cascade is not None:
            return _kept_to(game, np.full(tasks, cascade), q)
        return _steady(game, _column(prior, tasks, keeps), q, after_2)

    if leaving is None:
        reach = _reach(game, prior, tasks, reach, "failure")
        check_size(tasks, reach)
        given, chosen = None, np.empty((tasks, tasks, reach))
        beyond = tasks * [np.maximum(worth(reach, 0.0), worth(reach, 1.0))]
    else:
        given = _settled(leaving, prior, tasks, reach, most_keeps(float(p1), tasks), "leaving")
        reach = given.shape[-1]
        chosen = given = np.broadcast_to(given, (tasks, tasks, reach))
        beyond = [worth(reach, q) for q in given[..., -1]]

    value = np.zeros((tasks + 1, tasks + 1))  # V_n(a, .), each n at its own b: one further than n-1
    value[1:, :-1] = np.cumsum(beyond, axis=0)
    a, b = prior.escalated + np.arange(tasks), prior.kept
    for n, j in waves(tasks, reach):
        m = a / (a + b + j[:, None]) if cascade is None else cascade  # chance of an escalation
        leave, further = value[n - 1, :-1], value[n - 1, 1:]
        stay = m * (after_2 + further) + (1 - m) * value[n, :-1]
        if given is None:
            q = (stay < leave).astype(float)
            chosen[n - 1, :, j] = q
        else:
            q = given[n - 1, :, j]
        value[n, :-1] = xi1 + p1 * leave + k1 * (q * leave + (1 - q) * stay)
    return UserPlan(value[:, 0].copy(), chosen)


def plan_each_task(
    game: Game,
    prior: Belief,
    tasks: int,
    abandon: Answer | None = None,
    grid: Any = None,
    reach: int | None = None,
    drawing: Answer | None = None,
) -> UserPlan:
    """One q for each task: the Bayes-optimal user on a grid of q, a rule, or one that draws its q.

    Args:
        game: a single game.
        prior: Beta(a, b) before the first task, also the law of s.
        tasks: T.
        abandon: q at beliefs of shape (A, B); None for the best.
        grid: the q among which the best is found; default 101 from 0 to 1.
        reach: keeps at which the recursion starts, as in `plan_after_failure`.
        drawing: chances of each q of the grid, (A, B, Q), of a user who draws; then ``leaving`` is
            the mean q.

    Raises:
        ValueError: as `plan_after_failure`.
    """
    prior = _check(game, prior, tasks)
    if abandon is not None:
        return _by_rule(game, prior, tasks, abandon, reach)
    options = np.linspace(0, 1, 101) if grid is None else doubles(grid)
    options = checked_chances("grid", options, (options.size,))
    (xi1, xi2), (k1, k2), p2 = game.net_value, game.failure, game.success[1]
    alpha, after_2 = k1 * (1 - options), xi2 / (p2 + k2 * options)
    if drawing is None:
        reach, chances = _reach(game, prior, tasks, reach, "task", options), None
    else:
        given = _settled(
            lambda belief: np.moveaxis(doubles(drawing(belief)), -1, 0),
            prior,
            tasks,
            reach,
            most_keeps(float(game.success[0]), tasks),
            "drawing",
        )
        chances = np.moveaxis(given, 0, -1)
        reach = chances.shape[1]
    check_size(tasks, reach)
    last = Belief(*(count[:, None] for count in _column(prior, tasks, reach)))
    worth = _steady(game, last, options, after_2)  # (A, Q)
    each = worth.max(axis=-1) if chances is None else (chances[:, -1] * worth).sum(axis=-1)
    number = np.arange(tasks + 1)[:, None]
    value = np.zeros((tasks + 1, tasks + 1))  # V_n(a, .), each n at its own b
    value[:, :-1] = number * each
    total = np.zeros((tasks + 1, tasks, options.size))  # V_n(a, .; q)
    total[1:] = worth + (number[1:] - 1)[..., None] * each[:, None]
    chosen = np.empty((tasks, tasks, reach))
    a, b = (prior.escalated + np.arange(tasks))[:, None], prior.kept
    for n, j in waves(tasks, reach):
        m = a / (a + b + j[:, None, None])
        ends, escalates = value[n - 1, :-1, None], value[n - 1, 1:, None]
        goes_on = m * (after_2 + escalates) + (1 - m) * total[n]
        total[n] = xi1 + (1 - alpha) * ends + alpha * goes_on
        if chances is None:
            value[n, :-1] = total[n].max(axis=-1)
            chosen[n - 1, :, j] = options[total[n].argmax(axis=-1)]
        else:
            drawn = np.moveaxis(chances[:, j], 1, 0)
            value[n, :-1] = (drawn * total[n]).sum(axis=-1)
            chosen[n - 1, :, j] = drawn @ options
    return UserPlan(value[:, 0].copy(), chosen)


def _by_rule(game: Game, prior: Belief, tasks: int, rule: Answer, reach: int | None) -> UserPlan:
    """A rule's q may be any number, another at each belief: its task is followed keep by keep."""
    (_, xi2), (k1, k2), p2 = game.net_value, game.failure, game.success[1]
    q = _settled(rule, prior, tasks, reach, most_keeps(float(game.success[0]), tasks), "abandon")
    reach = q.shape[-1]
    check_size(tasks, reach)
    q = np.broadcast_to(q, (tasks, reach))
    alpha, after_2 = k1 * (1 - q), xi2 / (p2 + k2 * q)
    grid = lattice(prior, tasks, reach)
    worth, last = _steady(game, grid, q, after_2), _column(prior, tasks, reach)
    beyond = _steady(game, last, q[:, -1], after_2[:, -1])
    value, at_prior = np.zeros((tasks + 1, reach + 1)), [0.0]  # V_{n-1}(a, b), up to ``reach``
    for n in range(1, tasks + 1):
        future, kept = np.zeros((tasks, reach)), np.ones((tasks, reach))  # chance of j keeps
        for j in range(reach + 1):
            size = reach - j  # columns of the tasks that are not yet at the last one
            future[:, size : size + 1] += kept[:, size:] * value[:-1, reach, None]
            if not size or kept.max() < 1e-20:
                break
            kept = kept[:, :size]
            m = grid.escalated[:, :size] / (grid.escalated + grid.kept)[:, j:]
            ends, escalates = value[:-1, j:reach], value[1:, j:reach]
            going_on = alpha[:, :size]
            future[:, :size] += kept * ((1 - going_on) * ends + going_on * m * escalates)
            kept = kept * going_on * (1 - m)
        value[:-1, :-1] = worth + future
        value[:-1, -1] = n * beyond
        at_prior.append(float(value[0, 0]))
    return UserPlan(np.array(at_prior), np.broadcast_to(q, (tasks, tasks, reach)))


def _column(prior: Belief, tasks: int, keeps: int) -> Belief:
    """The beliefs after so many keeps, and 0 to T-1 escalations."""
    a = prior.escalated + np.arange(tasks)
    return Belief(a, np.full(a.shape, prior.kept + keeps))


def _steady(game: Game, belief: Belief, q: Any, after_2: Any) -> Any:
    """E[(xi1 + alpha s W) / (e + alpha s)], e = 1 - alpha: a task's worth if one q is kept to.

    W = ``after_2`` is what M2 is worth from its first pass on.
    """
    xi1, p1, k1 = game.net_value[0], game.success[0], game.failure[0]
    alpha, ending = k1 * (1 - q), p1 + k1 * q
    (a, b), m = belief, belief.mean
    return xi1 * passes_until(a, b, ending) + alpha * after_2 * m * passes_until(a + 1, b, ending)


def _reach(
    game: Game,
    prior: Belief,
    tasks: int,
    reach: int | None,
    checks: str,
    options: Any = (0.0, 1.0),
) -> int:
    """Keeps from which on it is worth next to nothing to be told s: nothing is left to decide.

    What it is worth, over what a user gets who does for ever what is best at s = 0, falls with
    keeps and rises with escalations, of which there are at most T.
    """
    if reach is not None:
        return whole("reach", reach, at_least=1)
    xi1, xi2 = (float(xi) for xi in game.net_value)
    hopeless = xi1 < 0 or (xi1 == 0 and xi2 < 0)
    for_good = max(options) if hopeless else min(options)
    cuts = [float(s) for s in thresholds(game) if np.isfinite(s)]

    def best(s: Array) -> Any:
        if checks == "failure":
            return told_utility(game, s)
        return payoffs(game, 1, s[:, None], np.asarray(options)).utility.max(axis=-1)

    def gain(s: Array) -> Any:
        if checks == "failure":
            return np.maximum(best(s) - _kept_to(game, s, for_good), 0.0)
        return np.maximum(best(s) - payoffs(game, 1, s, for_good).utility, 0.0)

    def worth_knowing(keeps: int) -> float:
        return expectation(gain, (prior.escalated + tasks, prior.kept + keeps), cuts)

    least = _NEGLIGIBLE * max(abs(xi1), abs(expectation(best, prior, cuts)))
    most, reach = most_keeps(float(game.success[0]), tasks), _FEWEST
    while reach < most and worth_knowing(reach) > least:
        reach *= 2
    return max(_FEWEST, min(reach, most))


def _settled(
    rule: Answer,
    prior: Belief,
    tasks: int,
    reach: int | None,
    most: int,
    name: str,
) -> Array:
    """What a rule says, (..., A, B), on so many columns of keeps that the last one holds beyond.

    These are ``reach``; or as many as T tasks can show; or fewer, if the second half of them, and
    columns ever farther out, all say the same at any number of escalations. A rule that is a table
    may have fewer columns.
    """
    width = _FEWEST if reach is None else whole("reach", reach, at_least=1)
    while True:
        check_size(tasks, width)
        # a copy, as the plan keeps it: a rule may hand out a table of its own
        table = np.asarray(frozen(np.array(rule(lattice(prior, tasks, width)), dtype=float)))
        fewer = table.ndim > 1 and table.shape[-1] not in (1, width)
        columns = table.shape[-1] if fewer else width
        table = checked_chances(name, table, (*table.shape[:-2], tasks, columns))
        if reach is not None or fewer or width >= most or _for_good(rule, table, prior, most):
            return table
        width *= 2


def _for_good(rule: Answer, table: Array, prior: Belief, most: int) -> bool:
    """Whether a rule has said its last word half-way through its table."""
    tasks, width = table.shape[-2:]
    word = table[..., :1, -1:]
    if np.max(np.abs(table[..., width // 2 :] - word)) > _SAME:
        return False
    farther = width * 2.0 ** np.arange(1, max(2, np.ceil(np.log2(most / width)) + 1))
    a, b = np.meshgrid(prior.escalated + np.arange(tasks), prior.kept + farther, indexing="ij")
    return bool(np.max(np.abs(doubles(rule(Belief(a, b))) - word)) <= _SAME)


def clairvoyant(game: Game, prior: Belief, checks: str = "failure") -> float:
    """E max U: what one task is worth to a user who will be told s; T are worth T times as much.

    Args:
        game: a single game.
        prior: Beta(a, b), the law of s.
        checks: "failure" if the user sees the model and decides after each failure, "task" for
            one q a task.

    Raises:
        ValueError: ``game`` is an array, the prior is not positive, or ``checks`` is neither.
    """
    prior = _check(game, prior, 1)
    check_checks(checks)
    cuts = [float(s) for s in thresholds(game) if np.isfinite(s)]
    return expectation(lambda s: told_utility(game, s, checks), prior, cuts)


def told_utility(game: Game, cascade: Any, checks: str = "failure") -> Any:
    """U of the best user who is told s: with one q a task, or seeing the model, after each failure.

    The latter stays after M1 for good or not at all.

    Args:
        game: one game, or an array that broadcasts against s.
        cascade: s in [0, 1]; a number or an array.
        checks: "failure" or "task".
    """
    check_checks(checks)
    cascade = doubles(cascade)
    if checks == "task":
        return payoffs(game, 1, cascade, best_response(game, 1, cascade).low).utility
    require((cascade >= 0) & (cascade <= 1), "cascade", cascade, "lie in [0, 1]")
    best = np.maximum(game.net_value[0], _kept_to(game, cascade, 0.0))
    return plain(*alike(game.shape, best))


def _kept_to(game: Game, s: Any, q: float) -> Any:
    """U of a user who is told s, sees the model, and leaves with chance q at each failure of M1."""
    xi1, p1, k1 = game.net_value[0], game.success[0], game.failure[0]
    alpha, ending = k1 * (1 - q), p1 + k1 * q
    return (xi1 + alpha * s * worth_of_reasoning(game)) / (ending + alpha * s)


def _check(game: Game, prior: Belief, tasks: int) -> Belief:
    """The prior, once the arguments are found in order."""
    if game.shape:
        shape = f"got an array of shape {game.shape}; index it"
        raise ValueError(f"a plan is made for a single game, {shape}")
    whole("tasks", tasks, at_least=1)
    return Belief.checked(prior)
