"""The user's best response: it stays on route 1 from a threshold s0 on, and leaves below."""

import numpy as np

import routing_game
from routing_game.theory import thresholds

s0 = thresholds("t4-cascade").s0
print(f"s0 = {s0:.4f}")
for s in np.linspace(0.0, 0.5, 6):
    leaves = routing_game.best_response("t4-cascade", route=1, cascade=s).strong
    print(f"s = {s:.1f}: the user {'leaves after a failure' if leaves else 'stays until solved'}")
