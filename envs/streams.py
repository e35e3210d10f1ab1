"""Uniform numbers for many environments, each from a stream of its own.

The numbers of environment k depend on the seed and on k alone. So its trajectory is the same in a
batch of 10 as in one of 10 000, and environment 0 plays as the single environment does. A generator
for each environment would be slow: environments share generators in blocks {0}, {1}, {2, 3}, {4,
..., 7}, and so on, doubling up to `WIDEST`, each block a child of the seed. A block that is only
half in the batch is drawn whole, so at most half of the numbers are wasted, and none when the size
is a power of two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

WIDEST = 4096
"""Environments in the largest blocks."""

AHEAD = 2**16
"""Numbers per draw made ahead: enough to hide the calls, few enough to stay in the cache."""

WIDE = 1024
"""Environments in a block from which on its numbers are drawn in place."""

MOST_ROWS = 512
"""Steps made ahead at most."""


class Ahead:
    """Of an environment that makes its numbers ahead: another generator ends those of the last.

    So ``env.np_random = generator`` is in effect from the next `reset` on, as a seed is.
    """

    def forget(self) -> None:
        """Drop the numbers that are made already."""
        raise NotImplementedError

    @property
    def np_random(self) -> np.random.Generator:
        """The generator that all randomness comes from."""
        generator: np.random.Generator = super().np_random  # type: ignore[misc]
        return generator

    @np_random.setter
    def np_random(self, generator: np.random.Generator) -> None:
        super(Ahead, type(self)).np_random.fset(self, generator)  # type: ignore[misc]
        self.forget()


class Streams:
    """Rows of uniform numbers in [0, 1), one row for each step.

    Args:
        rng: seeds the streams; drawn from once.
        num_envs: width of a row.
        draws: how many numbers each environment takes in one step.
        prepare: applied to the numbers as they are made, many steps at a time; (draws, steps,
            num_envs) in and out.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        num_envs: int,
        draws: int,
        prepare: Callable[[Array], Array] = np.asarray,
    ) -> None:
        seed = rng.integers(2**32, size=4).tolist()
        self._blocks = [(part, _child(seed, j)) for j, part in enumerate(_blocks(num_envs))]
        rows = max(1, min(MOST_ROWS, AHEAD // num_envs))
        self._numbers = np.empty((draws, rows, num_envs))
        # room for a block, kept: new room of this size costs more than the numbers
        narrow = [
            part.stop - part.start
            for part, _ in self._blocks
            if not WIDE <= part.stop - part.start <= num_envs - part.start
        ]
        self._drawn = np.empty(rows * draws * max(narrow, default=0))
        self._prepare = prepare
        self._rows: list[Array] = []

    def row(self) -> Array:
        """The numbers of the next step, (draws, num_envs); good until the next call."""
        if not self._rows:
            last_first = self._ahead().swapaxes(0, 1)[::-1]
            self._rows = list(last_first)
        return self._rows.pop()

    def put_back(self, row: Array) -> None:
        """Give the row that was taken last once more."""
        self._rows.append(row)

    def scalars(self) -> list[tuple[float, ...]]:
        """The numbers of environment 0 for many steps, the last first: take them by ``pop()``."""
        last_first = self._ahead()[:, ::-1, 0]
        return list(zip(*last_first.tolist(), strict=True))

    def _ahead(self) -> Array:
        """The numbers of the next steps, as many as are made at once: (draws, steps, num_envs)."""
        draws, rows, num_envs = self._numbers.shape
        for part, generator in self._blocks:
            width, room = part.stop - part.start, num_envs - part.start
            if WIDE <= width <= room:
                for k in range(rows):
                    for d in range(draws):
                        generator.random(out=self._numbers[d, k, part])
            else:
                drawn = self._drawn[: rows * draws * width]
                generator.random(out=drawn)
                steps = drawn.reshape(rows, draws, width)[:, :, :room]
                self._numbers[:, :, part] = steps.swapaxes(0, 1)
        return self._prepare(self._numbers)


def _child(seed: list[int], j: int) -> np.random.Generator:
    """The generator of block j."""
    sequence = np.random.SeedSequence(seed, spawn_key=(j,))
    return np.random.Generator(np.random.PCG64DXSM(sequence))


def _blocks(num_envs: int) -> Iterator[slice]:
    """Blocks {0}, {1}, {2, 3}, {4, ..., 7}, ... until all environments are in one."""
    start, stop = 0, 1
    while start < num_envs:
        yield slice(start, stop)
        start, stop = stop, stop + min(stop, WIDEST)
