"""Pages for people: templates filled in, each one self-contained HTML file in the same dress (`page.html`)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any


def render(template: str, filters: Mapping[str, Callable[..., Any]], contents: Mapping[str, Any]) -> str:
    """A template of this folder with its contents; what it names and does not get is an error."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    folder = resources.files(__package__)
    page = Environment(
        loader=FunctionLoader(lambda name: folder.joinpath(name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page.filters |= filters
    return page.get_template(template).render(contents)


def embedded(svg: str) -> str:
    """An SVG as the address of an image inside the page."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
