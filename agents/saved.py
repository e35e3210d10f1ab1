"""Trained policies on disk: weights as safetensors, the rest as JSON; loading runs no code.

Whoever was trained with stable-baselines3 or sb3-contrib as a provider (a constant observation;
actions in a box, a grid or a pair of numbers) or as a user (any setting of `observes`; decisions to
stay or leave, or q itself) is saved as two files in a folder, and comes back as an opponent for the
environments. A zip that ``model.save`` wrote comes back, too. So does what `check --keep-policies`
keeps: users' networks and tables, providers' commitments, see `agents.kept`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import numpy as np
from safetensors.torch import load, save
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BasePolicy

from routing_game.agents.actors import SavedModelUser, SavedProvider, SavedUser
from routing_game.agents.kept import DESCRIPTION, WEIGHTS, Answers, Committed, Table, Whole, tensors
from routing_game.agents.networks import (
    MOST_WEIGHTS,
    Box,
    Network,
    described,
    of_zip,
    outlined,
)
from routing_game.agents.protocol import ModelUser, Provider, User
from routing_game.agents.sb3 import SB3Agent
from routing_game.files import decoded, fitted, read

FORMAT: Final = 2
MOST = 1 << 20
"""Bytes of a description; one of ours has 500."""
Role = Literal["provider", "user"]
Trained = BaseAlgorithm | BasePolicy | SB3Agent | Provider
Cascades = int | Sequence[float]
"""The s that a grid or a pair of numbers offers: these, or so many evenly spaced from 0 to 1."""


class Description(msgspec.Struct, forbid_unknown_fields=True, tag_field="kind", tag="network"):
    """What `policy.json` says of a network."""

    format: Literal[2]
    network: Network
    observes: str | None = None
    """What a user saw, as the environments' `observes` has it; None for a provider."""
    cascades: list[float] | None = None
    """The s that the actions of a provider stand for, unless they are points of a box."""
    made_by: dict[str, Any] = {}
    """Who learnt it, where and how long: for people."""


class First(msgspec.Struct, forbid_unknown_fields=True):
    """What it said in format 1, of an actor and critic."""

    format: Literal[1]
    observation_space: Box
    action_space: dict[str, Any]
    net_arch: Any
    activation: str
    features: str

    def now(self) -> Description:
        """The same in today's words."""
        acts = self.action_space.get("n") or fitted(self.action_space, Box)
        network = Network(
            "ActorCriticPolicy",
            self.observation_space,
            acts,
            self.activation,
            self.features,
            {"net_arch": self.net_arch},
        )
        return Description(FORMAT, network, *_looks(network, None, None))


def save_policy(
    trained: Trained,
    folder: Path | str,
    *,
    observes: str | None = None,
    cascades: Cascades | None = None,
) -> None:
    """Write a trained model or its policy into a folder, which is made if need be.

    It is tried first that what is written comes back; else nothing is.

    Args:
        trained: ``model`` or ``model.policy``. A model's environment says what it saw and which s
            its actions mean, so rather the model. A user of `agents.sb3_users` is saved as its
            model, any `Provider` as the commitment that it recommends.
        folder: where.
        observes: what a user saw, such as "noisy:0.1"; needed only where its observations have the
            shape of (i, s) and are not.
        cascades: which s the actions of a grid or a pair of numbers mean; needed only of a policy
            on its own.

    Raises:
        ValueError: it is not of a kind that `load_user` or `load_provider` can bring back.
    """
    whole, folder = packed(trained, observes=observes, cascades=cascades), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    whole.put(folder)


def packed(
    trained: Trained,
    *,
    observes: str | None = None,
    cascades: Cascades | None = None,
) -> Whole:
    """What `save_policy` would write; arguments and errors as there."""
    if isinstance(trained, type):  # which has the methods, too
        kind = trained.__name__
        rule = "a policy is saved if it is an object"
        raise ValueError(f"{rule}, got the class {kind}: make one, {kind}(...)")
    if isinstance(trained, Provider):
        route, s = trained.recommend()
        said = Committed(route=int(route), cascade=float(s))
        said.agent()
        return Whole(msgspec.to_builtins(said))
    if isinstance(trained, SB3Agent):
        trained = trained.model
    policy, observes, cascades = _said(trained, observes, cascades)
    network, weights = described(policy)
    description = Description(FORMAT, network, *_looks(network, observes, cascades))
    _agent(description, policy)
    return Whole(msgspec.to_builtins(description), save(weights))


