"""Every erratum of docs/errata.md: what is printed fails, what should stand there holds.

One test an entry, of the name that the entry gives, in the order of the page. Games are written
(V, p1, p2, t1, t2, c1, c2, P), as on the page. The judges are the chain of passes and grids that
know no theorem (`certify`), and formulas copied from the paper; the solver appears only where a set
of optima is itself what is corrected, and as the right value of many random games.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import paper_text
from paper_formulas import first_order, lower, mixed_branch, service, t_function, upper
from routing_game.theory import Game, best_response, sample_games, solve, thresholds
from routing_game.theory.certify import chain_visits, grid_cost, values
from routing_game.theory.frequencies import PRIORS, frequencies

PAGE = Path(__file__).parents[1] / "docs" / "errata.md"
N = 20_000
"""Random games a test."""
KINDS = {
    "What changes a result": "changes a result",
    "False remarks": "false remark",
    "Boundaries": "boundary",
    "Proof lines whose result stands": "proof line",
    "Misprints": "misprint",
}
"""The page's groups, and what their entries are called."""


def game(value: Any, p1: Any, p2: Any, t1: Any, t2: Any, c1: Any, c2: Any, penalty: Any) -> Game:
    return Game(value, penalty, (p1, p2), (t1, t2), (c1, c2))


def cost(g: Game, route: int, s: Any, q: Any) -> Any:
    """J_i(s, q), from the chain."""
    return values(g, route, s, q)[1]


def utility(g: Game, route: int, s: Any, q: Any) -> Any:
    """U_i(s, q), from the chain."""
    return values(g, route, s, q)[0]


def draw(regime: str | None, seed: int, n: int = N) -> Game:
    return sample_games(n, np.random.default_rng(seed), regime)


def subset(games: Game, *conditions: Any) -> Game:
    """The games that meet all conditions; there are some."""
    found = np.flatnonzero(np.logical_and.reduce(conditions))
    assert found.size > 20
    return games[found]


def switch_penalty(g: Game) -> Any:
    """d = (c2 - c1)/(p2 - p1)."""
    (p1, p2), (c1, c2) = g.success, g.cost
    return (c2 - c1) / (p2 - p1)


def derivative(f: Callable[[Any], Any], x: Any) -> Any:
    """f'(x) to the last digit, by a complex step; f is made of plain arithmetic."""
    return f(x + 1e-30j).imag / 1e-30


def misalignment(g: Game, points: int = 201) -> tuple[float, float]:
    """(least, largest) Delta_U over all optimal (i, s), every grid point of s and q tried."""
    q, s = np.linspace(0, 1, points)[:, None], np.linspace(0, 1, points)
    parts = [np.broadcast_arrays(*values(g, i, s if i == 1 else 0 * s, q)) for i in (1, 2)]
    u, j = (np.stack(column) for column in zip(*parts, strict=True))
    replies = u >= u.max(axis=1, keepdims=True) - 1e-12
    optimal = replies & (j <= np.where(replies, j, np.inf).min() + 1e-12)
    best = u[replies].max()
    return float(best - u[optimal].max()), float(best - u[optimal].min())


def cascading(penalty: Any) -> Game:
    """A game with xi1 < 0 < xi2 that cascades at s0 = 3/11 for every P > .64."""
    return game(1, 0.25, 0.75, 0.375, 0.5, 0.1, 0.6, penalty)


def throttled(penalty: Any, t1: float = 0.3, t2: float = 1.0) -> Game:
    """A game whose latencies may be raised: cp = (.875, .75), d = .625, V p = (.8, 1.6)."""
    return game(2, 0.4, 0.8, t1, t2, 0.35, 0.6, penalty)


# ---------------------------------------------------------------------------------- the page


class Entry(NamedTuple):
    """One erratum of the page."""

    kind: str
    number: int
    anchor: str
    body: str


def entries() -> list[Entry]:
    """Every entry, in the order of the page."""
    found = []
    for section in re.split("^## ", PAGE.read_text(encoding="utf-8"), flags=re.M)[1:]:
        kind = KINDS.get(section.splitlines()[0])
        parts = re.split(r'^<a id="(\w+)"></a>\n\n### (\d+)\. ', section, flags=re.M)[1:]
        assert kind or not parts
        for anchor, number, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
            found.append(Entry(str(kind), int(number), anchor, body))
    return found


def test_the_page_and_this_file_have_the_same_56_errata() -> None:
    here = [name for name in globals() if name.startswith("test_")]
    page = [entry.anchor for entry in entries()]
    assert [name for name in here if not name.startswith("test_the_page_")] == page
    assert [entry.number for entry in entries()] == list(range(1, 57))


def test_the_page_quotes_and_corrects_in_every_entry() -> None:
    for entry in entries():
        place = " ".join(entry.body.split("\n\n")[1].split())
        assert place.endswith(f"{entry.kind}; `{entry.anchor}`*"), entry.anchor
        assert list(paper_text.quotations(entry.body)), entry.anchor
        assert "**Correct:**" in entry.body, entry.anchor
    assert set(KINDS.values()) == {entry.kind for entry in entries()}


def test_the_page_opens_with_five_that_matter_and_links_only_to_entries() -> None:
    text = PAGE.read_text(encoding="utf-8")
    anchors = {entry.anchor for entry in entries()}
    assert set(re.findall(r"\]\(#(test_\w+)\)", text)) <= anchors
    opening = text.split("\n## ")[1]
    assert re.findall(r"^(\d)\. ", opening, flags=re.M) == list("12345")


# ---------------------------------------------------------------------- what changes a result


def test_candidate_list_of_theorem_5() -> None:
    g = game(1, 0.5, 0.75, 0.25, 0.875, 0.4, 0.5, 1)
    rest = [cost(g, 1, 0, 0), cost(g, 1, thresholds(g).s_low, 0), cost(g, 1, 1, 1)]
    rest.append(cost(g, 1, *mixed_branch(g, 200)).min())
    assert min(*rest, cost(g, 2, 0, 0)) == pytest.approx(2 / 3)  # J2(0): a user who stays with M2
    assert min(*rest, cost(g, 2, 0, 1)) == pytest.approx(0.75)
    assert grid_cost(g) == pytest.approx(0.75)

    games = draw("+-", 1)
    s_low = thresholds(games).s_low
    rest = [cost(games, 1, 0, 0), cost(games, 1, s_low, 0), cost(games, 1, 1, 1)]
    printed, right = (np.minimum.reduce([*rest, cost(games, 2, 0, q)]) for q in (0, 1))
    assert (printed < right - 1e-9).mean() > 0.05
    assert_allclose(right, solve(games).cost, rtol=1e-9)


def test_interior_minimum_of_theorem_5() -> None:
    games = draw("+-", 2)
    inside = cost(games, 1, *mixed_branch(games, 25)).min(axis=0)
    ends = [cost(games, 1, 0, 0), cost(games, 1, 1, 1), cost(games, 2, 0, 1)]
    least = np.minimum.reduce([*ends, cost(games, 1, thresholds(games).s_low, 0)])
    assert ((inside - least) / least > -1e-11).all()

    tie = game(1, 0.5, 0.75, 0.25, 0.875, 0.4, 0.6, 0.8)  # P = cp1 = cp2: everything costs P
    assert_allclose(cost(tie, 1, *mixed_branch(tie, 25)), 0.8)
    assert_allclose([cost(tie, 1, 0, 0), cost(tie, 1, 1, 1), cost(tie, 2, 0, 1)], 0.8)

    trap = game(3, 0.15, 0.35, 0.25, 1.35, 0.65, 1, 3.6)
    branch = cost(trap, 1, *mixed_branch(trap, 2001))
    turns = np.flatnonzero(np.diff(np.sign(np.diff(branch))))
    assert turns.size == 2  # it rises, falls and rises: a local search can stop inside
    assert branch[turns[1] + 1] == pytest.approx(3.7003, abs=5e-5)
    assert cost(trap, 1, thresholds(trap).s_low, 0) == pytest.approx(3.6929, abs=5e-5)
    assert grid_cost(trap) == pytest.approx(3.34)
    assert cost(trap, 2, 0, 1) == pytest.approx(3.34)


