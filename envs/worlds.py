"""Worlds: games drawn anew for each episode.

A *world* is a function from a random generator to a game: `one_of` draws a task type or a measured
pair, `hidden` a value V or a penalty P that one side does not know, `random_games` any game at all.
`WorldEnv` plays an environment in one and says which of the game's numbers the agent sees; what its
opponent knows is decided where the environment is made.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from routing_game.envs.arguments import single_game
from routing_game.envs.render import RENDER_METADATA, check_mode
from routing_game.envs.settings import setting
from routing_game.envs.steps import Begun, Options, Step
from routing_game.theory.catalog import GameLike, sample_games
from routing_game.theory.game import Game
from routing_game.theory.numbers import doubles

Array = NDArray[np.float64]
Rng = np.random.Generator
World = Callable[[Rng], Game]

NUMBERS = ("value", "penalty", "success1", "success2", "latency1", "latency2", "cost1", "cost2")
"""The names of a game's numbers, in their order."""

_TOP = float(np.finfo(np.float32).max)
_CACHED = 256


def one_of(games: Sequence[GameLike], weights: Sequence[float] | None = None) -> World:
    """One of some games, catalog ids or measured pairs; with weights w, type x has the share w_x.

    With types that differ in success this is a world of correlated retries, `theory.mixture`, to
    agents that cannot tell the types apart.

    Raises:
        ValueError: not a game, or weights that are negative, do not sum to 1, or are not one per
            game.
    """
    known = [single_game(game) for game in games]
    count = len(known)
    even = [1 / count] * count if count else []
    shares = doubles(even if weights is None else weights)
    one_each = count > 0 and shares.shape == (count,)
    if not one_each or np.any(shares < 0) or abs(shares.sum() - 1) > 1e-9:
        rule = "one_of needs games, and weights, one for each, that sum to 1"
        raise ValueError(f"{rule}, got {count} and {weights}")
    return partial(_draw_type, known, np.cumsum(shares)[:-1])


def _draw_type(known: Sequence[Game], edges: Array, rng: Rng) -> Game:
    return known[int(np.searchsorted(edges, rng.random(), side="right"))]


def hidden(game: GameLike, **ranges: tuple[float, float]) -> World:
    """A game of which V (``value``) or P (``penalty``) is drawn uniformly from a range (low, high).

    Raises:
        ValueError: another number is named, or a range is not 0 < low <= high.
    """
    base = single_game(game)
    for name, span in ranges.items():
        if name not in ("value", "penalty") or not _is_range(span):
            raise ValueError(
                f"hidden draws value or penalty from a range 0 < low <= high, got {name}={span!r}"
            )
    kept = {name: (span[0], span[1]) for name, span in ranges.items()}
    return partial(_draw_numbers, base, kept)


def _is_range(span: Any) -> bool:
    """Whether it is two numbers that the numbers of games lie between."""
    try:
        low, high = doubles(span)
    except (TypeError, ValueError):  # no numbers, or not two
        return False
    return bool(0 < low <= high < np.inf)


def _draw_numbers(base: Game, ranges: Mapping[str, tuple[float, float]], rng: Rng) -> Game:
    drawn = {name: rng.uniform(low, high) for name, (low, high) in ranges.items()}
    return dataclasses.replace(base, **drawn)  # type: ignore[arg-type]


def random_games(regime: str | None = None) -> World:
    """Any game, or any of a regime ("++", "--", "-+", "+-"): those of `theory.sample_games`."""
    return partial(_draw_any, regime)


def _draw_any(regime: str | None, rng: Rng) -> Game:
    return sample_games(1, rng, regime)[0]


def any_world(world: World | str | Sequence[GameLike] | Mapping[str, Any]) -> World:
    """The world meant by one, or by its name or arguments, as a spec read from JSON has them.

    "random" and "random:-+" mean `random_games`, a list of games or a mapping with "games" means
    `one_of`, and a mapping with "game" `hidden`.

    Raises:
        ValueError: none is meant.
    """
    if callable(world):
        return world
    if isinstance(world, str):
        kind, _, regime = world.partition(":")
        if kind == "random":
            return random_games(regime or None)
    elif isinstance(world, Mapping) and "games" in world:
        return one_of(**world)
    elif isinstance(world, Mapping) and "game" in world:
        return hidden(**world)
    elif isinstance(world, Sequence):
        return one_of(world)
    raise ValueError(
        'a world is a function from a generator to a game, "random", "random:-+", a list of games, '
        f'or a mapping with "games" or "game", got {world!r}'
    )


