"""Games in and out: text round trips, bad texts named, Gambit finding the outcome that we find."""

from __future__ import annotations

import dataclasses
import io
import json
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from routing_game.theory import GAMES, PAIRS, Game, best_response, solve, thresholds
from routing_game.theory.exchange import (
    FIELDS,
    _in_full,
    from_dict,
    from_json,
    from_toml,
    game_id,
    payoff_matrices,
    to_dict,
    to_efg,
    to_json,
    to_nfg,
    to_toml,
)

T4 = GAMES["t4-cascade"]
TEXT = to_json(T4)


# --- there and back


@pytest.mark.parametrize("game", [*GAMES.values(), PAIRS["gpt-4o-gpt-5"].game], ids=game_id)
def test_round_trips_are_exact(game: Game) -> None:
    assert from_json(to_json(game)) == game
    assert from_toml(to_toml(game)) == game


def numbers(low: float, high: float, open_ends: bool = True) -> Any:
    return st.floats(low, high, exclude_min=open_ends, exclude_max=open_ends)


@st.composite
def any_game(draw: Any) -> Game:
    """Every number alone or as an array, of shapes that broadcast; any magnitude."""
    drawn = draw(npst.mutually_broadcastable_shapes(num_shapes=8, max_dims=3, max_side=3))

    def number(k: int, elements: Any) -> Any:
        if draw(st.booleans()):
            return draw(elements)
        return draw(npst.arrays(np.float64, drawn.input_shapes[k], elements=elements))

    large, chance = numbers(1e-99, 1e99), numbers(1e-99, 1)
    delay, money = numbers(0, 1e99, open_ends=False), numbers(-1e99, 1e99)
    return Game(
        number(0, large),
        number(1, large),
        (number(2, chance), number(3, chance)),
        (number(4, delay), number(5, delay)),
        (number(6, money), number(7, money)),
        ordered=False,
    )


def stored(game: Game) -> list[tuple[Any, bytes]]:
    """Shape and bytes of each number."""
    pairs = (*game.success, *game.latency, *game.cost)
    return [(np.shape(x), np.asarray(x).tobytes()) for x in (game.value, game.penalty, *pairs)]


@given(any_game())
@settings(max_examples=150, deadline=None)
def test_every_game_comes_back_to_the_bit(game: Game) -> None:
    for again in (from_json(to_json(game)), from_toml(to_toml(game)), from_dict(to_dict(game))):
        assert stored(again) == stored(game)
        assert again.ordered is game.ordered
        assert (again, hash(again), game_id(again)) == (game, hash(game), game_id(game))


@given(any_game())
@settings(max_examples=100, deadline=None)
def test_equal_games_are_equal_however_they_are_stored(game: Game) -> None:
    """Once for all games of an array, or in each: the same numbers, hash and id."""
    full = _in_full(game)
    assert stored(full) == [(game.shape, x) for _, x in stored(full)]
    assert (full, hash(full), game_id(full)) == (game, hash(game), game_id(game))
    for index in np.ndindex(game.shape):
        assert full[index] == game[index]


def test_games_that_differ_in_a_number_or_in_shape_are_not_equal() -> None:
    one = dataclasses.replace(T4, penalty=np.array([1.5]))
    two = dataclasses.replace(T4, penalty=np.array([1.5, 1.5]))
    nudged = dataclasses.replace(T4, penalty=np.array([1.5, np.nextafter(1.5, 2)]))
    games = [T4, one, two, nudged, dataclasses.replace(T4, ordered=False)]
    assert len(set(games)) == len({game_id(game) for game in games}) == 5


def test_the_id_is_stable_and_goes_by_the_numbers() -> None:
    assert game_id(T4) == "3e15946a2292"
    assert len({game_id(game) for game in GAMES.values()}) == 12


# --- what is no game


def changed(**fields: Any) -> str:
    """The JSON of t4-cascade with some fields written differently; NaN and Infinity too."""
    return json.dumps({**json.loads(TEXT), **fields})


