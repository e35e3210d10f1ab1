"""The arrows between the parts, and between the rooms of experiments.

Between the parts: experiments -> agents -> theory, experiments -> envs -> the rules in theory.
Between the rooms: from the command line down to the cells; the floors are counted, too.
"""

import ast
import pickle
import re
import subprocess
import sys
import tomllib
from functools import partial
from graphlib import CycleError, TopologicalSorter
from importlib import resources
from itertools import pairwise
from pathlib import Path

import pytest

from routing_game.experiments.cells import origin
from routing_game.experiments.cells.run import recorded
from routing_game.experiments.hidden import suite, suite_judge
from routing_game.experiments.hidden.names import EXPERIMENTS
from routing_game.theory import GAMES

ROOT = Path(__file__).parents[1]
FOLDERS = ("theory", "envs", "agents", "experiments")
FILES = {
    **{f"routing_game.{path.stem}": path for path in (ROOT / "src/routing_game").glob("*.py")},
    **{
        ".".join(("routing_game", *path.relative_to(ROOT).with_suffix("").parts)): path
        for name in FOLDERS
        for path in (ROOT / name).rglob("*.py")
    },
}
MODULES = {name.removesuffix(".__init__"): path for name, path in FILES.items()}

MAY_IMPORT = {  # package -> what it may import of ours: modules, or packages with all their modules
    "theory": ("routing_game.theory.*", "routing_game.files", "routing_game.names"),
    "envs": (
        "routing_game.envs.*",
        "routing_game.box",
        "routing_game.players",
        "routing_game.names",
        # the rules: two models, any number of models, what a draw teaches; games by name
        "routing_game.theory.numbers",
        "routing_game.theory.engines",
        "routing_game.theory.game",
        "routing_game.theory.payoffs",
        "routing_game.theory.chain",
        "routing_game.theory.belief",
        "routing_game.theory.catalog",
    ),
    "agents": (
        "routing_game.agents.*",
        "routing_game.theory.*",
        "routing_game.box",
        "routing_game.players",
        "routing_game.files",
    ),
    "experiments": (
        "routing_game",
        "routing_game.experiments.*",
        "routing_game.agents.*",
        "routing_game.envs.*",
        "routing_game.theory.*",
        "routing_game.files",
        "routing_game.interrupts",
        "routing_game.names",
        "routing_game.players",
    ),
    # what environments decode and agents encode: both may import it
    "box": ("routing_game.theory.game", "routing_game.theory.numbers"),
    # what both ask of players that others wrote
    "players": ("routing_game.theory.numbers",),
    "files": (),
    "names": (),  # what somebody may have meant, asked wherever something has a name
    "command": (),
    "interrupts": ("routing_game.command",),
    # at the front door by name, loaded when asked for
    "__init__": (
        "routing_game",
        "routing_game.command",
        "routing_game.interrupts",
        "routing_game.theory",
        "routing_game.envs",
        "routing_game.agents",
        "routing_game.experiments",
        "routing_game.box",
    ),
    "__main__": ("routing_game", "routing_game.experiments.*"),
}
OURS = "routing_game.experiments."
ROOMS = {  # room of experiments, or file beside the rooms -> what else of experiments it may import
    "cells": (),
    "play": (),
    "measures": (),
    "intervals": (),
    "drawing": (),
    "pages": ("cells.origin", "drawing"),
    "card": ("pages.words",),  # numbers are written as everywhere
    "check": (
        "card",
        "drawing",
        "pages",
        "play",
        "measures",
        "intervals",
        "cells",
    ),  # a report shows each game's card
    "hidden": ("drawing", "pages", "play", "measures", "intervals", "cells"),
    "paper": ("drawing",),
    "around": ("card", "drawing", "pages.words", "paper"),  # the paper's, around a game
    "compare": ("check", "cells", "intervals", "pages"),
    "sweep": ("check", "cells"),
    "curve": ("drawing", "intervals", "paper"),
    "tables": ("around", "check", "hidden", "pages", "paper"),  # what has a name anywhere
    "commands": (
        "around",
        "check",
        "compare",
        "sweep",
        "curve",
        "hidden",
        "paper",
        "card",
        "tables",
        "cells",
        "pages",
    ),  # hands one's results to another
    "cli": ("cells", "commands", "drawing"),
}
SHOW = (
    *(
        f"check.{name}"
        for name in (
            "cost_curve",
            "looks",
            "overview",
            "predicting",
            "report",
            "sentences",
            "shades",
            "terminal",
        )
    ),
    *(f"check.{name}_figure" for name in ("game", "learner", "sample", "user")),
    *("hidden.questions", "hidden.wording"),
    *("around.figures", "around.words"),
    *("commands.checks", "commands.figures", "commands.games"),
)
"""Files of rooms that show what others measure, besides every `*_page`."""
FLOORS = {"routing_game.experiments": 9, "routing_game.theory": 6}
"""Package -> how many files the longest chain of its imports may have.

Its own `__init__`, the door, is not counted.
"""
BY_NAME = {
    "routing_game.experiments.hidden.questions": {
        f"routing_game.experiments.hidden.{name}{half}"
        for name in EXPERIMENTS
        for half in ("", "_page")
    }
}
"""Module -> those that it imports by a name that is made when it runs."""
JUDGE = "routing_game.envs.judge"
"""The one room of envs that may know the solution: it judges what is played, and plays nothing."""

