"""TD3, SAC and DQN side by side: gradients by autograd, races, windows, rows as if alone."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from routing_game.agents.contests import apart, contest
from routing_game.agents.critics import Twins
from routing_game.agents.off_policy import DQN, LEARNERS, SAC, TD3, Buffer, Draws, Learning
from routing_game.agents.windowed import Windowed, plan
from routing_game.experiments.play import Cohort
from routing_game.theory import GAMES, provider_regret, solve

ROWS, UNITS, N = 3, 5, 7
LEARNING = Learning(noise=(0.5, 0.2))
TINY = 2_000
"""Tasks: the fewest of which every part of the training is there."""


def cohort(names, seed=0):
    return Cohort([GAMES[name] for name in names], generators(names, seed))


def generators(names, seed):
    return [np.random.default_rng([list(GAMES).index(name), seed]) for name in names]


def trained(learner, names, tasks=TINY):
    provider = Windowed(cohort(names), generators(names, 1), tasks, learner=LEARNERS[learner])
    *_, done = provider.train()
    return done, *provider.recommend()


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def weights(rng):
    """In float64, so that they can be compared closely."""
    return (
        rng.normal(size=(ROWS, 2, UNITS, 2)),
        rng.normal(size=(ROWS, 2, 1, UNITS)),
        rng.normal(size=(ROWS, 2, 1, 1)),
    )


def q(parts, actions):
    """Both critics of a row, by torch: (2, n) of actions (n,)."""
    (inner, outer, bias), both = parts, []
    for k in range(2):
        hidden = torch.tanh(functional.linear(actions[:, None], inner[k, :, :1], inner[k, :, 1]))
        both.append(functional.linear(hidden, outer[k], bias[k, 0])[:, 0])
    return torch.stack(both)


def torch_rows(parts):
    """A row's weights as leaves of torch."""
    return [[torch.tensor(part[row], requires_grad=True) for part in parts] for row in range(ROWS)]


def test_a_step_of_the_critics_is_that_of_torch(rng):
    parts = weights(rng)
    rows = torch_rows(parts)
    twins = Twins(*(part.copy() for part in parts))
    adams = [torch.optim.Adam(row, lr=0.03) for row in rows]
    for _ in range(3):
        actions, rewards = rng.uniform(-1, 1, (ROWS, N)), rng.normal(size=(ROWS, N))
        twins.learn(actions, rewards, 0.03)
        for row, adam in enumerate(adams):
            adam.zero_grad()
            wanted = torch.tensor(rewards[row]).expand(2, -1)
            values = q(rows[row], torch.tensor(actions[row]))
            sum(functional.mse_loss(*pair) for pair in zip(values, wanted, strict=True)).backward()
            adam.step()
    for row in range(ROWS):
        for ours, theirs in zip(twins.weights, rows[row], strict=True):
            np.testing.assert_allclose(ours[row], theirs.detach().numpy(), rtol=1e-9, atol=1e-9)


def test_slopes_are_differences_of_values(rng):
    twins, actions, step = Twins(*weights(rng)), rng.uniform(-1, 1, (ROWS, N)), 1e-6
    values, slopes = twins.slopes(actions)
    higher, lower = twins.values(actions + step), twins.values(actions - step)
    np.testing.assert_allclose(values, twins.values(actions))
    np.testing.assert_allclose(slopes, (higher - lower) / (2 * step), atol=1e-7)


def test_fresh_critics_are_flat_and_their_steps_fill_the_window(rng):
    twins = Twins.spread(rng.random((ROWS, 2, 24)))
    inner, _, _ = twins.weights
    steps = -inner[..., 1] / inner[..., 0]
    assert not twins.values(np.linspace(-1, 1, N, dtype=np.float32)[None].repeat(ROWS, 0)).any()
    assert np.diff(np.sort(steps, axis=-1), axis=-1).max() < 0.2
    assert steps.min() >= -1.1
    assert steps.max() <= 1.1


