"""What the other side reads: of the kind "labels that Gambit refuses, numbers it cannot read".

The texts are read here by a reader of our own, written from Gambit's description of its formats and
in fractions, as Gambit counts; what is read must be the game that was written, to the last bit, and
its solution the one by definition.
"""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing_game.experiments.pages.page import Page, json_of, write_page
from routing_game.theory import Commitment, Game, load, payoffs, sample_games
from routing_game.theory.exchange import payoff_matrices, to_efg, to_nfg

TOKEN = re.compile(r'\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<sign>[{},])|(?P<word>[^\s{},"]+))')
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
"""As Gambit reads one exactly; it has no exponents."""


class Reader:
    """The tokens of a text, one after the other."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        place = 0
        text = text.rstrip()
        while place < len(text):
            found = TOKEN.match(text, place)
            assert found, text[place : place + 40]
            self.tokens.append(found.group(0).strip())
            place = found.end()

    def more(self) -> bool:
        return bool(self.tokens)

    def word(self, *expected: str) -> str:
        token = self.tokens.pop(0)
        assert not expected or token in expected, (token, expected)
        return token

    def name(self) -> str:
        token = self.word()
        assert token[0] == token[-1] == '"'
        return token[1:-1]

    def number(self) -> Fraction:
        token = self.word()
        assert NUMBER.fullmatch(token), token
        return Fraction(token)

    def names(self) -> list[str]:
        """In braces; each once, none empty, and none with blanks at its ends."""
        self.word("{")
        found = []
        while self.tokens[0] != "}":
            found.append(self.name())
        self.word("}")
        assert len(set(found)) == len(found)
        assert all(name and name == name.strip() for name in found)
        return found


class Node(NamedTuple):
    """Of an extensive game: whose move, at what he knows, and what follows each action."""

    player: int
    known: tuple[int, str]
    actions: dict[str, Any]


def tree_of(text: str) -> Node:
    """What a text in the extensive form means; its nodes come depth first."""
    reader = Reader(text)
    reader.word("EFG"), reader.word("2"), reader.word("R")
    reader.name()
    assert len(reader.names()) == 2
    outcomes: list[int] = []

    def node() -> Any:
        kind = reader.word("p", "t")
        reader.name()
        if kind == "t":
            outcomes.append(int(reader.number()))
            reader.name()
            reader.word("{")
            first = reader.number()
            reader.word(",")
            second = reader.number()
            reader.word("}")
            return first, second
        player, number = int(reader.number()), int(reader.number())
        known, actions = reader.name(), reader.names()
        assert reader.number() == 0  # no outcome here
        return Node(player, (number, known), {action: node() for action in actions})

    root = node()
    assert not reader.more()
    assert outcomes == list(range(1, len(outcomes) + 1))
    assert isinstance(root, Node)
    return root


def table_of(text: str) -> tuple[list[str], list[str], dict[tuple[str, str], Any]]:
    """What a text in the strategic form means: strategies, and payoffs of each pair."""
    reader = Reader(text)
    reader.word("NFG"), reader.word("1"), reader.word("R")
    reader.name()
    assert len(reader.names()) == 2
    reader.word("{")
    first, second = reader.names(), reader.names()
    reader.word("}")
    cells = {}
    for column in second:  # the first player's strategies run fastest
        for row in first:
            cells[row, column] = reader.number(), reader.number()
    assert not reader.more()
    return first, second, cells


# games and grids with what is hard to write

EDGES = [0.0, 5e-324, 1e-300, 1e-17, 0.1, float(np.nextafter(0.1, 1)), 0.5, 1 - 2**-53, 1.0]
POINTS = st.lists(
    st.one_of(st.sampled_from(EDGES), st.floats(0, 1)), min_size=1, max_size=4, unique=True
)
UNITS = st.sampled_from([1e-90, 1e-16, 1.0, 1e15, 1e16, 1e17, 1e90])


@st.composite
def games(draw: st.DrawFn) -> Game:
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    game, time, money = sample_games(1, rng)[0], draw(UNITS), draw(UNITS)
    (t1, t2), (c1, c2) = game.latency, game.cost
    latency, cost = (t1 * time, t2 * time), (c1 * money, c2 * money)
    return Game(game.value * time, game.penalty * money, game.success, latency, cost)


MANY = settings(max_examples=40, derandomize=True, deadline=None)


def near(written: Fraction, x: Any) -> bool:
    """A decimal stands for the double that it is read as: all others are farther from it."""
    return float(written) == float(x)


@MANY
@given(game=games(), cascades=POINTS, replies=POINTS)
def test_the_extensive_form_is_read_as_the_game_it_was_written_from(
    game: Game, cascades: list[float], replies: list[float]
) -> None:
    root = tree_of(to_efg(game, cascades, replies))
    table = payoff_matrices(game, cascades, replies)
    assert root.player == 1
    assert len(root.actions) == len(table.commitments)
    seen = [node.known for node in root.actions.values()]
    assert len(set(seen)) == len({number for number, _ in seen}) == len(seen)
    for row, node in enumerate(root.actions.values()):
        assert node.player == 2
        for column, (first, second) in enumerate(node.actions.values()):
            assert near(first, -table.cost[row, column])
            assert near(second, table.utility[row, column])


@MANY
@given(game=games(), cascades=POINTS, replies=POINTS)
def test_the_strategic_form_is_read_as_the_game_it_was_written_from(
    game: Game, cascades: list[float], replies: list[float]
) -> None:
    first, second, cells = table_of(to_nfg(game, cascades, replies))
    table = payoff_matrices(game, cascades, replies)
    assert len(first) == len(table.commitments)
    assert len(second) == len(replies) ** 2
    for k, row in enumerate(first):
        route = table.commitments[k].route
        for j, column in enumerate(second):
            reply = divmod(j, len(replies))[route - 1]
            assert near(cells[row, column][0], -table.cost[k, reply])
            assert near(cells[row, column][1], table.utility[k, reply])


@pytest.mark.parametrize("name", ["t4-cascade", "t5-cascade", "value-strong", "t4-leave-cheap"])
def test_backward_induction_in_fractions_finds_the_best_commitment_of_the_grid(name: str) -> None:
    """By definition, of what was read: the user's best answer, ties for the provider."""
    game, cascades = load(name), [0.0, 0.1, 0.25, 0.4, 0.9, 1.0]
    root = tree_of(to_efg(game, cascades, [0.0, 1.0]))
    answers = {
        label: max(node.actions.values(), key=lambda pay: (pay[1], pay[0]))
        for label, node in root.actions.items()
    }
    best = max(first for first, _ in answers.values())
    costs = []
    for route, s in [Commitment(2, 0.0), *(Commitment(1, s) for s in cascades)]:
        stays, leaves = (payoffs(game, route, s, q) for q in (0.0, 1.0))
        chosen = max(stays, leaves, key=lambda pay: (pay.utility, -pay.cost))
        costs.append(float(chosen.cost))
    assert float(-best) == pytest.approx(min(costs), rel=1e-12)


