"""Agents of one's own in a check: `routing-game check --learners mymodule:MyAgent`.

The name is that of a module, one that Python can import or a file in the current folder, and of a
class or function in it. It is called, for each cell, with those of these keyword arguments that it
names:

    rng     a numpy Generator of the cell's own
    game    the `Game`, for agents that may know it
    tasks   how many tasks it will play

and must return a `Provider`. Unless the check is given `--tasks`, it practises as
`learners.OWN_BUDGETS` says, on less than most learners of ours. One that has a method `train`
brings its own loop, as a `Trainable`, and needs but that and `recommend`; all others are told of
each task. It is judged as ours are.

Its cells are kept for the source they were run with: that of its module and of the modules beside
it that this imports, directly or not. Data that it reads, and packages installed elsewhere, are not
looked at.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from routing_game.agents.protocol import Provider
from routing_game.experiments import InputError, in_a_line
from routing_game.interrupts import is_stop, staying
from routing_game.names import alike, hinted, perhaps
from routing_game.players import checked_player

METHODS = ("act", "update(commitment, task)", "recommend")
"""What a provider must have."""
LOOP = ("train", "recommend")
"""What one that brings its own loop must have."""
YIELDS = "must yield, as a generator does, how many tasks it has used so far, each time more"
"""What `Trainable.train` does."""


def written(word: str) -> str:
    """How a word that is no name would be written, if it were meant for an agent of one's own.

    A file of that name in the current folder is looked into, but not run.
    """
    module, _, made = word.removesuffix(".py").rpartition(":")
    here = made if not module and Path(f"{made}.py").is_file() else ""
    if here or (not module and word.endswith(".py")):
        module, made = made, _agent_in(here)
    elif not module:
        module, _, made = made.rpartition(".")
    parts = module.removesuffix(".py").replace("\\", "/").replace("/", ".").split(".")
    place = ".".join(part for part in parts if part.isidentifier())
    return f"{place or 'mine'}:{made if made.isidentifier() else 'Agent'}"


def _agent_in(module: str) -> str:
    """The first class with a method `recommend` in a module of the current folder; "" if none."""
    try:
        tree = ast.parse(Path(f"{module}.py").read_bytes())
    except (OSError, SyntaxError, ValueError):
        return ""
    for made in tree.body:
        if isinstance(made, ast.ClassDef):
            methods = {part.name for part in made.body if isinstance(part, ast.FunctionDef)}
            if "recommend" in methods:
                return made.name
    return ""


def is_own(name: str) -> bool:
    """Whether the name has the form ``module:attribute``."""
    module, colon, attribute = name.partition(":")
    return (
        bool(colon)
        and attribute.isidentifier()
        and all(part.isidentifier() for part in module.split("."))
    )


def find(name: str) -> Callable[..., Any]:
    """What ``module:attribute`` names.

    Raises:
        InputError: there is no such module or attribute, it cannot be called, or the module cannot
            be imported, whatever the reason.
    """
    module, _, attribute = name.partition(":")
    _look_here()
    expected = f"expected a learner's name, or module:Class of one's own, got {name!r}"
    try:
        with staying():
            made = getattr(importlib.import_module(module), attribute)
    except BaseException as error:  # even os._exit() in it is no end of ours
        if is_stop(error):
            raise KeyboardInterrupt from error
        if isinstance(error, ImportError | AttributeError):
            raise InputError(f"{expected}{_meant(name)}: {' '.join(str(error).split())}") from None
        raise InputError(f"{expected}, which cannot be imported: {in_a_line(error)}") from None
    if not callable(made):
        raise InputError(f"expected a class or function in {name!r}, got {made!r}")
    return made


def _meant(name: str) -> str:
    """What a name that cannot be found may be meant for, as the end of a complaint."""
    module, _, attribute = name.partition(":")
    if module.endswith(".py"):
        return f", perhaps {module.removesuffix('.py')}:{attribute}"
    if (found := sys.modules.get(module)) is not None:
        public = [made for made in vars(found) if made[0] != "_" and callable(vars(found)[made])]
        return perhaps(name, [f"{module}:{made}" for made in public])
    files = alike(module, [file.stem for file in Path().glob("*.py")])
    return hinted([f"{file}:{attribute}" for file in files])


@contextmanager
def located(name: str) -> Iterator[None]:
    """Note on what is raised where in the sources of ``module:attribute`` that was."""
    try:
        yield
    except BaseException as problem:
        steps = traceback.extract_tb(problem.__traceback__)
        files = {file.resolve() for file in _files(name.partition(":")[0])}
        mine = [step for step in steps if Path(step.filename).resolve() in files]
        if mine:
            file, line = Path(mine[-1].filename).name, mine[-1].lineno
            problem.add_note(f"({file}, line {line}, in {mine[-1].name})")
        raise


def source(name: str) -> str | None:
    """Twelve hexadecimal digits of the code of ``module:attribute``; None for a learner of ours."""
    if not is_own(name):
        return None
    found = hashlib.sha256()
    for path, content in sorted(_texts(name.partition(":")[0]).items()):
        found.update(f"{path} {len(content)} ".encode() + content)
    return found.hexdigest()[:12]


def _look_here() -> None:
    """Let modules in the current folder be found."""
    try:
        folder = str(Path.cwd())
    except OSError:  # a folder that is gone holds no modules
        return
    if folder not in sys.path:
        sys.path.append(folder)  # at the end: a file here must not hide an installed package


def _texts(module: str) -> dict[str, bytes]:
    """File -> content of a module and of all beside it that it imports, directly or not.

    Files are named from the folder in which the module's package lies. Among installed packages,
    where all the world lies side by side, only the module's own package is followed.
    """
    root = _root(module)
    if root is None:
        return {}
    mine = module.partition(".")[0] if {"site-packages", "dist-packages"} & {*root.parts} else None
    texts: dict[str, bytes] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        file = _file(root, name)
        if file is None or str(file) in texts or mine not in (None, name.partition(".")[0]):
            continue
        content = (root / file).read_bytes()
        texts[str(file)] = content
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        waiting += [name.rpartition(".")[0], *_imports(content, file, package)]
    return texts


def _files(module: str) -> list[Path]:
    """Where the texts of a module and of all beside it that it imports lie."""
    root = _root(module)
    return [] if root is None else [root / file for file in _texts(module)]


def _root(module: str) -> Path | None:
    """The folder in which a module's package lies; None if it is in memory only."""
    _look_here()
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        return None
    above = module.count(".") + (spec.submodule_search_locations is not None)
    return Path(spec.origin).parents[above]