def test_best_responses_at_zero_net_value() -> None:
    q, s = np.linspace(0, 1, 101), np.linspace(0, 1, 101)
    first = game(2, 0.25, 0.5, 0.5, 0.75, 0.2, 0.9, 0.3)  # xi1 = 0 < xi2
    assert first.net_value == (0, 0.25)
    assert np.ptp(utility(first, 1, 0, q)) < 1e-12  # every q is a best response, not q = 0 alone
    assert min(cost(first, 1, s, 0).min(), cost(first, 2, 0, 0)) == pytest.approx(0.8)  # 2.1
    assert grid_cost(first) == pytest.approx(0.425)

    second = game(1, 0.5, 0.75, 0.25, 0.75, 0.6, 0.62, 0.5)  # xi1 > 0 = xi2
    assert second.net_value == (0.25, 0)
    assert np.ptp(utility(second, 2, 0, q)) < 1e-12
    with_q_0 = min(cost(second, 1, s, 0).min(), cost(second, 2, 0, 0))  # 2.1 and Theorem 1
    assert with_q_0 == pytest.approx(0.62 / 0.75)
    assert grid_cost(second) == pytest.approx(0.745)

    neither = game(1, 0.25, 0.5, 0.25, 0.5, 0.1, 0.4, 0.2)  # both parts apply: q* = 0 and q* = 1
    assert neither.net_value == (0, 0)
    assert np.ptp(utility(neither, 1, s, q[:, None])) < 1e-12
    assert cost(neither, 1, 0, 0) != pytest.approx(cost(neither, 1, 0, 1))
    for g in (first, second, neither):
        assert solve(g).cost == pytest.approx(grid_cost(g))
        reply = best_response(g, 1 if g.net_value[0] == 0 else 2, 0)
        assert (reply.low, reply.high, reply.connected) == (0, 1, True)


def test_acting_on_the_mean_of_s() -> None:
    g, q = game(1, 0.3, 0.7, 0.4, 0.5, 0.2, 0.5, 1), np.linspace(0, 1, 2001)
    s, weight = beta_points(1, 2)
    expected = weight @ utility(g, 1, s[:, None], q)
    assert weight @ s == pytest.approx(0.333, abs=5e-4)
    assert thresholds(g).s0 == pytest.approx(0.259, abs=5e-4)  # less than E s: stay
    assert q[np.argmax(utility(g, 1, weight @ s, q))] == 0
    assert expected[0] == pytest.approx(-0.09631, abs=5e-6)
    assert q[np.argmax(expected)] == pytest.approx(0.0995, abs=5e-4)
    assert expected.max() == pytest.approx(-0.09564, abs=5e-6)

    mean = thresholds(g).s0 + 0.02  # stay, says the mean; of the two, leaving is better
    assert utility(g, 1, mean, 0.0) > utility(g, 1, mean, 1.0)
    for a, b, stay_wins in ((1, 2, True), (2 * mean, 2 * (1 - mean), False)):
        s, weight = beta_points(a, b)
        stay, leave = weight @ utility(g, 1, s[:, None], np.array([0.0, 1.0]))
        assert (stay > leave) == (weight @ advantage(g, s) > 0) == stay_wins

    one, other = (game(1, 0.1, p2, 0.3, 0.4, 0.2, 0.5, 1) for p2 in (0.2, 0.8))
    at_mean = game(1, 0.1, 0.5, 0.3, 0.4, 0.2, 0.5, 1)  # p2 = .2 or .8, equally likely; route 2
    assert utility(at_mean, 2, 0, 0) > utility(at_mean, 2, 0, 1)  # stay, says the mean of p2
    stay, leave = ((utility(one, 2, 0, q) + utility(other, 2, 0, q)) / 2 for q in (0, 1))
    assert (stay, leave) == pytest.approx((-0.25, 0.1))


def beta_points(a: float, b: float) -> tuple[Any, Any]:
    """Nodes and weights for the mean over Beta(a, b)."""
    from scipy.special import roots_sh_jacobi

    s, weight = roots_sh_jacobi(200, a + b - 1, a)
    return s, weight / weight.sum()


def advantage(g: Game, s: Any) -> Any:
    """K+(s) / (p1 + k1 s)."""
    (xi1, xi2), (p1, p2), k1 = g.net_value, g.success, g.failure[0]
    return (xi1 * (1 - s) + xi2 * s / p2) / (p1 + k1 * s)


# ------------------------------------------------------------------------------ false remarks


def test_figure_4_caption() -> None:
    for penalty in (0.65, 1.0, 10.0, 1000.0):
        g = cascading(penalty)
        assert g.net_value[0] < 0 < g.net_value[1]
        assert utility(g, 1, 3 / 11, 0) == pytest.approx(utility(g, 1, 3 / 11, 1))
        static = min(cost(g, 1, 0, 1), cost(g, 1, 1, 0), cost(g, 2, 0, 0))
        assert cost(g, 1, 3 / 11, 0) == pytest.approx(0.58)  # a probabilistic s is optimal here too
        assert static > 0.58
        assert penalty < 0.8 or static == pytest.approx(0.7)
        assert grid_cost(g, 1101) == pytest.approx(0.58)
    assert cost(cascading(0.64), 1, 0, 1) == pytest.approx(0.58)  # here leaving costs the same
    for regime, dearer in (("-+", False), ("+-", True)):  # not narrow: all of both, at large P
        games = draw(regime, 3)
        games = subset(games, (games.cost_of_pass[0] > games.cost_of_pass[1]) == dearer)
        large = with_penalty(games, 1e4)
        s0, s_low, _ = thresholds(large)
        cascade = cost(large, 1, s0 if regime == "-+" else s_low, 0)
        assert (cascade < best_static(large)).mean() > 0.99
    for prior in PRIORS:  # rare all the same, over games of every kind
        share = frequencies(prior, 50_000, np.random.default_rng(4))
        assert 0.001 < share["s0"] + share["s_L"] < 0.06


def with_penalty(g: Game, penalty: Any) -> Game:
    return Game(g.value, np.broadcast_to(penalty, g.shape), g.success, g.latency, g.cost)


def best_static(g: Game) -> Any:
    """The least cost of (1, 0), (1, 1) and (2, 0) where the user stays or leaves for good."""
    least = np.full(g.shape, np.inf)
    for route, s in ((1, 0), (1, 1), (2, 0)):
        leaves = utility(g, route, s, 1) > utility(g, route, s, 0)
        least = np.minimum(least, cost(g, route, s, np.where(leaves, 1.0, 0.0)))
    return least


def test_certain_escalation_for_small_penalties() -> None:
    for regime in ("++", "-+"):
        games = draw(regime, 5)
        s0 = np.nan_to_num(thresholds(games).s0)
        others = np.minimum(cost(games, 1, s0, 0), cost(games, 2, 0, 0))
        assert (cost(games, 1, 1, 0) > others).all()  # dearer whatever P is
    assert cost(cascading(1), 1, 1, 0) == pytest.approx(0.7)
    small, large = cascading(0.3), cascading(1)
    assert cost(small, 1, 0, 1) < cost(small, 1, 3 / 11, 0) == pytest.approx(0.58)
    assert cost(large, 1, 0, 1) > cost(large, 1, 3 / 11, 0)  # cascading is for large P
    tie = game(1, 0.25, 0.75, 0.375, 0.5, 0.2, 0.6, 1)  # cp1 = cp2: the exception
    assert cost(tie, 1, 1, 0) == pytest.approx(grid_cost(tie))


def test_cascading_for_low_penalties() -> None:
    def options(penalty: float) -> tuple[float, float, float]:
        """J of leaving on route 1, of route 2, and of the cascade at s_L."""
        g = game(1, 0.5, 0.7, 0.3, 0.9, 0.45, 0.5, penalty)
        s_low = thresholds(g).s_low
        assert s_low == pytest.approx(0.3518, abs=5e-5)
        assert g.cost_of_pass == pytest.approx((0.9, 0.714), abs=5e-4)
        costs = float(cost(g, 1, 1, 1)), float(cost(g, 2, 0, 1)), float(cost(g, 1, s_low, 0))
        assert grid_cost(g, 801) == pytest.approx(min(*costs, cost(g, 1, 0, 0)), rel=2e-3)
        return costs

    below_cp1 = [np.argmin(options(penalty)) for penalty in (0.1, 0.24, 0.26, 0.7)]
    assert below_cp1 == [0, 0, 1, 1]  # "sufficiently low with respect to" .9: no cascade at all
    above = [np.argmin(options(penalty)) for penalty in (1.16, 1.18, 3, 1000)]
    assert above == [1, 2, 2, 2]  # "remain at the standard model", J1(0, 0) = .9 > .8517
    assert options(3)[2] == pytest.approx(0.8517, abs=5e-5)
    _, second, cascade = options(1.172)  # where they cross
    assert second == pytest.approx(cascade, abs=5e-4)

    games = draw("+-", 6)
    games = subset(games, games.cost_of_pass[0] > games.cost_of_pass[1])
    s_low = thresholds(games).s_low
    assert (cost(games, 1, s_low, 0) < cost(games, 1, 0, 0)).all()


