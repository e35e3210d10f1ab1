"""Counts and indices that are none: of the kind "answered by a wrapped index, or rounded".

A plan of 3 by 3 draws was asked for -1 draws and answered by its last column. So -1, 0 where
counting starts from 1, 2.5, 2.0, True and numbers too large must be refused by a ValueError that
names what was wrong, everywhere; and whole numbers of numpy must be taken as those of Python are.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing_game.agents.sessions import Planned, Tabled
from routing_game.theory import faded, lag_cost, load
from routing_game.theory.belief import Belief, lattice, most_keeps
from routing_game.theory.belief_plan import plan_after_failure, plan_each_task
from routing_game.theory.belief_rules import (
    ExpectedUtility,
    ForcedStays,
    Optimistic,
    PlugIn,
    Thompson,
    plug_in_after_failure,
)
from routing_game.theory.belief_success import Doubt, losses, plug_in_loss, plug_in_reply
from routing_game.theory.certify import (
    best_reply,
    best_response_gap,
    chain_visits,
    grid_cost,
    judge,
    transition,
    values,
)
from routing_game.theory.chain import Chain, evaluate, ladder
from routing_game.theory.chain_solve import cheapest, single_reply
from routing_game.theory.fading import solve_session
from routing_game.theory.frequencies import PRIORS, frequencies
from routing_game.theory.lock_in import lock_in
from routing_game.theory.mixture import beta_mixture, solve_mixture
from routing_game.theory.quadrature import beta_nodes, expectation
from routing_game.theory.reputation import (
    enough_draws,
    memoryless_discounted,
    reputation,
    reputation_discounted,
)

GAME = load("t4-cascade")
PRIOR = Belief(1.0, 1.0)
MIXTURE = beta_mixture(GAME, (0.2, 0.2), nodes=3)
LADDER = Chain(1.0, 1.5, (0.3, 0.5, 0.8), (0.2, 0.3, 0.5), (0.1, 0.2, 0.6), ladder([0.5, 0.3]))
PLAN = Planned(GAME, 3)
SESSION = faded(GAME, 0.9, 4)
DOUBT = Doubt((3.0, 2.0), (5.0, 1.0), (1.0, 1.0))


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def leaves(belief: Belief) -> Any:
    return plug_in_after_failure(GAME, belief)


def family(s: Any) -> Chain:
    return Chain.of(GAME, s)


Asked = Callable[[Any], Any]
COUNTS: dict[str, tuple[int, Asked]] = {
    "most_keeps: tasks": (1, lambda n: most_keeps(0.3, n)),
    "lattice: escalations": (1, lambda n: lattice(PRIOR, n, 2)),
    "lattice: keeps": (1, lambda n: lattice(PRIOR, 2, n)),
    "plan_after_failure: tasks": (1, lambda n: plan_after_failure(GAME, PRIOR, n)),
    "plan_after_failure: reach": (1, lambda n: plan_after_failure(GAME, PRIOR, 2, reach=n)),
    "plan_each_task: tasks": (1, lambda n: plan_each_task(GAME, PRIOR, n, grid=[0, 1])),
    "lock_in: tasks": (1, lambda n: lock_in(GAME, 0.1, PRIOR, n, leaves)),
    "reputation: tasks": (1, lambda n: reputation(GAME, PRIOR, n, leaves)),
    "reputation: draws": (
        1,
        lambda n: reputation_discounted(GAME, PRIOR, 0.9, leaves, draws=n),
    ),
    "memoryless: draws": (
        1,
        lambda n: memoryless_discounted(GAME, PRIOR, 0.9, leaves, np.array([0.5]), draws=n),
    ),
    "losses: n": (1, lambda n: losses("-+", 3.0, n, rng())),
    "frequencies: n": (1, lambda n: frequencies("uniform", n, rng())),
    **{
        f"{prior}: n": (0, lambda n, draw=PRIORS[prior]: draw(n, rng()))  # type: ignore[misc]
        for prior in PRIORS
    },
    "faded: tasks": (1, lambda n: faded(GAME, 0.9, n)),
    "lag_cost: lag": (0, lambda n: lag_cost(SESSION, n)),
    "success_after: failures": (0, lambda n: MIXTURE.success_after(1, n)),
    "beta_mixture: nodes": (1, lambda n: beta_mixture(GAME, (0.2, 0.2), nodes=n)),
    "beta_nodes: nodes": (1, lambda n: beta_nodes(0.3, 0.2, n)),
    "expectation: nodes": (1, lambda n: expectation(lambda s: s, PRIOR, nodes=n)),
    "solve_mixture: points": (2, lambda n: solve_mixture(MIXTURE, n)),
    "cheapest: pieces": (1, lambda n: cheapest(family, single_reply, pieces=n)),
    "best_reply: grid": (2, lambda n: best_reply(GAME, 1, 0.5, n)),
    "best_response_gap: grid": (2, lambda n: best_response_gap(GAME, 1, 0.5, 0.5, n)),
    "grid_cost: grid": (2, lambda n: grid_cost(GAME, n, 3)),
    "grid_cost: replies": (2, lambda n: grid_cost(GAME, 3, n)),
    "judge: grid": (2, lambda n: judge(GAME, 1, 0.5, 0.5, 0.6, n)),
}
"""What takes a count: the least that makes sense, and the answer."""

INDICES: dict[str, tuple[int, int, Asked]] = {
    "chain_visits: route": (1, 2, lambda i: chain_visits(GAME, i, 0.5, 0.5)),
    "success_after: model": (1, 2, lambda i: MIXTURE.success_after(i, 1)),
}
"""What takes the number of one of some things: the first, the last, and the answer."""

NUMBERS: dict[str, tuple[int, int, Asked]] = {
    "values: route": (1, 2, lambda i: values(GAME, i, 0.5, 0.5)),
    "best_reply: route": (1, 2, lambda i: best_reply(GAME, i, 0.5)),
    "best_response_gap: route": (1, 2, lambda i: best_response_gap(GAME, i, 0.5, 0.5)),
    "judge: route": (1, 2, lambda i: judge(GAME, i, 0.5, 0.5, 0.6, 3)),
    "plug_in_reply: route": (1, 2, lambda i: plug_in_reply(GAME, DOUBT, i)),
    "plug_in_loss: route": (1, 2, lambda i: plug_in_loss(GAME, DOUBT, i)),
    "evaluate: start": (1, 3, lambda i: evaluate(LADDER, i, 0.5)),
    "single_reply: start": (1, 3, lambda i: single_reply(LADDER, i)),
    "plan: tasks to come": (1, 3, lambda n: PLAN.at(n, PRIOR)),
    "plan: number of a task": (1, 10**30, lambda n: PLAN.leaving(PRIOR, n, rng())),
    "plan: draws": (1, 2**54, lambda n: PLAN.leaving(Belief(n, 1.0), 1, rng())),
    "optimistic: number of a task": (
        1,
        10**30,
        lambda n: Optimistic(GAME).leaving(PRIOR, n, rng()),
    ),
    "forced stays: number of a task": (
        1,
        10**30,
        lambda n: ForcedStays(GAME).leaving(PRIOR, n, rng()),
    ),
}
"""The same where arrays are taken, too, and so whole numbers that are floats."""

BELOW, FRACTION = st.integers(-(10**20), -1), st.floats(-1e9, 1e9).filter(lambda x: x % 1 != 0)
FALSE, NONE = st.sampled_from([True, False, np.True_]), st.sampled_from([np.nan, np.inf, -np.inf])
FEW = settings(max_examples=12, derandomize=True, deadline=None)


@pytest.mark.parametrize("kind", COUNTS)
@FEW
@given(wrong=st.one_of(BELOW, FRACTION, FALSE, NONE, st.sampled_from([2.0, "2"])))
def test_a_count_that_is_none_is_refused(kind: str, wrong: Any) -> None:
    _, answer = COUNTS[kind]
    with pytest.raises(ValueError, match="must be a whole number, at least"):
        answer(wrong)


@pytest.mark.parametrize("kind", COUNTS)
def test_a_count_may_be_numpys_but_not_less_than_makes_sense(kind: str) -> None:
    least, answer = COUNTS[kind]
    with pytest.raises(ValueError, match=f"must be a whole number, at least {least}"):
        answer(least - 1)
    assert repr(answer(np.int64(least + 1))) == repr(answer(least + 1))


@pytest.mark.parametrize("kind", [*INDICES, *NUMBERS])
@FEW
@given(wrong=st.one_of(BELOW, FRACTION, NONE, st.just(0)))
def test_an_index_that_is_none_is_refused_and_not_wrapped(kind: str, wrong: Any) -> None:
    first, _, answer = (INDICES | NUMBERS)[kind]
    assert wrong < first or wrong != wrong or wrong == np.inf or wrong % 1
    with pytest.raises(ValueError, match=r"must (be|lie)"):
        answer(wrong)


@pytest.mark.parametrize("kind", [*INDICES, *NUMBERS])
def test_an_index_beyond_the_last_is_refused(kind: str) -> None:
    _, last, answer = (INDICES | NUMBERS)[kind]
    if last < 10**30:
        for wrong in (last + 1, 10**18, 10.0**300):
            with pytest.raises(ValueError, match=r"must (be|lie)"):
                answer(wrong)
    else:
        answer(last)  # tasks go on and on: the last of a plan holds


@pytest.mark.parametrize("kind", [*INDICES, *NUMBERS])
def test_an_index_may_be_numpys(kind: str) -> None:
    first, _, answer = (INDICES | NUMBERS)[kind]
    for index in (first, first + 1):
        assert repr(answer(np.int64(index))) == repr(answer(index))
    if kind in NUMBERS:
        assert repr(answer(float(first))) == repr(answer(first))


@pytest.mark.parametrize("start", [True, np.True_, "2"])
def test_a_first_model_is_a_number_and_nothing_else(start: Any) -> None:
    with pytest.raises(ValueError, match="start must be a model from 1 to 3"):
        LADDER.start(start)


# shares and weights beside the counts

SHARES: dict[str, Asked] = {
    "transition: cascade": lambda x: transition(GAME, x, 0.5),
    "transition: abandon": lambda x: transition(GAME, 0.5, x),
    "values: cascade": lambda x: values(GAME, 1, x, 0.5),
    "values: abandon": lambda x: values(GAME, 1, 0.5, x),
    "chain_visits: cascade": lambda x: chain_visits(GAME, 1, x, 0.5),
    "best_reply: cascade": lambda x: best_reply(GAME, 1, x),
    "enough_draws: discount": lambda x: enough_draws(GAME, x),
    "after: memory": lambda x: PRIOR.after(True, memory=x),
    "after: escalated": PRIOR.after,
    "losses: seen": lambda x: losses("-+", x, 2, rng()) if x != 2.5 else losses("-+", -x, 2, rng()),
    "ForcedStays: scale": lambda x: ForcedStays(GAME, scale=-abs(x)),
    "ForcedStays: power": lambda x: ForcedStays(GAME, power=-abs(x)),
    "Optimistic: scale": lambda x: Optimistic(GAME, scale=x * np.inf),
    "Doubt: standard": lambda x: plug_in_reply(GAME, Doubt((-abs(x), -1.0))),
    "Doubt: cascade": lambda x: plug_in_reply(GAME, Doubt(cascade=(-abs(x), -3.0))),
    "solve_session: revenue": lambda x: solve_session(SESSION, -abs(x) * np.inf, 0.5, 0.9),
}


@pytest.mark.parametrize("kind", SHARES)
@pytest.mark.parametrize("wrong", [-1, 2.5, np.nan])
def test_a_share_that_is_none_is_refused(kind: str, wrong: float) -> None:
    with pytest.raises(ValueError, match=r"must (be|lie)"):
        SHARES[kind](wrong)


@pytest.mark.parametrize("rule", [PlugIn, ExpectedUtility, Thompson, Optimistic, ForcedStays])
def test_a_rule_checks_once_a_task_or_at_each_failure_and_at_no_other_word(rule: Any) -> None:
    """Any other word was taken for "failure"."""
    with pytest.raises(ValueError, match='checks must be "failure" or "task"'):
        rule(GAME, checks="tasks")


# what must still be right


def test_after_many_failures_only_the_hardest_types_are_left() -> None:
    """By definition p of the largest k, where 0.7^100000 is too small for a double."""
    hardest = int(np.argmax(MIXTURE.game.failure[0]))
    for failures in (10**5, 10**20):
        left = MIXTURE.success_after(1, failures)
        assert left == pytest.approx(MIXTURE.game.success[0][hardest], rel=1e-12)
    p, k, w = MIXTURE.game.success[0], MIXTURE.game.failure[0], MIXTURE.weight
    assert MIXTURE.success_after(1, 3) == pytest.approx((w * p * k**3).sum() / (w * k**3).sum())


def test_a_provider_that_is_late_by_more_tasks_than_there_are_plays_the_first_optimum() -> None:
    np.testing.assert_array_equal(lag_cost(SESSION, 10**30), lag_cost(SESSION, 4))


def test_a_count_that_is_large_is_held_to_whole_numbers_like_a_small_one() -> None:
    """A tolerance that grew with the count would have called 10^9 + 1/2 whole."""
    table = Tabled(np.zeros((1, 1, 1)), PRIOR)
    assert table.leaving(Belief(1.0 + 10**9, 1.0), 1, rng()) == 0.0
    with pytest.raises(ValueError, match="plus a whole number of draws"):
        table.leaving(Belief(1.5 + 10**9, 1.0), 1, rng())


def test_indices_of_arrays_of_games_are_numpys() -> None:
    """Negative ones count from the end there, as in every array, and too large ones raise."""
    games = faded(GAME, 0.5, 3)
    assert games[-1] == games[2]
    for wrong in (3, -4):
        with pytest.raises(IndexError):
            operator.getitem(games, wrong)
