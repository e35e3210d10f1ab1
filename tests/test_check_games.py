"""Which games a check plays: samples of priors, games in files, and what counts as fresh."""

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from routing_game.experiments import InputError
from routing_game.experiments.check import sets
from routing_game.experiments.check.sources import chosen_games
from routing_game.experiments.check.suite import make_spec
from routing_game.experiments.cli import main
from routing_game.theory import GAMES, RULES, Game, load, solve
from routing_game.theory.exchange import game_id, to_json, to_toml
from routing_game.theory.frequencies import PRIORS

MINE = Game(1, 2, (0.2, 0.9), (0.1, 0.4), (0.05, 0.6))


def refusal(*words):
    with pytest.raises(InputError) as refused:
        chosen_games(words)
    text = str(refused.value)
    assert "\n" not in text
    return text


# --- samples of priors ---


@pytest.mark.parametrize("prior", PRIORS)
def test_a_sample_has_as_many_games_of_each_kind_rare_ones_too(prior):
    games, notes = chosen_games([f"sample:{prior}:3:7"])
    assert notes == []
    assert Counter(solve(game).rule for game in games.values()) == dict.fromkeys(sets.KINDS, 3)
    for name, game in games.items():
        place = sets.origin(name)
        assert place[:3] == (prior, 7, solve(game).rule)
        assert str(place) == name
        assert game.ordered
    assert sorted(sets.origin(name).number for name in games) == sorted([1, 2, 3] * 6)


@pytest.mark.parametrize("n", [1, 2, 7, 12, 100])
def test_half_of_the_games_of_a_cascade_sample_are_cascades(n):
    counts = sets.half_cascades(n)
    assert sum(counts.values()) == n
    assert counts["s0"] + counts.get("s_L", 0) == n - n // 2
    for group in (sets.CASCADES, sets.OTHERS):
        numbers = [counts.get(kind, 0) for kind in group]
        assert max(numbers) - min(numbers) <= 1


def test_games_of_a_sample_are_as_the_prior_has_them():
    # by definition: the first three cascades at s_L in the sequence of draws, however it is cut
    games = chosen_games(["sample:measured:3:11"]).games
    rng = np.random.default_rng(sets.seeds("games/measured", 11))
    batch = PRIORS["measured"](1 << 16, rng)
    first = [k for k, rule in enumerate(solve(batch).rule) if rule == "s_L"][:3]
    assert [games[f"measured.11.s_L.{n}"] for n in (1, 2, 3)] == [batch[k] for k in first]


def test_a_name_is_a_game_for_good():
    few, many = (chosen_games([f"sample:unit:{n}:3"]).games for n in (1, 4))
    cascades = chosen_games(["cascades:unit:9:3"]).games
    assert few.items() <= many.items()
    assert all(game == many[name] for name, game in cascades.items() if name in many)
    for name in ("unit.3.s0.4", "unit.3.leave-2.1"):
        assert chosen_games([name]).games == {name: many[name]}


def test_the_seventh_kind_cannot_be_drawn_as_priors_keep_the_order():
    assert {*RULES} - {*sets.KINDS} == {"interior"}
    for prior in PRIORS:
        games = PRIORS[prior](100_000, np.random.default_rng(1))
        assert games.ordered
        assert "interior" not in solve(games).rule


def test_what_cannot_be_found_is_said(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sets, "DRAWS", 1 << 16)  # some 150 cascades at s_L
    games, notes = chosen_games(["sample:unit:200:5"])
    found = Counter(sets.origin(name).kind for name in games)
    assert found["s_L"] < 200 == found["leave-1"]
    (note,) = (note for note in notes if "s_L" in note)
    assert f"found {found['s_L']} of 200 games of the kind s_L among 65,536" in note
    words = ["check", "--games", "sample:unit:200:5", "--learners", "nobody"]
    assert main(words) == 2
    assert note in capsys.readouterr().err
    assert "choose a lesser number" in refusal("unit.5.s_L.9999")


def test_tuned_and_fresh_samples_share_no_game():
    tuned, fresh = {}, {}
    for prior in PRIORS:
        for seed in (0, 1, sets.FRESH_FROM - 1):
            tuned |= chosen_games([f"sample:{prior}:4:{seed}"]).games
        fresh |= chosen_games([f"sample:{prior}:4"]).games  # without a seed: fresh
        fresh |= chosen_games([f"sample:{prior}:4:{sets.FRESH_FROM + 1}"]).games
    assert {sets.set_of(name) for name in tuned} == {"tuned"}
    assert {sets.set_of(name) for name in fresh} == {"fresh"}
    ids = [game_id(game) for game in (*tuned.values(), *fresh.values())]
    assert len({*ids}) == len(ids) == 4 * 4 * 6 * 5
    numbers = np.array([[g.value, g.penalty, *g.success] for g in (tuned | fresh).values()])
    assert all(len(np.unique(column)) == len(numbers) for column in numbers.T)  # not one draw alike


