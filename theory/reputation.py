"""Reputation: when a provider that sees the user's belief should escalate.

It commits to nothing. At each failure with the user staying it escalates (and shows it: a+1) or keeps (b+1). With
E = c2/p2 if xi2 >= 0, so that the user stays after M2, else l2, the cost from the start of M2 on; q(a,b) the user's
chance of leaving after a failed pass of M1; and a discount g for each task, the expected cost of n tasks still to come
is, J_0 = 0,

    J_n(a,b) = min{ R_n(a,b),  E + g J_{n-1}(a,b) }                                   start with M1, or with M2
    R_n(a,b) = c1 + p1 g J_{n-1}(a,b) + k1 [ q (P + g J_{n-1}(a,b)) + (1-q) X_n(a,b) ]
    X_n(a,b) = min{ E + g J_{n-1}(a+1,b),  R_n(a,b+1) }                               escalate, or keep

for a user who checks its belief at each failure. One who checks once a task has q = 0 in R, E = c2/p2 in X, because it
stays throughout, and, where the belief at the start says "leave", J_n = min(l1, E) + g J_{n-1}. Discounted for ever,
J_n = J_{n-1} = J and every belief leads only to beliefs with more draws (or itself), so J is solved from many draws
down. (Beyond the paper.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing_game.theory.belief import Belief, check_checks, checked_chances, lattice
from routing_game.theory.game import Game
from routing_game.theory.numbers import Array, require

Escalating = Callable[[Belief], Any]
"""The provider's chance of escalating at each of an array of beliefs, after a failed pass of M1."""


@dataclass(frozen=True, eq=False)
class Reputation:
    """The provider's plan against a user with a belief, from the prior on."""

    cost: Any
    """Finite: (T+1,) J_n at the prior for n = 0 .. T tasks to come. Discounted: (1-g) J, the mean cost of a task."""
    escalating: Array
    """Chance of escalating after a failed pass of M1 with the user staying. Finite: (T, A, B), with n+1 tasks to come
    (the current one included) and a, b draws of each kind seen. Discounted: (A, B)."""
    reasoning: Array
    """bool: a task starts with M2; same shape."""


