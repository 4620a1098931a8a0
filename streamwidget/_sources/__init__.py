"""Streams of other clients: any iterable of text, and the streams of the usual SDKs. Each is known by its shape."""

from __future__ import annotations

from typing import Any

from streamwidget._core.stream import ChatStream
from streamwidget._sources.foreign import Foreign
from streamwidget._sources.shapes import check


def as_stream(source: Any) -> ChatStream:
    """Make a ChatStream from any stream of an answer. A ChatStream is returned as it is.

    Nothing is read before the stream starts.

    Raises
    ------
    ConfigurationError
        If it is not a stream: a text, a finished response, None, or a function without its call.

    Examples
    --------
    >>> as_stream(["Three ", "rivers."]).wait().text
    'Three rivers.'
    """
    if isinstance(source, ChatStream):
        return source
    check(source)
    return ChatStream(Foreign(source))