def test_the_weaker_model_first() -> None:
    expected = {"uniform": 64, "unit": 36, "ratios": 32, "measured": 10}  # per cent
    for prior, second_first in expected.items():
        games = PRIORS[prior](100_000, np.random.default_rng(7))
        games = subset(games, games.net_value[0] < 0, games.net_value[1] > 0)
        cascade = cost(games, 1, thresholds(games).s0, 0)
        first = np.minimum(cost(games, 1, 0, 1), cascade)
        share = 100 * (cost(games, 2, 0, 0) < first).mean()
        assert share == pytest.approx(second_first, abs=3)

    games = draw("-+", 8)
    games = subset(games, games.cost_of_pass[0] > games.cost_of_pass[1])
    large = with_penalty(games, 1e4)
    cascade = cost(large, 1, thresholds(large).s0, 0)
    assert (cost(large, 2, 0, 0) < np.minimum(cost(large, 1, 0, 1), cascade)).all()


def test_cascade_on_failure_that_never_happens() -> None:
    games = draw("+-", 9, 2000)
    s_high = thresholds(games).s_high
    for share in (0.001, 0.5, 1.0):
        s = s_high + share * (1 - s_high)
        stays = np.linspace(0, 0.99, 34)[:, None]
        assert (utility(games, 1, s, 1) >= utility(games, 1, s, stays)).all()
        passes = chain_visits(games, 1, s, np.ones(games.shape))
        assert_array_equal(passes[:, 1], 0)  # M2 is never called
        assert_array_equal(passes[:, 0], 1)  # and M1 once


def test_any_likelihood_of_cascading() -> None:
    g, s = cascading(1), np.array([3 / 11, 0.5, 0.75, 1])
    assert_allclose(utility(g, 1, s, 0), [-0.125, 0, 0.07692, 0.125], atol=5e-6)  # it rises in s
    assert utility(g, 2, 0, 0) == pytest.approx(1 / 3)
    games = draw("-+", 10)
    share = np.linspace(0, 1, 21)[:, None]
    held = utility(games, 1, thresholds(games).s0 * (1 - share) + share, 0)
    assert (np.diff(held, axis=0) > 0).all()
    assert (utility(games, 2, 0, 0) > held[-1]).all()  # what harms is to start at M1


def test_causes_of_misalignment() -> None:
    for penalty in (0.1, 0.5, 0.7, 5.0, 1000.0):  # not low churn penalties
        g = cascading(penalty)
        s, q = (0, 1) if penalty < 0.64 else (3 / 11, 0)
        assert cost(g, 1, s, q) <= min(cost(g, 2, 0, 0), cost(g, 1, 0, 1)) + 1e-12
        assert utility(g, 2, 0, 0) - utility(g, 1, s, q) == pytest.approx(0.4583, abs=5e-5)
    low, high = (game(0.1, 0.3, 0.6, 0.3, 0.5, 0.1, 0.5, penalty) for penalty in (0.01, 1000))
    assert misalignment(low) == pytest.approx((0, 0), abs=1e-12)
    assert misalignment(high) == pytest.approx((0.17, 0.17))  # the high penalty is the cause
    for penalty in (0.01, 1, 1000):  # ++: P plays no part
        assert misalignment(throttled(penalty, 0.1, 0.5)) == pytest.approx((0.375, 0.375))


def test_cheaper_and_more_successful() -> None:
    g = game(2, 0.4, 0.8, 0.1, 0.5, 0.35, 0.6, 1)
    assert (g.cost[1], g.success[1]) > (g.cost[0], g.success[0])
    assert cost(g, 2, 0, 0) == pytest.approx(grid_cost(g, 401))  # the provider takes M2: no cheaper
    assert utility(g, 1, 0, 0) - utility(g, 2, 0, 0) == pytest.approx(0.375)  # nor does the user
    assert misalignment(g) == pytest.approx((0.375, 0.375))
    games = draw("++", 11)
    (p1, p2), (t1, t2) = games.success, games.latency
    prefers_second = utility(games, 2, 0, 0) > utility(games, 1, 0, 0)
    assert_array_equal(prefers_second, t2 / p2 < t1 / p1)  # the less time, not the more success
    assert 0.05 < prefers_second.mean() < 0.95


def test_similar_value() -> None:
    g = game(1, 0.25, 0.75, 0.251, 0.749, 0.1, 0.6, 1)
    assert g.net_value == pytest.approx((-0.001, 0.001))
    s0 = thresholds(g).s0
    assert s0 == pytest.approx(0.4286, abs=5e-5)
    below, above = ((s0 - 0.01, 1), (s0 + 0.01, 0))  # the reply does depend on s
    q = np.linspace(0, 1, 101)
    for s, reply in (below, above):
        assert q[np.argmax(utility(g, 1, s, q))] == reply
    static = min(cost(g, 1, 0, 1), cost(g, 1, 1, 0), cost(g, 2, 0, 0))
    assert cost(g, 1, s0, 0) == pytest.approx(0.625)
    assert static == pytest.approx(0.7)  # and a cascade is optimal
    apart = game(10, 0.25, 0.75, 0.1, 7.4, 0.1, 0.6, 1)  # xi = (2.4, .1): far apart, no cascade
    assert cost(apart, 1, 0, 0) == pytest.approx(grid_cost(apart, 401))


def test_accepting_to_start_at_m1() -> None:
    g = cascading(1)
    assert utility(g, 1, 3 / 11, 0) == pytest.approx(-0.125)
    assert utility(g, 1, 0.28, 0) < 0  # s > s0 = .2727, and worse than doing without
    assert utility(g, 1, 0.5, 0) == pytest.approx(0)
    assert cost(g, 1, 0.5, 0) == pytest.approx(0.64)
    games = draw("-+", 12)
    (xi1, xi2), p2, k1 = games.net_value, games.success[1], games.failure[0]
    just = -xi1 * p2 / (k1 * xi2)
    assert (just > thresholds(games).s0).all()
    games, just = games[np.flatnonzero(just <= 1)], just[just <= 1]
    assert_allclose(utility(games, 1, just, 0), 0, atol=1e-12)
    assert (utility(games, 1, thresholds(games).s0, 0) < 0).all()


def test_heterogeneous_tasks() -> None:
    hard, easy = (game(10, p1, 0.8, 0.3, 0.5, 0.2, 0.6, 1) for p1 in (0.1, 0.7))
    at_mean = game(10, 0.4, 0.8, 0.3, 0.5, 0.2, 0.6, 1)
    assert min(*hard.net_value, *easy.net_value) > 0  # ++ either way: the user stays
    assert at_mean.cost_of_pass == pytest.approx((0.5, 0.75))  # Theorem 3 at the mean: (1, 0)
    s = np.linspace(0, 1, 1001)
    j1 = (cost(hard, 1, s, 0) + cost(easy, 1, s, 0)) / 2
    j2 = (cost(hard, 2, 0, 0) + cost(easy, 2, 0, 0)) / 2
    assert j1[0] == pytest.approx(8 / 7)
    assert j2 == pytest.approx(0.75)
    assert s[np.argmin(j1)] == 1  # a cascade, which Theorem 3 excludes
    assert j1.min() == pytest.approx(0.65)
    told = [min(cost(g, 1, s, 0).min(), cost(g, 2, 0, 0)) for g in (hard, easy)]
    assert told == pytest.approx([0.75, 2 / 7])  # known types: the theorem, type by type


