"""How long the package keeps a person waiting before it does anything.

Import and `--help`, each in a fresh process. The yardstick is the start of Python itself. Limits:
`import routing_game` 0.2 s, `routing-game --help` 0.5 s.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

COMMANDS = {
    "python alone": (["-c", "pass"], None),
    "import routing_game": (["-c", "import routing_game"], 0.2),
    "routing-game --help": (["-m", "routing_game", "--help"], 0.5),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_start(benchmark, name: str) -> None:
    arguments, limit = COMMANDS[name]
    command = [sys.executable, *arguments]
    benchmark.pedantic(
        subprocess.run, args=(command,), kwargs={"capture_output": True, "check": True}, rounds=10
    )
    if limit is not None:
        assert benchmark.stats.stats.median < limit
