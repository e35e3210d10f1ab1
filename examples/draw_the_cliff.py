"""The README's picture: what each s costs the provider once the user has answered it."""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import routing_game
from routing_game.theory import outcome, simultaneous

GAME = "t4-cascade"
GREEN, RED, GREY, INK = "#009E73", "#D55E00", "#767676", "#222222"

best = routing_game.solve(GAME)
s0 = best.cascade[0]
hidden = simultaneous(GAME).outcomes[0].cost
left, right = np.linspace(0, s0 - 1e-6, 50), np.linspace(s0, 1, 200)

plt.rcParams.update({"svg.hashsalt": "cliff", "font.size": 10, "axes.edgecolor": GREY})
figure, axes = plt.subplots(figsize=(7.6, 3.3), layout="constrained")
axes.plot(left, outcome(GAME, 1, left).cost, color=RED, lw=2.5)
axes.plot(right, outcome(GAME, 1, right).cost, color=GREEN, lw=2.5)
axes.plot([s0, s0], [best.cost, outcome(GAME, 1, 0.0).cost], color=GREY, lw=1, ls=":")
axes.axhline(hidden, color=GREY, lw=1.2, ls="--")
axes.plot(s0, best.cost, "o", color=INK, ms=8)
words = {"fontsize": 10, "color": INK}
axes.annotate(
    f"equilibrium: s = {s0:.3f}, J* = {best.cost:.3f}",
    (s0, best.cost),
    xytext=(s0 + 0.03, best.cost - 0.09),
    **words,
)
axes.text(0.0, 1.225, "the user leaves at the first failure", color=RED)
axes.text(1.0, 0.585, "the user stays until the task is solved", color=GREEN, ha="right")
axes.text(1.0, hidden + 0.02, f"s hidden, both learn at once: {hidden:.2f}", color=GREY, ha="right")
axes.set(
    xlim=(-0.02, 1.02),
    ylim=(0.45, 1.32),
    xlabel="s, how often a failed pass of M1 escalates",
    ylabel="J, cost of a task",
    title=f"The cliff of {GAME}",
)
axes.spines[["top", "right"]].set_visible(False)
file = Path(sys.argv[1] if len(sys.argv) > 1 else "cliff.svg")
figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None, dpi=110)
plt.close(figure)
print(
    f"{file}: left of s = {s0:.4f} the cost is {outcome(GAME, 1, s0 - 0.01).cost:.2f}, "
    f"at it {best.cost:.2f}"
)
