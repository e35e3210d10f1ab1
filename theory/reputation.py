"""Reputation: when a provider that sees the user's belief should escalate.

It commits to nothing. At each failure with the user staying it escalates (and shows it: a+1) or
keeps (b+1). With E = c2/p2 if xi2 >= 0, so that the user stays after M2, else l2, the cost from
the start of M2 on; q(a,b) the user's chance of leaving after a failed pass of M1; and a discount
g for each task, the expected cost of n tasks still to come is, J_0 = 0,

    J_n(a,b) = min{ R_n(a,b),  E + g J_{n-1}(a,b) }                  start with M1, or with M2
    R_n(a,b) = c1 + p1 g J_{n-1}(a,b) + k1 [ q (P + g J_{n-1}(a,b)) + (1-q) X_n(a,b) ]
    X_n(a,b) = min{ E + g J_{n-1}(a+1,b),  R_n(a,b+1) }              escalate, or keep

for a user who checks its belief at each failure. One who checks once a task has q = 0 in R, E =
c2/p2 in X, because it stays throughout, and, where the belief at the start says "leave", J_n =
min(l1, E) + g J_{n-1}.

Discounted for ever, J_n = J_{n-1} = J and every belief leads only to beliefs with more draws (or
itself), so J is solved from many draws down: twice, with the least and with the most that can come
after the last draw. Truth lies between, and each draw brings both closer by a factor of at most
k1 / (1 - g p1), because a task, and with it a discount, ends with chance p1 before the next one. Of
the beliefs after many draws only those are followed that a given plan comes to, or, for the best
plan, those about the edge at which the user begins to leave, and if need be those after nothing but
escalations, or keeps.
(Section 4.1 of the paper names beliefs over repeated tasks; the provider's side goes beyond it.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import ceil, log, log1p
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from routing_game.theory.belief import (
    Belief,
    check_checks,
    check_size,
    checked_chances,
    lattice,
    most_keeps,
    waves,
)
from routing_game.theory.game import Game
from routing_game.theory.numbers import Array, Unchanging, doubles, frozen, require, whole

Escalating = Callable[[Belief], Any]
"""The provider's chance of escalating at each of an array of beliefs, after a failed pass of M1."""

_Ask = Callable[[Belief], tuple[Array, ...]]
"""What user and provider do at beliefs of any shape: q, and more."""

_PROMISED = 1e-9
"""Accuracy of a discounted cost, of itself or of that of M2, if no number of draws is given."""
_MOST_DRAWS = 60_000
"""Draws after which it gives up (seconds)."""
_BELIEFS = 100
"""Beliefs that are followed after many draws, and 1 / (1 - g) more: until then, all are. The more a
provider cares for later tasks, the more escalations beyond the edge might pay, as far as bounds
know."""
_SHOWN = 3000
"""Draws for which a discounted plan is returned (memory)."""
_AT_ONCE = 64
"""Numbers of draws for which rules are asked at once."""
_NEVER = 1e-20
"""Chance of a belief that is not followed."""


@dataclass(frozen=True, eq=False)
class Reputation(Unchanging):
    """The provider's plan against a user with a belief, from the prior on."""

    cost: Any
    """Finite: (T+1,) J_n at the prior for n = 0 .. T tasks to come. Discounted: (1-g) J, the mean
    cost of a task."""
    escalating: Array
    """Chance of escalating after a failed pass of M1 with the user staying. Finite: (T, A, B), with
    n+1 tasks to come (the current one included) and a, b draws of each kind seen. Discounted:
    (A, B), for the first 3000 draws and the beliefs that were followed; 1 elsewhere, which is not
    the best plan: to play it for many tasks, ask `reputation_discounted` for as many ``draws``."""
    reasoning: Array
    """bool: a task starts with M2; same shape."""
    error: float = 0.0
    """Discounted: how far the cost can be from the truth, as draws were followed no further."""

    def __post_init__(self) -> None:
        frozen((self.cost, self.escalating, self.reasoning))


