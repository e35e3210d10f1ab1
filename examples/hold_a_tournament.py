"""Named providers meet named users; what each pair comes to is exact."""

import numpy as np

import routing_game
from routing_game.agents import zoo

table = zoo.tournament(routing_game.load("t4-cascade"))
for provider, costs in zip(table.providers, table.cost, strict=True):
    worst = table.users[int(np.argmax(costs))]
    print(f"{provider:22} J = {costs[0]:.3f} against {table.users[0]}; worst against {worst}")
