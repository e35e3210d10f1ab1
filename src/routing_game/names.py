"""Names that somebody may have meant by a word that is none."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from pathlib import Path

MOST = 5
"""Names in a hint: of more, nobody is helped."""
PART = 3
"""Letters of a word that is looked for in the middle of names."""


def alike(word: str, names: Iterable[str], most: int = MOST) -> list[str]:
    """Names that the word may stand for, the likeliest first; capitals do not count.

    First come names that begin with the word, then those that are spelt like it, then those in
    which it is a part.
    """
    known = {name.casefold(): name for name in names if name}
    said = word.strip().casefold()
    if not said or said in known:
        return [known[said]] if said else []
    begun = [name for name in known if name.startswith(said)]
    spelt = get_close_matches(said, known)
    inside = [name for name in known if len(said) >= PART and said in name]
    return [known[name] for name in dict.fromkeys((*begun, *spelt, *inside))][:most]


def perhaps(word: str, names: Iterable[str]) -> str:
    """The same as the end of a complaint: ", perhaps t5-cascade", or nothing."""
    return hinted(alike(word, names))


def hinted(found: list[str]) -> str:
    """Names as the end of a complaint, or nothing."""
    return f", perhaps {' or '.join(found)}" if found else ""


def set_apart(names: Iterable[str]) -> list[str]:
    """Names for a list with commas: in quotes where one holds a comma, to see where it ends."""
    return [f'"{name}"' if "," in name else name for name in names]


def files_like(path: Path, endings: Collection[str]) -> list[str]:
    """Files with such endings beside one that is not there, by their names; none if it is."""
    if os.path.lexists(path):
        return []
    try:
        files = {
            file.name: file for file in path.parent.iterdir() if file.suffix.lower() in endings
        }
    except OSError:
        return []
    return [str(files[name]) for name in alike(path.name, sorted(files))]


def perhaps_file(path: Path, endings: Collection[str]) -> str:
    """The same as the end of a complaint, or nothing."""
    return hinted(files_like(path, endings))