def reputation_rule(leaving: Callable[[Belief], Any]) -> Escalating:
    """The hand-written rule: escalate only when a keep would make the user leave.

    Args:
        leaving: the user's q at an array of beliefs.
    """
    return partial(_escalates, leaving)


def _escalates(leaving: Callable[[Belief], Any], belief: Belief) -> Any:
    """Whether a keep would make the user leave."""
    return np.asarray(leaving(belief.after(False))) > 0.5


def reputation(
    game: Game,
    prior: Belief,
    tasks: int,
    leaving: Callable[[Belief], Any],
    checks: str = "failure",
    escalating: Escalating | None = None,
    routes: tuple[int, ...] = (1, 2),
    reach: int | None = None,
    starting: Callable[[Belief], Any] | None = None,
) -> Reputation:
    """T tasks, undiscounted: the best plan, or the value of one that escalates as told.

    Args:
        game: a single game.
        prior: the user's Beta(a, b) before the first task.
        tasks: T.
        leaving: the user's q after a failed pass of M1 at beliefs of shape (A, B). After M2 it
            stays iff xi2 >= 0.
        checks: "failure" or "task"; for the latter ``leaving`` must be 0 or 1, kept for the whole
            task.
        escalating: chance of escalating at beliefs of shape (A, B); None for the best plan. A given
            plan starts every task with M1, unless ``starting`` says so.
        routes: (1,) if the best plan, too, must start every task with M1.
        reach: keeps beyond which the provider must escalate. By default more than T tasks can show,
            but for a chance of 1e-18, or where a watchful user has left for good.
        starting: whether (bool) a given plan starts a task with M2, for beliefs as ``escalating``.

    Raises:
        ValueError: ``game`` is an array, an argument is out of range, or so small a p1 asks for
            more than 2 GB.
    """
    prior = _checked(game, prior, checks, routes)
    whole("tasks", tasks, at_least=1)
    c1, p1, k1 = game.cost[0], game.success[0], game.failure[0]
    start_2, after_2 = _reasoning_costs(game, checks)
    if reach is None:
        reach = _reach(game, prior, tasks, leaving, checks)
    whole("reach", reach, at_least=0)
    check_size(tasks, reach)
    belief = lattice(prior, tasks, reach + 1)
    q, asked = _leaving(leaving, belief, checks)
    given = None
    if escalating is not None:
        given = checked_chances("escalating", escalating(belief), q.shape)
    told = _starting(starting, escalating, belief)
    chooses = escalating is None and 2 in routes
    draws = np.ones((tasks, tasks, reach + 1))
    starts = np.zeros(draws.shape, dtype=bool)
    cost, run = np.zeros((2, tasks + 1, tasks + 1))  # J_n and R_n (a, .), each n at its own b
    for n, j in waves(tasks, reach + 1):
        here, escalate = cost[n - 1, :-1], after_2 + cost[n - 1, 1:]
        keep = np.where(j[:, None] < reach, run[n, :-1], escalate)
        e = (escalate <= keep) if given is None else given[:, j].T
        stays = e * escalate + (1 - e) * keep
        leaves, once = q[:, j].T, asked[:, j].T
        failed = leaves * (game.penalty + here) + (1 - leaves) * stays
        run[n, :-1] = c1 + p1 * here + k1 * failed
        first = np.where(once, game.leaving_cost[0] + here, run[n, :-1])
        reasons = told[:, j].T | ((start_2 + here < first) & chooses)
        draws[n - 1, :, j], starts[n - 1, :, j] = e, reasons
        cost[n, :-1] = np.where(reasons, start_2 + here, first)
    return Reputation(cost[:, 0].copy(), draws, starts)


