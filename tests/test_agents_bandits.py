"""Laws of the bandits: what they may drop and depend on; batches change nothing but speed."""

import numpy as np
import pytest
from scipy import stats

from routing_game.agents import (
    EXP3,
    UCB,
    Elimination,
    EpsilonGreedy,
    Tally,
    Thompson,
    UCBTuned,
    Zooming,
)
from routing_game.agents.zooming import FEW
from routing_game.envs import ProviderEnv
from routing_game.experiments.check.learners import LEARNERS, Seed
from routing_game.experiments.play import checkpoints, play, play_batches
from routing_game.theory import GAMES, Commitment, Task, load, outcome, provider_regret, solve

BANDITS = {
    "ucb": lambda rng: UCB(),
    "ucb-tuned": lambda rng: UCBTuned(),
    "thompson": Thompson,
    "epsilon-greedy": EpsilonGreedy,
    "exp3": EXP3,
    "elimination": lambda rng: Elimination(),
    "zooming": lambda rng: Zooming(),
}
PLANNERS = {"elimination": Elimination, "zooming": Zooming}


def paid(cost):
    return Task(1, 0, True, cost, 0.0)


def plan_and_play(planner, mean, tasks, rng, spread=0.3):
    """Batches of normal costs around `mean(commitment)`; yields what was played, after each."""
    done = 0
    while done < tasks:
        commitment, wanted = planner.plan()
        costs = mean(commitment) + spread * rng.standard_normal(wanted)
        planner.update_many(commitment, Tally.of(costs))
        done += wanted
        yield commitment, costs


def finish(iterator):
    for _ in iterator:
        pass


# --- tallies ---


def test_tally_is_that_of_all_costs_together():
    rng = np.random.default_rng(0)
    one, other = rng.exponential(1.0, 70), rng.exponential(2.0, 30)
    both = np.concatenate([one, other])
    tally = Tally.of(one).joined(Tally.of(other))
    assert tally.tasks == 100
    assert tally.mean == pytest.approx(both.mean())
    assert tally.variance == pytest.approx(both.var())
    assert Tally.of([0.1] * 3).variance >= 0.0  # rounding makes no negative one


@pytest.mark.parametrize("make", BANDITS.values(), ids=BANDITS)
def test_costs_told_one_by_one_or_together_are_the_same(make):
    single, batched = (make(np.random.default_rng(0)) for _ in range(2))
    rng = np.random.default_rng(1)
    arms = [Commitment(2, 0.0), *(Commitment(1, k / 4) for k in range(4))]
    for arm in arms:
        costs = 1.0 + arm.cascade + rng.exponential(0.1, 100)
        for cost in costs:
            single.update(arm, paid(cost))
        batched.update_many(arm, Tally.of(costs))
    assert single.recommend() == batched.recommend()


# --- the scale of costs is unknown ---


@pytest.mark.parametrize("make", BANDITS.values(), ids=BANDITS)
def test_what_is_played_does_not_depend_on_the_unit_of_cost(make):
    def played(scale):
        bandit, rng = make(np.random.default_rng(5)), np.random.default_rng(3)
        for _ in range(400):
            arm = bandit.act()
            bandit.update(arm, paid(scale * float(rng.exponential(1.0 + arm.cascade))))
            yield arm, bandit.recommend()

    assert [*played(1.0)] == [*played(1024.0)]


# --- how each explores ---


def test_epsilon_greedy_explores_at_its_rate():
    bandit, tasks, elsewhere = EpsilonGreedy(np.random.default_rng(0), cascades=4), 20_000, 0
    rng = np.random.default_rng(1)
    for _ in range(tasks):
        arm = bandit.act()
        elsewhere += arm != Commitment(1, 0.0)
        bandit.update(
            arm, paid((0.0 if arm == Commitment(1, 0.0) else 1.0) + 0.01 * rng.standard_normal())
        )
    t = np.arange(5, tasks)
    expected = 0.8 * np.minimum(1.0, (5 * np.log(t) / t) ** (1 / 3)).sum()
    assert elsewhere == pytest.approx(expected, abs=5 * expected**0.5)


