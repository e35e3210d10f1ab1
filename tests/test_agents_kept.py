"""A finished learner's outcome as numbers: a commitment; answers, read between their knots."""

import msgspec
import numpy as np
import pytest
from safetensors.numpy import save

from routing_game.agents import ModelUser, User, load_user
from routing_game.agents.hats import KNOTS
from routing_game.agents.kept import Answers, Committed, Table, Whole

S = [0.0, 0.2, 0.4, 1.0]


def answers(sees_model=False, **change):
    made = Answers.of(
        sees_model,
        route=[1, 2, 1, 1, 1],
        cascade=[0.4, 0.0, 0.0, 0.2, 1.0],
        leave_1=[0.5, 0.25, 1.0, 0.75, 0.0],
        leave_2=[0.1, 0.25, 0.9, 0.3, 0.2],
        made_by={"learner": "ppo-user"},
    )
    for name, value in change.items():
        setattr(made, name, value)
    return made


def test_a_user_reads_its_answers_and_is_linear_between_them() -> None:
    user = answers().agent()
    assert isinstance(user, User)
    assert not isinstance(user, ModelUser)
    np.testing.assert_allclose(user.abandon(1, S), [1.0, 0.75, 0.5, 0.0])
    np.testing.assert_allclose(user.abandon([1, 1, 2], [0.1, 0.7, 0.9]), [0.875, 0.25, 0.25])


def test_one_who_sees_the_model_answers_after_each() -> None:
    user = answers(sees_model=True).agent()
    assert isinstance(user, ModelUser)
    assert not isinstance(user, User)
    np.testing.assert_allclose(user.abandon_after(1, S, 2), [0.9, 0.3, 0.1, 0.2])
    np.testing.assert_allclose(user.abandon_after([1, 2], 0.3, [1, 2]), [0.625, 0.25])


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"cascades": [0.0, 0.2, 0.2, 1.0]}, "rise within"),
        ({"cascades": [0.0, 0.2, 0.4, 1.1]}, "rise within"),
        ({"cascades": [0.0, 0.2, 0.4]}, "an answer to each"),
        ({"leave_2": 1.5}, r"lie in \[0, 1\]"),
        ({"leave": ([0.0, 0.0, 0.0, np.nan], [0.0] * 4)}, r"lie in \[0, 1\]"),
    ],
)
def test_answers_that_are_none_are_named(change, hint) -> None:
    with pytest.raises(ValueError, match=hint):
        answers(**change).agent()


def test_both_come_back_from_their_text() -> None:
    for kept in (answers(), Committed(route=1, cascade=0.21, made_by={"seed": 3})):
        text = msgspec.json.encode(kept)
        assert msgspec.json.decode(text, type=Committed | Answers) == kept
    assert tuple(Committed(route=1, cascade=0.21).agent().act()) == (1, 0.21)
    with pytest.raises(ValueError, match="commitment"):
        Committed(route=1, cascade=1.21).agent()


def tabled(kinds=2, reading="point"):
    return Table.of(np.linspace(-1.0, 1.0, kinds * KNOTS), reading)


def test_a_table_is_linear_between_its_knots(tmp_path) -> None:
    tabled().put(tmp_path)
    user = load_user(tmp_path)
    knots = np.linspace(0.0, 1.0, KNOTS) ** (4 / 3)  # even in s^(3/4)
    q = np.linspace(0.0, 1.0, 2 * KNOTS)  # points of [-1, 1], as chances
    np.testing.assert_allclose(user.abandon(1, knots), q[:KNOTS], atol=1e-12)
    np.testing.assert_allclose(user.abandon(2, knots), q[KNOTS:], atol=1e-12)
    between = ((np.arange(KNOTS - 1) + 0.25) / (KNOTS - 1)) ** (4 / 3)
    np.testing.assert_allclose(
        user.abandon(1, between), 0.75 * q[: KNOTS - 1] + 0.25 * q[1:KNOTS], atol=1e-12
    )
    assert user.abandon([[1, 2]], [[0.5], [0.6], [0.7]]).shape == (3, 2)
    assert user.abandon(1.0, 0.5).shape == ()


@pytest.mark.parametrize(
    ("reading", "means"),
    [
        ("logit", lambda x: 1 / (1 + np.exp(-x))),
        ("point", lambda x: (x + 1) / 2),
        ("value", lambda x: 1.0 * (x < 0)),
    ],
)
def test_what_the_numbers_of_a_table_mean(reading, means, tmp_path) -> None:
    tabled(4, reading).put(tmp_path)
    user, numbers = load_user(tmp_path), np.linspace(-1.0, 1.0, 4 * KNOTS).reshape(4, KNOTS)
    assert user.observes == "model"
    for kind, (route, model) in enumerate([(1, 1), (1, 2), (2, 1), (2, 2)]):
        said = user.abandon_after(route, [0.0, 1.0], model)
        np.testing.assert_allclose(said, means(numbers[kind, [0, -1]]), atol=1e-12)


@pytest.mark.parametrize(
    ("rows", "hint"),
    [
        (np.zeros((4, KNOTS)), r"float64 of shape \(2, 65\), got float64 of \(4, 65\)"),
        (np.zeros((2, KNOTS), np.float32), "got float32"),
        (np.full((2, KNOTS), np.nan), "be finite"),
        (None, r"got float64 of \(0,\)"),
    ],
)
def test_a_table_that_is_none_is_named(rows, hint, tmp_path) -> None:
    weights = save({"other": np.zeros(3)} if rows is None else {"table": rows})
    Whole(tabled().about, weights).put(tmp_path)
    with pytest.raises(ValueError, match=hint):
        load_user(tmp_path)
    (tmp_path / "policy.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="no saved policy"):
        load_user(tmp_path)