def reputation_discounted(
    game: Game,
    prior: Belief,
    discount: float,
    leaving: Callable[[Belief], Any],
    checks: str = "failure",
    escalating: Escalating | None = None,
    routes: tuple[int, ...] = (1, 2),
    draws: int | None = None,
    starting: Callable[[Belief], Any] | None = None,
) -> Reputation:
    """For ever, discounted by g a task: the best plan, or the value of one that escalates as told.

    The cost lies half-way between what it is if all after the last draw is as cheap, and as dear,
    as it can be; ``error`` is half the way.

    Args:
        game: a single game.
        prior: the user's Beta(a, b) before the first task.
        discount: g in [0, 1), for each task.
        leaving: as in `reputation`, for arrays of beliefs of any shape.
        checks: as in `reputation`.
        escalating: as in `reputation`.
        routes: as in `reputation`.
        draws: how far the recursion goes. By default so far that the cost is right to 1e-9 of
            itself or, if that is more, of what M2 alone costs (seconds at g = .999). The plan for
            the last draws is one for a session that ends there.
        starting: as in `reputation`.

    Raises:
        ValueError: ``game`` is an array, an argument is out of range, or, with no ``draws`` given,
            60,000 of them are not enough for the accuracy.
    """
    prior = _checked(game, prior, checks, routes)
    g = _checked_discount(discount, draws)
    if draws is None:
        solve = partial(reputation_discounted, game, prior, g, leaving, checks, escalating, routes)
        return _promised(game, g, lambda n: solve(n, starting))
    chooses = escalating is None and 2 in routes
    recursion = _Discounted(game, g, checks, escalating is None, chooses, starting is not None)

    def ask(belief: Belief) -> tuple[Array, ...]:
        q, asked = _leaving(leaving, belief, checks)
        given = np.zeros(()) if escalating is None else escalating(belief)
        given = checked_chances("escalating", given, q.shape)
        return q, asked, _starting(starting, escalating, belief), given

    width = _BELIEFS + ceil(1 / (1 - g))
    if escalating is not None:
        return recursion.solve(prior, _where_it_leads(game, g, prior, ask, draws, width), ask)
    best = recursion.solve(prior, _about_the_edge(prior, leaving, draws, width), ask)
    for end in (1.0, 0.0):
        if draws < width or _known(game, best):
            break
        best = _closer(best, recursion.solve(prior, _window(draws, width, end), ask))
    return best


class _Discounted:
    """The recursion of `reputation_discounted`, over beliefs that were chosen."""

    def __init__(
        self,
        game: Game,
        g: float,
        checks: str,
        best: bool,
        chooses: bool,
        told: bool,
    ) -> None:
        self.game, self.g, self.best, self.chooses = game, g, best, chooses
        self.start_2, self.after_2 = _reasoning_costs(game, checks)
        self.bounds = _bounds(game, g, checks, best, chooses or told)

    def solve(self, prior: Belief, spans: NDArray[np.int_], ask: _Ask) -> Reputation:
        """The plan and its cost, from the last draw of ``spans`` back to the prior."""
        game, g, edges = self.game, self.g, _Edges(*self.bounds)
        for_ever = self.start_2 / (1 - g)
        size = min(len(spans), _SHOWN + 1)
        policy = np.ones((size, size), dtype=np.float32)
        starts = np.zeros(policy.shape, dtype=bool)
        for n, e, (q, asked, told, given) in _backwards(prior, spans, ask):
            escalate, keep = self.after_2 + g * edges.task(e + 1), edges.run(e)
            plan, stays = given, given * escalate + (1 - given) * keep
            if self.best:
                plan, stays = (escalate[1] <= keep[1]).astype(float), np.minimum(escalate, keep)
            pass_cost = game.cost[0] + game.failure[0] * (q * game.penalty + (1 - q) * stays)
            same = g * (game.success[0] + game.failure[0] * q)  # this belief begins the next task
            first = np.where(asked, game.leaving_cost[0] / (1 - g), pass_cost / (1 - same))
            reasons = told | ((for_ever < first[1]) & self.chooses)
            task = np.where(reasons, for_ever, first)
            if self.chooses:
                task = np.minimum(task, for_ever)
            edges.put(e, task, pass_cost + same * task)
            if n < size:
                policy[e, n - e], starts[e, n - e] = plan, reasons
        low, high = (1 - g) * edges.task(np.zeros(1, dtype=int))[:, 0]
        return Reputation(float(low + high) / 2, policy, starts, float(high - low) / 2)


