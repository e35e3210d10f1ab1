"""Arrays handed out and taken in: of the kind "engines hand out arrays that the caller can change".

What is handed out is the caller's to change, shares no memory with anything else that was handed
out, and changes nothing that is still in use; or it is read-only. What is taken in may be changed
by its owner afterwards.
"""

from __future__ import annotations

import copy
import dataclasses
import itertools
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from routing_game.agents.sessions import Planned, Tabled
from routing_game.envs import (
    AnswerVectorEnv,
    ModelsEnv,
    ProviderSessions,
    ProviderVectorEnv,
    UserSessions,
    UserVectorEnv,
)
from routing_game.envs.worlds import hidden, one_of
from routing_game.theory import GAMES as CATALOG
from routing_game.theory import (
    PAIRS,
    TASK_TYPES,
    Game,
    best_response,
    load,
    sample_games,
    solve,
)
from routing_game.theory.belief import Belief
from routing_game.theory.belief_plan import plan_after_failure
from routing_game.theory.belief_rules import PlugIn, plug_in_after_failure
from routing_game.theory.chain import Chain, ladder
from routing_game.theory.mixture import Mixture
from routing_game.theory.reputation import reputation

GAME = load("t4-cascade")
GAMES = sample_games(6, np.random.default_rng(0))
PRIOR = Belief(1.0, 1.0)


def arrays(thing: Any) -> Iterator[np.ndarray]:
    """All arrays in it."""
    if isinstance(thing, np.ndarray):
        yield thing
    elif isinstance(thing, dict):
        yield from itertools.chain.from_iterable(map(arrays, thing.values()))
    elif isinstance(thing, list | tuple):
        yield from itertools.chain.from_iterable(map(arrays, thing))
    elif dataclasses.is_dataclass(thing):
        yield from arrays([getattr(thing, field.name) for field in dataclasses.fields(thing)])


def is_readonly(thing: Any) -> bool:
    found = list(arrays(thing))
    assert found
    return not any(array.flags.writeable for array in found)


# read-only, however it came about

WAYS: dict[str, Callable[[Game], Game]] = {
    "a slice": lambda games: games[1:4],
    "chosen by numbers": lambda games: games[[0, 3, 3]],
    "chosen by a mask": lambda games: games[np.array([True, False] * 3)],
    "flat": lambda games: games.ravel(),
    "stacked": lambda games: Game.stack(list(games)),
    "copied": copy.copy,
    "copied deeply": copy.deepcopy,
    "pickled": lambda games: pickle.loads(pickle.dumps(games)),
    "replaced": lambda games: dataclasses.replace(games, value=2 * games.value),
}


@pytest.mark.parametrize("way", WAYS)
def test_arrays_of_games_are_read_only_however_they_were_made(way: str) -> None:
    """Games are keys of dictionaries: a number changed in place would be another game's answer."""
    _ = GAMES.net_value, GAMES.failure  # cached, and pickled with the rest
    games = WAYS[way](GAMES)
    assert is_readonly([games, games.net_value, games.failure])
    assert hash(games) == hash(copy.deepcopy(games))


FIXED: dict[str, Callable[[], Any]] = {
    "an equilibrium": lambda: solve(GAMES),
    "a chain": lambda: Chain.of(GAMES, 0.5),
    "a mixture": lambda: Mixture(GAMES, np.full(6, 1 / 6)),
    "a plan": lambda: plan_after_failure(GAME, PRIOR, 2),
    "a plan by a rule": lambda: plan_after_failure(
        GAME, PRIOR, 2, lambda belief: plug_in_after_failure(GAME, belief)
    ),
    "a reputation": lambda: reputation(
        GAME, PRIOR, 2, lambda belief: plug_in_after_failure(GAME, belief)
    ),
}


@pytest.mark.parametrize("kind", FIXED)
def test_what_theory_keeps_is_read_only_and_stays_so_when_it_is_pickled(kind: str) -> None:
    made = FIXED[kind]()
    assert is_readonly(made)
    assert is_readonly(pickle.loads(pickle.dumps(made)))


@pytest.mark.parametrize("part", ["cascade", "abandon", "weak_cost", "attained"])
def test_what_an_equilibrium_works_out_once_cannot_be_changed_for_the_next_who_asks(
    part: str,
) -> None:
    found = solve(GAMES)
    before = copy.deepcopy(getattr(found, part))
    for array in arrays(getattr(found, part)):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    np.testing.assert_equal(getattr(found, part), before)


def test_the_members_of_a_best_response_are_each_their_own() -> None:
    """Where nothing ties the provider's favourite is the least q, but not the same array."""
    answer = best_response(GAMES, 1, 0.3)
    before = answer.low.copy()
    answer.strong[...] = 7
    answer.weak[...] = 8
    np.testing.assert_equal(answer.low, before)


# no two arrays of a step are one

ENGINES: dict[str, Callable[[], Any]] = {
    "ProviderVectorEnv": lambda: ProviderVectorEnv(3),
    "ProviderVectorEnv, NextStep": lambda: ProviderVectorEnv(3, autoreset_mode="NextStep"),
    "ProviderVectorEnv, task": lambda: ProviderVectorEnv(3, infos="task"),
    "UserVectorEnv": lambda: UserVectorEnv(3, max_passes=4),
    "UserVectorEnv, NextStep": lambda: UserVectorEnv(3, autoreset_mode="NextStep"),
    "UserVectorEnv, no infos": lambda: UserVectorEnv(64, max_passes=4, infos="none"),
    "AnswerVectorEnv": lambda: AnswerVectorEnv(3),
    "ProviderSessions": lambda: ProviderSessions(GAME, PlugIn(GAME), 3),
    "UserSessions": lambda: UserSessions(GAME, 3, tasks=2),
}


