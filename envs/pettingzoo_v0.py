"""## Description

The game between both sides, for PettingZoo. A provider serves the tasks of a user, one after
another. Before each task `provider_0` commits to a route i, the model that starts, and a cascade
probability s; then `user_0` sees as much of the commitment as `observes` lets it see, and answers
with q, its chance of leaving after each failed pass. The task is then played to its end by the
environment, which tosses the coins of the models, the user and the cascade. So the provider leads
and cannot go back on its word, and the user follows.

`env()` is the game turn by turn, `raw_env()` the same without PettingZoo's check of the order of
calls. In `parallel_env()` both agents act in each step but only the mover's action counts: a task
is two steps, the provider's and then the user's.

## Action Space

- `provider_0`: as `encoding` says. "box": `Box(-1, 1, (2,), float32)`, route 2 if a[0] > 0, s =
  (a[1] + 1) / 2. "grid:n": `Discrete(n + 1)`, (1, s) for n values of s, then route 2. "multi:n":
  `MultiDiscrete([2, n])`. "exact": `Tuple(Discrete(2, start=1), Box(0, 1, (), float64))`, the
  commitment itself.
- `user_0`: as `answers` says. "exact": `Box(0, 1, (1,), float32)`, q; with observes="model" `Box(0,
  1, (2,), float32)`, q after M1 and after M2. "box": `Box(-1, 1, (2,), float32)`, the provider's,
  q = (a[0] + 1) / 2, and q after M2 by a[1] with observes="model" (otherwise a[1] is of no effect).
  "grid:n": `Discrete(n)`, one of n values of q; with observes="model" `Discrete(n * n)`, number a
  meaning value a // n after M1 and value a % n after M2.

Learners that share one policy between agents, as through SuperSuit, need one space for both: take
encoding="box" and answers="box", or "grid:n" with "grid:n+1" (encoding="grid:10",
answers="grid:11").

## Observation Space

`Box(float64)` of shape (4,), the same for both:

0. what the user sees of the route: 1 or 2, or a constant 1 with observes="none"; 0 for the
   provider, and while the provider moves
1. what it sees of s: the number itself, a noisy one, or a count of tosses; 0 if it sees nothing,
   and as above
2. who moves: 1 the provider, 2 the user
3. the share of the game's tasks that are over

`state()` is what there is to know, `Box(float64)` of shape (6,): the route and s of the commitment,
what the user sees of them (each 0 while the provider moves), who moves, and the share of the tasks
that are over.

## Starting State

No task is over, the provider moves.

## Rewards

After each task minus the cost J for the provider, in the unit of P, and the utility U for the user,
in that of V: as they turned out, or with `expected=True` as expected under (i, s) and q. 0 after
the provider's moves.

## Episode End

After `tasks` tasks both agents terminate. One task still running after `max_passes` passes is cut
off and the expected rest added to what it brought, which leaves rewards unbiased.

## Information

After each task, for both agents: `commitment`, `abandon` (q after M1, q after M2) and `task`, what
happened as a `routing_game.theory.Task`.

## Arguments

- `game`: a `Game`, the id of one in the catalog, or a mapping with the fields of a Game. Default
  "t4-cascade".
- `observes`: what the user sees: "strategy" (default), "samples:n", "noisy:sd", "route", "model" or
  "none".
- `tasks`: how many tasks a game lasts. Default 100.
- `encoding`: of the provider's actions, see Action Space. Default "box".
- `answers`: of the user's actions, likewise. Default "exact".
- `expected`: rewards without noise. Default False.
- `max_passes`: passes after which a task is cut off. Default 1000.
- `render_mode`: None (default), "ansi" or "rgb_array": the Markov chain and the last task; "human":
  the same picture in a window, after each move.

Bad arguments and actions raise ValueError.

## References

R. Mahmood, "Routing, Cascades, and User Choice for LLMs", ICLR 2026, section 3.

## Version History

- v0: first version
"""

from __future__ import annotations

from typing import Any

from gymnasium import spaces

try:
    from pettingzoo import AECEnv, ParallelEnv
except ModuleNotFoundError as error:
    if error.name != "pettingzoo":
        raise
    error.add_note('PettingZoo is an extra: pip install "pettingzoo>=1.27"')
    raise
from pettingzoo.utils.wrappers import OrderEnforcingWrapper

from routing_game.envs.arguments import known_arguments
from routing_game.envs.match import AGENTS, PROVIDER, USER, Array, Match, expected_payoffs
from routing_game.envs.render import RENDER_METADATA

