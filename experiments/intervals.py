"""Shares, means and interquartile means with their 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtrit
from scipy.stats import bootstrap, trim_mean

if TYPE_CHECKING:
    import polars as pl

Z = float(ndtri(0.975))
"""The normal distribution's quantile of a two-sided 95 % interval."""
HALF = 1.96
"""Half of a 95 % interval of a mean of many, in standard errors."""
FEW = 5
"""Values without which a mean has no interval, here or anywhere: Student's t of fewer, and a
bootstrap of them, say next to nothing.
"""


class Share(NamedTuple):
    """A share of seeds, with its 95 % Wilson interval."""

    share: float
    low: float
    high: float


def wilson(successes: float, n: int) -> Share:
    """The share ``successes / n`` and its 95 % interval (Wilson 1927); all nan for n = 0.

    Successes need not be whole: of games that are played with several seeds, each may count as the
    share of its seeds. Seeds of one game are no independent games, so n is that of the games.
    """
    if n == 0:
        return Share(np.nan, np.nan, np.nan)
    p = successes / n
    z2 = Z**2
    centre = p + z2 / (2 * n)
    spread = Z * np.sqrt(p * (1 - p) / n + z2 / (4 * n**2))
    shrink = 1 + z2 / n
    low = float((centre - spread) / shrink) if successes > 0 else 0.0
    high = float((centre + spread) / shrink) if successes < n else 1.0
    return Share(p, low, high)


def iqm(values: NDArray[np.float64], axis: int | None = None) -> NDArray[np.float64]:
    """Interquartile mean: the mean of the middle half (Agarwal et al. 2021)."""
    return np.asarray(trim_mean(values, 0.25, axis=axis))


def iqm_interval(regret: NDArray[np.float64], resamples: int = 2000) -> tuple[float, float, float]:
    """Interquartile mean of (seeds, games) regrets, and its 95 % bootstrap interval over seeds.

    Resampling takes whole seeds, in every game the same; the random numbers are fixed, so the
    interval is too. It is nan for fewer than `FEW` seeds.
    """
    middle = float(iqm(regret))
    if len(regret) < FEW:
        return middle, np.nan, np.nan
    drawn = bootstrap(
        (np.arange(len(regret)),),
        lambda seeds, axis: iqm(regret[seeds].reshape(*seeds.shape[:-1], -1), axis=-1),
        n_resamples=resamples,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    return middle, float(drawn.confidence_interval.low), float(drawn.confidence_interval.high)


def share(name: str, happened: Any) -> dict[str, float]:
    """A share with its Wilson interval, as three columns."""
    interval = wilson(int(np.sum(happened)), np.size(happened))
    return dict(zip((name, f"{name}_low", f"{name}_high"), interval, strict=True))


def mean(name: str, values: Any) -> dict[str, float]:
    """A mean with half of its 95 % t interval (nan for fewer than `FEW`), as two columns."""
    n = np.size(values)
    spread = np.std(values, ddof=1) if n > 1 else np.nan
    return {name: float(np.mean(values)), f"{name}_half": float(half_width(spread, n))}


def half_width(spread: ArrayLike, n: ArrayLike) -> NDArray[np.float64]:
    """Half of the 95 % t interval of a mean of n values; nan for fewer than `FEW`."""
    n = np.asarray(n)
    quantile = np.where(n >= FEW, stdtrit(np.maximum(n - 1, 1), 0.975), np.nan)
    return np.asarray(quantile * np.asarray(spread) / np.sqrt(n))


def gap(measured: float, exact: float, error: float) -> float:
    """How far the measured lies from the exact, in standard errors; 0 where both are the same."""
    if measured == exact:
        return 0.0
    return (measured - exact) / error if error > 0 else float(np.copysign(np.inf, measured))


def share_error(exact: float, n: int) -> float:
    """The standard error of a share of n whose chance is ``exact``, as if one decided it."""
    return float(np.sqrt(max(exact * (1 - exact), 1 / n) / n))


def means(frame: pl.DataFrame, by: Sequence[str], column: str = "regret") -> pl.DataFrame:
    """Mean over seeds, `n`, and half of the 95 % t interval, `half` (nan for fewer than `FEW`)."""
    import polars as pl  # only tables of the reports need it; workers have none

    table = frame.group_by(by, maintain_order=True).agg(
        pl.col(column).mean().alias("mean"),
        pl.col(column).std().alias("sd"),
        pl.len().alias("n"),
    )
    half = half_width(table["sd"].fill_null(np.nan).to_numpy(), table["n"].to_numpy())
    return table.with_columns(half=pl.Series(half)).drop("sd")
