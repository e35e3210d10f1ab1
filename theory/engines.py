"""Which of two implementations answers: numpy's, or the same arithmetic compiled by numba.

Numba is an optional extra, ``fast``, and nothing depends on it: where
it is installed, large arrays take it, and the answers are the same to the bit. Importing numba
takes some tenths of a second and the first answer of a process about one (several without numba's
cache on disk), so nothing small ever loads it.

The compiled functions are in `theory.compiled` and in `envs.compiled_user`, `compiled_tasks` and
`compiled_sessions`, which import numba and are themselves imported when first needed.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np

from routing_game.theory.numbers import Array

EngineName = Literal["auto", "numpy", "compiled"]
"""Who computes: "numpy"; "compiled", an error where numba is missing; "auto", as seems best."""

LEAST_GAMES = 10_000
"""Games in an array from which on "auto" takes the compiled functions."""

LEAST_ENVS = 64
"""Environments in a batch from which on it does."""


def check_engine(engine: Any) -> None:
    """Raise unless this names an engine that is there.

    Raises:
        ValueError: it is none of `EngineName`.
        ImportError: "compiled" was asked for, and numba is not installed, or not for this numpy.
    """
    if engine not in get_args(EngineName):
        raise ValueError(f"engine must be one of {get_args(EngineName)}, got {engine!r}")
    if engine == "compiled" and not installed():
        raise ImportError(
            'engine="compiled" needs numba: pip install numba, or take engine="auto" or "numpy"'
        )


def takes_compiled(engine: EngineName, large: Any, supported: Any = True) -> bool:
    """Whether the compiled functions answer.

    Args:
        engine: as asked for; raises as `check_engine` does.
        large: whether there is enough to do for "auto" to load numba.
        supported: whether they know the setting; numpy answers where they do not.
    """
    check_engine(engine)
    if engine == "numpy" or not supported:
        return False
    return engine == "compiled" or bool(large and installed())


@functools.cache
def installed() -> bool:
    """Whether numba is there, and can be imported.

    It refuses versions of numpy that it does not know and settings of its own, and where there is
    little memory its library does not load: errors of several kinds. Imports it.
    """
    if importlib.util.find_spec("numba") is None:
        return False
    try:
        importlib.import_module("numba")
    except Exception:
        return False
    return True


def jit(function: Callable[..., Any]) -> Any:
    """The function compiled when first called; kept on disk, where there is a place for it.

    No fast mathematics: sums, products, quotients and roots round as numpy's do. Quotients by zero
    are inf or nan, as numpy's are, which also spares a test that would keep loops from running on
    vectors.

    A loop runs on vectors only if the compiler can tell that its arrays do not overlap, and it
    gives up beyond eight tests for that, silently, at a tenth of the speed. So a loop should have
    few arrays, and hand what others need over in a byte for each element. `benchmarks/` would
    notice.
    """
    import numba

    try:
        return numba.njit(cache=True, error_model="numpy")(function)
    except RuntimeError:  # a folder that cannot be written, and no home
        return numba.njit(error_model="numpy")(function)


def flat(x: Any, shape: tuple[int, ...]) -> Array:
    """One number, or one for each game, in one dimension, contiguous and read-only.

    All alike in that, so that one version of a function serves for every array of games.
    """
    x = np.asarray(x, dtype=np.float64)
    if x.size != 1 and x.shape != shape:
        x = np.broadcast_to(x, shape)
    flat: Array = np.ascontiguousarray(x).reshape(-1)  # an array of its own, if not its memory
    flat.setflags(write=False)
    return flat
