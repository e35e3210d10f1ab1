"""Results kept in files: each says what it is the result of, and is believed only then.

A file holds the question it answers, word for word, the result, and a digest of both. Another
cell's file under this one's name, a number that was changed, lost or made null, or one cut short is
no result: it is refused, never mended.
"""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec

from routing_game.experiments.cells.store import digest
from routing_game.files import decoded

Of = dict[str, Any]
"""All that a result depends on, in JSON's types."""
ODD = "not finite"
"""JSON has no nan and no infinity: as {ODD: "nan"} they come back."""


class KeptFile(msgspec.Struct, forbid_unknown_fields=True):
    """What a kept cell's file holds."""

    of: msgspec.Raw
    result: msgspec.Raw
    digest: str


def facts_of(of: Of, result: Any) -> dict[str, Any]:
    """What is kept of a result, for `Store.keep`."""
    plain = _plain(result)
    return {"of": of, "result": plain, "digest": _seal(json.dumps(of), json.dumps(plain))}


def result_of(of: Of, content: bytes) -> Any:
    """The result that a kept file's content holds, if it is that of what is asked.

    Raises:
        ValueError: it is another's, or not what was written.
    """
    kept = decoded(content, KeptFile)
    if decoded(bytes(kept.of), dict[str, Any]) != of:
        raise ValueError("it holds the result of another cell")
    if kept.digest != _seal(bytes(kept.of).decode(), bytes(kept.result).decode()):
        raise ValueError("it is not as it was written")
    return _back(decoded(bytes(kept.result), Any))


def as_kept(result: Any) -> Any:
    """A result in JSON's types, as it would come back from a file."""
    return _back(json.loads(json.dumps(_plain(result))))


def _seal(of: str, result: str) -> str:
    return digest(f"{of} {result}", 20)


def _plain(x: Any) -> Any:
    if isinstance(x, dict):
        return {name: _plain(part) for name, part in x.items()}
    if isinstance(x, (list, tuple)):
        return [_plain(part) for part in x]
    if isinstance(x, float) and not math.isfinite(x):
        return {ODD: str(float(x))}
    return x


def _back(x: Any) -> Any:
    if isinstance(x, list):
        return [_back(part) for part in x]
    if not isinstance(x, dict):
        return x
    if x.keys() == {ODD}:
        return float(x[ODD])
    return {name: _back(part) for name, part in x.items()}
