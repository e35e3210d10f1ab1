"""The zoo: providers and users of known behaviour by name, each with where it comes from.

They do not learn. They are opponents to train against, and the rows and columns of a tournament
(`tournament`), whose entries are exact: what each provider costs, and what each user gets, when the
two meet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from routing_game.agents.exact import (
    BestResponseUser,
    EquilibriumProvider,
    FixedProvider,
    FixedUser,
    QuantalUser,
)
from routing_game.agents.meetings import checked_opponent, meeting
from routing_game.agents.protocol import Abandon, ModelUser, Provider, User
from routing_game.players import checked_player
from routing_game.theory import Game, robust_commitment, simultaneous, worst_reply
from routing_game.theory.numbers import require

Array = NDArray[np.float64]

EPS = 0.01
"""Regret, as a share of V, that the wary provider allows for and the careless user takes."""


@dataclass(frozen=True)
class Entry:
    """One animal: how it is made for a game, and what it is."""

    make: Callable[[Game], Any]
    about: str
    reference: str


class CarelessUser:
    """Of all q whose regret is at most eps, the one that costs the provider most."""

    def __init__(self, game: Game, eps: float) -> None:
        require(eps > 0, "eps", eps, "be positive, in units of U")
        self._game, self._eps = game, eps

    def abandon(self, route: ArrayLike, cascade: ArrayLike) -> Abandon:
        """The worst tolerated q for each commitment."""
        return np.asarray(worst_reply(self._game, route, cascade, self._eps))


def _robust(game: Game) -> FixedProvider:
    safe = robust_commitment(game, EPS * float(game.value))
    return FixedProvider(safe.route, safe.cascade)


def _simultaneous(game: Game) -> FixedProvider:
    end = simultaneous(game).outcomes[0]
    return FixedProvider(end.route, end.cascade[0])


def _careless(game: Game) -> CarelessUser:
    return CarelessUser(game, EPS * float(game.value))


def _noisy(game: Game) -> QuantalUser:
    return QuantalUser(game, 0.02 * float(game.value))


PROVIDERS: dict[str, Entry] = {
    "equilibrium": Entry(
        EquilibriumProvider,
        "the Stackelberg optimum",
        "Mahmood 2026, Theorems 3 to 5, completed",
    ),
    "wary": Entry(
        _robust,
        "the best guarantee against users with a regret up to 1 % of V",
        "eps-robust commitment",
    ),
    "uncommitted": Entry(
        _simultaneous,
        "what it plays where the user cannot see s",
        "simultaneous play",
    ),
    "always-standard": Entry(
        lambda _: FixedProvider(1, 0.0),
        "M1 alone",
        "static routing",
    ),
    "always-reasoning": Entry(
        lambda _: FixedProvider(2, 0.0),
        "M2 alone",
        "static routing",
    ),
    "always-escalate": Entry(
        lambda _: FixedProvider(1, 1.0),
        "M1 once, then M2",
        "two-step cascade (Chen, Zaharia and Zou 2023, FrugalGPT)",
    ),
    "coin": Entry(
        lambda _: FixedProvider(1, 0.5),
        "escalates after every other failure",
        "baseline",
    ),
}
USERS: dict[str, Entry] = {
    "exact": Entry(
        BestResponseUser,
        "best response, ties for the provider",
        "Mahmood 2026, Theorems 1 and 2; strong",
    ),
    "spiteful": Entry(
        lambda game: BestResponseUser(game, "weak"),
        "best response, ties against the provider",
        "weak",
    ),
    "careless": Entry(
        _careless,
        "the worst for the provider among answers within 1 % of V of the best",
        "eps-best response",
    ),
    "noisy": Entry(
        _noisy,
        "the mean of a Gibbs distribution, temperature V/50",
        "quantal response (McKelvey, Palfrey 1995)",
    ),
    "patient": Entry(
        lambda _: FixedUser(0.0),
        "never leaves",
        "baseline",
    ),
    "hasty": Entry(
        lambda _: FixedUser(1.0),
        "leaves at the first failure",
        "baseline",
    ),
    "wavering": Entry(
        lambda _: FixedUser(0.5),
        "leaves after every other failure",
        "baseline",
    ),
}


@dataclass(frozen=True)
class Tournament:
    """Everybody against everybody, exactly: rows are providers, columns users, both by name."""

    game: Game
    providers: tuple[str, ...]
    users: tuple[str, ...]
    cost: Array
    """J, (providers, users)."""
    utility: Array
    """U, (providers, users)."""


def tournament(
    game: Game,
    providers: Mapping[str, Provider] | None = None,
    users: Mapping[str, User | ModelUser] | None = None,
) -> Tournament:
    """All pairs of a zoo, or of agents of one's own; what a provider recommends is played.

    Raises:
        ValueError: ``game`` is an array of games, somebody cannot play its role, or a user sees
            what leaves no exact mean (`agents.meetings`).
    """
    if game.shape:
        raise ValueError(
            f"a tournament plays a single game, got an array of shape {game.shape}; index it"
        )
    if providers is None:
        providers = {name: entry.make(game) for name, entry in PROVIDERS.items()}
    if users is None:
        users = {name: entry.make(game) for name, entry in USERS.items()}
    for name, provider in providers.items():
        checked_player(f"provider {name}", provider, "recommend")
    for name, user in users.items():
        checked_opponent(f"user {name}", user)
    commitments = [provider.recommend() for provider in providers.values()]
    route, cascade = (np.array(x) for x in zip(*commitments, strict=True))
    met = [meeting(game, user, route, cascade) for user in users.values()]
    cost, utility = (np.stack([getattr(x, of) for x in met], axis=-1) for of in ("cost", "utility"))
    return Tournament(game, tuple(providers), tuple(users), cost, utility)
