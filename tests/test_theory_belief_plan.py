"""Users who plan: brute-force values, recursion on the tree of draws, simulated play, the trap."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy import integrate, special, stats

from games import REFERENCE, from_reference
from routing_game.agents.sessions import Planned
from routing_game.envs.crowd import play_sessions
from routing_game.theory import GAMES, Game, payoffs, sample_games, solve, thresholds
from routing_game.theory.belief import Belief, expected_payoffs, lattice
from routing_game.theory.belief_plan import (
    clairvoyant,
    plan_after_failure,
    plan_each_task,
    told_utility,
)
from routing_game.theory.belief_rules import (
    ExpectedUtility,
    ForcedStays,
    Optimistic,
    PlugIn,
    Thompson,
    after_failure,
    expected_utility,
    plug_in,
    plug_in_after_failure,
)
from routing_game.theory.lock_in import lock_in

HIDDEN: dict[str, Any] = json.loads((REFERENCE / "hidden.json").read_text(encoding="utf-8"))[
    "reference"
]
GRID = np.linspace(0, 1, 101)
T4 = GAMES["t4-cascade"]
S0 = float(thresholds(T4).s0)
UNIFORM = Belief(1.0, 1.0)


def best_on_grid(game: Game) -> Callable[[Belief], Any]:
    """Expected utility with q on the reference's grid."""

    def reply(belief: Belief) -> Any:
        wide = Belief(*(np.asarray(count)[..., None] for count in belief))
        return GRID[np.argmax(expected_payoffs(game, wide, GRID).utility, axis=-1)]

    return reply


@pytest.mark.parametrize("name", HIDDEN)
class TestReference:
    """Values computed by brute force, apart from this code."""

    def setting(self, name: str) -> tuple[dict[str, Any], Game, Belief]:
        row = HIDDEN[name]
        return row, from_reference(row), Belief(row["a"], row["b"])

    def test_one_task(self, name: str) -> None:
        row, game, prior = self.setting(name)
        expected, q = row["myopic"], expected_utility(game, prior)
        assert plug_in(game, prior) == pytest.approx(expected["q_plug"], abs=1e-9)
        assert q == pytest.approx(
            expected["q_EU"], abs=1e-6
        )  # flat: the reference has q itself from a search
        assert expected_payoffs(game, prior, expected["q_plug"]).utility == pytest.approx(
            expected["EU_at_q_plug"], abs=1e-9
        )
        assert expected_payoffs(game, prior, q).utility == pytest.approx(
            expected["EU_at_q_EU"], abs=1e-9
        )

    def test_after_each_failure(self, name: str) -> None:
        row, game, prior = self.setting(name)
        rules = {
            "opt": None,
            "myopic": lambda belief: after_failure(game, belief),
            "plug": lambda belief: plug_in_after_failure(game, belief),
        }
        if name == "A(-+)":  # s0 is 7/27, where the reference leaves by a rounding error
            rules["myopic"] = rules["plug"] = lambda belief: belief.mean < thresholds(game).s0
        for rule, leaving in rules.items():
            value = plan_after_failure(game, prior, 20, leaving).value
            for tasks, expected in row["H1"].items():
                assert value[int(tasks)] == pytest.approx(expected[rule], abs=1e-9), (rule, tasks)

    def test_one_q_for_each_task(self, name: str) -> None:
        row, game, prior = self.setting(name)
        rules = {
            "opt": None,
            "EU": best_on_grid(game),
            "plug": lambda belief: plug_in(game, belief),
        }
        for rule, abandon in rules.items():
            value = plan_each_task(game, prior, 5, abandon).value
            for tasks, expected in row["H2"].items():
                assert value[int(tasks)] == pytest.approx(expected[rule], abs=1e-9), (rule, tasks)

    def test_told(self, name: str) -> None:
        """The reference has 200 nodes across the kinks; ours is exact: a sum of two integrals."""
        row, game, prior = self.setting(name)
        x, weight = special.roots_jacobi(200, prior.kept - 1, prior.escalated - 1)
        for block, checks in (("H1", "failure"), ("H2", "task")):
            across = float(weight @ told_utility(game, (1 + x) / 2, checks) / weight.sum())
            for tasks, expected in row[block].items():
                assert int(tasks) * across == pytest.approx(expected["clairvoyant"], abs=1e-9)
            assert clairvoyant(game, prior, checks) == pytest.approx(
                told_by_pieces(game, prior, checks), rel=1e-10
            )

    def test_simulated_play(self, name: str) -> None:
        """Sessions of five tasks, s from the prior: within four standard errors of each value."""
        row, game, prior = self.setting(name)
        rules = {
            "opt": Planned(game, 5, prior),
            "myopic": ExpectedUtility(game),
            "plug": PlugIn(game),
            "opt ": Planned(game, 5, prior, "task"),
            "plug ": PlugIn(game, "task"),
        }
        rng = np.random.default_rng(11)
        for rule, user in rules.items():
            s = rng.beta(*prior, 20_000)
            worth = play_sessions(game, user, s, 5, s.size, rng, prior).utility.sum(axis=0)
            expected = row["H1" if rule in row["H1"]["5"] else "H2"]["5"][rule.strip()]
            assert abs(worth.mean() - expected) < 4 * worth.std() / np.sqrt(s.size), rule


