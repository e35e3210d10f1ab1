"""The rules of play: one pass from one uniform number, a whole task, and the bill at its end.

After a pass of M_i one of four things happens. With p = p_i, k = 1-p they share the unit interval
like this:

    0            p              p + k q                               1
    |   solved   |     left     |   kept: 1-s    |   escalated: s     |

"Kept" and "escalated" name the model of the next pass, which the coin decides whether or not
somebody stays to see it. From M2 there is no way back, so there both mean M2. (Section 3 of the
paper.)

Everything is plain arithmetic on numbers or arrays: the scalar environments and the batched engines
play by these same functions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from routing_game.theory.game import Game, Task
from routing_game.theory.payoffs import Payoffs, payoffs

NOTHING = Payoffs(0.0, 0.0, 0.0, 0.0, 0.0)


class Pass(NamedTuple):
    """What one pass led to; each a number or an array."""

    solved: Any
    left: Any
    model: Any
    """Model of the next pass, 1 or 2, should there be one."""


def run_pass(success: Any, model: Any, cascade: Any, abandon: Any, uniform: Any) -> Pass:
    """One pass of ``model`` (1 or 2), decided by one uniform number in [0, 1).

    Args:
        success: (p1, p2); an array where ``model`` is one, so that ``success[model - 1]`` picks.
        model: the model in use.
        cascade: s, chance of M2 after a failed pass of M1.
        abandon: q, chance that the user leaves after a failed pass.
        uniform: the number that decides.
    """
    solve = success[model - 1]
    leave = solve + (1 - solve) * abandon
    keep = leave + (1 - leave) * (1 - cascade)
    solved = uniform < solve
    left = (solve <= uniform) & (uniform < leave)
    reasons = (model == 2) | (uniform >= keep)
    return Pass(solved, left, 1 + reasons)


def next_pass(success: Any, escalate: Any, uniform: Any) -> tuple[Any, Any]:
    """The pass that follows when the user stays: (by M2?, solved?), coin and pass by one number.

        0             e p2             e            e + (1-e) p1           1
        |  M2 solves  |    M2 fails    |  M1 solves  |       M1 fails      |

    ``escalate`` is e, the chance that M2 serves: s after M1, 1 after M2.
    """
    p1, p2 = success
    before_m2_fails = uniform < escalate * p2
    reasons = uniform < escalate
    before_m1_fails = uniform < escalate + (1 - escalate) * p1
    # each border lies in the next, so a number within all three or one of them solves: an odd count
    solved = before_m2_fails ^ reasons ^ before_m1_fails
    return reasons, solved


class Played(NamedTuple):
    """How far a task went; each a number or an array."""

    passes: Any
    """(passes of M1, passes of M2)."""
    solved: Any
    cut: Any
    """Still running after the last pass allowed."""
    model: Any
    """Model of the next pass, where ``cut`` is true."""


def play_task(
    success: Any,
    route: int,
    cascade: float,
    abandon: tuple[float, float],
    random: Callable[[], float],
    max_passes: int,
) -> Played:
    """One task, pass by pass, until it is solved, abandoned or cut off.

    Args:
        success: (p1, p2).
        route: the model that starts.
        cascade: s.
        abandon: q after M1 and q after M2.
        random: gives one uniform number a pass.
        max_passes: when to cut it off.
    """
    passes, model = [0, 0], route
    for _ in range(max_passes):
        passes[model - 1] += 1
        q, uniform = abandon[model - 1], random()
        solved, left, model = run_pass(success, model, cascade, q, uniform)
        if solved or left:
            return Played(passes, solved, False, model)
    return Played(passes, False, True, model)


def rest(game: Game, cut: NDArray[np.bool_], model: Any, cascade: Any, abandon: Any) -> Payoffs:
    """What to expect of the tasks that were cut off; 0 for others.

    Args:
        game: one game, or one for each task.
        cut: which tasks were cut off.
        model: what would have run next.
        cascade: s.
        abandon: q.
    """
    if not cut.any():
        return NOTHING
    games = game[cut] if game.shape else game
    choice = (np.broadcast_to(x, cut.shape) for x in (model, cascade, abandon))
    route, s, q = (x[cut] for x in choice)
    tail = np.zeros((len(Payoffs._fields), cut.size))
    tail[:, cut] = payoffs(games, route, s, q)
    return Payoffs(*tail)


def before_the_coin(escalate: Any, after_keep: Payoffs, after_escalation: Payoffs) -> Payoffs:
    """What to expect while the coin, which escalates with chance e, has yet to choose a model."""
    pairs = zip(after_keep, after_escalation, strict=True)
    return Payoffs(*(kept + escalate * (escalated - kept) for kept, escalated in pairs))


def run_reasoning(
    game: Game, abandon: Any, tasks: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """All passes of M2 at once, whose number is geometric: (how many, solved), shape (tasks,).

    Args:
        game: one game.
        abandon: q, the user's chance of leaving after each failure; one, or one for each task.
        tasks: how many tasks.
        rng: gives two numbers a task.
    """
    again = game.failure[1] * (1 - abandon)
    passes = rng.geometric(np.broadcast_to(1 - again, (tasks,)))
    solved = rng.random(tasks) < game.success[1] / (1 - again)
    return passes, solved


def stay_reward(value: Any, latency: Any, model: Any, solved: Any) -> Any:
    """What waiting for one pass brought the user: V if it solved the task, less its time.

    Args:
        value: V.
        latency: (t1, t2); an array where ``model`` is one.
        model: what ran, 1 or 2.
        solved: whether it solved the task.
    """
    return value * solved - latency[model - 1]


def settle(game: Game, passes: Any, solved: Any, tail: Payoffs = NOTHING) -> Payoffs:
    """The realised S, L, C, U, J of a task, or of each of many.

    Args:
        game: one game, or one for each task.
        passes: (passes of M1, passes of M2).
        solved: whether it was solved.
        tail: the expected rest of a task that was cut off.
    """
    n1, n2 = passes
    (t1, t2), (c1, c2) = game.latency, game.cost
    success = solved + tail.success
    latency = n1 * t1 + n2 * t2 + tail.latency
    service_cost = n1 * c1 + n2 * c2 + tail.service_cost
    utility = game.value * success - latency
    cost = service_cost + game.penalty * (1 - success)
    return Payoffs(success, latency, service_cost, utility, cost)


def record(passes: Any, solved: Any, bill: Payoffs, truncated: Any) -> Task:
    """The task as its players see it afterwards; for arrays of tasks a `Task` of arrays.

    Args:
        passes: (passes of M1, passes of M2).
        solved: whether it was solved.
        bill: what it came to.
        truncated: whether it was cut off.
    """
    standard, reasoning = passes
    return Task(standard, reasoning, solved, bill.cost, bill.utility, truncated)
