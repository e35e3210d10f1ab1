"""The compiled functions answer as numpy's do, to the bit; and nothing depends on them."""

import dataclasses
import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from games import boundary_games, interesting_cascades, out_of_order_games
from routing_game.agents import FixedUser
from routing_game.envs import ProviderVectorEnv, UserSessions, UserVectorEnv
from routing_game.envs.sampler import LEAST_TASKS, sample_tasks
from routing_game.theory import (
    GAMES,
    Commitment,
    Game,
    best_response,
    engines,
    sample_games,
    solve,
    thresholds,
)
from routing_game.theory.engines import LEAST_ENVS, LEAST_GAMES

needs_numba = pytest.mark.skipif(
    importlib.util.find_spec("numba") is None,
    reason="numba is not installed: pip install numba",
)
MILLION = 1_000_000


def same_bits(a, b):
    a, b = np.asarray(a), np.asarray(b)
    assert (a.dtype, a.shape) == (b.dtype, b.shape)
    unequal = a != b
    unequal &= ~((a != a) & (b != b))
    assert not unequal.any(), f"{unequal.sum()} of {a.size} differ"
    if a.dtype.kind == "f":  # 0.0 and -0.0, too
        np.testing.assert_array_equal(np.signbit(a), np.signbit(b))


def decimal_games(n, rng):
    """Games on a coarse grid, where ties and boundaries are met again and again."""
    value, penalty = rng.integers(1, 4, (2, n)) / 2
    p, t = rng.integers(1, 20, (2, n)) / 20, rng.integers(0, 9, (2, n)) / 20
    c = rng.integers(0, 9, (2, n)) / 20
    tied = rng.random(n) < 0.3  # c2 such that both models cost the same until they succeed
    c[1] = np.where(tied, c[0] * p[1] / p[0], c[1])
    zero = rng.random((2, n)) < 0.2  # V p = t
    t = np.where(zero, value * p, t)
    low, high = np.minimum(*p), np.maximum(*p)
    return Game(value, penalty, (low, high), tuple(t), tuple(c), ordered=False)


def wide_games(n, rng):
    """Numbers from the smallest to the largest that a game may have."""
    value, penalty = 10.0 ** rng.uniform(-100, 100, (2, n))
    p = np.sort(10.0 ** rng.uniform(-100, 0, (2, n)), axis=0) * (1 - 1e-12)
    t, c = 10.0 ** rng.uniform(-100, 100, (2, 2, n))
    sign = rng.choice([-1.0, 1.0], (2, n))
    return Game(value, penalty, tuple(p), tuple(t), tuple(c * sign), ordered=False)


def near_games(n, rng):
    """Net values within a few roundings of zero."""
    games = sample_games(n, rng)
    nudge = 1 + rng.integers(-12, 13, (2, n)) * np.finfo(float).eps
    times = tuple(games.value * p * x for p, x in zip(games.success, nudge, strict=True))
    return Game(games.value, games.penalty, games.success, times, games.cost, ordered=False)


KINDS = {
    "random": sample_games,
    "decimal": decimal_games,
    "wide": wide_games,
    "near": near_games,
}


def equilibria_agree(game):
    ours, theirs = (solve(game, engine) for engine in ("compiled", "numpy"))
    same_bits(ours.cost, theirs.cost)
    same_bits(ours.kind, theirs.kind)
    return ours, theirs


@needs_numba
@pytest.mark.parametrize("kind", KINDS)
def test_optima_are_those_of_numpy(kind):
    equilibria_agree(KINDS[kind](MILLION, np.random.default_rng(0)))


@needs_numba
@pytest.mark.parametrize("kind", KINDS)
def test_all_that_an_equilibrium_tells_is_the_same(kind):
    ours, theirs = equilibria_agree(KINDS[kind](20_000, np.random.default_rng(1)))
    names = [n for n, x in vars(type(ours)).items() if isinstance(x, property) and n != "pieces"]
    assert len(names) > 8
    with np.errstate(all="ignore"):
        for name in names:
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


