"""What hiding s costs: a user who cannot see s cannot be promised anything by it."""

import routing_game
from routing_game.theory import simultaneous

seen = routing_game.solve("t4-cascade")
(hidden,) = simultaneous("t4-cascade").outcomes
print(f"s seen:   J = {seen.cost:.4f}, route {seen.route}")
print(f"s hidden: J = {hidden.cost:.4f}, route {hidden.route}")
print(f"{hidden.cost / seen.cost - 1:.0%} more, paid for not being believed")
