"""The user's environment: after each failed pass, stay or leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pkgutil import resolve_name
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from routing_game.envs import rules
from routing_game.envs.arguments import (
    USER_REGRET,
    Infos,
    commitment,
    games,
    one_of,
    player,
    refuse,
    single_game,
    whole_number,
)
from routing_game.envs.batch import Array, Engine, masked
from routing_game.envs.observation import Dial
from routing_game.envs.render import RENDER_METADATA, Scene, check_mode, render
from routing_game.envs.streams import Streams
from routing_game.theory.game import Commitment, Game, Task, check_commitment
from routing_game.theory.payoffs import Payoffs, payoffs

STAY, LEAVE = 0, 1

CACHE_SIZE = 4096
"""How many outcomes a UserEnv remembers."""


class Provider(Protocol):
    """Anything that commits to a route and a cascade probability, task after task."""

    def act(self) -> Commitment:
        """The next task's (i, s)."""
        ...


class Commitments:
    """Where commitments of new tasks come from: a fixed one, a provider's, or any (uniform)."""

    def __init__(self, provider: Provider | Commitment | None) -> None:
        if isinstance(provider, Commitment):
            provider = commitment(provider)
            check_commitment(*provider)
        elif provider is not None:
            player("provider", provider, "act")
        self.provider = provider

    @property
    def draws(self) -> int:
        """How many uniform numbers a commitment takes."""
        return 1 if self.provider is None else 0

    def __call__(self, uniform: Any, where: NDArray[np.bool_]) -> tuple[Any, Any]:
        """Routes and cascades, one or one each, of the tasks that begin ``where``.

        ``uniform`` holds the `draws` arrays that decide. What stands elsewhere is a commitment, but
        means nothing.
        """
        if self.provider is None:
            upper = uniform[0] >= 0.5
            return 1 + upper, 2 * uniform[0] - upper
        if isinstance(self.provider, Commitment):
            return self.provider
        routes, cascades = np.ones(where.size, dtype=np.int64), np.zeros(where.size)
        for k in np.flatnonzero(where):
            routes[k], cascades[k] = commitment(self.provider.act())
        check_commitment(routes, cascades)
        return routes, cascades

    def one(self, uniform: Sequence[float]) -> Commitment:
        """The commitment of the next task, decided by `draws` numbers."""
        if self.provider is None:
            upper = uniform[0] >= 0.5
            return Commitment(1 + upper, 2 * uniform[0] - upper)
        if isinstance(self.provider, Commitment):
            return self.provider
        route, cascade = commitment(self.provider.act())
        check_commitment(route, cascade)
        return Commitment(int(route), float(cascade))