@needs_numba
@pytest.mark.parametrize("n", [1, 2, 511, 512, 513, 1025])
def test_arrays_of_any_length_are_solved(n):
    equilibria_agree(sample_games(n, np.random.default_rng(n)))


@needs_numba
def test_numbers_that_games_share_are_not_written_out():
    """One number for all, rows and columns that broadcast, every second of an array."""
    rng = np.random.default_rng(3)
    many = sample_games(600, rng)
    row = Game(1.0, rng.uniform(0.5, 2, (30, 1)), (0.3, 0.8), (0.1, 0.2), (0.1, 0.5))
    grid = Game(
        rng.uniform(0.5, 2, (30, 1)), 1.5, (0.3, rng.uniform(0.4, 1, 40)), (0.4, 0.5), (0.15, 0.6)
    )
    one = Game(1, 1.5, (0.3, 0.8), (0.4, 0.5), (0.15, 0.6))
    for game in (one, row, grid, many[::2], many[np.arange(600).reshape(20, 30).T]):
        ours, _ = equilibria_agree(game)
        assert np.shape(ours.cost) == game.shape
    assert isinstance(solve(one, "compiled").cost, float)


def crossed_games(n, rng):
    games = sample_games(n, rng)
    return Game(
        games.value, games.penalty, games.success[::-1], games.latency, games.cost, ordered=False
    )


@needs_numba
def test_games_with_a_better_first_model_are_solved_by_numpy():
    equilibria_agree(crossed_games(50, np.random.default_rng(0)))


def commitments(game, n, rng):
    """Routes, and cascades anywhere, at the ends, at the thresholds and next to them."""
    with np.errstate(all="ignore"):
        marks = [np.nan_to_num(x) for x in thresholds(game)]
    s = np.choose(rng.integers(0, 6, n), [rng.random(n), np.zeros(n), np.ones(n), *marks])
    near = 1 + rng.integers(-3, 4, n) * rng.choice([1e-16, 1e-13, 1e-10], n)
    return rng.integers(1, 3, n), np.clip(s * near, 0, 1)


def replies_agree(game, route, cascade):
    ours, theirs = (best_response(game, route, cascade, e) for e in ("compiled", "numpy"))
    for field in dataclasses.fields(ours):
        same_bits(getattr(ours, field.name), getattr(theirs, field.name))


