"""A game of many tasks between a provider and a user who both act: its rules and its state.

The interfaces of PettingZoo (`pettingzoo_v0`) say in what order who is asked.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from gymnasium.utils import seeding
from numpy.typing import NDArray

from routing_game.envs import rules
from routing_game.envs.arguments import checked_flag, single_game, whole_number
from routing_game.envs.encodings import Answers, Encoding
from routing_game.envs.observation import Dial
from routing_game.envs.render import Scene, Window, check_mode, place_of, render
from routing_game.theory.catalog import GameLike
from routing_game.theory.game import Commitment, Game, check_commitment
from routing_game.theory.payoffs import Payoffs

PROVIDER, USER = AGENTS = ("provider_0", "user_0")

Array = NDArray[np.float64]


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


class Match:
    """One game of many tasks, whosever turn it is; for the arguments see `pettingzoo_v0`."""

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
        """Whether all tasks have been played."""
        return self.played == self.tasks

    def observe(self, agent: str) -> Array:
        """What an agent sees now, see `pettingzoo_v0`."""
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
