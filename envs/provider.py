"""The provider's environment: commit to (i, s), watch one task, pay for it."""

from __future__ import annotations

from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any, NamedTuple, Protocol

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

from routing_game.envs import rules, sampler
from routing_game.envs.arguments import (
    EXACT_USER,
    SOLVE,
    Infos,
    answer,
    commitment,
    games,
    one_of,
    player,
    refuse,
    single_game,
    whole_number,
)
from routing_game.envs.batch import Array, Engine, masked
from routing_game.envs.render import RENDER_METADATA, Scene, check_mode, render
from routing_game.envs.sampler import one_outcome
from routing_game.envs.streams import Streams
from routing_game.envs.wrappers import BoxAction, commitment_space, from_box
from routing_game.theory.game import Game, Task, check_commitment
from routing_game.theory.payoffs import payoffs

CACHE_SIZE = 2**14
"""How many commitments, and outcomes under them, a ProviderEnv remembers: ample for a bandit, but bounded."""


_observe = np.ones(1, np.float32).copy
"""The observation, always the same, in a new array."""


class User(Protocol):
    """Anything that answers commitments with the chance of leaving after a failed pass."""

    def abandon(self, route: Any, cascade: Any) -> Any:
        """The q in [0, 1] that answers (i, s); arrays in, arrays out."""
        ...


class Prospects:
    """What theory expects of a commitment, as ``info`` tells it: q, S, L, C, U, J and the exact regret."""

    def __init__(self, game: Game, user: User | None) -> None:
        self.game = game
        self.exact: User = resolve_name(EXACT_USER)(game)
        self.user = self.exact if user is None else player("user", user, "abandon")
        self.least_cost = resolve_name(SOLVE)(game).cost

    def __call__(self, route: Any, cascade: Any) -> dict[str, Any]:
        """Numbers or arrays, as (i, s) are; ValueError where (i, s) or the user's q is out of range."""
        return self.judge(route, cascade, self.reply(route, cascade))

    def reply(self, route: Any, cascade: Any) -> Any:
        """The user's q, a number or an array as (i, s) are; ValueError where one of them is out of range."""
        check_commitment(route, cascade)
        abandon = answer(self.user.abandon(route, cascade), route, cascade)
        check_commitment(route, cascade, abandon)
        return abandon

    def judge(self, route: Any, cascade: Any, abandon: Any) -> dict[str, Any]:
        """What to expect of (i, s) and the reply q."""
        judged = expected = payoffs(self.game, route, cascade, abandon)
        if self.user is not self.exact:
            judged = payoffs(self.game, route, cascade, self.exact.abandon(route, cascade))
        values = dict(zip("SLCUJ", expected, strict=True))
        return {**values, "abandon": abandon, "regret": judged.cost - self.least_cost}


class _Known(NamedTuple):
    """What a ProviderEnv remembers of a commitment."""

    law: sampler.Law
    results: dict[tuple[int, int, bool], _Result]
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
    info: dict[str, Any]


