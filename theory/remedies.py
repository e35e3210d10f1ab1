"""What holds a provider back: a guarantee, models that the user selects, and play that can be
foreseen.

"To prevent throttling, the price of user abandonment must exceed the cost-per-pass. In practice,
this can be realized either by users proactively unsubscribing from LLM providers, by providers
voluntarily ensuring a guarantee to users, or by permitting users to opt-out of routing and
cascading by self-selecting models" (section 6). Unsubscribing is `subscription`; the other two are
here. Throughout, cp_j is the lower cost of pass, that of model j.

**A guarantee** is read as a refund r, paid by the provider for each task that the user abandons,
which is what raises the price of abandonment. The paper measures everything in one "standard
monetary unit" (section 3.1). Where V is in another unit than P, as in measured games, let one unit
of money be worth w to the user. Then

    U = V S - L + w r (1 - S) = w r + {(V - w r) S - L},   J = C + (P + r) (1 - S):

the game at **(V - w r, P + r)**, and w r more for the user. Every xi_i falls by w r p_i, so users
leave sooner.

*Theorem.* Let both models be value-dominated, and r* = max(0, cp_j - P). If w r* <= xi_j / p_j,
that is, if

    V + w P >= (t_j + w c_j) / p_j     or P >= cp_j,

then with every refund between r* and xi_j / (w p_j) the task is served by M_j until it is solved,
no throttling gains, and the refund is never paid: cost and utility are as without it. With a
smaller one, cp_j is not the least cost of a provider who may throttle. Otherwise no refund restores
that service: those that would deter make M_j not worth the wait, and one just above xi_j / (w p_j)
costs the provider *less* than serving. That is, a guarantee works exactly where solving the task is
worth its time and money to both together. (Proof: l_j < cp_j iff P + r < cp_j, and the user stays
with M_j iff xi_j' >= 0. The other model's sign does not matter: at P + r >= cp_j neither l_i is
below cp_j.)

**Self-selection** puts M1 alone and M2 alone beside the provider's own commitment, and the user
picks what it likes best. That is one model alone, so misalignment is 0 and routing ends; the
question is what it costs the provider. As a cure for throttling it works only if what is selected
cannot be slowed: if it can, slowing the better model is how the provider then steers, and every
cp_i with xi_i >= 0, l_1 and l_2 are within its reach again. This is the paper's "opt-out". (To
decline the task altogether is another thing: `welfare.participation`.)

**Predictability.** Where xi1 > 0 > xi2 the reply can be mixed, and "it may be also strategic to
avoid this regime for a provider to ensure user behavior is predictable" (section 4.1). By the
completed Theorem 5 avoiding it costs nothing if p1 <= p2. (The remedies are the paper's; what they
do is beyond it.)
"""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from routing_game.theory.game import Game
from routing_game.theory.menu import choose
from routing_game.theory.numbers import TIE, Array, Real, doubles, plain, require
from routing_game.theory.provider import solve


def guarantee(game: Game, refund: Any, worth: Any = 1.0) -> Game:
    """The game in which an abandoned task is refunded with r: the one at (V - w r, P + r).

    Its equilibrium, throttling and the rest are those under the guarantee; the user's utility is
    w r more than that game's own U.

    Args:
        game: one game, or an array of games that broadcasts against the rest.
        refund: r >= 0, in the provider's unit.
        worth: w > 0, what one unit of the provider's money is worth to the user, in the user's
            unit: 1 in the paper's common unit; seconds a dollar for the measured pairs.

    Raises:
        ValueError: a number is out of range, or w r >= V: the user would be paid for leaving.

    Example:
        >>> from routing_game.theory import throttle
        >>> cheap = Game(2, 0.5, (0.5, 0.8), (0.1, 0.3), (0.4, 0.5))
        >>> [round(throttle(guarantee(cheap, r)).gain, 3) for r in (0, 0.1, 0.125)]
        [0.025, 0.005, 0.0]
    """
    refund, worth = doubles(refund), doubles(worth)
    require(np.isfinite(refund) & (refund >= 0), "refund", refund, "be at least 0")
    require(np.isfinite(worth) & (worth > 0), "worth", worth, "be positive")
    value = np.asarray(game.value - worth * refund)
    rule = "stay positive: a refund of V or more pays the user for leaving"
    require(value > 0, "the value V - worth * refund", value, rule)
    return dataclasses.replace(game, value=value, penalty=game.penalty + refund)


