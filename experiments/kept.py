"""Results of finished cells, a JSON file each, so that an experiment that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from routing_game.agents.files import write
from routing_game.experiments import InputError
from routing_game.experiments.records import commit


@dataclass(frozen=True)
class Kept:
    """The finished cells of one job.

    Attributes:
        folder: where they are; None if nothing is kept.
        job: whose results they are: all on which they depend but the cell. Other jobs may share the folder.
    """

    folder: Path | None
    job: str

    def file(self, cell: object) -> Path:
        """The file that holds a cell's result, named by the job and the cell."""
        assert self.folder is not None
        return self.folder / f"{hashlib.sha256(f'{self.job} {cell!r}'.encode()).hexdigest()[:20]}.json"

    def find(self, cells: list[Any]) -> tuple[dict[int, Any], set[str]]:
        """(number of a cell -> its result, commits that made them), of the finished ones among these.

        Raises:
            InputError: at a file that is damaged, naming it and what to do.
        """
        if self.folder is None or not self.folder.is_dir():
            return {}, set()
        facts = {i: _read(self.file(cell)) for i, cell in enumerate(cells) if self.file(cell).exists()}
        return {i: fact["result"] for i, fact in facts.items()}, {str(fact["commit"]) for fact in facts.values()}

    def keep(self, cell: object, result: Any) -> Any:
        """Write a finished cell; the result as it will be read, in JSON's types."""
        text = json.dumps({"job": self.job, "cell": repr(cell), "commit": commit(), "result": result})
        if self.folder is not None:
            self.folder.mkdir(exist_ok=True)
            write(self.file(cell), text)
        return json.loads(text)["result"]


def _read(file: Path) -> dict[str, Any]:
    try:
        facts = json.loads(file.read_text(encoding="utf-8"))
        return {"result": facts["result"], "commit": facts["commit"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file} is damaged ({error}); delete it to have the cell run again") from None
