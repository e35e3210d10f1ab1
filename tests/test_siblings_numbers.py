"""One number that is none: of the kind "one NaN cost ends all that is learnt from then on".

All learners, not only those that are told of one task at a time, must refuse at once a cost, a
reward or a number of passes that is nan or infinite, or must not look at it, by rule. To the same
kind belong numbers on the command line that are taken for flags, or for others.
"""

from __future__ import annotations

import contextlib
import copy
import json
import reprlib
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from routing_game.agents import (
    MultiplicativeWeights,
    RehearsingUser,
    ReputationProvider,
    Structural,
    StructuralUser,
)
from routing_game.agents.protocol import SessionView, check_passes
from routing_game.agents.sessions import ConstantCascade, PlanningProvider
from routing_game.box import from_box
from routing_game.envs import (
    ModelsEnv,
    OptionsEnv,
    ProviderEnv,
    ProviderVectorEnv,
    SessionEnv,
    UserEnv,
    UserVectorEnv,
    WorldEnv,
)
from routing_game.envs.sb3 import SB3VecEnv
from routing_game.experiments import play
from routing_game.experiments.check import trainers
from routing_game.experiments.check.learners import LEARNERS
from routing_game.experiments.cli import main
from routing_game.experiments.commands.parser import NEGATIVE, at_least_one
from routing_game.theory import Commitment, Game, Task, best_response, load, payoffs
from routing_game.theory.belief import Belief, expected_visits
from routing_game.theory.belief_success import failures_endured
from routing_game.theory.numbers import doubles
from routing_game.theory.robust import worst_cost
from routing_game.theory.welfare import throttling_gain

GAME = load("t4-cascade")
ALL = [name for name, learner in LEARNERS.items() if learner.family != "control"]
KNOWS_THE_GAME = [name for name in ALL if name.startswith("gradient")]
"""Plans by a gradient of the game that it is given: it is told of no task."""
FROM_COUNTS = {
    "cost": ["structural"],
    "utility": [
        "oracle",
        "oracle-contextual",
        "alternating",
        "two-timescale",
        "blocks",
        "simultaneous",
    ],
}
"""What follows from the numbers of passes: these learn from them, and do not look at the sum."""


class Spoiler:
    """From the second time on the first of the numbers that the world tells becomes another."""

    def __init__(self, bad: float) -> None:
        self.bad, self.told = bad, 0

    def __call__(self, numbers: Any) -> Any:
        self.told += 1
        if self.told < 2:
            return numbers
        spoiled = np.array(numbers, dtype=float)
        spoiled.flat[0] = self.bad
        return spoiled if spoiled.ndim else float(spoiled)


def spoil_worlds(patched: pytest.MonkeyPatch, what: str, bad: float) -> None:
    """All that learners are told of tasks, whichever way they are trained."""
    spoil = Spoiler(bad)

    def spoiled(task: Any) -> Any:
        return task._replace(**{what: spoil(getattr(task, what))})

    def after(owner: Any, name: str, change: Any) -> None:
        plain = getattr(owner, name)
        patched.setattr(owner, name, lambda *given: change(plain(*given)))

    def told_by_step(told: Any) -> Any:
        *rest, info = told
        return *rest, info | {"task": spoiled(info["task"])}

    def told_by_engine(told: Any) -> Any:
        seen, rewards, dones, infos = told
        return seen, np.asarray(spoil(rewards), np.float32), dones, infos

    for name in ("__call__", "many"):
        after(play.World, name, spoiled)
    after(play.Cohort, "tasks", spoiled)
    if what == "cost":
        after(play.Cohort, "__call__", spoil)
        after(play, "settle", spoiled)
        after(trainers.ProviderEnv, "step", told_by_step)
        after(SB3VecEnv, "step_wait", told_by_engine)
    if what == "utility":
        after(SB3VecEnv, "step_wait", told_by_engine)


def trained(name: str) -> Any:
    seeds = [np.random.SeedSequence(1)], [np.random.SeedSequence(2)]
    practice, _ = LEARNERS[name].budgets["smoke"]
    least = {"reinforce-blind": 2000, "alternating": 8000}.get(name, 200)  # more than one turn
    (trace,) = LEARNERS[name].train([GAME], max(practice, least), *seeds)
    return vars(trace)


