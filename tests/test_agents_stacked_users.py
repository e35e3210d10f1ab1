"""Users that train side by side: stable-baselines3's updates, and each cell as if it were alone."""

from dataclasses import replace

import numpy as np
import pytest

from routing_game.agents import sb3_users
from routing_game.agents.hats import KNOTS, coordinate, places, read, spread
from routing_game.agents.lessons import Answered, Answers, Chosen, Decisions
from routing_game.agents.plain import falling
from routing_game.agents.policy_gradient import Adam
from routing_game.agents.stacked_ppo_users import (
    DECIDES,
    StackedPPOAnswerUser,
    StackedPPOModelUser,
    StackedPPOUser,
)
from routing_game.agents.stacked_q_users import StackedQUser
from routing_game.agents.stacked_users import Cells, Times
from routing_game.envs import UserVectorEnv
from routing_game.envs.answer import AnswerVectorEnv
from routing_game.envs.sb3 import SB3VecEnv
from routing_game.experiments.cells.records import Record
from routing_game.experiments.check.judge import judge_users
from routing_game.experiments.check.learners import LEARNERS
from routing_game.experiments.play import UserCohort
from routing_game.theory import GAMES, Game, payoffs, user_regret
from routing_game.theory.chain import Chain, evaluate

USERS = ("ppo-user", "ppo-user-model", "ppo-user-answer", "q-user")
ENDLESS = Game(
    1.0, 1.0, success=(0.0373, 0.1512), latency=(0.0166, 1.33), cost=(0.1, 0.2)
)  # M1 is worth waiting for; M2 takes 8.8 V to solve a task, and s_L = .002
SLOW = Game(
    1.0, 1.0, success=(0.00608, 0.1924), latency=(0.00825, 0.01006), cost=(0.1, 0.2)
)  # without M2 a task takes 1.4 V


pytestmark = pytest.mark.usefixtures("one_thread")


def cohort(games, seed=0):
    """The world of one user in each game, and what time is to them."""
    rngs = [np.random.default_rng([seed, k]) for k in range(len(games))]
    times = Times.of([game.value for game in games], [game.latency for game in games])
    return UserCohort(games, rngs), times


def trained(make, games, tasks, seed=0, **how):
    world, times = cohort(games, seed)
    rngs = [np.random.default_rng([seed, k, 1]) for k in range(len(games))]
    user = make(Cells(world, times, rngs, tasks), **how)
    used = [*user.train()]
    assert tasks - len(used) < used[-1] <= tasks
    return user


def streams(n, seed):
    worlds = [np.random.SeedSequence([seed, k, 0]) for k in range(n)]
    return worlds, [np.random.SeedSequence([seed, k, 1]) for k in range(n)]


# Hats


def test_tables_are_linear_between_knots():
    rng = np.random.default_rng(0)
    tables = rng.standard_normal((3, 2 * KNOTS))
    kind, place = rng.integers(0, 2, (3, 50)), rng.random((3, 50))
    place[:, :2] = 0.0, 1.0
    knots = np.linspace(0.0, 1.0, KNOTS)
    rows = tables.reshape(3, 2, KNOTS)
    wanted = [
        [np.interp(x, knots, rows[k, i]) for x, i in zip(place[k], kind[k], strict=True)]
        for k in range(3)
    ]
    np.testing.assert_allclose(read(tables, places(kind, place, 2)), wanted, rtol=1e-12)


def test_spread_is_the_gradient_of_a_sum_of_readings():
    rng = np.random.default_rng(1)
    tables, number = rng.standard_normal((2, KNOTS)), rng.standard_normal((2, 30))
    at = places(0, rng.random((2, 30)), 1)
    slope = spread(number, at, tables)
    for row, knot in ((0, 3), (1, 40), (0, KNOTS - 1)):
        up = np.zeros_like(tables)
        up[row, knot] = 1.0  # a reading is linear in the table
        assert slope[row, knot] == pytest.approx((number * read(up, at)).sum())


# The world


def test_tasks_are_those_of_the_chain_whether_or_not_the_user_sees_the_model():
    n = 60_000
    games = [GAMES["t4-cascade"], GAMES["t5-cascade"]]
    for route, s, q1, q2 in ((1, 0.3, 0.1, 0.6), (1, 0.05, 0.7, 0.0), (2, 0.5, 0.9, 0.2)):
        world, _ = cohort(games)
        one = np.ones((2, n))
        *passes, solved = world.play(route * one, s * one, q1, q2)
        for k, game in enumerate(games):
            cost = game.cost[0] * passes[0][k] + game.cost[1] * passes[1][k]
            cost = cost + game.penalty * (1 - solved[k])
            wanted = evaluate(Chain.of(game, s), route, np.array([q1, q2])).cost
            assert abs(cost.mean() - wanted) <= 4.5 * cost.std() / np.sqrt(n)


