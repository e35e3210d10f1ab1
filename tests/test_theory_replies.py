"""Best replies of chains in exact arithmetic: in eighths ties are ties and ends are ends."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from routing_game.theory import GAMES
from routing_game.theory.chain import Chain, evaluate, ladder
from routing_game.theory.chain_solve import (
    Reply,
    cheapest,
    round_reply,
    single_reply,
    stopping_reply,
)

TIES = ("strong", "weak")
ONE, HALF = Fraction(1), Fraction(1, 2)
EIGHTHS = [Fraction(j, 8) for j in range(9)]


class Exact:
    """A chain with V = P = 1 and numbers that a float holds exactly."""

    def __init__(self, p: list, t: list, c: list, matrix: list, discount: Fraction = ONE) -> None:
        self.p, self.t, self.c, self.matrix, self.discount = p, t, c, matrix, discount

    @property
    def chain(self) -> Chain:
        rows = [[float(x) for x in row] for row in self.matrix]
        p, t, c = ([float(x) for x in numbers] for numbers in (self.p, self.t, self.c))
        return Chain(1.0, 1.0, p, t, c, rows, float(self.discount))

    def payoffs(self, start: int, q: Sequence[Fraction]) -> tuple[Fraction, Fraction]:
        """(U, J) if the user leaves with chance q_j after model j, exactly."""
        return payoffs_of_rounds([self], start, [q])


Leaving = Sequence[Fraction]


def payoffs_of_rounds(rounds: Sequence[Exact], start: int, q: Sequence[Leaving]) -> tuple:
    """(U, J) with q_rj after model j in round r; the last round repeats.

    Visits solve n' (I - A) = e', so the system is transposed.
    """
    models, delta = len(rounds[0].p), rounds[0].discount
    n = len(rounds) * models
    system = [[Fraction(int(i == j)) for j in range(n)] for i in range(n)]
    for r, chain in enumerate(rounds):
        to = min(r + 1, len(rounds) - 1) * models
        for i, j in itertools.product(range(models), repeat=2):
            stays = delta * (1 - chain.p[i]) * (1 - q[r][i])
            system[to + j][r * models + i] -= stays * chain.matrix[i][j]
    visits = eliminate(system, [Fraction(int(i == start - 1)) for i in range(n)])
    utility = cost = Fraction(0)
    for k, count in enumerate(visits):
        r, j = divmod(k, models)
        chain = rounds[r]
        utility += count * (chain.p[j] - chain.t[j])
        cost += count * (chain.c[j] + (1 - chain.p[j]) * q[r][j])
    return utility, cost


def eliminate(system: list, right: list) -> list:
    rows = [[*row, x] for row, x in zip(system, right, strict=True)]
    for k in range(len(rows)):
        pivot = next(i for i in range(k, len(rows)) if rows[i][k])
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [x / rows[k][k] for x in rows[k]]
        for i, row in enumerate(rows):
            if i != k and row[k]:
                rows[i] = [x - row[k] * y for x, y in zip(row, rows[k], strict=True)]
    return [row[-1] for row in rows]


def random_exact(rng: np.random.Generator, models: int) -> Exact:
    """Half of the models are worth exactly their time; often few others can be reached."""

    def eighths(low: int) -> Fraction:
        return Fraction(int(rng.integers(low, 8)), 8)

    p = [eighths(1) for _ in range(models)]
    t = [x if rng.random() < 0.5 else eighths(0) for x in p]
    matrix = []
    for _ in range(models):
        row = [Fraction(0)] * models
        ways = rng.choice(models, 1 if rng.random() < 0.5 else 2, replace=False)
        for j in ways:
            row[j] = Fraction(1, len(ways))
        matrix.append(row)
    discount = ONE if rng.random() < 0.7 else HALF
    return Exact(p, t, [eighths(0) for _ in range(models)], matrix, discount)


def judge(reply: Reply, options: list, exact: tuple, ties: str) -> bool:
    """Assert that a reply stands against these (U, J): none has more U, or equal U and a liked J.

    ``exact`` is (U, J) of the reply itself. Returns whether a tie was broken.
    """
    utility, cost = exact
    assert reply.utility == pytest.approx(float(utility), abs=1e-13)
    assert reply.cost == pytest.approx(float(cost), rel=1e-13)
    best = max(u for u, _ in options)
    equals = [j for u, j in options if u == best]
    assert float(best - utility) < 1e-14
    if utility == best:
        favourite = min(equals) if ties == "strong" else max(equals)
        liked = favourite - cost if ties == "strong" else cost - favourite
        assert float(liked) > -1e-13
        return len(set(equals)) > 1
    assert float(utility - best) > 1e-9  # between the points of the grid, no end nearly missed
    return False


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("models", [2, 3])
def test_single_reply_against_all_eighths(models: int, ties: str) -> None:
    rng = np.random.default_rng(20)
    broken = 0
    for _ in range(80):
        game, start = random_exact(rng, models), int(rng.integers(models)) + 1
        reply = single_reply(game.chain, start, ties)
        options = [game.payoffs(start, [q] * models) for q in EIGHTHS]
        at = game.payoffs(start, [Fraction(float(reply.abandon[0]))] * models)
        broken += judge(reply, options, at, ties)
    assert broken > 12  # most of them constant in q


@pytest.mark.parametrize("ties", TIES)
def test_single_reply_where_no_reachable_model_is_worth_more_or_less_than_its_time(
    ties: str,
) -> None:
    """U = 0 for every q; what a solver with pivots leaves of it must not decide."""
    quarter, half, eighth = Fraction(1, 4), Fraction(1, 2), Fraction(1, 8)
    two = Exact(
        [quarter, Fraction(5, 8)],
        [quarter, quarter],
        [Fraction(5, 8), half],
        [[ONE, ONE * 0], [ONE, ONE * 0]],
    )
    three = Exact(
        [quarter, half, eighth],
        [quarter, half, Fraction(3, 4)],
        [Fraction(5, 8), Fraction(7, 8), eighth],
        [[ONE, ONE * 0, ONE * 0], [half, ONE * 0, half], [half, ONE * 0, half]],
    )
    for game in (two, three):
        reply = single_reply(game.chain, 1, ties)
        assert (reply.utility, reply.cost) == (0, {"strong": 1.375, "weak": 2.5}[ties])


@pytest.mark.parametrize("p2", [Fraction(1, 4), HALF, Fraction(7, 8)])
def test_single_reply_where_both_ends_tie(p2: Fraction) -> None:
    """Xi2 = -xi1 p2 puts s0 at 1/2; a third model, out of reach, must not matter."""
    loss = Fraction(1, 8)
    zero = ONE * 0
    matrix = [[HALF, HALF, zero], [zero, ONE, zero], [ONE, zero, zero]]
    time = [HALF + loss, p2 - loss * p2, ONE]
    game = Exact([HALF, p2, HALF], time, [HALF, 3 * HALF, HALF], matrix)
    leaving, staying = (game.payoffs(1, [q] * 3) for q in (ONE, zero))
    assert leaving[0] == staying[0] == -loss
    assert leaving[1] != staying[1]
    costs = sorted((float(leaving[1]), float(staying[1])))
    replies = [single_reply(game.chain, 1, ties).cost for ties in TIES]
    assert replies == pytest.approx(costs, rel=1e-13)


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("end", [0.0, 1.0])
def test_an_end_where_two_derivatives_vanish_is_returned_exactly(end: float, ties: str) -> None:
    """U = -x^3/64 / (1 - x/2) and -(1 - x)^3: within 1e-12 of the best up to x = 1e-4 away."""
    zero = Fraction(0)
    steps = [
        [zero, ONE, zero, zero],
        [zero, zero, ONE, zero],
        [zero, zero, zero, ONE],
        [zero, zero, zero, ONE],
    ]
    matrix = [[float(x) for x in row] for row in steps]
    for cost in ([0.1, 0.2, 0.3, 0.4], [0.9, 0.9, 0.3, -4.0]):  # J rises from the end, or falls
        if end == 1.0:
            chain = Chain(1.0, 1.0, [0.5] * 4, [0.5, 0.5, 0.5, 0.625], cost, matrix)
        else:
            chain = Chain(20.0, 1.0, [0.5, 0.5, 0.5, 1.0], [11.0, 4.0, 22.0, 12.0], cost, matrix)
        beside = evaluate(chain, 1, abs(end - 2.0**-14))
        assert 0 < -beside.utility < 1e-12
        assert single_reply(chain, 1, ties).abandon == end


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("p", [0.3, 0.35, 0.6, 0.7, 0.9])
def test_an_end_where_two_derivatives_vanish_but_for_rounding(p: float, ties: str) -> None:
    """U = -(1 - x)^3 in numbers that no float holds: U' and U'' at x = 1 are mere rounding."""
    k = 1 - p
    worth = np.array([-1, 3 / k, -3 / k**2, 1 / k**3])
    value = 10 + np.abs(worth / [p, p, p, 1]).max()
    matrix = [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1]]
    success = np.array([p, p, p, 1])
    for cost in ([0.1, 0.2, 0.3, 0.4], [0.9, 0.9, 0.3, -4.0]):
        chain = Chain(value, 1.0, success, value * success - worth, cost, matrix)
        assert single_reply(chain, 1, ties).abandon == 0


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("models", [2, 3])
def test_stopping_reply_against_all_rules(models: int, ties: str) -> None:
    rng = np.random.default_rng(21)
    rules = list(itertools.product([Fraction(0), ONE], repeat=models))
    broken = 0
    for _ in range(250):
        game, start = random_exact(rng, models), int(rng.integers(models)) + 1
        reply = stopping_reply(game.chain, start, ties)
        at = game.payoffs(start, [Fraction(x) for x in reply.abandon.tolist()])
        broken += judge(reply, [game.payoffs(start, q) for q in rules], at, ties)
    assert broken > 40


