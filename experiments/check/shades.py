"""Backgrounds of the report's heat tables: the darker, the worse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from routing_game.experiments.check.judge import WITHIN

FAINT = 0.15
"""How dark a regret just beyond the limit is, of 1."""


def share_shade(share: float) -> str:
    """Background of a cell of the heat tables: dark where failures are many."""
    return mixed(1 - share)


def shade(row: Mapping[str, Any]) -> str:
    """Background of a provider's regret: white within the limit, dark at 100 % or more."""
    limit = WITHIN["provider"]
    if row["last"] <= limit:
        return mixed(0)
    depth = FAINT - (1 - FAINT) * np.log(row["last"] / limit) / np.log(limit)
    return mixed(float(np.clip(depth, 0, 1)))


def mixed(depth: float) -> str:
    """A colour between white, 0, and dark, 1."""
    light, dark = np.array([255, 255, 255]), np.array([223, 148, 90])
    red, green, blue = (light + depth * (dark - light)).astype(int)
    return f"rgb({red},{green},{blue})"
