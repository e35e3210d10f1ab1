"""Rules as users of sessions, providers with a reputation to keep, crowds that play alike."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import routing_game  # noqa: F401
from routing_game.agents import (
    BeliefUser,
    ConstantCascade,
    PlanningProvider,
    PlanningUser,
    ReputationProvider,
)
from routing_game.envs.crowd import play_sessions
from routing_game.theory import GAMES, solve
from routing_game.theory.belief import Belief
from routing_game.theory.belief_rules import (
    ExpectedUtility,
    ForcedStays,
    Optimistic,
    PlugIn,
    Rule,
    Thompson,
    plug_in_after_failure,
)
from routing_game.theory.reputation import reputation

T4 = GAMES["t4-cascade"]
RULES: dict[str, Rule] = {
    "plug-in": PlugIn(T4),
    "plug-in, each task": PlugIn(T4, "task"),
    "expected utility": ExpectedUtility(T4),
    "expected utility, each task": ExpectedUtility(T4, "task"),
    "Thompson": Thompson(T4),
    "optimistic": Optimistic(T4),
    "optimistic, fixed": Optimistic(T4, 1.0, growing=False),
    "forced stays": ForcedStays(T4),
}


def sessions(
    user: Any, provider: Any, tasks: int, seeds: int, game: Any = T4
) -> tuple[np.ndarray, np.ndarray]:
    """(cost, utility) per session, shape (seeds,), of sessions played pass by pass."""
    env = gym.make("RoutingGame/Session-v0", game=game, user=user, tasks=tasks).unwrapped
    totals = []
    for seed in range(seeds):
        observation, _ = env.reset(seed=seed)
        done, cost, utility = False, 0.0, 0.0
        while not done:
            observation, reward, done, _, info = env.step(provider.act(observation))
            cost -= float(reward)
            utility += info["task"].utility if "task" in info else 0.0
        totals.append((cost, utility))
    cost, utility = np.array(totals).T
    return cost, utility


@pytest.mark.parametrize("name", RULES)
def test_a_session_and_a_crowd_play_alike(name: str) -> None:
    """Mean cost and utility of 20 tasks agree within four standard errors."""
    rng = np.random.default_rng(30)
    user, provider = BeliefUser(T4, RULES[name], rng), ConstantCascade(0.35, rng)
    slow = name == "expected utility, each task"
    alone = sessions(user, provider, 20, 30 if slow else 100)
    crowd = play_sessions(T4, RULES[name], 0.35, 20, 300 if slow else 4000, rng)
    for mine, theirs in zip(
        alone, (crowd.cost.sum(axis=0), crowd.utility.sum(axis=0)), strict=True
    ):
        error = np.hypot(mine.std() / np.sqrt(mine.size), theirs.std() / np.sqrt(theirs.size))
        assert abs(mine.mean() - theirs.mean()) < 4 * error


def test_the_planning_user_is_worth_its_plan() -> None:
    rng = np.random.default_rng(31)
    user = PlanningUser(T4, 8, rng, prior=(1.0, 4.0))
    worth = []
    for _ in range(300):
        _, utility = sessions(user, ConstantCascade(rng.beta(1, 4), rng), 8, 1)
        worth += list(utility)
    expected = user._rule.plan.value[8]  # type: ignore[attr-defined]
    assert abs(np.mean(worth) - expected) < 4 * np.std(worth) / np.sqrt(300)


def test_the_planning_provider_pays_its_plan() -> None:
    provider = PlanningProvider(T4, 25)
    cost, _ = sessions(None, provider, 25, 200)
    assert abs(cost.mean() - provider.plan.cost[25]) < 4 * cost.std() / np.sqrt(200)


def test_reputation_in_a_session() -> None:
    env = gym.make("RoutingGame/Session-v0", tasks=1500).unwrapped
    provider, done = ReputationProvider(T4), False
    observation, _ = env.reset(seed=0)
    costs = []
    while not done:
        observation, _, done, _, info = env.step(provider.act(observation))
        costs += [info["task"].cost] if "task" in info else []
        assert plug_in_after_failure(T4, Belief(*info["belief"])) == 0
    assert np.mean(costs) == pytest.approx(solve(T4).cost, abs=4 * np.std(costs) / np.sqrt(1500))


def test_no_provider_of_ours_beats_the_plan() -> None:
    best = reputation(
        T4, Belief(1.0, 1.0), 30, lambda belief: plug_in_after_failure(T4, belief)
    ).cost[30]
    rng = np.random.default_rng(32)
    for provider in (ReputationProvider(T4), ConstantCascade(0.1, rng), ConstantCascade(0.5, rng)):
        cost, _ = sessions(None, provider, 30, 100)
        assert cost.mean() > best - 4 * cost.std() / 10


def test_a_window_finds_a_provider_that_changed() -> None:
    """Escalates always, then rarely: with a window the belief follows soon, without it lags."""
    rng = np.random.default_rng(33)

    def provider(belief: Belief, task: int) -> Any:
        return np.full(np.shape(belief.mean), 0.95 if task <= 200 else 0.6)

    means = {}
    for memory in (1.0, 0.9):
        played = play_sessions(T4, PlugIn(T4), provider, 320, 300, rng, memory=memory)
        means[memory] = np.median(played.mean[-1])
    assert means[0.9] == pytest.approx(0.6, abs=0.08)
    assert means[1.0] > 0.7


def test_bad_arguments_are_named() -> None:
    rng = np.random.default_rng(0)
    for arguments, message in (
        ({"memory": 0}, "memory"),
        ({"cancel": 2}, "cancel"),
        ({"prior": (0, 1)}, "prior"),
    ):
        with pytest.raises(ValueError, match=message):
            BeliefUser(T4, PlugIn(T4), rng, **arguments)
    with pytest.raises(ValueError, match="rng must be a numpy Generator"):
        ConstantCascade(0.5, 7)  # type: ignore[arg-type]
    for rule in (Thompson(T4), Optimistic(T4), ForcedStays(T4)):
        for make in (
            lambda rule: ReputationProvider(T4, rule=rule),
            lambda rule: PlanningProvider(T4, 3, rule=rule),
        ):
            with pytest.raises(ValueError, match="rule of the belief alone"):
                make(rule)