__all__ = ["AGENTS", "PROVIDER", "USER", "env", "expected_payoffs", "parallel_env", "raw_env"]

_METADATA = {
    **RENDER_METADATA,
    "render_modes": [*RENDER_METADATA["render_modes"], "human"],
    "name": "routing_game_v0",
}


def env(**arguments: Any) -> OrderEnforcingWrapper[str, Array, Any]:
    """The game turn by turn, with PettingZoo's check of the order of calls; arguments as above."""
    return OrderEnforcingWrapper(raw_env(**arguments))


class _Seats:
    """What both interfaces hand on to the game that is played."""

    _match: Match

    def _sit(self, arguments: dict[str, Any]) -> None:
        """Make the game, its agents and their spaces."""
        self._match = Match(**known_arguments(_METADATA["name"], Match, arguments))
        self.render_mode = arguments.get("render_mode")
        self.possible_agents = list(AGENTS)
        self.action_spaces = self._match.action_spaces
        self.observation_spaces = self._match.observation_spaces
        self.state_space = self._match.state_space

    def observation_space(self, agent: str) -> spaces.Box:
        """Where the agent's observations lie."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """Where the agent's actions lie."""
        return self.action_spaces[agent]

    def state(self) -> Array:
        """What there is to know of the game now, see Observation Space."""
        return self._match.state()

    def render(self) -> Any:
        """The Markov chain and the last task."""
        return self._match.render()

    def close(self) -> None:
        """Close the window, if there is one."""
        self._match.close()


class raw_env(_Seats, AECEnv[str, Array, Any]):  # noqa: D101  (the module's, below)
    metadata = {**_METADATA, "is_parallelizable": False}  # noqa: RUF012  (PettingZoo's type)

    def __init__(self, **arguments: Any) -> None:
        super().__init__()
        self._sit(arguments)

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Begin a new game."""
        self._match.begin(seed)
        self.agents = list(AGENTS)
        self.agent_selection = PROVIDER
        self.rewards = dict.fromkeys(AGENTS, 0.0)
        self._cumulative_rewards = dict.fromkeys(AGENTS, 0.0)
        self.terminations = dict.fromkeys(AGENTS, False)
        self.truncations = dict.fromkeys(AGENTS, False)
        self.infos: dict[str, dict[str, Any]] = {agent: {} for agent in AGENTS}

    def observe(self, agent: str) -> Array:
        """What the agent sees now."""
        return self._match.observe(agent)

    def step(self, action: Any) -> None:
        """The move of the agent whose turn it is."""
        if not self._match.begun or not self.agents:
            self._match.need_reset()
        if self.terminations[self.agent_selection]:
            self._was_dead_step(action)
            return
        self._cumulative_rewards[self.agent_selection] = 0.0
        self.rewards, info = self._match.move(action)
        self.infos = {agent: dict(info) for agent in AGENTS}
        self.terminations = dict.fromkeys(AGENTS, self._match.over)
        self.agent_selection = self._match.mover
        self._accumulate_rewards()


class parallel_env(_Seats, ParallelEnv[str, Array, Any]):  # noqa: D101  (the module's, below)
    metadata = _METADATA

    def __init__(self, **arguments: Any) -> None:
        self._sit(arguments)
        self.agents: list[str] = []

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Array], dict[str, dict[str, Any]]]:
        """Begin a new game."""
        self._match.begin(seed)
        self.agents = list(AGENTS)
        return self._observe(), {agent: {} for agent in AGENTS}

    def step(
        self, actions: dict[str, Any]
    ) -> tuple[
        dict[str, Array],
        dict[str, float],
        dict[str, bool],
        dict[str, bool],
        dict[str, dict[str, Any]],
    ]:
        """The mover's action; the other agent's is of no effect and may be left out.

        Raises:
            ValueError: the mover's action is missing.
        """
        self._match.need_reset()
        if self._match.mover not in actions:
            raise ValueError(
                f"it is the turn of {self._match.mover}, got actions of {list(actions)}"
            )
        rewards, info = self._match.move(actions[self._match.mover])
        over = self._match.over
        self.agents = [] if over else list(AGENTS)
        infos = {agent: dict(info) for agent in AGENTS}
        overs, cuts = dict.fromkeys(AGENTS, over), dict.fromkeys(AGENTS, False)
        return self._observe(), rewards, overs, cuts, infos

    def _observe(self) -> dict[str, Array]:
        return {agent: self._match.observe(agent) for agent in AGENTS}


raw_env.__doc__ = parallel_env.__doc__ = __doc__
