"""One's own curve beside theory: read as Monitor writes it, in the game's units."""

import dataclasses
import json
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecMonitor

import routing_game  # noqa: F401  (registers the ids)
from routing_game.envs.sb3 import SB3VecEnv
from routing_game.experiments.cli import main
from routing_game.experiments.curve import (
    Curve,
    blocks,
    doubt,
    draw,
    levels,
    read,
    runs,
    sentence,
    sentences,
    signed,
)
from routing_game.experiments.paper.looks import dressed
from routing_game.experiments.play import World
from routing_game.theory import GAMES, Commitment, Game, best_response, outcome, solve

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


# --- several


def written(file: Path, returns, ends=None, start=0.0, env="RoutingGame/Provider-v0") -> Path:
    """A Monitor CSV with episodes of two steps that end at these seconds from the start."""
    ends = range(1, len(returns) + 1) if ends is None else ends
    head = json.dumps({"t_start": start, "env_id": env})
    rows = [f"{r},2,{t}" for r, t in zip(returns, ends, strict=True)]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join([f"#{head}", "r,l,t", *rows]) + "\n")
    return file


def test_environments_side_by_side_are_one_run_in_the_order_of_their_clocks(tmp_path: Path) -> None:
    written(tmp_path / "0.monitor.csv", [-1, -3, -5], [1.0, 3.0, 5.0], start=100.0)
    written(tmp_path / "1.monitor.csv", [-2, -4], [1.0, 3.0], start=101.0)
    written(tmp_path / "10.monitor.csv", [])
    ((name, curve),) = runs([tmp_path]).items()
    assert name == tmp_path.name
    np.testing.assert_array_equal(curve.returns, [1, 2, 3, 4, 5])
    np.testing.assert_array_equal(curve.steps, [2, 4, 6, 8, 10])


def test_what_make_vec_env_writes_is_read_whole(tmp_path: Path) -> None:
    """The same episodes as in its files; they finished in turn, one of each in every step."""
    folder = tmp_path / "ppo"
    envs = make_vec_env(
        "RoutingGame/Provider-v0",
        n_envs=3,
        seed=0,
        monitor_dir=str(folder),
        env_kwargs={"game": "t4-cascade"},
    )
    envs.reset()
    shown = [envs.step(np.tile([1.0, 0.0], (3, 1)).astype(np.float32))[1] for _ in range(20)]
    envs.close()
    ((_, curve),) = runs([folder]).items()
    np.testing.assert_allclose(np.sort(curve.returns), np.sort(-np.concatenate(shown)), atol=1e-5)
    np.testing.assert_array_equal(curve.steps, np.arange(1, 61))
    rounds = curve.returns.reshape(20, 3).mean(axis=1)
    np.testing.assert_allclose(rounds, -np.mean(shown, axis=1), atol=1e-5)


def test_what_a_vec_monitor_writes_of_an_engine_is_known_for_a_user_s(tmp_path: Path) -> None:
    engine = gym.make_vec(
        "RoutingGame/User-v0", num_envs=4, vectorization_mode="vector_entry_point"
    )
    envs = VecMonitor(SB3VecEnv(engine), str(tmp_path / "monitor.csv"))
    envs.reset()
    for _ in range(40):
        envs.step(np.zeros(4, np.int64))
    envs.close()
    curve = read(tmp_path / "monitor.csv")
    assert (curve.user, curve.told) == (True, True)


def test_a_file_that_names_no_environment_is_said_to_be_taken_for_a_provider_s(tmp_path) -> None:
    file = written(tmp_path / "monitor.csv", [-1, -2], env="None")
    curve = signed(read(file))
    assert not curve.user
    assert sentence(curve, GAME).endswith("taken for a provider's")


def test_one_file_stays_in_its_order_though_its_clock_was_set_back(tmp_path: Path) -> None:
    file = written(tmp_path / "monitor.csv", [-1, -2, -3, -4], [5.0, 6.0, 1.0, 2.0])
    np.testing.assert_array_equal(signed(read(file)).returns, [1, 2, 3, 4])


def test_runs_are_named_by_what_tells_them_apart(tmp_path: Path) -> None:
    seeds = [written(tmp_path / f"seed-{k}" / "monitor.csv", [-1, -2]) for k in range(2)]
    assert list(runs(seeds)) == ["seed-0", "seed-1"]
    same = [written(tmp_path / way / "run" / "monitor.csv", [-1, -2]) for way in ("a", "b")]
    assert list(runs([*same, same[0]])) == ["a/run", "b/run"]
    for name in ("ppo", "a2c"):
        written(tmp_path / "both" / f"{name}.monitor.csv", [-1, -2])
    assert sorted(runs([tmp_path / "both"])) == ["a2c", "ppo"]
    assert len(runs([tmp_path / "both", *seeds])) == 4


@pytest.mark.parametrize("count", [2, 7])
def test_every_run_is_drawn_apart_beside_theory(tmp_path: Path, count: int) -> None:
    places = [written(tmp_path / f"$x_{k}$" / "monitor.csv", 40 * [-k]) for k in range(count)]
    curves = runs(places)
    with dressed():
        drawn = draw(curves, GAME, "$odd$")
        drawn.draw_without_rendering()
    (axes,) = drawn.axes
    mine, theory = axes.lines[:count], axes.lines[count:]
    for k, line in enumerate(mine):
        np.testing.assert_array_equal(line.get_ydata(), k)
        assert rf"\$x_{k}\$" in line.get_label()
    looks = [(line.get_color(), str(line.get_linestyle()), line._dash_pattern) for line in mine]
    assert len(set(map(str, looks))) == count
    assert [line.get_ydata()[0] for line in theory] == [x.level for x in levels(GAME, user=False)]
    assert not {line.get_color() for line in mine} & {line.get_color() for line in theory}
    assert len(axes.collections) == (count if count <= 3 else 0)
    assert axes.get_title(loc="left") == r"\$odd\$: your providers beside theory"
    *told, asked = sentences(curves, GAME)
    assert asked == "warning: $x_0$: " + doubt(runs(places[:1]), GAME)
    assert [words.partition(":")[0] for words in told[:-1]] == [f"$x_{k}$" for k in range(count)]
    ends = np.arange(count)
    assert f"mean of these {count} runs: {ends.mean():.4g}" in told[-1]
    assert f"from 0 to {count - 1}" in told[-1]
    assert ("±" in told[-1]) == (count >= 5)


