"""Tables for the terminal: what has a name, kinds of optimum, and what named agents come to."""

import inspect
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from routing_game.agents import zoo
from routing_game.experiments import InputError
from routing_game.experiments.pages.words import wrapped
from routing_game.files import printable
from routing_game.theory import GAMES, PAIRS, RULES, TASK_TYPES, Game, RealPair, solve
from routing_game.theory.frequencies import PRIORS, frequencies

WIDTH = 100
LEAST_ROOM = 24
"""Columns in which words are worth to be put beside a name."""
CASCADES = ("s0", "s_L")
"""The kinds of optimum whose s lies strictly between 0 and 1 because of the user."""

ENVIRONMENTS = {
    "RoutingGame/Provider-v0": "the provider commits to (i, s); a step is a task",
    "RoutingGame/User-v0": "the user stays or leaves; a step is a decision after a failed pass",
    "RoutingGame/Answer-v0": "the user answers with q; many at once, for gym.make_vec alone",
    "RoutingGame/Session-v0": "the provider, pass by pass, with a user who remembers; s is hidden",
    "RoutingGame/Models-v0": "the provider with any number of models on a ladder",
    "RoutingGame/Options-v0": "with delays to choose, prices, and a user who may decline",
    "RoutingGame/World-v0": "one of these with a game drawn anew for each episode",
}
"""Id -> what an agent decides there."""


def catalog() -> dict[str, dict[str, dict[str, str]]]:
    """Kind -> name -> what there is to say of it: `about`, of games also `regime` and `kind`."""
    from routing_game.experiments.check.learners import LEARNERS
    from routing_game.experiments.hidden.names import EXPERIMENTS, RULE_WORDS
    from routing_game.experiments.hidden.suite import RULES as HIDDEN_RULES

    def all_of(words: Mapping[str, str]) -> dict[str, dict[str, str]]:
        return {name: {"about": about} for name, about in words.items()}

    return {
        "games": {name: game_words(game) for name, game in GAMES.items()},
        "real pairs": {
            name: {**game_words(pair.game), "about": pair_words(pair)}
            for name, pair in PAIRS.items()
        },
        "task types": {
            name: {**game_words(kind.game), "about": kind.note} for name, kind in TASK_TYPES.items()
        },
        "kinds of optimum": all_of(RULES),
        "priors": all_of(prior_words()),
        "learners": {name: {"about": learner.about} for name, learner in LEARNERS.items()},
        "rules": all_of({name: RULE_WORDS[name] for name in HIDDEN_RULES}),
        "questions": all_of(EXPERIMENTS),
        "figures": all_of(figure_words()),
        "environments": all_of(ENVIRONMENTS),
        "providers": all_of({name: entry.about for name, entry in zoo.PROVIDERS.items()}),
        "users": all_of({name: entry.about for name, entry in zoo.USERS.items()}),
    }


HEADS = {
    "games": "games: regime, that is the signs of V p - t of M1 and M2, and what is optimal",
    "real pairs": "real pairs, measured (V, t in seconds; P, c in US dollars)",
    "task types": "task types, from the paper's Table 1 (V, t in minutes; P, c in US dollars)",
    "kinds of optimum": "kinds of optimum, as `frequencies` counts them",
    "priors": "priors, for `frequencies` and `check --games sample:PRIOR:N`",
    "learners": "learners, for `check --learners`",
    "rules": "rules of a user who does not see s, for `check --suite hidden --learners`",
    "questions": "questions on a hidden s, for `belief`",
    "figures": "figures, for `figures --only`",
    "environments": 'environments, for `gym.make("routing_game:ID")`',
    "providers": "providers of the `tournament`",
    "users": "users of the `tournament`",
}
"""Kind of `catalog` -> its line."""


def catalog_lines() -> list[str]:
    """A heading for each kind of `catalog`, and a line for each of its names."""
    lines: list[str] = []
    for kind, entries in catalog().items():
        lines.append(HEADS[kind])
        for name, words in entries.items():
            lines.append(f"  {name:30}{'  '.join(words.values())}")
    return lines