def test_commitments_are_uniform():
    route, cascade = cohort([GAMES["t4-cascade"]])[0].offer(100_000)
    assert set(route.ravel()) == {1, 2}
    assert abs((route == 1).mean() - 0.5) < 0.01
    np.testing.assert_allclose(
        np.quantile(cascade[route == 1], [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.01
    )


# What was decided in a task


class Told:
    """A world whose tasks are written down: (route, passes of M1, passes of M2, solved)."""

    def __init__(self, tasks):
        self.tasks = np.array(tasks).T[:, None]

    def offer(self, n):
        assert n == self.tasks.shape[-1]
        return self.tasks[0], np.full((1, n), 0.5)

    def play(self, route, cascade, abandon, abandon_2=None):
        return self.tasks[1], self.tasks[2], self.tasks[3].astype(bool)


TASKS = [
    (1, 1, 0, 1), (1, 1, 0, 0), (1, 4, 0, 1), (1, 3, 0, 0), (1, 1, 1, 1), (1, 2, 3, 1),
    (1, 3, 2, 0), (1, 1, 4, 0), (2, 0, 1, 1), (2, 0, 1, 0), (2, 0, 5, 1), (2, 0, 4, 0),
]  # fmt: skip
T1, T2 = 0.3, 0.7


def decisions(task):
    """Pass by pass: (model that failed, stayed or left, return from there on)."""
    _, n1, n2, solved = task
    models = [1] * n1 + [2] * n2
    made = []
    for k, model in enumerate(models):
        ahead = models[k + 1 :]
        if ahead:
            made.append((model, "stay", solved - sum(T1 if m == 1 else T2 for m in ahead)))
        elif not solved:
            made.append((model, "leave", 0.0))
    return made


@pytest.mark.parametrize("make", [StackedPPOUser, StackedPPOModelUser])
def test_decisions_of_whole_tasks_are_those_pass_by_pass(make):
    times = Times.of([1.0], [(T1, T2)])
    how = replace(DECIDES, updates=1, minibatches=1)
    cells = Cells(Told(TASKS), times, [np.random.default_rng(0)], len(TASKS))
    user = make(cells, how)
    route, cascade = user._world.offer(len(TASKS))
    (batch,) = user._decisions(route, cascade)
    entries = len(TASKS)
    for k, task in enumerate(TASKS):
        made = decisions(task)
        columns = {k: (1, 2)} if make is StackedPPOUser else {k: (1,), entries + k: (2,)}
        for column, models in columns.items():
            stays = [worth for m, what, worth in made if m in models and what == "stay"]
            left = sum(m in models and what == "leave" for m, what, _ in made)
            assert batch.stays[0, column] == len(stays)
            assert batch.left[0, column] == left
            assert batch.stays[0, column] * batch.worth[0, column] == pytest.approx(sum(stays))


# Updates


def observed(buffer):
    """What stable-baselines3 saw, did and was told in a rollout, each (1, n)."""
    seen = np.float64(buffer.observations).reshape(-1, buffer.observations.shape[-1])
    return (
        seen,
        np.float64(buffer.actions).reshape(1, -1),
        np.float64(buffer.returns).reshape(1, -1),
    )


def seen_at(seen):
    """Where an observation (i, s) or (i, s, model) is read on hats even in s."""
    route, s, *model = seen.T
    kind = route - 1 if not model else 2 * (route - 1) + model[0] - 1
    return places(kind.astype(np.int64)[None], s[None], 2 ** (seen.shape[1] - 1))


def plainly(user):
    """One minibatch, no bias (hats add up to 1), gradients of any length."""
    model = user._model
    model.batch_size, model.max_grad_norm = model.n_steps * model.n_envs, 1e9
    for net in (model.policy.action_net, model.policy.value_net):
        net.bias.requires_grad_(False)
        net.bias.data.zero_()
    return user


def tables(user):
    """Policy and value, each (1, features); of two logits the difference."""
    policy = user._model.policy
    action, value = (
        net.weight.detach().double().numpy() for net in (policy.action_net, policy.value_net)
    )
    return (action[1] - action[0] if len(action) == 2 else action[0])[None].copy(), value.copy()


def descend(tables, adams, lesson, rates, epochs):
    """Go through one minibatch, as users do."""
    for _ in range(epochs):
        slopes = [lesson.slope(read(tables[0], lesson.at)), lesson.miss(read(tables[1], lesson.at))]
        for table, adam, slope, rate in zip(tables, adams, slopes, rates, strict=True):
            table += adam.step(spread(slope, lesson.at, table), rate)


@pytest.mark.parametrize(
    ("make", "observes"), [(sb3_users.PPOUser, "strategy"), (sb3_users.PPOModelUser, "model")]
)
def test_updates_of_users_who_decide_are_those_of_stable_baselines3(make, observes):
    env = SB3VecEnv(UserVectorEnv(64, GAMES["t5-cascade"], observes=observes, infos="none"))
    env.seed(0)
    settings = replace(sb3_users.USER, steps=32)
    user = plainly(make(env, np.random.default_rng(1), settings))
    ours, training = tables(user), user.train()
    adams = [Adam(table.shape) for table in ours]
    for update in range(4):
        next(training)
        seen, left, returns = observed(user._model.rollout_buffer)
        batch = Decisions(seen_at(seen), 1 - left, returns, left)
        before = ours[0].copy()
        lesson = Chosen.of(*ours, batch, clip=0.2)
        rate = falling(settings.learning_rate, update / (settings.updates - 1))
        descend(ours, adams, lesson, (2 * rate, rate), epochs=4)
        assert np.abs(ours[0] - before).max() > 0.1
        for mine, theirs in zip(ours, tables(user), strict=True):
            np.testing.assert_allclose(mine, theirs, atol=1e-4)


def test_updates_of_users_who_answer_are_those_of_stable_baselines3():
    env = SB3VecEnv(AnswerVectorEnv(256, GAMES["t4-cascade"]))
    env.seed(0)
    settings = replace(sb3_users.ANSWER, updates=20)
    user = plainly(sb3_users.PPOAnswerUser(env, np.random.default_rng(1), settings))
    ours, training = tables(user), user.train()
    adams = [Adam(table.shape) for table in ours]
    for update in range(4):
        progress = update / (settings.updates - 1)
        noise = falling(settings.noise, progress)
        np.clip(ours[0], -1.0, 1.0, out=ours[0])
        next(training)
        seen, action, utility = observed(user._model.rollout_buffer)
        at = seen_at(seen)
        batch = Answers(at, action, read(ours[0], at), utility)
        lesson = Answered.of(ours[1], batch, noise, clip=0.2)
        rate = falling(settings.learning_rate, progress)
        before = ours[0].copy()
        descend(ours, adams, lesson, (rate, rate), epochs=4)
        assert np.abs(ours[0] - before).max() > 0.1
        for mine, theirs in zip(ours, tables(user), strict=True):
            np.testing.assert_allclose(mine, theirs, atol=1e-3)


def test_many_stays_are_as_so_many_decisions():
    rng = np.random.default_rng(0)
    n = 40
    place = rng.random((1, n))
    stays, left = rng.integers(0, 4, (1, n)).astype(float), rng.integers(0, 2, (1, n)).astype(float)
    worth = rng.standard_normal((1, n))
    policy, value = rng.standard_normal((2, 1, KNOTS))
    together = Decisions(places(0, place, 1), stays, worth, left)
    times = stays[0].astype(int)
    kept = np.flatnonzero(left[0])
    apart = Decisions(
        places(0, np.concatenate([np.repeat(place[0], times), place[0, kept]])[None], 1),
        np.concatenate([np.ones(times.sum()), np.zeros(len(kept))])[None],
        np.concatenate([np.repeat(worth[0], times), np.zeros(len(kept))])[None],
        np.concatenate([np.zeros(times.sum()), np.ones(len(kept))])[None],
    )
    now = policy + 0.3 * rng.standard_normal((1, KNOTS))
    slopes = []
    for batch in (together, apart):
        lesson = Chosen.of(policy, value, batch, clip=0.2)
        slopes.append(
            [
                spread(lesson.slope(read(now, lesson.at)), lesson.at, now),
                spread(lesson.miss(read(value, lesson.at)), lesson.at, value),
            ]
        )
    np.testing.assert_allclose(slopes[0], slopes[1], rtol=1e-9, atol=1e-12)


# Learning


@pytest.mark.parametrize("name", USERS)
def test_a_cell_learns_the_same_in_whatever_company(name):
    games = [GAMES["t4-cascade"], SLOW, GAMES["t5-cascade"], ENDLESS, GAMES["t5-cascade"]]
    worlds, agents = streams(len(games), 0)
    train = LEARNERS[name].train
    together = train(games, 20_003, worlds, agents)
    for k, game in enumerate(games):
        assert train([game], 20_003, worlds[k : k + 1], agents[k : k + 1]) == [together[k]]
    assert together[2] != together[4]


@pytest.mark.parametrize("name", USERS)
@pytest.mark.parametrize("tasks", [1, 2, 64, 799])
def test_practice_is_kept_to(name, tasks):
    (trace,) = LEARNERS[name].train([GAMES["t4-cascade"]], tasks, *streams(1, 0))
    trace.check()
    assert tasks / 2 < trace.practice[-1] <= tasks


def test_users_need_a_task():
    for make in (StackedPPOUser, StackedPPOAnswerUser, StackedQUser):
        with pytest.raises(ValueError, match="tasks"):
            trained(make, [GAMES["t4-cascade"]], 0)


@pytest.mark.parametrize("name", USERS)
def test_no_setting_depends_on_a_games_unit(name):
    game = GAMES["t5-cascade"]
    seconds = replace(game, value=64.0, latency=tuple(64.0 * t for t in game.latency))
    train = LEARNERS[name].train
    traces = [train([x], 20_000, *streams(1, 0))[0] for x in (game, seconds)]
    assert traces[0] == traces[1]  # 64 is a power of two: nothing is rounded


def regrets(name, games, tasks, seed=0):
    """Of the last answers, as `check` judges them, a share of V."""
    traces = LEARNERS[name].train(games, tasks, *streams(len(games), seed))
    return [
        judge_users(game, [Record(name, "game", 0, "run", None, 0.0, None, trace)])["regret"][-1]
        for game, trace in zip(games, traces, strict=True)
    ]


@pytest.mark.parametrize("name", USERS)
def test_users_learn(name):
    games = [GAMES["t4-cascade"], GAMES["t5-cascade"]]
    assert max(regrets(name, games, 200_000)) <= 0.01


def test_values_of_staying_are_those_of_staying_to_the_end():
    game = GAMES["t5-cascade"]
    user = trained(StackedQUser, [game], 400_000)
    for route, k in ((1, game.failure[0]), (2, game.failure[1])):
        s = np.linspace(0.05, 0.95, 10)
        stay, leave = (payoffs(game, route, s, q).utility for q in (0.0, 1.0))
        at = places(route - 1, coordinate(s)[None], 2)
        np.testing.assert_allclose(read(user.value, at)[0], (stay - leave) / k, atol=0.1)


def test_a_greedy_user_does_not_stay_where_waiting_has_no_end():
    user = trained(StackedQUser, [ENDLESS, SLOW], 300_000)
    s = np.linspace(0.0, 1.0, 101)
    for k, game in enumerate((ENDLESS, SLOW)):
        regret = user_regret(game, 1, s, user.abandon(1, s)[k])
        best = np.minimum(*(user_regret(game, 1, s, q) for q in (0.0, 1.0)))
        assert regret.mean() <= best.mean() + 0.003
        assert regret.max() <= 0.2


# Tuning games: none of the fresh ones that learners are judged on
FOUR = [
    Game(2.66, 1.0, (0.139, 0.737), (0.764, 0.847), (0.2, 0.6)),
    Game(1.85, 1.0, (0.247, 0.419), (0.393, 0.849), (0.2, 0.6)),
    Game(44.0, 1.0, (0.244, 0.409), (1.0, 27.9), (0.2, 0.6)),
    Game(4.58, 1.0, (0.16, 0.694), (1.0, 2.13), (0.2, 0.6)),
]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ppo-user", "ppo-user-model", "ppo-user-answer"])
def test_regret_at_the_end_is_no_worse_than_stable_baselines3s(name):
    """Two samples of five seeds a game, pooled; equal on average, or ours less."""
    games = [GAMES["t4-cascade"], GAMES["t5-cascade"], *FOUR]
    tasks = LEARNERS[name].budgets["full"][0]
    control = f"{name}-sb3"
    practice = LEARNERS[control].budgets["full"][0]
    excess = []
    for seed in range(5):
        ours, theirs = regrets(name, games, tasks, seed), regrets(control, games, practice, seed)
        assert max(ours) <= 0.005
        excess.append(np.subtract(ours, theirs))
    mean, error = np.mean(excess, axis=0), np.std(excess, axis=0, ddof=1) / np.sqrt(5)
    assert (mean <= 4.6 * error).all()  # Student's t with 4 degrees of freedom, 1 % over six games
