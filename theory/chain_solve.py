"""Who plays a `Chain`: three kinds of user, exactly or certified, and the provider above them.

One q for the whole task.  U(q) can have several maxima for N >= 3; `peaks` finds all global ones.

A q for each model (the user sees which model failed).  Optimal stopping, W = xi + k max(0, delta R
W): the user stays after model j if (R W)_j > 0 and leaves if it is < 0; policy iteration is exact.

A q for each round (the user counts attempts but does not see the model).  U is linear in the q of
any round that comes once, so the user leaves surely after some round, or stays into the last,
repeated one and plays one q there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from routing_game.theory import absorbing
from routing_game.theory.chain import Chain, check_rounds, evaluate, visits
from routing_game.theory.game import Game
from routing_game.theory.numbers import TIE, Array, least, plain, require, whole
from routing_game.theory.payoffs import Payoffs
from routing_game.theory.peaks import Jet, favourite_peak
from routing_game.theory.user import thresholds

Ties = Literal["strong", "weak"]


class Reply(NamedTuple):
    """A user's best response to each chain, and what it brings both sides."""

    abandon: Any
    """q: (..., 1) if one for the task, (..., N) if one per model, (..., T) if one per round."""
    utility: Any
    """U, in the user's unit."""
    cost: Any
    """J, in the provider's unit."""


def tie_sign(ties: str) -> int:
    """1 if ties are broken for the provider, -1 if against it; ValueError for any other word."""
    if ties not in ("strong", "weak"):
        words = "'strong' (for the provider) or 'weak' (against it)"
        raise ValueError(f"ties are broken {words}, got {ties!r}")
    return 1 if ties == "strong" else -1


def single_reply(chain: Chain, start: Any, ties: Ties = "strong") -> Reply:
    """The best single q, globally: no q gains more than 1e-12 of the user's gross payoffs n.|xi|.

    U is either constant in q, and then q is the provider's choice (or its adversary's), or has
    finitely many maxima, of which the provider (or its adversary) chooses.
    """
    sign, e = tie_sign(ties), chain.start(start)
    shape, models = e.shape[:-1], chain.models
    vectors = e, chain.stop, chain.net_value, -sign * _burden(chain)
    e, stop, xi, favour = (np.broadcast_to(x, e.shape).reshape(-1, models) for x in vectors)
    step = np.broadcast_to(chain.step, (*shape, models, models)).reshape(-1, models, models)
    user, provider = (_jet(e, step, stop, reward) for reward in (xi, favour))
    best = favourite_peak(user, provider, len(e), max(16, 2 * models)).reshape(*shape, 1)
    result = evaluate(chain, start, best)
    return Reply(best, result.utility, result.cost)


def stopping_reply(chain: Chain, start: Any, ties: Ties = "strong") -> Reply:
    """The best q of a user who sees which model has just failed: 0 or 1 after each model."""
    sign = tie_sign(ties)
    everywhere = np.ones(chain.success.shape, dtype=bool)
    stay, tied = _stop(chain, chain.net_value, np.zeros(chain.shape), everywhere, everywhere)
    stay, _ = _stop(chain, -sign * chain.cost, -sign * chain.penalty, stay, tied)
    q = np.where(stay, 0.0, 1.0)
    result = evaluate(chain, start, q)
    return Reply(q, result.utility, result.cost)


def stopping_payoffs(game: Game, route: Any, cascade: Any, leave_1: Any, leave_2: Any) -> Payoffs:
    """Payoffs of (i, s) if the user leaves with different probabilities after M1 and after M2.

    Args:
        game: a single game.
        route: i, 1 or 2.
        cascade: s in [0, 1].
        leave_1: q after a failed pass of M1.
        leave_2: q after one of M2.
    """
    route, cascade, *leave = np.broadcast_arrays(route, cascade, leave_1, leave_2)
    start = np.stack([route == 1, route == 2], axis=-1)
    return evaluate(Chain.of(game, cascade), start, np.stack(leave, axis=-1))


def stopping_regret(game: Game, route: Any, cascade: Any, leave_1: Any, leave_2: Any) -> Any:
    """The utility that such a user loses, who sees the model: at least 0; arguments as above."""
    best = stopping_reply(Chain.of(game, cascade), 1).abandon
    most = stopping_payoffs(game, route, cascade, best[..., 0], best[..., 1]).utility
    got = stopping_payoffs(game, route, cascade, leave_1, leave_2).utility
    return plain(np.maximum(np.subtract(most, got), 0.0))


