"""Worlds and options: what is drawn and who sees it, correlated retries, theory's options."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env, data_equivalence

from routing_game.agents import FixedUser
from routing_game.envs import BoxAction, OptionsEnv, ProviderEnv, UserEnv, WorldEnv
from routing_game.envs.options import priced
from routing_game.envs.worlds import NUMBERS, any_world, hidden, numbers, one_of, random_games
from routing_game.theory import (
    GAMES,
    Commitment,
    Game,
    participation,
    payoffs,
    sample_games,
    solve,
    throttle,
)
from routing_game.theory.mixture import Mixture, mixture_payoffs

EASY = Game(1.0, 1.5, (0.7, 0.95), (0.2, 0.4), (0.1, 0.5))
HARD = Game(1.0, 1.5, (0.05, 0.3), (0.2, 0.4), (0.1, 0.5))
WORLDS = {
    "types": lambda: WorldEnv(
        lambda game: BoxAction(ProviderEnv(game)), one_of(["t4-cascade", "gpt-4.1-o3"])
    ),
    "value": lambda: WorldEnv(
        lambda game: UserEnv(game), hidden("t5-cascade", value=(0.5, 2)), sees=["value"]
    ),
    "random": lambda: WorldEnv(
        lambda game: UserEnv(game, observes="route"), random_games("-+"), sees=["latency1", "cost2"]
    ),
}
OPTIONS = [
    {},
    {"throttle": 1.0},
    {"decline": True},
    {"price": (0.1, 0.2)},
    {"expected": True, "max_passes": 2},
]


def agrees(sample, expected):
    sample = np.asarray(sample, dtype=float)
    return abs(sample.mean() - expected) <= 4 * sample.std() / np.sqrt(sample.size) + 1e-12


@pytest.mark.parametrize(
    "make", [*WORLDS.values(), *(lambda mode=mode: OptionsEnv(**mode) for mode in OPTIONS)]
)
class TestContract:
    def test_checkers_find_nothing_to_warn_of(self, make):
        check_env(make(), skip_render_check=True)
        pytest.importorskip("stable_baselines3.common.env_checker").check_env(make())

    def test_seed_decides_everything(self, make):
        said = []
        for _ in range(2):
            env = make()
            env.action_space.seed(1)
            said.append([env.reset(seed=4)])
            for _ in range(60):
                said[-1].append(env.step(env.action_space.sample()))
                if said[-1][-1][2]:
                    said[-1].append(env.reset())
        assert data_equivalence(*said, exact=True)


def test_the_agent_sees_what_it_is_shown():
    env = WorldEnv(
        lambda game: UserEnv(game),
        hidden("t5-cascade", value=(0.5, 2), penalty=(1, 3)),
        sees=["value"],
    )
    shown, truth = [], []
    for seed in range(200):
        observation, info = env.reset(seed=seed)
        shown.append(observation[-1])
        truth.append([info["game"]["value"], info["game"]["penalty"]])
        assert observation.shape == (3,)
    np.testing.assert_array_equal(shown, np.array(truth)[:, 0])
    low, high = np.min(truth, axis=0), np.max(truth, axis=0)
    assert (low >= [0.5, 1.0]).all()
    assert (low < [0.6, 1.15]).all()
    assert (high > [1.9, 2.85]).all()
    assert (high <= [2.0, 3.0]).all()


def test_types_come_in_their_shares():
    world, rng = one_of([EASY, HARD, "t4-cascade"], [0.5, 0.2, 0.3]), np.random.default_rng(0)
    drawn = [world(rng) for _ in range(4000)]
    for game, share in ((EASY, 0.5), (HARD, 0.2), (GAMES["t4-cascade"], 0.3)):
        assert abs(np.mean([x == game for x in drawn]) - share) < 4 * 0.5 / np.sqrt(4000)


@pytest.mark.parametrize("q", [0.0, 0.4])
def test_hidden_types_are_correlated_retries(q):
    """Neither side can tell easy tasks from hard ones: the average is the mixture's."""
    weights = [0.6, 0.4]
    env = WorldEnv(lambda game: ProviderEnv(game, FixedUser(q)), one_of([EASY, HARD], weights))
    env.reset(seed=0)
    costs, utilities = [], []
    for _ in range(4000):
        env.reset()
        _, reward, *_, info = env.step((1, 0.35))
        costs.append(-reward)
        utilities.append(info["task"].utility)
    expected = mixture_payoffs(Mixture(Game.stack([EASY, HARD]), weights), 1, 0.35, q)
    assert agrees(costs, expected.cost)
    assert agrees(utilities, expected.utility)


