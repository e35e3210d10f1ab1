"""Copies that do not go on as the original: of the kind "deepcopy and pickle lose the game".

Agents in mid-learning, the worlds they learn in, rules and wrappers of stable-baselines3 must go on
bit by bit as what they were copied from, and share nothing with it; and what a wrapper records of
its arguments must be such as JSON can hold.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from worlds import world_of_many

from routing_game.agents import (
    EXP3,
    UCB,
    Elimination,
    EpsilonGreedy,
    MultiplicativeWeights,
    RefiningThompson,
    RefiningUCB,
    RehearsingUser,
    ReinforceBlind,
    Structural,
    StructuralUser,
    TabularUser,
    Thompson,
    UCBTuned,
    Zooming,
    sb3_providers,
    sb3_users,
)
from routing_game.agents.sb3 import Finite, Settings
from routing_game.agents.sessions import (
    BeliefUser,
    ConstantCascade,
    PlanningProvider,
    PlanningUser,
    ReputationProvider,
)
from routing_game.agents.structural import Stage
from routing_game.envs import (
    AnswerVectorEnv,
    BeliefObservation,
    GridAction,
    MultiDiscreteAction,
    ProviderVectorEnv,
    UserEnv,
    UserVectorEnv,
)
from routing_game.envs.sb3 import SB3VecEnv
from routing_game.experiments.play import World
from routing_game.theory import Commitment, best_response, load
from routing_game.theory.belief_rules import Thompson as ThompsonRule

GAME = load("t4-cascade")
COPIES: dict[str, Callable[[Any], Any]] = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda thing: pickle.loads(pickle.dumps(thing)),
}


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


# providers and users that are told of one task after another

PROVIDERS: dict[str, Callable[[], Any]] = {
    "structural": lambda: Structural((0.15, 0.6), 1.5, rng()),
    "ucb": RefiningUCB,
    "thompson": lambda: RefiningThompson(rng()),
    "zooming": Zooming,
    "ucb-fixed": UCB,
    "ucb-tuned": UCBTuned,
    "elimination": Elimination,
    **{kind.__name__: lambda kind=kind: kind(rng()) for kind in (Thompson, EpsilonGreedy, EXP3)},  # type: ignore[misc]
}
USERS: dict[str, Callable[[], Any]] = {
    "structural": lambda: StructuralUser(1.0, (0.4, 0.5), rng=rng()),
    "tabular": lambda: TabularUser(1.0, (0.4, 0.5), rng()),
    "weights": lambda: MultiplicativeWeights(1.0, (0.4, 0.5), rng()),
    "rehearsing": lambda: RehearsingUser(1.0, (0.4, 0.5), rng()),
}


def provided(provider: Any, seed: int, tasks: int) -> list[Any]:
    world, seen = World(GAME, np.random.default_rng(seed)), []
    for _ in range(tasks):
        commitment = provider.act()
        task = world(commitment, float(best_response(GAME, *commitment).strong))
        provider.update(commitment, task)
        seen.append((commitment, provider.recommend()))
    return seen


def used(user: Any, seed: int, tasks: int) -> list[Any]:
    world, draws, seen = World(GAME, rng()), np.random.default_rng(seed), []
    for _ in range(tasks):
        commitment = Commitment(int(draws.integers(1, 3)), float(draws.integers(5)) / 4)
        q = user.reply(commitment)
        user.learn(commitment, q, world(commitment, q))
        waver = user.waver(commitment, 3).tolist() if hasattr(user, "waver") else None
        seen.append((q, waver, user.abandon([1, 1, 2], [0.1, 0.5, 0.0]).tolist()))
    return seen


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("kind", PROVIDERS)
def test_a_copy_of_a_provider_in_mid_learning_learns_on_as_the_original(
    kind: str, how: str
) -> None:
    provider = PROVIDERS[kind]()
    provided(provider, 1, 120)
    twin = COPIES[how](provider)
    assert provided(twin, 2, 120) == provided(provider, 2, 120)


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("tasks", [0, 3, 60, 300, 1500])
def test_the_structural_learner_can_be_copied_at_every_stage(tasks: int, how: str) -> None:
    """It was held by a generator, which nothing can copy."""
    provider = PROVIDERS["structural"]()
    provided(provider, 1, tasks)
    twin = COPIES[how](provider)
    assert provided(twin, 2, 200) == provided(provider, 2, 200)


def test_the_structural_learner_comes_through_all_its_stages() -> None:
    """So the test above copies it at each of them."""
    provider, stages = PROVIDERS["structural"](), []
    world = World(GAME, np.random.default_rng(1))
    for _ in range(1500):
        stages.append(provider._stage)
        commitment = provider.act()
        q = float(best_response(GAME, *commitment).strong)
        provider.update(commitment, world(commitment, q))
    assert list(dict.fromkeys(stages)) == list(Stage)


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("kind", USERS)
def test_a_copy_of_a_user_in_mid_learning_learns_on_as_the_original(kind: str, how: str) -> None:
    user = USERS[kind]()
    used(user, 1, 40)
    twin = COPIES[how](user)
    assert used(twin, 2, 40) == used(user, 2, 40)


# the worlds they learn in


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_of_a_world_plays_the_same_tasks_and_shares_none_of_its_numbers(how: str) -> None:
    world = World(GAME, rng())
    for _ in range(5):
        world(Commitment(1, 0.3), 0.2)
    twin = COPIES[how](world)
    told = [[w(Commitment(1, 0.3), 0.2) for _ in range(30)] for w in (world, twin)]
    assert told[0] == told[1]


@pytest.mark.parametrize("how", COPIES)
def test_a_pair_that_learns_side_by_side_can_be_copied_with_its_world(how: str) -> None:
    """Of a closure a deep copy is the closure itself: both pairs drew from one world."""
    pair = ReinforceBlind(world_of_many(GAME, rng()), rng(), updates=4, width=64)
    twin = COPIES[how](pair)
    ended = [(list(each.train()), each._row._logits.tolist()) for each in (pair, twin)]
    assert ended[0] == ended[1]


# providers and users of sessions

SESSIONS: dict[str, Callable[[], Any]] = {
    "constant": lambda: ConstantCascade(0.5, rng()),
    "reputation": lambda: ReputationProvider(GAME),
    "planning": lambda: PlanningProvider(GAME, 3),
}


def acted(provider: Any) -> list[int]:
    seen = [(0.0, 1.0, 1.0, float(a), float(b)) for a in range(4) for b in range(4)]
    return [provider.act(np.array(observation)) for observation in seen]


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("kind", SESSIONS)
def test_a_copy_of_a_provider_of_sessions_acts_as_the_original(kind: str, how: str) -> None:
    provider = SESSIONS[kind]()
    acted(provider)
    twin = COPIES[how](provider)
    assert acted(twin) == acted(provider)


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize(
    "make",
    [lambda: BeliefUser(GAME, ThompsonRule(GAME), rng()), lambda: PlanningUser(GAME, 3, rng())],
)
def test_a_copy_of_a_user_of_sessions_answers_as_the_original(make: Any, how: str) -> None:
    user = make()
    user.leaving(1)
    user.see_draw(False)
    twin = COPIES[how](user)
    told = []
    for each in (user, twin):
        answers = []
        for draw in (True, False, True):
            answers.append(each.leaving(1))
            each.see_draw(draw)
            each.cancelling(draw)
        told.append((answers, each.belief))
    assert told[0] == told[1]


# stable-baselines3


def quick(tuned: Settings) -> Settings:
    """The same with little to do."""
    less = {"gradient_steps": 2, "batch_size": 8, "buffer_size": 64}
    options = {name: less.get(name, x) for name, x in tuned.options.items()}
    return replace(tuned, updates=2, options=options)


def provider_of(name: str) -> Any:
    tuned = quick(sb3_providers.SETTINGS[name])
    settings = replace(tuned, windows=tuned.windows[:1], width=2, steps=4)
    engine = SB3VecEnv(ProviderVectorEnv(2, GAME, infos="none"))
    engine.seed(1)
    return sb3_providers.PROVIDERS[name](engine, rng(), settings)


def user_of(name: str) -> Any:
    tuned = sb3_users.ANSWER if name == "PPOAnswerUser" else sb3_users.USER
    if name == "DQNUser":
        tuned = sb3_users.ALIASED
    inner: Any = AnswerVectorEnv(2, GAME)
    if name != "PPOAnswerUser":
        observes = "model" if name == "PPOModelUser" else "strategy"
        inner = UserVectorEnv(2, GAME, observes=observes, infos="none")
    engine = SB3VecEnv(inner)
    engine.seed(1)
    return getattr(sb3_users, name)(engine, rng(), replace(quick(tuned), steps=8, width=2))


def weights(agent: Any) -> list[Any]:
    return [x.tolist() for x in agent._model.policy.state_dict().values()]


LEARNERS = [(provider_of, name) for name in ("ppo", "td3", "dqn")]
LEARNERS += [(user_of, name) for name in ("PPOUser", "DQNUser")]


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize(("make", "name"), LEARNERS)
def test_a_copy_of_a_learner_by_stable_baselines3_is_trained_as_the_original(
    make: Any, name: str, how: str
) -> None:
    """Neither pickle nor deepcopy could make one, before training or after."""
    agent = make(name)
    twin = COPIES[how](agent)
    for each in (agent, twin):
        list(each.train())
    assert weights(twin) == weights(agent)
    after = COPIES[how](agent)
    assert weights(after) == weights(agent)


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_between_the_halves_of_a_step_ends_it_as_the_original(how: str) -> None:
    """The adapter's actions are taken, and not yet played."""
    engine = Finite(SB3VecEnv(UserVectorEnv(4)))
    engine.seed(1)
    engine.reset()
    stay = np.zeros(4, np.int64)
    engine.step(stay)
    engine.step_async(stay)
    twin = COPIES[how](engine)
    told = []
    for each in (engine, twin):
        steps = [each.step_wait(), *(each.step(stay) for _ in range(12))]
        told.append([step[:3] for step in steps])
        assert each.get_attr("max_passes")[0] == 1000
    np.testing.assert_equal(*told)