ASKED = "below J*: is this the game it was trained on, against the exact user?"


def played(game: Game, seed: int, tasks: int = 300) -> dict[str, Curve]:
    """The signed curve of tasks under the optimum, which the exact user answers."""
    best = solve(game)
    commitment = Commitment(int(best.route), float(best.cascade[0]))
    q = np.full(tasks, float(best_response(game, *commitment).strong))
    costs = World(game, np.random.default_rng(seed)).many(commitment, q).cost
    return {"mine": Curve(False, np.arange(1, tasks + 1), np.asarray(costs))}


@pytest.mark.parametrize("name", ["t4-cascade", "t5-stay", "value-strong", "t5-leave"])
def test_a_curve_of_another_game_is_asked_about_and_one_of_this_game_is_not(name: str) -> None:
    game = GAMES[name]
    dear = dataclasses.replace(game, penalty=3 * game.penalty, cost=tuple(3 * c for c in game.cost))
    for seed in range(40):
        curves = played(game, seed, 1000)
        assert doubt(curves, game) == ""
        assert doubt(curves, dear) == ASKED
        assert sentences(curves, dear)[-1] == f"warning: {ASKED}"


def test_a_users_curve_above_the_best_response_is_asked_about() -> None:
    best = levels(GAME, user=True)[0].level
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, 400)
    for shift, asked in ((0.0, False), (-1.0, False), (1.0, True)):
        curves = {"mine": Curve(True, np.arange(400), best + shift + noise)}
        assert ("above the best response" in doubt(curves, GAME)) == asked


def test_few_cheap_tasks_are_nothing_odd() -> None:
    """Each solved by its first pass, as many a time at the optimum."""
    curves = {"mine": Curve(False, np.arange(10), np.full(10, GAME.cost[0]))}
    assert GAME.cost[0] < solve(GAME).cost
    assert doubt(curves, GAME) == ""


def test_the_question_stands_in_the_picture_under_its_title() -> None:
    curves = played(GAME, 0)
    for game, count in ((GAME, 0), (dataclasses.replace(GAME, cost=(2.0, 9.0)), 1)):
        with dressed():
            drawn = draw(curves, game, "mine")
            drawn.draw_without_rendering()
        (axes,) = drawn.axes
        assert [text.get_text() for text in axes.texts] == count * [ASKED]
        if count:
            title = next(
                x
                for x in axes.get_children()
                if getattr(x, "get_text", str)() == axes.get_title(loc="left")
            )
            assert not title.get_window_extent().overlaps(axes.texts[0].get_window_extent())


def test_several_are_given_in_any_way(tmp_path: Path, capsys) -> None:
    places = [str(written(tmp_path / f"{k}" / "monitor.csv", [-1, -2])) for k in range(3)]
    words = ["figures", "--monitor", *places[:2], "--game", "t4-cascade", "--penalty", "2"]
    assert main([*words, "--monitor", places[2], "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out.splitlines()
    picture = tmp_path / "out" / "curve-t4-cascade-penalty-2.png"
    assert out[0] == f"{picture} (and .svg)"
    assert [line.split(":")[0] for line in out[1:]] == ["0", "1", "2", "mean of these 3 runs"]
    assert picture.exists()
    assert picture.with_suffix(".svg").exists()
    best = solve(dataclasses.replace(GAME, penalty=2.0)).cost
    assert all(f"J* = {best:.4g}" in line for line in out[1:4])


def test_curves_that_do_not_belong_together_are_named(tmp_path: Path, capsys) -> None:
    mine = written(tmp_path / "a" / "0.monitor.csv", [-1, -2])
    user = written(tmp_path / "b" / "monitor.csv", [-1, -2], env="RoutingGame/User-v0")
    (tmp_path / "empty").mkdir()
    wrong = {
        (str(mine), str(user)): "draw them apart",
        (str(tmp_path / "empty"),): "files that end in monitor.csv",
        (str(mine), str(tmp_path / "no.csv")): "expected a Monitor CSV",
    }
    for places, hint in wrong.items():
        out = tmp_path / "out"
        words = ["figures", "--monitor", *places, "--game", "t4-cascade", "--out", str(out)]
        assert main(words) == 2
        error = capsys.readouterr().err
        assert hint in error
        assert error.count("\n") == 1
        assert not out.exists()


WRONG = {
    "no file": (None, "expected a Monitor CSV"),
    "another CSV": ("a,b\n1,2\n", "stable_baselines3's Monitor"),
    "empty": ("", "stable_baselines3's Monitor"),
    "no numbers": ('#{"env_id": "None"}\nr,l,t\nx,1,2\n', "stable_baselines3's Monitor"),
    "no episodes": ('#{"env_id": "None"}\nr,l,t\n', "two episodes"),
    "one episode": ('#{"env_id": "None"}\nr,l,t\n-1,1,2\n', "two episodes"),
    "sessions": ('#{"env_id": "RoutingGame/Session-v0"}\nr,l,t\n-1,1,2\n-1,1,3\n', "no line"),
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
