"""How the optimum changes with one number: an array in its place solves all games at once."""

from dataclasses import replace

import numpy as np

import routing_game

penalties = np.linspace(0.1, 3.0, 30)
games = replace(routing_game.load("t4-cascade"), penalty=penalties)
equilibria = routing_game.solve(games)
print(equilibria)
for rule in dict.fromkeys(equilibria.rule.tolist()):
    where = penalties[equilibria.rule == rule]
    print(f"{rule}: P from {where.min():.1f} to {where.max():.1f}")
