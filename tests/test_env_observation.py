"""The dial: what each setting shows, in environment and engine; the belief about a hidden s."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from routing_game.envs import BeliefObservation, UserEnv, UserVectorEnv
from routing_game.envs.observation import Dial
from routing_game.theory import Commitment
from routing_game.theory.belief import Belief

ROUTE_1 = Commitment(1, 0.3)


def shown(observes, commitment=ROUTE_1, tasks=20_000):
    """The first observations of many tasks."""
    return UserVectorEnv(tasks, observes=observes, provider=commitment).reset(seed=0)[0]


def test_samples_are_tosses_of_the_coin():
    seen = shown("samples:5")
    np.testing.assert_array_equal(seen[:, 0], 1.0)
    counts = np.bincount(seen[:, 1].astype(int), minlength=6) / len(seen)
    binomial = [
        0.16807,
        0.36015,
        0.3087,
        0.1323,
        0.02835,
        0.00243,
    ]  # C(5, k) .3^k .7^(5-k), by hand
    np.testing.assert_allclose(counts, binomial, atol=4 * 0.5 / np.sqrt(len(seen)))


def test_noise_has_the_size_asked_for():
    error = shown("noisy:0.05")[:, 1] - 0.3
    assert abs(error.mean()) < 4 * 0.05 / np.sqrt(error.size)
    assert error.std() == pytest.approx(0.05, rel=0.03)
    clipped = shown("noisy:1.0")[:, 1]
    assert clipped.min() == 0.0
    assert clipped.max() == 1.0


@pytest.mark.parametrize("commitment", [Commitment(1, 0.3), Commitment(1, 0.9), Commitment(2, 0.5)])
def test_hidden_means_hidden(commitment):
    np.testing.assert_array_equal(
        shown("route", commitment, 10), np.full((10, 1), commitment.route)
    )
    np.testing.assert_array_equal(shown("none", commitment, 10), np.ones((10, 1)))


@pytest.mark.parametrize("observes", ["strategy", "samples:5", "noisy:0.1", "route", "none"])
def test_a_task_shows_its_user_one_glimpse(observes):
    env = UserEnv(observes=observes)
    for seed in range(30):
        first, _ = env.reset(seed=seed)
        done = False
        while not done:
            observation, _, done, *_ = env.step(0)
            np.testing.assert_array_equal(observation, first)


@pytest.mark.parametrize("observes", ["samples:3", "noisy:0.2", "route", "none", "model"])
def test_a_batch_of_one_sees_what_the_env_sees(observes):
    env, engine = (
        make("RoutingGame/User-v0", observes=observes) for make in (gym.make, gym.make_vec)
    )
    observation, _ = env.reset(seed=4)
    observations, _ = engine.reset(seed=4)
    for _ in range(200):
        np.testing.assert_array_equal(observations[0], observation)
        observation, _, done, *_ = env.step(0)
        observations, *_ = engine.step(np.array([0]))
        if done:
            observation, _ = env.reset()


@pytest.mark.parametrize(
    "bad",
    [
        "samples",
        "samples:0",
        "samples:2.5",
        "noisy:-1",
        "noisy:x",
        "noisy:inf",
        "all",
        3,
        "route:1",
    ],
)
def test_a_bad_setting_is_named(bad):
    for make in (Dial.parse, lambda observes: UserEnv(observes=observes)):
        with pytest.raises(ValueError, match="observes must be one of strategy, samples:n"):
            make(bad)


def test_belief_counts():
    belief = Belief.checked((2, 3)).after(True).after(False).after(False)
    assert belief == (3, 5)
    assert belief.mean == pytest.approx(3 / 8)
    assert belief.sd == pytest.approx(np.random.default_rng(0).beta(3, 5, 10**6).std(), rel=0.01)
    for bad in ((0, 1), (1, np.inf), (1,), "ab", None, (1, 2, 3)):
        with pytest.raises(ValueError, match="prior"):
            Belief.checked(bad)


class TestBelief:
    @pytest.mark.filterwarnings("ignore:.*is different from the unwrapped version")
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
            assert seen.tolist() == pytest.approx(
                [1, 2, 3, 0.4, 0.2]
            )  # sd of Beta(2, 3): sqrt(6 / (25 * 6))
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