def _closer(one: Reputation, other: Reputation) -> Reputation:
    """What both know: the plan that costs less at most, and the bounds that are closer."""
    low = max(one.cost - one.error, other.cost - other.error)
    plan = min(one, other, key=lambda found: found.cost + found.error)
    high = plan.cost + plan.error
    return replace(plan, cost=(low + high) / 2, error=max(high - low, 0.0) / 2)


def memoryless_discounted(
    game: Game,
    prior: Belief,
    discount: float,
    leaving: Callable[[Belief], Any],
    chances: Array,
    checks: str = "failure",
    draws: int | None = None,
) -> float:
    """(1-g) J of a provider that sees nothing but its task, and turns to M2 by chance.

    The recursion of `reputation_discounted`, with R for each number j of failed passes of M1.

    Args:
        game: a single game.
        prior: the user's Beta(a, b) before the first task.
        discount: g in [0, 1), for each task.
        leaving: as in `reputation_discounted`.
        chances: (K+1,) chance of M2 after j = 0 .. K failed passes of M1 in the task; after K
            failures M2 for sure.
        checks: as in `reputation`.
        draws: how far the recursion goes; by default as far as 1e-9 asks for.

    Raises:
        ValueError: as `reputation_discounted`.
    """
    prior = _checked(game, prior, checks)
    g = _checked_discount(discount, draws)
    given = checked_chances("chances", chances, np.shape(chances))
    if given.ndim != 1 or not given.size:
        expected = "one list, for each number of failed passes from 0 on"
        raise ValueError(f"chances must be {expected}, got the shape {given.shape}")
    turns = np.append(given[:-1], 1.0)
    solve = partial(_memoryless, game, prior, g, leaving, turns, checks)
    return (_promised(game, g, solve) if draws is None else solve(draws)).cost


def _memoryless(
    game: Game,
    prior: Belief,
    g: float,
    leaving: Callable[[Belief], Any],
    turns: Array,
    checks: str,
    draws: int,
) -> _Known:
    """The same with so many draws."""
    start_2, after_2 = _reasoning_costs(game, checks)
    start, turn = turns[0], np.append(turns[1:], 1.0)[:, None]  # the last pass is never reached
    edges = _Edges(*_bounds(game, g, checks, False, True), passes=len(turns))
    for_ever = start_2  # of a task that starts with M2

    def ask(belief: Belief) -> tuple[Array, ...]:
        return _leaving(leaving, belief, checks)

    spans = _where_chance_leads(game, g, prior, ask, turn[:, 0], draws)
    for _, e, (q, asked) in _backwards(prior, spans, ask):
        run = edges.run(e)  # (2, K+1, beliefs)
        keep = np.concatenate([run[:, 1:], run[:, -1:]], axis=1)
        escalate = (after_2 + g * edges.task(e + 1))[:, None]
        stays = turn * escalate + (1 - turn) * keep
        pass_cost = game.cost[0] + game.failure[0] * (q * game.penalty + (1 - q) * stays)
        same = g * (game.success[0] + game.failure[0] * q)
        first = np.where(asked, game.leaving_cost[0], pass_cost[:, 0])
        again = np.where(asked, g, same)  # the chance, discounted, that this belief begins a task
        task = start * for_ever + (1 - start) * first
        task = task / (1 - start * g - (1 - start) * again)
        edges.put(e, task, pass_cost + (same * task)[:, None])
    low, high = (1 - g) * edges.task(np.zeros(1, dtype=int))[:, 0]
    return _Known(float(low + high) / 2, float(high - low) / 2)


def enough_draws(game: Game, discount: float) -> int:
    """Draws until what follows counts for 1e-11: each counts at most k1 / (1 - g p1) as much.

    Args:
        game: a single game.
        discount: g in [0, 1).

    Raises:
        ValueError: ``game`` is an array, or discount lies outside [0, 1).
    """
    _checked(game, Belief(1.0, 1.0), "failure")
    _checked_discount(discount, None)
    ratio = float(game.success[0]) * (1 - discount) / float(game.failure[0])
    return 1 + ceil(log(1e11) / log1p(ratio))