def deterring_refund(game: Game, worth: Any = 1.0) -> Real:
    """The least refund with which a provider who may throttle serves as if it could not.

    r* = max(0, cp_j - P), j the model of the lower cost of pass (if they tie, the one that the
    user prefers). It is never paid. It is inf where it would make M_j not worth the wait, so that
    no refund serves the purpose, and nan where a model is latency-dominated from the start.

    Args:
        game: one game, or an array of games that broadcasts against ``worth``.
        worth: w > 0, what one unit of the provider's money is worth to the user, in the user's
            unit.

    Raises:
        ValueError: worth is not positive.
    """
    worth = doubles(worth)
    require(np.isfinite(worth) & (worth > 0), "worth", worth, "be positive")
    (xi1, xi2), (p1, p2), (cp1, cp2) = game.net_value, game.success, game.cost_of_pass
    cp = np.minimum(cp1, cp2)
    gain1, gain2 = xi1 / p1, xi2 / p2
    gain = np.where(cp1 == cp2, np.maximum(gain1, gain2), np.where(cp1 < cp2, gain1, gain2))
    least = np.maximum(0.0, cp - game.penalty)
    stays = worth * least <= gain + TIE * game.value
    refund = np.where(stays, least, np.inf)
    return plain(np.where((xi1 >= 0) & (xi2 >= 0), refund, np.nan))


@dataclass(frozen=True)
class SelfSelection:
    """What happens if the user may also pick M1 alone or M2 alone; each of the game's shape."""

    model: Any
    """1 or 2, what the user picks; if it is indifferent, what the provider likes better."""
    abandon: Any
    """q, 1 if not even that model is worth a second pass."""
    cost: Real
    """J, in the provider's unit."""
    utility: Real
    """U, the user's best over all commitments, in the user's unit."""
    price: Real
    """`cost` less J*: what it costs the provider; 0 where it and the user agree."""
    gain: Real
    """`utility` less the user's at the equilibrium."""
    throttled_cost: Real
    """J if the provider may slow what is selected, too: then the choice is the provider's."""


def self_selection(game: Game) -> SelfSelection:
    """The outcome when the user selects M1, M2 or the provider's own routing, as it likes best.

    No routing is ever strictly better for the user than one model alone, so that is what it
    selects: until the task is solved if a pass is worth its time, else for one pass.
    """
    first, second = _alone(game, 0), _alone(game, 1)
    best = np.maximum(first.utility, second.utility)
    rounding = TIE * (game.value + np.maximum(first.wait, second.wait))
    liked1, liked2 = (pick.utility >= best - rounding for pick in (first, second))
    takes2 = liked2 & (~liked1 | (second.cost < first.cost))
    cost = np.where(takes2, second.cost, first.cost)
    throttled = functools.reduce(np.minimum, (first.cost, second.cost, *game.leaving_cost))
    equilibrium = solve(game)
    return SelfSelection(
        model=plain(np.where(takes2, 2, 1)),
        abandon=plain(np.where(takes2, second.abandon, first.abandon)),
        cost=plain(cost),
        utility=equilibrium.user_best,
        price=plain(np.maximum(cost - equilibrium.cost, 0.0)),
        gain=plain(equilibrium.user_best - equilibrium.utility),
        throttled_cost=plain(np.broadcast_to(throttled, game.shape)),
    )


class _Alone(NamedTuple):
    """One model without routing, while it is worth its time; ties at xi = 0 for the provider."""

    utility: Array
    cost: Array
    abandon: Array
    wait: Array
    """The time until success, t / p."""


def _alone(game: Game, i: int) -> _Alone:
    xi, p, stays, leaves = (
        np.broadcast_to(pair[i], game.shape)
        for pair in (game.net_value, game.success, game.cost_of_pass, game.leaving_cost)
    )
    leaving = (xi < 0) | ((xi == 0) & (leaves < stays))
    utility, cost = np.where(xi > 0, xi / p, xi), np.where(leaving, leaves, stays)
    return _Alone(utility, cost, np.where(leaving, 1.0, 0.0), np.asarray(game.latency[i] / p))


def price_of_predictability(game: Game) -> Real:
    """The least J if the user's reply must be 0 or 1, less J*: 0 wherever p1 <= p2.

    A game with p1 > p2 (``ordered=False``) can have a price, found by search to about 1e-9.
    """

    def cost(service: Any, lost: Any) -> Any:
        return service + game.penalty * lost

    sure, free = choose(game, cost, mixed=False), choose(game, cost)
    price = cost(sure.service_cost, sure.abandonment) - cost(free.service_cost, free.abandonment)
    out_of_order = np.greater(game.success[0], game.success[1])
    return plain(np.where(out_of_order, np.maximum(price, 0.0), 0.0))
