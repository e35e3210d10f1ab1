"""The provider's environment: commit to (i, s), watch one task, pay for it."""

from __future__ import annotations

from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from routing_game.envs import rules
from routing_game.envs.arguments import EXACT_USER, SOLVE, player, single_game, whole_number
from routing_game.envs.batch import Array, Engine, masked
from routing_game.envs.render import RENDER_METADATA, Scene, check_mode, render
from routing_game.envs.wrappers import BoxAction, commitment_space, from_box
from routing_game.theory.game import Commitment, Game, Task, check_commitment
from routing_game.theory.payoffs import payoffs

CACHE_SIZE = 4096
"""How many commitments a ProviderEnv remembers: ample for a bandit, bounded for continuous actions."""


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
        check_commitment(route, cascade)
        abandon = self.user.abandon(route, cascade)
        expected = payoffs(self.game, route, cascade, abandon)
        judged = expected
        if self.user is not self.exact:
            judged = payoffs(self.game, route, cascade, self.exact.abandon(route, cascade))
        values = dict(zip("SLCUJ", expected, strict=True))
        return {**values, "abandon": abandon, "regret": judged.cost - self.least_cost}


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

    A new task. All tasks are alike.

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
    - `render_mode`: None (default), "ansi" or "rgb_array": the Markov chain and the last task.

    Bad arguments and actions raise ValueError.

    ## References

    R. Mahmood, "Routing, Cascades, and User Choice for LLMs", ICLR 2026, sections 3 and 5.

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
        render_mode: str | None = None,
    ) -> None:
        self.game = single_game(game)
        self.expected = expected
        self.max_passes = whole_number("max_passes", max_passes, least=1)
        self.render_mode = check_mode(render_mode)
        self.action_space = commitment_space()
        self.observation_space = spaces.Box(0.0, 1.0, (1,), np.float32)
        self.prospects = Prospects(self.game, user)
        self._known: dict[tuple[int, float], dict[str, float]] = {}
        self._last: tuple[Commitment, float, Task] | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """Begin a new task."""
        super().reset(seed=seed)
        self._last = None
        return np.ones(1, np.float32), {}

    def step(self, action: Any) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Commit to (i, s) and play the task to its end."""
        route, cascade = _pair(action)
        prospect = self._known.get((route, cascade)) or self._learn(route, cascade)
        task = self._play(route, cascade, prospect["abandon"])
        self._last = Commitment(route, cascade), prospect["abandon"], task
        reward = -prospect["J"] if self.expected else -task.cost
        return np.ones(1, np.float32), reward, True, task.truncated, {**prospect, "task": task}

    def render(self) -> Any:
        """The Markov chain, the last task, and what it cost both sides."""
        if self._last is None:
            return render(Scene(self.game, ""), self.render_mode)
        (route, cascade), q, task = self._last
        failed = "M2" if task.reasoning else "M1"
        place = failed if task.truncated else "solved" if task.solved else "left"
        passes, title = (task.standard, task.reasoning), f"route {route}   "
        scene = Scene(self.game, place, passes, task.cost, task.utility, cascade, (q, q), title)
        return render(scene, self.render_mode)

    def _learn(self, route: int, cascade: float) -> dict[str, float]:
        if len(self._known) == CACHE_SIZE:
            self._known.clear()
        prospect = {key: float(value) for key, value in self.prospects(route, cascade).items()}
        self._known[route, cascade] = prospect
        return prospect

    def _play(self, route: int, cascade: float, abandon: float) -> Task:
        passes, solved, cut, model = rules.play_task(
            self.game.success, route, cascade, abandon, self.np_random.random, self.max_passes
        )
        tail = payoffs(self.game, model, cascade, abandon) if cut else rules.NOTHING
        bill = rules.settle(self.game, passes, solved, tail)
        return rules.record(passes, solved, bill, cut)


class ProviderVectorEnv(Engine):
    """Many `ProviderEnv` at once, one task each per step: what `gym.make_vec` builds.

    Actions are those of `gym.make`, `Box(-1, 1, (2,), float32)` for each task; observations and rewards are
    those of `ProviderEnv`. As every step ends every episode, the infos arrive under `final_info`, each an
    array over tasks; `task` is a dict of such arrays with the fields of a `Task`. Arguments as for
    `ProviderEnv`.
    """

    def __init__(
        self,
        num_envs: int = 1,
        game: Game | str | Mapping[str, Any] = "t4-cascade",
        user: User | None = None,
        expected: bool = False,
        max_passes: int = 1000,
    ) -> None:
        single = ProviderEnv(game, user, expected, max_passes)
        super().__init__(num_envs, single.observation_space, BoxAction(single).action_space)
        self.game = single.game
        self.expected = expected
        self.max_passes = single.max_passes
        self._prospects = single.prospects
        self._success = np.array(self.game.success)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """Begin a new task everywhere."""
        super().reset(seed=seed)
        return self._observe(), {}

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        """Play one task to its end in each environment."""
        route, cascade = from_box(self.checked(actions))
        prospect = self._prospects(route, cascade)
        task = self._play(route, cascade, prospect["abandon"])
        reward = -prospect["J"] if self.expected else -task["cost"]
        everywhere = np.ones(self.num_envs, dtype=bool)
        final = {"final_obs": self._observe(), "final_info": {**prospect, "task": task}}
        return self._observe(), reward, everywhere, task["truncated"], masked(final, everywhere)

    def _observe(self) -> Array:
        return np.ones((self.num_envs, 1), np.float32)

    def _play(self, route: Array, cascade: Array, abandon: Array) -> dict[str, Array]:
        passes, solved, cut, model = rules.play_tasks(
            self._success, route, cascade, abandon, self.np_random, self.max_passes
        )
        tail = rules.rest(self.game, cut, model, cascade[cut], abandon[cut])
        bill = rules.settle(self.game, passes, solved, tail)
        return rules.record(passes, solved, bill, cut)._asdict()


def boxed_provider(**arguments: Any) -> BoxAction:
    """`ProviderEnv` behind `BoxAction`: what `gym.make` builds."""
    return BoxAction(ProviderEnv(**arguments))


def _pair(action: Any) -> tuple[int, float]:
    try:
        route, cascade = action
        return route, float(cascade)
    except (TypeError, ValueError):
        raise ValueError(f"an action is a commitment (route, cascade), got {action!r}") from None
