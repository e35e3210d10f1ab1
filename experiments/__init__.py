"""Where everything meets: which learners play which games, what came of it, how it is shown."""

from routing_game.files import printable


class InputError(Exception):
    """Something the user has to decide, in one line: what was expected, what came, what to do."""


def in_a_line(problem: BaseException) -> str:
    """An exception, anybody's, in one line: its class, what it says, if that can be had, its notes.

    What a terminal or a page cannot show is escaped.
    """
    try:
        words = " ".join(str(problem).split())
    except Exception:  # of a class whose own words fail
        words = "(it cannot be printed)"
    words = " ".join([words, *map(str, getattr(problem, "__notes__", ()))])
    return printable(f"{type(problem).__name__}: {words}")
