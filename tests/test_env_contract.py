"""What every registered environment promises, whichever it is: one contract, all ids and modes."""

import dataclasses
import pickle
from pkgutil import resolve_name

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.vector import AutoresetMode, VectorEnv

import routing_game  # noqa: F401  (registers the ids)
from routing_game.theory import GAMES, Commitment, load

MODES = {
    "RoutingGame/Provider-v0": [{}, {"game": "t5-cascade", "expected": True}, {"max_passes": 3}],
    "RoutingGame/User-v0": [
        {},
        *(
            {"observes": setting}
            for setting in ("model", "samples:5", "noisy:0.1", "route", "none")
        ),
        {"game": "t5-cascade", "observes": "strategy", "max_passes": 4},
        {"provider": Commitment(1, 0.3)},
    ],
    "RoutingGame/Session-v0": [
        {"tasks": 20},
        {"tasks": 20, "observes": "route", "prior": (2.0, 1.0)},
        {
            "game": "t5-cascade",
            "tasks": 20,
            "cancel": 0.3,
            "fee": 1.0,
            "penalty": False,
            "max_passes": 3,
        },
    ],
    "RoutingGame/Answer-v0": [{}, {"game": "t5-cascade"}],
    "RoutingGame/Models-v0": [
        {},
        {"success": (0.3, 0.8), "latency": (0.4, 0.5), "cost": (0.15, 0.6)},
        {"max_passes": 2},
    ],
    "RoutingGame/Options-v0": [
        {},
        {"game": "t5-cascade", "throttle": 1.0, "decline": True},
        {"price": (0.1, 0.2), "max_passes": 2},
    ],
    "RoutingGame/World-v0": [
        {},
        {"sampler": "random:-+", "sees": ("value", "cost2")},
        {"make": "RoutingGame/User-v0", "sampler": ["t4-cascade", "gpt-4.1-o3"]},
        {"sampler": {"games": ["t4-cascade", "t5-cascade"], "weights": (0.3, 0.7)}},
        {
            "make": "RoutingGame/Session-v0",
            "sampler": {"game": "t4-cascade", "penalty": (0.4, 2.0)},
            "sees": ("penalty",),
        },
    ],
}
DESCRIBED = [
    *(
        f"routing_game.envs:{name}Env"
        for name in ("Provider", "User", "Answer", "Session", "Models", "Options", "World")
    ),
    *(f"routing_game.envs.pettingzoo_v0:{name}" for name in ("raw_env", "parallel_env")),
]
BARE = ["RoutingGame/Answer-v0"]
"""Whose engines tell no tasks, and cut none off."""
ENGINES = [name for name in MODES if gym.spec(name).vector_entry_point and name not in BARE]


def cases(names):
    """All modes of some ids."""
    return pytest.mark.parametrize(
        ("name", "mode"),
        [pytest.param(name, mode, id=f"{name}-{mode}") for name in names for mode in MODES[name]],
    )


def playing(name, game):
    """Arguments under which an id plays a game."""
    if name == "RoutingGame/World-v0":
        return {"sampler": [game]}
    if name == "RoutingGame/Models-v0":
        numbers = dataclasses.asdict(load(game) if isinstance(game, str) else game)
        return {key: value for key, value in numbers.items() if key != "ordered"}
    return {"game": game}


HEADINGS = (
    "Description",
    "Action Space",
    "Observation Space",
    "Starting State",
    "Rewards",
    "Episode End",
    "Information",
    "Arguments",
    "References",
    "Version History",
)
SLOW = ("RoutingGame/Models-v0", "RoutingGame/World-v0")
"""Whose games are solved anew as they are drawn: fewer steps of them."""


def rollout(env, seed, steps=200):
    """Everything an env says in `steps` steps under random actions."""
    env.action_space.seed(seed)
    said = [env.reset(seed=seed)]
    for _ in range(min(steps, 40) if env.spec.id in SLOW else steps):
        said.append(env.step(env.action_space.sample()))
        if not isinstance(env, VectorEnv) and (said[-1][2] or said[-1][3]):
            said.append(env.reset())
    return said


def test_every_registered_id_is_under_contract():
    assert {name for name in gym.registry if name.startswith("RoutingGame/")} == {*MODES}


@cases(MODES)
class TestEnvironments:
    def test_gymnasium_finds_nothing_to_warn_of(self, name, mode):
        check_env(gym.make(name, **mode).unwrapped)

    def test_sb3_finds_nothing_to_warn_of(self, name, mode):
        sb3 = pytest.importorskip("stable_baselines3.common.env_checker")
        sb3.check_env(gym.make(name, **mode))

    def test_observations_and_rewards_fit_their_spaces(self, name, mode):
        env = gym.make(name, **mode)
        for observation, *rest in rollout(env, seed=3):
            assert observation in env.observation_space
            if len(rest) > 1:
                reward, terminated, truncated, info = rest
                assert type(reward) is float
                assert np.isfinite(reward)
                assert type(terminated) is type(truncated) is bool
                assert isinstance(info, dict)

    def test_seed_decides_everything(self, name, mode):
        first, again = (rollout(gym.make(name, **mode), seed=5) for _ in range(2))
        assert data_equivalence(first, again, exact=True)
        other = rollout(gym.make(name, **mode), seed=6)
        assert not data_equivalence(first, other)

    def test_a_pickled_environment_goes_on_as_the_one_it_is_a_copy_of(self, name, mode):
        env = gym.make(name, **mode)
        rollout(env, seed=5, steps=20)
        twin = pickle.loads(pickle.dumps(env))
        for _ in range(20):
            action = env.action_space.sample()
            told, again = env.step(action), twin.step(action)
            assert data_equivalence(told, again, exact=True)
            if told[2] or told[3]:
                assert data_equivalence(env.reset(), twin.reset(), exact=True)

    def test_gymnasium_can_play_many_of_it(self, name, mode):
        vector = gym.make_vec(name, num_envs=2, **mode)
        observation, _ = vector.reset(seed=0)
        assert observation in vector.observation_space
        assert vector.step(vector.action_space.sample())[0] in vector.observation_space


