"""Streams that are not ours: any iterable of text, and what the usual SDKs return, each known by its shape alone."""

from __future__ import annotations

from typing import Any

from streamwidget._core.stream import ChatStream
from streamwidget._sources.foreign import Foreign
from streamwidget._sources.shapes import check


def as_stream(source: Any) -> ChatStream:
    """Make a ChatStream of anything that streams an answer; one that is a ChatStream already is returned.

    Nothing is read before the stream is started.

    Raises
    ------
    ConfigurationError
        If it is no stream: a text, a finished response, None, a function that was not called.
    """
    if isinstance(source, ChatStream):
        return source
    check(source)
    return ChatStream(Foreign(source))