def test_stopping_reply_where_all_that_is_ahead_is_worth_nothing() -> None:
    """M1 is worth exactly its time and leads nowhere: leaving ties, but for a solver's rounding."""
    eighth = Fraction(1, 8)
    matrix = [[ONE, ONE * 0], [HALF, HALF]]
    p, t, c = [2 * eighth, 3 * eighth], [2 * eighth, 2 * eighth], [5 * eighth, 0 * eighth]
    game = Exact(p, t, c, matrix)
    rules = list(itertools.product([Fraction(0), ONE], repeat=2))
    for start, ties in itertools.product((1, 2), TIES):
        reply = stopping_reply(game.chain, start, ties)
        at = game.payoffs(start, [Fraction(x) for x in reply.abandon.tolist()])
        judge(reply, [game.payoffs(start, q) for q in rules], at, ties)


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("models", [2, 3])
def test_round_reply_against_all_plans(models: int, ties: str) -> None:
    rng = np.random.default_rng(22)
    broken = 0
    for _ in range(30):
        rounds = [random_exact(rng, models) for _ in range(int(rng.integers(2, 4)))]
        for chain in rounds:
            chain.discount = rounds[0].discount
        start, last = int(rng.integers(models)) + 1, len(rounds) - 1

        def play(plan: Sequence, rounds: list = rounds, start: int = start) -> tuple:
            return payoffs_of_rounds(rounds, start, [[Fraction(q)] * models for q in plan])

        plans = [[0] * r + [1] * (last + 1 - r) for r in range(last)]
        plans += [[0] * last + [q] for q in EIGHTHS]
        reply = round_reply([chain.chain for chain in rounds], start, ties)
        options, exact = [play(plan) for plan in plans], play(reply.abandon.tolist())
        broken += judge(reply, options, exact, ties)
    assert broken > 3


