"""A finished learner's outcome as numbers: a commitment; answers, read between their knots."""

import msgspec
import numpy as np
import pytest

from routing_game.agents import ModelUser, User
from routing_game.agents.kept import Answers, Committed

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
