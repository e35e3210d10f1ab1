"""What environments and engines return, as types."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]

Info = dict[str, Any]

Options = dict[str, Any]
"""Of `reset`; no environment here has any."""

Begun = tuple[Array, Info]
"""Of `reset`: observation and info."""

Step = tuple[Array, float, bool, bool, Info]
"""Of `step`: observation, reward, terminated, truncated, info."""

BatchStep = tuple[Array, Array, Array, Array, Info]
"""The same of an engine, each an array over environments."""
