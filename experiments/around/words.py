"""What the pictures around a game say in words, on the page and on the terminal."""

from __future__ import annotations

from routing_game.experiments.around.plane import (
    NUMBERS,
    Stretch,
    axis,
    commitment,
    slip,
    stretch,
)
from routing_game.experiments.card import (
    misalignment_words,
    provider_words,
    throttling_words,
    total_words,
)
from routing_game.experiments.card import user_words as reply_words
from routing_game.experiments.pages.words import number
from routing_game.theory import RULES, Game, solve

SLIP = 10
"""By how many per cent a number is off in what is said of regret."""
SLIGHT = 5e-4
"""A share of the cost below which a regret is called nothing."""


def equilibrium_words(game: Game, time: str, money: str) -> str:
    """The game's optimum, as its card has it, and what it comes to."""
    time, money = (unit and f" {unit}" for unit in (time, money))
    best = solve(game)
    total = total_words(best, time, money)
    optimum = provider_words(game, best)
    lower = optimum[0].lower() + optimum[1:]
    upper = total[0].upper() + total[1:]
    return f"In equilibrium: {lower} {upper}"


def user_words(game: Game) -> str:
    """What its user answers at the optimum, and where on route 1 it changes its mind."""
    return f"The user {reply_words(game, solve(game))}"


def who_pays(game: Game, time: str, money: str) -> list[str]:
    """Who pays for the disagreement."""
    return [f"Who pays: {misalignment_words(game, solve(game), time and f' {time}')}"]


def throttling(game: Game, time: str, money: str) -> list[str]:
    """Whether slowing M2 down would pay; to slow M1, too, never saves more."""
    time, money = (unit and f" {unit}" for unit in (time, money))
    told = throttling_words(game, solve(game), time, money)
    return [f"Throttling: {told} Slowing M1, alone or too, never saves more."]


def parameters(game: Game, time: str, money: str) -> str:
    """All numbers of a game in a line."""
    time, money = (unit and f" {unit}" for unit in (time, money))
    pairs = {"p": game.success, "t": game.latency, "c": game.cost}
    units = {"p": "", "t": time, "c": money}
    told = [
        f"{symbol} = ({number(first)}, {number(second)}){units[symbol]}"
        for symbol, (first, second) in pairs.items()
    ]
    head = f"V = {number(game.value)}{time}, P = {number(game.penalty)}{money}"
    return ", ".join([head, *told])


def stretches(game: Game, time: str, money: str) -> list[str]:
    """For V, P and c2: how far it alone can change before another kind of optimum takes over."""
    time, money = (unit and f" {unit}" for unit in (time, money))
    units = {"V": time, "P": money, "c2": money}
    return [stretch_words(stretch(game, axis(game, s)), units[s]) for s in NUMBERS]


def stretch_words(found: Stretch, unit: str) -> str:
    """One of them."""
    low, high = number(found.low), number(found.high)
    what = f"{found.axis.symbol}, now {number(found.axis.own)}{unit}"
    if found.below is found.above is None:
        return f"{what}: the kind of optimum is the same from {low} to {high}, the whole axis."
    told = [
        f"{side} {end}: {RULES[rule]}"
        for side, end, rule in (("below", low, found.below), ("above", high, found.above))
        if rule is not None
    ]
    ends = {
        (True, False): f"up to {high}",
        (False, True): f"from {low} on",
        (False, False): f"from {low} to {high}",
    }[found.below is None, found.above is None]
    return f"{what}: the kind of optimum is the same {ends}; {'; '.join(told)}."


def slips(game: Game) -> list[str]:
    """What keeping to the commitment loses if V, P or c2 is otherwise than one thought."""
    told = []
    for symbol in NUMBERS:
        along = axis(game, symbol)
        less, more = (loss_words(slip(game, along, sign * SLIP / 100)) for sign in (-1, 1))
        off = f"If {symbol} is {SLIP} % less, to keep to {commitment_words(game)} loses {less}"
        told.append(f"{off}; if it is {SLIP} % more, {more}.")
    return told


def loss_words(loss: float) -> str:
    """A share of the least cost."""
    return "nothing" if loss < SLIGHT else f"{100 * loss:.3g} %"


def commitment_words(game: Game) -> str:
    """The game's optimum as it is kept to."""
    route, s = commitment(game)
    return "route 2" if route == 2 else f"route 1, s = {number(s)}"
