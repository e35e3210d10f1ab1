"""What lies just inside and just outside: actions, attributes, copies, and what callers may change.

Every action is checked against its space, one at a time and in batches. The right value of a wrong
action is a ValueError; of a point that rounding to float32 put a hair outside, that of the edge.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import VectorEnv
from gymnasium.wrappers import RescaleAction

import routing_game.envs
from routing_game.agents.schemes import simultaneous
from routing_game.envs import (
    AnswerEnv,
    AnswerVectorEnv,
    BeliefObservation,
    CertaintyEquivalentUser,
    GridAction,
    ModelsEnv,
    MultiDiscreteAction,
    OptionsEnv,
    ProviderEnv,
    ProviderSessions,
    ProviderVectorEnv,
    SessionEnv,
    UserEnv,
    UserSessions,
    UserVectorEnv,
    WorldEnv,
    boxed_provider,
    from_box,
    session_user,
)
from routing_game.envs.judge import ExactUser
from routing_game.envs.pettingzoo_v0 import PROVIDER, USER, env, parallel_env, raw_env
from routing_game.envs.sb3 import SB3VecEnv
from routing_game.envs.worlds import one_of
from routing_game.experiments.check.traces import provider_trace
from routing_game.experiments.play import World, play_batches
from routing_game.theory import Commitment, Game, load
from routing_game.theory.belief_rules import PlugIn

GAME = load("t4-cascade")
HAIR = np.float32(1.0000001)
"""What float32 arithmetic makes of the upper end of a box."""

SCALAR = {
    "a grid": (lambda: GridAction(ProviderEnv()), [-1, 2.7, 2.0, 22, np.nan, "1", None, [1, 2]]),
    "two numbers": (
        lambda: MultiDiscreteAction(ProviderEnv()),
        [[0, -1], [-1, 0], [2, 0], [0, 21], [0.5, 1], [0, np.nan], [0], [0, 0, 0], 1],
    ),
    "commitments": (
        ProviderEnv,
        [
            (1.9, 0.3),
            (np.nan, 0.3),
            (0, 0.3),
            (3, 0.3),
            (1, -0.1),
            (1, 1.0001),
            (1, np.nan),
            1,
            *[(1, "0.5"), (1, b"1"), (1, np.array("1")), (1, 1j), (1, np.timedelta64(1, "s"))],
        ],
    ),
    "a box": (
        boxed_provider,
        [
            np.array([np.nan, 0.0], np.float32),
            np.array([0.0, np.nan], np.float32),
            np.array([2.0, 0.0], np.float32),
            np.array([-np.inf, 0.0], np.float32),
            np.array([0.0, 1.001], np.float32),
            np.zeros(3, np.float32),
            ["a", "b"],
            0,
        ],
    ),
    "delays": (
        lambda: OptionsEnv(throttle=1.0),
        [[-1, 0, -5, -1], [-1, 0, -1, 2], [-1, 0, -1, np.nan], [np.nan, 0, 0, 0], [5, 0, 0, 0]],
    ),
    "a ladder": (ModelsEnv, [[-1, 0, -1.01], [np.nan, 0, 0], [0, 0], [3, 0, 0]]),
    "an answer": (AnswerEnv, [[-1.1], [np.nan], [0.0, 0.0], 0.0, None, ["a"]]),
    "stay or leave": (UserEnv, [-1, 2, 0.5, np.nan, None, [0, 1]]),
    "models of a session": (SessionEnv, [-1, 2, 0.5, np.nan, None, [0, 1]]),
}

BATCHED = {
    "commitments": (
        lambda: ProviderVectorEnv(2),
        [
            [[np.nan, 0], [0, 0]],
            [[0, 0], [0, np.nan]],
            [[0, 0], [2, 0]],
            [[0, -1.001], [0, 0]],
            [[-np.inf, 0], [0, 0]],
        ],
    ),
    "answers": (lambda: AnswerVectorEnv(2), [[[np.nan], [0]], [[0], [1.1]], [[-9], [0]]]),
    "stay or leave": (lambda: UserVectorEnv(2), [[-1, 0], [0, 2], [0.5, 0], [np.nan, 0]]),
    "models of sessions": (
        lambda: ProviderSessions(GAME, PlugIn(GAME), 2),
        [[-1, 0], [0, 2], [0.5, 0], [np.nan, 0]],
    ),
    "sessions of users": (
        lambda: UserSessions(GAME, 2),
        [[-1, 0], [0, 2], [0.5, 0], [np.nan, 0]],
    ),
}


@pytest.mark.parametrize("kind", SCALAR)
def test_an_action_outside_its_space_is_refused(kind: str) -> None:
    make, wrong = SCALAR[kind]
    env = make()
    env.reset(seed=0)
    for action in wrong:
        with pytest.raises(ValueError, match="got"):
            env.step(action)
    env.step(env.action_space.sample())  # and nothing is broken


@pytest.mark.parametrize("kind", BATCHED)
def test_a_batch_with_one_action_outside_the_space_is_refused(kind: str) -> None:
    make, wrong = BATCHED[kind]
    engine = make()
    engine.reset(seed=0)
    for actions in wrong:
        with pytest.raises(ValueError, match="got"):
            engine.step(np.array(actions))
    engine.step(engine.action_space.sample())


def first_of(env: gym.Env[Any, Any], action: Any) -> tuple[Any, ...]:
    env.reset(seed=3)
    _, reward, _, _, info = env.step(action)
    return reward, info


@pytest.mark.parametrize("point", [[-1, 1], [1, 1], [-1, -1]])
def test_a_box_forgives_what_rounding_adds_to_its_edge(point: list[float]) -> None:
    edge = np.array(point, np.float32)
    beyond = edge * HAIR
    assert np.abs(beyond).max() > 1
    assert first_of(boxed_provider(), beyond) == first_of(boxed_provider(), edge)
    assert first_of(OptionsEnv(), beyond) == first_of(OptionsEnv(), edge)
    route, cascade = from_box(beyond)
    assert (int(route), float(cascade)) == (2 if point[0] > 0 else 1, (point[1] + 1) / 2)
    ladder, beyond_it = np.append(edge, edge[0]), np.append(beyond, beyond[0])
    assert first_of(ModelsEnv(), beyond_it) == first_of(ModelsEnv(), ladder)


def test_a_batch_forgives_what_rounding_adds_to_its_edge() -> None:
    for make, width in [(ProviderVectorEnv, 2), (AnswerVectorEnv, 1)]:
        rewards = []
        for edge in (np.float32(1), HAIR):
            engine = make(4)
            engine.reset(seed=1)
            rewards.append(engine.step(np.full((4, width), edge))[1])
        np.testing.assert_array_equal(*rewards)


def test_every_action_of_a_rescaled_box_can_be_played() -> None:
    env = RescaleAction(boxed_provider(), np.float32(0.1), np.float32(0.7))
    env.reset(seed=0)
    for action in (env.action_space.low, env.action_space.high):
        env.step(action)


def test_an_array_of_one_whole_number_is_a_choice_from_a_grid() -> None:
    for action in (20, np.int64(20), np.array(20), np.array([20])):
        _, _, _, _, info = GridAction(ProviderEnv()).step(action)
        assert info["task"].standard > 0  # (1, 1), the last s of the grid
        _, _, _, _, info = GridAction(ProviderEnv()).step(np.asarray(action) + 1)
        assert info["task"].standard == 0  # route 2


class Wrong:
    """A provider that answers what it is told to."""

    def __init__(self, commitment: Any, tasks: Any = 1) -> None:
        self.commitment, self.tasks = commitment, tasks

    def act(self) -> Any:
        return self.commitment

    def plan(self) -> Any:
        return self.commitment, self.tasks

    recommend = act

    def update(self, commitment: Any, task: Any) -> None: ...

    def update_many(self, commitment: Any, costs: Any) -> None: ...


class Stays:
    """A follower that always stays and never learns."""

    def reply(self, commitment: Any) -> float:
        return 0.0

    def learn(self, commitment: Any, q: float, task: Any) -> None: ...


@pytest.mark.parametrize("commitment", [(1.9, 0.3), (1, -0.1), (3, 0.5), (np.nan, 0.5), None])
def test_a_providers_commitment_is_checked_wherever_it_is_asked(commitment: Any) -> None:
    provider = Wrong(commitment)
    with pytest.raises(ValueError, match="got"):
        provider_trace(provider, [1])
    with pytest.raises(ValueError, match="got"):
        list(play_batches(GAME, provider, 10, 0))
    with pytest.raises(ValueError, match="got"):
        UserEnv(provider=provider).reset(seed=0)


def test_a_world_refuses_commitments_and_answers_that_are_none() -> None:
    world = World(GAME, np.random.default_rng(0))
    for commitment, q in [((1.9, 0.3), 0.0), ((1, 1.5), 0.0), ((1, 0.5), np.nan)]:
        with pytest.raises(ValueError, match="must"):
            world(Commitment(*commitment), q)
    with pytest.raises(ValueError, match="route"):
        list(simultaneous(Wrong(Commitment(1.9, 0.3)), Stays(), world, 3))  # type: ignore[arg-type]


@pytest.mark.parametrize("tasks", [0, -3, 2.5, None, True])
def test_a_plan_of_no_whole_number_of_tasks_is_refused(tasks: Any) -> None:
    provider = Wrong(Commitment(1, 0.5), tasks)
    with pytest.raises(ValueError, match="whole number"):
        list(play_batches(GAME, provider, 10, 0))


@pytest.mark.parametrize("chance", [np.nan, -0.1, 1.5, "often", None])
def test_a_session_refuses_a_chance_of_cancelling_that_is_none(chance: Any) -> None:
    class User:
        def begin(self) -> None: ...
        def leaving(self, model: int) -> float:
            return 1.0

        def see_draw(self, escalated: bool) -> None: ...
        def cancelling(self, solved: bool) -> Any:
            return chance

    env = SessionEnv(user=User())
    env.reset(seed=0)
    with pytest.raises(ValueError, match="cancelling"):
        env.step(1)  # runs M2 until the task is over


# settings

WHOLE: dict[str, tuple[Any, list[str]]] = {
    "ProviderEnv": (ProviderEnv, ["game", "expected", "max_passes", "infos", "prospects"]),
    "UserEnv": (UserEnv, ["game", "observes", "max_passes", "infos", "dial", "commitments"]),
    "SessionEnv": (
        SessionEnv,
        ["game", "user", "tasks", "observes", "penalty", "max_passes"],
    ),
    "ModelsEnv": (ModelsEnv, ["user", "expected", "max_passes", "models"]),
    "OptionsEnv": (OptionsEnv, ["game", "throttle", "decline", "expected", "max_passes"]),
    "ProviderVectorEnv": (
        lambda: ProviderVectorEnv(2),
        ["game", "expected", "max_passes", "infos", "same_step", "compiled"],
    ),
    "UserVectorEnv": (
        lambda: UserVectorEnv(2),
        ["game", "observes", "max_passes", "infos", "dial", "same_step"],
    ),
    "AnswerVectorEnv": (lambda: AnswerVectorEnv(2), ["game"]),
    "AnswerEnv": (AnswerEnv, ["game"]),
    "ProviderSessions": (
        lambda: ProviderSessions(GAME, PlugIn(GAME), 2),
        ["game", "prior", "tasks", "user", "going_on", "observes"],
    ),
    "UserSessions": (
        lambda: UserSessions(GAME, 2),
        ["game", "prior", "tasks", "window", "compiled"],
    ),
}
"""What is worked out further when the environment is made, and so cannot be set later."""


@pytest.mark.parametrize("kind", WHOLE)
def test_what_an_environment_was_made_from_can_be_read_and_not_set(kind: str) -> None:
    make, names = WHOLE[kind]
    env = make()
    for name in names:
        before = getattr(env, name)
        with pytest.raises(AttributeError, match=f"{name} must stay"):
            setattr(env, name, load("t5-cascade"))
        assert getattr(env, name) is before


def test_stable_baselines3_and_wrappers_cannot_change_half_of_an_environment() -> None:
    for engine in (ProviderVectorEnv(2), UserVectorEnv(2), AnswerVectorEnv(2)):
        with pytest.raises(AttributeError, match="game must stay"):
            SB3VecEnv(engine).set_attr("game", load("t5-cascade"))
    made = gym.make("RoutingGame/Provider-v0")
    for name, value in (("game", load("t5-cascade")), ("expected", True)):
        with pytest.raises(AttributeError, match=f"{name} must stay"):
            made.set_wrapper_attr(name, value, force=False)
    with pytest.raises(AttributeError, match="user must stay"):
        ProviderEnv().prospects.user = None  # type: ignore[assignment]


# copies in mid-play

COPIES: dict[str, Callable[[Any], Any]] = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda env: pickle.loads(pickle.dumps(env)),
}

MADE: dict[str, Callable[[], Any]] = {
    **{
        name: partial(gym.make, f"RoutingGame/{name}-v0")
        for name in ("Provider", "User", "Answer", "Session", "Models", "Options", "World")
    },
    "a grid": lambda: GridAction(ProviderEnv()),
    "two numbers": lambda: MultiDiscreteAction(ProviderEnv()),
    "a world of one_of": lambda: WorldEnv(sampler=one_of(["t4-cascade", "t5-cascade"])),
    "a belief": lambda: BeliefObservation(UserEnv(observes="model")),
    "ProviderVectorEnv": lambda: ProviderVectorEnv(3),
    "ProviderVectorEnv, NextStep": lambda: ProviderVectorEnv(3, autoreset_mode="NextStep"),
    "UserVectorEnv": lambda: UserVectorEnv(3, max_passes=4),
    "UserVectorEnv, no infos": lambda: UserVectorEnv(64, max_passes=4, infos="none"),
    "UserVectorEnv, NextStep": lambda: UserVectorEnv(3, autoreset_mode="NextStep"),
    "AnswerVectorEnv": lambda: AnswerVectorEnv(3),
    "ProviderSessions": lambda: ProviderSessions(GAME, PlugIn(GAME), 3),
    "UserSessions": lambda: UserSessions(GAME, 3, tasks=2),
    "UserSessions, draws": lambda: UserSessions(GAME, 3, tasks=2, observes=3),
}


def played(env: Any, actions: list[Any], spoil: bool = False) -> list[Any]:
    """What steps give, and with ``spoil`` all arrays are overwritten once they were looked at."""
    seen = []
    for action in actions:
        observation, reward, terminated, truncated, info = env.step(action)
        given = [observation, reward, terminated, truncated, info]
        seen.append(copy.deepcopy(given))
        if spoil:
            spoiled(given)
        if not isinstance(env, VectorEnv) and (terminated or truncated):
            seen.append(env.reset()[0])
    return seen


def spoiled(given: Any) -> None:
    """Overwrite every array in it."""
    if isinstance(given, np.ndarray) and given.flags.writeable:
        given[...] = 1 - given if given.dtype != bool else ~given
    elif isinstance(given, dict):
        for part in given.values():
            spoiled(part)
    elif isinstance(given, list):
        for part in given:
            spoiled(part)


def actions_for(env: Any, count: int) -> list[Any]:
    env.action_space.seed(5)
    return [env.action_space.sample() for _ in range(count)]


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("kind", MADE)
def test_a_copy_in_mid_play_plays_on_as_the_original_does(kind: str, how: str) -> None:
    env = MADE[kind]()
    COPIES[how](env)  # before reset, too
    env.reset(seed=1)
    first, then = actions_for(env, 8), actions_for(env, 40)
    played(env, first)
    twin = COPIES[how](env)
    assert_equal(played(twin, then), played(env, then))


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_of_the_users_engine_keeps_what_compiled_and_plain_steps_share(how: str) -> None:
    engine = UserVectorEnv(4)
    engine.reset(seed=0)
    twin = COPIES[how](engine)
    for part in (twin._escalate, twin._waits, twin._reasoning):
        assert np.shares_memory(part, twin._state)


def assert_equal(one: Any, other: Any) -> None:
    np.testing.assert_equal(one, other)


@pytest.mark.parametrize("kind", MADE)
def test_what_is_handed_out_is_the_callers_to_change(kind: str) -> None:
    runs = []
    for spoil in (False, True):
        env = MADE[kind]()
        observation, info = env.reset(seed=1)
        if spoil:
            spoiled([observation, info])
        runs.append(played(env, actions_for(env, 40), spoil))
    assert_equal(*runs)


# games of two

MOVES = {PROVIDER: np.array([-0.5, 0.2], np.float32), USER: np.array([0.1], np.float32)}


def rest_of(game: Any) -> list[Any]:
    """All that happens from here on."""
    told = []
    if isinstance(game, parallel_env):
        while game.agents:
            told.append(game.step(MOVES))
        return told
    for agent in game.agent_iter():
        observation, reward, over, cut, info = game.last()
        told.append((agent, observation, reward, over, cut, info, game.state()))
        game.step(None if over or cut else MOVES[agent])
    return told


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("make", [env, raw_env, parallel_env])
def test_a_copy_of_a_game_of_two_in_mid_play_plays_on_as_the_original_does(
    make: Any, how: str
) -> None:
    for moves in range(4):
        game = make(tasks=5, observes="samples:3")
        game.reset(seed=2)
        for _ in range(moves):
            move = MOVES if make is parallel_env else MOVES[game.agent_selection]
            game.step(move)
        twin = COPIES[how](game)
        told = rest_of(twin)
        assert len(told) >= 10 - moves
        assert_equal(told, rest_of(game))


def test_a_game_of_two_needs_a_reset_before_it_begins_and_after_it_ended() -> None:
    game = parallel_env(tasks=1)
    with pytest.raises(gym.error.ResetNeeded, match="reset"):
        game.step(MOVES)
    game.reset(seed=0)
    rest_of(game)
    with pytest.raises(gym.error.ResetNeeded, match="reset"):
        game.step(MOVES)
    turns = raw_env(tasks=1)
    with pytest.raises(gym.error.ResetNeeded, match="reset"):
        turns.step(MOVES[PROVIDER])
    turns.reset(seed=0)
    rest_of(turns)
    with pytest.raises(gym.error.ResetNeeded, match="reset"):
        turns.step(None)


def test_the_state_of_a_game_of_two_is_what_there_is_to_know() -> None:
    game = parallel_env(tasks=2, observes="samples:3")
    game.reset(seed=0)
    np.testing.assert_array_equal(game.state(), [0, 0, 0, 0, 1, 0])
    seen, *_ = game.step(MOVES)
    s = (float(MOVES[PROVIDER][1]) + 1) / 2
    np.testing.assert_array_equal(game.state(), [1, s, *seen[USER]])
    assert game.state_space.contains(game.state())
    game.step(MOVES)
    np.testing.assert_array_equal(game.state(), [0, 0, 0, 0, 1, 0.5])


def test_a_fixed_commitment_survives_a_spec_in_json() -> None:
    made = gym.make("RoutingGame/User-v0", provider=Commitment(1, 0.25))
    again = gym.make(EnvSpec.from_json(made.spec.to_json()))
    for environment in (made, again):
        np.testing.assert_array_equal(environment.reset(seed=0)[0], [1, 0.25])
    engine = UserVectorEnv(2, provider=[1, 0.25])
    np.testing.assert_array_equal(engine.reset(seed=0)[0], [[1, 0.25]] * 2)
    for wrong in ([1.5, 0.25], [1, 2.0], [1], [1, 0.25, 0]):
        with pytest.raises(ValueError, match="got"):
            UserEnv(provider=wrong)


@pytest.mark.parametrize("name", ["Provider", "User", "Answer"])
def test_a_batch_takes_a_list_of_games(name: str) -> None:
    names = ["t4-cascade", "t5-cascade"]
    made = gym.make_vec(f"RoutingGame/{name}-v0", num_envs=2, game=names)
    assert made.unwrapped.game == Game.stack([load(x) for x in names])
    made.reset(seed=0)
    made.step(made.action_space.sample())
    for wrong in (["t4-cascade"] * 3, ["t4-cascad", "t5-cascade"], [GAME, 3]):
        with pytest.raises(ValueError, match="got|unknown game"):
            gym.make_vec(f"RoutingGame/{name}-v0", num_envs=2, game=wrong)


FLAGS: dict[str, tuple[Any, list[str]]] = {
    "ProviderEnv": (ProviderEnv, ["expected"]),
    "ProviderVectorEnv": (ProviderVectorEnv, ["expected"]),
    "ModelsEnv": (ModelsEnv, ["expected"]),
    "OptionsEnv": (OptionsEnv, ["expected", "decline"]),
    "SessionEnv": (SessionEnv, ["penalty"]),
    "parallel_env": (parallel_env, ["expected"]),
}


@pytest.mark.parametrize("kind", FLAGS)
def test_what_is_true_or_false_is_nothing_else(kind: str) -> None:
    make, names = FLAGS[kind]
    for name in names:
        make(**{name: np.bool_(False)})
        for wrong in (1, 0, "yes", None, [True]):
            with pytest.raises(ValueError, match=f"{name} must be True or False"):
                make(**{name: wrong})


@pytest.mark.parametrize("name", ["success", "latency", "cost"])
def test_a_ladder_has_each_number_of_each_model(name: str) -> None:
    numbers = {"success": (0.3, 0.8), "latency": (0.4, 0.5), "cost": (0.15, 0.6)}
    ModelsEnv(**numbers)
    for wrong in ((0.5,), 0.5, (0.1, 0.2, 0.3), [[0.1, 0.2]]):
        with pytest.raises(ValueError, match="one (?:number|chance) for each model"):
            ModelsEnv(**numbers | {name: wrong})


def test_an_encoding_around_an_encoding_says_what_to_wrap() -> None:
    made = gym.make("RoutingGame/Provider-v0")
    for wrapper in (GridAction, MultiDiscreteAction):
        with pytest.raises(ValueError, match=r"take ProviderEnv\(\), or the .unwrapped"):
            wrapper(made)
        assert wrapper(made.unwrapped).reset(seed=0)


@pytest.mark.parametrize("env", [SessionEnv(), UserEnv()])
def test_an_array_of_actions_is_no_action(env: Any) -> None:
    env.reset(seed=0)
    for wrong in (np.array([0, 1]), [0, 1], np.array([0.5])):
        with pytest.raises(ValueError, match=r"an action is .* got"):
            env.step(wrong)
    env.step(np.array([0]))


@pytest.mark.parametrize("name", ["Provider", "User", "Answer", "Session", "Models", "Options"])
def test_human_is_a_window_around_every_environment(name: str) -> None:
    with pytest.warns(UserWarning, match="HumanRendering"):
        made = gym.make(f"RoutingGame/{name}-v0", render_mode="human")
    assert made.render_mode == "human"
    assert made.unwrapped.render_mode == "rgb_array"


def test_a_user_of_a_long_session_remembers_no_more_than_so_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session_user, "CACHE_SIZE", 10)
    env = SessionEnv(GAME, tasks=1000, prior=(50, 1))
    user, twin = env.user, CertaintyEquivalentUser(ExactUser(GAME))
    env.reset(seed=0)
    for _ in range(200):
        seen, *_ = env.step(0)
        twin.belief = user.belief
        assert user.leaving(1) == twin.leaving(1)
        assert len(user._known) <= 10
    assert seen[4] > 50  # it met that many means


NEEDED: dict[str, dict[str, Any]] = {
    "ProviderSessions": {"game": GAME, "user": PlugIn(GAME), "num_envs": 2},
    "UserSessions": {"game": GAME, "num_envs": 2},
    "CertaintyEquivalentUser": {"user": ExactUser(GAME)},
}
"""What has no default."""


def made_from(kind: str, **arguments: Any) -> Any:
    """An environment, engine or player with all but these arguments as they are by default."""
    make = parallel_env if kind == "parallel_env" else getattr(routing_game.envs, kind)
    return make(**NEEDED.get(kind, {}) | arguments)


ARGUMENTS = {
    "ProviderEnv": "game user expected max_passes infos render_mode",
    "UserEnv": "game observes provider max_passes infos render_mode",
    "AnswerEnv": "game render_mode",
    "SessionEnv": "game user tasks observes prior cancel fee penalty max_passes render_mode",
    "ModelsEnv": "value penalty success latency cost user expected max_passes render_mode",
    "OptionsEnv": "game throttle price decline expected max_passes render_mode",
    "WorldEnv": "make sampler sees render_mode",
    "ProviderVectorEnv": "num_envs game user expected max_passes infos autoreset_mode",
    "UserVectorEnv": "num_envs game observes provider max_passes infos autoreset_mode",
    "AnswerVectorEnv": "num_envs game",
    "ProviderSessions": "game user num_envs prior going_on tasks observes fee",
    "UserSessions": "game num_envs tasks prior observes",
    "CertaintyEquivalentUser": "user prior cancel",
    "parallel_env": "game observes tasks encoding answers expected max_passes render_mode",
}


@pytest.mark.parametrize("kind", ARGUMENTS)
def test_a_wrong_argument_is_a_value_error_whatever_it_is(kind: str) -> None:
    made_from(kind)
    for name in ARGUMENTS[kind].split():
        for wrong in (object(), b"x", -3, 10**400, np.nan, 1e300, [object()], complex(1, 1)):
            if (name, wrong) == ("fee", -3):  # a session may be paid for
                continue
            with pytest.raises(ValueError, match=r".") as raised:
                made_from(kind, **{name: wrong})
            assert "truth value" not in str(raised.value)


@pytest.mark.parametrize("name", ["value", "penalty", "latency", "cost"])
def test_ladders_have_the_range_of_games(name: str) -> None:
    for size in (1e100, 1e-100):
        inside = size if name in ("value", "penalty") else (0.0, 0.0, size)
        env = ModelsEnv(**{name: inside})
        env.reset(seed=0)
        _, reward, *_ = env.step(np.zeros(3, np.float32))
        assert np.isfinite(reward)
    for wrong in (1e101, 1e-101 if name in ("value", "penalty") else 1e300):
        outside = wrong if name in ("value", "penalty") else (0.0, 0.0, wrong)
        with pytest.raises(ValueError, match="choose another unit"):
            ModelsEnv(**{name: outside})
