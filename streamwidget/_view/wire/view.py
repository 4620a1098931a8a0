"""WireView: the bytes that come over the wire, beside the answer that they make.

It shows the stream's recording (:mod:`streamwidget._core.recording`). The same parser reads the recording and the
stream.
"""

from __future__ import annotations

from typing import Any

from streamwidget._core.stream import ChatStream
from streamwidget._saved.budget import Budget
from streamwidget._view.size import set_size
from streamwidget._view.stream_view import StreamView
from streamwidget._view.wire.feed import WireFeed


class WireView(StreamView):
    """Show the bytes of a stream as they come, and beside each event the characters that it makes.

    It shows the request, the response's status and headers, and each event with its time and its text. Marks show where
    a network chunk ended. Each attempt is shown by itself. In the page you can pause, step by event, and play it again
    at any speed.

    Parameters
    ----------
    stream : ChatStream
        Not started, or recorded (:meth:`ChatStream.record`). It is started here if an event loop runs.
    height, max_height : int or str, optional
        The height of the view, in pixels or as a CSS size. The rows and the answer scroll inside it. Default: about
        half of the window.
    layout : ipywidgets.Layout or dict, optional
        As for any widget.

    Attributes
    ----------
    completion : ChatCompletion
        The answer so far.
    state, bundle
        For the page: the first rows, and the name of the JavaScript that shows them. Python code has no use for them.

    Methods
    -------
    stop()
        Stop the stream. The rows stay.
    close()
        Take the view out of the page, and stop the stream.

    Raises
    ------
    RuntimeError
        If the stream was started without being recorded.
    ConfigurationError
        If it is a stream of another library. Its bytes are not seen here.

    Notes
    -----
    ``await view`` waits for the answer and until the last row and the end were sent to the page. It returns the
    ChatCompletion, or raises a StreamError as ``await stream`` does.

    Examples
    --------
    >>> import asyncio
    >>> import streamwidget as sw
    >>> from streamwidget.demo import DemoServer
    >>> async def show_wire(client):
    ...     view = sw.WireView(client.stream("count to 3"))  # in a notebook: display(view)
    ...     return await view
    >>> with DemoServer() as server:
    ...     print(asyncio.run(show_wire(sw.ChatClient(server.url))))
    1
    2
    3
    """

    _bundle = "wire"
    _confirms = False
    _feed: WireFeed

    def __init__(
        self,
        stream: ChatStream,
        *,
        height: int | str | None = None,
        max_height: int | str | None = None,
        **widget: Any,
    ) -> None:
        set_size(widget, height=height, max_height=max_height)
        super().__init__(stream, **widget)

    def _saved_form(self, budget: Budget) -> dict[str, str]:
        """Return what the saved notebook holds in place of the view, as a mimebundle. May run on any thread."""
        from streamwidget._saved.wire import wire_mimebundle

        return wire_mimebundle(self.completion, self._feed.rows, self._stream.timeline, budget)

    def _receive(self, content: Any) -> None:
        """Take a message of the page, which may be anything. May run on any thread."""
        match content:
            case {"op": "sync", "have": int(count)} if count >= 0:
                self._stream.call(lambda: self._feed.send_from(count))
            case {"op": "stop" | "saved"}:
                super()._receive(content)

    def _make_feed(self, stream: ChatStream) -> WireFeed:
        return WireFeed(stream, self._send_to_pages, self._ended)