def told_by_pieces(game: Game, prior: Belief, checks: str) -> float:
    """E max U over s, piece by piece between the thresholds, as integrals over quantiles."""
    law, told = stats.beta(*prior), lambda s: float(told_utility(game, float(s), checks))
    marks = [float(s) for s in thresholds(game) if np.isfinite(s) and 0 < s < 1]
    total = 0.0
    for low, high in pairwise([0.0, *marks, 1.0]):
        mass = law.cdf(high) - law.cdf(low)

        def at(share: float, low: float = low, mass: float = mass) -> float:
            return told(law.ppf(law.cdf(low) + mass * share))

        total += mass * integrate.quad(at, 0, 1, epsabs=1e-14, epsrel=1e-12, limit=200)[0]
    return float(total)


def on_the_tree(game: Game, prior: Belief, tasks: int, most_keeps: int) -> float:
    """The best user by recursion over every history of draws, cut at ``most_keeps`` in all."""
    (xi1, xi2), p1, k1 = game.net_value, game.success[0], game.failure[0]
    after_2 = max(xi2, xi2 / game.success[1])

    @cache
    def before(n: int, e: int, k: int) -> float:
        if n == 0:
            return 0.0
        m = (prior.escalated + e) / (prior.escalated + prior.kept + e + k)
        leave = before(n - 1, e, k)
        stay = (
            m * (after_2 + before(n - 1, e + 1, k)) + (1 - m) * before(n, e, k + 1)
            if k < most_keeps
            else -np.inf
        )
        return float(xi1 + p1 * leave + k1 * max(leave, stay))

    return before(tasks, 0, 0)


@pytest.mark.parametrize(
    "counts", [(60, 60), (100, 100), (520, 520), (1e5, 1), (2, 1e4), (1e6, 1e6), (1e-3, 5)]
)
@pytest.mark.parametrize("name", ["t4-cascade", "t5-cascade"])
def test_told_under_certain_beliefs(name: str, counts: tuple[float, float]) -> None:
    """E max U by mpmath, over log-odds in pieces; .0476033 at Beta(100, 100) in t4-cascade."""
    game = GAMES[name]
    with mpmath.workdps(25):
        a, b = (mpmath.mpf(count) for count in counts)
        centre, sd = mpmath.log(a / b), mpmath.sqrt(1 / a + 1 / b)
        marks = [centre + k * sd for k in (-40, -12, -5, -2, 0, 2, 5, 12, 40)]
        marks += [mpmath.log(s / (1 - s)) for s in map(float, thresholds(game)) if np.isfinite(s)]
        pieces = sorted([*marks, *map(mpmath.mpf, (-60_000, -1000, -60, -20, 20, 60, 1000))])
        p1, k1 = mpmath.mpf(game.success[0]), 1 - mpmath.mpf(game.success[0])
        xi1, xi2 = (mpmath.mpf(float(xi)) for xi in game.net_value)
        after_2 = xi2 / mpmath.mpf(game.success[1]) if xi2 > 0 else xi2
        log_beta = mpmath.loggamma(a) + mpmath.loggamma(b) - mpmath.loggamma(a + b)

        def gain(y: Any) -> Any:
            s = 1 / (1 + mpmath.exp(-y))
            density = mpmath.exp(a * y - (a + b) * mpmath.log1p(mpmath.exp(y)) - log_beta)
            stay = k1 * ((1 - s) * xi1 + s * after_2) / (p1 + k1 * s)
            return max(mpmath.mpf(0), stay) * density

        exact = xi1 + mpmath.quad(gain, pieces)
    assert clairvoyant(game, Belief(*counts)) == pytest.approx(float(exact), rel=1e-9)
    if (name, counts) == ("t4-cascade", (100, 100)):
        assert float(exact) == pytest.approx(0.0476033, abs=5e-8)
    if (name, counts) == ("t4-cascade", (1e5, 1)):
        assert float(exact) == pytest.approx(0.162499, abs=1e-6)


