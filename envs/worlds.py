"""Worlds: games drawn anew for each episode, and provider options that theory solves exactly.

A *world* is a function from a random generator to a game: `one_of` draws a task type or a measured pair, `hidden` a
value V or a penalty P that one side does not know, `random_games` any game at all. `WorldEnv` plays an environment in
one and says which of the game's numbers the agent sees; what its opponent knows is decided where the environment is
made. `OptionsEnv` lets the provider slow its models down, charge per call, and face a user who may decline.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pkgutil import resolve_name
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from routing_game.envs import rules
from routing_game.envs.arguments import EXACT_USER, single_game, whole_number
from routing_game.envs.render import RENDER_METADATA, Scene, check_mode, render
from routing_game.envs.wrappers import from_box
from routing_game.theory.game import Game
from routing_game.theory.payoffs import payoffs

Array = NDArray[np.float64]
World = Callable[[np.random.Generator], Game]

RANDOM_GAMES = "routing_game.theory:sample_games"
NUMBERS = ("value", "penalty", "success1", "success2", "latency1", "latency2", "cost1", "cost2")
"""The names of a game's numbers, in their order."""

_TOP = float(np.finfo(np.float32).max)
_CACHED = 256


def one_of(games: Sequence[Game | str | Mapping[str, Any]], weights: Sequence[float] | None = None) -> World:
    """One of some games, ids in the catalog or measured pairs; with weights w, type x has the share w_x.

    With types that differ in success this is a world of correlated retries, `theory.mixture`, to agents that cannot
    tell the types apart.

    Raises:
        ValueError: not a game, or weights that are negative, do not sum to 1, or are not one per game.
    """
    known = [single_game(game) for game in games]
    shares = np.full(len(known), 1 / max(len(known), 1)) if weights is None else np.asarray(weights, dtype=float)
    if not known or shares.shape != (len(known),) or np.any(shares < 0) or abs(shares.sum() - 1) > 1e-9:
        raise ValueError(
            f"one_of needs games, and weights, one for each, that sum to 1, got {len(known)} and {weights}"
        )
    edges = np.cumsum(shares)[:-1]
    return lambda rng: known[int(np.searchsorted(edges, rng.random(), side="right"))]


def hidden(game: Game | str | Mapping[str, Any], **ranges: tuple[float, float]) -> World:
    """A game of which V (``value``) or P (``penalty``) is drawn uniformly from a range (low, high).

    Raises:
        ValueError: another number is named, or a range is not 0 < low <= high.
    """
    base = single_game(game)
    for name, span in ranges.items():
        if name not in ("value", "penalty") or not 0 < span[0] <= span[1] < np.inf:
            raise ValueError(f"hidden draws value or penalty from a range 0 < low <= high, got {name}={span!r}")

    def draw(rng: np.random.Generator) -> Game:
        drawn: dict[str, Any] = {name: rng.uniform(*span) for name, span in ranges.items()}
        return dataclasses.replace(base, **drawn)

    return draw


def random_games(regime: str | None = None) -> World:
    """Any game, or any of a regime ("++", "--", "-+", "+-"): those of `theory.sample_games`."""
    sample = resolve_name(RANDOM_GAMES)
    return lambda rng: sample(1, rng, regime)[0]


def numbers(game: Game) -> dict[str, float]:
    """The game's numbers by their names."""
    values = (game.value, game.penalty, *game.success, *game.latency, *game.cost)
    return dict(zip(NUMBERS, map(float, values), strict=True))


