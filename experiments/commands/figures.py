"""`figures`: the paper's, those around one's own game, and one's own learning curves."""

from __future__ import annotations

import argparse

from routing_game.experiments import InputError
from routing_game.experiments.commands.names import (
    asked_game,
    chosen,
    filed,
    has_game,
    titled,
    units_of,
)
from routing_game.files import escaped


def run_figures(arguments: argparse.Namespace) -> int:
    """The paper's figures, those around a game of one's own, or learning curves beside theory."""
    if arguments.monitor:
        return run_curve(arguments)
    if has_game(arguments):
        return run_around(arguments)
    from routing_game.experiments.cells.store import unwritable
    from routing_game.experiments.paper.maps import write_scene
    from routing_game.experiments.paper.scene import Scene
    from routing_game.experiments.paper.words import terminal

    names, scene = chosen_figures(arguments.only), Scene(arguments.set or "A")
    try:
        arguments.out.mkdir(parents=True, exist_ok=True)
        for name in names:
            (_, picture, _), verdicts = write_scene(name, scene, arguments.out)
            print(f"{escaped(picture)} (and .svg, .npz)")
            print(terminal(verdicts), flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritable(arguments.out, error) from None
    return 0


def run_around(arguments: argparse.Namespace) -> int:
    """The paper's figures around one's own game, and what each says."""
    from routing_game.experiments.around.figures import Around, write_around
    from routing_game.experiments.around.panels import Units
    from routing_game.experiments.cells.store import tried
    from routing_game.experiments.pages.words import wrapped

    if arguments.set is not None:
        raise InputError("expected no --set beside a game; the sets are those of the paper's plane")
    names = chosen_around(arguments.only)
    name, game = asked_game(arguments)
    title, stem = titled(arguments, name), filed(arguments, name, game)
    about = Around(game, title, Units(*units_of(arguments)))
    folder = tried(arguments.out)
    print(wrapped(about.equilibrium, 100), flush=True)
    for figure in names:
        picture, told = write_around(figure, about, folder, stem)
        print(f"{escaped(picture)} (and .svg, .npz)")
        for sentence in told:
            print(wrapped(sentence, 100, initial_indent="  ", subsequent_indent="  "), flush=True)
    return 0


def run_curve(arguments: argparse.Namespace) -> int:
    """One's own learning curves beside theory."""
    from routing_game.experiments.cells.store import tried
    from routing_game.experiments.curve import UNITS, runs, write_curves

    if not has_game(arguments):
        raise InputError("expected --game beside --monitor: Monitor CSVs and their game")
    for flag, usual in (("only", "all"), ("set", None)):
        if getattr(arguments, flag) != usual:
            problem = f"expected no --{flag} beside --monitor"
            raise InputError(f"{problem}; draw the paper's figures apart")
    name, game = asked_game(arguments)
    curves = runs(arguments.monitor)
    title, stem = titled(arguments, name), filed(arguments, name, game)
    folder, units = tried(arguments.out), units_of(arguments) or UNITS
    picture, told = write_curves(curves, game, title, folder / f"curve-{stem}", units)
    print("\n".join([f"{escaped(picture)} (and .svg)", *told]))
    return 0


def chosen_figures(text: str) -> tuple[str, ...]:
    """As `chosen`, of the figures; a panel, such as 4-left, comes with its figure."""
    from routing_game.experiments.paper.maps import FIGURES

    see = "routing-game figures --help"
    for word in text.split(","):
        if word.strip() == "regret":
            raise InputError("expected a game beside --only regret; name it with --game")
        figure, dash, _ = word.strip().partition("-")
        if dash and figure in FIGURES:
            raise InputError(
                f"expected the name of a figure, got {word!r}, perhaps {figure}; see {see}"
            )
    return chosen("figure", text, FIGURES, see) or tuple(FIGURES)


def chosen_around(text: str) -> tuple[str, ...]:
    """As `chosen`, of the figures that there are around a game."""
    from routing_game.experiments.around.figures import FIGURES, NOT

    for word in text.split(","):
        if why := NOT.get(word.strip()):
            problem = f"expected a figure to draw around a game, got {word.strip()!r}: {why}"
            raise InputError(f"{problem}; there are {', '.join(FIGURES)}")
    return chosen("figure", text, FIGURES, "routing-game figures --help") or tuple(FIGURES)
