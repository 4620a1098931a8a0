"""Two streams side by side while they run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ipywidgets import HTML, HBox, Layout, VBox

from streamwidget._core.stream import ChatStream
from streamwidget._view.bundle import shared_bundle
from streamwidget._view.stream_view import StreamView


class Stage:
    """A view of each stream, under its title. Making a stage starts the streams, so it needs a running event loop."""

    def __init__(self, streams: Sequence[ChatStream], titles: Sequence[str]) -> None:
        shared_bundle()  # takes a while the first time
        for stream in streams:  # all at one moment, before any has a view
            stream.start()
        self._views = [StreamView(stream) for stream in streams]
        for view in self._views:
            view._presentation.stays = False  # one that is asked again alone would have no rival
        self._labels = [HTML(f"<strong>{title}</strong>") for title in titles]
        self._columns = [
            VBox([label, view], layout=Layout(flex="1 1 20em", min_width="0"))
            for label, view in zip(self._labels, self._views, strict=True)
        ]
        self.box = HBox(self._columns, layout=Layout(flex_flow="row wrap"))

    def mimebundle(self) -> dict[str, Any]:
        """Return the mime bundle that a notebook shows."""
        bundle: dict[str, Any] = self.box._repr_mimebundle_()
        return bundle

    def close(self) -> None:
        """Remove it from the page, and stop the streams that still run."""
        for widget in (self.box, *self._columns, *self._labels):
            widget.layout.close()
            widget.close()
        for view in self._views:
            view.close()
