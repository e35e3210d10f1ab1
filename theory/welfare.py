"""Who pays for the disagreement: throttling, users who may decline, cascades that are not seen.

Misalignment itself, Delta_U, is part of every `Equilibrium`.
(Sections 5 and 6 of the paper, completed. To decline a task goes beyond it; so does what follows
from a hidden s, which section 7 names.)
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from routing_game.theory.game import Game
from routing_game.theory.numbers import ROUNDING, Array, Real, difference, double, plain, tied
from routing_game.theory.payoffs import payoffs
from routing_game.theory.provider import interior_optimum, may_mix, solve
from routing_game.theory.simultaneous import simultaneous
from routing_game.theory.user import thresholds


@dataclass(frozen=True)
class Throttling:
    """The best the provider can do if it may also slow its models down."""

    cost: Real
    """J* at the best latencies, in the provider's unit."""
    gain: Real
    """J* without throttling, less `cost`; at least 0."""
    latency: Real
    """The latency t2 = V p2 from which on M2 is slow enough; nan where throttling gains nothing."""


def throttle(game: Game) -> Throttling:
    """Optimal throttling: the least J* over all latencies not below the game's own.

    A model worth waiting for can be made not worth it, never the reverse. With both value-dominated
    that adds both leaving costs to the provider's menu, and slowing M2 alone reaches either; with
    xi1 < 0 < xi2 it adds l2; in the other regimes it gains nothing. The gain is convex and
    piecewise linear in P, with a kink at d if cp1 > cp2.
    """
    (xi1, xi2), (l1, l2) = game.net_value, game.leaving_cost
    cost = solve(game).cost
    either = np.where(xi1 >= 0, np.minimum(l1, l2), l2)  # what slowing M2 down adds
    gain = np.where(xi2 >= 0, np.maximum(difference(cost, either), 0.0), 0.0)
    latency = np.where(gain > 0, game.value * game.success[1], np.nan)
    return Throttling(plain(np.where(gain > 0, either, cost)), plain(gain), plain(latency))


class ForcedThrottling(NamedTuple):
    """The least J* if a model must be too slow to wait for, at whatever latency with xi_i < 0."""

    first: Real
    """M1 is slowed."""
    second: Real
    """M2 is slowed."""
    both: Real
    """Both are."""


def throttling_gain(game: Game, latency: tuple[Any, Any]) -> Any:
    """J* of the game less J* with latencies (t1, t2): what slowing down to there gains or costs.

    Args:
        game: one game, or an array of games that broadcasts against the latencies.
        latency: (t1, t2), each at least the game's own; numbers or arrays.

    Raises:
        ValueError: a latency lies below the game's own.
    """
    latency = tuple(double(t) for t in latency)
    for i, (slow, own) in enumerate(zip(latency, game.latency, strict=True), start=1):
        if np.any(np.less(slow, own)):
            raise ValueError(
                "throttling can only slow a model down: "
                f"latency of model {i} lies below the game's own"
            )
    ordered = bool(game.ordered and np.all(np.less(*latency)))
    slower = dataclasses.replace(game, latency=latency, ordered=ordered)
    return plain(difference(solve(game).cost, solve(slower).cost))


def forced_throttling(game: Game) -> ForcedThrottling:
    """The infimum of J* over all latencies at which M1, M2, or both are latency-dominated.

    With both slowed the user leaves. With one slowed the threshold, s0 or s_L, is best at the
    game's own latency, or as xi_i falls to 0, where s0 = 0 (1 if xi2 = 0) and s_L = 1
    (0 if xi1 = 0); more only moves it the wrong way. So does it with a mixed reply, worth provoking
    only if p1 > p2: at a given q the cost is monotone in s, and a slower M2 only lowers the largest
    s at which the user answers with q. In the limit itself the model is not yet dominated, so the
    infimum need not be attained.
    """
    (xi1, xi2), (cp1, cp2), (l1, l2) = game.net_value, game.cost_of_pass, game.leaving_cost
    s0, s_low, _ = thresholds(game)
    both = np.minimum(l1, l2)
    at_s0 = payoffs(game, 1, np.where(xi1 < 0, np.nan_to_num(s0), xi2 == 0), 0.0).cost
    at_s_low = payoffs(game, 1, np.where(xi2 < 0, np.nan_to_num(s_low), xi1 != 0), 0.0).cost
    first = np.where(xi2 >= 0, np.minimum(np.minimum(l1, cp2), at_s0), both)
    first = np.where(xi2 == 0, np.minimum(first, l2), first)
    mixed = interior_optimum(game)[1] if may_mix(game) else np.inf
    second = np.minimum(np.minimum(cp1, at_s_low), np.minimum(both, mixed))
    second = np.where(xi1 >= 0, second, both)
    return ForcedThrottling(*(plain(np.broadcast_to(x, game.shape)) for x in (first, second, both)))