def agent_of(
    trained: BaseAlgorithm | BasePolicy,
    *,
    observes: str | None = None,
    cascades: Cascades | None = None,
) -> Provider | User | ModelUser:
    """The provider or user that a model is now; arguments and errors as for `save_policy`.

    A provider's commitment is as of this call, a user's answers are those of the model as it is
    when they are asked for.
    """
    policy, observes, cascades = _said(trained, observes, cascades)
    network = outlined(policy)
    return _agent(Description(FORMAT, network, *_looks(network, observes, cascades)), policy)


def _said(
    trained: BaseAlgorithm | BasePolicy, observes: str | None, cascades: Cascades | None
) -> tuple[Any, str | None, Cascades | None]:
    """The policy, and what is known of its environment: what is said, else what that says."""
    if not isinstance(trained, BaseAlgorithm):
        return trained, observes, cascades
    if (around := trained.get_vec_normalize_env()) is not None and around.norm_obs:
        raise ValueError(
            "a policy is saved if it saw what the environment shows, got one that saw "
            "observations of VecNormalize; train it with norm_obs=False"
        )
    observes = of_env(trained, "observes") if observes is None else observes
    cascades = of_env(trained, "cascades") if cascades is None else cascades
    return trained.policy, observes, cascades


def of_env(model: BaseAlgorithm, attribute: str) -> Any:
    """What the environment of a model says; None if it has none, or does not say.

    An environment in another process would die of the question for what it does not have.
    """
    env = model.get_env()
    return env.get_attr(attribute)[0] if env is not None and env.has_attr(attribute) else None


def load_user(place: Path | str, *, observes: str | None = None) -> User | ModelUser:
    """The user in a folder that `save_policy` or `check` wrote, or in a zip by ``model.save``.

    Its `observes` says what it saw in training: with "model" it has `abandon_after`, else
    `abandon(route, seen)`, where ``seen`` is s, or what "samples:n" and "noisy:sd" show of it.

    Args:
        place: the folder or the zip.
        observes: as for `save_policy`; of a zip, which does not say.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the files are damaged, or it is a provider.
    """
    agent = _loaded(Path(place), observes, None)
    if isinstance(agent, Provider):
        raise ValueError(f"expected a user in {place}, got a provider; a user stays or leaves")
    return agent


def load_provider(place: Path | str, *, cascades: Cascades | None = None) -> Provider:
    """The provider in such a folder or zip: it commits to its policy's most likely action.

    Args:
        place: the folder or the zip.
        cascades: as for `save_policy`; of a zip, which does not say.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the files are damaged, or it is a user.
    """
    agent = _loaded(Path(place), None, cascades)
    if not isinstance(agent, Provider):
        raise ValueError(
            f"expected a provider in {place}, got a user; a provider commits to (i, s)"
        )
    return agent


def _loaded(
    place: Path, observes: str | None, cascades: Cascades | None
) -> Provider | User | ModelUser:
    """Who is there; errors as for `load_user`."""
    if place.is_file() and place.suffix.lower() == ".zip":
        network, weights = of_zip(place)
        description = Description(FORMAT, network, *_looks(network, observes, cascades))
        return _agent(description, network.build(weights))
    try:
        text = read(place / DESCRIPTION, MOST)
    except NotADirectoryError:
        raise ValueError(f"expected a folder or a .zip, got {place}") from None
    try:
        said = described_by(text)
        if isinstance(said, Committed | Answers):
            return said.agent()
        numbers = read(place / WEIGHTS, MOST_WEIGHTS)
        if isinstance(said, Table):
            return said.agent(numbers)
        _looks(said.network, said.observes, said.cascades)
        return _agent(said, said.network.build(tensors(numbers, load)))
    except (ValueError, KeyError) as wrong:
        raise ValueError(f"no saved policy in {place}: {wrong}") from wrong


def described_by(text: bytes) -> Description | Committed | Table | Answers:
    """What a `policy.json` says, of whatever format; ValueError if it is none."""
    if decoded(text, dict[str, Any]).get("format") == 1:
        return decoded(text, First).now()
    kinds: Any = Description | Committed | Table | Answers
    said: Description | Committed | Table | Answers = decoded(text, kinds)
    return said


