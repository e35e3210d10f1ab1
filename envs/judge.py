"""What theory says of what is played: the exact users, and the judges of `info`.

Environments play by the rules and do not know the solution. What of it they need, they ask of this
module, the only one here that may know it; a test of the imports holds them to that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from routing_game.envs.settings import setting
from routing_game.players import answer, checked_user
from routing_game.theory.belief_rules import after_reasoning
from routing_game.theory.chain import Chain
from routing_game.theory.chain_solve import single_reply
from routing_game.theory.engines import EngineName
from routing_game.theory.game import Game, check_commitment
from routing_game.theory.numbers import one
from routing_game.theory.payoffs import Payoffs, expected, payoffs
from routing_game.theory.provider import solve
from routing_game.theory.single import Single
from routing_game.theory.user import best_response, response_of, user_regret

__all__ = [
    "ExactChainUser",
    "ExactUser",
    "Prospects",
    "User",
    "after_reasoning",
    "regret_in",
    "user_regret",
]


def regret_in(game: Game) -> Callable[[int, float, float], float]:
    """`user_regret` of a single game, of one commitment and answer at a time and unchecked."""
    return Single(game).regret


class User(Protocol):
    """Anything that answers commitments with the chance of leaving after a failed pass."""

    def abandon(self, route: Any, cascade: Any) -> Any:
        """The q in [0, 1] that answers (i, s); arrays in, arrays out."""
        ...


class ExactUser:
    """The best response, ties for the provider."""

    def __init__(self, game: Game, engine: EngineName = "auto") -> None:
        self._game, self._engine = game, engine
        self.single = None if game.shape else Single(game)

    def abandon(self, route: Any, cascade: Any) -> NDArray[np.float64]:
        """q*(i, s)."""
        best = best_response(self._game, route, cascade, self._engine)
        return np.asarray(best.strong, dtype=np.float64)

    def one(self, route: int, cascade: float) -> float:
        """The same for one commitment and a single game, unchecked and many times as fast."""
        if self.single is None:
            raise ValueError("one() answers in a single game, and there are many: use abandon()")
        s = self.single.snapped(cascade)
        low, high, _ = self.single.maximiser(route, s)
        if low == high:
            return low
        return float(response_of(self.single, self._game, route, s).strong)


class ExactChainUser:
    """The best single q of any number of models, ties for the provider."""

    def abandon(self, chain: Chain, start: int) -> float:
        """The q of the best response."""
        return float(single_reply(chain, start).abandon[0])


class Prospects:
    """What theory expects of a commitment, as ``info`` tells it: q, S, L, C, U, J and regret.

    Args:
        game: a game, or an array of games.
        user: who answers; None for the exact user.
        engine: who computes the exact user's answers.
    """

    game: Game = setting("game")
    exact: ExactUser = setting("exact")
    user: User = setting("user")
    least_cost: Any = setting("least_cost")
    _exact: ExactUser
    _least_cost: Any

    def __init__(self, game: Game, user: User | None, engine: EngineName = "auto") -> None:
        self.game = game
        self.exact = ExactUser(game, engine)
        self.user = self.exact if user is None else checked_user("user", user)
        self.least_cost = solve(game, engine).cost
        self._alone = self.exact.single if self.user is self.exact else None

    def __call__(self, route: Any, cascade: Any) -> dict[str, Any]:
        """Numbers or arrays, as (i, s) are; ValueError where one of (i, s, q) is out of range."""
        return self.judge(route, cascade, self.reply(route, cascade))

    def reply(self, route: Any, cascade: Any) -> Any:
        """The user's q, in the shape of (i, s); ValueError where one of them is out of range."""
        check_commitment(route, cascade)
        if self.user is self.exact:
            return self._best(route, cascade)
        abandon = answer(self.user, route, cascade)
        check_commitment(1, 0.0, abandon)
        return abandon

    def judge(self, route: Any, cascade: Any, abandon: Any) -> dict[str, Any]:
        """What to expect of (i, s) and the reply q, as `reply` takes and gives them."""
        if self.exact.single and one(route, cascade, abandon):
            promised = expected(self.exact.single, route, cascade, abandon)
        else:
            promised = payoffs(self.game, route, cascade, abandon)
        return _told(promised, abandon, self._regret(route, cascade, promised.cost))

    def reply_to_one(self, route: int, cascade: float) -> float:
        """As `reply`, to a commitment as `proper_commitment` gives it, in a single game; faster."""
        if self._alone is None:
            return float(self.reply(route, cascade))
        return self._exact.one(route, cascade)

    def judge_one(self, route: int, cascade: float, abandon: float) -> dict[str, Any]:
        """As `judge`, of what `reply_to_one` takes and gives."""
        if self._alone is None:
            return self.judge(route, cascade, abandon)
        promised = expected(self._alone, route, cascade, abandon)
        return _told(promised, abandon, promised.cost - self._least_cost)

    def _regret(self, route: Any, cascade: Any, cost: Any) -> Any:
        """J of (i, s) against the exact user, which is ``cost`` if that one plays, minus J*."""
        if self.user is not self.exact:
            cost = payoffs(self.game, route, cascade, self._best(route, cascade)).cost
        return cost - self.least_cost

    def _best(self, route: Any, cascade: Any) -> Any:
        """The exact user's q: a number for numbers."""
        if self.exact.single and one(route, cascade):
            return self.exact.one(int(route), float(cascade))
        return self.exact.abandon(route, cascade)


def _told(promised: Payoffs, abandon: Any, regret: Any) -> dict[str, Any]:
    """Under the names that infos have."""
    solved, latency, service_cost, utility, cost = promised
    return {
        "S": solved,
        "L": latency,
        "C": service_cost,
        "U": utility,
        "J": cost,
        "abandon": abandon,
        "regret": regret,
    }