def game_words(game: Game) -> dict[str, str]:
    """Regime and optimum of a game."""
    return {"regime": game.regime, "about": RULES[solve(game).rule]}


def pair_words(pair: RealPair) -> str:
    """V and P of a measured pair, what it is, and where that is from."""
    source = f"{pair.source['repository']}@{pair.source['commit'][:7]}"
    return f"V = {pair.value:g}, P = {pair.penalty:g}: {pair.note} ({source})"


def prior_words() -> dict[str, str]:
    """Prior -> what it draws."""
    return {
        name: " ".join(inspect.cleandoc(draw.__doc__ or "").split())
        for name, draw in PRIORS.items()
    }


def figure_words() -> dict[str, str]:
    """Figure -> its title; empty without matplotlib, which draws them."""
    if find_spec("matplotlib") is None:
        return {}
    from routing_game.experiments.around.figures import FIGURES as AROUND
    from routing_game.experiments.paper.maps import FIGURES

    titles = {name: subject.title for name, subject in FIGURES.items()}
    ours = {name: subject.title.format("a game") for name, subject in AROUND.items()}
    return titles | {name: f"with --game: {ours[name]}" for name in ours if name not in titles}


def frequency_facts(games: int, seed: int) -> dict[str, Any]:
    """How often each kind of optimum is one's, as shares of the games of each prior.

    Args:
        games: number of games to draw from each prior.
        seed: of the generator, a fresh one for each prior.
    """
    shares = {prior: frequencies(prior, games, np.random.default_rng(seed)) for prior in PRIORS}
    return {"games": games, "seed": seed, "shares": shares}


def frequency_lines(games: int, seed: int) -> list[str]:
    """A row for each prior with the share of each kind of optimum; then what each of them is.

    See `frequency_facts`.
    """
    shares = frequency_facts(games, seed)["shares"]
    seen = [rule for rule in RULES if any(share[rule] for share in shares.values())]
    lines = [f"kinds of optimum, % of {games:,} game{'s' * (games != 1)} (seed {seed})", ""]
    heads = [f"{head:>10}" for head in (*seen, "cascades")]
    lines.append(f"{'prior':12}" + "".join(heads))
    for prior, share in shares.items():
        percent = [share[rule] for rule in seen] + [sum(share[rule] for rule in CASCADES)]
        lines.append(f"{prior:12}" + "".join(f"{100 * x:10.2f}" for x in percent))
    words = {rule: RULES[rule] for rule in seen}
    words["cascades"] = f"{' and '.join(CASCADES)} together"
    return [*lines, "", *glossary(words | prior_words(), 12)]


def fitted(line: str, width: int) -> str:
    """A line of `catalog_lines` in so many columns: the rest stands below where its words begin."""
    start = max((gap.end() for gap in re.finditer(" {2,}", line)), default=0)
    hang = start if start > 2 and width - start >= LEAST_ROOM else 4
    return wrapped(line, width, subsequent_indent=" " * hang)


def glossary(words: Mapping[str, str], left: int) -> list[str]:
    """A paragraph for each name, beside it."""
    indent = " " * left
    return [
        wrapped(f"{name:{left}}{text}", WIDTH, subsequent_indent=indent)
        for name, text in words.items()
    ]


def meet(game: Game, providers: Sequence[Path] = (), users: Sequence[Path] = ()) -> zoo.Tournament:
    """The zoo's tournament, with saved policies under the names of their folders or zips.

    Raises:
        FileNotFoundError: a folder holds no policy.
        ValueError: a policy is damaged, of the other role, or two have one name.
        InputError: a user sees s through noise.
    """
    leaders: dict[str, Any] = {name: entry.make(game) for name, entry in zoo.PROVIDERS.items()}
    followers: dict[str, Any] = {name: entry.make(game) for name, entry in zoo.USERS.items()}
    if providers or users:
        from routing_game.agents import load_provider, load_user

        for place in providers:
            named(leaders, place, load_provider(place))
        for place in users:
            named(followers, place, answering(place, load_user(place)))
    return zoo.tournament(game, leaders, followers)


