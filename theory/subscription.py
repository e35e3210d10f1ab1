"""What a subscriber is worth, and so what an abandoned task costs: the penalty as the fixed point
of lost revenue.

The paper's penalty is what a user takes away who unsubscribes: "if a user abandons the task, they
may unsubscribe from the LLM service entirely with some probability, incurring an expected loss in
future revenue for every abandoned task" (section 3.1). How much future revenue that is depends on
how the provider will serve, which depends on the penalty.

Let each task bring revenue rho. After a task that was abandoned the user cancels with chance r; if
it has not, another task follows with weight g (the chance that the user brings one, times any
discount). With C_a the cost of service and A_a = 1 - S_a the chance of abandonment under a
commitment a and the user's reply to it, the lifetime value W of a subscriber obeys

    W = max_a { rho - C_a + g (1 - r A_a) W }    <=>    (1 - g) W = rho - J*(P),   P = r g W,

J*(P) = min_a { C_a + P A_a } being the game's own optimum. J* rises in P and is concave and
piecewise linear, so P - r g (rho - J*(P)) / (1 - g) rises strictly: **there is exactly one fixed
point**, whatever the game. It is the value of the best stationary policy,

    W = max_a (rho - C_a) / (1 - g + g r A_a),

a maximum over the few commitments of `menu`. Three traps:

- W of full retention, (rho - C) / (1 - g), overstates P as soon as the best policy loses users
  itself.
- P <= 0 where rho does not exceed the cheapest service: losing the user is then no loss, and there
  is no Game of it.
- At a kink of J* several commitments are optimal, at one and the same P.

**Deterrence.** "To prevent throttling, the price of user abandonment must exceed the
cost-per-pass", which "can be realized either by users proactively unsubscribing" (section 6) if
they unsubscribe often enough: a provider that serves every task until it is solved has P = r g (rho
- cp) / (1 - g), and P >= cp = min(cp1, cp2) from

    r* = cp (1 - g) / (g (rho - cp))

on. The lower the margin and the shorter the subscription, the more often users have to cancel;
where r* > 1, not even cancelling after each abandoned task deters. (The paper names the loss and
the remedy; the solution goes beyond it.)
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from routing_game.theory.game import Game
from routing_game.theory.menu import Offer, choose
from routing_game.theory.numbers import Real, alike, doubles, plain, require
from routing_game.theory.provider import Equilibrium, solve


@dataclass(frozen=True)
class Subscription:
    """How a subscriber is served best, and what that makes of an abandoned task.

    Each number is one number, or an array with one entry for each game, revenue, cancel and
    discount.
    """

    game: Game
    """The game as it was given; its own penalty plays no part."""
    penalty: Real
    """P = r g W, what an abandoned task costs; <= 0 if losing the user is no loss."""
    lifetime_value: Real
    """W, revenue less cost of service over the whole subscription, in the provider's unit."""
    lifetime: Real
    """1 / (1 - g (1 - r A)), the expected number of tasks (discounted if g is)."""
    offer: Offer
    """The optimal commitment, the user's reply, and what one task brings."""

    @property
    def rule(self) -> Any:
        """The kind of optimum; a key of `provider.RULES`."""
        return self.offer.rule

    @property
    def route(self) -> Any:
        """i, 1 or 2."""
        return self.offer.route

    @property
    def cascade(self) -> Real:
        """s; 0 on route 2, where it is free."""
        return self.offer.cascade

    @property
    def abandon(self) -> Real:
        """q, the user's reply."""
        return self.offer.abandon

    @property
    def abandonment(self) -> Real:
        """A = 1 - S, the chance that a task is abandoned."""
        return self.offer.abandonment

    @property
    def cost(self) -> Real:
        """J*(P) = C + P A, one task's cost at the fixed point, in the provider's unit."""
        return plain(self.offer.service_cost + self.penalty * self.offer.abandonment)

    @property
    def utility(self) -> Real:
        """U, the user's utility of one task, what it pays not counted; in the user's unit."""
        return self.offer.utility

    @property
    def equilibrium(self) -> Equilibrium:
        """The game at the penalty P, solved.

        Raises:
            ValueError: P <= 0 somewhere: there losing the user is no loss, and it makes no Game.
        """
        rule = (
            "be positive to make a game of it: revenue must exceed the cheapest service,"
            " and cancel and discount must not be 0"
        )
        require(np.greater(self.penalty, 0), "the penalty r g W", self.penalty, rule)
        return solve(dataclasses.replace(self.game, penalty=self.penalty))


