"""What a newcomer types first: names at the top, games by any of their names, what is printed."""

import inspect
import json
import pickle
import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest

import routing_game
from routing_game import theory
from routing_game.envs import ProviderEnv
from routing_game.theory import GAMES, PAIRS, TASK_TYPES, Game, load, sample_games, solve
from routing_game.theory.exchange import to_dict, to_json, to_toml
from routing_game.theory.named import named

HEAVY = ("torch", "stable_baselines3", "numba", "matplotlib", "polars", "scipy")


def fresh(code):
    """What a new interpreter prints."""
    words = [sys.executable, "-c", code]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()


def test_everything_at_the_top_is_there_and_listed():
    assert {*routing_game.__all__} <= {*dir(routing_game)}
    for name in routing_game.__all__:
        assert getattr(routing_game, name) is not None
    assert routing_game.solve is theory.solve
    assert routing_game.Game is Game
    with pytest.raises(AttributeError, match="has no attribute 'slove'"):
        _ = routing_game.slove


def test_the_top_loads_what_is_asked_for_and_no_more():
    code = f"""
import sys, routing_game
print("routing_game.theory" in sys.modules)
routing_game.theory.GAMES
print(routing_game.solve("t4-cascade").rule)
print(*[name for name in {HEAVY} if name in sys.modules])
"""
    assert fresh(code) == ["False", "s0"]


@pytest.fixture
def files(tmp_path):
    """One game in each kind of file."""
    game = GAMES["t5-reason"]
    (tmp_path / "my.toml").write_text(to_toml(game))
    (tmp_path / "my.json").write_text(to_json(game))
    return tmp_path


def test_a_game_is_one_by_whatever_name(files):
    game = GAMES["t5-reason"]
    paths = [files / "my.toml", str(files / "my.json")]
    fields = {"value": 1, "penalty": 0.6, "success": (0.5, 0.7), "latency": [0.3, 0.9]}
    fields["cost"] = np.array([0.4, 0.5])
    for meant in (game, "t5-reason", to_dict(game), fields, *paths):
        assert load(meant) == game
        assert solve(meant).cost == solve(game).cost
        assert ProviderEnv(game=meant).game == game
    for name in (*GAMES, *PAIRS, *TASK_TYPES):
        assert load(name).shape == ()


def test_an_environment_takes_a_game_s_file(files):
    env = gym.make("routing_game:RoutingGame/Provider-v0", game=str(files / "my.toml"))
    assert env.unwrapped.game == GAMES["t5-reason"]


@pytest.mark.parametrize(
    ("meant", "error", "words"),
    [
        ("t4-casc", KeyError, "did you mean t4-cascade"),
        ("nowhere.toml", OSError, "nowhere.toml"),
        ({"value": 1}, ValueError, "got no penalty"),
        (3, ValueError, r"a mapping of a game's fields, got 3 \(int\)"),
        (None, ValueError, "got None"),
    ],
)
def test_what_is_no_game_is_said(meant, error, words):
    for function in (load, solve):
        with pytest.raises(error, match=words):
            function(meant)
    with pytest.raises(ValueError, match=words):
        ProviderEnv(game=meant)


@pytest.mark.parametrize("text", ["value = 1\n", "valu =", b"\xff\xfe"], ids=repr)
def test_a_file_that_is_no_game_is_named(tmp_path, text):
    file = tmp_path / "bad.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=r"bad\.toml: "):
        load(file)
    with pytest.raises(ValueError, match=r"must end in \.toml or \.json"):
        load(tmp_path / "game.txt")


def test_a_game_of_another_table_says_where_all_games_are():
    for name in (*PAIRS, *TASK_TYPES):
        with pytest.raises(KeyError, match=r"load\('"):
            GAMES[name]
    with pytest.raises(KeyError, match="nobody"):
        GAMES["nobody"]
    assert GAMES.get("nobody") is None
    assert "gpt-4.1-o3" not in GAMES


def of_a_game():
    """The functions at theory's door that take a game first."""
    for name in theory.__all__:
        function = getattr(theory, name)
        if inspect.isfunction(function) and name != "load":
            first = next(iter(inspect.signature(function).parameters), None)
            if first == "game":
                yield name


def test_every_function_at_the_door_takes_a_name():
    names = [*of_a_game()]
    assert {"solve", "best_response", "payoffs", "participation", "thresholds"} <= {*names}
    assert len(names) > 20
    for name in names:
        function = getattr(theory, name)
        with pytest.raises(KeyError, match="did you mean"):
            function("t4-casc", *[0.5] * (len(inspect.signature(function).parameters) - 1))


def test_functions_at_the_door_are_those_behind_it():
    game = "t4-cascade"
    assert theory.best_response(game, 1, 0.5) == theory.best_response(GAMES[game], 1, 0.5)
    assert theory.provider_regret(game, route=2, cascade=0.0) > 0
    assert pickle.loads(pickle.dumps(theory.solve)) is theory.solve
    assert theory.solve.__doc__ == theory.provider.solve.__doc__
    assert solve(game=game).rule == "s0"


def test_a_named_function_answers_as_it_is():
    def twice(game, factor, *, plus=0):
        return game.value * factor + plus

    assert named(twice)("t4-cascade", 2, plus=1) == 3
    assert named(twice)(GAMES["t4-cascade"], 2) == 2


@pytest.mark.parametrize("name", [*GAMES, *PAIRS])
def test_an_equilibrium_reads_as_its_card(name):
    eq = solve(name)
    text = repr(eq)
    assert text.startswith(f"Equilibrium({eq.rule}: route={eq.route}, s=")
    assert text.endswith(f", q={eq.abandon:.4g}, J*={eq.cost:.4g})")
    low, high = eq.cascade
    s = "free" if eq.route == 2 else f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
    assert f", s={s}, " in text


def test_equilibria_of_many_games_read_as_counts():
    games = sample_games(500, np.random.default_rng(0))
    eq = solve(games)
    text = repr(eq)
    assert text.startswith("Equilibrium(shape=(500,): ")
    counts = dict(part.split()[::-1] for part in text[:-1].split(": ")[1].split(", "))
    assert {rule: int(n) for rule, n in counts.items()} == {
        rule: int(np.sum(eq.rule == rule)) for rule in {*eq.rule.tolist()}
    }
    assert repr(solve(games[:0])) == "Equilibrium(shape=(0,): no game)"


def test_an_array_of_games_has_a_length_and_a_game_has_none():
    games = sample_games(6, np.random.default_rng(0))
    assert len(games) == 6 == len([*games])
    assert [*games] == [games[k] for k in range(6)]
    assert len(Game.stack([*games])) == 6
    grid = Game([[1.0], [2.0]], [1.0, 2.0, 3.0], (0.3, 0.8), (0.4, 0.5), (0.15, 0.6))
    assert grid.shape == (2, 3)
    assert len(grid) == 2
    assert all(row.shape == (3,) for row in grid)
    assert bool(games[:0])
    assert len(games[:0]) == 0
    assert bool(games[0])
    for ask in (len, iter, list):
        with pytest.raises(TypeError, match="a single game has no length"):
            ask(games[0])


def test_single_games_stay_whole_in_an_object_array():
    games = np.array([GAMES["t4-cascade"], GAMES["t5-cascade"]], dtype=object)
    assert games.shape == (2,)
    assert games[1] is GAMES["t5-cascade"]


def test_json_of_a_game_is_taken_as_a_dict():
    assert solve(json.loads(to_json(GAMES["t4-cascade"]))).rule == "s0"