def test_throttling_gain_linear_in_penalty() -> None:
    penalty = np.array([0.1, 0.3, 0.5, 0.6, 0.625, 0.7, 0.74])
    gain = []
    for p in penalty:
        gain.append(grid_cost(throttled(p), 401) - grid_cost(throttled(p, 0.9, 1.7), 401))
    assert gain == pytest.approx([0.34, 0.22, 0.10, 0.04, 0.025, 0.01, 0.002], abs=1e-9)
    slope = np.diff(gain) / np.diff(penalty)
    assert slope == pytest.approx([-0.6] * 4 + [-0.2] * 2, abs=1e-6)  # -k1 up to d, then -k2

    games = draw("++", 13)
    (cp1, cp2), d = games.cost_of_pass, switch_penalty(games)
    inside = (d < np.minimum(cp1, cp2)) & (np.abs(cp1 / cp2 - 1) > 1e-9)
    assert_array_equal(inside, (cp1 > cp2) & (np.abs(cp1 / cp2 - 1) > 1e-9))


def test_throttling_either_model() -> None:
    g = throttled(0.74)
    assert grid_cost(g, 401) == pytest.approx(0.75)
    for t1 in (0.81, 0.9, 0.99):  # M1 too slow, and t1 < t2 still: the provider goes on with M2
        assert grid_cost(throttled(0.74, t1), 401) == pytest.approx(0.75)
    assert grid_cost(throttled(0.74, 0.3, 1.7), 401) == pytest.approx(0.75 - 0.002)  # M2 alone
    assert grid_cost(throttled(0.74, 0.9, 1.7), 401) == pytest.approx(0.748)  # both

    games = draw("++", 14)
    (cp1, cp2), (l1, l2) = games.cost_of_pass, leaving_costs(games)
    dear = subset(games, l1 > cp2, games.penalty < cp2, cp2 < cp1)  # P below the bound
    s = np.linspace(0, 1, 21)[:, None]
    assert (cost(dear, 1, s, 0) > dear.cost_of_pass[1]).all()  # M1 too slow: M2 stays the best
    slow = Game(games.value, games.penalty, games.success, slowed(games), games.cost)
    for route, left in ((1, l1), (2, l2)):  # M2 too slow: both leaving costs can be had
        stays = utility(slow, route, 1, np.linspace(0, 0.99, 12)[:, None])
        assert (utility(slow, route, 1, 1) > stays).all()
        assert_allclose(cost(slow, route, 1, 1), left)


def slowed(g: Game) -> tuple[Any, Any]:
    """(t1, t2) with M2 alone made latency-dominated."""
    return g.latency[0], 1.1 * g.value * g.success[1]


def leaving_costs(g: Game) -> tuple[Any, Any]:
    return cost(g, 1, 0, 1), cost(g, 2, 0, 1)


def test_throttling_gain_above_the_bound() -> None:
    before = grid_cost(throttled(0.8), 401)
    assert before == pytest.approx(0.75)
    assert grid_cost(throttled(0.8, 0.9, 1.7), 401) - before == pytest.approx(0.01)  # both: a loss
    assert grid_cost(throttled(0.8, 0.3, 1.7), 401) - before == pytest.approx(0.01)  # M2: a loss
    assert grid_cost(throttled(0.8, 0.9), 401) == pytest.approx(before)  # M1 alone: nothing
    assert grid_cost(throttled(0.8, 0.4, 1.1), 401) == pytest.approx(before)  # a little: nothing
    games = draw("++", 15)
    (cp1, cp2), (l1, l2) = games.cost_of_pass, leaving_costs(games)
    below = games.penalty < np.minimum(cp1, cp2)
    assert_array_equal(np.minimum(l1, l2) < np.minimum(cp1, cp2), below)


def test_throttling_maximises_misalignment() -> None:
    def latencies(t1: float, t2: float) -> Game:
        return game(2, 0.4, 0.8, t1, t2, 0.15, 0.6, 0.2)

    before, after = latencies(0.3, 0.5), latencies(0.9, 1.7)
    assert grid_cost(after, 401) < grid_cost(before, 401)  # the provider does gain
    assert misalignment(before) == pytest.approx((0.125, 0.125))
    assert misalignment(after) == pytest.approx((0, 0), abs=1e-12)
    assert misalignment(latencies(1.6, 1.7)) == pytest.approx((0.7, 0.7))
    unslowed = utility(before, 2, 0, 0)  # what the user could have without throttling
    losses = [unslowed - utility(latencies(t, t + 0.1), 1, 0, 1) for t in (1, 10, 100)]
    assert_allclose(np.diff(losses), [9, 90])  # no maximum on that count either


# ---------------------------------------------------------------------------------- boundaries


def test_proposition_1_at_ties() -> None:
    def signs(g: Game) -> tuple[float, float]:
        """The two signs whose equality 1.1 or 1.2 takes for Delta_U = 0."""
        (xi1, xi2), (p1, p2), (cp1, cp2) = g.net_value, g.success, g.cost_of_pass
        first = cp1 - cp2, xi2 / p2 - xi1 / p1
        second = xi2 - xi1, g.penalty - switch_penalty(g)
        one, other = np.sign(np.round(first if xi1 > 0 else second, 12))
        return one, other

    user_tie = game(2, 0.25, 0.5, 0.25, 0.5, 0.1, 0.5, 1)
    assert signs(user_tie) == (-1, 0)
    assert misalignment(user_tie) == pytest.approx((0, 0), abs=1e-12)
    provider_tie = game(2, 0.25, 0.5, 0.1, 0.5, 0.2, 0.4, 1)
    assert signs(provider_tie) == (0, -1)
    least = grid_cost(provider_tie, 401)
    assert cost(provider_tie, 1, 0, 0) == pytest.approx(least)  # (1, 0), Theorem 3
    assert misalignment(provider_tie) == pytest.approx((0, 0.6), abs=1e-12)  # 0 at (1, 0)

    user_tie = game(0.5, 0.25, 0.75, 0.5, 0.75, 0.2, 0.5, 0.7)
    assert signs(user_tie) == (0, 1)
    assert misalignment(user_tie) == pytest.approx((0, 0), abs=1e-12)
    provider_tie = game(0.1, 0.3, 0.6, 0.3, 0.4, 0.1, 0.4, 1)
    assert signs(provider_tie) == (-1, 0)
    least = grid_cost(provider_tie, 401)
    assert cost(provider_tie, 1, 0, 1) == pytest.approx(least)  # (1, s), Theorem 3
    assert misalignment(provider_tie) == pytest.approx((0, 0.07), abs=1e-12)

    for regime in ("++", "--"):  # the corrected rule, where nobody is indifferent
        for k in range(40):
            g = draw(regime, 100 + k, 1)[0]
            first, second = signs(g)
            assert (misalignment(g, 51)[0] < 1e-12) == (first == second)


def test_proposition_1_3_at_zero_net_value() -> None:
    leaves = game(1, 0.25, 0.5, 0.25, 0.75, 0.1, 0.5, 0.2)  # xi1 = 0 > xi2
    assert leaves.net_value == (0, -0.25)
    assert grid_cost(leaves) == pytest.approx(cost(leaves, 1, 0, 1))
    assert misalignment(leaves) == pytest.approx((0, 0), abs=1e-12)  # and xi_i* = 0, not > 0

    second = game(1, 0.25, 0.5, 0.375, 0.5, 0.2, 0.3, 2)  # xi1 < 0 = xi2
    assert second.net_value == (-0.125, 0)
    assert grid_cost(second) == pytest.approx(cost(second, 2, 0, 0))  # i* = 2
    assert misalignment(second) == pytest.approx((0, 0), abs=1e-12)

    nearly = game(1, 0.25, 0.5, 0.24, 0.75, 0.1, 0.5, 0.2)  # xi1 = .01: as printed
    assert misalignment(nearly)[0] == pytest.approx(0.03)


