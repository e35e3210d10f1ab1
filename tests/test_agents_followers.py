"""Users that learn, and the schemes by which both sides learn together."""

import numpy as np
import pytest

import routing_game.agents as agents
from routing_game.agents import schemes
from routing_game.agents.table_users import utilities
from routing_game.experiments.play import World
from routing_game.theory import (
    GAMES,
    Commitment,
    Task,
    best_response,
    payoffs,
    sample_games,
    user_regret,
)

GAME = GAMES["t5-cascade"]
V, T = float(GAME.value), tuple(map(float, GAME.latency))
FOLLOWERS = {
    "exact": lambda rng: agents.NoLearning(agents.BestResponseUser(GAME)),
    "structural": lambda rng: agents.StructuralUser(V, T),
    "tabular": lambda rng: agents.TabularUser(V, T, rng),
    "rehearsing": lambda rng: agents.RehearsingUser(V, T, rng),
    "contextual": lambda rng: agents.TabularUser(V, T, rng, interpolate=True),
    "weights": lambda rng: agents.MultiplicativeWeights(V, T, rng),
    "blind": lambda rng: agents.MultiplicativeWeights(V, T, rng, cascades=1),
}
ASKED = np.repeat([1, 2], [11, 1]), np.append(np.linspace(0, 1, 11), 0.5)


def taught(make, seed=0, tasks=400):
    """A follower after some tasks, and what it played in each."""
    follower, world = (
        make(np.random.default_rng(seed)),
        World(GAME, np.random.default_rng(seed + 1)),
    )
    rng, played = np.random.default_rng(seed + 2), []
    for _ in range(tasks):
        commitment = Commitment(int(rng.integers(1, 3)), float(rng.random()))
        q = follower.reply(commitment)
        follower.learn(commitment, q, world(commitment, q))
        played.append(q)
    return follower, played


@pytest.mark.parametrize("name", FOLLOWERS)
class TestFollowers:
    def test_contract(self, name):
        follower, played = taught(FOLLOWERS[name])
        assert isinstance(follower, agents.Follower)
        assert isinstance(follower, agents.User)
        answers = follower.abandon(*ASKED)
        assert answers.shape == (12,)
        assert ((answers >= 0) & (answers <= 1)).all()
        assert all(type(q) is float and 0 <= q <= 1 for q in played)
        again, played_again = taught(FOLLOWERS[name])
        assert played == played_again
        np.testing.assert_array_equal(answers, again.abandon(*ASKED))

    def test_who_forgets_is_as_new(self, name):
        follower, _ = taught(FOLLOWERS[name])
        follower.forget()
        np.testing.assert_array_equal(
            follower.abandon(*ASKED), FOLLOWERS[name](np.random.default_rng(0)).abandon(*ASKED)
        )


@pytest.mark.parametrize("k", range(15))
def test_one_task_teaches_about_every_q_without_bias(k):
    rng = np.random.default_rng(k)
    game = sample_games(15, np.random.default_rng(4))[k]
    commitment, q = Commitment(int(rng.integers(1, 3)), float(rng.random())), rng.random() * 0.7
    answers, world = np.linspace(q / 2, 1.0, 6), World(game, rng)
    value, latency = float(game.value), tuple(map(float, game.latency))
    estimates = np.array(
        [utilities(world(commitment, q), q, answers, value, latency) for _ in range(6000)]
    )
    expected = payoffs(game, *commitment, answers).utility
    assert (
        abs(estimates.mean(axis=0) - expected) < 4.5 * estimates.std(axis=0) / np.sqrt(6000) + 1e-9
    ).all()


def test_who_leaves_at_once_learns_nothing_of_waiting():
    with pytest.raises(ValueError, match="learns nothing"):
        utilities(Task(1, 0, False, 1.0, -1.0, False), 1.0, np.zeros(2), 1.0, (0.1, 0.2))


@pytest.mark.parametrize("name", ["t4-cascade", "t5-cascade", "value-cheap", "latency-low-penalty"])
def test_the_structural_user_comes_close_to_the_best_response(name):
    game = GAMES[name]
    follower, world = (
        agents.StructuralUser(float(game.value), tuple(map(float, game.latency))),
        World(game, np.random.default_rng(0)),
    )
    rng = np.random.default_rng(1)
    for _ in range(4_000):
        commitment = Commitment(int(rng.integers(1, 3)), float(rng.random()))
        q = follower.reply(commitment)
        follower.learn(commitment, q, world(commitment, q))
    route, cascade = np.repeat([1, 2], [101, 1]), np.append(np.linspace(0, 1, 101), 0.0)
    regret = user_regret(game, route, cascade, follower.abandon(route, cascade))
    assert regret.mean() < 0.005 * game.value


