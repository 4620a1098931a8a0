"""The page's half, sent to the page once: one shared model holds it, and each answer's widget names that model.

An anywidget sends its whole ``_esm`` with each instance, live and in saved state. Here that is a small loader, which
takes the code from the shared model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ipywidgets
import traitlets

_STATIC = Path(__file__).parent / "static"
LOADER = (_STATIC / "loader.js").read_text(encoding="utf-8")


class Bundle(ipywidgets.Widget):  # type: ignore[misc]  # ipywidgets ships no types
    """The renderer's code and style, as a model without a view."""

    code = traitlets.Unicode(read_only=True).tag(sync=True)
    css = traitlets.Unicode(read_only=True).tag(sync=True)

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Nothing: a page must not change the code of other pages."""

    @traitlets.default("code")
    def _read_code(self) -> str:
        return (_STATIC / "widget.js").read_text(encoding="utf-8")

    @traitlets.default("css")
    def _read_css(self) -> str:
        return (_STATIC / "widget.css").read_text(encoding="utf-8")


_shared: list[Bundle] = []


def shared_bundle() -> Bundle:
    """The kernel's one bundle; made anew where ``Widget.close_all()`` closed it."""
    if not _shared or _shared[0].comm is None:
        _shared[:] = [Bundle()]
    return _shared[0]
