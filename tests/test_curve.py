"""One's own curve beside theory: read as Monitor writes it, in the game's units."""

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.monitor import Monitor

import routing_game  # noqa: F401  (registers the ids)
from routing_game.experiments.cli import main
from routing_game.experiments.curve import Curve, blocks, levels, read, sentence, signed
from routing_game.theory import GAMES, Game, outcome, solve

GAME = GAMES["t4-cascade"]
OWN = Game(value=120, penalty=0.19, success=(0.35, 0.6), latency=(20, 90), cost=(0.01, 0.05))
"""Neither V nor P is near 1."""


def monitored(env: gym.Env, file: Path, action, episodes: int = 40) -> list[float]:
    """The return of each episode under one action, and the CSV that Monitor writes."""
    env, returns = Monitor(env, str(file)), []
    env.reset(seed=0)
    while len(returns) < episodes:
        *_, terminated, truncated, info = env.step(action)
        if terminated or truncated:
            returns.append(info["episode"]["r"])
            env.reset()
    env.close()
    return returns


def test_a_provider_s_curve_is_its_costs(tmp_path: Path, capsys) -> None:
    file = tmp_path / "mine.monitor.csv"
    env = gym.make("RoutingGame/Provider-v0", game="t4-cascade")
    returns = monitored(env, file, np.array([1.0, 0.0], np.float32))
    curve = signed(read(file))
    assert not curve.user
    np.testing.assert_allclose(curve.returns, -np.array(returns), atol=1e-5)
    np.testing.assert_array_equal(curve.steps, np.arange(1, 41))
    words = ["figures", "--monitor", str(file), "--game", "t4-cascade", "--out", str(tmp_path)]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert f"J* = {solve(GAME).cost:.4g}" in out
    for ending in (".png", ".svg"):
        assert (tmp_path / f"curve-t4-cascade{ending}").stat().st_size > 1000


def test_a_user_s_curve_is_its_utilities(tmp_path: Path) -> None:
    file = tmp_path / "monitor.csv"
    returns = monitored(gym.make("RoutingGame/User-v0", game="t4-cascade"), file, 0)
    curve = signed(read(file))
    assert curve.user
    np.testing.assert_allclose(curve.returns, returns, atol=1e-5)
    assert curve.steps[-1] > len(curve.steps)


def test_the_lines_are_theory_s() -> None:
    best, first, second = (line.level for line in levels(GAME, user=False))
    assert best == solve(GAME).cost == min(best, first, second)
    assert (first, second) == (outcome(GAME, 1, 0).cost, outcome(GAME, 2, 0).cost)


@pytest.mark.parametrize("game", [GAME, OWN])
def test_a_curve_and_its_line_are_of_one_quantity(tmp_path: Path, game: Game) -> None:
    env = gym.make("RoutingGame/Provider-v0", game=game)
    file = tmp_path / "provider.monitor.csv"
    monitored(env, file, np.array([1.0, 0.0], np.float32), episodes=3000)
    costs = signed(read(file)).returns
    error = costs.std() / np.sqrt(len(costs))
    assert costs.mean() == pytest.approx(levels(game, user=False)[2].level, abs=4 * error)
    best, stays, leaves = (line.level for line in levels(game, user=True))
    file = tmp_path / "user.monitor.csv"
    monitored(gym.make("RoutingGame/User-v0", game=game), file, 0, episodes=3000)
    utilities = signed(read(file)).returns
    error = utilities.std() / np.sqrt(len(utilities))
    assert utilities.mean() == pytest.approx(stays, abs=4 * error)
    assert leaves == pytest.approx(0.0, abs=1e-9 * float(game.value))
    assert best > max(stays, leaves)


def test_blocks_are_means_of_episodes_in_their_order() -> None:
    curve = Curve(False, np.arange(1.0, 101.0), np.repeat([1.0, 3.0], 50))
    ends, means, halves = blocks(curve)
    assert len(means) == 20
    np.testing.assert_array_equal(means, np.repeat([1.0, 3.0], [10, 10]))
    assert (ends[0], ends[-1]) == (5.0, 100.0)
    np.testing.assert_array_equal(halves, 0.0)
    assert "last 10 episodes: 3 ± 0" in sentence(curve, GAME)


def test_few_episodes_are_one_block_without_an_interval() -> None:
    curve = Curve(False, np.arange(1.0, 5.0), np.array([1.0, 2.0, 1.0, 2.0]))
    (end,), (mean,), (half,) = blocks(curve)
    assert (end, mean) == (4.0, 1.5)
    assert np.isnan(half)
    assert "last 4 episodes: 1.5; equilibrium" in sentence(curve, GAME)


WRONG = {
    "no file": (None, "expected a Monitor CSV"),
    "another CSV": ("a,b\n1,2\n", "stable_baselines3's Monitor"),
    "empty": ("", "stable_baselines3's Monitor"),
    "no numbers": ('#{"env_id": "None"}\nr,l,t\nx,1,2\n', "stable_baselines3's Monitor"),
    "no episodes": ('#{"env_id": "None"}\nr,l,t\n', "Monitor"),
    "one episode": ('#{"env_id": "None"}\nr,l,t\n-1,1,2\n', "two episodes"),
    "nan": ('#{"env_id": "None"}\nr,l,t\n-1,1,2\nnan,1,2\n', "two episodes"),
}


@pytest.mark.parametrize(("text", "hint"), WRONG.values(), ids=WRONG.keys())
def test_what_is_no_curve_is_named(text, hint, tmp_path: Path, capsys) -> None:
    file = tmp_path / "my.csv"
    if text is not None:
        file.write_text(text)
    out = tmp_path / "out"
    words = ["figures", "--monitor", str(file), "--game", "t4-cascade", "--out", str(out)]
    assert main(words) == 2
    error = capsys.readouterr().err
    assert hint in error
    assert error.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--monitor", "x.csv"], "expected --game"),
        (["--monitor", "x.csv", "--game", "t4-cascade", "--set", "A"], "expected no --set"),
        (["--monitor", "x.csv", "--game", "t4-cascade", "--only", "3"], "expected no --only"),
        (["--monitor", "x.csv", "--game", "t4-casc"], "perhaps t4-cascade"),
    ],
)
def test_flags_that_do_not_fit_are_named(words, hint, capsys) -> None:
    assert main(["figures", *words]) == 2
    assert hint in capsys.readouterr().err
