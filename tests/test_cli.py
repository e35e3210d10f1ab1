"""The command line: answers at once, and meets every wrong input with one line and exit code 2."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from routing_game.agents import FixedProvider, zoo
from routing_game.experiments import InputError, tables
from routing_game.experiments.check.own import source
from routing_game.experiments.check.sources import chosen_games
from routing_game.experiments.cli import main
from routing_game.experiments.commands.names import chosen
from routing_game.experiments.commands.parser import COMMANDS, at_least_one
from routing_game.experiments.hidden import trap
from routing_game.experiments.hidden.names import EXPERIMENTS, RULE_WORDS
from routing_game.experiments.hidden.suite import RULES as HIDDEN_RULES
from routing_game.experiments.paper.maps import FIGURES
from routing_game.experiments.tables import tournament_lines
from routing_game.interrupts import staying
from routing_game.theory import (
    GAMES,
    PAIRS,
    RULES,
    TASK_TYPES,
    best_response,
    load,
    outcome,
    solve,
)
from routing_game.theory.frequencies import PRIORS

pytestmark = pytest.mark.usefixtures("without_pictures")

GAME = [
    "--value",
    "1",
    "--penalty",
    "1.5",
    "--success",
    ".3",
    ".8",
    "--latency",
    ".4",
    ".5",
    "--cost",
    ".15",
    ".6",
]


def change(flag, *values):
    """The game's flags with one of them changed."""
    at = GAME.index(flag) + 1
    return ["solve", *GAME[:at], *values, *GAME[at + len(values) :]]


WRONG = {
    "unknown command": (["chek"], "perhaps check"),
    "unknown flag": (["check", "--game", "t4-cascade"], "perhaps --games"),
    "unknown flag of solve": (["solve", "t4-cascade", "--vaule", "1"], "perhaps --value"),
    "a figure that there is not": (
        ["figures", "--only", "9"],
        "there are 1, 2, 3, 4, 5, throttling; see",
    ),
    "unknown figure around a game": (
        ["figures", "--only", "9", "--game", "t5-stay"],
        "there are 3, 4, 5, throttling, regret; see",
    ),
    "an agent that is not saved": (
        ["tournament", "t5-stay", "--provider", "greedy:Greedy"],
        "routing-game check --learners greedy:Greedy --keep-policies",
    ),
    "a learner that is not saved": (
        ["tournament", "t5-stay", "--user", "ppo-user"],
        "save_policy(agent, folder) makes one, and check --keep-policies one for each cell: "
        "routing-game check --learners ppo-user --keep-policies",
    ),
    "unknown game": (
        ["check", "--games", "t4-cascade,t4-casade"],
        "'t4-casade', perhaps t4-cascade",
    ),
    "unknown learner": (["check", "--learners", "tompson"], "'tompson', perhaps thompson"),
    "a class without its module": (
        ["check", "--learners", "ucb,Greedy"],
        "an agent of your own is written module:Class, e.g. mine:Greedy",
    ),
    "an agent's file": (["check", "--learners", "my/own.py:Greedy"], "e.g. my.own:Greedy"),
    "an agent with a point": (["check", "--learners", "own.Greedy"], "e.g. own:Greedy"),
    "no class": (["check", "--learners", "own.py"], "e.g. own:Agent"),
    "the beginning of a game": (["tournament", "t5"], "perhaps t5-stay or t5-leave or t5-"),
    "capitals": (["solve", "T5-Cascade"], "'T5-Cascade', perhaps t5-cascade; see"),
    "the end of a game": (["belief", "trap", "--game", "cascade"], "or t4-cascade"),
    "the beginning of a learner": (["check", "--learners", "thom"], "perhaps thompson or"),
    "the beginning of a question": (["belief", "rep"], "perhaps reputation"),
    "the beginning of a command": (["tour"], "perhaps tournament"),
    "a prior": (["check", "--games", "sample:measure:3"], "'measure', perhaps measured"),
    "a sample": (["check", "--games", "cascade:unit:3"], "'cascade:unit:3', perhaps cascades"),
    "empty name": (["check", "--learners", "ucb,"], "either side of a comma, got 'ucb,'"),
    "empty game": (["check", "--games", "t4-cascade,"], "either side of a comma"),
    "empty figure": (["figures", "--only", "3,,4"], "either side of a comma"),
    "unknown question": (["belief", "trapp"], "expected the name of an experiment"),
    "a question's game": (["belief", "trap", "--game", "t4-casc"], "perhaps t4-cascade"),
    "numbers of a tournament": (["tournament", "--value", "1"], "--penalty"),
    "tournament of nothing": (["tournament"], "expected the name of a game"),
    "no game's file": (["solve", "t4-cascade", "--save", "my.txt"], ".toml or .json"),
    "no place to save": (
        ["solve", "t4-cascade", "--save", "/proc/no/my.toml"],
        "expected a file to write",
    ),
    "half a task": (["check", "--tasks", "1.5e0"], "at least 1, got '1.5e0'"),
    "endless tasks": (["check", "--tasks", "inf"], "at least 1, got 'inf'"),
    "nan tasks": (["check", "--tasks", "nan"], "at least 1, got 'nan'"),
    "unknown game to solve": (["solve", "gpt-4.1-o4"], "gpt-4.1-o3"),
    "unknown profile": (["check", "--profile", "big"], "'big'"),
    "unknown engine": (["check", "--engine", "ray"], "'ray'"),
    "no seeds": (["check", "--seeds", "0"], "at least 1, got '0'"),
    "negative seeds": (["check", "--seeds", "-3"], "--seeds"),
    "fractional seeds": (["check", "--seeds", "1.5"], "at least 1, got '1.5'"),
    "no tasks": (["check", "--tasks", "0"], "at least 1"),
    "no workers": (["check", "--workers", "0"], "at least 1"),
    "no run to report": (["report", "no-such-run"], "no-such-run"),
    "panel of a figure": (["figures", "--only", "3,4-left"], "'4-left', perhaps 4"),
    "unknown figure": (["figures", "--only", "3,throtling"], "'throtling', perhaps throttling"),
    "unknown set": (["figures", "--set", "C"], "'C'"),
    "no such game to meet in": (["tournament", "t4-casc"], "perhaps t4-cascade"),
    "no saved policy": (["tournament", "t4-cascade", "--user", "nowhere"], "save_policy"),
    "no games to count": (["frequencies", "--games", "0"], "at least 1"),
    "numbers missing": (["solve", "--value", "1"], "--penalty, --success, --latency, --cost"),
    "one number too many": (["solve", *GAME, ".9"], "'.9' on its own"),
    "half a pair": (["solve", *GAME[:5]], "--success"),
    "not a number": (change("--value", "much"), "'much'"),
    "nan": (change("--value", "nan"), "value must be finite, got nan"),
    "infinite": (change("--penalty", "inf"), "penalty must be finite"),
    "value 0": (change("--value", "0"), "value must be positive"),
    "penalty below 0": (change("--penalty", "-1"), "penalty must be positive"),
    "success in percent": (change("--success", "30", "80"), "percentage"),
    "success 0": (change("--success", "0", ".8"), "success of model 1"),
    "latency below 0": (change("--latency", "-.4", ".5"), "latency of model 1"),
    "cost below 0": (change("--cost", "-.4", ".5"), "cost of model 1"),
    "worse reasoning model": (change("--success", ".8", ".3"), "--unordered"),
}