def from_far(
    game: Game, prior: Belief, tasks: int, reach: int, leaving: Any = None, s: float | None = None
) -> Any:
    """V_n by the recursion of the page, for one n and one number of keeps at a time, from afar."""
    (xi1, xi2), p1, k1 = game.net_value, game.success[0], game.failure[0]
    after_2 = max(xi2, xi2 / game.success[1])
    a = prior.escalated + np.arange(tasks + 1)
    before, values = np.zeros((tasks + 1, reach + 1)), [0.0]
    given = None if leaving is None else leaving(lattice(prior, tasks, reach))
    for _ in range(tasks):
        now = np.zeros(before.shape)
        now[:-1, reach] = xi1 + before[:-1, reach]
        for j in range(reach - 1, -1, -1):
            m = a[:-1] / (a[:-1] + prior.kept + j) if s is None else s
            stay = m * (after_2 + before[1:, j]) + (1 - m) * now[:-1, j + 1]
            leave = before[:-1, j]
            q = stay < leave if given is None else given[:, j]
            now[:-1, j] = xi1 + p1 * leave + k1 * (q * leave + (1 - q) * stay)
        before = now
        values.append(before[0, 0])
    return np.array(values)


FAR = {  # a game of each kind in which one task can be long, and how far is far enough
    "+-": (Game(1, 1, (0.02, 0.8), (0.01, 1.04), (0.1, 0.5)), Belief(1.0, 9.0), 3, 2800),
    "-+": (Game(1, 1, (0.02, 0.8), (0.024, 0.2), (0.1, 0.5)), Belief(0.7, 2.0), 3, 2800),
    "++": (Game(1, 1, (0.03, 0.8), (0.01, 0.2), (0.1, 0.5)), Belief(0.2, 9.0), 4, 2000),
    "--": (Game(1, 1, (0.03, 0.2), (0.04, 0.3), (0.1, 0.5)), Belief(2.0, 1.0), 4, 2000),
}


@pytest.mark.parametrize("kind", FAR)
def test_long_waits_are_followed_to_their_end(kind: str) -> None:
    """The best plan and rules that never end, at any s: to 1e-10 of what a task is worth."""
    game, prior, tasks, reach = FAR[kind]
    assert game.regime == kind
    rules: list[Any] = [
        None,
        lambda belief: after_failure(game, belief),
        lambda belief: plug_in_after_failure(game, belief),
        lambda belief: np.zeros(belief.mean.shape),
        lambda belief: np.full(belief.mean.shape, 0.03),
        lambda belief: stats.beta(*belief).cdf(0.2),
    ]
    scale = tasks * float(np.max(np.abs(told_utility(game, np.linspace(0, 1, 11)))))
    for k, rule in enumerate(rules):
        for s in (None, 0.004) if rule else (None,):
            expected = from_far(game, prior, tasks, reach, rule, s)
            value = plan_after_failure(game, prior, tasks, rule, cascade=s).value
            assert value == pytest.approx(expected, rel=1e-10, abs=1e-10 * scale), (k, s)
    if kind == "+-":
        best = plan_after_failure(game, prior, 3).value[3]
        assert best == pytest.approx(0.06331, abs=5e-6)