HEAVY = ("torch", "stable_baselines3", "numba")


def nodes(tree, typing):
    """All nodes of a tree; without ``typing`` none below `if TYPE_CHECKING`, which never run."""
    yield tree
    skipped = not typing and isinstance(tree, ast.If) and ast.unparse(tree.test) == "TYPE_CHECKING"
    for child in tree.orelse if skipped else ast.iter_child_nodes(tree):
        yield from nodes(child, typing)


def imports(module, typing=True):
    """Every module that a module names in an import, wherever in its text, in full."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in nodes(ast.parse(path.read_text()), typing):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = (
                package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            )
            source = ".".join([*parents, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                yield inner if inner in MODULES else source


def ours(module, typing=True):
    named = {name for name in imports(module, typing) if name.split(".")[0] == "routing_game"}
    return named | BY_NAME.get(module, set())


def package_of(module):
    return module.split(".")[1] if "." in module else "__init__"


def allowed(name, rules):
    return any(
        name == rule or (rule.endswith(".*") and f"{name}.".startswith(rule[:-1])) for rule in rules
    )


def test_the_whole_project_is_read():
    assert {package_of(module) for module in MODULES} == set(MAY_IMPORT)
    assert len(MODULES) > 10


@pytest.mark.parametrize("module", MODULES)
def test_arrows_point_one_way(module):
    rules = MAY_IMPORT[package_of(module)] + (("routing_game.theory.*",) if module == JUDGE else ())
    assert {name for name in ours(module) if not allowed(name, rules)} == set()


@pytest.mark.parametrize("module", [m for m in MODULES if package_of(m) == "theory"])
def test_theory_needs_numpy_only(module):
    """Besides what its engines may use, and what every file is read through."""
    others = {name.split(".")[0] for name in imports(module)} - set(sys.stdlib_module_names)
    more = {"routing_game.theory.engines": {"numba"}, "routing_game.theory.exchange": {"msgspec"}}
    assert others <= {"numpy", "routing_game"} | more.get(module, set())


def test_certify_does_not_know_what_it_judges():
    reached, waiting = set(), ["routing_game.theory.certify"]
    while waiting:
        module = waiting.pop()
        reached.add(module)
        waiting += ours(module) - reached
    assert not reached & {
        "routing_game.theory",
        "routing_game.theory.user",
        "routing_game.theory.provider",
    }


def inside(package):
    """Module of a package -> those of the same package that it imports, now or later."""
    mine = {module for module in MODULES if f"{module}.".startswith(f"{package}.")}
    return {module: ours(module, typing=False) & mine - {module} for module in mine}


def longest_chain(package):
    """The modules of a longest path of imports, lowest first, but for the package's `__init__`."""
    arrows = {
        module: below - {package} for module, below in inside(package).items() if module != package
    }
    chains = {}
    for module in TopologicalSorter(arrows).static_order():
        below = max((chains[name] for name in arrows[module]), key=len, default=())
        chains[module] = (*below, module)
    return max(chains.values(), key=len)


@pytest.mark.parametrize("package", FOLDERS)
def test_no_module_imports_itself_by_way_of_others(package):
    TopologicalSorter(
        inside(f"routing_game.{package}")
    ).prepare()  # CycleError, with the cycle, if there is one


@pytest.mark.parametrize("package", FLOORS)
def test_no_chain_of_imports_is_long(package):
    chain = longest_chain(package)
    assert len(chain) <= FLOORS[package], " <- ".join(chain)


def test_a_longest_chain_is_one():
    """Each imports the one below, what nobody imports is on top; and a cycle would be found."""
    chain = longest_chain("routing_game.experiments")
    assert all(lower in ours(upper) for lower, upper in pairwise(chain))
    below = set().union(*inside("routing_game.experiments").values())
    assert chain[-1] not in below
    assert "routing_game.experiments.cli" not in below
    with pytest.raises(CycleError):
        TopologicalSorter({"a": {"b"}, "b": {"a"}}).prepare()


def within(module):
    """What a module of experiments imports of experiments, by names there; "" is InputError's."""
    names = {f"{name}." for name in ours(OURS + module)}
    return {name.removeprefix(OURS).removesuffix(".") for name in names if name.startswith(OURS)}


