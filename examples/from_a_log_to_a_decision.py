"""From counts in a log to a commitment that holds for all p in their 95 % intervals."""

import itertools

import routing_game
from routing_game.theory import outcome
from routing_game.theory.catalog import ModelEstimate, RealPair

log = {  # of each model: passes, how many solved their task, and totals of seconds and dollars
    "standard": ModelEstimate("small", "july", passes=800, solved=290, seconds=16e3, dollars=9.0),
    "reasoning": ModelEstimate("large", "july", passes=500, solved=390, seconds=15e3, dollars=31.0),
}
m1, m2 = log.values()
estimate = RealPair(m1, m2, value=50, penalty=0.25).game  # V in seconds, P in dollars: one's own
ends = itertools.product(m1.success_interval, m2.success_interval)
games = [estimate]
for success in ends:
    games.append(routing_game.Game(50, 0.25, success, estimate.latency, estimate.cost))
optima = [routing_game.solve(game) for game in games]
for game, optimum in zip(games, optima, strict=True):
    print(f"p = {game.success[0]:.3f}, {game.success[1]:.3f}: {optimum}")

# The kind of optimum may be the same throughout and its s not: on a cliff, that costs.
commitments = {(optimum.route, optimum.cascade[0]) for optimum in optima}
worst = {each: max(outcome(game, *each).cost for game in games) for each in commitments}
for name, (route, s) in {
    "optimum of the estimates": (optima[0].route, optima[0].cascade[0]),
    "least at the worst end": min(worst, key=worst.__getitem__),
}.items():
    at_estimates, at_worst = outcome(estimate, route, s).cost, worst[route, s]
    print(f"{name}: route {route}, s = {s:.4f}; J = {at_estimates:.4f}, at worst {at_worst:.4f}")
