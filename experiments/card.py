"""The equilibrium card: a game's solution in plain words, for people who have to act on it."""

from typing import Any

import numpy as np

from routing_game.experiments.pages.words import number, wrapped
from routing_game.theory import (
    RULES,
    Equilibrium,
    Game,
    best_response,
    outcome,
    participation,
    robust_commitment,
    solve,
    thresholds,
    throttle,
)
from routing_game.theory.exchange import to_dict
from routing_game.theory.numbers import TIE
from routing_game.theory.provider import Piece

WIDTH, INDENT = 100, 16
STEP = 0.01
"""How far from the optimal s the card looks for a cliff."""
GUARD = 0.01
"""What the user may lose by erring, as a share of V, that the card guards against."""


def card(game: Game, title: str = "game", time: str = "", money: str = "") -> str:
    """The card of a single game.

    Args:
        game: the game.
        title: its name.
        time: the unit to print after V, t and U.
        money: the unit to print after P, c and J.
    """
    equilibrium = solve(game)
    time, money = time and f" {time}", money and f" {money}"
    slip = "Cliffs" if has_cliff(game, equilibrium) else "Nearby"
    rows = {
        "Provider": provider_words(game, equilibrium),
        "Why": why_words(game, equilibrium),
        "User": user_words(game, equilibrium),
        "It comes to": total_words(equilibrium, time, money),
        "Who pays": misalignment_words(game, equilibrium, time),
        slip: slip_words(game, equilibrium, money),
        "Guarded": guard_words(game, money),
        "Throttling": throttling_words(game, equilibrium, time, money),
        "Opt-out": participation_words(game, equilibrium, money),
    }
    return "\n".join(
        [parameters(game, title, time, money), "", *(row(*pair) for pair in rows.items())]
    )


def facts(game: Game, title: str = "game") -> dict[str, Any]:
    """The numbers of a card, for programs: what is not there, as a threshold, is None."""
    equilibrium = solve(game)
    marks = thresholds(game)._asdict()
    guarded = robust_commitment(game, GUARD * float(game.value))
    return {
        "name": title,
        "game": to_dict(game),
        "regime": equilibrium.regime,
        "rule": equilibrium.rule,
        "route": int(equilibrium.route),
        "cascade": [float(s) for s in equilibrium.cascade],
        "abandon": float(equilibrium.abandon),
        "cost": float(equilibrium.cost),
        "utility": float(equilibrium.utility),
        "user_best": float(equilibrium.user_best),
        "misalignment": [float(x) for x in equilibrium.misalignment],
        "thresholds": {name: float(s) if np.isfinite(s) else None for name, s in marks.items()},
        "alternatives": alternatives(game),
        "guarded": {
            "route": int(guarded.route),
            "cascade": float(guarded.cascade),
            "cost": float(guarded.cost),
        },
        "throttling_gain": float(throttle(game).gain),
    }


def total_words(equilibrium: Equilibrium, time: str, money: str) -> str:
    """J and U."""
    cost, utility = number(equilibrium.cost), number(equilibrium.utility)
    return f"the provider pays J = {cost}{money} a task, the user gets U = {utility}{time}."


def parameters(game: Game, title: str, time: str, money: str) -> str:
    """The game's numbers as a small table; see `card`."""
    pairs = {
        "chance to solve, p": game.success,
        f"delay, t{unit(time)}": game.latency,
        f"cost, c{unit(money)}": game.cost,
        f"worth to the user, V p - t{unit(time)}": game.net_value,
        f"cost until solved, c/p{unit(money)}": game.cost_of_pass,
    }
    rows = [("one pass", "M1 standard", "M2 reasoning")]
    rows += [(name, number(first), number(second)) for name, (first, second) in pairs.items()]
    lines = [f"  {name:36}{first:>14}{second:>14}" for name, first, second in rows]
    head = (
        f"{title}: a solved task is worth V = {number(game.value)}{time} to the user, "
        f"an abandoned one costs the provider P = {number(game.penalty)}{money}"
    )
    head = beside("", head)
    return "\n".join([head, "", *lines])


