"""The README's examples and the docstrings' run as they are printed."""

from __future__ import annotations

import doctest
import importlib
import json
import re
import runpy
import tomllib
from pathlib import Path

import matplotlib
import pytest
import torch
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

from routing_game.experiments.cli import main
from routing_game.experiments.commands.parser import COMMANDS
from routing_game.theory import outcome, simultaneous, solve

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
FOLDERS = ("theory", "envs", "agents", "experiments")
MODULES = [
    ".".join(("routing_game", *path.relative_to(ROOT).with_suffix("").parts))
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("[a-z]*.py"))
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_of_a_page_run(page: Path) -> None:
    threads = torch.get_num_threads()
    sybil = Sybil(parsers=[PythonCodeBlockParser()], path=str(page.parent), pattern=page.name)
    for example in sybil.parse(page).examples():
        example.evaluate()
    torch.set_num_threads(threads)


def test_what_the_readme_says_of_your_own_training_can_be_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its first example, shorter: watched by a Monitor, drawn, kept, and met by every user."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("## Train your own")[1]
    example = section.split("```python")[1].split("```")[0]
    said = " ".join(section.split("```")[2].split())
    (place,) = set(re.findall(r"`from (\S+) import Monitor`", said))
    wrapped = 'Monitor(env, "monitor.csv")'
    assert wrapped in said
    assert 'save_policy(provider, "mine")' in said
    monkeypatch.chdir(tmp_path)
    example = example.replace("provider = PPO", f"env = {wrapped}\nprovider = PPO")
    example = f"from {place} import Monitor\n" + example.replace("3_000", "512")
    threads = torch.get_num_threads()
    kept = 'from routing_game.agents import save_policy\nsave_policy(provider, "mine")\n'
    exec(f"{example}env.close()\n{kept}", {})
    torch.set_num_threads(threads)
    capsys.readouterr()
    for words in (
        "figures --monitor monitor.csv --game t5-stay",
        "tournament t5-stay --provider mine",
    ):
        assert f"routing-game {words}" in said
        assert main(words.split()) == 0
    told = capsys.readouterr().out
    assert "equilibrium, J* = 0.4" in told
    assert any(line.startswith("mine ") for line in told.splitlines())


def test_the_readme_has_its_example() -> None:
    blocks = (ROOT / "README.md").read_text(encoding="utf-8").split("```python")[1:]
    assert blocks
    assert len([line for line in blocks[0].split("```")[0].splitlines() if line]) == 8


def test_the_readme_s_answer_says_what_theory_and_the_measured_pages_say() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    answer = " ".join(text.split("## Two commands")[0].split())
    best = solve("t4-cascade")
    assert best.rule == "s0"
    fallen = outcome("t4-cascade", 1, 0.999 * best.cascade[0]).cost
    assert f"costs {100 * (fallen / best.cost - 1):.0f} % of the optimal cost" in answer
    (hidden,) = simultaneous("t4-cascade").outcomes
    both = f"a cost of {hidden.cost:.2g} instead of {best.cost:.2g}"
    assert both.replace("0.", ".") in answer
    file = json.loads((ROOT / "docs/results/learners.json").read_text(encoding="utf-8"))
    values = file["values"]
    raced, plain, games = (
        values["ppo"]["all"][0],
        values["ppo-plain"]["all"][0],
        values["fresh games"],
    )
    assert f"within 2 % of the optimum on {raced:.0f} % of {games} games" in answer
    assert f"plain PPO does on {plain:.0f} %" in answer


def test_the_readme_says_every_word_s_meaning_and_every_command() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = text.split("## Words")[1].split("## ")[0]
    for word in ("regret", "route i", "cascade s", "commitment", "`t4-`", "cell", "milk", "s_L"):
        assert word in rows
    assert {*COMMANDS} - {"report"} <= {*re.findall(r"routing-game (\w+)", text)}
    assert {*EXTRAS} <= {*re.findall(r"`(\w+)`", text)}


EXAMPLES = {  # script -> what it says, by theory
    "ask_the_user": "failure\ns = 0.3: the user stays until solved",
    "draw_the_cliff": "left of s = 0.2105 the cost is 1.20, at it 0.58",
    "from_a_log_to_a_decision": "s = 0.2685; J = 0.0466, at worst 0.0516",
    "hide_the_cascade": "29% more, paid for not being believed",
    "hold_a_tournament": "equilibrium            J = 0.582 against exact",
    "play_your_own_agent": "chose route 1, s = 0.3: 3.5% above J*",
    "solve_a_game": "Equilibrium(s0: route=1, s=0.2105, q=0, J*=0.5824)",
    "step_a_thousand_games": "least regret 0.0",
    "step_an_environment": "(1, 0.1): the user leaves",
    "sweep_a_number": "s0: P from 0.7 to 3.0",
    "train_a_provider": "regret 0.0000",
}


def test_every_example_is_run() -> None:
    assert {path.stem for path in (ROOT / "examples").glob("*.py")} == {*EXAMPLES}
    assert "eleven short scripts" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(EXAMPLES) == 11


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_says_what_theory_says(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    matplotlib.use("agg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [name])
    threads = torch.get_num_threads()
    with matplotlib.rc_context():
        runpy.run_path(str(ROOT / "examples" / f"{name}.py"))
    torch.set_num_threads(threads)
    assert EXAMPLES[name] in capsys.readouterr().out


def test_examples_are_short() -> None:
    for path in (ROOT / "examples").glob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 60, path.name


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name: str) -> None:
    if name.endswith(".compiled"):
        pytest.importorskip("numba", reason="compiled code needs the extra fast")
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_docstring_examples_are_found() -> None:
    assert len(MODULES) > 20
    assert "routing_game.experiments.cells.spec" in MODULES
    finder = doctest.DocTestFinder()
    assert (
        sum(
            len(t.examples)
            for t in finder.find(importlib.import_module("routing_game.theory.provider"))
        )
        >= 2
    )
