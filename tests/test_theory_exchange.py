"""Games in and out: text round trips, and Gambit finding the outcome that we find."""

from __future__ import annotations

import numpy as np
import pytest

from routing_game.theory import GAMES, PAIRS, Game, best_response, solve, thresholds
from routing_game.theory.exchange import (
    from_json,
    from_toml,
    game_id,
    payoff_matrices,
    to_efg,
    to_json,
    to_nfg,
    to_toml,
)


@pytest.mark.parametrize("game", [*GAMES.values(), PAIRS["gpt-4o-gpt-5"].game], ids=game_id)
def test_round_trips_are_exact(game: Game) -> None:
    assert from_json(to_json(game)) == game
    assert from_toml(to_toml(game)) == game


def test_arrays_round_trip_too() -> None:
    games = Game.stack(list(GAMES.values()))
    assert from_json(to_json(games)) == games
    assert from_toml(to_toml(games)) == games


def test_the_id_is_stable_and_goes_by_the_numbers() -> None:
    assert game_id(GAMES["t4-cascade"]) == "3e15946a2292"
    assert len({game_id(game) for game in GAMES.values()}) == 12


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "got no"),
        ('{"value": 1}', "got no"),
        (to_json(GAMES["t4-cascade"])[:-1] + ', "extra": 1}', "unknown"),
        ("nonsense", "Expecting value"),
    ],
)
def test_bad_texts_are_named(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        from_json(text)


def test_matrices_hold_the_best_response() -> None:
    game, cascades, replies = GAMES["t5-cascade"], np.linspace(0, 1, 11), np.linspace(0, 1, 501)
    table = payoff_matrices(game, cascades, replies)
    assert table.cost.shape == (12, 501)
    for k, (route, s) in enumerate(table.commitments):
        assert replies[table.utility[k].argmax()] == pytest.approx(best_response(game, route, s).low, abs=2e-3)
    with pytest.raises(ValueError, match="single game"):
        payoff_matrices(Game.stack([game, game]), cascades, replies)


def test_gambit_finds_the_stackelberg_outcome(tmp_path) -> None:
    """Of all pure equilibria of the extensive form the provider's best is the strong Stackelberg outcome."""
    gambit = pytest.importorskip("pygambit")
    game = GAMES["t4-cascade"]
    s = thresholds(game).s0 + 1e-9  # Gambit counts in rationals: at s0 itself rounding breaks the tie
    (tmp_path / "game.efg").write_text(to_efg(game, [0.0, s, 0.6, 1.0], [0.0, 0.5, 1.0]))
    tree = gambit.read_efg(str(tmp_path / "game.efg"))
    equilibria = gambit.nash.enumpure_solve(tree).equilibria
    best = max(equilibria, key=lambda profile: float(profile.payoff(tree.players["provider"])))
    assert -float(best.payoff(tree.players["provider"])) == pytest.approx(solve(game).cost)
    assert float(best.payoff(tree.players["user"])) == pytest.approx(solve(game).utility, rel=1e-6)


def test_gambit_finds_what_hiding_s_leads_to(tmp_path) -> None:
    """With s hidden the cascade unravels: the only outcome is route 2, at .750 instead of .5824."""
    gambit = pytest.importorskip("pygambit")
    game = GAMES["t4-cascade"]
    (tmp_path / "game.nfg").write_text(to_nfg(game, [0.0, thresholds(game).s0, 0.6, 1.0], [0.0, 1.0]))
    table = gambit.read_nfg(str(tmp_path / "game.nfg"))
    equilibria = gambit.nash.enumpure_solve(table).equilibria
    costs = {round(-float(profile.payoff(table.players["provider"])), 6) for profile in equilibria}
    assert costs == {0.75}
