"""Any number of models: the task as an absorbing Markov chain, and what is linear in its visits.

Model j solves the task with probability p_j per pass; after a failure the user leaves with
probability q_j, or else model k follows with probability R_jk. With k_j = 1 - p_j, a discount delta
per pass and e the distribution of the first model, the expected (discounted) numbers of passes are

    n = e' (I - delta diag(k (1 - q)) R)^(-1)

and S = n.p, L = n.t, C = n.c, A = n.(k q), U = n.(V p - t), J = C + P A. Undiscounted, A = 1 - S.
Any R goes: escalation, de-escalation, skipping. Two models with R = [[1-s, s], [0, 1]] are the
paper's game. Visits come without cancellation (`absorbing`), so that p may be as small as it likes.
(Section 7 of the paper names more models and a charge per query; the solution goes beyond it.)

Time enters by `unroll`: a pass of model j in round r is a model of its own, so value, success,
latency, cost and R may all change with the attempt. A price f per call turns t into t + f and c
into c - f.
"""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from routing_game.theory import absorbing
from routing_game.theory.game import LARGEST, LEAST, UNITS, Game
from routing_game.theory.numbers import (
    Array,
    Unchanging,
    difference,
    doubles,
    frozen,
    plain,
    require,
)
from routing_game.theory.payoffs import Payoffs

_SUM = 1e-9