@needs_numba
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy's, where numbers are extreme
@pytest.mark.parametrize("kind", KINDS)
def test_replies_are_those_of_numpy(kind):
    rng = np.random.default_rng(4)
    game = KINDS[kind](MILLION // 2, rng)
    replies_agree(game, *commitments(game, MILLION // 2, rng))


@needs_numba
def test_replies_of_a_better_first_model_are_those_of_numpy():
    rng = np.random.default_rng(5)
    game = crossed_games(300_000, rng)
    replies_agree(game, *commitments(game, 300_000, rng))


@needs_numba
def test_games_on_boundaries_and_out_of_order_are_answered_as_by_numpy():
    rng = np.random.default_rng(8)
    equilibria_agree(boundary_games(200_000, rng))
    for game in (boundary_games(30_000, rng), out_of_order_games(30_000, rng)):
        for cascade in interesting_cascades(game, rng):
            replies_agree(game, rng.integers(1, 3, game.shape), cascade)


@needs_numba
def test_replies_have_the_shape_that_games_and_commitments_broadcast_to():
    rng = np.random.default_rng(6)
    for k in range(30):
        games = decimal_games(40, rng)
        replies_agree(games[k], 1, rng.random(700))
        replies_agree(games[k], rng.integers(1, 3, 70), rng.random((9, 1)))
        replies_agree(games, 1, rng.random((7, 40)))
        replies_agree(games, 2, 0.5)
        replies_agree(games[k], 1, 0.5)


ACTIONS = {
    "stays": lambda rng, n: np.zeros(n, dtype=np.int64),
    "leaves by third": lambda rng, n: (rng.integers(0, 3, n) == 2).astype(np.int64),
    "in bytes": lambda rng, n: rng.integers(0, 2, n).astype(np.uint8),
    "every second": lambda rng, n: rng.integers(0, 2, 2 * n)[::2],
}


def told(x):
    """All arrays of a step, by name."""
    if isinstance(x, dict):
        return {f"{k}.{name}": y for k, v in x.items() for name, y in told(v).items()}
    if isinstance(x, tuple):
        return {f"{k}.{name}": y for k, v in enumerate(x) for name, y in told(v).items()}
    return {"": x}


def steps_agree(act, steps, num_envs, seed=0, engines=UserVectorEnv, **setting):
    """Play both engines with the same actions and compare everything that they say."""
    ours, theirs = (engines(num_envs, engine=engine, **setting) for engine in ("compiled", "numpy"))
    rng, ends, cuts = np.random.default_rng(seed), 0, 0
    pairs = [(ours.reset(seed=seed), theirs.reset(seed=seed))]
    for _ in range(steps):
        actions = act(rng, ours.num_envs)
        pairs = [(ours.step(actions), theirs.step(actions))]
        for mine, yours in pairs:
            mine, yours = told(mine), told(yours)
            assert mine.keys() == yours.keys()
            for name in mine:
                same_bits(mine[name], yours[name])
            ends += mine["2."].sum()
            cuts += mine["3."].sum()
    return ours, ends, cuts


@needs_numba
@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
@pytest.mark.parametrize("observes", ["strategy", "model", "route", "none"])
@pytest.mark.parametrize("provider", [None, Commitment(1, 0.25), Commitment(2, 0.0)])
def test_users_play_as_in_numpy(provider, observes, mode):
    setting = {"observes": observes, "provider": provider, "autoreset_mode": mode}
    for name, act in ACTIONS.items():
        game = "t4-cascade" if name == "stays" else "t5-cascade"
        ours, ends, _ = steps_agree(act, 60, 300, game=game, infos="none", **setting)
        assert ours.compiled
        assert ends > 1000, name


@needs_numba
@pytest.mark.parametrize("provider", [None, Commitment(1, 0.25)])
def test_a_million_steps_of_users_are_those_of_numpy(provider):
    """Of many games, and with tasks that are cut off."""
    games, cut = sample_games(8, np.random.default_rng(0)), 0
    for k in range(8):
        setting = {"game": games[k], "provider": provider, "max_passes": 2 + 3 * k}
        _, _, cuts = steps_agree(ACTIONS["stays"], 30, 5_000, seed=k, infos="none", **setting)
        cut += cuts
    assert cut > 100


class Fixed:
    def act(self):
        return 1, 0.5


@needs_numba
@pytest.mark.parametrize(
    "setting",
    [
        {"infos": "full"},
        {"infos": "task"},
        {"observes": "samples:3"},
        {"observes": "noisy:0.1"},
        {"provider": Fixed()},
        {"game": sample_games(70, np.random.default_rng(0))},
    ],
)
def test_settings_that_are_not_compiled_are_numpys(setting):
    setting = {"infos": "none"} | setting
    ours, _, _ = steps_agree(ACTIONS["stays"], 10, 70, **setting)
    assert not ours.compiled


@needs_numba
def test_bad_actions_are_refused_and_change_nothing():
    ours, theirs = (
        UserVectorEnv(64, infos="none", engine=engine) for engine in ("compiled", "numpy")
    )
    ours.reset(seed=0), theirs.reset(seed=0)
    for bad in (np.full(64, 2), np.full(64, -1), np.zeros(64), np.zeros(64, dtype=bool)):
        for env in (ours, theirs):
            with pytest.raises(ValueError, match=r"actions are 0 \(stay\) or 1 \(leave\)"):
                env.step(bad)
        with pytest.raises(ValueError, match="shape"):
            ours.step(bad[:3])
    stay = np.zeros(64, dtype=np.int64)
    for _ in range(20):
        for a, b in zip(ours.step(stay)[:4], theirs.step(stay)[:4], strict=True):
            same_bits(a, b)


@needs_numba
def test_what_was_handed_out_is_never_touched_again():
    engine, kept = UserVectorEnv(64, infos="none", engine="compiled"), []
    engine.reset(seed=0)
    for _ in range(20):
        observation, reward, done, cut, info = engine.step(np.zeros(64, dtype=np.int64))
        arrays = [observation, reward, done, cut, *info.values()]
        kept += [(x, x.copy()) for x in arrays]
        observation_again = engine.step(np.zeros(64, dtype=np.int64))[0]
        observation_again[:] = np.nan  # what others do with it is their own affair
    assert not np.isnan(engine.step(np.zeros(64, dtype=np.int64))[0]).any()
    for x, copy in kept:
        np.testing.assert_array_equal(x, copy)


def drawn_alike(setting, n, seed=0):
    ours, theirs = (
        sample_tasks(*setting, np.random.default_rng(seed), size=n, engine=engine)
        for engine in ("compiled", "numpy")
    )
    for mine, yours in zip(ours, theirs, strict=True):
        same_bits(mine, yours)


@needs_numba
@pytest.mark.parametrize("route", [1, 2])
@pytest.mark.parametrize("cascade", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("abandon", [0.0, 0.1, 1.0])
def test_tasks_are_drawn_as_in_numpy(route, cascade, abandon):
    drawn_alike((GAMES["t4-cascade"], route, cascade, abandon), 200_000)


@needs_numba
def test_tasks_of_many_games_and_commitments_are_drawn_as_in_numpy():
    rng, n = np.random.default_rng(1), 300_001
    games, route, (s, q) = sample_games(n, rng), rng.integers(1, 3, n), rng.random((2, n))
    s, q = (np.where(rng.random(n) < 0.2, rng.integers(0, 2, n), x) for x in (s, q))
    drawn_alike((games, route, s, q), None)
    drawn_alike((games, 1, 0.5, 0.1), None)
    drawn_alike((games[0], route, 0.5, q), None)
    drawn_alike((games[0], np.array([2]), s, 0.0), None)


@needs_numba
@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
@pytest.mark.parametrize("infos", ["full", "none"])
@pytest.mark.parametrize("user", [FixedUser(0.1), FixedUser(0.0), None])
def test_providers_play_as_in_numpy(user, infos, mode):
    games = sample_games(1000, np.random.default_rng(3))
    for game in ("t4-cascade", games):
        setting = {"game": game, "user": user, "infos": infos, "autoreset_mode": mode}
        for more in ({}, {"max_passes": 2}, {"expected": True}):
            steps_agree(boxes, 20, 1000, engines=ProviderVectorEnv, **setting, **more)


def boxes(rng, n):
    """Any commitment, and often a certain one."""
    return rng.choice([rng.uniform(-1, 1), -1.0, 0.0, 1.0], (n, 2)).astype(np.float32)


@needs_numba
@pytest.mark.parametrize("tasks", [1, 3, 30])
@pytest.mark.parametrize("prior", [(1.0, 1.0), (0.3, 2.0)])
def test_users_of_sessions_play_as_in_numpy(prior, tasks):
    for name, game in (("stays", "t4-cascade"), ("leaves by third", "t5-cascade")):
        setting = {"game": game, "tasks": tasks, "prior": prior}
        ours, ends, _ = steps_agree(ACTIONS[name], 60, 1000, engines=sessions, **setting)
        assert ours.compiled
        assert ends > 100


@needs_numba
def test_users_of_sessions_of_many_games_play_as_in_numpy():
    games = sample_games(20, np.random.default_rng(7))
    for k in range(20):
        steps_agree(ACTIONS["leaves by third"], 30, 500, k, sessions, game=games[k], tasks=5)


@needs_numba
def test_sessions_that_observe_draws_are_numpys():
    setting = {"game": "t4-cascade", "observes": 3}
    ours, _, _ = steps_agree(ACTIONS["stays"], 20, 100, engines=sessions, **setting)
    assert not ours.compiled


def sessions(num_envs, game, engine, **setting):
    return UserSessions(game, num_envs, engine=engine, **setting)


# --- nothing depends on it

HIDDEN = "import sys; sys.modules['numba'] = None; "
"""As if numba were not installed."""


def python(code):
    words = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(words, capture_output=True, text=True, timeout=300)


def test_without_numba_everything_is_numpys():
    code = f"""
import numpy as np
from routing_game.envs import ProviderVectorEnv, UserVectorEnv
from routing_game.envs.sampler import sample_tasks
from routing_game.theory import GAMES, sample_games, solve, best_response
games = sample_games({LEAST_GAMES}, np.random.default_rng(0))
solve(games), best_response(games, 1, 0.5)
env = UserVectorEnv({LEAST_ENVS}, infos="none")
env.reset(seed=0)
env.step(np.zeros({LEAST_ENVS}, dtype=int))
sample_tasks(GAMES["t4-cascade"], 1, 0.5, 0.1, np.random.default_rng(0), {LEAST_TASKS})
ProviderVectorEnv({LEAST_ENVS}).step(np.zeros(({LEAST_ENVS}, 2), np.float32))
print(env.compiled)
for ask in (lambda: solve(games, "compiled"), lambda: best_response(games, 1, 0.5, "compiled"),
            lambda: UserVectorEnv(4, engine="compiled"),
            lambda: ProviderVectorEnv(4, engine="compiled")):
    try:
        ask()
    except ImportError as error:
        print(error)
"""
    done = python(HIDDEN + code)
    assert done.returncode == 0, done.stderr
    first, *errors = done.stdout.splitlines()
    assert first == "False"
    assert len(errors) == 4
    assert all("pip install numba" in error for error in errors)


def test_a_numba_that_refuses_to_be_imported_counts_as_none(tmp_path):
    """As it does with a numpy that is too new for it."""
    (tmp_path / "numba.py").write_text("raise ImportError('Numba needs an older NumPy')")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
    code += "from routing_game.theory.engines import installed; print(installed())"
    done = python(code)
    assert done.stdout.strip() == "False", done.stderr


def test_small_things_do_not_load_numba():
    code = f"""
import sys
import numpy as np
import routing_game.agents, routing_game.experiments.cli
from routing_game.envs import UserVectorEnv, ProviderVectorEnv
from routing_game.theory import sample_games, solve, best_response
games = sample_games({LEAST_GAMES - 1}, np.random.default_rng(0))
solve(games), best_response(games, 1, 0.5)
UserVectorEnv({LEAST_ENVS - 1}, infos="none").reset(seed=0)
print("numba" in sys.modules)
"""
    done = python(code)
    assert done.stdout.strip() == "False", done.stderr


def test_an_engine_that_is_none_is_refused():
    with pytest.raises(ValueError, match="engine must be one of .*'auto', 'numpy', 'compiled'"):
        solve(sample_games(3, np.random.default_rng(0)), "fast")
    with pytest.raises(ValueError, match="engine must be one of"):
        UserVectorEnv(2, engine="numba")


@needs_numba
@pytest.mark.parametrize("problem", [ImportError("numpy"), ValueError("threads"), OSError("llvm")])
def test_a_numba_that_does_not_load_is_none(problem, monkeypatch):
    """As with `NUMBA_NUM_THREADS=0`, or little memory; before, a check ended of it."""

    def load(name):
        raise problem

    games = sample_games(LEAST_GAMES, np.random.default_rng(5))
    expected = solve(games, engine="numpy")
    monkeypatch.setattr(importlib, "import_module", load)
    engines.installed.cache_clear()
    try:
        same_bits(solve(games).cost, expected.cost)
        with pytest.raises(ImportError, match='engine="compiled" needs numba'):
            solve(games, engine="compiled")
    finally:
        engines.installed.cache_clear()
