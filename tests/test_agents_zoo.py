"""The zoo: every animal keeps its promise, and entries are those of the absorbing chain."""

import numpy as np
import pytest
from scipy.stats import binom

import routing_game.agents as agents
from routing_game.agents.zoo import EPS, PROVIDERS, USERS, CarelessUser, tournament
from routing_game.theory import GAMES, payoffs, robust_commitment, solve, user_regret
from routing_game.theory.chain import Chain, evaluate


@pytest.mark.parametrize("name", GAMES)
def test_entries_are_those_of_the_chain(name):
    game, table = GAMES[name], tournament(GAMES[name])
    assert table.cost.shape == table.utility.shape == (len(PROVIDERS), len(USERS))
    for row, provider in enumerate(PROVIDERS.values()):
        route, cascade = provider.make(game).recommend()
        for column, user in enumerate(USERS.values()):
            q = float(user.make(game).abandon(route, cascade))
            end = evaluate(Chain.of(game, cascade), route, q)
            assert table.cost[row, column] == pytest.approx(float(end.cost), abs=1e-12)
            assert table.utility[row, column] == pytest.approx(float(end.utility), abs=1e-12)


@pytest.mark.parametrize("name", GAMES)
def test_each_best_is_best_in_its_place(name):
    table, optimum = tournament(GAMES[name]), solve(GAMES[name])
    exact = table.users.index("exact")
    assert table.cost[:, exact].argmin() == 0 or table.cost[:, exact].min() >= optimum.cost - 1e-12
    assert (table.utility <= table.utility[:, [exact]] + 1e-12).all()
    careless, wary = table.users.index("careless"), table.providers.index("wary")
    assert table.cost[wary, careless] <= table.cost[:, careless].min() + 1e-6


@pytest.mark.parametrize("name", GAMES)
def test_the_careless_user_is_the_worst_within_eps(name):
    game, eps = GAMES[name], EPS * float(GAMES[name].value)
    s = np.linspace(0, 1, 41)
    q = CarelessUser(game, eps).abandon(1, s)
    assert (user_regret(game, 1, s, q) <= eps * (1 + 1e-6)).all()
    grid = np.linspace(0, 1, 2001)[:, None]
    tolerated = user_regret(game, 1, s, grid) <= eps
    worst = np.where(tolerated, payoffs(game, 1, s, grid).cost, -np.inf).max(axis=0)
    cost = payoffs(game, 1, s, q).cost
    assert (cost >= worst - 1e-12).all()
    assert cost == pytest.approx(worst, rel=2e-3)


@pytest.mark.parametrize("name", GAMES)
def test_the_careless_user_makes_the_guarantee_of_the_wary_provider_come_true(name):
    """`solve` prints the one, `tournament` the other: they are one number."""
    safe = robust_commitment(GAMES[name], EPS * float(GAMES[name].value))
    table = tournament(GAMES[name])
    met = table.cost[table.providers.index("wary"), table.users.index("careless")]
    assert met == pytest.approx(safe.cost, rel=1e-12)


def test_the_wary_provider_is_the_robust_commitment():
    game = GAMES["t4-cascade"]
    safe = robust_commitment(game, EPS)
    assert PROVIDERS["wary"].make(game).recommend() == (safe.route, safe.cascade)


def test_agents_of_ones_own_can_enter():
    game = GAMES["t5-stay"]
    table = tournament(game, {"mine": agents.UCB()}, {"fixed": agents.FixedUser(0.3)})
    assert (table.providers, table.users, table.cost.shape) == (("mine",), ("fixed",), (1, 1))


class Counting:
    """Sees how many of three tosses came up "escalate", and says so in what it answers."""

    observes = "samples:3"
    on_1, on_2 = (0.9, 0.5, 0.2, 0.1), (0.0, 0.3, 0.6, 1.0)

    def abandon(self, route, seen):
        return np.where(
            np.asarray(route) == 1, *np.array([self.on_1, self.on_2])[:, seen.astype(int)]
        )


COMMITTED = [(1, 0.0), (1, 0.3), (1, 1.0), (2, 0.0), (2, 0.7)]


def test_a_user_who_sees_tosses_is_met_by_all_of_their_counts():
    game = GAMES["t5-cascade"]
    providers = {f"{i} {s}": agents.FixedProvider(i, s) for i, s in COMMITTED}
    table = tournament(game, providers, {"counts": Counting()})
    for row, (route, s) in enumerate(COMMITTED):
        answers = Counting.on_1 if route == 1 else Counting.on_2
        chance = binom(3, s).pmf(range(4))
        each = [evaluate(Chain.of(game, s), route, q) for q in answers]
        assert table.cost[row, 0] == pytest.approx(chance @ [x.cost for x in each], abs=1e-12)
        assert table.utility[row, 0] == pytest.approx(chance @ [x.utility for x in each], abs=1e-12)


def test_a_user_who_sees_the_model_can_enter():
    """By its word in `observes`, or because it has nothing else to answer with."""
    game = GAMES["t5-cascade"]
    providers = {f"{i} {s}": agents.FixedProvider(i, s) for i, s in COMMITTED}
    table = tournament(game, providers, {"stops": agents.StoppingUser(game)})
    for row, (route, s) in enumerate(COMMITTED):
        plans = [evaluate(Chain.of(game, s), route, (a, b)) for a in (0, 1) for b in (0, 1)]
        assert table.utility[row, 0] == pytest.approx(max(x.utility for x in plans), abs=1e-12)


def test_who_leaves_no_exact_mean_is_named():
    class Hazy(Counting):
        observes = "noisy:0.1"

    for user, hint in ((Hazy(), "user hazy must have learnt from"), (object(), "abandon")):
        with pytest.raises(ValueError, match=hint):
            tournament(GAMES["t5-stay"], None, {"hazy": user})


def test_one_game_at_a_time():
    game = GAMES["t5-stay"]
    with pytest.raises(ValueError, match="single game"):
        tournament(game.stack([game, game]))
