"""Two streams side by side, live."""

from __future__ import annotations

from typing import Any

from ipywidgets import HTML, HBox, Layout, VBox

from streamwidget._core.stream import ChatStream
from streamwidget._view.bundle import shared_bundle
from streamwidget._view.stream_view import StreamView
from streamwidget.teaching._race import TITLES


class Stage:
    """The views of both runners of a race. Making it starts them, so an event loop must run."""

    def __init__(self, streamed: ChatStream, whole: ChatStream) -> None:
        shared_bundle()  # takes a while the first time
        streamed.start()  # at one moment, before either has a view
        whole.start()
        self._views = [StreamView(stream) for stream in (streamed, whole)]
        for view in self._views:
            view.kept = False  # asked again alone, one would run against nobody
        self._labels = [HTML(f"<strong>{title}</strong>") for title in TITLES]
        half = [
            VBox([label, view], layout=Layout(flex="1 1 20em", min_width="0"))
            for label, view in zip(self._labels, self._views, strict=True)
        ]
        self._halves = half
        self.box = HBox(half, layout=Layout(flex_flow="row wrap"))

    def mimebundle(self) -> dict[str, Any]:
        """What a notebook shows of it."""
        bundle: dict[str, Any] = self.box._repr_mimebundle_()
        return bundle

    def close(self) -> None:
        """Take it out of the page; what still runs is stopped."""
        for widget in (self.box, *self._halves, *self._labels):
            widget.layout.close()
            widget.close()
        for view in self._views:
            view.close()