@pytest.mark.parametrize("kind", ["tabular", "weights"])
def test_tables_find_the_best_answer_to_a_commitment(kind):
    follower, world = (
        FOLLOWERS[kind](np.random.default_rng(3)),
        World(GAME, np.random.default_rng(4)),
    )
    for commitment in (Commitment(1, 0.0), Commitment(1, 1.0), Commitment(2, 0.0)):
        for _ in range(6000):
            q = follower.reply(commitment)
            follower.learn(commitment, q, world(commitment, q))
        best = best_response(GAME, *commitment).strong
        regret = user_regret(GAME, *commitment, float(follower.abandon(*commitment)))
        assert regret < 0.05 * V, (commitment, best)


class Ledger:
    """A provider and a user that note what happens to them."""

    def __init__(self):
        self.log = []

    def act(self):
        self.log.append("act")
        return Commitment(1, 0.5)

    def update(self, commitment, task):
        assert commitment == Commitment(1, 0.5)
        self.log.append("update")

    def recommend(self):
        return Commitment(1, 0.5)

    def reply(self, commitment):
        return 0.25

    def learn(self, commitment, q, task):
        assert q == 0.25
        self.log.append("learn")

    def abandon(self, route, cascade):
        return np.asarray(0.75)

    def forget(self):
        self.log.append("forget")


def played(scheme, *arguments):
    """The log of a scheme, the q of each task, and the numbers of tasks it yields."""
    both, q_played = Ledger(), []

    def world(commitment, q):
        q_played.append(q)
        return Task(1, 0, True, 0.1, 0.9, False)

    done = list(scheme(both, both, world, *arguments))
    return both.log, q_played, done


def test_follower_first_learns_then_stays_as_it_is():
    log, q, done = played(schemes.follower_first, 3, 4, np.random.default_rng(0))
    assert log == ["learn"] * 4 + ["act", "update"] * 3
    assert q == [0.25] * 4 + [0.75] * 3
    assert done == [5, 6, 7]


def test_alternating_takes_turns_and_the_user_begins():
    log, q, done = played(schemes.alternating, 8, 2)
    first, provider = ["act", "learn"] * 2, ["act", "update"] * 2
    assert log == first + provider + ["learn"] * 2 + provider  # again where the provider went
    assert q == [0.25, 0.25, 0.75, 0.75] * 2
    assert done == list(range(1, 9))


def test_two_timescale_teaches_the_user_more():
    log, q, done = played(schemes.two_timescale, 9, 3)
    assert log == ["act", "learn", "learn", "learn", "update"] * 2
    assert q == [0.25, 0.25, 0.25, 0.75] * 2
    assert done == [4, 8]


def test_blocks_are_judged_by_their_second_half():
    log, _, done = played(schemes.blocks, 8, 4)
    assert log == ["act", "forget", "learn", "learn", "update", "update"] * 2
    assert done == [4, 8]


def test_simultaneous_learns_from_every_task():
    log, q, done = played(schemes.simultaneous, 3)
    assert log == ["act", "learn", "update"] * 3
    assert (q, done) == ([0.25] * 3, [1, 2, 3])


@pytest.mark.parametrize("arguments", [(0, 4), (4, 0)])
def test_schemes_need_tasks(arguments):
    for scheme in (schemes.alternating, schemes.two_timescale, schemes.blocks):
        with pytest.raises(ValueError, match="at least 1"):
            played(scheme, *arguments)


@pytest.mark.parametrize("name", GAMES)
def test_the_world_agrees_with_closed_forms(name):
    game, commitment, q = GAMES[name], Commitment(1, 0.4), 0.3
    world = World(game, np.random.default_rng(0), max_passes=3)
    tasks = [world(commitment, q) for _ in range(8000)]
    expected = payoffs(game, *commitment, q)
    for sample, theory in (
        ([t.cost for t in tasks], expected.cost),
        ([t.utility for t in tasks], expected.utility),
    ):
        assert abs(np.mean(sample) - theory) < 4 * np.std(sample) / np.sqrt(len(sample))


@pytest.mark.parametrize("make", FOLLOWERS.values(), ids=FOLLOWERS)
def test_one_commitment_is_answered_as_many_are(make):
    follower, _ = taught(make)
    rng = np.random.default_rng(3)
    route, cascade = rng.integers(1, 3, 300), np.append(rng.random(298), [0.0, 1.0])
    pairs = zip(route.tolist(), cascade.tolist(), strict=True)
    assert [float(follower.abandon(i, s)) for i, s in pairs] == (
        follower.abandon(route, cascade).tolist()
    )
