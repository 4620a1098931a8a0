"""Several streams beside each other while they run, each in a view of its own. In a narrow page they are stacked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ipywidgets import HTML, HBox, Layout, VBox

from streamwidget._core.stream import ChatStream
from streamwidget._saved.html import escape_text
from streamwidget._view.output import widget_bundle
from streamwidget._view.stream_view import StreamView


class SideBySideView:
    """A row of views, each under its title.

    Parameters
    ----------
    streams : sequence of ChatStream
        They are started here if an event loop runs.
    titles : sequence of str
        One for each stream.
    max_height : int
        Of each answer, in CSS pixels. A longer one scrolls.
    """

    def __init__(self, streams: Sequence[ChatStream], titles: Sequence[str], max_height: int) -> None:
        self._views = [StreamView(stream, max_height=max_height, layout=None) for stream in streams]
        for view in self._views:
            view._presentation.stays = False  # one that is asked again alone would have no rival
            view._presentation.end_in_turn = False
        self._titles = [HTML(f"<strong>{escape_text(title)}</strong>") for title in titles]
        self._columns = [
            VBox(parts, layout=Layout(flex="1 1 240px", min_width="0"))
            for parts in zip(self._titles, self._views, strict=True)
        ]
        self._row = HBox(self._columns, layout=Layout(flex_flow="row wrap", grid_gap="1em"))

    def mimebundle(self) -> dict[str, Any]:
        """Return the mimebundle that a notebook shows."""
        return widget_bundle(self._row)

    def close(self) -> None:
        """Remove it from the page, and stop the streams that still run."""
        for widget in (self._row, *self._columns, *self._titles):
            widget.layout.close()
            widget.close()
        for view in self._views:
            view.close()
