"""What lies just inside and just outside: actions, attributes, copies, and what callers may change.

Every action is checked against its space, one at a time and in batches. The right value of a wrong
action is a ValueError; of a point that rounding to float32 put a hair outside, that of the edge.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers import RescaleAction

from routing_game.agents.schemes import simultaneous
from routing_game.envs import (
    AnswerVectorEnv,
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
    boxed_provider,
    from_box,
)
from routing_game.experiments.check.traces import provider_trace
from routing_game.experiments.play import World, play_batches
from routing_game.theory import Commitment, load
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
        [(1.9, 0.3), (np.nan, 0.3), (0, 0.3), (3, 0.3), (1, -0.1), (1, 1.0001), (1, np.nan), 1],
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
