"""The Gibbs-follower gradient: a provider that knows the game and descends its own cost through a softened user.

The exact user's answer jumps, so the cost has cliffs and no useful gradient there. A user who plays q with probability
proportional to exp(U(i, s, q) / temperature) makes the cost smooth; cooling it towards 0 recovers the exact user while
descent follows. Route 1 descends from many s at once, projected onto [0, 1]; route 2 has no s; the cheaper one is
recommended, judged by the softened user alone: the solver of the game is never called.

The tensors are small: with `torch.set_num_threads(1)` training is faster, and the same on any number of cores.
"""

from collections.abc import Iterator
from math import inf

import numpy as np
import torch

from routing_game.agents.arguments import generator
from routing_game.theory import Commitment, Game, Task, payoffs
from routing_game.theory.game import require


class GibbsGradient:
    """Anneals a Gibbs follower and follows the gradient of the provider's cost."""

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
        """Descend from `starts` random s while the temperature falls from `hot` to `cold`, in units of V."""
        for name, count in (("starts", starts), ("iterations", iterations)):
            require(count >= 1, name, count, "be at least 1")
        for name, temperature in (("hot", hot), ("cold", cold)):
            require(0 < temperature < inf, name, temperature, "be positive and finite")
        self._game = game
        self._temperatures = game.value * np.geomspace(hot, cold, iterations)
        self._temperature = float(self._temperatures[0])
        # Squares: the user starts to leave from q = 0, so the grid is finest there.
        self._grid = torch.linspace(0.0, 1.0, 257, dtype=torch.float64) ** 2
        self._cascades = torch.as_tensor(generator(rng).uniform(size=starts)).requires_grad_()

    def train(self) -> Iterator[int]:
        """Descend, one gradient per iteration; yield the number of iterations so far after each."""
        # Only signs of gradients count in Rprop: steps grow on slopes, shrink in valleys, cliffs do not throw it off.
        optimiser = torch.optim.Rprop([self._cascades], lr=0.01, step_sizes=(1e-12, 0.05))
        for iteration, temperature in enumerate(self._temperatures, start=1):
            self._temperature = float(temperature)
            total = self._cost(1, self._cascades).sum()
            (self._cascades.grad,) = torch.autograd.grad(total, self._cascades)
            optimiser.step()
            with torch.no_grad():
                self._cascades.clamp_(0.0, 1.0)
            yield iteration

    def recommend(self) -> Commitment:
        """The route and s with the least cost against the softened user at the current temperature."""
        with torch.no_grad():
            costs = self._cost(1, self._cascades)
            best = int(costs.argmin())
            if self._cost(2, torch.zeros(1, dtype=torch.float64)) < costs[best]:
                return Commitment(2, 0.0)
            return Commitment(1, float(self._cascades[best]))

    def act(self) -> Commitment:
        """The recommendation: it plans, and has nothing to explore."""
        return self.recommend()

    def update(self, commitment: Commitment, task: Task) -> None:
        """Learn nothing from tasks: the game is known."""

    def _cost(self, route: int, cascade: torch.Tensor) -> torch.Tensor:
        """Expected cost of each commitment against the Gibbs follower, shape of `cascade`."""
        outcome = payoffs(self._game, route, cascade[:, None], self._grid)
        weight = torch.softmax(outcome.utility / self._temperature, dim=-1)
        cost: torch.Tensor = (weight * outcome.cost).sum(dim=-1)
        return cost