def spoiled_kinds(name: str) -> list[str]:
    """What a learner of this name is told: what its own side gets."""
    family = LEARNERS[name].family
    if family == "users":
        return ["utility"] if name.endswith("sb3") else []
    return ["cost", "utility"] if family == "pairs" and name not in KNOWS_THE_GAME else ["cost"]


CASES = [(name, what) for name in ALL if name not in KNOWS_THE_GAME for what in spoiled_kinds(name)]


@pytest.mark.parametrize(("name", "what"), CASES)
def test_a_number_that_is_none_is_refused_at_once_or_not_looked_at(
    name: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, half of them went on for ever with weights that were nan, and said nothing."""
    if name in FROM_COUNTS[what]:
        honest = trained(name)
        spoil_worlds(monkeypatch, what, np.nan)
        assert repr(trained(name)) == repr(honest)
        return
    spoil_worlds(monkeypatch, what, np.nan)
    with pytest.raises(ValueError, match=r"must be (a )?finite numbers?, .*got .*nan"):
        trained(name)


@pytest.mark.parametrize("name", ["ppo", "td3", "dqn", "reinforce-blind", "ppo-plain"])
@pytest.mark.parametrize("bad", [np.inf, -np.inf])
def test_an_infinite_cost_is_refused_too(
    name: str, bad: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil_worlds(monkeypatch, "cost", bad)
    with pytest.raises(ValueError, match=r"must be a finite number, got -?inf"):
        trained(name)


@pytest.mark.parametrize(
    "name", [n for n in ALL if LEARNERS[n].family == "users" and not n.endswith("sb3")]
)
def test_users_side_by_side_refuse_passes_that_cannot_be_counted(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, spoil = play.UserCohort.play, Spoiler(np.nan)

    def spoiled(*given: Any) -> Any:
        standard, *rest = plain(*given)
        return spoil(standard), *rest

    monkeypatch.setattr(play.UserCohort, "play", spoiled)
    with pytest.raises(ValueError, match="the passes of a task must be a finite number"):
        trained(name)


# learners from counts


def task_of(passes: Any) -> Task:
    return Task(passes, 0, True, 0.3, 0.5)


@pytest.mark.parametrize("passes", [np.nan, np.inf, 0, -1])
def test_learners_from_counts_refuse_passes_that_are_none_and_forget_them(passes: Any) -> None:
    rng = np.random.default_rng(0)
    here = Commitment(1, 0.0)
    told: list[tuple[Any, Any]] = [
        (provider := Structural((0.15, 0.6), 1.5, rng), lambda t: provider.update(here, t)),
        (user := StructuralUser(1.0, (0.4, 0.5)), lambda t: user.learn(here, 0.0, t)),
        (hedge := MultiplicativeWeights(1.0, (0.4, 0.5), rng), lambda t: hedge.learn(here, 0.0, t)),
        (sums := RehearsingUser(1.0, (0.4, 0.5), rng), lambda t: sums.learn(here, 0.0, t)),
    ]
    for learner, learn in told:
        before = {k: copy.deepcopy(v) for k, v in vars(learner).items()}
        with pytest.raises(ValueError, match="passes of a task must be a finite number"):
            learn(task_of(passes))
        after = {k: v for k, v in vars(learner).items() if k in before and k != "_rng"}
        del before["_rng"]
        assert repr(after) == repr(before)


def test_passes_of_many_tasks_are_looked_at_one_by_one() -> None:
    fine = np.array([1, 2]), np.array([0, 3])
    check_passes(Task(*fine, *(np.zeros(2),) * 3))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at index"):
        check_passes(Task(np.array([1, 0]), np.array([0, 0]), *(np.zeros(2),) * 3))  # type: ignore[arg-type]


# observations


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_providers_of_sessions_refuse_observations_that_hold_no_numbers(
    place: int, bad: float
) -> None:
    """A nan is not above 0: it would have been taken for a task that has not failed."""
    seen = np.array([0.0, 1.0, 1.0, 0.0, 0.0])
    seen[place] = bad
    rng = np.random.default_rng(0)
    for provider in (
        ConstantCascade(0.5, rng),
        ReputationProvider(GAME),
        PlanningProvider(GAME, 2),
    ):
        with pytest.raises(ValueError, match="observation of a session must hold finite numbers"):
            provider.act(seen)


def test_an_observation_of_a_session_is_five_numbers() -> None:
    with pytest.raises(ValueError, match=r"five numbers, got the shape \(4,\)"):
        SessionView.of(np.zeros(4))


# the command line


@pytest.mark.parametrize(
    "text", ["-1_000", "-1e-3", "-.5", "-1.", "-1_0.5e-0_3", "-INF", "-nan", "-1E+3", "-0.0"]
)
def test_what_float_reads_as_negative_is_no_flag(text: str) -> None:
    assert isinstance(float(text), float)
    assert NEGATIVE.match(text)


@pytest.mark.parametrize("text", ["-1__0", "-_1", "-1_", "-1e", "--1", "-", "-e3", "-.", "-1 "])
def test_what_float_does_not_read_is_a_flag_as_before(text: str) -> None:
    if text != "-1 ":
        with pytest.raises(ValueError, match="could not convert"):
            float(text)
    assert not NEGATIVE.match(text)


@pytest.mark.parametrize("number", ["-1_000", "-1e-3", "-.5e0"])
def test_costs_may_be_negative_however_they_are_written(
    number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["solve", "t4-cascade", "--unordered", "--cost", number, ".6", "--json"]
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["game"]["cost"] == [float(number), 0.6]


@pytest.mark.parametrize(
    ("text", "count"), [("1e4", 10_000), ("1_000", 1000), ("+2", 2), (" 3 ", 3), ("2.50e2", 250)]
)
def test_counts_are_read_as_people_write_them(text: str, count: int) -> None:
    assert at_least_one(text) == count


@pytest.mark.parametrize("text", ["12345678901234567.5", "1.0000000000000000001", "1e-400"])
def test_a_count_is_not_rounded_to_a_whole_number(text: str) -> None:
    """As doubles the first two are whole."""
    with pytest.raises(Exception, match="expected a whole number of at least 1"):
        at_least_one(text)


@pytest.mark.parametrize("text", ["1e30", "9" * 400, "1e400", "1e999999999"])
@pytest.mark.parametrize("words", [["frequencies", "--games"], ["check", "--seeds"]])
def test_a_count_that_nobody_counts_to_is_refused(
    words: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with contextlib.chdir("/"):
        assert main([*words, text]) == 2
    assert len(said := capsys.readouterr().err.splitlines()) == 1
    assert "expected at most 9223372036854775807, got" in said[0]


NO_NUMBERS = [
    ".5",
    b".5",
    np.str_(".5"),
    np.array(".5"),
    np.array([".5"], np.dtypes.StringDType()),
    np.array([".5"], object),
    np.datetime64(1, "s"),
    np.timedelta64(1, "s"),
    np.array([None]),
    None,
    1j,
    np.array([1 + 0j]),
    {},
    10**400,
]
"""What numpy would make a number of, or would drop a part of; and what it falls over."""


@pytest.mark.parametrize("x", NO_NUMBERS, ids=lambda x: reprlib.repr(x))
def test_what_is_no_number_is_none_to_theory(x: Any) -> None:
    """Before, `payoffs(game, 1, "0.5", 0)` had an answer, and complex numbers lost a half."""
    rule = "(must be|expected) a number or an array of numbers, got|must lie in|must be 1"
    for asked in (
        lambda: doubles(x),
        lambda: Game(x, 1.5, (0.3, 0.8), (0.4, 0.5), (0.15, 0.6)),
        lambda: Game(1, 1.5, (0.3, x), (0.4, 0.5), (0.15, 0.6)),
        lambda: payoffs(GAME, 1, x, 0.0),
        lambda: payoffs(GAME, 1, 0.5, x),
        lambda: best_response(GAME, x, 0.5),
        lambda: best_response(GAME, 1, x),
        lambda: worst_cost(GAME, 1, 0.5, x),
        lambda: throttling_gain(GAME, (0.5, x)),
        lambda: expected_visits(GAME, Belief(x, 1.0), 0.5),
        lambda: failures_endured(GAME, (1.0, x)),
    ):
        with pytest.raises(ValueError, match=rule):
            asked()


@pytest.mark.parametrize(
    "half",
    [
        Decimal(".5"),
        Fraction(1, 2),
        np.float16(0.5),
        np.longdouble(0.5),
        np.array(0.5),
        np.array(0.5, object),
        np.array(0.5, ">f8"),
    ],
    ids=repr,
)
def test_a_number_is_the_same_in_every_type_that_numbers_have(half: Any) -> None:
    assert payoffs(GAME, 1, half, half) == payoffs(GAME, 1, 0.5, 0.5)
    assert best_response(GAME, 1, half) == best_response(GAME, 1, 0.5)
    assert Game(half, 1.5, (0.3, 0.8), (0.4, 0.5), (0.15, 0.6)).value == 0.5
    assert doubles([half, 2**70]).tolist() == [0.5, 2.0**70]


def test_a_number_that_is_masked_is_missing() -> None:
    """Before, what lay behind the mask was taken for it."""
    seen = np.ma.array([1.0, 2.0], mask=[False, True])
    with pytest.raises(ValueError, match=r"value must be finite, got nan at index \(1,\)"):
        Game(seen, 1.5, (0.3, 0.8), (0.4, 0.5), (0.15, 0.6))
    assert Game(seen[:1], 1.5, (0.3, 0.8), (0.4, 0.5), (0.15, 0.6)).shape == (1,)
    with pytest.raises(ValueError, match="must lie in the box"):
        from_box(np.ma.array([0, 0], mask=[False, True]))


@pytest.mark.parametrize("x", ["no", "false", 0, 1, None, np.array([True])], ids=repr)
def test_a_flag_of_a_game_is_true_or_false(x: Any) -> None:
    """Before, ordered="false" insisted on the order, and an array made a game without a hash."""
    with pytest.raises(ValueError, match="ordered must be True or False, got"):
        Game(1, 1.5, (0.3, 0.8), (0.4, 0.5), (0.15, 0.6), x)
    assert Game(1, 1.5, (0.8, 0.3), (0.5, 0.4), (0.6, 0.15), np.False_).ordered is False


class Answers:
    """A user, and a user of sessions, whose answer to everything is this."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def begin(self) -> None: ...
    def see_draw(self, escalated: bool) -> None: ...
    def abandon(self, route: Any, cascade: Any) -> Any:
        return self.answer


class Leaves(Answers):
    abandon = None

    def leaving(self, model: int) -> Any:
        return self.answer

    def cancelling(self, solved: bool) -> float:
        return 0.0


def stepped(env: Any, action: Any) -> Any:
    env.reset(seed=0)
    return env.step(action)


@pytest.mark.parametrize(
    "x", [".5", b".5", np.array(".5"), 1j, None, np.timedelta64(0, "s")], ids=repr
)
def test_what_is_no_number_is_none_to_environments(x: Any) -> None:
    """A user may answer, a provider commit to, and a setting be, a number and nothing else."""
    promise = SimpleNamespace(act=lambda: (1, x))
    span = {"game": "t4-cascade", "penalty": (0.5, x)}
    for asked in (
        lambda: stepped(ProviderEnv(user=Answers(x)), (1, 0.5)),
        lambda: stepped(ProviderVectorEnv(2, user=Answers(x)), np.zeros((2, 2))),
        lambda: stepped(SessionEnv(user=Answers(x)), 0),
        lambda: stepped(SessionEnv(user=Leaves(x)), 0),
        lambda: UserEnv(provider=promise).reset(seed=0),
        lambda: UserVectorEnv(2, provider=promise).reset(seed=0),
        lambda: SessionEnv(prior=(1, x)),
        lambda: SessionEnv(fee=x),
        lambda: OptionsEnv(throttle=x),
        lambda: ModelsEnv(success=(0.3, 0.8), latency=(0.4, 0.5), cost=(0.1, x)),
        lambda: WorldEnv(sampler={"games": ["t4-cascade"], "weights": [x]}),
        lambda: WorldEnv(sampler=span),
    ):
        with pytest.raises(ValueError, match="got"):
            asked()


@pytest.mark.parametrize("span", [1, (1,), (1, 2, 3), "12", None, (2, 1), (0, 1), (1, np.inf)])
def test_a_range_is_two_numbers_in_order(span: Any) -> None:
    with pytest.raises(ValueError, match="from a range 0 < low <= high, got penalty="):
        WorldEnv(sampler={"game": "t4-cascade", "penalty": span})
