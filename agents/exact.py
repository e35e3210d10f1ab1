"""Agents that do not learn: the theory's own policies, fixed ones and a noisy user."""

from math import inf
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from routing_game.agents.protocol import Abandon
from routing_game.theory import Commitment, Game, Task, best_response, payoffs, solve
from routing_game.theory.chain import Chain
from routing_game.theory.chain_solve import stopping_reply
from routing_game.theory.numbers import require

Ties = Literal["strong", "weak"]


class FixedProvider:
    """Always the same commitment (i, s)."""

    def __init__(self, route: int, cascade: float) -> None:
        if route not in (1, 2) or not 0.0 <= cascade <= 1.0:
            raise ValueError(
                f"a commitment is a route 1 or 2 and a cascade in [0, 1], got ({route}, {cascade})"
            )
        self._commitment = Commitment(route, cascade)

    def act(self) -> Commitment:
        """The fixed commitment."""
        return self._commitment

    def update(self, commitment: Commitment, task: Task) -> None:
        """Learn nothing."""

    def recommend(self) -> Commitment:
        """The fixed commitment."""
        return self._commitment


class EquilibriumProvider(FixedProvider):
    """The Stackelberg optimum against the exact user; of an interval of optimal s, the smallest."""

    def __init__(self, game: Game) -> None:
        equilibrium = solve(game)
        super().__init__(int(equilibrium.route), float(equilibrium.cascade[0]))


class FixedUser:
    """Leaves after each failure with the same chance q, whatever the provider commits to."""

    def __init__(self, q: float) -> None:
        if not 0.0 <= q <= 1.0:
            raise ValueError(f"q is a probability in [0, 1], got {q}")
        self._q = q

    def abandon(self, route: ArrayLike, cascade: ArrayLike) -> Abandon:
        """The fixed q, in the broadcast shape of the arguments."""
        shape = np.broadcast_shapes(np.shape(route), np.shape(cascade))
        return np.full(shape, self._q)


class BestResponseUser:
    """The exact user: of the best q, the best (strong ties) or worst (weak) for the provider."""

    def __init__(self, game: Game, ties: Ties = "strong") -> None:
        self._game, self._ties = game, _checked(ties)

    def abandon(self, route: ArrayLike, cascade: ArrayLike) -> Abandon:
        """q*(i, s)."""
        answer = best_response(self._game, route, cascade)
        q = answer.strong if self._ties == "strong" else answer.weak
        return np.asarray(q, dtype=np.float64)


class StoppingUser:
    """The exact user who sees which model failed: optimal stopping, so each answer is 0 or 1.

    After M2 it stays if xi2 > 0; after M1 if s > s0 in regime -+, and if s < s_H in regime +-.
    """

    def __init__(self, game: Game, ties: Ties = "strong") -> None:
        self._game, self._ties = game, _checked(ties)

    def abandon_after(self, route: ArrayLike, cascade: ArrayLike, model: ArrayLike) -> Abandon:
        """0 where staying is optimal, 1 where leaving is; the route no longer matters."""
        _, cascade, model = np.broadcast_arrays(route, cascade, model)
        answer = stopping_reply(Chain.of(self._game, cascade), 1, self._ties).abandon
        after1, after2 = answer[..., 0], answer[..., 1]
        return np.asarray(np.where(model == 1, after1, after2), dtype=np.float64)


class QuantalUser:
    """A noisy user: the mean q of the Gibbs distribution exp(U(i, s, q) / temperature).

    As the temperature (in units of U) falls to 0 the answer tends to the best response; as it
    grows, to 1/2.
    """

    def __init__(self, game: Game, temperature: float) -> None:
        rule = "be positive and finite, in units of U"
        require(0 < temperature < inf, "temperature", temperature, rule)
        self._game, self._temperature = game, temperature
        self._grid = np.linspace(0.0, 1.0, 513)

    def abandon(self, route: ArrayLike, cascade: ArrayLike) -> Abandon:
        """The mean noisy answer to each commitment."""
        route = np.asarray(route)[..., None]
        cascade = np.asarray(cascade, dtype=np.float64)[..., None]
        utility = payoffs(self._game, route, cascade, self._grid).utility
        short = utility - utility.max(axis=-1, keepdims=True)
        weight = np.exp(short / self._temperature)
        total = (weight * self._grid).sum(axis=-1)
        return np.asarray(total / weight.sum(axis=-1))


def _checked(ties: Ties) -> Ties:
    if ties not in ("strong", "weak"):
        raise ValueError(
            f"ties are broken 'strong' (for the provider) or 'weak' (against it), got {ties!r}"
        )
    return ties
