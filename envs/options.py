"""More for the provider to decide, under rules that theory solves exactly.

`OptionsEnv` lets the provider slow its models down, charge per call, and face a user who may
decline.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from routing_game.box import from_point, inside, to_chance
from routing_game.envs import rules
from routing_game.envs.arguments import checked_flag, checked_real, single_game, whole_number
from routing_game.envs.judge import ExactUser
from routing_game.envs.render import RENDER_METADATA, Scene, check_mode, place_of, render
from routing_game.envs.settings import setting
from routing_game.envs.steps import Begun, Info, Options, Step
from routing_game.theory.catalog import GameLike
from routing_game.theory.game import Game
from routing_game.theory.payoffs import payoffs

_INDIFFERENT = 1e-7
"""A user who would lose less does not decline: a box holds float32, so s is not exact."""


def priced(game: Game, price: tuple[float, float]) -> Game:
    """The game at a price f_i per call, in one unit for both: t + f (user), c - f (provider)."""
    f1, f2 = price
    (t1, t2), (c1, c2) = game.latency, game.cost
    latency = t1 + f1, t2 + f2
    cost = c1 - f1, c2 - f2
    return dataclasses.replace(game, latency=latency, cost=cost, ordered=False)


def slowed(game: Game, delay: tuple[float, float]) -> Game:
    """The game with delays added to the latencies."""
    (t1, t2), (d1, d2) = game.latency, delay
    slow1, slow2 = t1 + d1, t2 + d2
    ordered = bool(game.ordered and slow1 < slow2)
    return dataclasses.replace(game, latency=(slow1, slow2), ordered=ordered)


class OptionsEnv(gym.Env[NDArray[np.float32], Any]):
    """## Description

    `ProviderEnv` with more to decide. Besides the commitment (i, s) the provider chooses by how
    much to slow each model down; the user may decline a task that is not worth its first pass; each
    call may have a price. The user is exact: it sees the commitment, the slowed latencies and the
    prices, and answers with the q of its best response, ties for the provider.

    ## Action Space

    `Box(-1, 1, (4,), float32)`: a[0], a[1] as for `BoxAction`, then the delays of M1 and M2, from 0
    at -1 to `throttle` at 1. With `throttle=0`, `Box(-1, 1, (2,), float32)`, the commitment alone.

    ## Observation Space

    `Box(0, 1, (1,), float32)`, always 1.

    ## Starting State

    A new task.

    ## Rewards

    Minus the provider's cost J of the task, or minus the expected cost with `expected=True`. A task
    that was declined costs P.

    ## Episode End

    Each step ends the episode (`terminated`). A task cut off after `max_passes` passes is charged
    the expected rest; `truncated` then is true as well.

    ## Information

    - `S`, `L`, `C`, `U`, `J`: as for `ProviderEnv`, under the slowed latencies; 0, 0, 0, 0, P if
      declined
    - `abandon`: the user's reply q, 1 if declined
    - `declined`: whether the user took the task at all
    - `latency`: what the latencies were slowed to

    ## Arguments

    - `game`: a `Game`, the id of one in the catalog, or a mapping with the fields of a Game.
      Default "t4-cascade".
    - `throttle`: the largest delay, in the unit of V. Default 0.
    - `price`: (f1, f2), the prices of a call, fixed. Default (0, 0).
    - `decline`: whether the user may decline. Default False.
    - `expected`, `max_passes`: as for `ProviderEnv`.
    - `render_mode`: None (default), "ansi" or "rgb_array".

    Targets: `theory.throttle` (throttle large enough); `min(theory.participation(game).cost, P)`
    with `decline`; `theory.solve(priced(game, price))`.

    ## References

    R. Mahmood, "Routing, Cascades, and User Choice for LLMs", ICLR 2026, section 6 for throttling,
    section 7 for a charge per query (the paper's is in the user's utility alone). To decline a task
    goes beyond the paper, whose opt-out is to select the model.

    ## Version History

    - v0: first version
    """

    metadata = RENDER_METADATA

    game: Game = setting("game")
    throttle: float = setting("throttle")
    decline: bool = setting("decline")
    expected: bool = setting("expected")
    max_passes: int = setting("max_passes")

    def __init__(
        self,
        game: GameLike = "t4-cascade",
        throttle: float = 0.0,
        price: tuple[float, float] = (0.0, 0.0),
        decline: bool = False,
        expected: bool = False,
        max_passes: int = 1000,
        render_mode: str | None = None,
    ) -> None:
        base = single_game(game)
        if np.ndim(price) != 1 or len(price) != 2:
            raise ValueError(f"price must be a pair (f1, f2), got {price!r}")
        f1, f2 = (checked_real("price", f) for f in price)
        self.game = priced(base, (f1, f2)) if f1 or f2 else base
        self.throttle = checked_real("throttle", throttle, least=0.0)
        self.decline = checked_flag("decline", decline)
        self.expected = checked_flag("expected", expected)
        self.max_passes = whole_number("max_passes", max_passes, least=1)
        self.action_space = spaces.Box(-1.0, 1.0, (4 if throttle else 2,), np.float32)
        self.observation_space = spaces.Box(0.0, 1.0, (1,), np.float32)
        self.render_mode = check_mode(render_mode)
        self._scene = Scene(self.game, "")

    def reset(self, *, seed: int | None = None, options: Options | None = None) -> Begun:
        """Begin a new task."""
        super().reset(seed=seed)
        return np.ones(1, np.float32), {}

    def step(self, action: Any) -> Step:
        """Commit to (i, s) and the delays, and play the task to its end."""
        if np.shape(action) != self.action_space.shape:
            raise ValueError(f"an action lies in {self.action_space}, got {action!r}")
        action = inside(action)
        route, cascade = from_point(action[:2].tolist())
        game = self._slowed(action[2:])
        abandon = float(ExactUser(game).abandon(route, cascade))
        expected = payoffs(game, route, cascade, abandon)
        declined = bool(self.decline and expected.utility < -_INDIFFERENT)
        if declined:
            abandon, expected = 1.0, rules.settle(game, (0, 0), 0.0)
        self._scene = Scene(
            game,
            "left" if declined else "",
            cost=float(expected.cost),
            utility=float(expected.utility),
            cascade=cascade,
            abandon=(abandon, abandon),
            title=f"route {route}   ",
        )
        plays = not (declined or self.expected)
        cut = self._play(route, cascade, abandon) if plays else False
        info: Info = dict(zip("SLCUJ", map(float, expected), strict=True))
        info |= {"abandon": abandon, "declined": declined}
        info["latency"] = tuple(map(float, game.latency))
        return np.ones(1, np.float32), -self._scene.cost, True, cut, info

    def _slowed(self, coordinates: NDArray[np.float64]) -> Game:
        """The game with the delays chosen, if there is a choice."""
        if not coordinates.size:
            return self.game
        first, second = (self.throttle * to_chance(coordinates)).tolist()
        return slowed(self.game, (first, second))

    def render(self) -> Any:
        """The chain, slowed as the provider chose, and the last task, or what to expect of it."""
        return render(self._scene, self.render_mode)

    def _play(self, route: int, cascade: float, abandon: float) -> bool:
        """Play one task into the scene; whether it was cut off."""
        game = self._scene.game
        passes, solved, cut, model = rules.play_task(
            game.success, route, cascade, (abandon,) * 2, self.np_random.random, self.max_passes
        )
        tail = payoffs(game, model, cascade, abandon) if cut else rules.NOTHING
        bill = rules.settle(game, passes, bool(solved), tail)
        task = rules.record(passes, bool(solved), bill, bool(cut))
        self._scene = self._scene._replace(
            place=place_of(task),
            passes=(task.standard, task.reasoning),
            cost=float(task.cost),
            utility=float(task.utility),
        )
        return task.truncated
