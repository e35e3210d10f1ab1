"""A trace: what a learner would do if learning stopped now, after more and more practice."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from routing_game.agents.kept import Whole
from routing_game.agents.protocol import ModelUser, Provider, User
from routing_game.agents.stacked import Array, StackedProvider
from routing_game.envs.arguments import proper_commitment
from routing_game.experiments import in_a_line

QUESTIONS = (np.repeat([1, 2], [101, 1]), np.append(np.linspace(0.0, 1.0, 101), 0.0))
"""(route, cascade) of the commitments that a user is asked about: 101 values of s on route 1, and
route 2.
"""

COLUMNS = ("practice", "route", "cascade", "leave_1", "leave_2")
RANGES = {"practice": (1, 1 << 53), "route": (1, 2)}
"""From where to where the whole numbers in a trace go; all others are chances, from 0 to 1."""
NUMBERS = {int, float}


@dataclass(frozen=True)
class Trace:
    """What a learner would do, after more and more practice: rows of equal length, a list a column.

    Practice is counted in what the learner's registry entry says (tasks, decisions or iterations).
    A provider's row is the commitment (route, cascade) it recommends. A user's row is its answer to
    one commitment of a fixed grid: the probability of leaving after a failed pass of model 1 and of
    model 2 (equal for a user who does not see the model). A provider's row has none, and the lists
    are empty, unless the user learned beside it: then they hold that user's answer to the
    commitment.

    Attributes:
        policy: a user's policy at the end, for `--keep-policies`; if it cannot be kept, the reason.
            None for providers, who end with a commitment, and in records of earlier versions.
    """

    practice: list[int]
    route: list[int]
    cascade: list[float]
    leave_1: list[float]
    leave_2: list[float]
    policy: Whole | str | None = None

    @property
    def asked(self) -> bool:
        """Whether it is a user's: its rows are answers to all of the `QUESTIONS` at once."""
        n = len(QUESTIONS[0])
        return len(self.leave_1) >= n and self.practice[0] == self.practice[n - 1]

    def check(self) -> None:
        """Raise ValueError unless every column holds what it should, and there is a row."""
        for name in COLUMNS:
            low, high = RANGES.get(name, (0, 1))
            whole = name in RANGES
            if not _within(getattr(self, name), low, high, whole):
                numbers = "whole numbers" if whole else "numbers"
                rule = f"must be a list of {numbers} from {low} to {high}"
                raise ValueError(f"column {name} {rule}")
        provider, user = (
            {len(self.practice), len(self.route), len(self.cascade)},
            {len(self.leave_1), len(self.leave_2)},
        )
        if len(provider) != 1 or user not in ({0}, provider):
            raise ValueError("columns of different lengths")
        if not self.practice:
            raise ValueError("no rows")


def _within(column: object, low: int, high: int, whole: bool) -> bool:
    """Whether it is a list of numbers in the range; a report asks this of 10^8 of them."""
    if not isinstance(column, list):
        return False
    if not column:
        return True
    kinds = {int} if whole else NUMBERS
    if not {*map(type, column)} <= kinds:
        return False
    # nan has no place in an order, so min and max may miss it, but no sum does
    return low <= min(column) and max(column) <= high and sum(column) < math.inf


NOTHING = Trace([], [], [], [], [])
"""The trace of a cell that failed."""


def provider_trace(
    provider: Provider, progress: Iterable[int], follower: User | None = None
) -> Trace:
    """The commitment recommended at each checkpoint, with the answer of a user who learns, too."""
    trace = Trace([], [], [], [], [])
    for practice in progress:
        route, cascade = proper_commitment(provider.recommend())
        trace.practice.append(practice)
        trace.route.append(route)
        trace.cascade.append(cascade)
        if follower is not None:
            leave = float(follower.abandon(route, cascade))
            trace.leave_1.append(leave)
            trace.leave_2.append(leave)
    return trace


def provider_traces(
    providers: StackedProvider,
    progress: Iterable[int],
    cells: int,
    follower: Callable[..., Array] | None = None,
) -> list[Trace]:
    """The same of many cells that train as one; `Trace.check` finds a commitment that is none.

    Args:
        providers: one for each cell.
        progress: of their training.
        cells: how many.
        follower: (route, cascade) -> the answer q of each cell's user, arrays of shape (cells,).
    """
    traces = [Trace([], [], [], [], []) for _ in range(cells)]
    for practice in progress:
        routes, cascades = providers.recommend()
        leave = None if follower is None else follower(routes, cascades).tolist()
        for k, trace in enumerate(traces):
            trace.practice.append(practice)
            trace.route.append(routes[k].item())
            trace.cascade.append(cascades[k].item())
            if leave is not None:
                trace.leave_1.append(leave[k])
                trace.leave_2.append(leave[k])
    return traces


def user_trace(user: User | ModelUser, progress: Iterable[int]) -> Trace:
    """A user's answer to each of the `QUESTIONS` at each checkpoint."""

    def answers(route: Array, cascade: Array) -> tuple[Array, Array]:
        if isinstance(user, ModelUser):
            after_1, after_2 = (user.abandon_after(route, cascade, model) for model in (1, 2))
        else:
            after_1 = after_2 = user.abandon(route, cascade)
        return np.asarray(after_1)[None], np.asarray(after_2)[None]

    (trace,) = user_traces(answers, progress, 1)
    return trace


def user_traces(
    answers: Callable[..., tuple[Array, Array]], progress: Iterable[int], cells: int
) -> list[Trace]:
    """The same of many cells that train as one.

    Args:
        answers: (route, cascade), each of shape (n,) -> the chances of leaving after a failed pass
            of model 1 and of model 2, each of shape (cells, n); equal for users who do not see the
            model.
        progress: of their training.
        cells: how many.
    """
    traces = [Trace([], [], [], [], []) for _ in range(cells)]
    route, cascade = QUESTIONS
    for practice in progress:
        leave_1, leave_2 = (np.asarray(leave, dtype=float) for leave in answers(route, cascade))
        for k, trace in enumerate(traces):
            trace.practice.extend([practice] * len(route))
            trace.route.extend(route.tolist())
            trace.cascade.extend(cascade.tolist())
            trace.leave_1.extend(leave_1[k].tolist())
            trace.leave_2.extend(leave_2[k].tolist())
    return traces


def with_policies(traces: list[Trace], policies: Callable[[], Sequence[Whole]]) -> list[Trace]:
    """The traces of users with their policies; what goes wrong with these costs no trace.

    Args:
        traces: of users whose training has ended.
        policies: makes one for each.
    """
    try:
        made = policies()
        return [replace(trace, policy=one) for trace, one in zip(traces, made, strict=True)]
    except Exception as problem:
        return [replace(trace, policy=in_a_line(problem)) for trace in traces]
