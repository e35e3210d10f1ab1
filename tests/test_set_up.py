"""What a clone is before anything is installed, and which command installs what."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
CODE = """
import gymnasium as gym, routing_game
from routing_game.theory import GAMES
print(routing_game.solve("t4-cascade").rule, routing_game.__file__)
gym.make("routing_game:RoutingGame/Provider-v0").reset()
"""


@pytest.fixture(params=["routing_game", "clone"])
def clone(request, tmp_path):
    """The folders of a clone, under that name."""
    place = tmp_path / request.param
    (place / "src").mkdir(parents=True)
    shutil.copy(ROOT / "__init__.py", place)
    for name in ("theory", "envs", "agents", "experiments", "src/routing_game"):
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    return place


def test_a_clone_works_from_the_folder_that_holds_it(clone):
    """Also one that is called as the package is, and hides the installed one."""
    words = [sys.executable, "-c", CODE]
    done = subprocess.run(words, cwd=clone.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rule, file = done.stdout.split()
    assert rule == "s0"
    found = Path(file).resolve().is_relative_to(clone.parent.resolve())
    assert found is (clone.name == "routing_game")


def made(target, tmp_path):
    """The commands of a target in a clone that is not set up; none is run."""
    words = ["make", "-n", f"VENV={tmp_path / 'venv'}", target]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(shutil.which("make") is None or os.name == "nt", reason="needs make")
@pytest.mark.parametrize(
    ("target", "installed"), [("run", {"experiments"}), ("test", {"experiments", "dev"})]
)
def test_a_command_installs_what_it_needs_in_wheels_and_says_so(target, installed, tmp_path):
    lines = made(target, tmp_path).splitlines()
    installs = [line for line in lines if "pip install" in line]
    assert all("--only-binary :all:" in line for line in installs)
    assert {line.split(".[")[1].split("]")[0] for line in installs} == installed
    for line in installs:
        assert any("echo" in said for said in lines[: lines.index(line)])


def test_running_needs_no_test_tool_and_nothing_that_is_compiled():
    names = {text.split(">")[0].split("[")[0] for text in EXTRAS["experiments"]}
    assert not names & {"pytest", "hypothesis", "mypy", "ruff", "mpmath", "pygambit"}
    wanted = {"experiments", "fast", "marl", "gambit", "test", "dev"}
    assert {*EXTRAS} == wanted
    for extra in wanted - {"gambit"}:
        assert not any("gambit" in text for text in EXTRAS[extra])
