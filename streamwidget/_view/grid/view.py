"""GridView: the rows of a batch in the page, while they are answered."""

from __future__ import annotations

from typing import Any

from streamwidget._core.stream import ChatStream
from streamwidget._many.batch import Batch
from streamwidget._saved.budget import Budget
from streamwidget._view.audience import page_of
from streamwidget._view.grid.feed import GridFeed
from streamwidget._view.stream_view import StreamView


class GridView(StreamView):
    """Show a batch: how far it is, the rows in sight, and Stop for one row and for all.

    Parameters
    ----------
    stream : ChatStream
        That of the batch.
    batch : Batch
    layout : ipywidgets.Layout or dict, optional
        As for any widget.
    """

    _bundle = "grid"
    _confirms = False
    _feed: GridFeed

    def __init__(self, stream: ChatStream, batch: Batch, **widget: Any) -> None:
        self._batch = batch
        super().__init__(stream, **widget)

    def _saved_form(self, budget: Budget) -> dict[str, str]:  # noqa: ARG002  (its texts are short)
        """Return what the saved notebook holds in place of the view, as a mimebundle. May run on any thread."""
        from streamwidget._saved.grid import grid_mimebundle

        return grid_mimebundle(self._batch, self.completion)

    def _receive(self, content: Any) -> None:
        """Take a message of the page, which may be anything. May run on any thread."""
        match content:
            case {"op": "sync"} if (page := page_of(content)) is not None:
                first = content.get("first")
                start = first if isinstance(first, int) and first >= 0 else None
                self._stream.call(lambda: self._feed.look(page, start))
            case {"op": "stop_row", "row": int(number)}:
                self._stream.call(lambda: self._batch.stop_row(number))
            case {"op": "stop" | "saved"}:
                super()._receive(content)

    def _make_feed(self, stream: ChatStream) -> GridFeed:
        return GridFeed(self._batch, stream, self._send_to_pages, self._ended)