def observability(game: Game) -> tuple[Real, Real]:
    """(low, high) of what it is worth to the provider that the user sees s: hidden J less J*.

    An interval, because play with s hidden can have several outcomes; see `simultaneous`.
    """
    hidden, cost = simultaneous(game), solve(game).cost
    low, high = (plain(difference(x, cost)) for x in (hidden.lowest, hidden.highest))
    return low, high


@dataclass(frozen=True)
class Participation:
    """The provider's optimum if the user may decline the task before its first pass."""

    threshold: Real
    """s_IR, the least s at which route 1 is worth starting (above 1: never); if xi1 < 0 < xi2."""
    route: Any
    """i of the optimum; 0 where every commitment is declined."""
    cascade: Real
    """The smallest optimal s; 0 on route 2, where it is free."""
    cost: Real
    """J there; inf where every commitment is declined."""


def participation(game: Game) -> Participation:
    """The cheapest commitment that a user accepts who starts only what is worth at least 0.

    At (1, s0) the user's utility is xi1 < 0, so the right to decline moves the cascade from s0 up
    to s_IR. (The paper's "opt-out" is another: there the user selects the model, see
    `remedies.self_selection`.)
    """
    (xi1, xi2), cp2, (l1, l2) = game.net_value, game.cost_of_pass[1], game.leaving_cost
    _, s_low, s_high = thresholds(game)
    s_ir = _worth_starting(game)
    accepts = (xi1 >= 0) | (s_ir <= 1)  # xi1 >= 0: at worst the user leaves at once, with xi1
    s_stay = np.where((xi1 < 0) & accepts, s_ir, 0.0)
    leave_from = np.where(np.isnan(s_high), 0.0, s_high)
    s_reach = np.where(np.isnan(s_low), 0.0, s_low)
    s_mixed, j_mixed = interior_optimum(
        game
    )  # without (2, .), a mixed reply can be the best to be had
    rows = (  # accepted, route, s, cost
        (accepts, 1, s_stay, payoffs(game, 1, s_stay, 0.0).cost),
        ((xi1 >= 0) & (xi2 <= 0), 1, s_reach, payoffs(game, 1, s_reach, 0.0).cost),
        (np.isfinite(j_mixed), 1, np.nan_to_num(s_mixed), j_mixed),
        ((xi1 >= 0) & (xi2 <= 0), 1, leave_from, l1),
        ((xi1 == 0) & (xi2 >= 0), 1, 0.0, l1),
        (xi2 >= 0, 2, 0.0, cp2),
        (xi2 == 0, 2, 0.0, l2),
    )
    accepted, route, cascade, cost = (
        np.stack([np.broadcast_to(x, game.shape) for x in column])
        for column in zip(*rows, strict=True)
    )
    cost = np.where(accepted, cost, np.inf)
    best = np.argmax(cost <= tied(cost.min(axis=0)), axis=0)[None]
    route, cascade, cost = (np.take_along_axis(x, best, axis=0)[0] for x in (route, cascade, cost))
    possible = np.isfinite(cost)
    route, cascade = np.where(possible, route, 0), np.where(possible, cascade, 0.0)
    return Participation(plain(s_ir), plain(route), plain(cascade), plain(cost))


def _worth_starting(game: Game) -> Array:
    """s_IR, of game.shape; exactly 1 where it is 1 up to rounding."""
    (xi1, xi2), k1, p2 = game.net_value, game.failure[0], game.success[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        s_ir = np.where((xi1 < 0) & (xi2 > 0), -xi1 * p2 / (k1 * xi2), np.nan)
        doubt1, doubt2 = (
            np.abs(np.divide(t, xi)) for t, xi in zip(game.latency, game.net_value, strict=True)
        )
        slack = ROUNDING * (1 + 1 / k1 + doubt1 + doubt2)
    s_ir = np.where(np.abs(s_ir - 1) <= slack, 1.0, s_ir)
    return np.array(np.broadcast_to(s_ir, game.shape))