# what wrappers record

WRAPPERS: dict[str, Callable[[], gym.Env[Any, Any]]] = {
    "a grid": lambda: GridAction(
        gym.make("RoutingGame/Provider-v0").unwrapped, np.array([0.1, 0.5])
    ),
    "a grid of so many": lambda: GridAction(
        gym.make("RoutingGame/Provider-v0").unwrapped,
        np.int64(5),  # type: ignore[arg-type]
    ),
    "two numbers": lambda: MultiDiscreteAction(
        gym.make("RoutingGame/Provider-v0").unwrapped, np.array([0.1, 0.5])
    ),
    "a belief": lambda: BeliefObservation(
        gym.make("RoutingGame/User-v0", observes="model"),
        np.array([2.0, 3.0]),  # type: ignore[arg-type]
        keep=True,
    ),
}


@pytest.mark.parametrize("kind", WRAPPERS)
def test_what_a_wrapper_records_survives_json(kind: str) -> None:
    env = WRAPPERS[kind]()
    assert env.spec is not None
    again = EnvSpec.from_json(env.spec.to_json())
    assert repr(again.additional_wrappers) == repr(env.spec.additional_wrappers)


def test_a_belief_needs_a_reset_as_the_environment_in_it_does() -> None:
    with pytest.raises(gym.error.ResetNeeded):
        BeliefObservation(UserEnv(observes="model")).step(0)
