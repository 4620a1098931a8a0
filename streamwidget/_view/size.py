"""The size of a widget in the page."""

from __future__ import annotations

from typing import Any

from streamwidget._core.exceptions import ConfigurationError


def css_size(name: str, size: Any) -> str | None:
    """Return a size as CSS writes it.

    Raises
    ------
    ConfigurationError
        If it is neither a number above 0 nor a text.

    Examples
    --------
    >>> css_size("height", 300), css_size("height", "50vh"), css_size("height", None)
    ('300px', '50vh', None)
    """
    if size is None or (isinstance(size, str) and size.strip()):
        return size
    if isinstance(size, int | float) and not isinstance(size, bool) and size > 0:
        return f"{size:g}px"
    raise ConfigurationError(f"{name} is a number of pixels or a CSS size such as '50vh', not {size!r}.")