class _Edges:
    """What comes after one draw more: J and R, each at least and at most, at the beliefs followed.

    Elsewhere, and before the first beliefs are put, they are what they can be at least and at most.
    """

    def __init__(self, task: Array, run: Array, passes: int | None = None) -> None:
        self._task_bounds, self._run_bounds = task, run
        self._passes = () if passes is None else (passes,)
        self._first, self._task, self._run = 0, np.empty((2, 0)), np.empty((2, *self._passes, 0))

    def put(self, e: Array, task: Array, run: Array) -> None:
        """One draw earlier: at consecutive numbers of escalations."""
        self._first, self._task, self._run = int(e[0]), task, run

    def task(self, e: Array) -> Array:
        """J as a task begins, (2, beliefs)."""
        return self._at(e, self._task, self._task_bounds)

    def run(self, e: Array) -> Array:
        """R after a keep, (2, beliefs) or (2, K+1, beliefs)."""
        return self._at(e, self._run, self._run_bounds)

    def _at(self, e: Array, known: Array, bounds: Array) -> Array:
        lead = known.shape[1:-1]
        values = np.empty((2, *lead, e.size))
        values[:] = bounds.reshape(2, *(1 for _ in lead), 1)
        start = int(e[0]) - self._first  # where e begins among the known
        low, high = max(start, 0), min(start + e.size, known.shape[-1])
        if low < high:
            values[..., low - start : high - start] = known[..., low:high]
        return values


def _bounds(game: Game, g: float, checks: str, best: bool, reasons: bool) -> tuple[Array, Array]:
    """(least, most) of J and of R at any belief, whatever the user does there.

    The best plan costs at most what escalating at once costs, or starting with M2 where it may.
    """
    c1, p1, k1, penalty = game.cost[0], game.success[0], game.failure[0], game.penalty
    start_2, after_2 = _reasoning_costs(game, checks)
    failed = np.array([min(penalty, after_2), max(penalty, after_2)])
    ends = c1 + k1 * failed  # of a task that ends at the first failure
    run = np.array([min(c1 / p1, ends[0]), ends[1] if best else max(c1 / p1, ends[1])])
    task = run.copy()
    if reasons:
        task = np.array([min(run[0], start_2), start_2 if best else max(run[1], start_2)])
    return task / (1 - g), run + g * task / (1 - g)


def _about_the_edge(
    prior: Belief,
    leaving: Callable[[Belief], Any],
    draws: int,
    width: int,
) -> NDArray[np.int_]:
    """(draws+1, 2), from and to how many escalations (exclusive) the best plan is sought.

    About where the user's q passes 1/2: short of it a provider gives more than it must, and beyond
    it nothing is left to do.
    """
    levels = np.unique(np.geomspace(width, max(draws, width), 60).astype(int))
    share = prior.mean
    marks = []
    for n in levels:
        e = np.arange(n + 1)
        q = doubles(leaving(Belief(prior.escalated + e, prior.kept + n - e)))
        leaves = np.broadcast_to(q, e.shape) > 0.5
        crossings = np.flatnonzero(leaves[1:] != leaves[:-1])
        if crossings.size:
            share = crossings[np.argmin(np.abs(crossings - share * n))] / n
        marks.append(share)
    return _window(draws, width, np.interp(np.arange(draws + 1), levels, marks))


def _window(draws: int, width: int, share: Any) -> NDArray[np.int_]:
    """(draws+1, 2), beliefs about a share of escalations among the draws."""
    n = np.arange(draws + 1)
    first = np.rint(share * n).astype(int) - width // 2
    first = np.clip(first, 0, np.maximum(n + 1 - width, 0))
    return np.stack([first, np.minimum(first + width, n + 1)], axis=1)


