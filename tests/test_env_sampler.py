"""Tasks in constant time: their law is that of play pass by pass, and that of the closed forms."""

import numpy as np
import pytest
from scipy import stats

from routing_game.envs import rules
from routing_game.envs.sampler import BLOCK, DRAWS, law, logs, one_outcome, outcome, sample_tasks
from routing_game.theory import GAMES, Game, payoffs, sample_games
from routing_game.theory.engines import installed
from routing_game.theory.payoffs import visits

TASKS = 50_000
NUMBA = pytest.mark.skipif(not installed(), reason="needs numba")
ENGINES = ("numpy", pytest.param("compiled", marks=NUMBA))
RANDOM = sample_games(40, np.random.default_rng(8))
ENDS = [
    (1, 0.0, 0.0),
    (1, 1.0, 0.0),
    (1, 0.0, 1.0),
    (1, 1.0, 1.0),
    (1, 0.4, 0.0),
    (2, 0.3, 0.0),
    (2, 0.3, 1.0),
]


def choices(k):
    """A random commitment and reply, sometimes at an end of their intervals."""
    rng = np.random.default_rng(k)
    return int(rng.integers(1, 3)), *(
        float(rng.choice([0.0, 1.0, rng.random(), rng.random()])) for _ in range(2)
    )


def pass_by_pass(success, route, cascade, abandon, rng):
    """(passes of M1, passes of M2, solved): those still running make each pass together."""
    passes, solved = np.zeros((2, route.size), dtype=np.int64), np.zeros(route.size, dtype=bool)
    running, model = np.arange(route.size), route
    while running.size:
        passes[model - 1, running] += 1
        now = rules.run_pass(np.array(success), model, cascade, abandon, rng.random(running.size))
        solved[running] = now.solved
        on = ~(now.solved | now.left)
        running, model, cascade, abandon = running[on], now.model[on], cascade[on], abandon[on]
    return *passes, solved


def categories(standard, reasoning, solved):
    """Each task as one small number: passes of M1 and M2, up to 5 each, and whether solved."""
    return (np.minimum(standard, 5) * 6 + np.minimum(reasoning, 5)) * 2 + solved


def assert_same_law(one, other):
    """Chi-square test of two samples of categories; those seen fewer than 10 times as one."""
    seen = np.stack([np.bincount(x, minlength=72) for x in (one, other)])
    rare = seen.sum(axis=0) < 10
    table = np.column_stack([seen[:, ~rare], seen[:, rare].sum(axis=1)])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] > 1:
        assert stats.chi2_contingency(table).pvalue > 1e-4


@pytest.mark.parametrize("k", range(RANDOM.shape[0]))
def test_law_is_that_of_play_pass_by_pass(k):
    game, choice, rng = RANDOM[k], choices(k), np.random.default_rng(100 + k)
    route, cascade, abandon = (np.full(TASKS, x) for x in choice)
    played = pass_by_pass(game.success, route, cascade, abandon, rng)
    drawn = sample_tasks(game, *choice, rng, TASKS)
    assert_same_law(categories(*drawn), categories(*played))


@pytest.mark.parametrize("k", range(RANDOM.shape[0]))
def test_means_are_the_closed_forms(k):
    game, choice = RANDOM[k], choices(k)
    standard, reasoning, solved = sample_tasks(game, *choice, np.random.default_rng(k), TASKS)
    n1, n2 = visits(game, *choice)
    expected = payoffs(game, *choice)
    bill = rules.settle(game, (standard, reasoning), solved)
    for sample, mean in zip((standard, reasoning, *bill), (n1, n2, *expected), strict=True):
        assert abs(sample.mean() - mean) <= 4 * sample.std() / np.sqrt(TASKS) + 1e-12


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("choice", ENDS)
def test_nothing_happens_that_cannot(name, choice):
    route, cascade, abandon = choice
    standard, reasoning, solved = sample_tasks(
        GAMES[name], *choice, np.random.default_rng(1), 20_000
    )
    assert (standard + reasoning >= 1).all()
    assert (standard[route == 2 :] == 0).all() if route == 2 else (standard >= 1).all()
    if abandon == 0:
        assert solved.all()
    if abandon == 1:
        assert (standard + reasoning == 1).all()
    if route == 1 and cascade == 0:
        assert (reasoning == 0).all()
    if route == 1 and cascade == 1:
        assert (standard == 1).all()