def test_theorem_4_equalities() -> None:
    at_second = cascading(0.64)  # P = P2
    assert cost(at_second, 1, 0, 1) == pytest.approx(cost(at_second, 1, 3 / 11, 0))
    assert [piece.rule for piece in solve(at_second).pieces] == ["leave-1", "s0"]
    at_first = game(1, 0.25, 0.75, 0.375, 0.5, 0.3, 0.6, 2 / 3)  # P = P1
    assert cost(at_first, 1, 0, 1) == pytest.approx(cost(at_first, 2, 0, 0))
    assert [piece.rule for piece in solve(at_first).pieces] == ["leave-1", "stay-2"]
    equal = game(1, 0.25, 0.75, 0.375, 0.5, 0.2, 0.6, 1)  # cp1 = cp2: s from s0 on, and route 2
    s = np.linspace(3 / 11, 1, 50)
    assert_allclose(cost(equal, 1, s, 0), cost(equal, 2, 0, 0))
    assert [piece.rule for piece in solve(equal).pieces] == ["s0", "stay-2"]
    assert solve(equal).pieces[0].cascade == pytest.approx((3 / 11, 1))
    for g in (at_second, at_first, equal):
        assert grid_cost(g, 1101) == pytest.approx(solve(g).cost)

    g = game(1, 0.3, 0.8, 0.4, 0.5, 0.15, 0.6, 0.4)  # "(1, 0)" is any s < s0
    s, q = np.linspace(0, thresholds(g).s0 - 1e-9, 50), np.linspace(0, 1, 101)[:, None]
    assert (utility(g, 1, s, q).argmax(axis=0) == 100).all()
    assert_allclose(cost(g, 1, s, 1), 0.43)
    assert grid_cost(g) == pytest.approx(0.43)

    at_s0 = utility(cascading(1), 1, 3 / 11, q[:, 0])  # at s0 the ends tie, and only they
    assert at_s0[0] == pytest.approx(at_s0[-1])
    assert (at_s0[1:-1] < at_s0[0] - 1e-4).all()
    assert cost(cascading(1), 1, 3 / 11, 0) == pytest.approx(0.58)
    leave = cost(cascading(1), 1, 3 / 11, 1)  # a user who leaves at s0 undoes (1, s0)
    assert leave == pytest.approx(0.85)


def test_gap_in_every_configuration() -> None:
    rng = np.random.default_rng(16)
    (c1, c2), penalty = np.sort(rng.uniform(0.01, 1, (2, N)), axis=0), rng.uniform(0.05, 4, N)
    s = np.linspace(0, 1, 11)[:, None]
    equal_worth = game(2, 0.25, 0.5, 0.25, 0.5, c1, c2, penalty)  # xi1/p1 = xi2/p2 = 1: stays
    assert_allclose(utility(equal_worth, 1, s, 0), 1)
    assert_allclose(utility(equal_worth, 2, 0, 0), 1)
    equal_loss = game(0.5, 0.25, 0.75, 0.5, 0.75, c1, c2, penalty)  # xi1 = xi2 = -.375: leaves
    assert_allclose(utility(equal_loss, 1, s, 1), -0.375)
    assert_allclose(utility(equal_loss, 2, 0, 1), -0.375)
    for g in (equal_worth[0], equal_loss[0]):
        assert misalignment(g) == pytest.approx((0, 0), abs=1e-12)


def test_throttling_that_changes_nothing() -> None:
    before, after = throttled(0.74), throttled(0.74, 0.9)
    assert (before.net_value[0] > 0) & (after.net_value[0] < 0)
    assert grid_cost(after, 401) == pytest.approx(grid_cost(before, 401))  # "benefits"
    for g in (before, after):  # "reduces the user's utility"
        assert cost(g, 2, 0, 0) == pytest.approx(grid_cost(g, 401))
        assert utility(g, 2, 0, 0) == pytest.approx(0.75)


# ------------------------------------------------------------- proof lines whose result stands


def test_lemma_1_inference() -> None:
    s = np.linspace(0, 1, 101)
    first, second = 2 * s, s**2  # both monotone, and first - 1.5 second is not
    assert np.unique(np.sign(np.diff(first - 1.5 * second))).size == 2
    games = draw(None, 17, 2000)
    for q in (0.0, 0.3, 0.8):
        c, success = service(games, s[:, None], np.full(games.shape, q))
        j = c + games.penalty * (1 - success)
        square = (1 - games.failure[0] * (1 - q) * (1 - s[:, None])) ** 2
        scaled = np.diff(j, axis=0) * np.sqrt(square[1:] * square[:-1])  # dJ/ds times D^2
        assert_allclose(scaled, scaled[:1] + 0 * scaled, rtol=1e-6, atol=1e-9)  # a constant


def test_theorem_2_4_order_of_thresholds() -> None:
    games = draw("+-", 18)
    (xi1, xi2), (p1, p2), k2 = games.net_value, games.success, games.failure[1]
    s_high = xi1 / (xi1 - xi2)
    at_high = t_function(games, s_high, 0)
    factor = (1 + p2) * xi1 - (p1 + p2) * xi2
    assert_allclose(at_high, xi1 * xi2 * k2 * factor / (p2 * (xi1 - xi2)) ** 2, rtol=1e-8)
    assert (at_high < 0).all()  # so T has crossed 0 before s_H
    assert (thresholds(games).s_low < s_high).all()
    late = xi1 + (xi2 / p2**2 - xi1) * s_high**200  # falls between the same ends, and stays above 0
    assert (late > 0).mean() > 0.9


def test_theorem_2_4_first_order_condition() -> None:
    g, q = cascading(1), np.linspace(0, 1, 2001)
    f, u = first_order(g, 3 / 11, q), utility(g, 1, 3 / 11, q)
    root = q[np.argmin(np.abs(f))]
    assert q[np.argmin(u)] == pytest.approx(root, abs=1e-3)  # a root of F, and the worst q of all
    assert 0.1 < root < 0.9
    quadratic = (q - 0.25) * (q - 0.75)  # turns once, and has two roots
    assert np.count_nonzero(np.diff(np.sign(np.diff(quadratic)))) == 1
    assert np.count_nonzero(np.diff(np.sign(quadratic[::7]))) == 2

    games = draw("+-", 19, 2000)
    s, q_dagger = mixed_branch(games, 9)
    assert (first_order(games, s, 0) < 0).all()
    assert (first_order(games, s, 1) > 0).all()
    for share in (0.1, 0.5, 0.9):
        slope = derivative(lambda x, s=s: utility(games, 1, s, x), share)
        assert_array_equal(np.sign(slope), -np.sign(first_order(games, s, share)))
    best = utility(games, 1, s, q_dagger)
    for other in np.linspace(0, 1, 51):
        assert (best - utility(games, 1, s, other) > -1e-12 * games.value).all()


def test_theorem_4_direction_of_j1() -> None:
    g, s = cascading(10), np.array([0, 0.5, 1])
    assert g.cost_of_pass[0] < g.cost_of_pass[1]
    assert_allclose(cost(g, 1, s, 0.9), [7.405, 7.231, 7.069], atol=5e-4)  # it falls
    games, q = draw(None, 20), np.random.default_rng(21).random(N)
    eta1, eta2 = (c - games.penalty * p for c, p in zip(games.cost, games.success, strict=True))
    (p1, p2), (k1, k2) = games.success, games.failure
    sign = np.sign(eta2 * (p1 + k1 * q) - eta1 * (p2 + k2 * q))
    assert_array_equal(sign, np.sign(cost(games, 1, 1, q) - cost(games, 1, 0, q)))
    at_zero = np.sign(cost(games, 1, 1, 0) - cost(games, 1, 0, 0))
    assert_array_equal(at_zero, np.sign(games.cost_of_pass[1] - games.cost_of_pass[0]))
    assert (sign != at_zero).mean() > 0.1


def test_proof_numerator_of_j1_minus_j2() -> None:
    g = cascading(1)
    assert cost(g, 1, 3 / 11, 0) - cost(g, 2, 0, 0) == pytest.approx(-0.22)
    assert (g.cost[0] - g.cost[1]) / (0.25 + 0.75 * 3 / 11) == pytest.approx(-1.1)  # as printed
    games = draw("-+", 22)
    (p1, p2), k1, (c1, c2) = games.success, games.failure[0], games.cost
    s0 = thresholds(games).s0
    difference = cost(games, 1, s0, 0) - cost(games, 2, 0, 0)
    assert_allclose(difference * (p1 + k1 * s0), c1 - p1 * c2 / p2, atol=1e-11)
    dearer = c1 / p1 > c2 / p2  # the printed numerator is negative here too
    assert (difference[dearer] > 0).all()


