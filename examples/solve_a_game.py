"""The equilibrium of a game: one that has a name, and one of your own numbers."""

import routing_game

print(routing_game.solve("t4-cascade"))

mine = routing_game.Game(
    value=120,  # V: what a solved task is worth to the user, in seconds of its time
    penalty=0.19,  # P: what an abandoned task costs the provider, in dollars
    success=(0.35, 0.6),  # chance that one pass of M1, of M2 solves the task
    latency=(20, 90),  # seconds a pass
    cost=(0.01, 0.05),  # dollars a pass
)
equilibrium = routing_game.solve(mine)
print(equilibrium)
print(f"the provider pays {equilibrium.cost:.4f} dollars a task")
print(f"the user gets {equilibrium.utility:.1f} of the {equilibrium.user_best:.1f} s it could get")
