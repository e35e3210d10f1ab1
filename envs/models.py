"""Any number of models: the provider's environment of N models on a ladder."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from routing_game.box import inside, to_chance
from routing_game.envs import render as pictures
from routing_game.envs import rules
from routing_game.envs.arguments import checked_chance, checked_flag, whole_number
from routing_game.envs.judge import ExactChainUser
from routing_game.envs.settings import setting
from routing_game.envs.steps import Begun, Info, Options, Step
from routing_game.players import checked_player
from routing_game.theory.chain import Chain, evaluate, ladder
from routing_game.theory.payoffs import Payoffs


class ChainUser(Protocol):
    """Anything that answers a chain, a game with the provider's escalations, and a first model."""

    def abandon(self, chain: Chain, start: int) -> float:
        """The q in [0, 1] that answers."""
        ...


def _single(chain: Chain) -> Chain:
    """The chain; ValueError if it is an array of them."""
    if chain.shape:
        raise ValueError(f"an environment plays one game, got an array of shape {chain.shape}")
    return chain


class ModelsEnv(gym.Env[NDArray[np.float32], Any]):
    """## Description

    `ProviderEnv` with N models, M1 to MN. Before each task the provider commits to the model that
    starts and to the chances s_1, ..., s_{N-1} of climbing: after a failed pass of Mj the next is
    by M(j+1) with chance s_j, or else by Mj again. The user sees all of it and answers with one q
    for the task. One step is one task, played to its end.

    ## Action Space

    `Box(-1, 1, (N,), float32)`: a[0], in N equal parts, names the model that starts;
    s_j = (a[j] + 1) / 2.

    ## Observation Space

    `Box(0, 1, (1,), float32)`, always 1.

    ## Starting State

    A new task.

    ## Rewards

    Minus the provider's cost J of the task, or with `expected=True` minus the expected cost; in
    the unit of P.

    ## Episode End

    Each step ends the episode (`terminated`). A task still running after `max_passes` passes is cut
    off and charged the expected rest; `truncated` then is true as well.

    ## Information

    - `S`, `L`, `C`, `U`, `J`: expected under the commitment and the user's reply, as for
      `ProviderEnv`
    - `abandon`: the user's reply q
    - `passes`, `solved`, `cost`, `utility`: the task as it happened, with a count of passes for
      each model

    ## Arguments

    - `value`, `penalty`: V and P.
    - `success`, `latency`, `cost`: N numbers each, as for `theory.chain.Chain`.
    - `user`: an object with `abandon(chain, start)`. Default: the exact best response, ties for the
      provider.
    - `expected`, `max_passes`: as for `ProviderEnv`.
    - `render_mode`: None (default), "ansi" or "rgb_array".

    Target: `theory.chain_solve.cheapest` over one-parameter families of ladders; for N = 2,
    `theory.solve`. Bad arguments and actions raise ValueError.

    ## References

    R. Mahmood, "Routing, Cascades, and User Choice for LLMs", ICLR 2026, section 3; section 7 names
    more than two models, and what is here goes beyond it.

    ## Version History

    - v0: first version
    """

    metadata = pictures.RENDER_METADATA

    models: int = setting("models")
    user: ChainUser = setting("user")
    expected: bool = setting("expected")
    max_passes: int = setting("max_passes")

    def __init__(
        self,
        value: float = 1.0,
        penalty: float = 1.5,
        success: Any = (0.3, 0.5, 0.8),
        latency: Any = (0.4, 0.45, 0.5),
        cost: Any = (0.15, 0.3, 0.6),
        user: ChainUser | None = None,
        expected: bool = False,
        max_passes: int = 1000,
        render_mode: str | None = None,
    ) -> None:
        if np.ndim(success) != 1:
            raise ValueError(f"success must hold one chance for each model, got {success!r}")
        for name, numbers in (("latency", latency), ("cost", cost)):
            if np.ndim(numbers) != 1 or len(numbers) != len(success):
                rule = f"{name} must hold one number for each model of `success`"
                raise ValueError(f"{rule}, {len(success)}, got {numbers!r}")
        self.models = len(success)
        # a chain holds copies: lists and arrays stay the caller's to change
        start = ladder(np.zeros(self.models - 1))
        self.chain = _single(Chain(value, penalty, success, latency, cost, start))
        user = ExactChainUser() if user is None else user
        self.user = checked_player("user", user, "abandon")
        self.expected = checked_flag("expected", expected)
        self.max_passes = whole_number("max_passes", max_passes, least=1)
        self.render_mode = pictures.check_mode(render_mode)
        self.action_space = spaces.Box(-1.0, 1.0, (self.models,), np.float32)
        self.observation_space = spaces.Box(0.0, 1.0, (1,), np.float32)
        self._place, self._start, self._abandon = "", 1, 0.0
        self._passes, self._bill = [0] * self.models, rules.NOTHING

    def reset(self, *, seed: int | None = None, options: Options | None = None) -> Begun:
        """Begin a new task."""
        super().reset(seed=seed)
        self._place = ""
        return np.ones(1, np.float32), {}

    def decode(self, action: Any) -> tuple[int, NDArray[np.float64]]:
        """The model that starts, from 1, and the chances of climbing.

        Raises:
            ValueError: the action is not in the space.
        """
        if np.shape(action) != (self.models,):
            raise ValueError(f"an action lies in {self.action_space}, got {action!r}")
        chances = to_chance(inside(action))
        part = int(chances[0] * self.models)
        return 1 + min(part, self.models - 1), chances[1:]

    def step(self, action: Any) -> Step:
        """Commit to a first model and to the chances of climbing, and play the task to its end."""
        self._start, climbs = self.decode(action)
        self.chain = replace(self.chain, escalation=ladder(climbs))
        answer = self.user.abandon(self.chain, self._start)
        self._abandon = checked_chance("abandon()", answer)
        expected = evaluate(self.chain, self._start, self._abandon)
        self._passes, solved, cut_before = self._play(climbs)
        tail = evaluate(self.chain, cut_before, self._abandon) if cut_before else rules.NOTHING
        self._bill = self._settle(solved, tail)
        self._place = pictures.place(solved, bool(cut_before), cut_before)
        info: Info = dict(zip("SLCUJ", map(float, expected), strict=True))
        info |= {"abandon": self._abandon, "passes": tuple(self._passes), "solved": solved}
        info |= {"cost": float(self._bill.cost), "utility": float(self._bill.utility)}
        reward = -float(expected.cost if self.expected else self._bill.cost)
        return np.ones(1, np.float32), reward, True, bool(cut_before), info

    def _play(self, climbs: NDArray[np.float64]) -> tuple[list[int], bool, int]:
        """Pass by pass: (passes, solved, the model before which it was cut off, or 0)."""
        success, climb = self.chain.success.tolist(), [*climbs.tolist(), 0.0]
        passes, model = [0] * self.models, self._start
        for _ in range(self.max_passes):
            passes[model - 1] += 1
            # beyond the first model of two nothing is new: fail, leave or stay, keep or climb
            pair = (success[model - 1],) * 2
            s, uniform = climb[model - 1], self.np_random.random()
            solved, left, following = rules.run_pass(pair, 1, s, self._abandon, uniform)
            if solved or left:
                return passes, bool(solved), 0
            model += following - 1
        return passes, False, model

    def _settle(self, solved: bool, tail: Payoffs) -> Payoffs:
        n = np.array(self._passes)
        success = solved + tail.success
        latency = float(n @ self.chain.latency + tail.latency)
        paid = float(n @ self.chain.cost + tail.service_cost)
        utility = float(self.chain.value[0]) * success - latency
        cost = paid + float(self.chain.penalty) * (1 - success)
        return Payoffs(success, latency, paid, utility, cost)

    def render(self) -> Any:
        """The Markov chain, the last task, and what it cost both sides."""
        names = [f"M{j + 1}" for j in range(self.models)]
        counts = [f"{name} {n}" for name, n in zip(names, self._passes, strict=True)]
        picture = pictures.Picture(
            places=pictures.places(names),
            moves=self._moves(names),
            place=self._place,
            above=f"starts with M{self._start}   q = {self._abandon:.3f}",
            below=f"passes: {', '.join(counts)}",
            cost=float(self._bill.cost),
            utility=float(self._bill.utility),
            penalty=float(self.chain.penalty),
            value=float(self.chain.value[0]),
        )
        return pictures.show(picture, self.render_mode)

    def _moves(self, names: list[str]) -> dict[tuple[str, str], float | None]:
        """The chance of each move between two models, or from a model to an end."""
        chain, q = self.chain, self._abandon
        stays = chain.failure * (1 - q)
        moves: dict[tuple[str, str], float | None] = {}
        for j, name in enumerate(names):
            moves[name, "solved"] = float(chain.success[j])
            moves[name, "left"] = float(chain.failure[j] * q)
            for k, to in enumerate(names):
                if chain.escalation[j, k] > 0:
                    moves[name, to] = float(stays[j] * chain.escalation[j, k])
        return moves
