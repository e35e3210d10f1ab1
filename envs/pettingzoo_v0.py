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

import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from gymnasium.utils import seeding
from numpy.typing import NDArray

try:
    from pettingzoo import AECEnv, ParallelEnv
except ModuleNotFoundError as error:
    if error.name != "pettingzoo":
        raise
    error.add_note('PettingZoo is an extra: pip install "pettingzoo>=1.27"')
    raise
from pettingzoo.utils.wrappers import OrderEnforcingWrapper

from routing_game.envs import rules
from routing_game.envs.arguments import checked_flag, known_arguments, single_game, whole_number
from routing_game.envs.encodings import Answers, Encoding
from routing_game.envs.observation import Dial
from routing_game.envs.render import (
    RENDER_METADATA,
    Scene,
    Window,
    check_mode,
    place_of,
    render,
)
from routing_game.theory.catalog import GameLike
from routing_game.theory.game import Commitment, Game, check_commitment
from routing_game.theory.payoffs import Payoffs

PROVIDER, USER = AGENTS = ("provider_0", "user_0")

Array = NDArray[np.float64]

_METADATA = {
    **RENDER_METADATA,
    "render_modes": [*RENDER_METADATA["render_modes"], "human"],
    "name": "routing_game_v0",
}


def env(**arguments: Any) -> OrderEnforcingWrapper[str, Array, Any]:
    """The game turn by turn, with PettingZoo's check of the order of calls; arguments as above."""
    return OrderEnforcingWrapper(raw_env(**arguments))


def expected_payoffs(game: Game, route: Any, cascade: Any, abandon: tuple[Any, Any]) -> Payoffs:
    """What is expected of (i, s) and a user who leaves with chance q1 after M1 and q2 after M2.

    With q1 = q2 this is `theory.payoffs`; the visits follow from the same chain.

    Args:
        game: one game.
        route: i.
        cascade: s.
        abandon: (q1, q2).
    """
    (k1, k2), (q1, q2) = game.failure, abandon
    starts = 2 - route  # 1 where M1 starts, 0 on route 2
    stays1, stays2 = k1 * (1 - q1), k2 * (1 - q2)
    n1 = starts / (1 - stays1 * (1 - cascade))
    n2 = (stays1 * cascade * n1 + 1 - starts) / (1 - stays2)
    solved = n1 * game.success[0] + n2 * game.success[1]
    return rules.settle(game, (n1, n2), solved)


