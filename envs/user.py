"""The user's environment: after each failed pass, stay or leave."""

from __future__ import annotations

from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from routing_game.envs import rules
from routing_game.envs.arguments import USER_REGRET, commitment, player, refuse, single_game, whole_number
from routing_game.envs.batch import Array, Engine, masked
from routing_game.envs.observation import Dial
from routing_game.envs.render import RENDER_METADATA, Scene, check_mode, render
from routing_game.theory.game import Commitment, Game, Task, check_commitment
from routing_game.theory.payoffs import Payoffs, payoffs

STAY, LEAVE = 0, 1


class Provider(Protocol):
    """Anything that commits to a route and a cascade probability, task after task."""

    def act(self) -> Commitment:
        """The next task's (i, s)."""
        ...


class Commitments:
    """Where the commitments of new tasks come from: one that is fixed, a provider's, or any (uniform)."""

    def __init__(self, provider: Provider | Commitment | None) -> None:
        if isinstance(provider, Commitment):
            provider = commitment(provider)
            check_commitment(*provider)
        elif provider is not None:
            player("provider", provider, "act")
        self.provider = provider

    def draw(self, rng: np.random.Generator, count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Routes and cascades of the next ``count`` tasks."""
        if self.provider is None:
            return rng.integers(1, 3, count), rng.random(count)
        if isinstance(self.provider, Commitment):
            route, cascade = self.provider
            return np.full(count, route), np.full(count, cascade)
        acts = [commitment(self.provider.act()) for _ in range(count)]
        routes, cascades = (np.array(x) for x in zip(*acts, strict=True))
        check_commitment(routes, cascades)
        return routes, cascades


class UserEnv(gym.Env[Array, Any]):
    """## Description

    A user has handed a task to a provider who has committed to a route i and a cascade probability s. Each
    pass of a model takes time. Whenever one fails the user decides: wait for another pass, by whichever model
    the provider's cascade coin has chosen, or leave. One step is one such decision and an episode is one
    task.

    The first pass is no decision of the user's. An episode therefore begins after a *failed* first pass,
    whose time is sunk: U = xi_i + k_i E[return], so the q that maximises the return maximises U.

    ## Action Space

    `Discrete(2)`: 0 stay, 1 leave.

    ## Observation Space

    What `observes` says; the same at each decision of a task, as for the paper's user, whose policy is one q
    per commitment, except with "model". Each is a `Box` of float64 whose first entry is the route in [1, 2]
    (with "none", a constant 1):

    - `"strategy"`: (i, s), exactly
    - `"samples:n"`: i, and how many of n tosses of the provider's coin came up "escalate"
    - `"noisy:sd"`: i, and s plus normal noise of standard deviation sd, clipped to [0, 1]
    - `"route"`: i alone; s is hidden
    - `"model"`: (i, s), and the model that has just failed. Such a user may leave after M2 but not after M1;
      its optimum is another one (a stopping rule).
    - `"none"`: nothing

    `routing_game.envs.observation.Dial` names the theoretical target of each.

    ## Starting State

    The provider's next commitment, and a failed first pass.

    ## Rewards

    Stay: V if the next pass solves the task, minus its time. Leave: 0. In units of V; do not discount.

    ## Episode End

    The task is solved or the user leaves (`terminated`). A task still running after `max_passes` passes, the
    first included, is cut off, and the return of staying on to the end is added to the reward: the exact
    continuation of a user who always stays, as one who gets there has done so far. `truncated` then is true
    as well. (`terminated` stays true: the rest has been paid, nothing is left to bootstrap.)

    ## Information

    `reset` tells nothing. Each `step` tells

    - `regret`: U*(i, s) - U(i, s, q) for the q in {0, 1} that the action would be if held for the whole task,
      the first pass included; exact, and never negative

    and the last one of an episode also

    - `S`, `L`, `C`, `U`, `J`: solved or not, waiting time, money for passes, the user's utility and the
      provider's cost of the whole task as it happened, the first pass included
    - `task`: the same as a `routing_game.theory.Task`

    ## Arguments

    - `game`: a `Game`, the id of one in the catalog, or a mapping with the fields of a Game. Default
      "t4-cascade".
    - `observes`: what the user sees, see Observation Space. Default "strategy".
    - `provider`: an object with `act()`, a fixed `Commitment`, or None (default): i uniform on {1, 2} and s
      uniform on [0, 1], so that a user learns to answer every commitment.
    - `max_passes`: passes after which a task is cut off, at least 2. Default 1000.
    - `render_mode`: None (default), "ansi" or "rgb_array": the Markov chain, where the task is, what it has cost.

    Bad arguments and actions raise ValueError.

    ## References

    R. Mahmood, "Routing, Cascades, and User Choice for LLMs", ICLR 2026, sections 3 and 4.

    ## Version History

    - v0: first version
    """

    metadata = RENDER_METADATA

    def __init__(
        self,
        game: Game | str | Mapping[str, Any] = "t4-cascade",
        observes: str = "strategy",
        provider: Provider | Commitment | None = None,
        max_passes: int = 1000,
        render_mode: str | None = None,
    ) -> None:
        self.game = single_game(game)
        self.observes = observes
        self.max_passes = whole_number("max_passes", max_passes, least=2)
        self.dial = Dial.parse(observes)
        self.render_mode = check_mode(render_mode)
        self.observation_space = self.dial.space
        self.action_space = spaces.Discrete(2)
        self.commitments = Commitments(provider)
        self._user_regret = resolve_name(USER_REGRET)
        self._running = False
        self._task: Task | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """Begin a task and fail its first pass."""
        super().reset(seed=seed)
        (route,), (cascade,) = (x.tolist() for x in self.commitments.draw(self.np_random, 1))
        uniform = rules.failing(self.game.success, route, self.np_random.random())
        self._commitment = Commitment(route, cascade)
        self._failed = route
        self._next = rules.run_pass(self.game.success, route, cascade, 0.0, uniform).model
        self._glimpse = self.dial.glimpse([route], [cascade], self.np_random)
        self._passes = [2 - route, route - 1]
        self._regret = self._user_regret(self.game, route, cascade, np.array([0.0, 1.0])).tolist()
        self._running, self._task = True, None
        return self._observe(), {}

    def step(self, action: int) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Stay for another pass, or leave."""
        if not self._running:
            raise gym.error.ResetNeeded("the task has ended or not begun: call reset() before step()")
        try:
            action = (STAY, LEAVE).index(action)  # an int, whatever number or array of one it was
        except ValueError:
            raise ValueError(f"an action is {STAY} (stay) or {LEAVE} (leave), got {action!r}") from None
        info: dict[str, Any] = {"regret": self._regret[action]}
        if action == LEAVE:
            return self._finish(0.0, info, solved=False)
        solved = self._wait()
        reward = rules.stay_reward(self.game.value, self.game.latency, self._failed, solved)
        if solved:
            return self._finish(reward, info, solved=True)
        if sum(self._passes) < self.max_passes:
            return self._observe(), reward, False, False, info
        tail = payoffs(self.game, self._next, self._commitment.cascade, 0.0)
        return self._finish(reward + tail.utility, info, solved=False, tail=tail)

    def _wait(self) -> bool:
        """Run the next pass; True if it solves the task."""
        self._failed = self._next
        self._passes[self._failed - 1] += 1
        solved, _, self._next = rules.run_pass(
            self.game.success, self._failed, self._commitment.cascade, 0.0, self.np_random.random()
        )
        return bool(solved)

    def _finish(
        self, reward: float, info: dict[str, Any], solved: bool, tail: Payoffs = rules.NOTHING
    ) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        self._running = False
        bill = rules.settle(self.game, self._passes, solved, tail)
        truncated = tail is not rules.NOTHING
        info |= dict(zip("SLCUJ", bill, strict=True))
        info["task"] = self._task = rules.record(self._passes, solved, bill, truncated)
        return self._observe(), reward, True, truncated, info

    def render(self) -> Any:
        """The Markov chain, where the task is, and what it has cost both sides so far."""
        if not (self._running or self._task):
            raise gym.error.ResetNeeded("no task has begun: call reset() before render()")
        place, bill = f"M{self._failed}", rules.settle(self.game, self._passes, True)
        cost, utility = bill.service_cost, bill.utility - self.game.value
        if self._task:
            place = place if self._task.truncated else "solved" if self._task.solved else "left"
            cost, utility = self._task.cost, self._task.utility
        route, cascade = self._commitment
        passes = (self._passes[0], self._passes[1])
        scene = Scene(self.game, place, passes, cost, utility, cascade, title=f"route {route}   ")
        return render(scene, self.render_mode)

    def _observe(self) -> Array:
        return self.dial.add_model(self._glimpse, [self._failed])[0]


class UserVectorEnv(Engine):
    """Many `UserEnv` at once, one decision each per step: what `gym.make_vec` builds.

    Spaces, rewards and arguments as for `UserEnv`. Infos are arrays: `regret` for tasks that go on; for those
    that ended, all of them under `final_info`, where `task` is a dict of arrays with the fields of a `Task`.
    """

    def __init__(
        self,
        num_envs: int = 1,
        game: Game | str | Mapping[str, Any] = "t4-cascade",
        observes: str = "strategy",
        provider: Provider | Commitment | None = None,
        max_passes: int = 1000,
        max_episode_steps: None = None,
        render_mode: None = None,
    ) -> None:
        refuse(max_episode_steps, render_mode)
        single = UserEnv(game, observes, provider, max_passes)
        super().__init__(num_envs, single.observation_space, single.action_space, AutoresetMode.SAME_STEP)
        self.game = single.game
        self.observes, self.dial = observes, single.dial
        self.max_passes = single.max_passes
        self._commitments = single.commitments
        self._user_regret = resolve_name(USER_REGRET)
        self._success, self._latency = np.array(self.game.success), np.array(self.game.latency)
        self._running = False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """Begin a task everywhere and fail its first pass."""
        super().reset(seed=seed)
        n = self.num_envs
        self._route, self._failed, self._next = (np.empty(n, dtype=np.int64) for _ in range(3))
        self._cascade, self._regret = np.empty(n), np.empty((2, n))
        self._glimpse = np.empty((n, self.dial.space.shape[0] - self.dial.sees_model))
        self._passes = np.empty((2, n), dtype=np.int64)
        self._begin(np.arange(n))
        self._running = True
        return self._observe(), {}

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        """Stay for another pass, or leave, in each environment."""
        if not self._running:
            raise gym.error.ResetNeeded("no task has begun: call reset() before step()")
        actions = self.checked(actions)
        stay = actions == STAY
        if not np.all(stay | (actions == LEAVE)):
            raise ValueError(f"actions are {STAY} (stay) or {LEAVE} (leave), got {np.unique(actions)}")
        regret = np.where(stay, *self._regret)
        solved, reward = self._wait(stay)
        cut = stay & ~solved & (self._passes.sum(axis=0) >= self.max_passes)
        tail = rules.rest(self.game, cut, self._next, self._cascade, 0.0)
        done = ~stay | solved | cut
        info = masked({"regret": regret}, ~done)
        if done.any():
            bill = rules.settle(self.game, self._passes, solved, tail)
            task = rules.record(self._passes.copy(), solved, bill, cut)._asdict()
            final = {**dict(zip("SLCUJ", bill, strict=True)), "regret": regret, "task": task}
            info |= masked({"final_obs": self._observe(), "final_info": final}, done)
            self._begin(np.flatnonzero(done))
        return self._observe(), reward + tail.utility, done, cut, info

    def _begin(self, where: NDArray[np.int64]) -> None:
        """New tasks, their first passes failed, in the environments ``where``."""
        route, cascade = self._commitments.draw(self.np_random, where.size)
        uniform = rules.failing(self._success, route, self.np_random.random(where.size))
        self._route[where], self._cascade[where] = route, cascade
        self._glimpse[where] = self.dial.glimpse(route, cascade, self.np_random)
        self._failed[where] = route
        self._next[where] = rules.run_pass(self._success, route, cascade, 0.0, uniform).model
        self._passes[:, where] = 2 - route, route - 1
        self._regret[:, where] = self._user_regret(self.game, route, cascade, np.array([[0.0], [1.0]]))

    def _wait(self, stay: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Run the next pass where the user stays; (solved, reward) everywhere."""
        uniform = self.np_random.random(self.num_envs)
        now = rules.run_pass(self._success, self._next, self._cascade, 0.0, uniform)
        solved = stay & now.solved
        reward = stay * rules.stay_reward(self.game.value, self._latency, self._next, solved)
        self._failed = np.where(stay, self._next, self._failed)
        self._next = np.where(stay, now.model, self._next)
        self._passes += stay * np.stack([2 - self._failed, self._failed - 1])
        return solved, reward

    def _observe(self) -> Array:
        return self.dial.add_model(self._glimpse, self._failed)
