"""The records of a run, for tests that compare runs."""

import json
from pathlib import Path
from typing import Any

UNEQUAL = dict.fromkeys(("seconds", "commit"))
"""What equal runs need not share: the commit changes when somebody edits a file between them."""


def facts(out: Path) -> dict[str, dict[str, Any]]:
    """File -> what a finished cell holds, without what equal runs need not share.

    Whoever was killed may have left a draft, which is no cell.
    """
    files = (out / "cells").glob("[!.]*.json")
    return {file.name: json.loads(file.read_text()) | UNEQUAL for file in files}
