"""An agent of one's own against the exact user: eleven commitments, the cheapest so far."""

import numpy as np

import routing_game
from routing_game.agents import BestResponseUser
from routing_game.experiments.play import World
from routing_game.theory import Commitment, provider_regret

game, rng = routing_game.load("t4-cascade"), np.random.default_rng(0)
user, world = BestResponseUser(game), World(game, rng)
arms = [Commitment(2, 0.0), *(Commitment(1, s) for s in np.linspace(0, 1, 11))]
tasks, cost = np.zeros(len(arms)), np.zeros(len(arms))
for task in range(40_000):
    explores = task < 20 * len(arms) or rng.random() < 0.05
    k = task % len(arms) if explores else int(np.argmin(cost / tasks))
    played = world(arms[k], float(user.abandon(*arms[k])))
    tasks[k], cost[k] = tasks[k] + 1, cost[k] + played.cost
best = arms[int(np.argmin(cost / tasks))]
share = provider_regret(game, *best) / routing_game.solve(game).cost
print(f"chose route {best.route}, s = {best.cascade:.1f}: {share:.1%} above J*")
print("the user stays from s0 = .2105 on; of the grid, .3 is the next")