def provider_words(game: Game, equilibrium: Equilibrium) -> str:
    """What the provider should do, and what else is just as good."""
    first, *others = (
        f"{RULES[piece.rule]} ({commitment_words(piece)})" for piece in equilibrium.pieces
    )
    also = "".join(f" Just as good: {words}." for words in others)
    return f"{first[0].upper()}{first[1:]}.{also}"


def commitment_words(piece: Piece) -> str:
    """The (i, s) of an optimal piece."""
    if piece.route == 2:
        return "route 2, s is of no effect"
    low, high = piece.cascade
    if low == high:
        return f"route 1, s = {number(low)}"
    if (low, high) == (0, 1):
        return "route 1, s is free"
    return f"route 1, any s from {number(low)} to {number(high)}"


def why_words(game: Game, equilibrium: Equilibrium) -> str:
    """The regime and the comparison that decided."""
    worth = {1: "is worth its time", 0: "is just worth its time", -1: "is not worth its time"}
    first, second = (worth[int(np.sign(xi))] for xi in game.net_value)
    regime = f"to the user, a pass of M1 {first} and a pass of M2 {second}"
    costs = [f"{words}: {number(cost)}" for words, cost in alternatives(game).items()]
    return f"{regime} (regime {equilibrium.regime}). The menu of costs: {', '.join(costs)}."


def alternatives(game: Game) -> dict[str, float]:
    """J of the commitments worth comparing: s = 0, the user's thresholds, and route 2."""
    marks = dict(zip(("s0", "s_L", "s_H"), thresholds(game), strict=True))
    menu = {
        f"route 1 at {name}": float(outcome(game, 1, s).cost)
        for name, s in {"s = 0": 0.0, **marks}.items()
        if np.isfinite(s)
    }
    return menu | {"route 2": float(outcome(game, 2, 0.0).cost)}


def user_words(game: Game, equilibrium: Equilibrium) -> str:
    """What the user does at the optimum, and where on route 1 it would change its mind."""
    q = float(equilibrium.abandon)
    ends = {
        0.0: "stays after every failure until the task is solved (q = 0)",
        1.0: "leaves at the first failure (q = 1)",
    }
    words = ends.get(q, f"leaves after a failure with probability q = {number(q)}") + "."
    s0, s_low, s_high = thresholds(game)
    if np.isfinite(s0):
        words += f" On route 1 it leaves if s is below s0 = {number(s0)} and stays from there on."
    if np.isfinite(s_low):
        words += (
            f" On route 1 it stays up to s_L = {number(s_low)}, leaves at once from s_H = "
            f"{number(s_high)} on, and sometimes in between."
        )
    return words


def misalignment_words(game: Game, equilibrium: Equilibrium, time: str) -> str:
    """Who pays for the disagreement."""
    low, high = (float(x) for x in equilibrium.misalignment)
    favourite = number(equilibrium.user_best)
    best = f"the user's favourite, {favourite_words(game)}, would give it {favourite}{time}"
    if high <= 1e-12 * max(1.0, abs(float(equilibrium.user_best))):
        return f"Nobody: {best}, which is what it gets."
    gap = number(high)
    if high - low > 1e-12 * high:
        gap = f"{number(max(low, 0.0))} to {gap}"
    return f"The user: {best}; the provider's choice costs it {gap}{time} a task (misalignment)."


def favourite_words(game: Game) -> str:
    """The commitment that the user likes best: one of the models alone."""
    first, second = (float(outcome(game, route, 0.0).utility) for route in (1, 2))
    alone = {"M1 alone (route 1, s = 0)": first, "M2 alone (route 2)": second}
    close = 1e-12 * max(abs(first), abs(second))
    return " or ".join(name for name, worth in alone.items() if worth >= max(first, second) - close)


