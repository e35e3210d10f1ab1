"""The arrows between the parts: experiments -> agents -> theory, experiments -> envs -> the rules in theory."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("theory", "envs", "agents", "experiments")
FILES = {
    **{f"routing_game.{path.stem}": path for path in (ROOT / "src/routing_game").glob("*.py")},
    **{f"routing_game.{name}.{path.stem}": path for name in FOLDERS for path in (ROOT / name).glob("*.py")},
}
MODULES = {name.removesuffix(".__init__"): path for name, path in FILES.items()}

MAY_IMPORT = {  # package -> what it may import of ours: modules, or packages with all their modules
    "theory": ("routing_game.theory.*",),
    "envs": ("routing_game.envs.*", "routing_game.box",
             # the rules: two models, any number of models, what a draw teaches; games by name
             "routing_game.theory.numbers", "routing_game.theory.game", "routing_game.theory.payoffs",
             "routing_game.theory.chain", "routing_game.theory.belief", "routing_game.theory.catalog"),
    "agents": ("routing_game.agents.*", "routing_game.theory.*", "routing_game.box", "routing_game.files"),
    "experiments": ("routing_game", "routing_game.experiments.*", "routing_game.agents.*", "routing_game.envs.*",
                    "routing_game.theory.*", "routing_game.files"),
    "box": ("routing_game.theory.game",),  # what environments decode and agents encode: both may import it
    "files": (),
    "__init__": (),
    "__main__": ("routing_game", "routing_game.experiments.*"),
}  # fmt: skip
JUDGE = "routing_game.envs.judge"
"""The one room of envs that may know the solution: it judges what is played, and plays nothing."""

HEAVY = ("torch", "stable_baselines3")


def imports(module):
    """Every module that a module names in an import, wherever in its text, in full."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            source = ".".join([*parents, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                yield inner if inner in MODULES else source


def ours(module):
    return {name for name in imports(module) if name.split(".")[0] == "routing_game"}


def package_of(module):
    return module.split(".")[1] if "." in module else "__init__"


def allowed(name, rules):
    return any(name == rule or (rule.endswith(".*") and f"{name}.".startswith(rule[:-1])) for rule in rules)


def test_the_whole_project_is_read():
    assert {package_of(module) for module in MODULES} == set(MAY_IMPORT)
    assert len(MODULES) > 10


@pytest.mark.parametrize("module", MODULES)
def test_arrows_point_one_way(module):
    rules = MAY_IMPORT[package_of(module)] + (("routing_game.theory.*",) if module == JUDGE else ())
    assert {name for name in ours(module) if not allowed(name, rules)} == set()


@pytest.mark.parametrize("module", [m for m in MODULES if package_of(m) == "theory"])
def test_theory_needs_numpy_only(module):
    others = {name.split(".")[0] for name in imports(module)} - set(sys.stdlib_module_names)
    assert others <= {"numpy", "routing_game"}


def test_certify_does_not_know_what_it_judges():
    reached, waiting = set(), ["routing_game.theory.certify"]
    while waiting:
        module = waiting.pop()
        reached.add(module)
        waiting += ours(module) - reached
    assert not reached & {"routing_game.theory", "routing_game.theory.user", "routing_game.theory.provider"}


def test_packages_are_the_folders():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {p.parent.relative_to(ROOT).as_posix() for n in FOLDERS for p in (ROOT / n).rglob("__init__.py")}
    expected = {"routing_game": "src/routing_game"}
    expected |= {f"routing_game.{folder.replace('/', '.')}": folder for folder in folders}
    assert set(settings["packages"]) == set(expected)
    assert settings["package-dir"] == expected


def python(*arguments):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)


@pytest.mark.parametrize("module", ["routing_game", "routing_game.theory", "routing_game.envs", "routing_game.agents"])
def test_import_is_light(module):
    code = f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])"
    assert python("-c", code).stdout.strip() == "[]"


def test_help_is_light():
    report = python("-X", "importtime", "-m", "routing_game", "--help").stderr
    loaded = {line.rpartition("|")[2].strip() for line in report.splitlines()}
    assert "routing_game" in loaded
    assert not loaded & set(HEAVY)
