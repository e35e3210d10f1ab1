"""What the provider can bring about, whatever the penalty is.

The kinds of optimum of `kinds.RULES` do not depend on P: which of them the user allows depends
on the signs of xi alone. P only says which is cheapest. So a question in which the penalty is not a
given number (how much is a subscriber worth? what if each task costs another penalty?) still has
its answer among the same seven commitments,

    stay-1 (1, 0)   s_L (1, s_L)   interior   leave-1 (1, 0) or (1, s_H)   s0 (1, s0)
    stay-2 (2, .)   leave-2 (2, .)

each with what it costs to serve, C, and the chance that the task is abandoned, A = 1 - S. For every
real P, even a negative one, C + P A is least at one of them. (Theorems 3 to 5, completed; the proof
in docs/theory.md nowhere uses P > 0. `subscription`, `remedies` and `fading` stand on it.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from routing_game.theory.game import Game
from routing_game.theory.kinds import RULES
from routing_game.theory.numbers import Array, Real, least, plain, tied
from routing_game.theory.payoffs import payoffs
from routing_game.theory.user import best_response, thresholds

Charge = Callable[[Any, Any], Any]
"""What the provider minimises, from C and A; see `choose`."""

_STAY1, _S_LOW, _INTERIOR, _LEAVE1, _S0, _STAY2, _LEAVE2 = range(len(RULES))
_NAMES = np.array(list(RULES))


class Offer(NamedTuple):
    """One commitment of the menu and what it brings; each a number, or one per game."""

    kind: Any
    """Index in `RULES`."""
    route: Any
    """i, 1 or 2."""
    cascade: Real
    """s; 0 on route 2, where it is free."""
    abandon: Real
    """q, the user's reply."""
    service_cost: Real
    """C, the money for passes of one task."""
    abandonment: Real
    """A = 1 - S, the chance that a task is abandoned; exactly 0 if the user stays."""
    utility: Real
    """U, the user's utility of one task."""

    @property
    def rule(self) -> Any:
        """The kind in words; a key of `RULES`."""
        return plain(_NAMES[self.kind])


def choose(game: Game, charge: Charge, mixed: bool = True) -> Offer:
    """The offer of least charge; of those that tie, the first in the order of `RULES`.

    Args:
        game: one game, or an array of them; its penalty counts only if ``charge`` uses it.
        charge: what the provider minimises, from arrays of C and A to one number each: C + P A, or
            any ratio (C - x) / (y + z A) with y, y + z > 0, which is least where C + P A is, at a P
            of its own.
        mixed: whether commitments that provoke a mixed reply count. They can only matter where
            p1 > p2.
    """
    offers = [*_offers(game)]
    if mixed and np.any(game.success[0] > game.success[1]):
        offers.insert(_INTERIOR, _mixed(game, charge))
    charges = [(there, charge(o.service_cost, o.abandonment)) for there, o in offers]
    rows = [np.broadcast_to(np.where(there, x, np.inf), game.shape) for there, x in charges]
    cost = np.stack(rows)
    best = np.argmax(cost <= tied(cost.min(axis=0)), axis=0)[None]
    columns = zip(*(offer for _, offer in offers), strict=True)
    return Offer(*(plain(_pick(column, best, game.shape)) for column in columns))


def _offers(game: Game) -> list[tuple[Any, Offer]]:
    """(available, offer) of the six pure kinds."""
    s0, s_low, s_high = (np.nan_to_num(s) for s in thresholds(game))
    places = (
        (_STAY1, 1, 0.0, 0.0),
        (_S_LOW, 1, s_low, 0.0),
        (_LEAVE1, 1, s_high, 1.0),
        (_S0, 1, s0, 0.0),
        (_STAY2, 2, 0.0, 0.0),
        (_LEAVE2, 2, 0.0, 1.0),
    )
    return [_offer(game, *place) for place in places]


def _offer(game: Game, kind: int, route: int, cascade: Any, abandon: float) -> tuple[Any, Offer]:
    """Whether the user may answer (i, s) with the q of this kind, 0 or 1, and what that brings."""
    reply = best_response(game, route, cascade)
    there = np.equal(reply.low, 0.0) if abandon == 0 else np.equal(reply.high, 1.0)
    result = payoffs(game, route, cascade, abandon)
    lost = game.failure[route - 1] if abandon == 1 else np.zeros(game.shape)
    return there, Offer(kind, route, cascade, abandon, result.service_cost, lost, result.utility)


def _mixed(game: Game, charge: Charge) -> tuple[Any, Offer]:
    """The best commitment that provokes a mixed reply, by search between s_L and s_H."""
    _, s_low, s_high = thresholds(game)

    def charged(s: Array) -> Array:
        result = payoffs(game, 1, s, best_response(game, 1, s).low)
        return np.asarray(charge(result.service_cost, 1 - result.success))

    low, high = (np.broadcast_to(np.nan_to_num(s), game.shape) for s in (s_low, s_high))
    s, _ = least(charged, low, high)
    q = best_response(game, 1, s).low
    result = payoffs(game, 1, s, q)
    offer = Offer(_INTERIOR, 1, s, q, result.service_cost, 1 - result.success, result.utility)
    return (s > low) & (s < high), offer


def _pick(column: tuple[Any, ...], row: Array, shape: tuple[int, ...]) -> Array:
    """The entry of each game's row."""
    table = np.stack([np.broadcast_to(x, shape) for x in column])
    return np.asarray(np.take_along_axis(table, row, axis=0)[0])