def _where_it_leads(
    game: Game,
    g: float,
    prior: Belief,
    ask: _Ask,
    draws: int,
    width: int,
) -> NDArray[np.int_]:
    """The same for a given plan: the beliefs it comes to; at first all, so that they are shown.

    A user who has left comes back with the same belief, so a belief is passed with (discounted)
    chance k1 (1-q) / (1 - g (p1 + k1 q)): far more than 1-q where q is large.
    """
    p1, k1 = float(game.success[0]), float(game.failure[0])

    def step(weight: Array, answers: tuple[Array, ...]) -> Array:
        q, _, _, plan = answers
        on = weight * k1 * (1 - q) / (1 - g * (p1 + k1 * q))
        return _beside(on * (1 - plan), on * plan)

    spans = _follow(prior, draws, ask, np.ones((1, 1)), step)
    n = np.arange(min(width, len(spans)))
    spans[n] = np.stack([0 * n, n + 1], axis=1)
    return spans


def _where_chance_leads(
    game: Game,
    g: float,
    prior: Belief,
    ask: _Ask,
    turn: Array,
    draws: int,
) -> NDArray[np.int_]:
    """The same for a provider without the belief, by number of failed passes before."""
    p1, k1 = float(game.success[0]), float(game.failure[0])

    def step(weight: Array, answers: tuple[Array, ...]) -> Array:
        q = answers[0]
        again = g * (p1 + k1 * q)  # solved or left: a new task begins with this belief
        passes = weight.copy()
        passes[0] = (weight[0] + again * weight[1:].sum(axis=0)) / (1 - again)
        on = passes * k1 * (1 - q)
        keep, escalate = np.zeros((2, *on.shape))
        keep[1:], escalate[0] = ((1 - turn[:, None]) * on)[:-1], turn @ on
        return _beside(keep, escalate)

    return _follow(prior, draws, ask, np.eye(turn.size, 1), step)


def _beside(keep: Array, escalate: Array) -> Array:
    """Chances after a draw, from those of a keep and of an escalation at the beliefs before."""
    after = np.zeros((keep.shape[0], keep.shape[1] + 1))
    after[:, :-1] += keep
    after[:, 1:] += escalate
    return after


def _follow(
    prior: Belief,
    draws: int,
    ask: _Ask,
    weight: Array,
    step: Callable[[Array, tuple[Array, ...]], Array],
) -> NDArray[np.int_]:
    """(draws+1, 2), or fewer if the user leaves for good: the beliefs to which chances lead."""
    spans, first = [], 0
    for start in range(0, draws + 1, _AT_ONCE):
        n, base = np.arange(start, min(start + _AT_ONCE, draws + 1)), first
        answers = _ask_all(prior, n, base, base + weight.shape[1] + n.size, ask)
        for row in range(n.size):
            stop = first + weight.shape[1]
            spans.append((first, stop))
            now = tuple(answer[row, first - base : stop - base] for answer in answers)
            weight = step(weight, now)
            seen = np.flatnonzero(weight.sum(axis=0) > _NEVER)
            if not seen.size:
                return np.array(spans)
            first += int(seen[0])
            weight = weight[:, seen[0] : seen[-1] + 1]
    return np.array(spans)


def _backwards(
    prior: Belief, spans: NDArray[np.int_], ask: _Ask
) -> Iterator[tuple[int, NDArray[np.int_], tuple[Array, ...]]]:
    """(n, e, answers) from the last n to 0, at the beliefs of its span."""
    for stop in range(len(spans), 0, -_AT_ONCE):
        n = np.arange(max(0, stop - _AT_ONCE), stop)
        first, last = spans[n, 0].min(), spans[n, 1].max()
        answers = _ask_all(prior, n, first, last, ask)
        for row in range(n.size - 1, -1, -1):
            low, high = spans[n[row]]
            at = slice(low - first, high - first)
            yield int(n[row]), np.arange(low, high), tuple(answer[row, at] for answer in answers)


def _ask_all(
    prior: Belief,
    n: NDArray[np.int_],
    first: int,
    last: int,
    ask: _Ask,
) -> tuple[Array, ...]:
    """Answers of shape (draws, escalations)."""
    e = np.arange(first, last)
    keeps = np.maximum(n[:, None] - e, 0)  # there are no more escalations than draws
    return ask(Belief(np.broadcast_to(prior.escalated + e, keeps.shape), prior.kept + keeps))


