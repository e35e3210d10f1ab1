"""Gradients of the game: three providers that know it and descend its cost, in torch.

The exact user's answer jumps, so the cost has cliffs and no useful gradient there. The three differ
in what they take for the user:

- `GibbsGradient` softens it. A user who plays q with probability proportional to exp(U(i, s, q) /
  temperature) makes the cost smooth; cooling it towards 0 recovers the exact user while descent
  follows.
- `ImplicitGradient` differentiates through the user's first-order condition, dU/dq = 0: the total
  derivative of a leader, dJ/ds + dJ/dq dq*/ds with dq*/ds = -U_qs / U_qq. Where q* jumps it sees
  nothing, and falls.
- `SimultaneousGradient` takes the user's q as given, while the user, who takes s as given, climbs
  its own utility: two players who each follow their own partial derivative. They find an
  equilibrium of the game with hidden s.

The first two descend on route 1 from many s at once, projected onto [0, 1]; route 2 has no s; the
cheaper one is recommended, judged by their own user alone: the solver of the game is never called.

The tensors are small: with `torch.set_num_threads(1)` training is faster, and the same on any
number of cores.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from math import inf

import numpy as np
import torch
from numpy.typing import ArrayLike

from routing_game.agents.arguments import generator
from routing_game.agents.protocol import Abandon
from routing_game.theory import Commitment, Game, Task, payoffs
from routing_game.theory.numbers import require


class _Knowing(ABC):
    """A provider that plans: it acts as it recommends, and learns nothing from tasks."""

    def __init__(self, game: Game, iterations: int) -> None:
        require(iterations >= 1, "iterations", iterations, "be at least 1")
        self._game, self._iterations = game, iterations

    @abstractmethod
    def recommend(self) -> Commitment:
        """The commitment planned so far."""

    def act(self) -> Commitment:
        """The recommendation: it plans, and has nothing to explore."""
        return self.recommend()

    def update(self, commitment: Commitment, task: Task) -> None:  # noqa: B027  (for all of them)
        """Learn nothing from tasks: the game is known."""


class _Descent(_Knowing):
    """Descends the cost of route 1 from many random s at once."""

    def __init__(self, game: Game, rng: np.random.Generator, starts: int, iterations: int) -> None:
        super().__init__(game, iterations)
        require(starts >= 1, "starts", starts, "be at least 1")
        # Squares: the user starts to leave from q = 0, so the grid is finest there.
        self._grid = torch.linspace(0.0, 1.0, 257, dtype=torch.float64) ** 2
        self._cascades = torch.as_tensor(generator(rng).uniform(size=starts)).requires_grad_()

    @abstractmethod
    def _cost(self, route: int, cascade: torch.Tensor) -> torch.Tensor:
        """Expected cost against the learner's own user, shape of `cascade`; has a gradient."""

    def train(self) -> Iterator[int]:
        """Descend, one gradient per iteration; yield the number of iterations so far after each."""
        # Rprop looks at the signs of gradients alone: cliffs do not throw it off
        optimiser = torch.optim.Rprop([self._cascades], lr=0.01, step_sizes=(1e-12, 0.05))
        for iteration in range(1, self._iterations + 1):
            self._anneal(iteration)
            total = self._cost(1, self._cascades).sum()
            (self._cascades.grad,) = torch.autograd.grad(total, self._cascades)
            optimiser.step()
            with torch.no_grad():
                self._cascades.clamp_(0.0, 1.0)
            yield iteration

    def _anneal(self, iteration: int) -> None:
        """Set what follows a schedule."""

    def recommend(self) -> Commitment:
        """The route and s with the least cost against the learner's own user."""
        cascades = self._cascades.detach()
        costs = self._cost(1, cascades)
        best = int(costs.argmin())
        on_route_2 = self._cost(2, torch.zeros(1, dtype=torch.float64))
        if on_route_2 < costs[best]:
            return Commitment(2, 0.0)
        return Commitment(1, float(cascades[best]))


class GibbsGradient(_Descent):
    """Anneals a Gibbs follower and follows the gradient of the provider's cost.

    Args:
        game: the game.
        rng: draws the s to begin with.
        starts: how many s descend.
        iterations: steps of each.
        hot: first temperature, in units of V.
        cold: last temperature.
    """

    def __init__(
        self,
        game: Game,
        rng: np.random.Generator,
        *,
        starts: int = 32,
        iterations: int = 400,
        hot: float = 0.01,
        cold: float = 1e-7,
    ) -> None:
        super().__init__(game, rng, starts, iterations)
        for name, temperature in (("hot", hot), ("cold", cold)):
            require(0 < temperature < inf, name, temperature, "be positive and finite")
        self._temperatures = game.value * np.geomspace(hot, cold, iterations)
        self._anneal(1)

    def _anneal(self, iteration: int) -> None:
        self._temperature = float(self._temperatures[iteration - 1])

    def _cost(self, route: int, cascade: torch.Tensor) -> torch.Tensor:
        outcome = payoffs(self._game, route, cascade[:, None], self._grid)
        weight = torch.softmax(outcome.utility / self._temperature, dim=-1)
        cost: torch.Tensor = (weight * outcome.cost).sum(dim=-1)
        return cost


