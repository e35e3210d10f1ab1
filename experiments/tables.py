"""Tables for the terminal: what has a name, kinds of optimum, and what named agents come to."""

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill

import numpy as np

from routing_game.agents import zoo
from routing_game.theory import GAMES, PAIRS, RULES, Game, solve
from routing_game.theory.frequencies import PRIORS, frequencies

WIDTH = 100
CASCADES = ("s0", "s_L")
"""The kinds of optimum whose s lies strictly between 0 and 1 because of the user."""


def catalog_lines() -> list[str]:
    """Games, real pairs with their source, and learners, a line each."""
    from routing_game.experiments.check.learners import LEARNERS

    lines = ["games"]
    for name, game in GAMES.items():
        lines.append(f"  {name:22}{game.regime}  {RULES[solve(game).rule]}")
    lines.append("real pairs (V, t in seconds; P, c in US dollars)")
    for name, pair in PAIRS.items():
        source = f"{pair.source['repository']}@{pair.source['commit'][:7]}"
        worth = f"V = {pair.value:g}, P = {pair.penalty:g}"
        lines.append(f"  {name:22}{pair.game.regime}  {worth}: {pair.note} ({source})")
    lines.append("learners")
    lines += [f"  {name:22}{learner.about}" for name, learner in LEARNERS.items()]
    return lines


def frequency_lines(games: int, seed: int) -> list[str]:
    """A row for each prior with the share of each kind of optimum; then what each of them is.

    Args:
        games: number of games to draw from each prior.
        seed: of the generator, a fresh one for each prior.
    """
    shares = {prior: frequencies(prior, games, np.random.default_rng(seed)) for prior in PRIORS}
    seen = [rule for rule in RULES if any(share[rule] for share in shares.values())]
    lines = [f"kinds of optimum, % of {games:,} games (seed {seed})", ""]
    lines.append(f"{'prior':12}" + "".join(f"{rule:>10}" for rule in [*seen, "cascades"]))
    for prior, share in shares.items():
        percent = [share[rule] for rule in seen] + [sum(share[rule] for rule in CASCADES)]
        lines.append(f"{prior:12}" + "".join(f"{100 * x:10.2f}" for x in percent))
    words = {rule: RULES[rule] for rule in seen} | {
        "cascades": f"{' and '.join(CASCADES)} together"
    }
    for prior, draw in PRIORS.items():
        words[prior] = " ".join(inspect.cleandoc(draw.__doc__ or "").split())
    return [*lines, "", *glossary(words, 12)]


def glossary(words: Mapping[str, str], left: int) -> list[str]:
    """A paragraph for each name, beside it."""
    indent = " " * left
    return [
        fill(f"{name:{left}}{text}", WIDTH, subsequent_indent=indent)
        for name, text in words.items()
    ]


def tournament_lines(
    game: Game, providers: Sequence[Path] = (), users: Sequence[Path] = ()
) -> list[str]:
    """J and U of each pair of the zoo and of saved policies, under the names of their folders.

    Raises:
        FileNotFoundError: a folder holds no policy.
        ValueError: a policy is damaged or of the other role.
    """
    leaders = {name: entry.make(game) for name, entry in zoo.PROVIDERS.items()}
    followers = {name: entry.make(game) for name, entry in zoo.USERS.items()}
    if providers or users:
        from routing_game.agents import load_provider, load_user

        leaders |= {folder.name: load_provider(folder) for folder in providers}
        followers |= {folder.name: load_user(folder) for folder in users}
    table = zoo.tournament(game, leaders, followers)
    left = max(map(len, table.providers)) + 2
    lines = []
    head = " " * left + "".join(f"{name:>11}" for name in table.users)
    tables = {"J, the provider's cost": table.cost, "U, the user's utility": table.utility}
    for title, numbers in tables.items():
        lines += [title, head]
        for name, row in zip(table.providers, numbers, strict=True):
            lines.append(f"{name:{left}}" + "".join(f"{x:11.4f}" for x in row))
        lines.append("")
    entries = {**zoo.PROVIDERS, **zoo.USERS}
    words = {name: f"{entry.about} ({entry.reference})" for name, entry in entries.items()}
    return [*lines, *glossary(words, left)]
