"""From counts in a log to a decision, and how sure it is: 95 % intervals of p, carried through."""

import itertools

import routing_game
from routing_game.theory.catalog import ModelEstimate

log = {  # of each model: passes, how many solved their task, and totals of seconds and dollars
    "standard": ModelEstimate("small", "july", passes=800, solved=290, seconds=16e3, dollars=9.0),
    "reasoning": ModelEstimate("large", "july", passes=500, solved=390, seconds=15e3, dollars=31.0),
}
m1, m2 = log.values()
ends = itertools.product(m1.success_interval, m2.success_interval)
decisions = set()
for success in [(m1.success, m2.success), *ends]:
    game = routing_game.Game(50, 0.25, success, (m1.latency, m2.latency), (m1.cost, m2.cost))
    equilibrium = routing_game.solve(game)
    decisions.add(equilibrium.rule)
    print(f"p = {success[0]:.3f}, {success[1]:.3f}: {equilibrium}")
print("the same kind of decision throughout" if len(decisions) == 1 else "more passes would help")
