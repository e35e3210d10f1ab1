"""What commands say beside their results."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import Any

from routing_game.files import printable, short


def complain(words: str) -> None:
    """Say it on stderr in one line that is safe to show, if anybody is there to hear it."""
    with suppress(OSError):
        print(f"routing-game: {short(printable(words), 2000)}", file=sys.stderr, flush=True)


def print_json(facts: Any) -> None:
    """One object, for programs: its numbers have all their digits, and null is none."""
    print(json.dumps(facts, indent=1, allow_nan=False))