def _looks(
    network: Network, observes: str | None, cascades: Cascades | None
) -> tuple[str | None, list[float] | None]:
    """`observes` and `cascades` of a network's description.

    Raises:
        ValueError: it is neither a provider's nor a user's, or what is given does not fit it.
    """
    seen, acts = network.observation_space, network.action_space
    if is_user(network):
        return _observed(seen, observes), None
    if len(seen.low) != 1:
        raise ValueError(NEITHER.format(f"{len(seen.low)} numbers", acts))
    if observes is not None:
        raise ValueError(
            f"expected no observes of a provider, which sees nothing, got {observes!r}"
        )
    if isinstance(acts, Box):
        if (acts.low, acts.high) != ([-1.0, -1.0], [1.0, 1.0]):
            raise ValueError(NEITHER.format("a constant", acts))
        return None, None
    offered = acts - 1 if isinstance(acts, int) else acts[-1]
    if not isinstance(acts, int) and (len(acts), acts[0]) != (2, 2):
        raise ValueError(NEITHER.format("a constant", acts))
    return None, _cascades(cascades, offered)


NEITHER = (
    "a policy is saved if it is a provider's (it sees a constant and acts in a box [-1, 1]^2, a "
    "grid or a pair of numbers) or a user's (it sees what observes shows and stays or leaves, or "
    "answers with q); got one that sees {} and acts in {}"
)


def is_user(network: Network) -> bool:
    """Whether its actions are a user's: to stay or leave, or a point [-1, 1] for q."""
    acts = network.action_space
    return acts == 2 or (isinstance(acts, Box) and (acts.low, acts.high) == ([-1.0], [1.0]))


def _cascades(given: Cascades | None, offered: int) -> list[float]:
    """The s of a grid that offers so many; errors as for `_looks`."""
    if given is None:
        raise ValueError(
            f"expected cascades=, the {offered} values of s that its actions mean, or {offered} if "
            "they are even from 0 to 1; or save the model, whose environment knows them"
        )
    values = (
        np.linspace(0.0, 1.0, given) if isinstance(given, int) else np.array(given, dtype=float)
    )
    if values.shape != (offered,) or not np.all((values >= 0) & (values <= 1)):
        raise ValueError(f"expected cascades= of {offered} values of s in [0, 1], got {given!r}")
    return [float(s) for s in values]


def _observed(seen: Box, said: str | None) -> str:
    """The setting of `observes` that shows such observations.

    Raises:
        ValueError: none does, or what is said does not.
    """
    corners = [*zip(seen.low, seen.high, strict=True)]
    route, chance, model = (1.0, 2.0), (0.0, 1.0), (1.0, 2.0)
    fits = {
        "none": corners == [chance],
        "route": corners == [route],
        "strategy": corners == [route, chance],
        "noisy": corners == [route, chance],
        "samples": len(corners) == 2 and corners[0] == route and corners[1][0] == 0.0,
        "model": corners == [route, chance, model],
    }
    kind, _, number = (said or "").partition(":")
    if said is None:
        kind = next((name for name, fit in fits.items() if fit), "")
        number = f"{corners[1][1]:g}" if kind == "samples" else ""
    if not fits.get(kind, False):
        raise ValueError(
            f"expected what a user sees with observes={said or 'any setting'!r}, got a policy that "
            f"sees numbers from {seen.low} to {seen.high}"
        )
    wrong = kind == "samples" and number != f"{corners[1][1]:g}"
    if wrong or (kind in ("samples", "noisy")) != bool(number):
        raise ValueError(f"expected samples:{corners[-1][1]:g} or noisy:sd, got observes={said!r}")
    return f"{kind}:{number}" if number else kind


def _agent(about: Description, policy: Any) -> Provider | User | ModelUser:
    """Who acts by a policy.

    Raises:
        ValueError: it cannot act alone: a user that remembers is no function of what it sees.
    """
    if not is_user(about.network):
        return SavedProvider(policy, about.cascades)
    if about.network.policy.startswith("Recurrent"):
        raise ValueError(
            "a user is saved if what it does is a function of what it sees, got one with a memory "
            "(RecurrentPPO)"
        )
    if about.observes == "model":
        return SavedModelUser(policy)
    return SavedUser(policy, about.observes or "strategy")
