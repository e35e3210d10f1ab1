"""Play with s hidden: every outcome an equilibrium, none missed, and the twelve games."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from games import boundary_games
from routing_game.theory import GAMES, Game, best_response, payoffs, sample_games, solve, thresholds
from routing_game.theory.certify import best_response_gap, values
from routing_game.theory.simultaneous import simultaneous
from routing_game.theory.welfare import observability

# J* and J with s hidden, as in the table of the standard suite.
SUITE = {
    "value-cheap": (0.4, 0.4), "value-strong": (0.625, 0.625),
    "latency-low-penalty": (0.7, 0.7), "latency-high-penalty": (1.0, 1.0),
    "t4-leave-costly": (0.58, 0.75), "t4-reason": (0.75, 0.75),
    "t4-leave-cheap": (0.43, 0.43), "t4-cascade": (0.75, 0.75),
    "t5-stay": (0.4, 0.7), "t5-leave": (0.35, 0.4),
    "t5-reason": (0.68, 0.68), "t5-cascade": (1.4, 1.4),
}  # fmt: skip


@pytest.mark.parametrize("name", GAMES)
def test_the_table_of_twelve_games(name: str) -> None:
    play = simultaneous(GAMES[name])
    assert [outcome.cost for outcome in play.outcomes] == pytest.approx(sorted({*SUITE[name]}))
    assert (play.lowest, play.highest) == pytest.approx(SUITE[name])
    expected = [cost - solve(GAMES[name]).cost for cost in SUITE[name]]
    assert observability(GAMES[name]) == pytest.approx(expected, abs=1e-12)


def provider_gap(game: Game, s: np.ndarray, q: np.ndarray, grid: int = 201) -> np.ndarray:
    """Most that some s on the grid saves on route 1 against ``q``."""
    others = np.linspace(0, 1, grid)
    if game.shape == ():
        best = values(game, 1, others[:, None], q)[1].min(axis=0)
    else:  # one s after the other: all at once would not fit into the cache
        best = np.min([values(game, 1, other, q)[1] for other in others], axis=0)
    return values(game, 1, s, q)[1] - best


def equilibria(games: Game) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(exists, s, q) of the three kinds on route 1; xi1, xi2, cp1 - cp2, P - d are not 0."""
    (xi1, xi2), (cp1, cp2) = games.net_value, games.cost_of_pass
    (p1, p2), (c1, c2) = games.success, games.cost
    s_high = np.nan_to_num(thresholds(games).s_high)
    d = (c2 - c1) / (p2 - p1)
    never = cp1 < cp2
    q_c = np.clip((p1 * c2 - p2 * c1) / ((p2 - p1) * (games.penalty - d) + p1 * c2 - p2 * c1), 0, 1)
    low, high = np.zeros(games.shape), np.ones(games.shape)
    for _ in range(60):  # the s that provokes q_c, by bisection of the best response
        middle = (low + high) / 2
        enough = best_response(games, 1, middle).low >= q_c
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return {
        "stay": (
            np.where(never, xi1 > 0, xi2 > 0),
            np.where(never, 0.0, 1.0),
            np.zeros(games.shape),
        ),
        "leave": ((xi1 < 0) | (xi2 < 0), np.where(xi1 < 0, 0.0, s_high), np.ones(games.shape)),
        "mixed": ((xi1 > 0) & (xi2 < 0) & (never == (games.penalty > d)), high, q_c),
    }


def test_no_deviation_pays_in_1e5_games_and_the_costs_follow() -> None:
    rng = np.random.default_rng(41)
    games = sample_games(100_000, rng)
    on_1 = []
    for exists, s, q in equilibria(games).values():
        some = games[np.flatnonzero(exists)]
        _, cost = values(some, 1, s[exists], q[exists])
        assert best_response_gap(some, 1, s[exists], q[exists]).max() < 1e-11
        assert (provider_gap(some, s[exists], q[exists]) / cost).max() < 1e-11
        on_1.append(np.full(games.shape, np.nan))
        on_1[-1][exists] = cost
    on_2 = values(games, 2, 0.0, np.where(games.net_value[1] > 0, 0.0, 1.0))[1]
    play = simultaneous(games)
    np.testing.assert_allclose(play.lowest, np.minimum(np.nanmin(on_1, axis=0), on_2), rtol=1e-9)
    np.testing.assert_allclose(play.highest, np.minimum(np.nanmax(on_1, axis=0), on_2), rtol=1e-9)


