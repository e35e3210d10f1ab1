"""What `make.py` recomputes of learning on games that nobody tuned on, for docs/learners.md.

An ablation: a policy gradient that draws route and s together, as published, and what each step
from there to a race buys. The games are drawn from all priors, half of them cascades, with a seed
on which no setting was chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from routing_game.agents.plain import Plain
from routing_game.agents.policy_gradient import ALGORITHMS
from routing_game.agents.races import Race, Rules
from routing_game.agents.stacked import Array, StackedProvider
from routing_game.agents.walkers import walk
from routing_game.box import to_chance
from routing_game.experiments.check.sets import CASCADES
from routing_game.experiments.check.sources import chosen_games
from routing_game.experiments.intervals import wilson
from routing_game.experiments.play import Cohort
from routing_game.theory import Game, provider_regret, solve
from routing_game.theory.frequencies import PRIORS

Values = dict[str, Any]
SEED = 77
EACH = 12
"""Games of a prior."""
TASKS = 983_040
"""Of a cell, three tenths of the full profile's."""
WITHIN = 0.02
"""Of J*."""


def in_the_box(place: Array) -> Array:
    """s at a place in [-1, 1], the scale of the plain learners."""
    return np.asarray(to_chance(np.clip(place, -1.0, 1.0)))


LINEAR = Rules(starts=1, noise=(0.5, 0.16, 0.05, 0.016, 0.005), chart=in_the_box)
ONE_WIDE = Rules(starts=1, noise=(1.75, 0.4, 0.15, 0.06, 0.03))
ONE_FINE = Rules(starts=1, noise=(1.75, 0.4, 0.1, 0.03, 0.005))
MANY_WIDE = Rules(noise=(0.3, 0.2, 0.12, 0.06, 0.03))
Make = Callable[..., StackedProvider]


def racing(algorithm: str, rules: Rules | None = None) -> Make:
    """Providers that race under these rules."""
    return partial(Race, climb=walk(algorithm), rules=rules)


VARIANTS: dict[str, Make] = {
    "PPO, route and s together": partial(Plain, improve=ALGORITHMS["ppo"]),
    "route last": racing("ppo", LINEAR),
    "and log odds": racing("ppo", ONE_WIDE),
    "and less noise in the end": racing("ppo", ONE_FINE),
    "twenty starts instead": racing("ppo", MANY_WIDE),
    "both: `ppo`": racing("ppo"),
    "the same with A2C: `a2c`": racing("a2c"),
}


def games() -> dict[str, Game]:
    """By name."""
    return chosen_games([f"cascades:{prior}:{EACH}:{SEED}" for prior in PRIORS]).games


def regrets(make: Make, played: Sequence[Game]) -> Array:
    """Exact regret at the end, a share of J*, one seed a game."""
    seeds = np.random.SeedSequence(SEED).spawn(2 * len(played))
    rngs = [np.random.default_rng(seed) for seed in seeds]
    provider = make(Cohort(played, rngs[::2]), rngs[1::2], TASKS)
    for _ in provider.train():
        pass
    ends = zip(played, *provider.recommend(), strict=True)
    return np.array([float(provider_regret(g, i, s) / solve(g).cost) for g, i, s in ends])


def ablation() -> Values:
    """How many games end near the optimum, and the largest loss, step by step."""
    chosen = games()
    kinds = np.array([str(solve(game).rule) for game in chosen.values()])
    groups = {kind: kinds == kind for kind in CASCADES}
    groups["rest"] = ~np.isin(kinds, CASCADES)
    values: Values = {"games": len(chosen), "tasks": TASKS, "seed": SEED, "within, %": 100 * WITHIN}
    values |= {f"games, {name}": int(part.sum()) for name, part in groups.items()}
    for name, make in VARIANTS.items():
        regret = regrets(make, list(chosen.values()))
        near = regret <= WITHIN
        share = wilson(int(near.sum()), len(near))
        values[name.replace("`", "")] = {
            "within 2 %": [100 * float(x) for x in share],
            **{group: int(near[part].sum()) for group, part in groups.items()},
            "worst": 100 * float(regret.max()),
        }
    return values


SLOW: dict[str, Callable[[], Values]] = {"races": ablation}
"""Minutes of one core."""
