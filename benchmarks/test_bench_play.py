"""The task loop, which is what bandits and the structural learner spend their time in.

Benchmarks are not tests: `make bench` runs this folder by pytest-benchmark, one file per thing that has to be fast,
and `make test` leaves it out. Numbers depend on the machine; compare them on the same one.
"""

import pytest

from routing_game.agents import UCB
from routing_game.envs import ProviderEnv
from routing_game.experiments.play import play, provider_trace
from routing_game.theory import GAMES

TASKS = 5_000


def test_a_bandit_plays_five_thousand_tasks(benchmark: pytest.FixtureRequest) -> None:
    def run() -> int:
        provider = UCB()
        return provider_trace(provider, play(ProviderEnv(GAMES["t4-cascade"]), provider, TASKS, seed=0)).practice[-1]

    assert benchmark(run) == TASKS
    benchmark.extra_info["tasks_per_second"] = TASKS / benchmark.stats.stats.median