def test_exp3_plays_cheap_arms_more_and_every_arm_at_times():
    bandit, rng, plays = EXP3(np.random.default_rng(0), cascades=4), np.random.default_rng(1), {}
    for _ in range(20_000):
        arm = bandit.act()
        plays[arm] = plays.get(arm, 0) + 1
        bandit.update(
            arm, paid((0.0 if arm == Commitment(1, 0.5) else 1.0) + rng.standard_normal())
        )
    assert max(plays, key=plays.get) == Commitment(1, 0.5)
    assert plays[Commitment(1, 0.5)] > 16_000
    even = (
        np.minimum(1.0, (5 * np.log(5) / np.arange(1, 20_001)) ** 0.5).sum() / 5
    )  # what Auer et al. mix in
    assert min(plays.values()) > 0.8 * even


def test_exp3_follows_an_adversary():
    bandit, rng = EXP3(np.random.default_rng(0), cascades=1), np.random.default_rng(1)
    late = []
    for t in range(30_000):
        arm = bandit.act()
        cheap = 2 if t < 5_000 else 1  # the better arm changes
        bandit.update(arm, paid(float(arm.route != cheap) + 0.5 * rng.standard_normal()))
        late.append(arm.route)
    assert np.mean(np.array(late[4_000:5_000]) == 2) > 0.9
    assert np.mean(np.array(late[-1_000:]) == 1) > 0.9


def test_ucb_tuned_wastes_fewer_plays_on_a_steady_arm():
    def plays_of_the_steady_arm(bandit):
        rng, steady = np.random.default_rng(2), 0
        for _ in range(5_000):
            arm = bandit.act()
            steady += arm.route == 1
            bandit.update(
                arm, paid(1.2 + 0.01 * rng.random() if arm.route == 1 else 2.0 * rng.random())
            )
        return steady

    assert plays_of_the_steady_arm(UCBTuned(1)) < 0.7 * plays_of_the_steady_arm(UCB(1))


# --- dropping ---


def test_elimination_keeps_exactly_the_arms_whose_intervals_overlap():
    bandit, costs = Elimination(cascades=5), {}
    for arm, batch in plan_and_play(
        bandit, lambda c: 1.0 + 0.2 * c.cascade, 60_000, np.random.default_rng(0)
    ):
        costs[arm] = np.concatenate([costs.get(arm, []), batch])
        if len(costs) == 6:
            everything = np.concatenate([*costs.values()])
            unit = everything.std() * np.sqrt(2 * np.log(everything.size + 1))
            low, high = (
                {a: c.mean() + sign * unit / c.size**0.5 for a, c in costs.items()}
                for sign in (-1, 1)
            )
            assert {*bandit.survivors()} == {a for a in costs if low[a] <= min(high.values())}
            assert bandit.act() in bandit.survivors()
    assert len(bandit.survivors()) < 6


def test_elimination_plays_survivors_alike():
    bandit, plays = Elimination(cascades=5), {}
    for arm, batch in plan_and_play(bandit, lambda c: 1.0, 10_000, np.random.default_rng(0)):
        plays[arm] = plays.get(arm, 0) + batch.size
    assert len(bandit.survivors()) == 6
    assert max(plays.values()) <= 2 * min(plays.values())


def test_zooming_drops_only_what_another_interval_excludes():
    zooming, before = Zooming(), set()
    for _ in plan_and_play(zooming, lambda c: c.cascade, 100_000, np.random.default_rng(0)):
        alive = {*zooming.survivors()}
        assert alive
        best = min(zooming.interval(point)[1] for point in alive | before)
        for point in before - alive:
            assert zooming.interval(point)[0] > best
        before = alive


def test_an_interval_of_zooming_covers_the_mean_even_of_rare_costs():
    missed, point = 0, Commitment(1, 0.5)
    for seed in range(300):
        zooming, rng = Zooming(), np.random.default_rng(seed)
        for other in zooming.survivors():
            zooming.update_many(other, Tally.of(rng.exponential(1.0, 64)))
        zooming.update_many(
            point, Tally.of(5.0 * (rng.random(100) < 0.02))
        )  # most tasks cost nothing
        low, high = zooming.interval(point)
        mean = (64 * 1.0 + 100 * 0.1) / 164
        missed += not low <= mean <= high
    assert missed <= 6


@pytest.mark.parametrize("cliff", [0.03, 0.21, 0.3518, 0.5, 0.77, 0.99])
@pytest.mark.parametrize("good", ["left", "right"])
def test_zooming_finds_the_edge_of_a_cliff(cliff, good):
    def mean(commitment):
        route, s = commitment
        safe = s <= cliff if good == "left" else s >= cliff
        return 2.0 if route == 2 or not safe else 1.0 + 0.3 * abs(s - cliff)

    zooming = Zooming()
    finish(plan_and_play(zooming, mean, 1_000_000, np.random.default_rng(0)))
    assert mean(zooming.recommend()) <= 1.01