@pytest.mark.parametrize("kind", ENGINES)
def test_no_two_arrays_that_a_step_hands_out_share_memory(kind: str) -> None:
    """`done |= truncated` must not change who `_final_info` says has ended."""
    engine = ENGINES[kind]()
    engine.reset(seed=1)
    engine.action_space.seed(0)
    for _ in range(12):
        told = list(arrays(engine.step(engine.action_space.sample())))
        for one, other in itertools.combinations(told, 2):
            assert not np.shares_memory(one, other)


def test_an_answer_that_the_user_keeps_is_told_as_a_copy() -> None:
    class Keeps:
        answers = np.zeros(3)

        def abandon(self, route: Any, cascade: Any) -> Any:
            return self.answers

    engine = ProviderVectorEnv(3, user=Keeps())
    engine.reset(seed=0)
    *_, info = engine.step(np.zeros((3, 2), np.float32))
    info["final_info"]["abandon"][...] = 1
    assert not Keeps.answers.any()


# taken in


def test_a_ladder_of_models_keeps_its_numbers_when_the_callers_change() -> None:
    success, latency, cost = (np.array(x) for x in ((0.3, 0.8), (0.4, 0.5), (0.15, 0.6)))
    env, twin = (ModelsEnv(success=success, latency=latency, cost=cost) for _ in range(2))
    for given in (success, latency, cost):
        given[...] = 0.9
    fresh = ModelsEnv(success=(0.3, 0.8), latency=(0.4, 0.5), cost=(0.15, 0.6))
    action = np.array([-1, 0], np.float32)
    for each in (env, twin, fresh):
        each.reset(seed=3)
    np.testing.assert_equal(env.step(action), fresh.step(action))
    np.testing.assert_equal(twin.chain.cost, [0.15, 0.6])


def test_a_world_keeps_its_ranges_and_weights_when_the_callers_change() -> None:
    values, weights = [1.0, 2.0], np.array([1.0, 0.0])
    drawn, chosen = hidden(GAME, value=values), one_of(["t4-cascade", "t5-cascade"], weights)
    values[:], weights[:] = [50.0, 60.0], [0.0, 1.0]
    assert drawn(np.random.default_rng(0)).value <= 2.0
    assert chosen(np.random.default_rng(0)) == GAME


def test_actions_that_were_handed_to_stable_baselines3_are_those_that_are_played() -> None:
    """Between `step_async` and `step_wait` the caller has its array back."""
    from routing_game.envs.sb3 import SB3VecEnv

    played = []
    for spoil in (False, True):
        engine = SB3VecEnv(UserVectorEnv(8, "t5-cascade"))
        engine.seed(0)
        engine.reset()
        actions = np.zeros(8, np.int64)
        engine.step_async(actions)
        actions[:] = spoil
        played.append(engine.step_wait()[1])
    np.testing.assert_equal(*played)


def test_a_rule_from_a_table_keeps_it_when_the_callers_changes() -> None:
    table = np.zeros((1, 1, 1))
    rule = Tabled(table, PRIOR)
    table[...] = 1.0
    assert rule.leaving(PRIOR, 1, np.random.default_rng(0)) == 0.0
    planned = Planned(GAME, 2)
    assert np.shares_memory(planned.table, planned.plan.leaving)  # and is not held twice


def test_a_plan_by_a_rule_keeps_its_answers_when_the_rules_table_changes() -> None:
    table = np.zeros((2, 300))
    plan = plan_after_failure(GAME, PRIOR, 2, lambda belief: table, reach=300)
    table[...] = 1.0
    assert not plan.leaving.any()


def test_a_chain_and_a_mixture_keep_their_numbers_when_the_callers_change() -> None:
    success, weight = np.array([0.3, 0.8]), np.full(6, 1 / 6)
    chain, mixture = Chain(1, 1.5, success, 0.4, 0.2, ladder(0.5)), Mixture(GAMES, weight)
    success[...], weight[...] = 0.9, 0.0
    np.testing.assert_equal(chain.success, [0.3, 0.8])
    assert mixture.weight.sum() == pytest.approx(1)


# the catalog

TABLES = {
    "games": CATALOG,
    "pairs": PAIRS,
    "task types": TASK_TYPES,
    "what a task type assumes": TASK_TYPES["draft-writing"].assumed,
    "where a pair is from": PAIRS["gpt-4.1-o3"].source,
}


@pytest.mark.parametrize("name", TABLES)
def test_the_catalog_is_the_same_to_everybody(name: str) -> None:
    """A value changed in it would have been another game under the same name from then on."""
    table: Any = TABLES[name]
    before, key = dict(table), next(iter(table))
    changes: list[Callable[[], Any]] = [
        lambda: table.__setitem__(key, None),
        lambda: table.__delitem__(key),
        lambda: table.update({key: None}),
        lambda: table.pop(key),
        table.popitem,
        table.clear,
        lambda: table.setdefault("new", None),
        lambda: table.__ior__({key: None}),
    ]
    for change in changes:
        with pytest.raises(TypeError, match="the catalog is read and not changed"):
            change()
    assert dict(table) == before
    for again in (copy.deepcopy(table), copy.copy(table), pickle.loads(pickle.dumps(table))):
        assert again == table
        assert type(again) is type(table)


def test_lists_in_a_task_type_are_fixed_too() -> None:
    for kind in TASK_TYPES.values():
        assert not any(isinstance(x, list) for x in kind.assumed.values())
