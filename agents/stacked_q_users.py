"""Users who learn values and are greedy in them, many cells at once.

`StackedQUser` has Q(i, s, stay), a table that is read between its knots; leaving is worth 0. It
stays where staying is worth more. It is what `agents.sb3_users.DQNUser` comes to on hats: a table;
and as that one it cannot mix. But it never bootstraps, and needs no network, buffer or target, for
three reasons, each of which can make a user stay where waiting has no end:

- *What it sees is aliased.* (i, s) is the same after M1 and after M2 has failed. The value of going
  on, max(Q, 0), is an average over both, so a user whom M2 keeps waiting takes M1's prospects for
  its own. Here the value of staying is the return from a task's *first* failure to its end (first
  visit Monte-Carlo): what a user gets who sticks to its decision, as a greedy one does.
- *Who explores at every pass never sees the tail.* A random decision now and then ends the wait
  that it should value. Here exploring is for a whole task: it stays to the end, or leaves at once.
- *A robust loss is no mean.* Waiting is mostly worth a little and now and then costs a great deal.
  The Huber loss of DQN (or a clipped gradient) finds what is usual. Here values are plain means.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from routing_game.agents.hats import KNOTS, Places, coordinate, places, read, spread
from routing_game.agents.kept import Table, Whole
from routing_game.agents.plain import Ends, falling
from routing_game.agents.stacked import Array
from routing_game.agents.stacked_users import Cells, Practice
from routing_game.agents.tables import answers, kind_of


class StackedQUser(Practice):
    """Stays or leaves for good, whichever has the greater Q.

    Args:
        cells: what they learn from; the ``rngs`` decide when to explore, and what.
        updates: how often it looks at its values anew.
        explores: the share of tasks in which it stays or leaves at random, first and last.
    """

    def __init__(self, cells: Cells, updates: int = 60, explores: Ends = (1.0, 0.2)) -> None:
        super().__init__(cells, updates)
        self._explores = explores
        shape = len(self._rngs), 2 * KNOTS
        self._seen, self._sum = np.zeros(shape), np.zeros(shape)

    @property
    def value(self) -> Array:
        """Q of staying at the knots, in units of V: (cells, 2 * KNOTS)."""
        return self._sum / np.maximum(self._seen, 1e-9)

    def abandon(self, route: Any, cascade: Any) -> Array:
        """0 or 1, whichever has the greater Q; a row for each cell."""
        return answers(self.value, "value", kind_of(route), cascade)

    def policies(self) -> list[Whole]:
        """What each cell has learnt so far."""
        return [Table.of(row, "value") for row in self.value]

    def _update(self, progress: float) -> None:
        explores = falling(self._explores, progress)
        route, cascade = self._world.offer(self._batch)
        at = _see(route, cascade)
        q = (read(self.value, at) < 0).astype(np.float64)
        chance, coin = self._draw()
        q = np.where(chance < explores, coin < 0.5, q)
        n1, n2, solved = self._world.play(route, cascade, q)
        t1, t2 = self._times
        # the first pass is no decision of the user's
        ahead = t1 * (n1 - (route == 1)) + t2 * (n2 - (route == 2))
        stayed = (n1 + n2 > 1).astype(np.float64)
        self._seen += spread(stayed, at, self._seen)
        self._sum += spread(stayed * (solved - ahead), at, self._sum)

    def _draw(self) -> tuple[Array, Array]:
        uniform = np.stack([rng.random((2, self._batch)) for rng in self._rngs])
        return uniform[:, 0], uniform[:, 1]


def _see(route: Any, cascade: Array) -> Places:
    return places(route - 1, coordinate(cascade), 2)
