"""What a result depends on: the code, its commit, and the versions of the packages beneath it."""

import ast
import hashlib
import json
import platform
import subprocess
from collections.abc import Iterator
from functools import cache
from importlib import resources
from importlib.metadata import version
from importlib.resources.abc import Traversable
from pathlib import Path

PACKAGES = ("routing-game", "numpy", "gymnasium", "torch", "stable-baselines3")
FOLDERS = ("theory", "envs", "agents")
"""Packages that every result depends on, as a whole: some of their imports are made by name."""
ROOMS = "routing_game.experiments"


def versions() -> dict[str, str]:
    """What the run was made with."""
    return {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}


def sources(folder: Traversable) -> Iterator[Traversable]:
    """Every Python file in a folder and in those below it, always in the same order."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from sources(entry)
        elif entry.name.endswith(".py"):
            yield entry


def reached(module: str) -> dict[str, str]:
    """Name -> text of a module of experiments and of all there that it imports, directly or not.

    Words and pictures are in modules that those which measure do not import, so they are not among
    these.
    """
    texts: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in texts or (text := _text(name)) is None:
            continue
        texts[name] = text
        waiting += [name.rpartition(".")[0], *_imports(text)]
    return texts


def _text(module: str) -> str | None:
    """The text of a module or package of experiments; None for any other name."""
    if not f"{module}.".startswith(f"{ROOMS}."):
        return None
    inner = module.removeprefix(ROOMS).replace(".", "/")
    for name in (f"{inner}.py", f"{inner}/__init__.py"):
        file = resources.files(ROOMS).joinpath(name.lstrip("/"))
        if file.is_file():
            return file.read_text(encoding="utf-8")
    return None


def _imports(text: str) -> Iterator[str]:
    """Every name that may be a module's in the imports of a text, wherever they are."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def code(module: str) -> str:
    """Twelve hexadecimal digits of all that a result of the module depends on.

    That is: theory, envs and agents; of experiments, what the module imports; and the versions
    beneath.
    """
    asked = [versions(), sorted(reached(module).items())]
    found = hashlib.sha256(json.dumps(asked).encode())
    for folder in FOLDERS:
        for file in sources(resources.files(f"routing_game.{folder}")):
            found.update(file.read_bytes())
    return found.hexdigest()[:12]


@cache
def commit() -> str | None:
    """The git commit of this code, `-dirty` if it was changed since; None outside a repository."""
    here = Path(__file__).resolve()

    def git(*words: str) -> str | None:
        command = ["git", "-C", str(here.parent), *words]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return None
        return done.stdout.strip()

    tracked = git("ls-files", "--error-unmatch", here.name) is not None
    return git("describe", "--always", "--dirty", "--exclude=*", "--abbrev=12") if tracked else None