class WorldEnv(gym.Env[Array, Any]):
    """## Description

    An environment whose game is drawn anew at each reset. The agent sees what the environment shows, and beside it the
    numbers of the drawn game that `sees` names. What the opponent knows is decided by `make`: `ProviderEnv` alone
    gives it the drawn game, `lambda game: ProviderEnv(game, user=...)` a policy that need not look at it.

    ## Action Space

    That of the environments that `make` makes.

    ## Observation Space

    `Box(float64)`: their observation, then the numbers in `sees`.

    ## Starting State

    A game drawn by `sampler`, and the environment's own start.

    ## Rewards

    Those of the environment.

    ## Episode End

    That of the environment.

    ## Information

    That of the environment; and `game`, the game drawn, for the judge. `regret` then refers to this game and its
    optimum, which an agent that does not see all of it cannot reach.

    ## Arguments

    - `make`: a function from a game to an environment with a `Box` of observations, such as `ProviderEnv`.
    - `sampler`: a world, `one_of(...)`, `hidden(...)`, `random_games(...)`, or any function from a
      `numpy.random.Generator` to a `Game`.
    - `sees`: names of the numbers shown to the agent: "value", "penalty", "success1", "success2", "latency1",
      "latency2", "cost1", "cost2". Default none.

    Bad arguments raise ValueError.

    ## References

    R. Mahmood, "Routing, Cascades, and User Choice for LLMs", ICLR 2026, section 3. Worlds go beyond the paper.

    ## Version History

    - v0: first version
    """

    metadata = RENDER_METADATA

    def __init__(self, make: Callable[[Game], gym.Env[Any, Any]], sampler: World, sees: Sequence[str] = ()) -> None:
        unknown = [name for name in sees if name not in NUMBERS]
        if unknown:
            raise ValueError(f"sees must name numbers of a game, {', '.join(NUMBERS)}, got {unknown}")
        self._make, self._sampler, self.sees = make, sampler, tuple(sees)
        self._known: dict[Game, gym.Env[Any, Any]] = {}
        self.env = self._enter(sampler(np.random.default_rng(0)))
        inner = self.env.observation_space
        if not isinstance(inner, spaces.Box) or len(inner.shape) != 1:
            raise ValueError(f"make must give an environment whose observations are a vector, got {inner}")
        top = np.full(len(self.sees), _TOP)
        low, high = np.append(inner.low.astype(float), -top), np.append(inner.high.astype(float), top)
        self.observation_space = spaces.Box(low, high, dtype=np.float64)
        self.action_space = self.env.action_space
        self.render_mode = self.env.render_mode

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """Draw a game and begin an episode of it."""
        super().reset(seed=seed)
        self.env = self._enter(self._sampler(self.np_random))
        observation, info = self.env.reset(seed=int(self.np_random.integers(2**31)), options=options)
        return self._observe(observation), {**info, "game": dict(self._shown)}

    def step(self, action: Any) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """A step of the environment."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return self._observe(observation), float(reward), terminated, truncated, {**info, "game": dict(self._shown)}

    def render(self) -> Any:
        """The environment's picture, in the `render_mode` that `make` gave it."""
        return self.env.render()

    def _enter(self, game: Game) -> gym.Env[Any, Any]:
        if not isinstance(game, Game) or game.shape:
            raise ValueError(f"a sampler must give a single Game, got {game!r}")
        self._shown = numbers(game)
        if game not in self._known:
            if len(self._known) == _CACHED:
                self._known.clear()
            self._known[game] = self._make(game)
        return self._known[game]

    def _observe(self, observation: Any) -> Array:
        return np.append(np.asarray(observation, dtype=np.float64), [self._shown[name] for name in self.sees])


def priced(game: Game, price: tuple[float, float]) -> Game:
    """The game at a price f_i per call, in a unit common to both sides: t + f for the user, c - f for the provider."""
    (t1, t2), (c1, c2), (f1, f2) = game.latency, game.cost, price
    return dataclasses.replace(game, latency=(t1 + f1, t2 + f2), cost=(c1 - f1, c2 - f2), ordered=False)


def slowed(game: Game, delay: tuple[float, float]) -> Game:
    """The game with delays added to the latencies."""
    latency = (game.latency[0] + delay[0], game.latency[1] + delay[1])
    return dataclasses.replace(game, latency=latency, ordered=bool(game.ordered and latency[0] < latency[1]))


