"""The provider's environment in arrays: many tasks at once, each under a commitment of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode

from routing_game.box import from_box
from routing_game.envs import rules, sampler
from routing_game.envs.arguments import Infos, batch_game, refuse_wrappers, whole_number
from routing_game.envs.batch import Engine, masked, own_arrays, refuse_mask
from routing_game.envs.encodings import BoxAction
from routing_game.envs.judge import Prospects, User
from routing_game.envs.provider import ProviderEnv
from routing_game.envs.settings import setting
from routing_game.envs.steps import Array, BatchStep, Begun, Info, Options
from routing_game.envs.streams import Ahead, Streams
from routing_game.theory.catalog import GameLike
from routing_game.theory.engines import LEAST_ENVS, EngineName, takes_compiled
from routing_game.theory.game import Game, Task
from routing_game.theory.payoffs import payoffs


class ProviderVectorEnv(Ahead, Engine):
    """Many `ProviderEnv` at once, one task each per step: what `gym.make_vec` builds.

    Actions are those of `gym.make`, `Box(-1, 1, (2,), float32)` for each task; observations and
    rewards are those of `ProviderEnv`. As every step ends every episode, the infos arrive under
    `final_info`, each an array over tasks; `task` is a dict of such arrays with the fields of a
    `Task`. Environment k of a batch plays the same tasks in a batch of any size, and environment 0
    those of `ProviderEnv`.

    Args:
        num_envs: how many tasks at once.
        game: as for `ProviderEnv`, or an array or a list of games, one for each.
        user: as for `ProviderEnv`, as are the next three.
        expected: reward minus the expected cost.
        max_passes: passes after which a task is cut off.
        infos: "full", "task" or "none".
        autoreset_mode: "SameStep", or "NextStep": then every second step begins new tasks, and the
            infos of the steps between come as they are, not under `final_info`.
        max_episode_steps: None, as `max_passes` does better.
        render_mode: None.
        engine: "numpy"; "compiled", which needs the extra `fast`; or "auto": compiled in large
            batches if it is installed. Both play the same. Compiled are the tasks and the exact
            user; the rest is numpy's.
    """

    game: Game = setting("game")
    expected: bool = setting("expected")
    max_passes: int = setting("max_passes")
    infos: Infos = setting("infos")
    compiled: bool = setting("compiled")

    def __init__(
        self,
        num_envs: int = 1,
        game: GameLike | Sequence[GameLike] = "t4-cascade",
        user: User | None = None,
        expected: bool = False,
        max_passes: int = 1000,
        infos: Infos = "full",
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
        max_episode_steps: None = None,
        render_mode: None = None,
        engine: EngineName = "auto",
    ) -> None:
        refuse_wrappers(max_episode_steps, render_mode)
        self.game = batch_game(game, whole_number("num_envs", num_envs, least=1))
        one_game = self.game[0] if self.game.shape else self.game
        single = ProviderEnv(one_game, user, expected, max_passes, infos)
        actions = BoxAction(single).action_space
        super().__init__(num_envs, single.observation_space, actions, autoreset_mode)
        self.expected = single.expected
        self.max_passes, self.infos = single.max_passes, single.infos
        self.compiled = takes_compiled(engine, self.num_envs >= LEAST_ENVS)
        self._prospects = Prospects(self.game, user, "compiled" if self.compiled else "numpy")
        self._streams: Streams | None = None
        self._ended = False

    def reset(self, *, seed: int | None = None, options: Options | None = None) -> Begun:
        """Begin a new task everywhere."""
        refuse_mask(options)
        if seed is not None:
            super().reset(seed=seed)
            self.forget()
        self._ended = False
        return self._observe(), {}

    def forget(self) -> None:
        """Drop the numbers that are made already."""
        self._streams = None

    def step(self, actions: Array) -> BatchStep:
        """Play one task to its end in each environment."""
        route, cascade = from_box(self.checked(actions))
        if self._ended:
            self._ended = False
            nowhere = np.zeros(self.num_envs, dtype=bool)
            return self._observe(), np.zeros(self.num_envs), nowhere, nowhere.copy(), {}
        self._ended = not self.same_step
        abandon = self._prospects.reply(route, cascade)
        task = self._play(route, cascade, abandon)
        cost = payoffs(self.game, route, cascade, abandon).cost if self.expected else task.cost
        everywhere = np.ones(self.num_envs, dtype=bool)
        info = masked(self._tell(route, cascade, abandon, task), everywhere)
        return self._observe(), -np.asarray(cost), everywhere, np.asarray(task.truncated), info

    def _observe(self) -> Array:
        return np.ones((self.num_envs, 1), np.float32)

    def _play(self, route: Array, cascade: Array, abandon: Array) -> Task:
        """A `Task` of arrays."""
        if self._streams is None:
            self._streams = Streams(self.np_random, self.num_envs, sampler.DRAWS, sampler.logs)
        if self.compiled and not self.game.shape:
            task = self._play_compiled(route, cascade, abandon)
            if task is not None:
                return task
        law, outcome = sampler.law_and_outcome(self.compiled)
        whole = outcome(law(self.game, route, cascade, abandon), self._streams.row())
        passes, solved, cut, model = sampler.cut_off(whole, self.max_passes)
        tail = rules.rest(self.game, cut, model, cascade, abandon)
        bill = rules.settle(self.game, passes, solved, tail)
        return rules.record(passes, solved, bill, cut)

    def _play_compiled(self, route: Array, cascade: Array, abandon: Array) -> Task | None:
        """The same, or None, and nothing has been drawn, if some task was cut off."""
        from routing_game.envs import compiled_tasks

        assert self._streams is not None
        n, game = self.num_envs, self.game
        passes, solved, cut = (
            np.empty((2, n), np.int64),
            np.empty(n, np.bool_),
            np.empty(n, np.bool_),
        )
        bill = np.empty((2, n))
        law = compiled_tasks.law(game, route, cascade, abandon, n, sampler.LONGEST)
        ready = self._streams.row()
        numbers = (game.value, game.penalty, *game.latency, *game.cost)
        if compiled_tasks.provider_tasks(
            law, *ready, self.max_passes, *numbers, passes, solved, cut, bill
        ):
            self._streams.put_back(ready)
            return None
        members: tuple[Any, ...] = (*passes, solved, *bill, cut)
        return Task(*members)

    def _tell(self, route: Array, cascade: Array, abandon: Array, task: Task) -> Info:
        info: Info = {}
        if self.infos == "full":
            info = self._prospects.judge(route, cascade, abandon)
            info["abandon"] = np.array(abandon)  # a user may keep what it answered
        if self.infos != "none":
            info["task"] = own_arrays(task._asdict())
        if not self.same_step:
            return info
        final: Info = {"final_obs": self._observe()}
        return final | {"final_info": info} if info else final