def round_reply(rounds: Sequence[Chain], start: Any, ties: Ties = "strong") -> Reply:
    """The best q of each round, for a user who counts rounds but does not see the model.

    Rounds are those of `unroll`.
    """
    sign = tie_sign(ties)
    check_rounds(rounds)
    *passing, tail = rounds
    weight = rounds[0].start(start)  # of being served by j in this round
    shape = np.broadcast_shapes(weight.shape, *(chain.success.shape for chain in rounds))
    weight = np.broadcast_to(weight, shape)
    utility, gross, cost = (np.zeros(weight.shape[:-1]) for _ in range(3))
    options = []  # (U, J) of leaving after each round
    for chain in passing:
        utility = utility + (weight * chain.net_value).sum(axis=-1)
        gross = gross + (weight * np.abs(chain.net_value)).sum(axis=-1)
        cost = cost + (weight * chain.cost).sum(axis=-1)
        options.append((utility, cost + chain.penalty * (weight * chain.failure).sum(axis=-1)))
        weight = (weight[..., None, :] @ chain.step)[..., 0, :]
    total = weight.sum(axis=-1)
    sure = weight / np.where(total > 0, total, 1.0)[..., None]
    # nobody gets there if some pass succeeds surely
    sure = np.where(total[..., None] > 0, sure, tail.start(1))
    last = single_reply(tail, sure, ties)
    options.append((utility + total * last.utility, cost + total * last.cost))
    utilities, costs = (np.stack(column) for column in zip(*options, strict=True))
    best = utilities.max(axis=0)
    gross = gross + total * (visits(tail, sure, last.abandon) * np.abs(tail.net_value)).sum(axis=-1)
    missed = best - utilities > TIE * gross
    costs_of_best = np.where(missed, np.inf, sign * costs)
    favourite = costs_of_best.min(axis=0)
    equals = costs_of_best <= favourite + TIE * np.abs(favourite)
    # of equals the latest: far rounds differ by rounding only
    choice = len(passing) - equals[::-1].argmax(axis=0)
    leaves_after = np.arange(len(rounds)) >= choice[..., None]
    q = np.where(leaves_after, 1.0, 0.0)
    q[..., -1] = np.where(choice == len(passing), last.abandon[..., 0], 1.0)
    chosen = (np.take_along_axis(x, choice[None], axis=0)[0] for x in (utilities, costs))
    return Reply(q, *(plain(x) for x in chosen))


class Optimum(NamedTuple):
    """The provider's best member of a family of chains."""

    start: int
    """The model that serves first."""
    parameter: float
    """s, the member of the family."""
    cost: float
    """J there."""
    utility: float
    """U there."""
    abandon: Array
    """q there, as the reply gives it."""


def cheapest(
    family: Callable[[Array], Any],
    reply: Callable[[Any, int], Reply],
    starts: Sequence[int] = (1,),
    low: float = 0.0,
    high: float = 1.0,
    pieces: int = 8,
) -> Optimum:
    """The provider's optimum over first models and a family of commitments with one parameter s.

    J can jump where the reply does: each of ``pieces`` intervals is searched by `least`, which
    closes in on a cliff from its better side.

    Args:
        family: takes an array of s and returns chains of that shape (or rounds of them, for
            `round_reply`).
        reply: `single_reply`, `stopping_reply` or `round_reply`.
        starts: the models to try as the first.
        low: least s.
        high: largest s.
        pieces: number of intervals.

    Raises:
        ValueError: no first model to try, no interval, or ``low`` exceeds ``high``.
    """
    require(len(starts) > 0, "the number of starts", len(starts), "be at least 1")
    pieces = whole("pieces", pieces, at_least=1)
    require(low <= high, "low", low, f"be at most high = {high:g}")
    edges = np.linspace(low, high, pieces + 1)

    def search(start: int) -> tuple[float, float]:
        def cost_at(s: Array) -> Array:
            return np.asarray(reply(family(s), start).cost)

        s, cost = least(cost_at, edges[:-1], edges[1:], 33, 12)
        best = int(np.argmin(cost))
        return float(cost[best]), float(s[best])

    (_, s), start = min((search(start), start) for start in starts)
    answer = reply(family(np.asarray(s)), start)
    return Optimum(start, s, float(answer.cost), float(answer.utility), answer.abandon)


class StoppingEquilibrium(NamedTuple):
    """The Stackelberg equilibrium of two models against a user who sees which model failed."""

    rule: Any
    """Kind of optimum, as in `RULES`."""
    route: Any
    """i, 1 or 2."""
    cascade: Any
    """The smallest optimal s; 0 on route 2, where it is free."""
    cost: Any
    """J*, ties broken for the provider."""


