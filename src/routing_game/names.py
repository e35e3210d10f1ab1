"""Names that somebody may have meant by a word that is none."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

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
    found = alike(word, names)
    return f", perhaps {' or '.join(found)}" if found else ""
