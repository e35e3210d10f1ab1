"""The provider's environment: commit to (i, s), watch one task, pay for it."""

from __future__ import annotations

from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from routing_game.envs import sampler
from routing_game.envs.arguments import (
    Infos,
    checked_commitment,
    checked_flag,
    checked_option,
    single_game,
    whole_number,
)
from routing_game.envs.encodings import BoxAction, commitment_space
from routing_game.envs.judge import Prospects, User
from routing_game.envs.render import RENDER_METADATA, Scene, check_mode, place_of, render
from routing_game.envs.sampler import PlainOutcome, one_outcome
from routing_game.envs.settings import setting
from routing_game.envs.steps import Array, Begun, Info, Options, Step
from routing_game.envs.streams import Streams
from routing_game.theory.catalog import GameLike
from routing_game.theory.game import Game, Task
from routing_game.theory.payoffs import payoffs

CACHE_SIZE = 2**14
"""Commitments, and outcomes under them, that a ProviderEnv remembers: ample, but bounded."""

_observe = np.ones(1, np.float32).copy
"""The observation, always the same, in a new array."""


class _Known(NamedTuple):
    """What a ProviderEnv remembers of a commitment."""

    law: sampler.Law
    results: dict[PlainOutcome, _Result]
    """What became of its tasks, by outcome."""
    commitment: tuple[int, float, float]
    """(i, s, q)."""
    told: dict[str, float]
    """What infos say of it."""
    cost: float | None
    """The expected cost, if that is the reward."""


class _Result(NamedTuple):
    reward: float
    truncated: bool
    info: Info


