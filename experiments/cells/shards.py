"""Shares of a run, for several machines that write into one folder: cells dealt like cards."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from routing_game.experiments import InputError
from routing_game.experiments.cells.spec import Cell, Spec


class Shard(NamedTuple):
    """The k-th of n shares of a run; the first of one is the whole of it."""

    k: int = 1
    n: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """What "k/n" means.

        Raises:
            InputError: it means none.
        """
        found = re.fullmatch("([0-9]{1,6})/([0-9]{1,6})", text.strip())
        if found and 1 <= int(found[1]) <= int(found[2]):
            return cls(int(found[1]), int(found[2]))
        raise InputError(f"expected --shard k/n, such as 1/3, 2/3 and 3/3, got {text!r}")

    def __str__(self) -> str:
        return f"{self.k}/{self.n}"

    def of(self, spec: Spec[Any]) -> frozenset[Cell]:
        """Its cells of a run: every n-th, learner by learner, so that none has all that are dear.

        Each cell is in one shard of n, and which that is depends on the spec alone.
        """
        places = {learner: place for place, learner in enumerate(spec.plans)}
        dealt = sorted(spec.cells(), key=lambda cell: places[cell.learner])
        return frozenset(dealt[self.k - 1 :: self.n])