def test_equation_18_bound() -> None:
    g = game(1, 0.5, 0.75, 0.25, 0.875, 0.4, 0.5, 0.3)
    s = 0.605
    q = best_response(g, 1, s).low
    assert q == pytest.approx(0.4767, abs=5e-5)
    c, success = service(g, s, q)
    ratio = (c - 0.4) / (success - 0.5)
    assert ratio == pytest.approx(0.7033, abs=5e-5)
    left, printed = (ratio - 0.3) * (success - 0.5), (0.8 - 0.3) * (success - 0.5)
    assert (left, printed) == pytest.approx((0.0847, 0.1050), abs=5e-5)  # (18) says left >= printed
    assert left == pytest.approx(cost(g, 1, s, q) - cost(g, 1, 1, 1))

    games = draw("+-", 23)
    (cp1, cp2), d = games.cost_of_pass, switch_penalty(games)
    games = subset(games, games.penalty < np.minimum(cp1, d), np.abs(cp1 / cp2 - 1) > 1e-6)
    least = np.minimum(*games.cost_of_pass)
    assert (games.penalty < least).all()  # so (19) follows from the right bound
    for s, q in zip(*mixed_branch(games, 5), strict=True):
        c, success = service(games, s, q)
        gained = success - games.success[0]
        assert (c - games.cost[0] >= least * gained * (1 - 1e-6)).all()
        assert (cost(games, 1, s, q) > cost(games, 1, 1, 1)).all()


def test_theorem_5_3_last_step() -> None:
    g = game(1, 0.5, 0.75, 0.25, 0.875, 0.4, 0.5, 0.5)  # d = .4 < P < cp2 = .667 < cp1 = .8
    s_low = thresholds(g).s_low
    assert cost(g, 1, 0, 0) == pytest.approx(0.8)
    assert cost(g, 1, s_low, 0) == pytest.approx(0.753, abs=5e-4)  # not above J1(0, 0)
    games = draw("+-", 24)
    (cp1, cp2), d = games.cost_of_pass, switch_penalty(games)
    games = subset(games, cp1 > cp2, d < games.penalty, games.penalty < cp2)
    s = thresholds(games).s_low * np.linspace(0, 1, 11)[:, None]
    assert (np.diff(cost(games, 1, s, 0), axis=0) < 0).all()
    l1, l2 = leaving_costs(games)
    assert (cost(games, 1, s, 0) >= cost(games, 1, 1, 0)).all()
    assert ((cost(games, 1, 1, 0) > l1) & (l1 > l2)).all()


def test_proposition_1_2_inequality() -> None:
    aligned = game(0.1, 0.3, 0.6, 0.3, 0.4, 0.1, 0.5, 0.2)  # xi2 < xi1 and P < d
    assert misalignment(aligned) == pytest.approx((0, 0), abs=1e-12)  # the line says > 0
    apart = game(0.5, 0.3, 0.6, 0.3, 0.4, 0.1, 0.5, 0.2)  # xi2 > xi1 and P < d
    assert misalignment(apart) == pytest.approx((0.05, 0.05))  # the line says 0

    games = draw("--", 25)
    (xi1, xi2), (l1, l2) = games.net_value, leaving_costs(games)
    u1, u2 = utility(games, 1, 0, 1), utility(games, 2, 0, 1)
    gap = np.maximum(u1, u2) - np.where(l1 < l2, u1, u2)
    above = games.penalty > switch_penalty(games)
    assert_array_equal(gap == 0, (xi2 > xi1) == above)  # with P > d
    assert not ((gap == 0) == ((xi2 > xi1) == ~above)).any()  # with P < d, as printed: never right


def test_proposition_1_3a_display() -> None:
    g, s = cascading(1), 0.1
    (xi1, xi2), (p1, p2), k1 = g.net_value, g.success, g.failure[0]
    passes = p1 + k1 * s
    true = utility(g, 2, 0, 0) - utility(g, 1, s, 1)
    second = (xi1 + k1 / p2 * xi2) / passes - xi1
    third = (xi1 * k1 * (1 - s) + k1 / p2 * xi2 * s) / passes
    assert (true, second, third) == pytest.approx((0.4583, 0.5096, -0.1827), abs=5e-5)
    assert third == pytest.approx(utility(g, 1, s, 0) - utility(g, 1, s, 1))  # what it really is
    games = draw("-+", 26)
    (xi1, xi2), p2 = games.net_value, games.success[1]
    s = thresholds(games).s0 * np.random.default_rng(27).random(N)
    difference = utility(games, 2, 0, 0) - utility(games, 1, s, 1)
    assert_allclose(difference, xi2 / p2 - xi1)
    assert (difference > 0).all()


# ----------------------------------------------------------------------------------- misprints


def test_absorption_time_in_u_and_j() -> None:
    g, s, q = cascading(1), 0.5, 0.3
    keep, escalate, retry = 0.75 * 0.7 * 0.5, 0.75 * 0.7 * 0.5, 0.25 * 0.7
    step = np.array([[keep, escalate, 0.25], [0, retry, 0.75], [0, 0, 1]])  # M1, M2, Success
    at = [np.linalg.matrix_power(step, tau)[0, 2] for tau in (1, 2, 5, 400)]
    _, success = service(g, s, q)
    assert at[0] == 0.25  # a fixed tau: not yet
    assert (np.diff(at) > 0).all()
    assert at[-1] == pytest.approx(success)  # tau*: for good
    # the only tau of the display runs below tau*, where no state is Success or Abandon
    delay = chain_visits(g, 1, s, q) @ g.latency
    literal = -delay
    assert utility(g, 1, s, q) - literal == pytest.approx(g.value * success)
    assert success > 0.4


def test_maximum_for_minimum() -> None:
    g, s = game(2, 0.5, 0.8, 0.1, 0.3, 0.2, 0.6, 1), np.linspace(0, 1, 101)
    j1, j2 = cost(g, 1, s, 0).min(), cost(g, 2, 0, 0)
    assert (j1, j2) == pytest.approx((0.4, 0.75))
    assert grid_cost(g) == pytest.approx(0.4)  # the lesser
    games = draw(None, 28, 2000)
    ends = np.nan_to_num(thresholds(games), nan=0.0)
    s = np.concatenate([np.linspace(0, 1, 11)[:, None] + np.zeros(2000), ends])
    j1 = cost(games, 1, s, best_response(games, 1, s).strong).min(axis=0)
    j2 = cost(games, 2, 0, np.where(games.net_value[1] < 0, 1.0, 0.0))
    assert_allclose(np.minimum(j1, j2), solve(games).cost)
    assert (np.maximum(j1, j2) > solve(games).cost * 1.001).mean() > 0.95


def test_incremental_cost() -> None:
    g = game(0.3, 0.5, 0.8, 0.3, 0.5, 0.2, 0.6, 1)
    cp1, cp2 = g.cost_of_pass
    assert cp2 - cp1 == pytest.approx(0.35)  # "the incremental advantage in the cost-of-pass"
    assert switch_penalty(g) == pytest.approx(4 / 3)  # its symbol: money for one more success
    assert cp2 - cp1 < g.penalty < switch_penalty(g)
    assert cost(g, 1, 0, 1) == pytest.approx(grid_cost(g))  # the symbol is right: M1 for P < d
    assert cost(g, 1, 0, 1) < cost(g, 2, 0, 1)

    above_cost = throttled(0.7)  # above both costs of one pass, .35 and .6
    gain = grid_cost(above_cost, 401) - grid_cost(throttled(0.7, 0.9, 1.7), 401)
    assert gain == pytest.approx(0.01)  # not prevented: that takes P above the cost-of-pass .75


def test_scale_of_figures_4_and_5() -> None:
    with pytest.raises(ValueError, match="cost must be larger for model 2"):
        game(1, 0.5, 0.75, 0.25, 0.875, 1, 1, 1)  # c1 = 1, c1 < c2 and c2 <= 1: no such game
    g = throttled(0.8)
    assert g.value * g.success[1] > 1  # a throttled t2 beyond it is not in [0, 1]
    games = draw(None, 29)
    (c1, c2), scale = games.cost, 3.7  # only ratios count: c1 = 1 costs nothing but the unit
    penalty, dearer = games.penalty * scale, (c1 * scale, c2 * scale)
    bigger = Game(games.value, penalty, games.success, games.latency, dearer)
    assert_allclose(solve(bigger).cost, solve(games).cost * scale)
    (p1, p2), x = games.success, 1 / games.success[0] - (c2 / c1) / games.success[1]
    assert (x < 1 / p1 - 1 / p2).all()  # where the plane of c1 = 1 ends


