"""The task loop, which is what bandits and the structural learner spend their time in.

Benchmarks are not tests: `make bench` runs this folder by pytest-benchmark, one file per thing that
has to be fast, and `make test` leaves it out. Numbers depend on the machine; compare them on the
same one.
"""

import pytest

from routing_game.agents import UCB, Zooming
from routing_game.envs import ProviderEnv
from routing_game.experiments.check.traces import provider_trace
from routing_game.experiments.play import play, play_batches
from routing_game.theory import GAMES

TASKS = 5_000


def test_a_bandit_plays_five_thousand_tasks(benchmark: pytest.FixtureRequest) -> None:
    def run() -> int:
        provider = UCB()
        return provider_trace(
            provider, play(ProviderEnv(GAMES["t4-cascade"]), provider, TASKS, seed=0)
        ).practice[-1]

    assert benchmark(run) == TASKS
    benchmark.extra_info["tasks_per_second"] = TASKS / benchmark.stats.stats.median


def test_zooming_plays_a_million_tasks(benchmark: pytest.FixtureRequest) -> None:
    def run() -> int:
        provider = Zooming()
        batches = play_batches(GAMES["t4-cascade"], provider, 1_000_000, seed=0)
        return provider_trace(provider, batches).practice[-1]

    assert benchmark(run) == 1_000_000
    benchmark.extra_info["tasks_per_second"] = 1_000_000 / benchmark.stats.stats.median