PAIR = [0.3, 0.8]
BAD_JSON = [
    ("nonsense", "must be written in JSON"),
    ("", "must be written in JSON"),
    (TEXT + TEXT, "must be written in JSON"),
    ("[" * 100_000, "few brackets"),
    ("null", "must be an object with the fields value.*NoneType"),
    ("[]", "must be an object with the fields value.*list"),
    ("3", "must be an object"),
    ('"value"', "must be an object"),
    ("{}", "got no value, penalty, success, latency, cost"),
    ('{"value": 1}', "got no penalty"),
    (changed(extra=1), "latency, cost and perhaps ordered only, got an unknown extra$"),
    (TEXT.replace("value", "valeu"), "got no value and an unknown valeu, perhaps value$"),
    (changed(order=True), "got an unknown order, perhaps ordered$"),
    (changed(value="[" * 5), "value must be a number"),
    (TEXT.replace("1.5", "[" * 9 + "1" + "]" * 9), "at most 8 within each other"),
    (TEXT.replace("1.5", "[" * 99 + "1" + "]" * 99), "at most 8 within each other"),
    (TEXT[:-1] + ', "value": 2}', "value must be given once, got it 2 times"),
    (changed(ordered="false"), r"ordered must be true or false, got 'false' \(str\)"),
    (changed(ordered=0), "ordered must be true or false, got 0"),
    (changed(ordered=None), "ordered must be true or false, got None"),
    (changed(value="1"), r"value must be a number.*got '1' \(str\)"),
    (changed(value=True), r"value must be a number.*got True \(bool\)"),
    (changed(value=None), r"value must be a number.*got None \(NoneType\)"),
    (changed(value={"x": 1}), "value must be a number.*dict"),
    (changed(value=[1.0, "2"]), r"value must be a number.*got '2' \(str\)"),
    (changed(value=[]), "value must be .* got no number at all"),
    (changed(value=[[], []]), "value must be .* got no number at all"),
    (changed(value=[[1.0], [1.0, 2.0]]), "value must be .* lists of numbers of equal length"),
    (changed(value=[1.0, [1.0]]), "value must be .* lists of numbers of equal length"),
    (changed(value=float("nan")), "value must be finite, got nan"),
    (changed(penalty=float("-inf")), "penalty must be finite, got -inf"),
    (changed(penalty=10**400), "penalty must be finite, got inf"),
    (TEXT.replace("1.5", "1" * 5000), "penalty must be finite, got inf"),
    (TEXT.replace("1.5", "1e999"), "penalty must be finite, got inf"),
    (changed(penalty=0), "penalty must be positive, got 0"),
    (changed(value=[1.0, -1.0]), r"value must be positive, got -1 at index \(1,\)"),
    (changed(success=0.3), "success must be a list of two"),
    (changed(success=[0.3]), "success must be a list of two"),
    (changed(success=[0.3, 0.5, 0.8]), "success must be a list of two"),
    (changed(success="38"), "success must be a list of two"),
    (changed(success={"1": 0.3, "2": 0.8}), "success must be a list of two"),
    (changed(success=[0.3, "0.8"]), "success of model 2 must be a number"),
    (changed(success=[0.3, 80]), "success of model 2 must lie strictly between 0 and 1"),
    (changed(latency=[0.4, None]), "latency of model 2 must be a number"),
    (changed(latency=[0.5, 0.4]), "latency must be larger for model 2"),
    (changed(cost=[[], 0.6]), "cost of model 1 must be .* no number at all"),
    (changed(cost=[-0.1, 0.6]), "cost of model 1 must be at least 0"),
    (changed(value=[1, 2], penalty=[1, 2, 3]), "shapes of a game's numbers must broadcast"),
]