def test_a_pass_in_ten_thousand_succeeds() -> None:
    """Thirty tasks of 14,000 passes; keeps are bad news, so that few of them are followed."""
    game, tasks = Game(51.4, 17.8, (7.3e-5, 0.713), (1, 17), (1, 1.03)), 6
    expected = from_far(game, UNIFORM, tasks, 3000)
    assert plan_after_failure(game, UNIFORM, tasks).value == pytest.approx(expected, rel=1e-10)
    greedy = from_far(game, UNIFORM, tasks, 3000, lambda belief: after_failure(game, belief))
    found = plan_after_failure(game, UNIFORM, tasks, lambda belief: after_failure(game, belief))
    assert found.value == pytest.approx(greedy, rel=1e-10)


def test_a_rule_that_depends_on_the_tasks_to_come() -> None:
    """Forced stays of ever smaller chance, as far as tasks go; and a table of few columns."""
    game, prior, tasks = FAR["-+"][0], Belief(1.0, 1.0), 3
    stays = np.array([0.9, 0.5, 0.2])[:, None, None]

    def leaving(belief: Belief) -> Any:
        return plug_in_after_failure(game, belief) * (1 - stays)

    by_number = plan_after_failure(game, prior, tasks, leaving).value
    explicit = plan_after_failure(game, prior, tasks, leaving, reach=2800).value
    assert by_number == pytest.approx(explicit, rel=1e-12)
    plan = plan_after_failure(T4, UNIFORM, 10)
    assert plan_after_failure(T4, UNIFORM, 10, lambda _: plan.leaving).value == pytest.approx(
        plan.value, abs=1e-12
    )


@pytest.mark.parametrize("game", [T4, GAMES["t5-cascade"], FAR["+-"][0], FAR["-+"][0]])
def test_one_q_a_task_by_the_sum_of_the_page(game: Game) -> None:
    """Two tasks: E U1 by Gauss and Jacobi's nodes, and the sum over the keeps of the first task."""
    prior, q, most = Belief(1.5, 2.5), np.array([0.0, 0.2, 1.0]), 2500
    x, weight = special.roots_jacobi(120, prior.kept - 1, prior.escalated - 1)
    s, weight = (1 + x) / 2, weight / weight.sum()

    def worth(e: int, k: int) -> Any:
        """E U1 of each q after draws of probability s^e (1-s)^k, times their chance."""
        chance = weight * s**e * (1 - s) ** k
        return chance @ payoffs(game, 1, s[:, None], q).utility

    alpha = game.failure[0] * (1 - q)
    for rule, abandon in (
        (np.max, None),
        (lambda u: u[1], lambda belief: np.full(belief.mean.shape, 0.2)),
    ):
        total = worth(0, 0)
        for j in range(most):
            ends, escalates = rule(worth(0, j)), rule(worth(1, j))
            total = total + alpha**j * ((1 - alpha) * ends + alpha * escalates)
            if alpha.max() ** j < 1e-18:
                break
        plan = plan_each_task(game, prior, 2, abandon, q)
        assert plan.value[2] == pytest.approx(rule(total), rel=1e-9, abs=1e-11)
        assert plan.value[1] == pytest.approx(rule(worth(0, 0)), rel=1e-10, abs=1e-12)


def test_a_rule_on_the_grid_and_the_same_rule_as_draws() -> None:
    """Three ways to value one rule: by its q, by sure draws, and (at 0, 1) as the best of one."""
    prior, tasks = Belief(1.0, 2.0), 7

    def drawing(belief: Belief) -> Any:
        leaves = np.asarray(plug_in(T4, belief))
        return np.stack([1 - leaves, leaves], axis=-1)

    by_rule = plan_each_task(T4, prior, tasks, lambda belief: plug_in(T4, belief)).value
    by_draws = plan_each_task(T4, prior, tasks, grid=(0.0, 1.0), drawing=drawing).value
    assert by_rule == pytest.approx(by_draws, abs=1e-12)
    assert np.all(plan_each_task(T4, prior, tasks).value >= by_rule - 1e-12)


