"""Files that are written whole or not at all."""

import os
from pathlib import Path


def write(file: Path, content: str | bytes) -> None:
    """Write a file whole or not at all."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_bytes(content.encode() if isinstance(content, str) else content)
    os.replace(draft, file)