def named(agents: dict[str, Any], place: Path, agent: Any) -> None:
    """Let an agent take part under the name of its place."""
    name = printable(Path(os.path.realpath(place)).name).removesuffix(".zip")
    if name in agents:
        raise ValueError(f"two would be called {name} in the tables; rename the folder {place}")
    agents[name] = agent


def answering(place: Path, user: Any) -> Any:
    """The user of a place, if a commitment alone decides what it comes to, by a sum.

    Raises:
        InputError: none does, as it sees s through noise.
    """
    if not (sees := user.observes).startswith("noisy"):
        return user
    problem = f'{place}, which was trained with observes="{sees}"'
    raise InputError(
        "expected users of whom a tournament can be exact, as noise on s leaves no sum to take, "
        f'got {problem}; leave it out, or train one with "samples:n", which is seated'
    )


def tournament_facts(table: zoo.Tournament) -> dict[str, Any]:
    """J and U: provider -> user -> number."""
    tables = {"cost": table.cost, "utility": table.utility}
    return {
        name: {
            provider: dict(zip(table.users, row, strict=True))
            for provider, row in zip(table.providers, numbers.tolist(), strict=True)
        }
        for name, numbers in tables.items()
    }


def tournament_lines(table: zoo.Tournament) -> list[str]:
    """J and U of each pair, and who they are; no line of a table is longer than `WIDTH`.

    Whoever's name is long has a number in brackets there, which is explained below; users whose
    columns have no room beside the others stand in a block of their own.
    """
    long = [name for name in (*table.providers, *table.users) if len(name) > LONGEST_HEAD]
    short = {name: f"({k})" for k, name in enumerate(dict.fromkeys(long), start=1)}
    providers, users = (
        [short.get(name, name) for name in names] for names in (table.providers, table.users)
    )
    lines = []
    tables = {"J, the provider's cost": table.cost, "U, the user's utility": table.utility}
    for title, numbers in tables.items():
        lines += [title, *blocks(providers, users, numbers), ""]
    entries = {**zoo.PROVIDERS, **zoo.USERS}
    words = {name: f"{entry.about} ({entry.reference})" for name, entry in entries.items()}
    left = max(map(len, (*providers, *words))) + 2
    lines += [f"{head:{left}}{name}" for name, head in short.items()]  # whole, to be copied
    return [*lines, *glossary(words, left)]


LONGEST_HEAD = 24
"""Letters of a name that stands over a column, or before a row, of a tournament."""
GAP = 2
"""Columns of a terminal between two of a table, at least."""
LEAST_COLUMN = 11


def blocks(rows: Sequence[str], heads: Sequence[str], numbers: Any) -> Iterator[str]:
    """A table in blocks as wide as `WIDTH` at most, an empty line between them."""
    left = max(map(len, rows)) + 2
    cells = written(numbers)
    columns = []
    for head, column in zip(heads, zip(*cells, strict=True), strict=True):
        longest = max(map(len, (head, *column)))
        columns.append((head, column, max(LEAST_COLUMN, GAP + longest)))
    while columns:
        ends = accumulate((width for *_, width in columns), initial=left)
        count = max(sum(end <= WIDTH for end in ends) - 1, 1)
        block, columns = columns[:count], columns[count:]
        yield " " * left + "".join(f"{head:>{width}}" for head, _, width in block)
        for k, row in enumerate(rows):
            entries = [f"{column[k]:>{width}}" for _, column, width in block]
            yield f"{row:{left}}" + "".join(entries)
        if columns:
            yield ""


def written(numbers: Any) -> list[list[str]]:
    """Numbers with as many decimals as show four digits of the greatest, but four or more."""
    greatest = float(np.abs(numbers).max())
    decimals = 4
    if greatest > 0:
        decimals = max(4, 3 - int(np.floor(np.log10(greatest))))
    form = ".4g" if greatest >= 1e6 or decimals > MOST_DECIMALS else f".{decimals}f"
    return [[f"{x:{form}}" for x in row] for row in numbers.tolist()]


MOST_DECIMALS = 7
"""Of a number in a tournament; smaller ones are written with an exponent."""