@pytest.mark.parametrize("entropy", [0.0, 0.3])
def test_gradients_of_sac_are_those_of_autograd(rng, entropy):
    learner = SAC(Draws([np.random.default_rng(k) for k in range(ROWS)], 1), LEARNING)
    parts = weights(rng)
    learner._critics = Twins(*parts)
    mean, log = rng.normal(0, 0.5, (2, *learner._means.weights.shape))
    learner._means.weights, learner._logs.weights = mean, log
    normal = rng.normal(size=(*mean.shape, N))
    by_mean, by_log = learner.gradients(normal, entropy)
    for row, critics in enumerate(torch_rows(parts)):
        mu, log_sd = (torch.tensor(x[row], requires_grad=True) for x in (mean, log))
        gaussian = torch.distributions.Normal(mu[:, None], log_sd.exp()[:, None])
        raw = mu[:, None] + log_sd.exp()[:, None] * torch.tensor(normal[row])
        actions = torch.tanh(raw)
        log_pi = gaussian.log_prob(raw) - torch.log(1 - actions**2)
        lesser = q(critics, actions.flatten()).min(dim=0).values.reshape(actions.shape)
        (entropy * log_pi - lesser).mean(dim=1).sum().backward()
        np.testing.assert_allclose(by_mean[row], mu.grad, atol=1e-9)
        np.testing.assert_allclose(by_log[row], log_sd.grad, atol=1e-9)


def test_gradient_of_dqn_is_that_of_the_huber_loss(rng):
    learner = DQN(Draws([np.random.default_rng(k) for k in range(ROWS)], 1), LEARNING)
    learner._values.weights = rng.normal(size=(ROWS, DQN.count)).astype(np.float32)
    chosen = rng.integers(0, DQN.count, (ROWS, N))
    rewards = rng.normal(0, 3, (ROWS, N)).astype(np.float32)
    ours = learner.gradient(np.linspace(-1, 1, DQN.count, dtype=np.float32)[chosen], rewards)
    for row in range(ROWS):
        values = torch.tensor(learner._values.weights[row], requires_grad=True)
        picked = values[torch.tensor(chosen[row])]
        functional.smooth_l1_loss(picked, torch.tensor(rewards[row])).backward()
        np.testing.assert_allclose(ours[row], values.grad, atol=1e-6)


def hill(learner, rounds=150):
    """The actions a learner finds best where rewards are highest at -.3, and noisy."""
    draws = Draws([np.random.default_rng(k) for k in range(ROWS)], 1)
    pupil = LEARNERS[learner](draws, LEARNERS[learner].tuned)
    buffer, rng = Buffer(ROWS, 64 * rounds), np.random.default_rng(9)
    for update in range(rounds):
        actions = pupil.act(update / rounds, 64)
        rewards = -2 * np.abs(actions + 0.3) + rng.normal(0, 1, actions.shape)
        buffer.add(actions, rewards / pupil.spread)
        pupil.learn(buffer, update / rounds)
    return pupil.candidates()


@pytest.mark.parametrize("learner", LEARNERS)
def test_each_learner_finds_the_top_of_a_hill(learner):
    assert np.abs(hill(learner)[:, 0] + 0.3).max() < 0.2


def test_actors_of_td3_follow_the_first_critic_and_every_other_update():
    draws = Draws([np.random.default_rng(0)], 1)
    learner = TD3(draws, LEARNING)
    _, outer, _ = learner._critics.weights
    outer[:, 0], outer[:, 1] = 1.0, -3.0  # the first rises in a, the second falls
    before = learner._means.weights.copy()
    learner._improve(1, 0.5)
    assert (learner._means.weights == before).all()
    learner._improve(0, 0.5)
    assert (learner._means.weights > before).all()


def test_a_buffer_returns_pairs_that_were_put_in(rng):
    buffer = Buffer(ROWS, 40)
    for _ in range(4):
        actions = rng.random((ROWS, 5)).astype(np.float32)
        buffer.add(actions, 2 * actions)
    actions, rewards = buffer.sample(np.linspace(0, 1, 64, dtype=np.float32)[None].repeat(ROWS, 0))
    assert (rewards == 2 * actions).all()
    assert (actions > 0).all()  # nothing of the half that is still empty
    assert len(np.unique(actions[0])) == 20