class ProviderEnv(gym.Env[Array, Any]):
    """## Description

    A provider serves tasks, one after another, with a standard model M1 and a reasoning model M2.
    Before each task it commits to a route i, the model that starts, and a cascade probability s,
    the chance that a failed pass of M1 is followed by M2. The user sees the commitment and answers
    with q, its chance of leaving after each failed pass. One step is one task, played to its end:
    the environment tosses the coins of the models, the user and the cascade. So the provider cannot
    go back on its commitment, which is what makes it the leader of a Stackelberg game.

    ## Action Space

    `Tuple(Discrete(2, start=1), Box(0, 1, (), float64))`: the commitment (i, s). On route 2, s is
    of no effect. `gym.make` adds `BoxAction`, which puts the same choice into `Box(-1, 1, (2,),
    float32)` for learners that need a box; `.unwrapped` takes exact commitments.

    ## Observation Space

    `Box(0, 1, (1,), float32)`, always 1. A commitment is chosen before anything about the task is
    known, so there is nothing to observe.

    ## Starting State

    A new task. All tasks are alike, and a step needs no `reset` before it.

    ## Rewards

    Minus the provider's cost J of the task: the money for its passes, plus the penalty P if the
    user left; in units of P. With `expected=True`, minus the expected cost instead, which removes
    the noise and nothing else.

    ## Episode End

    Each step ends the episode (`terminated`). A task still running after `max_passes` passes is cut
    off, and the expected rest is added to its cost, so that the reward stays unbiased; `truncated`
    then is true as well. (`terminated` stays true: the rest has been paid, nothing is left to
    bootstrap.)

    ## Information

    `reset` tells nothing. `step` tells, with S, L, C, U, J expected under the commitment and the
    user's reply:

    - `S`, `L`, `C`, `U`, `J`: chance of solving, waiting time, money for passes, the user's
      utility, provider's cost
    - `abandon`: the user's reply q
    - `regret`: J of this commitment against the exact user (ties for the provider), minus the
      optimum J*
    - `task`: what happened, a `routing_game.theory.Task`

    ## Arguments

    - `game`: a `Game`, the id of one in the catalog, or a mapping with the fields of a Game.
      Default "t4-cascade".
    - `user`: an object with `abandon(route, cascade)`, fixed while the environment lives, because
      replies are remembered. Default: the exact best response, ties for the provider.
    - `expected`: reward minus the expected cost. Default False.
    - `max_passes`: passes after which a task is cut off. Default 1000.
    - `infos`: "full" (default), "task" (that alone), or "none".
    - `render_mode`: None (default), "ansi" or "rgb_array": the Markov chain and the last task; by
      `gym.make` also "human", a window.

    Tasks are drawn whole, by `routing_game.envs.sampler`, from uniform numbers made ahead; so the
    same seed gives the same tasks whatever else draws from `np_random` after the first step.

    Bad arguments and actions raise ValueError.

    ## References

    R. Mahmood, "Routing, Cascades, and User Choice for LLMs", ICLR 2026, sections 3 and 4.2.

    ## Version History

    - v0: first version
    """

    metadata = RENDER_METADATA

    game: Game = setting("game")
    expected: bool = setting("expected")
    max_passes: int = setting("max_passes")
    infos: Infos = setting("infos")
    prospects: Prospects = setting("prospects")

    def __init__(
        self,
        game: GameLike = "t4-cascade",
        user: User | None = None,
        expected: bool = False,
        max_passes: int = 1000,
        infos: Infos = "full",
        render_mode: str | None = None,
    ) -> None:
        self.game = single_game(game)
        self.expected = checked_flag("expected", expected)
        self.max_passes = whole_number("max_passes", max_passes, least=1)
        self.infos = checked_option("infos", infos, Infos)
        self.render_mode = check_mode(render_mode)
        self.action_space = commitment_space()
        self.observation_space = spaces.Box(0.0, 1.0, (1,), np.float32)
        self.prospects = Prospects(self.game, user)
        self._known: dict[tuple[int, float], _Known] = {}
        self._met: set[tuple[int, float]] = set()
        self._remembered = 0
        self._last: tuple[_Known, PlainOutcome] | None = None
        self._streams: Streams | None = None
        self._numbers: list[tuple[float, ...]] = []

    def reset(self, *, seed: int | None = None, options: Options | None = None) -> Begun:
        """Begin a new task."""
        if seed is not None:
            super().reset(seed=seed)
            self._streams, self._numbers = None, []
        self._last = None
        return _observe(), {}

    def step(self, action: Any) -> Step:
        """Commit to (i, s) and play the task to its end."""
        try:
            known = self._known.get(action)
        except TypeError:  # not hashable
            known = None
        known = known or self._recall(action)
        if not self._numbers:
            self._make_numbers()
        played = one_outcome(known.law, self._numbers.pop())
        self._last = known, played
        reward, truncated, info = known.results.get(played) or self._settle(known, played)
        return _observe(), reward, True, truncated, info.copy()

    def _make_numbers(self) -> None:
        if self._streams is None:
            self._streams = Streams(self.np_random, 1, sampler.DRAWS, sampler.logs)
        self._numbers = self._streams.scalars()

    def _recall(self, action: Any) -> _Known:
        """What is known of a commitment, which may be new, in whatever types it comes."""
        commitment = checked_commitment(action)
        known = self._known.get(commitment)
        if known is None:
            known = self._learn(*commitment)
            if commitment in self._met:  # once before
                self._make_room()
                self._known[commitment] = known
            else:  # who chooses s freely may never come back
                if len(self._met) == CACHE_SIZE:
                    self._met.clear()
                self._met.add(commitment)
        return known

    def _learn(self, route: int, cascade: float) -> _Known:
        abandon = float(self.prospects.reply(route, cascade))
        law = sampler.one_law(self.game, route, cascade, abandon)
        told = self.prospects.judge(route, cascade, abandon) if self.infos == "full" else {}
        cost = payoffs(self.game, route, cascade, abandon).cost if self.expected else None
        return _Known(law, {}, (route, cascade, abandon), told, cost)

    def _settle(self, known: _Known, played: PlainOutcome) -> _Result:
        """What an outcome comes to under a commitment: worked out once, then remembered."""
        task = self._record(known, played)
        cost = task.cost if known.cost is None else known.cost
        info = {} if self.infos == "none" else {**known.told, "task": task}
        self._make_room()
        result = known.results[played] = _Result(-cost, task.truncated, info)
        return result

    def _record(self, known: _Known, played: PlainOutcome) -> Task:
        _, cascade, abandon = known.commitment
        return sampler.one_task(self.game, cascade, abandon, played, self.max_passes)

    def render(self) -> Any:
        """The Markov chain, the last task, and what it cost both sides."""
        if self._last is None:
            return render(Scene(self.game, ""), self.render_mode)
        known, played = self._last
        route, cascade, q = known.commitment
        task = self._record(known, played)
        scene = Scene(
            self.game,
            place_of(task),
            (task.standard, task.reasoning),
            task.cost,
            task.utility,
            cascade,
            (q, q),
            title=f"route {route}   ",
        )
        return render(scene, self.render_mode)

    def _make_room(self) -> None:
        """Forget everything once there is too much."""
        self._remembered += 1
        if self._remembered > CACHE_SIZE:
            self._known.clear()
            self._remembered = 1


def boxed_provider(**arguments: Any) -> BoxAction:
    """`ProviderEnv` behind `BoxAction`: what `gym.make` builds."""
    return BoxAction(ProviderEnv(**arguments))


# what `gym.make` asks of a class, to show "human" what it can draw
boxed_provider.metadata = ProviderEnv.metadata  # type: ignore[attr-defined]
