"""Each figure at 401 x 401: solved, judged, drawn, written. Limit: 2 s after import."""

from __future__ import annotations

from pathlib import Path

import pytest

from routing_game.experiments.paper.maps import FIGURES, write_figure


@pytest.mark.parametrize("name", FIGURES)
def test_draw(benchmark, name: str, tmp_path: Path) -> None:
    benchmark.pedantic(write_figure, args=(name, "A", tmp_path), rounds=3, warmup_rounds=1)
    assert benchmark.stats.stats.median < 2