def test_every_listed_outcome_is_an_equilibrium() -> None:
    """Boundaries included: every end and middle of an outcome, and the choice of route."""
    rng = np.random.default_rng(42)
    for games in (sample_games(20, rng), boundary_games(80, rng)):
        play = simultaneous(games)
        for k in range(games.shape[0]):
            game, outcomes = games[k], simultaneous(games[k]).outcomes
            assert outcomes[0].cost == pytest.approx(play.lowest[k])
            assert outcomes[-1].cost == pytest.approx(play.highest[k])
            for outcome in outcomes:
                low, high = outcome.cascade
                s, q = np.array([low, (low + high) / 2, high]), np.full(3, outcome.abandon)
                utility, cost = np.broadcast_arrays(*values(game, outcome.route, s, q))
                np.testing.assert_allclose(cost, outcome.cost, rtol=1e-10)
                assert (utility.min(), utility.max()) == pytest.approx(outcome.utility, abs=1e-12)
                assert best_response_gap(game, outcome.route, s, q).max() < 1e-11 * (1 + game.value)
                if outcome.route == 1:
                    assert provider_gap(game, s, q).max() < 1e-11 * (1 + outcome.cost)


def test_no_equilibrium_is_missed() -> None:
    """In each of 100 cells of the (s, q) square a search for a point without regrets."""
    rng = np.random.default_rng(43)
    for regime in ("++", "--", "-+", "+-"):
        games = sample_games(16, rng, regime)
        regret, s, q = least_regret(games, cells=10)
        found = regret < 1e-10
        costs = payoffs(games, 1, s, q).cost
        known = [
            np.where(exists, payoffs(games, 1, at, q_at).cost, np.inf)
            for exists, at, q_at in equilibria(games).values()
        ]
        away = np.min([np.abs(costs - cost) for cost in known], axis=0)
        assert found.any(axis=0).all()  # every game has one
        assert (away[found] < 1e-4).all()


