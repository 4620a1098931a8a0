"""WireView: what comes over the wire, beside the answer that it makes.

What is shown is the recording of the stream (:mod:`streamwidget._core.recording`), read by the parser that reads the
stream.
"""

from __future__ import annotations

from typing import Any

from streamwidget._core.stream import ChatStream
from streamwidget._view.stream_view import StreamView
from streamwidget._view.wire.feed import WireFeed


class WireView(StreamView):
    """Show the bytes of a stream as they come, each event beside the characters that it makes.

    The request and the response's status and headers, each event with its time and its text, where the transport's
    chunks end, each attempt by itself. Pause, step by event, and play it again at any speed.

    Parameters
    ----------
    stream : ChatStream
        Not started, or recorded (:meth:`ChatStream.record`). Started here if an event loop runs.
    layout : ipywidgets.Layout or dict, optional
        As for any widget.

    Attributes
    ----------
    completion : ChatCompletion
        What has arrived so far.

    Raises
    ------
    RuntimeError
        If the stream was started without being recorded.
    ConfigurationError
        If it is a stream of another library, whose bytes are not seen here.

    Examples
    --------
    >>> view = WireView(client.stream("Explain entropy."))  # doctest: +SKIP
    >>> view  # doctest: +SKIP
    >>> completion = await view  # doctest: +SKIP
    """

    _bundle = "wire"
    _feed: WireFeed

    def __init__(self, stream: ChatStream, **widget: Any) -> None:
        super().__init__(stream, **widget)

    def saved(self) -> dict[str, str]:
        """Return what is left of the view in a saved notebook, as a mime bundle."""
        from streamwidget._saved.wire import wire_bundle

        return wire_bundle(self.completion, self._feed.rows, self._stream.timeline)

    def receive(self, content: Any) -> None:
        """Take a message of the page, which may be anything. May run on any thread."""
        match content:
            case {"op": "sync", "have": int(count)} if count >= 0:
                self._note_page(content.get("page"))
                self._stream.call(lambda: self._feed.tell_from(count))
            case {"op": "stop" | "saved" | "left"}:
                super().receive(content)

    def _make_feed(self, stream: ChatStream) -> WireFeed:
        return WireFeed(stream, self._tell, self._ended)