class ProviderEnv(gym.Env[Array, Any]):
    """## Description

    A provider serves tasks, one after another, with a standard model M1 and a reasoning model M2. Before each
    task it commits to a route i, the model that starts, and a cascade probability s, the chance that a failed
    pass of M1 is followed by M2. The user sees the commitment and answers with q, its chance of leaving after
    each failed pass. One step is one task, played to its end: the environment tosses the coins of the models,
    the user and the cascade. So the provider cannot go back on its commitment, which is what makes it the
    leader of a Stackelberg game.

    ## Action Space

    `Tuple(Discrete(2, start=1), Box(0, 1, (), float64))`: the commitment (i, s). On route 2, s is of no
    effect. `gym.make` adds `BoxAction`, which puts the same choice into `Box(-1, 1, (2,), float32)` for
    learners that need a box; `.unwrapped` takes exact commitments.

    ## Observation Space

    `Box(0, 1, (1,), float32)`, always 1. A commitment is chosen before anything about the task is known, so
    there is nothing to observe.

    ## Starting State

    A new task. All tasks are alike, and a step needs no `reset` before it.

    ## Rewards

    Minus the provider's cost J of the task: the money for its passes, plus the penalty P if the user left; in
    units of P. With `expected=True`, minus the expected cost instead, which removes the noise and nothing
    else.

    ## Episode End

    Each step ends the episode (`terminated`). A task still running after `max_passes` passes is cut off, and
    the expected rest is added to its cost, so that the reward stays unbiased; `truncated` then is true as
    well. (`terminated` stays true: the rest has been paid, nothing is left to bootstrap.)

    ## Information

    `reset` tells nothing. `step` tells, with S, L, C, U, J expected under the commitment and the user's
    reply:

    - `S`, `L`, `C`, `U`, `J`: chance of solving, waiting time, money for passes, the user's utility,
      provider's cost
    - `abandon`: the user's reply q
    - `regret`: J of this commitment against the exact user (ties for the provider), minus the optimum J*
    - `task`: what happened, a `routing_game.theory.Task`

    ## Arguments

    - `game`: a `Game`, the id of one in the catalog, or a mapping with the fields of a Game. Default
      "t4-cascade".
    - `user`: an object with `abandon(route, cascade)`, fixed while the environment lives, because replies are
      remembered. Default: the exact best response, ties for the provider.
    - `expected`: reward minus the expected cost. Default False.
    - `max_passes`: passes after which a task is cut off. Default 1000.
    - `infos`: "full" (default), "task" (that alone), or "none".
    - `render_mode`: None (default), "ansi" or "rgb_array": the Markov chain and the last task.

    Tasks are drawn whole, by `routing_game.envs.sampler`, from uniform numbers made ahead; so the same seed gives
    the same tasks whatever else draws from `np_random` after the first step.

    Bad arguments and actions raise ValueError.

    ## References

    R. Mahmood, "Routing, Cascades, and User Choice for LLMs", ICLR 2026, sections 3 and 4.2.

    ## Version History

    - v0: first version
    """

    metadata = RENDER_METADATA

    def __init__(
        self,
        game: Game | str | Mapping[str, Any] = "t4-cascade",
        user: User | None = None,
        expected: bool = False,
        max_passes: int = 1000,
        infos: Infos = "full",
        render_mode: str | None = None,
    ) -> None:
        if not isinstance(expected, bool):
            raise ValueError(f"expected must be True or False, got {expected!r}")
        self.game = single_game(game)
        self.expected = expected
        self.max_passes = whole_number("max_passes", max_passes, least=1)
        self.infos = one_of("infos", infos, Infos)
        self.render_mode = check_mode(render_mode)
        self.action_space = commitment_space()
        self.observation_space = spaces.Box(0.0, 1.0, (1,), np.float32)
        self.prospects = Prospects(self.game, user)
        self._known: dict[tuple[int, float], _Known] = {}
        self._remembered = 0
        self._last: tuple[_Known, tuple[int, int, bool]] | None = None
        self._streams: Streams | None = None
        self._numbers: list[tuple[float, ...]] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """Begin a new task."""
        if seed is not None:
            super().reset(seed=seed)
            self._streams, self._numbers = None, []
        self._last = None
        return _observe(), {}

    def step(self, action: Any) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Commit to (i, s) and play the task to its end."""
        try:
            known = self._known[action]
        except (KeyError, TypeError):  # new, or not hashable
            known = self._recall(action)
        if not self._numbers:
            self._make_numbers()
        played = one_outcome(known[0], self._numbers.pop())
        self._last = known, played
        reward, truncated, info = known[1].get(played) or self._settle(known, played)
        return _observe(), reward, True, truncated, info.copy()

    def _make_numbers(self) -> None:
        if self._streams is None:
            self._streams = Streams(self.np_random, 1, sampler.DRAWS, sampler.logs)
        self._numbers = self._streams.scalars()

    def _recall(self, action: Any) -> _Known:
        """What is known of a commitment, which may be new, in whatever types it comes."""
        route, cascade = commitment(action)
        known = self._known.get((route, cascade))
        if known is None:
            self._make_room()
            known = self._known[route, cascade] = self._learn(route, cascade)
        return known

    def _learn(self, route: int, cascade: float) -> _Known:
        abandon = float(self.prospects.reply(route, cascade))
        law = sampler.one_law(self.game, int(route), cascade, abandon)
        judged = self.prospects.judge(route, cascade, abandon) if self.infos == "full" else {}
        told = {key: float(value) for key, value in judged.items()}
        cost = payoffs(self.game, route, cascade, abandon).cost if self.expected else None
        return _Known(law, {}, (int(route), cascade, abandon), told, cost)

    def _settle(self, known: _Known, outcome: tuple[int, int, bool]) -> _Result:
        """What an outcome comes to under a commitment: worked out once, then remembered."""
        task = self._record(known, outcome)
        info = {} if self.infos == "none" else {**known.told, "task": task}
        result = _Result(-(task.cost if known.cost is None else known.cost), task.truncated, info)
        self._make_room()
        known.results[outcome] = result
        return result

    def _record(self, known: _Known, outcome: tuple[int, int, bool]) -> Task:
        _, cascade, abandon = known.commitment
        return sampler.one_task(self.game, cascade, abandon, outcome, self.max_passes)

    def render(self) -> Any:
        """The Markov chain, the last task, and what it cost both sides."""
        if self._last is None:
            return render(Scene(self.game, ""), self.render_mode)
        route, cascade, q = self._last[0].commitment
        task = self._record(*self._last)
        failed = "M2" if task.reasoning else "M1"
        place = failed if task.truncated else "solved" if task.solved else "left"
        passes, title = (task.standard, task.reasoning), f"route {route}   "
        scene = Scene(self.game, place, passes, task.cost, task.utility, cascade, (q, q), title)
        return render(scene, self.render_mode)

    def _make_room(self) -> None:
        """Forget everything once there is too much."""
        self._remembered += 1
        if self._remembered > CACHE_SIZE:
            self._known.clear()
            self._remembered = 1


class ProviderVectorEnv(Engine):
    """Many `ProviderEnv` at once, one task each per step: what `gym.make_vec` builds.

    Actions are those of `gym.make`, `Box(-1, 1, (2,), float32)` for each task; observations and rewards are
    those of `ProviderEnv`. As every step ends every episode, the infos arrive under `final_info`, each an
    array over tasks; `task` is a dict of such arrays with the fields of a `Task`. Environment k of a batch plays
    the same tasks in a batch of any size, and environment 0 those of `ProviderEnv`.

    Arguments as for `ProviderEnv`; besides, `game` may be an array of games, shape (num_envs,), and
    `autoreset_mode` is "SameStep" (default) or "NextStep": then every second step begins new tasks, and the infos
    of the steps between come as they are, not under `final_info`.
    """

    def __init__(
        self,
        num_envs: int = 1,
        game: Game | str | Mapping[str, Any] = "t4-cascade",
        user: User | None = None,
        expected: bool = False,
        max_passes: int = 1000,
        infos: Infos = "full",
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
        max_episode_steps: None = None,
        render_mode: None = None,
    ) -> None:
        refuse(max_episode_steps, render_mode)
        self.game = games(game, whole_number("num_envs", num_envs, least=1))
        single = ProviderEnv(self.game[0] if self.game.shape else self.game, user, expected, max_passes, infos)
        super().__init__(num_envs, single.observation_space, BoxAction(single).action_space, autoreset_mode)
        self.expected = expected
        self.max_passes, self.infos = single.max_passes, single.infos
        self._prospects = Prospects(self.game, user)
        self._streams: Streams | None = None
        self._ended = False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """Begin a new task everywhere."""
        if seed is not None:
            super().reset(seed=seed)
            self._streams = None
        self._ended = False
        return self._observe(), {}

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        """Play one task to its end in each environment."""
        route, cascade = from_box(self.checked(actions))
        if self._ended:
            self._ended = False
            nowhere = np.zeros(self.num_envs, dtype=bool)
            return self._observe(), np.zeros(self.num_envs), nowhere, nowhere.copy(), {}
        self._ended = not self.same_step
        abandon = self._prospects.reply(route, cascade)
        task = self._play(route, cascade, abandon)
        cost = np.asarray(payoffs(self.game, route, cascade, abandon).cost if self.expected else task.cost)
        everywhere = np.ones(self.num_envs, dtype=bool)
        info = masked(self._tell(route, cascade, abandon, task), everywhere)
        return self._observe(), -cost, everywhere, np.asarray(task.truncated), info

    def _observe(self) -> Array:
        return np.ones((self.num_envs, 1), np.float32)

    def _play(self, route: Array, cascade: Array, abandon: Array) -> Task:
        """A `Task` of arrays."""
        if self._streams is None:
            self._streams = Streams(self.np_random, self.num_envs, sampler.DRAWS, sampler.logs)
        law = sampler.law(self.game, route, cascade, abandon)
        played = sampler.cut_off(sampler.outcome(law, self._streams.row()), self.max_passes)
        passes, solved, cut, model = played
        tail = rules.rest(self.game, cut, model, cascade, abandon)
        return rules.record(passes, solved, rules.settle(self.game, passes, solved, tail), cut)

    def _tell(self, route: Array, cascade: Array, abandon: Array, task: Task) -> dict[str, Any]:
        info: dict[str, Any] = {}
        if self.infos == "full":
            info = self._prospects.judge(route, cascade, abandon)
        if self.infos != "none":
            info["task"] = task._asdict()
        if not self.same_step:
            return info
        return {"final_obs": self._observe(), **({"final_info": info} if info else {})}


def boxed_provider(**arguments: Any) -> BoxAction:
    """`ProviderEnv` behind `BoxAction`: what `gym.make` builds."""
    return BoxAction(ProviderEnv(**arguments))