def test_what_would_not_fit_is_refused() -> None:
    rare = Game(1, 1, (1e-7, 0.8), (1.2e-7, 0.5), (0.1, 0.5))  # s0 and p1 both tiny
    with pytest.raises(ValueError, match="reach"):
        plan_after_failure(rare, Belief(1.0, 1e8), 40)
    with pytest.raises(ValueError, match="reach"):
        plan_after_failure(rare, UNIFORM, 200, lambda belief: 1 / (1 + np.log(belief.kept + 1)))


@pytest.mark.parametrize("regime", ["++", "--", "-+", "+-"])
def test_random_games_on_the_tree_of_draws(regime: str) -> None:
    rng = np.random.default_rng(12)
    for game in (sample_games(5, rng, regime)[k] for k in range(5)):
        prior = Belief(*rng.uniform(0.5, 4, 2))
        plan = plan_after_failure(game, prior, 4)
        assert plan.value[4] == pytest.approx(on_the_tree(game, prior, 4, 400), abs=1e-9)
        least = plan_after_failure(game, prior, 4, lambda belief: np.ones(belief.mean.shape)).value[
            4
        ]
        most = 4 * clairvoyant(game, prior)
        assert least - 1e-12 <= plan.value[4] <= most + 1e-9
        assert least == pytest.approx(4 * game.net_value[0])


def test_learning_pays() -> None:
    """The Bayes-optimal user gains on the myopic one, the more tasks are to come.

    But it never does better than a user who is told s.
    """
    row = HIDDEN["A(-+)"]
    game, prior = from_reference(row), Belief(row["a"], row["b"])
    best = plan_after_failure(game, prior, 30).value
    myopic = plan_after_failure(game, prior, 30, lambda belief: after_failure(game, belief)).value
    gain = (best - myopic) / np.maximum(np.arange(31), 1)
    assert gain[1] == 0
    assert np.all(np.diff(gain[1:]) > 0)
    assert np.all(best <= np.arange(31) * clairvoyant(game, prior) + 1e-12)


def test_a_user_who_draws_is_between_the_answers_it_draws_from() -> None:
    """Sure draws are the answers themselves; an even draw, over one task, is worth their mean."""
    prior, values = Belief(1.0, 2.0), []
    for chance in (0.0, 0.5, 1.0):

        def drawing(belief: Belief, chance: float = chance) -> Any:
            return np.stack(
                [np.full(belief.mean.shape, 1 - chance), np.full(belief.mean.shape, chance)],
                axis=-1,
            )

        plan = plan_each_task(T4, prior, 4, grid=(0.0, 1.0), drawing=drawing)
        assert plan.leaving[0, 0, 0] == chance
        values.append(plan.value)
    for q, value in ((0.0, values[0]), (1.0, values[2])):
        given = plan_each_task(
            T4, prior, 4, lambda belief, q=q: np.full(belief.mean.shape, q)
        ).value
        assert np.allclose(value, given, rtol=0, atol=1e-12)
    assert values[1][1] == pytest.approx((values[0][1] + values[2][1]) / 2)


# The information trap, in t4-cascade.


def leaves(checks: str, game: Game = T4) -> Callable[[Belief], Any]:
    return lambda belief: (plug_in_after_failure if checks == "failure" else plug_in)(game, belief)


def locked(
    user: Any, s: float, sessions: int, tasks: int = 1000, seed: int = 13
) -> tuple[float, float]:
    """(share of users whose belief says "leave" after the last task, its standard error)."""
    end = play_sessions(T4, user, s, tasks, sessions, np.random.default_rng(seed)).belief
    share = float(np.mean(leaves("failure")(end)))
    return share, float(np.sqrt(max(share * (1 - share), 1 / sessions) / sessions))


