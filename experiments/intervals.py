"""Shares and means with their 95 % intervals: as columns of a table, as words, and as points of a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from scipy.special import stdtrit

from routing_game.experiments.figures import Look
from routing_game.experiments.measures import wilson


def share(name: str, happened: Any) -> dict[str, float]:
    """A share with its Wilson interval, as three columns."""
    interval = wilson(int(np.sum(happened)), np.size(happened))
    return dict(zip((name, f"{name}_low", f"{name}_high"), interval, strict=True))


def mean(name: str, values: Any) -> dict[str, float]:
    """A mean with half of its 95 % t interval (nan for a single value), as two columns."""
    n = np.size(values)
    half = stdtrit(n - 1, 0.975) * np.std(values, ddof=1) / np.sqrt(n) if n > 1 else np.nan
    return {name: float(np.mean(values)), f"{name}_half": float(half)}


def plus_minus(row: Mapping[str, Any], name: str, digits: int) -> str:
    """The mean of that name with half of its interval, as 1.35 ± 0.24; a single value has none."""
    value, half = row[name], row[f"{name}_half"]
    return f"{value:.{digits}f}" + ("" if half is None or np.isnan(half) else f" ± {half:.{digits}f}")


def gap(measured: float, exact: float, error: float) -> float:
    """How far the measured lies from the exact, in standard errors; 0 where both are the same for sure."""
    return 0.0 if measured == exact else (measured - exact) / error if error > 0 else np.copysign(np.inf, measured)


def share_error(exact: float, n: int) -> float:
    """The standard error of a share of n whose chance is ``exact``; no less than if one of them decided it."""
    return float(np.sqrt(max(exact * (1 - exact), 1 / n) / n))


def percent(part: float) -> str:
    """A share in percent, as 96.8, 0.05 or 0."""
    value = 100 * part
    return f"{value:.1f}" if value >= 0.1 else f"{value:.2f}" if value > 0 else "0"


def draw(axes: Axes, rows: pl.DataFrame, look: Look, x: str, column: str, label: str = "", unit: float = 1.0) -> None:
    """A column of `share` or `mean` over another, points with their intervals; ``unit`` 100 makes percent."""
    y = rows[column].to_numpy()
    if f"{column}_half" in rows.columns:
        error = np.stack([rows[f"{column}_half"].to_numpy()] * 2)
    else:
        error = np.abs(np.stack([rows[f"{column}_low"].to_numpy(), rows[f"{column}_high"].to_numpy()]) - y)
    axes.errorbar(rows[x], unit * y, unit * error, color=look.colour, marker=look.marker, ls=look.line, ms=4, lw=1.1,
                  elinewidth=0.8, label=label)  # fmt: skip