@pytest.mark.parametrize(
    ("name", "world"),
    [
        ("random", random_games()),
        ("random:-+", random_games("-+")),
        (["t4-cascade", EASY], one_of(["t4-cascade", EASY])),
        ({"games": [EASY, HARD], "weights": [0.2, 0.8]}, one_of([EASY, HARD], [0.2, 0.8])),
        ({"game": "t4-cascade", "value": (1, 2)}, hidden("t4-cascade", value=(1, 2))),
    ],
)
def test_a_world_may_be_named(name, world):
    for seed in range(20):
        drawn, meant = (draw(np.random.default_rng(seed)) for draw in (any_world(name), world))
        assert drawn == meant


def test_a_world_may_make_its_environments_by_id():
    world = WorldEnv("RoutingGame/Provider-v0", ["t4-cascade", "t5-cascade"])
    by_hand = WorldEnv(
        lambda game: BoxAction(ProviderEnv(game)), one_of(["t4-cascade", "t5-cascade"])
    )
    for env in (world, by_hand):
        env.action_space.seed(0)
    for seed in range(20):
        assert data_equivalence(world.reset(seed=seed), by_hand.reset(seed=seed), exact=True)
        told, meant = (env.step(env.action_space.sample()) for env in (world, by_hand))
        assert data_equivalence(told, meant, exact=True)


def test_numbers_have_their_names():
    assert numbers(EASY) == dict(zip(NUMBERS, (1, 1.5, 0.7, 0.95, 0.2, 0.4, 0.1, 0.5), strict=True))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: one_of([]), "one_of needs games"),
        (lambda: one_of([EASY, HARD], [0.5, 0.6]), "sum to 1"),
        (lambda: one_of(["t4"]), "t4-cascade"),
        (lambda: hidden(EASY, cost=(1, 2)), "value or penalty"),
        (lambda: hidden(EASY, value=(2, 1)), "low <= high"),
        (lambda: WorldEnv(ProviderEnv, one_of([EASY]), sees=["V"]), "sees must name"),
        (lambda: WorldEnv(ProviderEnv, render_mode="ansi"), "that make makes"),
        (lambda: WorldEnv(sampler="t4-cascade"), "a world is a function"),
        (lambda: WorldEnv(sampler={"value": (1, 2)}), "a world is a function"),
        (lambda: WorldEnv(sampler=3), "a world is a function"),
        (lambda: WorldEnv(sampler=[]), "one_of needs games"),
        (lambda: WorldEnv(ProviderEnv, lambda rng: sample_games(2, rng)), "a single Game"),
        (lambda: OptionsEnv(throttle=-1), "throttle"),
        (lambda: OptionsEnv(max_passes=0), "max_passes"),
    ],
)
def test_bad_arguments_are_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


