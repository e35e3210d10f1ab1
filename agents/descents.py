"""Gradient descent on known games, many cells at once; `gradient` has it for a single game.

A row of every array is a cell, and no operation mixes rows. On route 1 each cell descends from many
s at once, in log odds z = log(s / (1-s)): the s that matter may be 1e-4 or 1 - 1e-4. Route 2 has no
s. At the end every s, and route 2, is valued at the exact user's answer, and the cheapest is
recommended: the provider knows the game, so it need not trust its own idea of the user. The solver
of the game is never called.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from routing_game.agents.arguments import require_counts, require_positive
from routing_game.agents.log_odds import cascades_at
from routing_game.agents.slopes import Charges, cost_slopes, reasoning_slope, user_slopes
from routing_game.agents.stacked import Array, IntArray
from routing_game.theory import Game, best_response, payoffs

FARTHEST = 25.0
"""The largest log odds, either way; they stand for s = 1 and 0 themselves."""
WIDEST = 12.0
"""Descents begin within these log odds."""
ASIDE = np.concatenate([[0.0], *(sign * np.logspace(-12, -1, 12) for sign in (1.0, -1.0))])
"""Steps in z from where a descent ended that are tried before one commits: a user who is all but
indifferent there may be won over at little cost."""


class Descents(ABC):
    """Providers that each descend the cost of their own game from many s.

    Args:
        games: one for each cell.
        rngs: of the cells; each draws where its descents begin, spread evenly in z.
        starts: how many descents.
        iterations: steps of each.
    """

    def __init__(
        self,
        games: Sequence[Game],
        rngs: Sequence[np.random.Generator],
        *,
        starts: int,
        iterations: int,
    ) -> None:
        require_counts(starts=starts, iterations=iterations)
        self._games = Game.stack(games)[:, None]
        self._iterations = iterations
        drawn = np.stack([rng.uniform(size=starts) for rng in rngs])
        self._z = WIDEST * (2 * (np.arange(starts) + drawn) / starts - 1)

    def train(self) -> Iterator[int]:
        """Descend; after each step yield the number of steps so far."""
        for iteration in range(1, self._iterations + 1):
            self._step(iteration)
            yield iteration

    @abstractmethod
    def _step(self, iteration: int) -> None:
        """Move every z."""

    def recommend(self) -> tuple[IntArray, Array]:
        """The routes and the cascades (cells,) that cost least against the exact users."""
        tried = np.clip(self._z[:, :, None] + ASIDE, -FARTHEST, FARTHEST)
        s = cascades_at(tried.reshape(len(tried), -1), FARTHEST)
        answer = best_response(self._games, 1, s).strong
        first = np.asarray(payoffs(self._games, 1, s, answer).cost)
        answer = best_response(self._games, 2, 0.0).strong
        second = np.asarray(payoffs(self._games, 2, 0.0, answer).cost)[:, 0]
        best = first.argmin(axis=1)
        rows = np.arange(len(best))
        on_2 = second < first[rows, best]
        return np.where(on_2, 2, 1), np.where(on_2, 0.0, s[rows, best])


class GibbsDescents(Descents):
    """Against a user who plays q with a probability proportional to exp(U / temperature), cooling.

    Steps are Rprop's: they follow the sign of the slope, grow while it stays and shrink when it
    turns, so that cliffs do not throw them off.

    Args:
        games: one for each cell.
        rngs: of the cells.
        starts: descents of each.
        iterations: steps of each.
        hot: first temperature, in units of V.
        cold: last temperature.
    """

    GROW, SHRINK = 1.2, 0.5
    LEAST, MOST = 1e-12, 0.5

    def __init__(
        self,
        games: Sequence[Game],
        rngs: Sequence[np.random.Generator],
        *,
        starts: int = 16,
        iterations: int = 400,
        hot: float = 0.01,
        cold: float = 1e-7,
    ) -> None:
        super().__init__(games, rngs, starts=starts, iterations=iterations)
        require_positive(hot=hot, cold=cold)
        self._temperatures = np.geomspace(hot, cold, iterations)
        self._pace = np.full_like(self._z, 0.1)
        self._turn = np.zeros_like(self._z)
        # Squares: the user starts to leave from q = 0, so the grid is finest there.
        q = np.linspace(0.0, 1.0, 65) ** 2
        game = Game.stack(games)[:, None, None]
        (p1, p2), (k1, k2), (xi1, xi2) = game.success, game.failure, game.net_value
        charges = Charges.of(game, q)
        beta = 1 / (p2 + k2 * q)
        # U = (xi1 + s won) / D and J = (e1 + s paid) / D with D = ends + s takes
        self._ends, self._takes = p1 + k1 * q, k1 * (1 - q)
        self._net, self._won = xi1 / game.value, self._takes * beta * xi2 / game.value
        self._charge, self._paid = charges.standard, self._takes * beta * charges.reasoning

    def _step(self, iteration: int) -> None:
        turn = np.sign(self._slope(float(self._temperatures[iteration - 1])))
        same = turn * self._turn
        scale = np.where(same > 0, self.GROW, np.where(same < 0, self.SHRINK, 1.0))
        self._pace = np.clip(self._pace * scale, self.LEAST, self.MOST)
        self._turn = np.where(same < 0, 0.0, turn)
        self._z = np.clip(self._z - self._pace * self._turn, -FARTHEST, FARTHEST)

    def _slope(self, temperature: float) -> Array:
        """dJ/ds against the Gibbs user, shape (cells, starts)."""
        s = cascades_at(self._z, FARTHEST)[..., None]
        n1 = 1 / (self._ends + s * self._takes)
        utility = n1 * (self._net + s * self._won)
        cost = n1 * (self._charge + s * self._paid)
        weight = np.exp((utility - utility.max(axis=-1, keepdims=True)) / temperature)
        weight /= weight.sum(axis=-1, keepdims=True)
        utility_s = n1 * (self._won - self._takes * utility)
        cost_s = n1 * (self._paid - self._takes * cost)
        excess = cost - (weight * cost).sum(axis=-1, keepdims=True)
        return np.asarray((weight * (cost_s + utility_s * excess / temperature)).sum(axis=-1))


class ImplicitDescents(Descents):
    """By the total derivative of a leader, dJ/ds + dJ/dq dq*/ds with dq*/ds = -U_qs / U_qq.

    No slope shows the cliff where q* jumps. So a step is taken only if it pays, and q* does not
    leap on the way; else the descent stays where it was, and tries half of it. It ends at the edge.

    Args:
        games: one for each cell.
        rngs: of the cells.
        starts: descents of each.
        iterations: steps tried by each.
    """

    GROW, SHRINK = 1.5, 0.5
    LEAST, MOST = 1e-14, 2.0
    LEAP = 0.5
    NEWTON = 12

    def __init__(
        self,
        games: Sequence[Game],
        rngs: Sequence[np.random.Generator],
        *,
        starts: int = 16,
        iterations: int = 400,
    ) -> None:
        super().__init__(games, rngs, starts=starts, iterations=iterations)
        self._grid = np.linspace(0.0, 1.0, 33) ** 2
        self._wide = Game.stack(games)[:, None, None]
        self._pace = np.full_like(self._z, 0.5)
        self._cost, self._leave, self._turn = self._look(self._z)

    def _step(self, iteration: int) -> None:
        tried = np.clip(self._z - self._pace * self._turn, -FARTHEST, FARTHEST)
        cost, leave, turn = self._look(tried)
        pays = (cost < self._cost) & (np.abs(leave - self._leave) <= self.LEAP)
        self._z = np.where(pays, tried, self._z)
        self._cost = np.where(pays, cost, self._cost)
        self._leave = np.where(pays, leave, self._leave)
        self._turn = np.where(pays, turn, self._turn)
        scale = np.where(pays, self.GROW, self.SHRINK)
        self._pace = np.clip(self._pace * scale, self.LEAST, self.MOST)

    def _look(self, z: Array) -> tuple[Array, Array, Array]:
        """J against the user's answer, q*, and the sign of dJ/ds, each of shape (cells, starts)."""
        s = cascades_at(z, FARTHEST)
        q, inside = self._follow(s)
        user, provider = user_slopes(self._games, s, q), cost_slopes(self._games, s, q)
        bent = inside & (user.qq < 0)
        follows = np.where(bent, -user.qs / np.where(bent, user.qq, -1.0), 0.0)
        cost = np.asarray(payoffs(self._games, 1, s, q).cost)
        return cost, q, np.sign(provider.s + provider.q * follows)

    def _follow(self, s: Array) -> tuple[Array, NDArray[np.bool_]]:
        """q*, and where it lies inside (0, 1): the best q on a grid, then roots of U_q about it."""
        grid, last = self._grid, len(self._grid) - 1
        utility = np.asarray(payoffs(self._wide, 1, s[..., None], grid).utility)
        best = utility.argmax(axis=-1)
        q = grid[best]
        low = grid[np.maximum(best - 1, 0)]
        high = grid[np.minimum(best + 1, last)]
        at_end = user_slopes(self._games, s, q).q
        inside = ~(((best == 0) & (at_end <= 0)) | ((best == last) & (at_end >= 0)))
        for _ in range(self.NEWTON):
            slope, bend, _ = user_slopes(self._games, s, q)
            low = np.where(slope > 0, q, low)
            high = np.where(slope < 0, q, high)
            newton = q - slope / np.where(bend < 0, bend, -1.0)
            safe = (low <= newton) & (newton <= high) & (bend < 0)
            q = np.where(inside, np.where(safe, newton, (low + high) / 2), q)
        return q, inside