def test_a_buffer_tells_a_cliff_from_noise(rng):
    buffer = Buffer(2, 3000)
    actions = rng.uniform(-1, 1, (2, 3000)).astype(np.float32)
    rewards = rng.normal(size=actions.shape)
    rewards[0] -= actions[0] > 0.5
    buffer.add(actions, rewards.astype(np.float32))
    assert buffer.tells_apart(4.0).tolist() == [True, False]


def test_a_contest_spends_its_tasks_on_those_who_may_still_be_best(rng):
    means, played = np.array([[1.0, 1.02, 3.0, 5.0]]), []

    def costs(route, cascade):
        played.append(cascade)
        return means[0, (10 * cascade).round().astype(int)] + rng.normal(0, 1, cascade.shape)

    cascade = np.array([[0.0, 0.1, 0.2, 0.3]])
    result = contest(costs, np.ones((1, 4), np.int64), cascade, 8_000, heats=4)
    assert [x.shape for x in played] == [(1, 2_000)] * 4
    assert set(np.unique(played[0])) == {0.0, 0.1, 0.2, 0.3}
    for heat in played[1:]:
        assert set(np.unique(heat)) == {0.0, 0.1}
    assert (np.abs(result.mean - means) <= 4 * result.error).all()
    np.testing.assert_allclose(result.error[0, :2], 1 / np.sqrt(500 + 3_000), rtol=0.05)


def test_places_are_apart_while_there_are_others():
    score, places = np.array([[1.0, 2.0, 3.0, 4.0]]), np.array([[0.0, 0.1, 5.0, 5.2]])
    reach = np.full((1, 4), 0.5)
    for unit in (1e-15, 1.0, 1e15, 1e100):  # in whatever units costs are
        assert apart(unit * score, places, reach, 3).tolist() == [[0, 2, 1]]
        assert apart(-unit * score[:, ::-1], places, reach, 3).tolist() == [[0, 2, 1]]


@pytest.mark.parametrize("tasks", [TINY, 20_000, 903_680, 1_179_648])
def test_a_plan_uses_nearly_all_its_tasks_and_no_more(tasks):
    turns, final = plan(tasks)
    used = final + sum(turn.tasks for turn in turns)
    assert 0.85 * tasks <= used <= tasks


def test_a_plan_of_too_few_tasks_says_how_many_it_takes():
    with pytest.raises(ValueError, match=r"tasks must be at least \d+.* got 10"):
        plan(10)


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_row_is_the_same_alone_and_in_company(learner):
    names = list(GAMES)[:4]
    done, routes, cascade = trained(learner, names)
    for row, name in enumerate(names):
        assert trained(learner, [name]) == (done, routes[row], cascade[row])


def test_windows_at_first_cover_every_place():
    provider = Windowed(cohort(["t4-cascade"]), generators(["t4-cascade"], 1), TINY, learner=TD3)
    places = provider._everywhere()
    low, high = (np.sort(places.at[0] + sign * places.half[0]) for sign in (-1, 1))
    assert low[0] <= -10
    assert high[-1] >= 10
    assert (low[1:] <= high[:-1]).all()


def test_a_window_stays_as_wide_where_nothing_is_seen_to_differ():
    """All commitments cost the same but for noise: there is nothing to look closer at."""
    rng, halves = np.random.default_rng(3), []

    class Spied(Windowed):
        def _proposed(self, places):
            halves.append(places.half)
            return super()._proposed(places)

    flat = Spied(
        lambda route, cascade: rng.normal(size=cascade.shape),
        [np.random.default_rng(4)],
        20_000,
        learner=DQN,
    )
    for _ in flat.train():
        pass
    assert np.median(halves[-1]) == halves[0][0, 0]


@pytest.mark.slow
@pytest.mark.parametrize("learner", LEARNERS)
def test_the_catalog_is_learned_within_two_percent(learner):
    """All of it together, a seed each; the limits are those of docs/learners.md."""
    names = list(GAMES)
    _, routes, cascade = trained(learner, names, 1_179_648)
    for name, route, s in zip(names, routes, cascade, strict=True):
        regret = provider_regret(GAMES[name], int(route), float(s)) / solve(GAMES[name]).cost
        assert regret < 0.02, name
