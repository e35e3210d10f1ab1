"""The paper's Table 1 as games: what is quoted is in the paper, what is read follows from it."""

from __future__ import annotations

import re

import numpy as np
import pytest

from games import SHARED
from routing_game.theory import GAMES, PAIRS, TASK_TYPES, load, solve

PAPER = SHARED / "paper" / "paper.txt"


def test_the_table_has_four_rows_with_names_of_their_own() -> None:
    assert len(TASK_TYPES) == 4
    assert not set(TASK_TYPES) & {*GAMES, *PAIRS}
    for name, kind in TASK_TYPES.items():
        assert load(name) == kind.game
    with pytest.raises(KeyError, match="did you mean proof-sketching"):
        load("proof-sketch")


@pytest.mark.skipif(not PAPER.exists(), reason="the paper's text is not here")
def test_rows_are_quoted() -> None:
    rows = [line.split("\t") for line in PAPER.read_text(encoding="utf-8").splitlines()]
    table = {row[0].lower().replace(" ", "-"): row[1:] for row in rows if len(row) == 4}
    for name, kind in TASK_TYPES.items():
        assert table[name] == [kind.role, kind.criterion, kind.outcome]
    assert len(table) == 5  # with its head


def test_counts_are_those_of_the_outcome() -> None:
    for kind in TASK_TYPES.values():
        said = re.search(r"(\d+)–(\d+) reprompts", kind.outcome)
        if said:
            assert kind.reprompts == tuple(map(int, said.groups()))
        else:
            assert kind.reprompts == ((0, 0) if "one pass" in kind.outcome else None)


def test_p_makes_the_expected_number_of_reprompts() -> None:
    rng = np.random.default_rng(0)
    for kind in TASK_TYPES.values():
        if kind.reprompts is None or kind.reprompts == (0, 0):
            assert "success" in kind.assumed
            assert "assumed" in kind.note
            continue
        least, most = kind.success_interval
        assert least < kind.success < most
        for p, reprompts in zip((least, most), reversed(kind.reprompts), strict=True):
            passes = rng.geometric(p, 100_000)  # of a user who stays
            error = passes.std() / np.sqrt(passes.size)
            assert passes.mean() - 1 == pytest.approx(reprompts, abs=4 * error)
        assert 1 / kind.success - 1 == pytest.approx(sum(kind.reprompts) / 2)


def test_the_games_agree_with_what_the_appendix_reports() -> None:
    """Theoretical results: routed to the reasoning model, and patient."""
    for name in ("proof-sketching", "algebraic-checking"):
        kind = TASK_TYPES[name]
        equilibrium = solve(kind.game)
        assert (equilibrium.rule, equilibrium.abandon) == ("stay-2", 0.0)
        least, _ = kind.success_interval
        assert kind.game.value * least == pytest.approx(kind.game.latency[1])  # no less would do
    assert TASK_TYPES["figure-prototyping"].success_interval is None
    assert solve(load("draft-writing")).rule == "stay-1"
