"""Bandits whose arms multiply where they are best: what they add, keep, and find."""

import numpy as np
import pytest

from routing_game.agents import RefiningThompson, RefiningUCB, Tally
from routing_game.agents.log_odds import cascade_at
from routing_game.agents.refining import CUT, END, FIRST, PARTS
from routing_game.experiments.check.learners import LEARNERS, Seed
from routing_game.experiments.play import play_batches
from routing_game.theory import GAMES, Commitment, load, provider_regret, solve

BANDITS = {"ucb": lambda rng, **how: RefiningUCB(**how), "thompson": RefiningThompson}


def play_normal(bandit, mean, tasks, seed=0, spread=0.3):
    """Batches of normal costs around `mean(commitment)`; the number of tasks of each arm."""
    rng, plays = np.random.default_rng(seed), {}
    while sum(plays.values()) < tasks:
        arm, wanted = bandit.plan()
        costs = mean(arm) + spread * rng.standard_normal(wanted)
        bandit.update_many(arm, Tally.of(costs))
        plays[arm] = plays.get(arm, 0) + wanted
    return plays


@pytest.mark.parametrize("make", BANDITS.values(), ids=BANDITS)
@pytest.mark.parametrize("cliff", [0.004, 0.05, 0.3518, 0.77, 0.97])
@pytest.mark.parametrize("good", ["left", "right"])
def test_the_edge_of_a_cliff_is_found_however_small_s_is(make, cliff, good):
    def mean(arm):
        route, s = arm
        safe = s <= cliff if good == "left" else s >= cliff
        far = abs(np.log((s + 1e-4) / (1 - s + 1e-4)) - np.log(cliff / (1 - cliff)))
        return 2.0 if route == 2 or not safe else 1.0 + 0.1 * min(far, 5.0)

    bandit = make(np.random.default_rng(0))
    play_normal(bandit, mean, 300_000)
    assert mean(bandit.recommend()) <= 1.02


@pytest.mark.parametrize("make", BANDITS.values(), ids=BANDITS)
def test_a_stage_ends_once_all_arms_were_played_and_cuts_the_gaps_beside_the_best(make):
    bandit = make(np.random.default_rng(0), stage=1)  # too short for all arms

    def mean(arm):
        return 2.0 if arm.route == 2 else abs(arm.cascade - 0.5)

    first = list(bandit.arms)
    assert len(first) == PARTS + 2
    for _ in first:
        assert bandit.arms == first
        arm, wanted = bandit.plan()
        assert wanted == FIRST
        bandit.update_many(arm, Tally.of(mean(arm) + 0.001 * np.arange(wanted) / wanted))
    added = [arm.cascade for arm in bandit.arms[len(first) :]]
    beside = 4 * (CUT - 1)  # the three best are neighbours: four gaps
    assert len(added) == beside
    assert min(added) > cascade_at(-1.0, END)
    assert max(added) < cascade_at(1.0, END)


@pytest.mark.parametrize("make", BANDITS.values(), ids=BANDITS)
def test_route_1_is_refined_even_where_no_arm_of_it_yet_beats_route_2(make):
    peak = cascade_at(-1.25, END)  # between two arms of the first grid

    def mean(arm):
        if arm.route == 2:
            return 1.0
        far = abs(arm.cascade - peak)
        return (0.9 if far < 0.15 * peak else 1.1) + far

    bandit = make(np.random.default_rng(1))
    assert min(mean(arm) for arm in bandit.arms) == 1.0
    play_normal(bandit, mean, 300_000)
    assert bandit.recommend().route == 1


@pytest.mark.parametrize("make", BANDITS.values(), ids=BANDITS)
def test_the_best_arm_is_played_most_and_every_arm_at_least_once(make):
    bandit = make(np.random.default_rng(0))
    plays = play_normal(bandit, lambda arm: 1.0 if arm.route == 2 else 2.0, 100_000)
    assert plays[Commitment(2, 0.0)] > 50_000
    assert set(plays) <= set(bandit.arms)
    assert all(plays[arm] >= FIRST for arm in bandit.arms[: PARTS + 2])


def test_an_epoch_is_half_of_what_the_arm_has_had_and_can_be_played_in_parts():
    bandit = RefiningUCB()
    while bandit.plan()[1] == FIRST:
        arm, wanted = bandit.plan()
        bandit.update_many(arm, Tally.of(np.full(wanted, 1.0 + (arm.route == 1))))
    arm, wanted = bandit.plan()
    assert wanted > FIRST
    bandit.update_many(arm, Tally.of(np.ones(wanted - 1)))
    assert bandit.plan() == (arm, 1)


def test_costs_of_a_stranger_are_refused():
    with pytest.raises(ValueError, match="one of the arms"):
        RefiningUCB().update_many(Commitment(1, 0.1234), Tally.of([1.0]))


@pytest.mark.parametrize("name", ["ucb", "thompson"])
def test_the_seed_decides_everything(name):
    def trace(world, agent):
        return LEARNERS[name].train([load("t5-stay")], 20_000, [Seed(world)], [Seed(agent)])

    assert trace(1, 2) == trace(1, 2)
    assert trace(1, 2) != trace(3, 4)


@pytest.mark.parametrize("make", BANDITS.values(), ids=BANDITS)
@pytest.mark.parametrize("name", GAMES)
def test_every_game_of_the_catalog_is_learned(make, name):
    game, bandit = load(name), make(np.random.default_rng(3))
    for _ in play_batches(game, bandit, 300_000, seed=4):
        pass
    assert provider_regret(game, *bandit.recommend()) / solve(game).cost <= 0.02
