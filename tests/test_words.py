"""Numbers and lines as people read them."""

import pytest

from routing_game.experiments.pages.words import (
    UNKNOWN,
    cell,
    fine_percent,
    number,
    percent,
    two_digits,
    whole_percent,
    with_interval,
    wrapped,
)

WHOLE = [
    "9 %",
    "of J*",
    "0.5 % of V",
    "35 games",
    "2 of 5 seeds",
    "95 to 98",
    "s = 0.25",
    "1.2 ± 0.3",
    "route 2",
    "5 USD",
]


@pytest.mark.parametrize("whole", WHOLE)
def test_no_line_ends_between_a_number_and_what_it_counts(whole):
    for before in range(1, 40):
        text = f"{'x' * before} {whole} and more words, that end the line somewhere else"
        lines = wrapped(text, 40).split("\n")
        assert " ".join(lines) == text
        assert all(len(line) <= 40 for line in lines)
        assert sum(whole in line for line in lines) == 1


def test_small_words_do_not_cling_to_numbers():
    assert wrapped("at most 0.4067 a task", 14) == "at most 0.4067\na task"


def test_a_number_without_an_interval_stands_alone():
    assert with_interval([0.924, 0.86, 0.961]) == "92 % (86 to 96)"
    for missing in (None, float("nan")):
        assert with_interval([0.924, missing, missing]) == "92 %"
    assert with_interval([0.9241, 0.86, 1.0], percent, unit="") == "92.4 (86.0 to 100.0)"


@pytest.mark.parametrize(
    "say",
    [
        percent,
        whole_percent,
        two_digits,
        number,
        lambda x: fine_percent(x, 1e-5),
        lambda x: with_interval([x, x, x]),
    ],
)
def test_a_number_that_is_none_is_unknown(say):
    assert say(float("nan")) == UNKNOWN
    assert cell(float("nan")) == ""


@pytest.mark.parametrize("say", [percent, whole_percent, two_digits, number, cell])
def test_infinity_is_said(say):
    assert say(float("inf")) == "infinite"
    assert say(float("-inf")) == "minus infinite"
