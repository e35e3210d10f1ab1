"""Where `paper.maps` was when the documentation named it."""

from routing_game.experiments.paper.maps import write_figure

__all__ = ["write_figure"]
