"""The user's environment in arrays: many tasks at once, each at a decision of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from routing_game.envs import rules
from routing_game.envs.arguments import Infos, batch_game, refuse_wrappers, whole_number
from routing_game.envs.batch import Engine, masked, own_arrays, refuse_mask
from routing_game.envs.commitments import Provider
from routing_game.envs.judge import user_regret
from routing_game.envs.observation import Dial
from routing_game.envs.settings import setting
from routing_game.envs.steps import Array, BatchStep, Begun, Info, Options
from routing_game.envs.streams import Ahead, Streams
from routing_game.envs.user import LEAVE, STAY, UserEnv, told
from routing_game.theory.catalog import GameLike
from routing_game.theory.engines import LEAST_ENVS, EngineName, takes_compiled
from routing_game.theory.game import Commitment, Game
from routing_game.theory.payoffs import Payoffs

Mask = NDArray[np.bool_]

_INT64, _BOOL = np.dtype(np.int64), np.dtype(np.bool_)
_NONE = np.empty(0)


class UserVectorEnv(Ahead, Engine):
    """Many `UserEnv` at once, one decision each per step: what `gym.make_vec` builds.

    Spaces and rewards as for `UserEnv`. Infos are arrays: `regret` for tasks that go on; for those
    that ended, all of them under `final_info`, where `task` is a dict of arrays with the fields of
    a `Task`. Environment k of a batch plays the same tasks in a batch of any size, and environment
    0 those of `UserEnv`.

    Args:
        num_envs: how many tasks at once.
        game: as for `UserEnv`, or an array or a list of games, one for each.
        observes: as for `UserEnv`, as are the next three.
        provider: who commits.
        max_passes: passes after which a task is cut off.
        infos: "full", "task" or "none".
        autoreset_mode: "SameStep", or "NextStep": then what ended is told at once, not under
            `final_info`, and the next step begins another task.
        max_episode_steps: None, as `max_passes` does better.
        render_mode: None.
        engine: "numpy"; "compiled", which needs the extra `fast`; or "auto": compiled in large
            batches if it is installed. Both play the same. Compiled are steps with infos="none" of
            one game, a fixed commitment or any, and an exact observation or none; the others are
            numpy's.
    """

    game: Game = setting("game")
    observes: str = setting("observes")
    dial: Dial = setting("dial")
    max_passes: int = setting("max_passes")
    infos: Infos = setting("infos")

    def __init__(
        self,
        num_envs: int = 1,
        game: GameLike | Sequence[GameLike] = "t4-cascade",
        observes: str = "strategy",
        provider: Provider | Commitment | None = None,
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
        single = UserEnv(one_game, observes, provider, max_passes, infos=infos)
        super().__init__(num_envs, single.observation_space, single.action_space, autoreset_mode)
        self.observes, self.dial = observes, single.dial
        self.max_passes, self.infos = single.max_passes, single.infos
        self._commitments, self._draws = single.commitments, single.draws
        self._rewards = _rewards(self.game)
        self._sees_model = self.dial.sees_model
        self._alike = self._commitments.fixed and not self.dial.draws
        self._counts = self._sees_model or self.infos != "none"
        self._streams: Streams | None = None
        self._running = False
        large = self.num_envs >= LEAST_ENVS
        self._compiled: Any = None
        self._shown = 0  # how many of route and cascade a glimpse is, if it need not be kept beside
        if takes_compiled(engine, large, self._can_be_compiled()):
            from routing_game.envs import compiled_user

            self._compiled = compiled_user.user_step
            width: int = self.dial.space.shape[0] - self._sees_model
            self._shown = width if self.dial.kind != "none" else 0

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Of a copy, too, each number that a task has stands in one place, and not in two."""
        self.__dict__.update(state)
        if "_state" in state:
            self._escalate, self._waits, self._reasoning = self._state

    @property
    def even(self) -> bool:
        """Whether any commitment may come: i uniform on {1, 2}, s on [0, 1]."""
        return self._commitments.provider is None

    @property
    def compiled(self) -> bool:
        """Whether steps are played by compiled code."""
        return self._compiled is not None

    def _can_be_compiled(self) -> bool:
        decided_by_numbers = self._commitments.fixed or self._commitments.draws == 1
        drawn = self.dial.draws > 0
        return not self.game.shape and self.infos == "none" and decided_by_numbers and not drawn

    def reset(self, *, seed: int | None = None, options: Options | None = None) -> Begun:
        """Begin a task everywhere and fail its first pass."""
        refuse_mask(options)
        super().reset(seed=seed)
        if seed is not None or self._streams is None:
            self._streams = Streams(self.np_random, self.num_envs, self._draws)
        n = self.num_envs
        self._ended = np.zeros(n, dtype=bool)
        self._offered = np.zeros((2, n))
        self._regret = np.zeros((2, n))
        width = self.dial.space.shape[0] - self._sees_model
        self._glimpse = np.zeros((width, n))
        self._state = np.zeros((3, n))
        self._escalate, self._waits, self._reasoning = self._state
        self._code = np.empty(n, dtype=np.uint8)
        self._until_cut = self.max_passes - 1
        self._begin(np.ones(n, dtype=bool), self._streams.row(), offer=True)
        self._running = True
        return self._observe(), {}

    def forget(self) -> None:
        """Drop the numbers that are made already."""
        self._streams = None

    def step(self, actions: Array) -> BatchStep:
        """Stay for another pass, or leave, in each environment."""
        if not self._running or self._streams is None:
            raise gym.error.ResetNeeded("no task has begun: call reset() before step()")
        actions = self.checked(actions)
        if self._compiled and self._until_cut > 1:
            return self._step_compiled(actions)
        stay = self._stays(actions)
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
        self._ended = done if self.same_step else done.copy()  # the caller may change what it gets
        return self._observe(), reward, done, cut, info

    def _step_compiled(self, actions: Array) -> BatchStep:
        """`step` in one call, from and to the same state, where nobody is told or cut off."""
        assert self._streams is not None
        n, final = self.num_envs, None
        if actions.dtype != _INT64 or not actions.flags.carray:
            self._stays(actions)
            actions = np.array(actions, dtype=_INT64)
        if self.same_step:
            final = self._observe()
        uniform = self._streams.row()
        reward, done = np.empty(n), np.empty(n, _BOOL)
        ends = self._compiled(
            actions,
            uniform[0],
            uniform[-1],
            self._ended,
            self.same_step,
            *self.game.success,
            self._rewards,
            not self._alike,
            self._counts,
            self._state,
            self._offered,
            self._code,
            reward,
            done,
            final[:, -1] if self._sees_model and final is not None else _NONE,
        )
        if ends < 0:
            self._streams.put_back(uniform)
            self._stays(actions)  # raises
        self._until_cut -= 1
        self._ended = done if self.same_step else done.copy()  # the caller may change what it gets
        info: Info = {}
        if self.same_step and ends:
            info = {"final_obs": final, "_final_obs": done.copy()}
        return self._observe(), reward, done, np.zeros(n, _BOOL), info

    def _stays(self, actions: Array) -> Mask:
        # all bits of all actions in one number: several times as fast as comparing each
        if actions.dtype.kind not in "iu" or np.bitwise_or.reduce(actions) not in (STAY, LEAVE):
            rule = f"actions are {STAY} (stay) or {LEAVE} (leave)"
            raise ValueError(f"{rule}, got {np.unique(actions)}")
        return np.asarray(actions == STAY)

    def _wait(self, playing: Mask, uniform: Array) -> tuple[Mask, Mask]:
        """Run the next pass where the user stays: (by M2, solved)."""
        reasons, solved = rules.next_pass(self.game.success, self._escalate, uniform)
        reasons &= playing
        solved &= playing
        np.maximum(self._escalate, reasons, out=self._escalate)
        self._waits += playing
        if self._counts:
            self._reasoning += reasons
        return reasons, solved

    def _cut_off(self, playing: Mask, solved: Mask) -> tuple[Mask, Payoffs]:
        """Who has made the last pass allowed in vain, and what to expect of them.

        Looked for only when somebody can have come so far: as often as the longest task so far
        leaves room for.
        """
        self._until_cut -= 1
        if self._until_cut > 0:
            return np.zeros(self.num_envs, dtype=bool), rules.NOTHING
        room = self.max_passes - 1 - self._waits
        cut: Mask = (room <= 0) & playing & ~solved
        self._until_cut = max(1, int(room.min()))
        if not cut.any():
            return cut, rules.NOTHING
        _, cascade = self._offered
        kept, escalated = (rules.rest(self.game, cut, model, cascade, 0.0) for model in (1, 2))
        return cut, rules.before_the_coin(self._escalate, kept, escalated)

    def _tell(self, stay: Mask, solved: Array, cut: Mask, done: Mask, tail: Payoffs) -> Info:
        """The infos: of those that go on, and of those that ended."""
        ends = bool(done.any())
        regret: Info = {}
        if self.infos == "full":
            regret = {"regret": np.where(stay, *self._regret)}
        final = self._tell_end(solved, cut, tail) if ends else {}
        if not self.same_step:
            return masked(regret, ~self._ended) | masked(final, done)
        info = masked(regret, ~done)
        if ends:
            final |= own_arrays(regret)
            last: Info = {"final_obs": self._observe()}
            info |= masked(last | {"final_info": final} if final else last, done)
        return info

    def _tell_end(self, solved: Array, cut: Mask, tail: Payoffs) -> Info:
        """What infos say of the tasks if they have ended."""
        if self.infos == "none":
            return {}
        reasoning = self._reasoning.astype(np.int64)
        passes = 1 + self._waits.astype(np.int64) - reasoning, reasoning
        bill = rules.settle(self.game, passes, solved, tail)
        said = told(passes, solved, bill, cut)
        task = {"task": own_arrays(said["task"]._asdict())}
        return said | task if self.infos == "full" else task

    def _begin(self, where: Mask, uniform: Array, offer: bool) -> None:
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

    def _offer(self, where: Mask, put: Array, keep: Array, uniform: Array) -> None:
        """New commitments, and what is seen of them, where ``put`` is 1."""
        split = 1 + self._commitments.draws
        route, cascade = self._commitments.many(uniform[1:split], where)
        seen = self.dial.columns(route, cascade, uniform[split:])
        self._offered = _blend(put, (route, cascade), keep, self._offered)
        self._glimpse = _blend(put, seen, keep, self._glimpse)
        routes, cascades = self._offered
        self._starts = np.maximum(cascades, routes - 1.0)  # e: s on route 1, 1 on route 2
        if self.infos == "full":
            both = np.array([[0.0], [1.0]])
            self._regret = user_regret(self.game, routes, cascades, both)

    def _observe(self) -> Array:
        if self._shown == 2 and not self._sees_model:
            return self._offered.copy().T
        glimpse = self._offered[: self._shown] if self._shown else self._glimpse
        if self._sees_model:
            return np.vstack([glimpse, 1.0 + (self._reasoning > 0)]).T
        return glimpse.copy().T


def _blend(put: Array, new: Sequence[Any], keep: Array, old: Array) -> Array:
    """Each row of ``new`` where ``put`` is 1, of ``old`` where ``keep`` is; exactly.

    A product and a sum have no branches: on masks that are random they take a tenth of the time of
    `numpy.where`.
    """
    blended = old * keep
    for row, x in zip(blended, new, strict=True):
        row += put * x
    return blended


def _rewards(game: Game) -> Array:
    """Rewards by what happened: solved + 2 (by M2) + 4 (a pass was run), (8,) or (8, games)."""
    nothing = [0.0] * 4
    waits = [
        rules.stay_reward(game.value, game.latency, model, solved)
        for model in (1, 2)
        for solved in (0, 1)
    ]
    return np.array(np.broadcast_arrays(*nothing, *waits))


def _pick(rewards: Array, reasons: Mask, solved: Mask, played: Mask) -> Array:
    """The rewards of what happened: one look-up, faster than the arithmetic."""
    bits = (x.view(np.uint8) for x in (solved, reasons, played))  # 1 or 0, and no copy
    one, two, four = bits
    code = one + 2 * two + 4 * four
    if rewards.ndim == 1:
        return rewards.take(code)
    return rewards[code, np.arange(code.size)]
