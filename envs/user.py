"""The user's environment: after each failed pass, stay or leave."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from gymnasium import spaces

from routing_game.envs import rules
from routing_game.envs.arguments import (
    Infos,
    checked_option,
    single_game,
    whole_number,
)
from routing_game.envs.commitments import Commitments, Provider
from routing_game.envs.judge import regret_in
from routing_game.envs.observation import Dial
from routing_game.envs.render import RENDER_METADATA, Scene, check_mode, place_of, render
from routing_game.envs.sampler import PlainOutcome
from routing_game.envs.settings import setting
from routing_game.envs.steps import Array, Begun, Info, Options, Step
from routing_game.envs.streams import Ahead, Streams
from routing_game.theory.catalog import GameLike
from routing_game.theory.game import Commitment, Game, Task
from routing_game.theory.payoffs import Payoffs, payoffs

STAY, LEAVE = 0, 1

CACHE_SIZE = 4096
"""How many outcomes a UserEnv remembers."""


def told(passes: Any, solved: Any, bill: Payoffs, truncated: Any) -> Info:
    """What infos say of a task that ended, or of many.

    Args:
        passes: (passes of M1, passes of M2).
        solved: whether it was solved.
        bill: what it came to.
        truncated: whether it was cut off.
    """
    task = rules.record(passes, solved, bill, truncated)
    return {**dict(zip("SLCUJ", bill, strict=True)), "task": task}


class UserEnv(Ahead, gym.Env[Array, Any]):
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

    Stay: V if the next pass solves the task, minus its time. Leave: 0. In the unit of V; do
    not discount.

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
    - `provider`: an object with `act()`, a fixed `Commitment`, or None (default): any commitment,
      i uniform on {1, 2} and s on [0, 1], so that a user learns to answer every one.
    - `max_passes`: passes after which a task is cut off, at least 2. Default 1000.
    - `infos`: "full" (default), "task" (that alone, at the end), or "none".
    - `render_mode`: None (default), "ansi" or "rgb_array": the Markov chain, where the task is,
      what it has cost.

    Bad arguments and actions raise ValueError.

    ## References

    R. Mahmood, "Routing, Cascades, and User Choice for LLMs", ICLR 2026, sections 3 and 4.

    ## Version History

    - v0: first version
    """

    metadata = RENDER_METADATA

    game: Game = setting("game")
    observes: str = setting("observes")
    max_passes: int = setting("max_passes")
    dial: Dial = setting("dial")
    infos: Infos = setting("infos")
    commitments: Commitments = setting("commitments")
    draws: int = setting("draws")
    # the same, for steps
    _game: Game
    _max_passes: int
    _dial: Dial
    _infos: Infos
    _commitments: Commitments
    _draws: int

    def __init__(
        self,
        game: GameLike = "t4-cascade",
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
        self.infos = checked_option("infos", infos, Infos)
        self.observation_space = self.dial.space
        self.action_space = spaces.Discrete(2)
        self.commitments = Commitments(provider)
        self.draws = 1 + self.commitments.draws + self.dial.draws
        self._regret_of = regret_in(self.game)
        self._bills: dict[PlainOutcome, Info] = {}
        self._streams: Streams | None = None
        self._numbers: list[tuple[float, ...]] = []
        self._fresh: tuple[float, ...] | None = None
        self._running = False
        self._task: Task | None = None

    @property
    def even(self) -> bool:
        """Whether any commitment may come: i uniform on {1, 2}, s on [0, 1]."""
        return self.commitments.provider is None

    def reset(self, *, seed: int | None = None, options: Options | None = None) -> Begun:
        """Begin a task and fail its first pass."""
        if seed is not None:
            super().reset(seed=seed)
            self.forget()
        # the numbers of the step that ended the last task have not begun one yet
        uniform = self._fresh or self._draw()
        self._fresh = None
        split = 1 + self._commitments.draws
        self._commitment = route, cascade = self._commitments.one(uniform[1:split])
        self._glimpse = self._dial.glimpse(route, cascade, uniform[split:])
        self._escalate = 1.0 if route == 2 else cascade
        self._standard, self._reasoning = 2 - route, route - 1
        self._failed = route
        self._regret: list[float | None] = [None, None]
        self._running, self._task = True, None
        return self._observe(), {}

    def forget(self) -> None:
        """Drop the numbers that are made already."""
        self._streams, self._numbers, self._fresh = None, [], None

    def step(self, action: int) -> Step:
        """Stay for another pass, or leave."""
        if not self._running:
            raise gym.error.ResetNeeded(
                "the task has ended or not begun: call reset() before step()"
            )
        try:
            action = (STAY, LEAVE).index(action)  # an int, whatever number or array of one it was
        except ValueError:
            rule = f"an action is {STAY} (stay) or {LEAVE} (leave)"
            raise ValueError(f"{rule}, got {action!r}") from None
        self._fresh = uniform = self._draw()
        if action == LEAVE:
            return self._finish(0.0, action, solved=False)
        reasons, solved = rules.next_pass(self._game.success, self._escalate, uniform[0])
        if reasons:
            self._failed, self._escalate = 2, 1.0
            self._reasoning += 1
        else:
            self._standard += 1
        reward = rules.stay_reward(self._game.value, self._game.latency, self._failed, solved)
        if solved:
            return self._finish(reward, action, solved=True)
        if self._standard + self._reasoning < self._max_passes:
            return self._observe(), reward, False, False, self._judge(action)
        return self._cut_off(reward, action)

    def _draw(self) -> tuple[float, ...]:
        """The numbers of one step."""
        if not self._numbers:
            if self._streams is None:
                self._streams = Streams(self.np_random, 1, self._draws)
            self._numbers = self._streams.scalars()
        return self._numbers.pop()

    def _judge(self, action: int) -> Info:
        """The regret of an action, worked out once for a task."""
        if self._infos != "full":
            return {}
        regret = self._regret[action]
        if regret is None:
            regret = self._regret[action] = self._regret_of(*self._commitment, float(action))
        return {"regret": regret}

    def _finish(self, reward: float, action: int, solved: bool) -> Step:
        played = self._standard, self._reasoning, solved
        bill = self._bills.get(played) or self._bill(played)
        return self._end(reward, action, bill)

    def _bill(self, played: PlainOutcome) -> Info:
        """What a task of this outcome comes to, as infos tell it; many end alike."""
        if len(self._bills) == CACHE_SIZE:
            self._bills.clear()
        *passes, solved = played
        bill = rules.settle(self._game, passes, solved)
        self._bills[played] = told(passes, solved, bill, False)
        return self._bills[played]

    def _cut_off(self, reward: float, action: int) -> Step:
        _, cascade = self._commitment
        kept, escalated = (payoffs(self._game, model, cascade, 0.0) for model in (1, 2))
        tail = rules.before_the_coin(self._escalate, kept, escalated)
        passes = self._standard, self._reasoning
        bill = rules.settle(self._game, passes, False, tail)
        return self._end(reward + tail.utility, action, told(passes, False, bill, True))

    def _end(self, reward: float, action: int, bill: Info) -> Step:
        self._running, self._task = False, bill["task"]
        info: Info = {}
        if self._infos == "full":
            info = self._judge(action) | bill
        elif self._infos == "task":
            info = {"task": self._task}
        return self._observe(), reward, True, self._task.truncated, info

    def render(self) -> Any:
        """The Markov chain, where the task is, and what it has cost both sides so far."""
        if not (self._running or self._task):
            raise gym.error.ResetNeeded("no task has begun: call reset() before render()")
        passes = self._standard, self._reasoning
        if self._task:
            place, cost, utility = place_of(self._task), self._task.cost, self._task.utility
        else:
            so_far = rules.settle(self._game, passes, True)
            place, cost = f"M{self._failed}", so_far.service_cost
            utility = so_far.utility - self._game.value
        route, cascade = self._commitment
        scene = Scene(self._game, place, passes, cost, utility, cascade, title=f"route {route}   ")
        return render(scene, self.render_mode)

    def _observe(self) -> Array:
        return self._dial.add_model(self._glimpse, self._failed)
