"""Pictures: what text and images show of a task, in every registered environment."""

import gymnasium as gym
import numpy as np
import pytest

import routing_game  # noqa: F401  (registers the ids)
from routing_game.envs.render import Scene, ansi, picture, rgb
from routing_game.theory import GAMES

GAME = GAMES["t4-cascade"]
IDS = [
    name
    for name, spec in gym.registry.items()
    if name.startswith("RoutingGame/") and spec.entry_point
]


def played(name, mode):
    """An environment in which something has happened."""
    env = gym.make(name, render_mode=mode)
    env.reset(seed=2)
    env.action_space.seed(2)
    env.step(env.action_space.sample())
    return env


@pytest.mark.parametrize("name", IDS)
class TestEveryEnvironment:
    def test_text(self, name):
        text = played(name, "ansi").render()
        assert text.count("[") == 1
        policy = "starts with" if name == "RoutingGame/Models-v0" else "s ="
        for word in ("M1", "M2", "solved", "left", policy, "q =", "passes", "cost", "utility"):
            assert word in text

    def test_image(self, name):
        frame = played(name, "rgb_array").render()
        assert frame.shape == (400, 640, 3)
        assert frame.dtype == np.uint8
        assert frame.std() > 5

    def test_no_mode_no_picture(self, name):
        with pytest.warns(UserWarning, match="render"):
            assert played(name, None).unwrapped.render() is None

    def test_other_modes_are_refused(self, name):
        with pytest.raises(ValueError, match="render_mode must be None or one of ansi, rgb_array"):
            gym.make(name).unwrapped.__class__(render_mode="human")


def test_pictures_show_where_the_task_is():
    frames = [rgb(picture(Scene(GAME, place))) for place in ("", "M1", "M2", "solved", "left")]
    assert all((a != b).any() for k, a in enumerate(frames) for b in frames[:k])
    assert "[left]" in ansi(picture(Scene(GAME, "left")))


def test_text_tells_what_it_cost():
    text = ansi(picture(Scene(GAME, "solved", (2, 1), 0.9, -0.3, 0.25, (0.5, 1.0), "route 1   ")))
    for part in (
        "route 1",
        "s = 0.250",
        "q = 0.500 / 1.000",
        "M1 2, M2 1",
        "cost 0.900",
        "utility -0.300",
    ):
        assert part in text


def test_the_picture_follows_a_task():
    env = gym.make("RoutingGame/User-v0", render_mode="ansi", max_passes=3)
    for seed in range(40):
        env.reset(seed=seed)
        done, steps = False, 0
        while not done:
            text = env.render()
            assert "[M1]" in text or "[M2]" in text
            steps += 1
            _, _, done, truncated, info = env.step(int(steps == 2 and seed % 2))
        text = env.render()
        task = info["task"]
        assert f"M1 {task.standard}, M2 {task.reasoning}" in text
        assert f"cost {task.cost:.3f}   user's utility {task.utility:.3f}" in text
        assert ("[solved]" in text) == task.solved
        assert ("[left]" in text) == (not task.solved and not truncated)


def test_nothing_to_see_before_a_reset():
    for name in ("RoutingGame/User-v0", "RoutingGame/Session-v0"):
        env = gym.make(name, render_mode="ansi").unwrapped
        with pytest.raises(gym.error.ResetNeeded):
            env.render()