# pages beside their pictures


def strict(text: str) -> Any:
    """JSON as it is defined: without NaN and Infinity."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize(
    ("told", "read"),
    [
        (np.int64(5), 5),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.nan, None),
        (-np.inf, None),
        (np.float64("nan"), None),
        (np.array([1.0, np.nan]), [1.0, None]),
        ((1, "a"), [1, "a"]),
        (Path("runs"), "runs"),
        ({1: 2}, {"1": 2}),
        (1e16, 1e16),
        (-0.0, -0.0),
        (5e-324, 5e-324),
        (None, None),
    ],
)
def test_what_a_page_says_is_numbers_to_every_reader_of_json(told: Any, read: Any) -> None:
    """They were words, "5" and "True", or NaN, at which other readers stop."""
    again = strict(json_of({"x": told}))["x"]
    assert again == read
    assert type(again) is type(read)


def test_a_page_is_written_with_such_numbers(tmp_path: Path) -> None:
    page = Page(
        title="t",
        question="q?",
        answer=["a"],
        details=[],
        tables=[],
        figures=[],
        settings={"sessions": np.int64(3), "gap": np.nan},
    )
    write_page(page, "page", tmp_path)
    found = strict((tmp_path / "page.json").read_text(encoding="utf-8"))
    assert found["settings"] == {"sessions": 3, "gap": None}


@pytest.mark.parametrize("label", ['a,b"c', "007", "nan", "", "=1+1", "1e5", "two\nlines"])
def test_labels_in_tables_come_back_as_they_were(label: str) -> None:
    """By polars' writer, which is asked for every table of ours."""
    import csv
    import io

    frame = pl.DataFrame({"game": [label, "t4"], "regret": [0.1, -0.0]})
    rows = list(csv.reader(io.StringIO(frame.write_csv())))
    assert rows[0] == ["game", "regret"]
    assert [row[0] for row in rows[1:]] == [label, "t4"]
    assert [float(row[1]) for row in rows[1:]] == [0.1, 0.0]