class TestOptions:
    def step(self, action, seed=0, **arguments):
        env = OptionsEnv(**arguments)
        env.reset(seed=seed)
        return env.step(np.array(action, np.float32))

    @pytest.mark.parametrize("k", range(20))
    def test_no_delay_finds_a_lower_cost_than_theory(self, k):
        rng = np.random.default_rng(k)
        game = sample_games(1, rng)[0]
        env = OptionsEnv(game, throttle=4.0, expected=True)
        env.reset(seed=k)
        costs = [-env.step(rng.uniform(-1, 1, 4))[1] for _ in range(300)]
        assert min(costs) >= throttle(game).cost - 1e-9

    def test_slowing_m2_reaches_the_optimum(self):
        game = Game(
            2, 0.3, (0.5, 0.8), (0.1, 0.3), (0.4, 0.5)
        )  # both value-dominated, P below every cost of a pass
        best = throttle(game)
        assert best.gain > 0
        costs = []
        for route in (-1.0, 1.0):
            _, reward, *_, info = self.step(
                [route, 1.0, 1.0, 1.0], game=game, throttle=4.0, expected=True
            )
            assert info["abandon"] == 1
            assert info["latency"] == (4.1, 4.3)
            costs.append(-reward)
        assert min(costs) == pytest.approx(best.cost)

    @pytest.mark.parametrize("k", range(20))
    def test_a_user_who_may_decline_makes_the_provider_pay_for_participation(self, k):
        rng = np.random.default_rng(k)
        game = sample_games(1, rng, "-+")[0]
        optimum = participation(game)
        env = OptionsEnv(game, decline=True, expected=True)
        env.reset(seed=k)
        target = min(optimum.cost, game.penalty)
        for _ in range(300):
            _, reward, *_, info = env.step(rng.uniform(-1, 1, 2))
            assert -reward >= target - 1e-6
            assert info["declined"] == (info["J"] == game.penalty and info["S"] == 0)
        if np.isfinite(optimum.cost):
            box = [2.0 * optimum.route - 3, min(2 * optimum.cascade - 1 + 1e-6, 1.0)]
            assert -env.step(np.array(box))[1] == pytest.approx(optimum.cost, abs=1e-4)

    def test_what_is_declined_costs_p(self):
        _, reward, *_, info = self.step([-1.0, -1.0], game="t4-cascade", decline=True)
        assert reward == -GAMES["t4-cascade"].penalty
        assert (info["declined"], info["U"], info["abandon"]) == (True, 0.0, 1.0)

    def test_a_price_moves_money_from_the_user_to_the_provider(self):
        game, price = GAMES["value-cheap"], (0.1, 0.15)
        _, reward, *_, info = self.step([-1.0, -1.0], game=game, price=price, expected=True)
        plain = payoffs(game, 1, 0.0, 0.0)
        assert -reward == pytest.approx(plain.cost - 0.1 / 0.5)
        assert info["U"] == pytest.approx(plain.utility - 0.1 / 0.5)
        assert -reward == pytest.approx(solve(priced(game, price)).cost)

    @pytest.mark.parametrize("max_passes", [1, 1000])
    def test_tasks_cost_what_is_expected(self, max_passes):
        env = OptionsEnv("t5-cascade", throttle=0.2, max_passes=max_passes)
        env.reset(seed=1)
        steps = [env.step(np.array([-1.0, -0.5, -0.8, 0.2])) for _ in range(3000)]
        assert agrees([-reward for _, reward, *_ in steps], steps[0][-1]["J"])
        assert any(truncated for *_, truncated, _ in steps) == (max_passes == 1)

    def test_bad_actions_are_named(self):
        with pytest.raises(ValueError, match="an action lies in"):
            self.step([0.0, 0.0, 0.0])


def test_an_opponent_need_not_know_what_was_drawn():
    class Asks:
        def __init__(self):
            self.seen = []

        def abandon(self, route, cascade):
            self.seen.append((route, cascade))
            return 0.0

    user = Asks()
    env = WorldEnv(lambda game: ProviderEnv(game, user), random_games(), sees=["cost1", "cost2"])
    env.reset(seed=0)
    env.step(Commitment(1, 0.5))
    assert user.seen == [(1, 0.5)]
    assert isinstance(env.unwrapped, gym.Env)


@pytest.mark.parametrize("mode", ["ansi", "rgb_array"])
@pytest.mark.parametrize(
    "make",
    [
        lambda mode: OptionsEnv(throttle=0.5, render_mode=mode),
        lambda mode: WorldEnv(lambda game: UserEnv(game, render_mode=mode), random_games()),
    ],
)
def test_they_can_be_looked_at(make, mode):
    env = make(mode)
    assert env.render_mode == mode
    frames = []
    for seed in range(3):
        env.reset(seed=seed)
        env.action_space.seed(seed)
        env.step(env.action_space.sample())
        frames.append(env.render())
    assert not np.array_equal(frames[0], frames[1])


def test_a_task_that_was_declined_is_shown_as_left():
    env = OptionsEnv("t4-cascade", decline=True, render_mode="ansi")
    env.reset(seed=0)
    env.step(np.array([-1.0, -1.0]))
    assert "[left]" in env.render()
    assert "M1 0, M2 0" in env.render()