def assert_one_sentence(error: pytest.ExceptionInfo[ValueError]) -> None:
    assert type(error.value) is ValueError
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize(("text", "words"), BAD_JSON, ids=range(len(BAD_JSON)))
def test_bad_json_is_named(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as error:
        from_json(text)
    assert_one_sentence(error)


TOML = to_toml(T4)
BAD_TOML = [
    ("nonsense", "must be written in TOML"),
    (TOML + "value = 1.0\n", "must be written in TOML"),
    (TOML.replace("1.5", "[" * 10_000), "must be written in TOML"),
    (TOML.replace("1.5", "1" * 5000), "must be written in TOML"),
    (TOML.replace("1.5", "1" * 600), "expected numbers of few digits"),
    (TOML.replace("1.5", "1" * 400), r"penalty must be .* below 1\.8e308"),
    (TOML.replace("1.5", "nan"), "penalty must be finite, got nan"),
    (TOML.replace("1.5", "-inf"), "penalty must be finite, got -inf"),
    (TOML.replace("1.5", "true"), "penalty must be a number.*bool"),
    (TOML.replace("1.5", '"1.5"'), "penalty must be a number.*str"),
    (TOML.replace("1.5", "2026-01-01"), "penalty must be a number.*date"),
    (TOML.replace("true", '"false"'), "ordered must be true or false"),
    (TOML + "[more]\nvalue = 1\n", "unknown more"),
    ("", "got no value"),
]


@pytest.mark.parametrize(("text", "words"), BAD_TOML, ids=range(len(BAD_TOML)))
def test_bad_toml_is_named(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as error:
        from_toml(text)
    assert_one_sentence(error)


@pytest.mark.parametrize("read", [from_json, from_toml])
@pytest.mark.parametrize("text", [None, 3, b"{}", T4])
def test_what_is_no_text_is_named(read: Any, text: Any) -> None:
    with pytest.raises(ValueError, match="must be read from text, got") as error:
        read(text)
    assert_one_sentence(error)


def some(inner: Any) -> Any:
    lists = st.lists(inner, max_size=4)
    return lists | st.dictionaries(st.text(max_size=5), inner, max_size=3)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
json_values = st.recursive(scalars, some, max_leaves=6)


@given(st.sampled_from(FIELDS), json_values)
@settings(max_examples=300, deadline=None)
def test_whatever_a_field_holds_is_a_game_or_an_error_that_names_it(field: str, x: Any) -> None:
    text, complaint = json.dumps({**json.loads(TEXT), field: x}), ""
    try:
        game = from_json(text)
        assert from_json(to_json(game)) == game
    except ValueError as error:
        complaint = str(error)
    assert complaint == "" or field in complaint or "broadcast" in complaint


@given(json_values)
@settings(max_examples=100, deadline=None)
def test_whatever_is_no_object_is_a_value_error(x: Any) -> None:
    with pytest.raises(ValueError, match="a game must"):
        from_json(json.dumps(x))


def test_no_games_at_all_cannot_be_written() -> None:
    none = Game.stack([T4])[np.flatnonzero([False])]
    for write in (to_dict, to_json, to_toml, game_id):
        with pytest.raises(ValueError, match=r"must hold numbers, got an array of shape \(0,\)"):
            write(none)


def test_arrays_and_numbers_of_numpy_are_numbers() -> None:
    numbers = {"value": np.float64(1), "cost": np.array([0.15, 0.6]), "ordered": np.True_}
    assert from_dict({**to_dict(T4), **numbers}) == T4
    many = {**to_dict(T4), "penalty": np.array([1, 2]), "success": (0.3, np.array([0.8, 0.9]))}
    assert from_dict(many).shape == (2,)


# --- matrices and Gambit


def test_matrices_hold_the_best_response() -> None:
    game, cascades, replies = GAMES["t5-cascade"], np.linspace(0, 1, 11), np.linspace(0, 1, 501)
    table = payoff_matrices(game, cascades, replies)
    assert table.cost.shape == (12, 501)
    for k, (route, s) in enumerate(table.commitments):
        best = best_response(game, route, s).low
        assert replies[table.utility[k].argmax()] == pytest.approx(best, abs=1e-3)  # half a step


@pytest.mark.parametrize("write", [payoff_matrices, to_efg, to_nfg])
@pytest.mark.parametrize(
    ("game", "cascades", "replies", "words"),
    [
        (Game.stack([T4, T4]), [0.5], [0.5], "a single game .* got an array of shape"),
        (T4, [], [0.5], "cascades must be .* got no number"),
        (T4, [0.5], [], "replies must be .* got no number"),
        (T4, [0.5, 0.5], [0.0], "cascades must differ from each other"),
        (T4, [0.5], [0.0, -0.0], "replies must differ from each other"),
        (T4, [0.5, 1.1], [0.0], "cascade must lie in"),
        (T4, [0.5], [-0.1, 0.0], "abandon must lie in"),
        (T4, [np.nan], [0.0], "cascade must lie in"),
        (T4, 0.5, [0.0], "cascades must be one list"),
        (T4, [0.5], [[0.0, 1.0]], "replies must be one list"),
        (T4, ["0.5"], [0.0], "cascades must be a number"),
    ],
)
def test_bad_grids_are_named(
    write: Any,
    game: Game,
    cascades: Any,
    replies: Any,
    words: str,
) -> None:
    with pytest.raises(ValueError, match=words) as error:
        write(game, cascades, replies)
    assert_one_sentence(error)


GAME = Game(1, 2, (0.25, 0.5), (0.125, 0.25), (0.125, 0.5))  # payoffs are exact in binary
EFG = """\
EFG 2 R "routing game ID" { "provider" "user" }
p "" 1 1 "commit" { "M2" "M1, s=0" "M1, s=0.5" } 0
p "" 2 1 "sees M2" { "q=1" } 0
t "" 1 "" { -1.5, 0.25 }
p "" 2 2 "sees M1, s=0" { "q=1" } 0
t "" 2 "" { -1.625, 0.125 }
p "" 2 3 "sees M1, s=0.5" { "q=1" } 0
t "" 3 "" { -1.625, 0.125 }
"""
NFG = """\
NFG 1 R "routing game ID, s hidden" { "provider" "user" }
{ { "M2" "M1, s=0" }
{ "q1=1, q2=1" "q1=1, q2=0" "q1=0, q2=1" "q1=0, q2=0" } }

-1.5 0.25
-1.625 0.125
-1 0.5
-1.625 0.125
-1.5 0.25
-0.5 0.5
-1 0.5
-0.5 0.5
"""


def test_gambit_s_texts_in_full() -> None:
    """By hand: q = 1 is one pass, q = 0 is 1/p; in .nfg the provider counts fastest."""
    assert to_efg(GAME, [0.0, 0.5], [1.0]).replace(game_id(GAME), "ID") == EFG
    assert to_nfg(GAME, [0.0], [1.0, 0.0]).replace(game_id(GAME), "ID") == NFG


@pytest.mark.parametrize("write", [to_efg, to_nfg])
def test_what_gambit_reads_has_no_exponents_and_no_two_names_alike(write: Any) -> None:
    s0 = thresholds(T4).s0
    huge = dataclasses.replace(T4, penalty=1e17, cost=(0.0, 1e-9), ordered=False)
    for game in (T4, huge):
        text = write(game, [0.0, np.nextafter(s0, 0), s0, s0 + 1e-9], [0.0, 1e-7, 1.0])
        assert not re.search(r"[0-9.]e[-+]?[0-9]", text.replace(game_id(game), ""))
        lists = [re.findall(r'"([^"]+)"', part) for part in re.findall(r"\{([^{}]*)\}", text)]
        assert max(len(names) for names in lists) >= 5
        assert all(len(set(names)) == len(names) for names in lists)


@pytest.mark.parametrize("penalty", [1.5, 1e16, 1e90])
def test_gambit_reads_neighbours_and_any_size(penalty: float) -> None:
    gambit = pytest.importorskip("pygambit")
    s0 = thresholds(T4).s0
    game = dataclasses.replace(T4, penalty=penalty)
    cascades = [float(np.nextafter(s0, 0)), s0, s0 + 1e-9]
    tree = gambit.read_efg(io.BytesIO(to_efg(game, cascades, [0.0, 1.0]).encode()))
    names = [action.label for action in tree.root.infoset.actions]
    assert names == ["M2", *(f"M1, s={s!r}" for s in cascades)]
    table = gambit.read_nfg(io.BytesIO(to_nfg(game, cascades, [0.0, 1.0]).encode()))
    assert [strategy.label for strategy in table.players["provider"].strategies] == names


def test_gambit_finds_the_stackelberg_outcome(tmp_path) -> None:
    """Of all pure equilibria the provider's best is the strong Stackelberg outcome."""
    gambit = pytest.importorskip("pygambit")
    game = T4
    s = thresholds(game).s0 + 1e-9  # Gambit counts in rationals: at s0 rounding breaks the tie
    (tmp_path / "game.efg").write_text(to_efg(game, [0.0, s, 0.6, 1.0], [0.0, 0.5, 1.0]))
    tree = gambit.read_efg(str(tmp_path / "game.efg"))
    equilibria = gambit.nash.enumpure_solve(tree).equilibria
    best = max(equilibria, key=lambda profile: float(profile.payoff(tree.players["provider"])))
    assert -float(best.payoff(tree.players["provider"])) == pytest.approx(solve(game).cost)
    assert float(best.payoff(tree.players["user"])) == pytest.approx(solve(game).utility, rel=1e-6)


def test_gambit_finds_what_hiding_s_leads_to(tmp_path) -> None:
    """With s hidden the cascade unravels: the only outcome is route 2, at .750 instead of .5824."""
    gambit = pytest.importorskip("pygambit")
    (tmp_path / "game.nfg").write_text(to_nfg(T4, [0.0, thresholds(T4).s0, 0.6, 1.0], [0.0, 1.0]))
    table = gambit.read_nfg(str(tmp_path / "game.nfg"))
    equilibria = gambit.nash.enumpure_solve(table).equilibria
    costs = {round(-float(profile.payoff(table.players["provider"])), 6) for profile in equilibria}
    assert costs == {0.75}