@pytest.mark.parametrize("where", DESCRIBED)
def test_docstrings_follow_the_plan(where):
    text = resolve_name(where).__doc__
    places = [text.find(f"## {heading}\n") for heading in HEADINGS]
    assert places == sorted(places)
    assert min(places) >= 0


@cases(ENGINES)
class TestEngines:
    def test_engine_has_the_spaces_of_the_environment(self, name, mode):
        env, engine = gym.make(name, **mode), gym.make_vec(name, num_envs=5, **mode)
        assert engine.single_observation_space == env.observation_space
        assert engine.single_action_space == env.action_space
        assert engine.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP

    def test_engine_speaks_in_batches(self, name, mode):
        engine = gym.make_vec(name, num_envs=5, **mode)
        ended = 0
        for observation, *rest in rollout(engine, seed=3, steps=50):
            assert observation in engine.observation_space
            if len(rest) > 1:
                reward, terminated, truncated, info = rest
                assert reward.shape == terminated.shape == truncated.shape == (5,)
                assert terminated.dtype == truncated.dtype == bool
                done = terminated | truncated
                ended += done.sum()
                np.testing.assert_array_equal(info.get("_final_info", np.zeros(5, bool)), done)
                if done.any():
                    assert info["final_obs"] in engine.observation_space
                    task = info["final_info"]["task"]
                    np.testing.assert_array_equal(task["truncated"][done], truncated[done])
        assert ended > 0


@cases([*ENGINES, *BARE])
class TestAllThatPlayMany:
    def test_engine_hands_out_arrays_it_never_touches_again(self, name, mode):
        engine = gym.make_vec(name, num_envs=5, **mode)
        copies, originals = [], rollout(engine, seed=3, steps=1)
        for said in originals:
            copies.append([np.copy(x) for x in said if isinstance(x, np.ndarray)])
        for _ in range(20):
            engine.step(engine.action_space.sample())
        for said, copy in zip(originals, copies, strict=True):
            arrays = [x for x in said if isinstance(x, np.ndarray)]
            assert all(np.array_equal(x, y) for x, y in zip(arrays, copy, strict=True))

    def test_seed_decides_everything_in_the_engine(self, name, mode):
        first, again = (
            rollout(gym.make_vec(name, num_envs=4, **mode), seed=5, steps=20) for _ in range(2)
        )
        assert data_equivalence(first, again, exact=True)

    def test_observations_and_rewards_fit_the_batch(self, name, mode):
        engine = gym.make_vec(name, num_envs=5, **mode)
        for observation, *rest in rollout(engine, seed=3, steps=20):
            assert observation in engine.observation_space
            assert all(
                np.isfinite(reward).all() and reward.shape == (5,) for reward in rest[:-1][:1]
            )


@pytest.mark.parametrize("name", MODES)
@pytest.mark.parametrize("game", ["t5-cascade", GAMES["t5-cascade"]], ids=["by id", "by value"])
def test_spec_survives_json(name, game):
    env = gym.make(name, **playing(name, game))
    twin = gym.make(EnvSpec.from_json(env.spec.to_json()))
    if "game" in playing(name, game):
        assert twin.unwrapped.game == GAMES["t5-cascade"]
    assert data_equivalence(
        rollout(twin, seed=1, steps=20), rollout(env, seed=1, steps=20), exact=True
    )


@cases(MODES)
def test_every_mode_survives_json(name, mode):
    known = {
        key: x for key, x in mode.items() if not isinstance(x, Commitment)
    }  # JSON has but lists
    env = gym.make(name, **known)
    twin = gym.make(EnvSpec.from_json(env.spec.to_json()))
    assert data_equivalence(
        rollout(twin, seed=1, steps=20), rollout(env, seed=1, steps=20), exact=True
    )


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"game": "t4-cascad"}, "t4-cascade"),
        ({"game": 3}, "a Game, a name, the path of a file"),
        ({"game": {"value": 1.0}}, "a game must have the fields"),
        ({"game": {**dataclasses.asdict(GAMES["t5-stay"]), "value": -1}}, "value must be positive"),
        ({"game": GAMES["t5-stay"].stack([GAMES["t5-stay"]] * 2)}, "one game"),
        ({"max_passes": 0}, "max_passes"),
        ({"max_passes": 2.5}, "max_passes"),
        ({"max_passes": None}, "max_passes"),
    ],
)
def test_bad_arguments_are_named(name, arguments, message):
    for make in (gym.make, gym.make_vec):
        with pytest.raises(ValueError, match=message):
            make(name, **arguments)


@pytest.mark.parametrize("name", [*ENGINES, *BARE])
def test_engine_refuses_bad_batches(name):
    with pytest.raises(ValueError, match="num_envs"):
        gym.make_vec(name, num_envs=0)
    engine = gym.make_vec(name, num_envs=3)
    engine.reset(seed=0)
    with pytest.raises(ValueError, match="shape"):
        engine.step(engine.action_space.sample()[:2])


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"max_episode_steps": 5}, "max_passes"), ({"render_mode": "ansi"}, "do not render")],
)
def test_engine_says_why_it_takes_no_wrappers(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        gym.make_vec(name, **arguments)
    gym.make_vec(name, **dict.fromkeys(arguments))
