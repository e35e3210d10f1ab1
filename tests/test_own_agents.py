"""Agents of one's own: what they need, what they are told they lack, where they went wrong."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from routing_game.experiments.check import own
from routing_game.experiments.check.looks import look
from routing_game.experiments.check.trainers import told
from routing_game.theory import GAMES


class Loop:
    """Brings its own loop, and has nothing else."""

    def __init__(self, tasks):
        self.tasks = tasks

    def train(self):
        yield np.int64(self.tasks // 2)  # as sums of numpy's are
        yield self.tasks

    def recommend(self):
        return 1, 0.25


def trained(made, tasks=10):
    """The trace of an agent on a game."""
    world, agent = np.random.SeedSequence(0).spawn(2)
    (trace,) = told(made)([GAMES["t5-stay"]], tasks, [world], [agent])
    trace.check()
    return trace


def test_who_brings_its_own_loop_needs_but_that_and_a_recommendation():
    trace = trained(Loop)
    assert (trace.practice, trace.route, trace.cascade) == ([5, 10], [1, 1], [0.25, 0.25])


@pytest.mark.usefixtures("one_thread")
def test_the_agent_of_stable_baselines3_in_the_docs_is_trained():
    page = (Path(__file__).parents[1] / "docs" / "learners.md").read_text(encoding="utf-8")
    (code,) = [
        block.split("```")[0] for block in page.split("```python")[1:] if "class MyPPO" in block
    ]
    made: dict[str, Any] = {}
    exec(code, made)
    trace = trained(made["MyPPO"], 300)
    assert trace.practice == [256, 512]
    assert {*trace.route} <= {1, 2}


def done(self):
    self.trained = True


def stands_still(self):
    yield from (5, 5)


def shares(self):
    yield 0.5


def nothing(self):
    yield from ()


@pytest.mark.parametrize(
    ("train", "got"),
    [
        (done, "got None"),
        (stands_still, "got 5 after 5"),
        (shares, "got 0.5 after 0"),
        (nothing, "got nothing"),
    ],
)
def test_a_loop_says_how_far_it_is(train, got):
    broken = type("Broken", (Loop,), {"train": train})
    with pytest.raises(ValueError, match=rf"train\(\) of Broken must yield, .* tasks .*, {got}$"):
        trained(broken)


class Hungry(Loop):
    """Asks for what nobody offers; the second has a default, and is no trouble."""

    def __init__(self, game, env, size=3, **rest):
        super().__init__(10)


def test_an_agent_that_asks_for_more_is_told_what_there_is():
    with pytest.raises(ValueError, match="by Hungry may ask for rng, game, tasks .* for env$"):
        trained(Hungry)


def test_only_lines_of_somebody_s_own_are_named_as_theirs(here):
    """A file of theirs may have the name of one of ours."""
    (here / "own.py").write_text("def made(env): pass\n\n\ndef fails():\n    raise KeyError\n")
    made = own.find("own:made")
    with pytest.raises(ValueError, match="asks for env") as raised, own.located("own:made"):
        own.make(made, rng=None)
    assert not hasattr(raised.value, "__notes__")
    with pytest.raises(KeyError) as raised, own.located("own:fails"):
        own.find("own:fails")()
    assert raised.value.__notes__ == ["(own.py, line 5, in fails)"]


@pytest.mark.parametrize("word", ["greedy", "greedy.py"])
def test_a_file_that_is_there_is_looked_into_for_its_agent(here, word):
    assert own.written(word) in ("greedy:Agent", "mine:greedy")
    (here / "greedy.py").write_text(
        "raise SystemExit\n\nclass Arm:\n    pass\n\nclass Greedy:\n    def recommend(self): ...\n"
    )
    assert own.written(word) == "greedy:Greedy"
    (here / "greedy.py").write_text("class broken(:\n")
    assert own.written(word) == "greedy:Agent"


def test_agents_of_one_s_own_look_different_in_a_picture():
    mine = [f"mine:Agent{i}" for i in range(5)]
    looks = [look(name, ["ucb", *mine, "ppo"]) for name in mine]
    assert len({each.colour for each in looks}) == len({each.marker for each in looks}) == 5
    assert look("ucb", [*mine, "ucb"]) == look("ucb")