@dataclass(frozen=True, eq=False)
class Chain(Unchanging):
    """One routing game with N models, or an array of them; leading dimensions broadcast.

    Args:
        value: V > 0, a number or (..., N): what a task is worth to the user, by the model that
            solves it.
        penalty: P > 0, (...): what an abandoned task costs the provider.
        success: p, (..., N), chance that a pass solves the task, in (0, 1].
        latency: t, (..., N), delay of one pass in units of value, at least 0.
        cost: c, (..., N), the provider's price of one pass in units of penalty; may be negative.
        escalation: R, (..., N, N), chance that the row's model, having failed, is followed by the
            column's.
        discount: delta in (0, 1], (...): weight of the next pass relative to this one, for both
            sides.

    Every member is stored as an array of full shape.

    Raises:
        ValueError: a number is not finite or out of range, a row of R does not sum to 1, or shapes
            do not broadcast. Doubles could overflow beyond 1e100, or with V, P or p below 1e-100.

    Example:
        >>> success, latency, cost = (0.3, 0.5, 0.8), (0.2, 0.3, 0.5), (0.1, 0.2, 0.6)
        >>> chain = Chain(1.0, 1.5, success, latency, cost, ladder([0.5, 0.3]))
        >>> round(evaluate(chain, start=1, abandon=0.2).cost, 4)
        0.6705
    """

    value: Any
    penalty: Any
    success: Any
    latency: Any
    cost: Any
    escalation: Any
    discount: Any = 1.0

    def __post_init__(self) -> None:
        arrays = {f.name: _numbers(f.name, getattr(self, f.name)) for f in fields(self)}
        for name, x in arrays.items():
            require(np.isfinite(x), name, x, "be finite")
            require(np.abs(x) <= LARGEST, name, x, f"stay within {LARGEST:g} {UNITS}")
        _check_ranges(arrays)
        for name, x in _broadcast(arrays).items():
            object.__setattr__(self, name, x)

    @classmethod
    def of(cls, game: Game, cascade: Any, discount: Any = 1.0) -> Chain:
        """The paper's game under the cascade probability s, as a chain; games and s broadcast."""
        pairs = game.success, game.latency, game.cost
        success, latency, cost = (np.stack(np.broadcast_arrays(*pair), axis=-1) for pair in pairs)
        matrix = ladder(doubles(cascade)[..., None])
        return cls(
            np.asarray(game.value)[..., None],
            game.penalty,
            success,
            latency,
            cost,
            matrix,
            discount,
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """The leading dimensions: () for a single chain."""
        return tuple(self.success.shape[:-1])

    @property
    def models(self) -> int:
        """N."""
        return int(self.success.shape[-1])

    @property
    def net_value(self) -> Array:
        """Xi = V p - t, (..., N): what one pass is worth to the user; 0 if 0 up to rounding."""
        return np.asarray(difference(self.value * self.success, self.latency))

    @property
    def failure(self) -> Array:
        """K = 1 - p, (..., N)."""
        return np.asarray(1 - self.success)

    @property
    def step(self) -> Array:
        """Delta diag(k) R, (..., N, N): weight of the next model if the user always stays."""
        return np.asarray((self.discount[..., None] * self.failure)[..., None] * self.escalation)

    @property
    def stop(self) -> Array:
        """1 - delta k, (..., N), without cancellation: weight of no next pass if the user stays."""
        return np.asarray((1 - self.discount)[..., None] + self.discount[..., None] * self.success)

    def priced(self, price: Any) -> Chain:
        """The same chain at a price f per call, (..., N), in a unit common to both sides.

        The user's t becomes t + f, the provider's c becomes c - f.
        """
        return replace(self, latency=self.latency + price, cost=self.cost - price)

    def start(self, first: Any) -> Array:
        """The distribution e, (..., N), of the first model, from its number, 1 to N, or from e.

        Raises:
            ValueError: no such model, or the chances are negative or do not sum to 1.
        """
        rule = f"be a model from 1 to {self.models}"
        if isinstance(first, bool | np.bool_ | str):
            raise ValueError(f"start must {rule}, got {first!r}")
        e = doubles(first)
        if e.ndim == 0:
            require(np.isin(e, np.arange(1, self.models + 1)), "start", e, rule)
            e = np.eye(self.models)[int(e) - 1]
        elif e.shape[-1] != self.models:
            rule = f"have one chance for each of {self.models} models"
            raise ValueError(f"start must {rule}, got shape {e.shape}")
        require(e >= 0, "start", e, "hold probabilities")
        require(np.abs(e.sum(axis=-1) - 1) < _SUM, "the sum of start", e.sum(axis=-1), "be 1")
        return np.broadcast_to(e, np.broadcast_shapes(self.success.shape, e.shape))


def ladder(cascade: Any) -> Array:
    """The matrix R, (..., N, N), that climbs: from j to j + 1 with probability s_j, else again j.

    The s_j are (..., N-1); a number is the s of two models.

    Raises:
        ValueError: a probability lies outside [0, 1].
    """
    s = np.atleast_1d(doubles(cascade))
    require((s >= 0) & (s <= 1), "cascade", s, "lie in [0, 1]")
    rungs = s.shape[-1]
    matrix = np.zeros((*s.shape[:-1], rungs + 1, rungs + 1))
    j = np.arange(rungs)
    matrix[..., j, j], matrix[..., j, j + 1] = 1 - s, s
    matrix[..., rungs, rungs] = 1.0
    return matrix


def unroll(rounds: Sequence[Chain]) -> Chain:
    """One chain for a game that changes with the attempt.

    ``rounds[r]`` rules attempt r + 1, the last one all later attempts too. The chain's models are
    numbered round by round: model j in round r (from 0) is r N + j. ``rounds[r].escalation`` leads
    into the next round. Penalty and discount are those of the last round and must agree.

    Raises:
        ValueError: no round, or the rounds differ in number of models, penalty or discount.
    """
    check_rounds(rounds)
    last, models = rounds[-1], rounds[-1].models
    shape = np.broadcast_shapes(*(chain.shape for chain in rounds))
    full = (*shape, models)
    value, success, latency, cost = (
        np.concatenate([np.broadcast_to(getattr(chain, name), full) for chain in rounds], axis=-1)
        for name in ("value", "success", "latency", "cost")
    )
    escalation = np.zeros((*shape, models * len(rounds), models * len(rounds)))
    for r, chain in enumerate(rounds):
        to = min(r + 1, len(rounds) - 1) * models
        escalation[..., r * models : (r + 1) * models, to : to + models] = chain.escalation
    return Chain(value, last.penalty, success, latency, cost, escalation, last.discount)


def visits(chain: Chain, start: Any, abandon: Any) -> Array:
    """Expected discounted passes n, (..., N); see `evaluate` for the arguments."""
    q = doubles(abandon)
    require((q >= 0) & (q <= 1), "abandon", q, "lie in [0, 1]")
    e = chain.start(start)
    try:
        shape = np.broadcast_shapes(e.shape, q.shape)
    except ValueError:
        rule = f"broadcast against {e.shape} (models last)"
        raise ValueError(f"abandon must {rule}, got shape {q.shape}") from None
    q, e, stop = (np.broadcast_to(x, shape) for x in (q, e, chain.stop))
    step = (1 - q)[..., None] * chain.step
    return absorbing.visits(step, q + (1 - q) * stop, e[..., None, :])[..., 0, :]


def evaluate(chain: Chain, start: Any, abandon: Any) -> Payoffs:
    """S, L, C, U, J, each (...), if the user leaves with probability q_j after model j has failed.

    Args:
        chain: the game and the provider's escalation matrix.
        start: the model that serves first (1 to N), or a distribution over models, (..., N).
        abandon: q, broadcast against (..., N): a number, (..., 1) for one q per chain, (..., N) for
            one per model; on an `unroll`-ed chain one per round is ``np.repeat(q, N, axis=-1)``.

    Raises:
        ValueError: a probability is out of range, or a shape does not fit.
    """
    abandon = doubles(abandon)
    n = visits(chain, start, abandon)
    abandoned = (n * chain.failure * abandon).sum(axis=-1)
    per_pass = chain.success, chain.latency, chain.cost, chain.net_value
    success, latency, service_cost, utility = ((n * x).sum(axis=-1) for x in per_pass)
    cost = service_cost + chain.penalty * abandoned
    return Payoffs(*(plain(x) for x in (success, latency, service_cost, utility, cost)))


def check_rounds(rounds: Sequence[Chain]) -> None:
    """Raise ValueError unless there are rounds, alike in number of models, penalty and discount."""
    if isinstance(rounds, Chain) or not rounds:
        raise ValueError("rounds must be a sequence of at least one chain, such as [chain]")
    for name in ("models", "penalty", "discount"):
        first, *rest = (getattr(chain, name) for chain in rounds)
        if any(np.any(first != other) for other in rest):
            every = [getattr(chain, name) for chain in rounds]
            raise ValueError(f"all rounds must have the same {name}, got {every}")


def _numbers(name: str, x: Any) -> Array:
    try:
        return np.asarray(frozen(np.array(doubles(x))))
    except ValueError:
        got = reprlib.repr(x)
        raise ValueError(f"{name} must be a number or an array of numbers, got {got}") from None


def _check_ranges(x: dict[str, Array]) -> None:
    require(x["value"] > 0, "value", x["value"], "be positive")
    require(x["penalty"] > 0, "penalty", x["penalty"], "be positive")
    for name in ("value", "penalty", "success"):
        smallest = (x[name] <= 0) | (x[name] >= LEAST)  # what is not positive is refused as that
        require(smallest, name, x[name], f"be at least {LEAST:g} {UNITS}")
    p = x["success"]
    require((p > 0) & (p <= 1), "success", p, "lie in (0, 1] (a probability, not a percentage)")
    require(x["latency"] >= 0, "latency", x["latency"], "be at least 0")
    require((x["discount"] > 0) & (x["discount"] <= 1), "discount", x["discount"], "lie in (0, 1]")
    r = x["escalation"]
    if r.ndim < 2 or r.shape[-1] != r.shape[-2] or not r.shape[-1]:
        rule = "be a square matrix (row: the model that failed)"
        raise ValueError(f"escalation must {rule}, got shape {r.shape}")
    require(r >= 0, "escalation", r, "hold probabilities")
    require(np.abs(r.sum(axis=-1) - 1) < _SUM, "each row of escalation", r.sum(axis=-1), "sum to 1")


def _broadcast(x: dict[str, Array]) -> dict[str, Array]:
    """The members in full shape; N is the size of the escalation matrix."""
    models = x["escalation"].shape[-1]
    axes = {name: {"penalty": 0, "discount": 0, "escalation": 2}.get(name, 1) for name in x}
    try:
        leading = [a.shape[: max(a.ndim - axes[name], 0)] for name, a in x.items()]
        shape = np.broadcast_shapes(*leading)
        full = {name: np.broadcast_to(a, shape + (models,) * axes[name]) for name, a in x.items()}
    except ValueError:
        shapes = {name: a.shape for name, a in x.items()}
        rule = f"broadcast to (..., {models}) (penalty, discount: (...))"
        raise ValueError(f"shapes must {rule}, got {shapes}") from None
    return full