def solve_subscription(game: Game, revenue: Any, cancel: Any, discount: Any) -> Subscription:
    """The penalty P that arises from lost revenue, and how the provider serves under it; exact.

    Args:
        game: one game, or an array of games that broadcasts against the rest; its penalty plays no
            part.
        revenue: rho >= 0, what a task brings, in the provider's unit (a month's fee over the tasks
            of a month).
        cancel: r in [0, 1], the chance that the user cancels after a task that it has abandoned.
        discount: g in [0, 1), the weight of the next task if the user has not cancelled.

    Raises:
        ValueError: a number is out of range, or shapes do not broadcast.

    Example:
        >>> from routing_game.theory import load
        >>> plan = solve_subscription(load("gpt-4.1-o3"), revenue=0.1, cancel=0.03, discount=0.995)
        >>> plan.rule, round(plan.penalty, 6), round(plan.lifetime)
        ('s_L', 0.111917, 200)
    """
    revenue, cancel, discount = (doubles(x) for x in (revenue, cancel, discount))
    require(np.isfinite(revenue) & (revenue >= 0), "revenue", revenue, "be at least 0")
    require((cancel >= 0) & (cancel <= 1), "cancel", cancel, "lie in [0, 1]")
    _check_discount(discount)
    games = _spread(game, revenue, cancel, discount)

    def staying_on(lost: Any) -> Any:
        """1 - g (1 - r A), the chance that the task is the last."""
        return 1 - discount + discount * cancel * lost

    offer = choose(games, lambda cost, lost: (cost - revenue) / staying_on(lost))
    ending = staying_on(offer.abandonment)
    worth = (revenue - offer.service_cost) / ending
    penalty = cancel * discount * worth
    return Subscription(game, plain(penalty), plain(worth), plain(1 / ending), offer)


def deterring_cancel(game: Game, revenue: Any, discount: Any) -> Real:
    """The least chance of cancelling from which on throttling gains nothing.

    r* = cp (1 - g) / (g (rho - cp)), with cp = min(cp1, cp2) if both models are value-dominated,
    and cp = cp2 if only M2 is and cp2 < cp1. It is 0 where throttling gains nothing at any penalty,
    and inf where not even cancelling for certain deters: at r = 1 a subscriber is still worth less
    than the cost of pass.

    Args:
        game: one game, or an array of games that broadcasts against the rest; its penalty plays no
            part.
        revenue: rho, what a task brings, in the provider's unit.
        discount: g in [0, 1), the weight of the next task.

    Raises:
        ValueError: discount is out of range, or shapes do not broadcast.
    """
    revenue, discount = doubles(revenue), doubles(discount)
    _check_discount(discount)
    (xi1, xi2), (cp1, cp2) = game.net_value, game.cost_of_pass
    both = np.greater(xi1, 0) & np.greater(xi2, 0)
    second = np.less_equal(xi1, 0) & np.greater(xi2, 0) & np.less(cp2, cp1)
    cp = np.where(both, np.minimum(cp1, cp2), cp2)
    with np.errstate(divide="ignore", invalid="ignore"):
        least = cp * (1 - discount) / (discount * (revenue - cp))
    reached = (revenue > cp) & (least <= 1)
    deters = np.where(both | second, np.where(reached, least, np.inf), 0.0)
    (deters,) = alike(game.shape, deters)
    return plain(deters)


def _check_discount(discount: Any) -> None:
    require((discount >= 0) & (discount < 1), "discount", discount, "lie in [0, 1)")


def _spread(game: Game, *others: Any) -> Game:
    """The games, one for each entry of what they are combined with."""
    shape = np.broadcast_shapes(game.shape, *(np.shape(x) for x in others))
    return dataclasses.replace(game, value=np.broadcast_to(game.value, shape))
