"""A user that learns commitment by commitment, and users who know how sure they are."""

import numpy as np
import pytest

from routing_game.agents import RefiningUCB, RehearsingUser, StructuralUser, schemes
from routing_game.agents.followers import Wavering
from routing_game.agents.rehearsing import CAUTION
from routing_game.experiments.play import World
from routing_game.theory import GAMES, Commitment, payoffs, provider_regret, solve, user_regret

GAME = GAMES["t5-cascade"]
V, T = float(GAME.value), tuple(map(float, GAME.latency))
ARMS = [Commitment(1, 0.0), Commitment(1, 0.2), Commitment(1, 0.6), Commitment(2, 0.0)]
USERS = {
    "structural": lambda rng: StructuralUser(V, T, rng=rng),
    "rehearsing": lambda rng: RehearsingUser(V, T, rng),
}


def rehearse(user, arm, tasks, seed=0):
    world, q = World(GAME, np.random.default_rng(seed)), np.zeros(tasks)
    user.learn_many(arm, q, world.many(arm, q))
    return user


def test_many_tasks_of_a_world_agree_with_closed_forms():
    q = np.full(20_000, 0.3)
    for arm in ARMS:
        tasks, exact = World(GAME, np.random.default_rng(1)).many(arm, q), payoffs(GAME, *arm, 0.3)
        for sample, mean in ((tasks.cost, exact.cost), (tasks.utility, exact.utility)):
            assert abs(sample.mean() - mean) < 4.5 * sample.std() / np.sqrt(q.size)


@pytest.mark.parametrize("arm", ARMS)
def test_mean_estimates_are_the_utilities_of_all_answers(arm):
    user = rehearse(RehearsingUser(V, T, np.random.default_rng(0)), arm, 100_000)
    means = user._sums[arm][0] / 100_000
    exact = payoffs(GAME, *arm, user.answers).utility
    np.testing.assert_allclose(means, exact, atol=0.02 * V)
    assert user_regret(GAME, *arm, float(user.abandon(*arm))) < 0.005 * V


def test_replicas_err_as_much_as_said():
    arm, n, errors, spreads = Commitment(1, 0.2), 2_000, [], []
    for seed in range(30):
        user = rehearse(RehearsingUser(V, T, np.random.default_rng(seed)), arm, n, seed)
        sums = user._sums[arm][:, 8] / n
        errors.append(sums[0] - payoffs(GAME, *arm, user.answers[8]).utility)
        spreads.append(np.mean((sums[1:] - sums[0]) ** 2))
    assert np.sqrt(np.mean(spreads)) == pytest.approx(CAUTION * np.std(errors), rel=0.4)


def test_one_by_one_or_many_together_is_the_same():
    world, q = World(GAME, np.random.default_rng(0)), np.zeros(50)
    for arm in ARMS:
        tasks = world.many(arm, q)
        for make in USERS.values():
            single, many = make(np.random.default_rng(1)), make(np.random.default_rng(1))
            many.learn_many(arm, q, tasks)
            for k in range(50):
                single.learn(arm, 0.0, type(tasks)(*(np.asarray(part)[k] for part in tasks)))
            np.testing.assert_allclose(single.abandon(*arm), many.abandon(*arm))


@pytest.mark.parametrize("make", USERS.values(), ids=USERS)
def test_who_wavers_does_so_less_and_less(make):
    user, arm = make(np.random.default_rng(0)), Commitment(1, 0.45)  # q* lies inside (0, 1)
    assert isinstance(user, Wavering)
    spreads = []
    for tasks in (300, 30_000):
        rehearse(user, arm, tasks, seed=1)
        spreads.append(user.waver(arm, 2_000).std())
    assert spreads[1] < 0.7 * spreads[0]


def test_a_structural_user_without_a_generator_does_not_waver():
    user = rehearse(StructuralUser(V, T), Commitment(1, 0.45), 300)
    assert (user.waver(Commitment(1, 0.45), 5) == user.abandon(1, 0.45)).all()