class _Match:
    """One game of many tasks, whosever turn it is: what the two interfaces of PettingZoo share."""

    def __init__(
        self,
        game: GameLike = "t4-cascade",
        observes: str = "strategy",
        tasks: int = 100,
        encoding: str = "box",
        answers: str = "exact",
        expected: bool = False,
        max_passes: int = 1000,
        render_mode: str | None = None,
    ) -> None:
        self.game = single_game(game)
        self.dial = Dial.parse(observes)
        self.tasks = whole_number("tasks", tasks, least=1)
        self.expected = checked_flag("expected", expected)
        self.max_passes = whole_number("max_passes", max_passes, least=1)
        self.render_mode = None if render_mode == "human" else check_mode(render_mode)
        self.window = Window() if render_mode == "human" else None
        coded, answered = Encoding.parse(encoding), Answers.parse(answers, self.dial.sees_model)
        self._decode = {PROVIDER: coded.decode, USER: answered.decode}
        self.action_spaces = {PROVIDER: coded.space, USER: answered.space}
        most_seen = self.dial.number if self.dial.kind == "samples" else 1.0
        top = np.array([2.0, most_seen, 2.0, 1.0])
        self.observation_spaces = {
            agent: spaces.Box(np.zeros(4), top, dtype=np.float64) for agent in AGENTS
        }
        high = np.array([2.0, 1.0, 2.0, most_seen, 2.0, 1.0])
        self.state_space = spaces.Box(np.zeros(6), high, dtype=np.float64)
        self.rng, _ = seeding.np_random()
        self.begun = False
        self._clear()

    def begin(self, seed: int | None) -> None:
        """A new game; a seed starts the randomness afresh."""
        if seed is not None:
            self.rng, _ = seeding.np_random(seed)
        self.begun = True
        self._clear()
        self._show()

    def _clear(self) -> None:
        self.played = 0
        self.mover = PROVIDER
        self.commitment: Commitment | None = None
        self.scene = Scene(self.game, "")
        self._seen = np.zeros(2)

    @property
    def over(self) -> bool:
        return self.played == self.tasks

    def observe(self, agent: str) -> Array:
        seen = self._seen if agent == USER else np.zeros(2)
        return np.array([*seen, 1.0 + (self.mover == USER), self.played / self.tasks])

    def state(self) -> Array:
        """All that what follows depends on, but for the coins."""
        commitment = self.commitment if self.mover == USER and self.commitment else (0.0, 0.0)
        return np.array([*commitment, *self._seen, *self.observe(PROVIDER)[2:]])

    def need_reset(self) -> None:
        """Raise ResetNeeded unless a game has begun and is not over."""
        if not self.begun or self.over:
            raise ResetNeeded("the game has ended or not begun: call reset() before step()")

    def move(self, action: Any) -> tuple[dict[str, float], dict[str, Any]]:
        """The mover's move; rewards of both, and what happened (nothing after the provider's)."""
        self.need_reset()
        moved = self._commit(action) if self.mover == PROVIDER else self._answer(action)
        self._show()
        return moved

    def _show(self) -> None:
        if self.window is not None:
            self.window.show(self.scene)

    def render(self) -> Any:
        """The scene, unless it is shown in a window all along."""
        return render(self.scene, self.render_mode) if self.window is None else None

    def close(self) -> None:
        """Close the window, if there is one."""
        if self.window is not None:
            self.window.close()

    def _commit(self, action: Any) -> tuple[dict[str, float], dict[str, Any]]:
        route, cascade = self._decoded(PROVIDER, action)
        check_commitment(route, cascade)
        self.commitment = Commitment(route, cascade)
        self._seen = np.zeros(2)
        glimpse = self.dial.glimpse(route, cascade, self.rng.random(self.dial.draws))
        self._seen[: glimpse.size] = glimpse
        self.mover = USER
        return dict.fromkeys(AGENTS, 0.0), {}

    def _answer(self, action: Any) -> tuple[dict[str, float], dict[str, Any]]:
        answer = self._decoded(USER, action)
        assert self.commitment is not None  # the provider moves first
        bill, info = self._play(*self.commitment, answer)
        self.played += 1
        self.mover, self._seen = PROVIDER, np.zeros(2)
        return {PROVIDER: -float(bill.cost), USER: float(bill.utility)}, info

    def _decoded(self, agent: str, action: Any) -> tuple[Any, Any]:
        """What an agent's action means; ValueError if it is not in the agent's space."""
        space = self.action_spaces[agent]
        try:
            if space.shape is not None and np.size(action) != np.prod(space.shape):
                raise TypeError
            return self._decode[agent](action)
        except (TypeError, ValueError, IndexError):
            raise ValueError(f"{agent} acts in {space}, got {action!r}") from None

    def _play(
        self, route: int, cascade: float, q: tuple[float, float]
    ) -> tuple[Payoffs, dict[str, Any]]:
        game = self.game
        passes, solved, cut, model = rules.play_task(
            game.success, route, cascade, q, self.rng.random, self.max_passes
        )
        tail = expected_payoffs(game, model, cascade, q) if cut else rules.NOTHING
        bill = rules.settle(game, passes, bool(solved), tail)
        task = rules.record(passes, bool(solved), bill, bool(cut))
        self.scene = Scene(
            game,
            place_of(task),
            (task.standard, task.reasoning),
            task.cost,
            task.utility,
            cascade,
            q,
            title=f"task {self.played + 1} of {self.tasks}   route {route}   ",
        )
        reward = expected_payoffs(game, route, cascade, q) if self.expected else bill
        return reward, {"commitment": self.commitment, "abandon": q, "task": task}


class raw_env(AECEnv[str, Array, Any]):  # noqa: D101  (the module's, below)
    metadata = {**_METADATA, "is_parallelizable": False}  # noqa: RUF012  (PettingZoo's type)

    def __init__(self, **arguments: Any) -> None:
        super().__init__()
        self._match = _Match(**known_arguments(_METADATA["name"], _Match, arguments))
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

    def state(self) -> Array:
        """What there is to know of the game now, see Observation Space."""
        return self._match.state()

    def render(self) -> Any:
        """The Markov chain and the last task."""
        return self._match.render()

    def close(self) -> None:
        """Close the window, if there is one."""
        self._match.close()


class parallel_env(ParallelEnv[str, Array, Any]):  # noqa: D101  (the module's, below)
    metadata = _METADATA

    def __init__(self, **arguments: Any) -> None:
        self._match = _Match(**known_arguments(_METADATA["name"], _Match, arguments))
        self.render_mode = arguments.get("render_mode")
        self.possible_agents = list(AGENTS)
        self.agents: list[str] = []
        self.action_spaces = self._match.action_spaces
        self.observation_spaces = self._match.observation_spaces
        self.state_space = self._match.state_space

    def observation_space(self, agent: str) -> spaces.Box:
        """Where the agent's observations lie."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """Where the agent's actions lie."""
        return self.action_spaces[agent]

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

    def state(self) -> Array:
        """What there is to know of the game now, see Observation Space."""
        return self._match.state()

    def render(self) -> Any:
        """The Markov chain and the last task."""
        return self._match.render()

    def close(self) -> None:
        """Close the window, if there is one."""
        self._match.close()

    def _observe(self) -> dict[str, Array]:
        return {agent: self._match.observe(agent) for agent in AGENTS}


raw_env.__doc__ = parallel_env.__doc__ = __doc__
