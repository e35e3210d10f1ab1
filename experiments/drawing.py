"""Pictures are drawn under our settings alone: none of the reader's reaches into the work.

A reader's `matplotlibrc` may ask for LaTeX, for fonts or sizes; `MPLBACKEND` may name a module that
is not there.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from routing_game.experiments import InputError, in_a_line


@contextmanager
def settings(ours: Any) -> Iterator[None]:
    """Meanwhile matplotlib is as it came, but for these settings, where things are drawn or saved.

    Its backend stays as it is: figures that nobody shows ask for none.
    """
    import matplotlib as mpl

    with mpl.rc_context(), warnings.catch_warnings():
        # a name in a script that the font lacks is shown as boxes: words on the page have it, too
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        mpl.rcdefaults()
        mpl.rcParams.update(ours)
        yield


def literal(name: str, most: int | None = None) -> str:
    """A name as matplotlib writes it.

    What stands between dollars would be a formula, and what begins with an underscore in no legend.

    Args:
        name: any text.
        most: letters for which there is room; of a longer name a third at either end is kept.
    """
    if most is not None and len(name) > most:
        third = most // 3
        name = f"{name[:third]}\N{HORIZONTAL ELLIPSIS}{name[-third:]}"
    return (" " if name.startswith("_") else "") + name.replace("$", r"\$")


def can_draw() -> None:
    """Raise InputError unless matplotlib can be imported, here and now: early, not after the work.

    Its settings are read as it is imported, and a broken file of them is an error of any kind.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except Exception as error:
        problem = f"expected a matplotlib that can be imported, got {in_a_line(error)}"
        cure = "mend its settings (matplotlibrc, MPLBACKEND), or install it again"
        raise InputError(f"{problem}; {cure}") from None