def numbers(game: Game) -> dict[str, float]:
    """The game's numbers by their names."""
    values = (game.value, game.penalty, *game.success, *game.latency, *game.cost)
    return dict(zip(NUMBERS, map(float, values), strict=True))


class WorldEnv(gym.Env[Array, Any]):
    """## Description

    An environment whose game is drawn anew at each reset. The agent sees what the environment
    shows, and beside it the numbers of the drawn game that `sees` names. What the opponent knows is
    decided by `make`: `ProviderEnv` alone gives it the drawn game, `lambda game: ProviderEnv(game,
    user=...)` a policy that need not look at it.

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

    That of the environment; and `game`, the game drawn, for the judge. `regret` then refers to this
    game and its optimum, which an agent that does not see all of it cannot reach.

    ## Arguments

    - `make`: a function from a game to an environment with a `Box` of observations, such as
      `ProviderEnv`, or the id of one that takes a `game`. Default "RoutingGame/Provider-v0".
    - `sampler`: a world, `one_of(...)`, `hidden(...)`, `random_games(...)`, or any function from a
      `numpy.random.Generator` to a `Game`; or what JSON can hold: the arguments of one of these as
      a mapping, a list of games, "random" (default) or "random:-+" for a regime.
    - `sees`: names of the numbers shown to the agent: "value", "penalty", "success1", "success2",
      "latency1", "latency2", "cost1", "cost2". Default none.
    - `render_mode`: None (default), "ansi" or "rgb_array", where `make` is an id; a function makes
      environments with a mode of its own.

    Bad arguments raise ValueError.

    ## References

    R. Mahmood, "Routing, Cascades, and User Choice for LLMs", ICLR 2026, section 3; section 4.2
    names tasks that differ. Worlds go beyond the paper.

    ## Version History

    - v0: first version
    """

    metadata = RENDER_METADATA

    sees: tuple[str, ...] = setting("sees")

    def __init__(
        self,
        make: Callable[[Game], gym.Env[Any, Any]] | str = "RoutingGame/Provider-v0",
        sampler: World | str | Sequence[GameLike] | Mapping[str, Any] = "random",
        sees: Sequence[str] = (),
        render_mode: str | None = None,
    ) -> None:
        if isinstance(sees, str) or not isinstance(sees, Sequence):
            raise ValueError(f"sees must be a list of names, got {sees!r}")
        if not callable(make) and not isinstance(make, str):
            raise ValueError(f"make must be a function of a game or an id, got {make!r}")
        unknown = [name for name in sees if name not in NUMBERS]
        if unknown:
            names = ", ".join(NUMBERS)
            raise ValueError(f"sees must name numbers of a game, {names}, got {unknown}")
        if callable(make) and render_mode is not None:
            raise ValueError("give the render_mode to the environments that make makes")
        self._make, self._mode = make, check_mode(render_mode)
        self._sampler, self.sees = any_world(sampler), tuple(sees)
        self._known: dict[Game, gym.Env[Any, Any]] = {}
        self.env = self._enter(self._sampler(np.random.default_rng(0)))
        self.observation_space = self._space(self.env.observation_space)
        self.action_space = self.env.action_space
        self.render_mode = self.env.render_mode

    def _space(self, inner: gym.Space[Any]) -> gym.Space[Array]:
        """The inner observations, then the numbers seen."""
        if not isinstance(inner, spaces.Box) or len(inner.shape) != 1:
            raise ValueError(
                f"make must give an environment whose observations are a vector, got {inner}"
            )
        top = np.full(len(self.sees), _TOP)
        low = np.append(inner.low.astype(float), -top)
        high = np.append(inner.high.astype(float), top)
        return spaces.Box(low, high, dtype=np.float64)

    def reset(self, *, seed: int | None = None, options: Options | None = None) -> Begun:
        """Draw a game and begin an episode of it."""
        super().reset(seed=seed)
        self.env = self._enter(self._sampler(self.np_random))
        inner_seed = int(self.np_random.integers(2**31))
        observation, info = self.env.reset(seed=inner_seed, options=options)
        return self._observe(observation), {**info, "game": dict(self._shown)}

    def step(self, action: Any) -> Step:
        """A step of the environment."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        told = {**info, "game": dict(self._shown)}
        return self._observe(observation), float(reward), terminated, truncated, told

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
            self._known[game] = self._made(game)
        return self._known[game]

    def _made(self, game: Game) -> gym.Env[Any, Any]:
        if callable(self._make):
            return self._make(game)
        return gym.make(self._make, game=game, render_mode=self._mode, disable_env_checker=True)

    def _observe(self, observation: Any) -> Array:
        shown = [self._shown[name] for name in self.sees]
        return np.append(np.asarray(observation, dtype=np.float64), shown)