def shows(module):
    return module.endswith("_page") or module in SHOW or module.split(".")[0] == "pages"


ROOMED = [name.removeprefix(OURS) for name in MODULES if name.startswith(OURS)]


def test_every_room_is_known():
    assert {module.split(".")[0] for module in ROOMED} == set(ROOMS)


@pytest.mark.parametrize("module", ROOMED)
def test_rooms_know_only_what_is_below_them(module):
    room = module.split(".")[0]
    rules = ["", room, f"{room}.*", *(rule for name in ROOMS[room] for rule in (name, f"{name}.*"))]
    assert {name for name in within(module) if not allowed(name, rules)} == set()


def test_what_measures_knows_no_page():
    """So that another caption makes no cell run again."""
    measures = [module for module in ROOMED if "." in module and not shows(module)]
    assert len(measures) > 15
    assert {module for module in measures if any(map(shows, within(module)))} == set()


def below(module):
    """A module of experiments, all there that it imports, directly or not, and their packages."""
    reached, waiting = set(), [module]
    while waiting:
        name = waiting.pop()
        if f"{name}.".startswith(OURS) and name not in reached:
            reached.add(name)
            waiting += [name.rpartition(".")[0], *ours(name)]
    return reached


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_what_decides_whether_a_cell_is_kept_is_all_that_its_question_reaches(name):
    """All of theory, envs and agents; of experiments every file that the measuring half imports."""
    module = f"{OURS}hidden.{name}"
    texts = {name: MODULES[name].read_text(encoding="utf-8") for name in below(module)}
    assert origin.reached(module) == texts
    assert {f"{OURS}hidden.settings", f"{OURS}cells.store", f"{OURS}hidden", OURS[:-1]} <= set(
        texts
    )
    files = {path for folder in origin.FOLDERS for path in (ROOT / folder).rglob("*.py")}
    packages = [resources.files(f"routing_game.{folder}") for folder in origin.FOLDERS]
    assert {Path(str(file)) for package in packages for file in origin.sources(package)} == files
    assert not any(shows(name.removeprefix(OURS)) for name in texts)


def test_packages_are_the_folders():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {
        p.parent.relative_to(ROOT).as_posix()
        for n in FOLDERS
        for p in (ROOT / n).rglob("__init__.py")
    }
    expected = {"routing_game": "src/routing_game"}
    expected |= {f"routing_game.{folder.replace('/', '.')}": folder for folder in folders}
    assert set(settings["packages"]) == set(expected)
    assert settings["package-dir"] == expected


def python(*arguments):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)


@pytest.mark.parametrize(
    "module", ["routing_game", "routing_game.theory", "routing_game.envs", "routing_game.agents"]
)
def test_import_is_light(module):
    code = f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])"
    assert python("-c", code).stdout.strip() == "[]"


def test_help_is_light():
    report = python("-X", "importtime", "-m", "routing_game", "--help").stderr
    loaded = {line.rpartition("|")[2].strip() for line in report.splitlines()}
    assert "routing_game" in loaded
    assert not loaded & set(HEAVY)


def work_of_the_hidden_suite():
    """What a worker is handed: a cell of every rule and its exact program, jobs with arguments."""
    spec = suite.make_spec("smoke", {"t4-cascade": GAMES["t4-cascade"]}, sessions=5)
    yield from (
        (partial(recorded, suite.HIDDEN, spec, code=None), [cell])
        for cell in spec.cells()
        if cell.game.endswith("even_stay_5")
    )
    asked = suite_judge.questions(spec, suite.RULES)
    yield from ((partial(suite_judge._answer, asked), question) for question in [*asked][::3])


def test_a_worker_of_the_hidden_suite_has_no_tables_pictures_or_torch():
    """In a fresh interpreter, where nothing is imported but by what it unpickles."""
    work = [*work_of_the_hidden_suite()]
    assert len(work) > 2 * len(suite.RULES)
    code = "import pickle, sys\n"
    code += "for job, thing in pickle.load(sys.stdin.buffer):\n"
    code += "    for done in job(thing):\n"
    code += "        assert getattr(done, 'error', None) is None\n"
    code += f"print({{*{('matplotlib', 'polars', *HEAVY)}}} & {{*sys.modules}})"
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, input=pickle.dumps(work), capture_output=True)
    assert done.stdout.decode().strip() == "set()", done.stderr.decode()


def test_the_map_of_the_rooms_names_what_is_there():
    """Files that CONTRIBUTING names with their folder; X stands for a question."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    words = set(re.findall(r"`((?:experiments|tests|theory)/[\w/.]+)`", text))
    assert {
        f"experiments/{room}/" for room in ("cells", "pages", "check", "hidden", "paper")
    } <= words
    assert {word for word in words if not (ROOT / word.replace("/X", "/trap")).exists()} == set()
