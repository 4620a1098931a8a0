"""Two streams side by side while they run, under a picture that follows them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from ipywidgets import HTML, HBox, Layout, VBox

from streamwidget._core.stream import ChatStream
from streamwidget._view.bundle import shared_bundle
from streamwidget._view.output import widget_bundle
from streamwidget._view.stream_view import StreamView

_FRAME = 0.2  # seconds between two pictures


class Stage:
    """A view of each stream, under its title. Making a stage starts the streams, so it needs a running event loop.

    Parameters
    ----------
    streams : sequence of ChatStream
        Before their start.
    titles : sequence of str
        One for each stream.
    height : int
        The height of the columns in CSS pixels. It never changes, and a longer answer scrolls.
    draw : callable
        Returns the picture of this moment, as SVG.
    """

    def __init__(
        self, streams: Sequence[ChatStream], titles: Sequence[str], height: int, draw: Callable[[], str]
    ) -> None:
        shared_bundle()  # takes a while the first time
        for stream in streams:  # all at one moment, before any has a view
            stream.start()
        self._draw = draw
        self._picture = picture_place(draw())
        self._views = [StreamView(stream) for stream in streams]
        for view in self._views:
            view._presentation.stays = False  # one that is asked again alone would have no rival
        self._labels = [HTML(f"<strong>{title}</strong>") for title in titles]
        self._columns = [column(height, label, view) for label, view in zip(self._labels, self._views, strict=True)]
        self._row = row(self._columns)
        self.box = VBox([self._picture, self._row])
        self._clock = asyncio.ensure_future(self._tick())

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_FRAME)
            self._picture.value = self._draw()

    def mimebundle(self) -> dict[str, Any]:
        """Return the mime bundle that a notebook shows."""
        return widget_bundle(self.box)

    def close(self) -> None:
        """Remove it from the page, and stop the streams that still run."""
        self._clock.cancel()
        for widget in (self.box, self._picture, self._row, *self._columns, *self._labels):
            widget.layout.close()
            widget.close()
        for view in self._views:
            view.close()


def picture_place(svg: str) -> HTML:
    """Return a picture as a widget of the whole width."""
    return HTML(svg, layout=Layout(width="auto", margin="0"))


def column(height: int, *children: Any) -> VBox:
    """Return a column that keeps its height, whatever is in it."""
    return VBox(children, layout=Layout(flex="1 1 20em", min_width="0", height=f"{height}px", overflow="auto"))


def row(columns: Sequence[VBox]) -> HBox:
    """Return columns side by side, or below each other in a narrow page."""
    return HBox(columns, layout=Layout(flex_flow="row wrap", grid_gap="1em"))