def least_regret(games: Game, cells: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(regret, s, q) of the least sum of regrets in each cell, (cells^2, n), by finer grids."""
    corner = np.stack(np.meshgrid(*[np.arange(cells) / cells] * 2)).reshape(2, -1, 1) * np.ones(
        games.shape
    )
    low, high = corner, corner + 1 / cells
    fractions = np.stack(np.meshgrid(*[np.linspace(0, 1, 9)] * 2)).reshape(2, -1, 1, 1)
    for _ in range(12):
        s, q = (low[i] + fractions[i] * (high - low)[i] for i in (0, 1))
        utility, cost = values(games, 1, s, q)
        best = values(games, 1, s, best_response(games, 1, s).low)[0]
        cheapest = np.minimum(
            values(games, 1, 0.0, q)[1], values(games, 1, 1.0, q)[1]
        )  # J is monotone in s
        regret = (best - utility) / games.value + (cost - cheapest) / games.penalty
        k = regret.argmin(axis=0)[None]
        regret, s, q = (np.take_along_axis(x, k, axis=0)[0] for x in (regret, s, q))
        centre, width = np.stack([s, q]), (high - low) / 6
        low, high = np.maximum(low, centre - width), np.minimum(high, centre + width)
    return regret, s, q


def test_observability_is_never_worth_less_than_nothing() -> None:
    rng = np.random.default_rng(44)
    for games in (sample_games(100_000, rng), boundary_games(50_000, rng)):
        low, high = observability(games)
        assert (low > -1e-12).all()
        assert (high >= low).all()
    games = sample_games(100_000, rng)
    low, _ = observability(games)
    cascades = np.isin(solve(games).rule, ("s0", "s_L"))
    np.testing.assert_array_equal(low > 1e-12, cascades)  # only a cascade needs to be seen


def test_with_both_models_worth_their_time_or_neither_hiding_changes_nothing() -> None:
    rng = np.random.default_rng(45)
    for regime in ("++", "--"):
        low, high = observability(sample_games(50_000, rng, regime))
        assert np.abs(low).max() < 1e-12
        assert np.abs(high).max() < 1e-12


def test_a_mixed_equilibrium_can_be_an_outcome() -> None:
    """cp1 < cp2 and P > d: the user leaves so often that the provider does not care about s."""
    game = dataclasses.replace(GAMES["t5-stay"], penalty=3.0)
    kinds = [outcome.kind for outcome in simultaneous(game).outcomes]
    assert kinds == ["stay", "mixed", "leave"]
    mixed = simultaneous(game).outcomes[1]
    s, q = mixed.cascade[0], mixed.abandon
    assert best_response(game, 1, s).low == pytest.approx(q, abs=1e-9)
    assert [payoffs(game, 1, other, q).cost for other in (0.0, 0.5, 1.0)] == pytest.approx(
        [mixed.cost] * 3
    )
    assert payoffs(game, 2, 0.0, q).cost == pytest.approx(mixed.cost)


def test_a_lottery_over_s_would_add_outcomes() -> None:
    """What is left out: in t4-leave-costly the provider may draw s = 0 or 1 once a task."""
    game, q = GAMES["t4-leave-costly"], np.linspace(0, 1, 2001)
    q_c = 0.375
    never, always = values(game, 1, 0.0, q)[0], values(game, 1, 1.0, q)[0]
    share = 0.4464  # the chance of s = 1 at which q_c is optimal against the lottery
    assert q[np.argmax((1 - share) * never + share * always)] == pytest.approx(q_c, abs=5e-4)
    costs = [values(game, 1, s, q_c)[1] for s in (0.0, 1.0)]
    assert costs == pytest.approx([0.72, 0.72])
    play = simultaneous(game)
    assert play.lowest < costs[0] < play.highest


def test_games_in_eighths_have_an_answer_whatever_ties() -> None:
    """Also where G(0) = G(1) or P = cp1 = cp2 every outcome is an equilibrium."""
    rng = np.random.default_rng(46)
    p, t, c = (rng.integers(low, high, (2, 20_000)) for low, high in ((1, 8), (0, 12), (1, 9)))
    value, penalty = rng.integers(1, 13, (2, 20_000))
    keep = (p[0] < p[1]) & (t[0] < t[1]) & (c[0] < c[1])
    games = Game(
        *(x[keep] / 8 for x in (value, penalty)), *(tuple(x[:, keep] / 8) for x in (p, t, c))
    )
    (p1, p2), (c1, c2) = games.success, games.cost
    constant = p1 * c2 - p2 * c1 == c2 - c1 - games.penalty * (p2 - p1)
    assert constant.sum() > 20
    play = simultaneous(games)
    for k in [*np.flatnonzero(constant), *range(200)]:
        alone = simultaneous(games[k])
        assert (alone.lowest, alone.highest) == (play.lowest[k], play.highest[k])
        for outcome in alone.outcomes:
            s = np.array(outcome.cascade).mean(keepdims=True)
            q = np.full(1, outcome.abandon)
            assert values(games[k], outcome.route, s, q)[1] == pytest.approx(outcome.cost)
            assert best_response_gap(games[k], outcome.route, s, q).max() < 1e-11
            if outcome.route == 1:
                assert provider_gap(games[k], s, q).max() < 1e-11


def test_where_the_provider_is_indifferent_to_everything_every_best_response_is_an_outcome() -> (
    None
):
    """P = cp1 = cp2, the cost whatever happens: each s with the reply to it will do."""
    game = Game(1, 0.5, (0.5, 0.75), (0.25, 0.875), (0.25, 0.375))
    outcomes = [outcome for outcome in simultaneous(game).outcomes if outcome.route == 1]
    assert {outcome.kind for outcome in outcomes} == {"stay", "mixed", "leave"}
    for s in np.linspace(0.01, 0.99, 99):
        q = best_response(game, 1, s).low
        kind = "stay" if q == 0 else "leave" if q == 1 else "mixed"
        (low, high), least = next((o.cascade, o.utility) for o in outcomes if o.kind == kind)
        assert low <= s <= high
        assert least[0] - 1e-12 <= values(game, 1, s, q)[0] <= least[1] + 1e-12


def test_arrays_of_any_shape() -> None:
    plane = Game(
        1.0,
        np.linspace(0.1, 2, 15)[:, None],
        (0.3, 0.8),
        (np.linspace(0, 0.4, 11), 0.5),
        (0.15, 0.6),
    )
    play = simultaneous(plane)
    assert play.lowest.shape == play.highest.shape == (15, 11)
    assert play.lowest[7, 9] == pytest.approx(simultaneous(plane[7, 9]).lowest)
    with pytest.raises(ValueError, match="single game"):
        _ = play.outcomes
