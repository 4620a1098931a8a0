"""The built JavaScript, sent to the page once: a shared model holds it, and each answer's widget names that model.

There are six bundles: ``answer``, ``chat``, ``wire`` (the lessons' view of the wire), ``grid`` (the rows of a batch),
``tools`` and ``values``. A first answer need not wait for the tools, such as the colours and buttons of code. The page
loads them for an answer or a chat. ``values`` shows an answer as a table or a tree. It travels with the first one that
is asked for as a value.

An anywidget sends its whole ``_esm`` with each instance, live and in saved state. Here that is a small loader. It takes
the code from the shared model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ipywidgets
import traitlets

STATIC = Path(__file__).parents[1] / "static"
LOADER = (STATIC / "loader.js").read_text(encoding="utf-8")


class Bundle(ipywidgets.Widget):  # type: ignore[misc]  # ipywidgets ships no types
    """A renderer's code and style, as a model without a view."""

    code = traitlets.Unicode(read_only=True).tag(sync=True)
    css = traitlets.Unicode(read_only=True).tag(sync=True)
    tools = traitlets.Unicode(read_only=True).tag(sync=True)  # the bundle with the tools, or empty
    values = traitlets.Unicode(read_only=True).tag(sync=True)  # the bundle that shows values, once one is to be shown

    def __init__(self, name: str) -> None:
        if name in ("answer", "chat"):
            self.set_trait("tools", shared_bundle("tools").model_id)
        self.set_trait("code", (STATIC / f"{name}.js").read_text(encoding="utf-8"))
        self.set_trait("css", (STATIC / f"{name}.css").read_text(encoding="utf-8"))
        super().__init__()

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Do nothing. A page must not change the code of other pages."""


_shared: dict[str, Bundle] = {}


def values_bundle(name: str) -> None:
    """Let the bundle of this name lead the page to the one that shows values."""
    shared_bundle(name).set_trait("values", shared_bundle("values").model_id)


def shared_bundle(name: str = "answer") -> Bundle:
    """Return the kernel's one bundle of this name. It is made again after ``Widget.close_all()`` closed it."""
    if name not in _shared or _shared[name].comm is None:
        _shared[name] = Bundle(name)
    return _shared[name]
