"""How the parts of a drawn figure lie, for tests of pictures."""

import itertools

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def assert_parts_keep_clear(drawn: Figure) -> None:
    """Panels, legends and lines of text overlap neither each other nor the edge."""
    drawn.draw_without_rendering()
    renderer = FigureCanvasAgg(drawn).get_renderer()
    parts = [*drawn.axes, *drawn.legends, *drawn.texts]
    boxes = [part.get_tightbbox(renderer) for part in parts]
    pairs = itertools.combinations(zip(parts, boxes, strict=True), 2)
    assert not [(a, b) for (a, one), (b, other) in pairs if one.padded(-1).overlaps(other)]
    assert all(drawn.bbox.contains(*corner) for box in boxes for corner in box.corners())