def solve_stopping(game: Game) -> StoppingEquilibrium:
    """The provider's optimum over (i, s) if the user sees the model, for every game in ``game``.

    After M2 the user stays iff xi2 >= 0, after M1 iff (1-s) xi1 + s W2 >= 0 with W2 = xi2/p2 if xi2
    >= 0, else xi2: iff s >= s0 if xi1 < 0 < xi2, iff s <= s_H if xi1 > 0 > xi2. There J1(s) = (c1 +
    k1 s l2) / (p1 + k1 s) lies between cp1 and l2, so J* = min(cp1, l1, l2): s_L and its cascade
    are gone. The other regimes are as in `solve`.
    """
    (xi1, xi2), (cp1, cp2), (l1, l2) = game.net_value, game.cost_of_pass, game.leaving_cost
    s0, _, s_high = (np.nan_to_num(s) for s in thresholds(game))
    k1, shape = game.failure[0], game.shape
    at_s0 = (game.cost[0] + k1 * s0 * cp2) / (game.success[0] + k1 * s0)
    rows = (  # in order of route and s, so that the first of equals is the smallest
        ("stay-1", xi1 >= 0, 1, 0.0, cp1),
        ("leave-1", (xi1 <= 0) | (xi2 <= 0), 1, s_high, l1),
        ("s0", (xi1 < 0) & (xi2 >= 0), 1, s0, at_s0),
        ("stay-2", xi2 >= 0, 2, 0.0, cp2),
        ("leave-2", xi2 <= 0, 2, 0.0, l2),
    )
    rule, available, route, s, cost = (
        np.stack([np.broadcast_to(x, shape) for x in column]) for column in zip(*rows, strict=True)
    )
    cost = np.where(available, cost, np.inf)
    least_cost = cost.min(axis=0)
    pick = np.argmax(cost <= least_cost + TIE * np.abs(least_cost), axis=0)[None]
    chosen = (np.take_along_axis(x, pick, axis=0)[0] for x in (rule, route, s, cost))
    return StoppingEquilibrium(*(plain(x) for x in chosen))


def _burden(chain: Chain) -> Array:
    """Eta, (..., N), with J = P/delta + n.eta for a single q.

    Every pass but the first follows a stay, so sum n = 1 + delta n.(k (1 - q)).
    """
    fee = chain.penalty * (1 - chain.discount) / chain.discount
    return np.asarray(chain.cost - chain.penalty[..., None] * chain.success - fee[..., None])


def _jet(start: Array, step: Array, stop: Array, reward: Array) -> Jet:
    """N.reward as a function of one q: its jets, for `peaks`.

    With G = (I - x M)^(-1) the m-th derivative of e'G reward is m! e'(G M)^m G reward. Step is
    (B, N, N), the rest (B, N).
    """
    signed = np.stack([np.maximum(reward, 0), np.maximum(-reward, 0)], axis=-1)

    def jet(owner: Array, q: Array) -> Array:
        stay, m = 1 - q, step[owner]
        g = absorbing.fundamental(stay[:, None, None] * m, q[:, None] + stay[:, None] * stop[owner])
        row, signed_of = start[owner][:, None], signed[owner]
        jets = np.empty((4, 2, q.size))
        for order, factorial in enumerate((1, 1, 2, 6)):
            row = row @ g
            jets[order] = factorial * (row @ signed_of)[:, 0].T
            row = row @ m
        return jets

    return jet


def _stop(
    chain: Chain,
    reward: Array,
    leave: Array,
    stay: Array,
    free: Array,
) -> tuple[Array, Array]:
    """(stay, tied): policy iteration on X = reward + k (delta R X if staying else leave).

    It chooses where ``free``. A gain is a tie if it is 0 up to the rounding of what it sums.

    Staying once right stays right as X rises, so N + 2 sweeps suffice.
    """
    left = chain.failure * leave[..., None]
    for _ in range(chain.models + 2):
        stop = np.where(stay, chain.stop, 1.0)
        goes_on = absorbing.fundamental(stay[..., None] * chain.step, stop)
        gains = np.stack([reward, np.where(stay, 0.0, left)], axis=-1)
        ahead = chain.step @ goes_on
        x, gross = (ahead @ part.sum(axis=-1)[..., None] for part in (gains, np.abs(gains)))
        gain = x[..., 0] - left
        tied = np.abs(gain) <= TIE * (gross[..., 0] + np.abs(left))
        better = np.where(free & ~tied, gain > 0, stay)
        if np.array_equal(better, stay):
            break
        stay = better
    return stay, tied & free
