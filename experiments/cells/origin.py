"""What a result depends on: the code, its commit, and the versions of the packages beneath it."""

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
FOLDERS = ("theory", "envs", "agents", "experiments")


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


@cache
def code() -> str:
    """Twelve hexadecimal digits of all that results depend on: our sources and others' versions."""
    digest = hashlib.sha256(json.dumps(versions()).encode())
    for folder in FOLDERS:
        for file in sources(resources.files(f"routing_game.{folder}")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


@cache
def commit() -> str | None:
    """The git commit of this code, marked `-dirty` when it was changed since; None outside a repository."""
    here = Path(__file__).resolve()

    def git(*words: str) -> str | None:
        try:
            done = subprocess.run(["git", "-C", here.parent, *words], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return None
        return done.stdout.strip()

    tracked = git("ls-files", "--error-unmatch", here.name) is not None
    return git("describe", "--always", "--dirty", "--exclude=*", "--abbrev=12") if tracked else None