def test_the_set_of_a_game_is_in_its_name():
    assert sets.FRESH_FROM == 1000
    expected = {
        "t4-cascade": "tuned",
        "gpt-4.1-o3": "tuned",
        "ratios.999.s0.1": "tuned",
        "ratios.1000.s0.1": "fresh",
        "ratios.01000.s0.1": "own",  # a seed has no zeros in front: names must not be ambiguous
        "ratios.1000.interior.1": "own",
        "mine": "own",
    }
    assert {name: sets.set_of(name) for name in expected} == expected


def test_every_profile_can_draw_its_fresh_games():
    for profile, words in sets.FRESH.items():
        games, notes = chosen_games(words)
        assert notes == []
        assert {sets.set_of(name) for name in games} == {"fresh"}
        assert games.items() <= make_spec(profile).games.items()


# --- games in files ---


@pytest.mark.parametrize(("ending", "write"), [("toml", to_toml), ("json", to_json)])
def test_a_game_in_a_file_or_a_folder_is_a_game(tmp_path, ending, write):
    odd = Game(1, 2, (0.9, 0.2), (0.1, 0.4), (-0.05, 0.6), ordered=False)
    (tmp_path / f"b.{ending}").write_text(write(MINE))
    (tmp_path / f"a.{ending}").write_text(write(odd))
    (tmp_path / "notes.txt").write_text("no game")
    assert chosen_games([str(tmp_path / f"b.{ending}")]).games == {"b": MINE}
    assert [*chosen_games([str(tmp_path)]).games.items()] == [("a", odd), ("b", MINE)]


def test_sources_mix_and_what_comes_twice_is_played_once(tmp_path):
    (tmp_path / "mine.toml").write_text(to_toml(MINE))
    words = ["cascades:unit:2", str(tmp_path), "t5-cascade", "unit.1000.s0.1", "catalog"]
    spec = make_spec("default", words)
    assert [*spec.games] == [*sets.CATALOG, "unit.1000.s0.1", "unit.1000.stay-1.1", "mine"]
    assert spec.games["mine"] == MINE
    assert spec.games["t5-cascade"] == load("t5-cascade")
    assert all(plan.games == tuple(spec.games) for plan in spec.plans.values())


WRONG_FIELDS = {
    "missing": ("penalty = 2\n", "", "got no penalty"),
    "unknown": ("penalty", "penality", "got no penalty"),
    "a percentage": ("0.9]", "90]", "success of model 2 must lie strictly between 0 and 1"),
    "text": ("value = 1", 'value = "1"', "value must be a number"),
    "not a pair": ("[0.1, 0.4]", "[0.1]", "latency must be a list of two"),
    "out of order": ("[0.2, 0.9]", "[0.9, 0.2]", "(ordered = false lifts this)"),
    "negative": ("[0.05, 0.6]", "[-0.05, 0.6]", "(ordered = false admits negative costs)"),
    "several games": ("value = 1", "value = [1, 2]", "the numbers of one game, got lists of 2"),
    "not TOML": ("value = 1", "value: 1", "must be written in TOML"),
}


@pytest.mark.parametrize(("old", "new", "hint"), WRONG_FIELDS.values(), ids=WRONG_FIELDS)
def test_a_wrong_file_is_named_with_its_field_before_any_work(
    tmp_path, monkeypatch, capsys, old, new, hint
):
    monkeypatch.chdir(tmp_path)
    text = to_toml(MINE).replace("1.0\n", "1\n").replace("2.0\n", "2\n")
    assert old in text
    (tmp_path / "games").mkdir()
    (tmp_path / "games" / "good.toml").write_text(text)
    (tmp_path / "games" / "odd.toml").write_text(text.replace(old, new))
    assert main(["check", "--games", "games"]) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.count("\n") == 1
    assert "games/odd.toml: " in error
    assert hint in error
    assert [path.name for path in tmp_path.iterdir()] == ["games"]


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("logs", "perhaps logs.toml"),
        ("logs.tml", "perhaps logs.toml"),
        ("log.toml", "(No such file or directory), perhaps logs.toml"),
        ("games/log.json", "(No such file or directory), perhaps games/logs.json"),
        ("games/nothing_like_it.toml", "(No such file or directory)"),
        ("nowhere/logs.toml", "(No such file or directory)"),
        ("\0", "got '\\x00'"),
    ],
)
def test_a_file_that_is_misspelt_is_found(tmp_path, monkeypatch, word, hint):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "games").mkdir()
    for file, text in (("logs.toml", to_toml(MINE)), ("games/logs.json", to_json(MINE))):
        (tmp_path / file).write_text(text)
    told = refusal(word)
    assert f"{hint};" in told or told.endswith(hint)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["figures", "mine.toml"], "expected no 'mine.toml' here, perhaps --game mine.toml;"),
        (["belief", "trap", "t5-cascade"], "here, perhaps --game t5-cascade;"),
        (["check", "gpt-4.1-o3"], "here, perhaps --games gpt-4.1-o3;"),
        (["solve", "t5-stay", "t4-cascade"], "expected no 't4-cascade' here; see"),
        (["figures", "nothing"], "expected no 'nothing' here; see"),
        (
            ["belief", "trap", "--game", "t5-stay", "t4-cascade"],
            "expected no 't4-cascade' here; see",
        ),
        (
            ["check", "--learners", "ucb", "structural"],
            "expected no 'structural' here, perhaps --learners ucb,structural; see",
        ),
        (
            ["check", "--seeds", "2", "--games", "t4-cascade", "mine.toml"],
            "here, perhaps --games t4-cascade,mine.toml; see",
        ),
        (["solve", "t5-stay", "--cost", ".1", ".2", ".3"], "expected no '.3' here; see"),
    ],
)
def test_a_word_in_a_wrong_place_is_shown_its_own(capsys, words, hint):
    assert main(words) == 2
    assert hint in capsys.readouterr().err


