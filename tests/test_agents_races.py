"""Races: who goes on, on what scale they climb, and that every cell runs its own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing_game.agents.races import Budget, Race, Rules, going_on
from routing_game.agents.walkers import Walkers, walk
from routing_game.experiments.check.learners import LEARNERS
from routing_game.experiments.play import Cohort
from routing_game.theory import GAMES, provider_regret, solve

ALGORITHMS = ("ppo", "a2c")
NAMES = ("t4-cascade", "t5-cascade", "value-cheap", "t4-leave-costly")


def generators(cells):
    return [np.random.default_rng([7, cell]) for cell in range(cells)]


def race(costs, cells, tasks, algorithm="ppo", rules=None):
    return Race(costs, generators(cells), tasks, climb=walk(algorithm), rules=rules)


def ended(provider):
    """The practice used, and the recommendation."""
    *_, used = provider.train()
    return used, provider.recommend()


def noisy(mean_on_route_1, second, seed=0):
    """A world of one cell: costs of s with unit noise, and of route 2."""
    rng = np.random.default_rng(seed)

    def costs(route, cascade):
        mean = np.where(route == 2, second, mean_on_route_1(cascade))
        return mean + rng.standard_normal(cascade.shape)

    return costs


# --- who goes on ---


def who(mean, error=0.1, places=None, room=9, gap=0.1, errors=2.0):
    mean = np.array(mean)
    places = np.arange(len(mean), dtype=float) if places is None else np.array(places)
    return going_on(mean, np.full(len(mean), error), places, room, gap, errors)


def test_the_surely_worse_drop_out_and_the_best_comes_first():
    # two standard errors of a difference are .283
    assert who([1.2, 1.0, 1.29, 1.28, 5.0]) == [1, 0, 3]


def test_one_of_two_that_stand_together_drops_out():
    assert who([1.1, 1.0, 1.2], places=[0.0, 0.05, 0.2]) == [1, 2]


def test_no_more_go_on_than_there_is_room_for():
    assert who([1.2, 1.0, 1.1], room=2) == [1, 2]


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=12), st.integers(1, 12))
def test_the_best_always_goes_on(mean, room):
    kept = who(mean, room=room)
    assert mean[kept[0]] == min(mean)
    assert 1 <= len(kept) == len({*kept}) <= room


# --- climbers ---


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_walkers_come_to_where_costs_are_least(algorithm):
    rng, best = np.random.default_rng(0), np.array([[-3.0], [0.5], [4.0]])
    walkers: Walkers = walk(algorithm)(np.zeros(3), generators(3))
    for noise in np.geomspace(1.0, 0.1, 100):
        z = walkers.propose(noise, 500)
        walkers.learn((z - best) ** 2 + rng.standard_normal(z.shape))
    np.testing.assert_allclose(walkers.places, best[:, 0], atol=0.15)


# --- races ---


def test_a_narrow_valley_beside_a_cliff_is_found_and_beats_route_2():
    def mean(s):
        return np.where((s > 0.04) & (s < 0.05), 1.0, 2.0)

    _, (route, cascade) = ended(race(noisy(mean, 1.5), 1, 200_000))
    assert route[0] == 1
    assert 0.04 < cascade[0] < 0.05


@pytest.mark.parametrize(("second", "route"), [(0.9, 2), (1.1, 1)])
def test_the_routes_are_compared_each_at_its_best(second, route):
    """Route 1 is worse than route 2 at most s, and better at the best one, or not."""

    def mean(s):
        return 1.0 + 3.0 * s

    _, (chosen, cascade) = ended(race(noisy(mean, second), 1, 100_000))
    assert chosen[0] == route
    assert route == 2 or cascade[0] < 0.02


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_cell_races_the_same_in_whatever_company(algorithm):
    learner = LEARNERS[algorithm]
    games = [GAMES[name] for name in NAMES]
    world, agent = ([np.random.SeedSequence([k, n]) for n in range(4)] for k in (1, 2))
    together = learner.train(games, 10_000, world, agent)
    for k in range(len(games)):
        (alone,) = learner.train([games[k]], 10_000, [world[k]], [agent[k]])
        assert alone == together[k]
    assert len({trace.cascade[-1] for trace in together}) > 1


def test_the_unit_of_cost_does_not_matter():
    cohort, other = (Cohort([GAMES["t4-cascade"]], generators(1)) for _ in range(2))
    _, plain = ended(race(cohort, 1, 20_000))
    _, scaled = ended(race(lambda *commitment: 1024.0 * other(*commitment), 1, 20_000))
    assert plain == scaled


@pytest.mark.parametrize("tasks", [1_000, 1_001, 9_999, 327_680])
def test_a_budget_is_spent_and_never_exceeded(tasks):
    rules = Rules()
    updates, batch, judging, final = Budget.of(tasks, rules)
    spent = rules.rounds * updates * batch + (rules.rounds - 1) * judging + final
    assert spent == tasks
    assert batch >= 2 * rules.starts
    assert 0.5 < rules.rounds * updates * batch / tasks < 0.8


def test_practice_is_kept_to():
    used, (route, cascade) = ended(race(Cohort([GAMES["t4-cascade"]], generators(1)), 1, 5_000))
    assert 4_900 < used <= 5_000
    assert route.shape == cascade.shape == (1,)


def test_too_few_tasks_are_refused():
    with pytest.raises(ValueError, match="tasks"):
        race(Cohort([GAMES["t4-cascade"]], generators(1)), 1, 999)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_racers_come_near_the_optimum_of_known_games(algorithm):
    costs = Cohort([GAMES[name] for name in NAMES], generators(len(NAMES)))
    _, (route, cascade) = ended(race(costs, len(NAMES), 327_680, algorithm))
    for name, i, s in zip(NAMES, route, cascade, strict=True):
        assert provider_regret(GAMES[name], i, s) <= 0.04 * solve(GAMES[name]).cost


def test_one_start_and_another_scale_are_rules():
    def linear(z):
        return np.clip(0.5 * (z + 1.0), 0.0, 1.0)

    rules = Rules(starts=1, noise=(0.5, 0.1, 0.02), room=(1,), chart=linear)
    costs = noisy(lambda s: 1.0 + 4.0 * (s - 0.3) ** 2, 3.0)
    _, (route, cascade) = ended(race(costs, 1, 50_000, "a2c", rules))
    assert route[0] == 1
    assert abs(cascade[0] - 0.3) < 0.05