@pytest.mark.parametrize("cascade", [0.0, 0.3])
def test_slow_games_take_no_longer(cascade):
    """A task of a million passes costs what any task costs, and its mean is right."""
    game = Game(1, 1, (1e-6, 2e-6), (0.1, 0.2), (0.1, 0.2))
    standard, reasoning, solved = sample_tasks(
        game, 1, cascade, 0.0, np.random.default_rng(2), TASKS
    )
    assert solved.all()
    for sample, mean in zip((standard, reasoning), visits(game, 1, cascade, 0.0), strict=True):
        assert abs(sample.mean() - mean) <= 4 * sample.std() / np.sqrt(TASKS)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("success", [(1e-100, 2e-100), (1e-30, 0.5), (1e-18, 1e-17)])
def test_no_task_has_more_passes_than_can_be_counted(success, engine):
    """Users who lose nothing by waiting stay with a model that all but never solves a task."""
    game = Game(1, 1, success, (0, 0), (0.1, 0.2), ordered=False)
    for cascade in (0.0, np.full(200, 1e-20)):
        size = None if np.ndim(cascade) else 200
        rng = np.random.default_rng(6)
        played = sample_tasks(game, 1, cascade, 0.0, rng, size, engine=engine)
        passes = played.standard + played.reasoning
        assert (played.standard >= 1).all()
        assert (played.reasoning >= 0).all()
        assert (passes > 10**14).any()
        bill = rules.settle(game, (played.standard, played.reasoning), played.solved)
        assert (bill.cost > 0).all()
    rule, draws = law(game, 1, 0.0, 0.0), logs(np.random.default_rng(6).random((DRAWS, 200)))
    for k, standard in enumerate(outcome(rule, draws).standard):
        alone = one_outcome(rule, draws[:, k].tolist())[0]
        assert standard == pytest.approx(alone, rel=1e-12)


def test_the_number_of_passes_is_geometric():
    game, a = GAMES["t4-cascade"], 0.7 * 0.8 * 0.9
    standard = sample_tasks(game, 1, 0.2, 0.1, np.random.default_rng(3), 400_000).standard
    for m in range(1, 12):
        share = (standard > m).mean()
        assert abs(share - a**m) <= 4 * np.sqrt(a**m / standard.size)


def test_one_task_for_each_entry_of_arrays():
    """As many games, commitments and replies as tasks: each is drawn as it would be alone."""
    rng, n = np.random.default_rng(4), BLOCK + 50
    games = sample_games(n, rng)
    route, cascade, abandon = rng.integers(1, 3, n), rng.random(n), rng.random(n)
    together = sample_tasks(games, route, cascade, abandon, np.random.default_rng(5))
    same = np.random.default_rng(5)
    ready = np.concatenate(
        [logs(same.random((DRAWS, BLOCK))), logs(same.random((DRAWS, 50)))], axis=1
    )
    for k in range(0, n, 97):
        alone = outcome(law(games[k], int(route[k]), cascade[k], abandon[k]), ready[:, k])
        in_python = one_outcome(
            law(games[k], int(route[k]), cascade[k], abandon[k]), ready[:, k].tolist()
        )
        assert alone == in_python == tuple(x[k] for x in together)
    one_game = sample_tasks(games[0], route, 0.3, abandon, rng)
    assert one_game.solved.shape == (n,)
    assert one_game.solved.dtype == bool
    assert one_game.standard.dtype == one_game.reasoning.dtype == np.int64


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"route": 3, "size": 5}, "route"),
        ({"cascade": 1.5, "size": 5}, "cascade"),
        ({"abandon": np.array([0.5, -1])}, "abandon"),
        ({}, "shape"),
        ({"cascade": np.zeros((2, 2))}, "shape"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    usual = {"route": 1, "cascade": 0.2, "abandon": 0.1}
    with pytest.raises(ValueError, match=message):
        sample_tasks(GAMES["t5-stay"], **{**usual, **arguments}, rng=np.random.default_rng(0))