def test_an_answer_to_what_was_never_met_is_that_to_the_nearest_of_the_route():
    user = RehearsingUser(V, T, np.random.default_rng(0))
    assert user.abandon(1, 0.3) == user.abandon(2, 0.0) == 0.0
    rehearse(user, Commitment(1, 1.0), 5_000)
    rehearse(user, Commitment(1, 0.1), 5_000)
    assert user.abandon(1, 0.9) == user.abandon(1, 1.0) > 0
    assert user.abandon(1, 0.2) == user.abandon(1, 0.1)
    assert user.abandon([1, 2], [0.9, 0.0]).shape == (2,)


class Notes:
    """Plays two commitments in turn, by plan; notes who learned how much, and where."""

    def __init__(self):
        self.turn, self.log = 0, []

    def plan(self):
        return Commitment(1, (0.25, 0.75)[self.turn % 2]), 30

    def act(self):
        return self.plan()[0]

    def update_many(self, commitment, costs):
        self.turn += 1
        self.log.append(("provider", commitment.cascade, costs.tasks))

    def update(self, commitment, task):
        raise AssertionError("batches only")

    def recommend(self):
        return Commitment(1, 0.25)


class Pupil(RehearsingUser):
    """Notes what it is taught."""

    def learn_many(self, commitment, q, tasks):
        self.log.append(("user", commitment.cascade, len(q)))
        super().learn_many(commitment, q, tasks)


def noted(scheme, **how):
    provider, user = Notes(), Pupil(V, T, np.random.default_rng(0))
    user.log = provider.log
    done = list(scheme(provider, user, World(GAME, np.random.default_rng(1)), **how))
    return provider.log, done


def test_rehearsals_come_before_the_first_play_of_a_commitment():
    log, done = noted(schemes.rehearsed, tasks=320, practice=100)
    assert log == [
        ("user", 0.25, 100),
        ("provider", 0.25, 30),
        ("user", 0.75, 100),
        ("provider", 0.75, 30),
        ("provider", 0.25, 30),
        ("provider", 0.75, 30),
    ]
    assert done == [100, 130, 230, 260, 290, 320]


def test_planners_are_cut_at_the_end_of_a_turn_and_the_user_follows_where_they_went():
    log, done = noted(schemes.alternating, tasks=200, turn=50)
    assert log[:4] == [
        ("user", 0.25, 30),
        ("user", 0.25, 20),
        ("provider", 0.25, 30),
        ("provider", 0.75, 20),
    ]
    assert log[4:6] == [("user", 0.25, 30), ("user", 0.75, 20)]
    assert done[-1] == 200


def test_two_timescale_and_blocks_play_batches():
    log, done = noted(schemes.two_timescale, tasks=240, ratio=3)
    assert log == [
        ("user", 0.25, 90),
        ("provider", 0.25, 30),
        ("user", 0.75, 90),
        ("provider", 0.75, 30),
    ]
    assert done == [120, 240]
    log, done = noted(schemes.blocks, tasks=200, length=100)
    assert log == [
        ("user", 0.25, 50),
        ("provider", 0.25, 50),
        ("user", 0.75, 50),
        ("provider", 0.75, 50),
    ]
    assert done == [100, 200]


def test_a_wary_leader_keeps_off_the_cliff_that_its_follower_cannot_place():
    game = GAMES["t4-cascade"]
    value, latency = float(game.value), tuple(map(float, game.latency))
    for seed in range(4):
        provider = RefiningUCB()
        user = StructuralUser(value, latency, rng=np.random.default_rng(seed))
        world, rng = World(game, np.random.default_rng(seed)), np.random.default_rng(seed)
        how = {"practice": 20_000, "rng": rng, "each": 100}
        for _ in schemes.follower_first(provider, user, world, 100_000, **how):
            pass
        regret = provider_regret(game, *provider.recommend()) / solve(game).cost
        assert regret < 0.2  # a hair left of the cliff it is 1.06