def test_zooming_refines_on_both_sides_of_the_few_and_not_where_many_are_as_good():
    few, many = Zooming(), Zooming()
    finish(
        plan_and_play(
            few, lambda c: abs(c.cascade - 0.5) + c.route, 5_000, np.random.default_rng(0)
        )
    )
    assert {0.46875, 0.53125} <= {s for _, s in few._costs}
    finish(plan_and_play(many, lambda c: float(c.route), 200_000, np.random.default_rng(0)))
    assert len(many.survivors()) > FEW
    assert len(many._costs) == 18


# --- batches ---


class Asks:
    """Always wants as many tasks of the same commitment; remembers the sizes and the sum."""

    def __init__(self, commitment, tasks):
        self.commitment, self.tasks, self.sizes, self.costs = (
            commitment,
            tasks,
            [],
            Tally(0, 0.0, 0.0),
        )

    def plan(self):
        return self.commitment, self.tasks

    def update_many(self, commitment, costs):
        assert commitment == self.commitment
        self.sizes.append(costs.tasks)
        self.costs = self.costs.joined(costs)

    def act(self):
        return self.commitment

    def update(self, commitment, task):
        self.update_many(commitment, Tally.of([task.cost]))

    def recommend(self):
        return self.commitment


def test_batches_stop_at_each_checkpoint():
    asks = Asks(Commitment(1, 0.5), 70)
    looks = [
        (done, sum(asks.sizes)) for done in play_batches(load("t4-cascade"), asks, 1_000, seed=0)
    ]
    assert looks == [(n, n) for n in checkpoints(1_000)]
    assert max(asks.sizes) == 70


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("commitment", [Commitment(2, 0.0), Commitment(1, 0.0), Commitment(1, 0.4)])
def test_batch_and_single_play_agree_in_law(name, commitment):
    game, batches, singles = load(name), Asks(commitment, 1_000), Asks(commitment, 1)
    finish(play_batches(game, batches, 200_000, seed=1))
    finish(play(ProviderEnv(game), singles, 3_000, seed=2))
    one, other = batches.costs, singles.costs
    error = np.sqrt(one.variance / one.tasks + other.variance / other.tasks)
    assert abs(one.mean - other.mean) <= 4 * error + 1e-9
    assert one.variance == pytest.approx(other.variance, rel=0.25)
    assert one.mean == pytest.approx(
        float(outcome(game, *commitment).cost), abs=4 * (one.variance / 200_000) ** 0.5
    )


@pytest.mark.parametrize("make", PLANNERS.values(), ids=PLANNERS)
def test_planners_learn_alike_from_single_tasks_and_batches(make):
    game = load("t5-cascade")
    ends = {"single": [], "batch": []}
    for seed in range(12):
        single, batch = make(), make()
        finish(play(ProviderEnv(game), single, 8_000, seed))
        finish(play_batches(game, batch, 8_000, seed))
        for kind, planner in (("single", single), ("batch", batch)):
            ends[kind].append(float(provider_regret(game, *planner.recommend())))
    assert stats.mannwhitneyu(*ends.values()).pvalue > 1e-3


@pytest.mark.parametrize("name", ["elimination", "zooming", "exp3"])
def test_the_seed_decides_everything(name):
    def trace(world, agent):
        return LEARNERS[name].train([load("t5-stay")], 5_000, [Seed(world)], [Seed(agent)])

    assert trace(1, 2) == trace(1, 2)
    assert trace(1, 2) != trace(3, 4)


@pytest.mark.parametrize("name", ["t4-cascade", "t5-cascade", "value-cheap"])
def test_regret_of_zooming_falls(name):
    game = load(name)
    regret = []
    for seed in range(6):
        zooming = Zooming()
        looks = [zooming.recommend() for _ in play_batches(game, zooming, 300_000, seed)]
        regret.append([float(provider_regret(game, *look) / solve(game).cost) for look in looks])
    early, middle, late = np.mean(regret, axis=0)[[0, len(regret[0]) // 2, -1]]
    assert late <= middle <= early
    assert late <= 0.01
