"""Finished cells on disk, a JSON file each; and what names and random numbers are made from.

Whatever a cell is, its file is written whole or not at all, so that runs may share a folder and be
stopped at any time; and a file that cannot be read is refused in the same words. Nobody waits for
the disk, which takes longer than many a cell: one that a power cut left empty, or full of zeros, is
run again.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from routing_game.experiments import InputError
from routing_game.files import is_lost, read, write

T = TypeVar("T")

MOST = 1 << 23
"""Bytes of a cell: the longest, of a user's course, have 100 kB."""


def digest(text: str, digits: int = 12) -> str:
    """The first hexadecimal digits of the text's SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:digits]


def seeds(text: str, *numbers: int) -> np.random.SeedSequence:
    """Randomness that depends on this alone, so that no engine, order or worker can change it."""
    words = np.frombuffer(hashlib.sha256(text.encode()).digest(), dtype="<u4")
    return np.random.SeedSequence(0, spawn_key=(*numbers, *words.tolist()))


def tried(folder: Path) -> Path:
    """The folder, made if it is not there; that it takes files is tried by writing one.

    Raises:
        InputError: it cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # other runs may be at work here: it must not look like a cell, nor be another's
        with tempfile.NamedTemporaryFile(prefix=".try.", dir=folder):
            pass
    except OSError as error:
        raise unwritable(folder, error) from None
    return folder


def unwritable(folder: Path, error: OSError) -> InputError:
    """What to say of a folder that takes no files."""
    reason = error.strerror
    if isinstance(error, FileExistsError):
        leads = os.path.exists(error.filename)
        reason = "which is a file" if leads else "which is a link that leads nowhere"
    problem = f"{folder} ({reason})"
    return InputError(f"expected a folder to write to, got {problem}; choose another --out")


@dataclass(frozen=True)
class Store:
    """The finished cells in a folder, which may not be there yet."""

    folder: Path

    def names(self) -> set[str]:
        """The names of its files, without drafts that a killed run left and what lost its power."""
        if not self.folder.is_dir():
            return set()
        files = (file for file in self.folder.iterdir() if not file.name.startswith("."))
        return {file.name for file in files if not is_lost(file)}

    def read(self, name: str, decode: Callable[[bytes], T]) -> T:
        """What a finished cell's file says.

        Raises:
            InputError: the file cannot be read, or is damaged; the message names it and what to do.
        """
        file = self.folder / name
        try:
            return decode(read(file, MOST))
        except OSError as error:
            problem = f"{file} cannot be read ({error.strerror})"
            advice = "it may be whole: see to it that it can, or move it away"
            raise InputError(f"{problem}; {advice} to have the cell run again") from None
        except ValueError as error:
            problem = f"{file} is damaged ({error})"
            raise InputError(f"{problem}; delete it to have the cell run again") from None

    def keep(self, name: str, facts: Any) -> None:
        """Write a finished cell."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write(self.folder / name, json.dumps(facts), lasting=False)