def lock_in_pass_by_pass(game: Game, s: float, tasks: int, checks: str, most_keeps: int) -> float:
    """P(locked in) by brute force: the chance of each (escalations, keeps) before each pass."""
    k1, says = game.failure[0], leaves(checks, game)
    stays: dict[tuple[int, int], bool] = {}
    here = {(0, 0): 1.0}
    for _ in range(tasks):
        after: dict[tuple[int, int], float] = {}
        while here:
            (e, k), chance = here.popitem()
            stays[e, k] = not says(Belief(1.0 + e, 1.0 + k))
            running, at = chance, k
            whole = stays[e, k]
            while running > 1e-17 and at <= most_keeps:
                go_on = whole if checks == "task" else not says(Belief(1.0 + e, 1.0 + at))
                after[e, at] = after.get((e, at), 0.0) + running * (1 - k1 if go_on else 1.0)
                if not go_on:
                    break
                after[e + 1, at] = after.get((e + 1, at), 0.0) + running * k1 * s
                running, at = running * k1 * (1 - s), at + 1
        here = after
    return sum(chance for (e, k), chance in here.items() if says(Belief(1.0 + e, 1.0 + k)))


@pytest.mark.parametrize("checks", ["failure", "task"])
@pytest.mark.parametrize("s", [0.1, S0, 0.5])
def test_lock_in_is_what_following_every_pass_gives(checks: str, s: float) -> None:
    expected = lock_in_pass_by_pass(T4, s, 6, checks, 120)
    assert lock_in(T4, s, UNIFORM, 6, leaves(checks), checks) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("checks", ["failure", "task"])
@pytest.mark.parametrize("s", [0.02, 0.2])
def test_lock_in_where_a_task_is_long(checks: str, s: float) -> None:
    """One pass in ten succeeds: hundreds of keeps before the second task begins."""
    game = Game(1, 1.5, (0.1, 0.8), (0.13, 0.5), (0.05, 0.6))
    expected = lock_in_pass_by_pass(game, s, 2, checks, 500)
    found = lock_in(game, s, UNIFORM, 2, leaves(checks, game), checks)
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("right", [(0.0, 1.0), (S0, 1.0), (0.0, S0)])
def test_lock_in_at_an_s_that_is_drawn(right: tuple[float, float]) -> None:
    """The mean over s of that at each s, by quadrature; or over the s at which to stay is right."""
    low, high = right
    x, weights = np.polynomial.legendre.leggauss(20)
    s, share = low + (high - low) * (x + 1) / 2, (high - low) * weights / 2
    each = [lock_in(T4, value, UNIFORM, 6, leaves("failure")) for value in s]

    def within(belief: Belief) -> Any:
        return special.betainc(*belief, high) - special.betainc(*belief, low)

    found = lock_in(T4, None, UNIFORM, 6, leaves("failure"), counting=within)
    assert found == pytest.approx(share @ each, abs=1e-6)


def test_a_user_who_never_stays_is_locked_in_whatever_s_is() -> None:
    prior = Belief(1.0, 4.0)
    assert lock_in(T4, None, prior, 6, leaves("failure")) == 1.0
    errs = lock_in(T4, None, prior, 6, leaves("failure"), counting=lambda b: b.mean / 2)
    assert errs == prior.mean / 2


@pytest.mark.parametrize("s", [S0, S0 + 0.1, 0.6])
def test_lock_in_of_a_thousand_tasks_simulated_and_exact(s: float) -> None:
    share, error = locked(PlugIn(T4), s, 1000)
    assert share == pytest.approx(lock_in(T4, s, UNIFORM, 1000, leaves("failure")), abs=3 * error)


def test_lock_in_of_users_who_check_once_a_task() -> None:
    share, error = locked(PlugIn(T4, "task"), S0 + 0.1, 2000, tasks=100)
    assert share == pytest.approx(
        lock_in(T4, S0 + 0.1, UNIFORM, 100, leaves("task"), "task"), abs=3 * error
    )


def test_at_the_threshold_nearly_all_plug_in_users_are_lost() -> None:
    assert lock_in(T4, S0, UNIFORM, 1000, leaves("failure")) >= 0.9