def _file(root: Path, module: str) -> Path | None:
    """Where a module's text lies below the folder; None if it does not."""
    if not module:
        return None
    inner = Path(*module.split("."))
    for file in (inner / "__init__.py", inner.with_suffix(".py")):
        if (root / file).is_file():
            return file
    return None


def _imports(content: bytes, file: Path, package: str) -> Iterator[str]:
    """Every name that may be a module's in the imports of a text, wherever they are."""
    try:
        tree = ast.parse(content, str(file))
    except (SyntaxError, ValueError):  # imported, it will say so itself
        return
    parts = package.split(".")
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = parts[: len(parts) + 1 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def make(made: Callable[..., Any], **offered: Any) -> Provider:
    """The agent, made with those of the arguments that ``made`` names.

    Raises:
        ValueError: it needs others, or what it returns is no provider, which the cell's record then
            says.
    """
    names = inspect.signature(made).parameters
    what = f"an agent made by {getattr(made, '__qualname__', made)}"
    needs = [
        name
        for name, one in names.items()
        if one.default is one.empty
        and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
        and name not in offered
    ]
    if needs:
        rule = f"may ask for {', '.join(offered)} and for nothing else without a default"
        raise ValueError(f"{what} {rule}, got one that asks for {', '.join(needs)}")
    agent = made(**{key: value for key, value in offered.items() if key in names})
    loop = callable(getattr(agent, "train", None))
    provider: Provider = checked_player(what, agent, *(LOOP if loop else METHODS))
    return provider


def looks(steps: Iterable[int], agent: Any) -> Iterator[int]:
    """What `train` of an agent with its own loop yields: the tasks used before each look at it.

    Raises:
        ValueError: it yields nothing, or no whole numbers that grow.
    """
    what = f"train() of {type(agent).__name__} {YIELDS}"
    if not isinstance(steps, Iterable):
        raise ValueError(f"{what}, got {steps!r}")
    before = 0
    for step in steps:
        if not isinstance(step, (int, np.integer)) or step <= before:
            raise ValueError(f"{what}, got {step!r} after {before}")
        before = int(step)
        yield before
    if not before:
        raise ValueError(f"{what}, got nothing")