def test_the_provider_s_search_ends_where_every_q_ties() -> None:
    """Both models are worth exactly their time: the provider's best (s, q) is found."""

    def family(s: np.ndarray) -> Chain:
        cascade = np.asarray(s)[..., None]
        return Chain(1.0, 1.0, [0.25, 0.5], [0.25, 0.5], [0.125, 0.25], ladder(cascade))

    best = cheapest(family, single_reply, starts=(1, 2))
    s, q = np.linspace(0, 1, 101)[:, None], np.linspace(0, 1, 101)[:, None, None]
    by_grid = min(evaluate(family(s), start, q[..., None]).cost.min() for start in (1, 2))
    assert best.cost == pytest.approx(by_grid, rel=1e-12)


@pytest.mark.parametrize("models", [2, 3, 5])
def test_visits_keep_all_digits_however_long_the_chain_lives(models: int) -> None:
    """P from 1 down to 1e-12, against the linear system in fractions."""
    rng = np.random.default_rng(23)
    for _ in range(25):
        p = 10.0 ** rng.uniform(-12, 0, models)
        matrix = rng.multinomial(16, np.ones(models) / models, models) / 16
        q = float(rng.choice([0.0, 1e-9, 0.3]))
        game = Exact(
            *([Fraction(x) for x in row] for row in (p, p / 2, p)),
            [[Fraction(x) for x in r] for r in matrix],
        )
        result = evaluate(game.chain, 1, q)
        utility, cost = game.payoffs(1, [Fraction(q)] * models)
        assert result.utility == pytest.approx(float(utility), rel=1e-13)
        assert result.cost == pytest.approx(float(cost), rel=1e-13)


def test_a_task_starts_with_the_first_model_unless_told() -> None:
    """In t4-cascade: M1 escalating at s0, found by search, against M2 if the task starts there."""
    game = GAMES["t4-cascade"]

    def family(s: np.ndarray) -> Chain:
        return Chain.of(game, s)

    first = cheapest(family, single_reply)
    assert (first.start, first.cost) == (1, pytest.approx(4.95 / 8.5, rel=1e-9))
    assert cheapest(family, single_reply, starts=(2,)).cost == pytest.approx(0.75)
