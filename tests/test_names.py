"""What somebody may have meant by a word that is no name."""

import pytest

from routing_game.names import alike, perhaps
from routing_game.theory import GAMES

NAMES = ["ppo", "ppo-user", "ucb", "ucb-fixed", "t5-cascade"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("UCB", ["ucb"]),
        ("ucb ", ["ucb"]),
        ("pp", ["ppo", "ppo-user"]),
        ("ucb-fxed", ["ucb-fixed"]),
        ("cascade", ["t5-cascade"]),
        ("-user", ["ppo-user"]),
        ("", []),
        (" ", []),
        ("quantum", []),
        ("x", []),
    ],
)
def test_a_word_finds_the_names_that_it_begins_resembles_or_is_a_part_of(word, meant):
    assert alike(word, NAMES) == meant


def test_names_that_a_word_begins_come_first_and_there_are_never_many():
    many = [f"t5-{k}" for k in range(20)]
    assert alike("t5", ["5t", *many]) == many[:5]
    assert alike("t5", many, most=2) == many[:2]


def test_a_hint_is_the_end_of_a_sentence_or_nothing():
    assert perhaps("t5-c", GAMES) == ", perhaps t5-cascade"
    assert perhaps("pp", NAMES) == ", perhaps ppo or ppo-user"
    assert perhaps("quantum", NAMES) == ""