def _reach(
    game: Game,
    prior: Belief,
    tasks: int,
    leaving: Callable[[Belief], Any],
    checks: str,
) -> int:
    """Keeps that T tasks do not exceed, or at which a watchful user leaves after every history."""
    most, width = most_keeps(float(game.success[0]), tasks), 256
    while checks == "failure" and width < most:
        check_size(tasks, width)
        lost = (_leaving(leaving, lattice(prior, tasks, width), checks)[0] == 1).all(axis=0)
        if lost.any():
            return int(np.argmax(lost))
        width *= 2
    return most


class _Known(NamedTuple):
    """A cost, and how far it can be from the truth."""

    cost: float
    error: float


_Found = TypeVar("_Found", Reputation, _Known)


def _known(game: Game, found: Reputation | _Known) -> bool:
    """Whether a cost is as accurate as promised; it can be 0, but not that of M2 alone."""
    alone, _ = _reasoning_costs(game, "failure")
    return found.error <= _PROMISED * max(abs(found.cost), abs(alone))


def _promised(game: Game, g: float, solve: Callable[[int], _Found]) -> _Found:
    """What is found with draws enough for the accuracy; often fewer will do than the bound asks."""
    most = enough_draws(game, g)
    for draws in (ceil(0.6 * most), most):
        if draws <= _MOST_DRAWS:
            found = solve(draws)
            if _known(game, found):
                return found
    reason = f"{most} draws, which take long" if most > _MOST_DRAWS else "a look at more beliefs"
    raise ValueError(
        f"at a discount of {g:g} an accuracy of {_PROMISED:g} asks for {reason}; give draws, and "
        "take the error as it comes"
    )


def _leaving(leaving: Callable[[Belief], Any], belief: Belief, checks: str) -> tuple[Array, Array]:
    """(q after a failure, whether the user leaves for the whole task)."""
    q = checked_chances("leaving", leaving(belief), np.shape(belief.mean))
    if checks == "failure":
        return q, np.zeros(q.shape, dtype=bool)
    require((q == 0) | (q == 1), "leaving", q, 'be 0 or 1 for a user who checks once a "task"')
    return np.zeros(q.shape), q == 1


def _starting(
    starting: Callable[[Belief], Any] | None,
    escalating: Any,
    belief: Belief,
) -> NDArray[np.bool_]:
    """Whether a given plan starts a task with M2."""
    if starting is None:
        return np.zeros(np.shape(belief.mean), dtype=bool)
    if escalating is None:
        raise ValueError("starting belongs to a given plan: give escalating, too")
    starts = np.broadcast_to(starting(belief), np.shape(belief.mean))
    require((starts == 0) | (starts == 1), "starting", starts, "be True or False")
    return starts.astype(bool)


def _reasoning_costs(game: Game, checks: str) -> tuple[float, float]:
    """(E if a task starts with M2, E after an escalation): the cost from the first pass of M2 on.

    A user who sees a task start with M2 answers that. One who checks once a task and has stayed
    with M1 stays with M2.
    """
    start = game.cost_of_pass[1] if game.net_value[1] >= 0 else game.leaving_cost[1]
    return float(start), float(game.cost_of_pass[1] if checks == "task" else start)


def _checked(game: Game, prior: Belief, checks: str, routes: tuple[int, ...] = (1, 2)) -> Belief:
    """The prior, once the arguments are found in order."""
    if game.shape:
        shape = f"got an array of shape {game.shape}; index it"
        raise ValueError(f"a plan is made for a single game, {shape}")
    check_checks(checks)
    if routes not in ((1,), (1, 2)):
        raise ValueError(f"routes must be (1,) or (1, 2), got {routes!r}")
    return Belief.checked(prior)


def _checked_discount(discount: float, draws: int | None) -> float:
    require(0 <= discount < 1, "discount", discount, "lie in [0, 1)")
    if draws is not None:
        whole("draws", draws, at_least=1, at_most=10**9)
    return discount