class UserEnv(gym.Env[Array, Any]):
    """## Description

    A user has handed a task to a provider who has committed to a route i and a cascade probability
    s. Each pass of a model takes time. Whenever one fails the user decides: wait for another pass,
    by whichever model the provider's cascade coin has chosen, or leave. One step is one such
    decision and an episode is one task.

    The first pass is no decision of the user's. An episode therefore begins after a *failed* first
    pass, whose time is sunk: U = xi_i + k_i E[return], so the q that maximises the return maximises
    U.

    ## Action Space

    `Discrete(2)`: 0 stay, 1 leave.

    ## Observation Space

    What `observes` says; the same at each decision of a task, as for the paper's user, whose policy
    is one q per commitment, except with "model". Each is a `Box` of float64 whose first entry is
    the route in [1, 2] (with "none", a constant 1):

    - `"strategy"`: (i, s), exactly
    - `"samples:n"`: i, and how many of n tosses of the provider's coin came up "escalate"
    - `"noisy:sd"`: i, and s plus normal noise of standard deviation sd, clipped to [0, 1]
    - `"route"`: i alone; s is hidden
    - `"model"`: (i, s), and the model that has just failed. Such a user may leave after M2 but not
      after M1; its optimum is another one (a stopping rule).
    - `"none"`: nothing

    `routing_game.envs.observation.Dial` names the theoretical target of each.

    ## Starting State

    The provider's next commitment, and a failed first pass.

    ## Rewards

    Stay: V if the next pass solves the task, minus its time. Leave: 0. In units of V; do not
        discount.

    ## Episode End

    The task is solved or the user leaves (`terminated`). A task still running after `max_passes`
    passes, the first included, is cut off, and the return of staying on to the end is added to the
    reward: the exact continuation of a user who always stays, as one who gets there has done so
    far. `truncated` then is true as well. (`terminated` stays true: the rest has been paid, nothing
    is left to bootstrap.)

    ## Information

    `reset` tells nothing. Each `step` tells

    - `regret`: U*(i, s) - U(i, s, q) for the q in {0, 1} that the action would be if held for the
      whole task, the first pass included; exact, and never negative

    and the last one of an episode also

    - `S`, `L`, `C`, `U`, `J`: solved or not, waiting time, money for passes, the user's utility and
      the provider's cost of the whole task as it happened, the first pass included
    - `task`: the same as a `routing_game.theory.Task`

    ## Arguments

    - `game`: a `Game`, the id of one in the catalog, or a mapping with the fields of a Game.
      Default "t4-cascade".
    - `observes`: what the user sees, see Observation Space. Default "strategy".
    - `provider`: an object with `act()`, a fixed `Commitment`, or None (default): i uniform on {1,
      2} and s uniform on [0, 1], so that a user learns to answer every commitment.
    - `max_passes`: passes after which a task is cut off, at least 2. Default 1000.
    - `infos`: "full" (default), "task" (that alone, at the end), or "none". The exact regret costs
      many times what the game does.
    - `render_mode`: None (default), "ansi" or "rgb_array": the Markov chain, where the task is,
      what it has cost.

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
        infos: Infos = "full",
    ) -> None:
        self.game = single_game(game)
        self.observes = observes
        self.max_passes = whole_number("max_passes", max_passes, least=2)
        self.dial = Dial.parse(observes)
        self.render_mode = check_mode(render_mode)
        self.infos = one_of("infos", infos, Infos)
        self.observation_space = self.dial.space
        self.action_space = spaces.Discrete(2)
        self.commitments = Commitments(provider)
        self.draws = 1 + self.commitments.draws + self.dial.draws
        self._user_regret = resolve_name(USER_REGRET)
        self._bills: dict[tuple[int, int, bool], dict[str, Any]] = {}
        self._streams: Streams | None = None
        self._numbers: list[tuple[float, ...]] = []
        self._fresh: tuple[float, ...] | None = None
        self._running = False
        self._task: Task | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Begin a task and fail its first pass."""
        if seed is not None:
            super().reset(seed=seed)
            self._streams, self._numbers, self._fresh = None, [], None
        # the numbers of the step that ended the last task have not begun one yet
        uniform = self._fresh or (self._numbers or self._make_numbers()).pop()
        self._fresh = None
        split = 1 + self.commitments.draws
        self._commitment = route, cascade = self.commitments.one(uniform[1:split])
        self._glimpse = self.dial.glimpse(route, cascade, uniform[split:])
        self._escalate = 1.0 if route == 2 else cascade
        self._standard, self._reasoning = 2 - route, route - 1
        self._failed = route
        self._regret: list[float] | None = None
        self._running, self._task = True, None
        return self._observe(), {}

    def step(self, action: int) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Stay for another pass, or leave."""
        if not self._running:
            raise gym.error.ResetNeeded(
                "the task has ended or not begun: call reset() before step()"
            )
        try:
            action = (STAY, LEAVE).index(action)  # an int, whatever number or array of one it was
        except ValueError:
            raise ValueError(
                f"an action is {STAY} (stay) or {LEAVE} (leave), got {action!r}"
            ) from None
        self._fresh = uniform = (self._numbers or self._make_numbers()).pop()
        if action == LEAVE:
            return self._finish(0.0, action, solved=False)
        reasons, solved = rules.next_pass(self.game.success, self._escalate, uniform[0])
        if reasons:
            self._failed, self._escalate = 2, 1.0
            self._reasoning += 1
        else:
            self._standard += 1
        reward = rules.stay_reward(self.game.value, self.game.latency, self._failed, solved)
        if solved:
            return self._finish(reward, action, solved=True)
        if self._standard + self._reasoning < self.max_passes:
            return self._observe(), reward, False, False, self._judge(action)
        return self._cut_off(reward, action)

    def _make_numbers(self) -> list[tuple[float, ...]]:
        if self._streams is None:
            self._streams = Streams(self.np_random, 1, self.draws)
        self._numbers = self._streams.scalars()
        return self._numbers

    def _judge(self, action: int) -> dict[str, Any]:
        """The regret of an action, worked out once for a task."""
        if self.infos != "full":
            return {}
        if self._regret is None:
            self._regret = self._user_regret(
                self.game, *self._commitment, np.array([0.0, 1.0])
            ).tolist()
        return {"regret": self._regret[action]}

    def _finish(
        self, reward: float, action: int, solved: bool
    ) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        outcome = self._standard, self._reasoning, solved
        bill = self._bills.get(outcome) or self._bill(outcome)
        return self._end(reward, action, bill)

    def _bill(self, outcome: tuple[int, int, bool]) -> dict[str, Any]:
        """What a task of this outcome comes to, as infos tell it; many end alike."""
        if len(self._bills) == CACHE_SIZE:
            self._bills.clear()
        standard, reasoning, solved = outcome
        bill = self._bills[outcome] = _told(
            (standard, reasoning),
            solved,
            rules.settle(self.game, (standard, reasoning), solved),
            False,
        )
        return bill

    def _cut_off(
        self, reward: float, action: int
    ) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        _, cascade = self._commitment
        tails = [payoffs(self.game, model, cascade, 0.0) for model in (1, 2)]
        tail = Payoffs(*(x + self._escalate * (y - x) for x, y in zip(*tails, strict=True)))
        passes = self._standard, self._reasoning
        bill = _told(passes, False, rules.settle(self.game, passes, False, tail), True)
        return self._end(reward + tail.utility, action, bill)

    def _end(
        self, reward: float, action: int, bill: dict[str, Any]
    ) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        self._running, self._task = False, bill["task"]
        truncated = self._task.truncated
        if self.infos == "none":
            return self._observe(), reward, True, truncated, {}
        if self.infos == "task":
            return self._observe(), reward, True, truncated, {"task": self._task}
        return self._observe(), reward, True, truncated, self._judge(action) | bill

    def render(self) -> Any:
        """The Markov chain, where the task is, and what it has cost both sides so far."""
        if not (self._running or self._task):
            raise gym.error.ResetNeeded("no task has begun: call reset() before render()")
        passes = self._standard, self._reasoning
        place, bill = f"M{self._failed}", rules.settle(self.game, passes, True)
        cost, utility = bill.service_cost, bill.utility - self.game.value
        if self._task:
            place = place if self._task.truncated else "solved" if self._task.solved else "left"
            cost, utility = self._task.cost, self._task.utility
        route, cascade = self._commitment
        scene = Scene(self.game, place, passes, cost, utility, cascade, title=f"route {route}   ")
        return render(scene, self.render_mode)

    def _observe(self) -> Array:
        return self.dial.add_model(self._glimpse, self._failed)


class UserVectorEnv(Engine):
    """Many `UserEnv` at once, one decision each per step: what `gym.make_vec` builds.

    Spaces, rewards and arguments as for `UserEnv`. Infos are arrays: `regret` for tasks that go on;
    for those that ended, all of them under `final_info`, where `task` is a dict of arrays with the
    fields of a `Task`. Environment k of a batch plays the same tasks in a batch of any size, and
    environment 0 those of `UserEnv`.

    Besides, `game` may be an array of games, shape (num_envs,), and `autoreset_mode` is "SameStep"
    (default) or "NextStep": then what ended is told at once, not under `final_info`, and the next
    step begins another task.
    """

    def __init__(
        self,
        num_envs: int = 1,
        game: Game | str | Mapping[str, Any] = "t4-cascade",
        observes: str = "strategy",
        provider: Provider | Commitment | None = None,
        max_passes: int = 1000,
        infos: Infos = "full",
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
        max_episode_steps: None = None,
        render_mode: None = None,
    ) -> None:
        refuse(max_episode_steps, render_mode)
        self.game = games(game, whole_number("num_envs", num_envs, least=1))
        single = UserEnv(
            self.game[0] if self.game.shape else self.game,
            observes,
            provider,
            max_passes,
            infos=infos,
        )
        super().__init__(num_envs, single.observation_space, single.action_space, autoreset_mode)
        self.observes, self.dial = observes, single.dial
        self.max_passes, self.infos = single.max_passes, single.infos
        self._commitments, self._draws = single.commitments, single.draws
        self._user_regret = resolve_name(USER_REGRET)
        self._rewards = _rewards(self.game)
        self._alike = isinstance(self._commitments.provider, Commitment) and not self.dial.draws
        self._counts = self.dial.sees_model or self.infos != "none"
        self._streams: Streams | None = None
        self._running = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Begin a task everywhere and fail its first pass."""
        super().reset(seed=seed)
        if seed is not None or self._streams is None:
            self._streams = Streams(self.np_random, self.num_envs, self._draws)
        n = self.num_envs
        everywhere, self._ended = np.ones(n, dtype=bool), np.zeros(n, dtype=bool)
        self._offered, self._regret = np.zeros((2, n)), np.zeros((2, n))
        self._glimpse = np.zeros((self.dial.space.shape[0] - self.dial.sees_model, n))
        self._escalate, self._waits, self._reasoning = np.zeros((3, n))
        self._until_cut = self.max_passes - 1
        self._begin(everywhere, self._streams.row(), offer=True)
        self._running = True
        return self._observe(), {}

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        """Stay for another pass, or leave, in each environment."""
        if not self._running or self._streams is None:
            raise gym.error.ResetNeeded("no task has begun: call reset() before step()")
        stay = self._stays(self.checked(actions))
        uniform, ended = self._streams.row(), self._ended
        playing = stay if self.same_step else stay & ~ended
        reasons, solved = self._wait(playing, uniform[0])
        reward = _pick(self._rewards, reasons, solved, playing)
        done = solved | ~stay
        if not self.same_step:
            done &= ~ended
        cut, tail = self._cut_off(playing, solved)
        if tail is not rules.NOTHING:
            reward += tail.utility
            done |= cut
        info = self._tell(stay, solved, cut, done, tail)
        self._begin(done if self.same_step else ended, uniform, offer=not self._alike)
        self._ended = done
        return self._observe(), reward, done, cut, info

    def _stays(self, actions: Array) -> NDArray[np.bool_]:
        if actions.dtype.kind not in "iu" or np.bitwise_or.reduce(actions) not in (STAY, LEAVE):
            raise ValueError(
                f"actions are {STAY} (stay) or {LEAVE} (leave), got {np.unique(actions)}"
            )
        stay: NDArray[np.bool_] = actions == STAY
        return stay

    def _wait(
        self, playing: NDArray[np.bool_], uniform: Array
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Run the next pass where the user stays: (by M2, solved)."""
        reasons, solved = rules.next_pass(self.game.success, self._escalate, uniform)
        reasons &= playing
        solved &= playing
        np.maximum(self._escalate, reasons, out=self._escalate)
        self._waits += playing
        if self._counts:
            self._reasoning += reasons
        return reasons, solved

    def _cut_off(
        self, playing: NDArray[np.bool_], solved: NDArray[np.bool_]
    ) -> tuple[NDArray[np.bool_], Payoffs]:
        """Who has made the last pass allowed in vain, and what to expect of them.

        The coin has yet to choose a model.

        Looked for only when somebody can have come so far: as often as the longest task so far
        leaves room for.
        """
        self._until_cut -= 1
        if self._until_cut > 0:
            return np.zeros(self.num_envs, dtype=bool), rules.NOTHING
        room = self.max_passes - 1 - self._waits
        cut: NDArray[np.bool_] = (room <= 0) & playing & ~solved
        self._until_cut = max(1, int(room.min()))
        if not cut.any():
            return cut, rules.NOTHING
        tails = (rules.rest(self.game, cut, model, self._offered[1], 0.0) for model in (1, 2))
        return cut, Payoffs(*(x + self._escalate * (y - x) for x, y in zip(*tails, strict=True)))

    def _tell(
        self,
        stay: NDArray[np.bool_],
        solved: Array,
        cut: NDArray[np.bool_],
        done: NDArray[np.bool_],
        tail: Payoffs,
    ) -> dict[str, Any]:
        """The infos: of those that go on, and of those that ended."""
        full, ends = self.infos == "full", bool(done.any())
        regret = {"regret": np.where(stay, *self._regret)} if full else {}
        final: dict[str, Any] = {}
        if ends and self.infos != "none":
            reasoning = self._reasoning.astype(np.int64)
            passes = 1 + self._waits.astype(np.int64) - reasoning, reasoning
            told = _told(passes, solved, rules.settle(self.game, passes, solved, tail), cut)
            final = (
                {**told, "task": told["task"]._asdict()}
                if full
                else {"task": told["task"]._asdict()}
            )
        if not self.same_step:
            return masked(regret, ~self._ended) | masked(final, done)
        info = masked(regret, ~done)
        if ends:
            final |= regret
            info |= masked(
                {"final_obs": self._observe(), **({"final_info": final} if final else {})}, done
            )
        return info

    def _begin(self, where: NDArray[np.bool_], uniform: Array, offer: bool) -> None:
        """New tasks ``where``, their first passes failed; with an ``offer``, new commitments."""
        put = where.astype(np.float64)
        keep = 1.0 - put
        if offer:
            self._offer(where, put, keep, uniform)
        self._escalate *= keep
        self._escalate += put * self._starts
        self._waits *= keep
        if self._counts:
            self._reasoning *= keep
            self._reasoning += put * (self._offered[0] - 1.0)

    def _offer(self, where: NDArray[np.bool_], put: Array, keep: Array, uniform: Array) -> None:
        """New commitments, and what is seen of them, where ``put`` is 1."""
        split = 1 + self._commitments.draws
        route, cascade = self._commitments(uniform[1:split], where)
        self._offered = _blend(put, (route, cascade), keep, self._offered)
        self._glimpse = _blend(
            put, self.dial.columns(route, cascade, uniform[split:]), keep, self._glimpse
        )
        self._starts = np.maximum(self._offered[1], self._offered[0] - 1.0)
        if self.infos == "full":
            self._regret = self._user_regret(self.game, *self._offered, np.array([[0.0], [1.0]]))

    def _observe(self) -> Array:
        if self.dial.sees_model:
            return np.vstack([self._glimpse, 1.0 + (self._reasoning > 0)]).T
        return self._glimpse.copy().T


def _blend(put: Array, new: Sequence[Any], keep: Array, old: Array) -> Array:
    """Each row of ``new`` where ``put`` is 1, of ``old`` where ``keep`` is; exactly.

    A product and a sum have no branches: on masks that are random they take a tenth of the time of
    `numpy.where`.
    """
    blended = old * keep
    for row, x in zip(blended, new, strict=True):
        row += put * x
    return blended


def _told(passes: Any, solved: Any, bill: Payoffs, truncated: Any) -> dict[str, Any]:
    """What infos say of a task that ended."""
    return {
        **dict(zip("SLCUJ", bill, strict=True)),
        "task": rules.record(passes, solved, bill, truncated),
    }


def _rewards(game: Game) -> Array:
    """Rewards by what happened: solved + 2 (by M2) + 4 (a pass was run), (8,) or (8, games)."""
    waits = [rules.stay_reward(game.value, game.latency, 1 + k // 2, k % 2) for k in range(4)]
    table = [0.0] * 4 + waits
    return np.array(np.broadcast_arrays(*table))


def _pick(
    rewards: Array, reasons: NDArray[np.bool_], solved: NDArray[np.bool_], played: NDArray[np.bool_]
) -> Array:
    """The rewards of what happened: one look-up, faster than the arithmetic."""
    code = solved.view(np.uint8) + 2 * reasons.view(np.uint8) + 4 * played.view(np.uint8)
    if rewards.ndim == 1:
        return rewards.take(code)
    return rewards[code, np.arange(code.size)]