def test_a_json_file_is_told_how_json_says_it(tmp_path):
    fields = json.loads(to_json(MINE)) | {"success": [0.9, 0.2]}
    (tmp_path / "odd.json").write_text(json.dumps(fields))
    assert '("ordered": false lifts this)' in refusal(str(tmp_path / "odd.json"))


def test_names_of_files_must_be_safe_and_free(tmp_path):
    def saved(name):
        (tmp_path / name).write_text(to_toml(MINE))
        return str(tmp_path / name)

    assert "rename" in refusal(saved("my game.toml"))
    assert "rename" in refusal(saved("-x.toml"))
    for name in ("t4-cascade", "catalog", "unit.1000.s0.1"):
        assert f"{name} is the name of a game of ours" in refusal(saved(f"{name}.toml"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.toml").write_text(to_toml(GAMES["t4-cascade"]))
    (tmp_path / "other" / "Y.toml").write_text(to_toml(MINE))
    assert "another game is called x" in refusal(saved("x.toml"), str(tmp_path / "other"))
    assert "another game is called y" in refusal(saved("y.toml"), str(tmp_path / "other"))


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("sample:measurd:3", "one of uniform, unit, ratios, measured, got 'measurd'"),
        ("sample:measured", "expected sample:PRIOR:N[:SEED] or cascades:PRIOR:N[:SEED]"),
        ("samples:measured:3", "expected sample:PRIOR:N[:SEED]"),
        ("sample:measured:0", "how many games, a whole number from 1 to 10000, got '0'"),
        ("sample:measured:10001", "got '10001'"),
        ("sample:measured:2.5", "got '2.5'"),
        ("sample:measured:\u0663", "got '\u0663'"),  # an Arabic 3
        (f"sample:measured:{'9' * 5000}", "how many games, a whole number from 1 to 10000"),
        (f"measured.{'9' * 5000}.s0.1", "expected the name of a game"),
        (f"measured.1.s0.{'9' * 5000}", "expected the name of a game"),
        ("cascades:unit:3:-1", "a seed, a whole number from 0"),
        ("unit.1000.s0.10001", "at most 10000"),
        ("no-such.toml", "expected a game's file, got no-such.toml"),
        ("t4-casade", "perhaps t4-cascade"),
        ("x" * 5000, "expected the name of a game"),
        ("", "either side of a comma, got 't4-cascade,'"),
    ],
)
def test_a_word_that_is_no_game_is_explained(word, hint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert hint in refusal("t4-cascade", word)


def test_a_game_in_a_file_is_found_by_the_file_s_name_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(to_toml(MINE))
    assert "got 'mine', perhaps mine.toml; see" in refusal("mine")


def test_marks_of_other_programs_are_no_part_of_games(tmp_path):
    """A byte order mark, as editors on Windows write it; hidden files, as macOS leaves them."""
    (tmp_path / "mine.toml").write_text(to_toml(MINE), encoding="utf-8-sig")
    (tmp_path / "._mine.toml").write_bytes(b"\x00\x05\x16\x07")
    assert chosen_games([str(tmp_path)]).games == {"mine": MINE}


def test_an_empty_folder_is_no_game(tmp_path):
    assert "files that end in .toml or .json" in refusal(str(tmp_path))


def test_solve_and_tournament_take_what_check_takes(tmp_path, capsys):
    (tmp_path / "mine.toml").write_text(to_toml(MINE))
    for word in (str(tmp_path), "unit.3.s0.1"):
        ((name, game),) = chosen_games([word]).games.items()
        assert main(["solve", word]) == 0
        out = capsys.readouterr().out
        assert out.startswith(f"{name}: ")
        assert f"J = {solve(game).cost:.4g}" in out
        assert main(["tournament", word]) == 0
        assert "J" in capsys.readouterr().out
    assert main(["solve", "catalog"]) == 2
    told = "'catalog', which is 13 games; take one of them, such as value-cheap\n"
    assert capsys.readouterr().err.endswith(told)


def test_the_file_that_the_docs_show_is_a_game(tmp_path):
    page = (Path(__file__).parents[1] / "docs/learners.md").read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(re.search("```toml\n(value.*?)```", page, re.DOTALL)[1])
    (game,) = chosen_games([str(tmp_path)]).games.values()
    assert (game.value, game.success) == (120, (0.35, 0.6))
