"""Rates measured in turns in one process, so that noise hits all alike; numpy beside compiled.

What `compare` prints is a table of rates and of their ratios to a yardstick, which are what can be
compared between machines. It also goes into the JSON of pytest-benchmark, from which
`docs/results/performance.py` fills the tables of docs/performance.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from routing_game.theory.engines import installed

ENGINES = ("numpy", "compiled") if installed() else ("numpy",)
Work = dict[tuple[str, str], Callable[[], int]]
"""(row, engine) -> what does a number of things and says how many; the engine may be ""."""


def rates(work: Work, rounds: int) -> dict[tuple[str, str], float]:
    """Things done per second of the processor's time, in the best of rounds of turns.

    The best, and not the clock's time, because what else the machine does only ever takes away.
    """
    seen: dict[tuple[str, str], list[float]] = {name: [] for name in work}
    for run in work.values():
        run()  # compiles, and fills the caches
    for _ in range(rounds):
        for name, run in work.items():
            start = time.thread_time()
            done = run()
            seen[name].append(done / (time.thread_time() - start))
    return {name: float(np.max(x)) for name, x in seen.items()}


def digits(x: float, count: int = 3) -> float:
    """The number to so many significant digits: what is printed is what is stored."""
    return float(f"{x:.{count}g}")


@pytest.fixture
def engines() -> tuple[str, ...]:
    """The engines that are there."""
    return ENGINES


@pytest.fixture
def compare(benchmark: Any) -> Callable[..., None]:
    """Measures work in turns, prints and records a table.

    Args:
        table: its name on the page.
        work: as `Work`.
        yardstick: a row; ratios are to it, or, without one, of compiled to numpy alone.
        wanted: row -> the ratio that the project set itself.
        guarded: row -> what compiled code has to gain over numpy at the least: a loop that does not
            run on vectors any more falls short of it, and nothing else would tell.
        rounds: how many turns.
    """

    def run(
        table: str,
        work: Work,
        yardstick: str | None = None,
        wanted: dict[str, float] | None = None,
        guarded: dict[str, float] | None = None,
        rounds: int = 15,
    ) -> None:
        rate = benchmark.pedantic(rates, args=(work, rounds), rounds=1)
        base = next((x for (row, _), x in rate.items() if row == yardstick), None)
        rows: dict[str, dict[str, float]] = {}
        for (row, engine), x in rate.items():
            told = rows.setdefault(row, {})
            told[engine or "numpy"] = digits(x)
            if base:
                told[f"{engine or 'numpy'} ratio"] = digits(x / base)
            if engine == "compiled":
                told["gain"] = digits(x / rate[row, "numpy"])
            if wanted and row in wanted:
                told["wanted"] = wanted[row]
        benchmark.extra_info.update(table=table, rows=rows, yardstick=yardstick)
        show(rows, yardstick)
        slow = {
            row: rows[row]["gain"]
            for row, least in (guarded or {}).items()
            if rows[row].get("gain", least) < least
        }
        assert not slow, f"compiled code gains less than {guarded}: {slow}"

    return run


def show(rows: dict[str, dict[str, float]], yardstick: str | None) -> None:
    names = list(dict.fromkeys(name for told in rows.values() for name in told))
    print(f"\n{f'per second; ratios to {yardstick}' if yardstick else 'per second':60}", end="")
    print("".join(f"{name:>16}" for name in names))
    for row, told in rows.items():
        cells = (
            f"{told[name]:,.4g}"
            if told.get(name, 1e9) < 1e3
            else f"{told[name]:,.0f}"
            if name in told
            else ""
            for name in names
        )
        print(f"{row:60}" + "".join(f"{cell:>16}" for cell in cells))
