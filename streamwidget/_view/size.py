"""The size of a widget in the page. It is in the widget's Layout, as for any widget."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ipywidgets import Layout

from streamwidget._core.exceptions import ConfigurationError

#: ``50vh``, ``auto`` and ``calc(100% - 2em)``. The page would ignore anything else without a word: ``10 px``.
_SIZE = re.compile(
    r"(?:\d+\.?\d*|\.\d+)(?:[a-z]+|%)|[a-z-]+|(?:calc|min|max|clamp|fit-content)\([^;{}]*\)", re.IGNORECASE
)


def css_size(name: str, size: Any) -> str | None:
    """Return a size as CSS writes it.

    Raises
    ------
    ConfigurationError
        If it is neither a number above 0 nor a CSS size.

    Examples
    --------
    >>> css_size("height", 300), css_size("height", "50vh"), css_size("height", None)
    ('300px', '50vh', None)
    """
    if size is None or (isinstance(size, str) and _SIZE.fullmatch(size)):
        return size
    if isinstance(size, int | float) and not isinstance(size, bool) and size > 0:
        return f"{size:g}px"
    raise ConfigurationError(f"{name} is a number of pixels or a CSS size such as '50vh', not {size!r}.")


def set_size(widget: dict[str, Any], **sizes: Any) -> None:
    """Add sizes to the layout among the arguments of a widget.

    Raises
    ------
    ConfigurationError
        If one of them is not a size.

    Examples
    --------
    >>> arguments = {"layout": {"width": "50%"}}
    >>> set_size(arguments, height=300, max_height=None)
    >>> arguments["layout"].width, arguments["layout"].height
    ('50%', '300px')
    """
    given = {name: css_size(name, size) for name, size in sizes.items() if size is not None}
    if not given:
        return
    layout = widget.get("layout") or {}
    layout = Layout(**layout) if isinstance(layout, Mapping) else layout
    for name, size in given.items():
        setattr(layout, name, size)
    widget["layout"] = layout