class OptionsEnv(gym.Env[NDArray[np.float32], Any]):
    """## Description

    `ProviderEnv` with more to decide. Besides the commitment (i, s) the provider chooses by how much to slow each
    model down; the user may decline a task that is not worth its first pass; each call may have a price. The user is
    exact: it sees the commitment, the slowed latencies and the prices, and answers with the q of its best response,
    ties for the provider.

    ## Action Space

    `Box(-1, 1, (4,), float32)`: a[0], a[1] as for `BoxAction`, then the delays of M1 and M2, from 0 at -1 to
    `throttle` at 1. With `throttle=0`, `Box(-1, 1, (2,), float32)`, the commitment alone.

    ## Observation Space

    `Box(0, 1, (1,), float32)`, always 1.

    ## Starting State

    A new task.

    ## Rewards

    Minus the provider's cost J of the task, or minus the expected cost with `expected=True`. A task that was declined
    costs P.

    ## Episode End

    Each step ends the episode (`terminated`). A task cut off after `max_passes` passes is charged the expected rest;
    `truncated` then is true as well.

    ## Information

    - `S`, `L`, `C`, `U`, `J`: as for `ProviderEnv`, under the slowed latencies; 0, 0, 0, 0, P if declined
    - `abandon`: the user's reply q, 1 if declined
    - `declined`: whether the user took the task at all
    - `latency`: what the latencies were slowed to

    ## Arguments

    - `game`: a `Game`, the id of one in the catalog, or a mapping with the fields of a Game. Default "t4-cascade".
    - `throttle`: the largest delay, in the unit of V. Default 0.
    - `price`: (f1, f2), the prices of a call, fixed. Default (0, 0).
    - `opt_out`: whether the user may decline. Default False.
    - `expected`, `max_passes`: as for `ProviderEnv`.
    - `render_mode`: None (default), "ansi" or "rgb_array".

    Targets: `theory.throttle` (throttle large enough); `min(theory.participation(game).cost, P)` with `opt_out`;
    `theory.solve(priced(game, price))`.

    ## References

    R. Mahmood, "Routing, Cascades, and User Choice for LLMs", ICLR 2026, section 6 for throttling. The other options go
    beyond the paper.

    ## Version History

    - v0: first version
    """

    metadata = RENDER_METADATA

    def __init__(
        self,
        game: Game | str | Mapping[str, Any] = "t4-cascade",
        throttle: float = 0.0,
        price: tuple[float, float] = (0.0, 0.0),
        opt_out: bool = False,
        expected: bool = False,
        max_passes: int = 1000,
        render_mode: str | None = None,
    ) -> None:
        if not 0 <= throttle < np.inf:
            raise ValueError(f"throttle must be a delay, at least 0, got {throttle!r}")
        base = single_game(game)
        self.game = priced(base, price) if any(price) else base
        self.throttle, self.opt_out, self.expected = float(throttle), opt_out, expected
        self.max_passes = whole_number("max_passes", max_passes, least=1)
        self.action_space = spaces.Box(-1.0, 1.0, (4 if throttle else 2,), np.float32)
        self.observation_space = spaces.Box(0.0, 1.0, (1,), np.float32)
        self.render_mode = check_mode(render_mode)
        self._exact_user = resolve_name(EXACT_USER)
        self._scene = Scene(self.game, "")

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin a new task."""
        super().reset(seed=seed)
        return np.ones(1, np.float32), {}

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Commit to (i, s) and the delays, and play the task to its end."""
        action = np.asarray(action, dtype=np.float64)
        if action.shape != self.action_space.shape:
            raise ValueError(f"an action lies in {self.action_space}, got {action!r}")
        routes, cascades = from_box(action[:2])
        route, cascade = int(routes), float(cascades)
        delay = self.throttle * (action[2:] + 1) / 2
        game = slowed(self.game, (float(delay[0]), float(delay[1]))) if delay.size else self.game
        abandon = float(self._exact_user(game).abandon(route, cascade))
        expected = payoffs(game, route, cascade, abandon)
        declined = bool(self.opt_out and expected.utility < -1e-7)  # a box holds float32
        if declined:
            abandon, expected = 1.0, rules.settle(game, (0, 0), 0.0)
        self._scene = Scene(
            game, "left" if declined else "", (0, 0), float(expected.cost), float(expected.utility), cascade,
            (abandon, abandon), f"route {route}   ",
        )  # fmt: skip
        cut = False if declined or self.expected else self._play(route, cascade, abandon)
        info: dict[str, Any] = dict(zip("SLCUJ", map(float, expected), strict=True))
        info |= {"abandon": abandon, "declined": declined, "latency": tuple(map(float, game.latency))}
        return np.ones(1, np.float32), -self._scene.cost, True, cut, info

    def render(self) -> Any:
        """The Markov chain, slowed as the provider chose, and the last task (with `expected=True` its expectation)."""
        return render(self._scene, self.render_mode)

    def _play(self, route: int, cascade: float, abandon: float) -> bool:
        """Play one task into the scene; whether it was cut off."""
        game = self._scene.game
        passes, solved, cut, model = rules.play_task(
            game.success, route, cascade, abandon, self.np_random.random, self.max_passes
        )
        tail = payoffs(game, model, cascade, abandon) if cut else rules.NOTHING
        bill = rules.settle(game, passes, bool(solved), tail)
        place = "solved" if solved else "left" if not cut else "M2" if passes[1] else "M1"
        self._scene = self._scene._replace(
            place=place, passes=(passes[0], passes[1]), cost=float(bill.cost), utility=float(bill.utility)
        )
        return bool(cut)
