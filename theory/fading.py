"""Value that fades: a user who is less patient from task to task.

"For certain tasks and over time, we found our behavior to be less patient, suggesting a
time-varying nature on user value, which could be studied in future work" (appendix A of the paper).
*Within* a task that is a chain whose value changes with the attempt (`chain.unroll`). *Across* the
tasks of a session it is a row of games that differ in V alone, V_n = V f^(n-1) for a fade f, or any
V_n: the last axis of an array of games is the number of the task.

**With a given penalty** the tasks have nothing to do with each other, and each is solved by itself
(`solve`). The user waits for model i as long as V_n p_i >= t_i; on the way xi_1 and xi_2 pass
through zero one after the other, and thresholds move: as V falls, s0 rises and s_L falls. So a
provider that plays the optimum for the value of some tasks ago is always on the wrong side of the
cliff (`lag_cost`).

**With revenue at stake** the tasks are linked: an abandoned task costs the revenue of those that
would have followed, and the less is to come, the less that is. With W_{N+1} = 0,

    W_n = max_a { rho - C_a + g (1 - r A_a) W_{n+1} },   P_n = r g W_{n+1},

by backward induction over the commitments of `menu` (`solve_session`). The value need not fade for
that: any session that ends makes the last tasks cheap to abandon. With the same V throughout, and N
large, W_1 is the lifetime value of `subscription`. (Posed by the paper; solved beyond it.)
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from routing_game.theory.game import Game
from routing_game.theory.kinds import RULES
from routing_game.theory.menu import Offer, choose
from routing_game.theory.numbers import Array, Real, doubles, plain, require, whole
from routing_game.theory.provider import outcome, solve

_S0, _S_LOW = list(RULES).index("s0"), list(RULES).index("s_L")


def faded(game: Game, fade: Any, tasks: int) -> Game:
    """The games of a session whose value fades: V, V f, V f^2, ... along a new last axis.

    Args:
        game: one game, or an array of games.
        fade: f in (0, 1], what is left of the value from one task to the next; broadcasts against
            ``game``.
        tasks: N, how many tasks.

    Raises:
        ValueError: fade is out of range, or tasks is not positive.
    """
    fade = doubles(fade)
    _check_fade(fade)
    tasks = whole("tasks", tasks, at_least=1)
    value = np.asarray(game.value)[..., None] * fade[..., None] ** np.arange(tasks)
    success, latency, cost = (
        (np.asarray(first)[..., None], np.asarray(second)[..., None])
        for first, second in (game.success, game.latency, game.cost)
    )
    penalty = np.asarray(game.penalty)[..., None]
    return Game(value, penalty, success, latency, cost, game.ordered)


def patience(game: Game, fade: Any) -> tuple[Real, Real]:
    """(N1, N2): for how many tasks a pass of M1, of M2, is worth its time, V f^(n-1) p_i >= t_i.

    0 if it never is, inf if it always will be.

    Args:
        game: one game, or an array of games.
        fade: f in (0, 1], what is left of the value from one task to the next; broadcasts against
            ``game``.

    Raises:
        ValueError: fade is out of range.
    """
    fade = doubles(fade)
    _check_fade(fade)
    (p1, p2), (t1, t2) = game.success, game.latency
    first = _tasks_worth_it(game.value, p1, t1, fade)
    return plain(first), plain(_tasks_worth_it(game.value, p2, t2, fade))


def lag_cost(games: Game, lag: int = 1, margin: float = 0.0) -> Array:
    """What a provider loses in each task by playing the optimum for the value of ``lag`` tasks ago.

    J under that commitment, the user answering as it is now, less J*; in units of cost. The first
    tasks are played knowing V.

    Args:
        games: the tasks of a session along the last axis.
        lag: by how many tasks the provider is late; 0 is no loss.
        margin: the share by which a cascade keeps away from its cliff: s0 (1 + margin), at most 1,
            or s_L (1 - margin).

    Raises:
        ValueError: there is no axis of tasks, lag is negative, or margin lies outside [0, 1].
    """
    if not games.shape:
        raise ValueError("games must have an axis of tasks (see `faded`), got a single game")
    lag = min(whole("lag", lag, at_least=0), games.shape[-1])
    require(0 <= margin <= 1, "margin", margin, "lie in [0, 1]")
    optimum = solve(games)
    seen = np.maximum(np.arange(games.shape[-1]) - lag, 0)
    kind = np.asarray(optimum.kind)
    away = np.where(kind == _S0, 1 + margin, np.where(kind == _S_LOW, 1 - margin, 1.0))
    cascade = np.minimum(np.asarray(optimum.cascade[0]) * away, 1.0)
    played = outcome(games, np.asarray(optimum.route)[..., seen], cascade[..., seen])
    return np.maximum(played.cost - optimum.cost, 0.0)


@dataclass(frozen=True)
class Session:
    """A session whose penalty is the revenue still to come; tasks along the last axis."""

    penalty: Array
    """P_n = r g W_(n+1), what abandoning task n costs; 0 in the last."""
    value_to_come: Array
    """W_n, revenue less cost of service from task n on, if the user still is there."""
    present: Array
    """The chance that task n takes place at all (discounted if g is); 1 for the first."""
    offer: Offer
    """The optimal commitment in each task, the user's reply, and what the task brings."""

    @property
    def rule(self) -> Any:
        """The kind of optimum in each task; keys of `provider.RULES`."""
        return self.offer.rule

    @property
    def lifetime_value(self) -> Real:
        """W_1, the provider's value of the session."""
        return plain(self.value_to_come[..., 0])

    @property
    def lifetime(self) -> Real:
        """The expected number of tasks (discounted if g is)."""
        return plain(self.present.sum(axis=-1))


