"""Agents of one's own in a check: `routing-game check --learners mymodule:MyAgent`.

The name is that of a module, one that Python can import or a file in the current folder, and of a
class or function in it. It is called, for each cell, with those of these keyword arguments that it
names:

    rng     a numpy Generator of the cell's own
    game    the `Game`, for agents that may know it
    tasks   how many tasks it will play

and must return a `Provider`. One that has a method `train` brings its own loop, as a `Trainable`;
all others are told of each task. It is judged as ours are.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from routing_game.agents.protocol import Provider
from routing_game.experiments import InputError


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
        InputError: there is no such module or attribute, or it cannot be called.
    """
    module, _, attribute = name.partition(":")
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.append(folder)  # at the end: a file here must not hide an installed package
    try:
        made = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        expected = f"expected a learner's name, or module:Class of one's own, got {name!r}"
        raise InputError(f"{expected}: {error}") from None
    if not callable(made):
        raise InputError(f"expected a class or function in {name!r}, got {made!r}")
    return made


def make(made: Callable[..., Any], **offered: Any) -> Provider:
    """The agent, made with those of the arguments that ``made`` names.

    Raises:
        TypeError: what it returns is no provider, which the cell's record then says.
    """
    names = inspect.signature(made).parameters
    agent = made(**{key: value for key, value in offered.items() if key in names})
    if not isinstance(agent, Provider):
        must = "must make an agent with act(), update(commitment, task) and recommend()"
        raise TypeError(f"{made.__module__}:{made.__qualname__} {must}, got {agent!r}")
    return agent