def has_cliff(game: Game, equilibrium: Equilibrium) -> bool:
    """Whether the user changes its answer within `STEP` of the optimal s."""
    if equilibrium.route == 2:
        return False
    stays = float(equilibrium.abandon)
    near = (best_response(game, 1, s).low for s in slips(equilibrium).values())
    return any(abs(float(answer) - stays) > TIE for answer in near)


def slips(equilibrium: Equilibrium) -> dict[str, float]:
    """The s at `STEP` from either end of the optimal ones, where [0, 1] has room for it."""
    low, high = (float(s) for s in equilibrium.cascade)
    aside = {f"{STEP:g} below": low - STEP, f"{STEP:g} above": high + STEP}
    return {where: s for where, s in aside.items() if 0 <= s <= 1}


def slip_words(game: Game, equilibrium: Equilibrium, money: str) -> str:
    """What a small slip of s costs on either side of the optimum."""
    if equilibrium.route == 2:
        return "On route 2 s is of no effect."
    cost = float(equilibrium.cost)
    losses = {
        where: float(outcome(game, 1, s).cost) - cost for where, s in slips(equilibrium).items()
    }
    told = [f"{where} costs {loss_words(loss, cost, money)}" for where, loss in losses.items()]
    low, high = (number(s) for s in equilibrium.cascade)
    optimum = low if low == high else f"{low} to {high}"
    return f"Of s = {optimum}: {', '.join(told) or 'every s is as good'}."


def loss_words(loss: float, cost: float, money: str) -> str:
    """A loss in percent of the optimal cost, or as it is where that is 0."""
    if cost == 0:
        return f"{number(loss)}{money}" if loss > 1e-12 else "nothing"
    share = loss / abs(cost)
    return "nothing" if abs(share) < 5e-7 else f"{100 * share:+.3g} %"


def guard_words(game: Game, money: str) -> str:
    """The commitment for a user who errs a little."""
    robust = robust_commitment(game, GUARD * float(game.value))
    where = "route 2" if robust.route == 2 else f"route 1, s = {number(robust.cascade)}"
    return (
        f"If the user may err by {GUARD:.0%} of V, the best guarantee is {where}: "
        f"at most {number(robust.cost)}{money} a task."
    )


def throttling_words(game: Game, equilibrium: Equilibrium, time: str, money: str) -> str:
    """Whether slowing M2 down on purpose would pay; see `card`."""
    slow = throttle(game)
    gain, cost = float(slow.gain), float(equilibrium.cost)
    if not gain > 1e-12 * abs(cost):
        return "Would not pay: no extra delay of M2 lowers the provider's cost."
    share = f" ({100 * gain / abs(cost):.2g} %)" if cost else ""
    return (
        f"Would pay: slowing M2 to {number(slow.latency)}{time} or more makes the user leave and "
        f"saves the provider {number(gain)}{money} a task{share}."
    )


def participation_words(game: Game, equilibrium: Equilibrium, money: str) -> str:
    """What changes when the user may decline the task before its first pass."""
    accepted = participation(game)
    if accepted.route == 0:
        return "A user who may decline the task would decline every commitment."
    extra = float(accepted.cost - equilibrium.cost)
    if extra <= 1e-12 * abs(float(equilibrium.cost)):
        return "A user who may decline the task accepts this at no extra cost."
    where = "route 2" if accepted.route == 2 else f"route 1 with s = {number(accepted.cascade)}"
    price = f"{number(accepted.cost)}{money}"
    return f"A user who may decline the task has to be offered {where}, at {price} a task."


def unit(name: str) -> str:
    """A unit behind a symbol."""
    return f" ({name.strip()})" if name else ""


def row(label: str, words: str) -> str:
    """One labelled paragraph."""
    return beside(f"{label:{INDENT}}", words[0].upper() + words[1:])


def beside(left: str, text: str) -> str:
    """The text beside what stands left of it."""
    return wrapped(text, WIDTH, initial_indent=left, subsequent_indent=" " * len(left))
