"""Results of finished cells, a JSON file each, so that an experiment that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from routing_game.experiments import InputError
from routing_game.experiments.cells.origin import code
from routing_game.files import write


@dataclass(frozen=True)
class Kept:
    """The finished cells of one job.

    Attributes:
        folder: where they are; None if nothing is kept.
        job: whose results they are: all on which they depend but the cell and the code. Others may share the folder.
    """

    folder: Path | None
    job: str

    def file(self, cell: object) -> Path:
        """The file that holds a cell's result, named by the code, the job and the cell: other code begins anew."""
        assert self.folder is not None
        key = f"{code()} {self.job} {cell!r}"
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()[:20]}.json"

    def find(self, cells: list[Any]) -> dict[int, Any]:
        """Number of a cell -> its result, of the finished ones among these.

        Raises:
            InputError: at a file that is damaged, naming it and what to do.
        """
        if self.folder is None or not self.folder.is_dir():
            return {}
        return {i: _read(self.file(cell)) for i, cell in enumerate(cells) if self.file(cell).exists()}

    def keep(self, cell: object, result: Any) -> Any:
        """Write a finished cell; the result as it will be read, in JSON's types."""
        text = json.dumps({"job": self.job, "cell": repr(cell), "result": result})
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            write(self.file(cell), text)
        return json.loads(text)["result"]


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))["result"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file} is damaged ({error}); delete it to have the cell run again") from None


def folder(path: Path) -> Path:
    """The folder, made and tried by writing.

    Raises:
        InputError: it cannot be written to.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        write(path / "try.json", "")
        (path / "try.json").unlink()
    except OSError as error:
        problem = f"{path} ({error.strerror})"
        raise InputError(f"expected a folder to write to, got {problem}; choose another --out") from None
    return path
