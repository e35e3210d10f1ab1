"""Encodings of the commitment: what actions mean, SB3's check, updates of PPO, SAC and DQN."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from routing_game.box import from_box, from_point, to_box
from routing_game.envs import BoxAction, GridAction, MultiDiscreteAction, ProviderEnv
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
    [
        (BoxAction, "PPO"),
        pytest.param(BoxAction, "SAC", marks=pytest.mark.slow),
        (GridAction, "PPO"),
        (GridAction, "DQN"),
        (MultiDiscreteAction, "PPO"),
    ],
)
def test_learners_learn_through_it(wrapper, learner):
    algorithm = getattr(pytest.importorskip("stable_baselines3"), learner)
    few = (
        {"n_steps": 64, "batch_size": 32}
        if learner == "PPO"
        else {"learning_starts": 32, "batch_size": 16}
    )
    model = algorithm(
        "MlpPolicy", wrapper(ProviderEnv("value-strong")), gamma=0.99, seed=0, device="cpu", **few
    )
    before = [x.detach().clone() for x in model.policy.parameters()]
    model.learn(130)
    assert any((x != y).any() for x, y in zip(before, model.policy.parameters(), strict=True))
    action, _ = model.predict(np.ones(1, np.float32))
    assert action in model.action_space


def test_a_grid_lists_every_s_and_then_route_2():
    env = GridAction(ProviderEnv(), cascades=5)
    assert [env.action(k) for k in range(6)] == [
        (1, 0.0),
        (1, 0.25),
        (1, 0.5),
        (1, 0.75),
        (1, 1.0),
        (2, 0.0),
    ]
    assert env.action_space == gym.spaces.Discrete(6)


def test_a_pair_of_numbers_is_route_and_s():
    env = MultiDiscreteAction(ProviderEnv(), cascades=3)
    assert [env.action(np.array(a)) for a in ((0, 0), (0, 2), (1, 1))] == [
        (1, 0.0),
        (1, 1.0),
        (2, 0.5),
    ]


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
    with pytest.raises(
        ValueError, match=f"{wrapper.__name__} wraps an env whose actions are commitments"
    ):
        wrapper(wrapper(ProviderEnv()))


@pytest.mark.parametrize("cascades", [1, 0, [], [0.5, 1.5], [-0.1], True])
@pytest.mark.parametrize("wrapper", [GridAction, MultiDiscreteAction])
def test_bad_grids_are_named(wrapper, cascades):
    with pytest.raises(ValueError, match="cascade"):
        wrapper(ProviderEnv(), cascades)


@pytest.mark.parametrize("commitment", [(1, 0.5), (2, 0.0), Commitment(np.int64(1), 0.5)])
def test_a_commitment_does_not_pass_for_a_point_of_the_box(commitment):
    """(1, 0.5) would be one: route 2 and s = .75."""
    env = BoxAction(ProviderEnv())
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"got the commitment \(.*; write to_box\(route, s\)"):
        env.step(commitment)
    *_, info = env.step(to_box(*commitment))
    assert info["J"] == ProviderEnv().step(commitment)[-1]["J"]
    for point in ((-1.0, 0.5), (-1, 0.5), (0, 0.5)):  # may be a tuple, of whole numbers, too
        assert env.action(point) == (1, 0.75)


@pytest.mark.parametrize("point", [0.3, [0.3], [[0.1, 0.2, 0.3]]])
def test_what_is_no_pair_of_numbers_is_no_point(point):
    with pytest.raises(ValueError, match="a point of the box must be two numbers, got the shape"):
        from_box(point)


def test_a_point_means_what_the_box_says_in_the_precision_it_comes_in():
    points = np.random.default_rng(0).uniform(-1, 1, (100, 2)).astype(np.float32)
    routes, cascades = from_box(points)
    assert [from_point(point.tolist()) for point in points] == list(
        zip(routes, cascades, strict=True)
    )
    for point, route, cascade in zip(points, routes, cascades, strict=True):
        decoded = from_point(point)
        assert decoded[0] == route
        assert decoded[1].dtype == np.float32
        assert decoded[1] == pytest.approx(cascade, abs=6e-8)


@pytest.mark.parametrize("name", ["", "grid", "grid:", "grid:x", "multi:1.5", "box:3", None])
def test_bad_encodings_are_named(name):
    with pytest.raises(ValueError, match="an encoding is box, grid:n"):
        Encoding.parse(name)