def test_lemma_3_derivative() -> None:
    g, s, alpha = cascading(1), 0.2, 0.5
    (xi1, xi2), p2 = g.net_value, g.success[1]
    square, rest = (1 - alpha * (1 - s)) ** 2, (1 - s) * (xi1 + xi2 * alpha * s / p2)
    true = derivative(lambda x: upper(g, s, x), alpha)
    assert true == pytest.approx((xi1 * (1 - s) + xi2 * s / p2) / square)  # K+/D^2, as printed
    printed, right = ((xi2 * f * (1 - alpha * (1 - s)) / p2 + rest) / square for f in (1, s))
    assert right == pytest.approx(true)
    assert (true, printed) == pytest.approx((-0.0926, 0.3519), abs=5e-5)  # another sign, even


def test_lemma_3_strictly_negative_otherwise() -> None:
    g, alpha = cascading(1), np.linspace(0, 0.75, 11)
    (xi1, xi2), p2, s = g.net_value, g.success[1], 3 / 11
    assert xi1 * (1 - s) + xi2 * s / p2 == pytest.approx(0)  # K+(s0) = 0
    assert_allclose(derivative(lambda x: upper(g, s, x), alpha), 0, atol=1e-12)
    rich = game(2, 0.4, 0.8, 0.1, 1.5, 0.35, 0.6, 1)  # K+ > 0, and U1+ falls as a function of s
    assert upper(rich, 0.9, 0.5) < upper(rich, 0.1, 0.5)
    assert derivative(lambda x: upper(rich, 0.9, x), 0.5) > 0  # in alpha it rises


def test_lemma_6_denominator() -> None:
    games, q = draw(None, 30), np.random.default_rng(31).random(N)
    (p1, p2), (c1, c2) = games.success, games.cost
    beta = 1 / (p2 + games.failure[1] * q)

    def ratio(s: Any) -> Any:
        return (c1 * (1 - s) + beta * c2 * s) / (p1 * (1 - s) + beta * p2 * s)

    passes, numerator = p1 + 0.5 * (beta * p2 - p1), beta * (c2 * p1 - p2 * c1)
    true = derivative(ratio, 0.5)
    assert_allclose(true, numerator / passes**2, rtol=1e-9)
    assert (np.abs(numerator / passes / true - 1) > 0.01).mean() > 0.9


def test_lemmas_4_and_5_in_no_proof() -> None:
    games = draw("-+", 32)  # Theorem 4 by the comparisons of its proof, without either
    (p1, p2), (c1, c2), k1 = games.success, games.cost, games.failure[0]
    s0 = thresholds(games).s0
    first = (c2 / p2 - c1) / k1
    second = (c1 * (1 - s0) + c2 * s0 / p2) / (p1 + k1 * s0)
    leave, cascade, route_2 = cost(games, 1, 0, 1), cost(games, 1, s0, 0), cost(games, 2, 0, 0)
    assert_array_equal(leave < route_2, games.penalty < first)
    assert_array_equal(leave < cascade, games.penalty < second)
    assert_allclose(solve(games).cost, np.minimum.reduce([leave, cascade, route_2]))
    # right they are
    dearer = c1 / p1 > c2 / p2
    assert_array_equal(first > switch_penalty(games), dearer)
    assert ((c1 / p1 < second) & (second < c2 / p2))[~dearer].all()
    if paper_text.PAPER.exists():
        proofs = paper_text.PAPER.read_text(encoding="utf-8").split("\nC PROOFS OF MAIN RESULTS")[1]
        assert set(re.findall(r"Lemma (\d)", proofs)) == {"1", "2", "3", "6"}


def test_theorem_2_1_direction() -> None:
    games, q = draw("++", 33, 2000), np.linspace(0, 1, 21)[:, None]
    s = np.random.default_rng(34).random(2000)
    step = np.diff(upper(games, s, games.failure[0] * (1 - q)), axis=0)
    assert (step < 0).all()  # it falls in q; "non-decreasing" would put its maximum at q = 1
    best = upper(games, s, games.failure[0])
    assert (best >= upper(games, s, games.failure[0] * (1 - q))).all()
    assert_allclose(best, utility(games, 1, s, 0))


def test_theorem_2_2_direction() -> None:
    games, q = draw("--", 35, 2000), np.linspace(0, 1, 21)[:, None]
    s = np.random.default_rng(36).random(2000)
    envelope = lower(games, s, games.failure[0] * (1 - q))
    assert (np.diff(envelope, axis=0) > 0).all()  # it rises in q, up to q = 1
    assert_allclose(envelope[-1], utility(games, 1, s, 1))


def test_theorem_2_proof_headers() -> None:
    only_first = game(1, 0.25, 0.5, 0.1, 0.9, 0.1, 0.5, 1)  # xi1 >= 0, and that is not enough
    xi1, xi2 = only_first.net_value
    assert xi1 > 0
    assert xi2 / 0.5 < 0  # K+(1): "because xi1 >= 0 ... K+ >= 0 for all s"
    zero = game(1, 0.25, 0.5, 0.25, 0.75, 0.1, 0.5, 0.2)  # xi1 = 0 > xi2: in 2.2, not in its proof
    assert zero.net_value[0] == 0 > zero.net_value[1]
    assert lower(zero, 0, 0.75) == lower(zero, 0, 0) == 0  # K-(0) = 0, not < 0
    q = np.linspace(0, 1, 101)
    assert np.ptp(utility(zero, 1, 0, q)) < 1e-12
    for s in (0.1, 0.5, 1):  # and q* = 1 is still a best response
        assert np.argmax(utility(zero, 1, s, q)) == 100


def test_theorem_2_3_value_above_s0() -> None:
    g, s = cascading(1), 0.5
    (xi1, xi2), p2, k1 = g.net_value, g.success[1], g.failure[0]
    display = (xi1 + xi2 * s * k1 / p2) / (1 - k1 * (1 - s))
    assert display == pytest.approx(0)
    assert utility(g, 1, s, 1) == pytest.approx(-0.125)  # as printed
    assert utility(g, 1, s, 0) == pytest.approx(0)
    games = draw("-+", 37)
    s0, k1 = thresholds(games).s0, games.failure[0]
    s = s0 + (1 - s0) * np.random.default_rng(38).random(N)
    assert_allclose(upper(games, s, k1), utility(games, 1, s, 0), rtol=1e-9, atol=1e-12)
    assert (upper(games, s, k1) > utility(games, 1, s, 1)).mean() > 0.99


def test_theorem_2_4_signs() -> None:
    games, q = draw("+-", 39, 2000), np.linspace(0, 1, 21)[:, None]
    _, s_low, s_high = thresholds(games)
    share = np.random.default_rng(40).uniform(0.01, 0.99, 2000)
    below, between = share * s_low, s_low + share * (s_high - s_low)
    assert (np.diff(t_function(games, below, q), axis=0) > 0).all()  # T rises in q
    gain = utility(games, 1, below, q) - utility(games, 1, below, 0)
    assert (gain[1:] < 0).all()  # s < s_L: U1(s, q) - U1(s, 0) <= 0
    assert (t_function(games, below, 0) > 0).all()
    assert (t_function(games, between, 0) < 0).all()  # "T(s) > 0 in this regime"
    scale = np.abs(np.add(*map(np.abs, games.net_value)))
    assert (np.abs(first_order(games, s_low, 0)) < 1e-12 * scale).all()  # the limits are 0
    assert (np.abs(first_order(games, s_high, 1)) < 1e-12 * scale).all()
    assert (first_order(games, between, 0) < 0).all()  # what the argument needs
    assert (first_order(games, between, 1) > 0).all()


def test_theorem_2_4_derivative_in_s() -> None:
    games, s = draw("+-", 41), 0.3
    (xi1, xi2), (p1, p2), (k1, k2) = games.net_value, games.success, games.failure
    rest = -xi1 + xi2 / p2 * (p1 / p2 + k1)
    true = derivative(lambda x: t_function(games, x, 0), s)
    assert_allclose(true, rest + 2 * xi2 * k1 * k2 / p2**2 * s, rtol=1e-9)
    printed = rest + 2 * xi2 * k1 * k2 / p2**2
    assert (np.abs(printed - true) > 1e-6 * np.abs(true)).all()
    assert (true < 0).all()


