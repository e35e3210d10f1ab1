"""The questions on a hidden cascade, `routing-game belief QUESTION`: how each one is asked.

A question is two modules of this room. `X.py` measures; it has

    PROFILES  profile -> the numbers that it takes (sessions, seeds, ...), which flags may change
    measure   (settings, progress) -> tables, rows of numbers that the page is made from
    check     if it is there: raises InputError for settings that it cannot do; that s matters to
              the game's user is known by then

and `X_page.py` says what came of it: `page`, (settings, what was measured) -> `Page`. The first
does not import the second, so that a changed sentence makes nothing run again.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from routing_game.experiments import InputError

if TYPE_CHECKING:  # the command line imports this, and must answer at once
    from routing_game.experiments.cells.progress import Steps
    from routing_game.experiments.hidden.settings import Settings
    from routing_game.experiments.pages.page import Page
    from routing_game.theory import Game


def prepare(
    name: str,
    game: str,
    profile: str,
    workers: int,
    given: Game | None = None,
    **flags: int | None,
) -> Settings:
    """The settings of a question, with the flags that were given.

    Args:
        name: the question's.
        game: the name of a game.
        profile: the name of the question's usual numbers.
        workers: processes to work in.
        given: the game itself, if no other is known by the name.
        flags: numbers instead of the profile's; None where there is none.

    Raises:
        InputError: a flag is given that the question has no such number for, or it cannot do what
            is asked.
    """
    from routing_game.experiments.hidden.settings import Settings
    from routing_game.experiments.hidden.threshold import threshold

    question = import_module(f"{__package__}.{name}")
    numbers: dict[str, int] = dict(question.PROFILES[profile])
    asked = {flag: value for flag, value in flags.items() if value is not None}
    if unknown := [flag for flag in asked if flag not in numbers]:
        known = " and ".join(f"--{flag}" for flag in flags if flag in numbers) or "neither"
        raise InputError(f"expected {known} for belief {name}, got --{unknown[0]}")
    settings = Settings(game, profile, numbers | asked, workers, given=given)
    threshold(settings.game, game)  # without one there is nothing to believe
    if hasattr(question, "check"):
        question.check(settings)
    return settings


def ask(name: str, settings: Settings, progress: Steps) -> Page:
    """The question's page: what was measured, and what that says."""
    measured = import_module(f"{__package__}.{name}").measure(settings, progress)
    answered: Page = import_module(f"{__package__}.{name}_page").page(settings, measured)
    return answered