def lost(user: Any, s: float, sessions: int = 500) -> tuple[float, float]:
    """Two shares of sessions of 1000 tasks.

    Those that end in doubt of a good provider; those that saw no draw in the last tenth.
    """
    played = play_sessions(T4, user, s, 1000, sessions, np.random.default_rng(13))
    draws = (played.escalations + played.keeps)[-100:].sum(axis=0)
    return float(np.mean(leaves("failure")(played.belief))), float(np.mean(draws == 0))


def test_for_a_plug_in_user_doubt_is_the_end() -> None:
    doubt, silence = lost(PlugIn(T4), S0 + 0.1)
    assert doubt == silence > 0.4


@pytest.mark.parametrize("rule", [Thompson, Optimistic, ForcedStays])
def test_who_explores_escapes(rule: Any) -> None:
    assert max(lost(rule(T4), S0 + 0.1)) <= 0.02


def test_too_few_forced_stays_end_silence_but_not_doubt() -> None:
    doubt, silence = lost(ForcedStays(T4, scale=1.0), S0 + 0.1, sessions=2000)
    assert silence <= 0.01
    assert 0.02 < doubt < 0.05


def test_a_fixed_bound_stays_in_the_trap() -> None:
    doubt, silence = lost(Optimistic(T4, 1.0, growing=False), S0 + 0.1)
    assert doubt == silence > 0.05


def test_users_regret_does_not_see_lock_in_at_the_threshold() -> None:
    """At s0 leaving and staying are worth the same to the user; the provider pays twice as much."""
    played = play_sessions(T4, PlugIn(T4), S0, 300, 2000, np.random.default_rng(14))
    late = played.cost[-50:].mean()
    session = played.utility.mean(axis=0)
    error = session.std() / np.sqrt(session.size)
    assert abs(session.mean() - T4.net_value[0]) < 4 * error < 0.004
    assert late > 1.9 * solve(T4).cost


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: plan_after_failure(sample_games(2, np.random.default_rng(0)), UNIFORM, 3),
            "single game",
        ),
        (lambda: plan_each_task(T4, Belief(0.0, 1.0), 3), "prior"),
        (lambda: plan_after_failure(T4, UNIFORM, 0), "tasks"),
        (lambda: plan_after_failure(T4, UNIFORM, 1.5), "tasks must be a whole number"),
        (lambda: plan_after_failure(T4, UNIFORM, 2, reach=0), "reach must be a whole number"),
        (lambda: plan_each_task(T4, UNIFORM, 2, lambda b: 0.5, reach=-3), "reach must be a whole"),
        (lambda: lock_in(T4, 0.5, UNIFORM, 2.5, leaves("task")), "tasks must be a whole number"),
        (lambda: clairvoyant(T4, UNIFORM, "often"), "checks"),
        (lambda: lock_in(T4, 1.5, UNIFORM, 3, leaves("task")), "cascade"),
        (lambda: lock_in(T4, None, UNIFORM, 3, leaves("task"), "task"), "takes a true s"),
        (
            lambda: play_sessions(T4, PlugIn(T4), 0.5, 3, 3, np.random.default_rng(0), memory=0),
            "memory",
        ),
        (lambda: play_sessions(T4, PlugIn(T4), 0.5, 3, 0, np.random.default_rng(0)), "sessions"),
        (
            lambda: play_sessions(T4, PlugIn(T4), 1.5, 3, 3, np.random.default_rng(0)),
            "constant provider's s must lie",
        ),
        (
            lambda: play_sessions(T4, PlugIn(T4), np.nan, 3, 3, np.random.default_rng(0)),
            "constant provider's s",
        ),
        (
            lambda: play_sessions(T4, PlugIn(T4), lambda *_: 7, 9, 9, np.random.default_rng(0)),
            "chance of escalating",
        ),
        (
            lambda: play_sessions(T4, PlugIn(T4, "tasks"), 0.5, 3, 3, np.random.default_rng(0)),
            "checks",
        ),
        (
            lambda: play_sessions("t4-casc", PlugIn(T4), 0.5, 3, 3, np.random.default_rng(0)),
            "t4-casc",
        ),
    ],
)
def test_bad_arguments_are_named(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
