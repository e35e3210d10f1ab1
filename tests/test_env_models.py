"""N models: the environment against the absorbing chain, and two against the closed forms."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env, data_equivalence

from routing_game.envs import ModelsEnv, to_box
from routing_game.theory import GAMES, payoffs, solve
from routing_game.theory.chain import Chain, evaluate, ladder
from routing_game.theory.chain_solve import single_reply

MODES = [
    {},
    {"expected": True},
    {"max_passes": 2},
    {"success": (0.4,), "latency": (0.2,), "cost": (0.1,)},
]


class Leaves:
    def __init__(self, q):
        self.q = q

    def abandon(self, chain, start):
        return self.q


def of(game, **arguments):
    """A game of the catalog as an environment of two models."""
    return ModelsEnv(game.value, game.penalty, game.success, game.latency, game.cost, **arguments)


@pytest.mark.parametrize("mode", MODES)
def test_checkers_find_nothing_to_warn_of(mode):
    check_env(ModelsEnv(**mode), skip_render_check=True)
    pytest.importorskip("stable_baselines3.common.env_checker").check_env(ModelsEnv(**mode))


@pytest.mark.parametrize("mode", MODES)
def test_seed_decides_everything(mode):
    said = []
    for seed in (4, 4, 5):
        env = ModelsEnv(**mode)
        env.action_space.seed(1)
        env.reset(seed=seed)
        said.append([env.step(env.action_space.sample()) for _ in range(60)])
    assert data_equivalence(said[0], said[1], exact=True)
    assert not data_equivalence(said[0], said[2], exact=True)


@pytest.mark.parametrize("name", GAMES)
def test_two_models_are_the_papers_game(name):
    """The exact user, the equilibrium's cost, and every expectation."""
    game = GAMES[name]
    optimum = solve(game)
    env = of(game, expected=True)
    cascade = float(
        np.nextafter(np.float32(optimum.cascade[0]), np.float32(2))
    )  # a box holds float32: right of s0
    if optimum.rule == "s_L":
        cascade = float(np.nextafter(np.float32(optimum.cascade[0]), np.float32(0)))
    action = to_box(optimum.route, min(cascade, 1.0))
    _, cascades = env.decode(action)
    _, reward, *_, info = env.step(action)
    expected = payoffs(game, optimum.route, float(cascades[0]), info["abandon"])
    assert [info[key] for key in "SLCUJ"] == pytest.approx(list(map(float, expected)), abs=1e-12)
    assert -reward == info["J"] == pytest.approx(optimum.cost, rel=2e-3)


@pytest.mark.parametrize("k", range(12))
def test_tasks_agree_with_the_chain(k):
    """Random chains of 1 to 4 models, cut off early or late: means within 4 standard errors."""
    rng = np.random.default_rng(k)
    models, q = 1 + k % 4, rng.random() * 0.6
    success, latency, cost = np.sort(rng.uniform(0.1, 0.9, (3, models)))
    env = ModelsEnv(
        1.3, 0.8, success, latency, cost, user=Leaves(q), max_passes=int(rng.integers(1, 6))
    )
    action = rng.uniform(-1, 1, models).astype(np.float32)
    start, climbs = env.decode(action)
    expected = evaluate(Chain(1.3, 0.8, success, latency, cost, ladder(climbs)), start, q)
    env.reset(seed=k)
    infos = [env.step(action)[-1] for _ in range(1000)]
    assert infos[0]["J"] == pytest.approx(expected.cost, abs=1e-12)
    for name, theory in (("cost", expected.cost), ("utility", expected.utility)):
        sample = np.array([info[name] for info in infos])
        assert abs(sample.mean() - theory) < 4 * sample.std() / np.sqrt(sample.size) + 1e-12


def test_the_user_is_exact_and_the_first_model_is_the_actions():
    env = ModelsEnv(expected=True)
    for first, start in ((-1, 1), (-0.4, 1), (-0.3, 2), (0.3, 2), (0.4, 3), (1, 3)):
        action = np.array([first, 0.2, -0.5], np.float32)
        assert env.decode(action)[0] == start
        info = env.step(action)[-1]
        reply = single_reply(env.chain, start)
        assert info["abandon"] == float(reply.abandon[0])
        assert info["U"] == pytest.approx(float(reply.utility))


def test_pictures_show_every_model():
    env = ModelsEnv(user=Leaves(0.2), render_mode="ansi")
    env.reset(seed=0)
    info = env.step(np.array([-1, 0.5, 0.5], np.float32))[-1]
    assert all(f"M{j + 1} {n}" in env.render() for j, n in enumerate(info["passes"]))
    assert ("[solved]" in env.render()) == info["solved"]
    image = ModelsEnv(user=Leaves(0.2), render_mode="rgb_array")
    image.reset(seed=0)
    assert image.render().shape == (400, 640, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"success": 0.3}, "one chance for each model"),
        ({"success": (0.3, 1.5, 0.8)}, "success must lie in"),
        ({"latency": (0.3, 0.2)}, "latency must hold one number for each model of `success`, 3"),
        ({"penalty": -1}, "penalty must be positive"),
        ({"user": 3}, "abandon"),
        ({"max_passes": 0}, "max_passes"),
        ({"render_mode": "human"}, "render_mode"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        ModelsEnv(**arguments)


@pytest.mark.parametrize(
    "action", [np.zeros(2), np.full(3, 2.0), np.full(3, np.nan), gym.spaces.Discrete(3)]
)
def test_bad_actions_are_refused(action):
    with pytest.raises((ValueError, TypeError)):
        ModelsEnv().step(action)
