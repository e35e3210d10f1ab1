"""Encodings of the commitment: what each action means, SB3's check, a few updates of PPO, SAC and DQN; the belief."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from routing_game.envs import BeliefObservation, BoxAction, GridAction, MultiDiscreteAction, ProviderEnv, UserEnv
from routing_game.envs.encodings import Encoding
from routing_game.theory import Commitment, solve

WRAPPERS = (BoxAction, GridAction, MultiDiscreteAction)


# Gymnasium's checker tells of every wrapper that it is one; anything else it says is an error
WRAPPED = pytest.mark.filterwarnings("ignore:.*is different from the unwrapped version")


@WRAPPED
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_checkers_find_nothing_to_warn_of(wrapper):
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    env = wrapper(ProviderEnv())
    check_env(env, skip_render_check=True)
    checker.check_env(env)


@pytest.mark.parametrize(
    ("wrapper", "learner"),
    [(BoxAction, "PPO"), (BoxAction, "SAC"), (GridAction, "PPO"), (GridAction, "DQN"), (MultiDiscreteAction, "PPO")],
)
def test_learners_learn_through_it(wrapper, learner):
    algorithm = getattr(pytest.importorskip("stable_baselines3"), learner)
    few = {"n_steps": 64, "batch_size": 32} if learner == "PPO" else {"learning_starts": 32, "batch_size": 16}
    model = algorithm("MlpPolicy", wrapper(ProviderEnv("value-strong")), gamma=0.99, seed=0, device="cpu", **few)
    before = [x.detach().clone() for x in model.policy.parameters()]
    model.learn(130)
    assert any((x != y).any() for x, y in zip(before, model.policy.parameters(), strict=True))
    action, _ = model.predict(np.ones(1, np.float32))
    assert action in model.action_space


def test_a_grid_lists_every_s_and_then_route_2():
    env = GridAction(ProviderEnv(), cascades=5)
    assert [env.action(k) for k in range(6)] == [(1, 0.0), (1, 0.25), (1, 0.5), (1, 0.75), (1, 1.0), (2, 0.0)]
    assert env.action_space == gym.spaces.Discrete(6)


def test_a_pair_of_numbers_is_route_and_s():
    env = MultiDiscreteAction(ProviderEnv(), cascades=3)
    assert [env.action(np.array(a)) for a in ((0, 0), (0, 2), (1, 1))] == [(1, 0.0), (1, 1.0), (2, 0.5)]


def test_a_grid_with_the_threshold_on_it_has_no_floor():
    env = ProviderEnv(expected=True)
    optimum = solve(env.game)
    exact = GridAction(env, cascades=[0.0, float(optimum.cascade[0])])
    exact.reset(seed=0)
    assert exact.step(1)[1] == pytest.approx(-optimum.cost)
    coarse = GridAction(env)
    coarse.reset(seed=0)
    assert min(coarse.step(k)[-1]["regret"] for k in range(22)) > 0.005


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_spec_remembers_the_wrapper(wrapper):
    env = wrapper(gym.make("RoutingGame/Provider-v0").unwrapped)
    recorded = env.spec.additional_wrappers[-1]
    assert recorded.name == wrapper.__name__
    again = wrapper(ProviderEnv(), **(recorded.kwargs or {}))
    assert again.action_space == env.action_space


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_only_commitments_can_be_encoded(wrapper):
    with pytest.raises(ValueError, match=f"{wrapper.__name__} wraps an env whose actions are commitments"):
        wrapper(wrapper(ProviderEnv()))


@pytest.mark.parametrize("cascades", [1, 0, [], [0.5, 1.5], [-0.1], True])
@pytest.mark.parametrize("wrapper", [GridAction, MultiDiscreteAction])
def test_bad_grids_are_named(wrapper, cascades):
    with pytest.raises(ValueError, match="cascade"):
        wrapper(ProviderEnv(), cascades)


@pytest.mark.parametrize("name", ["", "grid", "grid:", "grid:x", "multi:1.5", "box:3", None])
def test_bad_encodings_are_named(name):
    with pytest.raises(ValueError, match="an encoding is box, grid:n"):
        Encoding.parse(name)


class TestBelief:
    @WRAPPED
    def test_checkers_find_nothing_to_warn_of(self):
        checker = pytest.importorskip("stable_baselines3.common.env_checker")
        env = BeliefObservation(UserEnv(observes="model"))
        check_env(env, skip_render_check=True)
        checker.check_env(env)

    def test_it_counts_the_tosses_that_were_seen(self):
        inner = UserEnv("t5-cascade", observes="model", provider=Commitment(1, 0.5))
        env = BeliefObservation(inner, prior=(2.0, 3.0))
        kept = escalated = 0
        for seed in range(300):
            seen, _ = env.reset(seed=seed)
            assert seen.tolist() == pytest.approx([1, 2, 3, 0.4, 0.2])  # sd of Beta(2, 3): sqrt(6 / (25 * 6))
            done, counts = False, [2.0, 3.0]
            while not done:
                before = seen[0]
                seen, _, done, *_ = env.step(0)
                if before == 1:
                    counts[0 if seen[0] == 2 else 1] += 1
                    escalated, kept = escalated + (seen[0] == 2), kept + (seen[0] == 1)
                assert seen[1:3].tolist() == counts
        assert abs(escalated / (escalated + kept) - 0.5) < 4 * 0.5 / np.sqrt(escalated + kept)

    def test_leaving_shows_nothing(self):
        env = BeliefObservation(UserEnv(observes="model", provider=Commitment(1, 0.5)), keep=True)
        env.reset(seed=0)
        for _ in range(20):
            env.step(1)
            env.reset()
        assert env.belief == (1, 1)

    def test_what_is_kept_comes_close_to_the_truth(self):
        env = BeliefObservation(UserEnv(observes="model", provider=Commitment(1, 0.3)), keep=True)
        env.reset(seed=0)
        for _ in range(3000):
            done = False
            while not done:
                seen, _, done, *_ = env.step(0)
            env.reset()
        assert abs(seen[3] - 0.3) < 4 * seen[4]
        assert seen[4] < 0.02
        assert env.reset(seed=1)[0][1:3].tolist() == [1, 1]

    def test_it_hides_s_and_needs_the_model(self):
        with pytest.raises(ValueError, match='observes="model"'):
            BeliefObservation(UserEnv())
        with pytest.raises(ValueError, match="prior"):
            BeliefObservation(UserEnv(observes="model"), prior=(0, 1))