@pytest.mark.parametrize("name", ["my.toml", "my.json"])
def test_a_game_is_saved_in_a_folder_that_is_made(name, tmp_path, capsys):
    file = tmp_path / "some" / "where" / name
    for _ in range(2):  # and again where it is there already
        assert main(["solve", "t4-cascade", "--save", str(file)]) == 0
        assert f"saved: {file}" in capsys.readouterr().out
    assert main(["solve", str(file)]) == 0


@pytest.mark.parametrize(("words", "hint"), WRONG.values(), ids=WRONG.keys())
def test_wrong_input_is_one_line_and_exit_code_2(words, hint, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("routing-game: error: ")
    assert error.count("\n") == 1
    assert hint in error
    assert [*tmp_path.iterdir()] == []


def test_an_unwritable_folder_is_found_by_writing(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    for place in (tmp_path / "file", tmp_path / "file" / "below", "/proc/no/such/place"):
        assert main(["check", "--games", "t4-cascade", "--out", str(place)]) == 2
        assert "expected a folder to write to" in capsys.readouterr().err
        assert main(["figures", "--only", "3", "--out", str(place)]) == 2
        out, error = capsys.readouterr()
        assert (out, error.count("\n")) == ("", 1)
        assert "expected a folder to write to" in error


def test_help_is_quick_and_light():
    code = (
        "import sys; sys.argv[0] = 'routing-game'; from routing_game.experiments.cli import main\n"
    )
    code += "for command in ('check', 'figures'):\n"
    code += "    try: main([command, '--help'])\n    except SystemExit: pass\n"
    code += (
        "heavy = {'torch', 'scipy', 'matplotlib', 'polars', 'stable_baselines3'} & {*sys.modules}\n"
    )
    code += "assert not heavy, heavy"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--learners" in done.stdout


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"routing-game {version('routing-game')}\n"


@pytest.mark.parametrize("command", [["check"], ["report", "run"], ["figures"]])
def test_a_missing_package_is_found_before_anything_is_done(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "routing_game.experiments.cli.find_spec", lambda name: None if name == "polars" else name
    )
    assert main(command) == 2
    out, error = capsys.readouterr()
    assert (out, error.count("\n")) == ("", 1)
    assert "package polars" in error
    assert error.strip().endswith("pip install polars")  # by names that are what they say
    assert [*tmp_path.iterdir()] == []


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_a_reader_who_leaves_early_is_no_error():
    reader, writer = os.pipe()
    os.close(reader)
    words = [sys.executable, "-P", "-m", "routing_game", "list"]
    done = subprocess.run(words, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_one_line():
    words = [sys.executable, "-P", "-m", "routing_game", "list"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "No space left" in done.stderr


def test_main_leaves_signal_handlers_as_they_were_and_runs_in_a_thread():
    before = signal.getsignal(signal.SIGTERM)
    codes = []
    thread = threading.Thread(target=lambda: codes.append(main(["list"])))
    thread.start()
    thread.join()
    assert main(["list"]) == 0
    assert codes == [0]
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("name", [*GAMES, *PAIRS])
def test_every_named_game_has_a_card(name, capsys):
    assert main(["solve", name]) == 0
    card = capsys.readouterr().out
    for label in ("Provider", "Why", "User", "Who pays", "Throttling", "Opt-out"):
        assert f"\n{label}" in card
    assert "nan" not in card
    assert max(map(len, card.splitlines())) <= 100
    assert not re.search(r"(=|route)\n|\n *(=|%|USD)", card)  # no line ends inside "s = 0.2105"


@pytest.mark.parametrize("name", [*GAMES, *PAIRS])
def test_a_card_has_cliffs_where_the_user_turns_beside_the_optimum(name, capsys):
    """By a scan of the replies to 201 values of s around it."""
    assert main(["solve", name]) == 0
    card, eq, turns = capsys.readouterr().out, solve(name), False
    if eq.route == 1:
        low, high = eq.cascade
        near = np.clip(np.linspace(low - 0.01, high + 0.01, 201), 0, 1)
        answers = np.array([best_response(load(name), 1, s).low for s in near])
        turns = bool(np.abs(answers - eq.abandon).max() > 1e-9)
    assert ("\nCliffs" in card, "\nNearby" in card) == (turns, not turns)


@pytest.mark.parametrize("name", [*GAMES, *PAIRS])
def test_a_card_names_the_user_s_favourite_commitment(name, capsys):
    """No commitment of a grid is worth more to the user than the one that is named."""
    assert main(["solve", name]) == 0
    words = " ".join(capsys.readouterr().out.split())
    (favourite,) = re.findall(r"the user's favourite, (.*?), would give it", words)
    grid = [outcome(load(name), 1, s).utility for s in np.linspace(0, 1, 101)]
    best = max(*grid, outcome(load(name), 2, 0.0).utility)
    for named in favourite.split(" or "):
        route = 1 if named == "M1 alone (route 1, s = 0)" else 2
        assert named in ("M1 alone (route 1, s = 0)", "M2 alone (route 2)")
        assert outcome(load(name), route, 0.0).utility == pytest.approx(best)


def test_a_changed_game_is_titled_so(capsys):
    assert main(["solve", "gpt-4.1-o3", "--penalty", "100"]) == 0
    assert capsys.readouterr().out.startswith("gpt-4.1-o3 with another penalty: ")
    assert main(["solve", "gpt-4.1-o3"]) == 0
    assert capsys.readouterr().out.startswith("gpt-4.1-o3: ")


def test_the_card_of_t4_cascade_says_what_theory_says(capsys):
    main(["solve", *GAME])
    numbers = capsys.readouterr().out
    main(["solve", "t4-cascade"])
    named = capsys.readouterr().out
    assert named.replace("t4-cascade", "your game") == numbers
    words = " ".join(named.split())
    assert "route 1, s = 0.2105" in words
    assert "J = 0.5824" in words
    assert "0.01 below costs +106 %" in words  # THEORY: falling short of s0
    assert "costs it 0.475" in words  # .375 on route 2, less xi1 = -.1


def test_flags_change_a_named_game(capsys):
    assert main(["solve", "t4-cascade", "--penalty", "0.4"]) == 0
    changed = capsys.readouterr().out
    assert main(["solve", "t4-leave-cheap"]) == 0
    named, other = "t4-cascade with another penalty", "t4-leave-cheap"
    assert changed.split() == capsys.readouterr().out.replace(other, named).split()


def test_a_named_game_may_lose_its_order(capsys):
    assert main(["solve", "t4-cascade", "--success", ".8", ".3"]) == 2
    assert main(["solve", "t4-cascade", "--success", ".8", ".3", "--unordered"]) == 0


@pytest.mark.parametrize(
    ("numbers", "cost", "slip"),
    [
        # m1 free: any s loses c2 where J* = 0; a provider paid for passes of M1: J* < 0, and a slip
        # still is a loss
        (
            "--value 2 --penalty 1 --success .5 .8 --latency .1 .3 --cost 0 .6",
            "J = 0 ",
            "0.01 above costs 0.00",
        ),
        (
            "--value 2 --penalty 1 --success .5 .8 --latency .1 .3 --cost -.1 .6 --unordered",
            "J = -0.2 ",
            "costs +",
        ),
    ],
)
def test_losses_are_losses_whatever_the_sign_of_the_optimal_cost(numbers, cost, slip, capsys):
    assert main(["solve", *numbers.split()]) == 0
    words = " ".join(capsys.readouterr().out.split())
    assert cost in words
    assert slip in words


@pytest.mark.parametrize("name", [*GAMES, *PAIRS, *TASK_TYPES])
def test_every_game_that_list_names_is_one_on_the_command_line(name, capsys):
    assert main(["solve", name]) == 0
    time = "min" if name in TASK_TYPES else "s" if name in PAIRS else ""
    assert f"V = {load(name).value:g} {time}".strip() in capsys.readouterr().out
    assert chosen_games([name]).games == {name: load(name)}


def test_list_names_games_pairs_and_learners(capsys):
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = {line.split()[0] for line in lines}
    assert {*GAMES, *PAIRS, "ucb", "ppo-user-model", "equilibrium"} <= names
    assert {*TASK_TYPES, *PRIORS, *RULES, *EXPERIMENTS, *zoo.PROVIDERS, *zoo.USERS} <= names
    assert {name.split()[0] for name in (*FIGURES, *HIDDEN_RULES)} <= names
    assert all("@" in line for line in lines if line.split()[0] in PAIRS)  # the source's commit


def test_python_m_routing_game_is_the_same_program(tmp_path):
    done = subprocess.run(
        [sys.executable, "-P", "-m", "routing_game", "solve", "t5-cascade"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0
    assert "0.3518" in done.stdout


def test_figures_are_named_as_they_are_written(tmp_path, capsys):
    words = ["figures", "--only", "4,2", "--set", "B", "--out", str(tmp_path / "new")]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == [
        str(tmp_path / "new" / f"figure-{name}-B.png") for name in ("2", "4")
    ]
    assert sum(line.startswith(("  holds", "  not here")) for line in lines) == 13
    assert len([*(tmp_path / "new").iterdir()]) == 6


def test_alone_it_shows_the_help(capsys):
    assert main([]) == 0
    out, error = capsys.readouterr()
    assert error == ""
    assert all(command in out for command in COMMANDS)


def test_json_of_solve_is_what_theory_says_to_the_last_digit(capsys):
    for name in (*GAMES, *PAIRS):
        assert main(["solve", name, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        eq = solve(name)
        assert (told["rule"], told["route"], told["cost"]) == (eq.rule, eq.route, eq.cost)
        assert (told["name"], tuple(told["cascade"])) == (name, eq.cascade)
        assert load(told["game"]) == load(name)
        best = min(told["alternatives"].values())
        assert best >= eq.cost - 1e-12


def test_json_of_the_list_has_every_name(capsys):
    main(["list", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert {*told["games"]} == {*GAMES}
    assert told["games"]["t4-cascade"]["regime"] == "-+"
    assert {*told["rules"]} == {*HIDDEN_RULES} == {*RULE_WORDS}
    assert {*told["environments"]} == {
        name for name, spec in gymnasium.registry.items() if spec.namespace == "RoutingGame"
    }
    main(["list"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == sum(1 + len(entries) for entries in told.values())


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (",".join(HIDDEN_RULES), HIDDEN_RULES),
        ("optimistic, fixed", ("optimistic, fixed",)),
        ("plug-in,each task,Thompson", ("plug-in, each task", "Thompson")),
        ("plug-in, plug-in, each task", ("plug-in", "plug-in, each task")),
    ],
)
def test_a_name_with_a_comma_is_one_name(text, meant):
    assert chosen("rule", text, HIDDEN_RULES) == meant


def test_half_a_name_with_a_comma_is_none():
    with pytest.raises(InputError, match="got 'each task', perhaps"):
        chosen("rule", "Thompson, each task", HIDDEN_RULES)
    with pytest.raises(InputError, match='; there are .*plug-in, "plug-in, each task", expected'):
        chosen("rule", "Tompson", HIDDEN_RULES)


def test_json_of_frequencies_and_of_a_tournament(capsys):
    main(["frequencies", "--games", "2000", "--seed", "1", "--json"])
    shares = json.loads(capsys.readouterr().out)["shares"]
    assert {*shares} == {*PRIORS}
    assert all(sum(share.values()) == pytest.approx(1) for share in shares.values())
    main(["tournament", "t4-cascade", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert {*told["cost"]} == {*zoo.PROVIDERS}
    assert told["cost"]["equilibrium"]["exact"] == pytest.approx(solve("t4-cascade").cost)


@pytest.mark.parametrize("ending", ["toml", "json"])
def test_a_saved_game_is_taken_wherever_one_is(tmp_path, capsys, ending, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = f"mine.{ending}"
    assert main(["solve", *GAME, "--penalty", "1.6", "--save", file]) == 0
    first, saved = capsys.readouterr().out.split("saved: ")
    assert saved == f"{file}\n"
    assert load(file) == replace(GAMES["t4-cascade"], penalty=1.6)
    assert main(["solve", file]) == 0
    assert capsys.readouterr().out == first.replace("your game", "mine")
    printed = []
    for words in ([file], ["t4-cascade", "--penalty", "1.6"], [*GAME, "--penalty", "1.6"]):
        assert main(["tournament", *words]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] == printed[2]


def test_a_question_on_a_game_of_one_s_own(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(trap, "DISTANCES", (-0.1, 0.0, 0.1))
    monkeypatch.setattr(trap, "PRIOR_MEANS", (-0.1, 0.1))
    words = ["--profile", "smoke", "--sessions", "3", "--workers", "1"]
    game = [*GAME, "--penalty", "1.6"]
    assert main(["belief", "trap", *game, *words, "--out", str(tmp_path / "out")]) == 0
    assert "your game" in (tmp_path / "out" / "trap.html").read_text()
    capsys.readouterr()


def test_a_file_in_the_place_of_a_folder_is_said_to_be_one(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert main(["belief", "trap", "--out", str(tmp_path / "file")]) == 2
    assert "file (which is a file); choose another --out" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "number"), [("1e4", 10_000), ("20", 20), ("2.5e2", 250)])
def test_whole_numbers_are_read_as_people_write_them(text, number):
    assert at_least_one(text) == number


def test_a_tournament_has_a_row_for_each_provider(capsys):
    assert main(["tournament", "t4-cascade"]) == 0
    told = capsys.readouterr().out
    assert any(line.split()[:2] == ["equilibrium", "0.5824"] for line in told.splitlines())
    for name in ("careless", "always-escalate", "FrugalGPT"):
        assert name in told


@pytest.mark.parametrize(
    "names",
    [(), ("ppo-user__mine__000",), ("a" * 60, "b" * 90), tuple(f"user-{k}" for k in range(9))],
)
@pytest.mark.parametrize("unit", [1.0, 1e-7, 1e-3, 1e9, 1e90])
def test_a_tournaments_values_stand_under_their_heads(names, unit):
    """Every head and value is a word of its own that ends where its column ends, in 100 columns."""
    game = replace(GAMES["t4-cascade"], penalty=1.5 * unit, cost=(0.1 * unit, 0.5 * unit))
    users = {name: entry.make(game) for name, entry in zoo.USERS.items()}
    users |= dict.fromkeys(names, users["exact"])
    leaders = {"p" * 30: FixedProvider(1, 0.3), "mine": FixedProvider(2, 0.0)}
    table = zoo.tournament(game, leaders, users)
    lines = tournament_lines(table)
    told = {}
    for title, numbers in (("J, the provider's cost", table.cost), ("U, ", table.utility)):
        start = next(k for k, line in enumerate(lines) if line.startswith(title)) + 1
        seen = []
        while re.fullmatch(r" +\S.*", lines[start]):  # a block
            head, *rows = lines[start : start + 3]
            assert max(map(len, (head, *rows))) <= 100
            ends = [found.end() for found in re.finditer(r"\S+", head)]
            for row in rows:
                told.setdefault(row.split()[0], None)
                values = [found.end() for found in re.finditer(r"\S+", row)][1:]
                assert values == ends
            seen += zip(head.split(), *(row.split()[1:] for row in rows), strict=True)
            start += 4
        for (_, *values), column in zip(seen, numbers.T, strict=True):
            assert [float(x) for x in values] == pytest.approx(column, rel=2e-3, abs=1e-4 * unit)
    assert {*told} == {"(1)", "mine"}
    assert all(name in "\n".join(lines) for name in (*names, "p" * 30))


def test_frequencies_are_a_row_for_each_prior(capsys):
    assert main(["frequencies", "--games", "20000", "--seed", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    kinds = next(line.split()[1:] for line in lines if line.startswith("prior"))
    assert kinds[-1] == "cascades"
    for prior in PRIORS:
        shares = next(line for line in lines if line.startswith(prior)).split()[1:]
        assert sum(map(float, shares[:-1])) == pytest.approx(100, abs=0.05)
        assert 0.1 < float(shares[-1]) < 6
    assert {*kinds, *PRIORS} <= {
        line.split()[0] for line in lines[7:] if line
    }  # each has its words


@pytest.mark.skipif(os.name == "nt", reason="paths")
def test_runs_of_different_selections_do_not_share_a_default_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for learner in ("equilibrium", "structural"):
        words = [
            "check",
            "--games",
            "value-cheap",
            "--learners",
            learner,
            "--seeds",
            "1",
            "--tasks",
            "20",
        ]
        assert main([*words, "--engine", "serial"]) == 0
    runs = [*(tmp_path / "runs").iterdir()]
    assert len(runs) == 2
    assert all(
        json.loads((run / "run.json").read_text())["spec"]["profile"] == "default" for run in runs
    )


OWN = """
from routing_game.theory import Commitment


class Stubborn:
    def __init__(self, rng, tasks):
        self.told = 0
        assert tasks == 40

    def act(self):
        return Commitment(2, 0.0)

    def update(self, commitment, task):
        self.told += 1

    def recommend(self):
        return Commitment(2, 0.0)


class Planner(Stubborn):
    def train(self):
        yield 7


def nobody():
    return 3


number = 3
"""


@pytest.fixture
def own(here):
    (here / "my_agents.py").write_text(OWN)
    return here


def test_agents_of_ones_own_are_checked_beside_ours(own, capsys):
    words = [
        "check",
        "--learners",
        "my_agents:Stubborn,ucb,my_agents:Planner",
        "--games",
        "t4-cascade,t4-reason",
    ]
    assert main([*words, "--seeds", "1", "--tasks", "40", "--workers", "1", "--out", "out"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    lines = {row.split()[0]: row.split()[1:] for row in rows}
    for name in ("my_agents:Stubborn", "my_agents:Planner"):  # route 2 is optimal on t4-reason
        assert lines[name] == ["1", "of", "2", "t4-cascade", "29", "%"]
    assert "my_agents:Stubborn" in (own / "out" / "report.html").read_text()


def test_the_readme_s_own_agent_is_checked(here, capsys):
    page = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    (code,) = [
        block.split("```")[0] for block in page.split("```python")[1:] if "class Greedy" in block
    ]
    assert len([line for line in code.split("class Greedy")[1].splitlines() if line]) <= 10
    (here / "greedy.py").write_text(code)
    words = [
        "--learners",
        "greedy:Greedy,ucb",
        "--games",
        "t4-reason",
        "--seeds",
        "2",
        "--tasks",
        "3000",
    ]
    assert main(["check", *words, "--workers", "1", "--out", "out"]) == 0
    lines = {
        line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines() if line
    }
    told = lines["greedy:Greedy"]
    assert int(told[told.index("of") - 1]) >= 1  # a seed finds route 2
    assert "greedy:Greedy" in (here / "out" / "report.html").read_text()


MOVING = """
from routing_game.theory import Commitment
from my_numbers import S


class Mover:
    def act(self):
        return Commitment(1, S)

    def recommend(self):
        return Commitment(1, S)

    def update(self, commitment, task):
        pass
"""
MOVER = ["check", "--learners", "my_mover:Mover,ucb", "--games", "t4-cascade,t4-reason"]
MOVER += ["--seeds", "1", "--tasks", "40", "--engine", "serial", "--out", "out"]


@pytest.fixture
def mover(tmp_path, monkeypatch):
    """Check again, after a change of the folder's files, as a new process would."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "my_mover.py").write_text(MOVING)
    (tmp_path / "my_numbers.py").write_text("S = 0.5\n")

    def again(*words, **texts):
        for module, text in texts.items():
            (tmp_path / f"{module}.py").write_text(text)
        for module in ("my_mover", "my_numbers"):
            sys.modules.pop(module, None)
        return main([*MOVER, *words])

    yield again
    for module in ("my_mover", "my_numbers"):
        sys.modules.pop(module, None)


def played(name="my_mover.Mover__t4-cascade__000.json"):
    """The s of the last recommendation in a cell's record."""
    return json.loads(Path("out", "cells", name).read_text())["trace"]["cascade"][-1]


@pytest.mark.parametrize(
    "change",
    [
        {"my_numbers": "S = 0.25\n"},
        {"my_mover": MOVING.replace("(1, S)", "(1, 0.25)")},
        pytest.param(
            {"my_mover": MOVING.replace("import S", "import S as T\n\nS = T / 2")},
            marks=pytest.mark.slow,
        ),
    ],
    ids=["beside it", "itself", "both"],
)
def test_an_agent_whose_source_changed_runs_again(mover, change, capsys):
    assert mover() == 0
    assert played() == 0.5
    ours = Path("out", "cells", "ucb__t4-cascade__000.json").read_bytes()
    capsys.readouterr()
    assert mover() == 0  # nothing has changed
    error = capsys.readouterr().err
    assert "4 of 4 cells were finished before and are kept" in error
    assert "has changed" not in error
    assert mover(**change) == 0
    error = capsys.readouterr().err
    assert "the source of my_mover:Mover has changed: its cells are run again" in error
    assert "2 of 4 cells were finished before" in error
    assert played() == 0.25
    assert Path("out", "cells", "ucb__t4-cascade__000.json").read_bytes() == ours


def test_an_agent_that_was_mended_is_tried_again(mover, capsys):
    broken = MOVING.replace("return Commitment(1, S)\n\n    def rec", "return 1 / 0\n\n    def rec")
    assert mover(my_mover=broken) == 1
    assert "2 cells failed" in capsys.readouterr().out
    assert mover(my_mover=MOVING) == 0


def test_the_source_of_an_agent_is_its_module_s_and_of_what_lies_beside_it(own, monkeypatch):
    package = own / "my_package"
    (package / "inner").mkdir(parents=True)
    files = {
        "my_package/__init__.py": "from numpy import pi\n",
        "my_package/agent.py": "from . import near\nfrom .inner import far\nimport my_own\n",
        "my_package/near.py": "",
        "my_package/inner/__init__.py": "",
        "my_package/inner/far.py": "from ..near import what\n",
        "my_own.py": "def broken(:\n",  # will say so when it is imported
    }
    unread = {"my_package/other.py": "", "unread.py": ""}
    for name, text in (files | unread).items():
        (own / name).write_text(text)
    first = source("my_package.agent:Agent")
    assert first == source("my_package.agent:Other")
    for name in unread:
        (own / name).write_text("changed = 1\n")
    assert source("my_package.agent:Agent") == first
    seen = {first}
    for name, text in files.items():
        (own / name).write_text(f"{text}# changed\n")
        seen.add(source("my_package.agent:Agent"))
    assert len(seen) == 1 + len(files)
    assert source("ucb") is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("my_agents:Missing", "no attribute 'Missing'"),
        ("missing_module:Agent", "No module named 'missing_module'"),
        ("my_agents:number", "expected a class or function"),
    ],
)
def test_an_agent_that_is_not_there_is_named_before_anything_runs(own, capsys, name, words):
    assert main(["check", "--learners", name, "--out", "out"]) == 2
    assert words in capsys.readouterr().err
    assert not (own / "out").exists()


def test_a_file_s_name_for_a_module_s_is_mended(own, capsys):
    assert main(["check", "--learners", "my_agents.py:Agent", "--out", "out"]) == 2
    assert "got 'my_agents.py:Agent', perhaps my_agents:Agent: No module" in capsys.readouterr().err


def test_what_an_agent_raises_is_told_with_its_line(own, capsys):
    (own / "my_bug.py").write_text(
        "from routing_game.theory import Commitment\n\n\nclass Agent:\n"
        "    def act(self): return Commitment(1, 0.5)\n"
        "    def recommend(self): return self.act()\n"
        "    def update(self, commitment, task):\n        self.last = task.price\n"
    )
    words = ["--games", "t4-reason", "--seeds", "1", "--tasks", "40", "--engine", "serial"]
    assert main(["check", "--learners", "my_bug:Agent", *words, "--out", "out"]) == 1
    told = "'Task' object has no attribute 'price' (my_bug.py, line 8, in update)"
    assert told in capsys.readouterr().err
    assert "(my_bug.py, line 8, in update)" in (own / "out/report.html").read_text()


def test_a_run_without_controls_has_no_table_of_them(own, capsys):
    words = ["--games", "t4-reason", "--seeds", "1", "--tasks", "40", "--engine", "serial"]
    assert main(["check", "--learners", "ucb", *words, "--out", "out"]) == 0
    page = (own / "out/report.html").read_text()
    assert "The same of the controls" not in page
    assert "1 routing game, 1 learner, 1 of 1 cell (" in page


def test_what_is_no_agent_is_a_failed_cell(own, capsys):
    words = [
        "--games",
        "t4-reason",
        "--seeds",
        "1",
        "--tasks",
        "40",
        "--workers",
        "1",
        "--out",
        "out",
    ]
    assert main(["check", "--learners", "my_agents:nobody", *words]) == 1
    said = "made by nobody must have the methods act(), update(commitment, task) and recommend()"
    told = capsys.readouterr().err
    assert f"{said}, got " in told
    assert "; it lacks act(), update() and recommend() and has" in told


@pytest.mark.parametrize("width", [40, 80, 120])
def test_what_has_a_name_fits_a_terminal_with_all_its_words(width):
    """Long words aside; what goes on below a line stands beneath its words."""
    for line in tables.catalog_lines():
        folded = tables.fitted(line, width).split("\n")
        assert " ".join(folded).split() == line.split()
        assert all(len(part) <= width or len(part.split()) <= 2 for part in folded)
        assert all(part.startswith("    ") for part in folded[1:])


@pytest.mark.parametrize(
    ("word", "meant"),
    [("my_agents:Greddy", "my_agents:Greedy"), ("my_agent:Greedy", "my_agents:Greedy")],
)
def test_an_agent_of_one_s_own_that_is_misspelt_is_found(word, meant, here, capsys):
    (here / "my_agents.py").write_text("class Greedy: pass\nclass _Inner: pass\n")
    assert main(["check", "--learners", word]) == 2
    assert f"got '{word}', perhaps {meant}: " in capsys.readouterr().err


def test_an_agent_that_ends_its_process_does_not_end_the_command(here, capsys):
    """Neither where it is played in the command's own, nor as its module is imported there."""
    (here / "leaver.py").write_text("import os\ndef Leaver(): os._exit(3)\n")
    (here / "gone.py").write_text("from os import _exit\n_exit(0)\n")
    words = ["--games", "t5-stay", "--seeds", "1", "--tasks", "10", "--engine", "serial"]
    leave = os._exit
    assert main(["check", "--learners", "leaver:Leaver,random", *words, "--out", "out"]) == 1
    assert "failed: leaver:Leaver on t5-stay, seed 0: SystemExit: os._exit(3)" in (
        capsys.readouterr().err
    )
    assert main(["check", "--learners", "gone:Agent", *words, "--out", "other"]) == 2
    told = capsys.readouterr().err
    assert "got 'gone:Agent', which cannot be imported: SystemExit: os._exit(0)" in told
    assert os._exit is leave


def test_whose_process_it_is_not_or_who_ends_it_later_is_not_held(monkeypatch):
    """A forked one ends; so does this one by what was taken by name while it was held back."""
    ended = []
    monkeypatch.setattr(os, "_exit", ended.append)
    with staying():
        held = os._exit
        with pytest.raises(SystemExit, match=r"os\._exit\(4\)"):
            held(4)
        with monkeypatch.context() as forked:
            forked.setattr(os, "getpid", lambda: 1)
            held(5)
    held(6)
    assert ended == [5, 6]


def test_pictures_of_a_game_with_other_numbers_have_names_of_their_own(tmp_path, capsys):
    seen = set()
    for words in (
        ["--game", "t4-cascade"],
        ["--game", "t4-cascade", "--value", "1.1"],
        ["--game", "t4-cascade", "--value", "1.10000001"],
        ["--game", "t4-cascade", "--value", "1.1", "--cost", "0.1", "0.6"],
        ["--game", "t4-cascade", "--value", "1.1", "--cost", "0.1", "0.61"],
        GAME,
        [*GAME, "--penalty", "2"],
    ):
        assert main(["figures", *words, "--only", "3", "--out", str(tmp_path)]) == 0
        (picture,) = re.findall(r"\S+\.png", capsys.readouterr().out)
        assert Path(picture).exists()
        seen.add(Path(picture).name)
    assert len(seen) == 7
    assert "figure-3-around-t4-cascade-value-1.1-cost-0.1-0.6.png" in seen
    assert all(re.fullmatch(r"[\w.-]{1,120}", name) for name in seen)
