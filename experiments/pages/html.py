"""Pages for people: templates filled in, each one file in the dress of `page.html`."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from functools import partial
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markupsafe import Markup


def render(
    template: str,
    filters: Mapping[str, Callable[..., Any]],
    contents: Mapping[str, Any],
    room: str | None = None,
) -> str:
    """A template with its contents; what it names and does not get is an error.

    Args:
        template: the name of a file of this folder, or of the room's.
        filters: functions that the template may apply to a value, by name.
        contents: what the template names.
        room: the package that holds the template; those which it extends may be here.
    """
    from jinja2 import ChoiceLoader, Environment, FunctionLoader, StrictUndefined

    folders = dict.fromkeys((room or __package__, __package__))
    page = Environment(
        loader=ChoiceLoader([FunctionLoader(partial(_source, folder)) for folder in folders]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page.filters |= filters
    return page.get_template(template).render(contents)


def _source(package: str, name: str) -> str | None:
    file = resources.files(package).joinpath(name)
    return file.read_text(encoding="utf-8") if file.is_file() else None


def breakable(name: str) -> Markup:
    """A name that may be broken into lines after a dot, before anywhere else."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"\.(?=[^\W\d])", ".<wbr>", str(escape(name))))


def whole(words: str) -> Markup:
    """The same, but an interval, in brackets or after ±, is not broken into lines."""
    from markupsafe import Markup, escape

    return Markup(
        re.sub(r"\([^()]*\)|± \S+", r"<span class=whole>\g<0></span>", str(escape(words)))
    )


def embedded(svg: str) -> str:
    """An SVG as the address of an image inside the page."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