class SimultaneousDescents:
    """Providers and users who each follow their own partial derivative; users do not see s.

    Args:
        games: one for each cell.
        rngs: of the cells.
        iterations: steps of each.
        step: of the provider, times its gradient.
        pace: steps of the user, in steps of the provider.
    """

    def __init__(
        self,
        games: Sequence[Game],
        rngs: Sequence[np.random.Generator],
        *,
        iterations: int = 2000,
        step: float = 0.02,
        pace: float = 100.0,
    ) -> None:
        require_counts(iterations=iterations)
        require_positive(step=step, pace=pace)
        self._game = Game.stack(games)
        self._iterations, self._step, self._pace = iterations, step, pace
        drawn = np.stack([rng.uniform(size=3) for rng in rngs], axis=-1)
        self._cascade, self._leave = drawn[0], drawn[1:]

    def train(self) -> Iterator[int]:
        """Climb and descend at the same time; after each step yield the number of steps so far."""
        game = self._game
        for iteration in range(1, self._iterations + 1):
            s, (q1, q2) = self._cascade, self._leave
            descend = cost_slopes(game, s, q1).s / game.penalty
            climb = np.stack([user_slopes(game, s, q1).q, reasoning_slope(game, q2)]) / game.value
            self._cascade = np.clip(s - self._step * descend, 0.0, 1.0)
            self._leave = np.clip(self._leave + self._pace * self._step * climb, 0.0, 1.0)
            yield iteration

    def recommend(self) -> tuple[IntArray, Array]:
        """The routes that are cheaper against the users' present q, and s."""
        s, (q1, q2) = self._cascade, self._leave
        first = np.asarray(payoffs(self._game, 1, s, q1).cost)
        second = np.asarray(payoffs(self._game, 2, s, q2).cost)
        return np.where(second < first, 2, 1), np.where(second < first, 0.0, s)

    def abandon(self, route: IntArray, cascade: Array) -> Array:
        """The users' present q (cells,) by route: whatever s is, they do not see it."""
        first, second = self._leave
        return np.where(route == 1, first, second)