class ImplicitGradient(_Descent):
    """Follows the total derivative of a leader whose user answers best: exact, except at jumps.

    Ends at the optimum where the best response is continuous (s_L); where it jumps (s0) the slope
    leads over the edge.

    Args:
        game: the game.
        rng: draws the s to begin with.
        starts: how many s descend.
        iterations: steps of each.
    """

    def __init__(
        self, game: Game, rng: np.random.Generator, *, starts: int = 32, iterations: int = 400
    ) -> None:
        super().__init__(game, rng, starts, iterations)

    def _cost(self, route: int, cascade: torch.Tensor) -> torch.Tensor:
        q = self._follow(route, cascade)
        cost: torch.Tensor = payoffs(self._game, route, cascade, q).cost
        return cost

    def _follow(self, route: int, cascade: torch.Tensor) -> torch.Tensor:
        """q*, as a function of s that torch can differentiate.

        The best q on a grid, then Newton's steps to U_q = 0. The last step, with U_qq held fixed,
        has the derivative -U_qs / U_qq; at an end of [0, 1] it is 0.
        """
        s, last = cascade.detach(), len(self._grid) - 1
        best = payoffs(self._game, route, s[:, None], self._grid).utility.argmax(dim=-1)
        inside = (best > 0) & (best < last)
        q, low, high = (self._grid[(best + k).clamp(0, last)] for k in (0, -1, 1))
        for _ in range(5):
            slope, bend = self._derivatives(route, s, q)
            q = torch.where(inside, (q - slope / bend).clamp(low, high), q)
        _, bend = self._derivatives(route, s, q)
        slope, _ = self._derivatives(route, cascade, q)
        return torch.where(inside, q - slope / bend, q).clamp(0.0, 1.0)

    def _derivatives(
        self, route: int, cascade: torch.Tensor, q: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """U_q and U_qq; the former can be differentiated by s."""
        with torch.enable_grad():
            q = q.detach().requires_grad_()
            utility = payoffs(self._game, route, cascade, q).utility
            (slope,) = torch.autograd.grad(utility.sum(), q, create_graph=True)
            (bend,) = torch.autograd.grad(slope.sum(), q, retain_graph=True)
        return slope, bend


class SimultaneousGradient(_Knowing):
    """A provider and a user who each follow their own partial derivative; the user does not see s.

    On route 1 they start from a random (s, q), on route 2 from a random q, and move by projected
    gradients of J / P and U / V, the user `pace` times as fast. (At paces up to 30 every third run
    on t4-cascade circles around the s at which the user is indifferent, instead of ending.) The
    provider recommends the route that is cheaper as they play it, with its s.

    Args:
        game: the game.
        rng: draws where they begin.
        iterations: steps of each.
        step: of the provider, times its gradient.
        pace: steps of the user, in steps of the provider.
    """

    def __init__(
        self,
        game: Game,
        rng: np.random.Generator,
        *,
        iterations: int = 2000,
        step: float = 0.02,
        pace: float = 100.0,
    ) -> None:
        super().__init__(game, iterations)
        for name, positive in (("step", step), ("pace", pace)):
            require(0 < positive < inf, name, positive, "be positive and finite")
        self._step, self._pace = step, pace
        self._cascade, *leave = torch.as_tensor(generator(rng).uniform(size=3))
        self._leave = torch.stack(leave)

    def train(self) -> Iterator[int]:
        """Climb and descend at the same time; yield the number of iterations so far after each."""
        for iteration in range(1, self._iterations + 1):
            s = self._cascade.clone().requires_grad_()
            q = self._leave.clone().requires_grad_()
            first = payoffs(self._game, 1, s, q[0])
            second = payoffs(self._game, 2, 0.0, q[1])
            cost = first.cost / self._game.penalty
            utility = (first.utility + second.utility) / self._game.value
            (descend,) = torch.autograd.grad(cost, s, retain_graph=True)
            (climb,) = torch.autograd.grad(utility, q)
            self._cascade = (self._cascade - self._step * descend).clamp(0.0, 1.0)
            self._leave = (self._leave + self._pace * self._step * climb).clamp(0.0, 1.0)
            yield iteration

    def recommend(self) -> Commitment:
        """The route that is cheaper against the user's present q, and s."""
        s, (q1, q2) = float(self._cascade), self._leave.tolist()
        first = payoffs(self._game, 1, s, q1).cost
        second = payoffs(self._game, 2, s, q2).cost
        return Commitment(2, 0.0) if second < first else Commitment(1, s)

    def abandon(self, route: ArrayLike, cascade: ArrayLike) -> Abandon:
        """The user's present q, by route: whatever s is, the user does not see it."""
        route, _ = np.broadcast_arrays(route, cascade)
        return np.asarray(np.where(route == 1, *self._leave.numpy()), dtype=np.float64)