def solve_session(games: Game, revenue: Any, cancel: Any, discount: Any) -> Session:
    """How a provider serves a session of N tasks if abandoning one puts the rest at risk; exact.

    Args:
        games: the tasks of a session along the last axis (see `faded`); their penalty plays no
            part.
        revenue: rho >= 0, what a task brings, in the provider's unit.
        cancel: r in [0, 1], the chance that the user cancels after a task that it has abandoned.
        discount: g in [0, 1], the weight of the next task if the user has not cancelled.

    The three may be one number, or one for each session: they broadcast against
    ``games.shape[:-1]``.

    Raises:
        ValueError: a number is out of range, or there is no axis of tasks.
    """
    if not games.shape:
        raise ValueError("games must have an axis of tasks (see `faded`), got a single game")
    for name, x in (("cancel", cancel), ("discount", discount)):
        require((np.asarray(x) >= 0) & (np.asarray(x) <= 1), name, x, "lie in [0, 1]")
    earned = np.asarray(revenue)
    require((earned >= 0) & (earned < np.inf), "revenue", revenue, "be finite and at least 0")
    games = _full(games, np.broadcast_shapes(*(np.shape(x) for x in (revenue, cancel, discount))))
    tasks, to_come = [], np.zeros(games.shape[:-1])
    for n in reversed(range(games.shape[-1])):
        penalty = np.asarray(discount * cancel * to_come)
        offer = _least(games[..., n], penalty)
        lost = penalty * offer.abandonment
        to_come = np.asarray(revenue - offer.service_cost - lost + discount * to_come)
        tasks.append((penalty, to_come, *offer))
    columns = zip(*reversed(tasks), strict=True)
    rows = [np.stack(np.broadcast_arrays(*column), axis=-1) for column in columns]
    penalties, worths, *members = rows
    offer = Offer(*members)
    present = _present(np.asarray(offer.abandonment), cancel, discount)
    return Session(penalties, worths, present, offer)


def _least(game: Game, penalty: Array) -> Offer:
    """The offer of least C + P A."""
    return choose(game, lambda cost, lost: cost + penalty * lost)


def _present(abandonment: Array, cancel: Any, discount: Any) -> Array:
    """The chance that each task takes place: the user came again after all before it."""
    again = np.asarray(discount)[..., None] * (1 - np.asarray(cancel)[..., None] * abandonment)
    present = np.ones_like(abandonment)
    present[..., 1:] = np.cumprod(again[..., :-1], axis=-1)
    return present


def _tasks_worth_it(value: Any, p: Any, t: Any, fade: Array) -> Array:
    """Number of n >= 0 with V f^n p >= t, up to rounding."""
    with np.errstate(divide="ignore", invalid="ignore"):
        last = np.log(value * p / t) / -np.log(fade)
        close = np.abs(last - np.round(last)) < 1e-9 * (1 + np.abs(last))
    count = np.where(close, np.round(last), np.floor(last)) + 1
    worth_it = np.asarray(value * p * (1 + 1e-12) >= t)
    for_ever = (fade == 1) | np.equal(t, 0)
    return np.where(worth_it, np.where(for_ever, np.inf, np.maximum(count, 1)), 0.0)


def _full(games: Game, sessions: tuple[int, ...]) -> Game:
    """The games, with as many sessions as the other numbers ask for."""
    shape = np.broadcast_shapes(games.shape[:-1], sessions) + games.shape[-1:]
    return dataclasses.replace(games, value=np.broadcast_to(games.value, shape))


def _check_fade(fade: Any) -> None:
    require((fade > 0) & (fade <= 1), "fade", fade, "lie in (0, 1]")