def reputation_rule(leaving: Callable[[Belief], Any]) -> Escalating:
    """The hand-written rule: escalate only when a keep would make the user leave, ``leaving`` giving its q."""

    def escalating(belief: Belief) -> Any:
        return np.asarray(leaving(belief.after(False))) > 0.5

    return escalating


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
    """T tasks, undiscounted: the best plan, or the value of one that escalates with chance ``escalating(belief)``.

    Args:
        game: a single game.
        prior: the user's Beta(a, b) before the first task.
        tasks: T.
        leaving: the user's q after a failed pass of M1 at beliefs of shape (A, B). After M2 it stays iff xi2 >= 0.
        checks: "failure" or "task"; for the latter ``leaving`` must be 0 or 1, kept for the whole task.
        escalating: None for the best plan; a given plan starts every task with M1, unless ``starting`` says so.
        routes: (1,) if the best plan, too, must start every task with M1.
        reach: keeps beyond which the provider must escalate; by default far more than T tasks show: 60 and ten standard
            deviations beyond the mean of a provider that always keeps.
        starting: whether (bool) a given plan starts a task with M2, for beliefs as ``escalating``.

    Raises:
        ValueError: ``game`` is an array, or an argument is out of range.
    """
    prior = _checked(game, prior, checks, routes)
    require(tasks >= 1, "tasks", tasks, "be at least 1")
    c1, p1, k1 = game.cost[0], game.success[0], game.failure[0]
    start_2, after_2 = _reasoning_costs(game, checks)
    reach = 60 + ceil((tasks * k1 + 10 * np.sqrt(tasks * k1)) / p1) if reach is None else reach
    belief = lattice(prior, tasks, reach + 1)
    q, asked = _leaving(leaving, belief, checks)
    given = None if escalating is None else checked_chances("escalating", escalating(belief), q.shape)
    told = _starting(starting, escalating, belief)
    cost = np.zeros((tasks + 1, reach + 1))  # J_{n-1}: escalations, keeps
    chooses = escalating is None and 2 in routes
    at_prior, draws, starts = [0.0], np.ones((tasks, tasks, reach + 1)), np.zeros((tasks, tasks, reach + 1), dtype=bool)
    for n in range(1, tasks + 1):
        now, run = cost.copy(), np.zeros(tasks)
        for j in range(reach, -1, -1):
            here, escalate = cost[:-1, j], after_2 + cost[1:, j]
            keep = run if j < reach else escalate
            e = (escalate <= keep) if given is None else given[:, j]
            draws[n - 1, :, j] = e
            stays = e * escalate + (1 - e) * keep
            run = c1 + p1 * here + k1 * (q[:, j] * (game.penalty + here) + (1 - q[:, j]) * stays)
            first = np.where(asked[:, j], game.leaving_cost[0] + here, run)
            starts[n - 1, :, j] = told[:, j] | ((start_2 + here < first) & chooses)
            now[:-1, j] = np.where(starts[n - 1, :, j], start_2 + here, first)
        cost = now
        at_prior.append(float(cost[0, 0]))
    return Reputation(np.array(at_prior), draws, starts)


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

    After ``draws`` draws the provider escalates, and then serves with M2 for ever. So the best plan's cost is an upper
    bound (if it may start with M2 at all), a given plan's an approximation; both come to the truth as g^(tasks that
    hold so many draws).

    Args:
        game: a single game.
        prior: the user's Beta(a, b) before the first task.
        discount: g in [0, 1), for each task.
        leaving: as in `reputation`, for arrays of beliefs of any shape.
        checks: as in `reputation`.
        escalating: as in `reputation`.
        routes: as in `reputation`.
        draws: how far the recursion goes; time and memory grow as its square. Default: `enough_draws`.
        starting: as in `reputation`.

    Raises:
        ValueError: ``game`` is an array, or an argument is out of range.
    """
    prior = _checked(game, prior, checks, routes)
    g, draws = _checked_discount(game, discount, draws)
    (start_2, after_2), chooses = _reasoning_costs(game, checks), escalating is None and 2 in routes
    for_ever = start_2 / (1 - g)
    policy = np.ones((draws + 1, draws + 1), dtype=np.float32)
    starts = np.zeros(policy.shape, dtype=bool)
    later = run_later = np.full(draws + 2, for_ever)  # J and R after one draw more, by escalations
    for n in range(draws, -1, -1):
        e = np.arange(n + 1)
        belief = Belief(prior.escalated + e, prior.kept + n - e)
        q, asked = _leaving(leaving, belief, checks)
        escalate, keep = after_2 + g * later[1 : n + 2], run_later[: n + 1]
        if escalating is None:
            plan = ((escalate <= keep) | (n == draws)).astype(float)
        else:
            plan = checked_chances("escalating", escalating(belief), q.shape)
        stays = plan * escalate + (1 - plan) * np.where(n == draws, escalate, keep)
        pass_cost = game.cost[0] + game.failure[0] * (q * game.penalty + (1 - q) * stays)
        same = g * (game.success[0] + game.failure[0] * q)  # the next task begins with this belief
        first = np.where(asked, game.leaving_cost[0] / (1 - g), pass_cost / (1 - same))
        reasons = _starting(starting, escalating, belief) | ((for_ever < first) & chooses)
        later = np.where(reasons, for_ever, first)
        run_later = pass_cost + same * later
        policy[e, n - e], starts[e, n - e] = plan, reasons
    return Reputation((1 - g) * float(later[0]), policy, starts)


def memoryless_discounted(
    game: Game,
    prior: Belief,
    discount: float,
    leaving: Callable[[Belief], Any],
    chances: Array,
    checks: str = "failure",
    draws: int | None = None,
) -> float:
    """(1-g) J of a provider that sees nothing but its task: after j failed passes of M1 it turns to M2 with a chance.

    The recursion of `reputation_discounted`, with R for each j; past ``draws`` draws M2 serves for ever.

    Args:
        game: a single game.
        prior: the user's Beta(a, b) before the first task.
        discount: g in [0, 1), for each task.
        leaving: as in `reputation_discounted`.
        chances: (K+1,) chance of M2 after j = 0 .. K failed passes of M1 in the task; after K failures M2 for sure.
        checks: as in `reputation`.
        draws: as in `reputation_discounted`.

    Raises:
        ValueError: ``game`` is an array, or an argument is out of range.
    """
    prior = _checked(game, prior, checks)
    g, draws = _checked_discount(game, discount, draws)
    chances = np.append(checked_chances("chances", chances, np.shape(chances))[:-1], 1.0)[:, None]
    start_2, after_2 = _reasoning_costs(game, checks)
    for_ever = start_2 / (1 - g)
    later = np.full(draws + 2, for_ever)  # J after one draw more, by escalations
    run_later = np.full((len(chances), draws + 2), for_ever)  # R_j, the pass of M1 after j failed ones
    for n in range(draws, -1, -1):
        e = np.arange(n + 1)
        q, asked = _leaving(leaving, Belief(prior.escalated + e, prior.kept + n - e), checks)
        keep = np.append(run_later[1:, : n + 1], np.full((1, n + 1), for_ever), axis=0)  # the last is never reached
        turn = np.append(chances[1:], [[1.0]], axis=0)
        stays = turn * (after_2 + g * later[1 : n + 2]) + (1 - turn) * keep
        pass_cost = game.cost[0] + game.failure[0] * (q * game.penalty + (1 - q) * stays)
        same = g * (game.success[0] + game.failure[0] * q)
        first = np.where(asked, game.leaving_cost[0], pass_cost[0])
        again = np.where(asked, g, same)  # the chance, discounted, that the next task begins with this belief
        start = chances[0]
        later = (start * start_2 + (1 - start) * first) / (1 - start * g - (1 - start) * again)
        run_later = pass_cost + same * later
    return float((1 - g) * later[0])


def enough_draws(game: Game, discount: float) -> int:
    """Draws until what follows counts for about 1e-10, but 3000 at most (seconds)."""
    if discount == 0:
        return 100
    return min(3000, 100 + ceil(-23 / np.log(discount) * game.failure[0] / game.success[0]))


def _leaving(leaving: Callable[[Belief], Any], belief: Belief, checks: str) -> tuple[Array, Array]:
    """(q after a failure, whether the user leaves for the whole task)."""
    q = checked_chances("leaving", leaving(belief), np.shape(belief.mean))
    if checks == "failure":
        return q, np.zeros(q.shape, dtype=bool)
    require((q == 0) | (q == 1), "leaving", q, 'be 0 or 1 for a user who checks once a "task"')
    return np.zeros(q.shape), q == 1


def _starting(starting: Callable[[Belief], Any] | None, escalating: Any, belief: Belief) -> NDArray[np.bool_]:
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

    A user who sees a task start with M2 answers that. One who checks once a task and has stayed with M1 stays with M2.
    """
    start = game.cost_of_pass[1] if game.net_value[1] >= 0 else game.leaving_cost[1]
    return float(start), float(game.cost_of_pass[1] if checks == "task" else start)


def _checked(game: Game, prior: Belief, checks: str, routes: tuple[int, ...] = (1, 2)) -> Belief:
    """The prior, once the arguments are found in order."""
    if game.shape:
        raise ValueError(f"a plan is made for a single game, got an array of shape {game.shape}; index it")
    check_checks(checks)
    if routes not in ((1,), (1, 2)):
        raise ValueError(f"routes must be (1,) or (1, 2), got {routes!r}")
    return Belief.checked(prior)


def _checked_discount(game: Game, discount: float, draws: int | None) -> tuple[float, int]:
    require(0 <= discount < 1, "discount", discount, "lie in [0, 1)")
    draws = enough_draws(game, discount) if draws is None else draws
    require(draws >= 1, "draws", draws, "be at least 1")
    return discount, draws
