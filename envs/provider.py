"""The provider's environment: commit to (i, s), watch one task, pay for it."""

from __future__ import annotations

from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from routing_game.envs import sampler
from routing_game.envs.arguments import (
    Infos,
    checked_flag,
    checked_option,
    proper_commitment,
    single_game,
    whole_number,
)
from routing_game.envs.encodings import BoxAction, commitment_space
from routing_game.envs.judge import Prospects, User
from routing_game.envs.render import RENDER_METADATA, Scene, check_mode, place_of, render
from routing_game.envs.sampler import PlainOutcome, one_outcome
from routing_game.envs.settings import setting
from routing_game.envs.steps import Array, Begun, Info, Options, Step
from routing_game.envs.streams import Ahead, Streams
from routing_game.theory.catalog import GameLike
from routing_game.theory.game import Commitment, Game, Task
from routing_game.theory.payoffs import payoffs

CACHE_SIZE = 2**14
"""Commitments, and outcomes under them, that a ProviderEnv remembers: ample, but bounded."""

RECENT = 2**11
"""New commitments among which one that comes again is noticed."""

_observe = np.ones(1, np.float32).copy
"""The observation, always the same, in a new array."""

Answered = tuple[int, float, float]
"""(i, s, q): a commitment and the user's reply."""


class _Known(NamedTuple):
    """What a ProviderEnv remembers of a commitment."""

    law: sampler.Law
    results: dict[PlainOutcome, _Result]
    """What became of its tasks, by outcome."""
    commitment: Answered
    told: dict[str, float]
    """What infos say of it."""
    cost: float | None
    """The expected cost, if that is the reward."""


class _Result(NamedTuple):
    reward: float
    truncated: bool
    info: Info


class ProviderEnv(Ahead, gym.Env[Array, Any]):
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
    user left; in the unit of P. With `expected=True`, minus the expected cost instead, which
    removes the noise and nothing else.

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
    _game: Game
    _expected: bool
    _max_passes: int
    _infos: Infos
    _prospects: Prospects

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
        self._single = self.prospects.exact.single
        self._known: dict[tuple[int, float], _Known] = {}
        self._met: set[tuple[int, float]] = set()
        self._remembered = 0
        self._last: tuple[Answered, PlainOutcome] | None = None
        self._streams: Streams | None = None
        self._numbers: list[tuple[float, ...]] = []

    def reset(self, *, seed: int | None = None, options: Options | None = None) -> Begun:
        """Begin a new task."""
        if seed is not None:
            super().reset(seed=seed)
            self.forget()
        self._last = None
        return _observe(), {}

    def forget(self) -> None:
        """Drop the numbers that are made already."""
        self._streams, self._numbers = None, []

    def step(self, action: Any) -> Step:
        """Commit to (i, s) and play the task to its end."""
        try:
            known = self._known.get(action)
        except TypeError:  # not hashable
            action = proper_commitment(action)
            known = self._known.get(action)
        if known is None:
            commitment = proper_commitment(action)
            if commitment not in self._met:
                return self._play_once(commitment)
            known = self._remember(commitment)
        played = one_outcome(known.law, self._draw())
        self._last = known.commitment, played
        result = known.results.get(played)
        if result is None:
            result = self._settle(known, played)
        reward, truncated, info = result
        return _observe(), reward, True, truncated, info.copy()

    def _play_once(self, commitment: Commitment) -> Step:
        """A task under a commitment met for the first time.

        Nothing is kept of it: who chooses s freely may never come back.
        """
        if len(self._met) == RECENT:
            self._met.clear()
        self._met.add(commitment)
        answered, law, info = self._learn(commitment)
        played = one_outcome(law, self._draw())
        self._last = answered, played
        task = self._record(answered, played)
        cost = self._cost(*answered) if self._expected else task.cost
        if self._infos != "none":
            info["task"] = task
        return _observe(), -cost, True, task.truncated, info

    def _remember(self, commitment: Commitment) -> _Known:
        answered, law, told = self._learn(commitment)
        cost = self._cost(*answered) if self._expected else None
        self._make_room()
        known = self._known[commitment] = _Known(law, {}, answered, told, cost)
        return known

    def _learn(self, commitment: Commitment) -> tuple[Answered, sampler.Law, Info]:
        """(i, s, q), the law of its tasks, and what infos say of it."""
        route, cascade = commitment
        prospects = self._prospects
        abandon = prospects.reply_to_one(route, cascade)
        law = sampler.law(self._single, route, cascade, abandon)
        told = prospects.judge_one(route, cascade, abandon) if self._infos == "full" else {}
        return (route, cascade, abandon), law, told

    def _settle(self, known: _Known, played: PlainOutcome) -> _Result:
        """What an outcome comes to under a commitment: worked out once, then remembered."""
        task = self._record(known.commitment, played)
        cost = task.cost if known.cost is None else known.cost
        info = {} if self._infos == "none" else {**known.told, "task": task}
        self._make_room()
        result = known.results[played] = _Result(-cost, task.truncated, info)
        return result

    def _draw(self) -> tuple[float, ...]:
        """The uniform numbers of the next task."""
        if not self._numbers:
            if self._streams is None:
                self._streams = Streams(self.np_random, 1, sampler.DRAWS, sampler.logs)
            self._numbers = self._streams.scalars()
        return self._numbers.pop()

    def _record(self, answered: Answered, played: PlainOutcome) -> Task:
        _, cascade, abandon = answered
        return sampler.one_task(self._game, cascade, abandon, played, self._max_passes)

    def _cost(self, route: int, cascade: float, abandon: float) -> float:
        return float(payoffs(self._game, route, cascade, abandon).cost)

    def render(self) -> Any:
        """The Markov chain, the last task, and what it cost both sides."""
        if self._last is None:
            return render(Scene(self.game, ""), self.render_mode)
        commitment, played = self._last
        route, cascade, q = commitment
        task = self._record(commitment, played)
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
