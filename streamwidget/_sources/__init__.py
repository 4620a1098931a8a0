"""Streams of other libraries: any iterable of text, and the streams of the usual SDKs. Their shape tells them apart."""

from __future__ import annotations

from typing import Any

from streamwidget._core.stream import ChatStream
from streamwidget._sources.foreign import Foreign
from streamwidget._sources.shapes import check


def as_stream(source: Any) -> ChatStream:
    """Make a ChatStream of anything that streams an answer. A ChatStream is returned unchanged.

    The source is not read before the stream starts.

    Raises
    ------
    ConfigurationError
        If it is not a stream: a text, a finished response, None, or a function instead of its result.

    Examples
    --------
    >>> as_stream(iter(["Hel", "lo"])).wait().text
    'Hello'
    """
    if isinstance(source, ChatStream):
        return source
    check(source)
    return ChatStream(Foreign(source))
