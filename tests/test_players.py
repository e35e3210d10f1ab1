"""What is asked of players whom others wrote or trained, wherever they are put."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import routing_game  # noqa: F401  (registers the ids)
from routing_game.agents import FixedProvider, FixedUser, NoLearning
from routing_game.agents.zoo import tournament
from routing_game.envs import (
    ModelsEnv,
    ProviderEnv,
    ProviderVectorEnv,
    SessionEnv,
    UserEnv,
    UserVectorEnv,
)
from routing_game.experiments.play import play_batches
from routing_game.players import answer, checked_player
from routing_game.theory import load

GAME = load("t4-cascade")


class ByIf:
    """A user written for numbers."""

    def abandon(self, route: Any, cascade: Any) -> float:
        if route == 1 and cascade < 0.4:
            return 1.0
        return 0.0


class ByFloat:
    """Another."""

    def abandon(self, route: Any, cascade: Any) -> float:
        return min(float(cascade), 0.5)


class Vectorised:
    """The first, as the message says to write it."""

    abandon = staticmethod(np.vectorize(ByIf().abandon, otypes=[float]))


class Plain:
    """A provider without arguments."""

    def act(self) -> Any:
        return 1, 0.5


class Planning(Plain):
    """A provider that can play in batches and in tournaments."""

    recommend = Plain.act

    def plan(self) -> Any:
        return (1, 0.5), 5

    def update_many(self, commitment: Any, costs: Any) -> None: ...


WHERE = {
    "ProviderEnv": lambda user: ProviderEnv(user=user),
    "gym.make": lambda user: gym.make("RoutingGame/Provider-v0", user=user),
    "ProviderVectorEnv": lambda user: ProviderVectorEnv(3, user=user),
    "a session": lambda user: SessionEnv(user=user),
    "a scheme": NoLearning,
    "batches": lambda user: next(play_batches(GAME, Planning(), 20, 0, user=user)),  # type: ignore[arg-type]
    "a tournament": lambda user: tournament(GAME, users={"mine": user}),
}


@pytest.mark.parametrize(
    ("where", "observes"),
    [
        (where, observes)
        for where in WHERE
        for observes in ("samples:10", "noisy:0.1", "model")
        if where != "a tournament" or observes == "noisy:0.1"  # it shows them the others
    ],
)
def test_a_user_who_learnt_from_something_else_is_refused(where: str, observes: str) -> None:
    user = FixedUser(0.5)
    for told in ("strategy", "route", "none"):
        user.observes = told  # type: ignore[attr-defined]
        WHERE[where](user)
    user.observes = observes  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match=f"shown here.*learnt from observes='{observes}'"):
        WHERE[where](user)


@pytest.mark.parametrize("where", WHERE)
def test_a_class_in_the_place_of_a_user_is_named(where: str) -> None:
    with pytest.raises(ValueError, match=r"got the class ByIf: make one, ByIf\(...\)"):
        WHERE[where](ByIf)


@pytest.mark.parametrize(
    "make",
    [
        lambda: UserEnv(provider=Plain),  # type: ignore[arg-type]
        lambda: UserVectorEnv(2, provider=Plain),  # type: ignore[arg-type]
        lambda: ModelsEnv(user=Plain),  # type: ignore[arg-type]
        lambda: tournament(GAME, providers={"mine": Planning}),  # type: ignore[dict-item]
    ],
)
def test_a_class_in_the_place_of_another_player_is_named(make: Any) -> None:
    with pytest.raises(ValueError, match="got the class"):
        make()


class Half:
    """A provider that is not finished: two of its three methods are there, one is a number."""

    recommend = 0.5
    eps = 0.1

    def act(self) -> Any:
        return 1, 0.5

    @property
    def dear(self) -> Any:
        raise AssertionError("nothing of it is run")

    def observe(self, commitment: Any, task: Any) -> None: ...


def test_all_that_a_player_lacks_is_named_and_what_it_has() -> None:
    methods = ("act", "update(commitment, task)", "recommend")
    with pytest.raises(ValueError, match="provider must have") as raised:
        checked_player("provider", Half(), *methods)
    told = str(raised.value)
    assert (
        "methods act(), update(commitment, task) and recommend(), got an object of Half; it lacks"
        in told
    )
    assert told.endswith(
        "it lacks update() and recommend() (recommend is 0.5) and has act() and observe()"
    )


@pytest.mark.parametrize(
    ("x", "has"), [(None, "no methods"), ([], r"append\(\), clear\(\), .* and \d more")]
)
def test_what_is_no_player_at_all_is_told_in_a_line(x: Any, has: str) -> None:
    with pytest.raises(ValueError, match=rf"a method abandon\(\), got .* lacks abandon.* {has}$"):
        checked_player("user", x, "abandon")


@pytest.mark.parametrize("kind", [ByIf, ByFloat])
def test_a_user_written_for_numbers_is_told_that_arrays_arrive(kind: Any) -> None:
    engine = gym.make_vec("RoutingGame/Provider-v0", num_envs=3, user=kind())
    engine.reset(seed=0)
    with pytest.raises(ValueError, match=r"arrays of commitments.*np\.where.*np\.vectorize"):
        engine.step(np.zeros((3, 2), np.float32))
    env = ProviderEnv(user=kind())  # where numbers arrive it plays
    env.reset(seed=0)
    assert env.step((1, 0.2))[-1]["abandon"] == kind().abandon(1, 0.2)


def test_the_advice_of_the_message_works() -> None:
    engine = gym.make_vec("RoutingGame/Provider-v0", num_envs=3, user=Vectorised())
    engine.reset(seed=0)
    actions = np.array([[-1, -1], [-1, 0.5], [1, -1]], np.float32)
    *_, info = engine.step(actions)
    np.testing.assert_array_equal(info["final_info"]["abandon"], [1, 0, 0])


def test_an_error_of_the_user_itself_is_its_own() -> None:
    class Fails:
        def abandon(self, route: Any, cascade: Any) -> Any:
            raise TypeError("mine")

    with pytest.raises(TypeError, match="mine"):
        answer(Fails(), 1, 0.5)
    with pytest.raises(ValueError, match="mine") as raised:
        answer(Fails(), np.array([1, 1]), 0.5)
    assert isinstance(raised.value.__cause__, TypeError)


@pytest.mark.parametrize("q", [np.nan, -0.1, 1.1, "often", None])
def test_the_answer_to_a_ladder_is_checked(q: Any) -> None:
    class User:
        def abandon(self, chain: Any, start: int) -> Any:
            return q

    env = ModelsEnv(user=User())
    env.reset(seed=0)
    with pytest.raises(ValueError, match="abandon"):
        env.step(np.zeros(3, np.float32))


def test_a_provider_needs_no_word_of_what_it_saw() -> None:
    seen, _ = UserEnv(provider=FixedProvider(1, 0.25)).reset(seed=0)
    np.testing.assert_array_equal(seen, [1, 0.25])


@pytest.mark.parametrize("observes", ["strategy", "samples:10", "noisy:0.1", "route", "model"])
def test_a_saved_user_comes_back_to_what_it_saw_and_to_nothing_else(
    observes: str, tmp_path: Any
) -> None:
    saved = pytest.importorskip("routing_game.agents.saved", exc_type=ImportError)
    from stable_baselines3 import PPO

    model = PPO("MlpPolicy", UserEnv(observes=observes), n_steps=8, batch_size=8, device="cpu")
    saved.save_policy(model, tmp_path / "user")
    user = saved.load_user(tmp_path / "user")
    assert user.observes == observes
    if observes in ("strategy", "route"):
        env = ProviderEnv(user=user)
        env.reset(seed=0)
        assert 0 <= env.step((1, 0.3))[-1]["abandon"] <= 1
    else:
        with pytest.raises(ValueError, match=f"learnt from observes='{observes}'"):
            ProviderEnv(user=user)