def test_theorem_3_j2_below_itself() -> None:
    games = draw("++", 42)
    (p1, p2), (c1, c2) = games.success, games.cost
    assert_allclose(c2 / p2, cost(games, 2, 0.4, 0))  # equal: "c2/p2 < J2(s, 0)" never holds
    cheap = c1 / p1 < c2 / p2
    assert (cost(games, 1, 0, 0) < cost(games, 2, 0, 0))[cheap].all()


def test_proof_value_of_j1_at_certain_escalation() -> None:
    g = game(1, 0.25, 0.75, 0.375, 0.5, 0.3, 0.6, 1)
    (p1, p2), (c1, c2) = g.success, g.cost
    assert cost(g, 1, 1, 0) == pytest.approx(0.9)
    assert c1 + (1 - p2) / p1 * c2 == pytest.approx(0.9)  # the misprint hides here: p1 + p2 = 1
    g = game(1, 0.25, 0.5, 0.375, 0.4, 0.3, 0.5, 1)
    (p1, p2), (c1, c2) = g.success, g.cost
    assert cost(g, 1, 1, 0) == pytest.approx(1.05)
    assert c1 + (1 - p2) / p1 * c2 == pytest.approx(1.3)
    games = draw(None, 43)
    (p1, p2), (c1, c2) = games.success, games.cost
    assert_allclose(cost(games, 1, 1, 0), c1 + (1 - p1) / p2 * c2)
    assert_allclose(cost(games, 1, 1, 0), c1 + c2 / p2 - p1 * c2 / p2)  # the next member is right


def test_proof_of_theorem_5_2_leaving_cost() -> None:
    g = game(1, 0.5, 0.7, 0.3, 0.9, 0.2, 0.6, 0.3)
    assert g.cost[0] + g.penalty * (1 - g.success[1]) == pytest.approx(0.29)
    assert cost(g, 1, 1, 1) == pytest.approx(0.35)
    assert cost(g, 1, 0.6, 1) == pytest.approx(0.35)  # "J1(1, s)": s belongs first, J1(s, 1)
    assert cost(g, 1, 1, 0.6) == pytest.approx(0.4386, abs=5e-5)
    games = draw("+-", 44)
    s = np.random.default_rng(45).random(N)
    assert_allclose(cost(games, 1, s, 1), games.cost[0] + games.penalty * games.failure[0])


def test_theorem_5_2_swapped_words() -> None:
    games = draw("+-", 46)
    (cp1, cp2), s = games.cost_of_pass, np.linspace(0, 1, 11)[1:, None]
    rises = subset(games, cp1 < cp2 * (1 - 1e-9))
    falls = subset(games, cp1 > cp2 * (1 + 1e-9))
    assert (cost(falls, 1, s, 0) < cost(falls, 1, 0, 0)).all()  # decreasing: J1(0, 0) is largest
    assert (cost(rises, 1, s[:-1], 0) < cost(rises, 1, 1, 0)).all()  # increasing: J1(1, 0) is
    assert (cost(rises, 1, s, 0) > cost(rises, 1, 0, 0)).all()
    assert (cost(falls, 1, s[:-1], 0) > cost(falls, 1, 1, 0)).all()


def test_theorem_5_3_first_step() -> None:
    g = game(1, 0.5, 0.75, 0.25, 0.875, 0.4, 0.5, 0.3)  # P = .3 < d = .4
    assert (cost(g, 2, 0, 1), cost(g, 1, 1, 1)) == pytest.approx((0.575, 0.55))
    games = draw("+-", 47)
    l1, l2 = leaving_costs(games)
    assert_array_equal(l2 < l1, games.penalty > switch_penalty(games))


def test_equation_29() -> None:
    g = game(1, 0.5, 0.75, 0.25, 0.875, 0.4, 0.5, 0.5)
    s = 0.6
    q = best_response(g, 1, s).low
    c, success = service(g, s, q)
    (p1, p2), (c1, c2), penalty = g.success, g.cost, g.penalty
    left = cost(g, 1, s, q) - cost(g, 2, 0, 1)
    ratio = ((c - c1) / (success - p1) - penalty) * (success - p1)
    assert ratio + penalty * (p2 - p1) - (c2 - c1) == pytest.approx(left)
    printed = ratio + penalty * (p2 - p1 - (c2 - c1))
    assert printed - left == pytest.approx((1 - penalty) * (c2 - c1)) == pytest.approx(0.05)


def test_proposition_1_1_display() -> None:
    g, s = game(2, 0.4, 0.8, 0.1, 0.5, 0.35, 0.6, 1), 0.5
    (xi1, xi2), (p1, p2) = g.net_value, g.success
    true = utility(g, 1, s, 0) - utility(g, 2, 0, 0)
    printed = (xi2 * p1 / p2 - xi1) / (p1 + (1 - p1) * s)
    assert true == pytest.approx(0.2143, abs=5e-5)
    assert printed == pytest.approx(-0.2143, abs=5e-5)
    assert true == pytest.approx(-printed)
    games = draw("++", 48)
    (xi1, xi2), (p1, p2), s = games.net_value, games.success, np.random.default_rng(49).random(N)
    difference = utility(games, 1, s, 0) - utility(games, 2, 0, 0)
    assert_allclose(difference * (p1 + (1 - p1) * s), xi1 - xi2 * p1 / p2, atol=1e-11)


def test_proposition_2_second_inequality() -> None:
    g = throttled(1)  # Theorem 3 holds, and P > cp2
    kept, left = cost(g, 1, 0, 0), cost(g, 2, 0, 1)
    assert min(kept, left) == pytest.approx(0.8)
    assert min(kept, cost(g, 2, 0, 0)) == pytest.approx(0.75)  # "<=" fails
    games = draw(None, 50)
    below = games.penalty < games.cost_of_pass[1]
    assert_array_equal(cost(games, 2, 0, 1) < cost(games, 2, 0, 0), below)


def test_citations_within_proofs() -> None:
    mixed = game(1, 0.5, 0.7, 0.3, 0.9, 0.45, 0.5, 3)  # Theorem 2 speaks of i = 1 only
    q = np.linspace(0, 1, 101)
    assert np.argmax(utility(mixed, 1, 0.1, q)) == 0  # q*(1, s) = 0 up to s_L
    assert np.argmax(utility(mixed, 2, 0.1, q)) == 100  # q*(2, s) = 1, Theorem 1

    falling, rising = cascading(1), game(1, 0.25, 0.75, 0.375, 0.5, 0.3, 0.6, 1)
    s = np.linspace(0, 1, 11)  # Lemma 1 says monotone, not which way
    assert (np.diff(cost(falling, 1, s, 0)) > 0).all()
    assert (np.diff(cost(rising, 1, s, 0)) < 0).all()

    g = game(1, 0.5, 0.75, 0.25, 0.875, 0.4, 0.5, 1)  # Lemma 6 alone does not give (19): P > cp1
    _, success = service(g, 0.605, 0.479)
    assert (0.8 - g.penalty) * (success - 0.5) < 0

    games, q = draw(None, 51), np.random.default_rng(52).random(N)  # Proposition 2: the identity
    (p1, p2), c2 = games.success, games.cost[1]
    beta = chain_visits(games, 2, np.zeros(N), q)[:, 1]
    assert (beta >= 1).all()
    assert_allclose(
        cost(games, 2, 0, q) - cost(games, 2, 0, 1),
        (c2 / p2 - games.penalty) * (beta - 1) * p2,
        atol=1e-11,
    )

    s, k1 = 1.0, mixed.failure[0]  # Proposition 1.3b: q = 0 first is no bound, s = 0 first is
    assert lower(mixed, s, k1) < lower(mixed, s, 0)
    u = draw("+-", 53)
    (p1, _), (xi1, _) = u.success, u.net_value
    s, alpha = np.random.default_rng(54).random((2, N))
    alpha = alpha * u.failure[0]
    at_zero = lower(u, 0, alpha)
    assert (lower(u, s, alpha) <= at_zero).all()
    assert (at_zero <= xi1 / p1 * (1 + 1e-12)).all()
